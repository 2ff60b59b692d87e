/*
 * fetch/cursor.h
 *		A scan's requests, their answers, and the records in them.
 *
 * A cursor turns one access path with its values into requests (keys times
 * windows), runs them side by side within the limits, retries what may be
 * retried, and hands out the records in the order of the requests.
 */
#ifndef WFM_FETCH_CURSOR_H
#define WFM_FETCH_CURSOR_H

#include "postgres.h"

#include "utils/date.h"

#include "auth/connection.h"
#include "base/options.h"
#include "catalog/resource.h"
#include "decode/decoder.h"
#include "stats/stats.h"

/* The values of one filter that is compared for equality (or "since"). */
typedef struct WfmKeySet
{
	int			filter;			/* index into the endpoint's filters */
	int			nvalues;
	char	  **values;			/* as sent, before percent-encoding */
} WfmKeySet;

/* What to fetch.  Must outlive the cursor, with all it points to. */
typedef struct WfmFetchSpec
{
	const char *table_name;		/* for messages */
	const char *sql_name;		/* qualified and quoted, for statements */
	const WfmConnection *connection;
	const WfmOptions *options;
	WfmFormat	format;			/* of the answers */
	const char *const *tenants; /* ids to ask for, side by side */
	int			ntenants;		/* 0: the options', else the connection's */
	const WfmResource *resource;
	const WfmEndpoint *endpoint;
	WfmKeySet	keys[WFM_MAX_FILTERS];
	int			nkeys;
	DateADT		first_day;		/* days wanted: window and history bounds */
	DateADT		last_day;
	bool		explicit_window;	/* the days came from input columns */
	DateADT		least_day;		/* bounds for lists that take days but need */
	DateADT		most_day;		/* none, where conditions gave them */
	bool		least_given;
	bool		most_given;
	const WfmDecodeField *fields;	/* values wanted of each record */
	int			nfields;
	bool		detailed;		/* ask for the long form */
	const char *includes;		/* value of the parameter "includes", NULL:
								 * none is needed */
	bool		lazy;			/* few rows may be wanted: do not run ahead */
	WfmScanStat *stat;			/* where to tell how it gets on; NULL: nowhere */
	int			page_size;		/* records a page to ask for, 0: as many as
								 * the endpoint gives */
	const char *order;			/* instead of the endpoint's parameters, where
								 * another order is wanted; NULL: those */
	bool		walking;		/* keys are those of all parents: one that the
								 * server does not take in a path is skipped
								 * with a WARNING */
	bool		totals;			/* lists whose answers tell how many records
								 * there are deliver none, see
								 * wfm_cursor_total */
} WfmFetchSpec;

/* What a cursor did, for EXPLAIN ANALYZE and the statistics. */
typedef struct WfmFetchStats
{
	int64		calls;			/* requests sent */
	int64		answers;		/* answers used */
	int64		records;		/* records received */
	int64		rows;			/* records handed out */
	int64		bytes;			/* decoded body bytes */
	int64		retries;
	int64		limited;		/* answers with status 429 */
	int64		network_us;		/* time spent waiting for the network */
	int64		permit_us;		/* ... for the API's limits */
	int64		token_us;		/* ... for an access token */
} WfmFetchStats;

/* One record and where it came from. */
typedef struct WfmRow
{
	const WfmValue *values;		/* nfields, in the spec's order */
	uint64		number;			/* 1-based within its answer */
	const uint32_t *ordinals;	/* position in each scope's list; NULL if
								 * there are no fields */
	int			tenant;			/* index into the spec's tenants */
	const char *request;		/* path and parameters, for messages */
	const int  *key_index;		/* for each key set, which value asked for it */
} WfmRow;

typedef enum WfmCursorState
{
	WFM_CURSOR_ROW,				/* *row is set, valid until the next call */
	WFM_CURSOR_WAIT,			/* nothing yet: wait for the descriptor */
	WFM_CURSOR_END
} WfmCursorState;

typedef struct WfmCursor WfmCursor;

/*
 * Open a cursor whose resources live until wfm_cursor_close or the end of
 * owner, as spec and what it points to must.  Nothing is sent before the first
 * row is asked for.
 */
extern WfmCursor *wfm_cursor_open(const WfmFetchSpec *spec,
								  MemoryContext owner);

/* The next row, waiting as long as it takes; NULL at the end. */
extern const WfmRow *wfm_cursor_next(WfmCursor *cursor);

/*
 * The same without waiting.  After WFM_CURSOR_WAIT the descriptor becomes
 * readable when it is worth calling again.
 */
extern WfmCursorState wfm_cursor_poll(WfmCursor *cursor, const WfmRow **row);

/* The descriptor for WFM_CURSOR_WAIT; -1 before the first poll. */
extern int	wfm_cursor_fd(WfmCursor *cursor);

/*
 * The executor stops asking for now (a suspended portal): let what is under
 * way come to its end, for a short while, and cancel the rest, so that no
 * slot is held while a client thinks.
 */
extern void wfm_cursor_settle(WfmCursor *cursor);

/* Counters so far. */
extern const WfmFetchStats *wfm_cursor_stats(const WfmCursor *cursor);

/* Add a cursor's counters to others. */
extern void wfm_fetch_stats_add(WfmFetchStats *total, const WfmFetchStats *more);

/*
 * Records that lists were told to hold instead of delivering them; for specs
 * with totals, complete when the cursor has come to its end.
 */
extern int64 wfm_cursor_total(const WfmCursor *cursor);

/* Close: cancels what is under way.  NULL is allowed. */
extern void wfm_cursor_close(WfmCursor *cursor);

/*
 * Requests that a full read of the spec would send if each succeeded at
 * once; what the planner prices.  rows are those of the whole list of one
 * key; less than 0: as many as the resource has as a rule.
 */
extern int64 wfm_fetch_count_calls(const WfmDialect *dialect,
								   const WfmResource *resource,
								   const WfmEndpoint *endpoint,
								   bool by_date, int64 nkeys,
								   DateADT first_day, DateADT last_day,
								   double rows);

#endif							/* WFM_FETCH_CURSOR_H */
