/*
 * test_error_body.c
 *		The words in error answers of every format and in hostile ones
 *		(decode/error_body.c), and whole answers told from cut ones
 *		(decode/whole.c).
 */
#include <string.h>

#include "decode/error_body.h"
#include "decode/whole.h"
#include "tap.h"

/* The words found, in a buffer of this size. */
static const char *
words(const char *body, size_t size)
{
	static char out[256];

	wfm_error_text(body, strlen(body), out, size);
	return out;
}

static void
test_words(void)
{
	static const struct
	{
		const char *name;
		const char *body;
		const char *text;
	}			cases[] = {
		{"a gateway's problem", "{\"Type\":null,\"Title\":\"Unauthorized\",\"Status\":401,\"Detail\":\"TokenExpired: token expired at 04/29/2020 09:22:02\",\"Extensions\":{}}",
		"TokenExpired: token expired at 04/29/2020 09:22:02"},
		{"the same in lower case", "{\"title\":\"Forbidden\",\"status\":403,\"detail\":\"AuthenticationUnsuccessful\"}",
		"AuthenticationUnsuccessful"},
		{"a problem without detail", "{\"Title\":\"Forbidden\",\"Detail\":null}", "Forbidden"},
		{"an API error in JSON", "{\"status\":\"ERROR\",\"errorDescription\":\"The date range must be less than one year\"}",
		"The date range must be less than one year"},
		{"an API error in XML", "<Response api-method=\"Get\"><Status>ERROR</Status><ErrorDescription>Invalid client identifier</ErrorDescription></Response>",
		"Invalid client identifier"},
		{"a web page", "<html><head><title>502\n Bad  Gateway</title></head><body>x</body></html>", "502 Bad Gateway"},
		{"a page without title", "<html><body>x</body></html>", ""},
		{"plain text", "  upstream connect error\r\nor disconnect  ", "upstream connect error or disconnect"},
		{"nothing", "", ""},
		{"white space", " \n ", ""},
		{"JSON of another shape", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
		{"JSON cut short", "{\"Title\":\"Forb", "{\"Title\":\"Forb"},
		{"control characters", "a\001\033[31mb\177c", "a [31mb c"},
		{"bytes that are no UTF-8", "a\xFF\xC3(b", "a(b"},
		{"an unclosed element", "<Response><ErrorDescription>no end", "no end"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(strcmp(words(cases[i].body, 256), cases[i].text) == 0, "words of %s",
		   cases[i].name);
	ok(strcmp(words("abcdef", 4), "abc") == 0, "words are cut to fit");
	ok(strcmp(words("ab\xE2\x82\xAC", 5), "ab") == 0, "at a character's boundary");
}

/* Judge a text by its last n bytes. */
static bool
closed(const char *text, size_t tail)
{
	size_t		len = strlen(text);
	size_t		head = len < 40 ? len : 40;

	tail = tail > len ? len : tail;
	return wfm_body_is_closed(WFM_FORMAT_XML, text, head,
							  text +len - tail, tail);
}

static void
test_whole(void)
{
	const char *answer = "<Response api-method=\"List\"><Status>OK</Status><Clients /></Response>";
	char		cut[100];
	int			wrong = 0;

	ok(closed(answer, 20), "a whole answer");
	ok(closed("<?xml version=\"1.0\"?>\r\n<Response><Status>OK</Status></Response>\r\n", 30),
	   "with a declaration and a line break at the end");
	ok(closed("\xEF\xBB\xBF<Response>x</Response>", 30), "with a byte order mark");
	for (size_t len = 0; len < strlen(answer); len++)
	{
		memcpy(cut, answer, len);
		cut[len] = '\0';
		wrong += closed(cut, 20);
	}
	ok(wrong == 0, "cut anywhere it is not whole");
	ok(!closed("<Response><Response>x</Response", 30), "an end tag without its end");
	ok(!closed("<Responses>x</Response>", 30), "another name that begins alike");
	ok(!closed("<Response>x</Response><!-- more -->", 30), "a comment behind does not tell");
	ok(!closed("<Response/>", 30), "an empty root does not tell");
	ok(!wfm_body_is_closed(WFM_FORMAT_JSON, "{\"a\":1}", 7, "{\"a\":1}", 7),
	   "the ends of JSON do not tell");
}

int
main(void)
{
	test_words();
	test_whole();
	return done_testing();
}
