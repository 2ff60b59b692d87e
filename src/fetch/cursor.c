/*
 * fetch/cursor.c
 *		Running a scan's requests and handing out their records.
 *
 * The steps (fetch/step.c) stand in a list in the order of their rows.  Those
 * at its head are under way side by side, as far as the API's limits let
 * them; the first one, once its answer is complete (where few rows may be
 * wanted: while it arrives), is decoded slice by slice, while the others go on.
 * A fault of a later step is kept until its turn comes, since a LIMIT may end
 * the scan before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/settings.h"
#include "fetch/cursor_private.h"
#include "fetch/problem.h"
#include "http/transfer.h"

/* Answers that may be under way or waiting beyond the concurrent calls. */
#define AHEAD 2

/* While rows are handed out, how often to look after the other steps. */
#define KEEP_MOVING_US INT64CONST(5000)

/*
 * How long a suspended portal waits for what is under way: twice what answers
 * took so far, but not less or more than this.
 */
#define SETTLE_LEAST_US INT64CONST(2000000)
#define SETTLE_MOST_US INT64CONST(10000000)

/* Every open cursor of this process. */
static dlist_head open_cursors = DLIST_STATIC_INIT(open_cursors);

/* The memory context goes: release what it does not know of. */
static void
release_with_context(void *arg)
{
	WfmCursor  *cursor = arg;

	dlist_delete(&cursor->node);
	wfm_cursor_count(cursor);
	wfm_records_release(cursor);
	wfm_survey_release(cursor);
}

WfmCursor *
wfm_cursor_open(const WfmFetchSpec *spec, MemoryContext owner)
{
	MemoryContext context = AllocSetContextCreate(owner, "wfm_fdw cursor",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	WfmCursor  *cursor = palloc0(sizeof(WfmCursor));

	cursor->spec = spec;
	cursor->context = context;
	dlist_init(&cursor->steps);
	cursor->callback.func = release_with_context;
	cursor->callback.arg = cursor;
	MemoryContextRegisterResetCallback(context, &cursor->callback);
	dlist_push_tail(&open_cursors, &cursor->node);
	wfm_records_choose_fields(cursor);
	cursor->ntenants = Max(spec->ntenants, 1);
	cursor->tenants = palloc0(cursor->ntenants * sizeof(char *));
	for (int i = 0; i < spec->ntenants; i++)
		cursor->tenants[i] = pstrdup(spec->tenants[i]);
	if (spec->ntenants == 0 && spec->options->tenant_id != NULL)
		cursor->tenants[0] = pstrdup(spec->options->tenant_id);
	else if (spec->ntenants == 0 && spec->connection->tenant_id != NULL)
		cursor->tenants[0] = pstrdup(spec->connection->tenant_id);
	MemoryContextSwitchTo(oldcontext);
	return cursor;
}

/* First row asked for: now requests may go out. */
static void
begin(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;

	cursor->opened = true;
	wfm_records_check_window(cursor);
	wfm_steps_build(&cursor->steps, spec, spec->endpoint, true,
					cursor->context);
	if (!dlist_is_empty(&cursor->steps))
		cursor->channel = wfm_channel_borrow(cursor->context);
}

void
wfm_cursor_close(WfmCursor *cursor)
{
	dlist_iter	iter;

	if (cursor == NULL)
		return;
	dlist_foreach(iter, &cursor->steps)
		wfm_step_stop(dlist_container(WfmStep, node, iter.cur));
	if (cursor->channel != NULL)
		wfm_channel_return(cursor->channel);
	MemoryContextDelete(cursor->context);
}

const WfmFetchStats *
wfm_cursor_stats(const WfmCursor *cursor)
{
	return &cursor->stats;
}

void
wfm_fetch_stats_add(WfmFetchStats *total, const WfmFetchStats *more)
{
	total->calls += more->calls;
	total->answers += more->answers;
	total->records += more->records;
	total->rows += more->rows;
	total->bytes += more->bytes;
	total->retries += more->retries;
	total->limited += more->limited;
	total->network_us += more->network_us;
	total->permit_us += more->permit_us;
	total->token_us += more->token_us;
}

int64
wfm_cursor_total(const WfmCursor *cursor)
{
	return cursor->total;
}

int
wfm_cursor_fd(WfmCursor *cursor)
{
	return cursor->channel == NULL ? -1 : wfm_channel_fd(cursor->channel);
}

/* ---------- running ---------- */

void
wfm_cursor_alarm_at(WfmCursor *cursor, int64 at_us)
{
	if (cursor->alarm_us == 0 || at_us < cursor->alarm_us)
		cursor->alarm_us = at_us;
}

int
wfm_cursor_most_active(const WfmCursor *cursor)
{
	/* how wide a window may be is found out one by one */
	return cursor->spec->lazy || cursor->no_ahead || cursor->oversized > 0 ? 1 :
		cursor->spec->connection->limits.concurrent_calls + AHEAD;
}

/* Move every step that can move; start as many as the limits let us. */
static void
advance(WfmCursor *cursor)
{
	int			most = wfm_cursor_most_active(cursor);
	int			active = 0;
	int			tenant = -1;
	bool		may_ask = true;
	dlist_iter	iter;

	cursor->alarm_us = 0;
	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

		/* limits are the tenant's, whose steps stand together */
		if (step->tenant != tenant)
		{
			if (tenant >= 0 && cursor->spec->lazy)
				break;
			tenant = step->tenant;
			active = 0;
			may_ask = true;
		}
		if (++active > most &&
			!(cursor->oversized > 0 && step->state == WFM_STEP_RUNNING))
		{
			if (tenant == cursor->ntenants - 1 && cursor->oversized == 0)
				break;
			continue;
		}
		/* those behind would only queue up behind one that waits */
		if (!wfm_step_advance(cursor, step, may_ask))
			may_ask = false;
	}
	if (cursor->channel != NULL)
		wfm_channel_set_alarm(cursor->channel, cursor->alarm_us);
	cursor->moved_us = wfm_monotonic_us();
}

void
wfm_cursor_keep_moving(WfmCursor *cursor)
{
	bool		may_block = cursor->may_block;

	if (cursor->spec->lazy ||
		!dlist_has_next(&cursor->steps, dlist_head_node(&cursor->steps)) ||
		wfm_monotonic_us() - cursor->moved_us < KEEP_MOVING_US)
		return;

	/* there are rows to hand out: nothing is worth waiting for */
	cursor->may_block = false;
	(void) wfm_channel_pump(cursor->channel);
	advance(cursor);
	cursor->may_block = may_block;
}

/* The first step is done with: forget it. */
static void
drop_first(WfmCursor *cursor, WfmStep *step)
{
	wfm_records_release(cursor);
	cursor->streaming = false;
	cursor->seam_again = false;
	wfm_step_stop(step);
	wfm_step_forget(step);
}

/* All steps are done: is there a list to read for refused keys? */
static bool
read_list_for_odd_keys(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmEndpoint *list;

	if (cursor->odd_keys == NIL || cursor->odd_listed)
		return false;
	cursor->odd_listed = true;
	list = wfm_endpoint_whole(spec->resource, spec->connection->dialect);
	if (list->paging != WFM_PAGING_NONE && cursor->seam == NULL)
		cursor->seam = wfm_seam_create(cursor->context);
	if (cursor->key_field < 0)
		cursor->key_field = cursor->odd_field;
	wfm_steps_build(&cursor->steps, spec, list, false, cursor->context);
	return true;
}

/* Say which parents could not be asked for. */
static void
warn_of_skipped(WfmCursor *cursor)
{
	if (cursor->nskipped == 0)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg_plural("rows of foreign table \"%s\" are missing for %lld key",
						   "rows of foreign table \"%s\" are missing for %lld keys",
						   (unsigned long) cursor->nskipped,
						   cursor->spec->table_name, (long long) cursor->nskipped),
			 errdetail("The API answers 404 to a path with such a value, or no path can hold it.  The first is \"%s\".",
					   cursor->skipped),
			 errhint("Keys of letters, digits, \"_\" and \"-\" work; numbers can be changed in the application.")));
	cursor->nskipped = 0;
}

/* The next row, or that there is none now, or none any more. */
static WfmCursorState
run(WfmCursor *cursor, const WfmRow **row)
{
	*row = NULL;
	if (!cursor->opened)
		begin(cursor);

	for (;;)
	{
		WfmStep    *step;
		bool		ended;

		if (dlist_is_empty(&cursor->steps) && !read_list_for_odd_keys(cursor))
		{
			warn_of_skipped(cursor);
			return WFM_CURSOR_END;
		}
		if (cursor->channel == NULL)
			cursor->channel = wfm_channel_borrow(cursor->context);
		step = dlist_container(WfmStep, node, dlist_head_node(&cursor->steps));

		/* records that are there come first: no system call for those */
		if (cursor->decoder != NULL)
		{
			*row = wfm_records_next(cursor, step, &ended);
			if (*row != NULL)
				return WFM_CURSOR_ROW;
			if (!ended)
			{
				(void) wfm_channel_pump(cursor->channel);
				if (cursor->streaming &&
					wfm_transfer_received(step->transfer) == cursor->fed &&
					wfm_transfer_result(step->transfer) == NULL)
					return WFM_CURSOR_WAIT;
				continue;
			}
			drop_first(cursor, step);
			continue;
		}

		(void) wfm_channel_pump(cursor->channel);
		advance(cursor);
		switch (step->state)
		{
			case WFM_STEP_ANSWERED:
				wfm_records_begin(cursor, step);
				continue;
			case WFM_STEP_EMPTY:
				wfm_page_missing(cursor, step);
				drop_first(cursor, step);
				continue;
			case WFM_STEP_FAILED:
				CHECK_FOR_INTERRUPTS();
				wfm_problem_raise(step->problem);
				break;
			case WFM_STEP_RUNNING:
				if (cursor->spec->lazy &&
					wfm_transfer_status(step->transfer) == 200 &&
					wfm_transfer_received(step->transfer) > 0)
				{
					cursor->streaming = true;
					wfm_records_begin(cursor, step);
					continue;
				}
				return WFM_CURSOR_WAIT;
			case WFM_STEP_NEW:
			case WFM_STEP_PERMIT:
			case WFM_STEP_BACKOFF:
				return WFM_CURSOR_WAIT;
		}
	}
}

WfmCursorState
wfm_cursor_poll(WfmCursor *cursor, const WfmRow **row)
{
	WfmCursorState state = run(cursor, row);

	if (state == WFM_CURSOR_WAIT || cursor->told_wait)
		wfm_cursor_tell(cursor, state == WFM_CURSOR_WAIT);
	return state;
}

const WfmRow *
wfm_cursor_next(WfmCursor *cursor)
{
	const WfmRow *row;

	cursor->may_block = true;
	for (;;)
	{
		WfmCursorState state = wfm_cursor_poll(cursor, &row);
		WfmStep    *step;
		int64		start;
		long		timeout = -1;
		WfmWait		wait = WFM_WAIT_NETWORK;

		if (state != WFM_CURSOR_WAIT)
		{
			cursor->may_block = false;
			return row;
		}

		step = dlist_container(WfmStep, node, dlist_head_node(&cursor->steps));
		if (step->state == WFM_STEP_PERMIT)
			wait = WFM_WAIT_PERMIT;
		else if (step->state == WFM_STEP_BACKOFF)
			wait = WFM_WAIT_BACKOFF;

		/* the alarm makes the descriptor readable: no time-out is needed */
		start = wfm_monotonic_us();
		wfm_channel_wait(cursor->channel, timeout, wfm_wait_event(wait));
		if (wait == WFM_WAIT_PERMIT)
			cursor->stats.permit_us += wfm_monotonic_us() - start;
		else
			cursor->stats.network_us += wfm_monotonic_us() - start;
	}
}

/* Give back the permits of calls that ended; is any still under way? */
static bool
report_ended(WfmCursor *cursor)
{
	bool		running = false;
	dlist_iter	iter;

	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);
		const WfmHttpResult *result;

		if (step->state != WFM_STEP_RUNNING || step->reported)
			continue;
		result = wfm_transfer_result(step->transfer);
		if (result != NULL)
			wfm_step_report(cursor, step, result);
		else
			running = true;
	}
	return running;
}

void
wfm_cursor_serve_others(WfmCursor *cursor)
{
	dlist_iter	iter;

	dlist_foreach(iter, &open_cursors)
	{
		WfmCursor  *other = dlist_container(WfmCursor, node, iter.cur);

		if (other == cursor || other->channel == NULL)
			continue;

		/*
		 * What was taken here no longer makes its descriptor readable, and an
		 * Append may be asleep on that.
		 */
		if (wfm_channel_pump(other->channel))
			wfm_channel_set_alarm(other->channel, wfm_monotonic_us());
		(void) report_ended(other);
	}
}

void
wfm_cursor_settle(WfmCursor *cursor)
{
	int64		until = wfm_monotonic_us() +
		Min(Max(2 * cursor->longest_us, SETTLE_LEAST_US), SETTLE_MOST_US);
	dlist_iter	iter;

	if (cursor->channel == NULL)
		return;
	wfm_cursor_count(cursor);
	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

		if (step->state == WFM_STEP_PERMIT)
		{
			wfm_step_stop(step);
			step->state = WFM_STEP_NEW;
		}
	}
	for (;;)
	{
		bool		running = report_ended(cursor);
		int64		left = until - wfm_monotonic_us();

		if (!running || left <= 0)
			break;
		wfm_channel_wait(cursor->channel, Max(left / 1000, 1),
						 wfm_wait_event(WFM_WAIT_NETWORK));
	}

	dlist_foreach(iter, &cursor->steps)
	{
		WfmStep    *step = dlist_container(WfmStep, node, iter.cur);

		if (step->state != WFM_STEP_RUNNING || step->reported)
			continue;
		if (cursor->streaming && iter.cur == dlist_head_node(&cursor->steps))
		{
			/* its rows are being handed out: it goes on, without the slot */
			wfm_permit_drop(step->permit, true);
			step->permit = NULL;
			continue;
		}

		/* asked again when its turn comes, and no sooner: not for each FETCH */
		wfm_step_stop(step);
		step->state = WFM_STEP_NEW;
		cursor->no_ahead = true;
	}

	/* an asynchronous scan goes on when its descriptor is readable */
	wfm_channel_set_alarm(cursor->channel, wfm_monotonic_us());
}
