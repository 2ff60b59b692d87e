/*
 * auth/token_shmem.h
 *		Shared memory of the token store: what backends, launcher and token
 *		workers tell each other.
 *
 * Values only, fixed sizes.  One LWLock guards everything; it is never held
 * over I/O, an allocation or an error.
 */
#ifndef WFM_AUTH_TOKEN_SHMEM_H
#define WFM_AUTH_TOKEN_SHMEM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#include "auth/oauth_answer.h"
#include "auth/seal.h"
#include "auth/token_fsm.h"
#include "auth/token_store.h"

#define WFM_DETAIL_LEN 256
#define WFM_TENANTS_LEN 1024
#define WFM_CONSENT_CODE_LEN 2048

/* What is known about the tenant of a connection that names none. */
typedef enum WfmTenantState
{
	WFM_TENANT_UNKNOWN,			/* not asked yet */
	WFM_TENANT_KNOWN,			/* exactly one of the right type */
	WFM_TENANT_SEVERAL,			/* tenant_id has to be set */
	WFM_TENANT_NONE,			/* no tenant of the right type */
	WFM_TENANT_UNASKABLE		/* no way to find out: no list, or it failed */
} WfmTenantState;

/* One connection's grant. */
typedef struct WfmGrantEntry
{
	Oid			database;		/* InvalidOid: the place is free */
	char		connection[NAMEDATALEN];

	/* from backends to the worker; the worker clears what it has taken */
	bool		wanted;			/* somebody wants a token */
	bool		changed;		/* the row was changed: nothing published
								 * holds */
	bool		refresh_asked;	/* wfm_refresh() */
	uint64		unauthorized;	/* generation that got a 401; 0 = none */
	uint64		refused_by;		/* tenants that said so, and took no token
								 * since: a bit of each one's hash */

	/* from backends, of the generation published */
	bool		taken;			/* somebody took the token */
	bool		had_2xx;		/* the data API accepted it */
	bool		late_wish;		/* somebody took it shortly before its expiry */

	/* from the worker */
	bool		known;			/* the row has been looked at */
	bool		absent;			/* there is no row */
	bool		read_only;		/* recovery, or refreshing is turned off */
	bool		has_refresh_token;
	bool		had_tokens;		/* there is or was a consent */
	WfmGrantState state;
	WfmTokenError error;
	char		detail[WFM_DETAIL_LEN]; /* what the token endpoint said */
	uint64		looks;			/* counts the worker's looks at the row */
	uint64		refreshes;		/* counts tokens published since server start */
	uint64		token_requests; /* counts POSTs since server start */
	TimestampTz refreshed_at;	/* last time a token was stored; 0 = never */
	char		fingerprint[WFM_FINGERPRINT_LEN + 1];
	WfmTenantState tenant_state;
	char		tenant_id[WFM_TENANT_ID_LEN];
	char		tenants[WFM_TENANTS_LEN];	/* lines of "uuid name" */

	/* a consent to be exchanged for tokens: see auth/consent.h */
	bool		consent_asked;
	uint32		consent_ticket; /* counts the consents asked for */
	uint32		consent_done;	/* the last ticket dealt with */
	TimestampTz consent_asked_at;	/* when its address was made */
	bool		consent_ok;		/* how that ended */
	char		consent_message[WFM_DETAIL_LEN];
	char		consent_code[WFM_CONSENT_CODE_LEN];

	/* from the launcher */
	TimestampTz launch_failed_at;	/* no worker could be started; 0 = fine */

	/* for launcher and worker */
	int64		due_mono_ms;	/* look again then, WFM_TIME_NEVER = on demand */
	int64		due_wall_ms;
	bool		fsm_valid;		/* a worker has left its machine here at rest */
	WfmTokenFsm fsm;
	uint32		revision_bump;	/* goes with it: wfm_refresh() calls so far */

	/* the published token; generation is written last */
	TimestampTz expires_at;
	int64		expires_mono_ms;
	uint32		token_len;		/* 0 = none */
	char		token[WFM_TOKEN_LEN_MAX + 1];
	uint64		generation;

	ConditionVariable changed_cv;	/* broadcast whenever the worker tells */
} WfmGrantEntry;

/* A database in which a token worker runs. */
typedef struct WfmWorkerSlot
{
	Oid			database;		/* InvalidOid: free */
	pid_t		pid;
} WfmWorkerSlot;

/* What the cluster has one of. */
typedef struct WfmTokenShared
{
	pid_t		launcher_pid;	/* 0 = not running */
} WfmTokenShared;

/* This process's view of it. */
typedef struct WfmTokenShmem
{
	LWLock	   *lock;
	WfmTokenShared *shared;
	int			nentries;		/* wfm_fdw.max_grants */
	WfmWorkerSlot *workers;		/* as many */
	WfmGrantEntry *entries;
} WfmTokenShmem;

/* NULL unless the library was preloaded. */
extern WfmTokenShmem *wfm_token_shmem;

/*
 * Find a grant's place, or (create) take a free one; NULL if there is none.
 * The lock must be held, exclusively for create.
 */
extern WfmGrantEntry *wfm_grant_entry(Oid database, const char *connection,
									  bool create);

/* Give a place back.  The lock must be held exclusively. */
extern void wfm_grant_entry_free(WfmGrantEntry *entry);

/*
 * Give back the places of databases that are gone: true if there were any.
 * In a transaction; takes the lock.
 */
extern bool wfm_grant_places_reclaim(void);

/*
 * A database, or the extension in it, is gone, and with it every grant: gives
 * their places back.  If a token worker is there, other than the caller, the
 * published tokens are overwritten, and it gives the places back once it has
 * looked.  Takes the lock.
 */
extern void wfm_grant_places_forget(Oid database);

/* Overwrite the published token.  The lock must be held exclusively. */
extern void wfm_grant_entry_wipe(WfmGrantEntry *entry);

/*
 * Is another connection known to hold the grant of this fingerprint?  Its
 * name and database are copied out.  If claim, those of this database count
 * too, and if there is none, this connection is from now on known to; without
 * it, the caller has looked at this database's rows.  A database that was
 * dropped and a connection that was deleted hold nothing.  In a transaction;
 * takes the lock.
 */
extern bool wfm_grant_is_held_elsewhere(const char *fingerprint,
										const char *connection, bool claim,
										Oid *other_database,
										char other_connection[NAMEDATALEN]);

/* Wake the token worker of a database, or the launcher to start one. */
extern void wfm_token_wake(Oid database);

/* Wake the launcher. */
extern void wfm_launcher_wake(void);

/*
 * The row of a connection was changed by this transaction: when it commits,
 * tell the store.  Refuses PREPARE TRANSACTION.
 */
extern void wfm_token_note_change(const char *connection);

/* Ask for a refresh now and wait: for wfm_refresh(). */
extern void wfm_token_refresh_now(const WfmConnection *connection);

/* CLOCK_MONOTONIC in milliseconds. */
extern int64 wfm_mono_ms(void);

#endif							/* WFM_AUTH_TOKEN_SHMEM_H */
