/*
 * http/url.c
 *		Building and checking URLs.
 *
 * Pure C.  The rules are narrower than RFC 3986 on purpose: whatever libcurl
 * and this file could understand differently (odd IPv4 notations, credentials,
 * backslashes, percent-encoded hosts) is refused, so that the host checked
 * here is the host that is connected to.
 */
#include <string.h>

#include "http/url.h"

#define MAX_URL_LEN 8000

/* Locale must not matter, so no <ctype.h>. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}

size_t
wfm_url_encode(const char *value, size_t len, char *out, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t		used = 0;

	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) value[i];
		char		piece[3];
		size_t		n;

		if (is_alpha(value[i]) || is_digit(value[i]) ||
			c == '-' || c == '.' || c == '_' || c == '~')
		{
			piece[0] = value[i];
			n = 1;
		}
		else
		{
			piece[0] = '%';
			piece[1] = digits[c >> 4];
			piece[2] = digits[c & 15];
			n = 3;
		}
		for (size_t k = 0; k < n; k++)
		{
			if (used + k + 1 < size)
				out[used + k] = piece[k];
		}
		used += n;
	}
	if (size > 0)
		out[used < size ? used : size - 1] = '\0';
	return used;
}

bool
wfm_url_segment_is_unsafe(const char *value, size_t len)
{
	return len == 0 ||
		(len == 1 && value[0] == '.') ||
		(len == 2 && value[0] == '.' && value[1] == '.');
}

/* Does an ASCII prefix stand here, in any letter case? */
static bool
has_prefix(const char *at, const char *prefix)
{
	for (; *prefix; at++, prefix++)
	{
		if (lower(*at) != *prefix)
			return false;
	}
	return true;
}

/*
 * Is this the dotted-quad form of an address in 127.0.0.0/8?  Leading zeros
 * are refused: they mean octal to some resolvers and decimal to others.
 */
static bool
is_loopback_v4(const char *host)
{
	int			octets[4];

	for (int i = 0; i < 4; i++)
	{
		int			n = 0;
		int			value = 0;

		while (n < 4 && is_digit(host[n]))
			value = value * 10 + (host[n++] - '0');
		if (n == 0 || n > 3 || value > 255 || (n > 1 && host[0] == '0'))
			return false;
		octets[i] = value;
		host += n;
		if (i < 3 && *host++ != '.')
			return false;
	}
	return *host == '\0' && octets[0] == 127;
}

/*
 * Take the authority's host from at up to end, into parts->host.  Returns
 * the place behind it, or NULL with *why set.
 */
static const char *
parse_host(const char *at, const char *end, WfmUrlParts *parts,
		   const char **why)
{
	const char *start = at;
	const char *behind;
	size_t		len;
	bool		v6 = (at < end && *at == '[');

	if (v6)
	{
		start++;
		for (at = start; at < end && (is_hex(*at) || *at == ':' || *at == '.'); at++)
			;
		if (at == end || *at != ']' || at == start ||
			memchr(start, ':', at - start) == NULL)
		{
			*why = "the address in brackets is not an IPv6 address";
			return NULL;
		}
		behind = at + 1;
	}
	else
	{
		while (at < end && (is_alpha(*at) || is_digit(*at) ||
							*at == '-' || *at == '.' || *at == '_'))
			at++;
		behind = at;
		if (at == start)
		{
			*why = "it has no host name";
			return NULL;
		}
	}

	len = at - start;
	if (len >= sizeof(parts->host))
	{
		*why = "its host name is too long";
		return NULL;
	}
	for (size_t i = 0; i < len; i++)
		parts->host[i] = lower(start[i]);
	parts->host[len] = '\0';

	parts->loopback = v6 ? strcmp(parts->host, "::1") == 0
		: strcmp(parts->host, "localhost") == 0 || is_loopback_v4(parts->host);
	return behind;
}

bool
wfm_url_parse(const char *url, WfmUrlParts *parts, const char **why)
{
	const char *at;
	const char *end;
	size_t		len = strlen(url);

	memset(parts, 0, sizeof(*parts));
	*why = NULL;

	if (len > MAX_URL_LEN)
	{
		*why = "it is longer than 8000 characters";
		return false;
	}
	for (at = url; *at; at++)
	{
		unsigned char c = (unsigned char) *at;

		if (c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>')
		{
			*why = "it contains a character that must be percent-encoded";
			return false;
		}
		if (c == '#')
		{
			*why = "it has a fragment";
			return false;
		}
	}

	if (has_prefix(url, "https://"))
	{
		parts->https = true;
		parts->port = 443;
		at = url + strlen("https://");
	}
	else if (has_prefix(url, "http://"))
	{
		parts->port = 80;
		at = url + strlen("http://");
	}
	else
	{
		*why = "it does not start with https:// or http://";
		return false;
	}

	end = at + strcspn(at, "/?");
	if (memchr(at, '@', end - at) != NULL)
	{
		*why = "it contains a user name or password";
		return false;
	}

	at = parse_host(at, end, parts, why);
	if (at == NULL)
		return false;

	if (at < end && *at == ':')
	{
		int			port = 0;

		at++;
		if (end - at < 1 || end - at > 5)
			port = -1;
		for (; port >= 0 && at < end; at++)
			port = is_digit(*at) ? port * 10 + (*at - '0') : -1;
		if (port < 1 || port > 65535)
		{
			*why = "its port is not a number from 1 to 65535";
			return false;
		}
		parts->port = port;
	}
	if (at < end)
	{
		*why = "its host name contains a character that is not allowed";
		return false;
	}
	parts->path = end;
	return true;
}
