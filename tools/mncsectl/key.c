// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys come from files and pipes, are never in argv, and are zeroed wherever they were. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "mncsectl.h"

#define FILE_MAX 512

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* At most max bytes; more is -EFBIG. */
static int read_all(int fd, char *buf, size_t max, size_t *len)
{
	char more;

	*len = 0;
	for (;;) {
		ssize_t n = *len < max ? read(fd, buf + *len, max - *len) : read(fd, &more, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (*len == max)
			return -EFBIG;
		*len += (size_t)n;
	}
}

static int decode(const char *name, const char *text, size_t len, struct mnt_key *out)
{
	while (len && is_space(*text)) {
		text++;
		len--;
	}
	while (len && is_space(text[len - 1]))
		len--;
	if (mn_hex_decode(text, len, out->bytes, sizeof(out->bytes), &out->len) || !out->len)
		return mnt_fail(MNT_FAILED, "%s: expected a key of 1 to %d bytes as hex digits",
				name, MN_KEY_MAX);
	return MNT_OK;
}

int mnt_key_read(const char *source, struct mnt_key *out)
{
	const char *name = strcmp(source, "-") == 0 ? "standard input" : source + 1;
	char text[FILE_MAX];
	size_t len;
	int fd, err, code;

	memset(out, 0, sizeof(*out));
	if (strcmp(source, "-") != 0 && (source[0] != '@' || !source[1]))
		return mnt_fail(MNT_USAGE, "--key: a key is not taken from the command line: "
					   "give @FILE, or - for standard input");
	fd = source[0] == '@' ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0)
		return mnt_fail(MNT_FAILED, "%s: %s", name, strerror(errno));
	err = read_all(fd, text, sizeof(text), &len);
	if (fd != STDIN_FILENO)
		close(fd);
	if (err)
		code = mnt_fail(MNT_FAILED, "%s: %s", name, strerror(-err));
	else
		code = decode(name, text, len, out);
	mn_zero(text, sizeof(text));
	if (code)
		mn_zero(out, sizeof(*out));
	return code;
}
