/*
 * plan/pushdown.c
 *		Which conditions of a query an endpoint can take over.
 *
 * Only conditions whose meaning is known are used: operators of the default
 * B-tree operator family of the column's type, compared under a
 * deterministic collation, with a value that neither depends on the table
 * nor changes during the scan.  All conditions are checked again locally, so
 * what is pushed need only never lose a row.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "plan/pushdown.h"

/* One condition taken apart. */
typedef struct Comparison
{
	AttrNumber	attnum;
	int			strategy;		/* BT*StrategyNumber */
	bool		array;			/* = ANY (value) */
	Expr	   *value;
	Oid			value_type;		/* element type for arrays */
} Comparison;

AttrNumber
wfm_column_reference(Node *node, Index relid)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node != NULL && IsA(node, Var) && ((Var *) node)->varno == (int) relid &&
		((Var *) node)->varlevelsup == 0)
		return ((Var *) node)->varattno;
	return 0;
}

/* The column under its relabelings. */
static Var *
bare_column(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return (Var *) node;
}

/* Is the value fixed during one scan? */
static bool
value_is_usable(Node *value, Index relid)
{
	return !bms_is_member(relid, pull_varnos(NULL, value)) &&
		!contain_volatile_functions(value) &&
		!contain_subplans(value);
}

/* Strategy of an operator in its left type's default family, 0 if none. */
static int
strategy_of(Oid operator, Node *left, Oid *right_type)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(exprType(left)),
											  TYPECACHE_BTREE_OPFAMILY);
	int			strategy;
	Oid			left_type;

	if (!OidIsValid(operator) || !OidIsValid(entry->btree_opf) ||
		!op_in_opfamily(operator, entry->btree_opf))
		return 0;
	get_op_opfamily_properties(operator, entry->btree_opf, false,
							   &strategy, &left_type, right_type);
	return strategy;
}

/* Take a condition apart; false if it is not a simple comparison. */
static bool
take_apart(Node *clause, Index relid, Comparison *result)
{
	Node	   *left;
	Node	   *right;
	Oid			operator;
	Oid			collation;

	if (IsA(clause, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) clause;

		if (list_length(op->args) != 2)
			return false;
		left = linitial(op->args);
		right = lsecond(op->args);
		operator = op->opno;
		collation = op->inputcollid;
		if (wfm_column_reference(left, relid) <= 0)
		{
			Node	   *swap = left;

			left = right;
			right = swap;
			operator = get_commutator(operator);
		}
		result->array = false;
	}
	else if (IsA(clause, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		if (!op->useOr)
			return false;
		left = linitial(op->args);
		right = lsecond(op->args);
		operator = op->opno;
		collation = op->inputcollid;
		result->array = true;
	}
	else
		return false;

	result->attnum = wfm_column_reference(left, relid);
	if (result->attnum <= 0 || !OidIsValid(operator) ||
		!value_is_usable(right, relid))
		return false;

	/*
	 * Seen as another type, such as citext or bpchar, more values are equal;
	 * not so seen as the type that its domain is over.
	 */
	if (IsA(left, RelabelType) && exprType(left) != TEXTOID &&
		exprType(left) != getBaseType(exprType((Node *) bare_column(left))))
		return false;
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return false;
	result->strategy = strategy_of(operator, left, &result->value_type);
	if (result->strategy == 0 ||
		(result->array && result->strategy != BTEqualStrategyNumber))
		return false;
	result->value = (Expr *) right;
	return true;
}

/*
 * column = a OR column = b as column = ANY (ARRAY[a, b]).  The server makes
 * this of it only from version 18 on.
 */
static bool
take_apart_or(BoolExpr *clause, Index relid, Comparison *result)
{
	ArrayExpr  *array = makeNode(ArrayExpr);
	ListCell   *lc;

	memset(result, 0, sizeof(*result));
	foreach(lc, clause->args)
	{
		Comparison	one;

		if (!take_apart(lfirst(lc), relid, &one) || one.array ||
			one.strategy != BTEqualStrategyNumber ||
			exprType((Node *) one.value) != one.value_type)
			return false;
		if (array->elements == NIL)
			*result = one;
		else if (one.attnum != result->attnum ||
				 one.value_type != result->value_type)
			return false;
		array->elements = lappend(array->elements, one.value);
	}

	array->element_typeid = result->value_type;
	array->array_typeid = get_array_type(result->value_type);
	array->array_collid = exprCollation((Node *) result->value);
	array->location = -1;
	if (!OidIsValid(array->array_typeid))
		return false;
	result->array = true;
	result->value = (Expr *) array;
	return true;
}

/* Take any condition apart that can become a filter. */
static bool
take_apart_any(Node *clause, Index relid, Comparison *result)
{
	if (IsA(clause, BoolExpr) && ((BoolExpr *) clause)->boolop == OR_EXPR)
		return take_apart_or((BoolExpr *) clause, relid, result);
	return take_apart(clause, relid, result);
}

/* May a column declared with this type stand for the filter's field? */
static bool
type_fits(const WfmColumn *column, const WfmFilter *filter)
{
	Oid			type = getBaseType(column->type);

	switch (filter->format)
	{
		case WFM_FORMAT_AS_TEXT:
			/* one value, one text: others may write the same value in two */
			return type == TEXTOID || type == VARCHAROID ||
				(type == UUIDOID && column->field_type == WFM_TYPE_UUID) ||
				(type == INT4OID && column->field_type == WFM_TYPE_INTEGER);
		case WFM_FORMAT_DAY:
		case WFM_FORMAT_ISO_DAY:
			return type == DATEOID;
		case WFM_FORMAT_UTC_SECOND:
		case WFM_FORMAT_UTC_DAY_BEFORE:
		case WFM_FORMAT_ISO_DAY_BEFORE:
			return type == TIMESTAMPTZOID;
	}
	return false;
}

/* The kind of push for a comparison with a filter, -1 if it does not fit. */
static int
push_kind(const Comparison *comparison, const WfmFilter *filter)
{
	bool		equal = comparison->strategy == BTEqualStrategyNumber;

	switch (filter->op)
	{
		case WFM_OP_EQUAL:
			if (!equal)
				return -1;
			/* answers to several values might hold the same records */
			if (comparison->array && filter->place == WFM_IN_QUERY &&
				filter->grade != WFM_GRADE_EXACT)
				return -1;
			break;
		case WFM_OP_SINCE:
			if (!equal && comparison->strategy != BTGreaterEqualStrategyNumber)
				return -1;
			/* answers to several values would hold the same records twice */
			if (comparison->array && filter->grade != WFM_GRADE_EXACT)
				return -1;
			break;
		case WFM_OP_WINDOW:
			if (comparison->array)
				return -1;
			break;
	}
	switch (filter->format)
	{
		case WFM_FORMAT_AS_TEXT:
			break;
		case WFM_FORMAT_DAY:
		case WFM_FORMAT_ISO_DAY:
			/* any of the date types; IN only with dates */
			if (comparison->value_type != DATEOID &&
				(comparison->array || filter->op == WFM_OP_EQUAL ||
				 (comparison->value_type != TIMESTAMPOID &&
				  comparison->value_type != TIMESTAMPTZOID)))
				return -1;
			break;
		case WFM_FORMAT_UTC_SECOND:
		case WFM_FORMAT_UTC_DAY_BEFORE:
		case WFM_FORMAT_ISO_DAY_BEFORE:
			if (comparison->value_type != TIMESTAMPTZOID)
				return -1;
			break;
	}

	if (comparison->array)
		return WFM_PUSH_ANY;
	switch (comparison->strategy)
	{
		case BTLessStrategyNumber:
			return WFM_PUSH_LESS;
		case BTLessEqualStrategyNumber:
			return WFM_PUSH_LESS_EQUAL;
		case BTEqualStrategyNumber:
			return WFM_PUSH_EQUAL;
		case BTGreaterEqualStrategyNumber:
			return WFM_PUSH_GREATER_EQUAL;
		case BTGreaterStrategyNumber:
			return WFM_PUSH_GREATER;
		default:
			return -1;
	}
}

/* Find the filter that a condition can become; false if there is none. */
static bool
match_clause(const WfmTable *table, Index relid, const WfmEndpoint *endpoint,
			 Node *clause, WfmPushed *result)
{
	Comparison	comparison;
	const WfmColumn *column;

	if (!take_apart_any(clause, relid, &comparison) ||
		comparison.attnum > table->natts)
		return false;
	column = table->columns[comparison.attnum - 1];
	/* what a user maps may have a filter's name, and other values */
	if (column == NULL || column->by_hand)
		return false;

	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		const WfmFilter *filter = &endpoint->filters[i];
		int			kind;

		if (strcmp(filter->column, column->name) != 0 ||
			!type_fits(column, filter))
			continue;
		if (filter->grade == WFM_GRADE_ASSUMED &&
			(!table->options->push_assumed ||
			 (filter->op == WFM_OP_WINDOW && table->options->window_column_off)))
			continue;
		kind = push_kind(&comparison, filter);
		if (kind < 0)
			continue;
		result->filter = i;
		result->kind = kind;
		result->value = comparison.value;
		return true;
	}
	return false;
}

Bitmapset *
wfm_input_columns(const WfmTable *table, Index relid, Node *node)
{
	List	   *vars = pull_var_clause(node,
									   PVC_RECURSE_AGGREGATES |
									   PVC_RECURSE_WINDOWFUNCS |
									   PVC_RECURSE_PLACEHOLDERS);
	Bitmapset  *result = NULL;
	ListCell   *lc;

	foreach(lc, vars)
	{
		AttrNumber	attnum = wfm_column_reference(lfirst(lc), relid);

		if (attnum > 0 && attnum <= table->natts &&
			table->columns[attnum - 1] != NULL &&
			(table->columns[attnum - 1]->flags & WFM_FIELD_INPUT) != 0)
			result = bms_add_member(result, attnum);
	}
	return result;
}

/* An input column of the table that the expression refers to, or NULL. */
static const WfmColumn *
input_column_in(const WfmTable *table, Index relid, Node *clause)
{
	int			attnum = bms_next_member(wfm_input_columns(table, relid, clause), -1);

	return attnum < 0 ? NULL : table->columns[attnum - 1];
}

static Node *
bare_clause(void *clause)
{
	return IsA(clause, RestrictInfo) ?
		(Node *) ((RestrictInfo *) clause)->clause : (Node *) clause;
}

List *
wfm_match_endpoint(const WfmTable *table, Index relid,
				   const WfmEndpoint *endpoint, List *clauses, bool *usable)
{
	List	   *result = NIL;
	ListCell   *lc;

	*usable = true;
	foreach(lc, clauses)
	{
		Node	   *clause = bare_clause(lfirst(lc));
		WfmPushed	match;

		if (match_clause(table, relid, endpoint, clause, &match))
		{
			WfmPushed  *pushed = palloc(sizeof(WfmPushed));

			*pushed = match;
			pushed->clause = foreach_current_index(lc);
			result = lappend(result, pushed);
		}
		else if (input_column_in(table, relid, clause) != NULL)
			*usable = false;
	}

	for (int i = 0; i < wfm_endpoint_nfilters(endpoint); i++)
	{
		bool		found = false;

		/* all keys of the parent table stand in for the one that is missing */
		if (!endpoint->filters[i].required ||
			(endpoint->filters[i].parent != NULL &&
			 table->options->walk_parents))
			continue;
		foreach(lc, result)
		{
			if (((WfmPushed *) lfirst(lc))->filter == i)
				found = true;
		}
		if (!found)
			*usable = false;
	}
	return result;
}

double
wfm_estimate_tenants(PlannerInfo *root, const WfmTable *table, Index relid,
					 List *clauses)
{
	double		tenants = Max(list_length(table->options->tenants), 1);
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Comparison	comparison;
		const WfmColumn *column;

		if (!take_apart_any(bare_clause(lfirst(lc)), relid, &comparison) ||
			comparison.strategy != BTEqualStrategyNumber ||
			comparison.attnum > table->natts)
			continue;
		column = table->columns[comparison.attnum - 1];
		if (column == NULL ||
			(column->flags & (WFM_FIELD_TENANT_ID | WFM_FIELD_TENANT_NAME)) == 0)
			continue;
		tenants = Min(tenants, !comparison.array ? 1 :
					  Max(1, wfm_estimate_array_length(root, (Node *) comparison.value)));
	}
	return tenants;
}

void
wfm_check_input_columns(const WfmTable *table, Index relid, List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Node	   *clause = bare_clause(lfirst(lc));
		const WfmColumn *column = input_column_in(table, relid, clause);
		bool		taken = false;

		if (column == NULL)
			continue;
		for (const WfmEndpoint *endpoint = table->resource->endpoints;
			 endpoint->path != NULL; endpoint++)
		{
			WfmPushed	match;

			if (wfm_endpoint_in(endpoint, table->dialect) &&
				match_clause(table, relid, endpoint, clause, &match))
				taken = true;
		}
		if (!taken)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot use column \"%s\" of foreign table \"%s\" in this condition",
							column->name, table->name),
					 errdetail("It is input only: a parameter of the API that no record holds."),
					 errhint("Compare it by \"=\"%s with a value that does not depend on the table.",
							 column->type == TIMESTAMPTZOID ? " or \">=\"" : "")));
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("no request of the API takes this combination of conditions on foreign table \"%s\"",
					table->name),
			 errdetail("Each condition on an input column is one parameter of one kind of request."),
			 errhint("Use the input columns in separate queries, without columns that such a request does not deliver.")));
}
