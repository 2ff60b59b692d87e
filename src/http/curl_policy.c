/*
 * http/curl_policy.c
 *		What every request is held to: the one place where libcurl's options
 *		are set, and where a request is refused before libcurl sees it.
 */
#include "postgres.h"

#include <pthread.h>
#include <unistd.h>

#include "libpq/pqsignal.h"

#include "base/settings.h"
#include "http/http_private.h"
#include "http/url.h"

#define USER_AGENT "wfm_fdw/1.0"

/*
 * Slower than this for wfm_fdw.stall_timeout is a stall.  It is above a
 * server that drips a byte a second and below the worst mobile line.
 */
#define LOW_SPEED_BYTES_PER_SECOND 1024L

/*
 * Connections older than this are not used again, so that a changed address
 * of the API is noticed.
 */
#define CONNECTION_LIFETIME_S 300L

/* For token requests, whose whole exchange has a minute. */
#define TOKEN_CONNECT_TIMEOUT_MS 10000L

/* Bytes asked of the kernel at a time. */
#define RECEIVE_BUFFER_BYTES (64L * 1024)

void
wfm_block_signals(sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, &BlockSig, saved);
}

void
wfm_restore_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

void
wfm_curl_init(void)
{
	static bool done = false;
	CURLcode	code;
	sigset_t	saved;

	if (done)
		return;

	/*
	 * libcurl would write the TLS secrets of every connection to this file.
	 * The variable comes from whoever started the server.
	 */
	if (getenv("SSLKEYLOGFILE") != NULL)
	{
		unsetenv("SSLKEYLOGFILE");
		ereport(LOG,
				(errmsg("wfm_fdw ignores the environment variable SSLKEYLOGFILE"),
				 errdetail("It would write the keys of encrypted connections to a file.")));
	}

	wfm_block_signals(&saved);
	code = curl_global_init(CURL_GLOBAL_DEFAULT);
	wfm_restore_signals(&saved);
	if (code != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not initialize libcurl: %s", curl_easy_strerror(code))));
	done = true;
}

/*
 * A header line must be "Name: value" of printable ASCII: libcurl sends what
 * it is given, line breaks included.
 */
static bool
header_is_clean(const char *line)
{
	const char *colon = strchr(line, ':');

	if (colon == NULL || colon == line)
		return false;
	for (const char *c = line; *c; c++)
	{
		if (c < colon && !((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
						   (*c >= '0' && *c <= '9') || *c == '-' || *c == '_'))
			return false;
		if (*c < ' ' || *c > '~')
			return false;
	}
	/* "Name:" and nothing else tells libcurl to leave a header out. */
	return colon[strspn(colon, ": ")] != '\0';
}

bool
wfm_policy_check(const WfmHttpRequest *request, bool *plain_http,
				 const char **why)
{
	WfmUrlParts parts;

	*plain_http = false;
	if (!wfm_url_parse(request->url, &parts, why))
		return false;
	if (!parts.https)
	{
		*plain_http = true;
		if (!parts.loopback)
		{
			*why = "unencrypted http to another machine is never used";
			return false;
		}
		if (!wfm_allow_insecure_loopback)
		{
			*why = "unencrypted http needs wfm_fdw.allow_insecure_loopback";
			return false;
		}
	}
	for (int i = 0; i < request->nheaders; i++)
	{
		if (!header_is_clean(request->headers[i]))
		{
			*why = "a request header contains characters that are not allowed";
			return false;
		}
	}
	return true;
}

/*
 * Are the system's certificates there as one file?  libcurl keeps a parsed
 * file for the next connections of a channel, but nothing once a directory
 * is named beside it: 6 ms against 45 ms for each TLS connection.
 */
static bool
has_system_bundle(void)
{
	const char *bundle = curl_version_info(CURLVERSION_NOW)->cainfo;

	return bundle != NULL && access(bundle, R_OK) == 0;
}

CURLcode
wfm_policy_apply(CURL *easy, const WfmHttpRequest *request, bool plain_http)
{
	CURLcode	code = CURLE_OK;

	/* The first option that fails decides; the rest is not tried. */
#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, (option), (value)); \
	} while (0)

	/* Where to, and nowhere else. */
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_PROTOCOLS_STR, plain_http ? "http" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_MAXREDIRS, 0L);
	SET(CURLOPT_UNRESTRICTED_AUTH, 0L);
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);

	/* An empty proxy, and a no-proxy list, also shut the environment out. */
	SET(CURLOPT_PROXY, plain_http ? "" : wfm_proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

	/* Encrypted, and to whom the name says. */
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (wfm_ca_file[0] != '\0')
		SET(CURLOPT_CAINFO, wfm_ca_file);
	if (wfm_ca_file[0] != '\0' || has_system_bundle())
		SET(CURLOPT_CAPATH, (char *) NULL);

	/* Time. */
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) wfm_connect_timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES_PER_SECOND);
	SET(CURLOPT_LOW_SPEED_TIME, (long) wfm_stall_timeout_s);
	SET(CURLOPT_TIMEOUT_MS, (long) request->total_timeout_ms);

	/*
	 * HTTP/1.1 throughout: its connections are kept for the next request just
	 * as well, one lost connection costs one request, and libcurl's oldest
	 * and best tried code reads the answers.
	 */
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_HTTP_CONTENT_DECODING, 0L); /* body.c does it */
	SET(CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFETIME_S);
	if (request->token_exchange)
	{
		/*
		 * On a connection that dies when it is used again libcurl sends the
		 * request a second time by itself, which burns a refresh token.
		 */
		SET(CURLOPT_FRESH_CONNECT, 1L);
		SET(CURLOPT_FORBID_REUSE, 1L);

		/*
		 * Nor does a slow answer end before its time, whatever is set for
		 * data: it would be lost, and the refresh token with it.
		 */
		SET(CURLOPT_CONNECTTIMEOUT_MS, TOKEN_CONNECT_TIMEOUT_MS);
		SET(CURLOPT_LOW_SPEED_TIME, 0L);
	}

	switch (request->method)
	{
		case WFM_HTTP_GET:
			SET(CURLOPT_HTTPGET, 1L);
			break;
		case WFM_HTTP_POST:
			SET(CURLOPT_POST, 1L);
			break;
		case WFM_HTTP_DELETE:
			SET(CURLOPT_CUSTOMREQUEST, "DELETE");
			break;
	}
#undef SET
	return code;
}
