// SPDX-License-Identifier: GPL-2.0-or-later
/* mncse-bench: many devices at once against a gateway, counted and timed. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/crypto.h"
#include "floor.h"
#include "log.h"
#include "report.h"
#include "result.h"
#include "run.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 130 };

enum {
	IN_FLIGHT = 256,
	TIMEOUT_S = 60,
	SECONDS = 10,
	OTHER_DESCRIPTORS = 64,
};

const char *argp_program_version = "mncse-bench " MN_VERSION;

struct options {
	const char *gateway, *credentials, *json, *html, *gateway_socket, *in_socket, *restart;
	unsigned long devices, in_flight, reconnect_flight, timeout_s, seconds, rate;
	struct mnt_phases phases;
	struct mnt_sources sources;
	uint16_t suites[MNT_SUITES_MAX + 1]; /* none: all but dhe */
	bool kernel, proxy;
	int json_fd, html_fd;
};

/* One socket a device, or one for all. */
static int raise_limit(const struct options *o, unsigned long devices)
{
	struct rlimit l;
	rlim_t need = (o->sources.n ? 0 : devices) + OTHER_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return -errno;
	if (l.rlim_cur >= need)
		return 0;
	l.rlim_cur = need;
	if (l.rlim_max < need)
		l.rlim_max = need; /* for root, up to fs.nr_open */
	if (!setrlimit(RLIMIT_NOFILE, &l))
		return 0;
	mn_error(
		"%lu devices need %llu open files: raise RLIMIT_NOFILE (ulimit -n), or use --sources",
		devices, (unsigned long long)need);
	return -EMFILE;
}

static unsigned int count_groups(const struct mnt_credentials *c)
{
	unsigned int groups = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t j = 0;

		/* groups are few, and a device's is mostly that of the one before it */
		if (i && !strcmp(c->list[i].group, c->list[i - 1].group))
			continue;
		while (j < i && strcmp(c->list[i].group, c->list[j].group) != 0)
			j++;
		groups += j == i;
	}
	return groups;
}

/* Results are written whatever they say; a failure is told as well. */
static int write_files(struct options *o, const struct mnt_run_result *r)
{
	json_t *object = mnt_result_object(r);
	struct mnt_report_run run = { .name = "this run", .object = object };
	int code = EXIT_OK, err;

	err = o->json ? mnt_output_json(o->json_fd, object) : 0;
	if (err) {
		mn_error("%s: %s", o->json, strerror(-err));
		code = EXIT_FAILED;
	}
	err = o->html ? mnt_output_report(o->html_fd, &run, 1) : 0;
	if (err) {
		mn_error("%s: %s", o->html, strerror(-err));
		code = EXIT_FAILED;
	}
	json_decref(object);
	return code;
}

static int report(struct options *o, const struct mnt_run_result *r)
{
	uint64_t unanswered = 0;
	char why[256];
	int code = EXIT_OK;

	for (unsigned int i = 0; i < r->phase_n; i++)
		unanswered += r->phases[i].failed;
	mnt_result_print(r);
	if (r->error[0]) {
		mn_error("%s", r->error);
		code = EXIT_FAILED;
	} else if (r->failed) {
		mn_error("%zu of %zu devices failed", r->failed, r->devices);
		code = EXIT_FAILED;
	} else if (unanswered) {
		mn_error("%llu requests failed", (unsigned long long)unanswered);
		code = EXIT_FAILED;
	}
	if (!code && !r->interrupted && !mnt_result_exact(r, why)) {
		mn_error("%s", why);
		code = EXIT_FAILED;
	}
	if (write_files(o, r))
		code = EXIT_FAILED;
	return r->interrupted ? EXIT_INTERRUPTED : code;
}

/* Before the run, so that an hour of it is not lost to a wrong name. */
static int open_files(struct options *o)
{
	if (o->json && (o->json_fd = mnt_output_open(o->json)) < 0) {
		mn_error("%s: %s", o->json, strerror(-o->json_fd));
		return o->json_fd;
	}
	if (o->html && (o->html_fd = mnt_output_open(o->html)) < 0) {
		mn_error("%s: %s", o->html, strerror(-o->html_fd));
		return o->html_fd;
	}
	return 0;
}

static bool devices_fit(const struct options *o, size_t n)
{
	if (o->devices > n)
		mn_error("%s has %zu devices, not %lu", o->credentials, n, o->devices);
	else if (o->sources.n && n > o->sources.n)
		mn_error("--sources has %u addresses, %zu devices need one each", o->sources.n, n);
	else
		return true;
	return false;
}

static bool know_the_in(const struct options *o, const struct mnt_credentials *c)
{
	for (size_t i = 0; o->proxy && i < c->n; i++) {
		if (c->list[i].cse_id[0])
			continue;
		mn_error("%s: %s has no cse_id, which proxy mode needs", o->credentials,
			 c->list[i].device_id);
		return false;
	}
	return true;
}

static int run(struct options *o)
{
	struct mnt_run_options run_options = { .in_flight = (unsigned int)o->in_flight,
					       .timeout_s = (unsigned int)o->timeout_s,
					       .reconnect_flight =
						       (unsigned int)o->reconnect_flight,
					       .seconds = (unsigned int)o->seconds,
					       .rate = (double)o->rate,
					       .phases = o->phases,
					       .sources = o->sources,
					       .suites = o->suites[0] ? o->suites : NULL,
					       .proxy = o->proxy,
					       .restart = o->restart,
					       .in_socket = o->in_socket };
	struct mnt_credentials credentials = { 0 };
	struct mnt_run_result result;
	char text[MNT_CREDENTIALS_ERR];
	int err, code = EXIT_FAILED;

	if (mnt_agent_resolve(o->gateway, &run_options.gateway, text) ||
	    mnt_credentials_read(o->credentials, NULL, o->devices, &credentials, text)) {
		mn_error("%s", text);
		return EXIT_FAILED;
	}
	if (o->kernel && run_options.gateway.sa.sa_family != AF_INET) {
		mn_error(
			"--kernel needs IPv4: the kernel keeps no byte count of UDP over IPv6 apart");
		goto out;
	}
	if (!know_the_in(o, &credentials) || !devices_fit(o, credentials.n) ||
	    raise_limit(o, credentials.n) || open_files(o))
		goto out;
	if (o->gateway_socket && mnt_counters_open(o->gateway_socket, o->in_socket, o->kernel,
						   &run_options.counters, text)) {
		mn_error("%s", text);
		goto out;
	}
	run_options.credentials = &credentials;
	run_options.groups = count_groups(&credentials);
	err = mnt_run(&run_options, &result);
	if (err)
		mn_error("%s", result.error[0] ? result.error : strerror(-err));
	else
		code = report(o, &result);
	mnt_run_fini(&result);
	mnt_counters_close(run_options.counters);
out:
	mnt_credentials_fini(&credentials);
	return code;
}

/* ---- options ---- */

enum {
	KEY_GATEWAY = 256,
	KEY_CREDENTIALS,
	KEY_DEVICES,
	KEY_MODE,
	KEY_IN_FLIGHT,
	KEY_TIMEOUT,
	KEY_JSON,
	KEY_GATEWAY_SOCKET,
	KEY_IN_SOCKET,
	KEY_KERNEL,
	KEY_REPORT,
	KEY_PHASES,
	KEY_RATE,
	KEY_SECONDS,
	KEY_SOURCES,
	KEY_SUITE,
	KEY_RESTART,
	KEY_RECONNECT,
};

static const struct argp_option argp_options[] = {
	{ "gateway", KEY_GATEWAY, "HOST:PORT", 0, "The gateway", 0 },
	{ "credentials", KEY_CREDENTIALS, "FILE", 0, "devices.csv of mncse-keys", 0 },
	{ "devices", KEY_DEVICES, "N", 0, "How many of the file's devices (all)", 0 },
	{ "mode", KEY_MODE, "group|proxy", 0,
	  "Devices authenticate to the gateway, or through its relay to the IN itself (group)", 0 },
	{ "phases", KEY_PHASES, "LIST", 0,
	  "handshake, then any of rand, request, get, steady, reconnect (handshake,request)", 0 },
	{ "rate", KEY_RATE, "R", 0,
	  "get and steady: R requests a second, whether answered or not (as answers come)", 0 },
	{ "seconds", KEY_SECONDS, "S", 0, "get and steady: how long (10)", 0 },
	{ "sources", KEY_SOURCES, "PREFIX", 0,
	  "One socket for all devices, each with an address of this local prefix", 0 },
	{ "suite", KEY_SUITE, "NAME[,NAME]...", 0,
	  "Offer these alone: gcm, ccm8, cbc, dhe (without: all but dhe)", 0 },
	{ "restart", KEY_RESTART, "COMMAND", 0, "reconnect: restarts the gateway first", 0 },
	{ "reconnect-flight", KEY_RECONNECT, "H", 0, "reconnect: handshakes at a time (all)", 0 },
	{ "report", KEY_REPORT, "FILE.html", 0, "Write the result as a page with charts", 0 },
	{ "in-flight", KEY_IN_FLIGHT, "H", 0, "Handshakes, then requests, at a time (256)", 0 },
	{ "timeout", KEY_TIMEOUT, "S", 0, "Give up after S seconds without progress (60)", 0 },
	{ "json", KEY_JSON, "FILE", 0, "Write the result as one JSON object", 0 },
	{ "gateway-socket", KEY_GATEWAY_SOCKET, "PATH", 0,
	  "Control socket of mncsed: compare its counters", 0 },
	{ "in-socket", KEY_IN_SOCKET, "PATH", 0, "Control socket of incsed: compare its counters",
	  0 },
	{ "kernel", KEY_KERNEL, NULL, 0,
	  "Compare datagrams and bytes with the kernel's counters too", 0 },
	{ 0 },
};

static unsigned long number(struct argp_state *state, const char *name, const char *arg,
			    unsigned long max)
{
	char *rest;
	unsigned long v;

	errno = 0;
	v = strtoul(arg, &rest, 10);
	if (errno || *rest || arg[0] < '0' || arg[0] > '9' || v < 1 || v > max)
		argp_error(state, "--%s %s: expected 1 to %lu", name, arg, max);
	return v;
}

static bool has_phase(const struct mnt_phases *p, enum mnt_phase_kind kind)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->kind[i] == kind)
			return true;
	return false;
}

static void check_options(const struct options *o, struct argp_state *state)
{
	if (!o->gateway || !o->credentials)
		argp_error(state, "--gateway and --credentials are needed");
	if (o->in_socket && !o->gateway_socket)
		argp_error(state, "--in-socket needs --gateway-socket");
	if (o->kernel && !o->in_socket)
		argp_error(state, "--kernel needs --gateway-socket and --in-socket");
	if (has_phase(&o->phases, MNT_PHASE_RAND) && !o->in_socket)
		argp_error(state, "the rand phase needs --in-socket");
	if (o->proxy &&
	    (has_phase(&o->phases, MNT_PHASE_RAND) || has_phase(&o->phases, MNT_PHASE_GET)))
		argp_error(
			state,
			"the rand and get phases are for group mode: there is no Rand in proxy mode");
	if (o->restart && !has_phase(&o->phases, MNT_PHASE_RECONNECT))
		argp_error(state, "--restart is for the reconnect phase");
	if (o->restart && o->kernel)
		argp_error(state, "--kernel cannot be compared with a gateway that restarts");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char text[256];

	switch (key) {
	case KEY_GATEWAY:
		o->gateway = arg;
		break;
	case KEY_CREDENTIALS:
		o->credentials = arg;
		break;
	case KEY_DEVICES:
		o->devices = number(state, "devices", arg, 1000000);
		break;
	case KEY_MODE:
		o->proxy = !strcmp(arg, "proxy");
		if (!o->proxy && strcmp(arg, "group") != 0)
			argp_error(state, "--mode %s: expected group or proxy", arg);
		break;
	case KEY_IN_FLIGHT:
		o->in_flight = number(state, "in-flight", arg, 100000);
		break;
	case KEY_TIMEOUT:
		o->timeout_s = number(state, "timeout", arg, 86400);
		break;
	case KEY_JSON:
		o->json = arg;
		break;
	case KEY_GATEWAY_SOCKET:
		o->gateway_socket = arg;
		break;
	case KEY_IN_SOCKET:
		o->in_socket = arg;
		break;
	case KEY_KERNEL:
		o->kernel = true;
		break;
	case KEY_REPORT:
		o->html = arg;
		break;
	case KEY_PHASES:
		if (mnt_phases_parse(arg, &o->phases, text))
			argp_error(state, "--phases: %s", text);
		break;
	case KEY_RATE:
		o->rate = number(state, "rate", arg, 10000000);
		break;
	case KEY_SECONDS:
		o->seconds = number(state, "seconds", arg, 3600);
		break;
	case KEY_SOURCES:
		if (mnt_sources_parse(arg, &o->sources, text))
			argp_error(state, "--sources: %s", text);
		break;
	case KEY_SUITE:
		if (mnt_suites_parse(arg, o->suites))
			argp_error(state, "--suite %s: expected some of " MNT_SUITES_NAMES, arg);
		break;
	case KEY_RESTART:
		o->restart = arg;
		break;
	case KEY_RECONNECT:
		o->reconnect_flight = number(state, "reconnect-flight", arg, 1000000);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: unexpected argument", arg);
		break;
	case ARGP_KEY_END:
		check_options(o, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options,
		parse_option,
		NULL,
		"Many devices: each authenticates, takes Rand and sends one service request; counts and times are printed."
		"\vmncse-bench report --out FILE.html A.json... makes one page of several results; mncse-bench floor "
		"measures what a datagram costs this machine at least. Exit: 0 ok, 1 a device failed or a count is off, 2 usage.",
		NULL,
		NULL,
		NULL
	};
	struct options o = { .in_flight = IN_FLIGHT,
			     .timeout_s = TIMEOUT_S,
			     .seconds = SECONDS,
			     .phases = { { MNT_PHASE_HANDSHAKE, MNT_PHASE_REQUEST }, 2 } };

	mn_log_init("mncse-bench", MN_LOG_INFO);
	if (argc > 1 && !strcmp(argv[1], "report"))
		return mnt_report_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "floor"))
		return mnt_floor_main(argc - 1, argv + 1);
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) || mn_crypto_init()) {
		mn_error("could not start: no memory or no cryptography");
		return EXIT_FAILED;
	}
	return run(&o);
}
