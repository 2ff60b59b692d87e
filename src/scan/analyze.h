/*
 * scan/analyze.h
 *		ANALYZE of a foreign table.
 */
#ifndef WFM_SCAN_ANALYZE_H
#define WFM_SCAN_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/*
 * See AnalyzeForeignTable.  Reads the whole table, and says with a NOTICE how
 * many calls that costs; declines in autovacuum, which nobody asked to spend
 * them.
 */
extern bool wfm_analyze(Relation relation, AcquireSampleRowsFunc *func,
						BlockNumber *totalpages);

#endif							/* WFM_SCAN_ANALYZE_H */
