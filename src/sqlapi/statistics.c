/*
 * sqlapi/statistics.c
 *		The rows of wfm_stat_limits, wfm_stat_scans, wfm_stat_tables and
 *		wfm_stat_info, and wfm_stat_reset().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "common/string.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "limit/limits.h"
#include "stats/stats.h"

PG_FUNCTION_INFO_V1(wfm_stat_limits);
PG_FUNCTION_INFO_V1(wfm_stat_scans);
PG_FUNCTION_INFO_V1(wfm_stat_tables);
PG_FUNCTION_INFO_V1(wfm_stat_info);
PG_FUNCTION_INFO_V1(wfm_stat_reset);

/* A row on its way into a tuplestore: columns are set one after the other. */
typedef struct RowBuilder
{
	ReturnSetInfo *result;
	int			n;
	Datum		values[32];
	bool		nulls[32];
} RowBuilder;

/* The first thing in a function that returns rows. */
static void
start_rows(RowBuilder *row, FunctionCallInfo fcinfo)
{
	wfm_require_preload();
	InitMaterializedSRF(fcinfo, 0);
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->n = 0;
}

static void
add_datum(RowBuilder *row, Datum value, bool isnull)
{
	Assert(row->n < (int) lengthof(row->values));
	row->values[row->n] = value;
	row->nulls[row->n++] = isnull;
}

static void
add_null(RowBuilder *row)
{
	add_datum(row, (Datum) 0, true);
}

static void
add_number(RowBuilder *row, int number)
{
	add_datum(row, Int32GetDatum(number), false);
}

static void
add_count(RowBuilder *row, int64 count)
{
	add_datum(row, Int64GetDatum(count), false);
}

static void
add_time(RowBuilder *row, TimestampTz at)
{
	add_datum(row, TimestampTzGetDatum(at), at == 0);
}

static void
add_interval(RowBuilder *row, int64 us)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = us;
	add_datum(row, IntervalPGetDatum(interval), false);
}

static void
add_name(RowBuilder *row, const char *name)
{
	NameData   *data = palloc0(sizeof(NameData));

	if (name != NULL)
		namestrcpy(data, name);
	add_datum(row, NameGetDatum(data), name == NULL);
}

/* An empty text is NULL. */
static void
add_text(RowBuilder *row, const char *text)
{
	bool		isnull = text == NULL || text[0] == '\0';

	add_datum(row, isnull ? (Datum) 0 : CStringGetTextDatum(text), isnull);
}

static void
add_waits(RowBuilder *row, const WfmStatCounts *counts)
{
	add_interval(row, counts->network_us);
	add_interval(row, counts->permit_us);
	add_interval(row, counts->token_us);
}

static void
put_row(RowBuilder *row)
{
	tuplestore_putvalues(row->result->setResult, row->result->setDesc,
						 row->values, row->nulls);
	row->n = 0;
}

/* ---------- limits ---------- */

static void
add_limits(RowBuilder *row, const WfmLimitRow *limits)
{
	add_text(row, limits->app);
	add_text(row, limits->tenant);
	add_number(row, limits->minute_used);
	add_number(row, limits->minute_limit);
	add_number(row, Max(limits->minute_limit - limits->minute_used, 0));
	add_number(row, limits->day_used);
	add_number(row, limits->day_limit);
	add_number(row, Max(limits->day_limit - limits->day_used, 0));
	add_time(row, limits->day_resets_at);
	add_number(row, limits->app_used);
	add_number(row, limits->in_flight);
	add_number(row, limits->most_in_flight);
	add_number(row, limits->cap);
	add_number(row, limits->waiting);
	if (limits->waiting > 0)
		add_interval(row, limits->waiting_us);
	else
		add_null(row);
	add_time(row, limits->blocked_until);
	add_text(row, limits->blocked_until == 0 ? NULL :
			 wfm_permit_reason_name(limits->blocked_by));
	add_count(row, (int64) limits->refusals);
	add_text(row, limits->circuit);
}

Datum
wfm_stat_limits(PG_FUNCTION_ARGS)
{
	RowBuilder	row;
	WfmLimitRow *limits;
	int			n;

	start_rows(&row, fcinfo);
	limits = wfm_limits_read(&n);
	for (int i = 0; i < n; i++)
	{
		add_limits(&row, &limits[i]);
		put_row(&row);
	}
	return (Datum) 0;
}

/* ---------- running scans ---------- */

/* As for pg_stat_activity: one's own, or those of roles one is a member of. */
static bool
may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), role);
}

/*
 * A text of another session, whose database may have another encoding; what
 * cannot be shown then is NULL.
 */
static void
add_foreign_text(RowBuilder *row, const WfmScanRow *scan, const char *content)
{
	bool		readable = scan->encoding == GetDatabaseEncoding() ||
		pg_is_ascii(content);

	add_text(row, readable ? content : NULL);
}

static void
add_scan(RowBuilder *row, const WfmScanRow *scan)
{
	const WfmStatCounts *counts = &scan->counts;

	add_number(row, scan->pid);
	add_name(row, GetUserNameFromId(scan->role, true));
	add_name(row, get_database_name(scan->database));
	if (!may_see(scan->role))
	{
		while (row->n < row->result->setDesc->natts)
			add_null(row);
		return;
	}
	add_foreign_text(row, scan, scan->server);
	add_foreign_text(row, scan, scan->table);
	add_text(row, scan->tenant);
	add_foreign_text(row, scan, scan->template);
	add_foreign_text(row, scan, scan->request);
	add_count(row, counts->pages);
	/* before the first request nobody knows */
	add_datum(row, Int64GetDatum(scan->expected_pages), scan->expected_pages == 0);
	add_count(row, counts->rows);
	add_count(row, counts->bytes);
	add_count(row, counts->calls);
	add_count(row, counts->retries);
	add_count(row, counts->limited);
	add_foreign_text(row, scan, scan->waits_for);
	add_time(row, scan->waits_until);
	add_waits(row, counts);
	add_time(row, scan->started_at);
}

Datum
wfm_stat_scans(PG_FUNCTION_ARGS)
{
	RowBuilder	row;

	start_rows(&row, fcinfo);
	for (int i = 0; i < wfm_stat_places(); i++)
	{
		WfmScanRow	scan;

		if (!wfm_stat_read_scan(i, &scan))
			continue;
		add_scan(&row, &scan);
		put_row(&row);
	}
	return (Datum) 0;
}

/* ---------- tables ---------- */

static void
add_table(RowBuilder *row, Oid relid, const WfmTableRow *table)
{
	const WfmStatCounts *counts = &table->counts;

	add_datum(row, ObjectIdGetDatum(relid), false);
	add_count(row, table->scans);
	add_count(row, counts->calls);
	add_count(row, counts->pages);
	add_count(row, counts->rows);
	add_count(row, counts->bytes);
	add_count(row, counts->retries);
	add_count(row, counts->limited);
	add_count(row, table->errors);
	add_text(row, table->last_error);
	add_time(row, table->last_error_at);
	add_count(row, counts->cut);
	add_count(row, counts->nulled);
	add_interval(row, table->elapsed_us);
	add_waits(row, counts);
	add_time(row, table->last_scan);
	add_datum(row, Int64GetDatum(table->learnt_rows), table->learnt_rows < 0);
	add_time(row, table->since);
}

Datum
wfm_stat_tables(PG_FUNCTION_ARGS)
{
	RowBuilder	row;

	start_rows(&row, fcinfo);
	for (int i = 0; i < wfm_stat_entries(); i++)
	{
		WfmTableRow table;
		Oid			relid;

		CHECK_FOR_INTERRUPTS();
		if (!wfm_stat_read_table(i, &relid, &table))
			continue;
		add_table(&row, relid, &table);
		put_row(&row);
	}
	return (Datum) 0;
}

Datum
wfm_stat_info(PG_FUNCTION_ARGS)
{
	WfmStatInfo info;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[lengthof(values)] = {false};

	wfm_require_preload();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	wfm_stat_read_info(&info);
	values[0] = Int32GetDatum(info.scans);
	values[1] = Int32GetDatum(info.max_scans);
	values[2] = Int64GetDatum(info.scans_not_shown);
	values[3] = Int32GetDatum(info.tables);
	values[4] = Int32GetDatum(info.max_tables);
	values[5] = Int64GetDatum(info.tables_evicted);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Without a table, all of this database. */
Datum
wfm_stat_reset(PG_FUNCTION_ARGS)
{
	wfm_require_preload();
	wfm_stat_forget(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0));
	PG_RETURN_VOID();
}
