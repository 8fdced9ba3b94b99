// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that ask. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rand_message.h"
#include "mncsectl.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct mnt_column status_lines[] = {
	{ "role", "role", MNT_TEXT },
	{ "name", "name", MNT_TEXT },
	{ "version", "version", MNT_TEXT },
	{ "pid", "pid", MNT_COUNT },
	{ "uptime", "uptime_ms", MNT_MS },
	{ "listen", "listen", MNT_TEXT },
	{ "store", "store", MNT_TEXT },
	{ "groups", "groups", MNT_COUNT },
	{ "devices", "devices", MNT_COUNT },
	{ "sessions", "sessions", MNT_COUNT },
	{ "half open", "half_open", MNT_COUNT },
	{ "upstream", "upstream", MNT_TEXT },
	{ "upstream address", "upstream_addr", MNT_TEXT },
	{ "upstream since", "upstream_since_ms", MNT_MS },
	{ "memory", "rss_bytes", MNT_BYTES },
	{ "CPU time", "cpu_us", MNT_US },
};

static const struct mnt_column layer_columns[] = {
	{ "LAYER", "layer", MNT_TEXT },
	{ "ACTIVE", "active", MNT_TEXT },
	{ "REASON", "reason", MNT_TEXT },
	{ "DETAIL", "text", MNT_TEXT },
};

static const struct mnt_column session_columns[] = {
	{ "SESSION", "session_id", MNT_COUNT },
	{ "ENTITY", "entity", MNT_TEXT },
	{ "GROUP", "group", MNT_TEXT },
	{ "ADDRESS", "address", MNT_TEXT },
	{ "STATE", "state", MNT_TEXT },
	{ "SUITE", "suite", MNT_TEXT },
	{ "AGE", "age_ms", MNT_MS },
	{ "IDLE", "idle_ms", MNT_MS },
	{ "HANDSHAKE", "handshake_us", MNT_US },
	{ "GENERATION", "generation", MNT_COUNT },
	{ "REQUESTS", "requests", MNT_COUNT },
	{ "ANSWERS", "answers", MNT_COUNT },
};

static const struct mnt_column group_columns[] = {
	{ "GROUP", "group", MNT_TEXT },
	{ "GATEWAY", "gateway", MNT_TEXT },
	{ "GENERATION", "generation", MNT_COUNT },
	{ "MEMBERS", "members", MNT_COUNT },
	{ "CONNECTED", "connected", MNT_COUNT },
	{ "CONFIRMED", "confirmed", MNT_COUNT },
	{ "AUTHENTICATED", "authenticated", MNT_COUNT },
	{ "SINCE", "since", MNT_DATE },
};

static const struct mnt_column device_columns[] = {
	{ "ENTITY", "entity", MNT_TEXT },   { "GROUP", "group", MNT_TEXT },
	{ "GATEWAY", "gateway", MNT_TEXT }, { "KPSA ID", "kpsa_id", MNT_TEXT },
	{ "STATE", "state", MNT_TEXT },     { "GENERATION", "generation", MNT_COUNT },
};

static const struct mnt_column stat_columns[] = {
	{ "NAME", "name", MNT_TEXT },
	{ "VALUE", "value", MNT_COUNT },
};

static void no_arguments(struct mnt_ctl *c, int argc, char **argv, const char *doc)
{
	const struct mnt_usage usage = { .doc = doc };
	struct mnt_args a;

	mnt_args_parse(c, argc, argv, &usage, &a);
}

/* A command whose answer is one message: that, as an object of the caller's. */
static int collect_one(struct mnt_ctl *c, enum mncse_cmd cmd, json_t **out)
{
	json_t *rows;
	int code = mnt_collect(c, mn_ctl_request_new(cmd, false), &rows);

	if (code)
		return code;
	*out = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return *out ? MNT_OK : mnt_fail(MNT_FAILED, "the daemon gave no answer");
}

static int compare_values(const json_t *a, const json_t *b)
{
	json_int_t x = json_integer_value(a), y = json_integer_value(b);
	const char *s = json_string_value(a), *t = json_string_value(b);

	if (s && t)
		return strcmp(s, t);
	return x < y ? -1 : x > y;
}

/* By what the first columns show. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct mnt_column *columns = arg;
	int order = 0;

	for (size_t i = 0; i < 2 && !order; i++)
		order = compare_values(json_object_get(*(json_t *const *)a, columns[i].key),
				       json_object_get(*(json_t *const *)b, columns[i].key));
	return order;
}

/* A daemon lists what it has in the order of its tables: here the same question has the same order of answers. */
static void sort(json_t *rows, const struct mnt_column *columns)
{
	size_t n = json_array_size(rows), i;
	json_t **all = calloc(n + 1, sizeof(*all)), *row;

	if (!all)
		return;
	json_array_foreach(rows, i, row) all[i] = json_incref(row);
	qsort_r(all, n, sizeof(*all), compare_rows, (void *)(uintptr_t)columns);
	for (i = 0; i < n; i++)
		json_array_set_new(rows, i, all[i]);
	free(all);
}

struct list {
	const struct mnt_column *columns;
	size_t n;
	bool sorted; /* by the first two columns; else as the daemon has them */
};

static const struct list layer_list = { layer_columns, COUNT(layer_columns), false };
static const struct list session_list = { session_columns, COUNT(session_columns), true };
static const struct list group_list = { group_columns, COUNT(group_columns), true };
static const struct list device_list = { device_columns, COUNT(device_columns), true };

/* As a table or as JSON. */
static int list(struct mnt_ctl *c, struct nl_msg *msg, const struct list *l)
{
	json_t *rows;
	int code = mnt_collect(c, msg, &rows);

	if (code)
		return code;
	if (l->sorted)
		sort(rows, l->columns);
	if (c->json)
		return mnt_json(rows);
	mnt_table(rows, l->columns, l->n, "");
	json_decref(rows);
	return MNT_OK;
}

int mnt_status(struct mnt_ctl *c, int argc, char **argv)
{
	json_t *status;
	int code;

	no_arguments(c, argc, argv, "Shows the daemon itself.");
	code = collect_one(c, MNCSE_CMD_STATUS_GET, &status);
	if (code)
		return code;
	if (c->json)
		return mnt_json(status);
	mnt_list(status, status_lines, COUNT(status_lines));
	json_decref(status);
	return MNT_OK;
}

int mnt_layers(struct mnt_ctl *c, int argc, char **argv)
{
	no_arguments(c, argc, argv, "Shows which layers are active, and why one is not.");
	return list(c, mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true), &layer_list);
}

int mnt_groups(struct mnt_ctl *c, int argc, char **argv)
{
	no_arguments(c, argc, argv, "Shows the groups, and how far their members are.");
	return list(c, mn_ctl_request_new(MNCSE_CMD_GROUP_GET, true), &group_list);
}

int mnt_devices(struct mnt_ctl *c, int argc, char **argv)
{
	no_arguments(c, argc, argv, "Shows the devices of the store, connected or not.");
	return list(c, mn_ctl_request_new(MNCSE_CMD_DEVICE_GET, true), &device_list);
}

/* In JSON one object: a counter is looked up by its name. */
static int stats_json(const json_t *rows)
{
	json_t *all = json_object(), *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "name"));

		if (name && json_object_set(all, name, json_object_get(row, "value"))) {
			json_decref(all);
			all = NULL;
		}
	}
	return mnt_json(all);
}

int mnt_stats(struct mnt_ctl *c, int argc, char **argv)
{
	json_t *rows;
	int code;

	no_arguments(c, argc, argv, "Shows all counters; their names are stable.");
	code = mnt_collect(c, mn_ctl_request_new(MNCSE_CMD_STATS_GET, true), &rows);
	if (code)
		return code;
	if (c->json)
		code = stats_json(rows);
	else
		mnt_table(rows, stat_columns, COUNT(stat_columns), "");
	json_decref(rows);
	return code;
}

int mnt_showconf(struct mnt_ctl *c, int argc, char **argv)
{
	json_t *config;
	int code;

	no_arguments(c, argc, argv,
		     "Prints the configuration in force as YAML that the daemon reads again.");
	code = collect_one(c, MNCSE_CMD_CONFIG_GET, &config);
	if (code)
		return code;
	if (c->json)
		return mnt_json(config);
	/* As it is: the policy has refused control characters, and YAML must stay what it was. */
	fputs(json_string_value(json_object_get(config, "text")) ?: "", stdout);
	json_decref(config);
	return MNT_OK;
}

/* ---- show ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void show_head(const json_t *status)
{
	const char *role = text_of(status, "role");
	char *name = mnt_quote(text_of(status, "name"));

	printf("%s %s\n", strcmp(role, "in") == 0 ? "IN" : "gateway", name ? name : "?");
	free(name);
}

static void show_layers(const json_t *layers)
{
	const json_t *layer;
	size_t i;

	json_array_foreach(layers, i, layer)
	{
		bool active = json_is_true(json_object_get(layer, "active"));
		char *name = mnt_text(json_object_get(layer, "layer"), MNT_TEXT);
		const json_t *more = json_object_get(layer, active ? "text" : "reason");
		char *why = more ? mnt_text(more, MNT_TEXT) : NULL;

		printf("  %-10s %s%s%s\n", name ? name : "?", active ? "active" : "not active",
		       why ? ": " : "", why ? why : "");
		free(name);
		free(why);
	}
}

static void show_all(const json_t *status, const json_t *layers, const json_t *groups)
{
	show_head(status);
	/* Role and name are in the head. */
	mnt_list(status, status_lines + 2, COUNT(status_lines) - 2);
	if (json_array_size(layers)) {
		puts("\nlayers");
		show_layers(layers);
	}
	if (json_array_size(groups)) {
		puts("\ngroups");
		mnt_table(groups, group_columns, COUNT(group_columns), "  ");
	}
}

int mnt_show(struct mnt_ctl *c, int argc, char **argv)
{
	json_t *status = NULL, *layers = NULL, *groups = NULL;
	int code;

	no_arguments(c, argc, argv, "Shows status, layers and groups.");
	code = collect_one(c, MNCSE_CMD_STATUS_GET, &status);
	if (!code)
		code = mnt_collect_if_known(c, mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true),
					    &layers);
	if (!code)
		code = mnt_collect_if_known(c, mn_ctl_request_new(MNCSE_CMD_GROUP_GET, true),
					    &groups);
	sort(groups, group_columns);
	if (!code && c->json)
		code = mnt_json(json_pack("{sOsOsO}", "status", status, "layers", layers, "groups",
					  groups));
	else if (!code)
		show_all(status, layers, groups);
	json_decref(status);
	json_decref(layers);
	json_decref(groups);
	return code;
}

/* ---- sessions ---- */

enum { OPT_GROUP = 1, OPT_ID, OPT_ADDRESS, OPT_STATE };

static const struct argp_option filter_options[] = {
	{ "group", OPT_GROUP, "GROUP", 0, "only those of this group", 0 },
	{ "id", OPT_ID, "ID", 0, "only that of the entity with this ID", 0 },
	{ "address", OPT_ADDRESS, "ADDRESS", 0, "only from this address, with or without port", 0 },
	{ "state", OPT_STATE, "STATE", 0,
	  "connected, rand_sent, rand_unconfirmed, confirmed or authenticated", 0 },
	{ 0 },
};

/* NULL = no memory, which mnt_call reports. */
static struct nl_msg *filtered(const char *const values[OPT_STATE + 1])
{
	static const int attrs[] = { [OPT_GROUP] = MNCSE_A_GROUP,
				     [OPT_ID] = MNCSE_A_ENTITY,
				     [OPT_ADDRESS] = MNCSE_A_ADDRESS,
				     [OPT_STATE] = MNCSE_A_STATE };
	struct nl_msg *msg = mn_ctl_request_new(MNCSE_CMD_SESSION_GET, true);

	for (size_t i = OPT_GROUP; msg && i < COUNT(attrs); i++) {
		if (values[i] && nla_put_string(msg, attrs[i], values[i])) {
			mn_ctl_request_free(msg);
			return NULL;
		}
	}
	return msg;
}

/* The request of `sessions` and of `dump`. Exit code; *out may be NULL: no memory. */
static int sessions_request(struct mnt_ctl *c, int argc, char **argv, const char *doc,
			    struct nl_msg **out)
{
	const struct mnt_usage usage = { .options = filter_options, .doc = doc };
	char group[MN_ENTITY_MAX + 1], id[MN_ENTITY_MAX + 1];
	const char *values[OPT_STATE + 1] = { NULL };
	struct mnt_args a;

	mnt_args_parse(c, argc, argv, &usage, &a);
	memcpy(values, a.option, sizeof(values));
	if ((values[OPT_GROUP] && mnt_name("--group", values[OPT_GROUP], MN_GROUP_MAX, group)) ||
	    (values[OPT_ID] && mnt_name("--id", values[OPT_ID], MN_ENTITY_MAX, id)))
		return MNT_USAGE;
	for (int i = OPT_ADDRESS; i <= OPT_STATE; i++)
		if (values[i] && (!*values[i] || strlen(values[i]) >= MN_ADDR_TEXT))
			return mnt_fail(MNT_USAGE, "--%s: expected 1 to %d bytes",
					filter_options[i - 1].name, MN_ADDR_TEXT - 1);
	if (values[OPT_GROUP])
		values[OPT_GROUP] = group;
	if (values[OPT_ID])
		values[OPT_ID] = id;
	*out = filtered(values);
	return MNT_OK;
}

int mnt_sessions(struct mnt_ctl *c, int argc, char **argv)
{
	struct nl_msg *msg;
	int code = sessions_request(c, argc, argv, "Shows the sessions.", &msg);

	return code ? code : list(c, msg, &session_list);
}

/* The columns of `dump` (mncsectl(8)): new ones come at the end. */
static const int dump_columns[] = {
	MNCSE_A_SESSION_ID,   MNCSE_A_ENTITY,     MNCSE_A_GROUP,    MNCSE_A_ADDRESS,
	MNCSE_A_STATE,        MNCSE_A_SUITE,      MNCSE_A_AGE_MS,   MNCSE_A_IDLE_MS,
	MNCSE_A_HANDSHAKE_US, MNCSE_A_GENERATION, MNCSE_A_REQUESTS, MNCSE_A_ANSWERS,
};

static int dump_row(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	(void)arg;
	(void)cmd;
	for (size_t i = 0; i < COUNT(dump_columns); i++) {
		const struct nlattr *a = attrs[dump_columns[i]];
		char *text;

		if (i)
			putchar('\t');
		if (!a || nla_len(a) == 1) { /* absent or an empty string */
			putchar('-');
		} else if (mn_ctl_attr_type(dump_columns[i]) == MN_CTL_U64) {
			printf("%" PRIu64, nla_get_u64(a));
		} else if (mn_ctl_attr_type(dump_columns[i]) == MN_CTL_U32) {
			printf("%" PRIu32, nla_get_u32(a));
		} else {
			text = mnt_quote(nla_data(a));
			fputs(text ? text : "?", stdout);
			free(text);
		}
	}
	putchar('\n');
	return ferror(stdout) ? -EIO : 0;
}

int mnt_dump(struct mnt_ctl *c, int argc, char **argv)
{
	struct nl_msg *msg;
	int code =
		sessions_request(c, argc, argv,
				 "Prints the sessions as tab-separated values; the columns are in "
				 "mncsectl(8).",
				 &msg);

	if (code)
		return code;
	if (c->json)
		return list(c, msg, &session_list);
	return mnt_call(c, msg, dump_row, NULL);
}
