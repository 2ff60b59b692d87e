/*
 * limit/limits_private.h
 *		The shared state of the limits, for the files of limit/ alone.
 *
 *		limits.c		permits: what backends ask for
 *		limits_shmem.c	the shared tables: reserve, find, evict
 *		limits_file.c	the state file between a clean shutdown and the start
 *		limits_stat.c	what the view shows of them
 */
#ifndef WFM_LIMIT_LIMITS_PRIVATE_H
#define WFM_LIMIT_LIMITS_PRIVATE_H

#include "postgres.h"

#include "storage/lwlock.h"

#include "limit/limits.h"

/* An app, whose minute all its tenants share. */
typedef struct WfmLimitApp
{
	bool		used;
	uint64		key;			/* hash of the name */
	char		name[WFM_LIMIT_NAME];
	WfmAppLimiter limiter;
} WfmLimitApp;

/* A tenant of an app. */
typedef struct WfmLimitTenant
{
	bool		used;
	uint64		key;			/* hash of app and tenant */
	int			app;
	char		name[WFM_LIMIT_NAME];
	int64		last_used_us;
	WfmLimiter	limiter;
} WfmLimitTenant;

/*
 * Everything below the lock is protected by it, except the counts, which do
 * not change.  Times are those of wfm_limits_now().
 */
typedef struct WfmLimits
{
	LWLock	   *lock;
	int64		clock_offset_us;	/* added to the monotonic clock */
	int			ntenants;		/* places for tenants, and for apps */
	int			ntickets;
	int			free_ticket;	/* head of the free list, -1 = none */
	int64		reaped_us;		/* when vanished owners were looked for */
	int64		forgotten_until_us; /* calls of before a crash count so long */
	WfmLimitApp *apps;
	WfmLimitTenant *tenants;
	WfmTicket  *tickets;
} WfmLimits;

/*
 * In this process: points into shared memory.  NULL when the library was not
 * preloaded.
 */
extern WfmLimits *wfm_limits;

/* Microseconds since 1970 as of the server's start, never going back. */
extern int64 wfm_limits_now(void);

/* The same moment as a time of the user's. */
extern TimestampTz wfm_limits_timestamp(int64 us);

/*
 * Find or make the place of a tenant and its app; the lock is held
 * exclusively.  -1 when all places are taken by tenants that are not idle.
 */
extern int	wfm_limits_find(const char *app, const char *tenant, int64 now_us);

/* Read the state file into the empty tables and remove it. */
extern void wfm_limits_load(void);

/* Write it; for on_shmem_exit of the postmaster. */
extern void wfm_limits_save(int code, Datum arg);

#endif							/* WFM_LIMIT_LIMITS_PRIVATE_H */
