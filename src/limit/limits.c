/*
 * limit/limits.c
 *		Permits: the shell around the limiter.
 *
 * Every function here takes the one lock for a few microseconds, lets the
 * limiter decide, and wakes those whose turn has come after it let go.
 *
 * A permit cannot leak: it lives in a memory context of its own below the
 * owner's, whose callback gives it back when an error, a cancel or an aborted
 * subtransaction deletes the owner; a cursor that fails in a subtransaction
 * and outlives it gives back what it was granted there; a backend that exits
 * gives all of its tickets back before it leaves shared memory.  A backend that
 * is killed takes all of shared memory with it.
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "common/pg_prng.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/settings.h"
#include "limit/limits_private.h"

/* How often waiters look for owners that vanished without a word. */
#define REAP_EVERY_US	INT64CONST(1000000)

/* Backends woken at once; further ones are found at the next occasion. */
#define MAX_WOKEN	16

struct WfmPermit
{
	MemoryContext context;		/* holds nothing but this */
	MemoryContextCallback callback;
	int			ticket;			/* -1: given back */
	uint32		generation;		/* of the ticket */
	SubTransactionId subid;		/* in which it was asked for */
	dlist_node	node;			/* in permits */
};

/* In this process: the permits whose contexts exist. */
static dlist_head permits = DLIST_STATIC_INIT(permits);

/* The backends to wake after the lock is released. */
typedef struct Wakeup
{
	int			n;
	int			owners[MAX_WOKEN];
} Wakeup;

static void
collect(Wakeup *wakeup, WfmLimitTenant *tenant, int64 now_us)
{
	int			called[MAX_WOKEN];
	int			n = wfm_limiter_call(&tenant->limiter,
									 &wfm_limits->apps[tenant->app].limiter,
									 wfm_limits->tickets, now_us, called,
									 MAX_WOKEN - wakeup->n);
	int			i;

	for (i = 0; i < n; i++)
		wakeup->owners[wakeup->n++] = wfm_limits->tickets[called[i]].owner;
}

static void
wake(const Wakeup *wakeup)
{
	int			i;

	for (i = 0; i < wakeup->n; i++)
		SetLatch(&GetPGProcByNumber(wakeup->owners[i])->procLatch);
}

/* Put a ticket that the limiter has let go of back on the free list. */
static void
free_ticket(int number)
{
	WfmTicket  *ticket = &wfm_limits->tickets[number];

	ticket->generation++;
	ticket->pid = 0;
	ticket->next = wfm_limits->free_ticket;
	wfm_limits->free_ticket = number;
}

/* Give a ticket back whose call nobody will report on. */
static void
drop_ticket(int number, bool maybe_sent, Wakeup *wakeup, int64 now_us)
{
	WfmLimitTenant *tenant = &wfm_limits->tenants[wfm_limits->tickets[number].tenant];

	wfm_limiter_drop(&tenant->limiter, &wfm_limits->apps[tenant->app].limiter,
					 wfm_limits->tickets, number, maybe_sent, now_us);
	free_ticket(number);
	if (wakeup->n < MAX_WOKEN)
		collect(wakeup, tenant, now_us);
}

/* Before this backend leaves shared memory: nothing of it may stay. */
static void
drop_all_tickets(int code, Datum arg)
{
	Wakeup		wakeup = {0};
	int64		now_us = wfm_limits_now();
	int			i;

	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	for (i = 0; i < wfm_limits->ntickets; i++)
		if (wfm_limits->tickets[i].state != WFM_TICKET_FREE &&
			wfm_limits->tickets[i].pid == MyProcPid)
			drop_ticket(i, true, &wakeup, now_us);
	LWLockRelease(wfm_limits->lock);
	wake(&wakeup);
}

/*
 * Give back the tickets of processes that are no more.  None should be there,
 * but a slot that leaked would be gone until the next restart.
 */
static void
reap_tickets(Wakeup *wakeup, int64 now_us)
{
	int			i;

	if (now_us - wfm_limits->reaped_us < REAP_EVERY_US)
		return;
	wfm_limits->reaped_us = now_us;
	for (i = 0; i < wfm_limits->ntickets; i++)
	{
		WfmTicket  *ticket = &wfm_limits->tickets[i];

		if (ticket->state != WFM_TICKET_FREE &&
			GetPGProcByNumber(ticket->owner)->pid != ticket->pid)
			drop_ticket(i, true, wakeup, now_us);
	}
}

/* The ticket of a permit, or NULL when it was given back already. */
static WfmTicket *
ticket_of(const WfmPermit *permit)
{
	WfmTicket  *ticket;

	if (permit->ticket < 0)
		return NULL;
	ticket = &wfm_limits->tickets[permit->ticket];
	return ticket->generation == permit->generation ? ticket : NULL;
}

/* How a permit ends. */
typedef enum PermitEnd
{
	PERMIT_DONE,
	PERMIT_FAILED,
	PERMIT_DROPPED
} PermitEnd;

/* Give a permit's ticket back, whatever became of its call.  Never throws. */
static void
end_permit(WfmPermit *permit, PermitEnd end, bool maybe_sent, int http_status,
		   const WfmHeaders *headers)
{
	Wakeup		wakeup = {0};
	int64		jitter_us = pg_prng_uint64(&pg_global_prng_state) % USECS_PER_SEC;
	int64		wall_s = time(NULL);

	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	if (ticket_of(permit) != NULL)
	{
		int			number = permit->ticket;
		WfmLimitTenant *tenant = &wfm_limits->tenants[wfm_limits->tickets[number].tenant];
		WfmAppLimiter *app = &wfm_limits->apps[tenant->app].limiter;
		int64		now_us = wfm_limits_now();

		switch (end)
		{
			case PERMIT_DONE:
				wfm_limiter_done(&tenant->limiter, app, wfm_limits->tickets, number,
								 http_status, headers, wall_s, jitter_us, now_us);
				break;
			case PERMIT_FAILED:
				wfm_limiter_failed(&tenant->limiter, app, wfm_limits->tickets,
								   number, maybe_sent, now_us);
				break;
			case PERMIT_DROPPED:
				wfm_limiter_drop(&tenant->limiter, app, wfm_limits->tickets,
								 number, maybe_sent, now_us);
				break;
		}
		free_ticket(number);
		collect(&wakeup, tenant, now_us);
	}
	LWLockRelease(wfm_limits->lock);
	permit->ticket = -1;
	wake(&wakeup);
}

/* The owner's context goes away with the permit in it. */
static void
permit_callback(void *arg)
{
	WfmPermit  *permit = arg;

	dlist_delete(&permit->node);
	if (permit->ticket >= 0)
		end_permit(permit, PERMIT_DROPPED, true, 0, NULL);
}

/*
 * A cursor that was opened before a subtransaction and failed in it stays
 * until the transaction ends, and is never run again.  One that did not fail
 * has no call under way between two fetches.
 */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	dlist_iter	iter;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	dlist_foreach(iter, &permits)
	{
		WfmPermit  *permit = dlist_container(WfmPermit, node, iter.cur);
		WfmTicket  *ticket = ticket_of(permit);

		if (permit->subid != subid)
			continue;
		permit->subid = parent;

		/* nobody else changes the state of a ticket that this process has */
		if (event == SUBXACT_EVENT_ABORT_SUB && ticket != NULL &&
			ticket->state == WFM_TICKET_GRANTED)
			end_permit(permit, PERMIT_DROPPED, true, 0, NULL);
	}
}

WfmPermit *
wfm_permit_request(const char *app, const char *tenant,
				   const WfmLimitPolicy *policy, MemoryContext owner)
{
	static bool exit_registered = false;
	MemoryContext context;
	WfmPermit  *permit;
	Wakeup		wakeup = {0};
	int64		now_us;
	int			place;
	int			number;

	wfm_require_preload();
	if (!exit_registered)
	{
		before_shmem_exit(drop_all_tickets, (Datum) 0);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		exit_registered = true;
	}

	/* All that can throw comes before there is something to give back. */
	context = AllocSetContextCreate(owner, "wfm_fdw permit", ALLOCSET_SMALL_SIZES);
	permit = MemoryContextAllocZero(context, sizeof(WfmPermit));
	permit->context = context;
	permit->ticket = -1;
	permit->subid = GetCurrentSubTransactionId();
	dlist_push_tail(&permits, &permit->node);
	permit->callback.func = permit_callback;
	permit->callback.arg = permit;
	MemoryContextRegisterResetCallback(context, &permit->callback);

	now_us = wfm_limits_now();
	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	place = wfm_limits_find(app, tenant, now_us);
	number = place < 0 ? -1 : wfm_limits->free_ticket;
	if (number >= 0)
	{
		WfmLimitTenant *t = &wfm_limits->tenants[place];
		WfmTicket  *ticket = &wfm_limits->tickets[number];

		wfm_limits->free_ticket = ticket->next;
		ticket->owner = wfm_my_proc_number();
		ticket->pid = MyProcPid;
		ticket->tenant = place;
		wfm_limiter_set_policy(&t->limiter, &wfm_limits->apps[t->app].limiter, policy);
		wfm_limiter_join(&t->limiter, wfm_limits->tickets, number,
						 wfm_priority == WFM_PRIORITY_BATCH, now_us);
		permit->ticket = number;
		permit->generation = ticket->generation;
	}
	else if (place >= 0)
		reap_tickets(&wakeup, now_us);
	LWLockRelease(wfm_limits->lock);
	wake(&wakeup);

	if (place < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many tenants are in use at once"),
				 errdetail_plural("Limits are kept for %d tenant, and it is not idle.",
								  "Limits are kept for %d tenants, and none of them is idle.",
								  wfm_limits->ntenants, wfm_limits->ntenants),
				 errhint("Raise wfm_fdw.max_tenants and restart the server.")));
	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("too many calls to the API wait at once"),
				 errdetail("There is room for %d in this server.", wfm_limits->ntickets),
				 errhint("Run fewer queries on foreign tables of wfm_fdw at the same time, or raise max_connections.")));
	return permit;
}

/*
 * Does a ticket wait for another of this process: a call that is under way, or
 * one whose turn it is?
 */
static bool
waits_for_itself(const WfmTicket *ticket, const WfmLimiterStatus *status)
{
	WfmTicketState least = status->others_first ? WFM_TICKET_WAITING :
		WFM_TICKET_GRANTED;
	int			i;

	for (i = 0; i < wfm_limits->ntickets; i++)
	{
		const WfmTicket *other = &wfm_limits->tickets[i];

		if (other != ticket && other->state >= least &&
			other->pid == MyProcPid && other->tenant == ticket->tenant)
			return true;
	}
	return false;
}

/* The longest wait of a ticket from its joining on, in microseconds. */
static int64
longest_wait(const WfmTicket *ticket, int64 waits_since_us)
{
	if (waits_since_us == 0)
		return PG_INT64_MAX / 2;
	return Max(waits_since_us + wfm_limits->clock_offset_us - ticket->asked_us, 0) +
		(int64) wfm_max_wait_ms * 1000;
}

WfmPermitStatus
wfm_permit_poll(WfmPermit *permit, int64 waits_since_us)
{
	WfmPermitStatus result;
	WfmLimiterStatus status = {WFM_PERMIT_REFUSED};
	Wakeup		wakeup = {0};
	int64		now_us = wfm_limits_now();
	bool		own_calls = false;
	WfmTicket  *ticket;

	LWLockAcquire(wfm_limits->lock, LW_EXCLUSIVE);
	ticket = ticket_of(permit);
	if (ticket != NULL)
	{
		WfmLimitTenant *tenant = &wfm_limits->tenants[ticket->tenant];

		status = wfm_limiter_poll(&tenant->limiter,
								  &wfm_limits->apps[tenant->app].limiter,
								  wfm_limits->tickets, permit->ticket,
								  longest_wait(ticket, waits_since_us), now_us);
		own_calls = status.state == WFM_PERMIT_REFUSED &&
			status.reason != WFM_REASON_CIRCUIT && status.too_long &&
			status.available_us == 0 && waits_for_itself(ticket, &status);
		if (status.state == WFM_PERMIT_WAITING && status.reason == WFM_REASON_SLOT)
			reap_tickets(&wakeup, now_us);
		if (wakeup.n < MAX_WOKEN)
			collect(&wakeup, tenant, now_us);
	}
	LWLockRelease(wfm_limits->lock);
	wake(&wakeup);

	result.state = status.state;
	result.reason = status.reason;
	result.told_of = status.told_of;
	result.retry_at_us = status.retry_at_us - wfm_limits->clock_offset_us;
	result.available_at = wfm_limits_timestamp(status.available_us);
	result.own_calls = own_calls;
	return result;
}

void
wfm_permit_done(WfmPermit *permit, int http_status, const WfmHeaders *headers)
{
	end_permit(permit, PERMIT_DONE, true, http_status, headers);
	MemoryContextDelete(permit->context);
}

void
wfm_permit_failed(WfmPermit *permit, bool maybe_sent)
{
	end_permit(permit, PERMIT_FAILED, maybe_sent, 0, NULL);
	MemoryContextDelete(permit->context);
}

void
wfm_permit_drop(WfmPermit *permit, bool maybe_sent)
{
	if (permit == NULL)
		return;
	end_permit(permit, PERMIT_DROPPED, maybe_sent, 0, NULL);
	MemoryContextDelete(permit->context);
}
