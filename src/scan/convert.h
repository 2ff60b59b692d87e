/*
 * scan/convert.h
 *		From the API's text to the column's type.
 */
#ifndef WFM_SCAN_CONVERT_H
#define WFM_SCAN_CONVERT_H

#include "postgres.h"

#include "fmgr.h"

#include "decode/decoder.h"
#include "fetch/cursor.h"
#include "fetch/table.h"
#include "stats/stats.h"

/* How one column is converted; prepared once a scan. */
typedef struct WfmConverter
{
	const WfmColumn *column;
	int			field;			/* index of the value in the row, -1: none */
	int			key_set;		/* input column: index of its key set, -1 */
	int			nalternatives;	/* WFM_FIELD_WHICH: values from field on, one
								 * for each alternative of the path; else 0 */
	const char **alternatives;	/* and their names */
	struct WfmNested *nested;	/* WFM_FIELD_NESTED: how to read the list */
	bool		direct;			/* the type is the catalogue's: own parser */
	FmgrInfo	input;			/* else the type's input function */
	Oid			ioparam;
	int32		typmod;			/* of the type, under its domains; -1: none */
	Oid			length_coercion;	/* applies that; InvalidOid: nothing does */
	bool		is_domain;		/* checked by domain_check: */
	void	   *domain_checks;
	MemoryContext context;		/* which keeps what it needs here */
} WfmConverter;

/* Prepare the conversion to a column. */
extern void wfm_converter_init(WfmConverter *converter,
							   const WfmColumn *column);

/*
 * Convert a value.  Empty becomes NULL, and so does the API's date for "no
 * date" (0001-01-01).  ereports 22P02 with column, value and record number
 * when the text does not fit, 23502 for a missing value of a NOT NULL column.
 * Counts what is cut off (the time of day of a date) and dates for "no date".
 */
extern Datum wfm_convert(WfmConverter *converter, const WfmValue *value,
						 const WfmRow *row, const char *table_name,
						 bool *isnull, WfmStatCounts *counts);

/* A number that no text is there for, as a value of the column's type. */
extern Datum wfm_convert_integer(WfmConverter *converter, int32 number);

#endif							/* WFM_SCAN_CONVERT_H */
