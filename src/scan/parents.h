/*
 * scan/parents.h
 *		The keys of a parent table, for tables that are one call for each.
 */
#ifndef WFM_SCAN_PARENTS_H
#define WFM_SCAN_PARENTS_H

#include "postgres.h"

#include "fetch/cursor.h"
#include "fetch/table.h"
#include "scan/values.h"

/*
 * Read the parents' keys that a filter takes, each once, as values of a
 * column of this type.  spec is the table's own, for connection, tenants and
 * options.  Counters of the requests are added to stats.
 */
extern void wfm_parents_read(const WfmTable *table, const WfmFetchSpec *spec,
							 const WfmFilter *filter, Oid type,
							 WfmFilterValues *values, WfmFetchStats *stats);

#endif							/* WFM_SCAN_PARENTS_H */
