/*
 * auth/connection.c
 *		Rows of wfm_connections as the other parts see them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "auth/connection.h"
#include "base/own_table.h"
#include "base/settings.h"
#include "http/url.h"

const char *const wfm_connection_columns[WFM_CONN_NCOLUMNS] = {
	[WFM_CONN_NAME] = "name",
	[WFM_CONN_API] = "api",
	[WFM_CONN_CLIENT_ID] = "client_id",
	[WFM_CONN_CLIENT_SECRET] = "client_secret",
	[WFM_CONN_REFRESH_TOKEN] = "refresh_token",
	[WFM_CONN_TENANT_ID] = "tenant_id",
	[WFM_CONN_SCOPES] = "scopes",
	[WFM_CONN_REDIRECT_URI] = "redirect_uri",
	[WFM_CONN_API_URL] = "api_url",
	[WFM_CONN_TOKEN_URL] = "token_url",
	[WFM_CONN_AUTHORIZE_URL] = "authorize_url",
	[WFM_CONN_CONNECTIONS_URL] = "connections_url",
	[WFM_CONN_REVOCATION_URL] = "revocation_url",
	[WFM_CONN_CALLS_PER_MINUTE] = "calls_per_minute",
	[WFM_CONN_CALLS_PER_DAY] = "calls_per_day",
	[WFM_CONN_CONCURRENT_CALLS] = "concurrent_calls",
	[WFM_CONN_REFRESH_TOKEN_DAYS] = "refresh_token_days",
	[WFM_CONN_OWNER] = "owner",
};

void
wfm_connection_check_url(const char *connection, const char *column,
						 const char *url)
{
	WfmUrlParts parts;
	const char *why;

	if (!wfm_url_parse(url, &parts, &why))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" is not a usable URL",
						column, connection),
				 errdetail("The URL is refused because of this: %s.", why),
				 errhint("Give an absolute URL such as https://gateway.example/path/.")));
	if (parts.https)
		return;
	if (!parts.loopback)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" must be an https URL",
						column, connection),
				 errdetail("Tokens are never sent unencrypted over a network.")));
	if (!wfm_allow_insecure_loopback)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" is a plain http URL",
						column, connection),
				 errhint("Use https, or set wfm_fdw.allow_insecure_loopback to on in postgresql.conf to allow http to this very machine.")));
}

static char *
text_column(const Datum *values, const bool *nulls, WfmConnectionColumn column)
{
	return nulls[column] ? NULL : TextDatumGetCString(values[column]);
}

/* The row's URL if it has one, else the dialect's.  NULL if neither. */
static char *
effective_url(const WfmConnection *connection, const Datum *values,
			  const bool *nulls, WfmConnectionColumn column,
			  const char *default_url)
{
	char	   *url = text_column(values, nulls, column);

	if (url == NULL)
		return default_url == NULL ? NULL : pstrdup(default_url);
	wfm_connection_check_url(connection->name, wfm_connection_columns[column], url);
	return url;
}

/* Paths are appended to the base URL, so it has to end with a slash. */
static char *
with_slash(char *url)
{
	size_t		len = strlen(url);

	return len > 0 && url[len - 1] == '/' ? url : psprintf("%s/", url);
}

static int
int_column(const Datum *values, const bool *nulls, WfmConnectionColumn column,
		   int default_value)
{
	return nulls[column] ? default_value : DatumGetInt32(values[column]);
}

static WfmConnection *
connection_of_tuple(Relation table, HeapTuple tuple)
{
	WfmConnection *connection = palloc0(sizeof(WfmConnection));
	const WfmDialect *dialect;
	Datum		values[WFM_CONN_NCOLUMNS];
	bool		nulls[WFM_CONN_NCOLUMNS];
	char	   *api;
	char	   *owner;

	wfm_own_check_columns(table, WFM_CONN_NCOLUMNS);
	heap_deform_tuple(tuple, RelationGetDescr(table), values, nulls);

	connection->name = text_column(values, nulls, WFM_CONN_NAME);
	api = text_column(values, nulls, WFM_CONN_API);
	dialect = wfm_dialect_find(api);
	if (dialect == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("connection \"%s\" is for \"%s\", which this version of wfm_fdw does not know",
						connection->name, api)));
	connection->dialect = dialect;
	connection->client_id = text_column(values, nulls, WFM_CONN_CLIENT_ID);
	connection->tenant_id = text_column(values, nulls, WFM_CONN_TENANT_ID);
	connection->scopes = text_column(values, nulls, WFM_CONN_SCOPES);
	if (connection->scopes == NULL)
		connection->scopes = pstrdup(dialect->scopes);
	connection->redirect_uri = text_column(values, nulls, WFM_CONN_REDIRECT_URI);

	connection->api_url = with_slash(effective_url(connection, values, nulls,
												   WFM_CONN_API_URL,
												   dialect->api_url));
	connection->token_url = effective_url(connection, values, nulls,
										  WFM_CONN_TOKEN_URL,
										  dialect->token_url);
	connection->authorize_url = effective_url(connection, values, nulls,
											  WFM_CONN_AUTHORIZE_URL,
											  dialect->authorize_url);

	/*
	 * A token of another issuer must not reach the vendor: where the token
	 * endpoint is replaced, the other endpoints of the vendor are not used.
	 */
	connection->connections_url =
		effective_url(connection, values, nulls, WFM_CONN_CONNECTIONS_URL,
					  nulls[WFM_CONN_TOKEN_URL] ? dialect->connections_url : NULL);
	connection->revocation_url =
		effective_url(connection, values, nulls, WFM_CONN_REVOCATION_URL,
					  nulls[WFM_CONN_TOKEN_URL] ? dialect->revocation_url : NULL);

	connection->limits.calls_per_minute =
		int_column(values, nulls, WFM_CONN_CALLS_PER_MINUTE, dialect->calls_per_minute);
	connection->limits.calls_per_day =
		int_column(values, nulls, WFM_CONN_CALLS_PER_DAY, dialect->calls_per_day);
	connection->limits.concurrent_calls =
		int_column(values, nulls, WFM_CONN_CONCURRENT_CALLS, dialect->concurrent_calls);
	connection->limits.app_calls_per_minute = dialect->app_calls_per_minute;
	connection->refresh_token_days =
		int_column(values, nulls, WFM_CONN_REFRESH_TOKEN_DAYS, WFM_REFRESH_TOKEN_DAYS);

	owner = NameStr(*DatumGetName(values[WFM_CONN_OWNER]));
	connection->owner = get_role_oid(owner, true);
	connection->uncommitted =
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	return connection;
}

WfmConnection *
wfm_connection_get(const char *name, bool missing_ok)
{
	Oid			oid = wfm_own_table("wfm_connections", missing_ok);
	WfmConnection *connection = NULL;
	Relation	table;
	HeapTuple	tuple;

	if (!OidIsValid(oid))
		return NULL;
	table = table_open(oid, AccessShareLock);
	tuple = wfm_own_row(table, name);
	if (HeapTupleIsValid(tuple))
	{
		connection = connection_of_tuple(table, tuple);
		heap_freetuple(tuple);
	}
	table_close(table, AccessShareLock);

	if (connection == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_DOES_NOT_EXIST),
				 errmsg("connection \"%s\" does not exist in wfm_connections", name),
				 errhint("Make it with wfm_import_credentials('file'), or with INSERT INTO wfm_connections (name, api, client_id, redirect_uri) VALUES (%s, ...) and wfm_authorize_url(%s).",
						 quote_literal_cstr(name), quote_literal_cstr(name))));
	return connection;
}

void
wfm_connection_check_use(const WfmConnection *connection, Oid server_owner)
{
	if (!OidIsValid(connection->owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that owns connection \"%s\" does not exist any more",
						connection->name),
				 errhint("UPDATE wfm_connections SET owner = '...' WHERE name = %s;",
						 quote_literal_cstr(connection->name))));

	/* Nobody should be told to grant a superuser's role. */
	if (!is_member_of_role(server_owner, connection->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not use connection \"%s\"",
						GetUserNameFromId(server_owner, false), connection->name),
				 errdetail("A server may use a connection only if the server's owner is a member of the role that owns the connection."),
				 superuser_arg(connection->owner)
				 ? errhint("Give the connection to that role, or to one it is a member of: UPDATE wfm_connections SET owner = %s WHERE name = %s;",
						   quote_literal_cstr(GetUserNameFromId(server_owner, false)),
						   quote_literal_cstr(connection->name))
				 : errhint("GRANT %s TO %s, or change the owner of the server or of the connection.",
						   quote_identifier(GetUserNameFromId(connection->owner, false)),
						   quote_identifier(GetUserNameFromId(server_owner, false)))));
}

void
wfm_connection_check_member(const WfmConnection *connection)
{
	if (!OidIsValid(connection->owner)
		? !superuser() : !is_member_of_role(GetUserId(), connection->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for connection \"%s\"", connection->name),
				 errdetail("Only members of the role that owns it may do this.")));
}

List *
wfm_connection_summaries(Relation connections)
{
	SysScanDesc scan = systable_beginscan(connections, InvalidOid, false, NULL, 0, NULL);
	List	   *summaries = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		WfmConnectionSummary *summary = palloc(sizeof(WfmConnectionSummary));
		Datum		values[WFM_CONN_NCOLUMNS];
		bool		nulls[WFM_CONN_NCOLUMNS];

		wfm_own_check_columns(connections, WFM_CONN_NCOLUMNS);
		heap_deform_tuple(tuple, RelationGetDescr(connections), values, nulls);
		summary->name = text_column(values, nulls, WFM_CONN_NAME);
		summary->api = text_column(values, nulls, WFM_CONN_API);
		summary->tenant_id = text_column(values, nulls, WFM_CONN_TENANT_ID);
		summary->owner = pstrdup(NameStr(*DatumGetName(values[WFM_CONN_OWNER])));
		summary->refresh_token_days =
			int_column(values, nulls, WFM_CONN_REFRESH_TOKEN_DAYS, WFM_REFRESH_TOKEN_DAYS);
		summaries = lappend(summaries, summary);
	}
	systable_endscan(scan);
	return summaries;
}

void
wfm_connection_check_committed(const WfmConnection *connection)
{
	if (connection->uncommitted)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connection \"%s\" was made or changed in this transaction",
						connection->name),
				 errdetail("The token worker sees committed rows only."),
				 errhint("Commit first.")));
}
