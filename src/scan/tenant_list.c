/*
 * scan/tenant_list.c
 *		The tenants that the server option tenants '*' stands for: all that are
 *		connected to the app and of the API's type, with the vendor's names.
 *
 * The vendor is asked by a session's first scan and again when what it said
 * is a minute old.  That request belongs to no tenant and counts against no
 * limit of one.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "auth/tenants.h"
#include "scan/tenants.h"

/* How long an answer is good for. */
#define LIST_MS 60000

/* What was asked last; servers of several connections are rare. */
typedef struct TenantList
{
	MemoryContext context;		/* holds all of it; NULL: nothing */
	char	   *connection;
	char	   *source;			/* where it was asked for */
	TimestampTz at;
	List	   *tenants;		/* of WfmTenant */
} TenantList;

static TenantList last_list;

static bool
is_fresh(const WfmConnection *connection)
{
	return last_list.context != NULL &&
		strcmp(last_list.connection, connection->name) == 0 &&
		strcmp(last_list.source, connection->connections_url != NULL ?
			   connection->connections_url : "") == 0 &&
		!TimestampDifferenceExceeds(last_list.at, GetCurrentTimestamp(), LIST_MS);
}

/* By id, so that rows come in the same order each time. */
static int
compare_ids(const ListCell *a, const ListCell *b)
{
	return strcmp(((WfmTenant *) lfirst(a))->id, ((WfmTenant *) lfirst(b))->id);
}

/* A tenant that was connected twice is one tenant. */
static bool
has_id(List *tenants, const char *id)
{
	ListCell   *lc;

	foreach(lc, tenants)
	{
		if (strcmp(((WfmTenant *) lfirst(lc))->id, id) == 0)
			return true;
	}
	return false;
}

/* Ask, and keep the answer. */
static void
ask(const WfmConnection *connection)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "wfm_fdw list of tenants",
												  ALLOCSET_SMALL_SIZES);
	WfmAccessToken token;
	List	   *connected;
	List	   *tenants = NIL;
	MemoryContext oldcontext;
	ListCell   *lc;

	wfm_token_get(connection, &token);
	connected = wfm_tenants_fetch(connection, &token);
	wfm_token_forget(&token);

	oldcontext = MemoryContextSwitchTo(context);
	foreach(lc, connected)
	{
		const WfmTenantInfo *info = lfirst(lc);
		WfmTenant  *tenant;
		char	   *id;

		if (!info->usable || info->tenant_id == NULL)
			continue;
		id = pstrdup(info->tenant_id);
		for (char *c = id; *c != '\0'; c++)
			*c = pg_ascii_tolower((unsigned char) *c);
		if (has_id(tenants, id))
			continue;
		tenant = palloc0(sizeof(WfmTenant));
		tenant->id = id;
		if (info->tenant_name != NULL && info->tenant_name[0] != '\0')
			tenant->label = pstrdup(info->tenant_name);
		tenants = lappend(tenants, tenant);
	}
	list_sort(tenants, compare_ids);
	if (tenants == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connection \"%s\" reaches no tenant for the API %s",
						connection->name, connection->dialect->name),
				 errdetail("The server's option tenants '*' asks for all of them."),
				 errhint("SELECT * FROM wfm_tenants(%s) lists what the consent reaches; a new consent may add to it.",
						 quote_literal_cstr(connection->name))));

	if (last_list.context != NULL)
		MemoryContextDelete(last_list.context);
	last_list.context = NULL;
	last_list.connection = pstrdup(connection->name);
	last_list.source = pstrdup(connection->connections_url != NULL ?
							   connection->connections_url : "");
	last_list.tenants = tenants;
	last_list.at = GetCurrentTimestamp();
	MemoryContextSwitchTo(oldcontext);
	MemoryContextSetParent(context, TopMemoryContext);
	last_list.context = context;
}

List *
wfm_tenants_connected(const WfmConnection *connection)
{
	List	   *copy = NIL;
	ListCell   *lc;

	if (!is_fresh(connection))
		ask(connection);
	foreach(lc, last_list.tenants)
	{
		const WfmTenant *tenant = lfirst(lc);
		WfmTenant  *own = palloc0(sizeof(WfmTenant));

		own->id = pstrdup(tenant->id);
		if (tenant->label != NULL)
			own->label = pstrdup(tenant->label);
		copy = lappend(copy, own);
	}
	return copy;
}
