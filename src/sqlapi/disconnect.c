/*
 * sqlapi/disconnect.c
 *		wfm_disconnect(connection): the end of a consent.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"

#include "auth/connection.h"
#include "auth/revoke.h"
#include "auth/tenants.h"
#include "auth/token_store.h"
#include "base/compat.h"
#include "base/settings.h"

PG_FUNCTION_INFO_V1(wfm_disconnect);

/*
 * A standby and a copy hold somebody else's consent: to end it here would take
 * it from the server that uses it.
 */
static void
check_may_end(const WfmConnection *connection)
{
	PreventCommandDuringRecovery("wfm_disconnect()");
	if (!wfm_refresh_tokens)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the consent of connection \"%s\" cannot be ended on this server", connection->name),
				 errdetail("Asking for tokens is turned off by wfm_fdw.refresh_tokens, so the consent may be in use by the server that this one was copied from."),
				 errhint("To forget the tokens here alone, delete the connection and insert it again.")));
}

/*
 * wfm_disconnect(connection, unlink_tenants): revokes the consent at the
 * vendor and forgets its tokens; on request also ends the link between the
 * app and the tenants this consent connected, which other consents to the
 * same app may use.  Settings and client secret stay.
 */
Datum
wfm_disconnect(PG_FUNCTION_ARGS)
{
	WfmConnection *connection;

	wfm_require_preload();
	connection = wfm_connection_get(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	wfm_connection_check_member(connection);
	wfm_connection_check_committed(connection);
	check_may_end(connection);
	if (PG_GETARG_BOOL(1))
	{
		WfmAccessToken token;
		ListCell   *cell;
		int			unlinked = 0;

		wfm_token_get(connection, &token);
		foreach(cell, wfm_tenants_fetch(connection, &token))
		{
			const WfmTenantInfo *tenant = lfirst(cell);

			if (tenant->link_id != NULL && tenant->usable && tenant->this_consent)
			{
				wfm_tenant_unlink(connection, &token, tenant);
				unlinked++;
			}
		}
		wfm_token_forget(&token);
		if (unlinked == 0)
			ereport(WARNING,
					(errmsg("no tenant was unlinked from the app of connection \"%s\"", connection->name),
					 errdetail("The vendor lists none as connected by this consent."),
					 errhint("Disconnect the app in the vendor's list of connected apps.")));
	}
	wfm_grant_revoke(connection);
	PG_RETURN_VOID();
}
