// SPDX-License-Identifier: GPL-2.0-or-later
#include "settings.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "loop/loop.h"
#include "resource.h"

#define COAPS_PORT 5684

static const char *check_in_id(const char *text)
{
	char out[MN_ENTITY_MAX + 1];
	size_t len;

	if (mn_entity_normalise(text, strlen(text), out, &len) || strcmp(out, text) ||
	    len > MN_GATEWAY_ID_MAX)
		return "an entity ID in NFKC of at most 128 bytes";
	return NULL;
}

static const char *check_address(const char *text)
{
	union mn_addr a;

	return mn_addr_parse(text, COAPS_PORT, &a) ?
		       "an address as \"192.0.2.1:5684\" or \"[2001:db8::1]:5684\"" :
		       NULL;
}

static const char *check_container(const char *text)
{
	return mnt_resource_path_valid(text) ? NULL :
					       "a path as \"in-cse/cnt\" of unreserved characters";
}

#define AT(field)                                       \
	.offset = offsetof(struct mnt_settings, field), \
	.size = sizeof(((struct mnt_settings *)0)->field)

static const struct mn_config_key keys[] = {
	{ .name = "in_id",
	  .type = MN_CONFIG_STRING,
	  AT(in_id),
	  .min = 1,
	  .max = MN_GATEWAY_ID_MAX,
	  .required = true,
	  .help = "entity ID of this IN; the store must have the same",
	  .check = check_in_id },
	{ .name = "store",
	  .type = MN_CONFIG_PATH,
	  AT(store),
	  .min = 1,
	  .max = 4095,
	  .required = true,
	  .help = "store with keys, mapping, generations and resources (mncse-keys init)" },
	{ .name = "listen",
	  .type = MN_CONFIG_STRINGS,
	  AT(listen),
	  .min = 1,
	  .max = 16,
	  .required = true,
	  .help = "UDP addresses for gateways and direct devices; port 5684 where none is given",
	  .check = check_address },
	{ .name = "dhe",
	  .type = MN_CONFIG_BOOL,
	  AT(dhe),
	  .preset = "false",
	  .help = "take DHE-PSK (forward secrecy) from those that offer it, before the other suites" },
	{ .name = "grace_s",
	  .type = MN_CONFIG_UINT,
	  AT(grace_s),
	  .min = 0,
	  .max = 600,
	  .preset = "60",
	  .help = "seconds for which the previous generation is accepted after the gateway took the new one" },
	{ .name = "rotate_s",
	  .type = MN_CONFIG_UINT,
	  AT(rotate_s),
	  .min = 0,
	  .max = 31536000,
	  .preset = "86400",
	  .help = "seconds between two Rands of a group; 0 = only on command" },
	{ .name = "containers",
	  .type = MN_CONFIG_STRINGS,
	  AT(containers),
	  .min = 0,
	  .max = 256,
	  .help = "containers that exist from the start, open to every device",
	  .check = check_container },
	{ .name = "control",
	  .type = MN_CONFIG_PATH,
	  AT(control),
	  .min = 1,
	  .max = 107,
	  .preset = "/run/mncse/incsed.sock",
	  .help = "control socket for mncsectl" },
	{ .name = "log",
	  .type = MN_CONFIG_CHOICE,
	  AT(log),
	  .choices = "error|warn|info|debug",
	  .preset = "info",
	  .help = "most detailed level that is logged" },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

int mnt_settings_read(const char *path, struct mnt_settings *out, char err[512])
{
	return mn_config_read(path, keys, KEYS, out, sizeof(*out), err);
}

void mnt_settings_free(struct mnt_settings *s)
{
	mn_config_free(keys, KEYS, s);
}

void mnt_settings_print(FILE *f, const struct mnt_settings *s)
{
	mn_config_print(f, keys, KEYS, s, false);
}

static bool same_strings(const struct mn_config_strings *a, const struct mn_config_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]))
			return false;
	return true;
}

const char *mnt_settings_fixed(const struct mnt_settings *from, const struct mnt_settings *to)
{
	if (strcmp(from->in_id, to->in_id))
		return "in_id";
	if (strcmp(from->store, to->store))
		return "store";
	if (!same_strings(&from->listen, &to->listen))
		return "listen";
	if (strcmp(from->control, to->control))
		return "control";
	return NULL;
}
