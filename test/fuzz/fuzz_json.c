/*
 * fuzz_json.c
 *		Any bytes as a JSON answer.
 */
#include "fuzz_decode.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const flat_scopes[] = {"a|."};
static const WfmDecodeField flat_fields[] = {
	{"b", 0, WFM_TAKE_TEXT}, {"c/d|c", 0, WFM_TAKE_TEXT}, {"e", 0, WFM_TAKE_JSON},
	{".", 0, WFM_TAKE_JSON},
};
static const char *const nested_scopes[] = {"l/a|a", "m"};
static const WfmDecodeField nested_fields[] = {
	{".", 0, WFM_TAKE_JSON}, {"c", 0, WFM_TAKE_TEXT}, {"d|e/f", 1, WFM_TAKE_TEXT},
	{".", 1, WFM_TAKE_JSON}, {"m", 0, WFM_TAKE_JSON},
};
static const WfmDecodeSpec specs[] = {
	{flat_scopes, 1, flat_fields, 4},
	{nested_scopes, 2, nested_fields, 5},
	{nested_scopes, 2, NULL, 0},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decode(WFM_FORMAT_JSON, specs, 3, data, size);
	return 0;
}
