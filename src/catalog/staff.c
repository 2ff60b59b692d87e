/*
 * catalog/staff.c
 *		Staff members: staff.api.
 */
#include "catalog/resources.h"

#include <stddef.h>

static const WfmField staff_fields[] = {
	{"uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "key of the staff member"},
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"},
	{"email", "Email", WFM_TYPE_TEXT, 0, 0, "e-mail address"},
	{"phone", "Phone", WFM_TYPE_TEXT, 0, 0, "phone number"},
	{"mobile", "Mobile", WFM_TYPE_TEXT, 0, 0, "mobile phone number"},
	{"address", "Address", WFM_TYPE_TEXT, 0, 0, "address"},
	{"payroll_code", "PayrollCode", WFM_TYPE_TEXT, 0, 0, "code in the payroll"},
	{"web_url", "WebUrl|WebURL", WFM_TYPE_TEXT, 0, 0, "page of the staff member in the application"},
	{NULL}
};

static const WfmEndpoint staff_endpoints[] = {
	{
		.path = "staff.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Staff"},
		.filters = {
			{"uuid", WFM_OP_EQUAL, WFM_IN_PATH, NULL, WFM_FORMAT_AS_TEXT, WFM_GRADE_EXACT, true},
		},
	},
	{
		.path = "staff.api/list",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"StaffList/Staff"},
	},
	{NULL}
};

const WfmResource wfm_resource_staff = {
	.name = "staff",
	.comment = "staff members; the API does not say who is disabled",
	.dialects = WFM_XERO,
	.fields = staff_fields,
	.endpoints = staff_endpoints,
	.typical_rows = 40,
};
