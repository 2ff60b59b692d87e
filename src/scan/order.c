/*
 * scan/order.c
 *		Watching that rows come in the order that the plan relies on.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/compat.h"
#include "scan/scan_private.h"

/* Say that the order is not what it was taken for. */
pg_noreturn static void
not_in_order(const WfmScan *scan, TimestampTz before, TimestampTz after)
{
	const WfmColumn *column = scan->table->columns[scan->order_attnum - 1];

	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the API did not sort records of foreign table \"%s\" by column \"%s\"",
					scan->table->name, column->name),
			 errdetail("A record of %s came before one of %s.",
					   pstrdup(timestamptz_to_str(before)),
					   pstrdup(timestamptz_to_str(after))),
			 errhint("Have them sorted here: ALTER FOREIGN TABLE %s OPTIONS (ADD push_assumed 'off');",
					 scan->table->sql_name)));
}

void
wfm_order_check(WfmScan *scan, TupleTableSlot *slot)
{
	int			att = scan->order_attnum - 1;

	/* none is last where times rise, and first where they fall */
	TimestampTz stamp = slot->tts_isnull[att] ? DT_NOEND :
		DatumGetTimestampTz(slot->tts_values[att]);

	if (scan->order_begun &&
		(scan->order_descending ? stamp > scan->order_last : stamp < scan->order_last))
		not_in_order(scan, scan->order_last, stamp);
	scan->order_begun = true;
	scan->order_last = stamp;
}
