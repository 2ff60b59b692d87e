/*
 * auth/credentials_json.h
 *		The file that wfm_import_credentials() reads.
 *
 * Pure C behind the JSON wall: jansson in the .c file, no PostgreSQL header,
 * nothing thrown.
 */
#ifndef WFM_AUTH_CREDENTIALS_JSON_H
#define WFM_AUTH_CREDENTIALS_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define WFM_CREDENTIALS_MAX (1024 * 1024)	/* bytes of the file */
#define WFM_CREDENTIALS_PROBLEM_LEN 200

/* A field of an object. */
typedef struct WfmCredential
{
	bool		given;			/* the object has the field */
	char	   *value;			/* malloc'd; NULL if the field is null */
} WfmCredential;

typedef struct WfmCredentialsList
{
	size_t		nobjects;
	size_t		ncolumns;
	WfmCredential *fields;		/* nobjects rows of ncolumns */
} WfmCredentialsList;

/*
 * Read an object or an array of objects whose fields are among columns:
 * strings, integers, or null.  False, with a problem that names object and
 * field but no value.  Free the list in any case.
 */
extern bool wfm_credentials_read(const char *content, size_t len,
								 const char *const *columns, size_t ncolumns,
								 WfmCredentialsList *list,
								 char problem[WFM_CREDENTIALS_PROBLEM_LEN]);

/* Cleanse and free. */
extern void wfm_credentials_free(WfmCredentialsList *list);

#endif							/* WFM_AUTH_CREDENTIALS_JSON_H */
