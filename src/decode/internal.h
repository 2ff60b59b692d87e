/*
 * decode/internal.h
 *		What the parts of decode/ share: the decoder, its memory, the compiled
 *		paths and the record builder.  Nobody outside decode/ includes this.
 *
 *		arena.c		memory of values and records
 *		utf8.c		checks the encoding, slice by slice
 *		paths.c		compiles a spec to a tree of names
 *		records.c	opens and closes records, sets values, reads the envelope
 *		tree.c		renders an XML subtree as JSON
 *		xml.c, json.c	the two formats: call records.c as names come and go
 *		json_values.c	what JSON's tokens mean for records
 *		decoder.c	the public interface
 */
#ifndef WFM_DECODE_INTERNAL_H
#define WFM_DECODE_INTERNAL_H

#include <string.h>

#include "decode/decoder.h"

/* ------------------------------------------------------------------------
 * Memory
 * ------------------------------------------------------------------------ */

/*
 * A bump allocator over a list of blocks, oldest first.  "tip" is the next
 * free byte of the newest block.  The text of a value grows at the tip.
 */
typedef struct WfmBlock
{
	struct WfmBlock *next;
	size_t		size;
	char		data[];
} WfmBlock;

typedef struct WfmArena
{
	WfmBlock   *first;
	WfmBlock   *last;
	WfmBlock   *spare;			/* one block of the usual size, or NULL */
	char	   *tip;
	char	   *end;
	WfmBlock   *mark;			/* oldest block to keep, NULL: none */
} WfmArena;

/* size bytes, aligned for any member used here; NULL: out of memory. */
extern void *wfm_arena_alloc(WfmArena *arena, size_t size);

/*
 * Make room for n more bytes after the text of len bytes at text (NULL: a new
 * one).  Returns where the text stands now, with the tip right after it, or
 * NULL when memory is short.
 */
extern char *wfm_arena_extend(WfmArena *arena, char *text, size_t len, size_t n);

/* Keep everything from here on at the next reset. */
extern bool wfm_arena_mark(WfmArena *arena);

/* Forget what stands before the mark, or everything without one. */
extern void wfm_arena_reset(WfmArena *arena);

extern void wfm_arena_free(WfmArena *arena);

/* ------------------------------------------------------------------------
 * Encoding
 * ------------------------------------------------------------------------ */

/* Where in a character the last slice ended; all zero at the start. */
typedef struct WfmUtf8
{
	unsigned char missing;		/* bytes the open character still needs */
	unsigned char seen;			/* bytes of it that were there */
	unsigned char low;			/* what its next byte may be */
	unsigned char high;
} WfmUtf8;

/*
 * Length of the leading part of data that is UTF-8 without NUL: len when all
 * of it is.  No surrogates, no overlong forms, nothing above U+10FFFF.
 */
extern size_t wfm_utf8_check(WfmUtf8 *state, const char *data, size_t len);

/* Write a code point as UTF-8 (1 to 4 bytes); returns how many. */
extern int	wfm_utf8_encode(uint32_t code, char *out);

/* ------------------------------------------------------------------------
 * Compiled paths
 * ------------------------------------------------------------------------ */

typedef enum WfmEnvelopeSlot
{
	WFM_ENVELOPE_NONE,
	WFM_ENVELOPE_STATUS,
	WFM_ENVELOPE_ERROR_DESCRIPTION,
	WFM_ENVELOPE_TITLE,
	WFM_ENVELOPE_DETAIL,
	WFM_ENVELOPE_RECORDS,
	WFM_ENVELOPE_PAGE,
	WFM_ENVELOPE_PAGE_SIZE,
	WFM_ENVELOPE_TOTAL_RECORDS,
	WFM_ENVELOPE_NEXT_LINK,
	WFM_ENVELOPE_SLOTS
} WfmEnvelopeSlot;

/* A field that takes its value from a node. */
typedef struct WfmTarget
{
	int			field;
	unsigned char rank;			/* which alternative; 0 wins over 1 */
} WfmTarget;

/* One name somewhere below the root. */
typedef struct WfmNode
{
	const char *name;
	size_t		name_len;
	struct WfmNode *parent;
	struct WfmNode *first_child;
	struct WfmNode *next_sibling;
	struct WfmNode *likely;		/* the child that probably comes next */
	int			scope;			/* the scope whose element this is, or -1 */
	WfmEnvelopeSlot envelope;
	WfmTarget  *text;			/* fields that take its text */
	int			ntext;
	WfmTarget  *json;			/* fields that take its subtree */
	int			njson;
	bool		wants_text;		/* ntext or an envelope slot */
	bool		any_case;		/* JSON: its name matches in any letter case */
	uint64_t	seen_in;		/* list names: the object it was last seen in */
} WfmNode;

/*
 * Compile the spec: returns the node of the root element, or NULL (*malformed
 * says whether a path is at fault rather than memory).
 */
extern WfmNode *wfm_paths_compile(WfmFormat format, const WfmDecodeSpec *spec,
								  bool *malformed);
extern void wfm_paths_free(WfmNode *root);

/* ------------------------------------------------------------------------
 * The decoder
 * ------------------------------------------------------------------------ */

/* An element of a captured subtree, until it is rendered as JSON. */
typedef struct WfmTree
{
	const char *name;
	size_t		name_len;
	const char *text;
	size_t		text_len;
	struct WfmTree *first_child;
	struct WfmTree *last_child;
	struct WfmTree *next_sibling;
	struct WfmTree *next_same;	/* next sibling of this name, when rendering */
	bool		repeats;		/* an earlier sibling has this name */
	size_t		nchildren;
	size_t		position;		/* among its siblings */
} WfmTree;

/* An open element or JSON value. */
typedef struct WfmFrame
{
	WfmNode    *node;			/* NULL: nothing below is wanted */
	char	   *text;			/* its own text so far, in the arena */
	size_t		len;
	WfmTree    *tree;			/* in a captured subtree */
	bool		has_children;
	bool		marked;			/* it set the arena's mark */
} WfmFrame;

/* An open element of a scope, with the values found so far. */
typedef struct WfmInstance
{
	struct WfmInstance *outer;
	int			scope;
	WfmValue   *values;			/* one per field of the spec */
	unsigned char *ranks;		/* which alternative gave each value */
	uint32_t	ordinal;		/* within the outer element */
	uint32_t	children;		/* elements of the next scope so far */
	uint64_t	serial;			/* never the same twice */
} WfmInstance;

/* A record of the innermost scope. */
typedef struct WfmBuilt
{
	WfmRecord	record;
	WfmInstance *instance;
} WfmBuilt;

typedef struct WfmXml WfmXml;
typedef struct WfmJson WfmJson;

struct WfmDecoder
{
	WfmFormat	format;
	WfmDecodeSpec spec;
	WfmDecodeLimits limits;
	WfmNode    *root;
	WfmArena	arena;
	WfmUtf8		utf8;
	uint64_t	fed;			/* bytes of all slices before this one */
	WfmDecodeError error;

	/* open elements */
	WfmFrame   *frames;			/* max_depth of them */
	int			depth;
	int			captures;		/* open elements that are rendered as JSON */

	/* records */
	WfmInstance *instance;		/* innermost open element of a scope */
	uint32_t	top_elements;	/* elements of scope 0 so far */
	uint64_t	serial;
	size_t		record_bytes;	/* kept for the open outermost record */
	WfmBuilt   *built;
	size_t		nbuilt;
	size_t		built_size;
	size_t		nready;			/* those whose outermost element closed */
	size_t		next;			/* first one not taken yet */
	size_t		nopen;			/* innermost records of the open outermost
								 * one; counted also without fields */

	/* around the records */
	WfmEnvelope envelope;
	char	   *strings[WFM_ENVELOPE_SLOTS];

	WfmXml	   *xml;
	WfmJson    *json;
};

/* Note the first fault; later ones are ignored.  Returns its status. */
extern WfmDecodeStatus wfm_decoder_fail(WfmDecoder *d, WfmDecodeStatus status,
										uint64_t offset, const char *message);

/* Was a fault noted? */
static inline bool
wfm_decoder_failed(const WfmDecoder *d)
{
	return d->error.status != WFM_DECODE_OK;
}

/* ------------------------------------------------------------------------
 * Records (records.c).  Those that return bool have noted a fault on false;
 * offset is where in the body the parser stands.
 * ------------------------------------------------------------------------ */

extern bool wfm_scope_open(WfmDecoder *d, WfmNode *node, uint64_t offset);
extern void wfm_scope_close(WfmDecoder *d, WfmNode *node);

/* Drop the open outermost record and what belongs to it. */
extern void wfm_scope_abandon(WfmDecoder *d);

/* Set text (in the arena, not empty) for the fields of a node. */
extern void wfm_values_set(WfmDecoder *d, const WfmTarget *targets, int n,
						   const char *data, size_t len);

/* Forget the values that the node and those below it gave. */
extern void wfm_values_clear(WfmDecoder *d, const WfmNode *node);

/* Take the text of an envelope node. */
extern bool wfm_envelope_set(WfmDecoder *d, WfmEnvelopeSlot slot,
							 const char *text, size_t len, uint64_t offset);

/* Forget an envelope string. */
extern void wfm_envelope_clear(WfmDecoder *d, WfmEnvelopeSlot slot);

/* Slow path of wfm_text_append: new text, other text at the tip, no room. */
extern bool wfm_text_move(WfmDecoder *d, WfmFrame *frame, size_t n,
						  uint64_t offset);

/* Add bytes to the text of an open frame. */
static inline bool
wfm_text_append(WfmDecoder *d, WfmFrame *frame, const char *data, size_t n,
				uint64_t offset)
{
	if (frame->text == NULL ||
		frame->text +frame->len != d->arena.tip ||
		(size_t) (d->arena.end - d->arena.tip) < n ||
		d->limits.max_value_bytes - frame->len < n ||
		d->limits.max_record_bytes - d->record_bytes < n)
	{
		if (!wfm_text_move(d, frame, n, offset))
			return false;
	}
	memcpy(d->arena.tip, data, n);
	d->arena.tip += n;
	frame->len += n;
	d->record_bytes += n;
	return true;
}

/* Account n bytes to the open record. */
extern bool wfm_record_charge(WfmDecoder *d, size_t n, uint64_t offset);

/* ------------------------------------------------------------------------
 * XML subtrees as JSON (tree.c)
 * ------------------------------------------------------------------------ */

/* Open an element below the current captured one. */
extern bool wfm_tree_open(WfmDecoder *d, WfmFrame *frame, const char *name,
						  uint64_t offset);

/* Render it into the arena. */
extern bool wfm_tree_render(WfmDecoder *d, const WfmTree *tree,
							const char **data, size_t *len, uint64_t offset);

/* ------------------------------------------------------------------------
 * The formats
 * ------------------------------------------------------------------------ */

extern bool wfm_xml_create(WfmDecoder *d);
extern WfmDecodeStatus wfm_xml_feed(WfmDecoder *d, const char *data, size_t len);
extern WfmDecodeStatus wfm_xml_finish(WfmDecoder *d);
extern void wfm_xml_destroy(WfmDecoder *d);

extern bool wfm_json_create(WfmDecoder *d);
extern WfmDecodeStatus wfm_json_feed(WfmDecoder *d, const char *data, size_t len);
extern WfmDecodeStatus wfm_json_finish(WfmDecoder *d);
extern void wfm_json_destroy(WfmDecoder *d);

#endif							/* WFM_DECODE_INTERNAL_H */
