// SPDX-License-Identifier: GPL-2.0-or-later
/* The blocking client. Answers are checked by the same policy as requests. */
#include "ctl/codec.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/crypto.h"

struct mn_ctl_client {
	int fd;
	uint32_t seq;
	uint8_t buffer[MN_CTL_MESSAGE_MAX] __attribute__((aligned(8)));
};

/* One call under way. */
struct call {
	mn_ctl_answer_fn *fn;
	void *arg;
	uint32_t seq;
	char *err; /* 256 bytes */
	bool done;
};

static int fail_connect(const char *path, int error, char err[256])
{
	const char *what;

	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		what = "no program serves this control socket";
		break;
	case EACCES:
	case EPERM:
		what = "no permission: be root or a member of group mncse";
		break;
	case EAGAIN:
		what = "the program does not take connections in time";
		error = ETIMEDOUT;
		break;
	case EPROTOTYPE:
		what = "this socket is not a control socket";
		break;
	default:
		what = strerror(error);
		break;
	}
	snprintf(err, 256, "%.120s: %s", path, what);
	return -error;
}

static int set_timeout(int fd, unsigned int timeout_ms)
{
	const struct timeval t = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = timeout_ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)))
		return -errno;
	return 0;
}

int mn_ctl_connect(const char *path, unsigned int timeout_ms, struct mn_ctl_client **out,
		   char err[256])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct mn_ctl_client *c;
	int ret;

	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return fail_connect(path, ENAMETOOLONG, err);
	strcpy(addr.sun_path, path);
	c = calloc(1, sizeof(*c));
	if (!c)
		return fail_connect(path, ENOMEM, err);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ret = c->fd < 0 ? -errno : set_timeout(c->fd, timeout_ms);
	if (!ret && connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)))
		ret = -errno;
	if (ret) {
		mn_ctl_disconnect(c);
		return fail_connect(path, -ret, err);
	}
	*out = c;
	return 0;
}

void mn_ctl_disconnect(struct mn_ctl_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

struct nl_msg *mn_ctl_request_new(enum mncse_cmd cmd, bool dump)
{
	struct nl_msg *msg = nlmsg_alloc_size(8192);
	int flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK);

	if (msg && !genlmsg_put(msg, 0, 0, MNCSE_UNIX_TYPE, 0, flags, cmd, MNCSE_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

void mn_ctl_request_free(struct nl_msg *msg)
{
	if (!msg)
		return;
	mn_zero(nlmsg_hdr(msg), nlmsg_get_max_size(msg));
	nlmsg_free(msg);
}

static int fail(char err[256], int error, const char *text)
{
	snprintf(err, 256, "%s", text);
	return error;
}

static int send_request(struct mn_ctl_client *c, struct nl_msg *msg, char err[256])
{
	struct nlmsghdr *h = nlmsg_hdr(msg);

	/* 0 is left to messages that answer no request. */
	if (++c->seq == 0)
		c->seq = 1;
	h->nlmsg_seq = c->seq;
	while (send(c->fd, h, h->nlmsg_len, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		/* A server that turned us away has closed its side and said why: read that. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno == EAGAIN)
			return fail(err, -ETIMEDOUT,
				    "the program does not take the request in time");
		return fail(err, -errno, strerror(errno));
	}
	return 0;
}

static int receive(struct mn_ctl_client *c, size_t *len, char err[256])
{
	ssize_t n;

	do {
		n = recv(c->fd, c->buffer, sizeof(c->buffer), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return fail(err, -ETIMEDOUT, "the program does not answer in time");
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return fail(err, -ECONNRESET, "the program has closed the connection");
	if (n < 0)
		return fail(err, -errno, strerror(errno));
	if ((size_t)n > sizeof(c->buffer) || (size_t)n < NLMSG_HDRLEN)
		return fail(err, -EPROTO, "malformed answer: wrong length");
	*len = (size_t)n;
	return 0;
}

static int take_end(struct mn_ctl_client *c, size_t len, struct call *k)
{
	char text[MN_CTL_TEXT_MAX];
	int error;

	if (mn_ctl_end_parse(c->buffer, len, &error, text))
		return fail(k->err, -EPROTO, "malformed answer: its last message");
	k->done = true;
	return error ? fail(k->err, error, text[0] ? text : strerror(-error)) : 0;
}

static int take_answer(struct mn_ctl_client *c, size_t len, struct call *k)
{
	struct nlattr *attrs[MNCSE_A_MAX + 1];
	enum mncse_cmd cmd;
	const char *text;
	int attr, ret;

	ret = mn_ctl_parse(c->buffer, len, &cmd, attrs, &attr, &text);
	if (!ret && mn_ctl_is_request(cmd)) {
		ret = -EPROTO;
		text = "a request";
	}
	if (ret) {
		snprintf(k->err, 256, "malformed answer: %s%s%s",
			 attr ? mn_ctl_attr_name(attr) : "", attr ? ": " : "", text);
		return -EPROTO;
	}
	return k->fn ? k->fn(k->arg, cmd, attrs) : 0;
}

/* One message. Those of an earlier call that its fn ended are passed over. */
static int take(struct mn_ctl_client *c, size_t len, struct call *k)
{
	const struct nlmsghdr *h = (const void *)c->buffer;
	bool last = h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE;

	if (h->nlmsg_seq != k->seq && !(h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == 0)) {
		if ((int32_t)(k->seq - h->nlmsg_seq) > 0)
			return 0;
		return fail(k->err, -EPROTO, "malformed answer: to a request that was not sent");
	}
	return last ? take_end(c, len, k) : take_answer(c, len, k);
}

int mn_ctl_call(struct mn_ctl_client *c, struct nl_msg *msg, mn_ctl_answer_fn *fn, void *arg,
		char err[256])
{
	struct call k = { .fn = fn, .arg = arg, .err = err };
	int ret;

	err[0] = '\0';
	if (!msg)
		return fail(err, -ENOMEM, "not enough memory");
	ret = send_request(c, msg, err);
	mn_ctl_request_free(msg);
	k.seq = c->seq;
	while (!ret && !k.done) {
		size_t len = 0;

		ret = receive(c, &len, err);
		if (!ret)
			ret = take(c, len, &k);
	}
	return ret;
}
