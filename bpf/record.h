/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DTLS records as lib/dtls/filter.c reads them, and who is at the ends of a datagram. */
#ifndef MNB_RECORD_H
#define MNB_RECORD_H

#include "parse.h"

struct mnb_record {
	__u8 type;
	__u8 first; /* of the body */
	__u16 epoch;
	__u32 length; /* of the body */
};

static __always_inline __u16 mnb_get16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

/* The record at p with `left` octets of datagram behind it; p[0..13] may be read. False: nothing that a peer sends. */
static __always_inline bool mnb_record_read(const __u8 *p, __u32 left, struct mnb_record *r)
{
	__u16 version = mnb_get16(p + 1);

	r->type = p[0];
	r->epoch = mnb_get16(p + 3);
	r->length = mnb_get16(p + 11);
	r->first = p[MNCSE_RECORD_HEADER];
	if (r->type < MNCSE_CHANGE_CIPHER_SPEC || r->type > MNCSE_APPLICATION)
		return false;
	if (version != MNCSE_VERSION_DTLS12 && version != MNCSE_VERSION_DTLS10)
		return false;
	if (r->epoch > 1 || !r->length || r->length > MNCSE_RECORD_BODY_MAX ||
	    r->length + MNCSE_RECORD_HEADER > left)
		return false;
	return r->epoch == 0 ||
	       (r->length >= MNCSE_RECORD_PROTECTED_MIN && version == MNCSE_VERSION_DTLS12);
}

static __always_inline bool mnb_is_hello(const struct mnb_record *r)
{
	return r->type == MNCSE_HANDSHAKE && r->epoch == 0 && r->first == MNCSE_CLIENT_HELLO;
}

static __always_inline bool mnb_same_addr(const struct mncse_bpf_peer *a,
					  const struct mncse_bpf_peer *b)
{
	const __u32 *x = (const __u32 *)a->addr, *y = (const __u32 *)b->addr;

	return x[3] == y[3] && x[2] == y[2] && x[1] == y[1] && x[0] == y[0];
}

/* The number of the listener whose local end this is, -1 when it is none. */
static __always_inline int mnb_listener(const struct mncse_bpf_config *c,
					const struct mncse_bpf_peer *local)
{
	for (__u32 i = 0; i < MNCSE_BPF_LISTENERS; i++) {
		const struct mncse_bpf_peer *l = &c->listeners[i];

		if (i >= c->n_listeners)
			break;
		if (l->port == local->port && mnb_same_addr(l, local))
			return l->listener;
	}
	return -1;
}

#endif
