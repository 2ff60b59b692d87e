/*
 * decode/decoder.c
 *		The public interface: makes a decoder for a format, hands slices to it,
 *		hands records out, keeps the first fault.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decode/internal.h"

/* Rendering a subtree recurses, so even a generous caller gets a cap. */
#define MAX_DEPTH	1000

const WfmDecodeLimits wfm_decode_default_limits = {
	.max_value_bytes = 1024 * 1024,
	.max_record_bytes = 16 * 1024 * 1024,
	.max_depth = 64,
};

WfmDecodeStatus
wfm_decoder_fail(WfmDecoder *d, WfmDecodeStatus status, uint64_t offset,
				 const char *message)
{
	if (d->error.status == WFM_DECODE_OK)
	{
		d->error.status = status;
		d->error.byte_offset = offset;
		d->error.record_number = d->envelope.outer_records +
			(d->instance != NULL);
		snprintf(d->error.message, sizeof(d->error.message), "%s", message);
	}
	return d->error.status;
}

WfmDecoder *
wfm_decoder_create(WfmFormat format, const WfmDecodeSpec *spec,
				   const WfmDecodeLimits *limits)
{
	WfmDecoder *d = calloc(1, sizeof(WfmDecoder));
	bool		malformed;

	if (d == NULL)
		return NULL;
	d->format = format;
	d->spec = *spec;
	d->limits = limits ? *limits : wfm_decode_default_limits;
	if (d->limits.max_depth < 1)
		d->limits.max_depth = 1;
	if (d->limits.max_depth > MAX_DEPTH)
		d->limits.max_depth = MAX_DEPTH;
	d->envelope.records = -1;
	d->envelope.page = -1;
	d->envelope.page_size = -1;
	d->envelope.total_records = -1;
	d->frames = calloc(d->limits.max_depth, sizeof(WfmFrame));
	d->root = wfm_paths_compile(format, spec, &malformed);
	if (d->frames == NULL || d->root == NULL ||
		!(format == WFM_FORMAT_XML ? wfm_xml_create(d) : wfm_json_create(d)))
	{
		wfm_decoder_destroy(d);
		return NULL;
	}
	return d;
}

/* Drop the records that were there to take, keep those still being built. */
static void
drop_ready(WfmDecoder *d)
{
	d->nbuilt -= d->nready;
	if (d->nready > 0 && d->nbuilt > 0)
		memmove(d->built, d->built + d->nready, d->nbuilt * sizeof(WfmBuilt));
	d->nready = 0;
	d->next = 0;
	wfm_arena_reset(&d->arena);
}

WfmDecodeStatus
wfm_decoder_feed(WfmDecoder *d, const char *data, size_t len)
{
	size_t		good;
	WfmDecodeStatus status;

	drop_ready(d);
	if (wfm_decoder_failed(d) || len == 0)
		return d->error.status;
	good = wfm_utf8_check(&d->utf8, data, len);
	if (d->format == WFM_FORMAT_XML)
		status = wfm_xml_feed(d, data, good);
	else
		status = wfm_json_feed(d, data, good);
	if (good < len && status == WFM_DECODE_OK)
		status = wfm_decoder_fail(d, WFM_DECODE_ENCODING, d->fed + good,
								  data[good] == '\0' ?
								  "a NUL byte is not text" :
								  "the bytes are not valid UTF-8");
	d->fed += len;
	return status;
}

WfmDecodeStatus
wfm_decoder_finish(WfmDecoder *d)
{
	WfmDecodeStatus status;

	drop_ready(d);
	if (wfm_decoder_failed(d))
		return d->error.status;
	if (d->format == WFM_FORMAT_XML)
		status = wfm_xml_finish(d);
	else
		status = wfm_json_finish(d);
	if (status == WFM_DECODE_OK && !d->envelope.complete)
		status = wfm_decoder_fail(d, WFM_DECODE_TRUNCATED, d->fed,
								  d->fed == 0 ? "the body is empty" :
								  "the body ends before its end");
	else if (status == WFM_DECODE_OK && d->utf8.missing > 0)
		status = wfm_decoder_fail(d, WFM_DECODE_ENCODING, d->fed,
								  "the body ends inside a character");
	return status;
}

const WfmRecord *
wfm_decoder_next(WfmDecoder *d)
{
	if (d->next == d->nready)
		return NULL;
	return &d->built[d->next++].record;
}

const WfmEnvelope *
wfm_decoder_envelope(const WfmDecoder *d)
{
	return &d->envelope;
}

const WfmDecodeError *
wfm_decoder_error(const WfmDecoder *d)
{
	return &d->error;
}

void
wfm_decoder_destroy(WfmDecoder *d)
{
	int			i;

	if (d == NULL)
		return;
	wfm_xml_destroy(d);
	wfm_json_destroy(d);
	wfm_paths_free(d->root);
	wfm_arena_free(&d->arena);
	for (i = 0; i < WFM_ENVELOPE_SLOTS; i++)
		free(d->strings[i]);
	free(d->built);
	free(d->frames);
	free(d);
}
