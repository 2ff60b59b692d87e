/*
 * token_bench.h
 *		A bench for the token state machine: the machine, a durable row, both
 *		clocks, and short words to drive it event by event.
 */
#ifndef WFM_TEST_TOKEN_BENCH_H
#define WFM_TEST_TOKEN_BENCH_H

#include "auth/token_fsm.h"
#include "tap.h"

#define SECOND	INT64_C(1000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY		(24 * HOUR)
#define GRACE	1800

typedef struct Bench
{
	WfmTokenFsm fsm;
	WfmFsmAction action;		/* the last one that was not WAIT */
	WfmGrantRow row;			/* durable */
	WfmFsmConfig config;
	int64_t		mono;
	int64_t		offset;			/* wall minus mono */
	double		chance;
	int			posts;
	int			commits;
} Bench;

__attribute__((unused)) static WfmFsmActionKind
send(Bench *b, WfmFsmEvent event)
{
	WfmFsmAction action;

	event.mono_ms = b->mono;
	event.wall_ms = b->mono + b->offset;
	event.chance = b->chance;
	event.row = &b->row;
	event.config = &b->config;
	action = wfm_fsm_step(&b->fsm, &event);
	if (action.kind != WFM_ACT_WAIT)
		b->action = action;
	b->posts += action.kind == WFM_ACT_POST;
	b->commits += action.kind == WFM_ACT_COMMIT;
	return action.kind;
}

__attribute__((unused)) static WfmFsmActionKind
tell(Bench *b, WfmFsmEventKind kind)
{
	WfmFsmEvent event = {.kind = kind};

	return send(b, event);
}

__attribute__((unused)) static WfmFsmActionKind
wrote(Bench *b, WfmFsmEventKind kind, WfmWriteResult result)
{
	WfmFsmEvent event = {.kind = kind,.write = result};

	if (result == WFM_WRITE_DONE)
		b->row = b->action.row;
	return send(b, event);
}

__attribute__((unused)) static WfmFsmActionKind
answer(Bench *b, WfmAnswerClass kind)
{
	WfmFsmEvent event = {.kind = WFM_EV_ANSWERED};

	event.answer.kind = kind;
	event.answer.has_refresh_token = true;
	event.answer.expires_in_s = 1800;
	event.answer.retry_after_ms = -1;
	return send(b, event);
}

__attribute__((unused)) static WfmFsmActionKind
no_answer(Bench *b, WfmTransport transport)
{
	WfmFsmEvent event = {.kind = WFM_EV_POST_FAILED,.transport = transport};

	return send(b, event);
}

__attribute__((unused)) static WfmFsmActionKind
unauthorized(Bench *b, int64_t generation, bool had_2xx)
{
	WfmFsmEvent event = {.kind = WFM_EV_UNAUTHORIZED,.generation = generation,.had_2xx = had_2xx};

	return send(b, event);
}

/* Time passes, and the machine is woken if it wanted to be. */
__attribute__((unused)) static WfmFsmActionKind
pass(Bench *b, int64_t ms)
{
	b->mono += ms;
	return tell(b, WFM_EV_TICK);
}

/* Sleeps until the machine wants to be woken. */
__attribute__((unused)) static WfmFsmActionKind
wake(Bench *b)
{
	int64_t		wall = b->action.wake_wall_ms;
	int64_t		due = b->action.wake_mono_ms;

	if (wall != WFM_TIME_NEVER && wall - b->offset < due)
		due = wall - b->offset;
	if (b->action.kind != WFM_ACT_SLEEP || due == WFM_TIME_NEVER)
		return b->action.kind;
	if (due > b->mono)
		b->mono = due;
	return tell(b, WFM_EV_TICK);
}

/* Starts a process on the durable row, up to the end of publication. */
__attribute__((unused)) static WfmFsmActionKind
boot(Bench *b)
{
	wfm_fsm_init(&b->fsm);
	tell(b, WFM_EV_START);
	tell(b, WFM_EV_ROW_LOADED);
	return b->action.kind == WFM_ACT_PUBLISH ? tell(b, WFM_EV_PUBLISHED) : b->action.kind;
}

/* A ready grant, one minute old, in generation 7. */
__attribute__((unused)) static void
fresh(Bench *b, int grace_s)
{
	memset(b, 0, sizeof(*b));
	b->mono = 5 * DAY;
	b->offset = INT64_C(1770000000000);
	b->config.grace_s = grace_s;
	b->config.refresh_token_days = 60;
	b->row.generation = 7;
	b->row.has_refresh_token = true;
	b->row.has_access_token = true;
	b->row.access_obtained_ms = b->mono + b->offset - MINUTE;
	b->row.access_expires_ms = b->row.access_obtained_ms + 30 * MINUTE;
	b->row.refresh_obtained_ms = b->row.access_obtained_ms;
	b->row.clock_offset_ms = b->offset;
	boot(b);
}

/* The same, with a POST of its refresh token under way. */
__attribute__((unused)) static void
posting(Bench *b, int grace_s)
{
	fresh(b, grace_s);
	b->mono += 30 * MINUTE;
	tell(b, WFM_EV_DEMAND);
	wrote(b, WFM_EV_INTENT, WFM_WRITE_DONE);
}

/* From a backoff to the next POST. */
__attribute__((unused)) static WfmFsmActionKind
post_again(Bench *b)
{
	return wake(b) == WFM_ACT_WRITE_INTENT ?
		wrote(b, WFM_EV_INTENT, WFM_WRITE_DONE) : b->action.kind;
}

/* Refused, and the row read again: nothing newer in it. */
__attribute__((unused)) static WfmFsmActionKind
refuse(Bench *b)
{
	if (answer(b, WFM_ANSWER_INVALID_GRANT) != WFM_ACT_READ_ROW)
		return b->action.kind;
	return tell(b, WFM_EV_ROW_LOADED);
}

/* The whole of a good refresh from POST on. */
__attribute__((unused)) static WfmFsmActionKind
succeed(Bench *b)
{
	answer(b, WFM_ANSWER_TOKENS);
	wrote(b, WFM_EV_COMMIT, WFM_WRITE_DONE);
	return tell(b, WFM_EV_PUBLISHED);
}

#define is_act(got, expected, name) \
	is_str(wfm_fsm_action_name(got), wfm_fsm_action_name(expected), name)

__attribute__((unused)) static void
is_state(const Bench *b, WfmGrantState state, WfmTokenError error, const char *name)
{
	WfmTokenError got;
	WfmGrantState shown = wfm_fsm_status(&b->fsm, &got);

	if (!ok(shown == state && got == error, "%s", name))
		printf("#   %s, %s\n", wfm_grant_state_name(shown), wfm_token_error_name(got));
}

#endif							/* WFM_TEST_TOKEN_BENCH_H */
