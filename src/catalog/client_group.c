/*
 * catalog/client_group.c
 *		Groups of clients: clientgroup.api.
 *
 * The members are in each group's own record.  practicemanager also sends the
 * groups in each client's detailed record, which is one call for all of them.
 */
#include "catalog/resources.h"

#include <stddef.h>

static const WfmField group_fields[] = {
	WFM_IDENTITY("client group"),
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"},
	{"taxable", "Taxable", WFM_TYPE_BOOLEAN, 0, 0, "whether the group is taxed; tenants with the Practice Management module"},
	{"web_url", "WebUrl|WebURL", WFM_TYPE_TEXT, WFM_PRACTICEMANAGER_3_1, 0, "page of the group in the application"},
	{NULL}
};

static const WfmEndpoint group_endpoints[] = {
	WFM_GET_BY("clientgroup.api/get/{}", "", "Group"),
	{
		.path = "clientgroup.api/list",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"Groups/Group"},
	},
	{NULL}
};

const WfmResource wfm_resource_client_group = {
	.name = "client_group",
	.comment = "groups of clients",
	.dialects = WFM_XML,
	.fields = group_fields,
	.endpoints = group_endpoints,
	.typical_rows = 50,
};

static const WfmField member_fields[] = {
	WFM_OWNER_UUID("client", "client that belongs to the group"),
	{"client_name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the client"},
	{"client_group_uuid", "UUID", WFM_TYPE_UUID, 0, 0, "group", 1},
	{"client_group_legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "group, by its integer key", 1},
	{"client_group_name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the group", 1},
	{NULL}
};

static const WfmEndpoint member_endpoints[] = {
	WFM_GET_LISTS_BY("client.api/get/{}", "client_", "Client", "Groups/Group"),
	{
		.path = "client.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED,
		.scopes = {"Clients/Client", "Groups/Group"},
	},
	{NULL}
};

const WfmResource wfm_resource_client_group_member = {
	.name = "client_group_member",
	.comment = "which clients belong to which groups",
	.dialects = WFM_PRACTICEMANAGER,
	.fields = member_fields,
	.endpoints = member_endpoints,
	.typical_rows = 200,
};

static const WfmField member_by_group_fields[] = {
	{"client_group_uuid", "UUID", WFM_TYPE_UUID, 0, WFM_FIELD_KEY, "group"},
	{"client_group_name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the group"},
	{"client_uuid", "UUID", WFM_TYPE_UUID, 0, 0, "client that belongs to the group", 1},
	{"client_name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the client", 1},
	{NULL}
};

static const WfmEndpoint member_by_group_endpoints[] = {
	{
		.path = "clientgroup.api/get/{}",
		.scopes = {"Group", "Clients/Client"},
		.filters = {WFM_BY_PARENT("client_group_uuid", "client_group", "uuid")},
	},
	{NULL}
};

const WfmResource wfm_resource_client_group_member_by_group = {
	.name = "client_group_member",
	.comment = "which clients belong to which groups",
	.dialects = WFM_CLASSIC,
	.fields = member_by_group_fields,
	.endpoints = member_by_group_endpoints,
	.typical_rows = 200,
	.costly = true,
};
