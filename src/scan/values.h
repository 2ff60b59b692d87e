/*
 * scan/values.h
 *		The values of a scan's pushed conditions, evaluated once a scan.
 */
#ifndef WFM_SCAN_VALUES_H
#define WFM_SCAN_VALUES_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "fetch/cursor.h"
#include "fetch/table.h"

/* The values of one filter, as sent and as SQL has them. */
typedef struct WfmFilterValues
{
	bool		given;			/* some condition sets it */
	int			nvalues;
	char	  **texts;
	Datum	   *datums;
} WfmFilterValues;

/* All values of a scan. */
typedef struct WfmScanValues
{
	bool		nothing;		/* no row can match: send nothing */
	WfmFilterValues filters[WFM_MAX_FILTERS];
	DateADT		first_day;		/* days wanted, of those of the history */
	DateADT		last_day;
	DateADT		least_day;		/* what conditions said, if they did */
	DateADT		most_day;
	bool		least_given;
	bool		most_given;
} WfmScanValues;

/*
 * Evaluate.  pushed is the plan's WFM_PLAN_PUSHED, exprs the ExprStates of
 * fdw_exprs.  Everything is allocated in the current memory context.
 */
extern WfmScanValues *wfm_scan_values(const WfmTable *table,
									  const WfmEndpoint *endpoint,
									  List *pushed, List *exprs,
									  ExprContext *econtext);

/*
 * A value of a filter's column as it is sent; NULL if no record can have it.
 * Allocated in the current memory context, unless it needs no conversion.
 */
extern char *wfm_filter_text(const WfmFilter *filter, Datum value, Oid type);

#endif							/* WFM_SCAN_VALUES_H */
