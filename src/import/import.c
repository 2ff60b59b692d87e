/*
 * import/import.c
 *		IMPORT FOREIGN SCHEMA: the catalogue as CREATE FOREIGN TABLE statements.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "auth/connection.h"
#include "base/options.h"
#include "catalog/resource.h"
#include "import/import.h"

#define REMOTE_SCHEMA "wfm"

/* What IMPORT FOREIGN SCHEMA was asked for beyond the plain tables. */
typedef struct ImportOptions
{
	bool		all;			/* tables that are one call for each parent */
	bool		nested;			/* lists inside records as jsonb columns */
	bool		raw;			/* the record as delivered, as a jsonb column */
	bool		tenants;		/* the server has several */
} ImportOptions;

static ImportOptions
read_options(List *list)
{
	ImportOptions result = {0};
	ListCell   *lc;

	foreach(lc, list)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "all") == 0)
			result.all = defGetBoolean(def);
		else if (strcmp(def->defname, "nested") == 0)
			result.nested = defGetBoolean(def);
		else if (strcmp(def->defname, "raw") == 0)
			result.raw = defGetBoolean(def);
		else
			wfm_option_unknown_at_import(def->defname);
	}
	return result;
}

/* Append one column. */
static void
append_column(StringInfo sql, const WfmField *field, bool first)
{
	appendStringInfo(sql, "%s\n  %s %s%s", first ? "" : ",",
					 quote_identifier(field->name),
					 wfm_type_name(field->type),
					 (field->flags & WFM_FIELD_NOT_NULL) != 0 ?
					 " NOT NULL" : "");
}

/* The statement for one resource. */
static char *
create_statement(const WfmResource *resource, const WfmDialect *dialect,
				 const ImportOptions *options, const char *schema,
				 const char *server)
{
	StringInfoData sql;
	bool		first = true;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (",
					 quote_qualified_identifier(schema, resource->name));
	if (options->tenants)
	{
		append_column(&sql, wfm_field_find(resource, dialect, "tenant_id"), true);
		append_column(&sql, wfm_field_find(resource, dialect, "tenant_name"), false);
		first = false;
	}
	/* input columns stand last */
	for (int input = 0; input <= 1; input++)
	{
		for (const WfmField *field = resource->fields; field->name != NULL; field++)
		{
			if (!wfm_field_in(field, dialect) ||
				((field->flags & WFM_FIELD_INPUT) != 0) != (input == 1) ||
				((field->flags & WFM_FIELD_NESTED) != 0 && !options->nested))
				continue;
			append_column(&sql, field, first);
			first = false;
		}
		if (input == 0 && options->raw)
			append_column(&sql, wfm_field_find(resource, dialect, "raw"), first);
	}
	appendStringInfo(&sql, "\n) SERVER %s OPTIONS (resource %s)",
					 quote_identifier(server),
					 quote_literal_cstr(resource->name));
	return sql.data;
}

/* Tables named in LIMIT TO or EXCEPT that the API does not have. */
static void
check_named_tables(ImportForeignSchemaStmt *stmt, const WfmDialect *dialect)
{
	ListCell   *lc;

	if (stmt->list_type == FDW_IMPORT_SCHEMA_ALL)
		return;
	foreach(lc, stmt->table_list)
	{
		const char *name = ((RangeVar *) lfirst(lc))->relname;
		const char **names;
		const char *nearest;
		StringInfoData list;
		int			n = 0;

		if (wfm_resource_find(name, dialect) != NULL)
			continue;
		names = palloc0((wfm_nresources + 1) * sizeof(char *));
		initStringInfo(&list);
		for (int i = 0; i < wfm_nresources; i++)
		{
			if (!wfm_resource_in(wfm_resources[i], dialect))
				continue;
			appendStringInfo(&list, "%s%s", n > 0 ? ", " : "",
							 wfm_resources[i]->name);
			names[n++] = wfm_resources[i]->name;
		}
		nearest = wfm_nearest(name, names);
		ereport(ERROR,
				(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
				 errmsg("the API %s has no table \"%s\"", dialect->name, name),
				 nearest != NULL ?
				 errhint("Perhaps you meant \"%s\".", nearest) :
				 errhint("It has: %s.", list.data)));
	}
}

List *
wfm_import_schema(ImportForeignSchemaStmt *stmt, Oid serverid)
{
	WfmOptions *options = wfm_options_of_server(serverid);
	ImportOptions wanted;
	WfmConnection *connection;
	List	   *result = NIL;

	if (strcmp(stmt->remote_schema, REMOTE_SCHEMA) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" is not present on foreign server \"%s\"",
						stmt->remote_schema, options->server_name),
				 errhint("Use IMPORT FOREIGN SCHEMA " REMOTE_SCHEMA ".")));
	wanted = read_options(stmt->options);
	wanted.tenants = options->tenants != NIL || options->all_tenants;

	connection = wfm_connection_get(options->connection, false);
	wfm_connection_check_use(connection, options->server_owner);
	check_named_tables(stmt, connection->dialect);

	for (int i = 0; i < wfm_nresources; i++)
	{
		const WfmResource *resource = wfm_resources[i];

		/* whoever names a costly table wants it */
		if (!wfm_resource_in(resource, connection->dialect) ||
			!IsImportableForeignTable(resource->name, stmt) ||
			(resource->costly && !wanted.all &&
			 stmt->list_type != FDW_IMPORT_SCHEMA_LIMIT_TO))
			continue;
		result = lappend(result, create_statement(resource,
												  connection->dialect, &wanted,
												  stmt->local_schema,
												  options->server_name));
	}
	return result;
}
