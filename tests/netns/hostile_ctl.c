// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client of a control socket that keeps to none of its rules:
 *
 *	hostile_ctl messages SOCKET	one wrong message after another: "NAME|ERRNO TEXT|EXPECTED"
 *	hostile_ctl noise SOCKET	random bytes, and good messages with bytes changed; "N answered"
 *	hostile_ctl changes SOCKET	each command that changes something, with nothing in it
 *	hostile_ctl clients SOCKET N	N clients at once: "N served, N refused: TEXT"
 *	hostile_ctl slow SOCKET	dumps that are asked for and not read: "N requests before it is not read any more"; then reads
 *				standard input until its end, then all answers: "N answered"
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "ctl/codec.h"

enum { PATIENCE_MS = 60000, NOISE = 2000, SLOW_MAX = 100000, SERVED_MAX = 1000, LARGE = 70000 };

struct message {
	size_t len;
	uint8_t data[LARGE];
};

static struct message m;
static const char *path;

static void fail(const char *what)
{
	fprintf(stderr, "hostile_ctl: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int dial(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), size = 1 << 18;

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail("connect");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

/* ---- building ---- */

static void begin(uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr h = { .nlmsg_type = MNCSE_UNIX_TYPE, .nlmsg_flags = flags, .nlmsg_seq = 7 };
	struct genlmsghdr g = { .cmd = cmd, .version = MNCSE_GENL_VERSION };

	memset(&m, 0, sizeof(m));
	memcpy(m.data, &h, sizeof(h));
	memcpy(m.data + NLMSG_HDRLEN, &g, sizeof(g));
	m.len = NLMSG_HDRLEN + GENL_HDRLEN;
}

static struct nlmsghdr *head(void)
{
	return (struct nlmsghdr *)(void *)m.data;
}

static struct genlmsghdr *genl(void)
{
	return (struct genlmsghdr *)(void *)(m.data + NLMSG_HDRLEN);
}

static void attr(uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	memcpy(m.data + m.len, &a, sizeof(a));
	memcpy(m.data + m.len + NLA_HDRLEN, data, len);
	m.len += NLA_ALIGN(NLA_HDRLEN + len);
}

static void text(uint16_t type, const char *s)
{
	attr(type, s, strlen(s) + 1);
}

static void end(void)
{
	head()->nlmsg_len = (uint32_t)m.len;
}

/* ---- answers ---- */

static int receive(int fd, uint8_t *buf, size_t max, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0 ? (int)recv(fd, buf, max, 0) : -1;
}

/* Reads to the end of one request. Returns its errno as 0 or above and its text; -1 the peer closed, -2 nothing came. */
static int outcome(int fd, char why[MN_CTL_TEXT_MAX])
{
	static uint8_t buf[MN_CTL_MESSAGE_MAX] __attribute__((aligned(8)));

	for (;;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)buf;
		int n = receive(fd, buf, sizeof(buf), PATIENCE_MS), err;

		why[0] = '\0';
		if (n <= 0)
			return n == 0 ? -1 : -2;
		if (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE)
			continue;
		if (mn_ctl_end_parse(buf, (size_t)n, &err, why))
			fail("an end that is malformed");
		return -err;
	}
}

static void try_message(int fd, const char *name, const char *expected)
{
	char why[MN_CTL_TEXT_MAX];
	int err;

	if (send(fd, m.data, m.len, MSG_NOSIGNAL) < 0)
		fail(name);
	err = outcome(fd, why);
	if (err < 0)
		printf("%s|%s|%s\n", name, err == -1 ? "closed" : "silence", expected);
	else
		printf("%s|%s%s%s|%s\n", name, err ? strerrorname_np(err) : "OK", *why ? " " : "",
		       why, expected);
}

/* ---- messages ---- */

static void headers(int fd)
{
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	end();
	try_message(fd, "a good one", "OK");
	for (size_t len = 1; len < NLMSG_HDRLEN; len += 5) {
		m.len = len;
		try_message(fd, "a part of a header", "EBADMSG message is shorter than its header");
	}
	m.len = NLMSG_HDRLEN;
	head()->nlmsg_len = NLMSG_HDRLEN;
	try_message(fd, "a header alone",
		    "EBADMSG message is shorter than its generic netlink header");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	head()->nlmsg_len = (uint32_t)m.len - 1;
	try_message(fd, "a length below", "EBADMSG bytes follow the end that nlmsg_len says");
	head()->nlmsg_len = 0;
	try_message(fd, "a length of 0", "EBADMSG bytes follow the end that nlmsg_len says");
	head()->nlmsg_len = UINT32_MAX;
	try_message(fd, "the highest length", "EBADMSG message is shorter than nlmsg_len says");
	end();
	head()->nlmsg_type = NLMSG_ERROR;
	try_message(fd, "another type", "EBADMSG nlmsg_type is not 0x20");
	head()->nlmsg_type = MNCSE_UNIX_TYPE;
	genl()->version = 2;
	try_message(fd, "another version", "EPROTO protocol version is not 1");
	genl()->version = MNCSE_GENL_VERSION;
	genl()->reserved = 1;
	try_message(fd, "a reserved field",
		    "EBADMSG reserved field of the generic netlink header is not 0");
	begin(MNCSE_CMD_UNSPEC, NLM_F_REQUEST);
	end();
	try_message(fd, "command 0", "EOPNOTSUPP unknown command");
	begin(255, NLM_F_REQUEST);
	end();
	try_message(fd, "command 255", "EOPNOTSUPP unknown command");
	begin(MNCSE_CMD_STATUS_GET, 0);
	end();
	try_message(fd, "no NLM_F_REQUEST", "EBADMSG a request without NLM_F_REQUEST");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST | NLM_F_MULTI);
	end();
	try_message(fd, "unknown flags", "EBADMSG a request has unknown flags");
	begin(MNCSE_CMD_STATS_GET, NLM_F_REQUEST | NLM_F_ROOT);
	end();
	try_message(fd, "half a dump", "EBADMSG a request has half of NLM_F_DUMP");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST | NLM_F_DUMP);
	end();
	try_message(fd, "a dump of what is none", "EINVAL this command does not take NLM_F_DUMP");
	begin(MNCSE_CMD_STATS_GET, NLM_F_REQUEST);
	end();
	try_message(fd, "no dump of what is one", "EINVAL this command needs NLM_F_DUMP");
	begin(MNCSE_CMD_STATUS, 0);
	end();
	try_message(fd, "an answer", "EINVAL this is an answer, not a request");
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	m.len = LARGE;
	end();
	try_message(fd, "70,000 bytes", "EMSGSIZE message is longer than 64 KiB");
}

static void one_attr(int fd, const char *name, uint16_t type, const void *data, size_t len,
		     const char *expected)
{
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	attr(type, data, len);
	end();
	try_message(fd, name, expected);
}

static void attributes(int fd)
{
	static const uint8_t zeros[300];
	char longest[300];

	memset(longest, 'a', sizeof(longest));
	longest[299] = '\0';
	one_attr(fd, "attribute 0", MNCSE_A_UNSPEC, zeros, 4, "EINVAL unknown attribute");
	one_attr(fd, "attribute 1000", 1000, zeros, 4, "EINVAL unknown: unknown attribute");
	one_attr(fd, "an attribute with flags", MNCSE_A_ENTITY | NLA_F_NESTED, "a", 2,
		 "EINVAL entity: attribute has flags");
	one_attr(fd, "a string without end", MNCSE_A_ENTITY, "abcd", 4,
		 "EINVAL entity: string is not terminated");
	one_attr(fd, "a string of nothing", MNCSE_A_ENTITY, zeros, 0,
		 "EINVAL entity: string is not terminated");
	one_attr(fd, "an empty string", MNCSE_A_ENTITY, zeros, 1, "EINVAL entity: string is empty");
	one_attr(fd, "a NUL inside", MNCSE_A_ENTITY, "a\0b", 4,
		 "EINVAL entity: string ends before its attribute");
	one_attr(fd, "a string too long", MNCSE_A_ENTITY, longest, 300,
		 "EINVAL entity: string is too long");
	one_attr(fd, "a control character", MNCSE_A_ENTITY, "a\033[31m", 7,
		 "EINVAL entity: string has control characters");
	one_attr(fd, "a string that is no UTF-8", MNCSE_A_ENTITY, "\xff\xff", 3, NULL);
	one_attr(fd, "a number of another size", MNCSE_A_SESSION_ID, zeros, 4,
		 "EINVAL session_id: wrong size");
	one_attr(fd, "a key of no bytes", MNCSE_A_KEY, zeros, 0, "EINVAL key: wrong size");
	one_attr(fd, "a key of 65 bytes", MNCSE_A_KEY, zeros, 65, "EINVAL key: wrong size");
	one_attr(fd, "a kid of 8 bytes", MNCSE_A_KID, zeros, 8, "EINVAL kid: wrong size");
	one_attr(fd, "an attribute of another command", MNCSE_A_KEY, zeros, 16,
		 "EINVAL key: not taken by this command");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	text(MNCSE_A_ENTITY, "a");
	text(MNCSE_A_ENTITY, "b");
	end();
	try_message(fd, "an attribute twice", "EINVAL entity: attribute is repeated");
	begin(MNCSE_CMD_DEVICE_DEL, NLM_F_REQUEST);
	end();
	try_message(fd, "an attribute missing", "EINVAL entity: missing");
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	text(MNCSE_A_ENTITY, "abc");
	((struct nlattr *)(void *)(m.data + NLMSG_HDRLEN + GENL_HDRLEN))->nla_len = 200;
	end();
	try_message(fd, "an attribute longer than the message", NULL);
	((struct nlattr *)(void *)(m.data + NLMSG_HDRLEN + GENL_HDRLEN))->nla_len = 2;
	try_message(fd, "an attribute shorter than its header", NULL);
	begin(MNCSE_CMD_EVICT, NLM_F_REQUEST);
	m.len += 2;
	end();
	try_message(fd, "two bytes that are no attribute", NULL);
}

static void messages(void)
{
	int fd = dial();

	headers(fd);
	attributes(fd);
	close(fd);
	fd = dial();
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	end();
	try_message(fd, "a good one after all", "OK");
	m.len = 0;
	try_message(fd, "an empty message", "closed");
	close(fd);
}

/* The same bytes in each run. */
static void noise(void)
{
	int fd = dial();
	uint64_t state = 1;
	char why[MN_CTL_TEXT_MAX];
	int answered = 0;

	for (int i = 0; i < NOISE; i++) {
		begin((uint8_t)(i % (__MNCSE_CMD_MAX + 1)),
		      NLM_F_REQUEST | (i & 1 ? NLM_F_DUMP : 0));
		text(MNCSE_A_ENTITY, "nobody");
		text(MNCSE_A_GROUP, "nobody");
		end();
		for (int k = 0; k < 1 + i % 6; k++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			m.data[(state >> 33) % (i % 3 ? m.len : 24)] = (uint8_t)(state >> 25);
		}
		if (send(fd, m.data, m.len, MSG_NOSIGNAL) < 0)
			fail("noise");
		if (outcome(fd, why) < 0)
			break;
		answered++;
	}
	printf("%d answered\n", answered);
	close(fd);
}

static void changes(void)
{
	static const struct {
		const char *name;
		uint8_t cmd;
	} all[] = {
		{ "rekey", MNCSE_CMD_REKEY },    { "evict", MNCSE_CMD_EVICT },
		{ "add", MNCSE_CMD_DEVICE_ADD }, { "remove", MNCSE_CMD_DEVICE_DEL },
		{ "reload", MNCSE_CMD_RELOAD },
	};
	int fd = dial();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		begin(all[i].cmd, NLM_F_REQUEST);
		end();
		try_message(
			fd, all[i].name,
			"EPERM changes are for root, the daemon's own user and the members of group mncse");
	}
	begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
	end();
	try_message(fd, "status", "OK");
	close(fd);
}

static void clients(int n)
{
	static int fds[SERVED_MAX];
	char why[MN_CTL_TEXT_MAX], refusal[MN_CTL_TEXT_MAX] = "";
	int served = 0, refused = 0;

	for (int i = 0; i < n && i < SERVED_MAX; i++)
		fds[i] = dial();
	for (int i = 0; i < n && i < SERVED_MAX; i++) {
		int err;

		begin(MNCSE_CMD_STATUS_GET, NLM_F_REQUEST);
		end();
		/* to one that was refused this may fail: its answer is there already */
		if (send(fds[i], m.data, m.len, MSG_NOSIGNAL) < 0)
			errno = 0;
		err = outcome(fds[i], why);
		if (!err) {
			served++;
			continue;
		}
		refused++;
		snprintf(refusal, sizeof(refusal), "%s", why);
	}
	printf("%d served, %d refused: %s\n", served, refused, refusal);
}

static void slow(void)
{
	int fd = dial(), sent = 0, answered = 0;
	char why[MN_CTL_TEXT_MAX], byte;

	begin(MNCSE_CMD_STATS_GET, NLM_F_REQUEST | NLM_F_DUMP);
	end();
	for (; sent < SLOW_MAX; sent++) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		/* what is not taken within a second is not taken */
		if (poll(&p, 1, 1000) <= 0 ||
		    send(fd, m.data, m.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
	printf("%d requests before it is not read any more\n", sent);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	while (answered < sent && outcome(fd, why) == 0)
		answered++;
	printf("%d answered\n", answered);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: hostile_ctl messages|noise|changes|clients|slow SOCKET [N]\n",
		      stderr);
		return 2;
	}
	path = argv[2];
	if (!strcmp(argv[1], "messages"))
		messages();
	else if (!strcmp(argv[1], "noise"))
		noise();
	else if (!strcmp(argv[1], "changes"))
		changes();
	else if (!strcmp(argv[1], "clients") && argc == 4)
		clients(atoi(argv[3]));
	else if (!strcmp(argv[1], "slow"))
		slow();
	return 0;
}
