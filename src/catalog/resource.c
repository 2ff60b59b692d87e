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
	&wfm_resource_job,
	&wfm_resource_job_current,
	&wfm_resource_staff,
	&wfm_resource_time_entry,
};

const int	wfm_nresources = sizeof(wfm_resources) / sizeof(wfm_resources[0]);

const WfmResource *
wfm_resource_find(const char *name)
{
	for (int i = 0; i < wfm_nresources; i++)
	{
		if (strcmp(wfm_resources[i]->name, name) == 0)
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
