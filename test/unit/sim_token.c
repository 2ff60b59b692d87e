/*
 * sim_token.c
 *		Drives the token state machine through random schedules of faults and
 *		looks for a grant that is lost.
 *
 * A schedule is about a day and a half of one connection: backends come and
 * go, report 401s, the worker crashes at every K-point, answers get lost,
 * commits fail, the provider is slow or away, clocks step, people re-authorise
 * and stop the server.  Then the faults end, and a token must be there again.
 * The same schedules run with a rule taken out (the intent, or recovery at
 * start) and must then lose grants, or the test proves nothing.
 *
 *		sim_token [--schedules N] [--seed N] [--mode NAME] [--trace]
 *
 * One process, one operation at a time, virtual time in milliseconds.  Only
 * the state machine is real.
 */
#include <stddef.h>
#include <stdlib.h>

#include "sim_world.h"
#include "tap.h"

/* ---- what comes from outside ---- */

/* A query takes a token and calls the API with it. */
static void
demand(World *world)
{
	bool		live = world->shm_valid && wall(world) < world->shm_expires_wall &&
		world->now_ms < world->shm_expires_mono;

	world->figures->demands++;
	if (world->now_ms > world->busy_until && !world->calm)
	{
		world->busy_until = world->now_ms + exponential(world, 45 * MINUTE);
		if (chance(world) < 0.5)
			world->busy_until += exponential(world, 45 * MINUTE);
	}
	if (!world->up)
		return;
	if (crash_point(world, "K16"))
		return;
	if (!live)
	{
		run_kind(world, WFM_EV_DEMAND);
		return;
	}
	world->shm_in_use = true;
	if (world->shm_at < 0 || world->now_ms >= world->at_expiry[world->shm_at] ||
		happens(world, 0.002))
	{
		/* several backends find out at once */
		WfmFsmEvent event = {.kind = WFM_EV_UNAUTHORIZED,
			.generation = world->shm_generation,
		.had_2xx = world->shm_had_2xx};
		int			backends = 1 + (int) upto(world, 8);

		for (int i = 0; i < backends && world->up; i++)
		{
			world->figures->unauthorized++;
			run_event(world, event);
		}
	}
	else
		world->shm_had_2xx = true;
}

/* A person seeds a new grant. */
static void
consent(World *world)
{
	int			token = sim_server_consent(&world->server);
	int64_t		generation = world->row.generation + 1;

	trace(world, "consent: token %d", token);
	memset(&world->row, 0, sizeof(world->row));
	world->row.generation = generation;
	world->row.has_refresh_token = true;
	world->row.refresh_obtained_ms = wall(world);
	world->rt = token;
	world->rt_prev = -1;
	world->at_attempt = -1;
	world->intent = 0;
	world->family = world->server.tokens[token].family;
	world->revoked = false;
	world->refused = 0;
	world->lives_since_good = 0;
	run_kind(world, WFM_EV_CHANGED);
}

static void
fire(World *world, Timer timer)
{
	int64_t		now = world->now_ms;

	world->timers[timer] = WFM_TIME_NEVER;
	switch (timer)
	{
		case T_OPERATION:
			if (world->action.kind == WFM_ACT_POST && !post_ended(world))
				break;
			world->busy = false;
			run_event(world, world->result);
			break;
		case T_DEMAND:
			world->timers[timer] = now + (world->calm ? MINUTE :
										  now < world->busy_until ?
										  exponential(world, 3 * MINUTE) :
										  exponential(world, 45 * MINUTE));
			demand(world);
			break;
		case T_CLOCK:
			world->wall_offset_ms += upto(world, 2 * HOUR) - HOUR;
			world->timers[timer] = now + exponential(world, 12 * HOUR);
			break;
		case T_CONSENT:
			world->timers[timer] = now + exponential(world, 48 * HOUR);
			consent(world);
			break;
		case T_REVOKE:
			world->timers[timer] = now + exponential(world, 100 * HOUR);
			world->revoked = true;
			sim_server_revoke(&world->server, world->family);
			break;
		case T_STOP:
			world->timers[timer] = now + exponential(world, 8 * HOUR);
			run_kind(world, WFM_EV_SHUTDOWN);
			break;
		case T_CRASH:
			if (world->up && world->socket_token >= 0)
				crash(world, "K07 or K08");
			break;
		case T_RESTART:
			start(world);
			break;
		case T_CHANGED:
			world->timers[timer] = now + exponential(world, 6 * HOUR);
			run_kind(world, WFM_EV_CHANGED);
			break;
		default:
			break;
	}
}

/* Runs up to a moment. */
static void
run_until(World *world, int64_t end_ms)
{
	for (;;)
	{
		int64_t		due = end_ms;
		int			timer = -1;
		Request    *request = NULL;

		for (int i = 0; i < TIMERS; i++)
		{
			if (world->timers[i] < due)
			{
				due = world->timers[i];
				timer = i;
			}
		}
		for (int i = 0; i < TWINS_MAX; i++)
		{
			if (world->requests[i].active && world->requests[i].due_ms < due)
			{
				due = world->requests[i].due_ms;
				request = &world->requests[i];
			}
		}
		if (world->up && !world->busy)
		{
			int64_t		wake = world->action.wake_mono_ms;

			if (world->action.wake_wall_ms != WFM_TIME_NEVER &&
				world->action.wake_wall_ms - world->wall_offset_ms < wake)
				wake = world->action.wake_wall_ms - world->wall_offset_ms;
			if (wake < due)
			{
				if (wake > world->now_ms)
					world->now_ms = wake;
				run_kind(world, WFM_EV_TICK);
				continue;
			}
		}
		if (due > world->now_ms)
			world->now_ms = due;
		if (request)
			process(world, request);
		else if (timer >= 0)
			fire(world, (Timer) timer);
		else
			return;
	}
}

static void
run_schedule(World *world, SimMode mode, Variant variant, uint64_t seed,
			 Figures *figures, bool tracing)
{
	memset(world, 0, offsetof(World, at_expiry));
	world->rng = seed * UINT64_C(0x2545f4914f6cdd1d) + mode + 1;
	world->seed = seed;
	world->variant = variant;
	world->grace = mode <= SIM_GRACE_NEW_KILL;
	world->trace = tracing;
	world->figures = figures;
	world->wall_offset_ms = INT64_C(1770000000000);
	world->answer_attempt = -1;
	world->socket_token = -1;
	world->next_intent = 1;
	world->down_since_ms = world->now_ms = HOUR;
	sim_server_init(&world->server, mode);
	for (int i = 0; i < TIMERS; i++)
		world->timers[i] = WFM_TIME_NEVER;
	consent(world);
	world->timers[T_DEMAND] = world->now_ms;
	world->timers[T_CLOCK] = world->now_ms + exponential(world, 12 * HOUR);
	world->timers[T_CONSENT] = world->now_ms + exponential(world, 48 * HOUR);
	world->timers[T_REVOKE] = world->now_ms + exponential(world, 100 * HOUR);
	world->timers[T_STOP] = world->now_ms + exponential(world, 8 * HOUR);
	world->timers[T_CHANGED] = world->now_ms + exponential(world, 6 * HOUR);
	start(world);
	run_until(world, world->now_ms + HORIZON);

	/* all is well from here on */
	world->calm = true;
	world->store_down_until = world->network_down_until = 0;
	world->timers[T_CLOCK] = world->timers[T_CONSENT] = WFM_TIME_NEVER;
	world->timers[T_REVOKE] = world->timers[T_STOP] = WFM_TIME_NEVER;
	world->timers[T_CHANGED] = WFM_TIME_NEVER;
	world->timers[T_DEMAND] = world->now_ms;
	run_until(world, world->now_ms + CALM);
	figures->schedules++;
	if (world->row.state != WFM_GRANT_NEEDS_AUTHORIZATION &&
		!(world->up && world->shm_valid && world->shm_at >= 0 &&
		  world->now_ms < world->at_expiry[world->shm_at]))
		violation(world, &figures->stuck, "no token although all is well");
}

static void
print_figures(const char *name, const Figures *f)
{
	printf("# %-22s %" PRId64 " schedules, %" PRId64 " refreshes, %" PRId64
		   " posts, %" PRId64 " crashes, %" PRId64 " queries, %" PRId64
		   " 401s; lost %" PRId64 ", by outage %" PRId64 ", in K08-K11 %" PRId64 "\n",
		   name, f->schedules, f->refreshes, f->posts, f->crashes, f->demands,
		   f->unauthorized, f->lost, f->lost_outage, f->lost_k08_k11);
	for (int i = 0; i < FATES; i++)
	{
		if (f->fates[i])
			printf("#   %" PRId64 " of %s\n", f->fates[i], fate_name((Fate) i));
	}
}

int
main(int argc, char **argv)
{
	static const Variant whole = {false, false};
	static const Variant no_intent = {true, false};
	static const Variant lazy_recovery = {false, true};
	static World world;
	int64_t		schedules = 10000;
	uint64_t	first_seed = 1;
	const char *only = NULL;
	bool		tracing = false;
	Figures		broken[2];

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--schedules") == 0 && i + 1 < argc)
			schedules = atoll(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			first_seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--mode") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--trace") == 0)
			tracing = true;
		else
		{
			fprintf(stderr, "usage: sim_token [--schedules N] [--seed N] [--mode NAME] [--trace]\n");
			return 2;
		}
	}

	for (int mode = 0; mode < SIM_MODES; mode++)
	{
		const char *name = sim_mode_name((SimMode) mode);
		Figures		f;

		if (only && strcmp(only, name) != 0)
			continue;
		memset(&f, 0, sizeof(f));
		for (int64_t i = 0; i < (schedules + SIM_MODES - 1) / SIM_MODES; i++)
			run_schedule(&world, (SimMode) mode, whole, first_seed + i, &f,
						 tracing);
		print_figures(name, &f);
		if (mode <= SIM_GRACE_NEW_KILL)
			ok(f.lost == 0, "%s: no grant lost that could be kept", name);
		else
			ok(f.lost == 0, "%s: grants lost in K08-K11 only", name);
		ok(f.in_flight == 0, "%s: one request per refresh token at a time", name);
		ok(f.no_intent == 0, "%s: no POST before its intent is durable", name);
		ok(f.not_durable == 0, "%s: nothing published before it is durable", name);
		ok(f.noise == 0, "%s: at most 3 requests on a dead grant, then silence", name);
		ok(f.hasty == 0, "%s: no grant given up on one refusal", name);
		ok(f.stuck == 0, "%s: a token is there when the faults are over", name);
	}

	memset(broken, 0, sizeof(broken));
	for (int64_t i = 0; i < 500 && !only; i++)
	{
		run_schedule(&world, SIM_GRACE_NEW_KILL, no_intent, first_seed + i,
					 &broken[0], false);
		run_schedule(&world, SIM_GRACE_NEW_KILL, lazy_recovery, first_seed + i,
					 &broken[1], false);
	}
	if (!only)
	{
		print_figures("without the intent", &broken[0]);
		print_figures("recovery on demand", &broken[1]);
		ok(broken[0].lost > 0, "without the intent grants are lost");
		ok(broken[1].lost > 0, "without recovery at start grants are lost");
	}
	return done_testing();
}
