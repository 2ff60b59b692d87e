/*
 * limit/limiter.c
 *		Whose turn it is: see limiter.h.  What was called when is counted in
 *		limit/windows.c, what answers tell is in limit/learnt.c.
 */
#include <string.h>

#include "limit/learnt.h"
#include "limit/limiter.h"
#include "limit/windows.h"

/*
 * Batch calls leave room for interactive ones: two of five slots, a quarter of
 * the minute, a fifth of the day.  When both wait, batch has every fourth
 * grant, which is its quarter hour of 15 calls at 60 a minute; a batch call
 * that waits half a minute goes before younger ones of any kind.
 */
#define BATCH_SLOTS(n)	((n) * 3 / 5 > 0 ? (n) * 3 / 5 : 1)
#define BATCH_MINUTE(n)	((n) - (n) / 4)
#define BATCH_DAY(n)	((n) - (n) / 5)
#define INTERACTIVE_RUN	3
#define AGED			(30 * SECOND)

/*
 * A backend whose turn has come and that does not poll is busy or stands in an
 * idle cursor: after this long others pass it, and it keeps its place.
 */
#define CALL_PATIENCE	(SECOND / 10)

/* Polls are this far apart at most and at least. */
#define LONGEST_POLL	SECOND
#define SHORTEST_POLL	(SECOND / 1000)

/* A slot that a 429 took away comes back after a minute without another. */
#define CAP_REGROWTH	MINUTE

const char *
wfm_permit_reason_name(WfmPermitReason reason)
{
	switch (reason)
	{
		case WFM_REASON_NONE:
			return "none";
		case WFM_REASON_SLOT:
			return "concurrent calls";
		case WFM_REASON_MINUTE:
			return "minute limit";
		case WFM_REASON_APP_MINUTE:
			return "minute limit of the app";
		case WFM_REASON_TOLD_TO_WAIT:
			return "told to wait";
		case WFM_REASON_COLD_START:
			return "first calls after a restart";
		case WFM_REASON_DAY:
			return "day limit";
		case WFM_REASON_CIRCUIT:
			return "API keeps failing";
	}
	return "unknown";
}

void
wfm_limiter_init(WfmLimiter *limiter, bool cold, int64_t forgotten_until_us)
{
	memset(limiter, 0, sizeof(WfmLimiter));
	limiter->first = limiter->last = -1;
	limiter->cold = cold;
	limiter->forgotten_until_us = forgotten_until_us;
}

void
wfm_app_limiter_init(WfmAppLimiter *app)
{
	memset(app, 0, sizeof(WfmAppLimiter));
}

void
wfm_limiter_set_policy(WfmLimiter *limiter, WfmAppLimiter *app,
					   const WfmLimitPolicy *policy)
{
	bool		learnt = limiter->cap > 0 &&
		limiter->cap < limiter->policy.concurrent_calls;

	if (limiter->policy.calls_per_day != policy->calls_per_day)
		wfm_day_forget_told(limiter);
	limiter->policy = *policy;
	limiter->policy.calls_per_minute = wfm_clamp(policy->calls_per_minute, 1,
												 WFM_MAX_CALLS_PER_MINUTE);
	limiter->policy.calls_per_day = wfm_clamp(policy->calls_per_day, 1, INT32_MAX);
	limiter->policy.concurrent_calls = wfm_clamp(policy->concurrent_calls, 1, INT16_MAX);
	if (!learnt || limiter->cap > limiter->policy.concurrent_calls)
		limiter->cap = limiter->policy.concurrent_calls;
	app->calls_per_minute = policy->app_calls_per_minute;
}

int
wfm_limiter_cap(WfmLimiter *limiter, int64_t now)
{
	while (limiter->cap < limiter->policy.concurrent_calls &&
		   now - limiter->cap_changed_us >= CAP_REGROWTH)
	{
		limiter->cap++;
		limiter->cap_changed_us += CAP_REGROWTH;
	}
	return limiter->cap;
}

bool
wfm_limiter_idle(const WfmLimiter *limiter, int64_t now)
{
	return limiter->in_flight == 0 && limiter->waiting == 0 &&
		wfm_minute_since(limiter, now - WINDOW, false) == 0 &&
		limiter->blocked_until_us <= now && limiter->day_reset_us <= now &&
		!limiter->open;
}

/* ------------------------------------------------------------------------
 * Room and turns
 * ------------------------------------------------------------------------ */

/* How many calls may go out now; if none, why and until when. */
typedef struct Room
{
	int			calls;
	WfmPermitReason reason;
	int64_t		until;			/* 0 = unknown */
	bool		resting;		/* slots are free, but rest until then */
} Room;

/* Narrow a room down to what one limit leaves. */
static bool
narrow(Room *room, int left, WfmPermitReason reason, int64_t until)
{
	if (left < room->calls)
		room->calls = left > 0 ? left : 0;
	if (room->calls > 0)
		return true;
	room->reason = reason;
	room->until = until;
	return false;
}

/*
 * The room for calls of one priority; awake asks as if no slot rested.
 */
static Room
room_for(WfmLimiter *limiter, WfmAppLimiter *app, bool batch, bool awake,
		 int64_t now)
{
	const WfmLimitPolicy *policy = &limiter->policy;
	Room		room = {INT16_MAX, WFM_REASON_NONE, 0, false};
	int			cap = wfm_limiter_cap(limiter, now);
	int			day = batch ? BATCH_DAY(policy->calls_per_day) : policy->calls_per_day;
	int			stamps;

	wfm_day_advance(limiter, now);
	if (limiter->day_reset_us > now)
	{
		narrow(&room, 0, WFM_REASON_DAY, limiter->day_reset_us);
		return room;
	}
	if (limiter->day_used + limiter->in_flight >= day)
	{
		/* Calls under way count, but only answered ones make it final. */
		if (limiter->day_used >= day)
			narrow(&room, 0, WFM_REASON_DAY, wfm_day_room_at(limiter, day));
		else
			narrow(&room, 0, WFM_REASON_SLOT, 0);
		return room;
	}
	room.calls = day - limiter->day_used - limiter->in_flight;

	if (limiter->open)
	{
		if (limiter->open_until_us > now)
		{
			narrow(&room, 0, WFM_REASON_CIRCUIT, limiter->open_until_us);
			return room;
		}
		if (!narrow(&room, limiter->probing ? 0 : 1, WFM_REASON_CIRCUIT, 0))
			return room;
	}
	if (limiter->blocked_until_us > now)
	{
		narrow(&room, 0, WFM_REASON_TOLD_TO_WAIT, limiter->blocked_until_us);
		return room;
	}
	if (app->blocked_until_us > now)
	{
		narrow(&room, 0, WFM_REASON_APP_MINUTE, app->blocked_until_us);
		return room;
	}
	if (limiter->cold && !narrow(&room, 1 - limiter->in_flight, WFM_REASON_COLD_START, 0))
		return room;
	if (limiter->forgotten_until_us > now)
	{
		stamps = wfm_minute_since(limiter, now - SECOND, false);
		if (!narrow(&room, 1 - stamps - limiter->in_flight, WFM_REASON_COLD_START,
					limiter->in_flight > 0 ? 0 : wfm_stamps_down_to(limiter, 0, SECOND, now)))
			return room;
	}

	stamps = wfm_minute_since(limiter, now - WINDOW, false);
	if (!narrow(&room, policy->calls_per_minute - stamps - limiter->in_flight,
				WFM_REASON_MINUTE,
				wfm_stamps_down_to(limiter, policy->calls_per_minute - limiter->in_flight - 1,
								   WINDOW, now)))
		return room;
	if (app->calls_per_minute > 0)
	{
		wfm_app_advance(app, now);
		if (!narrow(&room, app->calls_per_minute - app->used - app->in_flight,
					WFM_REASON_APP_MINUTE, wfm_app_room_at(app)))
			return room;
	}
	if (!narrow(&room, cap - limiter->in_flight, WFM_REASON_SLOT, 0))
		return room;
	if (batch)
	{
		stamps = wfm_minute_since(limiter, now - WINDOW, true);
		if (!narrow(&room, BATCH_MINUTE(policy->calls_per_minute) - stamps -
					limiter->in_flight_batch, WFM_REASON_MINUTE, 0))
			return room;
		if (!narrow(&room, BATCH_SLOTS(cap) - limiter->in_flight_batch,
					WFM_REASON_SLOT, 0))
			return room;
	}
	if (!awake)
	{
		int			slots = cap - limiter->in_flight;

		stamps = wfm_minute_since(limiter, now - limiter->rest_us, false);
		room.resting = !narrow(&room, slots - stamps, WFM_REASON_SLOT,
							   wfm_stamps_down_to(limiter, slots - 1,
												  limiter->rest_us, now));
	}
	return room;
}

/* Was its turn noticed long ago without it taking it? */
static bool
inattentive(const WfmTicket *ticket, int64_t now)
{
	return ticket->called_us > 0 && now - ticket->called_us > CALL_PATIENCE;
}

/*
 * The next ticket from a position of each priority's part of the queue on, or
 * -1.  Positions move past what was picked.
 */
static int
oldest(const WfmTicket *tickets, int from, bool batch, int64_t now)
{
	while (from >= 0 &&
		   (tickets[from].batch != batch || inattentive(&tickets[from], now)))
		from = tickets[from].next;
	return from;
}

/*
 * Go through the tickets whose turn it is, or will be when all slots are
 * awake.  Stops at stop_at and returns true if that one is among them.  Others
 * that have not been called before are called now; called (max places,
 * *ncalled filled) may be NULL.
 */
static bool
turns(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets, int stop_at,
	  bool awake, int64_t now, int *called, int max, int *ncalled)
{
	Room		any,
				batch;
	int			run = limiter->interactive_run;
	int			next_interactive,
				next_batch;

	if (limiter->waiting == 0)
		return false;
	any = room_for(limiter, app, false, awake, now);
	if (any.calls == 0)
		return false;
	batch = room_for(limiter, app, true, awake, now);
	next_interactive = oldest(tickets, limiter->first, false, now);
	next_batch = oldest(tickets, limiter->first, true, now);

	while (any.calls > 0)
	{
		int			pick;
		bool		batch_may = next_batch >= 0 && batch.calls > 0;

		bool		batch_first = next_interactive < 0 || run >= INTERACTIVE_RUN;

		if (batch_may && !batch_first)
			batch_first = now - tickets[next_batch].asked_us >= AGED &&
				tickets[next_batch].asked_us < tickets[next_interactive].asked_us;
		pick = batch_may && batch_first ? next_batch : next_interactive;
		if (pick < 0)
			return false;
		if (pick == stop_at)
			return true;
		if (tickets[pick].called_us == 0 && called && *ncalled < max)
		{
			tickets[pick].called_us = now;
			called[(*ncalled)++] = pick;
		}
		any.calls--;
		if (pick == next_batch)
		{
			batch.calls--;
			run = 0;
			next_batch = oldest(tickets, tickets[pick].next, true, now);
		}
		else
		{
			run++;
			next_interactive = oldest(tickets, tickets[pick].next, false, now);
		}
	}
	return false;
}

int
wfm_limiter_call(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets,
				 int64_t now, int *called, int max)
{
	int			ncalled = 0;

	/* who is called while slots rest finds out how long in its poll */
	turns(limiter, app, tickets, -1, true, now, called, max, &ncalled);
	return ncalled;
}

/* ------------------------------------------------------------------------
 * The life of a ticket
 * ------------------------------------------------------------------------ */

void
wfm_limiter_join(WfmLimiter *limiter, WfmTicket *tickets, int number, bool batch,
				 int64_t now)
{
	WfmTicket  *ticket = &tickets[number];

	ticket->state = WFM_TICKET_WAITING;
	ticket->batch = batch;
	ticket->probe = false;
	ticket->asked_us = now;
	ticket->seen_us = now;
	ticket->called_us = 0;
	ticket->granted_us = 0;
	ticket->next = -1;
	ticket->previous = limiter->last;
	if (limiter->last >= 0)
		tickets[limiter->last].next = number;
	else
		limiter->first = number;
	limiter->last = number;
	limiter->waiting++;
}

/* Take a ticket out of the queue. */
static void
leave_queue(WfmLimiter *limiter, WfmTicket *tickets, int number)
{
	WfmTicket  *ticket = &tickets[number];

	if (ticket->previous >= 0)
		tickets[ticket->previous].next = ticket->next;
	else
		limiter->first = ticket->next;
	if (ticket->next >= 0)
		tickets[ticket->next].previous = ticket->previous;
	else
		limiter->last = ticket->previous;
	ticket->next = ticket->previous = -1;
	limiter->waiting--;
}

static void
grant(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets, int number,
	  int64_t now)
{
	WfmTicket  *ticket = &tickets[number];

	leave_queue(limiter, tickets, number);
	ticket->state = WFM_TICKET_GRANTED;
	ticket->granted_us = now;
	if (limiter->open)
	{
		ticket->probe = true;
		limiter->probing = true;
	}
	limiter->in_flight++;
	limiter->in_flight_batch += ticket->batch;
	app->in_flight++;
	if (limiter->in_flight > limiter->most_in_flight)
		limiter->most_in_flight = limiter->in_flight;
	if (ticket->batch)
		limiter->interactive_run = 0;
	else if (limiter->interactive_run < INTERACTIVE_RUN)
		limiter->interactive_run++;
}

/*
 * Has no other process had a call of late?  A connection is not read before
 * its call has ended, so those of one process are never more than its slots.
 */
static bool
is_alone(const WfmLimiter *limiter, int pid, int64_t now)
{
	int64_t		others = pid == limiter->ended_pid ? limiter->others_ended_us :
		limiter->ended_us;

	return pid != 0 && now >= limiter->late_until_us && now - others >= REST;
}

WfmLimiterStatus
wfm_limiter_poll(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets,
				 int number, int64_t max_wait, int64_t now)
{
	WfmTicket  *ticket = &tickets[number];
	WfmLimiterStatus status = {WFM_PERMIT_GRANTED};
	Room		room;

	if (ticket->state == WFM_TICKET_GRANTED)
		return status;
	ticket->seen_us = now;
	ticket->called_us = 0;
	if (turns(limiter, app, tickets, number, is_alone(limiter, ticket->pid, now),
			  now, NULL, 0, NULL))
	{
		grant(limiter, app, tickets, number, now);
		return status;
	}

	room = room_for(limiter, app, ticket->batch, false, now);
	if (turns(limiter, app, tickets, number, true, now, NULL, 0, NULL))
	{
		int64_t		awake_us = now + limiter->rest_us;

		/* called for then; so short a rest is no wait that could be too long */
		if (room.resting)
			awake_us = room.until;
		else if (awake_us < now + SHORTEST_POLL)
			awake_us = now + SHORTEST_POLL;
		ticket->called_us = awake_us;
		status.state = WFM_PERMIT_WAITING;
		status.reason = WFM_REASON_SLOT;
		status.retry_at_us = status.available_us = awake_us;
		return status;
	}
	if (room.calls > 0 || room.resting)
	{
		status.others_first = true;
		room.reason = WFM_REASON_SLOT;
		room.until = 0;
	}
	status.reason = room.reason;
	if (room.reason == WFM_REASON_TOLD_TO_WAIT)
		status.told_of = limiter->blocked_by;
	status.available_us = room.until;

	/* Waiting is no cure for these, except in a batch that can. */
	if (room.reason == WFM_REASON_DAY ||
		(room.reason == WFM_REASON_CIRCUIT && room.until && !ticket->batch))
	{
		status.state = WFM_PERMIT_REFUSED;
		return status;
	}
	if ((room.until ? room.until : now) - ticket->asked_us > max_wait ||
		max_wait <= 0)
	{
		status.state = WFM_PERMIT_REFUSED;
		status.too_long = true;
		return status;
	}
	status.state = WFM_PERMIT_WAITING;
	status.retry_at_us = room.until ? room.until : now + SLOT_POLL;
	if (status.retry_at_us > now + LONGEST_POLL)
		status.retry_at_us = now + LONGEST_POLL;
	if (status.retry_at_us < now + SHORTEST_POLL)
		status.retry_at_us = now + SHORTEST_POLL;
	if (status.retry_at_us > ticket->asked_us + max_wait)
		status.retry_at_us = ticket->asked_us + max_wait + 1;
	return status;
}

/* How long slots rest from an answer on. */
static void
rest(WfmLimiter *limiter, int64_t call_took, int64_t now)
{
	if (now < limiter->late_until_us)
		limiter->rest_us = LATE_REST;
	else
	{
		/* a quick answer does not end the rest after slow ones at once */
		limiter->rest_us /= 2;
		if (limiter->rest_us < call_took)
			limiter->rest_us = call_took;
		if (limiter->rest_us > REST)
			limiter->rest_us = REST;
	}
}

/* Give a ticket back; counted says that the server may have counted it. */
static void
give_back(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets, int number,
		  bool counted, int64_t now)
{
	WfmTicket  *ticket = &tickets[number];

	if (ticket->state == WFM_TICKET_WAITING)
		leave_queue(limiter, tickets, number);
	else if (ticket->state == WFM_TICKET_GRANTED)
	{
		limiter->in_flight--;
		limiter->in_flight_batch -= ticket->batch;
		app->in_flight--;
		if (ticket->probe)
			limiter->probing = false;
		if (counted)
		{
			rest(limiter, now - ticket->granted_us, now);
			if (ticket->pid != limiter->ended_pid)
			{
				limiter->others_ended_us = limiter->ended_us;
				limiter->ended_pid = ticket->pid;
			}
			limiter->ended_us = now;
			wfm_minute_add(limiter, ticket->batch, now);
			wfm_day_add(limiter, 1, now);
			wfm_app_add(app, 1, now);
		}
	}
	ticket->state = WFM_TICKET_FREE;
}

void
wfm_limiter_done(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets,
				 int number, int http_status, const WfmHeaders *headers,
				 int64_t wall_s, int64_t jitter, int64_t now)
{
	int64_t		granted = tickets[number].granted_us;
	bool		probe = tickets[number].probe;

	if (tickets[number].state != WFM_TICKET_GRANTED)
	{
		give_back(limiter, app, tickets, number, false, now);
		return;
	}
	give_back(limiter, app, tickets, number, true, now);
	wfm_limiter_learn(limiter, app, http_status, headers, wall_s, granted, jitter, now);
	wfm_limiter_note_health(limiter, probe, http_status >= 500, now);
}

void
wfm_limiter_failed(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets,
				   int number, bool maybe_sent, int64_t now)
{
	bool		probe = tickets[number].probe;
	bool		granted = tickets[number].state == WFM_TICKET_GRANTED;

	give_back(limiter, app, tickets, number, maybe_sent, now);
	/* the server may still be at work on it */
	if (granted && maybe_sent)
		limiter->others_ended_us = now;
	if (granted)
		wfm_limiter_note_health(limiter, probe, true, now);
}

void
wfm_limiter_drop(WfmLimiter *limiter, WfmAppLimiter *app, WfmTicket *tickets,
				 int number, bool maybe_sent, int64_t now)
{
	bool		granted = tickets[number].state == WFM_TICKET_GRANTED;

	give_back(limiter, app, tickets, number, maybe_sent, now);
	if (granted && maybe_sent)
		limiter->others_ended_us = now;
}
