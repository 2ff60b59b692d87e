/*
 * http/transfer.h
 *		HTTP exchanges for backends and the token worker: libcurl multi behind
 *		one descriptor, waited on together with the process latch.
 *
 * A channel is a CURLM with its sockets and a timerfd in one epoll set.  A
 * scan borrows a channel, starts transfers on it, waits, reads bodies and
 * gives the channel back warm (connections stay open for the next scan).
 * Everything is released by the owner memory context's callback when an
 * error or cancel unwinds; a channel that was not given back is destroyed.
 *
 * Nothing here knows about tokens, limits, retries or the API's formats.
 */
#ifndef WFM_HTTP_TRANSFER_H
#define WFM_HTTP_TRANSFER_H

#include "postgres.h"

#include "utils/palloc.h"

#include "http/headers.h"

typedef struct WfmChannel WfmChannel;
typedef struct WfmTransfer WfmTransfer;

typedef enum WfmHttpMethod
{
	WFM_HTTP_GET,
	WFM_HTTP_POST,
	WFM_HTTP_DELETE
} WfmHttpMethod;

/* What to send.  Copied by wfm_transfer_start; the caller keeps its own. */
typedef struct WfmHttpRequest
{
	WfmHttpMethod method;
	const char *url;			/* absolute, already percent-encoded */
	const char *const *headers; /* whole "Name: value" lines, may be secret */
	int			nheaders;
	const char *body;			/* POST: form data, may be secret */
	size_t		body_len;
	bool		token_exchange; /* fresh connection, never reused, HTTP/1.1,
								 * body capped at 64 KiB: for OAuth POSTs */
	int			total_timeout_ms;	/* whole exchange; 0 = none, only the
									 * low-speed limit holds */
	int64		max_body_bytes; /* decoded; 0 = wfm_fdw.max_response_size */
} WfmHttpRequest;

/* Why an exchange failed below HTTP. */
typedef enum WfmHttpFailure
{
	WFM_HTTP_OK,				/* an answer was received to its end */
	WFM_HTTP_REFUSED,			/* our policy: scheme, host, header bytes */
	WFM_HTTP_RESOLVE,			/* host name not found */
	WFM_HTTP_CONNECT,			/* nobody listens, unreachable, time out */
	WFM_HTTP_TLS_TRUST,			/* certificate not trusted: never retried */
	WFM_HTTP_TLS,				/* handshake broke */
	WFM_HTTP_SEND,				/* connection lost while sending */
	WFM_HTTP_RECEIVE,			/* connection lost while receiving */
	WFM_HTTP_PARTIAL,			/* closed before the announced length */
	WFM_HTTP_TIMEOUT,			/* total time limit */
	WFM_HTTP_TOO_SLOW,			/* low-speed limit */
	WFM_HTTP_TOO_BIG,			/* body above the cap */
	WFM_HTTP_BOMB,				/* decompression ratio above the cap */
	WFM_HTTP_BAD_ENCODING,		/* content-encoding broken or not accepted */
	WFM_HTTP_BAD_HEADERS,		/* too many or too long headers */
	WFM_HTTP_PROTOCOL,			/* not HTTP, or broken framing */
	WFM_HTTP_NO_MEMORY,
	WFM_HTTP_INTERNAL			/* libcurl reported misuse */
} WfmHttpFailure;

/* How an exchange ended.  Owned by the transfer. */
typedef struct WfmHttpResult
{
	WfmHttpFailure failure;
	bool		maybe_sent;		/* some byte of the request may have reached
								 * the server */
	int			status;			/* HTTP status, 0 without an answer */
	WfmHeaders	headers;		/* what we read from the headers */
	int64		body_bytes;		/* decoded */
	int64		wire_bytes;		/* as received, body only */
	int64		elapsed_us;
	bool		connection_reused;
	char		detail[256];	/* libcurl's words, printable, no secrets */
} WfmHttpResult;

/*
 * Borrow a channel from the backend's pool (made on first use).  It belongs
 * to owner: if owner is reset or deleted before wfm_channel_return, the
 * channel and all its transfers are destroyed.
 */
extern WfmChannel *wfm_channel_borrow(MemoryContext owner);

/* Give a channel back for reuse.  Transfers still on it are cancelled. */
extern void wfm_channel_return(WfmChannel *channel);

/*
 * The channel's one descriptor: readable when a transfer can go on or the
 * alarm rang.  For WaitEventSets of others (asynchronous Append).
 */
extern int	wfm_channel_fd(const WfmChannel *channel);

/*
 * Ring (make the descriptor readable) at this moment of the monotonic clock
 * at the latest, in microseconds as given by wfm_monotonic_us(); 0 = no
 * alarm.  One alarm a channel; curl's own timers share the timerfd.
 */
extern void wfm_channel_set_alarm(WfmChannel *channel, int64 at_us);

/*
 * Do what can be done without waiting: move bytes, finish transfers, spill
 * bodies above 1 MiB to a temporary file (which may ereport).  Returns true
 * when some transfer made progress or ended, or the alarm rang.
 */
extern bool wfm_channel_pump(WfmChannel *channel);

/*
 * The one wait primitive: wait for latch, descriptor, or postmaster death,
 * at most timeout_ms (-1 = for ever); reset the latch, serve interrupts
 * (a cancel leaves by ereport), then pump.  wait_event is from
 * wfm_wait_event().
 */
extern void wfm_channel_wait(WfmChannel *channel, long timeout_ms,
							 uint32 wait_event);

/* Begin an exchange.  Never waits.  The transfer belongs to the channel. */
extern WfmTransfer *wfm_transfer_start(WfmChannel *channel,
									   const WfmHttpRequest *request);

/* The result, or NULL while the exchange is under way. */
extern const WfmHttpResult *wfm_transfer_result(const WfmTransfer *transfer);

/* Status and headers once the header part is in (0 before that). */
extern int	wfm_transfer_status(const WfmTransfer *transfer);

/* Decoded body bytes received so far. */
extern int64 wfm_transfer_received(const WfmTransfer *transfer);

/*
 * Read body bytes in order, as many as are there and fit; 0 = none there
 * now (at the end when the result is there).  May read a temporary file.
 */
extern size_t wfm_transfer_read(WfmTransfer *transfer, char *buffer,
								size_t size);

/* Read on from this byte of the body, 0 = its beginning. */
extern void wfm_transfer_seek(WfmTransfer *transfer, int64 position);

/* Forget a transfer; one under way is cancelled.  NULL is allowed. */
extern void wfm_transfer_free(WfmTransfer *transfer);

/* CLOCK_MONOTONIC in microseconds. */
extern int64 wfm_monotonic_us(void);

/*
 * For leak tests: transfers, channels and descriptors alive in this process.
 */
extern void wfm_http_counters(int *channels, int *transfers, int *descriptors);

#endif							/* WFM_HTTP_TRANSFER_H */
