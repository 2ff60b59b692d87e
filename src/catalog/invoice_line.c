/*
 * catalog/invoice_line.c
 *		The lines of invoices.
 *
 * Most stand below a job of the invoice (invoice_job_task, invoice_job_cost);
 * an invoice that belongs to no job has them directly (invoice_task,
 * invoice_cost).  Costs, and the lines of other documents, have no key; the
 * specification of bluerock/1 alone gives them what a cost of the catalogue
 * has.  The lines of drafts have tables of their own, as the drafts have.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define OF_INVOICE \
	WFM_OWNER_NUMBER("invoice", "number of the invoice"), \
	{"invoice_date", "Date", WFM_TYPE_DATE, 0, 0, "day of the invoice"}

#define OF_INVOICE_ENDPOINTS(...) \
	{ \
		.path = "invoice.api/get/{}", \
		.scopes = {"Invoice", __VA_ARGS__}, \
		.filters = {WFM_BY("invoice_id")}, \
		.except_path = "Status", \
		.except_value = "Draft", \
	}, \
	{ \
		.path = "invoice.api/list", \
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, \
		.paging = WFM_PAGING_WINDOWS, \
		.scopes = {"Invoices/Invoice", __VA_ARGS__}, \
		.filters = { \
			{"invoice_date", WFM_OP_WINDOW, WFM_IN_QUERY, NULL, WFM_FORMAT_DAY, WFM_GRADE_ASSUMED, false}, \
		}, \
	}, \
	{NULL}

/* Drafts come by one request, without a window. */
#define OF_DRAFT_ENDPOINTS(...) \
	{ \
		.path = "invoice.api/draft", \
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, \
		.scopes = {"Invoices/Invoice", __VA_ARGS__}, \
	}, \
	{NULL}

#define JOB_OF_INVOICE \
	{"job_id", "ID", WFM_TYPE_TEXT, 0, 0, "number of the job", 1}

#define TASK_FIELDS_AT(depth) \
	WFM_ORDINAL_AT(depth), \
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the line; time_entry.invoice_task_uuid refers to it", depth}, \
	{"legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "integer key of the line", depth}, \
	WFM_TEXT_AT(depth, "name", "Name", "name of the task"), \
	WFM_TEXT_AT(depth, "description", "Description", "description"), \
	WFM_FIELD_AT(depth, "minutes", "Minutes", WFM_TYPE_INTEGER, "minutes"), \
	WFM_FIELD_AT(depth, "billable_rate", "BillableRate", WFM_TYPE_NUMERIC, "price of an hour"), \
	WFM_FIELD_AT(depth, "billable", "Billable", WFM_TYPE_BOOLEAN, "whether it is billable"), \
	WFM_AMOUNTS_AT(depth)

#define COST_FIELDS_AT(depth) \
	WFM_ORDINAL_AT(depth), \
	WFM_TEXT_AT(depth, "description", "Description", "description"), \
	WFM_TEXT_AT(depth, "note", "Note", "note"), \
	WFM_TEXT_AT(depth, "code", "Code", "code"), \
	WFM_FIELD_AT(depth, "billable", "Billable", WFM_TYPE_BOOLEAN, "whether it is billable"), \
	WFM_FIELD_AT(depth, "quantity", "Quantity", WFM_TYPE_NUMERIC, "quantity; may be negative"), \
	WFM_FIELD_AT(depth, "unit_cost", "UnitCost", WFM_TYPE_NUMERIC, "cost of one"), \
	WFM_FIELD_AT(depth, "unit_price", "UnitPrice", WFM_TYPE_NUMERIC, "price of one"), \
	WFM_AMOUNTS_AT(depth), \
	WFM_COST_OF_LINE_AT(depth)

#define LINES(symbol, table, words) \
	const WfmResource wfm_resource_##symbol = { \
		.name = table, \
		.comment = words, \
		.dialects = WFM_XML, \
		.fields = symbol##_fields, \
		.endpoints = symbol##_endpoints, \
		.window_column = "invoice_date", \
		.typical_rows = 6000, \
	}

/* The same lines of drafts. */
#define DRAFT_LINES(symbol, table, line, words, ...) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		OF_DRAFT_ENDPOINTS(__VA_ARGS__) \
	}; \
	const WfmResource wfm_resource_##symbol = { \
		.name = table, \
		.comment = words, \
		.dialects = WFM_XML, \
		.fields = line##_fields, \
		.endpoints = symbol##_endpoints, \
		.typical_rows = 100, \
	}

#define JOB_FIELDS(invoice) \
	OF_INVOICE, \
	WFM_ORDINAL_AT(1), \
	JOB_OF_INVOICE, \
	WFM_TEXT_AT(1, "name", "Name", "name of the job"), \
	WFM_TEXT_AT(1, "description", "Description", "description"), \
	WFM_TEXT_AT(1, "client_order_number", "ClientOrderNumber", "the client's order number"), \
	WFM_LIST_AT(1, "tasks", "Tasks", 0, 0, invoice "_job_task", "lines for work"), \
	WFM_LIST_AT(1, "costs", "Costs", 0, 0, invoice "_job_cost", "lines for costs")

static const WfmField invoice_job_fields[] = {
	JOB_FIELDS("invoice"),
	{NULL}
};

static const WfmField invoice_draft_job_fields[] = {
	JOB_FIELDS("invoice_draft"),
	{NULL}
};

static const WfmEndpoint invoice_job_endpoints[] = {
	OF_INVOICE_ENDPOINTS("Jobs/Job")
};

LINES(invoice_job, "invoice_job", "jobs on invoices");

static const WfmField invoice_job_task_fields[] = {
	OF_INVOICE,
	JOB_OF_INVOICE,
	TASK_FIELDS_AT(2),
	{NULL}
};

static const WfmEndpoint invoice_job_task_endpoints[] = {
	OF_INVOICE_ENDPOINTS("Jobs/Job", "Tasks/Task")
};

LINES(invoice_job_task, "invoice_job_task", "lines for work on jobs of invoices");

static const WfmField invoice_job_cost_fields[] = {
	OF_INVOICE,
	JOB_OF_INVOICE,
	COST_FIELDS_AT(2),
	{NULL}
};

static const WfmEndpoint invoice_job_cost_endpoints[] = {
	OF_INVOICE_ENDPOINTS("Jobs/Job", "Costs/Cost")
};

LINES(invoice_job_cost, "invoice_job_cost", "lines for costs of jobs of invoices");

static const WfmField invoice_task_fields[] = {
	OF_INVOICE,
	TASK_FIELDS_AT(1),
	{NULL}
};

static const WfmEndpoint invoice_task_endpoints[] = {
	OF_INVOICE_ENDPOINTS("Tasks/Task")
};

LINES(invoice_task, "invoice_task", "lines for work on invoices that belong to no job");

static const WfmField invoice_cost_fields[] = {
	OF_INVOICE,
	COST_FIELDS_AT(1),
	{NULL}
};

static const WfmEndpoint invoice_cost_endpoints[] = {
	OF_INVOICE_ENDPOINTS("Costs/Cost")
};

LINES(invoice_cost, "invoice_cost", "lines for costs on invoices that belong to no job");

/* ---------- lines of drafts ---------- */

DRAFT_LINES(invoice_draft_job, "invoice_draft_job", invoice_draft_job,
			"jobs on drafts of invoices", "Jobs/Job");
DRAFT_LINES(invoice_draft_job_task, "invoice_draft_job_task", invoice_job_task,
			"lines for work on jobs of drafts of invoices", "Jobs/Job", "Tasks/Task");
DRAFT_LINES(invoice_draft_job_cost, "invoice_draft_job_cost", invoice_job_cost,
			"lines for costs of jobs of drafts of invoices", "Jobs/Job", "Costs/Cost");
DRAFT_LINES(invoice_draft_task, "invoice_draft_task", invoice_task,
			"lines for work on drafts of invoices that belong to no job", "Tasks/Task");
DRAFT_LINES(invoice_draft_cost, "invoice_draft_cost", invoice_cost,
			"lines for costs on drafts of invoices that belong to no job", "Costs/Cost");
