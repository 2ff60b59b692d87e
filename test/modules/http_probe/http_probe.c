/*
 * http_probe.c
 *		SQL functions around src/http, for tests and measurements alone.
 *
 * The library is built from the shipped source files themselves, and is not
 * installed: tests load it by its path, into a server that has not loaded
 * wfm_fdw.
 */
#include "postgres.h"

#include <malloc.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/md5.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/settings.h"
#include "http/transfer.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(http_probe);
PG_FUNCTION_INFO_V1(http_probe_stream);
PG_FUNCTION_INFO_V1(http_probe_side_by_side);
PG_FUNCTION_INFO_V1(http_probe_round_trips);
PG_FUNCTION_INFO_V1(http_probe_counters);
PG_FUNCTION_INFO_V1(http_probe_malloced);

static const char *const failure_names[] = {
	[WFM_HTTP_OK] = "ok",
	[WFM_HTTP_REFUSED] = "refused",
	[WFM_HTTP_RESOLVE] = "resolve",
	[WFM_HTTP_CONNECT] = "connect",
	[WFM_HTTP_TLS_TRUST] = "tls_trust",
	[WFM_HTTP_TLS] = "tls",
	[WFM_HTTP_SEND] = "send",
	[WFM_HTTP_RECEIVE] = "receive",
	[WFM_HTTP_PARTIAL] = "partial",
	[WFM_HTTP_TIMEOUT] = "timeout",
	[WFM_HTTP_TOO_SLOW] = "too_slow",
	[WFM_HTTP_TOO_BIG] = "too_big",
	[WFM_HTTP_BOMB] = "bomb",
	[WFM_HTTP_BAD_ENCODING] = "bad_encoding",
	[WFM_HTTP_BAD_HEADERS] = "bad_headers",
	[WFM_HTTP_PROTOCOL] = "protocol",
	[WFM_HTTP_NO_MEMORY] = "no_memory",
	[WFM_HTTP_INTERNAL] = "internal",
};

void
_PG_init(void)
{
	wfm_settings_define();
}

/* text[] to an array of C strings. */
static const char **
strings_of(ArrayType *array, int *count)
{
	Datum	   *datums;
	const char **strings;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &datums, NULL, count);
	strings = palloc0(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		strings[i] = TextDatumGetCString(datums[i]);
	return strings;
}

static const WfmHttpResult *
wait_for(WfmChannel *channel, WfmTransfer *transfer)
{
	while (wfm_transfer_result(transfer) == NULL)
		wfm_channel_wait(channel, -1, wfm_wait_event(WFM_WAIT_NETWORK));
	return wfm_transfer_result(transfer);
}

/* The body's MD5, by reads of odd sizes. */
static char *
md5_of_body(WfmTransfer *transfer)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_MD5);
	char	   *buffer = palloc(100003);
	uint8		sum[MD5_DIGEST_LENGTH];
	char	   *hex = palloc(2 * MD5_DIGEST_LENGTH + 1);
	size_t		size = 1;
	size_t		n;

	if (context == NULL || pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not compute an MD5 hash");
	while ((n = wfm_transfer_read(transfer, buffer, size)) > 0)
	{
		if (pg_cryptohash_update(context, (uint8 *) buffer, n) < 0)
			elog(ERROR, "could not compute an MD5 hash");
		size = Min(size * 3, 100003);
	}
	if (pg_cryptohash_final(context, sum, sizeof(sum)) < 0)
		elog(ERROR, "could not compute an MD5 hash");
	pg_cryptohash_free(context);
	for (int i = 0; i < MD5_DIGEST_LENGTH; i++)
		sprintf(hex + 2 * i, "%02x", sum[i]);
	return hex;
}

static void
fill_request(FunctionCallInfo fcinfo, WfmHttpRequest *request)
{
	memset(request, 0, sizeof(*request));
	request->url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request->method = WFM_HTTP_GET;
	request->headers = strings_of(PG_GETARG_ARRAYTYPE_P(1), &request->nheaders);
	if (!PG_ARGISNULL(2))
	{
		request->method = WFM_HTTP_POST;
		request->body = text_to_cstring(PG_GETARG_TEXT_PP(2));
		request->body_len = strlen(request->body);
	}
	request->token_exchange = PG_GETARG_BOOL(3);
	request->total_timeout_ms = PG_GETARG_INT32(4);
	request->max_body_bytes = PG_GETARG_INT64(5);
}

/*
 * http_probe(url, headers, post_body, token_exchange, total_timeout_ms,
 * max_body_bytes): one exchange; its result as a row.
 */
Datum
http_probe(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[14];
	bool		nulls[14] = {0};
	WfmHttpRequest request;
	WfmChannel *channel;
	WfmTransfer *transfer;
	const WfmHttpResult *result;
	char	   *first;
	size_t		n;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	fill_request(fcinfo, &request);

	channel = wfm_channel_borrow(CurrentMemoryContext);
	transfer = wfm_transfer_start(channel, &request);
	result = wait_for(channel, transfer);

	values[0] = CStringGetTextDatum(failure_names[result->failure]);
	values[1] = Int32GetDatum(result->status);
	values[2] = BoolGetDatum(result->maybe_sent);
	values[3] = Int64GetDatum(result->body_bytes);
	values[4] = Int64GetDatum(result->wire_bytes);
	values[5] = BoolGetDatum(result->connection_reused);
	values[6] = CStringGetTextDatum(result->detail);
	values[7] = CStringGetTextDatum(md5_of_body(transfer));
	wfm_transfer_seek(transfer, 0);
	values[8] = CStringGetTextDatum(md5_of_body(transfer));
	wfm_transfer_seek(transfer, 0);
	first = palloc(101);
	n = wfm_transfer_read(transfer, first, 100);
	for (size_t i = 0; i < n; i++)
	{
		if (first[i] < ' ' || first[i] > '~')
			first[i] = '.';
	}
	first[n] = '\0';
	values[9] = CStringGetTextDatum(first);
	values[10] = Int32GetDatum(result->headers.minute_remaining);
	values[11] = Int64GetDatum(result->headers.retry_after_seconds);
	values[12] = CStringGetTextDatum(result->headers.content_type);
	values[13] = CStringGetTextDatum(result->headers.location_host);

	wfm_channel_return(channel);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

typedef struct StreamState
{
	WfmChannel *channel;
	WfmTransfer *transfer;
	char	   *buffer;
} StreamState;

/* The same exchange, one row for each read of up to 8 KiB as it arrives. */
Datum
http_probe_stream(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	StreamState *state;
	size_t		n;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		WfmHttpRequest request;

		call = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		fill_request(fcinfo, &request);
		state = palloc(sizeof(StreamState));
		state->buffer = palloc(8192);
		state->channel = wfm_channel_borrow(call->multi_call_memory_ctx);
		state->transfer = wfm_transfer_start(state->channel, &request);
		call->user_fctx = state;
		MemoryContextSwitchTo(old);
	}
	call = SRF_PERCALL_SETUP();
	state = call->user_fctx;

	while ((n = wfm_transfer_read(state->transfer, state->buffer, 8192)) == 0 &&
		   wfm_transfer_result(state->transfer) == NULL)
		wfm_channel_wait(state->channel, -1, wfm_wait_event(WFM_WAIT_NETWORK));
	if (n == 0)
	{
		WfmHttpFailure failure = wfm_transfer_result(state->transfer)->failure;

		wfm_channel_return(state->channel);
		if (failure != WFM_HTTP_OK)
			elog(ERROR, "transfer failed: %s", failure_names[failure]);
		SRF_RETURN_DONE(call);
	}
	SRF_RETURN_NEXT(call, Int32GetDatum((int32) n));
}

/*
 * http_probe_side_by_side(urls): all at once on one channel; their failures
 * in the order of the URLs.
 */
Datum
http_probe_side_by_side(PG_FUNCTION_ARGS)
{
	int			count;
	const char **urls = strings_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	WfmChannel *channel = wfm_channel_borrow(CurrentMemoryContext);
	WfmTransfer **transfers = palloc(sizeof(WfmTransfer *) * Max(count, 1));
	Datum	   *names = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		WfmHttpRequest request = {.method = WFM_HTTP_GET,.url = urls[i]};

		transfers[i] = wfm_transfer_start(channel, &request);
	}
	for (int i = 0; i < count; i++)
		names[i] = CStringGetTextDatum(failure_names[wait_for(channel, transfers[i])->failure]);
	wfm_channel_return(channel);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static int
compare_int64(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* http_probe_round_trips(url, n): microseconds: minimum, median, 99 %. */
Datum
http_probe_round_trips(PG_FUNCTION_ARGS)
{
	WfmHttpRequest request = {.method = WFM_HTTP_GET};
	int			n = PG_GETARG_INT32(1);
	int64	   *times = palloc(sizeof(int64) * Max(n, 1));
	Datum		figures[3];

	if (n < 1)
		elog(ERROR, "at least one round trip");
	request.url = text_to_cstring(PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < n; i++)
	{
		int64		start = wfm_monotonic_us();
		WfmChannel *channel = wfm_channel_borrow(CurrentMemoryContext);
		WfmTransfer *transfer = wfm_transfer_start(channel, &request);

		if (wait_for(channel, transfer)->failure != WFM_HTTP_OK)
			elog(ERROR, "transfer failed: %s", wfm_transfer_result(transfer)->detail);
		wfm_channel_return(channel);
		times[i] = wfm_monotonic_us() - start;
	}
	qsort(times, n, sizeof(int64), compare_int64);
	figures[0] = Int64GetDatum(times[0]);
	figures[1] = Int64GetDatum(times[n / 2]);
	figures[2] = Int64GetDatum(times[n * 99 / 100]);
	PG_RETURN_ARRAYTYPE_P(construct_array(figures, 3, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Channels, transfers and descriptors alive in this backend. */
Datum
http_probe_counters(PG_FUNCTION_ARGS)
{
	int			counters[3];
	Datum		figures[3];

	wfm_http_counters(&counters[0], &counters[1], &counters[2]);
	for (int i = 0; i < 3; i++)
		figures[i] = Int32GetDatum(counters[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(figures, 3, INT4OID, 4, true, TYPALIGN_INT));
}

/* Bytes that this backend has allocated and not freed. */
Datum
http_probe_malloced(PG_FUNCTION_ARGS)
{
	struct mallinfo2 info = mallinfo2();

	PG_RETURN_INT64((int64) (info.uordblks + info.hblkhd));
}
