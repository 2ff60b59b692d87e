/*
 * test_catalogue.c
 *		The catalogue fits together, and doc/tables.md tells what is in it.
 *
 * Argument: that file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog/resource.h"

/* The generator's main becomes a function. */
#define main write_tables
#include "../../doc/generate_tables.c"
#undef main

#include "tap.h"

/* One check of a resource on a dialect; the name says what is wrong. */
static int
complain(const WfmDialect *dialect, const WfmResource *resource,
		 const char *what, const char *detail)
{
	printf("# %s, %s: %s %s\n", dialect->name, resource->name, what, detail);
	return 1;
}

static int
check_fields(const WfmDialect *dialect, const WfmResource *resource)
{
	int			bad = 0;
	int			keys = 0;
	int			deepest = 0;

	for (const WfmEndpoint *e = resource->endpoints; e->path != NULL; e++)
	{
		if (wfm_endpoint_in(e, dialect) && wfm_endpoint_nscopes(e) > deepest)
			deepest = wfm_endpoint_nscopes(e);
	}
	for (const WfmField *f = resource->fields; f->name != NULL; f++)
	{
		if (!wfm_field_in(f, dialect))
			continue;
		if (wfm_field_find(resource, dialect, f->name) != f)
			bad += complain(dialect, resource, "two columns named", f->name);
		if (strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(f->name) ||
			strlen(f->name) > 63)
			bad += complain(dialect, resource, "odd name", f->name);
		if (f->comment == NULL || f->comment[0] == '\0')
			bad += complain(dialect, resource, "no comment on", f->name);
		if ((f->path == NULL) !=
			((f->flags & (WFM_FIELD_INPUT | WFM_FIELD_ORDINAL | WFM_FIELD_PARENT)) != 0))
			bad += complain(dialect, resource, "path does not fit flags of", f->name);
		if (((f->flags & WFM_FIELD_INPUT) != 0) != (f->name[0] == '_'))
			bad += complain(dialect, resource, "input column by name or flag only", f->name);
		if (f->scope < 0 || (f->scope > 0 && f->scope >= deepest))
			bad += complain(dialect, resource, "no such scope", f->name);
		if (((f->flags & WFM_FIELD_NESTED) != 0) != (f->child != NULL))
			bad += complain(dialect, resource, "a list without table", f->name);
		if (f->child != NULL && wfm_resource_find(f->child, dialect) == NULL)
			bad += complain(dialect, resource, "no table of list", f->child);
		if ((f->flags & (WFM_FIELD_KEY | WFM_FIELD_PARENT)) != 0)
			keys++;
	}
	if (keys == 0)
		bad += complain(dialect, resource, "no key", "");
	if (resource->window_column != NULL &&
		wfm_field_find(resource, dialect, resource->window_column) == NULL)
		bad += complain(dialect, resource, "no window column", resource->window_column);
	return bad;
}

static int
check_endpoints(const WfmDialect *dialect, const WfmResource *resource)
{
	int			bad = 0;
	int			any = 0;
	int			whole = 0;
	int			filter;

	for (const WfmEndpoint *e = resource->endpoints; e->path != NULL; e++)
	{
		bool		hole = strstr(e->path, "{}") != NULL;
		bool		in_path = false;

		if (!wfm_endpoint_in(e, dialect))
			continue;
		any++;
		if ((e->flags & WFM_ENDPOINT_WHOLE) != 0)
			whole++;
		if (wfm_endpoint_find(resource, dialect, e->path) != e)
			bad += complain(dialect, resource, "endpoint twice:", e->path);
		if (wfm_endpoint_nscopes(e) == 0)
			bad += complain(dialect, resource, "no scope:", e->path);
		for (int i = 0; i < wfm_endpoint_nfilters(e); i++)
		{
			const WfmFilter *f = &e->filters[i];
			const WfmField *field = wfm_field_find(resource, dialect, f->column);

			if (field == NULL)
			{
				bad += complain(dialect, resource, "filter without column:", f->column);
				continue;
			}
			if (f->place == WFM_IN_PATH)
				in_path = true;
			if (f->parent != NULL)
			{
				const WfmResource *parent = wfm_resource_find(f->parent, dialect);
				const WfmField *key = parent == NULL ? NULL :
					wfm_field_find(parent, dialect, f->parent_column);
				int			other;

				if (key == NULL || key->path == NULL)
					bad += complain(dialect, resource, "no parent:", f->parent);
				else if (key->type != field->type)
					bad += complain(dialect, resource, "parent's key has another type:", f->column);
				else if (wfm_endpoint_whole(parent, dialect) == NULL &&
						 wfm_endpoint_walk(parent, dialect, &other) == NULL)
					bad += complain(dialect, resource, "parent cannot be read:", f->parent);
				if (!resource->costly)
					bad += complain(dialect, resource, "walks, but is not costly:", e->path);
			}
		}
		if (hole != in_path)
			bad += complain(dialect, resource, "key and path do not fit:", e->path);
		for (int i = 0; i < WFM_MAX_LACKS && e->lacks[i] != NULL; i++)
		{
			if (wfm_field_find(resource, dialect, e->lacks[i]) == NULL)
				bad += complain(dialect, resource, "lacks an unknown column:", e->lacks[i]);
		}
		if ((e->paging == WFM_PAGING_PAGES || e->paging == WFM_PAGING_RECORDS ||
			 e->paging == WFM_PAGING_LINKS) != (e->records_a_page > 0))
			bad += complain(dialect, resource, "pages without size:", e->path);
	}
	if (any == 0)
		bad += complain(dialect, resource, "no endpoint", "");
	if (whole > 1)
		bad += complain(dialect, resource, "several endpoints deliver all", "");
	if (whole == 0 && wfm_endpoint_walk(resource, dialect, &filter) == NULL)
		bad += complain(dialect, resource, "cannot be read as a whole", "");
	return bad;
}

/* A column has one type, whatever the dialect. */
static int
check_types(const WfmResource *one, const WfmResource *other)
{
	int			bad = 0;

	for (const WfmField *a = one->fields; a->name != NULL; a++)
	{
		for (const WfmField *b = other->fields; b->name != NULL; b++)
		{
			if (strcmp(a->name, b->name) == 0 && a->type != b->type)
				bad += complain(&wfm_dialects[0], one, "type differs by API:", a->name);
		}
	}
	return bad;
}

/* Is the page that the generator writes the one that lies in the tree? */
static void
check_page(const char *path)
{
	FILE	   *generated = tmpfile();
	FILE	   *page = fopen(path, "r");
	int			screen = dup(STDOUT_FILENO);
	bool		same = generated != NULL && page != NULL && screen >= 0;
	int			c;

	if (same)
	{
		fflush(stdout);
		dup2(fileno(generated), STDOUT_FILENO);
		write_tables();
		fflush(stdout);
		dup2(screen, STDOUT_FILENO);
		rewind(generated);
	}
	while (same)
	{
		c = fgetc(generated);
		if (c != fgetc(page))
			same = false;
		if (c == EOF)
			break;
	}
	ok(same, "doc/tables.md is what \"make docs\" writes");
	if (generated != NULL)
		fclose(generated);
	if (page != NULL)
		fclose(page);
	close(screen);
}

int
main(int argc, char **argv)
{
	for (int d = 0; d < wfm_ndialects; d++)
	{
		const WfmDialect *dialect = &wfm_dialects[d];
		int			tables = 0;

		for (int r = 0; r < wfm_nresources; r++)
		{
			const WfmResource *resource = wfm_resources[r];

			if (!wfm_resource_in(resource, dialect))
				continue;
			tables++;
			ok(wfm_resource_find(resource->name, dialect) == resource &&
			   check_fields(dialect, resource) + check_endpoints(dialect, resource) == 0,
			   "%s of %s", resource->name, dialect->name);
		}
		ok(tables > 0, "%s has tables", dialect->name);
	}
	for (int a = 0; a < wfm_nresources; a++)
	{
		for (int b = a; b < wfm_nresources; b++)
		{
			if (strcmp(wfm_resources[a]->name, wfm_resources[b]->name) == 0)
				ok(check_types(wfm_resources[a], wfm_resources[b]) == 0,
				   "types of %s", wfm_resources[a]->name);
		}
	}
	if (argc > 1)
		check_page(argv[1]);
	return done_testing();
}
