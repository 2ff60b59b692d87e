/*
 * sqlapi/connection_status.c
 *		The rows of the view wfm_stat_connections.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "auth/connection.h"
#include "auth/grant.h"
#include "auth/token_shmem.h"
#include "base/compat.h"
#include "base/own_table.h"

PG_FUNCTION_INFO_V1(wfm_connection_status);

/* Columns of the function, in the order of the extension script. */
enum
{
	COL_NAME,
	COL_API,
	COL_OWNER,
	COL_STATE,
	COL_GENERATION,
	COL_EXPIRES_AT,
	COL_LAST_REFRESH,
	COL_CONSENTED_BY,
	COL_CONSENTED_AT,
	COL_REFRESH_TOKEN_DAYS_LEFT,
	COL_TENANT_ID,
	COL_TENANT_NAME,
	COL_LAST_ERROR,
	COL_LAST_ERROR_DETAIL,
	COL_REFRESHES,
	COL_TOKEN_REQUESTS,
	NCOLUMNS
};

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL || text[0] == '\0';

	values[column] = nulls[column] ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz at)
{
	nulls[column] = at == 0;
	values[column] = TimestampTzGetDatum(at);
}

/* The state in words; a consent that cannot be renewed is one of its own. */
static const char *
state_name(const WfmGrant *grant)
{
	if (grant->row.state == WFM_GRANT_READY && !grant->row.has_refresh_token)
		return "ready_no_refresh";
	return wfm_grant_state_name(grant->row.state);
}

/* What the durable row says. */
static void
set_grant(Datum *values, bool *nulls, const WfmGrant *grant, int token_days)
{
	const WfmGrantRow *row = &grant->row;

	set_text(values, nulls, COL_STATE, state_name(grant));
	values[COL_GENERATION] = Int64GetDatum(row->generation);
	nulls[COL_GENERATION] = false;
	set_time(values, nulls, COL_EXPIRES_AT, wfm_timestamp(row->access_expires_ms));
	set_time(values, nulls, COL_LAST_REFRESH, wfm_timestamp(row->access_obtained_ms));
	set_text(values, nulls, COL_CONSENTED_BY, grant->consented_by);
	set_time(values, nulls, COL_CONSENTED_AT, grant->consented_at);
	if (row->has_refresh_token && row->refresh_obtained_ms != WFM_TIME_NONE)
	{
		int64		age_ms = wfm_wall_ms(GetCurrentTimestamp()) - row->refresh_obtained_ms;
		int64		day_ms = INT64CONST(86400000);

		values[COL_REFRESH_TOKEN_DAYS_LEFT] =
			Int32GetDatum((int32) Max(0, token_days - age_ms / day_ms));
		nulls[COL_REFRESH_TOKEN_DAYS_LEFT] = false;
	}
	if (row->last_error != WFM_TOKEN_OK)
		set_text(values, nulls, COL_LAST_ERROR, wfm_token_error_name(row->last_error));

	/* Why a consent is needed may be known without an error. */
	if (row->last_error != WFM_TOKEN_OK || row->state == WFM_GRANT_NEEDS_AUTHORIZATION)
		set_text(values, nulls, COL_LAST_ERROR_DETAIL, grant->error_detail);
}

/*
 * The tenant that is read: the one that the settings name, or the only one of
 * the consent.  The name is known of the latter alone.
 */
static void
set_tenant(Datum *values, bool *nulls, const char *named, const WfmGrant *grant)
{
	const char *found = grant != NULL ? grant->tenant_id : NULL;

	set_text(values, nulls, COL_TENANT_ID, named != NULL ? named : found);
	if (found != NULL && (named == NULL || pg_strcasecmp(named, found) == 0))
		set_text(values, nulls, COL_TENANT_NAME, grant->tenant_name);
}

/* What the token worker has told since, and what is not written to the row. */
static void
set_told(Datum *values, bool *nulls, const char *name)
{
	const WfmGrantEntry *entry;
	WfmGrantState state = WFM_GRANT_READY;
	WfmTokenError error = WFM_TOKEN_OK;
	char		detail[WFM_DETAIL_LEN] = "";
	uint64		refreshes = 0;
	uint64		requests = 0;
	bool		known = false;

	if (wfm_token_shmem == NULL)
		return;
	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	entry = wfm_grant_entry(MyDatabaseId, name, false);
	if (entry != NULL)
	{
		known = entry->known && !entry->absent;
		state = entry->state;
		error = entry->error;
		strlcpy(detail, entry->detail, sizeof(detail));
		refreshes = entry->refreshes;
		requests = entry->token_requests;
	}
	LWLockRelease(wfm_token_shmem->lock);

	values[COL_REFRESHES] = Int64GetDatum((int64) refreshes);
	values[COL_TOKEN_REQUESTS] = Int64GetDatum((int64) requests);
	nulls[COL_REFRESHES] = nulls[COL_TOKEN_REQUESTS] = false;
	if (known && state != WFM_GRANT_READY)
		set_text(values, nulls, COL_STATE, wfm_grant_state_name(state));
	if (known && error != WFM_TOKEN_OK)
	{
		set_text(values, nulls, COL_LAST_ERROR, wfm_token_error_name(error));
		set_text(values, nulls, COL_LAST_ERROR_DETAIL, detail);
	}
}

/*
 * One row for each connection that the current role may use: members of its
 * owner see it, and so do those who may read all statistics.
 */
Datum
wfm_connection_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	Relation	connections;
	Relation	tokens;
	List	   *settings;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	connections = table_open(wfm_own_table("wfm_connections", false), AccessShareLock);
	tokens = table_open(wfm_own_table("wfm_tokens", false), AccessShareLock);
	settings = wfm_connection_summaries(connections);
	foreach(cell, settings)
	{
		const WfmConnectionSummary *summary = lfirst(cell);
		Oid			owner = get_role_oid(summary->owner, true);
		Datum		values[NCOLUMNS] = {0};
		bool		nulls[NCOLUMNS];
		WfmGrant   *grant;

		if (!all && !(OidIsValid(owner) && is_member_of_role(GetUserId(), owner)))
			continue;
		memset(nulls, true, sizeof(nulls));
		set_text(values, nulls, COL_NAME, summary->name);
		set_text(values, nulls, COL_API, summary->api);
		set_text(values, nulls, COL_OWNER, summary->owner);
		set_text(values, nulls, COL_STATE,
				 wfm_grant_state_name(WFM_GRANT_NEEDS_AUTHORIZATION));
		grant = wfm_grant_read(tokens, summary->name);
		if (grant != NULL)
			set_grant(values, nulls, grant, summary->refresh_token_days);
		set_tenant(values, nulls, summary->tenant_id, grant);
		set_told(values, nulls, summary->name);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	table_close(tokens, AccessShareLock);
	table_close(connections, AccessShareLock);
	return (Datum) 0;
}
