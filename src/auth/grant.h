/*
 * auth/grant.h
 *		Rows of wfm_tokens: one grant for each connection.
 *
 * Everybody who writes a row holds the grant's lock until the end of the
 * transaction: the trigger of wfm_connections and the token worker.
 */
#ifndef WFM_AUTH_GRANT_H
#define WFM_AUTH_GRANT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "auth/keyring.h"
#include "auth/token_fsm.h"

/* Sealed columns. */
typedef enum WfmSealedColumn
{
	WFM_SEALED_CLIENT_SECRET,
	WFM_SEALED_REFRESH_TOKEN,
	WFM_SEALED_PREVIOUS_REFRESH_TOKEN,
	WFM_SEALED_ACCESS_TOKEN,
	WFM_SEALED_CONSENT_STATE,
	WFM_SEALED_CONSENT_VERIFIER,
	WFM_NSEALED
} WfmSealedColumn;

/* A row, palloc'd.  Texts are NULL where the column is. */
typedef struct WfmGrant
{
	char	   *connection;
	WfmGrantRow row;			/* what the state machine knows */
	bool		has_intent;
	pg_uuid_t	intent_id;
	char	   *sealed[WFM_NSEALED];
	char	   *boot_id;		/* for which row.clock_offset_ms holds;
								 * writing puts the current one */
	char	   *error_detail;
	char	   *fingerprint;
	char	   *granted_scopes;
	char	   *tenant_id;
	char	   *tenant_name;
	char	   *tenants;		/* lines of "uuid name" */
	char	   *consented_by;
	TimestampTz consented_at;	/* 0: unknown */
	TimestampTz consent_asked_at;	/* 0: none asked for */
	ItemPointerData tid;		/* where the row was read */
	bool		uncommitted;	/* written by this very transaction */
} WfmGrant;

/* Name of a sealed column, as in the table and in the seal's place. */
extern const char *wfm_sealed_column_name(WfmSealedColumn column);

/*
 * Lock the grant of a connection of this database until the end of the
 * transaction; heeds lock_timeout.
 */
extern void wfm_grant_lock(const char *connection);

/* A grant with nothing in it, generation 0, needs_authorization. */
extern WfmGrant *wfm_grant_make(const char *connection);

/*
 * The row as of now; NULL if there is none.  One that was copied with its
 * database is a grant with nothing in it but its generation and the reason.
 */
extern WfmGrant *wfm_grant_read(Relation tokens, const char *connection);

/* All rows, as a list of WfmGrant. */
extern List *wfm_grants_read_all(Relation tokens);

extern void wfm_grant_insert(Relation tokens, const WfmGrant *grant);
extern void wfm_grant_update(Relation tokens, const WfmGrant *grant);
extern void wfm_grant_delete(Relation tokens, const WfmGrant *grant);

/* Does any row hold something sealed? */
extern bool wfm_grants_are_sealed(Relation tokens);

/*
 * Set or clear (plain NULL) a sealed column, under the row's generation.
 */
extern void wfm_grant_seal(WfmGrant *grant, const WfmKeyRing *ring,
						   WfmSealedColumn column, const char *plain);

/*
 * Append the plain text of a column.  WFM_UNSEAL_OK and nothing appended if
 * the column is NULL.
 */
extern WfmUnsealResult wfm_grant_unseal(const WfmGrant *grant,
										const WfmKeyRing *ring,
										WfmSealedColumn column,
										WfmSecret *plain);

/*
 * Is it the live grant of this fingerprint (wfm_grant_fingerprint() in
 * auth/seal.h)?  One that has ended holds nothing.
 */
extern bool wfm_grant_holds(const WfmGrant *grant, const char *fingerprint);

/* Forget everything about the grant but its generation. */
extern void wfm_grant_clear(WfmGrant *grant);

/* Wall clock of the state machine (Unix ms, 0 = none) and the server's. */
extern int64 wfm_wall_ms(TimestampTz at);
extern TimestampTz wfm_timestamp(int64 wall_ms);

#endif							/* WFM_AUTH_GRANT_H */
