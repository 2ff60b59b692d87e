/*
 * server.c
 *		An API that answers at once: the other end of the benchmarks.
 *
 * Bodies are made once and sent from memory, so that what is measured is the
 * reader.  It listens on a free port of 127.0.0.1 and prints that port.
 *
 * usage: server
 *
 *	POST /token						a token pair that lasts half an hour
 *	GET  /count						how many answers of the next kind began so far
 *	GET  /MODE/RECORDS/PATH			an answer of RECORDS records, where PATH is
 *		time.api/list?from=D&to=D	time entries of the days in the middle
 *		time.api/job/ID				time entries of a job
 *		staff.api/list				staff members
 *		staff.api/get/UUID			one staff member
 *
 * MODE is the latency before each answer in milliseconds, or "silent" (no
 * answer ever comes), or "half" (half of the body comes, then silence).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Records in the piece of which longer answers are repetitions. */
#define BLOCK 500

typedef enum Mode
{
	NORMAL,
	SILENT,
	HALF
} Mode;

/* A body: head, blocks again and again up to the number of records, tail. */
typedef struct Body
{
	struct Body *next;
	char	   *path;			/* asked for with this path */
	const char *head;
	const char *tail;
	char	   *block;
	size_t		record_len;		/* all records are of one length */
	long		records;
} Body;

static long answers;
static Body *bodies;
static pthread_mutex_t bodies_lock = PTHREAD_MUTEX_INITIALIZER;

static const char note[] =
"Reviewed the draft accounts, reconciled the bank, wrote to the client about "
"missing invoices for March and April; waiting for an answer before the final "
"adjustments. Depreciation schedule updated, fixed asset register checked "
"against the ledger, differences listed in the working papers. Call on Monday "
"about the lease of the second office and the loan agreement.";

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *
allocate(size_t size)
{
	void	   *memory = malloc(size);

	if (memory == NULL)
		fail("malloc");
	return memory;
}

/* ---------- bodies ---------- */

/* Seconds at the beginning of a day written YYYYMMDD. */
static time_t
day_of(const char *text)
{
	struct tm	tm = {0};

	if (sscanf(text, "%4d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return timegm(&tm);
}

static size_t
write_time_entry(char *at, int i, const char *job, const char *day)
{
	return sprintf(at,
				   "<Time><UUID>8f9f3a4e-2c5b-4a51-9a1d-%012d</UUID>"
				   "<Job><ID>%s</ID><Name>Annual accounts %04d</Name></Job>"
				   "<Task><UUID>1f9f3a4e-2c5b-4a51-9a1d-%012d</UUID><Name>Design &amp; Layout</Name></Task>"
				   "<Staff><UUID>2f9f3a4e-2c5b-4a51-9a1d-%012d</UUID><Name>Jo Bloggs</Name></Staff>"
				   "<Date>%sT00:00:00</Date><Minutes>%03d</Minutes>"
				   "<Note>%s</Note><Billable>true</Billable>"
				   "<Start>09:00</Start><End>10:30</End>"
				   "<InvoiceTaskUUID>3f9f3a4e-2c5b-4a51-9a1d-%012d</InvoiceTaskUUID>"
				   "<WebUrl>https://example.invalid/practice/time/%012d/detail?tab=entries&amp;return=list"
				   "&amp;period=this-financial-year&amp;group=client&amp;sort=date-descending&amp;page=1</WebUrl></Time>",
				   i, job, i % 2000, i, i % 20, day, i % 480, note, i, i);
}

static size_t
write_staff(char *at, int i)
{
	return sprintf(at,
				   "<Staff><UUID>4f9f3a4e-2c5b-4a51-9a1d-%012d</UUID>"
				   "<Name>Jo Bloggs %06d</Name><Email>jo.bloggs.%06d@example.invalid</Email>"
				   "<Phone>+61 2 5550 %04d</Phone><Mobile>+61 491 57 %04d</Mobile>"
				   "<Address>%s %s %s</Address><PayrollCode>P%06d</PayrollCode>"
				   "<WebUrl>https://example.invalid/staff/%012d/detail</WebUrl></Staff>",
				   i, i, i, i, i, note, note, note + 150, i, i);
}

static Body *
make_body(const char *path, long records)
{
	Body	   *body = allocate(sizeof(Body));
	bool		staff = strstr(path, "staff.api/") != NULL;
	const char *from = strstr(path, "from=");
	const char *to = strstr(path, "to=");
	const char *job = strstr(path, "job/");
	time_t		first = day_of(from ? from + 5 : "20240101");
	long		days = to ? (day_of(to + 3) - first) / 86400 - 2 : 300;
	size_t		used = 0;

	body->path = strdup(path);
	body->records = records;
	body->block = allocate(BLOCK * 2048);
	if (days < 1)
		days = 1;
	for (int i = 0; i < BLOCK; i++)
	{
		time_t		when = first + 86400 * (1 + i % days);
		struct tm	tm;
		char		day[24];
		size_t		len;

		gmtime_r(&when, &tm);
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
		len = staff ? write_staff(body->block + used, i) :
			write_time_entry(body->block + used, i, job ? job + 4 : "J00001", day);
		if (i > 0 && len != body->record_len)
		{
			fprintf(stderr, "server: records of different lengths\n");
			exit(1);
		}
		body->record_len = len;
		used += len;
	}
	if (strstr(path, "staff.api/get/") != NULL)
	{
		body->head = "<Response api-method=\"Get\"><Status>OK</Status>";
		body->tail = "</Response>";
		body->records = 1;
	}
	else if (staff)
	{
		body->head = "<Response api-method=\"List\"><Status>OK</Status><StaffList>";
		body->tail = "</StaffList></Response>";
	}
	else
	{
		body->head = "<Response api-method=\"List\"><Status>OK</Status><Times>";
		body->tail = "</Times></Response>";
	}
	return body;
}

/* The body for a path; made at its first use. */
static Body *
find_body(const char *path, long records)
{
	Body	   *body;

	pthread_mutex_lock(&bodies_lock);
	for (body = bodies; body != NULL; body = body->next)
	{
		if (body->records == records && strcmp(body->path, path) == 0)
			break;
	}
	if (body == NULL)
	{
		body = make_body(path, records);
		body->next = bodies;
		bodies = body;
	}
	pthread_mutex_unlock(&bodies_lock);
	return body;
}

/* ---------- answering ---------- */

static bool
send_all(int fd, const char *data, size_t len, int flags)
{
	while (len > 0)
	{
		ssize_t		n = send(fd, data, len, MSG_NOSIGNAL | flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= n;
	}
	return true;
}

static bool
send_head(int fd, const char *type, size_t len)
{
	char		head[200];
	int			n = snprintf(head, sizeof(head),
							 "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
							 type, len);

	return send_all(fd, head, n, MSG_MORE);
}

static bool
send_body(int fd, const Body *body, Mode mode)
{
	size_t		records_len = body->record_len * body->records;
	size_t		left = mode == HALF ? records_len / 2 : records_len;

	if (!send_head(fd, "text/xml; charset=utf-8",
				   strlen(body->head) + records_len + strlen(body->tail)) ||
		!send_all(fd, body->head, strlen(body->head), MSG_MORE))
		return false;
	while (left > 0)
	{
		size_t		n = body->record_len * BLOCK;

		if (n > left)
			n = left;
		if (!send_all(fd, body->block, n, mode == HALF ? 0 : MSG_MORE))
			return false;
		left -= n;
	}
	if (mode == HALF)
		return false;
	return send_all(fd, body->tail, strlen(body->tail), 0);
}

static bool
send_token(int fd)
{
	static const char body[] =
		"{\"access_token\":\"bench-access-token\",\"refresh_token\":\"bench-refresh-token\","
		"\"token_type\":\"Bearer\",\"expires_in\":1800,\"scope\":\"offline_access practicemanager\"}";

	return send_head(fd, "application/json", sizeof(body) - 1) &&
		send_all(fd, body, sizeof(body) - 1, 0);
}

static bool
send_count(int fd)
{
	char		line[32];
	int			n = snprintf(line, sizeof(line), "%ld\n",
							 __atomic_load_n(&answers, __ATOMIC_RELAXED));

	return send_head(fd, "text/plain", n) && send_all(fd, line, n, 0);
}

static bool
send_not_found(int fd)
{
	static const char head[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

	return send_all(fd, head, sizeof(head) - 1, 0);
}

/* Read and forget until the client hangs up. */
static void
stay_silent(int fd)
{
	char		buffer[1024];

	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		;
}

/* Answer one request; false when the connection is done with. */
static bool
answer(int fd, char *target)
{
	Mode		mode = NORMAL;
	long		latency_ms = 0;
	long		records;
	char	   *end;

	if (strcmp(target, "/token") == 0)
		return send_token(fd);
	if (strcmp(target, "/count") == 0)
		return send_count(fd);
	__atomic_add_fetch(&answers, 1, __ATOMIC_RELAXED);
	if (strncmp(target, "/silent/", 8) == 0)
	{
		mode = SILENT;
		end = target + 7;
	}
	else if (strncmp(target, "/half/", 6) == 0)
	{
		mode = HALF;
		end = target + 5;
	}
	else
		latency_ms = strtol(target + 1, &end, 10);
	if (*end != '/')
		return send_not_found(fd);
	records = strtol(end + 1, &end, 10);
	if (*end != '/' || records < 1)
		return send_not_found(fd);

	if (latency_ms > 0)
	{
		struct timespec pause = {latency_ms / 1000, latency_ms % 1000 * 1000000L};

		nanosleep(&pause, NULL);
	}
	if (mode != SILENT && send_body(fd, find_body(end, records), mode))
		return true;
	stay_silent(fd);
	return false;
}

/* One connection: requests of up to 8 kB, one after the other. */
static void *
serve(void *arg)
{
	int			fd = (int) (long) arg;
	char		buffer[8192];
	size_t		used = 0;

	for (;;)
	{
		char	   *end;
		char	   *length;
		size_t		whole;
		char		target[1024];
		ssize_t		n;

		buffer[used] = '\0';
		while ((end = strstr(buffer, "\r\n\r\n")) == NULL)
		{
			n = recv(fd, buffer + used, sizeof(buffer) - 1 - used, 0);
			if (n <= 0)
				goto done;
			used += n;
			buffer[used] = '\0';
		}
		whole = end + 4 - buffer;
		length = strcasestr(buffer, "\r\nContent-Length:");
		if (length != NULL && length < end)
			whole += strtoul(length + 17, NULL, 10);
		while (used < whole && whole < sizeof(buffer))
		{
			n = recv(fd, buffer + used, sizeof(buffer) - 1 - used, 0);
			if (n <= 0)
				goto done;
			used += n;
		}
		if (used < whole || sscanf(buffer, "%*15s %1023s", target) != 1 ||
			!answer(fd, target))
			goto done;
		memmove(buffer, buffer + whole, used - whole);
		used -= whole;
	}
done:
	close(fd);
	return NULL;
}

int
main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	int			yes = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	signal(SIGPIPE, SIG_IGN);
	if (listener < 0 ||
		bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &len) != 0)
		fail("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);

	for (;;)
	{
		pthread_t	thread;
		int			fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (pthread_create(&thread, NULL, serve, (void *) (long) fd) != 0)
			close(fd);
		else
			pthread_detach(thread);
	}
}
