/*
 * test_decode_xml.c
 *		XML answers: shapes, quirks of the APIs, hostile bodies, every way of
 *		cutting a body into slices.
 */
#include <dirent.h>

#include "decode_dump.h"
#include "tap.h"

static const Case cases[] = {
	{"a list of records", {"Clients/Client"}, {"UUID", "Name"},
	"<Response api-method=\"List\"><Status>OK</Status><Clients>"
	"<Client><UUID>a</UUID><Name>Ann</Name></Client>"
	"<Client><UUID>b</UUID><Name>Bob</Name></Client>"
	"</Clients></Response>",
	"1: \"a\" \"Ann\"\n2: \"b\" \"Bob\"\n"},
	{"a single record of a get", {"Client"}, {"UUID"},
	"<Response api-method=\"Get\"><Status>OK</Status><Client><UUID>a</UUID></Client></Response>",
	"1: \"a\"\n"},
	{"list or get by alternatives of the scope", {"Clients/Client|Client"}, {"UUID"},
	"<Response><Client><UUID>a</UUID></Client></Response>",
	"1: \"a\"\n"},
	{"an absent collection", {"Clients/Client"}, {"UUID"},
	"<Response><Status>OK</Status></Response>", ""},
	{"an empty collection", {"Clients/Client"}, {"UUID"},
	"<Response><Status>OK</Status><Clients /></Response>", ""},
	{"a collection of blanks", {"Clients/Client"}, {"UUID"},
	"<Response>\n  <Clients>\n  </Clients>\n</Response>", ""},
	{"a record without a child", {"Clients/Client"}, {"UUID"},
	"<Response><Clients><Client /></Clients></Response>", "1: -\n"},
	{"declaration and line ends before the root", {"A"}, {"B"},
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Response><A><B>x</B></A></Response>\r\n",
	"1: \"x\"\n"},
	{"declared as ASCII", {"A"}, {"B"},
	"<?xml version='1.0' encoding='us-ascii' standalone='yes'?><R><A><B>x</B></A></R>",
	"1: \"x\"\n"},
	{"a byte order mark", {"A"}, {"B"},
	"\xEF\xBB\xBF<R><A><B>x</B></A></R>", "1: \"x\"\n"},
	{"a byte order mark, blanks and a declaration", {"A"}, {"B"},
	"\xEF\xBB\xBF \n<?xml version=\"1.0\"?><R><A><B>x</B></A></R>", "1: \"x\"\n"},
	{"comments and instructions", {"A"}, {"B"},
	"<!-- < a > --><?php no ?><R><A><!-- x --><B>x<!-- y -->z<?q?></B></A></R><!-- end -->",
	"1: \"xz\"\n"},

	/* values */
	{"absent, empty and self-closing are all NULL", {"A"}, {"X", "Y", "Z"},
	"<R><A><Y></Y><Z/></A></R>", "1: - - -\n"},
	{"blanks in a leaf are kept", {"A"}, {"X"},
	"<R><A><X> </X></A></R>", "1: \" \"\n"},
	{"entities and character references", {"A"}, {"X"},
	"<R><A><X>&lt;a&gt; &amp;amp; &quot;b&quot; &apos;c&apos; &#233;&#x1F600;</X></A></R>",
	"1: \"<a> &amp; \"b\" 'c' \xC3\xA9\xF0\x9F\x98\x80\"\n"},
	{"CDATA", {"A"}, {"X"},
	"<R><A><X>a<![CDATA[<b> & ]]]]><![CDATA[>]]>c</X></A></R>", "1: \"a<b> & ]]>c\"\n"},
	{"line breaks in text", {"A"}, {"X"},
	"<R><A><X>a\nb\r\nc&#13;d</X></A></R>", "1: \"a\nb\nc\rd\"\n"},
	{"non-ASCII text", {"A"}, {"X"},
	"<R><A><X>caf\xC3\xA9 \xE2\x80\x99 \xF0\x9F\x98\x80</X></A></R>",
	"1: \"caf\xC3\xA9 \xE2\x80\x99 \xF0\x9F\x98\x80\"\n"},
	{"negative numbers are text", {"A"}, {"X"},
	"<R><A><X>-150.00</X></A></R>", "1: \"-150.00\"\n"},
	{"attributes and namespaces are tolerated", {"A"}, {"X", "Y"},
	"<n:R xmlns:n=\"urn:n\"><n:A id=\"1>2\"><X p:nil='true' xmlns:p='q'>x</X><n:Y>y</n:Y></n:A></n:R>",
	"1: \"x\" \"y\"\n"},
	{"a prefix that is not declared", {"A"}, {"X"},
	"<R><A><i:X>x</i:X></A></R>", "1: \"x\"\n"},

	/* the APIs' quirks */
	{"element order varies", {"A"}, {"X", "Y", "Z"},
	"<R><A><Z>3</Z><X>1</X><Y>2</Y></A><A><Y>2</Y><Z>3</Z><X>1</X></A></R>",
	"1: \"1\" \"2\" \"3\"\n2: \"1\" \"2\" \"3\"\n"},
	{"unknown elements are skipped", {"A"}, {"X"},
	"<R><Q><A><X>no</X></A></Q><A><N><X>no</X></N><X>1</X><M/></A></R>",
	"1: \"1\"\n"},
	{"alternative spellings", {"A"}, {"WebUrl|WebURL"},
	"<R><A><WebURL>u</WebURL></A><A><WebUrl>v</WebUrl></A><A><WebURL>x</WebURL><WebUrl>w</WebUrl></A>"
	"<A><WebUrl></WebUrl><WebURL>y</WebURL></A></R>",
	"1: \"u\"\n2: \"v\"\n3: \"w\"\n4: \"y\"\n"},
	{"a reference as text or as an object", {"A"},
	{"AccountManager/UUID", "AccountManager/Name|AccountManager"},
	"<R><A><AccountManager>Jo</AccountManager></A>"
	"<A><AccountManager>\n <UUID>u</UUID>\n <Name>Jo</Name>\n</AccountManager></A>"
	"<A><AccountManager><UUID>u</UUID></AccountManager></A></R>",
	"1: - \"Jo\"\n2: \"u\" \"Jo\"\n3: \"u\" -\n"},
	{"text beside children loses its layout", {"A"}, {"X", "X/Y"},
	"<R><A><X>\n a <Y>b</Y> c \n</X></A></R>", "1: \"a  c\" \"b\"\n"},
	{"of two elements of one name the first counts", {"A"}, {"X"},
	"<R><A><X></X><X>1</X><X>2</X></A></R>", "1: \"1\"\n"},
	{"a path through a list takes its first element", {"A"}, {"L/E/N"},
	"<R><A><L><E><N>1</N></E><E><N>2</N></E></L></A></R>", "1: \"1\"\n"},
	{"envelope names inside a record are not envelope", {"Job"}, {"Status", "Page"},
	"<R><Status>OK</Status><Job><Status>ERROR</Status><Records>9</Records><Page>7</Page></Job></R>",
	"1: \"ERROR\" \"7\"\n"},

	/* lists inside records */
	{"child records repeat the outer values", {"Jobs/Job", "Tasks/Task"},
	{"ID", "1:Name"},
	"<R><Jobs><Job><ID>J1</ID><Tasks><Task><Name>a</Name></Task><Task><Name>b</Name></Task></Tasks></Job>"
	"<Job><ID>J2</ID><Tasks/></Job><Job><ID>J3</ID></Job>"
	"<Job><ID>J4</ID><Tasks><Task><Name>c</Name></Task></Tasks></Job></Jobs></R>",
	"1.1: \"J1\" \"a\"\n1.2: \"J1\" \"b\"\n4.1: \"J4\" \"c\"\n"},
	{"outer values after the inner list", {"Jobs/Job", "Tasks/Task"},
	{"UUID", "1:Name", "Name"},
	"<R><Jobs><Job><Tasks><Task><Name>a</Name></Task><Task><Name>b</Name></Task></Tasks><UUID>u</UUID><Name>n</Name></Job></Jobs></R>",
	"1.1: \"u\" \"a\" \"n\"\n1.2: \"u\" \"b\" \"n\"\n"},
	{"three levels", {"Jobs/Job", "Notes/Note", "Comments/Comment"},
	{"ID", "1:Title", "2:Text"},
	"<R><Jobs><Job><Notes><Note><Comments><Comment><Text>x</Text></Comment><Comment><Text>y</Text></Comment></Comments><Title>t</Title></Note>"
	"<Note><Title>u</Title><Comments><Comment><Text>z</Text></Comment></Comments></Note></Notes><ID>J1</ID></Job></Jobs></R>",
	"1.1.1: \"J1\" \"t\" \"x\"\n1.1.2: \"J1\" \"t\" \"y\"\n1.2.1: \"J1\" \"u\" \"z\"\n"},
	{"a list in two places", {"Invoices/Invoice", "Jobs/Job/Tasks/Task|Tasks/Task"},
	{"ID", "1:Name"},
	"<R><Invoices><Invoice><ID>I1</ID><Tasks><Task><Name>d</Name></Task></Tasks>"
	"<Jobs><Job><ID>J</ID><Tasks><Task><Name>e</Name></Task></Tasks></Job></Jobs></Invoice></Invoices></R>",
	"1.1: \"I1\" \"d\"\n1.2: \"I1\" \"e\"\n"},

	/* subtrees as JSON */
	{"leaves as JSON", {"A"}, {"{X", "{Y", "{Z"},
	"<R><A><X>a\"\\\n\t&#13;/</X><Y></Y></A></R>",
	"1: \"\"a\\\"\\\\\\n\\t\\u000d/\"\" - -\n"},
	{"the whole record as JSON", {"A"}, {"{."},
	"<R><A><ID>1</ID><Client><UUID>u</UUID><Name>n</Name></Client><Email></Email>"
	"<Contacts><Contact><Name>c</Name></Contact></Contacts><Groups/></A></R>",
	"1: \"{\"ID\":\"1\",\"Client\":{\"UUID\":\"u\",\"Name\":\"n\"},\"Email\":null,"
	"\"Contacts\":[{\"Name\":\"c\"}],\"Groups\":null}\"\n"},
	{"lists by name and by repetition as JSON", {"A"}, {"{."},
	"<R><A><Categories><Category>1</Category></Categories><Taxes><Tax>t</Tax></Taxes>"
	"<StaffList><Staff/></StaffList><Assigned><Staff>s</Staff></Assigned>"
	"<Odd><N>1</N><N>2</N></Odd><One><N>1</N></One></A></R>",
	"1: \"{\"Categories\":[\"1\"],\"Taxes\":[\"t\"],\"StaffList\":[null],\"Assigned\":[\"s\"],"
	"\"Odd\":[\"1\",\"2\"],\"One\":{\"N\":\"1\"}}\"\n"},
	{"a repeated name among others as JSON", {"A"}, {"{."},
	"<R><A><X>1</X><Y>2</Y><X>3</X><Z><Q>q</Q> t </Z></A></R>",
	"1: \"{\"X\":[\"1\",\"3\"],\"Y\":\"2\",\"Z\":{\"Q\":\"q\",\"#text\":\"t\"}}\"\n"},
	{"a repeated name around another as JSON", {"A"}, {"{W"},
	"<R><A><W><X>1</X><Y>2</Y><X>3</X></W></A></R>",
	"1: \"{\"X\":[\"1\",\"3\"],\"Y\":\"2\"}\"\n"},
	{"a record, a list in it and a value of it at once", {"A"}, {"{.", "{Contacts", "Contacts/Contact/Name"},
	"<R><A><Contacts><Contact><Name>c</Name></Contact></Contacts></A><A/></R>",
	"1: \"{\"Contacts\":[{\"Name\":\"c\"}]}\" \"[{\"Name\":\"c\"}]\" \"c\"\n2: - - -\n"},

	/* faults */
	{"an empty body", {"A"}, {"B"}, "", "truncated at 0"},
	{"blanks only", {"A"}, {"B"}, " \r\n", "truncated at 3"},
	{"cut in a record", {"A"}, {"B"},
	"<R><A><B>1</B></A><A><B>2</", "1: \"1\"\ntruncated at 27"},
	{"cut before the closing root tag", {"A"}, {"B"},
	"<R><A><B>1</B></A></R", "1: \"1\"\ntruncated at 21"},
	{"HTML", {"A"}, {"B"},
	"<html><body>Sign in</body></html>", NULL},
	{"HTML with a DOCTYPE", {"A"}, {"B"},
	"<!doctype html>\n<html><p>Sign in<br></html>", "not this format at 0"},
	{"HTML after a comment", {"A"}, {"B"},
	"<!-- gateway --><HTML></HTML>", NULL},
	{"XHTML after a declaration", {"A"}, {"B"},
	"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html></html>",
	NULL},
	{"JSON instead", {"A"}, {"B"}, "{\"Title\":\"Unauthorized\"}", "not this format at 0"},
	{"plain text instead", {"A"}, {"B"}, "\n Service unavailable", "not this format at 2"},
	{"a DOCTYPE", {"A"}, {"B"},
	"<!DOCTYPE R [<!ENTITY a \"b\">]><R><A><B>&a;</B></A></R>", "forbidden at 0"},
	{"a DOCTYPE after a comment", {"A"}, {"B"},
	"<!-- x --><!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>", NULL},
	{"billion laughs", {"A"}, {"B"},
	"<?xml version=\"1.0\"?><!DOCTYPE R [<!ENTITY a \"1\"><!ENTITY b \"&a;&a;\">]><R>&b;</R>",
	NULL},
	{"an entity that nobody declared", {"A"}, {"B"},
	"<R><A><B>&nbsp;</B></A></R>", NULL},
	{"a NUL", {"A"}, {"B"}, "<R><A><B>1</B></A><A><B>a\1b</B></A></R>", NULL},
	{"broken UTF-8", {"A"}, {"B"},
	"<R><A><B>1</B></A><A><B>\xC3(</B></A></R>", "1: \"1\"\nencoding at 25"},
	{"an overlong form", {"A"}, {"B"},
	"<R><A><B>\xC0\x80</B></A></R>", "encoding at 9"},
	{"a surrogate", {"A"}, {"B"},
	"<R><A><B>\xED\xA0\x80</B></A></R>", "encoding at 10"},
	{"above U+10FFFF", {"A"}, {"B"},
	"<R><A><B>\xF4\x90\x80\x80</B></A></R>", "encoding at 10"},
	{"Latin-1", {"A"}, {"B"},
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><R><A><B>x</B></A></R>",
	"encoding at 30"},
	{"Latin-1, with blanks", {"A"}, {"B"},
	"<?xml version=\"1.0\" encoding  =\t'ISO-8859-1'?><R><A><B>x</B></A></R>",
	"encoding at 33"},
	{"UTF-16 by its mark", {"A"}, {"B"}, "\xFF\xFE<", "encoding at 0"},
	{"mismatched tags", {"A"}, {"B"}, "<R><A><B>1</A></B></R>", NULL},
	{"text after the root", {"A"}, {"B"}, "<R><A><B>1</B></A></R>x", NULL},
	{"two documents", {"A"}, {"B"}, "<R><A><B>1</B></A></R><R/>", NULL},
	{"an attribute without quotes", {"A"}, {"B"}, "<R x=1></R>", NULL},
	{"a control character", {"A"}, {"B"}, "<R><A><B>\x0B</B></A></R>", NULL},
	{"an ampersand before a blank", {"A"}, {"B"}, "<R><A><B>a & b</B></A></R>", NULL},
	{"an ampersand before a tag", {"A"}, {"B"}, "<R><A><B>a&b</B></A></R>", NULL},
	{"two ampersands", {"A"}, {"B"}, "<R><A><B>a && b</B><B>&amp;</B></A></R>", NULL},
	{"a cut behind an ampersand", {"A"}, {"B"}, "<R><A><B>a&", NULL},
	{"a cut in a reference", {"A"}, {"B"}, "<R><A><B>a&#x1F60", NULL},
	{"half a character at the end", {"A"}, {"B"}, "<R></R>\xC3", "encoding at 8"},
};

/* The faults whose offset depends on the library: only their class counts. */
static const FaultClass fault_classes[] =

{
	{"HTML", WFM_DECODE_NOT_THIS_FORMAT},
	{"HTML after a comment", WFM_DECODE_NOT_THIS_FORMAT},
	{"XHTML after a declaration", WFM_DECODE_NOT_THIS_FORMAT},
	{"a DOCTYPE after a comment", WFM_DECODE_FORBIDDEN},
	{"billion laughs", WFM_DECODE_FORBIDDEN},
	{"an entity that nobody declared", WFM_DECODE_MALFORMED},
	{"mismatched tags", WFM_DECODE_MALFORMED},
	{"text after the root", WFM_DECODE_MALFORMED},
	{"two documents", WFM_DECODE_MALFORMED},
	{"an attribute without quotes", WFM_DECODE_MALFORMED},
	{"a control character", WFM_DECODE_MALFORMED},
	{"an ampersand before a blank", WFM_DECODE_MALFORMED},
	{"an ampersand before a tag", WFM_DECODE_MALFORMED},
	{"two ampersands", WFM_DECODE_MALFORMED},
	{"a cut behind an ampersand", WFM_DECODE_TRUNCATED},
	{"a cut in a reference", WFM_DECODE_TRUNCATED},
	{"a NUL", WFM_DECODE_ENCODING},
};

/* Decode with one scope A and one field. */
static Dump
decode_one(const char *body, size_t len, const char *path, WfmTake take,
		   const WfmDecodeLimits *limits, size_t step)
{
	const char *scopes[] = {"A"};
	WfmDecodeField field = {path, 0, take};
	WfmDecodeSpec spec = {scopes, 1, &field, 1};

	return dump_decode(WFM_FORMAT_XML, &spec, limits, body, len, 0, step);
}

static void
test_envelope(void)
{
	static const char ok_body[] =
		"<Response api-method=\"List\"><Status>ok</Status><Costs><Cost/><Cost/></Costs><Records>2</Records>"
		"<Pagination><Links><First>f</First><Next>https://x/?a=1&amp;b=2</Next></Links></Pagination>"
		"<Page>3</Page><PageSize>100</PageSize><TotalRecords>250</TotalRecords></Response>";
	static const char error_body[] =
		"<Response api-method=\"Get\"><Status>ERROR</Status><ErrorDescription>Invalid client identifier</ErrorDescription></Response>";
	const char *scopes[] = {"Costs/Cost"};
	WfmDecodeSpec spec = {scopes, 1, NULL, 0};
	Dump		dump;

	dump = dump_decode(WFM_FORMAT_XML, &spec, NULL, ok_body, strlen(ok_body), 0, 7);
	ok(dump.envelope.complete && dump.envelope.status_seen && dump.envelope.status_ok,
	   "envelope: OK in any letter case");
	is_int(dump.envelope.records, 2, "envelope: Records");
	is_int(dump.envelope.page, 3, "envelope: Page");
	is_int(dump.envelope.page_size, 100, "envelope: PageSize");
	is_int(dump.envelope.total_records, 250, "envelope: TotalRecords");
	is_str(dump.next_link, "https://x/?a=1&b=2", "envelope: next link");
	is_int(dump.envelope.records_delivered, 2, "without fields records are counted");
	is_str(dump.text, "", "without fields records are not delivered");
	free(dump.text);

	dump = dump_decode(WFM_FORMAT_XML, &spec, NULL, error_body, strlen(error_body), 0, 0);
	ok(dump.envelope.status_seen && !dump.envelope.status_ok, "envelope: ERROR is not OK");
	is_str(dump.status_text, "ERROR", "envelope: status text");
	is_str(dump.description, "Invalid client identifier", "envelope: error text");
	ok(dump.envelope.records == -1 && dump.envelope.page == -1 &&
	   dump.envelope.page_size == -1 && dump.envelope.total_records == -1,
	   "envelope: absent counts are -1");
	free(dump.text);
}

/* A body of before, n times middle, after. */
static char *
repeat(const char *before, const char *middle, size_t n, const char *after, size_t *len)
{
	size_t		a = strlen(before),
				b = strlen(middle),
				c = strlen(after),
				i;
	char	   *body = malloc(a + n * b + c + 1);

	memcpy(body, before, a);
	for (i = 0; i < n; i++)
		memcpy(body + a + i * b, middle, b);
	memcpy(body + a + n * b, after, c + 1);
	*len = a + n * b + c;
	return body;
}

static void
expect_repeat(const char *name, WfmDecodeStatus expected, const char *path,
			  WfmTake take, const char *before, const char *middle, size_t n,
			  const char *after)
{
	size_t		len;
	char	   *body = repeat(before, middle, n, after, &len);
	Dump		dump = decode_one(body, len, path, take, NULL, 8192);

	is_str(dump_status_names[dump.status], dump_status_names[expected], name);
	free(dump.text);
	free(body);
}

static void
test_limits(void)
{
	WfmDecodeLimits small = {10, 30, 3};
	const char *body;
	Dump		dump;
	size_t		len;
	char	   *big;

	expect_repeat("nesting of 200,000", WFM_DECODE_TOO_DEEP, "B", WFM_TAKE_TEXT,
				  "<R>", "<x>", 200000, "</R>");
	expect_repeat("text of 64 MB in a wanted value", WFM_DECODE_VALUE_TOO_BIG, "B",
				  WFM_TAKE_TEXT, "<R><A><B>", "0123456789abcdef", 4 << 20, "</B></A></R>");
	expect_repeat("text of 64 MB in an unwanted value", WFM_DECODE_OK, "C",
				  WFM_TAKE_TEXT, "<R><A><B>", "0123456789abcdef", 4 << 20, "</B></A></R>");
	expect_repeat("CDATA of 16 MB in a wanted value", WFM_DECODE_VALUE_TOO_BIG, "B",
				  WFM_TAKE_TEXT, "<R><A><B><![CDATA[", "0123456789abcdef", 1 << 20, "]]></B></A></R>");
	expect_repeat("an attribute of 16 MB", WFM_DECODE_VALUE_TOO_BIG, "B",
				  WFM_TAKE_TEXT, "<R><A><B x=\"", "0123456789abcdef", 1 << 20, "\"></B></A></R>");
	expect_repeat("a comment of 16 MB", WFM_DECODE_VALUE_TOO_BIG, "B",
				  WFM_TAKE_TEXT, "<R><A><!--", "0123456789abcdef", 1 << 20, "--></A></R>");
	expect_repeat("a name of 2 MB", WFM_DECODE_MALFORMED, "B",
				  WFM_TAKE_TEXT, "<R><A><", "abcdefgh", 1 << 16, "/></A></R>");
	expect_repeat("a million attributes", WFM_DECODE_VALUE_TOO_BIG, "B",
				  WFM_TAKE_TEXT, "<R", " a='1'", 1 << 20, "></R>");
	expect_repeat("a record of 64 MB of child elements as JSON", WFM_DECODE_RECORD_TOO_BIG, ".",
				  WFM_TAKE_JSON, "<R><A>", "<x/><y/>", 4 << 20, "</A></R>");
	expect_repeat("200,000 records of one byte", WFM_DECODE_OK, "B",
				  WFM_TAKE_TEXT, "<R>", "<A><B>1</B></A>", 200000, "</R>");
	expect_repeat("text torn by children a million times", WFM_DECODE_RECORD_TOO_BIG, "B|B/C",
				  WFM_TAKE_TEXT, "<R><A><B>", "x<C>y</C>", 1 << 20, "</B></A></R>");

	body = "<R><A><B>0123456789</B></A></R>";
	dump = decode_one(body, strlen(body), "B", WFM_TAKE_TEXT, &small, 1);
	is_str(dump.text, "1: \"0123456789\"\n", "a value at the limit");
	free(dump.text);
	body = "<R><A><B>0123456789a</B></A></R>";
	dump = decode_one(body, strlen(body), "B", WFM_TAKE_TEXT, &small, 1);
	is_str(dump_status_names[dump.status], "value too big", "a value above the limit");
	is_int(dump.error.record_number, 1, "the fault names the record");
	ok(dump.error.byte_offset >= 9 && dump.error.byte_offset <= strlen(body),
	   "and the place");
	free(dump.text);
	/* a limit that is too high is cut to what there is room for */
	small.max_depth = 1000000;
	big = repeat("<R>", "<x>", 200000, "", &len);
	dump = decode_one(big, len, "B", WFM_TAKE_TEXT, &small, 8192);
	is_str(dump_status_names[dump.status], "too deep", "nesting of 200,000 whatever the limit");
	free(dump.text);
	free(big);
	small.max_depth = 3;
	body = "<R><A><B><C>1</C></B></A></R>";
	dump = decode_one(body, strlen(body), "B", WFM_TAKE_TEXT, &small, 0);
	is_str(dump_status_names[dump.status], "too deep", "nesting above the limit");
	free(dump.text);

	/* what is written as JSON counts, and not only what was read */
	{
		WfmDecodeLimits limits = {1000, 1000, 5};

		for (int n = 50; n <= 200; n += 150)
		{
			big = repeat("<R><A><B>", "&#13;", n, "</B></A></R>", &len);
			dump = decode_one(big, len, "B", WFM_TAKE_JSON, &limits, 0);
			is_str(dump_status_names[dump.status], n == 50 ? "ok" : "record too big",
				   n == 50 ? "text that its escapes make longer" : "too long");
			free(dump.text);
			free(big);
		}
	}
	expect_repeat("a million values beside the records", WFM_DECODE_OK, "B", WFM_TAKE_TEXT,
				  "<R>", "<ErrorDescription>0123456789abcdef</ErrorDescription>", 1100000, "</R>");

	/* a value of many slices that is kept whole */
	big = repeat("<R><A><B>", "0123456789abcdef", 1 << 15, "</B></A></R>", &len);
	dump = decode_one(big, len, "B", WFM_TAKE_TEXT, NULL, 1000);
	ok(dump.status == WFM_DECODE_OK && dump.len == (1 << 19) + 6 &&
	   memcmp(dump.text +4, big + 9, 1 << 19) == 0, "a value of 512 kB in slices of 1 kB");
	free(dump.text);
	free(big);
}

static void
test_specs(void)
{
	static const char *const bad[] = {"", "/A", "A/", "A//B", "A|", "|A", "./A", "A/./B", "A|A"};
	int			i;

	for (i = 0; i < LENGTH(bad); i++)
	{
		WfmDecodeSpec spec = {&bad[i], 1, NULL, 0};
		WfmDecoder *d = wfm_decoder_create(WFM_FORMAT_XML, &spec, NULL);

		ok(d == NULL, "malformed scope path \"%s\"", bad[i]);
		wfm_decoder_destroy(d);
	}
	for (i = 0; i < LENGTH(bad) - 1; i++)
	{
		const char *scope = "A";
		WfmDecodeField field = {bad[i], 0, WFM_TAKE_TEXT};
		WfmDecodeSpec spec = {&scope, 1, &field, 1};
		WfmDecoder *d = wfm_decoder_create(WFM_FORMAT_XML, &spec, NULL);

		ok(d == NULL, "malformed field path \"%s\"", bad[i]);
		wfm_decoder_destroy(d);
	}
}

/* Count the records of a recorded answer. */
static int
count_sample(const char *folder, const char *file, const char *scope)
{
	char		path[1024];
	FILE	   *f;
	char	   *body = malloc(1 << 20);
	size_t		len;
	WfmDecodeField field = {"Name", 0, WFM_TAKE_TEXT};
	WfmDecodeSpec spec = {&scope, 1, &field, 1};
	Dump		dump;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "rb");
	if (f == NULL)
		abort();
	len = fread(body, 1, 1 << 20, f);
	fclose(f);
	dump = dump_decode(WFM_FORMAT_XML, &spec, NULL, body, len, 0, 1000);
	if (dump.status != WFM_DECODE_OK)
		printf("# %s: %s\n", file, dump.text);
	free(dump.text);
	free(body);
	return dump.status == WFM_DECODE_OK ? (int) dump.records : -1;
}

static void
test_samples(const char *folder)
{
	static const struct
	{
		const char *file;
		const char *scope;
		int			records;
	}			samples[] =
	{
		{"client__list.xml", "Clients/Client", 12},
		{"client__get.xml", "Client", 1},
		{"job__current.xml", "Jobs/Job", 29},
		{"staff__list__access_token_accepted.xml", "StaffList/Staff", 10},
		{"staff__list__access_token_accepted_one_staff.xml", "StaffList/Staff", 1},
		{"job__delete__error.xml", "Job", 0},
		{"category__list.xml", "Categories/Category", 3},
		{"category__list_empty_array.xml", "Categories/Category", 0},
	};
	DIR		   *dir = folder ? opendir(folder) : NULL;
	int			i;

	if (dir == NULL)
	{
		ok(true, "recorded answers # SKIP not present");
		return;
	}
	closedir(dir);
	for (i = 0; i < LENGTH(samples); i++)
		is_int(count_sample(folder, samples[i].file, samples[i].scope),
			   samples[i].records, samples[i].file);
}

int
main(int argc, char **argv)
{
	run_cases(WFM_FORMAT_XML, cases, LENGTH(cases), fault_classes, LENGTH(fault_classes));
	test_envelope();
	test_limits();
	test_specs();
	test_samples(argc > 1 ? argv[1] : NULL);
	return done_testing();
}
