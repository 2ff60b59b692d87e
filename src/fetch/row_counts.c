/*
 * fetch/row_counts.c
 *		How many rows the tables were seen to have.
 *
 * One table in shared memory of 64-bit words that are read and written as
 * wholes, so that no lock is needed: half of a word says whose it is, half
 * how many rows.  A word belongs to a foreign table and the tenants it reads,
 * by a hash; the place is found by other bits of it.  Two tables may in
 * theory share a word: that would be a poor estimate and nothing worse.
 *
 * A clean restart keeps them, in a file.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/state_file.h"
#include "fetch/row_counts.h"

/* 32 kB: a thousand tables without crowding. */
#define BUCKETS 1024
#define WAYS 4

#define STATE_FILE	WFM_STATE_FILE("row_counts")
#define STATE_MAGIC	UINT64CONST(0x5746520000000000) /* and the number of words */

typedef struct RowCounts
{
	pg_atomic_uint64 words[BUCKETS][WAYS];
} RowCounts;

static RowCounts *row_counts;	/* NULL: not preloaded */

void
wfm_row_counts_shmem_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(RowCounts)));
}

static bool
write_counts(WfmStateFile *file)
{
	uint64		magic = STATE_MAGIC | (BUCKETS * WAYS);

	return wfm_state_put(file, &magic, sizeof(magic)) &&
		wfm_state_put(file, row_counts->words, sizeof(row_counts->words));
}

static bool
read_counts(WfmStateFile *file)
{
	uint64		magic;

	return wfm_state_get(file, &magic, sizeof(magic)) &&
		magic == (STATE_MAGIC | (BUCKETS * WAYS)) &&
		wfm_state_get(file, row_counts->words, sizeof(row_counts->words));
}

static void
forget_counts(void)
{
	for (int i = 0; i < BUCKETS * WAYS; i++)
		pg_atomic_init_u64(&row_counts->words[i / WAYS][i % WAYS], 0);
}

/* At the postmaster's exit; after a crash nothing in there is trusted. */
static void
save_counts(int code, Datum arg)
{
	if (code == 0)
		wfm_state_save(STATE_FILE, write_counts);
}

void
wfm_row_counts_shmem_startup(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	row_counts = ShmemInitStruct("wfm_fdw row counts", sizeof(RowCounts), &found);
	if (!found)
		forget_counts();
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
	{
		on_shmem_exit(save_counts, (Datum) 0);
		if (!found && !wfm_state_load(STATE_FILE, read_counts))
			forget_counts();
	}
}

static uint64
add_text(uint64 hash, const char *text)
{
	if (text == NULL)
		text = "";

	return hash_bytes_extended((const unsigned char *) text, strlen(text) + 1,
							   hash);
}

/* What names a table and the tenants it reads; the upper half is never 0. */
static uint64
hash_of(const WfmTable *table)
{
	Oid			oids[3] = {MyDatabaseId, table->options->serverid, table->relid};
	uint64		hash = hash_bytes_extended((const unsigned char *) oids,
										   sizeof(oids), 0);
	ListCell   *lc;

	hash = add_text(hash, table->resource->name);
	hash = add_text(hash, table->connection->name);
	hash = add_text(hash, table->options->tenant_id != NULL ?
					table->options->tenant_id : table->connection->tenant_id);
	foreach(lc, table->options->tenants)
		hash = add_text(hash, ((WfmTenant *) lfirst(lc))->id);
	return hash >> 32 != 0 ? hash : hash | UINT64CONST(1) << 32;
}

void
wfm_row_count_learn(const WfmTable *table, double rows)
{
	uint64		hash = hash_of(table);
	uint64		tag = hash >> 32;
	uint64		word = tag << 32 | (uint32) Min(rows, (double) PG_UINT32_MAX);
	pg_atomic_uint64 *bucket;
	int			way = (int) (tag % WAYS);

	if (row_counts == NULL)
		return;
	bucket = row_counts->words[hash % BUCKETS];

	/* its own place, else a free one, else another's */
	for (int i = WAYS - 1; i >= 0; i--)
	{
		if (pg_atomic_read_u64(&bucket[i]) == 0)
			way = i;
	}
	for (int i = 0; i < WAYS; i++)
	{
		if (pg_atomic_read_u64(&bucket[i]) >> 32 == tag)
			way = i;
	}
	pg_atomic_write_u64(&bucket[way], word);
}

double
wfm_row_count(const WfmTable *table)
{
	uint64		hash = hash_of(table);

	if (row_counts == NULL)
		return -1;
	for (int i = 0; i < WAYS; i++)
	{
		uint64		word = pg_atomic_read_u64(&row_counts->words[hash % BUCKETS][i]);

		if (word >> 32 == hash >> 32)
			return (double) (word & PG_UINT32_MAX);
	}
	return -1;
}
