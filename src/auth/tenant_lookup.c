/*
 * auth/tenant_lookup.c
 *		Which tenant is meant, for connections that name none.
 *
 * Xero lists the tenants a person connected to the app at /connections, of
 * all types and of earlier consents too; the only one of the API's type is
 * chosen.  BlueRock puts the accounts into the access token (claim org_ids)
 * and has no types.  Sources: Xero's OAuth 2.0 pages, BlueRock's
 * authentication page.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "auth/token_job.h"
#include "base/settings.h"

/* The list is small; whoever is slower than this is not waited for. */
#define LOOKUP_TIMEOUT_MS 30000

/* After so many failures queries are told to name the tenant. */
#define LOOKUP_TRIES 3
#define LOOKUP_RETRY_MS 1000

/* Add a line, as long as there is room for it whole. */
static void
add_tenant(WfmTokenJob *job, const char *id, const char *name)
{
	size_t		used = strlen(job->tenants);
	char	   *line = psprintf("%s%s%s%s", used > 0 ? "\n" : "", id,
								name != NULL ? " " : "", name != NULL ? name : "");

	if (used + strlen(line) < sizeof(job->tenants))
		memcpy(job->tenants + used, line, strlen(line) + 1);
	pfree(line);
}

static void
settle_tenant(WfmTokenJob *job, int found, const char *id, const char *name)
{
	if (found == 1 && strlen(id) < sizeof(job->tenant_id))
	{
		job->tenant_state = WFM_TENANT_KNOWN;
		strlcpy(job->tenant_id, id, sizeof(job->tenant_id));
	}
	else
	{
		job->tenant_state = found == 0 ? WFM_TENANT_NONE : WFM_TENANT_SEVERAL;
		job->tenant_id[0] = '\0';
	}
	wfm_rows_write_tenant(job, name);
	wfm_job_tell(job);
}

static void
give_up(WfmTokenJob *job, const char *why)
{
	job->tenant_state = WFM_TENANT_UNASKABLE;
	strlcpy(job->tenants, why, sizeof(job->tenants));
	wfm_job_tell(job);
}

/* A copy of the published token, to be freed with wfm_secret_free. */
static bool
published_token(const WfmTokenJob *job, WfmSecret *token)
{
	char	   *copy = palloc(WFM_TOKEN_LEN_MAX + 1);
	size_t		len = 0;
	const WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL && entry->expires_mono_ms > wfm_mono_ms())
	{
		len = entry->token_len;
		memcpy(copy, entry->token, len);
	}
	LWLockRelease(wfm_token_shmem->lock);
	wfm_secret_append(token, copy, len);
	explicit_bzero(copy, len);
	pfree(copy);
	return len > 0;
}

static void
read_accounts(WfmTokenJob *job, const char *token)
{
	WfmClaims	claims;
	WfmProblem	problem;

	if (!wfm_oauth_read_claims(token, &claims, &problem))
		give_up(job, "The access token does not name the accounts.");
	else
	{
		job->tenants[0] = '\0';
		for (size_t i = 0; i < claims.norg_ids; i++)
			add_tenant(job, claims.org_ids[i], NULL);
		settle_tenant(job, (int) claims.norg_ids,
					  claims.norg_ids > 0 ? claims.org_ids[0] : "", NULL);
	}
	wfm_claims_free(&claims);
}

static void
read_list(WfmTokenJob *job, const char *body, size_t len)
{
	const char *type = job->settings->dialect->tenant_type;
	const WfmGrantTenant *chosen = NULL;
	WfmGrantTenantList list;
	WfmProblem	problem;
	int			found = 0;

	if (!wfm_oauth_read_connections(body, len, &list, &problem))
	{
		give_up(job, "The list of tenants cannot be read.");
		wfm_grant_tenant_list_free(&list);
		return;
	}

	job->tenants[0] = '\0';
	for (size_t i = 0; i < list.count; i++)
	{
		const WfmGrantTenant *tenant = &list.items[i];

		if (type != NULL &&
			(tenant->tenant_type == NULL || strcmp(tenant->tenant_type, type) != 0))
			continue;

		/* A tenant that was connected twice is one tenant. */
		if (chosen == NULL || strcmp(chosen->tenant_id, tenant->tenant_id) != 0)
		{
			found++;
			add_tenant(job, tenant->tenant_id, tenant->tenant_name);
		}
		chosen = tenant;
	}
	for (size_t i = 0; found == 0 && i < list.count; i++)
		add_tenant(job, list.items[i].tenant_id, list.items[i].tenant_type);
	settle_tenant(job, found, chosen != NULL ? chosen->tenant_id : "",
				  chosen != NULL ? chosen->tenant_name : NULL);
	wfm_grant_tenant_list_free(&list);
}

static void
start_lookup(WfmTokenJob *job, WfmChannel *channel, const char *token)
{
	WfmSecret	header = WFM_SECRET_EMPTY;
	const char *headers[2];
	WfmHttpRequest request = {
		.method = WFM_HTTP_GET,
		.url = job->settings->connections_url,
		.headers = headers,
		.nheaders = 2,
		.total_timeout_ms = LOOKUP_TIMEOUT_MS,
		.max_body_bytes = WFM_CONNECTIONS_MAX,
	};

	wfm_secret_append_text(&header, "Authorization: Bearer ");
	wfm_secret_append_text(&header, token);
	headers[0] = "Accept: application/json";
	headers[1] = header.text;
	job->tenant_request = wfm_transfer_start(channel, &request);
	wfm_secret_free(&header);
}

static void
finish_lookup(WfmTokenJob *job)
{
	const WfmHttpResult *result = wfm_transfer_result(job->tenant_request);
	char		why[WFM_TENANTS_LEN];

	if (result == NULL)
		return;
	if (result->failure == WFM_HTTP_OK && result->status == 200)
	{
		char	   *body = palloc(WFM_CONNECTIONS_MAX);
		size_t		len = 0;
		size_t		n;

		while (len < WFM_CONNECTIONS_MAX &&
			   (n = wfm_transfer_read(job->tenant_request, body + len,
									  WFM_CONNECTIONS_MAX - len)) > 0)
			len += n;
		wfm_transfer_free(job->tenant_request);
		job->tenant_request = NULL;
		job->tenant_failures = 0;
		read_list(job, body, len);
		pfree(body);
		return;
	}

	if (result->failure == WFM_HTTP_OK)
		snprintf(why, sizeof(why), "The list of tenants could not be asked for: HTTP status %d.",
				 result->status);
	else
		snprintf(why, sizeof(why), "The list of tenants could not be asked for: %s.",
				 result->detail);
	wfm_transfer_free(job->tenant_request);
	job->tenant_request = NULL;
	if (++job->tenant_failures < LOOKUP_TRIES)
		job->tenant_retry_mono_ms = wfm_mono_ms() + LOOKUP_RETRY_MS * job->tenant_failures;
	else
	{
		job->tenant_failures = 0;
		give_up(job, why);
	}
}

void
wfm_tenant_run(WfmTokenJob *job, WfmChannel *channel)
{
	WfmSecret	token = WFM_SECRET_EMPTY;

	if (job->tenant_request != NULL)
		finish_lookup(job);
	if (job->tenant_request != NULL ||
		job->tenant_state != WFM_TENANT_UNKNOWN ||
		job->settings == NULL || job->settings->tenant_id != NULL ||
		job->fsm.phase != WFM_PHASE_IDLE ||
		wfm_mono_ms() < job->tenant_retry_mono_ms)
		return;
	job->tenant_retry_mono_ms = 0;
	if (published_token(job, &token))
	{
		if (job->settings->dialect->issuer == WFM_ISSUER_BLUEROCK)
			read_accounts(job, token.text);
		else if (job->read_only)
			give_up(job, "This server does not ask the vendor for anything but data.");
		else if (job->settings->connections_url == NULL)
			give_up(job, "The connection has no connections_url to ask for them.");
		else
			start_lookup(job, channel, token.text);
	}
	wfm_secret_free(&token);
}
