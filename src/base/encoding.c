/*
 * base/encoding.c
 *		Texts of the vendor, which are UTF-8, in databases of another encoding.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "base/encoding.h"

/*
 * pg_any_to_server() raises an error at the first character that the database
 * cannot hold; here each such character is passed over.
 */
char *
wfm_text_from_utf8(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	unsigned char *source;
	unsigned char *converted;
	Size		size;
	Size		used = 0;
	int			left;
	Oid			conversion;

	if (text == NULL)
		return NULL;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pstrdup(text);

	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	source = (unsigned char *) pstrdup(text);
	left = strlen(text);
	size = (Size) left * MAX_CONVERSION_GROWTH + 1;
	converted = palloc0(size);
	while (left > 0)
	{
		int			done = 0;

		if (OidIsValid(conversion))
			done = pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
												 source, left, converted + used,
												 size - used, true);
		used += strlen((char *) converted + used);
		source += done;
		left -= done;
		if (left > 0)
		{
			int			skipped = Min(pg_utf_mblen(source), left);

			converted[used++] = '?';
			source += skipped;
			left -= skipped;
		}
	}
	converted[used] = '\0';
	return (char *) converted;
}
