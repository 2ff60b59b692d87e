/*
 * scan/values.c
 *		The values of a scan's pushed conditions, evaluated once a scan.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "plan/plan_data.h"
#include "scan/values.h"

/* Years that a time sent to the API may have; a date may lie before. */
#define FIRST_YEAR 1970
#define LAST_YEAR 9999

/* The day that a moment lies in, read as UTC; the ends of time stay so. */
static DateADT
day_of_utc(Timestamp stamp)
{
	int64		days = stamp / USECS_PER_DAY;

	if (TIMESTAMP_IS_NOBEGIN(stamp))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(stamp))
		return DATEVAL_NOEND;
	return (DateADT) (stamp % USECS_PER_DAY < 0 ? days - 1 : days);
}

/* The calendar day of a date, timestamp or timestamptz, in session time. */
static DateADT
day_of(Datum value, Oid type)
{
	if (type == DATEOID)
		return DatumGetDateADT(value);
	if (type == TIMESTAMPTZOID &&
		!TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(value)))
		value = DirectFunctionCall1(timestamptz_timestamp, value);
	return day_of_utc(DatumGetTimestamp(value));
}

/*
 * Narrow the days wanted by one comparison; days are widened to whole ones.
 * lower and upper are the value's day, as a lower and as an upper bound.
 */
static void
narrow_days(WfmScanValues *values, WfmPushKind kind, DateADT lower,
			DateADT upper, bool is_date)
{
	/* a day is later or earlier than another only from the next on */
	if (kind == WFM_PUSH_GREATER && is_date && !DATE_NOT_FINITE(lower))
		lower++;
	if (kind == WFM_PUSH_LESS && is_date && !DATE_NOT_FINITE(upper))
		upper--;

	if (kind != WFM_PUSH_LESS && kind != WFM_PUSH_LESS_EQUAL)
	{
		values->first_day = Max(values->first_day, lower);
		values->least_day = values->least_given ?
			Max(values->least_day, lower) : lower;
		values->least_given = true;
	}
	if (kind != WFM_PUSH_GREATER && kind != WFM_PUSH_GREATER_EQUAL)
	{
		values->last_day = Min(values->last_day, upper);
		values->most_day = values->most_given ?
			Min(values->most_day, upper) : upper;
		values->most_given = true;
	}
}

/* The day before that of a moment; before the beginning of time is none. */
static DateADT
day_before(Datum moment)
{
	DateADT		day = day_of_utc(DatumGetTimestampTz(moment));

	return DATE_NOT_FINITE(day) ? day : day - 1;
}

/* A day as yyyy-MM-dd and what follows, kept to years of four digits. */
static char *
iso_day(DateADT day, const char *rest)
{
	DateADT		least = date2j(1900, 1, 1) - POSTGRES_EPOCH_JDATE;
	DateADT		most = date2j(9999, 12, 31) - POSTGRES_EPOCH_JDATE;
	int			year,
				month,
				mday;

	j2date(Min(Max(day, least), most) + POSTGRES_EPOCH_JDATE,
		   &year, &month, &mday);
	return psprintf("%04d-%02d-%02d%s", year, month, mday, rest);
}

char *
wfm_filter_text(const WfmFilter *filter, Datum value, Oid type)
{
	switch (filter->format)
	{
		case WFM_FORMAT_AS_TEXT:
			{
				Oid			function;
				bool		is_varlena;
				char	   *text;

				getTypeOutputInfo(type, &function, &is_varlena);
				text = OidOutputFunctionCall(function, value);

				/* an empty value is NULL in every record */
				if (text[0] == '\0')
					return NULL;
				/* bytes that are no UTF-8 are those of no record */
				if (GetDatabaseEncoding() == PG_SQL_ASCII &&
					!pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
					return NULL;
				return pg_server_to_any(text, strlen(text), PG_UTF8);
			}
		case WFM_FORMAT_DAY:
			{
				DateADT		day = DatumGetDateADT(value);
				int			year,
							month,
							mday;

				if (DATE_NOT_FINITE(day))
					return NULL;
				j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
				if (year < 1 || year > LAST_YEAR)
					ereport(ERROR,
							(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
							 errmsg("the API takes no date such as %s for column \"%s\"",
									OidOutputFunctionCall(F_DATE_OUT, value),
									filter->column),
							 errhint("Use a year from 1 to %d.", LAST_YEAR)));
				return psprintf("%04d%02d%02d", year, month, mday);
			}
		case WFM_FORMAT_UTC_SECOND:
			{
				Timestamp	stamp = DatumGetTimestampTz(value);
				struct pg_tm tm;
				fsec_t		fsec;

				if (TIMESTAMP_IS_NOBEGIN(stamp))
					stamp = 0;
				if (TIMESTAMP_IS_NOEND(stamp) ||
					timestamp2tm(stamp, NULL, &tm, &fsec, NULL, NULL) != 0)
					return NULL;

				/* nothing was modified before there were computers */
				if (tm.tm_year < FIRST_YEAR)
					return psprintf("%04d-01-01T00:00:00", FIRST_YEAR);
				if (tm.tm_year > LAST_YEAR)
					return NULL;
				return psprintf("%04d-%02d-%02dT%02d:%02d:%02d",
								tm.tm_year, tm.tm_mon, tm.tm_mday,
								tm.tm_hour, tm.tm_min, tm.tm_sec);
			}
		case WFM_FORMAT_UTC_DAY_BEFORE:
			return iso_day(day_before(value), "T00:00:00");
		case WFM_FORMAT_ISO_DAY_BEFORE:
			return iso_day(day_before(value), "");
		case WFM_FORMAT_ISO_DAY:
			return iso_day(DatumGetDateADT(value), "");
	}
	return NULL;
}

/* A set of the texts of values. */
typedef struct TextEntry
{
	const char *text;
	bool		taken;			/* asked for already */
	char		status;			/* for simplehash */
} TextEntry;

#define SH_PREFIX texthash
#define SH_ELEMENT_TYPE TextEntry
#define SH_KEY_TYPE const char *
#define SH_KEY text
#define SH_HASH_KEY(tb, k) hash_bytes((const unsigned char *) (k), (int) strlen(k))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The set of the values a filter has so far. */
static texthash_hash *
texts_of(const WfmFilterValues *values)
{
	texthash_hash *set = texthash_create(CurrentMemoryContext,
										 Max(values->nvalues, 16), NULL);
	bool		found;

	for (int i = 0; i < values->nvalues; i++)
		texthash_insert(set, values->texts[i], &found)->taken = false;
	return set;
}

/*
 * Take the values of one condition: the first sets the list, a further one
 * keeps what both have.  Doubles are asked for once.
 */
static void
take_values(WfmFilterValues *values, const WfmFilter *filter, Datum *datums,
			bool *nulls, int n, Oid type)
{
	WfmFilterValues fresh = {true, 0, NULL, NULL};
	texthash_hash *texts = texts_of(values);

	fresh.texts = palloc(Max(n, 1) * sizeof(char *));
	fresh.datums = palloc(Max(n, 1) * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		char	   *sent;
		TextEntry  *entry;
		bool		found;

		if (nulls != NULL && nulls[i])
			continue;
		sent = wfm_filter_text(filter, datums[i], type);
		if (sent == NULL)
			continue;
		if (values->given)
			entry = texthash_lookup(texts, sent);
		else
		{
			entry = texthash_insert(texts, sent, &found);
			if (!found)
				entry->taken = false;
		}
		if (entry == NULL || entry->taken)
			continue;
		entry->taken = true;
		fresh.texts[fresh.nvalues] = sent;
		/* of all types that compare with a column's, it alone looks otherwise */
		fresh.datums[fresh.nvalues] = type == NAMEOID ?
			CStringGetTextDatum(NameStr(*DatumGetName(datums[i]))) : datums[i];
		fresh.nvalues++;
	}
	texthash_destroy(texts);
	*values = fresh;
}

/*
 * "since" by >=: the latest of several is what all of them ask for.  A value
 * given by = stands.
 */
static void
take_since(WfmFilterValues *values, const WfmFilter *filter, Datum datum)
{
	if (values->given && values->nvalues == 1)
	{
		if (DatumGetTimestampTz(values->datums[0]) >= DatumGetTimestampTz(datum))
			return;
		values->given = false;
	}
	else if (values->given)
		return;
	take_values(values, filter, &datum, NULL, 1, TIMESTAMPTZOID);
}

/* Copy a value into the current memory context. */
static Datum
keep_datum(Datum value, Oid type)
{
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(type, &typlen, &typbyval);
	return datumCopy(value, typbyval, typlen);
}

WfmScanValues *
wfm_scan_values(const WfmTable *table, const WfmEndpoint *endpoint,
				List *pushed, List *exprs, ExprContext *econtext)
{
	WfmScanValues *values = palloc0(sizeof(WfmScanValues));
	ListCell   *lc;

	wfm_table_history(table, &values->first_day, &values->last_day);

	foreach(lc, pushed)
	{
		List	   *slot = lfirst(lc);
		const WfmFilter *filter = &endpoint->filters[linitial_int(slot)];
		WfmFilterValues *target = &values->filters[linitial_int(slot)];
		WfmPushKind kind = lsecond_int(slot);
		ExprState  *expr = list_nth(exprs, lthird_int(slot));
		Oid			type = exprType((Node *) expr->expr);
		bool		isnull;
		Datum		value = ExecEvalExprSwitchContext(expr, econtext, &isnull);

		/* no row is equal to, or less or more than NULL */
		if (isnull)
		{
			values->nothing = true;
			return values;
		}

		if (kind == WFM_PUSH_ANY)
		{
			ArrayType  *array = DatumGetArrayTypePCopy(value);
			int16		typlen;
			bool		typbyval;
			char		typalign;
			Datum	   *elements;
			bool	   *nulls;
			int			n;

			type = ARR_ELEMTYPE(array);
			get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
			deconstruct_array(array, type, typlen, typbyval, typalign,
							  &elements, &nulls, &n);
			take_values(target, filter, elements, nulls, n, type);
		}
		else if (filter->op == WFM_OP_WINDOW)
		{
			DateADT		day = day_of(value, type);
			DateADT		lower = day;

			/*
			 * Where a zone skipped a whole day, midnight of that day is that
			 * of the next: begin a day earlier.
			 */
			if (type == TIMESTAMPTZOID && !DATE_NOT_FINITE(day))
				lower--;
			narrow_days(values, kind, lower, day, type == DATEOID);
		}
		else
		{
			value = keep_datum(value, type);
			if (kind == WFM_PUSH_EQUAL)
			{
				/* a value given by = counts more than one by >= */
				if (filter->op == WFM_OP_SINCE)
					target->given = false;
				take_values(target, filter, &value, NULL, 1, type);
				if (filter->op == WFM_OP_SINCE)
					target->nvalues = Min(target->nvalues, 1);
			}
			else
				take_since(target, filter, value);
		}
		if (target->given && target->nvalues == 0)
			values->nothing = true;
	}
	if (endpoint->paging == WFM_PAGING_WINDOWS ?
		values->first_day > values->last_day :
		values->least_given && values->most_given &&
		values->least_day > values->most_day)
		values->nothing = true;
	return values;
}
