/*
 * stats/stats_file.c
 *		The statistics of tables, kept in a file while the server is down.
 */
#include "postgres.h"

#include "base/state_file.h"
#include "stats/stats_private.h"

#define STATE_FILE	WFM_STATE_FILE("tables")
#define STATE_MAGIC	0x57465431	/* changes with the format */

/* The size tells a file of another build. */
typedef struct StateHeader
{
	uint32		magic;
	uint32		row_size;
	uint32		nrows;			/* each with its key before it */
} StateHeader;

static bool
write_tables(WfmStateFile *file)
{
	StateHeader header = {STATE_MAGIC, sizeof(WfmTableRow), 0};

	for (int i = 0; i < wfm_stats->nentries; i++)
		header.nrows += wfm_stats->entries[i].row.since != 0;
	if (!wfm_state_put(file, &header, sizeof(header)))
		return false;
	for (int i = 0; i < wfm_stats->nentries; i++)
	{
		uint64		key = pg_atomic_read_u64(&wfm_stats->keys[i]);
		const WfmTableRow *row = &wfm_stats->entries[i].row;

		if (row->since != 0 &&
			(!wfm_state_put(file, &key, sizeof(key)) ||
			 !wfm_state_put(file, row, sizeof(*row))))
			return false;
	}
	return true;
}

static bool
read_tables(WfmStateFile *file)
{
	StateHeader header;

	if (!wfm_state_get(file, &header, sizeof(header)) ||
		header.magic != STATE_MAGIC || header.row_size != sizeof(WfmTableRow))
		return false;
	for (uint32 i = 0; i < header.nrows; i++)
	{
		uint64		key;
		WfmTableRow row;

		if (!wfm_state_get(file, &key, sizeof(key)) || key == 0 ||
			!wfm_state_get(file, &row, sizeof(row)))
			return false;
		wfm_table_stat_restore(key, &row);
	}
	return true;
}

void
wfm_stat_load(void)
{
	if (wfm_state_load(STATE_FILE, read_tables))
		return;
	for (int i = 0; i < wfm_stats->nentries; i++)
	{
		pg_atomic_write_u64(&wfm_stats->keys[i], 0);
		memset(&wfm_stats->entries[i].row, 0, sizeof(WfmTableRow));
		wfm_stats->entries[i].row.learnt_rows = -1;
	}
}

void
wfm_stat_save(int code, Datum arg)
{
	/*
	 * After a crash nothing in shared memory is trusted.  No other process is
	 * there any more, so nothing is locked.
	 */
	if (code == 0 && wfm_stats != NULL)
		wfm_state_save(STATE_FILE, write_tables);
}
