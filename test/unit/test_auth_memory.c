/*
 * test_auth_memory.c
 *		Memory that runs out under what builds, seals and reads secrets: every
 *		allocation of the pure files of auth/, of OpenSSL and of jansson fails
 *		once, in turn.  The result must be whole or refused, and nothing of
 *		ours may be left over.
 *
 * Linked with --wrap for malloc and its kin, so that those of our files come
 * here.  The libraries get functions of their own, which count apart, since
 * OpenSSL keeps what it makes at first use.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "auth/credentials_json.h"
#include "auth/oauth_request.h"
#include "auth/seal.h"
#include "tap.h"

static long count;				/* allocations since the last reset */
static long fail_at;			/* the one that fails, 0 = none */
static long ours;				/* blocks of our files that are not freed */
static long parsers;			/* and of jansson */

extern void *__real_malloc(size_t size);
extern void __real_free(void *pointer);
void	   *__wrap_malloc(size_t size);
void	   *__wrap_calloc(size_t n, size_t size);
char	   *__wrap_strdup(const char *string);
void		__wrap_free(void *pointer);

static void *
allocate(size_t size)
{
	return ++count == fail_at ? NULL : __real_malloc(size ? size : 1);
}

void *
__wrap_malloc(size_t size)
{
	void	   *pointer = allocate(size);

	ours += pointer != NULL;
	return pointer;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void	   *pointer = __wrap_malloc(n * size);

	return pointer ? memset(pointer, 0, n * size) : NULL;
}

char *
__wrap_strdup(const char *string)
{
	char	   *copy = __wrap_malloc(strlen(string) + 1);

	return copy ? strcpy(copy, string) : NULL;
}

void
__wrap_free(void *pointer)
{
	ours -= pointer != NULL;
	__real_free(pointer);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	return allocate(size);
}

static void *
openssl_realloc(void *pointer, size_t size, const char *file, int line)
{
	return ++count == fail_at ? NULL : realloc(pointer, size);
}

static void
openssl_free(void *pointer, const char *file, int line)
{
	__real_free(pointer);
}

static void *
jansson_malloc(size_t size)
{
	void	   *pointer = allocate(size);

	parsers += pointer != NULL;
	return pointer;
}

static void
jansson_free(void *pointer)
{
	parsers -= pointer != NULL;
	__real_free(pointer);
}

/* What an attempt came to. */
typedef enum Outcome
{
	WHOLE,
	REFUSED,
	WRONG						/* something between the two */
} Outcome;

/* Judge a built text: all of it, or nothing and no memory. */
static Outcome
judge(bool done, WfmSecret *secret, const char *expected)
{
	Outcome		outcome = WRONG;
	const char *built = secret->text;

	if (done && built && (expected == NULL || strcmp(built, expected) == 0))
		outcome = WHOLE;
	else if (!done && built == NULL)
		outcome = REFUSED;
	wfm_secret_free(secret);
	return outcome;
}

static const WfmOAuthClient with_secret = {WFM_CLIENT_AUTH_BASIC, "an id", "s3/cr+et=="};
static const WfmOAuthClient in_body = {WFM_CLIENT_AUTH_BODY, "an id", "a&b"};
static const char long_token[] =
"0123456789012345678901234567890123456789012345678901234567890123456789"
"0123456789012345678901234567890123456789012345678901234567890123456789";

static Outcome
build_refresh(void)
{
	WfmSecret	body = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_refresh_body(&in_body, long_token, &body);

	return judge(done, &body,
				 "grant_type=refresh_token&refresh_token="
				 "0123456789012345678901234567890123456789012345678901234567890123456789"
				 "0123456789012345678901234567890123456789012345678901234567890123456789"
				 "&client_id=an%20id&client_secret=a%26b");
}

static Outcome
build_code(void)
{
	WfmSecret	body = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_code_body(&in_body, "c", "http://localhost/wfm", "v", &body);

	return judge(done, &body,
				 "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
				 "&code_verifier=v&client_id=an%20id&client_secret=a%26b");
}

static Outcome
build_revocation(void)
{
	WfmSecret	body = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_revocation_body(&in_body, "t", &body);

	return judge(done, &body, "token=t&client_id=an%20id&client_secret=a%26b");
}

static Outcome
build_basic(void)
{
	WfmSecret	value = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_basic_value(&with_secret, &value);

	return judge(done, &value, "Basic YW4lMjBpZDpzMyUyRmNyJTJCZXQlM0QlM0Q=");
}

static Outcome
build_authorize_url(void)
{
	WfmAuthorizeRequest request = {
		.authorize_url = "https://login.example/authorize?x=1",
		.client_id = "id",
		.redirect_uri = "http://localhost/wfm",
		.scopes = "openid offline_access",
		.state = "s",
		.code_challenge = "c",
		.prompt = "consent",
	};
	WfmSecret	url = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_authorize_url(&request, &url);

	return judge(done, &url,
				 "https://login.example/authorize?x=1&response_type=code&client_id=id"
				 "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm&scope=openid%20offline_access"
				 "&state=s&code_challenge=c&code_challenge_method=S256&prompt=consent");
}

static Outcome
make_verifier(void)
{
	WfmSecret	verifier = WFM_SECRET_EMPTY;
	bool		done = wfm_oauth_make_verifier(&verifier);

	if (done && verifier.len != 43)
	{
		wfm_secret_free(&verifier);
		return WRONG;
	}
	return judge(done, &verifier, NULL);
}

static Outcome
make_challenge(void)
{
	WfmSecret	challenge = WFM_SECRET_EMPTY;

	/* RFC 7636, appendix B */
	bool		done = wfm_oauth_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", &challenge);

	return judge(done, &challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static Outcome
read_redirect(void)
{
	WfmRedirect redirect;
	bool		done = wfm_oauth_read_redirect("http://localhost/wfm?code=a%20b&state=s", &redirect);
	Outcome		outcome = REFUSED;

	if (done)
		outcome = redirect.code && strcmp(redirect.code, "a b") == 0 &&
			redirect.state && strcmp(redirect.state, "s") == 0 ? WHOLE : WRONG;
	wfm_redirect_free(&redirect);
	return outcome;
}

static WfmKeyRing ring;
static const WfmSealPlace place = {5, "acme", "refresh_token", 7};
static WfmSecret sealed = WFM_SECRET_EMPTY; /* long_token, under the ring */

static Outcome
seal_and_unseal(void)
{
	WfmSecret	box = WFM_SECRET_EMPTY;
	WfmSecret	plain = WFM_SECRET_EMPTY;
	Outcome		outcome;

	if (!wfm_seal(&ring, &place, long_token, strlen(long_token), &box))
		return box.text == NULL ? REFUSED : WRONG;
	switch (wfm_unseal(&ring, &place, box.text, box.len, &plain))
	{
		case WFM_UNSEAL_OK:
			outcome = strcmp(plain.text, long_token) == 0 ? WHOLE : WRONG;
			break;
		case WFM_UNSEAL_FAILED:
			outcome = plain.text == NULL ? REFUSED : WRONG;
			break;
		default:
			outcome = WRONG;
	}
	wfm_secret_free(&plain);
	wfm_secret_free(&box);
	return outcome;
}

/* Without memory a value must not look like one that was tampered with. */
static Outcome
unseal(void)
{
	WfmSecret	plain = WFM_SECRET_EMPTY;
	WfmUnsealResult result = wfm_unseal(&ring, &place, sealed.text, sealed.len, &plain);

	if (result != WFM_UNSEAL_OK && result != WFM_UNSEAL_FAILED)
		return WRONG;
	return judge(result == WFM_UNSEAL_OK, &plain, long_token);
}

static Outcome
fingerprint(void)
{
	char		hex[WFM_FINGERPRINT_LEN + 1];

	if (!wfm_grant_fingerprint("id", long_token, hex))
		return REFUSED;
	return strlen(hex) == WFM_FINGERPRINT_LEN ? WHOLE : WRONG;
}

static Outcome
key_ring(void)
{
	WfmSecret	file = WFM_SECRET_EMPTY;
	WfmKeyRing	again;
	char		message[WFM_SEAL_MESSAGE_LEN];
	Outcome		outcome = REFUSED;

	if (wfm_key_ring_format(&ring, &file) &&
		wfm_key_ring_parse(file.text, file.len, &again, message))
		outcome = again.count == ring.count &&
			memcmp(again.keys[0].bytes, ring.keys[0].bytes, WFM_KEY_LEN) == 0 ? WHOLE : WRONG;
	wfm_secret_free(&file);
	return outcome;
}

static Outcome
read_credentials(void)
{
	static const char content[] =
		"[{\"name\": \"acme\", \"refresh_token\": \"a refresh token\", \"refresh_token_days\": 60},"
		" {\"name\": \"other\", \"refresh_token\": null}]";
	static const char *const columns[] = {"name", "refresh_token", "refresh_token_days"};
	WfmCredentialsList list;
	char		problem[WFM_CREDENTIALS_PROBLEM_LEN];
	bool		done = wfm_credentials_read(content, sizeof(content) - 1, columns, 3, &list, problem);
	Outcome		outcome;

	if (done)
		outcome = list.nobjects == 2 && strcmp(list.fields[2].value, "60") == 0 &&
			list.fields[4].given && list.fields[4].value == NULL ? WHOLE : WRONG;
	else

		/*
		 * No field is to blame.  jansson itself cannot always tell a lack of
		 * memory from text that is no JSON.
		 */
		outcome = problem[0] != '\0' && strstr(problem, "field") == NULL ? REFUSED : WRONG;
	wfm_credentials_free(&list);
	return outcome;
}

static const struct
{
	const char *name;
	Outcome		(*attempt) (void);
}			attempts[] = {
	{"body of a refresh", build_refresh},
	{"body of a code exchange", build_code},
	{"body of a revocation", build_revocation},
	{"Basic credentials", build_basic},
	{"address for consent", build_authorize_url},
	{"PKCE verifier", make_verifier},
	{"PKCE challenge", make_challenge},
	{"address after consent", read_redirect},
	{"seal and unseal", seal_and_unseal},
	{"unseal", unseal},
	{"fingerprint", fingerprint},
	{"key file", key_ring},
	{"credentials file", read_credentials},
};

int
main(void)
{
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		abort();
	json_set_alloc_funcs(jansson_malloc, jansson_free);
	if (!wfm_key_ring_add(&ring) ||
		!wfm_seal(&ring, &place, long_token, strlen(long_token), &sealed))
		abort();

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
	{
		long		before = ours;
		long		total;
		int			wrong = 0;
		int			leaked = 0;

		/* Once for what OpenSSL keeps, once to count. */
		attempts[i].attempt();
		count = 0;
		is_int(attempts[i].attempt(), WHOLE, attempts[i].name);
		total = count;
		for (long n = 1; n <= total; n++)
		{
			count = 0;
			fail_at = n;
			if (attempts[i].attempt() == WRONG && wrong++ < 5)
				printf("# allocation %ld of %ld\n", n, total);
			fail_at = 0;
			leaked += ours != before || parsers != 0;
			ours = before;
			parsers = 0;
		}
		ok(total > 0 && wrong == 0, "  whole or refused at each of %ld allocations", total);
		is_int(leaked, 0, "  and nothing leaks");
	}
	wfm_secret_free(&sealed);
	return done_testing();
}
