// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tools/device/agent_credentials.c */
/*
 * A gateway in the hands of a test: a DTLS client of the IN with a gateway's Kpsami that keeps protected service requests of a
 * device in files and sends them when it is told to, also much later. Commands, in order:
 *
 *	rand[=FLOOR]	waits for a rand-message; 4.09 to those below FLOOR, 2.04 to the first that is not: "rand GENERATION"
 *	hold		waits for a rand-message and takes it, but leaves it to the next rand to answer it: "held GENERATION"
 *	make=FILE	a CREATE of in-cse/cnt under a context of that Rand, into FILE; the next Partial IV each time
 *	send=FILE	sends it with a token of its own: "answer CODE protected", "answer CODE TEXT" or "answer none"
 *	again		sends the last one again as a gateway does: the same token and bytes, another message ID;
 *			"answer ..., as before" when that is the answer of before but for its message ID
 *
 * A rand-message that no command waits for is not answered. Exit 1 when a command cannot be carried out within a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/device/agent_credentials.h"
#include "core/coap.h"
#include "core/crypto.h"
#include "core/ksx.h"
#include "core/onem2m.h"
#include "core/oscore.h"
#include "core/rand_message.h"
#include "dtls/endpoint.h"
#include "log.h"
#include "store/store.h"

enum { PATIENCE_MS = 60000, ANSWER_MS = 12000 };
enum waiting { FOR_NOTHING, FOR_RAND, FOR_ANSWER };

struct replay {
	struct mn_loop *loop;
	struct mn_session *session;
	struct mn_peer_record in;
	struct mnt_credentials devices;
	struct mn_timer timer;
	struct mn_rand_message rand;
	struct mn_oscore context; /* of rand */
	char salt[2 * 8 + 1];
	unsigned int made; /* 0: there is no context yet */
	struct mn_coap_token token;
	uint8_t last[MN_COAP_MESSAGE_MAX], answer[MN_COAP_MESSAGE_MAX];
	size_t last_len, answer_len;
	struct mn_coap held; /* a rand-message without an answer; its header alone is of use */
	bool is_held;
	char **command; /* the next one */
	uint32_t floor;
	uint16_t id;
	enum waiting waiting;
	bool hold, opened;
	int code;
};

static void end(struct replay *r, const char *why)
{
	if (why)
		fprintf(stderr, "replay: %s: %s\n", *r->command ? *r->command : "end", why);
	r->code = why != NULL;
	mn_session_close(r->session);
	mn_loop_stop(r->loop);
}

static void wait_for(struct replay *r, enum waiting what, unsigned int ms)
{
	r->waiting = what;
	mn_timer_set(mn_loop_timers(r->loop), &r->timer, ms);
}

/* ---- make ---- */

static int install(struct replay *r)
{
	static const uint8_t in_kid = MN_OSCORE_IN_KID;
	const struct mnt_credential *c = &r->devices.list[0];
	uint8_t ksx[MN_KSX_LEN], prk[32], id[MN_OSCORE_KID_CONTEXT_LEN];
	int err = mn_random(id, sizeof(id));

	for (int i = 0; i < 4; i++)
		id[i] = (uint8_t)(r->rand.generation >> (24 - 8 * i));
	mn_hex_encode(id + 4, sizeof(id) - 4, r->salt);
	if (!err)
		err = mn_ksx_derive(c->in_key, c->in_key_len, c->device_id, strlen(c->device_id),
				    r->rand.rand, ksx);
	if (!err)
		err = mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk);
	if (!err)
		err = mn_oscore_derive(&r->context, prk, c->kid, sizeof(c->kid), &in_kid, 1, id,
				       sizeof(id));
	mn_zero(ksx, sizeof(ksx));
	mn_zero(prk, sizeof(prk));
	return err;
}

static int protect(struct replay *r, uint8_t *out, size_t max)
{
	struct mn_onem2m_request q = {
		.op = MN_OP_CREATE, .to = "in-cse/cnt", .rvi = "3", .ty = 4, .content_format = 50
	};
	struct mn_coap_token token = { 0 };
	struct mn_oscore_request bound;
	struct mn_coap inner;
	uint8_t buf[MN_COAP_MESSAGE_MAX];
	int len = r->made ? 0 : install(r);

	if (len)
		return len;
	snprintf(q.rqi, sizeof(q.rqi), "%s-%u", r->salt, r->made++);
	q.content = json_pack("{s:{s:s}}", "m2m:cin", "con", "replay");
	len = mn_onem2m_request_write(&q, buf, sizeof(buf));
	if (len > 0)
		len = mn_coap_read(buf, (size_t)len, &inner, NULL);
	if (!len)
		len = mn_oscore_protect_request(&r->context, &inner, MN_COAP_NON, 0, &token, true,
						out, max, &bound);
	json_decref(q.content);
	return len;
}

static const char *make(struct replay *r, const char *path)
{
	uint8_t message[MN_COAP_MESSAGE_MAX];
	int fd, len = r->rand.generation ? protect(r, message, sizeof(message)) : -ENOKEY;
	bool written;

	if (len < 0)
		return strerror(-len);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	written = fd >= 0 && write(fd, message, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	return written ? NULL : "cannot be written";
}

/* ---- send ---- */

static const char *transmit(struct replay *r)
{
	r->id++;
	r->last[2] = (uint8_t)(r->id >> 8);
	r->last[3] = (uint8_t)r->id;
	wait_for(r, FOR_ANSWER, ANSWER_MS);
	return mn_session_send(r->session, r->last, r->last_len) ? "cannot be sent" : NULL;
}

static const char *send_file(struct replay *r, const char *path)
{
	uint8_t message[MN_COAP_MESSAGE_MAX];
	struct mn_coap_writer w;
	struct mn_coap_option o;
	struct mn_coap m;
	int fd = open(path, O_RDONLY), n;

	n = fd < 0 ? -1 : (int)read(fd, message, sizeof(message));
	if (fd >= 0)
		close(fd);
	if (n < 0 || mn_coap_read(message, (size_t)n, &m, NULL) ||
	    !mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o))
		return "is no service request";
	r->token.len = sizeof(r->token.bytes);
	mn_random(r->token.bytes, sizeof(r->token.bytes));
	mn_coap_begin(&w, r->last, sizeof(r->last), MN_COAP_NON, MN_COAP_POST, 0, &r->token);
	mn_coap_put(&w, MN_COAP_OPT_OSCORE, o.value, o.len);
	mn_coap_put_payload(&w, m.payload, m.payload_len);
	n = mn_coap_finish(&w);
	if (n < 0)
		return "does not fit";
	r->last_len = (size_t)n;
	r->answer_len = 0;
	return transmit(r);
}

/* ---- commands ---- */

static void reply(struct replay *r, const struct mn_coap *m, uint8_t code)
{
	struct mn_coap_writer w;
	uint8_t buf[32];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), MN_COAP_ACK, code, m->id, &m->token);
	len = mn_coap_finish(&w);
	if (len > 0)
		mn_session_send(r->session, buf, (size_t)len);
}

/* What follows NAME= in the word, "" when it is NAME alone; NULL when it is another command. */
static const char *argument(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) || (word[n] && word[n] != '='))
		return NULL;
	return word[n] ? word + n + 1 : word + n;
}

/* Of a held rand-message: 4.09 below the floor, else 2.04. */
static bool settle(struct replay *r)
{
	bool taken = r->rand.generation >= r->floor;

	reply(r, &r->held, taken ? MN_COAP_204 : MN_COAP_409);
	r->is_held = false;
	if (taken)
		printf("rand %u\n", r->rand.generation);
	return taken;
}

static void next(struct replay *r)
{
	const char *why = NULL, *a;

	r->waiting = FOR_NOTHING;
	mn_timer_del(&r->timer);
	while (!why && r->waiting == FOR_NOTHING && *r->command) {
		if ((a = argument(*r->command, "rand")) || argument(*r->command, "hold")) {
			r->hold = !a;
			r->floor = a ? (uint32_t)strtoul(a, NULL, 10) : 0;
			if (r->hold || !r->is_held || !settle(r))
				wait_for(r, FOR_RAND, PATIENCE_MS);
		} else if ((a = argument(*r->command, "make"))) {
			why = make(r, a);
		} else if ((a = argument(*r->command, "send"))) {
			why = send_file(r, a);
		} else if (argument(*r->command, "again")) {
			why = r->last_len ? transmit(r) : "nothing was sent";
		} else {
			why = "no such command";
		}
		if (!why)
			r->command++;
	}
	fflush(stdout);
	if (why || r->waiting == FOR_NOTHING)
		end(r, why);
}

static void timeout(struct mn_timer *t)
{
	struct replay *r = (struct replay *)(void *)((char *)t - offsetof(struct replay, timer));

	if (r->opened && r->waiting == FOR_ANSWER) {
		puts("answer none");
		next(r);
		return;
	}
	r->command -= r->opened; /* it is the one before that waits */
	end(r, "nothing came");
}

/* ---- messages of the IN ---- */

static void rand_message(struct replay *r, const struct mn_coap *m)
{
	struct mn_rand_message rand;

	if (r->waiting != FOR_RAND ||
	    mn_rand_message_decode(m->payload, m->payload_len, MN_HOP_OUTER, &rand) ||
	    strcmp(rand.group, r->devices.list[0].group) != 0)
		return;
	r->rand = rand;
	r->made = 0;
	r->held = *m;
	r->is_held = true;
	if (r->hold)
		printf("held %u\n", rand.generation);
	if (r->hold || settle(r))
		next(r);
}

static void answer(struct replay *r, const struct mn_coap *m, const uint8_t *data, size_t len)
{
	struct mn_coap_option o;
	bool same = len == r->answer_len && !memcmp(data + 4, r->answer + 4, len - 4);
	char code[8];

	if (r->waiting != FOR_ANSWER || m->token.len != r->token.len ||
	    memcmp(m->token.bytes, r->token.bytes, r->token.len) != 0)
		return;
	mn_coap_code_name(m->code, code);
	if (mn_coap_option_find(m, MN_COAP_OPT_OSCORE, &o))
		printf("answer %s protected", code);
	else
		printf("answer %s %.*s", code, (int)m->payload_len, (const char *)m->payload);
	puts(same ? ", as before" : "");
	if (len <= sizeof(r->answer)) {
		memcpy(r->answer, data, len);
		r->answer_len = len;
	}
	next(r);
}

static void message(void *arg, struct mn_session *s, uint8_t *data, size_t len)
{
	struct replay *r = arg;
	struct mn_coap m;

	(void)s;
	if (mn_coap_read(data, len, &m, NULL))
		return;
	if (m.type == MN_COAP_CON && m.code == MN_COAP_POST)
		rand_message(r, &m);
	else if (mn_coap_is_response(&m))
		answer(r, &m, data, len);
}

static void opened(void *arg, struct mn_session *s)
{
	struct replay *r = arg;

	r->session = s;
	r->opened = true;
	next(r);
}

static void closed(void *arg, struct mn_session *s, enum mn_close why, bool was_open)
{
	struct replay *r = arg;

	(void)s;
	(void)was_open;
	if (why == MN_CLOSE_LOCAL)
		return;
	fprintf(stderr, "replay: %s\n", mn_close_name(why));
	r->code = 1;
	mn_loop_stop(r->loop);
}

/* ---- start ---- */

static int first_peer(void *arg, const struct mn_peer_record *p)
{
	*(struct mn_peer_record *)arg = *p;
	return 1;
}

static int load(struct replay *r, char **argv)
{
	char err[256] = "the store has no IN";
	struct mn_store *store;
	int rc = mn_store_open(argv[1], MN_STORE_GATEWAY, false, &store, err);

	if (!rc) {
		rc = mn_store_peer_each(store, first_peer, &r->in) == 1 ? 0 : -ENOENT;
		mn_store_close(store);
	}
	if (!rc)
		rc = mnt_credentials_read(argv[3], argv[4], 0, &r->devices, err);
	if (rc)
		fprintf(stderr, "replay: %s\n", err);
	return rc;
}

static int run(struct replay *r, const char *address)
{
	static const struct mn_endpoint_ops ops = { .opened = opened,
						    .message = message,
						    .closed = closed };
	const struct mn_endpoint_config config = { .hint = NULL };
	struct mn_connect c = { .identity = r->in.kpsa_id,
				.key = r->in.key.bytes,
				.key_len = r->in.key.len };
	struct mn_endpoint *endpoint = NULL;
	const char *why = NULL;
	int err = mn_loop_new(NULL, &r->loop, &why);

	if (!err)
		err = mn_endpoint_new(r->loop, &config, &ops, r, &endpoint);
	if (!err)
		err = mn_addr_parse(address, 5684, &c.peer);
	if (!err)
		err = mn_endpoint_connect(endpoint, &c, &r->session);
	if (!err) {
		mn_timer_init(&r->timer, timeout);
		mn_timer_set(mn_loop_timers(r->loop), &r->timer, PATIENCE_MS);
		err = mn_loop_run(r->loop);
	}
	if (err)
		fprintf(stderr, "replay: %s\n", why ? why : strerror(-err));
	if (endpoint)
		mn_endpoint_free(endpoint);
	mn_loop_free(r->loop);
	return err ? 1 : r->code;
}

int main(int argc, char **argv)
{
	struct replay r = { .command = argv + 5 };
	int code = 1;

	if (argc < 6) {
		fputs("usage: replay GATEWAY.DB IN-ADDRESS DEVICES.CSV DEVICE-ID COMMAND...\n",
		      stderr);
		return 2;
	}
	mn_log_init("replay", MN_LOG_WARN);
	if (!mn_crypto_init() && !load(&r, argv))
		code = run(&r, argv[2]);
	mnt_credentials_fini(&r.devices);
	mn_peer_record_fini(&r.in);
	mn_oscore_fini(&r.context);
	return code;
}
