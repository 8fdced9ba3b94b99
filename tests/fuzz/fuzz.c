// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "log.h"

static uint64_t random_state;

/* In place of libc's: splitmix64, so that a run can be repeated. wolfSSL and mn_random both draw here. */
ssize_t getrandom(void *out, size_t len, unsigned int flags)
{
	uint8_t *p = out;

	(void)flags;
	for (size_t i = 0; i < len; i++) {
		uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		p[i] = (uint8_t)(z >> 56);
	}
	return (ssize_t)len;
}

/* SQLite asks for them: what a run leaves need not outlive the machine. */
int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

/* In memory where the machine has /dev/shm. What asks has room for a name in /tmp, which is as long or longer. */
char *mkdtemp(char *name)
{
	static const char form[] = "/dev/shm/mn-0000000";
	static unsigned int n;
	bool memory = !access("/dev/shm", W_OK) && strlen(name) >= sizeof(form) - 2;

	do {
		if (memory)
			snprintf(name, sizeof(form) - 1, "/dev/shm/mn-%06x", n++ & 0xffffff);
		else
			snprintf(name + strlen(name) - 6, 7, "%06x", n++ & 0xffffff);
	} while (mkdir(name, 0700) && errno == EEXIST);
	return name;
}

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void fuzz_start(void)
{
	static bool started;

	random_state = 1;
	if (started)
		return;
	started = true;
	mn_log_init("fuzz", (enum mn_log_level) - 1); /* not even errors: most inputs make some */
	MUST(!mn_crypto_init());
}

uint8_t fuzz_u8(struct fuzz *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->at++;
}

uint16_t fuzz_u16(struct fuzz *f)
{
	uint8_t high = fuzz_u8(f);

	return (uint16_t)(high << 8 | fuzz_u8(f));
}

uint64_t fuzz_u64(struct fuzz *f)
{
	uint64_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 16 | fuzz_u16(f);
	return v;
}

const uint8_t *fuzz_bytes(struct fuzz *f, size_t max, size_t *len)
{
	const uint8_t *p;
	size_t n = max > 255 ? fuzz_u16(f) : fuzz_u8(f);

	if (n > max)
		n %= max + 1;
	if (n > f->left)
		n = f->left;
	p = f->at;
	f->at += n;
	f->left -= n;
	*len = n;
	return p;
}

uint8_t *fuzz_copy(const void *data, size_t len)
{
	uint8_t *p = malloc(len ? len : 1);

	MUST(p);
	if (len)
		memcpy(p, data, len);
	return p;
}

static void resize(uint8_t **data, size_t *len, size_t to)
{
	uint8_t *p = malloc(to ? to : 1);

	MUST(p);
	memset(p, 0, to);
	memcpy(p, *data, to < *len ? to : *len);
	free(*data);
	*data = p;
	*len = to;
}

void fuzz_damage(struct fuzz *f, uint8_t **data, size_t *len)
{
	unsigned int n = fuzz_u8(f) % 4 + 1;

	while (n--) {
		uint8_t how = fuzz_u8(f);
		size_t at = *len ? fuzz_u16(f) % *len : 0, more, before = *len;
		const uint8_t *p;

		switch (how % 5) {
		case 0:
			if (*len)
				(*data)[at] ^= (uint8_t)(1u << (how / 5 % 8));
			break;
		case 1:
			if (*len)
				(*data)[at] = fuzz_u8(f);
			break;
		case 2:
			resize(data, len, at);
			break;
		case 3:
			p = fuzz_bytes(f, 64, &more);
			resize(data, len, before + more);
			memcpy(*data + before, p, more);
			break;
		case 4:
			more = before - at;
			resize(data, len, before + more);
			memcpy(*data + before, *data + at, more);
			break;
		}
	}
}

const char *fuzz_file(const void *data, size_t len)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	MUST(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, len, 0) == (ssize_t)len);
	return path;
}
