/*
 * stats/stats_private.h
 *		The shared state of the statistics, for the files of stats/ alone.
 *
 *		scan_stat.c		a scan's own side, and its place among running scans
 *		table_stat.c	the entries of tables
 *		stats_shmem.c	both arrays: reserve and find
 *		stats_file.c	the entries, between a clean shutdown and the start
 */
#ifndef WFM_STATS_STATS_PRIVATE_H
#define WFM_STATS_STATS_PRIVATE_H

#include "postgres.h"

#include "storage/lwlock.h"
#include "storage/s_lock.h"

#include "stats/stats.h"

/*
 * A place for a running scan.  changes is odd while row is written; the count
 * of rows stands outside, since it changes with every row.
 */
typedef struct WfmScanPlace
{
	pg_atomic_uint32 owner;		/* pid, 0: free */
	uint32		changes;
	pg_atomic_uint64 rows;
	WfmScanRow	row;
} WfmScanPlace;

/*
 * An entry for a table.  Its key, of database and table, stands in an array of
 * keys, which is quick to search; both change under the mutex.
 */
typedef struct WfmTableEntry
{
	slock_t		mutex;
	WfmTableRow row;
} WfmTableEntry;

typedef struct WfmStats
{
	LWLock	   *evict_lock;		/* held to give an entry to another table */
	int			nplaces;
	int			nentries;
	pg_atomic_uint64 scans_not_shown;
	pg_atomic_uint64 tables_evicted;
	WfmScanPlace *places;
	pg_atomic_uint64 *keys;		/* 0: never used */
	WfmTableEntry *entries;
} WfmStats;

/*
 * In this process: points into shared memory.  NULL when the library was not
 * preloaded.
 */
extern WfmStats *wfm_stats;

/*
 * Add to a table of this database.  *entry is where it was found last time, -1
 * at first.  False if it has no entry and none is to be had right now.
 */
extern bool wfm_table_stat_add(Oid relid, int *entry,
							   const WfmTableChange *change);

/* Put back what was known of a table before the restart. */
extern void wfm_table_stat_restore(uint64 key, const WfmTableRow *row);

/* Read the state file into the empty entries and remove it. */
extern void wfm_stat_load(void);

/* Write it; for on_shmem_exit of the postmaster. */
extern void wfm_stat_save(int code, Datum arg);

#endif							/* WFM_STATS_STATS_PRIVATE_H */
