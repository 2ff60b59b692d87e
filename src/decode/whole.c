/*
 * decode/whole.c
 *		Telling a whole answer from one that was cut, by its two ends.
 */
#include "decode/whole.h"

#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Length of the name that begins here. */
static size_t
name_len(const char *text, size_t len)
{
	size_t		n = 0;

	while (n < len && !is_space(text[n]) && text[n] != '>' && text[n] != '/')
		n++;
	return n;
}

/* Skip a byte order mark, white space and an XML declaration. */
static void
skip_prolog(const char **text, size_t *len)
{
	if (*len >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0)
	{
		*text +=3;
		*len -= 3;
	}
	for (;;)
	{
		while (*len > 0 && is_space(**text))
		{
			(*text) ++;
			(*len)--;
		}
		if (*len < 5 || memcmp(*text, "<?xml", 5) != 0)
			return;
		while (*len > 0 && **text !='>')
		{
			(*text) ++;
			(*len)--;
		}
		if (*len == 0)
			return;
		(*text) ++;
		(*len)--;
	}
}

static bool
xml_is_closed(const char *head, size_t head_len,
			  const char *tail, size_t tail_len)
{
	size_t		root_len;

	if (head_len < 2 || head[0] != '<')
		return false;
	root_len = name_len(head + 1, head_len - 1);
	/* a name that the head does not hold whole, a comment, a doctype */
	if (root_len == 0 || root_len + 1 >= head_len || head[1] == '!' ||
		head[1] == '?')
		return false;
	if (tail_len < root_len + 3 || tail[tail_len - 1] != '>')
		return false;
	tail += tail_len - root_len - 3;
	return tail[0] == '<' && tail[1] == '/' &&
		memcmp(tail + 2, head + 1, root_len) == 0;
}

bool
wfm_body_is_closed(WfmFormat format, const char *head, size_t head_len,
				   const char *tail, size_t tail_len)
{
	/*
	 * The last bracket of a cut JSON text may be that of an inner value, so
	 * its ends tell nothing.
	 */
	if (format != WFM_FORMAT_XML)
		return false;

	skip_prolog(&head, &head_len);
	while (tail_len > 0 && is_space(tail[tail_len - 1]))
		tail_len--;
	return xml_is_closed(head, head_len, tail, tail_len);
}
