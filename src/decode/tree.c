/*
 * decode/tree.c
 *		An XML subtree as JSON text.
 *
 * XML does not say what is a list, so the rule is:
 *
 *	-	an element without child elements is its text as a string, or null when
 *		empty;
 *	-	an element whose children all have one name is an array of them when
 *		there are several, or when its own name says list: the child's name in
 *		the plural (Contacts/Contact, Categories/Category) or with List
 *		(StaffList/Staff), or one of the irregular lists below;
 *	-	any other element is an object; a name that repeats in it is an array,
 *		where it stood first;
 *	-	text beside child elements is the member "#text", unless it is blank;
 *	-	attributes are left out.
 *
 * An empty list is therefore null.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decode/internal.h"

/* Lists whose names do not follow from their elements'. */
static const struct
{
	const char *list;
	const char *element;
}			irregular_lists[] =

{
	{"Assigned", "Staff"},
	{"History", "Item"},
};

/* JSON text being written at the arena's tip. */
typedef struct Output
{
	WfmDecoder *d;
	char	   *text;
	size_t		len;
	uint64_t	offset;
} Output;

bool
wfm_tree_open(WfmDecoder *d, WfmFrame *frame, const char *name, uint64_t offset)
{
	WfmTree    *tree;
	WfmTree    *parent = frame > d->frames ? frame[-1].tree : NULL;

	if (!wfm_record_charge(d, sizeof(WfmTree), offset))
		return false;
	tree = wfm_arena_alloc(&d->arena, sizeof(WfmTree));
	if (tree == NULL)
	{
		wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset, "out of memory");
		return false;
	}
	memset(tree, 0, sizeof(WfmTree));
	tree->name = name;
	tree->name_len = strlen(name);
	frame->tree = tree;
	if (parent)
	{
		if (parent->last_child)
			parent->last_child->next_sibling = tree;
		else
			parent->first_child = tree;
		parent->last_child = tree;
		tree->position = parent->nchildren++;
	}
	return true;
}

static bool
put(Output *out, const char *data, size_t len)
{
	char	   *text;

	if (!wfm_record_charge(out->d, len, out->offset))
		return false;
	text = wfm_arena_extend(&out->d->arena, out->text, out->len, len);

	if (text == NULL)
	{
		wfm_decoder_fail(out->d, WFM_DECODE_OUT_OF_MEMORY, out->offset,
						 "out of memory");
		return false;
	}
	memcpy(text +out->len, data, len);
	out->d->arena.tip += len;
	out->text = text;

	out->len += len;
	return true;
}

/* A JSON string; the text is UTF-8 already. */
static bool
put_string(Output *out, const char *text, size_t len)
{
	size_t		start = 0;
	size_t		i;

	if (!put(out, "\"", 1))
		return false;
	for (i = 0; i < len; i++)
	{
		unsigned char c = text[i];
		char		escape[8];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		if (!put(out, text +start, i - start))
			return false;
		start = i + 1;
		if (c >= 0x20)
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c == '\n')
			strcpy(escape, "\\n");
		else if (c == '\t')
			strcpy(escape, "\\t");
		else
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		if (!put(out, escape, strlen(escape)))
			return false;
	}
	return put(out, text +start, len - start) && put(out, "\"", 1);
}

/*
 * Is this the name of a list of such elements?  Names are interned: two equal
 * ones are one pointer, which the code below relies on.
 */
static bool
is_list_name(const WfmTree *list, const WfmTree *element)
{
	size_t		stem = element->name_len;
	const char *rest;
	size_t		i;

	for (i = 0; i < sizeof(irregular_lists) / sizeof(irregular_lists[0]); i++)
		if (strcmp(list->name, irregular_lists[i].list) == 0 &&
			strcmp(element->name, irregular_lists[i].element) == 0)
			return true;
	if (stem > 1 && element->name[stem - 1] == 'y')
	{
		if (list->name_len == stem + 2 &&
			strncmp(list->name, element->name, stem - 1) == 0 &&
			strcmp(list->name + stem - 1, "ies") == 0)
			return true;
	}
	if (strncmp(list->name, element->name, stem) != 0)
		return false;
	rest = list->name + stem;
	return strcmp(rest, "s") == 0 || strcmp(rest, "es") == 0 ||
		strcmp(rest, "List") == 0;
}

/* By name, and in document order among equal ones. */
static int
compare_names(const void *a, const void *b)
{
	const WfmTree *x = *(const WfmTree *const *) a;
	const WfmTree *y = *(const WfmTree *const *) b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

/* Chain the children of one name and mark all but the first. */
static bool
chain_repeated(Output *out, const WfmTree *tree)
{
	WfmTree   **sorted = malloc(tree->nchildren * sizeof(WfmTree *));
	WfmTree    *child;
	size_t		n = 0;
	size_t		i;

	if (sorted == NULL)
	{
		wfm_decoder_fail(out->d, WFM_DECODE_OUT_OF_MEMORY, out->offset,
						 "out of memory");
		return false;
	}
	for (child = tree->first_child; child; child = child->next_sibling)
	{
		child->next_same = NULL;
		child->repeats = false;
		sorted[n++] = child;
	}
	qsort(sorted, n, sizeof(WfmTree *), compare_names);
	for (i = 1; i < n; i++)
		if (sorted[i]->name == sorted[i - 1]->name)
		{
			sorted[i - 1]->next_same = sorted[i];
			sorted[i]->repeats = true;
		}
	free(sorted);
	return true;
}

static bool put_tree(Output *out, const WfmTree *tree);

/* Elements of one name as an array. */
static bool
put_list(Output *out, const WfmTree *first)
{
	const WfmTree *element;

	if (!put(out, "[", 1))
		return false;
	for (element = first; element; element = element->next_same)
		if ((element != first && !put(out, ",", 1)) || !put_tree(out, element))
			return false;
	return put(out, "]", 1);
}

/* Child elements, and text beside them, as an object. */
static bool
put_object(Output *out, const WfmTree *tree)
{
	const WfmTree *child;

	if (!put(out, "{", 1))
		return false;
	for (child = tree->first_child; child; child = child->next_sibling)
	{
		if (child->repeats)
			continue;
		if (child != tree->first_child && !put(out, ",", 1))
			return false;
		if (!put_string(out, child->name, child->name_len) ||
			!put(out, ":", 1))
			return false;
		if (child->next_same ? !put_list(out, child) : !put_tree(out, child))
			return false;
	}
	if (tree->text_len > 0 &&
		(!put(out, ",\"#text\":", 9) ||
		 !put_string(out, tree->text, tree->text_len)))
		return false;
	return put(out, "}", 1);
}

/* The depth of the recursion is that of the document, which is capped. */
static bool
put_tree(Output *out, const WfmTree *tree)
{
	if (tree->nchildren == 0)
		return tree->text_len > 0 ?
			put_string(out, tree->text, tree->text_len) : put(out, "null", 4);
	if (!chain_repeated(out, tree))
		return false;
	if (tree->text_len == 0 && tree->last_child->name == tree->first_child->name &&
		(tree->nchildren > 1 || is_list_name(tree, tree->first_child)))
	{
		const WfmTree *element = tree->first_child;
		size_t		n = 1;

		while ((element = element->next_same) != NULL)
			n++;
		if (n == tree->nchildren)
			return put_list(out, tree->first_child);
	}
	return put_object(out, tree);
}

bool
wfm_tree_render(WfmDecoder *d, const WfmTree *tree, const char **data,
				size_t *len, uint64_t offset)
{
	Output		out = {d, NULL, 0, offset};

	if (!put_tree(&out, tree))
		return false;
	*data = out.text;
	*len = out.len;
	return true;
}
