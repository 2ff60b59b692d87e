/*
 * auth/drop_watch.h
 *		Tokens in memory end with the extension or the database they are of.
 */
#ifndef WFM_AUTH_DROP_WATCH_H
#define WFM_AUTH_DROP_WATCH_H

/* Called by the entry file, when the server starts. */
extern void wfm_drop_watch_install(void);

#endif							/* WFM_AUTH_DROP_WATCH_H */
