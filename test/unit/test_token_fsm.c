/*
 * test_token_fsm.c
 *		The token state machine, rule by rule: when it refreshes, and each row
 *		of the answer table.
 *
 * Each test drives the machine on a bench and names the rule it shows.
 */
#include "token_bench.h"

/* ---- D0: when ---- */

static void
test_when(void)
{
	Bench		b;
	int64_t		expires;

	fresh(&b, GRACE);
	expires = b.mono + 29 * MINUTE;
	is_int(b.action.wake_mono_ms, expires - 5 * MINUTE, "D0 wakes 5 min before expiry");
	is_int(b.action.wake_wall_ms, b.row.access_expires_ms - 5 * MINUTE, "D0 by either clock");
	tell(&b, WFM_EV_DEMAND);
	is_act(pass(&b, 24 * MINUTE - 1), WFM_ACT_SLEEP, "D0 and not a moment before");
	is_act(pass(&b, 1), WFM_ACT_WRITE_INTENT, "D0 then refreshes what is in use");

	fresh(&b, GRACE);
	b.chance = 0.999999;
	boot(&b);
	is_int(b.action.wake_mono_ms, expires - 6 * MINUTE + 1, "D0 jitter: up to a minute more");

	fresh(&b, GRACE);
	is_act(wake(&b), WFM_ACT_SLEEP, "R8 what nobody uses is not refreshed at expiry");
	is_int(b.action.wake_wall_ms, b.row.refresh_obtained_ms + 7 * DAY, "R8 but after 7 days");
	is_act(wake(&b), WFM_ACT_WRITE_INTENT, "R8 to keep the grant alive");
	fresh(&b, GRACE);
	b.config.refresh_token_days = 20;
	boot(&b);
	wake(&b);
	is_int(b.action.wake_wall_ms, b.row.refresh_obtained_ms + 5 * DAY, "R8 or a quarter of its life");
	fresh(&b, GRACE);
	b.row.refresh_obtained_ms = WFM_TIME_NONE;
	is_act(boot(&b), WFM_ACT_WRITE_INTENT, "R8 a refresh token of unknown age is exchanged at sight");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	is_act(succeed(&b), WFM_ACT_SLEEP, "R8 once");
	fresh(&b, GRACE);
	b.row.refresh_obtained_ms = b.mono + b.offset + 300 * DAY;
	is_act(boot(&b), WFM_ACT_WRITE_INTENT, "H09 an age in the future is unknown");

	fresh(&b, GRACE);
	wake(&b);
	is_act(tell(&b, WFM_EV_DEMAND), WFM_ACT_WRITE_INTENT, "a demand in the lead time refreshes");
	is_act(tell(&b, WFM_EV_DEMAND), WFM_ACT_WAIT, "R2 the next demand waits for the same refresh");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	for (int i = 0; i < 64; i++)
		tell(&b, WFM_EV_DEMAND);
	is_int(b.posts, 1, "T1 64 demands, one POST");

	/* seeded by hand: no access token yet */
	fresh(&b, GRACE);
	b.row.has_access_token = false;
	is_act(boot(&b), WFM_ACT_SLEEP, "a seeded grant waits for its first use");
	is_act(tell(&b, WFM_EV_DEMAND), WFM_ACT_WRITE_INTENT, "and is refreshed for it");
	is_int(b.action.row.state, WFM_GRANT_REFRESHING, "which its row says");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	succeed(&b);
	ok(b.row.has_access_token && b.row.access_expires_ms == b.mono + b.offset + 30 * MINUTE,
	   "and then has an access token");

	/* no offline_access */
	fresh(&b, GRACE);
	b.row.has_refresh_token = false;
	b.row.refresh_obtained_ms = WFM_TIME_NONE;
	is_act(boot(&b), WFM_ACT_SLEEP, "without a refresh token the access token serves");
	is_act(unauthorized(&b, 7, true), WFM_ACT_SLEEP, "a 401 cannot mend it");
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "until it expires");
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	is_state(&b, WFM_GRANT_NEEDS_AUTHORIZATION, WFM_TOKEN_ERR_NO_REFRESH, "and a person is needed");
	is_int(b.posts, 0, "without one request");
	for (int i = 0; i < 2; i++)
	{
		fresh(&b, GRACE);
		b.row.has_refresh_token = false;
		boot(&b);
		b.offset += i == 0 ? HOUR : -HOUR;
		is_act(pass(&b, i == 0 ? 0 : 29 * MINUTE), WFM_ACT_WRITE_STATE,
			   i == 0 ? "expired by the wall clock" : "expired by the steady clock");
	}
}

static void
test_unauthorized(void)
{
	Bench		b;

	fresh(&b, GRACE);
	is_act(unauthorized(&b, 6, true), WFM_ACT_SLEEP, "401 on an older generation: just retry");
	is_act(unauthorized(&b, 7, false), WFM_ACT_WRITE_INTENT, "401 on the current one, over 60 s old: refresh");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	for (int i = 0; i < 8; i++)
		unauthorized(&b, 7, true);
	is_act(succeed(&b), WFM_ACT_SLEEP, "401 by several backends: one refresh");
	is_act(unauthorized(&b, 7, true), WFM_ACT_SLEEP, "401 that arrives late changes nothing");
	is_act(unauthorized(&b, 8, false), WFM_ACT_SLEEP, "401 on one under 60 s old without a 2xx: no refresh");
	is_act(unauthorized(&b, 8, true), WFM_ACT_WRITE_INTENT, "401 on one that has had a 2xx: refresh");

	/* T15: an API that always says 401 */
	fresh(&b, GRACE);
	b.posts = 0;
	for (int64_t end = b.mono + HOUR; b.mono < end; b.mono += 5 * SECOND)
	{
		if (unauthorized(&b, b.row.generation, false) == WFM_ACT_WRITE_INTENT)
		{
			wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
			succeed(&b);
		}
	}
	ok(b.posts <= 60, "T15 an hour of 401s: %d refreshes, at most one in 60 s", b.posts);
}

/* ---- the answer table ---- */

static void
test_good_answer(void)
{
	Bench		b;
	WfmGrantRow *row = &b.action.row;
	int64_t		sent;

	posting(&b, GRACE);
	sent = b.mono + b.offset;
	b.mono += 3 * SECOND;
	is_act(answer(&b, WFM_ANSWER_TOKENS), WFM_ACT_COMMIT, "200: D4 at once");
	ok(wfm_fsm_holds_answer(&b.fsm), "R4 the answer is held");
	ok(row->generation == 8 && row->state == WFM_GRANT_READY &&
	   row->first_use_ms == WFM_TIME_NONE && row->attempts == 1, "D4 one write holds both tokens (Executor#1779, Souz#711)");
	ok(row->access_obtained_ms == sent && row->access_expires_ms == sent + 30 * MINUTE,
	   "expiry counts from the sending");
	ok(b.action.set_current == WFM_FROM_ANSWER && b.action.set_previous == WFM_FROM_CURRENT &&
	   row->has_previous_token && row->previous_first_use_ms == sent,
	   "the spent token is kept for its grace");
	is_act(wrote(&b, WFM_EV_COMMIT, WFM_WRITE_DONE), WFM_ACT_PUBLISH, "D5 after D4");
	ok(!wfm_fsm_holds_answer(&b.fsm), "and is held no longer");
	is_int(b.action.row.generation, 8, "D5 the new generation");
	is_int(b.action.expires_mono_ms, b.mono - 3 * SECOND + 30 * MINUTE, "D5 on both clocks");

	posting(&b, 0);
	answer(&b, WFM_ANSWER_TOKENS);
	ok(b.action.set_previous == WFM_FROM_NOTHING && !row->has_previous_token,
	   "R7 without grace the spent token is not kept (nightscout#326)");
}

/* Loses n answers in a row; gives the longest and the shortest pause. */
static void
lose(Bench *b, int n, int64_t * shortest, int64_t * longest)
{
	*shortest = INT64_MAX;
	*longest = 0;
	for (int i = 0; i < n; i++)
	{
		int64_t		before = b->mono;

		no_answer(b, WFM_MAYBE_SENT);
		post_again(b);
		*shortest = b->mono - before < *shortest ? b->mono - before : *shortest;
		*longest = b->mono - before > *longest ? b->mono - before : *longest;
	}
}

static void
test_lost_answers(void)
{
	static const WfmAnswerClass like_lost[] = {WFM_ANSWER_UNUSABLE, WFM_ANSWER_SERVER_ERROR, WFM_ANSWER_THROTTLED};
	static const char *const names[] = {"200 that is none, redirect, HTML", "5xx, 408", "429 without Retry-After"};
	Bench		b;
	int64_t		shortest,
				longest,
				first_use;

	for (int i = 0; i < 3; i++)
	{
		posting(&b, GRACE);
		answer(&b, like_lost[i]);
		ok(b.action.kind == WFM_ACT_SLEEP && post_again(&b) == WFM_ACT_POST &&
		   b.action.token == WFM_TOKEN_CURRENT && b.posts == 2 && b.commits == 0,
		   "%s: the same token again", names[i]);
	}

	posting(&b, GRACE);
	first_use = b.row.first_use_ms;
	lose(&b, 5, &shortest, &longest);
	is_int(shortest, WFM_RETRY_FLOOR_MS, "never two POSTs without a pause");
	is_int(b.row.first_use_ms, first_use, "R5 a retry does not move first_use");
	is_int(b.row.attempts, 6, "each attempt is counted in the row");
	succeed(&b);
	unauthorized(&b, 8, true);
	is_int(b.action.row.attempts, 1, "and the next refresh counts anew");
	posting(&b, GRACE);
	b.chance = 0.9999;
	lose(&b, 3, &shortest, &longest);
	ok(longest <= 4 * SECOND && longest > 3 * SECOND, "full jitter doubles: 1, 2, 4 s");
	lose(&b, 20, &shortest, &longest);
	is_int(longest / SECOND, 59, "up to a minute");
	b.mono += WFM_RETRY_WINDOW_MS;
	lose(&b, 3, &shortest, &longest);
	is_int(shortest, 5 * MINUTE, "after 28 min once more every 5 min");
	is_int(longest, 5 * MINUTE, "and no slower");
	is_act(succeed(&b), WFM_ACT_SLEEP, "for as long as it takes (xero-node#455)");
	is_state(&b, WFM_GRANT_READY, WFM_TOKEN_OK, "and then nothing is wrong");

	posting(&b, GRACE);
	b.mono += WFM_RETRY_WINDOW_MS;
	no_answer(&b, WFM_NOT_SENT);
	ok(b.action.wake_mono_ms - b.mono <= MINUTE, "K05 a request that never left has no window to miss");
	is_state(&b, WFM_GRANT_REFRESHING, WFM_TOKEN_ERR_NETWORK, "and the state says why");
}

static void
test_throttled(void)
{
	static const struct
	{
		int64_t		retry_after;
		bool		maybe_used;
		int64_t		pause;
		const char *name;
	}			cases[] = {
		{30 * SECOND, false, 30 * SECOND, "429: Retry-After is honoured"},
		{0, false, WFM_RETRY_FLOOR_MS, "429: a zero is no reason for haste"},
		{66975 * SECOND, false, HOUR, "429: a day is cut to an hour"},
		{66975 * SECOND, true, 5 * MINUTE, "429: to 5 min when a window is running"}
	};
	Bench		b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WfmFsmEvent event = {.kind = WFM_EV_ANSWERED};

		posting(&b, GRACE);
		if (cases[i].maybe_used)
		{
			no_answer(&b, WFM_MAYBE_SENT);
			post_again(&b);
		}
		event.answer.kind = WFM_ANSWER_THROTTLED;
		event.answer.retry_after_ms = cases[i].retry_after;
		send(&b, event);
		is_int(b.action.wake_mono_ms - b.mono, cases[i].pause, cases[i].name);
	}
}

/* A dead grant is left alone by everything but a change. */
static void
is_silent(Bench *b, const char *name)
{
	int			posts = b->posts;

	for (int i = 0; i < 600; i++)
	{
		b->mono += 10 * SECOND;
		tell(b, WFM_EV_DEMAND);
		unauthorized(b, b->row.generation, true);
		tell(b, WFM_EV_TICK);
	}
	tell(b, WFM_EV_CHANGED);
	tell(b, WFM_EV_ROW_LOADED);
	pass(b, 30 * DAY);
	ok(b->posts == posts && b->action.kind == WFM_ACT_SLEEP, "%s", name);
}

static void
test_invalid_grant(void)
{
	Bench		b;

	posting(&b, 0);
	is_act(answer(&b, WFM_ANSWER_INVALID_GRANT), WFM_ACT_READ_ROW, "invalid_grant: look at the row first");
	b.row.generation = 8;
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "a newer generation is adopted (hermes#94846)");
	is_int(b.posts, 1, "without another POST");

	posting(&b, 0);
	refuse(&b);
	is_int(b.action.wake_mono_ms - b.mono, 5 * SECOND, "else again after 5 s");
	post_again(&b);
	is_act(succeed(&b), WFM_ACT_SLEEP, "P06 invalid_grant once, then good");
	is_int(b.row.refusals, 0, "and forgotten");

	posting(&b, 0);
	b.row.has_previous_token = true;
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "P07 confirmed, no grace: given up, the previous token is not tried (nightscout#326)");
	is_int(b.posts, 2, "P07 after two requests");
	is_int(b.action.row.first_use_ms, WFM_TIME_NONE, "P07 the intent is closed");
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	is_state(&b, WFM_GRANT_NEEDS_AUTHORIZATION, WFM_TOKEN_ERR_GRANT, "needs_authorization");
	is_silent(&b, "T13 64 backends on a dead grant: silence (xero-node#382)");
	b.row.state = WFM_GRANT_NEEDS_AUTHORIZATION;
	boot(&b);
	is_silent(&b, "also after a restart");
	b.config.revision++;
	tell(&b, WFM_EV_CHANGED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_WRITE_INTENT, "changed settings are a reason to try");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	is_act(succeed(&b), WFM_ACT_SLEEP, "and may mend it");

	/* a grant that was refused while its access token lives */
	fresh(&b, 0);
	unauthorized(&b, 7, true);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	wake(&b);
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	b.config.revision++;
	tell(&b, WFM_EV_CHANGED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_WRITE_INTENT,
		   "changed settings are a reason to try although the access token lives");

	/* the state could not be written */
	posting(&b, 0);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	wake(&b);
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_FAILED);
	is_int(b.action.wake_mono_ms - b.mono, MINUTE, "a state that could not be written is written a minute later");
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "without another request");
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_FENCED);
	b.row.generation = 9;
	b.row.state = WFM_GRANT_READY;
	b.row.first_use_ms = WFM_TIME_NONE;
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "and not over a new generation");

	/* another worker has given the same grant up */
	posting(&b, 0);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	wake(&b);
	b.row = b.action.row;
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_FENCED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_SLEEP, "given up by another worker");
	ok(!wfm_fsm_intent_is_open(&b.fsm), "leaves no intent open");
}

static void
test_previous_token(void)
{
	Bench		b;

	/* a second generation, so that there is a previous token */
	posting(&b, GRACE);
	succeed(&b);
	b.mono += 20 * MINUTE;
	unauthorized(&b, 8, true);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_int(b.action.wake_mono_ms - b.mono, SECOND, "never two POSTs without a pause, here either");
	is_act(post_again(&b), WFM_ACT_POST, "invalid_grant twice, within the grace: the previous token");
	ok(b.action.token == WFM_TOKEN_PREVIOUS && b.action.kind == WFM_ACT_POST, "is presented once");
	is_act(answer(&b, WFM_ANSWER_TOKENS), WFM_ACT_COMMIT, "and mends it (P13, django-oauth-toolkit#702)");
	ok(b.action.set_current == WFM_FROM_ANSWER && b.action.set_previous == WFM_FROM_SELF &&
	   b.action.row.previous_first_use_ms == b.row.previous_first_use_ms &&
	   b.action.row.has_previous_token,
	   "it keeps its place and its clock");

	posting(&b, GRACE);
	succeed(&b);
	b.mono += 20 * MINUTE;
	unauthorized(&b, 8, true);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "refused as well: given up");
	is_int(b.posts, 4, "after three requests");

	posting(&b, GRACE);
	succeed(&b);
	b.mono += 28 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "outside its window it is not presented");

	/* P01 for the previous token */
	posting(&b, GRACE);
	succeed(&b);
	b.mono += 20 * MINUTE;
	unauthorized(&b, 8, true);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	post_again(&b);
	{
		WfmFsmEvent event = {.kind = WFM_EV_ANSWERED};

		event.answer.kind = WFM_ANSWER_TOKENS;
		event.answer.expires_in_s = 1800;
		send(&b, event);
	}
	ok(b.action.set_current == WFM_FROM_PREVIOUS && b.action.set_previous == WFM_FROM_NOTHING &&
	   !b.action.row.has_previous_token, "P01 the one that worked becomes the current one");

	/* refusals survive a crash */
	posting(&b, 0);
	refuse(&b);
	post_again(&b);
	is_int(b.row.refusals, 1, "a refusal is durable with the next intent");
	boot(&b);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "so that a crash does not start the count again");
}

static void
test_client_error(void)
{
	Bench		b;

	posting(&b, GRACE);
	is_act(answer(&b, WFM_ANSWER_CLIENT_ERROR), WFM_ACT_WRITE_STATE, "P08 invalid_client: config_error");
	ok(b.action.row.has_refresh_token && b.action.row.first_use_ms != WFM_TIME_NONE &&
	   b.action.row.generation == 7, "P08 the grant is kept");
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	is_state(&b, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_CLIENT, "P08 shown");
	is_int(b.action.wake_mono_ms - b.mono, 15 * MINUTE, "P08 next try in 15 min");
	tell(&b, WFM_EV_DEMAND);
	tell(&b, WFM_EV_CHANGED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_SLEEP, "P08 demand is no reason to hurry");
	is_state(&b, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_CLIENT, "P08 and it is still shown");
	b.config.revision++;
	tell(&b, WFM_EV_CHANGED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_WRITE_INTENT, "P08 changed settings are");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	answer(&b, WFM_ANSWER_CLIENT_ERROR);
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	is_act(post_again(&b), WFM_ACT_POST, "P08 tried again");
	is_act(succeed(&b), WFM_ACT_SLEEP, "P08 and mended");
	is_int(b.row.last_error, WFM_TOKEN_OK, "P08 which its row says");
}

int
main(void)
{
	test_when();
	test_unauthorized();
	test_good_answer();
	test_lost_answers();
	test_throttled();
	test_invalid_grant();
	test_previous_token();
	test_client_error();
	return done_testing();
}
