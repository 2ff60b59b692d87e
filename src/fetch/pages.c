/*
 * fetch/pages.c
 *		Lists that come in pages: which pages are asked for, and which is the
 *		last.
 *
 * What follows a page is decided when its answer arrives, so that the next
 * ones are under way while its rows are used.
 *
 * - Where the API tells how many records there are, the remaining pages are
 *   asked for side by side.
 * - A link to the next page is followed at once.
 * - Elsewhere a list ends with an empty page, or with one that begins as an
 *   earlier page did: some servers ignore the page parameters and send
 *   everything each time, or the last page again.  So do two pages of nothing
 *   but records of the page before: the same in another order.  A page less
 *   full than was asked for is not taken for the last one, since the most
 *   that a server gives is documented nowhere.  Pages beyond the next are
 *   asked for only while pages are as full as the first, at most half as many
 *   as have come so full: what a list of n pages can waste is n/2 - 1 calls,
 *   and never more than may be under way at once.
 *
 * Records may shift from one page to the next while pages are read, so the
 * keys of neighbouring pages are compared (fetch/seam.c).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "fetch/cursor_private.h"
#include "fetch/pages.h"
#include "fetch/problem.h"

/* More pages than this are taken for a server gone mad. */
#define MAX_PAGES 100000

/* Links lead through so many empty pages and no more. */
#define MAX_EMPTY_PAGES 100

/*
 * So many pages of nothing but records of the page before are the same one
 * again, in another order.  One alone may be due to as many new records.
 */
#define MAX_STALE_PAGES 2

/* Longest query that a link may have. */
#define MAX_LINK_QUERY 4096

WfmPageList *
wfm_pages_create(MemoryContext context)
{
	WfmPageList *pages = MemoryContextAllocZero(context, sizeof(WfmPageList));

	pages->nsteps = 1;
	pages->asked = 1;
	pages->total = -1;
	pages->next_mark = 1;
	return pages;
}

void
wfm_pages_join(WfmPageList *pages, int page)
{
	pages->nsteps++;
	pages->asked = page;
}

static void
replace(char **old, char *new)
{
	if (*old != NULL)
		pfree(*old);
	*old = new;
}

void
wfm_pages_leave(WfmPageList *pages)
{
	if (--pages->nsteps > 0)
		return;
	replace(&pages->first_key, NULL);
	replace(&pages->last_key, NULL);
	replace(&pages->mark, NULL);
	pfree(pages);
}

/* ---------- the rows of a page ---------- */

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Is a page that this key or fingerprint is of an earlier page again? */
static bool
came_before(const WfmPageList *pages, const char *key)
{
	return same(key, pages->last_key) || same(key, pages->first_key);
}

void
wfm_page_begin(WfmCursor *cursor, const WfmStep *step)
{
	cursor->page_keys = cursor->page_fresh = 0;
	if (step->page > 0 && cursor->seam != NULL)
		wfm_seam_begin(cursor->seam, step->page > 1);
}

bool
wfm_page_take(WfmCursor *cursor, WfmStep *step, const WfmRecord *record)
{
	const WfmValue *key;
	bool		fresh;

	if (step->page == 0)
		return true;
	if (cursor->key_field < 0)
		return !step->page_repeated;
	key = &record->values[cursor->key_field];
	if (!step->facts.known && step->facts.key == NULL && key->len > 0)
	{
		step->facts.key = MemoryContextAlloc(cursor->context, key->len + 1);
		memcpy(step->facts.key, key->data, key->len);
		step->facts.key[key->len] = '\0';
		step->page_repeated = came_before(step->pages, step->facts.key);
	}
	if (step->page_repeated)
		return false;
	fresh = key->data == NULL || cursor->seam == NULL ||
		!wfm_seam_is_double(cursor->seam, key->data, key->len);
	cursor->page_keys++;
	cursor->page_fresh += fresh;
	return fresh;
}

/* ---------- which pages follow ---------- */

/* The pages of a list do not fit together: an error when their turn comes. */
static void
fail(WfmCursor *cursor, WfmStep *step, const char *detail)
{
	wfm_step_stop(step);
	step->problem = wfm_problem_of_pages(step, cursor->spec,
										 wfm_step_tenant(cursor, step), detail,
										 cursor->context);
	step->state = WFM_STEP_FAILED;
}

/* The step behind this one in the same list, NULL if it is the last. */
static WfmStep *
next_of_list(WfmCursor *cursor, WfmStep *step)
{
	WfmStep    *next;

	if (!dlist_has_next(&cursor->steps, &step->node))
		return NULL;
	next = dlist_container(WfmStep, node,
						   dlist_next_node(&cursor->steps, &step->node));
	return next->pages == step->pages ? next : NULL;
}

/* Give up the steps for pages behind this one. */
static void
drop_behind(WfmCursor *cursor, WfmStep *step)
{
	WfmStep    *next;

	while ((next = next_of_list(cursor, step)) != NULL)
	{
		wfm_step_stop(next);
		wfm_step_forget(next);
	}
	step->pages->asked = step->page;
}

/* The last step of a list, from one of them on. */
static WfmStep *
last_of_list(WfmCursor *cursor, WfmStep *step)
{
	WfmStep    *next;

	while ((next = next_of_list(cursor, step)) != NULL)
		step = next;
	return step;
}

/* Ask for the pages up to this one. */
static void
ask_up_to(WfmCursor *cursor, WfmStep *step, int64 last)
{
	WfmStep    *after;

	last = Min(last, MAX_PAGES + 1);
	if (last <= step->pages->asked)
		return;
	after = last_of_list(cursor, step);
	while (step->pages->asked < last)
		after = wfm_step_add_page(after, cursor->spec, step->pages->asked + 1,
								  NULL, cursor->context);
}

/*
 * Is it what a page before was?  Of the pages 1, 2, 4, 8, ... the last is
 * kept to compare with, so a circle of any length is noticed within three
 * times its length.
 */
static bool
in_a_circle(WfmCursor *cursor, WfmStep *step, const char *what)
{
	WfmPageList *pages = step->pages;

	if (same(what, pages->mark))
		return true;
	if (step->page >= pages->next_mark)
	{
		replace(&pages->mark, what == NULL ? NULL :
				MemoryContextStrdup(cursor->context, what));
		pages->next_mark = 2 * step->page;
	}
	return false;
}

/*
 * Follow the link to the next page.  Its host and path are not looked at: the
 * request goes where the others went.
 */
static void
follow_link(WfmCursor *cursor, WfmStep *step)
{
	const char *query;
	size_t		len;

	if (step->facts.link == NULL)
		return;
	/* an empty page may be followed by others, but not for ever */
	if (step->facts.on_page > 0)
		step->pages->empty = 0;
	else if (++step->pages->empty > MAX_EMPTY_PAGES)
	{
		fail(cursor, step, "Too many of them are empty.");
		return;
	}
	if (step->page_repeated)
	{
		fail(cursor, step, "The same page came again.");
		return;
	}
	query = strchr(step->facts.link, '?');
	if (query == NULL)
	{
		fail(cursor, step, "The link to the next page has no parameters.");
		return;
	}
	query++;
	len = strcspn(query, "#");
	step->facts.link[query - step->facts.link + len] = '\0';
	if (len == 0 || len > MAX_LINK_QUERY)
	{
		fail(cursor, step, "The link to the next page is unusable.");
		return;
	}
	for (size_t i = 0; i < len; i++)
	{
		if (query[i] <= ' ' || query[i] >= 127 || query[i] == '"' ||
			query[i] == '<' || query[i] == '>' || query[i] == '\\')
		{
			fail(cursor, step, "The link to the next page is unusable.");
			return;
		}
	}
	if (same(step->page_query, query))
	{
		fail(cursor, step, "The link to the next page leads to the same page.");
		return;
	}
	if (in_a_circle(cursor, step, query))
	{
		fail(cursor, step, "The links to the next pages lead in a circle.");
		return;
	}
	(void) wfm_step_add_page(step, cursor->spec, step->page + 1, query,
							 cursor->context);
}

/* Decide on the pages after one of a list whose pages have numbers. */
static void
count_on(WfmCursor *cursor, WfmStep *step)
{
	WfmPageList *pages = step->pages;
	const WfmPageFacts *facts = &step->facts;
	bool		nothing = facts->on_page == 0 || facts->told == 0 ||
		step->page_repeated;

	if (step->endpoint->paging == WFM_PAGING_PAGES && facts->total >= 0)
		pages->total = facts->total;
	if (!nothing)
	{
		if (pages->gap)
		{
			fail(cursor, step, "A page before this one was empty or came twice.");
			return;
		}
		if (in_a_circle(cursor, step, facts->key))
		{
			fail(cursor, step, "They come in a circle.");
			return;
		}
		if (step->page == 1)
			pages->on_first = facts->on_page;
		pages->records += facts->on_page;
		pages->full += facts->on_page >= pages->on_first;
		/* a total of less than what came is none */
		if (pages->total < pages->records)
			pages->total = -1;
	}

	if (pages->total >= 0 && pages->on_first > 0)
	{
		int64		last = pages->total / pages->on_first +
			(pages->total % pages->on_first != 0);

		if (nothing)
		{
			/* the next page tells whether it was the end */
			if (step->page < last && (step->page < pages->asked || !pages->gap))
			{
				pages->gap = true;
				ask_up_to(cursor, step, (int64) step->page + 1);
			}
			else if (step->page_repeated && pages->records < pages->total)
				fail(cursor, step, "The same page came again before all records had come.");
			else
				drop_behind(cursor, step);
			return;
		}
		if (pages->records < pages->total)
			last = Max(last, (int64) step->page + 1);
		ask_up_to(cursor, step, Min(last, (int64) step->page +
									wfm_cursor_most_active(cursor)));
	}
	else if (nothing)
		drop_behind(cursor, step);
	else if (facts->on_page < pages->on_first || cursor->spec->lazy)
		ask_up_to(cursor, step, (int64) step->page + 1);
	else
		ask_up_to(cursor, step, (int64) step->page +
				  Max(1, Min(pages->full / 2,
							 cursor->spec->connection->limits.concurrent_calls)));
}

/* Take in the facts of a page, the one after those taken in before. */
static void
take_in(WfmCursor *cursor, WfmStep *step)
{
	WfmPageList *pages = step->pages;

	pages->read = step->page;
	if (step->probe)
	{
		if (step->facts.total >= step->facts.on_page)
			cursor->total += step->facts.total;
		else
			(void) wfm_step_add_list(step, cursor->spec, cursor->context);
		return;
	}
	step->page_repeated = came_before(pages, step->facts.key);
	if (step->page > MAX_PAGES)
		fail(cursor, step, "There are too many.");
	else if (step->endpoint->paging == WFM_PAGING_LINKS)
		follow_link(cursor, step);
	else
		count_on(cursor, step);

	if (step->facts.key != NULL)
	{
		replace(&pages->last_key, MemoryContextStrdup(cursor->context,
													  step->facts.key));
		if (step->page == 1)
			replace(&pages->first_key, MemoryContextStrdup(cursor->context,
														   step->facts.key));
	}
}

void
wfm_page_arrived(WfmCursor *cursor, WfmStep *step)
{
	/* pages that overtook this one follow */
	while (step != NULL && step->page > 0 && step->facts.known &&
		   step->page == step->pages->read + 1)
	{
		take_in(cursor, step);
		step = next_of_list(cursor, step);
	}
}

void
wfm_page_missing(WfmCursor *cursor, WfmStep *step)
{
	if (step->page == 0)
		return;
	step->facts.known = true;
	step->facts.told = step->facts.total = -1;
	wfm_page_arrived(cursor, step);
}

/*
 * The page was decoded: if it held nothing but records of the page before, as
 * did the one before that, the server ignores the page parameters and sends
 * everything each time, in any order.
 */
static void
notice_stale_page(WfmCursor *cursor, WfmStep *step)
{
	WfmPageList *pages = step->pages;

	if (cursor->page_keys == 0)
		return;
	if (cursor->page_fresh > 0)
		pages->stale = 0;
	else if (++pages->stale >= MAX_STALE_PAGES)
	{
		if (step->endpoint->paging == WFM_PAGING_LINKS || pages->total >= 0)
			fail(cursor, step, "The same page came again before all records had come.");
		else
			drop_behind(cursor, step);
	}
}

/* Take over what an answer that was not surveyed says of the list. */
static void
take_envelope(WfmCursor *cursor, WfmStep *step, const WfmEnvelope *envelope)
{
	step->facts.known = true;
	step->facts.on_page = (int64) envelope->outer_records;
	step->facts.told = envelope->records;
	step->facts.total = envelope->total_records;
	if (envelope->next_link != NULL)
		step->facts.link = MemoryContextStrdup(cursor->context,
											   envelope->next_link);
	wfm_page_arrived(cursor, step);
}

void
wfm_page_end(WfmCursor *cursor, WfmStep *step, const WfmEnvelope *envelope)
{
	if (step->page == 0)
		return;
	if (!step->facts.known)
		take_envelope(cursor, step, envelope);
	if (step->state != WFM_STEP_FAILED)
		notice_stale_page(cursor, step);
	if (step->state == WFM_STEP_FAILED)
		wfm_problem_raise(step->problem);
}
