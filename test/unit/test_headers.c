/*
 * test_headers.c
 *		Reading header lines (http/headers.c).
 */
#include <stdlib.h>

#include "http/headers.h"
#include "tap.h"

/* All lines of an answer, each as libcurl delivers it. */
static WfmHeaders
headers_of(const char *answer)
{
	WfmHeaders	headers;

	wfm_headers_init(&headers);
	while (*answer)
	{
		size_t		len = strcspn(answer, "\n") + 1;

		wfm_headers_add(&headers, answer, len);
		answer += len;
	}
	return headers;
}

static WfmHeaders
header(const char *line)
{
	WfmHeaders	headers;

	wfm_headers_init(&headers);
	wfm_headers_add(&headers, line, strlen(line));
	return headers;
}

static void
test_whole(void)
{
	WfmHeaders	h = headers_of("HTTP/1.1 200 OK\r\n"
							   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
							   "Content-Type: Text/XML; charset=UTF-8\r\n"
							   "Content-Encoding: gzip\r\n"
							   "Content-Length: 1234\r\n"
							   "X-MinLimit-Remaining: 59\r\n"
							   "X-DayLimit-Remaining: 4997\r\n"
							   "X-AppMinLimit-Remaining: 9999\r\n"
							   "Xero-Correlation-Id: 6f0d32e8-b51f\r\n"
							   "\r\n");

	is_int(h.count, 10, "every line is counted");
	is_int(h.bytes, 262, "and its bytes");
	is_int(h.date, 784111777, "Date");
	is_str(h.content_type, "text/xml", "media type, lower case, alone");
	is_str(h.charset, "utf-8", "charset, lower case");
	is_int(h.coding, WFM_CODING_GZIP, "Content-Encoding");
	is_int(h.content_length, 1234, "Content-Length");
	ok(!h.chunked && !h.bad_framing, "framing is sound");
	is_int(h.minute_remaining, 59, "X-MinLimit-Remaining");
	is_int(h.day_remaining, 4997, "X-DayLimit-Remaining");
	is_int(h.app_minute_remaining, 9999, "X-AppMinLimit-Remaining");
	is_str(h.correlation_id, "6f0d32e8-b51f", "Xero-Correlation-Id");
	is_int(h.problem, WFM_LIMIT_PROBLEM_NONE, "no limit problem");
	is_int(h.retry_after_seconds, -1, "no Retry-After");

	h = headers_of("HTTP/1.1 103 Early Hints\r\nX-MinLimit-Remaining: 1\r\n\r\n"
				   "HTTP/1.1 200 OK\r\nX-DayLimit-Remaining: 2\r\n\r\n");
	is_int(h.minute_remaining, -1, "an interim answer leaves nothing behind");
	is_int(h.day_remaining, 2, "the final one counts");
	is_int(h.count, 3, "and its lines");

	h = headers_of("\r\n");
	ok(h.minute_remaining == -1 && h.day_remaining == -1 && h.date == -1 &&
	   h.retry_after_date == -1 && h.content_length == -1 &&
	   h.content_type[0] == '\0', "absent is absent");
}

static void
test_remaining(void)
{
	is_int(header("x-minlimit-remaining:7").minute_remaining, 7, "lower case, no blank, no CRLF");
	is_int(header("X-MINLIMIT-REMAINING: \t 7 \t\r\n").minute_remaining, 7, "blanks around");
	is_int(header("X-MinLimit-Remaining: 0\r\n").minute_remaining, 0, "nothing left is 0, not absent");
	is_int(header("X-MinLimit-Remaining: -1\r\n").minute_remaining, -1, "negative is absent");
	is_int(header("X-MinLimit-Remaining: abc\r\n").minute_remaining, -1, "a word is absent");
	is_int(header("X-MinLimit-Remaining: 1.5\r\n").minute_remaining, -1, "a fraction is absent");
	is_int(header("X-MinLimit-Remaining:\r\n").minute_remaining, -1, "empty is absent");
	is_int(header("X-MinLimit-Remaining: 99999999999999999999\r\n").minute_remaining,
		   1000000000, "a huge number is clamped");
	is_int(header(" X-MinLimit-Remaining: 5\r\n").minute_remaining, -1, "a folded line is no header");
	is_int(header("X-MinLimit-Remaining : 5\r\n").minute_remaining, -1, "a blank before the colon is no header");
	is_int(header("X-MinLimit-Remainin: 5\r\n").minute_remaining, -1, "a shorter name is another");
	is_int(header("X-MinLimit-Remainings: 5\r\n").minute_remaining, -1, "a longer name is another");
	is_int(headers_of("X-MinLimit-Remaining: 5\r\nX-MinLimit-Remaining: 3\r\n").minute_remaining,
		   3, "twice: the smaller one");
	is_int(headers_of("X-MinLimit-Remaining: 3\r\nX-MinLimit-Remaining: 5\r\n").minute_remaining,
		   3, "in either order");
}

static void
test_retry_after(void)
{
	is_int(header("Retry-After: 0\r\n").retry_after_seconds, 0, "Retry-After 0");
	is_int(header("Retry-After: 22\r\n").retry_after_seconds, 22, "22");
	is_int(header("Retry-After: 66975\r\n").retry_after_seconds, 66975, "18 hours");
	is_int(header("Retry-After: 99999999999999999999\r\n").retry_after_seconds, 1000000000, "clamped");
	is_int(header("Retry-After: -5\r\n").retry_after_seconds, -1, "negative is absent");
	is_int(header("Retry-After: abc\r\n").retry_after_seconds, -1, "a word is absent");
	is_int(header("Retry-After: abc\r\n").retry_after_date, -1, "in both forms");
	is_int(header("Retry-After:\r\n").retry_after_seconds, -1, "empty is absent");
	is_int(header("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n").retry_after_date,
		   784111777, "a date in the past is told as it is");
	is_int(header("Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n").retry_after_date,
		   INT64_C(4133980799), "a date in the future");
	is_int(headers_of("Retry-After: 5\r\nRetry-After: 60\r\n").retry_after_seconds, 60, "twice: the longer one");
	is_int(headers_of("Retry-After: 60\r\nRetry-After: 5\r\n").retry_after_seconds, 60, "in either order");

	is_int(header("X-Rate-Limit-Problem: minute\r\n").problem, WFM_LIMIT_PROBLEM_MINUTE, "problem: minute");
	is_int(header("X-Rate-Limit-Problem: Minute\r\n").problem, WFM_LIMIT_PROBLEM_MINUTE, "in any case");
	is_int(header("X-Rate-Limit-Problem: concurrent\r\n").problem, WFM_LIMIT_PROBLEM_CONCURRENT, "concurrent");
	is_int(header("X-Rate-Limit-Problem: day\r\n").problem, WFM_LIMIT_PROBLEM_DAY, "day");
	is_int(header("X-Rate-Limit-Problem: appminute\r\n").problem, WFM_LIMIT_PROBLEM_APP_MINUTE, "appminute");
	is_int(header("X-Rate-Limit-Problem: app-minute\r\n").problem, WFM_LIMIT_PROBLEM_APP_MINUTE, "app-minute");
	is_int(header("X-Rate-Limit-Problem: lunch\r\n").problem, WFM_LIMIT_PROBLEM_OTHER, "one we do not know");
	is_int(header("X-Rate-Limit-Problem:\r\n").problem, WFM_LIMIT_PROBLEM_NONE, "empty is none");
}

static void
test_content(void)
{
	WfmHeaders	h;

	h = header("Content-Type: application/json\r\n");
	ok(strcmp(h.content_type, "application/json") == 0 && h.charset[0] == '\0', "no charset");
	is_str(header("Content-Type: text/xml;charset=\"utf-8\"\r\n").charset, "utf-8", "quoted");
	is_str(header("Content-Type: text/xml ; boundary=x; Charset=ISO-8859-1 ; a=b\r\n").charset,
		   "iso-8859-1", "among others");
	is_str(header("Content-Type: text/xml; charset=\"\r\n").charset, "\"", "a lone quote stays what it is");
	is_str(header("Content-Type: text/xml; charset=\"\"\r\n").charset, "", "two quotes are nothing");
	is_str(header("Content-Type: text/xml;;;\r\n").content_type, "text/xml", "empty parameters");
	is_str(header("Content-Type: ;charset=x\r\n").content_type, "", "no media type");
	is_str(header("Content-Type: text/\x01xml\r\n").content_type, "", "control bytes make it unusable");
	is_str(header("Content-Type: "
				  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").content_type,
		   "", "so does length");

	is_int(header("Content-Encoding: GZIP\r\n").coding, WFM_CODING_GZIP, "gzip in any case");
	is_int(header("Content-Encoding: x-gzip\r\n").coding, WFM_CODING_GZIP, "its old name");
	is_int(header("Content-Encoding: identity\r\n").coding, WFM_CODING_IDENTITY, "identity");
	is_int(header("Content-Encoding:\r\n").coding, WFM_CODING_IDENTITY, "empty");
	is_int(header("Content-Encoding: br\r\n").coding, WFM_CODING_OTHER, "br");
	is_int(header("Content-Encoding: deflate\r\n").coding, WFM_CODING_OTHER, "deflate");
	is_int(header("Content-Encoding: gzip, gzip\r\n").coding, WFM_CODING_OTHER, "two in one line");
	is_int(headers_of("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n").coding,
		   WFM_CODING_OTHER, "two in two lines");
	is_int(headers_of("Content-Encoding: br\r\nContent-Encoding: gzip\r\n").coding,
		   WFM_CODING_OTHER, "another one first");

	h = headers_of("Content-Length: 5\r\nContent-Length: 5\r\n");
	ok(h.content_length == 5 && !h.bad_framing, "the same length twice");
	ok(headers_of("Content-Length: 5\r\nContent-Length: 6\r\n").bad_framing, "two lengths");
	ok(header("Content-Length: 5, 5\r\n").bad_framing, "a list of lengths");
	ok(header("Content-Length: -5\r\n").bad_framing, "a negative length");
	ok(header("Content-Length: 0x5\r\n").bad_framing, "a hexadecimal length");
	ok(header("Content-Length: +5\r\n").bad_framing, "a sign");
	ok(header("Content-Length:\r\n").bad_framing, "an empty length");
	ok(headers_of("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").bad_framing,
	   "a length and a transfer encoding");
	ok(headers_of("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n").bad_framing, "in either order");
	ok(header("Transfer-Encoding: gzip, chunked\r\n").bad_framing, "a transfer encoding beside chunked");
	ok(header("Transfer-Encoding: xchunked\r\n").bad_framing, "an unknown transfer encoding");
	ok(header("Transfer-Encoding: identity\r\n").bad_framing, "a transfer encoding that ends nowhere");
	ok(headers_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").bad_framing,
	   "chunked twice");
	h = header("Transfer-Encoding: Chunked\r\n");
	ok(h.chunked && !h.bad_framing, "chunked alone");
	ok(header("Content-Length: 99999999999999999999999\r\n").content_length > INT64_C(1) << 50,
	   "a huge length stays huge");
}

static void
test_rest(void)
{
	is_str(header("Location: https://Evil.example/x\r\n").location_host, "evil.example", "Location: its host");
	is_str(header("Location: https://evil.example:8443?x\r\n").location_host, "evil.example:8443", "with its port");
	is_str(header("Location: //evil.example/x\r\n").location_host, "evil.example", "without a scheme");
	is_str(header("Location: /elsewhere\r\n").location_host, "", "relative: none");
	is_str(header("Location: elsewhere:1\r\n").location_host, "", "not hierarchical: none");
	is_str(header("Location: https://user:secret@evil.example/\r\n").location_host, "evil.example",
		   "credentials are not kept");
	is_str(header("Location: https://a@b@evil.example/\r\n").location_host, "evil.example", "however many");
	is_str(header("Location: file:///etc/passwd\r\n").location_host, "", "file: no host");
	is_str(header("Location: https://ev\x1bil/\r\n").location_host, "", "control bytes: nothing to show");
	is_str(header("Location:\r\n").location_host, "", "empty");
	is_str(headers_of("Location: https://evil.example/\r\nLocation: /x\r\n").location_host, "",
		   "twice: the last one");

	ok(header("WWW-Authenticate: Bearer error=\"invalid_token\"\r\n").bearer_invalid_token,
	   "invalid_token");
	ok(header("WWW-Authenticate: Bearer realm=\"x\", error=\"INVALID_TOKEN\"\r\n").bearer_invalid_token,
	   "anywhere, in any case");
	ok(!header("WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n").bearer_invalid_token,
	   "another error is not it");
	ok(!header("WWW-Authenticate: Bearer error=\"invalid_toke\r\n").bearer_invalid_token,
	   "nor is a part of it");

	is_str(header("Xero-Correlation-Id: a b\r\n").correlation_id, "", "a correlation id with a blank is none");
	is_str(header("Xero-Correlation-Id: \x80\r\n").correlation_id, "", "nor is one that is not ASCII");
}

static int64_t
date(const char *value)
{
	return wfm_http_date(value, strlen(value));
}

static void
test_date(void)
{
	is_int(date("Thu, 01 Jan 1970 00:00:00 GMT"), 0, "the epoch");
	is_int(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777, "RFC 850 form");
	is_int(date("Sun Nov  6 08:49:37 1994"), 784111777, "asctime form");
	is_int(date("Thu Jan  1 00:00:00 1970"), 0, "asctime form of the epoch");
	is_int(date("Wed Nov 16 08:49:37 1994"), 784975777, "asctime form, two-digit day");
	is_int(date("Thursday, 01-Jan-26 00:00:00 GMT"), 1767225600, "RFC 850: years from 70 are 19xx, others 20xx");
	is_int(date("Thursday, 01-Jan-70 00:00:00 GMT"), 0, "70 is one of them");
	is_int(date("Tuesday, 01-Jan-69 00:00:00 GMT"), INT64_C(3124224000), "and 69 is not");
	is_int(date("Mon, 01 Jan 2001 00:00:00 GMT"), 978307200, "the year after a leap year of a century");
	is_int(date("Thu, 29 Feb 2024 23:59:59 GMT"), 1709251199, "a leap day");
	is_int(date("Fri, 01 Mar 2024 00:00:00 GMT"), 1709251200, "and the day after");
	is_int(date("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400, "a leap day of a century");
	is_int(date("Mon, 01 Mar 2100 00:00:00 GMT"), INT64_C(4107542400), "a century without");
	is_int(date("Fri, 31 Dec 9999 23:59:59 GMT"), INT64_C(253402300799), "the last second");
	is_int(date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228799, "a leap second");

	is_int(date(""), -1, "empty");
	is_int(date("yesterday"), -1, "a word");
	is_int(date("Sun, 06 Nov 1994 08:49:37"), -1, "no zone");
	is_int(date("Sun, 06 Nov 1994 08:49:37 +0200"), -1, "another zone");
	is_int(date("Sun, 06 Nov 1994 08:49:37 GMTx"), -1, "something behind");
	is_int(date("Sun, 31 Nov 1994 08:49:37 GMT"), -1, "a day that is not");
	is_int(date("Thu, 29 Feb 2100 00:00:00 GMT"), -1, "a leap day that is not");
	is_int(date("Sun, 00 Nov 1994 08:49:37 GMT"), -1, "day 0");
	is_int(date("Sun, 06 Nox 1994 08:49:37 GMT"), -1, "a month that is not");
	is_int(date("Sun, 06 Nov 1994 24:00:00 GMT"), -1, "hour 24");
	is_int(date("Sun, 06 Nov 1994 08:60:00 GMT"), -1, "minute 60");
	is_int(date("Sun, 06 Nov 1994 08:49:61 GMT"), -1, "second 61");
	is_int(date("Sun, 06 Nov 1969 08:49:37 GMT"), -1, "before the epoch");
	is_int(date("Sun Nov 6 08:49:37 1994"), -1, "asctime form with one blank");
}

/* Every prefix and random damage of a good answer, for the sanitizers. */
static void
test_random(void)
{
	static const char *const lines[] = {
		"HTTP/1.1 200 OK\r\n", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
		"Retry-After: Sun Nov  6 08:49:37 1994\r\n", "Content-Type: text/xml; charset=\"utf-8\"\r\n",
		"Content-Encoding: gzip\r\n", "X-Rate-Limit-Problem: minute\r\n", "X-DayLimit-Remaining: 12\r\n",
		"Location: https://u:p@host:1/x\r\n", "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n",
		"Xero-Correlation-Id: abc\r\n", "Content-Length: 12\r\n", "Transfer-Encoding: chunked\r\n",
	};
	bool		sane = true;

	srandom(2);
	for (int i = 0; i < 200000; i++)
	{
		const char *line = lines[random() % (sizeof(lines) / sizeof(lines[0]))];
		size_t		len = random() % (strlen(line) + 1);
		char	   *copy = malloc(len ? len : 1);	/* exact, so that a read
													 * beyond it is seen */
		WfmHeaders	h;

		memcpy(copy, line, len);
		for (int n = random() % 4; n > 0 && len > 0; n--)
			copy[random() % len] = (char) random();
		wfm_headers_init(&h);
		wfm_headers_add(&h, copy, len);
		for (const char *c = h.location_host; *c; c++)
			sane = sane && *c > ' ' && *c <= '~';
		sane = sane && h.count == 1 && h.minute_remaining >= -1 &&
			h.retry_after_seconds >= -1 && h.retry_after_date >= -1 && h.content_length >= -1;
		free(copy);
	}
	ok(sane, "200,000 damaged lines leave sane values");
}

int
main(void)
{
	test_whole();
	test_remaining();
	test_retry_after();
	test_content();
	test_rest();
	test_date();
	test_random();
	return done_testing();
}
