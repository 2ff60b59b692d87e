/*
 * http/http_private.h
 *		What the files of http/ share: the channel, the transfer, and libcurl.
 *
 * Everything here is malloc'd and never palloc'd: it is released from memory
 * context callbacks, and libcurl's callbacks write to it.
 */
#ifndef WFM_HTTP_PRIVATE_H
#define WFM_HTTP_PRIVATE_H

#include "postgres.h"

#include <signal.h>

#include <curl/curl.h>

#include "lib/ilist.h"
#include "storage/latch.h"
#include "utils/resowner.h"

#include "http/body.h"
#include "http/transfer.h"

/*
 * 7.85: CURLOPT_PROTOCOLS_STR.  7.87: CURLOPT_QUICK_EXIT, without which a
 * cancelled query waits for the resolver.
 */
#if LIBCURL_VERSION_NUM < 0x075700
#error "wfm_fdw needs libcurl 7.87 or newer"
#endif

/*
 * Ties a borrowed channel to its owner's memory context.  Lives in that
 * context, since a callback cannot be unregistered; channel is NULL once the
 * channel was returned.
 */
typedef struct WfmLease
{
	MemoryContextCallback callback;
	WfmChannel *channel;
} WfmLease;

struct WfmChannel
{
	pid_t		pid;			/* process that made it: after a fork nobody
								 * else may touch its sockets */
	CURLM	   *multi;
	int			epoll_fd;		/* -1 = not open */
	int			timer_fd;		/* -1 = not open; in the epoll set */
	WaitEventSet *wait_set;		/* latch, postmaster, epoll_fd */

	int64		curl_due_us;	/* libcurl wants to be called then; 0 = no */
	int64		alarm_us;		/* the user's alarm; 0 = none */
	int64		armed_us;		/* timer_fd rings then; 0 = it will not */

	int			open_sockets;	/* counted by libcurl's callbacks */
	int			counted_fds;	/* reported to fd.c */
	uint64		activity;		/* goes up whenever something was received */
	bool		unseen;			/* some of it outside a pump, or there is more
								 * to digest: the descriptor stays readable
								 * until the next one */

	ResourceOwner owner;		/* of temporary files */
	WfmLease   *lease;			/* NULL while in the pool */
	dlist_head	transfers;		/* under way or finished, until freed */
	dlist_node	node;			/* in the list of all channels */
};

struct WfmTransfer
{
	WfmChannel *channel;
	dlist_node	node;			/* in channel->transfers */

	CURL	   *easy;			/* NULL once finished */
	bool		added;			/* to channel->multi */
	bool		paused;			/* the inbox was full */
	bool		curl_done;		/* libcurl reported the end ... */
	CURLcode	curl_code;		/* ... with this */
	bool		resolved;		/* a socket was opened */
	bool		plain_http;		/* only a loopback address may be connected */
	int			total_timeout_ms;

	struct curl_slist *headers;
	char	   *post_data;
	size_t		post_len;

	WfmHttpFailure fault;		/* noted by a callback, WFM_HTTP_OK = none */
	int			header_lines;	/* of all header parts, interim answers too */
	size_t		header_bytes;
	bool		headers_done;	/* of the final answer */

	WfmBody		body;
	bool		finished;
	WfmHttpResult result;
	char		error_buffer[CURL_ERROR_SIZE];
};

/* ---- curl_policy.c: what every request is held to ---- */

/* curl_global_init, once a process and not before it is needed. */
extern void wfm_curl_init(void);

/*
 * Is the request allowed?  Checks scheme, host, and header bytes; on false
 * *why is a phrase for the message.
 */
extern bool wfm_policy_check(const WfmHttpRequest *request, bool *plain_http,
							 const char **why);

/* Set all options of an easy handle but those that name callbacks. */
extern CURLcode wfm_policy_apply(CURL *easy, const WfmHttpRequest *request,
								 bool plain_http);

/*
 * Threads that libcurl starts (resolver) inherit the signal mask, and must
 * not run the server's signal handlers: all signals are blocked around calls
 * that may start one.  Nothing may throw in between.
 */
extern void wfm_block_signals(sigset_t *saved);
extern void wfm_restore_signals(const sigset_t *saved);

/* ---- channel.c ---- */

/*
 * Report the channel's descriptors to fd.c, and room for so many more.
 * ereports when there is no room for those.
 */
extern void wfm_channel_adjust_fds(WfmChannel *channel, int more);

/*
 * Begin what was just started, without waiting.  May ereport as
 * wfm_channel_pump does.
 */
extern void wfm_channel_kick(WfmChannel *channel);

/* ---- transfer.c ---- */

/*
 * Decode what arrived; finish when libcurl did.  True when there is more to
 * do.  May ereport.
 */
extern bool wfm_transfer_digest(WfmTransfer *transfer);

/* Count of live transfers in this process. */
extern int	wfm_transfers_alive;

#endif							/* WFM_HTTP_PRIVATE_H */
