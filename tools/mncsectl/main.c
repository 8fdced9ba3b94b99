// SPDX-License-Identifier: GPL-2.0-or-later
/* mncsectl: the command line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mncsectl.h"

enum { OPT_SOCKET = 256, OPT_IN };

static const struct argp_option global_options[] = {
	{ "json", 'j', NULL, 0, "print JSON: an array for a list, an object for one thing", 10 },
	{ "socket", OPT_SOCKET, "PATH", 0, "control socket of the daemon (/run/mncse/mncsed.sock)",
	  10 },
	{ "in", OPT_IN, NULL, 0, "the IN on this machine: /run/mncse/incsed.sock", 10 },
	{ 0 },
};

static error_t parse_global(int key, char *arg, struct argp_state *state)
{
	struct mnt_ctl *c = state->input;

	switch (key) {
	case 'j':
		c->json = true;
		return 0;
	case OPT_SOCKET:
		c->socket = arg;
		return 0;
	case OPT_IN:
		c->in = true;
		return 0;
	case ARGP_KEY_END:
		if (c->in && c->socket)
			argp_error(state, "--in and --socket exclude each other");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp global = { .options = global_options, .parser = parse_global };
static const struct argp_child children[] = { { .argp = &global }, { 0 } };

static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct mnt_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = a->ctl;
		return 0;
	case ARGP_KEY_ARG:
		if (a->n == a->max)
			argp_error(state, "unexpected argument: %s", arg);
		a->word[a->n++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->n < a->min)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		if (key < 1 || key >= MNT_OPTIONS)
			return ARGP_ERR_UNKNOWN;
		if (a->option[key])
			argp_error(state, "an option is given twice: %s", arg);
		a->option[key] = arg;
		return 0;
	}
}

void mnt_args_parse(struct mnt_ctl *c, int argc, char **argv, const struct mnt_usage *u,
		    struct mnt_args *out)
{
	const struct argp argp = {
		.options = u->options,
		.parser = parse_command,
		.args_doc = u->words,
		.doc = u->doc,
		.children = children,
	};
	char name[64];

	snprintf(name, sizeof(name), "mncsectl %s", argv[0]);
	argv[0] = name;
	*out = (struct mnt_args){ .ctl = c, .min = u->min, .max = u->max };
	if (argp_parse(&argp, argc, argv, 0, NULL, out))
		exit(mnt_fail(MNT_FAILED, "not enough memory"));
}

int mnt_fail(int code, const char *fmt, ...)
{
	char *text = NULL, *quoted = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		quoted = mnt_quote_once(text);
	fflush(stdout);
	fprintf(stderr, "mncsectl: %s\n", quoted ? quoted : "not enough memory");
	free(quoted);
	free(text);
	return code;
}

const char *argp_program_version = "mncsectl " MN_VERSION;

static const struct command {
	const char *name;
	mnt_command *fn;
} commands[] = {
	{ "show", mnt_show },         { "status", mnt_status }, { "layers", mnt_layers },
	{ "sessions", mnt_sessions }, { "groups", mnt_groups }, { "devices", mnt_devices },
	{ "stats", mnt_stats },       { "rekey", mnt_rekey },   { "evict", mnt_evict },
	{ "add", mnt_add },           { "remove", mnt_remove }, { "reload", mnt_reload },
	{ "showconf", mnt_showconf }, { "dump", mnt_dump },     { "metrics", mnt_metrics },
	{ "top", mnt_top },
};

static const char doc[] =
	"Asks a gateway (mncsed) or an IN (incsed) that runs on this machine, or changes something in it."
	"\vCommands (mncsectl COMMAND --help):\n"
	"  show                      status, layers and groups for people (no COMMAND)\n"
	"  status                    the daemon itself\n"
	"  layers                    which layers are active, and why one is not\n"
	"  sessions                  [--group G] [--id ID] [--address A] [--state S]\n"
	"  groups                    group, generation of its Rand, members by state\n"
	"  devices                   what the store holds\n"
	"  stats                     all counters\n"
	"  metrics                   all counters as OpenMetrics text\n"
	"  top                       what it does now: sessions, rates, latencies, layers\n"
	"  dump                      sessions as tab-separated values, for programs\n"
	"  showconf                  the configuration in force\n"
	"  rekey GROUP [GATEWAY]     a new Rand (at the IN)\n"
	"  evict ID                  closes a device's session\n"
	"  add --device ID ...       a device with its key, at once and for good\n"
	"  remove ID                 takes a device out\n"
	"  reload                    reads the configuration again\n"
	"\n"
	"Exit status: 0 done, 1 the daemon refused or failed, 2 wrong usage, 3 no daemon there.";

struct first {
	struct mnt_ctl *ctl;
	int at; /* index of the command, 0 = none */
};

static error_t parse_first(int key, char *arg, struct argp_state *state)
{
	struct first *f = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = f->ctl;
		return 0;
	case ARGP_KEY_ARG:
		/* The rest is the command's. */
		f->at = state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse_first,
		.args_doc = "[COMMAND [ARGUMENT...]]",
		.doc = doc,
		.children = children,
	};
	char show[] = "show", *only_show[] = { show, NULL };
	struct mnt_ctl c = { .timeout_ms = 10000 };
	struct first f = { .ctl = &c };
	const struct command *command;
	int code;

	argp_err_exit_status = MNT_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &f))
		return mnt_fail(MNT_FAILED, "not enough memory");
	if (f.at) {
		command = find(argv[f.at]);
		if (!command)
			return mnt_fail(MNT_USAGE,
					"%s: no such command (mncsectl --help lists them)",
					argv[f.at]);
		code = command->fn(&c, argc - f.at, argv + f.at);
	} else {
		code = mnt_show(&c, 1, only_show);
	}
	mn_ctl_disconnect(c.client);
	if (fflush(stdout) || ferror(stdout))
		return mnt_fail(MNT_FAILED, "cannot write the output: %s", strerror(errno));
	return code;
}
