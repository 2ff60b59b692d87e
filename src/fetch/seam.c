/*
 * fetch/seam.c
 *		Dropping the rows that two overlapping windows both hold.
 *
 * Keys of two windows are kept: the one being read and its neighbour.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "fetch/seam.h"

typedef struct SeamKey
{
	const char *data;
	size_t		len;
} SeamKey;

typedef struct SeamEntry
{
	SeamKey		key;
	char		status;			/* for simplehash */
} SeamEntry;

#define SH_PREFIX seamhash
#define SH_ELEMENT_TYPE SeamEntry
#define SH_KEY_TYPE SeamKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_bytes((const unsigned char *) (k).data, (int) (k).len)
#define SH_EQUAL(tb, a, b) ((a).len == (b).len && memcmp((a).data, (b).data, (a).len) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The keys of one window, in a memory context of their own. */
typedef struct WindowKeys
{
	MemoryContext context;
	seamhash_hash *hash;		/* NULL: no keys */
} WindowKeys;

struct WfmSeam
{
	WindowKeys	current;
	WindowKeys	neighbour;
};

static void
forget(WindowKeys *keys)
{
	MemoryContextReset(keys->context);
	keys->hash = NULL;
}

WfmSeam *
wfm_seam_create(MemoryContext context)
{
	WfmSeam    *seam = MemoryContextAllocZero(context, sizeof(WfmSeam));

	seam->current.context = AllocSetContextCreate(context, "wfm_fdw seam",
												  ALLOCSET_DEFAULT_SIZES);
	seam->neighbour.context = AllocSetContextCreate(context, "wfm_fdw seam",
													ALLOCSET_DEFAULT_SIZES);
	return seam;
}

void
wfm_seam_begin(WfmSeam *seam, bool neighbour)
{
	WindowKeys	swap = seam->neighbour;

	seam->neighbour = seam->current;
	seam->current = swap;
	forget(&seam->current);
	if (!neighbour)
		forget(&seam->neighbour);
}

void
wfm_seam_again(WfmSeam *seam)
{
	forget(&seam->current);
}

bool
wfm_seam_is_double(WfmSeam *seam, const char *key, size_t len)
{
	SeamKey		probe = {key, len};
	SeamEntry  *entry;
	bool		is_double = seam->neighbour.hash != NULL &&
		seamhash_lookup(seam->neighbour.hash, probe) != NULL;
	bool		found;
	char	   *copy;

	if (seam->current.hash == NULL)
		seam->current.hash = seamhash_create(seam->current.context, 256, NULL);
	entry = seamhash_insert(seam->current.hash, probe, &found);
	if (!found)
	{
		copy = MemoryContextAlloc(seam->current.context, Max(len, 1));
		memcpy(copy, key, len);
		entry->key.data = copy;
	}
	return is_double;
}
