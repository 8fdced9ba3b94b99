// SPDX-License-Identifier: GPL-2.0-or-later
#include "in_fixture.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/ksx.h"
#include "log.h"

#define START 1700000000

static struct fixture *current;

static int keep(const uint8_t *data, size_t len)
{
	struct fixture *f = current;

	assert_true(f->sent_n < SENT_MAX);
	assert_true(len <= sizeof(f->sent[0]));
	memcpy(f->sent[f->sent_n], data, len);
	f->sent_len[f->sent_n++] = len;
	return 0;
}

static int record(struct mnt_link *l, const uint8_t *data, size_t len)
{
	(void)l;
	return keep(data, len);
}

static int record_direct(struct mnt_direct *p, const uint8_t *data, size_t len)
{
	(void)p;
	return keep(data, len);
}

static void add_gateway(struct mn_store *s, const char *id, uint8_t key)
{
	struct mn_peer_record p = { .key.len = 16 };

	snprintf(p.entity_id, sizeof(p.entity_id), "%s", id);
	snprintf(p.kpsa_id, sizeof(p.kpsa_id), "%s@in.example", id);
	memset(p.key.bytes, key, 16);
	assert_int_equal(mn_store_peer_add(s, &p), 0);
}

static void fill_device(struct mn_device_record *d, const char *id, const char *gateway,
			uint8_t key)
{
	snprintf(d->id, sizeof(d->id), "%s", id);
	snprintf(d->kpsa_id, sizeof(d->kpsa_id), "%s@in.example", id);
	snprintf(d->gateway_id, sizeof(d->gateway_id), "%s", gateway);
	strcpy(d->group, "g1");
	d->key.len = 16;
	memset(d->key.bytes, key, 16);
	assert_int_equal(mn_kid(d->kpsa_id, strlen(d->kpsa_id), d->kid), 0);
}

static void add_device(struct mn_store *s, const char *id, const char *gateway, uint8_t key)
{
	struct mn_device_record d = { 0 };

	fill_device(&d, id, gateway, key);
	assert_int_equal(mn_store_device_add(s, &d), 0);
}

static void path_of(const struct fixture *f, char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", f->dir, name);
}

static void fill_store(struct fixture *f)
{
	struct mn_store *s = NULL;
	char path[128], err[256];

	path_of(f, path, "in.db");
	assert_int_equal(mn_store_create(path, MN_STORE_IN, "in1", false), 0);
	assert_int_equal(mn_store_open(path, MN_STORE_IN, true, &s, err), 0);
	add_gateway(s, "gw1", 0x11);
	add_gateway(s, "gw2", 0x12);
	add_device(s, "D1", "gw1", 0x21);
	add_device(s, "D2", "gw1", 0x22);
	add_device(s, "D3", "gw2", 0x23);
	mn_store_close(s);
}

void fixture_start(struct fixture *f)
{
	static char *containers[] = { "in-cse/cnt" };
	uint64_t ms = f->in ? f->in->clock.ms : 1000000;
	int64_t unix_s = f->in ? f->in->clock.unix_s : START;
	char err[512] = "";

	free(f->in);
	f->in = calloc(1, sizeof(*f->in));
	assert_non_null(f->in);
	snprintf(f->in->settings.in_id, sizeof(f->in->settings.in_id), "in1");
	path_of(f, f->in->settings.store, "in.db");
	f->in->settings.grace_s = 60;
	f->in->settings.containers = (struct mn_config_strings){ .items = containers, .n = 1 };
	f->in->clock.ms = ms;
	f->in->clock.unix_s = unix_s;
	if (mnt_in_open(f->in, err))
		fail_msg("%s", err);
	f->gateway = mnt_gateway_by_id(&f->in->gateways, "gw1");
	assert_non_null(f->gateway);
	assert_int_equal(mnt_link_init(&f->link, f->gateway, NULL), 0);
	assert_int_equal(mnt_link_init(&f->other, mnt_gateway_by_id(&f->in->gateways, "gw2"), NULL),
			 0);
	f->link.send = record;
	f->other.send = record;
	f->in->directs.send = record_direct;
	f->sent_n = 0;
}

void fixture_draw(struct mnt_group *g)
{
	assert_int_equal(mnt_group_draw(g), 0);
	assert_int_equal(mnt_commit_now(g->all->commit), 0);
	mnt_group_acked(g, g->current.number);
	assert_int_equal(mnt_commit_now(g->all->commit), 0);
}

struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(mn_crypto_init(), 0);
	mn_log_init("test", MN_LOG_ERROR);
	strcpy(f->dir, "/tmp/incsed.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	current = f;
	fill_store(f);
	fixture_start(f);
	fixture_draw(mnt_group_find(&f->in->groups, f->gateway, "g1"));
	fixture_draw(mnt_group_find(&f->in->groups, f->other.gateway, "g1"));
	return f;
}

void fixture_stop(struct fixture *f)
{
	mnt_commit_now(&f->in->commit); /* as when a session is closed */
	mnt_link_fini(&f->link);
	mnt_link_fini(&f->other);
	mnt_in_close(f->in);
}

static void copy(const struct fixture *f, const char *from, const char *to)
{
	char a[128], b[128], command[300];

	path_of(f, a, from);
	path_of(f, b, to);
	unlink(b);
	if (access(a, F_OK))
		return;
	snprintf(command, sizeof(command), "cp %s %s", a, b);
	assert_int_equal(system(command), 0);
}

/* What is in the files at this moment is what a crash leaves. */
void fixture_crash(struct fixture *f)
{
	mnt_commit_now(&f->in->commit);
	copy(f, "in.db", "crash.db");
	copy(f, "in.db-wal", "crash.db-wal");
	fixture_stop(f);
	copy(f, "crash.db", "in.db");
	copy(f, "crash.db-wal", "in.db-wal");
	copy(f, "nothing", "in.db-shm");
}

void fixture_free(struct fixture *f)
{
	char command[128];

	fixture_stop(f);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f->in);
	free(f);
}

struct mnt_device *fixture_device(struct fixture *f, const char *id)
{
	struct mnt_device *d = mnt_device_by_id(&f->in->devices, id);

	assert_non_null(d);
	return d;
}

struct mnt_direct *fixture_direct(struct fixture *f, const char *id, uint8_t key)
{
	struct mn_device_record r = { .use = MN_USE_DIRECT };
	struct mnt_device *d;

	fill_device(&r, id, "gw1", key);
	assert_int_equal(mn_store_device_add(f->in->store, &r), 0);
	assert_int_equal(mnt_in_device(f->in, &r, &d), 0);
	assert_non_null(d->direct);
	return d->direct;
}

struct mnt_group *fixture_group(struct fixture *f)
{
	struct mnt_group *g = mnt_group_find(&f->in->groups, f->gateway, "g1");

	assert_non_null(g);
	return g;
}

int64_t fixture_instances(struct fixture *f)
{
	struct mn_onem2m_request r = { .op = MN_OP_RETRIEVE, .to = "in-cse/cnt" };
	struct mnt_result out = { 0 };
	int64_t n;

	mnt_resource_execute(&f->in->resources, &r, "D1", 0, &out);
	assert_int_equal(out.rsc, MN_RSC_OK);
	n = json_integer_value(json_object_get(json_object_get(out.content, "m2m:cnt"), "cni"));
	json_decref(out.content);
	return n;
}

/* ---- the device's side ---- */

void context_new_at(struct fixture *f, struct context *c, const char *device,
		    const struct mnt_generation *g, uint64_t salt)
{
	const struct mnt_device *d = fixture_device(f, device);
	uint8_t ksx[MN_KSX_LEN], prk[32], id_context[MN_OSCORE_KID_CONTEXT_LEN];
	uint32_t generation = htobe32(g->number);
	const uint8_t in_kid = MN_OSCORE_IN_KID;

	c->format = 0;
	salt = htobe64(salt);
	memcpy(id_context, &generation, 4);
	memcpy(id_context + 4, &salt, 8);
	assert_int_equal(
		mn_ksx_derive(d->key.bytes, d->key.len, d->id, strlen(d->id), g->rand, ksx), 0);
	assert_int_equal(mn_oscore_extract(ksx, sizeof(ksx), NULL, 0, prk), 0);
	assert_int_equal(mn_oscore_derive(&c->o, prk, d->kid, sizeof(d->kid), &in_kid, 1,
					  id_context, sizeof(id_context)),
			 0);
}

void context_new(struct fixture *f, struct context *c, const char *device, uint64_t salt)
{
	context_new_at(f, c, device, &fixture_device(f, device)->group->current, salt);
}

/* The message that stands for a primitive, as mn_onem2m_request_write makes it. */
static size_t primitive(enum mn_onem2m_op op, const char *to, unsigned int ty, const char *content,
			int format, const char *rqi, const char *from, uint8_t buf[1300])
{
	struct mn_onem2m_request r = { .op = op,
				       .ty = ty,
				       .content_format = content ? format : -1 };
	int n;

	snprintf(r.to, sizeof(r.to), "%s", to);
	snprintf(r.rqi, sizeof(r.rqi), "%s", rqi);
	strcpy(r.rvi, "3");
	r.has_from = from != NULL;
	snprintf(r.from, sizeof(r.from), "%s", from ? from : "");
	if (content) {
		r.content = json_loads(content, 0, NULL);
		assert_non_null(r.content);
	}
	n = mn_onem2m_request_write(&r, buf, 1300);
	assert_true(n > 0);
	mn_onem2m_request_fini(&r);
	return (size_t)n;
}

struct bytes plain(enum mn_coap_type type, uint16_t id, uint8_t token, enum mn_onem2m_op op,
		   const char *to, const char *content, const char *rqi, const char *from)
{
	uint8_t buf[1300];
	size_t n = primitive(op, to, op == MN_OP_CREATE ? 4 : 0, content, 50, rqi, from, buf);
	struct bytes b = { .len = n + 1 };

	b.data[0] = (uint8_t)(1 << 6 | type << 4 | 1);
	b.data[1] = buf[1];
	b.data[2] = (uint8_t)(id >> 8);
	b.data[3] = (uint8_t)id;
	b.data[4] = token;
	memcpy(b.data + 5, buf + 4, n - 4);
	return b;
}

struct bytes request(struct context *c, enum mn_onem2m_op op, const char *to, unsigned int ty,
		     const char *content, const char *rqi, const char *from, uint8_t token)
{
	const struct mn_coap_token t = { .len = 1, .bytes = { token } };
	uint8_t buf[1300];
	struct mn_coap inner;
	struct bytes b;
	int n = (int)primitive(op, to, ty, content, c->format ?: 50, rqi, from, buf);

	assert_int_equal(mn_coap_read(buf, (size_t)n, &inner, NULL), 0);
	n = mn_oscore_protect_request(&c->o, &inner, MN_COAP_NON, 7, &t, true, b.data,
				      sizeof(b.data), &c->rq);
	assert_true(n > 0);
	b.len = (size_t)n;
	return b;
}

struct bytes retrieve(struct context *c, const char *rqi, uint8_t token)
{
	return request(c, MN_OP_RETRIEVE, "in-cse", 0, NULL, rqi, NULL, token);
}

void feed(struct mnt_link *l, const struct bytes *b)
{
	struct bytes copy_of = *b;

	mnt_link_input(l, copy_of.data, copy_of.len);
}

struct bytes exchange(struct fixture *f, const struct bytes *b)
{
	unsigned int before = f->sent_n;
	struct bytes out;

	feed(&f->link, b);
	mnt_commit_now(&f->in->commit);
	assert_int_equal(f->sent_n, before + 1);
	out.len = f->sent_len[before];
	memcpy(out.data, f->sent[before], out.len);
	f->sent_n = before;
	return out;
}

unsigned int open_answer(struct context *c, const struct bytes *b, json_t **out)
{
	struct mn_onem2m_response r = { 0 };
	struct mn_coap m, inner;
	uint8_t buf[1400];

	assert_int_equal(mn_coap_read(b->data, b->len, &m, NULL), 0);
	assert_int_equal(m.type, MN_COAP_NON);
	assert_int_equal(m.code, MN_COAP_204);
	assert_int_equal(mn_oscore_open_response(&c->o, &m, &c->rq, buf, sizeof(buf), &inner), 0);
	assert_int_equal(mn_onem2m_response_read(&inner, &r), 0);
	c->format = r.content ? r.content_format : 0;
	if (out)
		*out = r.content;
	else
		json_decref(r.content);
	return r.rsc;
}

unsigned int ask(struct fixture *f, struct context *c, const struct bytes *b, json_t **out)
{
	struct bytes answer = exchange(f, b);

	return open_answer(c, &answer, out);
}

void expect_error(const struct bytes *b, uint8_t code, const char *text, uint32_t max_age,
		  uint8_t token)
{
	struct mn_coap_option o;
	struct mn_coap m;
	uint32_t age;

	assert_int_equal(mn_coap_read(b->data, b->len, &m, NULL), 0);
	assert_int_equal(m.code, code);
	assert_int_equal(m.type, MN_COAP_NON);
	assert_false(mn_coap_option_find(&m, MN_COAP_OPT_OSCORE, &o));
	assert_int_equal(mn_coap_option_uint(&m, MN_COAP_OPT_MAX_AGE, 4, &age), 0);
	assert_int_equal(age, max_age);
	assert_int_equal(m.payload_len, strlen(text));
	assert_memory_equal(m.payload, text, strlen(text));
	assert_int_equal(m.token.len, 1);
	assert_int_equal(m.token.bytes[0], token);
}
