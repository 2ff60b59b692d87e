/*
 * auth/oauth_answer.h
 *		What an OAuth provider sends: token answers, JWT claims, the tenants of
 *		/connections.
 *
 * Pure C behind the JSON wall: jansson in here, no PostgreSQL header, nothing
 * thrown.  Memory comes from malloc and belongs to the caller, who gives it
 * back with the free function of its struct; those cleanse it first, and so
 * does this file with everything the JSON parser allocates on the way.
 *
 * All input is taken as hostile: sizes, depth and every single value are
 * bounded, duplicate keys, NUL and bad UTF-8 are refused.
 */
#ifndef WFM_AUTH_OAUTH_ANSWER_H
#define WFM_AUTH_OAUTH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token_fsm.h"

#define WFM_TOKEN_ANSWER_MAX	(64 * 1024) /* bytes; real ones have 5 KiB */
#define WFM_CONNECTIONS_MAX		(1024 * 1024)	/* bytes; 300 for each tenant */
#define WFM_JSON_DEPTH_MAX		64
#define WFM_TOKEN_LEN_MAX		(16 * 1024) /* one token */
#define WFM_PROBLEM_LEN			200

/* Why an answer is not what it should be: fit for a log, never a secret. */
typedef struct WfmProblem
{
	char text[	WFM_PROBLEM_LEN];	/* "" if none */
} WfmProblem;

/* The texts of a token answer. */
typedef struct WfmTokenTexts
{
	char	   *access_token;	/* set exactly if the answer is TOKENS */
	char	   *refresh_token;	/* NULL: none came */
	char	   *id_token;		/* NULL: none came, or it was unusable */
	char	   *scope;			/* space-separated; NULL: as asked for */
	char		error[64];		/* the provider's error code, "" if none */
	char		error_description[WFM_PROBLEM_LEN]; /* cut, control bytes and
													 * token-like texts
													 * replaced */
	WfmProblem	problem;		/* what was wrong with the answer itself */
} WfmTokenTexts;

/*
 * Read a token endpoint's answer.  retry_after_ms is the parsed header, -1 if
 * there was none.  Always gives a class; texts must be freed in any case.
 * Only what is needed to keep the grant is required (step D3 of token_fsm.c):
 * HTTP 200, a JSON object, an access_token.  An odd id_token, scope or
 * expires_in never discards the tokens beside it.
 */
extern WfmTokenAnswer wfm_oauth_read_answer(int http_status,
											const char *body, size_t len,
											int64_t retry_after_ms,
											WfmTokenTexts *texts);
extern void wfm_token_texts_free(WfmTokenTexts *texts);

/*
 * Claims of an access token or id_token.  The signature is not checked: the
 * token came over TLS from its issuer, and nothing is granted by what it
 * says.  Absent or mistyped claims are NULL or 0.
 */
typedef struct WfmClaims
{
	int64_t		exp;			/* Unix seconds */
	int64_t		nbf;
	char	   *scope;			/* space-separated, from a string or an array */
	char	   *sub;
	char	   *xero_userid;
	char	   *authentication_event_id;
	char	   *email;
	char	   *name;
	char	   *preferred_username;
	char	   *given_name;
	char	  **org_ids;		/* BlueRock: the accounts of the consent */
	size_t		norg_ids;
} WfmClaims;

/* False, with the problem, if the text is no JWT. */
extern bool wfm_oauth_read_claims(const char *jwt, WfmClaims *claims,
								  WfmProblem *problem);
extern void wfm_claims_free(WfmClaims *claims);

/* Is word one of the space-separated words of list?  NULL list: no. */
extern bool wfm_oauth_scope_has(const char *list, const char *word);

/* A tenant that a grant reaches: one element of Xero's /connections. */
typedef struct WfmGrantTenant
{
	char	   *id;				/* of the connection: DELETE /connections/{id} */
	char	   *auth_event_id;	/* the consent; NULL if absent */
	char	   *tenant_id;
	char	   *tenant_type;	/* PRACTICEMANAGER, WORKFLOWMAX, ORGANISATION,
								 * ... */
	char	   *tenant_name;	/* NULL: the vendor names some tenants null */
	char	   *created_utc;	/* as sent: 2019-07-09T23:40:30.1833130 */
	char	   *updated_utc;
} WfmGrantTenant;

typedef struct WfmGrantTenantList
{
	WfmGrantTenant *items;
	size_t		count;
} WfmGrantTenantList;

/*
 * Read the body of a 200 of /connections.  False, with the problem and an
 * empty list, unless every element is whole.
 */
extern bool wfm_oauth_read_connections(const char *body, size_t len,
									   WfmGrantTenantList *tenants,
									   WfmProblem *problem);
extern void wfm_grant_tenant_list_free(WfmGrantTenantList *tenants);

#endif							/* WFM_AUTH_OAUTH_ANSWER_H */
