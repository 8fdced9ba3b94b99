// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"
#include "keyslot.h"
#include "net.h"
#include "netlink.h"
#include "session.h"
#include "udp.h"

int mnk_nl_socket_add(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *fd = mnk_nl_need(info, MNCSE_KA_FD, "which socket? FD is missing");
	struct sk_buff *answer;
	void *header;
	u32 id;
	int err;

	if (!fd)
		return -EINVAL;
	answer = mnk_nl_answer(info, MNCSE_KCMD_SOCKET, nla_total_size(4), &header);
	if (!answer)
		return -ENOMEM;
	err = mnk_socket_attach(n, nla_get_u32(fd), &id, info->extack);
	if (err) {
		if (info->extack)
			NL_SET_BAD_ATTR(info->extack, fd);
		nlmsg_free(answer);
		return err;
	}
	/* There is room: it was made for this. */
	nla_put_u32(answer, MNCSE_KA_SOCKET_ID, id);
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

int mnk_nl_socket_del(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct nlattr *id =
		mnk_nl_need(info, MNCSE_KA_SOCKET_ID, "which socket? SOCKET_ID is missing");

	if (!id)
		return -EINVAL;
	if (mnk_socket_detach(n, nla_get_u32(id)))
		return mnk_nl_refuse(info, MNCSE_KA_SOCKET_ID, -ENOENT, "there is no such socket");
	return 0;
}

/* ---- keys ---- */

/* The bytes do not stay in the message. */
static void wipe_key(struct genl_info *info)
{
	struct nlattr *a = info->attrs[MNCSE_KA_KEY];

	if (a)
		memzero_explicit(nla_data(a), nla_len(a));
}

static u64 u64_or(struct nlattr *const *tb, int attr, u64 otherwise)
{
	return tb[attr] ? nla_get_u64(tb[attr]) : otherwise;
}

static int read_key(struct genl_info *info, struct mnk_key_config *out)
{
	static const int needed[] = { MNCSE_KEY_EPOCH, MNCSE_KEY_WRITE, MNCSE_KEY_WRITE_IV,
				      MNCSE_KEY_READ, MNCSE_KEY_READ_IV };
	struct nlattr *tb[MNCSE_KEY_MAX + 1];
	struct nlattr *nest = mnk_nl_need(info, MNCSE_KA_KEY, "KEY is missing");
	int err;

	if (!nest)
		return -EINVAL;
	/* The policy of KEY was applied with that of the message. */
	err = nla_parse_nested(tb, MNCSE_KEY_MAX, nest, NULL, info->extack);
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!tb[needed[i]]) {
			if (info->extack)
				NL_SET_ERR_ATTR_MISS(info->extack, nest, needed[i]);
			return mnk_nl_refuse(
				info, MNCSE_KA_KEY, -EINVAL,
				"KEY lacks one of EPOCH, WRITE, WRITE_IV, READ, READ_IV");
		}
	memset(out, 0, sizeof(*out));
	out->epoch = nla_get_u16(tb[MNCSE_KEY_EPOCH]);
	memcpy(out->write, nla_data(tb[MNCSE_KEY_WRITE]), MNK_KEY_LEN);
	memcpy(out->read, nla_data(tb[MNCSE_KEY_READ]), MNK_KEY_LEN);
	memcpy(out->write_iv, nla_data(tb[MNCSE_KEY_WRITE_IV]), MNK_SALT_LEN);
	memcpy(out->read_iv, nla_data(tb[MNCSE_KEY_READ_IV]), MNK_SALT_LEN);
	out->write_sequence = u64_or(tb, MNCSE_KEY_WRITE_SEQUENCE, 0);
	out->replay.next = u64_or(tb, MNCSE_KEY_REPLAY_NEXT, 0);
	out->replay.seen = u64_or(tb, MNCSE_KEY_REPLAY_SEEN, 0);
	out->records_max = u64_or(tb, MNCSE_KEY_RECORDS_MAX, MNCSE_SEQUENCE_MAX + 1);
	return 0;
}

static int new_key(struct genl_info *info, const struct mnk_suite *suite, struct mnk_key **out)
{
	struct mnk_key_config c;
	int err = read_key(info, &c);

	if (!err) {
		err = mnk_key_new(suite, &c, out);
		if (err)
			mnk_nl_refuse(info, MNCSE_KA_KEY, err, "the kernel does not take the key");
	}
	memzero_explicit(&c, sizeof(c));
	return err;
}

/* ---- sessions ---- */

static int read_address(struct genl_info *info, int attr, u16 *family, u8 addr[16])
{
	struct nlattr *a = info->attrs[attr];

	if (nla_len(a) != 4 && nla_len(a) != 16)
		return mnk_nl_refuse(info, attr, -EINVAL, "an address has 4 or 16 bytes");
	if (nla_len(a) == 16 && ipv6_addr_v4mapped(nla_data(a)))
		return mnk_nl_refuse(info, attr, -EINVAL, "an IPv4 address has 4 bytes");
	*family = nla_len(a) == 4 ? AF_INET : AF_INET6;
	memset(addr, 0, 16);
	memcpy(addr, nla_data(a), nla_len(a));
	return 0;
}

static int read_session(struct genl_info *info, struct mnk_session_config *c)
{
	u16 family;
	int err;

	if (!mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_SOCKET_ID, "SOCKET_ID is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_PEER_ADDR, "PEER_ADDR is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_PEER_PORT, "PEER_PORT is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_SUITE, "SUITE is missing"))
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	c->id = nla_get_u64(info->attrs[MNCSE_KA_SESSION_ID]);
	if (c->id > ULONG_MAX)
		return mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, -ERANGE,
				     "SESSION_ID is out of range");
	c->peer.socket_id = nla_get_u32(info->attrs[MNCSE_KA_SOCKET_ID]);
	c->peer.port = nla_get_be16(info->attrs[MNCSE_KA_PEER_PORT]);
	if (!c->peer.port)
		return mnk_nl_refuse(info, MNCSE_KA_PEER_PORT, -EINVAL, "PEER_PORT is 0");
	err = read_address(info, MNCSE_KA_PEER_ADDR, &c->peer.family, c->peer.addr);
	if (err)
		return err;
	if (info->attrs[MNCSE_KA_LOCAL_ADDR]) {
		err = read_address(info, MNCSE_KA_LOCAL_ADDR, &family, c->local);
		if (err)
			return err;
		if (family != c->peer.family)
			return mnk_nl_refuse(info, MNCSE_KA_LOCAL_ADDR, -EINVAL,
					     "LOCAL_ADDR and PEER_ADDR are of different families");
		c->has_local = true;
	}
	c->suite = mnk_suite_find(nla_get_u16(info->attrs[MNCSE_KA_SUITE]));
	if (!c->suite)
		return mnk_nl_refuse(info, MNCSE_KA_SUITE, -EOPNOTSUPP,
				     "SUITE is none that the module has");
	return 0;
}

/* net->lock. NULL in *out: the attribute is absent, or 0 where that is allowed. */
static int find_group(struct mnk_net *n, struct genl_info *info, struct mnk_group **out)
{
	struct nlattr *a = info->attrs[MNCSE_KA_GROUP_ID];

	*out = NULL;
	if (!a || !nla_get_u32(a))
		return 0;
	*out = mnk_group_find(n, nla_get_u32(a));
	if (!*out)
		return mnk_nl_refuse(info, MNCSE_KA_GROUP_ID, -ENOENT, "there is no such group");
	return 0;
}

/* net->lock. The key is the session's, or still the caller's when this fails. */
static int add(struct mnk_net *n, struct genl_info *info, const struct mnk_session_config *c,
	       struct mnk_key *key)
{
	struct mnk_socket *socket = mnk_socket_find(n, c->peer.socket_id);
	struct mnk_group *group;
	struct mnk_session *s;
	int err;

	if (!socket)
		return mnk_nl_refuse(info, MNCSE_KA_SOCKET_ID, -ENOENT, "there is no such socket");
	if (socket->sk->sk_family == AF_INET && c->peer.family != AF_INET)
		return mnk_nl_refuse(info, MNCSE_KA_PEER_ADDR, -EAFNOSUPPORT,
				     "an IPv4 socket has no IPv6 peers");
	err = find_group(n, info, &group);
	if (err)
		return err;
	err = mnk_session_add(n, socket, c, key);
	switch (err) {
	case 0:
		break;
	case -EEXIST:
		return mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, err,
				     "there is a session of that SESSION_ID");
	case -EADDRINUSE:
		return mnk_nl_refuse(info, MNCSE_KA_PEER_ADDR, err,
				     "the peer has a session at that socket");
	case -ENOSPC:
		return mnk_nl_refuse(info, 0, err, "SESSIONS_MAX is reached");
	default:
		return err;
	}
	s = mnk_session_find(n, c->id);
	err = mnk_nl_client(n, info, s) ?: mnk_group_join(s, group);
	if (err) {
		/* the caller gives its reference back */
		mnk_key_get(key);
		mnk_session_del(s);
	}
	return err;
}

int mnk_nl_session_add(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct mnk_session_config c;
	struct mnk_key *key;
	int err = read_session(info, &c);

	if (!err)
		err = new_key(info, c.suite, &key);
	wipe_key(info);
	if (err)
		return err;
	mutex_lock(&n->lock);
	err = add(n, info, &c, key);
	mutex_unlock(&n->lock);
	if (err)
		mnk_key_put(key);
	return err;
}

/* net->lock */
static struct mnk_session *find(struct mnk_net *n, struct genl_info *info)
{
	struct nlattr *a = info->attrs[MNCSE_KA_SESSION_ID];
	struct mnk_session *s = mnk_session_find(n, nla_get_u64(a));

	if (!s)
		mnk_nl_refuse(info, MNCSE_KA_SESSION_ID, -ENOENT, "there is no such session");
	return s;
}

int mnk_nl_session_set(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct mnk_session *s;
	struct mnk_group *group;
	int err = -ENOENT;

	if (!mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing"))
		return -EINVAL;
	if (!info->attrs[MNCSE_KA_OUTER_ID] && !info->attrs[MNCSE_KA_KID] &&
	    !info->attrs[MNCSE_KA_GENERATION] &&
	    !mnk_nl_need(info, MNCSE_KA_GROUP_ID,
			 "GROUP_ID, OUTER_ID, KID and GENERATION are missing: nothing to set"))
		return -EINVAL;
	mutex_lock(&n->lock);
	s = find(n, info);
	if (s) {
		err = find_group(n, info, &group) ?: mnk_nl_client(n, info, s);
		if (!err && info->attrs[MNCSE_KA_GROUP_ID])
			err = mnk_group_join(s, group);
	}
	mutex_unlock(&n->lock);
	return err;
}

int mnk_nl_session_del(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct mnk_session *s;
	struct sk_buff *answer;
	void *header;
	int err = -ENOENT;

	if (!mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing"))
		return -EINVAL;
	answer = mnk_nl_answer(info, MNCSE_KCMD_SESSION, MNK_NL_SESSION_SIZE, &header);
	if (!answer)
		return -ENOMEM;
	mutex_lock(&n->lock);
	s = find(n, info);
	if (s) {
		mnk_session_retire(s);
		err = mnk_nl_put_session(answer, s);
		mnk_session_del(s);
	}
	mutex_unlock(&n->lock);
	if (err) {
		nlmsg_free(answer);
		return err;
	}
	genlmsg_end(answer, header);
	return genlmsg_reply(answer, info);
}

int mnk_nl_key_set(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	const struct mnk_suite *suite = NULL;
	struct mnk_session *s;
	struct mnk_key *key = NULL;
	int err = -ENOENT;

	if (!mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_KEY, "KEY is missing")) {
		wipe_key(info);
		return -EINVAL;
	}
	mutex_lock(&n->lock);
	s = find(n, info);
	if (s)
		suite = s->suite;
	mutex_unlock(&n->lock);
	if (suite)
		err = new_key(info, suite, &key);
	wipe_key(info);
	if (err)
		return err;
	mutex_lock(&n->lock);
	/* Another session of that id by now may have another suite. */
	s = find(n, info);
	if (s && s->suite == suite)
		mnk_session_set_key(s, key);
	else
		err = -ENOENT;
	mutex_unlock(&n->lock);
	if (err)
		mnk_key_put(key);
	return err;
}

int mnk_nl_key_del(struct sk_buff *skb, struct genl_info *info)
{
	struct mnk_net *n = mnk_net(genl_info_net(info));
	struct mnk_session *s;
	int err = -ENOENT;

	if (!mnk_nl_need(info, MNCSE_KA_SESSION_ID, "SESSION_ID is missing") ||
	    !mnk_nl_need(info, MNCSE_KA_EPOCH, "EPOCH is missing"))
		return -EINVAL;
	mutex_lock(&n->lock);
	s = find(n, info);
	if (s) {
		err = mnk_session_del_key(s, nla_get_u16(info->attrs[MNCSE_KA_EPOCH]));
		if (err)
			mnk_nl_refuse(info, MNCSE_KA_EPOCH, err,
				      "the session has no key of that epoch");
	}
	mutex_unlock(&n->lock);
	return err;
}
