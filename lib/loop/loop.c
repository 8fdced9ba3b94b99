// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "loop/uring.h"

enum {
	SQ_ENTRIES = 2048,
	CQ_ENTRIES = 16384,
	BATCH = 256, /* completions handled before sends are submitted */
};

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void *mn_loop_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int init_ring(struct mn_loop *l, const char **why)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		.cq_entries = CQ_ENTRIES,
	};
	int err = io_uring_queue_init_params(SQ_ENTRIES, &l->ring, &p);

	if (err == -ENOSYS)
		*why = "this kernel has no io_uring: Linux 6.1 or newer is needed";
	else if (err == -EPERM || err == -EACCES)
		*why = "io_uring is forbidden here: see sysctl kernel.io_uring_disabled and the service's seccomp filter";
	else if (err == -EINVAL)
		*why = "this kernel's io_uring is too old: Linux 6.1 or newer is needed";
	else if (err == -ENOMEM)
		*why = "no locked memory for io_uring: raise RLIMIT_MEMLOCK";
	else if (err)
		*why = "io_uring could not be set up";
	return err;
}

static int init_receive(struct mn_loop *l, const struct mn_loop_config *c)
{
	size_t ring_size;
	struct io_uring_buf_reg reg = { .bgid = MN_BUFFER_GROUP };
	int err;

	l->receive_n = c && c->receive_buffers ? c->receive_buffers : 512;
	if (l->receive_n & (l->receive_n - 1) || l->receive_n > 32768)
		return -EINVAL;
	/* io_uring_recvmsg_out, source address and control data precede the payload */
	l->receive_msg.msg_namelen = (sizeof(union mn_addr) + 7) & ~7u; /* aligns what follows */
	l->receive_msg.msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo));
	l->receive_size =
		(c && c->receive_size ? c->receive_size : 17408) +
		(unsigned int)(sizeof(struct io_uring_recvmsg_out) + l->receive_msg.msg_namelen +
			       l->receive_msg.msg_controllen);
	l->receive_size = (l->receive_size + 63) & ~63u;

	ring_size = l->receive_n * sizeof(struct io_uring_buf);
	l->buffers = mn_loop_map(ring_size);
	l->receive_area = mn_loop_map((size_t)l->receive_n * l->receive_size);
	if (!l->buffers || !l->receive_area)
		return -ENOMEM;
	io_uring_buf_ring_init(l->buffers);
	reg.ring_addr = (uintptr_t)l->buffers;
	reg.ring_entries = l->receive_n;
	err = io_uring_register_buf_ring(&l->ring, &reg, 0);
	if (err)
		return err;
	for (unsigned int i = 0; i < l->receive_n; i++)
		io_uring_buf_ring_add(l->buffers, mn_loop_receive_buffer(l, i), l->receive_size,
				      (unsigned short)i, io_uring_buf_ring_mask(l->receive_n),
				      (int)i);
	io_uring_buf_ring_advance(l->buffers, (int)l->receive_n);
	return 0;
}

static void woken(void *arg, int fd)
{
	struct mn_loop *l = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	mn_mail_woken(l);
	if (l->on_wake)
		l->on_wake(l->wake_arg);
}

int mn_loop_new(const struct mn_loop_config *config, struct mn_loop **out, const char **why)
{
	const char *unused;
	struct mn_loop *l = calloc(1, sizeof(*l));
	int err;

	if (!why)
		why = &unused;
	*why = "out of memory";
	if (!l)
		return -ENOMEM;
	l->deferred_tail = &l->deferred;
	mn_mail_init(l);
	l->signal_fd = -1;
	l->ring.ring_fd = -1;
	l->now_ms = clock_ms();
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = l->wake_fd < 0 ? -errno : init_ring(l, why);
	if (err) {
		l->ring.ring_fd = -1;
		goto fail;
	}
	err = -ENOMEM;
	l->timers = mn_timers_new(l->now_ms);
	if (!l->timers)
		goto fail;
	err = init_receive(l, config);
	if (err) {
		*why = "io_uring refused the receive buffers: Linux 6.1 or newer and enough RLIMIT_MEMLOCK are needed";
		goto fail;
	}
	err = mn_send_init(l, config ? config->send_buffers : 0, config ? config->send_size : 0);
	if (!err)
		err = mn_poll_new(l, l->wake_fd, woken, l, &l->wake_poll);
	if (err)
		goto fail;
	*why = NULL;
	*out = l;
	return 0;
fail:
	mn_loop_free(l);
	return err;
}

/* The ring goes first: after that the kernel refers to nothing of ours. */
void mn_loop_free(struct mn_loop *l)
{
	if (!l)
		return;
	if (l->ring.ring_fd >= 0) {
		mn_send_flush(
			l); /* what sessions said when they were closed after the last iteration */
		io_uring_submit(&l->ring);
		io_uring_queue_exit(&l->ring);
	}
	while (l->handles) {
		struct mn_handle *h = l->handles;

		mn_loop_drop(h);
		h->release(h);
	}
	if (l->buffers)
		munmap(l->buffers, l->receive_n * sizeof(struct io_uring_buf));
	if (l->receive_area)
		munmap(l->receive_area, (size_t)l->receive_n * l->receive_size);
	mn_send_fini(l);
	mn_timers_free(l->timers);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l);
}

struct io_uring_sqe *mn_loop_sqe(struct mn_loop *l)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	if (!sqe) {
		io_uring_submit(&l->ring);
		sqe = io_uring_get_sqe(&l->ring);
	}
	return sqe;
}

static void cancelled(struct mn_op *op, int res, unsigned int flags)
{
	(void)op;
	(void)res;
	(void)flags;
}

void mn_loop_cancel(struct mn_loop *l, struct mn_op *op)
{
	static struct mn_op cancel = { .done = cancelled };
	struct io_uring_sqe *sqe = mn_loop_sqe(l);

	if (!sqe)
		return;
	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data(sqe, &cancel);
}

void mn_loop_hold(struct mn_loop *l, struct mn_handle *h)
{
	h->next = l->handles;
	h->prev = &l->handles;
	if (h->next)
		h->next->prev = &h->next;
	l->handles = h;
}

void mn_loop_drop(struct mn_handle *h)
{
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
}

void mn_loop_receive_return(struct mn_loop *l, unsigned int id)
{
	io_uring_buf_ring_add(l->buffers, mn_loop_receive_buffer(l, id), l->receive_size,
			      (unsigned short)id, io_uring_buf_ring_mask(l->receive_n), 0);
	io_uring_buf_ring_advance(l->buffers, 1);
}

/* Runs as many as are there now: what they defer again waits for the next iteration. */
static void run_deferred(struct mn_loop *l)
{
	unsigned int n = 0;

	for (struct mn_defer *d = l->deferred; d; d = d->next)
		n++;
	while (n-- && l->deferred) {
		struct mn_defer *d = l->deferred;

		mn_loop_undefer(l, d);
		d->fn(d);
	}
}

void mn_loop_defer(struct mn_loop *l, struct mn_defer *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*l->deferred_tail = d;
	l->deferred_tail = &d->next;
}

void mn_loop_undefer(struct mn_loop *l, struct mn_defer *d)
{
	struct mn_defer **at = &l->deferred;

	if (!d->queued)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (!d->next)
		l->deferred_tail = at;
	d->queued = false;
}

static int wait_some(struct mn_loop *l)
{
	uint64_t ms = mn_timers_next(l->timers);
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	int n;

	mn_send_flush(l);
	if (l->deferred || io_uring_cq_ready(&l->ring))
		ms = 0;
	if (ms == 0) {
		n = io_uring_submit_and_get_events(&l->ring);
		return n < 0 ? n : 0;
	}
	if (ms > 3600000)
		ms = 3600000;
	ts.tv_sec = (int64_t)(ms / 1000);
	ts.tv_nsec = (long long)(ms % 1000) * 1000000;
	n = io_uring_submit_and_wait_timeout(&l->ring, &cqe, 1, &ts, NULL);
	return n < 0 ? n : 0;
}

static void complete_some(struct mn_loop *l)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	while (n++ < BATCH && !io_uring_peek_cqe(&l->ring, &cqe)) {
		struct mn_op *op = io_uring_cqe_get_data(cqe);
		unsigned int flags = cqe->flags;
		int res = cqe->res;

		io_uring_cqe_seen(&l->ring, cqe);
		if (op)
			op->done(op, res, flags);
	}
}

int mn_loop_run(struct mn_loop *l)
{
	l->stop = false;
	while (!l->stop) {
		int err = wait_some(l);

		if (err && err != -ETIME && err != -EINTR && err != -EAGAIN && err != -EBUSY) {
			mn_error("io_uring: %s", strerror(-err));
			return err;
		}
		l->now_ms = clock_ms();
		mn_timers_tick(l->timers, l->now_ms);
		complete_some(l);
		mn_timers_run(l->timers, l->now_ms);
		run_deferred(l);
	}
	mn_send_flush(l);
	io_uring_submit(&l->ring);
	return 0;
}

void mn_loop_stop(struct mn_loop *l)
{
	l->stop = true;
}

void mn_loop_wake(struct mn_loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wake_fd, &one, sizeof(one));

	(void)n; /* full means that a wake-up is pending already */
}

void mn_loop_on_wake(struct mn_loop *l, void (*fn)(void *arg), void *arg)
{
	l->on_wake = fn;
	l->wake_arg = arg;
}

uint64_t mn_loop_now(const struct mn_loop *l)
{
	return l->now_ms;
}

struct mn_timers *mn_loop_timers(struct mn_loop *l)
{
	return l->timers;
}

static void signalled(void *arg, int fd)
{
	struct mn_loop *l = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		l->on_signal(l->signal_arg, (int)info.ssi_signo);
}

int mn_loop_signals(struct mn_loop *l, void (*fn)(void *arg, int signo), void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	l->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signal_fd < 0)
		return -errno;
	l->on_signal = fn;
	l->signal_arg = arg;
	return mn_poll_new(l, l->signal_fd, signalled, l, &l->signal_poll);
}
