/*
 * auth/tenants.h
 *		The vendor's list of tenants, asked for by a session.
 */
#ifndef WFM_AUTH_TENANTS_H
#define WFM_AUTH_TENANTS_H

#include "postgres.h"

#include "auth/connection.h"
#include "auth/token_store.h"

/* A tenant that a consent reaches, or did reach; palloc'd texts or NULL. */
typedef struct WfmTenantInfo
{
	char	   *link_id;		/* DELETE /connections/{link_id}; NULL: none */
	char	   *tenant_id;
	char	   *tenant_name;
	char	   *tenant_type;
	char	   *created_utc;	/* as the vendor writes it, without a zone */
	char	   *updated_utc;
	bool		this_consent;	/* touched by the consent in use */
	bool		usable;			/* of the type the connection's API needs */
} WfmTenantInfo;

/*
 * The tenants of a connection, newest consent first, as a list of
 * WfmTenantInfo: from connections_url, or from the token where the vendor
 * has no list.  One request, not counted by the API's limits.
 */
extern List *wfm_tenants_fetch(const WfmConnection *connection,
							   const WfmAccessToken *token);

/* End a tenant's link to the app: DELETE connections_url/{link_id}. */
extern void wfm_tenant_unlink(const WfmConnection *connection,
							  const WfmAccessToken *token,
							  const WfmTenantInfo *tenant);

#endif							/* WFM_AUTH_TENANTS_H */
