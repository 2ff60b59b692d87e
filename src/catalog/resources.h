/*
 * catalog/resources.h
 *		The resources' tables, one file for each family, and the shorthands
 *		they are written with.
 */
#ifndef WFM_CATALOG_RESOURCES_H
#define WFM_CATALOG_RESOURCES_H

#include "catalog/resource.h"

/* Sets of dialects. */
#define WFM_PRACTICEMANAGER (WFM_PRACTICEMANAGER_3_0 | WFM_PRACTICEMANAGER_3_1)
#define WFM_XERO (WFM_WORKFLOWMAX_3_0 | WFM_PRACTICEMANAGER)
#define WFM_CLASSIC (WFM_WORKFLOWMAX_3_0 | WFM_BLUEROCK_1)
#define WFM_XML (WFM_XERO | WFM_BLUEROCK_1)
#define WFM_UUID_KEYED (WFM_CLASSIC | WFM_PRACTICEMANAGER_3_1)

/*
 * The keys of a record: a UUID, and on practicemanager/3.0 an integer beside
 * it, which identifies there, since old records come without their UUID.
 */
#define WFM_IDENTITY_AT(depth, what) \
	{"uuid", "UUID", WFM_TYPE_UUID, WFM_UUID_KEYED, WFM_FIELD_KEY, "key of the " what, depth}, \
	{"uuid", "UUID", WFM_TYPE_UUID, WFM_PRACTICEMANAGER_3_0, 0, "key of the " what " in later APIs, where told", depth}, \
	{"legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, WFM_FIELD_KEY, "integer key of the " what, depth}
#define WFM_IDENTITY(what) WFM_IDENTITY_AT(0, what)

/* A reference to another record becomes its key and its name. */
#define WFM_REFERENCE_AT(depth, column, element, who, what) \
	{column "_uuid", element "/UUID", WFM_TYPE_UUID, who, 0, what, depth}, \
	{column "_legacy_id", element "/ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, what ", by its integer key", depth}, \
	{column "_name", element "/Name", WFM_TYPE_TEXT, who, 0, "name of the " what, depth}
#define WFM_REFERENCE(column, element, who, what) \
	WFM_REFERENCE_AT(0, column, element, who, what)

/* The same where practicemanager/3.0 does not have it. */
#define WFM_REFERENCE_UUID_AT(depth, column, element, who, what) \
	{column "_uuid", element "/UUID", WFM_TYPE_UUID, who, 0, what, depth}, \
	{column "_name", element "/Name", WFM_TYPE_TEXT, who, 0, "name of the " what, depth}

/* The keys of the record that a list stands in. */
#define WFM_OWNER_UUID(column, what) \
	{column "_uuid", "UUID", WFM_TYPE_UUID, WFM_UUID_KEYED, WFM_FIELD_KEY, what}, \
	{column "_uuid", "UUID", WFM_TYPE_UUID, WFM_PRACTICEMANAGER_3_0, 0, what ", where told"}, \
	{column "_legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, WFM_FIELD_KEY, what ", by its integer key"}
#define WFM_OWNER_NUMBER(column, what) \
	{column "_id", "ID", WFM_TYPE_TEXT, 0, WFM_FIELD_KEY, what}
#define WFM_ORDINAL_AT(depth) \
	{"ordinal", NULL, WFM_TYPE_INTEGER, 0, WFM_FIELD_ORDINAL | WFM_FIELD_KEY, "position in the list, from 1", depth}

/* Columns of one type at a depth. */
#define WFM_TEXT_AT(depth, column, element, what) \
	{column, element, WFM_TYPE_TEXT, 0, 0, what, depth}
#define WFM_FIELD_AT(depth, column, element, sqltype, what) \
	{column, element, sqltype, 0, 0, what, depth}

/* Three amounts that come together. */
#define WFM_AMOUNTS_AT(depth) \
	{"amount", "Amount", WFM_TYPE_NUMERIC, 0, 0, "amount without tax", depth}, \
	{"amount_tax", "AmountTax", WFM_TYPE_NUMERIC, 0, 0, "tax", depth}, \
	{"amount_including_tax", "AmountIncludingTax", WFM_TYPE_NUMERIC, 0, 0, "amount with tax", depth}

/* What a line for a cost has of the catalogue's cost, on bluerock/1 alone. */
#define WFM_COST_OF_LINE_AT(depth) \
	{"cost_uuid", "UUID", WFM_TYPE_UUID, WFM_BLUEROCK_1, 0, "cost of the catalogue", depth}, \
	{"income_account", "IncomeAccount", WFM_TYPE_TEXT, WFM_BLUEROCK_1, 0, "income account", depth}, \
	{"cost_of_sale_account", "CostOfSaleAccount", WFM_TYPE_TEXT, WFM_BLUEROCK_1, 0, "cost of sale account", depth}, \
	WFM_REFERENCE_UUID_AT(depth, "supplier", "Supplier", WFM_BLUEROCK_1, "supplier")

/* A list of the record, as jsonb, and the table it also is. */
#define WFM_LIST_AT(depth, column, element, who, more, table, what) \
	{column, element, WFM_TYPE_JSONB, who, WFM_FIELD_NESTED | (more), what, depth, table}

/* The window of a list, when no column of the record stands for it. */
#define WFM_LISTED_FIELDS \
	{"_listed_from", NULL, WFM_TYPE_DATE, 0, WFM_FIELD_INPUT, "input only: first day of the list's window, whichever date the API tests"}, \
	{"_listed_to", NULL, WFM_TYPE_DATE, 0, WFM_FIELD_INPUT, "input only: last day of the list's window"}
#define WFM_LISTED_FILTERS \
	{"_listed_from", WFM_OP_EQUAL, WFM_WINDOW_FROM, "from", WFM_FORMAT_DAY, WFM_GRADE_EXACT, false}, \
	{"_listed_to", WFM_OP_EQUAL, WFM_WINDOW_TO, "to", WFM_FORMAT_DAY, WFM_GRADE_EXACT, false}

/* Where a macro takes filters and there are none. */
#define WFM_NO_FILTER {NULL}

/* A column's value in the path of the request. */
#define WFM_BY(column) \
	{column, WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true}
#define WFM_BY_PARENT(column, table, table_column) \
	{column, WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true, table, table_column}

/* A get by UUID, and by the integer where that is the key. */
#define WFM_GET_BY(where, column, ...) \
	{ \
		.path = where, \
		.dialects = WFM_UUID_KEYED, \
		.flags = WFM_ENDPOINT_SINGLE, \
		.scopes = {__VA_ARGS__}, \
		.filters = {WFM_BY(column "uuid")}, \
	}, \
	{ \
		.path = where, \
		.dialects = WFM_PRACTICEMANAGER_3_0, \
		.flags = WFM_ENDPOINT_SINGLE, \
		.scopes = {__VA_ARGS__}, \
		.filters = {WFM_BY(column "legacy_id")}, \
	}

/* The same for the lists inside the record that a get delivers. */
#define WFM_GET_LISTS_BY(where, column, ...) \
	{ \
		.path = where, \
		.dialects = WFM_UUID_KEYED, \
		.scopes = {__VA_ARGS__}, \
		.filters = {WFM_BY(column "uuid")}, \
	}, \
	{ \
		.path = where, \
		.dialects = WFM_PRACTICEMANAGER_3_0, \
		.scopes = {__VA_ARGS__}, \
		.filters = {WFM_BY(column "legacy_id")}, \
	}

/* bluerock2.c */
extern const WfmResource wfm_resource_bluerock2_client;
extern const WfmResource wfm_resource_bluerock2_client_address;
extern const WfmResource wfm_resource_bluerock2_client_contact;
extern const WfmResource wfm_resource_bluerock2_client_note;
extern const WfmResource wfm_resource_bluerock2_client_group_member;
extern const WfmResource wfm_resource_bluerock2_client_relationship;
extern const WfmResource wfm_resource_bluerock2_client_custom_field;
extern const WfmResource wfm_resource_bluerock2_client_document;
extern const WfmResource wfm_resource_bluerock2_client_rate;
extern const WfmResource wfm_resource_bluerock2_client_tax_number;
extern const WfmResource wfm_resource_bluerock2_client_group;
extern const WfmResource wfm_resource_bluerock2_job;
extern const WfmResource wfm_resource_bluerock2_job_task;
extern const WfmResource wfm_resource_bluerock2_job_assignee;
extern const WfmResource wfm_resource_bluerock2_job_cost;
extern const WfmResource wfm_resource_bluerock2_job_note;
extern const WfmResource wfm_resource_bluerock2_job_custom_field;
extern const WfmResource wfm_resource_bluerock2_job_document;
extern const WfmResource wfm_resource_bluerock2_time_entry;
extern const WfmResource wfm_resource_bluerock2_staff;
extern const WfmResource wfm_resource_bluerock2_capacity_plan;
extern const WfmResource wfm_resource_bluerock2_lead;
extern const WfmResource wfm_resource_bluerock2_quote;
extern const WfmResource wfm_resource_bluerock2_quote_note;
extern const WfmResource wfm_resource_bluerock2_invoice;
extern const WfmResource wfm_resource_bluerock2_invoice_note;
extern const WfmResource wfm_resource_bluerock2_invoice_cost;
extern const WfmResource wfm_resource_bluerock2_invoice_payment;
extern const WfmResource wfm_resource_bluerock2_purchase_order;
extern const WfmResource wfm_resource_bluerock2_bill;
extern const WfmResource wfm_resource_bluerock2_supplier;
extern const WfmResource wfm_resource_bluerock2_supplier_contact;
extern const WfmResource wfm_resource_bluerock2_task;
extern const WfmResource wfm_resource_bluerock2_custom_field;
extern const WfmResource wfm_resource_bluerock2_account;
extern const WfmResource wfm_resource_bluerock2_role;
extern const WfmResource wfm_resource_bluerock2_tax;
extern const WfmResource wfm_resource_bluerock2_me;

/* client.c */
extern const WfmResource wfm_resource_client;
extern const WfmResource wfm_resource_client_contact;
extern const WfmResource wfm_resource_client_note;
extern const WfmResource wfm_resource_client_relationship;
extern const WfmResource wfm_resource_contact;

/* client_group.c */
extern const WfmResource wfm_resource_client_group;
extern const WfmResource wfm_resource_client_group_member;
extern const WfmResource wfm_resource_client_group_member_by_group;

/* cost.c */
extern const WfmResource wfm_resource_cost;
extern const WfmResource wfm_resource_job_cost;

/* custom_field.c */
extern const WfmResource wfm_resource_custom_field;
extern const WfmResource wfm_resource_client_custom_field;
extern const WfmResource wfm_resource_client_contact_custom_field;
extern const WfmResource wfm_resource_job_custom_field;
extern const WfmResource wfm_resource_job_task_custom_field;
extern const WfmResource wfm_resource_job_cost_custom_field;
extern const WfmResource wfm_resource_time_entry_custom_field;
extern const WfmResource wfm_resource_supplier_custom_field;
extern const WfmResource wfm_resource_supplier_contact_custom_field;
extern const WfmResource wfm_resource_lead_custom_field;
extern const WfmResource wfm_resource_quote_custom_field;

/* document.c */
extern const WfmResource wfm_resource_client_document;
extern const WfmResource wfm_resource_job_document;

/* invoice.c */
extern const WfmResource wfm_resource_invoice;
extern const WfmResource wfm_resource_invoice_draft;
extern const WfmResource wfm_resource_invoice_payment;

/* invoice_line.c */
extern const WfmResource wfm_resource_invoice_draft_cost;
extern const WfmResource wfm_resource_invoice_draft_job;
extern const WfmResource wfm_resource_invoice_draft_job_cost;
extern const WfmResource wfm_resource_invoice_draft_job_task;
extern const WfmResource wfm_resource_invoice_draft_task;
extern const WfmResource wfm_resource_invoice_job;
extern const WfmResource wfm_resource_invoice_job_task;
extern const WfmResource wfm_resource_invoice_job_cost;
extern const WfmResource wfm_resource_invoice_task;
extern const WfmResource wfm_resource_invoice_cost;

/* job.c */
extern const WfmResource wfm_resource_job;
extern const WfmResource wfm_resource_job_current;

/* job_list.c */
extern const WfmResource wfm_resource_job_assignee;
extern const WfmResource wfm_resource_job_task;
extern const WfmResource wfm_resource_job_task_assignee;
extern const WfmResource wfm_resource_job_milestone;
extern const WfmResource wfm_resource_job_note;
extern const WfmResource wfm_resource_job_note_comment;

/* lead.c */
extern const WfmResource wfm_resource_lead;
extern const WfmResource wfm_resource_lead_activity;
extern const WfmResource wfm_resource_lead_history;

/* named.c */
extern const WfmResource wfm_resource_category;
extern const WfmResource wfm_resource_job_state;
extern const WfmResource wfm_resource_lead_category;
extern const WfmResource wfm_resource_task;
extern const WfmResource wfm_resource_template;

/* purchase_order.c */
extern const WfmResource wfm_resource_purchase_order;
extern const WfmResource wfm_resource_purchase_order_draft;
extern const WfmResource wfm_resource_purchase_order_cost;
extern const WfmResource wfm_resource_purchase_order_draft_cost;

/* quote.c */
extern const WfmResource wfm_resource_quote;
extern const WfmResource wfm_resource_quote_draft;
extern const WfmResource wfm_resource_quote_task;
extern const WfmResource wfm_resource_quote_cost;
extern const WfmResource wfm_resource_quote_option;
extern const WfmResource wfm_resource_quote_draft_task;
extern const WfmResource wfm_resource_quote_draft_cost;
extern const WfmResource wfm_resource_quote_draft_option;

/* staff.c */
extern const WfmResource wfm_resource_staff;

/* supplier.c */
extern const WfmResource wfm_resource_supplier;
extern const WfmResource wfm_resource_supplier_contact;
extern const WfmResource wfm_resource_supplier_note;

/* time_entry.c */
extern const WfmResource wfm_resource_time_entry;

#endif							/* WFM_CATALOG_RESOURCES_H */
