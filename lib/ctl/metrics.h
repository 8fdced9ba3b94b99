/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon counts as OpenMetrics text (openmetrics.io, 1.0), for mncsectl metrics and for the listener of mncsed. Each counter of
 * STATS_GET is one sample; hop, reason and group become labels: "inner.drop_junk" is mncse_drops_total{hop="inner",reason="junk"}. */
#ifndef MN_CTL_METRICS_H
#define MN_CTL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/ctl.h"

#define MN_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define MN_METRIC_NAME 96
#define MN_METRIC_LABELS 1024

enum mn_metric_type { MN_METRIC_COUNTER, MN_METRIC_GAUGE, MN_METRIC_INFO };

/* One counter's place among the metrics. */
struct mn_metric {
	char family[MN_METRIC_NAME];
	char labels[MN_METRIC_LABELS]; /* a="b",c="d"; values escaped */
	enum mn_metric_type type;
	const char *unit; /* "bytes", "seconds" or NULL */
	const char *help;
	unsigned int divisor; /* of the value: 1, 1,000 or 1,000,000 */
};

/* The metric of a counter of STATS_GET, any name. (metric.c) */
void mn_metric_of_stat(const char *stat, struct mn_metric *out);
/* Adds a label; a value that does not fit whole is left out, with its name. */
void mn_metric_label(struct mn_metric *m, const char *name, const char *value);

/* Asks the daemon and writes all of it, "# EOF" at the end. 0 or -errno with a text. (metrics.c) */
int mn_metrics_write(struct mn_ctl_client *c, FILE *f, char err[256]);

#endif
