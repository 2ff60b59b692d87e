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
	{"client_uuid", "Client/UUID", WFM_TYPE_UUID, 0, 0, "client of the job"}, \
	{"client_name", "Client/Name", WFM_TYPE_TEXT, 0, 0, "name of the client"}, \
	{"client_order_number", "ClientOrderNumber", WFM_TYPE_TEXT, 0, 0, "the client's order number"}, \
	{"budget", "Budget", WFM_TYPE_NUMERIC, 0, 0, "budget, an amount of money"}, \
	{"state", "State", WFM_TYPE_TEXT, 0, 0, "state, for example Planned; tenants define their own"}, \
	{"type", "Type", WFM_TYPE_TEXT, 0, 0, "category"}, \
	{"start_date", "StartDate", WFM_TYPE_DATE, 0, 0, "first day"}, \
	{"due_date", "DueDate", WFM_TYPE_DATE, 0, 0, "day it is due"}, \
	{"completed_date", "CompletedDate", WFM_TYPE_DATE, 0, 0, "day it was completed"}, \
	{"contact_uuid", "Contact/UUID", WFM_TYPE_UUID, 0, 0, "contact at the client"}, \
	{"contact_name", "Contact/Name", WFM_TYPE_TEXT, 0, 0, "name of the contact"}, \
	{"manager_uuid", "Manager/UUID", WFM_TYPE_UUID, 0, 0, "staff member who manages the job"}, \
	{"manager_name", "Manager/Name", WFM_TYPE_TEXT, 0, 0, "name of the manager"}, \
	{"partner_uuid", "Partner/UUID", WFM_TYPE_UUID, 0, 0, "partner responsible"}, \
	{"partner_name", "Partner/Name", WFM_TYPE_TEXT, 0, 0, "name of the partner"}, \
	{"date_created_utc", "DateCreatedUtc", WFM_TYPE_TIMESTAMPTZ, WFM_WORKFLOWMAX_3_0, 0, "when it was created"}, \
	{"date_modified_utc", "DateModifiedUtc", WFM_TYPE_TIMESTAMPTZ, WFM_WORKFLOWMAX_3_0, 0, "when it was last modified"}, \
	{"approved_quote_id", "ApprovedQuoteId|ApprovedQuoteID", WFM_TYPE_TEXT, WFM_WORKFLOWMAX_3_0, 0, "number of the approved quote"}, \
	{"approved_quote_uuid", "ApprovedQuoteUUID", WFM_TYPE_UUID, WFM_WORKFLOWMAX_3_0, 0, "key of the approved quote"}, \
	{"internal_id", "InternalID", WFM_TYPE_TEXT, WFM_PRACTICEMANAGER, 0, "the vendor's internal number"}, \
	{"web_url", "WebUrl|WebURL", WFM_TYPE_TEXT, 0, 0, "page of the job in the application"}

static const WfmField job_fields[] = {
	JOB_FIELDS,
	{"_listed_from", NULL, WFM_TYPE_DATE, 0, WFM_FIELD_INPUT,
	"input only: first day of the list's window, whichever date the API tests"},
	{"_listed_to", NULL, WFM_TYPE_DATE, 0, WFM_FIELD_INPUT,
	"input only: last day of the list's window"},
	{NULL}
};

static const WfmField job_current_fields[] = {
	JOB_FIELDS,
	{NULL}
};

static const WfmEndpoint job_endpoints[] = {
	{
		.path = "job.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Job"},
		.filters = {
			{"id", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true},
		},
	},
	{
		.path = "job.api/client/{}",
		.scopes = {"Jobs/Job"},
		.filters = {
			{"client_uuid", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_ASSUMED, true},
		},
	},
	{
		.path = "job.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Jobs/Job"},
		.filters = {
			{"_listed_from", WFM_OP_EQUAL, WFM_WINDOW_FROM, "from", WFM_FORMAT_DAY, WFM_GRADE_EXACT, false},
			{"_listed_to", WFM_OP_EQUAL, WFM_WINDOW_TO, "to", WFM_FORMAT_DAY, WFM_GRADE_EXACT, false},
		},
	},
	{NULL}
};

static const WfmEndpoint job_current_endpoints[] = {
	{
		.path = "job.api/current",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Jobs/Job"},
	},
	{NULL}
};

const WfmResource wfm_resource_job = {
	.name = "job",
	.comment = "jobs, current and archived",
	.dialects = WFM_XERO,
	.fields = job_fields,
	.endpoints = job_endpoints,
	.typical_rows = 2000,
};

const WfmResource wfm_resource_job_current = {
	.name = "job_current",
	.comment = "jobs that the application calls current: neither completed nor archived",
	.dialects = WFM_XERO,
	.fields = job_current_fields,
	.endpoints = job_current_endpoints,
	.typical_rows = 300,
};
