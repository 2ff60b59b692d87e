/*
 * auth/keyring.c
 *		The key file of this server, and sealing with it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "access/table.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "auth/grant.h"
#include "auth/keyring.h"
#include "base/own_table.h"
#include "base/settings.h"

#define DEFAULT_NAME "wfm_fdw.key"

/* WFM_KEYS_MAX lines of an id, a colon and 44 bytes of base64, and comments. */
#define KEY_FILE_MAX (16 * 1024)

/* Why a key file could not be read, in words for messages. */
typedef struct KeyFileProblem
{
	bool		missing;
	int			os_error;		/* errno, or 0 */
	const char *text;			/* constant */
	char		line[WFM_SEAL_MESSAGE_LEN]; /* of the parser, "" if none */
} KeyFileProblem;

static void
key_file_path(char path[MAXPGPATH])
{
	if (wfm_key_file != NULL && wfm_key_file[0] != '\0')
		strlcpy(path, wfm_key_file, MAXPGPATH);
	else if (ConfigFileName != NULL)
	{
		strlcpy(path, ConfigFileName, MAXPGPATH);
		get_parent_directory(path);
		join_path_components(path, path, DEFAULT_NAME);
	}
	else
		join_path_components(path, DataDir, DEFAULT_NAME);
}

/*
 * Nobody but the server's user may read the keys; a file of root's may be
 * readable by its group, as the server allows for TLS keys.
 */
static bool
mode_is_safe(const struct stat *st)
{
	if (st->st_uid == geteuid())
		return (st->st_mode & (S_IRWXG | S_IRWXO)) == 0;
	if (st->st_uid == 0)
		return (st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0;
	return false;
}

static bool
read_key_file(const char *path, WfmKeyRing *ring, KeyFileProblem *problem)
{
	char		content[KEY_FILE_MAX];
	struct stat st;
	ssize_t		len;
	int			fd;
	bool		ok = false;

	memset(problem, 0, sizeof(*problem));
	ring->count = 0;
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
	{
		problem->missing = errno == ENOENT;
		problem->os_error = errno;
		problem->text = "the key file cannot be opened";
		return false;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		problem->text = "the key file is not a regular file";
	else if (!mode_is_safe(&st))
		problem->text = "the key file may be read by others than the server's user";
	else if ((len = read(fd, content, sizeof(content))) < 0)
	{
		problem->os_error = errno;
		problem->text = "the key file cannot be read";
	}
	else if (len == (ssize_t) sizeof(content))
		problem->text = "the key file is too long";
	else
	{
		ok = wfm_key_ring_parse(content, len, ring, problem->line);
		if (!ok)
			problem->text = "the key file is damaged";
		OPENSSL_cleanse(content, sizeof(content));
	}
	CloseTransientFile(fd);
	return ok;
}

static void
report_problem(const char *path, const KeyFileProblem *problem)
{
	char	   *reason = problem->os_error != 0
		? psprintf("%s: %s", problem->text, strerror(problem->os_error))
		: pstrdup(problem->text);

	ereport(ERROR,
			(errcode(problem->missing ? ERRCODE_UNDEFINED_FILE : ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("secrets of wfm_connections cannot be sealed or opened: %s", reason),
			 problem->line[0] != '\0' ? errdetail_internal("%s", problem->line) : 0,
			 errdetail_log("Key file \"%s\". %s", path, problem->line),
			 errhint("The file is named by wfm_fdw.key_file; it must belong to the server's user with mode 0600. Restore it from its backup.")));
}

static void
report_write_failure(const char *tmp, const char *what)
{
	int			save_errno = errno;

	unlink(tmp);
	errno = save_errno;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not %s the key file of wfm_fdw: %m", what),
			 errhint("Set wfm_fdw.key_file to a file in a directory the server's user can write to.")));
}

/*
 * Make the file with one key.  link() never replaces a file: of two sessions
 * that come here at once, one wins, and both read the winner's afterwards.
 */
static void
create_key_file(const char *path)
{
	WfmKeyRing	ring = {0};
	WfmSecret	content = WFM_SECRET_EMPTY;
	char		tmp[MAXPGPATH];
	char		directory[MAXPGPATH];
	bool		written;
	int			fd;

	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", path, MyProcPid);
	unlink(tmp);
	fd = OpenTransientFilePerm(tmp, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY, 0600);
	if (fd < 0)
		report_write_failure(tmp, "create");

	written = wfm_key_ring_add(&ring) && wfm_key_ring_format(&ring, &content) &&
		write(fd, content.text, content.len) == (ssize_t) content.len;
	wfm_key_ring_cleanse(&ring);
	wfm_secret_free(&content);
	if (!written || pg_fsync(fd) != 0)
		report_write_failure(tmp, "write");
	CloseTransientFile(fd);

	if (link(tmp, path) < 0 && errno != EEXIST)
		report_write_failure(tmp, "create");
	unlink(tmp);
	strlcpy(directory, path, sizeof(directory));
	get_parent_directory(directory);
	fsync_fname(directory[0] != '\0' ? directory : ".", true);
	ereport(LOG,
			(errhidestmt(true), /* it may hold the secret being sealed */
			 errmsg("made the key file of wfm_fdw, \"%s\"", path),
			 errhint("Keep a copy apart from the database's backups.")));
}

void
wfm_keyring_load(WfmKeyRing *ring, bool create)
{
	char		path[MAXPGPATH];
	KeyFileProblem problem;

	key_file_path(path);
	if (read_key_file(path, ring, &problem))
		return;
	if (problem.missing && create && !RecoveryInProgress())
	{
		Oid			tokens = wfm_own_table("wfm_tokens", false);
		Relation	table = table_open(tokens, AccessShareLock);
		bool		sealed = wfm_grants_are_sealed(table);

		table_close(table, AccessShareLock);
		if (!sealed)
		{
			create_key_file(path);
			if (read_key_file(path, ring, &problem))
				return;
		}
	}
	report_problem(path, &problem);
}

bool
wfm_keyring_try(WfmKeyRing *ring, const char **problem)
{
	char		path[MAXPGPATH];
	KeyFileProblem found;

	key_file_path(path);
	if (read_key_file(path, ring, &found))
		return true;
	*problem = found.missing ? "the key file is missing" : found.text;
	return false;
}

static WfmSealPlace
place_here(const char *connection, const char *column, uint64 generation)
{
	WfmSealPlace place = {
		.database = MyDatabaseId,
		.connection = connection,
		.column = column,
		.generation = generation,
	};

	return place;
}

char *
wfm_seal_text(const WfmKeyRing *ring, const char *connection,
			  const char *column, uint64 generation,
			  const char *plain, size_t len)
{
	WfmSealPlace place = place_here(connection, column, generation);
	WfmSecret	sealed = WFM_SECRET_EMPTY;
	char	   *copy;

	if (!wfm_seal(ring, &place, plain, len, &sealed))
	{
		wfm_secret_free(&sealed);
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not seal column \"%s\" of connection \"%s\"",
						column, connection)));
	}
	copy = pstrdup(sealed.text);
	wfm_secret_free(&sealed);
	return copy;
}

WfmUnsealResult
wfm_unseal_text(const WfmKeyRing *ring, const char *connection,
				const char *column, uint64 generation,
				const char *sealed, WfmSecret *plain)
{
	WfmSealPlace place = place_here(connection, column, generation);

	return wfm_unseal(ring, &place, sealed, strlen(sealed), plain);
}
