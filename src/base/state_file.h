/*
 * base/state_file.h
 *		What shared memory holds, kept in a file while the server is down.
 *
 * Written at a shutdown to a temporary file that is renamed, read and removed
 * at the next start, as pg_stat_statements does: after a crash there is none.
 * A check sum tells a damaged file, sizes in it one of another build.
 */
#ifndef WFM_BASE_STATE_FILE_H
#define WFM_BASE_STATE_FILE_H

#include "postgres.h"

#include "pgstat.h"

/* Where such files stand. */
#define WFM_STATE_FILE(name) PGSTAT_STAT_PERMANENT_DIRECTORY "/wfm_fdw_" name ".stat"

typedef struct WfmStateFile WfmStateFile;

/* Write or read a part; false if that failed. */
extern bool wfm_state_put(WfmStateFile *file, const void *data, size_t size);
extern bool wfm_state_get(WfmStateFile *file, void *data, size_t size);

/* Writes or reads everything; false if it cannot, or will not have it. */
typedef bool (*WfmStateFunction) (WfmStateFile *file);

/* Write the file; a failure is logged.  For the postmaster's exit. */
extern void wfm_state_save(const char *path, WfmStateFunction write);

/*
 * Read the file, if there is one, and remove it.  False, and logged, if it is
 * no good: then what was taken from it has to be forgotten.
 */
extern bool wfm_state_load(const char *path, WfmStateFunction read);

#endif							/* WFM_BASE_STATE_FILE_H */
