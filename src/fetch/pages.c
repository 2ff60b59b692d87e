/*
 * fetch/pages.c
 *		Lists that come in pages: which page is next, and which is the last.
 *
 * A page less full than was asked for is not taken for the last one, since the
 * most that a server gives is documented nowhere.  Where the API tells how
 * many records there are, the remaining pages are asked for at once; elsewhere
 * a list ends with an empty page, or with one that begins as the page before
 * did: some servers ignore the page parameters and send everything each time.
 * Records may shift from one page to the next while pages are read, so the
 * keys of neighbouring pages are compared (fetch/seam.c).
 */
#include "postgres.h"

#include "base/compat.h"
#include "fetch/cursor_private.h"

/* More pages than this are taken for a server gone mad. */
#define MAX_PAGES 100000

/* Longest query that a link may have. */
#define MAX_LINK_QUERY 4096

static void
forget(char **key)
{
	if (*key != NULL)
		pfree(*key);
	*key = NULL;
}

void
wfm_page_begin(WfmCursor *cursor, const WfmStep *step)
{
	cursor->page_repeated = false;
	if (step->page == 0)
		return;
	if (step->page == 1)
	{
		forget(&cursor->first_key);
		forget(&cursor->page_key);
		cursor->chain_records = 0;
		cursor->chain_total = -1;
		cursor->chain_pages = 1;
	}
	forget(&cursor->first_key);
	cursor->first_key = cursor->page_key;
	cursor->page_key = NULL;
	if (cursor->seam != NULL)
		wfm_seam_begin(cursor->seam, step->page > 1);
}

bool
wfm_page_take(WfmCursor *cursor, const WfmStep *step, const WfmRecord *record)
{
	const WfmValue *key;

	if (step->page == 0 || cursor->key_field < 0)
		return true;
	key = &record->values[cursor->key_field];
	if (cursor->page_key == NULL)
	{
		cursor->page_key = MemoryContextAlloc(cursor->context, key->len + 1);
		if (key->len > 0)
			memcpy(cursor->page_key, key->data, key->len);
		cursor->page_key[key->len] = '\0';
		cursor->page_repeated = cursor->first_key != NULL && key->len > 0 &&
			strcmp(cursor->first_key, cursor->page_key) == 0;
	}
	if (cursor->page_repeated)
		return false;
	return key->data == NULL || cursor->seam == NULL ||
		!wfm_seam_is_double(cursor->seam, key->data, key->len);
}

/* Raise an error about a list whose pages do not fit together. */
pg_noreturn static void
bad_pages(const WfmCursor *cursor, const WfmStep *step, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("pages of a list of connection \"%s\" do not end",
					cursor->spec->connection->name),
			 errdetail("Foreign table \"%s\", request: GET %s %s.  %s",
					   cursor->spec->table_name,
					   cursor->spec->connection->dialect->name,
					   step->request, detail)));
}

/*
 * The query string of a link to the next page.  Its host and path are not
 * looked at: the request goes where the others went.
 */
static char *
link_query(WfmCursor *cursor, const WfmStep *step, const char *link)
{
	const char *query = strchr(link, '?');
	size_t		len;

	if (query == NULL)
		bad_pages(cursor, step, "The link to the next page has no parameters.");
	query++;
	len = strcspn(query, "#");
	if (len == 0 || len > MAX_LINK_QUERY)
		bad_pages(cursor, step, "The link to the next page is unusable.");
	for (size_t i = 0; i < len; i++)
	{
		if (query[i] <= ' ' || query[i] >= 127 || query[i] == '"' ||
			query[i] == '<' || query[i] == '>' || query[i] == '\\')
			bad_pages(cursor, step, "The link to the next page is unusable.");
	}
	if (step->page_query != NULL && strlen(step->page_query) == len &&
		memcmp(step->page_query, query, len) == 0)
		bad_pages(cursor, step, "The link to the next page leads to the same page.");
	return pnstrdup(query, len);
}

/* Ask for the pages after this one, as far as their number is known. */
static void
ask_for_more(WfmCursor *cursor, WfmStep *step, int64 on_page)
{
	int			last = step->page + 1;
	WfmStep    *after = step;

	if (cursor->chain_total >= 0 && on_page > 0)
	{
		int64		missing = cursor->chain_total - cursor->chain_records;
		int64		more = (missing + on_page - 1) / on_page;

		last = (int) Min((int64) step->page + Max(more, 1), MAX_PAGES + 1);
	}
	for (int page = step->page + 1; page <= last; page++)
		after = wfm_step_add_page(after, cursor->spec, page, NULL,
								  cursor->context);
	cursor->chain_pages = last;
}

void
wfm_page_end(WfmCursor *cursor, WfmStep *step, const WfmEnvelope *envelope)
{
	int64		on_page = (int64) envelope->outer_records;

	if (step->page == 0)
		return;
	if (step->page > MAX_PAGES)
		bad_pages(cursor, step, "There are too many.");

	if (step->endpoint->paging == WFM_PAGING_LINKS)
	{
		/* an empty page may be followed by others */
		if (envelope->next_link != NULL)
			(void) wfm_step_add_page(step, cursor->spec, step->page + 1,
									 link_query(cursor, step, envelope->next_link),
									 cursor->context);
		return;
	}

	cursor->chain_records += cursor->page_repeated ? 0 : on_page;
	if (step->endpoint->paging == WFM_PAGING_PAGES && envelope->total_records >= 0)
		cursor->chain_total = envelope->total_records;

	/* the pages behind this one were asked for already */
	if (step->page < cursor->chain_pages)
		return;

	if (on_page == 0 || envelope->records == 0 || cursor->page_repeated)
	{
		if (cursor->page_repeated &&
			cursor->chain_total > cursor->chain_records)
			bad_pages(cursor, step, "The same page came again before all records had come.");
		return;
	}
	if (cursor->chain_total >= 0 && cursor->chain_records >= cursor->chain_total)
		return;
	ask_for_more(cursor, step, on_page);
}
