/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a frame to the first DTLS record, by bounded cursors: Ethernet, up to two VLAN tags, IPv4 with options or IPv6 with extension
 * headers, UDP. Works on direct packet access, so that XDP and TC share it. */
#ifndef MNB_PARSE_H
#define MNB_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "uapi/bpf.h"
#include "uapi/record.h"

enum { MNB_VLANS = 2, MNB_EXTENSIONS = 6, MNB_IP_FRAGMENT = 0x3fff };

/* The compiler may not reason across this: 6.1's verifier loses bounds that are only known by comparison. */
#define mnb_opaque(x) asm volatile("" : "+r"(x))

enum mnb_kind { MNB_OTHER, MNB_FRAGMENT, MNB_DATAGRAM };

struct mnb_packet {
	struct mncse_bpf_peer source, destination; /* listener 0 */
	__u32 network; /* where the IP header is, from the start of the frame */
	__u32 udp;     /* where the UDP header is */
	__u32 length; /* of the UDP payload, which lies before the end of the frame or (TC) of the skb */
	bool six;
	bool plain; /* no IP options, no extension headers */
};

struct mnb_vlan {
	__be16 tci;
	__be16 protocol;
};

struct mnb_extension {
	__u8 next, length;
	__u8 rest[6];
};

static __always_inline void mnb_map4(struct mncse_bpf_peer *p, __be32 addr)
{
	__u32 *to = (__u32 *)p->addr;

	to[0] = 0;
	to[1] = 0;
	to[2] = bpf_htonl(0xffff);
	to[3] = addr;
}

static __always_inline void mnb_map6(struct mncse_bpf_peer *p, const struct in6_addr *addr)
{
	__u32 *to = (__u32 *)p->addr;

	to[0] = addr->in6_u.u6_addr32[0];
	to[1] = addr->in6_u.u6_addr32[1];
	to[2] = addr->in6_u.u6_addr32[2];
	to[3] = addr->in6_u.u6_addr32[3];
}

/* at: the IPv4 header. Returns the UDP header, NULL when it is something else; *left: octets of the IP payload. */
static __always_inline __u8 *mnb_ip4(__u8 *at, void *end, struct mnb_packet *p, __u32 *left,
				     enum mnb_kind *kind)
{
	struct iphdr *ip = (void *)at;
	__u32 head, total;

	if ((void *)(ip + 1) > end || ip->version != 4)
		return NULL;
	head = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (head < sizeof(*ip) || total < head)
		return NULL;
	if (ip->frag_off & bpf_htons(MNB_IP_FRAGMENT)) {
		*kind = MNB_FRAGMENT;
		return NULL;
	}
	if (ip->protocol != IPPROTO_UDP)
		return NULL;
	mnb_map4(&p->source, ip->saddr);
	mnb_map4(&p->destination, ip->daddr);
	p->plain = head == sizeof(*ip);
	*left = total - head;
	return at + head;
}

static __always_inline __u8 *mnb_ip6(__u8 *at, void *end, struct mnb_packet *p, __u32 *left,
				     enum mnb_kind *kind)
{
	struct ipv6hdr *ip = (void *)at;
	__u8 next;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return NULL;
	*left = bpf_ntohs(ip->payload_len);
	next = ip->nexthdr;
	mnb_map6(&p->source, &ip->saddr);
	mnb_map6(&p->destination, &ip->daddr);
	p->plain = next == IPPROTO_UDP;
	at += sizeof(*ip);
	for (int i = 0; i < MNB_EXTENSIONS; i++) {
		struct mnb_extension *x = (void *)at;
		__u32 size;

		if (next == IPPROTO_UDP)
			return at;
		if (next == IPPROTO_FRAGMENT) {
			*kind = MNB_FRAGMENT;
			return NULL;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return NULL;
		if ((void *)(x + 1) > end)
			return NULL;
		next = x->next;
		size = (x->length + 1u) * 8;
		if (size > *left)
			return NULL;
		*left -= size;
		at += size;
	}
	return next == IPPROTO_UDP ? at : NULL;
}

/* A pointer `at` octets into the frame, made anew: whatever way the parser took, the verifier sees one shape from here on. */
static __always_inline __u8 *mnb_at(void *data, __u32 at)
{
	mnb_opaque(at);
	at &= 0x3fff;
	return (__u8 *)data + at;
}

/* What the kernel itself will drop (truncated, wrong lengths) is MNB_OTHER. size: octets from data on, of the whole skb in TC. */
static __always_inline enum mnb_kind mnb_parse(void *data, void *end, __u32 size,
					       struct mnb_packet *p)
{
	struct ethhdr *eth = data;
	enum mnb_kind kind = MNB_OTHER;
	struct udphdr *udp;
	__u32 left = 0, length;
	__be16 protocol;
	__u8 *at;

	if ((void *)(eth + 1) > end)
		return MNB_OTHER;
	protocol = eth->h_proto;
	at = (void *)(eth + 1);
	for (int i = 0; i < MNB_VLANS; i++) {
		struct mnb_vlan *tag = (void *)at;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return MNB_OTHER;
		protocol = tag->protocol;
		at = (void *)(tag + 1);
	}
	p->network = (__u32)(at - (__u8 *)data);
	p->six = protocol == bpf_htons(ETH_P_IPV6);
	if (p->six)
		at = mnb_ip6(at, end, p, &left, &kind);
	else if (protocol == bpf_htons(ETH_P_IP))
		at = mnb_ip4(at, end, p, &left, &kind);
	else
		return MNB_OTHER;
	udp = (void *)at;
	if (!at || (void *)(udp + 1) > end)
		return kind;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) || length > left || at - (__u8 *)data + length > size)
		return MNB_OTHER;
	p->source.port = udp->source;
	p->destination.port = udp->dest;
	p->source.listener = 0;
	p->destination.listener = 0;
	p->udp = (__u32)(at - (__u8 *)data);
	p->length = length - sizeof(*udp);
	return MNB_DATAGRAM;
}

#endif
