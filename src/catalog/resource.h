/*
 * catalog/resource.h
 *		What the APIs offer, as constant tables: resources, their fields, the
 *		endpoints that deliver them, and the filters each endpoint takes.
 *
 * Pure data, no PostgreSQL header.  One resource is one foreign table.
 * Adding a resource or a field is adding rows here and nowhere else.
 */
#ifndef WFM_CATALOG_RESOURCE_H
#define WFM_CATALOG_RESOURCE_H

#include <stdbool.h>

#include "catalog/dialect.h"

/* The SQL type a field gets; see scan/convert.c for how text becomes it. */
typedef enum WfmType
{
	WFM_TYPE_TEXT,
	WFM_TYPE_UUID,
	WFM_TYPE_BOOLEAN,			/* Yes/No/true/false */
	WFM_TYPE_INTEGER,
	WFM_TYPE_NUMERIC,
	WFM_TYPE_DATE,				/* time part dropped */
	WFM_TYPE_TIMESTAMP,			/* without zone, as the tenant sees it */
	WFM_TYPE_TIMESTAMPTZ,		/* without a zone in the text: UTC */
	WFM_TYPE_TIME,				/* HH:mm */
	WFM_TYPE_JSONB
} WfmType;

/* Properties of a field. */
#define WFM_FIELD_NOT_NULL	(1 << 0)	/* its absence is an error */
#define WFM_FIELD_KEY		(1 << 1)	/* identifies a row */
#define WFM_FIELD_INPUT		(1 << 2)	/* a parameter, not in the record */
#define WFM_FIELD_DETAILED	(1 << 3)	/* delivered only with detailed=true
										 * or by a get */
#define WFM_FIELD_ORDINAL	(1 << 4)	/* position in its list, from 1; no
										 * path */
#define WFM_FIELD_PARENT	(1 << 5)	/* what the path of the request says;
										 * the record does not repeat it */
#define WFM_FIELD_NESTED	(1 << 6)	/* a list, as jsonb: import option
										 * "nested" */
#define WFM_FIELD_RAW		(1 << 7)	/* the whole record: import option
										 * "raw" */
#define WFM_FIELD_WHICH		(1 << 8)	/* not the value but the name of the
										 * alternative of the path that has
										 * one */
#define WFM_FIELD_COMMAS	(1 << 9)	/* a number with thousands commas */
#define WFM_FIELD_TENANT_ID	(1 << 10)	/* of the tenant, which no record
										 * holds */
#define WFM_FIELD_TENANT_NAME (1 << 11)

/* One column. */
typedef struct WfmField
{
	const char *name;			/* column name */
	const char *path;			/* where in the record, see decode/decoder.h;
								 * NULL for input columns */
	WfmType		type;
	unsigned	dialects;		/* WfmDialectBits; 0 = all of the resource's */
	unsigned	flags;
	const char *comment;
	int			scope;			/* which of the endpoint's scopes the path
								 * starts from; 0: the outermost */
	const char *child;			/* WFM_FIELD_NESTED: the table of the list */
	const char *include;		/* what the parameter "includes" has to name
								 * for it to come; NULL: it always does */
} WfmField;

/* Comparison that a filter stands for. */
typedef enum WfmFilterOp
{
	WFM_OP_EQUAL,				/* column = value, IN: one request a value */
	WFM_OP_SINCE,				/* column >= value (= alike, for input
								 * columns) */
	WFM_OP_WINDOW				/* a range of days: parameters from and to, or
								 * those that the filter names */
} WfmFilterOp;

/* Where the value goes. */
typedef enum WfmFilterPlace
{
	WFM_IN_PATH,				/* replaces {} in the endpoint's path */
	WFM_IN_QUERY,				/* parameter=value */
	WFM_WINDOW_FROM,			/* sets the first day of the window */
	WFM_WINDOW_TO				/* sets the last day of the window */
} WfmFilterPlace;

/* How the value is written. */
typedef enum WfmFilterFormat
{
	WFM_FORMAT_AS_TEXT,			/* the value's text, percent-encoded */
	WFM_FORMAT_DAY,				/* yyyyMMdd */
	WFM_FORMAT_UTC_SECOND,		/* yyyy-MM-ddTHH:mm:ss in UTC, rounded down */
	WFM_FORMAT_UTC_DAY_BEFORE,	/* the same, midnight of the day before: for
								 * servers that may take the day only, or not
								 * count the moment itself */
	WFM_FORMAT_ISO_DAY,			/* yyyy-MM-dd */
	WFM_FORMAT_ISO_DAY_BEFORE	/* yyyy-MM-dd of the day before, in UTC */
} WfmFilterFormat;

/*
 * What is known about the rows a filter lets through, compared with those
 * the SQL condition wants.  All conditions are checked again locally.
 */
typedef enum WfmGrade
{
	WFM_GRADE_EXACT,			/* just those */
	WFM_GRADE_SUPERSET,			/* those and perhaps others */
	WFM_GRADE_ASSUMED			/* probably those and perhaps others: not
								 * documented */
} WfmGrade;

typedef struct WfmFilter
{
	const char *column;
	WfmFilterOp op;
	WfmFilterPlace place;
	const char *parameter;		/* name in the query string */
	WfmFilterFormat format;
	WfmGrade	grade;
	bool		required;		/* the endpoint cannot be called without */
	const char *parent;			/* table whose keys it takes, if a full read
								 * is one call for each of them */
	const char *parent_column;	/* and the column that holds them */
	const char *until;			/* WFM_OP_WINDOW where a list takes days but
								 * needs none: parameter is the name of the
								 * first day's parameter, this of the last
								 * day's */
} WfmFilter;

/* How an endpoint spreads its records over several answers. */
typedef enum WfmPaging
{
	WFM_PAGING_NONE,			/* everything in one answer */
	WFM_PAGING_WINDOWS,			/* from and to are required and at most the
								 * dialect's widest window apart */
	WFM_PAGING_RECORDS,			/* page=N until Records says 0 */
	WFM_PAGING_PAGES,			/* page=N&pagesize=M; a total may be told, and
								 * some servers ignore both */
	WFM_PAGING_LINKS			/* the answer's Pagination/Links/Next */
} WfmPaging;

#define WFM_ENDPOINT_WHOLE		(1 << 0)	/* without filters it delivers the
											 * whole table */
#define WFM_ENDPOINT_SINGLE		(1 << 1)	/* a get: at most one record */
#define WFM_ENDPOINT_DETAILED	(1 << 2)	/* takes detailed=true */
#define WFM_ENDPOINT_ALWAYS_DETAILED (1 << 3)	/* its records lie in lists
												 * that only detailed=true
												 * brings */

#define WFM_MAX_FILTERS 4
#define WFM_MAX_SCOPES 3
#define WFM_MAX_LACKS 8
#define WFM_MAX_CHAINS 2

/* An order in which an endpoint can deliver its records. */
typedef struct WfmOrder
{
	const char *column;			/* of a type that orders alike everywhere: a
								 * moment; NULL ends the list */
	bool		descending;
	bool		moves;			/* what is changed meanwhile moves in it */
	const char *parameters;		/* sent instead of the endpoint's */
} WfmOrder;

/* One way to get records of a resource. */
typedef struct WfmEndpoint
{
	const char *path;			/* below the dialect's base; {} = key */
	unsigned	dialects;		/* 0 = all of the resource's */
	unsigned	flags;
	WfmPaging	paging;
	const char *scopes[WFM_MAX_SCOPES]; /* path to the records, see
										 * decode/decoder.h; NULL-terminated
										 * if shorter */
	WfmFilter	filters[WFM_MAX_FILTERS];	/* column NULL ends the list */
	const char *lacks[WFM_MAX_LACKS];	/* columns it does not deliver */
	const char *page_size;		/* WFM_PAGING_PAGES, LINKS: its parameter */
	int			records_a_page; /* and how many to ask for */
	const char *parameters;		/* always sent, "a=b&c=d" */
	const char *chains[WFM_MAX_CHAINS]; /* the whole table is several lists,
										 * each by one of these parameters */
	const WfmOrder *orders;		/* NULL: none that could be asked for */
	const char *except_path;	/* records in which this path, from the
								 * outermost scope, */
	const char *except_value;	/* holds this value are not the table's */
} WfmEndpoint;

/* One table. */
typedef struct WfmResource
{
	const char *name;
	const char *comment;
	unsigned	dialects;
	const WfmField *fields;		/* in column order, name NULL ends the list */
	const WfmEndpoint *endpoints;	/* path NULL ends the list */
	const char *window_column;	/* column whose date the window is assumed to
								 * test, NULL: the record does not hold it */
	double		typical_rows;	/* before anything is learnt */
	bool		costly;			/* one call for each parent: import option
								 * "all" */
} WfmResource;

extern const WfmResource *const wfm_resources[];
extern const int wfm_nresources;

/*
 * Find the dialect's resource by name, exact; NULL when it has none.  A name
 * may stand for several entries of wfm_resources, at most one a dialect.
 */
extern const WfmResource *wfm_resource_find(const char *name,
											const WfmDialect *dialect);

/*
 * Find a field that this dialect has, by column name; NULL when unknown.  Every
 * resource also has the columns that need no entry: raw, tenant_id, tenant_name.
 */
extern const WfmField *wfm_field_find(const WfmResource *resource,
									  const WfmDialect *dialect,
									  const char *name);

/* Has the dialect this resource, field, endpoint? */
extern bool wfm_resource_in(const WfmResource *resource,
							const WfmDialect *dialect);
extern bool wfm_field_in(const WfmField *field, const WfmDialect *dialect);
extern bool wfm_endpoint_in(const WfmEndpoint *endpoint,
							const WfmDialect *dialect);

/* Does the endpoint deliver this column? */
extern bool wfm_endpoint_delivers(const WfmEndpoint *endpoint,
								  const char *column);

/*
 * The endpoint that delivers the whole table on this dialect; NULL for tables
 * that can only be read by key.
 */
extern const WfmEndpoint *wfm_endpoint_whole(const WfmResource *resource,
											 const WfmDialect *dialect);

/* Find an endpoint of the dialect by its path; NULL when unknown. */
extern const WfmEndpoint *wfm_endpoint_find(const WfmResource *resource,
											const WfmDialect *dialect,
											const char *path);

/*
 * The endpoint that delivers the whole table by one call for each key of
 * another; *filter is the index of its filter that takes the key.  NULL if
 * there is none.
 */
extern const WfmEndpoint *wfm_endpoint_walk(const WfmResource *resource,
											const WfmDialect *dialect,
											int *filter);

/* How many filters, scopes it has. */
extern int	wfm_endpoint_nfilters(const WfmEndpoint *endpoint);
extern int	wfm_endpoint_nscopes(const WfmEndpoint *endpoint);

/* Name of a type as SQL writes it, and the word for a grade. */
extern const char *wfm_type_name(WfmType type);
extern const char *wfm_grade_name(WfmGrade grade);

#endif							/* WFM_CATALOG_RESOURCE_H */
