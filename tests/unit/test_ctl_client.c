// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/ctl/client.c against sockets that nobody serves, or not well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/codec.h"

#define TIMEOUT_MS 20000

static char folder[64], path[96], err[256];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/mncse-ctl-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int call(struct mn_ctl_client *c, enum mncse_cmd cmd, bool dump)
{
	return mn_ctl_call(c, mn_ctl_request_new(cmd, dump), NULL, NULL, err);
}

static int listen_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void client_says_that_nobody_is_there(void **state)
{
	struct mn_ctl_client *c;
	char long_path[300];
	int fd = listen_raw();

	(void)state;
	close(fd);
	assert_int_equal(mn_ctl_connect(path, 100, &c, err), -ECONNREFUSED);
	assert_non_null(strstr(err, "no program serves this control socket"));
	unlink(path);
	assert_int_equal(mn_ctl_connect(path, 100, &c, err), -ENOENT);
	assert_non_null(strstr(err, "no program serves this control socket"));
	memset(long_path, 'x', sizeof(long_path));
	long_path[299] = '\0';
	assert_int_equal(mn_ctl_connect(long_path, 100, &c, err), -ENAMETOOLONG);
}

static void client_does_not_wait_for_ever(void **state)
{
	struct mn_ctl_client *c;
	int fd = listen_raw();

	(void)state;
	assert_int_equal(mn_ctl_connect(path, 50, &c, err), 0);
	assert_int_equal(call(c, MNCSE_CMD_STATUS_GET, false), -ETIMEDOUT);
	assert_string_equal(err, "the program does not answer in time");
	mn_ctl_disconnect(c);
	close(fd);
	unlink(path);
}

/* Lays the bytes into the connection before the client asks. */
static int with_answer(const void *data, size_t len)
{
	struct mn_ctl_client *c;
	int fd = listen_raw(), peer, ret;

	assert_int_equal(mn_ctl_connect(path, TIMEOUT_MS, &c, err), 0);
	peer = accept(fd, NULL, NULL);
	assert_int_equal(send(peer, data, len, 0), len);
	ret = call(c, MNCSE_CMD_STATUS_GET, false);
	close(peer);
	close(fd);
	unlink(path);
	mn_ctl_disconnect(c);
	return ret;
}

static void client_refuses_malformed_answers(void **state)
{
	struct nl_msg *msg = nlmsg_alloc_size(1024);
	struct nlmsghdr *h;

	(void)state;
	assert_int_equal(with_answer("abc", 3), -EPROTO);

	genlmsg_put(msg, 0, 1, MNCSE_UNIX_TYPE, 0, 0, MNCSE_CMD_STATUS, MNCSE_GENL_VERSION);
	nla_put_string(msg, MNCSE_A_ROLE, "a\x1b");
	h = nlmsg_hdr(msg);
	assert_int_equal(with_answer(h, h->nlmsg_len), -EPROTO);
	assert_string_equal(err, "malformed answer: role: string has control characters");
	h->nlmsg_seq = 2;
	assert_int_equal(with_answer(h, h->nlmsg_len), -EPROTO);
	assert_string_equal(err, "malformed answer: to a request that was not sent");
	nlmsg_free(msg);

	msg = mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false);
	h = nlmsg_hdr(msg);
	h->nlmsg_seq = 1;
	assert_int_equal(with_answer(h, h->nlmsg_len), -EPROTO);
	assert_string_equal(err, "malformed answer: a request");
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_says_that_nobody_is_there),
		cmocka_unit_test(client_does_not_wait_for_ever),
		cmocka_unit_test(client_refuses_malformed_answers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
