/*
 * decode/json_private.h
 *		What the two halves of the JSON decoder share: json.c reads tokens,
 *		json_values.c makes records of them.
 */
#ifndef WFM_DECODE_JSON_PRIVATE_H
#define WFM_DECODE_JSON_PRIVATE_H

#include "decode/internal.h"

/* Longer member names than this match nothing, and need not be kept. */
#define WFM_JSON_KEY_SIZE	256

typedef enum WfmJsonState
{
	JSON_START,					/* before the first value */
	JSON_VALUE,					/* a value must come */
	JSON_VALUE_OR_END,			/* after '[' */
	JSON_KEY_OR_END,			/* after '{' */
	JSON_KEY,					/* after ',' in an object */
	JSON_COLON,
	JSON_COMMA_OR_END,
	JSON_STRING,				/* in a member name or a string */
	JSON_ESCAPE,				/* after a backslash */
	JSON_HEX,					/* in the digits of \uXXXX */
	JSON_LOW_SURROGATE,			/* after \uD8XX: a backslash must come */
	JSON_LOW_SURROGATE_U,		/* ... and then a u */
	JSON_MINUS,					/* number: after the sign */
	JSON_ZERO,					/* after a leading 0 */
	JSON_DIGITS,
	JSON_POINT,					/* after the point */
	JSON_FRACTION,
	JSON_EXPONENT,				/* after the e */
	JSON_EXPONENT_SIGN,
	JSON_EXPONENT_DIGITS,
	JSON_LITERAL,				/* in true, false, null */
	JSON_END					/* after the top value */
} WfmJsonState;

/* Which fields take a value as JSON: see json_values.c. */
#define JSON_TAKE_OUTER	1
#define JSON_TAKE_OWN	2

/* An open object or array. */
typedef struct WfmJsonFrame
{
	WfmNode    *node;			/* of the object, or of an array's elements */
	bool		is_array;
	bool		is_list;		/* an array of a scope's elements */
	bool		captured;
	int			take;			/* who takes it as JSON */
	size_t		raw_start;		/* where it starts in the raw text */
	uint64_t	elements;
	uint64_t	serial;			/* never the same twice */
	uint64_t	scope_serial;	/* of the element of a scope that it is, or 0 */
} WfmJsonFrame;

struct WfmJson
{
	WfmJsonState state;
	WfmJsonFrame *frames;		/* max_depth of them */
	int			depth;
	bool		in_key;			/* the string is a member name */
	bool		wanted;			/* the string's text is used */
	char		key[WFM_JSON_KEY_SIZE];
	size_t		key_len;		/* WFM_JSON_KEY_SIZE + 1: too long to match */
	WfmNode    *member;			/* node of the member whose value comes */
	WfmFrame text;				/* of the scalar being read */
	WfmNode    *scalar;			/* its node, or NULL */
	int			scalar_take;
	size_t		scalar_raw;
	bool		scalar_captured;
	bool		scalar_scoped;
	uint32_t	code;			/* of \uXXXX so far */
	int			hex_digits;
	uint32_t	high;			/* surrogate that waits for its second half */
	const char *literal;
	int			literal_len;
	char	   *raw;			/* text of captured values */
	size_t		raw_len;
	size_t		raw_size;
};

/*
 * json_values.c: called as tokens come.  All return false after noting a
 * fault.
 */

/* A member's name is complete. */
extern bool wfm_json_key(WfmDecoder *d, const char *name, size_t len,
						 uint64_t offset);

extern bool wfm_json_open(WfmDecoder *d, bool is_array, uint64_t offset);
extern bool wfm_json_close(WfmDecoder *d, uint64_t offset);

/* A string, number or literal begins; sets json->wanted. */
extern bool wfm_json_scalar_begin(WfmDecoder *d, bool is_null, uint64_t offset);

/* It ended. */
extern bool wfm_json_scalar_end(WfmDecoder *d, bool is_null, uint64_t offset);

/* Add source text to the captured value. */
extern bool wfm_json_capture(WfmDecoder *d, const char *data, size_t len,
							 uint64_t offset);

#endif							/* WFM_DECODE_JSON_PRIVATE_H */
