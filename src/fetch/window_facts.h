/*
 * fetch/window_facts.h
 *		What answers taught about the time windows of a tenant's list.
 *
 * Kept in shared memory (fetch/learnt.h); without preloading nothing is.
 */
#ifndef WFM_FETCH_WINDOW_FACTS_H
#define WFM_FETCH_WINDOW_FACTS_H

#include "utils/date.h"

#include "fetch/cursor.h"

/* How long a learnt width is trusted; then the widest window is tried again. */
#define WFM_WINDOW_WIDTH_HOURS 24

/* A tenant of the spec as it was named; "" if by nobody.  Facts go by that. */
extern const char *wfm_window_tenant(const WfmFetchSpec *spec, int tenant);

/*
 * Whether the window was found not to test the column that it is assumed to
 * test.  Kept until a scan does without the assumption: then the user has
 * seen to it.
 */
extern void wfm_window_judge(const WfmFetchSpec *spec, int tenant, bool wrong);
extern bool wfm_window_is_wrong(const WfmFetchSpec *spec, int tenant);

/*
 * How many days a window may own whose last day is given, so that the API can
 * answer it: learnt from one that had to be cut, for windows that end in the
 * same year.  INT_MAX: nothing is known.
 */
extern void wfm_window_learn_width(const WfmFetchSpec *spec, int tenant,
								   DateADT last_day, int days);
extern int	wfm_window_width(const WfmFetchSpec *spec, int tenant,
							 DateADT last_day);

#endif							/* WFM_FETCH_WINDOW_FACTS_H */
