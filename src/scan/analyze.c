/*
 * scan/analyze.c
 *		ANALYZE of a foreign table.
 *
 * The API has no samples: the whole table is read, by an ordinary query, and
 * sampled here.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/vacuum.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"

#include "fetch/cursor.h"
#include "fetch/row_counts.h"
#include "fetch/table.h"
#include "scan/analyze.h"

/* Rows taken from the query at a time. */
#define ROWS_AT_ONCE 1000

/* Tell the price. */
static void
announce(const WfmTable *table)
{
	const WfmEndpoint *endpoint = wfm_endpoint_whole(table->resource, table->dialect);
	DateADT		first;
	DateADT		last;
	int64		calls;

	if (endpoint == NULL)
		return;
	wfm_table_history(table, &first, &last);
	calls = wfm_fetch_count_calls(table->dialect, table->resource, endpoint,
								  wfm_table_by_date(table),
								  Max(list_length(table->options->tenants), 1),
								  first, last, wfm_row_count(table));
	ereport(NOTICE,
			(errmsg_plural("analyzing \"%s\" reads the whole table, with %lld call of the API",
						   "analyzing \"%s\" reads the whole table, with about %lld calls of the API",
						   (unsigned long) calls, table->name,
						   (long long) calls)));
}

/* The query, and which column of its rows each attribute is; 0: none. */
static char *
sample_query(Relation relation, int *columns)
{
	TupleDesc	desc = RelationGetDescr(relation);
	StringInfoData query;
	int			n = 0;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		columns[i] = 0;
		if (att->attisdropped)
			continue;
		appendStringInfo(&query, "%s%s", n > 0 ? ", " : "",
						 quote_identifier(NameStr(att->attname)));
		columns[i] = ++n;
	}
	appendStringInfo(&query, " FROM ONLY %s",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)));
	return query.data;
}

/* A row of the query as one of the table. */
static HeapTuple
make_row(Relation relation, const int *columns, HeapTuple from, TupleDesc desc)
{
	int			natts = RelationGetDescr(relation)->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));
	HeapTuple	row;

	for (int i = 0; i < natts; i++)
	{
		nulls[i] = true;
		values[i] = (Datum) 0;
		if (columns[i] > 0)
			values[i] = SPI_getbinval(from, desc, columns[i], &nulls[i]);
	}
	row = heap_form_tuple(RelationGetDescr(relation), values, nulls);
	pfree(values);
	pfree(nulls);
	return row;
}

/* See AcquireSampleRowsFunc; Vitter's reservoir, as for postgres_fdw. */
static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	MemoryContext context = CurrentMemoryContext;
	int		   *columns = palloc(Max(RelationGetDescr(relation)->natts, 1) * sizeof(int));
	char	   *query = sample_query(relation, columns);
	ReservoirStateData reservoir;
	double		skip = -1;
	double		seen = 0;
	int			kept = 0;
	Portal		portal;

	announce(wfm_table_open(RelationGetRelid(relation)));
	reservoir_init_selection_state(&reservoir, targrows);
	SPI_connect();
	portal = SPI_cursor_open_with_args(NULL, query, 0, NULL, NULL, NULL, true,
									   CURSOR_OPT_NO_SCROLL);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, ROWS_AT_ONCE);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			int			place = -1;

			if (kept < targrows)
				place = kept++;
			else
			{
				if (skip < 0)
					skip = reservoir_get_next_S(&reservoir, seen, targrows);
				if (skip <= 0)
				{
					place = (int) (targrows *
								   sampler_random_fract(&reservoir.randstate));
					heap_freetuple(rows[place]);
				}
				skip -= 1;
			}
			seen += 1;
			if (place >= 0)
			{
				MemoryContext oldcontext = MemoryContextSwitchTo(context);

				rows[place] = make_row(relation, columns,
									   SPI_tuptable->vals[i],
									   SPI_tuptable->tupdesc);
				MemoryContextSwitchTo(oldcontext);
			}
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();

	*totalrows = seen;
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": %.0f rows read, %d rows in sample",
					RelationGetRelationName(relation), seen, kept)));
	return kept;
}

bool
wfm_analyze(Relation relation, AcquireSampleRowsFunc *func,
			BlockNumber *totalpages)
{
	if (MyBackendType == B_AUTOVAC_WORKER)
		return false;
	*func = acquire_sample;
	*totalpages = 1;
	return true;
}
