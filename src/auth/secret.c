/*
 * auth/secret.c
 *		Text that must not outlive its use.
 */
#include "auth/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "http/url.h"

static const char base64_standard[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] =
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * With room for a NUL.  realloc() would leave a copy of the text behind, so
 * the old memory is cleansed here.
 */
bool
wfm_secret_reserve(WfmSecret *secret, size_t len)
{
	size_t		size = secret->size ? secret->size : 64;
	char	   *text;

	if (secret->failed)
		return false;
	if (len >= SIZE_MAX / 2 - secret->len)
	{
		secret->failed = true;
		return false;
	}
	if (secret->len + len < secret->size)
		return true;
	while (size <= secret->len + len)
		size *= 2;
	text = malloc(size);

	if (text == NULL)
	{
		secret->failed = true;
		return false;
	}
	if (secret->text)
	{
		memcpy(text, secret->text, secret->len + 1);
		OPENSSL_cleanse(secret->text, secret->size);
		free(secret->text);
	}
	else
		text[		0] = '\0';
	secret->text = text;

	secret->size = size;
	return true;
}

void
wfm_secret_append(WfmSecret *secret, const char *bytes, size_t len)
{
	if (!wfm_secret_reserve(secret, len))
		return;
	memcpy(secret->text +secret->len, bytes, len);
	secret->len += len;
	secret->text[secret->len] = '\0';
}

void
wfm_secret_append_text(WfmSecret *secret, const char *text)
{
	wfm_secret_append(secret, text, strlen(text));
}

void
wfm_secret_append_encoded(WfmSecret *secret, const char *text)
{
	size_t		len = strlen(text);
	size_t		encoded = wfm_url_encode(text, len, NULL, 0);

	if (!wfm_secret_reserve(secret, encoded))
		return;
	wfm_url_encode(text, len, secret->text +secret->len, encoded + 1);
	secret->len += encoded;
}

void
wfm_secret_append_base64(WfmSecret *secret, const unsigned char *bytes,
						 size_t len, bool url_safe)
{
	const char *alphabet = url_safe ? base64_url : base64_standard;

	for (size_t i = 0; i < len; i += 3)
	{
		size_t		n = len - i < 3 ? len - i : 3;
		uint32_t	group = (uint32_t) bytes[i] << 16;
		char		out[4];

		if (n > 1)
			group |= (uint32_t) bytes[i + 1] << 8;
		if (n > 2)
			group |= bytes[i + 2];
		out[0] = alphabet[group >> 18];
		out[1] = alphabet[(group >> 12) & 63];
		out[2] = n > 1 ? alphabet[(group >> 6) & 63] : '=';
		out[3] = n > 2 ? alphabet[group & 63] : '=';
		wfm_secret_append(secret, out, url_safe ? n + 1 : 4);
	}
}

/* The value of a base64 character, -1 if it is none. */
static int
base64_value(char c, bool url_safe)
{
	const char *alphabet = url_safe ? base64_url : base64_standard;
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int) (at - alphabet) : -1;
}

void
wfm_secret_append_decoded(WfmSecret *secret, const char *text, size_t len,
						  bool url_safe)
{
	if (!url_safe)
	{
		/* whole groups, the last one padded */
		if (len % 4 != 0)
			secret->failed = true;
		else if (len > 0 && text[len - 1] == '=')
			len -= text[len - 2] == '=' ? 2 : 1;
	}
	if (len % 4 == 1)
		secret->failed = true;

	for (size_t i = 0; i < len && !secret->failed; i += 4)
	{
		size_t		n = len - i < 4 ? len - i : 4;
		uint32_t	group = 0;
		char		out[3];

		for (size_t j = 0; j < 4; j++)
		{
			int			value = j < n ? base64_value(text[i + j], url_safe) : 0;

			if (value < 0)
				secret->failed = true;
			group = group << 6 | (uint32_t) (value & 63);
		}
		/* bits that no byte takes must be zero: one text for one value */
		if ((n == 2 && (group & 0xffff)) || (n == 3 && (group & 0xff)))
			secret->failed = true;
		out[0] = (char) (group >> 16);
		out[1] = (char) (group >> 8);
		out[2] = (char) group;
		wfm_secret_append(secret, out, n - 1);
		OPENSSL_cleanse(out, sizeof(out));
		OPENSSL_cleanse(&group, sizeof(group));
	}
}

bool
wfm_secret_ok(WfmSecret *secret)
{
	return wfm_secret_reserve(secret, 0);
}

void
wfm_secret_free(WfmSecret *secret)
{
	if (secret->text)
	{
		OPENSSL_cleanse(secret->text, secret->size);
		free(secret->text);
	}
	memset(secret, 0, sizeof(*secret));
}

void
wfm_text_free(char **text)
{
	if (*text)
	{
		OPENSSL_cleanse(*text, strlen(*text));
		free(*text);
	}
	*text = NULL;
}
