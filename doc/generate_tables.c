/*
 * doc/generate_tables.c
 *		Writes doc/tables.md from the catalogue: "make docs".
 */
#include <stdio.h>
#include <string.h>

#include "catalog/resource.h"

/* The dialects of a set of bits, short. */
static void
print_dialects(unsigned bits)
{
	const char *separator = "";

	for (int d = 0; d < wfm_ndialects; d++)
	{
		if ((bits & wfm_dialects[d].bit) == 0)
			continue;
		printf("%s%s", separator, wfm_dialects[d].name);
		separator = ", ";
	}
}

/* Text in a table's cell. */
static void
print_cell(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
}

static void
print_request(const WfmEndpoint *endpoint, unsigned bits)
{
	unsigned	own = endpoint->dialects == 0 ? bits : endpoint->dialects & bits;
	const char *hole = strstr(endpoint->path, "{}");
	const char *separator = "";

	if (own == 0)
		return;
	printf("- `%s`", endpoint->path);
	if (own != bits)
	{
		printf(" (");
		print_dialects(own);
		printf(")");
	}
	if (hole != NULL || wfm_endpoint_nfilters(endpoint) > 0)
		printf(": by ");
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];

		printf("%s`%s` (%s)", separator, filter->column,
			   wfm_grade_name(filter->grade));
		separator = ", ";
	}
	switch (endpoint->paging)
	{
		case WFM_PAGING_NONE:
			break;
		case WFM_PAGING_WINDOWS:
			printf("; in windows of at most a year");
			break;
		case WFM_PAGING_RECORDS:
		case WFM_PAGING_PAGES:
		case WFM_PAGING_LINKS:
			printf("; in pages of %d", endpoint->records_a_page);
			break;
	}
	if ((endpoint->flags & WFM_ENDPOINT_WHOLE) != 0)
		printf("; delivers the whole table");
	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		if (endpoint->filters[i].parent != NULL)
			printf("; without a value, one call for each row of `%s`",
				   endpoint->filters[i].parent);
	}
	printf("\n");
}

static void
print_resource(const WfmResource *resource)
{
	printf("\n## %s\n\n%s.  APIs: ", resource->name, resource->comment);
	print_dialects(resource->dialects);
	printf(".%s\n\n", resource->costly ?
		   "  Imported with the option \"all\", or when named in LIMIT TO." : "");
	for (const WfmEndpoint *endpoint = resource->endpoints;
		 endpoint->path != NULL; endpoint++)
		print_request(endpoint, resource->dialects);
	printf("\n| column | type | in the record | APIs | meaning |\n|-|-|-|-|-|\n");
	for (const WfmField *field = resource->fields; field->name != NULL; field++)
	{
		unsigned	own = field->dialects == 0 ? resource->dialects :
			field->dialects & resource->dialects;

		if (own == 0)
			continue;
		printf("| %s%s | %s | ", field->name,
			   (field->flags & (WFM_FIELD_KEY | WFM_FIELD_PARENT)) != 0 ? " (key)" : "",
			   wfm_type_name(field->type));
		if (field->path != NULL)
			print_cell(field->path);
		printf(" | ");
		if (own != resource->dialects)
			print_dialects(own);
		printf(" | ");
		print_cell(field->comment);
		if (field->child != NULL)
			printf("; as table `%s`, import option \"nested\"", field->child);
		printf(" |\n");
	}
}

int
main(void)
{
	printf("# Tables\n\n"
		   "Made from the catalogue by `make docs`; do not edit.  A column that\n"
		   "is not in every API of its table names those that have it.  Grades of\n"
		   "filters: exact, superset (more rows may come and are dropped here),\n"
		   "assumed (not documented by the vendor, so an answer that proves\n"
		   "otherwise is an error; the option `push_assumed` can turn them off).\n"
		   "With the server option `tenants` each table also has `tenant_id` and\n"
		   "`tenant_name`, with the import option \"raw\" a column `raw`.\n");
	for (int i = 0; i < wfm_nresources; i++)
		print_resource(wfm_resources[i]);
	return 0;
}
