// SPDX-License-Identifier: GPL-2.0-or-later
/* A handshake of both roles in one thread's memory. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/crypto.h"
#include "dtls/handshake.h"
#include "uapi/cookie.h"

enum { DATAGRAM_MAX = 2048, QUEUE = 8, ROUNDS = 16 };

struct side {
	struct mn_hs *hs;
	uint8_t datagram[QUEUE][DATAGRAM_MAX]; /* that it has sent */
	size_t len[QUEUE];
	unsigned int n;
	bool complete;
};

static const uint8_t key[MN_KEY_MIN] = "only a rehearsal";

static void sent(void *arg, const uint8_t *datagram, size_t len)
{
	struct side *s = arg;

	if (s->n == QUEUE || len > DATAGRAM_MAX)
		return;
	memcpy(s->datagram[s->n], datagram, len);
	s->len[s->n++] = len;
}

static int any_psk(void *arg, const uint8_t *identity, size_t len, uint8_t out[MN_KEY_MAX],
		   size_t *key_len)
{
	(void)arg;
	(void)identity;
	(void)len;
	memcpy(out, key, sizeof(key));
	*key_len = sizeof(key);
	return 0;
}

static const struct mn_hs_ops ops = { .send = sent, .psk = any_psk };

/* What from has sent goes into to. */
static int pass(struct side *from, struct side *to)
{
	unsigned int n = from->n;
	int rc = 0;

	from->n = 0;
	for (unsigned int i = 0; i < n && rc >= 0; i++) {
		rc = to->complete ? 0 : mn_hs_input(to->hs, from->datagram[i], from->len[i], false);
		to->complete |= rc > 0;
	}
	return rc < 0 ? rc : 0;
}

static int read_hello(struct side *client, struct mn_client_hello *hello)
{
	struct mn_record r;
	size_t at = 0;

	if (client->n != 1 || mn_record_next(client->datagram[0], client->len[0], &at, &r) != 1)
		return -EPROTO;
	client->n = 0;
	return mn_client_hello_read(&r, hello);
}

/* Up to the ClientHello with a cookie, which the server's object begins with. */
static int meet(struct mn_hs_factory *f, struct side *client, struct side *server,
		struct mn_client_hello *hello)
{
	static const uint8_t cookie[MNCSE_COOKIE_LEN] = { 1 };
	uint8_t verify[64];
	size_t len;
	int rc = mn_hs_client(f, "rehearsal@localhost", key, sizeof(key), NULL, &ops, client,
			      &client->hs);

	if (!rc)
		rc = mn_hs_start(client->hs);
	if (rc >= 0)
		rc = read_hello(client, hello);
	if (rc)
		return rc;
	len = mn_hello_verify_write(hello, cookie, sizeof(cookie), verify, sizeof(verify));
	rc = mn_hs_input(client->hs, verify, len, false);
	if (rc >= 0)
		rc = read_hello(client, hello);
	if (!rc)
		rc = mn_hs_server(f, hello, &ops, server, &server->hs);
	if (!rc)
		rc = mn_hs_input(server->hs, client->datagram[0], client->len[0], false);
	return rc < 0 ? rc : 0;
}

int mn_hs_warm_up(void)
{
	static struct side client, server;
	const struct mn_hs_factory_config c = { .hint = "localhost" };
	struct mn_client_hello hello;
	struct mn_hs_factory *f;
	int rc = mn_hs_factory_new(&c, &f);

	if (rc)
		return rc;
	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	rc = meet(f, &client, &server, &hello);
	for (int i = 0; i < ROUNDS && !rc && !(client.complete && server.complete); i++) {
		rc = pass(&server, &client);
		if (!rc)
			rc = pass(&client, &server);
	}
	if (!rc && !(client.complete && server.complete))
		rc = -EPROTO;
	mn_hs_free(client.hs);
	mn_hs_free(server.hs);
	mn_hs_factory_free(f);
	mn_zero(&client, sizeof(client));
	mn_zero(&server, sizeof(server));
	return rc;
}
