/*
 * import/import.h
 *		IMPORT FOREIGN SCHEMA.
 */
#ifndef WFM_IMPORT_IMPORT_H
#define WFM_IMPORT_IMPORT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * CREATE FOREIGN TABLE statements for the resources that the server's API
 * has.  Sends nothing.
 */
extern List *wfm_import_schema(ImportForeignSchemaStmt *stmt, Oid serverid);

#endif							/* WFM_IMPORT_IMPORT_H */
