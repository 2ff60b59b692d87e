/*
 * base/compat.h
 *		Differences between server versions: the only place that looks at
 *		PG_VERSION_NUM.  Each shim offers the newest form everywhere.
 */
#ifndef WFM_BASE_COMPAT_H
#define WFM_BASE_COMPAT_H

#include "postgres.h"

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "wfm_fdw needs PostgreSQL 15 or newer"
#endif

/*
 * 16: PGDLLEXPORT makes a symbol visible in a library compiled with
 * -fvisibility=hidden, and PG_FUNCTION_INFO_V1 declares its function so.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
const Pg_finfo_record * \
CppConcat(pg_finfo_, funcname) (void) \
{ \
	static const Pg_finfo_record my_finfo = {1}; \
	return &my_finfo; \
} \
extern int	no_such_variable
#endif

/* 18: pg_noreturn, before the declaration, took pg_attribute_noreturn's place. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 17: named wait events of extensions (WaitEventExtensionNew). */
#if PG_VERSION_NUM >= 170000
#define WFM_HAVE_NAMED_WAIT_EVENTS 1
#endif

/* 17: a whole transaction can have a time limit. */
#if PG_VERSION_NUM >= 170000
#define WFM_HAVE_TRANSACTION_TIMEOUT 1
#endif

/*
 * 17: CreateWaitEventSet takes a resource owner (NULL: freed by hand) in place
 * of a memory context.
 */
#if PG_VERSION_NUM >= 170000
#define wfm_create_wait_event_set(nevents) CreateWaitEventSet(NULL, (nevents))
#else
#define wfm_create_wait_event_set(nevents) \
	CreateWaitEventSet(TopMemoryContext, (nevents))
#endif

/* 17: a process knows its own number without its PGPROC. */
#if PG_VERSION_NUM >= 170000
#define wfm_my_proc_number() ((int) MyProcNumber)
#else
#define wfm_my_proc_number() (MyProc->pgprocno)
#endif

/*
 * create_foreignscan_path: 17 added fdw_restrictinfo, 18 disabled_nodes.  The
 * shim has neither: no path here carries its own restrictions or is disabled.
 */
#if PG_VERSION_NUM >= 180000
#define wfm_create_foreignscan_path(root, rel, target, rows, startup, total, \
									pathkeys, outer, outerpath, private) \
	create_foreignscan_path(root, rel, target, rows, 0, startup, total, \
							pathkeys, outer, outerpath, NIL, private)
#elif PG_VERSION_NUM >= 170000
#define wfm_create_foreignscan_path(root, rel, target, rows, startup, total, \
									pathkeys, outer, outerpath, private) \
	create_foreignscan_path(root, rel, target, rows, startup, total, \
							pathkeys, outer, outerpath, NIL, private)
#else
#define wfm_create_foreignscan_path(root, rel, target, rows, startup, total, \
									pathkeys, outer, outerpath, private) \
	create_foreignscan_path(root, rel, target, rows, startup, total, \
							pathkeys, outer, outerpath, private)
#endif

#if PG_VERSION_NUM >= 180000
#define wfm_create_foreign_upper_path(root, rel, target, rows, startup, total, \
									  pathkeys, outerpath, private) \
	create_foreign_upper_path(root, rel, target, rows, 0, startup, total, \
							  pathkeys, outerpath, NIL, private)
#elif PG_VERSION_NUM >= 170000
#define wfm_create_foreign_upper_path(root, rel, target, rows, startup, total, \
									  pathkeys, outerpath, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, \
							  pathkeys, outerpath, NIL, private)
#else
#define wfm_create_foreign_upper_path(root, rel, target, rows, startup, total, \
									  pathkeys, outerpath, private) \
	create_foreign_upper_path(root, rel, target, rows, startup, total, \
							  pathkeys, outerpath, private)
#endif

/* PathKey: 18 has a comparison in place of a B-tree strategy. */
#if PG_VERSION_NUM >= 180000
#define wfm_pathkey_is_descending(key) ((key)->pk_cmptype == COMPARE_GT)
#else
#define wfm_pathkey_is_descending(key) \
	((key)->pk_strategy == BTGreaterStrategyNumber)
#endif

/* 16: base relations of a foreign scan are apart from outer joins. */
#if PG_VERSION_NUM >= 160000
#define wfm_scan_base_relids(plan) ((plan)->fs_base_relids)
#else
#define wfm_scan_base_relids(plan) ((plan)->fs_relids)
#endif

/* estimate_array_length: 17 added the planner's root. */
#if PG_VERSION_NUM >= 170000
#define wfm_estimate_array_length(root, expr) estimate_array_length(root, expr)
#else
#define wfm_estimate_array_length(root, expr) estimate_array_length(expr)
#endif

/* EXPLAIN's helpers: 18 moved them out of commands/explain.h. */
#include "commands/explain.h"
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* ExecutorRun_hook: 18 dropped execute_once. */
#if PG_VERSION_NUM >= 180000
#define WFM_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count
#define WFM_EXECUTOR_RUN_ARGUMENTS query, direction, count
#else
#define WFM_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define WFM_EXECUTOR_RUN_ARGUMENTS query, direction, count, execute_once
#endif

#endif							/* WFM_BASE_COMPAT_H */
