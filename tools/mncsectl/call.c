// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls to the daemon, and its answers as JSON values. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mncsectl.h"

int mnt_connect(struct mnt_ctl *c)
{
	const char *path = c->socket;
	const char *name, *program;
	char err[256];
	int ret;

	if (c->client)
		return MNT_OK;
	if (!path)
		path = c->in ? "/run/mncse/incsed.sock" : "/run/mncse/mncsed.sock";
	ret = mn_ctl_connect(path, c->timeout_ms, &c->client, err);
	if (!ret)
		return MNT_OK;
	if (ret != -ENOENT && ret != -ECONNREFUSED)
		return mnt_fail(MNT_FAILED, "%s", err);
	name = strrchr(path, '/');
	program = strstr(name ? name : path, "incsed") ? "incsed" : "mncsed";
	return mnt_fail(MNT_NOBODY, "%s: is %s running? start it with `%s -c FILE`", err, program,
			program);
}

static int call(struct mnt_ctl *c, struct nl_msg *msg, mn_ctl_answer_fn *fn, void *arg,
		int tolerated)
{
	int code = mnt_connect(c);
	char err[256];
	int ret;

	if (code) {
		mn_ctl_request_free(msg);
		return code;
	}
	ret = mn_ctl_call(c->client, msg, fn, arg, err);
	if (!ret || ret == tolerated)
		return MNT_OK;
	return mnt_fail(MNT_FAILED, "%s", err[0] ? err : strerror(-ret));
}

int mnt_call(struct mnt_ctl *c, struct nl_msg *msg, mn_ctl_answer_fn *fn, void *arg)
{
	return call(c, msg, fn, arg, 0);
}

/* JSON has Unicode only: what is not UTF-8 is shown quoted. */
static json_t *string_value(const struct nlattr *a)
{
	const char *text = nla_data(a);
	json_t *v = json_string(text);
	char *quoted;

	if (v)
		return v;
	quoted = mnt_quote(text);
	v = quoted ? json_string(quoted) : NULL;
	free(quoted);
	return v;
}

static json_t *u64_value(const struct nlattr *a)
{
	uint64_t v = nla_get_u64(a);

	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *binary_value(const struct nlattr *a)
{
	char hex[2 * 64 + 1];
	size_t len = (size_t)nla_len(a);

	if (len > 64)
		return json_string("");
	mn_hex_encode(nla_data(a), len, hex);
	return json_string(hex);
}

static json_t *value_of(const struct nlattr *a)
{
	switch (mn_ctl_attr_type(nla_type(a))) {
	case MN_CTL_STRING:
		return string_value(a);
	case MN_CTL_U8:
		return json_boolean(nla_get_u8(a));
	case MN_CTL_U32:
		return json_integer(nla_get_u32(a));
	case MN_CTL_U64:
		return u64_value(a);
	case MN_CTL_BINARY:
		return binary_value(a);
	}
	return NULL;
}

static json_t *listeners(struct nlattr **attrs)
{
	json_t *list = json_array();

	for (struct nlattr *a = attrs[MNCSE_A_LISTEN]; a; a = mn_ctl_next(attrs, a)) {
		if (json_array_append_new(list, value_of(a))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int add_row(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	json_t *rows = arg, *row = json_object();

	for (int a = 1; row && a <= MNCSE_A_MAX; a++) {
		json_t *v;

		/* A key is in no answer; should one ever be, it is not shown. */
		if (!attrs[a] || a == MNCSE_A_KEY)
			continue;
		v = a == MNCSE_A_LISTEN && cmd == MNCSE_CMD_STATUS ? listeners(attrs) :
								     value_of(attrs[a]);
		if (json_object_set_new(row, mn_ctl_attr_name(a), v)) {
			json_decref(row);
			row = NULL;
		}
	}
	return json_array_append_new(rows, row) ? -ENOMEM : 0;
}

static int collect(struct mnt_ctl *c, struct nl_msg *msg, json_t **out, int tolerated)
{
	json_t *rows = json_array();
	int code;

	if (!rows) {
		mn_ctl_request_free(msg);
		return mnt_fail(MNT_FAILED, "not enough memory");
	}
	code = call(c, msg, add_row, rows, tolerated);
	if (code) {
		json_decref(rows);
		return code;
	}
	*out = rows;
	return MNT_OK;
}

int mnt_collect(struct mnt_ctl *c, struct nl_msg *msg, json_t **out)
{
	return collect(c, msg, out, 0);
}

int mnt_collect_if_known(struct mnt_ctl *c, struct nl_msg *msg, json_t **out)
{
	return collect(c, msg, out, -EOPNOTSUPP);
}
