/*
 * fetch/records.c
 *		Taking an answer apart: which records a step delivers.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "base/isodate.h"
#include "base/settings.h"
#include "decode/error_body.h"
#include "fetch/cursor_private.h"
#include "fetch/problem.h"
#include "fetch/table.h"
#include "fetch/window_facts.h"

void
wfm_records_release(WfmCursor *cursor)
{
	wfm_decoder_destroy(cursor->decoder);
	cursor->decoder = NULL;
}

/* Index of a path among the fields, appended if it is not there. */
static int
want_field(WfmCursor *cursor, const char *path, int scope)
{
	int			n = cursor->decode_spec.nfields;

	for (int i = 0; i < n; i++)
	{
		if (cursor->fields[i].take == WFM_TAKE_TEXT &&
			cursor->fields[i].scope == scope &&
			strcmp(cursor->fields[i].path, path) == 0)
			return i;
	}
	cursor->fields[n].path = path;
	cursor->fields[n].scope = scope;
	cursor->fields[n].take = WFM_TAKE_TEXT;
	cursor->decode_spec.nfields = n + 1;
	return n;
}

/* A path of the catalogue as the answers have it. */
static const char *
path_in_answer(const WfmFetchSpec *spec, const char *path, bool is_scope)
{
	return wfm_path_in_format(spec->connection->dialect, spec->format, path,
							  is_scope);
}

/* Index of a catalogue column's field; -1 if records do not hold it. */
static int
want_column(WfmCursor *cursor, const char *column)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmField *field = wfm_field_find(spec->resource,
										   spec->connection->dialect, column);

	if (field == NULL || field->path == NULL)
		return -1;
	return want_field(cursor, path_in_answer(spec, field->path, false),
					  field->scope);
}

/*
 * Index of the field that tells the records of a list in pages apart; -1 if
 * they have none.  Records of practicemanager/3.0 have an integer key, but may
 * come with the UUID of later APIs alone.
 */
static int
want_identity(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmField *uuid = wfm_field_find(spec->resource,
										  spec->connection->dialect, "uuid");

	for (const WfmField *field = spec->resource->fields; field->name != NULL; field++)
	{
		if ((field->flags & WFM_FIELD_KEY) == 0 || field->path == NULL ||
			field->scope != 0 || !wfm_field_in(field, spec->connection->dialect))
			continue;
		if (uuid == NULL || uuid == field || uuid->path == NULL || uuid->scope != 0)
			return want_column(cursor, field->name);
		return want_field(cursor,
						  psprintf("%s|%s", path_in_answer(spec, field->path, false),
								   path_in_answer(spec, uuid->path, false)),
						  0);
	}
	return -1;
}

void
wfm_records_choose_fields(WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	const WfmFilter *path_filter = NULL;

	cursor->fields = palloc0((spec->nfields + 4) * sizeof(WfmDecodeField));
	if (spec->nfields > 0)
		memcpy(cursor->fields, spec->fields,
			   spec->nfields * sizeof(WfmDecodeField));
	cursor->decode_spec.fields = cursor->fields;
	cursor->decode_spec.nfields = spec->nfields;

	cursor->key_field = -1;
	cursor->date_field = -1;
	cursor->odd_field = -1;
	cursor->except_field = -1;
	if (wfm_fetch_by_date(spec))
		cursor->date_field = want_column(cursor, spec->resource->window_column);
	if (spec->endpoint->except_path != NULL)
		cursor->except_field = want_field(cursor,
										  path_in_answer(spec, spec->endpoint->except_path,
														 false), 0);
	if (spec->endpoint->paging != WFM_PAGING_NONE)
	{
		cursor->key_field = want_identity(cursor);
		cursor->seam = wfm_seam_create(cursor->context);
	}
	for (int i = 0; i < wfm_endpoint_nfilters(spec->endpoint); i++)
	{
		if (spec->endpoint->filters[i].place == WFM_IN_PATH)
			path_filter = &spec->endpoint->filters[i];
	}
	if (path_filter != NULL)
	{
		const WfmField *field = wfm_field_find(spec->resource,
											   spec->connection->dialect,
											   path_filter->column);

		cursor->odd_field = want_column(cursor, path_filter->column);
		cursor->odd_is_uuid = field != NULL && field->type == WFM_TYPE_UUID;
	}
}

WfmDecodeLimits
wfm_records_limits(void)
{
	WfmDecodeLimits limits = wfm_decode_default_limits;

	limits.max_value_bytes = (size_t) wfm_max_value_kb * 1024;
	limits.max_record_bytes = (size_t) wfm_max_record_kb * 1024;
	return limits;
}

void
wfm_records_choose_scopes(WfmCursor *cursor, const WfmEndpoint *endpoint)
{
	MemoryContext oldcontext;

	if (cursor->scopes_of == endpoint)
		return;
	oldcontext = MemoryContextSwitchTo(cursor->context);
	for (int i = 0; i < wfm_endpoint_nscopes(endpoint); i++)
		cursor->scopes[i] = path_in_answer(cursor->spec, endpoint->scopes[i],
										   true);
	cursor->scopes_of = endpoint;
	MemoryContextSwitchTo(oldcontext);
}

void
wfm_records_begin(WfmCursor *cursor, WfmStep *step)
{
	WfmDecodeLimits limits = wfm_records_limits();

	cursor->decode_spec.scopes = cursor->scopes;
	cursor->decode_spec.nscopes = wfm_endpoint_nscopes(step->endpoint);
	wfm_records_choose_scopes(cursor, step->endpoint);
	cursor->decoder = wfm_decoder_create(cursor->spec->format,
										 &cursor->decode_spec, &limits);
	if (cursor->decoder == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Could not make a decoder for an answer.")));
	cursor->body_ended = false;
	cursor->fed = 0;
	cursor->delivered = 0;
	wfm_transfer_seek(step->transfer, 0);
	if (cursor->seam_again)
		wfm_seam_again(cursor->seam);
	else
		wfm_page_begin(cursor, step);

	if (cursor->seam != NULL && step->has_window)
	{
		bool		neighbour = cursor->seam_begun &&
			step->tenant == cursor->seam_tenant &&
			step->own_last + 1 == cursor->seam_next_last &&
			memcmp(step->key_index, cursor->seam_keys, sizeof(step->key_index)) == 0;

		if (!cursor->seam_again)
			wfm_seam_begin(cursor->seam, neighbour);
		cursor->seam_begun = true;
		cursor->seam_tenant = step->tenant;
		memcpy(cursor->seam_keys, step->key_index, sizeof(step->key_index));
		cursor->seam_next_last = step->own_first;
	}
	cursor->seam_again = false;
}

/* The window was assumed to test a column, and a record shows it does not. */
static void
assumption_failed(const WfmCursor *cursor, const WfmStep *step,
				  const WfmValue *date)
{
	const WfmFetchSpec *spec = cursor->spec;

	wfm_window_judge(spec, step->tenant, true);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("the API's time window does not test column \"%s\" of foreign table \"%s\"",
					spec->resource->window_column, spec->table_name),
			 errdetail("A record with %s \"%.*s\" came in answer to %s.",
					   spec->resource->window_column,
					   (int) Min(date->len, 40), date->data, step->request),
			 errhint("Tell the wrapper not to use it: ALTER FOREIGN TABLE %s OPTIONS (ADD window_column '');",
					 spec->sql_name)));
}

void
wfm_records_check_window(const WfmCursor *cursor)
{
	const WfmFetchSpec *spec = cursor->spec;
	bool		assumes = wfm_fetch_by_date(spec);

	if (spec->resource->window_column == NULL ||
		spec->endpoint->paging != WFM_PAGING_WINDOWS)
		return;
	for (int i = 0; i < cursor->ntenants; i++)
	{
		const char *tenant = wfm_window_tenant(spec, i);

		if (!assumes)
			wfm_window_judge(spec, i, false);
		else if (wfm_window_is_wrong(spec, i))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_ERROR),
					 errmsg("the API's time window does not test column \"%s\" of foreign table \"%s\"",
							spec->resource->window_column, spec->table_name),
					 errdetail("An answer for tenant %s showed it.  Nothing was sent: rows might be missing.",
							   tenant[0] != '\0' ? tenant : "of the connection"),
					 errhint("Tell the wrapper not to use it: ALTER FOREIGN TABLE %s OPTIONS (ADD window_column '');",
							 spec->sql_name)));
	}
}

/* Is this record one the step has to deliver? */
static bool
is_wanted(WfmCursor *cursor, WfmStep *step, const WfmRecord *record)
{
	if (!wfm_page_take(cursor, step, record))
		return false;
	if (cursor->except_field >= 0 && step->endpoint->except_value != NULL)
	{
		const WfmValue *value = &record->values[cursor->except_field];

		if (value->data != NULL &&
			value->len == strlen(step->endpoint->except_value) &&
			pg_strncasecmp(value->data, step->endpoint->except_value,
						   value->len) == 0)
			return false;
	}
	if (step->odd_keys_only)
	{
		const WfmValue *value = &record->values[cursor->odd_field];
		bool		found = false;
		ListCell   *lc;

		foreach(lc, cursor->odd_keys)
		{
			const char *key = lfirst(lc);

			if (value->data != NULL && strlen(key) == value->len &&
				(cursor->odd_is_uuid ?
				 pg_strncasecmp(key, value->data, value->len) == 0 :
				 memcmp(key, value->data, value->len) == 0))
				found = true;
		}
		if (!found)
			return false;
	}

	if (cursor->date_field >= 0)
	{
		const WfmValue *value = &record->values[cursor->date_field];
		WfmDateTime parts;

		if (value->data != NULL &&
			wfm_parse_datetime(value->data, value->len, &parts) &&
			parts.year > 1)
		{
			DateADT		day = date2j(parts.year, parts.month, parts.day) -
				POSTGRES_EPOCH_JDATE;

			if (!step->has_window)
				return day >= cursor->spec->first_day &&
					day <= cursor->spec->last_day;
			if (day < step->ask_first - 1 || day > step->ask_last + 1)
				assumption_failed(cursor, step, value);
			return day >= step->own_first && day <= step->own_last;
		}
	}

	if (step->has_window && cursor->key_field >= 0)
	{
		const WfmValue *value = &record->values[cursor->key_field];

		if (value->data != NULL &&
			wfm_seam_is_double(cursor->seam, value->data, value->len))
			return false;
	}
	return true;
}

/* The decoder met a fault: retry unless rows went out, else raise. */
static void
decoding_failed(WfmCursor *cursor, WfmStep *step)
{
	wfm_problem_raise(wfm_problem_of_decoding(step, cursor->spec,
											  wfm_transfer_result(step->transfer),
											  wfm_step_tenant(cursor, step),
											  wfm_decoder_error(cursor->decoder),
											  cursor->context));
}

/*
 * Is an answer without status and records an empty list, and not something
 * else?  It tells a total, or is too short to tell anything ({"data":[]}).
 */
static bool
is_empty_list(const WfmCursor *cursor, const WfmEnvelope *envelope)
{
	return cursor->spec->connection->dialect->format == WFM_FORMAT_JSON &&
		envelope->error_description == NULL &&
		(envelope->total_records >= 0 || cursor->fed <= 32);
}

/* All of the answer was decoded: was it a good one? */
static void
end_of_answer(WfmCursor *cursor, WfmStep *step)
{
	const WfmEnvelope *envelope = wfm_decoder_envelope(cursor->decoder);
	const WfmHttpResult *result = wfm_transfer_result(step->transfer);
	char text[	256] = "";

	if (envelope->status_seen && !envelope->status_ok)
	{
		if (envelope->error_description != NULL)
			wfm_error_text(envelope->error_description,
						   strlen(envelope->error_description),
						   text, sizeof(text));
		else if (envelope->status != NULL)
			wfm_error_text(envelope->status, strlen(envelope->status),
						   text, sizeof(text));
		if (!(cursor->delivered == 0 &&
			  wfm_step_path_key(step, cursor->spec) != NULL &&
			  wfm_text_says_unknown_key(text)))
			wfm_problem_raise(wfm_problem_of_status(step, cursor->spec, result,
													wfm_step_tenant(cursor, step), text,
													cursor->context));
	}
	else if (!envelope->status_seen && envelope->outer_records == 0 &&
			 !is_empty_list(cursor, envelope))
		wfm_problem_raise(wfm_problem_of_status(step, cursor->spec, result,
												wfm_step_tenant(cursor, step), NULL,
												cursor->context));
	cursor->stats.answers++;
	wfm_page_end(cursor, step, envelope);
}

/* Make a row of a record; without fields there is none, only its number. */
static const WfmRow *
hand_out(WfmCursor *cursor, const WfmStep *step, const WfmRecord *record)
{
	cursor->delivered++;
	cursor->stats.rows++;
	if (record == NULL)
		cursor->stats.records++;
	cursor->row.values = record != NULL ? record->values : NULL;
	cursor->row.number = record != NULL ? record->number : cursor->delivered;
	cursor->row.ordinals = record != NULL ? record->ordinals : NULL;
	cursor->row.tenant = step->tenant;
	cursor->row.request = step->request;
	cursor->row.key_index = step->key_index;
	return &cursor->row;
}

const WfmRow *
wfm_records_next(WfmCursor *cursor, WfmStep *step, bool *ended)
{
	*ended = false;
	for (;;)
	{
		const WfmRecord *record;
		const WfmHttpResult *result;
		size_t		got;

		const WfmEnvelope *envelope = wfm_decoder_envelope(cursor->decoder);

		/* records beside an ERROR are none: also a LIMIT must not take them */
		if (envelope->status_seen && !envelope->status_ok)
		{
			while (wfm_decoder_next(cursor->decoder) != NULL)
				;
		}
		/* without fields the decoder only counts */
		else if (cursor->decode_spec.nfields == 0)
		{
			if (!step->probe && !step->page_repeated &&
				envelope->records_delivered > cursor->delivered)
				return hand_out(cursor, step, NULL);
		}
		else if ((record = wfm_decoder_next(cursor->decoder)) != NULL)
		{
			cursor->stats.records++;
			if (step->probe || !is_wanted(cursor, step, record))
				continue;
			return hand_out(cursor, step, record);
		}
		if (wfm_decoder_error(cursor->decoder)->status != WFM_DECODE_OK)
			decoding_failed(cursor, step);
		if (cursor->body_ended)
		{
			end_of_answer(cursor, step);
			*ended = true;
			return NULL;
		}

		CHECK_FOR_INTERRUPTS();
		wfm_cursor_keep_moving(cursor);
		result = wfm_transfer_result(step->transfer);
		got = wfm_transfer_read(step->transfer, cursor->slice, WFM_SLICE);
		if (got > 0)
		{
			cursor->fed += got;
			(void) wfm_decoder_feed(cursor->decoder, cursor->slice, got);
		}
		else if (result != NULL)
		{
			if (cursor->streaming)
			{
				/* nothing was handed out yet: it may be tried again */
				if (result->failure != WFM_HTTP_OK && cursor->delivered == 0)
				{
					wfm_records_release(cursor);
					cursor->streaming = false;
					cursor->seam_again = cursor->seam != NULL;
					return NULL;
				}
				wfm_step_report(cursor, step, result);
				if (result->failure != WFM_HTTP_OK)
					wfm_problem_raise(wfm_problem_of_result(step, cursor->spec,
															result, wfm_step_tenant(cursor, step),
															"", cursor->context));
			}
			(void) wfm_decoder_finish(cursor->decoder);
			cursor->body_ended = true;
		}
		else
			return NULL;		/* streaming: more will come */
	}
}
