/*
 * plan/plan_data.h
 *		The plan as the planner hands it to the executor: plain Nodes.
 */
#ifndef WFM_PLAN_PLAN_DATA_H
#define WFM_PLAN_PLAN_DATA_H

/*
 * Slots of ForeignScan.fdw_private.  Options and the connection are not in
 * here: they are read again when the scan begins.  A plan without a relation
 * counts the rows of its table; its scan tuples are counts.
 */
typedef enum WfmPlanSlot
{
	WFM_PLAN_ENDPOINT,			/* String: path of the endpoint; empty: the
								 * plan must not run */
	WFM_PLAN_PUSHED,			/* List of IntLists: filter, WfmPushKind,
								 * index into fdw_exprs */
	WFM_PLAN_COLUMNS,			/* IntList: attribute numbers to deliver, or
								 * of the inputs that keep it from running */
	WFM_PLAN_LOCAL,				/* IntList: places in the plan's conditions of
								 * those that no filter stands for */
	WFM_PLAN_LAZY,				/* Integer: 1 if few rows may be wanted */
	WFM_PLAN_CALLS,				/* String: expected calls of one scan */
	WFM_PLAN_TENANTS,			/* Integer: how many tenants that asks */
	WFM_PLAN_PAGE_SIZE,			/* Integer: records a page, 0: the endpoint's */
	WFM_PLAN_ORDER				/* NIL, or that in which rows come: String of
								 * the parameters to send, Integer: attribute
								 * number, Integer: 1 if descending */
} WfmPlanSlot;

/* How a pushed condition compares the filter's column with its value. */
typedef enum WfmPushKind
{
	WFM_PUSH_EQUAL,
	WFM_PUSH_ANY,				/* the value is an array */
	WFM_PUSH_GREATER_EQUAL,
	WFM_PUSH_GREATER,
	WFM_PUSH_LESS_EQUAL,
	WFM_PUSH_LESS
} WfmPushKind;

#endif							/* WFM_PLAN_PLAN_DATA_H */
