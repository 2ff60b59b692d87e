/*
 * auth/token_fsm_internal.h
 *		What the files of the token state machine share.  Nobody else includes
 *		it.
 *
 * Every function that gives an action has put the machine into the phase that
 * goes with it.
 */
#ifndef WFM_AUTH_TOKEN_FSM_INTERNAL_H
#define WFM_AUTH_TOKEN_FSM_INTERNAL_H

#include "auth/token_fsm.h"

static inline int64_t
min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
max_ms(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- token_fsm.c ---- */

/* An action of this kind and nothing else in it. */
extern WfmFsmAction wfm_fsm_act(const WfmTokenFsm *fsm, WfmFsmActionKind kind);

/* What the phase, a resting one, does now. */
extern WfmFsmAction wfm_fsm_rest(WfmTokenFsm *fsm, const WfmFsmEvent *event);

extern WfmFsmAction wfm_fsm_read_row(WfmTokenFsm *fsm);

/* How long to wait before the row is tried again; counts the failure. */
extern int64_t wfm_fsm_store_delay(WfmTokenFsm *fsm, double chance);

/* A write was fenced off, or found that the row cannot be unsealed. */
extern WfmFsmAction wfm_fsm_on_fenced(WfmTokenFsm *fsm);
extern WfmFsmAction wfm_fsm_on_unreadable(WfmTokenFsm *fsm,
										  const WfmFsmEvent *event);

/* Give up, in the row as well: needs_authorization or config_error. */
extern WfmFsmAction wfm_fsm_mark(WfmTokenFsm *fsm, WfmGrantState state,
								 WfmTokenError error);

/* ---- token_fsm_refresh.c ---- */

/* Start an attempt. */
extern WfmFsmAction wfm_fsm_begin(WfmTokenFsm *fsm, const WfmFsmEvent *event);

/* (Again) ask for the answer in memory to be stored. */
extern WfmFsmAction wfm_fsm_commit(WfmTokenFsm *fsm, const WfmFsmEvent *event);

/*
 * Publish fsm->row, whose access token was obtained then.  twin_possible: see
 * P13 at the function.
 */
extern WfmFsmAction wfm_fsm_publish(WfmTokenFsm *fsm, const WfmFsmEvent *event,
									int64_t obtained_mono_ms,
									bool twin_possible);

/* The ends of the three operations of a refresh. */
extern WfmFsmAction wfm_fsm_on_intent(WfmTokenFsm *fsm,
									  const WfmFsmEvent *event);
extern WfmFsmAction wfm_fsm_on_answered(WfmTokenFsm *fsm,
										const WfmFsmEvent *event);
extern WfmFsmAction wfm_fsm_on_post_failed(WfmTokenFsm *fsm,
										   const WfmFsmEvent *event);
extern WfmFsmAction wfm_fsm_on_commit(WfmTokenFsm *fsm,
									  const WfmFsmEvent *event);

#endif							/* WFM_AUTH_TOKEN_FSM_INTERNAL_H */
