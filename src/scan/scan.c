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
#include "scan/parents.h"
#include "scan/scan.h"
#include "scan/scan_private.h"

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

void
wfm_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	List	   *private = plan->fdw_private;
	List	   *order;
	WfmScan    *scan;

	wfm_plan_check_runs(node);
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return;

	scan = palloc0(sizeof(WfmScan));
	node->fdw_state = scan;
	scan->estate = node->ss.ps.state;
	scan->callback.func = unlist_scan;
	scan->callback.arg = scan;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &scan->callback);

	scan->table = wfm_table_open(wfm_plan_table(node));
	scan->counting = plan->scan.scanrelid == 0;
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
	/* a list that does not tell its total is read by full pages */
	scan->page_size = scan->counting ? 0 :
		intVal(list_nth(private, WFM_PLAN_PAGE_SIZE));
	order = list_nth(private, WFM_PLAN_ORDER);
	if (order != NIL)
	{
		scan->order = strVal(linitial(order));
		scan->order_attnum = intVal(lsecond(order));
		scan->order_descending = intVal(lthird(order)) != 0;
	}
	scan->exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	scan->stat = wfm_scan_stat_create(scan->table->relid,
									  scan->table->options->server_name,
									  scan->table->sql_name,
									  wfm_plan_request(scan->table, scan->endpoint, private),
									  CurrentMemoryContext);
	scan->stat->planned_calls =
		strtoll(strVal(list_nth(private, WFM_PLAN_CALLS)), NULL, 10);
	wfm_columns_prepare(scan, list_nth(private, WFM_PLAN_COLUMNS));
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
const WfmFilterValues *
wfm_scan_window_values(const WfmScan *scan, WfmFilterPlace place)
{
	int			filter = window_filter(scan, place);

	if (filter < 0 || !scan->values->filters[filter].given)
		return NULL;
	return &scan->values->filters[filter];
}

/* Index of this leg's value of _listed_from or _listed_to. */
int
wfm_scan_leg_index(const WfmScan *scan, WfmFilterPlace place)
{
	const WfmFilterValues *to = wfm_scan_window_values(scan, WFM_WINDOW_TO);
	int			nto = to != NULL ? to->nvalues : 1;
	int			leg = (scan->leg - 1) % scan->npairs;

	return place == WFM_WINDOW_TO ? leg % nto : leg / nto;
}

/* With tenants '*': the list, which from now on is the scan's. */
static void
find_tenants(WfmScan *scan)
{
	WfmOptions *options = unconstify(WfmOptions *, scan->table->options);
	MemoryContext oldcontext;

	if (!options->all_tenants || options->tenants != NIL || scan->ended)
		return;
	oldcontext = MemoryContextSwitchTo(scan->estate->es_query_cxt);
	options->tenants = wfm_tenants_connected(scan->table->connection);
	MemoryContextSwitchTo(oldcontext);
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
	spec->includes = scan->includes;
	spec->resource = scan->table->resource;
	spec->endpoint = scan->endpoint;
	spec->fields = scan->fields;
	spec->nfields = scan->nfields;
	spec->lazy = scan->lazy;
	spec->stat = scan->stat;
	spec->page_size = scan->page_size;
	spec->order = scan->order;
	spec->totals = scan->counting;

	from = wfm_scan_window_values(scan, WFM_WINDOW_FROM);
	to = wfm_scan_window_values(scan, WFM_WINDOW_TO);
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
	spec->walking = scan->walk_filter >= 0;
	scan->first_tenant = 0;
	scan->tenants = NIL;
	if (scan->tenant_quals != NULL)
	{
		find_tenants(scan);
		oldcontext = MemoryContextSwitchTo(scan->values_context);
		scan->tenants = wfm_tenants_wanted(scan->table, scan->tenant_quals,
										   node->ss.ps.ps_ExprContext);
		MemoryContextSwitchTo(oldcontext);
		if (scan->tenants == NIL)
			scan->ended = true;
		if (scan->walk_filter >= 0)
			scan->nlegs *= list_length(scan->tenants);
	}
	scan->full_mode = scan->ended || scan->counting ? WFM_FULL_READ_OFF :
		wfm_full_read_begin(scan, (ForeignScan *) node->ss.ps.plan);
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
	for (int i = 0; scan->full_mode == WFM_FULL_READ_OFF &&
		 i < wfm_endpoint_nfilters(scan->endpoint); i++)
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
	wfm_columns_link_inputs(scan);
}

static void
close_cursor(WfmScan *scan)
{
	if (scan->cursor == NULL)
		return;
	wfm_fetch_stats_add(&scan->stats, wfm_cursor_stats(scan->cursor));
	scan->counted += wfm_cursor_total(scan->cursor);
	wfm_cursor_close(scan->cursor);
	scan->cursor = NULL;
	unlist_scan(scan);
}

/* Open the cursor of the next leg; false when there is none. */
static bool
open_next_leg(WfmScan *scan)
{
	const WfmFilterValues *from = wfm_scan_window_values(scan, WFM_WINDOW_FROM);
	const WfmFilterValues *to = wfm_scan_window_values(scan, WFM_WINDOW_TO);

	if (scan->leg >= scan->nlegs)
		return false;
	if (scan->leg++ == 0)
		wfm_scan_stat_begin(scan->stat);
	set_tenants(scan);
	if (scan->walk_filter >= 0 && (scan->leg - 1) % scan->npairs == 0)
		walk_parents(scan);
	set_keys(scan);
	if (scan->full_mode == WFM_FULL_READ_OFF)
	{
		scan->spec.first_day = from == NULL ? scan->values->first_day :
			DatumGetDateADT(from->datums[wfm_scan_leg_index(scan, WFM_WINDOW_FROM)]);
		scan->spec.last_day = to == NULL ? scan->values->last_day :
			DatumGetDateADT(to->datums[wfm_scan_leg_index(scan, WFM_WINDOW_TO)]);
		scan->spec.explicit_window = to != NULL;
		scan->spec.least_day = scan->values->least_day;
		scan->spec.most_day = scan->values->most_day;
		scan->spec.least_given = scan->values->least_given;
		scan->spec.most_given = scan->values->most_given;
	}
	scan->cursor = wfm_cursor_open(&scan->spec, scan->values_context);
	dlist_push_tail(&open_scans, &scan->node);
	scan->listed = true;
	return true;
}

/* ---------- rows ---------- */

/* At the end: if that was the whole table, planners want to know its size. */
static void
learn_rows(WfmScan *scan)
{
	if ((scan->endpoint->flags & WFM_ENDPOINT_WHOLE) != 0 &&
		scan->pushed == NIL &&
		list_length(scan->tenants) == list_length(scan->table->options->tenants))
	{
		wfm_row_count_learn(scan->table, scan->rows);
		wfm_scan_stat_learn(scan->stat, scan->rows);
	}
}

/* Forget what this scan began with, so that the next row starts it anew. */
static void
reset(WfmScan *scan)
{
	close_cursor(scan);
	wfm_scan_stat_end(scan->stat);
	MemoryContextReset(scan->values_context);
	scan->values = NULL;
	scan->rows = 0;
	scan->counted = 0;
	scan->order_begun = false;
	scan->ended = false;
}

/*
 * Fetch the next row into the slot.  WFM_CURSOR_WAIT comes only to
 * asynchronous requests.
 */
static WfmCursorState
fetch_row(WfmScan *scan, TupleTableSlot *slot)
{
	for (;;)
	{
		const WfmRow *row;

		if (scan->cursor == NULL && !open_next_leg(scan))
			return WFM_CURSOR_END;
		if (scan->no_wait)
		{
			if (wfm_cursor_poll(scan->cursor, &row) == WFM_CURSOR_WAIT)
				return WFM_CURSOR_WAIT;
		}
		else
			row = wfm_cursor_next(scan->cursor);
		if (row != NULL)
		{
			scan->rows++;
			if (scan->counting)
				continue;
			wfm_columns_store(scan, row, slot);
			wfm_scan_stat_row(scan->stat);
			if (scan->order_attnum > 0)
				wfm_order_check(scan, slot);
			return WFM_CURSOR_ROW;
		}
		close_cursor(scan);
	}
}

/*
 * Read the list into memory.  WFM_CURSOR_END when it is there, or when it does
 * not fit and the scan has to begin again.
 */
static WfmCursorState
fill(WfmScan *scan, TupleTableSlot *slot)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "wfm_fdw row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(row_context);
	WfmCursorState state;

	while ((state = fetch_row(scan, slot)) == WFM_CURSOR_ROW)
	{
		if (!wfm_full_read_keep(scan, slot))
		{
			reset(scan);
			state = WFM_CURSOR_END;
			break;
		}
		ExecClearTuple(slot);
		MemoryContextReset(row_context);
	}
	ExecClearTuple(slot);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(row_context);
	if (state == WFM_CURSOR_END && scan->values != NULL)
	{
		wfm_full_read_finish(scan);
		scan->full_mode = WFM_FULL_READ_READY;
	}
	return state;
}

/* The only row of a scan that counts. */
static void
store_count(const WfmScan *scan, TupleTableSlot *slot)
{
	for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
	{
		slot->tts_values[i] = Int64GetDatum((int64) scan->rows);
		slot->tts_isnull[i] = false;
	}
	ExecStoreVirtualTuple(slot);
}

/* The next row, in the node's slot, which stays empty at the end. */
static TupleTableSlot *
iterate(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	for (;;)
	{
		WfmCursorState state;

		if (scan->values == NULL)
			start(scan, node);
		if (scan->ended)
			return slot;

		if (scan->full_mode == WFM_FULL_READ_READY)
		{
			scan->ended = !wfm_full_read_next(scan, slot);
			return slot;
		}
		state = scan->full_mode == WFM_FULL_READ_FILL ?
			fill(scan, slot) : fetch_row(scan, slot);
		/* waiting: the slot stays empty, but this is not the end */
		if (state != WFM_CURSOR_END)
			return slot;
		if (scan->full_mode == WFM_FULL_READ_OFF)
		{
			scan->ended = true;
			scan->rows += scan->counted;
			learn_rows(scan);
			if (scan->counting)
				store_count(scan, slot);
		}
		else if (scan->full_mode == WFM_FULL_READ_STREAM)
		{
			scan->ended = true;
			wfm_full_read_finish(scan);
		}
		wfm_scan_stat_end(scan->stat);
	}
}

TupleTableSlot *
wfm_iterate_scan(ForeignScanState *node)
{
	TupleTableSlot *slot;

	PG_TRY();
	{
		slot = iterate(node);
	}
	PG_CATCH();
	{
		int			sqlstate = geterrcode();

		/* whoever cancels finds no fault with the API */
		if (sqlstate != ERRCODE_QUERY_CANCELED)
			wfm_scan_stat_error(((WfmScan *) node->fdw_state)->stat, sqlstate);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return slot;
}

void
wfm_rescan(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;

	if (scan == NULL)
		return;
	scan->rescanned |= scan->values != NULL;
	wfm_full_read_abandon(scan);
	reset(scan);
}

void
wfm_end_scan(ForeignScanState *node)
{
	WfmScan    *scan = node->fdw_state;

	if (scan == NULL)
		return;
	close_cursor(scan);
	wfm_scan_stat_end(scan->stat);
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
		{
			wfm_cursor_settle(scan->cursor);
			wfm_scan_stat_idle(scan->stat);
		}
	}
}

void
wfm_scan_install_hooks(void)
{
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
}
