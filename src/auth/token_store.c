/*
 * auth/token_store.c
 *		Access tokens in shared memory, as backends use them.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/token_shmem.h"
#include "base/crashpoint.h"
#include "base/settings.h"

/* A token that lives less than this is not worth starting a request with. */
#define MIN_LIFE_MS 5000

/* Waiters look for themselves this often, should a wake-up be lost (K15). */
#define RECHECK_MS 1000

/* How long a waiter believes that a worker will start after all. */
#define LAUNCH_PATIENCE_MS 3000

/* What a look at shared memory says. */
typedef enum Verdict
{
	VERDICT_USABLE,				/* the token was copied */
	VERDICT_WAIT,				/* the worker has to do something first */
	VERDICT_NO_PLACE,			/* all of wfm_fdw.max_grants are taken */
	VERDICT_NOT_AUTHORIZED,		/* somebody has to consent (again) */
	VERDICT_REFUSED,			/* config_error */
	VERDICT_READ_ONLY,			/* expired, and this server may not refresh */
	VERDICT_NO_WORKER			/* no worker could be started */
} Verdict;

/* A copy of what an error message needs. */
typedef struct Standing
{
	Verdict		verdict;
	bool		launcher_runs;
	bool		had_tokens;
	bool		refresh_asked;	/* by wfm_refresh(), whatever there is */
	WfmTokenError error;
	char		detail[WFM_DETAIL_LEN];
} Standing;

static bool
token_is_fresh(const WfmGrantEntry *entry, int64 mono_ms, TimestampTz now)
{
	return entry->token_len > 0 &&
		entry->expires_mono_ms - mono_ms > MIN_LIFE_MS &&
		entry->expires_at - now > MIN_LIFE_MS * INT64CONST(1000);
}

/* Does the worker still have to find out which tenant is meant? */
static bool
tenant_is_awaited(const WfmConnection *connection, const WfmGrantEntry *entry)
{
	return connection->tenant_id == NULL &&
		entry->tenant_state == WFM_TENANT_UNKNOWN;
}

/* Has it been tried for a while to start a worker? */
static bool
worker_is_missing(const WfmGrantEntry *entry, TimestampTz now)
{
	return entry->launch_failed_at != 0 &&
		TimestampDifferenceExceeds(entry->launch_failed_at, now, LAUNCH_PATIENCE_MS);
}

static Verdict
judge(const WfmConnection *connection, const WfmGrantEntry *entry,
	  TimestampTz now, uint64 looks_before)
{
	bool		outdated = !entry->known || entry->changed ||
		(entry->unauthorized != 0 && entry->unauthorized == entry->generation);
	bool		fresh = token_is_fresh(entry, wfm_mono_ms(), now) &&
		entry->state != WFM_GRANT_NEEDS_AUTHORIZATION;

	/* Without a worker the token that is there serves on while it lives. */
	if (worker_is_missing(entry, now))
		return fresh && !outdated && !tenant_is_awaited(connection, entry) ?
			VERDICT_USABLE : VERDICT_NO_WORKER;
	if (outdated || entry->refresh_asked)
		return VERDICT_WAIT;
	if (fresh)
		return tenant_is_awaited(connection, entry) ? VERDICT_WAIT : VERDICT_USABLE;
	if (entry->absent || entry->state == WFM_GRANT_NEEDS_AUTHORIZATION)
		return VERDICT_NOT_AUTHORIZED;
	if (entry->state == WFM_GRANT_CONFIG_ERROR)
		return VERDICT_REFUSED;
	if (entry->read_only && entry->looks > looks_before)
		return VERDICT_READ_ONLY;
	return VERDICT_WAIT;
}

/*
 * Copy the token out.  The allocation is made before the lock is taken:
 * token->token has room for any.
 */
static void
copy_token(const WfmConnection *connection, WfmGrantEntry *entry,
		   WfmAccessToken *token)
{
	memcpy(token->token, entry->token, entry->token_len);
	token->token[entry->token_len] = '\0';
	token->generation = entry->generation;
	token->expires_at = entry->expires_at;
	strlcpy(token->tenant_id,
			connection->tenant_id != NULL ? connection->tenant_id
			: entry->tenant_state == WFM_TENANT_KNOWN ? entry->tenant_id : "",
			sizeof(token->tenant_id));
	entry->taken = true;
}

/*
 * Look once: copy the token, or leave the wish for one behind.
 * *looks_before is the count of the worker's looks at the first call (set to
 * it while it is PG_UINT64_MAX).
 */
static Standing
look_once(const WfmConnection *connection, WfmAccessToken *token,
		  uint64 *looks_before)
{
	Standing	standing = {0};
	TimestampTz now = GetCurrentTimestamp();
	bool		wake = false;
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	standing.launcher_runs = wfm_token_shmem->shared->launcher_pid != 0;
	entry = wfm_grant_entry(MyDatabaseId, connection->name, true);
	if (entry == NULL)
		standing.verdict = VERDICT_NO_PLACE;
	else
	{
		if (*looks_before == PG_UINT64_MAX)
			*looks_before = entry->looks;
		standing.verdict = judge(connection, entry, now, *looks_before);
		standing.had_tokens = entry->had_tokens;
		standing.error = entry->error;
		strlcpy(standing.detail, entry->detail, sizeof(standing.detail));
		if (standing.verdict == VERDICT_USABLE)
		{
			/*
			 * A token that nobody had taken when it was time to refresh it
			 * was left to expire; that somebody takes it now is news.
			 */
			wake = !entry->late_wish && entry->has_refresh_token &&
				entry->expires_mono_ms - wfm_mono_ms() < WFM_LEAD_MS;
			entry->late_wish |= wake;
			copy_token(connection, entry, token);
		}
		else
			wake = standing.verdict == VERDICT_WAIT ||
				standing.verdict == VERDICT_NO_WORKER;
		if (wake)
			entry->wanted = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
	if (wake)
		wfm_token_wake(MyDatabaseId);
	if (standing.verdict == VERDICT_USABLE)
		WFM_CRASHPOINT("K16");
	return standing;
}

/* The same, after dropped databases have made room if there was none. */
static Standing
look(const WfmConnection *connection, WfmAccessToken *token,
	 uint64 *looks_before)
{
	Standing	standing = look_once(connection, token, looks_before);

	if (standing.verdict == VERDICT_NO_PLACE && wfm_grant_places_reclaim())
		standing = look_once(connection, token, looks_before);
	return standing;
}

/* The statement that leads out of a missing consent. */
static char *
authorize_hint(const WfmConnection *connection)
{
	return psprintf("Somebody with access to the account has to consent. Run: SELECT wfm_authorize_url(%s);",
					quote_literal_cstr(connection->name));
}

static void
report_not_authorized(const WfmConnection *connection, const Standing *standing)
{
	if (standing->error == WFM_TOKEN_ERR_GRANT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the consent of connection \"%s\" has ended", connection->name),
				 errdetail("The token endpoint refused the refresh token: it was used elsewhere, has expired, or the app was disconnected.%s%s",
						   standing->detail[0] ? " It said: " : "", standing->detail),
				 errhint("%s", authorize_hint(connection))));
	if (standing->had_tokens)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the access token of connection \"%s\" has expired", connection->name),
				 errdetail("The consent gave no refresh token, because the scope offline_access was missing."),
				 errhint("%s", authorize_hint(connection))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("connection \"%s\" is not authorized", connection->name),
			 standing->detail[0] ? errdetail("%s", standing->detail)
			 : errdetail("It holds no refresh token. Settings restored from a dump, or copied with their database, come without one, so that no two share a grant."),
			 errhint("%s", authorize_hint(connection))));
}

static void
report_refused(const WfmConnection *connection, const Standing *standing)
{
	if (standing->error == WFM_TOKEN_ERR_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the tokens of connection \"%s\" cannot be unsealed", connection->name),
				 errdetail("%s", standing->detail[0] ? standing->detail : "The key file does not hold the key they were sealed with."),
				 errhint("Restore the file named by wfm_fdw.key_file, then run: SELECT wfm_refresh(%s);",
						 quote_literal_cstr(connection->name))));
	if (standing->error == WFM_TOKEN_ERR_TRUST)
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("the token endpoint of connection \"%s\" is not trusted", connection->name),
				 standing->detail[0] ? errdetail("%s", standing->detail) : 0,
				 errhint("If a gateway with its own certificate authority stands in between, set wfm_fdw.ca_file and run: SELECT pg_reload_conf(); If the server's certificate was mended, run: SELECT wfm_refresh(%s);",
						 quote_literal_cstr(connection->name))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PASSWORD),
			 errmsg("the token endpoint refused the app of connection \"%s\"", connection->name),
			 standing->detail[0] ? errdetail("It said: %s", standing->detail) : 0,
			 errhint("Check client_id and client_secret; wfm_import_credentials('file') replaces them. Then run: SELECT wfm_refresh(%s);",
					 quote_literal_cstr(connection->name))));
}

/* The message of VERDICT_READ_ONLY; wfm_refresh() gets it of a live token too. */
static int
read_only_message(const WfmConnection *connection, const Standing *standing)
{
	return standing->refresh_asked
		? errmsg("the tokens of connection \"%s\" cannot be renewed on this server", connection->name)
		: errmsg("the access token of connection \"%s\" has expired", connection->name);
}

/* Turn a verdict that waiting does not change into its error. */
static void
report_verdict(const WfmConnection *connection, const Standing *standing)
{
	switch (standing->verdict)
	{
		case VERDICT_USABLE:
		case VERDICT_WAIT:
			break;
		case VERDICT_NOT_AUTHORIZED:
			report_not_authorized(connection, standing);
			break;
		case VERDICT_REFUSED:
			report_refused(connection, standing);
			break;
		case VERDICT_NO_PLACE:
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no room for the tokens of connection \"%s\"", connection->name),
					 errhint("Increase wfm_fdw.max_grants (now %d) and restart the server.",
							 wfm_token_shmem->nentries)));
			break;
		case VERDICT_READ_ONLY:
			if (RecoveryInProgress())
				ereport(ERROR,
						(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						 read_only_message(connection, standing),
						 errdetail("A standby uses the tokens of its primary and never asks for any."),
						 errhint("On the primary, run: SELECT wfm_refresh(%s);",
								 quote_literal_cstr(connection->name))));
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 read_only_message(connection, standing),
					 errdetail("Refreshing is turned off by wfm_fdw.refresh_tokens."),
					 errhint("If no other server holds this consent, run: ALTER SYSTEM SET wfm_fdw.refresh_tokens = on; SELECT pg_reload_conf();")));
			break;
		case VERDICT_NO_WORKER:
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no token worker could be started for connection \"%s\"", connection->name),
					 errdetail("No background worker process is free, or the database takes no connections."),
					 errhint("See the server log. If all background worker processes are in use, increase max_worker_processes (now %d) and restart the server.",
							 max_worker_processes)));
			break;
	}
}

/* The wait is over and there is no token. */
static void
report_timeout(const WfmConnection *connection, const Standing *standing)
{
	if (!standing->launcher_runs)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the token launcher of wfm_fdw is not running"),
				 errhint("See the server log. If all background worker processes are in use, increase max_worker_processes (now %d) and restart the server.",
						 max_worker_processes)));

	/* It is being asked a second time, to be sure; that changes nothing. */
	if (standing->error == WFM_TOKEN_ERR_GRANT)
		report_not_authorized(connection, standing);
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("no access token for connection \"%s\" within wfm_fdw.max_wait", connection->name),
			 standing->error != WFM_TOKEN_OK
			 ? errdetail("The last attempt to get one failed: %s%s%s.",
						 wfm_token_error_name(standing->error),
						 standing->detail[0] ? ", " : "", standing->detail)
			 : errdetail("The token endpoint has not answered yet."),
			 errhint("The token worker keeps trying. To see each step and how to mend it: SELECT * FROM wfm_check(%s);",
					 quote_literal_cstr(connection->name))));
}

static void
make_room(WfmAccessToken *token)
{
	memset(token, 0, sizeof(*token));
	token->token = palloc0(WFM_TOKEN_LEN_MAX + 1);
}

void
wfm_token_get(const WfmConnection *connection, WfmAccessToken *token)
{
	TimestampTz started = GetCurrentTimestamp();
	uint64		looks_before = PG_UINT64_MAX;
	WfmGrantEntry *entry;
	Standing	standing;

	wfm_require_preload();
	wfm_connection_check_committed(connection);
	make_room(token);

	standing = look(connection, token, &looks_before);
	if (standing.verdict == VERDICT_USABLE)
		return;
	report_verdict(connection, &standing);

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	entry = wfm_grant_entry(MyDatabaseId, connection->name, false);
	LWLockRelease(wfm_token_shmem->lock);
	if (entry != NULL)
		ConditionVariablePrepareToSleep(&entry->changed_cv);
	for (;;)
	{
		long		left_ms;

		standing = look(connection, token, &looks_before);
		if (standing.verdict == VERDICT_USABLE)
			break;
		report_verdict(connection, &standing);
		left_ms = wfm_max_wait_ms -
			TimestampDifferenceMilliseconds(started, GetCurrentTimestamp());
		if (left_ms <= 0)
			report_timeout(connection, &standing);
		if (entry == NULL)
			break;
		(void) ConditionVariableTimedSleep(&entry->changed_cv,
										   Min(left_ms, RECHECK_MS),
										   wfm_wait_event(WFM_WAIT_TOKEN));
	}
	ConditionVariableCancelSleep();
}

bool
wfm_token_try(const WfmConnection *connection, WfmAccessToken *token)
{
	uint64		looks_before = 0;
	Standing	standing;

	wfm_require_preload();
	wfm_connection_check_committed(connection);
	make_room(token);
	standing = look(connection, token, &looks_before);
	if (standing.verdict == VERDICT_USABLE)
		return true;
	report_verdict(connection, &standing);
	wfm_token_forget(token);
	return false;
}

void
wfm_token_require_tenant(const WfmConnection *connection,
						 const WfmAccessToken *token)
{
	WfmTenantState state = WFM_TENANT_UNKNOWN;
	char		tenants[WFM_TENANTS_LEN] = "";
	const WfmGrantEntry *entry;

	if (connection->tenant_id != NULL || token->tenant_id[0] != '\0')
		return;

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	entry = wfm_grant_entry(MyDatabaseId, connection->name, false);
	if (entry != NULL)
	{
		state = entry->tenant_state;
		strlcpy(tenants, entry->tenants, sizeof(tenants));
	}
	LWLockRelease(wfm_token_shmem->lock);

	switch (state)
	{
		case WFM_TENANT_SEVERAL:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("connection \"%s\" reaches several tenants", connection->name),
					 errdetail("%s", tenants),
					 errhint("Choose one: UPDATE wfm_connections SET tenant_id = '...' WHERE name = %s;",
							 quote_literal_cstr(connection->name))));
			break;
		case WFM_TENANT_NONE:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("connection \"%s\" reaches no tenant of its type", connection->name),
					 errdetail("The API \"%s\" needs one of type %s.%s%s",
							   connection->dialect->name,
							   connection->dialect->tenant_type ? connection->dialect->tenant_type : "account",
							   tenants[0] ? " The consent covers: " : "", tenants),
					 errhint("The person who consents has to choose the right organisation. Run: SELECT wfm_authorize_url(%s);",
							 quote_literal_cstr(connection->name))));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the tenant of connection \"%s\" is not known", connection->name),
					 tenants[0] ? errdetail("%s", tenants) : 0,
					 errhint("Name it: UPDATE wfm_connections SET tenant_id = '...' WHERE name = %s;",
							 quote_literal_cstr(connection->name))));
	}
}

void
wfm_token_forget(WfmAccessToken *token)
{
	if (token->token != NULL)
	{
		OPENSSL_cleanse(token->token, strlen(token->token));
		pfree(token->token);
	}
	memset(token, 0, sizeof(*token));
}

bool
wfm_token_report(const WfmConnection *connection, const char *tenant,
				 uint64 generation, int http_status)
{
	uint64		bit = tenant == NULL ? 0 :
		UINT64CONST(1) << hash_bytes((const unsigned char *) tenant, strlen(tenant)) % 64;
	bool		can_help = true;
	bool		wake = false;
	WfmGrantEntry *entry;

	if (http_status != 401 && (http_status < 200 || http_status > 299))
		return true;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, connection->name, false);
	if (entry == NULL || entry->generation != generation)
		can_help = entry != NULL;	/* another generation, or none yet */
	else if (http_status != 401)
	{
		entry->had_2xx = true;
		entry->refused_by &= ~bit;
	}
	else if ((!entry->had_2xx ||
			  (entry->unauthorized != generation && (entry->refused_by & bit) != 0)) &&
			 entry->refreshed_at != 0 &&
			 !TimestampDifferenceExceeds(entry->refreshed_at,
										 GetCurrentTimestamp(), WFM_YOUNG_MS))
	{
		/*
		 * Fresh, and never accepted, or not by this tenant, which had a new
		 * one made just now: not its fault.  A tenant that refuses all tokens
		 * beside one that takes them must not cost a refresh for each query.
		 */
		can_help = false;
	}
	else
	{
		/* A primary may have a newer token; a standby may be one by now. */
		entry->changed |= entry->read_only;
		entry->unauthorized = generation;
		if (!entry->read_only)
			entry->refused_by |= bit;
		wake = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
	if (wake)
		wfm_token_wake(MyDatabaseId);
	return can_help;
}

/* Has the worker finished what wfm_refresh() asked for?  Leaves the wish. */
static bool
refresh_is_done(const WfmConnection *connection, bool ask,
				uint64 *refreshes_before, uint64 *looks_before,
				Standing *standing)
{
	WfmGrantEntry *entry;
	bool		done = false;

	memset(standing, 0, sizeof(*standing));
	standing->refresh_asked = true;
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	standing->launcher_runs = wfm_token_shmem->shared->launcher_pid != 0;
	entry = wfm_grant_entry(MyDatabaseId, connection->name, true);
	if (entry == NULL)
		standing->verdict = VERDICT_NO_PLACE;
	else
	{
		if (ask)
		{
			*refreshes_before = entry->refreshes;
			*looks_before = entry->looks;
			entry->refresh_asked = true;
		}
		done = entry->refreshes != *refreshes_before;
		standing->verdict = judge(connection, entry, GetCurrentTimestamp(), *looks_before);

		/* That the old token still serves is no success here. */
		if (standing->verdict == VERDICT_USABLE &&
			worker_is_missing(entry, GetCurrentTimestamp()))
			standing->verdict = VERDICT_NO_WORKER;
		else if (standing->verdict == VERDICT_USABLE && entry->read_only)
			standing->verdict = VERDICT_READ_ONLY;
		else if (standing->verdict == VERDICT_USABLE &&
				 entry->state == WFM_GRANT_CONFIG_ERROR)
			standing->verdict = VERDICT_REFUSED;
		standing->error = entry->error;
		standing->had_tokens = entry->had_tokens;
		strlcpy(standing->detail, entry->detail, sizeof(standing->detail));
	}
	LWLockRelease(wfm_token_shmem->lock);
	wfm_token_wake(MyDatabaseId);
	return done;
}

void
wfm_token_refresh_now(const WfmConnection *connection)
{
	TimestampTz started = GetCurrentTimestamp();
	uint64		refreshes_before;
	uint64		looks_before;
	Standing	standing;
	bool		done;

	wfm_require_preload();
	wfm_connection_check_committed(connection);
	done = refresh_is_done(connection, true, &refreshes_before, &looks_before, &standing);
	if (standing.verdict == VERDICT_NO_PLACE && wfm_grant_places_reclaim())
		done = refresh_is_done(connection, true, &refreshes_before, &looks_before, &standing);
	while (!done)
	{
		WfmGrantEntry *entry;
		long		left_ms = wfm_max_wait_ms -
			TimestampDifferenceMilliseconds(started, GetCurrentTimestamp());

		report_verdict(connection, &standing);
		if (left_ms <= 0)
			report_timeout(connection, &standing);
		LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
		entry = wfm_grant_entry(MyDatabaseId, connection->name, false);
		LWLockRelease(wfm_token_shmem->lock);
		if (entry == NULL)
			break;

		/* The first sleep returns at once, so nothing is missed. */
		(void) ConditionVariableTimedSleep(&entry->changed_cv,
										   Min(left_ms, RECHECK_MS),
										   wfm_wait_event(WFM_WAIT_TOKEN));
		done = refresh_is_done(connection, false, &refreshes_before, &looks_before, &standing);
	}
	ConditionVariableCancelSleep();
}
