/*
 * decode/error_body.c
 *		The human words in the body of an error answer.
 */
#include "decode/error_body.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/*
 * Members that hold the words, the most telling first.  Gateways spell them
 * with capitals in some answers and without in others.
 */
static const char *const json_names[] = {
	"errorDescription", "error_description", "detail", "message", "title",
	"error"
};

/* Elements likewise; title is that of an HTML page. */
static const char *const xml_names[] = {
	"ErrorDescription", "Message", "title"
};

/* Bytes of a UTF-8 character that begins with this one; 0 = none does. */
static size_t
utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	if (first >= 0xF0 && first <= 0xF4)
		return 4;
	return 0;
}

/* Is a whole, well-formed character at text? */
static bool
is_character(const char *text, size_t len, size_t *char_len)
{
	*char_len = utf8_length((unsigned char) text[0]);
	if (*char_len == 0 || *char_len > len)
		return false;
	for (size_t i = 1; i < *char_len; i++)
	{
		if (((unsigned char) text[i] & 0xC0) !=0x80)
			return false;
	}
	return true;
}

/* Copy what can be shown. */
static void
copy_printable(const char *text, size_t len, char *out, size_t size)
{
	size_t		used = 0;
	bool		space = false;

	for (size_t at = 0; at < len;)
	{
		size_t		char_len;

		if ((unsigned char) text[at] <= ' ' || text[at] == 0x7F)
		{
			space = used > 0;
			at++;
			continue;
		}
		if (!is_character(text +at, len - at, &char_len))
		{
			at++;
			continue;
		}
		if (used + (space ? 1 : 0) + char_len + 1 > size)
			break;
		if (space)
			out[used++] = ' ';
		space = false;
		memcpy(out + used, text +at, char_len);
		used += char_len;
		at += char_len;
	}
	out[used] = '\0';
}

/* A string member of the object by any spelling of its name; NULL: none. */
static const char *
string_member(json_t *object, const char *name)
{
	const char *key;
	json_t	   *value;

	json_object_foreach(object, key, value)
	{
		if (strcasecmp(key, name) == 0 && json_is_string(value) &&
			json_string_length(value) > 0)
			return json_string_value(value);
	}
	return NULL;
}

static bool
from_json(const char *body, size_t len, char *out, size_t size)
{
	json_t	   *root = json_loadb(body, len, JSON_DISABLE_EOF_CHECK, NULL);
	bool		found = false;

	if (root == NULL)
		return false;
	for (size_t i = 0; json_is_object(root) && !found &&
		 i < sizeof(json_names) / sizeof(json_names[0]); i++)
	{
		const char *text = string_member(root, json_names[i]);

		if (text !=NULL)
		{
			copy_printable(text, strlen(text), out, size);
			found = out[0] != '\0';
		}
	}
	json_decref(root);
	return found;
}

/* Text of the first element of this name, tags inside left out. */
static bool
from_element(const char *body, size_t len, const char *name, char *out,
			 size_t size)
{
	size_t		name_len = strlen(name);

	for (size_t at = 0; at + name_len + 2 <= len; at++)
	{
		const char *begin;
		const char *end;

		if (body[at] != '<' ||
			strncasecmp(body + at + 1, name, name_len) != 0 ||
			body[at + 1 + name_len] != '>')
			continue;
		begin = body + at + name_len + 2;
		end = memchr(begin, '<', len - (size_t) (begin - body));
		if (end == NULL)
			end = body + len;
		copy_printable(begin, (size_t) (end - begin), out, size);
		return out[0] != '\0';
	}
	return false;
}

void
wfm_error_text(const char *body, size_t len, char *out, size_t size)
{
	size_t		start = 0;

	out[0] = '\0';
	while (start < len && (unsigned char) body[start] <= ' ')
		start++;
	if (start == len)
		return;
	if (body[start] == '{' && from_json(body + start, len - start, out, size))
		return;
	if (body[start] == '<')
	{
		for (size_t i = 0; i < sizeof(xml_names) / sizeof(xml_names[0]); i++)
		{
			if (from_element(body, len, xml_names[i], out, size))
				return;
		}
		out[0] = '\0';
		return;					/* markup without words says nothing */
	}
	copy_printable(body + start, len - start, out, size);
}
