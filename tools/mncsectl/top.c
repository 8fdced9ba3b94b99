// SPDX-License-Identifier: GPL-2.0-or-later
/* top: what a daemon does now, again and again: sessions, rates between two looks, latencies, layers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mncsectl.h"

enum { OPT_INTERVAL = 1, OPT_COUNT };
enum {
	SESSIONS_MAX = 20000
}; /* beyond, their latencies are not asked for: the answer would be the load */

/* A row is one counter, or the sum of all whose name behind the hop begins so. */
static const struct row {
	const char *title, *key, *gateway, *in;
	bool sum;
} rows[] = {
	{ "handshakes", "handshakes", "inner.handshakes", "outer.handshakes", false },
	{ "service requests", "service_requests", "inner.service_in", "outer.service_in", false },
	{ "answers", "answers", "outer.service_answers", "outer.answers_out", false },
	{ "Rand sent", "rand", "inner.rand_out", "outer.rand_out", false },
	{ "datagrams in", "datagrams_in", "inner.datagrams_in", "outer.datagrams_in", false },
	{ "datagrams out", "datagrams_out", "inner.datagrams_out", "outer.datagrams_out", false },
	{ "bytes in", "bytes_in", "inner.bytes_in", "outer.bytes_in", false },
	{ "bytes out", "bytes_out", "inner.bytes_out", "outer.bytes_out", false },
	{ "dropped", "dropped", ".drop_", ".drop_", true },
	{ "refused", "refused", ".refused_", ".refused_", true },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* One look at the daemon. */
struct look {
	json_t *status, *layers;
	uint64_t value[ROWS], service_us, service_answers, cpu_us;
	uint64_t at_us; /* CLOCK_MONOTONIC */
	uint32_t *handshake_us;
	size_t n, room;
};

static void look_fini(struct look *l)
{
	json_decref(l->status);
	json_decref(l->layers);
	free(l->handshake_us);
	*l = (struct look){ 0 };
}

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static int on_stat(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct look *l = arg;
	bool is_in = !strcmp(text_of(l->status, "role"), "in");
	const char *name;
	uint64_t value;

	if (cmd != MNCSE_CMD_STAT || !attrs[MNCSE_A_NAME] || !attrs[MNCSE_A_VALUE])
		return 0;
	name = nla_get_string(attrs[MNCSE_A_NAME]);
	value = nla_get_u64(attrs[MNCSE_A_VALUE]);
	for (size_t i = 0; i < ROWS; i++) {
		const char *wanted = is_in ? rows[i].in : rows[i].gateway;

		if (rows[i].sum ? strstr(name, wanted) != NULL : !strcmp(name, wanted))
			l->value[i] += value;
	}
	if (!strcmp(name, "outer.service_us"))
		l->service_us = value;
	else if (!strcmp(name, "outer.service_answers"))
		l->service_answers = value;
	else if (!strcmp(name, "process.cpu_us"))
		l->cpu_us = value;
	return 0;
}

static int on_session(void *arg, enum mncse_cmd cmd, struct nlattr **attrs)
{
	struct look *l = arg;

	if (cmd != MNCSE_CMD_SESSION || !attrs[MNCSE_A_HANDSHAKE_US])
		return 0;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 1024;
		uint32_t *list = reallocarray(l->handshake_us, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		l->handshake_us = list;
		l->room = room;
	}
	l->handshake_us[l->n++] = nla_get_u32(attrs[MNCSE_A_HANDSHAKE_US]);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int look_take(struct mnt_ctl *c, struct look *l)
{
	json_t *status = NULL;
	int code = mnt_collect(c, mn_ctl_request_new(MNCSE_CMD_STATUS_GET, false), &status);

	if (code)
		return code;
	l->status = json_incref(json_array_get(status, 0));
	json_decref(status);
	code = mnt_collect_if_known(c, mn_ctl_request_new(MNCSE_CMD_LAYERS_GET, true), &l->layers);
	if (!code)
		code = mnt_call(c, mn_ctl_request_new(MNCSE_CMD_STATS_GET, true), on_stat, l);
	l->at_us = clock_us();
	if (!code && number_of(l->status, "sessions") <= SESSIONS_MAX)
		code = mnt_call(c, mn_ctl_request_new(MNCSE_CMD_SESSION_GET, true), on_session, l);
	if (l->n)
		qsort(l->handshake_us, l->n, sizeof(*l->handshake_us), compare);
	return code;
}

/* Of the sorted handshakes, in milliseconds. */
static double percentile(const struct look *l, unsigned int p)
{
	size_t i = (l->n * p + 99) / 100;

	return l->n ? l->handshake_us[i ? i - 1 : 0] / 1e3 : 0;
}

/* A counter that went back: the daemon was started anew. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return now < before || seconds <= 0 ? 0 : (double)(now - before) / seconds;
}

/* Milliseconds from a service request to its answer, the mean of those answered in between; negative: none. */
static double service_ms(const struct look *a, const struct look *b)
{
	if (b->service_answers <= a->service_answers || b->service_us < a->service_us)
		return -1;
	return (double)(b->service_us - a->service_us) /
	       (double)(b->service_answers - a->service_answers) / 1e3;
}

static json_t *layers_json(const struct look *l)
{
	json_t *all = json_object(), *layer;
	size_t i;

	json_array_foreach(l->layers, i, layer)
		json_object_set(all, text_of(layer, "layer"), json_object_get(layer, "active"));
	return all;
}

static int print_json(const struct look *a, const struct look *b, double seconds)
{
	json_t *rates = json_object(), *o;
	double ms = service_ms(a, b);
	int failed;

	for (size_t i = 0; i < ROWS; i++)
		json_object_set_new(rates, rows[i].key,
				    json_real(rate(a->value[i], b->value[i], seconds)));
	o = json_pack("{sI sO? sO? sO? sf so so? so? so}", "time", (json_int_t)time(NULL),
		      "sessions", json_object_get(b->status, "sessions"), "half_open",
		      json_object_get(b->status, "half_open"), "upstream",
		      json_object_get(b->status, "upstream"), "cpu",
		      rate(a->cpu_us, b->cpu_us, seconds) / 1e6, "rates", rates, "handshake_ms",
		      b->n ? json_pack("{sf sf sf}", "p50", percentile(b, 50), "p99",
				       percentile(b, 99), "max", percentile(b, 100)) :
			     json_null(),
		      "service_ms", ms < 0 ? json_null() : json_real(ms), "layers", layers_json(b));
	failed = !o ||
		 json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
	json_decref(o);
	putchar('\n');
	return failed ? mnt_fail(MNT_FAILED, "cannot write the output") : MNT_OK;
}

static void print_value(const json_t *object, const char *title, const char *key,
			enum mnt_format format)
{
	const json_t *v = json_object_get(object, key);
	char *text = v ? mnt_text(v, format) : NULL;

	if (text)
		printf("  %s %s", title, text);
	free(text);
}

static void print_text(const struct look *a, const struct look *b, double seconds)
{
	char *name = mnt_quote(text_of(b->status, "name"));
	double ms = service_ms(a, b);
	json_t *layer;
	size_t i;

	printf("%s %s", strcmp(text_of(b->status, "role"), "in") ? "gateway" : "IN",
	       name ? name : "?");
	free(name);
	print_value(b->status, "up", "uptime_ms", MNT_MS);
	print_value(b->status, "IN", "upstream", MNT_TEXT);
	print_value(b->status, "memory", "rss_bytes", MNT_BYTES);
	printf("  CPU %.1f %%\n", rate(a->cpu_us, b->cpu_us, seconds) / 1e4);
	printf("sessions %" PRIu64 ", half open %" PRIu64 "\n\n", number_of(b->status, "sessions"),
	       number_of(b->status, "half_open"));
	printf("%-18s %14s %16s\n", "", "A SECOND", "TOTAL");
	for (i = 0; i < ROWS; i++)
		printf("%-18s %14.1f %16" PRIu64 "\n", rows[i].title,
		       rate(a->value[i], b->value[i], seconds), b->value[i]);
	if (b->n)
		printf("\nhandshake          p50 %.1f ms, p99 %.1f ms, max %.1f ms\n",
		       percentile(b, 50), percentile(b, 99), percentile(b, 100));
	else
		printf("\nhandshake          -\n");
	if (ms < 0)
		printf("service request    -\n");
	else
		printf("service request    mean %.1f ms\n", ms);
	if (json_array_size(b->layers))
		printf("layers            ");
	json_array_foreach(b->layers, i, layer)
	{
		char *text = mnt_text(json_object_get(layer, "layer"), MNT_TEXT);

		printf(" %s%s", json_is_true(json_object_get(layer, "active")) ? "+" : "-",
		       text ? text : "?");
		free(text);
	}
	puts(json_array_size(b->layers) ? "\n" : "");
}

/* A decimal number within the bounds; 0 when it is none. */
static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long v;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	v = strtoul(text, &end, 10);
	return errno || *end || v > max ? 0 : v;
}

static void wait_seconds(unsigned long s)
{
	struct timespec left = { .tv_sec = (time_t)s };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int run(struct mnt_ctl *c, unsigned long interval, unsigned long count)
{
	bool screen = !c->json && isatty(STDOUT_FILENO);
	struct look before = { 0 }, now = { 0 };
	int code = look_take(c, &before);

	for (unsigned long i = 0; !code && (count == 0 || i < count); i++) {
		double seconds;

		wait_seconds(interval);
		code = look_take(c, &now);
		if (code)
			break;
		seconds = (double)(now.at_us - before.at_us) / 1e6;
		if (screen)
			fputs("\033[H\033[J", stdout);
		if (c->json)
			code = print_json(&before, &now, seconds);
		else
			print_text(&before, &now, seconds);
		if (fflush(stdout))
			code = mnt_fail(MNT_FAILED, "cannot write the output: %s", strerror(errno));
		look_fini(&before);
		before = now;
		now = (struct look){ 0 };
	}
	look_fini(&before);
	look_fini(&now);
	return code;
}

int mnt_top(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "interval", OPT_INTERVAL, "SECONDS", 0, "between two looks (2)", 0 },
		{ "count", OPT_COUNT, "N", 0, "ends after so many (never)", 0 },
		{ 0 },
	};
	static const struct mnt_usage usage = {
		.options = options,
		.doc = "Shows sessions, rates, latencies and layers until it is interrupted: on a terminal in place, elsewhere "
		       "one after the other; -j: a line of JSON each.",
	};
	unsigned long interval = 2, count = 0;
	struct mnt_args a;

	mnt_args_parse(c, argc, argv, &usage, &a);
	if (a.option[OPT_INTERVAL] && !(interval = number(a.option[OPT_INTERVAL], 86400)))
		return mnt_fail(MNT_USAGE, "--interval: expected a whole number from 1 to 86400");
	if (a.option[OPT_COUNT] && !(count = number(a.option[OPT_COUNT], 1000000000)))
		return mnt_fail(MNT_USAGE, "--count: expected a whole number from 1 to 1000000000");
	return run(c, interval, count);
}
