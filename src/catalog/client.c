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

static const WfmField client_fields[] = {
	{"uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "key of the client"},
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
	TEXT("account_manager_name", "AccountManager/Name|AccountManager", "name of the account manager"),
	XPM("job_manager_uuid", "JobManager/UUID", WFM_TYPE_UUID, "staff member who manages the jobs"),
	XPM("job_manager_name", "JobManager/Name", WFM_TYPE_TEXT, "name of the job manager"),
	TEXT("type_name", "Type/Name", "name of the client type"),
	{"type_cost_markup", "Type/CostMarkup", WFM_TYPE_NUMERIC, 0, 0, "markup on costs in percent"},
	TEXT("type_payment_term", "Type/PaymentTerm", "DayOfMonth or WithinDays"),
	{"type_payment_day", "Type/PaymentDay", WFM_TYPE_INTEGER, 0, 0, "day of the payment term"},
	XPM("billing_client_uuid", "BillingClient/UUID", WFM_TYPE_UUID, "client that is billed instead"),
	XPM("billing_client_name", "BillingClient/Name", WFM_TYPE_TEXT, "name of the client that is billed instead"),
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
	TEXT("web_url", "WebUrl|WebURL", "page of the client in the application"),
	{"_modified_since", NULL, WFM_TYPE_TIMESTAMPTZ, 0, WFM_FIELD_INPUT,
	"input only: clients modified since; the API tells no modification date"},
	{"_search", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_INPUT,
	"input only: the vendor's own search in names and other fields"},
	{NULL}
};

static const WfmEndpoint client_endpoints[] = {
	{
		.path = "client.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Client"},
		.filters = {
			{"uuid", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true},
		},
	},
	{
		.path = "client.api/search",
		.flags = WFM_ENDPOINT_DETAILED,
		.scopes = {"Clients/Client"},
		.filters = {
			{"_search", WFM_OP_EQUAL, WFM_IN_QUERY, "query", WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true},
		},
	},
	{
		.path = "client.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"Clients/Client"},
		.filters = {
			{"_modified_since", WFM_OP_SINCE, WFM_IN_QUERY, "modifiedsince", WFM_FORMAT_UTC_SECOND, WFM_GRADE_EXACT, false},
		},
	},
	{NULL}
};

const WfmResource wfm_resource_client = {
	.name = "client",
	.comment = "clients, with archived and deleted ones",
	.dialects = WFM_XERO,
	.fields = client_fields,
	.endpoints = client_endpoints,
	.typical_rows = 500,
};
