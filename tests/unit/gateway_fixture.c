// SPDX-License-Identifier: GPL-2.0-or-later
#include "gateway_fixture.h"
#include "../../daemon/tell.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/crypto.h"
#include "core/oscore.h"

struct queued {
	struct queued *next;
	struct fx_message message;
};

struct mn_session {
	void *owner, *user;
	union mn_addr peer;
	uint64_t id, opened_ms, active_ms;
	bool closing;
	struct queued *first, **last;
};

/* One test at a time: the daemon has no state outside of its structure, these stand for the kernel. */
static struct mn_timers *wheel;
static struct mn_defer *deferred;
static bool held;
static uint64_t now_ms;
static uint64_t last_id;
static unsigned int fail_n;
static int fail_err;
static struct mn_session *outer;
static const struct mn_endpoint_ops *outer_ops;
static void *outer_arg;
static char folder[] = "/tmp/mncse-gateway-XXXXXX";
static char store_path[64];

/* ---- the loop ---- */

uint64_t mn_loop_now(const struct mn_loop *l)
{
	(void)l;
	return now_ms;
}

struct mn_timers *mn_loop_timers(struct mn_loop *l)
{
	(void)l;
	return wheel;
}

void mn_loop_defer(struct mn_loop *l, struct mn_defer *d)
{
	struct mn_defer **at = &deferred;

	(void)l;
	if (d->queued)
		return;
	while (*at)
		at = &(*at)->next;
	d->queued = true;
	d->next = NULL;
	*at = d;
}

uint64_t fx_now(void)
{
	return now_ms;
}

void fx_hold(void)
{
	held = true;
}

static void run_deferred(void)
{
	while (deferred && !held) {
		struct mn_defer *d = deferred;

		deferred = d->next;
		d->queued = false;
		d->fn(d);
	}
}

void fx_run(struct mnd_gateway *g, uint64_t ms)
{
	uint64_t end = now_ms + ms;

	(void)g;
	held = false;
	run_deferred();
	while (now_ms < end) {
		uint64_t wait = mn_timers_next(wheel);

		now_ms += wait < end - now_ms ? (wait ? wait : 1) : end - now_ms;
		mn_timers_run(wheel, now_ms);
		run_deferred();
	}
}

/* ---- sessions ---- */

static struct mn_session *session_new(void *owner, void *user)
{
	struct mn_session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->owner = owner;
	s->user = user;
	s->id = ++last_id;
	s->opened_ms = s->active_ms = now_ms;
	s->last = &s->first;
	s->peer.in.sin_family = AF_INET;
	return s;
}

static void session_free(struct mn_session *s)
{
	while (s->first) {
		struct queued *q = s->first;

		s->first = q->next;
		free(q);
	}
	free(s);
}

int mn_session_send(struct mn_session *s, const void *data, size_t len)
{
	struct queued *q;

	if (s->closing)
		return -ENOTCONN;
	if (len == 0 || len > FX_MESSAGE_MAX)
		return -EMSGSIZE;
	if (fail_n > 0) {
		fail_n--;
		return fail_err;
	}
	q = calloc(1, sizeof(*q));
	assert_non_null(q);
	q->message.len = len;
	memcpy(q->message.data, data, len);
	*s->last = q;
	s->last = &q->next;
	return 0;
}

void fx_fail_sends(unsigned int n, int err)
{
	fail_n = n;
	fail_err = err;
}

void mn_session_close(struct mn_session *s)
{
	s->closing = true;
}

bool fx_closing(const struct mn_session *s)
{
	return s->closing;
}

void mn_session_set_user(struct mn_session *s, void *user)
{
	s->user = user;
}

struct mn_loop *mn_session_loop(const struct mn_session *s)
{
	(void)s;
	return NULL;
}

void *mn_session_user(const struct mn_session *s)
{
	return s->user;
}

void *mn_session_owner(const struct mn_session *s)
{
	return s->owner;
}

uint64_t mn_session_id(const struct mn_session *s)
{
	return s->id;
}

uint64_t mn_session_active_ms(const struct mn_session *s)
{
	return s->active_ms;
}

enum mn_suite mn_session_suite(const struct mn_session *s)
{
	(void)s;
	return MN_SUITE_PSK_AES_128_CCM_8;
}

const char *mn_suite_name(enum mn_suite s)
{
	(void)s;
	return "suite";
}

const char *mn_close_name(enum mn_close c)
{
	(void)c;
	return "closed";
}

/* ---- the outer endpoint ---- */

int mn_endpoint_new(struct mn_loop *l, const struct mn_endpoint_config *c,
		    const struct mn_endpoint_ops *ops, void *arg, struct mn_endpoint **out)
{
	(void)l;
	(void)c;
	(void)out;
	outer_ops = ops;
	outer_arg = arg;
	return 0;
}

int mn_endpoint_connect(struct mn_endpoint *e, const struct mn_connect *c, struct mn_session **out)
{
	(void)e;
	assert_null(outer);
	outer = session_new(NULL, c->user);
	*out = outer;
	return 0;
}

void mn_endpoint_free(struct mn_endpoint *e)
{
	(void)e;
	if (outer)
		fx_outer_close(NULL, MN_CLOSE_LOCAL);
}

struct mn_session *fx_outer(void)
{
	return outer;
}

void fx_outer_open(struct mnd_gateway *g)
{
	(void)g;
	assert_non_null(outer);
	outer_ops->opened(outer_arg, outer);
}

void fx_outer_close(struct mnd_gateway *g, enum mn_close why)
{
	struct mnd_upstream *u = outer_arg;
	struct mn_session *s = outer;

	(void)g;
	outer = NULL;
	outer_ops->closed(outer_arg, s, why, u->state == MND_UPSTREAM_UP);
	session_free(s);
}

/* ---- the other workers: there are none ---- */

void mnd_tell_rand(struct mnd_gateway *g, const struct mnd_group *group)
{
	(void)group;
	assert_null(g->crew);
}

void mnd_tell_upstream(struct mnd_gateway *g)
{
	assert_null(g->crew);
}

void mnd_home_claim(struct mnd_device *d)
{
	(void)d;
	fail();
}

void mnd_home_release(struct mnd_device *d)
{
	(void)d;
	fail();
}

struct mnd_parcel *mnd_parcel_get(struct mnd_gateway *g, enum mnd_parcel_kind kind)
{
	(void)g;
	(void)kind;
	fail();
	return NULL;
}

void mnd_parcel_put(struct mnd_gateway *g, struct mnd_parcel *p)
{
	(void)g;
	(void)p;
	fail();
}

void mnd_parcel_send(struct mnd_gateway *g, struct mnd_parcel *p, unsigned int to)
{
	(void)g;
	(void)p;
	(void)to;
	fail();
}

void mnd_parcel_home(struct mnd_gateway *g, struct mnd_parcel *p)
{
	(void)g;
	(void)p;
	fail();
}

/* ---- the gateway ---- */

static void add_device(struct mnd_gateway *g, const char *entity, const char *group, uint8_t n)
{
	struct mn_device_record r = { .key.len = 16 };
	struct mnd_credential *c;

	snprintf(r.id, sizeof(r.id), "%s", entity);
	snprintf(r.kpsa_id, sizeof(r.kpsa_id), "%s@mn-cse-1", entity);
	snprintf(r.group, sizeof(r.group), "%s", group);
	memset(r.key.bytes, n, 16);
	memset(r.kid, n, sizeof(r.kid));
	assert_int_equal(mnd_credentials_add(&g->credentials, &r,
					     mnd_group_find(&g->groups, group, true), &c),
			 0);
	c->group->members++;
}

static void make_store(struct mnd_gateway *g)
{
	struct mn_peer_record p = { .key.len = 16 };
	char err[256];

	strcpy(folder, "/tmp/mncse-gateway-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(store_path, sizeof(store_path), "%s/gateway.db", folder);
	assert_int_equal(mn_store_create(store_path, MN_STORE_GATEWAY, "mn-cse-1", false), 0);
	assert_int_equal(mn_store_open(store_path, MN_STORE_GATEWAY, true, &g->store, err), 0);
	strcpy(p.entity_id, "in-cse-1");
	strcpy(p.kpsa_id, "mn-cse-1@in-cse-1");
	memset(p.key.bytes, 0xee, 16);
	assert_int_equal(mn_store_peer_add(g->store, &p), 0);
}

struct mnd_gateway *fx_new(unsigned int devices, bool up)
{
	struct mnd_gateway *g = calloc(1, sizeof(*g));
	char err[256], name[16];

	assert_non_null(g);
	now_ms = 1000000;
	last_id = 0;
	deferred = NULL;
	held = false;
	fail_n = 0;
	outer = NULL;
	wheel = mn_timers_new(now_ms);
	assert_non_null(wheel);
	g->settings.coap_max = 1152;
	g->settings.pending = 1024;
	assert_int_equal(mnd_credentials_init(&g->credentials), 0);
	mnd_groups_init(&g->groups);
	mn_pool_init(&g->devices, sizeof(struct mnd_device), SIZE_MAX);
	mnd_buffers_init(&g->buffers);
	mnd_replies_init(&g->replies, NULL, &g->buffers);
	mnd_fanout_init(&g->fanout, g);
	assert_int_equal(mnd_relay_init(&g->relay, g), 0);
	make_store(g);
	for (unsigned int i = 1; i <= devices; i++) {
		snprintf(name, sizeof(name), "D%u", i);
		add_device(g, name, "g1", (uint8_t)i);
	}
	add_device(g, "E1", "g2", 0xe1);
	assert_int_equal(mnd_upstream_init(&g->upstream, g), 0);
	assert_int_equal(mnd_upstream_configure(&g->upstream, "192.0.2.1:5684", "in-cse-1", err),
			 0);
	fx_run(g, 10);
	if (up)
		fx_outer_open(g);
	return g;
}

void fx_free(struct mnd_gateway *g)
{
	struct mnd_group *group;

	TAILQ_FOREACH(group, &g->groups.all, link)
	while (!TAILQ_EMPTY(&group->connected))
		fx_disconnect(g, TAILQ_FIRST(&group->connected)->messenger.session);
	mnd_upstream_fini(&g->upstream);
	run_deferred();
	mnd_fanout_fini(&g->fanout);
	mnd_relay_fini(&g->relay);
	mnd_replies_fini(&g->replies);
	assert_int_equal(g->buffers.bytes, 0);
	assert_int_equal(g->devices.used, 0);
	mn_pool_fini(&g->devices);
	mnd_buffers_fini(&g->buffers);
	mnd_groups_fini(&g->groups);
	mnd_credentials_fini(&g->credentials);
	mn_store_close(g->store);
	/* a timer that was left behind runs in freed memory now: AddressSanitizer sees it */
	mn_timers_run(wheel, now_ms + 86400000);
	mn_timers_free(wheel);
	unlink(store_path);
	rmdir(folder);
	free(g);
}

struct mn_session *fx_connect(struct mnd_gateway *g, const char *entity)
{
	struct mn_session *s =
		session_new(mnd_credentials_by_entity(&g->credentials, entity), NULL);

	assert_non_null(s->owner);
	assert_int_equal(mnd_device_open(g, s), 0);
	return s;
}

struct mnd_device *fx_device(struct mn_session *s)
{
	return s->user;
}

void fx_disconnect(struct mnd_gateway *g, struct mn_session *s)
{
	(void)g;
	s->closing = true;
	mnd_device_close(s->user);
	session_free(s);
}

/* ---- messages ---- */

bool fx_take(struct mn_session *s, struct fx_message *out)
{
	struct queued *q = s->first;

	if (!q)
		return false;
	s->first = q->next;
	if (!s->first)
		s->last = &s->first;
	*out = q->message;
	free(q);
	assert_int_equal(mn_coap_read(out->data, out->len, &out->coap, NULL), 0);
	return true;
}

void fx_expect(struct mn_session *s, struct fx_message *out, enum mn_coap_type type, uint8_t code)
{
	if (!fx_take(s, out))
		fail_msg("no message, expected type %d, code %d", type, code);
	assert_int_equal(out->coap.type, type);
	assert_int_equal(out->coap.code, code);
}

void fx_expect_nothing(struct mn_session *s)
{
	struct fx_message m;

	if (fx_take(s, &m))
		fail_msg("a message of type %d, code %d, expected none", m.coap.type, m.coap.code);
}

void fx_input(struct mnd_gateway *g, struct mn_session *s, const void *data, size_t len)
{
	uint8_t copy[FX_MESSAGE_MAX * 2];

	(void)g;
	assert_true(len <= sizeof(copy));
	memcpy(copy, data, len);
	s->active_ms = now_ms;
	if (s == outer)
		outer_ops->message(outer_arg, s, copy, len);
	else
		mnd_device_input(s->user, copy, len);
	run_deferred();
}

void fx_send(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type, uint8_t code,
	     uint16_t id, const struct mn_coap_token *token, const struct fx_option *options,
	     size_t n, const void *payload, size_t payload_len)
{
	static const struct mn_coap_token preset = { .len = 2, .bytes = { 0xab, 0xcd } };
	struct mn_coap_writer w;
	uint8_t buf[FX_MESSAGE_MAX * 2];
	int len;

	mn_coap_begin(&w, buf, sizeof(buf), type, code, id, token ? token : &preset);
	for (size_t i = 0; i < n; i++)
		mn_coap_put(&w, options[i].number, options[i].value, options[i].len);
	mn_coap_put_payload(&w, payload, payload_len);
	len = mn_coap_finish(&w);
	assert_true(len > 0);
	fx_input(g, s, buf, (size_t)len);
}

void fx_send_empty(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type, uint16_t id)
{
	uint8_t buf[16];

	fx_input(g, s, buf, mn_coap_empty(buf, type, id));
}

void fx_service(struct mnd_gateway *g, struct mn_session *s, enum mn_coap_type type, uint16_t id,
		uint32_t generation)
{
	static const uint8_t piv[1] = { 0 };
	const struct mnd_device *d = s->user;
	uint8_t context[MN_OSCORE_KID_CONTEXT_LEN] = { (uint8_t)(generation >> 24),
						       (uint8_t)(generation >> 16),
						       (uint8_t)(generation >> 8),
						       (uint8_t)generation,
						       1,
						       2,
						       3,
						       4,
						       5,
						       6,
						       7,
						       8 };
	uint8_t option[64];
	int len = mn_oscore_option_write(piv, 1, d->credential->kid, MN_KID_LEN, true, context,
					 sizeof(context), option, sizeof(option));
	const struct fx_option o = { MN_COAP_OPT_OSCORE, option, (size_t)len };

	assert_true(len > 0);
	fx_send(g, s, type, MN_COAP_POST, id, NULL, &o, 1, "ciphertext", 10);
}

void fx_rand(struct mnd_gateway *g, uint16_t id, const char *group, uint32_t generation,
	     uint8_t fill)
{
	static const uint8_t cbor = MN_COAP_FORMAT_CBOR;
	const struct fx_option options[] = { { MN_COAP_OPT_URI_PATH, "gsa", 3 },
					     { MN_COAP_OPT_CONTENT_FORMAT, &cbor, 1 } };
	struct mn_rand_message m = { .generation = generation };
	uint8_t payload[MN_RAND_MESSAGE_MAX];
	int len;

	memset(m.rand, fill, sizeof(m.rand));
	snprintf(m.group, sizeof(m.group), "%s", group);
	len = mn_rand_message_encode(&m, MN_HOP_OUTER, payload, sizeof(payload));
	assert_true(len > 0);
	fx_send(g, outer, MN_COAP_CON, MN_COAP_POST, id, NULL, options, 2, payload, (size_t)len);
}

void fx_answer(struct mnd_gateway *g, const struct fx_message *request, uint8_t code, bool option,
	       const char *payload)
{
	const struct fx_option o = { MN_COAP_OPT_OSCORE, NULL, 0 };
	static uint16_t id = 500;

	fx_send(g, outer, MN_COAP_NON, code, id++, &request->coap.token, &o, option ? 1 : 0,
		payload, strlen(payload));
}

/* The classify layer is not what these tests are about. */
void mnd_classify_rand(struct mnd_gateway *g, const struct mnd_group *group)
{
	(void)g;
	(void)group;
}

void mnd_classify_upstream(struct mnd_gateway *g, const union mn_addr *address,
			   const struct mn_session *s)
{
	(void)g;
	(void)address;
	(void)s;
}
