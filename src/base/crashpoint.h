/*
 * base/crashpoint.h
 *		Named places where a test can kill, fail or delay a process.
 *
 * Compiled in only with -DWFM_CRASHPOINTS.  A test writes "NAME kill",
 * "NAME error" or "NAME delay MILLISECONDS" into the file wfm_crashpoint in
 * the data directory; a process that reaches NAME adds a line to
 * wfm_crashpoint.hit, takes the order back and acts.  The names are the K
 * points of the token protocol: see auth/token_job.c.
 */
#ifndef WFM_BASE_CRASHPOINT_H
#define WFM_BASE_CRASHPOINT_H

#ifdef WFM_CRASHPOINTS
extern void wfm_crashpoint(const char *name);
#define WFM_CRASHPOINT(name) wfm_crashpoint(name)

/*
 * The point lies where the current transaction has been committed and nobody
 * has been told.  The server makes a PANIC of an error there.
 */
extern void wfm_crashpoint_at_commit(const char *name);
#define WFM_CRASHPOINT_AT_COMMIT(name) wfm_crashpoint_at_commit(name)
#else
#define WFM_CRASHPOINT(name) ((void) 0)
#define WFM_CRASHPOINT_AT_COMMIT(name) ((void) 0)
#endif

#endif							/* WFM_BASE_CRASHPOINT_H */
