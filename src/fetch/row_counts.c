/*
 * fetch/row_counts.c
 *		How many rows the tables were seen to have.
 */
#include "postgres.h"

#include "fetch/learnt.h"
#include "fetch/row_counts.h"

/*
 * What names a foreign table and the tenants it reads; with relid 0 any table
 * of the resource on that server.
 */
static uint64
name_of(const WfmTable *table, Oid relid, const char *resource)
{
	const WfmOptions *options = table->options;
	uint64		name = wfm_learnt_name(WFM_LEARNT_ROW_COUNT);
	ListCell   *lc;

	name = wfm_learnt_add_number(name, options->serverid);
	name = wfm_learnt_add_number(name, relid);
	name = wfm_learnt_add_text(name, resource);
	name = wfm_learnt_add_text(name, table->connection->name);
	name = wfm_learnt_add_text(name, options->tenant_id != NULL ?
							   options->tenant_id : table->connection->tenant_id);
	/* with all tenants the list is not known yet while a query is planned */
	if (options->all_tenants)
		return wfm_learnt_add_text(name, "*");
	foreach(lc, options->tenants)
		name = wfm_learnt_add_text(name, ((WfmTenant *) lfirst(lc))->id);
	return name;
}

static void
learn(uint64 name, double rows)
{
	wfm_learnt_keep(name, (uint32) Min(rows, (double) PG_UINT32_MAX));
}

static double
recall(uint64 name)
{
	uint32		rows;

	return wfm_learnt_recall(name, &rows) ? (double) rows : -1;
}

void
wfm_row_count_learn(const WfmTable *table, double rows)
{
	learn(name_of(table, table->relid, table->resource->name), rows);
	wfm_row_count_learn_of(table, table->resource->name, rows);
}

double
wfm_row_count(const WfmTable *table)
{
	return recall(name_of(table, table->relid, table->resource->name));
}

void
wfm_row_count_learn_of(const WfmTable *table, const char *resource, double rows)
{
	learn(name_of(table, InvalidOid, resource), rows);
}

double
wfm_row_count_of(const WfmTable *table, const char *resource)
{
	return recall(name_of(table, InvalidOid, resource));
}
