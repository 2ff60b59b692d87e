/*
 * auth/token_job.h
 *		One grant in the hands of the token worker: the state machine, the
 *		exchange under way, and what goes with them.
 */
#ifndef WFM_AUTH_TOKEN_JOB_H
#define WFM_AUTH_TOKEN_JOB_H

#include "postgres.h"

#include "storage/lock.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "auth/connection.h"
#include "auth/oauth_answer.h"
#include "auth/token_fsm.h"
#include "auth/token_shmem.h"
#include "http/transfer.h"

typedef struct WfmTokenJob
{
	char		connection[NAMEDATALEN];
	WfmTokenFsm fsm;
	bool		started;		/* START has been sent */
	bool		finished;		/* EXIT was given */
	int64		wake_mono_ms;	/* of the last SLEEP */
	int64		wake_wall_ms;
	bool		interrupted;	/* an error has ended its last run */
	int64		pause_mono_ms;	/* then it runs again at this time */

	/* as of the last look at the rows; in context, reset by the next look */
	MemoryContext context;
	WfmConnection *settings;	/* NULL: there is none */
	const WfmOAuthProfile *profile;
	bool		read_only;
	bool		has_refresh_token;
	bool		had_tokens;
	char		fingerprint[WFM_FINGERPRINT_LEN + 1];
	uint32		revision_bump;	/* counts wfm_refresh() */

	/* the refresh under way */
	pg_uuid_t	intent_id;
	bool		holds_table;	/* session lock that makes DROP EXTENSION wait */
	LockRelId	table;
	WfmSecret	body;			/* of the POST, made with the intent */
	WfmSecret	authorization;
	WfmTransfer *post;
	bool		has_answer;
	WfmTokenTexts answer;
	WfmSecret	access_token;	/* durable, to be published */
	bool		refreshed;		/* and not counted yet */

	/* the tenant, for connections that name none */
	WfmTenantState tenant_state;
	char		tenant_id[WFM_TENANT_ID_LEN];
	char		tenants[WFM_TENANTS_LEN];
	WfmTransfer *tenant_request;
	int			tenant_failures;
	int64		tenant_retry_mono_ms;

	/* a consent being exchanged for tokens */
	uint32		consent_ticket; /* the one taken up */
	TimestampTz consent_asked_at;	/* names the address it came from */
	TimestampTz consent_stored_at;	/* the same, of the last one stored */
	bool		consent_open;	/* its session has not been told its end */
	WfmTransfer *consent_request;
	int64		consent_sent_ms;	/* wall */

	char		detail[WFM_DETAIL_LEN]; /* of the last failure */
	TimestampTz complained_at;	/* last time an error was logged */
	uint64		unauthorized_sent;	/* generation whose 401 the machine knows */
} WfmTokenJob;

/* A job in TopMemoryContext; takes over what the last worker left at rest. */
extern WfmTokenJob *wfm_job_make(const char *connection);

/* Leave the machine for the next worker, and free the job. */
extern void wfm_job_leave(WfmTokenJob *job);

/*
 * Do what can be done now: results of exchanges, wishes of backends, times
 * that have come.  Never waits for the network.  channel is where exchanges
 * are started.
 */
extern void wfm_job_run(WfmTokenJob *job, WfmChannel *channel);

/*
 * An error came out of wfm_job_run(): exchanges under way and answers in
 * memory stay, and in a second the job goes on.
 */
extern void wfm_job_interrupted(WfmTokenJob *job);

/* Tell the machine to stop as soon as nothing is lost by it. */
extern void wfm_job_stop(WfmTokenJob *job, WfmChannel *channel);

/* Is an exchange under way? */
extern bool wfm_job_is_busy(const WfmTokenJob *job);

/* When it wants to run again, in milliseconds from now; -1 = on demand. */
extern long wfm_job_timeout(const WfmTokenJob *job);

/* ---- token_rows.c: what the machine's actions do to wfm_tokens ---- */

/*
 * Each is a transaction of its own.  An error in it is logged, at most once
 * a minute for each job, and comes back as a failure.
 */
extern WfmFsmEventKind wfm_rows_read(WfmTokenJob *job, WfmGrantRow *row,
									 WfmFsmConfig *config);
extern WfmWriteResult wfm_rows_write_intent(WfmTokenJob *job,
											const WfmFsmAction *action);
extern WfmWriteResult wfm_rows_commit(WfmTokenJob *job,
									  const WfmFsmAction *action);
extern WfmWriteResult wfm_rows_write_state(WfmTokenJob *job,
										   const WfmFsmAction *action);

/* Keep the tenant that was found. */
extern void wfm_rows_write_tenant(WfmTokenJob *job, const char *tenant_name);

/* Let DROP EXTENSION pass again. */
extern void wfm_rows_release_table(WfmTokenJob *job);

/*
 * Run body in a transaction, committed synchronously.  False if it failed;
 * the error is logged if job (which may be NULL) has not complained lately.
 */
extern bool wfm_run_transaction(const char *activity, WfmTokenJob *job,
								void (*body) (void *), void *arg);

/* ---- consent_exchange.c ---- */

/* Exchange a consent for tokens, if one was handed in. */
extern void wfm_consent_run(WfmTokenJob *job, WfmChannel *channel);

/* After an error: a consent that was taken up and not sent has failed. */
extern void wfm_consent_resume(WfmTokenJob *job);

/* ---- tenant_lookup.c ---- */

/* Find out the tenant once a token is published. */
extern void wfm_tenant_run(WfmTokenJob *job, WfmChannel *channel);

/* ---- token_job.c, for tenant_lookup.c and consent_exchange.c ---- */

/*
 * Send a form to the provider, on a connection of its own.  authorization is
 * the value of that header, empty for none.
 */
extern WfmTransfer *wfm_job_post_form(WfmChannel *channel, const char *url,
									  const WfmSecret *body,
									  const WfmSecret *authorization);

/* Read a token endpoint's answer to its end; the transfer is still there. */
extern WfmTokenAnswer wfm_job_read_answer(WfmTransfer *transfer,
										  WfmTokenTexts *texts);

/* What an answer said, for people: never a token. */
extern void wfm_job_describe_answer(const WfmTokenTexts *texts, int status,
									char detail[WFM_DETAIL_LEN]);

/* Tell backends how the job stands. */
extern void wfm_job_tell(WfmTokenJob *job);

#endif							/* WFM_AUTH_TOKEN_JOB_H */
