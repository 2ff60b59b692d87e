/*
 * catalog/lead.c
 *		Leads: lead.api of workflowmax/3.0 and bluerock/1.
 */
#include "catalog/resources.h"

#include <stddef.h>

static const WfmField lead_fields[] = {
	{"uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "key of the lead"},
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"},
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"},
	{"state", "State", WFM_TYPE_TEXT, 0, 0, "Current, Won, Lost"},
	{"estimated_value", "EstimatedValue", WFM_TYPE_NUMERIC, 0, 0, "estimated value, an amount of money"},
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day"},
	{"date_won_lost", "DateWonLost", WFM_TYPE_DATE, 0, 0, "day it was won or lost"},
	{"category", "Category", WFM_TYPE_TEXT, 0, 0, "category"},
	WFM_REFERENCE_UUID_AT(0, "client", "Client", 0, "client"),
	WFM_REFERENCE_UUID_AT(0, "contact", "Contact", 0, "contact at the client"),
	WFM_REFERENCE_UUID_AT(0, "owner", "Owner", 0, "staff member who owns the lead"),
	{"dropbox", "Dropbox", WFM_TYPE_TEXT, WFM_BLUEROCK_1, 0, "address that files mail under the lead"},
	{"web_url", "WebUrl|WebURL", WFM_TYPE_TEXT, 0, 0, "page of the lead in the application"},
	WFM_LIST_AT(0, "activities", "Activities", 0, WFM_FIELD_DETAILED, "lead_activity", "activities"),
	WFM_LIST_AT(0, "history", "History", 0, WFM_FIELD_DETAILED, "lead_history", "history"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint lead_endpoints[] = {
	{
		.path = "lead.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"Lead"},
		.filters = {WFM_BY("uuid")},
	},
	{
		.path = "lead.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"Leads/Lead"},
		.filters = {WFM_LISTED_FILTERS},
	},
	{NULL}
};

const WfmResource wfm_resource_lead = {
	.name = "lead",
	.comment = "leads, current, won and lost",
	.dialects = WFM_CLASSIC,
	.fields = lead_fields,
	.endpoints = lead_endpoints,
	.typical_rows = 500,
};

#define OF_LEAD \
	{"lead_uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "lead"}, \
	WFM_ORDINAL_AT(1)

#define OF_LEAD_ENDPOINTS(list) \
	{ \
		.path = "lead.api/get/{}", \
		.scopes = {"Lead", list}, \
		.filters = {WFM_BY("lead_uuid")}, \
	}, \
	{ \
		.path = "lead.api/list", \
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED, \
		.paging = WFM_PAGING_WINDOWS, \
		.scopes = {"Leads/Lead", list}, \
		.filters = {WFM_LISTED_FILTERS}, \
	}, \
	{NULL}

static const WfmField lead_activity_fields[] = {
	OF_LEAD,
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_DATE, "day"),
	WFM_TEXT_AT(1, "subject", "Subject", "subject"),
	WFM_FIELD_AT(1, "completed", "Completed", WFM_TYPE_BOOLEAN, "whether it is completed"),
	WFM_REFERENCE_UUID_AT(1, "responsible", "Responsible", 0, "staff member responsible"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint lead_activity_endpoints[] = {
	OF_LEAD_ENDPOINTS("Activities/Activity")
};

const WfmResource wfm_resource_lead_activity = {
	.name = "lead_activity",
	.comment = "activities of leads",
	.dialects = WFM_CLASSIC,
	.fields = lead_activity_fields,
	.endpoints = lead_activity_endpoints,
	.typical_rows = 1000,
};

static const WfmField lead_history_fields[] = {
	OF_LEAD,
	WFM_TEXT_AT(1, "detail", "Detail", "what happened"),
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_TIMESTAMP, "when, without zone as the tenant sees it"),
	WFM_TEXT_AT(1, "staff_name", "Staff", "name of the staff member"),
	WFM_TEXT_AT(1, "type", "Type", "kind of event"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint lead_history_endpoints[] = {
	OF_LEAD_ENDPOINTS("History/Item")
};

const WfmResource wfm_resource_lead_history = {
	.name = "lead_history",
	.comment = "history of leads",
	.dialects = WFM_CLASSIC,
	.fields = lead_history_fields,
	.endpoints = lead_history_endpoints,
	.typical_rows = 2000,
};
