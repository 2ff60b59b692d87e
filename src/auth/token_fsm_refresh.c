/*
 * auth/token_fsm_refresh.c
 *		The token state machine's refresh: INTENT, POST, COMMIT, PUBLISH.
 *
 * The rules it cites are in the banner of token_fsm.c.
 */
#include "auth/token_fsm_internal.h"

/* ---- D1: INTENT ---- */

/* R7: until when the previous refresh token may be presented, if at all. */
static int64_t
previous_token_end(const WfmTokenFsm *fsm)
{
	if (!fsm->row.has_previous_token || fsm->config.grace_s <= 0)
		return INT64_MIN;
	return fsm->previous_first_use_mono_ms +
		fsm->config.grace_s * INT64_C(1000) - WFM_GRACE_MARGIN_MS;
}

/*
 * Express the row's times in the wall time of now, so that one clock offset
 * holds for all of them.
 */
static void
note_clock(const WfmTokenFsm *fsm, WfmGrantRow *row, const WfmFsmEvent *event)
{
	int64_t		offset_ms = event->wall_ms - event->mono_ms;

	row->clock_offset_ms = offset_ms;
	if (row->has_access_token)
	{
		row->access_obtained_ms = fsm->obtained_mono_ms + offset_ms;
		row->access_expires_ms = fsm->expires_mono_ms + offset_ms;
	}
	if (row->has_previous_token)
		row->previous_first_use_ms = fsm->previous_first_use_mono_ms + offset_ms;
}

/*
 * Start an attempt.  invalid_grant is believed when it came twice for the
 * current token; then the previous one is tried while its grace lasts (an
 * earlier request that arrived late may have replaced the pair we hold, P13);
 * then only a person can help.
 */
WfmFsmAction
wfm_fsm_begin(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	WfmFsmAction action;
	bool		opened = fsm->row.first_use_ms != WFM_TIME_NONE;

	if (!fsm->row.has_refresh_token)
		return wfm_fsm_mark(fsm, WFM_GRANT_NEEDS_AUTHORIZATION,
							WFM_TOKEN_ERR_NO_REFRESH);
	if (!opened)
	{
		fsm->row.refusals = 0;
		fsm->row.attempts = 0;
		fsm->maybe_used = false;
	}
	if (fsm->row.refusals < 2)
		fsm->token = WFM_TOKEN_CURRENT;
	else if (fsm->row.refusals == 2 && event->mono_ms < previous_token_end(fsm))
		fsm->token = WFM_TOKEN_PREVIOUS;
	else
		return wfm_fsm_mark(fsm, WFM_GRANT_NEEDS_AUTHORIZATION, WFM_TOKEN_ERR_GRANT);

	fsm->phase = WFM_PHASE_INTENT;
	fsm->pending = fsm->row;
	fsm->pending.state = WFM_GRANT_REFRESHING;
	fsm->pending.attempts++;
	if (!opened)				/* R5 */
	{
		fsm->first_use_mono_ms = event->mono_ms;
		fsm->pending.first_use_ms = event->wall_ms;
		note_clock(fsm, &fsm->pending, event);
	}
	action = wfm_fsm_act(fsm, WFM_ACT_WRITE_INTENT);
	action.row = fsm->pending;
	return action;
}

WfmFsmAction
wfm_fsm_on_intent(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	switch (event->write)
	{
		case WFM_WRITE_DONE:
			fsm->row = fsm->pending;
			fsm->store_tries = 0;
			if (fsm->stopping)
			{
				/* not sent yet: recovery at start will (R6) */
				fsm->phase = WFM_PHASE_BACKOFF;
				fsm->retry_mono_ms = event->mono_ms;
				return wfm_fsm_rest(fsm, event);
			}
			fsm->phase = WFM_PHASE_POSTING;
			fsm->sent_mono_ms = event->mono_ms;
			return wfm_fsm_act(fsm, WFM_ACT_POST);
		case WFM_WRITE_FENCED:
			return wfm_fsm_on_fenced(fsm);
		case WFM_WRITE_UNREADABLE:
			return wfm_fsm_on_unreadable(fsm, event);
		case WFM_WRITE_FAILED:
			break;
	}

	/* S01, S03: what cannot be written is not spent; the old token serves */
	fsm->error = WFM_TOKEN_ERR_STORE;
	fsm->phase = WFM_PHASE_BACKOFF;
	fsm->retry_mono_ms = event->mono_ms + wfm_fsm_store_delay(fsm, event->chance);
	return wfm_fsm_rest(fsm, event);
}

/* ---- D2, D3: POST and its answer ---- */

/*
 * Wait before presenting the same token again: full jitter, at most a minute.
 * Once the token may have been used for longer than a grace window, every
 * five minutes: the request may never have arrived.
 */
static WfmFsmAction
back_off(WfmTokenFsm *fsm, const WfmFsmEvent *event, WfmTokenError error,
		 int64_t at_least_ms)
{
	int64_t		ceiling = WFM_RETRY_BASE_MS << max_ms(0, min_ms(fsm->row.attempts - 1, 6));
	int64_t		delay = (int64_t) (event->chance * min_ms(ceiling, WFM_RETRY_CAP_MS));

	if (fsm->maybe_used &&
		event->mono_ms - fsm->first_use_mono_ms >= WFM_RETRY_WINDOW_MS)
		delay = WFM_RETRY_SLOW_MS;
	delay = max_ms(delay, max_ms(at_least_ms, WFM_RETRY_FLOOR_MS));
	fsm->phase = WFM_PHASE_BACKOFF;
	fsm->error = error;
	fsm->retry_mono_ms = event->mono_ms + delay;
	return wfm_fsm_rest(fsm, event);
}

WfmFsmAction
wfm_fsm_on_post_failed(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	/* Time does not mend a certificate: say so at once. */
	if (event->transport == WFM_NOT_TRUSTED)
		return wfm_fsm_mark(fsm, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_TRUST);
	if (event->transport != WFM_NOT_SENT)
		fsm->maybe_used = true;
	return back_off(fsm, event, WFM_TOKEN_ERR_NETWORK, 0);
}

/*
 * D4: what the row becomes.  Its times are taken from the steady clock and
 * noted in the wall time of now, so that a step of the wall clock during the
 * POST costs nothing (H09).
 */
WfmFsmAction
wfm_fsm_commit(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	WfmFsmAction action = wfm_fsm_act(fsm, WFM_ACT_COMMIT);
	WfmGrantRow *next = &fsm->pending;
	bool		grace = fsm->config.grace_s > 0;
	bool		used_current = fsm->token == WFM_TOKEN_CURRENT;
	int64_t		previous_first_use_mono_ms = fsm->previous_first_use_mono_ms;

	*next = fsm->row;
	next->generation++;
	next->state = WFM_GRANT_READY;
	next->first_use_ms = WFM_TIME_NONE;
	next->refusals = 0;
	next->has_refresh_token = true;
	next->last_error = WFM_TOKEN_OK;
	next->has_access_token = true;
	next->clock_offset_ms = event->wall_ms - event->mono_ms;
	next->access_obtained_ms = fsm->sent_mono_ms + next->clock_offset_ms;
	next->access_expires_ms = next->access_obtained_ms +
		fsm->answer.expires_in_s * INT64_C(1000);
	next->refresh_obtained_ms = next->access_obtained_ms;

	if (fsm->answer.has_refresh_token)
	{
		action.set_current = WFM_FROM_ANSWER;
		action.set_previous = used_current ? WFM_FROM_CURRENT : WFM_FROM_SELF;
		if (used_current)
		{
			next->has_previous_token = true;
			previous_first_use_mono_ms = fsm->first_use_mono_ms;
		}
	}
	else
	{
		/* P01: no new refresh token means the one presented stays good */
		action.set_current = used_current ? WFM_FROM_SELF : WFM_FROM_PREVIOUS;
		action.set_previous = used_current ? WFM_FROM_SELF : WFM_FROM_NOTHING;
		if (!used_current)
			next->has_previous_token = false;
	}
	if (!grace)
	{
		/* R7: never to be presented, so not kept either */
		action.set_previous = WFM_FROM_NOTHING;
		next->has_previous_token = false;
	}
	next->previous_first_use_ms = next->has_previous_token ?
		previous_first_use_mono_ms + next->clock_offset_ms : WFM_TIME_NONE;

	fsm->phase = WFM_PHASE_COMMITTING;
	action.row = *next;
	return action;
}

WfmFsmAction
wfm_fsm_on_answered(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	switch (event->answer.kind)
	{
		case WFM_ANSWER_TOKENS:
			fsm->answer = event->answer;
			fsm->answered_mono_ms = event->mono_ms;
			fsm->store_tries = 0;
			return wfm_fsm_commit(fsm, event);
		case WFM_ANSWER_INVALID_GRANT:

			/*
			 * Somebody may have stored a newer pair: look before repeating,
			 * and repeat once, five seconds later, before believing it.
			 */
			fsm->error = WFM_TOKEN_ERR_GRANT;
			fsm->row.refusals++;
			fsm->retry_mono_ms = event->mono_ms +
				(fsm->row.refusals == 1 ? WFM_CONFIRM_MS : WFM_RETRY_BASE_MS);
			return wfm_fsm_read_row(fsm);
		case WFM_ANSWER_CLIENT_ERROR:
			return wfm_fsm_mark(fsm, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_CLIENT);
		case WFM_ANSWER_THROTTLED:

			/*
			 * An unused token can wait as long as the provider wants; one
			 * that an earlier attempt may have used has a window running.
			 */
			return back_off(fsm, event, WFM_TOKEN_ERR_THROTTLED,
							min_ms(event->answer.retry_after_ms,
								   fsm->maybe_used ? WFM_RETRY_SLOW_MS :
								   WFM_THROTTLE_MAX_MS));
		case WFM_ANSWER_SERVER_ERROR:
			fsm->maybe_used = true;
			return back_off(fsm, event, WFM_TOKEN_ERR_SERVER, 0);
		case WFM_ANSWER_UNUSABLE:
			break;
	}
	fsm->maybe_used = true;
	return back_off(fsm, event, WFM_TOKEN_ERR_ANSWER, 0);
}

/* ---- D5: PUBLISH ---- */

/*
 * When to refresh what is being published.  A short-lived token is refreshed
 * at half its life, so that a life below the lead time makes no loop (P04).
 *
 * P13: if an earlier attempt of this refresh got no answer, its request may
 * still arrive and replace the pair we hold.  While its grace lasts the
 * previous token can mend that, so such a pair is refreshed once within it,
 * used or not: late enough for the twin to have come, early enough for a
 * crash and some retries.
 */
WfmFsmAction
wfm_fsm_publish(WfmTokenFsm *fsm, const WfmFsmEvent *event, int64_t obtained_mono_ms,
				bool twin_possible)
{
	WfmFsmAction action = wfm_fsm_act(fsm, WFM_ACT_PUBLISH);
	const WfmGrantRow *row = &fsm->row;
	int64_t		life = row->access_expires_ms - row->access_obtained_ms;
	int64_t		lead = WFM_LEAD_MS + (int64_t) (event->chance * WFM_LEAD_JITTER_MS);

	/* a life that a wrong clock made too long is cut (H09) */
	life = max_ms(0, min_ms(life, WFM_EXPIRES_MAX_S * INT64_C(1000)));
	lead = min_ms(lead, life / 2);
	fsm->obtained_mono_ms = obtained_mono_ms;
	fsm->expires_mono_ms = obtained_mono_ms + life;
	fsm->refresh_mono_ms = fsm->expires_mono_ms - lead;
	fsm->refresh_wall_ms = row->access_expires_ms - lead;
	fsm->settle_mono_ms = WFM_TIME_NEVER;
	if (twin_possible && event->mono_ms < previous_token_end(fsm))
		fsm->settle_mono_ms =
			min_ms(max_ms(fsm->previous_first_use_mono_ms + WFM_SETTLE_MS,
						  obtained_mono_ms + WFM_SETTLE_MIN_MS),
				   previous_token_end(fsm) - WFM_SETTLE_LAST_MS);
	fsm->in_use = false;
	fsm->rejected = false;

	fsm->phase = WFM_PHASE_PUBLISHING;
	action.row = *row;
	action.expires_mono_ms = fsm->expires_mono_ms;
	return action;
}

WfmFsmAction
wfm_fsm_on_commit(WfmTokenFsm *fsm, const WfmFsmEvent *event)
{
	switch (event->write)
	{
		case WFM_WRITE_DONE:
			fsm->row = fsm->pending;
			fsm->previous_first_use_mono_ms =
				fsm->row.previous_first_use_ms - fsm->row.clock_offset_ms;
			fsm->error = WFM_TOKEN_OK;
			fsm->store_tries = 0;
			return wfm_fsm_publish(fsm, event, fsm->sent_mono_ms,
								   fsm->maybe_used && fsm->answer.has_refresh_token);
		case WFM_WRITE_FENCED:

			/*
			 * S04, S05: re-seeded or deleted meanwhile: drop ours, take
			 * theirs.  Or our own commit had gone through although it was
			 * reported as failed: then theirs is ours.
			 */
			return wfm_fsm_on_fenced(fsm);
		case WFM_WRITE_FAILED:
		case WFM_WRITE_UNREADABLE:
			break;
	}

	/* S02: the new pair exists only here */
	fsm->error = WFM_TOKEN_ERR_STORE;
	fsm->phase = WFM_PHASE_COMMIT_WAIT;
	fsm->retry_mono_ms = event->mono_ms +
		min_ms(WFM_COMMIT_BASE_MS << min_ms(fsm->store_tries++, 7),
			   WFM_COMMIT_CAP_MS);
	return wfm_fsm_rest(fsm, event);
}
