/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files: YAML by libyaml's document API, checked against one table of keys, types, ranges and help.
 * An error reads "FILE:LINE: KEY: expected WHAT, found WHAT". */
#ifndef MN_CONFIG_CONFIG_H
#define MN_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum mn_config_type {
	MN_CONFIG_STRING, /* char[size], terminated; min..max bytes */
	MN_CONFIG_PATH,   /* char[size]; relative paths are taken from the file's folder */
	MN_CONFIG_UINT,   /* uint32_t, min..max */
	MN_CONFIG_BOOL,   /* bool: true/false */
	MN_CONFIG_CHOICE, /* int: index into choices ("auto|on|off") */
	MN_CONFIG_STRINGS, /* struct mn_config_strings: a sequence, min..max items of at most 255 bytes */
};

struct mn_config_strings {
	char **items;
	size_t n;
};

struct mn_config_key {
	const char *name; /* dotted: "upstream.address" */
	enum mn_config_type type;
	size_t offset; /* in the caller's structure */
	size_t size;
	uint32_t min, max; /* max 0: as much as fits */
	const char *choices;
	bool required;
	const char *
		preset; /* default as text, NULL = zero; for MN_CONFIG_STRINGS items parted by commas */
	const char *help; /* one line, also for man pages and the commented default file */
	/* Optional further check of the text (each item's, of a sequence); returns NULL or what was expected. */
	const char *(*check)(const char *text);
};

/* Reads path into out (zeroed first; defaults set). Unknown and repeated keys, wrong types, aliases and tags, a second document, files above
 * 1 MiB, control characters in strings are refused. Relative paths become absolute; an empty one stays empty. An empty section means its
 * defaults. 0 or -EINVAL/-errno with the text in err (512 bytes); out is then freed and zeroed. */
int mn_config_read(const char *path, const struct mn_config_key *keys, size_t n, void *out,
		   size_t out_size, char err[512]);
void mn_config_free(const struct mn_config_key *keys, size_t n, void *out);
/* Writes the configuration as YAML that mn_config_read takes, with a "# help" line above each key when comments. A value that is not set
 * though it may not be empty is left out. */
void mn_config_print(FILE *f, const struct mn_config_key *keys, size_t n, const void *config,
		     bool comments);

#endif
