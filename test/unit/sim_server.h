/*
 * sim_server.h
 *		A model of a provider's refresh tokens, for the schedule simulator.
 *
 * Tokens are numbers; presenting one rotates it.  What happens when one is
 * presented again is the mode.
 */
#ifndef WFM_TEST_SIM_SERVER_H
#define WFM_TEST_SIM_SERVER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SimMode
{
	SIM_GRACE_SAME,				/* within the grace: the same new pair again */
	SIM_GRACE_NEW_BOTH,			/* another new pair, both live */
	SIM_GRACE_NEW_KILL,			/* another new pair, the first one dies */
	SIM_NO_GRACE,				/* refused */
	SIM_STRICT,					/* refused, and the whole grant dies */
	SIM_MODES
} SimMode;

#define SIM_GRACE_MS	INT64_C(1800000)
#define SIM_TOKENS_MAX	4096

typedef struct SimToken
{
	int			family;			/* the consent it stems from */
	bool		used;
	bool		dead;
	int			parent;			/* presented to get it; -1: a consent */
	int			child;			/* the last token issued for it */
	int64_t		first_used_ms;
	int			used_by;		/* attempt that used it first */
	int			killed_by;		/* attempt that made the provider kill it */
} SimToken;

typedef struct SimServer
{
	SimMode		mode;
	int			ntokens;
	int			families;
	SimToken	tokens[SIM_TOKENS_MAX];
} SimServer;

typedef struct SimReply
{
	bool		granted;
	bool		rotated;		/* refresh_token is in the answer */
	int			token;
} SimReply;

extern void sim_server_init(SimServer *server, SimMode mode);

/* A person consents: a new family, its first refresh token. */
extern int	sim_server_consent(SimServer *server);

/* A person withdraws a consent. */
extern void sim_server_revoke(SimServer *server, int family);

/*
 * The provider handles one request.  keep: answer without a new refresh
 * token and leave the one presented usable (P01).
 */
extern SimReply sim_server_refresh(SimServer *server, int token, int attempt,
								   int64_t now_ms, bool keep);

extern const char *sim_mode_name(SimMode mode);

#endif							/* WFM_TEST_SIM_SERVER_H */
