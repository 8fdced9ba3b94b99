// SPDX-License-Identifier: GPL-2.0-or-later
#include "resource.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attribute.h"
#include "container.h"
#include "instance.h"
#include "row.h"

#define ALREADY_REGISTERED ((enum mn_rsc)4117) /* ORIGINATOR_HAS_ALREADY_REGISTERED */

/* A request on its way through; errors are RSCs, 0 = go on. */
struct task {
	struct mnt_resources *t;
	struct mn_store *store;
	const struct mn_onem2m_request *r;
	const char *from;
	int64_t now;
	struct mnt_row target;
	bool edge; /* the target was named by la or ol */
	struct mnt_result *out;
};

/* ---- names and addresses ---- */

bool mnt_resource_name_valid(const char *name)
{
	size_t len =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

	/* la and ol are virtual; "-", "~" and "_" stand for something in an address. */
	return len >= 1 && len <= MNT_NAME_MAX && !name[len] && strcmp(name, "la") &&
	       strcmp(name, "ol") && strcmp(name, "-") && strcmp(name, "~") && strcmp(name, "_") &&
	       strcmp(name, ".") && strcmp(name, "..");
}

bool mnt_resource_path_valid(const char *path)
{
	char copy[MN_TO_MAX + 1];
	char *save = NULL;
	char *name;
	size_t len = strlen(path);

	if (len >= sizeof(copy) || strncmp(path, MNT_BASE_NAME "/", strlen(MNT_BASE_NAME) + 1) ||
	    path[len - 1] == '/' || strstr(path, "//"))
		return false;
	memcpy(copy, path, len + 1);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save))
		if (!mnt_resource_name_valid(name))
			return false;
	return true;
}

bool mnt_resource_open(const struct mnt_resources *t, const char *path)
{
	for (size_t i = 0; t->open && i < t->open->n; i++) {
		size_t len = strlen(t->open->items[i]);

		if (!strncmp(path, t->open->items[i], len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

/* TO (TS-0001 9.3.1) -> path or resource ID of this CSE. "/cse-id/..." is SP-relative; "-" stands for the CSEBase. */
const char *mnt_resource_local(struct mnt_resources *t, const char *to)
{
	size_t len = strlen(t->cse_id);

	if (to[0] == '/') {
		if (to[1] == '/' || strncmp(to + 1, t->cse_id, len))
			return NULL;
		to += 1 + len;
		if (!*to)
			return MNT_BASE_NAME;
		if (*to++ != '/')
			return NULL;
	}
	if (to[0] != '-' || (to[1] && to[1] != '/'))
		return to;
	snprintf(t->local, sizeof(t->local), MNT_BASE_NAME "%s", to + 1);
	return t->local;
}

static int find_edge(struct task *k, const char *container, bool newest)
{
	MNT_ROW c = { 0 };
	int err = mnt_row_get(k->store, container, &c);

	if (!err && c.ty != MNT_TY_CNT)
		err = -ENOENT;
	k->edge = true;
	return err ? err : mnt_row_edge(k->store, c.path, newest, &k->target);
}

static int find_target(struct task *k)
{
	char container[MN_TO_MAX + 16];
	const char *path = mnt_resource_local(k->t, k->r->to);
	const char *slash;
	int err;

	if (!path || !*path)
		return MN_RSC_NOT_FOUND;
	slash = strrchr(path, '/');
	if (slash && (!strcmp(slash, "/la") || !strcmp(slash, "/ol"))) {
		snprintf(container, sizeof(container), "%.*s", (int)(slash - path), path);
		err = find_edge(k, container, slash[1] == 'l' && slash[2] == 'a');
	} else {
		err = mnt_row_get(k->store, path, &k->target);
	}
	if (err == -ENOENT)
		return MN_RSC_NOT_FOUND;
	return err ? MN_RSC_INTERNAL : 0;
}

static bool owns(const struct task *k)
{
	return !strcmp(mnt_row_text(&k->target, "_o"), k->from);
}

static enum mn_rsc give(struct task *k, const struct mnt_row *r, enum mn_rsc rsc)
{
	k->out->content = mnt_attribute_wrap(r->attributes, r->ty);
	return k->out->content ? rsc : MN_RSC_INTERNAL;
}

/* ---- CREATE ---- */

static int check_child(const struct task *k)
{
	unsigned int ty = k->r->ty;

	if (k->edge || ty == MNT_TY_CB)
		return MN_RSC_OPERATION_NOT_ALLOWED;
	if (ty != MNT_TY_AE && ty != MNT_TY_CNT && ty != MNT_TY_CIN)
		return MN_RSC_NOT_IMPLEMENTED;
	switch (k->target.ty) {
	case MNT_TY_CB:
		return ty == MNT_TY_CIN ? MN_RSC_INVALID_CHILD : 0;
	case MNT_TY_AE:
		return ty == MNT_TY_CNT ? 0 : MN_RSC_INVALID_CHILD;
	case MNT_TY_CNT:
		return ty == MNT_TY_AE ? MN_RSC_INVALID_CHILD : 0;
	}
	return MN_RSC_INVALID_CHILD;
}

static int may_create(const struct task *k)
{
	if (k->target.ty == MNT_TY_CB)
		return k->r->ty == MNT_TY_AE ? 0 : MN_RSC_NO_PRIVILEGE;
	return owns(k) || mnt_resource_open(k->t, k->target.path) ? 0 : MN_RSC_NO_PRIVILEGE;
}

/* Ascending across restarts, so that new rows come at the end of the indices. */
uint64_t mnt_resource_next_id(struct mnt_resources *t)
{
	struct timespec ts;
	uint64_t us;

	clock_gettime(CLOCK_REALTIME, &ts);
	us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	t->last_id = us > t->last_id ? us : t->last_id + 1;
	return t->last_id;
}

const char *mnt_resource_time(struct mnt_resources *t, int64_t now)
{
	if (!t->time[0] || t->time_s != now)
		mnt_attribute_time(now, t->time);
	t->time_s = now;
	return t->time;
}

/* The attributes that every resource gets from the CSE, in TS-0004's order. */
static int assign(struct mnt_row *row, const char *ri, const char *rn, const char *pi, int64_t now)
{
	char time[16];

	mnt_attribute_time(now, time);
	row->attributes = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s}", "ty", (int)row->ty, "ri", ri,
				    "rn", rn, "pi", pi, "ct", time, "lt", time, "et", MNT_NEVER);
	return row->attributes ? 0 : -ENOMEM;
}

/* Path, resource ID and name of the new resource. An AE's ID is its device's entity ID. */
static int begin_row(struct task *k, const json_t *given, struct mnt_row *row)
{
	const char *rn = json_string_value(json_object_get(given, "rn"));
	char id[32];
	const char *ri = id;
	int n;

	row->serial = (int64_t)mnt_resource_next_id(k->t);
	snprintf(id, sizeof(id), "%s_%llx", mnt_attribute_wrapper(k->r->ty) + 4,
		 (unsigned long long)row->serial);
	if (k->r->ty == MNT_TY_AE)
		ri = k->from;
	if (!rn)
		rn = mnt_resource_name_valid(ri) ? ri : id;
	row->ty = k->r->ty;
	n = snprintf(row->path, sizeof(row->path), "%s/%s", k->target.path, rn);
	if (n < 0 || (size_t)n >= sizeof(row->path))
		return MN_RSC_BAD_REQUEST;
	return assign(row, ri, rn, mnt_row_text(&k->target, "ri"), k->now) ? MN_RSC_INTERNAL : 0;
}

static int fill_instance(struct task *k, const json_t *given, struct mnt_row *row)
{
	int64_t size = mnt_attribute_content_size(json_object_get(given, "con"));

	if (!mnt_instance_fits(&k->target, mnt_resource_open(k->t, k->target.path), size))
		return MN_RSC_NOT_ACCEPTABLE;
	if (mnt_row_set_number(row, "cs", size) ||
	    mnt_row_set_number(row, "st", mnt_row_number(&k->target, "st", 0) + 1))
		return MN_RSC_INTERNAL;
	return 0;
}

static int fill_container(struct task *k, struct mnt_row *row)
{
	int64_t most =
		mnt_resource_open(k->t, k->target.path) ? MNT_CHILDREN_SHARED : MNT_CHILDREN_OWN;

	if (mnt_row_number(&k->target, "_n", 0) >= most)
		return MN_RSC_NOT_ACCEPTABLE;
	if (mnt_row_set_number(row, "st", 0) || mnt_row_set_number(row, "cni", 0) ||
	    mnt_row_set_number(row, "cbs", 0))
		return MN_RSC_INTERNAL;
	return 0;
}

static int fill_ae(struct task *k, struct mnt_row *row)
{
	MNT_ROW other = { 0 };
	int err = mnt_row_get(k->store, k->from, &other);

	if (!err && other.ty == MNT_TY_AE && !strcmp(mnt_row_text(&other, "ri"), k->from))
		return ALREADY_REGISTERED;
	if (err && err != -ENOENT)
		return MN_RSC_INTERNAL;
	return json_object_set_new(row->attributes, "aei", json_string(k->from)) ? MN_RSC_INTERNAL :
										   0;
}

static int fill(struct task *k, const json_t *given, struct mnt_row *row)
{
	const json_t *creator = json_object_get(given, "cr");
	int rsc = 0;

	switch (row->ty) {
	case MNT_TY_AE:
		rsc = fill_ae(k, row);
		break;
	case MNT_TY_CNT:
		rsc = fill_container(k, row);
		break;
	case MNT_TY_CIN:
		rsc = fill_instance(k, given, row);
		break;
	}
	if (rsc)
		return rsc;
	if ((creator && json_object_set_new(row->attributes, "cr", json_string(k->from))) ||
	    json_object_set_new(row->attributes, "_o", json_string(k->from)) ||
	    mnt_attribute_apply(row->attributes, given, row->ty))
		return MN_RSC_INTERNAL;
	return 0;
}

/* The new row is written: its parent counts it. */
static int count_child(struct task *k, const struct mnt_row *row)
{
	struct mnt_row *parent = &k->target;

	if (row->ty == MNT_TY_CIN)
		return mnt_instance_added(k->t->commit, parent,
					  mnt_resource_open(k->t, parent->path),
					  mnt_row_number(row, "cs", 0), k->now);
	if (row->ty == MNT_TY_AE)
		return 0;
	if (mnt_row_set_number(parent, "_n", mnt_row_number(parent, "_n", 0) + 1))
		return -ENOMEM;
	return mnt_row_set(k->t->commit, parent);
}

static enum mn_rsc create(struct task *k)
{
	MNT_ROW row = { 0 };
	const json_t *given;
	int rsc = check_child(k);
	int err;

	if (!rsc)
		rsc = may_create(k);
	if (rsc)
		return (enum mn_rsc)rsc;
	given = mnt_attribute_unwrap(k->r->content, k->r->ty);
	if (!given)
		return MN_RSC_BAD_REQUEST;
	rsc = mnt_attribute_check(given, k->r->ty, MN_OP_CREATE, k->now);
	if (!rsc)
		rsc = begin_row(k, given, &row);
	if (!rsc)
		rsc = fill(k, given, &row);
	if (rsc)
		return (enum mn_rsc)rsc;
	err = mnt_row_put(k->t->commit, &row, k->target.path);
	if (err == -EEXIST)
		return MN_RSC_CONFLICT;
	if (!err)
		err = count_child(k, &row);
	if (err) {
		mnt_commit_fail_as(k->t->commit, err);
		return MN_RSC_INTERNAL;
	}
	return give(k, &row, MN_RSC_CREATED);
}

/* ---- RETRIEVE, UPDATE, DELETE ---- */

static enum mn_rsc retrieve(struct task *k)
{
	if (k->target.ty != MNT_TY_CB && !owns(k) && !mnt_resource_open(k->t, k->target.path))
		return MN_RSC_NO_PRIVILEGE;
	return give(k, &k->target, MN_RSC_OK);
}

static enum mn_rsc update(struct task *k)
{
	const json_t *given = mnt_attribute_unwrap(k->r->content, k->target.ty);
	int rsc;
	int err;

	if (k->edge || k->target.ty == MNT_TY_CB || k->target.ty == MNT_TY_CIN)
		return MN_RSC_OPERATION_NOT_ALLOWED;
	if (!owns(k))
		return MN_RSC_NO_PRIVILEGE;
	if (!given)
		return MN_RSC_BAD_REQUEST;
	rsc = mnt_attribute_check(given, k->target.ty, MN_OP_UPDATE, k->now);
	if (rsc)
		return (enum mn_rsc)rsc;
	if (mnt_attribute_apply(k->target.attributes, given, k->target.ty) ||
	    mnt_row_changed(&k->target, k->now))
		return MN_RSC_INTERNAL;
	if (k->target.ty == MNT_TY_CNT)
		err = mnt_instance_limit(k->t->commit, &k->target,
					 mnt_resource_open(k->t, k->target.path));
	else
		err = mnt_row_set(k->t->commit, &k->target);
	return err ? MN_RSC_INTERNAL : give(k, &k->target, MN_RSC_UPDATED);
}

/* The row is gone: what it was in counts one less. */
static int uncount_child(struct task *k)
{
	MNT_ROW parent = { 0 };
	char path[MN_TO_MAX + 1];
	int err;

	if (k->target.ty == MNT_TY_AE)
		return 0;
	mnt_row_parent(&k->target, path);
	err = mnt_row_get(k->store, path, &parent);
	if (err)
		return err;
	if (k->target.ty == MNT_TY_CIN)
		return mnt_instance_removed(k->t->commit, &parent,
					    mnt_row_number(&k->target, "cs", 0), k->now);
	err = mnt_row_set_number(&parent, "_n", mnt_row_number(&parent, "_n", 1) - 1);
	return err ? err : mnt_row_set(k->t->commit, &parent);
}

static enum mn_rsc take_away(struct task *k)
{
	int err;

	if (k->target.ty == MNT_TY_CB)
		return MN_RSC_OPERATION_NOT_ALLOWED;
	if (!owns(k))
		return MN_RSC_NO_PRIVILEGE;
	err = mnt_row_del(k->t->commit, k->target.path);
	if (!err)
		err = uncount_child(k);
	if (!err)
		return MN_RSC_DELETED;
	mnt_commit_fail_as(k->t->commit, err);
	return MN_RSC_INTERNAL;
}

static enum mn_rsc dispatch(struct task *k)
{
	switch (k->r->op) {
	case MN_OP_CREATE:
		return create(k);
	case MN_OP_RETRIEVE:
		return retrieve(k);
	case MN_OP_UPDATE:
		return update(k);
	case MN_OP_DELETE:
		return take_away(k);
	case MN_OP_NOTIFY:
		return MN_RSC_OPERATION_NOT_ALLOWED; /* nothing here is notified */
	}
	return MN_RSC_BAD_REQUEST;
}

void mnt_resource_execute(struct mnt_resources *t, const struct mn_onem2m_request *r,
			  const char *from, int64_t now, struct mnt_result *out)
{
	struct task k = {
		.t = t, .store = t->commit->store, .r = r, .from = from, .now = now, .out = out
	};
	int rsc;

	out->content = NULL;
	out->rsc = MN_RSC_INTERNAL;
	/* What is counted in memory alone is seen here, and may be changed. */
	if (mnt_containers_write(t))
		return;
	if (r->op != MN_OP_RETRIEVE)
		mnt_containers_drop(t);
	rsc = find_target(&k);
	out->rsc = rsc ? (enum mn_rsc)rsc : dispatch(&k);
	mnt_row_fini(&k.target);
}

/* ---- start ---- */

static int put_base(struct mnt_resources *t, int64_t now)
{
	MNT_ROW row = { .ty = MNT_TY_CB, .serial = (int64_t)mnt_resource_next_id(t) };
	char csi[MN_GATEWAY_ID_MAX + 2];
	json_t *more;
	int err;

	snprintf(csi, sizeof(csi), "/%s", t->cse_id);
	strcpy(row.path, MNT_BASE_NAME);
	err = assign(&row, t->cse_id, MNT_BASE_NAME, "", now);
	if (err)
		return err;
	json_object_del(row.attributes, "et"); /* a CSEBase has none */
	more = json_pack("{s:s,s:i,s:[i,i,i,i],s:[s,s,s]}", "csi", csi, "cst", 1, "srt", MNT_TY_AE,
			 MNT_TY_CNT, MNT_TY_CIN, MNT_TY_CB, "srv", "2a", "3", "4");
	if (!more || json_object_update(row.attributes, more))
		err = -ENOMEM;
	json_decref(more);
	return err ? err : mnt_row_put(t->commit, &row, "");
}

static int put_container(struct mnt_resources *t, const char *path, int64_t now)
{
	MNT_ROW row = { .ty = MNT_TY_CNT };
	MNT_ROW parent = { 0 };
	char up[MN_TO_MAX + 1], ri[32];
	int err;

	snprintf(row.path, sizeof(row.path), "%s", path);
	mnt_row_parent(&row, up);
	err = mnt_row_get(t->commit->store, up, &parent);
	if (err)
		return err;
	if (parent.ty == MNT_TY_CIN)
		return -ENOTDIR;
	row.serial = (int64_t)mnt_resource_next_id(t);
	snprintf(ri, sizeof(ri), "cnt_%llx", (unsigned long long)row.serial);
	err = assign(&row, ri, strrchr(path, '/') + 1, mnt_row_text(&parent, "ri"), now);
	if (err)
		return err;
	if (mnt_row_set_number(&row, "st", 0) || mnt_row_set_number(&row, "cni", 0) ||
	    mnt_row_set_number(&row, "cbs", 0))
		return -ENOMEM;
	return mnt_row_put(t->commit, &row, up);
}

/* The container and what it is in, from the top. */
static int ensure(struct mnt_resources *t, const char *path, int64_t now)
{
	char part[MN_TO_MAX + 1];
	size_t len = strlen(path);
	int err = 0;

	for (size_t i = strlen(MNT_BASE_NAME) + 1; i <= len && !err; i++) {
		MNT_ROW there = { 0 };

		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		err = mnt_row_get(t->commit->store, part, &there);
		if (err == -ENOENT)
			err = put_container(t, part, now);
		else if (!err && i == len && there.ty != MNT_TY_CNT)
			err = -EEXIST;
	}
	return err;
}

static int write_back(void *arg, bool undone)
{
	if (!undone)
		return mnt_containers_write(arg);
	mnt_containers_drop(arg);
	return 0;
}

int mnt_resources_start(struct mnt_resources *t, struct mnt_commit *c, const char *cse_id,
			const struct mn_config_strings *open, int64_t now)
{
	MNT_ROW base = { 0 };
	int64_t last;
	int err;

	mnt_containers_drop(t);
	t->commit = c;
	t->open = open;
	c->write_back = write_back;
	c->write_back_arg = t;
	snprintf(t->cse_id, sizeof(t->cse_id), "%s", cse_id);
	err = mn_store_resource_last(c->store, &last);
	if (!err && last > 0 && (uint64_t)last > t->last_id)
		t->last_id = (uint64_t)last; /* whatever the clock says */
	if (!err)
		err = mnt_row_get(c->store, MNT_BASE_NAME, &base);
	if (err == -ENOENT)
		err = put_base(t, now);
	for (size_t i = 0; open && i < open->n && !err; i++)
		err = ensure(t, open->items[i], now);
	if (err)
		mnt_commit_fail_as(c, err);
	return mnt_commit_now(c) ?: err;
}

void mnt_resources_fini(struct mnt_resources *t)
{
	mnt_containers_drop(t);
}
