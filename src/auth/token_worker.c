/*
 * auth/token_worker.c
 *		The process that refreshes the tokens of one database.
 *
 * It comes when the launcher starts it, looks after every grant of its
 * database, and leaves when there has been nothing to do for a moment, so
 * that DROP DATABASE and CREATE DATABASE ... TEMPLATE find nobody connected.
 * It is never restarted by the postmaster; the launcher starts the next one
 * when a backend wants a token or one falls due.
 *
 * SIGTERM only sets a flag: between a token request and the commit of its
 * answer the process must not go (R4), so a fast shutdown waits for it.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "auth/launcher.h"
#include "auth/token_job.h"
#include "base/compat.h"
#include "base/own_table.h"
#include "base/settings.h"

/* Stay this long after the last thing done. */
#define LINGER_MS 2000

/* Try again after this long to find out which grants there are. */
#define LIST_RETRY_MS 10000

/* A worker that left its work undone is started again after this long. */
#define RETURN_MS 5000

/* Somebody else's lock on a grant is not waited for longer than this (S03). */
#define LOCK_TIMEOUT "2s"

/*
 * What a setting of the database or role could put in the way of writing
 * tokens safely.
 */
static const struct
{
	const char *name;
	const char *value;
}			forced_settings[] =

{
	{"synchronous_commit", "on"},
	{"lock_timeout", LOCK_TIMEOUT},
	{"statement_timeout", "0"},
#ifdef WFM_HAVE_TRANSACTION_TIMEOUT
	{"transaction_timeout", "0"},
#endif
	{"search_path", "pg_catalog"},
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"}
};

typedef struct WorkerState
{
	List	   *jobs;			/* WfmTokenJob, in TopMemoryContext */
	WfmChannel *channel;
	bool		stopping;
	int64		busy_mono_ms;	/* when something was done last */
	uint64		settings;		/* wfm_token_settings_hash() */
} WorkerState;

/* ---- this worker's place in shared memory ---- */

/*
 * A slot that is still held now was not given back by try_to_leave(): the
 * process was ended, or failed.  Its grants may have intents open, so they
 * are due soon, demand or no demand (R6).
 */
static void
release_slot(int code, Datum argument)
{
	bool		undone = false;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		if (wfm_token_shmem->workers[i].pid != MyProcPid)
			continue;
		memset(&wfm_token_shmem->workers[i], 0, sizeof(WfmWorkerSlot));
		undone = true;
	}
	for (int i = 0; undone && i < wfm_token_shmem->nentries; i++)
	{
		WfmGrantEntry *entry = &wfm_token_shmem->entries[i];

		if (entry->database == MyDatabaseId)
			entry->due_mono_ms = Min(entry->due_mono_ms, wfm_mono_ms() + RETURN_MS);
	}
	LWLockRelease(wfm_token_shmem->lock);
	wfm_launcher_wake();
}

/* False if another worker looks after this database already. */
static bool
take_slot(void)
{
	WfmWorkerSlot *unused = NULL;
	bool		taken = false;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		WfmWorkerSlot *slot = &wfm_token_shmem->workers[i];

		if (!OidIsValid(slot->database))
			unused = slot;
		taken |= slot->database == MyDatabaseId;
	}
	if (!taken && unused != NULL)
	{
		unused->database = MyDatabaseId;
		unused->pid = MyProcPid;
	}
	LWLockRelease(wfm_token_shmem->lock);
	if (taken || unused == NULL)
		return false;
	before_shmem_exit(release_slot, (Datum) 0);
	return true;
}

/* ---- jobs ---- */

static WfmTokenJob *
find_job(WorkerState *state, const char *connection)
{
	ListCell   *cell;

	foreach(cell, state->jobs)
	{
		WfmTokenJob *job = lfirst(cell);

		if (strcmp(job->connection, connection) == 0)
			return job;
	}
	return NULL;
}

static void
ensure_job(WorkerState *state, const char *connection)
{
	MemoryContext old;

	if (find_job(state, connection) != NULL)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	state->jobs = lappend(state->jobs, wfm_job_make(connection));
	MemoryContextSwitchTo(old);
	state->busy_mono_ms = wfm_mono_ms();
}

typedef struct ListWork
{
	WorkerState *state;
	bool		installed;
} ListWork;

/* Every grant of the database gets a job: eager recovery begins here (R6). */
static void
list_grants(void *arg)
{
	ListWork   *work = arg;
	Oid			oid = wfm_own_table("wfm_tokens", true);
	Relation	tokens;
	ListCell   *cell;

	work->installed = OidIsValid(oid);
	if (!work->installed)
		return;
	tokens = table_open(oid, AccessShareLock);
	foreach(cell, wfm_grants_read_all(tokens))
		ensure_job(work->state, ((WfmGrant *) lfirst(cell))->connection);
	table_close(tokens, AccessShareLock);
}

/* What all grants depend on has changed: look at every row again. */
static void
mark_changed(void)
{
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		if (wfm_token_shmem->entries[i].database == MyDatabaseId)
			wfm_token_shmem->entries[i].changed = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
}

/* Connections that backends ask about and that have no job yet. */
static void
adopt_wishes(WorkerState *state)
{
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		const WfmGrantEntry *entry = &wfm_token_shmem->entries[i];
		char		connection[NAMEDATALEN];
		bool		ours;

		LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
		ours = entry->database == MyDatabaseId;
		strlcpy(connection, entry->connection, NAMEDATALEN);
		LWLockRelease(wfm_token_shmem->lock);
		if (ours)
			ensure_job(state, connection);
	}
}

static bool
any_job_busy(const WorkerState *state)
{
	ListCell   *cell;

	foreach(cell, state->jobs)
	{
		if (wfm_job_is_busy(lfirst(cell)))
			return true;
	}
	return false;
}

/* Milliseconds until something has to be done; -1 = nothing in sight. */
static long
next_timeout(const WorkerState *state)
{
	long		timeout = -1;
	ListCell   *cell;

	foreach(cell, state->jobs)
	{
		long		own = wfm_job_timeout(lfirst(cell));

		if (own >= 0 && (timeout < 0 || own < timeout))
			timeout = own;
	}
	return timeout;
}

/*
 * Leave, if no wish has come meanwhile: after the slot is given back, under
 * the same lock, backends wake the launcher instead.
 */
static bool
try_to_leave(WorkerState *state)
{
	bool		wished = false;
	ListCell   *cell;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wfm_token_shmem->nentries; i++)
	{
		const WfmGrantEntry *entry = &wfm_token_shmem->entries[i];
		const WfmTokenJob *job;

		if (entry->database != MyDatabaseId)
			continue;
		job = find_job(state, entry->connection);
		wished |= job == NULL || entry->wanted || entry->changed ||
			entry->refresh_asked || entry->consent_asked ||
			(entry->unauthorized != 0 && entry->unauthorized != job->unauthorized_sent);
	}
	for (int i = 0; !wished && i < wfm_token_shmem->nentries; i++)
	{
		if (wfm_token_shmem->workers[i].pid == MyProcPid)
			memset(&wfm_token_shmem->workers[i], 0, sizeof(WfmWorkerSlot));
	}
	LWLockRelease(wfm_token_shmem->lock);
	if (wished)
		return false;

	foreach(cell, state->jobs)
		wfm_job_leave(lfirst(cell));
	wfm_launcher_wake();
	return true;
}

/*
 * Run a job, or stop it.  An error in the work on one grant ends neither the
 * process, since others' answers may be in its memory or on their way (R4),
 * nor its own exchange.
 */
static void
run_job(WorkerState *state, WfmTokenJob *job,
		void (*run) (WfmTokenJob *job, WfmChannel *channel))
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		run(job, state->channel);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		HOLD_INTERRUPTS();
		EmitErrorReport();
		LWLockReleaseAll();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		RESUME_INTERRUPTS();
		wfm_job_interrupted(job);
	}
	PG_END_TRY();
}

static void
stop_jobs(WorkerState *state)
{
	ListCell   *cell;

	state->stopping = true;
	foreach(cell, state->jobs)
		run_job(state, lfirst(cell), wfm_job_stop);
}

static bool
all_finished(const WorkerState *state)
{
	ListCell   *cell;

	foreach(cell, state->jobs)
	{
		const WfmTokenJob *job = lfirst(cell);

		if (!job->finished || job->consent_request != NULL)
			return false;
	}
	return true;
}

static void
work(WorkerState *state)
{
	for (;;)
	{
		ListCell   *cell;
		long		timeout;
		int64		idle_ms;

		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			if (wfm_token_settings_hash() != state->settings)
				mark_changed();
			state->settings = wfm_token_settings_hash();
		}
		if (ShutdownRequestPending && !state->stopping)
			stop_jobs(state);
		if (!state->stopping)
			adopt_wishes(state);
		foreach(cell, state->jobs)
			run_job(state, lfirst(cell), wfm_job_run);
		if (state->stopping && all_finished(state))
			return;

		timeout = next_timeout(state);
		if (any_job_busy(state) || timeout == 0)
			state->busy_mono_ms = wfm_mono_ms();
		idle_ms = wfm_mono_ms() - state->busy_mono_ms;
		if (!state->stopping && idle_ms >= LINGER_MS &&
			(timeout < 0 || timeout > LINGER_MS))
		{
			if (try_to_leave(state))
				return;
			continue;
		}
		if (!any_job_busy(state))
		{
			long		linger = Max(LINGER_MS - idle_ms, 10);

			timeout = timeout < 0 ? linger : Min(timeout, linger);
		}
		wfm_channel_wait(state->channel, timeout, wfm_wait_event(WFM_WAIT_WORKER_MAIN));
	}
}

void
wfm_token_worker_main(Datum argument)
{
	WorkerState state = {0};
	ListWork	list = {.state = &state};

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);

	for (int i = 0; i < (int) lengthof(forced_settings); i++)
		SetConfigOption(forced_settings[i].name, forced_settings[i].value,
						PGC_SUSET, PGC_S_OVERRIDE);

	if (!take_slot())
		return;
	state.busy_mono_ms = wfm_mono_ms();
	state.settings = wfm_token_settings_hash();
	while (!wfm_run_transaction("looking for grants", NULL, list_grants, &list))
	{
		/* What a crash has interrupted must not wait for somebody's demand. */
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LIST_RETRY_MS, wfm_wait_event(WFM_WAIT_WORKER_MAIN));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ShutdownRequestPending)
			return;
	}
	if (!list.installed)
	{
		wfm_grant_places_forget(MyDatabaseId);
		return;
	}
	state.channel = wfm_channel_borrow(TopMemoryContext);
	work(&state);
}
