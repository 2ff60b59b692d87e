/*
 * decode/whole.h
 *		Telling a whole answer from one that was cut, by its two ends.
 *
 * Pure C.
 */
#ifndef WFM_DECODE_WHOLE_H
#define WFM_DECODE_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "decode/decoder.h"

/*
 * Given the first and the last bytes of a body (which may overlap): does it
 * end with the end tag of its root element?  False means "cannot tell" (as
 * always with JSON): only decoding it all will.
 */
extern bool wfm_body_is_closed(WfmFormat format,
							   const char *head, size_t head_len,
							   const char *tail, size_t tail_len);

#endif							/* WFM_DECODE_WHOLE_H */
