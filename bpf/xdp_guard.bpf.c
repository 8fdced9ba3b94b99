// SPDX-License-Identifier: GPL-2.0-or-later
/* xdp_guard, on the device side: what no device sends never reaches the daemon's socket.
 *
 *	not for a listener of ours, fragments, proxy mode   pass
 *	no DTLS record of ours                              drop
 *	ClientHello, no or wrong cookie                     answer HelloVerifyRequest, within the prefix's rate
 *	ClientHello, right cookie                           pass, within the prefix's rate; its sender is pending now
 *	anything else from a live session                   pass
 *	handshake or alert from a pending sender            pass
 *	the rest                                            drop
 *
 * The cookie is uapi/cookie.h's with the daemon's keys, so either side accepts what the other made. A right cookie proves the source
 * address: nobody gets into `pending` with a forged one. */
#define MNB_GUARD_MAPS
#include "maps.h"
#include "record.h"

enum {
	HELLO_MAX = 2048,                   /* longer ones are left to the daemon */
	HELLO_FIXED = 13 + 12 + 2 + 32 + 1, /* up to the length of the session ID */
	VERIFY_LEN = MNCSE_BPF_VERIFY_LEN,
	RECORDS = 8,
	TTL = 64,
};

struct hello {
	__u8 cookie[MNCSE_COOKIE_LEN]; /* when cookie_len is that */
	__u32 cookie_len;
};

/* The record at `at` of the datagram, when it is there. NULL: beyond the frame or beyond what can be looked at. */
static __always_inline const __u8 *reach(const __u8 *payload, __u32 at, __u32 n, void *end)
{
	const __u8 *p;

	mnb_opaque(at);
	at &= 0x3fff;
	p = payload + at;
	return (void *)(p + n) > end ? NULL : p;
}

/* All records behind the first, as mn_datagram_ok. More than RECORDS of them: the daemon's to judge. */
static __always_inline bool rest_ok(const __u8 *payload, __u32 at, __u32 length, void *end)
{
	for (int i = 1; i < RECORDS; i++) {
		struct mnb_record r;
		const __u8 *p;

		if (at == length)
			return true;
		if (at + MNCSE_RECORD_HEADER + 1 > length || at > 0x3fff)
			return false;
		p = reach(payload, at, MNCSE_RECORD_HEADER + 1, end);
		if (!p || !mnb_record_read(p, length - at, &r))
			return false;
		at += MNCSE_RECORD_HEADER + r.length;
	}
	return true;
}

/* Strict as mn_client_hello_read, but for the contents of the compression methods and of the extensions: there the daemon drops what
 * gets by. payload[0..HELLO_FIXED) may be read. */
static __always_inline bool read_hello(const __u8 *payload, __u32 length,
				       const struct mnb_record *r, void *end, struct hello *out)
{
	const __u8 *head = payload + MNCSE_RECORD_HEADER;
	__u32 at = HELLO_FIXED, n;
	const __u8 *p;

	if (length > HELLO_MAX || r->length + MNCSE_RECORD_HEADER != length)
		return false;
	n = (__u32)head[1] << 16 | mnb_get16(head + 2);
	if (n + MNCSE_HANDSHAKE_HEADER != r->length)
		return false;
	if (head[6] || head[7] || head[8] || head[9] != head[1] || head[10] != head[2] ||
	    head[11] != head[3] || head[12] != 0xfe)
		return false;
	n = payload[HELLO_FIXED - 1]; /* session ID */
	at += n;
	if (n > 32 || at >= length)
		return false;
	p = reach(payload, at, 1, end);
	if (!p)
		return false;
	out->cookie_len = *p;
	at += 1;
	if (out->cookie_len == MNCSE_COOKIE_LEN) {
		p = reach(payload, at, MNCSE_COOKIE_LEN, end);
		if (!p)
			return false;
		__builtin_memcpy(out->cookie, p, sizeof(out->cookie));
	}
	at += out->cookie_len;
	if (at + 2 > length)
		return false;
	p = reach(payload, at, 2, end); /* cipher suites */
	if (!p)
		return false;
	n = mnb_get16(p);
	at += 2 + n;
	if (n < 2 || n & 1 || at >= length)
		return false;
	p = reach(payload, at, 1, end); /* compression methods */
	if (!p)
		return false;
	n = *p;
	at += 1 + n;
	if (!n || at > length)
		return false;
	if (at == length)
		return true;
	if (at + 2 > length)
		return false;
	p = reach(payload, at, 2, end); /* extensions */
	return p && at + 2 + mnb_get16(p) == length;
}

/* Whether the prefix is within its rate (the generic cell rate algorithm: one time a prefix, no counters to age). Two processors that race
 * let one more hello pass. */
static __always_inline bool within_rate(const struct mncse_bpf_config *c,
					const struct mncse_bpf_peer *source, bool six, bool cookie)
{
	struct mncse_bpf_prefix key = { .family = six ? 6 : 4, .cookie = cookie };
	const __u32 *addr = (const __u32 *)source->addr;
	__u64 now, next, *at;

	if (!c->hello_ns)
		return true;
	key.prefix = six ? (((__u64)addr[1] << 32 | addr[0]) & c->mask6) : (addr[3] & c->mask4);
	now = bpf_ktime_get_ns();
	at = bpf_map_lookup_elem(&prefixes, &key);
	next = at ? *at : 0;
	if (next < now)
		next = now;
	if (next - now > c->burst_ns)
		return false;
	next += c->hello_ns;
	if (at)
		*at = next;
	else
		bpf_map_update_elem(&prefixes, &key, &next, BPF_ANY);
	return true;
}

static __always_inline void cookie_input(struct mncse_cookie_input *in,
					 const struct mncse_bpf_peer *source, const __u8 *payload)
{
	const __u8 *random = payload + MNCSE_RECORD_HEADER + MNCSE_HANDSHAKE_HEADER + 2;

	__builtin_memcpy(in->addr, source->addr, sizeof(in->addr));
	in->port = source->port;
	in->version = *(const __u16 *)(random - 2);
	in->reserved = 0;
	for (int i = 0; i < 4; i++)
		((__u64 *)in->random)[i] = ((const __u64 *)random)[i];
}

static __always_inline void swap_mac(struct ethhdr *eth)
{
	__u16 *to = (__u16 *)eth->h_dest, *from = (__u16 *)eth->h_source;

	for (int i = 0; i < 3; i++) {
		__u16 t = to[i];

		to[i] = from[i];
		from[i] = t;
	}
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline void answer_ip4(struct iphdr *ip)
{
	__be32 to = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = to;
	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(struct udphdr) + VERIFY_LEN);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = TTL;
	ip->check = 0;
	ip->check = fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
}

static __always_inline void answer_ip6(struct ipv6hdr *ip)
{
	struct in6_addr to = ip->saddr;

	ip->saddr = ip->daddr;
	ip->daddr = to;
	*(__be32 *)ip = bpf_htonl(6u << 28);
	ip->payload_len = bpf_htons(sizeof(struct udphdr) + VERIFY_LEN);
	ip->hop_limit = TTL;
}

/* The record number is the ClientHello's and the message number too, as in mn_hello_verify_write. */
static __always_inline void answer_udp(struct udphdr *udp, const __u64 *cookie,
				       const struct mnb_packet *p)
{
	__u8 *out = (__u8 *)(udp + 1);
	__be16 to = udp->source;
	__u64 sum;

	udp->source = udp->dest;
	udp->dest = to;
	udp->len = bpf_htons(sizeof(*udp) + VERIFY_LEN);
	out[0] = MNCSE_HANDSHAKE;
	out[1] = 0xfe;
	out[2] = 0xff;
	out[11] = 0;
	out[12] = MNCSE_HANDSHAKE_HEADER + 3 + MNCSE_COOKIE_LEN;
	out[13] = MNCSE_HELLO_VERIFY_REQUEST;
	out[14] = out[15] = 0;
	out[16] = 3 + MNCSE_COOKIE_LEN;
	out[19] = out[20] = out[21] = 0;
	out[22] = out[23] = 0;
	out[24] = 3 + MNCSE_COOKIE_LEN;
	out[25] = 0xfe;
	out[26] = 0xff;
	out[27] = MNCSE_COOKIE_LEN;
	__builtin_memcpy(out + 28, cookie, MNCSE_COOKIE_LEN);
	/* ::ffff:a.b.c.d sums up as a.b.c.d: the prefix's 0xffff is zero in one's complement */
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)p->source.addr, 16, bpf_htons(IPPROTO_UDP));
	sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)p->destination.addr, 16, 0);
	sum += udp->len;
	udp->check = 0;
	sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)udp, sizeof(*udp) + VERIFY_LEN, 0);
	udp->check = fold(sum);
	if (!udp->check)
		udp->check = 0xffff;
}

/* Turns the ClientHello into its HelloVerifyRequest. It is always shorter: a ClientHello has 66 octets of payload or more. */
static __always_inline int answer(struct xdp_md *ctx, struct mnb_packet *p, const __u64 *cookie,
				  struct mncse_bpf_counters *n)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u8 *network = mnb_at(data, p->network), *udp = mnb_at(data, p->udp);
	int spare = (int)(end - (void *)udp) - (int)(sizeof(struct udphdr) + VERIFY_LEN);

	if ((void *)(eth + 1) > end || (void *)(udp + sizeof(struct udphdr) + VERIFY_LEN) > end)
		goto error;
	swap_mac(eth);
	if (p->six) {
		if ((void *)((struct ipv6hdr *)network + 1) > end)
			goto error;
		answer_ip6((struct ipv6hdr *)network);
	} else {
		if ((void *)((struct iphdr *)network + 1) > end)
			goto error;
		answer_ip4((struct iphdr *)network);
	}
	answer_udp((struct udphdr *)udp, cookie, p);
	if (bpf_xdp_adjust_tail(ctx, -spare))
		goto error;
	n->verdict[MNCSE_VERDICT_ANSWERED]++;
	n->answered_bytes += p->length;
	return XDP_TX;
error:
	n->verdict[MNCSE_VERDICT_DROP_ERROR]++;
	return XDP_DROP;
}

/* An answer to such a source would reach many, or ourselves, or nobody. */
static __always_inline bool may_answer(const struct ethhdr *eth, const struct mnb_packet *p)
{
	const __u8 *a = p->source.addr;

	if (eth->h_dest[0] & 1 || !p->plain || mnb_same_addr(&p->source, &p->destination))
		return false;
	return p->six ? a[0] != 0xff && (a[0] | a[1] | a[2] | a[3] | a[15]) : a[12] && a[12] < 224;
}

static __always_inline int on_hello(struct xdp_md *ctx, struct mnb_packet *p,
				    struct mncse_bpf_peer *peer, const struct hello *h,
				    const struct mncse_bpf_config *c, struct mncse_bpf_counters *n)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u8 *payload = mnb_at(data, p->udp + sizeof(struct udphdr));
	struct mncse_cookie_input in;
	struct mncse_bpf_keys *k;
	__u64 cookie, theirs;
	__u32 zero = 0;
	bool right = false;

	k = bpf_map_lookup_elem(&keys, &zero);
	if (!k || (void *)(payload + HELLO_FIXED) > end || data + sizeof(struct ethhdr) > end)
		goto pass;
	cookie_input(&in, &p->source, payload);
	cookie = mncse_cookie(&k->key[0], &in);
	if (h->cookie_len == MNCSE_COOKIE_LEN) {
		__builtin_memcpy(&theirs, h->cookie, sizeof(theirs));
		right = theirs == cookie || theirs == mncse_cookie(&k->key[1], &in);
	}
	if (h->cookie_len && !right)
		n->bad_cookie++;
	if (!within_rate(c, &p->source, p->six, right)) {
		n->verdict[MNCSE_VERDICT_DROP_LIMIT]++;
		return XDP_DROP;
	}
	if (right) {
		__u64 until = bpf_ktime_get_ns() + c->pending_ns;

		bpf_map_update_elem(&pending, peer, &until, BPF_ANY);
		goto pass;
	}
	if (may_answer(data, p))
		return answer(ctx, p, &cookie, n);
pass:
	n->verdict[MNCSE_VERDICT_PASS]++;
	return XDP_PASS;
}

static __always_inline bool is_pending(const struct mncse_bpf_peer *peer)
{
	const __u64 *until = bpf_map_lookup_elem(&pending, peer);

	return until && *until > bpf_ktime_get_ns();
}

/* Class of what is no ClientHello. */
static __always_inline enum mncse_class classify(const struct mncse_bpf_peer *peer,
						 const struct mnb_record *r)
{
	const struct mncse_bpf_session *s = bpf_map_lookup_elem(&sessions, peer);

	if (!s && (r->type == MNCSE_APPLICATION || !is_pending(peer)))
		return MNCSE_CLASS_UNKNOWN;
	if (r->type == MNCSE_ALERT)
		return MNCSE_CLASS_ALERT;
	if (r->type != MNCSE_APPLICATION)
		return MNCSE_CLASS_HANDSHAKE;
	return s && r->epoch == 1 && r->length >= s->service_min ? MNCSE_CLASS_SERVICE :
								   MNCSE_CLASS_APPLICATION;
}

static __always_inline int datagram(struct xdp_md *ctx, struct mnb_packet *p, int listener,
				    const struct mncse_bpf_config *c, struct mncse_bpf_counters *n)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u8 *payload = mnb_at(data, p->udp + sizeof(struct udphdr));
	struct mncse_bpf_peer peer = p->source;
	enum mncse_class class;
	struct mnb_record r;

	peer.listener = (__u16)listener;
	if (p->length <= MNCSE_RECORD_HEADER || (void *)(payload + MNCSE_RECORD_HEADER + 1) > end ||
	    !mnb_record_read(payload, p->length, &r))
		goto junk;
	if (mnb_is_hello(&r)) {
		struct hello h = { 0 };

		if (p->length < HELLO_FIXED || (void *)(payload + HELLO_FIXED) > end ||
		    !read_hello(payload, p->length, &r, end, &h))
			goto junk;
		mnb_count(&n->guard[h.cookie_len ? MNCSE_CLASS_HELLO_COOKIE : MNCSE_CLASS_HELLO], 1,
			  p->length);
		return on_hello(ctx, p, &peer, &h, c, n);
	}
	if (!rest_ok(payload, r.length + MNCSE_RECORD_HEADER, p->length, end))
		goto junk;
	class = classify(&peer, &r);
	mnb_count(&n->guard[class], 1, p->length);
	if (class == MNCSE_CLASS_UNKNOWN && !(c->flags & MNCSE_CONFIG_OPEN)) {
		n->verdict[MNCSE_VERDICT_DROP_UNKNOWN]++;
		return XDP_DROP;
	}
	n->verdict[MNCSE_VERDICT_PASS]++;
	return XDP_PASS;
junk:
	mnb_count(&n->guard[MNCSE_CLASS_JUNK], 1, p->length);
	n->verdict[MNCSE_VERDICT_DROP_JUNK]++;
	return XDP_DROP;
}

SEC("xdp")
int xdp_guard(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct mncse_bpf_config *c = mnb_config();
	struct mncse_bpf_counters *n = mnb_counters();
	enum mncse_class class = MNCSE_CLASS_OTHER;
	struct mnb_packet p = { 0 };
	enum mnb_kind kind;
	int listener;

	if (!c || !n)
		return XDP_PASS;
	kind = mnb_parse(data, end, (__u32)(end - data), &p);
	if (kind == MNB_DATAGRAM) {
		listener = mnb_listener(c, &p.destination);
		if (listener >= 0 && !mnb_relayed(c, &p.source))
			return datagram(ctx, &p, listener, c, n);
	} else if (kind == MNB_FRAGMENT) {
		class = MNCSE_CLASS_FRAGMENT;
	}
	mnb_count(&n->guard[class], 1, (__u64)(end - data));
	n->verdict[MNCSE_VERDICT_PASS]++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
