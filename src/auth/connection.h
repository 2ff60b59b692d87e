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

/*
 * Can it be used by a query now?  55000 with HINT "Commit first." when the
 * row is the work of this transaction.
 */
extern void wfm_connection_check_committed(const WfmConnection *connection);

#endif							/* WFM_AUTH_CONNECTION_H */
