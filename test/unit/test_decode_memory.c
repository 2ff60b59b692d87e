/*
 * test_decode_memory.c
 *		Memory that runs out: every allocation of decode/ and of libxml2 fails
 *		once, in turn.  The decoder must say so, and nothing of it may be left
 *		over.  And memory that does not grow with the body.
 *
 * Linked with --wrap for malloc and its kin, so that those of decode/ come
 * here; libxml2 is given functions that count its own apart, since some of its
 * versions keep something when memory runs out, or do without it.
 */
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "decode/decoder.h"
#include "decode/error_body.h"
#include "tap.h"

/* Whose an allocation is. */
typedef enum Owner
{
	OURS,
	LIBRARY
} Owner;

static long live[2];			/* allocations not freed, by owner */
static Owner failed_owner;
static long count;				/* allocations since the last reset */
static long fail_at;			/* the one that fails, 0 = none */
static size_t live_bytes;
static size_t most_bytes;

extern void *__real_malloc(size_t size);
extern void __real_free(void *pointer);
void	   *__wrap_malloc(size_t size);
void	   *__wrap_calloc(size_t n, size_t size);
void	   *__wrap_realloc(void *pointer, size_t size);
void		__wrap_free(void *pointer);

/* Stands before each allocation; keeps what follows aligned. */
typedef union Header
{
	struct
	{
		size_t		size;
		Owner		owner;
	}			h;
	long double align;			/* the widest there is */
} Header;

static void *
allocate(size_t size, Owner owner)
{
	Header	   *header;

	if (++count == fail_at)
	{
		failed_owner = owner;
		return NULL;
	}
	header = __real_malloc(sizeof(Header) + size);
	if (header == NULL)
		abort();
	header->h.size = size;
	header->h.owner = owner;
	live[owner]++;
	live_bytes += size;
	if (live_bytes > most_bytes)
		most_bytes = live_bytes;
	return header + 1;
}

void
__wrap_free(void *pointer)
{
	Header	   *header = pointer;

	if (pointer == NULL)
		return;
	header--;
	live[header->h.owner]--;
	live_bytes -= header->h.size;
	__real_free(header);
}

static void *
reallocate(void *pointer, size_t size, Owner owner)
{
	Header	   *header = pointer;
	void	   *grown = allocate(size, owner);

	if (grown && pointer)
	{
		size_t		old = header[-1].h.size;

		memcpy(grown, pointer, old < size ? old : size);
		__wrap_free(pointer);
	}
	return grown;
}

void *
__wrap_malloc(size_t size)
{
	return allocate(size, OURS);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void	   *pointer = allocate(n * size, OURS);

	return pointer ? memset(pointer, 0, n * size) : NULL;
}

void *
__wrap_realloc(void *pointer, size_t size)
{
	return reallocate(pointer, size, OURS);
}

static void *
library_malloc(size_t size)
{
	return allocate(size, LIBRARY);
}

static void *
library_realloc(void *pointer, size_t size)
{
	return reallocate(pointer, size, LIBRARY);
}

static char *
library_strdup(const char *text)
{
	char	   *copy = allocate(strlen(text) + 1, LIBRARY);

	return copy ? strcpy(copy, text) : NULL;
}

/* libxml2 reports what fails before there is a parser to standard error. */
static void
say_nothing(void *context, const char *format,...)
{
}

static const char xml_body[] =
"\xEF\xBB\xBF<?xml version=\"1.0\"?><Response api-method=\"List\"><Status>OK</Status><Page>1</Page>"
"<Jobs><Job><ID>J1</ID><Client><UUID>u</UUID><Name>caf\xC3\xA9 &amp; &#x1F600;</Name></Client>"
"<Tasks><Task><Name>a</Name><L><N>1</N><N>2</N><M/></L></Task><Task><Name>b</Name></Task></Tasks>"
"<Manager>x<UUID>m</UUID>y</Manager></Job><Job n:a='1' xmlns:n='q'><ID><![CDATA[J2]]></ID></Job></Jobs>"
"<Pagination><Links><Next>https://x/</Next></Links></Pagination></Response>\n";

static const char json_body[] =
"{\"status\":\"OK\",\"page\":1,\"jobs\":[{\"id\":\"J1\",\"client\":{\"uuid\":\"u\",\"name\":\"caf\\u00e9 \\ud83d\\ude00\"},"
"\"tasks\":[{\"name\":\"a\",\"l\":[1,{\"m\":null}]},{\"name\":\"b\"}],\"manager\":\"x\"},{\"id\":\"J2\"}],"
"\"pagination\":{\"links\":{\"next\":\"https://x/\"}}}";

static const char *const xml_scopes[] = {"Jobs/Job", "Tasks/Task"};
static const WfmDecodeField xml_fields[] = {
	{"ID", 0, WFM_TAKE_TEXT}, {"Client/Name", 0, WFM_TAKE_TEXT},
	{".", 0, WFM_TAKE_JSON}, {"Name|Label", 1, WFM_TAKE_TEXT},
	{"L", 1, WFM_TAKE_JSON}, {"Manager/Name|Manager", 0, WFM_TAKE_TEXT},
};
static const char *const json_scopes[] = {"jobs|data|.", "tasks"};
static const WfmDecodeField json_fields[] = {
	{"id", 0, WFM_TAKE_TEXT}, {"client/name", 0, WFM_TAKE_TEXT},
	{".", 0, WFM_TAKE_JSON}, {"name|label", 1, WFM_TAKE_TEXT},
	{"l", 1, WFM_TAKE_JSON}, {"manager", 0, WFM_TAKE_TEXT},
};

/* Decode in slices; -1 when no decoder could be made. */
static int
decode(WfmFormat format, const char *body, size_t len, size_t step, uint64_t *records)
{
	WfmDecodeSpec spec = {xml_scopes, 2, xml_fields, 6};
	WfmDecoder *d;
	WfmDecodeStatus status = WFM_DECODE_OK;
	size_t		i;

	if (format == WFM_FORMAT_JSON)
	{
		spec.scopes = json_scopes;
		spec.fields = json_fields;
	}
	*records = 0;
	d = wfm_decoder_create(format, &spec, NULL);
	if (d == NULL)
		return -1;
	for (i = 0; i < len && status == WFM_DECODE_OK; i += step)
	{
		status = wfm_decoder_feed(d, body + i, len - i < step ? len - i : step);
		while (wfm_decoder_next(d))
			++* records;
	}
	if (status == WFM_DECODE_OK)
		status = wfm_decoder_finish(d);
	wfm_decoder_destroy(d);
	return status;
}

static void
test_failures(WfmFormat format, const char *name, const char *body, size_t len, size_t step)
{
	uint64_t	records;
	long		kept;
	long		total,
				n;
	int			wrong = 0,
				leaked = 0;

	count = fail_at = 0;
	ok(decode(format, body, len, step, &records) == WFM_DECODE_OK && records == 2,
	   "%s, slices of %d: decodes", name, (int) step);
	is_int(live[OURS], 0, "  and leaves nothing");
	total = count;
	kept = live[LIBRARY];
	for (n = 1; n <= total; n++)
	{
		int			status;

		count = 0;
		fail_at = n;
		status = decode(format, body, len, step, &records);
		fail_at = 0;
		if (status != -1 && status != WFM_DECODE_OUT_OF_MEMORY &&
			!(failed_owner == LIBRARY && status == WFM_DECODE_OK && records == 2) &&
			wrong++ < 5)
			printf("# allocation %ld: status %d, %d records\n", n, status, (int) records);
		if (live[OURS] != 0 && leaked++ < 5)
			printf("# allocation %ld: %ld left\n", n, live[OURS]);
		live[OURS] = 0;
	}
	ok(wrong == 0, "%s: out of memory is reported at each of %ld allocations", name, total);
	ok(leaked == 0, "%s: and nothing leaks", name);
	if (live[LIBRARY] != kept)
		printf("# libxml2 itself kept %ld\n", live[LIBRARY] - kept);
}

static void
test_error_text(const char *body)
{
	char		out[100];
	long		total,
				n;
	bool		clean = true;

	count = fail_at = 0;
	wfm_error_text(body, strlen(body), out, sizeof(out));
	total = count;
	for (n = 1; n <= total; n++)
	{
		count = 0;
		fail_at = n;
		wfm_error_text(body, strlen(body), out, sizeof(out));
		fail_at = 0;
		clean = clean && live[OURS] == 0;
	}
	ok(clean, "error text: nothing leaks at any of %ld allocations", total);
}

/* The most memory a body of n records takes, beside the body. */
static size_t
most_for(WfmFormat format, int n)
{
	const char *record = format == WFM_FORMAT_XML ?
		"<Job><ID>J000123</ID><Client><Name>Some client of ours</Name></Client><Tasks><Task><Name>Work</Name></Task></Tasks></Job>" :
		",{\"id\":\"J000123\",\"client\":{\"name\":\"Some client of ours\"},\"tasks\":[{\"name\":\"Work\"}]}";
	const char *head = format == WFM_FORMAT_XML ? "<Response><Jobs>" : "{\"jobs\":[null";
	const char *tail = format == WFM_FORMAT_XML ? "</Jobs></Response>" : "]}";
	size_t		size = strlen(head) + n * strlen(record) + strlen(tail);
	char	   *body = __real_malloc(size + 1);
	char	   *p;
	uint64_t	records;
	int			i;

	if (body == NULL)
		abort();
	p = stpcpy(body, head);
	for (i = 0; i < n; i++)
		p = stpcpy(p, record);
	strcpy(p, tail);
	most_bytes = live_bytes;
	if (decode(format, body, size, 8192, &records) != WFM_DECODE_OK || records != (uint64_t) n)
		abort();
	__real_free(body);
	return most_bytes - live_bytes;
}

int
main(void)
{
	size_t		few,
				many;

	xmlMemSetup(__wrap_free, library_malloc, library_realloc, library_strdup);
	xmlSetGenericErrorFunc(NULL, say_nothing);
	xmlInitParser();
	test_failures(WFM_FORMAT_XML, "XML", xml_body, sizeof(xml_body) - 1, 7);
	test_failures(WFM_FORMAT_XML, "XML", xml_body, sizeof(xml_body) - 1, 4096);
	test_failures(WFM_FORMAT_JSON, "JSON", json_body, sizeof(json_body) - 1, 7);
	test_failures(WFM_FORMAT_JSON, "JSON", json_body, sizeof(json_body) - 1, 4096);
	test_error_text("{\"title\":\"Unauthorized\",\"detail\":\"x\"}");
	test_error_text("<Response><ErrorDescription>x</ErrorDescription></Response>");

	few = most_for(WFM_FORMAT_XML, 1000);
	many = most_for(WFM_FORMAT_XML, 100000);
	ok(many <= few && many < 512 * 1024, "XML: 100,000 records take no more memory than 1,000 (%zu kB, %zu kB)",
	   many / 1024, few / 1024);
	few = most_for(WFM_FORMAT_JSON, 1000);
	many = most_for(WFM_FORMAT_JSON, 100000);
	ok(many <= few && many < 512 * 1024, "JSON: 100,000 records take no more memory than 1,000 (%zu kB, %zu kB)",
	   many / 1024, few / 1024);
	return done_testing();
}
