/*
 * auth/oauth_request.h
 *		What is sent to an OAuth provider: form bodies, the Basic header, the
 *		authorize URL, and the random values of a consent (PKCE, state).
 *
 * Pure C, OpenSSL only.  Each builder appends to a caller's WfmSecret, which
 * is freed with wfm_secret_free(); false means out of memory, a missing
 * field, or no randomness, and leaves nothing to use in it.
 */
#ifndef WFM_AUTH_OAUTH_REQUEST_H
#define WFM_AUTH_OAUTH_REQUEST_H

#include "auth/secret.h"
#include "auth/token_fsm.h"

/* Who asks.  client_secret is NULL for a public (PKCE) client. */
typedef struct WfmOAuthClient
{
	WfmClientAuth auth;
	const char *client_id;
	const char *client_secret;
} WfmOAuthClient;

/*
 * Bodies, application/x-www-form-urlencoded.  The client's credentials are in
 * the body or in the header as client->auth says, never in both.
 */
extern bool wfm_oauth_refresh_body(const WfmOAuthClient *client,
								   const char *refresh_token,
								   WfmSecret *body);

/* code_verifier: NULL if the authorize URL carried no challenge. */
extern bool wfm_oauth_code_body(const WfmOAuthClient *client,
								const char *code, const char *redirect_uri,
								const char *code_verifier, WfmSecret *body);

/* RFC 7009; token is a refresh token. */
extern bool wfm_oauth_revocation_body(const WfmOAuthClient *client,
									  const char *token, WfmSecret *body);

/*
 * Value of the Authorization header of those requests: "Basic ..." over the
 * percent-encoded id and secret (RFC 6749 2.3.1), or "" when the client
 * authenticates in the body.
 */
extern bool wfm_oauth_basic_value(const WfmOAuthClient *client,
								  WfmSecret *value);

/* The page a person opens to consent. */
typedef struct WfmAuthorizeRequest
{
	const char *authorize_url;	/* may already have a query */
	const char *client_id;
	const char *redirect_uri;
	const char *scopes;			/* space-separated */
	const char *state;
	const char *code_challenge; /* S256; NULL: no PKCE */
	const char *prompt;			/* "consent"; NULL: not sent */
} WfmAuthorizeRequest;

extern bool wfm_oauth_authorize_url(const WfmAuthorizeRequest *request,
									WfmSecret *url);

/*
 * A PKCE verifier and a state: 32 random bytes, URL-safe base64 (43
 * characters; RFC 7636 4.1 asks for 43 to 128).
 */
extern bool wfm_oauth_make_verifier(WfmSecret *verifier);
extern bool wfm_oauth_make_state(WfmSecret *state);

/* base64url(sha256(verifier)): RFC 7636 4.2. */
extern bool wfm_oauth_challenge(const char *verifier, WfmSecret *challenge);

/* Compare two texts in time that does not depend on where they differ. */
extern bool wfm_oauth_state_matches(const char *given, const char *expected);

/*
 * The address a consent ended at, as pasted by a person: its query
 * parameters, decoded.
 */
typedef struct WfmRedirect
{
	char	   *code;			/* NULL if none */
	char	   *state;
	char	   *error;			/* access_denied, ... */
	char	   *error_description;
} WfmRedirect;

/*
 * Read it.  False if it holds neither code nor error, repeats a parameter, or
 * is not decodable.  The texts have no control bytes; beyond ASCII they are as
 * sent, perhaps not UTF-8.  Free in any case.
 */
extern bool wfm_oauth_read_redirect(const char *url, WfmRedirect *redirect);
extern void wfm_redirect_free(WfmRedirect *redirect);

#endif							/* WFM_AUTH_OAUTH_REQUEST_H */
