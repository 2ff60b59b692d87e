/*
 * decode/decoder.h
 *		Bytes of one answer in, records out, streaming.
 *
 * Pure C: no PostgreSQL header, no throwing, memory through the C allocator.
 * One decoder reads one answer.  The caller feeds the body in slices of any
 * size; after each slice it takes the records that slice completed.  Memory
 * is bounded by one slice's records plus the one record that is open.
 *
 * The same interface serves XML (decode/xml.c) and JSON (decode/json.c).
 */
#ifndef WFM_DECODE_DECODER_H
#define WFM_DECODE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum WfmFormat
{
	WFM_FORMAT_XML,
	WFM_FORMAT_JSON
} WfmFormat;

/* What is taken from the place a field's path names. */
typedef enum WfmTake
{
	WFM_TAKE_TEXT,				/* the text of a leaf; empty counts as absent */
	WFM_TAKE_JSON				/* the whole subtree as JSON text; of XML by
								 * the rule in decode/tree.c, of JSON as it
								 * came. Capped as a record, not as a value */
} WfmTake;

/*
 * One value wanted from each record.
 *
 * path is relative to the scope's element, parts separated by '/', and may
 * hold alternatives separated by '|' of which the first that is present and
 * not empty wins: "WebUrl|WebURL", "AccountManager/Name|AccountManager".
 * A path may end on an element that also has children: its own direct text
 * is taken (without the blanks around it, which are layout there).  "." with
 * WFM_TAKE_JSON is the whole scope element.  A path that crosses a list takes
 * the list's first element.
 */
typedef struct WfmDecodeField
{
	const char *path;
	int			scope;			/* index into WfmDecodeSpec.scopes */
	WfmTake		take;
} WfmDecodeField;

/*
 * Where the records lie and what to take from them.
 *
 * scopes[0] is the path from the root element (root itself left out, e.g.
 * "Clients/Client") to the outermost repeating element; each further scope is
 * the path from the scope before it to a list inside ("Tasks/Task").  One
 * record is delivered for each element of the innermost scope; values of the
 * outer scopes are repeated in it, also those whose elements come after the
 * inner list.  A scope's path may hold alternatives too, all of which count:
 * "Clients/Client|Client".
 *
 * In JSON a scope's elements are those of the array at its path, or the one
 * object there; a bare array at the top is the list of scope 0; the
 * alternative "." means that the top object may itself be the record
 * ("data|.").  See decode/json_values.c.
 *
 * All strings and arrays must outlive the decoder.  With no fields records
 * are counted in the envelope and not delivered.
 */
typedef struct WfmDecodeSpec
{
	const char *const *scopes;
	int			nscopes;
	const WfmDecodeField *fields;
	int			nfields;
} WfmDecodeSpec;

/* Caps on hostile input; each has a default in wfm_decode_default_limits. */
typedef struct WfmDecodeLimits
{
	size_t		max_value_bytes;	/* one value, default 1 MiB */
	size_t		max_record_bytes;	/* one outermost record's kept values,
									 * default 16 MiB */
	int			max_depth;		/* nesting, default 64 */
} WfmDecodeLimits;

extern const WfmDecodeLimits wfm_decode_default_limits;

/* One value: data is NULL when absent or empty; not NUL-terminated. */
typedef struct WfmValue
{
	const char *data;
	size_t		len;
} WfmValue;

/* One record; pointers are valid until the next feed, finish or destroy. */
typedef struct WfmRecord
{
	const WfmValue *values;		/* nfields of them, in the spec's order */
	uint64_t	number;			/* 1-based ordinal among delivered records */
	const uint32_t *ordinals;	/* nscopes of them: 1-based ordinal of each
								 * scope's element within its parent */
} WfmRecord;

/* What stands around the records.  Strings are NULL, numbers -1, if absent. */
typedef struct WfmEnvelope
{
	bool		complete;		/* root element or top-level value closed */
	bool		status_seen;	/* a Status was there */
	bool		status_ok;		/* and said OK, in any letter case */
	const char *status;			/* its text */
	const char *error_description;	/* ErrorDescription, or errorDescription,
									 * or title/detail of a JSON problem */
	int64_t		records;		/* Records (cost list) */
	int64_t		page;			/* Page, PageSize, TotalRecords, or total */
	int64_t		page_size;
	int64_t		total_records;
	const char *next_link;		/* Pagination/Links/Next */
	uint64_t	records_delivered;	/* innermost records so far */
	uint64_t	outer_records;	/* outermost records so far */
} WfmEnvelope;

typedef enum WfmDecodeStatus
{
	WFM_DECODE_OK,
	WFM_DECODE_TRUNCATED,		/* finish: the root never closed */
	WFM_DECODE_NOT_THIS_FORMAT, /* first bytes are not XML / JSON, e.g. HTML */
	WFM_DECODE_MALFORMED,		/* not well-formed */
	WFM_DECODE_ENCODING,		/* bad UTF-8, NUL, or another encoding */
	WFM_DECODE_FORBIDDEN,		/* DOCTYPE, entity declaration */
	WFM_DECODE_TOO_DEEP,
	WFM_DECODE_VALUE_TOO_BIG,
	WFM_DECODE_RECORD_TOO_BIG,
	WFM_DECODE_OUT_OF_MEMORY
} WfmDecodeStatus;

typedef struct WfmDecodeError
{
	WfmDecodeStatus status;
	uint64_t	byte_offset;	/* into the decoded body */
	uint64_t	record_number;	/* record being read, 0 = none yet */
	char		message[200];	/* printable ASCII, free of library numbers */
} WfmDecodeError;

typedef struct WfmDecoder WfmDecoder;

/*
 * Make a decoder.  limits may be NULL for the defaults.  Returns NULL when
 * memory is short or a path in the spec is malformed.
 */
extern WfmDecoder *wfm_decoder_create(WfmFormat format,
									  const WfmDecodeSpec *spec,
									  const WfmDecodeLimits *limits);

/*
 * Feed a slice (any length, 0 allowed).  All records of the slice before must
 * have been taken or are dropped.  Anything but WFM_DECODE_OK is final; the
 * details are in wfm_decoder_error.  Records completed before the fault can
 * still be taken.
 */
extern WfmDecodeStatus wfm_decoder_feed(WfmDecoder *decoder,
										const char *data, size_t len);

/* Say that the body ended: WFM_DECODE_TRUNCATED unless the root closed. */
extern WfmDecodeStatus wfm_decoder_finish(WfmDecoder *decoder);

/* Take the next completed record, or NULL: feed more. */
extern const WfmRecord *wfm_decoder_next(WfmDecoder *decoder);

/* The envelope as read so far; valid until destroy, strings included. */
extern const WfmEnvelope *wfm_decoder_envelope(const WfmDecoder *decoder);

/* The fault, status WFM_DECODE_OK when there is none. */
extern const WfmDecodeError *wfm_decoder_error(const WfmDecoder *decoder);

/* Free everything; NULL is allowed. */
extern void wfm_decoder_destroy(WfmDecoder *decoder);

#endif							/* WFM_DECODE_DECODER_H */
