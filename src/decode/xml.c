/*
 * decode/xml.c
 *		XML through libxml2's push parser and SAX2 callbacks.
 *
 * Names are interned in the parser's dictionary, so a name is matched by its
 * pointer.  Nothing process-wide of libxml2 is touched: PostgreSQL's own xml
 * type uses the same library.  A callback that finds a fault sets d->error and
 * stops the parser; d->error alone decides, since a stopped parser calls
 * itself well-formed.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "decode/internal.h"

/* Longest start of a body that is held back until it is known what it is. */
#define HEAD_SIZE	512

/*
 * Longest markup that is not text (a tag, a comment): libxml2 keeps it in
 * memory until its end, and gives up on its own account at 10 MB.
 */
#define MAX_MARKUP	(1024 * 1024)

/* libxml2 2.9 misreads a body whose first piece is shorter. */
#define MIN_FIRST_PIECE	4

typedef enum XmlPhase
{
	XML_BLANKS,					/* byte order mark and blanks are skipped */
	XML_HEAD,					/* collecting the first bytes */
	XML_BODY
} XmlPhase;

struct WfmXml
{
	xmlParserCtxtPtr ctxt;
	XmlPhase	phase;
	uint64_t	skipped;		/* bytes libxml2 never saw, at the start */
	uint64_t	passed;			/* bytes it was given */
	uint64_t	last_event;		/* "passed" when it last called back */
	char		head[HEAD_SIZE];
	size_t		head_len;
	char		torn[4];		/* a character cut by the end of the slice */
	size_t		torn_len;
};

/* Where in the body the parser stands. */
static uint64_t
offset_of(WfmDecoder *d)
{
#if LIBXML_VERSION >= 21500
	unsigned long consumed = 0;

	(void) xmlCtxtGetInputPosition(d->xml->ctxt, 0, NULL, NULL, NULL, &consumed);
#else
	long		consumed = xmlByteConsumed(d->xml->ctxt);
#endif

	return d->xml->skipped + (consumed > 0 ? consumed : 0);
}

/* Note a fault from within a callback and stop. */
static void
stop(WfmDecoder *d, WfmDecodeStatus status, const char *message)
{
	wfm_decoder_fail(d, status, offset_of(d), message);
	xmlStopParser(d->xml->ctxt);
}

static bool
is_blank(const char *text, size_t len)
{
	size_t		i;

	for (i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\n' && text[i] != '\t' &&
			text[i] != '\r')
			return false;
	return true;
}

/* The child of a node with this interned name, or NULL. */
static inline WfmNode *
find_child(WfmNode *parent, const xmlChar *name)
{
	WfmNode    *first = parent->likely ? parent->likely : parent->first_child;
	WfmNode    *node;

	/* Elements mostly come in the order of the fields. */
	for (node = first; node; node = node->next_sibling)
		if (node->name == (const char *) name)
			goto found;
	for (node = parent->first_child; node != first; node = node->next_sibling)
		if (node->name == (const char *) name)
			goto found;
	return NULL;
found:
	parent->likely = node->next_sibling;
	return node;
}

static void
start_element(void *context, const xmlChar *name, const xmlChar *prefix,
			  const xmlChar *uri, int nnamespaces, const xmlChar **namespaces,
			  int nattributes, int ndefaulted, const xmlChar **attributes)
{
	WfmDecoder *d = context;
	WfmFrame   *frame;
	WfmNode    *node;

	d->xml->last_event = d->xml->passed;
	if (wfm_decoder_failed(d))
		return;
	if (d->depth == d->limits.max_depth)
	{
		stop(d, WFM_DECODE_TOO_DEEP, "elements are nested too deep");
		return;
	}
	frame = &d->frames[d->depth];
	if (d->depth++ == 0)
	{
		if (strcasecmp((const char *) name, "html") == 0)
		{
			stop(d, WFM_DECODE_NOT_THIS_FORMAT, "the body is HTML, not XML");
			return;
		}
		node = d->root;
	}
	else
	{
		frame[-1].has_children = true;
		node = frame[-1].node ? find_child(frame[-1].node, name) : NULL;
	}
	frame->node = node;
	if (node == NULL && d->captures == 0)
		return;

	frame->text = NULL;
	frame->len = 0;
	frame->tree = NULL;
	frame->has_children = false;
	frame->marked = false;
	if (node)
	{
		if (node->scope >= 0)
		{
			if (!wfm_scope_open(d, node, 0))
				goto failed;
		}
		else if (node->envelope && d->arena.mark == NULL)
		{
			/* Its text must last until its end, as a record's does. */
			if (!wfm_arena_mark(&d->arena))
			{
				wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, 0, "out of memory");
				goto failed;
			}
			frame->marked = true;
			d->record_bytes = 0;
		}
		if (node->njson > 0)
			d->captures++;
	}
	if (d->captures > 0 &&
		!wfm_tree_open(d, frame, (const char *) name, 0))
		goto failed;
	return;

failed:
	d->error.byte_offset = offset_of(d);
	xmlStopParser(d->xml->ctxt);
}

static void
characters(void *context, const xmlChar *text, int len)
{
	WfmDecoder *d = context;
	WfmFrame   *frame;

	d->xml->last_event = d->xml->passed;
	if (wfm_decoder_failed(d) || d->depth == 0)
		return;
	frame = &d->frames[d->depth - 1];
	if (d->captures == 0 && (frame->node == NULL || !frame->node->wants_text))
		return;
	if (!wfm_text_append(d, frame, (const char *) text, len, 0))
	{
		d->error.byte_offset = offset_of(d);
		xmlStopParser(d->xml->ctxt);
	}
}

/* Text beside child elements: blanks around it are layout. */
static void
trim_blanks(WfmFrame *frame)
{
	while (frame->len > 0 && is_blank(frame->text, 1))
	{
		frame->text ++;
		frame->len--;
	}
	while (frame->len > 0 && is_blank(frame->text +frame->len - 1, 1))
		frame->len--;
}

/* Give the values of a closed element to those who want them. */
static bool
take_values(WfmDecoder *d, WfmFrame *frame)
{
	WfmNode    *node = frame->node;

	if (frame->has_children)
		trim_blanks(frame);
	if (frame->tree)
	{
		frame->tree->text = frame->text;
		frame->tree->text_len = frame->len;
	}
	if (node == NULL)
		return true;
	if (frame->len > 0 && node->ntext > 0)
		wfm_values_set(d, node->text, node->ntext, frame->text, frame->len);
	if (node->envelope &&
		!wfm_envelope_set(d, node->envelope, frame->text, frame->len, 0))
		return false;
	if (node->njson > 0)
	{
		d->captures--;
		/* An empty element is NULL, not the JSON null. */
		if (frame->has_children || frame->len > 0)
		{
			const char *data;
			size_t		len;

			if (!wfm_tree_render(d, frame->tree, &data, &len, 0))
				return false;
			wfm_values_set(d, node->json, node->njson, data, len);
		}
	}
	return true;
}

static void
end_element(void *context, const xmlChar *name, const xmlChar *prefix,
			const xmlChar *uri)
{
	WfmDecoder *d = context;
	WfmFrame   *frame;

	d->xml->last_event = d->xml->passed;
	if (wfm_decoder_failed(d))
		return;
	frame = &d->frames[--d->depth];
	if (frame->node || d->captures > 0)
	{
		if (!take_values(d, frame))
		{
			d->error.byte_offset = offset_of(d);
			xmlStopParser(d->xml->ctxt);
			return;
		}
		if (frame->node && frame->node->scope >= 0)
			wfm_scope_close(d, frame->node);
		if (frame->marked)
			d->arena.mark = NULL;
		frame->tree = NULL;
	}
	if (d->depth == 0)
		d->envelope.complete = true;
}

/* Called for a DOCTYPE, before anything in it is read. */
static void
doctype(void *context, const xmlChar *name, const xmlChar *external_id,
		const xmlChar *system_id)
{
	WfmDecoder *d = context;

	if (name && strcasecmp((const char *) name, "html") == 0)
		stop(d, WFM_DECODE_NOT_THIS_FORMAT, "the body is HTML, not XML");
	else
		stop(d, WFM_DECODE_FORBIDDEN, "a document type declaration is not accepted");
}

static void
comment(void *context, const xmlChar *text)
{
	WfmDecoder *d = context;

	d->xml->last_event = d->xml->passed;
}

static void
instruction(void *context, const xmlChar *target, const xmlChar *text)
{
	WfmDecoder *d = context;

	d->xml->last_event = d->xml->passed;
}

#if LIBXML_VERSION >= 21200
typedef const xmlError *XmlErrorArgument;
#else
typedef xmlErrorPtr XmlErrorArgument;
#endif

/*
 * The parser's own faults, in words that do not depend on its version.  A
 * character that XML forbids is a fault like any other: an answer that is not
 * XML is not guessed at, and no API is known to send one.
 */
static void
syntax_error(void *context, XmlErrorArgument error)
{
	WfmDecoder *d = context;
	const char *message = "the body is not well-formed XML";

	if (error->level != XML_ERR_FATAL || wfm_decoder_failed(d))
		return;
	switch (error->code)
	{
		case XML_ERR_NO_MEMORY:
			wfm_decoder_fail(d, WFM_DECODE_OUT_OF_MEMORY, offset_of(d),
							 "out of memory");
			return;
		case XML_ERR_TAG_NAME_MISMATCH:
			message = "a start tag and an end tag do not match";
			break;
		case XML_ERR_UNDECLARED_ENTITY:
		case XML_WAR_UNDECLARED_ENTITY:
			message = "an entity is not declared";
			break;
		case XML_ERR_ENTITYREF_SEMICOL_MISSING:
			message = "an ampersand does not begin a reference";
			break;
		case XML_ERR_NAME_REQUIRED:
			message = "no name follows a less-than sign or an ampersand";
			break;
		case XML_ERR_INVALID_CHAR:
		case XML_ERR_INVALID_CHARREF:
			message = "a character is not allowed in XML";
			break;
		case XML_ERR_DOCUMENT_END:
			message = "something follows the end of the document";
			break;
		default:
			break;
	}
	wfm_decoder_fail(d, WFM_DECODE_MALFORMED, offset_of(d), message);
}

/* Replace the names of the compiled paths by the dictionary's. */
static bool
intern_names(xmlParserCtxtPtr ctxt, WfmNode *node)
{
	for (; node; node = node->next_sibling)
	{
		node->name = (const char *) xmlDictLookup(ctxt->dict,
												  (const xmlChar *) node->name,
												  node->name_len);
		if (node->name == NULL || !intern_names(ctxt, node->first_child))
			return false;
	}
	return true;
}

bool
wfm_xml_create(WfmDecoder *d)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.internalSubset = doctype,
		.startElementNs = start_element,
		.endElementNs = end_element,
		.characters = characters,
		.cdataBlock = characters,
		/* the same function, so that libxml2 need not tell blanks apart */
		.ignorableWhitespace = characters,
		.comment = comment,
		.processingInstruction = instruction,
		.serror = syntax_error,
	};

	d->xml = calloc(1, sizeof(WfmXml));
	if (d->xml == NULL)
		return false;
	d->xml->ctxt = xmlCreatePushParserCtxt(&sax, d, NULL, 0, NULL);
	if (d->xml->ctxt == NULL)
		return false;

	/* The declaration is read here (check_head), and only UTF-8 gets in. */
	xmlCtxtUseOptions(d->xml->ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	return intern_names(d->xml->ctxt, d->root->first_child);
}

void
wfm_xml_destroy(WfmDecoder *d)
{
	if (d->xml == NULL)
		return;
	if (d->xml->ctxt)
	{
		xmlDocPtr	doc = d->xml->ctxt->myDoc;

		d->xml->ctxt->myDoc = NULL;
		if (doc)
			xmlFreeDoc(doc);
		xmlFreeParserCtxt(d->xml->ctxt);
	}
	free(d->xml);
	d->xml = NULL;
}

/*
 * Does libxml2 wait at an ampersand that cannot begin a reference?  It waits
 * for a semicolon, which may be far away or never come.
 */
static bool
stands_at_ampersand(WfmDecoder *d)
{
	xmlParserInputPtr input = d->xml->ctxt->input;
	const xmlChar *at;

	if (input == NULL || input->cur == NULL || input->cur >= input->end ||
		*input->cur != '&')
		return false;
	for (at = input->cur + 1; at < input->end; at++)
	{
		if (*at == ';')
			return false;
		if (!(*at >= '0' && *at <= '9') && !(*at >= 'a' && *at <= 'z') &&
			!(*at >= 'A' && *at <= 'Z') && *at < 0x80 &&
			(*at == '\0' || strchr("#_:.-", *at) == NULL))
			return true;
	}
	return false;
}

/* Hand bytes to libxml2. */
static WfmDecodeStatus
parse(WfmDecoder *d, const char *data, size_t len, bool last)
{
	WfmXml	   *xml = d->xml;

	do
	{
		size_t		n = len < MAX_MARKUP / 4 ? len : MAX_MARKUP / 4;

		xml->passed += n;
		xmlParseChunk(xml->ctxt, data, n, last && n == len);
		if (wfm_decoder_failed(d))
			break;
		if (!xml->ctxt->wellFormed)
			wfm_decoder_fail(d, xml->ctxt->errNo == XML_ERR_NO_MEMORY ?
							 WFM_DECODE_OUT_OF_MEMORY : WFM_DECODE_MALFORMED,
							 offset_of(d), "the body is not well-formed XML");
		else if (stands_at_ampersand(d))
			wfm_decoder_fail(d, WFM_DECODE_MALFORMED, offset_of(d),
							 "an ampersand does not begin a reference");
		else if (xml->passed - xml->last_event > MAX_MARKUP)
			wfm_decoder_fail(d, WFM_DECODE_VALUE_TOO_BIG, offset_of(d),
							 "a tag or comment exceeds the size limit");
		if (n == len)
			break;
		data += n;
		len -= n;
	} while (!wfm_decoder_failed(d));
	return d->error.status;
}

/* Bytes of a character at the end of valid UTF-8 that is not all there. */
static size_t
cut_bytes(const char *data, size_t len)
{
	size_t		n;

	for (n = 1; n <= 3 && n <= len; n++)
	{
		unsigned char c = data[len - n];

		if (c < 0x80)
			return 0;
		if (c >= 0xC0)
			return n < (c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2) ? n : 0;
	}
	return 0;
}

/*
 * Hand bytes to libxml2, but hold back a character that is cut by their end:
 * libxml2 2.9 does not expect that everywhere.
 */
static WfmDecodeStatus
parse_whole(WfmDecoder *d, const char *data, size_t len)
{
	size_t		cut = cut_bytes(data, len);

	if (len > cut)
		parse(d, data, len - cut, false);
	memcpy(d->xml->torn, data + len - cut, cut);
	d->xml->torn_len = cut;
	return d->error.status;
}

/* The value of encoding= in an XML declaration, or false without one. */
static bool
declared_encoding(const char *head, size_t len, const char **name, size_t *name_len)
{
	size_t		i;

	for (i = 5; i + 8 < len; i++)
	{
		char		quote;

		if (strncmp(head + i, "encoding", 8) != 0)
			continue;
		i += 8;
		while (i < len && is_blank(head + i, 1))
			i++;
		if (i == len || head[i++] != '=')
			return false;
		while (i < len && is_blank(head + i, 1))
			i++;
		if (i == len)
			return false;
		quote = head[i++];
		*name = head + i;
		while (i < len && head[i] != quote)
			i++;
		*name_len = head + i - *name;
		return true;
	}
	return false;
}

static bool
is_name(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(text, name, len) == 0;
}

/*
 * Look at the first bytes: is this XML, and in UTF-8?  Returns false while
 * more are needed to tell.
 */
static bool
check_head(WfmDecoder *d)
{
	WfmXml	   *xml = d->xml;
	const char *head = xml->head;
	size_t		len = xml->head_len;
	uint64_t	offset = xml->skipped;

	if (head[0] != '<')
	{
		wfm_decoder_fail(d, WFM_DECODE_NOT_THIS_FORMAT, offset,
						 head[0] == '{' || head[0] == '[' ?
						 "the body is JSON, not XML" : "the body is not XML");
		return true;
	}
	if (len < MIN_FIRST_PIECE)
		return false;
	if (strncmp(head, "<?xm", 4) == 0)
	{
		const char *end = memchr(head, '>', len);
		const char *name;
		size_t		name_len;

		if (end == NULL)
			return len == HEAD_SIZE;
		if (declared_encoding(head, end - head, &name, &name_len) &&
			!is_name(name, name_len, "utf-8") &&
			!is_name(name, name_len, "utf8") &&
			!is_name(name, name_len, "us-ascii"))
			wfm_decoder_fail(d, WFM_DECODE_ENCODING, offset + (name - head),
							 "the declared encoding is not UTF-8");
		return true;
	}
	if (strncasecmp(head, "<!do", 4) == 0)
	{
		/* <!DOCTYPE name: HTML, or what nobody sends honestly */
		size_t		start = 9;

		while (start < len && is_blank(head + start, 1))
			start++;
		if (start + 4 > len && len < HEAD_SIZE)
			return false;
		if (start + 4 <= len && strncasecmp(head + start, "html", 4) == 0)
			wfm_decoder_fail(d, WFM_DECODE_NOT_THIS_FORMAT, offset,
							 "the body is HTML, not XML");
		else
			wfm_decoder_fail(d, WFM_DECODE_FORBIDDEN, offset,
							 "a document type declaration is not accepted");
		return true;
	}
	return true;
}

/* Take from the start of a body what belongs to phases before XML_BODY. */
static size_t
feed_head(WfmDecoder *d, const char *data, size_t len)
{
	static const char bom[] = {'\xEF', '\xBB', '\xBF'};
	WfmXml	   *xml = d->xml;
	size_t		i = 0;

	while (i < len && xml->phase == XML_BLANKS)
	{
		/* The byte order mark may only be the very first character. */
		if (xml->skipped < 3 && data[i] == bom[xml->skipped] &&
			(xml->skipped == 0 || xml->head_len == xml->skipped))
		{
			xml->head_len++;
			xml->skipped++;
			i++;
		}
		else if (is_blank(data + i, 1))
		{
			xml->skipped++;
			i++;
		}
		else
		{
			xml->head_len = 0;
			xml->phase = XML_HEAD;
		}
	}
	while (i < len && xml->phase == XML_HEAD)
	{
		xml->head[xml->head_len++] = data[i++];
		if (check_head(d))
		{
			xml->phase = XML_BODY;
			if (!wfm_decoder_failed(d))
				parse_whole(d, xml->head, xml->head_len);
		}
	}
	return i;
}

WfmDecodeStatus
wfm_xml_feed(WfmDecoder *d, const char *data, size_t len)
{
	WfmXml	   *xml = d->xml;

	if (xml->phase != XML_BODY)
	{
		size_t		n = feed_head(d, data, len);

		data += n;
		len -= n;
	}
	if (wfm_decoder_failed(d))
		return d->error.status;

	/* Complete the character that the last slice cut. */
	while (xml->torn_len > 0 && len > 0)
	{
		xml->torn[xml->torn_len++] = *data++;
		len--;
		if (cut_bytes(xml->torn, xml->torn_len) == 0)
		{
			parse(d, xml->torn, xml->torn_len, false);
			xml->torn_len = 0;
		}
	}
	return len > 0 ? parse_whole(d, data, len) : d->error.status;
}

WfmDecodeStatus
wfm_xml_finish(WfmDecoder *d)
{
	if (d->xml->phase != XML_BODY || !d->envelope.complete)
		return WFM_DECODE_OK;	/* the caller reports it as truncated */
	return parse(d, NULL, 0, true);
}
