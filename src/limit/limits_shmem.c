/*
 * limit/limits_shmem.c
 *		The shared tables of apps, tenants and tickets: reserved at the start,
 *		found by name, evicted when idle.
 */
#include "postgres.h"

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "http/transfer.h"
#include "limit/limits_private.h"

/*
 * Calls that may wait or be under way at once, for each session that the
 * server allows: a scan has a few, and few sessions scan at the same time.
 */
#define TICKETS_PER_BACKEND	8
#define TICKETS_LEAST		32

#define TRANCHE_NAME	"wfm_fdw limits"

WfmLimits  *wfm_limits;

/*
 * Where the parts stand in shared memory.  The struct with the pointers is
 * there too, as one that every process gets by fork; servers that start
 * processes by exec are none that this library can be loaded into.
 */
static Size
shmem_layout(char *base, WfmLimits *limits)
{
	Size		size = MAXALIGN(sizeof(WfmLimits));
	Size		ntenants = wfm_max_tenants;
	Size		ntickets = add_size(mul_size(MaxBackends, TICKETS_PER_BACKEND),
									TICKETS_LEAST);

	if (limits)
	{
		limits->ntenants = ntenants;
		limits->ntickets = ntickets;
		limits->apps = (WfmLimitApp *) (base + size);
	}
	size = add_size(size, MAXALIGN(mul_size(ntenants, sizeof(WfmLimitApp))));
	if (limits)
		limits->tenants = (WfmLimitTenant *) (base + size);
	size = add_size(size, MAXALIGN(mul_size(ntenants, sizeof(WfmLimitTenant))));
	if (limits)
		limits->tickets = (WfmTicket *) (base + size);
	return add_size(size, MAXALIGN(mul_size(ntickets, sizeof(WfmTicket))));
}

void
wfm_limits_shmem_request(void)
{
	RequestAddinShmemSpace(shmem_layout(NULL, NULL));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

/*
 * Did the server end without a shutdown?  Then there may have been calls that
 * no file tells of.
 */
static bool
server_crashed(void)
{
	bool		intact;
	ControlFileData *control = get_controlfile(DataDir, &intact);
	bool		crashed = control->state != DB_SHUTDOWNED &&
		control->state != DB_SHUTDOWNED_IN_RECOVERY;

	pfree(control);
	return crashed;
}

void
wfm_limits_shmem_startup(void)
{
	bool		found;
	WfmLimits  *limits;
	Size		size = shmem_layout(NULL, NULL);
	int			i;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	limits = ShmemInitStruct("wfm_fdw limits", size, &found);
	if (!found)
	{
		memset(limits, 0, size);
		shmem_layout((char *) limits, limits);
		limits->lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
		limits->clock_offset_us = GetCurrentTimestamp() +
			(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY -
			wfm_monotonic_us();
		for (i = 0; i < limits->ntickets; i++)
			limits->tickets[i].next = i + 1 < limits->ntickets ? i + 1 : -1;
		limits->free_ticket = 0;
	}
	wfm_limits = limits;
	LWLockRelease(AddinShmemInitLock);

	if (!IsUnderPostmaster)
	{
		on_shmem_exit(wfm_limits_save, (Datum) 0);
		if (!found)
		{
			wfm_limits_load();
			if (server_crashed())
				limits->forgotten_until_us = wfm_limits_now() + USECS_PER_MINUTE;
		}
	}
}

int64
wfm_limits_now(void)
{
	return wfm_monotonic_us() + wfm_limits->clock_offset_us;
}

TimestampTz
wfm_limits_timestamp(int64 us)
{
	/* by the distance from now, so that a clock that was set counts */
	return us == 0 ? 0 : GetCurrentTimestamp() + (us - wfm_limits_now());
}

static uint64
hash_names(const char *app, const char *tenant)
{
	uint64		key = hash_bytes_extended((const unsigned char *) app,
										  strlen(app), 0);

	if (tenant)
		key = hash_bytes_extended((const unsigned char *) tenant,
								  strlen(tenant), key);
	return key;
}

/* Find or make the place of an app. */
static int
find_app(const char *name)
{
	uint64		key = hash_names(name, NULL);
	int			free = -1;
	int			i,
				j;

	for (i = 0; i < wfm_limits->ntenants; i++)
	{
		WfmLimitApp *app = &wfm_limits->apps[i];

		if (app->used && app->key == key)
			return i;
		if (!app->used && free < 0)
			free = i;
	}

	/*
	 * There are as many places for apps as for tenants, so one that no tenant
	 * refers to exists whenever a tenant has a place.
	 */
	for (i = 0; i < wfm_limits->ntenants && free < 0; i++)
	{
		for (j = 0; j < wfm_limits->ntenants; j++)
			if (wfm_limits->tenants[j].used && wfm_limits->tenants[j].app == i)
				break;
		if (j == wfm_limits->ntenants)
			free = i;
	}
	if (free >= 0)
	{
		WfmLimitApp *app = &wfm_limits->apps[free];

		memset(app, 0, sizeof(WfmLimitApp));
		app->used = true;
		app->key = key;
		strlcpy(app->name, name, WFM_LIMIT_NAME);
		wfm_app_limiter_init(&app->limiter);
	}
	return free;
}

int
wfm_limits_find(const char *app, const char *tenant, int64 now_us)
{
	uint64		key = hash_names(app, tenant);
	int			place = -1;
	WfmLimitTenant *found;
	int			i;

	for (i = 0; i < wfm_limits->ntenants; i++)
	{
		WfmLimitTenant *t = &wfm_limits->tenants[i];

		if (!t->used)
		{
			if (place < 0 || wfm_limits->tenants[place].used)
				place = i;
			continue;
		}
		if (t->key == key)
		{
			t->last_used_us = now_us;
			return i;
		}
		/* With no free place, the idle one that was used longest ago goes. */
		if ((place < 0 || (wfm_limits->tenants[place].used &&
						   t->last_used_us < wfm_limits->tenants[place].last_used_us)) &&
			wfm_limiter_idle(&t->limiter, now_us))
			place = i;
	}
	if (place < 0)
		return -1;

	found = &wfm_limits->tenants[place];
	found->used = false;
	i = find_app(app);
	if (i < 0)
		return -1;
	memset(found, 0, sizeof(WfmLimitTenant));
	found->used = true;
	found->key = key;
	found->app = i;
	strlcpy(found->name, tenant, WFM_LIMIT_NAME);
	found->last_used_us = now_us;
	wfm_limiter_init(&found->limiter, true, wfm_limits->forgotten_until_us);
	return place;
}
