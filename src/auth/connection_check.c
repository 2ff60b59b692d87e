/*
 * auth/connection_check.c
 *		What may stand in a row of wfm_connections.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "auth/connection_check.h"
#include "auth/oauth_answer.h"
#include "base/compat.h"
#include "http/url.h"

/* Lengths that no vendor's value comes near to. */
#define CLIENT_ID_MAX 255
#define CLIENT_SECRET_MAX 1024
#define SCOPES_MAX 2000

/* A name further away than this is no typing error. */
#define CLOSEST_DISTANCE 6

static const struct
{
	WfmConnectionColumn column;
	int			min;
	int			max;
}			ranges[] = {

	/* The limiter keeps a stamp for each call of a minute: 600 of them. */
	{WFM_CONN_CALLS_PER_MINUTE, 1, 600},
	{WFM_CONN_CALLS_PER_DAY, 1, 10000000},
	{WFM_CONN_CONCURRENT_CALLS, 1, 64},
	{WFM_CONN_REFRESH_TOKEN_DAYS, 1, 3650},
};

/* Columns that name a host: whoever sets them decides who gets the tokens. */
static const WfmConnectionColumn url_columns[] = {
	WFM_CONN_API_URL, WFM_CONN_TOKEN_URL, WFM_CONN_AUTHORIZE_URL,
	WFM_CONN_CONNECTIONS_URL, WFM_CONN_REVOCATION_URL,
};

pg_noreturn static void refuse_value(const char *connection,
									 WfmConnectionColumn column,
									 const char *what, const char *hint);

static void
refuse_value(const char *connection, WfmConnectionColumn column,
			 const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" of connection \"%s\" %s",
					wfm_connection_columns[column], connection, what),
			 errhint("%s", hint)));
}

static char *
text_value(const Datum *values, const bool *nulls, WfmConnectionColumn column)
{
	return nulls[column] ? NULL : TextDatumGetCString(values[column]);
}

static char *
required_value(const char *connection, const Datum *values, const bool *nulls,
			   WfmConnectionColumn column)
{
	if (nulls[column])
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("column \"%s\" of connection \"%s\" is missing",
						wfm_connection_columns[column], connection)));
	return text_value(values, nulls, column);
}

/* Only printable ASCII, and no space unless allowed. */
static bool
is_printable(const char *value, bool spaces)
{
	for (const char *p = value; *p != '\0'; p++)
	{
		if (*p < 0x20 || *p > 0x7e || (*p == ' ' && !spaces))
			return false;
	}
	return true;
}

static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a connection must have 1 to %d bytes", NAMEDATALEN - 1)));
	for (const char *p = name; *p != '\0'; p++)
	{
		if ((unsigned char) *p < 0x20 || *p == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("the name of a connection must not hold control characters")));
	}
}

static void
check_api(const char *connection, const char *api)
{
	StringInfoData known;
	const char *closest = NULL;
	int			distance = CLOSEST_DISTANCE + 1;

	if (wfm_dialect_find(api) != NULL)
		return;
	initStringInfo(&known);
	for (int i = 0; i < wfm_ndialects; i++)
	{
		const char *name = wfm_dialects[i].name;
		int			len = Min(strlen(api), 255);
		int			d = varstr_levenshtein_less_equal(api, len, name, strlen(name),
													  1, 1, 1, CLOSEST_DISTANCE, true);

		if (d < distance)
		{
			distance = d;
			closest = name;
		}
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", name);
	}

	/* What is like no API at all may be a secret in the wrong column. */
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 closest != NULL
			 ? errmsg("column \"api\" of connection \"%s\" names the unknown API \"%s\"",
					  connection, api)
			 : errmsg("column \"api\" of connection \"%s\" names an unknown API",
					  connection),
			 closest != NULL
			 ? errhint("Perhaps you meant \"%s\". Known are: %s.", closest, known.data)
			 : errhint("Known are: %s.", known.data)));
}

static void
check_tenant_id(const char *connection, const char *tenant_id)
{
	size_t		len = strlen(tenant_id);

	/* It is sent as a header's value. */
	if (len == 0 || len > 63 ||
		strspn(tenant_id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != len)
		refuse_value(connection, WFM_CONN_TENANT_ID, "is not a tenant id",
					 "A tenant id is a UUID, as SELECT * FROM wfm_tenants('...') shows it.");
}

static void
check_redirect_uri(const char *connection, const char *uri)
{
	WfmUrlParts parts;
	const char *why;

	if (!wfm_url_parse(uri, &parts, &why))
		refuse_value(connection, WFM_CONN_REDIRECT_URI,
					 psprintf("is not a usable URL: %s", why),
					 "Give the redirect URI exactly as it is registered for the app, such as http://localhost/wfm.");
}

static void
check_owner(const char *connection, const char *owner, bool new_owner)
{
	Oid			role = get_role_oid(owner, true);

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("column \"owner\" of connection \"%s\" names role \"%s\", which does not exist",
						connection, owner)));
	if (new_owner && !is_member_of_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be a member of role \"%s\" to give it connection \"%s\"",
						owner, connection)));
}

static bool
is_same(const Datum *values, const bool *nulls, const Datum *old_values,
		const bool *old_nulls, WfmConnectionColumn column)
{
	if (old_values == NULL)
		return nulls[column];
	if (nulls[column] || old_nulls[column])
		return nulls[column] == old_nulls[column];
	return strcmp(TextDatumGetCString(values[column]),
				  TextDatumGetCString(old_values[column])) == 0;
}

static void
check_urls(const char *connection, const Datum *values, const bool *nulls,
		   const Datum *old_values, const bool *old_nulls)
{
	for (int i = 0; i < (int) lengthof(url_columns); i++)
	{
		WfmConnectionColumn column = url_columns[i];

		if (is_same(values, nulls, old_values, old_nulls, column))
			continue;
		if (!superuser())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("must be superuser to set column \"%s\" of connection \"%s\"",
							wfm_connection_columns[column], connection),
					 errdetail("The tokens are sent to the host it names.")));
		if (!nulls[column])
			wfm_connection_check_url(connection, wfm_connection_columns[column],
									 TextDatumGetCString(values[column]));
	}
}

void
wfm_connection_check_row(const Datum *values, const bool *nulls,
						 const Datum *old_values, const bool *old_nulls)
{
	const char *name = nulls[WFM_CONN_NAME] ? "" : text_value(values, nulls, WFM_CONN_NAME);
	char	   *client_id;
	char	   *value;
	const char *owner;

	check_name(required_value(name, values, nulls, WFM_CONN_NAME));
	check_api(name, required_value(name, values, nulls, WFM_CONN_API));
	client_id = required_value(name, values, nulls, WFM_CONN_CLIENT_ID);
	if (client_id[0] == '\0' || strlen(client_id) > CLIENT_ID_MAX ||
		!is_printable(client_id, false))
		refuse_value(name, WFM_CONN_CLIENT_ID, "is not a client id",
					 "Copy it from the app's page at the vendor: printable characters, no spaces.");

	value = text_value(values, nulls, WFM_CONN_TENANT_ID);
	if (value != NULL)
		check_tenant_id(name, value);
	value = text_value(values, nulls, WFM_CONN_SCOPES);
	if (value != NULL &&
		(value[0] == '\0' || strlen(value) > SCOPES_MAX || !is_printable(value, true)))
		refuse_value(name, WFM_CONN_SCOPES, "is not a list of scopes",
					 "Separate scopes by spaces; NULL means the usual ones.");
	value = text_value(values, nulls, WFM_CONN_REDIRECT_URI);
	if (value != NULL)
		check_redirect_uri(name, value);
	check_urls(name, values, nulls, old_values, old_nulls);

	for (int i = 0; i < (int) lengthof(ranges); i++)
	{
		int			number;

		if (nulls[ranges[i].column])
			continue;
		number = DatumGetInt32(values[ranges[i].column]);
		if (number < ranges[i].min || number > ranges[i].max)
			refuse_value(name, ranges[i].column,
						 psprintf("is %d", number),
						 psprintf("It must be between %d and %d; NULL means the default.",
								  ranges[i].min, ranges[i].max));
	}

	if (nulls[WFM_CONN_OWNER])
		required_value(name, values, nulls, WFM_CONN_OWNER);
	owner = NameStr(*DatumGetName(values[WFM_CONN_OWNER]));
	check_owner(name, owner,
				old_values == NULL || old_nulls[WFM_CONN_OWNER] ||
				strcmp(owner, NameStr(*DatumGetName(old_values[WFM_CONN_OWNER]))) != 0);
}

void
wfm_connection_check_secret(const char *connection, const char *column,
							const char *plain)
{
	bool		is_token = strcmp(column, wfm_connection_columns[WFM_CONN_REFRESH_TOKEN]) == 0;
	size_t		max = is_token ? WFM_TOKEN_LEN_MAX : CLIENT_SECRET_MAX;

	if (plain[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" is empty", column, connection),
				 errhint("NULL leaves a secret as it is; an app without a secret has none.")));
	if (strlen(plain) > max || !is_printable(plain, false))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" is not a usable secret", column, connection),
				 errdetail("It must have at most %d printable ASCII characters and no spaces.", (int) max)));
}
