/*
 * limit/windows.h
 *		How many calls fell into the minute, the day, and the app's minute.
 *
 * Private to the limiter, and pure as that is.  Times are microseconds of the
 * caller's clock (limiter.h).
 */
#ifndef WFM_LIMIT_WINDOWS_H
#define WFM_LIMIT_WINDOWS_H

#include "limit/limiter.h"

#define SECOND	INT64_C(1000000)
#define MINUTE	(60 * SECOND)

/* Clocks of two machines run apart a little within a minute. */
#define WINDOW	(MINUTE + SECOND / 50)

/* How long to wait when nothing tells when room will be. */
#define SLOT_POLL	(SECOND / 4)

static inline int
wfm_clamp(int value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

/* Stamps of the minute after a moment; of batch calls alone if asked. */
extern int	wfm_minute_since(const WfmLimiter *limiter, int64_t moment,
							 bool batch_only);

/*
 * When at most n of the stamps will be younger than an age; SLOT_POLL from now
 * if stamps do not tell that.
 */
extern int64_t wfm_stamps_down_to(const WfmLimiter *limiter, int n, int64_t age,
								  int64_t now);

/* A call was answered, or headers told of one. */
extern void wfm_minute_add(WfmLimiter *limiter, bool batch, int64_t now);

/* Move the day's newest bucket to now, emptying those that have passed. */
extern void wfm_day_advance(WfmLimiter *limiter, int64_t now);

/* Count calls of this minute; returns how many were added. */
extern int	wfm_day_add(WfmLimiter *limiter, int n, int64_t now);

/* When the day will have room again under this limit. */
extern int64_t wfm_day_room_at(const WfmLimiter *limiter, int limit);

/*
 * Another limit holds for the day: what headers told under the old one (as
 * "limit less remaining") is not what they would have told under the new.
 * Only calls of our own stay counted; the next answer tells the rest.
 */
extern void wfm_day_forget_told(WfmLimiter *limiter);

/* The same for the app's minute, which is kept by the second. */
extern void wfm_app_advance(WfmAppLimiter *app, int64_t now);
extern void wfm_app_add(WfmAppLimiter *app, int n, int64_t now);
extern int64_t wfm_app_room_at(const WfmAppLimiter *app);

#endif							/* WFM_LIMIT_WINDOWS_H */
