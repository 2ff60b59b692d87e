/*
 * auth/credentials_json.c
 *		The file that wfm_import_credentials() reads.
 */
#include "auth/credentials_json.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t
column_index(const char *name, const char *const *columns, size_t ncolumns)
{
	size_t		i;

	for (i = 0; i < ncolumns; i++)
	{
		if (strcmp(columns[i], name) == 0)
			break;
	}
	return i;
}

/* A name from the file, as far as it is fit to be shown. */
static void
printable_name(const char *name, char shown[41])
{
	size_t		i;

	for (i = 0; i < 40 && name[i] != '\0'; i++)
		shown[i] = name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?';
	shown[i] = '\0';
}

static void
no_memory(char *problem)
{
	snprintf(problem, WFM_CREDENTIALS_PROBLEM_LEN, "there is not enough memory");
}

/* Only a string, an integer or null can be read. */
static bool
is_readable(const json_t *value)
{
	return json_is_string(value) || json_is_integer(value) || json_is_null(value);
}

/* False without memory. */
static bool
read_field(const json_t *value, WfmCredential *field)
{
	char		number[32];

	field->given = true;
	if (json_is_null(value))
		return true;
	if (json_is_string(value))
		field->value = strdup(json_string_value(value));
	else
	{
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
		field->value = strdup(number);
	}
	return field->value != NULL;
}

/* Overwrite the parser's copies of the strings of an object. */
static void
cleanse_object(json_t *object)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(object, name, value)
	{
		if (json_is_string(value))
			OPENSSL_cleanse((char *) json_string_value(value),
							json_string_length(value));
	}
}

static bool
read_object(json_t *object, size_t number, const char *const *columns,
			size_t ncolumns, WfmCredential *fields, char *problem)
{
	const char *name;
	json_t	   *value;

	if (!json_is_object(object))
	{
		snprintf(problem, WFM_CREDENTIALS_PROBLEM_LEN, "element %zu is not an object", number);
		return false;
	}
	json_object_foreach(object, name, value)
	{
		size_t		i = column_index(name, columns, ncolumns);
		char		shown[41];

		printable_name(name, shown);
		if (i == ncolumns)
		{
			snprintf(problem, WFM_CREDENTIALS_PROBLEM_LEN,
					 "element %zu has the unknown field \"%s\"", number, shown);
			return false;
		}
		if (!is_readable(value))
		{
			snprintf(problem, WFM_CREDENTIALS_PROBLEM_LEN,
					 "field \"%s\" of element %zu is neither a string, an integer nor null",
					 shown, number);
			return false;
		}
		if (!read_field(value, &fields[i]))
		{
			no_memory(problem);
			return false;
		}
	}
	return true;
}

bool
wfm_credentials_read(const char *content, size_t len,
					 const char *const *columns, size_t ncolumns,
					 WfmCredentialsList *list,
					 char problem[WFM_CREDENTIALS_PROBLEM_LEN])
{
	json_error_t error;
	json_t	   *root;
	bool		ok = true;
	size_t		i;

	memset(list, 0, sizeof(*list));
	problem[0] = '\0';
	root = json_loadb(content, len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
	{
		/*
		 * error.text may quote the file; it is empty where the parser ran out
		 * of memory.
		 */
		if (error.text[0] == '\0' ||
			json_error_code(&error) == json_error_out_of_memory)
			no_memory(problem);
		else
			snprintf(problem, WFM_CREDENTIALS_PROBLEM_LEN,
					 "it is not valid JSON at line %d, column %d", error.line, error.column);
		return false;
	}

	list->nobjects = json_is_array(root) ? json_array_size(root) : 1;
	list->ncolumns = ncolumns;
	list->fields = calloc(list->nobjects * ncolumns + 1, sizeof(WfmCredential));
	if (list->fields == NULL)
	{
		list->nobjects = 0;
		no_memory(problem);
		ok = false;
	}
	for (i = 0; ok && i < list->nobjects; i++)
		ok = read_object(json_is_array(root) ? json_array_get(root, i) : root,
						 i + 1, columns, ncolumns,
						 &list->fields[i * ncolumns], problem);

	if (json_is_object(root))
		cleanse_object(root);
	for (i = 0; i < json_array_size(root); i++)
	{
		if (json_is_object(json_array_get(root, i)))
			cleanse_object(json_array_get(root, i));
	}
	json_decref(root);
	return ok;
}

void
wfm_credentials_free(WfmCredentialsList *list)
{
	size_t		i;

	for (i = 0; i < list->nobjects * list->ncolumns; i++)
	{
		char	   *value = list->fields[i].value;

		if (value != NULL)
			OPENSSL_cleanse(value, strlen(value));
		free(value);
	}
	free(list->fields);
	memset(list, 0, sizeof(*list));
}
