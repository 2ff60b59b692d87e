/*
 * catalog/job.c
 *		Jobs: job.api.
 *
 * A job's number (ID) is any text the tenant chose, and is what time entries,
 * invoices and purchase orders refer to.  job.api/list holds current and
 * archived jobs of a window; whether the window tests the creation or the
 * start date is not documented, so no column of the record stands for it.
 */
#include "catalog/resources.h"

#include <stddef.h>

/* Common to both tables; the list's input columns follow in "job" alone. */
#define JOB_FIELDS \
	{"id", "ID", WFM_TYPE_TEXT, 0, WFM_FIELD_KEY, "job number, which users can edit; time entries and invoices refer to it"}, \
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the job"}, \
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"}, \
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description, may have several lines"}, \
	WFM_REFERENCE("client", "Client", WFM_XML, "client of the job"), \
	{"client_order_number", "ClientOrderNumber", WFM_TYPE_TEXT, 0, 0, "the client's order number"}, \
	{"budget", "Budget", WFM_TYPE_NUMERIC, 0, 0, "budget, an amount of money"}, \
	{"state", "State", WFM_TYPE_TEXT, 0, 0, "state, for example Planned; tenants define their own"}, \
	{"type", "Type", WFM_TYPE_TEXT, 0, 0, "category"}, \
	{"start_date", "StartDate", WFM_TYPE_DATE, 0, 0, "first day"}, \
	{"due_date", "DueDate", WFM_TYPE_DATE, 0, 0, "day it is due"}, \
	{"completed_date", "CompletedDate", WFM_TYPE_DATE, 0, 0, "day it was completed"}, \
	WFM_REFERENCE("contact", "Contact", WFM_XML, "contact at the client"), \
	WFM_REFERENCE("manager", "Manager", WFM_XML, "staff member who manages the job"), \
	WFM_REFERENCE("partner", "Partner", WFM_XML, "partner responsible"), \
	{"approved_quote_id", "ApprovedQuoteId|ApprovedQuoteID", WFM_TYPE_TEXT, WFM_CLASSIC, 0, "number of the quote that was approved"}, \
	{"approved_quote_uuid", "ApprovedQuoteUUID", WFM_TYPE_UUID, WFM_CLASSIC, 0, "key of the quote that was approved"}, \
	{"date_created_utc", "DateCreatedUtc", WFM_TYPE_TIMESTAMPTZ, WFM_CLASSIC, 0, "when it was created"}, \
	{"date_modified_utc", "DateModifiedUtc", WFM_TYPE_TIMESTAMPTZ, WFM_CLASSIC, 0, "when it was modified last"}, \
	{"internal_id", "InternalID", WFM_TYPE_TEXT, WFM_PRACTICEMANAGER, 0, "the vendor's internal number"}, \
	{"web_url", "WebUrl|WebURL", WFM_TYPE_TEXT, 0, 0, "page of the job in the application"}, \
	WFM_LIST_AT(0, "assigned", "Assigned", 0, 0, "job_assignee", "staff assigned to the job"), \
	WFM_LIST_AT(0, "tasks", "Tasks", 0, WFM_FIELD_DETAILED, "job_task", "tasks of the job"), \
	WFM_LIST_AT(0, "milestones", "Milestones", 0, WFM_FIELD_DETAILED, "job_milestone", "milestones of the job"), \
	WFM_LIST_AT(0, "notes", "Notes", 0, WFM_FIELD_DETAILED, "job_note", "notes on the job")

static const WfmField job_fields[] = {
	JOB_FIELDS,
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmField job_current_fields[] = {
	JOB_FIELDS,
	{NULL}
};

/*
 * The vendor's words: "only return jobs modified after the given date or if
 * not modified, created after the given date".
 */
#define MODIFIED \
	{"date_modified_utc", WFM_OP_SINCE, WFM_IN_QUERY, "modifiedsinceutc", WFM_FORMAT_UTC_DAY_BEFORE, WFM_GRADE_SUPERSET, false}

static const WfmEndpoint job_endpoints[] = {
	{
		.path = "job.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Job"},
		.filters = {WFM_BY("id")},
	},
	{
		.path = "job.api/client/{}",
		.dialects = WFM_UUID_KEYED,
		.flags = WFM_ENDPOINT_DETAILED,
		.scopes = {"Jobs/Job"},
		.filters = {
			{"client_uuid", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_ASSUMED, true},
		},
	},
	{
		.path = "job.api/client/{}",
		.dialects = WFM_PRACTICEMANAGER_3_0,
		.flags = WFM_ENDPOINT_DETAILED,
		.scopes = {"Jobs/Job"},
		.filters = {
			{"client_legacy_id", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_ASSUMED, true},
		},
	},
	{
		.path = "job.api/list",
		.dialects = WFM_CLASSIC,
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Jobs/Job"},
		.filters = {WFM_LISTED_FILTERS, MODIFIED},
	},
	{
		.path = "job.api/list",
		.dialects = WFM_PRACTICEMANAGER,
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Jobs/Job"},
		.filters = {WFM_LISTED_FILTERS},
	},
	{NULL}
};

static const WfmEndpoint job_current_endpoints[] = {
	{
		.path = "job.api/current",
		.dialects = WFM_CLASSIC,
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Jobs/Job"},
		.filters = {MODIFIED},
	},
	{
		.path = "job.api/current",
		.dialects = WFM_PRACTICEMANAGER,
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Jobs/Job"},
	},
	{NULL}
};

const WfmResource wfm_resource_job = {
	.name = "job",
	.comment = "jobs, current and archived",
	.dialects = WFM_XML,
	.fields = job_fields,
	.endpoints = job_endpoints,
	.typical_rows = 2000,
};

const WfmResource wfm_resource_job_current = {
	.name = "job_current",
	.comment = "jobs that the application calls current: neither completed nor archived",
	.dialects = WFM_XML,
	.fields = job_current_fields,
	.endpoints = job_current_endpoints,
	.typical_rows = 300,
};
