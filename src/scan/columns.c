/*
 * scan/columns.c
 *		From records to tuples: which values are decoded, and what becomes of
 *		them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "nodes/value.h"

#include "scan/nested.h"
#include "scan/scan_private.h"

/* Most alternatives that a column's path has. */
#define MAX_ALTERNATIVES 8

/* Does the list, separated by commas, hold the name? */
static bool
holds_name(const char *list, const char *name)
{
	size_t		len = strlen(name);

	for (const char *at = list; at != NULL; at = strchr(at, ','))
	{
		if (*at == ',')
			at++;
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* Have a path decoded; the index of its value. */
static int
add_field(WfmScan *scan, const WfmColumn *column, const char *path)
{
	WfmDecodeField *field = &scan->fields[scan->nfields];

	field->path = path;
	field->scope = column->scope >= 0 ? column->scope :
		Max(wfm_endpoint_nscopes(scan->endpoint) - 1, 0);
	field->take =
		column->field_type == WFM_TYPE_JSONB ? WFM_TAKE_JSON : WFM_TAKE_TEXT;
	return scan->nfields++;
}

/* Have each alternative of a column's path decoded by itself. */
static void
add_alternatives(WfmScan *scan, WfmConverter *converter)
{
	const char *path = converter->column->path;

	converter->alternatives = palloc(MAX_ALTERNATIVES * sizeof(char *));
	converter->field = scan->nfields;
	while (*path != '\0' && converter->nalternatives < MAX_ALTERNATIVES)
	{
		size_t		len = strcspn(path, "|");
		char	   *one = pnstrdup(path, len);

		(void) add_field(scan, converter->column, one);
		one = pstrdup(one);
		/* JSON's name of it is in lower case */
		one[0] = pg_ascii_toupper((unsigned char) one[0]);
		converter->alternatives[converter->nalternatives++] = one;
		path += len;
		if (*path == '|')
			path++;
	}
}

/* Have the part of the record included that the column lies in. */
static void
add_include(WfmScan *scan, const WfmColumn *column)
{
	if (column->include == NULL)
		return;
	if (scan->includes == NULL)
		scan->includes = column->include;
	else if (!holds_name(scan->includes, column->include))
		scan->includes = psprintf("%s,%s", scan->includes, column->include);
}

/* Prepare decoding and converting of the columns that are used. */
void
wfm_columns_prepare(WfmScan *scan, List *columns)
{
	ListCell   *lc;

	scan->converters = palloc0(Max(list_length(columns), 1) *
							   sizeof(WfmConverter));
	scan->fields = palloc0(Max(list_length(columns), 1) * MAX_ALTERNATIVES *
						   sizeof(WfmDecodeField));
	foreach(lc, columns)
	{
		const WfmColumn *column = scan->table->columns[lfirst_int(lc) - 1];
		WfmConverter *converter;

		/* dropped since the plan was made: then the plan is made anew */
		if (column == NULL)
			continue;
		converter = &scan->converters[scan->ncolumns++];
		wfm_converter_init(converter, column);
		if (column->path == NULL)
			continue;
		if ((column->flags & WFM_FIELD_DETAILED) != 0)
			scan->detailed = true;
		add_include(scan, column);
		if ((column->flags & WFM_FIELD_NESTED) != 0 &&
			column->type == JSONBOID)
			converter->nested = wfm_nested_create(scan->table, column);
		if ((column->flags & WFM_FIELD_WHICH) != 0)
			add_alternatives(scan, converter);
		else
			converter->field = add_field(scan, column, column->path);
	}

	/* without any field records are only counted, not delivered */
	if (scan->nfields == 0)
	{
		for (int i = 0; i < scan->ncolumns; i++)
		{
			const WfmField *any = scan->table->resource->fields;

			if ((scan->converters[i].column->flags & WFM_FIELD_ORDINAL) == 0)
				continue;
			while (any->path == NULL)
				any++;
			scan->fields[0].path = any->path;
			scan->fields[0].scope = any->scope;
			scan->nfields = 1;
			break;
		}
	}
}

/* ---------- values ---------- */

/* Which column takes which set of values. */
void
wfm_columns_link_inputs(WfmScan *scan)
{
	for (int i = 0; i < scan->ncolumns; i++)
	{
		WfmConverter *converter = &scan->converters[i];

		converter->key_set = -1;
		if ((converter->column->flags & (WFM_FIELD_INPUT | WFM_FIELD_PARENT)) == 0)
			continue;
		for (int f = 0; f < wfm_endpoint_nfilters(scan->endpoint); f++)
		{
			if (scan->values->filters[f].given &&
				strcmp(scan->endpoint->filters[f].column,
					   converter->column->name) == 0)
				converter->key_set = f;
		}
	}
}

/* The value of an input column: what the condition gave. */
static Datum
input_value(const WfmScan *scan, const WfmConverter *converter,
			const WfmRow *row, bool *isnull)
{
	const WfmFilterValues *values;
	const WfmFilter *filter;
	int			index = 0;

	*isnull = converter->key_set < 0;
	if (*isnull)
		return (Datum) 0;
	values = &scan->values->filters[converter->key_set];
	filter = &scan->endpoint->filters[converter->key_set];
	if (filter->place == WFM_WINDOW_FROM || filter->place == WFM_WINDOW_TO)
		index = wfm_scan_leg_index(scan, filter->place);
	else
	{
		for (int i = 0; i < scan->spec.nkeys; i++)
		{
			if (scan->spec.keys[i].filter == converter->key_set)
				index = row->key_index[i];
		}
	}
	return values->datums[index];
}

/* A column that says which tenant the row comes from. */
static Datum
tenant_value(const WfmScan *scan, const WfmConverter *converter,
			 const WfmRow *row, bool *isnull)
{
	const WfmOptions *options = scan->table->options;
	const char *text = options->tenant_id != NULL ? options->tenant_id :
		scan->table->connection->tenant_id;
	bool		is_name = (converter->column->flags & WFM_FIELD_TENANT_NAME) != 0;

	if (scan->tenants != NIL)
	{
		const WfmTenant *tenant = list_nth(scan->tenants,
										   scan->first_tenant + row->tenant);

		text = is_name ? tenant->label : tenant->id;
	}
	else if (is_name)
		text = NULL;
	*isnull = text == NULL;

	if (*isnull)
		return (Datum) 0;
	return OidInputFunctionCall(converter->input.fn_oid,
								unconstify(char *, text), converter->ioparam,
								converter->column->typmod);
}

/* The name of the alternative that has a value. */
static Datum
which_value(const WfmConverter *converter, const WfmRow *row, bool *isnull)
{
	for (int i = 0; i < converter->nalternatives; i++)
	{
		if (row->values[converter->field + i].data == NULL)
			continue;
		*isnull = false;
		return OidInputFunctionCall(converter->input.fn_oid,
									unconstify(char *, converter->alternatives[i]),
									converter->ioparam,
									converter->column->typmod);
	}
	*isnull = true;
	return (Datum) 0;
}

/* The value of a column that no path leads to. */
static Datum
made_value(const WfmScan *scan, WfmConverter *converter,
		   const WfmRow *row, bool *isnull)
{
	const WfmColumn *column = converter->column;

	if ((column->flags & WFM_FIELD_ORDINAL) != 0)
	{
		*isnull = row->ordinals == NULL;
		return *isnull ? (Datum) 0 : wfm_convert_integer(converter, (int32) row->ordinals[column->scope]);
	}
	if ((column->flags & (WFM_FIELD_TENANT_ID | WFM_FIELD_TENANT_NAME)) != 0)
		return tenant_value(scan, converter, row, isnull);
	return input_value(scan, converter, row, isnull);
}

/* Fill the slot from a row. */
void
wfm_columns_store(WfmScan *scan, const WfmRow *row, TupleTableSlot *slot)
{
	int			natts = slot->tts_tupleDescriptor->natts;

	memset(slot->tts_isnull, true, natts * sizeof(bool));
	for (int i = 0; i < scan->ncolumns; i++)
	{
		WfmConverter *converter = &scan->converters[i];
		int			att = converter->column->attnum - 1;

		if (converter->nalternatives > 0)
			slot->tts_values[att] = which_value(converter, row,
												&slot->tts_isnull[att]);
		else if (converter->nested != NULL)
			slot->tts_values[att] = wfm_nested_convert(converter->nested,
													   &row->values[converter->field],
													   row, scan->table->name,
													   &slot->tts_isnull[att],
													   &scan->stat->total);
		else if (converter->field >= 0)
			slot->tts_values[att] = wfm_convert(converter,
												&row->values[converter->field],
												row, scan->table->name,
												&slot->tts_isnull[att],
												&scan->stat->total);
		else
			slot->tts_values[att] = made_value(scan, converter, row,
											   &slot->tts_isnull[att]);
	}
	ExecStoreVirtualTuple(slot);
}
