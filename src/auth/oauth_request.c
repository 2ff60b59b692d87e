/*
 * auth/oauth_request.c
 *		What is sent to an OAuth provider.
 *
 * RFC 6749 (requests), 7636 (PKCE), 7009 (revocation).
 */
#include "auth/oauth_request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define RANDOM_LEN 32

/* Ends a builder: what is incomplete is not handed out. */
static bool
finish(WfmSecret *secret)
{
	if (wfm_secret_ok(secret))
		return true;
	wfm_secret_free(secret);
	return false;
}

/* ---- form bodies ---- */

/* Append name=value, after an '&' if something stands there. */
static void
parameter(WfmSecret *form, const char *name, const char *value)
{
	if (value == NULL)
	{
		form->failed = true;
		return;
	}
	if (form->len > 0)
		wfm_secret_append(form, "&", 1);
	wfm_secret_append_text(form, name);
	wfm_secret_append(form, "=", 1);
	wfm_secret_append_encoded(form, value);
}

/* R7: the client's credentials go where the profile says, and nowhere else. */
static void
credentials(WfmSecret *form, const WfmOAuthClient *client)
{
	if (client->auth == WFM_CLIENT_AUTH_BASIC)
		return;
	parameter(form, "client_id", client->client_id);
	if (client->auth == WFM_CLIENT_AUTH_BODY)
		parameter(form, "client_secret", client->client_secret);
}

bool
wfm_oauth_refresh_body(const WfmOAuthClient *client, const char *refresh_token,
					   WfmSecret *body)
{
	parameter(body, "grant_type", "refresh_token");
	parameter(body, "refresh_token", refresh_token);
	credentials(body, client);
	return finish(body);
}

bool
wfm_oauth_code_body(const WfmOAuthClient *client, const char *code,
					const char *redirect_uri, const char *code_verifier,
					WfmSecret *body)
{
	parameter(body, "grant_type", "authorization_code");
	parameter(body, "code", code);
	parameter(body, "redirect_uri", redirect_uri);
	if (code_verifier)
		parameter(body, "code_verifier", code_verifier);
	credentials(body, client);
	return finish(body);
}

bool
wfm_oauth_revocation_body(const WfmOAuthClient *client, const char *token,
						  WfmSecret *body)
{
	parameter(body, "token", token);
	credentials(body, client);
	return finish(body);
}

bool
wfm_oauth_basic_value(const WfmOAuthClient *client, WfmSecret *value)
{
	WfmSecret	pair = WFM_SECRET_EMPTY;

	if (client->auth == WFM_CLIENT_AUTH_BASIC)
	{
		if (client->client_id == NULL || client->client_secret == NULL)
			value->failed = true;
		else
		{
			wfm_secret_append_encoded(&pair, client->client_id);
			wfm_secret_append(&pair, ":", 1);
			wfm_secret_append_encoded(&pair, client->client_secret);
			value->failed |= !wfm_secret_ok(&pair);
		}
		wfm_secret_append_text(value, "Basic ");
		wfm_secret_append_base64(value, (unsigned char *) pair.text, pair.len,
								 false);
		wfm_secret_free(&pair);
	}
	return finish(value);
}

/* ---- consent ---- */

/* Append name=value to a URL's query. */
static void
query(WfmSecret *url, const char *name, const char *value)
{
	char		last;

	if (value == NULL || url->failed || url->len == 0)
	{
		url->failed = true;
		return;
	}
	last = url->text[url->len - 1];
	if (strchr(url->text, '?') == NULL)
		wfm_secret_append(url, "?", 1);
	else if (last != '?' && last != '&')
		wfm_secret_append(url, "&", 1);
	wfm_secret_append_text(url, name);
	wfm_secret_append(url, "=", 1);
	wfm_secret_append_encoded(url, value);
}

bool
wfm_oauth_authorize_url(const WfmAuthorizeRequest *request, WfmSecret *url)
{
	if (request->authorize_url)
		wfm_secret_append_text(url, request->authorize_url);
	query(url, "response_type", "code");
	query(url, "client_id", request->client_id);
	query(url, "redirect_uri", request->redirect_uri);
	query(url, "scope", request->scopes);
	query(url, "state", request->state);
	if (request->code_challenge)
	{
		query(url, "code_challenge", request->code_challenge);
		query(url, "code_challenge_method", "S256");
	}
	if (request->prompt)
		query(url, "prompt", request->prompt);
	return finish(url);
}

static bool
random_text(WfmSecret *text)
{
	unsigned char bytes[RANDOM_LEN];
	bool		done;

	ERR_set_mark();
	done = RAND_priv_bytes(bytes, sizeof(bytes)) == 1;
	ERR_pop_to_mark();
	if (done)
		wfm_secret_append_base64(text, bytes, sizeof(bytes), true);
	else
		text	  ->failed = true;

	OPENSSL_cleanse(bytes, sizeof(bytes));
	return finish(text);
}

bool
wfm_oauth_make_verifier(WfmSecret *verifier)
{
	return random_text(verifier);
}

bool
wfm_oauth_make_state(WfmSecret *state)
{
	return random_text(state);
}

bool
wfm_oauth_challenge(const char *verifier, WfmSecret *challenge)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	ERR_set_mark();
	if (EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL) == 1)
		wfm_secret_append_base64(challenge, digest, len, true);
	else
		challenge->failed = true;
	ERR_pop_to_mark();
	return finish(challenge);
}

bool
wfm_oauth_state_matches(const char *given, const char *expected)
{
	size_t		len = strlen(expected);

	return len > 0 && strlen(given) == len &&
		CRYPTO_memcmp(given, expected, len) == 0;
}

/* ---- the address a consent ended at ---- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * A query value, decoded ('+' is a space in a query); NULL if it is not
 * decodable, holds a control byte, or memory is out.
 */
static char *
decode_value(const char *text, size_t len)
{
	char	   *value = malloc(len + 1);
	size_t		n = 0;

	if (value == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c == '+')
			c = ' ';
		else if (c == '%')
		{
			int			high = i + 2 < len ? hex_value(text[i + 1]) : -1;
			int			low = i + 2 < len ? hex_value(text[i + 2]) : -1;

			c = high < 0 || low < 0 ? 0 : (unsigned char) (high << 4 | low);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
		{
			OPENSSL_cleanse(value, n);
			free(value);
			return NULL;
		}
		value[n++] = (char) c;
	}
	value[n] = '\0';
	return value;
}

/* Take one name=value; false if it is faulty or a repetition. */
static bool
read_parameter(const char *text, size_t len, WfmRedirect *redirect)
{
	const char *equals = memchr(text, '=', len);
	size_t		name_len = equals ? (size_t) (equals - text) : len;
	const struct
	{
		const char *name;
		char	  **target;
	}			known[] = {
		{"code", &redirect->code},
		{"state", &redirect->state},
		{"error", &redirect->error},
		{"error_description", &redirect->error_description}
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (strlen(known[i].name) != name_len ||
			memcmp(known[i].name, text, name_len) != 0)
			continue;
		if (equals == NULL || *known[i].target != NULL)
			return false;
		*known[i].target = decode_value(equals + 1, len - name_len - 1);
		return *known[i].target != NULL;
	}
	return true;				/* session_state, scope, ... */
}

bool
wfm_oauth_read_redirect(const char *url, WfmRedirect *redirect)
{
	const char *at = strchr(url, '?');
	const char *end = url + strlen(url);

	/* What is pasted often comes with the end of its line. */
	while (end > url && strchr(" \t\r\n", end[-1]) != NULL)
		end--;

	memset(redirect, 0, sizeof(*redirect));
	if (at == NULL)
		return false;
	while (at < end && (*at == '?' || *at == '&'))
	{
		size_t		len = strcspn(++at, "&#");

		if (len > (size_t) (end - at))
			len = (size_t) (end - at);
		if (!read_parameter(at, len, redirect))
			return false;
		at += len;
	}
	return redirect->code != NULL || redirect->error != NULL;
}

void
wfm_redirect_free(WfmRedirect *redirect)
{
	wfm_text_free(&redirect->code);
	wfm_text_free(&redirect->state);
	wfm_text_free(&redirect->error);
	wfm_text_free(&redirect->error_description);
}
