/*
 * auth/copy_guard.h
 *		Errors of COPY wfm_connections without the lines that caused them.
 */
#ifndef WFM_AUTH_COPY_GUARD_H
#define WFM_AUTH_COPY_GUARD_H

/* Hook into ProcessUtility; once, when the library is loaded. */
extern void wfm_copy_guard_install(void);

#endif							/* WFM_AUTH_COPY_GUARD_H */
