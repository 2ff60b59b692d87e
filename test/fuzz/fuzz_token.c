/*
 * fuzz_token.c
 *		Any bytes as the answers of an OAuth server: tokens, claims, tenants,
 *		and as a credentials file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_json.h"
#include "auth/oauth_answer.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_problem(const char *text)
{
	for (; *text; text ++)
		if ((unsigned char) *text <0x20 || *text == 0x7F)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 429, 500, 302};
	static const char *const columns[] = {"name", "client_id", "refresh_token"};
	WfmTokenTexts texts;
	WfmClaims	claims;
	WfmGrantTenantList tenants;
	WfmProblem	problem;
	WfmCredentialsList credentials;
	char		credentials_problem[WFM_CREDENTIALS_PROBLEM_LEN];
	char	   *jwt;
	const char *body;

	if (size < 1)
		return 0;
	body = (const char *) data + 1;
	size--;
	(void) wfm_oauth_read_answer(statuses[data[0] % 6], body, size, -1, &texts);
	check_problem(texts.problem.text);
	check_problem(texts.error);
	check_problem(texts.error_description);
	wfm_token_texts_free(&texts);

	jwt = malloc(size + 1);
	memcpy(jwt, body, size);
	jwt[size] = '\0';
	if (!wfm_oauth_read_claims(jwt, &claims, &problem))
		check_problem(problem.text);
	wfm_claims_free(&claims);
	free(jwt);

	if (!wfm_oauth_read_connections(body, size, &tenants, &problem))
		check_problem(problem.text);
	wfm_grant_tenant_list_free(&tenants);

	if (!wfm_credentials_read(body, size, columns, 3, &credentials, credentials_problem))
		check_problem(credentials_problem);
	wfm_credentials_free(&credentials);
	return 0;
}
