/*
 * auth/copy_guard.h
 *		Messages of COPY wfm_connections without the lines they are about.
 */
#ifndef WFM_AUTH_COPY_GUARD_H
#define WFM_AUTH_COPY_GUARD_H

/* Hook into ProcessUtility and the log; once, when the library is loaded. */
extern void wfm_copy_guard_install(void);

#endif							/* WFM_AUTH_COPY_GUARD_H */
