/*
 * auth/connection.h
 *		Rows of wfm_connections as the other parts see them.
 *
 * The rows are read under the extension's own privilege: whoever may use a
 * server needs no SELECT on wfm_connections.  No secret is ever in here.
 */
#ifndef WFM_AUTH_CONNECTION_H
#define WFM_AUTH_CONNECTION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "catalog/dialect.h"
#include "limit/limits.h"

typedef struct WfmConnection
{
	char	   *name;
	const WfmDialect *dialect;
	char	   *client_id;
	char	   *tenant_id;		/* NULL: the only tenant of the right type */
	char	   *scopes;			/* effective */
	char	   *redirect_uri;	/* NULL if unset */
	char	   *api_url;		/* effective, ends with '/' */
	char	   *authorize_url;	/* effective URLs: the row's or the dialect's */
	char	   *token_url;
	char	   *connections_url;	/* NULL: none */
	char	   *revocation_url; /* NULL: none */
	WfmLimitPolicy limits;		/* effective */
	int			refresh_token_days;
	Oid			owner;			/* role that owns the connection */
	bool		uncommitted;	/* inserted or changed by this very
								 * transaction */
} WfmConnection;

/*
 * Read a connection, palloc'd in the current context.  When there is none:
 * NULL if missing_ok, else an error (08003) whose HINT lists how to make one.
 * Errors too when its URLs are not allowed by the settings in force.
 */
extern WfmConnection *wfm_connection_get(const char *name, bool missing_ok);

/*
 * May a server owned by this role use the connection?  42501 if not: the
 * role must be a member of the connection's owner.
 */
extern void wfm_connection_check_use(const WfmConnection *connection,
									 Oid server_owner);

/* May the current role manage the connection?  42501 if not. */
extern void wfm_connection_check_member(const WfmConnection *connection);

/*
 * Can it be used by a query now?  55000 with HINT "Commit first." when the
 * row is the work of this transaction.
 */
extern void wfm_connection_check_committed(const WfmConnection *connection);

/*
 * Is this URL allowed?  https, or plain http to this very machine when
 * wfm_fdw.allow_insecure_loopback is on.  If not: 22023, naming the column.
 */
extern void wfm_connection_check_url(const char *connection,
									 const char *column, const char *url);

/* What a list of connections shows; works for rows that cannot be used. */
typedef struct WfmConnectionSummary
{
	char	   *name;
	char	   *api;
	char	   *owner;
	char	   *tenant_id;		/* NULL: not named */
	int			refresh_token_days;
} WfmConnectionSummary;

/* All rows of wfm_connections, as a list of WfmConnectionSummary. */
extern List *wfm_connection_summaries(Relation connections);

/* Columns of wfm_connections, in the order of the extension script. */
typedef enum WfmConnectionColumn
{
	WFM_CONN_NAME,
	WFM_CONN_API,
	WFM_CONN_CLIENT_ID,
	WFM_CONN_CLIENT_SECRET,
	WFM_CONN_REFRESH_TOKEN,
	WFM_CONN_TENANT_ID,
	WFM_CONN_SCOPES,
	WFM_CONN_REDIRECT_URI,
	WFM_CONN_API_URL,
	WFM_CONN_TOKEN_URL,
	WFM_CONN_AUTHORIZE_URL,
	WFM_CONN_CONNECTIONS_URL,
	WFM_CONN_REVOCATION_URL,
	WFM_CONN_CALLS_PER_MINUTE,
	WFM_CONN_CALLS_PER_DAY,
	WFM_CONN_CONCURRENT_CALLS,
	WFM_CONN_REFRESH_TOKEN_DAYS,
	WFM_CONN_OWNER,
	WFM_CONN_NCOLUMNS
} WfmConnectionColumn;

/* Their names, for messages and for wfm_import_credentials. */
extern const char *const wfm_connection_columns[WFM_CONN_NCOLUMNS];

/* Days after which an unused refresh token dies, where the row says nothing. */
#define WFM_REFRESH_TOKEN_DAYS 60

#endif							/* WFM_AUTH_CONNECTION_H */
