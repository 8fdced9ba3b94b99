// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket's server: the socket file, who may connect, and what each peer still has to be sent.
 * A peer is read only when its last request is answered and sent: its own socket is the queue of its requests. */
#include "ctl/server.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/crypto.h"
#include "log.h"

#define PEERS_MAX 64
#define RETRY_MS 10
#define STALLED_MS 300000 /* takes nothing of what waits for it */
#define ROOM_MS 10000     /* idle for so long: makes room for another */
#define TURN 16           /* requests of one peer before others have theirs */
#define SEND_BUFFER (1 << 20)

static void readable(void *arg, int fd);
static void acceptable(void *arg, int fd);

/* ---- peers ---- */

static void peer_free(struct mn_ctl_peer *p)
{
	struct mn_ctl_server *s = p->server;
	struct mn_ctl_peer **at = &s->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	s->n_peers--;
	if (p->request)
		mn_ctl_request_orphan(p->request);
	while (p->first) {
		struct mn_ctl_out *o = p->first;

		p->first = o->next;
		s->queued -= o->len;
		free(o);
	}
	mn_poll_free(p->poll);
	close(p->fd);
	free(p);
}

int mn_ctl_peer_queue(struct mn_ctl_peer *p, const void *data, size_t len)
{
	struct mn_ctl_out *o = malloc(sizeof(*o) + len);

	if (!o)
		return -ENOMEM;
	o->next = NULL;
	o->len = len;
	memcpy(o->data, data, len);
	*p->last = o;
	p->last = &o->next;
	p->server->queued += len;
	return 0;
}

static void retry_soon(struct mn_ctl_server *s)
{
	if (!mn_timer_pending(&s->retry))
		mn_timer_set(mn_loop_timers(s->loop), &s->retry, RETRY_MS);
}

/* Sends until all is sent or the socket is full. -errno: the peer went away. */
static int flush(struct mn_ctl_peer *p)
{
	struct mn_ctl_server *s = p->server;

	while (p->first) {
		struct mn_ctl_out *o = p->first;

		if (send(p->fd, o->data, o->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
				return 0;
			return -errno;
		}
		p->first = o->next;
		if (!p->first)
			p->last = &p->first;
		s->queued -= o->len;
		p->active_ms = mn_loop_now(s->loop);
		free(o);
	}
	return 0;
}

void mn_ctl_peer_go_on(struct mn_ctl_peer *p)
{
	struct mn_ctl_server *s = p->server;

	if (flush(p) || (p->first && mn_loop_now(s->loop) - p->active_ms > STALLED_MS)) {
		peer_free(p);
		return;
	}
	if (p->first) {
		retry_soon(s);
		return;
	}
	if (p->request || p->poll)
		return;
	if (mn_poll_new(s->loop, p->fd, readable, p, &p->poll)) {
		p->poll = NULL;
		retry_soon(s);
	}
}

static void readable(void *arg, int fd)
{
	struct mn_ctl_peer *p = arg;
	struct mn_ctl_server *s = p->server;

	for (unsigned int i = 0; i < TURN && !p->request && !p->first; i++) {
		/* MSG_TRUNC: the length that came, so that a longer message is known as one. */
		ssize_t n = recv(fd, s->buffer, sizeof(s->buffer), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			peer_free(p);
			return;
		}
		p->active_ms = mn_loop_now(s->loop);
		if (mn_ctl_request_handle(p, (size_t)n) || flush(p)) {
			peer_free(p);
			return;
		}
	}
	/* Not read empty: the poll tells of new data only, a new one looks at what is there. */
	mn_poll_free(p->poll);
	p->poll = NULL;
	mn_ctl_peer_go_on(p);
}

static void retry(struct mn_timer *t)
{
	struct mn_ctl_server *s = (void *)((char *)t - offsetof(struct mn_ctl_server, retry));
	struct mn_ctl_peer *p, *next;

	for (p = s->peers; p; p = next) {
		next = p->next;
		mn_ctl_peer_go_on(p);
	}
	if (!s->poll && mn_poll_new(s->loop, s->fd, acceptable, s, &s->poll)) {
		s->poll = NULL;
		retry_soon(s);
	}
}

/* ---- who connects ---- */

static bool in_group(int fd, gid_t primary, gid_t group)
{
	gid_t few[64], *groups = few;
	socklen_t len = sizeof(few);
	bool found = false;
	int err;

	if (group == (gid_t)-1)
		return false;
	if (primary == group)
		return true;
	err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	if (err && errno == ERANGE) {
		groups = malloc(len);
		err = groups ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) : -1;
	}
	for (size_t i = 0; !err && i < len / sizeof(*groups); i++)
		found |= groups[i] == group;
	if (groups != few)
		free(groups);
	return found;
}

static bool may_change(const struct mn_ctl_server *s, int fd)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) || len != sizeof(c))
		return false;
	return c.uid == 0 || c.uid == geteuid() || in_group(fd, c.gid, s->group);
}

/* Tells why and closes. What the peer has sent is read away first: closing over it would
 * reset the connection and lose the reason. */
static void turn_away(int fd)
{
	const struct nlmsghdr nobody = { .nlmsg_len = NLMSG_HDRLEN };
	struct nl_msg *msg = mn_ctl_end_new(&nobody, false, -EBUSY, 0, "too many clients");
	char byte;

	shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
	if (msg)
		send(fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	nlmsg_free(msg);
	close(fd);
}

/* Drops the peer that was idle longest, if that is long enough. */
static bool make_room(struct mn_ctl_server *s)
{
	uint64_t now = mn_loop_now(s->loop);
	struct mn_ctl_peer *idlest = NULL;

	for (struct mn_ctl_peer *p = s->peers; p; p = p->next)
		if (!p->request && !p->first && (!idlest || p->active_ms < idlest->active_ms))
			idlest = p;
	if (!idlest || now - idlest->active_ms < ROOM_MS)
		return false;
	peer_free(idlest);
	return true;
}

static void peer_new(struct mn_ctl_server *s, int fd)
{
	int size = SEND_BUFFER;
	struct mn_ctl_peer *p;

	if (s->n_peers >= PEERS_MAX && !make_room(s)) {
		turn_away(fd);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		turn_away(fd);
		return;
	}
	/* A dump should not take a pause every few messages; whatever the limits allow is fine. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	p->server = s;
	p->fd = fd;
	p->last = &p->first;
	p->may_change = may_change(s, fd);
	p->active_ms = mn_loop_now(s->loop);
	p->next = s->peers;
	s->peers = p;
	s->n_peers++;
	mn_ctl_peer_go_on(p);
}

static void acceptable(void *arg, int listen_fd)
{
	struct mn_ctl_server *s = arg;

	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			s->accept_errno = 0;
			peer_new(s, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		break;
	}
	/* Out of descriptors or memory: look again soon, the poll will not tell a second time. Said once. */
	if (errno != s->accept_errno)
		mn_warn("control socket: accept: %s", strerror(errno));
	s->accept_errno = errno;
	mn_poll_free(s->poll);
	s->poll = NULL;
	retry_soon(s);
}

/* ---- the socket file ---- */

/* Takes a socket away that nobody serves any more. */
static int clear_path(const struct sockaddr_un *addr, char err[256])
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, 256, "%s: there is a file that is not a socket", addr->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? errno : 0;
	close(fd);
	if (ret != ECONNREFUSED) {
		snprintf(err, 256, "%s: another program serves this control socket",
			 addr->sun_path);
		return -EADDRINUSE;
	}
	return unlink(addr->sun_path) ? -errno : 0;
}

/* Group `mncse` and mode 0660, in this order: at no time another group could connect. A daemon that runs in the group needs no chown,
 * which a service's filter of system calls may forbid. */
static int set_owner(struct mn_ctl_server *s)
{
	const struct group *g = getgrnam("mncse");
	struct stat st;

	s->group = (gid_t)-1;
	if (g) {
		if ((lstat(s->path, &st) == 0 && st.st_gid == g->gr_gid) ||
		    chown(s->path, (uid_t)-1, g->gr_gid) == 0)
			s->group = g->gr_gid;
		else
			mn_warn("control socket %s: cannot give it to group mncse: %s", s->path,
				strerror(errno));
	}
	if (chmod(s->path, 0660) || lstat(s->path, &st))
		return -errno;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

/* On failure no file of ours is left. */
static int listen_at(struct mn_ctl_server *s, char err[256])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret;

	if (!*s->path || strlen(s->path) >= sizeof(addr.sun_path)) {
		snprintf(err, 256, "%.100s...: a socket's path has 1 to %zu bytes", s->path,
			 sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, s->path);
	ret = clear_path(&addr, err);
	if (ret)
		return ret;
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	mask = umask(0177);
	ret = bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	umask(mask);
	if (ret)
		return ret;
	ret = set_owner(s);
	if (!ret && listen(s->fd, PEERS_MAX))
		ret = -errno;
	if (ret)
		unlink(s->path);
	return ret;
}

int mn_ctl_server_new(struct mn_loop *l, const char *path, const struct mn_ctl_command *commands,
		      size_t n, void *arg, struct mn_ctl_server **out, char err[256])
{
	struct mn_ctl_server *s = calloc(1, sizeof(*s));
	int ret;

	err[0] = '\0';
	if (!s) {
		snprintf(err, 256, "not enough memory");
		return -ENOMEM;
	}
	s->loop = l;
	s->commands = commands;
	s->n_commands = n;
	s->arg = arg;
	s->fd = -1;
	mn_timer_init(&s->retry, retry);
	s->path = strdup(path);
	ret = s->path ? listen_at(s, err) : -ENOMEM;
	if (!ret)
		ret = mn_poll_new(l, s->fd, acceptable, s, &s->poll);
	if (ret) {
		if (!err[0])
			snprintf(err, 256, "%.160s: %s%s", path, strerror(-ret),
				 ret == -ENOENT ? " (make the folder first)" : "");
		mn_ctl_server_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void mn_ctl_server_free(struct mn_ctl_server *s)
{
	struct stat st;

	if (!s)
		return;
	while (s->peers)
		peer_free(s->peers);
	mn_timer_del(&s->retry);
	mn_poll_free(s->poll);
	if (s->fd >= 0)
		close(s->fd);
	if (s->ino && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	free(s->path);
	free(s);
}
