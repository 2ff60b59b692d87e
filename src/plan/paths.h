/*
 * plan/paths.h
 *		What the parts of the planner share.
 *
 * plan.c finds the paths of a table, order.c those that come sorted, count.c
 * the one that is told how many rows there are.
 */
#ifndef WFM_PLAN_PATHS_H
#define WFM_PLAN_PATHS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "fetch/table.h"

/* Kept in RelOptInfo.fdw_private while planning. */
typedef struct WfmRelPlan
{
	WfmTable   *table;
	bool		bounded;		/* a LIMIT or EXISTS that this table alone
								 * feeds */
	double		rows_wanted;	/* by that */
	Bitmapset  *joined_inputs;	/* attribute numbers of the input columns that
								 * every path has to give a value */
} WfmRelPlan;

/* Slots of ForeignPath.fdw_private. */
typedef enum WfmPathSlot
{
	WFM_PATH_ENDPOINT,			/* String: path of the endpoint; empty: must
								 * not run */
	WFM_PATH_CALLS,				/* String: expected calls of one scan */
	WFM_PATH_TENANTS,			/* Integer: how many tenants that asks */
	WFM_PATH_LAZY,				/* Integer: 1 if few rows may be wanted */
	WFM_PATH_PAGE_SIZE,			/* Integer: records a page, 0: the endpoint's */
	WFM_PATH_ORDER				/* as WFM_PLAN_ORDER */
} WfmPathSlot;

/* What one scan by an endpoint costs. */
typedef struct WfmPrice
{
	double		tenants;		/* asked */
	double		calls;
	double		rows;			/* that come over the network */
} WfmPrice;

/* Costs of that; rows are those that local conditions are looked at for. */
extern Cost wfm_startup_cost(const WfmTable *table, const WfmPrice *price);
extern Cost wfm_total_cost(const WfmTable *table, const WfmPrice *price);

/* Make ForeignPath.fdw_private. */
extern List *wfm_path_private(const WfmEndpoint *endpoint,
							  const WfmPrice *price, bool lazy,
							  int page_size, List *order);

/*
 * The order in which the endpoint can deliver rows as the query wants them,
 * as WFM_PLAN_ORDER, and what the planner calls it; NIL if there is none.
 * one_page: all rows wanted come in one answer.
 */
extern List *wfm_find_order(PlannerInfo *root, RelOptInfo *baserel,
							const WfmTable *table,
							const WfmEndpoint *endpoint, bool one_page,
							List **pathkeys);

/* The plan of a path that wfm_get_upper_paths made. */
extern ForeignScan *wfm_count_plan(PlannerInfo *root, ForeignPath *path,
								   List *tlist, Plan *outer_plan);

#endif							/* WFM_PLAN_PATHS_H */
