/*
 * stats/scan_stat.c
 *		A scan's own side, and its place among the running scans.
 *
 * A place is taken by writing one's pid into a free one, and from then on is
 * written by nobody else, so the owner needs no lock: it makes the change
 * count odd, writes, and makes it even again.  Who looks copies the row and
 * tries again if the count was odd or another one afterwards.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "stats/stats_private.h"

/* How often a look is tried at a place that keeps changing. */
#define READ_TRIES 1000

/* Copy a text, cut between characters if it is too long. */
static void
copy_text(char *to, size_t size, const char *from)
{
	size_t		len = from == NULL ? 0 : strlen(from);

	if (len >= size)
		len = pg_mbcliplen(from, (int) len, (int) size - 1);
	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* ---------- places ---------- */

/*
 * Give a place back, unless that was done already: at the end of a backend its
 * last transaction is aborted after free_all_places().
 */
static void
free_place(WfmScanPlace *place)
{
	uint32		mine = (uint32) MyProcPid;

	(void) pg_atomic_compare_exchange_u32(&place->owner, &mine, 0);
}

/* Before this backend leaves shared memory: nothing of it may stay. */
static void
free_all_places(int code, Datum arg)
{
	for (int i = 0; i < wfm_stats->nplaces; i++)
		free_place(&wfm_stats->places[i]);
}

/* Take a free place; -1 if there is none. */
static int
take_place(void)
{
	static bool exit_registered = false;
	int			first = wfm_my_proc_number() % wfm_stats->nplaces;

	if (!exit_registered)
	{
		before_shmem_exit(free_all_places, (Datum) 0);
		exit_registered = true;
	}
	for (int i = 0; i < wfm_stats->nplaces; i++)
	{
		int			place = (first + i) % wfm_stats->nplaces;
		uint32		free = 0;

		if (pg_atomic_read_u32(&wfm_stats->places[place].owner) == 0 &&
			pg_atomic_compare_exchange_u32(&wfm_stats->places[place].owner,
										   &free, (uint32) MyProcPid))
			return place;
	}
	pg_atomic_fetch_add_u64(&wfm_stats->scans_not_shown, 1);
	return -1;
}

/*
 * Between these two the owner writes to its place.  What stands between must
 * not throw: a count that stays odd would hide the scan.
 */
static WfmScanRow *
begin_change(WfmScanPlace *place)
{
	volatile uint32 *changes = &place->changes;

	(*changes)++;
	pg_write_barrier();
	return &place->row;
}

static void
end_change(WfmScanPlace *place)
{
	volatile uint32 *changes = &place->changes;

	pg_write_barrier();
	(*changes)++;
}

int
wfm_stat_places(void)
{
	return wfm_stats == NULL ? 0 : wfm_stats->nplaces;
}

bool
wfm_stat_read_scan(int number, WfmScanRow *row)
{
	WfmScanPlace *place = &wfm_stats->places[number];
	volatile uint32 *changes = &place->changes;

	for (int i = 0; i < READ_TRIES; i++)
	{
		uint32		before;
		uint32		after;
		uint32		owner;

		CHECK_FOR_INTERRUPTS();
		owner = pg_atomic_read_u32(&place->owner);
		if (owner == 0)
			return false;
		before = *changes;
		pg_read_barrier();
		memcpy(row, &place->row, sizeof(*row));
		row->counts.rows = (int64) pg_atomic_read_u64(&place->rows);
		pg_read_barrier();
		after = *changes;

		/* taken, but not yet written to: still what its last owner left */
		if (before == after && before % 2 == 0)
			return row->pid == (int) owner && BackendPidGetProc(row->pid) != NULL;
	}
	return false;
}

/* ---------- a scan's own side ---------- */

/* The memory goes: so does what others see. */
static void
forget_scan(void *arg)
{
	wfm_scan_stat_end(arg);
}

WfmScanStat *
wfm_scan_stat_create(Oid relid, const char *server, const char *table,
					 const char *template, MemoryContext owner)
{
	WfmScanStat *stat = MemoryContextAllocZero(owner, sizeof(WfmScanStat));

	stat->relid = relid;
	stat->server = server;
	stat->table = table;
	stat->template = template;
	stat->place = -1;
	stat->entry = -1;
	stat->pending.learnt_rows = -1;
	pg_atomic_init_u64(&stat->no_rows, 0);
	stat->rows = &stat->no_rows;
	stat->callback.func = forget_scan;
	stat->callback.arg = stat;
	MemoryContextRegisterResetCallback(owner, &stat->callback);
	return stat;
}

void
wfm_scan_stat_begin(WfmScanStat *stat)
{
	WfmScanPlace *place;
	WfmScanRow *row;

	wfm_scan_stat_end(stat);
	if (wfm_stats == NULL)
		return;
	stat->running = true;
	stat->pending.scans++;
	stat->started_at = GetCurrentTimestamp();
	if (stat->first_started_at == 0)
		stat->first_started_at = stat->started_at;
	stat->idle_since = 0;
	stat->idle_us = 0;
	stat->place = take_place();
	if (stat->place < 0)
		return;

	place = &wfm_stats->places[stat->place];
	stat->rows = &place->rows;
	pg_atomic_write_u64(&place->rows, (uint64) stat->total.rows);
	row = begin_change(place);
	memset(row, 0, sizeof(*row));
	row->pid = MyProcPid;
	row->database = MyDatabaseId;
	row->role = GetSessionUserId();
	row->encoding = GetDatabaseEncoding();
	row->started_at = stat->first_started_at;
	row->counts = stat->total;
	copy_text(row->server, sizeof(row->server), stat->server);
	copy_text(row->table, sizeof(row->table), stat->table);
	copy_text(row->template, sizeof(row->template), stat->template);
	end_change(place);
}

/* The counts since a moment. */
static WfmStatCounts
counts_since(const WfmStatCounts *now, const WfmStatCounts *then)
{
	WfmStatCounts result;

	result.calls = now->calls - then->calls;
	result.pages = now->pages - then->pages;
	result.rows = now->rows - then->rows;
	result.bytes = now->bytes - then->bytes;
	result.retries = now->retries - then->retries;
	result.limited = now->limited - then->limited;
	result.cut = now->cut - then->cut;
	result.nulled = now->nulled - then->nulled;
	result.network_us = now->network_us - then->network_us;
	result.permit_us = now->permit_us - then->permit_us;
	result.token_us = now->token_us - then->token_us;
	return result;
}

/* Bring the table's entry up to date, or leave that for the next time. */
static void
add_to_table(WfmScanStat *stat)
{
	if (wfm_stats == NULL)
		return;
	stat->pending.counts = counts_since(&stat->total, &stat->added);
	if (!wfm_table_stat_add(stat->relid, &stat->entry, &stat->pending))
		return;
	memset(&stat->pending, 0, sizeof(stat->pending));
	stat->pending.learnt_rows = -1;
	stat->added = stat->total;
}

void
wfm_scan_stat_report(WfmScanStat *stat, const WfmScanState *state)
{
	if (stat->idle_since != 0)
		wfm_scan_stat_resume(stat);
	if (stat->place >= 0)
	{
		WfmScanPlace *place = &wfm_stats->places[stat->place];
		WfmScanRow *row = begin_change(place);

		row->counts = stat->total;
		row->counts.bytes += state->arriving;
		row->expected_pages = state->expected_pages;
		row->waits_until = state->waits_until;
		copy_text(row->waits_for, sizeof(row->waits_for), state->waits_for);
		copy_text(row->tenant, sizeof(row->tenant), state->tenant);
		copy_text(row->request, sizeof(row->request), state->request);
		end_change(place);
	}
	add_to_table(stat);
}

/* Change nothing but what the scan waits for. */
static void
show_wait(WfmScanStat *stat, const char *waits_for)
{
	WfmScanPlace *place;
	WfmScanRow *row;

	if (stat->place < 0)
		return;
	place = &wfm_stats->places[stat->place];
	row = begin_change(place);
	row->counts = stat->total;
	row->waits_until = 0;
	copy_text(row->waits_for, sizeof(row->waits_for), waits_for);
	end_change(place);
}

void
wfm_scan_stat_idle(WfmScanStat *stat)
{
	if (!stat->running || stat->idle_since != 0)
		return;
	stat->idle_since = GetCurrentTimestamp();
	show_wait(stat, "next fetch");
	add_to_table(stat);
}

void
wfm_scan_stat_resume(WfmScanStat *stat)
{
	if (stat->idle_since == 0)
		return;
	stat->idle_us += Max(GetCurrentTimestamp() - stat->idle_since, 0);
	stat->idle_since = 0;
	show_wait(stat, NULL);
}

void
wfm_scan_stat_end(WfmScanStat *stat)
{
	TimestampTz now;

	if (!stat->running)
		return;
	stat->running = false;
	now = stat->idle_since != 0 ? stat->idle_since : GetCurrentTimestamp();
	stat->idle_since = 0;
	stat->pending.elapsed_us += Max(now - stat->started_at - stat->idle_us, 0);
	if (stat->place >= 0)
		free_place(&wfm_stats->places[stat->place]);
	stat->place = -1;
	stat->rows = &stat->no_rows;
	add_to_table(stat);
}

void
wfm_scan_stat_error(WfmScanStat *stat, int sqlstate)
{
	stat->pending.errors++;
	stat->pending.sqlstate = sqlstate;
	stat->pending.error_at = GetCurrentTimestamp();
	add_to_table(stat);
}

void
wfm_scan_stat_learn(WfmScanStat *stat, double rows)
{
	stat->pending.learnt_rows = (int64) rows;
}
