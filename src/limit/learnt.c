/*
 * limit/learnt.c
 *		What answers tell of the limits and of the API's health, and what of it
 *		holds after a restart: see limiter.h.
 */
#include <string.h>

#include "limit/learnt.h"
#include "limit/windows.h"

/*
 * Circuit breaker: opens after so many failures in a row, or when half of the
 * calls of the last half minute failed, if there were at least HEALTH_CALLS.
 */
#define FAILURES_IN_ROW	5
#define HEALTH_PART		(5 * SECOND)
#define HEALTH_CALLS	10
#define OPEN_FIRST		(15 * SECOND)
#define OPEN_LONGEST	(300 * SECOND)

/* What to do when a 429 does not say for how long. */
#define UNTOLD_WAIT		60
#define UNTOLD_DAY		3600
#define CONCURRENT_WAIT	1

/* Who is refused again after a wait as told waits twice as long, up to this. */
#define LONGEST_DOUBLED	60

/* A Retry-After of more than this is about the day, whatever else it says. */
#define DAY_LIKE_WAIT	3600

/*
 * No limit of the API is for longer than a day, so no answer can ask for more:
 * what is remembered over restarts must not shut a tenant out for years.
 */
#define LONGEST_WAIT	86400

/* How long a server that refused one call too many at once stays known so. */
#define LATE_FOR		(60 * MINUTE)

int64_t
wfm_retry_after(const WfmHeaders *headers, int64_t wall_s, int64_t fallback)
{
	int64_t		seconds = fallback;

	if (headers->retry_after_seconds >= 0)
		seconds = headers->retry_after_seconds;
	else if (headers->retry_after_date >= 0)
		seconds = headers->retry_after_date -
			(headers->date >= 0 ? headers->date : wall_s);
	return seconds < 1 ? 1 : seconds > LONGEST_WAIT ? LONGEST_WAIT : seconds;
}

void
wfm_limiter_note_health(WfmLimiter *limiter, bool probe, bool failed,
						int64_t now)
{
	int64_t		part = now / HEALTH_PART;
	int			calls = 0,
				failures = 0;
	int			i;

	if (part - limiter->health_part >= WFM_HEALTH_PARTS)
	{
		memset(limiter->health_calls, 0, sizeof(limiter->health_calls));
		memset(limiter->health_failures, 0, sizeof(limiter->health_failures));
		limiter->health_part = part;
	}
	while (limiter->health_part < part)
	{
		limiter->health_part++;
		limiter->health_calls[limiter->health_part % WFM_HEALTH_PARTS] = 0;
		limiter->health_failures[limiter->health_part % WFM_HEALTH_PARTS] = 0;
	}
	limiter->health_calls[part % WFM_HEALTH_PARTS]++;
	limiter->health_failures[part % WFM_HEALTH_PARTS] += failed;

	if (!failed)
	{
		limiter->failures_in_row = 0;
		if (limiter->open && probe)
		{
			limiter->open = false;
			limiter->open_for_us = 0;
			memset(limiter->health_calls, 0, sizeof(limiter->health_calls));
			memset(limiter->health_failures, 0, sizeof(limiter->health_failures));
		}
		return;
	}

	limiter->failures_in_row++;
	for (i = 0; i < WFM_HEALTH_PARTS; i++)
	{
		calls += limiter->health_calls[i];
		failures += limiter->health_failures[i];
	}
	if (limiter->open)
	{
		/* A call from before the circuit opened says nothing new. */
		if (!probe)
			return;
		limiter->open_for_us = 2 * limiter->open_for_us;
		if (limiter->open_for_us > OPEN_LONGEST)
			limiter->open_for_us = OPEN_LONGEST;
	}
	else if (limiter->failures_in_row >= FAILURES_IN_ROW ||
			 (calls >= HEALTH_CALLS && 2 * failures >= calls))
	{
		limiter->open = true;
		limiter->open_for_us = OPEN_FIRST;
	}
	else
		return;
	limiter->open_until_us = now + limiter->open_for_us;
}

/* Let our counts be no lower than the server's. */
static void
learn_counts(WfmLimiter *limiter, WfmAppLimiter *app, const WfmHeaders *headers,
			 int64_t granted, int64_t now)
{
	if (headers->minute_remaining >= 0)
	{
		/*
		 * The header was written at some time since the grant, so it may
		 * count calls that have left our window meanwhile.
		 */
		int			ours = wfm_minute_since(limiter, granted - WINDOW, false) +
			limiter->in_flight;
		int			missing = limiter->policy.calls_per_minute -
			headers->minute_remaining - ours;

		limiter->forgotten_until_us = 0;
		while (missing-- > 0)
			wfm_minute_add(limiter, false, now);
	}
	if (headers->day_remaining >= 0)
		limiter->day_told += wfm_day_add(limiter,
										 limiter->policy.calls_per_day -
										 headers->day_remaining -
										 wfm_limiter_day_used(limiter, now), now);
	if (headers->app_minute_remaining >= 0 && app->calls_per_minute > 0)
	{
		wfm_app_advance(app, now);
		wfm_app_add(app, app->calls_per_minute - headers->app_minute_remaining -
					app->used - app->in_flight, now);
	}
}

static void
block_until(int64_t * until, int64_t moment)
{
	if (*until < moment)
		*until = moment;
}

/* The same for all calls of a tenant, with the limit that is said to ask for it. */
static void
block_tenant(WfmLimiter *limiter, WfmLimitProblem problem, int64_t moment)
{
	if (limiter->blocked_until_us < moment)
		limiter->blocked_by = problem;
	block_until(&limiter->blocked_until_us, moment);
}

/*
 * What a 429 told to wait, in seconds, or more if calls that waited so long
 * were refused before: some servers say 0 whatever is to come.
 */
static int64_t
long_enough(WfmLimiter *limiter, int64_t wait, int64_t granted, int64_t now)
{
	int64_t		least = 1;
	int			i;

	/* calls that were under way with the refused one say nothing new */
	if (granted > limiter->told_us || limiter->told_in_row == 0)
	{
		limiter->told_in_row++;
		limiter->told_us = now;
	}
	for (i = 1; i < limiter->told_in_row && least < LONGEST_DOUBLED; i++)
		least *= 2;
	if (least > LONGEST_DOUBLED)
		least = LONGEST_DOUBLED;
	return wait > least ? wait : least;
}

/* A 429: stop everybody for as long as it says. */
static void
learn_refusal(WfmLimiter *limiter, WfmAppLimiter *app, const WfmHeaders *headers,
			  int64_t wall_s, int64_t granted, int64_t jitter, int64_t now)
{
	WfmLimitProblem problem = headers->problem;
	int64_t		wait = wfm_retry_after(headers, wall_s, UNTOLD_WAIT);

	limiter->refusals++;
	if (problem != WFM_LIMIT_PROBLEM_DAY && wait > DAY_LIKE_WAIT)
		problem = WFM_LIMIT_PROBLEM_DAY;
	switch (problem)
	{
		case WFM_LIMIT_PROBLEM_DAY:
			block_until(&limiter->day_reset_us,
						now + wfm_retry_after(headers, wall_s, UNTOLD_DAY) * SECOND + SECOND);
			break;
		case WFM_LIMIT_PROBLEM_APP_MINUTE:
			block_until(&app->blocked_until_us, now + wait * SECOND + SECOND + jitter);
			break;
		case WFM_LIMIT_PROBLEM_CONCURRENT:
			wfm_limiter_cap(limiter, now);
			if (limiter->cap > 1)
				limiter->cap--;
			limiter->cap_changed_us = now;
			limiter->late_until_us = now + LATE_FOR;
			limiter->rest_us = LATE_REST;
			wait = wfm_retry_after(headers, wall_s, CONCURRENT_WAIT);
			block_tenant(limiter, problem, now + wait * SECOND + jitter);
			break;
		default:
			wait = long_enough(limiter, wait, granted, now);
			block_tenant(limiter, problem, now + wait * SECOND + SECOND + jitter);
			break;
	}
}

void
wfm_limiter_learn(WfmLimiter *limiter, WfmAppLimiter *app, int http_status,
				  const WfmHeaders *headers, int64_t wall_s, int64_t granted,
				  int64_t jitter, int64_t now)
{
	limiter->cold = false;
	learn_counts(limiter, app, headers, granted, now);
	if (http_status == 429)
		learn_refusal(limiter, app, headers, wall_s, granted, jitter, now);
	else if (http_status == 503 &&
			 (headers->retry_after_seconds >= 0 || headers->retry_after_date >= 0))
	{
		int64_t		wait = wfm_retry_after(headers, wall_s, 1) * SECOND;

		/*
		 * The API's older way of saying 429, but also said of an outage, by
		 * whatever stands in front of it: that may end sooner than they say.
		 */
		if (wait > OPEN_LONGEST)
			wait = OPEN_LONGEST;
		block_tenant(limiter, WFM_LIMIT_PROBLEM_OTHER, now + wait + jitter);
	}
	else if (granted > limiter->told_us)
		limiter->told_in_row = 0;
}

/*
 * The end of a wait that was saved by a clock which was set back since, and
 * which is no longer than such a wait can be.
 */
static void
set_back(int64_t * until, int64_t back, int64_t longest, int64_t now)
{
	if (*until == 0)
		return;
	if (back > 0)
		*until -= back;
	if (*until > now + longest)
		*until = now + longest;
}

void
wfm_limiter_resume(WfmLimiter *limiter, int64_t now)
{
	int64_t		newest = limiter->nstamps == 0 ? now :
		limiter->stamps[(limiter->nstamps - 1) % WFM_RING_SIZE];
	uint32_t	i;
	int			used;

	limiter->first = limiter->last = -1;
	limiter->waiting = 0;
	limiter->probing = false;

	/* A clock that was set back must not make what happened last for longer. */
	for (i = 0; i < WFM_RING_SIZE; i++)
		if (limiter->stamps[i] > now)
			limiter->stamps[i] = now;
	if (limiter->cap_changed_us > now)
		limiter->cap_changed_us = now;
	if (limiter->told_us > now)
		limiter->told_us = now;
	limiter->ended_us = limiter->others_ended_us = now;
	set_back(&limiter->blocked_until_us, newest - now, LONGEST_WAIT * SECOND, now);
	set_back(&limiter->day_reset_us, newest - now, LONGEST_WAIT * SECOND, now);
	set_back(&limiter->open_until_us, newest - now, OPEN_LONGEST, now);
	set_back(&limiter->late_until_us, newest - now, LATE_FOR, now);
	set_back(&limiter->forgotten_until_us, newest - now, WINDOW, now);
	if (limiter->day_minute > now / MINUTE)
	{
		used = limiter->day_used;
		memset(limiter->day_buckets, 0, sizeof(limiter->day_buckets));
		limiter->day_used = 0;
		limiter->day_told = 0;
		limiter->day_minute = now / MINUTE;
		wfm_day_add(limiter, used, now);
	}
	limiter->health_part = 0;
	memset(limiter->health_calls, 0, sizeof(limiter->health_calls));
	memset(limiter->health_failures, 0, sizeof(limiter->health_failures));

	/* The server has counted the calls that were under way. */
	for (used = limiter->in_flight; used > 0; used--)
		wfm_minute_add(limiter, used <= limiter->in_flight_batch, now);
	wfm_day_add(limiter, limiter->in_flight, now);
	limiter->in_flight = limiter->in_flight_batch = 0;
}

void
wfm_app_limiter_resume(WfmAppLimiter *app, int64_t now)
{
	set_back(&app->blocked_until_us, app->second * SECOND - now, LONGEST_WAIT * SECOND, now);
	if (app->second > now / SECOND)
	{
		int			used = app->used;

		memset(app->buckets, 0, sizeof(app->buckets));
		app->used = 0;
		app->second = now / SECOND;
		wfm_app_add(app, used, now);
	}
	wfm_app_add(app, app->in_flight, now);
	app->in_flight = 0;
}
