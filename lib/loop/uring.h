/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the loop, shared by loop.c and udp.c. */
#ifndef MN_LOOP_URING_H
#define MN_LOOP_URING_H

#include <liburing.h>

#include "loop/worker.h"

enum { MN_SEGMENTS_MAX = 64 }; /* the kernel's UDP_MAX_SEGMENTS before 6.10 */

/* What a completion's user_data points to. */
struct mn_op {
	void (*done)(struct mn_op *op, int res, unsigned int flags);
};

/* A datagram on its way out. The caller's buffer is data[]. */
struct mn_send {
	struct mn_op op;
	struct mn_send *next; /* free list, queue, or the rest of its segments */
	struct mn_udp *udp;
	struct mn_segments *segments; /* of the first of several, else NULL */
	struct iovec iov;
	struct msghdr msg;
	union mn_addr to;
	struct mn_local from;
	bool has_to;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			      CMSG_SPACE(sizeof(uint16_t))];
	} control;
	uint8_t data[];
};

/* Several datagrams of one length to one destination that leave in one call (UDP_SEGMENT). */
struct mn_segments {
	struct mn_segments *next; /* free list */
	struct iovec iov[MN_SEGMENTS_MAX];
};

/* A handle that the kernel still refers to is closed first and freed at its last completion. */
struct mn_handle {
	struct mn_handle *next;
	struct mn_handle **prev;
	void (*release)(struct mn_handle *h); /* frees; the ring has no reference any more */
};

enum { MN_BUFFER_GROUP = 1 };

struct mn_loop {
	struct io_uring ring;
	struct mn_timers *timers;
	uint64_t now_ms;
	bool stop;
	struct mn_defer *deferred;
	struct mn_defer **deferred_tail;
	struct mn_handle *handles;

	struct io_uring_buf_ring *buffers;
	uint8_t *receive_area;
	unsigned int receive_n, receive_size;
	struct msghdr receive_msg; /* shape of every multishot receive */

	uint8_t *send_area;
	struct mn_send *send_free;
	struct mn_send *send_queue, **send_tail; /* of this iteration */
	struct mn_segments *segments_free;
	void *segments_area;
	unsigned int send_n, send_size, send_stride;

	struct mn_mail *inbox; /* pushed by other threads; alone of all fields */
	struct mn_op mail_op, mail_failed_op;
	int wake_fd;
	struct mn_poll *wake_poll;
	void (*on_wake)(void *arg);
	void *wake_arg;
	int signal_fd;
	struct mn_poll *signal_poll;
	void (*on_signal)(void *arg, int signo);
	void *signal_arg;
};

struct mn_udp {
	struct mn_op op; /* first: the multishot receive's completion */
	struct mn_handle handle;
	struct mn_loop *loop;
	int fd;
	bool armed, closed, in_callback;
	bool no_segments;   /* the kernel or the device refused UDP_SEGMENT */
	unsigned int sends; /* queued or in flight */
	mn_udp_fn *fn;
	void *arg;
	struct mn_timer rearm;
	struct mn_udp_stats stats;
};
void mn_udp_finish(struct mn_udp *u);

/* mail.c */
void mn_mail_init(struct mn_loop *l);
void mn_mail_woken(struct mn_loop *l);

/* send.c */
int mn_send_init(struct mn_loop *l, unsigned int buffers, unsigned int size);
void mn_send_fini(struct mn_loop *l);
/* Hands the iteration's datagrams to the ring. */
void mn_send_flush(struct mn_loop *l);

/* A submission entry; submits what is queued when the ring is full. */
struct io_uring_sqe *mn_loop_sqe(struct mn_loop *l);
void *mn_loop_map(size_t size); /* zeroed pages, NULL without memory */
void mn_loop_cancel(struct mn_loop *l, struct mn_op *op);
void mn_loop_hold(struct mn_loop *l, struct mn_handle *h);
void mn_loop_drop(struct mn_handle *h);
static inline uint8_t *mn_loop_receive_buffer(struct mn_loop *l, unsigned int id)
{
	return l->receive_area + (size_t)id * l->receive_size;
}
void mn_loop_receive_return(struct mn_loop *l, unsigned int id);

#endif
