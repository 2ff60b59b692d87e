/*
 * sim_world.c
 *		The simulator's world: chance, crashes, and the durable row.
 */
#include "sim_world.h"

#include <math.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const fate_names[] = {
	"pending", "committed", "crash before processing", "crash K08-K11",
	"answer lost", "timeout", "5xx after processing", "cut answer",
	"fenced", "stopped"
};

/* ---- chance (splitmix64) ---- */

double
chance(World *world)
{
	uint64_t	z = (world->rng += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double) ((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

bool
happens(World *world, double p)
{
	return chance(world) < p && !world->calm;
}

int64_t
upto(World *world, int64_t ms)
{
	return (int64_t) (chance(world) * ms);
}

int64_t
exponential(World *world, int64_t mean_ms)
{
	return (int64_t) (-log(1.0 - chance(world)) * mean_ms) + 1;
}

void
trace(World *world, const char *format,...)
{
	va_list		args;

	if (!world->trace)
		return;
	printf("# %10.3f %-11s ", world->now_ms / 1000.0,
		   world->up ? wfm_fsm_phase_name(world->fsm.phase) : "down");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void
violation(World *world, int64_t * figure, const char *what)
{
	static int	shown;

	(*figure)++;
	trace(world, "VIOLATION: %s", what);
	if (!world->variant.no_intent && !world->variant.lazy_recovery && shown++ < 20)
		printf("# %s, mode %s, schedule %" PRIu64 ", %.3f s\n", what,
			   sim_mode_name(world->server.mode), world->seed,
			   world->now_ms / 1000.0);
}

const char *
fate_name(Fate fate)
{
	return fate_names[fate];
}

int64_t
wall(const World *world)
{
	return world->now_ms + world->wall_offset_ms;
}

/* ---- crash and restart ---- */

void
crash(World *world, const char *where)
{
	int64_t		outage;

	trace(world, "crash: %s", where);
	world->figures->crashes++;
	world->lives_since_good++;
	world->up = false;
	world->busy = false;
	world->shm_valid = false;
	if (world->socket_token >= 0)
	{
		int			attempt = world->nattempts - 1;

		if (world->fate[attempt] == FATE_PENDING)
			world->fate[attempt] = FATE_CRASH_K08_K11;
		world->socket_token = -1;
	}
	if (world->answer_attempt >= 0)
	{
		if (world->fate[world->answer_attempt] == FATE_PENDING)
			world->fate[world->answer_attempt] = FATE_CRASH_K08_K11;
		world->answer_attempt = -1;
	}
	outage = chance(world) < 0.85 ? 500 + upto(world, 2 * MINUTE) :
		upto(world, 15 * MINUTE);
	world->timers[T_RESTART] = world->now_ms + outage;
	world->timers[T_OPERATION] = WFM_TIME_NEVER;
	world->timers[T_CRASH] = WFM_TIME_NEVER;
	world->down_since_ms = world->now_ms;
}

/* One crash point; true if the process died there. */
bool
crash_point(World *world, const char *where)
{
	if (!happens(world, P_CRASH))
		return false;
	crash(world, where);
	return true;
}

void
start(World *world)
{
	WfmFsmEvent event = {.kind = WFM_EV_START};

	world->up = true;
	world->faults_ms += world->now_ms - world->down_since_ms;
	world->timers[T_RESTART] = WFM_TIME_NEVER;
	world->my_intent = -1;
	world->answer_attempt = -1;
	world->last_post_ms = -WFM_TIME_NEVER / 2;
	world->socket_token = -1;
	wfm_fsm_init(&world->fsm);
	trace(world, "start");
	run_event(world, event);
}

/* A fault that lasts up to 5 min. */
int64_t
fault_until(World *world)
{
	int64_t		length = upto(world, 5 * MINUTE);

	world->faults_ms += length;
	return world->now_ms + length;
}

/* ---- the durable row ---- */

static bool
store_fails(World *world, double p)
{
	if (happens(world, P_STORE_DOWN))
		world->store_down_until = fault_until(world);
	return world->now_ms < world->store_down_until || happens(world, p);
}

/* Ends the outstanding operation after delay_ms. */
void
ends(World *world, WfmFsmEventKind kind, int64_t delay_ms)
{
	world->result.kind = kind;
	world->timers[T_OPERATION] = world->now_ms + delay_ms;
}

/*
 * A commit can fail, and it can go through although it is reported as failed.
 * Gives whether it is to be applied, and sets the report.
 */
static bool
commit_outcome(World *world, double p, bool fenced)
{
	if (store_fails(world, p))
	{
		world->result.write = WFM_WRITE_FAILED;
		return !fenced && world->now_ms >= world->store_down_until &&
			happens(world, 0.1);
	}
	world->result.write = fenced ? WFM_WRITE_FENCED : WFM_WRITE_DONE;
	return !fenced;
}

void
do_intent(World *world, const WfmFsmAction *action)
{
	bool		apply;

	if (crash_point(world, "K01") || crash_point(world, "K02"))
		return;
	apply = commit_outcome(world, P_INTENT_FAILS,
						   world->row.generation != action->row.generation);
	if (apply && !world->variant.no_intent)
	{
		int64_t		first_use = world->row.first_use_ms;

		world->row = action->row;
		if (first_use != WFM_TIME_NONE)
			world->row.first_use_ms = first_use;	/* coalesce() */
		else
		{
			world->announced_ms[world->rt] = world->now_ms;
			world->faults_before_ms[world->rt] = world->faults_ms;
		}
		world->intent = world->my_intent = world->next_intent++;
	}
	world->intent_rt = world->rt;
	world->intent_rt_prev = world->rt_prev;
	if (apply && crash_point(world, "K03"))
		return;
	ends(world, WFM_EV_INTENT, 2 + upto(world, 20));
}

void
do_commit(World *world, const WfmFsmAction *action)
{
	bool		fenced = world->row.generation != action->row.generation - 1 ||
		(!world->variant.no_intent && world->intent != world->my_intent);
	bool		apply;

	if (world->crash_at_commit)
	{
		world->crash_at_commit = false;
		crash(world, "K10");
		return;
	}
	if (crash_point(world, "K11"))
		return;
	apply = commit_outcome(world, P_COMMIT_FAILS, fenced);
	if (apply)
	{
		int			old = world->rt;

		world->row = action->row;
		world->intent = 0;
		world->at_attempt = world->answer_attempt;
		if (action->set_current == WFM_FROM_ANSWER)
			world->rt = world->answer_rt;
		else if (action->set_current == WFM_FROM_PREVIOUS)
			world->rt = world->rt_prev;
		if (action->set_previous == WFM_FROM_CURRENT)
			world->rt_prev = old;
		else if (action->set_previous == WFM_FROM_NOTHING)
			world->rt_prev = -1;
		world->fate[world->answer_attempt] = FATE_COMMITTED;
		world->figures->refreshes++;
		world->refused = 0;
		world->lives_since_good = 0;
		if (crash_point(world, "K13"))
			return;
	}
	else if (world->result.write == WFM_WRITE_FENCED &&
			 world->fate[world->answer_attempt] == FATE_PENDING)
		world->fate[world->answer_attempt] = FATE_FENCED;
	ends(world, WFM_EV_COMMIT, 2 + upto(world, 20));
}

/* The machine gave the grant up: was that right? */
static void
given_up(World *world)
{
	Figures    *figures = world->figures;
	const SimToken *token = &world->server.tokens[world->rt];
	int			cause = token->used ? token->used_by : token->killed_by;
	int			key = token->used || token->parent < 0 ? world->rt : token->parent;
	int64_t		since = token->used ? token->first_used_ms : world->announced_ms[key];
	int64_t		age = world->now_ms - since;
	int64_t		faults = world->faults_ms - world->faults_before_ms[key];
	int64_t		window = token->used ? SIM_GRACE_MS : SIM_GRACE_MS - WFM_GRACE_MARGIN_MS;
	int64_t		allowance = token->used ? 4 * MINUTE : WFM_SETTLE_MS + 5 * MINUTE;
	Fate		fate;

	if (world->refused > 3 + world->lives_since_good)
		violation(world, &figures->noise, "too many requests on a dead grant");
	if (world->revoked)
		return;
	if (world->refused < 2 && world->lives_since_good == 0)
		violation(world, &figures->hasty, "gave up without asking twice");
	if (cause < 0)
	{
		violation(world, &figures->lost, "gave up a grant that lives");
		return;
	}
	fate = world->fate[cause];
	figures->fates[fate]++;

	/*
	 * A window that faults outlasted cannot be helped: the provider's for a
	 * token that was used, and for one that a late twin killed the machine's
	 * own for its parent, less the time until it settles.
	 */
	if (world->grace && age > window && faults > window - allowance)
		figures->lost_outage++;
	else if (!world->grace && fate > FATE_CRASH_UNPROCESSED)
		figures->lost_k08_k11++;
	else
		violation(world, &figures->lost, fate_name(fate));
}

void
do_write_state(World *world, const WfmFsmAction *action)
{
	if (action->row.state == WFM_GRANT_NEEDS_AUTHORIZATION &&
		world->row.state != WFM_GRANT_NEEDS_AUTHORIZATION &&
		world->row.generation == action->row.generation)
	{
		given_up(world);
		if (!world->calm && world->timers[T_CONSENT] > world->now_ms + 6 * HOUR)
			world->timers[T_CONSENT] = world->now_ms + upto(world, 6 * HOUR);
	}
	if (commit_outcome(world, P_COMMIT_FAILS,
					   world->row.generation != action->row.generation))
	{
		world->row = action->row;
		world->intent = 0;
	}
	ends(world, WFM_EV_STATE_WRITTEN, 2 + upto(world, 20));
}

void
do_read(World *world)
{
	static WfmFsmConfig config;
	static WfmGrantRow row;

	if (store_fails(world, P_INTENT_FAILS))
	{
		ends(world, WFM_EV_ROW_UNAVAILABLE, 1);
		return;
	}
	config.grace_s = world->grace ? SIM_GRACE_MS / SECOND : 0;
	config.refresh_token_days = 60;
	row = world->row;
	if (world->variant.lazy_recovery && row.state == WFM_GRANT_REFRESHING)
	{
		row.state = WFM_GRANT_READY;
		row.first_use_ms = WFM_TIME_NONE;
	}
	world->result.row = &row;
	world->result.config = &config;
	ends(world, WFM_EV_ROW_LOADED, 1);
}
