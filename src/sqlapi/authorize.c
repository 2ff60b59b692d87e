/*
 * sqlapi/authorize.c
 *		Consent and what it covers: wfm_authorize_url, wfm_authorize,
 *		wfm_tenants, wfm_identity.
 *
 * All are for members of the connection's owner.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "auth/connection.h"
#include "auth/consent.h"
#include "auth/grant.h"
#include "auth/oauth_answer.h"
#include "auth/tenants.h"
#include "auth/token_store.h"
#include "base/compat.h"
#include "base/encoding.h"
#include "base/own_table.h"
#include "base/settings.h"

PG_FUNCTION_INFO_V1(wfm_authorize_url);
PG_FUNCTION_INFO_V1(wfm_authorize);
PG_FUNCTION_INFO_V1(wfm_tenants);
PG_FUNCTION_INFO_V1(wfm_identity);

/* The connection named by the first argument, if the role may manage it. */
static WfmConnection *
connection_argument(FunctionCallInfo fcinfo)
{
	WfmConnection *connection;

	wfm_require_preload();
	connection = wfm_connection_get(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	wfm_connection_check_member(connection);
	return connection;
}

static WfmGrant *
grant_of(const WfmConnection *connection)
{
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), AccessShareLock);
	WfmGrant   *grant = wfm_grant_read(tokens, connection->name);

	table_close(tokens, AccessShareLock);
	return grant;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL;
	values[column] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

/* wfm_authorize_url(connection): the address a person opens to consent. */
Datum
wfm_authorize_url(PG_FUNCTION_ARGS)
{
	WfmConnection *connection = connection_argument(fcinfo);

	PG_RETURN_TEXT_P(cstring_to_text(wfm_consent_url(connection)));
}

enum
{
	AUTHORIZED_TENANT_ID,
	AUTHORIZED_TENANT_NAME,
	AUTHORIZED_CONSENTED_BY,
	AUTHORIZED_NEXT,
	AUTHORIZED_NCOLUMNS
};

static void
put_authorized(ReturnSetInfo *result, const WfmGrant *grant,
			   const char *tenant_id, const char *tenant_name, const char *next)
{
	Datum		values[AUTHORIZED_NCOLUMNS];
	bool		nulls[AUTHORIZED_NCOLUMNS];

	set_text(values, nulls, AUTHORIZED_TENANT_ID, tenant_id);
	set_text(values, nulls, AUTHORIZED_TENANT_NAME, tenant_name);
	set_text(values, nulls, AUTHORIZED_CONSENTED_BY, grant == NULL ? NULL : grant->consented_by);
	set_text(values, nulls, AUTHORIZED_NEXT, next);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* One row for each tenant to choose from, with the statement that chooses. */
static void
put_choices(ReturnSetInfo *result, const WfmConnection *connection,
			const WfmAccessToken *token, const WfmGrant *grant)
{
	List	   *tenants = wfm_tenants_fetch(connection, token);
	ListCell   *cell;
	int			usable = 0;

	foreach(cell, tenants)
	{
		const WfmTenantInfo *tenant = lfirst(cell);

		if (!tenant->usable)
			continue;
		usable++;
		put_authorized(result, grant, tenant->tenant_id, tenant->tenant_name,
					   psprintf("UPDATE wfm_connections SET tenant_id = %s WHERE name = %s;",
								quote_literal_cstr(tenant->tenant_id),
								quote_literal_cstr(connection->name)));
	}
	if (usable == 0)
		wfm_token_require_tenant(connection, token);
}

/*
 * wfm_authorize(connection, redirected_url): a consent becomes tokens.
 * Returns the tenant, or those to choose from, who consented, and the
 * statement that comes next.
 */
Datum
wfm_authorize(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfmConnection *connection = connection_argument(fcinfo);
	WfmAccessToken token;
	WfmGrant   *grant;

	InitMaterializedSRF(fcinfo, 0);
	wfm_connection_check_committed(connection);
	wfm_consent_finish(connection, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	wfm_token_get(connection, &token);
	grant = grant_of(connection);
	if (token.tenant_id[0] != '\0')
		put_authorized(result, grant, token.tenant_id,
					   grant == NULL ? NULL : grant->tenant_name,
					   psprintf("CREATE SERVER %s FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection %s);",
								quote_identifier(connection->name),
								quote_literal_cstr(connection->name)));
	else
		put_choices(result, connection, &token, grant);
	wfm_token_forget(&token);
	return (Datum) 0;
}

enum
{
	TENANT_ID,
	TENANT_NAME,
	TENANT_TYPE,
	TENANT_USABLE,
	TENANT_WHY_NOT,
	TENANT_THIS_CONSENT,
	TENANT_CONNECTED,
	TENANT_UPDATED,
	TENANT_NCOLUMNS
};

/* The vendor's time of day, which is UTC though it does not say so. */
static void
set_utc(Datum *values, bool *nulls, int column, const char *value)
{
	nulls[column] = value == NULL || strlen(value) > 40 ||
		strspn(value, "0123456789-T:.") != strlen(value);
	if (!nulls[column])
		values[column] = DirectFunctionCall3(timestamptz_in,
											 CStringGetDatum(psprintf("%sZ", value)),
											 ObjectIdGetDatum(InvalidOid),
											 Int32GetDatum(-1));
}

/* wfm_tenants(connection): what the consent reaches, newest first. */
Datum
wfm_tenants(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfmConnection *connection = connection_argument(fcinfo);
	WfmAccessToken token;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	wfm_token_get(connection, &token);
	foreach(cell, wfm_tenants_fetch(connection, &token))
	{
		const WfmTenantInfo *tenant = lfirst(cell);
		Datum		values[TENANT_NCOLUMNS] = {0};
		bool		nulls[TENANT_NCOLUMNS] = {0};
		char	   *why_not = NULL;

		if (!tenant->usable)
			why_not = psprintf("its type is %s, and %s needs %s",
							   tenant->tenant_type != NULL ? tenant->tenant_type : "not told",
							   connection->dialect->name,
							   connection->dialect->tenant_type);
		set_text(values, nulls, TENANT_ID, tenant->tenant_id);
		set_text(values, nulls, TENANT_NAME, tenant->tenant_name);
		set_text(values, nulls, TENANT_TYPE, tenant->tenant_type);
		values[TENANT_USABLE] = BoolGetDatum(tenant->usable);
		set_text(values, nulls, TENANT_WHY_NOT, why_not);
		values[TENANT_THIS_CONSENT] = BoolGetDatum(tenant->this_consent);
		set_utc(values, nulls, TENANT_CONNECTED, tenant->created_utc);
		set_utc(values, nulls, TENANT_UPDATED, tenant->updated_utc);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	wfm_token_forget(&token);
	return (Datum) 0;
}

enum
{
	IDENTITY_CONSENTED_BY,
	IDENTITY_CONSENTED_AT,
	IDENTITY_USER_ID,
	IDENTITY_CONSENT_ID,
	IDENTITY_SCOPES,
	IDENTITY_EXPIRES_AT,
	IDENTITY_NCOLUMNS
};

/*
 * wfm_identity(connection): in whose name the connection reads, as the access
 * token says.  Nothing is sent but for the token itself.
 */
Datum
wfm_identity(PG_FUNCTION_ARGS)
{
	WfmConnection *connection = connection_argument(fcinfo);
	WfmAccessToken token;
	WfmGrant   *grant = grant_of(connection);
	WfmClaims	claims = {0};
	WfmProblem	problem;
	Datum		values[IDENTITY_NCOLUMNS] = {0};
	bool		nulls[IDENTITY_NCOLUMNS] = {0};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	wfm_token_get(connection, &token);
	PG_TRY();
	{
		const char *scopes;
		const char *user;

		(void) wfm_oauth_read_claims(token.token, &claims, &problem);
		user = claims.xero_userid != NULL ? claims.xero_userid : claims.sub;
		scopes = claims.scope != NULL ? wfm_text_from_utf8(claims.scope)
			: grant != NULL ? grant->granted_scopes : NULL;
		set_text(values, nulls, IDENTITY_CONSENTED_BY, grant == NULL ? NULL : grant->consented_by);
		nulls[IDENTITY_CONSENTED_AT] = grant == NULL || grant->consented_at == 0;
		values[IDENTITY_CONSENTED_AT] = nulls[IDENTITY_CONSENTED_AT] ? (Datum) 0
			: TimestampTzGetDatum(grant->consented_at);
		set_text(values, nulls, IDENTITY_USER_ID, wfm_text_from_utf8(user));
		set_text(values, nulls, IDENTITY_CONSENT_ID,
				 wfm_text_from_utf8(claims.authentication_event_id));
		set_text(values, nulls, IDENTITY_SCOPES, scopes);
		values[IDENTITY_EXPIRES_AT] = TimestampTzGetDatum(token.expires_at);
	}
	PG_FINALLY();
	{
		wfm_claims_free(&claims);
		wfm_token_forget(&token);
	}
	PG_END_TRY();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
