/*
 * scan/scan.c
 *		Executor callbacks: plan in, tuples out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/execAsync.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/settings.h"
#include "fetch/cursor.h"
#include "fetch/row_counts.h"
#include "fetch/table.h"
#include "plan/plan.h"
#include "plan/plan_data.h"
#include "scan/convert.h"
#include "scan/nested.h"
#include "scan/parents.h"
#include "scan/scan.h"
#include "scan/tenants.h"
#include "scan/values.h"

/* What a scan keeps between rows. */
typedef struct WfmScan
{
	dlist_node	node;			/* in open_scans while a cursor is open */
	bool		listed;
	EState	   *estate;
	MemoryContextCallback callback;
	WfmTable   *table;
	const WfmEndpoint *endpoint;
	List	   *pushed;
	List	   *exprs;			/* ExprStates */
	bool		lazy;
	int			ncolumns;
	WfmConverter *converters;
	WfmDecodeField *fields;
	int			nfields;
	bool		detailed;		/* a column needs the long form */
	WfmTenantQuals *tenant_quals;

	/* reset for each rescan */
	MemoryContext values_context;
	WfmScanValues *values;
	WfmFetchSpec spec;
	WfmCursor  *cursor;
	List	   *tenants;		/* of WfmTenant: those asked */
	int			walk_filter;	/* filter that takes all keys of a parent, -1 */
	int			first_tenant;	/* of this leg, in tenants */
	int			leg;			/* next pair of _listed_from and _listed_to */
	int			npairs;			/* and how many of those a tenant has */
	int			nlegs;
	double		rows;			/* handed out since the scan began or
								 * rescanned */
	bool		ended;
	bool		no_wait;		/* an asynchronous request: do not wait */

	WfmFetchStats stats;		/* of cursors that are closed */
	int64		times_dropped;	/* times of day cut off dates */
} WfmScan;

/* Most alternatives that a column's path has. */
#define MAX_ALTERNATIVES 8

/* Scans of this backend whose cursor is open. */
static dlist_head open_scans = DLIST_STATIC_INIT(open_scans);

static ExecutorRun_hook_type prev_ExecutorRun;

/* ---------- beginning ---------- */

/* The executor's memory goes: forget the scan. */
static void
unlist_scan(void *arg)
{
	WfmScan    *scan = arg;

	if (scan->listed)
		dlist_delete(&scan->node);
	scan->listed = false;
}

/* Have a path decoded; the index of its value. */
static int
add_field(WfmScan *scan, const WfmColumn *column, const char *path)
{
	WfmDecodeField *field = &scan->fields[scan->nfields];

	field->path = path;
	field->scope = column->scope >= 0 ? column->scope :
		Max(wfm_endpoint_nscopes(scan->endpoint) - 1, 0);
	field->take =
		column->field_type == WFM_TYPE_JSONB ? WFM_TAKE_JSON : WFM_TAKE_TEXT;
	return scan->nfields++;
}

/* Have each alternative of a column's path decoded by itself. */
static void
add_alternatives(WfmScan *scan, WfmConverter *converter)
{
	const char *path = converter->column->path;

	converter->alternatives = palloc(MAX_ALTERNATIVES * sizeof(char *));
	converter->field = scan->nfields;
	while (*path != '\0' && converter->nalternatives < MAX_ALTERNATIVES)
	{
		size_t		len = strcspn(path, "|");
		char	   *one = pnstrdup(path, len);

		(void) add_field(scan, converter->column, one);
		one = pstrdup(one);
		/* JSON's name of it is in lower case */
		one[0] = pg_ascii_toupper((unsigned char) one[0]);
		converter->alternatives[converter->nalternatives++] = one;
		path += len;
		if (*path == '|')
			path++;
	}
}

/* Prepare decoding and converting of the columns that are used. */
static void
prepare_columns(WfmScan *scan, List *columns)
{
	ListCell   *lc;

	scan->converters = palloc0(Max(list_length(columns), 1) *
							   sizeof(WfmConverter));
	scan->fields = palloc0(Max(list_length(columns), 1) * MAX_ALTERNATIVES *
						   sizeof(WfmDecodeField));
	foreach(lc, columns)
	{
		const WfmColumn *column = scan->table->columns[lfirst_int(lc) - 1];
		WfmConverter *converter;

		/* dropped since the plan was made: then the plan is made anew */
		if (column == NULL)
			continue;
		converter = &scan->converters[scan->ncolumns++];
		wfm_converter_init(converter, column);
		if (column->path == NULL)
			continue;
		if ((column->flags & WFM_FIELD_DETAILED) != 0)
			scan->detailed = true;
		if ((column->flags & WFM_FIELD_NESTED) != 0 &&
			column->type == JSONBOID)
			converter->nested = wfm_nested_create(scan->table, column);
		if ((column->flags & WFM_FIELD_WHICH) != 0)
			add_alternatives(scan, converter);
		else
			converter->field = add_field(scan, column, column->path);
	}

	/* without any field records are only counted, not delivered */
	if (scan->nfields == 0)
	{
		for (int i = 0; i < scan->ncolumns; i++)
		{
			const WfmField *any = scan->table->resource->fields;

			if ((scan->converters[i].column->flags & WFM_FIELD_ORDINAL) == 0)
				continue;
			while (any->path == NULL)
				any++;
			scan->fields[0].path = any->path;
			scan->fields[0].scope = any->scope;
			scan->nfields = 1;
			break;
		}
	}
}

void
wfm_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *private = plan->fdw_private;
	WfmScan    *scan;

	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return;

	scan = palloc0(sizeof(WfmScan));
	node->fdw_state = scan;
	scan->estate = node->ss.ps.state;
	scan->callback.func = unlist_scan;
	scan->callback.arg = scan;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &scan->callback);

	scan->table = wfm_table_open(RelationGetRelid(node->ss.ss_currentRelation));
	scan->endpoint = wfm_endpoint_find(scan->table->resource,
									   scan->table->dialect,
									   strVal(list_nth(private, WFM_PLAN_ENDPOINT)));
	if (scan->endpoint == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INCONSISTENT_DESCRIPTOR_INFORMATION),
				 errmsg("plan of foreign table \"%s\" no longer fits its connection",
						scan->table->name),
				 errhint("Prepare the statement again.")));
	scan->pushed = list_nth(private, WFM_PLAN_PUSHED);
	scan->lazy = intVal(list_nth(private, WFM_PLAN_LAZY)) != 0;
	scan->exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	prepare_columns(scan, list_nth(private, WFM_PLAN_COLUMNS));
	scan->tenant_quals = wfm_tenant_quals(scan->table, node);
	scan->values_context = AllocSetContextCreate(CurrentMemoryContext,
												 "wfm_fdw scan values",
												 ALLOCSET_SMALL_SIZES);
}

/* ---------- values and cursors ---------- */

/* The filter that sets an end of the window from an input column; -1: none. */
static int
window_filter(const WfmScan *scan, WfmFilterPlace place)
{
	for (int i = 0; i < wfm_endpoint_nfilters(scan->endpoint); i++)
	{
		if (scan->endpoint->filters[i].place == place)
			return i;
	}
	return -1;
}

/* Values of an end of the window, NULL if none were given. */
static const WfmFilterValues *
window_values(const WfmScan *scan, WfmFilterPlace place)
{
	int			filter = window_filter(scan, place);

	if (filter < 0 || !scan->values->filters[filter].given)
		return NULL;
	return &scan->values->filters[filter];
}

/* Which column takes which set of values. */
static void
link_input_columns(WfmScan *scan)
{
	for (int i = 0; i < scan->ncolumns; i++)
	{
		WfmConverter *converter = &scan->converters[i];

		converter->key_set = -1;
		if ((converter->column->flags & (WFM_FIELD_INPUT | WFM_FIELD_PARENT)) == 0)
			continue;
		for (int f = 0; f < wfm_endpoint_nfilters(scan->endpoint); f++)
		{
			if (scan->values->filters[f].given &&
				strcmp(scan->endpoint->filters[f].column,
					   converter->column->name) == 0)
				converter->key_set = f;
		}
	}
}

/* Evaluate the conditions and describe what to fetch. */
static void
start(WfmScan *scan, ForeignScanState *node)
{
	WfmFetchSpec *spec = &scan->spec;
	const WfmFilterValues *from;
	const WfmFilterValues *to;
	MemoryContext oldcontext;

	wfm_require_preload();
	wfm_connection_check_committed(scan->table->connection);

	oldcontext = MemoryContextSwitchTo(scan->values_context);
	scan->values = wfm_scan_values(scan->table, scan->endpoint, scan->pushed,
								   scan->exprs, node->ss.ps.ps_ExprContext);
	MemoryContextSwitchTo(oldcontext);

	memset(spec, 0, sizeof(*spec));
	spec->table_name = scan->table->name;
	spec->sql_name = scan->table->sql_name;
	spec->connection = scan->table->connection;
	spec->options = scan->table->options;
	spec->format = scan->table->format;
	spec->detailed = scan->detailed;
	spec->resource = scan->table->resource;
	spec->endpoint = scan->endpoint;
	spec->fields = scan->fields;
	spec->nfields = scan->nfields;
	spec->lazy = scan->lazy;

	from = window_values(scan, WFM_WINDOW_FROM);
	to = window_values(scan, WFM_WINDOW_TO);
	scan->leg = 0;
	scan->npairs = (from != NULL ? from->nvalues : 1) *
		(to != NULL ? to->nvalues : 1);
	scan->nlegs = scan->npairs;
	scan->ended = scan->values->nothing;

	/* a parent without key: those of all parents, tenant by tenant */
	scan->walk_filter = -1;
	for (int i = 0; i < wfm_endpoint_nfilters(scan->endpoint); i++)
	{
		if (scan->endpoint->filters[i].parent != NULL &&
			!scan->values->filters[i].given)
			scan->walk_filter = i;
	}
	scan->first_tenant = 0;
	scan->tenants = NIL;
	if (scan->tenant_quals != NULL)
	{
		oldcontext = MemoryContextSwitchTo(scan->values_context);
		scan->tenants = wfm_tenants_wanted(scan->table, scan->tenant_quals,
										   node->ss.ps.ps_ExprContext);
		MemoryContextSwitchTo(oldcontext);
		if (scan->tenants == NIL)
			scan->ended = true;
		if (scan->walk_filter >= 0)
			scan->nlegs *= list_length(scan->tenants);
	}
}

/* Say which tenants to ask in this leg: all, or the one whose turn it is. */
static void
set_tenants(WfmScan *scan)
{
	int			n = list_length(scan->tenants);
	const char **ids;

	if (n == 0)
		return;
	scan->first_tenant = 0;
	if (scan->walk_filter >= 0)
	{
		scan->first_tenant = (scan->leg - 1) / scan->npairs;
		n = 1;
	}
	ids = MemoryContextAlloc(scan->values_context, n * sizeof(char *));
	for (int i = 0; i < n; i++)
		ids[i] = ((WfmTenant *) list_nth(scan->tenants,
										 scan->first_tenant + i))->id;
	scan->spec.tenants = ids;
	scan->spec.ntenants = n;
}

/* Read the keys of all parents. */
static void
walk_parents(WfmScan *scan)
{
	const WfmFilter *filter = &scan->endpoint->filters[scan->walk_filter];
	const WfmColumn *column = wfm_table_column(scan->table, filter->column);
	const WfmField *field = wfm_field_find(scan->table->resource,
										   scan->table->dialect,
										   filter->column);
	MemoryContext oldcontext = MemoryContextSwitchTo(scan->values_context);

	wfm_parents_read(scan->table, &scan->spec, filter,
					 column != NULL ? column->type : wfm_type_oid(field->type),
					 &scan->values->filters[scan->walk_filter], &scan->stats);
	MemoryContextSwitchTo(oldcontext);
}

/* Hand the values of the filters to the cursor's description. */
static void
set_keys(WfmScan *scan)
{
	WfmFetchSpec *spec = &scan->spec;

	spec->nkeys = 0;
	for (int i = 0; i < wfm_endpoint_nfilters(scan->endpoint); i++)
	{
		const WfmFilter *filter = &scan->endpoint->filters[i];
		const WfmFilterValues *values = &scan->values->filters[i];

		if (!values->given || filter->place == WFM_WINDOW_FROM ||
			filter->place == WFM_WINDOW_TO)
			continue;
		spec->keys[spec->nkeys].filter = i;
		spec->keys[spec->nkeys].nvalues = values->nvalues;
		spec->keys[spec->nkeys].values = values->texts;
		spec->nkeys++;
	}
	link_input_columns(scan);
}

static void
close_cursor(WfmScan *scan)
{
	if (scan->cursor == NULL)
		return;
	wfm_stats_add(&scan->stats, wfm_cursor_stats(scan->cursor));
	wfm_cursor_close(scan->cursor);
	scan->cursor = NULL;
	unlist_scan(scan);
}

/* Index of this leg's value of _listed_from or _listed_to. */
static int
leg_index(const WfmScan *scan, WfmFilterPlace place)
{
	const WfmFilterValues *to = window_values(scan, WFM_WINDOW_TO);
	int			nto = to != NULL ? to->nvalues : 1;
	int			leg = (scan->leg - 1) % scan->npairs;

	return place == WFM_WINDOW_TO ? leg % nto : leg / nto;
}

/* Open the cursor of the next leg; false when there is none. */
static bool
open_next_leg(WfmScan *scan)
{
	const WfmFilterValues *from = window_values(scan, WFM_WINDOW_FROM);
	const WfmFilterValues *to = window_values(scan, WFM_WINDOW_TO);

	if (scan->leg >= scan->nlegs)
		return false;
	scan->leg++;
	set_tenants(scan);
	if (scan->walk_filter >= 0 && (scan->leg - 1) % scan->npairs == 0)
		walk_parents(scan);
	set_keys(scan);
	scan->spec.first_day = from == NULL ? scan->values->first_day :
		DatumGetDateADT(from->datums[leg_index(scan, WFM_WINDOW_FROM)]);
	scan->spec.last_day = to == NULL ? scan->values->last_day :
		DatumGetDateADT(to->datums[leg_index(scan, WFM_WINDOW_TO)]);
	scan->spec.explicit_window = to != NULL;
	scan->cursor = wfm_cursor_open(&scan->spec, scan->values_context);
	dlist_push_tail(&open_scans, &scan->node);
	scan->listed = true;
	return true;
}

/* ---------- rows ---------- */

/* The value of an input column: what the condition gave. */
static Datum
input_value(const WfmScan *scan, const WfmConverter *converter,
			const WfmRow *row, bool *isnull)
{
	const WfmFilterValues *values;
	const WfmFilter *filter;
	int			index = 0;

	*isnull = converter->key_set < 0;
	if (*isnull)
		return (Datum) 0;
	values = &scan->values->filters[converter->key_set];
	filter = &scan->endpoint->filters[converter->key_set];
	if (filter->place == WFM_WINDOW_FROM || filter->place == WFM_WINDOW_TO)
		index = leg_index(scan, filter->place);
	else
	{
		for (int i = 0; i < scan->spec.nkeys; i++)
		{
			if (scan->spec.keys[i].filter == converter->key_set)
				index = row->key_index[i];
		}
	}
	return values->datums[index];
}

/* A column that says which tenant the row comes from. */
static Datum
tenant_value(const WfmScan *scan, const WfmConverter *converter,
			 const WfmRow *row, bool *isnull)
{
	const WfmOptions *options = scan->table->options;
	const char *text = options->tenant_id != NULL ? options->tenant_id :
		scan->table->connection->tenant_id;
	bool		is_name = (converter->column->flags & WFM_FIELD_TENANT_NAME) != 0;

	if (scan->tenants != NIL)
	{
		const WfmTenant *tenant = list_nth(scan->tenants,
										   scan->first_tenant + row->tenant);

		text = is_name ? tenant->label : tenant->id;
	}
	else if (is_name)
		text = NULL;
	*isnull = text == NULL;

	if (*isnull)
		return (Datum) 0;
	return OidInputFunctionCall(converter->input.fn_oid,
								unconstify(char *, text), converter->ioparam,
								converter->column->typmod);
}

/* The name of the alternative that has a value. */
static Datum
which_value(const WfmConverter *converter, const WfmRow *row, bool *isnull)
{
	for (int i = 0; i < converter->nalternatives; i++)
	{
		if (row->values[converter->field + i].data == NULL)
			continue;
		*isnull = false;
		return OidInputFunctionCall(converter->input.fn_oid,
									unconstify(char *, converter->alternatives[i]),
									converter->ioparam,
									converter->column->typmod);
	}
	*isnull = true;
	return (Datum) 0;
}

/* The value of a column that no path leads to. */
static Datum
made_value(const WfmScan *scan, const WfmConverter *converter,
		   const WfmRow *row, bool *isnull)
{
	const WfmColumn *column = converter->column;

	if ((column->flags & WFM_FIELD_ORDINAL) != 0)
	{
		*isnull = row->ordinals == NULL;
		return *isnull ? (Datum) 0 : Int32GetDatum((int32) row->ordinals[column->scope]);
	}
	if ((column->flags & (WFM_FIELD_TENANT_ID | WFM_FIELD_TENANT_NAME)) != 0)
		return tenant_value(scan, converter, row, isnull);
	return input_value(scan, converter, row, isnull);
}

/* Fill the slot from a row. */
static void
store_row(WfmScan *scan, const WfmRow *row, TupleTableSlot *slot)
{
	int			natts = slot->tts_tupleDescriptor->natts;

	memset(slot->tts_isnull, true, natts * sizeof(bool));
	for (int i = 0; i < scan->ncolumns; i++)
	{
		WfmConverter *converter = &scan->converters[i];
		int			att = converter->column->attnum - 1;
		bool		dropped = false;

		if (converter->nalternatives > 0)
			slot->tts_values[att] = which_value(converter, row,
												&slot->tts_isnull[att]);
		else if (converter->nested != NULL)
			slot->tts_values[att] = wfm_nested_convert(converter->nested,
													   &row->values[converter->field],
													   row, scan->table->name,
													   &slot->tts_isnull[att]);
		else if (converter->field >= 0)
			slot->tts_values[att] = wfm_convert(converter,
												&row->values[converter->field],
												row, scan->table->name,
												&slot->tts_isnull[att],
												&dropped);
		else
			slot->tts_values[att] = made_value(scan, converter, row,
											   &slot->tts_isnull[att]);
		if (dropped)
			scan->times_dropped++;
	}
	ExecStoreVirtualTuple(slot);
}

/* At the end: if that was the whole table, planners want to know its size. */
static void
learn_rows(WfmScan *scan)
{
	if ((scan->endpoint->flags & WFM_ENDPOINT_WHOLE) != 0 &&
		scan->pushed == NIL &&
		list_length(scan->tenants) == list_length(scan->table->options->tenants))
		wfm_row_count_learn(scan->table, scan->rows);
}

TupleTableSlot *
wfm_iterate_scan(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (scan->values == NULL)
		start(scan, node);

	while (!scan->ended)
	{
		const WfmRow *row;

		if (scan->cursor == NULL && !open_next_leg(scan))
		{
			scan->ended = true;
			learn_rows(scan);
			break;
		}
		if (scan->no_wait)
		{
			/* nothing yet: the slot stays empty, but this is not the end */
			if (wfm_cursor_poll(scan->cursor, &row) == WFM_CURSOR_WAIT)
				return slot;
		}
		else
			row = wfm_cursor_next(scan->cursor);
		if (row != NULL)
		{
			store_row(scan, row, slot);
			scan->rows++;
			return slot;
		}
		close_cursor(scan);
	}
	return slot;
}

void
wfm_rescan(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;

	if (scan == NULL)
		return;
	close_cursor(scan);
	MemoryContextReset(scan->values_context);
	scan->values = NULL;
	scan->rows = 0;
	scan->ended = false;
}

void
wfm_end_scan(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;

	if (scan != NULL)
		close_cursor(scan);
}

/* ---------- asynchronous execution ---------- */

bool
wfm_is_async_capable(ForeignPath *path)
{
	/* running several at once would ask for more than a LIMIT needs */
	return !wfm_path_is_lazy(path);
}

/* Hand a tuple to the Append, or say that it will come or never will. */
static void
answer_request(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	WfmScan    *scan = node->fdw_state;
	TupleTableSlot *slot;

	/* local conditions and projection are the scan node's business */
	scan->no_wait = true;
	slot = request->requestee->ExecProcNodeReal(request->requestee);
	scan->no_wait = false;

	if (!TupIsNull(slot))
		ExecAsyncRequestDone(request, slot);
	else if (scan->ended)
		ExecAsyncRequestDone(request, NULL);
	else
		ExecAsyncRequestPending(request);
}

void
wfm_async_request(AsyncRequest *request)
{
	answer_request(request);
}

void
wfm_async_configure_wait(AsyncRequest *request)
{
	ForeignScanState *node = (ForeignScanState *) request->requestee;
	AppendState *requestor = (AppendState *) request->requestor;
	WfmScan    *scan = node->fdw_state;

	/* a pending request has a cursor that waits for its descriptor */
	AddWaitEventToSet(requestor->as_eventset, WL_SOCKET_READABLE,
					  wfm_cursor_fd(scan->cursor), NULL, request);
}

void
wfm_async_notify(AsyncRequest *request)
{
	answer_request(request);
}

/* ---------- suspended portals ---------- */

/*
 * A portal that hands out some rows and waits for the client to ask for more
 * must not sit on the API's few slots.
 */
static void
executor_run(WFM_EXECUTOR_RUN_PARAMETERS)
{
	dlist_mutable_iter iter;

	if (prev_ExecutorRun)
		prev_ExecutorRun(WFM_EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(WFM_EXECUTOR_RUN_ARGUMENTS);

	if (count == 0)
		return;
	dlist_foreach_modify(iter, &open_scans)
	{
		WfmScan    *scan = dlist_container(WfmScan, node, iter.cur);

		if (scan->estate == query->estate)
			wfm_cursor_settle(scan->cursor);
	}
}

void
wfm_scan_install_hooks(void)
{
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
}

/* ---------- EXPLAIN ---------- */

void
wfm_explain_scan(ForeignScanState *node, ExplainState *es)
{
	WfmScan    *scan = node->fdw_state;
	WfmFetchStats total;

	wfm_explain_plan(node, es);
	if (scan == NULL || !es->analyze)
		return;

	total = scan->stats;
	if (scan->cursor != NULL)
		wfm_stats_add(&total, wfm_cursor_stats(scan->cursor));
	ExplainPropertyInteger("Calls", NULL, total.calls, es);
	ExplainPropertyInteger("Answers", NULL, total.answers, es);
	ExplainPropertyInteger("Records Received", NULL, total.records, es);
	ExplainPropertyInteger("Bytes Received", NULL, total.bytes, es);
	if (total.retries > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Retries", NULL, total.retries, es);
	if (total.limited > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Limited (429)", NULL, total.limited, es);
	if (scan->times_dropped > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Times Of Day Dropped", NULL,
							   scan->times_dropped, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Network Wait", "ms", total.network_us / 1000.0, 3, es);
		ExplainPropertyFloat("Limit Wait", "ms", total.permit_us / 1000.0, 3, es);
		ExplainPropertyFloat("Token Wait", "ms", total.token_us / 1000.0, 3, es);
	}
}
