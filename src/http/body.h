/*
 * http/body.h
 *		The body of one answer: taken in by libcurl's callback, decoded, kept.
 *
 * Three stages, so that nothing that may throw or take long happens inside a
 * callback and memory stays bounded whatever a server sends:
 *
 *		inbox	bytes as received; the callback fills it and says "pause" when
 *				it is full
 *		digest	outside callbacks: undoes gzip and checks the caps
 *		store	the first 1 MiB in memory, the rest in a temporary file under
 *				temp_file_limit
 *
 * Memory is malloc'd and the body belongs to its transfer.  The temporary
 * file belongs to a resource owner as any other of the backend; when that is
 * released first (abort of an active portal), the body forgets the file.
 */
#ifndef WFM_HTTP_BODY_H
#define WFM_HTTP_BODY_H

#include "postgres.h"

#include <zlib.h>

#include "storage/fd.h"
#include "utils/resowner.h"

#include "http/headers.h"
#include "http/transfer.h"

typedef struct WfmBody
{
	/* inbox */
	char	   *inbox;
	size_t		inbox_len;
	size_t		inbox_size;
	int64		wire_bytes;		/* taken in so far */
	bool		secret;			/* cleanse memory before it is freed */

	/* digest */
	WfmContentCoding coding;
	bool		inflating;		/* zstream is set up */
	bool		member_done;	/* a whole gzip member was read */
	z_stream	zstream;
	int64		inflated_from;	/* wire bytes consumed by zlib */
	int64		max_bytes;		/* cap on decoded bytes */

	/* store: bytes [0, mem_len), then the file, then the tail */
	char	   *mem;
	size_t		mem_len;
	size_t		mem_size;
	bool		spilled;		/* there is, or was, a file */
	File		file;
	int64		file_len;
	ResourceOwner owner;		/* of the file; NULL = the body itself */
	char	   *tail;			/* not yet written to the file */
	size_t		tail_len;

	int64		read_pos;
} WfmBody;

/*
 * owner is where a temporary file will be registered; secret says that the
 * body holds tokens.
 */
extern void wfm_body_init(WfmBody *body, int64 max_bytes, bool secret,
						  ResourceOwner owner);

/* What became of bytes offered to wfm_body_receive. */
typedef enum WfmReceive
{
	WFM_RECEIVED,				/* all of them taken */
	WFM_RECEIVE_LATER,			/* none taken: digest first */
	WFM_RECEIVE_NO_MEMORY
} WfmReceive;

/* Take bytes into the inbox.  Called from libcurl's callback: never throws. */
extern WfmReceive wfm_body_receive(WfmBody *body, const char *data, size_t len);

/*
 * Decode the inbox into the store, or as much of it as takes little time.
 * WFM_HTTP_OK, or what is wrong with the body.  May ereport when the temporary
 * file cannot be written.
 */
extern WfmHttpFailure wfm_body_digest(WfmBody *body);

/* Is the inbox empty? */
extern bool wfm_body_is_digested(const WfmBody *body);

/*
 * The last byte was received and digested: is the coding complete?
 */
extern WfmHttpFailure wfm_body_finish(WfmBody *body);

/* Decoded bytes so far. */
extern int64 wfm_body_length(const WfmBody *body);

/* As wfm_transfer_read.  May ereport when the file cannot be read. */
extern size_t wfm_body_read(WfmBody *body, char *buffer, size_t size);

/*
 * The resource owner is being released: the body must not touch a file that
 * was registered there, now or when it is freed.
 */
extern void wfm_body_owner_released(WfmBody *body);

/* Release everything; never throws, may be repeated. */
extern void wfm_body_free(WfmBody *body);

#endif							/* WFM_HTTP_BODY_H */
