/*
 * catalog/invoice.c
 *		Invoices: invoice.api.  Their lines are in invoice_line.c.
 *
 * invoice.api/list delivers what was issued, invoice.api/draft the drafts, and
 * a get either, so a get for table "invoice" leaves drafts out.  The window is
 * assumed to test the invoice's own date.
 */
#include "catalog/resources.h"

#include <stddef.h>

/* invoice: "invoice", or "invoice_draft", whose lines have their own tables. */
#define INVOICE_FIELDS(invoice) \
	{"id", "ID", WFM_TYPE_TEXT, 0, WFM_FIELD_KEY, "invoice number, which users can edit"}, \
	{"uuid", "UUID|InternalUUID", WFM_TYPE_UUID, 0, 0, "key of the invoice"}, \
	{"type", "Type", WFM_TYPE_TEXT, 0, 0, "Progress Invoice, Final Invoice, Miscellaneous, ..."}, \
	{"status", "Status", WFM_TYPE_TEXT, 0, 0, "Approved, Paid, Draft, Cancelled"}, \
	{"job_text", "JobText", WFM_TYPE_TEXT, 0, 0, "number of the job as text; an invoice may be for several, see invoice_job"}, \
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"}, \
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day of the invoice"}, \
	{"due_date", "DueDate", WFM_TYPE_DATE, 0, 0, "day it is due"}, \
	WFM_AMOUNTS_AT(0), \
	{"amount_paid", "AmountPaid", WFM_TYPE_NUMERIC, 0, 0, "amount paid"}, \
	{"amount_outstanding", "AmountOutstanding", WFM_TYPE_NUMERIC, 0, 0, "amount still to be paid"}, \
	WFM_REFERENCE("client", "Client", WFM_XML, "client"), \
	WFM_REFERENCE("contact", "Contact", WFM_XML, "contact at the client"), \
	WFM_LIST_AT(0, "jobs", "Jobs", 0, WFM_FIELD_DETAILED, invoice "_job", "jobs on the invoice, with their lines"), \
	WFM_LIST_AT(0, "tasks", "Tasks", 0, WFM_FIELD_DETAILED, invoice "_task", "lines for work that belong to no job"), \
	WFM_LIST_AT(0, "costs", "Costs", 0, WFM_FIELD_DETAILED, invoice "_cost", "lines for costs that belong to no job")

static const WfmField invoice_fields[] = {
	INVOICE_FIELDS("invoice"),
	{"_job_id", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_INPUT, "input only: invoices of the job with this number"},
	{NULL}
};

static const WfmField invoice_draft_fields[] = {
	INVOICE_FIELDS("invoice_draft"),
	{NULL}
};

static const WfmEndpoint invoice_endpoints[] = {
	{
		.path = "invoice.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Invoice"},
		.filters = {WFM_BY("id")},
		.except_path = "Status",
		.except_value = "Draft",
	},
	{
		.path = "invoice.api/job/{}",
		.flags = WFM_ENDPOINT_DETAILED,
		.scopes = {"Invoices/Invoice"},
		.filters = {WFM_BY("_job_id")},
		.lacks = {"jobs", "tasks", "costs"},
		.except_path = "Status",
		.except_value = "Draft",
	},
	{
		.path = "invoice.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Invoices/Invoice"},
		.filters = {
			{"date", WFM_OP_WINDOW, WFM_IN_QUERY, NULL, WFM_FORMAT_DAY, WFM_GRADE_ASSUMED, false},
		},
	},
	{NULL}
};

static const WfmEndpoint invoice_draft_endpoints[] = {
	{
		.path = "invoice.api/draft",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Invoices/Invoice"},
	},
	{NULL}
};

const WfmResource wfm_resource_invoice = {
	.name = "invoice",
	.comment = "invoices that were issued; drafts are in invoice_draft",
	.dialects = WFM_XML,
	.fields = invoice_fields,
	.endpoints = invoice_endpoints,
	.window_column = "date",
	.typical_rows = 3000,
};

const WfmResource wfm_resource_invoice_draft = {
	.name = "invoice_draft",
	.comment = "drafts of invoices",
	.dialects = WFM_XML,
	.fields = invoice_draft_fields,
	.endpoints = invoice_draft_endpoints,
	.typical_rows = 50,
};

static const WfmField payment_fields[] = {
	{"invoice_id", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "number of the invoice"},
	WFM_ORDINAL_AT(0),
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day of the payment"},
	{"amount", "Amount", WFM_TYPE_NUMERIC, 0, 0, "amount"},
	{"reference", "Reference", WFM_TYPE_TEXT, 0, 0, "reference"},
	{NULL}
};

static const WfmEndpoint payment_endpoints[] = {
	{
		.path = "invoice.api/payments/{}",
		.scopes = {"Payments/Payment"},
		.filters = {WFM_BY_PARENT("invoice_id", "invoice", "id")},
	},
	{NULL}
};

const WfmResource wfm_resource_invoice_payment = {
	.name = "invoice_payment",
	.comment = "payments of invoices: one call for each invoice",
	.dialects = WFM_XML,
	.fields = payment_fields,
	.endpoints = payment_endpoints,
	.typical_rows = 3000,
	.costly = true,
};
