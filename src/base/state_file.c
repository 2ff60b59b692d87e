/*
 * base/state_file.c
 *		What shared memory holds, kept in a file while the server is down.
 */
#include "postgres.h"

#include <unistd.h>

#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "base/state_file.h"

struct WfmStateFile
{
	FILE	   *file;
	pg_crc32c	crc;
};

bool
wfm_state_put(WfmStateFile *file, const void *data, size_t size)
{
	COMP_CRC32C(file->crc, data, size);
	return fwrite(data, size, 1, file->file) == 1;
}

bool
wfm_state_get(WfmStateFile *file, void *data, size_t size)
{
	if (fread(data, size, 1, file->file) != 1)
		return false;
	COMP_CRC32C(file->crc, data, size);
	return true;
}

void
wfm_state_save(const char *path, WfmStateFunction write)
{
	WfmStateFile state;
	char		temporary[MAXPGPATH];
	bool		written = false;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	INIT_CRC32C(state.crc);
	state.file = AllocateFile(temporary, PG_BINARY_W);
	if (state.file != NULL)
	{
		written = write(&state);
		FIN_CRC32C(state.crc);
		written = written &&
			fwrite(&state.crc, sizeof(state.crc), 1, state.file) == 1;
		if (FreeFile(state.file) != 0)
			written = false;
	}
	if (!written)
	{
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", temporary)));
		unlink(temporary);
		return;
	}
	(void) durable_rename(temporary, path, LOG);
}

bool
wfm_state_load(const char *path, WfmStateFunction read)
{
	WfmStateFile state;
	pg_crc32c	stored;
	bool		good;

	INIT_CRC32C(state.crc);
	state.file = AllocateFile(path, PG_BINARY_R);
	if (state.file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
		return true;
	}
	good = read(&state);
	FIN_CRC32C(state.crc);
	good = good && fread(&stored, sizeof(stored), 1, state.file) == 1 &&
		EQ_CRC32C(state.crc, stored);
	if (!good)
		ereport(LOG,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("ignoring invalid data in file \"%s\"", path)));
	FreeFile(state.file);
	unlink(path);
	return good;
}
