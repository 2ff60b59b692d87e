/*
 * fetch/survey.c
 *		A first look at an answer when it arrives: is it whole, and what does it
 *		say about the list it is a page of?
 *
 * An answer is used when its turn comes, which may be much later: until then
 * it can be asked for again without anybody noticing, and the pages that
 * follow can be under way.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "decode/whole.h"
#include "fetch/cursor_private.h"

/* Bytes looked at to see whether an answer is whole. */
#define HEAD_BYTES 512
#define TAIL_BYTES 128

/* A longer link leads nowhere (pages.c). */
#define LONGEST_LINK 8192

void
wfm_survey_release(WfmCursor *cursor)
{
	wfm_decoder_destroy(cursor->survey);
	cursor->survey = NULL;
}

/* Do the two ends of the answer tell that it is whole? */
static bool
ends_fit(WfmCursor *cursor, WfmStep *step)
{
	int64		len = wfm_transfer_received(step->transfer);
	char		head[HEAD_BYTES];
	size_t		head_len;
	char		tail[TAIL_BYTES];
	size_t		tail_len;

	wfm_transfer_seek(step->transfer, 0);
	head_len = wfm_transfer_read(step->transfer, head, HEAD_BYTES);
	wfm_transfer_seek(step->transfer, Max(len - TAIL_BYTES, 0));
	tail_len = wfm_transfer_read(step->transfer, tail, TAIL_BYTES);
	return wfm_body_is_closed(cursor->spec->format, head, head_len, tail,
							  tail_len);
}

/* Take over the key of the page's first record. */
static void
take_key(WfmCursor *cursor, WfmStep *step)
{
	const WfmRecord *record;

	while ((record = wfm_decoder_next(cursor->survey)) != NULL)
	{
		const WfmValue *key = &record->values[0];

		if (record->number == 1 && key->len > 0 && step->facts.key == NULL)
		{
			step->facts.key = MemoryContextAlloc(cursor->context, key->len + 1);
			memcpy(step->facts.key, key->data, key->len);
			step->facts.key[key->len] = '\0';
		}
	}
}

/*
 * Its first record has no key: a page with the very same bytes is the same
 * page again.
 */
static void
take_fingerprint(WfmCursor *cursor, WfmStep *step, uint64 fingerprint)
{
	if (step->facts.known && step->facts.key == NULL && step->facts.on_page > 0)
	{
		step->facts.key = MemoryContextAlloc(cursor->context, 18);
		snprintf(step->facts.key, 18, "#%016llx", (unsigned long long) fingerprint);
	}
}

/* Write down what the envelope says of the list. */
static void
take_envelope(WfmCursor *cursor, WfmStep *step)
{
	const WfmEnvelope *envelope = wfm_decoder_envelope(cursor->survey);

	/* what is in an error's answer is not looked at */
	if (envelope->status_seen && !envelope->status_ok)
		return;
	step->facts.on_page = (int64) envelope->outer_records;
	step->facts.told = envelope->records;
	step->facts.total = envelope->total_records;
	if (envelope->next_link != NULL)
	{
		size_t		len = strnlen(envelope->next_link, LONGEST_LINK);

		step->facts.link = MemoryContextAlloc(cursor->context, len + 1);
		memcpy(step->facts.link, envelope->next_link, len);
		step->facts.link[len] = '\0';
	}
	step->facts.known = true;
}

WfmDecodeStatus
wfm_survey(WfmCursor *cursor, WfmStep *step)
{
	const char *no_scope[] = {"-"};
	WfmDecodeLimits limits = wfm_records_limits();
	WfmDecodeSpec spec = {0};
	WfmDecodeField key = {0};
	WfmDecodeStatus status = WFM_DECODE_OK;
	char		slice[WFM_SLICE];
	size_t		got;
	uint64		fingerprint = 0;

	if (step->page == 0 && ends_fit(cursor, step))
		return WFM_DECODE_OK;

	spec.scopes = no_scope;
	spec.nscopes = 1;
	if (step->page > 0)
	{
		wfm_records_choose_scopes(cursor, step->endpoint);
		spec.scopes = cursor->scopes;
		if (cursor->key_field >= 0)
		{
			key = cursor->fields[cursor->key_field];
			spec.fields = &key;
			spec.nfields = 1;
		}
	}
	cursor->survey = wfm_decoder_create(cursor->spec->format, &spec, &limits);
	if (cursor->survey == NULL)
		return WFM_DECODE_OUT_OF_MEMORY;
	wfm_transfer_seek(step->transfer, 0);
	while (status == WFM_DECODE_OK &&
		   (got = wfm_transfer_read(step->transfer, slice, WFM_SLICE)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		status = wfm_decoder_feed(cursor->survey, slice, got);
		if (spec.nfields > 0)
			take_key(cursor, step);
		if (step->facts.key == NULL)
			fingerprint = hash_bytes_extended((unsigned char *) slice, (int) got,
											  fingerprint);
	}
	if (status == WFM_DECODE_OK)
		status = wfm_decoder_finish(cursor->survey);
	if (status == WFM_DECODE_OK && step->page > 0)
	{
		take_envelope(cursor, step);
		take_fingerprint(cursor, step, fingerprint);
	}
	wfm_survey_release(cursor);
	if (!step->facts.known && step->facts.key != NULL)
	{
		pfree(step->facts.key);
		step->facts.key = NULL;
	}
	return status;
}
