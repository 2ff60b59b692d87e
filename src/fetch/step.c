/*
 * fetch/step.c
 *		The requests of a cursor: keys, windows, URLs.
 *
 * Windows.  The API takes at most a year, and nobody documents whether the
 * last day counts or in which zone a day begins.  So neighbouring windows
 * overlap, and each row is delivered by one of them:
 *
 * - Where the record carries the date that the window tests, a step owns a
 *   range of days, asks for a day more in front and two more behind, and
 *   rows of days that it does not own are dropped.
 * - Elsewhere a step asks for a day more behind, and a row whose key came in
 *   the neighbouring window already is dropped (fetch/seam.c).
 *
 * Either way the rows are the same for an inclusive and an exclusive server.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "fetch/pages.h"
#include "fetch/step.h"
#include "fetch/window_facts.h"
#include "http/url.h"

/* Days asked for beyond those owned. */
#define PAD_BEFORE_BY_DATE 1
#define PAD_AFTER_BY_DATE 2
#define PAD_AFTER_BY_KEY 1

/* Days that are sent lie between 1900 and 9999. */
#define FIRST_DAY_SENT (-36524)
#define LAST_DAY_SENT 2921939

bool
wfm_fetch_by_date(const WfmFetchSpec *spec)
{
	return spec->resource->window_column != NULL &&
		!spec->options->window_column_off;
}

/* Days one window can own. */
static int
days_owned(const WfmDialect *dialect, bool by_date)
{
	int			pad = by_date ? PAD_BEFORE_BY_DATE + PAD_AFTER_BY_DATE :
		PAD_AFTER_BY_KEY;

	/* from and to are widest_window_days apart at most: one day more */
	return dialect->widest_window_days + 1 - pad;
}

int64
wfm_fetch_count_calls(const WfmDialect *dialect, const WfmResource *resource,
					  const WfmEndpoint *endpoint, bool by_date, int64 nkeys,
					  DateADT first_day, DateADT last_day, double rows)
{
	int64		windows = 1;
	int			chains = 1;

	while (chains < WFM_MAX_CHAINS && endpoint->chains[chains] != NULL)
		chains++;

	if (endpoint->paging == WFM_PAGING_WINDOWS)
	{
		int64		days = (int64) last_day - first_day + 1;
		int			width = days_owned(dialect, by_date);

		windows = days <= 0 ? 0 : (days + width - 1) / width;
	}
	else if (endpoint->records_a_page > 0)
	{
		double		pages = (rows < 0 ? resource->typical_rows : rows) /
			endpoint->records_a_page;

		/* each list has a page that is not full */
		windows = chains - 1 + Max(1, (int64) ceil(pages));
		/* and here an empty one behind it */
		if (endpoint->paging == WFM_PAGING_RECORDS)
			windows += chains;
	}
	return nkeys * windows;
}

/* Append one parameter to a query string. */
static void
append_parameter(StringInfo query, const char *name, const char *value)
{
	size_t		len = strlen(value);
	size_t		need = wfm_url_encode(value, len, NULL, 0);

	appendStringInfo(query, "%c%s=", query->len == 0 ? '?' : '&', name);
	enlargeStringInfo(query, need + 1);
	wfm_url_encode(value, len, query->data + query->len, need + 1);
	query->len += need;
}

static char *
day_text(DateADT day, char *buffer)
{
	int			year,
				month,
				mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	snprintf(buffer, 9, "%04d%02d%02d", year % 10000, month, mday);
	return buffer;
}

/*
 * Append the days wanted, where a list takes such parameters but needs none.
 * Whether the last day counts is not documented, nor the zone of a day: a day
 * more is asked for at both ends.
 */
static void
append_days(StringInfo query, const WfmEndpoint *endpoint,
			const WfmFetchSpec *spec)
{
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];
		const char *format = filter->format == WFM_FORMAT_ISO_DAY ?
			"%04d-%02d-%02d" : "%04d%02d%02d";

		if (filter->until == NULL)
			continue;
		for (int end = 0; end <= 1; end++)
		{
			DateADT		day = end == 0 ? spec->least_day : spec->most_day;
			int			year,
						month,
						mday;

			if (!(end == 0 ? spec->least_given : spec->most_given) ||
				DATE_NOT_FINITE(day))
				continue;
			day += end == 0 ? -1 : 1;
			day = Min(Max(day, FIRST_DAY_SENT), LAST_DAY_SENT);
			j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
			append_parameter(query, end == 0 ? filter->parameter : filter->until,
							 psprintf(format, year, month, mday));
		}
	}
}

/* The filter's value in this step, NULL if the step has none. */
static const char *
step_value(const WfmStep *step, const WfmFetchSpec *spec, int filter)
{
	if (step->odd_keys_only)
		return NULL;
	for (int i = 0; i < spec->nkeys; i++)
	{
		if (spec->keys[i].filter == filter)
			return spec->keys[i].values[step->key_index[i]];
	}
	return NULL;
}

/* How many records a page has to hold. */
static int
page_size(const WfmStep *step, const WfmFetchSpec *spec)
{
	if (step->probe)
		return 1;
	if (spec->page_size > 0 && step->endpoint == spec->endpoint)
		return spec->page_size;
	return step->endpoint->records_a_page;
}

/* Write the step's path and parameters, and its whole URL. */
static void
build_request(WfmStep *step, const WfmFetchSpec *spec, MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	const WfmEndpoint *endpoint = step->endpoint;
	StringInfoData path;
	StringInfoData query;
	const char *hole = strstr(endpoint->path, "{}");
	char	   *fields;
	char		day[9];

	initStringInfo(&path);
	initStringInfo(&query);
	if (hole == NULL)
		appendStringInfoString(&path, endpoint->path);

	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];
		const char *value = step_value(step, spec, i);

		if (filter->place == WFM_IN_PATH && value != NULL && hole != NULL)
		{
			size_t		need = wfm_url_encode(value, strlen(value), NULL, 0);

			appendBinaryStringInfo(&path, endpoint->path, hole - endpoint->path);
			enlargeStringInfo(&path, need + 1);
			wfm_url_encode(value, strlen(value), path.data + path.len, need + 1);
			path.len += need;
			appendStringInfoString(&path, hole + 2);
		}
		else if (filter->place == WFM_IN_QUERY && filter->parameter != NULL &&
				 value != NULL)
			append_parameter(&query, filter->parameter, value);
	}

	if (step->has_window)
	{
		append_parameter(&query, "from", day_text(step->ask_first, day));
		append_parameter(&query, "to", day_text(step->ask_last, day));
	}
	if ((endpoint->flags & WFM_ENDPOINT_DETAILED) != 0 &&
		(spec->detailed || (endpoint->flags & WFM_ENDPOINT_ALWAYS_DETAILED) != 0))
		append_parameter(&query, "detailed", "true");
	fields = wfm_select_fields(spec, endpoint);
	if (fields != NULL)
		append_parameter(&query, "fields", fields);
	append_days(&query, endpoint, spec);
	if (spec->includes != NULL)
		appendStringInfo(&query, "%cincludes=%s", query.len == 0 ? '?' : '&',
						 spec->includes);
	if (endpoint->parameters != NULL)
		appendStringInfo(&query, "%c%s", query.len == 0 ? '?' : '&',
						 spec->order != NULL && endpoint == spec->endpoint ?
						 spec->order : endpoint->parameters);
	if (endpoint->chains[step->chain] != NULL)
		appendStringInfo(&query, "%c%s", query.len == 0 ? '?' : '&',
						 endpoint->chains[step->chain]);
	if (step->page_query != NULL)
	{
		resetStringInfo(&query);
		appendStringInfo(&query, "?%s", step->page_query);
	}
	else if (step->page > 0)
	{
		if (endpoint->paging != WFM_PAGING_LINKS)
			append_parameter(&query, "page", psprintf("%d", step->page));
		if (endpoint->page_size != NULL)
			append_parameter(&query, endpoint->page_size,
							 psprintf("%d", page_size(step, spec)));
	}

	step->request = psprintf("%s%s", path.data, query.data);
	step->url = psprintf("%s%s", spec->connection->api_url, step->request);
	MemoryContextSwitchTo(oldcontext);
}

/* Set the days a step owns and asks for. */
static void
set_window(WfmStep *step, const WfmFetchSpec *spec, DateADT first, DateADT last)
{
	step->has_window = true;
	step->own_first = first;
	step->own_last = last;
	if (wfm_fetch_by_date(spec))
	{
		step->ask_first = first - PAD_BEFORE_BY_DATE;
		step->ask_last = last + PAD_AFTER_BY_DATE;
	}
	else
	{
		step->ask_first = first;
		/* what the user gave as the last day is sent as it is */
		step->ask_last = spec->explicit_window && last == spec->last_day ?
			last : last + PAD_AFTER_BY_KEY;
	}
}

static WfmStep *
make_step(const WfmFetchSpec *spec, const WfmEndpoint *endpoint, int tenant,
		  const int *key_index, bool with_keys, MemoryContext context)
{
	WfmStep    *step = MemoryContextAllocZero(context, sizeof(WfmStep));

	step->tenant = tenant;
	step->page = endpoint->records_a_page > 0 ? 1 : 0;
	step->endpoint = endpoint;
	step->odd_keys_only = !with_keys;
	memcpy(step->key_index, key_index, sizeof(step->key_index));
	return step;
}

/* Append the steps of one combination of keys. */
static void
build_windows(dlist_head *steps, const WfmFetchSpec *spec,
			  const WfmEndpoint *endpoint, int tenant, const int *key_index,
			  bool with_keys, MemoryContext context)
{
	int			widest = days_owned(spec->connection->dialect,
									wfm_fetch_by_date(spec));
	DateADT		last = spec->last_day;

	if (endpoint->paging != WFM_PAGING_WINDOWS)
	{
		for (int chain = 0; chain < WFM_MAX_CHAINS; chain++)
		{
			WfmStep    *step;

			if (chain > 0 && endpoint->chains[chain] == NULL)
				break;
			step = make_step(spec, endpoint, tenant, key_index, with_keys, context);
			step->chain = chain;
			if (step->page > 0)
				step->pages = wfm_pages_create(context);
			step->probe = spec->totals && step->page > 0;
			build_request(step, spec, context);
			dlist_push_tail(steps, &step->node);
		}
		return;
	}

	while (last >= spec->first_day)
	{
		int			width = Min(widest, wfm_window_width(spec, tenant, last));
		DateADT		first = Max(spec->first_day, last - width + 1);
		WfmStep    *step = make_step(spec, endpoint, tenant, key_index, with_keys, context);

		set_window(step, spec, first, last);
		build_request(step, spec, context);
		dlist_push_tail(steps, &step->node);
		last = first - 1;
	}
}

/* Append the steps of one tenant. */
static void
build_steps_of(dlist_head *steps, const WfmFetchSpec *spec,
			   const WfmEndpoint *endpoint, int tenant, bool with_keys,
			   MemoryContext context)
{
	int			index[WFM_MAX_FILTERS] = {0};
	int			nkeys = with_keys ? spec->nkeys : 0;

	/* an empty set of values matches nothing */
	for (int i = 0; i < nkeys; i++)
	{
		if (spec->keys[i].nvalues == 0)
			return;
	}

	for (;;)
	{
		int			i;

		build_windows(steps, spec, endpoint, tenant, index, with_keys, context);

		/* next combination, the last key set running fastest */
		for (i = nkeys - 1; i >= 0; i--)
		{
			if (++index[i] < spec->keys[i].nvalues)
				break;
			index[i] = 0;
		}
		if (i < 0)
			return;
	}
}

void
wfm_steps_build(dlist_head *steps, const WfmFetchSpec *spec,
				const WfmEndpoint *endpoint, bool with_keys,
				MemoryContext context)
{
	for (int tenant = 0; tenant < Max(spec->ntenants, 1); tenant++)
		build_steps_of(steps, spec, endpoint, tenant, with_keys, context);
}

WfmStep *
wfm_step_add_page(WfmStep *after, const WfmFetchSpec *spec, int page,
				  const char *query, MemoryContext context)
{
	WfmStep    *step = make_step(spec, after->endpoint, after->tenant,
								 after->key_index, !after->odd_keys_only,
								 context);

	step->chain = after->chain;
	step->page = page;
	step->pages = after->pages;
	wfm_pages_join(step->pages, page);
	if (query != NULL)
		step->page_query = MemoryContextStrdup(context, query);
	build_request(step, spec, context);
	dlist_insert_after(&after->node, &step->node);
	return step;
}

WfmStep *
wfm_step_add_list(WfmStep *probe, const WfmFetchSpec *spec,
				  MemoryContext context)
{
	WfmStep    *step = make_step(spec, probe->endpoint, probe->tenant,
								 probe->key_index, true, context);

	step->chain = probe->chain;
	step->pages = wfm_pages_create(context);
	build_request(step, spec, context);
	dlist_insert_after(&probe->node, &step->node);
	return step;
}

void
wfm_step_forget(WfmStep *step)
{
	dlist_delete(&step->node);
	if (step->pages != NULL)
		wfm_pages_leave(step->pages);
	if (step->facts.key != NULL)
		pfree(step->facts.key);
	if (step->facts.link != NULL)
		pfree(step->facts.link);
	if (step->page_query != NULL)
		pfree(step->page_query);
	pfree(step->request);
	pfree(step->url);
	pfree(step);
}

bool
wfm_step_halve(WfmStep *step, const WfmFetchSpec *spec, MemoryContext context)
{
	WfmStep    *older;
	DateADT		first = step->own_first;
	DateADT		last = step->own_last;
	DateADT		middle;

	if (!step->has_window || first >= last)
		return false;
	middle = first + (last - first) / 2;

	older = make_step(spec, step->endpoint, step->tenant, step->key_index,
					  !step->odd_keys_only, context);
	set_window(older, spec, first, middle);
	build_request(older, spec, context);
	dlist_insert_after(&step->node, &older->node);

	set_window(step, spec, middle + 1, last);
	build_request(step, spec, context);
	step->failures = 0;
	step->halved = older->halved = true;
	return true;
}

const char *
wfm_step_path_key(const WfmStep *step, const WfmFetchSpec *spec)
{
	for (int i = 0; i < wfm_endpoint_nfilters(step->endpoint); i++)
	{
		if (step->endpoint->filters[i].place == WFM_IN_PATH)
			return step_value(step, spec, i);
	}
	return NULL;
}

bool
wfm_step_key_is_odd(const WfmStep *step, const WfmFetchSpec *spec)
{
	const char *key = wfm_step_path_key(step, spec);

	return key != NULL &&
		key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0';
}

bool
wfm_step_is_sendable(const WfmStep *step, const WfmFetchSpec *spec)
{
	const char *key = wfm_step_path_key(step, spec);

	return key == NULL || !wfm_url_segment_is_unsafe(key, strlen(key));
}
