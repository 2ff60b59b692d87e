/*
 * scan/full_read.c
 *		Reading the whole list once instead of asking for one key after another.
 *
 * Rows of the list are kept by the text of one key column as it would be sent.
 * That the server may see letter case or blanks otherwise does no harm: every
 * condition is checked again on each row, and a row that satisfies "=" has the
 * same text.  Where no key tells rows apart (windows of time), all rows are
 * given and the conditions choose.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/nodeHash.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "fetch/row_counts.h"
#include "plan/plan.h"
#include "scan/full_read.h"
#include "scan/scan_private.h"

/* What a kept row takes beside its columns, in bytes. */
#define ROW_OVERHEAD 48

typedef struct KeptRow
{
	struct KeptRow *next;		/* of the same key */
	MinimalTuple tuple;
} KeptRow;

typedef struct KeptKey
{
	const char *key;
	KeptRow    *first;
	KeptRow    *last;
	char		status;			/* for simplehash */
} KeptKey;

#define SH_PREFIX kepthash
#define SH_ELEMENT_TYPE KeptKey
#define SH_KEY_TYPE const char *
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_bytes((const unsigned char *) (k), (int) strlen(k))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct WfmFullRead
{
	const WfmEndpoint *list;	/* NULL: there is none that could stand in */
	bool		varies;			/* some condition needs an outer row */
	bool		days_vary;		/* and days do */
	bool		tenants_vary;	/* and tenants do */
	int			key_filter;		/* of the planned endpoint; -1: all rows are
								 * one list */
	const WfmColumn *key_column;

	WfmFullReadMode mode;
	bool		whole_table;	/* what is read is all of it */
	MemoryContext context;		/* of what is kept */
	kepthash_hash *rows;
	KeptRow    *next_row;		/* to be given next */
	int			next_value;		/* of the key's values, when that is NULL */
	bool		used;			/* the report holds something */
	WfmFullReadReport report;
};

/* ---------- can a list stand in? ---------- */

/* Does the list deliver every column that the scan does? */
static bool
list_delivers(const WfmScan *scan, const WfmEndpoint *list)
{
	if (scan->detailed && (list->flags & WFM_ENDPOINT_DETAILED) == 0)
		return false;
	for (int i = 0; i < scan->ncolumns; i++)
	{
		const WfmColumn *column = scan->converters[i].column;

		if ((column->flags & WFM_FIELD_PARENT) != 0 ||
			!wfm_endpoint_delivers(list, column->name))
			return false;
	}
	return true;
}

/* Look once at what the plan's conditions are made of. */
static WfmFullRead *
examine(WfmScan *scan, ForeignScan *plan)
{
	WfmFullRead *full = MemoryContextAllocZero(scan->estate->es_query_cxt,
											   sizeof(WfmFullRead));
	const WfmEndpoint *list = wfm_endpoint_whole(scan->table->resource,
												 scan->table->dialect);
	bool		key_varies = false;
	ListCell   *lc;

	full->key_filter = -1;
	if (list == NULL ||
		wfm_endpoint_nscopes(list) != wfm_endpoint_nscopes(scan->endpoint) ||
		!list_delivers(scan, list))
		return full;

	foreach(lc, scan->pushed)
	{
		List	   *slot = lfirst(lc);
		int			index = linitial_int(slot);
		const WfmFilter *filter = &scan->endpoint->filters[index];
		const WfmColumn *column = wfm_table_column(scan->table, filter->column);
		Node	   *value = list_nth(plan->fdw_exprs, lthird_int(slot));
		bool		varies = wfm_has_exec_param(value);

		/* what no record holds cannot be looked for among records */
		if (column == NULL || column->path == NULL ||
			(column->flags & (WFM_FIELD_INPUT | WFM_FIELD_PARENT)) != 0)
			return full;
		if (filter->op == WFM_OP_WINDOW)
			full->days_vary |= varies;
		else if (filter->op == WFM_OP_EQUAL &&
				 filter->format == WFM_FORMAT_AS_TEXT &&
				 (full->key_filter < 0 || (varies && !key_varies)))
		{
			full->key_filter = index;
			full->key_column = column;
			key_varies = varies;
		}
	}
	full->varies = wfm_has_exec_param((Node *) plan->scan.plan.qual);
	full->tenants_vary = scan->tenant_quals != NULL &&
		wfm_tenant_quals_vary(scan->tenant_quals);
	full->list = list;
	return full;
}

/* ---------- what is cheaper ---------- */

/* Calls of one scan by an endpoint. */
static int64
count_calls(const WfmScan *scan, const WfmEndpoint *endpoint, int64 keys,
			DateADT first, DateADT last, double rows)
{
	return wfm_fetch_count_calls(scan->table->dialect, scan->table->resource,
								 endpoint, wfm_table_by_date(scan->table), keys,
								 first, last, rows);
}

/* Calls that asking for the keys of this scan takes. */
static int64
calls_by_key(const WfmScan *scan)
{
	int64		keys = Max(list_length(scan->tenants), 1);

	/* to the first of them a LIMIT may be satisfied */
	if (scan->lazy)
		return 1;
	for (int i = 0; i < wfm_endpoint_nfilters(scan->endpoint); i++)
	{
		if (scan->values->filters[i].given)
			keys *= scan->values->filters[i].nvalues;
	}
	return count_calls(scan, scan->endpoint, keys, scan->values->first_day,
					   scan->values->last_day, 0);
}

/* Days that the list is read for. */
static void
list_days(const WfmScan *scan, DateADT *first, DateADT *last)
{
	if (scan->full->days_vary)
		wfm_table_history(scan->table, first, last);
	else
	{
		*first = scan->values->first_day;
		*last = scan->values->last_day;
	}
}

/* Will the list's rows fit into memory, as far as is known? */
static bool
may_fit(const WfmScan *scan, ForeignScan *plan)
{
	double		rows = wfm_row_count(scan->table);

	if (rows < 0)
		rows = scan->table->resource->typical_rows;
	return rows * (plan->scan.plan.plan_width + ROW_OVERHEAD) <=
		(double) get_hash_memory_limit();
}

/* ---------- beginning ---------- */

/* Have the scan's spec ask for the list. */
static void
aim_at_list(WfmScan *scan, List *tenants)
{
	WfmFullRead *full = scan->full;
	DateADT		first;
	DateADT		last;

	if (!full->used)
		full->report.calls_before = scan->stats.calls;
	full->used = true;
	full->report.path = full->list->path;
	wfm_table_history(scan->table, &first, &last);
	list_days(scan, &scan->spec.first_day, &scan->spec.last_day);
	if (!full->days_vary)
	{
		scan->spec.least_day = scan->values->least_day;
		scan->spec.most_day = scan->values->most_day;
		scan->spec.least_given = scan->values->least_given;
		scan->spec.most_given = scan->values->most_given;
	}
	full->whole_table = !scan->spec.least_given && !scan->spec.most_given &&
		scan->spec.first_day == first &&
		scan->spec.last_day == last &&
		list_length(tenants) == list_length(scan->table->options->tenants);
	scan->spec.endpoint = full->list;
	scan->spec.lazy = false;
	scan->spec.page_size = 0;
	scan->spec.order = NULL;
	scan->tenants = tenants;
	scan->first_tenant = 0;
	scan->npairs = scan->nlegs = 1;
}

/* Point at the first row of the scan's keys. */
static void
rewind_rows(WfmFullRead *full)
{
	full->next_row = NULL;
	full->next_value = 0;
}

WfmFullReadMode
wfm_full_read_begin(WfmScan *scan, ForeignScan *plan)
{
	WfmFullRead *full = scan->full;
	DateADT		first;
	DateADT		last;
	List	   *tenants;
	int64		list_calls;
	int64		key_calls;

	if (full == NULL)
		full = scan->full = examine(scan, plan);
	if (full->mode == WFM_FULL_READ_READY)
	{
		rewind_rows(full);
		return full->mode;
	}
	full->mode = WFM_FULL_READ_OFF;
	if (full->list == NULL || scan->walk_filter >= 0)
		return full->mode;

	tenants = full->tenants_vary ? scan->table->options->tenants : scan->tenants;
	list_days(scan, &first, &last);
	list_calls = count_calls(scan, full->list, Max(list_length(tenants), 1),
							 first, last, wfm_row_count(scan->table));
	key_calls = calls_by_key(scan);

	/* rows of a scan that comes once need not be kept */
	if (!full->varies && !scan->rescanned)
	{
		if (key_calls <= list_calls)
			return full->mode;
		aim_at_list(scan, tenants);
		full->mode = WFM_FULL_READ_STREAM;
		return full->mode;
	}

	/* a scan that reads the whole list anyhow keeps it the first time */
	if (scan->stats.calls + key_calls <= list_calls &&
		!(full->varies && scan->pushed == NIL && !scan->lazy &&
		  list_length(scan->tenants) == list_length(tenants)))
		return full->mode;
	if (full->report.too_large || !may_fit(scan, plan))
		return full->mode;
	aim_at_list(scan, tenants);
	full->context = AllocSetContextCreate(scan->estate->es_query_cxt,
										  "wfm_fdw full read",
										  ALLOCSET_DEFAULT_SIZES);
	full->rows = kepthash_create(full->context, 256, NULL);
	full->report.rows = 0;
	full->report.kept = true;
	full->mode = WFM_FULL_READ_FILL;
	return full->mode;
}

/* ---------- rows ---------- */

/* The text that a row is kept by; NULL if no key can find it. */
static char *
row_key(const WfmScan *scan, TupleTableSlot *slot)
{
	const WfmFullRead *full = scan->full;
	int			att;

	if (full->key_filter < 0)
		return "";
	att = full->key_column->attnum - 1;
	if (slot->tts_isnull[att])
		return NULL;
	return wfm_filter_text(&scan->endpoint->filters[full->key_filter],
						   slot->tts_values[att], full->key_column->type);
}

bool
wfm_full_read_keep(WfmScan *scan, TupleTableSlot *slot)
{
	WfmFullRead *full = scan->full;
	char	   *key = row_key(scan, slot);
	KeptKey    *entry;
	KeptRow    *row;
	MemoryContext oldcontext;
	bool		found;

	full->report.rows++;
	if (key == NULL)
		return true;

	oldcontext = MemoryContextSwitchTo(full->context);
	entry = kepthash_insert(full->rows, key, &found);
	if (!found)
	{
		entry->key = pstrdup(key);
		entry->first = entry->last = NULL;
	}
	row = palloc(sizeof(KeptRow));
	row->next = NULL;
	row->tuple = ExecCopySlotMinimalTuple(slot);
	if (entry->last != NULL)
		entry->last->next = row;
	else
		entry->first = row;
	entry->last = row;
	MemoryContextSwitchTo(oldcontext);

	full->report.bytes = MemoryContextMemAllocated(full->context, true);
	if (full->report.bytes <= (int64) get_hash_memory_limit())
		return true;
	full->report.too_large = true;
	wfm_full_read_abandon(scan);
	return false;
}

void
wfm_full_read_finish(WfmScan *scan)
{
	WfmFullRead *full = scan->full;

	if (full->whole_table)
		wfm_row_count_learn(scan->table, full->mode == WFM_FULL_READ_FILL ?
							full->report.rows : scan->rows);
	if (full->mode == WFM_FULL_READ_STREAM)
	{
		full->report.rows = scan->rows;
		return;
	}
	full->mode = WFM_FULL_READ_READY;
	rewind_rows(full);
}

void
wfm_full_read_abandon(WfmScan *scan)
{
	WfmFullRead *full = scan->full;

	if (full == NULL || full->mode != WFM_FULL_READ_FILL)
		return;
	MemoryContextDelete(full->context);
	full->context = NULL;
	full->rows = NULL;
	full->mode = WFM_FULL_READ_OFF;
}

bool
wfm_full_read_next(WfmScan *scan, TupleTableSlot *slot)
{
	WfmFullRead *full = scan->full;
	const WfmFilterValues *values = full->key_filter < 0 ? NULL :
		&scan->values->filters[full->key_filter];
	int			nvalues = values == NULL ? 1 : values->nvalues;

	while (full->next_row == NULL)
	{
		KeptKey    *entry;

		if (full->next_value >= nvalues)
			return false;
		entry = kepthash_lookup(full->rows, values == NULL ? "" :
								values->texts[full->next_value]);
		full->next_value++;
		if (entry != NULL)
			full->next_row = entry->first;
	}
	ExecForceStoreMinimalTuple(full->next_row->tuple, slot, false);
	full->next_row = full->next_row->next;
	return true;
}

const WfmFullReadReport *
wfm_full_read_report(const WfmScan *scan)
{
	return scan->full != NULL && scan->full->used ? &scan->full->report : NULL;
}
