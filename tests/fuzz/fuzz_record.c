// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* The record engine. The input is a program that seals records, damages some, mixes their parts and delivers them. What opens must be,
 * byte for byte, a record that was sealed and not delivered before; what was sealed and lies in the window must open. */
#include "core/crypto.h"
#include "dtls/record.h"
#include "fuzz.h"

enum { SLOTS = 16, PLAIN_MAX = 600 };

struct sealed {
	uint64_t sequence;
	size_t plain_len, len;
	uint8_t type;
	bool delivered;
	uint8_t plain[PLAIN_MAX], bytes[PLAIN_MAX + 128];
};

static struct {
	struct mn_record_state sender, receiver;
	struct mn_record_mac sender_mac, receiver_mac;
	struct sealed slots[SLOTS];
	unsigned int n;
} t;

/* The key is of the input's making, so that what another input sealed is a forgery here: the fuzzer remembers such bytes. */
static void start(uint8_t suite, const uint8_t *data, size_t size)
{
	static const enum mn_suite suites[] = { MN_SUITE_PSK_AES_128_GCM,
						MN_SUITE_PSK_AES_128_CCM_8,
						MN_SUITE_PSK_AES_128_CBC,
						MN_SUITE_DHE_PSK_AES_128_GCM };
	uint8_t key[MN_SHA256_LEN];

	memset(&t, 0, sizeof(t));
	t.sender.suite = t.receiver.suite = suites[suite % 4];
	MUST(!mn_sha256(data, size, key));
	memcpy(t.sender.write.key, key, 16);
	memcpy(t.sender.write.iv, key + 16, 4);
	t.receiver.read = t.sender.write;
	if (t.sender.suite == MN_SUITE_PSK_AES_128_CBC) {
		memcpy(t.sender_mac.write, key, 32);
		memcpy(t.receiver_mac.read, key, 32);
		t.sender.mac = &t.sender_mac;
		t.receiver.mac = &t.receiver_mac;
	}
}

static void seal(struct fuzz *f)
{
	struct sealed *s = &t.slots[t.n % SLOTS];
	const uint8_t *plain;
	int n;

	memset(s, 0, sizeof(*s));
	s->type = (uint8_t)(MNCSE_CHANGE_CIPHER_SPEC + fuzz_u8(f) % 4);
	plain = fuzz_bytes(f, PLAIN_MAX, &s->plain_len);
	memcpy(s->plain, plain, s->plain_len);
	s->sequence = t.sender.write_sequence;
	n = mn_record_seal(&t.sender, s->type, s->plain, s->plain_len, s->bytes,
			   s->plain_len + mn_record_overhead(t.sender.suite));
	MUST((n < 0) == (!s->plain_len || s->sequence > MNCSE_SEQUENCE_MAX));
	if (n < 0)
		return;
	MUST((size_t)n <= s->plain_len + mn_record_overhead(t.sender.suite));
	MUST(t.sender.write_sequence == s->sequence + 1);
	s->len = (size_t)n;
	t.n++;
}

/* The record that was sealed with exactly these bytes. */
static struct sealed *original(const uint8_t *bytes, size_t len)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (t.slots[i].len == len && !memcmp(t.slots[i].bytes, bytes, len))
			return &t.slots[i];
	return NULL;
}

static void take(struct mn_record *r)
{
	size_t len = MNCSE_RECORD_HEADER + r->len;
	struct sealed *s = original(r->header, len);
	uint8_t *data = NULL;
	bool fresh;
	int n;

	if (r->epoch != 1)
		return;
	fresh = mn_replay_check(&t.receiver.replay, r->sequence, MN_REPLAY_WINDOW);
	n = mn_record_open(&t.receiver, r, &data);
	MUST((n >= 0) == (s != NULL));
	if (!s)
		return;
	MUST((size_t)n == s->plain_len && !memcmp(data, s->plain, s->plain_len));
	MUST(r->sequence == s->sequence && r->type == s->type);
	MUST(!(fresh && s->delivered));
	if (!fresh)
		return;
	s->delivered = true;
	mn_replay_update(&t.receiver.replay, r->sequence);
	MUST(!mn_replay_check(&t.receiver.replay, r->sequence, MN_REPLAY_WINDOW));
}

static void deliver(uint8_t *data, size_t len)
{
	struct mn_record r;
	size_t at = 0;

	while (mn_record_next(data, len, &at, &r) > 0)
		take(&r);
	free(data);
}

/* The front of one record and the rest of another. */
static void splice(struct fuzz *f)
{
	const struct sealed *a = &t.slots[fuzz_u8(f) % SLOTS], *b = &t.slots[fuzz_u8(f) % SLOTS];
	size_t at = fuzz_u16(f) % sizeof(a->bytes);
	uint8_t *p;

	if (at > a->len)
		at = a->len;
	if (at > b->len)
		at = b->len;
	p = fuzz_copy(b->bytes, b->len);
	memcpy(p, a->bytes, at);
	deliver(p, b->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	const struct sealed *s;
	const uint8_t *raw;
	uint8_t *p;
	size_t len;

	fuzz_start();
	start(fuzz_u8(&f), data, size);
	while (f.left) {
		switch (fuzz_u8(&f) % 6) {
		case 0:
			seal(&f);
			break;
		case 1:
			s = &t.slots[fuzz_u8(&f) % SLOTS];
			deliver(fuzz_copy(s->bytes, s->len), s->len);
			break;
		case 2:
			s = &t.slots[fuzz_u8(&f) % SLOTS];
			len = s->len;
			p = fuzz_copy(s->bytes, len);
			fuzz_damage(&f, &p, &len);
			deliver(p, len);
			break;
		case 3:
			splice(&f);
			break;
		case 4:
			raw = fuzz_bytes(&f, 300, &len);
			deliver(fuzz_copy(raw, len), len);
			break;
		case 5: /* a gap, up to the end of the space */
			t.sender.write_sequence += fuzz_u64(&f) >> (16 + fuzz_u8(&f) % 48);
			if (t.sender.write_sequence > MNCSE_SEQUENCE_MAX + 1)
				t.sender.write_sequence = MNCSE_SEQUENCE_MAX - 1;
			break;
		}
	}
	return 0;
}
