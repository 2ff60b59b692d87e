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
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "auth/grant.h"
#include "auth/keyring.h"
#include "base/own_table.h"
#include "base/settings.h"

#define DEFAULT_NAME "wfm_fdw.key"

/* See lock_key_file(). */
#define KEY_FILE_LOCK_CLASS 88

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

/*
 * The file's text; the caller cleanses it.  -1, with the problem, if the file
 * may not be used.
 */
static ssize_t
read_content(const char *path, char content[KEY_FILE_MAX], struct stat *st,
			 KeyFileProblem *problem)
{
	ssize_t		len = -1;
	int			fd;

	memset(problem, 0, sizeof(*problem));
	/* A named pipe would not let go of the process. */
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
	{
		problem->missing = errno == ENOENT;
		problem->os_error = errno;
		problem->text = "the key file cannot be opened";
		return -1;
	}
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		problem->text = "the key file is not a regular file";
	else if (!mode_is_safe(st))
		problem->text = "the key file may be read by others than the server's user";
	else if ((len = read(fd, content, KEY_FILE_MAX)) < 0)
	{
		problem->os_error = errno;
		problem->text = "the key file cannot be read";
	}
	else if (len == KEY_FILE_MAX)
	{
		problem->text = "the key file is too long";
		len = -1;
	}
	CloseTransientFile(fd);
	return len;
}

static bool
read_key_file(const char *path, WfmKeyRing *ring, KeyFileProblem *problem)
{
	char		content[KEY_FILE_MAX];
	struct stat st;
	ssize_t		len = read_content(path, content, &st, problem);
	bool		ok = false;

	ring->count = 0;
	if (len >= 0)
	{
		ok = wfm_key_ring_parse(content, len, ring, problem->line);
		if (!ok)
			problem->text = "the key file is damaged";
	}
	OPENSSL_cleanse(content, sizeof(content));
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
 * Write a file beside path, private and flushed; its name goes to tmp.
 * False, with errno, if that fails.
 */
static bool
write_beside(const char *path, const WfmSecret *content, char tmp[MAXPGPATH])
{
	ssize_t		written;
	bool		done;
	int			fd;
	int			save_errno;

	snprintf(tmp, MAXPGPATH, "%s.%d.tmp", path, MyProcPid);
	unlink(tmp);
	fd = OpenTransientFilePerm(tmp, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY, 0600);
	if (fd < 0)
		return false;
	written = write(fd, content->text, content->len);
	if (written >= 0 && written < (ssize_t) content->len)
		errno = ENOSPC;			/* a part of it found room */
	done = written == (ssize_t) content->len && pg_fsync(fd) == 0;
	save_errno = errno;
	CloseTransientFile(fd);
	errno = save_errno;
	return done;
}

/*
 * Append the line of a new key.  The keys end in memory that is cleansed by
 * whoever frees *content.
 */
static bool
append_new_key(WfmSecret *content)
{
	WfmKeyRing	ring = {0};
	bool		done = wfm_key_ring_add(&ring) && wfm_key_ring_format(&ring, content);

	wfm_key_ring_cleanse(&ring);
	return done;
}

/*
 * Make the file with one key.  link() never replaces a file: of two sessions
 * that come here at once, one wins, and both read the winner's afterwards.
 */
static void
create_key_file(const char *path)
{
	WfmSecret	content = WFM_SECRET_EMPTY;
	char		tmp[MAXPGPATH] = "";
	char		directory[MAXPGPATH];
	bool		written;

	written = append_new_key(&content) && write_beside(path, &content, tmp);
	wfm_secret_free(&content);
	if (!written)
		report_write_failure(tmp, "write");

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

/* May a missing file be made?  Not if it was lost: something is sealed. */
static bool
may_create(void)
{
	Relation	tokens;
	bool		sealed;

	if (RecoveryInProgress())
		return false;
	tokens = table_open(wfm_own_table("wfm_tokens", false), AccessShareLock);
	sealed = wfm_grants_are_sealed(tokens);
	table_close(tokens, AccessShareLock);
	return !sealed;
}

void
wfm_keyring_load(WfmKeyRing *ring, bool create)
{
	char		path[MAXPGPATH];
	KeyFileProblem problem;

	key_file_path(path);
	if (read_key_file(path, ring, &problem))
		return;
	if (problem.missing && create && may_create())
	{
		create_key_file(path);
		if (read_key_file(path, ring, &problem))
			return;
	}
	report_problem(path, &problem);
}

bool
wfm_keyring_to_be_made(void)
{
	char		path[MAXPGPATH];
	WfmKeyRing	ring;
	KeyFileProblem problem;

	key_file_path(path);
	if (read_key_file(path, &ring, &problem))
	{
		wfm_key_ring_cleanse(&ring);
		return false;
	}
	return problem.missing && may_create();
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

/*
 * Only one session of the cluster adds a key at a time: a key that another
 * one's file does not have would be lost with all that is sealed under it.
 * Classes 1 and 2 of advisory locks are those of SQL functions.
 */
static void
lock_key_file(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, 0x57464D, 0, KEY_FILE_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* A file that is somebody else's, or elsewhere, is not to be replaced. */
static bool
may_replace(const char *path, const struct stat *st)
{
	struct stat named;

	return st->st_uid == geteuid() && lstat(path, &named) == 0 &&
		S_ISREG(named.st_mode);
}

/* The file's text, and after it the new key's line; false: there is no room. */
static bool
make_longer(const char *content, ssize_t len, WfmSecret *longer)
{
	char		message[WFM_SEAL_MESSAGE_LEN];
	WfmKeyRing	ring;
	bool		fits;

	wfm_secret_append(longer, content, len);
	if (len > 0 && content[len - 1] != '\n')
		wfm_secret_append(longer, "\n", 1);
	fits = append_new_key(longer) && longer->len < KEY_FILE_MAX &&
		wfm_key_ring_parse(longer->text, longer->len, &ring, message);
	if (fits)
		wfm_key_ring_cleanse(&ring);
	return fits;
}

void
wfm_keyring_add_key(void)
{
	WfmSecret	longer = WFM_SECRET_EMPTY;
	char		content[KEY_FILE_MAX];
	char		path[MAXPGPATH];
	char		tmp[MAXPGPATH] = "";
	KeyFileProblem problem;
	struct stat st;
	ssize_t		len;
	bool		ours;
	bool		fits;
	bool		written;

	key_file_path(path);
	lock_key_file();
	len = read_content(path, content, &st, &problem);
	ours = len >= 0 && may_replace(path, &st);
	fits = ours && make_longer(content, len, &longer);
	written = fits && write_beside(path, &longer, tmp);
	OPENSSL_cleanse(content, sizeof(content));
	wfm_secret_free(&longer);

	if (len < 0)
		report_problem(path, &problem);
	if (!ours)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the key file cannot be replaced by the server"),
				 errdetail("It is a symbolic link, or belongs to another user."),
				 errhint("Append a line to it, an id, a colon and 32 random bytes in base64, then run: SELECT * FROM wfm_rotate_key(new_key => false);")));
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a key cannot be added to the key file"),
				 errdetail("It is damaged, or full: it may hold %d keys.", WFM_KEYS_MAX),
				 errhint("Remove the lines of keys that no database uses any more.")));
	if (!written)
		report_write_failure(tmp, "write");
	(void) durable_rename(tmp, path, ERROR);
	ereport(LOG,
			(errmsg("added a key to the key file of wfm_fdw, \"%s\"", path),
			 errhint("Keep a copy apart from the database's backups, and give it to the standbys.")));
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
