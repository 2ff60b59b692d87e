/*
 * plan/explain.c
 *		What EXPLAIN prints of a plan: the request, the conditions it takes
 *		over, and its price.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "fetch/table.h"
#include "plan/plan.h"
#include "plan/plan_data.h"

static const char *
operator_text(WfmPushKind kind)
{
	switch (kind)
	{
		case WFM_PUSH_EQUAL:
			return "=";
		case WFM_PUSH_ANY:
			return "= ANY";
		case WFM_PUSH_GREATER_EQUAL:
			return ">=";
		case WFM_PUSH_GREATER:
			return ">";
		case WFM_PUSH_LESS_EQUAL:
			return "<=";
		case WFM_PUSH_LESS:
			return "<";
	}
	return "=";
}

/* Is the filter used by the plan? */
static bool
filter_is_pushed(List *pushed, int filter)
{
	ListCell   *lc;

	foreach(lc, pushed)
	{
		if (linitial_int(lfirst(lc)) == filter)
			return true;
	}
	return false;
}

/* The request with column names where the values go. */
static char *
request_template(const WfmTable *table, const WfmEndpoint *endpoint,
				 List *pushed)
{
	StringInfoData text;
	const char *hole = strstr(endpoint->path, "{}");
	const char *from = table->resource->window_column;
	const char *to = from;
	char		separator = '?';

	initStringInfo(&text);
	appendStringInfo(&text, "GET %s ", table->dialect->name);
	if (hole == NULL)
		appendStringInfoString(&text, endpoint->path);
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place == WFM_IN_PATH && hole != NULL)
			appendStringInfo(&text, "%.*s{%s}%s",
							 (int) (hole - endpoint->path), endpoint->path,
							 filter->column, hole + 2);
		if (filter->place == WFM_WINDOW_FROM && filter_is_pushed(pushed, i))
			from = filter->column;
		if (filter->place == WFM_WINDOW_TO && filter_is_pushed(pushed, i))
			to = filter->column;
	}
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place == WFM_IN_QUERY && filter->parameter != NULL &&
			filter_is_pushed(pushed, i))
		{
			appendStringInfo(&text, "%c%s={%s}", separator, filter->parameter,
							 filter->column);
			separator = '&';
		}
	}
	if (endpoint->paging == WFM_PAGING_WINDOWS)
		appendStringInfo(&text, "%cfrom={%s}&to={%s}", separator,
						 from != NULL ? from : "day", to != NULL ? to : "day");
	return text.data;
}

void
wfm_explain_plan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *private = plan->fdw_private;
	List	   *pushed = list_nth(private, WFM_PLAN_PUSHED);
	WfmTable   *table = wfm_table_open(RelationGetRelid(node->ss.ss_currentRelation));
	const WfmEndpoint *endpoint;
	List	   *context;
	List	   *filters = NIL;
	ListCell   *lc;

	endpoint = wfm_endpoint_find(table->resource, table->dialect,
								 strVal(list_nth(private, WFM_PLAN_ENDPOINT)));
	if (endpoint == NULL)
		return;

	context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	foreach(lc, pushed)
	{
		List	   *slot = lfirst(lc);
		const WfmFilter *filter = &endpoint->filters[linitial_int(slot)];
		WfmPushKind kind = lsecond_int(slot);
		char	   *value = deparse_expression(list_nth(plan->fdw_exprs,
														lthird_int(slot)),
											   context, false, false);

		filters = lappend(filters,
						  psprintf(kind == WFM_PUSH_ANY ? "%s %s (%s) (%s)" :
								   "%s %s %s (%s)",
								   filter->column, operator_text(kind), value,
								   wfm_grade_name(filter->grade)));
	}

	ExplainPropertyText("Request", request_template(table, endpoint, pushed), es);
	if (filters != NIL || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyList("Pushed Filters", filters, es);
	ExplainPropertyInteger("Expected Calls", NULL,
						   strtoll(strVal(list_nth(private, WFM_PLAN_CALLS)),
								   NULL, 10), es);
}
