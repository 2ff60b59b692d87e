/*
 * auth/seal.h
 *		Secrets at rest: AES-256-GCM under a key from a file outside the
 *		database, bound to the place they stand in.
 *
 * A sealed value is text:
 *
 *		wfm1:<key id>:<base64 of nonce | ciphertext | tag>
 *
 * "wfm1" is the version of the format, the key id says which line of the key
 * file opens it.  The associated data are the version and key id, and the
 * value's place: database, connection, column and generation.  A value copied
 * to another row, column, generation or database does not open.
 *
 * Pure C over OpenSSL's EVP.  Nothing is thrown, keys and plain texts are
 * cleansed, OpenSSL's error queue is left as it was found.
 */
#ifndef WFM_AUTH_SEAL_H
#define WFM_AUTH_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/secret.h"

#define WFM_KEY_LEN			32
#define WFM_KEY_ID_MAX		32
#define WFM_KEYS_MAX		64
#define WFM_SEALED_MAX		(64 * 1024) /* longest plain text, in bytes */
#define WFM_SEAL_MESSAGE_LEN 120
#define WFM_FINGERPRINT_LEN 64

typedef struct WfmKey
{
	char		id[WFM_KEY_ID_MAX + 1]; /* [A-Za-z0-9_-]+ */
	unsigned char bytes[WFM_KEY_LEN];
} WfmKey;

/* Keys in the order of the file: oldest first, the last one seals. */
typedef struct WfmKeyRing
{
	int			count;
	WfmKey		keys[WFM_KEYS_MAX];
} WfmKeyRing;

/*
 * The key file: a line "id:base64key" for each key, newest last, so that
 * rotation appends.  Empty lines and lines that begin with '#' are skipped.
 * False, with a message that names the line but nothing of its content, if
 * the text is not entirely of that form, repeats an id or holds no key.
 */
extern bool wfm_key_ring_parse(const char *text, size_t len, WfmKeyRing *ring,
							   char message[WFM_SEAL_MESSAGE_LEN]);

/* Append the ring as the text of a key file. */
extern bool wfm_key_ring_format(const WfmKeyRing *ring, WfmSecret *text);

/*
 * Append a new random key; its id is derived from the key, so that equal ids
 * mean equal keys.  False if the ring is full or there is no randomness.
 */
extern bool wfm_key_ring_add(WfmKeyRing *ring);

/* NULL if there is none of this id. */
extern const WfmKey *wfm_key_ring_find(const WfmKeyRing *ring, const char *id);

extern void wfm_key_ring_cleanse(WfmKeyRing *ring);

/* The place a value stands in. */
typedef struct WfmSealPlace
{
	uint32_t	database;		/* OID */
	const char *connection;
	const char *column;
	uint64_t	generation;
} WfmSealPlace;

typedef enum WfmUnsealResult
{
	WFM_UNSEAL_OK,
	WFM_UNSEAL_MALFORMED,		/* not a sealed value, or cut */
	WFM_UNSEAL_UNKNOWN_KEY,		/* sealed under a key that is not in the ring */
	WFM_UNSEAL_MISMATCH,		/* changed, or it belongs to another place */
	WFM_UNSEAL_FAILED			/* out of memory, or OpenSSL failed */
} WfmUnsealResult;

/*
 * Append the sealed form of a plain text, under the ring's newest key.  False,
 * with nothing left in *sealed, if the ring is empty, the text too long, or
 * OpenSSL or memory fails.
 */
extern bool wfm_seal(const WfmKeyRing *ring, const WfmSealPlace *place,
					 const char *plain, size_t len, WfmSecret *sealed);

/* Append the plain text; on anything but OK nothing is left in it. */
extern WfmUnsealResult wfm_unseal(const WfmKeyRing *ring,
								  const WfmSealPlace *place,
								  const char *sealed, size_t len,
								  WfmSecret *plain);

/* Has the text exactly the form of a sealed value? */
extern bool wfm_is_sealed(const char *text, size_t len);

/* The key id of a sealed value; false if it is none. */
extern bool wfm_sealed_key_id(const char *text, size_t len,
							  char id[WFM_KEY_ID_MAX + 1]);

/*
 * A name for a grant that tells nothing about it: hex SHA-256 over client id
 * and the refresh token it was seeded with.  Two databases that hold the same
 * grant give the same fingerprint.
 */
extern bool wfm_grant_fingerprint(const char *client_id, const char *seed_token,
								  char fingerprint[WFM_FINGERPRINT_LEN + 1]);

/* What a result means, for a message: constant text. */
extern const char *wfm_unseal_result_text(WfmUnsealResult result);

#endif							/* WFM_AUTH_SEAL_H */
