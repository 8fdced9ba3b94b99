/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taken sockets: attach and detach, datagrams in, datagrams out. */
#ifndef MNK_UDP_H
#define MNK_UDP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <net/sock.h>

struct mnk_net;
struct mnk_session;
struct netlink_ext_ack;

/* sk_user_data of a taken socket. Holds a reference of the sock, not of the file: the last close() comes through. */
struct mnk_socket {
	struct sock *sk;
	struct mnk_net *net;
	u32 id;
	bool dead;                 /* net->lock: detached */
	struct list_head sessions; /* net->lock */
	struct kref ref;
	struct rcu_head rcu;
};

/* Not under net->lock. */
int mnk_socket_attach(struct mnk_net *n, int fd, u32 *id, struct netlink_ext_ack *extack);
/* -ENOENT */
int mnk_socket_detach(struct mnk_net *n, u32 id);
void mnk_socket_detach_all(struct mnk_net *n);

/* net->lock or RCU; NULL */
struct mnk_socket *mnk_socket_find(struct mnk_net *n, u32 id);
struct mnk_socket *mnk_socket_get(struct mnk_socket *s);
void mnk_socket_put(struct mnk_socket *s);

/* Into the socket's receive queue: what encap_rcv could not return, because it was opened later or was one of several records. Takes skb. */
void mnk_udp_deliver(struct mnk_session *s, struct sk_buff *skb);

/* Room that a datagram needs before its payload. */
#define MNK_UDP_HEADROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))
/* Has the socket's send buffer room? */
static inline bool mnk_udp_writable(const struct mnk_socket *s)
{
	return sk_wmem_alloc_get(s->sk) <= READ_ONCE(s->sk->sk_sndbuf);
}
/* skb is the UDP payload. Bottom halves off, under RCU. Takes skb. */
int mnk_udp_transmit(struct mnk_session *s, struct sk_buff *skb);

#endif
