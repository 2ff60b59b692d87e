/*
 * sqlapi/check.c
 *		wfm_check(connection): every step from the settings to a first call,
 *		and how to mend the one that fails.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "auth/connection.h"
#include "auth/grant.h"
#include "auth/keyring.h"
#include "auth/oauth_answer.h"
#include "auth/tenants.h"
#include "auth/token_shmem.h"
#include "auth/token_store.h"
#include "base/compat.h"
#include "base/settings.h"
#include "http/transfer.h"

PG_FUNCTION_INFO_V1(wfm_check);

/* What is shortest in every account, and needs no parameter. */
#define CHEAP_PATH "category.api/list"
#define CHEAP_PATH_JSON "me"
#define CALL_TIMEOUT_MS 30000

/* The vendor's clock and ours may differ by this much. */
#define SKEW_SECONDS 120

typedef struct Check
{
	ReturnSetInfo *result;
	WfmConnection *connection;
	WfmAccessToken token;
} Check;

static void
put(Check *check, const char *step, bool ok, const char *detail, const char *mend)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, detail == NULL, ok || mend == NULL};

	values[0] = CStringGetTextDatum(step);
	values[1] = BoolGetDatum(ok);
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(detail);
	values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(mend);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/*
 * Run a step; an error in it becomes a row of its own, with the error's HINT
 * as what to do.  True if there was none.
 */
static bool
try_step(Check *check, const char *step, void (*body) (Check *check))
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(check);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error == NULL)
		return true;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
		ReThrowError(error);
	put(check, step, false,
		error->detail != NULL ? psprintf("%s. %s", error->message, error->detail) : error->message,
		error->hint);
	return false;
}

static void
check_key_file(Check *check)
{
	WfmKeyRing	ring;
	const char *problem = NULL;
	bool		ok = wfm_keyring_try(&ring, &problem);

	if (ok)
		wfm_key_ring_cleanse(&ring);
	else if (wfm_keyring_to_be_made())
	{
		ok = true;
		problem = "there is none yet: the first secret stored makes it";
	}
	put(check, "key file", ok, problem,
		"Restore the file named by wfm_fdw.key_file, by default wfm_fdw.key beside postgresql.conf. It must belong to the server's user, with mode 0600.");
}

static void
check_worker(Check *check)
{
	bool		runs;

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	runs = wfm_token_shmem->shared->launcher_pid != 0;
	LWLockRelease(wfm_token_shmem->lock);
	put(check, "token launcher", runs, runs ? NULL : "it is not running",
		psprintf("See the server log, and increase max_worker_processes (now %d).",
				 max_worker_processes));
}

static void
get_token(Check *check)
{
	wfm_token_get(check->connection, &check->token);
	put(check, "token", true,
		psprintf("expires at %s", timestamptz_to_str(check->token.expires_at)), NULL);
}

/* The scope that opens the API: the last word of the dialect's default. */
static void
check_scopes(Check *check)
{
	const char *needed = strrchr(check->connection->dialect->scopes, ' ');
	WfmClaims	claims;
	WfmProblem	problem;

	needed = needed != NULL ? needed + 1 : check->connection->dialect->scopes;
	if (!wfm_oauth_read_claims(check->token.token, &claims, &problem) || claims.scope == NULL)
		put(check, "scopes", true, "the token does not tell", NULL);
	else
		put(check, "scopes", wfm_oauth_scope_has(claims.scope, needed),
			pstrdup(claims.scope),
			psprintf("The app needs the scope %s: ask the vendor's support for it, then consent again: SELECT wfm_authorize_url(%s);",
					 needed, quote_literal_cstr(check->connection->name)));
	wfm_claims_free(&claims);
}

static void
find_tenant(Check *check)
{
	wfm_token_require_tenant(check->connection, &check->token);
}

/*
 * Is it among those the consent reaches, and of the type that this API is
 * for?
 */
static void
check_tenant(Check *check)
{
	const WfmConnection *connection = check->connection;
	const char *tenant_id = check->token.tenant_id;
	char	   *choose = psprintf("See SELECT * FROM wfm_tenants(%s); the person who consents chooses the organisation, and wfm_connections.tenant_id names it here.",
								  quote_literal_cstr(connection->name));
	ListCell   *cell;

	if (connection->dialect->issuer != WFM_ISSUER_BLUEROCK &&
		connection->connections_url == NULL)
	{
		put(check, "tenant", true, tenant_id, NULL);
		return;
	}
	foreach(cell, wfm_tenants_fetch(connection, &check->token))
	{
		const WfmTenantInfo *tenant = lfirst(cell);
		const char *type = tenant->tenant_type;

		if (tenant->tenant_id == NULL || strcmp(tenant->tenant_id, tenant_id) != 0)
			continue;
		put(check, "tenant", tenant->usable,
			psprintf("%s%s%s%s%s", tenant_id,
					 type != NULL ? ", type " : "", type != NULL ? type : "",
					 tenant->usable ? "" : ", but the API needs one of type ",
					 tenant->usable ? "" : connection->dialect->tenant_type),
			choose);
		return;
	}
	put(check, "tenant", false,
		psprintf("%s is none of those the consent reaches", tenant_id), choose);
}

/* One permit of the tenant's limits, waited for. */
static WfmPermit *
get_permit(Check *check, MemoryContext owner)
{
	WfmPermit  *permit = wfm_permit_request(check->connection->client_id,
											check->token.tenant_id,
											&check->connection->limits, owner);
	int64		since_us = wfm_monotonic_us();

	for (;;)
	{
		WfmPermitStatus status = wfm_permit_poll(permit, since_us);
		int64		wait_ms = (status.retry_at_us - wfm_monotonic_us()) / 1000;

		if (status.state == WFM_PERMIT_GRANTED)
			return permit;
		if (status.state == WFM_PERMIT_REFUSED)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("the call has to wait: %s%s%s",
							wfm_permit_reason_name(status.reason),
							status.available_at != 0 ? ", until " : "",
							status.available_at != 0 ? timestamptz_to_str(status.available_at) : ""),
					 errhint("Try again then. SELECT * FROM wfm_stat_limits shows how far the limits are used.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Max(1, Min(wait_ms, 1000)), wfm_wait_event(WFM_WAIT_PERMIT));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* What a status of the data API means for somebody who sets things up. */
static void
put_call(Check *check, const char *path, int status, const char *body)
{
	const char *mend = "The API answers this to a plain list; see its status page.";
	bool		ok = status == 200 && strstr(body, "<Status>ERROR</Status>") == NULL;

	if (status == 401)
		mend = psprintf("The vendor does not accept the token. SELECT wfm_authorize_url(%s);",
						quote_literal_cstr(check->connection->name));
	else if (status == 403)
		mend = "The person who consents needs Administrator and \"Authorise 3rd Party Full Access\" under Business > Settings > Staff > API Access Privileges; the app needs the scope; the tenant may have been disconnected, or be of another type.";
	else if (status == 429)
		mend = "The limits of the tenant are spent; wait.";
	put(check, "call", ok, psprintf("GET %s: HTTP status %d", path, status), mend);
}

static void
put_headers(Check *check, const WfmHeaders *headers)
{
	if (headers->date >= 0)
	{
		int64		skew = wfm_wall_ms(GetCurrentTimestamp()) / 1000 - headers->date;

		put(check, "clock", skew > -SKEW_SECONDS && skew < SKEW_SECONDS,
			psprintf("this server is " INT64_FORMAT " s ahead of the vendor's", skew),
			"Set the machine's clock by NTP: the expiry of tokens is told by it.");
	}
	if (headers->day_remaining >= 0)
		put(check, "day limit", headers->day_remaining > 0,
			psprintf("%d calls are left for the tenant today, by the vendor's count; %d a day are set",
					 headers->day_remaining, check->connection->limits.calls_per_day),
			"The day's calls are spent; apps of the vendor's first tier have 1,000 a day.");
}

static void
check_call(Check *check)
{
	WfmConnection *connection = check->connection;
	const char *path = connection->dialect->format == WFM_FORMAT_JSON
		? CHEAP_PATH_JSON : CHEAP_PATH;
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext,
												"wfm_fdw check",
												ALLOCSET_SMALL_SIZES);
	WfmPermit  *permit = get_permit(check, owner);
	WfmChannel *channel = wfm_channel_borrow(owner);
	char	   *bearer = psprintf("Authorization: Bearer %s", check->token.token);
	const char *headers[] = {
		bearer,
		psprintf("%s: %s", connection->dialect->tenant_header, check->token.tenant_id),
	};
	WfmHttpRequest request = {
		.method = WFM_HTTP_GET,
		.url = psprintf("%s%s", connection->api_url, path),
		.headers = headers,
		.nheaders = lengthof(headers),
		.total_timeout_ms = CALL_TIMEOUT_MS,
	};
	WfmTransfer *transfer = wfm_transfer_start(channel, &request);
	const WfmHttpResult *result;
	char		body[4096];

	explicit_bzero(bearer, strlen(bearer));
	while ((result = wfm_transfer_result(transfer)) == NULL)
		wfm_channel_wait(channel, -1, wfm_wait_event(WFM_WAIT_NETWORK));
	if (result->failure != WFM_HTTP_OK)
	{
		wfm_permit_failed(permit, result->maybe_sent);
		put(check, "call", false, result->detail,
			"Check that this server may reach the API: name service, firewall, wfm_fdw.proxy, wfm_fdw.ca_file.");
	}
	else
	{
		body[wfm_transfer_read(transfer, body, sizeof(body) - 1)] = '\0';
		wfm_permit_done(permit, result->status, &result->headers);
		(void) wfm_token_report(connection, check->token.tenant_id,
								check->token.generation, result->status);
		put_call(check, path, result->status, body);
		put_headers(check, &result->headers);
	}
	wfm_transfer_free(transfer);
	wfm_channel_return(channel);
	MemoryContextDelete(owner);
}

static void
check_dates(Check *check)
{
	const char *end = check->connection->dialect->end_of_life;

	if (end != NULL)
		put(check, "end of life", false,
			psprintf("the vendor turns %s off on %s", check->connection->dialect->name, end),
			"Make a connection for a newer API; column names stay the same.");
	put(check, "time zone", true,
		psprintf("dates of this session are those of %s", pg_get_timezone_name(session_timezone)),
		NULL);
}

static void
get_connection(Check *check)
{
	wfm_connection_check_committed(check->connection);
	put(check, "connection", true,
		psprintf("%s at %s", check->connection->dialect->name, check->connection->api_url), NULL);
}

Datum
wfm_check(PG_FUNCTION_ARGS)
{
	Check	   *check = palloc0(sizeof(Check));

	check->connection = wfm_connection_get(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	wfm_connection_check_member(check->connection);
	InitMaterializedSRF(fcinfo, 0);
	check->result = (ReturnSetInfo *) fcinfo->resultinfo;

	put(check, "preload", wfm_preloaded,
		wfm_preloaded ? NULL : "wfm_fdw was not loaded when the server started",
		"Add wfm_fdw to shared_preload_libraries in postgresql.conf and restart the server.");
	if (wfm_preloaded && try_step(check, "connection", get_connection))
	{
		check_key_file(check);
		check_worker(check);
		if (try_step(check, "token", get_token))
		{
			check_scopes(check);
			if (try_step(check, "tenant", find_tenant))
			{
				(void) try_step(check, "tenant", check_tenant);
				(void) try_step(check, "call", check_call);
			}
			wfm_token_forget(&check->token);
		}
	}
	check_dates(check);
	return (Datum) 0;
}
