// SPDX-License-Identifier: GPL-2.0-or-later
/* How a socket and its sessions end. encap_destroy comes with the last close(), with the socket locked; SOCKET_DEL, the namespace and the
 * module come by mnk_socket_detach. Both lock the socket, then net->lock, and whoever finds the socket in net->sockets does the work. A
 * receiver that read sk_user_data or encap_rcv before is under RCU: the structure goes after a grace period, the module's text after the
 * barrier in main.c. */
#include "udp.h"

#include <linux/file.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "net.h"
#include "record.h"
#include "session.h"

/* Any number but those of the kernel's own users (UDP_ENCAP_*), which the others look for. */
enum { ENCAP_TYPE = 77 };

/* ---- in ---- */

static void address_of(const struct mnk_socket *socket, const struct sk_buff *skb,
		       struct mnk_address *out)
{
	memset(out, 0, sizeof(*out));
	out->socket_id = socket->id;
	out->port = udp_hdr(skb)->source;
	if (skb->protocol == htons(ETH_P_IP)) {
		out->family = AF_INET;
		memcpy(out->addr, &ip_hdr(skb)->saddr, 4);
	} else {
		out->family = AF_INET6;
		memcpy(out->addr, &ipv6_hdr(skb)->saddr, 16);
	}
}

/* Returns 1: the datagram, perhaps opened, goes on as any. 0: it is ours. Bottom halves off, under RCU. */
static int udp_recv(struct sock *sk, struct sk_buff *skb)
{
	struct mnk_socket *socket = rcu_dereference_sk_user_data(sk);
	struct mnk_session *s;
	struct mnk_address from;
	struct mnk_net *n;
	const u8 *head;

	if (!socket) /* detached a moment ago */
		return 1;
	n = socket->net;
	mnk_count(n, MNK_RX_DATAGRAMS);
	mnk_count_n(n, MNK_RX_BYTES, skb->len - sizeof(struct udphdr));
	if (skb_is_gso(skb)) {
		mnk_count(n, MNK_RX_GSO);
		goto drop;
	}
	if (!pskb_may_pull(skb, sizeof(struct udphdr) + MNCSE_RECORD_HEADER)) {
		mnk_count(n, MNK_RX_SHORT);
		goto drop;
	}
	head = skb->data + sizeof(struct udphdr);
	if (head[0] < MNCSE_CHANGE_CIPHER_SPEC || head[0] > MNCSE_APPLICATION) {
		mnk_count(n, MNK_RX_JUNK);
		goto drop;
	}
	if (!head[3] && !head[4]) /* epoch 0: handshakes are userspace's */
		goto pass;
	address_of(socket, skb, &from);
	s = mnk_session_find_peer(n, &from);
	if (!s)
		goto pass;
	mnk_count(n, MNK_RX_SESSION);
	return mnk_record_receive(s, skb);

pass:
	mnk_count(n, MNK_RX_PASSED);
	return 1;
drop:
	kfree_skb(skb);
	return 0;
}

/* As udp_queue_rcv_skb() does it after encap_rcv. IP_PKTINFO of a unicast datagram is where it went to. */
void mnk_udp_deliver(struct mnk_session *s, struct sk_buff *skb)
{
	struct sock *sk = s->socket->sk;

	if (sk_filter_trim_cap(sk, skb, sizeof(struct udphdr)))
		goto drop;
	if (skb->protocol == htons(ETH_P_IP)) {
		struct in_pktinfo *info = PKTINFO_SKB_CB(skb);

		info->ipi_ifindex = skb->skb_iif;
		info->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	}
	__skb_pull(skb, sizeof(struct udphdr));
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	if (!__udp_enqueue_schedule_skb(sk, skb))
		return;
drop:
	mnk_count(s->net, MNK_RX_DROP_QUEUE);
	kfree_skb(skb);
}

/* ---- out ---- */

static int transmit4(struct mnk_session *s, struct sk_buff *skb)
{
	struct sock *sk = s->socket->sk;
	const struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;
	struct flowi4 fl = {
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_mark = READ_ONCE(sk->sk_mark),
		.flowi4_oif = READ_ONCE(sk->sk_bound_dev_if),
		.fl4_sport = inet->inet_sport,
		.fl4_dport = s->peer.port,
	};

	memcpy(&fl.daddr, s->peer.addr, 4);
	rt = dst_cache_get_ip4(&s->dst, &fl.saddr);
	if (!rt) {
		if (s->has_local)
			memcpy(&fl.saddr, s->local, 4);
		else if (sk->sk_family == AF_INET)
			fl.saddr = inet->inet_saddr;
		rt = ip_route_output_flow(sock_net(sk), &fl, sk);
		if (IS_ERR(rt))
			return PTR_ERR(rt);
		dst_cache_set_ip4(&s->dst, &rt->dst, fl.saddr);
	}
	udp_tunnel_xmit_skb(rt, sk, skb, fl.saddr, fl.daddr, 0, ip4_dst_hoplimit(&rt->dst), 0,
			    fl.fl4_sport, fl.fl4_dport, false, false);
	return 0;
}

static int transmit6(struct mnk_session *s, struct sk_buff *skb)
{
	struct sock *sk = s->socket->sk;
	struct dst_entry *dst;
	struct flowi6 fl = {
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_mark = READ_ONCE(sk->sk_mark),
		.flowi6_oif = READ_ONCE(sk->sk_bound_dev_if),
		.fl6_sport = inet_sk(sk)->inet_sport,
		.fl6_dport = s->peer.port,
	};

	memcpy(&fl.daddr, s->peer.addr, 16);
	dst = dst_cache_get_ip6(&s->dst, &fl.saddr);
	if (!dst) {
		if (s->has_local)
			memcpy(&fl.saddr, s->local, 16);
		else if (sk->sk_family == AF_INET6)
			fl.saddr = inet6_sk(sk)->saddr;
		dst = ipv6_stub->ipv6_dst_lookup_flow(sock_net(sk), sk, &fl, NULL);
		if (IS_ERR(dst))
			return PTR_ERR(dst);
		dst_cache_set_ip6(&s->dst, dst, &fl.saddr);
	}
	udp_tunnel6_xmit_skb(dst, sk, skb, NULL, &fl.saddr, &fl.daddr, 0, ip6_dst_hoplimit(dst), 0,
			     fl.fl6_sport, fl.fl6_dport, false);
	return 0;
}

int mnk_udp_transmit(struct mnk_session *s, struct sk_buff *skb)
{
	struct sock *sk = s->socket->sk;
	unsigned int len = skb->len;
	int err;

	/* Charged to the socket: SO_SNDBUF bounds what waits in devices, and the sock outlives it. */
	skb_set_owner_w(skb, sk);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	skb->ignore_df = 1;
	err = s->peer.family == AF_INET ? transmit4(s, skb) : transmit6(s, skb);
	if (err) {
		mnk_count(s->net, MNK_TX_DROP_ROUTE);
		kfree_skb(skb);
		return err;
	}
	mnk_count(s->net, MNK_TX_RECORDS);
	mnk_count_n(s->net, MNK_TX_BYTES, len);
	atomic64_inc(&s->tx_records);
	return 0;
}

/* ---- attach and detach ---- */

struct mnk_socket *mnk_socket_find(struct mnk_net *n, u32 id)
{
	return xa_load(&n->sockets, id);
}

struct mnk_socket *mnk_socket_get(struct mnk_socket *s)
{
	kref_get(&s->ref);
	return s;
}

static void socket_release(struct kref *ref)
{
	struct mnk_socket *s = container_of(ref, struct mnk_socket, ref);

	sock_put(s->sk);
	kfree_rcu(s, rcu);
}

void mnk_socket_put(struct mnk_socket *s)
{
	kref_put(&s->ref, socket_release);
}

/* net->lock. The last reference but those of sessions that are still in a cipher. */
static void unlink_socket(struct mnk_socket *s, bool tell)
{
	struct mnk_session *session, *next;

	s->dead = true;
	xa_erase(&s->net->sockets, s->id);
	list_for_each_entry_safe(session, next, &s->sessions, of_socket)
	{
		if (tell)
			mnk_session_event(session, MNCSE_REASON_CLOSED, 0);
		mnk_session_del(session);
	}
	mnk_socket_put(s);
}

/* The socket is locked by who closes it. */
static void udp_destroy(struct sock *sk)
{
	struct mnk_socket *s =
		rcu_dereference_protected(__sk_user_data(sk), lockdep_sock_is_held(sk));
	struct mnk_net *n;

	if (!s)
		return;
	n = s->net;
	rcu_assign_sk_user_data(sk, NULL);
	mutex_lock(&n->lock);
	unlink_socket(s, true);
	mutex_unlock(&n->lock);
}

static int check(struct mnk_net *n, struct socket *sock, struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->sk;

	if (sock_net(sk) != n->net) {
		NL_SET_ERR_MSG(extack, "the socket belongs to another network namespace");
		return -EINVAL;
	}
	if (sk->sk_type != SOCK_DGRAM || sk->sk_protocol != IPPROTO_UDP ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)) {
		NL_SET_ERR_MSG(extack, "the descriptor is no UDP socket");
		return -EPROTOTYPE;
	}
	return 0;
}

/* The socket is locked. */
static int attach(struct mnk_net *n, struct socket *sock, struct mnk_socket *s,
		  struct netlink_ext_ack *extack)
{
	struct udp_tunnel_sock_cfg config = {
		.sk_user_data = s,
		.encap_type = ENCAP_TYPE,
		.encap_rcv = udp_recv,
		.encap_destroy = udp_destroy,
	};
	struct sock *sk = sock->sk;
	int err;

	if (sock_flag(sk, SOCK_DEAD) || !inet_sk(sk)->inet_num) {
		NL_SET_ERR_MSG(extack, "the socket is not bound");
		return -EINVAL;
	}
	if (READ_ONCE(udp_sk(sk)->encap_type) || __sk_user_data(sk)) {
		NL_SET_ERR_MSG(extack, "the socket is taken already");
		return -EBUSY;
	}
	/* From here on others find it. */
	s->sk = sk;
	sock_hold(sk);
	mutex_lock(&n->lock);
	err = xa_alloc_cyclic(&n->sockets, &s->id, s, XA_LIMIT(1, U32_MAX), &n->socket_next,
			      GFP_KERNEL_ACCOUNT);
	mutex_unlock(&n->lock);
	if (err < 0) {
		sock_put(sk);
		return err;
	}
	setup_udp_tunnel_sock(n->net, sock, &config);
	return 0;
}

int mnk_socket_attach(struct mnk_net *n, int fd, u32 *id, struct netlink_ext_ack *extack)
{
	struct mnk_socket *s;
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock) {
		NL_SET_ERR_MSG(extack, "the descriptor is no open socket");
		return err;
	}
	err = check(n, sock, extack);
	if (err)
		goto put_file;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s) {
		err = -ENOMEM;
		goto put_file;
	}
	s->net = n;
	INIT_LIST_HEAD(&s->sessions);
	kref_init(&s->ref);
	lock_sock(sock->sk);
	err = attach(n, sock, s, extack);
	*id = s->id;
	release_sock(sock->sk);
	if (err)
		kfree(s);
put_file:
	sockfd_put(sock);
	return err;
}

int mnk_socket_detach(struct mnk_net *n, u32 id)
{
	struct mnk_socket *s;
	struct sock *sk;
	int err = -ENOENT;

	mutex_lock(&n->lock);
	s = mnk_socket_find(n, id);
	if (s)
		mnk_socket_get(s);
	mutex_unlock(&n->lock);
	if (!s)
		return -ENOENT;
	sk = s->sk;
	lock_sock(sk);
	if (__sk_user_data(sk) == s) {
		WRITE_ONCE(udp_sk(sk)->encap_type, 0);
		udp_sk(sk)->encap_rcv = NULL;
		udp_sk(sk)->encap_destroy = NULL;
		rcu_assign_sk_user_data(sk, NULL);
		mutex_lock(&n->lock);
		unlink_socket(s, false);
		mutex_unlock(&n->lock);
		err = 0;
	}
	release_sock(sk);
	mnk_socket_put(s);
	return err;
}

void mnk_socket_detach_all(struct mnk_net *n)
{
	struct mnk_socket *s;
	unsigned long id;

	xa_for_each(&n->sockets, id, s) mnk_socket_detach(n, id);
}
