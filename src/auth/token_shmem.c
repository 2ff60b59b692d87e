/*
 * auth/token_shmem.c
 *		Shared memory of the token store: reserving it, finding one's place,
 *		waking those who work on it.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "auth/grant.h"
#include "auth/token_shmem.h"
#include "base/own_table.h"
#include "base/settings.h"

#define TRANCHE_NAME "wfm_fdw_tokens"

static WfmTokenShmem view;
WfmTokenShmem *wfm_token_shmem;

/* Connections changed by the current transaction, in its memory. */
static List *noted_changes;

int64
wfm_mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static Size
workers_offset(void)
{
	return MAXALIGN(sizeof(WfmTokenShared));
}

static Size
entries_offset(int nentries)
{
	return add_size(workers_offset(),
					MAXALIGN(mul_size(nentries, sizeof(WfmWorkerSlot))));
}

/* The entries have pages of their own, which core dumps leave out. */
static Size
page_size(void)
{
	return (Size) sysconf(_SC_PAGESIZE);
}

static Size
entries_size(int nentries)
{
	return TYPEALIGN(page_size(), mul_size(nentries, sizeof(WfmGrantEntry)));
}

static Size
shmem_size(int nentries)
{
	return add_size(add_size(entries_offset(nentries), page_size()),
					entries_size(nentries));
}

void
wfm_token_store_shmem_request(void)
{
	RequestAddinShmemSpace(shmem_size(wfm_max_grants));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

void
wfm_token_store_shmem_startup(void)
{
	char	   *start;
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	start = ShmemInitStruct("wfm_fdw tokens", shmem_size(wfm_max_grants), &found);
	view.lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
	view.nentries = wfm_max_grants;
	view.shared = (WfmTokenShared *) start;
	view.workers = (WfmWorkerSlot *) (start + workers_offset());
	view.entries = (WfmGrantEntry *)
		TYPEALIGN(page_size(), start + entries_offset(wfm_max_grants));
	if (!found)
	{
		memset(start, 0, shmem_size(wfm_max_grants));
		for (int i = 0; i < view.nentries; i++)
			ConditionVariableInit(&view.entries[i].changed_cv);
	}
	LWLockRelease(AddinShmemInitLock);
	wfm_token_shmem = &view;

	/* Inherited by every process.  Huge pages refuse, and are dumped. */
	(void) madvise(view.entries, entries_size(wfm_max_grants), MADV_DONTDUMP);
}

/* Looks at the catalog: in a transaction only, and without the lock. */
static bool
database_exists(Oid database)
{
	return database == MyDatabaseId ||
		SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
}

/* Everything but the condition variable, on which somebody may still sleep. */
static void
clear_entry(WfmGrantEntry *entry)
{
	OPENSSL_cleanse(entry, offsetof(WfmGrantEntry, changed_cv));
}

WfmGrantEntry *
wfm_grant_entry(Oid database, const char *connection, bool create)
{
	WfmGrantEntry *unused = NULL;

	for (int i = 0; i < view.nentries; i++)
	{
		WfmGrantEntry *entry = &view.entries[i];

		if (entry->database == database &&
			strcmp(entry->connection, connection) == 0)
			return entry;
		if (!OidIsValid(entry->database) ||
			(unused == NULL && entry->known && entry->absent && !entry->wanted))
			unused = entry;
	}
	if (!create || unused == NULL)
		return NULL;

	clear_entry(unused);
	unused->database = database;
	strlcpy(unused->connection, connection, NAMEDATALEN);
	unused->due_mono_ms = WFM_TIME_NEVER;
	unused->due_wall_ms = WFM_TIME_NEVER;
	return unused;
}

void
wfm_grant_entry_free(WfmGrantEntry *entry)
{
	clear_entry(entry);
	ConditionVariableBroadcast(&entry->changed_cv);
}

void
wfm_grant_entry_wipe(WfmGrantEntry *entry)
{
	OPENSSL_cleanse(entry->token, entry->token_len);
	entry->token_len = 0;
	entry->generation = 0;
	entry->expires_at = 0;
	entry->expires_mono_ms = 0;
	entry->taken = false;
	entry->had_2xx = false;
	entry->late_wish = false;
	entry->unauthorized = 0;
}

/* The process that looks after a database; 0 if there is none. */
static pid_t
worker_of(Oid database)
{
	for (int i = 0; i < view.nentries; i++)
	{
		if (view.workers[i].database == database)
			return view.workers[i].pid;
	}
	return 0;
}

void
wfm_grant_places_forget(Oid database)
{
	bool		watched;
	pid_t		pid;

	LWLockAcquire(view.lock, LW_EXCLUSIVE);
	pid = worker_of(database);
	watched = pid != 0 && pid != MyProcPid;
	for (int i = 0; i < view.nentries; i++)
	{
		WfmGrantEntry *entry = &view.entries[i];

		if (entry->database != database)
			continue;
		if (!watched)
			wfm_grant_entry_free(entry);
		else
		{
			wfm_grant_entry_wipe(entry);
			entry->changed = true;
		}
	}
	LWLockRelease(view.lock);
	if (watched)
		wfm_token_wake(database);
}

bool
wfm_grant_places_reclaim(void)
{
	bool		found = false;

	for (int i = 0; i < view.nentries; i++)
	{
		Oid			database;

		LWLockAcquire(view.lock, LW_SHARED);
		database = view.entries[i].database;
		LWLockRelease(view.lock);
		if (!OidIsValid(database) || database_exists(database))
			continue;
		wfm_grant_places_forget(database);
		found = true;
	}
	return found;
}

/*
 * Who else holds a grant?  InvalidOid if nobody does; here: does another
 * connection of this database count?  The lock must be held.
 */
static Oid
find_holder(const char *fingerprint, const char *connection, bool here,
			char other_connection[NAMEDATALEN])
{
	for (int i = 0; i < view.nentries; i++)
	{
		const WfmGrantEntry *entry = &view.entries[i];

		if (!OidIsValid(entry->database) ||
			strcmp(entry->fingerprint, fingerprint) != 0 ||
			(entry->database == MyDatabaseId &&
			 (!here || strcmp(entry->connection, connection) == 0)))
			continue;
		strlcpy(other_connection, entry->connection, NAMEDATALEN);
		return entry->database;
	}
	return InvalidOid;
}

/*
 * Does a connection of this database still hold a grant?  Its place says so
 * until the worker looks at its row, also after DROP EXTENSION.
 */
static bool
row_holds(const char *connection, const char *fingerprint)
{
	Oid			oid = wfm_own_table("wfm_tokens", true);
	Relation	tokens;
	WfmGrant   *grant;

	if (!OidIsValid(oid))
		return false;
	tokens = table_open(oid, AccessShareLock);
	grant = wfm_grant_read(tokens, connection);
	table_close(tokens, NoLock);
	return grant != NULL && wfm_grant_holds(grant, fingerprint);
}

/* What was known of a connection's grant is out of date. */
static void
forget_fingerprint(const char *connection)
{
	WfmGrantEntry *entry;

	LWLockAcquire(view.lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, connection, false);
	if (entry != NULL)
		entry->fingerprint[0] = '\0';
	LWLockRelease(view.lock);
}

bool
wfm_grant_is_held_elsewhere(const char *fingerprint, const char *connection,
							bool claim, Oid *other_database,
							char other_connection[NAMEDATALEN])
{
	Oid			holder;

	if (wfm_token_shmem == NULL)
		return false;
	for (;;)
	{
		LWLockAcquire(view.lock, LW_EXCLUSIVE);
		holder = find_holder(fingerprint, connection, claim, other_connection);
		if (claim && !OidIsValid(holder))
		{
			WfmGrantEntry *own = wfm_grant_entry(MyDatabaseId, connection, true);

			if (own != NULL)
				strlcpy(own->fingerprint, fingerprint, sizeof(own->fingerprint));
		}
		LWLockRelease(view.lock);

		/* What a dropped database or a deleted connection held is free. */
		if (holder == MyDatabaseId && !row_holds(other_connection, fingerprint))
		{
			forget_fingerprint(other_connection);
			continue;
		}
		if (!OidIsValid(holder) || database_exists(holder))
			break;
		wfm_grant_places_forget(holder);
	}
	*other_database = holder;
	return OidIsValid(holder);
}

/* Set the latch of a process that may be gone already. */
static void
wake_process(pid_t pid)
{
	PGPROC	   *proc = pid == 0 ? NULL : BackendPidGetProc(pid);

	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

void
wfm_launcher_wake(void)
{
	wake_process(view.shared->launcher_pid);
}

void
wfm_token_wake(Oid database)
{
	pid_t		pid;

	LWLockAcquire(view.lock, LW_SHARED);
	pid = worker_of(database);
	if (pid == 0)
		pid = view.shared->launcher_pid;
	LWLockRelease(view.lock);
	wake_process(pid);
}

/*
 * After a commit: what is published for the changed connections does not hold
 * any more.  Nothing in here may fail.
 */
static void
announce_changes(void)
{
	ListCell   *cell;

	LWLockAcquire(view.lock, LW_EXCLUSIVE);
	foreach(cell, noted_changes)
	{
		WfmGrantEntry *entry = wfm_grant_entry(MyDatabaseId, lfirst(cell), true);

		if (entry != NULL)
		{
			entry->changed = true;
			ConditionVariableBroadcast(&entry->changed_cv);
		}
	}
	LWLockRelease(view.lock);
	wfm_token_wake(MyDatabaseId);
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (noted_changes == NIL)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			announce_changes();
			noted_changes = NIL;
			break;
		case XACT_EVENT_ABORT:
			noted_changes = NIL;
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has changed wfm_connections"),
					 errhint("Commit it instead.")));
			break;
		default:
			break;
	}
}

void
wfm_token_note_change(const char *connection)
{
	static bool registered = false;
	MemoryContext old;

	if (wfm_token_shmem == NULL)
		return;
	if (!registered)
	{
		RegisterXactCallback(transaction_ended, NULL);
		registered = true;
	}
	old = MemoryContextSwitchTo(TopTransactionContext);
	noted_changes = lappend(noted_changes, pstrdup(connection));
	MemoryContextSwitchTo(old);
}
