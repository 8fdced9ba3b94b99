// SPDX-License-Identifier: GPL-2.0-or-later
#include "loop/worker.h"

#include "loop/uring.h"

static void take_inbox(struct mn_loop *l)
{
	struct mn_mail *all = __atomic_exchange_n(&l->inbox, NULL, __ATOMIC_ACQUIRE);
	struct mn_mail *ordered = NULL;

	/* pushed last is first: the other way round they are in the order of sending */
	while (all) {
		struct mn_mail *m = all;

		all = m->next;
		m->next = ordered;
		ordered = m;
	}
	while (ordered) {
		struct mn_mail *m = ordered;

		ordered = m->next;
		m->fn(l, m);
	}
}

/* The completion that a sender's MSG_RING put into our ring. */
static void mail_arrived(struct mn_op *op, int res, unsigned int flags)
{
	(void)res;
	(void)flags;
	take_inbox((struct mn_loop *)((char *)op - offsetof(struct mn_loop, mail_op)));
}

/* At the sender: only a failure completes here. */
static void mail_refused(struct mn_op *op, int res, unsigned int flags)
{
	struct mn_loop *to =
		(struct mn_loop *)((char *)op - offsetof(struct mn_loop, mail_failed_op));

	(void)flags;
	if (res < 0)
		mn_loop_wake(to);
}

void mn_mail_init(struct mn_loop *l)
{
	l->mail_op.done = mail_arrived;
	l->mail_failed_op.done = mail_refused;
}

void mn_mail_woken(struct mn_loop *l)
{
	take_inbox(l);
}

static void ring_the_bell(struct mn_loop *from, struct mn_loop *to)
{
	struct io_uring_sqe *sqe = from ? mn_loop_sqe(from) : NULL;

	if (!sqe) {
		mn_loop_wake(to);
		return;
	}
	io_uring_prep_msg_ring(sqe, to->ring.ring_fd, 0, (uintptr_t)&to->mail_op, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data(sqe, &to->mail_failed_op);
}

void mn_mail_send(struct mn_loop *from, struct mn_loop *to, struct mn_mail *m)
{
	struct mn_mail *head = __atomic_load_n(&to->inbox, __ATOMIC_RELAXED);

	do
		m->next = head;
	while (!__atomic_compare_exchange_n(&to->inbox, &head, m, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
	/* m is the receiver's now */
	if (!head)
		ring_the_bell(from, to);
}
