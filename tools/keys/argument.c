// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/crypto.h"
#include "log.h"

#define HEX_MAX (2 * MN_KEY_MAX)

void mnt_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	if (argp_parse(argp, argc, argv, 0, NULL, input)) {
		mn_error("not enough memory");
		exit(MNT_ERROR);
	}
}

void mnt_entity_arg(struct argp_state *state, const char *option, const char *arg, char *out,
		    size_t size)
{
	char normal[MN_ENTITY_MAX + 1];
	size_t len;
	int err = mn_entity_normalise(arg, strlen(arg), normal, &len);

	if (err)
		argp_error(state, "%s: %s", option, mn_identity_strerror(err));
	if (len >= size)
		argp_error(state, "%s: longer than %zu bytes", option, size - 1);
	memcpy(out, normal, len + 1);
}

void mnt_kpsa_arg(struct argp_state *state, const char *option, const char *arg,
		  char out[MN_KPSA_ID_MAX + 1])
{
	size_t len = strlen(arg);
	int err = mn_kpsa_id_check(arg, len);

	if (err)
		argp_error(state, "%s: %s", option, mn_identity_strerror(err));
	memcpy(out, arg, len + 1);
}

void mnt_use_arg(struct argp_state *state, const char *arg, enum mn_store_use *out)
{
	if (!strcmp(arg, "group"))
		*out = MN_USE_GROUP;
	else if (!strcmp(arg, "direct"))
		*out = MN_USE_DIRECT;
	else
		argp_error(state, "--use: group or direct");
}

/* Hex of a file or of standard input; one byte more than fits, to notice what is too long. */
static ssize_t read_hex(const char *path, char *out, size_t max)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	size_t len = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (len < max && (n = read(fd, out + len, max - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		n = -errno;
	if (path)
		close(fd);
	return n < 0 ? n : (ssize_t)len;
}

static size_t without_newline(const char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	return len;
}

void mnt_key_warn(const struct mn_key *key)
{
	if (key->len && key->len < MN_KEY_MIN)
		mn_warn("a key of %u bytes is taken: it protects nothing", key->len);
}

void mnt_key_arg(struct argp_state *state, const char *option, char *arg, struct mn_key *out)
{
	char text[HEX_MAX + 3]; /* CR, LF, one too many */
	size_t key_len = 0;
	ssize_t len;
	int err;

	if (arg[0] == '@' || !strcmp(arg, "-")) {
		len = read_hex(arg[0] == '@' ? arg + 1 : NULL, text, sizeof(text));
		if (len < 0) {
			mn_zero(text, sizeof(text));
			argp_failure(state, MNT_ERROR, (int)-len, "%s", arg);
			return;
		}
		len = (ssize_t)without_newline(text, (size_t)len);
		err = mn_hex_decode(text, (size_t)len, out->bytes, MN_KEY_MAX, &key_len);
	} else {
		err = mn_hex_decode(arg, strlen(arg), out->bytes, MN_KEY_MAX, &key_len);
		mn_zero(arg, strlen(arg));
	}
	mn_zero(text, sizeof(text));
	if (err || !key_len) {
		mn_zero(out, sizeof(*out));
		argp_error(state, "%s: expected the hex digits of 1 to %d bytes, @FILE or -",
			   option, MN_KEY_MAX);
	}
	out->len = (uint8_t)key_len;
}
