/*
 * decode_dump.h
 *		Decodes a body in slices and writes what came out as one string, so
 *		that tests compare strings.
 *
 * A record is "ordinals: value, value", each followed by a line end; a NULL
 * is "-", a value stands in quotes.  A fault closes the string.
 */
#ifndef WFM_TEST_DECODE_DUMP_H
#define WFM_TEST_DECODE_DUMP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decoder.h"
#include "tap.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

typedef struct Dump
{
	char	   *text;
	size_t		len;
	size_t		size;
	WfmDecodeStatus status;
	WfmDecodeError error;
	WfmEnvelope envelope;		/* its strings are gone */
	char		status_text[64];
	char		description[128];
	char		next_link[128];
	uint64_t	records;
} Dump;

static const char *const dump_status_names[] = {
	"ok", "truncated", "not this format", "malformed", "encoding",
	"forbidden", "too deep", "value too big", "record too big", "out of memory"
};

static void
dump_put(Dump *dump, const char *data, size_t len)
{
	if (dump->len + len + 1 > dump->size)
	{
		dump->size = 2 * (dump->len + len + 1);
		dump->text = realloc(dump->text, dump->size);
		if (dump->text == NULL)
			abort();
	}
	memcpy(dump->text +dump->len, data, len);
	dump->len += len;
	dump->text[dump->len] = '\0';
}

__attribute__((format(printf, 2, 3)))
static void
dump_printf(Dump *dump, const char *format,...)
{
	char		buffer[400];
	va_list		args;

	va_start(args, format);
	vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	dump_put(dump, buffer, strlen(buffer));
}

static void
dump_records(Dump *dump, WfmDecoder *d, const WfmDecodeSpec *spec)
{
	const WfmRecord *record;
	int			i;

	while ((record = wfm_decoder_next(d)) != NULL)
	{
		if (record->number != ++dump->records)
			dump_printf(dump, "[number %d] ", (int) record->number);
		for (i = 0; i < spec->nscopes; i++)
			dump_printf(dump, i ? ".%u" : "%u", record->ordinals[i]);
		dump_put(dump, ":", 1);
		for (i = 0; i < spec->nfields; i++)
		{
			if (record->values[i].data == NULL)
				dump_put(dump, " -", 2);
			else
			{
				dump_put(dump, " \"", 2);
				dump_put(dump, record->values[i].data, record->values[i].len);
				dump_put(dump, "\"", 1);
			}
		}
		dump_put(dump, "\n", 1);
	}
}

/*
 * Decode body in slices: of first bytes, then of step bytes each (0: the whole
 * rest).  The slices are copied, so that reading past one is noticed.
 */
static Dump
dump_decode(WfmFormat format, const WfmDecodeSpec *spec,
			const WfmDecodeLimits *limits, const char *body, size_t len,
			size_t first, size_t step)
{
	Dump		dump = {0};
	WfmDecoder *d = wfm_decoder_create(format, spec, limits);
	size_t		i = 0;

	dump_put(&dump, "", 0);
	if (d == NULL)
	{
		dump_printf(&dump, "not created");
		dump.status = WFM_DECODE_OUT_OF_MEMORY;
		return dump;
	}
	while (i < len && dump.status == WFM_DECODE_OK)
	{
		size_t		n = i == 0 && first ? first : step ? step : len - i;
		char	   *slice;

		if (n > len - i)
			n = len - i;
		slice = malloc(n);
		if (slice == NULL)
			abort();
		memcpy(slice, body + i, n);
		dump.status = wfm_decoder_feed(d, slice, n);
		dump_records(&dump, d, spec);
		free(slice);
		i += n;
	}
	if (dump.status == WFM_DECODE_OK)
	{
		dump.status = wfm_decoder_finish(d);
		dump_records(&dump, d, spec);
	}
	dump.error = *wfm_decoder_error(d);
	dump.envelope = *wfm_decoder_envelope(d);
	if (dump.envelope.status)
		snprintf(dump.status_text, sizeof(dump.status_text), "%s", dump.envelope.status);
	if (dump.envelope.error_description)
		snprintf(dump.description, sizeof(dump.description), "%s", dump.envelope.error_description);
	if (dump.envelope.next_link)
		snprintf(dump.next_link, sizeof(dump.next_link), "%s", dump.envelope.next_link);
	if (dump.status != WFM_DECODE_OK)
		dump_printf(&dump, "%s at %d", dump_status_names[dump.status],
					(int) dump.error.byte_offset);
	wfm_decoder_destroy(d);
	return dump;
}

/* ------------------------------------------------------------------------
 * Cases
 * ------------------------------------------------------------------------ */

/* A spec on one line: scopes and fields are NULL-terminated. */
typedef struct Case
{
	const char *name;
	const char *scopes[4];
	const char *fields[8];		/* "1:path" is of scope 1, "{path" is JSON */
	const char *body;
	const char *expected;
} Case;

/* The faults whose offset depends on the library: only their class counts. */
typedef struct FaultClass
{
	const char *name;
	WfmDecodeStatus status;
} FaultClass;

/* A case's spec; the fields' array is the caller's. */
__attribute__((unused))
static WfmDecodeSpec
spec_of(const Case *c, WfmDecodeField *fields)
{
	WfmDecodeSpec spec = {c->scopes, 0, fields, 0};

	while (spec.nscopes < 4 && c->scopes[spec.nscopes])
		spec.nscopes++;
	while (spec.nfields < 8 && c->fields[spec.nfields])
	{
		WfmDecodeField *field = &fields[spec.nfields];
		const char *path = c->fields[spec.nfields++];

		field->take = WFM_TAKE_TEXT;
		field->scope = 0;
		if (path[0] == '{')
		{
			field->take = WFM_TAKE_JSON;
			path++;
		}
		if (path[0] >= '0' && path[0] <= '9' && path[1] == ':')
		{
			field->scope = path[0] - '0';
			path += 2;
		}
		field->path = path;
	}
	return spec;
}

/* Body of a case; \1 stands for a NUL where the name says so. */
static char *
body_of(const Case *c, size_t *len)
{
	char	   *body = strdup(c->body);
	char	   *nul;

	if (body == NULL)
		abort();
	*len = strlen(body);
	if (strcmp(c->name, "a NUL") == 0 && (nul = strchr(body, 1)) != NULL)
		*nul = '\0';
	return body;
}

/*
 * Decode each case whole, cut in two at every byte, and in slices of 1 to 9
 * bytes: always the same must come out.
 */
__attribute__((unused))
static void
run_cases(WfmFormat format, const Case *cases, int ncases,
		  const FaultClass *classes, int nclasses)
{
	int			i,
				j;

	for (i = 0; i < ncases; i++)
	{
		const Case *c = &cases[i];
		WfmDecodeField fields[8];
		WfmDecodeSpec spec = spec_of(c, fields);
		size_t		len,
					cut;
		char	   *body = body_of(c, &len);
		Dump		whole = dump_decode(format, &spec, NULL, body, len, 0, 0);
		WfmDecodeStatus expected = WFM_DECODE_OK;
		int			differing = 0;

		if (c->expected)
			is_str(whole.text, c->expected, c->name);
		else
		{
			for (j = 0; j < nclasses; j++)
				if (strcmp(classes[j].name, c->name) == 0)
					expected = classes[j].status;
			is_str(dump_status_names[whole.status],
				   dump_status_names[expected], c->name);
		}

		for (cut = 1; cut < len + 9; cut++)
		{
			Dump		dump = cut < len ?
				dump_decode(format, &spec, NULL, body, len, cut, 0) :
				dump_decode(format, &spec, NULL, body, len, 0, cut - len + 1);
			bool		same = c->expected ? strcmp(dump.text, whole.text) == 0 :
				dump.status == whole.status;

			if (!same && differing++ == 0)
				printf("# cut %d: %s\n", (int) cut, dump.text);
			free(dump.text);
		}
		ok(differing == 0, "%s: the same in any slices", c->name);
		free(whole.text);
		free(body);
	}
}

#endif							/* WFM_TEST_DECODE_DUMP_H */
