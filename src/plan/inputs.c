/*
 * plan/inputs.c
 *		Input columns that a join has to give a value.
 *
 * No record holds them, so a scan without their value has nothing to compare:
 * each path must get the value of each of them.  Where the order of the joins
 * leaves the planner without such a path, it is given one that costs more than
 * any plan and complains when it is to run.
 */
#include "postgres.h"

#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"

#include "base/compat.h"
#include "plan/inputs.h"
#include "plan/plan_data.h"
#include "plan/pushdown.h"

/* Cost of what must not run. */
#define REFUSED_COST 1.0e30

/* Only in a query that the planner made of an EXISTS do columns have no name. */
static bool
is_looked_up(PlannerInfo *root, TargetEntry *entry)
{
	return root->parent_root != NULL && entry->resname == NULL && !entry->resjunk;
}

bool
wfm_is_looked_up(PlannerInfo *root)
{
	return root->parse->targetList != NIL &&
		is_looked_up(root, linitial_node(TargetEntry, root->parse->targetList));
}

Bitmapset *
wfm_looked_up_inputs(PlannerInfo *root, RelOptInfo *baserel, const WfmTable *table)
{
	Bitmapset  *result = NULL;
	ListCell   *lc;

	foreach(lc, root->parse->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (is_looked_up(root, entry))
			result = bms_add_members(result, wfm_input_columns(table, baserel->relid,
															   (Node *) entry->expr));
	}
	return result;
}

bool
wfm_inputs_are_given(const WfmTable *table, const WfmEndpoint *endpoint,
					 List *pushed, const Bitmapset *needed)
{
	Bitmapset  *given = NULL;
	ListCell   *lc;

	foreach(lc, pushed)
	{
		const WfmPushed *push = lfirst(lc);
		const WfmColumn *column =
			wfm_table_column(table, endpoint->filters[push->filter].column);

		given = bms_add_member(given, column->attnum);
	}
	return bms_is_subset(needed, given);
}

void
wfm_add_refused_path(PlannerInfo *root, RelOptInfo *baserel)
{
	static const WfmEndpoint none = {.path = ""};
	WfmPrice	price = {0};

	add_path(baserel, (Path *)
			 wfm_create_foreignscan_path(root, baserel, NULL, baserel->rows,
										 REFUSED_COST, REFUSED_COST, NIL,
										 baserel->lateral_relids, NULL,
										 wfm_path_private(&none, &price, true, 0, NIL)));
}

ForeignScan *
wfm_refused_plan(RelOptInfo *baserel, List *tlist, List *clauses, Plan *outer_plan)
{
	const WfmRelPlan *state = baserel->fdw_private;
	List	   *inputs = NIL;
	int			attnum = -1;

	while ((attnum = bms_next_member(state->joined_inputs, attnum)) >= 0)
		inputs = lappend_int(inputs, attnum);
	/* in the order of WfmPlanSlot */
	return make_foreignscan(tlist, clauses, baserel->relid, NIL,
							list_make3(makeString(pstrdup("")), NIL, inputs),
							NIL, NIL, outer_plan);
}

void
wfm_plan_check_runs(ForeignScanState *node)
{
	const ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *inputs;
	const WfmTable *table;

	if (strVal(list_nth(plan->fdw_private, WFM_PLAN_ENDPOINT))[0] != '\0')
		return;
	table = wfm_table_open(wfm_plan_table(node));
	wfm_table_check_price(table);
	inputs = list_nth(plan->fdw_private, WFM_PLAN_COLUMNS);
	if (inputs == NIL)
		wfm_check_input_columns(table, plan->scan.scanrelid, plan->scan.plan.qual);
	else
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot use column \"%s\" of foreign table \"%s\" in this join",
						table->columns[linitial_int(inputs) - 1]->name, table->name),
				 errdetail("It is input only: a parameter of the API that no record holds. The rows that give its value cannot be read first here."),
				 errhint("Give its value in a LATERAL subquery.")));
}
