/*
 * scan/full_read.h
 *		Reading the whole list once instead of asking for one key after another.
 *
 * Estimates err: the inner side of a nested loop may be scanned again far more
 * often than was planned, and a list of keys may be far longer.  A scan whose
 * requests by key would cost more calls than the list turns to the list, and
 * so never costs more than twice the better of the two.
 */
#ifndef WFM_SCAN_FULL_READ_H
#define WFM_SCAN_FULL_READ_H

#include "postgres.h"

#include "executor/tuptable.h"

struct WfmScan;

/* What a scan keeps of its full read. */
typedef struct WfmFullRead WfmFullRead;

/* What the full read does for the scan that begins now. */
typedef enum WfmFullReadMode
{
	WFM_FULL_READ_OFF,			/* nothing: keys are asked for */
	WFM_FULL_READ_STREAM,		/* the list is read, its rows are the scan's */
	WFM_FULL_READ_FILL,			/* the list is read into the hash table */
	WFM_FULL_READ_READY			/* rows come from the hash table */
} WfmFullReadMode;

/* What EXPLAIN ANALYZE says of it. */
typedef struct WfmFullReadReport
{
	const char *path;			/* of the list */
	int64		calls_before;	/* spent when the scan turned to it */
	bool		kept;			/* rows are kept for further scans */
	int64		rows;
	int64		bytes;			/* of memory */
	bool		too_large;		/* memory did not suffice: keys again */
} WfmFullReadReport;

/*
 * Decide, once the values of a scan are known.  In STREAM and FILL the list's
 * endpoint, days and tenants stand in the scan's spec.
 */
extern WfmFullReadMode wfm_full_read_begin(struct WfmScan *scan,
										   ForeignScan *plan);

/*
 * Keep a row of the list, which is in the slot.  False if it does not fit into
 * work_mem times hash_mem_multiplier: then everything is dropped, and the scan
 * has to begin again.
 */
extern bool wfm_full_read_keep(struct WfmScan *scan, TupleTableSlot *slot);

/* The list was read to its end: rows can be taken. */
extern void wfm_full_read_finish(struct WfmScan *scan);

/* Drop rows of a list that was not read to its end. */
extern void wfm_full_read_abandon(struct WfmScan *scan);

/* Put the next row for the scan's keys into the slot; false at the end. */
extern bool wfm_full_read_next(struct WfmScan *scan, TupleTableSlot *slot);

/* What there is to report; NULL if the scan never turned to the list. */
extern const WfmFullReadReport *wfm_full_read_report(const struct WfmScan *scan);

#endif							/* WFM_SCAN_FULL_READ_H */
