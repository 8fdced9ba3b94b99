// SPDX-License-Identifier: GPL-2.0-or-later
/* fault FILE alloc N: of the processes that have FILE (tests/fault/preload.c) the N-th allocation from now fails; 0 = none.
 * fault FILE clock SECONDS: their wall clock is so far from the machine's.
 * fault FILE: prints "CALLS FAILED", allocations since the first of these. Makes FILE when it is not there. */
#include "../fault/preload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
	struct fault *f;

	if (fd < 0 || ftruncate(fd, sizeof(*f))) {
		fprintf(stderr, "usage: fault FILE [alloc N | clock SECONDS]\n");
		return 2;
	}
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return 1;
	if (argc == 4 && !strcmp(argv[2], "alloc")) {
		f->alloc_at = 0;
		f->alloc_calls = f->alloc_failed = 0;
		__atomic_store_n(&f->alloc_at, atoll(argv[3]), __ATOMIC_SEQ_CST);
	} else if (argc == 4 && !strcmp(argv[2], "clock")) {
		__atomic_store_n(&f->clock_s, atoll(argv[3]), __ATOMIC_SEQ_CST);
	} else if (argc == 2) {
		printf("%" PRId64 " %" PRId64 "\n", f->alloc_calls, f->alloc_failed);
	} else {
		return 2;
	}
	return 0;
}
