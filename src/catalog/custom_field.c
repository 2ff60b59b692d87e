/*
 * catalog/custom_field.c
 *		Custom fields: their definitions (customfield.api), and their values,
 *		which are one call for each record that may have some.
 *
 * A value stands in one of five elements by its kind.  Fields without a value
 * are left out, an unticked checkbox too.  Decimals may come with thousands
 * commas.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define USE(column, element, who, what) \
	{column, element, WFM_TYPE_BOOLEAN, who, 0, "whether " what " have it"}

static const WfmField definition_fields[] = {
	WFM_IDENTITY("custom field"),
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"},
	{"type", "Type", WFM_TYPE_TEXT, 0, 0, "Text, Decimal, Date, Dropdown List, Value Link, ..."},
	{"value_element", "ValueElement", WFM_TYPE_TEXT, 0, 0, "kind of its values: Text, Decimal, Number, Boolean, Date"},
	{"link_url", "LinkUrl|LinkURL", WFM_TYPE_TEXT, 0, 0, "address of a Value Link"},
	{"options", "Options", WFM_TYPE_TEXT, 0, 0, "choices of a Dropdown List"},
	{"mandatory", "Mandatory", WFM_TYPE_BOOLEAN, WFM_BLUEROCK_1, 0, "whether a value has to be given"},
	USE("use_client", "UseClient", 0, "clients"),
	USE("use_contact", "UseContact", 0, "contacts"),
	USE("use_supplier", "UseSupplier", WFM_UUID_KEYED, "suppliers"),
	USE("use_job", "UseJob", 0, "jobs"),
	USE("use_lead", "UseLead", 0, "leads"),
	USE("use_job_task", "UseJobTask", 0, "tasks of jobs"),
	USE("use_job_cost", "UseJobCost", 0, "costs of jobs"),
	USE("use_job_time", "UseJobTime", 0, "time entries"),
	USE("use_quote", "UseQuote", WFM_BLUEROCK_1, "quotes"),
	{NULL}
};

static const WfmEndpoint definition_endpoints[] = {
	{
		.path = "customfield.api/get/{}",
		.dialects = WFM_PRACTICEMANAGER_3_1,
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"CustomFieldDefinition"},
		.filters = {WFM_BY("uuid")},
	},
	{
		.path = "customfield.api/get/{}",
		.dialects = WFM_PRACTICEMANAGER_3_0,
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"CustomFieldDefinition"},
		.filters = {WFM_BY("legacy_id")},
	},
	{
		.path = "customfield.api/definition",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"CustomFieldDefinitions/CustomFieldDefinition"},
	},
	{NULL}
};

const WfmResource wfm_resource_custom_field = {
	.name = "custom_field",
	.comment = "definitions of custom fields",
	.dialects = WFM_XML,
	.fields = definition_fields,
	.endpoints = definition_endpoints,
	.typical_rows = 20,
};

/* ---------- values ---------- */

#define VALUE_FIELDS \
	{"field_uuid", "UUID", WFM_TYPE_UUID, WFM_UUID_KEYED, WFM_FIELD_KEY, "custom field"}, \
	{"field_uuid", "UUID", WFM_TYPE_UUID, WFM_PRACTICEMANAGER_3_0, 0, "custom field, where told"}, \
	{"field_legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, WFM_FIELD_KEY, "custom field, by its integer key"}, \
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the custom field"}, \
	{"type", "Text|Decimal|Number|Boolean|Date", WFM_TYPE_TEXT, 0, WFM_FIELD_WHICH, "kind of the value: Text, Decimal, Number, Boolean, Date"}, \
	{"value", "Text|Decimal|Number|Boolean|Date", WFM_TYPE_TEXT, 0, 0, "the value as it came, of whichever kind"}, \
	{"value_text", "Text", WFM_TYPE_TEXT, 0, 0, "value of kind Text"}, \
	{"value_decimal", "Decimal", WFM_TYPE_NUMERIC, 0, WFM_FIELD_COMMAS, "value of kind Decimal"}, \
	{"value_number", "Number", WFM_TYPE_NUMERIC, 0, WFM_FIELD_COMMAS, "value of kind Number"}, \
	{"value_boolean", "Boolean", WFM_TYPE_BOOLEAN, 0, 0, "value of kind Boolean; an unticked one may be missing"}, \
	{"value_date", "Date", WFM_TYPE_DATE, 0, 0, "value of kind Date"}

/* Values of records with a UUID, or an integer on practicemanager/3.0. */
#define VALUES(symbol, table, who, where, column, parent, what) \
	static const WfmField symbol##_fields[] = { \
		{column "uuid", NULL, WFM_TYPE_UUID, WFM_UUID_KEYED, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, what}, \
		{column "legacy_id", NULL, WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, what ", by its integer key"}, \
		VALUE_FIELDS, \
		{NULL} \
	}; \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = where, \
			.dialects = WFM_UUID_KEYED, \
			.scopes = {"CustomFields/CustomField"}, \
			.filters = {WFM_BY_PARENT(column "uuid", parent, "uuid")}, \
		}, \
		{ \
			.path = where, \
			.dialects = WFM_PRACTICEMANAGER_3_0, \
			.scopes = {"CustomFields/CustomField"}, \
			.filters = {WFM_BY_PARENT(column "legacy_id", parent, "legacy_id")}, \
		}, \
		{NULL} \
	}; \
	const WfmResource wfm_resource_##symbol = { \
		.name = table, \
		.comment = "values of custom fields, one call for each " what, \
		.dialects = who, \
		.fields = symbol##_fields, \
		.endpoints = symbol##_endpoints, \
		.typical_rows = 1000, \
		.costly = true, \
	}

VALUES(client_custom_field, "client_custom_field", WFM_XML,
	   "client.api/get/{}/customfield", "client_", "client", "client");
VALUES(client_contact_custom_field, "client_contact_custom_field", WFM_XML,
	   "client.api/contact/{}/customfield", "contact_", "client_contact", "contact");
VALUES(job_task_custom_field, "job_task_custom_field", WFM_XML,
	   "job.api/task/{}/customfield", "job_task_", "job_task", "task of a job");
VALUES(job_cost_custom_field, "job_cost_custom_field", WFM_XML,
	   "job.api/cost/{}/customfield", "job_cost_", "job_cost", "cost of a job");
VALUES(time_entry_custom_field, "time_entry_custom_field", WFM_XML,
	   "time.api/get/{}/customfield", "time_entry_", "time_entry", "time entry");
VALUES(supplier_custom_field, "supplier_custom_field", WFM_CLASSIC,
	   "supplier.api/get/{}/customfield", "supplier_", "supplier", "supplier");
VALUES(supplier_contact_custom_field, "supplier_contact_custom_field", WFM_CLASSIC,
	   "supplier.api/contact/{}/customfield", "contact_", "supplier_contact", "contact of a supplier");
VALUES(lead_custom_field, "lead_custom_field", WFM_CLASSIC,
	   "lead.api/get/{}/customfield", "lead_", "lead", "lead");
VALUES(quote_custom_field, "quote_custom_field", WFM_BLUEROCK_1,
	   "quote.api/get/{}/customfield", "quote_", "quote", "quote");

static const WfmField job_custom_field_fields[] = {
	{"job_id", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "number of the job"},
	VALUE_FIELDS,
	{NULL}
};

static const WfmEndpoint job_custom_field_endpoints[] = {
	{
		.path = "job.api/get/{}/customfield",
		.scopes = {"CustomFields/CustomField"},
		.filters = {WFM_BY_PARENT("job_id", "job", "id")},
	},
	{NULL}
};

const WfmResource wfm_resource_job_custom_field = {
	.name = "job_custom_field",
	.comment = "values of custom fields, one call for each job",
	.dialects = WFM_XML,
	.fields = job_custom_field_fields,
	.endpoints = job_custom_field_endpoints,
	.typical_rows = 1000,
	.costly = true,
};
