/*
 * fetch/learnt.c
 *		Numbers that scans learn, for the scans and planners of all sessions.
 *
 * One table in shared memory of 64-bit words that are read and written as
 * wholes, so that no lock is needed: half of a word says whose it is, half is
 * the number.  A word belongs to a fact by a hash of its name; the place is
 * found by other bits of it.  Two facts may in theory share a word, so a
 * number may be another fact's: who reads one bounds it.
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
#define STATE_MAGIC	UINT64CONST(0x57464C0000000000) /* and the number of words */

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

uint64
wfm_learnt_name(WfmLearntKind kind)
{
	uint32		start[2] = {MyDatabaseId, kind};

	return hash_bytes_extended((const unsigned char *) start, sizeof(start), 0);
}

uint64
wfm_learnt_add_text(uint64 name, const char *text)
{
	if (text == NULL)
		text = "";

	return hash_bytes_extended((const unsigned char *) text, strlen(text) + 1,
							   name);
}

uint64
wfm_learnt_add_number(uint64 name, uint32 number)
{
	return hash_bytes_extended((const unsigned char *) &number, sizeof(number),
							   name);
}

/* The upper half of a name, which marks a word as taken, is never 0. */
static uint64
tag_of(uint64 name)
{
	return Max(name >> 32, 1);
}

void
wfm_learnt_keep(uint64 name, uint32 number)
{
	uint64		tag = tag_of(name);
	pg_atomic_uint64 *bucket;
	int			way = (int) (tag % WAYS);

	if (learnt == NULL)
		return;
	bucket = learnt->words[name % BUCKETS];

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

bool
wfm_learnt_recall(uint64 name, uint32 *number)
{
	if (learnt == NULL)
		return false;
	for (int i = 0; i < WAYS; i++)
	{
		uint64		word = pg_atomic_read_u64(&learnt->words[name % BUCKETS][i]);

		if (word >> 32 == tag_of(name))
		{
			*number = (uint32) (word & PG_UINT32_MAX);
			return true;
		}
	}
	return false;
}
