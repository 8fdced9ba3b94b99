// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c tests/unit/in_fixture.c tools/incsed/answer.c tools/incsed/attribute.c tools/incsed/change.c tools/incsed/commit.c */
/* LINK: tools/incsed/context.c tools/incsed/control.c tools/incsed/device.c tools/incsed/direct.c tools/incsed/duplicate.c tools/incsed/gateway.c */
/* LINK: tools/incsed/group.c tools/incsed/in.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/peer.c tools/incsed/repeat.c tools/incsed/resource.c */
/* LINK: tools/incsed/row.c tools/incsed/service.c tools/incsed/settings.c tools/incsed/stats.c tools/incsed/table.c tools/incsed/verify.c */
/* LINK: tools/incsed/container.c tools/incsed/quick.c */
/* The IN behind a hostile gateway, with hostile devices that have their keys: what they send authenticates and may be anything inside. The
 * input is a program. Each message sent must be CoAP that can be read; at most one answer, and one empty message, comes for each; nothing that was changed
 * on the way is ever answered under a context. */
#include "../unit/in_fixture.h"

#include <dirent.h>
#include <unistd.h>

#include "fuzz.h"
#include "log.h"

enum { CONTEXTS = 4, KEPT = 8 };

static struct {
	struct fixture *f;
	struct context contexts[CONTEXTS];
	uint64_t salt;
	struct bytes kept[KEPT];
	unsigned int n_kept;
	struct mnt_direct *direct;
} t;

static void look(void)
{
	unsigned int answers = 0, empty = 0;
	struct mn_coap m;

	mnt_commit_now(&t.f->in->commit);
	for (unsigned int i = 0; i < t.f->sent_n; i++) {
		MUST(!mn_coap_read(t.f->sent[i], t.f->sent_len[i], &m, NULL));
		empty += m.code == MN_COAP_EMPTY;
		answers += m.code != MN_COAP_EMPTY;
	}
	MUST(answers <= 1 && empty <= 1);
	t.f->sent_n = 0;
}

static void hand_over(struct mnt_link *l, struct bytes *b)
{
	t.kept[t.n_kept++ % KEPT] = *b;
	feed(l, b);
	look();
}

static struct context *context(struct fuzz *f)
{
	struct context *c = &t.contexts[fuzz_u8(f) % CONTEXTS];

	return c->o.recipient_id_len ? c : NULL;
}

static void new_context(struct fuzz *f)
{
	static const char *const names[] = { "D1", "D2", "D3", "D1" };
	uint8_t n = fuzz_u8(f) % CONTEXTS;

	context_new(t.f, &t.contexts[n], names[n], ++t.salt);
}

/* Whatever the input has inside, protected as the device does. */
static void inside(struct fuzz *f, struct context *c)
{
	const struct mn_coap_token token = { .len = 1, .bytes = { fuzz_u8(f) } };
	struct mn_coap inner;
	struct bytes b;
	size_t len;
	const uint8_t *p = fuzz_bytes(f, 900, &len);
	uint8_t *copy;
	int n;

	if (!c)
		return;
	copy = fuzz_copy(p, len);
	if (!mn_coap_read(copy, len, &inner, NULL)) {
		n = mn_oscore_protect_request(&c->o, &inner, MN_COAP_NON, 7, &token, true, b.data,
					      sizeof(b.data), &c->rq);
		if (n > 0) {
			b.len = (size_t)n;
			hand_over(&t.f->link, &b);
		}
	}
	free(copy);
}

/* A primitive that makes sense, of pieces. */
static void sensible(struct fuzz *f, struct context *c)
{
	static const char *const targets[] = { "in-cse",         "in-cse/cnt", "in-cse/cnt/la",
					       "in-cse/cnt/ol",  "in-cse/ae1", "~/in1/in-cse",
					       "in-cse/nothing", "cb0" };
	static const char *const contents[] = {
		"{\"m2m:cin\":{\"con\":\"21.5\"}}",
		"{\"m2m:cin\":{\"con\":\"x\",\"rn\":\"c1\",\"lbl\":[\"a\"]}}",
		"{\"m2m:cnt\":{\"rn\":\"ae1\",\"mni\":2,\"mbs\":40}}",
		"{\"m2m:cnt\":{\"mni\":1,\"lbl\":null}}",
		"{\"m2m:ae\":{\"api\":\"N1\",\"rr\":true,\"srv\":[\"3\"],\"rn\":\"ae1\"}}",
		"{\"m2m:sub\":{\"nu\":[\"x\"]}}",
	};
	static const unsigned int types[] = { 4, 4, 3, 3, 2, 23 };
	uint8_t what = fuzz_u8(f), where = fuzz_u8(f), rqi = fuzz_u8(f);
	enum mn_onem2m_op op = (enum mn_onem2m_op)(MN_OP_CREATE + what % 5);
	bool content = op == MN_OP_CREATE || op == MN_OP_UPDATE || op == MN_OP_NOTIFY;
	unsigned int which = what / 5 % 6;
	const char *to = targets[where % 8];
	char id[16];
	struct bytes b;

	if (!c || to[0] == '~')
		return;
	snprintf(id, sizeof(id), "r%u", rqi % 32);
	c->format = where & 0x80 ? MN_COAP_FORMAT_CBOR : 0;
	b = request(c, op, to, op == MN_OP_CREATE ? types[which] : 0,
		    content ? contents[which] : NULL, id, where & 0x40 ? "D2" : NULL, rqi);
	hand_over(rqi & 0x80 ? &t.f->other : &t.f->link, &b);
}

static void damaged(struct fuzz *f)
{
	struct bytes b = t.kept[fuzz_u8(f) % KEPT];
	uint8_t *p = fuzz_copy(b.data, b.len);
	size_t len = b.len;

	fuzz_damage(f, &p, &len);
	b.len = len < sizeof(b.data) ? len : sizeof(b.data);
	memcpy(b.data, p, b.len);
	free(p);
	if (b.len)
		feed(&t.f->link, &b);
	look();
}

static void raw(struct fuzz *f, bool direct)
{
	struct bytes b;
	const uint8_t *p = fuzz_bytes(f, sizeof(b.data), &b.len);

	if (!b.len)
		return;
	memcpy(b.data, p, b.len);
	if (direct && !t.direct) {
		t.direct = fixture_direct(t.f, "D9", 0x29);
		mnt_direct_begin(t.f->in, t.direct, NULL, 1);
	}
	if (direct)
		mnt_direct_input(t.f->in, t.direct, b.data, b.len);
	else
		feed(&t.f->link, &b);
	look();
}

static void step(struct fuzz *f)
{
	struct bytes b;

	switch (fuzz_u8(f) % 10) {
	case 0:
		raw(f, false);
		break;
	case 1:
		new_context(f);
		break;
	case 2:
	case 3:
		sensible(f, context(f));
		break;
	case 4:
		inside(f, context(f));
		break;
	case 5:
		damaged(f);
		break;
	case 6:
		b = t.kept[fuzz_u8(f) % KEPT];
		if (b.len)
			feed(&t.f->link, &b);
		look();
		break;
	case 7:
		t.f->in->clock.unix_s += fuzz_u16(f) % 700;
		t.f->in->clock.ms += (uint64_t)fuzz_u16(f) * 4;
		break;
	case 8:
		fixture_draw(fixture_group(t.f));
		t.f->sent_n = 0;
		break;
	case 9:
		raw(f, true);
		break;
	}
}

static void remove_all(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[400];

	MUST(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.')
			unlink(path);
	}
	closedir(d);
	rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };

	fuzz_start();
	memset(&t, 0, sizeof(t));
	t.f = fixture_new();
	mn_log_set_level((enum mn_log_level) - 1);
	for (int steps = 0; f.left && steps < 100; steps++)
		step(&f);
	fixture_stop(t.f);
	remove_all(t.f->dir);
	free(t.f->in);
	free(t.f);
	return 0;
}
