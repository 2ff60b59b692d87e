/*
 * test_token_faults.c
 *		The token state machine under faults: each crash point, each fault of
 *		the store, each way of the provider, stops, clocks, standbys.
 *
 * Each test drives the machine on a bench and names the rule it shows.
 */
#include "token_bench.h"

/* ---- crash points: what a new process does with what is durable ---- */

static void
test_crashes(void)
{
	static const char *const open_points[] = {
		"K03 intent durable, no ack", "K04 committed, no socket", "K05 connecting",
		"K06 request partly written", "K07 sent, not processed", "K08 processed, answer lost",
		"K09 answer in the kernel", "K10 parsed", "K11 commit open"
	};
	static const char *const closed_points[] = {
		"K13 committed, not published", "K14 half published", "K15 published, no broadcast",
		"K16 backend dies", "K17 after the broadcast"
	};
	Bench		b;
	int64_t		first_use;

	fresh(&b, GRACE);
	is_act(boot(&b), WFM_ACT_SLEEP, "K01 before the intent: nothing to do");
	is_act(boot(&b), WFM_ACT_SLEEP, "K02 intent not committed: nothing to do");
	for (int i = 0; i < 9; i++)
	{
		bool		recovers;

		posting(&b, GRACE);
		first_use = b.row.first_use_ms;
		b.mono += 28 * MINUTE;
		recovers = boot(&b) == WFM_ACT_WRITE_INTENT &&
			b.action.row.first_use_ms == first_use && b.action.row.attempts == 2 &&
			wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE) == WFM_ACT_POST &&
			b.action.token == WFM_TOKEN_CURRENT;
		ok(recovers && succeed(&b) == WFM_ACT_SLEEP && b.row.generation == 8,
		   "%s: recovered at start without any demand (R6)", open_points[i]);
	}
	posting(&b, GRACE);
	b.mono += 28 * MINUTE;
	boot(&b);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	no_answer(&b, WFM_NOT_SENT);
	is_int(b.action.wake_mono_ms - b.mono, 5 * MINUTE,
		   "K05-K11 an intent found open may have been sent: its window has been missed");

	posting(&b, GRACE);
	answer(&b, WFM_ANSWER_TOKENS);
	b.row = b.action.row;
	wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FAILED);
	is_act(wake(&b), WFM_ACT_COMMIT, "K12 durable although reported as failed");
	wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FENCED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "K12 found in the row");
	is_int(b.posts, 1, "K12 without another POST");
	for (int i = 0; i < 5; i++)
	{
		posting(&b, GRACE);
		answer(&b, WFM_ANSWER_TOKENS);
		b.row = b.action.row;
		b.posts = 0;
		wfm_fsm_init(&b.fsm);
		tell(&b, WFM_EV_START);
		ok(tell(&b, WFM_EV_ROW_LOADED) == WFM_ACT_PUBLISH && b.action.row.generation == 8 &&
		   tell(&b, WFM_EV_PUBLISHED) == WFM_ACT_SLEEP && b.posts == 0,
		   "%s: published at start, no POST", closed_points[i]);
	}

	posting(&b, 0);
	boot(&b);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "K08-K11 without grace: the loss is found out");
	is_int(b.posts - 1, 2, "in two requests");
}

/* ---- faults of the store ---- */

static void
test_store(void)
{
	Bench		b;
	int64_t		longest = 0;
	int64_t		first_use;
	int			hasty = 0;

	fresh(&b, GRACE);
	b.mono += 25 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	for (int i = 0; i < 50; i++)
	{
		wrote(&b, WFM_EV_INTENT, WFM_WRITE_FAILED);
		longest = b.action.wake_mono_ms - b.mono > longest ? b.action.wake_mono_ms - b.mono : longest;
		wake(&b);
	}
	is_int(b.posts, 0, "S01, S03 the intent cannot be written: no POST (Executor#1377)");
	ok(longest <= MINUTE, "S01 it is tried again, at most a minute later");
	is_state(&b, WFM_GRANT_REFRESHING, WFM_TOKEN_ERR_STORE, "S01 and shown");
	is_act(wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE), WFM_ACT_POST, "S01 until it can");

	fresh(&b, GRACE);
	b.mono += 25 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	for (int i = 0; i < 10; i++)
	{
		wrote(&b, WFM_EV_INTENT, WFM_WRITE_FAILED);
		wake(&b);
	}
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_FENCED);
	b.row.generation = 8;
	tell(&b, WFM_EV_ROW_LOADED);
	tell(&b, WFM_EV_PUBLISHED);
	tell(&b, WFM_EV_DEMAND);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_FAILED);
	is_int(b.action.wake_mono_ms - b.mono, SECOND / 2, "S01 failures count anew for a new generation");

	posting(&b, GRACE);
	first_use = b.row.first_use_ms;
	no_answer(&b, WFM_MAYBE_SENT);
	b.row.first_use_ms = WFM_TIME_NONE;
	tell(&b, WFM_EV_CHANGED);
	tell(&b, WFM_EV_ROW_LOADED);
	is_act(wake(&b), WFM_ACT_WRITE_INTENT, "R5 a row that has lost its open intent");
	is_int(b.action.row.first_use_ms, first_use, "R5 gets it back as it was");

	posting(&b, GRACE);
	answer(&b, WFM_ANSWER_TOKENS);
	longest = 0;
	for (int i = 0; i < 1000; i++)
	{
		if (wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FAILED) != WFM_ACT_SLEEP)
			break;
		longest = b.action.wake_mono_ms - b.mono > longest ? b.action.wake_mono_ms - b.mono : longest;
		wake(&b);
	}
	ok(b.commits == 1001 && b.posts == 1, "S02 a commit that fails is retried from memory, for ever (ToolHive#5636)");
	is_int(longest, 5 * SECOND, "S02 every 5 s in the end");
	is_state(&b, WFM_GRANT_REFRESHING, WFM_TOKEN_ERR_STORE, "S02 shown");
	ok(wfm_fsm_holds_answer(&b.fsm), "S02 and the answer is held");
	is_act(wrote(&b, WFM_EV_COMMIT, WFM_WRITE_DONE), WFM_ACT_PUBLISH, "R3 published only when durable");

	posting(&b, GRACE);
	tell(&b, WFM_EV_CHANGED);
	answer(&b, WFM_ANSWER_TOKENS);
	b.row.generation = 8;
	b.row.state = WFM_GRANT_READY;
	b.row.first_use_ms = WFM_TIME_NONE;
	is_act(wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FENCED), WFM_ACT_READ_ROW, "S04 re-seeded during the POST: ours is dropped");
	ok(!wfm_fsm_holds_answer(&b.fsm), "S04 out of memory as well");
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "S04 theirs is taken");

	posting(&b, GRACE);
	answer(&b, WFM_ANSWER_TOKENS);
	wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FENCED);
	is_act(tell(&b, WFM_EV_ROW_ABSENT), WFM_ACT_FORGET, "S05 row deleted: the published token is wiped");
	is_act(tell(&b, WFM_EV_PUBLISHED), WFM_ACT_SLEEP, "S05 and that is all");
	is_act(tell(&b, WFM_EV_DEMAND), WFM_ACT_READ_ROW, "S05 until somebody asks");
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "S05 a row that came back is published");
	is_act(tell(&b, WFM_EV_PUBLISHED), WFM_ACT_WRITE_INTENT, "S05 and its open intent taken up");

	fresh(&b, GRACE);
	b.mono += 25 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	is_act(wrote(&b, WFM_EV_INTENT, WFM_WRITE_UNREADABLE), WFM_ACT_SLEEP, "S08 key gone: no POST");
	is_state(&b, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_KEY, "S08 config_error");
	b.row.unreadable = true;
	is_act(boot(&b), WFM_ACT_SLEEP, "S08 at start: nothing is published, nothing sent");
	is_int(b.action.wake_mono_ms - b.mono, 15 * MINUTE, "S08 looked at again in 15 min");
	wake(&b);
	b.row.unreadable = false;
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "S08 the key is back");

	fresh(&b, GRACE);
	tell(&b, WFM_EV_CHANGED);
	tell(&b, WFM_EV_ROW_UNAVAILABLE);
	is_int(b.action.wake_mono_ms - b.mono, SECOND / 2, "a row that could not be read is left alone for a moment");
	is_act(wake(&b), WFM_ACT_READ_ROW, "and read again");
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_SLEEP, "and nothing has changed");

	fresh(&b, GRACE);
	b.mono += 30 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	for (int i = 0; i < 100; i++)
	{
		wrote(&b, WFM_EV_INTENT, WFM_WRITE_FENCED);
		tell(&b, WFM_EV_ROW_LOADED);
		hasty += b.action.kind != WFM_ACT_SLEEP;
		wake(&b);
	}
	ok(hasty == 0 && b.posts == 0,
	   "H10 fenced off by another worker: no haste, no POST");
}

/* ---- ways of the provider ---- */

static void
test_provider(void)
{
	Bench		b;
	WfmFsmEvent event = {.kind = WFM_EV_ANSWERED};

	posting(&b, GRACE);
	event.answer.kind = WFM_ANSWER_TOKENS;
	event.answer.expires_in_s = 1800;
	send(&b, event);
	ok(b.action.set_current == WFM_FROM_SELF && b.action.set_previous == WFM_FROM_SELF &&
	   b.action.row.has_refresh_token, "P01 an answer without a refresh token keeps the old one (Souz#711)");

	is_int(wfm_fsm_clamp_life(true, 0), 60, "P04 expires_in 0 is a minute");
	is_int(wfm_fsm_clamp_life(true, -1), 60, "P04 so is -1");
	is_int(wfm_fsm_clamp_life(true, 1e12), 3600, "P04 1e12 is an hour");
	is_int(wfm_fsm_clamp_life(false, 0), 1800, "P04 absent is half an hour");
	posting(&b, GRACE);
	event.answer.has_refresh_token = true;
	event.answer.expires_in_s = 60;
	send(&b, event);
	wrote(&b, WFM_EV_COMMIT, WFM_WRITE_DONE);
	tell(&b, WFM_EV_PUBLISHED);
	tell(&b, WFM_EV_DEMAND);
	is_int(b.action.wake_mono_ms - b.mono, 30 * SECOND, "P04 a short life makes no loop: refreshed at half of it");

	/* P13: the first request may still arrive and kill the pair */
	for (int i = 0; i < 3; i++)
	{
		posting(&b, GRACE);
		if (i == 0)
			answer(&b, WFM_ANSWER_SERVER_ERROR);
		else if (i == 1)
			answer(&b, WFM_ANSWER_UNUSABLE);
		else
			no_answer(&b, WFM_MAYBE_SENT);
		post_again(&b);
		succeed(&b);
		is_int(b.action.wake_mono_ms + b.offset - b.row.previous_first_use_ms, WFM_SETTLE_MS,
			   "P13 a pair that a late twin may kill is looked at 10 min after first use");
	}
	is_int(b.action.wake_mono_ms, b.fsm.previous_first_use_mono_ms + WFM_SETTLE_MS, "P13 on the steady clock");
	is_act(wake(&b), WFM_ACT_WRITE_INTENT, "P13 after a lost answer the pair is refreshed within the grace, used or not");
	is_int(b.mono + b.offset - b.row.previous_first_use_ms, WFM_SETTLE_MS, "P13 10 min after the first use");
	boot(&b);
	is_act(wake(&b), WFM_ACT_WRITE_INTENT, "P13 also after a restart");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	succeed(&b);
	wake(&b);
	is_act(b.action.kind, WFM_ACT_SLEEP, "P13 once");
	posting(&b, GRACE);
	no_answer(&b, WFM_MAYBE_SENT);
	b.mono += 24 * MINUTE;
	post_again(&b);
	succeed(&b);
	is_int(b.action.wake_mono_ms + b.offset - b.row.previous_first_use_ms, 27 * MINUTE,
		   "P13 the later the answer, the sooner, so that the grace has not ended");
	posting(&b, 0);
	no_answer(&b, WFM_MAYBE_SENT);
	post_again(&b);
	succeed(&b);
	wake(&b);
	is_act(b.action.kind, WFM_ACT_SLEEP, "P13 not without grace: nothing could mend it");
	is_act(answer(&b, WFM_ANSWER_TOKENS), WFM_ACT_SLEEP, "P13 an answer nobody waits for changes nothing");
	is_int(b.commits, 1, "P13 and is not stored");

	/* A certificate that is not trusted: nothing was sent, and nobody waits */
	posting(&b, 0);
	is_act(no_answer(&b, WFM_NOT_TRUSTED), WFM_ACT_WRITE_STATE, "P12 no trust: config_error at once");
	wrote(&b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
	is_state(&b, WFM_GRANT_CONFIG_ERROR, WFM_TOKEN_ERR_TRUST, "P12 which is shown");
	is_int(b.action.wake_mono_ms - b.mono, MINUTE, "P12 tried again in a minute, as it sends nothing");
	b.config.revision++;
	tell(&b, WFM_EV_CHANGED);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_WRITE_INTENT, "P12 or when a setting was changed");
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	is_act(succeed(&b), WFM_ACT_SLEEP, "P12 and nothing is lost");
}

/* ---- the host ---- */

static void
test_stop(void)
{
	Bench		b;

	fresh(&b, GRACE);
	is_act(tell(&b, WFM_EV_SHUTDOWN), WFM_ACT_EXIT, "H02 stop while idle: at once");
	fresh(&b, GRACE);
	b.mono += 30 * MINUTE;
	tell(&b, WFM_EV_DEMAND);
	is_act(tell(&b, WFM_EV_SHUTDOWN), WFM_ACT_WAIT, "H02 stop during the intent waits for it");
	is_act(wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE), WFM_ACT_EXIT, "H02 and sends nothing");
	posting(&b, GRACE);
	is_act(tell(&b, WFM_EV_SHUTDOWN), WFM_ACT_WAIT, "R4 stop during the POST waits for the answer");
	is_act(answer(&b, WFM_ANSWER_TOKENS), WFM_ACT_COMMIT, "R4 which is stored");
	is_act(wrote(&b, WFM_EV_COMMIT, WFM_WRITE_DONE), WFM_ACT_PUBLISH, "R4 published");
	is_act(tell(&b, WFM_EV_PUBLISHED), WFM_ACT_EXIT, "R4 and then it leaves");
	posting(&b, GRACE);
	tell(&b, WFM_EV_SHUTDOWN);
	is_act(no_answer(&b, WFM_MAYBE_SENT), WFM_ACT_EXIT, "H02 no answer: the rest is recovery's");
	ok(wfm_fsm_intent_is_open(&b.fsm), "H02 which finds the intent open");

	posting(&b, GRACE);
	tell(&b, WFM_EV_SHUTDOWN);
	b.mono += 59 * SECOND;
	answer(&b, WFM_ANSWER_TOKENS);
	for (int64_t end = b.mono + 50 * SECOND; b.mono < end;)
	{
		if (wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FAILED) != WFM_ACT_SLEEP)
			break;
		wake(&b);
	}
	is_act(b.action.kind, WFM_ACT_COMMIT, "R4 a failing commit is retried for a minute after the answer");
	is_act(tell(&b, WFM_EV_SHUTDOWN), WFM_ACT_WAIT, "R4 no longer for being told twice");
	b.mono += 10 * SECOND;
	wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FAILED);
	is_act(wake(&b), WFM_ACT_EXIT, "R4 then left to recovery");
	ok(!wfm_fsm_holds_answer(&b.fsm), "R4 and held no longer");
	posting(&b, GRACE);
	answer(&b, WFM_ANSWER_TOKENS);
	b.mono += 10 * MINUTE;
	tell(&b, WFM_EV_SHUTDOWN);
	is_act(wrote(&b, WFM_EV_COMMIT, WFM_WRITE_FAILED), WFM_ACT_SLEEP,
		   "R4 or after the stop, however old the answer is");
	b.mono += 61 * SECOND;
	is_act(tell(&b, WFM_EV_TICK), WFM_ACT_EXIT, "R4 and no longer");
	is_act(tell(&b, WFM_EV_DEMAND), WFM_ACT_EXIT, "and nothing comes after EXIT");
}

static void
test_host(void)
{
	static const int64_t steps[] = {HOUR, -HOUR};
	Bench		b;

	/* H09: the wall clock steps, at rest, during a POST, across a restart */
	for (int i = 0; i < 2; i++)
	{
		const char *name = steps[i] > 0 ? "+1 h" : "-1 h";
		int			refreshes = 0;

		fresh(&b, GRACE);
		b.offset += steps[i];
		for (int64_t end = b.mono + 20 * MINUTE; b.mono < end; b.mono += MINUTE)
		{
			if (tell(&b, WFM_EV_DEMAND) != WFM_ACT_WRITE_INTENT)
				continue;
			refreshes++;
			wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
			succeed(&b);
		}
		ok(refreshes <= 1, "H09 %s at rest: %d extra refresh", name, refreshes);
		fresh(&b, GRACE);
		b.offset += steps[i];
		tell(&b, WFM_EV_DEMAND);
		if (b.action.kind == WFM_ACT_SLEEP)
			is_act(pass(&b, 24 * MINUTE), WFM_ACT_WRITE_INTENT, "H09 the steady clock sees the expiry");

		posting(&b, GRACE);
		b.offset += steps[i];
		b.mono += SECOND;
		succeed(&b);
		tell(&b, WFM_EV_DEMAND);
		is_act(b.action.kind, WFM_ACT_SLEEP, "H09 a step during the POST costs nothing");
		is_int(b.action.wake_mono_ms - b.mono, 25 * MINUTE - SECOND, "H09 and leaves the lead as it is");
		b.offset += steps[i];
		b.mono += 24 * MINUTE;
		boot(&b);
		tell(&b, WFM_EV_DEMAND);
		pass(&b, MINUTE);
		is_act(b.action.kind, WFM_ACT_WRITE_INTENT, "H09 nor does one across a restart hide the expiry");
		b.row.clock_offset_ms = WFM_TIME_NONE;	/* another boot */
		boot(&b);
		ok(b.fsm.expires_mono_ms <= b.mono + HOUR, "H09 without the old clock a life is an hour at most");
	}

	fresh(&b, GRACE);
	tell(&b, WFM_EV_DEMAND);
	b.offset -= 2 * HOUR;
	pass(&b, 24 * MINUTE);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	boot(&b);
	wrote(&b, WFM_EV_INTENT, WFM_WRITE_DONE);
	no_answer(&b, WFM_MAYBE_SENT);
	ok(b.action.wake_mono_ms - b.mono < MINUTE, "H09 an old clock does not age a new intent");

	/* H09: without the old clock, the wall clock is believed about the past */
	fresh(&b, GRACE);
	b.row.clock_offset_ms = WFM_TIME_NONE;
	boot(&b);
	is_int(b.fsm.obtained_mono_ms, b.mono - MINUTE, "H09 by the wall clock a minute old");
	b.row.access_obtained_ms += HOUR;
	b.row.access_expires_ms += 10 * HOUR;
	boot(&b);
	is_int(b.fsm.obtained_mono_ms, b.mono, "H09 nothing was obtained in the future");
	is_int(b.fsm.expires_mono_ms, b.mono + HOUR, "H09 a life that is too long is cut to an hour");

	/* H09: one offset holds for all times of a row */
	fresh(&b, GRACE);
	b.offset += HOUR;
	unauthorized(&b, 7, true);
	is_int(b.action.row.previous_first_use_ms, WFM_TIME_NONE, "H09 a time that is not known stays so");
	posting(&b, GRACE);
	succeed(&b);
	{
		WfmGrantRow before = b.row;

		b.offset += HOUR;
		b.mono += 2 * MINUTE;
		unauthorized(&b, 8, true);
		is_int(b.action.row.clock_offset_ms, b.offset, "H09 an intent notes the new clock");
		ok(b.action.row.access_obtained_ms == before.access_obtained_ms + HOUR &&
		   b.action.row.access_expires_ms == before.access_expires_ms + HOUR &&
		   b.action.row.previous_first_use_ms == before.previous_first_use_ms + HOUR,
		   "H09 and moves the row's times with it");
	}

	/* H05: restored from a backup, the token spent long ago */
	posting(&b, GRACE);
	refuse(&b);
	post_again(&b);
	refuse(&b);
	is_act(wake(&b), WFM_ACT_WRITE_STATE, "H05 an old backup: asked twice, then a person");

	/* H06, H07 */
	posting(&b, GRACE);
	b.config.read_only = true;
	b.posts = 0;
	is_act(boot(&b), WFM_ACT_SLEEP, "H07 a standby publishes and leaves an open intent alone");
	for (int i = 0; i < 120; i++)
	{
		tell(&b, WFM_EV_DEMAND);
		unauthorized(&b, 7, true);
		is_act(wake(&b), WFM_ACT_READ_ROW, "H07 reads the row each minute");
		tell(&b, WFM_EV_ROW_LOADED);
		if (i == 1)
			break;
	}
	for (int i = 0; i < 120; i++)
	{
		tell(&b, WFM_EV_DEMAND);
		wake(&b);
		tell(&b, WFM_EV_ROW_LOADED);
	}
	is_int(b.posts, 0, "H06, T11 no POST from a clone in 2 h");
	b.row.generation++;
	wake(&b);
	is_act(tell(&b, WFM_EV_ROW_LOADED), WFM_ACT_PUBLISH, "H07 a replicated token is published");
	tell(&b, WFM_EV_PUBLISHED);
	b.config.read_only = false;
	tell(&b, WFM_EV_CHANGED);
	tell(&b, WFM_EV_ROW_LOADED);
	is_act(tell(&b, WFM_EV_PUBLISHED), WFM_ACT_WRITE_INTENT, "H04 promoted: recovery first");
}

/* What is outstanding comes to an end; the provider refuses every token. */
static void
refuse_all(Bench *b)
{
	for (;;)
	{
		switch (b->action.kind)
		{
			case WFM_ACT_WRITE_INTENT:
				wrote(b, WFM_EV_INTENT, WFM_WRITE_DONE);
				break;
			case WFM_ACT_WRITE_STATE:
				wrote(b, WFM_EV_STATE_WRITTEN, WFM_WRITE_DONE);
				break;
			case WFM_ACT_POST:
				answer(b, WFM_ANSWER_INVALID_GRANT);
				break;
			case WFM_ACT_READ_ROW:
				tell(b, WFM_EV_ROW_LOADED);
				break;
			case WFM_ACT_PUBLISH:
				tell(b, WFM_EV_PUBLISHED);
				break;
			default:
				return;
		}
	}
}

/*
 * 64 backends want a token of a dead grant, each once a second, for ten
 * minutes; the server restarts each minute.
 */
static void
test_storm(void)
{
	static const int graces[] = {GRACE, 0};

	for (int i = 0; i < 2; i++)
	{
		Bench		b;

		fresh(&b, graces[i]);
		b.row.has_previous_token = graces[i] > 0;
		b.row.previous_first_use_ms = b.row.access_obtained_ms;
		b.mono += 10 * MINUTE;
		b.offset += 20 * MINUTE;
		for (int second = 0; second < 600; second++)
		{
			if (second % 60 == 0)
				boot(&b);
			for (int backend = 0; backend < 64; backend++)
			{
				tell(&b, WFM_EV_DEMAND);
				refuse_all(&b);
				unauthorized(&b, b.row.generation, true);
				refuse_all(&b);
			}
			pass(&b, SECOND);
			refuse_all(&b);
		}
		ok(b.posts <= 3, "T13 64 backends on a dead grant for 10 min, grace %d s: %d token requests", graces[i], b.posts);
		is_state(&b, WFM_GRANT_NEEDS_AUTHORIZATION, WFM_TOKEN_ERR_GRANT, "T13 and the reason is shown");
	}
}

/* Results that nobody waits for, in every phase, change nothing. */
static void
test_stray_events(void)
{
	Bench		b;
	WfmTokenFsm before;
	int			moved = 0;

	fresh(&b, GRACE);
	before = b.fsm;
	for (int kind = WFM_EV_ROW_LOADED; kind <= WFM_EV_PUBLISHED; kind++)
		moved += tell(&b, (WfmFsmEventKind) kind) != WFM_ACT_SLEEP;
	ok(moved == 0 && memcmp(&before, &b.fsm, sizeof(before)) == 0, "stray results at rest");
	posting(&b, GRACE);
	before = b.fsm;
	for (int kind = WFM_EV_ROW_LOADED; kind <= WFM_EV_PUBLISHED; kind++)
	{
		if (kind != WFM_EV_ANSWERED && kind != WFM_EV_POST_FAILED)
			moved += tell(&b, (WfmFsmEventKind) kind) != WFM_ACT_WAIT;
	}
	ok(moved == 0 && memcmp(&before, &b.fsm, sizeof(before)) == 0, "stray results during a POST");

	ok(wfm_profile_xero.grace_s == 1800 && wfm_profile_xero.client_auth == WFM_CLIENT_AUTH_BASIC &&
	   wfm_profile_xero_pkce.client_auth == WFM_CLIENT_AUTH_PUBLIC && wfm_profile_xero_pkce.grace_s == 1800 &&
	   wfm_profile_bluerock.grace_s == 0 && wfm_profile_bluerock.client_auth == WFM_CLIENT_AUTH_BODY,
	   "R7 the profiles");
	is_str(wfm_fsm_phase_name((WfmFsmPhase) 99), "unknown", "names never fail");
}

int
main(void)
{
	test_crashes();
	test_store();
	test_provider();
	test_stop();
	test_host();
	test_storm();
	test_stray_events();
	return done_testing();
}
