/*
 * sim_limiter.c
 *		The limiter over a virtual hour: many backends, a server that counts in
 *		its own way, a network that delays.
 *
 * Figures to reach: no 429 and at least 3,590 requests an hour at 60 a minute
 * with 64 backends, never more than 5 in flight over 100,000 requests, batch
 * not starved, interactive calls waiting little beside batch ones.
 *
 * The server's phase and the delays come from a seed (argument, default 1).
 */
#include <stdlib.h>

#include "limit/limiter.h"
#include "tap.h"

#define SECOND		INT64_C(1000000)
#define MINUTE		(60 * SECOND)
#define HOUR		(60 * MINUTE)
#define START		(INT64_C(1700000000) * SECOND)
#define MAX_BACKENDS	128

/* How the server counts its minute. */
typedef enum Window
{
	WINDOW_FIXED,				/* from phase to phase */
	WINDOW_SLIDING				/* the last 60 s */
} Window;

typedef enum Step
{
	STEP_ASK,					/* wants to call */
	STEP_POLL,					/* waits */
	STEP_ARRIVE,				/* its request reaches the server */
	STEP_ANSWER					/* its answer is here */
} Step;

typedef struct Backend
{
	Step		step;
	int64_t		at;				/* when the step is due */
	int64_t		asked;
	bool		batch;
	int64_t		think;			/* mean pause between calls, 0 = none */
	int			status;			/* of the answer on its way */
	int			remaining;
	int			requests;
} Backend;

typedef struct Server
{
	Window		window;
	int			limit;
	int			concurrent;
	int64_t		phase;
	int64_t    *arrivals;
	int			narrivals;
	int			in_flight;
	int			most_in_flight;
	int			refused;
	bool		headers;
	int64_t		lingers;		/* a call counts so long after its answer came */
	int64_t		lingering[MAX_BACKENDS];	/* until when; the last ones */
	int			nanswers;
} Server;

/* What a run found. */
typedef struct Result
{
	int			requests;
	int			refused;
	int			most_in_flight;
	int			batch_requests;
	int			fewest_of_a_batch;	/* requests of the worst-off batch backend */
	double		interactive_p95;	/* seconds waited */
} Result;

static WfmLimiter limiter;
static WfmAppLimiter app;
static WfmTicket tickets[MAX_BACKENDS];
static Backend backends[MAX_BACKENDS];
static uint64_t random_state;

static uint64_t
random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int64_t
random_between(int64_t low, int64_t high)
{
	return low + (int64_t) (random_u64() % (uint64_t) (high - low + 1));
}

/* Count an arrival, and say what is left, -1 for a 429. */
static int
server_count(Server *server, int64_t now)
{
	int			n = 0;
	int			i;
	int64_t		from = server->window == WINDOW_SLIDING ? now - MINUTE :
		now - (now - server->phase) % MINUTE - 1;

	for (i = server->narrivals - 1; i >= 0 && server->arrivals[i] > from; i--)
		n++;
	if (n >= server->limit)
		return -1;
	server->arrivals[server->narrivals++] = now;
	return server->limit - n - 1;
}

static int
compare_times(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

/* Calls in flight as the server counts them. */
static int
server_in_flight(const Server *server, int64_t now)
{
	int			n = server->in_flight;
	int			i;

	for (i = 0; i < MAX_BACKENDS; i++)
		n += server->lingering[i] > now;
	return n;
}

/* Wake those whose turn has come, as the shell does by their latch. */
static void
wake(int64_t now)
{
	int			called[8];
	int			n = wfm_limiter_call(&limiter, &app, tickets, now, called, 8);

	while (n-- > 0)
		if (backends[called[n]].step == STEP_POLL && backends[called[n]].at > now)
			backends[called[n]].at = now;
}

static void
poll_backend(int number, int64_t now)
{
	Backend    *backend = &backends[number];
	WfmLimiterStatus status = wfm_limiter_poll(&limiter, &app, tickets, number,
											   HOUR, now);

	if (status.state == WFM_PERMIT_REFUSED)
		abort();
	if (status.state == WFM_PERMIT_WAITING)
	{
		backend->step = STEP_POLL;
		backend->at = status.retry_at_us;
		return;
	}
	/* the request is on its way for some part of the round trip */
	backend->step = STEP_ARRIVE;
	backend->at = now + random_between(20000, 400000);
	backend->requests++;
}

/*
 * n backends, of which nbatch are batch; each calls again after its mean
 * pause.  Runs until "until" or nrequests.
 */
static Result
simulate(Server server, int n, int nbatch, int64_t think, int calls_per_minute,
		 int64_t until, int nrequests)
{
	WfmLimitPolicy policy = {calls_per_minute, INT32_MAX, 5, 0};
	Result		result = {0};
	int64_t		now = START;
	int64_t    *waits = malloc((nrequests + 1) * sizeof(int64_t));
	int			nwaits = 0;
	int			i;

	server.arrivals = malloc((nrequests + 1) * sizeof(int64_t));
	if (waits == NULL || server.arrivals == NULL)
		abort();
	memset(tickets, 0, sizeof(tickets));
	memset(backends, 0, sizeof(backends));
	wfm_limiter_init(&limiter, true, 0);
	wfm_app_limiter_init(&app);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	for (i = 0; i < n; i++)
	{
		backends[i].batch = i < nbatch;
		backends[i].think = i < nbatch ? 0 : think;
		backends[i].at = START + random_between(0, SECOND);
	}

	while (result.requests < nrequests)
	{
		Backend    *b = &backends[0];
		WfmHeaders	headers;

		for (i = 1; i < n; i++)
			if (backends[i].at < b->at)
				b = &backends[i];
		i = b - backends;
		now = b->at;
		if (now - START >= until)
			break;
		switch (b->step)
		{
			case STEP_ASK:
				b->asked = now;
				wfm_limiter_join(&limiter, tickets, i, b->batch, now);
				poll_backend(i, now);
				break;
			case STEP_POLL:
				poll_backend(i, now);
				break;
			case STEP_ARRIVE:
				result.requests++;
				result.batch_requests += b->batch;
				if (!b->batch)
					waits[nwaits++] = tickets[i].granted_us - b->asked;
				b->remaining = server_count(&server, now);
				b->status = b->remaining < 0 ? 429 : 200;
				result.refused += b->remaining < 0;
				server.in_flight++;
				if (server_in_flight(&server, now) > result.most_in_flight)
					result.most_in_flight = server_in_flight(&server, now);
				b->step = STEP_ANSWER;
				b->at = now + random_between(30000, 400000);
				break;
			case STEP_ANSWER:
				server.in_flight--;
				server.lingering[server.nanswers++ % MAX_BACKENDS] = now + server.lingers;
				wfm_headers_init(&headers);
				if (server.headers)
					headers.minute_remaining = b->remaining < 0 ? 0 : b->remaining;
				if (b->status == 429)
				{
					headers.problem = WFM_LIMIT_PROBLEM_MINUTE;
					headers.retry_after_seconds = 30;
				}
				wfm_limiter_done(&limiter, &app, tickets, i, b->status, &headers,
								 now / SECOND, random_between(0, SECOND), now);
				b->step = STEP_ASK;
				b->at = now + (b->think ? random_between(0, 2 * b->think) : 0);
				break;
		}
		wake(now);
	}

	qsort(waits, nwaits, sizeof(int64_t), compare_times);
	if (nwaits > 0)
		result.interactive_p95 = waits[nwaits * 95 / 100] / (double) SECOND;
	result.fewest_of_a_batch = INT32_MAX;
	for (i = 0; i < nbatch; i++)
		if (backends[i].requests < result.fewest_of_a_batch)
			result.fewest_of_a_batch = backends[i].requests;
	free(waits);
	free(server.arrivals);
	return result;
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		Window		window;
		bool		headers;
	}			kinds[] =
	{
		{"fixed windows", WINDOW_FIXED, true},
		{"fixed windows, no headers", WINDOW_FIXED, false},
		{"a sliding window", WINDOW_SLIDING, true},
	};
	uint64_t	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	int			i,
				phase;

	for (i = 0; i < 3; i++)
	{
		int			refused = 0,
					fewest = INT32_MAX;

		for (phase = 0; phase < 3; phase++)
		{
			Server		server = {.window = kinds[i].window,.limit = 60,
			.concurrent = 5,.headers = kinds[i].headers};
			Result		result;

			random_state = seed * 1000 + phase + 1;
			server.phase = START - random_between(0, MINUTE);
			result = simulate(server, 64, 0, 0, 60, HOUR, 10000);
			refused += result.refused;
			if (result.requests < fewest)
				fewest = result.requests;
		}
		ok(refused == 0, "64 backends, an hour, %s: %d x 429 in three phases",
		   kinds[i].name, refused);
		ok(fewest >= 3590, "64 backends, an hour, %s: %d requests (at least 3,590)",
		   kinds[i].name, fewest);
	}
	{
		/* it lets go of calls later than the quickest next one arrives */
		Server		server = {.window = WINDOW_SLIDING,.limit = 600,.headers = true,
		.lingers = SECOND / 25};
		Result		result;

		random_state = seed;
		result = simulate(server, 64, 20, 0, 600, 100 * HOUR, 100000);
		ok(result.requests == 100000 && result.most_in_flight <= 5,
		   "%d requests: at most %d in flight at the server",
		   result.requests, result.most_in_flight);
		ok(result.refused == 0, "100,000 requests at 600 a minute: %d x 429", result.refused);
	}
	{
		Server		server = {.window = WINDOW_FIXED,.limit = 60,.headers = true,
		.phase = START - 7 * SECOND};
		Result		result;

		/* eight batch scans, two people who query now and then */
		random_state = seed;
		result = simulate(server, 10, 8, 20 * SECOND, 60, HOUR, 10000);
		ok(result.interactive_p95 <= 2.0,
		   "interactive beside 8 batch scans: p95 of the wait %.2f s (at most 2)",
		   result.interactive_p95);
		ok(result.batch_requests >= 45 * 59,
		   "8 batch scans beside interactive ones: %d requests an hour",
		   result.batch_requests);

		/* eight batch scans against 56 that never pause */
		random_state = seed;
		result = simulate(server, 64, 8, 0, 60, HOUR, 10000);
		ok(result.batch_requests >= 15 * 59,
		   "8 batch scans against 56 busy interactive ones: %d requests an hour (15 a minute)",
		   result.batch_requests);
		ok(result.fewest_of_a_batch >= 90,
		   "the worst-off batch scan: %d requests", result.fewest_of_a_batch);
		ok(result.refused == 0, "batch and interactive: %d x 429", result.refused);
	}
	return done_testing();
}
