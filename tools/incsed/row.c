// SPDX-License-Identifier: GPL-2.0-or-later
#include "row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attribute.h"

void mnt_row_fini(struct mnt_row *r)
{
	json_decref(r->attributes);
	*r = (struct mnt_row){ 0 };
}

static int load(void *arg, const struct mn_resource_record *r)
{
	struct mnt_row *out = arg;

	if (strlen(r->path) >= sizeof(out->path))
		return -EBADMSG;
	out->attributes = json_loads(r->json, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(out->attributes)) {
		json_decref(out->attributes);
		out->attributes = NULL;
		return -EBADMSG;
	}
	memcpy(out->path, r->path, strlen(r->path) + 1);
	out->ty = r->ty;
	return 0;
}

int mnt_row_get(struct mn_store *s, const char *path, struct mnt_row *out)
{
	*out = (struct mnt_row){ 0 };
	return mn_store_resource_get(s, path, load, out);
}

int mnt_row_edge(struct mn_store *s, const char *container, bool newest, struct mnt_row *out)
{
	*out = (struct mnt_row){ 0 };
	return mn_store_resource_edge(s, container, MNT_TY_CIN, newest, load, out);
}

int mnt_row_put(struct mnt_commit *c, const struct mnt_row *r, const char *parent)
{
	char *json = json_dumps(r->attributes, JSON_COMPACT);
	struct mn_resource_record record = {
		.path = r->path,
		.parent = parent,
		.ri = mnt_row_text(r, "ri"),
		.ty = r->ty,
		.json = json,
		.serial = r->serial,
	};
	int err = json ? mnt_commit_begin(c) : -ENOMEM;

	if (!err) {
		err = mn_store_resource_put(c->store, &record);
		if (err && err != -EEXIST)
			mnt_commit_fail_as(c, err);
	}
	free(json);
	return err;
}

int mnt_row_set(struct mnt_commit *c, const struct mnt_row *r)
{
	char *json = json_dumps(r->attributes, JSON_COMPACT);
	int err = mnt_commit_begin(c);

	if (!err)
		err = json ? mn_store_resource_set(c->store, r->path, json) : -ENOMEM;
	free(json);
	if (err)
		mnt_commit_fail_as(c, err);
	return err;
}

int mnt_row_del(struct mnt_commit *c, const char *path)
{
	int n = mnt_commit_begin(c);

	if (!n)
		n = mn_store_resource_del(c->store, path);
	if (n < 0)
		mnt_commit_fail_as(c, n);
	return n < 0 ? n : 0;
}

const char *mnt_row_text(const struct mnt_row *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r->attributes, name));

	return s ? s : "";
}

int64_t mnt_row_number(const struct mnt_row *r, const char *name, int64_t absent)
{
	const json_t *v = json_object_get(r->attributes, name);

	return json_is_integer(v) ? json_integer_value(v) : absent;
}

int mnt_row_set_number(struct mnt_row *r, const char *name, int64_t value)
{
	return json_object_set_new(r->attributes, name, json_integer(value)) ? -ENOMEM : 0;
}

int mnt_row_changed(struct mnt_row *r, int64_t now)
{
	char text[16];

	mnt_attribute_time(now, text);
	if (json_object_set_new(r->attributes, "lt", json_string(text)))
		return -ENOMEM;
	return r->ty == MNT_TY_CNT ? mnt_row_set_number(r, "st", mnt_row_number(r, "st", 0) + 1) :
				     0;
}

void mnt_row_parent(const struct mnt_row *r, char out[MN_TO_MAX + 1])
{
	const char *slash = strrchr(r->path, '/');
	size_t len = slash ? (size_t)(slash - r->path) : 0;

	memcpy(out, r->path, len);
	out[len] = '\0';
}
