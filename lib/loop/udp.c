// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "loop/uring.h"

enum { SOCKET_BUFFER = 8 << 20, REARM_MS = 20, BIND_TRIES = 20, BIND_AGAIN_MS = 50 };

static void udp_release(struct mn_handle *h)
{
	struct mn_udp *u = (void *)((char *)h - offsetof(struct mn_udp, handle));

	mn_timer_del(&u->rearm);
	close(u->fd);
	free(u);
}

/* Frees a closed socket that the ring refers to no more. */
void mn_udp_finish(struct mn_udp *u)
{
	if (!u->closed || u->armed || u->sends || u->in_callback)
		return;
	mn_loop_drop(&u->handle);
	udp_release(&u->handle);
}

static void arm(struct mn_udp *u)
{
	struct io_uring_sqe *sqe = mn_loop_sqe(u->loop);

	if (!sqe) {
		mn_timer_set(u->loop->timers, &u->rearm, REARM_MS);
		return;
	}
	io_uring_prep_recvmsg_multishot(sqe, u->fd, &u->loop->receive_msg, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = MN_BUFFER_GROUP;
	io_uring_sqe_set_data(sqe, &u->op);
	u->armed = true;
}

static void rearm(struct mn_timer *t)
{
	struct mn_udp *u = (void *)((char *)t - offsetof(struct mn_udp, rearm));

	if (!u->armed && !u->closed)
		arm(u);
}

static void read_local(struct io_uring_recvmsg_out *o, struct msghdr *shape, struct mn_local *to)
{
	struct cmsghdr *c = io_uring_recvmsg_cmsg_firsthdr(o, shape);

	memset(to, 0, sizeof(*to));
	for (; c; c = io_uring_recvmsg_cmsg_nexthdr(o, shape, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to->family = AF_INET;
			memcpy(to->addr, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			to->family = AF_INET6;
			memcpy(to->addr, &info.ipi6_addr, 16);
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				to->ifindex = info.ipi6_ifindex;
		}
	}
}

/* Source address as the kernel wrote it, in our canonical form (unused bytes zero, no flow label). */
static bool read_from(struct io_uring_recvmsg_out *o, union mn_addr *from)
{
	memset(from, 0, sizeof(*from));
	if (o->namelen >= sizeof(from->in6) && o->namelen <= sizeof(*from)) {
		memcpy(&from->in6, io_uring_recvmsg_name(o), sizeof(from->in6));
		from->in6.sin6_flowinfo = 0;
	} else if (o->namelen >= sizeof(from->in)) {
		memcpy(&from->in, io_uring_recvmsg_name(o), sizeof(from->in));
		memset(from->in.sin_zero, 0, sizeof(from->in.sin_zero));
	} else {
		return false;
	}
	return true;
}

static void deliver(struct mn_udp *u, uint8_t *buf, int res)
{
	struct msghdr *shape = &u->loop->receive_msg;
	struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(buf, res, shape);
	struct mn_local to;
	union mn_addr from;
	size_t len;

	if (!o)
		return;
	len = io_uring_recvmsg_payload_length(o, res, shape);
	u->stats.in++;
	u->stats.in_bytes += o->payloadlen;
	/* a socket of ours always knows the sender */
	if ((o->flags & MSG_TRUNC) || !read_from(o, &from)) {
		u->stats.truncated++;
		return;
	}
	read_local(o, shape, &to);
	u->fn(u->arg, u, io_uring_recvmsg_payload(o, shape), len, &from, &to);
}

static void received(struct mn_op *op, int res, unsigned int flags)
{
	struct mn_udp *u = (void *)op;
	struct mn_loop *l = u->loop;

	if (!(flags & IORING_CQE_F_MORE))
		u->armed = false;
	if (flags & IORING_CQE_F_BUFFER) {
		unsigned int id = flags >> IORING_CQE_BUFFER_SHIFT;

		if (res > 0 && !u->closed) {
			u->in_callback = true;
			deliver(u, mn_loop_receive_buffer(l, id), res);
			u->in_callback = false;
		}
		mn_loop_receive_return(l, id);
	}
	if (!u->armed && !u->closed) {
		/* buffers that ran out are back by now; an ICMP error of a connected socket passes */
		if (res == -ENOBUFS)
			u->stats.no_buffer++;
		if (res >= 0 || res == -ENOBUFS)
			arm(u);
		else
			mn_timer_set(l->timers, &u->rearm, REARM_MS);
	}
	mn_udp_finish(u);
}

/* Beyond the system's limit only with CAP_NET_ADMIN; else up to it. */
static void receive_room(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

void mn_udp_receive_room(struct mn_udp *u, int bytes)
{
	receive_room(u->fd, bytes);
}

static void grow_buffers(int fd)
{
	int size = SOCKET_BUFFER;

	receive_room(fd, size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* After a kill -9 the dead process's ring holds its sockets for a moment. Only starting programs bind a port, so waiting here
 * holds nothing up. */
static int bind_socket(int fd, const union mn_addr *local)
{
	const struct timespec pause = { .tv_nsec = BIND_AGAIN_MS * 1000000 };

	for (int tries = 0; bind(fd, &local->sa, mn_addr_len(local)); tries++) {
		if (errno != EADDRINUSE || tries == BIND_TRIES)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int open_socket(const union mn_addr *local, const union mn_addr *peer, bool reuseport)
{
	sa_family_t family = local ? local->sa.sa_family : peer->sa.sa_family;
	int one = 1, err;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		goto fail;
	if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
		goto fail;
	if (!peer) {
		if (family == AF_INET6 &&
		    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)))
			goto fail;
		if (family == AF_INET && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)))
			goto fail;
		grow_buffers(fd);
	}
	if (local && bind_socket(fd, local))
		goto fail;
	if (peer && connect(fd, &peer->sa, mn_addr_len(peer)))
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

int mn_udp_new(struct mn_loop *l, const union mn_addr *local, const union mn_addr *peer,
	       bool reuseport, mn_udp_fn *fn, void *arg, struct mn_udp **out)
{
	struct mn_udp *u;
	int fd;

	if (!local && !peer)
		return -EINVAL;
	fd = open_socket(local, peer, reuseport);
	if (fd < 0)
		return fd;
	u = calloc(1, sizeof(*u));
	if (!u) {
		close(fd);
		return -ENOMEM;
	}
	u->op.done = received;
	u->handle.release = udp_release;
	u->loop = l;
	u->fd = fd;
	u->fn = fn;
	u->arg = arg;
	mn_timer_init(&u->rearm, rearm);
	mn_loop_hold(l, &u->handle);
	arm(u);
	*out = u;
	return 0;
}

void mn_udp_free(struct mn_udp *u)
{
	if (!u || u->closed)
		return;
	u->closed = true;
	mn_timer_del(&u->rearm);
	if (u->armed)
		mn_loop_cancel(u->loop, &u->op);
	mn_udp_finish(u);
}

void mn_udp_enlarge(struct mn_udp *u)
{
	grow_buffers(u->fd);
}

int mn_udp_fd(const struct mn_udp *u)
{
	return u->fd;
}

void mn_udp_bound(const struct mn_udp *u, union mn_addr *out)
{
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	getsockname(u->fd, &out->sa, &len);
}

const struct mn_udp_stats *mn_udp_stats(const struct mn_udp *u)
{
	return &u->stats;
}
