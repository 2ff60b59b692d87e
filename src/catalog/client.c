/*
 * catalog/client.c
 *		Clients: client.api.
 *
 * Fields: the vendors' "clients" pages and recorded answers.  The list holds
 * archived and deleted clients too.  Most tax fields exist only where the
 * Practice Management module is enabled.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define TEXT(column, element, words) {column, element, WFM_TYPE_TEXT, 0, 0, words}
#define XPM(column, element, sqltype, words) \
	{column, element, sqltype, WFM_PRACTICEMANAGER, 0, words}

#define XPM31(column, element, sqltype, words) \
	{column, element, sqltype, WFM_PRACTICEMANAGER_3_1, 0, words}

static const WfmField client_fields[] = {
	WFM_IDENTITY("client"),
	TEXT("name", "Name", "name; not unique"),
	TEXT("title", "Title", "title, for example Mr; individuals"),
	TEXT("gender", "Gender", "gender; individuals"),
	TEXT("first_name", "FirstName", "first name; individuals"),
	XPM("middle_name", "MiddleName", WFM_TYPE_TEXT, "middle name; individuals"),
	TEXT("last_name", "LastName", "last name; individuals"),
	TEXT("other_name", "OtherName", "other name; individuals"),
	TEXT("email", "Email", "e-mail address"),
	{"date_of_birth", "DateOfBirth", WFM_TYPE_DATE, 0, 0, "date of birth; individuals"},
	XPM("date_of_death", "DateOfDeath", WFM_TYPE_DATE, "date of death; individuals"),
	XPM("place_of_birth_city", "PlaceOfBirthCity", WFM_TYPE_TEXT, "city of birth"),
	XPM("place_of_birth_country_code", "PlaceOfBirthCountryCode", WFM_TYPE_TEXT, "country of birth, as a code"),
	XPM("industry", "Industry", WFM_TYPE_TEXT, "industry"),
	TEXT("phone", "Phone", "phone number"),
	TEXT("fax", "Fax", "fax number"),
	TEXT("website", "Website", "web site"),
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
	TEXT("referral_source", "ReferralSource", "where the client came from"),
	TEXT("export_code", "ExportCode", "code used in exports"),
	{"is_prospect", "IsProspect", WFM_TYPE_BOOLEAN, 0, 0, "whether it is a prospect only"},
	{"is_archived", "IsArchived", WFM_TYPE_BOOLEAN, 0, WFM_FIELD_NOT_NULL, "whether it is archived"},
	{"is_deleted", "IsDeleted", WFM_TYPE_BOOLEAN, 0, WFM_FIELD_NOT_NULL, "whether it is deleted"},
	{"account_manager_uuid", "AccountManager/UUID", WFM_TYPE_UUID, 0, 0, "staff member who manages the account"},
	{"account_manager_legacy_id", "AccountManager/ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "the same by its integer key"},
	TEXT("account_manager_name", "AccountManager/Name|AccountManager", "name of the account manager"),
	WFM_REFERENCE("job_manager", "JobManager", WFM_PRACTICEMANAGER, "staff member who manages the jobs"),
	TEXT("type_name", "Type/Name", "name of the client type"),
	{"type_cost_markup", "Type/CostMarkup", WFM_TYPE_NUMERIC, 0, 0, "markup on costs in percent"},
	TEXT("type_payment_term", "Type/PaymentTerm", "DayOfMonth or WithinDays"),
	{"type_payment_day", "Type/PaymentDay", WFM_TYPE_INTEGER, 0, 0, "day of the payment term"},
	WFM_REFERENCE("billing_client", "BillingClient", WFM_PRACTICEMANAGER, "client that is billed instead"),
	XPM("tax_number", "TaxNumber", WFM_TYPE_TEXT, "tax number; masked by the vendor but for its last three digits"),
	XPM("company_number", "CompanyNumber", WFM_TYPE_TEXT, "company number"),
	XPM("business_number", "BusinessNumber", WFM_TYPE_TEXT, "business number"),
	XPM("business_structure", "BusinessStructure", WFM_TYPE_TEXT, "Individual, Company, Trust, ..."),
	XPM("branch_number", "BranchNumber", WFM_TYPE_TEXT, "branch number"),
	XPM("balance_month", "BalanceMonth", WFM_TYPE_TEXT, "balance month"),
	XPM("prepare_gst", "PrepareGST", WFM_TYPE_BOOLEAN, "whether GST returns are prepared"),
	XPM("gst_registered", "GSTRegistered", WFM_TYPE_BOOLEAN, "whether registered for GST"),
	XPM("gst_period", "GSTPeriod", WFM_TYPE_TEXT, "Monthly, 2 Monthly, 6 Monthly"),
	XPM("gst_basis", "GSTBasis", WFM_TYPE_TEXT, "Invoice, Payment, Hybrid"),
	XPM("provisional_tax_basis", "ProvisionalTaxBasis", WFM_TYPE_TEXT, "Standard, Estimate or Ratio Option"),
	XPM("provisional_tax_ratio", "ProvisionalTaxRatio", WFM_TYPE_NUMERIC, "ratio of the Ratio Option"),
	XPM("signed_tax_authority", "SignedTaxAuthority", WFM_TYPE_BOOLEAN, "whether a tax authority is signed (NZ)"),
	XPM("tax_agent", "TaxAgent", WFM_TYPE_TEXT, "tax agent (NZ)"),
	XPM("agency_status", "AgencyStatus", WFM_TYPE_TEXT, "With EOT, Without EOT, Unlinked (NZ)"),
	XPM("return_type", "ReturnType", WFM_TYPE_TEXT, "IR3, IR4, ... (NZ)"),
	XPM("prepare_activity_statement", "PrepareActivityStatement", WFM_TYPE_BOOLEAN, "whether activity statements are prepared (AU)"),
	XPM("prepare_tax_return", "PrepareTaxReturn", WFM_TYPE_BOOLEAN, "whether tax returns are prepared (AU)"),
	XPM("active_ato_client", "ActiveAtoClient", WFM_TYPE_BOOLEAN, "whether an active client at the ATO (AU)"),
	XPM("bank_name", "BankName", WFM_TYPE_TEXT, "bank"),
	XPM("bank_bsb", "BankBsb|BankBSB", WFM_TYPE_TEXT, "bank branch"),
	XPM("bank_account_name", "BankAccountName", WFM_TYPE_TEXT, "name of the bank account"),
	XPM("bank_account_number", "BankAccountNumber", WFM_TYPE_TEXT, "number of the bank account"),
	XPM("client_code", "ClientCode", WFM_TYPE_TEXT, "client code"),
	XPM31("auto_bas_opt_in_criteria_annually", "AutoBasOptInCriteria/Annually", WFM_TYPE_TEXT, "opted in to automatic activity statements, annual (AU)"),
	XPM31("auto_bas_opt_in_criteria_monthly", "AutoBasOptInCriteria/Monthly", WFM_TYPE_TEXT, "the same, monthly (AU)"),
	XPM31("auto_bas_opt_in_criteria_quarterly", "AutoBasOptInCriteria/Quarterly", WFM_TYPE_TEXT, "the same, quarterly (AU)"),
	XPM31("auto_bas_opt_in_criteria_opt_out", "AutoBasOptInCriteria/OptOut|AutoBasOptInCriteria/Opt-out|AutoBasOptInCriteria/opt-out", WFM_TYPE_TEXT, "opted out of automatic activity statements (AU)"),
	TEXT("web_url", "WebUrl|WebURL", "page of the client in the application"),
	WFM_LIST_AT(0, "contacts", "Contacts", 0, 0, "client_contact", "contacts of the client"),
	WFM_LIST_AT(0, "notes", "Notes", 0, WFM_FIELD_DETAILED, "client_note", "notes on the client"),
	WFM_LIST_AT(0, "groups", "Groups", WFM_PRACTICEMANAGER, WFM_FIELD_DETAILED, "client_group_member", "groups the client belongs to"),
	WFM_LIST_AT(0, "relationships", "Relationships", WFM_PRACTICEMANAGER, WFM_FIELD_DETAILED, "client_relationship", "relationships with other clients"),
	{"_modified_since", NULL, WFM_TYPE_TIMESTAMPTZ, 0, WFM_FIELD_INPUT,
	"input only: clients modified since; the API tells no modification date"},
	{"_search", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_INPUT,
	"input only: the vendor's own search in names and other fields"},
	{NULL}
};

/* What a list of clients is asked for. */
#define CLIENT_LISTS(more, since, ...) \
	{ \
		.path = "client.api/list", \
		.dialects = WFM_XERO, \
		.flags = WFM_ENDPOINT_WHOLE | (more), \
		.scopes = {__VA_ARGS__}, \
		.filters = {since}, \
	}, \
	{ \
		.path = "client.api/list", \
		.dialects = WFM_BLUEROCK_1, \
		.flags = WFM_ENDPOINT_WHOLE | (more), \
		.paging = WFM_PAGING_PAGES, \
		.page_size = "pagesize", \
		.records_a_page = 1000, \
		.scopes = {__VA_ARGS__}, \
		.filters = {since}, \
	}

#define SINCE \
	{"_modified_since", WFM_OP_SINCE, WFM_IN_QUERY, "modifiedsince", WFM_FORMAT_UTC_SECOND, WFM_GRADE_EXACT, false}

static const WfmEndpoint client_endpoints[] = {
	WFM_GET_BY("client.api/get/{}", "", "Client"),
	{
		.path = "client.api/search",
		.flags = WFM_ENDPOINT_DETAILED,
		.scopes = {"Clients/Client"},
		.filters = {
			{"_search", WFM_OP_EQUAL, WFM_IN_QUERY, "query", WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true},
		},
	},
	CLIENT_LISTS(WFM_ENDPOINT_DETAILED, SINCE, "Clients/Client"),
	{NULL}
};

const WfmResource wfm_resource_client = {
	.name = "client",
	.comment = "clients, with archived and deleted ones",
	.dialects = WFM_XML,
	.fields = client_fields,
	.endpoints = client_endpoints,
	.typical_rows = 500,
};

/* ---------- lists inside a client ---------- */

#define OF_CLIENT WFM_OWNER_UUID("client", "client")

static const WfmField client_contact_fields[] = {
	OF_CLIENT,
	WFM_ORDINAL_AT(1),
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the contact; a contact of several clients stands here several times", 1},
	{"legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "integer key of the contact", 1},
	WFM_TEXT_AT(1, "name", "Name", "name; not unique"),
	WFM_TEXT_AT(1, "mobile", "Mobile", "mobile phone number"),
	WFM_TEXT_AT(1, "email", "Email", "e-mail address"),
	WFM_TEXT_AT(1, "phone", "Phone", "phone number"),
	WFM_TEXT_AT(1, "position", "Position", "position at the client"),
	WFM_TEXT_AT(1, "salutation", "Salutation", "salutation, for example Sam"),
	WFM_TEXT_AT(1, "addressee", "Addressee", "addressee, for example Mrs S Benecke"),
	WFM_FIELD_AT(1, "is_primary", "IsPrimary", WFM_TYPE_BOOLEAN, "whether it is the client's primary contact"),
	{"is_deleted", "IsDeleted", WFM_TYPE_BOOLEAN, WFM_PRACTICEMANAGER_3_1, 0, "whether it is deleted", 1},
	{NULL}
};

static const WfmEndpoint client_contact_endpoints[] = {
	WFM_GET_LISTS_BY("client.api/get/{}", "client_", "Client", "Contacts/Contact"),
	CLIENT_LISTS(0, WFM_NO_FILTER, "Clients/Client", "Contacts/Contact"),
	{NULL}
};

const WfmResource wfm_resource_client_contact = {
	.name = "client_contact",
	.comment = "contacts of the clients",
	.dialects = WFM_XML,
	.fields = client_contact_fields,
	.endpoints = client_contact_endpoints,
	.typical_rows = 700,
};

static const WfmField client_note_fields[] = {
	OF_CLIENT,
	WFM_ORDINAL_AT(1),
	WFM_TEXT_AT(1, "title", "Title", "title"),
	WFM_TEXT_AT(1, "text", "Text", "text"),
	WFM_TEXT_AT(1, "folder", "Folder", "folder; the vendor sends none since 2025"),
	{"tags", "Tags|Tag", WFM_TYPE_TEXT, WFM_PRACTICEMANAGER, 0, "tags, which replaced folders in 2025", 1},
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_TIMESTAMP, "time of the note, without zone as the tenant sees it"),
	WFM_TEXT_AT(1, "created_by", "CreatedBy", "who wrote it"),
	{NULL}
};

static const WfmEndpoint client_note_endpoints[] = {
	WFM_GET_LISTS_BY("client.api/get/{}", "client_", "Client", "Notes/Note"),
	CLIENT_LISTS(WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, WFM_NO_FILTER, "Clients/Client", "Notes/Note"),
	{NULL}
};

const WfmResource wfm_resource_client_note = {
	.name = "client_note",
	.comment = "notes on clients",
	.dialects = WFM_XML,
	.fields = client_note_fields,
	.endpoints = client_note_endpoints,
	.typical_rows = 1000,
};

static const WfmField client_relationship_fields[] = {
	OF_CLIENT,
	WFM_ORDINAL_AT(1),
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the relationship", 1},
	{"legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "integer key of the relationship", 1},
	WFM_TEXT_AT(1, "type", "Type", "Director, Shareholder, Trustee, ..."),
	WFM_REFERENCE_AT(1, "related_client", "RelatedClient", WFM_PRACTICEMANAGER, "the other client"),
	WFM_FIELD_AT(1, "number_of_shares", "NumberOfShares", WFM_TYPE_INTEGER, "shares of a shareholder or owner"),
	WFM_FIELD_AT(1, "percentage", "Percentage", WFM_TYPE_NUMERIC, "share of a partner in percent"),
	WFM_FIELD_AT(1, "start_date", "StartDate", WFM_TYPE_DATE, "first day"),
	WFM_FIELD_AT(1, "end_date", "EndDate", WFM_TYPE_DATE, "last day"),
	{NULL}
};

static const WfmEndpoint client_relationship_endpoints[] = {
	WFM_GET_LISTS_BY("client.api/get/{}", "client_", "Client", "Relationships/Relationship"),
	CLIENT_LISTS(WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, WFM_NO_FILTER, "Clients/Client", "Relationships/Relationship"),
	{NULL}
};

const WfmResource wfm_resource_client_relationship = {
	.name = "client_relationship",
	.comment = "relationships between clients",
	.dialects = WFM_PRACTICEMANAGER,
	.fields = client_relationship_fields,
	.endpoints = client_relationship_endpoints,
	.typical_rows = 500,
};

/* ---------- contacts on their own ---------- */

static const WfmField contact_fields[] = {
	WFM_IDENTITY("contact"),
	TEXT("name", "Name", "name; not unique"),
	TEXT("mobile", "Mobile", "mobile phone number"),
	TEXT("email", "Email", "e-mail address"),
	TEXT("phone", "Phone", "phone number"),
	TEXT("salutation", "Salutation", "salutation, for example Sam"),
	TEXT("addressee", "Addressee", "addressee, for example Mrs S Benecke"),
	{"is_deleted", "IsDeleted", WFM_TYPE_BOOLEAN, 0, 0, "whether it is deleted"},
	{NULL}
};

static const WfmEndpoint contact_endpoints[] = {
	WFM_GET_BY("client.api/contact/{}", "", "Contact"),
	{
		.path = "client.api/contacts",
		.flags = WFM_ENDPOINT_WHOLE,
		.paging = WFM_PAGING_LINKS,
		.page_size = "pageSize",
		.records_a_page = 500,
		.scopes = {"Contacts/Contact"},
	},
	{NULL}
};

const WfmResource wfm_resource_contact = {
	.name = "contact",
	.comment = "contacts, each once; position and whether primary are known in client_contact alone",
	.dialects = WFM_PRACTICEMANAGER_3_1,
	.fields = contact_fields,
	.endpoints = contact_endpoints,
	.typical_rows = 700,
};
