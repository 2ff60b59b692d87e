/*
 * http/url.h
 *		Building and checking URLs.
 *
 * Pure C, fuzzed: values from SQL end up in paths and queries here.
 */
#ifndef WFM_HTTP_URL_H
#define WFM_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Percent-encode value into out as one path segment or one query value:
 * everything but RFC 3986 unreserved characters is escaped, so no '/', '?',
 * '#', '&', '=', '+', control byte or non-ASCII byte survives.  Returns the
 * length without the terminating NUL; nothing is written beyond size.  Call
 * with size 0 to measure.
 */
extern size_t wfm_url_encode(const char *value, size_t len,
							 char *out, size_t size);

/*
 * A value that must not stand alone in a path: empty, "." or "..", which
 * servers and proxies resolve away even when percent-encoded.
 */
extern bool wfm_url_segment_is_unsafe(const char *value, size_t len);

typedef struct WfmUrlParts
{
	bool		https;
	char		host[256];		/* lower case, brackets of IPv6 removed */
	int			port;			/* explicit or the scheme's default */
	bool		loopback;		/* 127.0.0.0/8, ::1 or localhost */
	const char *path;			/* into the URL given, at the first '/' after
								 * the host, or at its end */
} WfmUrlParts;

/*
 * Take an absolute http(s) URL apart.  False, with the reason as a phrase in
 * *why, for anything else: another scheme, user:password@, a fragment, a bad
 * port, control bytes, spaces, or a length above 8,000.
 */
extern bool wfm_url_parse(const char *url, WfmUrlParts *parts,
						  const char **why);

#endif							/* WFM_HTTP_URL_H */
