// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/slab.h>

#include "group.h"
#include "net.h"
#include "netlink.h"
#include "record.h"
#include "session.h"

int mnk_nl_group_add(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_GROUP_ID, "GROUP_ID is missing");
	int err;

	if (!id)
		return -EINVAL;
	mutex_lock(&n->lock);
	err = mnk_group_add(n, nla_get_u32(id));
	mutex_unlock(&n->lock);
	if (err == -EEXIST)
		mnk_nl_refuse(info, MNCSE_KA_GROUP_ID, err, "there is a group of that GROUP_ID");
	else if (err == -ENOSPC)
		mnk_nl_refuse(info, 0, err, "GROUPS_MAX is reached");
	return err;
}

int mnk_nl_group_del(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_GROUP_ID, "GROUP_ID is missing");
	struct mnk_group *g;

	if (!id)
		return -EINVAL;
	mutex_lock(&n->lock);
	g = mnk_group_find(n, nla_get_u32(id));
	if (g)
		mnk_group_del(n, g);
	mutex_unlock(&n->lock);
	return g ? 0 : mnk_nl_refuse(info, MNCSE_KA_GROUP_ID, -ENOENT, "there is no such group");
}

static const char *failure(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no such session";
	case -ENOKEY:
		return "the session has no key that seals";
	case -ERANGE:
		return "the key has sealed all the records that it may";
	case -ENOBUFS:
		return "the socket's send buffer is full";
	case -EBUSY:
		return "INFLIGHT_MAX is reached";
	default:
		return "the record could not be sent";
	}
}

int mnk_nl_send(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing");
	struct nlattr *content, *payload;
	struct mnk_session *s;
	int err = -ENOENT;

	if (!id)
		return -EINVAL;
	content = mnk_nl_need(info, MNCSE_KA_CONTENT, "CONTENT is missing");
	if (!content)
		return -EINVAL;
	payload = mnk_nl_need(info, MNCSE_KA_PAYLOAD, "PAYLOAD is missing");
	if (!payload)
		return -EINVAL;
	local_bh_disable();
	rcu_read_lock();
	s = mnk_session_find(n, nla_get_u64(id));
	if (s)
		err = mnk_record_send(s, nla_get_u8(content), nla_data(payload), nla_len(payload),
				      NULL);
	rcu_read_unlock();
	local_bh_enable();
	return err ? mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, err, failure(err)) : 0;
}

static int put_failure(struct sk_buff *skb, const struct mnk_failure *f)
{
	struct nlattr *nest = nla_nest_start(skb, MNCSE_KA_FAILURE);

	if (!nest ||
	    nla_put_u64_64bit(skb, MNCSE_FAILURE_SESSION_ID, f->session_id, MNCSE_FAILURE_PAD) ||
	    nla_put_s32(skb, MNCSE_FAILURE_ERROR, f->error))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int answer_fanout(struct genl_info *info, const struct mnk_fanout *f)
{
	size_t each = nla_total_size(nla_total_size_64bit(8) + nla_total_size(4));
	struct sk_buff *answer;
	void *header;
	int err;

	answer = mnk_nl_answer(info, MNCSE_KCMD_FANOUT_DONE,
			       2 * nla_total_size(4) + f->n_failures * each, &header);
	if (!answer)
		return -ENOMEM;
	err = nla_put_u32(answer, MNCSE_KA_SENT, f->sent) ?:
		      nla_put_u32(answer, MNCSE_KA_FAILED, f->failed);
	for (u32 i = 0; !err && i < f->n_failures; i++)
		err = put_failure(answer, &f->failures[i]);
	if (err) {
		nlmsg_free(answer);
		return err;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

int mnk_nl_fanout(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_GROUP_ID, "GROUP_ID is missing");
	struct nlattr *content, *payload;
	struct mnk_fanout *f;
	struct mnk_group *g;
	int err;

	if (!id)
		return -EINVAL;
	content = mnk_nl_need(info, MNCSE_KA_CONTENT, "CONTENT is missing");
	if (!content)
		return -EINVAL;
	payload = mnk_nl_need(info, MNCSE_KA_PAYLOAD, "PAYLOAD is missing");
	if (!payload)
		return -EINVAL;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	mutex_lock(&n->lock);
	g = mnk_group_find(n, nla_get_u32(id));
	if (g)
		mnk_group_get(g);
	mutex_unlock(&n->lock);
	if (!g) {
		err = mnk_nl_refuse(info, MNCSE_KA_GROUP_ID, -ENOENT, "there is no such group");
		goto free;
	}
	mnk_count(n, MNK_FANOUTS);
	err = mnk_group_fanout(g, nla_get_u8(content), nla_data(payload), nla_len(payload), f);
	mnk_group_put(g);
	if (!err)
		err = answer_fanout(info, f);
free:
	kfree(f);
	return err;
}
