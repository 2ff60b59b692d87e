/*
 * sqlapi/catalogue.c
 *		The catalogue as rows: what the view wfm_tables and the comments on
 *		imported tables are made of.  Nothing is sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "catalog/resource.h"

PG_FUNCTION_INFO_V1(wfm_api_tables);
PG_FUNCTION_INFO_V1(wfm_api_columns);

/* Columns that refer to another table under a name of their own. */
static const struct
{
	const char *prefix;
	const char *table;
}			references[] =

{
	{"account_manager", "staff"},
	{"approved_quote", "quote"},
	{"billing_client", "client"},
	{"contact", "client_contact"},
	{"field", "custom_field"},
	{"invoice_task", "invoice_job_task"},
	{"job_manager", "staff"},
	{"manager", "staff"},
	{"owner", "staff"},
	{"partner", "staff"},
	{"related_client", "client"},
	{"responsible", "staff"},
};

/* The ends of names of columns that refer to another table's key. */
static const char *const key_names[] = {"legacy_id", "uuid", "id"};

/* The column another table has for this one, "table.column"; NULL if none. */
static char *
referred(const WfmDialect *dialect, const WfmResource *resource,
		 const WfmField *field)
{
	for (int i = 0; i < (int) lengthof(key_names); i++)
	{
		int			len = strlen(field->name) - strlen(key_names[i]) - 1;
		char	   *prefix;
		char	   *draft;
		const char *table;
		const WfmResource *other;

		if (len <= 0 || field->name[len] != '_' || field->name[0] == '_' ||
			strcmp(field->name + len + 1, key_names[i]) != 0)
			continue;
		prefix = pnstrdup(field->name, len);
		table = prefix;
		for (int r = 0; r < (int) lengthof(references); r++)
		{
			if (strcmp(references[r].prefix, prefix) == 0)
				table = references[r].table;
		}
		/* the lines of a draft are the draft's */
		draft = psprintf("%s_draft", prefix);
		if (strncmp(resource->name, draft, strlen(draft)) == 0)
			table = draft;
		other = wfm_resource_find(table, dialect);
		if (other != NULL && other != resource &&
			wfm_field_find(other, dialect, key_names[i]) != NULL)
			return psprintf("%s.%s", table, key_names[i]);
	}
	return NULL;
}

/* A list of texts as text[]; NULL if it is empty. */
static Datum
text_array(List *texts, bool *isnull)
{
	int			n = list_length(texts);
	Datum	   *datums = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		datums[i] = CStringGetTextDatum(list_nth(texts, i));
	*isnull = n == 0;
	return n == 0 ? (Datum) 0 :
		PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false,
										TYPALIGN_INT));
}

/* An endpoint with the columns that go into it. */
static char *
request_of(const WfmEndpoint *endpoint)
{
	StringInfoData text;
	const char *hole = strstr(endpoint->path, "{}");
	char		separator = '?';

	initStringInfo(&text);
	appendStringInfo(&text, "%.*s", hole == NULL ? (int) strlen(endpoint->path) :
					 (int) (hole - endpoint->path), endpoint->path);
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place == WFM_IN_PATH && hole != NULL)
			appendStringInfo(&text, "{%s}%s", filter->column, hole + 2);
	}
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		if (filter->place != WFM_IN_QUERY || filter->parameter == NULL)
			continue;
		appendStringInfo(&text, "%c%s={%s}", separator, filter->parameter,
						 filter->column);
		separator = '&';
	}
	return text.data;
}

Datum
wfm_api_tables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int d = 0; d < wfm_ndialects; d++)
	{
		const WfmDialect *dialect = &wfm_dialects[d];

		for (int r = 0; r < wfm_nresources; r++)
		{
			const WfmResource *resource = wfm_resources[r];
			const WfmEndpoint *whole;
			List	   *keys = NIL;
			List	   *joins = NIL;
			List	   *requests = NIL;
			Datum		values[9] = {0};
			bool		nulls[9] = {0};
			int			filter;

			if (!wfm_resource_in(resource, dialect))
				continue;
			for (const WfmField *field = resource->fields; field->name != NULL; field++)
			{
				char	   *other;

				if (!wfm_field_in(field, dialect))
					continue;
				if ((field->flags & (WFM_FIELD_KEY | WFM_FIELD_PARENT)) != 0)
					keys = lappend(keys, pstrdup(field->name));
				other = referred(dialect, resource, field);
				if (other != NULL)
					joins = lappend(joins, psprintf("%s = %s", field->name, other));
			}
			for (const WfmEndpoint *endpoint = resource->endpoints;
				 endpoint->path != NULL; endpoint++)
			{
				if (wfm_endpoint_in(endpoint, dialect))
					requests = lappend(requests, request_of(endpoint));
			}
			whole = wfm_endpoint_whole(resource, dialect);

			values[0] = CStringGetTextDatum(dialect->name);
			values[1] = CStringGetTextDatum(resource->name);
			values[2] = CStringGetTextDatum(resource->comment);
			values[3] = text_array(keys, &nulls[3]);
			values[4] = text_array(joins, &nulls[4]);
			values[5] = text_array(requests, &nulls[5]);
			if (whole != NULL && whole->paging == WFM_PAGING_WINDOWS)
				values[6] = Int32GetDatum(dialect->widest_window_days + 1 -
										  (resource->window_column != NULL ? 3 : 1));
			else
				nulls[6] = true;
			if (whole != NULL && whole->records_a_page > 0)
				values[7] = Int32GetDatum(whole->records_a_page);
			else
				nulls[7] = true;
			whole = wfm_endpoint_walk(resource, dialect, &filter);
			if (whole != NULL)
				values[8] = CStringGetTextDatum(whole->filters[filter].parent);
			else
				nulls[8] = true;
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

Datum
wfm_api_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int d = 0; d < wfm_ndialects; d++)
	{
		const WfmDialect *dialect = &wfm_dialects[d];

		for (int r = 0; r < wfm_nresources; r++)
		{
			const WfmResource *resource = wfm_resources[r];

			if (!wfm_resource_in(resource, dialect))
				continue;
			for (const WfmField *field = resource->fields; field->name != NULL; field++)
			{
				Datum		values[9] = {0};
				bool		nulls[9] = {0};
				char	   *other;

				if (!wfm_field_in(field, dialect))
					continue;
				other = referred(dialect, resource, field);
				values[0] = CStringGetTextDatum(dialect->name);
				values[1] = CStringGetTextDatum(resource->name);
				values[2] = CStringGetTextDatum(field->name);
				values[3] = CStringGetTextDatum(wfm_type_name(field->type));
				values[4] = BoolGetDatum((field->flags & (WFM_FIELD_KEY | WFM_FIELD_PARENT)) != 0);
				values[5] = BoolGetDatum((field->flags & WFM_FIELD_INPUT) != 0);
				values[6] = BoolGetDatum((field->flags & WFM_FIELD_NESTED) != 0);
				if (other != NULL)
					values[7] = CStringGetTextDatum(other);
				else
					nulls[7] = true;
				values[8] = CStringGetTextDatum(field->comment);
				tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			}
		}
	}
	return (Datum) 0;
}
