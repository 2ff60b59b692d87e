/*
 * decode/utf8.c
 *		Checks that a body is UTF-8 without NUL, across slices.
 *
 * The parsers behind this see only what passed: libxml2 2.9 writes encoding
 * errors to stderr and handles a character cut in two badly, and PostgreSQL
 * takes neither NUL nor broken characters.
 */
#include "decode/internal.h"

#define ONES	UINT64_C(0x0101010101010101)
#define HIGHS	UINT64_C(0x8080808080808080)

/* Are all eight bytes ASCII and not NUL? */
static inline bool
plain_word(uint64_t w)
{
	/* With no byte above 127, w - ONES borrows exactly where one is 0. */
	return ((w | (w - ONES)) & HIGHS) == 0;
}

size_t
wfm_utf8_check(WfmUtf8 *state, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *) data;
	const unsigned char *end = p + len;

	while (p < end)
	{
		unsigned char c = *p;

		if (state->missing == 0)
		{
			uint64_t	w[2];

			while (end - p >= 16)
			{
				memcpy(w, p, 16);
				if (!plain_word(w[0]) || !plain_word(w[1]))
					break;
				p += 16;
			}
			if (p == end)
				break;
			c = *p;
			if (c != 0 && c < 0x80)
			{
				p++;
				continue;
			}
			/* RFC 3629, section 4: the first byte rules the second. */
			state->low = 0x80;
			state->high = 0xBF;
			if (c >= 0xC2 && c <= 0xDF)
				state->missing = 1;
			else if (c >= 0xE0 && c <= 0xEF)
			{
				state->missing = 2;
				if (c == 0xE0)
					state->low = 0xA0;
				else if (c == 0xED)
					state->high = 0x9F;
			}
			else if (c >= 0xF0 && c <= 0xF4)
			{
				state->missing = 3;
				if (c == 0xF0)
					state->low = 0x90;
				else if (c == 0xF4)
					state->high = 0x8F;
			}
			else
				break;
			state->seen = 1;
			p++;
		}
		else
		{
			if (c < state->low || c > state->high)
				break;
			state->low = 0x80;
			state->high = 0xBF;
			state->missing--;
			state->seen++;
			p++;
		}
	}
	return p - (const unsigned char *) data;
}

int
wfm_utf8_encode(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = 0xC0 | code >> 6;
		out[1] = 0x80 | (code & 0x3F);
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = 0xE0 | code >> 12;
		out[1] = 0x80 | (code >> 6 & 0x3F);
		out[2] = 0x80 | (code & 0x3F);
		return 3;
	}
	out[0] = 0xF0 | code >> 18;
	out[1] = 0x80 | (code >> 12 & 0x3F);
	out[2] = 0x80 | (code >> 6 & 0x3F);
	out[3] = 0x80 | (code & 0x3F);
	return 4;
}
