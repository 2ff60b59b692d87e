/*
 * auth/launcher.c
 *		The process that starts token workers.
 *
 * One for the cluster, connected to no database.  When the server starts it
 * visits every database, two at a time: a token worker is started in each,
 * takes up what a crash has interrupted, and leaves at once where there is
 * nothing.  Afterwards it starts a worker where a backend wants a token or
 * one falls due.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_database.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "auth/launcher.h"
#include "auth/token_shmem.h"
#include "base/compat.h"
#include "base/settings.h"

/* Databases visited side by side when the server starts. */
#define VISITS_AT_ONCE 2

/*
 * A worker that ends sooner than this after its start did not get to work; it
 * is not started again before, and after each further time twice as late, up
 * to LOOK_INTERVAL_MS: the database may take no connections for a long time.
 */
#define RESTART_INTERVAL_MS 1000

/* Look around this often even if nobody calls: clocks may have been set. */
#define LOOK_INTERVAL_MS 60000

#define RESTART_SECONDS 5

typedef struct Worker
{
	Oid			database;
	BackgroundWorkerHandle *handle; /* NULL when it has ended */
	int64		started_mono_ms;
	int64		pause_ms;		/* from one start to the next, at least */
} Worker;

typedef struct LauncherState
{
	List	   *visits;			/* databases still to be visited, as a list of
								 * Oid */
	List	   *workers;		/* Worker, one for each database seen */
	bool		in_recovery;
	uint64		settings;		/* wfm_token_settings_hash() */
} LauncherState;

void
wfm_token_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	strlcpy(worker.bgw_library_name, "wfm_fdw", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "wfm_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "wfm_fdw token launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "wfm_fdw token launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/*
 * The databases there are, or those to visit: one can connect to them, and
 * they are no templates, since a session in one stands in the way of CREATE
 * DATABASE.
 */
static List *
list_databases(bool all)
{
	List	   *databases = NIL;
	MemoryContext context = CurrentMemoryContext;
	Relation	catalog;
	SysScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		/* -2 marks a database whose DROP did not finish. */
		if (all || (database->datallowconn && !database->datistemplate &&
					database->datconnlimit != -2))
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			databases = lappend_oid(databases, database->oid);
			MemoryContextSwitchTo(old);
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

static Worker *
worker_of(LauncherState *state, Oid database)
{
	Worker	   *worker;
	ListCell   *cell;

	foreach(cell, state->workers)
	{
		worker = lfirst(cell);
		if (worker->database == database)
			return worker;
	}
	worker = palloc0(sizeof(Worker));
	worker->database = database;
	worker->started_mono_ms = -RESTART_INTERVAL_MS;
	worker->pause_ms = RESTART_INTERVAL_MS;
	state->workers = lappend(state->workers, worker);
	return worker;
}

/* Forget workers that have ended; count those that have not. */
static int
reap_workers(LauncherState *state)
{
	int			running = 0;
	ListCell   *cell;

	foreach(cell, state->workers)
	{
		Worker	   *worker = lfirst(cell);
		pid_t		pid;

		if (worker->handle == NULL)
			continue;
		if (GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED)
		{
			int64		age = wfm_mono_ms() - worker->started_mono_ms;

			pfree(worker->handle);
			worker->handle = NULL;
			worker->pause_ms = age < RESTART_INTERVAL_MS ?
				Min(worker->pause_ms * 2, LOOK_INTERVAL_MS) : RESTART_INTERVAL_MS;
		}
		else
			running++;
	}
	return running;
}

static bool
start_worker(Worker *place)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "wfm_fdw", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "wfm_token_worker_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "wfm_fdw token worker for database %u", place->database);
	strlcpy(worker.bgw_type, "wfm_fdw token worker", BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(place->database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &place->handle))
	{
		place->handle = NULL;
		return false;
	}
	place->started_mono_ms = wfm_mono_ms();
	return true;
}

/* Tell those who wait in a database whether a worker could be started. */
static void
note_launch(Oid database, bool started)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		WfmGrantEntry *entry = &wfm_token_shmem->entries[i];

		if (entry->database != database)
			continue;
		if (started)
			entry->launch_failed_at = 0;
		else if (entry->launch_failed_at == 0)
			entry->launch_failed_at = now;
	}
	LWLockRelease(wfm_token_shmem->lock);
}

static bool
has_slot(Oid database)
{
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		if (wfm_token_shmem->workers[i].database == database)
			return true;
	}
	return false;
}

/*
 * Databases that need a worker now and have none; *timeout becomes the time
 * until the next one will.
 */
static List *
list_demands(long *timeout)
{
	List	   *databases = NIL;
	Oid		   *found = palloc(sizeof(Oid) * wfm_token_shmem->nentries);
	int			nfound = 0;
	int64		mono_ms = wfm_mono_ms();
	int64		wall_ms = wfm_wall_ms(GetCurrentTimestamp());

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		const WfmGrantEntry *entry = &wfm_token_shmem->entries[i];
		int64		left = *timeout;

		if (!OidIsValid(entry->database) || has_slot(entry->database))
			continue;
		if (entry->wanted || entry->changed || entry->refresh_asked ||
			entry->consent_asked || entry->unauthorized != 0)
			left = 0;
		if (entry->due_mono_ms != WFM_TIME_NEVER)
			left = Min(left, entry->due_mono_ms - mono_ms);
		if (entry->due_wall_ms != WFM_TIME_NEVER)
			left = Min(left, entry->due_wall_ms - wall_ms);
		if (left <= 0)
			found[nfound++] = entry->database;
		else
			*timeout = (long) left;
	}
	LWLockRelease(wfm_token_shmem->lock);

	for (int i = 0; i < nfound; i++)
		databases = list_append_unique_oid(databases, found[i]);
	pfree(found);
	return databases;
}

/*
 * A database may have been dropped with its grants still remembered: true if
 * there was one.
 */
static bool
forget_dropped_databases(void)
{
	List	   *databases = list_databases(true);
	bool		found = false;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		WfmGrantEntry *entry = &wfm_token_shmem->entries[i];

		if (OidIsValid(entry->database) &&
			!list_member_oid(databases, entry->database))
		{
			wfm_grant_entry_free(entry);
			found = true;
		}
	}
	LWLockRelease(wfm_token_shmem->lock);
	list_free(databases);
	return found;
}

/* What all grants depend on has changed: every row is looked at again. */
static void
mark_all_changed(void)
{
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		if (OidIsValid(wfm_token_shmem->entries[i].database))
			wfm_token_shmem->entries[i].changed = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		if (OidIsValid(wfm_token_shmem->workers[i].database))
			wfm_token_wake(wfm_token_shmem->workers[i].database);
	}
}

uint64
wfm_token_settings_hash(void)
{
	const char *texts[] = {wfm_key_file, wfm_ca_file, wfm_proxy};
	uint64		hash = (wfm_refresh_tokens ? 1 : 0) | (wfm_allow_insecure_loopback ? 2 : 0);

	for (int i = 0; i < (int) lengthof(texts); i++)
		hash = hash_bytes_extended((const unsigned char *) texts[i],
								   strlen(texts[i]), hash);
	return hash;
}

static void
notice_changes(LauncherState *state)
{
	bool		in_recovery = RecoveryInProgress();
	uint64		settings;

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	settings = wfm_token_settings_hash();
	if (in_recovery != state->in_recovery || settings != state->settings)
		mark_all_changed();
	state->in_recovery = in_recovery;
	state->settings = settings;
}

/*
 * Start what is wanted.  Returns in how many milliseconds to look again.
 */
static long
launch(LauncherState *state)
{
	long		timeout = state->in_recovery ? 1000 : LOOK_INTERVAL_MS;
	int			running = reap_workers(state);
	List	   *demands = list_demands(&timeout);
	ListCell   *cell;

	if (demands != NIL && forget_dropped_databases())
		demands = list_demands(&timeout);
	foreach(cell, demands)
	{
		Worker	   *worker = worker_of(state, lfirst_oid(cell));
		int64		age = wfm_mono_ms() - worker->started_mono_ms;
		bool		started;

		if (worker->handle != NULL)
			continue;			/* its end will wake us */
		if (age < worker->pause_ms)
		{
			if (worker->pause_ms > RESTART_INTERVAL_MS)
				note_launch(worker->database, false);
			timeout = Min(timeout, worker->pause_ms - age);
			continue;
		}
		started = start_worker(worker);
		note_launch(worker->database, started);
		state->visits = list_delete_oid(state->visits, worker->database);
		if (!started)
			timeout = Min(timeout, RESTART_INTERVAL_MS);
	}
	list_free(demands);

	while (state->visits != NIL && running < VISITS_AT_ONCE)
	{
		Worker	   *worker = worker_of(state, linitial_oid(state->visits));

		if (worker->handle == NULL && !start_worker(worker))
			return Min(timeout, RESTART_INTERVAL_MS);
		state->visits = list_delete_first(state->visits);
		running++;
	}
	return timeout;
}

static void
leave(int code, Datum argument)
{
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	if (wfm_token_shmem->shared->launcher_pid == MyProcPid)
		wfm_token_shmem->shared->launcher_pid = 0;
	LWLockRelease(wfm_token_shmem->lock);
}

void
wfm_launcher_main(Datum argument)
{
	LauncherState state = {0};
	int64		swept_mono_ms = wfm_mono_ms();

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(leave, (Datum) 0);
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	wfm_token_shmem->shared->launcher_pid = MyProcPid;
	LWLockRelease(wfm_token_shmem->lock);
	pgstat_report_appname("wfm_fdw token launcher");

	MemoryContextSwitchTo(AllocSetContextCreate(TopMemoryContext, "wfm_fdw launcher",
												ALLOCSET_SMALL_SIZES));
	state.in_recovery = RecoveryInProgress();
	state.settings = wfm_token_settings_hash();
	state.visits = list_databases(false);
	while (!ShutdownRequestPending)
	{
		long		timeout;

		notice_changes(&state);
		timeout = launch(&state);
		if (wfm_mono_ms() - swept_mono_ms >= LOOK_INTERVAL_MS)
		{
			(void) forget_dropped_databases();
			swept_mono_ms = wfm_mono_ms();
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout, wfm_wait_event(WFM_WAIT_LAUNCHER_MAIN));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
