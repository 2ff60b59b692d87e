/*
 * fetch/learnt.h
 *		Numbers that scans learn, for the scans and planners of all sessions.
 *
 * In shared memory, and over a clean restart in a file.  A number may be
 * forgotten at any time, when another needs its place: what is kept here must
 * be an estimate, or something that the API shows again.
 */
#ifndef WFM_FETCH_LEARNT_H
#define WFM_FETCH_LEARNT_H

/* What kind of fact a number is; part of its name. */
typedef enum WfmLearntKind
{
	WFM_LEARNT_ROW_COUNT,
	WFM_LEARNT_WINDOW_VERDICT,
	WFM_LEARNT_WINDOW_WIDTH
} WfmLearntKind;

/* Reserve and find the shared memory; called by the hooks of wfm_fdw.c. */
extern void wfm_learnt_shmem_request(void);
extern void wfm_learnt_shmem_startup(void);

/*
 * The name of a fact in this database, a hash: begun with its kind, then
 * added to.  A NULL text counts as an empty one.
 */
extern uint64 wfm_learnt_name(WfmLearntKind kind);
extern uint64 wfm_learnt_add_text(uint64 name, const char *text);
extern uint64 wfm_learnt_add_number(uint64 name, uint32 number);

/*
 * Keep the number of a fact.  Does nothing when the library was not
 * preloaded.
 */
extern void wfm_learnt_keep(uint64 name, uint32 number);

/* False: none is kept. */
extern bool wfm_learnt_recall(uint64 name, uint32 *number);

#endif							/* WFM_FETCH_LEARNT_H */
