/*
 * limit/limits_stat.c
 *		The view wfm_stat_limits.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/settings.h"
#include "limit/limits_private.h"

PG_FUNCTION_INFO_V1(wfm_stat_limits);

enum
{
	COLUMN_CLIENT_ID,
	COLUMN_TENANT_ID,
	COLUMN_CALLS_LAST_MINUTE,
	COLUMN_MINUTE_LIMIT,
	COLUMN_MINUTE_LEFT,
	COLUMN_CALLS_LAST_DAY,
	COLUMN_DAY_LIMIT,
	COLUMN_DAY_LEFT,
	COLUMN_DAY_RESETS_AT,
	COLUMN_APP_CALLS_LAST_MINUTE,
	COLUMN_IN_FLIGHT,
	COLUMN_MOST_IN_FLIGHT,
	COLUMN_CONCURRENT_ALLOWED,
	COLUMN_WAITING,
	COLUMN_LONGEST_WAIT,
	COLUMN_BLOCKED_UNTIL,
	COLUMN_BLOCKED_BY,
	COLUMN_REFUSALS,
	COLUMN_CIRCUIT,
	COLUMNS
};

/* One row; what is read under the lock, so without anything of palloc's. */
typedef struct LimitsRow
{
	char		app[WFM_LIMIT_NAME];
	char		tenant[WFM_LIMIT_NAME];
	int			minute_used;
	int			minute_limit;
	int			day_used;
	int			day_limit;
	int64		day_reset_us;	/* 0: not told */
	int			app_used;
	int			in_flight;
	int			most_in_flight;
	int			cap;
	int			waiting;
	int64		waiting_us;
	int64		blocked_until_us;
	WfmPermitReason blocked_by;
	uint64		refusals;
	const char *circuit;		/* a constant */
} LimitsRow;

/* What keeps all calls of a tenant back, the longest of them. */
static void
read_block(LimitsRow *row, const WfmLimiter *limiter, const WfmAppLimiter *app,
		   int64 now_us)
{
	const struct
	{
		int64		until_us;
		WfmPermitReason reason;
	}			blocks[] =
	{
		{limiter->blocked_until_us, WFM_REASON_TOLD_TO_WAIT},
		{app->blocked_until_us, WFM_REASON_APP_MINUTE},
		{limiter->open ? limiter->open_until_us : 0, WFM_REASON_CIRCUIT},
		{limiter->day_reset_us, WFM_REASON_DAY},
	};
	int			i;

	row->blocked_until_us = 0;
	for (i = 0; i < (int) lengthof(blocks); i++)
		if (blocks[i].until_us > now_us && blocks[i].until_us > row->blocked_until_us)
		{
			row->blocked_until_us = blocks[i].until_us;
			row->blocked_by = blocks[i].reason;
		}
}

static void
read_row(LimitsRow *row, WfmLimitTenant *tenant, int64 now_us)
{
	WfmLimiter *limiter = &tenant->limiter;
	WfmLimitApp *app = &wfm_limits->apps[tenant->app];

	strlcpy(row->app, app->name, WFM_LIMIT_NAME);
	strlcpy(row->tenant, tenant->name, WFM_LIMIT_NAME);
	row->minute_used = wfm_limiter_minute_used(limiter, now_us);
	row->minute_limit = limiter->policy.calls_per_minute;
	row->day_used = wfm_limiter_day_used(limiter, now_us);
	row->day_limit = limiter->policy.calls_per_day;
	row->day_reset_us = limiter->day_reset_us > now_us ? limiter->day_reset_us : 0;
	row->app_used = wfm_app_limiter_used(&app->limiter, now_us);
	row->in_flight = limiter->in_flight;
	row->most_in_flight = limiter->most_in_flight;
	row->cap = wfm_limiter_cap(limiter, now_us);
	row->waiting = limiter->waiting;
	row->waiting_us = limiter->first < 0 ? 0 :
		now_us - wfm_limits->tickets[limiter->first].asked_us;
	row->refusals = limiter->refusals;
	row->circuit = !limiter->open ? "closed" :
		limiter->probing || limiter->open_until_us <= now_us ? "trying" : "open";
	read_block(row, limiter, &app->limiter, now_us);
}

Datum
wfm_stat_limits(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	LimitsRow  *rows;
	int64		now_us;
	TimestampTz now;
	int			nrows = 0;
	int			i;

	wfm_require_preload();
	InitMaterializedSRF(fcinfo, 0);
	rows = palloc_array(LimitsRow, wfm_limits->ntenants);

	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	now_us = wfm_limits_now();
	for (i = 0; i < wfm_limits->ntenants; i++)
		if (wfm_limits->tenants[i].used)
			read_row(&rows[nrows++], &wfm_limits->tenants[i], now_us);
	LWLockRelease(wfm_limits->lock);
	/* one pair of clocks, so that one moment is shown as one */
	now_us = wfm_limits_now();
	now = GetCurrentTimestamp();

	for (i = 0; i < nrows; i++)
	{
		const LimitsRow *row = &rows[i];
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS] = {false};
		Interval   *wait = palloc0(sizeof(Interval));

		wait->time = row->waiting_us;
		values[COLUMN_CLIENT_ID] = CStringGetTextDatum(row->app);
		values[COLUMN_TENANT_ID] = CStringGetTextDatum(row->tenant);
		values[COLUMN_CALLS_LAST_MINUTE] = Int32GetDatum(row->minute_used);
		values[COLUMN_MINUTE_LIMIT] = Int32GetDatum(row->minute_limit);
		values[COLUMN_MINUTE_LEFT] = Int32GetDatum(Max(row->minute_limit - row->minute_used, 0));
		values[COLUMN_CALLS_LAST_DAY] = Int32GetDatum(row->day_used);
		values[COLUMN_DAY_LIMIT] = Int32GetDatum(row->day_limit);
		values[COLUMN_DAY_LEFT] = Int32GetDatum(Max(row->day_limit - row->day_used, 0));
		values[COLUMN_DAY_RESETS_AT] = TimestampTzGetDatum(now + (row->day_reset_us - now_us));
		nulls[COLUMN_DAY_RESETS_AT] = row->day_reset_us == 0;
		values[COLUMN_APP_CALLS_LAST_MINUTE] = Int32GetDatum(row->app_used);
		values[COLUMN_IN_FLIGHT] = Int32GetDatum(row->in_flight);
		values[COLUMN_MOST_IN_FLIGHT] = Int32GetDatum(row->most_in_flight);
		values[COLUMN_CONCURRENT_ALLOWED] = Int32GetDatum(row->cap);
		values[COLUMN_WAITING] = Int32GetDatum(row->waiting);
		values[COLUMN_LONGEST_WAIT] = IntervalPGetDatum(wait);
		nulls[COLUMN_LONGEST_WAIT] = row->waiting == 0;
		values[COLUMN_BLOCKED_UNTIL] = TimestampTzGetDatum(now + (row->blocked_until_us - now_us));
		nulls[COLUMN_BLOCKED_UNTIL] = nulls[COLUMN_BLOCKED_BY] = row->blocked_until_us == 0;
		values[COLUMN_BLOCKED_BY] = nulls[COLUMN_BLOCKED_BY] ? (Datum) 0 :
			CStringGetTextDatum(wfm_permit_reason_name(row->blocked_by));
		values[COLUMN_REFUSALS] = Int64GetDatum((int64) row->refusals);
		values[COLUMN_CIRCUIT] = CStringGetTextDatum(row->circuit);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
