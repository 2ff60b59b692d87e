/*
 * plan/ancestors.h
 *		Where a node stands in its plan.
 */
#ifndef WFM_PLAN_ANCESTORS_H
#define WFM_PLAN_ANCESTORS_H

#include "postgres.h"

#include "nodes/plannodes.h"

/*
 * The nodes above a plan node, innermost first, with the SubPlan between a
 * subplan and the node that uses it: what ruleutils needs to say what a
 * parameter stands for.  NIL if the node cannot be found.
 */
extern List *wfm_plan_ancestors(PlannedStmt *statement, Plan *plan);

#endif							/* WFM_PLAN_ANCESTORS_H */
