/*
 * fetch/problem.h
 *		What went wrong with a request, and what to do about it.
 */
#ifndef WFM_FETCH_PROBLEM_H
#define WFM_FETCH_PROBLEM_H

#include "postgres.h"

#include "base/compat.h"
#include "decode/decoder.h"
#include "fetch/step.h"

/* An error kept until its rows' turn comes. */
typedef struct WfmProblem
{
	int			sqlstate;
	char	   *message;
	char	   *detail;
	char	   *hint;			/* NULL: none */
} WfmProblem;

/* What the answer to a request means. */
typedef enum WfmVerdict
{
	WFM_VERDICT_ROWS,			/* a body with records */
	WFM_VERDICT_NOTHING,		/* no such thing: zero rows */
	WFM_VERDICT_READ_LIST,		/* no such key, or one that cannot stand in a
								 * path: the list tells which */
	WFM_VERDICT_UNAUTHORIZED,	/* 401: perhaps a newer token helps */
	WFM_VERDICT_LIMITED,		/* 429: the limiter says when */
	WFM_VERDICT_RETRY,			/* passing fault */
	WFM_VERDICT_FAIL
} WfmVerdict;

/*
 * Judge an exchange that ended; says nothing about the body of a 200.
 * list_has_key: a list holds what the request's key would deliver.
 */
extern WfmVerdict wfm_judge_result(const WfmHttpResult *result,
								   bool list_has_key);

/* Can a failure below HTTP pass by itself? */
extern bool wfm_fault_may_pass(const WfmHttpResult *result);

/* Does a smaller window help against this fault? */
extern bool wfm_fault_is_size(const WfmHttpResult *result);

/* "Invalid ... identifier": the API's way to say that there is none. */
extern bool wfm_text_says_unknown_key(const char *text);

/*
 * Make the error for an exchange that failed for good.  api_text is what the
 * API said in the body, "" if nothing.  Allocated in context.
 */
extern WfmProblem *wfm_problem_of_result(const WfmStep *step,
										 const WfmFetchSpec *spec,
										 const WfmHttpResult *result,
										 const char *tenant,
										 const char *api_text,
										 MemoryContext context);

/* ... for an answer that could not be decoded. */
extern WfmProblem *wfm_problem_of_decoding(const WfmStep *step,
										   const WfmFetchSpec *spec,
										   const WfmHttpResult *result,
										   const char *tenant,
										   const WfmDecodeError *error,
										   MemoryContext context);

/* ... for Status ERROR in an answer, or content that is not an answer. */
extern WfmProblem *wfm_problem_of_status(const WfmStep *step,
										 const WfmFetchSpec *spec,
										 const WfmHttpResult *result,
										 const char *tenant,
										 const char *api_text,
										 MemoryContext context);

/* ... for pages of a list that do not fit together. */
extern WfmProblem *wfm_problem_of_pages(const WfmStep *step,
										const WfmFetchSpec *spec,
										const char *tenant,
										const char *words,
										MemoryContext context);

/* ... for a permit that was refused. */
extern WfmProblem *wfm_problem_of_permit(const WfmStep *step,
										 const WfmFetchSpec *spec,
										 const char *tenant,
										 const WfmPermitStatus *status,
										 MemoryContext context);

/* Raise it. */
pg_noreturn extern void wfm_problem_raise(const WfmProblem *problem);

#endif							/* WFM_FETCH_PROBLEM_H */
