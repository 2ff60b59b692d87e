/*
 * auth/grant.c
 *		Rows of wfm_tokens: one grant for each connection.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "base/own_table.h"

/* Columns in the order of the extension script. */
enum
{
	COL_CONNECTION,
	COL_GENERATION,
	COL_STATE,
	COL_INTENT_ID,
	COL_FIRST_USE,
	COL_ATTEMPTS,
	COL_REFUSALS,
	COL_CLIENT_SECRET,
	COL_REFRESH_TOKEN,
	COL_PREVIOUS_REFRESH_TOKEN,
	COL_PREVIOUS_FIRST_USE,
	COL_REFRESH_OBTAINED_AT,
	COL_ACCESS_TOKEN,
	COL_ACCESS_OBTAINED_AT,
	COL_ACCESS_EXPIRES_AT,
	COL_CLOCK_OFFSET_MS,
	COL_BOOT_ID,
	COL_LAST_ERROR,
	COL_LAST_ERROR_DETAIL,
	COL_FINGERPRINT,
	COL_GRANTED_SCOPES,
	COL_TENANT_ID,
	COL_TENANT_NAME,
	COL_TENANTS,
	COL_CONSENTED_BY,
	COL_CONSENTED_AT,
	COL_CONSENT_STATE,
	COL_CONSENT_VERIFIER,
	COL_CONSENT_ASKED_AT,
	COL_DATABASE,
	NCOLUMNS
};

static const struct
{
	int			column;
	const char *name;
}			sealed_columns[WFM_NSEALED] = {
	[WFM_SEALED_CLIENT_SECRET] = {COL_CLIENT_SECRET, "client_secret"},
	[WFM_SEALED_REFRESH_TOKEN] = {COL_REFRESH_TOKEN, "refresh_token"},
	[WFM_SEALED_PREVIOUS_REFRESH_TOKEN] = {COL_PREVIOUS_REFRESH_TOKEN, "previous_refresh_token"},
	[WFM_SEALED_ACCESS_TOKEN] = {COL_ACCESS_TOKEN, "access_token"},
	[WFM_SEALED_CONSENT_STATE] = {COL_CONSENT_STATE, "consent_state"},
	[WFM_SEALED_CONSENT_VERIFIER] = {COL_CONSENT_VERIFIER, "consent_verifier"},
};

/*
 * Class of the grant locks among advisory locks.  Those of SQL functions use
 * 1 and 2, so they cannot meet ours.
 */
#define GRANT_LOCK_CLASS 87

const char *
wfm_sealed_column_name(WfmSealedColumn column)
{
	return sealed_columns[column].name;
}

int64
wfm_wall_ms(TimestampTz at)
{
	return at == 0 ? WFM_TIME_NONE
		: at / 1000 + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;
}

TimestampTz
wfm_timestamp(int64 wall_ms)
{
	return wall_ms == WFM_TIME_NONE ? 0
		: (wall_ms - (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000) * 1000;
}

void
wfm_grant_lock(const char *connection)
{
	LOCKTAG		tag;
	uint32		hash = hash_bytes((const unsigned char *) connection, strlen(connection));

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0x57464D, hash, GRANT_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

WfmGrant *
wfm_grant_make(const char *connection)
{
	WfmGrant   *grant = palloc0(sizeof(WfmGrant));

	grant->connection = pstrdup(connection);
	grant->row.state = WFM_GRANT_NEEDS_AUTHORIZATION;
	return grant;
}

static WfmGrantState
state_by_name(const char *name)
{
	for (int i = WFM_GRANT_READY; i <= WFM_GRANT_CONFIG_ERROR; i++)
	{
		if (strcmp(wfm_grant_state_name(i), name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("unknown state in wfm_tokens")));
}

static WfmTokenError
error_by_name(const char *name)
{
	for (int i = WFM_TOKEN_OK; i <= WFM_TOKEN_ERR_LAST; i++)
	{
		if (strcmp(wfm_token_error_name(i), name) == 0)
			return i;
	}
	return WFM_TOKEN_OK;
}

/* Names the boot of the machine, which the steady clock counts from. */
static const char *
boot_id(void)
{
	static char id[64];
	FILE	   *file;

	if (id[0] != '\0')
		return id;
	file = AllocateFile("/proc/sys/kernel/random/boot_id", "r");
	if (file == NULL || fgets(id, sizeof(id), file) == NULL)
		strlcpy(id, "unknown", sizeof(id));
	if (file != NULL)
		FreeFile(file);
	id[strcspn(id, "\n")] = '\0';
	return id;
}

static char *
text_column(const Datum *values, const bool *nulls, int column)
{
	return nulls[column] ? NULL : TextDatumGetCString(values[column]);
}

static int64
wall_column(const Datum *values, const bool *nulls, int column)
{
	return nulls[column] ? WFM_TIME_NONE
		: wfm_wall_ms(DatumGetTimestampTz(values[column]));
}

static WfmGrant *
grant_of_tuple(Relation tokens, HeapTuple tuple)
{
	WfmGrant   *grant = palloc0(sizeof(WfmGrant));
	WfmGrantRow *row = &grant->row;
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS];
	char	   *error;

	wfm_own_check_columns(tokens, NCOLUMNS);
	heap_deform_tuple(tuple, RelationGetDescr(tokens), values, nulls);

	grant->tid = tuple->t_self;
	grant->uncommitted =
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	grant->connection = text_column(values, nulls, COL_CONNECTION);
	for (int i = 0; i < WFM_NSEALED; i++)
		grant->sealed[i] = text_column(values, nulls, sealed_columns[i].column);

	row->generation = DatumGetInt64(values[COL_GENERATION]);
	row->state = state_by_name(text_column(values, nulls, COL_STATE));
	row->first_use_ms = wall_column(values, nulls, COL_FIRST_USE);
	row->attempts = DatumGetInt32(values[COL_ATTEMPTS]);
	row->refusals = DatumGetInt32(values[COL_REFUSALS]);
	row->has_refresh_token = grant->sealed[WFM_SEALED_REFRESH_TOKEN] != NULL;
	row->has_previous_token = grant->sealed[WFM_SEALED_PREVIOUS_REFRESH_TOKEN] != NULL;
	row->previous_first_use_ms = wall_column(values, nulls, COL_PREVIOUS_FIRST_USE);
	row->refresh_obtained_ms = wall_column(values, nulls, COL_REFRESH_OBTAINED_AT);
	row->has_access_token = grant->sealed[WFM_SEALED_ACCESS_TOKEN] != NULL;
	row->access_obtained_ms = wall_column(values, nulls, COL_ACCESS_OBTAINED_AT);
	row->access_expires_ms = wall_column(values, nulls, COL_ACCESS_EXPIRES_AT);
	grant->boot_id = text_column(values, nulls, COL_BOOT_ID);
	if (!nulls[COL_CLOCK_OFFSET_MS] && grant->boot_id != NULL &&
		strcmp(grant->boot_id, boot_id()) == 0)
		row->clock_offset_ms = DatumGetInt64(values[COL_CLOCK_OFFSET_MS]);
	error = text_column(values, nulls, COL_LAST_ERROR);
	row->last_error = error == NULL ? WFM_TOKEN_OK : error_by_name(error);

	grant->has_intent = !nulls[COL_INTENT_ID];
	if (grant->has_intent)
		grant->intent_id = *DatumGetUUIDP(values[COL_INTENT_ID]);
	grant->error_detail = text_column(values, nulls, COL_LAST_ERROR_DETAIL);
	grant->fingerprint = text_column(values, nulls, COL_FINGERPRINT);
	grant->granted_scopes = text_column(values, nulls, COL_GRANTED_SCOPES);
	grant->tenant_id = text_column(values, nulls, COL_TENANT_ID);
	grant->tenant_name = text_column(values, nulls, COL_TENANT_NAME);
	grant->tenants = text_column(values, nulls, COL_TENANTS);
	grant->consented_by = text_column(values, nulls, COL_CONSENTED_BY);
	grant->consented_at = nulls[COL_CONSENTED_AT] ? 0
		: DatumGetTimestampTz(values[COL_CONSENTED_AT]);
	grant->consent_asked_at = nulls[COL_CONSENT_ASKED_AT] ? 0
		: DatumGetTimestampTz(values[COL_CONSENT_ASKED_AT]);

	/*
	 * CREATE DATABASE ... TEMPLATE copies rows.  The grant stays with the
	 * original: neither could its seals be opened here, nor may two places
	 * renew one refresh token.
	 */
	if (!nulls[COL_DATABASE] &&
		DatumGetObjectId(values[COL_DATABASE]) != MyDatabaseId)
	{
		wfm_grant_clear(grant);
		grant->error_detail = pstrdup("Its tokens belong to the database that this one was copied from.");
	}
	return grant;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
set_timestamp(Datum *values, bool *nulls, int column, TimestampTz at)
{
	nulls[column] = at == 0;
	values[column] = TimestampTzGetDatum(at);
}

static HeapTuple
tuple_of_grant(Relation tokens, const WfmGrant *grant)
{
	const WfmGrantRow *row = &grant->row;
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {0};

	wfm_own_check_columns(tokens, NCOLUMNS);
	set_text(values, nulls, COL_CONNECTION, grant->connection);
	for (int i = 0; i < WFM_NSEALED; i++)
		set_text(values, nulls, sealed_columns[i].column, grant->sealed[i]);

	values[COL_GENERATION] = Int64GetDatum(row->generation);
	set_text(values, nulls, COL_STATE, wfm_grant_state_name(row->state));
	set_timestamp(values, nulls, COL_FIRST_USE, wfm_timestamp(row->first_use_ms));
	values[COL_ATTEMPTS] = Int32GetDatum(row->attempts);
	values[COL_REFUSALS] = Int32GetDatum(row->refusals);
	set_timestamp(values, nulls, COL_PREVIOUS_FIRST_USE, wfm_timestamp(row->previous_first_use_ms));
	set_timestamp(values, nulls, COL_REFRESH_OBTAINED_AT, wfm_timestamp(row->refresh_obtained_ms));
	set_timestamp(values, nulls, COL_ACCESS_OBTAINED_AT, wfm_timestamp(row->access_obtained_ms));
	set_timestamp(values, nulls, COL_ACCESS_EXPIRES_AT, wfm_timestamp(row->access_expires_ms));
	nulls[COL_CLOCK_OFFSET_MS] = row->clock_offset_ms == WFM_TIME_NONE;
	values[COL_CLOCK_OFFSET_MS] = Int64GetDatum(row->clock_offset_ms);
	set_text(values, nulls, COL_BOOT_ID,
			 row->clock_offset_ms == WFM_TIME_NONE ? NULL : boot_id());
	set_text(values, nulls, COL_LAST_ERROR,
			 row->last_error == WFM_TOKEN_OK ? NULL : wfm_token_error_name(row->last_error));

	nulls[COL_INTENT_ID] = !grant->has_intent;
	values[COL_INTENT_ID] = UUIDPGetDatum(&grant->intent_id);
	set_text(values, nulls, COL_LAST_ERROR_DETAIL, grant->error_detail);
	set_text(values, nulls, COL_FINGERPRINT, grant->fingerprint);
	set_text(values, nulls, COL_GRANTED_SCOPES, grant->granted_scopes);
	set_text(values, nulls, COL_TENANT_ID, grant->tenant_id);
	set_text(values, nulls, COL_TENANT_NAME, grant->tenant_name);
	set_text(values, nulls, COL_TENANTS, grant->tenants);
	set_text(values, nulls, COL_CONSENTED_BY, grant->consented_by);
	set_timestamp(values, nulls, COL_CONSENTED_AT, grant->consented_at);
	set_timestamp(values, nulls, COL_CONSENT_ASKED_AT, grant->consent_asked_at);
	values[COL_DATABASE] = ObjectIdGetDatum(MyDatabaseId);
	return heap_form_tuple(RelationGetDescr(tokens), values, nulls);
}

WfmGrant *
wfm_grant_read(Relation tokens, const char *connection)
{
	HeapTuple	tuple = wfm_own_row(tokens, connection);
	WfmGrant   *grant;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	grant = grant_of_tuple(tokens, tuple);
	heap_freetuple(tuple);
	return grant;
}

List *
wfm_grants_read_all(Relation tokens)
{
	SysScanDesc scan = systable_beginscan(tokens, InvalidOid, false, NULL, 0, NULL);
	List	   *grants = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		grants = lappend(grants, grant_of_tuple(tokens, tuple));
	systable_endscan(scan);
	return grants;
}

void
wfm_grant_insert(Relation tokens, const WfmGrant *grant)
{
	wfm_own_insert(tokens, tuple_of_grant(tokens, grant));
}

void
wfm_grant_update(Relation tokens, const WfmGrant *grant)
{
	ItemPointerData tid = grant->tid;

	wfm_own_update(tokens, &tid, tuple_of_grant(tokens, grant));
}

void
wfm_grant_delete(Relation tokens, const WfmGrant *grant)
{
	ItemPointerData tid = grant->tid;

	wfm_own_delete(tokens, &tid);
}

bool
wfm_grants_are_sealed(Relation tokens)
{
	List	   *grants = wfm_grants_read_all(tokens);
	bool		sealed = false;
	ListCell   *cell;

	foreach(cell, grants)
	{
		const WfmGrant *grant = lfirst(cell);

		for (int i = 0; i < WFM_NSEALED; i++)
			sealed |= grant->sealed[i] != NULL;
	}
	return sealed;
}

bool
wfm_grant_holds(const WfmGrant *grant, const char *fingerprint)
{
	return grant->fingerprint != NULL && grant->row.has_refresh_token &&
		grant->row.state != WFM_GRANT_NEEDS_AUTHORIZATION &&
		strcmp(grant->fingerprint, fingerprint) == 0;
}

void
wfm_grant_clear(WfmGrant *grant)
{
	char	   *connection = grant->connection;
	int64		generation = grant->row.generation;
	ItemPointerData tid = grant->tid;

	memset(grant, 0, sizeof(*grant));
	grant->connection = connection;
	grant->tid = tid;
	grant->row.generation = generation;
	grant->row.state = WFM_GRANT_NEEDS_AUTHORIZATION;
}

void
wfm_grant_seal(WfmGrant *grant, const WfmKeyRing *ring,
			   WfmSealedColumn column, const char *plain)
{
	grant->sealed[column] = plain == NULL ? NULL
		: wfm_seal_text(ring, grant->connection, sealed_columns[column].name,
						grant->row.generation, plain, strlen(plain));
}

WfmUnsealResult
wfm_grant_unseal(const WfmGrant *grant, const WfmKeyRing *ring,
				 WfmSealedColumn column, WfmSecret *plain)
{
	if (grant->sealed[column] == NULL)
		return WFM_UNSEAL_OK;
	return wfm_unseal_text(ring, grant->connection, sealed_columns[column].name,
						   grant->row.generation, grant->sealed[column], plain);
}
