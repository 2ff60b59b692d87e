/*
 * base/isodate.c
 *		The date and time texts that the APIs use.
 */
#include "base/isodate.h"

#include <string.h>

/* A text that is being read. */
typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

/* Read exactly n digits. */
static bool
digits(Reader *reader, int n, int *value)
{
	*value = 0;
	if (reader->end - reader->at < n)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (reader->at[i] < '0' || reader->at[i] > '9')
			return false;
		*value = *value * 10 + (reader->at[i] - '0');
	}
	reader->at += n;
	return true;
}

/* Is this character next?  Then pass it. */
static bool
accept_char(Reader *reader, char wanted)
{
	if (reader->at >= reader->end || *reader->at != wanted)
		return false;
	reader->at++;
	return true;
}

/* Read hh:mm[:ss[.f...]]. */
static bool
clock_time(Reader *reader, WfmDateTime *out)
{
	if (!digits(reader, 2, &out->hour) || !accept_char(reader, ':') ||
		!digits(reader, 2, &out->minute))
		return false;
	if (accept_char(reader, ':'))
	{
		if (!digits(reader, 2, &out->second))
			return false;
		if (accept_char(reader, '.'))
		{
			int			scale = 100000;
			int			count = 0;

			while (reader->at < reader->end &&
				   *reader->at >= '0' && *reader->at <= '9')
			{
				out->microsecond += (*reader->at++ - '0') * scale;
				scale /= 10;
				count++;
			}
			if (count == 0)
				return false;
		}
	}
	if (out->hour == 24)
		return out->minute == 0 && out->second == 0 && out->microsecond == 0;
	return out->hour < 24 && out->minute < 60 && out->second < 60;
}

/* Read Z, +hh:mm or +hhmm. */
static bool
zone(Reader *reader, WfmDateTime *out)
{
	int			sign;
	int			hours;
	int			minutes;

	if (accept_char(reader, 'Z'))
	{
		out->has_zone = true;
		return true;
	}
	if (accept_char(reader, '+'))
		sign = 1;
	else if (accept_char(reader, '-'))
		sign = -1;
	else
		return false;
	if (!digits(reader, 2, &hours))
		return false;
	(void) accept_char(reader, ':');
	if (!digits(reader, 2, &minutes) || hours > 15 || minutes > 59)
		return false;
	out->has_zone = true;
	out->zone_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool
wfm_parse_datetime(const char *start, size_t len, WfmDateTime *out)
{
	Reader		reader = {start, start + len};

	memset(out, 0, sizeof(*out));
	if (!digits(&reader, 4, &out->year))
		return false;
	if (accept_char(&reader, '-'))
	{
		if (!digits(&reader, 2, &out->month) || !accept_char(&reader, '-') ||
			!digits(&reader, 2, &out->day))
			return false;
	}
	else if (!digits(&reader, 2, &out->month) || !digits(&reader, 2, &out->day))
		return false;
	if (out->year < 1 || out->month < 1 || out->month > 12 || out->day < 1 ||
		out->day > days_in_month(out->year, out->month))
		return false;

	if (reader.at == reader.end)
		return true;
	if (!accept_char(&reader, 'T') && !accept_char(&reader, ' '))
		return false;
	if (!clock_time(&reader, out))
		return false;
	out->has_time = true;
	if (reader.at == reader.end)
		return true;
	return zone(&reader, out) && reader.at == reader.end;
}

bool
wfm_parse_time(const char *start, size_t len, WfmDateTime *out)
{
	Reader		reader = {start, start + len};

	memset(out, 0, sizeof(*out));
	return clock_time(&reader, out) && reader.at == reader.end;
}
