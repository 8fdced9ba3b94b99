// SPDX-License-Identifier: GPL-2.0-or-later
/* reuseport: which worker's socket takes a datagram of a listener. A live session's goes to its owner. Others go by a hash of the
 * remote address and port over a table of slots: while a worker is away the daemon gives its slots to others, and nobody else's peers
 * move. A worker whose socket is not there (yet, any more) leaves the choice to the kernel. */
#define MNB_STEER_MAPS
#include "maps.h"
#include "record.h"
#include "uapi/slot.h"

/* Both ends of the datagram. ctx's data starts at the UDP header; in the IP header source and destination are neighbours. */
static __always_inline bool ends(struct sk_reuseport_md *ctx, struct mncse_bpf_peer *remote,
				 struct mncse_bpf_peer *local)
{
	const struct udphdr *udp = (const void *)(long)ctx->data;

	if (ctx->ip_protocol != IPPROTO_UDP || (void *)(udp + 1) > (void *)(long)ctx->data_end)
		return false;
	remote->port = udp->source;
	local->port = udp->dest;
	remote->listener = local->listener = 0;
	if (ctx->eth_protocol == bpf_htons(ETH_P_IPV6)) {
		struct in6_addr six[2];

		if (bpf_skb_load_bytes_relative(ctx, offsetof(struct ipv6hdr, saddr), six,
						sizeof(six), BPF_HDR_START_NET))
			return false;
		mnb_map6(remote, &six[0]);
		mnb_map6(local, &six[1]);
	} else {
		__be32 four[2];

		if (ctx->eth_protocol != bpf_htons(ETH_P_IP) ||
		    bpf_skb_load_bytes_relative(ctx, offsetof(struct iphdr, saddr), four,
						sizeof(four), BPF_HDR_START_NET))
			return false;
		mnb_map4(remote, four[0]);
		mnb_map4(local, four[1]);
	}
	return true;
}

SEC("sk_reuseport")
int steer(struct sk_reuseport_md *ctx)
{
	const struct mncse_bpf_config *c = mnb_config();
	struct mncse_bpf_counters *n = mnb_counters();
	struct mncse_bpf_peer remote, local;
	const struct mncse_bpf_session *s;
	enum mncse_steer how = MNCSE_STEER_OWNER;
	__u32 slot, worker, socket;
	const __u32 *of_slot;
	int listener;

	if (!c || !n || !ends(ctx, &remote, &local))
		return SK_PASS;
	listener = mnb_listener(c, &local);
	if (listener < 0)
		goto kernel;
	remote.listener = (__u16)listener;
	s = bpf_map_lookup_elem(&sessions, &remote);
	if (s) {
		worker = s->worker;
	} else {
		slot = mncse_bpf_slot(&remote);
		of_slot = bpf_map_lookup_elem(&slots, &slot);
		if (!of_slot)
			goto kernel;
		worker = *of_slot;
		how = MNCSE_STEER_HASH;
	}
	if (worker >= MNCSE_BPF_WORKERS)
		goto kernel;
	socket = (__u32)listener * MNCSE_BPF_WORKERS + worker;
	if (bpf_sk_select_reuseport(ctx, &workers, &socket, 0))
		goto kernel;
	n->steer[how]++;
	return SK_PASS;
kernel:
	n->steer[MNCSE_STEER_KERNEL]++;
	return SK_PASS;
}

char _license[] SEC("license") = "GPL";
