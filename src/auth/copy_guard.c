/*
 * auth/copy_guard.c
 *		Errors of COPY wfm_connections without the lines that caused them.
 *
 * COPY is one of the two ways to hand over secrets, because its data is not
 * logged.  But when it fails at a line, the server adds that line to the
 * error, and the error goes to the log.  The triggers leave it out of their
 * own errors; those of COPY itself, raised before any trigger is called, are
 * caught here.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/elog.h"

#include "auth/copy_guard.h"

#define TABLE_NAME "wfm_connections"

static ProcessUtility_hook_type prev_process_utility;

/*
 * The name decides and not the catalogs: to hide a line too many, of a table
 * that has the same name elsewhere, does no harm.
 */
static bool
fills_connections(const PlannedStmt *statement)
{
	const CopyStmt *copy = (const CopyStmt *) statement->utilityStmt;

	return IsA(copy, CopyStmt) && copy->is_from && copy->relation != NULL &&
		strcmp(copy->relation->relname, TABLE_NAME) == 0;
}

/* Errors of COPY and of input functions: their messages quote the input. */
static bool
quotes_input(int sqlstate)
{
	return sqlstate == ERRCODE_BAD_COPY_FILE_FORMAT ||
		sqlstate == ERRCODE_INVALID_TEXT_REPRESENTATION ||
		sqlstate == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
}

/*
 * "COPY wfm_connections, line 3, column calls_per_day: ..." in any language:
 * the first number after the table's name is that of the line.
 */
static char *
line_only(const char *context)
{
	const char *number = strstr(context, TABLE_NAME);

	number = number == NULL ? NULL : strpbrk(number, "0123456789");
	if (number == NULL)
		return NULL;
	return psprintf("COPY " TABLE_NAME ", line %.*s",
					(int) strspn(number, "0123456789"), number);
}

static void
hide_input(ErrorData *error)
{
	if (error->context != NULL)
		error->context = line_only(error->context);
	if (!quotes_input(error->sqlerrcode))
		return;
	error->message = pstrdup("a line for COPY " TABLE_NAME " cannot be read");
	error->detail = pstrdup("What it holds is not shown, because it may be a secret.");
	error->detail_log = NULL;
	error->hint = pstrdup("Compare the number and the types of its values with the columns named.");
}

/* What runs the statement: the next library's hook or the server. */
static void
pass_on(PlannedStmt *statement, const char *query, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *destination,
		QueryCompletion *completion)
{
	if (prev_process_utility != NULL)
		prev_process_utility(statement, query, read_only_tree, context, params,
							 environment, destination, completion);
	else
		standard_ProcessUtility(statement, query, read_only_tree, context,
								params, environment, destination, completion);
}

static void
process_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	MemoryContext memory = CurrentMemoryContext;

	if (!fills_connections(statement))
	{
		pass_on(statement, query, read_only_tree, context, params, environment,
				destination, completion);
		return;
	}

	PG_TRY();
	{
		pass_on(statement, query, read_only_tree, context, params, environment,
				destination, completion);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		hide_input(error);
		ReThrowError(error);
	}
	PG_END_TRY();
}

void
wfm_copy_guard_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
