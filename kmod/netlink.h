/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generic netlink family. Every rejection has a text. */
#ifndef MNK_NETLINK_H
#define MNK_NETLINK_H

#include <net/genetlink.h>

#include "uapi/mncse_kernel.h"

struct mnk_net;
struct mnk_session;

extern struct genl_family mnk_family;
int mnk_netlink_init(void);
void mnk_netlink_exit(void);

void mnk_netlink_event(struct mnk_net *n, u64 session_id, enum mncse_kernel_reason why, u16 epoch);

/* The attribute, or a text and NULL when it is missing. */
struct nlattr *mnk_nl_need(struct genl_info *info, int attr, const char *text);
/* Text and attribute of a refusal; returns err. text lives forever. */
int mnk_nl_refuse(struct genl_info *info, int attr, int err, const char *text);
/* An answer to the request; NULL: no memory. */
struct sk_buff *mnk_nl_answer(struct genl_info *info, u8 cmd, size_t len, void **header);

/* netlink_session.c */
int mnk_nl_socket_add(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_socket_del(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_session_add(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_session_set(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_session_del(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_key_set(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_key_del(struct sk_buff *skb, struct genl_info *info);

/* netlink_outer.c */
int mnk_nl_outer_set(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_outer_del(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_outer_dump(struct sk_buff *skb, struct netlink_callback *cb);
/* OUTER_ID, KID and GENERATION of SESSION_ADD and SESSION_SET; net->lock. Nothing changes when this fails. */
int mnk_nl_client(struct mnk_net *n, struct genl_info *info, struct mnk_session *s);
/* The same of a session; RCU or net->lock. -EMSGSIZE */
int mnk_nl_put_client(struct sk_buff *skb, struct mnk_session *s);

/* netlink_status.c */
int mnk_nl_status_get(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_layers_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* netlink_group.c */
int mnk_nl_group_add(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_group_del(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_send(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_fanout(struct sk_buff *skb, struct genl_info *info);

/* netlink_dump.c */
int mnk_nl_session_get(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_session_dump(struct sk_buff *skb, struct netlink_callback *cb);
int mnk_nl_group_dump(struct sk_buff *skb, struct netlink_callback *cb);
int mnk_nl_stats_dump(struct sk_buff *skb, struct netlink_callback *cb);
int mnk_nl_limits_get(struct sk_buff *skb, struct genl_info *info);
int mnk_nl_limits_set(struct sk_buff *skb, struct genl_info *info);
/* The entries of a table, each as a message cmd that put fills. */
int mnk_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, struct xarray *table, u8 cmd,
		int (*put)(struct sk_buff *skb, void *entry));
/* A session with all that may be known of it. net->lock or RCU. -EMSGSIZE */
int mnk_nl_put_session(struct sk_buff *skb, struct mnk_session *s);
/* Bytes that this needs at most */
#define MNK_NL_SESSION_SIZE 512

#endif
