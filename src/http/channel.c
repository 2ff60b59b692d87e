/*
 * http/channel.c
 *		Channels: a libcurl multi handle whose sockets and timers stand behind
 *		one epoll descriptor, the pool of them, and the one place that waits.
 *
 * Rules kept here: nothing throws between libcurl frames; signals are blocked
 * while libcurl may start a thread; descriptors are reported to fd.c, outside
 * callbacks; a channel belongs to the process that made it.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "http/http_private.h"

/* Channels kept warm; a query uses one a scan. */
#define POOL_MAX 4

/*
 * Connections kept open in a channel: more than the most calls a vendor
 * allows at once.
 */
#define CONNECTIONS_MAX 16L

/* Descriptors of a channel besides its sockets; a wait set counts its own. */
#define OWN_FDS 2

/*
 * Rounds of one pump, and the time after which none is begun, so that neither
 * a fast sender nor much to inflate keeps it from returning.
 */
#define PUMP_ROUNDS 8
#define PUMP_US INT64CONST(10000)

#define EVENTS_MAX 16

/* All channels of this process; those in the pool have no lease. */
static dlist_head channels = DLIST_STATIC_INIT(channels);
static pid_t channels_pid = 0;

int64
wfm_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- libcurl's callbacks: record only ---- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	WfmChannel *channel = arg;
	struct epoll_event event;

	memset(&event, 0, sizeof(event));
	event.data.fd = fd;
	if (what == CURL_POLL_REMOVE)
	{
		/* It may be closed already, and is out of the set then. */
		(void) epoll_ctl(channel->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(channel->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	if (errno == EEXIST &&
		epoll_ctl(channel->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return -1;					/* libcurl ends all transfers */
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	WfmChannel *channel = arg;

	channel->curl_due_us = timeout_ms < 0 ? 0
		: wfm_monotonic_us() + (int64) timeout_ms * 1000;
	return 0;
}

/* ---- descriptors ---- */

/*
 * Report the channel's descriptors to fd.c, and room for more of them.
 * libcurl opens and closes sockets inside its callbacks, where fd.c (which
 * may throw) cannot be called; so the count follows outside.
 */
void
wfm_channel_adjust_fds(WfmChannel *channel, int more)
{
	int			open = (channel->epoll_fd >= 0) + (channel->timer_fd >= 0) +
		channel->open_sockets;
	int			wanted = open + more;

	while (channel->counted_fds > wanted)
	{
		ReleaseExternalFD();
		channel->counted_fds--;
	}
	while (channel->counted_fds < wanted)
	{
		/* Those that are open already can only be noted. */
		if (channel->counted_fds < open)
			ReserveExternalFD();
		else if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not open a connection to the API: too many open files"),
					 errhint("Use fewer scans at once in one query, or raise max_files_per_process.")));
		channel->counted_fds++;
	}
}

/* ---- making and destroying ---- */

/* Release a channel however far its making got.  Never throws. */
static void
destroy(WfmChannel *channel)
{
	dlist_mutable_iter iter;
	sigset_t	saved;

	dlist_foreach_modify(iter, &channel->transfers)
		wfm_transfer_free(dlist_container(WfmTransfer, node, iter.cur));
	if (channel->multi)
	{
		wfm_block_signals(&saved);
		curl_multi_cleanup(channel->multi);
		wfm_restore_signals(&saved);
	}
	if (channel->wait_set)
		FreeWaitEventSet(channel->wait_set);
	if (channel->timer_fd >= 0)
		close(channel->timer_fd);
	if (channel->epoll_fd >= 0)
		close(channel->epoll_fd);
	while (channel->counted_fds > 0)
	{
		ReleaseExternalFD();
		channel->counted_fds--;
	}
	if (channel->lease)
		channel->lease->channel = NULL;
	dlist_delete(&channel->node);
	free(channel);
}

/* Give a new channel its descriptors and multi handle.  ereports. */
static void
open_channel(WfmChannel *channel)
{
	struct epoll_event event;
	CURLMcode	code = CURLM_OK;
	sigset_t	saved;

	wfm_channel_adjust_fds(channel, OWN_FDS);
	channel->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (channel->epoll_fd < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not create an epoll descriptor: %m")));
	channel->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (channel->timer_fd < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not create a timer descriptor: %m")));
	memset(&event, 0, sizeof(event));
	event.events = EPOLLIN;
	event.data.fd = channel->timer_fd;
	if (epoll_ctl(channel->epoll_fd, EPOLL_CTL_ADD, channel->timer_fd, &event) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not watch a timer descriptor: %m")));

	/* Kept with the channel: making one costs eight system calls. */
	channel->wait_set = wfm_create_wait_event_set(3);
	AddWaitEventToSet(channel->wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(channel->wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(channel->wait_set, WL_SOCKET_READABLE, channel->epoll_fd, NULL, NULL);

	wfm_block_signals(&saved);
	channel->multi = curl_multi_init();
	wfm_restore_signals(&saved);

#define SET(option, value) \
	do { \
		if (code == CURLM_OK) \
			code = curl_multi_setopt(channel->multi, (option), (value)); \
	} while (0)

	if (channel->multi == NULL)
		code = CURLM_OUT_OF_MEMORY;
	SET(CURLMOPT_SOCKETFUNCTION, on_socket);
	SET(CURLMOPT_SOCKETDATA, channel);
	SET(CURLMOPT_TIMERFUNCTION, on_timer);
	SET(CURLMOPT_TIMERDATA, channel);
	SET(CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
#if LIBCURL_VERSION_NUM >= 0x081400
	/* Since 8.20 the resolver belongs to the multi handle. */
	SET(CURLMOPT_QUICK_EXIT, 1L);
#endif
#undef SET
	if (code != CURLM_OK)
		ereport(ERROR,
				(errcode(code == CURLM_OUT_OF_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_FDW_ERROR),
				 errmsg("could not set up libcurl: %s", curl_multi_strerror(code))));
}

/* The owner went away without returning its channel: error or cancel. */
static void
owner_is_gone(void *arg)
{
	WfmLease   *lease = arg;

	if (lease->channel == NULL || lease->channel->pid != MyProcPid)
		return;
	lease->channel->lease = NULL;
	destroy(lease->channel);
}

/*
 * A resource owner is about to release its files: bodies that put theirs there
 * must not touch them any more.  Called for every owner and phase; the first
 * phase comes before any file is closed.
 */
static void
on_resource_release(ResourceReleasePhase phase, bool isCommit,
					bool isTopLevel, void *arg)
{
	dlist_iter	iter;
	dlist_iter	inner;

	if (phase != RESOURCE_RELEASE_BEFORE_LOCKS || channels_pid != MyProcPid)
		return;
	dlist_foreach(iter, &channels)
	{
		WfmChannel *channel = dlist_container(WfmChannel, node, iter.cur);

		if (channel->owner == NULL || channel->owner != CurrentResourceOwner)
			continue;
		channel->owner = NULL;
		dlist_foreach(inner, &channel->transfers)
			wfm_body_owner_released(&dlist_container(WfmTransfer, node, inner.cur)->body);
	}
}

/* A channel from the pool, or NULL; forgets what a parent process made. */
static WfmChannel *
take_from_pool(void)
{
	dlist_iter	iter;

	if (channels_pid != MyProcPid)
	{
		/*
		 * Sockets inherited over a fork belong to the parent: closing a TLS
		 * connection here would speak on it.
		 */
		if (channels_pid == 0)
			RegisterResourceReleaseCallback(on_resource_release, NULL);
		dlist_init(&channels);
		wfm_transfers_alive = 0;
		channels_pid = MyProcPid;
	}
	dlist_foreach(iter, &channels)
	{
		WfmChannel *channel = dlist_container(WfmChannel, node, iter.cur);

		if (channel->lease == NULL)
			return channel;
	}
	return NULL;
}

WfmChannel *
wfm_channel_borrow(MemoryContext owner)
{
	WfmLease   *lease;
	WfmChannel *channel;

	wfm_curl_init();

	lease = MemoryContextAllocZero(owner, sizeof(WfmLease));
	lease->callback.func = owner_is_gone;
	lease->callback.arg = lease;
	MemoryContextRegisterResetCallback(owner, &lease->callback);

	channel = take_from_pool();
	if (channel == NULL)
	{
		channel = calloc(1, sizeof(WfmChannel));
		if (channel == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		channel->pid = MyProcPid;
		channel->epoll_fd = -1;
		channel->timer_fd = -1;
		dlist_init(&channel->transfers);
		dlist_push_tail(&channels, &channel->node);
	}
	lease->channel = channel;
	channel->lease = lease;
	channel->owner = CurrentResourceOwner;
	channel->alarm_us = 0;
	channel->unseen = false;
	if (channel->multi == NULL)
		open_channel(channel);
	return channel;
}

void
wfm_channel_return(WfmChannel *channel)
{
	dlist_mutable_iter iter;
	int			pooled = 0;

	dlist_foreach_modify(iter, &channel->transfers)
		wfm_transfer_free(dlist_container(WfmTransfer, node, iter.cur));

	if (channel->lease)
		channel->lease->channel = NULL;
	channel->lease = NULL;
	channel->owner = NULL;
	channel->alarm_us = 0;
	wfm_channel_adjust_fds(channel, 0);

	dlist_foreach_modify(iter, &channels)
		pooled += dlist_container(WfmChannel, node, iter.cur)->lease == NULL;
	if (pooled > POOL_MAX)
		destroy(channel);
}

/* ---- time ---- */

/* Arm the timerfd for what is due next. */
static void
arm_timer(WfmChannel *channel)
{
	int64		due = channel->unseen ? 1 : channel->curl_due_us;
	struct itimerspec when;

	if (due == 0 || (channel->alarm_us != 0 && channel->alarm_us < due))
		due = channel->alarm_us;

	/*
	 * A ring too early costs one needless pump, so a later or absent due time
	 * leaves the timer as it is.
	 */
	if (due == 0 || (channel->armed_us != 0 && channel->armed_us <= due))
		return;
	memset(&when, 0, sizeof(when));
	when.it_value.tv_sec = due / 1000000;
	when.it_value.tv_nsec = (due % 1000000) * 1000;
	if (timerfd_settime(channel->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		elog(ERROR, "could not set a timer: %m");
	channel->armed_us = due;
}

void
wfm_channel_set_alarm(WfmChannel *channel, int64 at_us)
{
	channel->alarm_us = at_us;
	arm_timer(channel);
}

/* ---- doing and waiting ---- */

int
wfm_channel_fd(const WfmChannel *channel)
{
	return channel->epoll_fd;
}

/* Let libcurl do what is due now, and note which transfers have ended. */
static void
run_timers(WfmChannel *channel)
{
	CURLMsg    *message;
	int			left;
	int			running;

	if (channel->curl_due_us != 0 && channel->curl_due_us <= wfm_monotonic_us())
	{
		channel->curl_due_us = 0;
		(void) curl_multi_socket_action(channel->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	while ((message = curl_multi_info_read(channel->multi, &left)) != NULL)
	{
		char	   *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		if (private != NULL)
		{
			((WfmTransfer *) private)->curl_done = true;
			((WfmTransfer *) private)->curl_code = message->data.result;
		}
	}
}

/* Let libcurl read and write where it can. */
static void
run_sockets(WfmChannel *channel)
{
	struct epoll_event events[EVENTS_MAX];
	int			nevents;

	nevents = epoll_wait(channel->epoll_fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < nevents; i++)
	{
		int			mask = 0;
		int			running;

		if (events[i].data.fd == channel->timer_fd)
		{
			uint64		rings;

			(void) !read(channel->timer_fd, &rings, sizeof(rings));
			channel->armed_us = 0;
			continue;
		}
		if (events[i].events & EPOLLIN)
			mask |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			mask |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			mask |= CURL_CSELECT_ERR;
		(void) curl_multi_socket_action(channel->multi, events[i].data.fd, mask, &running);
	}
}

/* Digest all transfers; true when libcurl should be called again at once. */
static bool
digest_all(WfmChannel *channel)
{
	dlist_iter	iter;
	bool		again = false;

	dlist_foreach(iter, &channel->transfers)
	{
		if (wfm_transfer_digest(dlist_container(WfmTransfer, node, iter.cur)))
			again = true;
	}
	return again;
}

void
wfm_channel_kick(WfmChannel *channel)
{
	uint64		before = channel->activity;
	sigset_t	saved;

	wfm_block_signals(&saved);
	run_timers(channel);
	wfm_restore_signals(&saved);
	/* A loopback server can have answered already: do not let that wait. */
	if (digest_all(channel) || channel->activity != before)
		channel->unseen = true;
	arm_timer(channel);
}

bool
wfm_channel_pump(WfmChannel *channel)
{
	uint64		before = channel->activity;
	bool		progress = channel->unseen;
	int64		until = wfm_monotonic_us() + PUMP_US;
	bool		more = true;

	for (int round = 0; round < PUMP_ROUNDS; round++)
	{
		sigset_t	saved;

		wfm_block_signals(&saved);
		run_sockets(channel);
		run_timers(channel);
		wfm_restore_signals(&saved);

		more = digest_all(channel);
		if (!more &&
			(channel->curl_due_us == 0 || channel->curl_due_us > wfm_monotonic_us()))
			break;
		if (InterruptPending || wfm_monotonic_us() >= until)
			break;
	}

	if (channel->alarm_us != 0 && channel->alarm_us <= wfm_monotonic_us())
	{
		channel->alarm_us = 0;
		progress = true;
	}
	channel->unseen = more;
	arm_timer(channel);
	wfm_channel_adjust_fds(channel, 0);
	return progress || channel->activity != before;
}

void
wfm_channel_wait(WfmChannel *channel, long timeout_ms, uint32 wait_event)
{
	WaitEvent	event;

	if (WaitEventSetWait(channel->wait_set, timeout_ms, &event, 1, wait_event) > 0 &&
		(event.events & WL_LATCH_SET))
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	(void) wfm_channel_pump(channel);
}

void
wfm_http_counters(int *nchannels, int *ntransfers, int *ndescriptors)
{
	dlist_iter	iter;

	*nchannels = 0;
	*ntransfers = wfm_transfers_alive;
	*ndescriptors = 0;
	if (channels_pid != MyProcPid)
		return;
	dlist_foreach(iter, &channels)
	{
		WfmChannel *channel = dlist_container(WfmChannel, node, iter.cur);

		(*nchannels)++;
		*ndescriptors += channel->open_sockets + (channel->epoll_fd >= 0) +
			(channel->timer_fd >= 0) + (channel->wait_set != NULL);
	}
}
