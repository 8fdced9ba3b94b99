// SPDX-License-Identifier: GPL-2.0-or-later
/* LD_PRELOAD for the tests of faults: the N-th allocation from now fails, and the wall clock is elsewhere. What to do stands in a
 * file that is mapped, MNCSE_FAULT=FILE, so that a running process can be told (tests/netns/fault.c). With AddressSanitizer its
 * allocator is below this one: say verify_asan_link_order=0 in ASAN_OPTIONS. Calls of it are jumps, by the compiler's optimisation, so
 * that reports, and what LeakSanitizer knows to pass over, show who allocated. */
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t size) __attribute__((weak));
void __sanitizer_print_stack_trace(void) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct fault *fault;
static bool trace;

__attribute__((constructor)) static void init(void)
{
	const char *path = getenv("MNCSE_FAULT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	trace = getenv("MNCSE_FAULT_TRACE") && __sanitizer_print_stack_trace;
	if (p != MAP_FAILED)
		fault = p;
}

static bool fails(void)
{
	static bool inside; /* no thread storage: that is allocated, at a bad moment */
	int64_t at, calls;

	if (!fault || inside)
		return false;
	at = __atomic_load_n(&fault->alloc_at, __ATOMIC_RELAXED);
	calls = __atomic_add_fetch(&fault->alloc_calls, 1, __ATOMIC_RELAXED);
	if (!at || calls != at)
		return false;
	__atomic_add_fetch(&fault->alloc_failed, 1, __ATOMIC_RELAXED);
	if (trace) {
		inside = true;
		__sanitizer_print_stack_trace();
		inside = false;
	}
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (fails())
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (fails())
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (size && fails())
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, size) : __libc_realloc(p, size);
}

/* libc's own is no call that could be seen from here */
char *strdup(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = malloc(len);

	return copy ? memcpy(copy, text, len) : NULL;
}

static int64_t offset(void)
{
	return fault ? __atomic_load_n(&fault->clock_s, __ATOMIC_RELAXED) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, id, ts);

	if (!ret && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += offset();
	return ret;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
