/*
 * catalog/staff.c
 *		Staff members: staff.api.
 */
#include "catalog/resources.h"

#include <stddef.h>

static const WfmField staff_fields[] = {
	WFM_IDENTITY("staff member"),
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
	WFM_GET_BY("staff.api/get/{}", "", "Staff"),
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
	.dialects = WFM_XML,
	.fields = staff_fields,
	.endpoints = staff_endpoints,
	.typical_rows = 40,
};
