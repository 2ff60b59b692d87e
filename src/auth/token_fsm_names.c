/*
 * auth/token_fsm_names.c
 *		The providers' profiles, and names for what the state machine says.
 */
#include "auth/token_fsm.h"

#include <math.h>
#include <stddef.h>

const WfmOAuthProfile wfm_profile_xero = {
	.name = "xero",
	.client_auth = WFM_CLIENT_AUTH_BASIC,
	.grace_s = 1800
};

const WfmOAuthProfile wfm_profile_xero_pkce = {
	.name = "xero-pkce",
	.client_auth = WFM_CLIENT_AUTH_PUBLIC,
	.grace_s = 1800
};

/* Presenting a rotated token again kills the whole grant. */
const WfmOAuthProfile wfm_profile_bluerock = {
	.name = "bluerock",
	.client_auth = WFM_CLIENT_AUTH_BODY,
	.grace_s = 0
};

int32_t
wfm_fsm_clamp_life(bool given, double expires_in)
{
	if (!given || isnan(expires_in))
		return WFM_EXPIRES_DEFAULT_S;
	if (expires_in < WFM_EXPIRES_MIN_S)
		return WFM_EXPIRES_MIN_S;
	if (expires_in > WFM_EXPIRES_MAX_S)
		return WFM_EXPIRES_MAX_S;
	return (int32_t) expires_in;
}

/* ---- names ---- */

#define NAME_OF(names, value) \
	((size_t) (value) < sizeof(names) / sizeof((names)[0]) ? \
	 (names)[value] : "unknown")

const char *
wfm_fsm_phase_name(WfmFsmPhase phase)
{
	static const char *const names[] = {
		[WFM_PHASE_START] = "start",
		[WFM_PHASE_READING] = "reading",
		[WFM_PHASE_UNREAD] = "unread",
		[WFM_PHASE_ABSENT] = "absent",
		[WFM_PHASE_IDLE] = "idle",
		[WFM_PHASE_INTENT] = "intent",
		[WFM_PHASE_POSTING] = "posting",
		[WFM_PHASE_BACKOFF] = "backoff",
		[WFM_PHASE_COMMITTING] = "committing",
		[WFM_PHASE_COMMIT_WAIT] = "commit-wait",
		[WFM_PHASE_PUBLISHING] = "publishing",
		[WFM_PHASE_MARKING] = "marking",
		[WFM_PHASE_SILENT] = "silent",
		[WFM_PHASE_STOPPED] = "stopped"
	};

	return NAME_OF(names, phase);
}

const char *
wfm_grant_state_name(WfmGrantState state)
{
	static const char *const names[] = {
		[WFM_GRANT_READY] = "ready",
		[WFM_GRANT_REFRESHING] = "refreshing",
		[WFM_GRANT_NEEDS_AUTHORIZATION] = "needs_authorization",
		[WFM_GRANT_CONFIG_ERROR] = "config_error"
	};

	return NAME_OF(names, state);
}

const char *
wfm_token_error_name(WfmTokenError error)
{
	static const char *const names[] = {
		[WFM_TOKEN_OK] = "none",
		[WFM_TOKEN_ERR_NETWORK] = "network",
		[WFM_TOKEN_ERR_SERVER] = "server",
		[WFM_TOKEN_ERR_ANSWER] = "answer",
		[WFM_TOKEN_ERR_THROTTLED] = "throttled",
		[WFM_TOKEN_ERR_GRANT] = "grant",
		[WFM_TOKEN_ERR_CLIENT] = "client",
		[WFM_TOKEN_ERR_STORE] = "store",
		[WFM_TOKEN_ERR_KEY] = "key",
		[WFM_TOKEN_ERR_NO_REFRESH] = "no_refresh_token",
		[WFM_TOKEN_ERR_TRUST] = "trust"
	};

	return NAME_OF(names, error);
}

const char *
wfm_fsm_action_name(WfmFsmActionKind kind)
{
	static const char *const names[] = {
		[WFM_ACT_WAIT] = "wait",
		[WFM_ACT_SLEEP] = "sleep",
		[WFM_ACT_READ_ROW] = "read row",
		[WFM_ACT_WRITE_INTENT] = "write intent",
		[WFM_ACT_POST] = "post",
		[WFM_ACT_COMMIT] = "commit",
		[WFM_ACT_WRITE_STATE] = "write state",
		[WFM_ACT_PUBLISH] = "publish",
		[WFM_ACT_FORGET] = "forget",
		[WFM_ACT_EXIT] = "exit"
	};

	return NAME_OF(names, kind);
}
