/*
 * http/transfer.c
 *		One exchange: request out, answer in, and what to call its end.
 *
 * The callbacks given to libcurl only record; everything that may throw or
 * take long is done by wfm_transfer_digest when libcurl has returned.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/settings.h"
#include "http/http_private.h"

/* An answer with more header than this is not one of an API. */
#define HEADER_LINES_MAX	256
#define HEADER_BYTES_MAX	(64 * 1024)

/* A token answer is two or three tokens of at most 16 KiB. */
#define TOKEN_BODY_MAX		(64 * 1024)

int			wfm_transfers_alive = 0;

/* ---- callbacks: no palloc, no ereport, no way out but return ---- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	WfmTransfer *transfer = arg;
	size_t		len = size * count;

	if (!transfer->headers_done)
	{
		transfer->fault = WFM_HTTP_PROTOCOL;
		return CURL_WRITEFUNC_ERROR;
	}
	if (transfer->body.coding == WFM_CODING_OTHER)
	{
		transfer->fault = WFM_HTTP_BAD_ENCODING;
		return CURL_WRITEFUNC_ERROR;
	}
	switch (wfm_body_receive(&transfer->body, data, len))
	{
		case WFM_RECEIVED:
			transfer->channel->activity++;
			return len;
		case WFM_RECEIVE_LATER:
			transfer->paused = true;
			return CURL_WRITEFUNC_PAUSE;
		default:
			transfer->fault = WFM_HTTP_NO_MEMORY;
			return CURL_WRITEFUNC_ERROR;
	}
}

/*
 * "HTTP/1.x NNN", and nothing but a blank may follow.  Only HTTP/1.1 was
 * offered; libcurl is not that strict, and takes 2000 for 200 from some version
 * on.
 */
static bool
status_line_is_clean(const char *line, size_t len)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++)
	{
		if (line[i] < '0' || line[i] > '9')
			return false;
	}
	return len == 12 || line[12] == ' ' || line[12] == '\r' || line[12] == '\n';
}

/*
 * The line that ends the headers, whole: when the connection is closed within
 * it, libcurl 8.22 hands on half of it and calls the exchange a success.
 */
static bool
is_blank_line(const char *line, size_t len)
{
	return (len == 1 && line[0] == '\n') ||
		(len == 2 && line[0] == '\r' && line[1] == '\n');
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	WfmTransfer *transfer = arg;
	size_t		len = size * count;

	transfer->channel->activity++;
	transfer->header_lines++;
	transfer->header_bytes += len;
	if (transfer->header_lines > HEADER_LINES_MAX ||
		transfer->header_bytes > HEADER_BYTES_MAX)
	{
		transfer->fault = WFM_HTTP_BAD_HEADERS;
		return CURL_WRITEFUNC_ERROR;
	}

	/* What trails a chunked body must not change what came before it. */
	if (transfer->headers_done)
		return len;

	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0 &&
		!status_line_is_clean(data, len))
	{
		transfer->fault = WFM_HTTP_PROTOCOL;
		return CURL_WRITEFUNC_ERROR;
	}
	wfm_headers_add(&transfer->result.headers, data, len);
	if (is_blank_line(data, len))
	{
		long		status = 0;

		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status >= 200)
		{
			transfer->headers_done = true;
			transfer->result.status = (int) status;
			transfer->body.coding = transfer->result.headers.coding;
			if (transfer->result.headers.bad_framing)
			{
				transfer->fault = WFM_HTTP_PROTOCOL;
				return CURL_WRITEFUNC_ERROR;
			}
		}
	}
	return len;
}

static bool
address_is_loopback(const struct curl_sockaddr *address)
{
	if (address->family == AF_INET)
	{
		const struct sockaddr_in *v4 = (const struct sockaddr_in *) &address->addr;

		return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	}
	if (address->family == AF_INET6)
	{
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &address->addr;

		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
	return false;
}

static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	WfmTransfer *transfer = arg;
	int			fd;

	/* "localhost" is whatever the resolver says. */
	if (transfer->plain_http && !address_is_loopback(address))
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	transfer->channel->open_sockets++;
	transfer->resolved = true;
	return fd;
}

/* Connections outlive the transfer that opened them: arg is the channel. */
static int
on_close_socket(void *arg, curl_socket_t fd)
{
	WfmChannel *channel = arg;

	channel->open_sockets--;
	return close(fd);
}

/* ---- the end of an exchange ---- */

/* Copy for messages: printable ASCII in one line. */
static void
copy_detail(char *detail, size_t size, const char *words)
{
	size_t		n = 0;

	for (; *words && n + 1 < size; words++)
		detail[n++] = (*words >= ' ' && *words <= '~') ? *words : '?';
	while (n > 0 && detail[n - 1] == ' ')
		n--;
	detail[n] = '\0';
}

static const char *
fault_detail(WfmHttpFailure fault)
{
	switch (fault)
	{
		case WFM_HTTP_TOO_BIG:
			return "the answer is larger than allowed";
		case WFM_HTTP_BOMB:
			return "the answer expands to more than 200 times its compressed size";
		case WFM_HTTP_BAD_ENCODING:
			return "the content encoding of the answer is broken or not accepted";
		case WFM_HTTP_BAD_HEADERS:
			return "the answer has more than 256 header lines or 64 kB of headers";
		case WFM_HTTP_PROTOCOL:
			return "the answer has no valid headers, or they do not say how long it is";
		case WFM_HTTP_RECEIVE:
			return "the connection was closed within the headers of the answer";
		case WFM_HTTP_PARTIAL:
			return "the compressed answer ends early";
		case WFM_HTTP_NO_MEMORY:
			return "out of memory";
		default:
			return "";
	}
}

/* Which limit was it that ran out? */
static WfmHttpFailure
classify_timeout(WfmTransfer *transfer)
{
	curl_off_t	sent = 0;
	curl_off_t	total = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total);
	if (transfer->total_timeout_ms > 0 &&
		total >= (curl_off_t) transfer->total_timeout_ms * 1000)
		return WFM_HTTP_TIMEOUT;
	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	if (sent > 0)
		return WFM_HTTP_TOO_SLOW;
	return transfer->resolved ? WFM_HTTP_CONNECT : WFM_HTTP_RESOLVE;
}

/* What libcurl's code for the end of an exchange means. */
static WfmHttpFailure
classify(WfmTransfer *transfer, CURLcode code)
{
	long		sent = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
	switch (code)
	{
		case CURLE_OK:
			/* libcurl calls it a success when the headers end early. */
			return transfer->headers_done ? WFM_HTTP_OK : WFM_HTTP_RECEIVE;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
			return WFM_HTTP_RESOLVE;
		case CURLE_COULDNT_CONNECT:
		case CURLE_INTERFACE_FAILED:
		case CURLE_PROXY:
			return WFM_HTTP_CONNECT;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CRL_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		case CURLE_SSL_INVALIDCERTSTATUS:
			return WFM_HTTP_TLS_TRUST;
		case CURLE_SSL_CONNECT_ERROR:
			return WFM_HTTP_TLS;
		case CURLE_SEND_ERROR:
		case CURLE_SEND_FAIL_REWIND:
			return WFM_HTTP_SEND;
		case CURLE_RECV_ERROR:
		case CURLE_GOT_NOTHING:
		case CURLE_AGAIN:
			return WFM_HTTP_RECEIVE;
		case CURLE_PARTIAL_FILE:
			return WFM_HTTP_PARTIAL;
		case CURLE_OPERATION_TIMEDOUT:
			return classify_timeout(transfer);
		case CURLE_FILESIZE_EXCEEDED:
			return WFM_HTTP_TOO_BIG;
		case CURLE_BAD_CONTENT_ENCODING:
			return WFM_HTTP_BAD_ENCODING;
		case CURLE_UNSUPPORTED_PROTOCOL:	/* HTTP/0.9 */
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_HTTP2:
		case CURLE_HTTP2_STREAM:
			return WFM_HTTP_PROTOCOL;
		case CURLE_OUT_OF_MEMORY:
			/* Up to 8.5 also said of a header line above 100 kB. */
			return sent && !transfer->headers_done ? WFM_HTTP_BAD_HEADERS
				: WFM_HTTP_NO_MEMORY;
#if LIBCURL_VERSION_NUM >= 0x080600
		case CURLE_TOO_LARGE:
			return WFM_HTTP_BAD_HEADERS;
#endif
		default:
			return WFM_HTTP_INTERNAL;
	}
}

/* Take the easy handle away from the multi handle and free it. */
static void
drop_easy(WfmTransfer *transfer)
{
	sigset_t	saved;

	if (transfer->easy == NULL)
		return;
	wfm_block_signals(&saved);
	if (transfer->added)
		curl_multi_remove_handle(transfer->channel->multi, transfer->easy);
	transfer->added = false;
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	wfm_restore_signals(&saved);
}

/* Write the result and let go of what only a running exchange needs. */
static void
finish(WfmTransfer *transfer, WfmHttpFailure failure)
{
	WfmHttpResult *result = &transfer->result;
	curl_off_t	elapsed = 0;
	long		request_size = 0;
	long		connects = 0;

	if (transfer->easy != NULL)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &elapsed);
		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &request_size);
		curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	}
	result->failure = failure;
	result->maybe_sent = request_size > 0;
	result->elapsed_us = elapsed;
	result->connection_reused = request_size > 0 && connects == 0;
	result->wire_bytes = transfer->body.wire_bytes;
	result->body_bytes = wfm_body_length(&transfer->body);

	if (failure != WFM_HTTP_OK && result->detail[0] == '\0')
	{
		const char *words = "";

		/* libcurl's words, unless it was content or does not know better. */
		if (transfer->fault == WFM_HTTP_OK && failure != WFM_HTTP_BAD_HEADERS &&
			transfer->curl_code != CURLE_OK)
			words = transfer->error_buffer[0] != '\0' ? transfer->error_buffer
				: curl_easy_strerror(transfer->curl_code);
		if (words[0] == '\0')
			words = fault_detail(failure);
		copy_detail(result->detail, sizeof(result->detail), words);
	}

	drop_easy(transfer);
	transfer->finished = true;
	transfer->channel->activity++;
	transfer->channel->unseen = true;
}

bool
wfm_transfer_digest(WfmTransfer *transfer)
{
	WfmHttpFailure failure;

	if (transfer->finished)
		return false;

	failure = wfm_body_digest(&transfer->body);
	if (failure != WFM_HTTP_OK)
		transfer->fault = failure;

	if (transfer->fault != WFM_HTTP_OK)
		finish(transfer, transfer->fault);
	else if (!wfm_body_is_digested(&transfer->body))
		return true;
	else if (transfer->curl_done)
	{
		failure = classify(transfer, transfer->curl_code);
		if (failure == WFM_HTTP_OK)
		{
			failure = wfm_body_finish(&transfer->body);
			transfer->fault = failure;
		}
		finish(transfer, failure);
	}
	else if (transfer->paused)
	{
		sigset_t	saved;
		CURLcode	code;

		/* May call on_body at once, which may pause again. */
		transfer->paused = false;
		wfm_block_signals(&saved);
		code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
		wfm_restore_signals(&saved);
		if (code != CURLE_OK && transfer->fault == WFM_HTTP_OK)
		{
			transfer->curl_done = true;
			transfer->curl_code = code;
		}
		return true;
	}
	return false;
}

/* ---- beginning and using an exchange ---- */

/* Copy what must live as long as the exchange. */
static bool
copy_request(WfmTransfer *transfer, const WfmHttpRequest *request)
{
	struct curl_slist *list;

	for (int i = 0; i < request->nheaders; i++)
	{
		list = curl_slist_append(transfer->headers, request->headers[i]);
		if (list == NULL)
			return false;
		transfer->headers = list;
	}
	list = curl_slist_append(transfer->headers, "Accept-Encoding: gzip");
	if (list == NULL)
		return false;
	transfer->headers = list;

	if (request->method == WFM_HTTP_POST)
	{
		/* Without this libcurl waits a second for leave to send the body. */
		list = curl_slist_append(transfer->headers, "Expect:");
		if (list == NULL)
			return false;
		transfer->headers = list;

		transfer->post_data = malloc(request->body_len + 1);
		if (transfer->post_data == NULL)
			return false;
		if (request->body_len > 0)
			memcpy(transfer->post_data, request->body, request->body_len);
		transfer->post_data[request->body_len] = '\0';
		transfer->post_len = request->body_len;
	}
	return true;
}

/* Set the easy handle up.  CURLE_OK or what failed. */
static CURLcode
prepare(WfmTransfer *transfer, const WfmHttpRequest *request)
{
	CURL	   *easy = transfer->easy;
	WfmChannel *channel = transfer->channel;
	CURLcode	code;

	code = wfm_policy_apply(easy, request, transfer->plain_http);

#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, (option), (value)); \
	} while (0)

	SET(CURLOPT_PRIVATE, (char *) transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error_buffer);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	if (request->method == WFM_HTTP_POST)
	{
		SET(CURLOPT_POSTFIELDS, transfer->post_data);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->post_len);
	}
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) transfer->body.max_bytes);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	SET(CURLOPT_CLOSESOCKETDATA, channel);
#undef SET
	return code;
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Failed while starting a request to the API.")));
}

WfmTransfer *
wfm_transfer_start(WfmChannel *channel, const WfmHttpRequest *request)
{
	WfmTransfer *transfer;
	const char *why;
	int64		max_bytes;
	CURLcode	code;
	CURLMcode	mcode;
	sigset_t	saved;

	/* Room for one more socket; ereports when there is none. */
	wfm_channel_adjust_fds(channel, 1);

	transfer = calloc(1, sizeof(WfmTransfer));
	if (transfer == NULL)
		out_of_memory();
	wfm_transfers_alive++;
	transfer->channel = channel;
	dlist_push_tail(&channel->transfers, &transfer->node);
	wfm_headers_init(&transfer->result.headers);

	max_bytes = request->max_body_bytes > 0 ? request->max_body_bytes
		: (int64) wfm_max_response_kb * 1024;
	if (request->token_exchange)
		max_bytes = Min(max_bytes, TOKEN_BODY_MAX);
	wfm_body_init(&transfer->body, max_bytes, request->token_exchange,
				  channel->owner);
	transfer->total_timeout_ms = request->total_timeout_ms;

	if (!wfm_policy_check(request, &transfer->plain_http, &why))
	{
		copy_detail(transfer->result.detail, sizeof(transfer->result.detail), why);
		finish(transfer, WFM_HTTP_REFUSED);
		wfm_channel_kick(channel);
		return transfer;
	}

	wfm_block_signals(&saved);
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL || !copy_request(transfer, request))
		code = CURLE_OUT_OF_MEMORY;
	else
		code = prepare(transfer, request);
	if (code == CURLE_OK)
	{
		mcode = curl_multi_add_handle(channel->multi, transfer->easy);
		transfer->added = (mcode == CURLM_OK);
		if (mcode != CURLM_OK)
			code = mcode == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT;
	}
	wfm_restore_signals(&saved);

	if (code != CURLE_OK)
	{
		transfer->curl_done = true;
		transfer->curl_code = code;
		finish(transfer, code == CURLE_OUT_OF_MEMORY ? WFM_HTTP_NO_MEMORY : WFM_HTTP_INTERNAL);
	}

	/* On a warm connection this sends the request. */
	wfm_channel_kick(channel);
	return transfer;
}

const WfmHttpResult *
wfm_transfer_result(const WfmTransfer *transfer)
{
	return transfer->finished ? &transfer->result : NULL;
}

int
wfm_transfer_status(const WfmTransfer *transfer)
{
	return transfer->headers_done ? transfer->result.status : 0;
}

int64
wfm_transfer_received(const WfmTransfer *transfer)
{
	return wfm_body_length(&transfer->body);
}

size_t
wfm_transfer_read(WfmTransfer *transfer, char *buffer, size_t size)
{
	return wfm_body_read(&transfer->body, buffer, size);
}

void
wfm_transfer_seek(WfmTransfer *transfer, int64 position)
{
	transfer->body.read_pos = position;
}

void
wfm_transfer_free(WfmTransfer *transfer)
{
	if (transfer == NULL)
		return;

	drop_easy(transfer);
	for (struct curl_slist *line = transfer->headers; line; line = line->next)
		OPENSSL_cleanse(line->data, strlen(line->data));
	curl_slist_free_all(transfer->headers);
	if (transfer->post_data != NULL)
		OPENSSL_cleanse(transfer->post_data, transfer->post_len);
	free(transfer->post_data);
	wfm_body_free(&transfer->body);
	dlist_delete(&transfer->node);
	wfm_transfers_alive--;
	free(transfer);
}
