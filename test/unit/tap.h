/*
 * tap.h
 *		Test Anything Protocol for the C unit tests: a few macros, no library.
 *
 * A program calls ok() and its kin, then returns done_testing() from main.
 * Every failure prints the file and line of the call.
 */
#ifndef WFM_TEST_TAP_H
#define WFM_TEST_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int	tap_run;
static int	tap_failed;

/* Prints one result line; name is a printf format. */
__attribute__((format(printf, 4, 5), unused))
static bool
tap_ok(bool passed, const char *file, int line, const char *name,...)
{
	va_list		args;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_run);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	if (!passed)
	{
		tap_failed++;
		printf("#   failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

__attribute__((unused))
static bool
tap_is_int(int64_t got, int64_t expected, const char *file, int line,
		   const char *name)
{
	bool		passed = tap_ok(got == expected, file, line, "%s", name);

	if (!passed)
		printf("#   got %" PRId64 ", expected %" PRId64 "\n", got, expected);
	return passed;
}

__attribute__((unused))
static bool
tap_is_str(const char *got, const char *expected, const char *file, int line,
		   const char *name)
{
	bool		same = got == expected ||
		(got && expected && strcmp(got, expected) == 0);
	bool		passed = tap_ok(same, file, line, "%s", name);

	if (!passed)
		printf("#   got \"%s\"\n#   expected \"%s\"\n",
			   got ? got : "(null)", expected ? expected : "(null)");
	return passed;
}

#define ok(passed, ...) tap_ok((passed), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, expected, name) \
	tap_is_int((got), (expected), __FILE__, __LINE__, (name))
#define is_str(got, expected, name) \
	tap_is_str((got), (expected), __FILE__, __LINE__, (name))

/* Prints the plan; the exit status of the program. */
__attribute__((unused))
static int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	if (tap_failed)
		printf("# %d of %d failed\n", tap_failed, tap_run);
	return tap_failed ? 1 : 0;
}

#endif							/* WFM_TEST_TAP_H */
