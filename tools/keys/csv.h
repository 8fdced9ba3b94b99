/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV as RFC 4180 writes it: quoted fields with doubled quotes, LF or CRLF, a header that names the columns. */
#ifndef MNT_KEYS_CSV_H
#define MNT_KEYS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MNT_CSV_RECORD_MAX 8192 /* bytes of a record */
#define MNT_CSV_FIELDS_MAX 64

/* Belongs to the caller; fields point into text and are valid until the next read. mnt_csv_fini zeroes it. */
struct mnt_csv {
	FILE *f;     /* not owned */
	size_t line; /* of the record just read, from 1 */
	size_t next_line;
	size_t columns; /* of the header */
	size_t n;       /* fields of the record */
	char *fields[MNT_CSV_FIELDS_MAX];
	char text[MNT_CSV_RECORD_MAX + MNT_CSV_FIELDS_MAX];
	char header[MNT_CSV_RECORD_MAX + MNT_CSV_FIELDS_MAX];
	char *names[MNT_CSV_FIELDS_MAX];
	char error[128];
};

/* Starts and reads the header. -EBADMSG with csv->error (malformed, empty or repeated names), -ENODATA (empty), -EIO. */
int mnt_csv_init(struct mnt_csv *csv, FILE *f);
/* 1 = a record with as many fields as the header, 0 = end, -EBADMSG with csv->error and csv->line: the record is skipped and the
 * next call goes on after it, -EIO. Empty lines are skipped. A UTF-8 byte order mark before the header is skipped. */
int mnt_csv_next(struct mnt_csv *csv);
/* Column of that name, -1 when the header has none. */
int mnt_csv_column(const struct mnt_csv *csv, const char *name);
void mnt_csv_fini(struct mnt_csv *csv);

/* Writes a field, quoted where it must be. */
void mnt_csv_put(FILE *f, const char *text);

#endif
