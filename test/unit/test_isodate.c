/*
 * test_isodate.c
 *		The date and time texts of the APIs (base/isodate.c).
 */
#include "base/isodate.h"
#include "tap.h"

/* A date-time as it was understood, "-" if it was not; the result is static. */
static const char *
read_datetime(const char *text)
{
	static char out[80];
	WfmDateTime at;
	int			n;

	if (!wfm_parse_datetime(text, strlen(text), &at))
		return "-";
	n = snprintf(out, sizeof(out), "%04d-%02d-%02d", at.year, at.month, at.day);
	if (at.has_time)
		n += snprintf(out + n, sizeof(out) - n, " %02d:%02d:%02d.%06d",
					  at.hour, at.minute, at.second, at.microsecond);
	if (at.has_zone)
		snprintf(out + n, sizeof(out) - n, " %+d", at.zone_seconds);
	return out;
}

static const char *
read_time(const char *text)
{
	static char out[40];
	WfmDateTime at;

	if (!wfm_parse_time(text, strlen(text), &at))
		return "-";
	snprintf(out, sizeof(out), "%02d:%02d:%02d.%06d", at.hour, at.minute,
			 at.second, at.microsecond);
	return out;
}

static void
test_datetime(void)
{
	static const char *const understood[][2] = {
		{"2026-11-22", "2026-11-22"},
		{"20261122", "2026-11-22"},
		{"0001-01-01", "0001-01-01"},
		{"9999-12-31", "9999-12-31"},
		{"2024-02-29", "2024-02-29"},
		{"2000-02-29", "2000-02-29"},
		{"2026-11-22T00:00:00", "2026-11-22 00:00:00.000000"},
		{"2026-11-22 13:14", "2026-11-22 13:14:00.000000"},
		{"20261122T13:14:15", "2026-11-22 13:14:15.000000"},
		{"2026-11-22T13:14:15.5", "2026-11-22 13:14:15.500000"},
		{"2026-11-22T13:14:15.1234567", "2026-11-22 13:14:15.123456"},
		{"2026-11-22T24:00:00", "2026-11-22 24:00:00.000000"},
		{"2026-11-22T13:14:15Z", "2026-11-22 13:14:15.000000 +0"},
		{"2026-11-22T13:14:15+13:45", "2026-11-22 13:14:15.000000 +49500"},
		{"2026-11-22T13:14:15-0930", "2026-11-22 13:14:15.000000 -34200"},
		{"2026-11-22T13:14:15+15:59", "2026-11-22 13:14:15.000000 +57540"},
		{"2026-11-22T13:14Z", "2026-11-22 13:14:00.000000 +0"},
	};
	static const char *const refused[] = {
		"", "2", "2026", "2026-", "2026-1-2", "2026-11", "2026-11-", "202611", "2026112",
		"0000-01-01", "2026-00-10", "2026-13-10", "2026-11-00", "2026-11-31", "2026-02-29",
		"1900-02-29", "2026/11/22", "22-11-2026", "-2026-11-22", " 2026-11-22", "2026-11-22 ",
		"2026-1122", "202611-22", "2026-11-22T", "2026-11-22T1", "2026-11-22T13", "2026-11-22T13:",
		"2026-11-22T13:1", "2026-11-22T1314", "2026-11-22T25:00:00", "2026-11-22T24:00:01",
		"2026-11-22T24:01", "2026-11-22T13:60:00", "2026-11-22T13:14:", "2026-11-22T13:14:5",
		"2026-11-22T13:14:61", "2026-11-22T13:14:15.", "2026-11-22T13:14:15.Z",
		"2026-11-22T13:14:15,5", "2026-11-22T13:14:15+", "2026-11-22T13:14:15+1",
		"2026-11-22T13:14:15+13:", "2026-11-22T13:14:15+16:00", "2026-11-22T13:14:15+13:60",
		"2026-11-22T13:14:15Zulu", "2026-11-22T13:14:15 Z", "2026-11-22x13:14:15",
		"2026-11-22Z", "2026-11-22T13:14:15+13:451",
		/* the neighbours of the digits, and a group that is not there */
		"2026-11-2:", "2026-11-2/", "202:-11-22", "202/-11-22", "2026-11-22T1/:00",
		"2026-11-22T:14", "2026-11-22T13:14:15+1/:00",
	};
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (size_t i = 0; i < sizeof(understood) / sizeof(understood[0]); i++)
		is_str(read_datetime(understood[i][0]), understood[i][1], understood[i][0]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
	{
		/* each in a block of its own size, where reading on is seen */
		const char *got = read_datetime(refused[i]);

		if (!ok(strcmp(got, "-") == 0, "refused: \"%s\"", refused[i]))
			printf("#   got %s\n", got);
	}
	for (int month = 1; month <= 12; month++)
	{
		char		day[40];
		char		name[40];

		snprintf(name, sizeof(name), "the last day of month %d", month);
		snprintf(day, sizeof(day), "2026-%02d-%02d", month, month_days[month - 1]);
		is_str(read_datetime(day), day, name);
		snprintf(day, sizeof(day), "2026-%02d-%02d", month, month_days[month - 1] + 1);
		is_str(read_datetime(day), "-", "and not the day behind it");
	}
	ok(strcmp(read_datetime("2026-11-22\0" "x"), "2026-11-22") == 0, "what lies behind the length is not looked at");
	{
		WfmDateTime at;

		ok(!wfm_parse_datetime("2026-11-22\0", 11, &at), "a NUL byte is no date");
		ok(wfm_parse_datetime("2026-11-225", 10, &at) && at.day == 22, "nor is what follows");
	}
}

static void
test_time(void)
{
	is_str(read_time("00:00"), "00:00:00.000000", "midnight");
	is_str(read_time("09:30:15"), "09:30:15.000000", "with seconds");
	is_str(read_time("09:30:15.25"), "09:30:15.250000", "with a fraction");
	is_str(read_time("24:00"), "24:00:00.000000", "the end of a day");
	is_str(read_time("24:00:01"), "-", "and not later");
	is_str(read_time("9:30"), "-", "one digit");
	is_str(read_time("09:30Z"), "-", "a zone");
	is_str(read_time("09-30"), "-", "another separator");
	is_str(read_time("09:30 am"), "-", "half a day");
	is_str(read_time(""), "-", "nothing");
}

int
main(void)
{
	test_datetime();
	test_time();
	return done_testing();
}
