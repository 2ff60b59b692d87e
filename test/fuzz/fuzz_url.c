/*
 * fuzz_url.c
 *		Any bytes as a value for a URL, and as a URL: an encoded value stays
 *		one segment and decodes to what it was.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t		len = wfm_url_encode((const char *) data, size, NULL, 0);
	char	   *out = malloc(len + 1);
	char	   *url = malloc(size + 1);
	size_t		i,
				n = 0;
	WfmUrlParts parts;
	const char *why = NULL;

	if (len > 3 * size || wfm_url_encode((const char *) data, size, out, len + 1) != len ||
		out[len] != '\0' || strlen(out) != len)
		abort();
	for (i = 0; i < len; i++, n++)
	{
		unsigned	code;

		if (out[i] == '%')
		{
			char		hex[3] = {out[i + 1], out[i + 2], '\0'};

			code = strtoul(hex, NULL, 16);
			i += 2;
		}
		else
		{
			if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", out[i]))
				abort();
			code = (unsigned char) out[i];
		}
		if (n >= size || code != data[n])
			abort();
	}
	if (n != size)
		abort();
	(void) wfm_url_segment_is_unsafe((const char *) data, size);

	memcpy(url, data, size);
	url[size] = '\0';
	if (wfm_url_parse(url, &parts, &why))
	{
		if (parts.host[0] == '\0' || parts.port < 1 || parts.port > 65535 ||
			parts.path < url || parts.path > url + size ||
			(*parts.path != '/' && *parts.path != '\0' && *parts.path != '?'))
			abort();
		for (i = 0; url[i]; i++)
			if ((unsigned char) url[i] <= 0x20 || url[i] == 0x7F)
				abort();
	}
	else if (why == NULL || *why == '\0')
		abort();
	free(out);
	free(url);
	return 0;
}
