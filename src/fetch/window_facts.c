/*
 * fetch/window_facts.c
 *		What answers taught about the time windows of a tenant's list.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "fetch/learnt.h"
#include "fetch/window_facts.h"

const char *
wfm_window_tenant(const WfmFetchSpec *spec, int tenant)
{
	if (spec->ntenants > 0)
		return spec->tenants[tenant];
	if (spec->options->tenant_id != NULL)
		return spec->options->tenant_id;
	return spec->connection->tenant_id != NULL ? spec->connection->tenant_id : "";
}

/* What names a fact of the tenant's list. */
static uint64
name_of(WfmLearntKind kind, const WfmFetchSpec *spec, int tenant)
{
	uint64		name = wfm_learnt_name(kind);

	name = wfm_learnt_add_text(name, spec->connection->name);
	name = wfm_learnt_add_text(name, wfm_window_tenant(spec, tenant));
	return wfm_learnt_add_text(name, spec->resource->name);
}

/* ---------- verdicts ---------- */

void
wfm_window_judge(const WfmFetchSpec *spec, int tenant, bool wrong)
{
	uint64		name = name_of(WFM_LEARNT_WINDOW_VERDICT, spec, tenant);

	if (wrong || wfm_window_is_wrong(spec, tenant))
		wfm_learnt_keep(name, wrong ? 1 : 0);
}

bool
wfm_window_is_wrong(const WfmFetchSpec *spec, int tenant)
{
	uint32		wrong;

	return wfm_learnt_recall(name_of(WFM_LEARNT_WINDOW_VERDICT, spec, tenant), &wrong) &&
		wrong != 0;
}

/* ---------- widths ---------- */

/* A width with the hour it was learnt in; both fit into 16 bits. */
#define WIDTH_BITS 16
#define WIDTH_MASK ((1 << WIDTH_BITS) - 1)

/* An hour's number, which starts anew after seven years. */
static uint32
this_hour(void)
{
	return (uint32) (GetCurrentTimestamp() / USECS_PER_HOUR) & WIDTH_MASK;
}

static uint64
name_of_width(const WfmFetchSpec *spec, int tenant, DateADT last_day)
{
	int			year,
				month,
				day;

	j2date(last_day + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return wfm_learnt_add_number(name_of(WFM_LEARNT_WINDOW_WIDTH, spec, tenant), year);
}

int
wfm_window_width(const WfmFetchSpec *spec, int tenant, DateADT last_day)
{
	uint32		number;
	int			days;

	if (!wfm_learnt_recall(name_of_width(spec, tenant, last_day), &number) ||
		((this_hour() - (number >> WIDTH_BITS)) & WIDTH_MASK) >= WFM_WINDOW_WIDTH_HOURS)
		return INT_MAX;
	days = number & WIDTH_MASK;

	/* another fact in its place: no window can be that narrow */
	return days > 0 ? days : INT_MAX;
}

void
wfm_window_learn_width(const WfmFetchSpec *spec, int tenant, DateADT last_day,
					   int days)
{
	if (days > 0 && days <= WIDTH_MASK &&
		days < wfm_window_width(spec, tenant, last_day))
		wfm_learnt_keep(name_of_width(spec, tenant, last_day),
						this_hour() << WIDTH_BITS | days);
}
