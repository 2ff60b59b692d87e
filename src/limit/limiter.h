/*
 * limit/limiter.h
 *		When may the next call go out?  The arithmetic of one tenant's limits.
 *
 * Pure C over plain memory: no pointer in it, so that it can live in shared
 * memory and in a file; no lock, no clock.  The caller holds the lock and
 * passes the time: microseconds since 1970 at the start of the server, of a
 * clock that does not go back while it runs (now_us).
 *
 * A call's life is a ticket: joined to the queue, polled until granted, given
 * back by done, failed or drop.  Tickets are numbers in an array that all
 * tenants share.
 *
 * A call has a place in the minute from its grant until 60 s after its answer
 * was seen.  Whenever the server counted it, it was within that time, so no
 * 60 s of the server, whether sliding or fixed with any phase, can hold more
 * calls than the limit.
 *
 * A call's slot rests for a moment after its answer was seen: a server may
 * send the last byte before it counts the call as ended, and another backend
 * is quick to send the next one.  A backend that is alone needs no rest: it
 * sends on the connection whose call has ended.
 */
#ifndef WFM_LIMIT_LIMITER_H
#define WFM_LIMIT_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"

/* The limits that hold, from the connection's settings. */
typedef struct WfmLimitPolicy
{
	int			calls_per_minute;	/* 1 to WFM_MAX_CALLS_PER_MINUTE */
	int			calls_per_day;
	int			concurrent_calls;
	int			app_calls_per_minute;	/* 0 = none */
} WfmLimitPolicy;

#define WFM_MAX_CALLS_PER_MINUTE	600

typedef enum WfmPermitState
{
	WFM_PERMIT_WAITING,			/* ask again at retry_at_us, or when the latch
								 * is set */
	WFM_PERMIT_GRANTED,			/* send now; then done or drop */
	WFM_PERMIT_REFUSED			/* will not be granted; see reason */
} WfmPermitState;

/* What a waiting permit waits for, or why it was refused. */
typedef enum WfmPermitReason
{
	WFM_REASON_NONE,
	WFM_REASON_SLOT,			/* all concurrent calls are taken, or others
								 * have their turn first */
	WFM_REASON_MINUTE,
	WFM_REASON_APP_MINUTE,
	WFM_REASON_TOLD_TO_WAIT,	/* a 429 or 503 named a time */
	WFM_REASON_COLD_START,		/* calls go out one at a time, since nothing
								 * is known of those before */
	WFM_REASON_DAY,				/* refused: the day's calls are spent */
	WFM_REASON_CIRCUIT			/* refused or waiting: the API keeps failing */
} WfmPermitReason;

/* The word for messages and views: "minute limit", "day limit", ... */
extern const char *wfm_permit_reason_name(WfmPermitReason reason);

/*
 * Stamps are kept beyond their 60 s, so that a header that was written before
 * they ended can still be compared with them.
 */
#define WFM_RING_SIZE	1024
#define WFM_DAY_MINUTES	1441	/* a day and the minute that has begun */
#define WFM_APP_SECONDS	61		/* a minute and the second that has begun */
#define WFM_HEALTH_PARTS	6	/* parts of 5 s of the circuit's 30 s */

/* One app's calls to all its tenants, by the second of their answers. */
typedef struct WfmAppLimiter
{
	int			calls_per_minute;	/* 0 = none */
	int			in_flight;
	int64_t		second;			/* of the newest bucket */
	uint16_t	buckets[WFM_APP_SECONDS];
	int			used;			/* sum of the buckets */
	int64_t		blocked_until_us;
} WfmAppLimiter;

/* One tenant of one app. */
typedef struct WfmLimiter
{
	WfmLimitPolicy policy;

	/* queue and calls under way */
	int			first;			/* oldest waiting ticket, -1 = none */
	int			last;
	int			waiting;
	int			in_flight;
	int			in_flight_batch;
	int			most_in_flight;
	int			interactive_run;	/* grants since a batch call had one */

	/* the minute: when answers were seen, oldest first */
	int64_t		stamps[WFM_RING_SIZE];
	bool		stamp_is_batch[WFM_RING_SIZE];
	uint32_t	nstamps;		/* ever; the newest is at nstamps - 1 */

	/* the day: calls by the minute of their answer */
	int64_t		day_minute;		/* of the newest bucket */
	uint16_t	day_buckets[WFM_DAY_MINUTES];
	int			day_used;		/* sum of the buckets */
	int			day_told;		/* those of them known from headers alone */
	int64_t		day_reset_us;	/* the server's word; 0 = none */

	/* what the server told */
	int64_t		blocked_until_us;
	WfmLimitProblem blocked_by; /* the limit it named with that */
	int			cap;			/* concurrent calls that seem to be allowed */
	int64_t		cap_changed_us;
	int64_t		rest_us;		/* a slot rests so long after an answer */
	int64_t		late_until_us;	/* the server was slow to let go of calls */
	int			ended_pid;		/* whose call ended last ... */
	int64_t		ended_us;		/* ... when, and when the last one of others */
	int64_t		others_ended_us;
	uint64_t	refusals;		/* 429s seen */
	int64_t		told_us;		/* when it was last told how long to wait ... */
	int			told_in_row;	/* ... and that this was too short before */
	bool		cold;			/* nothing known: first call goes alone */
	int64_t		forgotten_until_us; /* the server's minute may hold calls of
									 * before a crash; 0 = none */

	/* circuit breaker */
	int			failures_in_row;
	int64_t		health_part;	/* number of the newest part */
	uint16_t	health_calls[WFM_HEALTH_PARTS];
	uint16_t	health_failures[WFM_HEALTH_PARTS];
	bool		open;
	bool		probing;		/* its one call is out */
	int64_t		open_until_us;
	int64_t		open_for_us;	/* length of this opening */
} WfmLimiter;

typedef enum WfmTicketState
{
	WFM_TICKET_FREE,
	WFM_TICKET_WAITING,
	WFM_TICKET_GRANTED
} WfmTicketState;

/* A call that waits or is under way. */
typedef struct WfmTicket
{
	WfmTicketState state;
	int			next;			/* younger one in the queue, -1 = none */
	int			previous;
	bool		batch;			/* wfm_fdw.priority is batch */
	bool		probe;			/* tries whether the API is well again */
	int64_t		asked_us;
	int64_t		seen_us;		/* last polled */
	int64_t		called_us;		/* when its turn was noticed; 0 = not yet */
	int64_t		granted_us;
	int			owner;			/* the shell's: whom to wake */
	int			pid;			/* 0 = anybody's */
	int			tenant;
	uint32_t	generation;
} WfmTicket;

typedef struct WfmLimiterStatus
{
	WfmPermitState state;
	WfmPermitReason reason;
	WfmLimitProblem told_of;	/* told to wait: the limit that was named */
	bool		too_long;		/* refused: waiting would take longer than it
								 * may */
	int64_t		retry_at_us;	/* when waiting: poll again then */
	int64_t		available_us;	/* when a call could go, 0 = unknown */
	bool		others_first;	/* one could go now, but it is others' turn */
} WfmLimiterStatus;

/*
 * Begin.  cold says that nothing is known about calls made before.  After a
 * crash there may have been many: until the server's minute no longer holds
 * them (forgotten_until_us; 0 = no crash), or an answer's headers tell how many
 * are left, one call a second goes out.
 */
extern void wfm_limiter_init(WfmLimiter *limiter, bool cold,
							 int64_t forgotten_until_us);
extern void wfm_app_limiter_init(WfmAppLimiter *app);

/* Take over settings, which may have changed. */
extern void wfm_limiter_set_policy(WfmLimiter *limiter, WfmAppLimiter *app,
								   const WfmLimitPolicy *policy);

/* Put a free ticket at the end of the queue. */
extern void wfm_limiter_join(WfmLimiter *limiter, WfmTicket *tickets, int ticket,
							 bool batch, int64_t now_us);

/*
 * How does a ticket stand?  Takes the grant if it is its turn.  Longer waits
 * than max_wait_us, counted from joining, are refused as soon as they are
 * foreseen.  A refused ticket stays in the queue until it is dropped.
 */
extern WfmLimiterStatus wfm_limiter_poll(WfmLimiter *limiter, WfmAppLimiter *app,
										 WfmTicket *tickets, int ticket,
										 int64_t max_wait_us, int64_t now_us);

/*
 * Find tickets whose turn has come and that have not been told: up to max of
 * them are written to called; returns how many.  To be used after everything
 * that may make room.
 */
extern int	wfm_limiter_call(WfmLimiter *limiter, WfmAppLimiter *app,
							 WfmTicket *tickets, int64_t now_us,
							 int *called, int max);

/*
 * The call was answered: count it and learn from the answer.  wall_s is the
 * time of day in Unix seconds, for dates in headers; jitter_us (0 to one
 * second) is added where backends would otherwise all wake at once.
 */
extern void wfm_limiter_done(WfmLimiter *limiter, WfmAppLimiter *app,
							 WfmTicket *tickets, int ticket, int http_status,
							 const WfmHeaders *headers, int64_t wall_s,
							 int64_t jitter_us, int64_t now_us);

/* The call failed below HTTP; maybe_sent: the server may have counted it. */
extern void wfm_limiter_failed(WfmLimiter *limiter, WfmAppLimiter *app,
							   WfmTicket *tickets, int ticket, bool maybe_sent,
							   int64_t now_us);

/* The call was given up: that says nothing about the API's health. */
extern void wfm_limiter_drop(WfmLimiter *limiter, WfmAppLimiter *app,
							 WfmTicket *tickets, int ticket, bool maybe_sent,
							 int64_t now_us);

/*
 * Seconds that an answer asks to wait: from Retry-After as a number or as a
 * date (against the answer's own Date, else wall_s); fallback where it says
 * nothing usable.  At least 1, at most a day.
 */
extern int64_t wfm_retry_after(const WfmHeaders *headers, int64_t wall_s,
							   int64_t fallback);

/* Figures for the view; they also bring the windows up to date. */
extern int	wfm_limiter_minute_used(const WfmLimiter *limiter, int64_t now_us);
extern int	wfm_limiter_day_used(WfmLimiter *limiter, int64_t now_us);
extern int	wfm_limiter_cap(WfmLimiter *limiter, int64_t now_us);
extern int	wfm_app_limiter_used(WfmAppLimiter *app, int64_t now_us);

/* Nothing under way, nobody waiting, no call in the last minute, not blocked. */
extern bool wfm_limiter_idle(const WfmLimiter *limiter, int64_t now_us);

/*
 * Go on with a state that was saved: forgets who waited, counts what was under
 * way as answered, and takes no time for later than now.
 */
extern void wfm_limiter_resume(WfmLimiter *limiter, int64_t now_us);
extern void wfm_app_limiter_resume(WfmAppLimiter *app, int64_t now_us);

#endif							/* WFM_LIMIT_LIMITER_H */
