/*
 * auth/token_fsm.c
 *		The state machine that keeps one OAuth grant alive.
 *
 * The steps of a refresh:
 *	D0 decide		5 min before expiry (jittered), after a 401, for keep-alive
 *	D1 INTENT		first_use becomes durable before the first byte leaves
 *	D2 POST			one request, fresh connection
 *	D3 parse		only what is needed to keep the grant (oauth_answer.c)
 *	D4 COMMIT		the new pair, retried from memory for as long as we live
 *	D5 PUBLISH		to shared memory, generation last
 * The rules:
 *	R1	The intent is durable before the POST.  Every attempt writes it again,
 *		which proves the row writable and finds out whether it was re-seeded.
 *	R2	Never two requests with one refresh token in flight.
 *	R3	Published means durable.
 *	R4	No exit between POST and COMMIT.
 *	R5	first_use is never overwritten by a retry: it is the provider's clock
 *		for its grace window.
 *	R6	At start, rows with an open intent are dealt with first, demand or no
 *		demand: a grace window is running.
 *	R7	The client's credentials go where the profile says.  Without a grace
 *		window the previous refresh token is never presented.
 *	R8	A connection nobody uses refreshes only to keep its grant alive.
 * The points: K01-K17 are where a crash can hit (K01-K03 before and in D1,
 * K04-K07 sent or not but not processed, K08-K11 processed and not committed,
 * K12-K17 after), S01-S08 are faults of the store, P01-P13 ways of the
 * provider (P13: an earlier request of ours arrives late), H09 is the clock.
 *
 * One function for each event that an operation ends with, and wfm_fsm_rest(),
 * which says what a resting phase does now.
 */
#include "auth/token_fsm_internal.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

/*
 * A durable wall time on the steady clock, which no step of the wall clock
 * moves (H09).  offset_ms is wall minus mono when the time was noted; if that
 * is not known (another boot), the wall clock is believed, but never about
 * the future.
 */
static int64_t
steady(const WfmFsmEvent *event, int64_t wall_ms, int64_t offset_ms)
{
	if (offset_ms == WFM_TIME_NONE)
		offset_ms = event->wall_ms - event->mono_ms;
	return min_ms(wall_ms - offset_ms, event->mono_ms);
}

/* ---- actions ---- */

WfmFsmAction
wfm_fsm_act(const WfmTokenFsm *fsm, WfmFsmActionKind kind)
{
	WfmFsmAction action;

	memset(&action, 0, sizeof(action));
	action.kind = kind;
	action.token = fsm->token;
	action.wake_mono_ms = WFM_TIME_NEVER;
	action.wake_wall_ms = WFM_TIME_NEVER;
	return action;
}

static WfmFsmAction
sleep_until(const WfmTokenFsm *fsm, int64_t mono_ms, int64_t wall_ms)
{
	WfmFsmAction action = wfm_fsm_act(fsm, WFM_ACT_SLEEP);

	action.wake_mono_ms = mono_ms;
	action.wake_wall_ms = wall_ms;
	return action;
}

WfmFsmAction
wfm_fsm_read_row(WfmTokenFsm *fsm)
{
	fsm->phase = WFM_PHASE_READING;
	fsm->reread = false;
	return wfm_fsm_act(fsm, WFM_ACT_READ_ROW);
}

/* Before the row is tried again: doubling, half of it by chance. */
int64_t
wfm_fsm_store_delay(WfmTokenFsm *fsm, double chance)
{
	int64_t		ceiling = WFM_RETRY_BASE_MS << min_ms(fsm->store_tries++, 6);

	ceiling = min_ms(ceiling, WFM_RETRY_CAP_MS);
	return (int64_t) ((0.5 + 0.5 * chance) * ceiling);
}

/* Somebody changed the row under us: see what stands there now. */
WfmFsmAction
wfm_fsm_on_fenced(WfmTokenFsm *fsm)
{
	fsm->fenced = true;
	return wfm_fsm_read_row(fsm);
}

/* ---- giving up, for now or until somebody acts ---- */

/*
 * Make a state durable in which nothing is sent.  An open intent stays open
 * in config_error: the refresh token may have been used by an earlier
 * attempt, and its clock runs on.
 */
WfmFsmAction
wfm_fsm_mark(WfmTokenFsm *fsm, WfmGrantState state, WfmTokenError error)
{
	WfmFsmAction action;

	fsm->phase = WFM_PHASE_MARKING;
	fsm->error = error;
	fsm->pending = fsm->row;
	fsm->pending.state = state;
	fsm->pending.last_error = error;
	if (state == WFM_GRANT_NEEDS_AUTHORIZATION)
		fsm->pending.first_use_ms = WFM_TIME_NONE;
	action = wfm_fsm_act(fsm, WFM_ACT_WRITE_STATE);
	action.row = fsm->pending;
	return action;
}

/* S08: the row cannot be unsealed.  Nothing is written, nothing is sent. */
WfmFsmAction
wfm_fsm_on_unreadable(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	fsm->phase = WFM_PHASE_SILENT;
	fsm->row.unreadable = true;
	fsm->error = WFM_TOKEN_ERR_KEY;
	fsm->retry_mono_ms = event->mono_ms + WFM_CONFIG_RETRY_MS;
	return wfm_fsm_rest(fsm, event);
}

/* ---- D0: is a refresh wanted? ---- */

/*
 * R8: when an unused refresh token must be exchanged so that it does not die.
 * An age that is unknown, or that a wrong clock put into the future (H09),
 * counts as overdue: the exchange makes it known.
 */
static int64_t
keepalive_wall(const WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	int64_t		obtained = fsm->row.refresh_obtained_ms;
	int64_t		life = fsm->config.refresh_token_days * DAY_MS;

	if (obtained == WFM_TIME_NONE || obtained > event->wall_ms + DAY_MS)
		return event->wall_ms;
	return obtained + min_ms(WFM_KEEPALIVE_MAX_MS, life / 4);
}

/* Both clocks are asked, and the earlier one wins (H09). */
static bool
access_token_lives(const WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	return fsm->row.has_access_token &&
		event->wall_ms < fsm->row.access_expires_ms &&
		event->mono_ms < fsm->expires_mono_ms;
}

/* Is it time to refresh an access token that is in use? */
static bool
in_lead_time(const WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	return !access_token_lives(fsm, event) ||
		event->wall_ms >= fsm->refresh_wall_ms ||
		event->mono_ms >= fsm->refresh_mono_ms;
}

/* ---- the row, as read ---- */

/*
 * What the published row asks for.  An open intent is taken up at once (R6);
 * that the old access token has just been published costs it nothing and
 * lets backends work meanwhile.
 */
static WfmFsmAction
settle(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	fsm->phase = WFM_PHASE_IDLE;
	if (!fsm->config.read_only)
	{
		if (fsm->row.state == WFM_GRANT_NEEDS_AUTHORIZATION)
		{
			fsm->phase = WFM_PHASE_SILENT;
			fsm->retry_mono_ms = WFM_TIME_NEVER;
		}
		else if (fsm->row.state == WFM_GRANT_CONFIG_ERROR &&
				 event->mono_ms < fsm->retry_mono_ms)
			fsm->phase = WFM_PHASE_SILENT;
		else if (fsm->row.state == WFM_GRANT_CONFIG_ERROR ||
				 fsm->row.first_use_ms != WFM_TIME_NONE)
			fsm->phase = WFM_PHASE_BACKOFF;
	}
	return wfm_fsm_rest(fsm, event);
}

static WfmFsmAction
on_row_loaded(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	bool		same = fsm->known && !fsm->row.unreadable &&
		fsm->row.generation == event->row->generation &&
		fsm->config.read_only == event->config->read_only;
	bool		retry = !same || fsm->config.revision != event->config->revision;
	bool		fenced = same && fsm->fenced;
	int32_t		refusals = retry ? event->row->refusals : fsm->row.refusals;
	int64_t		first_use_ms = same ? fsm->row.first_use_ms : WFM_TIME_NONE;

	fsm->config = *event->config;
	fsm->row = *event->row;
	fsm->known = true;
	fsm->fenced = false;
	fsm->unwritten = false;
	fsm->read_mono_ms = event->mono_ms + WFM_REPLICA_POLL_MS;
	if (fsm->row.unreadable)
		return wfm_fsm_on_unreadable(fsm, event);

	/*
	 * Refusals of this process are durable only from the next intent on; and
	 * what it has opened stays open, should the row not say so.
	 */
	fsm->row.refusals = (int32_t) max_ms(refusals, fsm->row.refusals);
	if (fsm->row.first_use_ms == WFM_TIME_NONE &&
		fsm->row.state != WFM_GRANT_NEEDS_AUTHORIZATION)
		fsm->row.first_use_ms = first_use_ms;
	if (retry)
	{
		fsm->retry_mono_ms = event->mono_ms;
		fsm->error = fsm->row.last_error;
	}
	if (same && retry && fsm->row.state == WFM_GRANT_NEEDS_AUTHORIZATION)
	{
		/* changed settings may help: start over */
		fsm->row.state = WFM_GRANT_READY;
		fsm->row.refusals = 0;
		fsm->rejected = true;
	}
	if (fenced && fsm->row.state != WFM_GRANT_NEEDS_AUTHORIZATION)
	{
		/* fenced off, and yet nothing newer is there: no haste */
		fsm->phase = WFM_PHASE_BACKOFF;
		fsm->retry_mono_ms = event->mono_ms + wfm_fsm_store_delay(fsm, event->chance);
		return wfm_fsm_rest(fsm, event);
	}
	if (same)
		return settle(fsm, event);
	fsm->store_tries = 0;

	/* K13: publish what is durable; an intent left open may have been sent */
	fsm->maybe_used = true;
	fsm->first_use_mono_ms =
		steady(event, fsm->row.first_use_ms, fsm->row.clock_offset_ms);
	fsm->previous_first_use_mono_ms =
		steady(event, fsm->row.previous_first_use_ms, fsm->row.clock_offset_ms);
	return wfm_fsm_publish(fsm, event,
						   steady(event, fsm->row.access_obtained_ms,
								  fsm->row.clock_offset_ms),
						   fsm->row.attempts > 1);
}

static WfmFsmAction
on_row_absent(WfmTokenFsm *fsm)
{
	fsm->known = false;
	memset(&fsm->row, 0, sizeof(fsm->row));
	fsm->error = WFM_TOKEN_OK;
	fsm->forgetting = true;
	fsm->phase = WFM_PHASE_PUBLISHING;
	return wfm_fsm_act(fsm, WFM_ACT_FORGET);
}

static WfmFsmAction
on_state_written(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	bool		config_error = fsm->pending.state == WFM_GRANT_CONFIG_ERROR;

	if (event->write == WFM_WRITE_FENCED)
		return wfm_fsm_on_fenced(fsm);
	fsm->row = fsm->pending;
	fsm->phase = WFM_PHASE_SILENT;
	fsm->unwritten = event->write != WFM_WRITE_DONE;
	if (config_error)
		fsm->retry_mono_ms = event->mono_ms +
			(fsm->pending.last_error == WFM_TOKEN_ERR_TRUST
			 ? WFM_TRUST_RETRY_MS : WFM_CONFIG_RETRY_MS);
	else if (fsm->unwritten)
		fsm->retry_mono_ms = event->mono_ms + WFM_STORE_RETRY_MS;
	else
		fsm->retry_mono_ms = WFM_TIME_NEVER;
	return wfm_fsm_rest(fsm, event);
}

/* ---- resting phases ---- */

static WfmFsmAction
rest_idle(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	int64_t		wake_mono = fsm->settle_mono_ms;
	int64_t		wake_wall;

	if (fsm->config.read_only)
	{
		if (event->mono_ms >= fsm->read_mono_ms)
			return wfm_fsm_read_row(fsm);
		return sleep_until(fsm, fsm->read_mono_ms, WFM_TIME_NEVER);
	}
	if (!fsm->row.has_refresh_token)
	{
		if (!access_token_lives(fsm, event))
			return wfm_fsm_mark(fsm, WFM_GRANT_NEEDS_AUTHORIZATION,
								WFM_TOKEN_ERR_NO_REFRESH);
		return sleep_until(fsm, fsm->expires_mono_ms,
						   fsm->row.access_expires_ms);
	}

	wake_wall = keepalive_wall(fsm, event);
	if (fsm->rejected ||
		(fsm->in_use && in_lead_time(fsm, event)) ||
		event->mono_ms >= wake_mono ||
		event->wall_ms >= wake_wall)
		return wfm_fsm_begin(fsm, event);

	/* a token nobody has taken so far may be in use when its time comes */
	if (!in_lead_time(fsm, event))
	{
		wake_mono = min_ms(wake_mono, fsm->refresh_mono_ms);
		wake_wall = min_ms(wake_wall, fsm->refresh_wall_ms);
	}
	return sleep_until(fsm, wake_mono, wake_wall);
}

/* R4: a pair that is not durable is kept, after a stop request for a minute. */
static WfmFsmAction
rest_commit_wait(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	int64_t		give_up = WFM_TIME_NEVER;

	if (fsm->stopping)
		give_up = WFM_STOP_COMMIT_MS +
			max_ms(fsm->stop_mono_ms, fsm->answered_mono_ms);

	if (event->mono_ms >= give_up)
	{
		fsm->phase = WFM_PHASE_STOPPED;
		return wfm_fsm_act(fsm, WFM_ACT_EXIT);
	}
	if (event->mono_ms >= fsm->retry_mono_ms)
		return wfm_fsm_commit(fsm, event);
	return sleep_until(fsm, min_ms(fsm->retry_mono_ms, give_up),
					   WFM_TIME_NEVER);
}

static WfmFsmAction
rest_silent(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	if (event->mono_ms < fsm->retry_mono_ms)
		return sleep_until(fsm, fsm->retry_mono_ms, WFM_TIME_NEVER);
	if (fsm->row.unreadable)
		return wfm_fsm_read_row(fsm);
	if (fsm->row.state == WFM_GRANT_NEEDS_AUTHORIZATION)
		return wfm_fsm_mark(fsm, fsm->row.state, fsm->row.last_error);
	return wfm_fsm_begin(fsm, event);
}

WfmFsmAction
wfm_fsm_rest(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	if (fsm->phase == WFM_PHASE_COMMIT_WAIT)
		return rest_commit_wait(fsm, event);
	if (fsm->stopping)
	{
		fsm->phase = WFM_PHASE_STOPPED;
		return wfm_fsm_act(fsm, WFM_ACT_EXIT);
	}
	if (fsm->reread)
		return wfm_fsm_read_row(fsm);

	switch (fsm->phase)
	{
		case WFM_PHASE_IDLE:
			return rest_idle(fsm, event);
		case WFM_PHASE_SILENT:
			return rest_silent(fsm, event);
		case WFM_PHASE_BACKOFF:
			if (event->mono_ms >= fsm->retry_mono_ms)
				return wfm_fsm_begin(fsm, event);
			return sleep_until(fsm, fsm->retry_mono_ms, WFM_TIME_NEVER);
		case WFM_PHASE_UNREAD:
			if (event->mono_ms >= fsm->read_mono_ms)
				return wfm_fsm_read_row(fsm);
			return sleep_until(fsm, fsm->read_mono_ms, WFM_TIME_NEVER);
		default:				/* ABSENT */
			return sleep_until(fsm, WFM_TIME_NEVER, WFM_TIME_NEVER);
	}
}

/* ---- events ---- */

/* Is an operation outstanding?  Then only its result moves the machine. */
static bool
is_busy(const WfmTokenFsm *fsm)
{
	switch (fsm->phase)
	{
		case WFM_PHASE_READING:
		case WFM_PHASE_INTENT:
		case WFM_PHASE_POSTING:
		case WFM_PHASE_COMMITTING:
		case WFM_PHASE_PUBLISHING:
		case WFM_PHASE_MARKING:
			return true;
		default:
			return false;
	}
}

/*
 * A 401 asks for a refresh, unless the token it is about has been replaced, or
 * is so young that a new one would be refused as well.  One that has had a 2xx
 * was good, and young or not has been revoked since.
 */
static void
note_unauthorized(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	bool		young = event->mono_ms - fsm->obtained_mono_ms < WFM_YOUNG_MS;

	if (fsm->known && event->generation == fsm->row.generation &&
		(event->had_2xx || !young))
		fsm->rejected = true;
}

/* The operation a result belongs to, as the phase that waits for it. */
static WfmFsmPhase
awaited_in(WfmFsmEventKind kind)
{
	switch (kind)
	{
		case WFM_EV_ROW_LOADED:
		case WFM_EV_ROW_ABSENT:
		case WFM_EV_ROW_UNAVAILABLE:
			return WFM_PHASE_READING;
		case WFM_EV_INTENT:
			return WFM_PHASE_INTENT;
		case WFM_EV_ANSWERED:
		case WFM_EV_POST_FAILED:
			return WFM_PHASE_POSTING;
		case WFM_EV_COMMIT:
			return WFM_PHASE_COMMITTING;
		case WFM_EV_STATE_WRITTEN:
			return WFM_PHASE_MARKING;
		case WFM_EV_PUBLISHED:
			return WFM_PHASE_PUBLISHING;
		default:
			return WFM_PHASE_STOPPED;	/* no result of an operation */
	}
}

/* Moves on with the result of the operation that was outstanding. */
static WfmFsmAction
on_result(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	switch (event->kind)
	{
		case WFM_EV_ROW_LOADED:
			return on_row_loaded(fsm, event);
		case WFM_EV_ROW_ABSENT:
			return on_row_absent(fsm);
		case WFM_EV_INTENT:
			return wfm_fsm_on_intent(fsm, event);
		case WFM_EV_ANSWERED:
			return wfm_fsm_on_answered(fsm, event);
		case WFM_EV_POST_FAILED:
			return wfm_fsm_on_post_failed(fsm, event);
		case WFM_EV_COMMIT:
			return wfm_fsm_on_commit(fsm, event);
		case WFM_EV_STATE_WRITTEN:
			return on_state_written(fsm, event);
		case WFM_EV_PUBLISHED:
			if (!fsm->forgetting)
				return settle(fsm, event);
			fsm->forgetting = false;
			fsm->phase = WFM_PHASE_ABSENT;
			return wfm_fsm_rest(fsm, event);
		default:				/* ROW_UNAVAILABLE */
			fsm->error = WFM_TOKEN_ERR_STORE;
			fsm->phase = WFM_PHASE_UNREAD;
			fsm->read_mono_ms = event->mono_ms + wfm_fsm_store_delay(fsm, event->chance);
			return wfm_fsm_rest(fsm, event);
	}
}

void
wfm_fsm_init(WfmTokenFsm *fsm)
{
	memset(fsm, 0, sizeof(*fsm));
	fsm->phase = WFM_PHASE_START;
	fsm->settle_mono_ms = WFM_TIME_NEVER;
}

WfmFsmAction
wfm_fsm_step(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	if (fsm->phase == awaited_in(event->kind))
		return on_result(fsm, event);

	switch (event->kind)
	{
		case WFM_EV_TICK:
			fsm->in_use |= event->in_use;
			break;
		case WFM_EV_DEMAND:
			fsm->in_use = true;
			if (fsm->phase == WFM_PHASE_ABSENT)
				fsm->reread = true;
			break;
		case WFM_EV_UNAUTHORIZED:
			note_unauthorized(fsm, event);
			break;
		case WFM_EV_CHANGED:
			fsm->reread = true;
			break;
		case WFM_EV_SHUTDOWN:
			if (!fsm->stopping)
				fsm->stop_mono_ms = event->mono_ms;
			fsm->stopping = true;
			break;
		default:
			break;
	}
	if (is_busy(fsm))
		return wfm_fsm_act(fsm, WFM_ACT_WAIT);
	if (fsm->phase == WFM_PHASE_STOPPED)
		return wfm_fsm_act(fsm, WFM_ACT_EXIT);
	if (fsm->phase == WFM_PHASE_START && !fsm->stopping)
		return wfm_fsm_read_row(fsm);
	return wfm_fsm_rest(fsm, event);
}

bool
wfm_fsm_is_resting(const WfmTokenFsm *fsm)
{
	return !is_busy(fsm) &&
		fsm->phase != WFM_PHASE_START &&
		fsm->phase != WFM_PHASE_STOPPED &&
		fsm->phase != WFM_PHASE_COMMIT_WAIT;
}

bool
wfm_fsm_holds_answer(const WfmTokenFsm *fsm)
{
	return fsm->phase == WFM_PHASE_COMMITTING ||
		fsm->phase == WFM_PHASE_COMMIT_WAIT;
}

bool
wfm_fsm_intent_is_open(const WfmTokenFsm *fsm)
{
	return fsm->known && fsm->row.first_use_ms != WFM_TIME_NONE;
}

WfmGrantState
wfm_fsm_status(const WfmTokenFsm *fsm, WfmTokenError *error)
{
	if (error)
		*error = fsm->error;
	if (fsm->row.unreadable)
		return WFM_GRANT_CONFIG_ERROR;
	switch (fsm->phase)
	{
		case WFM_PHASE_INTENT:
		case WFM_PHASE_POSTING:
		case WFM_PHASE_BACKOFF:
		case WFM_PHASE_COMMITTING:
		case WFM_PHASE_COMMIT_WAIT:
			return WFM_GRANT_REFRESHING;
		case WFM_PHASE_MARKING:
			return fsm->pending.state;
		default:
			return fsm->row.state;
	}
}
