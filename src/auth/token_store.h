/*
 * auth/token_store.h
 *		Access tokens in shared memory, as backends use them.
 *
 * A backend never talks to the token endpoint: it copies the current access
 * token, or asks the token worker for one and waits.
 */
#ifndef WFM_AUTH_TOKEN_STORE_H
#define WFM_AUTH_TOKEN_STORE_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "auth/connection.h"

#define WFM_TENANT_ID_LEN 64

/* A copy of the current access token. */
typedef struct WfmAccessToken
{
	uint64		generation;
	TimestampTz expires_at;
	char		tenant_id[WFM_TENANT_ID_LEN];	/* the connection's tenant as
												 * resolved by the worker, ""
												 * when it is not known */
	char	   *token;			/* palloc'd, NUL-terminated */
} WfmAccessToken;

/*
 * Get a usable token, waiting for the worker if need be (condition variable,
 * cancel works).  ereports, by the connection's state, with the statement to
 * run as HINT: 28000 not authorised or consent needed again, 28P01 client
 * refused, 55000 not committed yet or shared_preload_libraries missing,
 * 08006 token endpoint unreachable beyond wfm_fdw.max_wait.
 */
extern void wfm_token_get(const WfmConnection *connection,
						  WfmAccessToken *token);

/*
 * The same without waiting, for asynchronous scans: false means the worker
 * was asked and nothing is there yet; ask again later.  ereports as above.
 */
extern bool wfm_token_try(const WfmConnection *connection,
						  WfmAccessToken *token);

/*
 * For a scan that names no tenant: ereports (55000) when the connection's
 * tenant could not be told, and says why and which ones there are.  Call it
 * when the connection has no tenant_id and token->tenant_id is "".
 */
extern void wfm_token_require_tenant(const WfmConnection *connection,
									 const WfmAccessToken *token);

/* Overwrite and free a copy. */
extern void wfm_token_forget(WfmAccessToken *token);

/*
 * Tell the store how the data API took a token: any 2xx proves a generation
 * good; a 401 asks for one refresh.  tenant is who was asked, NULL if none.
 * Returns, for a 401, whether trying again can help (a newer generation is
 * there or will come).
 */
extern bool wfm_token_report(const WfmConnection *connection, const char *tenant,
							 uint64 generation, int http_status);

/* Called by the entry file. */
extern void wfm_token_store_shmem_request(void);
extern void wfm_token_store_shmem_startup(void);
extern void wfm_token_launcher_register(void);

#endif							/* WFM_AUTH_TOKEN_STORE_H */
