/*
 * scan/explain.c
 *		What EXPLAIN ANALYZE says that a scan did.
 */
#include "postgres.h"

#include "base/compat.h"
#include "plan/plan.h"
#include "scan/scan.h"
#include "scan/scan_private.h"

/* Say that the scan turned from keys to the list. */
static void
explain_full_read(const WfmScan *scan, ExplainState *es)
{
	const WfmFullReadReport *report = wfm_full_read_report(scan);

	if (report == NULL)
		return;
	ExplainPropertyText("Switched To Full Read",
						psprintf("GET %s %s", scan->table->dialect->name,
								 report->path), es);
	ExplainPropertyInteger("Calls Before", NULL, report->calls_before, es);
	if (report->too_large)
		ExplainPropertyText("Full Read Given Up",
							"rows did not fit into work_mem times hash_mem_multiplier", es);
	else if (report->kept)
	{
		ExplainPropertyInteger("Rows Kept", NULL, report->rows, es);
		ExplainPropertyInteger("Memory Usage", "kB", (report->bytes + 1023) / 1024, es);
	}
}

void
wfm_explain_scan(ForeignScanState *node, ExplainState *es)
{
	WfmScan    *scan = node->fdw_state;
	WfmFetchStats total;

	wfm_explain_plan(node, es);
	if (scan == NULL || !es->analyze)
		return;

	total = scan->stats;
	if (scan->cursor != NULL)
		wfm_fetch_stats_add(&total, wfm_cursor_stats(scan->cursor));
	explain_full_read(scan, es);
	ExplainPropertyInteger("Calls", NULL, total.calls, es);
	ExplainPropertyInteger("Pages", NULL, total.answers, es);
	ExplainPropertyInteger("Rows Received", NULL, total.records, es);
	ExplainPropertyInteger("Bytes Received", NULL, total.bytes, es);
	if (total.retries > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Retries", NULL, total.retries, es);
	if (total.limited > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Limited (429)", NULL, total.limited, es);
	if (scan->stat->total.cut > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Times Of Day Dropped", NULL,
							   scan->stat->total.cut, es);
	if (es->timing)
	{
		ExplainPropertyFloat("Network Wait", "ms", total.network_us / 1000.0, 3, es);
		ExplainPropertyFloat("Slot Wait", "ms", total.permit_us / 1000.0, 3, es);
		ExplainPropertyFloat("Token Wait", "ms", total.token_us / 1000.0, 3, es);
	}
}
