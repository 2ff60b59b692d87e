/*
 * plan/order.c
 *		Lists that the API itself can sort.
 *
 * Only by moments: what is before what is no matter of collation there.  The
 * scan watches that the rows come so (scan/order.c), and nothing is taken for
 * sorted without a LIMIT, which is all it is good for.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "plan/paths.h"
#include "plan/pushdown.h"

/* The column of the table that the sort key is, NULL if it is none. */
static const WfmColumn *
sorted_column(PathKey *key, RelOptInfo *baserel, const WfmTable *table)
{
	ListCell   *lc;

	if (key->pk_eclass->ec_has_volatile)
		return NULL;
	foreach(lc, key->pk_eclass->ec_members)
	{
		EquivalenceMember *member = lfirst(lc);
		AttrNumber	attnum = wfm_column_reference((Node *) member->em_expr,
												  baserel->relid);

		if (attnum > 0 && attnum <= table->natts &&
			table->columns[attnum - 1] != NULL)
			return table->columns[attnum - 1];
	}
	return NULL;
}

List *
wfm_find_order(PlannerInfo *root, RelOptInfo *baserel, const WfmTable *table,
			   const WfmEndpoint *endpoint, bool one_page, List **pathkeys)
{
	const WfmColumn *column;
	TypeCacheEntry *type;
	PathKey    *key;
	bool		descending;

	/* several lists one after another have no common order */
	if (root->query_pathkeys == NIL || endpoint->orders == NULL ||
		endpoint->chains[0] != NULL || table->options->tenants != NIL ||
		table->options->all_tenants ||
		!table->options->push_assumed)
		return NIL;
	key = linitial(root->query_pathkeys);
	column = sorted_column(key, baserel, table);
	if (column == NULL || column->type != TIMESTAMPTZOID)
		return NIL;
	type = lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_BTREE_OPFAMILY);
	descending = wfm_pathkey_is_descending(key);
	if (key->pk_opfamily != type->btree_opf || key->pk_nulls_first != descending)
		return NIL;

	for (const WfmOrder *order = endpoint->orders; order->column != NULL; order++)
	{
		const WfmField *field;

		if (strcmp(order->column, column->name) != 0 ||
			order->descending != descending)
			continue;
		/* while pages are read, what is changed moves to another page */
		field = wfm_field_find(table->resource, table->dialect, column->name);
		if (field == NULL || field->path == NULL || column->path == NULL ||
			strcmp(field->path, column->path) != 0 ||
			(order->moves && !one_page))
			return NIL;
		*pathkeys = list_make1(key);
		return list_make3(makeString(pstrdup(order->parameters)),
						  makeInteger(column->attnum),
						  makeInteger(descending ? 1 : 0));
	}
	return NIL;
}
