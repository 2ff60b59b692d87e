/*
 * catalog/named.c
 *		Lists of names: categories, lead categories, job states, templates, and
 *		the task catalogue.
 */
#include "catalog/resources.h"

#include <stddef.h>

/* A table whose records have a key and a name. */
#define NAMED(symbol, table, who, where, record, what, words) \
	static const WfmField symbol##_fields[] = { \
		WFM_IDENTITY(what), \
		{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"}, \
		{NULL} \
	}; \
	static const WfmEndpoint symbol##_endpoints[] = { \
		{ \
			.path = where, \
			.flags = WFM_ENDPOINT_WHOLE, \
			.scopes = {record}, \
		}, \
		{NULL} \
	}; \
	const WfmResource wfm_resource_##symbol = { \
		.name = table, \
		.comment = words, \
		.dialects = who, \
		.fields = symbol##_fields, \
		.endpoints = symbol##_endpoints, \
		.typical_rows = 20, \
	}

NAMED(category, "category", WFM_XML, "category.api/list",
	  "Categories/Category", "category",
	  "categories of jobs");

NAMED(job_state, "job_state", WFM_PRACTICEMANAGER_3_1, "jobstate.api/list",
	  "JobStates/JobState", "job state",
	  "states a job can be in");

NAMED(lead_category, "lead_category", WFM_CLASSIC, "lead.api/categories",
	  "Categories/Category", "lead category",
	  "categories of leads");

/* the specification of bluerock/1 calls its records Task, against all others */
NAMED(template, "template", WFM_XML, "template.api/list",
	  "Templates/Template|Templates/Task", "job template",
	  "templates of jobs");

static const WfmField task_fields[] = {
	WFM_IDENTITY("task"),
	{"name", "Name", WFM_TYPE_TEXT, 0, 0, "name"},
	{"description", "Description", WFM_TYPE_TEXT, 0, 0, "description"},
	{NULL}
};

static const WfmEndpoint task_endpoints[] = {
	WFM_GET_BY("task.api/get/{}", "", "Task"),
	{
		.path = "task.api/list",
		.flags = WFM_ENDPOINT_WHOLE,
		.scopes = {"TaskList/Task"},
	},
	{NULL}
};

const WfmResource wfm_resource_task = {
	.name = "task",
	.comment = "task catalogue, from which tasks of jobs are made",
	.dialects = WFM_XML,
	.fields = task_fields,
	.endpoints = task_endpoints,
	.typical_rows = 50,
};
