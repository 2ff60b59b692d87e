/*
 * fetch/sending.c
 *		One step from permission to answer: limits, token, request, verdict.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth/token_store.h"
#include "base/settings.h"
#include "decode/error_body.h"
#include "fetch/cursor_private.h"
#include "fetch/problem.h"
#include "fetch/window_facts.h"

/* Attempts at one request, and the longest pause between two. */
#define MAX_ATTEMPTS 4
#define BACKOFF_BASE_US INT64CONST(500000)
#define BACKOFF_CAP_US INT64CONST(20000000)

/* Windows halved before any answer came. */
#define MAX_BLIND_HALVINGS 3

/* How often to look whether a call of this process gave its slot back. */
#define OWN_CALLS_POLL_US INT64CONST(100000)

/*
 * How often a scan below an Append looks whether a slot was given back: that
 * sets the process's latch, but an Append hears nothing but descriptors.  No
 * longer than a slot rests after a call, so that it does not lie idle; well
 * within the time after which a scan that does not take its turn is passed by.
 */
#define ASYNC_SLOT_POLL_US INT64CONST(20000)

/*
 * Failures without an answer between them that wide windows may be to blame
 * for: enough to get from a year to a day, and too few to trouble an API that
 * is merely ill.
 */
#define MAX_OVERSIZED 24

/* How often a request may meet a 429 before that is an error. */
#define MAX_LIMITED 10

/* First pause before looking for a token again, and the longest. */
#define TOKEN_POLL_US INT64CONST(10000)
#define TOKEN_POLL_MAX_US INT64CONST(100000)

void
wfm_step_stop(WfmStep *step)
{
	if (step->permit != NULL)
		wfm_permit_drop(step->permit, step->transfer != NULL);
	step->permit = NULL;
	wfm_transfer_free(step->transfer);
	step->transfer = NULL;
}

const char *
wfm_step_tenant(const WfmCursor *cursor, const WfmStep *step)
{
	return cursor->tenants[step->tenant];
}

/* ---------- sending ---------- */

/* Copy the access token; false if it is to be asked for again later. */
static bool
take_token(WfmCursor *cursor, int tenant, WfmAccessToken *token)
{
	const WfmConnection *connection = cursor->spec->connection;

	if (cursor->may_block)
	{
		if (!wfm_token_try(connection, token))
		{
			int64		start = wfm_monotonic_us();

			wfm_cursor_tell(cursor, true);
			wfm_token_get(connection, token);
			cursor->stats.token_us += wfm_monotonic_us() - start;
		}
	}
	else if (!wfm_token_try(connection, token))
	{
		cursor->token_poll_us = Max(cursor->token_poll_us, TOKEN_POLL_US);
		wfm_cursor_alarm_at(cursor, wfm_monotonic_us() + cursor->token_poll_us);
		cursor->token_poll_us = Min(cursor->token_poll_us * 2,
									TOKEN_POLL_MAX_US);
		return false;
	}
	cursor->token_poll_us = 0;

	if (cursor->tenants[tenant] == NULL)
	{
		if (token->tenant_id[0] == '\0')
			wfm_token_require_tenant(connection, token);
		cursor->tenants[tenant] = MemoryContextStrdup(cursor->context,
													  token->tenant_id);
	}
	return true;
}

/* Send the step's request with this token. */
static void
send_request(WfmCursor *cursor, WfmStep *step, const WfmAccessToken *token)
{
	const WfmDialect *dialect = cursor->spec->connection->dialect;
	char	   *bearer = psprintf("Authorization: Bearer %s", token->token);
	char	   *tenant = psprintf("%s: %s", dialect->tenant_header,
								  wfm_step_tenant(cursor, step));
	const char *headers[4];
	WfmHttpRequest request = {0};

	headers[0] = bearer;
	headers[1] = tenant;
	headers[2] = cursor->spec->format == WFM_FORMAT_XML ?
		"Accept: application/xml, text/xml" : "Accept: application/json";
	headers[3] = dialect->json_header;
	request.method = WFM_HTTP_GET;
	request.url = step->url;
	request.headers = headers;
	request.nheaders = cursor->spec->format != dialect->format ? 4 : 3;

	step->token_generation = token->generation;
	step->transfer = wfm_transfer_start(cursor->channel, &request);
	step->state = WFM_STEP_RUNNING;
	step->reported = false;
	cursor->stats.calls++;

	explicit_bzero(bearer, strlen(bearer));
	pfree(bearer);
	pfree(tenant);
}

/* Tell the user about a long wait for a limit, once. */
static void
notice_wait(WfmCursor *cursor, WfmStep *step, const WfmPermitStatus *status)
{
	int64		due_us = step->waits_since_us + (int64) wfm_wait_notice_ms * 1000;

	if (step->noticed || wfm_wait_notice_ms < 0 || step->waits_since_us == 0)
		return;
	if (wfm_monotonic_us() < due_us)
	{
		wfm_cursor_alarm_at(cursor, due_us);
		return;
	}
	step->noticed = true;
	ereport(NOTICE,
			(errmsg("waiting because of the limits of connection \"%s\": %s",
					cursor->spec->connection->name,
					wfm_permit_reason_name(status->reason)),
			 status->available_at == 0 ? 0 :
			 errdetail("The next call is possible at %s.",
					   timestamptz_to_str(status->available_at))));
}

/*
 * Bring a step that waits for permission as far as it can go.  True when its
 * request was sent.
 */
static bool
try_to_send(WfmCursor *cursor, WfmStep *step)
{
	bool		is_first = &step->node == dlist_head_node(&cursor->steps);
	WfmPermitStatus status;
	WfmAccessToken token;

	if (step->permit == NULL)
	{
		/* the tenant has to be known, which the token may tell */
		if (wfm_step_tenant(cursor, step) == NULL)
		{
			if (!take_token(cursor, step->tenant, &token))
				return false;
			wfm_token_forget(&token);
		}
		step->permit = wfm_permit_request(cursor->spec->connection->client_id,
										  wfm_step_tenant(cursor, step),
										  &cursor->spec->connection->limits,
										  cursor->context);
		step->waits_since_us = 0;
		step->state = WFM_STEP_PERMIT;
	}
	/* what is asked for ahead keeps nobody waiting */
	if (is_first && step->waits_since_us == 0)
		step->waits_since_us = wfm_monotonic_us();

	status = wfm_permit_poll(step->permit, step->waits_since_us);
	if (status.state == WFM_PERMIT_WAITING || status.own_calls)
	{
		wfm_cursor_serve_others(cursor);
		status = wfm_permit_poll(step->permit, step->waits_since_us);
	}
	if (status.own_calls)
	{
		status.state = WFM_PERMIT_WAITING;
		status.retry_at_us = wfm_monotonic_us() + OWN_CALLS_POLL_US;
	}
	step->waits_for = status.reason;
	step->waits_until = status.available_at;
	if (status.state == WFM_PERMIT_WAITING)
	{
		notice_wait(cursor, step, &status);
		wfm_cursor_alarm_at(cursor, status.retry_at_us);
		if (!cursor->may_block && status.available_at == 0)
			wfm_cursor_alarm_at(cursor, wfm_monotonic_us() + ASYNC_SLOT_POLL_US);
		return false;
	}
	if (status.state == WFM_PERMIT_REFUSED)
	{
		wfm_permit_drop(step->permit, false);
		step->permit = NULL;
		/* until it is its turn that may have changed */
		if (!is_first)
		{
			step->state = WFM_STEP_NEW;
			return false;
		}
		/* what the API did says more than that it is left alone for it */
		if (status.reason != WFM_REASON_CIRCUIT || step->problem == NULL)
			step->problem = wfm_problem_of_permit(step, cursor->spec,
												  wfm_step_tenant(cursor, step), &status,
												  cursor->context);
		step->state = WFM_STEP_FAILED;
		return false;
	}

	if (!take_token(cursor, step->tenant, &token))
		return false;
	send_request(cursor, step, &token);
	wfm_token_forget(&token);
	return true;
}

/* Remember that a key has to be looked for in the list. */
static void
look_in_list(WfmCursor *cursor, WfmStep *step)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(cursor->context);

	cursor->odd_keys = lappend(cursor->odd_keys,
							   pstrdup(wfm_step_path_key(step, cursor->spec)));
	step->state = WFM_STEP_EMPTY;
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Leave out a parent whose key the server does not take in a path, when all
 * parents are asked for; false if the key is not to blame.
 */
static bool
skip_odd_key(WfmCursor *cursor, WfmStep *step)
{
	if (!cursor->spec->walking || !wfm_step_key_is_odd(step, cursor->spec))
		return false;
	if (cursor->nskipped++ == 0)
		cursor->skipped = MemoryContextStrdup(cursor->context,
											  wfm_step_path_key(step, cursor->spec));
	step->state = WFM_STEP_EMPTY;
	return true;
}

/* Is there a list that holds what a get by key would deliver? */
static bool
has_list(const WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;

	return cursor->odd_field >= 0 &&
		wfm_endpoint_whole(spec->resource, spec->connection->dialect) != NULL;
}

/* ---------- answers ---------- */

/* Pause before the next attempt: full jitter, doubling. */
static void
back_off(WfmCursor *cursor, WfmStep *step)
{
	int64		most = Min(BACKOFF_CAP_US, BACKOFF_BASE_US << step->failures);

	step->not_before_us = wfm_monotonic_us() +
		(int64) (pg_prng_double(&pg_global_prng_state) * most);
	step->state = WFM_STEP_BACKOFF;
	cursor->stats.retries++;
}

/* What the API says in the body of an error answer, "" if nothing. */
static void
error_text(WfmCursor *cursor, WfmStep *step, char *text, size_t size)
{
	char		body[4096];
	size_t		len = 0;
	size_t		got;

	wfm_transfer_seek(step->transfer, 0);
	while (len < sizeof(body) &&
		   (got = wfm_transfer_read(step->transfer, body + len,
									sizeof(body) - len)) > 0)
		len += got;
	wfm_error_text(body, len, text, size);
}

/* May smaller windows be asked for, before an answer came? */
static bool
may_halve(const WfmCursor *cursor)
{
	return cursor->stats.answers > 0 || cursor->halvings < MAX_BLIND_HALVINGS;
}

/* An attempt failed for a reason that may pass: again, smaller, or never. */
static void
retry_or_fail(WfmCursor *cursor, WfmStep *step, const WfmHttpResult *result,
			  WfmProblem *problem)
{
	bool		size = wfm_fault_is_size(result);

	step->failures++;

	/*
	 * A server that is merely ill gets a second chance with the same window,
	 * and one that never answered is not asked for ever smaller ones.
	 */
	if (size && (result->failure != WFM_HTTP_OK || step->failures >= 2) &&
		may_halve(cursor) && wfm_step_halve(step, cursor->spec, cursor->context))
	{
		cursor->halvings++;
		back_off(cursor, step);
		return;
	}
	step->problem = problem;
	if (step->failures < MAX_ATTEMPTS)
		back_off(cursor, step);
	else
		step->state = WFM_STEP_FAILED;
}

/*
 * Is this failure one that a smaller window may mend, and is one to be tried?
 * Then it says nothing about the API's health: else the first few windows of a
 * list, all of them too wide, would open the circuit breaker.  503 is said of
 * the API and not of a request.
 */
static bool
is_oversized(const WfmCursor *cursor, const WfmStep *step,
			 const WfmHttpResult *result)
{
	return step->has_window && step->own_first < step->own_last &&
		wfm_fault_is_size(result) &&
		!(result->failure == WFM_HTTP_OK && result->status == 503) &&
		may_halve(cursor) && cursor->oversized < MAX_OVERSIZED;
}

void
wfm_step_report(WfmCursor *cursor, WfmStep *step, const WfmHttpResult *result)
{
	WfmPermit  *permit = step->permit;

	if (step->reported)
		return;
	step->reported = true;
	step->permit = NULL;
	cursor->stats.bytes += result->body_bytes;
	cursor->longest_us = Max(cursor->longest_us, result->elapsed_us);

	/* a suspended portal gave it back before the end */
	if (permit == NULL)
		return;
	if (is_oversized(cursor, step, result))
	{
		cursor->oversized++;
		wfm_permit_drop(permit, result->maybe_sent);
	}
	else if (result->failure != WFM_HTTP_OK)
	{
		/* what trying again cannot mend says nothing about the API's health */
		if (wfm_fault_may_pass(result))
			wfm_permit_failed(permit, result->maybe_sent);
		else
			wfm_permit_drop(permit, result->maybe_sent);
	}
	else
	{
		wfm_permit_done(permit, result->status, &result->headers);
		if (result->status >= 200 && result->status < 300)
			(void) wfm_token_report(cursor->spec->connection,
									wfm_step_tenant(cursor, step),
									step->token_generation, result->status);
	}
}

/* Is there no record of the key that was asked for? */
static bool
is_unknown_key(const WfmCursor *cursor, const WfmHttpResult *result,
			   const char *api_text)
{
	/* where resources are nouns, one that is not there is a 404 */
	if (result->status == 404 &&
		cursor->spec->connection->dialect->format == WFM_FORMAT_JSON)
		return true;
	return wfm_text_says_unknown_key(api_text) && result->status < 500 &&
		result->status != 401 && result->status != 403;
}

/* What an exchange came to, and unless that is rows, the problem with it. */
static WfmVerdict
judge(WfmCursor *cursor, WfmStep *step, const WfmHttpResult *result,
	  WfmProblem **problem)
{
	const WfmFetchSpec *spec = cursor->spec;
	bool		by_key = wfm_step_path_key(step, spec) != NULL;
	char		api_text[256] = "";
	WfmVerdict	verdict = wfm_judge_result(result, has_list(cursor) && by_key);

	if (verdict == WFM_VERDICT_ROWS)
	{
		WfmDecodeError error = {WFM_DECODE_TRUNCATED};

		if (wfm_survey(cursor, step) != WFM_DECODE_TRUNCATED)
			return WFM_VERDICT_ROWS;
		error.byte_offset = result->body_bytes;
		*problem = wfm_problem_of_decoding(step, spec, result, wfm_step_tenant(cursor, step),
										   &error, cursor->context);
		return WFM_VERDICT_RETRY;
	}
	if (result->failure == WFM_HTTP_OK)
	{
		error_text(cursor, step, api_text, sizeof(api_text));
		if (by_key && is_unknown_key(cursor, result, api_text))
			verdict = WFM_VERDICT_NOTHING;
	}
	*problem = wfm_problem_of_result(step, spec, result, wfm_step_tenant(cursor, step),
									 api_text, cursor->context);
	return verdict;
}

/* Ask again without a pause of its own. */
static void
ask_again(WfmCursor *cursor, WfmStep *step)
{
	step->state = WFM_STEP_NEW;
	cursor->stats.retries++;
}

static void
give_up(WfmStep *step, WfmProblem *problem)
{
	step->problem = problem;
	step->state = WFM_STEP_FAILED;
}

/*
 * After a 429, may the step wait for its turn once more?  Each wait is bounded
 * by the limiter, their sum is here.
 */
static bool
may_wait_more(WfmStep *step)
{
	if (step->limited == 0)
		step->limited_since_us = wfm_monotonic_us();
	return ++step->limited < MAX_LIMITED &&
		wfm_monotonic_us() - step->limited_since_us <=
		(int64) wfm_max_wait_ms * 1000;
}

/* An exchange ended: decide what becomes of its step. */
static void
take_result(WfmCursor *cursor, WfmStep *step)
{
	const WfmHttpResult *result = wfm_transfer_result(step->transfer);
	const WfmFetchSpec *spec = cursor->spec;
	WfmProblem *problem = NULL;
	WfmVerdict	verdict;

	wfm_step_report(cursor, step, result);
	/* the problem's text counts this attempt */
	step->failures++;
	verdict = judge(cursor, step, result, &problem);
	step->failures--;

	switch (verdict)
	{
		case WFM_VERDICT_ROWS:
			step->state = WFM_STEP_ANSWERED;
			cursor->oversized = 0;
			if (step->halved)
				wfm_window_learn_width(spec, step->tenant, step->own_last,
									   step->own_last - step->own_first + 1);
			wfm_page_arrived(cursor, step);
			return;				/* keeps its transfer */
		case WFM_VERDICT_NOTHING:
			step->state = WFM_STEP_EMPTY;
			cursor->stats.answers++;
			break;
		case WFM_VERDICT_READ_LIST:
			if (wfm_step_key_is_odd(step, spec))
				cursor->odd_refused = true;
			look_in_list(cursor, step);
			break;
		case WFM_VERDICT_UNAUTHORIZED:
			if (!step->was_unauthorized &&
				wfm_token_report(spec->connection, wfm_step_tenant(cursor, step),
								 step->token_generation, 401))
			{
				step->was_unauthorized = true;
				ask_again(cursor, step);
			}
			else
				give_up(step, problem);
			break;
		case WFM_VERDICT_LIMITED:
			cursor->stats.limited++;
			if (may_wait_more(step))
				ask_again(cursor, step);
			else
				give_up(step, problem);
			break;
		case WFM_VERDICT_RETRY:
			retry_or_fail(cursor, step, result, problem);
			break;
		case WFM_VERDICT_FAIL:
			if (result->failure == WFM_HTTP_OK && result->status == 404 &&
				skip_odd_key(cursor, step))
				break;
			/* a status that will stay says nothing of the window */
			if (result->failure != WFM_HTTP_OK && wfm_fault_is_size(result) &&
				wfm_step_halve(step, spec, cursor->context))
				step->state = WFM_STEP_NEW;
			else
				give_up(step, problem);
			break;
	}
	wfm_transfer_free(step->transfer);
	step->transfer = NULL;
}

bool
wfm_step_advance(WfmCursor *cursor, WfmStep *step, bool may_ask)
{
	bool		is_first = &step->node == dlist_head_node(&cursor->steps);

	if (step->state == WFM_STEP_RUNNING &&
		wfm_transfer_result(step->transfer) != NULL &&
		!(cursor->streaming && is_first))
		take_result(cursor, step);

	if (step->state == WFM_STEP_BACKOFF)
	{
		if (step->not_before_us > wfm_monotonic_us())
			wfm_cursor_alarm_at(cursor, step->not_before_us);
		else
			step->state = WFM_STEP_NEW;
	}

	/* a key that no path can hold, or that this server will not take */
	if (step->state == WFM_STEP_NEW && has_list(cursor) &&
		!step->odd_keys_only &&
		(!wfm_step_is_sendable(step, cursor->spec) ||
		 (cursor->odd_refused && wfm_step_key_is_odd(step, cursor->spec))))
		look_in_list(cursor, step);

	if (step->state == WFM_STEP_NEW &&
		!wfm_step_is_sendable(step, cursor->spec))
		(void) skip_odd_key(cursor, step);

	if (step->state == WFM_STEP_PERMIT ||
		(step->state == WFM_STEP_NEW && may_ask))
		return try_to_send(cursor, step);
	return true;
}
