/*
 * fuzz_decode.h
 *		What holds for any body, XML or JSON: nothing breaks, and the same
 *		comes out in whatever slices it is fed.
 *
 * The first byte of an input chooses the spec, the second the slices.
 */
#ifndef WFM_FUZZ_DECODE_H
#define WFM_FUZZ_DECODE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* memmem */
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decoder.h"

/* What a decoding gave, as one number and the fault. */
typedef struct Outcome
{
	uint64_t	hash;
	uint64_t	records;
	WfmDecodeStatus status;
	bool		complete;
} Outcome;

/* FNV-1a */
static uint64_t
mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len-- > 0)
		hash = (hash ^ *p++) * UINT64_C(1099511628211);
	return hash;
}

static void
require(bool condition, const char *what)
{
	if (!condition)
	{
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

static void
take_records(WfmDecoder *d, const WfmDecodeSpec *spec, const WfmDecodeLimits *limits,
			 Outcome *outcome)
{
	const WfmRecord *record;
	int			i;

	while ((record = wfm_decoder_next(d)) != NULL)
	{
		require(record->number == ++outcome->records, "records are numbered");
		for (i = 0; i < spec->nscopes; i++)
			require(record->ordinals[i] > 0, "ordinals begin at 1");
		outcome->hash = mix(outcome->hash, record->ordinals, spec->nscopes * sizeof(uint32_t));
		for (i = 0; i < spec->nfields; i++)
		{
			const WfmValue *value = &record->values[i];

			if (value->data == NULL)
			{
				outcome->hash = mix(outcome->hash, "-", 1);
				continue;
			}
			require(value->len > 0, "a value is not empty");
			require(value->len <= (spec->fields[i].take == WFM_TAKE_TEXT ?
								   limits->max_value_bytes : limits->max_record_bytes),
					"a value is within its limit");
			require(memchr(value->data, '\0', value->len) == NULL, "a value holds no NUL");
			outcome->hash = mix(outcome->hash, value->data, value->len);
			outcome->hash = mix(outcome->hash, "|", 1);
		}
	}
}

static Outcome
decode_in_slices(WfmFormat format, const WfmDecodeSpec *spec, const uint8_t *body,
				 size_t len, size_t step)
{
	static const WfmDecodeLimits limits = {2000, 6000, 20};
	WfmDecoder *d = wfm_decoder_create(format, spec, &limits);
	Outcome		outcome = {UINT64_C(14695981039346656037), 0, WFM_DECODE_OK, false};
	const WfmEnvelope *envelope;
	const char *c;
	size_t		i;

	require(d != NULL, "a decoder can be made");
	for (i = 0; i < len && outcome.status == WFM_DECODE_OK; i += step)
	{
		size_t		n = len - i < step ? len - i : step;
		char	   *slice = malloc(n);

		memcpy(slice, body + i, n);
		outcome.status = wfm_decoder_feed(d, slice, n);
		free(slice);
		take_records(d, spec, &limits, &outcome);
	}
	if (outcome.status == WFM_DECODE_OK)
	{
		outcome.status = wfm_decoder_finish(d);
		take_records(d, spec, &limits, &outcome);
	}
	envelope = wfm_decoder_envelope(d);
	outcome.complete = envelope->complete;
	require(envelope->records_delivered >= outcome.records, "the envelope counts the records");
	require(outcome.status != WFM_DECODE_OK || outcome.complete, "what is well is complete");
	require(outcome.status != WFM_DECODE_OUT_OF_MEMORY, "there is memory");
	require(wfm_decoder_error(d)->status == outcome.status, "the fault is kept");
	for (c = wfm_decoder_error(d)->message; *c; c++)
		require(*c >= 0x20 && *c < 0x7F, "messages are printable");
	wfm_decoder_destroy(d);
	return outcome;
}

/*
 * libxml2 2.9 takes the end of the odd comments <!--> and <!---> for one
 * before it has seen all of them, and then refuses the body.
 */
static bool
known_difference(const uint8_t *body, size_t len)
{
	return memmem(body, len, "<!-->", 5) || memmem(body, len, "<!--->", 6);
}

/* specs has nspecs of them. */
static void
fuzz_decode(WfmFormat format, const WfmDecodeSpec *specs, int nspecs,
			const uint8_t *data, size_t size)
{
	const WfmDecodeSpec *spec;
	Outcome		whole,
				sliced;
	size_t		step;

	if (size < 2)
		return;
	spec = &specs[data[0] % nspecs];
	step = data[1] < 200 ? 1 + data[1] % 40 : 1000 + data[1];
	whole = decode_in_slices(format, spec, data + 2, size - 2, size);
	sliced = decode_in_slices(format, spec, data + 2, size - 2, step);
	if (whole.status == WFM_DECODE_OK && sliced.status == WFM_DECODE_OK)
		require(whole.hash == sliced.hash && whole.records == sliced.records,
				"the same records in any slices");
	else if (!known_difference(data + 2, size - 2))
		require(whole.status != WFM_DECODE_OK && sliced.status != WFM_DECODE_OK,
				"well in any slices");
}

#endif							/* WFM_FUZZ_DECODE_H */
