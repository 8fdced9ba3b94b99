// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams of one iteration wait in a queue and leave together. Neighbours of one length to one destination (the outer
 * hop's service requests and answers) become one sendmsg with UDP_SEGMENT: the kernel's path is walked once for all of them.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "loop/uring.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
	SEGMENT_GROUPS = 64,    /* in flight at once; without one datagrams leave singly */
	SEGMENTS_BYTES = 60000, /* of one call */
	SEGMENTS_MIN = 4,       /* fewer are not worth it */
};

int mn_send_init(struct mn_loop *l, unsigned int buffers, unsigned int size)
{
	struct mn_segments *groups;

	l->send_tail = &l->send_queue;
	l->send_n = buffers ? buffers : 4096;
	l->send_size = size ? size : 2048;
	l->send_stride = ((unsigned int)sizeof(struct mn_send) + l->send_size + 63) & ~63u;
	l->send_area = mn_loop_map((size_t)l->send_n * l->send_stride);
	groups = l->segments_area = mn_loop_map(SEGMENT_GROUPS * sizeof(*groups));
	if (!l->send_area || !groups)
		return -ENOMEM;
	for (unsigned int i = l->send_n; i-- > 0;) {
		struct mn_send *s = (void *)(l->send_area + (size_t)i * l->send_stride);

		s->next = l->send_free;
		l->send_free = s;
	}
	for (unsigned int i = 0; i < SEGMENT_GROUPS; i++) {
		groups[i].next = l->segments_free;
		l->segments_free = &groups[i];
	}
	return 0;
}

void mn_send_fini(struct mn_loop *l)
{
	if (l->send_area)
		munmap(l->send_area, (size_t)l->send_n * l->send_stride);
	if (l->segments_area)
		munmap(l->segments_area, SEGMENT_GROUPS * sizeof(struct mn_segments));
}

static struct mn_send *send_of(uint8_t *data)
{
	return (void *)(data - offsetof(struct mn_send, data));
}

uint8_t *mn_send_buffer(struct mn_loop *l, size_t *size)
{
	struct mn_send *s = l->send_free;

	if (!s)
		return NULL;
	l->send_free = s->next;
	*size = l->send_size;
	return s->data;
}

void mn_send_buffer_put(struct mn_loop *l, uint8_t *data)
{
	struct mn_send *s = send_of(data);

	s->next = l->send_free;
	l->send_free = s;
}

static void queue(struct mn_loop *l, struct mn_send *s)
{
	s->next = NULL;
	s->segments = NULL;
	*l->send_tail = s;
	l->send_tail = &s->next;
}

void mn_udp_send(struct mn_udp *u, uint8_t *data, size_t len, const union mn_addr *to,
		 const struct mn_local *from)
{
	struct mn_send *s = send_of(data);

	if (u->closed) {
		u->stats.send_errors++;
		mn_send_buffer_put(u->loop, data);
		return;
	}
	s->udp = u;
	s->iov = (struct iovec){ .iov_base = data, .iov_len = len };
	s->has_to = to != NULL;
	if (to)
		s->to = *to;
	s->from.family = 0;
	if (from && from->family)
		s->from = *from;
	u->sends++;
	queue(u->loop, s);
}

static void finish_one(struct mn_send *s, bool ok)
{
	struct mn_udp *u = s->udp;

	if (ok) {
		u->stats.out++;
		u->stats.out_bytes += s->iov.iov_len;
	} else {
		u->stats.send_errors++;
	}
	mn_send_buffer_put(u->loop, s->data);
	u->sends--;
}

/* EIO: the device cannot do the checksums; EINVAL: a kernel or socket without the option. Singly they may go. */
static bool retry_singly(struct mn_send *s, int res)
{
	struct mn_udp *u = s->udp;

	if (!s->segments || u->closed || (res != -EIO && res != -EINVAL && res != -EMSGSIZE))
		return false;
	u->no_segments = true;
	while (s) {
		struct mn_send *next = s->next;

		queue(u->loop, s);
		s = next;
	}
	return true;
}

static void sent(struct mn_op *op, int res, unsigned int flags)
{
	struct mn_send *s = (void *)op;
	struct mn_segments *segments = s->segments;
	struct mn_udp *u = s->udp;

	(void)flags;
	if (segments) {
		segments->next = u->loop->segments_free;
		u->loop->segments_free = segments;
	}
	if (retry_singly(s, res))
		return;
	if (!segments)
		s->next = NULL;
	while (s) {
		struct mn_send *next = s->next;

		finish_one(s, res >= 0);
		s = next;
	}
	mn_udp_finish(u);
}

static struct cmsghdr *put_control(struct mn_send *s, int level, int type, const void *data,
				   size_t len)
{
	struct cmsghdr *c;

	s->msg.msg_control = s->control.bytes;
	c = (struct cmsghdr *)(s->control.bytes + s->msg.msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	s->msg.msg_controllen += CMSG_SPACE(len);
	return c;
}

static void put_local(struct mn_send *s)
{
	if (s->from.family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_ifindex = s->from.ifindex };

		memcpy(&info.ipi6_addr, s->from.addr, 16);
		put_control(s, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else if (s->from.family == AF_INET) {
		struct in_pktinfo info = { .ipi_ifindex = (int)s->from.ifindex };

		memcpy(&info.ipi_spec_dst, s->from.addr, 4);
		put_control(s, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

static bool same_way(const struct mn_send *a, const struct mn_send *b)
{
	return a->udp == b->udp && a->has_to == b->has_to &&
	       (!a->has_to || mn_addr_equal(&a->to, &b->to)) && a->from.family == b->from.family &&
	       (!a->from.family || !memcmp(&a->from, &b->from, sizeof(a->from)));
}

/* Takes from the head of the queue what may leave with first: as long as first, the last one shorter at most. Returns how many
 * follow it; first->next leads them. */
static unsigned int gather(struct mn_loop *l, struct mn_send *first)
{
	size_t len = first->iov.iov_len, total = len;
	struct mn_send *last = first, *s = l->send_queue;
	unsigned int n = 1;

	if (first->udp->no_segments || !l->segments_free)
		return 0;
	for (; s && n < SEGMENTS_MIN && s->iov.iov_len == len && same_way(first, s); s = s->next)
		n++;
	if (n < SEGMENTS_MIN)
		return 0;
	n = 0;
	while (l->send_queue && n < MN_SEGMENTS_MAX - 1 && last->iov.iov_len == len) {
		s = l->send_queue;
		if (!same_way(first, s) || s->iov.iov_len > len ||
		    total + s->iov.iov_len > SEGMENTS_BYTES)
			break;
		total += s->iov.iov_len;
		l->send_queue = s->next;
		last->next = s;
		s->next = NULL;
		last = s;
		n++;
	}
	return n;
}

static void put_segments(struct mn_loop *l, struct mn_send *first)
{
	struct mn_segments *g = l->segments_free;
	uint16_t size = (uint16_t)first->iov.iov_len;
	unsigned int n = 0;

	l->segments_free = g->next;
	first->segments = g;
	for (struct mn_send *s = first; s; s = s->next)
		g->iov[n++] = s->iov;
	first->msg.msg_iov = g->iov;
	first->msg.msg_iovlen = n;
	put_control(first, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
}

void mn_send_flush(struct mn_loop *l)
{
	while (l->send_queue) {
		struct io_uring_sqe *sqe = mn_loop_sqe(l);
		struct mn_send *s = l->send_queue;

		if (!sqe)
			return; /* the ring is full: they go with the next iteration */
		l->send_queue = s->next;
		s->next = NULL;
		s->op.done = sent;
		s->msg = (struct msghdr){ .msg_iov = &s->iov, .msg_iovlen = 1 };
		if (s->has_to) {
			s->msg.msg_name = &s->to;
			s->msg.msg_namelen = mn_addr_len(&s->to);
		}
		put_local(s);
		if (gather(l, s))
			put_segments(l, s);
		io_uring_prep_sendmsg(sqe, s->udp->fd, &s->msg, 0);
		io_uring_sqe_set_data(sqe, &s->op);
	}
	l->send_tail = &l->send_queue;
}
