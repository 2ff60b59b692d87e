/*
 * plan/plan.c
 *		Sizes, access paths and plans.
 *
 * A path is one endpoint with the conditions it takes over.  Its price is
 * counted in calls of the API, since a call costs more than all the rows it
 * brings.  Nothing is sent while planning.
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/selfuncs.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "fetch/cursor.h"
#include "fetch/row_counts.h"
#include "plan/inputs.h"
#include "plan/paths.h"
#include "plan/plan.h"
#include "plan/plan_data.h"
#include "plan/pushdown.h"

/* Cost of handling one row, as for a foreign row of postgres_fdw. */
#define ROW_COST 0.01

/*
 * Cost of a millisecond of waiting for the network.  Calls are what is short,
 * so it decides only between plans of as many calls, or where call_cost says
 * that they are cheap.
 */
#define LATENCY_COST 0.1

/* How many values an expression compared by = or = ANY stands for. */
static double
count_values(PlannerInfo *root, const WfmPushed *pushed)
{
	if (pushed->kind != WFM_PUSH_ANY)
		return 1;
	return Max(1, wfm_estimate_array_length(root, (Node *) pushed->value));
}

/* At most so many rows, if a key is given: no statistics would tell that. */
static double
rows_by_key(PlannerInfo *root, RelOptInfo *baserel, const WfmTable *table)
{
	double		most = baserel->tuples;

	for (const WfmEndpoint *endpoint = table->resource->endpoints;
		 endpoint->path != NULL; endpoint++)
	{
		List	   *pushed;
		bool		usable;

		if ((endpoint->flags & WFM_ENDPOINT_SINGLE) == 0 ||
			!wfm_endpoint_in(endpoint, table->dialect))
			continue;
		pushed = wfm_match_endpoint(table, baserel->relid, endpoint,
									baserel->baserestrictinfo, &usable);
		if (usable)
			most = Min(most, count_values(root, linitial(pushed)));
	}
	return most;
}

static bool
exec_param_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return expression_tree_walker(node, exec_param_walker, context);
}

bool
wfm_has_exec_param(Node *node)
{
	return exec_param_walker(node, NULL);
}

/*
 * How many rows of the table are wanted at most, -1 if all may be.  A LIMIT
 * says so; an EXISTS by itself does by asking for the plan that is best for
 * one row.  One that depends on outer rows comes again and again: there the
 * list is better kept.
 */
static double
count_rows_wanted(PlannerInfo *root, RelOptInfo *baserel)
{
	const Query *parse = root->parse;
	ListCell   *lc;

	/* how many rows tie with the last one is not known */
	if (bms_membership(root->all_baserels) != BMS_SINGLETON ||
		parse->limitOption == LIMIT_OPTION_WITH_TIES)
		return -1;
	if (root->limit_tuples > 0)
		return root->limit_tuples;
	if (root->tuple_fraction < 1 || root->parent_root == NULL ||
		root->parent_root->plan_params != NIL ||
		parse->limitCount != NULL || parse->limitOffset != NULL ||
		parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->distinctClause != NIL || parse->hasAggs ||
		parse->hasWindowFuncs || parse->hasTargetSRFs || parse->havingQual != NULL)
		return -1;
	foreach(lc, baserel->baserestrictinfo)
	{
		if (wfm_has_exec_param((Node *) lfirst_node(RestrictInfo, lc)->clause))
			return -1;
	}
	return root->tuple_fraction;
}

void
wfm_get_rel_size(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	WfmRelPlan *state = palloc0(sizeof(WfmRelPlan));
	double		learnt;

	state->table = wfm_table_open(relid);

	state->rows_wanted = count_rows_wanted(root, baserel);
	state->bounded = state->rows_wanted > 0;
	baserel->fdw_private = state;

	/* what was seen last, else what ANALYZE found, else a guess */
	learnt = wfm_row_count(state->table);
	if (learnt >= 0)
		baserel->tuples = learnt;
	else if (baserel->tuples <= 0)
		baserel->tuples = state->table->resource->typical_rows;
	set_baserel_size_estimates(root, baserel);
	baserel->rows = clamp_row_est(Min(baserel->rows,
									  rows_by_key(root, baserel, state->table)));
}

bool
wfm_path_is_lazy(ForeignPath *path)
{
	return intVal(list_nth(path->fdw_private, WFM_PATH_LAZY)) != 0;
}

/* ---------- pricing ---------- */

/* Turn a constant of a date type into a day; false if it cannot be known. */
static bool
constant_day(PlannerInfo *root, Expr *value, DateADT *day)
{
	Node	   *node = estimate_expression_value(root, (Node *) value);
	Const	   *constant;

	if (!IsA(node, Const))
		return false;
	constant = (Const *) node;
	if (constant->constisnull)
		return false;
	switch (constant->consttype)
	{
		case DATEOID:
			*day = DatumGetDateADT(constant->constvalue);
			return !DATE_NOT_FINITE(*day);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			{
				Timestamp	stamp = DatumGetTimestamp(constant->constvalue);

				if (TIMESTAMP_NOT_FINITE(stamp))
					return false;
				*day = (DateADT) (stamp / USECS_PER_DAY);
				return true;
			}
		default:
			return false;
	}
}

/* How often in turn a scan waits: calls go out side by side. */
static double
waits(const WfmTable *table, double calls)
{
	return ceil(calls / Max(table->connection->limits.concurrent_calls, 1));
}

Cost
wfm_startup_cost(const WfmTable *table, const WfmPrice *price)
{
	return price->calls <= 0 ? 0 : table->options->call_cost +
		table->options->latency_ms * LATENCY_COST;
}

Cost
wfm_total_cost(const WfmTable *table, const WfmPrice *price)
{
	return price->calls * table->options->call_cost +
		waits(table, price->calls) * table->options->latency_ms * LATENCY_COST +
		price->rows * (ROW_COST + cpu_tuple_cost);
}

/* Part of the table's rows that the pushed conditions let through. */
static double
pushed_selectivity(PlannerInfo *root, RelOptInfo *baserel, List *clauses,
				   List *pushed)
{
	List	   *taken = NIL;
	ListCell   *lc;

	foreach(lc, pushed)
		taken = list_append_unique_ptr(taken,
									   list_nth(clauses, ((WfmPushed *) lfirst(lc))->clause));
	return clauselist_selectivity(root, taken, baserel->relid, JOIN_INNER, NULL);
}

/* Price one scan by this endpoint with these conditions. */
static WfmPrice
price_scan(PlannerInfo *root, RelOptInfo *baserel, const WfmTable *table,
		   const WfmEndpoint *endpoint, List *clauses, List *pushed)
{
	WfmPrice	price;
	DateADT		first;
	DateADT		last;
	double		keys;
	ListCell   *lc;
	uint32		counted = 0;

	price.tenants = wfm_estimate_tenants(root, table, baserel->relid, clauses);
	keys = price.tenants;
	wfm_table_history(table, &first, &last);
	foreach(lc, pushed)
	{
		WfmPushed  *push = lfirst(lc);
		const WfmFilter *filter = &endpoint->filters[push->filter];
		DateADT		day;

		if (filter->op == WFM_OP_WINDOW ||
			filter->place == WFM_WINDOW_FROM || filter->place == WFM_WINDOW_TO)
		{
			bool		lower = push->kind == WFM_PUSH_GREATER ||
				push->kind == WFM_PUSH_GREATER_EQUAL ||
				push->kind == WFM_PUSH_EQUAL;
			bool		upper = push->kind == WFM_PUSH_LESS ||
				push->kind == WFM_PUSH_LESS_EQUAL ||
				push->kind == WFM_PUSH_EQUAL;

			if (push->kind == WFM_PUSH_ANY ||
				!constant_day(root, push->value, &day))
				continue;
			/* what the user gives as the window's end counts as it is */
			if (filter->place == WFM_WINDOW_FROM)
				first = day;
			else if (filter->place == WFM_WINDOW_TO)
				last = day;
			else
			{
				if (lower)
					first = Max(first, day);
				if (upper)
					last = Min(last, day);
			}
		}
		else if ((counted & (1u << push->filter)) == 0)
		{
			keys *= count_values(root, push);
			counted |= 1u << push->filter;
		}
	}
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		if (endpoint->filters[i].parent != NULL && (counted & (1u << i)) == 0)
			keys *= wfm_table_parents(table, &endpoint->filters[i]);
	}

	price.rows = baserel->tuples *
		pushed_selectivity(root, baserel, clauses, pushed);
	price.calls = (double) wfm_fetch_count_calls(table->dialect, table->resource,
												 endpoint,
												 wfm_table_by_date(table),
												 (int64) keys, first, last,
												 price.rows / Max(keys, 1));
	if ((endpoint->flags & WFM_ENDPOINT_SINGLE) != 0)
		price.rows = Min(price.rows, price.calls);
	price.rows = Max(price.rows, 1);
	return price;
}

/* ---------- paths ---------- */

/* Attribute numbers of the columns that the scan has to deliver. */
static List *
used_columns(RelOptInfo *baserel, const WfmTable *table, List *clauses)
{
	Bitmapset  *used = NULL;
	List	   *result = NIL;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) clauses, baserel->relid, &used);
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i] != NULL &&
			(bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used) ||
			 bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, used)))
			result = lappend_int(result, i + 1);
	}
	return result;
}

/* Does the endpoint deliver every column that is used? */
static bool
delivers_all(const WfmTable *table, const WfmEndpoint *endpoint, List *used)
{
	ListCell   *lc;

	foreach(lc, used)
	{
		if (!wfm_endpoint_delivers(endpoint,
								   table->columns[lfirst_int(lc) - 1]->name))
			return false;
	}
	return true;
}

/* Do filters let through just the rows that all conditions want? */
static bool
all_exact(const WfmEndpoint *endpoint, List *clauses, List *pushed)
{
	ListCell   *lc;

	if (list_length(pushed) != list_length(clauses))
		return false;
	foreach(lc, pushed)
	{
		if (endpoint->filters[((WfmPushed *) lfirst(lc))->filter].grade != WFM_GRADE_EXACT)
			return false;
	}
	return true;
}

/*
 * Records a page that suffice for a LIMIT; 0 if that cannot be known, since
 * more records are needed than rows.
 */
static int
bounded_page_size(double rows_wanted, const WfmEndpoint *endpoint,
				  List *clauses, List *pushed)
{
	if (endpoint->page_size == NULL || endpoint->except_path != NULL ||
		wfm_endpoint_nscopes(endpoint) != 1 ||
		!all_exact(endpoint, clauses, pushed))
		return 0;
	return (int) Min(ceil(rows_wanted), endpoint->records_a_page);
}

List *
wfm_path_private(const WfmEndpoint *endpoint, const WfmPrice *price, bool lazy,
				 int page_size, List *order)
{
	/* in the order of WfmPathSlot */
	List	   *private = list_make5(makeString(pstrdup(endpoint->path)),
									 makeString(psprintf("%.0f", price->calls)),
									 makeInteger((int) price->tenants),
									 makeInteger(lazy ? 1 : 0),
									 makeInteger(page_size));

	return lappend(private, order);
}

/* Add the paths of one endpoint: as rows come, and sorted by the API. */
static void
add_paths(PlannerInfo *root, RelOptInfo *baserel, const WfmEndpoint *endpoint,
		  List *clauses, List *pushed, ParamPathInfo *param_info)
{
	WfmRelPlan *state = baserel->fdw_private;
	const WfmTable *table = state->table;
	WfmPrice	price = price_scan(root, baserel, table, endpoint, clauses, pushed);
	double		rows = param_info != NULL ? param_info->ppi_rows : baserel->rows;
	Relids		outer = param_info != NULL ? param_info->ppi_req_outer :
		baserel->lateral_relids;
	Cost		startup_cost = wfm_startup_cost(table, &price);
	Cost		total_cost = wfm_total_cost(table, &price) +
		rows * baserel->baserestrictcost.per_tuple;
	int			page_size = state->bounded ?
		bounded_page_size(state->rows_wanted, endpoint, clauses, pushed) : 0;

	/*
	 * Under a LIMIT that needs no sort few rows may be wanted: then the scan
	 * does not run ahead.
	 */
	bool		lazy = state->bounded && root->parse->sortClause == NIL;
	List	   *pathkeys = NIL;
	List	   *order = NIL;
	WfmPrice	bounded = price;

	if (page_size > 0)
		bounded.calls = Min(price.calls, ceil(state->rows_wanted / page_size));
	add_path(baserel, (Path *)
			 wfm_create_foreignscan_path(root, baserel, NULL, rows,
										 startup_cost, total_cost, NIL, outer, NULL,
										 wfm_path_private(endpoint, lazy ? &bounded : &price,
														  lazy, lazy ? page_size : 0, NIL)));
	if (state->bounded && param_info == NULL)
		order = wfm_find_order(root, baserel, table, endpoint,
							   page_size > 0 && state->rows_wanted <= page_size,
							   &pathkeys);
	if (order != NIL)
		add_path(baserel, (Path *)
				 wfm_create_foreignscan_path(root, baserel, NULL, rows,
											 startup_cost, total_cost, pathkeys,
											 outer, NULL,
											 wfm_path_private(endpoint, &bounded, true,
															  page_size, order)));
}

/*
 * Add paths for each endpoint that these conditions suffice for.  Returns
 * whether there was one.
 */
static bool
add_endpoint_paths(PlannerInfo *root, RelOptInfo *baserel, List *clauses,
				   ParamPathInfo *param_info)
{
	WfmRelPlan *state = baserel->fdw_private;
	const WfmTable *table = state->table;
	List	   *used = used_columns(baserel, table,
									extract_actual_clauses(clauses, false));
	bool		any = false;

	for (const WfmEndpoint *endpoint = table->resource->endpoints;
		 endpoint->path != NULL; endpoint++)
	{
		List	   *pushed;
		bool		usable;

		if (!wfm_endpoint_in(endpoint, table->dialect) ||
			!delivers_all(table, endpoint, used))
			continue;
		pushed = wfm_match_endpoint(table, baserel->relid, endpoint, clauses,
									&usable);
		if (!usable ||
			!wfm_inputs_are_given(table, endpoint, pushed, state->joined_inputs))
			continue;
		any = true;
		/* the path without parameters stands for itself already */
		if (param_info == NULL || pushed != NIL)
			add_paths(root, baserel, endpoint, clauses, pushed, param_info);
	}
	return any;
}

/* For generate_implied_equalities_for_column: the column asked for. */
typedef struct ColumnToMatch
{
	Index		relid;
	AttrNumber	attnum;
} ColumnToMatch;

static bool
member_is_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
				 EquivalenceMember *em, void *arg)
{
	ColumnToMatch *wanted = arg;

	return wfm_column_reference((Node *) em->em_expr, wanted->relid) ==
		wanted->attnum;
}

/* Append a set of relations that values come from. */
static List *
add_outer(PlannerInfo *root, RelOptInfo *baserel, Relids relids,
		  List *param_infos)
{
	Relids		outer = bms_union(relids, baserel->lateral_relids);

	outer = bms_del_member(outer, baserel->relid);
	if (bms_is_empty(outer))
		return param_infos;
	return list_append_unique_ptr(param_infos,
								  get_baserel_parampathinfo(root, baserel, outer));
}

/* Append the relations a join condition needs, if it can be a parameter. */
static List *
add_outer_of(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *rinfo,
			 List *param_infos)
{
	if (!join_clause_is_movable_to(rinfo, baserel))
		return param_infos;
	return add_outer(root, baserel, rinfo->clause_relids, param_infos);
}

/*
 * All sets of outer relations from which some filter could get its value.
 * Sets joined_inputs to the input columns that stand in join conditions; only
 * a path with parameters can give their values, all of them at once.
 */
static List *
collect_param_infos(PlannerInfo *root, RelOptInfo *baserel)
{
	WfmRelPlan *state = baserel->fdw_private;
	const WfmTable *table = state->table;
	List	   *param_infos = NIL;
	Relids		outer = NULL;
	ListCell   *lc;

	foreach(lc, baserel->joininfo)
	{
		RestrictInfo *rinfo = lfirst(lc);
		Bitmapset  *inputs = wfm_input_columns(table, baserel->relid,
											   (Node *) rinfo->clause);

		if (inputs != NULL && join_clause_is_movable_to(rinfo, baserel))
			outer = bms_add_members(outer, rinfo->clause_relids);
		state->joined_inputs = bms_add_members(state->joined_inputs, inputs);
		param_infos = add_outer_of(root, baserel, rinfo, param_infos);
	}

	for (int i = 0; i < table->natts && baserel->has_eclass_joins; i++)
	{
		ColumnToMatch wanted = {baserel->relid, i + 1};
		List	   *clauses;

		if (table->columns[i] == NULL)
			continue;
		clauses = generate_implied_equalities_for_column(root, baserel,
														 member_is_column,
														 &wanted,
														 baserel->lateral_referencers);
		/* any of them gives the value */
		if (clauses != NIL && (table->columns[i]->flags & WFM_FIELD_INPUT) != 0)
		{
			state->joined_inputs = bms_add_member(state->joined_inputs, i + 1);
			outer = bms_add_members(outer, linitial_node(RestrictInfo, clauses)->clause_relids);
		}
		foreach(lc, clauses)
			param_infos = add_outer_of(root, baserel, lfirst(lc), param_infos);
	}

	if (bms_membership(state->joined_inputs) == BMS_MULTIPLE)
		param_infos = add_outer(root, baserel, outer, param_infos);
	return param_infos;
}

void
wfm_get_paths(PlannerInfo *root, RelOptInfo *baserel, Oid relid)
{
	WfmRelPlan *state = baserel->fdw_private;
	List	   *clauses = baserel->baserestrictinfo;
	List	   *param_infos;
	bool		plain;
	bool		any;
	ListCell   *lc;

	param_infos = collect_param_infos(root, baserel);
	state->joined_inputs = bms_add_members(state->joined_inputs,
										   wfm_looked_up_inputs(root, baserel,
																state->table));
	any = plain = add_endpoint_paths(root, baserel, clauses, NULL);

	foreach(lc, param_infos)
	{
		ParamPathInfo *param_info = lfirst(lc);

		if (add_endpoint_paths(root, baserel,
							   list_concat_copy(clauses, param_info->ppi_clauses),
							   param_info))
			any = true;
	}

	/* with parameters alone not every order of joins has a plan */
	if (!plain && (any || wfm_is_looked_up(root)))
		wfm_add_refused_path(root, baserel);
	else if (!any)
	{
		wfm_table_check_price(state->table);
		wfm_check_input_columns(state->table, baserel->relid, clauses);
	}
}

/* ---------- plans ---------- */

/* Places of the conditions that no filter stands for. */
static List *
local_conditions(List *clauses, List *pushed)
{
	List	   *result = NIL;

	for (int i = 0; i < list_length(clauses); i++)
	{
		bool		found = false;
		ListCell   *lc;

		foreach(lc, pushed)
		{
			if (((WfmPushed *) lfirst(lc))->clause == i)
				found = true;
		}
		if (!found)
			result = lappend_int(result, i);
	}
	return result;
}

ForeignScan *
wfm_get_plan(PlannerInfo *root, RelOptInfo *baserel, Oid relid,
			 ForeignPath *best_path, List *tlist, List *scan_clauses,
			 Plan *outer_plan)
{
	const WfmTable *table;
	const char *path = strVal(list_nth(best_path->fdw_private, WFM_PATH_ENDPOINT));
	const WfmEndpoint *endpoint;
	List	   *clauses = extract_actual_clauses(scan_clauses, false);
	List	   *pushed;
	List	   *slots = NIL;
	List	   *exprs = NIL;
	List	   *private;
	bool		usable;
	ListCell   *lc;

	if (IS_UPPER_REL(baserel))
		return wfm_count_plan(root, best_path, tlist, outer_plan);
	if (path[0] == '\0')
		return wfm_refused_plan(baserel, tlist, clauses, outer_plan);

	table = ((WfmRelPlan *) baserel->fdw_private)->table;
	endpoint = wfm_endpoint_find(table->resource, table->dialect, path);
	pushed = wfm_match_endpoint(table, baserel->relid, endpoint, clauses,
								&usable);
	if (!usable)
		elog(ERROR, "conditions no longer suffice for endpoint %s", path);
	foreach(lc, pushed)
	{
		WfmPushed  *push = lfirst(lc);

		slots = lappend(slots, list_make3_int(push->filter, push->kind,
											  list_length(exprs)));
		exprs = lappend(exprs, push->value);
	}

	/* in the order of WfmPlanSlot */
	private = list_make4(list_nth(best_path->fdw_private, WFM_PATH_ENDPOINT), slots,
						 used_columns(baserel, table, clauses),
						 local_conditions(clauses, pushed));
	private = lappend(private, list_nth(best_path->fdw_private, WFM_PATH_LAZY));
	private = lappend(private, list_nth(best_path->fdw_private, WFM_PATH_CALLS));
	private = lappend(private, list_nth(best_path->fdw_private, WFM_PATH_TENANTS));
	private = lappend(private, list_nth(best_path->fdw_private, WFM_PATH_PAGE_SIZE));
	private = lappend(private, list_nth(best_path->fdw_private, WFM_PATH_ORDER));

	/* every condition is checked again locally */
	return make_foreignscan(tlist, clauses, baserel->relid, exprs, private,
							NIL, NIL, outer_plan);
}
