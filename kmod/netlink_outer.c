// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"
#include "netlink.h"
#include "outer.h"
#include "session.h"

/* ---- clients ---- */

/* net->lock */
static int read_client(struct mnk_net *n, struct genl_info *info, struct mnk_client_config *c)
{
	struct nlattr *outer = info->attrs[MNCSE_KA_OUTER_ID];

	if (outer && nla_get_u32(outer)) {
		c->outer = mnk_outer_find(n, nla_get_u32(outer));
		if (!c->outer)
			return mnk_nl_refuse(info, MNCSE_KA_OUTER_ID, -ENOENT,
					     "there is no such outer hop");
	}
	c->has_outer = outer;
	if (info->attrs[MNCSE_KA_KID])
		c->kid = nla_data(info->attrs[MNCSE_KA_KID]);
	if (info->attrs[MNCSE_KA_GENERATION]) {
		c->has_generation = true;
		c->generation = nla_get_u32(info->attrs[MNCSE_KA_GENERATION]);
	}
	return 0;
}

int mnk_nl_client(struct mnk_net *n, struct genl_info *info, struct mnk_session *s)
{
	struct mnk_client_config c = {};
	int err = read_client(n, info, &c);

	if (err || (!c.has_outer && !c.kid && !c.has_generation))
		return err;
	if (s->outer)
		return mnk_nl_refuse(info, MNCSE_KA_OUTER_ID, -EINVAL,
				     "the session is itself one to an IN");
	if (!c.has_outer && !s->client)
		return mnk_nl_refuse(info, 0, -EINVAL, "the session has no OUTER_ID");
	if (c.outer && !c.kid && !s->client)
		return mnk_nl_refuse(info, MNCSE_KA_OUTER_ID, -EINVAL,
				     "OUTER_ID wants the device's KID");
	return mnk_client_set(s, &c);
}

int mnk_nl_put_client(struct sk_buff *skb, struct mnk_session *s)
{
	struct mnk_client *c = s->client;
	struct mnk_client now;
	u32 outer = 0;

	if (!c)
		return 0;
	spin_lock_bh(&s->net->carry.lock);
	now = *c;
	if (c->outer)
		outer = c->outer->id;
	spin_unlock_bh(&s->net->carry.lock);
	if (!outer)
		return 0;
	return nla_put_u32(skb, MNCSE_KA_OUTER_ID, outer)                                   ?:
		       nla_put(skb, MNCSE_KA_KID, MNK_KID_LEN, now.kid)                     ?:
		       nla_put_u32(skb, MNCSE_KA_GENERATION, now.generation)                ?:
		       nla_put_u64_64bit(skb, MNCSE_KA_CARRIED, now.requests, MNCSE_KA_PAD) ?:
		       nla_put_u64_64bit(skb, MNCSE_KA_ANSWERED, now.answers, MNCSE_KA_PAD);
}

/* ---- outer hops ---- */

static void take(struct genl_info *info, int attr, u32 *to)
{
	if (info->attrs[attr])
		*to = nla_get_u32(info->attrs[attr]);
}

static const char *session_failure(int err)
{
	switch (err) {
	case -EBUSY:
		return "the session is another outer hop's";
	case -EINVAL:
		return "requests of that session are carried: it is none to an IN";
	default:
		return "there is no such session";
	}
}

/* net->lock */
static int set_session(struct mnk_net *n, struct genl_info *info, struct mnk_outer *o)
{
	struct nlattr *a = info->attrs[MNCSE_KA_SESSION_ID];
	struct mnk_session *s = NULL;
	int err;

	if (!a)
		return 0;
	if (nla_get_u64(a)) {
		s = nla_get_u64(a) > ULONG_MAX ? NULL : mnk_session_find(n, nla_get_u64(a));
		if (!s)
			return mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, -ENOENT,
					     session_failure(-ENOENT));
	}
	err = mnk_outer_set_session(o, s);
	return err ? mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, err, session_failure(err)) : 0;
}

int mnk_nl_outer_set(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_OUTER_ID, "OUTER_ID is missing");
	struct mnk_outer_limits l;
	struct mnk_outer *o;
	bool is_new;
	int err;

	if (!id)
		return -EINVAL;
	mutex_lock(&n->lock);
	is_new = !mnk_outer_find(n, nla_get_u32(id));
	err = mnk_outer_make(n, nla_get_u32(id), &o);
	if (err) {
		if (err == -ENOSPC)
			mnk_nl_refuse(info, MNCSE_KA_OUTER_ID, err, "there are 64 outer hops");
		goto out;
	}
	err = set_session(n, info, o);
	if (err) {
		if (is_new)
			mnk_outer_del(o);
		goto out;
	}
	mnk_outer_get_limits(o, &l);
	take(info, MNCSE_KA_PENDING_MAX, &l.pending);
	take(info, MNCSE_KA_RATE, &l.rate);
	take(info, MNCSE_KA_DEVICE_RATE, &l.device_rate);
	take(info, MNCSE_KA_MESSAGE_MAX, &l.message);
	take(info, MNCSE_KA_MAX_AGE, &l.max_age);
	mnk_outer_set_limits(o, &l);
out:
	mutex_unlock(&n->lock);
	return err;
}

int mnk_nl_outer_del(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id = mnk_nl_need(info, MNCSE_KA_OUTER_ID, "OUTER_ID is missing");
	struct mnk_outer *o;

	if (!id)
		return -EINVAL;
	mutex_lock(&n->lock);
	o = mnk_outer_find(n, nla_get_u32(id));
	if (o)
		mnk_outer_del(o);
	mutex_unlock(&n->lock);
	return o ? 0 :
		   mnk_nl_refuse(info, MNCSE_KA_OUTER_ID, -ENOENT, "there is no such outer hop");
}

static int put_outer(struct sk_buff *skb, void *entry)
{
	struct mnk_outer *o = entry, now;
	u64 session;

	spin_lock_bh(&o->net->carry.lock);
	now = *o;
	session = o->session ? o->session->id : 0;
	spin_unlock_bh(&o->net->carry.lock);
	return nla_put_u32(skb, MNCSE_KA_OUTER_ID, now.id)                                  ?:
		       nla_put_u64_64bit(skb, MNCSE_KA_SESSION_ID, session, MNCSE_KA_PAD)   ?:
		       nla_put_u32(skb, MNCSE_KA_PENDING, now.n_pending)                    ?:
		       nla_put_u64_64bit(skb, MNCSE_KA_CARRIED, now.requests, MNCSE_KA_PAD) ?:
		       nla_put_u64_64bit(skb, MNCSE_KA_ANSWERED, now.answers, MNCSE_KA_PAD) ?:
		       nla_put_u32(skb, MNCSE_KA_PENDING_MAX, now.limits.pending)           ?:
		       nla_put_u32(skb, MNCSE_KA_RATE, now.limits.rate)                     ?:
		       nla_put_u32(skb, MNCSE_KA_DEVICE_RATE, now.limits.device_rate)       ?:
		       nla_put_u32(skb, MNCSE_KA_MESSAGE_MAX, now.limits.message)           ?:
		       nla_put_u32(skb, MNCSE_KA_MAX_AGE, now.limits.max_age);
}

int mnk_nl_outer_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return mnk_nl_dump(skb, cb, &mnk_net(sock_net(skb->sk))->outers, MNCSE_KCMD_OUTER,
			   put_outer);
}
