/*
 * fetch/pages.h
 *		What the pages of one list have in common.
 */
#ifndef WFM_FETCH_PAGES_H
#define WFM_FETCH_PAGES_H

#include "postgres.h"

/*
 * One list that comes in pages.  Shared by the steps that ask for them, and
 * freed with the last of those.
 */
typedef struct WfmPageList
{
	int			nsteps;			/* that share it */
	int			asked;			/* the last page there was a step for */
	int			read;			/* pages whose facts were taken in, in order */
	int			full;			/* of those, how many held as many as the
								 * first */
	int64		on_first;		/* outermost records of page 1 */
	int64		records;		/* ... of all pages read */
	int64		total;			/* that the API says there are; -1: unknown */
	bool		gap;			/* a page was empty or came again */
	int			empty;			/* pages without a record, one after another */
	int			stale;			/* pages of records that the page before held,
								 * one after another */
	char	   *first_key;		/* what page 1 began with */
	char	   *last_key;		/* what the page read last began with */
	char	   *mark;			/* what some page before began with, or the
								 * link that led there: to notice circles */
	int			next_mark;		/* the page that is marked next */
} WfmPageList;

/* For the step that asks for page 1. */
extern WfmPageList *wfm_pages_create(MemoryContext context);

/* Another step asks for a page of it, or one is done with. */
extern void wfm_pages_join(WfmPageList *pages, int page);
extern void wfm_pages_leave(WfmPageList *pages);

#endif							/* WFM_FETCH_PAGES_H */
