/*
 * catalog/purchase_order.c
 *		Purchase orders: purchaseorder.api of workflowmax/3.0 and bluerock/1.
 *
 * Drafts come from an endpoint of their own, and a get or the orders of a job
 * may deliver either, so those leave drafts out.  The price of one and the
 * catalogue's cost of a line are in the specification of bluerock/1 alone.
 */
#include "catalog/resources.h"

#include <stddef.h>

/* order: "purchase_order", or "purchase_order_draft". */
#define ORDER_FIELDS(order) \
	{"id", "ID", WFM_TYPE_TEXT, 0, WFM_FIELD_KEY, "order number, which users can edit"}, \
	{"uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the purchase order, where told"}, \
	{"state", "State", WFM_TYPE_TEXT, 0, 0, "Draft, Issued, ..."}, \
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day of the order"}, \
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"}, \
	{"delivery_address", "DeliveryAddress", WFM_TYPE_TEXT, 0, 0, "where to deliver"}, \
	WFM_AMOUNTS_AT(0), \
	WFM_REFERENCE_UUID_AT(0, "supplier", "Supplier", 0, "supplier"), \
	{"job_id", "Job/ID", WFM_TYPE_TEXT, 0, 0, "number of the job"}, \
	{"job_name", "Job/Name", WFM_TYPE_TEXT, 0, 0, "name of the job"}, \
	WFM_LIST_AT(0, "costs", "Costs", 0, WFM_FIELD_DETAILED, order "_cost", "lines")

static const WfmField order_fields[] = {
	ORDER_FIELDS("purchase_order"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmField draft_fields[] = {
	ORDER_FIELDS("purchase_order_draft"),
	{NULL}
};

static const WfmEndpoint order_endpoints[] = {
	{
		.path = "purchaseorder.api/get/{}",
		.flags = WFM_ENDPOINT_SINGLE,
		.scopes = {"PurchaseOrder"},
		.filters = {WFM_BY("id")},
		.except_path = "State",
		.except_value = "Draft",
	},
	{
		.path = "purchaseorder.api/job/{}",
		.scopes = {"PurchaseOrders/PurchaseOrder"},
		.filters = {WFM_BY("job_id")},
		.lacks = {"costs"},
		.except_path = "State",
		.except_value = "Draft",
	},
	{
		.path = "purchaseorder.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"PurchaseOrders/PurchaseOrder"},
		.filters = {WFM_LISTED_FILTERS},
	},
	{NULL}
};

static const WfmEndpoint draft_endpoints[] = {
	{
		.path = "purchaseorder.api/draft",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED,
		.scopes = {"PurchaseOrders/PurchaseOrder"},
	},
	{NULL}
};

const WfmResource wfm_resource_purchase_order = {
	.name = "purchase_order",
	.comment = "purchase orders that were issued; drafts are in purchase_order_draft",
	.dialects = WFM_CLASSIC,
	.fields = order_fields,
	.endpoints = order_endpoints,
	.typical_rows = 500,
};

const WfmResource wfm_resource_purchase_order_draft = {
	.name = "purchase_order_draft",
	.comment = "drafts of purchase orders",
	.dialects = WFM_CLASSIC,
	.fields = draft_fields,
	.endpoints = draft_endpoints,
	.typical_rows = 20,
};

#define COST_FIELDS \
	WFM_OWNER_NUMBER("purchase_order", "number of the purchase order"), \
	{"purchase_order_date", "Date", WFM_TYPE_DATE, 0, 0, "day of the order"}, \
	WFM_ORDINAL_AT(1), \
	WFM_TEXT_AT(1, "description", "Description", "description"), \
	WFM_TEXT_AT(1, "note", "Note", "note"), \
	WFM_TEXT_AT(1, "code", "Code", "code"), \
	WFM_FIELD_AT(1, "quantity", "Quantity", WFM_TYPE_NUMERIC, "quantity"), \
	WFM_FIELD_AT(1, "unit_cost", "UnitCost", WFM_TYPE_NUMERIC, "cost of one"), \
	{"unit_price", "UnitPrice", WFM_TYPE_NUMERIC, WFM_BLUEROCK_1, 0, "price of one", 1}, \
	WFM_AMOUNTS_AT(1), \
	WFM_COST_OF_LINE_AT(1)

static const WfmField order_cost_fields[] = {
	COST_FIELDS,
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmField draft_cost_fields[] = {
	COST_FIELDS,
	{NULL}
};

static const WfmEndpoint order_cost_endpoints[] = {
	{
		.path = "purchaseorder.api/get/{}",
		.scopes = {"PurchaseOrder", "Costs/Cost"},
		.filters = {WFM_BY("purchase_order_id")},
		.except_path = "State",
		.except_value = "Draft",
	},
	{
		.path = "purchaseorder.api/list",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED,
		.paging = WFM_PAGING_WINDOWS,
		.scopes = {"PurchaseOrders/PurchaseOrder", "Costs/Cost"},
		.filters = {WFM_LISTED_FILTERS},
	},
	{NULL}
};

const WfmResource wfm_resource_purchase_order_cost = {
	.name = "purchase_order_cost",
	.comment = "lines of purchase orders",
	.dialects = WFM_CLASSIC,
	.fields = order_cost_fields,
	.endpoints = order_cost_endpoints,
	.typical_rows = 1500,
};

static const WfmEndpoint draft_cost_endpoints[] = {
	{
		.path = "purchaseorder.api/draft",
		.flags = WFM_ENDPOINT_WHOLE | WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED,
		.scopes = {"PurchaseOrders/PurchaseOrder", "Costs/Cost"},
	},
	{NULL}
};

const WfmResource wfm_resource_purchase_order_draft_cost = {
	.name = "purchase_order_draft_cost",
	.comment = "lines of drafts of purchase orders",
	.dialects = WFM_CLASSIC,
	.fields = draft_cost_fields,
	.endpoints = draft_cost_endpoints,
	.typical_rows = 50,
};
