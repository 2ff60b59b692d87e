/*
 * fetch/step.h
 *		One request of a cursor, from its key and window to its URL.
 */
#ifndef WFM_FETCH_STEP_H
#define WFM_FETCH_STEP_H

#include "postgres.h"

#include "lib/ilist.h"

#include "fetch/cursor.h"
#include "http/transfer.h"
#include "limit/limits.h"

typedef enum WfmStepState
{
	WFM_STEP_NEW,				/* nothing done yet */
	WFM_STEP_PERMIT,			/* waiting for permission to call */
	WFM_STEP_RUNNING,			/* request sent */
	WFM_STEP_BACKOFF,			/* failed, to be tried again at not_before_us */
	WFM_STEP_ANSWERED,			/* answer complete, rows can be taken */
	WFM_STEP_EMPTY,				/* answered: no such thing, zero rows */
	WFM_STEP_FAILED				/* problem is set: raised when its turn comes */
} WfmStepState;

/* What the answer for one page says about the list it is a page of. */
typedef struct WfmPageFacts
{
	bool		known;
	int64		on_page;		/* outermost records */
	int64		told;			/* Records: how many; -1: does not say */
	int64		total;			/* of all pages; -1: does not say */
	char	   *key;			/* of the first record, or a fingerprint of
								 * the page if that has none; NULL: unknown */
	char	   *link;			/* to the next page; NULL: none */
} WfmPageFacts;

typedef struct WfmStep
{
	dlist_node	node;			/* in the cursor's list, in order */
	WfmStepState state;
	const WfmEndpoint *endpoint;
	int			key_index[WFM_MAX_FILTERS];
	int			tenant;			/* index into the spec's tenants */
	int			chain;			/* index into the endpoint's chains */
	int			page;			/* from 1; 0: the endpoint has no pages */
	struct WfmPageList *pages;	/* the list it is a page of; NULL: none */
	WfmPageFacts facts;
	bool		page_repeated;	/* it is an earlier page again: no rows */
	char	   *page_query;		/* what a link said to ask for */
	bool		has_window;
	DateADT		own_first;		/* days whose rows this step delivers */
	DateADT		own_last;
	DateADT		ask_first;		/* days it asks for: wider, see step.c */
	DateADT		ask_last;
	bool		halved;			/* part of a window that was too wide */
	bool		probe;			/* asks how many records there are: its own
								 * are not delivered */
	bool		odd_keys_only;	/* reads the list for keys a get refused */
	char	   *request;		/* path and parameters, for messages */
	char	   *url;
	int			failures;		/* attempts that failed */
	int			limited;		/* times a 429 came back */
	int64		limited_since_us;	/* when the first one did */
	bool		was_unauthorized;	/* tried again after a 401 already */
	int64		not_before_us;
	int64		waits_since_us; /* since when its turn waits for permission;
								 * 0: it is not its turn yet */
	bool		noticed;		/* NOTICE about a long wait was sent */
	WfmPermitReason waits_for;	/* why there is no permission yet */
	TimestampTz waits_until;	/* 0: not known */
	uint64		token_generation;
	WfmPermit  *permit;
	WfmTransfer *transfer;
	bool		reported;		/* how the exchange went was told already */
	struct WfmProblem *problem;
} WfmStep;

/*
 * The value of the parameter "fields" for requests by this endpoint, palloc'd;
 * NULL if it is not to be sent.
 */
extern char *wfm_select_fields(const WfmFetchSpec *spec,
							   const WfmEndpoint *endpoint);

/* Does the window of this spec's endpoint test a column of the record? */
extern bool wfm_fetch_by_date(const WfmFetchSpec *spec);

/*
 * Append the steps for an endpoint to the list: every combination of keys,
 * and for each the windows, newest first.
 */
extern void wfm_steps_build(dlist_head *steps, const WfmFetchSpec *spec,
							const WfmEndpoint *endpoint, bool with_keys,
							MemoryContext context);

/*
 * Insert the step for another page of the same list behind a step; query is
 * what a link to it said, NULL if pages are numbered.
 */
extern WfmStep *wfm_step_add_page(WfmStep *after, const WfmFetchSpec *spec,
								  int page, const char *query,
								  MemoryContext context);

/*
 * Insert the step for the first page of the list that a probe asked about
 * behind it, to be read after all.
 */
extern WfmStep *wfm_step_add_list(WfmStep *probe, const WfmFetchSpec *spec,
								  MemoryContext context);

/*
 * Take a step out of its list and free its memory; wfm_step_stop has given up
 * the rest.
 */
extern void wfm_step_forget(WfmStep *step);

/*
 * Replace a windowed step that proved too large by two of half its days,
 * newest first.  False if it is a single day or has no window.
 */
extern bool wfm_step_halve(WfmStep *step, const WfmFetchSpec *spec,
						   MemoryContext context);

/*
 * Is the value in the step's path one that some servers answer with 404
 * although it exists (characters outside [A-Za-z0-9_-])?
 */
extern bool wfm_step_key_is_odd(const WfmStep *step, const WfmFetchSpec *spec);

/* The value in the step's path, NULL if it has none. */
extern const char *wfm_step_path_key(const WfmStep *step,
									 const WfmFetchSpec *spec);

/* Can the step's URL be sent at all ("." and ".." cannot be in a path)? */
extern bool wfm_step_is_sendable(const WfmStep *step, const WfmFetchSpec *spec);

#endif							/* WFM_FETCH_STEP_H */
