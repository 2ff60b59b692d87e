/*
 * base/own_table.h
 *		The extension's own tables, found and written without SQL.
 *
 * They are found through pg_extension, never through search_path, and only
 * if they belong to the extension.  Rows are read and written directly: no
 * planner, no rules, no row security, no triggers of others, no operators
 * that somebody could have put in the way.  Whoever calls has the extension's
 * right to the table, so what a role may see or do is checked by the caller.
 */
#ifndef WFM_BASE_OWN_TABLE_H
#define WFM_BASE_OWN_TABLE_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/rel.h"

/* Schema of the extension in this database; InvalidOid if it is not there. */
extern Oid	wfm_own_schema(void);

/* Is this the extension itself, as a row of pg_extension that is there? */
extern bool wfm_own_extension(Oid extension);

/*
 * OID of a table of the extension.  When it is not there: InvalidOid if
 * missing_ok, else an error.
 */
extern Oid	wfm_own_table(const char *name, bool missing_ok);

/*
 * Error unless a table has the columns the code reads by their places: this
 * many and none of them dropped.
 */
extern void wfm_own_check_columns(Relation table, int ncolumns);

/*
 * The row whose first column (text, collation "C", the primary key) is key,
 * as of now; a copy in the current context, NULL if there is none.
 */
extern HeapTuple wfm_own_row(Relation table, const char *key);

/*
 * Write rows.  The caller makes sure nobody else changes the row (a lock on
 * the grant, or the row being one's own work).  Errors if somebody gave the
 * table an index that cannot be kept up to date without the executor.
 */
extern void wfm_own_insert(Relation table, HeapTuple row);
extern void wfm_own_update(Relation table, ItemPointer tid, HeapTuple row);
extern void wfm_own_delete(Relation table, ItemPointer tid);

#endif							/* WFM_BASE_OWN_TABLE_H */
