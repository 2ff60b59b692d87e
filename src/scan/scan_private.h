/*
 * scan/scan_private.h
 *		What the parts of a scan share.
 *
 * scan.c runs the legs of a scan, columns.c makes tuples of records, order.c
 * watches their order, full_read.c turns from keys to the list, explain.c says
 * what a scan did.
 */
#ifndef WFM_SCAN_SCAN_PRIVATE_H
#define WFM_SCAN_SCAN_PRIVATE_H

#include "postgres.h"

#include "lib/ilist.h"
#include "nodes/execnodes.h"

#include "fetch/cursor.h"
#include "fetch/table.h"
#include "scan/convert.h"
#include "scan/full_read.h"
#include "scan/tenants.h"
#include "scan/values.h"
#include "stats/stats.h"

/* What a scan keeps between rows. */
typedef struct WfmScan
{
	dlist_node	node;			/* in open_scans while a cursor is open */
	bool		listed;
	EState	   *estate;
	MemoryContextCallback callback;
	WfmTable   *table;
	const WfmEndpoint *endpoint;
	List	   *pushed;
	List	   *exprs;			/* ExprStates */
	bool		lazy;
	bool		counting;		/* rows are counted, not delivered */
	int			page_size;		/* 0: the endpoint's */
	const char *order;			/* NULL: as the endpoint has it */
	AttrNumber	order_attnum;
	bool		order_descending;
	int			ncolumns;
	WfmConverter *converters;
	WfmDecodeField *fields;
	int			nfields;
	const char *includes;		/* what columns need to be included, or NULL */
	bool		detailed;		/* a column needs the long form */
	WfmTenantQuals *tenant_quals;
	WfmFullRead *full;			/* NULL: not looked at yet */
	bool		rescanned;

	/* reset for each rescan */
	MemoryContext values_context;
	WfmScanValues *values;
	WfmFetchSpec spec;
	WfmCursor  *cursor;
	List	   *tenants;		/* of WfmTenant: those asked */
	int			walk_filter;	/* filter that takes all keys of a parent, -1 */
	int			first_tenant;	/* of this leg, in tenants */
	int			leg;			/* next pair of _listed_from and _listed_to */
	int			npairs;			/* and how many of those a tenant has */
	int			nlegs;
	WfmFullReadMode full_mode;	/* what the full read does for this one */
	double		rows;			/* handed out since the scan began or
								 * rescanned */
	bool		order_begun;	/* some row came: */
	TimestampTz order_last;		/* the moment of the one before */
	int64		counted;
	bool		ended;
	bool		no_wait;		/* an asynchronous request: do not wait */

	WfmFetchStats stats;		/* of cursors that are closed */
	WfmScanStat *stat;			/* what others see of it */
} WfmScan;

/* Prepare decoding and converting of the columns that are used. */
extern void wfm_columns_prepare(WfmScan *scan, List *columns);

/* Tell each input column which set of values is its own. */
extern void wfm_columns_link_inputs(WfmScan *scan);

/* Fill the slot from a row. */
extern void wfm_columns_store(WfmScan *scan, const WfmRow *row,
							  TupleTableSlot *slot);

/* See that a row comes in the order the plan relies on. */
extern void wfm_order_check(WfmScan *scan, TupleTableSlot *slot);

/* The values given for an end of the window; NULL if there are none. */
extern const WfmFilterValues *wfm_scan_window_values(const WfmScan *scan,
													 WfmFilterPlace place);

/* Index of this leg's value of _listed_from or _listed_to. */
extern int	wfm_scan_leg_index(const WfmScan *scan, WfmFilterPlace place);

#endif							/* WFM_SCAN_SCAN_PRIVATE_H */
