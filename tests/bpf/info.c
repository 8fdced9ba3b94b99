// SPDX-License-Identifier: GPL-2.0-or-later
/* LIBS: -lbpf */
/* make bpf-info: loads each program by itself and prints what this kernel's verifier says of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "reuseport.skel.h"
#include "tc_class.skel.h"
#include "xdp_guard.skel.h"

enum { LOG_STATS = 4 };

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static unsigned long number(const char *log, const char *what)
{
	const char *at = strstr(log, what);
	unsigned long n = 0;

	return at && sscanf(at + strlen(what), "%lu", &n) == 1 ? n : 0;
}

/* "stack depth 240+56": a frame for each function */
static unsigned long stack(const char *log)
{
	const char *at = strstr(log, "stack depth ");
	unsigned long sum = 0, n;
	int used;

	for (at = at ? at + 12 : ""; sscanf(at, "%lu%n", &n, &used) == 1; at += used + 1) {
		sum += n;
		if (at[used] != '+')
			break;
	}
	return sum;
}

static int show(struct bpf_object *o)
{
	static char log[4][65536];
	struct bpf_program *p;
	unsigned int n = 0;
	int err;

	bpf_object__for_each_program(p, o)
	{
		bpf_program__set_log_level(p, LOG_STATS);
		bpf_program__set_log_buf(p, log[n++ % 4], sizeof(log[0]));
	}
	err = bpf_object__load(o);
	if (err) {
		fprintf(stderr, "%s: %s\n", bpf_object__name(o), strerror(-err));
		return 1;
	}
	n = 0;
	bpf_object__for_each_program(p, o)
	{
		const char *text = log[n++ % 4];

		printf("%-14s %8zu %10lu %10lu %10lu\n", bpf_program__name(p),
		       bpf_program__insn_cnt(p), number(text, "processed "), stack(text),
		       number(text, "verification time "));
	}
	return 0;
}

int main(void)
{
	struct xdp_guard *guard;
	struct tc_class *class;
	struct reuseport *reuseport;
	struct utsname u;
	int failed = 0;

	libbpf_set_print(quiet);
	uname(&u);
	printf("Linux %s\n%-14s %8s %10s %10s %10s\n", u.release, "program", "insns", "steps",
	       "stack", "usec");
	guard = xdp_guard__open();
	class = tc_class__open();
	reuseport = reuseport__open();
	failed |= !guard || show(guard->obj);
	failed |= !class || show(class->obj);
	failed |= !reuseport || show(reuseport->obj);
	xdp_guard__destroy(guard);
	tc_class__destroy(class);
	reuseport__destroy(reuseport);
	return failed;
}
