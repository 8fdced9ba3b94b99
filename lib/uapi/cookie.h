/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* The stateless cookie of RFC 6347 4.2.1: SipHash-2-4 (64 bits) over address, port, version and random of the ClientHello.
 * Self-contained, so that the daemon and the BPF programs compute the same. Words are taken little-endian
 * from memory on little-endian machines and host-endian elsewhere: both users run on one machine. */
#ifndef MNCSE_UAPI_COOKIE_H
#define MNCSE_UAPI_COOKIE_H

#include <linux/types.h>

#define MNCSE_COOKIE_LEN 8

struct mncse_cookie_key {
	__u64 k0, k1;
};

/* IPv4 addresses as ::ffff:a.b.c.d. port and version in network order. 56 bytes, no padding. */
struct mncse_cookie_input {
	__u8 addr[16];
	__u16 port;
	__u16 version;
	__u32 reserved; /* 0 */
	__u8 random[32];
};

#define MNCSE_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define MNCSE_SIPROUND(v0, v1, v2, v3)   \
	do {                             \
		v0 += v1;                \
		v1 = MNCSE_ROTL(v1, 13); \
		v1 ^= v0;                \
		v0 = MNCSE_ROTL(v0, 32); \
		v2 += v3;                \
		v3 = MNCSE_ROTL(v3, 16); \
		v3 ^= v2;                \
		v0 += v3;                \
		v3 = MNCSE_ROTL(v3, 21); \
		v3 ^= v0;                \
		v2 += v1;                \
		v1 = MNCSE_ROTL(v1, 17); \
		v1 ^= v2;                \
		v2 = MNCSE_ROTL(v2, 32); \
	} while (0)

/* SipHash-2-4 of n whole words (n is a compile-time constant in BPF). */
static inline __u64 mncse_siphash(const struct mncse_cookie_key *key, const __u64 *words,
				  unsigned int n)
{
	__u64 v0 = key->k0 ^ 0x736f6d6570736575ULL;
	__u64 v1 = key->k1 ^ 0x646f72616e646f6dULL;
	__u64 v2 = key->k0 ^ 0x6c7967656e657261ULL;
	__u64 v3 = key->k1 ^ 0x7465646279746573ULL;
	__u64 last = (__u64)(n * 8) << 56;
	unsigned int i;

	for (i = 0; i < n; i++) {
		v3 ^= words[i];
		MNCSE_SIPROUND(v0, v1, v2, v3);
		MNCSE_SIPROUND(v0, v1, v2, v3);
		v0 ^= words[i];
	}
	v3 ^= last;
	MNCSE_SIPROUND(v0, v1, v2, v3);
	MNCSE_SIPROUND(v0, v1, v2, v3);
	v0 ^= last;
	v2 ^= 0xff;
	for (i = 0; i < 4; i++)
		MNCSE_SIPROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}

static inline __u64 mncse_cookie(const struct mncse_cookie_key *key,
				 const struct mncse_cookie_input *in)
{
	__u64 words[7];

	__builtin_memcpy(words, in, sizeof(words));
	return mncse_siphash(key, words, 7);
}

#endif
