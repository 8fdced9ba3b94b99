/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mncse-keys: what its commands share. A command returns the program's exit code. */
#ifndef MNT_KEYS_KEYS_H
#define MNT_KEYS_KEYS_H

#include <argp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

enum { MNT_OK = 0, MNT_ERROR = 1, MNT_USAGE = 2 };

/* argv[0] is "mncse-keys COMMAND". */
int mnt_init(int argc, char **argv);
int mnt_ksx(int argc, char **argv);
int mnt_add(int argc, char **argv);
int mnt_remove(int argc, char **argv);
int mnt_list(int argc, char **argv);
int mnt_import(int argc, char **argv);
int mnt_export(int argc, char **argv);

/* Set by SIGINT and SIGTERM: a long command tidies up and ends. */
extern volatile sig_atomic_t mnt_stop;

/* ---- arguments ---- */

/* Parses with argp; the handler finds its structure in state->input. Usage errors end the program with MNT_USAGE. */
void mnt_parse(const struct argp *argp, int argc, char **argv, void *input);
/* Normalised entity ID of at most size - 1 bytes, or a usage error that names the option. */
void mnt_entity_arg(struct argp_state *state, const char *option, const char *arg, char *out,
		    size_t size);
void mnt_kpsa_arg(struct argp_state *state, const char *option, const char *arg,
		  char out[MN_KPSA_ID_MAX + 1]);
void mnt_use_arg(struct argp_state *state, const char *arg, enum mn_store_use *out);
/* HEX, @FILE (hex, a newline may follow) or - (the same from standard input). A HEX argument is wiped from the process's
 * arguments. */
void mnt_key_arg(struct argp_state *state, const char *option, char *arg, struct mn_key *out);
/* Says so when it is short: those of less than 16 bytes are taken only with --allow-short-keys. */
void mnt_key_warn(const struct mn_key *key);

/* ---- the store ---- */

/* Opens a store of either role. exclusive: -EBUSY, silently, when its daemon runs. Other errors are printed. */
int mnt_store_open(const char *path, bool exclusive, struct mn_store **out);
void mnt_store_close(struct mn_store **s); /* for the cleanup attribute */
/* Entity ID of the only peer; false when there is none or more than one. */
bool mnt_only_peer(struct mn_store *s, char out[MN_GATEWAY_ID_MAX + 1]);

/* ---- a store whose daemon runs: the daemon is asked ---- */

/* socket NULL: beside the store, as init writes it, else /run/mncse/. The answer is printed when it is an error. */
int mnt_daemon_add(const char *store, const char *socket, enum mn_store_role role,
		   const struct mn_device_record *d);
int mnt_daemon_remove(const char *store, const char *socket, enum mn_store_role role,
		      const char *id);

/* ---- files ---- */

/* A new file of mode 0600 in a temporary name beside path, put in place by mnt_file_commit. Its buffer is zeroed when it
 * goes, since keys pass through it. */
struct mnt_file {
	FILE *f;
	char *buffer;
	char *path;
	char *temporary;
};
int mnt_file_new(struct mnt_file *file, const char *path);
/* Flushes to the disk and renames. Errors are printed; the temporary file is gone then. */
int mnt_file_commit(struct mnt_file *file);
void mnt_file_fini(struct mnt_file *file);

#endif
