/*
 * decode.c
 *		How fast are records decoded?  Prints the throughput of decode/ beside
 *		the bare parsers that read the same bytes and do nothing.
 *
 * usage: decode [records [rounds]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxml/parser.h>

#include "decode/decoder.h"

#define SLICE	8192

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static const char *const xml_scopes[] = {"Times/Time"};
static const WfmDecodeField xml_fields[] = {
	{"UUID", 0, WFM_TAKE_TEXT},
	{"Job/ID", 0, WFM_TAKE_TEXT},
	{"Task/UUID", 0, WFM_TAKE_TEXT},
	{"Staff/UUID", 0, WFM_TAKE_TEXT},
	{"Date", 0, WFM_TAKE_TEXT},
	{"Minutes", 0, WFM_TAKE_TEXT},
	{"Note", 0, WFM_TAKE_TEXT},
	{"Billable", 0, WFM_TAKE_TEXT},
};
static const char *const json_scopes[] = {"times"};
static const WfmDecodeField json_fields[] = {
	{"uuid", 0, WFM_TAKE_TEXT},
	{"job/id", 0, WFM_TAKE_TEXT},
	{"task/uuid", 0, WFM_TAKE_TEXT},
	{"staff/uuid", 0, WFM_TAKE_TEXT},
	{"date", 0, WFM_TAKE_TEXT},
	{"minutes", 0, WFM_TAKE_TEXT},
	{"note", 0, WFM_TAKE_TEXT},
	{"billable", 0, WFM_TAKE_TEXT},
};

static const char note[] =
"Reviewed the draft accounts, reconciled the bank, wrote to the client about "
"missing invoices for March and April; waiting for an answer before the final "
"adjustments. Depreciation schedule updated, fixed asset register checked "
"against the ledger, differences listed in the working papers. ";

/* A body of n records of about 1 kB, 16 leaf fields each. */
static char *
make_body(WfmFormat format, int n, size_t *len)
{
	size_t		size = (size_t) n * 1400 + 200;
	char	   *body = malloc(size);
	char	   *p = body;
	int			i;

	if (body == NULL)
		abort();
	if (format == WFM_FORMAT_XML)
	{
		p += sprintf(p, "<Response api-method=\"List\"><Status>OK</Status><Times>");
		for (i = 0; i < n; i++)
			p += sprintf(p,
						 "<Time><UUID>8f9f3a4e-2c5b-4a51-9a1d-%012d</UUID>"
						 "<Job><ID>J%06d</ID><Name>Annual accounts %d</Name></Job>"
						 "<Task><UUID>1f9f3a4e-2c5b-4a51-9a1d-%012d</UUID><Name>Design &amp; Layout</Name></Task>"
						 "<Staff><UUID>2f9f3a4e-2c5b-4a51-9a1d-%012d</UUID><Name>Jo Bloggs</Name></Staff>"
						 "<Date>2021-03-01T00:00:00</Date><Minutes>%d</Minutes>"
						 "<Note>%s%s</Note><Billable>true</Billable>"
						 "<Start>09:00</Start><End>10:30</End>"
						 "<InvoiceTaskUUID>3f9f3a4e-2c5b-4a51-9a1d-%012d</InvoiceTaskUUID>"
						 "<Phone></Phone><Category>Work</Category>"
						 "<WebUrl>https://example.invalid/time/%d/detail</WebUrl></Time>",
						 i, i % 2000, i, i, i % 20, i % 480, note, i % 3 ? note : "", i, i);
		p += sprintf(p, "</Times></Response>");
	}
	else
	{
		p += sprintf(p, "{\"status\":\"OK\",\"times\":[");
		for (i = 0; i < n; i++)
			p += sprintf(p,
						 "%s{\"uuid\":\"8f9f3a4e-2c5b-4a51-9a1d-%012d\","
						 "\"job\":{\"id\":\"J%06d\",\"name\":\"Annual accounts %d\"},"
						 "\"task\":{\"uuid\":\"1f9f3a4e-2c5b-4a51-9a1d-%012d\",\"name\":\"Design & Layout\"},"
						 "\"staff\":{\"uuid\":\"2f9f3a4e-2c5b-4a51-9a1d-%012d\",\"name\":\"Jo Bloggs\"},"
						 "\"date\":\"2021-03-01T00:00:00\",\"minutes\":%d,"
						 "\"note\":\"%s%s\",\"billable\":true,"
						 "\"start\":\"09:00\",\"end\":\"10:30\","
						 "\"invoiceTaskUuid\":\"3f9f3a4e-2c5b-4a51-9a1d-%012d\","
						 "\"phone\":null,\"category\":\"Work\","
						 "\"webUrl\":\"https://example.invalid/time/%d/detail\"}",
						 i ? "," : "", i, i % 2000, i, i, i % 20, i % 480, note,
						 i % 3 ? note : "", i, i);
		p += sprintf(p, "]}");
	}
	*len = p - body;
	return body;
}

static void
bare_start(void *context, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri, int nnamespaces, const xmlChar **namespaces,
		   int nattributes, int ndefaulted, const xmlChar **attributes)
{
	++*(uint64_t *) context;
}

static void
bare_end(void *context, const xmlChar *name, const xmlChar *prefix,
		 const xmlChar *uri)
{
	++*(uint64_t *) context;
}

static void
bare_text(void *context, const xmlChar *text, int len)
{
	*(uint64_t *) context += len;
}

/* Seconds of a bare SAX2 push loop. */
static double
bare_xml(const char *body, size_t len)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = bare_start,
		.endElementNs = bare_end,
		.characters = bare_text,
		.ignorableWhitespace = bare_text,
	};
	uint64_t	sum = 0;
	double		start = now();
	xmlParserCtxtPtr ctxt = xmlCreatePushParserCtxt(&sax, &sum, NULL, 0, NULL);
	size_t		i;

	for (i = 0; i < len; i += SLICE)
		xmlParseChunk(ctxt, body + i, len - i < SLICE ? len - i : SLICE, 0);
	xmlParseChunk(ctxt, NULL, 0, 1);
	if (!ctxt->wellFormed || sum == 0)
		abort();
	xmlFreeParserCtxt(ctxt);
	return now() - start;
}

/* Seconds of our decoder; every value is looked at. */
static double
decode(WfmFormat format, const char *body, size_t len, int expected)
{
	WfmDecodeSpec spec = {xml_scopes, 1, xml_fields, 8};
	double		start = now();
	WfmDecoder *d;
	const WfmRecord *record;
	uint64_t	n = 0,
				sum = 0;
	size_t		i;
	int			f;

	if (format == WFM_FORMAT_JSON)
	{
		spec.scopes = json_scopes;
		spec.fields = json_fields;
	}
	d = wfm_decoder_create(format, &spec, NULL);
	for (i = 0; i < len; i += SLICE)
	{
		if (wfm_decoder_feed(d, body + i, len - i < SLICE ? len - i : SLICE) != WFM_DECODE_OK)
			abort();
		while ((record = wfm_decoder_next(d)) != NULL)
		{
			n++;
			for (f = 0; f < 8; f++)
				sum += record->values[f].len;
		}
	}
	if (wfm_decoder_finish(d) != WFM_DECODE_OK || n != (uint64_t) expected || sum == 0)
		abort();
	wfm_decoder_destroy(d);
	return now() - start;
}

int
main(int argc, char **argv)
{
	int			records = argc > 1 ? atoi(argv[1]) : 20000;
	int			rounds = argc > 2 ? atoi(argv[2]) : 7;
	double		bare = 1e9,
				xml = 1e9,
				json = 1e9;
	size_t		xml_len,
				json_len;
	char	   *xml_body = make_body(WFM_FORMAT_XML, records, &xml_len);
	char	   *json_body = make_body(WFM_FORMAT_JSON, records, &json_len);
	int			i;

	/* The best of several rounds is the least disturbed one. */
	for (i = 0; i < rounds; i++)
	{
		double		t;

		t = bare_xml(xml_body, xml_len);
		bare = t < bare ? t : bare;
		t = decode(WFM_FORMAT_XML, xml_body, xml_len, records);
		xml = t < xml ? t : xml;
		t = decode(WFM_FORMAT_JSON, json_body, json_len, records);
		json = t < json ? t : json;
	}
	printf("records %d, XML %.0f bytes each, JSON %.0f\n", records,
		   (double) xml_len / records, (double) json_len / records);
	printf("bare SAX loop   %6.2f us a record  %6.0f MB/s\n",
		   bare / records * 1e6, xml_len / bare / 1e6);
	printf("decode XML      %6.2f us a record  %6.0f MB/s  %.2f x the bare loop\n",
		   xml / records * 1e6, xml_len / xml / 1e6, xml / bare);
	printf("decode JSON     %6.2f us a record  %6.0f MB/s\n",
		   json / records * 1e6, json_len / json / 1e6);
	free(xml_body);
	free(json_body);
	return 0;
}
