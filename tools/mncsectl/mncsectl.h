/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mncsectl: asks a daemon on its control socket. Answers become JSON values, keys named like the attributes; the
 * text output is made from the same values. Functions that return an exit code have said on stderr what is wrong. */
#ifndef MNT_MNCSECTL_H
#define MNT_MNCSECTL_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/identity.h"
#include "ctl/ctl.h"

enum { MNT_OK, MNT_FAILED, MNT_USAGE, MNT_NOBODY };

struct mnt_ctl {
	bool json, in;
	const char *socket; /* NULL: the daemon's usual one */
	unsigned int timeout_ms;
	struct mn_ctl_client *client; /* NULL until the first call */
};

/* ---- main.c ---- */

/* What the command line of one command holds: options by their key (1..MNT_OPTIONS - 1), NULL where absent; the rest in order. */
#define MNT_OPTIONS 16
struct mnt_args {
	struct mnt_ctl *ctl;
	const char *option[MNT_OPTIONS];
	const char *word[2];
	unsigned int n, min, max; /* words there, and how many there may be */
};

/* A command's own table; options may be NULL. */
struct mnt_usage {
	const struct argp_option *options;
	const char *words, *doc; /* as argp's args_doc and doc */
	unsigned int min, max;
};

/* Exits with MNT_USAGE when the command line is wrong. argv[0] is the command. */
void mnt_args_parse(struct mnt_ctl *c, int argc, char **argv, const struct mnt_usage *u,
		    struct mnt_args *out);
/* "mncsectl: TEXT" on stderr, control characters quoted ('\' stays: a daemon's text is quoted already). Returns code. */
int mnt_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

typedef int mnt_command(struct mnt_ctl *c, int argc, char **argv);
mnt_command mnt_show, mnt_status, mnt_layers, mnt_sessions, mnt_groups, mnt_devices, mnt_stats,
	mnt_dump, mnt_showconf;                                    /* show.c */
mnt_command mnt_top;                                               /* top.c */
mnt_command mnt_metrics;                                           /* metrics.c */
mnt_command mnt_rekey, mnt_evict, mnt_add, mnt_remove, mnt_reload; /* change.c */

/* ---- call.c ---- */

/* Connects c->client to the daemon unless it is. Exit code. */
int mnt_connect(struct mnt_ctl *c);
/* Sends msg (NULL = no memory; frees it) and gives the answers to fn (may be NULL). Exit code. */
int mnt_call(struct mnt_ctl *c, struct nl_msg *msg, mn_ctl_answer_fn *fn, void *arg);
/* The same, the answers as an array of objects in *out (to be json_decref'd). */
int mnt_collect(struct mnt_ctl *c, struct nl_msg *msg, json_t **out);
/* Empty when the daemon does not have that command (any other failure is one). */
int mnt_collect_if_known(struct mnt_ctl *c, struct nl_msg *msg, json_t **out);

/* ---- text.c ---- */

/* Text for a terminal: control, format and invalid characters and '\' become \xHH, other UTF-8 stays. To be freed. */
char *mnt_quote(const char *text);
/* The same for text that may be quoted already: '\' stays. */
char *mnt_quote_once(const char *text);

enum mnt_format {
	MNT_TEXT,
	MNT_COUNT,
	MNT_MS,    /* milliseconds, as a duration */
	MNT_US,    /* microseconds, likewise */
	MNT_BYTES, /* KiB, MiB, ... */
	MNT_DATE,  /* Unix seconds, in UTC */
};

struct mnt_column {
	const char *title, *key;
	enum mnt_format format;
};

/* A value for people, "-" when it is absent. To be freed. */
char *mnt_text(const json_t *value, enum mnt_format format);
/* Rows (objects) as a table with aligned columns. */
void mnt_table(const json_t *rows, const struct mnt_column *columns, size_t n, const char *indent);
/* One object, a line a key that is there. */
void mnt_list(const json_t *object, const struct mnt_column *columns, size_t n);
/* Writes value as JSON and frees it (NULL = no memory). Exit code. */
int mnt_json(json_t *value);

/* ---- name.c ---- */

/* Normalises a name from the command line as the daemons compare it (docs/protocol.md "Credentials"), at most max bytes. what: an option
 * for the error text. Exit code. */
int mnt_name(const char *what, const char *text, size_t max, char out[MN_ENTITY_MAX + 1]);
/* Checks a credential's identifier. Exit code. */
int mnt_kpsa_id(const char *what, const char *text);

/* ---- key.c ---- */

struct mnt_key {
	uint8_t bytes[MN_KEY_MAX];
	size_t len;
};

/* Reads hex digits from "@FILE" or "-" (stdin); white space around them is skipped. Exit code; out is zeroed on failure. */
int mnt_key_read(const char *source, struct mnt_key *out);

#endif
