// SPDX-License-Identifier: GPL-2.0-or-later
#include "nl.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct vm_answer vm_answer;
static uint16_t family;
static uint32_t events_group;

void vm_req(struct vm_req *r, uint8_t cmd)
{
	memset(&r->h, 0, sizeof(r->h));
	r->h.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	r->h.nlmsg_type = family;
	r->h.nlmsg_flags = NLM_F_REQUEST;
	r->g = (struct genlmsghdr){ .cmd = cmd, .version = MNCSE_GENL_VERSION };
}

void vm_put(struct vm_req *r, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };
	uint8_t *at = (uint8_t *)r + NLMSG_ALIGN(r->h.nlmsg_len);

	assert_true(at + NLA_HDRLEN + NLA_ALIGN(len) <= (uint8_t *)(r + 1));
	memcpy(at, &a, sizeof(a));
	if (len)
		memcpy(at + NLA_HDRLEN, data, len);
	memset(at + NLA_HDRLEN + len, 0, NLA_ALIGN(len) - len);
	r->h.nlmsg_len = (uint32_t)(at - (uint8_t *)r + NLA_HDRLEN + NLA_ALIGN(len));
}

void vm_put_u8(struct vm_req *r, uint16_t type, uint8_t v)
{
	vm_put(r, type, &v, sizeof(v));
}

void vm_put_u16(struct vm_req *r, uint16_t type, uint16_t v)
{
	vm_put(r, type, &v, sizeof(v));
}

void vm_put_u32(struct vm_req *r, uint16_t type, uint32_t v)
{
	vm_put(r, type, &v, sizeof(v));
}

void vm_put_u64(struct vm_req *r, uint16_t type, uint64_t v)
{
	vm_put(r, type, &v, sizeof(v));
}

size_t vm_nest(struct vm_req *r, uint16_t type)
{
	size_t at = r->h.nlmsg_len;

	vm_put(r, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void vm_nest_end(struct vm_req *r, size_t at)
{
	uint16_t len = (uint16_t)(r->h.nlmsg_len - at);

	memcpy((uint8_t *)r + at, &len, sizeof(len));
}

const void *vm_find(const struct vm_attrs *a, uint16_t type, size_t *len)
{
	for (size_t at = 0; at + NLA_HDRLEN <= a->len;) {
		struct nlattr n;

		memcpy(&n, a->data + at, sizeof(n));
		assert_true(n.nla_len >= NLA_HDRLEN && n.nla_len <= a->len - at);
		if ((n.nla_type & NLA_TYPE_MASK) == type) {
			*len = n.nla_len - NLA_HDRLEN;
			return a->data + at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(n.nla_len);
	}
	return NULL;
}

uint64_t vm_number(const struct vm_attrs *a, uint16_t type)
{
	uint64_t v = 0;
	size_t len;
	const void *p = vm_find(a, type, &len);

	assert_non_null(p);
	assert_true(len <= 8);
	memcpy(&v, p, len);
	return v;
}

static int error(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t head = NLMSG_LENGTH(sizeof(*e)), len;
	struct vm_attrs a;
	const void *p;

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		head += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || h->nlmsg_len <= head)
		return e->error;
	a = (struct vm_attrs){ .data = (const uint8_t *)h + head, .len = h->nlmsg_len - head };
	p = vm_find(&a, NLMSGERR_ATTR_MSG, &len);
	if (p)
		snprintf(vm_answer.text, sizeof(vm_answer.text), "%.*s", (int)len, (const char *)p);
	if (vm_find(&a, NLMSGERR_ATTR_MISS_TYPE, &len))
		vm_answer.missing = (uint32_t)vm_number(&a, NLMSGERR_ATTR_MISS_TYPE);
	vm_answer.marked = vm_find(&a, NLMSGERR_ATTR_OFFS, &len) != NULL;
	return e->error;
}

int vm_call(int fd, struct vm_req *r, bool dump, vm_each *each, void *arg)
{
	static uint32_t sequence;
	static uint8_t buf[65536];

	memset(&vm_answer, 0, sizeof(vm_answer));
	r->h.nlmsg_flags |= dump ? NLM_F_DUMP : NLM_F_ACK;
	r->h.nlmsg_seq = ++sequence;
	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		if (n < 0)
			return -errno;
		for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n)) {
			const struct genlmsghdr *g = NLMSG_DATA(h);
			struct vm_attrs a;

			if (h->nlmsg_seq != sequence)
				continue;
			vm_answer.torn |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return error(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return *(const int *)NLMSG_DATA(h);
			a = (struct vm_attrs){ g->cmd, (const uint8_t *)g + GENL_HDRLEN,
					       h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN) };
			vm_answer.n++;
			if (each)
				each(arg, &a);
		}
	}
}

static void learn(void *arg, const struct vm_attrs *a)
{
	struct vm_attrs groups, group;

	(void)arg;
	family = (uint16_t)vm_number(a, CTRL_ATTR_FAMILY_ID);
	groups.data = vm_find(a, CTRL_ATTR_MCAST_GROUPS, &groups.len);
	assert_non_null(groups.data);
	group.data = vm_find(&groups, 1, &group.len);
	assert_non_null(group.data);
	events_group = (uint32_t)vm_number(&group, CTRL_ATTR_MCAST_GRP_ID);
}

static int netlink_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)), 0);
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)), 0);
	return fd;
}

int vm_nl_open(void)
{
	static struct vm_req r;
	int fd = netlink_socket();

	vm_req(&r, CTRL_CMD_GETFAMILY);
	r.h.nlmsg_type = GENL_ID_CTRL;
	vm_put(&r, CTRL_ATTR_FAMILY_NAME, MNCSE_GENL_NAME, sizeof(MNCSE_GENL_NAME));
	assert_int_equal(vm_call(fd, &r, false, learn, NULL), 0);
	return fd;
}

void vm_nl_close(int fd)
{
	close(fd);
}

struct stat_want {
	const char *name;
	uint64_t value;
	bool found;
};

static void stat_one(void *arg, const struct vm_attrs *a)
{
	struct stat_want *w = arg;
	size_t len;
	const char *name = vm_find(a, MNCSE_A_NAME, &len);

	if (!strcmp(name, w->name)) {
		w->value = vm_number(a, MNCSE_A_VALUE);
		w->found = true;
	}
}

uint64_t vm_stat(int fd, const char *name)
{
	static struct vm_req r;
	struct stat_want w = { .name = name };

	vm_req(&r, MNCSE_CMD_STATS_GET);
	assert_int_equal(vm_call(fd, &r, true, stat_one, &w), 0);
	assert_true(w.found);
	return w.value;
}

int vm_events_open(int fd)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int events = netlink_socket();

	(void)fd;
	/* Who has no port of his own is the kernel, and hears nothing. */
	assert_int_equal(bind(events, (void *)&any, sizeof(any)), 0);
	assert_int_equal(setsockopt(events, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &events_group,
				    sizeof(events_group)),
			 0);
	return events;
}

bool vm_event_wait(int events, uint32_t reason, uint64_t session)
{
	struct pollfd p = { events, POLLIN, 0 };
	uint8_t buf[8192];

	while (poll(&p, 1, 30000) == 1) {
		ssize_t n = recv(events, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;
		struct vm_attrs a;

		if (n < (ssize_t)NLMSG_LENGTH(GENL_HDRLEN))
			return false;
		a = (struct vm_attrs){ 0, buf + NLMSG_LENGTH(GENL_HDRLEN),
				       h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN) };
		if (vm_number(&a, MNCSE_KA_REASON) == reason &&
		    vm_number(&a, MNCSE_KA_SESSION_ID) == session)
			return true;
	}
	return false;
}
