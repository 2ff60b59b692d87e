/*
 * limit/limits_file.c
 *		What is known of the limits, kept in a file while the server is down.
 *
 * Written at a shutdown to a temporary file that is renamed, read and
 * removed at the next start, as pg_stat_statements does: after a crash there
 * is none, and every tenant starts cold.
 */
#include "postgres.h"

#include <unistd.h>

#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "limit/limits_private.h"

#define STATE_FILE	PGSTAT_STAT_PERMANENT_DIRECTORY "/wfm_fdw_limits.stat"
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
write_part(FILE *file, const void *data, size_t size, pg_crc32c *crc)
{
	COMP_CRC32C(*crc, data, size);
	return fwrite(data, size, 1, file) == 1;
}

static bool
read_part(FILE *file, void *data, size_t size, pg_crc32c *crc)
{
	if (fread(data, size, 1, file) != 1)
		return false;
	COMP_CRC32C(*crc, data, size);
	return true;
}

static bool
write_state(FILE *file)
{
	StateHeader header = {STATE_MAGIC, sizeof(WfmLimitApp), sizeof(WfmLimitTenant), 0};
	pg_crc32c	crc;
	int			i;

	for (i = 0; i < wfm_limits->ntenants; i++)
		header.ntenants += wfm_limits->tenants[i].used;
	INIT_CRC32C(crc);
	if (!write_part(file, &header, sizeof(header), &crc))
		return false;
	for (i = 0; i < wfm_limits->ntenants; i++)
	{
		WfmLimitTenant *tenant = &wfm_limits->tenants[i];

		if (tenant->used &&
			(!write_part(file, &wfm_limits->apps[tenant->app], sizeof(WfmLimitApp), &crc) ||
			 !write_part(file, tenant, sizeof(WfmLimitTenant), &crc)))
			return false;
	}
	FIN_CRC32C(crc);
	return fwrite(&crc, sizeof(crc), 1, file) == 1;
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
read_state(FILE *file)
{
	StateHeader header;
	pg_crc32c	crc,
				stored;
	int64		now_us = wfm_limits_now();
	uint32		i;
	int			n = 0;

	INIT_CRC32C(crc);
	if (!read_part(file, &header, sizeof(header), &crc) ||
		header.magic != STATE_MAGIC ||
		header.app_size != sizeof(WfmLimitApp) ||
		header.tenant_size != sizeof(WfmLimitTenant))
		return false;
	for (i = 0; i < header.ntenants; i++)
	{
		WfmLimitApp app;
		WfmLimitTenant tenant;

		if (!read_part(file, &app, sizeof(app), &crc) ||
			!read_part(file, &tenant, sizeof(tenant), &crc))
			return false;

		/* wfm_fdw.max_tenants may be lower now */
		if (n == wfm_limits->ntenants)
			continue;
		tenant.app = place_app(&app);
		wfm_limiter_resume(&tenant.limiter, now_us);
		wfm_limits->tenants[n++] = tenant;
	}
	FIN_CRC32C(crc);
	return fread(&stored, sizeof(stored), 1, file) == 1 && EQ_CRC32C(crc, stored);
}

void
wfm_limits_load(void)
{
	FILE	   *file = AllocateFile(STATE_FILE, PG_BINARY_R);

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", STATE_FILE)));
		return;
	}
	if (!read_state(file))
	{
		clear_tables();
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("ignoring invalid data in file \"%s\"", STATE_FILE)));
	}
	FreeFile(file);
	unlink(STATE_FILE);
}

void
wfm_limits_save(int code, Datum arg)
{
	FILE	   *file;
	bool		written;

	/*
	 * After a crash nothing in shared memory is trusted.  An immediate
	 * shutdown is none, but it may have ended a backend half way through a
	 * change, which then still has the lock.
	 */
	if (code != 0 || wfm_limits == NULL ||
		!LWLockConditionalAcquire(wfm_limits->lock, LW_SHARED))
		return;
	file = AllocateFile(STATE_FILE ".tmp", PG_BINARY_W);
	written = file != NULL && write_state(file);
	LWLockRelease(wfm_limits->lock);
	if (file && FreeFile(file) != 0)
		written = false;
	if (!written)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", STATE_FILE ".tmp")));
		unlink(STATE_FILE ".tmp");
		return;
	}
	(void) durable_rename(STATE_FILE ".tmp", STATE_FILE, LOG);
}
