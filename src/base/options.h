/*
 * base/options.h
 *		Options of servers, foreign tables and columns.
 *
 * Only syntax is judged here: whether a connection or a resource exists is
 * looked up when it is used, since pg_dump restores servers before rows.
 */
#ifndef WFM_BASE_OPTIONS_H
#define WFM_BASE_OPTIONS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/date.h"

#include "base/compat.h"

/* One entry of the server option "tenants". */
typedef struct WfmTenant
{
	char	   *id;				/* UUID in lower case */
	char	   *label;			/* what tenant_name shows; NULL: none */
} WfmTenant;

/* Options of a server, overridden by those of a foreign table. */
typedef struct WfmOptions
{
	Oid			serverid;
	Oid			server_owner;
	char	   *server_name;
	char	   *connection;		/* name in wfm_connections */
	char	   *tenant_id;		/* NULL: the connection's */
	List	   *tenants;		/* of WfmTenant; NIL: one tenant, or not yet
								 * known which */
	bool		all_tenants;	/* tenants '*': all that are connected */
	bool		format_json;	/* ask for JSON where the API has a choice */
	bool		select_fields;	/* ask only for the fields that are used */
	bool		walk_parents;	/* one call for each parent is all right */
	char	   *resource;		/* table only */
	DateADT		history_from;	/* first day of windowed lists */
	bool		window_column_off;	/* window_column '' */
	bool		push_assumed;	/* use filters graded "assumed" */
	double		latency_ms;		/* expected time of one call */
	double		call_cost;		/* planner's cost of one call */
} WfmOptions;

/* Where an option may stand. */
typedef enum WfmOptionPlace
{
	WFM_OPTION_SERVER = 1,
	WFM_OPTION_TABLE = 2,
	WFM_OPTION_COLUMN = 4,
	WFM_OPTION_IMPORT = 8
} WfmOptionPlace;

/* An option as it is told to users; constant texts. */
typedef struct WfmOptionInfo
{
	const char *name;			/* NULL: not an option of this place */
	const char *type;
	const char *default_value;	/* NULL: none */
	const char *description;
} WfmOptionInfo;

/* The index-th option there is, from 0; false behind the last. */
extern bool wfm_option_describe(int index, WfmOptionPlace place,
								WfmOptionInfo *info);

/* Read the options of a foreign table and its server. */
extern WfmOptions *wfm_options_of_table(Oid relid);

/* Read the options of a server. */
extern WfmOptions *wfm_options_of_server(Oid serverid);

/* The column option "field" (a path in the record); NULL when not set. */
extern char *wfm_options_field(Oid relid, AttrNumber attnum);

/*
 * Check options as CREATE and ALTER give them, for the catalog they belong
 * to (as in the validator's second argument).  ereports HV00D for an unknown
 * option, with the nearest valid one as HINT, and HV024 for a bad value.
 */
extern void wfm_options_validate(List *options, Oid catalog);

/* ereport HV00D for an option that IMPORT FOREIGN SCHEMA does not know. */
pg_noreturn extern void wfm_option_unknown_at_import(const char *name);

/*
 * The entry of a NULL-terminated list that is nearest to a mistyped word, or
 * NULL if none is near.
 */
extern const char *wfm_nearest(const char *word, const char *const *candidates);

#endif							/* WFM_BASE_OPTIONS_H */
