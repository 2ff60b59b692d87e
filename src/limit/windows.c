/*
 * limit/windows.c
 *		The calls of a minute, of a day, and of an app's minute: see windows.h.
 */
#include <string.h>

#include "limit/windows.h"

int
wfm_minute_since(const WfmLimiter *limiter, int64_t moment, bool batch_only)
{
	uint32_t	kept = limiter->nstamps < WFM_RING_SIZE ? limiter->nstamps : WFM_RING_SIZE;
	int			n = 0;
	uint32_t	i;

	for (i = 1; i <= kept; i++)
	{
		uint32_t	place = (limiter->nstamps - i) % WFM_RING_SIZE;

		if (limiter->stamps[place] <= moment)
			break;
		n += !batch_only || limiter->stamp_is_batch[place];
	}
	return n;
}

int64_t
wfm_stamps_down_to(const WfmLimiter *limiter, int n, int64_t age, int64_t now)
{
	uint32_t	kept = limiter->nstamps < WFM_RING_SIZE ? limiter->nstamps : WFM_RING_SIZE;

	if (n < 0 || (uint32_t) n >= kept)
		return now + SLOT_POLL;
	return limiter->stamps[(limiter->nstamps - 1 - n) % WFM_RING_SIZE] + age;
}

void
wfm_minute_add(WfmLimiter *limiter, bool batch, int64_t now)
{
	limiter->stamps[limiter->nstamps % WFM_RING_SIZE] = now;
	limiter->stamp_is_batch[limiter->nstamps % WFM_RING_SIZE] = batch;
	limiter->nstamps++;
}

void
wfm_day_advance(WfmLimiter *limiter, int64_t now)
{
	int64_t		minute = now / MINUTE;

	if (minute - limiter->day_minute >= WFM_DAY_MINUTES)
	{
		memset(limiter->day_buckets, 0, sizeof(limiter->day_buckets));
		limiter->day_used = 0;
		limiter->day_minute = minute;
	}
	while (limiter->day_minute < minute)
	{
		uint16_t   *bucket;

		limiter->day_minute++;
		bucket = &limiter->day_buckets[limiter->day_minute % WFM_DAY_MINUTES];
		limiter->day_used -= *bucket;
		*bucket = 0;
	}
	if (limiter->day_told > limiter->day_used)
		limiter->day_told = limiter->day_used;

	/* The server has begun a new day: what was counted before is past. */
	if (limiter->day_reset_us && now >= limiter->day_reset_us)
	{
		memset(limiter->day_buckets, 0, sizeof(limiter->day_buckets));
		limiter->day_used = 0;
		limiter->day_told = 0;
		limiter->day_reset_us = 0;
	}
}

int
wfm_day_add(WfmLimiter *limiter, int n, int64_t now)
{
	uint16_t   *bucket;

	wfm_day_advance(limiter, now);
	bucket = &limiter->day_buckets[limiter->day_minute % WFM_DAY_MINUTES];
	n = wfm_clamp(n, 0, UINT16_MAX - *bucket);
	*bucket += n;
	limiter->day_used += n;
	return n;
}

int64_t
wfm_day_room_at(const WfmLimiter *limiter, int limit)
{
	int			used = limiter->day_used + limiter->in_flight;
	int64_t		minute;

	for (minute = limiter->day_minute - WFM_DAY_MINUTES + 1;
		 minute <= limiter->day_minute; minute++)
	{
		used -= limiter->day_buckets[(minute + WFM_DAY_MINUTES) % WFM_DAY_MINUTES];
		if (used < limit)
			break;
	}
	return (minute + WFM_DAY_MINUTES) * MINUTE;
}

void
wfm_app_advance(WfmAppLimiter *app, int64_t now)
{
	int64_t		second = now / SECOND;

	if (second - app->second >= WFM_APP_SECONDS)
	{
		memset(app->buckets, 0, sizeof(app->buckets));
		app->used = 0;
		app->second = second;
	}
	while (app->second < second)
	{
		uint16_t   *bucket;

		app->second++;
		bucket = &app->buckets[app->second % WFM_APP_SECONDS];
		app->used -= *bucket;
		*bucket = 0;
	}
}

void
wfm_app_add(WfmAppLimiter *app, int n, int64_t now)
{
	uint16_t   *bucket;

	wfm_app_advance(app, now);
	bucket = &app->buckets[app->second % WFM_APP_SECONDS];
	n = wfm_clamp(n, 0, UINT16_MAX - *bucket);
	*bucket += n;
	app->used += n;
}

int64_t
wfm_app_room_at(const WfmAppLimiter *app)
{
	int			used = app->used + app->in_flight;
	int64_t		second;

	for (second = app->second - WFM_APP_SECONDS + 1; second <= app->second; second++)
	{
		used -= app->buckets[(second + WFM_APP_SECONDS) % WFM_APP_SECONDS];
		if (used < app->calls_per_minute)
			break;
	}
	return (second + WFM_APP_SECONDS) * SECOND;
}

int
wfm_limiter_minute_used(const WfmLimiter *limiter, int64_t now)
{
	return wfm_minute_since(limiter, now - WINDOW, false) + limiter->in_flight;
}

int
wfm_limiter_day_used(WfmLimiter *limiter, int64_t now)
{
	wfm_day_advance(limiter, now);
	return limiter->day_used + limiter->in_flight;
}

int
wfm_app_limiter_used(WfmAppLimiter *app, int64_t now)
{
	wfm_app_advance(app, now);
	return app->used + app->in_flight;
}

void
wfm_day_forget_told(WfmLimiter *limiter)
{
	for (int64_t minute = limiter->day_minute;
		 limiter->day_told > 0 && minute > limiter->day_minute - WFM_DAY_MINUTES;
		 minute--)
	{
		uint16_t   *bucket = &limiter->day_buckets[(minute + WFM_DAY_MINUTES) %
												   WFM_DAY_MINUTES];
		int			n = *bucket < limiter->day_told ? *bucket : limiter->day_told;

		*bucket -= n;
		limiter->day_used -= n;
		limiter->day_told -= n;
	}
	limiter->day_told = 0;
}
