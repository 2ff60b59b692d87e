/*
 * decode/records.c
 *		Builds records from what the format parsers find: opens and closes the
 *		elements of scopes, keeps values, reads what stands around the records.
 *
 * A record of the innermost scope is built when its element opens and becomes
 * ready when the outermost element closes, since values of the outer elements
 * may come after the inner list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "decode/internal.h"

/* An envelope string above this is no sane server's. */
#define MAX_ENVELOPE_STRING	(64 * 1024)

bool
wfm_record_charge(WfmDecoder *d, size_t n, uint64_t offset)
{
	if (d->limits.max_record_bytes - d->record_bytes < n)
	{
		wfm_decoder_fail(d, WFM_DECODE_RECORD_TOO_BIG, offset,
						 "the values of one record exceed the size limit");
		return false;
	}
	d->record_bytes += n;
	return true;
}

/* Add to the list of built records. */
static bool
append_built(WfmDecoder *d, WfmInstance *instance, uint32_t *ordinals)
{
	WfmBuilt   *built;
	WfmInstance *outer;

	if (d->nbuilt == d->built_size)
	{
		size_t		size = d->built_size ? 2 * d->built_size : 64;

		built = realloc(d->built, size * sizeof(WfmBuilt));
		if (built == NULL)
			return false;
		d->built = built;
		d->built_size = size;
	}
	for (outer = instance; outer; outer = outer->outer)
		ordinals[outer->scope] = outer->ordinal;
	built = &d->built[d->nbuilt++];
	built->record.values = instance->values;
	built->record.ordinals = ordinals;
	built->record.number = 0;
	built->instance = instance;
	return true;
}

bool
wfm_scope_open(WfmDecoder *d, WfmNode *node, uint64_t offset)
{
	int			nfields = d->spec.nfields;
	int			nscopes = d->spec.nscopes;
	bool		innermost = node->scope == nscopes - 1;
	size_t		values_size = nfields * sizeof(WfmValue);
	size_t		ordinals_size = innermost ? nscopes * sizeof(uint32_t) : 0;
	size_t		size = sizeof(WfmInstance) + values_size + ordinals_size + nfields;
	WfmInstance *instance;

	if (node->scope == 0)
	{
		if (d->instance)
			wfm_scope_abandon(d);
		if (!wfm_arena_mark(&d->arena))
			goto out_of_memory;
		d->record_bytes = 0;
	}
	else if (!wfm_record_charge(d, size, offset))
		return false;

	instance = wfm_arena_alloc(&d->arena, size);
	if (instance == NULL)
		goto out_of_memory;
	memset(instance, 0, size);
	instance->outer = d->instance;
	instance->scope = node->scope;
	instance->values = (WfmValue *) (instance + 1);
	instance->ranks = (unsigned char *) instance + size - nfields;
	instance->serial = ++d->serial;
	instance->ordinal = d->instance ? ++d->instance->children : ++d->top_elements;
	d->instance = instance;
	if (innermost)
	{
		d->nopen++;
		if (nfields > 0 &&
			!append_built(d, instance,
						  (uint32_t *) ((char *) instance->values + values_size)))
			goto out_of_memory;
	}
	return true;

out_of_memory:
	wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset, "out of memory");
	return false;
}

/* Give the records of the closed outermost element out. */
static void
release(WfmDecoder *d)
{
	size_t		i;
	int			f;

	for (i = d->nready; i < d->nbuilt; i++)
	{
		WfmInstance *inner = d->built[i].instance;
		WfmInstance *outer;

		for (outer = inner->outer; outer; outer = outer->outer)
			for (f = 0; f < d->spec.nfields; f++)
				if (d->spec.fields[f].scope == outer->scope)
					inner->values[f] = outer->values[f];
		d->built[i].record.number = d->envelope.records_delivered +
			(i - d->nready) + 1;
	}
	d->envelope.records_delivered += d->nopen;
	d->envelope.outer_records++;
	d->nopen = 0;
	d->nready = d->nbuilt;
	d->record_bytes = 0;
	d->arena.mark = NULL;
}

void
wfm_scope_close(WfmDecoder *d, WfmNode *node)
{
	d->instance = d->instance->outer;
	if (node->scope == 0)
		release(d);
}

void
wfm_scope_abandon(WfmDecoder *d)
{
	d->instance = NULL;
	d->top_elements--;
	d->nbuilt = d->nready;
	d->nopen = 0;
	d->record_bytes = 0;
	d->arena.mark = NULL;
}

/* The open element of a field's scope, or NULL when its record was dropped. */
static inline WfmInstance *
instance_of(WfmDecoder *d, int field)
{
	WfmInstance *instance = d->instance;
	int			scope = d->spec.fields[field].scope;

	while (instance && instance->scope > scope)
		instance = instance->outer;
	return instance;
}

void
wfm_values_set(WfmDecoder *d, const WfmTarget *targets, int n,
			   const char *data, size_t len)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		int			field = targets[i].field;
		WfmInstance *instance = instance_of(d, field);

		/* The first alternative wins, and of two equal ones the first. */
		if (instance == NULL ||
			(instance->values[field].data &&
			 instance->ranks[field] <= targets[i].rank))
			continue;
		instance->values[field].data = data;
		instance->values[field].len = len;
		instance->ranks[field] = targets[i].rank;
	}
}

/* Forget the values these targets gave. */
static void
clear_targets(WfmDecoder *d, const WfmTarget *targets, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		int			field = targets[i].field;
		WfmInstance *instance = instance_of(d, field);

		if (instance && instance->values[field].data &&
			instance->ranks[field] == targets[i].rank)
			instance->values[field].data = NULL;
	}
}

void
wfm_values_clear(WfmDecoder *d, const WfmNode *node)
{
	const WfmNode *inner;

	if (d->instance)
	{
		clear_targets(d, node->text, node->ntext);
		clear_targets(d, node->json, node->njson);
	}
	for (inner = node->first_child; inner; inner = inner->next_sibling)
		if (inner->scope < 0)
			wfm_values_clear(d, inner);
}

/* A count, or -1 for what is none. */
static int64_t
count_of(const char *text, size_t len)
{
	int64_t		n = 0;
	size_t		i;

	if (len == 0 || len > 18)
		return -1;
	for (i = 0; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

/* Point the envelope's members at the strings that were read. */
static void
publish_strings(WfmDecoder *d)
{
	static const WfmEnvelopeSlot texts[] = {
		WFM_ENVELOPE_ERROR_DESCRIPTION, WFM_ENVELOPE_DETAIL, WFM_ENVELOPE_TITLE
	};
	WfmEnvelope *e = &d->envelope;
	const char *status = d->strings[WFM_ENVELOPE_STATUS];
	size_t		i;

	e->status = status;
	e->status_seen = status != NULL;
	e->status_ok = status && strcasecmp(status, "OK") == 0;
	e->next_link = d->strings[WFM_ENVELOPE_NEXT_LINK];
	e->error_description = NULL;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (e->error_description == NULL)
			e->error_description = d->strings[texts[i]];
}

bool
wfm_envelope_set(WfmDecoder *d, WfmEnvelopeSlot slot, const char *text,
				 size_t len, uint64_t offset)
{
	char	   *copy;

	switch (slot)
	{
		case WFM_ENVELOPE_RECORDS:
			d->envelope.records = count_of(text, len);
			return true;
		case WFM_ENVELOPE_PAGE:
			d->envelope.page = count_of(text, len);
			return true;
		case WFM_ENVELOPE_PAGE_SIZE:
			d->envelope.page_size = count_of(text, len);
			return true;
		case WFM_ENVELOPE_TOTAL_RECORDS:
			d->envelope.total_records = count_of(text, len);
			return true;
		default:
			break;
	}
	if (len == 0)
		return true;
	/* Of several statuses an error counts, wherever it stands. */
	if (slot == WFM_ENVELOPE_STATUS && d->envelope.status_seen &&
		!d->envelope.status_ok)
		return true;
	if (len > MAX_ENVELOPE_STRING)
	{
		wfm_decoder_fail(d, WFM_DECODE_VALUE_TOO_BIG, offset,
						 "a text beside the records exceeds the size limit");
		return false;
	}
	copy = malloc(len + 1);
	if (copy == NULL)
	{
		wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset, "out of memory");
		return false;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	free(d->strings[slot]);
	d->strings[slot] = copy;
	publish_strings(d);
	return true;
}

void
wfm_envelope_clear(WfmDecoder *d, WfmEnvelopeSlot slot)
{
	free(d->strings[slot]);
	d->strings[slot] = NULL;
	publish_strings(d);
}

bool
wfm_text_move(WfmDecoder *d, WfmFrame *frame, size_t n, uint64_t offset)
{
	bool		torn = frame->text &&frame->text +frame->len != d->arena.tip;
	char	   *text;

	if (d->limits.max_value_bytes - frame->len < n)
	{
		wfm_decoder_fail(d, WFM_DECODE_VALUE_TOO_BIG, offset,
						 "a value exceeds the size limit");
		return false;
	}
	/* A text torn by others is copied: that counts, so it stays bounded. */
	if (torn && !wfm_record_charge(d, frame->len, offset))
		return false;
	if (d->limits.max_record_bytes - d->record_bytes < n)
		return wfm_record_charge(d, n, offset);
	text = wfm_arena_extend(&d->arena, frame->text, frame->len, n);

	if (text == NULL)
	{
		wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset, "out of memory");
		return false;
	}
	frame->text = text;

	return true;
}
