/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results as one HTML page that needs nothing else: tables, and charts as inline SVG. */
#ifndef MNT_REPORT_H
#define MNT_REPORT_H

#include <jansson.h>
#include <stdio.h>

struct mnt_report_run {
	const char *name;     /* shown: the file */
	const json_t *object; /* of mncse-bench(1); members that are missing are left out */
};

/* 0 or -errno of the stream. */
int mnt_report_write(FILE *f, const struct mnt_report_run *runs, size_t n);

/* A file that must be there and writable before a long run begins; an old one keeps its content until then. The descriptor, or
 * -errno. */
int mnt_output_open(const char *path);
/* Replaces what the file holds by the object, or by a report of it, and closes fd. 0 or -errno. */
int mnt_output_json(int fd, const json_t *object);
int mnt_output_report(int fd, const struct mnt_report_run *runs, size_t n);

/* mncse-bench report --out FILE.html A.json B.json ...: exit code. */
int mnt_report_main(int argc, char **argv);

#endif
