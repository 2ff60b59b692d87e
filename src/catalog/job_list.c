/*
 * catalog/job_list.c
 *		The lists inside a job: assigned staff, tasks, milestones, notes.
 *
 * They come with the job, from a get by its number or from the detailed list,
 * whose windows read current and archived jobs as those of table "job" do.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define OF_JOB WFM_OWNER_NUMBER("job", "number of the job")

/* The two ways to a job's lists; more are flags of the list. */
#define OF_JOB_ENDPOINTS(more, ...) \
	{ \
		.path = "job.api/get/{}", \
		.scopes = {"Job", __VA_ARGS__}, \
		.filters = {WFM_BY("job_id")}, \
	}, \
	{ \
		.path = "job.api/list", \
		.flags = WFM_ENDPOINT_WHOLE | (more), \
		.paging = WFM_PAGING_WINDOWS, \
		.scopes = {"Jobs/Job", __VA_ARGS__}, \
		.filters = {WFM_LISTED_FILTERS}, \
	}, \
	{NULL}

#define DETAILED (WFM_ENDPOINT_DETAILED | WFM_ENDPOINT_ALWAYS_DETAILED)

#define STAFF_AT(depth) \
	{"staff_uuid", "UUID", WFM_TYPE_UUID, 0, 0, "staff member", depth}, \
	{"staff_legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "staff member, by its integer key", depth}, \
	{"staff_name", "Name", WFM_TYPE_TEXT, 0, 0, "name of the staff member", depth}, \
	{"allocated_minutes", "AllocatedMinutes", WFM_TYPE_INTEGER, 0, 0, "minutes allocated", depth}

/* A key of an element at this depth. */
#define KEY_AT(depth, prefix, what) \
	{prefix "uuid", "UUID", WFM_TYPE_UUID, 0, 0, "key of the " what, depth}, \
	{prefix "legacy_id", "ID", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "integer key of the " what, depth}

/* ---------- assigned staff ---------- */

static const WfmField job_assignee_fields[] = {
	OF_JOB,
	WFM_ORDINAL_AT(1),
	STAFF_AT(1),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_assignee_endpoints[] = {
	OF_JOB_ENDPOINTS(0, "Assigned/Staff")
};

const WfmResource wfm_resource_job_assignee = {
	.name = "job_assignee",
	.comment = "staff assigned to jobs",
	.dialects = WFM_XML,
	.fields = job_assignee_fields,
	.endpoints = job_assignee_endpoints,
	.typical_rows = 4000,
};

/* ---------- tasks ---------- */

static const WfmField job_task_fields[] = {
	OF_JOB,
	WFM_ORDINAL_AT(1),
	KEY_AT(1, "", "task of the job; time entries refer to it"),
	WFM_TEXT_AT(1, "name", "Name", "name"),
	{"task_uuid", "TaskUUID|TaskUuid", WFM_TYPE_UUID, 0, 0, "task of the catalogue it was made from", 1},
	{"task_legacy_id", "TaskID|TaskId", WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, 0, "the same by its integer key", 1},
	{"task_id", "TaskID|TaskId", WFM_TYPE_TEXT, WFM_PRACTICEMANAGER_3_1, 0, "the same by an identifier the specification alone has", 1},
	WFM_FIELD_AT(1, "estimated_minutes", "EstimatedMinutes", WFM_TYPE_INTEGER, "minutes estimated"),
	WFM_FIELD_AT(1, "actual_minutes", "ActualMinutes", WFM_TYPE_INTEGER, "minutes worked"),
	WFM_TEXT_AT(1, "description", "Description", "description"),
	WFM_FIELD_AT(1, "completed", "Completed", WFM_TYPE_BOOLEAN, "whether it is completed"),
	WFM_FIELD_AT(1, "billable", "Billable", WFM_TYPE_BOOLEAN, "whether it is billable"),
	WFM_TEXT_AT(1, "folder", "Folder", "folder"),
	WFM_FIELD_AT(1, "start_date", "StartDate", WFM_TYPE_DATE, "first day, where scheduled"),
	WFM_FIELD_AT(1, "due_date", "DueDate", WFM_TYPE_DATE, "day it is due"),
	WFM_LIST_AT(1, "assigned", "Assigned", 0, 0, "job_task_assignee", "staff assigned to the task"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_task_endpoints[] = {
	OF_JOB_ENDPOINTS(DETAILED, "Tasks/Task")
};

const WfmResource wfm_resource_job_task = {
	.name = "job_task",
	.comment = "tasks of jobs",
	.dialects = WFM_XML,
	.fields = job_task_fields,
	.endpoints = job_task_endpoints,
	.typical_rows = 10000,
};

static const WfmField job_task_assignee_fields[] = {
	OF_JOB,
	KEY_AT(1, "job_task_", "task of the job"),
	WFM_ORDINAL_AT(2),
	STAFF_AT(2),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_task_assignee_endpoints[] = {
	OF_JOB_ENDPOINTS(DETAILED, "Tasks/Task", "Assigned/Staff")
};

const WfmResource wfm_resource_job_task_assignee = {
	.name = "job_task_assignee",
	.comment = "staff assigned to tasks of jobs",
	.dialects = WFM_XML,
	.fields = job_task_assignee_fields,
	.endpoints = job_task_assignee_endpoints,
	.typical_rows = 10000,
};

/* ---------- milestones ---------- */

static const WfmField job_milestone_fields[] = {
	OF_JOB,
	WFM_ORDINAL_AT(1),
	KEY_AT(1, "", "milestone"),
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_DATE, "day"),
	WFM_TEXT_AT(1, "description", "Description", "description"),
	WFM_FIELD_AT(1, "completed", "Completed", WFM_TYPE_BOOLEAN, "whether it is completed"),
	WFM_TEXT_AT(1, "folder", "Folder", "folder"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_milestone_endpoints[] = {
	OF_JOB_ENDPOINTS(DETAILED, "Milestones/Milestone")
};

const WfmResource wfm_resource_job_milestone = {
	.name = "job_milestone",
	.comment = "milestones of jobs",
	.dialects = WFM_XML,
	.fields = job_milestone_fields,
	.endpoints = job_milestone_endpoints,
	.typical_rows = 2000,
};

/* ---------- notes and their comments ---------- */

static const WfmField job_note_fields[] = {
	OF_JOB,
	WFM_ORDINAL_AT(1),
	KEY_AT(1, "", "note"),
	WFM_TEXT_AT(1, "title", "Title", "title"),
	WFM_TEXT_AT(1, "text", "Text", "text"),
	WFM_TEXT_AT(1, "folder", "Folder", "folder"),
	WFM_FIELD_AT(1, "date", "Date", WFM_TYPE_TIMESTAMP, "time of the note, without zone as the tenant sees it"),
	WFM_TEXT_AT(1, "created_by", "CreatedBy", "who wrote it, a name or an e-mail address"),
	WFM_LIST_AT(1, "comments", "Comments", 0, 0, "job_note_comment", "comments on the note"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_note_endpoints[] = {
	OF_JOB_ENDPOINTS(DETAILED, "Notes/Note")
};

const WfmResource wfm_resource_job_note = {
	.name = "job_note",
	.comment = "notes on jobs",
	.dialects = WFM_XML,
	.fields = job_note_fields,
	.endpoints = job_note_endpoints,
	.typical_rows = 5000,
};

static const WfmField job_note_comment_fields[] = {
	OF_JOB,
	KEY_AT(1, "job_note_", "note"),
	WFM_ORDINAL_AT(2),
	KEY_AT(2, "", "comment"),
	WFM_TEXT_AT(2, "text", "Text", "text"),
	WFM_FIELD_AT(2, "date", "Date", WFM_TYPE_TIMESTAMP, "time of the comment, without zone as the tenant sees it"),
	WFM_TEXT_AT(2, "created_by", "CreatedBy", "who wrote it"),
	WFM_LISTED_FIELDS,
	{NULL}
};

static const WfmEndpoint job_note_comment_endpoints[] = {
	OF_JOB_ENDPOINTS(DETAILED, "Notes/Note", "Comments/Comment")
};

const WfmResource wfm_resource_job_note_comment = {
	.name = "job_note_comment",
	.comment = "comments on notes on jobs",
	.dialects = WFM_XML,
	.fields = job_note_comment_fields,
	.endpoints = job_note_comment_endpoints,
	.typical_rows = 2000,
};
