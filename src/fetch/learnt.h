/*
 * fetch/learnt.h
 *		What scans learnt and leave behind: how many rows tables have, and
 *		which assumptions about windows are wrong.
 *
 * It is there for all sessions, in shared memory, and over a clean restart in
 * a file; ANALYZE keeps a number of rows for longer, in pg_class.
 */
#ifndef WFM_FETCH_LEARNT_H
#define WFM_FETCH_LEARNT_H

#include "fetch/table.h"

/* Reserve and find the shared memory; called by the hooks of wfm_fdw.c. */
extern void wfm_learnt_shmem_request(void);
extern void wfm_learnt_shmem_startup(void);

/*
 * Keep the number of rows of a table that was read to its end without any
 * filter.  Does nothing when the library was not preloaded.
 */
extern void wfm_row_count_learn(const WfmTable *table, double rows);

/* The number kept for the table and the tenants it reads; -1: none. */
extern double wfm_row_count(const WfmTable *table);

/* The same for any table of a resource of the table's server. */
extern void wfm_row_count_learn_of(const WfmTable *table, const char *resource,
								   double rows);
extern double wfm_row_count_of(const WfmTable *table, const char *resource);

/*
 * Whether the time window of a tenant's list was found not to test the column
 * that it is assumed to test.  Kept as the numbers of rows are, until a scan
 * does without the assumption: then the user has seen to it.
 */
extern void wfm_window_judge(const char *connection, const char *tenant,
							 const char *resource, bool wrong);
extern bool wfm_window_is_wrong(const char *connection, const char *tenant,
								const char *resource);

#endif							/* WFM_FETCH_LEARNT_H */
