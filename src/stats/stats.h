/*
 * stats/stats.h
 *		What scans do now, and what tables were read for, in shared memory.
 *
 * Two fixed arrays.  One has a place for each scan that runs (wfm_stat_scans):
 * only its owner writes there, under a change count as in pgstat's table of
 * backends, so that no scan ever waits for somebody who looks.  The other has
 * a place for each foreign table (wfm_stat_tables), with a spinlock that is
 * held for a few additions.  Neither needs a transaction, and both work on a
 * standby.
 *
 * A scan reports through a WfmScanStat of its own.  When both arrays are full
 * or were never made, it runs all the same and is not seen.
 */
#ifndef WFM_STATS_STATS_H
#define WFM_STATS_STATS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "utils/palloc.h"

/* Lengths of texts in shared memory, with the zero. */
#define WFM_STAT_SERVER		NAMEDATALEN
#define WFM_STAT_TABLE		(2 * NAMEDATALEN + 6)
#define WFM_STAT_TENANT		64
#define WFM_STAT_REQUEST	256
#define WFM_STAT_WAIT		32
#define WFM_STAT_SQLSTATE	6

/* What is counted, of a scan or of a table. */
typedef struct WfmStatCounts
{
	int64		calls;			/* requests sent */
	int64		pages;			/* answers read to their end */
	int64		rows;			/* read, before the executor's conditions */
	int64		bytes;			/* of answers, decompressed */
	int64		retries;
	int64		limited;		/* answers 429 */
	int64		cut;			/* values of which something was dropped */
	int64		nulled;			/* values that became NULL */
	int64		network_us;		/* spent waiting for the network */
	int64		permit_us;		/* ... for the API's limits */
	int64		token_us;		/* ... for an access token */
} WfmStatCounts;

/* What a scan is at, beyond its counts.  Texts are copied. */
typedef struct WfmScanState
{
	const char *waits_for;		/* NULL: it is at work */
	TimestampTz waits_until;	/* 0: not known */
	const char *tenant;			/* NULL: not known yet */
	const char *request;		/* path and parameters, NULL: none */
	int64		expected_pages; /* with those that came */
	int64		arriving;		/* bytes of the answer that is coming in */
} WfmScanState;

/* What has not yet been added to a table's entry. */
typedef struct WfmTableChange
{
	WfmStatCounts counts;
	int64		scans;			/* begun */
	int64		errors;
	int64		elapsed_us;		/* of scans that ended */
	int			sqlstate;		/* of the last error */
	TimestampTz error_at;
	int64		learnt_rows;	/* -1: nothing learnt */
} WfmTableChange;

/* A scan's own side.  Members are for this layer, but for total. */
typedef struct WfmScanStat
{
	MemoryContextCallback callback;
	Oid			relid;
	int			place;			/* among running scans, -1: none */
	int			entry;			/* of the table, -1: not found yet */
	bool		running;
	const char *server;
	const char *table;
	const char *template;
	int64		planned_calls;	/* that the planner expected, set by callers */
	TimestampTz first_started_at;	/* before any rescan */
	TimestampTz started_at;		/* of the scan that runs */
	TimestampTz idle_since;		/* when its client went to think, else 0 */
	int64		idle_us;		/* how long clients thought since it started */
	WfmStatCounts total;		/* since this was made; callers add to it */
	WfmStatCounts added;		/* what the table's entry has of that */
	WfmTableChange pending;		/* counts are made when they are added */
	pg_atomic_uint64 *rows;		/* where others see the count of rows */
	pg_atomic_uint64 no_rows;	/* nowhere */
} WfmScanStat;

/*
 * Make a scan's own side in owner; when that is reset, the scan has ended.
 * The texts must live as long: names of server and table, and the request with
 * column names in place of values.
 */
extern WfmScanStat *wfm_scan_stat_create(Oid relid, const char *server,
										 const char *table, const char *template,
										 MemoryContext owner);

/* The scan begins, or begins anew after it ended: show and count it. */
extern void wfm_scan_stat_begin(WfmScanStat *stat);

/* Show the counts of stat->total and this state; add them to the table's. */
extern void wfm_scan_stat_report(WfmScanStat *stat, const WfmScanState *state);

/*
 * The client was given some rows and may think as long as it likes: that is
 * no time of the scan's.  It goes on with the next row or report.
 */
extern void wfm_scan_stat_idle(WfmScanStat *stat);
extern void wfm_scan_stat_resume(WfmScanStat *stat);

/* It ended: no longer shown.  Does nothing the second time. */
extern void wfm_scan_stat_end(WfmScanStat *stat);

/* An error came out of it. */
extern void wfm_scan_stat_error(WfmScanStat *stat, int sqlstate);

/* It was complete and delivered so many rows. */
extern void wfm_scan_stat_learn(WfmScanStat *stat, double rows);

/* One more row is handed out. */
static inline void
wfm_scan_stat_row(WfmScanStat *stat)
{
	if (unlikely(stat->idle_since != 0))
		wfm_scan_stat_resume(stat);
	pg_atomic_write_u64(stat->rows, (uint64) ++stat->total.rows);
}

/* ---------- for the views ---------- */

/* A running scan as it is shown. */
typedef struct WfmScanRow
{
	int			pid;
	Oid			database;
	Oid			role;
	int			encoding;		/* of the texts */
	TimestampTz started_at;
	TimestampTz waits_until;	/* 0: none */
	int64		expected_pages;
	WfmStatCounts counts;
	char		server[WFM_STAT_SERVER];
	char		table[WFM_STAT_TABLE];
	char		template[WFM_STAT_REQUEST];
	char		tenant[WFM_STAT_TENANT];
	char		request[WFM_STAT_REQUEST];
	char		waits_for[WFM_STAT_WAIT];
} WfmScanRow;

/* A table as it is shown. */
typedef struct WfmTableRow
{
	int64		scans;			/* begun */
	int64		errors;
	int64		elapsed_us;		/* of scans that ended */
	int64		learnt_rows;	/* -1: no complete scan yet */
	TimestampTz since;
	TimestampTz last_scan;
	TimestampTz last_error_at;	/* 0: none */
	char		last_error[WFM_STAT_SQLSTATE];
	WfmStatCounts counts;
} WfmTableRow;

/* What does not fit, of all databases. */
typedef struct WfmStatInfo
{
	int			max_scans;
	int			max_tables;
	int			scans;			/* that are shown now */
	int			tables;			/* that have an entry */
	int64		scans_not_shown;
	int64		tables_evicted;
} WfmStatInfo;

/* Places among running scans, and entries of tables; 0: not preloaded. */
extern int	wfm_stat_places(void);
extern int	wfm_stat_entries(void);

/* Copy what stands in a place; false if there is nothing. */
extern bool wfm_stat_read_scan(int place, WfmScanRow *row);

/* ... in an entry that is of this database; *relid is its table. */
extern bool wfm_stat_read_table(int entry, Oid *relid, WfmTableRow *row);

extern void wfm_stat_read_info(WfmStatInfo *info);

/* Forget what is known of a table of this database; 0: of all of them. */
extern void wfm_stat_forget(Oid relid);

/* Reserve and find the shared memory; called by the hooks of wfm_fdw.c. */
extern void wfm_stat_shmem_request(void);
extern void wfm_stat_shmem_startup(void);

#endif							/* WFM_STATS_STATS_H */
