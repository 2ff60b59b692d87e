/*
 * fetch/json_path.c
 *		Paths of the catalogue, which are those of XML, as JSON has them.
 *
 * practicemanager/3.1 writes the same records in JSON with names in camel case
 * (InvoiceTaskUUID is invoiceTaskUuid), and lists without the element inside
 * (Clients/Client is the array clients).
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "fetch/table.h"

/* Words that are written as one when a name is put in camel case. */
static const char *const acronyms[] = {"UUID", "GST", "URL", "ID"};

void
wfm_append_json_name(StringInfo out, const char *name, size_t len)
{
	int			start = out->len;

	for (size_t i = 0; i < len;)
	{
		size_t		word = 1;

		for (int a = 0; a < (int) lengthof(acronyms); a++)
		{
			size_t		n = strlen(acronyms[a]);

			if (i + n <= len && memcmp(name + i, acronyms[a], n) == 0)
			{
				word = n;
				break;
			}
		}
		appendStringInfoChar(out, name[i]);
		for (size_t k = 1; k < word; k++)
			appendStringInfoChar(out, pg_ascii_tolower((unsigned char) name[i + k]));
		i += word;
	}
	if (out->len > start)
		out->data[start] = pg_ascii_tolower((unsigned char) out->data[start]);
}

/* Append one alternative of a path. */
static void
append_alternative(StringInfo out, const char *path, size_t len, bool is_scope)
{
	const char *end = path + len;

	for (;;)
	{
		const char *slash = memchr(path, '/', end - path);
		const char *stop = slash != NULL ? slash : end;

		wfm_append_json_name(out, path, stop - path);
		if (slash == NULL)
			return;
		path = slash + 1;
		/* the last part of a list's path is the element inside it */
		if (is_scope && memchr(path, '/', end - path) == NULL)
			return;
		appendStringInfoChar(out, '/');
	}
}

const char *
wfm_path_in_format(const WfmDialect *dialect, WfmFormat format,
				   const char *path, bool is_scope)
{
	StringInfoData out;
	List	   *seen = NIL;

	if (format == dialect->format || strcmp(path, ".") == 0)
		return path;

	initStringInfo(&out);
	while (*path != '\0')
	{
		size_t		len = strcspn(path, "|");
		StringInfoData one;
		bool		doubled = false;
		ListCell   *lc;

		initStringInfo(&one);
		append_alternative(&one, path, len, is_scope);
		foreach(lc, seen)
		{
			if (strcmp(lfirst(lc), one.data) == 0)
				doubled = true;
		}
		if (!doubled)
		{
			appendStringInfo(&out, "%s%s", out.len > 0 ? "|" : "", one.data);
			seen = lappend(seen, one.data);
		}
		path += len;
		if (*path == '|')
			path++;
	}
	return out.data;
}
