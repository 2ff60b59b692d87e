/*
 * auth/tenants.c
 *		The vendor's list of tenants, asked for by a session.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "auth/oauth_answer.h"
#include "auth/tenants.h"
#include "base/encoding.h"
#include "base/settings.h"
#include "http/transfer.h"
#include "http/url.h"

#define TENANTS_TIMEOUT_MS 30000

/* One request to its end.  The body is palloc'd; returns the HTTP status. */
static int
run_request(const WfmConnection *connection, const WfmAccessToken *token,
			WfmHttpMethod method, const char *url, char **body, size_t *len)
{
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext,
												"wfm_fdw request",
												ALLOCSET_SMALL_SIZES);
	WfmChannel *channel = wfm_channel_borrow(owner);
	char	   *bearer = psprintf("Authorization: Bearer %s", token->token);
	const char *headers[] = {"Accept: application/json", bearer};
	WfmHttpRequest request = {
		.method = method,
		.url = url,
		.headers = headers,
		.nheaders = lengthof(headers),
		.total_timeout_ms = TENANTS_TIMEOUT_MS,
		.max_body_bytes = WFM_CONNECTIONS_MAX,
	};
	WfmTransfer *transfer = wfm_transfer_start(channel, &request);
	const WfmHttpResult *result;
	int			status;
	size_t		n;

	explicit_bzero(bearer, strlen(bearer));
	pfree(bearer);
	while ((result = wfm_transfer_result(transfer)) == NULL)
		wfm_channel_wait(channel, -1, wfm_wait_event(WFM_WAIT_NETWORK));
	CHECK_FOR_INTERRUPTS();
	if (result->failure != WFM_HTTP_OK)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the tenants of connection \"%s\" cannot be asked for",
						connection->name),
				 errdetail_internal("%s", result->detail)));

	*body = palloc(WFM_CONNECTIONS_MAX);
	*len = 0;
	while (*len < WFM_CONNECTIONS_MAX &&
		   (n = wfm_transfer_read(transfer, *body + *len, WFM_CONNECTIONS_MAX - *len)) > 0)
		*len += n;
	status = result->status;
	wfm_transfer_free(transfer);
	wfm_channel_return(channel);
	MemoryContextDelete(owner);
	(void) wfm_token_report(connection, NULL, token->generation, status);
	return status;
}

/* Newest consent first: ISO times sort as text. */
static int
compare_tenants(const ListCell *a, const ListCell *b)
{
	const WfmTenantInfo *tenant_a = lfirst(a);
	const WfmTenantInfo *tenant_b = lfirst(b);
	int			order = (int) tenant_b->this_consent - (int) tenant_a->this_consent;

	if (order == 0)
		order = strcmp(tenant_b->updated_utc ? tenant_b->updated_utc : "",
					   tenant_a->updated_utc ? tenant_a->updated_utc : "");
	return order;
}

/* BlueRock: the accounts stand in the access token, and have no types. */
static List *
tenants_of_token(const WfmConnection *connection, const WfmClaims *claims)
{
	List	   *tenants = NIL;

	for (size_t i = 0; i < claims->norg_ids; i++)
	{
		WfmTenantInfo *tenant = palloc0(sizeof(WfmTenantInfo));

		tenant->tenant_id = wfm_text_from_utf8(claims->org_ids[i]);
		tenant->this_consent = true;
		tenant->usable = true;
		tenants = lappend(tenants, tenant);
	}
	return tenants;
}

static List *
tenants_of_list(const WfmConnection *connection, const WfmGrantTenantList *list,
				const WfmClaims *claims)
{
	const char *type = connection->dialect->tenant_type;
	List	   *tenants = NIL;

	for (size_t i = 0; i < list->count; i++)
	{
		const WfmGrantTenant *item = &list->items[i];
		WfmTenantInfo *tenant = palloc0(sizeof(WfmTenantInfo));

		tenant->link_id = wfm_text_from_utf8(item->id);
		tenant->tenant_id = wfm_text_from_utf8(item->tenant_id);
		tenant->tenant_name = wfm_text_from_utf8(item->tenant_name);
		tenant->tenant_type = wfm_text_from_utf8(item->tenant_type);
		tenant->created_utc = wfm_text_from_utf8(item->created_utc);
		tenant->updated_utc = wfm_text_from_utf8(item->updated_utc);
		tenant->this_consent = item->auth_event_id != NULL &&
			claims->authentication_event_id != NULL &&
			strcmp(item->auth_event_id, claims->authentication_event_id) == 0;
		tenant->usable = type == NULL ||
			(item->tenant_type != NULL && strcmp(item->tenant_type, type) == 0);
		tenants = lappend(tenants, tenant);
	}
	list_sort(tenants, compare_tenants);
	return tenants;
}

List *
wfm_tenants_fetch(const WfmConnection *connection, const WfmAccessToken *token)
{
	bool		in_token = connection->dialect->issuer == WFM_ISSUER_BLUEROCK;
	WfmClaims	claims = {0};
	WfmGrantTenantList list = {0};
	WfmProblem	problem = {0};
	List	   *volatile tenants = NIL;
	char	   *body = NULL;
	size_t		len = 0;
	int			status = 200;
	volatile bool readable = true;

	if (!in_token && connection->connections_url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connection \"%s\" has no connections_url to ask for its tenants",
						connection->name)));
	if (!in_token)
		status = run_request(connection, token, WFM_HTTP_GET,
							 connection->connections_url, &body, &len);
	if (status != 200)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE),
				 errmsg("the tenants of connection \"%s\" cannot be asked for", connection->name),
				 errdetail("HTTP status %d.", status)));

	/* What these give is malloc'd. */
	PG_TRY();
	{
		(void) wfm_oauth_read_claims(token->token, &claims, &problem);
		if (in_token)
			tenants = tenants_of_token(connection, &claims);
		else
		{
			readable = wfm_oauth_read_connections(body, len, &list, &problem);
			if (readable)
				tenants = tenants_of_list(connection, &list, &claims);
		}
	}
	PG_FINALLY();
	{
		wfm_claims_free(&claims);
		wfm_grant_tenant_list_free(&list);
	}
	PG_END_TRY();
	if (!readable)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_REPLY_HANDLE),
				 errmsg("the list of tenants of connection \"%s\" cannot be read", connection->name),
				 errdetail_internal("%s", problem.text)));
	return tenants;
}

void
wfm_tenant_unlink(const WfmConnection *connection, const WfmAccessToken *token,
				  const WfmTenantInfo *tenant)
{
	size_t		size = wfm_url_encode(tenant->link_id, strlen(tenant->link_id), NULL, 0) + 1;
	char	   *encoded = palloc(size);
	char	   *body;
	size_t		len;
	int			status;

	wfm_url_encode(tenant->link_id, strlen(tenant->link_id), encoded, size);
	status = run_request(connection, token, WFM_HTTP_DELETE,
						 psprintf("%s/%s", connection->connections_url, encoded),
						 &body, &len);

	/* 404: somebody has done it already. */
	if ((status < 200 || status > 299) && status != 404)
		ereport(WARNING,
				(errmsg("tenant %s could not be disconnected", tenant->tenant_id),
				 errdetail("HTTP status %d.", status)));
}
