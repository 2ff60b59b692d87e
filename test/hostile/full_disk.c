/*
 * full_disk.c
 *		LD_PRELOAD shim: writes to files whose path contains the text in the
 *		file $WFM_FULL_DISK fail with ENOSPC.  No such file: there is room.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Is the disk below this file full? */
static int
is_full(int fd)
{
	const char *order = getenv("WFM_FULL_DISK");
	char		part[256];
	char		link[64];
	char		path[4096];
	ssize_t		len;
	int			file;

	if (order == NULL)
		return 0;
	file = open(order, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	len = read(file, part, sizeof(part) - 1);
	close(file);
	if (len <= 0)
		return 0;
	part[len] = '\0';

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return 0;
	path[len] = '\0';
	if (strstr(path, part) == NULL)
		return 0;
	errno = ENOSPC;
	return 1;
}

#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
		real = dlsym(RTLD_NEXT, #name)

ssize_t
write(int fd, const void *data, size_t len)
{
	REAL(write);
	return is_full(fd) ? -1 : real(fd, data, len);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	REAL(pwrite);
	return is_full(fd) ? -1 : real(fd, data, len, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	REAL(pwrite64);
	return is_full(fd) ? -1 : real(fd, data, len, at);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
	REAL(pwritev);
	return is_full(fd) ? -1 : real(fd, parts, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *parts, int n, off64_t at)
{
	REAL(pwritev64);
	return is_full(fd) ? -1 : real(fd, parts, n, at);
}
