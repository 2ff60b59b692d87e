/*
 * fetch/select.c
 *		The parameter "fields": only those members of a record that a query uses.
 *
 * practicemanager/3.1 has it in its specification alone, as a list of names in
 * JSON's spelling; nobody saw a server honour it, so it is sent only where the
 * server option "fields" says so.  One that ignores it sends more, and nothing
 * else changes.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "fetch/step.h"
#include "fetch/table.h"

/* Add the names that the alternatives of a path begin with. */
static void
add_names(StringInfo list, const char *path)
{
	while (*path != '\0')
	{
		StringInfoData name;
		const char *at = list->data;
		bool		there = false;

		initStringInfo(&name);
		wfm_append_json_name(&name, path, strcspn(path, "/|"));
		while (!there && *at != '\0')
		{
			size_t		len = strcspn(at, ",");

			/* PostCode and Postcode are one name */
			there = len == (size_t) name.len && pg_strncasecmp(at, name.data, len) == 0;
			at += len + (at[len] == ',' ? 1 : 0);
		}
		if (!there)
			appendStringInfo(list, "%s%s", list->len > 0 ? "," : "", name.data);
		pfree(name.data);
		path += strcspn(path, "|");
		if (*path == '|')
			path++;
	}
}

char *
wfm_select_fields(const WfmFetchSpec *spec, const WfmEndpoint *endpoint)
{
	const WfmDialect *dialect = spec->connection->dialect;
	StringInfoData list;

	if (!spec->options->select_fields || !dialect->takes_fields)
		return NULL;
	initStringInfo(&list);
	for (int i = 0; i < spec->nfields; i++)
	{
		const WfmDecodeField *field = &spec->fields[i];

		if (field->scope > 0)
			continue;
		/* the whole record */
		if (strcmp(field->path, ".") == 0)
			return NULL;
		add_names(&list, field->path);
	}

	/* the list that further scopes lie in */
	if (wfm_endpoint_nscopes(endpoint) > 1)
		add_names(&list, endpoint->scopes[1]);

	/* what is looked at beside the columns: keys, days, what kind it is */
	for (const WfmField *field = spec->resource->fields; field->name != NULL; field++)
	{
		bool		wanted = (field->flags & WFM_FIELD_KEY) != 0 ||
			(spec->resource->window_column != NULL &&
			 strcmp(field->name, spec->resource->window_column) == 0);

		for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
		{
			if (strcmp(field->name, endpoint->filters[i].column) == 0)
				wanted = true;
		}
		if (wanted && field->path != NULL && field->scope == 0 &&
			wfm_field_in(field, dialect))
			add_names(&list, field->path);
	}
	if (endpoint->except_path != NULL)
		add_names(&list, endpoint->except_path);
	return list.len > 0 ? list.data : NULL;
}
