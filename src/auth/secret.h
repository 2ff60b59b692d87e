/*
 * auth/secret.h
 *		Text that must not outlive its use: a growing buffer that is cleansed
 *		whenever memory is given back.
 *
 * Pure C (malloc, OpenSSL's OPENSSL_cleanse).  Running out of memory is
 * sticky: appending to a failed buffer does nothing, and wfm_secret_ok() says
 * so at the end, so that builders need no check after each step.
 */
#ifndef WFM_AUTH_SECRET_H
#define WFM_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct WfmSecret
{
	char	   *text;			/* NUL-terminated; NULL while empty */
	size_t		len;			/* without the NUL */
	size_t		size;			/* allocated */
	bool		failed;			/* out of memory, or a builder refused */
} WfmSecret;

#define WFM_SECRET_EMPTY { NULL, 0, 0, false }

/*
 * Make room: appending up to len bytes does not run out of memory any more.
 * False, and from then on failed, without memory for it.
 */
extern bool wfm_secret_reserve(WfmSecret *secret, size_t len);

/* Append len bytes, or a C string. */
extern void wfm_secret_append(WfmSecret *secret, const char *bytes, size_t len);
extern void wfm_secret_append_text(WfmSecret *secret, const char *text);

/*
 * Append with everything but RFC 3986 unreserved characters percent-encoded
 * (a space becomes %20): right in a query and in a form body alike.
 */
extern void wfm_secret_append_encoded(WfmSecret *secret, const char *text);

/* Append in base64: standard alphabet with padding, or URL-safe without. */
extern void wfm_secret_append_base64(WfmSecret *secret,
									 const unsigned char *bytes, size_t len,
									 bool url_safe);

/*
 * Append what base64 text stands for.  Strict: wrong alphabet, whitespace,
 * wrong padding or non-zero spare bits set failed, so that one byte string
 * has exactly one text.
 */
extern void wfm_secret_append_decoded(WfmSecret *secret,
									  const char *text, size_t len,
									  bool url_safe);

/* Is everything that was appended in there?  Gives an empty secret a text. */
extern bool wfm_secret_ok(WfmSecret *secret);

/* Cleanse and free the text; the struct is then empty and may be used again. */
extern void wfm_secret_free(WfmSecret *secret);

/* Cleanse and free a malloc'd C string, and set *text to NULL. */
extern void wfm_text_free(char **text);

#endif							/* WFM_AUTH_SECRET_H */
