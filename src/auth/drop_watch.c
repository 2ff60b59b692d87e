/*
 * auth/drop_watch.c
 *		Tokens in memory end with the extension or the database they are of.
 *
 * DROP EXTENSION fires no trigger of wfm_connections, and DROP DATABASE runs
 * in another database.  A standby, which replays both, finds out when its
 * token worker or launcher looks, once a minute.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"

#include "auth/drop_watch.h"
#include "auth/token_shmem.h"
#include "base/own_table.h"

static object_access_hook_type prev_object_access;

/* Dropped by this transaction, as far as it has come. */
static Oid	dropped_extension;
static Oid	dropped_database;

static void
object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id,
			  void *arg)
{
	if (prev_object_access != NULL)
		prev_object_access(access, class_id, object_id, sub_id, arg);
	if (access != OAT_DROP)
		return;
	if (class_id == DatabaseRelationId)
		dropped_database = object_id;
	else if (class_id == ExtensionRelationId && wfm_own_extension(object_id))
		dropped_extension = object_id;
}

/* A subtransaction that was rolled back may have brought it back. */
static bool
extension_is_gone(void)
{
	return OidIsValid(dropped_extension) && !wfm_own_extension(dropped_extension);
}

static void
transaction_ends(XactEvent event, void *arg)
{
	if (!OidIsValid(dropped_extension) && !OidIsValid(dropped_database))
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (!extension_is_gone())
				dropped_extension = InvalidOid;
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (extension_is_gone())
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has dropped the extension wfm_fdw"),
						 errhint("Commit it instead.")));
			dropped_extension = InvalidOid;
			break;
		case XACT_EVENT_COMMIT:
			/* DROP DATABASE is never part of what is rolled back. */
			if (OidIsValid(dropped_database))
				wfm_grant_places_forget(dropped_database);
			if (OidIsValid(dropped_extension))
				wfm_grant_places_forget(MyDatabaseId);
			dropped_database = dropped_extension = InvalidOid;
			break;
		case XACT_EVENT_ABORT:
			dropped_database = dropped_extension = InvalidOid;
			break;
		default:
			break;
	}
}

void
wfm_drop_watch_install(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = object_access;
	RegisterXactCallback(transaction_ends, NULL);
}
