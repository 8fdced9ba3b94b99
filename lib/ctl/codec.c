// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy and the strict check of messages. libnl's nla_parse takes unknown, repeated and trailing data in
 * silence; here each is refused with a text of its own, in both directions. */
#include "ctl/codec.h"

#include <errno.h>
#include <netlink/genl/genl.h>
#include <string.h>

#define HEAD_LEN (NLMSG_HDRLEN + GENL_HDRLEN)

struct policy {
	const char *name;
	enum mn_ctl_type type;
	uint16_t min, max; /* bytes; a string's without its NUL */
};

/* clang-format off */
/* clang-format off */
#define STRING(n, most)        { .name = n, .type = MN_CTL_STRING, .max = most }
#define U8(n)                  { .name = n, .type = MN_CTL_U8, .min = 1, .max = 1 }
#define U32(n)                 { .name = n, .type = MN_CTL_U32, .min = 4, .max = 4 }
#define U64(n)                 { .name = n, .type = MN_CTL_U64, .min = 8, .max = 8 }
#define BINARY(n, least, most) { .name = n, .type = MN_CTL_BINARY, .min = least, .max = most }
/* clang-format on */

static const struct policy policies[MNCSE_A_MAX + 1] = {
	[MNCSE_A_ROLE] = STRING("role", 16),
	[MNCSE_A_NAME] = STRING("name", 255),
	[MNCSE_A_VERSION] = STRING("version", 64),
	[MNCSE_A_PID] = U32("pid"),
	[MNCSE_A_UPTIME_MS] = U64("uptime_ms"),
	[MNCSE_A_SESSIONS] = U64("sessions"),
	[MNCSE_A_HALF_OPEN] = U64("half_open"),
	[MNCSE_A_DEVICES] = U64("devices"),
	[MNCSE_A_GROUPS] = U32("groups"),
	[MNCSE_A_UPSTREAM] = STRING("upstream", 16),
	[MNCSE_A_UPSTREAM_ADDR] = STRING("upstream_addr", 64),
	[MNCSE_A_UPSTREAM_SINCE_MS] = U64("upstream_since_ms"),
	[MNCSE_A_RSS_BYTES] = U64("rss_bytes"),
	[MNCSE_A_CPU_US] = U64("cpu_us"),
	[MNCSE_A_STORE] = STRING("store", 4096),
	[MNCSE_A_LISTEN] = STRING("listen", 64),
	[MNCSE_A_LAYER] = STRING("layer", 16),
	[MNCSE_A_ACTIVE] = U8("active"),
	[MNCSE_A_REASON] = STRING("reason", 512),
	[MNCSE_A_SESSION_ID] = U64("session_id"),
	[MNCSE_A_ENTITY] = STRING("entity", 255),
	[MNCSE_A_GROUP] = STRING("group", 64),
	[MNCSE_A_GATEWAY] = STRING("gateway", 128),
	[MNCSE_A_ADDRESS] = STRING("address", 64),
	[MNCSE_A_STATE] = STRING("state", 32),
	[MNCSE_A_SUITE] = STRING("suite", 64),
	[MNCSE_A_AGE_MS] = U64("age_ms"),
	[MNCSE_A_IDLE_MS] = U64("idle_ms"),
	[MNCSE_A_HANDSHAKE_US] = U32("handshake_us"),
	[MNCSE_A_GENERATION] = U32("generation"),
	[MNCSE_A_REQUESTS] = U64("requests"),
	[MNCSE_A_ANSWERS] = U64("answers"),
	[MNCSE_A_MEMBERS] = U64("members"),
	[MNCSE_A_CONNECTED] = U64("connected"),
	[MNCSE_A_CONFIRMED] = U64("confirmed"),
	[MNCSE_A_AUTHENTICATED] = U64("authenticated"),
	[MNCSE_A_SINCE] = U64("since"),
	[MNCSE_A_KPSA_ID] = STRING("kpsa_id", 128),
	[MNCSE_A_KEY] = BINARY("key", 1, 64),
	[MNCSE_A_KID] = BINARY("kid", 7, 7),
	[MNCSE_A_USE] = STRING("use", 16),
	[MNCSE_A_VALUE] = U64("value"),
	[MNCSE_A_TEXT] = STRING("text", 60000),
};

const char *mn_ctl_attr_name(int attr)
{
	return attr > 0 && attr <= MNCSE_A_MAX ? policies[attr].name : "unknown";
}

enum mn_ctl_type mn_ctl_attr_type(int attr)
{
	return attr > 0 && attr <= MNCSE_A_MAX ? policies[attr].type : MN_CTL_BINARY;
}

static int refuse(struct mn_ctl_fault *f, int err, const char *text)
{
	f->text = text;
	return err;
}

static int check_head(const struct nlmsghdr *h, size_t len, struct mn_ctl_fault *f)
{
	const struct genlmsghdr *g;

	if (len < NLMSG_HDRLEN)
		return refuse(f, -EBADMSG, "message is shorter than its header");
	if (len > MN_CTL_MESSAGE_MAX)
		return refuse(f, -EMSGSIZE, "message is longer than 64 KiB");
	if (h->nlmsg_len < len)
		return refuse(f, -EBADMSG, "bytes follow the end that nlmsg_len says");
	if (h->nlmsg_len > len)
		return refuse(f, -EBADMSG, "message is shorter than nlmsg_len says");
	if (h->nlmsg_type != MNCSE_UNIX_TYPE)
		return refuse(f, -EBADMSG, "nlmsg_type is not 0x20");
	if (len < HEAD_LEN)
		return refuse(f, -EBADMSG, "message is shorter than its generic netlink header");
	g = (const struct genlmsghdr *)((const char *)h + NLMSG_HDRLEN);
	if (g->version != MNCSE_GENL_VERSION)
		return refuse(f, -EPROTO, "protocol version is not 1");
	if (g->reserved)
		return refuse(f, -EBADMSG, "reserved field of the generic netlink header is not 0");
	if (g->cmd == MNCSE_CMD_UNSPEC || g->cmd >= __MNCSE_CMD_MAX)
		return refuse(f, -EOPNOTSUPP, "unknown command");
	return 0;
}

static int check_flags(enum mncse_cmd cmd, unsigned int flags, struct mn_ctl_fault *f)
{
	if (!mn_ctl_is_request(cmd)) {
		if (flags & ~(unsigned int)NLM_F_MULTI)
			return refuse(f, -EBADMSG, "an answer has flags other than NLM_F_MULTI");
		return 0;
	}
	if (!(flags & NLM_F_REQUEST))
		return refuse(f, -EBADMSG, "a request without NLM_F_REQUEST");
	if (flags & ~(unsigned int)(NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP))
		return refuse(f, -EBADMSG, "a request has unknown flags");
	if ((flags & NLM_F_DUMP) && (flags & NLM_F_DUMP) != NLM_F_DUMP)
		return refuse(f, -EBADMSG, "a request has half of NLM_F_DUMP");
	return 0;
}

/* TEXT is a whole configuration: lines and tabs are its own. */
static bool has_control(int attr, const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (attr == MNCSE_A_TEXT && (s[i] == '\n' || s[i] == '\t'))
			continue;
		if (s[i] < 0x20 || s[i] == 0x7f)
			return true;
	}
	return false;
}

static int check_string(int attr, const unsigned char *s, size_t len, bool request,
			struct mn_ctl_fault *f)
{
	if (len == 0 || s[len - 1] != '\0')
		return refuse(f, -EINVAL, "string is not terminated");
	len--;
	if (memchr(s, '\0', len))
		return refuse(f, -EINVAL, "string ends before its attribute");
	if (len > policies[attr].max)
		return refuse(f, -EINVAL, "string is too long");
	/* An answer may say "none" so; a request leaves the attribute out. */
	if (len == 0 && request)
		return refuse(f, -EINVAL, "string is empty");
	if (has_control(attr, s, len))
		return refuse(f, -EINVAL, "string has control characters");
	return 0;
}

static int check_value(const struct nlattr *a, bool request, struct mn_ctl_fault *f)
{
	int attr = nla_type(a);
	const unsigned char *v = nla_data(a);
	size_t len = (size_t)nla_len(a);

	switch (policies[attr].type) {
	case MN_CTL_STRING:
		return check_string(attr, v, len, request, f);
	case MN_CTL_U8:
		if (len == 1 && *v > 1)
			return refuse(f, -EINVAL, "neither 0 nor 1");
		break;
	case MN_CTL_U32:
	case MN_CTL_U64:
	case MN_CTL_BINARY:
		break;
	}
	if (len < policies[attr].min || len > policies[attr].max)
		return refuse(f, -EINVAL, "wrong size");
	return 0;
}

static bool may_repeat(enum mncse_cmd cmd, int attr)
{
	return cmd == MNCSE_CMD_STATUS && attr == MNCSE_A_LISTEN;
}

/* One attribute; nla_ok has found its header and its length within the message. */
static int check_attr(struct nlattr *a, int room, enum mncse_cmd cmd, struct nlattr **attrs,
		      struct mn_ctl_fault *f)
{
	int attr = nla_type(a);
	int err;

	f->attr = attr;
	f->offset = mn_ctl_offset(attrs, a);
	if (a->nla_type & ~NLA_TYPE_MASK)
		return refuse(f, -EINVAL, "attribute has flags");
	if (attr == MNCSE_A_UNSPEC || attr > MNCSE_A_MAX)
		return refuse(f, -EINVAL, "unknown attribute");
	if ((int)NLA_ALIGN(a->nla_len) > room)
		return refuse(f, -EBADMSG, "attribute is not padded");
	for (int i = a->nla_len; i < (int)NLA_ALIGN(a->nla_len); i++)
		if (((const char *)a)[i])
			return refuse(f, -EBADMSG, "padding is not zero");
	if (attrs[attr] && !may_repeat(cmd, attr))
		return refuse(f, -EINVAL, "attribute is repeated");
	err = check_value(a, mn_ctl_is_request(cmd), f);
	if (err)
		return err;
	if (!attrs[attr])
		attrs[attr] = a;
	f->attr = 0;
	f->offset = 0;
	return 0;
}

int mn_ctl_check(const void *data, size_t len, enum mncse_cmd *cmd,
		 struct nlattr *attrs[MNCSE_A_MAX + 1], struct mn_ctl_fault *fault)
{
	const struct nlmsghdr *h = data;
	const struct genlmsghdr *g;
	struct nlattr *a;
	int room, err;

	memset(attrs, 0, (MNCSE_A_MAX + 1) * sizeof(*attrs));
	*fault = (struct mn_ctl_fault){ .text = "" };
	*cmd = MNCSE_CMD_UNSPEC;
	if ((uintptr_t)data % 4)
		return refuse(fault, -EINVAL, "message is not aligned to 4 bytes");
	err = check_head(h, len, fault);
	if (err)
		return err;
	g = (const struct genlmsghdr *)((const char *)h + NLMSG_HDRLEN);
	err = check_flags(g->cmd, h->nlmsg_flags, fault);
	if (err)
		return err;

	a = (struct nlattr *)((char *)(uintptr_t)data + HEAD_LEN);
	attrs[MNCSE_A_UNSPEC] = a;
	room = (int)(len - HEAD_LEN);
	while (nla_ok(a, room)) {
		err = check_attr(a, room, g->cmd, attrs, fault);
		if (err)
			return err;
		a = nla_next(a, &room);
	}
	if (room)
		return refuse(fault, -EBADMSG, "bytes after the last attribute");
	*cmd = g->cmd;
	return 0;
}

int mn_ctl_parse(const void *data, size_t len, enum mncse_cmd *cmd,
		 struct nlattr *attrs[MNCSE_A_MAX + 1], int *attr, const char **text)
{
	struct mn_ctl_fault fault;
	int err = mn_ctl_check(data, len, cmd, attrs, &fault);

	*attr = fault.attr;
	*text = fault.text;
	return err;
}

uint32_t mn_ctl_offset(struct nlattr **attrs, const struct nlattr *a)
{
	return (uint32_t)((const char *)a - (const char *)attrs[MNCSE_A_UNSPEC]) + HEAD_LEN;
}

struct nlattr *mn_ctl_next(struct nlattr **attrs, const struct nlattr *a)
{
	const struct nlmsghdr *h = (const void *)((const char *)attrs[MNCSE_A_UNSPEC] - HEAD_LEN);
	int room = (int)(h->nlmsg_len - mn_ctl_offset(attrs, a));
	struct nlattr *next = nla_next(a, &room);

	for (; nla_ok(next, room); next = nla_next(next, &room))
		if (nla_type(next) == nla_type(a))
			return next;
	return NULL;
}

struct nl_msg *mn_ctl_end_new(const struct nlmsghdr *request, bool dump, int err, uint32_t offset,
			      const char *text)
{
	struct nlmsgerr e = { .error = err, .msg = *request };
	struct nl_msg *msg = nlmsg_alloc_size(1024);
	struct nlmsghdr *h;
	int failed;

	if (!msg)
		return NULL;
	if (!err && dump) {
		h = nlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, NLMSG_DONE, 0,
			      NLM_F_MULTI);
		failed = !h || nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	} else {
		h = nlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, NLMSG_ERROR, 0,
			      NLM_F_CAPPED | (err && text ? NLM_F_ACK_TLVS : 0));
		failed = !h || nlmsg_append(msg, &e, sizeof(e), NLMSG_ALIGNTO);
	}
	if (!failed && err && text)
		failed = nla_put_string(msg, NLMSGERR_ATTR_MSG, text) ||
			 (offset && nla_put_u32(msg, NLMSGERR_ATTR_OFFS, offset));
	if (failed) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int end_text(const struct nlattr *a, int room, char text[MN_CTL_TEXT_MAX])
{
	for (; nla_ok(a, room); a = nla_next(a, &room)) {
		const char *s = nla_data(a);
		size_t len = (size_t)nla_len(a);

		if (nla_type(a) != NLMSGERR_ATTR_MSG)
			continue;
		if (len == 0 || len > MN_CTL_TEXT_MAX || strnlen(s, len) != len - 1)
			return -EPROTO;
		memcpy(text, s, len);
	}
	return 0;
}

int mn_ctl_end_parse(const void *data, size_t len, int *err, char text[MN_CTL_TEXT_MAX])
{
	const struct nlmsghdr *h = data;
	const size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nlmsgerr));
	const char *body = (const char *)data + NLMSG_HDRLEN;
	struct nlmsgerr e;

	text[0] = '\0';
	if ((uintptr_t)data % 4 || len < NLMSG_HDRLEN || h->nlmsg_len != len)
		return -EPROTO;
	if (h->nlmsg_type == NLMSG_DONE) {
		if (len != NLMSG_HDRLEN + sizeof(*err))
			return -EPROTO;
		memcpy(err, body, sizeof(*err));
		return *err ? -EPROTO : 0;
	}
	if (h->nlmsg_type != NLMSG_ERROR || len < fixed || !(h->nlmsg_flags & NLM_F_CAPPED))
		return -EPROTO;
	memcpy(&e, body, sizeof(e));
	if (e.error > 0 || e.error < -4095)
		return -EPROTO;
	*err = e.error;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return len == fixed ? 0 : -EPROTO;
	return end_text((const struct nlattr *)((const char *)data + fixed), (int)(len - fixed),
			text);
}
