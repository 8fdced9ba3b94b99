// SPDX-License-Identifier: GPL-2.0-or-later
/* tc_class, both hops, both ways: gives every datagram of ours its class, counts it, counts the messages of TR-0012 figure 8.2.1-2 where they
 * go by, and on the way out sets priority and DSCP. It never drops.
 *
 * One skb may carry many datagrams of one length (UDP_SEGMENT), the last one shorter: each is counted. Priority and DSCP follow the
 * first. */
#define MNB_CLASS_MAPS
#include <linux/pkt_cls.h>

#include "maps.h"
#include "record.h"

enum {
	LOOK = 192,     /* headers of any shape that is likely, and the start of a record */
	SEGMENTS = 128, /* the kernel's UDP_MAX_SEGMENTS */
	TOS_ECN = 3,
	COOKIE_LENGTH_AT = 13 + 12 + 2 + 32, /* the session ID's length stands there */
};

/* What stays the same over the datagrams of an skb. */
struct walk {
	struct __sk_buff *skb;
	const struct mncse_bpf_config *config;
	struct mncse_bpf_counters *counters;
	struct mncse_bpf_session *session; /* inner hop */
	__u32 at, left, segment;
	__u32 class; /* of the first */
	__u16 port;  /* outer hop: our own, network order */
	__u8 hop, out;
};

/* Outer hop: our port in the session whose handshake was counted last. Each session has a port of its own. */
static __u32 outer_port;

static __always_inline enum mncse_class hello_class(struct __sk_buff *skb, __u32 at, __u32 length)
{
	__u8 n = 0;

	if (bpf_skb_load_bytes(skb, at + COOKIE_LENGTH_AT, &n, 1) ||
	    COOKIE_LENGTH_AT + 2u + n > length ||
	    bpf_skb_load_bytes(skb, at + COOKIE_LENGTH_AT + 1 + n, &n, 1))
		return MNCSE_CLASS_JUNK;
	return n ? MNCSE_CLASS_HELLO_COOKIE : MNCSE_CLASS_HELLO;
}

/* The gateway's last flight goes once to a session, repetitions aside. */
static __always_inline void inner_handshake(struct walk *w)
{
	if (w->out && w->session &&
	    !(__sync_fetch_and_or(&w->session->wire, MNCSE_WIRE_HANDSHAKE) & MNCSE_WIRE_HANDSHAKE))
		w->counters->message[MNCSE_MESSAGE_INNER_HANDSHAKES_IN]++;
}

static __always_inline void outer_handshake(struct walk *w)
{
	if (!w->out && __sync_lock_test_and_set(&outer_port, w->port) != w->port)
		w->counters->message[MNCSE_MESSAGE_OUTER_HANDSHAKES_OUT]++;
}

/* The first record of a rand-message's length that leaves for a session since its group has this generation. */
static __always_inline bool is_rand(struct mncse_bpf_session *s, __u32 length)
{
	struct mncse_bpf_group *g;
	__u32 group = s->group, old, now;

	if (length != s->rand_len)
		return false;
	g = bpf_map_lookup_elem(&groups, &group);
	if (!g)
		return false;
	now = g->generation;
	old = s->generation;
	return old != now && __sync_val_compare_and_swap(&s->generation, old, now) == old;
}

static __always_inline enum mncse_class inner_application(struct walk *w, __u32 length)
{
	struct mncse_bpf_session *s = w->session;
	struct mncse_bpf_share *share;
	__u32 group;

	if (!s)
		return MNCSE_CLASS_UNKNOWN;
	group = s->group;
	share = bpf_map_lookup_elem(&shares, &group);
	if (w->out) {
		if (is_rand(s, length)) {
			w->counters->message[MNCSE_MESSAGE_INNER_RAND_OUT]++;
			if (share)
				mnb_count(&share->rand_out, 1, length);
			return MNCSE_CLASS_RAND;
		}
		return length >= s->service_min ? MNCSE_CLASS_ANSWER : MNCSE_CLASS_APPLICATION;
	}
	if (length < s->service_min)
		return MNCSE_CLASS_APPLICATION;
	w->counters->message[MNCSE_MESSAGE_INNER_SERVICE_IN]++;
	if (share)
		mnb_count(&share->service_in, 1, length);
	return MNCSE_CLASS_SERVICE;
}

static __always_inline enum mncse_class outer_application(struct walk *w, __u32 length)
{
	const struct mncse_bpf_config *c = w->config;

	if (!w->out && length < MNCSE_BPF_RAND_LENGTHS) {
		__u32 at = length / 8;

		mnb_opaque(
			at); /* or the compiler sees that the mask changes nothing, and drops it */
		at &= MNCSE_BPF_RAND_LENGTHS / 8 - 1;
		if (c->rand_lengths[at] >> (length & 7) & 1) {
			w->counters->message[MNCSE_MESSAGE_OUTER_RAND_IN]++;
			return MNCSE_CLASS_RAND;
		}
	}
	if (length < c->outer_service_min)
		return MNCSE_CLASS_APPLICATION;
	if (!w->out)
		return MNCSE_CLASS_ANSWER;
	w->counters->message[MNCSE_MESSAGE_OUTER_SERVICE_OUT]++;
	return MNCSE_CLASS_SERVICE;
}

static __always_inline enum mncse_class classify(struct walk *w, __u32 length)
{
	__u8 head[MNCSE_RECORD_HEADER + 1];
	struct mnb_record r;

	if (length < sizeof(head) || bpf_skb_load_bytes(w->skb, w->at, head, sizeof(head)) ||
	    !mnb_record_read(head, length, &r))
		return MNCSE_CLASS_JUNK;
	if (mnb_is_hello(&r))
		return hello_class(w->skb, w->at, length);
	if (r.type == MNCSE_APPLICATION && r.epoch == 1)
		return w->hop == MNCSE_HOP_INNER ? inner_application(w, r.length) :
						   outer_application(w, r.length);
	if (r.type == MNCSE_APPLICATION)
		return MNCSE_CLASS_JUNK;
	if (r.type == MNCSE_ALERT)
		return MNCSE_CLASS_ALERT;
	if (r.type == MNCSE_CHANGE_CIPHER_SPEC) {
		if (w->hop == MNCSE_HOP_INNER)
			inner_handshake(w);
		else
			outer_handshake(w);
	}
	return MNCSE_CLASS_HANDSHAKE;
}

static __always_inline void count(const struct walk *w, enum mncse_class class, __u32 length)
{
	__u32 at = ((__u32)w->hop * __MNCSE_DIRECTION_MAX + w->out) * __MNCSE_CLASS_MAX + class;

	mnb_opaque(at);
	if (at < __MNCSE_HOP_MAX * __MNCSE_DIRECTION_MAX * __MNCSE_CLASS_MAX)
		mnb_count(&w->counters->wire[0][0][0] + at, 1, length);
}

static __always_inline enum mncse_class one(struct walk *w)
{
	__u32 length = w->left < w->segment ? w->left : w->segment;
	enum mncse_class class = classify(w, length);

	count(w, class, length);
	w->at += length;
	w->left -= length;
	return class;
}

static long next(__u32 i, void *arg)
{
	struct walk *w = arg;

	(void)i;
	one(w);
	return w->left == 0;
}

/* ECN is the network's, only the upper six bits change. */
static __always_inline void mark(struct __sk_buff *skb, const struct mnb_packet *p,
				 const struct mncse_bpf_config *c, __u32 class)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u8 *ip = mnb_at(data, p->network);
	__u8 dscp;

	if (class >= __MNCSE_CLASS_MAX)
		return;
	if (c->priority[class])
		skb->priority = c->priority[class];
	dscp = c->dscp[class];
	if (!dscp || (void *)(ip + sizeof(struct iphdr)) > end)
		return;
	if (p->six) {
		__be16 old = *(__be16 *)ip;
		__be16 new = (old & bpf_htons(0xf03f)) | bpf_htons((__u16)(dscp << 6));

		bpf_skb_store_bytes(skb, p->network, &new, sizeof(new), 0);
	} else {
		__u8 tos = (__u8)((ip[1] & TOS_ECN) | dscp << 2);
		__be16 old = *(__be16 *)ip, new = old;

		((__u8 *)&new)[1] = tos;
		bpf_l3_csum_replace(skb, p->network + offsetof(struct iphdr, check), old, new, 2);
		bpf_skb_store_bytes(skb, p->network, &new, sizeof(new), 0);
	}
}

static __always_inline bool whose(struct walk *w, const struct mnb_packet *p)
{
	struct mncse_bpf_peer remote = w->out ? p->destination : p->source;
	struct mncse_bpf_peer local = w->out ? p->source : p->destination;
	int listener = mnb_listener(w->config, &local);

	if (listener >= 0) {
		if (mnb_relayed(w->config, &remote))
			return false;
		remote.listener = (__u16)listener;
		w->hop = MNCSE_HOP_INNER;
		w->session = bpf_map_lookup_elem(&sessions, &remote);
		return true;
	}
	w->hop = MNCSE_HOP_OUTER;
	w->session = NULL;
	w->port = local.port;
	return w->config->upstream.port && remote.port == w->config->upstream.port &&
	       mnb_same_addr(&remote, &w->config->upstream);
}

static __always_inline int run(struct __sk_buff *skb, bool out)
{
	struct walk w = {
		.skb = skb, .config = mnb_config(), .counters = mnb_counters(), .out = out
	};
	struct mnb_packet p = { 0 };
	enum mnb_kind kind;
	void *data, *end;

	if (!w.config || !w.counters)
		return TC_ACT_UNSPEC;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if (data + LOOK > end && end - data < skb->len) {
		bpf_skb_pull_data(skb, skb->len < LOOK ? skb->len : LOOK);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	kind = mnb_parse(data, end, skb->len, &p);
	if (kind != MNB_DATAGRAM || !whose(&w, &p)) {
		/* whose they would be is not known: counted with the inner hop */
		mnb_count(&w.counters->wire[MNCSE_HOP_INNER][out][kind == MNB_FRAGMENT ?
									  MNCSE_CLASS_FRAGMENT :
									  MNCSE_CLASS_OTHER],
			  1, skb->len);
		return TC_ACT_UNSPEC;
	}
	w.at = p.udp + sizeof(struct udphdr);
	w.left = p.length;
	w.segment = skb->gso_size ? skb->gso_size : p.length;
	w.class = one(&w);
	if (w.left)
		bpf_loop(SEGMENTS, next, &w, 0);
	if (out)
		mark(skb, &p, w.config, w.class);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
	return run(skb, false);
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
	return run(skb, true);
}

char _license[] SEC("license") = "GPL";
