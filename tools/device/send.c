// SPDX-License-Identifier: GPL-2.0-or-later
#include "send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Short names and resource types of TS-0004. */
static const struct {
	const char *key;
	unsigned int ty;
} types[] = {
	{ "m2m:acp", 1 },  { "m2m:ae", 2 },   { "m2m:cnt", 3 },  { "m2m:cin", 4 },
	{ "m2m:grp", 9 },  { "m2m:nod", 14 }, { "m2m:pch", 15 }, { "m2m:csr", 16 },
	{ "m2m:sub", 23 }, { "m2m:smd", 24 }, { "m2m:ts", 29 },  { "m2m:tsi", 30 },
};

static unsigned int type_of(const char *key)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].key, key))
			return types[i].ty;
	return 0;
}

int mnt_send_parse(const char *text, struct mnt_send *out, char err[160])
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;
	json_t *content;
	const char *key;
	unsigned int ty;

	if (!len || len > MN_TO_MAX || text[0] == '/') {
		snprintf(err, 160, "--send %.60s: expected PATH=JSON, PATH as in-cse/cnt", text);
		return -EINVAL;
	}
	content = mn_onem2m_content_read(MN_COAP_FORMAT_JSON, equals + 1, strlen(equals + 1));
	if (!json_is_object(content) || json_object_size(content) != 1) {
		snprintf(
			err, 160,
			"--send %.60s: expected a JSON object with one key, as {\"m2m:cin\":{...}}",
			text);
		json_decref(content);
		return -EINVAL;
	}
	key = json_object_iter_key(json_object_iter(content));
	ty = type_of(key);
	if (!ty) {
		snprintf(err, 160, "--send: no resource type is known for the key %.60s", key);
		json_decref(content);
		return -EINVAL;
	}
	memset(out, 0, sizeof(*out));
	memcpy(out->to, text, len);
	out->request = (struct mnt_request){ .op = MN_OP_CREATE,
					     .ty = ty,
					     .content = content,
					     .content_format = MN_COAP_FORMAT_JSON };
	return 0;
}

void mnt_send_retrieve(const char *to, struct mnt_send *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->to, sizeof(out->to), "%s", to);
	out->request.op = MN_OP_RETRIEVE;
}

void mnt_send_fini(struct mnt_send *s)
{
	json_decref(s->request.content);
	s->request.content = NULL;
}
