/*
 * bare.c
 *		The least that reading the same pages can cost in C: libcurl hands
 *		bytes to libxml2's push parser, and eight values of each record are
 *		copied out.  No server, no types, no rows.
 *
 * usage: bare ROUNDS URL ...
 *
 * Prints the milliseconds of each round, after one that is not counted, and
 * on the standard error what it read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <libxml/parser.h>

#define MAX_VALUE 4096

/* The time entry's columns that the benchmark's queries use. */
static const char *const wanted[][2] = {
	{"Time", "UUID"}, {"Job", "ID"}, {"Task", "UUID"}, {"Staff", "UUID"},
	{"Time", "Date"}, {"Time", "Minutes"}, {"Time", "Note"}, {"Time", "Billable"},
};

#define NWANTED (sizeof(wanted) / sizeof(wanted[0]))

typedef struct Reader
{
	xmlParserCtxtPtr parser;
	const xmlChar *names[NWANTED][2];	/* in the parser's dictionary */
	const xmlChar *record;
	const xmlChar *path[16];	/* names of the open elements */
	int			depth;
	int			field;			/* being read, -1: none */
	char		values[NWANTED][MAX_VALUE];
	size_t		lengths[NWANTED];
	long		records;
	long		bytes;
} Reader;

static void
start_element(void *arg, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri, int nnamespaces, const xmlChar **namespaces,
			  int nattributes, int ndefaulted, const xmlChar **attributes)
{
	Reader	   *reader = arg;

	(void) prefix, (void) uri, (void) nnamespaces, (void) namespaces;
	(void) nattributes, (void) ndefaulted, (void) attributes;
	reader->field = -1;
	if (reader->depth > 0 && reader->depth < 16)
	{
		const xmlChar *parent = reader->path[reader->depth - 1];

		for (size_t i = 0; i < NWANTED; i++)
		{
			if (reader->names[i][1] == name && reader->names[i][0] == parent)
			{
				reader->field = (int) i;
				reader->lengths[i] = 0;
			}
		}
	}
	if (reader->depth < 16)
		reader->path[reader->depth] = name;
	reader->depth++;
}

static void
end_element(void *arg, const xmlChar *name, const xmlChar *prefix,
			const xmlChar *uri)
{
	Reader	   *reader = arg;

	(void) prefix, (void) uri;
	reader->depth--;
	reader->field = -1;
	if (name == reader->record)
		reader->records++;
}

static void
characters(void *arg, const xmlChar *text, int len)
{
	Reader	   *reader = arg;
	int			i = reader->field;

	if (i < 0 || reader->lengths[i] + len > MAX_VALUE)
		return;
	memcpy(reader->values[i] + reader->lengths[i], text, len);
	reader->lengths[i] += len;
}

static size_t
take_bytes(char *data, size_t size, size_t count, void *arg)
{
	Reader	   *reader = arg;

	reader->bytes += size * count;
	return xmlParseChunk(reader->parser, data, (int) (size * count), 0) == 0 ?
		size * count : 0;
}

static void
read_page(CURL *curl, const char *url, Reader *reader)
{
	static xmlSAXHandler handler = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = start_element,
		.endElementNs = end_element,
		.characters = characters,
	};
	long		status = 0;

	reader->parser = xmlCreatePushParserCtxt(&handler, reader, NULL, 0, NULL);
	if (reader->parser == NULL)
		exit(1);
	for (size_t i = 0; i < NWANTED; i++)
	{
		for (int j = 0; j < 2; j++)
			reader->names[i][j] = xmlDictLookup(reader->parser->dict,
												(const xmlChar *) wanted[i][j], -1);
	}
	reader->record = reader->names[0][0];
	reader->depth = 0;
	reader->field = -1;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	if (curl_easy_perform(curl) != CURLE_OK ||
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
		status != 200 || xmlParseChunk(reader->parser, NULL, 0, 1) != 0)
	{
		fprintf(stderr, "bare: could not read %s\n", url);
		exit(1);
	}
	xmlFreeParserCtxt(reader->parser);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
	static Reader reader;
	CURL	   *curl = curl_easy_init();
	int			rounds = argc > 1 ? atoi(argv[1]) : 0;

	if (curl == NULL || rounds < 1 || argc < 3)
	{
		fprintf(stderr, "usage: bare ROUNDS URL ...\n");
		return 2;
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reader);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 64L * 1024);
	for (int round = 0; round <= rounds; round++)
	{
		double		start = now_ms();

		reader.records = reader.bytes = 0;
		for (int i = 2; i < argc; i++)
			read_page(curl, argv[i], &reader);
		if (round > 0)
			printf("%.3f\n", now_ms() - start);
	}
	fprintf(stderr, "%ld records, %ld bytes\n", reader.records, reader.bytes);
	curl_easy_cleanup(curl);
	return 0;
}
