/*
 * base/compat.h
 *		Differences between server versions: the only place that looks at
 *		PG_VERSION_NUM.  Each shim offers the newest form everywhere.
 */
#ifndef WFM_BASE_COMPAT_H
#define WFM_BASE_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "wfm_fdw needs PostgreSQL 15 or newer"
#endif

/* 17: named wait events of extensions (WaitEventExtensionNew). */
#if PG_VERSION_NUM >= 170000
#define WFM_HAVE_NAMED_WAIT_EVENTS 1
#endif

#endif							/* WFM_BASE_COMPAT_H */
