/*
 * limit/limits_file.c
 *		What is known of the limits, kept in a file while the server is down.
 *
 * After a crash there is none: every tenant starts cold, and without headers
 * that tell how many calls are left one call a second goes out for a minute.
 */
#include "postgres.h"

#include "base/state_file.h"
#include "limit/limits_private.h"

#define STATE_FILE	WFM_STATE_FILE("limits")
#define STATE_MAGIC	0x57464d31	/* changes with the format */

/* The sizes tell a file of another build. */
typedef struct StateHeader
{
	uint32		magic;
	uint32		app_size;
	uint32		tenant_size;
	uint32		ntenants;		/* pairs of app and tenant that follow */
} StateHeader;

static bool
write_state(WfmStateFile *file)
{
	StateHeader header = {STATE_MAGIC, sizeof(WfmLimitApp), sizeof(WfmLimitTenant), 0};
	int			i;

	for (i = 0; i < wfm_limits->ntenants; i++)
		header.ntenants += wfm_limits->tenants[i].used;
	if (!wfm_state_put(file, &header, sizeof(header)))
		return false;
	for (i = 0; i < wfm_limits->ntenants; i++)
	{
		WfmLimitTenant *tenant = &wfm_limits->tenants[i];

		if (tenant->used &&
			(!wfm_state_put(file, &wfm_limits->apps[tenant->app], sizeof(WfmLimitApp)) ||
			 !wfm_state_put(file, tenant, sizeof(WfmLimitTenant))))
			return false;
	}
	return true;
}

/* Forget what was read from a file that proves broken. */
static void
clear_tables(void)
{
	memset(wfm_limits->apps, 0, wfm_limits->ntenants * sizeof(WfmLimitApp));
	memset(wfm_limits->tenants, 0, wfm_limits->ntenants * sizeof(WfmLimitTenant));
}

/* The place of an app that was read, new or known from another tenant. */
static int
place_app(const WfmLimitApp *app)
{
	int			i;

	for (i = 0; i < wfm_limits->ntenants; i++)
	{
		WfmLimitApp *place = &wfm_limits->apps[i];

		if (place->used && place->key == app->key)
			return i;
		if (!place->used)
		{
			*place = *app;
			wfm_app_limiter_resume(&place->limiter, wfm_limits_now());
			return i;
		}
	}
	return -1;
}

static bool
read_state(WfmStateFile *file)
{
	StateHeader header;
	int64		now_us = wfm_limits_now();
	uint32		i;
	int			n = 0;

	if (!wfm_state_get(file, &header, sizeof(header)) ||
		header.magic != STATE_MAGIC ||
		header.app_size != sizeof(WfmLimitApp) ||
		header.tenant_size != sizeof(WfmLimitTenant))
		return false;
	for (i = 0; i < header.ntenants; i++)
	{
		WfmLimitApp app;
		WfmLimitTenant tenant;

		if (!wfm_state_get(file, &app, sizeof(app)) ||
			!wfm_state_get(file, &tenant, sizeof(tenant)))
			return false;

		/* wfm_fdw.max_tenants may be lower now */
		if (n == wfm_limits->ntenants)
			continue;
		tenant.app = place_app(&app);
		wfm_limiter_resume(&tenant.limiter, now_us);
		wfm_limits->tenants[n++] = tenant;
	}
	return true;
}

void
wfm_limits_load(void)
{
	if (!wfm_state_load(STATE_FILE, read_state))
		clear_tables();
}

void
wfm_limits_save(int code, Datum arg)
{
	/*
	 * After a crash nothing in shared memory is trusted.  An immediate
	 * shutdown is none, but it may have ended a backend half way through a
	 * change, which then still has the lock.
	 */
	if (code != 0 || wfm_limits == NULL ||
		!LWLockConditionalAcquire(wfm_limits->lock, LW_SHARED))
		return;
	wfm_state_save(STATE_FILE, write_state);
	LWLockRelease(wfm_limits->lock);
}
