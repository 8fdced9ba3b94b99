// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink.h"

#include "coap.h"
#include "keyslot.h"
#include "net.h"

#define ANY_SESSION NLA_POLICY_MIN(NLA_U64, 1)
#define ANY_GROUP NLA_POLICY_MIN(NLA_U32, 1)
#define KID NLA_POLICY_EXACT_LEN(MNK_KID_LEN)
#define CONTENT NLA_POLICY_RANGE(NLA_U8, MNCSE_CHANGE_CIPHER_SPEC, MNCSE_APPLICATION)
#define PAYLOAD NLA_POLICY_RANGE(NLA_BINARY, 1, MNCSE_RECORD_PLAIN_MAX)

static struct netlink_range_validation sequences = { .min = 0, .max = MNCSE_SEQUENCE_MAX };
static struct netlink_range_validation sequences_or_end = { .min = 0,
							    .max = MNCSE_SEQUENCE_MAX + 1 };
static struct netlink_range_validation some_records = { .min = 1, .max = MNCSE_SEQUENCE_MAX + 1 };

static const struct nla_policy key_policy[MNCSE_KEY_MAX + 1] = {
	[MNCSE_KEY_EPOCH] = NLA_POLICY_MIN(NLA_U16, 1),
	[MNCSE_KEY_WRITE] = NLA_POLICY_EXACT_LEN(MNK_KEY_LEN),
	[MNCSE_KEY_WRITE_IV] = NLA_POLICY_EXACT_LEN(MNK_SALT_LEN),
	[MNCSE_KEY_READ] = NLA_POLICY_EXACT_LEN(MNK_KEY_LEN),
	[MNCSE_KEY_READ_IV] = NLA_POLICY_EXACT_LEN(MNK_SALT_LEN),
	[MNCSE_KEY_WRITE_SEQUENCE] = NLA_POLICY_FULL_RANGE(NLA_U64, &sequences),
	[MNCSE_KEY_REPLAY_NEXT] = NLA_POLICY_FULL_RANGE(NLA_U64, &sequences_or_end),
	[MNCSE_KEY_REPLAY_SEEN] = { .type = NLA_U64 },
	[MNCSE_KEY_RECORDS_MAX] = NLA_POLICY_FULL_RANGE(NLA_U64, &some_records),
};

static const struct nla_policy socket_add_policy[] = {
	[MNCSE_KA_FD] = { .type = NLA_U32 },
};
static const struct nla_policy socket_id_policy[] = {
	[MNCSE_KA_SOCKET_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};
static const struct nla_policy session_add_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,
	[MNCSE_KA_SOCKET_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[MNCSE_KA_PEER_ADDR] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[MNCSE_KA_PEER_PORT] = { .type = NLA_BE16 },
	[MNCSE_KA_LOCAL_ADDR] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[MNCSE_KA_SUITE] = { .type = NLA_U16 },
	[MNCSE_KA_KEY] = NLA_POLICY_NESTED(key_policy),
	[MNCSE_KA_GROUP_ID] = ANY_GROUP,
	[MNCSE_KA_OUTER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[MNCSE_KA_KID] = KID,
	[MNCSE_KA_GENERATION] = { .type = NLA_U32 },
};
static const struct nla_policy session_set_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,         [MNCSE_KA_GROUP_ID] = { .type = NLA_U32 },
	[MNCSE_KA_OUTER_ID] = { .type = NLA_U32 },   [MNCSE_KA_KID] = KID,
	[MNCSE_KA_GENERATION] = { .type = NLA_U32 },
};
static const struct nla_policy session_id_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,
};
static const struct nla_policy key_set_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,
	[MNCSE_KA_KEY] = NLA_POLICY_NESTED(key_policy),
};
static const struct nla_policy key_del_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,
	[MNCSE_KA_EPOCH] = NLA_POLICY_MIN(NLA_U16, 1),
};
static const struct nla_policy group_id_policy[] = {
	[MNCSE_KA_GROUP_ID] = ANY_GROUP,
};
static const struct nla_policy send_policy[] = {
	[MNCSE_KA_SESSION_ID] = ANY_SESSION,
	[MNCSE_KA_CONTENT] = CONTENT,
	[MNCSE_KA_PAYLOAD] = PAYLOAD,
};
static const struct nla_policy fanout_policy[] = {
	[MNCSE_KA_GROUP_ID] = ANY_GROUP,
	[MNCSE_KA_CONTENT] = CONTENT,
	[MNCSE_KA_PAYLOAD] = PAYLOAD,
};
static const struct nla_policy limits_policy[] = {
	[MNCSE_KA_SESSIONS_MAX] = { .type = NLA_U32 },
	[MNCSE_KA_GROUPS_MAX] = { .type = NLA_U32 },
	[MNCSE_KA_INFLIGHT_MAX] = { .type = NLA_U32 },
	[MNCSE_KA_CARRY_BYTES_MAX] = { .type = NLA_U32 },
	[MNCSE_KA_FAILURES] = NLA_POLICY_MIN(NLA_U32, 1),
	[MNCSE_KA_IDLE_MAX_MS] = { .type = NLA_U32 },
};
static struct netlink_range_validation messages = { .min = 16, .max = MNCSE_RECORD_PLAIN_MAX };
static struct netlink_range_validation rates = { .min = 1, .max = 1000000 };
static struct netlink_range_validation pendings = { .min = 1, .max = 65536 };
static struct netlink_range_validation ages = { .min = 0, .max = 3600 };

static const struct nla_policy outer_set_policy[] = {
	[MNCSE_KA_OUTER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[MNCSE_KA_SESSION_ID] = { .type = NLA_U64 },
	[MNCSE_KA_PENDING_MAX] = NLA_POLICY_FULL_RANGE(NLA_U32, &pendings),
	[MNCSE_KA_RATE] = NLA_POLICY_FULL_RANGE(NLA_U32, &rates),
	[MNCSE_KA_DEVICE_RATE] = { .type = NLA_U32 },
	[MNCSE_KA_MESSAGE_MAX] = NLA_POLICY_FULL_RANGE(NLA_U32, &messages),
	[MNCSE_KA_MAX_AGE] = NLA_POLICY_FULL_RANGE(NLA_U32, &ages),
};
static const struct nla_policy outer_id_policy[] = {
	[MNCSE_KA_OUTER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};
static const struct nla_policy no_attributes[] = {
	[MNCSE_KA_FD] = { .type = NLA_REJECT },
};

#define ACCEPTS(p) .policy = (p), .maxattr = ARRAY_SIZE(p) - 1, .flags = GENL_UNS_ADMIN_PERM

static const struct genl_ops ops[] = {
	{ .cmd = MNCSE_KCMD_SOCKET_ADD, .doit = mnk_nl_socket_add, ACCEPTS(socket_add_policy) },
	{ .cmd = MNCSE_KCMD_SOCKET_DEL, .doit = mnk_nl_socket_del, ACCEPTS(socket_id_policy) },
	{ .cmd = MNCSE_KCMD_SESSION_ADD, .doit = mnk_nl_session_add, ACCEPTS(session_add_policy) },
	{ .cmd = MNCSE_KCMD_SESSION_SET, .doit = mnk_nl_session_set, ACCEPTS(session_set_policy) },
	{ .cmd = MNCSE_KCMD_SESSION_DEL, .doit = mnk_nl_session_del, ACCEPTS(session_id_policy) },
	{ .cmd = MNCSE_KCMD_SESSION_GET,
	  .doit = mnk_nl_session_get,
	  .dumpit = mnk_nl_session_dump,
	  ACCEPTS(session_id_policy) },
	{ .cmd = MNCSE_KCMD_KEY_SET, .doit = mnk_nl_key_set, ACCEPTS(key_set_policy) },
	{ .cmd = MNCSE_KCMD_KEY_DEL, .doit = mnk_nl_key_del, ACCEPTS(key_del_policy) },
	{ .cmd = MNCSE_KCMD_GROUP_ADD, .doit = mnk_nl_group_add, ACCEPTS(group_id_policy) },
	{ .cmd = MNCSE_KCMD_GROUP_DEL, .doit = mnk_nl_group_del, ACCEPTS(group_id_policy) },
	{ .cmd = MNCSE_KCMD_GROUP_GET, .dumpit = mnk_nl_group_dump, ACCEPTS(no_attributes) },
	{ .cmd = MNCSE_KCMD_SEND, .doit = mnk_nl_send, ACCEPTS(send_policy) },
	{ .cmd = MNCSE_KCMD_FANOUT, .doit = mnk_nl_fanout, ACCEPTS(fanout_policy) },
	{ .cmd = MNCSE_KCMD_LIMITS_GET, .doit = mnk_nl_limits_get, ACCEPTS(no_attributes) },
	{ .cmd = MNCSE_KCMD_LIMITS_SET, .doit = mnk_nl_limits_set, ACCEPTS(limits_policy) },
	{ .cmd = MNCSE_KCMD_OUTER_SET, .doit = mnk_nl_outer_set, ACCEPTS(outer_set_policy) },
	{ .cmd = MNCSE_KCMD_OUTER_DEL, .doit = mnk_nl_outer_del, ACCEPTS(outer_id_policy) },
	{ .cmd = MNCSE_KCMD_OUTER_GET, .dumpit = mnk_nl_outer_dump, ACCEPTS(no_attributes) },
	{ .cmd = MNCSE_CMD_STATUS_GET, .doit = mnk_nl_status_get, ACCEPTS(no_attributes) },
	{ .cmd = MNCSE_CMD_LAYERS_GET, .dumpit = mnk_nl_layers_dump, ACCEPTS(no_attributes) },
	{ .cmd = MNCSE_CMD_STATS_GET, .dumpit = mnk_nl_stats_dump, ACCEPTS(no_attributes) },
};

static const struct genl_multicast_group multicast[] = {
	{ .name = MNCSE_KERNEL_EVENTS, .flags = GENL_UNS_ADMIN_PERM },
};

struct genl_family mnk_family __ro_after_init = {
	.name = MNCSE_GENL_NAME,
	.version = MNCSE_GENL_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true, /* net->lock orders them */
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = multicast,
	.n_mcgrps = ARRAY_SIZE(multicast),
};

int __init mnk_netlink_init(void)
{
	return genl_register_family(&mnk_family);
}

void mnk_netlink_exit(void)
{
	genl_unregister_family(&mnk_family);
}

void mnk_netlink_event(struct mnk_net *n, u64 session_id, enum mncse_kernel_reason why, u16 epoch)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&mnk_family, n->net, 0))
		return;
	skb = genlmsg_new(nla_total_size(4) + nla_total_size_64bit(8) + nla_total_size(2),
			  GFP_ATOMIC);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &mnk_family, 0, MNCSE_KCMD_EVENT);
	if (!header || nla_put_u32(skb, MNCSE_KA_REASON, why) ||
	    nla_put_u64_64bit(skb, MNCSE_KA_SESSION_ID, session_id, MNCSE_KA_PAD) ||
	    nla_put_u16(skb, MNCSE_KA_EPOCH, epoch)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	mnk_count(n, MNK_EVENTS);
	genlmsg_multicast_netns(&mnk_family, n->net, skb, 0, 0, GFP_ATOMIC);
}

struct nlattr *mnk_nl_need(struct genl_info *info, int attr, const char *text)
{
	struct nlattr *a = info->attrs[attr];

	if (!a && info->extack) {
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
		info->extack->_msg = text;
	}
	return a;
}

int mnk_nl_refuse(struct genl_info *info, int attr, int err, const char *text)
{
	if (info->extack) {
		info->extack->_msg = text;
		if (attr)
			NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	}
	return err;
}

struct sk_buff *mnk_nl_answer(struct genl_info *info, u8 cmd, size_t len, void **header)
{
	struct sk_buff *skb = genlmsg_new(len, GFP_KERNEL);

	if (!skb)
		return NULL;
	*header = genlmsg_put_reply(skb, info, &mnk_family, 0, cmd);
	if (!*header) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}
