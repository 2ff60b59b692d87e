/*
 * fetch/seam.h
 *		Dropping the rows that two overlapping windows both hold.
 */
#ifndef WFM_FETCH_SEAM_H
#define WFM_FETCH_SEAM_H

#include "postgres.h"

typedef struct WfmSeam WfmSeam;

/* Make an empty memory of keys in a child of context. */
extern WfmSeam *wfm_seam_create(MemoryContext context);

/*
 * A new window begins.  If it neighbours the one before, that one's keys are
 * what its rows are compared with; else nothing is.
 */
extern void wfm_seam_begin(WfmSeam *seam, bool neighbour);

/*
 * The window that began last begins anew: forgets what came of it, and keeps
 * what it is compared with.
 */
extern void wfm_seam_again(WfmSeam *seam);

/*
 * Remember a row's key; true if the neighbouring window held it already.
 */
extern bool wfm_seam_is_double(WfmSeam *seam, const char *key, size_t len);

#endif							/* WFM_FETCH_SEAM_H */
