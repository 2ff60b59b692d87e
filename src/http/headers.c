/*
 * http/headers.c
 *		What we read from an answer's header lines.
 *
 * Pure C.  Header names and meanings: RFC 9110, and the vendors' limit headers
 * (X-MinLimit-Remaining and others).  A value that cannot be understood is as
 * good as absent; nothing here fails.
 */
#include <string.h>

#include "http/headers.h"

/* Far above any real wait, far below overflow. */
#define MAX_SECONDS INT64_C(1000000000)

/* More than any body; a length beyond it counts as this one. */
#define MAX_LENGTH	(INT64_MAX / 16)

/* A piece of a header line. */
typedef struct Span
{
	const char *data;
	size_t		len;
} Span;

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Equal, but for letter case?  word is lower case. */
static bool
span_is(Span span, const char *word)
{
	for (size_t i = 0; i < span.len; i++)
	{
		if (word[i] == '\0' || lower(span.data[i]) != word[i])
			return false;
	}
	return word[span.len] == '\0';
}

static bool
span_starts(Span span, const char *word)
{
	size_t		len = strlen(word);
	Span		head = {span.data, len};

	return span.len >= len && span_is(head, word);
}

static Span
span_skip(Span span, size_t n)
{
	Span		rest = {span.data + n, span.len - n};

	return rest;
}

static Span
span_trim(Span span)
{
	while (span.len > 0 && (span.data[0] == ' ' || span.data[0] == '\t'))
		span = span_skip(span, 1);
	while (span.len > 0 && (span.data[span.len - 1] == ' ' || span.data[span.len - 1] == '\t'))
		span.len--;
	return span;
}

/* Where c first stands, or span.len. */
static size_t
span_find(Span span, char c)
{
	const char *place = span.len > 0 ? memchr(span.data, c, span.len) : NULL;

	return place ? (size_t) (place - span.data) : span.len;
}

/*
 * Copy into a field, lower case if asked.  A value that does not fit or holds
 * anything but printable ASCII leaves the field empty.
 */
static void
copy_printable(char *field, size_t size, Span span, bool lower_case)
{
	field[0] = '\0';
	if (span.len >= size)
		return;
	for (size_t i = 0; i < span.len; i++)
	{
		if (span.data[i] <= ' ' || span.data[i] >= 0x7f)
		{
			field[0] = '\0';
			return;
		}
		field[i] = lower_case ? lower(span.data[i]) : span.data[i];
	}
	field[span.len] = '\0';
}

/* A non-negative decimal number, at most max; -1 = not one. */
static int64_t
parse_number(Span span, int64_t max)
{
	int64_t		value = 0;

	if (span.len == 0)
		return -1;
	for (size_t i = 0; i < span.len; i++)
	{
		if (!is_digit(span.data[i]))
			return -1;
		value = value * 10 + (span.data[i] - '0');
		if (value > max)
			value = max;
	}
	return value;
}

/* The smaller of what was known and what is told now. */
static void
lower_remaining(int *field, Span value)
{
	int			told = (int) parse_number(value, 1000000000);

	if (told >= 0 && (*field < 0 || told < *field))
		*field = told;
}

static void
read_retry_after(WfmHeaders *headers, Span value)
{
	int64_t		seconds = parse_number(value, MAX_SECONDS);

	if (seconds >= 0)
	{
		if (seconds > headers->retry_after_seconds)
			headers->retry_after_seconds = seconds;
	}
	else
	{
		int64_t		date = wfm_http_date(value.data, value.len);

		if (date > headers->retry_after_date)
			headers->retry_after_date = date;
	}
}

static void
read_problem(WfmHeaders *headers, Span value)
{
	if (value.len == 0)
		return;
	if (span_is(value, "minute"))
		headers->problem = WFM_LIMIT_PROBLEM_MINUTE;
	else if (span_is(value, "concurrent"))
		headers->problem = WFM_LIMIT_PROBLEM_CONCURRENT;
	else if (span_is(value, "day") || span_is(value, "daily"))
		headers->problem = WFM_LIMIT_PROBLEM_DAY;
	else if (span_is(value, "appminute") || span_is(value, "app-minute") ||
			 span_is(value, "app minute"))
		headers->problem = WFM_LIMIT_PROBLEM_APP_MINUTE;
	else
		headers->problem = WFM_LIMIT_PROBLEM_OTHER;
}

static void
read_content_type(WfmHeaders *headers, Span value)
{
	size_t		end = span_find(value, ';');
	Span		type = {value.data, end};

	headers->charset[0] = '\0';
	copy_printable(headers->content_type, sizeof(headers->content_type),
				   span_trim(type), true);

	while (end < value.len)
	{
		Span		parameter;

		value = span_skip(value, end + 1);
		end = span_find(value, ';');
		parameter.data = value.data;
		parameter.len = end;
		parameter = span_trim(parameter);
		if (!span_starts(parameter, "charset="))
			continue;
		parameter = span_trim(span_skip(parameter, strlen("charset=")));
		if (parameter.len >= 2 && parameter.data[0] == '"' &&
			parameter.data[parameter.len - 1] == '"')
		{
			parameter.data++;
			parameter.len -= 2;
		}
		copy_printable(headers->charset, sizeof(headers->charset),
					   parameter, true);
	}
}

static void
read_content_encoding(WfmHeaders *headers, Span value)
{
	/* "identity" says nothing; anything beside one gzip is too much. */
	if (value.len == 0 || span_is(value, "identity"))
		return;
	if (headers->coding == WFM_CODING_IDENTITY &&
		(span_is(value, "gzip") || span_is(value, "x-gzip")))
		headers->coding = WFM_CODING_GZIP;
	else
		headers->coding = WFM_CODING_OTHER;
}

/*
 * Content-Length and Transfer-Encoding.  Whoever is told two lengths reads
 * another answer than the next one does (RFC 9112 section 6.3): such an answer
 * is not used.
 */
static void
read_content_length(WfmHeaders *headers, Span value)
{
	int64_t		length = parse_number(value, MAX_LENGTH);

	if (length < 0 || headers->chunked ||
		(headers->content_length >= 0 && headers->content_length != length))
		headers->bad_framing = true;
	else
		headers->content_length = length;
}

static void
read_transfer_encoding(WfmHeaders *headers, Span value)
{
	/* "gzip, chunked" was not asked for, and anything else has no end. */
	if (headers->content_length >= 0 || headers->chunked || !span_is(value, "chunked"))
		headers->bad_framing = true;
	headers->chunked = true;
}

/*
 * The host of an absolute or scheme-relative Location; a relative one stays
 * on the same host and leaves the field empty.
 */
static void
read_location(WfmHeaders *headers, Span value)
{
	size_t		colon = span_find(value, ':');
	size_t		slash = span_find(value, '/');
	size_t		end;

	headers->location_host[0] = '\0';
	if (colon < slash)
		value = span_skip(value, colon + 1);
	if (!span_starts(value, "//"))
		return;
	value = span_skip(value, 2);
	for (end = 0; end < value.len && !strchr("/?#\\", value.data[end]); end++)
		;
	value.len = end;
	/* Credentials are not to be shown. */
	for (size_t at = span_find(value, '@'); at < value.len; at = span_find(value, '@'))
		value = span_skip(value, at + 1);
	copy_printable(headers->location_host, sizeof(headers->location_host),
				   value, true);
}

static void
read_www_authenticate(WfmHeaders *headers, Span value)
{
	static const char wanted[] = "invalid_token";
	const size_t len = sizeof(wanted) - 1;

	for (; value.len >= len; value = span_skip(value, 1))
	{
		Span		head = {value.data, len};

		if (span_is(head, wanted))
		{
			headers->bearer_invalid_token = true;
			return;
		}
	}
}

void
wfm_headers_init(WfmHeaders *headers)
{
	memset(headers, 0, sizeof(*headers));
	headers->minute_remaining = -1;
	headers->day_remaining = -1;
	headers->app_minute_remaining = -1;
	headers->retry_after_seconds = -1;
	headers->retry_after_date = -1;
	headers->date = -1;
	headers->content_length = -1;
}

void
wfm_headers_add(WfmHeaders *headers, const char *line, size_t len)
{
	Span		name = {line, len};
	Span		value;

	while (name.len > 0 && (line[name.len - 1] == '\n' || line[name.len - 1] == '\r'))
		name.len--;

	if (span_starts(name, "http/"))
		wfm_headers_init(headers);
	headers->count++;
	headers->bytes += len;

	value = span_skip(name, span_find(name, ':'));
	if (value.len == 0)
		return;					/* status line, empty line, or no header */
	name.len -= value.len;
	value = span_trim(span_skip(value, 1));

	/*
	 * A name that starts with a space is a folded line (RFC 9110 has them
	 * deprecated), one that ends with a space is not a name: neither matches
	 * below.
	 */
	if (span_is(name, "x-minlimit-remaining"))
		lower_remaining(&headers->minute_remaining, value);
	else if (span_is(name, "x-daylimit-remaining"))
		lower_remaining(&headers->day_remaining, value);
	else if (span_is(name, "x-appminlimit-remaining"))
		lower_remaining(&headers->app_minute_remaining, value);
	else if (span_is(name, "x-rate-limit-problem"))
		read_problem(headers, value);
	else if (span_is(name, "retry-after"))
		read_retry_after(headers, value);
	else if (span_is(name, "date"))
		headers->date = wfm_http_date(value.data, value.len);
	else if (span_is(name, "content-type"))
		read_content_type(headers, value);
	else if (span_is(name, "content-encoding"))
		read_content_encoding(headers, value);
	else if (span_is(name, "content-length"))
		read_content_length(headers, value);
	else if (span_is(name, "transfer-encoding"))
		read_transfer_encoding(headers, value);
	else if (span_is(name, "xero-correlation-id"))
		copy_printable(headers->correlation_id,
					   sizeof(headers->correlation_id), value, false);
	else if (span_is(name, "location"))
		read_location(headers, value);
	else if (span_is(name, "www-authenticate"))
		read_www_authenticate(headers, value);
}

/* Take n digits from the front of *span; -1 = they are not there. */
static int
take_digits(Span *span, size_t n)
{
	int			value = 0;

	if (span->len < n)
		return -1;
	for (size_t i = 0; i < n; i++)
	{
		if (!is_digit(span->data[i]))
			return -1;
		value = value * 10 + (span->data[i] - '0');
	}
	*span = span_skip(*span, n);
	return value;
}

static bool
take_char(Span *span, char c)
{
	if (span->len == 0 || span->data[0] != c)
		return false;
	*span = span_skip(*span, 1);
	return true;
}

/* Take a month's name: 0..11, or -1. */
static int
take_month(Span *span)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (span->len < 3)
		return -1;
	for (int i = 0; i < 12; i++)
	{
		if (lower(span->data[0]) == months[3 * i] &&
			lower(span->data[1]) == months[3 * i + 1] &&
			lower(span->data[2]) == months[3 * i + 2])
		{
			*span = span_skip(*span, 3);
			return i;
		}
	}
	return -1;
}

/* "hh:mm:ss" to seconds of the day; a leap second counts as :59. */
static int
take_time(Span *span)
{
	int			hour;
	int			minute;
	int			second;

	hour = take_digits(span, 2);
	if (hour < 0 || hour > 23 || !take_char(span, ':'))
		return -1;
	minute = take_digits(span, 2);
	if (minute < 0 || minute > 59 || !take_char(span, ':'))
		return -1;
	second = take_digits(span, 2);
	if (second < 0 || second > 60)
		return -1;
	return hour * 3600 + minute * 60 + (second == 60 ? 59 : second);
}

/* Seconds since 1970 of a day in the proleptic Gregorian calendar; -1 = none. */
static int64_t
seconds_of(int year, int month, int day, int second_of_day)
{
	static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t		days;

	if (year < 1970 || day < 1 ||
		day > days_before[month + 1] - days_before[month] + (leap && month == 1))
		return -1;
	days = (int64_t) (year - 1970) * 365 +
		(year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 -
		(1969 / 4 - 1969 / 100 + 1969 / 400);
	days += days_before[month] + (leap && month > 1) + day - 1;
	return days * 86400 + second_of_day;
}

int64_t
wfm_http_date(const char *value, size_t len)
{
	Span		span = {value, len};
	int			day;
	int			month;
	int			year;
	int			time;
	size_t		comma;

	span = span_trim(span);
	comma = span_find(span, ',');

	if (comma == span.len)
	{
		/* asctime: "Sun Nov  6 08:49:37 1994" */
		if (span.len < 4 || span.data[3] != ' ')
			return -1;
		span = span_skip(span, 4);
		month = take_month(&span);
		if (month < 0 || !take_char(&span, ' '))
			return -1;
		day = take_char(&span, ' ') ? take_digits(&span, 1) : take_digits(&span, 2);
		if (!take_char(&span, ' '))
			return -1;
		time = take_time(&span);
		if (time < 0 || !take_char(&span, ' '))
			return -1;
		year = take_digits(&span, 4);
		return year < 0 || span.len > 0 ? -1 : seconds_of(year, month, day, time);
	}

	/*
	 * "Sun, 06 Nov 1994 08:49:37 GMT", or the old form "Sunday, 06-Nov-94
	 * 08:49:37 GMT"
	 */
	span = span_skip(span, comma + 1);
	if (!take_char(&span, ' '))
		return -1;
	day = take_digits(&span, 2);
	if (day < 0 || span.len == 0)
		return -1;
	if (take_char(&span, '-'))
	{
		month = take_month(&span);
		if (month < 0 || !take_char(&span, '-'))
			return -1;
		year = take_digits(&span, 2);
		if (year < 0)
			return -1;
		year += year < 70 ? 2000 : 1900;
	}
	else
	{
		if (!take_char(&span, ' '))
			return -1;
		month = take_month(&span);
		if (month < 0 || !take_char(&span, ' '))
			return -1;
		year = take_digits(&span, 4);
		if (year < 0)
			return -1;
	}
	if (!take_char(&span, ' '))
		return -1;
	time = take_time(&span);
	if (time < 0 || !span_is(span, " gmt"))
		return -1;
	return seconds_of(year, month, day, time);
}
