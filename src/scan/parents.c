/*
 * scan/parents.c
 *		The keys of a parent table, for tables that are one call for each.
 *
 * A parent may be such a table itself: values of custom fields of jobs' costs
 * need the costs, and those need the jobs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"

#include "fetch/row_counts.h"
#include "scan/parents.h"

typedef struct KeyEntry
{
	const char *key;
	char		status;			/* for simplehash */
} KeyEntry;

#define SH_PREFIX parenthash
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE const char *
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_bytes((const unsigned char *) (k), (int) strlen(k))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Keys as texts, in the order in which they came. */
typedef struct Keys
{
	int			n;
	int			space;
	char	  **texts;
} Keys;

static void
add_key(Keys *keys, char *text)
{
	if (keys->n == keys->space)
	{
		keys->space = Max(keys->space * 2, 256);
		keys->texts = keys->texts == NULL ?
			palloc(keys->space * sizeof(char *)) :
			repalloc(keys->texts, keys->space * sizeof(char *));
	}
	keys->texts[keys->n++] = text;
}

/* Read a column of a resource, every value once. */
static void
read_keys(const WfmTable *table, const WfmFetchSpec *like,
		  const char *resource_name, const char *column, Keys *keys,
		  WfmFetchStats *stats)
{
	const WfmDialect *dialect = table->dialect;
	const WfmResource *resource = wfm_resource_find(resource_name, dialect);
	const WfmField *field = resource == NULL ? NULL :
		wfm_field_find(resource, dialect, column);

	/* not on the stack, which an error leaves before the cursor goes */
	WfmFetchSpec *spec = palloc0(sizeof(WfmFetchSpec));
	WfmDecodeField *want = palloc0(sizeof(WfmDecodeField));
	parenthash_hash *seen = parenthash_create(CurrentMemoryContext, 1024, NULL);
	Keys		parents = {0};
	int			filter;
	WfmCursor  *cursor;
	const WfmRow *row;

	if (field == NULL || field->path == NULL)
		elog(ERROR, "no column \"%s\" of \"%s\" to walk along", column,
			 resource_name);

	spec->table_name = like->table_name;
	spec->connection = like->connection;
	spec->options = like->options;
	spec->format = like->format;
	spec->tenants = like->tenants;
	spec->ntenants = like->ntenants;
	spec->stat = like->stat;
	spec->resource = resource;
	spec->endpoint = wfm_endpoint_whole(resource, dialect);
	if (spec->endpoint == NULL)
	{
		spec->endpoint = wfm_endpoint_walk(resource, dialect, &filter);
		if (spec->endpoint == NULL)
			elog(ERROR, "no way to read all of \"%s\"", resource_name);
		read_keys(table, like, spec->endpoint->filters[filter].parent,
				  spec->endpoint->filters[filter].parent_column, &parents, stats);
		spec->nkeys = 1;
		spec->keys[0].filter = filter;
		spec->keys[0].nvalues = parents.n;
		spec->keys[0].values = parents.texts;
	}
	wfm_table_history(table, &spec->first_day, &spec->last_day);
	want->path = wfm_path_in_format(dialect, table->format, field->path, false);
	want->scope = field->scope;
	want->take = WFM_TAKE_TEXT;
	spec->fields = want;
	spec->nfields = 1;

	cursor = wfm_cursor_open(spec, CurrentMemoryContext);
	while ((row = wfm_cursor_next(cursor)) != NULL)
	{
		char	   *text;
		bool		found;

		if (row->values[0].data == NULL)
			continue;
		text = pnstrdup(row->values[0].data, row->values[0].len);

		(void) parenthash_insert(seen, text, &found);
		if (found)
			pfree(text);
		else
			add_key(keys, text);
	}
	wfm_fetch_stats_add(stats, wfm_cursor_stats(cursor));
	wfm_cursor_close(cursor);
	parenthash_destroy(seen);
	if (table->options->tenants == NIL)
		wfm_row_count_learn_of(table, resource_name, keys->n);
}

void
wfm_parents_read(const WfmTable *table, const WfmFetchSpec *spec,
				 const WfmFilter *filter, Oid type, WfmFilterValues *values,
				 WfmFetchStats *stats)
{
	Keys		keys = {0};
	Oid			input;
	Oid			ioparam;

	read_keys(table, spec, filter->parent, filter->parent_column, &keys, stats);
	getTypeInputInfo(type, &input, &ioparam);
	values->given = true;
	values->nvalues = keys.n;
	values->texts = keys.texts;
	values->datums = palloc(Max(keys.n, 1) * sizeof(Datum));
	for (int i = 0; i < keys.n; i++)
		values->datums[i] = OidInputFunctionCall(input, keys.texts[i], ioparam, -1);
}
