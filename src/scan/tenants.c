/*
 * scan/tenants.c
 *		Which tenants of the server option "tenants" a scan asks.
 *
 * A tenant is left out when a condition "tenant_id = x" or "tenant_name = x",
 * also with = ANY, cannot be true for it.  As all conditions, they are checked
 * again on each row.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "plan/plan.h"
#include "scan/tenants.h"

/* One condition. */
typedef struct TenantQual
{
	bool		on_id;			/* tenant_id, else tenant_name */
	bool		array;			/* = ANY */
	Oid			type;			/* of the value */
	ExprState  *value;
} TenantQual;

struct WfmTenantQuals
{
	List	   *quals;
};

/* The column a bare reference names, NULL if it is none of the tenant's. */
static const WfmColumn *
tenant_column(const WfmTable *table, Index relid, Node *node)
{
	Var		   *var;
	const WfmColumn *column;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var))
		return NULL;
	var = (Var *) node;
	if (var->varno != (int) relid || var->varlevelsup != 0 ||
		var->varattno <= 0 || var->varattno > table->natts)
		return NULL;
	column = table->columns[var->varattno - 1];
	if (column == NULL ||
		(column->flags & (WFM_FIELD_TENANT_ID | WFM_FIELD_TENANT_NAME)) == 0)
		return NULL;
	return column;
}

/* Does the expression refer to the scan's own table? */
static bool
refers_to(Node *node, Index relid)
{
	Bitmapset  *used = NULL;

	pull_varattnos(node, relid, &used);
	return !bms_is_empty(used);
}

/* Is it the equality of this type, under a deterministic collation? */
static bool
is_equality(Oid operator, Oid type, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	return operator == entry->eq_opr &&
		(!OidIsValid(collation) || get_collation_isdeterministic(collation));
}

/* Add a condition, if it is one. */
static void
add_qual(WfmTenantQuals *result, const WfmTable *table, Index relid,
		 Node *clause, PlanState *parent)
{
	List	   *args;
	Oid			operator;
	Oid			collation;
	bool		array = false;

	if (IsA(clause, OpExpr))
	{
		args = ((OpExpr *) clause)->args;
		operator = ((OpExpr *) clause)->opno;
		collation = ((OpExpr *) clause)->inputcollid;
	}
	else if (IsA(clause, ScalarArrayOpExpr) &&
			 ((ScalarArrayOpExpr *) clause)->useOr)
	{
		args = ((ScalarArrayOpExpr *) clause)->args;
		operator = ((ScalarArrayOpExpr *) clause)->opno;
		collation = ((ScalarArrayOpExpr *) clause)->inputcollid;
		array = true;
	}
	else
		return;
	if (list_length(args) != 2)
		return;

	for (int side = 0; side < (array ? 1 : 2); side++)
	{
		Node	   *reference = list_nth(args, side);
		Node	   *value = list_nth(args, 1 - side);
		const WfmColumn *column = tenant_column(table, relid, reference);
		TenantQual *qual;
		Oid			type;

		if (column == NULL || refers_to(value, relid) ||
			contain_volatile_functions(value))
			continue;
		type = array ? get_element_type(exprType(value)) : exprType(value);
		if ((type != TEXTOID && type != UUIDOID) ||
			type != exprType(reference) ||
			!is_equality(operator, type, collation))
			continue;
		qual = palloc0(sizeof(TenantQual));
		qual->on_id = (column->flags & WFM_FIELD_TENANT_ID) != 0;
		qual->array = array;
		qual->type = type;
		qual->value = ExecInitExpr((Expr *) value, parent);
		result->quals = lappend(result->quals, qual);
	}
}

WfmTenantQuals *
wfm_tenant_quals(const WfmTable *table, ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	WfmTenantQuals *result;
	ListCell   *lc;

	if (table->options->tenants == NIL && !table->options->all_tenants)
		return NULL;
	result = palloc0(sizeof(WfmTenantQuals));
	foreach(lc, plan->scan.plan.qual)
		add_qual(result, table, plan->scan.scanrelid, lfirst(lc), &node->ss.ps);
	return result;
}

bool
wfm_tenant_quals_vary(const WfmTenantQuals *quals)
{
	ListCell   *lc;

	foreach(lc, quals->quals)
	{
		if (wfm_has_exec_param((Node *) ((TenantQual *) lfirst(lc))->value->expr))
			return true;
	}
	return false;
}

/* Is this value the tenant's? */
static bool
value_is(const TenantQual *qual, const WfmTenant *tenant, Datum value)
{
	const char *own = qual->on_id ? tenant->id : tenant->label;
	Oid			function;
	bool		is_varlena;

	if (own == NULL)
		return false;
	getTypeOutputInfo(qual->type, &function, &is_varlena);
	return strcmp(own, OidOutputFunctionCall(function, value)) == 0;
}

static bool
qual_allows(const TenantQual *qual, const WfmTenant *tenant,
			ExprContext *econtext)
{
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(qual->value, econtext, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	if (isnull)
		return false;
	if (!qual->array)
		return value_is(qual, tenant, value);
	get_typlenbyvalalign(qual->type, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(value), qual->type, typlen, typbyval,
					  typalign, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i] && value_is(qual, tenant, elements[i]))
			return true;
	}
	return false;
}

List *
wfm_tenants_wanted(const WfmTable *table, const WfmTenantQuals *quals,
				   ExprContext *econtext)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, table->options->tenants)
	{
		const WfmTenant *tenant = lfirst(lc);
		bool		wanted = true;
		ListCell   *q;

		foreach(q, quals->quals)
		{
			if (!qual_allows(lfirst(q), tenant, econtext))
				wanted = false;
		}
		if (wanted)
			result = lappend(result, unconstify(WfmTenant *, tenant));
	}
	return result;
}
