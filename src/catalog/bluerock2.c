/*
 * catalog/bluerock2.c
 *		Everything of bluerock/2: REST nouns, JSON, one style of pages.
 *
 * No specification is public; names and parameters are those that public
 * clients use.  Columns are called as on the other APIs wherever they mean the
 * same.  A list's body is {"data": [...], "total": n}; older servers sent a
 * bare array or the list under its own name, so all of these are read.  A list
 * that can be ordered by creation is, so that pages do not shift.  Parts of
 * clients and jobs come when the parameter "includes" names them.
 *
 * A list of clients holds the active ones or the archived ones.  Other lists
 * are read without "status", since no client says what they leave out by it.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define TEXT(column, path, words) {column, path, WFM_TYPE_TEXT, 0, 0, words}
#define UUID(column, path, words) {column, path, WFM_TYPE_UUID, 0, 0, words}
#define FLAG(column, path, words) {column, path, WFM_TYPE_BOOLEAN, 0, 0, words}
#define NUMBER(column, path, words) {column, path, WFM_TYPE_NUMERIC, 0, 0, words}
#define MINUTES(column, path, words) {column, path, WFM_TYPE_INTEGER, 0, 0, words}
#define DAY(column, path, words) {column, path, WFM_TYPE_DATE, 0, 0, words}
#define KEY(words) {"uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, words}
#define STAMPS_AT(depth) \
	{"created_at", "createdAt", WFM_TYPE_TIMESTAMPTZ, 0, 0, "when it was created", depth}, \
	{"updated_at", "updatedAt", WFM_TYPE_TIMESTAMPTZ, 0, 0, "when it was changed last", depth}
#define STAMPS STAMPS_AT(0)

/* The same in a part of the record that has to be included. */
#define PART(part, column, path, sqltype, words) \
	{column, path, sqltype, 0, 0, words, 0, NULL, part}
#define PART_TEXT(part, column, path, words) PART(part, column, path, WFM_TYPE_TEXT, words)
#define PART_UUID(part, column, path, words) PART(part, column, path, WFM_TYPE_UUID, words)

/* A list in the record as jsonb, and the table it also is. */
#define LIST_COLUMN(part, column, path, table, words) \
	{column, path, WFM_TYPE_JSONB, 0, WFM_FIELD_NESTED, words, 0, table, part}

#define TEXT_AT WFM_TEXT_AT
#define UUID_AT(depth, column, path, words) {column, path, WFM_TYPE_UUID, 0, 0, words, depth}

/* ?updatedSince= takes a day. */
#define SINCE \
	{"updated_at", WFM_OP_SINCE, WFM_IN_QUERY, "updatedSince", WFM_FORMAT_ISO_DAY_BEFORE, WFM_GRADE_SUPERSET, false}
/*
 * Days of a list that can do without: that they test the record's date is
 * assumed.
 */
#define DAYS \
	{"date", WFM_OP_WINDOW, WFM_IN_QUERY, "startDate", WFM_FORMAT_ISO_DAY, WFM_GRADE_ASSUMED, false, NULL, NULL, "endDate"}
#define IS(column, name) \
	{column, WFM_OP_EQUAL, WFM_IN_QUERY, name, WFM_FORMAT_AS_TEXT, WFM_GRADE_SUPERSET, false}

#define PAGED \
		.flags = WFM_ENDPOINT_WHOLE, \
		.paging = WFM_PAGING_PAGES, \
		.page_size = "pageSize", \
		.records_a_page = 1000

#define RESOURCE(symbol, table, words, rows) \
	const WfmResource wfm_resource_##symbol = { \
		.name = table, \
		.comment = words, \
		.dialects = WFM_BLUEROCK_2, \
		.fields = symbol##_fields, \
		.endpoints = symbol##_endpoints, \
		.typical_rows = rows, \
	}

/* A list and its get. */
#define NOUN(symbol, noun, wrapper, ...) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = noun "/{}", \
			.flags = WFM_ENDPOINT_SINGLE, \
			.scopes = {"data|."}, \
			.filters = {WFM_BY("uuid")}, \
		}, \
		{ \
			.path = noun, \
			PAGED, \
			.scopes = {"data|" wrapper}, \
			.filters = {__VA_ARGS__}, \
		}, \
		{NULL} \
	}

/* A list without a get. */
#define LIST(symbol, noun, wrapper, ...) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = noun, \
			PAGED, \
			.scopes = {"data|" wrapper}, \
			.filters = {__VA_ARGS__}, \
		}, \
		{NULL} \
	}

/* ---------- clients ---------- */

#define CHAINS .chains = {"status=active", "status=archived"}

static const WfmField bluerock2_client_fields[] = {
	KEY("key of the client"),
	TEXT("name", "name", "name; not unique"),
	TEXT("first_name", "firstName", "first name; individuals"),
	TEXT("last_name", "lastName", "last name; individuals"),
	TEXT("other_name", "otherName", "other name; individuals"),
	PART_TEXT("contact-details", "email", "contactDetails/email", "e-mail address"),
	PART_TEXT("contact-details", "phone", "contactDetails/phone", "phone number"),
	PART_TEXT("contact-details", "fax", "contactDetails/fax", "fax number"),
	PART_TEXT("contact-details", "website", "contactDetails/website", "web site"),
	PART_TEXT("addresses", "address", "addresses/address", "street address of the first address; all are in client_address"),
	PART_TEXT("addresses", "city", "addresses/city", "city of the first address"),
	PART_TEXT("addresses", "region", "addresses/state", "state of the first address"),
	PART_TEXT("addresses", "post_code", "addresses/postalCode", "postal code of the first address"),
	PART_TEXT("addresses", "country", "addresses/country", "country of the first address"),
	TEXT("export_code", "exportCode", "code used in exports"),
	TEXT("referral_source", "referralSource", "where the client came from"),
	FLAG("is_prospect", "prospect", "whether it is a prospect only"),
	{"is_archived", "archived", WFM_TYPE_BOOLEAN, 0, WFM_FIELD_NOT_NULL, "whether it is archived"},
	FLAG("is_favorite", "favorite", "whether it is a favourite"),
	UUID("account_manager_uuid", "clientManager/uuid", "staff member who manages the account"),
	TEXT("account_manager_name", "clientManager/name", "name of the account manager"),
	TEXT("account_manager_first_name", "clientManager/firstName", "first name of the account manager"),
	TEXT("account_manager_last_name", "clientManager/lastName", "last name of the account manager"),
	UUID("job_manager_uuid", "jobManager/uuid", "staff member who manages the jobs"),
	TEXT("job_manager_name", "jobManager/name", "name of the job manager"),
	TEXT("job_manager_first_name", "jobManager/firstName", "first name of the job manager"),
	TEXT("job_manager_last_name", "jobManager/lastName", "last name of the job manager"),
	PART_UUID("billing-details", "business_structure_uuid", "billingDetails/businessStructureUUID", "business structure"),
	PART_UUID("billing-details", "type_uuid", "billingDetails/clientTypeUUID", "client type"),
	PART_TEXT("billing-details", "balance_date", "billingDetails/balanceDate", "balance date"),
	PART("billing-details", "type_cost_markup", "billingDetails/markup", WFM_TYPE_NUMERIC, "markup on costs in percent"),
	PART_TEXT("billing-details", "invoice_due_date", "billingDetails/invoiceDueDate", "when invoices are due"),
	PART_UUID("billing-details", "billing_client_uuid", "billingDetails/billingClientUUID", "client that is billed instead"),
	STAMPS,
	LIST_COLUMN("addresses", "addresses", "addresses", "client_address", "addresses of the client"),
	LIST_COLUMN("contacts", "contacts", "contacts", "client_contact", "contacts of the client"),
	LIST_COLUMN("notes", "notes", "notes", "client_note", "notes on the client"),
	LIST_COLUMN("client-groups", "groups", "clientGroups", "client_group_member", "groups the client belongs to"),
	LIST_COLUMN("client-relationships", "relationships", "clientRelationships", "client_relationship", "relationships with other clients"),
	LIST_COLUMN("custom-fields", "custom_fields", "customFields", "client_custom_field", "values of custom fields"),
	LIST_COLUMN("documents", "documents", "documents", "client_document", "documents of the client"),
	LIST_COLUMN("billing-details", "rates", "billingDetails/customRates", "client_rate", "prices agreed with the client"),
	LIST_COLUMN("billing-details", "tax_numbers", "billingDetails/taxNumbers", "client_tax_number", "tax numbers"),
	{NULL}
};

static const WfmEndpoint bluerock2_client_endpoints[] = {
	{
		.path = "clients/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"data|."},
		.filters = {WFM_BY("uuid")},
	},
	{
		.path = "clients",
		PAGED,
		.scopes = {"data|clients"},
		.filters = {SINCE},
		.parameters = "sort=created&order=asc",
		CHAINS,
	},
	{NULL}
};

RESOURCE(bluerock2_client, "client", "clients, with archived ones", 500);

/* A list inside a client. */
#define OF_CLIENT \
	{"client_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "client"}, \
	WFM_ORDINAL_AT(1)

#define CLIENT_LIST(symbol, include, list) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = "clients/{}", \
			.scopes = {"data|.", list}, \
			.filters = {WFM_BY("client_uuid")}, \
			.parameters = "includes=" include, \
		}, \
		{ \
			.path = "clients", \
			PAGED, \
			.scopes = {"data|clients", list}, \
			.parameters = "includes=" include "&sort=created&order=asc", \
			CHAINS, \
		}, \
		{NULL} \
	}

static const WfmField bluerock2_client_address_fields[] = {
	OF_CLIENT,
	TEXT_AT(1, "type", "type", "kind of address"),
	{"is_default", "default", WFM_TYPE_BOOLEAN, 0, 0, "whether it is the default", 1},
	TEXT_AT(1, "address", "address", "street address"),
	TEXT_AT(1, "city", "city", "city"),
	TEXT_AT(1, "region", "state", "state"),
	TEXT_AT(1, "post_code", "postalCode", "postal code"),
	TEXT_AT(1, "country", "country", "country"),
	{NULL}
};

CLIENT_LIST(bluerock2_client_address, "addresses", "addresses");
RESOURCE(bluerock2_client_address, "client_address", "addresses of clients", 700);

#define CONTACT_FIELDS \
	UUID_AT(1, "uuid", "uuid", "key of the contact"), \
	TEXT_AT(1, "first_name", "firstName", "first name"), \
	TEXT_AT(1, "last_name", "lastName", "last name"), \
	TEXT_AT(1, "mobile", "mobile", "mobile phone number"), \
	TEXT_AT(1, "email", "email", "e-mail address"), \
	TEXT_AT(1, "phone", "phone", "phone number"), \
	TEXT_AT(1, "position", "position", "position there"), \
	TEXT_AT(1, "salutation", "salutation", "salutation"), \
	TEXT_AT(1, "addressee", "addressee", "addressee"), \
	{"is_primary", "primary", WFM_TYPE_BOOLEAN, 0, 0, "whether it is the primary contact", 1}, \
	{"is_archived", "archived", WFM_TYPE_BOOLEAN, 0, 0, "whether it is archived", 1}, \
	{"is_favourite", "favourite", WFM_TYPE_BOOLEAN, 0, 0, "whether it is a favourite", 1}, \
	{"include_in_emails", "includeInEmails", WFM_TYPE_BOOLEAN, 0, 0, "whether e-mails go to it", 1}, \
	STAMPS_AT(1), \
	{"deleted_at", "deletedAt", WFM_TYPE_TIMESTAMPTZ, 0, 0, "when it was deleted", 1}

static const WfmField bluerock2_client_contact_fields[] = {
	OF_CLIENT,
	CONTACT_FIELDS,
	{NULL}
};

CLIENT_LIST(bluerock2_client_contact, "contacts", "contacts");
RESOURCE(bluerock2_client_contact, "client_contact", "contacts of the clients", 700);

#define NOTE_FIELDS \
	UUID_AT(1, "uuid", "uuid", "key of the note"), \
	TEXT_AT(1, "title", "title", "title"), \
	TEXT_AT(1, "text", "description", "text"), \
	TEXT_AT(1, "phase", "phase", "phase"), \
	{"date", "date", WFM_TYPE_TIMESTAMP, 0, 0, "time of the note", 1}, \
	TEXT_AT(1, "created_by_first_name", "createdByFirstName", "first name of who wrote it"), \
	TEXT_AT(1, "created_by_last_name", "createdByLastName", "last name of who wrote it"), \
	STAMPS_AT(1)

static const WfmField bluerock2_client_note_fields[] = {
	OF_CLIENT,
	NOTE_FIELDS,
	{NULL}
};

CLIENT_LIST(bluerock2_client_note, "notes", "notes");
RESOURCE(bluerock2_client_note, "client_note", "notes on clients", 1000);

static const WfmField bluerock2_client_group_member_fields[] = {
	{"client_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "client that belongs to the group"},
	TEXT("client_name", "name", "name of the client"),
	UUID_AT(1, "client_group_uuid", "uuid", "group"),
	TEXT_AT(1, "client_group_name", "name", "name of the group"),
	{NULL}
};

CLIENT_LIST(bluerock2_client_group_member, "client-groups", "clientGroups");
RESOURCE(bluerock2_client_group_member, "client_group_member", "which clients belong to which groups", 200);

static const WfmField bluerock2_client_relationship_fields[] = {
	OF_CLIENT,
	UUID_AT(1, "uuid", "uuid", "key of the relationship"),
	TEXT_AT(1, "type", "type", "kind of relationship"),
	UUID_AT(1, "related_client_uuid", "relatedClientUUID", "the other client"),
	{"start_date", "startDate", WFM_TYPE_DATE, 0, 0, "first day", 1},
	{"end_date", "endDate", WFM_TYPE_DATE, 0, 0, "last day", 1},
	{NULL}
};

CLIENT_LIST(bluerock2_client_relationship, "client-relationships", "clientRelationships");
RESOURCE(bluerock2_client_relationship, "client_relationship", "relationships between clients", 500);

#define CUSTOM_VALUE_FIELDS \
	UUID_AT(1, "field_uuid", "uuid", "custom field"), \
	TEXT_AT(1, "name", "name", "name of the custom field"), \
	TEXT_AT(1, "value", "value", "the value as it came")

static const WfmField bluerock2_client_custom_field_fields[] = {
	{"client_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "client"},
	CUSTOM_VALUE_FIELDS,
	{NULL}
};

CLIENT_LIST(bluerock2_client_custom_field, "custom-fields", "customFields");
RESOURCE(bluerock2_client_custom_field, "client_custom_field", "values of custom fields of clients", 1000);

#define DOCUMENT_FIELDS \
	UUID_AT(1, "uuid", "uuid", "key of the document"), \
	TEXT_AT(1, "title", "title", "title"), \
	TEXT_AT(1, "text", "note", "note"), \
	TEXT_AT(1, "phase", "phase", "phase"), \
	TEXT_AT(1, "file_name", "fileName", "name of the file"), \
	{"file_size", "fileSize", WFM_TYPE_NUMERIC, 0, 0, "size of the file in bytes", 1}, \
	TEXT_AT(1, "url", "downloadURL", "where the file is"), \
	STAMPS_AT(1)

static const WfmField bluerock2_client_document_fields[] = {
	OF_CLIENT,
	DOCUMENT_FIELDS,
	{NULL}
};

CLIENT_LIST(bluerock2_client_document, "documents", "documents");
RESOURCE(bluerock2_client_document, "client_document", "documents of clients", 500);

static const WfmField bluerock2_client_rate_fields[] = {
	OF_CLIENT,
	UUID_AT(1, "task_uuid", "taskUUID", "task of the catalogue"),
	{"billable_rate", "billableRate", WFM_TYPE_NUMERIC, 0, 0, "price of an hour", 1},
	{NULL}
};

CLIENT_LIST(bluerock2_client_rate, "billing-details", "billingDetails/customRates");
RESOURCE(bluerock2_client_rate, "client_rate", "prices of tasks agreed with clients", 200);

static const WfmField bluerock2_client_tax_number_fields[] = {
	OF_CLIENT,
	TEXT_AT(1, "name", "name", "kind of number"),
	TEXT_AT(1, "number", "number", "the number"),
	{NULL}
};

CLIENT_LIST(bluerock2_client_tax_number, "billing-details", "billingDetails/taxNumbers");
RESOURCE(bluerock2_client_tax_number, "client_tax_number", "tax numbers of clients", 500);

static const WfmField bluerock2_client_group_fields[] = {
	KEY("key of the client group"),
	TEXT("name", "name", "name"),
	FLAG("taxable", "taxable", "whether the group is taxed"),
	FLAG("is_favourite", "favourite", "whether it is a favourite"),
	STAMPS,
	{NULL}
};

LIST(bluerock2_client_group, "client-groups", "clientGroups", WFM_NO_FILTER);
RESOURCE(bluerock2_client_group, "client_group", "groups of clients", 50);

/* ---------- jobs ---------- */

static const WfmField bluerock2_job_fields[] = {
	KEY("key of the job"),
	TEXT("id", "id", "job number, which users can edit"),
	TEXT("name", "name", "name"),
	TEXT("description", "description", "description"),
	UUID("client_uuid", "clientUUID", "client of the job"),
	TEXT("client_name", "clientName", "name of the client"),
	TEXT("status", "status", "progress, completed, cancelled"),
	TEXT("state", "state", "state; tenants define their own"),
	DAY("start_date", "startDate", "first day"),
	DAY("due_date", "dueDate", "day it is due"),
	DAY("completed_date", "completedDate", "day it was completed"),
	UUID("category_uuid", "categoryUUID", "category"),
	UUID("template_uuid", "templateUUID", "template it was made from"),
	UUID("manager_uuid", "leadStaffUUID", "staff member who leads the job"),
	NUMBER("billable_rate", "billableRate", "price of an hour"),
	STAMPS,
	LIST_COLUMN("staff", "assigned", "staff", "job_assignee", "staff assigned to the job"),
	LIST_COLUMN("tasks", "tasks", "tasks", "job_task", "tasks of the job"),
	LIST_COLUMN("costs", "costs", "costs", "job_cost", "costs of the job"),
	LIST_COLUMN("notes", "notes", "notes", "job_note", "notes on the job"),
	LIST_COLUMN("custom-fields", "custom_fields", "customFields", "job_custom_field", "values of custom fields"),
	LIST_COLUMN("documents", "documents", "documents", "job_document", "documents of the job"),
	{NULL}
};

/* Orders that a list of jobs can be asked for in. */
static const WfmOrder job_orders[] = {
	{"created_at", false, false, "sort=created&order=asc"},
	{"created_at", true, false, "sort=created&order=desc"},
	{"updated_at", false, true, "sort=updated&order=asc"},
	{"updated_at", true, true, "sort=updated&order=desc"},
	{NULL}
};

static const WfmEndpoint bluerock2_job_endpoints[] = {
	{
		.path = "jobs/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"data|."},
		.filters = {WFM_BY("uuid")},
	},
	{
		.path = "jobs",
		PAGED,
		.scopes = {"data|jobs"},
		.filters = {SINCE, IS("client_uuid", "clientUUID")},
		.orders = job_orders,
		.parameters = "sort=created&order=asc",
	},
	{NULL}
};

RESOURCE(bluerock2_job, "job", "jobs", 2000);

#define OF_JOB \
	{"job_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "job"}, \
	TEXT("job_id", "id", "number of the job"), \
	WFM_ORDINAL_AT(1)

#define JOB_LIST(symbol, include, list) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = "jobs/{}", \
			.scopes = {"data|.", list}, \
			.filters = {WFM_BY("job_uuid")}, \
			.parameters = "includes=" include, \
		}, \
		{ \
			.path = "jobs", \
			PAGED, \
			.scopes = {"data|jobs", list}, \
			.parameters = "includes=" include "&sort=created&order=asc", \
		}, \
		{NULL} \
	}

static const WfmField bluerock2_job_task_fields[] = {
	OF_JOB,
	UUID_AT(1, "uuid", "uuid", "key of the task of the job"),
	UUID_AT(1, "task_uuid", "taskUUID", "task of the catalogue it was made from"),
	TEXT_AT(1, "name", "name", "name"),
	TEXT_AT(1, "description", "description", "description"),
	{"estimated_minutes", "estimatedMinutes", WFM_TYPE_INTEGER, 0, 0, "minutes estimated", 1},
	{"completed", "completed", WFM_TYPE_BOOLEAN, 0, 0, "whether it is completed", 1},
	{"billable", "billable", WFM_TYPE_BOOLEAN, 0, 0, "whether it is billable", 1},
	{"billable_rate", "billableRate", WFM_TYPE_NUMERIC, 0, 0, "price of an hour", 1},
	{NULL}
};

JOB_LIST(bluerock2_job_task, "tasks", "tasks");
RESOURCE(bluerock2_job_task, "job_task", "tasks of jobs", 10000);

static const WfmField bluerock2_job_assignee_fields[] = {
	OF_JOB,
	UUID_AT(1, "uuid", "uuid", "key of the assignment"),
	UUID_AT(1, "staff_uuid", "staffUUID", "staff member"),
	TEXT_AT(1, "staff_first_name", "firstName", "first name of the staff member"),
	TEXT_AT(1, "staff_last_name", "lastName", "last name of the staff member"),
	{"billable_rate", "billableRate", WFM_TYPE_NUMERIC, 0, 0, "price of an hour", 1},
	{NULL}
};

JOB_LIST(bluerock2_job_assignee, "staff", "staff");
RESOURCE(bluerock2_job_assignee, "job_assignee", "staff assigned to jobs", 4000);

#define COST_FIELDS \
	UUID_AT(1, "uuid", "uuid", "key of the cost"), \
	{"date", "date", WFM_TYPE_DATE, 0, 0, "day", 1}, \
	TEXT_AT(1, "description", "description", "description"), \
	TEXT_AT(1, "note", "note", "note"), \
	{"quantity", "quantity", WFM_TYPE_NUMERIC, 0, 0, "quantity", 1}, \
	{"unit_cost", "unitCost", WFM_TYPE_NUMERIC, 0, 0, "cost of one", 1}, \
	{"unit_price", "unitPrice", WFM_TYPE_NUMERIC, 0, 0, "price of one", 1}, \
	{"taxable", "taxable", WFM_TYPE_BOOLEAN, 0, 0, "whether it is taxed", 1}, \
	UUID_AT(1, "supplier_uuid", "supplierUuid|supplierUUID", "supplier"), \
	STAMPS_AT(1)

static const WfmField bluerock2_job_cost_fields[] = {
	OF_JOB,
	COST_FIELDS,
	{NULL}
};

JOB_LIST(bluerock2_job_cost, "costs", "costs");
RESOURCE(bluerock2_job_cost, "job_cost", "costs of jobs", 5000);

static const WfmField bluerock2_job_note_fields[] = {
	OF_JOB,
	NOTE_FIELDS,
	{NULL}
};

JOB_LIST(bluerock2_job_note, "notes", "notes");
RESOURCE(bluerock2_job_note, "job_note", "notes on jobs", 5000);

static const WfmField bluerock2_job_custom_field_fields[] = {
	{"job_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "job"},
	TEXT("job_id", "id", "number of the job"),
	CUSTOM_VALUE_FIELDS,
	{NULL}
};

JOB_LIST(bluerock2_job_custom_field, "custom-fields", "customFields");
RESOURCE(bluerock2_job_custom_field, "job_custom_field", "values of custom fields of jobs", 1000);

static const WfmField bluerock2_job_document_fields[] = {
	OF_JOB,
	DOCUMENT_FIELDS,
	{NULL}
};

JOB_LIST(bluerock2_job_document, "documents", "documents");
RESOURCE(bluerock2_job_document, "job_document", "documents of jobs", 2000);

/* ---------- time and people ---------- */

static const WfmField bluerock2_time_entry_fields[] = {
	KEY("key of the time entry"),
	UUID("job_uuid", "job/uuid|jobUUID", "job"),
	TEXT("job_id", "job/jobNumber", "number of the job"),
	TEXT("job_name", "job/name", "name of the job"),
	UUID("job_task_uuid", "jobTask/uuid|jobTaskUUID", "task of the job"),
	TEXT("job_task_name", "jobTask/name", "name of the task"),
	UUID("staff_uuid", "staff/uuid|staffUUID", "staff member whose time it is"),
	TEXT("staff_first_name", "staff/firstName", "first name of the staff member"),
	TEXT("staff_last_name", "staff/lastName", "last name of the staff member"),
	DAY("date", "date", "day of the work"),
	MINUTES("minutes", "minutes|time", "minutes"),
	TEXT("note", "note", "note"),
	FLAG("billable", "billable", "whether it is billable"),
	FLAG("billed", "billed", "whether it is on an invoice"),
	{"start_time", "startTime", WFM_TYPE_TIME, 0, 0, "start, where recorded that way"},
	{"end_time", "endTime", WFM_TYPE_TIME, 0, 0, "end, where recorded that way"},
	STAMPS,
	{NULL}
};

NOUN(bluerock2_time_entry, "timesheets", "timesheets", SINCE, DAYS,
	 IS("staff_uuid", "staffUUID"), IS("job_uuid", "jobUUID"));
RESOURCE(bluerock2_time_entry, "time_entry", "time entries", 20000);

static const WfmField bluerock2_staff_fields[] = {
	KEY("key of the staff member"),
	TEXT("first_name", "firstName", "first name"),
	TEXT("last_name", "lastName", "last name"),
	TEXT("email", "email", "e-mail address"),
	TEXT("phone", "phone", "phone number"),
	TEXT("mobile", "mobile", "mobile phone number"),
	TEXT("role", "role", "role"),
	NUMBER("billable_rate", "billableRate", "price of an hour"),
	NUMBER("cost_rate", "costRate", "cost of an hour"),
	FLAG("is_archived", "archived", "whether archived"),
	STAMPS,
	{NULL}
};

NOUN(bluerock2_staff, "staff", "staff", SINCE);
RESOURCE(bluerock2_staff, "staff", "staff members", 40);

static const WfmField bluerock2_capacity_plan_fields[] = {
	UUID("staff_uuid", "staffUUID|staff/uuid", "staff member"),
	{"uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "key, where told"},
	DAY("date", "date|startDate", "day"),
	MINUTES("minutes", "minutes", "minutes"),
	STAMPS,
	{NULL}
};

LIST(bluerock2_capacity_plan, "capacity-plan", "capacityPlan", DAYS, IS("staff_uuid", "staffUUID"));
RESOURCE(bluerock2_capacity_plan, "capacity_plan", "capacity plan; its fields are not documented, see column raw", 1000);

/* ---------- sales and purchases ---------- */

static const WfmField bluerock2_lead_fields[] = {
	KEY("key of the lead"),
	TEXT("name", "name", "name"),
	TEXT("description", "description", "description"),
	TEXT("status", "status", "status"),
	NUMBER("estimated_value", "estimatedValue", "estimated value, an amount of money"),
	UUID("category_uuid", "categoryUUID", "category"),
	UUID("client_uuid", "clientUUID", "client"),
	UUID("owner_uuid", "assignedStaffUUID", "staff member who owns the lead"),
	DAY("date_won_lost", "closedDate", "day it was closed"),
	STAMPS,
	{NULL}
};

NOUN(bluerock2_lead, "leads", "leads", SINCE);
RESOURCE(bluerock2_lead, "lead", "leads", 500);

static const WfmField bluerock2_quote_fields[] = {
	KEY("key of the quote"),
	UUID("job_uuid", "jobUUID", "job"),
	TEXT("name", "title", "title"),
	TEXT("status", "status", "status"),
	NUMBER("amount", "total", "total"),
	STAMPS,
	LIST_COLUMN(NULL, "notes", "notes", "quote_note", "notes on the quote"),
	{NULL}
};

NOUN(bluerock2_quote, "quotes", "quotes", SINCE);
RESOURCE(bluerock2_quote, "quote", "quotes", 1000);

/* A list inside a record of another list, which comes unasked. */
#define INNER_LIST(symbol, noun, wrapper, owner, list) \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = noun "/{}", \
			.scopes = {"data|.", list}, \
			.filters = {WFM_BY(owner "_uuid")}, \
		}, \
		{ \
			.path = noun, \
			PAGED, \
			.scopes = {"data|" wrapper, list}, \
		}, \
		{NULL} \
	}

#define OF_OWNER(owner) \
	{owner "_uuid", "uuid", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, owner}, \
	WFM_ORDINAL_AT(1)

static const WfmField bluerock2_quote_note_fields[] = {
	OF_OWNER("quote"),
	NOTE_FIELDS,
	{NULL}
};

INNER_LIST(bluerock2_quote_note, "quotes", "quotes", "quote", "notes");
RESOURCE(bluerock2_quote_note, "quote_note", "notes on quotes", 500);

static const WfmField bluerock2_invoice_fields[] = {
	KEY("key of the invoice"),
	TEXT("id", "invoiceNumber", "invoice number"),
	UUID("job_uuid", "jobUUID", "job"),
	UUID("client_uuid", "clientUUID", "client"),
	TEXT("status", "status", "status"),
	NUMBER("total", "total", "total"),
	NUMBER("amount", "amountExTax", "amount without tax"),
	NUMBER("amount_including_tax", "amountIncTax", "amount with tax"),
	DAY("due_date", "dueDate", "day it is due"),
	DAY("paid_date", "paidDate", "day it was paid"),
	STAMPS,
	LIST_COLUMN(NULL, "notes", "notes", "invoice_note", "notes on the invoice"),
	LIST_COLUMN(NULL, "costs", "costs", "invoice_cost", "costs on the invoice"),
	{NULL}
};

NOUN(bluerock2_invoice, "invoices", "invoices", SINCE, IS("client_uuid", "clientUUID"));
RESOURCE(bluerock2_invoice, "invoice", "invoices", 3000);

static const WfmField bluerock2_invoice_note_fields[] = {
	OF_OWNER("invoice"),
	NOTE_FIELDS,
	{NULL}
};

INNER_LIST(bluerock2_invoice_note, "invoices", "invoices", "invoice", "notes");
RESOURCE(bluerock2_invoice_note, "invoice_note", "notes on invoices", 1000);

static const WfmField bluerock2_invoice_cost_fields[] = {
	OF_OWNER("invoice"),
	COST_FIELDS,
	{NULL}
};

INNER_LIST(bluerock2_invoice_cost, "invoices", "invoices", "invoice", "costs");
RESOURCE(bluerock2_invoice_cost, "invoice_cost", "costs on invoices", 3000);

static const WfmField bluerock2_invoice_payment_fields[] = {
	KEY("key of the payment"),
	UUID("invoice_uuid", "invoiceUUID", "invoice"),
	DAY("date", "date", "day of the payment"),
	NUMBER("amount", "amount", "amount"),
	TEXT("reference", "note", "note"),
	STAMPS,
	{NULL}
};

LIST(bluerock2_invoice_payment, "payments", "payments", WFM_NO_FILTER);
RESOURCE(bluerock2_invoice_payment, "invoice_payment", "payments of invoices", 3000);

static const WfmField bluerock2_purchase_order_fields[] = {
	KEY("key of the purchase order"),
	UUID("job_uuid", "jobUUID", "job"),
	UUID("supplier_uuid", "supplierUUID", "supplier"),
	TEXT("state", "status", "status"),
	NUMBER("amount", "total", "total"),
	STAMPS,
	{NULL}
};

NOUN(bluerock2_purchase_order, "purchase-orders", "purchaseOrders", SINCE);
RESOURCE(bluerock2_purchase_order, "purchase_order", "purchase orders", 500);

static const WfmField bluerock2_bill_fields[] = {
	KEY("key of the bill"),
	UUID("purchase_order_uuid", "purchaseOrderUUID", "purchase order"),
	UUID("supplier_uuid", "supplierUUID", "supplier"),
	TEXT("status", "status", "status"),
	NUMBER("amount", "total", "total"),
	STAMPS,
	{NULL}
};

LIST(bluerock2_bill, "purchase-orders/bills", "bills", SINCE);
RESOURCE(bluerock2_bill, "bill", "bills of purchase orders; their fields are not documented, see column raw", 500);

static const WfmField bluerock2_supplier_fields[] = {
	KEY("key of the supplier"),
	TEXT("name", "name", "name"),
	TEXT("email", "email", "e-mail address"),
	TEXT("phone", "phone", "phone number"),
	TEXT("website", "website", "web site"),
	TEXT("address", "address", "address"),
	STAMPS,
	LIST_COLUMN(NULL, "contacts", "contacts", "supplier_contact", "contacts of the supplier"),
	{NULL}
};

NOUN(bluerock2_supplier, "suppliers", "suppliers", SINCE);
RESOURCE(bluerock2_supplier, "supplier", "suppliers", 100);

static const WfmField bluerock2_supplier_contact_fields[] = {
	OF_OWNER("supplier"),
	CONTACT_FIELDS,
	{NULL}
};

INNER_LIST(bluerock2_supplier_contact, "suppliers", "suppliers", "supplier", "contacts");
RESOURCE(bluerock2_supplier_contact, "supplier_contact", "contacts of suppliers", 100);

/* ---------- settings ---------- */

static const WfmField bluerock2_task_fields[] = {
	KEY("key of the task"),
	TEXT("name", "name", "name"),
	TEXT("description", "description", "description"),
	FLAG("billable", "billable", "whether it is billable"),
	NUMBER("billable_rate", "billableRate", "price of an hour"),
	FLAG("is_archived", "archived", "whether it is archived"),
	STAMPS,
	{NULL}
};

NOUN(bluerock2_task, "tasks", "tasks", SINCE);
RESOURCE(bluerock2_task, "task", "task catalogue", 50);

#define NAMED(symbol, table, noun, wrapper, what, words) \
	static const WfmField symbol##_fields[] = { \
		KEY("key of the " what), \
		TEXT("name", "name", "name"), \
		STAMPS, \
		{NULL} \
	}; \
	LIST(symbol, noun, wrapper, WFM_NO_FILTER); \
	RESOURCE(symbol, table, words, 20)

NAMED(bluerock2_custom_field, "custom_field", "custom-fields", "customFields",
	  "custom field", "definitions of custom fields");
NAMED(bluerock2_account, "account", "accounts", "accounts",
	  "account", "accounts; further fields are in column raw");
NAMED(bluerock2_role, "role", "roles", "roles",
	  "role", "roles; further fields are in column raw");
NAMED(bluerock2_tax, "tax", "taxes", "taxes",
	  "tax", "taxes; further fields are in column raw");

/* whoever gave the consent; not a list */
static const WfmField bluerock2_me_fields[] = {
	KEY("key of the user"),
	TEXT("name", "name", "name"),
	TEXT("first_name", "firstName", "first name"),
	TEXT("last_name", "lastName", "last name"),
	TEXT("email", "email", "e-mail address"),
	STAMPS,
	{NULL}
};

static const WfmEndpoint bluerock2_me_endpoints[] = {
	{
		.path = "me",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"data|."},
	},
	{NULL}
};

RESOURCE(bluerock2_me, "me", "the user who gave the consent; the fields are not documented, see column raw", 1);
