/*
 * plan/pushdown.h
 *		Which conditions of a query an endpoint can take over.
 */
#ifndef WFM_PLAN_PUSHDOWN_H
#define WFM_PLAN_PUSHDOWN_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "fetch/table.h"
#include "plan/plan_data.h"

/* One condition that a filter of the endpoint stands for. */
typedef struct WfmPushed
{
	int			filter;			/* index into the endpoint's filters */
	WfmPushKind kind;
	Expr	   *value;			/* without references to the table */
	int			clause;			/* place in the list of conditions */
} WfmPushed;

/*
 * Match conditions (RestrictInfos or bare clauses) with an endpoint's
 * filters.  Returns a list of WfmPushed.  *usable says whether the endpoint
 * can be called with those: every required filter has a value, and every
 * condition on an input column is taken over.
 */
extern List *wfm_match_endpoint(const WfmTable *table, Index relid,
								const WfmEndpoint *endpoint, List *clauses,
								bool *usable);

/*
 * About how many of the table's tenants satisfy the conditions: 1 when the
 * server has one.
 */
extern double wfm_estimate_tenants(PlannerInfo *root, const WfmTable *table,
								   Index relid, List *clauses);

/*
 * Complain about the condition on an input column that no endpoint takes, if
 * there is one.
 */
extern void wfm_check_input_columns(const WfmTable *table, Index relid,
									List *clauses);

/* Attribute numbers of the input columns that an expression refers to. */
extern Bitmapset *wfm_input_columns(const WfmTable *table, Index relid, Node *node);

/* The attribute number that a simple column reference names, else 0. */
extern AttrNumber wfm_column_reference(Node *node, Index relid);

#endif							/* WFM_PLAN_PUSHDOWN_H */
