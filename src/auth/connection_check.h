/*
 * auth/connection_check.h
 *		What may stand in a row of wfm_connections.
 */
#ifndef WFM_AUTH_CONNECTION_CHECK_H
#define WFM_AUTH_CONNECTION_CHECK_H

#include "postgres.h"

#include "auth/connection.h"
#include "auth/seal.h"

/*
 * Check the columns of a row (all but the secrets); old values are NULL for
 * an INSERT.  ereports with the column's name and a HINT.  The limits of the
 * table's own constraints are in here too, because the errors of constraints
 * show the whole row.
 */
extern void wfm_connection_check_row(const Datum *values, const bool *nulls,
									 const Datum *old_values,
									 const bool *old_nulls);

/* Check a plain secret; messages name the column, never the value. */
extern void wfm_connection_check_secret(const char *connection,
										const char *column,
										const char *plain);

/*
 * Seal a secret for its way into wfm_connections, so that a plain one need
 * not pass through SQL.  palloc'd.
 */
extern char *wfm_connection_seal_secret(const WfmKeyRing *ring,
										const char *name,
										WfmConnectionColumn column,
										const char *plain);

#endif							/* WFM_AUTH_CONNECTION_CHECK_H */
