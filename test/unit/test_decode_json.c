/*
 * test_decode_json.c
 *		JSON answers: shapes, values, what is and is not JSON, hostile bodies,
 *		every way of cutting a body into slices.
 */
#include "decode/internal.h"
#include "decode_dump.h"
#include "tap.h"

static const Case cases[] = {
	/* where records stand */
	{"a list beside a status", {"clients"}, {"uuid", "name"},
	"{\"status\":\"OK\",\"clients\":[{\"uuid\":\"a\",\"name\":\"Ann\"},{\"uuid\":\"b\",\"name\":\"Bob\"}]}",
	"1: \"a\" \"Ann\"\n2: \"b\" \"Bob\"\n"},
	{"data and total", {"data"}, {"uuid"},
	"{ \"data\" : [ { \"uuid\" : \"a\" } ] , \"total\" : 1 }", "1: \"a\"\n"},
	{"a bare list", {"data"}, {"uuid"},
	"[{\"uuid\":\"a\"},{\"uuid\":\"b\"}]", "1: \"a\"\n2: \"b\"\n"},
	{"a bare list where the path is long", {"result/data|clients"}, {"uuid"},
	"[{\"uuid\":\"a\"}]", "1: \"a\"\n"},
	{"a named wrapper by alternatives", {"data|clients"}, {"uuid"},
	"{\"clients\":[{\"uuid\":\"a\"}]}", "1: \"a\"\n"},
	{"a single object in place of a list", {"clients|client"}, {"uuid"},
	"{\"status\":\"OK\",\"client\":{\"uuid\":\"a\"}}", "1: \"a\"\n"},
	{"the top object as the record", {"data|."}, {"uuid", "status"},
	"{\"uuid\":\"a\",\"status\":\"progress\",\"title\":\"t\"}", "1: \"a\" \"progress\"\n"},
	{"a list although the top object might be the record", {"data|."}, {"uuid"},
	"{\"uuid\":\"x\",\"data\":[{\"uuid\":\"a\"}],\"uuid\":\"y\"}", "1: \"a\"\n"},
	{"a longer list although the top object might be the record", {"data|."}, {"uuid"},
	"{\"uuid\":\"x\",\"data\":[{\"uuid\":\"a\"},{\"uuid\":\"b\"},{\"uuid\":\"c\"}]}",
	"1: \"a\"\n2: \"b\"\n3: \"c\"\n"},
	{"an empty list although the top object might be the record", {"data|."}, {"uuid"},
	"{\"data\":[],\"total\":0}", ""},
	{"a null list although the top object might be the record", {"data|."}, {"uuid"},
	"{\"total\":0,\"data\":null}", ""},
	{"a bare list although the top object might be the record", {"data|."}, {"uuid"},
	"[{\"uuid\":\"a\"}]", "1: \"a\"\n"},
	{"an error where the top object might be the record", {"."}, {"uuid"},
	"{\"status\":\"ERROR\",\"errorDescription\":\"Invalid job identifier\"}", ""},
	{"a list inside the top record", {".", "tasks"}, {"uuid", "1:name"},
	"{\"tasks\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"uuid\":\"u\"}",
	"1.1: \"u\" \"a\"\n1.2: \"u\" \"b\"\n"},
	{"no list", {"clients"}, {"uuid"}, "{\"status\":\"OK\"}", ""},
	{"an empty list", {"clients"}, {"uuid"}, "{\"clients\":[]}", ""},
	{"null in place of a list", {"clients"}, {"uuid"}, "{\"clients\":null}", ""},
	{"null among records is none", {"clients"}, {"uuid"},
	"{\"clients\":[null,{\"uuid\":\"a\"},null]}", "1: \"a\"\n"},
	{"an empty object is a record", {"clients"}, {"uuid"}, "[{}]", "1: -\n"},
	{"a byte order mark", {"clients"}, {"uuid"}, "\xEF\xBB\xBF[{\"uuid\":\"a\"}]", "1: \"a\"\n"},
	{"records that are plain values", {"tags"}, {"."},
	"{\"tags\":[\"x\",1,true]}", "1: \"x\"\n2: \"1\"\n3: \"true\"\n"},

	/* values */
	{"missing and null are NULL, and so is an empty string", {"a"}, {"x", "y", "z"},
	"{\"a\":[{\"y\":null,\"z\":\"\"}]}", "1: - - -\n"},
	{"numbers stay what they are", {"a"}, {"x", "y", "z"},
	"[{\"x\":1234567890123456.789,\"y\":-0.10,\"z\":98765432109876543210e-2}]",
	"1: \"1234567890123456.789\" \"-0.10\" \"98765432109876543210e-2\"\n"},
	{"booleans", {"a"}, {"x", "y"}, "[{\"x\":true,\"y\":false}]", "1: \"true\" \"false\"\n"},
	{"nested paths", {"a"}, {"job/id", "job/client/name"},
	"[{\"job\":{\"client\":{\"name\":\"n\"},\"id\":\"J1\"}},{\"job\":null},{\"job\":\"J2\"}]",
	"1: \"J1\" \"n\"\n2: - -\n3: - -\n"},
	{"an object or a plain value", {"a"}, {"m/name|m"},
	"[{\"m\":{\"name\":\"n\"}},{\"m\":\"t\"}]", "1: \"n\"\n2: \"t\"\n"},
	{"alternative names", {"a"}, {"clientUUID|clientUuid"},
	"[{\"clientUuid\":\"1\"},{\"clientUUID\":\"2\",\"clientUuid\":\"3\"}]", "1: \"1\"\n2: \"2\"\n"},
	{"an empty one of alternative names", {"a"}, {"clientUUID|clientUuid"},
	"[{\"clientUUID\":\"\",\"clientUuid\":\"3\"}]", "1: \"3\"\n"},
	{"of equal names the last counts", {"a"}, {"x", "y/z"},
	"[{\"x\":1,\"x\":2},{\"x\":1,\"x\":null},{\"y\":{\"z\":1},\"y\":{}}]",
	"1: \"2\" -\n2: - -\n3: - -\n"},
	{"a path through an array takes its first element", {"a"}, {"l/n", "t"},
	"[{\"l\":[{\"n\":1},{\"n\":2}],\"t\":[\"x\",\"y\"]},{\"l\":[],\"t\":[]},{\"l\":[[{\"n\":3}]]}]",
	"1: \"1\" \"x\"\n2: - -\n3: \"3\" -\n"},
	{"escapes", {"a"}, {"x"},
	"[{\"x\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\uDE00\"}]",
	"1: \"\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"\n"},
	{"escapes in names", {"a"}, {"x/y"},
	"[{\"\\u0078\":{\"\\u0079\":1}}]", "1: \"1\"\n"},
	{"non-ASCII text", {"a"}, {"x"},
	"[{\"x\":\"caf\xC3\xA9 \xE2\x80\x99 \xF0\x9F\x98\x80\"}]", "1: \"caf\xC3\xA9 \xE2\x80\x99 \xF0\x9F\x98\x80\"\n"},
	{"names matter in their letter case", {"a"}, {"x"}, "[{\"X\":1}]", "1: -\n"},
	{"envelope names inside a record are not envelope", {"jobs"}, {"status", "total"},
	"{\"jobs\":[{\"status\":\"ERROR\",\"total\":7,\"title\":\"t\"}],\"status\":\"OK\"}",
	"1: \"ERROR\" \"7\"\n"},
	{"structure in strings", {"a"}, {"x"},
	"{\"q\":\"],}{[\\\"\",\"a\":[{\"x\":\"}],\"}]}", "1: \"}],\"\n"},

	/* lists inside records */
	{"child records repeat the outer values", {"jobs", "tasks"}, {"id", "1:name"},
	"{\"jobs\":[{\"tasks\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"id\":\"J1\"},{\"id\":\"J2\",\"tasks\":[]},"
	"{\"id\":\"J3\",\"tasks\":{\"name\":\"c\"}},{\"id\":\"J4\",\"tasks\":null}]}",
	"1.1: \"J1\" \"a\"\n1.2: \"J1\" \"b\"\n3.1: \"J3\" \"c\"\n"},
	{"child records that are plain values", {"jobs", "tags"}, {"id", "name", "1:."},
	"{\"jobs\":[{\"tags\":[\"x\",\"y\"],\"id\":\"J1\",\"name\":\"n\"},{\"id\":\"J2\",\"tags\":[\"z\"]}],\"total\":2}",
	"1.1: \"J1\" \"n\" \"x\"\n1.2: \"J1\" \"n\" \"y\"\n2.1: \"J2\" - \"z\"\n"},
	{"three levels", {"jobs", "notes", "comments"}, {"id", "1:title", "2:text"},
	"[{\"notes\":[{\"comments\":[{\"text\":\"x\"}],\"title\":\"t\"}],\"id\":\"J\"}]",
	"1.1.1: \"J\" \"t\" \"x\"\n"},

	/* as JSON */
	{"values as JSON", {"a"}, {"{x", "{y", "{z"},
	"[{\"x\":\"s\\u00e9\\\"\",\"y\":12.50,\"z\":{\"b\" : [ 1, true ,null ]}},{\"x\":null,\"y\":[],\"z\":{}}]",
	"1: \"\"s\\u00e9\\\"\"\" \"12.50\" \"{\"b\":[1,true,null]}\"\n2: - \"[]\" \"{}\"\n"},
	{"a record, a part of it and a value of it at once", {"a"}, {"{.", "{l", "l/n"},
	"[{\"l\":[{\"n\":1},{\"n\":2}],\"q\":\"z\"}]",
	"1: \"{\"l\":[{\"n\":1},{\"n\":2}],\"q\":\"z\"}\" \"[{\"n\":1},{\"n\":2}]\" \"1\"\n"},
	{"a record and plain values of it as JSON", {"a"}, {"{.", "{x", "{y"},
	"[{\"q\":1,\"x\":\"s\",\"y\":true,\"z\":[2]},{\"x\":3}]",
	"1: \"{\"q\":1,\"x\":\"s\",\"y\":true,\"z\":[2]}\" \"\"s\"\" \"true\"\n2: \"{\"x\":3}\" \"3\" -\n"},
	{"an inner list as a whole and by elements", {"a", "l"}, {"{l", "{1:.", "1:n"},
	"[{\"l\":[{\"n\":1},{\"n\":2}]}]",
	"1.1: \"[{\"n\":1},{\"n\":2}]\" \"{\"n\":1}\" \"1\"\n1.2: \"[{\"n\":1},{\"n\":2}]\" \"{\"n\":2}\" \"2\"\n"},
	{"a list although the top object might be taken as JSON", {"data|."}, {"{."},
	"{\"x\":1,\"data\":[{\"y\":2}],\"z\":3}", "1: \"{\"y\":2}\"\n"},
	{"the top record as JSON", {"data|."}, {"{."}, "{\"a\": {\"b\": [1, 2]}}",
	"1: \"{\"a\":{\"b\":[1,2]}}\"\n"},

	/* faults */
	{"an empty body", {"a"}, {"x"}, "", "truncated at 0"},
	{"blanks only", {"a"}, {"x"}, " \n", "truncated at 2"},
	{"cut in a record", {"a"}, {"x"}, "[{\"x\":1},{\"x\":2", "1: \"1\"\ntruncated at 15"},
	{"cut before the end", {"a"}, {"x"}, "{\"a\":[{\"x\":1}]", "1: \"1\"\ntruncated at 14"},
	{"XML instead", {"a"}, {"x"}, "<Response/>", "not this format at 0"},
	{"HTML instead", {"a"}, {"x"}, "\r\n<!DOCTYPE html>", "not this format at 2"},
	{"plain text instead", {"a"}, {"x"}, "Service unavailable", "not this format at 0"},
	{"a plain value", {"a"}, {"x"}, "\"x\"", "not this format at 0"},
	{"a NUL", {"a"}, {"x"}, "[{\"x\":\"a\1\"}]", "encoding at 8"},
	{"broken UTF-8", {"a"}, {"x"}, "[{\"x\":1},{\"x\":\"\xC3(\"}]", "1: \"1\"\nencoding at 16"},
	{"an escaped NUL in a used value", {"a"}, {"x"}, "[{\"x\":\"\\u0000\"}]", "encoding at 12"},
	{"an escaped NUL in an unused value", {"a"}, {"x"}, "[{\"y\":\"\\u0000\",\"x\":1}]", "1: \"1\"\n"},
	{"half a surrogate pair in a used value", {"a"}, {"x"}, "[{\"x\":\"\\ud83d\"}]", "encoding at 13"},
	{"the wrong half", {"a"}, {"x"}, "[{\"x\":\"\\ude00\"}]", "encoding at 12"},
	{"two first halves", {"a"}, {"x"}, "[{\"x\":\"\\ud83d\\ud83d\"}]", "encoding at 18"},
	{"half a pair before another escape", {"a"}, {"x"}, "[{\"x\":\"\\ud83d\\n\"}]", "encoding at 14"},
	{"half a surrogate pair in an unused value", {"a"}, {"x"},
	"[{\"y\":\"\\ud83d\\ud83d\\n\\ude00\",\"x\":1}]", "1: \"1\"\n"},
	{"half a surrogate pair before other characters of an unused value", {"a"}, {"x"},
	"[{\"y\":\"\\ud83dz\",\"z\":\"\\ud83d\",\"x\":1}]", "1: \"1\"\n"},
	{"a number without its end", {"a"}, {"x"}, "[{\"x\":-12.}]", "malformed at 10"},
	{"half a surrogate pair in a value taken as JSON", {"a"}, {"{."}, "[{\"y\":\"\\ud83d\"}]", "encoding at 13"},
	{"a list of records twice in one object", {"a"}, {"x"}, "{\"a\":[{\"x\":1}],\"a\":[{\"x\":2}]}", "1: \"1\"\nmalformed at 17"},
	{"a list in a list of records", {"a"}, {"x"}, "[[{\"x\":1}]]", "malformed at 1"},
	{"half a character at the end", {"a"}, {"x"}, "[]\xC3", "malformed at 2"},
};

/*
 * What is JSON and what is not, each in the place of VALUE in [VALUE].  The
 * valid ones are also taken as JSON, which must give back the same text.
 */
static const char *const valid_values[] = {
	"null", "true", "false", "0", "-0", "1", "-1", "10", "1.5", "-1.50", "0.0",
	"1e1", "1E1", "1e+1", "1e-1", "1.5e10", "0e0", "-0.0E-0",
	"123456789012345678901234567890", "1e99999", "\"\"", "\"a\"", "\"/\"",
	"\"\\/\"", "\"\\u0041\"", "\"\\uFFFF\"", "\"\\uD834\\uDD1E\"", "\"\x7F\"",
	"\"\xEF\xBF\xBF\"", "\"\xF4\x8F\xBF\xBF\"", "\"\xE2\x80\xA8\"", "{}", "[]",
	"[[]]", "[{}]", "[[[[1]]]]", "{\"\":0}", "{\"a\":{\"b\":{}}}",
	"{\"a\":[],\"b\":{}}", "[1,2,3]", "[null,1,\"1\",{}]", "{\"a\":\"b\",\"a\":\"c\"}",
	"\"\\\\\"", "\"\\\"\"", "\"\\b\\f\\n\\r\\t\"", "\"null\"", "\"a/*b*/c\"",
};

static const char *const invalid_values[] = {
	"", ",", "nul", "nulll", "Null", "tru", "True", "fals", "undefined", "NaN",
	"Infinity", "-Infinity", "-", "+1", "01", "-01", "00", "1.", ".5", "-.5",
	"1.e1", "1e", "1e+", "1e-", "1E", "1.5e", "0x10", "1_000", "1a", "--1",
	"1 000", "1,", ",1", "1,,2", "\"", "\"a", "'a'", "\"a\\\"", "\"\\x41\"",
	"\"\\u004\"", "\"\\u004G\"", "\"\\U0041\"", "\"\\'\"", "\"\n\"", "\"\t\"",
	"\"\x1F\"", "{", "}", "{]", "[}", "[", "[1", "[1,]", "[,]", "[1 2]", "[1}",
	"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:1}",
	"{\"a\" 1}", "{\"a\"::1}", "{\"a\":1 \"b\":2}", "{\"a\":1}}", "{null:1}",
	"[\"a\":1]", "{\"a\",1}", "{a\":1}", "// c\n1", "/* c */1", "1#", "\xC2\xA0" "1", "\f1",
	"\\u0031", "a", "<b/>", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF5\x80\x80\x80\"",
	"\"\xE2\x82\"", "\"\xFF\"",
};

static const char *const invalid_bodies[] = {
	"[]]", "{}}", "[][]", "{}{}", "[]x", "[] []", "{},", "[1]1", "{\"a\":1}\"b\"",
};

static void
test_grammar(void)
{
	const char *scope = "v";
	WfmDecodeField field = {".", 0, WFM_TAKE_JSON};
	WfmDecodeSpec spec = {&scope, 1, &field, 1};
	int			i;
	size_t		step;

	for (i = 0; i < LENGTH(valid_values); i++)
	{
		char		body[200];
		char		expected[200];
		int			len;
		bool		good = true;

		len = snprintf(body, sizeof(body), " { \"v\" :\t[ {\"m\":%s } ,\r\n{\"n\": %s\n}]} ",
					   valid_values[i], valid_values[i]);
		snprintf(expected, sizeof(expected), "1: \"{\"m\":%s}\"\n2: \"{\"n\":%s}\"\n",
				 valid_values[i], valid_values[i]);
		for (step = 0; step < 6; step++)
		{
			Dump		dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, body, len, 0, step);

			good = good && strcmp(dump.text, expected) == 0;
			if (!good && step == 0)
				printf("# %s\n", dump.text);
			free(dump.text);
		}
		ok(good, "JSON: %s", valid_values[i]);
	}
	for (i = 0; i < LENGTH(invalid_values) + LENGTH(invalid_bodies); i++)
	{
		char		body[100];
		int			len;
		bool		good = true;

		if (i < LENGTH(invalid_values))
			len = snprintf(body, sizeof(body), "[{\"m\":%s}]", invalid_values[i]);
		else
			len = snprintf(body, sizeof(body), "%s", invalid_bodies[i - LENGTH(invalid_values)]);
		for (step = 0; step < 6; step++)
		{
			Dump		dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, body, len, 0, step);

			good = good && (dump.status == WFM_DECODE_MALFORMED ||
							dump.status == WFM_DECODE_TRUNCATED ||
							dump.status == WFM_DECODE_ENCODING);
			free(dump.text);
		}
		ok(good, "not JSON: number %d", i);
	}
}

static void
test_envelope(void)
{
	static const char ok_body[] =
		"{\"status\":\"ok\",\"jobs\":[{},{}],\"page\":3,\"pageSize\":100,\"total\":250,"
		"\"pagination\":{\"links\":{\"first\":\"f\",\"next\":\"https://x/?a=1\\u0026b=2\"}}}";
	static const char problem[] =
		"{\"Type\":null,\"Title\":\"Unauthorized\",\"Status\":401,\"Detail\":\"AuthenticationUnsuccessful\","
		"\"Instance\":\"x\",\"Extensions\":{}}";
	static const char described[] =
		"{\"title\":\"t\",\"detail\":\"d\",\"errorDescription\":\"Invalid job\",\"status\":\"ERROR\"}";
	const char *scope = "jobs";
	WfmDecodeSpec spec = {&scope, 1, NULL, 0};
	Dump		dump;

	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, ok_body, strlen(ok_body), 0, 5);
	is_str(dump.text, "", "envelope: no fault");
	ok(dump.envelope.complete && dump.envelope.status_ok, "envelope: status in any letter case");
	is_int(dump.envelope.page, 3, "envelope: page");
	is_int(dump.envelope.page_size, 100, "envelope: pageSize");
	is_int(dump.envelope.total_records, 250, "envelope: total");
	is_str(dump.next_link, "https://x/?a=1&b=2", "envelope: next link");
	is_int(dump.envelope.records_delivered, 2, "without fields records are counted");
	free(dump.text);

	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, problem, strlen(problem), 0, 0);
	ok(dump.envelope.status_seen && !dump.envelope.status_ok, "envelope: a problem is not OK");
	is_str(dump.description, "AuthenticationUnsuccessful", "envelope: detail of a problem, in any letter case");
	free(dump.text);
	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, described, strlen(described), 0, 0);
	is_str(dump.description, "Invalid job", "envelope: errorDescription before detail");
	free(dump.text);

	scope = "data|.";
	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, "{\"status\":\"progress\",\"title\":\"t\",\"total\":5}", 43, 0, 0);
	ok(!dump.envelope.status_seen && dump.description[0] == '\0' &&
	   dump.envelope.total_records == -1 && dump.envelope.records_delivered == 1,
	   "envelope: members of the top record are its own");
	free(dump.text);
	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, described, strlen(described), 0, 0);
	ok(dump.envelope.status_seen && dump.envelope.records_delivered == 0,
	   "envelope: an error is no record");
	free(dump.text);
}

/* A body of before, n times middle, after. */
static void
expect_repeat(const char *name, WfmDecodeStatus expected, const char *path,
			  WfmTake take, const char *before, const char *middle, size_t n,
			  const char *after)
{
	const char *scope = "a";
	WfmDecodeField field = {path, 0, take};
	WfmDecodeSpec spec = {&scope, 1, &field, 1};
	size_t		a = strlen(before),
				b = strlen(middle),
				c = strlen(after),
				i;
	char	   *body = malloc(a + n * b + c + 1);
	Dump		dump;

	if (body == NULL)
		abort();
	memcpy(body, before, a);
	for (i = 0; i < n; i++)
		memcpy(body + a + i * b, middle, b);
	memcpy(body + a + n * b, after, c);
	dump = dump_decode(WFM_FORMAT_JSON, &spec, NULL, body, a + n * b + c, 0, 8192);
	is_str(dump_status_names[dump.status], dump_status_names[expected], name);
	free(dump.text);
	free(body);
}

static void
test_limits(void)
{
	expect_repeat("nesting of 200,000 arrays", WFM_DECODE_TOO_DEEP, "x", WFM_TAKE_TEXT,
				  "{\"b\":", "[", 200000, "");
	expect_repeat("nesting of 200,000 objects", WFM_DECODE_TOO_DEEP, "x", WFM_TAKE_TEXT,
				  "[", "{\"x\":", 200000, "");
	expect_repeat("a wanted string of 64 MB", WFM_DECODE_VALUE_TOO_BIG, "x", WFM_TAKE_TEXT,
				  "[{\"x\":\"", "0123456789abcdef", 4 << 20, "\"}]");
	expect_repeat("an unwanted string of 64 MB", WFM_DECODE_OK, "y", WFM_TAKE_TEXT,
				  "[{\"x\":\"", "0123456789abcdef", 4 << 20, "\"}]");
	expect_repeat("a wanted number of 16 MB", WFM_DECODE_VALUE_TOO_BIG, "x", WFM_TAKE_TEXT,
				  "[{\"x\":", "0123456789" + 1, 2 << 20, "}]");
	expect_repeat("a name of 16 MB", WFM_DECODE_OK, "x", WFM_TAKE_TEXT,
				  "[{\"", "0123456789abcdef", 1 << 20, "\":1}]");
	expect_repeat("a record of 64 MB as JSON", WFM_DECODE_RECORD_TOO_BIG, ".", WFM_TAKE_JSON,
				  "[{\"x\":[0", ",{\"y\":1}", 8 << 20, "]}]");
	expect_repeat("a value of a million members of one name", WFM_DECODE_RECORD_TOO_BIG, "x", WFM_TAKE_TEXT,
				  "[{\"y\":0", ",\"x\":\"0123456789abcdef\"", 1100000, "}]");
	expect_repeat("200,000 records", WFM_DECODE_OK, "x", WFM_TAKE_TEXT,
				  "[{}", ",{\"x\":1}", 200000, "]");
}

/* What a fault is called, where a user has to know it. */
static void
test_messages(void)
{
	static const struct
	{
		WfmFormat	format;
		const char *body;
		const char *message;
	}			faults[] =
	{
		{WFM_FORMAT_JSON, "<html>", "the body is XML or HTML, not JSON"},
		{WFM_FORMAT_JSON, "Busy", "the body is no JSON object or list"},
		{WFM_FORMAT_JSON, "{\"a\":[],\"a\":[]}", "a list of records appears twice in one object"},
		{WFM_FORMAT_XML, "{}", "the body is JSON, not XML"},
		{WFM_FORMAT_XML, "[]", "the body is JSON, not XML"},
		{WFM_FORMAT_XML, "Busy", "the body is not XML"},
	};
	const char *scope = "a";
	WfmDecodeSpec spec = {&scope, 1, NULL, 0};

	for (int i = 0; i < LENGTH(faults); i++)
	{
		Dump		dump = dump_decode(faults[i].format, &spec, NULL, faults[i].body,
									   strlen(faults[i].body), 0, 0);

		is_str(dump.error.message, faults[i].message, "message");
		free(dump.text);
	}
}

/* Child records count against the limit of their outermost one. */
static void
test_child_records(void)
{
	static const char *const scopes[] = {"a", "b"};
	WfmDecodeField field = {"x", 1, WFM_TAKE_TEXT};
	WfmDecodeSpec spec = {scopes, 2, &field, 1};
	WfmDecodeLimits limits = {1000, 10000, 8};

	for (int n = 10; n <= 1000; n *= 100)
	{
		char		body[4000] = "[{\"b\":[{}";
		size_t		len = strlen(body);
		Dump		dump;

		for (int i = 1; i < n; i++)
			len += sprintf(body + len, ",{}");
		len += sprintf(body + len, "]}]");
		dump = dump_decode(WFM_FORMAT_JSON, &spec, &limits, body, len, 0, 0);
		is_str(dump_status_names[dump.status], n == 10 ? "ok" : "record too big",
			   n == 10 ? "a few child records" : "too many child records");
		free(dump.text);
	}
}

/* Every character there is, and a byte that is none in every place. */
static void
test_utf8(void)
{
	int			wrong = 0;
	char		line[64];

	for (uint32_t code = 1; code <= 0x10FFFF; code++)
	{
		WfmUtf8		state = {0};
		char		bytes[4];
		size_t		n = wfm_utf8_encode(code, bytes);
		bool		valid = code < 0xD800 || code > 0xDFFF;

		wrong += n != (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4) ||
			(wfm_utf8_check(&state, bytes, n) == n) != valid;
	}
	is_int(wrong, 0, "UTF-8: every character and no surrogate");

	wrong = 0;
	for (int i = 0; i < (int) sizeof(line); i++)
	{
		static const char bad[] = {'\0', '\xFF', '\x80'};

		for (int b = 0; b < LENGTH(bad); b++)
		{
			WfmUtf8		state = {0};

			memset(line, 'x', sizeof(line));
			line[i] = bad[b];
			wrong += wfm_utf8_check(&state, line, sizeof(line)) != (size_t) i;
		}
	}
	is_int(wrong, 0, "UTF-8: a bad byte is found wherever it is");
}

int
main(void)
{
	run_cases(WFM_FORMAT_JSON, cases, LENGTH(cases), NULL, 0);
	test_grammar();
	test_utf8();
	test_child_records();
	test_messages();
	test_envelope();
	test_limits();
	return done_testing();
}
