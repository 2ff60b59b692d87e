/*
 * fetch/row_counts.h
 *		How many rows the tables were seen to have.
 *
 * A scan that read a whole table leaves the number behind for the planners of
 * all sessions, in shared memory, and over a clean restart in a file;
 * ANALYZE keeps one for longer, in pg_class.
 */
#ifndef WFM_FETCH_ROW_COUNTS_H
#define WFM_FETCH_ROW_COUNTS_H

#include "fetch/table.h"

/* Reserve and find the shared memory; called by the hooks of wfm_fdw.c. */
extern void wfm_row_counts_shmem_request(void);
extern void wfm_row_counts_shmem_startup(void);

/*
 * Keep the number of rows of a table that was read to its end without any
 * filter.  Does nothing when the library was not preloaded.
 */
extern void wfm_row_count_learn(const WfmTable *table, double rows);

/* The number kept for the table and the tenants it reads; -1: none. */
extern double wfm_row_count(const WfmTable *table);

#endif							/* WFM_FETCH_ROW_COUNTS_H */
