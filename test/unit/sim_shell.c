/*
 * sim_shell.c
 *		The simulator's worker: POST, publication, and the loop around the
 *		state machine.
 */
#include "sim_world.h"

#include <math.h>
#include <string.h>

/* ---- POST ---- */

/* A request is on its way and will be processed, come what may. */
static void
send_request(World *world, int token, int64_t delay_ms, bool keep)
{
	for (int i = 0; i < TWINS_MAX; i++)
	{
		Request    *request = &world->requests[i];

		if (request->active)
			continue;
		*request = (Request)
		{
			true, token, world->nattempts - 1,
				world->now_ms + delay_ms, keep
		};
		return;
	}
}

static void
answer(World *world, WfmAnswerClass kind, int64_t delay_ms)
{
	world->result.answer.kind = kind;
	ends(world, WFM_EV_ANSWERED, delay_ms);
}

static void
do_post(World *world, const WfmFsmAction *action)
{
	bool		previous = action->token == WFM_TOKEN_PREVIOUS;
	int			token = previous ? world->intent_rt_prev : world->intent_rt;
	int			attempt = world->nattempts++;
	int64_t		latency = (int64_t) (600 * exp(1.1 * 1.7 * (chance(world) +
															chance(world) + chance(world) - 1.5)));

	trace(world, "POST token %d%s", token, previous ? " (previous)" : "");
	world->figures->posts++;
	world->fate[attempt] = FATE_PENDING;
	if (world->socket_token >= 0)
		violation(world, &world->figures->in_flight, "two requests in flight");
	if (!world->variant.no_intent &&
		(world->row.first_use_ms == WFM_TIME_NONE || world->intent != world->my_intent) &&
		world->row.generation == world->fsm.row.generation)
		violation(world, &world->figures->no_intent, "POST without an intent");
	if (world->row.state == WFM_GRANT_NEEDS_AUTHORIZATION &&
		world->row.generation == world->fsm.row.generation)
		violation(world, &world->figures->noise, "POST after giving up");
	if (previous && !world->grace)
		violation(world, &world->figures->noise, "previous token without grace");
	if (world->now_ms - world->last_post_ms < WFM_RETRY_FLOOR_MS)
		violation(world, &world->figures->noise, "POST without a pause");
	world->last_post_ms = world->now_ms;

	if (crash_point(world, "K04") || crash_point(world, "K05") ||
		crash_point(world, "K06") || crash_point(world, "K07"))
		return;
	if (happens(world, P_NETWORK_DOWN))
		world->network_down_until = fault_until(world);
	world->socket_token = token;
	world->result.transport = WFM_MAYBE_SENT;
	ends(world, WFM_EV_POST_FAILED, 60 * SECOND);	/* unless answered */

	if (world->now_ms < world->network_down_until || happens(world, P_NOT_SENT))
	{
		world->result.transport = WFM_NOT_SENT;
		ends(world, WFM_EV_POST_FAILED, upto(world, 10 * SECOND));
		world->fate[attempt] = FATE_CRASH_UNPROCESSED;
	}
	else if (happens(world, P_UNTRUSTED))
	{
		world->result.transport = WFM_NOT_TRUSTED;
		ends(world, WFM_EV_POST_FAILED, upto(world, SECOND));
		world->fate[attempt] = FATE_CRASH_UNPROCESSED;
		world->faults_ms += WFM_TRUST_RETRY_MS;
	}
	else if (happens(world, P_429))
	{
		world->result.answer.retry_after_ms = chance(world) < 0.5 ? -1 :
			upto(world, 10 * MINUTE);
		answer(world, WFM_ANSWER_THROTTLED, latency);
	}
	else if (happens(world, P_CLIENT_ERROR))
		answer(world, WFM_ANSWER_CLIENT_ERROR, latency);
	else if (world->refused == 0 && happens(world, P_HICCUP))
		answer(world, WFM_ANSWER_INVALID_GRANT, latency);
	else if (happens(world, P_5XX / 2))
		answer(world, WFM_ANSWER_SERVER_ERROR, latency);
	else if (happens(world, P_GARBAGE / 2))
		answer(world, WFM_ANSWER_UNUSABLE, latency);
	else if (happens(world, P_LOST / 2))
		ends(world, WFM_EV_POST_FAILED, upto(world, 60 * SECOND));
	else
	{
		if (happens(world, P_SLOW))
			latency += upto(world, 5 * MINUTE);
		send_request(world, token, latency,
					 world->row.attempts == 1 && happens(world, P_KEEP));

		/* K07/K08: die while the provider works */
		if (happens(world, P_CRASH))
			world->timers[T_CRASH] = world->now_ms + upto(world, latency);
	}
}

/* The provider handles a request; its client may be gone by then. */
void
process(World *world, Request *request)
{
	SimReply	reply = sim_server_refresh(&world->server, request->token,
										   request->attempt, world->now_ms,
										   request->keep);

	request->active = false;
	trace(world, "provider: token %d -> %s %d", request->token,
		  reply.granted ? "granted" : "refused", reply.token);
	if (reply.granted)
		world->at_expiry[request->attempt] = world->now_ms + AT_LIFE;
	if (!world->up || world->socket_token < 0 ||
		request->attempt != world->nattempts - 1)
		return;					/* a late twin (P13) */

	if (crash_point(world, "K08"))
		return;
	if (happens(world, P_LOST / 2))
	{
		world->fate[request->attempt] = FATE_ANSWER_LOST;
		ends(world, WFM_EV_POST_FAILED, upto(world, 30 * SECOND));
	}
	else if (happens(world, P_5XX / 2))
	{
		world->fate[request->attempt] = FATE_5XX_AFTER;
		answer(world, WFM_ANSWER_SERVER_ERROR, 50);
	}
	else if (happens(world, P_GARBAGE / 2))
	{
		world->fate[request->attempt] = FATE_GARBAGE_AFTER;
		answer(world, WFM_ANSWER_UNUSABLE, 50);
	}
	else if (!reply.granted)
		answer(world, WFM_ANSWER_INVALID_GRANT, 50);
	else
	{
		world->answer_rt = reply.token;
		world->answer_attempt = request->attempt;
		world->result.answer.has_refresh_token = reply.rotated;
		world->result.answer.expires_in_s = AT_LIFE / SECOND;
		answer(world, WFM_ANSWER_TOKENS, 50);
	}
}

/* The POST under way ends; false if the process died with its answer. */
bool
post_ended(World *world)
{
	const WfmFsmEvent *result = &world->result;
	int			attempt = world->nattempts - 1;

	world->timers[T_CRASH] = WFM_TIME_NEVER;
	if (result->kind == WFM_EV_POST_FAILED)
	{
		if (world->fate[attempt] == FATE_PENDING)
			world->fate[attempt] = FATE_TIMEOUT;
		world->faults_ms += world->now_ms - world->last_post_ms;
	}
	if (result->kind == WFM_EV_ANSWERED)
	{
		if (crash_point(world, "K09"))
			return false;
		if (result->answer.kind == WFM_ANSWER_INVALID_GRANT)
			world->refused++;
		if (result->answer.kind == WFM_ANSWER_CLIENT_ERROR)
			world->faults_ms += WFM_CONFIG_RETRY_MS;
		if (result->answer.kind == WFM_ANSWER_THROTTLED &&
			result->answer.retry_after_ms > 0)
			world->faults_ms += result->answer.retry_after_ms;
		world->crash_at_commit = result->answer.kind == WFM_ANSWER_TOKENS &&
			happens(world, P_CRASH);
	}
	world->socket_token = -1;
	return true;
}

static void
do_publish(World *world, const WfmFsmAction *action)
{
	if (crash_point(world, "K14"))
		return;
	if (action->row.generation > world->row.generation)
		violation(world, &world->figures->not_durable, "published before durable");
	world->shm_valid = action->row.has_access_token;
	world->shm_generation = action->row.generation;
	world->shm_expires_wall = action->row.access_expires_ms;
	world->shm_expires_mono = action->expires_mono_ms;
	world->shm_at = world->at_attempt;
	world->shm_in_use = world->shm_had_2xx = false;
	if (crash_point(world, "K15"))
		return;
	ends(world, WFM_EV_PUBLISHED, 0);
}

/* ---- the shell's loop ---- */

void
run_event(World *world, WfmFsmEvent event)
{
	WfmFsmAction action;
	bool		held = wfm_fsm_holds_answer(&world->fsm);

	event.wall_ms = wall(world);
	event.mono_ms = world->now_ms;
	event.chance = chance(world);
	action = wfm_fsm_step(&world->fsm, &event);
	if (action.kind == WFM_ACT_WAIT)
		return;
	trace(world, "%s (event %d)", wfm_fsm_action_name(action.kind), event.kind);

	world->action = action;
	world->busy = action.kind != WFM_ACT_SLEEP;
	memset(&world->result, 0, sizeof(world->result));
	switch (action.kind)
	{
		case WFM_ACT_READ_ROW:
			do_read(world);
			break;
		case WFM_ACT_WRITE_INTENT:
			do_intent(world, &action);
			break;
		case WFM_ACT_POST:
			do_post(world, &action);
			break;
		case WFM_ACT_COMMIT:
			do_commit(world, &action);
			break;
		case WFM_ACT_WRITE_STATE:
			do_write_state(world, &action);
			break;
		case WFM_ACT_PUBLISH:
			do_publish(world, &action);
			break;
		case WFM_ACT_EXIT:
			trace(world, "exit");
			if (held && world->answer_attempt >= 0 &&
				world->fate[world->answer_attempt] == FATE_PENDING)
				world->fate[world->answer_attempt] = FATE_STOPPED;
			world->up = world->busy = false;
			world->shm_valid = false;
			world->lives_since_good++;
			world->down_since_ms = world->now_ms;
			world->timers[T_OPERATION] = WFM_TIME_NEVER;
			world->timers[T_RESTART] = world->now_ms + 500 + upto(world, 10 * MINUTE);
			break;
		default:
			world->timers[T_OPERATION] = WFM_TIME_NEVER;
			break;
	}
}

void
run_kind(World *world, WfmFsmEventKind kind)
{
	WfmFsmEvent event = {.kind = kind,.in_use = world->shm_in_use};

	if (world->up)
		run_event(world, event);
}
