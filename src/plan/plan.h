/*
 * plan/plan.h
 *		Planner callbacks of the foreign-data wrapper.
 */
#ifndef WFM_PLAN_PLAN_H
#define WFM_PLAN_PLAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

#include "fetch/table.h"

/* See the FdwRoutine members of the same names; none of them sends. */
extern void wfm_get_rel_size(PlannerInfo *root, RelOptInfo *baserel,
							 Oid relid);
extern void wfm_get_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid);
extern ForeignScan *wfm_get_plan(PlannerInfo *root, RelOptInfo *baserel,
								 Oid relid, ForeignPath *best_path,
								 List *tlist, List *scan_clauses,
								 Plan *outer_plan);

extern void wfm_get_upper_paths(PlannerInfo *root, UpperRelationKind stage,
								RelOptInfo *input_rel, RelOptInfo *output_rel,
								void *extra);

/*
 * Does the expression, or one of the list, need a value that another part of
 * the running plan gives: an outer row's, or a subquery's?
 */
extern bool wfm_has_exec_param(Node *node);

/* Complain if the plan is one that must not run (plan/inputs.c). */
extern void wfm_plan_check_runs(ForeignScanState *node);

/* Was the path made for a LIMIT that few rows satisfy? */
extern bool wfm_path_is_lazy(ForeignPath *path);

/*
 * The request of a plan with this fdw_private, as EXPLAIN prints it: column
 * names in place of values.  Allocated in the current context.
 */
extern char *wfm_plan_request(const WfmTable *table,
							  const WfmEndpoint *endpoint, List *private);

/* The table that a plan reads, or counts the rows of. */
extern Oid	wfm_plan_table(ForeignScanState *node);

/* What EXPLAIN prints of a plan; es as in ExplainForeignScan. */
struct ExplainState;
extern void wfm_explain_plan(ForeignScanState *node, struct ExplainState *es);

#endif							/* WFM_PLAN_PLAN_H */
