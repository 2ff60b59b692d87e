/*
 * wfm_fdw.c
 *		Entry: settings, shared memory, background workers, and the table of
 *		foreign-data wrapper callbacks.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#include "auth/copy_guard.h"
#include "auth/drop_watch.h"
#include "auth/token_store.h"
#include "base/compat.h"
#include "base/options.h"
#include "base/settings.h"
#include "fetch/learnt.h"
#include "import/import.h"
#include "limit/limits.h"
#include "plan/plan.h"
#include "scan/analyze.h"
#include "scan/scan.h"
#include "stats/stats.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(wfm_fdw_handler);
PG_FUNCTION_INFO_V1(wfm_fdw_validator);

static shmem_request_hook_type prev_shmem_request_hook;
static shmem_startup_hook_type prev_shmem_startup_hook;

/* Reserve shared memory for tokens, limits and statistics. */
static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	wfm_limits_shmem_request();
	wfm_token_store_shmem_request();
	wfm_learnt_shmem_request();
	wfm_stat_shmem_request();
}

/* Find or make what was reserved. */
static void
start_shared_memory(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	wfm_limits_shmem_startup();
	wfm_token_store_shmem_startup();
	wfm_learnt_shmem_startup();
	wfm_stat_shmem_startup();
}

void
_PG_init(void)
{
	/* pg_upgrade starts servers that must not call out or keep state. */
	if (IsBinaryUpgrade)
		return;

	wfm_preloaded = process_shared_preload_libraries_in_progress;
	wfm_settings_define();
	wfm_scan_install_hooks();
	wfm_copy_guard_install();
	if (!wfm_preloaded)
		return;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;
	wfm_token_launcher_register();
	wfm_drop_watch_install();
}

Datum
wfm_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	/* planning */
	routine->GetForeignRelSize = wfm_get_rel_size;
	routine->GetForeignPaths = wfm_get_paths;
	routine->GetForeignPlan = wfm_get_plan;
	routine->GetForeignUpperPaths = wfm_get_upper_paths;

	/* execution */
	routine->BeginForeignScan = wfm_begin_scan;
	routine->IterateForeignScan = wfm_iterate_scan;
	routine->ReScanForeignScan = wfm_rescan;
	routine->EndForeignScan = wfm_end_scan;
	routine->ExplainForeignScan = wfm_explain_scan;

	/* asynchronous execution below Append */
	routine->IsForeignPathAsyncCapable = wfm_is_async_capable;
	routine->ForeignAsyncRequest = wfm_async_request;
	routine->ForeignAsyncConfigureWait = wfm_async_configure_wait;
	routine->ForeignAsyncNotify = wfm_async_notify;

	routine->AnalyzeForeignTable = wfm_analyze;
	routine->ImportForeignSchema = wfm_import_schema;

	PG_RETURN_POINTER(routine);
}

Datum
wfm_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));

	wfm_options_validate(options, PG_GETARG_OID(1));
	PG_RETURN_VOID();
}
