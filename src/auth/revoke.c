/*
 * auth/revoke.c
 *		The end of a grant, at the vendor and here.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "auth/grant.h"
#include "auth/oauth_request.h"
#include "auth/revoke.h"
#include "auth/token_job.h"
#include "base/own_table.h"
#include "base/settings.h"

static void
warn(const WfmConnection *connection, const char *why)
{
	ereport(WARNING,
			(errmsg("the consent of connection \"%s\" was not revoked at the vendor", connection->name),
			 errdetail_internal("%s", why),
			 errhint("Disconnect the app in the vendor's list of connected apps.")));
}

static void
post_revocation(const WfmConnection *connection, const WfmSecret *body,
				const WfmSecret *authorization)
{
	MemoryContext owner = AllocSetContextCreate(CurrentMemoryContext,
												"wfm_fdw request",
												ALLOCSET_SMALL_SIZES);
	WfmChannel *channel = wfm_channel_borrow(owner);
	WfmTransfer *transfer = wfm_job_post_form(channel, connection->revocation_url,
											  body, authorization);
	const WfmHttpResult *result;

	while ((result = wfm_transfer_result(transfer)) == NULL)
		wfm_channel_wait(channel, -1, wfm_wait_event(WFM_WAIT_NETWORK));
	if (result->failure != WFM_HTTP_OK)
		warn(connection, result->detail);
	else if (result->status != 200)
		warn(connection, psprintf("HTTP status %d.", result->status));
	wfm_transfer_free(transfer);
	wfm_channel_return(channel);
	MemoryContextDelete(owner);
}

static void
revoke_at_vendor(const WfmConnection *connection, const WfmGrant *grant,
				 const WfmKeyRing *ring)
{
	WfmSecret	secret = WFM_SECRET_EMPTY;
	WfmSecret	refresh_token = WFM_SECRET_EMPTY;
	WfmSecret	body = WFM_SECRET_EMPTY;
	WfmSecret	authorization = WFM_SECRET_EMPTY;
	WfmOAuthClient client = {.client_id = connection->client_id};

	if (connection->revocation_url == NULL)
	{
		warn(connection, "The vendor has no revocation endpoint, or none is set.");
		return;
	}
	if (grant->sealed[WFM_SEALED_CLIENT_SECRET] == NULL)
		client.auth = WFM_CLIENT_AUTH_PUBLIC;
	else if (connection->dialect->issuer == WFM_ISSUER_BLUEROCK)
		client.auth = WFM_CLIENT_AUTH_BODY;
	else
		client.auth = WFM_CLIENT_AUTH_BASIC;

	PG_TRY();
	{
		if (wfm_grant_unseal(grant, ring, WFM_SEALED_CLIENT_SECRET, &secret) != WFM_UNSEAL_OK ||
			wfm_grant_unseal(grant, ring, WFM_SEALED_REFRESH_TOKEN, &refresh_token) != WFM_UNSEAL_OK)
			warn(connection, "What was sealed cannot be opened.");
		else
		{
			client.client_secret = secret.len > 0 ? secret.text : NULL;
			if (wfm_oauth_revocation_body(&client, refresh_token.text, &body) &&
				wfm_oauth_basic_value(&client, &authorization))
				post_revocation(connection, &body, &authorization);
		}
	}
	PG_FINALLY();
	{
		wfm_secret_free(&secret);
		wfm_secret_free(&refresh_token);
		wfm_secret_free(&body);
		wfm_secret_free(&authorization);
	}
	PG_END_TRY();
}

/* Has somebody consented anew since the grant was read? */
static bool
is_another_consent(const WfmGrant *before, const WfmGrant *now)
{
	if (before->row.generation == now->row.generation)
		return false;
	return before->fingerprint == NULL || now->fingerprint == NULL ||
		strcmp(before->fingerprint, now->fingerprint) != 0;
}

/* The grant is over: only what belongs to the app stays. */
static void
forget_tokens(Relation tokens, WfmGrant *grant, const WfmKeyRing *ring)
{
	WfmSecret	secret = WFM_SECRET_EMPTY;

	if (wfm_grant_unseal(grant, ring, WFM_SEALED_CLIENT_SECRET, &secret) != WFM_UNSEAL_OK)
		wfm_secret_free(&secret);
	wfm_grant_clear(grant);
	grant->row.generation++;
	wfm_grant_seal(grant, ring, WFM_SEALED_CLIENT_SECRET, secret.len > 0 ? secret.text : NULL);
	wfm_secret_free(&secret);
	grant->error_detail = pstrdup("It was disconnected by wfm_disconnect().");
	wfm_grant_update(tokens, grant);
	CommandCounterIncrement();
	wfm_token_note_change(grant->connection);
}

/*
 * The vendor may take a minute to answer, and the token worker waits for
 * nobody's lock that long; so the grant is locked only afterwards.  It may
 * have been refreshed meanwhile: then what came of that is revoked as well,
 * under the lock, since it cannot happen again.
 */
void
wfm_grant_revoke(const WfmConnection *connection)
{
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	WfmGrant   *before = wfm_grant_read(tokens, connection->name);
	WfmGrant   *grant;
	WfmKeyRing	ring;

	if (before != NULL && (before->row.has_refresh_token || before->row.has_access_token))
	{
		wfm_keyring_load(&ring, false);
		if (before->row.has_refresh_token)
			revoke_at_vendor(connection, before, &ring);
		wfm_grant_lock(connection->name);
		grant = wfm_grant_read(tokens, connection->name);
		if (grant == NULL || is_another_consent(before, grant))
			ereport(WARNING,
					(errmsg("connection \"%s\" was changed while its consent was being revoked", connection->name),
					 errdetail("What it holds now is kept.")));
		else
		{
			if (grant->row.generation != before->row.generation &&
				grant->row.has_refresh_token)
				revoke_at_vendor(connection, grant, &ring);
			forget_tokens(tokens, grant, &ring);
		}
		wfm_key_ring_cleanse(&ring);
	}
	table_close(tokens, NoLock);
}
