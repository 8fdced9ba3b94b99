// SPDX-License-Identifier: GPL-2.0-or-later
#include "attribute.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 1024
#define LIST_MAX 64

enum form { TEXT, BOOLEAN, COUNT, TEXTS, ANY, TIME, CREATOR };

#define AE (1 << MNT_TY_AE)
#define CNT (1 << MNT_TY_CNT)
#define CIN (1 << MNT_TY_CIN)

/* NP in TS-0004's tables is: not here. */
static const struct {
	const char *name;
	enum form form;
	unsigned int types;
	unsigned int required; /* in a CREATE of these */
	unsigned int update;   /* may be changed in these */
} table[] = {
	{ "rn", TEXT, AE | CNT | CIN, 0, 0 },
	{ "lbl", TEXTS, AE | CNT | CIN, 0, AE | CNT },
	{ "et", TIME, AE | CNT | CIN, 0, AE | CNT },
	{ "cr", CREATOR, CNT | CIN, 0, 0 },
	{ "api", TEXT, AE, AE, 0 },
	{ "apn", TEXT, AE, 0, AE },
	{ "rr", BOOLEAN, AE, AE, AE },
	{ "poa", TEXTS, AE, 0, AE },
	{ "srv", TEXTS, AE, 0, AE },
	{ "csz", TEXTS, AE, 0, AE },
	{ "mni", COUNT, CNT, 0, CNT },
	{ "mbs", COUNT, CNT, 0, CNT },
	{ "or", TEXT, AE | CNT | CIN, 0, AE | CNT },
	{ "cnf", TEXT, CIN, 0, 0 },
	{ "con", ANY, CIN, CIN, 0 },
};
#define TABLE (sizeof(table) / sizeof(table[0]))

const char *mnt_attribute_wrapper(unsigned int ty)
{
	switch (ty) {
	case MNT_TY_AE:
		return "m2m:ae";
	case MNT_TY_CNT:
		return "m2m:cnt";
	case MNT_TY_CIN:
		return "m2m:cin";
	case MNT_TY_CB:
		return "m2m:cb";
	}
	return NULL;
}

json_t *mnt_attribute_unwrap(const json_t *content, unsigned int ty)
{
	const char *name = mnt_attribute_wrapper(ty);
	json_t *inside;

	if (!name || json_object_size(content) != 1)
		return NULL;
	inside = json_object_get(content, name);
	return json_is_object(inside) ? inside : NULL;
}

json_t *mnt_attribute_wrap(json_t *attributes, unsigned int ty)
{
	json_t *out = json_object();
	const char *name;
	json_t *value;

	json_object_foreach(attributes, name,
			    value) if (name[0] != '_' &&
				       json_object_set(out, name, value)) goto fail;
	value = json_object();
	if (json_object_set_new(value, mnt_attribute_wrapper(ty), out)) {
		json_decref(value);
		return NULL;
	}
	return value;
fail:
	json_decref(out);
	return NULL;
}

static bool time_ok(const json_t *v, int64_t now)
{
	const char *s = json_string_value(v);
	char now_text[16];

	/* YYYYMMDDTHHMMSS, perhaps with ",ffffff" */
	if (!s || strlen(s) < 15 || s[8] != 'T' || (s[15] && s[15] != ','))
		return false;
	for (int i = 0; i < 15; i++)
		if (i != 8 && !isdigit((unsigned char)s[i]))
			return false;
	mnt_attribute_time(now, now_text);
	return strncmp(s, now_text, 15) > 0;
}

static bool texts_ok(const json_t *v)
{
	if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)) ||
		    json_string_length(json_array_get(v, i)) > TEXT_MAX)
			return false;
	return true;
}

static bool form_ok(enum form form, const json_t *v, int64_t now)
{
	switch (form) {
	case TEXT:
		return json_is_string(v) && json_string_length(v) <= TEXT_MAX;
	case BOOLEAN:
		return json_is_boolean(v);
	case COUNT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case TEXTS:
		return texts_ok(v);
	case ANY:
		return !json_is_null(v);
	case TIME:
		return time_ok(v, now);
	case CREATOR:
		return json_is_null(v);
	}
	return false;
}

static size_t find(const char *name)
{
	size_t i = 0;

	while (i < TABLE && strcmp(table[i].name, name))
		i++;
	return i;
}

int mnt_attribute_check(const json_t *given, unsigned int ty, enum mn_onem2m_op op, int64_t now)
{
	unsigned int type = 1U << ty;
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)given, name, v)
	{
		size_t i = find(name);

		if (i == TABLE || !((op == MN_OP_UPDATE ? table[i].update : table[i].types) & type))
			return MN_RSC_BAD_REQUEST;
		/* null takes an attribute away that need not be there (TS-0001 10.1.4). */
		if (op == MN_OP_UPDATE && json_is_null(v) && !(table[i].required & type))
			continue;
		if (!form_ok(table[i].form, v, now))
			return MN_RSC_BAD_REQUEST;
		if (!strcmp(name, "rn") && !mnt_resource_name_valid(json_string_value(v)))
			return MN_RSC_BAD_REQUEST;
	}
	for (size_t i = 0; op == MN_OP_CREATE && i < TABLE; i++)
		if (table[i].required & type && !json_object_get(given, table[i].name))
			return MN_RSC_BAD_REQUEST;
	return 0;
}

int mnt_attribute_apply(json_t *attributes, const json_t *given, unsigned int ty)
{
	for (size_t i = 0; i < TABLE; i++) {
		json_t *v = json_object_get(given, table[i].name);

		/* rn and cr are assigned by the caller, and nothing expires here (incsed(8)). */
		if (!v || !(table[i].types & 1U << ty) || table[i].form == CREATOR ||
		    table[i].form == TIME || !strcmp(table[i].name, "rn"))
			continue;
		if (json_is_null(v))
			json_object_del(attributes, table[i].name);
		else if (json_object_set(attributes, table[i].name, v))
			return -ENOMEM;
	}
	return 0;
}

void mnt_attribute_time(int64_t t, char out[16])
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&tt, &tm) || strftime(out, 16, "%Y%m%dT%H%M%S", &tm) != 15)
		memcpy(out, "99991231T235959", 16);
}

int64_t mnt_attribute_content_size(const json_t *con)
{
	if (json_is_string(con))
		return (int64_t)json_string_length(con);
	return (int64_t)json_dumpb(con, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}
