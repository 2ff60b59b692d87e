/*
 * fuzz_xml.c
 *		Any bytes as an XML answer.
 */
#include "fuzz_decode.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const flat_scopes[] = {"A"};
static const WfmDecodeField flat_fields[] = {
	{"B", 0, WFM_TAKE_TEXT}, {"C/D|C", 0, WFM_TAKE_TEXT}, {"E", 0, WFM_TAKE_JSON},
};
static const char *const nested_scopes[] = {"L/A|A", "M/B"};
static const WfmDecodeField nested_fields[] = {
	{".", 0, WFM_TAKE_JSON}, {"C", 0, WFM_TAKE_TEXT}, {"D|E/F", 1, WFM_TAKE_TEXT},
	{".", 1, WFM_TAKE_JSON}, {"M", 0, WFM_TAKE_JSON},
};
static const WfmDecodeSpec specs[] = {
	{flat_scopes, 1, flat_fields, 3},
	{nested_scopes, 2, nested_fields, 5},
	{nested_scopes, 2, NULL, 0},
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decode(WFM_FORMAT_XML, specs, 3, data, size);
	return 0;
}
