/*
 * auth/consent.h
 *		Consent without a web page: the address a person opens, and the address
 *		that person pastes back.
 *
 * Backends make the address and check what comes back; the token worker
 * exchanges the code, so that no token ever stands in a statement.
 */
#ifndef WFM_AUTH_CONSENT_H
#define WFM_AUTH_CONSENT_H

#include "postgres.h"

#include "auth/connection.h"

/* An address may be mailed and opened this many days later. */
#define WFM_CONSENT_DAYS 7

/*
 * A new address to consent at; palloc'd.  Its state and PKCE verifier are
 * sealed into the grant's row by the current transaction, in place of those
 * of an earlier address.  ereports 55000 if the connection has no
 * redirect_uri or this server may not ask for tokens, 25006 on a standby.
 */
extern char *wfm_consent_url(const WfmConnection *connection);

/*
 * Take the address a consent ended at, have it exchanged for tokens, and
 * wait.  ereports 28000 when consent was refused, the address is not of the
 * last wfm_consent_url(), the code was not accepted, or the connection was
 * changed meanwhile; 55000 and 25006 as above.
 */
extern void wfm_consent_finish(const WfmConnection *connection,
							   const char *redirected_url);

#endif							/* WFM_AUTH_CONSENT_H */
