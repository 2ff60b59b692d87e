/*
 * catalog/cost.c
 *		The cost catalogue (cost.api) and the costs of jobs (job.api/costs).
 *
 * The specification of bluerock/1 has <Costs> at the top of a job's costs
 * where the pages have <Response>, so both are read.
 */
#include "catalog/resources.h"

#include <stddef.h>

static const WfmField cost_fields[] = {
	WFM_IDENTITY("cost"),
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"},
	{"code", "Code", WFM_TYPE_TEXT, 0, 0, "code"},
	{"note", "Note", WFM_TYPE_TEXT, 0, 0, "note"},
	{"unit_cost", "UnitCost", WFM_TYPE_NUMERIC, 0, 0, "cost of one, an amount of money"},
	{"unit_price", "UnitPrice", WFM_TYPE_NUMERIC, 0, 0, "price of one, an amount of money"},
	WFM_REFERENCE("supplier", "Supplier", WFM_XML, "supplier"),
	{"income_account", "IncomeAccount", WFM_TYPE_TEXT, 0, 0, "income account"},
	{"cost_of_sale_account", "CostOfSaleAccount", WFM_TYPE_TEXT, 0, 0, "cost of sale account"},
	{NULL}
};

static const WfmEndpoint cost_endpoints[] = {
	WFM_GET_BY("cost.api/get/{}", "", "Cost"),
	{
		.path = "cost.api/list",
		.flags = WFM_ENDPOINT_WHOLE,
		.paging = WFM_PAGING_RECORDS,
		.records_a_page = 1000,
		.scopes = {"Costs/Cost"},
	},
	{NULL}
};

const WfmResource wfm_resource_cost = {
	.name = "cost",
	.comment = "cost catalogue",
	.dialects = WFM_XML,
	.fields = cost_fields,
	.endpoints = cost_endpoints,
	.typical_rows = 200,
};

static const WfmField job_cost_fields[] = {
	{"job_id", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "number of the job"},
	WFM_ORDINAL_AT(0),
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the job's cost; sometimes missing"},
	{"legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "integer key of the job's cost"},
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day"},
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"},
	{"code", "Code", WFM_TYPE_TEXT, 0, 0, "code"},
	{"note", "Note", WFM_TYPE_TEXT, 0, 0, "note"},
	{"quantity", "Quantity", WFM_TYPE_NUMERIC, 0, 0, "quantity; may be negative"},
	{"unit_cost", "UnitCost", WFM_TYPE_NUMERIC, 0, 0, "cost of one, an amount of money"},
	{"unit_price", "UnitPrice", WFM_TYPE_NUMERIC, 0, 0, "price of one, an amount of money"},
	{"billable", "Billable", WFM_TYPE_BOOLEAN, 0, 0, "whether it is billable"},
	WFM_REFERENCE("supplier", "Supplier", WFM_XML, "supplier"),
	{NULL}
};

static const WfmEndpoint job_cost_endpoints[] = {
	{
		.path = "job.api/costs/{}",
		.scopes = {"Costs/Cost|Cost"},
		.filters = {WFM_BY_PARENT("job_id", "job", "id")},
	},
	{NULL}
};

const WfmResource wfm_resource_job_cost = {
	.name = "job_cost",
	.comment = "costs of jobs: one call for each job",
	.dialects = WFM_XML,
	.fields = job_cost_fields,
	.endpoints = job_cost_endpoints,
	.typical_rows = 5000,
	.costly = true,
};
