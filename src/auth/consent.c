/*
 * auth/consent.c
 *		The session's part of a consent: the address to open, and what to do
 *		with the one that is pasted back.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "auth/consent.h"
#include "auth/grant.h"
#include "auth/oauth_request.h"
#include "auth/token_shmem.h"
#include "base/own_table.h"
#include "base/settings.h"

/* The exchange takes one token request; this is its time limit and more. */
#define EXCHANGE_TIMEOUT_MS 70000

#define RECHECK_MS 1000

static char *
url_hint(const WfmConnection *connection)
{
	return psprintf("Make a new address: SELECT wfm_authorize_url(%s);",
					quote_literal_cstr(connection->name));
}

static WfmGrant *
read_grant(const WfmConnection *connection, Relation tokens)
{
	WfmGrant   *grant = wfm_grant_read(tokens, connection->name);

	if (grant == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("connection \"%s\" has no row in wfm_tokens", connection->name),
				 errhint("Delete the connection and make it anew.")));
	return grant;
}

/* The token worker of a server that only reads exchanges no code. */
static void
check_may_ask(const WfmConnection *connection)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("a consent for connection \"%s\" cannot be given on a standby", connection->name),
				 errdetail("A standby uses the tokens of its primary and never asks for any."),
				 errhint("Run the statement on the primary.")));
	if (!wfm_refresh_tokens)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a consent for connection \"%s\" cannot be given on this server", connection->name),
				 errdetail("Asking for tokens is turned off by wfm_fdw.refresh_tokens."),
				 errhint("If no other server holds the consents of this one, run: ALTER SYSTEM SET wfm_fdw.refresh_tokens = on; SELECT pg_reload_conf();")));
}

/* ---- the address to open ---- */

char *
wfm_consent_url(const WfmConnection *connection)
{
	WfmSecret	state = WFM_SECRET_EMPTY;
	WfmSecret	verifier = WFM_SECRET_EMPTY;
	WfmSecret	challenge = WFM_SECRET_EMPTY;
	WfmSecret	url = WFM_SECRET_EMPTY;
	WfmAuthorizeRequest request = {
		.authorize_url = connection->authorize_url,
		.client_id = connection->client_id,
		.redirect_uri = connection->redirect_uri,
		.scopes = connection->scopes,
		.prompt = connection->dialect->consent_prompt,
	};
	Relation	tokens;
	WfmGrant   *grant;
	WfmKeyRing	ring;
	bool		pkce;
	char	   *result;

	check_may_ask(connection);
	if (connection->redirect_uri == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connection \"%s\" has no redirect_uri", connection->name),
				 errhint("UPDATE wfm_connections SET redirect_uri = 'the one registered for the app' WHERE name = %s;",
						 quote_literal_cstr(connection->name))));
	if (!wfm_oauth_scope_has(connection->scopes, "offline_access"))
		ereport(WARNING,
				(errmsg("the scopes of connection \"%s\" do not hold offline_access", connection->name),
				 errdetail("The consent will last for half an hour and cannot be renewed.")));

	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	wfm_grant_lock(connection->name);
	grant = read_grant(connection, tokens);
	wfm_keyring_load(&ring, true);

	/* An app without a secret proves by PKCE that it is the one who asked. */
	pkce = grant->sealed[WFM_SEALED_CLIENT_SECRET] == NULL;
	if (!wfm_oauth_make_state(&state) ||
		(pkce && !(wfm_oauth_make_verifier(&verifier) &&
				   wfm_oauth_challenge(verifier.text, &challenge))))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not make the random values of a consent")));
	request.state = state.text;
	request.code_challenge = pkce ? challenge.text : NULL;
	if (!wfm_oauth_authorize_url(&request, &url))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not make the address of a consent")));

	wfm_grant_seal(grant, &ring, WFM_SEALED_CONSENT_STATE, state.text);
	wfm_grant_seal(grant, &ring, WFM_SEALED_CONSENT_VERIFIER, pkce ? verifier.text : NULL);
	grant->consent_asked_at = GetCurrentTimestamp();
	wfm_grant_update(tokens, grant);
	CommandCounterIncrement();
	table_close(tokens, NoLock);

	result = pstrdup(url.text);
	wfm_secret_free(&state);
	wfm_secret_free(&verifier);
	wfm_secret_free(&challenge);
	wfm_secret_free(&url);
	wfm_key_ring_cleanse(&ring);
	return result;
}

/* ---- the address that came back ---- */

/* A message about what was pasted, whose beyond-ASCII bytes are not trusted. */
static char *
printable(const char *given)
{
	char	   *shown = pstrdup(given);

	for (char *p = shown; *p != '\0'; p++)
	{
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	}
	if (strlen(shown) > 200)
		shown[200] = '\0';
	return shown;
}

static void
report_refusal(const WfmConnection *connection, const WfmRedirect *redirect)
{
	bool		denied = strcmp(redirect->error, "access_denied") == 0;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 denied
			 ? errmsg("consent for connection \"%s\" was refused", connection->name)
			 : errmsg("the consent for connection \"%s\" failed: %s", connection->name,
					  printable(redirect->error)),
			 redirect->error_description != NULL
			 ? errdetail("%s", printable(redirect->error_description)) : 0,
			 errhint("%s", url_hint(connection))));
}

/*
 * Is it the answer to the last address made?  ereports if not; returns when
 * that was made.
 */
static TimestampTz
check_state(const WfmConnection *connection, const char *state)
{
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), AccessShareLock);
	WfmGrant   *grant = read_grant(connection, tokens);
	WfmSecret	expected = WFM_SECRET_EMPTY;
	WfmKeyRing	ring;
	bool		matches;

	table_close(tokens, AccessShareLock);
	if (grant->uncommitted)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the address of the consent was made in this transaction"),
				 errhint("Commit first.")));
	if (grant->sealed[WFM_SEALED_CONSENT_STATE] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("no consent was asked for connection \"%s\"", connection->name),
				 errdetail("An address can be used once, and not after the connection was changed."),
				 errhint("%s", url_hint(connection))));
	if (TimestampDifferenceExceeds(grant->consent_asked_at, GetCurrentTimestamp(),
								   WFM_CONSENT_DAYS * 24 * 3600 * 1000))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the consent for connection \"%s\" was asked more than %d days ago",
						connection->name, WFM_CONSENT_DAYS),
				 errhint("%s", url_hint(connection))));

	wfm_keyring_load(&ring, false);
	matches = wfm_grant_unseal(grant, &ring, WFM_SEALED_CONSENT_STATE, &expected) == WFM_UNSEAL_OK &&
		state != NULL && wfm_oauth_state_matches(state, expected.text);
	wfm_secret_free(&expected);
	wfm_key_ring_cleanse(&ring);
	if (!matches)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("this is not the answer to the last address made for connection \"%s\"", connection->name),
				 errdetail("The parameter \"state\" differs: the address is of an earlier consent or of another connection."),
				 errhint("Paste the whole address of the page that was reached last, or make a new one: SELECT wfm_authorize_url(%s);",
						 quote_literal_cstr(connection->name))));
	return grant->consent_asked_at;
}

/* False if there is no place for the connection in shared memory. */
static bool
leave_code(const WfmConnection *connection, const char *code,
		   TimestampTz asked_at, uint32 *ticket)
{
	WfmGrantEntry *entry;

	LWLockAcquire(wfm_token_shmem->lock, LW_EXCLUSIVE);
	entry = wfm_grant_entry(MyDatabaseId, connection->name, true);
	if (entry != NULL)
	{
		strlcpy(entry->consent_code, code, sizeof(entry->consent_code));
		entry->consent_asked = true;
		entry->consent_asked_at = asked_at;
		*ticket = ++entry->consent_ticket;
	}
	LWLockRelease(wfm_token_shmem->lock);
	return entry != NULL;
}

/* Hand the code to the token worker; returns the ticket to wait for. */
static uint32
hand_in(const WfmConnection *connection, const char *code, TimestampTz asked_at)
{
	uint32		ticket = 0;

	if (!leave_code(connection, code, asked_at, &ticket) &&
		!(wfm_grant_places_reclaim() &&
		  leave_code(connection, code, asked_at, &ticket)))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no room for the tokens of connection \"%s\"", connection->name),
				 errhint("Increase wfm_fdw.max_grants (now %d) and restart the server.",
						 wfm_token_shmem->nentries)));
	wfm_token_wake(MyDatabaseId);
	return ticket;
}

/* How the exchange stands.  A newer ticket means that ours was replaced. */
typedef struct Exchange
{
	bool		ended;
	bool		ok;
	char		message[WFM_DETAIL_LEN];
	WfmGrantEntry *entry;		/* to sleep on; NULL if it is gone */
} Exchange;

static Exchange
look_at_exchange(const WfmConnection *connection, uint32 ticket)
{
	Exchange	exchange = {0};

	LWLockAcquire(wfm_token_shmem->lock, LW_SHARED);
	exchange.entry = wfm_grant_entry(MyDatabaseId, connection->name, false);
	if (exchange.entry == NULL || exchange.entry->consent_ticket != ticket)
	{
		exchange.ended = true;
		strlcpy(exchange.message,
				exchange.entry == NULL ? "the connection was deleted meanwhile"
				: "another session has handed in a consent meanwhile",
				sizeof(exchange.message));
	}
	else if (exchange.entry->consent_done == ticket)
	{
		exchange.ended = true;
		exchange.ok = exchange.entry->consent_ok;
		strlcpy(exchange.message, exchange.entry->consent_message,
				sizeof(exchange.message));
	}
	LWLockRelease(wfm_token_shmem->lock);
	return exchange;
}

static void
wait_for_exchange(const WfmConnection *connection, uint32 ticket)
{
	TimestampTz started = GetCurrentTimestamp();
	Exchange	exchange = look_at_exchange(connection, ticket);

	while (!exchange.ended)
	{
		if (TimestampDifferenceExceeds(started, GetCurrentTimestamp(), EXCHANGE_TIMEOUT_MS))
			ereport(ERROR,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("the token worker did not exchange the consent of connection \"%s\" in time",
							connection->name),
					 errhint("See the server log, and max_worker_processes (now %d).",
							 max_worker_processes)));
		wfm_token_wake(MyDatabaseId);
		(void) ConditionVariableTimedSleep(&exchange.entry->changed_cv, RECHECK_MS,
										   wfm_wait_event(WFM_WAIT_TOKEN));
		exchange = look_at_exchange(connection, ticket);
	}
	ConditionVariableCancelSleep();
	if (!exchange.ok)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("the consent of connection \"%s\" could not be exchanged for tokens",
						connection->name),
				 errdetail("%s", exchange.message),
				 errhint("A code can be used once and for a few minutes; client_id, client_secret and redirect_uri have to be those of the app. %s",
						 url_hint(connection))));
}

void
wfm_consent_finish(const WfmConnection *connection, const char *redirected_url)
{
	WfmRedirect redirect = {0};
	volatile TimestampTz asked_at = 0;
	char	   *code;

	check_may_ask(connection);
	if (!wfm_oauth_read_redirect(redirected_url, &redirect))
	{
		wfm_redirect_free(&redirect);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is not the address a consent ends at"),
				 errdetail("It has neither a parameter \"code\" nor \"error\"."),
				 errhint("Paste the whole address from the browser, which cannot show that page: %s?code=...&state=...",
						 connection->redirect_uri != NULL ? connection->redirect_uri : "http://localhost/wfm")));
	}

	/* From here on the texts are palloc'd, so that an error leaks none. */
	if (redirect.error != NULL)
	{
		WfmRedirect copy = {
			.error = pstrdup(redirect.error),
			.error_description = redirect.error_description != NULL
			? pstrdup(redirect.error_description) : NULL,
		};

		wfm_redirect_free(&redirect);
		report_refusal(connection, &copy);
	}
	code = pstrdup(redirect.code);
	PG_TRY();
	{
		asked_at = check_state(connection, redirect.state);
	}
	PG_FINALLY();
	{
		wfm_redirect_free(&redirect);
	}
	PG_END_TRY();
	if (strlen(code) >= WFM_CONSENT_CODE_LEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the code of the consent is too long")));
	wait_for_exchange(connection, hand_in(connection, code, asked_at));
	OPENSSL_cleanse(code, strlen(code));
}
