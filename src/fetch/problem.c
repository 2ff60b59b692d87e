/*
 * fetch/problem.c
 *		What went wrong with a request, and what to do about it.
 *
 * A GET changes nothing, so whatever may pass by itself is tried again.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "fetch/problem.h"

/* What each transport fault is called, its SQLSTATE, and what may help. */
typedef struct FaultWords
{
	int			sqlstate;
	bool		retry;
	bool		size;			/* a smaller window may help */
	const char *message;		/* "%s" is the connection's name */
	const char *hint;
} FaultWords;

static const FaultWords fault_words[] = {
	[WFM_HTTP_REFUSED] = {ERRCODE_FDW_ERROR, false, false,
		"request of connection \"%s\" is not allowed",
	"Only https is allowed, and plain http to this machine when wfm_fdw.allow_insecure_loopback is on."},
	[WFM_HTTP_RESOLVE] = {ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, true, false,
		"could not find the host of connection \"%s\"",
	"Check the server's name resolution and the URL of the connection."},
	[WFM_HTTP_CONNECT] = {ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, true, false,
		"could not connect to the API of connection \"%s\"",
	"Check the network, a firewall, and the setting wfm_fdw.proxy."},
	[WFM_HTTP_TLS_TRUST] = {ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, false, false,
		"certificate of the API of connection \"%s\" is not trusted",
	"If a gateway with its own certificate authority stands in between, set wfm_fdw.ca_file."},
	[WFM_HTTP_TLS] = {ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION, true, false,
	"could not open a TLS connection for connection \"%s\"", NULL},
	[WFM_HTTP_SEND] = {ERRCODE_CONNECTION_FAILURE, true, false,
	"lost the network connection of connection \"%s\" while sending", NULL},
	[WFM_HTTP_RECEIVE] = {ERRCODE_CONNECTION_FAILURE, true, false,
	"lost the network connection of connection \"%s\" while receiving", NULL},
	[WFM_HTTP_PARTIAL] = {ERRCODE_CONNECTION_FAILURE, true, false,
	"answer of connection \"%s\" was cut short", NULL},
	[WFM_HTTP_TIMEOUT] = {ERRCODE_CONNECTION_FAILURE, true, true,
	"no answer of connection \"%s\" in time", NULL},
	[WFM_HTTP_TOO_SLOW] = {ERRCODE_CONNECTION_FAILURE, true, true,
		"answer of connection \"%s\" stopped coming",
	"The setting wfm_fdw.stall_timeout says how long to wait for more."},
	[WFM_HTTP_TOO_BIG] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED, false, true,
		"answer of connection \"%s\" is too large",
	"The setting wfm_fdw.max_response_size limits the size of one answer."},
	[WFM_HTTP_BOMB] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED, false, false,
		"answer of connection \"%s\" expands beyond reason",
	"Such compressed data is not accepted from any API."},
	[WFM_HTTP_BAD_ENCODING] = {ERRCODE_FDW_ERROR, false, false,
	"answer of connection \"%s\" is compressed in an unusable way", NULL},
	[WFM_HTTP_BAD_HEADERS] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED, false, false,
	"answer of connection \"%s\" has too many or too long headers", NULL},
	[WFM_HTTP_PROTOCOL] = {ERRCODE_FDW_ERROR, false, false,
	"answer of connection \"%s\" is not valid HTTP", NULL},
	[WFM_HTTP_NO_MEMORY] = {ERRCODE_OUT_OF_MEMORY, false, false,
	"out of memory in a request of connection \"%s\"", NULL},
	[WFM_HTTP_INTERNAL] = {ERRCODE_FDW_ERROR, false, false,
	"request of connection \"%s\" failed", NULL},
};

WfmVerdict
wfm_judge_result(const WfmHttpResult *result, bool list_has_key)
{
	if (result->failure != WFM_HTTP_OK)
		return fault_words[result->failure].retry ? WFM_VERDICT_RETRY :
			WFM_VERDICT_FAIL;

	switch (result->status)
	{
		case 200:
			return WFM_VERDICT_ROWS;
		case 401:
			return WFM_VERDICT_UNAUTHORIZED;
		case 404:
			return list_has_key ? WFM_VERDICT_READ_LIST : WFM_VERDICT_FAIL;
		case 429:
			return WFM_VERDICT_LIMITED;
		case 408:
		case 425:
		case 500:
		case 502:
		case 503:
		case 504:
		case 522:
		case 524:
			return WFM_VERDICT_RETRY;
		default:
			return WFM_VERDICT_FAIL;
	}
}

bool
wfm_fault_may_pass(const WfmHttpResult *result)
{
	return fault_words[result->failure].retry;
}

bool
wfm_fault_is_size(const WfmHttpResult *result)
{
	if (result->failure != WFM_HTTP_OK)
		return fault_words[result->failure].size;
	return result->status >= 500;
}

bool
wfm_text_says_unknown_key(const char *text)
{
	size_t		len = strlen(text);
	const size_t head = strlen("invalid ");
	const size_t tail = strlen(" identifier");

	while (len > 0 && (text[len - 1] == '.' || text[len - 1] == ' '))
		len--;
	return len > head + tail &&
		pg_strncasecmp(text, "invalid ", head) == 0 &&
		pg_strncasecmp(text +len - tail, " identifier", tail) == 0;
}

/*
 * The API's words, which are UTF-8, as a message can hold them: a message in
 * another encoding must not fail for what it quotes.
 */
static const char *
quotable(const char *text)
{
	char	   *copy;

	if (text == NULL || GetDatabaseEncoding() == PG_UTF8)
		return text;

	copy = pstrdup(text);
	for (char *at = copy; *at != '\0'; at++)
	{
		if (IS_HIGHBIT_SET(*at))
			*at = '?';
	}
	return copy;
}

/* Connection, tenant, table, request, status, the API's words: for DETAIL. */
static char *
describe(const WfmStep *step, const WfmFetchSpec *spec,
		 const WfmHttpResult *result, const char *tenant, const char *api_text,
		 const char *more)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "Foreign table \"%s\", connection \"%s\"",
					 spec->table_name, spec->connection->name);
	if (tenant != NULL && tenant[0] != '\0')
		appendStringInfo(&text, ", tenant %s", tenant);
	appendStringInfo(&text, ", request: GET %s %s.",
					 spec->connection->dialect->name, step->request);
	if (result != NULL && result->status != 0)
		appendStringInfo(&text, " HTTP status %d.", result->status);
	if (api_text != NULL && api_text[0] != '\0')
		appendStringInfo(&text, " The API says: \"%s\".", quotable(api_text));
	if (more != NULL && more[0] != '\0')
		appendStringInfo(&text, " %s", more);
	if (result != NULL && result->headers.correlation_id[0] != '\0')
		appendStringInfo(&text, " Correlation id %s.",
						 result->headers.correlation_id);
	if (step->failures > 1)
		appendStringInfo(&text, " Tried %d times.", step->failures);
	return text.data;
}

static WfmProblem *
make_problem(int sqlstate, char *message, char *detail, const char *hint)
{
	WfmProblem *problem = palloc(sizeof(WfmProblem));

	problem->sqlstate = sqlstate;
	problem->message = message;
	problem->detail = detail;
	problem->hint = hint == NULL ? NULL : pstrdup(hint);
	return problem;
}

/* Words for an HTTP status that is an error. */
static void
status_words(const WfmFetchSpec *spec, const WfmHttpResult *result,
			 int *sqlstate, char **message, char **hint)
{
	const char *name = spec->connection->name;

	*sqlstate = ERRCODE_FDW_ERROR;
	*hint = NULL;
	switch (result->status)
	{
		case 401:
			*sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
			*message = psprintf("the API refused the access token of connection \"%s\"", name);
			*hint = psprintf(RecoveryInProgress() ?
							 "Ask for a new token on the primary: SELECT wfm_refresh(%s);" :
							 "Ask for a new token: SELECT wfm_refresh(%s);",
							 quote_literal_cstr(name));
			break;
		case 403:
			*sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
			*message = psprintf("the API does not allow connection \"%s\" to read this", name);
			*hint = psprintf("First, the user who consented needs to be Administrator and to have \"Authorise 3rd Party Full Access\" under Business > Settings > Staff > API Access Privileges. "
							 "Second, the app needs the scope of this API (%s). "
							 "Third, the tenant may have been disconnected from the app, or be of another type%s%s.",
							 spec->connection->scopes != NULL ?
							 spec->connection->scopes : spec->connection->dialect->scopes,
							 spec->connection->dialect->tenant_type != NULL ? " than " : "",
							 spec->connection->dialect->tenant_type != NULL ?
							 spec->connection->dialect->tenant_type : "");
			break;
		case 404:
			*message = psprintf("the API of connection \"%s\" does not know this request", name);
			*hint = pstrdup("Check api and api_url of the connection.");
			break;
		case 429:
			*sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
			*message = psprintf("the API of connection \"%s\" keeps refusing more calls", name);
			*hint = pstrdup("Another program may use the same app and tenant; see the view wfm_stat_limits.");
			break;
		default:
			if (result->status >= 300 && result->status < 400)
			{
				*message = psprintf("the API of connection \"%s\" answered with a redirect", name);
				*hint = pstrdup("Redirects are not followed, as they could carry the access token to another host. Check api_url of the connection.");
			}
			else if (result->status >= 500)
			{
				*sqlstate = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION;
				*message = psprintf("the API of connection \"%s\" is failing", name);
				*hint = pstrdup("Try again later; the vendor's status page may tell more.");
			}
			else
				*message = psprintf("the API of connection \"%s\" refused the request", name);
			break;
	}
}

WfmProblem *
wfm_problem_of_result(const WfmStep *step, const WfmFetchSpec *spec,
					  const WfmHttpResult *result, const char *tenant,
					  const char *api_text, MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	WfmProblem *problem;

	if (result->failure != WFM_HTTP_OK)
	{
		const FaultWords *words = &fault_words[result->failure];
		char	   *more = result->detail[0] == '\0' ? NULL :
			psprintf("The network library says: \"%s\".", result->detail);

		problem = make_problem(words->sqlstate,
							   psprintf(words->message, spec->connection->name),
							   describe(step, spec, result, tenant, api_text, more),
							   words->hint);
	}
	else
	{
		int			sqlstate;
		char	   *message;
		char	   *hint;
		char	   *more = NULL;

		status_words(spec, result, &sqlstate, &message, &hint);
		if (result->headers.location_host[0] != '\0')
			more = psprintf("It points to host \"%s\".",
							result->headers.location_host);
		problem = make_problem(sqlstate, message,
							   describe(step, spec, result, tenant, api_text, more),
							   hint);
	}
	MemoryContextSwitchTo(oldcontext);
	return problem;
}

/* SQLSTATE and message for each way an answer can be undecodable. */
static void
decoding_words(WfmDecodeStatus status, int *sqlstate, const char **message,
			   const char **hint)
{
	*sqlstate = ERRCODE_FDW_ERROR;
	*hint = NULL;
	switch (status)
	{
		case WFM_DECODE_TRUNCATED:
			*sqlstate = ERRCODE_CONNECTION_FAILURE;
			*message = "answer of connection \"%s\" was cut short";
			break;
		case WFM_DECODE_NOT_THIS_FORMAT:
			*message = "answer of connection \"%s\" is not in the API's format";
			*hint = "A proxy or a login page may have answered instead of the API; check api_url of the connection.";
			break;
		case WFM_DECODE_ENCODING:
			*sqlstate = ERRCODE_CHARACTER_NOT_IN_REPERTOIRE;
			*message = "answer of connection \"%s\" holds text that is not valid UTF-8";
			break;
		case WFM_DECODE_FORBIDDEN:
			*message = "answer of connection \"%s\" declares a document type or entities";
			*hint = "Such declarations are refused because they can be used for attacks.";
			break;
		case WFM_DECODE_TOO_DEEP:
			*sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
			*message = "answer of connection \"%s\" is nested too deeply";
			break;
		case WFM_DECODE_VALUE_TOO_BIG:
			*sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
			*message = "answer of connection \"%s\" holds too large a value";
			*hint = "The setting wfm_fdw.max_value_size limits the size of one value.";
			break;
		case WFM_DECODE_RECORD_TOO_BIG:
			*sqlstate = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
			*message = "answer of connection \"%s\" holds too large a record";
			*hint = "The setting wfm_fdw.max_record_size limits the size of one record.";
			break;
		case WFM_DECODE_OUT_OF_MEMORY:
			*sqlstate = ERRCODE_OUT_OF_MEMORY;
			*message = "out of memory while decoding an answer of connection \"%s\"";
			break;
		case WFM_DECODE_OK:
		case WFM_DECODE_MALFORMED:
			*message = "answer of connection \"%s\" is malformed";
			break;
	}
}

WfmProblem *
wfm_problem_of_decoding(const WfmStep *step, const WfmFetchSpec *spec,
						const WfmHttpResult *result, const char *tenant,
						const WfmDecodeError *error, MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	int			sqlstate;
	const char *message = NULL;
	const char *hint;
	char	   *more;
	WfmProblem *problem;

	decoding_words(error->status, &sqlstate, &message, &hint);
	more = psprintf("Record " UINT64_FORMAT ", byte " UINT64_FORMAT "%s%s.",
					error->record_number, error->byte_offset,
					error->message[0] != '\0' ? ": " : "", error->message);
	problem = make_problem(sqlstate, psprintf(message, spec->connection->name),
						   describe(step, spec, result, tenant, NULL, more),
						   hint);
	MemoryContextSwitchTo(oldcontext);
	return problem;
}

WfmProblem *
wfm_problem_of_status(const WfmStep *step, const WfmFetchSpec *spec,
					  const WfmHttpResult *result, const char *tenant,
					  const char *api_text, MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	WfmProblem *problem;

	if (api_text != NULL)
		problem = make_problem(ERRCODE_FDW_ERROR,
							   psprintf("the API of connection \"%s\" reported an error",
										spec->connection->name),
							   describe(step, spec, result, tenant, api_text, NULL),
							   NULL);
	else
		problem = make_problem(ERRCODE_FDW_ERROR,
							   psprintf("answer of connection \"%s\" is not an answer of the API",
										spec->connection->name),
							   describe(step, spec, result, tenant, NULL,
										"It has neither a status nor records."),
							   "Check api and api_url of the connection.");
	MemoryContextSwitchTo(oldcontext);
	return problem;
}

WfmProblem *
wfm_problem_of_pages(const WfmStep *step, const WfmFetchSpec *spec,
					 const char *tenant, const char *words,
					 MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	WfmProblem *problem;

	problem = make_problem(ERRCODE_FDW_ERROR,
						   psprintf("pages of a list of connection \"%s\" do not fit together",
									spec->connection->name),
						   describe(step, spec, NULL, tenant, NULL, words),
						   NULL);
	MemoryContextSwitchTo(oldcontext);
	return problem;
}

/* What is said of each limit that a call would have to wait for. */
typedef struct LimitWords
{
	const char *message;		/* "%s" is the connection's name */
	const char *detail;			/* what is to be waited for */
	const char *hint;
} LimitWords;

static const char too_long[] =
"a limit of the API of connection \"%s\" asks for a longer wait than allowed";

static const LimitWords limit_words[] = {
	[WFM_REASON_NONE] = {too_long,
	"The permission to call was taken back.", "Run the query again."},
	[WFM_REASON_SLOT] = {too_long,
		"The concurrent calls of the tenant are taken, or promised to queries that asked earlier.",
	"Run fewer queries on this tenant at the same time, or raise wfm_fdw.max_wait. The view wfm_stat_scans shows who calls."},
	[WFM_REASON_MINUTE] = {too_long,
		"The tenant's calls of this minute are used up.",
	"Try again then, or raise wfm_fdw.max_wait: after a minute there are calls again. EXPLAIN tells how many a query needs."},
	[WFM_REASON_APP_MINUTE] = {too_long,
		"The calls of this minute that the app has for all its tenants together are used up.",
	"Try again then, or raise wfm_fdw.max_wait. Queries on other tenants, and other programs with the same app, use them too; see the view wfm_stat_limits."},
	[WFM_REASON_TOLD_TO_WAIT] = {too_long,
		"The API asked to wait.",
	"Try again then, or raise wfm_fdw.max_wait. Another program may use the same app and tenant; see the view wfm_stat_limits."},
	[WFM_REASON_COLD_START] = {too_long,
		"Calls for a tenant go out one at a time until it is known how far its limits are used.",
	"Try again a little later, or raise wfm_fdw.max_wait. The view wfm_stat_scans shows who calls."},
	[WFM_REASON_DAY] = {"the day limit of connection \"%s\" is used up",
		"The tenant's calls of this day are used up.",
	"See the view wfm_stat_limits, and keep what dashboards read in materialized views."},
	[WFM_REASON_CIRCUIT] = {"the API of connection \"%s\" keeps failing",
		"Too many of its last answers were failures.",
	"Calls are held back for a while so as not to make it worse; try again later."},
};

/* The limit that the API named when it asked to wait, "" if it named none. */
static const char *
named_limit(WfmLimitProblem told_of)
{
	switch (told_of)
	{
		case WFM_LIMIT_PROBLEM_MINUTE:
			return " It named the tenant's calls of a minute.";
		case WFM_LIMIT_PROBLEM_CONCURRENT:
			return " It named the tenant's concurrent calls.";
		default:
			return "";
	}
}

WfmProblem *
wfm_problem_of_permit(const WfmStep *step, const WfmFetchSpec *spec,
					  const char *tenant, const WfmPermitStatus *status,
					  MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	const LimitWords *words = &limit_words[status->reason];
	StringInfoData more;
	WfmProblem *problem;

	initStringInfo(&more);
	appendStringInfo(&more, "%s%s ", words->detail, named_limit(status->told_of));
	if (wfm_priority == WFM_PRIORITY_BATCH &&
		(status->reason == WFM_REASON_SLOT || status->reason == WFM_REASON_MINUTE ||
		 status->reason == WFM_REASON_DAY))
		appendStringInfoString(&more, "Queries whose wfm_fdw.priority is \"batch\" have only a part of them. ");
	if (status->available_at != 0)
		appendStringInfo(&more, "The next call is possible at %s.",
						 timestamptz_to_str(status->available_at));
	else
		appendStringInfoString(&more, "When the next call is possible is not known.");
	problem = make_problem(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
						   psprintf(words->message, spec->connection->name),
						   describe(step, spec, NULL, tenant, NULL, more.data),
						   words->hint);
	MemoryContextSwitchTo(oldcontext);
	return problem;
}

void
wfm_problem_raise(const WfmProblem *problem)
{
	ereport(ERROR,
			(errcode(problem->sqlstate),
			 errmsg_internal("%s", problem->message),
			 errdetail_internal("%s", problem->detail),
			 problem->hint != NULL ? errhint("%s", problem->hint) : 0));
}
