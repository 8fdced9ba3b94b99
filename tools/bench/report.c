// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg.h"

enum { SERIES_MAX = 64 };

struct charts {
	struct mnt_svg_series series[SERIES_MAX];
	size_t n;
};

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:820px;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}svg{width:100%;height:auto;margin:.6rem 0}"
	"svg text{font:11px system-ui,sans-serif;fill:#444}svg .t{font-size:13px;font-weight:600;fill:#222}"
	"svg .g{stroke:#e3e3e3;stroke-width:1}table{border-collapse:collapse;font-size:13px}"
	".w{overflow-x:auto}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}"
	"td:first-child,th:first-child{text-align:left}";

/* A number at a path of names; NAN where there is none. */
static double get(const json_t *o, const char *a, const char *b)
{
	const json_t *v = json_object_get(o, a);

	if (b)
		v = json_object_get(v, b);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "?";
}

/* ---- tables ---- */

static void cell(FILE *f, double v, int digits)
{
	if (isfinite(v))
		fprintf(f, "<td>%.*f</td>", digits, v);
	else
		fputs("<td>-</td>", f);
}

static void name_cell(FILE *f, const char *text)
{
	fputs("<td>", f);
	mnt_svg_text(f, text);
	fputs("</td>", f);
}

static void head(FILE *f, const char *const *columns, size_t n)
{
	fputs("<div class=\"w\"><table><tr>", f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "<th>%s</th>", columns[i]);
	fputs("</tr>\n", f);
}

static void run_row(FILE *f, const struct mnt_report_run *run)
{
	const json_t *o = run->object;
	double n = get(o, "devices", NULL);

	fputs("<tr>", f);
	name_cell(f, run->name);
	name_cell(f, text_of(o, "mode"));
	cell(f, n, 0);
	cell(f, get(o, "failed", NULL), 0);
	cell(f, get(o, "messages", "server_in"), 0);
	cell(f, get(o, "messages", "server_out"), 0);
	cell(f, get(o, "messages", "gateway_in"), 0);
	cell(f, get(o, "messages", "gateway_out"), 0);
	cell(f, (get(o, "outer_datagrams", "in") + get(o, "outer_datagrams", "out")) / n, 2);
	cell(f, get(o, "bytes", "outer") / n, 1);
	cell(f, get(o, "bytes", "inner") / n, 1);
	cell(f, get(o, "cpu_s", "in") / n * 1e6, 1);
	cell(f, get(o, "cpu_s", "gateway") / n * 1e6, 1);
	fputs("</tr>\n", f);
}

static void run_table(FILE *f, const struct mnt_report_run *runs, size_t n)
{
	static const char *const columns[] = { "run",
					       "mode",
					       "devices",
					       "failed",
					       "server in",
					       "server out",
					       "gateway in",
					       "gateway out",
					       "outer datagrams a device",
					       "outer bytes a device",
					       "inner bytes a device",
					       "IN us a device",
					       "gateway us a device" };

	head(f, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++)
		run_row(f, &runs[i]);
	fputs("</table></div>\n", f);
}

static void phase_row(FILE *f, const char *run, const json_t *p)
{
	static const char *const keys[] = { "p50_ms", "p90_ms",         "p99_ms",   "p999_ms",
					    "max_ms", "cpu_us_gateway", "cpu_us_in" };

	fputs("<tr>", f);
	name_cell(f, run);
	name_cell(f, text_of(p, "name"));
	cell(f, get(p, "count", NULL), 0);
	cell(f, get(p, "failed", NULL), 0);
	cell(f, get(p, "rate_per_s", NULL), 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cell(f, get(p, keys[i], NULL), 2);
	fputs("</tr>\n", f);
}

static void phase_table(FILE *f, const struct mnt_report_run *runs, size_t n)
{
	static const char *const columns[] = { "run",    "phase",           "done",
					       "failed", "per s",           "p50 ms",
					       "p90 ms", "p99 ms",          "p99.9 ms",
					       "max ms", "gateway us each", "IN us each" };

	head(f, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++) {
		const json_t *phases = json_object_get(runs[i].object, "phases"), *p;
		size_t k;

		json_array_foreach(phases, k, p) phase_row(f, runs[i].name, p);
	}
	fputs("</table></div>\n", f);
}

/* ---- charts ---- */

/* Room for at most n points; NULL when there is none. */
static struct mnt_svg_series *series_new(struct charts *c, size_t n)
{
	struct mnt_svg_series *s = c->n < SERIES_MAX ? &c->series[c->n] : NULL;

	if (!s || !n)
		return NULL;
	*s = (struct mnt_svg_series){ .xy = calloc(n, sizeof(*s->xy)) };
	if (!s->xy)
		return NULL;
	c->n++;
	return s;
}

static void add_point(struct mnt_svg_series *s, double x, double y)
{
	s->xy[s->n][0] = x;
	s->xy[s->n][1] = y;
	s->n++;
}

/* Draws them and begins anew. */
static void draw(FILE *f, struct charts *c, struct mnt_svg_chart chart)
{
	chart.series = c->series;
	chart.n = c->n;
	mnt_svg_chart(f, &chart);
	while (c->n > 0)
		free(c->series[--c->n].xy);
}

static void add_curve(struct charts *c, const char *run, const json_t *phase)
{
	const json_t *curve = json_object_get(phase, "curve"), *p;
	struct mnt_svg_series *s = series_new(c, json_array_size(curve));
	double count = get(phase, "count", NULL), end;
	size_t i;

	if (!s)
		return;
	snprintf(s->name, sizeof(s->name), "%.60s: %.20s", run, text_of(phase, "name"));
	/* beyond one sample's worth of nines a curve has nothing to say */
	end = count > 1 ? log10(count) : 1;
	json_array_foreach(curve, i, p)
	{
		double percent = json_number_value(json_array_get(p, 0));
		double x = percent < 100 ? -log10(1 - percent / 100) : end;

		if (x <= end)
			add_point(s, x, json_number_value(json_array_get(p, 1)));
	}
}

static void draw_latency(FILE *f, struct charts *c, const struct mnt_report_run *runs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *phases = json_object_get(runs[i].object, "phases"), *p;
		size_t k;

		json_array_foreach(phases, k, p) add_curve(c, runs[i].name, p);
	}
	draw(f, c,
	     (struct mnt_svg_chart){ .title = "Latency by percentile",
				     .x_label = "share of the samples that are not slower",
				     .y_label = "ms",
				     .x = MNT_SVG_NINES,
				     .y = MNT_SVG_LOG });
}

/* What was done between two points of the timeline. */
static void add_rate(struct charts *c, const char *run, const char *what, const json_t *timeline,
		     size_t column)
{
	struct mnt_svg_series *s = series_new(c, json_array_size(timeline));
	double last_t = 0, last_v = 0;
	bool any = false;
	const json_t *p;
	size_t i;

	if (!s)
		return;
	snprintf(s->name, sizeof(s->name), "%.60s: %s", run, what);
	json_array_foreach(timeline, i, p)
	{
		double t = json_number_value(json_array_get(p, 0));
		double v = json_number_value(json_array_get(p, column));

		if (i && t > last_t)
			add_point(s, t, (v - last_v) / (t - last_t));
		any |= v > 0;
		last_t = t;
		last_v = v;
	}
	if (!any) {
		free(s->xy);
		c->n--;
	}
}

static void draw_throughput(FILE *f, struct charts *c, const struct mnt_report_run *runs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *t = json_object_get(runs[i].object, "timeline");

		add_rate(c, runs[i].name, "handshakes", t, 1);
		add_rate(c, runs[i].name, "Rand taken", t, 2);
		add_rate(c, runs[i].name, "service requests", t, 3);
		add_rate(c, runs[i].name, "GET /gsa", t, 4);
	}
	draw(f, c,
	     (struct mnt_svg_chart){
		     .title = "Throughput over time", .x_label = "s", .y_label = "a second" });
}

static int by_x(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (x[0] > y[0]) - (x[0] < y[0]);
}

/* A figure of all runs of a mode over the number of devices; b2: a second member to add. */
struct figure {
	const char *title, *y_label, *a, *b, *b2;
	double scale;
	bool a_device;
};

static void add_mode(struct charts *c, const struct figure *fig, const char *mode,
		     const struct mnt_report_run *runs, size_t n)
{
	struct mnt_svg_series *s = series_new(c, n);

	if (!s)
		return;
	snprintf(s->name, sizeof(s->name), "%s", mode);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = runs[i].object;
		double devices = get(o, "devices", NULL), v = get(o, fig->a, fig->b);

		if (strcmp(text_of(o, "mode"), mode) != 0)
			continue;
		if (fig->b2)
			v += get(o, fig->a, fig->b2);
		v *= fig->scale;
		if (isfinite(v) && devices > 0)
			add_point(s, devices, fig->a_device ? v / devices : v);
	}
	qsort(s->xy, s->n, sizeof(*s->xy), by_x);
}

static void draw_modes(FILE *f, struct charts *c, const struct mnt_report_run *runs, size_t n)
{
	static const struct figure figures[] = {
		{ "Messages of the server, in and out", "messages", "messages", "server_in",
		  "server_out", 1, false },
		{ "Messages of the gateway, in and out", "messages", "messages", "gateway_in",
		  "gateway_out", 1, false },
		{ "Datagrams on the outer hop", "datagrams", "outer_datagrams", "in", "out", 1,
		  false },
		{ "Bytes on the outer hop, a device", "bytes", "bytes", "outer", NULL, 1, true },
		{ "Bytes on the inner hop, a device", "bytes", "bytes", "inner", NULL, 1, true },
		{ "CPU of the IN, a device", "us", "cpu_s", "in", NULL, 1e6, true },
		{ "CPU of the gateway, a device", "us", "cpu_s", "gateway", NULL, 1e6, true },
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		add_mode(c, &figures[i], "group", runs, n);
		add_mode(c, &figures[i], "proxy", runs, n);
		draw(f, c,
		     (struct mnt_svg_chart){ .title = figures[i].title,
					     .x_label = "devices",
					     .y_label = figures[i].y_label,
					     .x = MNT_SVG_LOG,
					     .y = MNT_SVG_LOG });
	}
}

int mnt_report_write(FILE *f, const struct mnt_report_run *runs, size_t n)
{
	struct charts *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	fprintf(f,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\"><title>mncse-bench</title><style>%s"
		"</style></head>\n<body><h1>mncse-bench: %zu %s</h1>\n",
		style, n, n == 1 ? "run" : "runs");
	fputs("<h2>Group authentication against transparent proxy</h2>\n", f);
	run_table(f, runs, n);
	draw_modes(f, c, runs, n);
	fputs("<h2>Phases</h2>\n", f);
	phase_table(f, runs, n);
	draw_latency(f, c, runs, n);
	draw_throughput(f, c, runs, n);
	fputs("</body></html>\n", f);
	free(c);
	return ferror(f) ? -EIO : 0;
}
