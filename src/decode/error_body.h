/*
 * decode/error_body.h
 *		The human words in the body of an error answer.
 *
 * Pure C; the body is hostile input.
 */
#ifndef WFM_DECODE_ERROR_BODY_H
#define WFM_DECODE_ERROR_BODY_H

#include <stddef.h>

/*
 * Find what the API says in a body of any of its error formats: a JSON
 * problem or error object, an XML answer with ErrorDescription, an HTML
 * page's title, or plain text.  The words are written to out, NUL-terminated
 * and cut to fit at a character's boundary, with control characters and white
 * space turned to single spaces; "" if there are none.
 */
extern void wfm_error_text(const char *body, size_t len, char *out,
						   size_t size);

#endif							/* WFM_DECODE_ERROR_BODY_H */
