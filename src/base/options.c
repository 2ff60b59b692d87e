/*
 * base/options.c
 *		Options of servers, foreign tables and columns.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/options.h"

/* How an option's value is read. */
typedef enum OptionKind
{
	OPTION_NAME,				/* any text, not empty */
	OPTION_UUID_TEXT,			/* letters, digits, '-' */
	OPTION_DATE,
	OPTION_BOOL,
	OPTION_NUMBER,				/* not negative */
	OPTION_WINDOW_COLUMN,		/* only '' */
	OPTION_FORMAT,				/* xml or json */
	OPTION_TENANTS				/* '*' or uuid=Label, ... */
} OptionKind;

/* An option, where it may stand, and what it says. */
typedef struct Option
{
	const char *name;
	OptionKind	kind;
	int			places;			/* WfmOptionPlace, several */
	const char *default_value;	/* NULL: none */
	const char *description;
} Option;

#define DEFAULT_HISTORY_FROM "2000-01-01"
#define DEFAULT_LATENCY_MS 150
#define DEFAULT_CALL_COST 1000

static const Option option_table[] = {
	{"connection", OPTION_NAME, WFM_OPTION_SERVER, NULL,
	"name of the row in wfm_connections to read with"},
	{"tenant_id", OPTION_UUID_TEXT, WFM_OPTION_SERVER, NULL,
	"tenant to read, instead of the connection's"},
	{"tenants", OPTION_TENANTS, WFM_OPTION_SERVER, NULL,
	"tenants to read side by side, as uuid=label, ... or * for all that are connected; tables then have the columns tenant_id and tenant_name"},
	{"format", OPTION_FORMAT, WFM_OPTION_SERVER, "xml",
	"format to ask the API for, where it has a choice"},
	{"fields", OPTION_BOOL, WFM_OPTION_SERVER, "off",
	"ask practicemanager/3.1 only for the fields that a query uses; its specification alone says that it can"},
	{"history_from", OPTION_DATE, WFM_OPTION_SERVER | WFM_OPTION_TABLE, DEFAULT_HISTORY_FROM,
	"first day to look for records in lists that are read in windows of dates"},
	{"push_assumed", OPTION_BOOL, WFM_OPTION_SERVER | WFM_OPTION_TABLE, "on",
	"send the API filters whose meaning the vendor does not document"},
	{"latency_ms", OPTION_NUMBER, WFM_OPTION_SERVER, CppAsString2(DEFAULT_LATENCY_MS),
	"milliseconds that the planner expects one call to take"},
	{"call_cost", OPTION_NUMBER, WFM_OPTION_SERVER, CppAsString2(DEFAULT_CALL_COST),
	"planner's cost of one call of the API"},
	{"resource", OPTION_NAME, WFM_OPTION_TABLE, NULL,
	"what the table holds, as wfm_api_tables() names it"},
	{"window_column", OPTION_WINDOW_COLUMN, WFM_OPTION_TABLE, NULL,
	"set to the empty text if the API's window of dates does not test the record's own date"},
	{"walk_parents", OPTION_BOOL, WFM_OPTION_TABLE, "off",
	"read the whole table by one call for each row of its parent table, instead of failing"},
	{"field", OPTION_NAME, WFM_OPTION_COLUMN, NULL,
	"path of the value in the record, for a column that the catalogue lacks"},
	{"all", OPTION_BOOL, WFM_OPTION_IMPORT, "off",
	"import tables that cost one call for each row of another table, too"},
	{"nested", OPTION_BOOL, WFM_OPTION_IMPORT, "off",
	"add the lists inside records as columns of type jsonb"},
	{"raw", OPTION_BOOL, WFM_OPTION_IMPORT, "off",
	"add the whole record as delivered as a column raw of type jsonb"},
};

/* How a value of each kind is called. */
static const char *const kind_names[] = {
	[OPTION_NAME] = "text",
	[OPTION_UUID_TEXT] = "UUID",
	[OPTION_DATE] = "date (yyyy-mm-dd)",
	[OPTION_BOOL] = "boolean",
	[OPTION_NUMBER] = "number",
	[OPTION_WINDOW_COLUMN] = "empty text",
	[OPTION_FORMAT] = "xml or json",
	[OPTION_TENANTS] = "list",
};

/* Words that must never become an option: they would be world-readable. */
static const char *const secret_words[] = {
	"client_secret", "refresh_token", "access_token", "password", "token",
	"secret", NULL
};

const char *
wfm_nearest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	int			best_distance = INT_MAX;
	int			word_len = strlen(word);
	int			limit = Max(3, word_len / 2);

	/* varstr_levenshtein takes at most 255 bytes */
	if (word_len == 0 || word_len > 100)
		return NULL;
	for (int i = 0; candidates[i] != NULL; i++)
	{
		int			distance;

		distance = varstr_levenshtein_less_equal(word, word_len,
												 candidates[i],
												 strlen(candidates[i]),
												 1, 1, 1, limit, true);
		if (distance <= limit && distance < best_distance)
		{
			best = candidates[i];
			best_distance = distance;
		}
	}
	return best;
}

/* Where the options of a catalog's rows stand; 0 where none may. */
static int
place_of(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return WFM_OPTION_SERVER;
		case ForeignTableRelationId:
			return WFM_OPTION_TABLE;
		case AttributeRelationId:
			return WFM_OPTION_COLUMN;
		default:
			return 0;
	}
}

static const char *
catalog_word(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return "server";
		case ForeignTableRelationId:
			return "foreign table";
		case AttributeRelationId:
			return "column";
		case UserMappingRelationId:
			return "user mapping";
		default:
			return "foreign-data wrapper";
	}
}

bool
wfm_option_describe(int index, WfmOptionPlace place, WfmOptionInfo *info)
{
	const Option *option;

	if (index < 0 || index >= (int) lengthof(option_table))
		return false;
	option = &option_table[index];
	info->name = (option->places & place) != 0 ? option->name : NULL;
	info->type = kind_names[option->kind];
	info->default_value = option->default_value;
	info->description = option->description;
	return true;
}

/* The options that may stand somewhere, and the same as a text. */
static const char **
options_at(int place, char **text)
{
	const char **names = palloc0((lengthof(option_table) + 1) * sizeof(char *));
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < (int) lengthof(option_table); i++)
	{
		if ((option_table[i].places & place) == 0)
			continue;
		names[n++] = option_table[i].name;
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 option_table[i].name);
	}
	*text = list.data;
	return names;
}

void
wfm_option_unknown_at_import(const char *name)
{
	char	   *list;
	const char *nearest = wfm_nearest(name, options_at(WFM_OPTION_IMPORT, &list));

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\" for IMPORT FOREIGN SCHEMA", name),
			 nearest != NULL ?
			 errhint("Perhaps you meant the option \"%s\".", nearest) :
			 errhint("Valid options are: %s.", list)));
}

/* Complain about an option that may not stand here. */
pg_noreturn static void
unknown_option(const char *name, Oid catalog)
{
	const char **valid;
	const char *nearest;
	char	   *list;

	for (int i = 0; secret_words[i] != NULL; i++)
	{
		if (pg_strcasecmp(name, secret_words[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" is not allowed for a %s",
							name, catalog_word(catalog)),
					 errdetail("Such options can be read by every user of the database."),
					 errhint("Keep credentials in the table wfm_connections and name the row in the server option \"connection\".")));
	}

	valid = options_at(place_of(catalog), &list);
	nearest = wfm_nearest(name, valid);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\" for a %s", name, catalog_word(catalog)),
			 valid[0] == NULL ?
			 errhint("There are no valid options in this context.") :
			 nearest != NULL ?
			 errhint("Perhaps you meant the option \"%s\".", nearest) :
			 errhint("Valid options are: %s.", list)));
}

/* Complain about a value. */
pg_noreturn static void
bad_value(const char *name, const char *value, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
			 errhint("%s", wanted)));
}

/* Read a date written yyyy-mm-dd, whatever DateStyle says. */
static bool
parse_iso_date(const char *text, DateADT *date)
{
	int			year,
				month,
				day;
	char		rest;

	if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3)
		return false;
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		return false;
	*date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Cut the blanks off both ends, in place. */
static char *
trim(char *text)
{
	char	   *end;

	while (*text == ' ' || *text == '\t' || *text == '\n')
		text	  ++;
	end = text +strlen(text);

	while (end > text &&(end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n'))
		*--end = '\0';
	return text;
}

/*
 * Read "uuid=Label, uuid=Label" into a list of WfmTenant; a label may be left
 * out.  NIL if it is not such a list, or names a tenant twice.
 */
static List *
parse_tenants(const char *value)
{
	List	   *tenants = NIL;
	char	   *rest = pstrdup(value);
	char	   *entry;

	while ((entry = strsep(&rest, ",")) != NULL)
	{
		WfmTenant  *tenant = palloc0(sizeof(WfmTenant));
		char	   *label = strchr(entry, '=');
		ListCell   *lc;

		if (label != NULL)
		{
			*label++ = '\0';
			tenant->label = trim(label);
			if (tenant->label[0] == '\0')
				tenant->label = NULL;
		}
		tenant->id = trim(entry);
		if (strlen(tenant->id) != 36 ||
			strspn(tenant->id, "0123456789abcdefABCDEF-") != 36)
			return NIL;
		for (char *c = tenant->id; *c != '\0'; c++)
			*c = pg_tolower((unsigned char) *c);
		foreach(lc, tenants)
		{
			if (strcmp(((WfmTenant *) lfirst(lc))->id, tenant->id) == 0)
				return NIL;
		}
		tenants = lappend(tenants, tenant);
	}
	return tenants;
}

static void
check_value(const Option *option, const char *value)
{
	switch (option->kind)
	{
		case OPTION_NAME:
			if (value[0] == '\0')
				bad_value(option->name, value, "The value must not be empty.");
			break;
		case OPTION_UUID_TEXT:
			if (value[0] == '\0' || strlen(value) > 63 ||
				strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != strlen(value))
				bad_value(option->name, value,
						  "Give the tenant's UUID.");
			break;
		case OPTION_DATE:
			{
				DateADT		date;

				if (!parse_iso_date(value, &date))
					bad_value(option->name, value,
							  "Give a date as yyyy-mm-dd.");
				break;
			}
		case OPTION_BOOL:
			{
				bool		flag;

				if (!parse_bool(value, &flag))
					bad_value(option->name, value, "Give on or off.");
				break;
			}
		case OPTION_NUMBER:
			{
				double		number;

				if (!parse_real(value, &number, 0, NULL) || !(number >= 0))
					bad_value(option->name, value,
							  "Give a number that is not negative.");
				break;
			}
		case OPTION_WINDOW_COLUMN:
			if (value[0] != '\0')
				bad_value(option->name, value,
						  "Only the empty value is allowed: it says that the API's window does not test a column of the record.");
			break;
		case OPTION_FORMAT:
			if (strcmp(value, "xml") != 0 && strcmp(value, "json") != 0)
				bad_value(option->name, value, "Give xml or json.");
			break;
		case OPTION_TENANTS:
			if (strcmp(value, "*") != 0 && parse_tenants(value) == NIL)
				bad_value(option->name, value,
						  "Give * for all connected ones, or a list of uuid=label, separated by commas; the labels are what tenant_name shows.");
			break;
	}
}

void
wfm_options_validate(List *options, Oid catalog)
{
	ListCell   *lc;
	bool		has_connection = false;
	bool		has_resource = false;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const Option *option = NULL;

		for (int i = 0; i < (int) lengthof(option_table); i++)
		{
			if ((option_table[i].places & place_of(catalog)) != 0 &&
				strcmp(option_table[i].name, def->defname) == 0)
				option = &option_table[i];
		}
		if (option == NULL)
			unknown_option(def->defname, catalog);
		check_value(option, defGetString(def));
		if (strcmp(def->defname, "connection") == 0)
			has_connection = true;
		if (strcmp(def->defname, "resource") == 0)
			has_resource = true;
	}

	if (catalog == ForeignServerRelationId && !has_connection)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"connection\" is missing"),
				 errhint("Name a row of wfm_connections: OPTIONS (connection 'name').")));
	if (catalog == ForeignTableRelationId && !has_resource)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"resource\" is missing"),
				 errhint("Say what the table holds, for example OPTIONS (resource 'client').")));
}

/* Let a list of options set members; later lists override earlier ones. */
static void
apply_options(WfmOptions *result, List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		char	   *value = defGetString(def);

		if (strcmp(def->defname, "connection") == 0)
			result->connection = value;
		else if (strcmp(def->defname, "tenant_id") == 0)
			result->tenant_id = value;
		else if (strcmp(def->defname, "tenants") == 0)
		{
			result->all_tenants = strcmp(value, "*") == 0;
			result->tenants = result->all_tenants ? NIL : parse_tenants(value);
		}
		else if (strcmp(def->defname, "format") == 0)
			result->format_json = strcmp(value, "json") == 0;
		else if (strcmp(def->defname, "fields") == 0)
			(void) parse_bool(value, &result->select_fields);
		else if (strcmp(def->defname, "walk_parents") == 0)
			(void) parse_bool(value, &result->walk_parents);
		else if (strcmp(def->defname, "resource") == 0)
			result->resource = value;
		else if (strcmp(def->defname, "history_from") == 0)
			(void) parse_iso_date(value, &result->history_from);
		else if (strcmp(def->defname, "push_assumed") == 0)
			(void) parse_bool(value, &result->push_assumed);
		else if (strcmp(def->defname, "window_column") == 0)
			result->window_column_off = true;
		else if (strcmp(def->defname, "latency_ms") == 0)
			(void) parse_real(value, &result->latency_ms, 0, NULL);
		else if (strcmp(def->defname, "call_cost") == 0)
			(void) parse_real(value, &result->call_cost, 0, NULL);
	}
}

WfmOptions *
wfm_options_of_server(Oid serverid)
{
	ForeignServer *server = GetForeignServer(serverid);
	WfmOptions *result = palloc0(sizeof(WfmOptions));

	result->serverid = serverid;
	result->server_owner = server->owner;
	result->server_name = server->servername;
	(void) parse_iso_date(DEFAULT_HISTORY_FROM, &result->history_from);
	result->push_assumed = true;
	result->latency_ms = DEFAULT_LATENCY_MS;
	result->call_cost = DEFAULT_CALL_COST;
	apply_options(result, server->options);
	return result;
}

WfmOptions *
wfm_options_of_table(Oid relid)
{
	ForeignTable *table = GetForeignTable(relid);
	WfmOptions *result = wfm_options_of_server(table->serverid);

	apply_options(result, table->options);
	return result;
}

char *
wfm_options_field(Oid relid, AttrNumber attnum)
{
	List	   *options = GetForeignColumnOptions(relid, attnum);
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "field") == 0)
			return defGetString(def);
	}
	return NULL;
}
