// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

enum { OPT_KEY = 1000, OPT_ID, OPT_RAND, OPT_SHORT };

struct arguments {
	struct mn_key key;
	char id[MN_ENTITY_MAX + 1];
	uint8_t rand[MN_RAND_LEN];
	bool has_rand;
	bool allow_short;
};

static const struct argp_option options[] = {
	{ "key", OPT_KEY, "HEX|@FILE|-", 0, "Kpsaxi; on the command line others can see it", 0 },
	{ "id", OPT_ID, "ID", 0, "the device's entity ID", 0 },
	{ "rand", OPT_RAND, "HEX", 0, "Rand, 32 bytes", 0 },
	{ "allow-short-keys", OPT_SHORT, NULL, 0, "take a key of less than 16 bytes", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	size_t len;

	switch (key) {
	case OPT_KEY:
		mnt_key_arg(state, "--key", arg, &a->key);
		return 0;
	case OPT_ID:
		mnt_entity_arg(state, "--id", arg, a->id, sizeof(a->id));
		return 0;
	case OPT_RAND:
		if (mn_hex_decode(arg, strlen(arg), a->rand, sizeof(a->rand), &len) ||
		    len != sizeof(a->rand))
			argp_error(state, "--rand: expected the hex digits of %d bytes",
				   MN_RAND_LEN);
		a->has_rand = true;
		return 0;
	case OPT_SHORT:
		a->allow_short = true;
		return 0;
	case ARGP_KEY_END:
		if (!a->key.len || !a->id[0] || !a->has_rand)
			argp_error(state, "--key, --id and --rand are needed");
		if (a->key.len < MN_KEY_MIN && !a->allow_short)
			argp_error(state, "--key: shorter than %d bytes", MN_KEY_MIN);
		mnt_key_warn(&a->key);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int mnt_ksx(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Prints Ksx = HMAC-SHA-256(Kpsaxi, label || ID || Rand) in hex, nothing else.",
	};
	struct arguments a = { 0 };
	uint8_t ksx[MN_KSX_LEN];
	char hex[2 * MN_KSX_LEN + 1];
	int err;

	mnt_parse(&argp, argc, argv, &a);
	err = mn_ksx_derive(a.key.bytes, a.key.len, a.id, strlen(a.id), a.rand, ksx);
	if (!err) {
		mn_hex_encode(ksx, sizeof(ksx), hex);
		if (puts(hex) == EOF || fflush(stdout))
			err = -EIO;
	}
	mn_zero(ksx, sizeof(ksx));
	mn_zero(hex, sizeof(hex));
	mn_zero(&a, sizeof(a));
	if (err)
		mn_error("ksx: %s", strerror(-err));
	return err ? MNT_ERROR : MNT_OK;
}
