/*
 * catalog/dialect.h
 *		The API dialects as constant tables: where they live, how they speak,
 *		what they allow.
 *
 * Pure data, no PostgreSQL header.  The facts are the vendors'; see the
 * comments in dialect.c for where each comes from.
 */
#ifndef WFM_CATALOG_DIALECT_H
#define WFM_CATALOG_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/decoder.h"

/* One bit each, so that a field or an endpoint can name several. */
typedef enum WfmDialectBit
{
	WFM_WORKFLOWMAX_3_0 = 1 << 0,
	WFM_PRACTICEMANAGER_3_0 = 1 << 1,
	WFM_PRACTICEMANAGER_3_1 = 1 << 2,
	WFM_BLUEROCK_1 = 1 << 3,
	WFM_BLUEROCK_2 = 1 << 4
} WfmDialectBit;

/* Whose OAuth server: decides client authentication and grace. */
typedef enum WfmIssuer
{
	WFM_ISSUER_XERO,
	WFM_ISSUER_BLUEROCK
} WfmIssuer;

typedef struct WfmDialect
{
	const char *name;			/* "practicemanager/3.1" */
	WfmDialectBit bit;
	WfmIssuer	issuer;
	WfmFormat	format;
	const char *json_header;	/* header that opts in to JSON where format is
								 * XML; NULL: there is no choice */
	bool		takes_fields;	/* the parameter "fields", by the
								 * specification's word alone */
	const char *api_url;		/* base of the data API, ends with '/' */
	const char *authorize_url;
	const char *token_url;
	const char *revocation_url; /* NULL: none known */
	const char *connections_url;	/* NULL: tenants come from the token */
	const char *scopes;			/* asked for by default, space-separated */
	const char *consent_prompt; /* value of prompt=, NULL: not sent */
	const char *tenant_header;	/* header that names the tenant */
	const char *tenant_type;	/* tenantType in /connections, NULL: no types */
	int			calls_per_minute;	/* per tenant and app */
	int			calls_per_day;
	int			concurrent_calls;
	int			app_calls_per_minute;	/* per app, all tenants; 0: none */
	int			widest_window_days; /* widest from-to this project asks for */
	const char *end_of_life;	/* ISO date the vendor turns it off, or NULL */
} WfmDialect;

extern const WfmDialect wfm_dialects[];
extern const int wfm_ndialects;

/* Find by name, exact; NULL when unknown. */
extern const WfmDialect *wfm_dialect_find(const char *name);

#endif							/* WFM_CATALOG_DIALECT_H */
