/*
 * sim_world.h
 *		The world the schedule simulator runs the token state machine in.
 */
#ifndef WFM_TEST_SIM_WORLD_H
#define WFM_TEST_SIM_WORLD_H

#include "auth/token_fsm.h"
#include "sim_server.h"

#define SECOND	INT64_C(1000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define HORIZON	(36 * HOUR)		/* with faults */
#define CALM	(2 * HOUR)		/* without */
#define AT_LIFE	(30 * MINUTE)
#define ATTEMPTS_MAX 8192
#define TWINS_MAX 16

/* Chances, per point, per operation or per POST. */
#define P_CRASH			0.004
#define P_INTENT_FAILS	0.02
#define P_COMMIT_FAILS	0.02
#define P_STORE_DOWN	0.001	/* then for up to 5 min */
#define P_NOT_SENT		0.01
#define P_NETWORK_DOWN	0.002	/* then for up to 5 min */
#define P_LOST			0.02	/* half of them before processing */
#define P_5XX			0.025	/* half of them after processing */
#define P_429			0.01
#define P_GARBAGE		0.008	/* half of them after processing */
#define P_CLIENT_ERROR	0.001
#define P_UNTRUSTED		0.001	/* a certificate that is not trusted */
#define P_HICCUP		0.003	/* one invalid_grant that means nothing */
#define P_KEEP			0.005	/* a 200 without a refresh token */
#define P_SLOW			0.01	/* answer takes up to 5 min */

/* What became of the attempt that used a token, if its pair is not durable. */
typedef enum Fate
{
	FATE_PENDING,
	FATE_COMMITTED,
	FATE_CRASH_UNPROCESSED,		/* K05-K07 */
	FATE_CRASH_K08_K11,			/* processed, the pair was not durable */
	FATE_ANSWER_LOST,			/* K08 without a crash */
	FATE_TIMEOUT,
	FATE_5XX_AFTER,				/* P10 */
	FATE_GARBAGE_AFTER,			/* a 200 that was cut */
	FATE_FENCED,				/* re-seeded meanwhile */
	FATE_STOPPED,				/* no commit within the stop's minute */
	FATES
} Fate;

/* A request that was sent and will be processed, with a client or without. */
typedef struct Request
{
	bool		active;
	int			token;
	int			attempt;
	int64_t		due_ms;
	bool		keep;
} Request;

typedef struct Variant
{
	bool		no_intent;		/* the intent is not written */
	bool		lazy_recovery;	/* an open intent is not seen at start */
} Variant;

typedef struct Figures
{
	int64_t		schedules,
				refreshes,
				posts,
				crashes,
				demands,
				unauthorized,
				lost,			/* what the protocol must save and did not */
				lost_outage,	/* longer than the grace window */
				lost_k08_k11,	/* no grace: not durable when it mattered */
				in_flight,		/* two requests with one token */
				not_durable,	/* published before durable */
				no_intent,		/* POST without a durable intent */
				noise,			/* too many requests, or some after giving up */
				hasty,			/* gave up without a confirmed refusal */
				stuck;			/* no token although all is well */
	int64_t		fates[FATES];
} Figures;

typedef enum Timer
{
	T_OPERATION,				/* the outstanding operation ends */
	T_DEMAND,
	T_CLOCK,
	T_CONSENT,
	T_REVOKE,
	T_STOP,
	T_CRASH,					/* while a POST is under way */
	T_RESTART,
	T_CHANGED,
	TIMERS
} Timer;

typedef struct World
{
	uint64_t	rng;
	uint64_t	seed;
	Variant		variant;
	bool		grace;
	bool		calm;			/* no more faults */
	bool		trace;
	Figures    *figures;
	SimServer	server;
	int64_t		now_ms;			/* the steady clock */
	int64_t		wall_offset_ms;
	int64_t		timers[TIMERS];
	int64_t		store_down_until;
	int64_t		network_down_until;
	int64_t		busy_until;
	Request		requests[TWINS_MAX];
	int			nattempts;
	unsigned char fate[ATTEMPTS_MAX];

	/* durable */
	WfmGrantRow row;
	int			rt,
				rt_prev,
				at_attempt;		/* which attempt's access token; -1 none */
	int			intent;			/* intent id, 0 none */
	int			family;
	bool		revoked;		/* by a person: then the loss is none */

	/* the worker's process */
	bool		up;
	WfmTokenFsm fsm;
	WfmFsmAction action;		/* outstanding or sleeping */
	WfmFsmEvent result;			/* of the outstanding operation */
	bool		busy;
	int			my_intent;
	int			intent_rt,		/* as the intent's transaction read them */
				intent_rt_prev;
	int			next_intent;
	int			answer_rt;		/* in memory from POST to COMMIT */
	int			answer_attempt;
	bool		crash_at_commit;
	int			socket_token;	/* of the POST under way, -1 none */
	int64_t		last_post_ms;
	int			refused;		/* confirmed refusals since the last good pair */
	int			lives_since_good;
	int64_t		down_since_ms;
	int64_t		faults_ms;		/* how long all faults so far have lasted */

	/* shared memory */
	bool		shm_valid;
	int64_t		shm_generation;
	int64_t		shm_expires_wall,
				shm_expires_mono;
	int			shm_at;
	bool		shm_in_use,
				shm_had_2xx;

	int64_t		at_expiry[ATTEMPTS_MAX];
	int64_t		announced_ms[SIM_TOKENS_MAX];	/* by a token's first intent */
	int64_t		faults_before_ms[SIM_TOKENS_MAX];
} World;

/* ---- sim_world.c ---- */

/* A random number in [0, 1); whether a fault happens; a length of time. */
extern double chance(World *world);
extern bool happens(World *world, double p);
extern int64_t upto(World *world, int64_t ms);
extern int64_t exponential(World *world, int64_t mean_ms);

extern void trace(World *world, const char *format,...);

/* Counts a broken rule, and says which schedule broke it. */
extern void violation(World *world, int64_t * figure, const char *what);

extern const char *fate_name(Fate fate);

/* The wall clock; the steady one is world->now_ms. */
extern int64_t wall(const World *world);

/* Kills the worker's process, and its server with it. */
extern void crash(World *world, const char *where);

/* One crash point; true if the process died there. */
extern bool crash_point(World *world, const char *where);

extern void start(World *world);

/* Until when a fault lasts that begins now: up to 5 min. */
extern int64_t fault_until(World *world);

/* Ends the outstanding operation after delay_ms. */
extern void ends(World *world, WfmFsmEventKind kind, int64_t delay_ms);

/* The operations on the durable row. */
extern void do_read(World *world);
extern void do_intent(World *world, const WfmFsmAction *action);
extern void do_commit(World *world, const WfmFsmAction *action);
extern void do_write_state(World *world, const WfmFsmAction *action);

/* ---- sim_shell.c ---- */

/* The provider handles a request; its client may be gone by then. */
extern void process(World *world, Request *request);

/* The POST under way ends; false if the process died with its answer. */
extern bool post_ended(World *world);

/* Gives the machine an event and carries out what it says. */
extern void run_event(World *world, WfmFsmEvent event);
extern void run_kind(World *world, WfmFsmEventKind kind);

#endif							/* WFM_TEST_SIM_WORLD_H */
