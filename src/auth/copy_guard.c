/*
 * auth/copy_guard.c
 *		Messages of COPY wfm_connections without the lines they are about.
 *
 * COPY is one of the two ways to hand over secrets, because its data is not
 * logged.  But the server adds the line that is being read to whatever is
 * said meanwhile, at any level, and that goes to the log.  The triggers leave
 * it out of their own messages; all others are cleaned here.
 *
 * An error passes by the hook on utility statements.  What is no error passes
 * by emit_log_hook, if it goes to the log at all; what goes to the client
 * alone does not.  So the log is opened to everything for as long as the COPY
 * lasts, and the hook closes it again to what would not have gone there.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "auth/copy_guard.h"

#define TABLE_NAME "wfm_connections"

static ProcessUtility_hook_type prev_process_utility;
static emit_log_hook_type prev_emit_log;

/* Is such a COPY under way?  Then log_min_messages as it really is. */
static bool guarding;
static int	log_threshold;

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
hide_line(ErrorData *error)
{
	if (error->context != NULL)
		error->context = line_only(error->context);
}

static void
hide_input(ErrorData *error)
{
	hide_line(error);
	if (!quotes_input(error->sqlerrcode))
		return;
	error->message = pstrdup("a line for COPY " TABLE_NAME " cannot be read");
	error->detail = pstrdup("What it holds is not shown, because it may be a secret.");
	error->detail_log = NULL;
	error->hint = pstrdup("Compare the number and the types of its values with the columns named.");
}

/* Would the log take a message of this level?  As the server decides it. */
static bool
is_logged(int level)
{
	if (level == LOG || level == LOG_SERVER_ONLY)
		return log_threshold == LOG || log_threshold <= ERROR;
	if (log_threshold == LOG)
		return level >= FATAL;
	return level >= log_threshold;
}

static void
emit_log(ErrorData *message)
{
	if (guarding)
	{
		hide_line(message);
		message->output_to_server = is_logged(message->elevel);
	}
	if (message->output_to_server && prev_emit_log != NULL)
		prev_emit_log(message);
}

/*
 * From 17 on COPY can pass over rows it cannot read, and show them in the text
 * of a message, which is not to be told from others.
 */
static void
refuse_verbose_skipping(const CopyStmt *copy)
{
	ListCell   *cell;

	foreach(cell, copy->options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, "log_verbosity") == 0 &&
			strcmp(defGetString(option), "verbose") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("COPY " TABLE_NAME " cannot be verbose"),
					 errdetail("It would show rows that cannot be read, and what they hold may be a secret."),
					 errhint("Leave out the option LOG_VERBOSITY.")));
	}
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
	bool		outermost = !guarding;
	int			nest_level;

	if (!fills_connections(statement))
	{
		pass_on(statement, query, read_only_tree, context, params, environment,
				destination, completion);
		return;
	}

	refuse_verbose_skipping((const CopyStmt *) statement->utilityStmt);
	nest_level = NewGUCNestLevel();
	if (outermost)
		log_threshold = log_min_messages;
	(void) set_config_option("log_min_messages", "debug5", PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	guarding = true;
	PG_TRY();
	{
		pass_on(statement, query, read_only_tree, context, params, environment,
				destination, completion);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		AtEOXact_GUC(false, nest_level);
		guarding = !outermost;
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		hide_input(error);
		ReThrowError(error);
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest_level);
	guarding = !outermost;
}

void
wfm_copy_guard_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	prev_emit_log = emit_log_hook;
	emit_log_hook = emit_log;
}
