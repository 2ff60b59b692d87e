/*
 * base/isodate.h
 *		The date and time texts that the APIs use.
 */
#ifndef WFM_BASE_ISODATE_H
#define WFM_BASE_ISODATE_H

#include <stdbool.h>
#include <stddef.h>

/* A date-time taken apart; parts that were not there are zero. */
typedef struct WfmDateTime
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			microsecond;
	bool		has_time;
	bool		has_zone;
	int			zone_seconds;	/* east of UTC */
} WfmDateTime;

/*
 * Take apart yyyy-MM-dd or yyyyMMdd, with or without Thh:mm[:ss[.f...]] (or a
 * space for the T) and Z, +hh:mm or +hhmm.  More than six digits of a second are cut
 * off.  False for anything else, or a day that no month has.
 */
extern bool wfm_parse_datetime(const char *start, size_t len, WfmDateTime *out);

/* Take apart hh:mm[:ss[.f...]] from 00:00 to 24:00. */
extern bool wfm_parse_time(const char *start, size_t len, WfmDateTime *out);

#endif							/* WFM_BASE_ISODATE_H */
