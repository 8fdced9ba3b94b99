// SPDX-License-Identifier: GPL-2.0-or-later
/* incsed: the IN's security front with an embedded resource store (incsed(8)). */
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

#include "control.h"
#include "core/crypto.h"
#include "in.h"
#include "log.h"

const char *argp_program_version = "incsed " MN_VERSION;

struct arguments {
	const char *file;
	bool test;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'c':
		a->file = arg;
		return 0;
	case 't':
		a->test = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument: %s", arg);
		return EINVAL;
	case ARGP_KEY_END:
		if (!a->file)
			argp_error(state, "-c FILE is needed");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "configuration, see incsed.yaml(5)", 0 },
	{ "test", 't', NULL, 0, "check the configuration and the store, then exit", 0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "The IN side of oneM2M group authentication (TR-0012 8.2.1): draws Rand for the groups of gateways and "
	       "verifies the service requests of their devices.",
};

#ifdef HAVE_SYSTEMD
#define notify(state) sd_notify(0, state)

/* systemd takes a reload for begun only with the time of it (Type=notify-reload). */
static void notify_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static struct mn_timer watchdog;
static uint64_t watchdog_ms;
static struct mn_loop *watchdog_loop;

static void watchdog_due(struct mn_timer *t)
{
	notify("WATCHDOG=1");
	mn_timer_set(mn_loop_timers(watchdog_loop), t, watchdog_ms);
}

static void watchdog_start(struct mn_loop *l)
{
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return;
	watchdog_ms = us / 2000;
	watchdog_loop = l;
	mn_timer_init(&watchdog, watchdog_due);
	watchdog_due(&watchdog);
}
#else
#define notify(state) ((void)(state))
#define notify_reloading() ((void)0)
#define watchdog_start(l) ((void)(l))
#endif

/* Keys are in this process: no core file, no other process of the user may read it. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static void on_signal(void *arg, int signo)
{
	struct mnt_in *in = arg;
	char err[512];

	if (signo != SIGHUP) {
		notify("STOPPING=1");
		mn_event(MN_EVENT_STOPPING, MN_LOG_INFO, "stopping");
		mn_loop_stop(in->loop);
		return;
	}
	notify_reloading();
	if (mnt_in_reload(in, err))
		mn_event(MN_EVENT_RELOAD_REFUSED, MN_LOG_ERROR, "nothing was changed: %s", err);
	notify("READY=1");
}

static int run(struct mnt_in *in)
{
	char err[512] = "";
	const char *why = NULL;
	int r = mn_crypto_init();

	if (r) {
		mn_error("cryptography does not work here: %s", strerror(-r));
		return r;
	}
	r = mn_loop_new(NULL, &in->loop, &why);
	if (r) {
		mn_error("%s", why);
		return r;
	}
	r = mn_loop_signals(in->loop, on_signal, in);
	if (r)
		snprintf(err, sizeof(err), "signals: %s", strerror(-r));
	else
		r = mnt_in_open(in, err);
	if (!r)
		r = mnt_in_serve(in, err);
	if (r) {
		mn_error("%s", err);
	} else {
		mn_event(MN_EVENT_STARTED, MN_LOG_INFO, "%s: %zu devices, %zu groups, %zu gateways",
			 in->settings.in_id, in->devices.by_id.n, in->groups.table.n,
			 in->gateways.by_id.n);
		fputs("incsed: ready\n", stderr);
		notify("READY=1");
		watchdog_start(in->loop);
		r = mn_loop_run(in->loop);
	}
	mnt_in_close(in);
	mn_loop_free(in->loop);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct mnt_in *in = calloc(1, sizeof(*in));
	char err[512];
	int r;

	harden();
	mn_log_init("incsed", MN_LOG_INFO);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a) || !in) {
		mn_error("not enough memory");
		free(in);
		return 1;
	}
	in->settings_path = a.file;
	r = mnt_settings_read(a.file, &in->settings, err);
	if (r) {
		mn_error("%s", err);
		free(in);
		return 1;
	}
	mn_log_set_level((enum mn_log_level)in->settings.log);
	if (!a.test)
		r = run(in);
	else if ((r = mnt_in_check(&in->settings, err)))
		mn_error("%s: %s", a.file, err);
	else
		fprintf(stderr, "incsed: %s is valid\n", a.file);
	mnt_settings_free(&in->settings);
	mn_zero(in, sizeof(*in));
	free(in);
	return r ? 1 : 0;
}
