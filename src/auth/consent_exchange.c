/*
 * auth/consent_exchange.c
 *		The token worker's part of a consent: a code becomes a new grant.
 *
 * A code is good once and for minutes.  If its answer cannot be stored,
 * nothing is lost but the consent, which can be given again; so there is no
 * intent and no state machine here, only a few tries to commit.
 *
 * Which consent it is, is named by the time its address was made.  That is
 * gone from the row once the consent was stored, another address was made, or
 * the grant was dropped: then nothing is sent, since a code that comes twice
 * makes the vendor end the consent, and nothing is stored, since the tokens
 * are for an app or an address that the connection had before.
 *
 * Tokens that are not stored are not revoked either.  Xero's revocation takes
 * all connections of the person to the app (release notes of its xero-node,
 * 4.10.1), so it would end the consent in force, and those of other databases.
 * Nobody holds these tokens any more; unused, they die by themselves.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/table.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "auth/grant.h"
#include "auth/oauth_request.h"
#include "auth/token_job.h"
#include "base/encoding.h"
#include "base/own_table.h"

#define COMMIT_TRIES 3

/* Why a consent comes to nothing, for the session that waits. */
#define CHANGED "the connection was changed, or another address made, meanwhile"

/* Tell the session that waits how its consent ended. */
static void
report_end(WfmTokenJob *job, bool ok, const char *message)
{
	WfmGrantEntry *entry;

	job->consent_open = false;
	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, true);
	if (entry != NULL)
	{
		entry->consent_done = job->consent_ticket;
		entry->consent_ok = ok;
		strlcpy(entry->consent_message, message, sizeof(entry->consent_message));
		if (ok)
		{
			/* Everything published was another consent's. */
			wfm_grant_entry_wipe(entry);
			entry->changed = true;
		}
		ConditionVariableBroadcast(&entry->changed_cv);
	}
	LWLockRelease(wfm_token_shmem->lock);
	SetLatch(MyLatch);
}

/* Take a code that was handed in; palloc'd, NULL if there is none. */
static char *
take_code(WfmTokenJob *job)
{
	char	   *code = palloc(WFM_CONSENT_CODE_LEN);
	bool		asked = false;
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, job->connection, false);
	if (entry != NULL && entry->consent_asked)
	{
		asked = true;
		strlcpy(code, entry->consent_code, WFM_CONSENT_CODE_LEN);
		OPENSSL_cleanse(entry->consent_code, sizeof(entry->consent_code));
		entry->consent_asked = false;
		job->consent_ticket = entry->consent_ticket;
		job->consent_asked_at = entry->consent_asked_at;
		job->consent_open = true;
	}
	LWLockRelease(wfm_token_shmem->lock);
	if (asked)
		return code;
	pfree(code);
	return NULL;
}

/* ---- asking ---- */

typedef struct AskWork
{
	WfmTokenJob *job;
	const char *code;
	WfmSecret	body;
	WfmSecret	authorization;
	char		url[8192];
	const char *problem;		/* NULL if all is well */
} AskWork;

static void
ask_work(void *arg)
{
	AskWork    *work = arg;
	WfmTokenJob *job = work->job;
	WfmConnection *settings = wfm_connection_get(job->connection, true);
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), AccessShareLock);
	WfmGrant   *grant = wfm_grant_read(tokens, job->connection);
	WfmSecret	secret = WFM_SECRET_EMPTY;
	WfmSecret	verifier = WFM_SECRET_EMPTY;
	WfmKeyRing	ring;

	table_close(tokens, AccessShareLock);
	if (settings == NULL || grant == NULL || settings->redirect_uri == NULL ||
		grant->consent_asked_at != job->consent_asked_at)
		work->problem = CHANGED;
	else if (!wfm_keyring_try(&ring, &work->problem))
		return;
	else
	{
		WfmOAuthClient client = {
			.auth = job->profile->client_auth,
			.client_id = settings->client_id,
		};

		if (wfm_grant_unseal(grant, &ring, WFM_SEALED_CLIENT_SECRET, &secret) != WFM_UNSEAL_OK ||
			wfm_grant_unseal(grant, &ring, WFM_SEALED_CONSENT_VERIFIER, &verifier) != WFM_UNSEAL_OK)
			work->problem = "what was sealed for this consent cannot be opened";
		else
		{
			client.client_secret = secret.len > 0 ? secret.text : NULL;
			if (!wfm_oauth_code_body(&client, work->code, settings->redirect_uri,
									 verifier.len > 0 ? verifier.text : NULL,
									 &work->body) ||
				!wfm_oauth_basic_value(&client, &work->authorization))
				work->problem = "the request could not be made";
			strlcpy(work->url, settings->token_url, sizeof(work->url));
		}
		wfm_secret_free(&secret);
		wfm_secret_free(&verifier);
		wfm_key_ring_cleanse(&ring);
	}
}

static void
ask(WfmTokenJob *job, WfmChannel *channel, const char *code)
{
	AskWork    *work;

	/* Handed in again while it was being exchanged, after a Ctrl-C perhaps. */
	if (job->consent_asked_at == job->consent_stored_at)
	{
		report_end(job, true, "");
		return;
	}
	work = palloc0(sizeof(AskWork));
	work->job = job;
	work->code = code;
	if (job->profile == NULL)
		work->problem = "the connection is not known yet; try again";
	else if (job->read_only)
		work->problem = "this server may not ask for tokens (standby, or wfm_fdw.refresh_tokens is off)";
	else if (!wfm_run_transaction("preparing a consent", job, ask_work, work))
		work->problem = "the connection could not be read; see the server log";
	if (work->problem != NULL)
		report_end(job, false, work->problem);
	else
	{
		job->consent_sent_ms = wfm_wall_ms(GetCurrentTimestamp());
		job->consent_request = wfm_job_post_form(channel, work->url, &work->body,
												 &work->authorization);
	}
	wfm_secret_free(&work->body);
	wfm_secret_free(&work->authorization);
	pfree(work);
}

/* ---- storing ---- */

typedef struct StoreWork
{
	WfmTokenJob *job;
	const WfmTokenTexts *texts;
	int32		expires_in_s;
	bool		stored;
} StoreWork;

/* Who consented, as far as the provider says; UTF-8. */
static char *
consented_by(const WfmTokenTexts *texts)
{
	const char *tokens[] = {texts->id_token, texts->access_token};
	char	   *who = NULL;

	for (int i = 0; i < (int) lengthof(tokens) && who == NULL; i++)
	{
		WfmClaims	claims;
		WfmProblem	problem;

		if (tokens[i] == NULL)
			continue;
		if (wfm_oauth_read_claims(tokens[i], &claims, &problem))
		{
			if (claims.name != NULL && claims.email != NULL)
				who = psprintf("%s <%s>", claims.name, claims.email);
			else if (claims.email != NULL || claims.name != NULL)
				who = pstrdup(claims.email != NULL ? claims.email : claims.name);
			else if (claims.preferred_username != NULL)
				who = pstrdup(claims.preferred_username);
			else if (claims.sub != NULL)
				who = pstrdup(claims.sub);
		}
		wfm_claims_free(&claims);
	}
	return who;
}

static void
store_work(void *arg)
{
	StoreWork  *work = arg;
	WfmTokenJob *job = work->job;
	const WfmTokenTexts *texts = work->texts;
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	WfmSecret	secret = WFM_SECRET_EMPTY;
	char		fingerprint[WFM_FINGERPRINT_LEN + 1];
	WfmGrantRow *row;
	WfmGrant   *grant;
	WfmKeyRing	ring;

	wfm_grant_lock(job->connection);
	grant = wfm_grant_read(tokens, job->connection);
	if (grant == NULL || grant->consent_asked_at != job->consent_asked_at)
	{
		table_close(tokens, NoLock);
		return;
	}
	wfm_keyring_load(&ring, false);
	if (wfm_grant_unseal(grant, &ring, WFM_SEALED_CLIENT_SECRET, &secret) != WFM_UNSEAL_OK)
		wfm_secret_free(&secret);

	wfm_grant_clear(grant);
	row = &grant->row;
	row->generation++;
	row->state = WFM_GRANT_READY;
	row->access_obtained_ms = job->consent_sent_ms;
	row->access_expires_ms = job->consent_sent_ms + work->expires_in_s * INT64CONST(1000);
	row->refresh_obtained_ms = texts->refresh_token != NULL ? job->consent_sent_ms : WFM_TIME_NONE;
	row->clock_offset_ms = wfm_wall_ms(GetCurrentTimestamp()) - wfm_mono_ms();
	wfm_grant_seal(grant, &ring, WFM_SEALED_CLIENT_SECRET, secret.len > 0 ? secret.text : NULL);
	wfm_grant_seal(grant, &ring, WFM_SEALED_REFRESH_TOKEN, texts->refresh_token);
	wfm_grant_seal(grant, &ring, WFM_SEALED_ACCESS_TOKEN, texts->access_token);
	if (texts->refresh_token != NULL && job->settings != NULL &&
		wfm_grant_fingerprint(job->settings->client_id, texts->refresh_token, fingerprint))
		grant->fingerprint = pstrdup(fingerprint);
	grant->granted_scopes = wfm_text_from_utf8(texts->scope);
	grant->consented_by = wfm_text_from_utf8(consented_by(texts));
	grant->consented_at = GetCurrentTimestamp();
	wfm_grant_update(tokens, grant);
	work->stored = true;

	wfm_secret_free(&secret);
	wfm_key_ring_cleanse(&ring);
	table_close(tokens, NoLock);
}

static void
store(WfmTokenJob *job, const WfmTokenTexts *texts, int32 expires_in_s)
{
	StoreWork	work = {.job = job,.texts = texts,.expires_in_s = expires_in_s};
	bool		committed = false;

	for (int i = 0; i < COMMIT_TRIES && !committed; i++)
	{
		work.stored = false;
		committed = wfm_run_transaction("storing a consent", job, store_work, &work);
	}
	if (!committed)
		report_end(job, false, "the tokens could not be stored; see the server log");
	else if (!work.stored)
		report_end(job, false, CHANGED);
	else
	{
		job->consent_stored_at = job->consent_asked_at;
		report_end(job, true, "");
	}
}

static void
finish(WfmTokenJob *job)
{
	const WfmHttpResult *result = wfm_transfer_result(job->consent_request);
	char		message[WFM_DETAIL_LEN];
	WfmTokenTexts texts;
	WfmTokenAnswer answer;

	if (result == NULL)
		return;
	if (result->failure != WFM_HTTP_OK)
		report_end(job, false, result->detail);
	else
	{
		answer = wfm_job_read_answer(job->consent_request, &texts);
		if (answer.kind == WFM_ANSWER_TOKENS)
			store(job, &texts, answer.expires_in_s);
		else
		{
			wfm_job_describe_answer(&texts, result->status, message);
			report_end(job, false, message);
		}
		wfm_token_texts_free(&texts);
	}
	wfm_transfer_free(job->consent_request);
	job->consent_request = NULL;
}

void
wfm_consent_resume(WfmTokenJob *job)
{
	if (job->consent_open && job->consent_request == NULL)
		report_end(job, false, "an error came in between; see the server log");
}

void
wfm_consent_run(WfmTokenJob *job, WfmChannel *channel)
{
	char	   *code;

	if (job->consent_request != NULL)
		finish(job);
	if (job->consent_request != NULL)
		return;
	code = take_code(job);
	if (code == NULL)
		return;
	ask(job, channel, code);
	OPENSSL_cleanse(code, strlen(code));
	pfree(code);
}
