/*
 * test_oauth_request.c
 *		What is sent to an OAuth provider, byte for byte.
 */
#include <ctype.h>

#include "auth/oauth_request.h"
#include "tap.h"

static const WfmOAuthClient xero = {WFM_CLIENT_AUTH_BASIC, "AB12", "s3/cr+et=="};
static const WfmOAuthClient native = {WFM_CLIENT_AUTH_PUBLIC, "AB12", NULL};
static const WfmOAuthClient bluerock = {WFM_CLIENT_AUTH_BODY, "id 1", "a&b=c%"};

/* Compare a built text, and free it. */
static void
built(bool done, WfmSecret *secret, const char *expected, const char *name)
{
	is_str(done ? secret->text : NULL, expected, name);
	wfm_secret_free(secret);
}

static void
test_bodies(void)
{
	WfmSecret text = WFM_SECRET_EMPTY;
	WfmOAuthClient incomplete = {WFM_CLIENT_AUTH_BODY, "id", NULL};

	built(wfm_oauth_refresh_body(&xero, "r-t_1.~/+=", &text), &text,
		  "grant_type=refresh_token&refresh_token=r-t_1.~%2F%2B%3D",
		  "refresh, Basic: no credentials in the body");
	built(wfm_oauth_refresh_body(&native, "rt", &text), &text,
		  "grant_type=refresh_token&refresh_token=rt&client_id=AB12",
		  "refresh, PKCE: the client id and no secret");
	built(wfm_oauth_refresh_body(&bluerock, "rt", &text), &text,
		  "grant_type=refresh_token&refresh_token=rt&client_id=id%201"
		  "&client_secret=a%26b%3Dc%25",
		  "refresh, BlueRock: id and secret in the body, encoded");
	built(wfm_oauth_code_body(&xero, "co de", "http://localhost/wfm", NULL, &text), &text,
		  "grant_type=authorization_code&code=co%20de"
		  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm",
		  "code exchange, Basic");
	built(wfm_oauth_code_body(&native, "c", "http://localhost/wfm", "ver-ifier", &text), &text,
		  "grant_type=authorization_code&code=c"
		  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
		  "&code_verifier=ver-ifier&client_id=AB12",
		  "code exchange, PKCE");
	built(wfm_oauth_revocation_body(&xero, "r&t", &text), &text, "token=r%26t",
		  "revocation, Basic");
	built(wfm_oauth_revocation_body(&bluerock, "t", &text), &text,
		  "token=t&client_id=id%201&client_secret=a%26b%3Dc%25",
		  "revocation, BlueRock");
	built(wfm_oauth_refresh_body(&incomplete, "rt", &text), &text, NULL,
		  "a missing secret builds nothing");
	built(wfm_oauth_refresh_body(&xero, NULL, &text), &text, NULL,
		  "a missing token builds nothing");
	built(wfm_oauth_refresh_body(&xero, "t\r\nX: y\xc3\xa9", &text), &text,
		  "grant_type=refresh_token&refresh_token=t%0D%0AX%3A%20y%C3%A9",
		  "line ends and other bytes are encoded");
}

static void
test_basic(void)
{
	WfmSecret text = WFM_SECRET_EMPTY;
	WfmOAuthClient colon = {WFM_CLIENT_AUTH_BASIC, "a:b", "c"};
	WfmOAuthClient incomplete = {WFM_CLIENT_AUTH_BASIC, "a", NULL};

	/* AB12:s3%2Fcr%2Bet%3D%3D */
	built(wfm_oauth_basic_value(&xero, &text), &text,
		  "Basic QUIxMjpzMyUyRmNyJTJCZXQlM0QlM0Q=",
		  "Basic value over the encoded pair");
	built(wfm_oauth_basic_value(&colon, &text), &text, "Basic YSUzQWI6Yw==",
		  "a colon in the id cannot pass for the border");
	built(wfm_oauth_basic_value(&bluerock, &text), &text, "",
		  "no header for a client that authenticates in the body");
	built(wfm_oauth_basic_value(&native, &text), &text, "",
		  "no header for a public client");
	built(wfm_oauth_basic_value(&incomplete, &text), &text, NULL,
		  "no header without a secret");
}

static void
test_authorize_url(void)
{
	WfmSecret text = WFM_SECRET_EMPTY;
	WfmAuthorizeRequest request = {
		"https://login.example/authorize", "AB12", "http://localhost/wfm",
		"openid offline_access", "st", "chal", "consent"
	};

	built(wfm_oauth_authorize_url(&request, &text), &text,
		  "https://login.example/authorize?response_type=code&client_id=AB12"
		  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
		  "&scope=openid%20offline_access&state=st"
		  "&code_challenge=chal&code_challenge_method=S256&prompt=consent",
		  "authorize URL with PKCE and prompt");
	request.authorize_url = "https://login.example/authorize?tenant=1";
	request.code_challenge = NULL;
	request.prompt = NULL;
	built(wfm_oauth_authorize_url(&request, &text), &text,
		  "https://login.example/authorize?tenant=1&response_type=code&client_id=AB12"
		  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
		  "&scope=openid%20offline_access&state=st",
		  "authorize URL that has a query");
	for (int i = 0; i < 2; i++)
	{
		request.authorize_url = i == 0 ? "https://login.example/?" : "https://login.example/?a&";
		built(wfm_oauth_authorize_url(&request, &text), &text, i == 0 ?
			  "https://login.example/?response_type=code&client_id=AB12"
			  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
			  "&scope=openid%20offline_access&state=st" :
			  "https://login.example/?a&response_type=code&client_id=AB12"
			  "&redirect_uri=http%3A%2F%2Flocalhost%2Fwfm"
			  "&scope=openid%20offline_access&state=st",
			  "authorize URL whose query has begun");
	}
	request.state = NULL;
	built(wfm_oauth_authorize_url(&request, &text), &text, NULL,
		  "no URL without a state");
}

static void
test_random(void)
{
	WfmSecret	a = WFM_SECRET_EMPTY;
	WfmSecret	b = WFM_SECRET_EMPTY;
	bool		url_safe = true;

	ok(wfm_oauth_make_verifier(&a) && wfm_oauth_make_state(&b), "verifier and state");
	is_int((int64_t) a.len, 43, "a verifier has 43 characters");
	ok(strcmp(a.text, b.text) != 0, "no two are the same");
	for (size_t i = 0; i < a.len; i++)
		url_safe = url_safe && (isalnum((unsigned char) a.text[i]) ||
								a.text[i] == '-' || a.text[i] == '_');
	ok(url_safe, "and need no encoding");
	wfm_secret_free(&a);
	wfm_secret_free(&b);

	/* RFC 7636, appendix B */
	built(wfm_oauth_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", &a), &a,
		  "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		  "the challenge of RFC 7636");
	ok(wfm_oauth_state_matches("abc", "abc") && !wfm_oauth_state_matches("abd", "abc") &&
	   !wfm_oauth_state_matches("ab", "abc") && !wfm_oauth_state_matches("", ""),
	   "states match only if they are there and equal");
}

static void
test_redirect(void)
{
	static const struct
	{
		const char *url;
		bool		read;
		const char *code;
		const char *state;
		const char *error;
		const char *description;
	}			cases[] = {
		{"http://localhost/wfm?code=abc%2B1&state=s-1&session_state=x#f", true, "abc+1", "s-1", NULL, NULL},
		{"http://localhost/wfm?scope=openid+email&code=c&state=s", true, "c", "s", NULL, NULL},
		{"?code=c&state=s", true, "c", "s", NULL, NULL},
		{" http://localhost/wfm?code=c&state=s \r\n", true, "c", "s", NULL, NULL},
		{"http://localhost/wfm?code=a b&state=s# ", true, "a b", "s", NULL, NULL},
		{"http://localhost/wfm?code=c&state=%c3%A9", true, "c", "\xc3\xa9", NULL, NULL},
		{"http://localhost/wfm?code=c&", true, "c", NULL, NULL, NULL},
		{"http://localhost/wfm? ", false, NULL, NULL, NULL, NULL},
		{" \n", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?error=access_denied&error_description=The+user+said%20no&state=s", true, NULL, "s", "access_denied", "The user said no"},
		{"http://localhost/wfm", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?state=s", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code=a&code=b&state=s", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code=a%0Ab&state=s", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code=a%00b&state=s", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code=a%2", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code=a%zz", false, NULL, NULL, NULL, NULL},
		{"http://localhost/wfm?code", false, NULL, NULL, NULL, NULL},
		{"", false, NULL, NULL, NULL, NULL}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		WfmRedirect redirect;
		bool		read = wfm_oauth_read_redirect(cases[i].url, &redirect);

		ok(read == cases[i].read, "redirect %zu is %s", i + 1,
		   cases[i].read ? "read" : "refused");
		if (cases[i].read)
		{
			is_str(redirect.code, cases[i].code, "its code");
			is_str(redirect.state, cases[i].state, "its state");
			is_str(redirect.error, cases[i].error, "its error");
			is_str(redirect.error_description, cases[i].description,
				   "its description");
		}
		wfm_redirect_free(&redirect);
	}
}

static void
test_base64(void)
{
	static const char *const texts[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const forms[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "====", "Zg==Zg==", "Zm 9v",
		"Zm9v\n", "-_-_"
	};
	WfmSecret text = WFM_SECRET_EMPTY;
	bool		same = true;
	int			accepted = 0;

	for (int i = 0; i < 7; i++)
	{
		wfm_secret_append_base64(&text, (const unsigned char *) texts[i],
								 strlen(texts[i]), false);
		same = same && wfm_secret_ok(&text) && strcmp(text.text, forms[i]) == 0;
		wfm_secret_free(&text);
		wfm_secret_append_decoded(&text, forms[i], strlen(forms[i]), false);
		same = same && wfm_secret_ok(&text) && strcmp(text.text, texts[i]) == 0;
		wfm_secret_free(&text);
	}
	ok(same, "the base64 of RFC 4648, both ways");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		wfm_secret_append_decoded(&text, bad[i], strlen(bad[i]), false);
		accepted += wfm_secret_ok(&text);
		wfm_secret_free(&text);
	}
	is_int(accepted, 0, "and nothing but base64");
}

int
main(void)
{
	test_bodies();
	test_basic();
	test_authorize_url();
	test_random();
	test_redirect();
	test_base64();
	return done_testing();
}
