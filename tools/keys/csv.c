// SPDX-License-Identifier: GPL-2.0-or-later
#include "csv.h"

#include <errno.h>
#include <string.h>

#include "core/crypto.h"

enum state {
	FIELD_START,
	PLAIN,  /* in an unquoted field */
	QUOTED, /* between the quotes */
	CLOSED, /* after the closing quote, or the first of a doubled one */
};

struct reader {
	struct mnt_csv *csv;
	enum state state;
	size_t len;        /* used of csv->text */
	size_t bytes;      /* read of this record */
	const char *error; /* the first one; the record is then read to its end */
};

static void fail(struct reader *r, const char *why)
{
	if (!r->error)
		r->error = why;
}

static void put(struct reader *r, char c)
{
	if (!r->error)
		r->csv->text[r->len++] = c;
}

/* The size check of each byte leaves room for the terminators. */
static void end_field(struct reader *r)
{
	struct mnt_csv *csv = r->csv;

	if (r->error)
		return;
	r->csv->text[r->len++] = '\0';
	csv->n++;
	r->state = FIELD_START;
}

static void start_field(struct reader *r)
{
	struct mnt_csv *csv = r->csv;

	if (r->error)
		return;
	if (csv->n == MNT_CSV_FIELDS_MAX)
		fail(r, "too many fields");
	else
		csv->fields[csv->n] = csv->text + r->len;
}

/* What a quote means where it stands. */
static void take_quote(struct reader *r)
{
	switch (r->state) {
	case FIELD_START:
		r->state = QUOTED;
		break;
	case PLAIN:
		fail(r, "a quote inside an unquoted field");
		break;
	case QUOTED:
		r->state = CLOSED;
		break;
	case CLOSED:
		put(r, '"');
		r->state = QUOTED;
		break;
	}
}

static void take(struct reader *r, char c)
{
	if (c == '\0')
		fail(r, "a NUL");
	if (r->bytes > MNT_CSV_RECORD_MAX)
		fail(r, "the line is too long");
	if (c == '"') {
		take_quote(r);
	} else if (r->state == QUOTED) {
		put(r, c);
	} else if (c == ',') {
		end_field(r);
		start_field(r);
	} else if (r->state == CLOSED) {
		fail(r, "text after a closing quote");
	} else {
		put(r, c);
		r->state = PLAIN;
	}
}

/* A CR outside quotes is only good before an LF. */
static int get(struct reader *r)
{
	int c = getc(r->csv->f);

	r->bytes += c != EOF;
	if (c != '\r' || r->state == QUOTED)
		return c;
	c = getc(r->csv->f);
	if (c == '\n')
		return c;
	if (c != EOF)
		ungetc(c, r->csv->f);
	fail(r, "a carriage return without a newline");
	return '\r';
}

/* Reads to the end of the record. After an error that is the end of the line: quotes mean nothing any more. */
static int read_record(struct reader *r)
{
	struct mnt_csv *csv = r->csv;
	int c;

	csv->n = 0;
	csv->line = csv->next_line;
	start_field(r);
	while ((c = get(r)) != EOF) {
		if (c == '\n')
			csv->next_line++;
		if (c == '\n' && (r->state != QUOTED || r->error))
			break;
		if (!r->error)
			take(r, (char)c);
	}
	if (ferror(csv->f))
		return -EIO;
	if (c == EOF && r->state == QUOTED)
		fail(r, "a quote that is never closed");
	if (c == EOF && !r->bytes)
		return 0;
	end_field(r);
	if (!r->error)
		return 1;
	snprintf(csv->error, sizeof(csv->error), "%s", r->error);
	return -EBADMSG;
}

static bool is_empty_line(const struct reader *r)
{
	return r->csv->n == 1 && !r->csv->fields[0][0] && r->bytes <= 2;
}

static int read_filled(struct mnt_csv *csv)
{
	struct reader r;
	int ret;

	do {
		r = (struct reader){ .csv = csv };
		ret = read_record(&r);
	} while (ret == 1 && is_empty_line(&r));
	return ret;
}

static void skip_byte_order_mark(FILE *f)
{
	static const unsigned char mark[] = { 0xef, 0xbb, 0xbf };
	int c = getc(f);

	if (c != mark[0]) {
		if (c != EOF)
			ungetc(c, f);
		return;
	}
	/* No name of a column begins like this, so what is not a mark fails soon anyway. */
	for (int i = 1; i < 3; i++) {
		c = getc(f);
		if (c != mark[i]) {
			if (c != EOF)
				ungetc(c, f);
			return;
		}
	}
}

int mnt_csv_init(struct mnt_csv *csv, FILE *f)
{
	int ret;

	memset(csv, 0, sizeof(*csv));
	csv->f = f;
	csv->next_line = 1;
	skip_byte_order_mark(f);
	ret = read_filled(csv);
	if (ret <= 0)
		return ret ? ret : -ENODATA;
	memcpy(csv->header, csv->text, sizeof(csv->header));
	csv->columns = csv->n;
	for (size_t i = 0; i < csv->n; i++) {
		csv->names[i] = csv->header + (csv->fields[i] - csv->text);
		if (!csv->names[i][0]) {
			snprintf(csv->error, sizeof(csv->error), "column %zu has no name", i + 1);
			return -EBADMSG;
		}
		if (mnt_csv_column(csv, csv->names[i]) != (int)i) {
			snprintf(csv->error, sizeof(csv->error), "column %zu repeats a name",
				 i + 1);
			return -EBADMSG;
		}
	}
	return 0;
}

int mnt_csv_next(struct mnt_csv *csv)
{
	int ret = read_filled(csv);

	if (ret == 1 && csv->n != csv->columns) {
		snprintf(csv->error, sizeof(csv->error), "%zu fields, the header has %zu", csv->n,
			 csv->columns);
		return -EBADMSG;
	}
	return ret;
}

int mnt_csv_column(const struct mnt_csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->columns; i++)
		if (csv->names[i] && !strcmp(csv->names[i], name))
			return (int)i;
	return -1;
}

void mnt_csv_fini(struct mnt_csv *csv)
{
	mn_zero(csv, sizeof(*csv));
}

void mnt_csv_put(FILE *f, const char *text)
{
	if (!strpbrk(text, "\",\r\n")) {
		fputs(text, f);
		return;
	}
	putc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', f);
		putc(*text, f);
	}
	putc('"', f);
}
