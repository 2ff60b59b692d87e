/*
 * test_url.c
 *		Building and checking URLs (http/url.c).
 */
#include <stdlib.h>

#include "http/url.h"
#include "tap.h"

/* Encode a string of known length; the result is static. */
static const char *
encode(const char *value, size_t len)
{
	static char out[4096];
	size_t		needed = wfm_url_encode(value, len, out, sizeof(out));

	if (needed != wfm_url_encode(value, len, NULL, 0))
		return "(length differs when measured)";
	if (needed != strlen(out))
		return "(length differs from the text)";
	return out;
}

static void
test_encode(void)
{
	char		all[256];
	char		small[8];
	const char *out;
	bool		clean = true;

	is_str(encode("", 0), "", "nothing");
	is_str(encode("J000123-a_b.c~", 14), "J000123-a_b.c~", "unreserved characters stay");
	is_str(encode("a/b?c#d", 7), "a%2Fb%3Fc%23d", "no way out of a path segment");
	is_str(encode("a&b=c+d%20", 10), "a%26b%3Dc%2Bd%2520", "no way out of a query value");
	is_str(encode("../x", 4), "..%2Fx", "slashes of a climb are escaped");
	is_str(encode("a\r\nX: y", 7), "a%0D%0AX%3A%20y", "no line break reaches the wire");
	is_str(encode("\0x", 2), "%00x", "a NUL byte inside");
	is_str(encode("M\xc4\x81ori", 6), "M%C4%81ori", "UTF-8 by its bytes");
	is_str(encode("'\";\\<>`{|}^ ", 12), "%27%22%3B%5C%3C%3E%60%7B%7C%7D%5E%20",
		   "quotes, brackets and blanks");

	for (int i = 0; i < 256; i++)
		all[i] = (char) i;
	out = encode(all, 256);
	for (const char *c = out; *c; c++)
	{
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%", *c))
			clean = false;
	}
	ok(clean, "all 256 bytes: only unreserved characters and %% come out");
	is_int(strlen(out), 66 + 190 * 3, "and each byte once");

	memset(small, 'x', sizeof(small));
	is_int(wfm_url_encode("abcdef", 6, small, 4), 6, "a short buffer: the whole length is told");
	is_str(small, "abc", "and what fits is there, terminated");
	is_int(small[4], 'x', "and nothing beyond");
	memset(small, 'x', sizeof(small));
	wfm_url_encode("//", 2, small, 1);
	ok(small[0] == '\0' && small[1] == 'x', "a buffer of one byte holds the end");
}

static void
test_segment(void)
{
	ok(wfm_url_segment_is_unsafe("", 0), "an empty segment is unsafe");
	ok(wfm_url_segment_is_unsafe(".", 1), "so is .");
	ok(wfm_url_segment_is_unsafe("..", 2), "and ..");
	ok(!wfm_url_segment_is_unsafe("...", 3), "three dots are a name");
	ok(!wfm_url_segment_is_unsafe(".a", 2), "a dot and a letter are a name");
	ok(!wfm_url_segment_is_unsafe("J1", 2), "an ordinary number is a name");
}

static void
accepts(const char *url, bool https, const char *host, int port,
		bool loopback, const char *path)
{
	WfmUrlParts parts;
	const char *why;
	bool		good = wfm_url_parse(url, &parts, &why);

	ok(good && parts.https == https && strcmp(parts.host, host) == 0 &&
	   parts.port == port && parts.loopback == loopback &&
	   strcmp(parts.path, path) == 0 && why == NULL,
	   "%s", url);
	if (good)
		printf("#   %d \"%s\" %d %d \"%s\"\n", parts.https, parts.host,
			   parts.port, parts.loopback, parts.path);
	else
		printf("#   refused: %s\n", why);
}

static void
refuses(const char *url, const char *phrase)
{
	WfmUrlParts parts;
	const char *why = NULL;
	bool		good = wfm_url_parse(url, &parts, &why);
	char		shown[61];
	size_t		n;

	/* One line of TAP, whatever is in the URL. */
	for (n = 0; url[n] && n < sizeof(shown) - 1; n++)
		shown[n] = (url[n] >= ' ' && url[n] <= '~' && url[n] != '#') ? url[n] : '.';
	shown[n] = '\0';

	ok(!good && why != NULL && strstr(why, phrase) != NULL,
	   "refused, %s: %s", phrase, shown);
	if (good || why == NULL || strstr(why, phrase) == NULL)
		printf("#   %s\n", good ? "it was accepted" : why);
}

static void
test_parse(void)
{
	char		longest[8200];

	accepts("https://api.xero.com/practicemanager/3.1/client.api/list", true,
			"api.xero.com", 443, false, "/practicemanager/3.1/client.api/list");
	accepts("HTTPS://API.Xero.COM", true, "api.xero.com", 443, false, "");
	accepts("https://api.xero.com:8443?x=1", true, "api.xero.com", 8443, false, "?x=1");
	accepts("http://127.0.0.1:8080/", false, "127.0.0.1", 8080, true, "/");
	accepts("http://127.255.0.9/", false, "127.255.0.9", 80, true, "/");
	accepts("http://localhost/a", false, "localhost", 80, true, "/a");
	accepts("http://LOCALHOST/a", false, "localhost", 80, true, "/a");
	accepts("http://[::1]:81/a", false, "::1", 81, true, "/a");
	accepts("https://[2001:DB8::1]/", true, "2001:db8::1", 443, false, "/");
	accepts("https://h/p@q:r", true, "h", 443, false, "/p@q:r");
	accepts("https://h:65535/", true, "h", 65535, false, "/");
	accepts("https://h:1/", true, "h", 1, false, "/");
	accepts("https://[FEDC:BA98::0af9]/", true, "fedc:ba98::0af9", 443, false, "/");
	accepts("http://127.10.100.1/", false, "127.10.100.1", 80, true, "/");

	/* What only looks like this machine must not count as it. */
	accepts("http://128.0.0.1/", false, "128.0.0.1", 80, false, "/");
	accepts("http://127.0.0.1.example.com/", false, "127.0.0.1.example.com", 80, false, "/");
	accepts("http://localhost.example.com/", false, "localhost.example.com", 80, false, "/");
	accepts("http://127.1/", false, "127.1", 80, false, "/");
	accepts("http://0127.0.0.1/", false, "0127.0.0.1", 80, false, "/");
	accepts("http://127.01.0.1/", false, "127.01.0.1", 80, false, "/");
	accepts("http://127.0.0.00/", false, "127.0.0.00", 80, false, "/");
	accepts("http://127.0.0.256/", false, "127.0.0.256", 80, false, "/");
	accepts("http://127.0.0.1./", false, "127.0.0.1.", 80, false, "/");
	accepts("http://2130706433/", false, "2130706433", 80, false, "/");
	accepts("http://0x7f.0.0.1/", false, "0x7f.0.0.1", 80, false, "/");
	accepts("http://[::ffff:127.0.0.1]/", false, "::ffff:127.0.0.1", 80, false, "/");

	refuses("", "start with https");
	refuses("api.xero.com", "start with https");
	refuses("//api.xero.com/", "start with https");
	refuses("ftp://api.xero.com/", "start with https");
	refuses("file:///etc/passwd", "start with https");
	refuses("javascript:alert(1)", "start with https");
	refuses("https:/h/", "start with https");
	refuses("https:///path", "no host name");
	refuses("https://", "no host name");
	refuses("https://:443/", "no host name");
	refuses("https://user@h/", "user name or password");
	refuses("https://user:secret@h/", "user name or password");
	refuses("https://127.0.0.1:80@evil.example/", "user name or password");
	refuses("https://h/#part", "fragment");
	refuses("https://h#@other/", "fragment");
	refuses("https://h:0/", "port");
	refuses("https://h:65536/", "port");
	refuses("https://h:999999/", "port");
	refuses("https://h:000443/", "port");
	refuses("https://h:4294967739/", "port");
	refuses("https://h:/", "port");
	refuses("https://h:8a/", "port");
	refuses("https://h:-1/", "port");
	refuses("https://h:80:90/", "port");
	refuses("https://a b/", "percent-encoded");
	refuses("https://a\tb/", "percent-encoded");
	refuses("https://a\r\nHost: b/", "percent-encoded");
	refuses("https://h/\x01", "percent-encoded");
	refuses("https://h/\x7f", "percent-encoded");
	refuses("https://h/M\xc4\x81ori", "percent-encoded");
	refuses("https://h\\@other/", "percent-encoded");
	refuses("https://h/<x>", "percent-encoded");
	refuses("https://h%2eother/", "not allowed");
	refuses("https://h,other/", "not allowed");
	refuses("https://h;x/", "not allowed");
	refuses("https://[::1/", "IPv6");
	refuses("https://[]/", "IPv6");
	refuses("https://[abc]/", "IPv6");
	refuses("https://[::1%25eth0]/", "IPv6");
	refuses("https://[::1]x/", "not allowed");

	strcpy(longest, "https://h/");
	memset(longest + 10, 'a', 7990);
	longest[8000] = '\0';
	{
		WfmUrlParts parts;
		const char *why;

		ok(wfm_url_parse(longest, &parts, &why), "8000 characters are accepted");
	}
	longest[8000] = 'a';
	longest[8001] = '\0';
	refuses(longest, "longer than 8000");

	strcpy(longest, "https://");
	memset(longest + 8, 'a', 256);
	strcpy(longest + 264, "/");
	refuses(longest, "too long");
	longest[263] = '/';
	longest[264] = '\0';
	{
		WfmUrlParts parts;
		const char *why;

		ok(wfm_url_parse(longest, &parts, &why) && strlen(parts.host) == 255,
		   "a host name of 255 characters is accepted");
	}
}

/*
 * Random strings from the characters that matter: whatever is accepted has a
 * clean host, and the sanitizers watch.
 */
static void
test_random(void)
{
	static const char alphabet[] = "http:s/[]:@.%?#\\127.0.0.1localhost ::1aZ-_\n\xff";
	bool		clean = true;
	int			accepted = 0;

	srandom(1);
	for (int i = 0; i < 200000; i++)
	{
		char		url[64];
		WfmUrlParts parts;
		const char *why;
		size_t		len = 0;

		if (i % 2)
			len = sprintf(url, "%s", i % 4 == 1 ? "https://" : "http://");
		for (size_t n = random() % 40; n > 0; n--)
			url[len++] = alphabet[random() % (sizeof(alphabet) - 1)];
		url[len] = '\0';
		if (!wfm_url_parse(url, &parts, &why))
		{
			if (why == NULL)
				clean = false;
			continue;
		}
		accepted++;
		if (parts.port < 1 || parts.port > 65535 || parts.host[0] == '\0' ||
			strpbrk(parts.host, "@/?#\\% \n[]") != NULL ||
			parts.path < url || parts.path > url + len ||
			(*parts.path != '\0' && *parts.path != '/' && *parts.path != '?'))
			clean = false;
	}
	ok(clean, "200,000 random texts: what is accepted is clean, what is not has a reason");
	ok(accepted > 100, "and some are accepted");
}

int
main(void)
{
	test_encode();
	test_segment();
	test_parse();
	test_random();
	return done_testing();
}
