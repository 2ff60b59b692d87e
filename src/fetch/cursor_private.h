/*
 * fetch/cursor_private.h
 *		What the parts of a cursor share.
 *
 * cursor.c runs the list of steps, sending.c brings one step from permission
 * to answer, records.c takes an answer apart.
 */
#ifndef WFM_FETCH_CURSOR_PRIVATE_H
#define WFM_FETCH_CURSOR_PRIVATE_H

#include "postgres.h"

#include "lib/ilist.h"
#include "utils/palloc.h"

#include "fetch/cursor.h"
#include "fetch/seam.h"
#include "fetch/step.h"

/* Bytes decoded at a time. */
#define WFM_SLICE 8192

struct WfmCursor
{
	const WfmFetchSpec *spec;
	MemoryContext context;
	MemoryContextCallback callback;
	dlist_node	node;			/* among the process's cursors */
	bool		opened;			/* steps were built, channel borrowed */
	bool		may_block;		/* called by wfm_cursor_next */
	WfmChannel *channel;
	dlist_head	steps;
	char	  **tenants;		/* of the spec, or the one that is known */
	int			ntenants;

	/* decoding of the first step */
	WfmDecoder *decoder;
	bool		streaming;		/* decoded while it arrives */
	bool		body_ended;		/* all of it was fed */
	int64		fed;			/* bytes of it decoded so far */
	uint64		delivered;		/* records taken from this answer */
	WfmDecodeSpec decode_spec;
	WfmDecodeField *fields;		/* the spec's and the hidden ones */
	const char *scopes[WFM_MAX_SCOPES]; /* in the format of the answers */
	const WfmEndpoint *scopes_of;	/* whose those are */
	int			key_field;		/* index in fields, -1: none */
	int			date_field;
	int			odd_field;		/* field of the path key, for odd keys */
	bool		odd_is_uuid;	/* it is a UUID: case does not count */
	int			except_field;	/* field that tells records of another table */
	char		slice[WFM_SLICE];

	/* doubles at the seams of windows */
	WfmSeam    *seam;
	bool		seam_begun;
	int			seam_keys[WFM_MAX_FILTERS];
	int			seam_tenant;
	DateADT		seam_next_last; /* own_last of the neighbouring window */

	/* the pages of one list */
	char	   *first_key;		/* of the page before, to notice repetition */
	char	   *page_key;		/* of this page */
	bool		page_repeated;	/* this page is the one before again */
	int64		chain_records;	/* outermost records of the pages so far */
	int64		chain_total;	/* that the API says there are; -1: unknown */
	int			chain_pages;	/* the last page that was asked for */

	/* keys that a get refused, to be found in the list */
	List	   *odd_keys;
	bool		odd_refused;
	bool		odd_listed;

	int			halvings;		/* windows halved so far */
	int64		alarm_us;		/* when to look again, 0 = no need */
	int64		token_poll_us;
	WfmRow		row;
	WfmFetchStats stats;
};

/*
 * Take what has arrived for the other cursors of this process and give back
 * the permits of the calls that ended.  The executor leaves one scan to run
 * another, so a cursor that waits for a permit may wait for those.
 */
extern void wfm_cursor_serve_others(WfmCursor *cursor);

/* Look again at this moment, unless an earlier one is set. */
extern void wfm_cursor_alarm_at(WfmCursor *cursor, int64 at_us);

/* --- sending.c --- */

/*
 * Move a step as far as it goes without waiting.  may_ask: it may ask for
 * permission to call.  Returns false when it waits for that.
 */
extern bool wfm_step_advance(WfmCursor *cursor, WfmStep *step, bool may_ask);

/*
 * Tell the limiter and the token store how the exchange went, and count it.
 * Does nothing the second time.
 */
extern void wfm_step_report(WfmCursor *cursor, WfmStep *step,
							const WfmHttpResult *result);

/* Give up what a step holds outside memory. */
extern void wfm_step_stop(WfmStep *step);

/* --- records.c --- */

/* Choose the fields to decode; called when the cursor is opened. */
extern void wfm_records_choose_fields(WfmCursor *cursor);

/* Begin to decode the first step's answer. */
extern void wfm_records_begin(WfmCursor *cursor, WfmStep *step);

/*
 * The next wanted record of the first step's answer; NULL when there is none
 * now: at the end of the answer (*ended), or more has to arrive.
 */
extern const WfmRow *wfm_records_next(WfmCursor *cursor, WfmStep *step,
									  bool *ended);

/* The tenant that a step asks. */
extern const char *wfm_step_tenant(const WfmCursor *cursor,
								   const WfmStep *step);

/* --- pages.c --- */

/* A page begins to be decoded. */
extern void wfm_page_begin(WfmCursor *cursor, const WfmStep *step);

/*
 * Look at a record's key (NULL: it has none); false if the record is one of a
 * page that the server had sent before.
 */
extern bool wfm_page_take(WfmCursor *cursor, const WfmStep *step,
						  const WfmRecord *record);

/* A page was decoded: ask for the next ones, if there are any. */
extern void wfm_page_end(WfmCursor *cursor, WfmStep *step,
						 const WfmEnvelope *envelope);

/* Drop the decoder. */
extern void wfm_records_release(WfmCursor *cursor);

#endif							/* WFM_FETCH_CURSOR_PRIVATE_H */
