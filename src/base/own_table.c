/*
 * base/own_table.c
 *		The extension's own tables, found and written without SQL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "base/own_table.h"

#define EXTENSION_NAME "wfm_fdw"

/* pg_extension.extnamespace of an extension. */
static Oid
schema_of_extension(Oid extension)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(catalog, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return schema;
}

Oid
wfm_own_schema(void)
{
	Oid			extension = get_extension_oid(EXTENSION_NAME, true);

	return OidIsValid(extension) ? schema_of_extension(extension) : InvalidOid;
}

bool
wfm_own_extension(Oid extension)
{
	char	   *name = get_extension_name(extension);

	return name != NULL && strcmp(name, EXTENSION_NAME) == 0;
}

Oid
wfm_own_table(const char *name, bool missing_ok)
{
	Oid			extension = get_extension_oid(EXTENSION_NAME, true);
	Oid			table = InvalidOid;

	if (OidIsValid(extension))
	{
		table = get_relname_relid(name, schema_of_extension(extension));
		if (OidIsValid(table) &&
			(getExtensionOfObject(RelationRelationId, table) != extension ||
			 get_rel_relkind(table) != RELKIND_RELATION))
			table = InvalidOid;
	}
	if (!OidIsValid(table) && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" of extension wfm_fdw does not exist in this database", name),
				 errhint("Run CREATE EXTENSION wfm_fdw, or create it anew if the table was dropped.")));
	return table;
}

void
wfm_own_check_columns(Relation table, int ncolumns)
{
	TupleDesc	desc = RelationGetDescr(table);
	bool		same = desc->natts == ncolumns;

	for (int i = 0; i < desc->natts; i++)
		same &= !TupleDescAttr(desc, i)->attisdropped;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table \"%s\" does not have the columns of this version of wfm_fdw",
						RelationGetRelationName(table)),
				 errhint("Run ALTER EXTENSION wfm_fdw UPDATE, and do not alter the table by hand.")));
}

HeapTuple
wfm_own_row(Relation table, const char *key)
{
	SysScanDesc scan;
	ScanKeyData scan_key;
	HeapTuple	tuple;

	/* The list is asked for because it sets rd_pkindex. */
	list_free(RelationGetIndexList(table));

	ScanKeyInit(&scan_key, 1, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(key));
	scan = systable_beginscan(table, table->rd_pkindex,
							  OidIsValid(table->rd_pkindex), NULL, 1, &scan_key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/*
 * Indexes on expressions, partial ones and exclusion constraints need an
 * executor; ours are plain, and the server's catalog functions keep them up.
 */
static void
refuse_foreign_indexes(Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
		bool		plain = RelationGetIndexExpressions(index) == NIL &&
			RelationGetIndexPredicate(index) == NIL &&
			index->rd_index->indimmediate &&
			!index->rd_index->indisexclusion;

		if (!plain)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index \"%s\" on \"%s\" cannot be kept up to date",
							RelationGetRelationName(index),
							RelationGetRelationName(table)),
					 errhint("Drop it: this table takes plain indexes only.")));
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
}

void
wfm_own_insert(Relation table, HeapTuple row)
{
	refuse_foreign_indexes(table);
	CatalogTupleInsert(table, row);
}

void
wfm_own_update(Relation table, ItemPointer tid, HeapTuple row)
{
	refuse_foreign_indexes(table);
	CatalogTupleUpdate(table, tid, row);
}

void
wfm_own_delete(Relation table, ItemPointer tid)
{
	CatalogTupleDelete(table, tid);
}
