// SPDX-License-Identifier: GPL-2.0-or-later
#include "lineage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/identity.h"
#include "log.h"

/* The store's row: a path that no TO can name, since what begins with '/' is an SP-relative address. */
#define ROW "/lineage"
#define ROW_LEN (2 * MNT_LINEAGE_TAG + 1) /* "STORE'S FILE'S" */

static int take_row(void *arg, const struct mn_resource_record *r)
{
	char *row = arg;

	if (strlen(r->json) != ROW_LEN)
		return -EBADMSG;
	memcpy(row, r->json, ROW_LEN + 1);
	return 0;
}

/* Less than a sector, so it is never half-written. O_DSYNC: durable on return. */
static int file_write(struct mnt_lineage *l)
{
	ssize_t n = pwrite(l->fd, l->draft, MNT_LINEAGE_TAG, 0);

	if (n == MNT_LINEAGE_TAG)
		return 0;
	return n < 0 ? -errno : -EIO;
}

static bool is_tag(const char *text)
{
	return strspn(text, "0123456789abcdef") == MNT_LINEAGE_TAG;
}

/* The name of a new file is durable with its folder. */
static int folder_sync(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int mnt_lineage_open(struct mnt_lineage *l, struct mn_store *s, const char *store_path, bool *copy,
		     char err[512])
{
	char path[4096 + 16], row[ROW_LEN + 1] = "";
	int r;

	snprintf(path, sizeof(path), "%s.lineage", store_path);
	l->fd = open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = l->fd < 0 ? -errno : folder_sync(path);
	if (r) {
		snprintf(err, 512, "%.400s: %s", path, strerror(-r));
		mnt_lineage_close(l);
		return r;
	}
	if (pread(l->fd, l->tag, MNT_LINEAGE_TAG, 0) != MNT_LINEAGE_TAG || !is_tag(l->tag))
		memset(l->tag, '-', MNT_LINEAGE_TAG); /* as no store has it */
	r = mn_store_resource_get(s, ROW, take_row, row);
	if (r && r != -ENOENT) {
		snprintf(err, 512, "%.200s: %s", store_path, mn_store_error(s));
		mnt_lineage_close(l);
		return r;
	}
	l->stored = !r;
	*copy = r || !is_tag(l->tag) ||
		(memcmp(row, l->tag, MNT_LINEAGE_TAG) &&
		 memcmp(row + MNT_LINEAGE_TAG + 1, l->tag, MNT_LINEAGE_TAG));
	return 0;
}

int mnt_lineage_advance(struct mnt_lineage *l, struct mn_store *s)
{
	struct mn_resource_record r = { .path = ROW, .parent = "-", .ri = ROW, .serial = -1 };
	uint8_t random[MNT_LINEAGE_TAG / 2];
	char row[ROW_LEN + 1];
	int err = mn_random(random, sizeof(random));

	if (err)
		return err;
	mn_hex_encode(random, sizeof(random), l->draft);
	snprintf(row, sizeof(row), "%s %s", l->draft, l->tag);
	if (l->stored)
		return mn_store_resource_set(s, ROW, row);
	r.json = row;
	return mn_store_resource_put(s, &r);
}

void mnt_lineage_settle(struct mnt_lineage *l)
{
	int err = file_write(l);

	l->stored = true;
	if (err)
		mn_error("%s: an older copy of the store could not be told from it: %s",
			 "the .lineage file cannot be written", strerror(-err));
	else
		memcpy(l->tag, l->draft, sizeof(l->tag));
}

void mnt_lineage_close(struct mnt_lineage *l)
{
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct mnt_lineage){ .fd = -1 };
}
