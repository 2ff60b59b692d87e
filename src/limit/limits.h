/*
 * limit/limits.h
 *		Permission to call: the limits of one app and tenant, shared by all
 *		backends through shared memory.
 *
 * The arithmetic is limit/limiter.c (pure C); this is the shell around it.
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

/* The limits that hold, from the connection's settings. */
typedef struct WfmLimitPolicy
{
	int			calls_per_minute;
	int			calls_per_day;
	int			concurrent_calls;
	int			app_calls_per_minute;	/* 0 = none */
} WfmLimitPolicy;

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
	WFM_REASON_SLOT,			/* all concurrent calls are taken */
	WFM_REASON_MINUTE,
	WFM_REASON_APP_MINUTE,
	WFM_REASON_TOLD_TO_WAIT,	/* a 429 named a time */
	WFM_REASON_COLD_START,		/* first call after a crash is out alone */
	WFM_REASON_DAY,				/* refused: the day's calls are spent */
	WFM_REASON_MAX_WAIT,		/* refused: longer than wfm_fdw.max_wait */
	WFM_REASON_CIRCUIT			/* refused or waiting: the API keeps failing */
} WfmPermitReason;

typedef struct WfmPermitStatus
{
	WfmPermitState state;
	WfmPermitReason reason;
	int64		retry_at_us;	/* monotonic; when waiting */
	TimestampTz available_at;	/* when the call could go at the earliest, as
								 * far as known; 0 = unknown */
} WfmPermitStatus;

typedef struct WfmPermit WfmPermit;

/*
 * Ask for one call for this app (a fingerprint or the client id) and tenant.
 * The permit belongs to owner.  Joins the tenant's queue; never waits.
 * ereports when all of wfm_fdw.max_tenants places are taken by others.
 */
extern WfmPermit *wfm_permit_request(const char *app, const char *tenant,
									 const WfmLimitPolicy *policy,
									 MemoryContext owner);

/* How does it stand?  Grants when its turn has come. */
extern WfmPermitStatus wfm_permit_poll(WfmPermit *permit);

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

/* The word for messages and views: "minute limit", "day limit", ... */
extern const char *wfm_permit_reason_name(WfmPermitReason reason);

/* Called by the entry file. */
extern Size wfm_limits_shmem_size(void);
extern void wfm_limits_shmem_request(void);
extern void wfm_limits_shmem_startup(void);

#endif							/* WFM_LIMIT_LIMITS_H */
