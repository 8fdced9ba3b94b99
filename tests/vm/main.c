// SPDX-License-Identifier: GPL-2.0-or-later
/* main GROUP...: runs them. main exit N: ends the virtual machine with that status (QEMU's isa-debug-exit). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vm.h"

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {
	{ "netlink", vm_test_netlink },
	{ "records", vm_test_records },
	{ "handshake", vm_test_handshake },
	{ "fanout", vm_test_fanout },
	{ "outer", vm_test_outer },
	{ "carry", vm_test_carry },
	{ "carry_limits", vm_test_carry_limits },
	{ "carry_life", vm_test_carry_life },
	{ "carry_unload", vm_test_carry_unload },
	{ "life", vm_test_life },
};

int main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };
	int failed = 0;

	if (argc == 3 && !strcmp(argv[1], "exit")) {
		if (ioperm(0x501, 1, 1))
			return 1;
		outb((unsigned char)atoi(argv[2]), 0x501);
		return 1;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
			if (!strcmp(argv[i], groups[g].name))
				failed += groups[g].run();
	return failed ? 1 : 0;
}
