// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "log.h"

volatile sig_atomic_t mnt_stop;

const char *argp_program_version = "mncse-keys " MN_VERSION;

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "init", mnt_init, "write the stores, configurations and credentials of a new group" },
	{ "ksx", mnt_ksx, "print the Ksx of a device and a Rand" },
	{ "add", mnt_add, "add a device, or a peer, to a store" },
	{ "remove", mnt_remove, "remove a device, or a peer, from a store" },
	{ "list", mnt_list, "list what a store holds, without keys" },
	{ "import", mnt_import, "add the devices of a CSV file, all or none" },
	{ "export", mnt_export, "write a store's devices with their keys" },
};
#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

static void on_signal(int signal)
{
	(void)signal;
	mnt_stop = 1;
}

static int help(FILE *f)
{
	fputs("Usage: mncse-keys COMMAND [OPTION...]\n"
	      "Provisions gateways, the IN and devices with their credentials.\n\n",
	      f);
	for (size_t i = 0; i < COMMANDS_N; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\n`mncse-keys COMMAND --help` lists a command's options; mncse-keys(1) says all.\n",
	      f);
	return f == stdout ? MNT_OK : MNT_USAGE;
}

int main(int argc, char **argv)
{
	const struct sigaction stop = { .sa_handler = on_signal };
	char name[64];

	mn_log_init("mncse-keys", MN_LOG_INFO);
	argp_err_exit_status = MNT_USAGE;
	if (argc < 2)
		return help(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help"))
		return help(stdout);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts(argp_program_version);
		return MNT_OK;
	}
	if (mn_crypto_init()) {
		mn_error("the cryptographic library does not start");
		return MNT_ERROR;
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	signal(SIGPIPE, SIG_IGN); /* a write error, so that files are tidied up */
	for (size_t i = 0; i < COMMANDS_N; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		snprintf(name, sizeof(name), "mncse-keys %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	mn_log_quote(name, sizeof(name), argv[1], strlen(argv[1]));
	mn_error("unknown command \"%s\"", name);
	return help(stderr);
}
