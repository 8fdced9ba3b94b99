/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What config.c and config_value.c share. */
#ifndef MN_CONFIG_INTERNAL_H
#define MN_CONFIG_INTERNAL_H

#include <yaml.h>

#include "config/config.h"

struct mn_config_reader {
	const char *path;   /* as it stands in error texts */
	const char *folder; /* absolute: relative paths start here */
	const struct mn_config_key *keys;
	size_t n;
	void *out;
	char *err; /* 512 bytes */
	yaml_document_t *doc;
	bool *seen; /* one a key */
};

/* Writes "FILE:LINE: KEY: ..." to r->err. line counts from 1, 0 = no line to tell. Returns -EINVAL. */
int mn_config_fail(struct mn_config_reader *r, size_t line, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Sets one key from its node; replaces what was there. 0, -EINVAL with text, -ENOMEM. */
int mn_config_set_node(struct mn_config_reader *r, const struct mn_config_key *k,
		       const yaml_node_t *node);
int mn_config_set_preset(struct mn_config_reader *r, const struct mn_config_key *k);

/* A plain scalar that YAML reads as "no value": empty, ~, null. */
bool mn_config_is_null(const yaml_node_t *node);
/* What stands there, for "found ..."; out has 96 bytes. Returns out. */
const char *mn_config_describe(const yaml_node_t *node, char out[96]);
/* n-th of "auto|on|off" and its length, NULL when there are fewer. */
const char *mn_config_choice(const char *choices, size_t n, size_t *len);

#endif
