/*
 * test_seal.c
 *		Sealing: what comes back, and that nothing changed, cut or moved does.
 */
#include <stdlib.h>

#include <openssl/err.h>

#include "auth/seal.h"
#include "tap.h"

static const char secret[] = "kD9-refresh-token_~value+with/every=kind";

static WfmSealPlace
place(uint32_t database, const char *connection, const char *column,
	  uint64_t generation)
{
	WfmSealPlace where = {database, connection, column, generation};

	return where;
}

static WfmUnsealResult
open_at(const WfmKeyRing *ring, WfmSealPlace where, const char *sealed,
		size_t len)
{
	WfmSecret	plain = WFM_SECRET_EMPTY;
	WfmUnsealResult result = wfm_unseal(ring, &where, sealed, len, &plain);

	if (result != WFM_UNSEAL_OK && plain.text !=NULL)
		result = WFM_UNSEAL_OK; /* left something behind: as bad as opening */
	wfm_secret_free(&plain);
	return result;
}

static void
test_round_trip(const WfmKeyRing *ring)
{
	WfmSealPlace here = place(16384, "acme", "refresh_token", 7);
	static const size_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 4096, WFM_SEALED_MAX};
	char	   *text = malloc(WFM_SEALED_MAX + 1);
	bool		same = true;
	WfmSecret	first = WFM_SECRET_EMPTY;
	WfmSecret	second = WFM_SECRET_EMPTY;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
	{
		WfmSecret	sealed = WFM_SECRET_EMPTY;
		WfmSecret	plain = WFM_SECRET_EMPTY;

		for (size_t j = 0; j < lengths[i]; j++)
			text[		j] = (char) (j * 31 + i);

		same = same && wfm_seal(ring, &here, text, lengths[i], &sealed) &&
			wfm_is_sealed(sealed.text, sealed.len) &&
			wfm_unseal(ring, &here, sealed.text, sealed.len, &plain) == WFM_UNSEAL_OK &&
			plain.len == lengths[i] && memcmp(plain.text, text, plain.len) == 0;
		wfm_secret_free(&sealed);
		wfm_secret_free(&plain);
	}
	ok(same, "texts of 0 bytes to 64 KiB come back");
	ok(!wfm_seal(ring, &here, text, WFM_SEALED_MAX + 1, &first) && first.text == NULL,
	   "a longer text is refused");
	first.failed = false;
	ok(wfm_seal(ring, &here, secret, strlen(secret), &first) &&
	   wfm_seal(ring, &here, secret, strlen(secret), &second) &&
	   strcmp(first.text, second.text) != 0,
	   "the same text is never sealed to the same value twice");
	ok(strstr(first.text, secret) == NULL && strncmp(first.text, "wfm1:", 5) == 0,
	   "a sealed value says its version and hides the text");
	wfm_secret_free(&first);
	wfm_secret_free(&second);
	free(text);
}

static void
test_tampering(const WfmKeyRing *ring)
{
	WfmSealPlace here = place(16384, "acme", "refresh_token", 7);
	WfmSecret	sealed = WFM_SECRET_EMPTY;
	int			opened = 0;
	int			tried = 0;
	char	   *copy;

	ok(wfm_seal(ring, &here, secret, strlen(secret), &sealed), "sealed");
	copy = malloc(sealed.len + 2);

	for (size_t i = 0; i < sealed.len; i++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			memcpy(copy, sealed.text, sealed.len + 1);
			copy[i] ^= (char) (1 << bit);
			opened += open_at(ring, here, copy, sealed.len) == WFM_UNSEAL_OK;
			tried++;
		}
	}
	is_int(opened, 0, "no flipped bit goes unnoticed");
	is_int(tried, (int64_t) sealed.len * 8, "every bit was flipped");

	opened = 0;
	for (size_t len = 0; len < sealed.len; len++)
		opened += open_at(ring, here, sealed.text, len) == WFM_UNSEAL_OK;
	is_int(opened, 0, "no cut goes unnoticed");

	opened = 0;
	for (size_t i = 0; i <= sealed.len; i++)
	{
		memcpy(copy, sealed.text, i);
		copy[i] = 'A';
		memcpy(copy + i + 1, sealed.text +i, sealed.len - i + 1);
		opened += open_at(ring, here, copy, sealed.len + 1) == WFM_UNSEAL_OK;
	}
	is_int(opened, 0, "no added character goes unnoticed");
	free(copy);
	wfm_secret_free(&sealed);
}

/* A value copied to another row, column, generation or database. */
static void
test_moving(const WfmKeyRing *ring)
{
	WfmSealPlace here = place(16384, "acme", "refresh_token", 7);
	WfmSecret	sealed = WFM_SECRET_EMPTY;

	wfm_seal(ring, &here, secret, strlen(secret), &sealed);
	is_int(open_at(ring, here, sealed.text, sealed.len), WFM_UNSEAL_OK,
		   "opens in its place");
	is_int(open_at(ring, place(16385, "acme", "refresh_token", 7), sealed.text, sealed.len),
		   WFM_UNSEAL_MISMATCH, "not in another database");
	is_int(open_at(ring, place(16384, "acme2", "refresh_token", 7), sealed.text, sealed.len),
		   WFM_UNSEAL_MISMATCH, "not in another connection's row");
	is_int(open_at(ring, place(16384, "acme", "access_token", 7), sealed.text, sealed.len),
		   WFM_UNSEAL_MISMATCH, "not in another column");
	is_int(open_at(ring, place(16384, "acme", "refresh_token", 6), sealed.text, sealed.len),
		   WFM_UNSEAL_MISMATCH, "not in an older generation");
	is_int(open_at(ring, place(16384, "acmerefresh", "_token", 7), sealed.text, sealed.len),
		   WFM_UNSEAL_MISMATCH, "the border between two names counts");
	wfm_secret_free(&sealed);
}

static void
test_keys(void)
{
	WfmSealPlace here = place(1, "c", "x", 1);
	WfmKeyRing	ring = {0};
	WfmKeyRing	other = {0};
	WfmKeyRing	again;
	WfmSecret	old_value = WFM_SECRET_EMPTY;
	WfmSecret	new_value = WFM_SECRET_EMPTY;
	WfmSecret	file = WFM_SECRET_EMPTY;
	char		message[WFM_SEAL_MESSAGE_LEN];
	char		id[WFM_KEY_ID_MAX + 1];

	ok(!wfm_seal(&ring, &here, "x", 1, &old_value), "no key, no sealing");
	wfm_secret_free(&old_value);
	ok(wfm_key_ring_add(&ring) && wfm_key_ring_add(&other), "keys are made");
	ok(strcmp(ring.keys[0].id, other.keys[0].id) != 0, "with ids of their own");
	wfm_seal(&ring, &here, "old", 3, &old_value);
	is_int(open_at(&other, here, old_value.text, old_value.len),
		   WFM_UNSEAL_UNKNOWN_KEY, "another ring's key is unknown");
	strcpy(other.keys[0].id, ring.keys[0].id);
	is_int(open_at(&other, here, old_value.text, old_value.len),
		   WFM_UNSEAL_MISMATCH, "another key of the same id does not open it");

	ok(wfm_key_ring_add(&ring), "a second key");
	wfm_seal(&ring, &here, "new", 3, &new_value);
	ok(wfm_sealed_key_id(new_value.text, new_value.len, id) &&
	   strcmp(id, ring.keys[1].id) == 0, "the newest key seals");
	is_int(open_at(&ring, here, old_value.text, old_value.len), WFM_UNSEAL_OK,
		   "older keys still open");

	ok(wfm_key_ring_format(&ring, &file) &&
	   wfm_key_ring_parse(file.text, file.len, &again, message) &&
	   again.count == 2 && memcmp(&again, &ring, sizeof(ring)) == 0,
	   "a ring comes back from its file");
	is_int(open_at(&again, here, new_value.text, new_value.len), WFM_UNSEAL_OK,
		   "and opens what was sealed before");
	while (ring.count < WFM_KEYS_MAX && wfm_key_ring_add(&ring))
		;
	ok(ring.count == WFM_KEYS_MAX && !wfm_key_ring_add(&ring), "a full ring is full");
	wfm_secret_free(&old_value);
	wfm_secret_free(&new_value);
	wfm_secret_free(&file);
}

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void
test_key_file(void)
{
	static const struct
	{
		const char *text;
		int			keys;		/* 0: refused */
		const char *message;
	}			cases[] = {
		{"a:" KEY_A "\n", 1, ""},
		{"a:" KEY_A, 1, ""},
		{"# keys of production\r\n\r\na:" KEY_A "\r\nb:" KEY_B "\r\n", 2, ""},
		{"", 0, "there is no key in it"},
		{"# nothing\n", 0, "there is no key in it"},
		{KEY_A "\n", 0, "line 1 has no key id"},
		{":" KEY_A "\n", 0, "line 1 has no key id"},
		{"a b:" KEY_A "\n", 0, "line 1 has no key id"},
		{"a:" KEY_A "\na:" KEY_B "\n", 0, "line 2 repeats a key id"},
		{"a:" KEY_A " \n", 0, "line 1 does not hold 32 bytes in base64"},
		{"a:AAAA\n", 0, "line 1 does not hold 32 bytes in base64"},
		{"a:\n", 0, "line 1 does not hold 32 bytes in base64"},
		{"a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", 0,
		"line 1 does not hold 32 bytes in base64"}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WfmKeyRing	ring;
		char		message[WFM_SEAL_MESSAGE_LEN];
		bool		done = wfm_key_ring_parse(cases[i].text, strlen(cases[i].text),
											  &ring, message);

		ok(done == (cases[i].keys > 0) && ring.count == cases[i].keys &&
		   strcmp(message, cases[i].message) == 0,
		   "key file %zu: %s", i + 1, done ? "read" : message);
	}
}

static void
test_form(const WfmKeyRing *ring)
{
	static const char *const unsealed[] = {
		"", "wfm1", "wfm1:", "wfm1::", "wfm1:k:", "wfm1:k:AAAA",
		"wfm2:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"WFM1:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"wfm1:k k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"wfm1:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"wfm1:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB==",
		"wfm1:k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"wfm1:123456789012345678901234567890123:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"an ordinary refresh token", NULL
	};
	WfmSealPlace here = place(1, "c", "x", 1);
	int			mistaken = 0;
	int			opened = 0;

	for (int i = 0; unsealed[i]; i++)
	{
		mistaken += wfm_is_sealed(unsealed[i], strlen(unsealed[i]));
		opened += open_at(ring, here, unsealed[i], strlen(unsealed[i])) !=
			WFM_UNSEAL_MALFORMED;
	}
	is_int(mistaken, 0, "what has not the form of a sealed value is none");
	is_int(opened, 0, "and is reported as malformed");
	ok(wfm_is_sealed("wfm1:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 47),
	   "the shortest form that is one");
}

static void
test_fingerprint(void)
{
	char		a[WFM_FINGERPRINT_LEN + 1];
	char		b[WFM_FINGERPRINT_LEN + 1];

	wfm_grant_fingerprint("client", "token", a);
	wfm_grant_fingerprint("client", "token", b);
	is_str(a, b, "H08 one grant has one fingerprint wherever it is kept (intuit#43)");
	is_int((int64_t) strlen(a), WFM_FINGERPRINT_LEN, "in 64 hex digits");
	wfm_grant_fingerprint("clientt", "oken", b);
	ok(strcmp(a, b) != 0, "the border between id and token counts");
	wfm_grant_fingerprint("client2", "token", b);
	ok(strcmp(a, b) != 0, "another client, another fingerprint");
}

int
main(void)
{
	WfmKeyRing	ring = {0};

	ERR_clear_error();
	wfm_key_ring_add(&ring);
	test_round_trip(&ring);
	test_tampering(&ring);
	test_moving(&ring);
	test_keys();
	test_key_file();
	test_form(&ring);
	test_fingerprint();
	is_int((int64_t) ERR_peek_error(), 0, "OpenSSL's error queue is left empty");

	ERR_put_error(ERR_LIB_USER, 0, 77, __FILE__, __LINE__);
	open_at(&ring, place(1, "c", "x", 1),
			"wfm1:k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 47);
	test_moving(&ring);
	is_int(ERR_GET_REASON(ERR_peek_last_error()), 77,
		   "and somebody else's error stays in it");
	wfm_key_ring_cleanse(&ring);
	ok(ring.count == 0 && ring.keys[0].bytes[0] == 0 && ring.keys[0].id[0] == 0,
	   "a ring is cleansed");
	return done_testing();
}
