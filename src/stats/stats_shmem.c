/*
 * stats/stats_shmem.c
 *		The arrays of the statistics in shared memory: reserved at the start.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "base/settings.h"
#include "stats/stats_private.h"

#define TRANCHE_NAME	"wfm_fdw statistics"

WfmStats   *wfm_stats;

/*
 * Where the parts stand in shared memory; the struct with the pointers is
 * there too, as one that every process gets by fork.
 */
static Size
shmem_layout(char *base, WfmStats *stats)
{
	Size		size = MAXALIGN(sizeof(WfmStats));
	Size		nplaces = wfm_max_scans;
	Size		nentries = wfm_max_tables;

	if (stats)
	{
		stats->nplaces = wfm_max_scans;
		stats->nentries = wfm_max_tables;
		stats->places = (WfmScanPlace *) (base + size);
	}
	size = add_size(size, MAXALIGN(mul_size(nplaces, sizeof(WfmScanPlace))));
	if (stats)
		stats->keys = (pg_atomic_uint64 *) (base + size);
	size = add_size(size, MAXALIGN(mul_size(nentries, sizeof(pg_atomic_uint64))));
	if (stats)
		stats->entries = (WfmTableEntry *) (base + size);
	return add_size(size, MAXALIGN(mul_size(nentries, sizeof(WfmTableEntry))));
}

void
wfm_stat_shmem_request(void)
{
	RequestAddinShmemSpace(shmem_layout(NULL, NULL));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

void
wfm_stat_shmem_startup(void)
{
	bool		found;
	WfmStats   *stats;
	Size		size = shmem_layout(NULL, NULL);

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	stats = ShmemInitStruct("wfm_fdw statistics", size, &found);
	if (!found)
	{
		memset(stats, 0, size);
		shmem_layout((char *) stats, stats);
		stats->evict_lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
		pg_atomic_init_u64(&stats->scans_not_shown, 0);
		pg_atomic_init_u64(&stats->tables_evicted, 0);
		for (int i = 0; i < stats->nplaces; i++)
		{
			pg_atomic_init_u32(&stats->places[i].owner, 0);
			pg_atomic_init_u64(&stats->places[i].rows, 0);
		}
		for (int i = 0; i < stats->nentries; i++)
		{
			pg_atomic_init_u64(&stats->keys[i], 0);
			SpinLockInit(&stats->entries[i].mutex);
			stats->entries[i].row.learnt_rows = -1;
		}
	}
	wfm_stats = stats;
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
	{
		on_shmem_exit(wfm_stat_save, (Datum) 0);
		if (!found)
			wfm_stat_load();
	}
}
