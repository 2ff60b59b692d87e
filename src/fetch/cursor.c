/*
 * fetch/cursor.c
 *		Running a scan's requests and handing out their records.
 *
 * The steps (fetch/step.c) stand in a list in the order of their rows.  Those
 * at its head are under way side by side, as far as the API's limits let
 * them; the first one, once its answer is complete, is decoded slice by
 * slice.  A fault of a later step is kept until its turn comes, since a LIMIT
 * may end the scan before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "common/pg_prng.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth/token_store.h"
#include "base/isodate.h"
#include "base/settings.h"
#include "decode/error_body.h"
#include "decode/whole.h"
#include "fetch/cursor.h"
#include "fetch/problem.h"
#include "fetch/seam.h"
#include "fetch/step.h"

/* Bytes decoded at a time. */
#define SLICE 8192

/* Attempts at one request, and the longest pause between two. */
#define MAX_ATTEMPTS 4
#define BACKOFF_BASE_US INT64CONST(500000)
#define BACKOFF_CAP_US INT64CONST(20000000)

/* Windows halved before any answer came. */
#define MAX_BLIND_HALVINGS 3

/* How often a request may meet a 429 before that is an error. */
#define MAX_LIMITED 10

/* Answers that may be under way or waiting beyond the concurrent calls. */
#define AHEAD 2

/* How long a suspended portal waits for what is under way. */
#define SETTLE_US INT64CONST(2000000)

/* First pause before looking for a token again, and the longest. */
#define TOKEN_POLL_US INT64CONST(10000)
#define TOKEN_POLL_MAX_US INT64CONST(100000)

/* Bytes looked at to see whether an answer is whole. */
#define HEAD_BYTES 512
#define TAIL_BYTES 128

struct WfmCursor
{
	const WfmFetchSpec *spec;
	MemoryContext context;
	MemoryContextCallback callback;
	bool		opened;			/* steps were built, channel borrowed */
	bool		may_block;		/* called by wfm_cursor_next */
	WfmChannel *channel;
	dlist_head	steps;
	char	   *tenant;

	/* decoding of the first step */
	WfmDecoder *decoder;
	bool		streaming;		/* decoded while it arrives */
	bool		body_ended;		/* all of it was fed */
	int64		fed;			/* bytes of it decoded so far */
	uint64		delivered;		/* records taken from this answer */
	WfmDecodeSpec decode_spec;
	WfmDecodeField *fields;		/* the spec's and the hidden ones */
	int			key_field;		/* index in fields, -1: none */
	int			date_field;
	int			odd_field;		/* field of the path key, for odd keys */
	char		slice[SLICE];

	/* doubles at the seams of windows */
	WfmSeam    *seam;
	bool		seam_begun;
	int			seam_keys[WFM_MAX_FILTERS];
	DateADT		seam_next_last; /* own_last of the neighbouring window */

	/* keys that a get refused, to be found in the list */
	List	   *odd_keys;
	bool		odd_refused;
	bool		odd_listed;

	int			halvings;		/* windows halved so far */
	int64		alarm_us;		/* when to look again, 0 = no need */
	int64		token_poll_us;
	WfmRow		row;
	WfmFetchStats stats;
};

/* ---------- opening and closing ---------- */

/* Release what memory contexts do not know of. */
static void
release_decoder(void *arg)
{
	WfmCursor  *cursor = arg;

	wfm_decoder_destroy(cursor->decoder);
	cursor->decoder = NULL;
}

/* Index of a path among the fields, appended if it is not there. */
static int
want_field(WfmCursor *cursor, const char *path)
{
	int			n = cursor->decode_spec.nfields;

	for (int i = 0; i < n; i++)
	{
		if (cursor->fields[i].take == WFM_TAKE_TEXT &&
			strcmp(cursor->fields[i].path, path) == 0)
			return i;
	}
	cursor->fields[n].path = path;
	cursor->fields[n].scope = 0;
	cursor->fields[n].take = WFM_TAKE_TEXT;
	cursor->decode_spec.nfields = n + 1;
	return n;
}

/* Path in the record of a catalogue column. */
static const char *
path_of(const WfmFetchSpec *spec, const char *column)
{
	const WfmField *field = wfm_field_find(spec->resource,
										   spec->connection->dialect, column);

	return field == NULL ? NULL : field->path;
}

/* Which fields to decode: the wanted ones, and those the cursor needs. */
static void
choose_fields(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmFilter *path_filter = NULL;

	cursor->fields = palloc0((spec->nfields + 3) * sizeof(WfmDecodeField));
	if (spec->nfields > 0)
		memcpy(cursor->fields, spec->fields,
			   spec->nfields * sizeof(WfmDecodeField));
	cursor->decode_spec.fields = cursor->fields;
	cursor->decode_spec.nfields = spec->nfields;

	cursor->key_field = -1;
	cursor->date_field = -1;
	cursor->odd_field = -1;
	if (wfm_fetch_by_date(spec))
		cursor->date_field = want_field(cursor,
										path_of(spec, spec->resource->window_column));
	if (spec->endpoint->paging == WFM_PAGING_WINDOWS)
	{
		for (const WfmField *field = spec->resource->fields;
			 field->name != NULL; field++)
		{
			if ((field->flags & WFM_FIELD_KEY) != 0 && field->path != NULL &&
				wfm_field_in(field, spec->connection->dialect))
			{
				cursor->key_field = want_field(cursor, field->path);
				break;
			}
		}
		cursor->seam = wfm_seam_create(cursor->context);
	}
	for (int i = 0; i < wfm_endpoint_nfilters(spec->endpoint); i++)
	{
		if (spec->endpoint->filters[i].place == WFM_IN_PATH)
			path_filter = &spec->endpoint->filters[i];
	}
	if (path_filter != NULL && path_of(spec, path_filter->column) != NULL)
		cursor->odd_field = want_field(cursor,
									   path_of(spec, path_filter->column));
}

WfmCursor *
wfm_cursor_open(const WfmFetchSpec *spec, MemoryContext owner)
{
	MemoryContext context = AllocSetContextCreate(owner, "wfm_fdw cursor",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	WfmCursor  *cursor = palloc0(sizeof(WfmCursor));

	cursor->spec = spec;
	cursor->context = context;
	dlist_init(&cursor->steps);
	cursor->token_poll_us = TOKEN_POLL_US;
	cursor->callback.func = release_decoder;
	cursor->callback.arg = cursor;
	MemoryContextRegisterResetCallback(context, &cursor->callback);
	choose_fields(cursor);
	if (spec->options->tenant_id != NULL)
		cursor->tenant = pstrdup(spec->options->tenant_id);
	else if (spec->connection->tenant_id != NULL)
		cursor->tenant = pstrdup(spec->connection->tenant_id);
	MemoryContextSwitchTo(oldcontext);
	return cursor;
}

/* First row asked for: now requests may go out. */
static void
begin(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;

	cursor->opened = true;
	wfm_steps_build(&cursor->steps, spec, spec->endpoint, true,
					cursor->context);
	if (!dlist_is_empty(&cursor->steps))
		cursor->channel = wfm_channel_borrow(cursor->context);
}

/* Give up what a step holds outside memory. */
static void
stop_step(WfmStep *step)
{
	if (step->permit != NULL)
		wfm_permit_drop(step->permit, step->transfer != NULL);
	step->permit = NULL;
	wfm_transfer_free(step->transfer);
	step->transfer = NULL;
}

void
wfm_cursor_close(WfmCursor *cursor)
{
	dlist_iter	iter;

	if (cursor == NULL)
		return;
	dlist_foreach(iter, &cursor->steps)
		stop_step(dlist_container(WfmStep, node, iter.cur));
	if (cursor->channel != NULL)
		wfm_channel_return(cursor->channel);
	MemoryContextDelete(cursor->context);
}

const WfmFetchStats *
wfm_cursor_stats(const WfmCursor *cursor)
{
	return &cursor->stats;
}

int
wfm_cursor_fd(WfmCursor *cursor)
{
	return cursor->channel == NULL ? -1 : wfm_channel_fd(cursor->channel);
}

/* ---------- sending ---------- */

/* Look again at this moment, unless an earlier one is set. */
static void
alarm_at(WfmCursor *cursor, int64 at_us)
{
	if (cursor->alarm_us == 0 || at_us < cursor->alarm_us)
		cursor->alarm_us = at_us;
}

/* Copy the access token; false if it is to be asked for again later. */
static bool
take_token(WfmCursor *cursor, WfmAccessToken *token)
{
	const WfmConnection *connection = cursor->spec->connection;

	if (cursor->may_block)
	{
		int64		start = wfm_monotonic_us();

		wfm_token_get(connection, token);
		cursor->stats.token_us += wfm_monotonic_us() - start;
	}
	else if (!wfm_token_try(connection, token))
	{
		alarm_at(cursor, wfm_monotonic_us() + cursor->token_poll_us);
		cursor->token_poll_us = Min(cursor->token_poll_us * 2,
									TOKEN_POLL_MAX_US);
		return false;
	}
	cursor->token_poll_us = TOKEN_POLL_US;

	if (cursor->tenant == NULL)
	{
		if (token->tenant_id[0] == '\0')
		{
			wfm_token_forget(token);
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("connection \"%s\" does not say which tenant to read",
							connection->name),
					 errhint("Set tenant_id of the connection or of the server \"%s\".",
							 cursor->spec->options->server_name)));
		}
		cursor->tenant = MemoryContextStrdup(cursor->context, token->tenant_id);
	}
	return true;
}

/* Send the step's request with this token. */
static void
send_request(WfmCursor *cursor, WfmStep *step, const WfmAccessToken *token)
{
	const WfmDialect *dialect = cursor->spec->connection->dialect;
	char	   *bearer = psprintf("Authorization: Bearer %s", token->token);
	char	   *tenant = psprintf("%s: %s", dialect->tenant_header, cursor->tenant);
	const char *headers[3];
	WfmHttpRequest request = {0};

	headers[0] = bearer;
	headers[1] = tenant;
	headers[2] = dialect->format == WFM_FORMAT_XML ?
		"Accept: application/xml, text/xml" : "Accept: application/json";
	request.method = WFM_HTTP_GET;
	request.url = step->url;
	request.headers = headers;
	request.nheaders = 3;

	step->token_generation = token->generation;
	step->transfer = wfm_transfer_start(cursor->channel, &request);
	step->state = WFM_STEP_RUNNING;
	cursor->stats.calls++;

	explicit_bzero(bearer, strlen(bearer));
	pfree(bearer);
	pfree(tenant);
}

/* Tell the user about a long wait for a limit, once. */
static void
notice_wait(WfmCursor *cursor, WfmStep *step, const WfmPermitStatus *status)
{
	if (step->noticed || wfm_wait_notice_ms < 0 ||
		wfm_monotonic_us() - step->started_us < (int64) wfm_wait_notice_ms * 1000)
		return;
	step->noticed = true;
	ereport(NOTICE,
			(errmsg("waiting for the %s of connection \"%s\"",
					wfm_permit_reason_name(status->reason),
					cursor->spec->connection->name),
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
	WfmPermitStatus status;
	WfmAccessToken token;

	if (step->permit == NULL)
	{
		/* the tenant has to be known, which the token may tell */
		if (cursor->tenant == NULL)
		{
			if (!take_token(cursor, &token))
				return false;
			wfm_token_forget(&token);
		}
		step->permit = wfm_permit_request(cursor->spec->connection->client_id,
										  cursor->tenant,
										  &cursor->spec->connection->limits,
										  cursor->context);
		step->started_us = wfm_monotonic_us();
		step->state = WFM_STEP_PERMIT;
	}

	status = wfm_permit_poll(step->permit);
	if (status.state == WFM_PERMIT_WAITING)
	{
		notice_wait(cursor, step, &status);
		alarm_at(cursor, status.retry_at_us);
		if (!step->noticed && wfm_wait_notice_ms >= 0)
			alarm_at(cursor, step->started_us + (int64) wfm_wait_notice_ms * 1000);
		return false;
	}
	if (status.state == WFM_PERMIT_REFUSED)
	{
		wfm_permit_drop(step->permit, false);
		step->permit = NULL;
		step->problem = wfm_problem_of_permit(step, cursor->spec,
											  cursor->tenant, &status,
											  cursor->context);
		step->state = WFM_STEP_FAILED;
		return false;
	}

	if (!take_token(cursor, &token))
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

	wfm_transfer_rewind(step->transfer);
	while (len < sizeof(body) &&
		   (got = wfm_transfer_read(step->transfer, body + len,
									sizeof(body) - len)) > 0)
		len += got;
	wfm_error_text(body, len, text, size);
}

/*
 * Does the body end where its root element or value ends?  Looks at the two
 * ends only; when they do not tell, all of it is decoded on trial.
 */
static WfmDecodeStatus
check_whole(WfmCursor *cursor, WfmStep *step)
{
	WfmFormat	format = cursor->spec->connection->dialect->format;
	WfmDecodeSpec nothing = {0};
	const char *no_scope[] = {"-"};
	WfmDecodeStatus status = WFM_DECODE_OK;
	char		head[HEAD_BYTES];
	size_t		head_len = 0;
	char		tail[TAIL_BYTES];
	size_t		tail_len = 0;
	size_t		got;

	wfm_transfer_rewind(step->transfer);
	while ((got = wfm_transfer_read(step->transfer, cursor->slice, SLICE)) > 0)
	{
		size_t		keep = Min(got, TAIL_BYTES);

		if (head_len < HEAD_BYTES)
		{
			size_t		more = Min(got, HEAD_BYTES - head_len);

			memcpy(head + head_len, cursor->slice, more);
			head_len += more;
		}
		if (keep < TAIL_BYTES)
		{
			size_t		old = Min(tail_len, TAIL_BYTES - keep);

			memmove(tail, tail + tail_len - old, old);
			memcpy(tail + old, cursor->slice + got - keep, keep);
			tail_len = old + keep;
		}
		else
		{
			memcpy(tail, cursor->slice + got - keep, keep);
			tail_len = keep;
		}
	}
	wfm_transfer_rewind(step->transfer);
	if (wfm_body_is_closed(format, head, head_len, tail, tail_len))
		return WFM_DECODE_OK;

	nothing.scopes = no_scope;
	nothing.nscopes = 1;
	cursor->decoder = wfm_decoder_create(format, &nothing, NULL);
	if (cursor->decoder == NULL)
		return WFM_DECODE_OUT_OF_MEMORY;
	while (status == WFM_DECODE_OK &&
		   (got = wfm_transfer_read(step->transfer, cursor->slice, SLICE)) > 0)
		status = wfm_decoder_feed(cursor->decoder, cursor->slice, got);
	if (status == WFM_DECODE_OK)
		status = wfm_decoder_finish(cursor->decoder);
	release_decoder(cursor);
	wfm_transfer_rewind(step->transfer);
	return status;
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
		(cursor->stats.answers > 0 || cursor->halvings < MAX_BLIND_HALVINGS) &&
		wfm_step_halve(step, cursor->spec, cursor->context))
	{
		cursor->halvings++;
		back_off(cursor, step);
		return;
	}
	if (step->failures < MAX_ATTEMPTS)
	{
		back_off(cursor, step);
		return;
	}
	step->problem = problem;
	step->state = WFM_STEP_FAILED;
}

/* Tell limiter and token store how the exchange went; frees the permit. */
static void
report_result(WfmCursor *cursor, WfmStep *step, const WfmHttpResult *result)
{
	WfmPermit  *permit = step->permit;

	step->permit = NULL;
	if (permit == NULL)
		return;
	if (result->failure != WFM_HTTP_OK)
		wfm_permit_failed(permit, result->maybe_sent);
	else
	{
		wfm_permit_done(permit, result->status, &result->headers);
		if (result->status >= 200 && result->status < 300)
			(void) wfm_token_report(cursor->spec->connection,
									step->token_generation, result->status);
	}
	cursor->stats.bytes += result->body_bytes;
}

/* An exchange ended: decide what becomes of its step. */
static void
take_result(WfmCursor *cursor, WfmStep *step)
{
	const WfmHttpResult *result = wfm_transfer_result(step->transfer);
	const WfmFetchSpec *spec = cursor->spec;
	WfmProblem *problem = NULL;
	char		text[256] = "";
	WfmVerdict	verdict;

	report_result(cursor, step, result);
	verdict = wfm_judge_result(result, has_list(cursor) &&
							   wfm_step_key_is_odd(step, spec));

	if (verdict == WFM_VERDICT_ROWS)
	{
		WfmDecodeStatus whole = check_whole(cursor, step);

		if (whole == WFM_DECODE_TRUNCATED)
		{
			WfmDecodeError error = {WFM_DECODE_TRUNCATED};

			error.byte_offset = result->body_bytes;
			step->failures++;
			problem = wfm_problem_of_decoding(step, spec, result, cursor->tenant,
											  &error, cursor->context);
			step->failures--;
			verdict = WFM_VERDICT_RETRY;
		}
	}
	else if (result->failure == WFM_HTTP_OK)
	{
		error_text(cursor, step, text, sizeof(text));
		if (wfm_step_path_key(step, spec) != NULL &&
			wfm_text_says_unknown_key(text) && result->status < 500 &&
			result->status != 401 && result->status != 403)
			verdict = WFM_VERDICT_NOTHING;
	}

	if (verdict != WFM_VERDICT_ROWS && problem == NULL)
	{
		step->failures++;
		problem = wfm_problem_of_result(step, spec, result, cursor->tenant,
										text, cursor->context);
		step->failures--;
	}

	switch (verdict)
	{
		case WFM_VERDICT_ROWS:
			step->state = WFM_STEP_ANSWERED;
			return;				/* keeps its transfer */
		case WFM_VERDICT_NOTHING:
			step->state = WFM_STEP_EMPTY;
			cursor->stats.answers++;
			break;
		case WFM_VERDICT_READ_LIST:
			cursor->odd_refused = true;
			look_in_list(cursor, step);
			break;
		case WFM_VERDICT_UNAUTHORIZED:
			if (!step->was_unauthorized &&
				wfm_token_report(spec->connection, step->token_generation, 401))
			{
				step->was_unauthorized = true;
				step->state = WFM_STEP_NEW;
				cursor->stats.retries++;
				break;
			}
			step->problem = problem;
			step->state = WFM_STEP_FAILED;
			break;
		case WFM_VERDICT_LIMITED:
			cursor->stats.limited++;
			if (++step->limited < MAX_LIMITED)
			{
				step->state = WFM_STEP_NEW;
				cursor->stats.retries++;
				break;
			}
			step->problem = problem;
			step->state = WFM_STEP_FAILED;
			break;
		case WFM_VERDICT_RETRY:
			retry_or_fail(cursor, step, result, problem);
			break;
		case WFM_VERDICT_FAIL:
			if (wfm_fault_is_size(result) &&
				wfm_step_halve(step, spec, cursor->context))
				step->state = WFM_STEP_NEW;
			else
			{
				step->problem = problem;
				step->state = WFM_STEP_FAILED;
			}
			break;
	}
	wfm_transfer_free(step->transfer);
	step->transfer = NULL;
}

/* Move every step that can move; start as many as the limits let us. */
static void
advance(WfmCursor *cursor)
{
	int			most = cursor->spec->lazy ? 1 :
		cursor->spec->connection->limits.concurrent_calls + AHEAD;
	int			active = 0;
	bool		may_ask = true;
	int64		now = wfm_monotonic_us();
	dlist_iter	iter;

	cursor->alarm_us = 0;
	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

		if (++active > most)
			break;
		if (step->state == WFM_STEP_RUNNING &&
			wfm_transfer_result(step->transfer) != NULL &&
			!(cursor->streaming && active == 1))
			take_result(cursor, step);
		if (step->state == WFM_STEP_BACKOFF)
		{
			if (step->not_before_us <= now)
				step->state = WFM_STEP_NEW;
			else
				alarm_at(cursor, step->not_before_us);
		}
		if (step->state == WFM_STEP_NEW && has_list(cursor) &&
			!step->odd_keys_only &&
			(!wfm_step_is_sendable(step, cursor->spec) ||
			 (cursor->odd_refused && wfm_step_key_is_odd(step, cursor->spec))))
			look_in_list(cursor, step);
		if ((step->state == WFM_STEP_NEW && may_ask) ||
			step->state == WFM_STEP_PERMIT)
		{
			/* those behind would only queue up behind this one */
			if (!try_to_send(cursor, step))
				may_ask = false;
		}
	}
	if (cursor->channel != NULL)
		wfm_channel_set_alarm(cursor->channel, cursor->alarm_us);
}

/* ---------- records ---------- */

/* Begin to decode the first step's answer. */
static void
begin_decoding(WfmCursor *cursor, WfmStep *step)
{
	WfmDecodeLimits limits = wfm_decode_default_limits;

	limits.max_value_bytes = (size_t) wfm_max_value_kb * 1024;
	limits.max_record_bytes = (size_t) wfm_max_record_kb * 1024;
	cursor->decode_spec.scopes = step->endpoint->scopes;
	cursor->decode_spec.nscopes = wfm_endpoint_nscopes(step->endpoint);
	cursor->decoder = wfm_decoder_create(cursor->spec->connection->dialect->format,
										 &cursor->decode_spec, &limits);
	if (cursor->decoder == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Could not make a decoder for an answer.")));
	cursor->body_ended = false;
	cursor->fed = 0;
	cursor->delivered = 0;
	wfm_transfer_rewind(step->transfer);

	if (cursor->seam != NULL && step->has_window)
	{
		bool		neighbour = cursor->seam_begun &&
		step->own_last + 1 == cursor->seam_next_last &&
		memcmp(step->key_index, cursor->seam_keys, sizeof(step->key_index)) == 0;

		wfm_seam_begin(cursor->seam, neighbour);
		cursor->seam_begun = true;
		memcpy(cursor->seam_keys, step->key_index, sizeof(step->key_index));
		cursor->seam_next_last = step->own_first;
	}
}

/* The window was assumed to test a column, and a record shows it does not. */
static void
assumption_failed(const WfmCursor *cursor, const WfmStep *step,
				  const WfmValue *date)
{
	const WfmFetchSpec *spec = cursor->spec;

	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the API's time window does not test column \"%s\" of foreign table \"%s\"",
					spec->resource->window_column, spec->table_name),
			 errdetail("A record with %s \"%.*s\" came in answer to %s.",
					   spec->resource->window_column,
					   (int) Min(date->len, 40), date->data, step->request),
			 errhint("Tell the wrapper not to use it: ALTER FOREIGN TABLE %s OPTIONS (ADD window_column '');",
					 spec->table_name)));
}

/* Is this record one the step has to deliver? */
static bool
is_wanted(WfmCursor *cursor, const WfmStep *step, const WfmRecord *record)
{
	if (step->odd_keys_only)
	{
		const WfmValue *value = &record->values[cursor->odd_field];
		bool		found = false;
		ListCell   *lc;

		foreach(lc, cursor->odd_keys)
		{
			const char *key = lfirst(lc);

			if (value->data != NULL && strlen(key) == value->len &&
				memcmp(key, value->data, value->len) == 0)
				found = true;
		}
		if (!found)
			return false;
	}

	if (cursor->date_field >= 0)
	{
		const WfmValue *value = &record->values[cursor->date_field];
		WfmDateTime parts;

		if (value->data != NULL &&
			wfm_parse_datetime(value->data, value->len, &parts) &&
			parts.year > 1)
		{
			DateADT		day = date2j(parts.year, parts.month, parts.day) -
			POSTGRES_EPOCH_JDATE;

			if (!step->has_window)
				return day >= cursor->spec->first_day &&
					day <= cursor->spec->last_day;
			if (day < step->ask_first - 1 || day > step->ask_last + 1)
				assumption_failed(cursor, step, value);
			return day >= step->own_first && day <= step->own_last;
		}
	}

	if (step->has_window && cursor->key_field >= 0)
	{
		const WfmValue *value = &record->values[cursor->key_field];

		if (value->data != NULL &&
			wfm_seam_is_double(cursor->seam, value->data, value->len))
			return false;
	}
	return true;
}

/* The decoder met a fault: retry unless rows went out, else raise. */
static void
decoding_failed(WfmCursor *cursor, WfmStep *step)
{
	wfm_problem_raise(wfm_problem_of_decoding(step, cursor->spec,
											  wfm_transfer_result(step->transfer),
											  cursor->tenant,
											  wfm_decoder_error(cursor->decoder),
											  cursor->context));
}

/* All of the answer was decoded: was it a good one? */
static void
end_of_answer(WfmCursor *cursor, WfmStep *step)
{
	const WfmEnvelope *envelope = wfm_decoder_envelope(cursor->decoder);
	const WfmHttpResult *result = wfm_transfer_result(step->transfer);
	char		text[256] = "";

	if (envelope->status_seen && !envelope->status_ok)
	{
		if (envelope->error_description != NULL)
			wfm_error_text(envelope->error_description,
						   strlen(envelope->error_description),
						   text, sizeof(text));
		else if (envelope->status != NULL)
			wfm_error_text(envelope->status, strlen(envelope->status),
						   text, sizeof(text));
		if (!(cursor->delivered == 0 &&
			  wfm_step_path_key(step, cursor->spec) != NULL &&
			  wfm_text_says_unknown_key(text)))
			wfm_problem_raise(wfm_problem_of_status(step, cursor->spec, result,
													cursor->tenant, text,
													cursor->context));
	}
	else if (!envelope->status_seen && envelope->outer_records == 0)
		wfm_problem_raise(wfm_problem_of_status(step, cursor->spec, result,
												cursor->tenant, NULL,
												cursor->context));
	cursor->stats.answers++;
}

/* The first step is done with: forget it. */
static void
drop_first(WfmCursor *cursor, WfmStep *step)
{
	release_decoder(cursor);
	cursor->streaming = false;
	stop_step(step);
	dlist_delete(&step->node);
	pfree(step->request);
	pfree(step->url);
	pfree(step);
}

/*
 * The next wanted record of the first step's answer; NULL when there is none
 * now: at the end of the answer (*ended), or more has to arrive.
 */
static const WfmRow *
next_record(WfmCursor *cursor, WfmStep *step, bool *ended)
{
	*ended = false;
	for (;;)
	{
		const WfmRecord *record = wfm_decoder_next(cursor->decoder);
		const WfmHttpResult *result;
		size_t		got;

		if (record != NULL)
		{
			cursor->stats.records++;
			if (!is_wanted(cursor, step, record))
				continue;
			cursor->delivered++;
			cursor->stats.rows++;
			cursor->row.values = record->values;
			cursor->row.number = record->number;
			cursor->row.request = step->request;
			cursor->row.key_index = step->key_index;
			return &cursor->row;
		}
		if (wfm_decoder_error(cursor->decoder)->status != WFM_DECODE_OK)
			decoding_failed(cursor, step);
		if (cursor->body_ended)
		{
			end_of_answer(cursor, step);
			*ended = true;
			return NULL;
		}

		/* an ERROR status ends it before any record is taken for good */
		result = wfm_transfer_result(step->transfer);
		got = wfm_transfer_read(step->transfer, cursor->slice, SLICE);
		if (got > 0)
		{
			cursor->fed += got;
			(void) wfm_decoder_feed(cursor->decoder, cursor->slice, got);
		}
		else if (result != NULL)
		{
			if (cursor->streaming)
			{
				/* nothing was handed out yet: it may be tried again */
				if (result->failure != WFM_HTTP_OK && cursor->delivered == 0)
				{
					release_decoder(cursor);
					cursor->streaming = false;
					return NULL;
				}
				report_result(cursor, step, result);
				if (result->failure != WFM_HTTP_OK)
					wfm_problem_raise(wfm_problem_of_result(step, cursor->spec,
															result, cursor->tenant,
															"", cursor->context));
			}
			(void) wfm_decoder_finish(cursor->decoder);
			cursor->body_ended = true;
		}
		else
			return NULL;		/* streaming: more will come */
	}
}

/* All steps are done: is there a list to read for refused keys? */
static bool
read_list_for_odd_keys(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmEndpoint *list;

	if (cursor->odd_keys == NIL || cursor->odd_listed)
		return false;
	cursor->odd_listed = true;
	list = wfm_endpoint_whole(spec->resource, spec->connection->dialect);
	if (list->paging == WFM_PAGING_WINDOWS && cursor->seam == NULL)
		cursor->seam = wfm_seam_create(cursor->context);
	if (cursor->key_field < 0)
		cursor->key_field = cursor->odd_field;
	wfm_steps_build(&cursor->steps, spec, list, false, cursor->context);
	return true;
}

WfmCursorState
wfm_cursor_poll(WfmCursor *cursor, const WfmRow **row)
{
	*row = NULL;
	if (!cursor->opened)
		begin(cursor);

	for (;;)
	{
		WfmStep    *step;
		bool		ended;

		if (dlist_is_empty(&cursor->steps) && !read_list_for_odd_keys(cursor))
			return WFM_CURSOR_END;
		if (cursor->channel == NULL)
			cursor->channel = wfm_channel_borrow(cursor->context);
		step = dlist_container(WfmStep, node, dlist_head_node(&cursor->steps));

		/* records that are there come first: no system call for those */
		if (cursor->decoder != NULL)
		{
			*row = next_record(cursor, step, &ended);
			if (*row != NULL)
				return WFM_CURSOR_ROW;
			if (!ended)
			{
				(void) wfm_channel_pump(cursor->channel);
				if (cursor->streaming &&
					wfm_transfer_received(step->transfer) == cursor->fed &&
					wfm_transfer_result(step->transfer) == NULL)
					return WFM_CURSOR_WAIT;
				continue;
			}
			drop_first(cursor, step);
			continue;
		}

		(void) wfm_channel_pump(cursor->channel);
		advance(cursor);
		switch (step->state)
		{
			case WFM_STEP_ANSWERED:
				begin_decoding(cursor, step);
				continue;
			case WFM_STEP_EMPTY:
				drop_first(cursor, step);
				continue;
			case WFM_STEP_FAILED:
				CHECK_FOR_INTERRUPTS();
				wfm_problem_raise(step->problem);
				break;
			case WFM_STEP_RUNNING:
				if (cursor->spec->lazy &&
					wfm_transfer_status(step->transfer) == 200 &&
					wfm_transfer_received(step->transfer) > 0)
				{
					cursor->streaming = true;
					begin_decoding(cursor, step);
					continue;
				}
				return WFM_CURSOR_WAIT;
			case WFM_STEP_NEW:
			case WFM_STEP_PERMIT:
			case WFM_STEP_BACKOFF:
				return WFM_CURSOR_WAIT;
		}
	}
}

const WfmRow *
wfm_cursor_next(WfmCursor *cursor)
{
	const WfmRow *row;

	cursor->may_block = true;
	for (;;)
	{
		WfmCursorState state = wfm_cursor_poll(cursor, &row);
		WfmStep    *step;
		int64		start;
		long		timeout = -1;
		WfmWait		wait = WFM_WAIT_NETWORK;

		if (state == WFM_CURSOR_ROW)
			return row;
		if (state == WFM_CURSOR_END)
			return NULL;

		step = dlist_container(WfmStep, node, dlist_head_node(&cursor->steps));
		if (step->state == WFM_STEP_PERMIT)
			wait = WFM_WAIT_PERMIT;
		else if (step->state == WFM_STEP_BACKOFF)
			wait = WFM_WAIT_BACKOFF;

		/* the alarm makes the descriptor readable: no time-out is needed */
		start = wfm_monotonic_us();
		wfm_channel_wait(cursor->channel, timeout, wfm_wait_event(wait));
		if (wait == WFM_WAIT_PERMIT)
			cursor->stats.permit_us += wfm_monotonic_us() - start;
		else
			cursor->stats.network_us += wfm_monotonic_us() - start;
	}
}

void
wfm_cursor_settle(WfmCursor *cursor)
{
	int64		until = wfm_monotonic_us() + SETTLE_US;
	dlist_iter	iter;

	if (cursor->channel == NULL)
		return;
	for (;;)
	{
		bool		running = false;
		int64		left = until - wfm_monotonic_us();

		dlist_foreach(iter, &cursor->steps)
		{
			WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

			if (step->state == WFM_STEP_RUNNING && step->transfer != NULL)
			{
				const WfmHttpResult *result = wfm_transfer_result(step->transfer);

				if (result != NULL)
					report_result(cursor, step, result);
				else
					running = true;
			}
			else if (step->state == WFM_STEP_PERMIT)
			{
				stop_step(step);
				step->state = WFM_STEP_NEW;
			}
		}
		if (!running || left <= 0)
			break;
		wfm_channel_wait(cursor->channel, Max(left / 1000, 1),
						 wfm_wait_event(WFM_WAIT_NETWORK));
	}

	/* the slow ones are asked again when the portal goes on */
	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

		if (step->state == WFM_STEP_RUNNING && step->permit != NULL &&
			!(cursor->streaming && iter.cur == dlist_head_node(&cursor->steps)))
		{
			stop_step(step);
			step->state = WFM_STEP_NEW;
		}
	}
}
