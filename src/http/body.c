/*
 * http/body.c
 *		The body of one answer: taken in by libcurl's callback, decoded, kept.
 *
 * gzip is undone here and not by libcurl, because libcurl reports a truncated
 * gzip body as success, counts no decoded bytes against a cap before 8.20,
 * and on a pause buffers whatever one read inflates to.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "commands/tablespace.h"
#include "pgstat.h"

#include "base/settings.h"
#include "http/body.h"

/* One full read of libcurl; what a pump can bring is bounded by it. */
#define INBOX_MAX	(128 * 1024)
#define INBOX_START	(16 * 1024)

/*
 * So much is inflated at a time: a few milliseconds, after which a cancel can
 * be noticed, of what might be 25 MB.
 */
#define DIGEST_MAX	(1024 * 1024)

/* The part of a body that stays in memory: small answers need no file. */
#define MEM_MAX		(1024 * 1024)
#define MEM_START	(16 * 1024)

/* Bytes are written to the temporary file in pieces of this size. */
#define TAIL_MAX	(128 * 1024)

/*
 * XML of the APIs compresses 10 to 30 times.  Above 1 MiB of output, more
 * than 200 times is not data.
 */
#define BOMB_RATIO	200
#define BOMB_START	(1024 * 1024)

void
wfm_body_init(WfmBody *body, int64 max_bytes, bool secret, ResourceOwner owner)
{
	memset(body, 0, sizeof(*body));
	body->max_bytes = max_bytes;
	body->secret = secret;
	body->owner = owner;
	body->file = -1;
}

static void
free_buffer(const WfmBody *body, char *buffer, size_t size)
{
	if (buffer != NULL && body->secret)
		OPENSSL_cleanse(buffer, size);
	free(buffer);
}

/*
 * Make room for len more bytes in a malloc'd buffer that may grow to max.
 * The sizes are far below overflow.
 */
static bool
make_room(const WfmBody *body, char **buffer, size_t *size, size_t used,
		  size_t len, size_t start, size_t max)
{
	size_t		wanted = *size ? *size : start;
	char	   *bigger;

	Assert(used + len <= max);
	while (wanted < used + len)
		wanted *= 2;
	if (wanted > max)
		wanted = max;
	if (wanted <= *size)
		return true;

	/* realloc would leave a copy of a secret behind. */
	bigger = body->secret ? malloc(wanted) : realloc(*buffer, wanted);
	if (bigger == NULL)
		return false;
	if (body->secret)
	{
		if (used > 0)
			memcpy(bigger, *buffer, used);
		free_buffer(body, *buffer, *size);
	}
	*buffer = bigger;
	*size = wanted;
	return true;
}

WfmReceive
wfm_body_receive(WfmBody *body, const char *data, size_t len)
{
	if (len > INBOX_MAX - body->inbox_len)
		return WFM_RECEIVE_LATER;
	if (!make_room(body, &body->inbox, &body->inbox_size, body->inbox_len, len,
				   INBOX_START, INBOX_MAX))
		return WFM_RECEIVE_NO_MEMORY;
	memcpy(body->inbox + body->inbox_len, data, len);
	body->inbox_len += len;
	body->wire_bytes += len;
	return WFM_RECEIVED;
}

/*
 * Make the temporary file, registered with the body's resource owner.  Without
 * one (it was released, or this is a process without transactions) the file
 * lives until the body is freed.
 */
static void
open_file(WfmBody *body)
{
	ResourceOwner saved = CurrentResourceOwner;

	PrepareTempTablespaces();
	CurrentResourceOwner = body->owner;
	body->file = OpenTemporaryFile(body->owner == NULL);
	CurrentResourceOwner = saved;
	body->spilled = true;
}

void
wfm_body_owner_released(WfmBody *body)
{
	if (body->owner != NULL)
		body->file = -1;
	body->owner = NULL;
}

/* Append the tail to the temporary file. */
static void
write_tail(WfmBody *body)
{
	size_t		written = 0;

	if (!body->spilled)
		open_file(body);
	if (body->file < 0)
		elog(ERROR, "temporary file of an answer was closed before its transfer");

	while (written < body->tail_len)
	{
		int			n;

		errno = 0;
		n = FileWrite(body->file, body->tail + written,
					  (int) (body->tail_len - written),
					  body->file_len + written,
					  wfm_wait_event(WFM_WAIT_NETWORK));
		if (n <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write an answer of the API to temporary file \"%s\": %m",
							FilePathName(body->file))));
		}
		written += n;
	}
	body->file_len += body->tail_len;
	body->tail_len = 0;
}

/* Append decoded bytes. */
static WfmHttpFailure
store(WfmBody *body, const char *data, size_t len)
{
	if ((int64) len > body->max_bytes - wfm_body_length(body))
		return WFM_HTTP_TOO_BIG;

	if (body->mem_len < MEM_MAX)
	{
		size_t		n = Min(len, MEM_MAX - body->mem_len);

		if (!make_room(body, &body->mem, &body->mem_size, body->mem_len, n,
					   MEM_START, MEM_MAX))
			return WFM_HTTP_NO_MEMORY;
		memcpy(body->mem + body->mem_len, data, n);
		body->mem_len += n;
		data += n;
		len -= n;
	}
	while (len > 0)
	{
		size_t		n = Min(len, TAIL_MAX - body->tail_len);

		if (body->tail == NULL && (body->tail = malloc(TAIL_MAX)) == NULL)
			return WFM_HTTP_NO_MEMORY;
		memcpy(body->tail + body->tail_len, data, n);
		body->tail_len += n;
		data += n;
		len -= n;
		if (body->tail_len == TAIL_MAX)
			write_tail(body);
	}
	return WFM_HTTP_OK;
}

/* Set zlib up for a gzip body. */
static WfmHttpFailure
start_inflating(WfmBody *body)
{
	if (body->inflating)
		return WFM_HTTP_OK;
	memset(&body->zstream, 0, sizeof(body->zstream));
	/* 16 + 15: a gzip header is required, the widest window allowed. */
	if (inflateInit2(&body->zstream, 16 + MAX_WBITS) != Z_OK)
		return WFM_HTTP_NO_MEMORY;
	body->inflating = true;
	return WFM_HTTP_OK;
}

/* Inflate the inbox. */
static WfmHttpFailure
inflate_inbox(WfmBody *body)
{
	char		out[32 * 1024];
	int64		until = wfm_body_length(body) + DIGEST_MAX;
	WfmHttpFailure failure = start_inflating(body);

	body->zstream.next_in = (Bytef *) body->inbox;
	body->zstream.avail_in = (uInt) body->inbox_len;

	/* what zlib still holds once it has all input is little */
	while (failure == WFM_HTTP_OK &&
		   (body->zstream.avail_in == 0 || wfm_body_length(body) < until))
	{
		uInt		before = body->zstream.avail_in;
		int			rc;

		if (body->member_done)
		{
			/* A gzip body may be several members, one after the other. */
			if (body->zstream.avail_in == 0)
				break;
			if (inflateReset(&body->zstream) != Z_OK)
				return WFM_HTTP_BAD_ENCODING;
			body->member_done = false;
		}

		body->zstream.next_out = (Bytef *) out;
		body->zstream.avail_out = sizeof(out);
		rc = inflate(&body->zstream, Z_NO_FLUSH);
		body->inflated_from += before - body->zstream.avail_in;

		if (rc == Z_BUF_ERROR)
			break;				/* no input left and nothing pending */
		if (rc == Z_MEM_ERROR)
			return WFM_HTTP_NO_MEMORY;
		if (rc != Z_OK && rc != Z_STREAM_END)
			return WFM_HTTP_BAD_ENCODING;

		failure = store(body, out, sizeof(out) - body->zstream.avail_out);
		if (failure == WFM_HTTP_OK &&
			wfm_body_length(body) > BOMB_START &&
			wfm_body_length(body) / BOMB_RATIO > body->inflated_from)
			failure = WFM_HTTP_BOMB;
		if (rc == Z_STREAM_END)
			body->member_done = true;
	}
	body->inbox_len = body->zstream.avail_in;
	memmove(body->inbox, body->zstream.next_in, body->inbox_len);
	return failure;
}

WfmHttpFailure
wfm_body_digest(WfmBody *body)
{
	WfmHttpFailure failure;

	if (body->inbox_len == 0)
		return WFM_HTTP_OK;

	switch (body->coding)
	{
		case WFM_CODING_IDENTITY:
			failure = store(body, body->inbox, body->inbox_len);
			body->inbox_len = 0;
			break;
		case WFM_CODING_GZIP:
			failure = inflate_inbox(body);
			break;
		default:
			failure = WFM_HTTP_BAD_ENCODING;
			break;
	}
	return failure;
}

bool
wfm_body_is_digested(const WfmBody *body)
{
	return body->inbox_len == 0;
}

WfmHttpFailure
wfm_body_finish(WfmBody *body)
{
	WfmHttpFailure failure = WFM_HTTP_OK;

	/* An empty body needs no gzip around nothing. */
	if (body->coding == WFM_CODING_GZIP && body->wire_bytes > 0 &&
		!body->member_done)
		failure = WFM_HTTP_PARTIAL;
	if (body->inflating)
	{
		inflateEnd(&body->zstream);
		body->inflating = false;
	}
	free_buffer(body, body->inbox, body->inbox_size);
	body->inbox = NULL;
	body->inbox_size = 0;
	return failure;
}

int64
wfm_body_length(const WfmBody *body)
{
	return (int64) body->mem_len + body->file_len + (int64) body->tail_len;
}

size_t
wfm_body_read(WfmBody *body, char *buffer, size_t size)
{
	size_t		done = 0;

	while (done < size && body->read_pos < wfm_body_length(body))
	{
		int64		pos = body->read_pos;
		size_t		n;

		if (pos < (int64) body->mem_len)
		{
			n = Min(size - done, body->mem_len - (size_t) pos);
			memcpy(buffer + done, body->mem + pos, n);
		}
		else if ((pos -= body->mem_len) < body->file_len)
		{
			int			got;

			n = (size_t) Min((int64) Min(size - done, INT_MAX), body->file_len - pos);
			if (body->file < 0)
				elog(ERROR, "temporary file of an answer was closed before its transfer");
			got = FileRead(body->file, buffer + done, (int) n, pos,
						   wfm_wait_event(WFM_WAIT_NETWORK));
			if (got <= 0)
				ereport(ERROR,
						(errcode_for_file_access(),
						 got < 0
						 ? errmsg("could not read an answer of the API from temporary file \"%s\": %m",
								  FilePathName(body->file))
						 : errmsg("temporary file \"%s\" with an answer of the API is shorter than written",
								  FilePathName(body->file))));
			n = got;
		}
		else
		{
			pos -= body->file_len;
			n = Min(size - done, body->tail_len - (size_t) pos);
			memcpy(buffer + done, body->tail + pos, n);
		}
		done += n;
		body->read_pos += n;
	}
	return done;
}

void
wfm_body_free(WfmBody *body)
{
	if (body->inflating)
		inflateEnd(&body->zstream);
	if (body->file >= 0)
		FileClose(body->file);
	free_buffer(body, body->inbox, body->inbox_size);
	free_buffer(body, body->mem, body->mem_size);
	free_buffer(body, body->tail, TAIL_MAX);
	wfm_body_init(body, 0, false, NULL);
}
