/*
 * scan/convert.c
 *		From the API's text to the column's type.
 *
 * Columns of the catalogue's own type go through the parsers here, which
 * know the APIs' ways (Yes/No, three date formats).  A column that a user
 * declared with another type gets the text through that type's input
 * function.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/isodate.h"
#include "scan/convert.h"

/* Where a value that is being converted stands, for messages. */
typedef struct Place
{
	const WfmConverter *converter;
	const WfmValue *value;		/* in the database's encoding; NULL: not yet */
	const WfmRow *row;
	const char *table_name;
} Place;

/* At most so much of a value is shown. */
#define SHOWN_BYTES 100

#define MISFIT_HINT "Declare the column as text to see the value as it is."

/* Complain that there is no value where there must be one. */
static void
no_value(const Place *place)
{
	const WfmColumn *column = place->converter->column;

	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("no value for column \"%s\" of foreign table \"%s\", which is NOT NULL",
					column->name, place->table_name),
			 errdetail("Record " UINT64_FORMAT " of %s does not have it.",
					   place->row->number, place->row->request),
			 errhint("ALTER FOREIGN TABLE ... ALTER COLUMN %s DROP NOT NULL accepts such records.",
					 quote_identifier(column->name))));
}

/* Complain that the text does not fit the column's type. */
static void
does_not_fit(const Place *place)
{
	const WfmColumn *column = place->converter->column;
	int			len = pg_mbcliplen(place->value->data, place->value->len,
								   SHOWN_BYTES);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid value for column \"%s\" of foreign table \"%s\": \"%.*s\"",
					column->name, place->table_name, len, place->value->data),
			 errdetail("It does not fit type %s. Record " UINT64_FORMAT " of %s.",
					   format_type_be(column->type), place->row->number,
					   place->row->request),
			 errhint(MISFIT_HINT)));
}

/* The same as context of an error of a type's input function. */
static void
input_error_context(void *arg)
{
	const Place *place = arg;
	int			len;

	if (place->value == NULL)
	{
		errcontext("column \"%s\" of foreign table \"%s\", record " UINT64_FORMAT " of %s",
				   place->converter->column->name, place->table_name,
				   place->row->number, place->row->request);
		return;
	}
	len = pg_mbcliplen(place->value->data, place->value->len, SHOWN_BYTES);
	errcontext("column \"%s\" of foreign table \"%s\", value \"%.*s\", record " UINT64_FORMAT " of %s",
			   place->converter->column->name, place->table_name,
			   len, place->value->data, place->row->number,
			   place->row->request);
	errhint(MISFIT_HINT);
}

/* Cut white space off both ends. */
static WfmValue
trimmed(const WfmValue *value)
{
	WfmValue	result = *value;

	while (result.len > 0 && isspace((unsigned char) result.data[0]))
	{
		result.data++;
		result.len--;
	}
	while (result.len > 0 &&
		   isspace((unsigned char) result.data[result.len - 1]))
		result.len--;
	return result;
}

/* A number without its thousands commas. */
static WfmValue
without_commas(const WfmValue *value)
{
	WfmValue	result = *value;
	char	   *copy;
	size_t		len = 0;

	if (memchr(value->data, ',', value->len) == NULL)
		return result;
	copy = palloc(value->len);
	for (size_t i = 0; i < value->len; i++)
	{
		if (value->data[i] != ',')
			copy[len++] = value->data[i];
	}
	result.data = copy;
	result.len = len;
	return result;
}

static bool
word_is(const WfmValue *value, const char *word)
{
	return value->len == strlen(word) &&
		pg_strncasecmp(value->data, word, value->len) == 0;
}

static bool
parse_boolean(const WfmValue *value, bool *result)
{
	if (word_is(value, "yes") || word_is(value, "true"))
		*result = true;
	else if (word_is(value, "no") || word_is(value, "false"))
		*result = false;
	else
		return false;
	return true;
}

/* An integer, also when written with decimals that are all zero. */
static bool
parse_integer(const WfmValue *value, int32 *result)
{
	const char *at = value->data;
	const char *end = value->data + value->len;
	bool		negative = false;
	int64		number = 0;
	const char *digits;

	if (at < end && (*at == '-' || *at == '+'))
		negative = *at++ == '-';
	for (digits = at; at < end && isdigit((unsigned char) *at); at++)
	{
		number = number * 10 + (*at - '0');
		if (number > (int64) PG_INT32_MAX + 1)
			return false;
	}
	if (at == digits)
		return false;
	if (at < end && *at == '.')
	{
		for (at++; at < end && *at == '0'; at++)
			;
	}
	if (at != end)
		return false;
	if (negative)
		number = -number;
	if (number > PG_INT32_MAX)
		return false;
	*result = (int32) number;
	return true;
}

/* Only what the APIs write: sign, digits, a point, perhaps an exponent. */
static bool
looks_numeric(const WfmValue *value)
{
	for (size_t i = 0; i < value->len; i++)
	{
		if (strchr("0123456789+-.eE", value->data[i]) == NULL)
			return false;
	}
	return value->len > 0 && value->len < 1000;
}

static bool
parse_uuid(const WfmValue *value, pg_uuid_t *result)
{
	int			nibbles = 0;

	memset(result, 0, sizeof(*result));
	for (size_t i = 0; i < value->len; i++)
	{
		char		c = value->data[i];
		int			digit;

		if (c == '-')
			continue;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return false;
		if (nibbles >= 2 * UUID_LEN)
			return false;
		result->data[nibbles / 2] |= nibbles % 2 == 0 ? digit << 4 : digit;
		nibbles++;
	}
	return nibbles == 2 * UUID_LEN;
}

/* The API's way to say that there is no date. */
static bool
is_no_date(const WfmDateTime *parts)
{
	return parts->year == 1 && parts->month == 1 && parts->day == 1;
}

static DateADT
date_of(const WfmDateTime *parts)
{
	return date2j(parts->year, parts->month, parts->day) - POSTGRES_EPOCH_JDATE;
}

static int64
time_of(const WfmDateTime *parts)
{
	return ((parts->hour * INT64CONST(60) + parts->minute) * 60 +
			parts->second) * USECS_PER_SEC + parts->microsecond;
}

/* The types of the catalogue.  False if the text does not fit. */
static bool
convert_direct(WfmConverter *converter, const WfmValue *value, Datum *datum,
			   bool *isnull, WfmStatCounts *counts)
{
	WfmDateTime parts;

	switch (converter->column->field_type)
	{
		case WFM_TYPE_BOOLEAN:
			{
				bool		flag;

				if (!parse_boolean(value, &flag))
					return false;
				*datum = BoolGetDatum(flag);
				return true;
			}
		case WFM_TYPE_INTEGER:
			{
				int32		number;

				if (!parse_integer(value, &number))
					return false;
				*datum = Int32GetDatum(number);
				return true;
			}
		case WFM_TYPE_NUMERIC:
			{
				if (!looks_numeric(value))
					return false;
				*datum = InputFunctionCall(&converter->input,
										   pnstrdup(value->data, value->len),
										   converter->ioparam,
										   converter->column->typmod);
				return true;
			}
		case WFM_TYPE_UUID:
			{
				pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

				if (!parse_uuid(value, uuid))
					return false;
				*datum = UUIDPGetDatum(uuid);
				return true;
			}
		case WFM_TYPE_DATE:
			if (!wfm_parse_datetime(value->data, value->len, &parts))
				return false;
			*isnull = is_no_date(&parts);
			if (!*isnull && time_of(&parts) != 0)
				counts->cut++;
			*datum = DateADTGetDatum(date_of(&parts));
			return true;
		case WFM_TYPE_TIMESTAMP:
			if (!wfm_parse_datetime(value->data, value->len, &parts))
				return false;
			*isnull = is_no_date(&parts);
			*datum = TimestampGetDatum(date_of(&parts) * USECS_PER_DAY +
									   time_of(&parts));
			return true;
		case WFM_TYPE_TIMESTAMPTZ:
			if (!wfm_parse_datetime(value->data, value->len, &parts))
				return false;
			*isnull = is_no_date(&parts);
			*datum = TimestampTzGetDatum(date_of(&parts) * USECS_PER_DAY +
										 time_of(&parts) -
										 parts.zone_seconds * USECS_PER_SEC);
			return true;
		case WFM_TYPE_TIME:
			if (!wfm_parse_time(value->data, value->len, &parts))
			{
				if (!wfm_parse_datetime(value->data, value->len, &parts) ||
					!parts.has_time)
					return false;
			}
			*datum = TimeADTGetDatum(time_of(&parts));
			return true;
		case WFM_TYPE_TEXT:
		case WFM_TYPE_JSONB:
			break;
	}
	return false;
}

void
wfm_converter_init(WfmConverter *converter, const WfmColumn *column)
{
	Oid			function;
	Oid			base;

	converter->column = column;
	converter->field = -1;
	converter->key_set = -1;
	converter->typmod = column->typmod;
	base = getBaseTypeAndTypmod(column->type, &converter->typmod);
	converter->is_domain = base != column->type;
	converter->direct = base == wfm_type_oid(column->field_type);
	/* numeric's input function sees to its own */
	if (converter->direct && converter->typmod >= 0 && base != NUMERICOID)
		(void) find_typmod_coercion_function(base, &converter->length_coercion);
	converter->context = CurrentMemoryContext;
	getTypeInputInfo(column->type, &function, &converter->ioparam);
	fmgr_info(function, &converter->input);
}

/* Apply what the column's type asks for beyond its base type. */
static Datum
coerce_to_column(WfmConverter *converter, Datum datum, bool isnull)
{
	if (!isnull && OidIsValid(converter->length_coercion))
		datum = OidFunctionCall3(converter->length_coercion, datum,
								 Int32GetDatum(converter->typmod),
								 BoolGetDatum(false));
	if (converter->is_domain)
		domain_check(datum, isnull, converter->column->type,
					 &converter->domain_checks, converter->context);
	return datum;
}

/* Convert what is not empty. */
static Datum
convert_text(WfmConverter *converter, WfmValue *content, Place *place,
			 bool *isnull, WfmStatCounts *counts)
{
	WfmType		type = converter->column->field_type;
	Datum		datum = (Datum) 0;

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		content->data = pg_any_to_server(pnstrdup(content->data, content->len),
										 content->len, PG_UTF8);
		content->len = strlen(content->data);
	}
	place->value = content;

	if (converter->direct && type == WFM_TYPE_TEXT)
		return PointerGetDatum(cstring_to_text_with_len(content->data, content->len));
	if (!converter->direct || type == WFM_TYPE_JSONB)
		return InputFunctionCall(&converter->input,
								 pnstrdup(content->data, content->len),
								 converter->ioparam, converter->column->typmod);
	if (!convert_direct(converter, content, &datum, isnull, counts))
	{
		error_context_stack = error_context_stack->previous;
		does_not_fit(place);
	}

	/* there was a value, and it stood for none */
	if (*isnull)
		counts->nulled++;
	return datum;
}

Datum
wfm_convert_integer(WfmConverter *converter, int32 number)
{
	if (converter->column->type == INT4OID)
		return Int32GetDatum(number);
	return InputFunctionCall(&converter->input, psprintf("%d", number),
							 converter->ioparam, converter->column->typmod);
}

Datum
wfm_convert(WfmConverter *converter, const WfmValue *value, const WfmRow *row,
			const char *table_name, bool *isnull, WfmStatCounts *counts)
{
	const WfmColumn *column = converter->column;
	WfmType		type = column->field_type;
	Place		place = {converter, NULL, row, table_name};
	WfmValue	content = *value;
	ErrorContextCallback context;
	Datum		datum = (Datum) 0;

	*isnull = false;
	if (content.data != NULL && type != WFM_TYPE_TEXT)
		content = trimmed(&content);

	if (content.data != NULL && (column->flags & WFM_FIELD_COMMAS) != 0)
		content = without_commas(&content);

	context.callback = input_error_context;
	context.arg = &place;
	context.previous = error_context_stack;
	error_context_stack = &context;

	if (content.data == NULL || content.len == 0)
		*isnull = true;
	else
		datum = convert_text(converter, &content, &place, isnull, counts);
	if (*isnull && column->not_null)
	{
		error_context_stack = context.previous;
		no_value(&place);
	}
	datum = coerce_to_column(converter, datum, *isnull);
	error_context_stack = context.previous;
	return datum;
}
