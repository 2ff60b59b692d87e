/*
 * fetch/table.c
 *		A foreign table resolved against its options, its connection and the
 *		catalogue.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "fetch/row_counts.h"
#include "fetch/table.h"

/* Lists are read this many days ahead of today: planned work has dates. */
#define DAYS_AHEAD 367

Oid
wfm_type_oid(WfmType type)
{
	switch (type)
	{
		case WFM_TYPE_TEXT:
			return TEXTOID;
		case WFM_TYPE_UUID:
			return UUIDOID;
		case WFM_TYPE_BOOLEAN:
			return BOOLOID;
		case WFM_TYPE_INTEGER:
			return INT4OID;
		case WFM_TYPE_NUMERIC:
			return NUMERICOID;
		case WFM_TYPE_DATE:
			return DATEOID;
		case WFM_TYPE_TIMESTAMP:
			return TIMESTAMPOID;
		case WFM_TYPE_TIMESTAMPTZ:
			return TIMESTAMPTZOID;
		case WFM_TYPE_TIME:
			return TIMEOID;
		case WFM_TYPE_JSONB:
			return JSONBOID;
	}
	return TEXTOID;
}

/* Complain about a resource that the dialect does not have. */
pg_noreturn static void
no_such_resource(const WfmTable *table)
{
	const char **names = palloc0((wfm_nresources + 1) * sizeof(char *));
	const char *wanted = table->options->resource;
	const char *nearest;
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < wfm_nresources; i++)
	{
		if (!wfm_resource_in(wfm_resources[i], table->dialect))
			continue;
		appendStringInfo(&list, "%s%s", n > 0 ? ", " : "",
						 wfm_resources[i]->name);
		names[n++] = wfm_resources[i]->name;
	}
	nearest = wfm_nearest(wanted, names);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			 errmsg("the API %s has no resource \"%s\"",
					table->dialect->name, wanted),
			 errdetail("Foreign table \"%s\" asks for it.", table->name),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("It has: %s.", list.data)));
}

/* Complain about a column that the resource does not have. */
pg_noreturn static void
no_such_field(const WfmTable *table, const char *column)
{
	const char **names;
	const char *nearest;
	int			n = 0;

	for (const WfmField *f = table->resource->fields; f->name != NULL; f++)
		n++;
	names = palloc0((n + 1) * sizeof(char *));
	n = 0;
	for (const WfmField *f = table->resource->fields; f->name != NULL; f++)
	{
		if (wfm_field_in(f, table->dialect))
			names[n++] = f->name;
	}
	nearest = wfm_nearest(column, names);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("resource \"%s\" of the API %s has no field for column \"%s\"",
					table->resource->name, table->dialect->name, column),
			 errdetail("Foreign table \"%s\" has this column.", table->name),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\". A field that is not known can be mapped by the column option field 'Path/In/Record'.", nearest) :
			 errhint("A field that is not known can be mapped by the column option field 'Path/In/Record'.")));
}

/* Complain about a column whose values only a writer could have stored. */
pg_noreturn static void
is_generated(const WfmTable *table, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of foreign table \"%s\" is generated and stored, but the API stores nothing",
					column, table->name),
			 errhint("Compute it in a view over the foreign table.")));
}

static WfmColumn *
resolve_column(const WfmTable *table, Form_pg_attribute att)
{
	WfmColumn  *column = palloc0(sizeof(WfmColumn));
	char	   *path = wfm_options_field(table->relid, att->attnum);

	column->attnum = att->attnum;
	column->name = pstrdup(NameStr(att->attname));
	column->type = att->atttypid;
	column->typmod = att->atttypmod;
	column->not_null = att->attnotnull;
	if (path != NULL)
	{
		/* mapped by hand: the column's own type decides how it is read */
		column->by_hand = true;
		column->path = path;
		column->scope = -1;
		column->field_type = WFM_TYPE_TEXT;
		for (WfmType type = WFM_TYPE_TEXT; type <= WFM_TYPE_JSONB; type++)
		{
			if (wfm_type_oid(type) == att->atttypid)
				column->field_type = type;
		}
	}
	else
	{
		const WfmField *field = wfm_field_find(table->resource, table->dialect,
											   column->name);

		if (field == NULL)
			no_such_field(table, column->name);
		column->path = field->path == NULL ? NULL :
			wfm_path_in_format(table->dialect, table->format, field->path,
							   false);
		column->field_type = field->type;
		column->flags = field->flags;
		column->scope = (field->flags & WFM_FIELD_RAW) != 0 ? -1 : field->scope;
		column->child = field->child;
		column->include = field->include;
	}
	return column;
}

WfmTable *
wfm_table_open(Oid relid)
{
	WfmTable   *table = palloc0(sizeof(WfmTable));
	WfmConnection *connection;
	Relation	rel;
	TupleDesc	desc;

	table->relid = relid;
	table->name = get_rel_name(relid);
	table->sql_name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
												 table->name);
	table->options = wfm_options_of_table(relid);
	connection = wfm_connection_get(table->options->connection, false);
	wfm_connection_check_use(connection, table->options->server_owner);
	table->connection = connection;
	table->dialect = connection->dialect;

	table->format = table->dialect->format;
	if (table->options->format_json && table->dialect->json_header != NULL)
		table->format = WFM_FORMAT_JSON;

	table->resource = wfm_resource_find(table->options->resource,
										table->dialect);
	if (table->resource == NULL)
		no_such_resource(table);

	rel = table_open(relid, NoLock);
	desc = RelationGetDescr(rel);
	table->natts = desc->natts;
	table->columns = palloc0(desc->natts * sizeof(WfmColumn *));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (att->attgenerated == ATTRIBUTE_GENERATED_STORED)
			is_generated(table, NameStr(att->attname));
		if (att->attgenerated == '\0')
			table->columns[i] = resolve_column(table, att);
	}
	table_close(rel, NoLock);
	return table;
}

const WfmColumn *
wfm_table_column(const WfmTable *table, const char *name)
{
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i] != NULL &&
			strcmp(table->columns[i]->name, name) == 0)
			return table->columns[i];
	}
	return NULL;
}

void
wfm_table_history(const WfmTable *table, DateADT *first, DateADT *last)
{
	/* the statement's start, so that all scans of a statement agree */
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	int			days = (int) (now / USECS_PER_DAY);

	*first = table->options->history_from;
	*last = days + DAYS_AHEAD;
}

bool
wfm_table_by_date(const WfmTable *table)
{
	return table->resource->window_column != NULL &&
		!table->options->window_column_off;
}

double
wfm_table_parents(const WfmTable *table, const WfmFilter *filter)
{
	const WfmResource *parent = wfm_resource_find(filter->parent,
												  table->dialect);

	double		learnt = wfm_row_count_of(table, filter->parent);

	if (learnt >= 0)
		return Max(learnt, 1);
	return parent == NULL ? 1 : parent->typical_rows;
}

void
wfm_table_check_price(const WfmTable *table)
{
	int			filter;
	const WfmEndpoint *endpoint = wfm_endpoint_walk(table->resource,
													table->dialect, &filter);
	const WfmLimitPolicy *limits = &table->connection->limits;
	double		calls;

	if (endpoint == NULL || table->options->walk_parents)
		return;
	calls = wfm_table_parents(table, &endpoint->filters[filter]);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("foreign table \"%s\" needs a value for column \"%s\"",
					table->name, endpoint->filters[filter].column),
			 errdetail("Without it the API takes one call for each row of \"%s\": about %.0f calls, %.0f min, %.0f %% of a day's calls.",
					   endpoint->filters[filter].parent, calls,
					   ceil(calls / Max(limits->calls_per_minute, 1)),
					   ceil(100 * calls / Max(limits->calls_per_day, 1))),
			 errhint("Compare the column with a value or join on it, or allow the calls: ALTER FOREIGN TABLE %s OPTIONS (ADD walk_parents 'true');",
					 table->sql_name)));
}
