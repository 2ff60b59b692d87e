/*
 * fetch/row_counts.h
 *		How many rows the tables were seen to have.
 *
 * A scan that read a whole table leaves the number behind (fetch/learnt.h);
 * ANALYZE keeps one for longer, in pg_class.
 */
#ifndef WFM_FETCH_ROW_COUNTS_H
#define WFM_FETCH_ROW_COUNTS_H

#include "fetch/table.h"

/* Keep the number of rows of a table that was read to its end without any filter. */
extern void wfm_row_count_learn(const WfmTable *table, double rows);

/* The number kept for the table and the tenants it reads; -1: none. */
extern double wfm_row_count(const WfmTable *table);

/* The same for any table of a resource of the table's server. */
extern void wfm_row_count_learn_of(const WfmTable *table, const char *resource,
								   double rows);
extern double wfm_row_count_of(const WfmTable *table, const char *resource);

#endif							/* WFM_FETCH_ROW_COUNTS_H */
