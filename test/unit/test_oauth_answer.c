/*
 * test_oauth_answer.c
 *		Token answers, claims and tenants: good ones, odd ones, hostile ones.
 *
 * malloc, calloc and free are wrapped (-Wl,--wrap): every allocation fails
 * once, and no memory is given back that still holds a token.
 *
 *		test_oauth_answer [DIRECTORY]
 *
 * The directory has recorded answers of Xero's identity service.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

#include <jansson.h>

#include "auth/oauth_answer.h"
#include "auth/secret.h"
#include "tap.h"

/* ---- wrapped memory ---- */

#define CANARY "CANARY-8f1d"

static long fail_at = -1;		/* this allocation fails, counted from 0 */
static long allocations;
static long blocks;				/* allocated and not freed */
static long dirty;				/* freed with the canary in it */

extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t n, size_t size);
extern void __real_free(void *memory);

void *
__wrap_malloc(size_t size)
{
	void	   *memory;

	if (allocations++ == fail_at)
		return NULL;
	memory = __real_malloc(size);
	blocks += memory != NULL;
	return memory;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void	   *memory;

	if (allocations++ == fail_at)
		return NULL;
	memory = __real_calloc(n, size);
	blocks += memory != NULL;
	return memory;
}

void
__wrap_free(void *memory)
{
	if (memory)
	{
		blocks--;
		dirty += memmem(memory, malloc_usable_size(memory), CANARY,
						sizeof(CANARY) - 1) != NULL;
	}
	__real_free(memory);
}

/* ---- token answers ---- */

#define GOOD "\"access_token\":\"at\",\"refresh_token\":\"rt\""

typedef struct AnswerCase
{
	const char *name;
	int			status;
	const char *body;
	WfmAnswerClass kind;
	bool		has_refresh_token;
	int32_t		expires_in_s;
	const char *problem;		/* begins so; NULL: whatever */
} AnswerCase;

static const AnswerCase answers[] = {
	{"a whole answer", 200, "{" GOOD ",\"expires_in\":1800,\"token_type\":\"Bearer\",\"scope\":\"openid\",\"id_token\":\"a.b.c\"}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P01 no refresh token", 200, "{\"access_token\":\"at\",\"expires_in\":1800}", WFM_ANSWER_TOKENS, false, 1800, ""},
	{"P01 a null one", 200, "{\"access_token\":\"at\",\"refresh_token\":null}", WFM_ANSWER_TOKENS, false, 1800, ""},
	{"P01 an empty one", 200, "{\"access_token\":\"at\",\"refresh_token\":\"\"}", WFM_ANSWER_TOKENS, false, 1800, ""},
	{"a refresh token that is no text does not pass for an absent one", 200, "{\"access_token\":\"at\",\"refresh_token\":7}", WFM_ANSWER_UNUSABLE, false, 1800, "\"refresh_token\" is not as it should be"},
	{"nor does one with a control byte", 200, "{\"access_token\":\"at\",\"refresh_token\":\"a\\nb\"}", WFM_ANSWER_UNUSABLE, false, 1800, "\"refresh_token\" is not as it should be"},
	{"P03 cut JSON", 200, "{" GOOD ",\"expires_in\":18", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"P03 no body", 200, "", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"P03 something after it", 200, "{" GOOD "} x", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"P03 an array", 200, "[]", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not a JSON object"},
	{"P03 no access token", 200, "{\"refresh_token\":\"rt\"}", WFM_ANSWER_UNUSABLE, false, 1800, "\"access_token\" is missing"},
	{"P03 an empty access token", 200, "{\"access_token\":\"\"}", WFM_ANSWER_UNUSABLE, false, 1800, "\"access_token\" is missing"},
	{"P03 an access token with a space", 200, "{\"access_token\":\"a b\"}", WFM_ANSWER_UNUSABLE, false, 1800, "\"access_token\" is not as it should be"},
	{"P03 an access token with a line end", 200, "{\"access_token\":\"a\\r\\nX: y\"}", WFM_ANSWER_UNUSABLE, false, 1800, "\"access_token\" is not as it should be"},
	{"duplicate keys", 200, "{" GOOD ",\"refresh_token\":\"other\"}", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"NUL in a token", 200, "{\"access_token\":\"a\\u0000b\"}", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"bad UTF-8", 200, "{\"access_token\":\"a\xff\"}", WFM_ANSWER_UNUSABLE, false, 1800, NULL},
	{"a byte order mark", 200, "\xef\xbb\xbf{" GOOD "}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P04 expires_in 0", 200, "{" GOOD ",\"expires_in\":0}", WFM_ANSWER_TOKENS, true, 60, ""},
	{"P04 expires_in -1", 200, "{" GOOD ",\"expires_in\":-1}", WFM_ANSWER_TOKENS, true, 60, ""},
	{"P04 expires_in \"1800\"", 200, "{" GOOD ",\"expires_in\":\"1800\"}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P04 expires_in \"600.5\"", 200, "{" GOOD ",\"expires_in\":\"600.5\"}", WFM_ANSWER_TOKENS, true, 600, ""},
	{"P04 expires_in \"soon\"", 200, "{" GOOD ",\"expires_in\":\"soon\"}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P04 expires_in \"nan\"", 200, "{" GOOD ",\"expires_in\":\"nan\"}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P04 expires_in 1e12", 200, "{" GOOD ",\"expires_in\":1e12}", WFM_ANSWER_TOKENS, true, 3600, ""},
	{"P04 expires_in beyond 64 bits", 200, "{" GOOD ",\"expires_in\":99999999999999999999999}", WFM_ANSWER_TOKENS, true, 3600, ""},
	{"P04 expires_in absent", 200, "{" GOOD "}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P04 expires_in an object", 200, "{" GOOD ",\"expires_in\":{}}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"D6 an odd id_token discards nothing (ToolHive#6194)", 200, "{" GOOD ",\"id_token\":[1],\"scope\":{\"a\":1}}", WFM_ANSWER_TOKENS, true, 1800, ""},
	{"P06 invalid_grant", 400, "{\"error\":\"invalid_grant\"}", WFM_ANSWER_INVALID_GRANT, false, 1800, ""},
	{"invalid_grant in a 401", 401, "{\"error\":\"invalid_grant\"}", WFM_ANSWER_INVALID_GRANT, false, 1800, ""},
	{"P08 invalid_client", 401, "{\"error\":\"invalid_client\"}", WFM_ANSWER_CLIENT_ERROR, false, 1800, ""},
	{"P08 invalid_client in a 400", 400, "{\"error\":\"invalid_client\"}", WFM_ANSWER_CLIENT_ERROR, false, 1800, ""},
	{"unauthorized_client", 400, "{\"error\":\"unauthorized_client\"}", WFM_ANSWER_CLIENT_ERROR, false, 1800, ""},
	{"unsupported_grant_type", 400, "{\"error\":\"unsupported_grant_type\"}", WFM_ANSWER_CLIENT_ERROR, false, 1800, ""},
	{"a 401 without an OAuth error", 401, "Basic auth headers are not supported", WFM_ANSWER_CLIENT_ERROR, false, 1800, NULL},
	{"an unknown error is not a verdict", 400, "{\"error\":\"teapot\"}", WFM_ANSWER_UNUSABLE, false, 1800, ""},
	{"an error that is no text", 400, "{\"error\":{\"code\":1}}", WFM_ANSWER_UNUSABLE, false, 1800, ""},
	{"a firewall's 403", 403, "<html>blocked</html>", WFM_ANSWER_UNUSABLE, false, 1800, NULL},
	{"P08 429", 429, "", WFM_ANSWER_THROTTLED, false, 1800, NULL},
	{"P09 500", 500, "{\"error\":\"invalid_grant\"}", WFM_ANSWER_SERVER_ERROR, false, 1800, ""},
	{"P09 503 with HTML", 503, "<html>", WFM_ANSWER_SERVER_ERROR, false, 1800, NULL},
	{"408", 408, "", WFM_ANSWER_SERVER_ERROR, false, 1800, NULL},
	{"P11 redirect", 302, "{" GOOD "}", WFM_ANSWER_UNUSABLE, false, 1800, NULL},
	{"P12 captive portal", 200, "<html><body>Log in to the wireless network</body></html>", WFM_ANSWER_UNUSABLE, false, 1800, "the body is not JSON (line 1, column "},
	{"an error in a 200", 200, "{\"error\":\"invalid_grant\"}", WFM_ANSWER_INVALID_GRANT, false, 1800, "\"access_token\" is missing"},
	{"tokens in a 201 are not taken", 201, "{" GOOD "}", WFM_ANSWER_UNUSABLE, false, 1800, NULL}
};

static void
test_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		const AnswerCase *c = &answers[i];
		WfmTokenTexts texts;
		WfmTokenAnswer answer = wfm_oauth_read_answer(c->status, c->body,
													  strlen(c->body), 5000, &texts);
		bool		tokens = answer.kind == WFM_ANSWER_TOKENS;

		ok(answer.kind == c->kind && answer.has_refresh_token == c->has_refresh_token &&
		   answer.expires_in_s == c->expires_in_s &&
		   tokens == (texts.access_token != NULL) &&
		   (tokens || texts.refresh_token == NULL) &&
		   answer.retry_after_ms == (c->status == 429 ? 5000 : -1) &&
		   (c->problem == NULL ||
			strncmp(texts.problem.text, c->problem, strlen(c->problem)) == 0) &&
		   (c->problem == NULL || *c->problem != '\0' || texts.problem.text[0] == '\0'),
		   "%s%s%s", c->name, texts.problem.text[0] ? ": " : "", texts.problem.text);
		wfm_token_texts_free(&texts);
	}
}

static void
test_texts(void)
{
	static const char body[] =
		"{\"access_token\":\"a-t\",\"refresh_token\":\"r t\",\"id_token\":\"i.d.t\","
		"\"scope\":[\"openid\",7,\"offline_access\"]}";
	WfmTokenTexts texts;

	wfm_oauth_read_answer(200, body, strlen(body), -1, &texts);
	is_str(texts.access_token, "a-t", "access token");
	is_str(texts.refresh_token, "r t", "refresh token, spaces allowed");
	is_str(texts.id_token, "i.d.t", "id token");
	is_str(texts.scope, "openid offline_access", "scope from an array");
	ok(wfm_oauth_scope_has(texts.scope, "offline_access") &&
	   !wfm_oauth_scope_has(texts.scope, "offline") &&
	   !wfm_oauth_scope_has(NULL, "openid") && !wfm_oauth_scope_has("a  b", ""),
	   "a scope is a whole word");
	wfm_token_texts_free(&texts);
	ok(texts.access_token == NULL && texts.refresh_token == NULL, "freed");
}

/* What a provider writes about an error is shown, what it quotes is not. */
static void
test_description(void)
{
	static const struct
	{
		const char *sent;
		const char *shown;
	}			cases[] = {
		{"Refresh token reuse detected", "Refresh token reuse detected"},
		{"token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl is used", "token [removed] is used"},
		{"id 3f2504e0-4f89-41d3-9a0c-0305e82c3301", "id 3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
		{"a\\nb\\u0007\\u00e9", "a?b???"},
		{"abcdefghijklmnopqrstuvwxyz", "[removed]"},
		{"-f2504e0-4f89-41d3-9a0c-0305e82c3301", "[removed]"},
		{"3f2504e04-f89-41d3-9a0c-0305e82c3301", "[removed]"}
	};
	char		body[4096];
	int			cut = 0;
	WfmTokenTexts texts;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		snprintf(body, sizeof(body),
				 "{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", cases[i].sent);
		wfm_oauth_read_answer(400, body, strlen(body), -1, &texts);
		is_str(texts.error_description, cases[i].shown, "description");
	}
	for (int len = 5; len < 24; len++)
	{
		int			n = sprintf(body, "{\"error\":\"e\",\"error_description\":\"");

		while (n < 2000)
			n += sprintf(body + n, "%.*s ", len, "abcdefghijklmnopqrstuvwxyz");
		strcpy(body + n, "\"}");
		wfm_oauth_read_answer(400, body, strlen(body), -1, &texts);
		cut += strlen(texts.error_description) == sizeof(texts.error_description) - 1 &&
			texts.problem.text[0] == '\0';
	}
	is_int(cut, 24 - 5, "a long description is cut within words of any length");
	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"error\":\"e\",\"error_description\":\"", 34);
	strcpy(body + 1000, " abcdefghijklmnopqrstuvwxyz\"}");
	wfm_oauth_read_answer(400, body, strlen(body), -1, &texts);
	is_int((int64_t) strlen(texts.error_description),
		   sizeof(texts.error_description) - 1, "a long description is cut");
}

/* ---- sizes ---- */

static void
test_sizes(void)
{
	char	   *body = __real_malloc(WFM_TOKEN_ANSWER_MAX + 200);
	WfmTokenTexts texts;
	WfmGrantTenantList tenants;
	WfmProblem	problem;
	static const int lengths[] = {WFM_TOKEN_LEN_MAX, WFM_TOKEN_LEN_MAX + 1};

	for (int i = 0; i < 2; i++)
	{
		int			n = sprintf(body, "{\"access_token\":\"%0*d\"}", lengths[i], 0);
		WfmTokenAnswer answer = wfm_oauth_read_answer(200, body, (size_t) n, -1, &texts);

		ok((answer.kind == WFM_ANSWER_TOKENS) == (i == 0), "an access token of %d bytes",
		   lengths[i]);
		wfm_token_texts_free(&texts);
	}

	memset(body, ' ', WFM_TOKEN_ANSWER_MAX + 200);
	memcpy(body, "{" GOOD "}", sizeof(GOOD) + 1);
	ok(wfm_oauth_read_answer(200, body, WFM_TOKEN_ANSWER_MAX, -1, &texts).kind ==
	   WFM_ANSWER_TOKENS, "an answer of 64 KiB");
	wfm_token_texts_free(&texts);
	ok(wfm_oauth_read_answer(200, body, WFM_TOKEN_ANSWER_MAX + 1, -1, &texts).kind ==
	   WFM_ANSWER_UNUSABLE, "and not one byte more");
	is_str(texts.problem.text, "the body is longer than 65536 bytes", "which it says");

	for (int depth = WFM_JSON_DEPTH_MAX - 1; depth <= WFM_JSON_DEPTH_MAX; depth++)
	{
		int			n = sprintf(body, "{" GOOD ",\"x\":");

		memset(body + n, '[', depth);
		memset(body + n + depth, ']', depth);
		strcpy(body + n + 2 * depth, "}");
		ok((wfm_oauth_read_answer(200, body, strlen(body), -1, &texts).kind ==
			WFM_ANSWER_TOKENS) == (depth < WFM_JSON_DEPTH_MAX), "nested %d deep", depth + 1);
		wfm_token_texts_free(&texts);
	}
	memset(body, '[', 60000);
	ok(!wfm_oauth_read_connections(body, 60000, &tenants, &problem),
	   "60,000 open brackets");
	__real_free(body);
}

/* ---- claims ---- */

static char *
jwt_of(const char *payload)
{
	WfmSecret text = WFM_SECRET_EMPTY;
	char	   *jwt;

	wfm_secret_append_text(&text, "eyJhbGciOiJSUzI1NiJ9.");
	wfm_secret_append_base64(&text, (const unsigned char *) payload, strlen(payload), true);
	wfm_secret_append_text(&text, ".c2ln");
	jwt = wfm_secret_ok(&text) ? strdup(text.text) : NULL;
	wfm_secret_free(&text);
	return jwt;
}

static bool
claims_of(const char *payload, WfmClaims *claims)
{
	WfmProblem	problem;
	char	   *jwt = jwt_of(payload);
	bool		done = wfm_oauth_read_claims(jwt, claims, &problem);

	__real_free(jwt);
	return done;
}

static void
test_claims(void)
{
	WfmClaims	claims;
	WfmProblem	problem;

	ok(claims_of("{\"nbf\":1637516536,\"exp\":1637518336,\"sub\":\"s\",\"xero_userid\":\"u\","
				 "\"authentication_event_id\":\"e\",\"scope\":[\"email\",\"offline_access\"]}",
				 &claims), "an access token of Xero");
	is_int(claims.exp - claims.nbf, 1800, "lives for half an hour");
	is_str(claims.scope, "email offline_access", "scope from an array");
	is_str(claims.xero_userid, "u", "user");
	is_str(claims.authentication_event_id, "e", "consent");
	ok(claims.norg_ids == 0 && claims.email == NULL, "and no more");
	wfm_claims_free(&claims);

	ok(claims_of("{\"exp\":1e9,\"scope\":\"openid workflowmax\",\"org_ids\":[\"a\",3,\"b\"]}", &claims),
	   "an access token of BlueRock");
	is_str(claims.scope, "openid workflowmax", "scope from a text");
	ok(claims.norg_ids == 2 && strcmp(claims.org_ids[0], "a") == 0 &&
	   strcmp(claims.org_ids[1], "b") == 0, "its accounts");
	wfm_claims_free(&claims);
	ok(claims_of("{\"org_ids\":\"only\"}", &claims) && claims.norg_ids == 1, "one account as a text");
	wfm_claims_free(&claims);
	ok(claims_of("{\"org_ids\":[],\"exp\":\"soon\",\"scope\":7,\"sub\":\"\"}", &claims) &&
	   claims.norg_ids == 0 && claims.exp == 0 && claims.scope == NULL && claims.sub == NULL,
	   "odd claims are left out");
	wfm_claims_free(&claims);
	ok(claims_of("{\"email\":\"jo@example.org\",\"name\":\"J\\u00f6 B\",\"preferred_username\":\"jo\","
				 "\"given_name\":\"J\\u00f6\"}", &claims), "an id token");
	is_str(claims.email, "jo@example.org", "e-mail");
	is_str(claims.name, "J\xc3\xb6 B", "name in UTF-8");
	is_str(claims.preferred_username, "jo", "user name");
	is_str(claims.given_name, "J\xc3\xb6", "given name");
	wfm_claims_free(&claims);

	for (int n = 1000; n <= 1001; n++)
	{
		char		payload[5000] = "{\"scope\":\"x\",\"org_ids\":[\"a\"";

		for (int i = 1; i < n; i++)
			strcat(payload, ",\"a\"");
		strcat(payload, "]}");
		ok(claims_of(payload, &claims) && claims.norg_ids == (n == 1000 ? 1000 : 0),
		   "%d accounts", n);
		is_str(claims.scope, "x", "a scope of one letter");
		wfm_claims_free(&claims);
	}

	ok(!claims_of("[1]", &claims), "a payload that is no object");
	ok(!claims_of("{", &claims), "a payload that is no JSON");
	ok(!wfm_oauth_read_claims("opaque", &claims, &problem), "an opaque token");
	is_str(problem.text, "not a JSON web token", "is named");
	ok(!wfm_oauth_read_claims("a.b", &claims, &problem), "one dot");
	ok(!wfm_oauth_read_claims("..", &claims, &problem), "nothing between the dots");
	ok(!wfm_oauth_read_claims("a.e3+9.c", &claims, &problem), "the other base64");
	ok(wfm_oauth_read_claims("a.e30=.c", &claims, &problem), "padding is forgiven");
	is_str(problem.text, "", "and no problem");
	wfm_claims_free(&claims);
}

/* ---- tenants ---- */

#define TENANT "{\"id\":\"i\",\"authEventId\":\"e\",\"tenantId\":\"t\",\"tenantType\":\"PRACTICEMANAGER\"," \
	"\"tenantName\":null,\"createdDateUtc\":\"2019-07-09T23:40:30.1833130\",\"updatedDateUtc\":\"2020-01-01T00:00:00.0000000\"}"

static void
test_tenants(void)
{
	static const char *const bad[] = {
		"{}", "null", "[1]", "[null]", "[{\"id\":\"i\",\"tenantType\":\"t\"}]",
		"[" TENANT ",{\"id\":\"i\"}]", "[" TENANT, ""
	};
	static const char two[] = "[" TENANT "," TENANT "]";
	static const char bare[] = "[{\"tenantId\":\"u\",\"tenantType\":null}," TENANT "]";
	WfmGrantTenantList tenants;
	WfmProblem	problem;
	int			accepted = 0;

	ok(wfm_oauth_read_connections("[]", 2, &tenants, &problem) && tenants.count == 0,
	   "no tenant");
	wfm_grant_tenant_list_free(&tenants);
	ok(wfm_oauth_read_connections(two, strlen(two), &tenants, &problem) &&
	   tenants.count == 2, "two tenants");
	is_str(tenants.items[1].id, "i", "connection");
	is_str(tenants.items[1].auth_event_id, "e", "consent");
	is_str(tenants.items[1].tenant_id, "t", "tenant");
	is_str(tenants.items[1].tenant_type, "PRACTICEMANAGER", "type");
	is_str(tenants.items[1].tenant_name, NULL, "a name that is null");
	is_str(tenants.items[1].updated_utc, "2020-01-01T00:00:00.0000000", "date as sent");
	wfm_grant_tenant_list_free(&tenants);
	ok(wfm_oauth_read_connections(bare, strlen(bare), &tenants, &problem) &&
	   tenants.count == 2 && tenants.items[0].id == NULL &&
	   tenants.items[0].tenant_type == NULL,
	   "one without a type does not hide the others");
	wfm_grant_tenant_list_free(&tenants);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		accepted += wfm_oauth_read_connections(bad[i], strlen(bad[i]), &tenants, &problem);
		accepted += tenants.items != NULL || problem.text[0] == '\0';
	}
	is_int(accepted, 0, "anything else is refused, with a reason and without a rest");
}

/* Recorded answers, if their directory is there. */
static void
test_samples(const char *directory)
{
	static char body[65536];
	char		path[4096];
	WfmGrantTenantList tenants;
	WfmProblem	problem;
	WfmClaims	claims;
	FILE	   *file;
	size_t		len;

	snprintf(path, sizeof(path), "%s/connections_docs_example.json", directory);
	file = fopen(path, "r");
	len = file ? fread(body, 1, sizeof(body), file) : 0;
	if (file)
		fclose(file);
	ok(wfm_oauth_read_connections(body, len, &tenants, &problem) && tenants.count > 2 &&
	   tenants.items[2].tenant_name == NULL &&
	   strcmp(tenants.items[2].tenant_type, "PRACTICEMANAGER") == 0,
	   "the vendor's example of /connections");
	wfm_grant_tenant_list_free(&tenants);

	snprintf(path, sizeof(path), "%s/access_token_jwt_2021_claims.json", directory);
	file = fopen(path, "r");
	len = file ? fread(body, 1, sizeof(body) - 1, file) : 0;
	if (file)
		fclose(file);
	body[len] = '\0';
	ok(claims_of(body, &claims) && claims.exp - claims.nbf == 1800 &&
	   wfm_oauth_scope_has(claims.scope, "offline_access") &&
	   claims.authentication_event_id != NULL, "a recorded access token");
	wfm_claims_free(&claims);
}

/* ---- memory ---- */

static const char full_answer[] =
"{\"access_token\":\"" CANARY "-access\",\"refresh_token\":\"" CANARY "-refresh\","
"\"id_token\":\"" CANARY "-id\",\"scope\":[\"a\",\"b\"],\"expires_in\":\"1800\"}";

/* Reads everything there is to read; false if tokens were mistaken. */
static bool
read_all(const char *jwt)
{
	WfmTokenTexts texts;
	WfmClaims	claims;
	WfmGrantTenantList tenants;
	WfmProblem	problem;
	WfmTokenAnswer answer;
	bool		whole;

	answer = wfm_oauth_read_answer(200, full_answer, strlen(full_answer), -1, &texts);
	whole = answer.kind != WFM_ANSWER_TOKENS ||
		(answer.has_refresh_token && texts.access_token && texts.refresh_token);
	wfm_token_texts_free(&texts);
	if (wfm_oauth_read_claims(jwt, &claims, &problem))
		wfm_claims_free(&claims);
	if (wfm_oauth_read_connections("[" TENANT "]", strlen("[" TENANT "]"), &tenants, &problem))
		wfm_grant_tenant_list_free(&tenants);
	return whole;
}

static void
test_memory(void)
{
	char	   *jwt = jwt_of("{\"sub\":\"" CANARY "\",\"scope\":[\"a\"],\"org_ids\":[\"x\",\"y\"],\"name\":\"n\"}");
	json_malloc_t malloc_before,
				malloc_after;
	json_free_t free_before,
				free_after;
	long		needed;
	long		leaked = 0;
	long		mistaken = 0;
	long		held;

	json_get_alloc_funcs(&malloc_before, &free_before);
	read_all(jwt);				/* whatever is initialised once */
	dirty = 0;
	held = blocks;
	allocations = 0;
	read_all(jwt);
	needed = allocations;
	ok(needed > 30, "reading takes allocations");
	is_int(dirty, 0, "no memory is given back with a token in it");
	is_int(blocks, held, "and all of it is given back");

	for (long i = 0; i < needed; i++)
	{
		allocations = 0;
		fail_at = i;
		mistaken += !read_all(jwt);
		fail_at = -1;
		leaked += blocks - held;
	}
	is_int(leaked, 0, "no failing allocation leaks");
	is_int(mistaken, 0, "or makes a refresh token look absent");
	is_int(dirty, 0, "or gives back a token");
	json_get_alloc_funcs(&malloc_after, &free_after);
	ok(malloc_after == malloc_before && free_after == free_before,
	   "the JSON parser's own allocator is back");
	__real_free(jwt);
}

int
main(int argc, char **argv)
{
	test_answers();
	test_texts();
	test_description();
	test_sizes();
	test_claims();
	test_tenants();
	if (argc > 1)
		test_samples(argv[1]);
	test_memory();
	return done_testing();
}
