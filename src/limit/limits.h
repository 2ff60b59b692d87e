/*
 * limit/limits.h
 *		Permission to call: the limits of one app and tenant, shared by all
 *		backends through shared memory.
 *
 * The arithmetic is limit/limiter.c (pure C), whose header has the settings,
 * the states and the reasons; this is the shell around it.
 * A permit is asked for, polled until granted, and given back when the call
 * ended.  A permit that is never given back (error, cancel, termination) is
 * dropped by the owner memory context's callback or at backend exit.
 */
#ifndef WFM_LIMIT_LIMITS_H
#define WFM_LIMIT_LIMITS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/palloc.h"

#include "http/headers.h"
#include "limit/limiter.h"

typedef struct WfmPermitStatus
{
	WfmPermitState state;
	WfmPermitReason reason;
	WfmLimitProblem told_of;	/* told to wait: the limit that was named */
	int64		retry_at_us;	/* monotonic; when waiting */
	TimestampTz available_at;	/* when the call could go at the earliest, as
								 * far as known; 0 = unknown */
	bool		own_calls;		/* refused for the wait, but what it waits for
								 * are calls of this process: who sees to it
								 * that they go on may poll on */
} WfmPermitStatus;

typedef struct WfmPermit WfmPermit;

/*
 * Ask for one call for this app (a fingerprint or the client id) and tenant.
 * The permit belongs to owner: when that is reset or deleted, the permit is
 * dropped.  Joins the tenant's queue; never waits.  ereports when the library
 * was not preloaded, when all of wfm_fdw.max_tenants places are taken by
 * others, and when too many calls wait.
 */
extern WfmPermit *wfm_permit_request(const char *app, const char *tenant,
									 const WfmLimitPolicy *policy,
									 MemoryContext owner);

/*
 * How does it stand?  Grants when its turn has come, by wfm_fdw.priority as it
 * was when the permit was asked for.  Somebody waits for it since the moment
 * waits_since_us (as given by wfm_monotonic_us()): what would take longer than
 * wfm_fdw.max_wait from then on is refused.  0: nobody waits for it yet, and it
 * may take as long as it likes.  The process latch is set when its turn comes
 * before retry_at_us; one that does not poll within 0.1 s then is passed by.
 */
extern WfmPermitStatus wfm_permit_poll(WfmPermit *permit, int64 waits_since_us);

/*
 * The call ended with an answer: count it, learn from its headers, stop all
 * backends of the tenant on a 429.  Frees the permit.
 */
extern void wfm_permit_done(WfmPermit *permit, int http_status,
							const WfmHeaders *headers);

/*
 * The call failed below HTTP (counts for the circuit breaker; maybe_sent
 * says whether the server may have counted it).  Frees the permit.
 */
extern void wfm_permit_failed(WfmPermit *permit, bool maybe_sent);

/*
 * Not used after all, or cancelled: counts against nobody's circuit; if it
 * was granted and the request may have been sent, it counts for the minute.
 * Frees the permit.  NULL is allowed.
 */
extern void wfm_permit_drop(WfmPermit *permit, bool maybe_sent);

/* ---------- for the view ---------- */

/* Longest part of a name that is shown; the key is made of all of it. */
#define WFM_LIMIT_NAME	64

/* How far a tenant's limits are used. */
typedef struct WfmLimitRow
{
	char		app[WFM_LIMIT_NAME];
	char		tenant[WFM_LIMIT_NAME];
	int			minute_used;
	int			minute_limit;
	int			day_used;
	int			day_limit;
	TimestampTz day_resets_at;	/* 0: not told */
	int			app_used;		/* in the app's minute */
	int			in_flight;
	int			most_in_flight;
	int			cap;			/* allowed at once now */
	int			waiting;
	int64		waiting_us;		/* of the first that waits */
	TimestampTz blocked_until;	/* 0: it is not */
	WfmPermitReason blocked_by;
	uint64		refusals;
	const char *circuit;		/* a constant */
} WfmLimitRow;

/*
 * All tenants of this moment, *nrows of them, in the current memory context.
 * The library was preloaded.
 */
extern WfmLimitRow *wfm_limits_read(int *nrows);

/* Called by the entry file. */
extern void wfm_limits_shmem_request(void);
extern void wfm_limits_shmem_startup(void);

#endif							/* WFM_LIMIT_LIMITS_H */
