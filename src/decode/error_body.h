/*
 * decode/error_body.h
 *		What an error answer says, in whichever of its formats it came.
 *
 * Pure C.  A body is hostile input: what comes out is safe for a message.
 */
#ifndef WFM_DECODE_ERROR_BODY_H
#define WFM_DECODE_ERROR_BODY_H

#include <stddef.h>

/*
 * Find the text meant for people in the body of an error answer and write it
 * to out (size bytes, NUL-terminated): UTF-8 on one line, without control
 * characters, shortened with "..." where it does not fit, and "[removed]" in
 * place of what may be an access token.  Returns its length, 0 when the body
 * says nothing.
 *
 * Understood, by content alone (the answers' content types do not help): a JSON
 * problem with its members in any letter case ("title: detail"),
 * {"errorDescription": ...} and the usual kin (message, error, errors), the XML
 * ERROR envelope, the title of an HTML page, plain text.
 */
extern size_t wfm_error_text(const char *body, size_t len, char *out, size_t size);

#endif							/* WFM_DECODE_ERROR_BODY_H */
