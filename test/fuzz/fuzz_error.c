/*
 * fuzz_error.c
 *		Any bytes as the body of an error answer: what is found in them is one
 *		printable line of UTF-8 that fits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode/error_body.h"
#include "decode/internal.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		room;
	char	   *out;
	size_t		len,
				i;
	WfmUtf8		utf8 = {0};

	if (size == 0)
		return 0;
	room = 1 + data[0];
	out = malloc(room);
	len = wfm_error_text((const char *) data + 1, size - 1, out, room);
	if (len >= room || strlen(out) != len)
		abort();
	if (wfm_utf8_check(&utf8, out, len) != len || utf8.missing > 0)
		abort();
	for (i = 0; i < len; i++)
		if ((unsigned char) out[i] < 0x20 || out[i] == 0x7F)
			abort();
	free(out);
	return 0;
}
