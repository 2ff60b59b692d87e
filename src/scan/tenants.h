/*
 * scan/tenants.h
 *		Which tenants of the server option "tenants" a scan asks.
 */
#ifndef WFM_SCAN_TENANTS_H
#define WFM_SCAN_TENANTS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "fetch/table.h"

/* The conditions of a scan that name tenants; NULL if the server has one. */
typedef struct WfmTenantQuals WfmTenantQuals;

/* Find them among the conditions of the scan. */
extern WfmTenantQuals *wfm_tenant_quals(const WfmTable *table,
										ForeignScanState *node);

/* Do they depend on the rows of an outer side? */
extern bool wfm_tenant_quals_vary(const WfmTenantQuals *quals);

/*
 * All tenants that are connected to the connection's app and of its API's
 * type, as a list of WfmTenant in the current memory context.  May send a
 * request; ereports if there is none.
 */
extern List *wfm_tenants_connected(const WfmConnection *connection);

/*
 * The tenants that satisfy them, as a list of WfmTenant; NIL if none does, or
 * the server has one tenant only.
 */
extern List *wfm_tenants_wanted(const WfmTable *table,
								const WfmTenantQuals *quals,
								ExprContext *econtext);

#endif							/* WFM_SCAN_TENANTS_H */
