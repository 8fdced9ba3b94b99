// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that results go to, and `mncse-bench report`. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "report.h"

int mnt_output_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

/* /dev/stdout and the like cannot be cut. */
static FILE *begin(int fd)
{
	FILE *f = fdopen(fd, "w");

	if (!f)
		close(fd);
	else if (ftruncate(fd, 0) && errno != EINVAL) {
		fclose(f);
		f = NULL;
	}
	return f;
}

int mnt_output_json(int fd, const json_t *object)
{
	FILE *f = begin(fd);
	int err = 0;

	if (!f)
		return -EIO;
	if (!object || json_dumpf(object, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) ||
	    fputc('\n', f) == EOF)
		err = -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

int mnt_output_report(int fd, const struct mnt_report_run *runs, size_t n)
{
	FILE *f = begin(fd);
	int err;

	if (!f)
		return -EIO;
	err = mnt_report_write(f, runs, n);
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

/* ---- mncse-bench report ---- */

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

struct report_options {
	const char *out;
	char **files;
	size_t n;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct report_options *o = state->input;

	switch (key) {
	case 'o':
		o->out = arg;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->n = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_END:
		if (!o->out || !o->n)
			argp_error(state, "--out and at least one JSON file are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int read_run(const char *path, struct mnt_report_run *run)
{
	json_error_t why;
	json_t *o = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!o) {
		mn_error("%s:%d: %s", path, why.line, why.text);
		return -EINVAL;
	}
	if (!json_is_object(o) || !json_is_number(json_object_get(o, "devices"))) {
		mn_error("%s: not a result of mncse-bench --json", path);
		json_decref(o);
		return -EINVAL;
	}
	*run = (struct mnt_report_run){ .name = base_name(path), .object = o };
	return 0;
}

static int write_report(const struct report_options *o, struct mnt_report_run *runs)
{
	int fd, err = 0;

	for (size_t i = 0; i < o->n && !err; i++)
		err = read_run(o->files[i], &runs[i]);
	if (err)
		return EXIT_FAILED;
	fd = mnt_output_open(o->out);
	err = fd < 0 ? fd : mnt_output_report(fd, runs, o->n);
	if (err)
		mn_error("%s: %s", o->out, strerror(-err));
	return err ? EXIT_FAILED : EXIT_OK;
}

int mnt_report_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "out", 'o', "FILE.html", 0, "Where the page goes", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		options,
		parse_option,
		"A.json [B.json...]",
		"One page with tables and charts of results of mncse-bench --json.",
		NULL,
		NULL,
		NULL
	};
	struct report_options o = { .out = NULL };
	struct mnt_report_run *runs;
	int code = EXIT_FAILED;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	runs = calloc(o.n, sizeof(*runs));
	if (runs)
		code = write_report(&o, runs);
	for (size_t i = 0; runs && i < o.n; i++)
		json_decref((json_t *)runs[i].object);
	free(runs);
	return code;
}
