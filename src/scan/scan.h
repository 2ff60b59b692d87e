/*
 * scan/scan.h
 *		Executor callbacks of the foreign-data wrapper.
 */
#ifndef WFM_SCAN_SCAN_H
#define WFM_SCAN_SCAN_H

#include "postgres.h"

#include "foreign/fdwapi.h"

/* See the FdwRoutine members of the same names. */
extern void wfm_begin_scan(ForeignScanState *node, int eflags);
extern TupleTableSlot *wfm_iterate_scan(ForeignScanState *node);
extern void wfm_rescan(ForeignScanState *node);
extern void wfm_end_scan(ForeignScanState *node);
extern void wfm_explain_scan(ForeignScanState *node, struct ExplainState *es);

/*
 * Asynchronous execution below an Append; see the FdwRoutine members
 * IsForeignPathAsyncCapable and ForeignAsync....
 */
extern bool wfm_is_async_capable(ForeignPath *path);
extern void wfm_async_request(AsyncRequest *request);
extern void wfm_async_configure_wait(AsyncRequest *request);
extern void wfm_async_notify(AsyncRequest *request);

/*
 * Let scans of suspended portals come to rest whenever the executor returns
 * to the client; called once from _PG_init.
 */
extern void wfm_scan_install_hooks(void);

#endif							/* WFM_SCAN_SCAN_H */
