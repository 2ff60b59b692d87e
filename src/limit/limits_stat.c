/*
 * limit/limits_stat.c
 *		What the view wfm_stat_limits shows of the shared tables.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/compat.h"
#include "limit/limits_private.h"

/* One moment by both clocks, so that it is shown as one. */
typedef struct Moment
{
	int64		us;				/* as wfm_limits_now() */
	TimestampTz timestamp;
} Moment;

/* A time of the limiter's that is still to come; 0: it is over, or none. */
static TimestampTz
time_to_come(int64 us, const Moment *now)
{
	return us > now->us ? now->timestamp + (us - now->us) : 0;
}

/* What keeps all calls of a tenant back, the longest of them. */
static void
read_block(WfmLimitRow *row, const WfmLimiter *limiter, const WfmAppLimiter *app,
		   const Moment *now)
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

	row->blocked_until = 0;
	for (i = 0; i < (int) lengthof(blocks); i++)
	{
		TimestampTz until = time_to_come(blocks[i].until_us, now);

		if (until > row->blocked_until)
		{
			row->blocked_until = until;
			row->blocked_by = blocks[i].reason;
		}
	}
}

/* Under the lock, so without anything of palloc's. */
static void
read_row(WfmLimitRow *row, WfmLimitTenant *tenant, const Moment *now)
{
	WfmLimiter *limiter = &tenant->limiter;
	WfmLimitApp *app = &wfm_limits->apps[tenant->app];

	strlcpy(row->app, app->name, WFM_LIMIT_NAME);
	strlcpy(row->tenant, tenant->name, WFM_LIMIT_NAME);
	row->minute_used = wfm_limiter_minute_used(limiter, now->us);
	row->minute_limit = limiter->policy.calls_per_minute;
	row->day_used = wfm_limiter_day_used(limiter, now->us);
	row->day_limit = limiter->policy.calls_per_day;
	row->day_resets_at = time_to_come(limiter->day_reset_us, now);
	row->app_used = wfm_app_limiter_used(&app->limiter, now->us);
	row->in_flight = limiter->in_flight;
	row->most_in_flight = limiter->most_in_flight;
	row->cap = wfm_limiter_cap(limiter, now->us);
	row->waiting = limiter->waiting;
	row->waiting_us = limiter->first < 0 ? 0 :
		now->us - wfm_limits->tickets[limiter->first].asked_us;
	row->refusals = limiter->refusals;
	row->circuit = !limiter->open ? "closed" :
		limiter->probing || limiter->open_until_us <= now->us ? "trying" : "open";
	read_block(row, limiter, &app->limiter, now);
}

WfmLimitRow *
wfm_limits_read(int *nrows)
{
	WfmLimitRow *rows = palloc_array(WfmLimitRow, wfm_limits->ntenants);
	Moment		now;
	int			i;

	*nrows = 0;
	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	now.us = wfm_limits_now();
	now.timestamp = GetCurrentTimestamp();
	for (i = 0; i < wfm_limits->ntenants; i++)
		if (wfm_limits->tenants[i].used)
			read_row(&rows[(*nrows)++], &wfm_limits->tenants[i], &now);
	LWLockRelease(wfm_limits->lock);
	return rows;
}
