/*
 * catalog/quote.c
 *		Quotes and estimates: quote.api, and their lines.
 *
 * As with invoices, drafts come from an endpoint of their own, and a get
 * delivers either.  Which date the window tests is not documented.
 */
#include "catalog/resources.h"

#include <stddef.h>

/* quote: "quote", or "quote_draft", whose lines have their own tables. */
#define QUOTE_FIELDS(quote) \
	{"id", "ID", WFM_TYPE_TEXT, 0, WFM_FIELD_KEY, "quote number, which users can edit"}, \
	{"uuid", "UUID", WFM_TYPE_UUID, WFM_CLASSIC, 0, "key of the quote"}, \
	{"type", "Type", WFM_TYPE_TEXT, 0, 0, "Quote or Estimate"}, \
	{"state", "State", WFM_TYPE_TEXT, 0, 0, "Draft, Issued, Accepted, ..."}, \
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"}, \
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"}, \
	{"budget", "Budget", WFM_TYPE_NUMERIC, 0, 0, "budget, an amount of money"}, \
	{"option_explanation", "OptionExplanation", WFM_TYPE_TEXT, 0, 0, "text that introduces the options"}, \
	{"lead_uuid", "LeadUUID", WFM_TYPE_UUID, WFM_CLASSIC, 0, "lead it came from"}, \
	{"job_uuid", "JobUUID", WFM_TYPE_UUID, WFM_BLUEROCK_1, 0, "job that was made of it"}, \
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day of the quote"}, \
	{"valid_date", "ValidDate", WFM_TYPE_DATE, 0, 0, "last day it is valid"}, \
	{"estimated_cost", "EstimatedCost", WFM_TYPE_NUMERIC, 0, 0, "estimated cost without tax"}, \
	{"estimated_cost_tax", "EstimatedCostTax", WFM_TYPE_NUMERIC, 0, 0, "tax on the estimated cost"}, \
	{"estimated_cost_including_tax", "EstimatedCostIncludingTax", WFM_TYPE_NUMERIC, 0, 0, "estimated cost with tax"}, \
	WFM_AMOUNTS_AT(0), \
	WFM_REFERENCE("client", "Client", WFM_XML, "client"), \
	WFM_REFERENCE("contact", "Contact", WFM_XML, "contact at the client"), \
	WFM_LIST_AT(0, "tasks", "Tasks", 0, WFM_FIELD_DETAILED, quote "_task", "lines for work"), \
	WFM_LIST_AT(0, "costs", "Costs", 0, WFM_FIELD_DETAILED, quote "_cost", "lines for costs"), \
	WFM_LIST_AT(0, "options", "Options", 0, WFM_FIELD_DETAILED, quote "_option", "optional lines")

static const WfmField quote_fields[] = {
	QUOTE_FIELDS("quote"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmField quote_draft_fields[] = {
	QUOTE_FIELDS("quote_draft"),
	{NULL}
};

static const WfmEndpoint quote_endpoints[] = {
	{
		.path = "quote.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Quote"},
		.filters = {WFM_BY("id")},
		.except_path = "State",
		.except_value = "Draft",
	},
	{
		.path = "quote.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Quotes/Quote"},
		.filters = {WFM_LISTED_FILTERS},
	},
	{NULL}
};

static const WfmEndpoint quote_draft_endpoints[] = {
	{
		.path = "quote.api/draft",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Quotes/Quote"},
	},
	{NULL}
};

const WfmResource wfm_resource_quote = {
	.name = "quote",
	.comment = "quotes and estimates; drafts are in quote_draft",
	.dialects = WFM_XML,
	.fields = quote_fields,
	.endpoints = quote_endpoints,
	.typical_rows = 1000,
};

const WfmResource wfm_resource_quote_draft = {
	.name = "quote_draft",
	.comment = "drafts of quotes and estimates",
	.dialects = WFM_XML,
	.fields = quote_draft_fields,
	.endpoints = quote_draft_endpoints,
	.typical_rows = 50,
};

/* ---------- lines ---------- */

#define OF_QUOTE \
	WFM_OWNER_NUMBER("quote", "number of the quote"), \
	{"quote_date", "Date", WFM_TYPE_DATE, 0, 0, "day of the quote"}, \
	WFM_ORDINAL_AT(1)

#define OF_QUOTE_ENDPOINTS(list) \
	{ \
		.path = "quote.api/get/{}", \
		.scopes = {"Quote", list}, \
		.filters = {WFM_BY("quote_id")}, \
		.except_path = "State", \
		.except_value = "Draft", \
	}, \
	{ \
		.path = "quote.api/list", \
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, \
		.paging = WFM_PAGING_WINDOWS, \
		.scopes = {"Quotes/Quote", list}, \
		.filters = {WFM_LISTED_FILTERS}, \
	}, \
	{NULL}

#define LINES(symbol, words, rows) \
	const WfmResource wfm_resource_##symbol = { \
		.name = #symbol, \
		.comment = words, \
		.dialects = WFM_XML, \
		.fields = symbol##_fields, \
		.endpoints = symbol##_endpoints, \
		.typical_rows = rows, \
	}

/*
 * One kind of lines, of quotes and of drafts.  The drafts come by one request
 * without a window.
 */
#define KIND_OF_LINES(kind, list, words, ...) \
	static const WfmField quote_##kind##_fields[] = { \
		__VA_ARGS__, \
		WFM_LISTED_FIELDS, \
		{NULL} \
	}; \
	static const WfmField quote_draft_##kind##_fields[] = { \
		__VA_ARGS__, \
		{NULL} \
	}; \
	static const WfmEndpoint quote_##kind##_endpoints[] = { \
		OF_QUOTE_ENDPOINTS(list) \
	}; \
	static const WfmEndpoint quote_draft_##kind##_endpoints[] = { \
		{ \
			.path = "quote.api/draft", \
			.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, \
			.scopes = {"Quotes/Quote", list}, \
		}, \
		{NULL} \
	}; \
	LINES(quote_##kind, words " of quotes", 3000); \
	LINES(quote_draft_##kind, words " of drafts of quotes", 100)

KIND_OF_LINES(task, "Tasks/Task", "lines for work",
			  OF_QUOTE,
			  WFM_TEXT_AT(1, "name", "Name", "name of the task"),
			  WFM_TEXT_AT(1, "description", "Description", "description"),
			  WFM_FIELD_AT(1, "estimated_minutes", "EstimatedMinutes", WFM_TYPE_INTEGER, "minutes estimated"),
			  WFM_FIELD_AT(1, "billable_rate", "BillableRate", WFM_TYPE_NUMERIC, "price of an hour"),
			  WFM_FIELD_AT(1, "billable", "Billable", WFM_TYPE_BOOLEAN, "whether it is billable"),
			  WFM_AMOUNTS_AT(1));

KIND_OF_LINES(cost, "Costs/Cost", "lines for costs",
			  OF_QUOTE,
			  WFM_TEXT_AT(1, "description", "Description", "description"),
			  WFM_TEXT_AT(1, "note", "Note", "note"),
			  WFM_TEXT_AT(1, "code", "Code", "code"),
			  WFM_FIELD_AT(1, "billable", "Billable", WFM_TYPE_BOOLEAN, "whether it is billable"),
			  WFM_FIELD_AT(1, "quantity", "Quantity", WFM_TYPE_NUMERIC, "quantity"),
			  WFM_FIELD_AT(1, "unit_cost", "UnitCost", WFM_TYPE_NUMERIC, "cost of one"),
			  WFM_FIELD_AT(1, "unit_price", "UnitPrice", WFM_TYPE_NUMERIC, "price of one"),
			  WFM_AMOUNTS_AT(1),
			  WFM_COST_OF_LINE_AT(1));

KIND_OF_LINES(option, "Options/Option", "optional lines",
			  OF_QUOTE,
			  WFM_TEXT_AT(1, "description", "Description", "description"),
			  WFM_TEXT_AT(1, "note", "Note", "note"),
			  WFM_TEXT_AT(1, "code", "Code", "code"),
			  WFM_FIELD_AT(1, "quantity", "Quantity", WFM_TYPE_NUMERIC, "quantity"),
			  WFM_FIELD_AT(1, "unit_cost", "UnitCost", WFM_TYPE_NUMERIC, "cost of one"),
			  WFM_FIELD_AT(1, "unit_price", "UnitPrice", WFM_TYPE_NUMERIC, "price of one"),
			  WFM_AMOUNTS_AT(1));
