/*
 * stats/table_stat.c
 *		What tables were read for: the entries of wfm_stat_tables.
 *
 * Keys stand in an array of their own, each by its hash or at the next place
 * after that.  A place that was used once never becomes free again, so whoever
 * looks for a key is done at the first free place.  When there is none, the
 * table that was read longest ago gives its entry away.
 *
 * Entries are found without a lock.  One may change hands between that and the
 * addition, so the key is looked at again under the entry's mutex.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "stats/stats_private.h"

static uint64
key_of(Oid relid)
{
	return (uint64) MyDatabaseId << 32 | relid;
}

/* Where the key stands; -1: nowhere.  *free is a place it could have, or -1. */
static int
find_key(uint64 key, int *free)
{
	int			n = wfm_stats->nentries;
	int			first = (int) (hash_bytes((const unsigned char *) &key,
										  sizeof(key)) % (uint32) n);

	*free = -1;
	for (int i = 0; i < n; i++)
	{
		int			place = (first + i) % n;
		uint64		there = pg_atomic_read_u64(&wfm_stats->keys[place]);

		if (there == key)
			return place;
		if (there == 0)
		{
			*free = place;
			break;
		}
	}
	return -1;
}

/* An entry as it is at first. */
static void
clear_entry(WfmTableRow *row)
{
	memset(row, 0, sizeof(*row));
	row->learnt_rows = -1;
}

/* Take the entry of the table that was read longest ago. */
static void
evict(uint64 key)
{
	int			oldest = 0;
	WfmTableEntry *entry;

	for (int i = 1; i < wfm_stats->nentries; i++)
	{
		if (wfm_stats->entries[i].row.last_scan <
			wfm_stats->entries[oldest].row.last_scan)
			oldest = i;
	}
	entry = &wfm_stats->entries[oldest];
	SpinLockAcquire(&entry->mutex);
	pg_atomic_write_u64(&wfm_stats->keys[oldest], key);
	clear_entry(&entry->row);
	SpinLockRelease(&entry->mutex);
	pg_atomic_fetch_add_u64(&wfm_stats->tables_evicted, 1);
}

/* Find the key's entry or make one; -1: not right now. */
static int
find_or_make(uint64 key)
{
	for (;;)
	{
		int			free;
		int			place = find_key(key, &free);
		uint64		nothing = 0;

		if (place >= 0)
			return place;
		if (free >= 0)
		{
			/* if another was quicker, that may have been with the same key */
			(void) pg_atomic_compare_exchange_u64(&wfm_stats->keys[free],
												  &nothing, key);
			continue;
		}

		/* one at a time, or two might make an entry each for one table */
		if (!LWLockConditionalAcquire(wfm_stats->evict_lock, LW_EXCLUSIVE))
			return -1;
		if (find_key(key, &free) < 0)
			evict(key);
		LWLockRelease(wfm_stats->evict_lock);
	}
}

static void
add_counts(WfmStatCounts *to, const WfmStatCounts *more)
{
	to->calls += more->calls;
	to->pages += more->pages;
	to->rows += more->rows;
	to->bytes += more->bytes;
	to->retries += more->retries;
	to->limited += more->limited;
	to->cut += more->cut;
	to->nulled += more->nulled;
	to->network_us += more->network_us;
	to->permit_us += more->permit_us;
	to->token_us += more->token_us;
}

/* The mutex is held: no more than arithmetic. */
static void
add_change(WfmTableRow *row, const WfmTableChange *change, TimestampTz now)
{
	if (row->since == 0)
		row->since = now;
	if (change->scans > 0)
		row->last_scan = now;
	add_counts(&row->counts, &change->counts);
	row->scans += change->scans;
	row->errors += change->errors;
	row->elapsed_us += change->elapsed_us;
	if (change->errors > 0)
	{
		int			code = change->sqlstate;

		/* as unpack_sql_state(), which has no place of its own to write to */
		for (int i = 0; i < WFM_STAT_SQLSTATE - 1; i++)
		{
			row->last_error[i] = PGUNSIXBIT(code);
			code >>= 6;
		}
		row->last_error_at = change->error_at;
	}
	if (change->learnt_rows >= 0)
		row->learnt_rows = change->learnt_rows;
}

bool
wfm_table_stat_add(Oid relid, int *entry, const WfmTableChange *change)
{
	uint64		key = key_of(relid);
	TimestampTz now = GetCurrentTimestamp();

	for (;;)
	{
		WfmTableEntry *place;
		bool		mine;

		if (*entry < 0)
			*entry = find_or_make(key);
		if (*entry < 0)
			return false;
		place = &wfm_stats->entries[*entry];
		SpinLockAcquire(&place->mutex);
		mine = pg_atomic_read_u64(&wfm_stats->keys[*entry]) == key;
		if (mine)
			add_change(&place->row, change, now);
		SpinLockRelease(&place->mutex);
		if (mine)
			return true;
		*entry = -1;
	}
}

void
wfm_table_stat_restore(uint64 key, const WfmTableRow *row)
{
	int			place = find_or_make(key);

	if (place >= 0)
		wfm_stats->entries[place].row = *row;
}

/* ---------- looking and forgetting ---------- */

int
wfm_stat_entries(void)
{
	return wfm_stats == NULL ? 0 : wfm_stats->nentries;
}

bool
wfm_stat_read_table(int number, Oid *relid, WfmTableRow *row)
{
	WfmTableEntry *entry = &wfm_stats->entries[number];
	uint64		key;

	if (pg_atomic_read_u64(&wfm_stats->keys[number]) >> 32 != MyDatabaseId)
		return false;
	SpinLockAcquire(&entry->mutex);
	key = pg_atomic_read_u64(&wfm_stats->keys[number]);
	*row = entry->row;
	SpinLockRelease(&entry->mutex);
	*relid = (Oid) (key & PG_UINT32_MAX);
	return key >> 32 == MyDatabaseId && row->since != 0;
}

void
wfm_stat_forget(Oid relid)
{
	for (int i = 0; i < wfm_stats->nentries; i++)
	{
		WfmTableEntry *entry = &wfm_stats->entries[i];
		uint64		key = pg_atomic_read_u64(&wfm_stats->keys[i]);

		if (key >> 32 != MyDatabaseId ||
			(OidIsValid(relid) && key != key_of(relid)))
			continue;
		SpinLockAcquire(&entry->mutex);
		if (pg_atomic_read_u64(&wfm_stats->keys[i]) == key)
			clear_entry(&entry->row);
		SpinLockRelease(&entry->mutex);
	}
}

void
wfm_stat_read_info(WfmStatInfo *info)
{
	memset(info, 0, sizeof(*info));
	info->max_scans = wfm_stats->nplaces;
	info->max_tables = wfm_stats->nentries;
	for (int i = 0; i < wfm_stats->nplaces; i++)
		info->scans += pg_atomic_read_u32(&wfm_stats->places[i].owner) != 0;
	for (int i = 0; i < wfm_stats->nentries; i++)
		info->tables += wfm_stats->entries[i].row.since != 0;
	info->scans_not_shown = (int64) pg_atomic_read_u64(&wfm_stats->scans_not_shown);
	info->tables_evicted = (int64) pg_atomic_read_u64(&wfm_stats->tables_evicted);
}
