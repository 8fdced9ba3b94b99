// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"

enum {
	FILE_MAX = 1 << 30,
	FIELD_MAX = 1024,
	COLUMNS_MAX = 64,
};

enum column { DEVICE_ID, INNER_ID, INNER_KEY, IN_ID, IN_KEY, GATEWAY_ID, GROUP, CSE_ID, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {
	[DEVICE_ID] = "device_id", [INNER_ID] = "inner_id", [INNER_KEY] = "inner_key_hex",
	[IN_ID] = "in_id",         [IN_KEY] = "in_key_hex", [GATEWAY_ID] = "gateway_id",
	[GROUP] = "group",         [CSE_ID] = "cse_id",
};

struct reader {
	const char *name;
	const char *at, *end;
	size_t line; /* of the record being read */
	size_t next_line;
	char *err;
	size_t columns;         /* of the header */
	int where[COLUMNS_MAX]; /* column of the file -> enum column, -1 = passed over */
	char fields[N_COLUMNS][FIELD_MAX];
};

__attribute__((format(printf, 3, 4))) static int fail(const struct reader *r, int err,
						      const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->err, MNT_CREDENTIALS_ERR, "%.120s:%zu: ", r->name, r->line);

	va_start(ap, fmt);
	vsnprintf(r->err + n, MNT_CREDENTIALS_ERR - (size_t)n, fmt, ap);
	va_end(ap);
	return err;
}

/* Reads one field into out (terminated). *more: a comma follows. */
static int read_field(struct reader *r, char out[FIELD_MAX], bool *more)
{
	bool quoted = r->at < r->end && *r->at == '"';
	size_t n = 0;

	if (quoted)
		r->at++;
	for (;;) {
		char c;

		if (r->at == r->end) {
			if (quoted)
				return fail(r, -EINVAL, "a quoted field does not end");
			break;
		}
		c = *r->at;
		if (quoted && c == '"') {
			r->at++;
			if (r->at == r->end || *r->at != '"') {
				quoted = false;
				if (r->at < r->end && !strchr(",\r\n", *r->at))
					return fail(r, -EINVAL, "text after a quoted field");
				continue;
			}
		} else if (!quoted && (c == ',' || c == '\n' || c == '\r')) {
			break;
		} else if (!quoted && c == '"') {
			return fail(r, -EINVAL, "a quote inside a field that is not quoted");
		} else if (c == '\0') {
			return fail(r, -EINVAL, "a NUL byte");
		}
		if (c == '\n')
			r->next_line++;
		if (n == FIELD_MAX - 1)
			return fail(r, -EINVAL, "a field is longer than %d bytes", FIELD_MAX - 1);
		out[n++] = c;
		r->at++;
	}
	out[n] = '\0';
	*more = r->at < r->end && *r->at == ',';
	if (*more)
		r->at++;
	return 0;
}

static int end_record(struct reader *r)
{
	if (r->at < r->end && *r->at == '\r')
		r->at++;
	if (r->at < r->end) {
		if (*r->at != '\n')
			return fail(r, -EINVAL, "a carriage return without a line feed");
		r->at++;
		r->next_line++;
	}
	return 0;
}

static int read_header(struct reader *r)
{
	bool more = true, have[N_COLUMNS] = { false };
	char field[FIELD_MAX];

	if (r->end - r->at >= 3 && !memcmp(r->at, "\xef\xbb\xbf", 3))
		r->at += 3;
	while (more) {
		int err = read_field(r, field, &more);

		if (err)
			return err;
		if (r->columns == COLUMNS_MAX)
			return fail(r, -EINVAL, "more than %d columns", COLUMNS_MAX);
		r->where[r->columns] = -1;
		for (int c = 0; c < N_COLUMNS; c++) {
			if (strcmp(field, column_names[c]) != 0)
				continue;
			if (have[c])
				return fail(r, -EINVAL, "the column %s is there twice", field);
			have[c] = true;
			r->where[r->columns] = c;
		}
		r->columns++;
	}
	for (int c = 0; c < N_COLUMNS; c++)
		if (!have[c] && c != GROUP && c != CSE_ID)
			return fail(r, -EINVAL, "the header has no column %s", column_names[c]);
	return end_record(r);
}

static int read_record(struct reader *r)
{
	char unused[FIELD_MAX];
	bool more = true;
	size_t n = 0;
	int err = 0;

	r->line = r->next_line;
	for (int c = 0; c < N_COLUMNS; c++)
		r->fields[c][0] = '\0';
	while (more && !err) {
		if (n == r->columns)
			return fail(r, -EINVAL, "more fields than the header has");
		err = read_field(r, r->where[n] < 0 ? unused : r->fields[r->where[n]], &more);
		n++;
	}
	mn_zero(unused, sizeof(unused));
	if (err)
		return err;
	if (n != r->columns)
		return fail(r, -EINVAL, "%zu fields, the header has %zu", n, r->columns);
	return end_record(r);
}

static int take_key(const struct reader *r, enum column c, uint8_t key[MN_KEY_MAX], uint8_t *len)
{
	const char *hex = r->fields[c];
	size_t n;

	if (!*hex)
		return fail(r, -EINVAL, "%s is empty", column_names[c]);
	if (mn_hex_decode(hex, strlen(hex), key, MN_KEY_MAX, &n) || !n)
		return fail(r, -EINVAL, "%s is not a key of at most %d bytes in hex",
			    column_names[c], MN_KEY_MAX);
	if (n < MN_KEY_MIN)
		return fail(r, -EINVAL, "%s has %zu bytes, the least is %d", column_names[c], n,
			    MN_KEY_MIN);
	*len = (uint8_t)n;
	return 0;
}

static int take_kpsa_id(const struct reader *r, enum column c, char out[MN_KPSA_ID_MAX + 1])
{
	size_t len = strlen(r->fields[c]);
	int err = mn_kpsa_id_check(r->fields[c], len);

	if (err)
		return fail(r, -EINVAL, "%s: %s", column_names[c], mn_identity_strerror(err));
	memcpy(out, r->fields[c], len + 1);
	return 0;
}

static int take_entity(const struct reader *r, enum column c, char *out, size_t max)
{
	char id[MN_ENTITY_MAX + 1];
	size_t len;
	int err = mn_entity_normalise(r->fields[c], strlen(r->fields[c]), id, &len);

	if (!err && len > max)
		err = -E2BIG;
	if (err)
		return fail(r, -EINVAL, "%s: %s", column_names[c], mn_identity_strerror(err));
	memcpy(out, id, len + 1);
	return 0;
}

static int take_record(const struct reader *r, struct mnt_credential *c)
{
	size_t group = strlen(r->fields[GROUP]);
	int err;

	if ((err = take_entity(r, DEVICE_ID, c->device_id, MN_ENTITY_MAX)) ||
	    (err = take_entity(r, GATEWAY_ID, c->gateway_id, MN_GATEWAY_ID_MAX)) ||
	    (err = take_kpsa_id(r, INNER_ID, c->inner_id)) ||
	    (err = take_kpsa_id(r, IN_ID, c->in_id)) ||
	    (err = take_key(r, INNER_KEY, c->inner_key, &c->inner_key_len)) ||
	    (err = take_key(r, IN_KEY, c->in_key, &c->in_key_len)))
		return err;
	err = *r->fields[CSE_ID] ? take_entity(r, CSE_ID, c->cse_id, MN_GATEWAY_ID_MAX) : 0;
	if (err)
		return err;
	if (group > MN_GROUP_MAX)
		return fail(r, -EINVAL, "group has more than %d bytes", MN_GROUP_MAX);
	memcpy(c->group, r->fields[GROUP], group + 1);
	if (c->inner_key_len == c->in_key_len && mn_equal(c->inner_key, c->in_key, c->in_key_len))
		return fail(
			r, -EINVAL,
			"the gateway's key and the IN's key are the same: a key serves one use");
	err = mn_kid(c->in_id, strlen(c->in_id), c->kid);
	return err ? fail(r, err, "%s", strerror(-err)) : 0;
}

/* 0: the record is the wanted one, 1: another. */
static int is_other(const struct reader *r, const char *only)
{
	char id[MN_ENTITY_MAX + 1];
	int err = take_entity(r, DEVICE_ID, id, MN_ENTITY_MAX);

	return err ? err : strcmp(id, only) != 0;
}

/* The list grows by doubling; the old copy's keys are zeroed. */
static int append(struct mnt_credentials *list, size_t *room, const struct mnt_credential *c)
{
	if (list->n == *room) {
		size_t more = *room ? *room * 2 : 16;
		struct mnt_credential *grown = calloc(more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		if (list->n)
			memcpy(grown, list->list, list->n * sizeof(*grown));
		mn_zero(list->list, list->n * sizeof(*grown));
		free(list->list);
		list->list = grown;
		*room = more;
	}
	list->list[list->n++] = *c;
	return 0;
}

static int read_records(struct reader *r, const char *only, size_t max, struct mnt_credentials *out)
{
	struct mnt_credential c;
	size_t room = 0;
	int err = 0;

	while (!err && r->at < r->end && (!max || out->n < max)) {
		memset(&c, 0, sizeof(c));
		err = read_record(r);
		if (!err && only)
			err = is_other(r, only);
		if (err == 1) {
			err = 0;
			continue;
		}
		if (!err)
			err = take_record(r, &c);
		if (!err && append(out, &room, &c))
			err = fail(r, -ENOMEM, "out of memory");
		if (only)
			break;
	}
	mn_zero(&c, sizeof(c));
	return err;
}

int mnt_credentials_parse(const char *name, const char *text, size_t len, const char *only,
			  size_t max, struct mnt_credentials *out, char err[MNT_CREDENTIALS_ERR])
{
	struct reader *r = calloc(1, sizeof(*r));
	struct mnt_credentials list = { 0 };
	int rc;

	*out = list;
	if (!r) {
		snprintf(err, MNT_CREDENTIALS_ERR, "out of memory");
		return -ENOMEM;
	}
	*r = (struct reader){
		.name = name, .at = text, .end = text + len, .line = 1, .next_line = 1, .err = err
	};
	rc = read_header(r);
	if (!rc)
		rc = read_records(r, only, max, &list);
	if (!rc && !list.n) {
		if (only)
			snprintf(err, MNT_CREDENTIALS_ERR, "%.120s: no device %.100s", name, only);
		else
			snprintf(err, MNT_CREDENTIALS_ERR, "%.120s: no devices", name);
		rc = -ENOENT;
	}
	mn_zero(r, sizeof(*r));
	free(r);
	if (rc)
		mnt_credentials_fini(&list);
	*out = list;
	return rc;
}

static int read_all(int fd, char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int mnt_credentials_read(const char *path, const char *only, size_t max,
			 struct mnt_credentials *out, char err[MNT_CREDENTIALS_ERR])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	int rc = 0;

	*out = (struct mnt_credentials){ 0 };
	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		rc = -EFBIG;
	if (!rc) {
		len = (size_t)st.st_size;
		text = malloc(len + 1);
		rc = text ? read_all(fd, text, len) : -ENOMEM;
	}
	if (fd >= 0)
		close(fd);
	if (rc)
		snprintf(err, MNT_CREDENTIALS_ERR, "%.120s: %s", path,
			 rc == -EFBIG ? "not a file of at most 1 GiB" : strerror(-rc));
	else
		rc = mnt_credentials_parse(path, text, len, only, max, out, err);
	if (text)
		mn_zero(text, len);
	free(text);
	return rc;
}

void mnt_credentials_fini(struct mnt_credentials *c)
{
	if (c->list)
		mn_zero(c->list, c->n * sizeof(*c->list));
	free(c->list);
	*c = (struct mnt_credentials){ 0 };
}
