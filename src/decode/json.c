/*
 * decode/json.c
 *		Reads JSON tokens from slices of any size (RFC 8259, strictly).
 *
 * Numbers stay the text they are, so no digit is lost.  What JSON can say and
 * a database cannot store (\u0000, half a surrogate pair) is an encoding fault
 * in a value that is used, and passes in one that is not.
 */
#include <stdlib.h>

#include "decode/json_private.h"

#define ONES	UINT64_C(0x0101010101010101)
#define HIGHS	UINT64_C(0x8080808080808080)

/* Highest bit of each byte that is less than n (n up to 128). */
#define BYTES_BELOW(w, n)	(((w) - ONES * (n)) & ~(w) & HIGHS)

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static WfmDecodeStatus
malformed(WfmDecoder *d, uint64_t offset, const char *message)
{
	return wfm_decoder_fail(d, WFM_DECODE_MALFORMED, offset, message);
}

bool
wfm_json_create(WfmDecoder *d)
{
	d->json = calloc(1, sizeof(WfmJson));
	if (d->json == NULL)
		return false;
	d->json->frames = calloc(d->limits.max_depth, sizeof(WfmJsonFrame));
	return d->json->frames != NULL;
}

void
wfm_json_destroy(WfmDecoder *d)
{
	if (d->json == NULL)
		return;
	free(d->json->frames);
	free(d->json->raw);
	free(d->json);
	d->json = NULL;
}

/* What may follow a complete value. */
static inline void
after_value(WfmJson *json)
{
	json->state = json->depth > 0 ? JSON_COMMA_OR_END : JSON_END;
}

/* Bytes at the start of a string's rest that are neither '"', '\' nor control. */
static size_t
plain_length(const char *p, const char *end)
{
	const char *start = p;

	while (end - p >= 8)
	{
		uint64_t	w;

		memcpy(&w, p, 8);
		if (BYTES_BELOW(w, 0x20) | BYTES_BELOW(w ^ ONES * '"', 1) |
			BYTES_BELOW(w ^ ONES * '\\', 1))
			break;
		p += 8;
	}
	while (p < end && (unsigned char) *p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p - start;
}

/* Add decoded bytes to the name or value being read. */
static bool
add_text(WfmDecoder *d, const char *data, size_t len, uint64_t offset)
{
	WfmJson    *json = d->json;

	if (!json->in_key)
		return !json->wanted || wfm_text_append(d, &json->text, data, len, offset);
	if (json->key_len > WFM_JSON_KEY_SIZE || len > WFM_JSON_KEY_SIZE - json->key_len)
		json->key_len = WFM_JSON_KEY_SIZE + 1;
	else
	{
		memcpy(json->key + json->key_len, data, len);
		json->key_len += len;
	}
	return true;
}

/* The closing quote. */
static bool
end_string(WfmDecoder *d, uint64_t offset)
{
	WfmJson    *json = d->json;

	if (!json->in_key)
	{
		if (!wfm_json_scalar_end(d, false, offset))
			return false;
		after_value(json);
		return true;
	}
	json->state = JSON_COLON;
	if (json->key_len > WFM_JSON_KEY_SIZE)
	{
		json->member = NULL;
		return true;
	}
	return wfm_json_key(d, json->key, json->key_len, offset);
}

/* Is the string used, so that what cannot be stored in it is a fault? */
static bool
is_used(const WfmDecoder *d)
{
	return (!d->json->in_key && d->json->wanted) || d->captures > 0;
}

/* A whole \uXXXX has been read. */
static bool
end_escape(WfmDecoder *d, uint64_t offset)
{
	WfmJson    *json = d->json;
	uint32_t	code = json->code;
	char		bytes[4];
	const char *problem = NULL;

	json->state = JSON_STRING;
	if (json->high)
	{
		if (code >= 0xDC00 && code <= 0xDFFF)
		{
			code = 0x10000 + ((json->high - 0xD800) << 10) + (code - 0xDC00);
			json->high = 0;
			return add_text(d, bytes, wfm_utf8_encode(code, bytes), offset);
		}
		problem = "half a surrogate pair is no character";
		json->high = 0;
	}
	if (code >= 0xD800 && code <= 0xDBFF)
	{
		json->high = code;
		json->state = JSON_LOW_SURROGATE;
	}
	else if (code >= 0xDC00 && code <= 0xDFFF)
		problem = "half a surrogate pair is no character";
	else if (code == 0)
		problem = "a NUL character cannot be stored";
	else if (problem == NULL)
		return add_text(d, bytes, wfm_utf8_encode(code, bytes), offset);
	if (problem && is_used(d))
	{
		wfm_decoder_fail(d, WFM_DECODE_ENCODING, offset, problem);
		return false;
	}
	return true;
}

/* The first half of a surrogate pair stands alone. */
static bool
lone_surrogate(WfmDecoder *d, uint64_t offset)
{
	d->json->high = 0;
	if (is_used(d))
	{
		wfm_decoder_fail(d, WFM_DECODE_ENCODING, offset,
						 "half a surrogate pair is no character");
		return false;
	}
	return true;
}

/* One character after a backslash. */
static bool
escape(WfmDecoder *d, char c, uint64_t offset)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *found = c ? strchr(from, c) : NULL;

	if (c == 'u')
	{
		d->json->state = JSON_HEX;
		d->json->code = 0;
		d->json->hex_digits = 0;
		return true;
	}
	if (found == NULL)
	{
		malformed(d, offset, "an unknown escape in a string");
		return false;
	}
	d->json->state = JSON_STRING;
	return add_text(d, to + (found - from), 1, offset);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Read on in a string: up to its end or that of the slice.  Returns how many
 * bytes were read; a fault ends it too.
 */
static size_t
read_string(WfmDecoder *d, const char *data, const char *end, uint64_t offset)
{
	WfmJson    *json = d->json;
	const char *p = data;

	while (p < end)
	{
		uint64_t	here = offset + (p - data);
		char		c = *p;
		int			digit;

		switch (json->state)
		{
			case JSON_STRING:
				{
					size_t		n = plain_length(p, end);

					if (n > 0)
					{
						if (!add_text(d, p, n, here))
							return p - data;
						p += n;
						continue;
					}
				}
				if (c == '"')
				{
					if (d->captures > 0 && !wfm_json_capture(d, data, p + 1 - data, here))
						return p - data;
					if (end_string(d, here))
						p++;
					return p - data;
				}
				if (c != '\\')
				{
					malformed(d, here, "a control character in a string");
					return p - data;
				}
				json->state = JSON_ESCAPE;
				break;
			case JSON_ESCAPE:
				if (!escape(d, c, here))
					return p - data;
				break;
			case JSON_HEX:
				digit = hex_value(c);
				if (digit < 0)
				{
					malformed(d, here, "a \\u escape without four digits");
					return p - data;
				}
				json->code = json->code << 4 | digit;
				if (++json->hex_digits == 4 && !end_escape(d, here))
					return p - data;
				break;
			case JSON_LOW_SURROGATE:
				if (c == '\\')
				{
					json->state = JSON_LOW_SURROGATE_U;
					break;
				}
				if (!lone_surrogate(d, here))
					return p - data;
				json->state = JSON_STRING;
				continue;
			default:			/* JSON_LOW_SURROGATE_U */
				if (c != 'u' && !lone_surrogate(d, here))
					return p - data;
				if (!escape(d, c, here))
					return p - data;
				break;
		}
		p++;
	}
	if (d->captures > 0)
		(void) wfm_json_capture(d, data, p - data, offset);
	return p - data;
}

/* Where a number goes on with this character; JSON_END: not part of it. */
static WfmJsonState
number_step(WfmJsonState state, char c)
{
	bool		digit = c >= '0' && c <= '9';

	switch (state)
	{
		case JSON_MINUS:
			return c == '0' ? JSON_ZERO : digit ? JSON_DIGITS : JSON_END;
		case JSON_DIGITS:
			if (digit)
				return JSON_DIGITS;
			/* FALLTHROUGH */
		case JSON_ZERO:
			return c == '.' ? JSON_POINT : c == 'e' || c == 'E' ? JSON_EXPONENT : JSON_END;
		case JSON_POINT:
			return digit ? JSON_FRACTION : JSON_END;
		case JSON_FRACTION:
			return digit ? JSON_FRACTION : c == 'e' || c == 'E' ? JSON_EXPONENT : JSON_END;
		case JSON_EXPONENT:
			if (c == '+' || c == '-')
				return JSON_EXPONENT_SIGN;
			return digit ? JSON_EXPONENT_DIGITS : JSON_END;
		default:				/* after the sign or in the digits */
			return digit ? JSON_EXPONENT_DIGITS : JSON_END;
	}
}

/* Read on in a number, as read_string does. */
static size_t
read_number(WfmDecoder *d, const char *data, const char *end, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmJsonState state = json->state;
	const char *p = data;
	bool		ended = false;

	while (p < end)
	{
		WfmJsonState next = number_step(state, *p);

		if (next == JSON_END)
		{
			ended = true;
			break;
		}
		state = next;
		p++;
	}
	json->state = state;
	if (p > data && (!add_text(d, data, p - data, offset) ||
					 (d->captures > 0 && !wfm_json_capture(d, data, p - data, offset))))
		return p - data;
	if (!ended)
		return p - data;
	if (state != JSON_ZERO && state != JSON_DIGITS && state != JSON_FRACTION &&
		state != JSON_EXPONENT_DIGITS)
		malformed(d, offset + (p - data), "a number is not complete");
	else if (wfm_json_scalar_end(d, false, offset))
		after_value(json);
	return p - data;
}

/* Read on in a literal, as read_string does. */
static size_t
read_literal(WfmDecoder *d, const char *data, const char *end, uint64_t offset)
{
	WfmJson    *json = d->json;
	const char *p = data;
	bool		is_null = json->literal[0] == 'n';

	while (p < end && json->literal[json->literal_len])
	{
		if (*p != json->literal[json->literal_len])
		{
			malformed(d, offset + (p - data), "a word that is no JSON value");
			return p - data;
		}
		json->literal_len++;
		p++;
	}
	if (json->literal[json->literal_len] == '\0')
	{
		size_t		len = json->literal_len;

		if ((!is_null && !add_text(d, json->literal, len, offset)) ||
			(d->captures > 0 && !wfm_json_capture(d, json->literal, len, offset)) ||
			!wfm_json_scalar_end(d, is_null, offset))
			return p - data;
		after_value(json);
	}
	return p - data;
}

/* The first character of a value. */
static bool
begin_value(WfmDecoder *d, char c, uint64_t offset)
{
	WfmJson    *json = d->json;

	json->in_key = false;
	switch (c)
	{
		case '{':
			json->state = JSON_KEY_OR_END;
			return wfm_json_open(d, false, offset);
		case '[':
			json->state = JSON_VALUE_OR_END;
			return wfm_json_open(d, true, offset);
		case '"':
			json->state = JSON_STRING;
			return wfm_json_scalar_begin(d, false, offset) &&
				(d->captures == 0 || wfm_json_capture(d, "\"", 1, offset));
		case 't':
		case 'f':
		case 'n':
			json->state = JSON_LITERAL;
			json->literal = c == 't' ? "true" : c == 'f' ? "false" : "null";
			json->literal_len = 1;
			return wfm_json_scalar_begin(d, c == 'n', offset);
		default:
			if (c != '-' && (c < '0' || c > '9'))
			{
				malformed(d, offset, "a value is missing");
				return false;
			}
			json->state = c == '-' ? JSON_MINUS : c == '0' ? JSON_ZERO : JSON_DIGITS;
			return wfm_json_scalar_begin(d, false, offset) &&
				add_text(d, &c, 1, offset) &&
				(d->captures == 0 || wfm_json_capture(d, &c, 1, offset));
	}
}

/* The first character of the body that is not blank. */
static bool
begin_body(WfmDecoder *d, char c, uint64_t offset)
{
	if (c == '{' || c == '[')
		return begin_value(d, c, offset);
	wfm_decoder_fail(d, WFM_DECODE_NOT_THIS_FORMAT, offset,
					 c == '<' ? "the body is XML or HTML, not JSON" :
					 "the body is no JSON object or list");
	return false;
}

static bool
begin_key(WfmDecoder *d, uint64_t offset)
{
	WfmJson    *json = d->json;

	json->state = JSON_STRING;
	json->in_key = true;
	/* Where nothing is wanted, a name need not be kept. */
	json->key_len = json->frames[json->depth - 1].node ? 0 : WFM_JSON_KEY_SIZE + 1;
	return d->captures == 0 || wfm_json_capture(d, "\"", 1, offset);
}

static bool
end_container(WfmDecoder *d, uint64_t offset)
{
	if (!wfm_json_close(d, offset))
		return false;
	after_value(d->json);
	return true;
}

/* One character between values. */
static bool
structure(WfmDecoder *d, char c, uint64_t offset)
{
	WfmJson    *json = d->json;
	WfmJsonFrame *frame = &json->frames[json->depth - 1];

	switch (json->state)
	{
		case JSON_START:
			return begin_body(d, c, offset);
		case JSON_VALUE_OR_END:
			if (c == ']')
				return end_container(d, offset);
			return begin_value(d, c, offset);
		case JSON_VALUE:
			return begin_value(d, c, offset);
		case JSON_KEY_OR_END:
			if (c == '}')
				return end_container(d, offset);
			/* FALLTHROUGH */
		case JSON_KEY:
			if (c == '"')
				return begin_key(d, offset);
			malformed(d, offset, "a member name is missing");
			return false;
		case JSON_COLON:
			if (c == ':')
			{
				json->state = JSON_VALUE;
				return d->captures == 0 || wfm_json_capture(d, ":", 1, offset);
			}
			malformed(d, offset, "a colon is missing after a member name");
			return false;
		case JSON_COMMA_OR_END:
			if (c == (frame->is_array ? ']' : '}'))
				return end_container(d, offset);
			if (c == ',')
			{
				json->state = frame->is_array ? JSON_VALUE : JSON_KEY;
				return d->captures == 0 || wfm_json_capture(d, ",", 1, offset);
			}
			malformed(d, offset, "a comma is missing between values");
			return false;
		default:				/* JSON_END */
			malformed(d, offset, "something follows the end of the document");
			return false;
	}
}

WfmDecodeStatus
wfm_json_feed(WfmDecoder *d, const char *data, size_t len)
{
	static const char bom[] = {'\xEF', '\xBB', '\xBF'};
	WfmJson    *json = d->json;
	const char *p = data;
	const char *end = data + len;

	while (p < end && d->fed + (p - data) < 3 && json->state == JSON_START &&
		   *p == bom[d->fed + (p - data)])
		p++;

	while (p < end)
	{
		uint64_t	offset = d->fed + (p - data);

		switch (json->state)
		{
			case JSON_STRING:
			case JSON_ESCAPE:
			case JSON_HEX:
			case JSON_LOW_SURROGATE:
			case JSON_LOW_SURROGATE_U:
				p += read_string(d, p, end, offset);
				break;
			case JSON_MINUS:
			case JSON_ZERO:
			case JSON_DIGITS:
			case JSON_POINT:
			case JSON_FRACTION:
			case JSON_EXPONENT:
			case JSON_EXPONENT_SIGN:
			case JSON_EXPONENT_DIGITS:
				p += read_number(d, p, end, offset);
				break;
			case JSON_LITERAL:
				p += read_literal(d, p, end, offset);
				break;
			default:
				if (!is_blank(*p))
					(void) structure(d, *p, offset);
				p++;
				break;
		}
		if (wfm_decoder_failed(d))
			break;
	}
	return d->error.status;
}

WfmDecodeStatus
wfm_json_finish(WfmDecoder *d)
{
	/* The top value is an object or array, so nothing ends with the body. */
	return WFM_DECODE_OK;
}
