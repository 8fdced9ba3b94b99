// SPDX-License-Identifier: GPL-2.0-or-later
/* mncse-device: one device from handshake to verified answer, each step shown. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "core/crypto.h"
#include "log.h"
#include "print.h"
#include "send.h"

const char *argp_program_version = "mncse-device " MN_VERSION;

enum {
	EXIT_OK,
	EXIT_INPUT,
	EXIT_USAGE,
	EXIT_HANDSHAKE,
	EXIT_NO_RAND,
	EXIT_REFUSED,
	EXIT_UNVERIFIED,
	EXIT_RSC,
	EXIT_INTERRUPTED = 130,
};

enum {
	TIMEOUT_S = 40, /* the gateway needs 30 s to say that the IN is silent */
	PING_MS = 25000,
	UNVERIFIED_MAX = 3, /* the first try, a fresh context, the other Rand */
};

struct options {
	const char *gateway, *credentials, *id;
	struct mnt_send *sends;
	size_t n_sends;
	unsigned long count, timeout_s;
	uint16_t suites[MNT_SUITES_MAX + 1]; /* none: all but dhe */
	bool direct, observe, json, stay;
};

struct device {
	struct options options;
	struct mn_loop *loop;
	struct mnt_agent *agent;
	struct mn_timer rand_timer;
	uint64_t start_us;
	unsigned long sent; /* requests begun */
	bool opened, began, ending;
	int code;
};

/* ---- steps ---- */

static void end(struct device *d, int code)
{
	if (d->ending)
		return;
	d->ending = true;
	d->code = code;
	mn_timer_del(&d->rand_timer);
	if (!mnt_agent_stop(d->agent))
		mn_loop_stop(d->loop);
}

static void next_request(struct device *d)
{
	const struct options *o = &d->options;
	struct mnt_send *s;

	if (d->sent == o->count * o->n_sends) {
		if (!o->stay)
			end(d, d->code);
		return;
	}
	s = &o->sends[d->sent++ % o->n_sends];
	s->request.to = s->to;
	if (mnt_agent_request(d->agent, &s->request))
		end(d, EXIT_INPUT);
}

/* The first time that a request can go. */
static void begin(struct device *d)
{
	if (d->began)
		return;
	d->began = true;
	next_request(d);
}

static void done(struct device *d, const struct mnt_event *e)
{
	switch (e->result) {
	case MNT_RESULT_VERIFIED:
		if (e->response->rsc >= 4000)
			d->code = EXIT_RSC;
		next_request(d);
		break;
	case MNT_RESULT_REFUSED:
		end(d, EXIT_REFUSED);
		break;
	case MNT_RESULT_UNVERIFIED:
	case MNT_RESULT_SILENT:
		end(d, EXIT_UNVERIFIED);
		break;
	case MNT_RESULT_FAILED:
		end(d, EXIT_INPUT);
		break;
	}
}

static void closed(struct device *d, const struct mnt_event *e)
{
	if (d->ending)
		mn_loop_stop(d->loop);
	else if (!e->was_open && !(d->options.stay && d->opened))
		end(d, EXIT_HANDSHAKE);
}

static void event(void *arg, struct mnt_agent *a, const struct mnt_event *e)
{
	struct device *d = arg;

	mnt_print_event(a, e, d->start_us, d->options.json);
	switch (e->type) {
	case MNT_EVENT_OPENED:
		d->opened = true;
		if (d->options.direct)
			begin(d);
		else if (!mnt_agent_has_rand(a))
			mn_timer_set(mn_loop_timers(d->loop), &d->rand_timer,
				     d->options.timeout_s * 1000);
		break;
	case MNT_EVENT_CLOSED:
		closed(d, e);
		break;
	case MNT_EVENT_RAND:
		mn_timer_del(&d->rand_timer);
		begin(d);
		break;
	case MNT_EVENT_DONE:
		done(d, e);
		break;
	case MNT_EVENT_CONNECTING:
	case MNT_EVENT_RAND_REFUSED:
	case MNT_EVENT_RAND_NONE:
	case MNT_EVENT_CONTEXT:
	case MNT_EVENT_SENT:
	case MNT_EVENT_ACKED:
	case MNT_EVENT_UNPROTECTED:
	case MNT_EVENT_UNVERIFIED:
	case MNT_EVENT_TIMEOUT:
	case MNT_EVENT_RETRY:
	case MNT_EVENT_GOT:
		break;
	}
}

static void no_rand(struct mn_timer *t)
{
	struct device *d =
		(struct device *)(void *)((char *)t - offsetof(struct device, rand_timer));

	mn_error("no rand-message within %lu s", d->options.timeout_s);
	end(d, EXIT_NO_RAND);
}

static void signalled(void *arg, int signo)
{
	struct device *d = arg;

	if (signo == SIGHUP)
		return;
	/* With --stay this is how it is meant to end. */
	end(d, d->options.stay && d->sent == d->options.count * d->options.n_sends ?
		       d->code :
		       EXIT_INTERRUPTED);
}

/* ---- start ---- */

static int run(struct device *d, const struct mnt_credential *credential,
	       const union mn_addr *gateway)
{
	struct mn_loop_config loop_config = { .receive_buffers = 64, .send_buffers = 64 };
	struct mn_endpoint *endpoint = NULL;
	const char *why = NULL;
	int err = mn_loop_new(&loop_config, &d->loop, &why);

	if (err) {
		mn_error("%s", why ? why : strerror(-err));
		return EXIT_INPUT;
	}
	err = mn_loop_signals(d->loop, signalled, d);
	if (!err)
		err = mnt_agent_endpoint(d->loop, &endpoint);
	if (!err) {
		struct mnt_agent_config config = {
			.loop = d->loop,
			.endpoint = endpoint,
			.credential = credential,
			.gateway = *gateway,
			.suites = d->options.suites[0] ? d->options.suites : NULL,
			.direct = d->options.direct,
			.observe = d->options.observe,
			.ping_ms = PING_MS,
			.handshake_ms = (unsigned int)d->options.timeout_s * 1000,
			.request_ms = (unsigned int)d->options.timeout_s * 1000,
			.unverified = UNVERIFIED_MAX,
			.fn = event,
			.arg = d,
		};

		mn_timer_init(&d->rand_timer, no_rand);
		d->start_us = mnt_now_us();
		err = mnt_agent_new(&config, &d->agent);
	}
	if (!err)
		err = mn_loop_run(d->loop);
	if (err) {
		mn_error("%s", strerror(-err));
		d->code = EXIT_INPUT;
	}
	if (endpoint)
		mn_endpoint_free(endpoint);
	mnt_agent_free(d->agent);
	mn_loop_free(d->loop);
	return d->code;
}

static int start(struct device *d)
{
	struct mnt_credentials credentials;
	char err[MNT_CREDENTIALS_ERR], id[MN_ENTITY_MAX + 1];
	union mn_addr gateway;
	size_t len;
	int rc = mn_entity_normalise(d->options.id, strlen(d->options.id), id, &len);

	if (rc) {
		mn_error("--id: %s", mn_identity_strerror(rc));
		return EXIT_INPUT;
	}
	if (mnt_agent_resolve(d->options.gateway, &gateway, err) ||
	    mnt_credentials_read(d->options.credentials, id, 0, &credentials, err)) {
		mn_error("%s", err);
		return EXIT_INPUT;
	}
	if (d->options.direct && !credentials.list[0].cse_id[0]) {
		mn_error("%s: %s has no cse_id, which proxy mode needs", d->options.credentials,
			 id);
		rc = EXIT_INPUT;
	} else {
		rc = run(d, &credentials.list[0], &gateway);
	}
	mnt_credentials_fini(&credentials);
	return rc;
}

/* ---- options ---- */

enum {
	KEY_GATEWAY = 256,
	KEY_CREDENTIALS,
	KEY_ID,
	KEY_MODE,
	KEY_SEND,
	KEY_COUNT,
	KEY_OBSERVE,
	KEY_SUITE,
	KEY_TIMEOUT,
	KEY_STAY
};

static const struct argp_option argp_options[] = {
	{ "gateway", KEY_GATEWAY, "HOST:PORT", 0,
	  "The gateway; HOST is a name or an address, [v6] in brackets", 0 },
	{ "credentials", KEY_CREDENTIALS, "FILE", 0, "devices.csv of mncse-keys", 0 },
	{ "id", KEY_ID, "ID", 0, "Which device of the file", 0 },
	{ "mode", KEY_MODE, "group|proxy", 0,
	  "Group authentication, or a session with the IN itself through the gateway's relay (group)",
	  0 },
	{ "send", KEY_SEND, "PATH=JSON", 0,
	  "CREATE this below PATH; may be given several times (without: RETRIEVE in-cse)", 0 },
	{ "count", KEY_COUNT, "N", 0, "All requests N times (1)", 0 },
	{ "observe", KEY_OBSERVE, NULL, 0,
	  "Ask for Rand by GET /gsa with Observe instead of waiting for it", 0 },
	{ "suite", KEY_SUITE, "NAME[,NAME]...", 0,
	  "Offer these alone: gcm, ccm8, cbc, dhe (without: all but dhe)", 0 },
	{ "timeout", KEY_TIMEOUT, "S", 0,
	  "Seconds for the handshake, for Rand, and for each request (40; 1 to 240)", 0 },
	{ "stay", KEY_STAY, NULL, 0, "Keep the session, and show each Rand, until SIGINT", 0 },
	{ "json", 'j', NULL, 0, "One JSON object a line", 0 },
	{ 0 },
};

static unsigned long number(struct argp_state *state, const char *name, const char *arg,
			    unsigned long min, unsigned long max)
{
	char *rest;
	unsigned long v;

	errno = 0;
	v = strtoul(arg, &rest, 10);
	if (errno || *rest || arg[0] < '0' || arg[0] > '9' || v < min || v > max)
		argp_error(state, "--%s %s: expected %lu to %lu", name, arg, min, max);
	return v;
}

static void add_send(struct options *o, struct argp_state *state, const char *arg)
{
	char err[160];

	if (!strchr(arg, '='))
		argp_error(state, "--send %s: expected PATH=JSON", arg);
	if (o->n_sends == MNT_SENDS_MAX)
		argp_error(state, "--send: at most %d", MNT_SENDS_MAX);
	if (mnt_send_parse(arg, &o->sends[o->n_sends], err)) {
		mn_error("%s", err);
		exit(EXIT_INPUT);
	}
	o->n_sends++;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_GATEWAY:
		o->gateway = arg;
		break;
	case KEY_CREDENTIALS:
		o->credentials = arg;
		break;
	case KEY_ID:
		o->id = arg;
		break;
	case KEY_MODE:
		o->direct = !strcmp(arg, "proxy");
		if (!o->direct && strcmp(arg, "group") != 0)
			argp_error(state, "--mode %s: expected group or proxy", arg);
		break;
	case KEY_SEND:
		add_send(o, state, arg);
		break;
	case KEY_COUNT:
		o->count = number(state, "count", arg, 1, 1000000000);
		break;
	case KEY_OBSERVE:
		o->observe = true;
		break;
	case KEY_SUITE:
		if (mnt_suites_parse(arg, o->suites))
			argp_error(state, "--suite %s: expected some of " MNT_SUITES_NAMES, arg);
		break;
	case KEY_TIMEOUT:
		o->timeout_s = number(state, "timeout", arg, 1, 240);
		break;
	case KEY_STAY:
		o->stay = true;
		break;
	case 'j':
		o->json = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: unexpected argument", arg);
		break;
	case ARGP_KEY_END:
		if (!o->gateway || !o->credentials || !o->id)
			argp_error(state, "--gateway, --credentials and --id are needed");
		if (o->direct && o->observe)
			argp_error(state,
				   "--observe is for group mode: there is no Rand in proxy mode");
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
		"One device: authenticates to the gateway, takes Rand, sends oneM2M requests under Ksx and verifies the answers."
		"\vExit: 0 ok, 1 input, 2 usage, 3 handshake, 4 no Rand, 5 refused by the gateway, 6 answer does not verify, 7 RSC error.",
		NULL,
		NULL,
		NULL
	};
	struct device d = { .options = { .count = 1, .timeout_s = TIMEOUT_S } };
	int code;

	mn_log_init("mncse-device", MN_LOG_INFO);
	argp_err_exit_status = EXIT_USAGE;
	d.options.sends = calloc(MNT_SENDS_MAX, sizeof(*d.options.sends));
	if (!d.options.sends || mn_crypto_init()) {
		mn_error("could not start: no memory or no cryptography");
		return EXIT_INPUT;
	}
	if (argp_parse(&argp, argc, argv, 0, NULL, &d.options)) {
		mn_error("not enough memory");
		free(d.options.sends);
		return EXIT_INPUT;
	}
	if (!d.options.n_sends)
		mnt_send_retrieve("in-cse", &d.options.sends[d.options.n_sends++]);
	code = start(&d);
	for (size_t i = 0; i < d.options.n_sends; i++)
		mnt_send_fini(&d.options.sends[i]);
	free(d.options.sends);
	return code;
}
