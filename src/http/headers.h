/*
 * http/headers.h
 *		What we read from an answer's header lines.
 *
 * Pure C, fuzzed: a header line is hostile input.
 */
#ifndef WFM_HTTP_HEADERS_H
#define WFM_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WfmLimitProblem
{
	WFM_LIMIT_PROBLEM_NONE,
	WFM_LIMIT_PROBLEM_MINUTE,	/* X-Rate-Limit-Problem: minute */
	WFM_LIMIT_PROBLEM_CONCURRENT,
	WFM_LIMIT_PROBLEM_DAY,
	WFM_LIMIT_PROBLEM_APP_MINUTE,	/* appminute, app-minute */
	WFM_LIMIT_PROBLEM_OTHER
} WfmLimitProblem;

/* How the body is coded, from Content-Encoding. */
typedef enum WfmContentCoding
{
	WFM_CODING_IDENTITY,
	WFM_CODING_GZIP,
	WFM_CODING_OTHER			/* another one, or several stacked */
} WfmContentCoding;

/* Numbers are -1 and strings empty when the header was absent or unusable. */
typedef struct WfmHeaders
{
	int			minute_remaining;	/* X-MinLimit-Remaining */
	int			day_remaining;	/* X-DayLimit-Remaining */
	int			app_minute_remaining;	/* X-AppMinLimit-Remaining */
	WfmLimitProblem problem;
	int64_t		retry_after_seconds;	/* delta form, clamped to 0..10^9 */
	int64_t		retry_after_date;	/* date form, Unix seconds */
	int64_t		date;			/* Date, Unix seconds */
	char		content_type[64];	/* media type only, lower case */
	char		charset[32];	/* lower case */
	WfmContentCoding coding;	/* identity when the header is absent */
	int64_t		content_length;
	bool		chunked;		/* Transfer-Encoding was there */
	bool		bad_framing;	/* lengths that differ or are no number, a
								 * transfer encoding beside a length, or one
								 * that is not "chunked" alone */
	char		correlation_id[64]; /* Xero-Correlation-Id, printable */
	char		location_host[128]; /* host of a redirect's Location */
	bool		bearer_invalid_token;	/* WWW-Authenticate says so */
	int			count;			/* header lines seen, status line included */
	size_t		bytes;			/* and their bytes */
} WfmHeaders;

/* Set every member to its "absent" value. */
extern void wfm_headers_init(WfmHeaders *headers);

/*
 * Take one header line as libcurl delivers it (with or without CRLF, not
 * NUL-terminated).  A status line resets the struct, since libcurl also
 * delivers the headers of interim answers.  Of a header that comes twice the
 * more careful value counts: the smaller rest, the longer wait.
 */
extern void wfm_headers_add(WfmHeaders *headers, const char *line, size_t len);

/* Parse an HTTP date (RFC 9110 section 5.6.7) to Unix seconds; -1 = not one. */
extern int64_t wfm_http_date(const char *value, size_t len);

#endif							/* WFM_HTTP_HEADERS_H */
