/*
 * auth/revoke.h
 *		The end of a grant, at the vendor and here.
 */
#ifndef WFM_AUTH_REVOKE_H
#define WFM_AUTH_REVOKE_H

#include "postgres.h"

#include "auth/connection.h"

/*
 * Revoke the refresh token at the vendor (RFC 7009) and forget the grant's
 * tokens in the current transaction; the client secret stays.  A vendor that
 * cannot be reached, or has no such endpoint, is a WARNING: the tokens are
 * forgotten all the same.
 */
extern void wfm_grant_revoke(const WfmConnection *connection);

#endif							/* WFM_AUTH_REVOKE_H */
