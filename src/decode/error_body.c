/*
 * decode/error_body.c
 *		What an error answer says: finds the text by running the decoders over
 *		the body, and makes it fit for a message.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decode/decoder.h"
#include "decode/error_body.h"
#include "decode/internal.h"

/* Nobody writes a longer error; the rest of a body is not looked at. */
#define MAX_BODY	(64 * 1024)

/* A shorter run of characters tells nobody anything. */
#define TOKEN_MIN	16

/* One text being written: blanks are collapsed, what does not fit is cut. */
typedef struct Text
{
	char	   *out;
	size_t		size;
	size_t		len;
	bool		blank;			/* a blank comes before the next character */
	bool		full;
} Text;

/*
 * Would this character disturb a log or a terminal?  Controls, and marks that
 * reverse or hide text.
 */
static bool
is_unprintable(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0xA0) ||
		(code >= 0x200B && code <= 0x200F) ||
		(code >= 0x2028 && code <= 0x202F) ||
		(code >= 0x2060 && code <= 0x206F) ||
		code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFF) ||
		(code >= 0xE0000 && code <= 0xE0FFF);
}

static void
put_char(Text *text, uint32_t code)
{
	char		bytes[4];
	int			n;

	if (code == ' ' || is_unprintable(code))
	{
		text	  ->blank = text->len > 0;

		return;
	}
	n = wfm_utf8_encode(code, bytes);
	if (text->full || text->len + text->blank + n + 1 > text->size)
	{
		text	  ->full = true;

		return;
	}
	if (text->blank)
		text	  ->out[text->len++] = ' ';
	text	  ->blank = false;

	memcpy(text->out + text->len, bytes, n);
	text	  ->len += n;
}

/* The next character of text that may be broken; '?' for what is none. */
static uint32_t
next_char(const char **p, const char *end)
{
	const unsigned char *s = (const unsigned char *) *p;
	WfmUtf8		state = {0};
	size_t		n;
	uint32_t	code;

	if (s[0] < 0x80)
	{
		(*p)++;
		return s[0];
	}
	for (n = 1; n <= 4 && n <= (size_t) (end - *p); n++)
	{
		WfmUtf8		whole = {0};

		if (wfm_utf8_check(&whole, *p, n) < n)
			break;
		state = whole;
		if (whole.missing == 0)
			break;
	}
	if (n > 4 || n > (size_t) (end - *p) || state.missing > 0 || state.seen == 0)
	{
		(*p)++;
		return '?';
	}
	code = s[0] & (n == 2 ? 0x1F : n == 3 ? 0x0F : 0x07);
	while (++s < (const unsigned char *) *p + n)
		code = code << 6 | (*s & 0x3F);
	*p += n;
	return code;
}

static void
put_text(Text *text, const char *data, size_t len)
{
	const char *p = data;
	const char *end = data + len;

	while (p < end)
		put_char(text, next_char(&p, end));
}

/*
 * Servers and gateways that quote a request quote its bearer token.  Both
 * vendors' access tokens are JWTs: base64url of a JSON object, so "eyJ", in
 * parts with dots between.
 */
static size_t
hide_tokens(char *out)
{
	static const char removed[] = "[removed]";
	static const char part[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	char	   *p = out;

	while ((p = strstr(p, "eyJ")) != NULL)
	{
		size_t		run = strspn(p, part);

		if (run >= TOKEN_MIN)
		{
			memcpy(p, removed, sizeof(removed) - 1);
			memmove(p + sizeof(removed) - 1, p + run, strlen(p + run) + 1);
			run = sizeof(removed) - 1;
		}
		p += run;
	}
	return strlen(out);
}

/* Close the text; where it was cut, its end is replaced by dots. */
static size_t
end_text(Text *text)
{
	if (text->full && text->size > 4)
	{
		size_t		keep = text->len < text->size - 4 ? text->len : text->size - 4;

		while (keep > 0 && ((unsigned char) text->out[keep] & 0xC0) == 0x80 &&
			   keep < text->len)
			keep--;
		while (keep > 0 && text->out[keep - 1] == ' ')
			keep--;
		memcpy(text->out + keep, "...", 3);
		text	  ->len = keep + 3;
	}
	text	  ->out[text->len] = '\0';

	return hide_tokens(text->out);
}

/* Title and detail, or a message, of a JSON or XML body. */
static bool
decode_body(WfmFormat format, const char *body, size_t len, Text *text)
{
	static const char *const scope = ".";
	static const WfmDecodeField fields[] = {
		{"Title|title", 0, WFM_TAKE_TEXT},
		{"Detail|detail", 0, WFM_TAKE_TEXT},
		{"errorDescription|ErrorDescription|error_description|message|Message|"
			"error/message|errors/message|errors/detail|errors|error|Error",
		0, WFM_TAKE_TEXT},
	};
	WfmDecodeSpec spec = {&scope, 1, fields, 3};
	WfmDecoder *d = wfm_decoder_create(format, &spec, NULL);
	const WfmRecord *record;
	const char *described;

	if (d == NULL)
		return false;
	wfm_decoder_feed(d, body, len);
	record = wfm_decoder_next(d);
	described = wfm_decoder_envelope(d)->error_description;
	if (record && record->values[2].data)
		put_text(text, record->values[2].data, record->values[2].len);
	else if (record && (record->values[0].data || record->values[1].data))
	{
		if (record->values[0].data)
			put_text(text, record->values[0].data, record->values[0].len);
		if (record->values[0].data && record->values[1].data)
			put_text(text, ": ", 2);
		if (record->values[1].data)
			put_text(text, record->values[1].data, record->values[1].len);
	}
	else if (described)
		put_text(text, described, strlen(described));
	wfm_decoder_destroy(d);
	return text->len > 0;
}

/* Where needle stands in text, in any letter case; NULL: nowhere. */
static const char *
find(const char *text, const char *end, const char *needle)
{
	size_t		n = strlen(needle);

	for (; (size_t) (end - text) >=n; text ++)
		if (strncasecmp(text, needle, n) == 0)
			return text;

	return NULL;
}

/* The few entities that pages of gateways hold. */
static size_t
entity(const char *p, const char *end, char *c)
{
	static const struct
	{
		const char *name;
		char		c;
	}			known[] =
	{
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'},
		{"&#39;", '\''}, {"&apos;", '\''}, {"&nbsp;", ' '},
	};
	size_t		i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		size_t		n = strlen(known[i].name);

		if ((size_t) (end - p) >= n && strncmp(p, known[i].name, n) == 0)
		{
			*c = known[i].c;
			return n;
		}
	}
	return 0;
}

/* The text between tags. */
static void
put_html(Text *text, const char *p, const char *end)
{
	while (p < end && !text->full)
	{
		char		c;
		size_t		n;

		if (*p == '<')
		{
			const char *close;

			/* what these hold is not for people */
			if (find(p, p + 7 < end ? p + 7 : end, "<script") ||
				find(p, p + 6 < end ? p + 6 : end, "<style"))
			{
				close = find(p, end, p[2] == 'c' || p[2] == 'C' ? "</script" : "</style");
				if (close == NULL)
					return;
				p = close;
			}
			close = memchr(p, '>', end - p);
			if (close == NULL)
				return;
			p = close + 1;
			put_char(text, ' ');
		}
		else if (*p == '&' && (n = entity(p, end, &c)) > 0)
		{
			put_char(text, (unsigned char) c);
			p += n;
		}
		else
			put_char(text, next_char(&p, end));
	}
}

static bool
read_html(const char *body, size_t len, Text *text)
{
	static const char *const elements[] = {"title", "h1", "body"};
	const char *end = body + len;
	size_t		i;

	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		char		tag[16];
		const char *start;
		const char *close;

		snprintf(tag, sizeof(tag), "<%s", elements[i]);
		start = find(body, end, tag);
		start = start ? memchr(start, '>', end - start) : NULL;
		if (start == NULL)
			continue;
		snprintf(tag, sizeof(tag), "</%s", elements[i]);
		close = find(start, end, tag);
		put_html(text, start + 1, close ? close : end);
		if (text->len > 0)
			return true;
	}
	put_html(text, body, end);
	return text->len > 0;
}

size_t
wfm_error_text(const char *body, size_t len, char *out, size_t size)
{
	Text text = {out, size, 0, false, false};
	const char *start = body;
	const char *end;

	if (size == 0)
		return 0;
	if (len > MAX_BODY)
		len = MAX_BODY;
	end = body + len;
	if (len >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
		start += 3;
	while (start < end && (*start == ' ' || *start == '\r' || *start == '\n' || *start == '\t'))
		start++;
	if (start == end)
		return end_text(&text);

	if (*start == '{' || *start == '[')
	{
		if (decode_body(WFM_FORMAT_JSON, body, len, &text))
			return end_text(&text);
	}
	else if (*start == '<')
	{
		if (decode_body(WFM_FORMAT_XML, body, len, &text) ||
			read_html(start, end - start, &text))
			return end_text(&text);
	}
	/* plain text, or a format unknown: its beginning */
	put_text(&text, start, end - start);
	return end_text(&text);
}
