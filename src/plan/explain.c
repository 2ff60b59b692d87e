/*
 * plan/explain.c
 *		What EXPLAIN prints of a plan: the request, the conditions it takes
 *		over, and its price.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "executor/executor.h"
#include "nodes/value.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "fetch/table.h"
#include "plan/ancestors.h"
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

/* Append a parameter as the request has it. */
static void append_parameter(StringInfo text, char *separator,
							 const char *format,...) pg_attribute_printf(3, 4);

static void
append_parameter(StringInfo text, char *separator, const char *format,...)
{
	va_list		args;
	char		parameter[256];

	va_start(args, format);
	vsnprintf(parameter, sizeof(parameter), format, args);
	va_end(args);
	appendStringInfo(text, "%c%s", *separator, parameter);
	*separator = '&';
}

/* Append the days that a window asks for. */
static void
append_window(StringInfo text, char *separator, const WfmTable *table,
			  const WfmEndpoint *endpoint, List *pushed)
{
	const char *from = table->options->window_column_off ? NULL :
		table->resource->window_column;
	const char *to = from;

	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place == WFM_WINDOW_FROM && filter_is_pushed(pushed, i))
			from = filter->column;
		if (filter->place == WFM_WINDOW_TO && filter_is_pushed(pushed, i))
			to = filter->column;
	}
	append_parameter(text, separator, "from={%s}", from != NULL ? from : "day");
	append_parameter(text, separator, "to={%s}", to != NULL ? to : "day");
}

/* The parts of records that the columns lie in. */
static void
append_includes(StringInfo text, char *separator, const WfmTable *table,
				List *columns)
{
	List	   *parts = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		const WfmColumn *column = table->columns[lfirst_int(lc) - 1];

		if (column != NULL && column->include != NULL)
			parts = list_append_unique(parts, makeString(pstrdup(column->include)));
	}
	foreach(lc, parts)
	{
		if (foreach_current_index(lc) == 0)
			append_parameter(text, separator, "includes=%s", strVal(lfirst(lc)));
		else
			appendStringInfo(text, ",%s", strVal(lfirst(lc)));
	}
}

/* The lists that make up the whole, and the page of one. */
static void
append_pages(StringInfo text, char *separator, const WfmEndpoint *endpoint,
			 int page_size)
{
	if (endpoint->chains[0] != NULL)
	{
		append_parameter(text, separator, "{%s", endpoint->chains[0]);
		for (int i = 1; i < WFM_MAX_CHAINS && endpoint->chains[i] != NULL; i++)
			appendStringInfo(text, "|%s", endpoint->chains[i]);
		appendStringInfoChar(text, '}');
	}
	if (endpoint->records_a_page == 0)
		return;
	if (endpoint->paging != WFM_PAGING_LINKS)
		append_parameter(text, separator, "page={page}");
	if (endpoint->page_size != NULL)
		append_parameter(text, separator, "%s=%d", endpoint->page_size,
						 page_size > 0 ? page_size : endpoint->records_a_page);
}

/* The request with column names where the values go; see build_request(). */
static char *
request_template(const WfmTable *table, const WfmEndpoint *endpoint,
				 List *private, bool detailed)
{
	List	   *pushed = list_nth(private, WFM_PLAN_PUSHED);
	List	   *order = list_nth(private, WFM_PLAN_ORDER);
	StringInfoData text;
	const char *hole = strstr(endpoint->path, "{}");
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
	}
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place == WFM_IN_QUERY && filter->parameter != NULL &&
			filter_is_pushed(pushed, i))
			append_parameter(&text, &separator, "%s={%s}", filter->parameter,
							 filter->column);
		if (filter->place == WFM_IN_QUERY && filter->until != NULL &&
			filter_is_pushed(pushed, i))
			append_parameter(&text, &separator, "%s={%s}", filter->until,
							 filter->column);
	}
	if (endpoint->paging == WFM_PAGING_WINDOWS)
		append_window(&text, &separator, table, endpoint, pushed);
	if (detailed)
		append_parameter(&text, &separator, "detailed=true");
	append_includes(&text, &separator, table,
					list_nth(private, WFM_PLAN_COLUMNS));
	if (endpoint->parameters != NULL)
		append_parameter(&text, &separator, "%s", order != NIL ?
						 strVal(linitial(order)) : endpoint->parameters);
	append_pages(&text, &separator, endpoint,
				 intVal(list_nth(private, WFM_PLAN_PAGE_SIZE)));
	return text.data;
}

/* Are the records asked for in their long form? */
static bool
asks_detailed(const WfmTable *table, const WfmEndpoint *endpoint, List *columns)
{
	ListCell   *lc;

	if ((endpoint->flags & WFM_ENDPOINT_DETAILED) == 0)
		return false;
	if ((endpoint->flags & WFM_ENDPOINT_ALWAYS_DETAILED) != 0)
		return true;
	foreach(lc, columns)
	{
		const WfmColumn *column = table->columns[lfirst_int(lc) - 1];

		if (column != NULL && column->path != NULL &&
			(column->flags & WFM_FIELD_DETAILED) != 0)
			return true;
	}
	return false;
}

char *
wfm_plan_request(const WfmTable *table, const WfmEndpoint *endpoint,
				 List *private)
{
	return request_template(table, endpoint, private,
							asks_detailed(table, endpoint,
										  list_nth(private, WFM_PLAN_COLUMNS)));
}

/* The filter that takes the keys of all parents; NULL if none does. */
static const WfmFilter *
walked_filter(const WfmEndpoint *endpoint, List *pushed)
{
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		if (endpoint->filters[i].parent != NULL && !filter_is_pushed(pushed, i))
			return &endpoint->filters[i];
	}
	return NULL;
}

/* The pushed conditions, each with its grade. */
static List *
pushed_filters(ForeignScan *plan, const WfmEndpoint *endpoint, List *context,
			   bool prefix)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, (List *) list_nth(plan->fdw_private, WFM_PLAN_PUSHED))
	{
		List	   *slot = lfirst(lc);
		const WfmFilter *filter = &endpoint->filters[linitial_int(slot)];
		WfmPushKind kind = lsecond_int(slot);
		char	   *value = deparse_expression(list_nth(plan->fdw_exprs,
														lthird_int(slot)),
											   context, prefix, false);

		filters = lappend(filters,
						  psprintf(kind == WFM_PUSH_ANY ? "%s %s (%s) (%s)" :
								   "%s %s %s (%s)",
								   filter->column, operator_text(kind), value,
								   wfm_grade_name(filter->grade)));
	}
	return filters;
}

/* The conditions that no filter stands for: they save no call. */
static List *
local_filters(ForeignScan *plan, List *context, bool prefix)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, (List *) list_nth(plan->fdw_private, WFM_PLAN_LOCAL))
		filters = lappend(filters,
						  deparse_expression(list_nth(plan->scan.plan.qual,
													  lfirst_int(lc)),
											 context, prefix, false));
	return filters;
}

Oid
wfm_plan_table(ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;

	if (node->ss.ss_currentRelation != NULL)
		return RelationGetRelid(node->ss.ss_currentRelation);
	return exec_rt_fetch(bms_next_member(wfm_scan_base_relids(plan), -1),
						 node->ss.ps.state)->relid;
}

void
wfm_explain_plan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *private = plan->fdw_private;
	List	   *pushed = list_nth(private, WFM_PLAN_PUSHED);
	WfmTable   *table = wfm_table_open(wfm_plan_table(node));
	bool text = es->format == EXPLAIN_FORMAT_TEXT;
	bool		prefix = es->verbose || list_length(es->rtable) > 1;
	bool		detailed;
	const WfmEndpoint *endpoint;
	const WfmFilter *walked;
	List	   *context;
	List	   *filters;
	int			tenants = intVal(list_nth(private, WFM_PLAN_TENANTS));

	endpoint = wfm_endpoint_find(table->resource, table->dialect,
								 strVal(list_nth(private, WFM_PLAN_ENDPOINT)));
	if (endpoint == NULL)
		return;

	context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan,
									   wfm_plan_ancestors(es->pstmt, (Plan *) plan));
	detailed = asks_detailed(table, endpoint, list_nth(private, WFM_PLAN_COLUMNS));
	ExplainPropertyText("Request",
						request_template(table, endpoint, private, detailed), es);
	if (plan->scan.scanrelid == 0)
		ExplainPropertyText("Counted By", "the total that answers tell", es);
	if (list_nth(private, WFM_PLAN_ORDER) != NIL)
		ExplainPropertyText("Sorted By", "the API", es);
	if (!text)
		ExplainPropertyBool("Detailed", detailed, es);
	walked = walked_filter(endpoint, pushed);
	if (walked != NULL)
		ExplainPropertyText("Walk Of Parents",
							psprintf("%s.%s", walked->parent, walked->parent_column), es);
	filters = pushed_filters(plan, endpoint, context, prefix);
	if (filters != NIL || !text)
		ExplainPropertyList("Pushed Filters", filters, es);
	/* where nothing is pushed, the text's own line "Filter" is that list */
	filters = local_filters(plan, context, prefix);
	if ((filters != NIL && pushed != NIL) || !text)
		ExplainPropertyList("Local Filters", filters, es);
	if (table->options->tenants != NIL || table->options->all_tenants || !text)
		ExplainPropertyInteger("Expected Tenants", NULL, tenants, es);
	ExplainPropertyInteger("Expected Calls", NULL,
						   strtoll(strVal(list_nth(private, WFM_PLAN_CALLS)),
								   NULL, 10), es);
}
