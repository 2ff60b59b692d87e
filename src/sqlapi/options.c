/*
 * sqlapi/options.c
 *		wfm_options(): the options of servers, tables, columns and imports.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/options.h"

PG_FUNCTION_INFO_V1(wfm_options);

static const struct
{
	WfmOptionPlace place;
	const char *word;
}			places[] =

{
	{WFM_OPTION_SERVER, "server"},
	{WFM_OPTION_TABLE, "foreign table"},
	{WFM_OPTION_COLUMN, "column"},
	{WFM_OPTION_IMPORT, "IMPORT FOREIGN SCHEMA"},
};

Datum
wfm_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int p = 0; p < (int) lengthof(places); p++)
	{
		WfmOptionInfo info;

		for (int i = 0; wfm_option_describe(i, places[p].place, &info); i++)
		{
			Datum		values[5] = {0};
			bool		nulls[5] = {0};

			if (info.name == NULL)
				continue;
			values[0] = CStringGetTextDatum(places[p].word);
			values[1] = CStringGetTextDatum(info.name);
			values[2] = CStringGetTextDatum(info.type);
			nulls[3] = info.default_value == NULL;
			if (!nulls[3])
				values[3] = CStringGetTextDatum(info.default_value);
			values[4] = CStringGetTextDatum(info.description);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}
