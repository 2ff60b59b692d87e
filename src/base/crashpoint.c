/*
 * base/crashpoint.c
 *		Named places where a test can kill, fail or delay a process.
 */
#include "postgres.h"

#include "base/crashpoint.h"

#ifdef WFM_CRASHPOINTS

#include <signal.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/fd.h"

#define ORDER_FILE "wfm_crashpoint"
#define HIT_FILE "wfm_crashpoint.hit"

/*
 * Say that the point was reached, since a test must know that it tested
 * something; and take the order back, so that recovery is not hit by it too.
 */
static void
record_hit(const char *name, const char *action)
{
	FILE	   *file = AllocateFile(HIT_FILE, "a");

	if (file == NULL)
		elog(ERROR, "could not open %s: %m", HIT_FILE);
	fprintf(file, "%s %s %d\n", name, action, MyProcPid);
	FreeFile(file);
	unlink(ORDER_FILE);
}

void
wfm_crashpoint(const char *name)
{
	FILE	   *file = AllocateFile(ORDER_FILE, "r");
	char		point[64];
	char		action[16];
	int			delay_ms = 0;
	int			fields;

	if (file == NULL)
		return;
	fields = fscanf(file, "%63s %15s %d", point, action, &delay_ms);
	FreeFile(file);
	if (fields < 2 || strcmp(point, name) != 0)
		return;

	record_hit(name, action);
	if (strcmp(action, "kill") == 0)
		kill(MyProcPid, SIGKILL);
	else if (strcmp(action, "error") == 0)
		elog(ERROR, "crash point %s", name);
	else if (strcmp(action, "delay") == 0)
		pg_usleep(delay_ms * 1000L);
	else
		elog(FATAL, "crash point %s: unknown action", name);
}

/* The point at the end of the current transaction, or NULL. */
static const char *point_at_commit;

static void
transaction_ended(XactEvent event, void *arg)
{
	const char *name = point_at_commit;

	if (name == NULL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	point_at_commit = NULL;
	if (event == XACT_EVENT_COMMIT)
		wfm_crashpoint(name);
}

void
wfm_crashpoint_at_commit(const char *name)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(transaction_ended, NULL);
	registered = true;
	point_at_commit = name;
}

#endif							/* WFM_CRASHPOINTS */
