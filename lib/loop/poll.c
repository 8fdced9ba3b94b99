// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "loop/uring.h"

struct mn_poll {
	struct mn_op op; /* first: found from the completion */
	struct mn_handle handle;
	struct mn_loop *loop;
	int fd;
	bool armed, closed;
	void (*fn)(void *arg, int fd);
	void *arg;
};

static void release(struct mn_handle *h)
{
	free((char *)h - offsetof(struct mn_poll, handle));
}

static int arm(struct mn_poll *p)
{
	struct io_uring_sqe *sqe = mn_loop_sqe(p->loop);

	if (!sqe)
		return -EAGAIN;
	io_uring_prep_poll_multishot(sqe, p->fd, POLLIN);
	io_uring_sqe_set_data(sqe, &p->op);
	p->armed = true;
	return 0;
}

static void readable(struct mn_op *op, int res, unsigned int flags)
{
	struct mn_poll *p = (void *)op;

	if (!(flags & IORING_CQE_F_MORE))
		p->armed = false;
	if (!p->closed && res >= 0) {
		p->fn(p->arg, p->fd);
		if (!p->closed && !p->armed)
			arm(p);
	}
	if (p->closed && !p->armed) {
		mn_loop_drop(&p->handle);
		free(p);
	}
}

int mn_poll_new(struct mn_loop *l, int fd, void (*fn)(void *arg, int fd), void *arg,
		struct mn_poll **out)
{
	struct mn_poll *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->op.done = readable;
	p->handle.release = release;
	p->loop = l;
	p->fd = fd;
	p->fn = fn;
	p->arg = arg;
	err = arm(p);
	if (err) {
		free(p);
		return err;
	}
	mn_loop_hold(l, &p->handle);
	*out = p;
	return 0;
}

/* The caller may close the descriptor at once: the request holds the file until its last completion. */
void mn_poll_free(struct mn_poll *p)
{
	if (!p || p->closed)
		return;
	p->closed = true;
	if (p->armed)
		mn_loop_cancel(p->loop, &p->op);
	/* not armed: we are inside its own callback, and readable() frees it */
}
