// SPDX-License-Identifier: GPL-2.0-or-later
#include "svg.h"

#include <math.h>

enum {
	WIDTH = 760,
	HEIGHT = 340,
	LEFT = 74,
	RIGHT = 16,
	TOP = 34,
	BOTTOM = 46,
	LEGEND_ROW = 18,
	TICKS = 6
};

static const char *const colours[] = { "#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2",
				       "#b8860b", "#2a9d8f", "#6d597a", "#555555" };
enum { COLOURS = sizeof(colours) / sizeof(colours[0]) };

void mnt_svg_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? '?' : *text, f);
		}
	}
}

struct scale {
	enum mnt_svg_axis kind;
	double low, high; /* of the value, or of its logarithm */
	double from, to;  /* pixels */
};

static bool drawable(enum mnt_svg_axis kind, double v)
{
	return isfinite(v) && (kind != MNT_SVG_LOG || v > 0);
}

static double place(enum mnt_svg_axis kind, double v)
{
	return kind == MNT_SVG_LOG ? log10(v) : v;
}

static double pixel(const struct scale *s, double v)
{
	return s->from + (place(s->kind, v) - s->low) / (s->high - s->low) * (s->to - s->from);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them fill the range. */
static double nice_step(double range)
{
	double raw = range / TICKS, power = pow(10, floor(log10(raw)));
	double m = raw / power;

	return power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

static void round_out(struct scale *s)
{
	double step;

	if (s->kind == MNT_SVG_LOG) {
		s->low = floor(s->low + 1e-9);
		s->high = ceil(s->high - 1e-9);
		if (s->high <= s->low)
			s->high = s->low + 1;
		return;
	}
	if (s->kind == MNT_SVG_LINEAR || s->low > 0)
		s->low = s->low > 0 ? 0 : s->low;
	if (s->high <= s->low)
		s->high = s->low + 1;
	step = s->kind == MNT_SVG_NINES ? 1 : nice_step(s->high - s->low);
	s->high = ceil(s->high / step - 1e-9) * step;
}

/* False when nothing can be drawn. */
static bool find_scales(const struct mnt_svg_chart *c, struct scale *x, struct scale *y)
{
	bool any = false;

	*x = (struct scale){ .kind = c->x, .from = LEFT, .to = WIDTH - RIGHT };
	*y = (struct scale){ .kind = c->y, .from = HEIGHT - BOTTOM, .to = TOP };
	for (size_t i = 0; i < c->n; i++) {
		for (size_t j = 0; j < c->series[i].n; j++) {
			const double *p = c->series[i].xy[j];
			double px, py;

			if (!drawable(c->x, p[0]) || !drawable(c->y, p[1]))
				continue;
			px = place(c->x, p[0]);
			py = place(c->y, p[1]);
			x->low = any ? fmin(x->low, px) : px;
			x->high = any ? fmax(x->high, px) : px;
			y->low = any ? fmin(y->low, py) : py;
			y->high = any ? fmax(y->high, py) : py;
			any = true;
		}
	}
	round_out(x);
	round_out(y);
	return any;
}

static void label(FILE *f, enum mnt_svg_axis kind, double v)
{
	static const char *const nines[] = {
		"0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"
	};
	double a = fabs(v);

	if (kind == MNT_SVG_NINES)
		fputs(v >= 0 && v < 6 ? nines[(int)v] : "", f);
	else if (a >= 1e9)
		fprintf(f, "%gG", v / 1e9);
	else if (a >= 1e6)
		fprintf(f, "%gM", v / 1e6);
	else if (a >= 1e4)
		fprintf(f, "%gk", v / 1e3);
	else
		fprintf(f, "%g", v);
}

static void tick(FILE *f, const struct scale *s, double value, bool is_x)
{
	double at = pixel(s, value);

	if (is_x)
		fprintf(f,
			"<line class=\"g\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" "
			"text-anchor=\"middle\">",
			at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 16);
	else
		fprintf(f,
			"<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
			"text-anchor=\"end\">",
			LEFT, WIDTH - RIGHT, at, at, LEFT - 6, at + 4);
	label(f, s->kind, value);
	fputs("</text>\n", f);
}

static void axis(FILE *f, const struct scale *s, bool is_x)
{
	double step = s->kind == MNT_SVG_LINEAR ? nice_step(s->high - s->low) : 1;

	for (double v = s->low; v <= s->high + step / 1e6; v += step)
		tick(f, s, s->kind == MNT_SVG_LOG ? pow(10, v) : v, is_x);
}

static void line(FILE *f, const struct mnt_svg_chart *c, size_t i, const struct scale *x,
		 const struct scale *y)
{
	const struct mnt_svg_series *s = &c->series[i];
	const char *colour = colours[i % COLOURS];

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"%s points=\"", colour,
		i >= COLOURS ? " stroke-dasharray=\"5 3\"" : "");
	for (size_t j = 0; j < s->n; j++)
		if (drawable(c->x, s->xy[j][0]) && drawable(c->y, s->xy[j][1]))
			fprintf(f, "%.1f,%.1f ", pixel(x, s->xy[j][0]), pixel(y, s->xy[j][1]));
	fputs("\"/>\n", f);
	for (size_t j = 0; s->n <= 20 && j < s->n; j++)
		if (drawable(c->x, s->xy[j][0]) && drawable(c->y, s->xy[j][1]))
			fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\"/>\n",
				pixel(x, s->xy[j][0]), pixel(y, s->xy[j][1]), colour);
}

static void legend(FILE *f, const struct mnt_svg_chart *c)
{
	for (size_t i = 0; i < c->n; i++) {
		int left = LEFT + (int)(i % 2) * (WIDTH - LEFT) / 2;
		int top = HEIGHT + (int)(i / 2) * LEGEND_ROW + 6;

		fprintf(f,
			"<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">",
			left, top, colours[i % COLOURS], left + 20, top + 6);
		mnt_svg_text(f, c->series[i].name);
		fputs("</text>\n", f);
	}
}

void mnt_svg_chart(FILE *f, const struct mnt_svg_chart *c)
{
	struct scale x, y;
	int height = HEIGHT + (int)((c->n + 1) / 2) * LEGEND_ROW + 6;

	if (!find_scales(c, &x, &y))
		return;
	fprintf(f,
		"<svg viewBox=\"0 0 %d %d\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\"><title>",
		WIDTH, height);
	mnt_svg_text(f, c->title);
	fprintf(f, "</title><text class=\"t\" x=\"%d\" y=\"18\">", LEFT);
	mnt_svg_text(f, c->title);
	fputs("</text>\n", f);
	axis(f, &x, true);
	axis(f, &y, false);
	fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH - RIGHT, HEIGHT - 8);
	mnt_svg_text(f, c->x_label);
	fprintf(f, "</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH - RIGHT, 18);
	mnt_svg_text(f, c->y_label);
	fputs("</text>\n", f);
	for (size_t i = 0; i < c->n; i++)
		line(f, c, i, &x, &y);
	legend(f, c);
	fputs("</svg>\n", f);
}
