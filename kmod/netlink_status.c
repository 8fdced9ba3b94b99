// SPDX-License-Identifier: GPL-2.0-or-later
/* What mncsectl shows of anybody who speaks mncse.h. */
#include <linux/utsname.h>
#include <net/sock.h>

#include "keyslot.h"
#include "net.h"
#include "netlink.h"
#include "outer.h"

enum { TEXT = 160 };

/* net->lock. Outer hops that have a session. */
static unsigned int hops_up(struct mnk_net *n)
{
	struct mnk_outer *o;
	unsigned int up = 0;
	unsigned long id;

	xa_for_each(&n->outers, id, o) if (READ_ONCE(o->session)) up++;
	return up;
}

int mnk_nl_status_get(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct sk_buff *answer;
	u32 sessions, groups;
	bool up, any;
	void *header;

	answer = mnk_nl_answer(info, MNCSE_CMD_STATUS, 128 + __NEW_UTS_LEN, &header);
	if (!answer)
		return -ENOMEM;
	mutex_lock(&n->lock);
	sessions = n->n_sessions;
	groups = n->n_groups;
	any = n->n_outers;
	up = hops_up(n);
	mutex_unlock(&n->lock);
	if (nla_put_string(answer, MNCSE_A_ROLE, "kernel") ||
	    nla_put_string(answer, MNCSE_A_VERSION, init_utsname()->release) ||
	    nla_put_u64_64bit(answer, MNCSE_A_UPTIME_MS, jiffies_to_msecs(jiffies - n->since),
			      MNCSE_KA_PAD) ||
	    nla_put_u64_64bit(answer, MNCSE_A_SESSIONS, sessions, MNCSE_KA_PAD) ||
	    nla_put_u32(answer, MNCSE_A_GROUPS, groups) ||
	    (any && nla_put_string(answer, MNCSE_A_UPSTREAM, up ? "up" : "down"))) {
		nlmsg_free(answer);
		return -EMSGSIZE;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

static int put_layer(struct sk_buff *skb, struct netlink_callback *cb, const char *name,
		     const char *reason, const char *text)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &mnk_family,
				   NLM_F_MULTI, MNCSE_CMD_LAYERS);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_string(skb, MNCSE_A_LAYER, name) || nla_put_u8(skb, MNCSE_A_ACTIVE, !reason) ||
	    (reason && nla_put_string(skb, MNCSE_A_REASON, reason)) ||
	    nla_put_string(skb, MNCSE_A_TEXT, text)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int mnk_nl_layers_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mnk_net *n = mnk_net(sock_net(skb->sk));
	unsigned int up, all;
	char text[TEXT];

	if (cb->args[0])
		return 0;
	mutex_lock(&n->lock);
	up = hops_up(n);
	all = n->n_outers;
	mutex_unlock(&n->lock);
	snprintf(text, sizeof(text), "mncse.ko on %s: %s, %s", init_utsname()->release,
		 mnk_cipher_driver(MNK_GCM), mnk_cipher_driver(MNK_CCM));
	if (put_layer(skb, cb, "offload", NULL, text))
		return -EMSGSIZE;
	snprintf(text, sizeof(text), "%u of %u outer hops have a session", up, all);
	if (put_layer(skb, cb, "carry",
		      up  ? NULL :
		      all ? "no outer hop has a session" :
			    "there is no outer hop",
		      text))
		return -EMSGSIZE;
	cb->args[0] = 1;
	return skb->len;
}
