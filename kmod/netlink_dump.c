// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"
#include "keyslot.h"
#include "net.h"
#include "netlink.h"
#include "session.h"

/* ---- sessions ---- */

static int put_slot(struct sk_buff *skb, struct mnk_key *k)
{
	struct nlattr *nest = nla_nest_start(skb, MNCSE_KA_SLOT);
	struct mn_replay replay;
	u64 next;

	mnk_key_state(k, &next, &replay);
	if (!nest || nla_put_u16(skb, MNCSE_KEY_EPOCH, k->epoch) ||
	    nla_put_u64_64bit(skb, MNCSE_KEY_WRITE_SEQUENCE, next, MNCSE_KEY_PAD) ||
	    nla_put_u64_64bit(skb, MNCSE_KEY_REPLAY_NEXT, replay.next, MNCSE_KEY_PAD) ||
	    nla_put_u64_64bit(skb, MNCSE_KEY_REPLAY_SEEN, replay.seen, MNCSE_KEY_PAD) ||
	    nla_put_u64_64bit(skb, MNCSE_KEY_RECORDS_MAX, k->records_max, MNCSE_KEY_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_slots(struct sk_buff *skb, struct mnk_session *s)
{
	int err = 0;

	rcu_read_lock();
	for (int slot = 0; slot < 2 && !err; slot++) {
		struct mnk_key *k = rcu_dereference(s->key[slot]);

		if (k)
			err = put_slot(skb, k);
	}
	rcu_read_unlock();
	return err;
}

int mnk_nl_put_session(struct sk_buff *skb, struct mnk_session *s)
{
	unsigned int addr_len = s->peer.family == AF_INET ? 4 : 16;
	struct mnk_group *group = READ_ONCE(s->group);

	if (nla_put_u64_64bit(skb, MNCSE_KA_SESSION_ID, s->id, MNCSE_KA_PAD) ||
	    nla_put_u32(skb, MNCSE_KA_SOCKET_ID, s->peer.socket_id) ||
	    nla_put(skb, MNCSE_KA_PEER_ADDR, addr_len, s->peer.addr) ||
	    nla_put_be16(skb, MNCSE_KA_PEER_PORT, s->peer.port) ||
	    (s->has_local && nla_put(skb, MNCSE_KA_LOCAL_ADDR, addr_len, s->local)) ||
	    nla_put_u16(skb, MNCSE_KA_SUITE, s->suite->number) ||
	    (group && nla_put_u32(skb, MNCSE_KA_GROUP_ID, group->id)) ||
	    nla_put_u64_64bit(skb, MNCSE_KA_IDLE_MS,
			      jiffies_to_msecs(jiffies - READ_ONCE(s->active)), MNCSE_KA_PAD) ||
	    nla_put_u64_64bit(skb, MNCSE_KA_RX_RECORDS, atomic64_read(&s->rx_records),
			      MNCSE_KA_PAD) ||
	    nla_put_u64_64bit(skb, MNCSE_KA_TX_RECORDS, atomic64_read(&s->tx_records),
			      MNCSE_KA_PAD))
		return -EMSGSIZE;
	return mnk_nl_put_client(skb, s) ?: put_slots(skb, s);
}

int mnk_nl_session_get(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing");
	struct mnk_session *s;
	struct sk_buff *answer;
	void *header;
	int err = -ENOENT;

	if (!id)
		return -EINVAL;
	answer = mnk_nl_answer(info, MNCSE_KCMD_SESSION, MNK_NL_SESSION_SIZE, &header);
	if (!answer)
		return -ENOMEM;
	mutex_lock(&n->lock);
	s = mnk_session_find(n, nla_get_u64(id));
	if (s)
		err = mnk_nl_put_session(answer, s);
	mutex_unlock(&n->lock);
	if (err) {
		nlmsg_free(answer);
		return err == -ENOENT ? mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, err,
						      "there is no such session") :
					err;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

/* args[0]: the id to go on from. args[1]: the dump is complete. What came or went since the first part shows as NLM_F_DUMP_INTR. */
int mnk_nl_dump(struct sk_buff *skb, struct netlink_callback *cb, struct xarray *table, u8 cmd,
		int (*put)(struct sk_buff *skb, void *entry))
{
	struct mnk_net *n = mnk_net(sock_net(skb->sk));
	unsigned long id;
	void *entry, *header;

	mutex_lock(&n->lock);
	cb->seq = n->generation;
	if (cb->args[1])
		goto out;
	xa_for_each_start(table, id, entry, cb->args[0])
	{
		header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				     &mnk_family, NLM_F_MULTI, cmd);
		if (!header || put(skb, entry)) {
			if (header)
				genlmsg_cancel(skb, header);
			cb->args[0] = id;
			goto out;
		}
		genl_dump_check_consistent(cb, header);
		genlmsg_end(skb, header);
	}
	cb->args[1] = 1;
out:
	mutex_unlock(&n->lock);
	return skb->len;
}

static int put_session(struct sk_buff *skb, void *entry)
{
	return mnk_nl_put_session(skb, entry);
}

int mnk_nl_session_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return mnk_nl_dump(skb, cb, &mnk_net(sock_net(skb->sk))->sessions, MNCSE_KCMD_SESSION,
			   put_session);
}

static int put_group(struct sk_buff *skb, void *entry)
{
	struct mnk_group *g = entry;

	return nla_put_u32(skb, MNCSE_KA_GROUP_ID, g->id) ?:
		       nla_put_u32(skb, MNCSE_KA_MEMBERS, g->n_members);
}

int mnk_nl_group_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return mnk_nl_dump(skb, cb, &mnk_net(sock_net(skb->sk))->groups, MNCSE_KCMD_GROUP,
			   put_group);
}

/* ---- counters and limits ---- */

static int put_stat(struct sk_buff *skb, struct netlink_callback *cb, const char *name, u64 value)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &mnk_family,
				   NLM_F_MULTI, MNCSE_CMD_STAT);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_string(skb, MNCSE_A_NAME, name) ||
	    nla_put_u64_64bit(skb, MNCSE_A_VALUE, value, MNCSE_KA_PAD)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int mnk_nl_stats_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mnk_net *n = mnk_net(sock_net(skb->sk));
	const struct {
		const char *name;
		u64 value;
	} gauges[] = {
		{ "kernel.sessions", READ_ONCE(n->n_sessions) },
		{ "kernel.groups", READ_ONCE(n->n_groups) },
		{ "kernel.carry_open", READ_ONCE(n->carry.n_exchanges) },
		{ "kernel.carry_replies", READ_ONCE(n->carry.n_replies) },
		{ "kernel.carry_bytes", READ_ONCE(n->carry.bytes) },
	};
	long at;

	for (at = cb->args[0]; at < __MNK_COUNTERS_MAX + (int)ARRAY_SIZE(gauges); at++) {
		int err, gauge = at - __MNK_COUNTERS_MAX;

		if (gauge >= 0)
			err = put_stat(skb, cb, gauges[gauge].name, gauges[gauge].value);
		else
			err = put_stat(skb, cb, mnk_counter_name(at), mnk_counter_read(n, at));
		if (err)
			break;
	}
	cb->args[0] = at;
	return skb->len;
}

int mnk_nl_limits_get(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct mnk_limits l;
	struct sk_buff *answer;
	void *header;

	answer = mnk_nl_answer(info, MNCSE_KCMD_LIMITS, 6 * nla_total_size(4), &header);
	if (!answer)
		return -ENOMEM;
	mutex_lock(&n->lock);
	l = n->limits;
	mutex_unlock(&n->lock);
	if (nla_put_u32(answer, MNCSE_KA_SESSIONS_MAX, l.sessions) ||
	    nla_put_u32(answer, MNCSE_KA_GROUPS_MAX, l.groups) ||
	    nla_put_u32(answer, MNCSE_KA_INFLIGHT_MAX, l.inflight) ||
	    nla_put_u32(answer, MNCSE_KA_CARRY_BYTES_MAX, l.carry_bytes) ||
	    nla_put_u32(answer, MNCSE_KA_FAILURES, l.failures) ||
	    nla_put_u32(answer, MNCSE_KA_IDLE_MAX_MS, l.idle_ms)) {
		nlmsg_free(answer);
		return -EMSGSIZE;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

static void take(struct genl_info *info, int attr, u32 *to)
{
	if (info->attrs[attr])
		WRITE_ONCE(*to, nla_get_u32(info->attrs[attr]));
}

/* A limit below what there is takes nothing away. */
int mnk_nl_limits_set(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));

	mutex_lock(&n->lock);
	take(info, MNCSE_KA_SESSIONS_MAX, &n->limits.sessions);
	take(info, MNCSE_KA_GROUPS_MAX, &n->limits.groups);
	take(info, MNCSE_KA_INFLIGHT_MAX, &n->limits.inflight);
	take(info, MNCSE_KA_CARRY_BYTES_MAX, &n->limits.carry_bytes);
	take(info, MNCSE_KA_FAILURES, &n->limits.failures);
	take(info, MNCSE_KA_IDLE_MAX_MS, &n->limits.idle_ms);
	mutex_unlock(&n->lock);
	if (info->attrs[MNCSE_KA_IDLE_MAX_MS])
		mnk_idle_start(n);
	return 0;
}
