/*
 * decode/json_values.c
 *		Makes records of JSON tokens.
 *
 * A scope's elements are the elements of an array at its path, or the one
 * object that stands there instead; null is none.  A bare array at the top is
 * the list of scope 0 whatever its path says.  With the alternative "." the
 * top object itself is the record, unless it has a member that another
 * alternative names ("data|." reads {"data": [...]} and {...} alike).  An
 * array at any other place stands for its first element.
 *
 * Of members of one name in one object the last counts.
 *
 * A value taken as JSON is the text that came, without blanks between tokens.
 * Where a field of an outer scope asks for a list whose elements are a scope,
 * it takes the whole array (JSON_TAKE_OUTER); a field of that scope with path
 * "." takes each element (JSON_TAKE_OWN).
 */
#include <stdlib.h>
#include <strings.h>

#include "decode/json_private.h"

static bool
out_of_memory(WfmDecoder *d, uint64_t offset)
{
	wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset, "out of memory");
	return false;
}

bool
wfm_json_capture(WfmDecoder *d, const char *data, size_t len, uint64_t offset)
{
	WfmJson    *json = d->json;

	if (d->limits.max_record_bytes - json->raw_len < len)
	{
		wfm_decoder_fail(d, WFM_DECODE_RECORD_TOO_BIG, offset,
						 "the values of one record exceed the size limit");
		return false;
	}
	if (json->raw_size - json->raw_len < len)
	{
		size_t		size = 2 * (json->raw_len + len) + 256;
		char	   *grown = realloc(json->raw, size);

		if (grown == NULL)
			return out_of_memory(d, offset);
		json->raw = grown;
		json->raw_size = size;
	}
	memcpy(json->raw + json->raw_len, data, len);
	json->raw_len += len;
	return true;
}

static inline bool
has_name(const WfmNode *node, const char *name, size_t len)
{
	return node->name_len == len &&
		(memcmp(node->name, name, len) == 0 ||
		 (node->any_case && strncasecmp(node->name, name, len) == 0));
}

static WfmNode *
find_child(WfmNode *parent, const char *name, size_t len)
{
	WfmNode    *first = parent->likely ? parent->likely : parent->first_child;
	WfmNode    *node;

	for (node = first; node; node = node->next_sibling)
		if (has_name(node, name, len))
			goto found;
	for (node = parent->first_child; node != first; node = node->next_sibling)
		if (has_name(node, name, len))
			goto found;
	return NULL;
found:
	parent->likely = node->next_sibling;
	return node;
}

bool
wfm_json_key(WfmDecoder *d, const char *name, size_t len, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmJsonFrame *object = &json->frames[json->depth - 1];
	WfmNode    *node = object->node ? find_child(object->node, name, len) : NULL;

	json->member = node;
	if (node == NULL)
		return true;
	if (node->scope >= 0)
	{
		/* Records of the first one may have been given out already. */
		if (node->seen_in == object->serial)
		{
			wfm_decoder_fail(d, WFM_DECODE_MALFORMED, offset,
							 "a list of records appears twice in one object");
			return false;
		}
		node->seen_in = object->serial;
	}
	if (d->instance)
		wfm_values_clear(d, node);
	return true;
}

/* The node of the value that begins now; *take: who takes it as JSON. */
static WfmNode *
value_node(WfmDecoder *d, bool is_array, bool *in_list, int *take)
{
	WfmJson    *json = d->json;
	WfmJsonFrame *around;

	*in_list = false;
	*take = is_array ? JSON_TAKE_OUTER : JSON_TAKE_OUTER | JSON_TAKE_OWN;
	if (json->depth == 0)
		return d->root;
	around = &json->frames[json->depth - 1];
	if (!around->is_array)
		return json->member;
	*in_list = around->is_list;
	*take = around->is_list ? JSON_TAKE_OWN : 0;
	return around->is_list || around->elements++ == 0 ? around->node : NULL;
}

/* Does this field take the value, given who may? */
static bool
takes(const WfmDecoder *d, const WfmNode *node, const WfmTarget *target, int take)
{
	bool		own = node->scope >= 0 &&
		d->spec.fields[target->field].scope == node->scope;

	return (take & (own ? JSON_TAKE_OWN : JSON_TAKE_OUTER)) != 0;
}

static bool
anybody_takes(const WfmDecoder *d, const WfmNode *node, int take)
{
	int			i;

	for (i = 0; i < node->njson; i++)
		if (takes(d, node, &node->json[i], take))
			return true;
	return false;
}

/* The captured text from start on is complete: give it to those who take it. */
static bool
give_json(WfmDecoder *d, WfmNode *node, int take, size_t start, uint64_t offset)
{
	WfmJson    *json = d->json;
	size_t		len = json->raw_len - start;
	char	   *copy;
	int			i;

	if (!wfm_record_charge(d, len, offset))
		return false;
	copy = wfm_arena_alloc(&d->arena, len);
	if (copy == NULL)
		return out_of_memory(d, offset);
	memcpy(copy, json->raw + start, len);
	for (i = 0; i < node->njson; i++)
		if (takes(d, node, &node->json[i], take))
			wfm_values_set(d, &node->json[i], 1, copy, len);
	return true;
}

/* Where the elements of a bare array belong. */
static WfmNode *
top_list(WfmNode *node)
{
	WfmNode    *child;

	if (node->scope == 0 && node->parent)
		return node;
	for (child = node->first_child; child; child = child->next_sibling)
	{
		WfmNode    *found = child->scope <= 0 ? top_list(child) : NULL;

		if (found)
			return found;
	}
	return node->parent ? NULL : node;
}

/*
 * A list or record stands where "." was tried: then "." is not meant, and
 * what is being captured of the top object is of no use.
 */
static void
leave_top_record(WfmDecoder *d, const WfmNode *node)
{
	int			i;

	if (node == NULL || node->scope != 0 || d->instance == NULL)
		return;
	wfm_scope_abandon(d);
	for (i = 0; i < d->json->depth; i++)
		d->json->frames[i].captured = false;
	d->captures = 0;
	d->json->raw_len = 0;
}

bool
wfm_json_open(WfmDecoder *d, bool is_array, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmJsonFrame *frame;
	bool		in_list;
	int			take;
	WfmNode    *node = value_node(d, is_array, &in_list, &take);

	if (json->depth == d->limits.max_depth)
	{
		wfm_decoder_fail(d, WFM_DECODE_TOO_DEEP, offset, "values are nested too deep");
		return false;
	}
	if (is_array && in_list)
	{
		wfm_decoder_fail(d, WFM_DECODE_MALFORMED, offset,
						 "a list stands where a record should");
		return false;
	}
	if (is_array && json->depth == 0)
	{
		node = top_list(d->root);
		if (node->scope < 0)
			node = NULL;
	}
	leave_top_record(d, node);

	frame = &json->frames[json->depth];
	memset(frame, 0, sizeof(WfmJsonFrame));
	frame->node = node;
	frame->is_array = is_array;
	frame->is_list = is_array && node && node->scope >= 0;
	frame->take = take;
	frame->serial = ++d->serial;
	if (node && node->scope >= 0 && !is_array)
	{
		if (!wfm_scope_open(d, node, offset))
			return false;
		frame->scope_serial = d->instance->serial;
	}
	json->depth++;
	if (node && node->njson > 0 && d->instance && anybody_takes(d, node, take))
	{
		frame->captured = true;
		frame->raw_start = json->raw_len;
		d->captures++;
	}
	return d->captures == 0 || wfm_json_capture(d, is_array ? "[" : "{", 1, offset);
}

/*
 * The top object is the record ("."): its members are not the envelope's,
 * unless it is the body of an error.
 */
static void
settle_top_record(WfmDecoder *d)
{
	const char *status = d->envelope.status;

	if (d->strings[WFM_ENVELOPE_ERROR_DESCRIPTION] ||
		(status && strcasecmp(status, "ERROR") == 0))
	{
		wfm_scope_abandon(d);
		return;
	}
	wfm_envelope_clear(d, WFM_ENVELOPE_STATUS);
	wfm_envelope_clear(d, WFM_ENVELOPE_TITLE);
	wfm_envelope_clear(d, WFM_ENVELOPE_DETAIL);
	d->envelope.total_records = d->envelope.records = -1;
	d->envelope.page = d->envelope.page_size = -1;
}

bool
wfm_json_close(WfmDecoder *d, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmJsonFrame *frame = &json->frames[--json->depth];

	if (d->captures > 0 &&
		!wfm_json_capture(d, frame->is_array ? "]" : "}", 1, offset))
		return false;
	if (frame->captured)
	{
		if (!give_json(d, frame->node, frame->take, frame->raw_start, offset))
			return false;
		if (--d->captures == 0)
			json->raw_len = 0;
	}
	if (frame->scope_serial && d->instance &&
		d->instance->serial == frame->scope_serial)
	{
		if (json->depth == 0)
			settle_top_record(d);
		if (d->instance)
			wfm_scope_close(d, frame->node);
	}
	if (json->depth == 0)
		d->envelope.complete = true;
	return true;
}

bool
wfm_json_scalar_begin(WfmDecoder *d, bool is_null, uint64_t offset)
{
	WfmJson    *json = d->json;
	bool		in_list;
	int			take;
	WfmNode    *node = value_node(d, false, &in_list, &take);

	json->scalar = node;
	json->wanted = false;
	json->scalar_captured = false;
	json->scalar_scoped = false;
	json->text.text = NULL;
	json->text.len = 0;
	json->text.marked = false;
	if (node)
	{
		leave_top_record(d, node);
		if (node->scope >= 0 && !is_null)
		{
			if (!wfm_scope_open(d, node, offset))
				return false;
			json->scalar_scoped = true;
		}
		if (node->wants_text)
		{
			json->wanted = true;
			if (d->arena.mark == NULL)
			{
				/* outside a record: it must last until its end */
				if (!wfm_arena_mark(&d->arena))
					return out_of_memory(d, offset);
				json->text.marked = true;
				d->record_bytes = 0;
			}
		}
		if (node->njson > 0 && d->instance && !is_null && anybody_takes(d, node, take))
		{
			json->scalar_captured = true;
			json->scalar_take = take;
			json->scalar_raw = json->raw_len;
			d->captures++;
		}
	}
	return true;
}

bool
wfm_json_scalar_end(WfmDecoder *d, bool is_null, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmNode    *node = json->scalar;

	if (node == NULL)
		return true;
	if (json->wanted && !is_null)
	{
		if (json->text.len > 0 && node->ntext > 0)
			wfm_values_set(d, node->text, node->ntext, json->text.text, json->text.len);
		if (node->envelope &&
			!wfm_envelope_set(d, node->envelope, json->text.text, json->text.len, offset))
			return false;
	}
	if (json->text.marked)
		d->arena.mark = NULL;
	if (json->scalar_captured)
	{
		if (!give_json(d, node, json->scalar_take, json->scalar_raw, offset))
			return false;
		if (--d->captures == 0)
			json->raw_len = 0;
	}
	if (json->scalar_scoped)
		wfm_scope_close(d, node);
	return true;
}
