/*
 * auth/oauth_answer.c
 *		What an OAuth provider sends, read with jansson.
 *
 * Each kind of object is a table of fields and one reader interprets them
 * all.  json_object() is never called: PostgreSQL exports a function of that
 * name, and in a backend the call would reach that one.
 *
 * jansson frees what it parsed without overwriting it, its scanner's buffers
 * included.  While a document lives, its allocator is one that cleanses and
 * keeps a budget; it is put back before this file returns.
 */
#include "auth/oauth_answer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "auth/secret.h"

#define TEXT_MAX		1024	/* bytes of an ordinary claim or name */
#define LIST_MAX		1000	/* texts in one list */
#define JSON_BUDGET		(32 * 1024 * 1024)

/* ---- memory of the JSON parser ---- */

typedef union BlockHeader
{
	size_t		size;
	long double align_number;
	void	   *align_pointer;
} BlockHeader;

static size_t json_in_use;

static void *
json_take(size_t size)
{
	BlockHeader *block;

	if (size > JSON_BUDGET - json_in_use)
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	json_in_use += size;
	return block + 1;
}

static void
json_give(void *memory)
{
	BlockHeader *block = memory;

	if (block == NULL)
		return;
	block--;
	json_in_use -= block->size;
	OPENSSL_cleanse(block + 1, block->size);
	free(block);
}

/* A parsed document, and the allocator that was there before. */
typedef struct Document
{
	json_t	   *root;
	json_malloc_t old_malloc;
	json_free_t old_free;
} Document;

static bool
too_deep(const json_t *value, int depth)
{
	json_t	   *item;
	const char *key;
	size_t		i;

	if (!json_is_object(value) && !json_is_array(value))
		return false;
	if (depth == WFM_JSON_DEPTH_MAX)
		return true;
	json_array_foreach(value, i, item)
	{
		if (too_deep(item, depth + 1))
			return true;
	}
	json_object_foreach((json_t *) value, key, item)
	{
		if (too_deep(item, depth + 1))
			return true;
	}
	return false;
}

static void
set_problem(WfmProblem *problem, const char *text)
{
	snprintf(problem->text, sizeof(problem->text), "%s", text);
}

/*
 * Parse.  False, with the problem, if that cannot be done; close in any case.
 * jansson's own message is not used, since it quotes the text.  Integers are
 * taken as reals, because one too big for 64 bits would make jansson refuse
 * the tokens beside it.
 */
static bool
document_open(Document *document, const char *body, size_t len, size_t max,
			  WfmProblem *problem)
{
	json_error_t error;

	json_get_alloc_funcs(&document->old_malloc, &document->old_free);
	json_set_alloc_funcs(json_take, json_give);
	document->root = NULL;
	if (len > max)
	{
		snprintf(problem->text, sizeof(problem->text),
				 "the body is longer than %zu bytes", max);
		return false;
	}
	if (len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0)
	{
		body += 3;
		len -= 3;
	}
	document->root = json_loadb(body, len,
								JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
								&error);
	if (document->root == NULL)
	{
		snprintf(problem->text, sizeof(problem->text),
				 "the body is not JSON (line %d, column %d)",
				 error.line, error.column);
		return false;
	}
	if (too_deep(document->root, 0))
	{
		set_problem(problem, "the JSON is nested too deep");
		return false;
	}
	return true;
}

static void
document_close(Document *document)
{
	json_decref(document->root);
	json_set_alloc_funcs(document->old_malloc, document->old_free);
}

/* ---- values ---- */

typedef enum FieldType
{
	FIELD_TOKEN,				/* 1 .. 16 KiB printable ASCII without spaces */
	FIELD_SECRET,				/* the same, spaces allowed */
	FIELD_TEXT,					/* up to 1 KiB without control bytes */
	FIELD_WORDS,				/* such texts, one or an array, joined by
								 * spaces */
	FIELD_TIME					/* int64_t: Unix seconds */
} FieldType;

typedef enum FieldNeed
{
	OPTIONAL,					/* left out if absent or odd */
	IF_PRESENT,					/* may be absent, null or "", but not odd */
	REQUIRED
} FieldNeed;

typedef struct Field
{
	const char *name;
	size_t		offset;			/* of a char * or an int64_t in the output */
	FieldType	type;
	FieldNeed	need;
} Field;

static char *
copy_text(const char *text, size_t len)
{
	char	   *copy = malloc(len + 1);

	if (copy)
	{
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

/* A string value whose bytes and length are as they should be. */
static bool
is_proper(const json_t *value, unsigned char lowest, unsigned char highest,
		  size_t max)
{
	const char *text = json_string_value(value);
	size_t		len = json_string_length(value);

	if (text == NULL || len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < lowest || c > highest || c == 0x7f)
			return false;
	}
	return true;
}

static bool
is_text(const json_t *value)
{
	return is_proper(value, 0x20, 0xff, TEXT_MAX);
}

static char *
read_words(const json_t *value)
{
	WfmSecret	words = WFM_SECRET_EMPTY;
	json_t	   *item;
	size_t		i;
	char	   *copy = NULL;

	if (is_text(value))
		wfm_secret_append_text(&words, json_string_value(value));
	if (json_array_size(value) > LIST_MAX)
		return NULL;
	json_array_foreach(value, i, item)
	{
		if (!is_text(item))
			continue;
		if (words.len > 0)
			wfm_secret_append(&words, " ", 1);
		wfm_secret_append_text(&words, json_string_value(item));
	}
	if (words.len > 0 && wfm_secret_ok(&words))
		copy = copy_text(words.text, words.len);
	wfm_secret_free(&words);
	return copy;
}

/* Reads one value; false if there is none of that type. */
static bool
read_value(const json_t *value, FieldType type, void *target)
{
	char	  **text = target;
	int64_t    *time = target;

	switch (type)
	{
		case FIELD_TOKEN:
			if (!is_proper(value, 0x21, 0x7e, WFM_TOKEN_LEN_MAX))
				return false;
			*text = copy_text(json_string_value(value), json_string_length(value));
			return *text !=NULL;
		case FIELD_SECRET:
			if (!is_proper(value, 0x20, 0x7e, WFM_TOKEN_LEN_MAX))
				return false;
			*text = copy_text(json_string_value(value), json_string_length(value));
			return *text !=NULL;
		case FIELD_TEXT:
			if (!is_text(value))
				return false;
			*text = copy_text(json_string_value(value), json_string_length(value));
			return *text !=NULL;
		case FIELD_WORDS:
			*text = read_words(value);
			return *text !=NULL;
		case FIELD_TIME:
			if (!json_is_number(value) || json_number_value(value) < 0 ||
				json_number_value(value) > 1e12)
				return false;
			*time = (int64_t) json_number_value(value);
			return true;
	}
	return false;
}

static bool
is_absent(const json_t *value)
{
	return value == NULL || json_is_null(value) ||
		(json_is_string(value) && json_string_length(value) == 0);
}

/*
 * Reads the fields of an object.  False, with the problem, if one that is
 * needed cannot be had; what was read so far stays in the output.
 */
static bool
read_fields(const json_t *object, const Field *fields, size_t n, void *output,
			WfmProblem *problem)
{
	for (size_t i = 0; i < n; i++)
	{
		const json_t *value = json_object_get(object, fields[i].name);

		if (read_value(value, fields[i].type, (char *) output + fields[i].offset) ||
			fields[i].need == OPTIONAL ||
			(fields[i].need == IF_PRESENT && is_absent(value)))
			continue;
		snprintf(problem->text, sizeof(problem->text), "\"%s\" is %s",
				 fields[i].name,
				 is_absent(value) ? "missing" : "not as it should be");
		return false;
	}
	return true;
}

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- token answers ---- */

/*
 * A refresh token that is there and cannot be read must not pass for one that
 * is absent: the old one would be kept (P01), and it has just been spent.
 */
static const Field token_fields[] = {
	{"access_token", offsetof(WfmTokenTexts, access_token), FIELD_TOKEN, REQUIRED},
	{"refresh_token", offsetof(WfmTokenTexts, refresh_token), FIELD_SECRET, IF_PRESENT},
	{"id_token", offsetof(WfmTokenTexts, id_token), FIELD_TOKEN, OPTIONAL},
	{"scope", offsetof(WfmTokenTexts, scope), FIELD_WORDS, OPTIONAL}
	/* not read: token_type (always Bearer), expires_in (below) */
};

/* Seconds, as a number or as a text that is one (P04). */
static int32_t
read_life(const json_t *value)
{
	const char *text = json_string_value(value);
	char	   *end;
	double		seconds;

	if (json_is_number(value))
		return wfm_fsm_clamp_life(true, json_number_value(value));
	if (text == NULL || *text == '\0')
		return wfm_fsm_clamp_life(false, 0);
	seconds = strtod(text, &end);
	return wfm_fsm_clamp_life(*end == '\0', seconds);
}

static bool
is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || strchr("-_.~+/=%", c) != NULL;
}

/* 8-4-4-4-12: a correlation id, worth showing. */
static bool
is_uuid(const char *text, size_t len)
{
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		bool		dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
	}
	return true;
}

/*
 * The provider's words, made fit for a log: one line of ASCII, and no run of
 * characters that could be a token or a secret of ours it quotes.
 */
static void
copy_description(const char *text, char *output, size_t size)
{
	size_t		used = 0;

	while (*text &&used + 1 < size)
	{
		size_t		run = 0;

		while (text[run] && is_token_char(text[run]))
			run++;
		if (run >= 24 && !is_uuid(text, run))
		{
			used += (size_t) snprintf(output + used, size - used, "[removed]");
			if (used > size - 1)
				used = size - 1;
			text	  +=run;

			continue;
		}
		if (run == 0)
		{
			output[used++] = *text >=0x20 && *text <0x7f ? *text : '?';
			text	  ++;

			continue;
		}
		if (run > size - 1 - used)
			run = size - 1 - used;
		memcpy(output + used, text, run);
		used += run;
		text	  +=run;
	}
	output[used] = '\0';
}

/* RFC 6749 5.2, and what the codes mean for a grant. */
static const struct
{
	const char *error;
	WfmAnswerClass kind;
}			token_errors[] =

{
	{"invalid_grant", WFM_ANSWER_INVALID_GRANT},
	{"invalid_client", WFM_ANSWER_CLIENT_ERROR},
	{"unauthorized_client", WFM_ANSWER_CLIENT_ERROR},
	{"unsupported_grant_type", WFM_ANSWER_CLIENT_ERROR},
	{"invalid_scope", WFM_ANSWER_CLIENT_ERROR},
	{"invalid_request", WFM_ANSWER_CLIENT_ERROR},
	{"server_error", WFM_ANSWER_SERVER_ERROR},
	{"temporarily_unavailable", WFM_ANSWER_SERVER_ERROR}
};

/* Reads an error object; `otherwise` if it is none that is known. */
static WfmAnswerClass
read_error(const json_t *root, WfmAnswerClass otherwise, WfmTokenTexts *texts)
{
	const char *error = json_string_value(json_object_get(root, "error"));
	const char *description =
		json_string_value(json_object_get(root, "error_description"));

	if (description)
		copy_description(description, texts->error_description,
						 sizeof(texts->error_description));
	if (error == NULL)
		return otherwise;
	copy_description(error, texts->error, sizeof(texts->error));
	for (size_t i = 0; i < LENGTH_OF(token_errors); i++)
	{
		if (strcmp(error, token_errors[i].error) == 0)
			return token_errors[i].kind;
	}
	return otherwise;
}

WfmTokenAnswer
wfm_oauth_read_answer(int http_status, const char *body, size_t len,
					  int64_t retry_after_ms, WfmTokenTexts *texts)
{
	WfmTokenAnswer answer = {WFM_ANSWER_UNUSABLE, false, WFM_EXPIRES_DEFAULT_S, -1};
	Document	document;

	memset(texts, 0, sizeof(*texts));
	if (document_open(&document, body, len, WFM_TOKEN_ANSWER_MAX, &texts->problem))
	{
		const json_t *root = document.root;

		if (!json_is_object(root))
			set_problem(&texts->problem, "the body is not a JSON object");
		else if (http_status == 200 &&
				 read_fields(root, token_fields, LENGTH_OF(token_fields), texts,
							 &texts->problem))
		{
			answer.kind = WFM_ANSWER_TOKENS;
			answer.has_refresh_token = texts->refresh_token != NULL;
			answer.expires_in_s = read_life(json_object_get(root, "expires_in"));
		}
		else
		{
			wfm_token_texts_free(texts);
			answer.kind = read_error(root, answer.kind, texts);
		}
	}
	document_close(&document);

	/* some statuses say it all, whatever stands in the body */
	if (http_status == 429)
	{
		answer.kind = WFM_ANSWER_THROTTLED;
		answer.retry_after_ms = retry_after_ms;
	}
	else if (http_status == 408 || http_status >= 500)
		answer.kind = WFM_ANSWER_SERVER_ERROR;
	else if (http_status == 401 && answer.kind == WFM_ANSWER_UNUSABLE)
		answer.kind = WFM_ANSWER_CLIENT_ERROR;
	else if (http_status < 200 || (http_status >= 300 && http_status < 400))
		answer.kind = WFM_ANSWER_UNUSABLE;
	return answer;
}

void
wfm_token_texts_free(WfmTokenTexts *texts)
{
	wfm_text_free(&texts->access_token);
	wfm_text_free(&texts->refresh_token);
	wfm_text_free(&texts->id_token);
	wfm_text_free(&texts->scope);
}

/* ---- claims ---- */

static const Field claim_fields[] = {
	{"exp", offsetof(WfmClaims, exp), FIELD_TIME, OPTIONAL},
	{"nbf", offsetof(WfmClaims, nbf), FIELD_TIME, OPTIONAL},
	{"scope", offsetof(WfmClaims, scope), FIELD_WORDS, OPTIONAL},
	{"sub", offsetof(WfmClaims, sub), FIELD_TEXT, OPTIONAL},
	{"xero_userid", offsetof(WfmClaims, xero_userid), FIELD_TEXT, OPTIONAL},
	{"authentication_event_id", offsetof(WfmClaims, authentication_event_id), FIELD_TEXT, OPTIONAL},
	{"email", offsetof(WfmClaims, email), FIELD_TEXT, OPTIONAL},
	{"name", offsetof(WfmClaims, name), FIELD_TEXT, OPTIONAL},
	{"preferred_username", offsetof(WfmClaims, preferred_username), FIELD_TEXT, OPTIONAL},
	{"given_name", offsetof(WfmClaims, given_name), FIELD_TEXT, OPTIONAL}
	/* not read: iss, aud, client_id, auth_time, jti, at_hash, ... */
};

static bool
add_org_id(WfmClaims *claims, const json_t *value)
{
	char	   *text = copy_text(json_string_value(value), json_string_length(value));

	if (text == NULL)
		return false;
	claims->org_ids[claims->norg_ids++] = text;

	return true;
}

/* One account or several; what is no text is left out. */
static bool
read_org_ids(const json_t *value, WfmClaims *claims)
{
	size_t		count = json_is_array(value) ? json_array_size(value) : 1;
	json_t	   *item;
	size_t		i;

	if (value == NULL || count == 0 || count > LIST_MAX)
		return true;
	claims->org_ids = calloc(count, sizeof(char *));
	if (claims->org_ids == NULL)
		return false;
	if (is_text(value))
		return add_org_id(claims, value);
	json_array_foreach(value, i, item)
	{
		if (is_text(item) && !add_org_id(claims, item))
			return false;
	}
	return true;
}

bool
wfm_oauth_read_claims(const char *jwt, WfmClaims *claims, WfmProblem *problem)
{
	WfmSecret	payload = WFM_SECRET_EMPTY;
	Document	document;
	const char *start = strchr(jwt, '.');
	const char *end = start ? strchr(start + 1, '.') : NULL;
	bool		done = false;

	memset(claims, 0, sizeof(*claims));
	problem->text[0] = '\0';
	if (end == NULL)
	{
		set_problem(problem, "not a JSON web token");
		return false;
	}
	start++;
	while (end > start && end[-1] == '=')
		end--;
	wfm_secret_append_decoded(&payload, start, (size_t) (end - start), true);
	if (!wfm_secret_ok(&payload))
	{
		set_problem(problem, "the web token's payload is not base64url");
		wfm_secret_free(&payload);
		return false;
	}

	if (document_open(&document, payload.text, payload.len, WFM_TOKEN_LEN_MAX,
					  problem))
	{
		if (!json_is_object(document.root))
			set_problem(problem, "the web token's payload is not an object");
		else if (read_fields(document.root, claim_fields, LENGTH_OF(claim_fields),
							 claims, problem))
		{
			done = read_org_ids(json_object_get(document.root, "org_ids"), claims);
			if (!done)
				set_problem(problem, "out of memory");
		}
	}
	document_close(&document);
	wfm_secret_free(&payload);
	if (!done)
		wfm_claims_free(claims);
	return done;
}

void
wfm_claims_free(WfmClaims *claims)
{
	wfm_text_free(&claims->scope);
	wfm_text_free(&claims->sub);
	wfm_text_free(&claims->xero_userid);
	wfm_text_free(&claims->authentication_event_id);
	wfm_text_free(&claims->email);
	wfm_text_free(&claims->name);
	wfm_text_free(&claims->preferred_username);
	wfm_text_free(&claims->given_name);
	for (size_t i = 0; i < claims->norg_ids; i++)
		wfm_text_free(&claims->org_ids[i]);
	free(claims->org_ids);
	memset(claims, 0, sizeof(*claims));
}

bool
wfm_oauth_scope_has(const char *list, const char *word)
{
	size_t		len = strlen(word);

	while (list && *list)
	{
		size_t		n = strcspn(list, " ");

		if (n == len && memcmp(list, word, len) == 0)
			return len > 0;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

/* ---- tenants ---- */

static const Field tenant_fields[] = {
	{"id", offsetof(WfmGrantTenant, id), FIELD_TEXT, OPTIONAL},
	{"authEventId", offsetof(WfmGrantTenant, auth_event_id), FIELD_TEXT, OPTIONAL},
	{"tenantId", offsetof(WfmGrantTenant, tenant_id), FIELD_TEXT, REQUIRED},
	{"tenantType", offsetof(WfmGrantTenant, tenant_type), FIELD_TEXT, OPTIONAL},
	{"tenantName", offsetof(WfmGrantTenant, tenant_name), FIELD_TEXT, OPTIONAL},
	{"createdDateUtc", offsetof(WfmGrantTenant, created_utc), FIELD_TEXT, OPTIONAL},
	{"updatedDateUtc", offsetof(WfmGrantTenant, updated_utc), FIELD_TEXT, OPTIONAL}
};

static bool
read_tenants(const json_t *root, WfmGrantTenantList *tenants, WfmProblem *problem)
{
	json_t	   *item;
	size_t		i;

	if (!json_is_array(root))
	{
		set_problem(problem, "the body is not a JSON array");
		return false;
	}
	tenants->items = calloc(json_array_size(root) + 1, sizeof(WfmGrantTenant));
	if (tenants->items == NULL)
	{
		set_problem(problem, "out of memory");
		return false;
	}
	json_array_foreach(root, i, item)
	{
		tenants->count++;		/* also half-read ones are freed */
		if (!read_fields(item, tenant_fields, LENGTH_OF(tenant_fields),
						 &tenants->items[i], problem))
			return false;
	}
	return true;
}

bool
wfm_oauth_read_connections(const char *body, size_t len, WfmGrantTenantList *tenants,
						   WfmProblem *problem)
{
	Document	document;
	bool		done;

	memset(tenants, 0, sizeof(*tenants));
	problem->text[0] = '\0';
	done = document_open(&document, body, len, WFM_CONNECTIONS_MAX, problem) &&
		read_tenants(document.root, tenants, problem);
	document_close(&document);
	if (!done)
		wfm_grant_tenant_list_free(tenants);
	return done;
}

void
wfm_grant_tenant_list_free(WfmGrantTenantList *tenants)
{
	for (size_t i = 0; i < tenants->count; i++)
	{
		WfmGrantTenant *tenant = &tenants->items[i];

		wfm_text_free(&tenant->id);
		wfm_text_free(&tenant->auth_event_id);
		wfm_text_free(&tenant->tenant_id);
		wfm_text_free(&tenant->tenant_type);
		wfm_text_free(&tenant->tenant_name);
		wfm_text_free(&tenant->created_utc);
		wfm_text_free(&tenant->updated_utc);
	}
	free(tenants->items);
	memset(tenants, 0, sizeof(*tenants));
}
