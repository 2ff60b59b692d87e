/*
 * auth/token_job.c
 *		One grant in the hands of the token worker: feeds the state machine
 *		and carries out what it says.
 *
 * Crash points, in the order of a refresh:
 *	K01	before the intent				K02	intent written
 *	K03	intent committed, not told		K04	intent durable
 *	K05	connecting						K06	request partly written
 *	K07	request sent, not processed		K08	processed, answer not received
 *	K09	answer received, not read		K10	answer read
 *	K11	answer written					K12	answer committed, not told
 *	K13	answer durable					K14	half published
 *	K15	published, nobody woken			K16	a backend uses the token
 *	K17	all told
 * K06 to K08 are one place here, waiting for the answer: only the provider
 * knows how far a request has come, and in the tests it is made to stop there.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "auth/token_job.h"
#include "base/crashpoint.h"
#include "base/settings.h"

/* D2: a shorter limit would make lost answers out of slow ones. */
#define TOKEN_TIMEOUT_MS 60000

/* After an error the job rests this long. */
#define ERROR_PAUSE_MS 1000

static void run_machine(WfmTokenJob *job, WfmChannel *channel, WfmFsmEvent *event);

WfmTokenJob *
wfm_job_make(const char *connection)
{
	WfmTokenJob *job = MemoryContextAllocZero(TopMemoryContext, sizeof(WfmTokenJob));
	WfmGrantEntry *entry;

	strlcpy(job->connection, connection, sizeof(job->connection));
	job->context = AllocSetContextCreate(TopMemoryContext, "wfm_fdw grant",
										 ALLOCSET_SMALL_SIZES);
	wfm_fsm_init(&job->fsm);

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, connection, true);
	if (entry != NULL)
	{
		/*
		 * What lies here at rest is taken over, so that a wait between two
		 * attempts outlives the worker.  The rows are looked at again in any
		 * case: the job needs its settings.
		 */
		if (entry->fsm_valid && wfm_fsm_is_resting(&entry->fsm))
		{
			job->fsm = entry->fsm;
			job->revision_bump = entry->revision_bump;
			job->started = true;
			job->tenant_state = entry->tenant_state;
			strlcpy(job->tenant_id, entry->tenant_id, sizeof(job->tenant_id));
			strlcpy(job->tenants, entry->tenants, sizeof(job->tenants));
			entry->changed = true;
		}
		entry->fsm_valid = false;
	}
	LWLockRelease(wfm_token_shmem->lock);
	return job;
}

/* Wipe what only the refresh under way needs. */
static void
forget_exchange(WfmTokenJob *job)
{
	wfm_secret_free(&job->body);
	wfm_secret_free(&job->authorization);
	if (job->has_answer)
		wfm_token_texts_free(&job->answer);
	job->has_answer = false;
}

void
wfm_job_leave(WfmTokenJob *job)
{
	WfmGrantEntry *entry;

	wfm_transfer_free(job->post);
	wfm_transfer_free(job->tenant_request);
	wfm_transfer_free(job->consent_request);
	forget_exchange(job);
	wfm_secret_free(&job->access_token);
	wfm_rows_release_table(job);

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL)
	{
		if (entry->absent)
			wfm_grant_entry_free(entry);
		else if (wfm_fsm_is_resting(&job->fsm))
		{
			entry->fsm = job->fsm;
			entry->revision_bump = job->revision_bump;
			entry->fsm_valid = true;
		}
	}
	LWLockRelease(wfm_token_shmem->lock);
	MemoryContextDelete(job->context);
	pfree(job);
}

bool
wfm_job_is_busy(const WfmTokenJob *job)
{
	return job->post != NULL || job->tenant_request != NULL ||
		job->consent_request != NULL;
}

long
wfm_job_timeout(const WfmTokenJob *job)
{
	int64		left = PG_INT64_MAX;

	if (job->interrupted)
		return (long) Max(0, job->pause_mono_ms - wfm_mono_ms());
	if (job->wake_mono_ms != WFM_TIME_NEVER)
		left = Min(left, job->wake_mono_ms - wfm_mono_ms());
	if (job->wake_wall_ms != WFM_TIME_NEVER)
		left = Min(left, job->wake_wall_ms - wfm_wall_ms(GetCurrentTimestamp()));
	if (job->tenant_retry_mono_ms != 0)
		left = Min(left, job->tenant_retry_mono_ms - wfm_mono_ms());
	if (left == PG_INT64_MAX)
		return -1;
	return (long) Max(0, Min(left, (int64) INT_MAX));
}

/* ---- telling backends ---- */

void
wfm_job_tell(WfmTokenJob *job)
{
	WfmGrantEntry *entry;
	WfmTokenError error;
	WfmGrantState state = wfm_fsm_status(&job->fsm, &error);

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, true);
	if (entry != NULL)
	{
		entry->known = job->fsm.phase != WFM_PHASE_START &&
			job->fsm.phase != WFM_PHASE_READING &&
			job->fsm.phase != WFM_PHASE_UNREAD;
		entry->absent = job->fsm.phase == WFM_PHASE_ABSENT;
		entry->read_only = job->read_only;
		entry->has_refresh_token = job->has_refresh_token;
		entry->had_tokens = job->had_tokens;
		entry->state = state;
		entry->error = error;
		strlcpy(entry->detail, job->detail, sizeof(entry->detail));
		strlcpy(entry->fingerprint, job->fingerprint, sizeof(entry->fingerprint));
		entry->tenant_state = job->tenant_state;
		strlcpy(entry->tenant_id, job->tenant_id, sizeof(entry->tenant_id));
		strlcpy(entry->tenants, job->tenants, sizeof(entry->tenants));
		entry->launch_failed_at = 0;
		entry->due_mono_ms = job->wake_mono_ms;
		entry->due_wall_ms = job->wake_wall_ms;

		/*
		 * The machine has heard of a 401, and sees no reason to refresh or
		 * cannot.
		 */
		if ((job->fsm.phase == WFM_PHASE_IDLE ||
			 job->fsm.phase == WFM_PHASE_SILENT) &&
			entry->unauthorized == job->unauthorized_sent)
			entry->unauthorized = 0;

		/*
		 * A refresh counts when its token can be had.  Who asked for one
		 * while it was under way has it with that.
		 */
		if (job->refreshed &&
			entry->generation == (uint64) job->fsm.row.generation)
		{
			job->refreshed = false;
			entry->refreshes++;
			entry->refresh_asked = false;
		}
		ConditionVariableBroadcast(&entry->changed_cv);
	}
	LWLockRelease(wfm_token_shmem->lock);
}

/* PUBLISH: the generation is written last. */
static void
publish(WfmTokenJob *job, const WfmFsmAction *action)
{
	WfmGrantEntry *entry;

	WFM_CRASHPOINT("K13");
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, true);
	if (entry != NULL)
	{
		bool		newer = entry->generation != (uint64) action->row.generation;
		bool		had_2xx = entry->had_2xx && !newer;

		wfm_grant_entry_wipe(entry);
		entry->had_2xx = had_2xx;
		if (action->row.has_access_token && job->access_token.len > 0 &&
			job->access_token.len <= WFM_TOKEN_LEN_MAX)
		{
			memcpy(entry->token, job->access_token.text, job->access_token.len);
			entry->token_len = job->access_token.len;
			entry->expires_at = wfm_timestamp(action->row.access_expires_ms);
			entry->expires_mono_ms = action->expires_mono_ms;
			entry->refreshed_at = wfm_timestamp(action->row.access_obtained_ms);
		}
		WFM_CRASHPOINT("K14");
		entry->generation = action->row.generation;
		entry->changed = false;
		if (newer && job->tenant_state != WFM_TENANT_KNOWN)
			job->tenant_state = WFM_TENANT_UNKNOWN;
	}
	LWLockRelease(wfm_token_shmem->lock);
	wfm_secret_free(&job->access_token);
	WFM_CRASHPOINT("K15");
	wfm_job_tell(job);
	WFM_CRASHPOINT("K17");
}

/* FORGET: there is no such row. */
static void
forget(WfmTokenJob *job)
{
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL)
		wfm_grant_entry_wipe(entry);
	LWLockRelease(wfm_token_shmem->lock);
	job->fingerprint[0] = '\0';
	job->has_refresh_token = false;
	job->had_tokens = false;
	wfm_secret_free(&job->access_token);
}

static void
count_request(WfmTokenJob *job)
{
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL)
		entry->token_requests++;
	LWLockRelease(wfm_token_shmem->lock);
}

/* The row is about to be looked at: what it says then answers the wishes. */
static void
begin_look(WfmTokenJob *job)
{
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, true);
	if (entry != NULL)
	{
		entry->changed = false;
		entry->known = false;
		entry->looks++;
	}
	LWLockRelease(wfm_token_shmem->lock);
}

/* ---- the token request ---- */

WfmTransfer *
wfm_job_post_form(WfmChannel *channel, const char *url,
				  const WfmSecret *body, const WfmSecret *authorization)
{
	WfmSecret	header = WFM_SECRET_EMPTY;
	const char *headers[3];
	WfmHttpRequest request = {
		.method = WFM_HTTP_POST,
		.url = url,
		.headers = headers,
		.body = body->text,
		.body_len = body->len,
		.token_exchange = true,
		.total_timeout_ms = TOKEN_TIMEOUT_MS,
		.max_body_bytes = WFM_TOKEN_ANSWER_MAX,
	};
	WfmTransfer *transfer;

	headers[request.nheaders++] = "Content-Type: application/x-www-form-urlencoded";
	headers[request.nheaders++] = "Accept: application/json";
	if (authorization->len > 0)
	{
		wfm_secret_append_text(&header, "Authorization: ");
		wfm_secret_append(&header, authorization->text, authorization->len);
		headers[request.nheaders++] = header.text;
	}
	transfer = wfm_transfer_start(channel, &request);
	wfm_secret_free(&header);
	return transfer;
}

static int64
retry_after_ms(const WfmHeaders *headers)
{
	if (headers->retry_after_seconds >= 0)
		return headers->retry_after_seconds * 1000;
	if (headers->retry_after_date >= 0)
	{
		int64		wait = headers->retry_after_date * 1000 - wfm_wall_ms(GetCurrentTimestamp());

		return Max(wait, 0);
	}
	return -1;
}

WfmTokenAnswer
wfm_job_read_answer(WfmTransfer *transfer, WfmTokenTexts *texts)
{
	const WfmHttpResult *result = wfm_transfer_result(transfer);
	char	   *body = palloc(WFM_TOKEN_ANSWER_MAX);
	WfmTokenAnswer answer;
	size_t		len = 0;
	size_t		n;

	/* From its beginning, should an error have ended an earlier reading. */
	wfm_transfer_seek(transfer, 0);
	while (len < WFM_TOKEN_ANSWER_MAX &&
		   (n = wfm_transfer_read(transfer, body + len, WFM_TOKEN_ANSWER_MAX - len)) > 0)
		len += n;
	answer = wfm_oauth_read_answer(result->status, body, len,
								   retry_after_ms(&result->headers), texts);
	OPENSSL_cleanse(body, len);
	pfree(body);
	return answer;
}

void
wfm_job_describe_answer(const WfmTokenTexts *texts, int status,
						char detail[WFM_DETAIL_LEN])
{
	if (texts->error[0] != '\0')
		snprintf(detail, WFM_DETAIL_LEN, "HTTP status %d, %s%s%s",
				 status, texts->error,
				 texts->error_description[0] ? ": " : "", texts->error_description);
	else if (texts->problem.text[0] != '\0')
		snprintf(detail, WFM_DETAIL_LEN, "HTTP status %d, %s",
				 status, texts->problem.text);
	else
		snprintf(detail, WFM_DETAIL_LEN, "HTTP status %d", status);
}

static void
start_post(WfmTokenJob *job, WfmChannel *channel)
{
	WFM_CRASHPOINT("K04");
	count_request(job);
	job->post = wfm_job_post_form(channel, job->settings->token_url,
								  &job->body, &job->authorization);
	wfm_secret_free(&job->body);
	wfm_secret_free(&job->authorization);
	WFM_CRASHPOINT("K05");
}

/* Has the POST ended?  Then *event is what came of it. */
static bool
finish_post(WfmTokenJob *job, WfmFsmEvent *event)
{
	const WfmHttpResult *result = job->post == NULL ? NULL
		: wfm_transfer_result(job->post);

	if (result == NULL)
	{
		if (job->post != NULL)
		{
			WFM_CRASHPOINT("K06");
			WFM_CRASHPOINT("K07");
			WFM_CRASHPOINT("K08");
		}
		return false;
	}
	WFM_CRASHPOINT("K09");
	if (result->failure != WFM_HTTP_OK)
	{
		event->kind = WFM_EV_POST_FAILED;
		event->transport = result->maybe_sent ? WFM_MAYBE_SENT
			: result->failure == WFM_HTTP_TLS_TRUST ||
			result->failure == WFM_HTTP_REFUSED ? WFM_NOT_TRUSTED
			: WFM_NOT_SENT;
		strlcpy(job->detail, result->detail, sizeof(job->detail));
	}
	else
	{
		if (job->has_answer)
			wfm_token_texts_free(&job->answer);
		event->kind = WFM_EV_ANSWERED;
		event->answer = wfm_job_read_answer(job->post, &job->answer);
		job->has_answer = true;
		if (event->answer.kind != WFM_ANSWER_TOKENS)
			wfm_job_describe_answer(&job->answer, result->status, job->detail);
	}
	WFM_CRASHPOINT("K10");
	wfm_transfer_free(job->post);
	job->post = NULL;
	return true;
}

/* ---- the machine ---- */

static void
stamp(WfmFsmEvent *event)
{
	event->wall_ms = wfm_wall_ms(GetCurrentTimestamp());
	event->mono_ms = wfm_mono_ms();
	event->chance = pg_prng_double(&pg_global_prng_state);
}

/*
 * Carry out an action that does not wait for the network; *event becomes its
 * result.
 */
static void
carry_out(WfmTokenJob *job, const WfmFsmAction *action, WfmFsmEvent *event,
		  WfmGrantRow *row, WfmFsmConfig *config)
{
	switch (action->kind)
	{
		case WFM_ACT_READ_ROW:
			begin_look(job);
			event->kind = wfm_rows_read(job, row, config);
			event->row = row;
			event->config = config;
			break;
		case WFM_ACT_WRITE_INTENT:
			event->kind = WFM_EV_INTENT;
			event->write = wfm_rows_write_intent(job, action);
			break;
		case WFM_ACT_COMMIT:
			event->kind = WFM_EV_COMMIT;
			event->write = wfm_rows_commit(job, action);
			job->refreshed |= event->write == WFM_WRITE_DONE;
			break;
		case WFM_ACT_WRITE_STATE:
			event->kind = WFM_EV_STATE_WRITTEN;
			event->write = wfm_rows_write_state(job, action);
			break;
		case WFM_ACT_PUBLISH:
			publish(job, action);
			event->kind = WFM_EV_PUBLISHED;
			break;
		default:
			Assert(action->kind == WFM_ACT_FORGET);
			forget(job);
			event->kind = WFM_EV_PUBLISHED;
			break;
	}
}

/* Give the machine an event, and do what it says until it has to wait. */
static void
run_machine(WfmTokenJob *job, WfmChannel *channel, WfmFsmEvent *event)
{
	for (;;)
	{
		WfmGrantRow row;
		WfmFsmConfig config;
		WfmFsmAction action;

		stamp(event);
		action = wfm_fsm_step(&job->fsm, event);
		memset(event, 0, sizeof(*event));
		elog(DEBUG2, "wfm_fdw: connection \"%s\": %s, phase %s", job->connection,
			 wfm_fsm_action_name(action.kind), wfm_fsm_phase_name(job->fsm.phase));

		if (!wfm_fsm_holds_answer(&job->fsm) && job->has_answer)
			forget_exchange(job);
		if (job->fsm.phase == WFM_PHASE_IDLE || job->fsm.phase == WFM_PHASE_SILENT ||
			job->fsm.phase == WFM_PHASE_ABSENT)
			wfm_rows_release_table(job);

		job->wake_mono_ms = WFM_TIME_NEVER;
		job->wake_wall_ms = WFM_TIME_NEVER;
		switch (action.kind)
		{
			case WFM_ACT_WAIT:
				break;
			case WFM_ACT_SLEEP:
				job->wake_mono_ms = action.wake_mono_ms;
				job->wake_wall_ms = action.wake_wall_ms;
				break;
			case WFM_ACT_EXIT:
				job->finished = true;
				break;
			case WFM_ACT_POST:
				wfm_job_tell(job);
				start_post(job, channel);
				break;
			default:
				carry_out(job, &action, event, &row, &config);
				continue;
		}
		break;
	}
	wfm_job_tell(job);
}

static void
send(WfmTokenJob *job, WfmChannel *channel, WfmFsmEventKind kind)
{
	WfmFsmEvent event = {.kind = kind};

	run_machine(job, channel, &event);
}

/* A copy of what backends wish for. */
typedef struct Wishes
{
	bool		changed;
	bool		wanted;
	bool		refresh_asked;
	bool		taken;
	bool		had_2xx;
	uint64		unauthorized;
	uint64		generation;
} Wishes;

static Wishes
take_wishes(WfmTokenJob *job)
{
	Wishes		wishes = {0};
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL)
	{
		/* changed stays set until the row is looked at. */
		wishes.changed = entry->changed;
		wishes.wanted = entry->wanted;
		wishes.refresh_asked = entry->refresh_asked;
		wishes.taken = entry->taken;
		wishes.had_2xx = entry->had_2xx;
		wishes.unauthorized = entry->unauthorized;
		wishes.generation = entry->generation;
		entry->wanted = false;
	}
	LWLockRelease(wfm_token_shmem->lock);
	return wishes;
}

/*
 * Take a wish for a refresh; what is published holds no more until the next
 * look.
 */
static void
take_refresh_asked(WfmTokenJob *job)
{
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL)
	{
		entry->refresh_asked = false;
		entry->changed = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
}

/*
 * wfm_refresh(): read the row anew, as something given up is tried again
 * then, and refresh what is fine.
 */
static void
refresh_now(WfmTokenJob *job, WfmChannel *channel)
{
	WfmFsmEvent event = {.kind = WFM_EV_UNAUTHORIZED,.had_2xx = true};

	take_refresh_asked(job);
	job->revision_bump++;
	if (job->tenant_state != WFM_TENANT_KNOWN)
		job->tenant_state = WFM_TENANT_UNKNOWN;
	send(job, channel, WFM_EV_CHANGED);
	if (job->fsm.phase == WFM_PHASE_IDLE && !job->read_only)
	{
		event.generation = job->fsm.row.generation;
		run_machine(job, channel, &event);
	}
}

void
wfm_job_interrupted(WfmTokenJob *job)
{
	job->interrupted = true;
	job->pause_mono_ms = wfm_mono_ms() + ERROR_PAUSE_MS;
}

/*
 * An error has come between an operation and its result, which is lost: the
 * machine is told that it failed.  That is safe for all of them, because what
 * was written after all fences off what is written again.
 */
static void
resume(WfmTokenJob *job, WfmChannel *channel)
{
	WfmFsmEvent event = {.write = WFM_WRITE_FAILED,.transport = WFM_MAYBE_SENT};

	job->interrupted = false;
	wfm_consent_resume(job);
	switch (job->fsm.phase)
	{
		case WFM_PHASE_READING:
			event.kind = WFM_EV_ROW_UNAVAILABLE;
			break;
		case WFM_PHASE_INTENT:
			event.kind = WFM_EV_INTENT;
			break;
		case WFM_PHASE_POSTING:
			if (job->post != NULL)
				return;			/* goes on by itself */
			event.kind = WFM_EV_POST_FAILED;
			break;
		case WFM_PHASE_COMMITTING:
			event.kind = WFM_EV_COMMIT;
			break;
		case WFM_PHASE_MARKING:
			event.kind = WFM_EV_STATE_WRITTEN;
			break;
		case WFM_PHASE_PUBLISHING:
			/* what is to be published is durable: read it again */
			wfm_fsm_init(&job->fsm);
			event.kind = WFM_EV_START;
			break;
		default:
			return;
	}
	run_machine(job, channel, &event);
}

void
wfm_job_run(WfmTokenJob *job, WfmChannel *channel)
{
	WfmFsmEvent event = {0};
	Wishes		wishes;

	if (job->interrupted)
	{
		if (wfm_mono_ms() < job->pause_mono_ms)
			return;
		resume(job, channel);
	}
	if (job->finished)
	{
		if (job->consent_request != NULL)
			wfm_consent_run(job, channel);
		return;
	}
	if (!job->started)
	{
		job->started = true;
		send(job, channel, WFM_EV_START);
	}
	if (finish_post(job, &event))
		run_machine(job, channel, &event);

	wishes = take_wishes(job);
	if (wishes.changed)
		send(job, channel, WFM_EV_CHANGED);
	if (wishes.refresh_asked && job->post == NULL)
		refresh_now(job, channel);
	if (wishes.unauthorized != 0 && wishes.unauthorized != job->unauthorized_sent)
	{
		WfmFsmEvent unauthorized = {
			.kind = WFM_EV_UNAUTHORIZED,
			.generation = wishes.unauthorized,
			.had_2xx = wishes.had_2xx,
		};

		job->unauthorized_sent = wishes.unauthorized;
		run_machine(job, channel, &unauthorized);
	}
	if (wishes.wanted)
		send(job, channel, WFM_EV_DEMAND);
	else if (wfm_job_timeout(job) == 0)
	{
		WfmFsmEvent tick = {.kind = WFM_EV_TICK,.in_use = wishes.taken};

		run_machine(job, channel, &tick);
	}
	wfm_consent_run(job, channel);
	wfm_tenant_run(job, channel);
}

void
wfm_job_stop(WfmTokenJob *job, WfmChannel *channel)
{
	if (!job->finished)
		send(job, channel, WFM_EV_SHUTDOWN);
}
