/*
 * sqlapi/rotate_key.c
 *		wfm_rotate_key(): a new key for what is sealed.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "auth/grant.h"
#include "auth/keyring.h"
#include "auth/token_shmem.h"
#include "base/compat.h"
#include "base/own_table.h"

PG_FUNCTION_INFO_V1(wfm_rotate_key);

/* Columns of the function, in the order of the extension script. */
enum
{
	COL_CONNECTION,
	COL_KEY_ID,
	COL_RESEALED,
	COL_WHY_NOT,
	NCOLUMNS
};

/* Is every sealed column of the grant under this key? */
static bool
is_under_key(const WfmGrant *grant, const char *key_id)
{
	for (int i = 0; i < WFM_NSEALED; i++)
	{
		char		id[WFM_KEY_ID_MAX + 1];

		if (grant->sealed[i] != NULL &&
			(!wfm_sealed_key_id(grant->sealed[i], strlen(grant->sealed[i]), id) ||
			 strcmp(id, key_id) != 0))
			return false;
	}
	return true;
}

/* Seal every column anew; NULL, or why one does not open. */
static const char *
reseal(WfmGrant *grant, const WfmKeyRing *ring)
{
	for (int i = 0; i < WFM_NSEALED; i++)
	{
		WfmSecret	plain = WFM_SECRET_EMPTY;
		WfmUnsealResult result = wfm_grant_unseal(grant, ring, i, &plain);

		if (result == WFM_UNSEAL_OK && plain.len > 0)
			wfm_grant_seal(grant, ring, i, plain.text);
		wfm_secret_free(&plain);
		if (result != WFM_UNSEAL_OK)
			return psprintf("column %s: %s", wfm_sealed_column_name(i),
							wfm_unseal_result_text(result));
	}
	return NULL;
}

/*
 * One grant, and its row of the result.  A refresh under way is left alone:
 * its answer will be sealed under the newest key anyway.
 */
static void
rotate_grant(Relation tokens, const char *connection, const WfmKeyRing *ring,
			 ReturnSetInfo *result)
{
	const char *key_id = ring->keys[ring->count - 1].id;
	const char *why_not = NULL;
	bool		resealed = false;
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS] = {0};
	WfmGrant   *grant;

	wfm_grant_lock(connection);
	grant = wfm_grant_read(tokens, connection);
	if (grant == NULL)
		return;
	if (!is_under_key(grant, key_id))
	{
		if (grant->row.first_use_ms != WFM_TIME_NONE || grant->has_intent)
			why_not = "its token is being refreshed";
		else
			why_not = reseal(grant, ring);
		resealed = why_not == NULL;
	}
	if (resealed)
	{
		wfm_grant_update(tokens, grant);
		wfm_token_note_change(connection);
	}

	values[COL_CONNECTION] = CStringGetTextDatum(connection);
	nulls[COL_KEY_ID] = why_not != NULL;
	if (why_not == NULL)
		values[COL_KEY_ID] = CStringGetTextDatum(key_id);
	values[COL_RESEALED] = BoolGetDatum(resealed);
	nulls[COL_WHY_NOT] = why_not == NULL;
	if (why_not != NULL)
		values[COL_WHY_NOT] = CStringGetTextDatum(why_not);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * wfm_rotate_key(new_key): appends a key to the key file, unless new_key is
 * false, and seals the grants of this database under the newest one.  An old
 * key may be removed from the file once every database has done so and no row
 * of a result says why it was left.
 */
Datum
wfm_rotate_key(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfmKeyRing	ring;
	Relation	tokens;
	ListCell   *cell;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to rotate the key of wfm_fdw")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("keys cannot be rotated on a standby"),
				 errhint("Rotate on the primary, and copy its key file.")));
	InitMaterializedSRF(fcinfo, 0);

	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	if (PG_GETARG_BOOL(0))
		wfm_keyring_add_key();
	wfm_keyring_load(&ring, false);
	foreach(cell, wfm_grants_read_all(tokens))
		rotate_grant(tokens, ((WfmGrant *) lfirst(cell))->connection, &ring, result);
	wfm_key_ring_cleanse(&ring);
	table_close(tokens, NoLock);
	return (Datum) 0;
}
