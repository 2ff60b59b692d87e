/*
 * sqlapi/import_credentials.c
 *		wfm_import_credentials(path): connections from a file on the server,
 *		so that no secret stands in a statement.
 */
#include "postgres.h"

#include <sys/stat.h>

#include <openssl/crypto.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "auth/connection.h"
#include "auth/connection_check.h"
#include "auth/credentials_json.h"
#include "auth/keyring.h"
#include "base/compat.h"
#include "base/own_table.h"

PG_FUNCTION_INFO_V1(wfm_import_credentials);

/* What has to be cleansed however the function ends. */
typedef struct Import
{
	char	   *value;			/* the file; malloc'd */
	size_t		len;
	WfmCredentialsList list;
	WfmKeyRing	ring;
} Import;

static void
cleanse_import(void *arg)
{
	Import	   *import = arg;

	if (import->value != NULL)
	{
		OPENSSL_cleanse(import->value, import->len);
		free(import->value);
		import->value = NULL;
	}
	wfm_credentials_free(&import->list);
	wfm_key_ring_cleanse(&import->ring);
}

static void
read_file(const char *path, Import *import)
{
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	struct stat st;

	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path),
				 errhint("Give the absolute path of a file on the server that the server's user can read.")));
	if (fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size > WFM_CREDENTIALS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a file of at most %d bytes", path, WFM_CREDENTIALS_MAX)));
	if (st.st_mode & (S_IRGRP | S_IROTH))
		ereport(WARNING,
				(errmsg("file \"%s\" may be read by others", path),
				 errhint("Delete it when the connections work.")));

	import->value = malloc(st.st_size + 1);
	if (import->value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	import->len = fread(import->value, 1, st.st_size, file);
	if (ferror(file))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	FreeFile(file);
}

static bool
is_secret(int column)
{
	return column == WFM_CONN_CLIENT_SECRET || column == WFM_CONN_REFRESH_TOKEN;
}

static const char *
sql_type(int column)
{
	switch (column)
	{
		case WFM_CONN_CALLS_PER_MINUTE:
		case WFM_CONN_CALLS_PER_DAY:
		case WFM_CONN_CONCURRENT_CALLS:
		case WFM_CONN_REFRESH_TOKEN_DAYS:
			return "pg_catalog.int4";
		case WFM_CONN_OWNER:
			return "pg_catalog.name";
		default:
			return "pg_catalog.text";
	}
}

/*
 * Does a connection of this name exist, as of now and not as of the beginning
 * of the statement, which may have made it?
 */
static bool
connection_exists(const char *name)
{
	Relation	connections;
	HeapTuple	row;

	CommandCounterIncrement();
	connections = table_open(wfm_own_table("wfm_connections", false), AccessShareLock);
	row = wfm_own_row(connections, name);
	table_close(connections, AccessShareLock);
	return HeapTupleIsValid(row);
}

/* Two connections of one name in a file: which one is meant? */
static void
refuse_doubles(const Import *import, const char *path)
{
	for (size_t i = 0; i < import->list.nobjects; i++)
	{
		const char *name = import->list.fields[i * WFM_CONN_NCOLUMNS + WFM_CONN_NAME].value;

		for (size_t j = 0; name != NULL && j < i; j++)
		{
			const char *earlier = import->list.fields[j * WFM_CONN_NCOLUMNS + WFM_CONN_NAME].value;

			if (earlier != NULL && strcmp(earlier, name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_UNIQUE_VIOLATION),
						 errmsg("file \"%s\" has connection \"%s\" twice", path, name),
						 errdetail("Elements %zu and %zu have this name.", j + 1, i + 1)));
		}
	}
}

/*
 * Insert or update one connection with the caller's own right to the table.
 * Secrets are sealed before they become parameters, which may be logged.
 */
static void
write_connection(Import *import, const WfmCredential *fields)
{
	const char *name = fields[WFM_CONN_NAME].value;
	bool		exists = connection_exists(name);
	Oid			types[WFM_CONN_NCOLUMNS];
	Datum		values[WFM_CONN_NCOLUMNS];
	char		nulls[WFM_CONN_NCOLUMNS + 1];
	int			n = 0;
	StringInfoData columns;
	StringInfoData parameters;
	StringInfoData settings;
	StringInfoData query;

	initStringInfo(&columns);
	initStringInfo(&parameters);
	initStringInfo(&settings);
	initStringInfo(&query);
	for (int i = 0; i < WFM_CONN_NCOLUMNS; i++)
	{
		const char *column = wfm_connection_columns[i];
		char	   *value = fields[i].value;

		if (!fields[i].given)
			continue;
		if (value != NULL && is_secret(i))
		{
			wfm_connection_check_secret(name, column, value);
			value = wfm_connection_seal_secret(&import->ring, name, i, value);
		}
		types[n] = TEXTOID;
		values[n] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
		nulls[n] = value == NULL ? 'n' : ' ';
		n++;
		appendStringInfo(&columns, "%s%s", n > 1 ? ", " : "", column);
		appendStringInfo(&parameters, "%s$%d::%s", n > 1 ? ", " : "", n, sql_type(i));
		appendStringInfo(&settings, "%s%s = $%d::%s", n > 1 ? ", " : "", column, n, sql_type(i));
	}
	nulls[n] = '\0';

	/* The columns stand in the table's order, so the name is $1. */
	if (exists)
		appendStringInfo(&query, "UPDATE %s.wfm_connections SET %s WHERE name OPERATOR(pg_catalog.=) $1",
						 quote_identifier(get_namespace_name(wfm_own_schema())),
						 settings.data);
	else
		appendStringInfo(&query, "INSERT INTO %s.wfm_connections (%s) VALUES (%s)",
						 quote_identifier(get_namespace_name(wfm_own_schema())),
						 columns.data, parameters.data);
	if (SPI_execute_with_args(query.data, n, types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not write connection \"%s\"", name);
}

/*
 * wfm_import_credentials(path): a file with a JSON object, or an array of
 * them, whose fields are columns of wfm_connections.  Makes or changes the
 * connections and returns their names.
 */
Datum
wfm_import_credentials(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContextCallback *callback;
	char		problem[WFM_CREDENTIALS_PROBLEM_LEN];
	Import	   *import;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read files of the server"),
				 errdetail("Only members of role pg_read_server_files may import credentials."),
				 errhint("Use COPY wfm_connections FROM STDIN, which reads a file of the client.")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	import = palloc0(sizeof(Import));
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = cleanse_import;
	callback->arg = import;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);

	canonicalize_path(path);
	read_file(path, import);
	if (!wfm_credentials_read(import->value, import->len, wfm_connection_columns,
							  WFM_CONN_NCOLUMNS, &import->list, problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("file \"%s\" cannot be imported: %s", path, problem),
				 errhint("It must hold a JSON object, or an array of objects, with the columns of wfm_connections as fields.")));
	refuse_doubles(import, path);
	wfm_keyring_load(&import->ring, true);

	SPI_connect();
	for (size_t i = 0; i < import->list.nobjects; i++)
	{
		const WfmCredential *fields = &import->list.fields[i * WFM_CONN_NCOLUMNS];
		Datum		name;
		bool		null = false;

		if (fields[WFM_CONN_NAME].value == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("element %zu of file \"%s\" has no name", i + 1, path)));
		write_connection(import, fields);
		name = CStringGetTextDatum(fields[WFM_CONN_NAME].value);
		tuplestore_putvalues(result->setResult, result->setDesc, &name, &null);
	}
	SPI_finish();
	cleanse_import(import);
	return (Datum) 0;
}
