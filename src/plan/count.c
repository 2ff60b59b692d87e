/*
 * plan/count.c
 *		count(*) of a whole table, from what the API says that there is.
 *
 * Where each page of a list tells how many records the list has, one record of
 * each list is enough.  Only without any condition: those are checked row by
 * row, and so are the ones that row security or a security barrier adds.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"

#include "base/compat.h"
#include "plan/paths.h"
#include "plan/plan.h"
#include "plan/plan_data.h"
#include "plan/pushdown.h"

/* The list whose total is the table's number of rows; NULL if none is. */
static const WfmEndpoint *
counted_list(const WfmTable *table)
{
	const WfmEndpoint *list = wfm_endpoint_whole(table->resource, table->dialect);

	/*
	 * Neither lists inside records, nor records that are left out, nor
	 * windows, which overlap.
	 */
	if (list == NULL || list->paging != WFM_PAGING_PAGES ||
		list->page_size == NULL || wfm_endpoint_nscopes(list) != 1 ||
		list->except_path != NULL)
		return NULL;
	for (int i = 0; i < wfm_endpoint_nfilters(list); i++)
	{
		if (list->filters[i].required)
			return NULL;
	}
	return list;
}

/* Does the aggregate count every row? */
static bool
counts_rows(Aggref *aggref, Index relid, const WfmTable *table)
{
	Node	   *argument;
	AttrNumber	attnum;

	if (aggref->aggfilter != NULL || aggref->aggdistinct != NIL ||
		aggref->aggorder != NIL || aggref->agglevelsup != 0 ||
		aggref->aggsplit != AGGSPLIT_SIMPLE)
		return false;
	if (aggref->aggfnoid == F_COUNT_)
		return true;
	if (aggref->aggfnoid != F_COUNT_ANY)
		return false;

	/* a column that is NOT NULL: the scan would complain of one that is */
	argument = (Node *) linitial_node(TargetEntry, aggref->args)->expr;
	if (IsA(argument, Const))
		return !((Const *) argument)->constisnull;
	attnum = wfm_column_reference(argument, relid);
	return attnum > 0 && attnum <= table->natts &&
		table->columns[attnum - 1] != NULL &&
		table->columns[attnum - 1]->not_null;
}

/* The counts that a target consists of; NIL if there is anything else. */
static List *
counts_in(PathTarget *target, Index relid, const WfmTable *table)
{
	List	   *parts = pull_var_clause((Node *) target->exprs,
										PVC_INCLUDE_AGGREGATES |
										PVC_RECURSE_WINDOWFUNCS |
										PVC_RECURSE_PLACEHOLDERS);
	ListCell   *lc;

	foreach(lc, parts)
	{
		if (!IsA(lfirst(lc), Aggref) ||
			!counts_rows(lfirst_node(Aggref, lc), relid, table))
			return NIL;
	}
	return parts;
}

void
wfm_get_upper_paths(PlannerInfo *root, UpperRelationKind stage,
					RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	Query	   *parse = root->parse;
	WfmRelPlan *state = input_rel->fdw_private;
	const WfmEndpoint *list;
	WfmPrice	price;
	int64		chains = 1;

	if (stage != UPPERREL_GROUP_AGG || state == NULL ||
		input_rel->reloptkind != RELOPT_BASEREL ||
		!parse->hasAggs || parse->groupClause != NIL ||
		parse->groupingSets != NIL || root->hasHavingQual ||
		parse->rowMarks != NIL || input_rel->baserestrictinfo != NIL ||
		bms_membership(root->all_baserels) != BMS_SINGLETON)
		return;
	list = counted_list(state->table);
	if (list == NULL ||
		counts_in(output_rel->reltarget, input_rel->relid, state->table) == NIL)
		return;

	while (chains < WFM_MAX_CHAINS && list->chains[chains] != NULL)
		chains++;
	price.tenants = Max(list_length(state->table->options->tenants), 1);
	price.calls = price.tenants * chains;
	price.rows = price.calls;
	add_path(output_rel, (Path *)
			 wfm_create_foreign_upper_path(root, output_rel,
										   output_rel->reltarget, 1,
										   wfm_startup_cost(state->table, &price),
										   wfm_total_cost(state->table, &price),
										   NIL, NULL,
										   wfm_path_private(list, &price, false, 1, NIL)));
}

ForeignScan *
wfm_count_plan(PlannerInfo *root, ForeignPath *path, List *tlist,
			   Plan *outer_plan)
{
	List	   *counts = pull_var_clause((Node *) path->path.pathtarget->exprs,
										 PVC_INCLUDE_AGGREGATES |
										 PVC_RECURSE_WINDOWFUNCS |
										 PVC_RECURSE_PLACEHOLDERS);
	List	   *private;

	/* in the order of WfmPlanSlot */
	private = list_make4(list_nth(path->fdw_private, WFM_PATH_ENDPOINT), NIL,
						 NIL, NIL);
	private = lappend(private, makeInteger(0));
	private = lappend(private, list_nth(path->fdw_private, WFM_PATH_CALLS));
	private = lappend(private, list_nth(path->fdw_private, WFM_PATH_TENANTS));
	private = lappend(private, list_nth(path->fdw_private, WFM_PATH_PAGE_SIZE));
	private = lappend(private, NIL);
	return make_foreignscan(tlist, NIL, 0, NIL, private,
							add_to_flat_tlist(NIL, counts), NIL, outer_plan);
}
