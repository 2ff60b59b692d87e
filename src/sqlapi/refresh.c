/*
 * sqlapi/refresh.c
 *		wfm_refresh(connection): a new access token now.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "auth/connection.h"
#include "auth/token_shmem.h"
#include "base/compat.h"
#include "base/settings.h"

PG_FUNCTION_INFO_V1(wfm_refresh);

/*
 * Has the token worker read the connection anew and refresh its token; waits
 * for it.  Also the way out of config_error after the cause was mended.  For
 * members of the connection's owner.
 */
Datum
wfm_refresh(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	WfmConnection *connection;

	wfm_require_preload();
	connection = wfm_connection_get(name, false);
	wfm_connection_check_member(connection);
	wfm_token_refresh_now(connection);
	PG_RETURN_VOID();
}
