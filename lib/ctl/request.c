// SPDX-License-Identifier: GPL-2.0-or-later
/* One request: checks before the handler sees it, the answers, the message that ends it. */
#include "ctl/server.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

#define QUEUED_MAX (64u << 20)

static const struct mn_ctl_command *find_command(const struct mn_ctl_server *s, enum mncse_cmd cmd)
{
	for (size_t i = 0; i < s->n_commands; i++)
		if (s->commands[i].cmd == cmd)
			return &s->commands[i];
	return NULL;
}

static bool in_list(const uint8_t *list, int attr)
{
	for (; list && *list; list++)
		if (*list == attr)
			return true;
	return false;
}

static int check_attrs(struct mn_ctl_request *r, const struct mn_ctl_command *c,
		       struct nlattr **attrs)
{
	for (int a = 1; a <= MNCSE_A_MAX; a++) {
		if (!attrs[a] || in_list(c->required, a) || in_list(c->allowed, a))
			continue;
		r->offset = mn_ctl_offset(attrs, attrs[a]);
		return mn_ctl_fail(r, -EINVAL, "%s: not taken by this command",
				   mn_ctl_attr_name(a));
	}
	for (const uint8_t *a = c->required; a && *a; a++)
		if (!attrs[*a])
			return mn_ctl_fail(r, -EINVAL, "%s: missing", mn_ctl_attr_name(*a));
	return 0;
}

static int check_command(struct mn_ctl_request *r, enum mncse_cmd cmd,
			 const struct mn_ctl_command **out, struct nlattr **attrs)
{
	const struct mn_ctl_command *c = find_command(r->server, cmd);

	if (!mn_ctl_is_request(cmd))
		return mn_ctl_fail(r, -EINVAL, "this is an answer, not a request");
	if (!c)
		return mn_ctl_fail(r, -EOPNOTSUPP, "this program does not have that command");
	if (c->dump != r->dump)
		return mn_ctl_fail(r, -EINVAL, "%s",
				   c->dump ? "this command needs NLM_F_DUMP" :
					     "this command does not take NLM_F_DUMP");
	if (c->change && !r->peer->may_change)
		return mn_ctl_fail(r, -EPERM,
				   "changes are for root, the daemon's own user and the members "
				   "of group mncse");
	*out = c;
	return check_attrs(r, c, attrs);
}

/* Everything up to the handler's return. Returns its result or the refusal. */
static int run(struct mn_ctl_request *r, size_t len)
{
	struct nlattr *attrs[MNCSE_A_MAX + 1];
	const struct mn_ctl_command *c = NULL;
	struct mn_ctl_fault fault;
	enum mncse_cmd cmd;
	int err;

	err = mn_ctl_check(r->server->buffer, len, &cmd, attrs, &fault);
	if (err) {
		r->offset = fault.offset;
		if (fault.attr)
			return mn_ctl_fail(r, err, "%s: %s", mn_ctl_attr_name(fault.attr),
					   fault.text);
		return mn_ctl_fail(r, err, "%s", fault.text);
	}
	err = check_command(r, cmd, &c, attrs);
	if (err)
		return err;
	r->running = true;
	err = c->fn(r->server->arg, r, attrs);
	r->running = false;
	return err;
}

/* Queues the last message and frees r. */
static int end(struct mn_ctl_request *r, int err)
{
	struct mn_ctl_peer *p = r->peer;
	struct nl_msg *msg = NULL;
	int ret = 0;

	if (r->err)
		err = r->err;
	if (err > 0)
		err = -EPROTO;
	if (p) {
		p->request = NULL;
		msg = mn_ctl_end_new(&r->head, r->dump, err, r->offset,
				     r->text[0] ? r->text : NULL);
		ret = msg ? mn_ctl_peer_queue(p, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len) :
			    -ENOMEM;
		nlmsg_free(msg);
	}
	free(r);
	return ret;
}

int mn_ctl_request_handle(struct mn_ctl_peer *p, size_t len)
{
	struct mn_ctl_server *s = p->server;
	struct mn_ctl_request *r = calloc(1, sizeof(*r));
	size_t here = len < sizeof(s->buffer) ? len : sizeof(s->buffer);
	int err;

	if (!r)
		return -ENOMEM;
	r->server = s;
	r->peer = p;
	p->request = r;
	memcpy(&r->head, s->buffer, here < sizeof(r->head) ? here : sizeof(r->head));
	r->dump = (r->head.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	err = run(r, len);
	mn_zero(s->buffer, here); /* it may have held a key */
	if (err == MN_CTL_LATER && !r->finished)
		return 0;
	return end(r, r->finished ? r->err : err);
}

void mn_ctl_request_orphan(struct mn_ctl_request *r)
{
	r->peer->request = NULL;
	r->peer = NULL;
	r->server = NULL;
}

struct nl_msg *mn_ctl_message(struct mn_ctl_request *r, enum mncse_cmd cmd)
{
	bool large = cmd == MNCSE_CMD_STATUS || cmd == MNCSE_CMD_CONFIG;
	struct nl_msg *msg = nlmsg_alloc_size(large ? MN_CTL_MESSAGE_MAX : 4096);

	if (msg && !genlmsg_put(msg, r->head.nlmsg_pid, r->head.nlmsg_seq, MNCSE_UNIX_TYPE, 0,
				r->dump ? NLM_F_MULTI : 0, cmd, MNCSE_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int check_answer(struct mn_ctl_request *r, const struct nlmsghdr *h)
{
	struct nlattr *attrs[MNCSE_A_MAX + 1];
	struct mn_ctl_fault fault;
	enum mncse_cmd cmd;
	int err = mn_ctl_check(h, h->nlmsg_len, &cmd, attrs, &fault);

	if (!err && !mn_ctl_is_request(cmd))
		return 0;
	mn_error("control socket: an answer of ours breaks the policy: %s: %s",
		 mn_ctl_attr_name(fault.attr), err ? fault.text : "not an answer");
	return mn_ctl_fail(r, -EPROTO, "answer breaks the policy: %s: %s",
			   mn_ctl_attr_name(fault.attr), err ? fault.text : "not an answer");
}

static int queue_answer(struct mn_ctl_request *r, struct nl_msg *msg)
{
	const struct nlmsghdr *h;
	int err;

	if (!msg)
		return -ENOMEM;
	if (!r->peer)
		return -EPIPE;
	h = nlmsg_hdr(msg);
	err = check_answer(r, h);
	if (err)
		return err;
	if (r->server->queued + h->nlmsg_len > QUEUED_MAX)
		return mn_ctl_fail(r, -ENOBUFS,
				   "more than 64 MiB of answers wait to be read: ask for less");
	return mn_ctl_peer_queue(r->peer, h, h->nlmsg_len);
}

int mn_ctl_answer(struct mn_ctl_request *r, struct nl_msg *msg)
{
	int err = queue_answer(r, msg);

	nlmsg_free(msg);
	if (err && !r->err)
		r->err = err;
	return err;
}

int mn_ctl_fail(struct mn_ctl_request *r, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return err;
}

void mn_ctl_finish(struct mn_ctl_request *r, int err)
{
	struct mn_ctl_peer *p = r->peer;

	if (r->running) {
		r->finished = true;
		if (!r->err)
			r->err = err;
		return;
	}
	/* Without memory for the end the peer is not left waiting for it: go_on sees the closed socket. */
	if (end(r, err))
		shutdown(p->fd, SHUT_RDWR);
	if (p)
		mn_ctl_peer_go_on(p);
}
