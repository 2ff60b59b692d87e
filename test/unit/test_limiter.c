/*
 * test_limiter.c
 *		The rules of the limiter, each by name.
 */
#include <stdlib.h>

#include "limit/limiter.h"
#include "tap.h"

#define SECOND		INT64_C(1000000)
#define MINUTE		(60 * SECOND)
#define HOUR		(60 * MINUTE)
#define START		(INT64_C(1700000000) * SECOND)
#define TICKETS		256
#define MAX_WAIT	(90 * SECOND)
#define REST		(SECOND / 40)	/* of a slot after a long call */

static WfmLimiter limiter;
static WfmAppLimiter app;
static WfmTicket tickets[TICKETS];
static int64_t now;
static WfmLimiterStatus status;

/* A limiter that knows its history: none. */
static void
begin(int minute, int day, int concurrent, int app_minute)
{
	WfmLimitPolicy policy = {minute, day, concurrent, app_minute};

	memset(tickets, 0, sizeof(tickets));
	wfm_limiter_init(&limiter, false, 0);
	wfm_app_limiter_init(&app);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	now = START;
}

/* Join with a free ticket. */
static int
join(bool batch)
{
	int			i;

	for (i = 0; i < TICKETS; i++)
		if (tickets[i].state == WFM_TICKET_FREE)
		{
			wfm_limiter_join(&limiter, tickets, i, batch, now);
			return i;
		}
	abort();
}

static WfmPermitState
poll_ticket(int ticket)
{
	status = wfm_limiter_poll(&limiter, &app, tickets, ticket, MAX_WAIT, now);
	return status.state;
}

/* Join and poll; -1 unless granted, and then the ticket is gone again. */
static int
try_call(bool batch)
{
	int			ticket = join(batch);

	if (poll_ticket(ticket) == WFM_PERMIT_GRANTED)
		return ticket;
	wfm_limiter_drop(&limiter, &app, tickets, ticket, false, now);
	return -1;
}

static WfmHeaders
no_headers(void)
{
	WfmHeaders	headers;

	memset(&headers, 0, sizeof(headers));
	headers.minute_remaining = headers.day_remaining = headers.app_minute_remaining = -1;
	headers.retry_after_seconds = headers.retry_after_date = headers.date = -1;
	return headers;
}

static void
done(int ticket, int http_status, const WfmHeaders *headers)
{
	WfmHeaders	none = no_headers();

	wfm_limiter_done(&limiter, &app, tickets, ticket, http_status,
					 headers ? headers : &none, now / SECOND, SECOND / 2, now);
}

/* n calls that are answered at once; returns how many were granted. */
static int
call_many(int n, bool batch)
{
	int			granted = 0;

	while (n-- > 0)
	{
		int			ticket = try_call(batch);

		if (ticket < 0)
			break;
		done(ticket, 200, NULL);
		granted++;
	}
	return granted;
}

static void
test_minute(void)
{
	int			ticket;

	begin(60, 5000, 5, 0);
	is_int(call_many(100, false), 60, "minute: a burst of sixty, then no more");
	is_int(status.reason, WFM_REASON_MINUTE, "minute: the reason is the minute");
	now += MINUTE;
	is_int(call_many(1, false), 0, "minute: places are held a little longer than the server's minute");
	now += SECOND / 10;
	is_int(call_many(100, false), 60, "minute: then all are free again");

	begin(2, 5000, 5, 0);
	ticket = try_call(false);
	now += 100 * SECOND;
	is_int(call_many(5, false), 1, "minute: a call under way has a place however long it takes");
	done(ticket, 200, NULL);
	now += 30 * SECOND;
	is_int(call_many(5, false), 0, "minute: its place is held from its answer on");
	now += 31 * SECOND;
	is_int(call_many(5, false), 2, "minute: and free a minute after its answer");

	begin(2, 5000, 5, 0);
	try_call(false);
	try_call(false);
	ticket = join(false);
	is_int(poll_ticket(ticket), WFM_PERMIT_WAITING, "minute: calls under way hold all places");
	is_int(status.reason, WFM_REASON_MINUTE, "minute: which is no matter of slots");
	ok(status.retry_at_us - now >= SECOND / 20, "minute: and nobody looks again at once");

	begin(2, 5000, 5, 0);
	call_many(1, false);
	now += 10 * SECOND;
	call_many(1, false);
	ticket = join(false);
	is_int(poll_ticket(ticket), WFM_PERMIT_WAITING, "minute: the third waits");
	ok(status.available_us > now + 49 * SECOND && status.available_us < now + 52 * SECOND,
	   "minute: for the oldest place");
	is_int(status.retry_at_us, now + SECOND, "minute: and looks again every second");
	now = status.available_us;
	is_int(poll_ticket(ticket), WFM_PERMIT_GRANTED, "minute: and is granted at the time it was told");
}

static void
test_slots(void)
{
	int			held[5];
	int			waiting;
	int			called[4];
	int			i;

	begin(60, 5000, 5, 0);
	for (i = 0; i < 5; i++)
		held[i] = try_call(false);
	ok(held[4] >= 0, "slots: five calls at once");
	waiting = join(false);
	is_int(poll_ticket(waiting), WFM_PERMIT_WAITING, "slots: the sixth waits");
	is_int(status.reason, WFM_REASON_SLOT, "slots: for a slot");
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 0, "slots: nobody is called while none is free");
	wfm_limiter_drop(&limiter, &app, tickets, held[2], true, now);
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 1, "slots: one is called when one is free");
	is_int(called[0], waiting, "slots: the one that waits");
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 0, "slots: it is called once");
	is_int(poll_ticket(waiting), WFM_PERMIT_GRANTED, "slots: and has it");
	is_int(limiter.most_in_flight, 5, "slots: never more than five");

	begin(60, 5000, 5, 0);
	for (i = 0; i < 4; i++)
		held[i] = join(false);
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 4, "slots: as many are called as are free");
	is_int(poll_ticket(held[0]), WFM_PERMIT_GRANTED, "slots: one of them goes");
	wfm_limiter_drop(&limiter, &app, tickets, held[0], false, now);
	is_int(wfm_limiter_minute_used(&limiter, now), 0, "slots: a call that was not sent is not counted");
}

static void
test_queue(void)
{
	int			held,
				first,
				second,
				called[4];

	begin(60, 5000, 1, 0);
	held = try_call(false);
	first = join(false);
	second = join(false);
	done(held, 200, NULL);
	is_int(poll_ticket(second), WFM_PERMIT_WAITING, "queue: the younger does not overtake");
	is_int(poll_ticket(first), WFM_PERMIT_GRANTED, "queue: the older goes first");
	done(first, 200, NULL);
	is_int(poll_ticket(second), WFM_PERMIT_GRANTED, "queue: then the younger");
	done(second, 200, NULL);

	first = join(false);
	second = join(false);
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 1, "queue: the head is called");
	now += SECOND / 20;
	is_int(poll_ticket(second), WFM_PERMIT_WAITING, "queue: others are patient with it");
	now += SECOND / 10;
	is_int(poll_ticket(second), WFM_PERMIT_GRANTED, "queue: one that does not come is passed by");
	done(second, 200, NULL);
	is_int(poll_ticket(first), WFM_PERMIT_GRANTED, "queue: and keeps its place");
	done(first, 200, NULL);

	first = join(false);
	second = join(false);
	wfm_limiter_drop(&limiter, &app, tickets, first, false, now);
	is_int(poll_ticket(second), WFM_PERMIT_GRANTED, "queue: a ticket that leaves makes way");
	is_int(limiter.waiting, 0, "queue: empty");
}

static void
test_day(void)
{
	WfmHeaders	headers = no_headers();
	int			ticket,
				i;

	begin(600, 1000, 5, 0);
	is_int(call_many(600, false), 600, "day: 600 in the first minute");
	now += 2 * MINUTE;
	is_int(call_many(600, false), 400, "day: 400 more");
	ticket = join(false);
	is_int(poll_ticket(ticket), WFM_PERMIT_REFUSED, "day: then refused, not waiting");
	is_int(status.reason, WFM_REASON_DAY, "day: for the day");
	is_int(status.available_us, (START / MINUTE + WFM_DAY_MINUTES) * MINUTE,
		   "day: with the time when the minute of the oldest calls is a day old");
	wfm_limiter_drop(&limiter, &app, tickets, ticket, false, now);
	now = status.available_us;
	is_int(call_many(600, false), 600, "day: at that time they are free");

	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	headers.day_remaining = 100;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_day_used(&limiter, now), 4900, "day: a header lowers what is left");
	ticket = try_call(false);
	headers.day_remaining = 4000;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_day_used(&limiter, now), 4901, "day: and never raises it");

	begin(60, 60000, 5, 0);
	ticket = try_call(false);
	headers.day_remaining = 4990;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_day_used(&limiter, now), 55010, "day: a limit set too high");
	{
		WfmLimitPolicy lower = {60, 5000, 5, 0};

		wfm_limiter_set_policy(&limiter, &app, &lower);
	}
	is_int(wfm_limiter_day_used(&limiter, now), 1, "day: corrected, only our own calls count");
	ticket = try_call(false);
	headers.day_remaining = 4980;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_day_used(&limiter, now), 20, "day: until the next answer tells the rest");

	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	headers = no_headers();
	headers.problem = WFM_LIMIT_PROBLEM_DAY;
	headers.retry_after_seconds = 66975;
	done(ticket, 429, &headers);
	is_int(try_call(false), -1, "day: a 429 of the day stops all");
	is_int(status.state, WFM_PERMIT_REFUSED, "day: at once");
	is_int(status.available_us, now + 66976 * SECOND, "day: until the time it names");
	now += 66976 * SECOND;
	is_int(call_many(1, false), 1, "day: then the day is new");
	is_int(wfm_limiter_day_used(&limiter, now), 1, "day: and what was counted before is past");

	/* the buckets of the day before must not leave the new day's count */
	begin(60, 5000, 5, 0);
	call_many(40, false);
	headers = no_headers();
	headers.day_remaining = 4000;
	done(try_call(false), 200, &headers);
	headers = no_headers();
	headers.problem = WFM_LIMIT_PROBLEM_DAY;
	headers.retry_after_seconds = 7200;
	done(try_call(false), 429, &headers);
	now += 7201 * SECOND;
	call_many(3, false);
	now += 23 * HOUR;
	is_int(wfm_limiter_day_used(&limiter, now), 3, "day: what was past at the reset is not subtracted again");
	{
		WfmLimitPolicy other = {60, 4000, 5, 0};

		wfm_limiter_set_policy(&limiter, &app, &other);
	}
	is_int(wfm_limiter_day_used(&limiter, now), 3, "day: and none of the new day's was told");

	begin(60, 100, 5, 0);
	call_many(40, false);
	now += 25 * HOUR;
	is_int(wfm_limiter_day_used(&limiter, now), 0, "day: calls leave after a day");
	for (i = 0; i < 3 * 1441; i++)
	{
		now += MINUTE;
		if (i % 100 == 0)
			call_many(1, false);
	}
	is_int(wfm_limiter_day_used(&limiter, now), 15, "day: the window rolls for days");
}

static void
test_app(void)
{
	WfmHeaders	headers = no_headers();
	int			ticket;

	begin(60, 5000, 50, 10);
	is_int(call_many(20, false), 10, "app: its minute is shared by all tenants");
	is_int(status.reason, WFM_REASON_APP_MINUTE, "app: the reason");
	is_int(status.available_us, START + 61 * SECOND, "app: and the time");
	now += 60 * SECOND;
	is_int(call_many(1, false), 0, "app: not a second before it");
	is_int(status.available_us, START + 61 * SECOND, "app: which stays the same");
	now += 2 * SECOND;
	is_int(call_many(20, false), 10, "app: free after a minute");
	now += 62 * SECOND;
	ticket = try_call(false);
	headers.app_minute_remaining = 2;
	done(ticket, 200, &headers);
	is_int(call_many(20, false), 2, "app: a header lowers what is left");
	now += 62 * SECOND;
	ticket = try_call(false);
	headers = no_headers();
	headers.problem = WFM_LIMIT_PROBLEM_APP_MINUTE;
	headers.retry_after_seconds = 20;
	done(ticket, 429, &headers);
	is_int(try_call(false), -1, "app: a 429 of the app stops all its tenants");
	is_int(status.reason, WFM_REASON_APP_MINUTE, "app: for that reason");
	ok(app.blocked_until_us > now + 20 * SECOND, "app: noted with the app");

	/* calls of two seconds, and windows that roll without a gap */
	begin(60, 5000, 50, 10);
	call_many(4, false);
	now += 10 * SECOND;
	is_int(call_many(20, false), 6, "app: the rest ten seconds later");
	is_int(status.available_us, START + 61 * SECOND, "app: the oldest leave first");
	now = START + 61 * SECOND;
	is_int(call_many(20, false), 4, "app: and only they");
	is_int(status.available_us, START + 71 * SECOND, "app: then the others");
	now += 62 * SECOND;
	for (int i = 0; i < 200; i++)
	{
		now += SECOND;
		wfm_app_limiter_used(&app, now);
		if (i == 10)
			call_many(3, false);
	}
	is_int(wfm_app_limiter_used(&app, now), 0, "app: nothing is left of them, nor less than nothing");
}

static void
test_headers(void)
{
	WfmHeaders	headers = no_headers();
	int			ticket,
				other;

	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	headers.minute_remaining = 3;
	done(ticket, 200, &headers);
	is_int(call_many(60, false), 3, "headers: lower what is left of the minute");
	now += MINUTE + SECOND;
	ticket = try_call(false);
	headers.minute_remaining = 60;
	done(ticket, 200, &headers);
	is_int(call_many(100, false), 59, "headers: never raise it");
	begin(60, 5000, 5, 10);
	call_many(5, false);
	ticket = try_call(false);
	headers = no_headers();
	headers.app_minute_remaining = 10;
	done(ticket, 200, &headers);
	is_int(wfm_app_limiter_used(&app, now), 6, "headers: nor what is left of the app's");

	/* calls of strangers leave what there is to batch as well */
	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	headers = no_headers();
	headers.minute_remaining = 3;
	done(ticket, 200, &headers);
	is_int(call_many(60, true), 3, "headers: strangers' calls are not batch's");
	headers = no_headers();

	/* the header counts a call whose stamp has left our window meanwhile */
	begin(60, 5000, 5, 0);
	call_many(1, false);
	now += 59 * SECOND;
	ticket = try_call(false);
	now += 3 * SECOND;
	headers.minute_remaining = 58;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_minute_used(&limiter, now), 1, "headers: a slow answer does not count a call twice");

	/* calls under way are ours, not strangers' */
	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	other = try_call(false);
	headers.minute_remaining = 58;
	done(ticket, 200, &headers);
	is_int(wfm_limiter_minute_used(&limiter, now), 2, "headers: calls under way are known");
	done(other, 200, NULL);
}

/* Seconds all are blocked after a 429 with these headers. */
static int64_t
blocked_after(WfmHeaders headers)
{
	int			ticket;

	begin(60, 5000, 5, 0);
	ticket = try_call(false);
	done(ticket, 429, &headers);
	if (limiter.day_reset_us)
		return (limiter.day_reset_us - now) / SECOND;
	return (limiter.blocked_until_us - now) / SECOND;
}

static void
test_refusals(void)
{
	WfmHeaders	headers = no_headers();
	int			tickets_held[5];
	int			i;

	/* Retry-After */
	headers.problem = WFM_LIMIT_PROBLEM_MINUTE;
	headers.retry_after_seconds = 22;
	is_int(blocked_after(headers), 23, "Retry-After 22: a second more, and jitter");
	is_int(limiter.blocked_until_us - now, 23 * SECOND + SECOND / 2, "Retry-After 22: the jitter is the caller's");
	headers.retry_after_seconds = 0;
	is_int(blocked_after(headers), 2, "Retry-After 0: at least a second");
	headers.retry_after_seconds = 1;
	is_int(blocked_after(headers), 2, "Retry-After 1");
	headers.retry_after_seconds = 60;
	is_int(blocked_after(headers), 61, "Retry-After 60");
	headers.retry_after_seconds = 66975;
	is_int(blocked_after(headers), 66976, "Retry-After 66975: the day, whatever the problem says");
	headers.retry_after_seconds = 1000000000;
	is_int(blocked_after(headers), 86401, "Retry-After of 31 years: a day");
	headers.retry_after_seconds = 66975;
	is_int(blocked_after(headers), 66976, "Retry-After 66975 again");
	ok(limiter.day_reset_us > 0, "Retry-After 66975: is refused, not waited for");
	headers.retry_after_seconds = -1;
	is_int(blocked_after(headers), 61, "Retry-After -5, abc, absent: a minute");
	headers.retry_after_date = START / SECOND - 100;
	is_int(blocked_after(headers), 2, "Retry-After in the past");
	headers.retry_after_date = START / SECOND + 30;
	is_int(blocked_after(headers), 31, "Retry-After as a date");
	headers.date = START / SECOND + 10;
	is_int(blocked_after(headers), 21, "Retry-After as a date, against the answer's own");
	headers.retry_after_seconds = 5;
	is_int(blocked_after(headers), 6, "Retry-After as both: the number");

	/* a server that says 0 whatever is to come is not asked every 2 s */
	headers = no_headers();
	headers.problem = WFM_LIMIT_PROBLEM_MINUTE;
	headers.retry_after_seconds = 0;
	begin(60, 5000, 5, 0);
	for (i = 0; i < 8; i++)
	{
		const int	waits[] = {2, 3, 5, 9, 17, 33, 61, 61};

		tickets_held[0] = try_call(false);
		tickets_held[1] = try_call(false);
		done(tickets_held[0], 429, &headers);
		ok((limiter.blocked_until_us - now) / SECOND == waits[i],
		   "Retry-After 0, refused %d times after waiting: %d s", i, waits[i]);
		now += SECOND / 10;
		done(tickets_held[1], 429, &headers);
		ok(limiter.blocked_until_us - now <= (waits[i] + 1) * SECOND,
		   "Retry-After 0: a second refusal of the same moment counts for nothing");
		now = limiter.blocked_until_us;
	}
	now += MINUTE;
	done(try_call(false), 200, NULL);
	now += SECOND;
	done(try_call(false), 429, &headers);
	is_int((limiter.blocked_until_us - now) / SECOND, 2, "Retry-After 0: anew after a good answer");

	/* one 429 stops all */
	begin(60, 5000, 5, 0);
	for (i = 0; i < 5; i++)
		tickets_held[i] = try_call(false);
	headers = no_headers();
	headers.problem = WFM_LIMIT_PROBLEM_MINUTE;
	headers.retry_after_seconds = 22;
	done(tickets_held[0], 429, &headers);
	is_int(try_call(false), -1, "429: nobody else is let out");
	is_int(status.reason, WFM_REASON_TOLD_TO_WAIT, "429: the reason");
	is_int(status.available_us, limiter.blocked_until_us, "429: the time");
	is_int(limiter.refusals, 1, "429: counted");
	headers.retry_after_seconds = 5;
	done(tickets_held[1], 429, &headers);
	is_int(limiter.blocked_until_us, now + 23 * SECOND + SECOND / 2, "429: a shorter one does not shorten it");

	/* concurrent */
	begin(600, 5000, 5, 0);
	headers.problem = WFM_LIMIT_PROBLEM_CONCURRENT;
	headers.retry_after_seconds = -1;
	done(try_call(false), 429, &headers);
	is_int(limiter.cap, 4, "429 concurrent: one slot less");
	now += 3 * SECOND;
	for (i = 0; i < 5; i++)
		tickets_held[i] = try_call(false);
	ok(tickets_held[3] >= 0 && tickets_held[4] < 0, "429 concurrent: four at once");
	for (i = 0; i < 4; i++)
		done(tickets_held[i], 200, NULL);
	now += 58 * SECOND;
	is_int(wfm_limiter_cap(&limiter, now), 5, "429 concurrent: the slot is back after a minute");
	for (i = 0; i < 20; i++)
	{
		int			ticket = try_call(false);

		if (ticket >= 0)
			done(ticket, 429, &headers);
		now += 2 * SECOND;
	}
	ok(limiter.cap >= 1 && limiter.cap <= 2, "429 concurrent: never below one slot");

	/* unknown problem */
	headers = no_headers();
	is_int(blocked_after(headers), 61, "429 without a word: a minute");

	/* 503 with Retry-After is the older form */
	begin(60, 5000, 5, 0);
	headers.retry_after_seconds = 10;
	done(try_call(false), 503, &headers);
	is_int(try_call(false), -1, "503 with Retry-After stops all");
	is_int(status.reason, WFM_REASON_TOLD_TO_WAIT, "503 with Retry-After: the reason");
	is_int(status.available_us, now + 10 * SECOND + SECOND / 2, "503 with Retry-After: the time, with the jitter");
	begin(60, 5000, 5, 0);
	headers.retry_after_seconds = 0;
	done(try_call(false), 503, &headers);
	is_int(try_call(false), -1, "503 with Retry-After 0: not at once");

	/* where an outage is announced, or a page says so, all is tried sooner */
	begin(60, 5000, 5, 0);
	headers.retry_after_seconds = 86400;
	done(try_call(false), 503, &headers);
	now += 299 * SECOND;
	is_int(try_call(false), -1, "503 for a day: nobody calls for five minutes");
	now += 2 * SECOND;
	ok(try_call(false) >= 0, "503 for a day: then somebody does");
}

static void
test_max_wait(void)
{
	WfmHeaders	headers = no_headers();
	int			ticket;

	headers.problem = WFM_LIMIT_PROBLEM_MINUTE;
	headers.retry_after_seconds = 180;
	begin(60, 5000, 5, 0);
	done(try_call(false), 429, &headers);
	ticket = join(false);
	is_int(poll_ticket(ticket), WFM_PERMIT_REFUSED, "max wait: a longer wait is refused at once");
	is_int(status.reason, WFM_REASON_TOLD_TO_WAIT, "max wait: the reason");
	is_int(status.told_of, WFM_LIMIT_PROBLEM_MINUTE, "max wait: and which limit was named");
	ok(status.too_long, "max wait: it is refused for its length");

	/* two calls were under way, and the second is refused for less long */
	begin(60, 5000, 5, 0);
	done(try_call(false), 200, NULL);
	ticket = try_call(false);
	done(try_call(false), 429, &headers);
	headers.problem = WFM_LIMIT_PROBLEM_CONCURRENT;
	headers.retry_after_seconds = 1;
	done(ticket, 429, &headers);
	is_int(poll_ticket(join(false)), WFM_PERMIT_REFUSED, "max wait: a shorter wait does not end it");
	is_int(status.told_of, WFM_LIMIT_PROBLEM_MINUTE, "max wait: nor is it what is named");
	is_int(status.available_us, limiter.blocked_until_us, "max wait: with the time it would take");

	begin(60, 5000, 1, 0);
	try_call(false);
	ticket = join(false);
	is_int(poll_ticket(ticket), WFM_PERMIT_WAITING, "max wait: a slot is waited for");
	now += MAX_WAIT + 1;
	is_int(poll_ticket(ticket), WFM_PERMIT_REFUSED, "max wait: until the time is over");
	status = wfm_limiter_poll(&limiter, &app, tickets, join(false), 0, now);
	is_int(status.state, WFM_PERMIT_REFUSED, "max wait 0: does not wait");
}

static void
test_cold(void)
{
	WfmLimitPolicy policy = {60, 5000, 5, 0};
	WfmHeaders	headers = no_headers();
	int			first,
				second;

	begin(60, 5000, 5, 0);
	wfm_limiter_init(&limiter, true, 0);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	first = try_call(false);
	ok(first >= 0, "cold start: one call goes out");
	second = join(false);
	is_int(poll_ticket(second), WFM_PERMIT_WAITING, "cold start: alone");
	is_int(status.reason, WFM_REASON_COLD_START, "cold start: the reason");
	wfm_limiter_failed(&limiter, &app, tickets, first, true, now);
	is_int(poll_ticket(second), WFM_PERMIT_GRANTED, "cold start: after a failure the next goes alone");
	is_int(try_call(false), -1, "cold start: still nothing is known");
	headers.minute_remaining = 2;
	done(second, 200, &headers);
	is_int(call_many(10, false), 2, "cold start: the first answer tells what is left");
}

/* As many calls as can be made in ten seconds. */
static int
calls_in_ten_seconds(void)
{
	int64_t		end = now + 10 * SECOND;
	int			calls = 0;

	for (; now < end; now += SECOND / 10)
		calls += call_many(1, false);
	return calls;
}

static void
test_crash(void)
{
	WfmLimitPolicy policy = {60, 5000, 5, 0};
	WfmHeaders	headers = no_headers();
	int			number;

	begin(60, 5000, 5, 0);
	wfm_limiter_init(&limiter, true, now + MINUTE);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	is_int(calls_in_ten_seconds(), 10, "crash: one call a second while nothing tells what is left");
	number = join(false);
	is_int(poll_ticket(number), WFM_PERMIT_GRANTED, "crash: the next");
	is_int(poll_ticket(join(false)), WFM_PERMIT_WAITING, "crash: alone");
	is_int(status.reason, WFM_REASON_COLD_START, "crash: the reason");
	done(number, 200, NULL);
	wfm_limiter_resume(&limiter, now);
	is_int(calls_in_ten_seconds(), 9, "crash: a restart does not end that");
	now += 40 * SECOND;
	is_int(call_many(60, false), 40, "crash: a minute later it need not");

	wfm_limiter_init(&limiter, true, now + MINUTE);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	headers.minute_remaining = 7;
	number = join(false);
	is_int(poll_ticket(number), WFM_PERMIT_GRANTED, "crash: with headers, one call");
	done(number, 200, &headers);
	is_int(call_many(60, false), 7, "crash: which tells what is left");
}

static void
test_priority(void)
{
	int			held[8],
				i,
				batch,
				interactive,
				batch_grants = 0;

	begin(60, 1000, 5, 0);
	for (i = 0; i < 5; i++)
		held[i] = try_call(true);
	ok(held[2] >= 0 && held[3] < 0, "batch: three of five slots");
	for (i = 0; i < 3; i++)
		done(held[i], 200, NULL);
	is_int(call_many(60, true), 42, "batch: 45 of 60 in a minute");
	is_int(call_many(60, false), 15, "batch: leaves 15 to interactive calls");

	begin(600, 1000, 5, 0);
	while (now < START + 10 * MINUTE)
	{
		call_many(600, true);
		now += MINUTE;
	}
	is_int(wfm_limiter_day_used(&limiter, now), 800, "batch: four fifths of the day");
	is_int(call_many(600, false), 200, "batch: leaves the rest of the day");

	begin(600, 5000, 1, 0);
	interactive = join(false);
	batch = join(true);
	is_int(poll_ticket(batch), WFM_PERMIT_WAITING, "priority: interactive goes first, whatever its ticket");
	wfm_limiter_drop(&limiter, &app, tickets, interactive, false, now);
	wfm_limiter_drop(&limiter, &app, tickets, batch, false, now);

	begin(600, 5000, 1, 0);
	held[0] = try_call(false);
	batch = join(true);
	now += SECOND;
	interactive = join(false);
	done(held[0], 200, NULL);
	now += REST;
	is_int(poll_ticket(batch), WFM_PERMIT_WAITING, "priority: interactive goes before an older batch call");
	is_int(poll_ticket(interactive), WFM_PERMIT_GRANTED, "priority: interactive");
	done(interactive, 200, NULL);
	now += REST;
	is_int(poll_ticket(batch), WFM_PERMIT_GRANTED, "priority: then batch");
	now += SECOND;
	interactive = join(false);
	done(batch, 200, NULL);
	now += REST;
	is_int(poll_ticket(interactive), WFM_PERMIT_GRANTED, "priority: interactive alone");
	batch = join(true);
	now += 31 * SECOND;
	held[0] = join(false);
	done(interactive, 200, NULL);
	now += REST;
	is_int(poll_ticket(held[0]), WFM_PERMIT_WAITING, "priority: a batch call of half a minute goes first");
	is_int(poll_ticket(batch), WFM_PERMIT_GRANTED, "priority: it does");
	done(batch, 200, NULL);
	now += REST;
	is_int(poll_ticket(held[0]), WFM_PERMIT_GRANTED, "priority: then the younger interactive one");
	done(held[0], 200, NULL);

	/* both always waiting: every fourth grant is batch's */
	batch = join(true);
	interactive = join(false);
	for (i = 0; i < 40; i++)
	{
		now += REST;
		if (poll_ticket(batch) == WFM_PERMIT_GRANTED)
		{
			batch_grants++;
			done(batch, 200, NULL);
			batch = join(true);
		}
		else if (poll_ticket(interactive) == WFM_PERMIT_GRANTED)
		{
			done(interactive, 200, NULL);
			interactive = join(false);
		}
	}
	is_int(batch_grants, 10, "priority: batch has every fourth grant");
}

static void
test_rest(void)
{
	WfmHeaders	headers = no_headers();
	int			called[4];
	int			held[2];
	int			waiting,
				behind;
	int			i;

	/* a server that sends the last byte before it counts the call as ended */
	begin(600, 5000, 2, 0);
	held[0] = try_call(false);
	held[1] = try_call(false);
	waiting = join(false);
	behind = join(false);
	poll_ticket(waiting);
	poll_ticket(behind);
	now += SECOND / 100;
	done(held[0], 200, NULL);
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 1,
		   "rest: who comes next is called when a call is answered");
	is_int(called[0], waiting, "rest: the oldest");
	is_int(poll_ticket(waiting), WFM_PERMIT_WAITING, "rest: a slot is not given away at once");
	is_int(status.reason, WFM_REASON_SLOT, "rest: that is a wait for a slot");
	is_int(status.retry_at_us - now, SECOND / 100, "rest: as long as the call took");
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 0,
		   "rest: nobody is called twice for it");
	status = wfm_limiter_poll(&limiter, &app, tickets, waiting, 0, now);
	is_int(status.state, WFM_PERMIT_WAITING, "rest: too short to be refused without max_wait");
	now += SECOND / 100;
	is_int(poll_ticket(behind), WFM_PERMIT_WAITING, "rest: the younger one does not overtake");
	is_int(poll_ticket(waiting), WFM_PERMIT_GRANTED, "rest: then it is given away");
	now += SECOND;
	done(held[1], 200, NULL);
	poll_ticket(behind);
	is_int(status.retry_at_us - now, REST, "rest: a short one after a long call, too");
	now += REST;
	is_int(poll_ticket(behind), WFM_PERMIT_GRANTED, "rest: and no longer");

	/* a process whose calls alone there are sends on its own connections */
	begin(600, 5000, 1, 0);
	for (i = 0; i < TICKETS; i++)
		tickets[i].pid = 7;
	held[0] = try_call(false);
	now += SECOND / 100;
	done(held[0], 200, NULL);
	is_int(limiter.rest_us, SECOND / 100, "rest: there would be one");
	is_int(call_many(3, false), 3, "rest: but not for who is alone");
	held[0] = try_call(false);
	now += SECOND / 100;
	done(held[0], 200, NULL);
	for (i = 0; i < TICKETS; i++)
		tickets[i].pid = 8;
	is_int(try_call(false), -1, "rest: for another process");
	now += SECOND / 100;
	held[0] = try_call(false);
	ok(held[0] >= 0, "rest: as long as the call took");
	now += SECOND / 100;
	done(held[0], 200, NULL);
	is_int(try_call(false), -1, "rest: for who has not been alone for long");
	now += REST;
	held[0] = try_call(false);
	now += SECOND / 100;
	wfm_limiter_drop(&limiter, &app, tickets, held[0], true, now);
	is_int(try_call(false), -1, "rest: after a call that was given up");
	begin(600, 5000, 1, 0);
	for (i = 0; i < TICKETS; i++)
		tickets[i].pid = 7;
	limiter.late_until_us = now + SECOND;
	held[0] = try_call(false);
	now += SECOND / 100;
	done(held[0], 200, NULL);
	is_int(try_call(false), -1, "rest: of a server that was late before");

	/* the first in the queue does not poll: the next one must not spin */
	begin(600, 5000, 3, 0);
	held[0] = try_call(false);
	held[1] = try_call(false);
	waiting = join(false);
	behind = join(false);
	now += SECOND / 100;
	done(held[0], 200, NULL);
	wfm_limiter_call(&limiter, &app, tickets, now, called, 4);
	is_int(poll_ticket(behind), WFM_PERMIT_WAITING, "rest: behind one who has not polled");
	is_int(wfm_limiter_call(&limiter, &app, tickets, now, called, 4), 0,
		   "rest: nobody is called again at once");
	ok(status.retry_at_us - now >= SECOND / 1000, "rest: nor polls again at once");

	begin(600, 5000, 2, 0);
	for (i = 0; i < 100; i++)
	{
		held[0] = try_call(false);
		if (held[0] < 0)
			break;
		now += SECOND / 100;
		done(held[0], 200, NULL);
	}
	is_int(i, 100, "rest: calls one after the other do not notice");

	headers.problem = WFM_LIMIT_PROBLEM_CONCURRENT;
	begin(600, 5000, 2, 0);
	done(try_call(false), 429, &headers);
	now += 2 * MINUTE;
	held[0] = try_call(false);
	held[1] = try_call(false);
	now += SECOND;
	done(held[0], 200, NULL);
	poll_ticket(waiting = join(false));
	is_int(status.retry_at_us - now, SECOND / 4,
		   "rest: longer after a server said that calls were too many at once");
	now += 61 * MINUTE;
	poll_ticket(waiting);
	done(waiting, 200, NULL);
	done(held[1], 200, NULL);
	is_int(try_call(false), -1, "rest: an hour later slots rest as well");
	now += REST;
	ok(try_call(false) >= 0, "rest: and no longer than before");
}

static void
test_circuit(void)
{
	int			i,
				probe,
				batch;

	begin(600, 5000, 5, 0);
	for (i = 0; i < 4; i++)
		wfm_limiter_failed(&limiter, &app, tickets, try_call(false), true, now);
	ok(!limiter.open, "circuit: closed after four failures");
	done(try_call(false), 503, NULL);
	ok(limiter.open, "circuit: the fifth in a row opens it, transport or 5xx");
	is_int(try_call(false), -1, "circuit: nothing goes out");
	is_int(status.state, WFM_PERMIT_REFUSED, "circuit: refused at once");
	is_int(status.reason, WFM_REASON_CIRCUIT, "circuit: the reason");
	is_int(status.available_us, now + 15 * SECOND, "circuit: for 15 s");
	batch = join(true);
	is_int(poll_ticket(batch), WFM_PERMIT_WAITING, "circuit: batch waits for it");
	wfm_limiter_drop(&limiter, &app, tickets, batch, false, now);
	now += 15 * SECOND;
	probe = try_call(false);
	ok(probe >= 0, "circuit: then one probe");
	is_int(try_call(false), -1, "circuit: alone");
	is_int(status.state, WFM_PERMIT_WAITING, "circuit: others wait for what it finds");
	wfm_limiter_failed(&limiter, &app, tickets, probe, true, now);
	is_int(limiter.open_until_us, now + 30 * SECOND, "circuit: a failed probe doubles the time");
	for (i = 0; i < 6; i++)
	{
		now = limiter.open_until_us;
		done(try_call(false), 500, NULL);
	}
	is_int(limiter.open_until_us, now + 300 * SECOND, "circuit: up to five minutes");
	now = limiter.open_until_us;
	probe = try_call(false);
	wfm_limiter_drop(&limiter, &app, tickets, probe, true, now);
	ok(limiter.open, "circuit: a cancelled probe proves nothing");
	probe = try_call(false);
	ok(probe >= 0, "circuit: and another may try");
	done(probe, 200, NULL);
	is_int(call_many(10, false), 10, "circuit: a good answer closes it");

	begin(600, 5000, 5, 0);
	call_many(1, false);
	for (i = 0; i < 4; i++)
		wfm_limiter_failed(&limiter, &app, tickets, try_call(false), true, now);
	ok(!limiter.open, "circuit: a good answer is none of them");

	for (int part = 0; part < WFM_HEALTH_PARTS; part++)
	{
		begin(600, 5000, 5, 0);
		now += part * 5 * SECOND;
		for (i = 0; i < 10; i++)
			done(try_call(false), i % 2 ? 500 : 200, NULL);
		ok(limiter.open, "circuit: half of ten in 30 s opens it");
	}
	begin(600, 5000, 5, 0);
	for (i = 0; i < 100; i++)
		done(try_call(false), i % 3 ? 200 : 500, NULL);
	ok(!limiter.open, "circuit: a third does not");
	begin(600, 5000, 5, 0);
	for (i = 0; i < 20; i++)
	{
		done(try_call(false), i % 2 ? 500 : 200, NULL);
		now += 4 * SECOND;
	}
	ok(!limiter.open, "circuit: nor half of fewer than ten in 30 s");
	begin(600, 5000, 5, 0);
	for (i = 0; i < 9; i++)
		done(try_call(false), i % 2 ? 200 : 500, NULL);
	now += HOUR;
	done(try_call(false), 500, NULL);
	ok(!limiter.open, "circuit: nor failures of long ago");
	call_many(100, false);
	now += HOUR;
	for (i = 0; i < 10; i++)
		done(try_call(false), i % 2 ? 500 : 200, NULL);
	ok(limiter.open, "circuit: nor do good calls of long ago keep it closed");

	/* what was counted before the circuit closed again is past */
	begin(600, 5000, 5, 0);
	call_many(100, false);
	for (i = 0; i < 5; i++)
		done(try_call(false), 500, NULL);
	now += 15 * SECOND;
	call_many(9, false);
	done(try_call(false), 500, NULL);
	ok(!limiter.open, "circuit: failures before it closed do not open it again");
	for (i = 0; i < 20 && !limiter.open; i++)
		done(try_call(false), i % 4 == 3 ? 200 : 500, NULL);
	ok(limiter.open, "circuit: nor do good calls before keep it closed");
	begin(600, 5000, 5, 0);
	for (i = 0; i < 20; i++)
		wfm_limiter_drop(&limiter, &app, tickets, try_call(false), true, now);
	ok(!limiter.open, "circuit: cancelled calls do not count");
	for (i = 0; i < 20; i++)
		done(try_call(false), i % 2 ? 404 : 401, NULL);
	ok(!limiter.open, "circuit: neither do answers that say no");
}

static void
test_accounts(void)
{
	int			ticket;
	int			granted = 0;
	int			i;

	begin(600, 5000, 5, 100);
	srand(1);
	for (i = 0; i < 100000; i++)
	{
		int			n = rand() % 20;
		WfmTicket  *t = &tickets[n];

		now += rand() % (SECOND / 5);
		if (t->state == WFM_TICKET_FREE)
			wfm_limiter_join(&limiter, tickets, n, rand() % 2, now);
		else if (rand() % 3 && t->state == WFM_TICKET_WAITING)
			granted += poll_ticket(n) == WFM_PERMIT_GRANTED;
		else
			switch (rand() % 3)
			{
				case 0:
					done(n, rand() % 100 ? 200 : 500, NULL);
					break;
				case 1:
					wfm_limiter_drop(&limiter, &app, tickets, n, rand() % 2, now);
					break;
				default:
					wfm_limiter_failed(&limiter, &app, tickets, n, rand() % 2, now);
					break;
			}
	}
	for (i = 0; i < 20; i++)
		wfm_limiter_drop(&limiter, &app, tickets, i, false, now);
	ok(granted > 1000, "accounts: %d random grants", granted);
	ok(limiter.in_flight == 0 && limiter.in_flight_batch == 0 && app.in_flight == 0 &&
	   limiter.waiting == 0 && limiter.first == -1 && limiter.last == -1 && !limiter.probing,
	   "accounts: nothing is left over");
	ok(limiter.most_in_flight <= 5, "accounts: never more than five at once");

	begin(60, 5000, 5, 0);
	ok(wfm_limiter_idle(&limiter, now), "idle: at first");
	ticket = try_call(false);
	ok(!wfm_limiter_idle(&limiter, now), "idle: not during a call");
	done(ticket, 200, NULL);
	ok(!wfm_limiter_idle(&limiter, now), "idle: not within its minute");
	now += 61 * SECOND;
	ok(wfm_limiter_idle(&limiter, now), "idle: after it");
}

static void
test_resume(void)
{
	WfmLimiter	saved;

	begin(60, 5000, 5, 0);
	call_many(50, false);
	try_call(false);
	join(false);
	saved = limiter;
	memset(tickets, 0, sizeof(tickets));
	wfm_app_limiter_init(&app);

	limiter = saved;
	now += 10 * SECOND;
	wfm_limiter_resume(&limiter, now);
	is_int(limiter.in_flight + limiter.waiting, 0, "resume: nobody waits or calls");
	is_int(call_many(60, false), 9, "resume: the minute goes on, with the call that was under way");
	is_int(wfm_limiter_day_used(&limiter, now), 60, "resume: the day goes on");
	now = START + 61 * SECOND;
	is_int(call_many(60, false), 50, "resume: what was called before leaves the minute when it would have");

	/* a day's calls leave when they would have left */
	now += 20 * HOUR;
	call_many(1, false);
	wfm_limiter_resume(&limiter, now);
	now += 5 * HOUR;
	is_int(wfm_limiter_day_used(&limiter, now), 1, "resume: calls leave a day after they were made");

	limiter = saved;
	now = START - HOUR;
	wfm_limiter_resume(&limiter, now);
	is_int(call_many(60, false), 9, "resume: under a clock set back an hour");
	is_int(wfm_limiter_day_used(&limiter, now), 60, "resume: with the day");
	now += 61 * SECOND;
	is_int(call_many(60, false), 60, "resume: and a minute later the minute is new");
}

/* The same for the calls of an app. */
static void
test_resume_app(void)
{
	begin(60, 5000, 50, 10);
	call_many(10, false);
	now += 30 * SECOND;
	wfm_app_limiter_resume(&app, now);
	is_int(wfm_app_limiter_used(&app, now), 10, "resume: the app's minute goes on");
	now = START + 61 * SECOND;
	is_int(wfm_app_limiter_used(&app, now), 0, "resume: and ends when it would have");

	begin(60, 5000, 50, 10);
	call_many(10, false);
	try_call(false);
	now -= HOUR;
	wfm_app_limiter_resume(&app, now);
	is_int(wfm_app_limiter_used(&app, now), 10, "resume: it holds under a clock set back");
	now += 61 * SECOND;
	is_int(wfm_app_limiter_used(&app, now), 0, "resume: for a minute");
}

/* Waits that were saved by a clock that was set back meanwhile. */
static void
test_resume_waits(void)
{
	static const int64_t back[] = {HOUR, 20 * 365 * 24 * HOUR};
	int			i;

	for (i = 0; i < 2; i++)
	{
		WfmHeaders	headers = no_headers();
		int			n;

		begin(60, 5000, 5, 0);
		headers.retry_after_seconds = 30;
		done(try_call(false), 429, &headers);
		now -= back[i];
		wfm_limiter_resume(&limiter, now);
		is_int(call_many(1, false), 0, "resume: a 429 holds under a clock set back");
		now += 33 * SECOND;
		is_int(call_many(1, false), 1, "resume: and no longer than it said");

		begin(60, 5000, 5, 10000);
		headers.problem = WFM_LIMIT_PROBLEM_APP_MINUTE;
		done(try_call(false), 429, &headers);
		now -= back[i];
		wfm_limiter_resume(&limiter, now);
		wfm_app_limiter_resume(&app, now);
		is_int(call_many(1, false), 0, "resume: so does that of the app");
		now += 33 * SECOND;
		is_int(call_many(1, false), 1, "resume: and no longer either");

		begin(60, 5000, 5, 0);
		headers.retry_after_seconds = 66975;
		headers.problem = WFM_LIMIT_PROBLEM_DAY;
		done(try_call(false), 429, &headers);
		now -= back[i];
		wfm_limiter_resume(&limiter, now);
		now += 66974 * SECOND;
		is_int(call_many(1, false), 0, "resume: a spent day stays spent under a clock set back");
		now += 3 * SECOND;
		is_int(call_many(1, false), 1, "resume: until it begins anew");

		begin(60, 5000, 5, 0);
		call_many(40, false);
		headers = no_headers();
		headers.problem = WFM_LIMIT_PROBLEM_CONCURRENT;
		done(try_call(false), 429, &headers);
		now -= back[i];
		wfm_limiter_resume(&limiter, now);
		is_int(wfm_limiter_cap(&limiter, now), 4, "resume: so does a slot that was taken");
		now += MINUTE;
		is_int(wfm_limiter_cap(&limiter, now), 5, "resume: for a minute");
		is_int(wfm_limiter_day_used(&limiter, now), 41, "resume: so do the calls of a day");
		now += 24 * HOUR;
		is_int(wfm_limiter_day_used(&limiter, now), 0, "resume: for a day");

		begin(60, 5000, 5, 0);
		for (n = 0; n < 5; n++)
			wfm_limiter_failed(&limiter, &app, tickets, try_call(false), true, now);
		now -= back[i];
		wfm_limiter_resume(&limiter, now);
		is_int(call_many(1, false), 0, "resume: the circuit stays open under a clock set back");
		now += 16 * SECOND;
		is_int(call_many(1, false), 1, "resume: and is tried when it would have been");
	}
}

int
main(void)
{
	test_minute();
	test_slots();
	test_queue();
	test_day();
	test_app();
	test_headers();
	test_refusals();
	test_max_wait();
	test_cold();
	test_crash();
	test_priority();
	test_rest();
	test_circuit();
	test_accounts();
	test_resume();
	test_resume_app();
	test_resume_waits();
	return done_testing();
}
