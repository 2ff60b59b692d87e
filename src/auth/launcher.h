/*
 * auth/launcher.h
 *		The background processes that keep tokens fresh.
 */
#ifndef WFM_AUTH_LAUNCHER_H
#define WFM_AUTH_LAUNCHER_H

#include "postgres.h"

#include "base/compat.h"

/* Entry points of the processes; the worker's argument is its database. */
extern PGDLLEXPORT void wfm_launcher_main(Datum argument);
extern PGDLLEXPORT void wfm_token_worker_main(Datum argument);

/*
 * Changes whenever a setting does that all grants depend on; each has to be
 * looked at again then.
 */
extern uint64 wfm_token_settings_hash(void);

#endif							/* WFM_AUTH_LAUNCHER_H */
