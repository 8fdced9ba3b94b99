// SPDX-License-Identifier: GPL-2.0-or-later
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "idformat.h"
#include "log.h"
#include "loop/loop.h"

enum {
	OPT_OUT = 1000,
	OPT_DEVICES,
	OPT_IN_ID,
	OPT_GATEWAY_ID,
	OPT_GROUP,
	OPT_GROUPS,
	OPT_ID_FORMAT,
	OPT_MODE,
	OPT_GATEWAY_ADDR,
	OPT_IN_ADDR,
	OPT_FORCE,
};

static const struct argp_option options[] = {
	{ "out", OPT_OUT, "DIR", 0, "where to write; made with mode 0700", 0 },
	{ "devices", OPT_DEVICES, "N", 0, "how many, 1 to 1000000", 0 },
	{ "in-id", OPT_IN_ID, "ID", 0, "entity ID of the IN (in-cse-1)", 0 },
	{ "gateway-id", OPT_GATEWAY_ID, "ID", 0, "entity ID of the gateway (mn-cse-1)", 0 },
	{ "group", OPT_GROUP, "NAME", 0, "the group of all devices (g1)", 0 },
	{ "groups", OPT_GROUPS, "N", 0, "instead: groups g1 to gN, evenly, in blocks", 0 },
	{ "id-format", OPT_ID_FORMAT, "FORMAT", 0,
	  "device IDs, with one %d or %0Nd for 1, 2, ... (C%05d)", 0 },
	{ "mode", OPT_MODE, "group|proxy", 0,
	  "what Kpsaxi is for: group authentication, or the device's own DTLS with the IN (group)",
	  0 },
	{ "gateway-addr", OPT_GATEWAY_ADDR, "ADDRESS:PORT", 0,
	  "where devices reach the gateway (127.0.0.1:5684)", 0 },
	{ "in-addr", OPT_IN_ADDR, "ADDRESS:PORT", 0,
	  "where the gateway reaches the IN (127.0.0.1:5685)", 0 },
	{ "force", OPT_FORCE, NULL, 0, "replace what an earlier init wrote", 0 },
	{ 0 },
};

static unsigned int number_arg(struct argp_state *state, const char *option, const char *arg,
			       unsigned int max)
{
	unsigned int n = 0;

	for (const char *c = arg; *c; c++) {
		if (*c < '0' || *c > '9' || n > max)
			argp_error(state, "%s: expected a number from 1 to %u", option, max);
		n = n * 10 + (unsigned int)(*c - '0');
	}
	if (n < 1 || n > max)
		argp_error(state, "%s: expected a number from 1 to %u", option, max);
	return n;
}

static const char *addr_arg(struct argp_state *state, const char *option, const char *arg)
{
	union mn_addr addr;

	if (mn_addr_parse(arg, 0, &addr))
		argp_error(state, "%s: expected ADDRESS:PORT or [IPv6 ADDRESS]:PORT", option);
	return arg;
}

/* An ID as the issuer of identifiers ("/mn-cse-1" becomes "mn-cse-1"): TS-0003 10.3 wants an FQDN there. */
static void make_issuer(const char *id, char *out)
{
	size_t len = 0;

	for (id += *id == '/'; *id; id++) {
		unsigned char c = (unsigned char)*id;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '-' || c == '.';

		out[len++] = plain ? (char)c : '-';
	}
	out[len] = '\0';
}

static void check_whole(struct mnt_init *a, struct argp_state *state)
{
	const char *wrong = mnt_idformat_check(a->id_format);

	if (!a->out || !a->out[0] || !a->devices)
		argp_error(state, "--out and --devices are needed");
	if (wrong)
		argp_error(state, "--id-format: %s", wrong);
	if (a->groups && a->group[0])
		argp_error(state, "--group or --groups, not both");
	if (a->groups > a->devices)
		argp_error(state, "--groups: more groups than devices");
	if (!a->group[0])
		strcpy(a->group, "g1");
	if (!strcmp(a->in_id, a->gateway_id))
		argp_error(state, "--in-id and --gateway-id: one ID for both");
	make_issuer(a->gateway_id, a->gateway_issuer);
	make_issuer(a->in_id, a->in_issuer);
	if (!a->gateway_issuer[0] || !a->in_issuer[0])
		argp_error(state, "--in-id, --gateway-id: an ID of one slash alone");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct mnt_init *a = state->input;

	switch (key) {
	case OPT_OUT:
		a->out = arg;
		return 0;
	case OPT_DEVICES:
		a->devices = number_arg(state, "--devices", arg, MNT_DEVICES_MAX);
		return 0;
	case OPT_IN_ID:
		mnt_entity_arg(state, "--in-id", arg, a->in_id, sizeof(a->in_id));
		return 0;
	case OPT_GATEWAY_ID:
		mnt_entity_arg(state, "--gateway-id", arg, a->gateway_id, sizeof(a->gateway_id));
		return 0;
	case OPT_GROUP:
		mnt_entity_arg(state, "--group", arg, a->group, sizeof(a->group));
		return 0;
	case OPT_GROUPS:
		a->groups = number_arg(state, "--groups", arg, MNT_GROUPS_MAX);
		return 0;
	case OPT_ID_FORMAT:
		a->id_format = arg;
		return 0;
	case OPT_MODE:
		a->proxy = !strcmp(arg, "proxy");
		if (!a->proxy && strcmp(arg, "group"))
			argp_error(state, "--mode: expected group or proxy");
		return 0;
	case OPT_GATEWAY_ADDR:
		a->gateway_addr = addr_arg(state, "--gateway-addr", arg);
		return 0;
	case OPT_IN_ADDR:
		a->in_addr = addr_arg(state, "--in-addr", arg);
		return 0;
	case OPT_FORCE:
		a->force = true;
		return 0;
	case ARGP_KEY_END:
		check_whole(a, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- the folder ---- */

/* In the order in which they are put in place. */
static const char *const files[] = { "in.db", "gateway.db", "mncsed.yaml", "incsed.yaml",
				     "devices.csv" };
#define FILES_N (sizeof(files) / sizeof(files[0]))

static int fail(const char *name, int err)
{
	mn_error("%s: %s", name, strerror(-err));
	return err;
}

static int check_empty(int folder, const char *out)
{
	for (size_t i = 0; i < FILES_N; i++) {
		if (faccessat(folder, files[i], F_OK, AT_SYMLINK_NOFOLLOW))
			continue;
		mn_error("%s/%s is there already: --force replaces it", out, files[i]);
		return -EEXIST;
	}
	return 0;
}

/* What an earlier init wrote may be in use. locks[] are held until the new files are in place. */
static int lock_old(const char *out, int locks[2])
{
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX];
		char err[256];
		int code;

		snprintf(path, sizeof(path), "%s/%s", out, files[i]);
		code = mn_store_lock(path, &locks[i], err);
		if (code == -ENOENT)
			continue;
		if (code) {
			mn_error("%s", err);
			return code;
		}
	}
	return 0;
}

static void unlink_with(int folder, const char *name, const char *suffix)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	unlinkat(folder, full, 0);
}

/* The old files go before the first new one comes: whatever interrupts this, no old file stands beside a new one. */
static int put_in_place(int folder, int temporary, const char *out)
{
	for (size_t i = 0; i < FILES_N; i++)
		if (unlinkat(folder, files[i], 0) && errno != ENOENT)
			return fail(files[i], -errno);
	for (int i = 0; i < 2; i++) {
		unlink_with(folder, files[i], "-wal");
		unlink_with(folder, files[i], "-shm");
	}
	for (size_t i = 0; i < FILES_N; i++)
		if (renameat(temporary, files[i], folder, files[i]))
			return fail(files[i], -errno);
	return fsync(folder) ? fail(out, -errno) : 0;
}

/* The temporary folder holds only files that this program made. */
static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}

static int write_all(const struct mnt_init *a, int folder, const char *temporary)
{
	int locks[2] = { -1, -1 };
	int fd;
	int err = mnt_init_credentials(a, temporary);

	if (!err)
		err = mnt_init_configuration(a, temporary);
	if (err)
		return err;
	fd = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(temporary, -errno);
	err = a->force ? lock_old(a->out, locks) : check_empty(folder, a->out);
	if (!err)
		err = put_in_place(folder, fd, a->out);
	for (int i = 0; i < 2; i++)
		if (locks[i] >= 0)
			close(locks[i]);
	close(fd);
	return err;
}

static int write_folder(const struct mnt_init *a)
{
	int locks[2] = { -1, -1 };
	char temporary[PATH_MAX];
	int folder;
	int err;

	if (mkdir(a->out, 0700) && errno != EEXIST)
		return fail(a->out, -errno);
	folder = open(a->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return fail(a->out, -errno);
	/* Also before the work of many keys, for an early answer. */
	err = a->force ? lock_old(a->out, locks) : check_empty(folder, a->out);
	for (int i = 0; i < 2; i++)
		if (locks[i] >= 0)
			close(locks[i]);
	if (!err && snprintf(temporary, sizeof(temporary), "%s/.init.XXXXXX", a->out) >=
			    (int)sizeof(temporary))
		err = fail(a->out, -ENAMETOOLONG);
	if (!err && !mkdtemp(temporary))
		err = fail(a->out, -errno);
	if (!err) {
		err = write_all(a, folder, temporary);
		remove_folder(temporary);
	}
	close(folder);
	return err;
}

int mnt_init(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Writes in.db, gateway.db, mncsed.yaml, incsed.yaml and devices.csv into DIR, "
		       "all of mode 0600, with new random keys.",
	};
	struct mnt_init a = {
		.in_id = "in-cse-1",
		.gateway_id = "mn-cse-1",
		.id_format = "C%05d",
		.gateway_addr = "127.0.0.1:5684",
		.in_addr = "127.0.0.1:5685",
	};

	mnt_parse(&argp, argc, argv, &a);
	return write_folder(&a) ? MNT_ERROR : MNT_OK;
}
