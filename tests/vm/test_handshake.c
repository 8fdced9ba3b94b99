// SPDX-License-Identifier: GPL-2.0-or-later
/* A handshake by lib/dtls over a taken socket, then the server's keys go into the kernel: the client, ours or OpenSSL's, notices nothing. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "dtls/handshake.h"
#include "peer.h"
#include "vm.h"

struct side {
	int fd;
	struct sockaddr_in to; /* server */
	struct mn_hs *hs;
	int done;
};

static const uint8_t psk[16] = "sixteen bytes...";

static void send_flight(void *arg, const uint8_t *datagram, size_t len)
{
	struct side *s = arg;
	const struct sockaddr *to = s->to.sin_port ? (const void *)&s->to : NULL;

	sendto(s->fd, datagram, len, 0, to, to ? sizeof(s->to) : 0);
}

static int find_psk(void *arg, const uint8_t *identity, size_t len, uint8_t key[MN_KEY_MAX],
		    size_t *key_len)
{
	(void)arg;
	if (len != 7 || memcmp(identity, "C1@mncs", 7))
		return -ENOENT;
	memcpy(key, psk, sizeof(psk));
	*key_len = sizeof(psk);
	return 0;
}

static bool any_hint(void *arg, const uint8_t *hint, size_t len)
{
	(void)arg;
	(void)hint;
	return len > 0;
}

static const struct mn_hs_ops ops = { .send = send_flight, .psk = find_psk, .hint = any_hint };

/* The cookie is not this test's: a constant. */
static void server_datagram(struct mn_hs_factory *f, struct side *s, uint8_t *data, size_t len)
{
	static const uint8_t cookie[8] = "cookie!";
	struct mn_client_hello hello;
	struct mn_record record;
	uint8_t verify[64];
	size_t at = 0;

	if (!s->hs) {
		assert_int_equal(mn_record_next(data, len, &at, &record), 1);
		assert_int_equal(mn_client_hello_read(&record, &hello), 0);
		if (!hello.cookie_len) {
			send_flight(s, verify,
				    mn_hello_verify_write(&hello, cookie, sizeof(cookie), verify,
							  sizeof(verify)));
			return;
		}
		assert_int_equal(mn_hs_server(f, &hello, &ops, s, &s->hs), 0);
	}
	s->done = mn_hs_input(s->hs, data, len, false);
	assert_true(s->done >= 0);
}

/* OpenSSL's own client is the peer. */
struct s_client {
	pid_t pid;
	int in, out; /* what it sends; what it has received */
};

static void s_client_start(struct s_client *c, const char *cipher, int server)
{
	char connect_to[32], key[33];
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int in[2], out[2];

	assert_int_equal(getsockname(server, (void *)&at, &len), 0);
	snprintf(connect_to, sizeof(connect_to), "127.0.0.1:%u", ntohs(at.sin_port));
	for (int i = 0; i < 16; i++)
		snprintf(key + 2 * i, 3, "%02x", psk[i]);
	assert_int_equal(pipe(in) | pipe(out), 0);
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execlp("openssl", "openssl", "s_client", "-dtls1_2", "-quiet", "-psk_identity",
		       "C1@mncs", "-psk", key, "-cipher", cipher, "-connect", connect_to, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

/* Its standard output is all that it was sent. */
static void s_client_hears(struct s_client *c, const char *text)
{
	size_t want = strlen(text), have = 0;
	char got[64];

	while (have < want) {
		struct pollfd p = { c->out, POLLIN, 0 };
		ssize_t n;

		assert_int_equal(poll(&p, 1, 30000), 1);
		n = read(c->out, got + have, want - have);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(got, text, want);
}

static void s_client_end(struct s_client *c)
{
	int status;

	close(c->in);
	close(c->out);
	kill(c->pid, SIGKILL);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
}

static void shake(struct mn_hs_factory *f, struct side *server, struct side *client)
{
	struct pollfd fds[] = { { server->fd, POLLIN, 0 }, { client->fd, POLLIN, 0 } };
	uint8_t data[2048];
	int n;

	assert_int_equal(mn_hs_start(client->hs), 0);
	while (!server->done || !client->done) {
		socklen_t len = sizeof(server->to);

		assert_true(poll(fds, 2, 5000) > 0);
		n = (int)recvfrom(server->fd, data, sizeof(data), MSG_DONTWAIT,
				  (struct sockaddr *)&server->to, &len);
		if (n > 0)
			server_datagram(f, server, data, (size_t)n);
		n = (int)recv(client->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n > 0) {
			client->done = mn_hs_input(client->hs, data, (size_t)n, false);
			assert_true(client->done >= 0);
		}
	}
}

static void keys_of(struct vm_peer *p, const struct mn_record_state *s)
{
	memcpy(p->key_out, s->write.key, 16);
	memcpy(p->iv_out, s->write.iv, 4);
	memcpy(p->key_in, s->read.key, 16);
	memcpy(p->iv_in, s->read.iv, 4);
	p->suite = (uint16_t)s->suite;
	p->epoch = 1;
}

/* The keys of a handshake, into the kernel. */
static void install(int nl, const struct vm_peer *p, uint32_t socket,
		    const struct mn_record_state *keys)
{
	static struct vm_req r;
	size_t nest;

	vm_session_add_req(&r, p, socket);
	nest = r.h.nlmsg_len;
	vm_put_key(&r, p, 0);
	vm_put_u64(&r, MNCSE_KEY_WRITE_SEQUENCE, keys->write_sequence);
	vm_put_u64(&r, MNCSE_KEY_REPLAY_NEXT, keys->replay.next);
	vm_put_u64(&r, MNCSE_KEY_REPLAY_SEEN, keys->replay.seen);
	vm_nest_end(&r, nest);
	assert_int_equal(vm_call(nl, &r, false, NULL, NULL), 0);
}

static void run(uint16_t suite)
{
	const uint16_t suites[] = { suite, 0 };
	struct mn_hs_factory_config config = { .hint = "mn-cse-1", .dhe = suite == 0x00aa };
	struct mn_hs_factory *f;
	struct mn_record_state server_keys, client_keys;
	struct side server = { .fd = vm_udp(AF_INET) }, client = { 0 };
	int nl = vm_nl_open();
	uint32_t socket = vm_take(nl, server.fd);
	struct mncse_kernel_record head;
	struct mn_record record;
	struct vm_peer p;
	uint8_t wire[200], *data;
	size_t at = 0;
	int n;

	vm_peer_init(&p, server.fd, 1, suite);
	client.fd = p.fd;
	assert_int_equal(mn_hs_factory_new(&config, &f), 0);
	assert_int_equal(
		mn_hs_client(f, "C1@mncs", psk, sizeof(psk), suites, &ops, &client, &client.hs), 0);
	shake(f, &server, &client);
	assert_int_equal(mn_hs_export(server.hs, &server_keys), 0);
	assert_int_equal(mn_hs_export(client.hs, &client_keys), 0);

	keys_of(&p, &server_keys);
	assert_int_equal(p.suite, suite);
	install(nl, &p, socket, &server_keys);

	n = mn_record_seal(&client_keys, MNCSE_APPLICATION, "coap", 4, wire, sizeof(wire));
	assert_true(n > 0);
	send(client.fd, wire, (size_t)n, 0);
	assert_int_equal(vm_recv(server.fd, wire, sizeof(wire), 2000), sizeof(head) + 4);
	assert_memory_equal(wire + sizeof(head), "coap", 4);
	assert_int_equal(vm_send(nl, 1, MNCSE_APPLICATION, "answer", 6), 0);
	n = vm_recv(client.fd, wire, sizeof(wire), 2000);
	assert_true(n > 0);
	assert_int_equal(mn_record_next(wire, (size_t)n, &at, &record), 1);
	assert_int_equal(mn_record_open(&client_keys, &record, &data), 6);
	assert_memory_equal(data, "answer", 6);
	mn_hs_free(server.hs);
	mn_hs_free(client.hs);
	mn_hs_factory_free(f);
	vm_peer_fini(&p);
	close(server.fd);
	vm_nl_close(nl);
}

static void run_s_client(uint16_t suite, const char *cipher)
{
	struct mn_hs_factory_config config = { .hint = "mn-cse-1" };
	struct side server = { .fd = vm_udp(AF_INET) };
	struct vm_peer p = { .id = 1 };
	struct mn_record_state keys;
	struct mn_hs_factory *f;
	struct s_client client;
	uint8_t data[2048];
	int nl = vm_nl_open();
	uint32_t socket = vm_take(nl, server.fd);

	assert_int_equal(mn_hs_factory_new(&config, &f), 0);
	s_client_start(&client, cipher, server.fd);
	while (!server.done) {
		struct pollfd fd = { server.fd, POLLIN, 0 };
		socklen_t len = sizeof(server.to);
		ssize_t n;

		assert_int_equal(poll(&fd, 1, 60000), 1);
		n = recvfrom(server.fd, data, sizeof(data), 0, (struct sockaddr *)&server.to, &len);
		assert_true(n > 0);
		server_datagram(f, &server, data, (size_t)n);
	}
	assert_int_equal(mn_hs_export(server.hs, &keys), 0);
	keys_of(&p, &keys);
	assert_int_equal(p.suite, suite);
	p.addr.in = server.to;
	install(nl, &p, socket, &keys);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vm_send(nl, 1, MNCSE_APPLICATION, "from the kernel\n", 16), 0);
		s_client_hears(&client, "from the kernel\n");
		assert_int_equal(write(client.in, "to the kernel\n", 14), 14);
		assert_int_equal(vm_recv(server.fd, data, sizeof(data), 30000), 21 + 14);
		assert_int_equal(data[0], MNCSE_KERNEL_MAGIC);
		assert_memory_equal(data + 21, "to the kernel\n", 14);
	}
	s_client_end(&client);
	mn_hs_free(server.hs);
	mn_hs_factory_free(f);
	close(server.fd);
	vm_nl_close(nl);
}

static void openssl_s_client_speaks_with_the_kernel(void **state)
{
	(void)state;
	run_s_client(VM_GCM, "PSK-AES128-GCM-SHA256");
	run_s_client(VM_CCM_8, "PSK-AES128-CCM8");
}

static void keys_of_a_handshake_work_in_the_kernel(void **state)
{
	(void)state;
	run(0x00a8);
	run(0xc0a8);
	run(0x00aa);
}

int vm_test_handshake(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_a_handshake_work_in_the_kernel),
		cmocka_unit_test(openssl_s_client_speaks_with_the_kernel),
	};

	return cmocka_run_group_tests_name("kernel handshake", tests, NULL, NULL);
}
