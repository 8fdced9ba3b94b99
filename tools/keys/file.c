// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "log.h"

#define BUFFER 65536

int mnt_file_new(struct mnt_file *file, const char *path)
{
	struct mnt_file new = { 0 };
	int fd = -1;
	int err = 0;

	new.path = strdup(path);
	new.buffer = malloc(BUFFER);
	if (!new.path || !new.buffer || asprintf(&new.temporary, "%s.XXXXXX", path) < 0) {
		new.temporary = NULL;
		err = -ENOMEM;
	} else {
		fd = mkstemp(new.temporary); /* 0600 */
		if (fd < 0) {
			err = -errno;
			free(new.temporary);
			new.temporary = NULL;
		}
	}
	if (!err) {
		new.f = fdopen(fd, "w");
		err = new.f ? 0 : -errno;
	}
	if (err) {
		mn_error("%s: %s", path, strerror(-err));
		if (fd >= 0)
			close(fd);
		mnt_file_fini(&new);
		return err;
	}
	setvbuf(new.f, new.buffer, _IOFBF, BUFFER);
	*file = new;
	return 0;
}

int mnt_file_commit(struct mnt_file *file)
{
	int err = 0;

	if (ferror(file->f) || fflush(file->f) || fsync(fileno(file->f)))
		err = errno ? -errno : -EIO;
	if (fclose(file->f) && !err)
		err = -errno;
	file->f = NULL;
	if (!err && rename(file->temporary, file->path))
		err = -errno;
	if (err) {
		mn_error("%s: %s", file->path, strerror(-err));
		return err;
	}
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

void mnt_file_fini(struct mnt_file *file)
{
	if (file->f)
		fclose(file->f);
	if (file->temporary) {
		unlink(file->temporary);
		free(file->temporary);
	}
	if (file->buffer)
		mn_zero(file->buffer, BUFFER);
	free(file->buffer);
	free(file->path);
	memset(file, 0, sizeof(*file));
}
