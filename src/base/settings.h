/*
 * base/settings.h
 *		The wfm_fdw.* settings and named wait events.
 */
#ifndef WFM_BASE_SETTINGS_H
#define WFM_BASE_SETTINGS_H

#include "postgres.h"

typedef enum WfmPriority
{
	WFM_PRIORITY_INTERACTIVE,
	WFM_PRIORITY_BATCH
} WfmPriority;

extern char *wfm_key_file;		/* "" = wfm_fdw.key beside config_file */
extern bool wfm_allow_insecure_loopback;
extern bool wfm_refresh_tokens;
extern int	wfm_max_grants;
extern int	wfm_max_tenants;
extern int	wfm_max_scans;		/* that can be shown at once */
extern int	wfm_max_tables;		/* of which statistics are kept */
extern int	wfm_max_wait_ms;
extern int	wfm_priority;		/* WfmPriority */
extern int	wfm_max_response_kb;	/* decoded bytes of one answer */
extern int	wfm_max_value_kb;
extern int	wfm_max_record_kb;
extern int	wfm_connect_timeout_ms;
extern int	wfm_stall_timeout_s;	/* no byte for so long: give up */
extern int	wfm_wait_notice_ms; /* NOTICE after waiting so long; -1 = never */
extern char *wfm_proxy;			/* "" = none, environment is ignored */
extern char *wfm_ca_file;		/* "" = the system's */

/* Was the library loaded by shared_preload_libraries? */
extern bool wfm_preloaded;

/* Define all settings; called once from _PG_init. */
extern void wfm_settings_define(void);

/* ereport 55000 unless the library was preloaded into a server with workers. */
extern void wfm_require_preload(void);

/* What a process waits for, shown in pg_stat_activity where it can be. */
typedef enum WfmWait
{
	WFM_WAIT_NETWORK,
	WFM_WAIT_PERMIT,
	WFM_WAIT_TOKEN,
	WFM_WAIT_BACKOFF,
	WFM_WAIT_WORKER_MAIN,
	WFM_WAIT_LAUNCHER_MAIN
} WfmWait;

/* The wait event number: named from 17 on, "Extension" before. */
extern uint32 wfm_wait_event(WfmWait wait);

#endif							/* WFM_BASE_SETTINGS_H */
