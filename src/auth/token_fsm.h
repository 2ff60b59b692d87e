/*
 * auth/token_fsm.h
 *		The state machine that keeps one OAuth grant alive.
 *
 * INTENT -> POST -> COMMIT -> PUBLISH: a refresh token is spent only after
 * the row says so durably, its successor is kept in memory until it is
 * durable, and nothing is published before that.  This is pure C: events go
 * in, one action comes out, time and chance are passed in, there is no I/O.
 * The token worker is a loop around it, and the schedule simulator in
 * test/unit drives this very object file.
 *
 * How a shell uses it, for each grant:
 *
 *		wfm_fsm_init(&fsm);
 *		event.kind = WFM_EV_START;
 *		for (;;)
 *		{
 *			action = wfm_fsm_step(&fsm, &event);
 *			... carry out action; what comes of it is the next event ...
 *		}
 *
 * Each step gives exactly one action.  READ_ROW, WRITE_INTENT, POST, COMMIT,
 * WRITE_STATE, PUBLISH and FORGET are operations: at most one is outstanding,
 * and its result must come back as the event named beside it.  Other events
 * (demand, 401, tick, shutdown, ...) may come at any time, also while an
 * operation is outstanding; they then get WFM_ACT_WAIT and are remembered if
 * they matter.  SLEEP means: nothing to do before the time given or the next
 * event.  A PUBLISH ends waiting backends' wait; so does a status that says
 * that no token will come (wfm_fsm_status() after each step).
 *
 * The struct holds no pointer and no secret.  It may live in shared memory,
 * so that a worker that exits when idle leaves it to the next one.  A worker
 * that finds wfm_fsm_is_resting() false took over from one that died in the
 * middle: it calls wfm_fsm_init() and sends START.
 *
 * The shell holds the tokens.  The machine says which refresh token to
 * present and where each token column gets its new value from.  A parsed
 * answer must be kept while wfm_fsm_holds_answer() is true and is cleansed
 * as soon as it is false.
 *
 * Comments cite the rules by the ids that the banner of token_fsm.c explains.
 */
#ifndef WFM_AUTH_TOKEN_FSM_H
#define WFM_AUTH_TOKEN_FSM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Times are milliseconds.  "wall" counts from the Unix epoch, "mono" is
 * CLOCK_MONOTONIC (any fixed origin).  Durable times are wall times.
 */
#define WFM_TIME_NONE	INT64_C(0)	/* "not set" in a durable column */
#define WFM_TIME_NEVER	INT64_MAX	/* "no such moment" in a wake-up time */

/* The figures of the protocol; the ids are explained in token_fsm.c. */
#define WFM_LEAD_MS				INT64_C(300000) /* D0: refresh before expiry */
#define WFM_LEAD_JITTER_MS		INT64_C(60000)	/* D0: and up to this much
												 * earlier */
#define WFM_EXPIRES_MIN_S		60	/* a shorter life is taken as this */
#define WFM_EXPIRES_MAX_S		3600	/* a longer life is taken as this */
#define WFM_EXPIRES_DEFAULT_S	1800	/* "expires_in" absent: both vendors'
										 * documented life */
#define WFM_YOUNG_MS			INT64_C(60000)	/* 401 rule: a generation this
												 * young */
#define WFM_RETRY_BASE_MS		INT64_C(1000)	/* full jitter: base */
#define WFM_RETRY_CAP_MS		INT64_C(60000)	/* full jitter: cap */
#define WFM_RETRY_FLOOR_MS		INT64_C(100)	/* never sooner than this */
#define WFM_RETRY_WINDOW_MS		INT64_C(1680000)	/* 28 min after first use
													 * ... */
#define WFM_RETRY_SLOW_MS		INT64_C(300000) /* ... once more every 5 min */
#define WFM_THROTTLE_MAX_MS		INT64_C(3600000)	/* longest Retry-After
													 * honoured */
#define WFM_CONFIRM_MS			INT64_C(5000)	/* invalid_grant: repeat after */
#define WFM_CONFIG_RETRY_MS		INT64_C(900000) /* config_error: try again
												 * after */
#define WFM_TRUST_RETRY_MS		INT64_C(60000)	/* the same, where trying
												 * sends nothing */
#define WFM_COMMIT_BASE_MS		INT64_C(50) /* commit retry: base, doubling */
#define WFM_COMMIT_CAP_MS		INT64_C(5000)	/* commit retry: cap */
#define WFM_STOP_COMMIT_MS		INT64_C(60000)	/* commit retries after a
												 * shutdown request */
#define WFM_STORE_RETRY_MS		INT64_C(60000)	/* a state that could not be
												 * written */
#define WFM_REPLICA_POLL_MS		INT64_C(60000)	/* read-only: re-read the row */
#define WFM_GRACE_MARGIN_MS		INT64_C(120000) /* kept clear of the end of a
												 * grace window */
#define WFM_SETTLE_MS			INT64_C(600000) /* P13: settle this long after
												 * first use ... */
#define WFM_SETTLE_MIN_MS		INT64_C(300000) /* ... and after the answer */
#define WFM_SETTLE_LAST_MS		INT64_C(60000)	/* ... but so long before
												 * rt_prev's end */
#define WFM_KEEPALIVE_MAX_MS	INT64_C(604800000)	/* R8: 7 days, or a
													 * quarter of its life */

/* Where the client's credentials stand in a token request (R7: never probed). */
typedef enum WfmClientAuth
{
	WFM_CLIENT_AUTH_BASIC,		/* Authorization: Basic, secret needed */
	WFM_CLIENT_AUTH_BODY,		/* client_id and client_secret in the body */
	WFM_CLIENT_AUTH_PUBLIC		/* PKCE client: client_id in the body, no
								 * secret */
} WfmClientAuth;

/* A provider's ways, as far as keeping its grants alive depends on them. */
typedef struct WfmOAuthProfile
{
	const char *name;			/* "xero", "xero-pkce", "bluerock" */
	WfmClientAuth client_auth;
	int			grace_s;		/* a rotated token may be presented again for
								 * this long after its first use; 0 = never */
} WfmOAuthProfile;

extern const WfmOAuthProfile wfm_profile_xero;
extern const WfmOAuthProfile wfm_profile_xero_pkce;
extern const WfmOAuthProfile wfm_profile_bluerock;

/* state column of the durable row */
typedef enum WfmGrantState
{
	WFM_GRANT_READY,
	WFM_GRANT_REFRESHING,		/* an intent is open: first_use is set */
	WFM_GRANT_NEEDS_AUTHORIZATION,
	WFM_GRANT_CONFIG_ERROR
} WfmGrantState;

/* Class of the last failure, for the status view and for messages. */
typedef enum WfmTokenError
{
	WFM_TOKEN_OK,
	WFM_TOKEN_ERR_NETWORK,		/* no answer came */
	WFM_TOKEN_ERR_SERVER,		/* 5xx, 408 */
	WFM_TOKEN_ERR_ANSWER,		/* an answer that is none: HTML, cut JSON,
								 * redirect */
	WFM_TOKEN_ERR_THROTTLED,	/* 429 */
	WFM_TOKEN_ERR_GRANT,		/* invalid_grant */
	WFM_TOKEN_ERR_CLIENT,		/* invalid_client and its like */
	WFM_TOKEN_ERR_STORE,		/* the row cannot be written */
	WFM_TOKEN_ERR_KEY,			/* the row cannot be unsealed */
	WFM_TOKEN_ERR_NO_REFRESH,	/* expired, and there is no refresh token */
	WFM_TOKEN_ERR_TRUST			/* the endpoint's certificate is not trusted */
} WfmTokenError;

#define WFM_TOKEN_ERR_LAST WFM_TOKEN_ERR_TRUST

/*
 * The columns of the durable row the machine reads and writes: all but the
 * secrets and the intent id, which are the shell's.
 */
typedef struct WfmGrantRow
{
	int64_t		generation;		/* grows by one with each stored token pair; a
								 * re-seed by hand also adds one */
	WfmGrantState state;
	int64_t		first_use_ms;	/* wall: open intent, when its refresh token
								 * was first going to be presented (R5) */
	int32_t		attempts;		/* POSTs announced under the open intent;
								 * after a commit: how many the last refresh
								 * took */
	int32_t		refusals;		/* invalid_grant answers under the open intent */
	bool		has_refresh_token;
	bool		has_previous_token; /* rt_prev */
	int64_t		previous_first_use_ms;	/* wall: first_use of rt_prev */
	int64_t		refresh_obtained_ms;	/* wall: last time the refresh token
										 * was obtained or accepted; NONE =
										 * unknown, which counts as overdue */
	bool		has_access_token;
	int64_t		access_obtained_ms; /* wall: when its request was sent */
	int64_t		access_expires_ms;	/* wall */
	int64_t		clock_offset_ms;	/* wall minus mono as the times above were
									 * noted.  Store it with the boot id; give
									 * NONE at reading if another boot wrote
									 * it */
	WfmTokenError last_error;
	bool		unreadable;		/* not a column: unknown key id or damaged
								 * seal, found by the shell at reading */
} WfmGrantRow;

/* What the connection's settings and the server's state allow. */
typedef struct WfmFsmConfig
{
	int			grace_s;		/* of the profile */
	int			refresh_token_days; /* life of an unused refresh token */
	uint64_t	revision;		/* differs when the connection's settings do
								 * (a counter or a hash): a grant given up is
								 * tried again only if this or the generation
								 * changed */
	bool		read_only;		/* in recovery, or refresh_tokens = off:
								 * publish what the row holds, send nothing */
} WfmFsmConfig;

/* A token endpoint's answer, as far as the machine cares (oauth_answer.c). */
typedef enum WfmAnswerClass
{
	WFM_ANSWER_TOKENS,			/* 200 with a usable access token */
	WFM_ANSWER_UNUSABLE,		/* 200 that is none, redirect, HTML, unknown
								 * 4xx: treated as a lost response */
	WFM_ANSWER_SERVER_ERROR,	/* 5xx, 408: may have been processed */
	WFM_ANSWER_THROTTLED,		/* 429 */
	WFM_ANSWER_INVALID_GRANT,
	WFM_ANSWER_CLIENT_ERROR		/* invalid_client, unauthorized_client,
								 * unsupported_grant_type, invalid_scope,
								 * invalid_request, or a 401 */
} WfmAnswerClass;

typedef struct WfmTokenAnswer
{
	WfmAnswerClass kind;
	bool		has_refresh_token;	/* TOKENS: absent means keep the old (P01) */
	int32_t		expires_in_s;	/* TOKENS: already clamped to MIN .. MAX */
	int64_t		retry_after_ms; /* THROTTLED: -1 if not given */
} WfmTokenAnswer;

/* How far a POST that brought no answer may have gone. */
typedef enum WfmTransport
{
	WFM_NOT_SENT,				/* DNS, connect or TLS failed: no byte of the
								 * request left (K05) */
	WFM_NOT_TRUSTED,			/* nor did one, because we do not talk to such
								 * a server */
	WFM_MAYBE_SENT				/* anything later (K06-K09) */
} WfmTransport;

/* What came of a write to the durable row. */
typedef enum WfmWriteResult
{
	WFM_WRITE_DONE,				/* durable (synchronous commit) */
	WFM_WRITE_FAILED,			/* not known to be durable */
	WFM_WRITE_FENCED,			/* row gone, or its generation or intent is
								 * not the expected one */
	WFM_WRITE_UNREADABLE		/* WRITE_INTENT only: the row cannot be
								 * unsealed (S08) */
} WfmWriteResult;

typedef enum WfmFsmEventKind
{
	/* results of operations */
	WFM_EV_ROW_LOADED,			/* READ_ROW: row, config */
	WFM_EV_ROW_ABSENT,			/* READ_ROW: there is no such row */
	WFM_EV_ROW_UNAVAILABLE,		/* READ_ROW: could not be read now */
	WFM_EV_INTENT,				/* WRITE_INTENT: write */
	WFM_EV_ANSWERED,			/* POST: answer */
	WFM_EV_POST_FAILED,			/* POST: transport.  The socket is closed (R2) */
	WFM_EV_COMMIT,				/* COMMIT: write */
	WFM_EV_STATE_WRITTEN,		/* WRITE_STATE: write */
	WFM_EV_PUBLISHED,			/* PUBLISH, FORGET */
	/* from outside, at any time */
	WFM_EV_START,				/* first event after init */
	WFM_EV_TICK,				/* a wake-up time has passed; in_use */
	WFM_EV_DEMAND,				/* a backend took or wants a token */
	WFM_EV_UNAUTHORIZED,		/* a data call got 401: generation, had_2xx.
								 * With the current generation and had_2xx:
								 * refresh now, whatever its age */
	WFM_EV_CHANGED,				/* settings changed, row re-seeded or deleted,
								 * promotion, reload: read the row again */
	WFM_EV_SHUTDOWN				/* leave as soon as nothing is lost by it */
} WfmFsmEventKind;

typedef struct WfmFsmEvent
{
	WfmFsmEventKind kind;
	int64_t		wall_ms;		/* every event: both clocks ... */
	int64_t		mono_ms;
	double		chance;			/* ... and a fresh random number in [0, 1) */

	const WfmGrantRow *row;		/* ROW_LOADED; read during the step only */
	const WfmFsmConfig *config; /* ROW_LOADED; read during the step only */
	WfmWriteResult write;		/* INTENT, COMMIT, STATE_WRITTEN */
	WfmTokenAnswer answer;		/* ANSWERED */
	WfmTransport transport;		/* POST_FAILED */
	int64_t		generation;		/* UNAUTHORIZED: of the token used */
	bool		had_2xx;		/* UNAUTHORIZED: that generation has had one */
	bool		in_use;			/* TICK: a backend took a token of the current
								 * generation since it was published */
} WfmFsmEvent;

typedef enum WfmFsmActionKind
{
	WFM_ACT_WAIT,				/* an operation is outstanding: wait for it */
	WFM_ACT_SLEEP,				/* until wake_mono_ms or wake_wall_ms passes */
	WFM_ACT_READ_ROW,			/* -> ROW_LOADED, ROW_ABSENT, ROW_UNAVAILABLE */
	WFM_ACT_WRITE_INTENT,		/* -> INTENT */
	WFM_ACT_POST,				/* -> ANSWERED, POST_FAILED */
	WFM_ACT_COMMIT,				/* -> COMMIT */
	WFM_ACT_WRITE_STATE,		/* -> STATE_WRITTEN */
	WFM_ACT_PUBLISH,			/* -> PUBLISHED */
	WFM_ACT_FORGET,				/* wipe the published token -> PUBLISHED */
	WFM_ACT_EXIT				/* shutdown: nothing is outstanding */
} WfmFsmActionKind;

/* Which refresh token a POST presents. */
typedef enum WfmTokenChoice
{
	WFM_TOKEN_CURRENT,			/* column rt */
	WFM_TOKEN_PREVIOUS			/* column rt_prev: grace profiles only (R7) */
} WfmTokenChoice;

/* Where COMMIT takes the value of a refresh token column from. */
typedef enum WfmTokenSource
{
	WFM_FROM_SELF,				/* leave the column as it is */
	WFM_FROM_ANSWER,			/* the answer's refresh token */
	WFM_FROM_CURRENT,			/* the old value of rt */
	WFM_FROM_PREVIOUS,			/* the old value of rt_prev */
	WFM_FROM_NOTHING			/* NULL */
} WfmTokenSource;

/*
 * One action.  `row` holds the complete new values of the non-secret columns:
 *
 * WRITE_INTENT	UPDATE under a row lock where generation = row.generation, with
 *				a new intent id; else FENCED.  first_use_ms is coalesced: one
 *				that stands in the row stays (R5).  Read and unseal the refresh
 *				token to be presented (`token`) in the same transaction (S08).
 * POST			presents the refresh token that the last WRITE_INTENT read, not
 *				one read anew: the row may have been re-seeded meanwhile (S04).
 * COMMIT		UPDATE where generation = row.generation - 1 and the intent id is
 *				this refresh's own; else FENCED.  All columns in one UPDATE; the
 *				intent id becomes NULL; rt and rt_prev as `set_current` and
 *				`set_previous` say; the access token from the answer.
 * WRITE_STATE	UPDATE where generation = row.generation; else FENCED.
 * PUBLISH		row.generation, the access token (none if not has_access_token),
 *				row.access_expires_ms and expires_mono_ms, generation last.
 */
typedef struct WfmFsmAction
{
	WfmFsmActionKind kind;
	int64_t		wake_mono_ms;	/* SLEEP */
	int64_t		wake_wall_ms;	/* SLEEP */
	WfmTokenChoice token;		/* WRITE_INTENT, POST */
	WfmTokenSource set_current; /* COMMIT */
	WfmTokenSource set_previous;	/* COMMIT */
	int64_t		expires_mono_ms;	/* PUBLISH */
	WfmGrantRow row;			/* WRITE_INTENT, COMMIT, WRITE_STATE, PUBLISH */
} WfmFsmAction;

/* Where the machine stands.  Only the shell's log and tests read it. */
typedef enum WfmFsmPhase
{
	WFM_PHASE_START,			/* nothing is known yet */
	WFM_PHASE_READING,			/* READ_ROW outstanding */
	WFM_PHASE_UNREAD,			/* the row could not be read: waiting */
	WFM_PHASE_ABSENT,			/* no row, nothing to do */
	WFM_PHASE_IDLE,				/* row READY and published */
	WFM_PHASE_INTENT,			/* WRITE_INTENT outstanding */
	WFM_PHASE_POSTING,			/* POST outstanding */
	WFM_PHASE_BACKOFF,			/* before the next attempt */
	WFM_PHASE_COMMITTING,		/* COMMIT outstanding */
	WFM_PHASE_COMMIT_WAIT,		/* before the next COMMIT of the same answer */
	WFM_PHASE_PUBLISHING,		/* PUBLISH or FORGET outstanding */
	WFM_PHASE_MARKING,			/* WRITE_STATE outstanding */
	WFM_PHASE_SILENT,			/* needs_authorization or config_error */
	WFM_PHASE_STOPPED			/* EXIT was given */
} WfmFsmPhase;

/* The machine's memory: plain data, owned by the shell. */
typedef struct WfmTokenFsm
{
	WfmFsmPhase phase;
	bool		known;			/* row and config hold something */
	WfmFsmConfig config;
	WfmGrantRow row;			/* as last known to be durable */
	WfmGrantRow pending;		/* being written */
	WfmTokenError error;		/* the last failure, also of the store */

	/* the refresh under way */
	WfmTokenChoice token;		/* which refresh token is presented */
	bool		maybe_used;		/* a POST that failed may have arrived */
	int64_t		first_use_mono_ms;	/* row.first_use_ms on the steady clock */
	int64_t		sent_mono_ms;	/* the POST under way */
	int64_t		answered_mono_ms;	/* the answer being committed */
	WfmTokenAnswer answer;		/* while COMMIT is wanted */
	int32_t		store_tries;	/* failures of the row in a row */
	int64_t		retry_mono_ms;	/* BACKOFF, COMMIT_WAIT, SILENT */
	int64_t		read_mono_ms;	/* UNREAD, and IDLE when read-only */
	bool		unwritten;		/* SILENT: the state is not durable yet */

	/* the published generation */
	int64_t		obtained_mono_ms;
	int64_t		expires_mono_ms;
	int64_t		refresh_mono_ms;	/* D0, jitter included */
	int64_t		refresh_wall_ms;
	int64_t		settle_mono_ms; /* P13: refresh then, used or not */
	int64_t		previous_first_use_mono_ms;
	bool		in_use;			/* a backend took it: D0 applies (R8) */
	bool		rejected;		/* a 401 counts against it */

	/* remembered until the next resting phase */
	bool		reread;			/* CHANGED came */
	bool		fenced;			/* a write was fenced off */
	bool		forgetting;		/* PUBLISHING wipes: there is no row */
	bool		stopping;		/* SHUTDOWN came ... */
	int64_t		stop_mono_ms;	/* ... then */
} WfmTokenFsm;

/* Sets *fsm to its first state.  Send WFM_EV_START next. */
extern void wfm_fsm_init(WfmTokenFsm *fsm);

/*
 * Takes one event and gives the one action to carry out.  Never fails; an
 * event that does not belong to the phase (a result nobody waits for) changes
 * nothing and is answered like a tick.
 */
extern WfmFsmAction wfm_fsm_step(WfmTokenFsm *fsm, const WfmFsmEvent *event);

/* True if no operation is outstanding and no answer is held in memory. */
extern bool wfm_fsm_is_resting(const WfmTokenFsm *fsm);

/*
 * True while the tokens of the last answer may still have to be stored: the
 * shell keeps them, and must not exit, cancel or obey SIGTERM (R4).
 */
extern bool wfm_fsm_holds_answer(const WfmTokenFsm *fsm);

/*
 * True from the durable intent to the durable answer: a worker that leaves
 * now leaves work to recovery at start.
 */
extern bool wfm_fsm_intent_is_open(const WfmTokenFsm *fsm);

/* The state to show for this grant, and (error, may be NULL) why. */
extern WfmGrantState wfm_fsm_status(const WfmTokenFsm *fsm, WfmTokenError *error);

/*
 * expires_in as the provider sent it to a life in seconds within
 * WFM_EXPIRES_MIN_S .. WFM_EXPIRES_MAX_S (P04).  `given` false: the default.
 */
extern int32_t wfm_fsm_clamp_life(bool given, double expires_in);

/* Names for logs, views and tests: constant strings, never NULL. */
extern const char *wfm_fsm_phase_name(WfmFsmPhase phase);
extern const char *wfm_grant_state_name(WfmGrantState state);
extern const char *wfm_token_error_name(WfmTokenError error);
extern const char *wfm_fsm_action_name(WfmFsmActionKind kind);

#endif							/* WFM_AUTH_TOKEN_FSM_H */
