// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/unit/ctl_fixture.c */
/* lib/ctl: the server on a loop in a thread of its own, with the client and with raw sockets against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_fixture.h"
#include "log.h"

#define TIMEOUT_MS 20000

/* ---- the peers' side ---- */

static struct mn_ctl_client *connect_client(void)
{
	struct mn_ctl_client *c;

	if (mn_ctl_connect(path, TIMEOUT_MS, &c, err))
		fail_msg("%s", err);
	return c;
}

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = TIMEOUT_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

/* Reads the message that ends a request. */
static int read_end(int fd, char text[MN_CTL_TEXT_MAX])
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	int result;

	assert_true(n > 0);
	assert_int_equal(mn_ctl_end_parse(buf, (size_t)n, &result, text), 0);
	return result;
}

static int count(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	unsigned int *n = arg;

	assert_int_equal(cmd, MNCSE_CMD_LAYERS);
	assert_int_equal(nla_get_u32(attrs[MNCSE_A_PID]), *n);
	++*n;
	return 0;
}

static int call(struct mn_ctl_client *c, enum mncse_cmd cmd, bool dump)
{
	return mn_ctl_call(c, mn_ctl_request_new(cmd, dump), NULL, NULL, err);
}

static struct nl_msg *with_text(enum mncse_cmd cmd, int attr, const char *text)
{
	struct nl_msg *msg = mn_ctl_request_new(cmd, false);

	assert_int_equal(nla_put_string(msg, attr, text), 0);
	return msg;
}

/* ---- tests ---- */

static int is_status(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	++*(int *)arg;
	assert_int_equal(cmd, MNCSE_CMD_STATUS);
	assert_string_equal(nla_get_string(attrs[MNCSE_A_ROLE]), "gateway");
	assert_true(nla_get_u64(attrs[MNCSE_A_SESSIONS]) == 1234567890123);
	assert_string_equal(nla_get_string(mn_ctl_next(attrs, attrs[MNCSE_A_LISTEN])),
			    "127.0.0.1:2");
	return 0;
}

static void request_is_answered(void **state)
{
	struct mn_ctl_client *c = connect_client();
	int n = 0;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false),
					     is_status, &n, err),
				 0);
		assert_int_equal(n, i);
	}
	mn_ctl_disconnect(c);
}

static void dump_keeps_its_order(void **state)
{
	struct mn_ctl_client *c = connect_client();
	unsigned int n = 0;

	(void)state;
	t.answers = 5000;
	assert_int_equal(
		mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true), count, &n, err), 0);
	assert_int_equal(n, 5000);
	t.answers = 0;
	assert_int_equal(call(c, MNCSE_CMD_LAYERS_GET, true), 0);
	mn_ctl_disconnect(c);
}

static int stop_at_once(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	(void)cmd;
	(void)attrs;
	++*(int *)arg;
	return -ECANCELED;
}

static void next_call_passes_over_what_was_left(void **state)
{
	struct mn_ctl_client *c = connect_client();
	int n = 0;

	(void)state;
	t.answers = 100;
	assert_int_equal(mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true),
				     stop_at_once, &n, err),
			 -ECANCELED);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(
		mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), is_status, &n, err),
		0);
	assert_int_equal(n, 1);
	mn_ctl_disconnect(c);
}

static void error_of_the_handler_has_its_text(void **state)
{
	struct mn_ctl_client *c = connect_client();

	(void)state;
	assert_int_equal(mn_ctl_call(c, with_text(MNCSE_CMD_EVICT, MNCSE_A_ENTITY, "C00001"), NULL,
				     NULL, err),
			 -ENOENT);
	assert_string_equal(err, "no session of \"C00001\"");
	mn_ctl_disconnect(c);
}

static void commands_are_checked_before_the_handler(void **state)
{
	struct mn_ctl_client *c = connect_client();
	struct nl_msg *msg;

	(void)state;
	assert_int_equal(call(c, MNCSE_CMD_GROUP_GET, true), -EOPNOTSUPP);
	assert_string_equal(err, "this program does not have that command");
	assert_int_equal(call(c, MNCSE_CMD_LAYERS_GET, false), -EINVAL);
	assert_string_equal(err, "this command needs NLM_F_DUMP");
	assert_int_equal(call(c, MNCSE_CMD_STATUS_GET, true), -EINVAL);
	assert_string_equal(err, "this command does not take NLM_F_DUMP");
	assert_int_equal(call(c, MNCSE_CMD_EVICT, false), -EINVAL);
	assert_string_equal(err, "entity: missing");
	msg = with_text(MNCSE_CMD_EVICT, MNCSE_A_ENTITY, "x");
	nla_put_u32(msg, MNCSE_A_PID, 1);
	assert_int_equal(mn_ctl_call(c, msg, NULL, NULL, err), -EINVAL);
	assert_string_equal(err, "pid: not taken by this command");
	msg = with_text(MNCSE_CMD_EVICT, MNCSE_A_ENTITY, "x\ty");
	assert_int_equal(mn_ctl_call(c, msg, NULL, NULL, err), -EINVAL);
	assert_string_equal(err, "entity: string has control characters");
	mn_ctl_disconnect(c);
}

static void malformed_message_is_answered_and_the_connection_goes_on(void **state)
{
	const uint8_t junk[] = "not netlink at all";
	char text[MN_CTL_TEXT_MAX];
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	uint8_t *big = calloc(1, 70000);
	int fd = connect_raw(), size = 200000;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(send(fd, junk, 3, 0), 3);
	assert_int_equal(read_end(fd, text), -EBADMSG);
	assert_string_equal(text, "message is shorter than its header");
	assert_int_equal(send(fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(read_end(fd, text), -EBADMSG);
	assert_int_equal(send(fd, big, 70000, 0), 70000);
	assert_int_equal(read_end(fd, text), -EMSGSIZE);
	assert_string_equal(text, "message is longer than 64 KiB");
	nla_put_string(msg, MNCSE_A_GROUP, "g");
	assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	assert_int_equal(read_end(fd, text), -EINVAL);
	assert_string_equal(text, "group: not taken by this command");
	close(fd);
	nlmsg_free(msg);
	free(big);
}

static void answer_sent_as_request_is_refused(void **state)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_STATUS, false);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	char text[MN_CTL_TEXT_MAX];
	int fd = connect_raw();

	(void)state;
	h->nlmsg_flags = 0;
	assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	assert_int_equal(read_end(fd, text), -EINVAL);
	assert_string_equal(text, "this is an answer, not a request");
	close(fd);
	nlmsg_free(msg);
}

static void error_names_the_offset_of_the_attribute(void **state)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_EVICT, false);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	uint8_t buf[4096] __attribute__((aligned(8)));
	const struct nlattr *offset;
	int fd = connect_raw();
	const int fixed = NLMSG_HDRLEN + (int)sizeof(struct nlmsgerr);
	ssize_t n;

	(void)state;
	nla_put_string(msg, MNCSE_A_ENTITY, "abc");
	nla_put_string(msg, MNCSE_A_GROUP, "g");
	assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	n = recv(fd, buf, sizeof(buf), 0);
	assert_true(n > fixed);
	offset = nla_find((const struct nlattr *)(buf + fixed), (int)n - fixed, NLMSGERR_ATTR_OFFS);
	assert_non_null(offset);
	assert_int_equal(nla_get_u32(offset), NLMSG_HDRLEN + GENL_HDRLEN + 8);
	close(fd);
	nlmsg_free(msg);
}

/* More than one turn of requests that all wait in the socket. */
static void pipelined_requests_are_all_answered(void **state)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	char text[MN_CTL_TEXT_MAX];
	int fd = connect_raw();

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	for (int i = 0; i < 50; i++)
		assert_int_equal(read_end(fd, text), 0);
	close(fd);
	nlmsg_free(msg);
}

static void slow_reader_gets_all_and_stops_nobody(void **state)
{
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true);
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct mn_ctl_client *c = connect_client();
	uint8_t buf[4096] __attribute__((aligned(8)));
	int fd = connect_raw(), n = 0;

	(void)state;
	t.answers = 40000;
	t.text_len = 512;
	assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	assert_true(recv(fd, buf, sizeof(buf), MSG_PEEK) > 0);
	assert_int_equal(
		mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), is_status, &n, err),
		0);
	assert_true(t.server->queued > 10000000);
	for (n = 0;; n++) {
		assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
		if (((struct nlmsghdr *)buf)->nlmsg_type == NLMSG_DONE)
			break;
	}
	assert_int_equal(n, 40000);
	assert_int_equal(t.server->queued, 0);
	/* It is read again afterwards. */
	t.answers = 0;
	assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
	close(fd);
	mn_ctl_disconnect(c);
	nlmsg_free(msg);
}

static void too_many_answers_end_in_enobufs(void **state)
{
	struct mn_ctl_client *c = connect_client();

	(void)state;
	t.answers = 200000;
	t.text_len = 512;
	assert_int_equal(call(c, MNCSE_CMD_LAYERS_GET, true), -ENOBUFS);
	assert_string_equal(err, "more than 64 MiB of answers wait to be read: ask for less");
	assert_int_equal(t.answer_err, -ENOBUFS);
	mn_ctl_disconnect(c);
}

static void answer_against_the_policy_is_not_sent(void **state)
{
	struct mn_ctl_client *c = connect_client();

	(void)state;
	mn_log_init("test", MN_LOG_ERROR);
	assert_int_equal(call(c, MNCSE_CMD_CONFIG_GET, false), -EPROTO);
	assert_string_equal(err, "answer breaks the policy: text: string has control characters");
	mn_ctl_disconnect(c);
}

static void finish_later(void)
{
	struct nl_msg *msg = mn_ctl_message(t.later, MNCSE_CMD_GROUP);

	nla_put_u32(msg, MNCSE_A_GENERATION, 9);
	t.answer_err = mn_ctl_answer(t.later, msg);
	mn_ctl_finish(t.later, 0);
}

static void fail_later(void)
{
	mn_ctl_finish(t.later, mn_ctl_fail(t.later, -EHOSTUNREACH, "no way"));
}

static void send_rekey(int fd, const char *group)
{
	struct nl_msg *msg = with_text(MNCSE_CMD_REKEY, MNCSE_A_GROUP, group);

	assert_int_equal(send(fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0),
			 nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
}

static void later_answers_come_in_the_order_of_requests(void **state)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	const struct genlmsghdr *g = (const void *)(buf + NLMSG_HDRLEN);
	char text[MN_CTL_TEXT_MAX];
	int fd = connect_raw();

	(void)state;
	send_rekey(fd, "first");
	send_rekey(fd, "second");
	sem_wait(&t.told);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
	on_loop(finish_later);
	assert_true(recv(fd, buf, sizeof(buf), 0) > 0);
	assert_int_equal(g->cmd, MNCSE_CMD_GROUP);
	assert_int_equal(read_end(fd, text), 0);
	sem_wait(&t.told);
	on_loop(fail_later);
	assert_int_equal(read_end(fd, text), -EHOSTUNREACH);
	assert_string_equal(text, "no way");
	send_rekey(fd, "now");
	assert_int_equal(read_end(fd, text), -EBUSY);
	assert_string_equal(text, "finished at once");
	close(fd);
}

static void later_answer_to_a_client_that_went_away_is_dropped(void **state)
{
	struct mn_ctl_client *c;
	int fd = connect_raw(), n = 0;

	(void)state;
	send_rekey(fd, "g");
	sem_wait(&t.told);
	close(fd);
	on_loop(finish_later);
	c = connect_client();
	assert_int_equal(
		mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), is_status, &n, err),
		0);
	mn_ctl_disconnect(c);
	assert_true(t.server->n_peers <= 1);
}

static void server_may_end_before_a_later_answer(void **state)
{
	uint8_t buf[16];
	int fd = connect_raw();

	(void)state;
	send_rekey(fd, "g");
	sem_wait(&t.told);
	on_loop(free_server);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 0);
	on_loop(finish_later);
	assert_int_equal(t.answer_err, -EPIPE);
	close(fd);
}

static void key_is_not_left_in_the_buffer(void **state)
{
	struct mn_ctl_client *c = connect_client();
	struct nl_msg *msg = with_text(MNCSE_CMD_DEVICE_ADD, MNCSE_A_ENTITY, "C00001");
	uint8_t key[64];

	(void)state;
	memset(key, 0xa5, sizeof(key));
	nla_put(msg, MNCSE_A_KEY, sizeof(key), key);
	nlmsg_get(msg); /* stays readable after the call has freed it */
	assert_int_equal(mn_ctl_call(c, msg, NULL, NULL, err), 0);
	assert_int_equal(t.key_len, sizeof(key));
	assert_memory_equal(t.key, key, sizeof(key));
	assert_null(memmem(t.server->buffer, sizeof(t.server->buffer), key, 8));
	assert_null(memmem(nlmsg_hdr(msg), nlmsg_get_max_size(msg), key, 8));
	nlmsg_free(msg);
	mn_ctl_disconnect(c);
}

static void socket_file_has_mode_0660(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	if (getgrnam("mncse") && geteuid() == 0)
		assert_int_equal(st.st_gid, getgrnam("mncse")->gr_gid);
}

/* What a peer of this user and supplementary group gets for a change and for a question. */
static void as_user(uid_t uid, gid_t group, int want_change)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct mn_ctl_client *c;
		int a, b, n = 0;

		if (setgroups(1, &group) || setgid(uid) || setuid(uid) ||
		    mn_ctl_connect(path, TIMEOUT_MS, &c, err))
			_exit(100);
		a = mn_ctl_call(c, with_text(MNCSE_CMD_EVICT, MNCSE_A_ENTITY, "x"), NULL, NULL,
				err);
		b = mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), is_status, &n,
				err);
		_exit(a != want_change ? 1 : b != 0 ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void changes_need_root_the_own_user_or_the_group(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	t.server->group = (gid_t)-1;
	as_user(0, 0, -ENOENT);
	as_user(65534, 65534, -EPERM);
	as_user(65534, 54321, -EPERM);
	t.server->group = 54321;
	as_user(65534, 54321, -ENOENT);
	as_user(54321, 65534, -ENOENT);
	as_user(65534, 54322, -EPERM);
}

static void unreadable_socket_is_no_permission(void **state)
{
	struct mn_ctl_client *c;
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
	assert_int_equal(chmod(folder, 0755), 0);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(100);
		if (mn_ctl_connect(path, TIMEOUT_MS, &c, err) != -EACCES)
			_exit(1);
		_exit(strstr(err, "group mncse") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void clients_beyond_64_are_told_so(void **state)
{
	struct mn_ctl_client *many[64], *c;
	int n = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		many[i] = connect_client();
		assert_int_equal(mn_ctl_call(many[i],
					     mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false),
					     is_status, &n, err),
				 0);
	}
	c = connect_client();
	assert_int_equal(call(c, MNCSE_CMD_STATUS_GET, false), -EBUSY);
	assert_string_equal(err, "too many clients");
	mn_ctl_disconnect(c);

	/* The last of the list connected first. Make it idle for long. */
	for (struct mn_ctl_peer *p = t.server->peers; p; p = p->next)
		if (!p->next)
			p->active_ms -= 20000;
	c = connect_client();
	assert_int_equal(
		mn_ctl_call(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), is_status, &n, err),
		0);
	assert_int_equal(call(many[0], MNCSE_CMD_STATUS_GET, false), -ECONNRESET);
	assert_int_equal(t.server->n_peers, 64);
	mn_ctl_disconnect(c);
	for (int i = 0; i < 64; i++)
		mn_ctl_disconnect(many[i]);
}

static struct mn_ctl_server *second;
static int second_err;

static void make_second(void)
{
	second = NULL;
	second_err = new_server(&second);
	if (!second_err)
		mn_ctl_server_free(second);
}

static void live_socket_is_not_replaced(void **state)
{
	(void)state;
	on_loop(make_second);
	assert_int_equal(second_err, -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(err, "another program serves"));
	assert_int_equal(access(path, F_OK), 0);
}

static void stale_socket_is_replaced_and_another_file_is_not(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct stat st;

	(void)state;
	on_loop(free_server);
	assert_int_equal(access(path, F_OK), -1);
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	on_loop(make_second);
	assert_int_equal(second_err, 0);

	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	on_loop(make_second);
	assert_int_equal(second_err, -EEXIST);
	assert_non_null(strstr(err, "not a socket"));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);
}

static void file_that_took_the_sockets_place_stays(void **state)
{
	int fd;

	(void)state;
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	on_loop(free_server);
	assert_int_equal(unlink(path), 0);
}

static void impossible_paths_have_a_text(void **state)
{
	char keep[sizeof(path)];

	(void)state;
	strcpy(keep, path);
	snprintf(path, sizeof(path), "%s/none/s", folder);
	on_loop(make_second);
	assert_int_equal(second_err, -ENOENT);
	assert_non_null(strstr(err, "make the folder first"));
	strcpy(path, keep);
}

#define SERVED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(request_is_answered),
		SERVED(dump_keeps_its_order),
		SERVED(next_call_passes_over_what_was_left),
		SERVED(error_of_the_handler_has_its_text),
		SERVED(commands_are_checked_before_the_handler),
		SERVED(malformed_message_is_answered_and_the_connection_goes_on),
		SERVED(answer_sent_as_request_is_refused),
		SERVED(error_names_the_offset_of_the_attribute),
		SERVED(pipelined_requests_are_all_answered),
		SERVED(slow_reader_gets_all_and_stops_nobody),
		SERVED(too_many_answers_end_in_enobufs),
		SERVED(answer_against_the_policy_is_not_sent),
		SERVED(later_answers_come_in_the_order_of_requests),
		SERVED(later_answer_to_a_client_that_went_away_is_dropped),
		SERVED(server_may_end_before_a_later_answer),
		SERVED(key_is_not_left_in_the_buffer),
		SERVED(socket_file_has_mode_0660),
		SERVED(changes_need_root_the_own_user_or_the_group),
		SERVED(unreadable_socket_is_no_permission),
		SERVED(clients_beyond_64_are_told_so),
		SERVED(live_socket_is_not_replaced),
		SERVED(stale_socket_is_replaced_and_another_file_is_not),
		SERVED(file_that_took_the_sockets_place_stays),
		SERVED(impossible_paths_have_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
