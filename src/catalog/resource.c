/*
 * catalog/resource.c
 *		The list of resources and look-ups in it.
 */
#include "catalog/resource.h"

#include <stddef.h>
#include <string.h>

#include "catalog/resources.h"

const WfmResource *const wfm_resources[] = {
	&wfm_resource_client,
	&wfm_resource_client_contact,
	&wfm_resource_client_note,
	&wfm_resource_client_relationship,
	&wfm_resource_contact,
	&wfm_resource_client_group,
	&wfm_resource_client_group_member,
	&wfm_resource_client_group_member_by_group,
	&wfm_resource_cost,
	&wfm_resource_job_cost,
	&wfm_resource_custom_field,
	&wfm_resource_client_custom_field,
	&wfm_resource_client_contact_custom_field,
	&wfm_resource_job_custom_field,
	&wfm_resource_job_task_custom_field,
	&wfm_resource_job_cost_custom_field,
	&wfm_resource_time_entry_custom_field,
	&wfm_resource_supplier_custom_field,
	&wfm_resource_supplier_contact_custom_field,
	&wfm_resource_lead_custom_field,
	&wfm_resource_quote_custom_field,
	&wfm_resource_client_document,
	&wfm_resource_job_document,
	&wfm_resource_invoice,
	&wfm_resource_invoice_draft,
	&wfm_resource_invoice_payment,
	&wfm_resource_invoice_job,
	&wfm_resource_invoice_job_task,
	&wfm_resource_invoice_job_cost,
	&wfm_resource_invoice_task,
	&wfm_resource_invoice_cost,
	&wfm_resource_invoice_draft_job,
	&wfm_resource_invoice_draft_job_task,
	&wfm_resource_invoice_draft_job_cost,
	&wfm_resource_invoice_draft_task,
	&wfm_resource_invoice_draft_cost,
	&wfm_resource_job,
	&wfm_resource_job_current,
	&wfm_resource_job_assignee,
	&wfm_resource_job_task,
	&wfm_resource_job_task_assignee,
	&wfm_resource_job_milestone,
	&wfm_resource_job_note,
	&wfm_resource_job_note_comment,
	&wfm_resource_lead,
	&wfm_resource_lead_activity,
	&wfm_resource_lead_history,
	&wfm_resource_category,
	&wfm_resource_job_state,
	&wfm_resource_lead_category,
	&wfm_resource_task,
	&wfm_resource_template,
	&wfm_resource_purchase_order,
	&wfm_resource_purchase_order_draft,
	&wfm_resource_purchase_order_cost,
	&wfm_resource_purchase_order_draft_cost,
	&wfm_resource_quote,
	&wfm_resource_quote_draft,
	&wfm_resource_quote_task,
	&wfm_resource_quote_cost,
	&wfm_resource_quote_option,
	&wfm_resource_quote_draft_task,
	&wfm_resource_quote_draft_cost,
	&wfm_resource_quote_draft_option,
	&wfm_resource_staff,
	&wfm_resource_supplier,
	&wfm_resource_supplier_contact,
	&wfm_resource_supplier_note,
	&wfm_resource_time_entry,
	&wfm_resource_bluerock2_client,
	&wfm_resource_bluerock2_client_address,
	&wfm_resource_bluerock2_client_contact,
	&wfm_resource_bluerock2_client_note,
	&wfm_resource_bluerock2_client_group_member,
	&wfm_resource_bluerock2_client_relationship,
	&wfm_resource_bluerock2_client_custom_field,
	&wfm_resource_bluerock2_client_document,
	&wfm_resource_bluerock2_client_rate,
	&wfm_resource_bluerock2_client_tax_number,
	&wfm_resource_bluerock2_client_group,
	&wfm_resource_bluerock2_job,
	&wfm_resource_bluerock2_job_task,
	&wfm_resource_bluerock2_job_assignee,
	&wfm_resource_bluerock2_job_cost,
	&wfm_resource_bluerock2_job_note,
	&wfm_resource_bluerock2_job_custom_field,
	&wfm_resource_bluerock2_job_document,
	&wfm_resource_bluerock2_time_entry,
	&wfm_resource_bluerock2_staff,
	&wfm_resource_bluerock2_capacity_plan,
	&wfm_resource_bluerock2_lead,
	&wfm_resource_bluerock2_quote,
	&wfm_resource_bluerock2_quote_note,
	&wfm_resource_bluerock2_invoice,
	&wfm_resource_bluerock2_invoice_note,
	&wfm_resource_bluerock2_invoice_cost,
	&wfm_resource_bluerock2_invoice_payment,
	&wfm_resource_bluerock2_purchase_order,
	&wfm_resource_bluerock2_bill,
	&wfm_resource_bluerock2_supplier,
	&wfm_resource_bluerock2_supplier_contact,
	&wfm_resource_bluerock2_task,
	&wfm_resource_bluerock2_custom_field,
	&wfm_resource_bluerock2_account,
	&wfm_resource_bluerock2_role,
	&wfm_resource_bluerock2_tax,
	&wfm_resource_bluerock2_me,
};

const int	wfm_nresources = sizeof(wfm_resources) / sizeof(wfm_resources[0]);

/* Columns that every resource has. */
static const WfmField common_fields[] = {
	{"raw", ".", WFM_TYPE_JSONB, 0, WFM_FIELD_RAW,
	"the whole record as the API delivered it, with the vendor's names"},
	{"tenant_id", NULL, WFM_TYPE_UUID, 0, WFM_FIELD_TENANT_ID | WFM_FIELD_KEY,
	"tenant the row comes from"},
	{"tenant_name", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_TENANT_NAME,
	"name of the tenant, or its label in the server option tenants"},
	{NULL}
};

const WfmResource *
wfm_resource_find(const char *name, const WfmDialect *dialect)
{
	for (int i = 0; i < wfm_nresources; i++)
	{
		if (strcmp(wfm_resources[i]->name, name) == 0 &&
			wfm_resource_in(wfm_resources[i], dialect))
			return wfm_resources[i];
	}
	return NULL;
}

const WfmField *
wfm_field_find(const WfmResource *resource, const WfmDialect *dialect,
			   const char *name)
{
	for (const WfmField *field = resource->fields; field->name != NULL; field++)
	{
		if (strcmp(field->name, name) == 0 && wfm_field_in(field, dialect))
			return field;
	}
	for (const WfmField *field = common_fields; field->name != NULL; field++)
	{
		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

bool
wfm_resource_in(const WfmResource *resource, const WfmDialect *dialect)
{
	return (resource->dialects & dialect->bit) != 0;
}

bool
wfm_field_in(const WfmField *field, const WfmDialect *dialect)
{
	return field->dialects == 0 || (field->dialects & dialect->bit) != 0;
}

bool
wfm_endpoint_in(const WfmEndpoint *endpoint, const WfmDialect *dialect)
{
	return endpoint->dialects == 0 || (endpoint->dialects & dialect->bit) != 0;
}

bool
wfm_endpoint_delivers(const WfmEndpoint *endpoint, const char *column)
{
	for (int i = 0; i < WFM_MAX_LACKS && endpoint->lacks[i] != NULL; i++)
	{
		if (strcmp(endpoint->lacks[i], column) == 0)
			return false;
	}
	return true;
}

const WfmEndpoint *
wfm_endpoint_whole(const WfmResource *resource, const WfmDialect *dialect)
{
	for (const WfmEndpoint *endpoint = resource->endpoints;
		 endpoint->path != NULL; endpoint++)
	{
		if ((endpoint->flags & WFM_ENDPOINT_WHOLE) != 0 &&
			wfm_endpoint_in(endpoint, dialect))
			return endpoint;
	}
	return NULL;
}

const WfmEndpoint *
wfm_endpoint_find(const WfmResource *resource, const WfmDialect *dialect,
				  const char *path)
{
	for (const WfmEndpoint *endpoint = resource->endpoints;
		 endpoint->path != NULL; endpoint++)
	{
		if (strcmp(endpoint->path, path) == 0 &&
			wfm_endpoint_in(endpoint, dialect))
			return endpoint;
	}
	return NULL;
}

const WfmEndpoint *
wfm_endpoint_walk(const WfmResource *resource, const WfmDialect *dialect,
				  int *filter)
{
	for (const WfmEndpoint *endpoint = resource->endpoints;
		 endpoint->path != NULL; endpoint++)
	{
		if (!wfm_endpoint_in(endpoint, dialect))
			continue;
		for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
		{
			if (endpoint->filters[i].parent != NULL)
			{
				*filter = i;
				return endpoint;
			}
		}
	}
	return NULL;
}

int
wfm_endpoint_nfilters(const WfmEndpoint *endpoint)
{
	int			n = 0;

	while (n < WFM_MAX_FILTERS && endpoint->filters[n].column != NULL)
		n++;
	return n;
}

int
wfm_endpoint_nscopes(const WfmEndpoint *endpoint)
{
	int			n = 0;

	while (n < WFM_MAX_SCOPES && endpoint->scopes[n] != NULL)
		n++;
	return n;
}

const char *
wfm_type_name(WfmType type)
{
	switch (type)
	{
		case WFM_TYPE_TEXT:
			return "text";
		case WFM_TYPE_UUID:
			return "uuid";
		case WFM_TYPE_BOOLEAN:
			return "boolean";
		case WFM_TYPE_INTEGER:
			return "integer";
		case WFM_TYPE_NUMERIC:
			return "numeric";
		case WFM_TYPE_DATE:
			return "date";
		case WFM_TYPE_TIMESTAMP:
			return "timestamp without time zone";
		case WFM_TYPE_TIMESTAMPTZ:
			return "timestamp with time zone";
		case WFM_TYPE_TIME:
			return "time without time zone";
		case WFM_TYPE_JSONB:
			return "jsonb";
	}
	return "text";
}

const char *
wfm_grade_name(WfmGrade grade)
{
	switch (grade)
	{
		case WFM_GRADE_EXACT:
			return "exact";
		case WFM_GRADE_SUPERSET:
			return "superset";
		case WFM_GRADE_ASSUMED:
			return "assumed";
	}
	return "assumed";
}
