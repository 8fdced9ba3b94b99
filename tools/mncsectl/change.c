// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that change something: at incsed in the IN, at mncsed in the gateway. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/rand_message.h"
#include "mncsectl.h"

/* Puts strings in; NULL ones are left out. False = no memory. */
static bool put(struct nl_msg *msg, int attr, const char *text)
{
	return msg && (!text || nla_put_string(msg, attr, text) == 0);
}

/* Sends msg when it is complete. Prints nothing but, with -j, the object `said`, which is freed. */
static int change(struct mnt_ctl *c, struct nl_msg *msg, bool complete, json_t *said)
{
	int code;

	if (!complete || !said) {
		mn_ctl_request_free(msg);
		json_decref(said);
		return mnt_fail(MNT_FAILED, "not enough memory");
	}
	code = mnt_call(c, msg, NULL, NULL);
	if (!code && c->json)
		return mnt_json(said);
	json_decref(said);
	return code;
}

/* A group may be at several gateways, each with a generation of its own. */
static void print_generations(const json_t *groups)
{
	const json_t *group;
	size_t i;

	json_array_foreach(groups, i, group)
	{
		char *name = mnt_text(json_object_get(group, "group"), MNT_TEXT);
		char *gateway = mnt_text(json_object_get(group, "gateway"), MNT_TEXT);
		char *generation = mnt_text(json_object_get(group, "generation"), MNT_COUNT);

		printf("%s at %s: generation %s\n", name ? name : "?", gateway ? gateway : "?",
		       generation ? generation : "?");
		free(name);
		free(gateway);
		free(generation);
	}
}

int mnt_rekey(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct mnt_usage usage = {
		.words = "GROUP [GATEWAY]",
		.min = 1,
		.max = 2,
		.doc = "Has the IN draw a new Rand for a group: at one gateway, or at all that have it.",
	};
	char group[MN_ENTITY_MAX + 1], gateway[MN_ENTITY_MAX + 1];
	struct nl_msg *msg;
	struct mnt_args a;
	json_t *groups;
	int code;

	mnt_args_parse(c, argc, argv, &usage, &a);
	if (mnt_name("GROUP", a.word[0], MN_GROUP_MAX, group) ||
	    (a.word[1] && mnt_name("GATEWAY", a.word[1], MN_GATEWAY_ID_MAX, gateway)))
		return MNT_USAGE;
	/* The IN may wait for a gateway's whole retransmission (RFC 7252 4.8.2, MAX_TRANSMIT_WAIT). */
	c->timeout_ms = 100000;
	msg = mn_ctl_request_new(MNCSE_CMD_REKEY, false);
	if (!put(msg, MNCSE_A_GROUP, group) ||
	    !put(msg, MNCSE_A_GATEWAY, a.word[1] ? gateway : NULL)) {
		mn_ctl_request_free(msg);
		msg = NULL;
	}
	code = mnt_collect(c, msg, &groups);
	if (code)
		return code;
	if (c->json)
		return mnt_json(groups);
	print_generations(groups);
	json_decref(groups);
	return MNT_OK;
}

enum { OPT_SESSION = 1 };

int mnt_evict(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "session", OPT_SESSION, "NUMBER", 0, "the session with this number instead", 0 },
		{ 0 },
	};
	static const struct mnt_usage usage = {
		.options = options,
		.words = "ID",
		.max = 1,
		.doc = "Closes the session of a device; it may come back. `remove` keeps it out.",
	};
	char id[MN_ENTITY_MAX + 1], *end;
	struct nl_msg *msg;
	struct mnt_args a;
	unsigned long long n;

	mnt_args_parse(c, argc, argv, &usage, &a);
	if (!a.n == !a.option[OPT_SESSION])
		return mnt_fail(MNT_USAGE, "evict: give an ID or --session NUMBER");
	if (a.n) {
		if (mnt_name("ID", a.word[0], MN_ENTITY_MAX, id))
			return MNT_USAGE;
		msg = mn_ctl_request_new(MNCSE_CMD_EVICT, false);
		return change(c, msg, put(msg, MNCSE_A_ENTITY, id),
			      json_pack("{ss}", "entity", id));
	}
	errno = 0;
	n = strtoull(a.option[OPT_SESSION], &end, 10);
	if (errno || *end || a.option[OPT_SESSION][0] < '0' || a.option[OPT_SESSION][0] > '9')
		return mnt_fail(MNT_USAGE, "--session: expected a number, found %s",
				a.option[OPT_SESSION]);
	msg = mn_ctl_request_new(MNCSE_CMD_EVICT, false);
	return change(c, msg, msg && nla_put_u64(msg, MNCSE_A_SESSION_ID, n) == 0,
		      json_pack("{sI}", "session_id", (json_int_t)n));
}

int mnt_remove(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct mnt_usage usage = {
		.words = "ID",
		.min = 1,
		.max = 1,
		.doc = "Takes a device out of the store and ends what it has open, at once.",
	};
	char id[MN_ENTITY_MAX + 1];
	struct nl_msg *msg;
	struct mnt_args a;

	mnt_args_parse(c, argc, argv, &usage, &a);
	if (mnt_name("ID", a.word[0], MN_ENTITY_MAX, id))
		return MNT_USAGE;
	msg = mn_ctl_request_new(MNCSE_CMD_DEVICE_DEL, false);
	return change(c, msg, put(msg, MNCSE_A_ENTITY, id), json_pack("{ss}", "entity", id));
}

int mnt_reload(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct mnt_usage usage = {
		.doc = "Has the daemon read its configuration again; when that is wrong nothing changes.",
	};
	struct mnt_args a;

	mnt_args_parse(c, argc, argv, &usage, &a);
	return change(c, mn_ctl_request_new(MNCSE_CMD_RELOAD, false), true, json_object());
}

/* ---- add ---- */

enum { OPT_DEVICE = 1, OPT_GROUP, OPT_KPSA_ID, OPT_KEY, OPT_KID, OPT_IN_ID, OPT_GATEWAY, OPT_USE };

static const struct argp_option add_options[] = {
	{ "device", OPT_DEVICE, "ID", 0, "entity ID of the device", 0 },
	{ "group", OPT_GROUP, "GROUP", 0, "its group", 0 },
	{ "kpsa-id", OPT_KPSA_ID, "ID", 0,
	  "identifier of the key: KpsaxmId at a gateway, KpsaxiId at the IN", 0 },
	{ "key", OPT_KEY, "@FILE|-", 0, "the key in hex, from a file or from stdin", 0 },
	{ "kid", OPT_KID, "HEX", 0, "at a gateway: the device's kid, 14 digits", 0 },
	{ "in-id", OPT_IN_ID, "ID", 0,
	  "at a gateway, instead of --kid: KpsaxiId, of which the kid is made", 0 },
	{ "gateway", OPT_GATEWAY, "ID", 0, "at the IN: the gateway that the device is behind", 0 },
	{ "use", OPT_USE, "group|direct", 0, "at the IN: what the key serves", 0 },
	{ 0 },
};

static const struct mnt_usage add_usage = {
	.options = add_options,
	.doc = "Adds a device to the store of the running daemon; it may connect at once. "
	       "A key is never given on the command line, where other users can read it.",
};

static int kid_of(const struct mnt_args *a, uint8_t kid[MN_KID_LEN], bool *there)
{
	const char *hex = a->option[OPT_KID], *in_id = a->option[OPT_IN_ID];
	size_t len;

	*there = hex || in_id;
	if (hex && in_id)
		return mnt_fail(MNT_USAGE, "add: --kid and --in-id exclude each other");
	if (hex && (mn_hex_decode(hex, strlen(hex), kid, MN_KID_LEN, &len) || len != MN_KID_LEN))
		return mnt_fail(MNT_USAGE, "--kid: expected %d hex digits, found %s",
				2 * MN_KID_LEN, hex);
	if (!in_id)
		return MNT_OK;
	if (mnt_kpsa_id("--in-id", in_id))
		return MNT_USAGE;
	return mn_kid(in_id, strlen(in_id), kid) ? mnt_fail(MNT_FAILED, "cannot make the kid") :
						   MNT_OK;
}

/* The options but the key, as they are sent. */
struct add {
	char id[MN_ENTITY_MAX + 1], group[MN_ENTITY_MAX + 1], gateway[MN_ENTITY_MAX + 1];
	uint8_t kid[MN_KID_LEN];
	bool has_kid;
};

static int check_add(const struct mnt_args *a, struct add *out)
{
	static const int needed[] = { OPT_DEVICE, OPT_GROUP, OPT_KPSA_ID, OPT_KEY };
	const char *use = a->option[OPT_USE], *gateway = a->option[OPT_GATEWAY];

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!a->option[needed[i]])
			return mnt_fail(MNT_USAGE, "add: --%s is missing",
					add_options[needed[i] - 1].name);
	if (use && strcmp(use, "group") != 0 && strcmp(use, "direct") != 0)
		return mnt_fail(MNT_USAGE, "--use: expected group or direct, found %s", use);
	if (mnt_name("--device", a->option[OPT_DEVICE], MN_ENTITY_MAX, out->id) ||
	    mnt_name("--group", a->option[OPT_GROUP], MN_GROUP_MAX, out->group) ||
	    (gateway && mnt_name("--gateway", gateway, MN_GATEWAY_ID_MAX, out->gateway)) ||
	    mnt_kpsa_id("--kpsa-id", a->option[OPT_KPSA_ID]))
		return MNT_USAGE;
	return kid_of(a, out->kid, &out->has_kid);
}

int mnt_add(struct mnt_ctl *c, int argc, char **argv)
{
	struct nl_msg *msg;
	struct mnt_args a;
	struct mnt_key key;
	struct add add;
	bool complete;
	int code;

	mnt_args_parse(c, argc, argv, &add_usage, &a);
	code = check_add(&a, &add);
	if (!code)
		code = mnt_key_read(a.option[OPT_KEY], &key);
	if (code)
		return code;
	msg = mn_ctl_request_new(MNCSE_CMD_DEVICE_ADD, false);
	complete = put(msg, MNCSE_A_ENTITY, add.id) && put(msg, MNCSE_A_GROUP, add.group) &&
		   put(msg, MNCSE_A_KPSA_ID, a.option[OPT_KPSA_ID]) &&
		   put(msg, MNCSE_A_GATEWAY, a.option[OPT_GATEWAY] ? add.gateway : NULL) &&
		   put(msg, MNCSE_A_USE, a.option[OPT_USE]) &&
		   (!add.has_kid || nla_put(msg, MNCSE_A_KID, sizeof(add.kid), add.kid) == 0) &&
		   nla_put(msg, MNCSE_A_KEY, (int)key.len, key.bytes) == 0;
	mn_zero(&key, sizeof(key));
	return change(c, msg, complete, json_pack("{ss}", "entity", add.id));
}
