/*
 * decode/paths.c
 *		Compiles the paths of a spec to one tree of names, so that each name of
 *		the body is looked up once, whatever the number of fields.
 */
#include <stdlib.h>

#include "decode/internal.h"

/* Alternatives are numbered in a byte. */
#define MAX_ALTERNATIVES	250

/* Where the envelope stands, from the root element. */
typedef struct EnvelopePath
{
	const char *path;
	WfmEnvelopeSlot slot;
} EnvelopePath;

static const EnvelopePath xml_envelope[] = {
	{"Status", WFM_ENVELOPE_STATUS},
	{"ErrorDescription", WFM_ENVELOPE_ERROR_DESCRIPTION},
	{"Records", WFM_ENVELOPE_RECORDS},
	{"Page", WFM_ENVELOPE_PAGE},
	{"PageSize", WFM_ENVELOPE_PAGE_SIZE},
	{"TotalRecords", WFM_ENVELOPE_TOTAL_RECORDS},
	{"Pagination/Links/Next", WFM_ENVELOPE_NEXT_LINK},
	{NULL, WFM_ENVELOPE_NONE}
};

/* In any letter case: the gateway's problems say "Title", its docs "title". */
static const EnvelopePath json_envelope[] = {
	{"status", WFM_ENVELOPE_STATUS},
	{"errorDescription", WFM_ENVELOPE_ERROR_DESCRIPTION},
	{"title", WFM_ENVELOPE_TITLE},
	{"detail", WFM_ENVELOPE_DETAIL},
	{"records", WFM_ENVELOPE_RECORDS},
	{"page", WFM_ENVELOPE_PAGE},
	{"pageSize", WFM_ENVELOPE_PAGE_SIZE},
	{"total", WFM_ENVELOPE_TOTAL_RECORDS},
	{"totalRecords", WFM_ENVELOPE_TOTAL_RECORDS},
	{"pagination/links/next", WFM_ENVELOPE_NEXT_LINK},
	{NULL, WFM_ENVELOPE_NONE}
};

/* The elements of one scope: several where its path has alternatives. */
typedef struct Starts
{
	WfmNode   **nodes;
	int			n;
} Starts;

/* Find or add the child with this name. */
static WfmNode *
child(WfmNode *parent, const char *name, size_t len, bool any_case)
{
	WfmNode   **link = &parent->first_child;
	WfmNode    *node;

	for (; *link; link = &(*link)->next_sibling)
	{
		node = *link;
		if (node->name_len == len && memcmp(node->name, name, len) == 0)
		{
			node->any_case |= any_case;
			return node;
		}
	}
	node = calloc(1, sizeof(WfmNode));
	if (node == NULL)
		return NULL;
	node->name = name;
	node->name_len = len;
	node->parent = parent;
	node->scope = -1;
	node->any_case = any_case;
	*link = node;
	return node;
}

/*
 * Walk one alternative (up to '|' or the end) from a node, adding what is not
 * there.  NULL with *malformed for a bad path, without for lack of memory.
 */
static WfmNode *
walk(WfmNode *node, const char **path, bool any_case, bool *malformed)
{
	const char *p = *path;

	if (p[0] == '.' && (p[1] == '|' || p[1] == '\0'))
	{
		*path = p + 1;
		return node;
	}
	for (;;)
	{
		size_t		len = strcspn(p, "/|");

		if (len == 0 || (len == 1 && p[0] == '.'))
		{
			*malformed = true;
			return NULL;
		}
		node = child(node, p, len, any_case);
		p += len;
		if (node == NULL || *p != '/')
			break;
		p++;
	}
	*path = p;
	return node;
}

/* Let a node give a value to a field. */
static bool
add_target(WfmTarget **targets, int *n, int field, int rank)
{
	WfmTarget  *grown = realloc(*targets, (*n + 1) * sizeof(WfmTarget));

	if (grown == NULL)
		return false;
	*targets = grown;
	grown[*n].field = field;
	grown[*n].rank = rank;
	(*n)++;
	return true;
}

/* Add the elements of a scope below one element of the scope before it. */
static bool
add_scope(WfmNode *from, const char *path, int scope, Starts *starts,
		  bool *malformed)
{
	for (;;)
	{
		WfmNode    *node = walk(from, &path, false, malformed);
		WfmNode   **grown;

		if (node == NULL)
			return false;
		if (node->scope >= 0)
		{
			/* the same element twice, or a list inside itself */
			*malformed = true;
			return false;
		}
		node->scope = scope;
		grown = realloc(starts->nodes, (starts->n + 1) * sizeof(WfmNode *));
		if (grown == NULL)
			return false;
		grown[starts->n++] = node;
		starts->nodes = grown;
		if (*path != '|')
			return true;
		path++;
	}
}

/* Add a field's places below one element of its scope. */
static bool
add_field(WfmNode *from, const WfmDecodeField *field, int number,
		  bool *malformed)
{
	const char *path = field->path;
	int			rank;

	for (rank = 0;; rank++)
	{
		WfmNode    *node = walk(from, &path, false, malformed);
		bool		added;

		if (node == NULL)
			return false;
		if (rank >= MAX_ALTERNATIVES)
		{
			*malformed = true;
			return false;
		}
		if (field->take == WFM_TAKE_JSON)
			added = add_target(&node->json, &node->njson, number, rank);
		else
			added = add_target(&node->text, &node->ntext, number, rank);
		if (!added)
			return false;
		node->wants_text = node->ntext > 0;
		if (*path != '|')
			return true;
		path++;
	}
}

/* Scopes, then fields, then the envelope; starts has a place per scope. */
static bool
compile(WfmNode *root, WfmFormat format, const WfmDecodeSpec *spec,
		Starts *starts, bool *malformed)
{
	const EnvelopePath *envelope;
	int			i,
				j;

	for (i = 0; i < spec->nscopes; i++)
	{
		if (i == 0)
		{
			if (!add_scope(root, spec->scopes[0], 0, &starts[0], malformed))
				return false;
			continue;
		}
		for (j = 0; j < starts[i - 1].n; j++)
			if (!add_scope(starts[i - 1].nodes[j], spec->scopes[i], i,
						   &starts[i], malformed))
				return false;
	}
	for (i = 0; i < spec->nfields; i++)
	{
		int			scope = spec->fields[i].scope;

		if (scope < 0 || scope >= spec->nscopes)
		{
			*malformed = true;
			return false;
		}
		for (j = 0; j < starts[scope].n; j++)
			if (!add_field(starts[scope].nodes[j], &spec->fields[i], i,
						   malformed))
				return false;
	}
	envelope = format == WFM_FORMAT_XML ? xml_envelope : json_envelope;
	for (; envelope->path; envelope++)
	{
		const char *path = envelope->path;
		WfmNode    *node = walk(root, &path, format == WFM_FORMAT_JSON, malformed);

		if (node == NULL)
			return false;
		node->envelope = envelope->slot;
		node->wants_text = true;
	}
	return true;
}

WfmNode *
wfm_paths_compile(WfmFormat format, const WfmDecodeSpec *spec, bool *malformed)
{
	WfmNode    *root = calloc(1, sizeof(WfmNode));
	Starts	   *starts = calloc(spec->nscopes > 0 ? spec->nscopes : 1,
								sizeof(Starts));
	bool		done = false;
	int			i;

	*malformed = spec->nscopes <= 0;
	if (root && starts && !*malformed)
	{
		root->scope = -1;
		done = compile(root, format, spec, starts, malformed);
	}
	for (i = 0; starts && i < spec->nscopes; i++)
		free(starts[i].nodes);
	free(starts);
	if (!done)
	{
		wfm_paths_free(root);
		return NULL;
	}
	return root;
}

void
wfm_paths_free(WfmNode *root)
{
	WfmNode    *node = root;

	/* Without recursion: a path may be long. */
	while (node)
	{
		WfmNode    *parent = node->parent;

		if (node->first_child)
		{
			WfmNode    *first = node->first_child;

			node->first_child = first->next_sibling;
			node = first;
			continue;
		}
		free(node->text);
		free(node->json);
		free(node);
		node = parent;
	}
}
