// SPDX-License-Identifier: GPL-2.0-or-later
/* mncsed: the gateway (MN-CSE) of group authentication. Command line, signals, process set-up. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "core/crypto.h"
#include "gateway.h"
#include "log.h"
#include "settings.h"
#include "watchdog.h"

const char *argp_program_version = "mncsed " MN_VERSION;

struct arguments {
	const char *path;
	bool check;
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "configuration, mncsed.yaml(5)", 0 },
	{ "test", 't', NULL, 0, "check the configuration and the store, then exit", 0 },
	{ 0 },
};

static error_t option(int key, char *value, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'c':
		a->path = value;
		return 0;
	case 't':
		a->check = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", value);
		return EINVAL;
	case ARGP_KEY_END:
		if (!a->path)
			argp_error(state, "-c FILE is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Keys must reach neither a core file nor a debugger of the same user. */
static void protect_process(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none))
		mn_warn("core files could not be switched off: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		mn_warn("the process could not be made undumpable: %s", strerror(errno));
}

static void notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

static void notify_reloading(void)
{
#ifdef HAVE_SYSTEMD
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
#endif
}

/* Milliseconds between two signs of life: half of what the service manager allows; 0: it does not ask. */
static uint64_t watchdog_ms(void)
{
	uint64_t us = 0;

#ifdef HAVE_SYSTEMD
	if (sd_watchdog_enabled(0, &us) <= 0)
		return 0;
#endif
	return us / 2000;
}

static void signalled(void *arg, int signo)
{
	struct mnd_gateway *g = arg;
	char err[512];

	if (signo != SIGHUP) {
		notify("STOPPING=1");
		mnd_gateway_drain(g);
		return;
	}
	notify_reloading();
	if (mnd_gateway_reload(g, err))
		mn_event(MN_EVENT_RELOAD_REFUSED, MN_LOG_ERROR, "reload: %s", err);
	else
		mn_event(MN_EVENT_RELOADED, MN_LOG_INFO, "configuration and store read again");
	notify("READY=1");
}

static int serve(const char *path, struct mnd_settings *settings)
{
	struct mnd_watchdog watchdog = { 0 };
	struct mnd_gateway *g = NULL;
	char err[512];
	int rc = mnd_gateway_new(path, settings, &g, err);

	if (rc) {
		mn_error("%s: %s", path, err);
		return rc;
	}
	rc = mn_loop_signals(g->loop, signalled, g);
	if (rc) {
		mn_error("signals: %s", strerror(-rc));
	} else {
		fputs("mncsed: ready\n", stderr);
		notify("READY=1");
		mnd_watchdog_start(&watchdog, g, watchdog_ms(), notify);
		rc = mn_loop_run(g->loop);
		mnd_watchdog_stop(&watchdog);
	}
	mnd_gateway_free(g);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = option,
		.doc = "Gateway (MN-CSE) of oneM2M TR-0012 group authentication.",
	};
	struct arguments a = { 0 };
	struct mnd_settings settings;
	char err[512];
	int rc;

	mn_log_init("mncsed", MN_LOG_INFO);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a)) {
		mn_error("not enough memory");
		return EXIT_FAILURE;
	}
	protect_process();
	rc = mnd_settings_read(a.path, &settings, err);
	if (!rc) {
		mn_log_set_level((enum mn_log_level)settings.log);
		rc = mn_crypto_init();
		if (rc)
			snprintf(err, sizeof(err), "cryptography could not be started");
	}
	if (rc) {
		mn_error("%s", err);
	} else if (a.check) {
		rc = mnd_gateway_check(&settings, err);
		if (rc)
			mn_error("%s: %s", a.path, err);
	} else {
		rc = serve(a.path, &settings);
	}
	mnd_settings_free(&settings);
#ifdef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak check attaches to the process */
#endif
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
