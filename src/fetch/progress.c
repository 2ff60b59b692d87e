/*
 * fetch/progress.c
 *		Telling the statistics how a cursor gets on.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fetch/cursor_private.h"
#include "fetch/pages.h"

void
wfm_cursor_count(WfmCursor *cursor)
{
	const WfmFetchStats *now = &cursor->stats;
	const WfmFetchStats *told = &cursor->told;
	WfmStatCounts *total;

	if (cursor->spec->stat == NULL)
		return;
	total = &cursor->spec->stat->total;
	total->calls += now->calls - told->calls;
	total->pages += now->answers - told->answers;
	total->bytes += now->bytes - told->bytes;
	total->retries += now->retries - told->retries;
	total->limited += now->limited - told->limited;
	total->network_us += now->network_us - told->network_us;
	total->permit_us += now->permit_us - told->permit_us;
	total->token_us += now->token_us - told->token_us;
	cursor->told = *now;
}

/*
 * Requests that are still to be answered.  They are counted anew after each
 * answer only: there may be thousands.
 */
static int64
count_missing(WfmCursor *cursor)
{
	int64		ended = cursor->stats.answers + cursor->stats.retries;

	if (cursor->told_missing == 0 || ended != cursor->told_ended)
	{
		dlist_iter	iter;

		cursor->told_ended = ended;
		cursor->told_missing = 0;
		dlist_foreach(iter, &cursor->steps)
			cursor->told_missing++;
	}
	return cursor->told_missing;
}

/* Does nobody know yet how many pages a list has? */
static bool
is_open_ended(const WfmStep *step)
{
	return step->pages != NULL && step->pages->total < 0;
}

/* What the first step waits for, in words, and until when. */
static void
describe_wait(const WfmStep *step, WfmScanState *state)
{
	switch (step->state)
	{
		case WFM_STEP_RUNNING:
			state->waits_for = "network";
			break;
		case WFM_STEP_BACKOFF:
			state->waits_for = "back-off";
			state->waits_until = GetCurrentTimestamp() +
				(step->not_before_us - wfm_monotonic_us());
			break;
		case WFM_STEP_PERMIT:
			if (step->waits_for != WFM_REASON_NONE)
			{
				state->waits_for = wfm_permit_reason_name(step->waits_for);
				state->waits_until = step->waits_until;
				break;
			}
			/* it has permission, or did not come so far */
			/* FALLTHROUGH */
		case WFM_STEP_NEW:
			state->waits_for = "token";
			break;
		case WFM_STEP_ANSWERED:
		case WFM_STEP_EMPTY:
		case WFM_STEP_FAILED:
			break;
	}
}

void
wfm_cursor_tell(WfmCursor *cursor, bool waits)
{
	WfmScanStat *stat = cursor->spec->stat;
	WfmScanState state = {0};
	int64		missing;

	if (stat == NULL)
		return;
	missing = count_missing(cursor);
	wfm_cursor_count(cursor);
	state.expected_pages = stat->total.pages + missing;
	if (!dlist_is_empty(&cursor->steps))
	{
		const WfmStep *step = dlist_container(WfmStep, node,
											  dlist_head_node(&cursor->steps));

		if (is_open_ended(step))
			state.expected_pages = Max(state.expected_pages, stat->planned_calls);
		state.tenant = wfm_step_tenant(cursor, step);
		state.request = step->request;
		/* bytes of answers that came to their end are counted */
		if (step->transfer != NULL && !step->reported)
			state.arriving = wfm_transfer_received(step->transfer);
		if (waits)
			describe_wait(step, &state);
	}
	cursor->told_wait = waits;
	wfm_scan_stat_report(stat, &state);
}
