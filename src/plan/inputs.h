/*
 * plan/inputs.h
 *		Input columns that a join has to give a value.
 */
#ifndef WFM_PLAN_INPUTS_H
#define WFM_PLAN_INPUTS_H

#include "plan/paths.h"
#include "plan/plan.h"

/*
 * Is this the other form of an EXISTS: a list of all values of the columns that
 * it compares with outer rows, to look those up in?  The planner makes both and
 * takes the cheaper one, so that one alone must not fail.
 */
extern bool wfm_is_looked_up(PlannerInfo *root);

/* Attribute numbers of the input columns among those, which nothing can list. */
extern Bitmapset *wfm_looked_up_inputs(PlannerInfo *root, RelOptInfo *baserel,
									   const WfmTable *table);

/* Do the pushed conditions (WfmPushed) give each of these columns a value? */
extern bool wfm_inputs_are_given(const WfmTable *table,
								 const WfmEndpoint *endpoint, List *pushed,
								 const Bitmapset *needed);

/*
 * Add a path without parameters that is dearer than any plan, and make its
 * plan, which complains when it is to run.
 */
extern void wfm_add_refused_path(PlannerInfo *root, RelOptInfo *baserel);
extern ForeignScan *wfm_refused_plan(RelOptInfo *baserel, List *tlist,
									 List *clauses, Plan *outer_plan);

#endif							/* WFM_PLAN_INPUTS_H */
