/*
 * plan/ancestors.c
 *		Where a node stands in its plan.
 *
 * EXPLAIN knows that while it prints, and tells an extension nothing of it.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "plan/ancestors.h"

typedef struct Search
{
	PlannedStmt *statement;
	Plan	   *wanted;
	List	   *below;			/* ancestors of what is looked at */
	List	   *found;
} Search;

static bool look_at(Plan *plan, List *ancestors, Search *search);

/* Look at the plan of a subquery in an expression. */
static bool
look_at_subplan(SubPlan *subplan, List *ancestors, Search *search)
{
	return look_at(list_nth(search->statement->subplans, subplan->plan_id - 1),
				   lcons(subplan, list_copy(ancestors)), search);
}

static bool
look_for_subplans(Node *node, void *arg)
{
	Search	   *search = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
	{
		List	   *below = search->below;

		if (look_at_subplan((SubPlan *) node, below, search))
			return true;
		search->below = below;
	}
	return expression_tree_walker(node, look_for_subplans, search);
}

/* Look at the subqueries in the expressions of a node. */
static bool
look_at_expressions(Plan *plan, List *ancestors, Search *search)
{
	List	   *expressions = list_make2(plan->targetlist, plan->qual);

	switch (nodeTag(plan))
	{
		case T_NestLoop:
			expressions = lappend(expressions, ((Join *) plan)->joinqual);
			break;
		case T_MergeJoin:
			expressions = lappend(expressions, ((Join *) plan)->joinqual);
			expressions = lappend(expressions, ((MergeJoin *) plan)->mergeclauses);
			break;
		case T_HashJoin:
			expressions = lappend(expressions, ((Join *) plan)->joinqual);
			expressions = lappend(expressions, ((HashJoin *) plan)->hashclauses);
			break;
		case T_Result:
			expressions = lappend(expressions, ((Result *) plan)->resconstantqual);
			break;
		case T_Limit:
			expressions = lappend(expressions, ((Limit *) plan)->limitCount);
			expressions = lappend(expressions, ((Limit *) plan)->limitOffset);
			break;
		case T_IndexScan:
			expressions = lappend(expressions, ((IndexScan *) plan)->indexqual);
			break;
		case T_FunctionScan:
			expressions = lappend(expressions, ((FunctionScan *) plan)->functions);
			break;
		case T_ValuesScan:
			expressions = lappend(expressions, ((ValuesScan *) plan)->values_lists);
			break;
		case T_ForeignScan:
			expressions = lappend(expressions, ((ForeignScan *) plan)->fdw_exprs);
			break;
		default:
			break;
	}
	search->below = ancestors;
	return look_for_subplans((Node *) expressions, search);
}

static bool
look_at_list(List *plans, List *ancestors, Search *search)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (look_at(lfirst(lc), ancestors, search))
			return true;
	}
	return false;
}

/* Is the node wanted in this tree?  ancestors are those of its top. */
static bool
look_at(Plan *plan, List *ancestors, Search *search)
{
	List	   *inside;
	ListCell   *lc;

	if (plan == NULL)
		return false;
	if (plan == search->wanted)
	{
		search->found = ancestors;
		return true;
	}

	inside = lcons(plan, list_copy(ancestors));
	foreach(lc, plan->initPlan)
	{
		if (look_at_subplan(lfirst_node(SubPlan, lc), inside, search))
			return true;
	}
	switch (nodeTag(plan))
	{
		case T_Append:
			if (look_at_list(((Append *) plan)->appendplans, inside, search))
				return true;
			break;
		case T_MergeAppend:
			if (look_at_list(((MergeAppend *) plan)->mergeplans, inside, search))
				return true;
			break;
		case T_CustomScan:
			if (look_at_list(((CustomScan *) plan)->custom_plans, inside, search))
				return true;
			break;
		case T_SubqueryScan:
			if (look_at(((SubqueryScan *) plan)->subplan, inside, search))
				return true;
			break;
		default:
			break;
	}
	return look_at(plan->lefttree, inside, search) ||
		look_at(plan->righttree, inside, search) ||
		look_at_expressions(plan, inside, search);
}

List *
wfm_plan_ancestors(PlannedStmt *statement, Plan *plan)
{
	Search		search = {statement, plan, NIL, NIL};

	(void) look_at(statement->planTree, NIL, &search);
	return search.found;
}
