/*
 * auth/seal.c
 *		Secrets at rest: AES-256-GCM under a key from a file.
 *
 * A nonce is 96 random bits.  NIST SP 800-38D allows 2^32 of those under one
 * key; a grant that is refreshed twice an hour seals a hundred thousand
 * values a year.
 */
#include "auth/seal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define VERSION "wfm1"
#define NONCE_LEN 12
#define TAG_LEN 16

/* Longest sealed text: version, key id, two colons, base64. */
#define SEALED_TEXT_MAX \
	(sizeof(VERSION) + WFM_KEY_ID_MAX + 1 + \
	 (NONCE_LEN + WFM_SEALED_MAX + TAG_LEN + 2) / 3 * 4)

/* ---- the key ring ---- */

static bool
is_key_id_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool
is_key_id(const char *text, size_t len)
{
	if (len == 0 || len > WFM_KEY_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (!is_key_id_char(text[i]))
			return false;
	}
	return true;
}

/* One line "id:base64key", without its line end; NULL, or what is wrong. */
static const char *
parse_key_line(const char *line, size_t len, WfmKeyRing *ring)
{
	const char *colon = memchr(line, ':', len);
	WfmSecret	bytes = WFM_SECRET_EMPTY;
	const char *fault = NULL;
	WfmKey	   *key;

	if (colon == NULL || !is_key_id(line, (size_t) (colon - line)))
		return "has no key id";
	if (ring->count == WFM_KEYS_MAX)
		return "is one key too many";
	key = &ring->keys[ring->count];
	memset(key, 0, sizeof(*key));
	memcpy(key->id, line, (size_t) (colon - line));
	if (wfm_key_ring_find(ring, key->id))
		return "repeats a key id";

	wfm_secret_append_decoded(&bytes, colon + 1,
							  len - (size_t) (colon + 1 - line), false);
	if (!wfm_secret_ok(&bytes) || bytes.len != WFM_KEY_LEN)
		fault = "does not hold 32 bytes in base64";
	else
	{
		memcpy(key->bytes, bytes.text, WFM_KEY_LEN);
		ring->count++;
	}
	wfm_secret_free(&bytes);
	return fault;
}

bool
wfm_key_ring_parse(const char *text, size_t len, WfmKeyRing *ring,
				   char message[WFM_SEAL_MESSAGE_LEN])
{
	const char *end = text +len;
	int			number = 0;

	memset(ring, 0, sizeof(*ring));
	message[0] = '\0';
	while (text <end)
	{
		const char *line = text;
		const char *newline = memchr(line, '\n', (size_t) (end - line));
		size_t		line_len = (size_t) ((newline ? newline : end) - line);
		const char *fault;

		text = newline ? newline + 1 : end;

		number++;
		if (line_len > 0 && line[line_len - 1] == '\r')
			line_len--;
		if (line_len == 0 || line[0] == '#')
			continue;
		fault = parse_key_line(line, line_len, ring);
		if (fault)
		{
			snprintf(message, WFM_SEAL_MESSAGE_LEN, "line %d %s", number, fault);
			wfm_key_ring_cleanse(ring);
			return false;
		}
	}
	if (ring->count == 0)
	{
		snprintf(message, WFM_SEAL_MESSAGE_LEN, "there is no key in it");
		return false;
	}
	return true;
}

bool
wfm_key_ring_format(const WfmKeyRing *ring, WfmSecret *text)
{
	for (int i = 0; i < ring->count; i++)
	{
		wfm_secret_append_text(text, ring->keys[i].id);
		wfm_secret_append(text, ":", 1);
		wfm_secret_append_base64(text, ring->keys[i].bytes, WFM_KEY_LEN, false);
		wfm_secret_append(text, "\n", 1);
	}
	return wfm_secret_ok(text);
}

/* SHA-256 in lower-case hex, the first `digits` of it. */
static bool
hex_digest(const void *bytes, size_t len, char *hex, size_t digits)
{
	static const char digit[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len = 0;
	bool		done;

	ERR_set_mark();
	done = EVP_Digest(bytes, len, digest, &digest_len, EVP_sha256(), NULL) == 1;
	ERR_pop_to_mark();
	if (!done)
		return false;
	for (size_t i = 0; i < digits; i++)
		hex[i] = digit[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
	hex[digits] = '\0';
	return true;
}

bool
wfm_key_ring_add(WfmKeyRing *ring)
{
	WfmKey	   *key;
	bool		done;

	if (ring->count == WFM_KEYS_MAX)
		return false;
	key = &ring->keys[ring->count];
	memset(key, 0, sizeof(*key));
	ERR_set_mark();
	done = RAND_priv_bytes(key->bytes, WFM_KEY_LEN) == 1;
	ERR_pop_to_mark();
	if (!done || !hex_digest(key->bytes, WFM_KEY_LEN, key->id, 16) ||
		wfm_key_ring_find(ring, key->id))
	{
		OPENSSL_cleanse(key, sizeof(*key));
		return false;
	}
	ring->count++;
	return true;
}

const WfmKey *
wfm_key_ring_find(const WfmKeyRing *ring, const char *id)
{
	for (int i = 0; i < ring->count; i++)
	{
		if (strcmp(ring->keys[i].id, id) == 0)
			return &ring->keys[i];
	}
	return NULL;
}

void
wfm_key_ring_cleanse(WfmKeyRing *ring)
{
	OPENSSL_cleanse(ring, sizeof(*ring));
}

/* ---- sealing ---- */

static void
append_number(WfmSecret *data, uint64_t number)
{
	char		bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char) (number >> (56 - 8 * i));
	wfm_secret_append(data, bytes, sizeof(bytes));
}

/* Length first, so that no two lists of texts give the same bytes. */
static void
append_field(WfmSecret *data, const char *text)
{
	append_number(data, strlen(text));
	wfm_secret_append_text(data, text);
}

static bool
associated_data(const WfmKey *key, const WfmSealPlace *place, WfmSecret *data)
{
	append_field(data, VERSION);
	append_field(data, key->id);
	append_number(data, place->database);
	append_field(data, place->connection);
	append_field(data, place->column);
	append_number(data, place->generation);
	return wfm_secret_ok(data);
}

/*
 * The whole of GCM in one direction.  `out` has room for len bytes.  OK,
 * FAILED or, when opening, MISMATCH: the tag says that a byte is not what was
 * sealed, or that it was sealed for another place.
 */
static WfmUnsealResult
gcm(bool sealing, const WfmKey *key, const unsigned char *nonce,
	const WfmSecret *associated, const unsigned char *in, size_t len,
	unsigned char *out, unsigned char *tag)
{
	EVP_CIPHER_CTX *context;
	int			n = 0;
	WfmUnsealResult result = WFM_UNSEAL_FAILED;

	ERR_set_mark();
	context = EVP_CIPHER_CTX_new();
	if (context != NULL &&
		EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce,
						  sealing) == 1 &&
		EVP_CipherUpdate(context, NULL, &n,
						 (const unsigned char *) associated->text,
						 (int) associated->len) == 1 &&
		EVP_CipherUpdate(context, out, &n, in, (int) len) == 1 &&
		(sealing ||
		 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1))
	{
		if (EVP_CipherFinal_ex(context, out + len, &n) != 1)
			result = sealing ? WFM_UNSEAL_FAILED : WFM_UNSEAL_MISMATCH;
		else if (!sealing ||
				 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1)
			result = WFM_UNSEAL_OK;
	}
	EVP_CIPHER_CTX_free(context);
	ERR_pop_to_mark();
	return result;
}

bool
wfm_seal(const WfmKeyRing *ring, const WfmSealPlace *place, const char *plain,
		 size_t len, WfmSecret *sealed)
{
	static const char room_for_tag[TAG_LEN];
	WfmSecret	associated = WFM_SECRET_EMPTY;
	WfmSecret	box = WFM_SECRET_EMPTY;
	unsigned char nonce[NONCE_LEN];
	unsigned char *bytes;
	const WfmKey *key;
	bool		done = false;

	if (ring->count == 0 || len > WFM_SEALED_MAX)
		return false;
	key = &ring->keys[ring->count - 1];
	ERR_set_mark();
	if (RAND_bytes(nonce, NONCE_LEN) == 1)
	{
		/* the plain text in the box is encrypted in place */
		wfm_secret_append(&box, (const char *) nonce, NONCE_LEN);
		wfm_secret_append(&box, plain, len);
		wfm_secret_append(&box, room_for_tag, TAG_LEN);
		done = associated_data(key, place, &associated) && wfm_secret_ok(&box);
	}
	ERR_pop_to_mark();
	if (done)
	{
		bytes = (unsigned char *) box.text;
		done = gcm(true, key, nonce, &associated, bytes + NONCE_LEN, len,
				   bytes + NONCE_LEN, bytes + NONCE_LEN + len) == WFM_UNSEAL_OK;
	}
	if (done)
	{
		wfm_secret_append_text(sealed, VERSION ":");
		wfm_secret_append_text(sealed, key->id);
		wfm_secret_append(sealed, ":", 1);
		wfm_secret_append_base64(sealed, (unsigned char *) box.text, box.len, false);
		done = wfm_secret_ok(sealed);
	}
	if (!done)
		wfm_secret_free(sealed);
	wfm_secret_free(&associated);
	wfm_secret_free(&box);
	return done;
}

/*
 * Take a sealed text apart: key id, and nonce | ciphertext | tag in *box.  OK,
 * MALFORMED or, without memory, FAILED.
 */
static WfmUnsealResult
open_text(const char *sealed, size_t len, char id[WFM_KEY_ID_MAX + 1],
		  WfmSecret *box)
{
	const char *start = sealed + sizeof(VERSION);
	const char *colon;

	if (len <= sizeof(VERSION) || len > SEALED_TEXT_MAX ||
		memcmp(sealed, VERSION ":", sizeof(VERSION)) != 0)
		return WFM_UNSEAL_MALFORMED;
	colon = memchr(start, ':', len - sizeof(VERSION));
	if (colon == NULL || !is_key_id(start, (size_t) (colon - start)))
		return WFM_UNSEAL_MALFORMED;
	memset(id, 0, WFM_KEY_ID_MAX + 1);
	memcpy(id, start, (size_t) (colon - start));
	/* Room for all of it first: what fails then is the text, not memory. */
	if (!wfm_secret_reserve(box, len))
		return WFM_UNSEAL_FAILED;
	wfm_secret_append_decoded(box, colon + 1,
							  len - (size_t) (colon + 1 - sealed), false);
	return wfm_secret_ok(box) && box->len >= NONCE_LEN + TAG_LEN ?
		WFM_UNSEAL_OK : WFM_UNSEAL_MALFORMED;
}

WfmUnsealResult
wfm_unseal(const WfmKeyRing *ring, const WfmSealPlace *place,
		   const char *sealed, size_t len, WfmSecret *plain)
{
	char		id[WFM_KEY_ID_MAX + 1];
	WfmSecret	associated = WFM_SECRET_EMPTY;
	WfmSecret	box = WFM_SECRET_EMPTY;
	WfmUnsealResult result = open_text(sealed, len, id, &box);
	const WfmKey *key = NULL;

	if (result == WFM_UNSEAL_OK && (key = wfm_key_ring_find(ring, id)) == NULL)
		result = WFM_UNSEAL_UNKNOWN_KEY;
	if (result == WFM_UNSEAL_OK && !associated_data(key, place, &associated))
		result = WFM_UNSEAL_FAILED;
	if (result == WFM_UNSEAL_OK)
	{
		unsigned char *bytes = (unsigned char *) box.text;
		size_t		text_len = box.len - NONCE_LEN - TAG_LEN;

		result = gcm(false, key, bytes, &associated, bytes + NONCE_LEN, text_len,
					 bytes + NONCE_LEN, bytes + NONCE_LEN + text_len);
		if (result == WFM_UNSEAL_OK)
		{
			wfm_secret_append(plain, box.text +NONCE_LEN, text_len);
			if (!wfm_secret_ok(plain))
				result = WFM_UNSEAL_FAILED;
		}
	}
	wfm_secret_free(&associated);
	wfm_secret_free(&box);
	if (result != WFM_UNSEAL_OK)
		wfm_secret_free(plain);
	return result;
}

bool
wfm_sealed_key_id(const char *text, size_t len, char id[WFM_KEY_ID_MAX + 1])
{
	WfmSecret	box = WFM_SECRET_EMPTY;
	bool		sealed = open_text(text, len, id, &box) == WFM_UNSEAL_OK;

	wfm_secret_free(&box);
	return sealed;
}

bool
wfm_is_sealed(const char *text, size_t len)
{
	char		id[WFM_KEY_ID_MAX + 1];

	return wfm_sealed_key_id(text, len, id);
}

bool
wfm_grant_fingerprint(const char *client_id, const char *seed_token,
					  char fingerprint[WFM_FINGERPRINT_LEN + 1])
{
	WfmSecret	data = WFM_SECRET_EMPTY;
	bool		done;

	append_field(&data, "wfm grant");
	append_field(&data, client_id);
	append_field(&data, seed_token);
	done = wfm_secret_ok(&data) &&
		hex_digest(data.text, data.len, fingerprint, WFM_FINGERPRINT_LEN);
	wfm_secret_free(&data);
	return done;
}

const char *
wfm_unseal_result_text(WfmUnsealResult result)
{
	switch (result)
	{
		case WFM_UNSEAL_OK:
			return "opened";
		case WFM_UNSEAL_MALFORMED:
			return "not a sealed value";
		case WFM_UNSEAL_UNKNOWN_KEY:
			return "sealed under a key that is not in the key file";
		case WFM_UNSEAL_MISMATCH:
			return "changed, or copied from another place";
		case WFM_UNSEAL_FAILED:
			break;
	}
	return "could not be opened";
}
