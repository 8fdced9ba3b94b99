// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* The control protocol at both ends. The input is a program that makes netlink messages, sensible or not: the server gets them as requests
 * and answers; each answer, and what the input makes up in place of a server, goes to the client. What the server sends must be what
 * the client's check takes. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/server.h"
#include "fuzz.h"

enum { ANSWERS = 8 };

/* ---- making messages ---- */

struct message {
	size_t len;
	uint8_t bytes[2048] __attribute__((aligned(8)));
};

static void put(struct message *m, const void *data, size_t len)
{
	if (len > sizeof(m->bytes) - m->len)
		len = sizeof(m->bytes) - m->len;
	if (len)
		memcpy(m->bytes + m->len, data, len);
	m->len += len;
}

/* An attribute of the type that belongs to it, or, one in four, of any bytes. */
static void attribute(struct fuzz *f, struct message *m)
{
	uint8_t type = fuzz_u8(f) % (MNCSE_A_MAX + 2), how = fuzz_u8(f);
	const uint8_t *p;
	struct nlattr a;
	char text[41];
	size_t len, room = 40;

	switch (mn_ctl_attr_type(type)) {
	case MN_CTL_U8:
		room = 1;
		break;
	case MN_CTL_U32:
		room = 4;
		break;
	case MN_CTL_U64:
		room = 8;
		break;
	case MN_CTL_STRING:
	case MN_CTL_BINARY:
		break;
	}
	p = fuzz_bytes(f, room, &len);
	memset(text, 'x', sizeof(text));
	memcpy(text, p, len);
	if (how & 3) {
		if (mn_ctl_attr_type(type) == MN_CTL_STRING)
			text[len++] = '\0';
		else if (mn_ctl_attr_type(type) != MN_CTL_BINARY)
			len = room;
	}
	a.nla_type = (uint16_t)(type | (how >= 0xf0 ? (how & 0x0f) << 12 : 0));
	a.nla_len = (uint16_t)(NLA_HDRLEN + len + (how == 0xe0 ? fuzz_u16(f) : 0));
	put(m, &a, sizeof(a));
	put(m, text, len);
	put(m, "\0\0\0", NLA_ALIGN(len) - len);
}

static void message(struct fuzz *f, struct message *m, uint32_t seq)
{
	static const uint16_t flags[] = { NLM_F_REQUEST | NLM_F_ACK, NLM_F_REQUEST | NLM_F_DUMP, 0,
					  NLM_F_MULTI };
	uint8_t how = fuzz_u8(f), n = fuzz_u8(f);
	struct nlmsghdr h = { .nlmsg_type = how & 3 ? MNCSE_UNIX_TYPE :
					    how & 4 ? NLMSG_ERROR :
					    how & 8 ? NLMSG_DONE :
						      fuzz_u16(f),
			      .nlmsg_flags = how < 0xf0 ? flags[n / 8 % 4] : fuzz_u16(f),
			      .nlmsg_seq = seq };
	const uint8_t *p;
	size_t len;

	m->len = 0;
	put(m, &h, sizeof(h));
	if (how & 3) {
		const uint8_t g[4] = { fuzz_u8(f) % (__MNCSE_CMD_MAX + 1),
				       how & 0x10 ? fuzz_u8(f) : MNCSE_GENL_VERSION };

		put(m, g, sizeof(g));
	} else {
		p = fuzz_bytes(f, 60, &len);
		put(m, p, len);
	}
	for (unsigned int i = 0; i < n % 8; i++)
		attribute(f, m);
	((struct nlmsghdr *)m->bytes)->nlmsg_len =
		(uint32_t)m->len + (how == 0xff ? fuzz_u8(f) : 0);
}

/* ---- the server ---- */

static struct mn_ctl_request *later;
static unsigned int answers;

static int handler(void *arg, struct mn_ctl_request *r, struct nlattr **attrs)
{
	struct nl_msg *msg;

	(void)arg;
	for (int a = 1; a <= MNCSE_A_MAX; a++)
		for (struct nlattr *i = attrs[a]; i; i = mn_ctl_next(attrs, i))
			MUST(nla_len(i) >= 0 && (mn_ctl_attr_type(a) != MN_CTL_STRING ||
						 strlen(nla_get_string(i)) < (size_t)nla_len(i)));
	if (attrs[MNCSE_A_GROUP] && nla_get_string(attrs[MNCSE_A_GROUP])[0] == 'L' && !later) {
		later = r;
		return MN_CTL_LATER;
	}
	if (attrs[MNCSE_A_ENTITY])
		return mn_ctl_fail(r, -ENOENT, "no session of \"%s\"",
				   nla_get_string(attrs[MNCSE_A_ENTITY]));
	for (unsigned int i = 0; i < answers; i++) {
		msg = mn_ctl_message(r, MNCSE_CMD_STAT);
		nla_put_string(msg, MNCSE_A_NAME, "hop.thing");
		nla_put_u64(msg, MNCSE_A_VALUE, i);
		MUST(!mn_ctl_answer(r, msg));
	}
	return 0;
}

static const uint8_t any[] = { MNCSE_A_GROUP, MNCSE_A_ENTITY, MNCSE_A_ADDRESS, MNCSE_A_STATE,
			       MNCSE_A_KEY,   MNCSE_A_KID,    MNCSE_A_GATEWAY, 0 };
static const uint8_t entity[] = { MNCSE_A_ENTITY, 0 };
static const struct mn_ctl_command commands[] = {
	{ .cmd = MNCSE_CMD_STATUS_GET, .fn = handler },
	{ .cmd = MNCSE_CMD_STATS_GET, .dump = true, .fn = handler },
	{ .cmd = MNCSE_CMD_SESSION_GET, .dump = true, .allowed = any, .fn = handler },
	{ .cmd = MNCSE_CMD_REKEY, .change = true, .allowed = any, .fn = handler },
	{ .cmd = MNCSE_CMD_EVICT, .required = entity, .fn = handler },
	{ .cmd = MNCSE_CMD_DEVICE_ADD, .required = entity, .allowed = any, .fn = handler },
};

static void check_sent(const struct mn_ctl_out *o, bool last)
{
	struct nlattr *attrs[MNCSE_A_MAX + 1];
	char text[MN_CTL_TEXT_MAX];
	enum mncse_cmd cmd;
	const char *why;
	struct message m = { .len = 0 };
	int attr, err;

	put(&m, o->data, o->len);
	if (last)
		MUST(!mn_ctl_end_parse(m.bytes, o->len, &err, text) && err <= 0);
	else
		MUST(!mn_ctl_parse(m.bytes, o->len, &cmd, attrs, &attr, &why) &&
		     !mn_ctl_is_request(cmd));
}

static void serve(struct mn_ctl_server *s, struct mn_ctl_peer *p, const struct message *m)
{
	unsigned int n = 0;

	memcpy(s->buffer, m->bytes, m->len);
	MUST(!mn_ctl_request_handle(p, m->len));
	for (size_t i = 0; i < m->len; i++)
		MUST(!s->buffer[i]);
	if (later) {
		MUST(!p->first && p->request == later);
		mn_ctl_request_orphan(later);
		mn_ctl_finish(later, 0);
		later = NULL;
		return;
	}
	MUST(!p->request && p->first);
	while (p->first) {
		struct mn_ctl_out *o = p->first;

		check_sent(o, !o->next);
		p->first = o->next;
		s->queued -= o->len;
		free(o);
		n++;
	}
	p->last = &p->first;
	MUST(!s->queued && n <= ANSWERS + 1);
}

/* ---- the client ---- */

static int answered(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	unsigned int *n = arg;

	MUST(!mn_ctl_is_request(cmd));
	for (int a = 1; a <= MNCSE_A_MAX; a++)
		MUST(*mn_ctl_attr_name(a) && (!attrs[a] || nla_len(attrs[a]) >= 0));
	return ++*n > 20 ? -E2BIG : 0;
}

static int listener(char path[64])
{
	static int fd = -1;
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(path, 64, "/tmp/mncse-fuzz-%d.sock", (int)getpid());
	if (fd >= 0)
		return fd;
	strcpy(a.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	MUST(fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)) && !listen(fd, 4));
	return fd;
}

static void remove_socket(void)
{
	char path[64];

	listener(path);
	unlink(path);
}

static void call(struct fuzz *f)
{
	char path[64], err[256] = "";
	struct mn_ctl_client *c;
	struct message m;
	unsigned int n = fuzz_u8(f) % 6, got = 0;
	int fd = listener(path), peer, ret;

	MUST(!mn_ctl_connect(path, 2000, &c, err));
	peer = accept(fd, NULL, NULL);
	MUST(peer >= 0);
	while (n--) {
		message(f, &m, fuzz_u8(f) % 4); /* a client's first request has number 1 */
		MUST(send(peer, m.bytes, m.len, MSG_NOSIGNAL) == (ssize_t)m.len);
	}
	shutdown(peer, SHUT_WR);
	ret = mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), answered, &got, err);
	MUST(memchr(err, 0, sizeof(err)));
	MUST(!ret || ret == -E2BIG || err[0]);
	mn_ctl_disconnect(c);
	close(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mn_ctl_server s;
	struct mn_ctl_peer p = { .server = &s, .fd = -1 };
	struct fuzz f = { data, size };
	static bool registered;
	struct message m;

	fuzz_start();
	if (!registered)
		registered = !atexit(remove_socket);
	memset(&s, 0, sizeof(s));
	s.commands = commands;
	s.n_commands = sizeof(commands) / sizeof(commands[0]);
	p.last = &p.first;
	for (int steps = 0; f.left && steps < 30; steps++) {
		uint8_t op = fuzz_u8(&f);

		if (op % 4 == 3) {
			call(&f);
			continue;
		}
		p.may_change = op & 0x80;
		answers = op / 4 % ANSWERS;
		message(&f, &m, fuzz_u8(&f));
		serve(&s, &p, &m);
	}
	return 0;
}
