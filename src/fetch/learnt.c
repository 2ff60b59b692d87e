/*
 * fetch/learnt.c
 *		What scans learnt and leave behind: how many rows tables have, and
 *		which assumptions about windows are wrong.
 *
 * One table in shared memory of 64-bit words that are read and written as
 * wholes, so that no lock is needed: half of a word says whose it is, half
 * is the number kept.  A word belongs to a foreign table and the tenants it
 * reads, or to a tenant's list, by a hash; the place is found by other bits of
 * it.  Two may in theory share a word: that would be a poor estimate, or an
 * assumption that is given up for nothing, and no worse.
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
#include "fetch/learnt.h"

/* 32 kB: a thousand tables without crowding. */
#define BUCKETS 1024
#define WAYS 4

#define STATE_FILE	WFM_STATE_FILE("learnt")
#define STATE_MAGIC	UINT64CONST(0x5746520000000000) /* and the number of words */

typedef struct Learnt
{
	pg_atomic_uint64 words[BUCKETS][WAYS];
} Learnt;

static Learnt *learnt;			/* NULL: not preloaded */

void
wfm_learnt_shmem_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(Learnt)));
}

static bool
write_words(WfmStateFile *file)
{
	uint64		magic = STATE_MAGIC | (BUCKETS * WAYS);

	return wfm_state_put(file, &magic, sizeof(magic)) &&
		wfm_state_put(file, learnt->words, sizeof(learnt->words));
}

static bool
read_words(WfmStateFile *file)
{
	uint64		magic;

	return wfm_state_get(file, &magic, sizeof(magic)) &&
		magic == (STATE_MAGIC | (BUCKETS * WAYS)) &&
		wfm_state_get(file, learnt->words, sizeof(learnt->words));
}

static void
forget_words(void)
{
	for (int i = 0; i < BUCKETS * WAYS; i++)
		pg_atomic_init_u64(&learnt->words[i / WAYS][i % WAYS], 0);
}

/* At the postmaster's exit; after a crash nothing in there is trusted. */
static void
save_words(int code, Datum arg)
{
	if (code == 0)
		wfm_state_save(STATE_FILE, write_words);
}

void
wfm_learnt_shmem_startup(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	learnt = ShmemInitStruct("wfm_fdw learnt", sizeof(Learnt), &found);
	if (!found)
		forget_words();
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
	{
		on_shmem_exit(save_words, (Datum) 0);
		if (!found && !wfm_state_load(STATE_FILE, read_words))
			forget_words();
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

/* The upper half, which marks a word as taken, is never 0. */
static uint64
never_zero(uint64 hash)
{
	return hash >> 32 != 0 ? hash : hash | UINT64CONST(1) << 32;
}

/*
 * What names a foreign table and the tenants it reads; with relid 0 any table
 * of the resource on that server.
 */
static uint64
hash_of(const WfmTable *table, Oid relid, const char *resource)
{
	Oid			oids[3] = {MyDatabaseId, table->options->serverid, relid};
	uint64		hash = hash_bytes_extended((const unsigned char *) oids,
										   sizeof(oids), 0);
	ListCell   *lc;

	hash = add_text(hash, resource);
	hash = add_text(hash, table->connection->name);
	hash = add_text(hash, table->options->tenant_id != NULL ?
					table->options->tenant_id : table->connection->tenant_id);
	/* with all tenants the list is not known yet while a query is planned */
	if (table->options->all_tenants)
		hash = add_text(hash, "*");
	else
	{
		foreach(lc, table->options->tenants)
			hash = add_text(hash, ((WfmTenant *) lfirst(lc))->id);
	}
	return never_zero(hash);
}

/* Keep a number under a hash. */
static void
keep(uint64 hash, uint32 number)
{
	uint64		tag = hash >> 32;
	pg_atomic_uint64 *bucket;
	int			way = (int) (tag % WAYS);

	if (learnt == NULL)
		return;
	bucket = learnt->words[hash % BUCKETS];

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
	pg_atomic_write_u64(&bucket[way], tag << 32 | number);
}

/* The number kept under a hash; -1: none. */
static double
kept(uint64 hash)
{
	if (learnt == NULL)
		return -1;
	for (int i = 0; i < WAYS; i++)
	{
		uint64		word = pg_atomic_read_u64(&learnt->words[hash % BUCKETS][i]);

		if (word >> 32 == hash >> 32)
			return (double) (word & PG_UINT32_MAX);
	}
	return -1;
}

void
wfm_row_count_learn(const WfmTable *table, double rows)
{
	keep(hash_of(table, table->relid, table->resource->name),
		 (uint32) Min(rows, (double) PG_UINT32_MAX));
	wfm_row_count_learn_of(table, table->resource->name, rows);
}

double
wfm_row_count(const WfmTable *table)
{
	return kept(hash_of(table, table->relid, table->resource->name));
}

void
wfm_row_count_learn_of(const WfmTable *table, const char *resource, double rows)
{
	keep(hash_of(table, InvalidOid, resource),
		 (uint32) Min(rows, (double) PG_UINT32_MAX));
}

double
wfm_row_count_of(const WfmTable *table, const char *resource)
{
	return kept(hash_of(table, InvalidOid, resource));
}

/* ---------- verdicts ---------- */

/* What names the window of a tenant's list. */
static uint64
hash_of_window(const char *connection, const char *tenant, const char *resource)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) &MyDatabaseId,
										   sizeof(MyDatabaseId), 1);

	hash = add_text(hash, connection);
	hash = add_text(hash, tenant);
	return never_zero(add_text(hash, resource));
}

void
wfm_window_judge(const char *connection, const char *tenant,
				 const char *resource, bool wrong)
{
	uint64		hash = hash_of_window(connection, tenant, resource);

	if (wrong || kept(hash) > 0)
		keep(hash, wrong ? 1 : 0);
}

bool
wfm_window_is_wrong(const char *connection, const char *tenant,
					const char *resource)
{
	return kept(hash_of_window(connection, tenant, resource)) > 0;
}
