/*
 * catalog/supplier.c
 *		Suppliers: supplier.api of workflowmax/3.0 and bluerock/1.
 *
 * The specification of bluerock/1 wraps the record of a get as a list does,
 * the pages of the older API do not: both are read.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define ONE_SUPPLIER "Supplier|Suppliers/Supplier"

#define TEXT(column, element, words) {column, element, WFM_TYPE_TEXT, 0, 0, words}

static const WfmField supplier_fields[] = {
	{"uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "key of the supplier"},
	TEXT("name", "Name", "name"),
	TEXT("address", "Address", "street address, may have several lines"),
	TEXT("city", "City", "city"),
	TEXT("region", "Region", "region or state"),
	TEXT("post_code", "PostCode|Postcode", "postal code"),
	TEXT("country", "Country", "country"),
	TEXT("postal_address", "PostalAddress", "postal address"),
	TEXT("postal_city", "PostalCity", "city of the postal address"),
	TEXT("postal_region", "PostalRegion", "region of the postal address"),
	TEXT("postal_post_code", "PostalPostCode|PostalPostcode", "postal code of the postal address"),
	TEXT("postal_country", "PostalCountry", "country of the postal address"),
	TEXT("phone", "Phone", "phone number"),
	TEXT("fax", "Fax", "fax number"),
	TEXT("website", "Website", "web site"),
	WFM_LIST_AT(0, "contacts", "Contacts", 0, 0, "supplier_contact", "contacts of the supplier"),
	WFM_LIST_AT(0, "notes", "Notes", 0, WFM_FIELD_DETAILED, "supplier_note", "notes on the supplier"),
	{NULL}
};

static const WfmEndpoint supplier_endpoints[] = {
	{
		.path = "supplier.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {ONE_SUPPLIER},
		.filters = {WFM_BY("uuid")},
	},
	{
		.path = "supplier.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Suppliers/Supplier"},
	},
	{NULL}
};

const WfmResource wfm_resource_supplier = {
	.name = "supplier",
	.comment = "suppliers",
	.dialects = WFM_CLASSIC,
	.fields = supplier_fields,
	.endpoints = supplier_endpoints,
	.typical_rows = 100,
};

#define OF_SUPPLIER \
	{"supplier_uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "supplier"}, \
	WFM_ORDINAL_AT(1)

static const WfmField supplier_contact_fields[] = {
	OF_SUPPLIER,
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the contact", 1},
	WFM_TEXT_AT(1, "name", "Name", "name; not unique"),
	WFM_TEXT_AT(1, "mobile", "Mobile", "mobile phone number"),
	WFM_TEXT_AT(1, "email", "Email", "e-mail address"),
	WFM_TEXT_AT(1, "phone", "Phone", "phone number"),
	WFM_TEXT_AT(1, "position", "Position", "position at the supplier"),
	{NULL}
};

static const WfmEndpoint supplier_contact_endpoints[] = {
	{
		.path = "supplier.api/get/{}",
		.scopes = {ONE_SUPPLIER, "Contacts/Contact"},
		.filters = {WFM_BY("supplier_uuid")},
	},
	{
		.path = "supplier.api/list",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"Suppliers/Supplier", "Contacts/Contact"},
	},
	{NULL}
};

const WfmResource wfm_resource_supplier_contact = {
	.name = "supplier_contact",
	.comment = "contacts of suppliers",
	.dialects = WFM_CLASSIC,
	.fields = supplier_contact_fields,
	.endpoints = supplier_contact_endpoints,
	.typical_rows = 100,
};

static const WfmField supplier_note_fields[] = {
	OF_SUPPLIER,
	WFM_TEXT_AT(1, "title", "Title", "title"),
	WFM_TEXT_AT(1, "text", "Text", "text"),
	WFM_TEXT_AT(1, "folder", "Folder", "folder"),
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_TIMESTAMP, "time of the note, without zone as the tenant sees it"),
	WFM_TEXT_AT(1, "created_by", "CreatedBy", "who wrote it"),
	{NULL}
};

static const WfmEndpoint supplier_note_endpoints[] = {
	{
		.path = "supplier.api/get/{}",
		.scopes = {ONE_SUPPLIER, "Notes/Note"},
		.filters = {WFM_BY("supplier_uuid")},
	},
	{
		.path = "supplier.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED,
		.scopes = {"Suppliers/Supplier", "Notes/Note"},
	},
	{NULL}
};

const WfmResource wfm_resource_supplier_note = {
	.name = "supplier_note",
	.comment = "notes on suppliers",
	.dialects = WFM_CLASSIC,
	.fields = supplier_note_fields,
	.endpoints = supplier_note_endpoints,
	.typical_rows = 100,
};
