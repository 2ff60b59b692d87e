/*
 * fetch/table.h
 *		A foreign table resolved against its options, its connection and the
 *		catalogue.
 */
#ifndef WFM_FETCH_TABLE_H
#define WFM_FETCH_TABLE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "auth/connection.h"
#include "base/options.h"
#include "catalog/resource.h"

/* One column of the foreign table. */
typedef struct WfmColumn
{
	AttrNumber	attnum;
	const char *name;
	Oid			type;
	int32		typmod;
	bool		not_null;
	bool		by_hand;		/* mapped by the column option "field": the
								 * catalogue knows nothing of it */
	const char *path;			/* in the record; NULL for input columns */
	WfmType		field_type;		/* what the catalogue says */
	unsigned	flags;			/* WFM_FIELD_* */
	int			scope;			/* of the endpoint's scopes, the path's start;
								 * -1: the innermost */
	const char *child;			/* table whose columns a nested list has */
	const char *include;		/* what "includes" has to name, NULL: nothing */
} WfmColumn;

typedef struct WfmTable
{
	Oid			relid;
	const char *name;
	const char *sql_name;		/* qualified and quoted */
	const WfmOptions *options;
	const WfmConnection *connection;
	const WfmDialect *dialect;
	WfmFormat	format;			/* of the answers */
	const WfmResource *resource;
	int			natts;
	WfmColumn **columns;		/* by attribute number - 1; NULL if dropped */
} WfmTable;

/*
 * Resolve a foreign table, palloc'd in the current context.  ereports when
 * the connection is missing or not for this server's owner, or the resource
 * or a column is not what the API has.
 */
extern WfmTable *wfm_table_open(Oid relid);

/* The column of this name; NULL when the table has none. */
extern const WfmColumn *wfm_table_column(const WfmTable *table,
										 const char *name);

/*
 * First and last day that windowed lists are read for: from history_from to
 * 367 days ahead of today.
 */
extern void wfm_table_history(const WfmTable *table, DateADT *first,
							  DateADT *last);

/* Do windows of the table's lists test a column of its records? */
extern bool wfm_table_by_date(const WfmTable *table);

/*
 * The path in the record, or of a scope, as answers of this format have it:
 * practicemanager/3.1 names the same things differently in JSON.
 */
extern const char *wfm_path_in_format(const WfmDialect *dialect,
									  WfmFormat format, const char *path,
									  bool is_scope);

/* Append a name of the catalogue (one part of a path) as JSON writes it. */
extern void wfm_append_json_name(StringInfo out, const char *name, size_t len);

/* About how many keys the filter's parent table has. */
extern double wfm_table_parents(const WfmTable *table, const WfmFilter *filter);

/*
 * Complain, with the price, if the table can only be read by one call for each
 * key of another and nobody allowed that; else do nothing.
 */
extern void wfm_table_check_price(const WfmTable *table);

/* The SQL type the catalogue's type stands for. */
extern Oid	wfm_type_oid(WfmType type);

#endif							/* WFM_FETCH_TABLE_H */
