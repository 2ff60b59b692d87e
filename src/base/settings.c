/*
 * base/settings.c
 *		The wfm_fdw.* settings and named wait events.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/settings.h"

char	   *wfm_key_file;
bool		wfm_allow_insecure_loopback;
bool		wfm_refresh_tokens;
int			wfm_max_grants;
int			wfm_max_tenants;
int			wfm_max_scans;
int			wfm_max_tables;
int			wfm_max_wait_ms;
int			wfm_priority;
int			wfm_max_response_kb;
int			wfm_max_value_kb;
int			wfm_max_record_kb;
int			wfm_connect_timeout_ms;
int			wfm_stall_timeout_s;
int			wfm_wait_notice_ms;
char	   *wfm_proxy;
char	   *wfm_ca_file;

bool		wfm_preloaded;

static const struct config_enum_entry priority_options[] = {
	{"interactive", WFM_PRIORITY_INTERACTIVE, false},
	{"batch", WFM_PRIORITY_BATCH, false},
	{NULL, 0, false}
};

void
wfm_settings_define(void)
{
	DefineCustomStringVariable("wfm_fdw.key_file",
							   "File that holds the keys which seal client secrets and tokens.",
							   "Empty means wfm_fdw.key in the directory of the server's configuration file.",
							   &wfm_key_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomBoolVariable("wfm_fdw.allow_insecure_loopback",
							 "Allows plain http URLs to this very machine, for gateways and tests.",
							 NULL, &wfm_allow_insecure_loopback, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("wfm_fdw.refresh_tokens",
							 "Lets the token worker refresh tokens; turn it off on a copy of a production server.",
							 NULL, &wfm_refresh_tokens, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	if (!wfm_preloaded)
	{
		/* Too late for the sizes of shared memory: only show them. */
		wfm_max_grants = 0;
		wfm_max_tenants = 0;
		wfm_max_scans = 0;
		wfm_max_tables = 0;
	}
	else
	{
		DefineCustomIntVariable("wfm_fdw.max_grants",
								"Connections whose tokens are kept in shared memory.",
								NULL, &wfm_max_grants, 32, 1, 10000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
		DefineCustomIntVariable("wfm_fdw.max_tenants",
								"Tenants whose limits are kept in shared memory.",
								NULL, &wfm_max_tenants, 128, 1, 100000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
		DefineCustomIntVariable("wfm_fdw.max_scans",
								"Running scans that wfm_stat_scans can show at once.",
								"Further ones run all the same.",
								&wfm_max_scans, 256, 1, 100000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
		DefineCustomIntVariable("wfm_fdw.max_tables",
								"Foreign tables of which wfm_stat_tables keeps statistics.",
								"A further one takes the place of the one that was read longest ago.",
								&wfm_max_tables, 1000, 1, 1000000,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
	}
	DefineCustomIntVariable("wfm_fdw.max_wait",
							"Longest time a query waits for a token or for a limit of the API.",
							"Zero means not to wait at all.",
							&wfm_max_wait_ms, 120 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomEnumVariable("wfm_fdw.priority",
							 "Order of those who wait for a limit of the API.",
							 "Batch scans leave some of each limit to interactive ones.",
							 &wfm_priority, WFM_PRIORITY_INTERACTIVE, priority_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.max_response_size",
							"Largest answer accepted from the API, after decompression.",
							NULL, &wfm_max_response_kb, 2 * 1024 * 1024, 64, INT_MAX,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.max_value_size",
							"Largest single value accepted from the API.",
							NULL, &wfm_max_value_kb, 1024, 1, 1024 * 1024 - 1,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.max_record_size",
							"Largest single record accepted from the API.",
							NULL, &wfm_max_record_kb, 16 * 1024, 1, 1024 * 1024 - 1,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.connect_timeout",
							"Longest time to wait for a connection to the API.",
							NULL, &wfm_connect_timeout_ms, 10 * 1000, 1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.stall_timeout",
							"Gives up on an answer of which nothing arrives for this long.",
							NULL, &wfm_stall_timeout_s, 30, 1, 24 * 3600,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("wfm_fdw.wait_notice",
							"Sends a NOTICE when a query has waited this long for a limit of the API.",
							"-1 turns it off.",
							&wfm_wait_notice_ms, 5000, -1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("wfm_fdw.proxy",
							   "Proxy through which the API is reached.",
							   "Empty means none; proxy variables of the environment are ignored.",
							   &wfm_proxy, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("wfm_fdw.ca_file",
							   "File of certificates that are trusted instead of the system's.",
							   NULL, &wfm_ca_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	MarkGUCPrefixReserved("wfm_fdw");
}

void
wfm_require_preload(void)
{
	if (!wfm_preloaded)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("wfm_fdw must be loaded when the server starts"),
				 errdetail("Tokens and limits are shared by all sessions, in memory that can only be reserved at that time."),
				 errhint("Add wfm_fdw to shared_preload_libraries in postgresql.conf and restart the server.")));
	if (!IsUnderPostmaster)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("wfm_fdw reaches no API in single-user mode"),
				 errdetail("Tokens are kept by a background worker, of which there is none."),
				 errhint("Start the server as usual.")));
}

uint32
wfm_wait_event(WfmWait wait)
{
#ifdef WFM_HAVE_NAMED_WAIT_EVENTS
	static const char *const names[] = {
		[WFM_WAIT_NETWORK] = "WfmNetwork",
		[WFM_WAIT_PERMIT] = "WfmPermit",
		[WFM_WAIT_TOKEN] = "WfmToken",
		[WFM_WAIT_BACKOFF] = "WfmBackoff",
		[WFM_WAIT_WORKER_MAIN] = "WfmTokenWorkerMain",
		[WFM_WAIT_LAUNCHER_MAIN] = "WfmLauncherMain",
	};
	static uint32 numbers[lengthof(names)];

	if (numbers[wait] == 0)
		numbers[wait] = WaitEventExtensionNew(names[wait]);
	return numbers[wait];
#else
	return PG_WAIT_EXTENSION;
#endif
}
