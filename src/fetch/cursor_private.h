/*
 * fetch/cursor_private.h
 *		What the parts of a cursor share.
 *
 * cursor.c runs the list of steps, sending.c brings one step from permission
 * to answer, survey.c looks whether that is whole, pages.c decides which pages
 * of a list follow, records.c takes an answer apart.
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
	bool		seam_again;		/* the first step is read anew from its start */
	int			seam_keys[WFM_MAX_FILTERS];
	int			seam_tenant;
	DateADT		seam_next_last; /* own_last of the neighbouring window */

	/* keys of the page that is decoded */
	int64		page_keys;
	int64		page_fresh;		/* that the page before did not hold */

	/* looking at an answer that arrived while another is decoded */
	WfmDecoder *survey;

	/* keys that a get refused, to be found in the list */
	List	   *odd_keys;
	bool		odd_refused;
	bool		odd_listed;

	int64		total;			/* see wfm_cursor_total */
	int64		nskipped;		/* keys of parents, the first of which is */
	char	   *skipped;
	int			halvings;		/* windows halved so far */
	int			oversized;		/* failures since the last answer that the
								 * width of a window may be to blame for */
	int64		longest_us;		/* what the slowest answer took */
	bool		no_ahead;		/* calls ahead were in vain: no more of them */
	int64		alarm_us;		/* when to look again, 0 = no need */
	int64		token_poll_us;
	int64		moved_us;		/* when the steps were looked after last */
	WfmRow		row;
	WfmFetchStats stats;

	/* what the statistics were told */
	WfmFetchStats told;
	int64		told_missing;	/* steps still to be answered */
	int64		told_ended;		/* attempts that ended when they were counted */
	bool		told_wait;
};

/*
 * Take what has arrived for the other cursors of this process and give back
 * the permits of the calls that ended.  The executor leaves one scan to run
 * another, so a cursor that waits for a permit may wait for those.
 */
extern void wfm_cursor_serve_others(WfmCursor *cursor);

/* Steps of one tenant that may be under way, or answered and not yet used. */
extern int	wfm_cursor_most_active(const WfmCursor *cursor);

/*
 * While rows of the first step are handed out: take what arrived for the
 * others and send what may be sent, every few milliseconds, without waiting.
 */
extern void wfm_cursor_keep_moving(WfmCursor *cursor);

/* Look again at this moment, unless an earlier one is set. */
extern void wfm_cursor_alarm_at(WfmCursor *cursor, int64 at_us);

/* --- progress.c --- */

/* Count for the statistics what was done since the last time.  Never throws. */
extern void wfm_cursor_count(WfmCursor *cursor);

/*
 * Show how the cursor gets on, and what its first step waits for if it has to
 * wait now; else it is at work.
 */
extern void wfm_cursor_tell(WfmCursor *cursor, bool waits);

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

/* Where the records of an endpoint lie, written to cursor->scopes. */
extern void wfm_records_choose_scopes(WfmCursor *cursor,
									  const WfmEndpoint *endpoint);

/* The caps on one answer, from the settings. */
extern WfmDecodeLimits wfm_records_limits(void);

/* Drop the decoder. */
extern void wfm_records_release(WfmCursor *cursor);

/*
 * Refuse to ask for windows of which an answer has shown that they do not test
 * the column they were assumed to.
 */
extern void wfm_records_check_window(const WfmCursor *cursor);

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

/* --- survey.c --- */

/*
 * Does the answer end where its root element or value ends?  Of an answer for
 * one page of a list also what it says about the list, into step->facts.
 */
extern WfmDecodeStatus wfm_survey(WfmCursor *cursor, WfmStep *step);

/* Drop a decoder that an error left behind. */
extern void wfm_survey_release(WfmCursor *cursor);

/* --- pages.c --- */

/*
 * The answer for a page is there, and its facts, if they are known: ask for
 * the pages that follow from them.  Does nothing for a step without pages.
 */
extern void wfm_page_arrived(WfmCursor *cursor, WfmStep *step);

/* The page that a step asked for does not exist. */
extern void wfm_page_missing(WfmCursor *cursor, WfmStep *step);

/* A page begins to be decoded. */
extern void wfm_page_begin(WfmCursor *cursor, const WfmStep *step);

/*
 * Look at a record's key; false if the record is one of a page that the server
 * had sent before, or came at the end of the page before.
 */
extern bool wfm_page_take(WfmCursor *cursor, WfmStep *step,
						  const WfmRecord *record);

/*
 * A page was decoded to its end: learn what it says of the list, where it was
 * not surveyed, and notice when it held nothing new.
 */
extern void wfm_page_end(WfmCursor *cursor, WfmStep *step,
						 const WfmEnvelope *envelope);

#endif							/* WFM_FETCH_CURSOR_PRIVATE_H */
