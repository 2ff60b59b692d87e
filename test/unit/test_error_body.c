/*
 * test_error_body.c
 *		What error answers say, in each of their formats (decode/error_body.c),
 *		and whole answers told from cut ones (decode/whole.c).
 */
#include <stdlib.h>

#include "decode/error_body.h"
#include "decode/whole.h"
#include "tap.h"

static void
says(const char *name, const char *body, const char *expected)
{
	char		out[200];
	size_t		len = strlen(body);
	char	   *copy = malloc(len + 1);
	size_t		n;

	if (copy == NULL)
		abort();
	memcpy(copy, body, len);	/* no NUL: reading past it is noticed */
	copy = realloc(copy, len ? len : 1);
	n = wfm_error_text(copy, len, out, sizeof(out));
	is_str(out, expected, name);
	if (n != strlen(out))
		ok(false, "%s: length", name);
	free(copy);
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
	ok(!closed("<!Response>x</!Response>", 30), "a declaration is no root");
	ok(!wfm_body_is_closed(WFM_FORMAT_JSON, "{\"a\":1}", 7, "{\"a\":1}", 7),
	   "the ends of JSON do not tell");
}

int
main(void)
{
	char		long_text[1000];
	char		out[32];
	size_t		i;

	says("an empty body", "", "");
	says("blanks", " \r\n", "");
	says("a problem of the gateway",
		 "{\"Type\":null,\"Title\":\"Unauthorized\",\"Status\":401,\"Detail\":\"TokenExpired: token expired at 04/29/2020 09:22:02\",\"Instance\":\"x\",\"Extensions\":{}}",
		 "Unauthorized: TokenExpired: token expired at 04/29/2020 09:22:02");
	says("the same in lower case",
		 "{\"type\":null,\"title\":\"Forbidden\",\"status\":403,\"detail\":\"AuthenticationUnsuccessful\"}",
		 "Forbidden: AuthenticationUnsuccessful");
	says("a title alone", "{\"title\":\"Unavailable\"}", "Unavailable");
	says("status and errorDescription",
		 "{\"status\":\"ERROR\",\"errorDescription\":\"The date range must be less than one year\"}",
		 "The date range must be less than one year");
	says("an OAuth error", "{\"error\":\"invalid_grant\",\"error_description\":\"Refresh token reuse detected\"}",
		 "Refresh token reuse detected");
	says("a bare error", "{\"error\":\"invalid_grant\"}", "invalid_grant");
	says("a message", "{\"message\":\"Too many requests\"}", "Too many requests");
	says("a nested message", "{\"error\":{\"code\":5,\"message\":\"No such job\"}}", "No such job");
	says("a list of errors", "{\"errors\":[{\"message\":\"First\"},{\"message\":\"Second\"}]}", "First");
	says("a list of texts", "{\"errors\":[\"First\"]}", "First");
	says("JSON that says nothing", "{\"a\":1}", "{\"a\":1}");
	says("JSON cut short", "{\"title\":\"Unau", "{\"title\":\"Unau");
	says("an XML envelope",
		 "<Response api-method=\"Get\"><Status>ERROR</Status><ErrorDescription>Invalid client identifier</ErrorDescription></Response>",
		 "Invalid client identifier");
	says("an XML envelope with a declaration and entities",
		 "<?xml version=\"1.0\"?>\r\n<Response><Status>Error</Status><ErrorDescription>&lt;Name&gt; is\nneeded</ErrorDescription></Response>",
		 "<Name> is needed");
	says("XML of another server", "<Error><Message>An error has occurred.</Message></Error>", "An error has occurred.");
	says("an HTML page", "<html>\r\n<head><TITLE>502 Bad &amp; Gateway</TITLE></head><body><h1>x</h1></body></html>", "502 Bad & Gateway");
	says("an HTML page without a title",
		 "<!DOCTYPE html><html><head><title></title></head><body><h1>Service <b>unavailable</b></h1><p>y</body></html>", "Service unavailable");
	says("an HTML page of text alone",
		 "<html><body><script>x = '<p>';</script><style>p{}</style><p>Please  try&nbsp;later<br>again</body></html>", "Please try later again");
	says("plain text", "Service\tunavailable\r\nHTTP 503", "Service unavailable HTTP 503");
	says("control characters", "a\x1b[31mb\x07" "c\x7f", "a [31mb c");
	says("marks that turn text around", "a\xE2\x80\xAE" "b\xEF\xBB\xBF" "c", "a b c");
	says("marks and characters that cannot be seen", "a\xF3\xA0\x80\x81" "b\xEF\xBF\xBC" "c", "a b c");
	says("an element that is not closed", "<Response><ErrorDescription>no end", "no end");
	says("an HTML page of a body alone", "<html><body>x</body></html>", "x");
	says("broken UTF-8", "caf\xE9 \xC3\xA9 \xE2\x82", "caf? \xC3\xA9 ??");
	says("a token", "token=eyJhbGciOiJSUzI1NiJ9.eyJuYmYiOjF9.c2lnbg-_x, no", "token=[removed], no");
	says("two tokens in JSON", "{\"title\":\"eyJhbGciOiJSUzI1NiJ9.e30.x eyJhbGciOiJIUzI1NiJ9\",\"detail\":\"b\"}", "[removed] [removed]: b");
	says("what is too short for a token", "eyJhbGci eyJ", "eyJhbGci eyJ");
	says("control characters in JSON", "{\"title\":\"a\\u0007\\nb\\u202e\"}", "a b");

	memset(long_text, 'x', sizeof(long_text));
	is_int(wfm_error_text(long_text, sizeof(long_text), out, sizeof(out)), 31, "a long text: fills what is there");
	is_str(out, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx...", "a long text: ends with dots");
	for (i = 0; i < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xC3\xA9", 2);
	wfm_error_text(long_text, sizeof(long_text), out, sizeof(out));
	is_str(out, "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9...",
		   "a long text: is cut between characters");
	is_int(wfm_error_text("abc", 3, out, 1), 0, "room for nothing");
	is_int(wfm_error_text("abc", 3, out, 4), 3, "room for all");
	is_str(out, "abc", "room for all: the text");
	test_whole();
	return done_testing();
}
