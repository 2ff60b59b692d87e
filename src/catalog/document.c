/*
 * catalog/document.c
 *		Documents of clients and jobs: one call for each of them.
 *
 * The specification has FileName for both; the pages have it for jobs alone.
 * The pages' examples begin with <Documents> where others have <Response>, so
 * both are read.
 */
#include "catalog/resources.h"

#include <stddef.h>

#define DOCUMENTS "Documents/Document|Document"

#define DOCUMENT_FIELDS \
	WFM_ORDINAL_AT(0), \
	{"title", "Title", WFM_TYPE_TEXT, 0, 0, "title"}, \
	{"text", "Text", WFM_TYPE_TEXT, 0, 0, "text"}, \
	{"folder", "Folder", WFM_TYPE_TEXT, 0, 0, "folder"}, \
	{"date", "Date", WFM_TYPE_DATE, 0, 0, "day"}, \
	{"created_by", "CreatedBy", WFM_TYPE_TEXT, 0, 0, "who added it"}, \
	{"file_name", "FileName", WFM_TYPE_TEXT, 0, 0, "name of the file"}, \
	{"url", "URL|Url", WFM_TYPE_TEXT, 0, 0, "where the file is"}

static const WfmField client_document_fields[] = {
	{"client_uuid", NULL, WFM_TYPE_UUID, WFM_UUID_KEYED, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "client"},
	{"client_legacy_id", NULL, WFM_TYPE_INTEGER, WFM_PRACTICEMANAGER_3_0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "client, by its integer key"},
	DOCUMENT_FIELDS,
	{NULL}
};

static const WfmEndpoint client_document_endpoints[] = {
	{
		.path = "client.api/documents/{}",
		.dialects = WFM_UUID_KEYED,
		.scopes = {DOCUMENTS},
		.filters = {WFM_BY_PARENT("client_uuid", "client", "uuid")},
	},
	{
		.path = "client.api/documents/{}",
		.dialects = WFM_PRACTICEMANAGER_3_0,
		.scopes = {DOCUMENTS},
		.filters = {WFM_BY_PARENT("client_legacy_id", "client", "legacy_id")},
	},
	{NULL}
};

const WfmResource wfm_resource_client_document = {
	.name = "client_document",
	.comment = "documents of clients: one call for each client",
	.dialects = WFM_XML,
	.fields = client_document_fields,
	.endpoints = client_document_endpoints,
	.typical_rows = 500,
	.costly = true,
};

static const WfmField job_document_fields[] = {
	{"job_id", NULL, WFM_TYPE_TEXT, 0, WFM_FIELD_PARENT | WFM_FIELD_NOT_NULL, "number of the job"},
	DOCUMENT_FIELDS,
	{NULL}
};

static const WfmEndpoint job_document_endpoints[] = {
	{
		.path = "job.api/documents/{}",
		.scopes = {DOCUMENTS},
		.filters = {WFM_BY_PARENT("job_id", "job", "id")},
	},
	{NULL}
};

const WfmResource wfm_resource_job_document = {
	.name = "job_document",
	.comment = "documents of jobs: one call for each job",
	.dialects = WFM_XML,
	.fields = job_document_fields,
	.endpoints = job_document_endpoints,
	.typical_rows = 2000,
	.costly = true,
};
