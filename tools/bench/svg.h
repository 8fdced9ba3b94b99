/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line charts as inline SVG. */
#ifndef MNT_SVG_H
#define MNT_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct mnt_svg_series {
	char name[96];
	double (*xy)[2]; /* in order of x; on a logarithmic axis values <= 0 are left out */
	size_t n;
};

enum mnt_svg_axis {
	MNT_SVG_LINEAR,
	MNT_SVG_LOG,
	MNT_SVG_NINES /* x: 0 is 0 %, 1 is 90 %, 2 is 99 % ... */
};

struct mnt_svg_chart {
	const char *title, *x_label, *y_label;
	enum mnt_svg_axis x, y;
	const struct mnt_svg_series *series;
	size_t n;
};

/* Nothing is written when no series has a point that can be drawn. */
void mnt_svg_chart(FILE *f, const struct mnt_svg_chart *c);
/* Text for HTML and SVG: markup escaped, control characters replaced. */
void mnt_svg_text(FILE *f, const char *text);

#endif
