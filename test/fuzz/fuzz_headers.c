/*
 * fuzz_headers.c
 *		Any bytes as the header lines of an answer, and what the limiter makes
 *		of them: numbers in their ranges, printable texts, finite waits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/headers.h"
#include "limit/limiter.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW	(INT64_C(1700000000) * 1000000)

static void
check_text(const char *text, size_t size)
{
	size_t		i;

	if (memchr(text, '\0', size) == NULL)
		abort();
	for (i = 0; text[i]; i++)
		if ((unsigned char) text[i] < 0x20 || (unsigned char) text[i] >= 0x7F)
			abort();
}

/* A call answered with these headers must leave sane accounts. */
static void
learn(const WfmHeaders *headers, int http_status)
{
	static WfmLimiter limiter;
	WfmAppLimiter app;
	WfmTicket	ticket = {0};
	WfmLimitPolicy policy = {60, 5000, 5, 10000};
	WfmLimiterStatus status;

	wfm_limiter_init(&limiter, true, 0);
	wfm_app_limiter_init(&app);
	wfm_limiter_set_policy(&limiter, &app, &policy);
	wfm_limiter_join(&limiter, &ticket, 0, false, NOW);
	status = wfm_limiter_poll(&limiter, &app, &ticket, 0, 1000000, NOW);
	if (status.state != WFM_PERMIT_GRANTED)
		abort();
	wfm_limiter_done(&limiter, &app, &ticket, 0, http_status, headers, NOW / 1000000, 0, NOW);
	if (limiter.in_flight != 0 || app.in_flight != 0 || limiter.cap < 1)
		abort();
	if (wfm_limiter_minute_used(&limiter, NOW) < 1 || wfm_limiter_day_used(&limiter, NOW) < 1)
		abort();
	wfm_limiter_join(&limiter, &ticket, 0, false, NOW);
	status = wfm_limiter_poll(&limiter, &app, &ticket, 0, INT64_C(1000000000), NOW);
	if (status.state == WFM_PERMIT_WAITING && status.retry_at_us <= NOW)
		abort();
	if (http_status == 429 && status.state == WFM_PERMIT_GRANTED)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	WfmHeaders	headers;
	const uint8_t *p = data;
	const uint8_t *end = data + size;

	wfm_headers_init(&headers);
	while (p < end)
	{
		const uint8_t *stop = memchr(p, '\n', end - p);
		size_t		len = (stop ? stop + 1 : end) - p;
		char	   *line = malloc(len);

		memcpy(line, p, len);
		wfm_headers_add(&headers, line, len);
		free(line);
		p += len;
	}
	if (headers.minute_remaining < -1 || headers.day_remaining < -1 ||
		headers.app_minute_remaining < -1 || headers.retry_after_seconds < -1 ||
		headers.retry_after_seconds > 1000000000 || headers.count < 0)
		abort();
	check_text(headers.content_type, sizeof(headers.content_type));
	check_text(headers.charset, sizeof(headers.charset));
	check_text(headers.correlation_id, sizeof(headers.correlation_id));
	check_text(headers.location_host, sizeof(headers.location_host));
	if (wfm_retry_after(&headers, 1700000000, 60) < 1)
		abort();
	learn(&headers, 200);
	learn(&headers, 429);
	learn(&headers, 503);
	return 0;
}
