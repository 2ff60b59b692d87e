/*
 * scan/nested.c
 *		Lists inside a record as jsonb with the names and types of the columns
 *		that the list's own table has.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "scan/nested.h"

/* A member of the objects in the list. */
typedef struct Member
{
	WfmColumn	column;
	WfmConverter converter;
	FmgrInfo	output;
	WfmNested  *inner;			/* a list in the list; else NULL */
} Member;

struct WfmNested
{
	int			nmembers;
	Member	   *members;
};

/* The members that a table's columns at one depth of its scopes are. */
static WfmNested *
create(const WfmTable *table, const WfmResource *resource, int depth)
{
	WfmNested  *nested = palloc0(sizeof(WfmNested));
	int			n = 0;

	for (const WfmField *field = resource->fields; field->name != NULL; field++)
		n++;
	nested->members = palloc0(Max(n, 1) * sizeof(Member));

	for (const WfmField *field = resource->fields; field->name != NULL; field++)
	{
		Member	   *member = &nested->members[nested->nmembers];
		Oid			function;
		bool		is_varlena;

		if (!wfm_field_in(field, table->dialect) || field->scope != depth ||
			field->path == NULL)
			continue;
		member->column.name = field->name;
		member->column.type = wfm_type_oid(field->type);
		member->column.typmod = -1;
		member->column.field_type = field->type;
		member->column.flags = field->flags;
		member->column.path = wfm_path_in_format(table->dialect, table->format,
												 field->path, false);
		if (field->child != NULL)
		{
			const WfmResource *child = wfm_resource_find(field->child,
														 table->dialect);

			if (child == NULL)
				continue;
			member->inner = create(table, child, depth + 1);
		}
		wfm_converter_init(&member->converter, &member->column);
		getTypeOutputInfo(member->column.type, &function, &is_varlena);
		fmgr_info(function, &member->output);
		nested->nmembers++;
	}
	return nested;
}

WfmNested *
wfm_nested_create(const WfmTable *table, const WfmColumn *column)
{
	const WfmResource *child = wfm_resource_find(column->child, table->dialect);

	return child == NULL ? NULL : create(table, child, column->scope + 1);
}

/* The value at one path without alternatives; false if there is none. */
static bool
look_up(JsonbContainer *object, const char *path, size_t len, JsonbValue *value)
{
	const char *end = path + len;

	for (;;)
	{
		const char *slash = memchr(path, '/', end - path);
		const char *stop = slash != NULL ? slash : end;
		JsonbValue	key;
		JsonbValue *found;

		if (!JsonContainerIsObject(object))
			return false;
		key.type = jbvString;
		key.val.string.val = unconstify(char *, path);
		key.val.string.len = stop - path;
		found = findJsonbValueFromContainer(object, JB_FOBJECT, &key);
		if (found == NULL)
			return false;
		*value = *found;
		if (slash == NULL)
			break;
		if (found->type != jbvBinary)
			return false;
		object = found->val.binary.data;
		path = slash + 1;
	}
	return value->type != jbvNull &&
		!(value->type == jbvString && value->val.string.len == 0);
}

/* The first alternative of a path that has a value. */
static bool
look_up_any(JsonbContainer *object, const char *path, bool want_list,
			JsonbValue *value)
{
	while (*path != '\0')
	{
		size_t		len = strcspn(path, "|");

		if (look_up(object, path, len, value) &&
			(value->type == jbvBinary) == want_list)
			return true;
		path += len;
		if (*path == '|')
			path++;
	}
	return false;
}

/* A leaf as the text the API sent. */
static WfmValue
leaf_text(const JsonbValue *leaf)
{
	WfmValue text = {NULL, 0};

	switch (leaf->type)
	{
		case jbvString:
			text.		data = leaf->val.string.val;
			text.		len = leaf->val.string.len;

			break;
		case jbvNumeric:
			text.		data = DatumGetCString(DirectFunctionCall1(numeric_out,
																   NumericGetDatum(leaf->val.numeric)));
			text.		len = strlen(text.data);

			break;
		case jbvBool:
			text.		data = leaf->val.boolean ? "true" : "false";
			text.		len = strlen(text.data);

			break;
		default:
			break;
	}
	return text;
}

/* Append a converted value as JSON. */
static void
append_value(StringInfo out, Member *member, Datum datum)
{
	char		buffer[MAXDATELEN + 1];

	switch (member->column.type)
	{
		case BOOLOID:
			appendStringInfoString(out, DatumGetBool(datum) ? "true" : "false");
			break;
		case INT4OID:
		case NUMERICOID:
			appendStringInfoString(out, OutputFunctionCall(&member->output, datum));
			break;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TIMEOID:
			JsonEncodeDateTime(buffer, datum, member->column.type, NULL);
			escape_json(out, buffer);
			break;
		default:
			escape_json(out, OutputFunctionCall(&member->output, datum));
			break;
	}
}

static bool append_list(StringInfo out, WfmNested *nested,
						JsonbContainer *list, const WfmRow *row,
						const char *table_name,
						WfmStatCounts *counts);

/* Append one element of a list as an object. */
static void
append_element(StringInfo out, WfmNested *nested, JsonbContainer *object,
			   const WfmRow *row, const char *table_name, WfmStatCounts *counts)
{
	appendStringInfoChar(out, '{');
	for (int i = 0; i < nested->nmembers; i++)
	{
		Member	   *member = &nested->members[i];
		JsonbValue	found;
		bool		isnull = true;

		appendStringInfoString(out, i > 0 ? ", " : "");
		escape_json(out, member->column.name);
		appendStringInfoString(out, ": ");
		if (look_up_any(object, member->column.path, member->inner != NULL, &found))
		{
			if (member->inner != NULL)
				isnull = !append_list(out, member->inner,
									  found.val.binary.data, row, table_name,
									  counts);
			else
			{
				WfmValue text = leaf_text(&found);
				Datum		datum = wfm_convert(&member->converter, &text, row,
												table_name, &isnull, counts);

				if (!isnull)
					append_value(out, member, datum);
			}
		}
		if (isnull)
			appendStringInfoString(out, "null");
	}
	appendStringInfoChar(out, '}');
}

/* Append a list as an array; false, and nothing, if it is empty. */
static bool
append_list(StringInfo out, WfmNested *nested, JsonbContainer *list,
			const WfmRow *row, const char *table_name, WfmStatCounts *counts)
{
	uint32		n = JsonContainerIsArray(list) ? JsonContainerSize(list) : 1;
	bool		any = false;

	for (uint32 i = 0; i < n; i++)
	{
		JsonbContainer *element = list;

		if (JsonContainerIsArray(list))
		{
			JsonbValue *value = getIthJsonbValueFromContainer(list, i);

			if (value == NULL || value->type != jbvBinary)
				continue;
			element = value->val.binary.data;
		}
		appendStringInfoString(out, any ? ", " : "[");
		append_element(out, nested, element, row, table_name, counts);
		any = true;
	}
	if (any)
		appendStringInfoChar(out, ']');
	return any;
}

Datum
wfm_nested_convert(WfmNested *nested, const WfmValue *value, const WfmRow *row,
				   const char *table_name, bool *isnull, WfmStatCounts *counts)
{
	Jsonb	   *list;
	StringInfoData out;
	Datum		datum;

	*isnull = true;
	if (value->data == NULL)
		return (Datum) 0;
	list = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(pg_any_to_server(pnstrdup(value->data, value->len),
																			   value->len, PG_UTF8))));
	if (JB_ROOT_IS_SCALAR(list))
		return (Datum) 0;
	initStringInfo(&out);
	if (!append_list(&out, nested, &list->root, row, table_name, counts))
		return (Datum) 0;
	datum = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	*isnull = false;
	return datum;
}
