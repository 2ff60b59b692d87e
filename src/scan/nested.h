/*
 * scan/nested.h
 *		Lists inside a record as jsonb with the names and types of the columns
 *		that the list's own table has.
 */
#ifndef WFM_SCAN_NESTED_H
#define WFM_SCAN_NESTED_H

#include "postgres.h"

#include "fetch/table.h"
#include "scan/convert.h"

typedef struct WfmNested WfmNested;

/*
 * Prepare the conversion of a column with WFM_FIELD_NESTED; NULL if its table
 * is not one of the dialect.  Allocated in the current context.
 */
extern WfmNested *wfm_nested_create(const WfmTable *table,
									const WfmColumn *column);

/*
 * Convert the JSON of a list, as the decoder delivers it, to jsonb; an empty
 * list is NULL.  Errors as wfm_convert.
 */
extern Datum wfm_nested_convert(WfmNested *nested, const WfmValue *value,
								const WfmRow *row, const char *table_name,
								bool *isnull, WfmStatCounts *counts);

#endif							/* WFM_SCAN_NESTED_H */
