/*
 * auth/token_rows.c
 *		What the state machine's actions do to wfm_tokens.
 *
 * Rows are read and written directly (base/own_table.h) and not through SPI:
 * the token worker is a superuser, and nobody's trigger, rule, operator or
 * search_path shall run as one.  Every transaction is committed synchronously
 * whatever the server's setting: a token that is used must be durable.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "auth/oauth_request.h"
#include "auth/token_job.h"
#include "base/crashpoint.h"
#include "base/encoding.h"
#include "base/own_table.h"
#include "base/settings.h"

/*
 * A commit may wait for a synchronous standby this long; then it stays local,
 * with the server's own warning (S07).  A refresh has two of them, and so half
 * a minute in all.
 */
#define COMMIT_TIMEOUT_MS 15000

/* Logged errors of one job are this far apart. */
#define COMPLAINT_INTERVAL_MS 60000

static bool
may_complain(WfmTokenJob *job)
{
	TimestampTz now = GetCurrentTimestamp();

	if (job == NULL)
		return true;
	if (job->complained_at != 0 &&
		!TimestampDifferenceExceeds(job->complained_at, now, COMPLAINT_INTERVAL_MS))
		return false;
	job->complained_at = now;
	return true;
}

bool
wfm_run_transaction(const char *activity, WfmTokenJob *job,
					void (*body) (void *), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		pgstat_report_activity(STATE_RUNNING, activity);
		body(arg);
		PopActiveSnapshot();
		ForceSyncCommit();
		enable_timeout_after(STATEMENT_TIMEOUT, COMMIT_TIMEOUT_MS);
		CommitTransactionCommand();
		disable_timeout(STATEMENT_TIMEOUT, false);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		disable_timeout(STATEMENT_TIMEOUT, false);
		if (may_complain(job))
			EmitErrorReport();
		AbortCurrentTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
		ok = false;
	}
	PG_END_TRY();

	/* The timeout may have come when there was nothing to cancel any more. */
	QueryCancelPending = false;
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ok;
}

/* ---- READ_ROW ---- */

typedef struct ReadWork
{
	WfmTokenJob *job;
	WfmGrantRow *row;
	WfmFsmConfig *config;
	bool		absent;
} ReadWork;

static const WfmOAuthProfile *
profile_of(const WfmConnection *settings, const WfmGrant *grant)
{
	if (settings->dialect->issuer == WFM_ISSUER_BLUEROCK)
		return &wfm_profile_bluerock;
	return grant->sealed[WFM_SEALED_CLIENT_SECRET] != NULL
		? &wfm_profile_xero : &wfm_profile_xero_pkce;
}

/* Changes whenever what a token request is made of does. */
static uint64
revision_of(const WfmTokenJob *job, const WfmGrant *grant)
{
	const WfmConnection *settings = job->settings;
	const char *secret = grant->sealed[WFM_SEALED_CLIENT_SECRET];
	uint64		hash = job->revision_bump;

	hash = hash_bytes_extended((const unsigned char *) settings->client_id,
							   strlen(settings->client_id), hash);
	hash = hash_bytes_extended((const unsigned char *) settings->token_url,
							   strlen(settings->token_url), hash);
	if (secret != NULL)
		hash = hash_bytes_extended((const unsigned char *) secret,
								   strlen(secret), hash);
	hash = hash_bytes_extended((const unsigned char *) wfm_ca_file,
							   strlen(wfm_ca_file), hash);
	hash = hash_bytes_extended((const unsigned char *) wfm_proxy,
							   strlen(wfm_proxy), hash);
	return hash;
}

/*
 * Can everything a refresh needs be opened?  Leaves the access token in the
 * job, for PUBLISH.
 */
static bool
open_tokens(WfmTokenJob *job, const WfmGrant *grant)
{
	WfmKeyRing	ring;
	const char *problem;
	bool		sealed = false;
	bool		ok = true;

	wfm_secret_free(&job->access_token);
	for (int i = 0; i < WFM_NSEALED; i++)
		sealed |= grant->sealed[i] != NULL;
	if (!sealed)
		return true;
	if (!wfm_keyring_try(&ring, &problem))
	{
		strlcpy(job->detail, problem, sizeof(job->detail));
		return false;
	}
	for (int i = 0; i <= WFM_SEALED_ACCESS_TOKEN && ok; i++)
	{
		WfmSecret	plain = WFM_SECRET_EMPTY;
		WfmUnsealResult result = wfm_grant_unseal(grant, &ring, i, &plain);

		ok = result == WFM_UNSEAL_OK;
		if (!ok)
			snprintf(job->detail, sizeof(job->detail), "column %s of wfm_tokens: %s",
					 wfm_sealed_column_name(i), wfm_unseal_result_text(result));
		else if (i == WFM_SEALED_ACCESS_TOKEN && plain.len > 0)
			wfm_secret_append(&job->access_token, plain.text, plain.len);
		wfm_secret_free(&plain);
	}
	wfm_key_ring_cleanse(&ring);
	return ok;
}

/*
 * A grant has one owner.  Whoever comes second gives its copy up for good:
 * after a restart it might come first, with a token that has been used.
 */
static void
give_up_shared_grant(WfmTokenJob *job, Relation tokens, WfmGrant *grant)
{
	Oid			database;
	char		other[NAMEDATALEN];

	if (grant->fingerprint == NULL ||
		!wfm_grant_is_held_elsewhere(grant->fingerprint, job->connection, true,
									 &database, other))
		return;
	snprintf(job->detail, sizeof(job->detail),
			 database == MyDatabaseId
			 ? "Its consent belongs to connection \"%s\", and only one may hold it."
			 : "Its consent belongs to connection \"%s\" in another database, and only one may hold it.",
			 other);
	if (job->read_only)
		return;
	wfm_secret_free(&job->access_token);
	wfm_grant_lock(job->connection);
	wfm_grant_clear(grant);
	grant->row.generation++;
	grant->error_detail = pstrdup(job->detail);
	wfm_grant_update(tokens, grant);
	ereport(WARNING,
			(errmsg("connection \"%s\" lost its tokens", job->connection),
			 errdetail_internal("%s", job->detail)));
}

static void
take_tenant(WfmTokenJob *job, const WfmGrant *grant)
{
	if (grant->tenant_id != NULL)
	{
		job->tenant_state = WFM_TENANT_KNOWN;
		strlcpy(job->tenant_id, grant->tenant_id, sizeof(job->tenant_id));
	}
	else if (job->tenant_state == WFM_TENANT_KNOWN)
		job->tenant_state = WFM_TENANT_UNKNOWN;
	if (grant->tenants != NULL)
		strlcpy(job->tenants, grant->tenants, sizeof(job->tenants));
}

static void
read_work(void *arg)
{
	ReadWork   *work = arg;
	WfmTokenJob *job = work->job;
	Oid			oid = wfm_own_table("wfm_tokens", true);
	MemoryContext old;
	Relation	tokens;
	WfmGrant   *grant;
	bool		readable;

	MemoryContextReset(job->context);
	job->settings = NULL;
	job->read_only = RecoveryInProgress() || !wfm_refresh_tokens;
	work->absent = true;
	if (!OidIsValid(oid))
		return;

	old = MemoryContextSwitchTo(job->context);
	job->settings = wfm_connection_get(job->connection, true);
	MemoryContextSwitchTo(old);
	if (job->settings == NULL)
		return;

	tokens = table_open(oid, job->read_only ? AccessShareLock : RowExclusiveLock);
	grant = wfm_grant_read(tokens, job->connection);
	if (grant != NULL)
	{
		/* What the token endpoint last said stays true of the same grant. */
		if (grant->row.generation != job->fsm.row.generation)
			job->detail[0] = '\0';

		/* Who cannot open it cannot use it, and is no owner. */
		readable = open_tokens(job, grant);
		if (readable)
			give_up_shared_grant(job, tokens, grant);
		job->profile = profile_of(job->settings, grant);
		job->has_refresh_token = grant->row.has_refresh_token;
		job->had_tokens = grant->row.has_access_token;
		strlcpy(job->fingerprint,
				readable && grant->fingerprint != NULL ? grant->fingerprint : "",
				sizeof(job->fingerprint));
		if (job->detail[0] == '\0' && grant->error_detail != NULL)
			strlcpy(job->detail, grant->error_detail, sizeof(job->detail));
		take_tenant(job, grant);

		*work->row = grant->row;
		work->row->unreadable = !readable;
		work->config->grace_s = job->profile->grace_s;
		work->config->refresh_token_days = job->settings->refresh_token_days;
		work->config->revision = revision_of(job, grant);
		work->config->read_only = job->read_only;
		work->absent = false;
	}
	table_close(tokens, NoLock);
}

WfmFsmEventKind
wfm_rows_read(WfmTokenJob *job, WfmGrantRow *row, WfmFsmConfig *config)
{
	ReadWork	work = {.job = job,.row = row,.config = config};

	memset(row, 0, sizeof(*row));
	memset(config, 0, sizeof(*config));
	if (!wfm_run_transaction("reading a grant", job, read_work, &work))
		return WFM_EV_ROW_UNAVAILABLE;
	return work.absent ? WFM_EV_ROW_ABSENT : WFM_EV_ROW_LOADED;
}

/* ---- writes ---- */

typedef struct WriteWork
{
	WfmTokenJob *job;
	const WfmFsmAction *action;
	WfmWriteResult result;
} WriteWork;

/*
 * Lock a grant and read it; NULL, and the result FENCED, unless it is the
 * one the machine knows.
 */
static WfmGrant *
lock_grant(WriteWork *work, Relation *tokens, int64 generation)
{
	Oid			oid = wfm_own_table("wfm_tokens", true);
	WfmGrant   *grant;

	work->result = WFM_WRITE_FENCED;
	if (!OidIsValid(oid))
		return NULL;
	*tokens = table_open(oid, RowExclusiveLock);
	wfm_grant_lock(work->job->connection);
	grant = wfm_grant_read(*tokens, work->job->connection);
	if (grant == NULL || grant->row.generation != generation)
	{
		table_close(*tokens, NoLock);
		return NULL;
	}
	return grant;
}

/* Put the machine's columns in; what only the seals know stays. */
static void
set_row(WfmGrant *grant, const WfmGrantRow *row)
{
	grant->row = *row;
	grant->has_intent &= row->first_use_ms != WFM_TIME_NONE;
}

/* Make the POST: opens what it needs in the intent's transaction (S08). */
static bool
prepare_post(WfmTokenJob *job, const WfmGrant *grant, WfmTokenChoice choice)
{
	WfmSealedColumn column = choice == WFM_TOKEN_PREVIOUS
		? WFM_SEALED_PREVIOUS_REFRESH_TOKEN : WFM_SEALED_REFRESH_TOKEN;
	WfmSecret	secret = WFM_SECRET_EMPTY;
	WfmSecret	token = WFM_SECRET_EMPTY;
	WfmKeyRing	ring;
	const char *problem;
	bool		ok = false;

	wfm_secret_free(&job->body);
	wfm_secret_free(&job->authorization);
	if (!wfm_keyring_try(&ring, &problem))
	{
		strlcpy(job->detail, problem, sizeof(job->detail));
		return false;
	}
	if (wfm_grant_unseal(grant, &ring, column, &token) == WFM_UNSEAL_OK &&
		wfm_grant_unseal(grant, &ring, WFM_SEALED_CLIENT_SECRET, &secret) == WFM_UNSEAL_OK &&
		token.len > 0)
	{
		WfmOAuthClient client = {
			.auth = job->profile->client_auth,
			.client_id = job->settings->client_id,
			.client_secret = secret.len > 0 ? secret.text : NULL,
		};

		ok = wfm_oauth_refresh_body(&client, token.text, &job->body) &&
			wfm_oauth_basic_value(&client, &job->authorization);
	}
	wfm_secret_free(&secret);
	wfm_secret_free(&token);
	wfm_key_ring_cleanse(&ring);
	return ok;
}

static void
intent_work(void *arg)
{
	WriteWork  *work = arg;
	WfmTokenJob *job = work->job;
	Relation	tokens;
	WfmGrant   *grant = lock_grant(work, &tokens, work->action->row.generation);

	WFM_CRASHPOINT("K01");
	if (grant == NULL)
		return;
	if (!prepare_post(job, grant, work->action->token))
		work->result = WFM_WRITE_UNREADABLE;
	else
	{
		set_row(grant, &work->action->row);
		grant->has_intent = true;
		if (!pg_strong_random(&job->intent_id, sizeof(job->intent_id)))
			elog(ERROR, "could not make a random number");
		grant->intent_id = job->intent_id;
		wfm_grant_update(tokens, grant);
		WFM_CRASHPOINT("K02");
		WFM_CRASHPOINT_AT_COMMIT("K03");
		if (!job->holds_table)
		{
			job->table = tokens->rd_lockInfo.lockRelId;
			LockRelationIdForSession(&job->table, AccessShareLock);
			job->holds_table = true;
		}
		work->result = WFM_WRITE_DONE;
	}
	table_close(tokens, NoLock);
}

static WfmWriteResult
run_write(const char *activity, WfmTokenJob *job, const WfmFsmAction *action,
		  void (*body) (void *))
{
	WriteWork	work = {.job = job,.action = action,.result = WFM_WRITE_FAILED};

	if (!wfm_run_transaction(activity, job, body, &work))
		return WFM_WRITE_FAILED;
	return work.result;
}

WfmWriteResult
wfm_rows_write_intent(WfmTokenJob *job, const WfmFsmAction *action)
{
	return run_write("announcing a token request", job, action, intent_work);
}

/* The plain text that goes into a refresh token column, or NULL. */
static const char *
source_text(WfmTokenSource source, const WfmSecret *self,
			const WfmSecret *current, const WfmSecret *previous,
			const WfmTokenJob *job)
{
	const WfmSecret *from = self;

	switch (source)
	{
		case WFM_FROM_ANSWER:
			return job->answer.refresh_token;
		case WFM_FROM_NOTHING:
			return NULL;
		case WFM_FROM_CURRENT:
			from = current;
			break;
		case WFM_FROM_PREVIOUS:
			from = previous;
			break;
		case WFM_FROM_SELF:
			break;
	}
	return from->len > 0 ? from->text : NULL;
}

/*
 * The new pair.  Everything sealed is sealed anew, because the generation is
 * part of the seal.
 */
static void
store_answer(WfmTokenJob *job, WfmGrant *grant, const WfmFsmAction *action)
{
	WfmSecret	plain[WFM_NSEALED];
	const char *current;
	const char *previous;
	WfmKeyRing	ring;

	memset(plain, 0, sizeof(plain));
	wfm_keyring_load(&ring, false);
	for (int i = 0; i < WFM_NSEALED; i++)
	{
		/* What does not open any more (after a change of keys) is let go. */
		if (wfm_grant_unseal(grant, &ring, i, &plain[i]) != WFM_UNSEAL_OK)
			wfm_secret_free(&plain[i]);
	}
	current = source_text(action->set_current, &plain[WFM_SEALED_REFRESH_TOKEN],
						  &plain[WFM_SEALED_REFRESH_TOKEN],
						  &plain[WFM_SEALED_PREVIOUS_REFRESH_TOKEN], job);
	previous = source_text(action->set_previous, &plain[WFM_SEALED_PREVIOUS_REFRESH_TOKEN],
						   &plain[WFM_SEALED_REFRESH_TOKEN],
						   &plain[WFM_SEALED_PREVIOUS_REFRESH_TOKEN], job);

	grant->row = action->row;
	grant->has_intent = false;
	grant->error_detail = NULL;
	wfm_grant_seal(grant, &ring, WFM_SEALED_REFRESH_TOKEN, current);
	wfm_grant_seal(grant, &ring, WFM_SEALED_PREVIOUS_REFRESH_TOKEN, previous);
	wfm_grant_seal(grant, &ring, WFM_SEALED_ACCESS_TOKEN, job->answer.access_token);
	for (int i = 0; i < WFM_NSEALED; i++)
	{
		if (i != WFM_SEALED_REFRESH_TOKEN &&
			i != WFM_SEALED_PREVIOUS_REFRESH_TOKEN &&
			i != WFM_SEALED_ACCESS_TOKEN)
			wfm_grant_seal(grant, &ring, i, plain[i].len > 0 ? plain[i].text : NULL);
		wfm_secret_free(&plain[i]);
	}
	if (job->answer.scope != NULL)
		grant->granted_scopes = wfm_text_from_utf8(job->answer.scope);
	wfm_key_ring_cleanse(&ring);
}

static void
commit_work(void *arg)
{
	WriteWork  *work = arg;
	WfmTokenJob *job = work->job;
	Relation	tokens;
	WfmGrant   *grant = lock_grant(work, &tokens, work->action->row.generation - 1);

	if (grant == NULL)
		return;
	if (grant->has_intent &&
		memcmp(&grant->intent_id, &job->intent_id, sizeof(pg_uuid_t)) == 0)
	{
		store_answer(job, grant, work->action);
		wfm_grant_update(tokens, grant);
		WFM_CRASHPOINT("K11");
		WFM_CRASHPOINT_AT_COMMIT("K12");
		job->had_tokens = true;
		job->has_refresh_token = grant->sealed[WFM_SEALED_REFRESH_TOKEN] != NULL;
		work->result = WFM_WRITE_DONE;
	}
	table_close(tokens, NoLock);
}

WfmWriteResult
wfm_rows_commit(WfmTokenJob *job, const WfmFsmAction *action)
{
	WfmWriteResult result = run_write("storing tokens", job, action, commit_work);

	if (result == WFM_WRITE_DONE)
	{
		job->detail[0] = '\0';
		wfm_secret_free(&job->access_token);
		wfm_secret_append_text(&job->access_token, job->answer.access_token);
	}
	return result;
}

static void
state_work(void *arg)
{
	WriteWork  *work = arg;
	Relation	tokens;
	WfmGrant   *grant = lock_grant(work, &tokens, work->action->row.generation);

	if (grant == NULL)
		return;
	set_row(grant, &work->action->row);
	grant->error_detail = work->job->detail[0] ? pstrdup(work->job->detail) : NULL;
	wfm_grant_update(tokens, grant);
	work->result = WFM_WRITE_DONE;
	table_close(tokens, NoLock);
}

WfmWriteResult
wfm_rows_write_state(WfmTokenJob *job, const WfmFsmAction *action)
{
	return run_write("storing the state of a grant", job, action, state_work);
}

/* ---- the tenant ---- */

typedef struct TenantWork
{
	WfmTokenJob *job;
	const char *tenant_name;
} TenantWork;

static void
tenant_work(void *arg)
{
	TenantWork *work = arg;
	WfmTokenJob *job = work->job;
	Oid			oid = wfm_own_table("wfm_tokens", true);
	char	   *tenants = wfm_text_from_utf8(job->tenants);
	Relation	tokens;
	WfmGrant   *grant;

	/* What is told to backends, too, is in the database's encoding. */
	tenants[pg_mbcliplen(tenants, strlen(tenants), sizeof(job->tenants) - 1)] = '\0';
	strlcpy(job->tenants, tenants, sizeof(job->tenants));
	if (!OidIsValid(oid))
		return;
	tokens = table_open(oid, RowExclusiveLock);
	wfm_grant_lock(job->connection);
	grant = wfm_grant_read(tokens, job->connection);
	if (grant != NULL && grant->row.generation == job->fsm.row.generation)
	{
		bool		known = job->tenant_state == WFM_TENANT_KNOWN;

		grant->tenant_id = known ? job->tenant_id : NULL;
		grant->tenant_name = known ? wfm_text_from_utf8(work->tenant_name) : NULL;
		grant->tenants = job->tenants[0] ? job->tenants : NULL;
		wfm_grant_update(tokens, grant);
	}
	table_close(tokens, NoLock);
}

void
wfm_rows_write_tenant(WfmTokenJob *job, const char *tenant_name)
{
	TenantWork	work = {.job = job,.tenant_name = tenant_name};

	(void) wfm_run_transaction("storing a tenant", job, tenant_work, &work);
}

void
wfm_rows_release_table(WfmTokenJob *job)
{
	if (job->holds_table)
		UnlockRelationIdForSession(&job->table, AccessShareLock);
	job->holds_table = false;
}
