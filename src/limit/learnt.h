/*
 * limit/learnt.h
 *		What answers tell of the limits and of the API's health.
 *
 * Private to the limiter, and pure as that is.  Times are microseconds of the
 * caller's clock (limiter.h).
 */
#ifndef WFM_LIMIT_LEARNT_H
#define WFM_LIMIT_LEARNT_H

#include "limit/limiter.h"
#include "limit/windows.h"

/*
 * Where several processes call, a slot rests as long as its call took, and no
 * longer than this.  Once a server has refused a call for being one too many at
 * once, which ours never are, it takes its time to let go of calls, or there
 * are others: then slots rest longer, whoever calls.
 */
#define REST			(SECOND / 40)
#define LATE_REST		(SECOND / 4)

/*
 * Take over what an answer tells: counts, and with 429 and 503 how long to
 * stay away.  granted is when its call was permitted, wall_s the time of day in
 * seconds since 1970 (for Retry-After as a date without Date), jitter is added
 * to waits.  The ticket has been given back.
 */
extern void wfm_limiter_learn(WfmLimiter *limiter, WfmAppLimiter *app,
							  int http_status, const WfmHeaders *headers,
							  int64_t wall_s, int64_t granted, int64_t jitter,
							  int64_t now);

/*
 * Note how a call went, and open or close the circuit; probe says that it was
 * the one that tries whether the API is well again.
 */
extern void wfm_limiter_note_health(WfmLimiter *limiter, bool probe,
									bool failed, int64_t now);

#endif							/* WFM_LIMIT_LEARNT_H */
