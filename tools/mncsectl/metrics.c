// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics: every counter as OpenMetrics text. */
#include "ctl/metrics.h"

#include <string.h>

#include "mncsectl.h"

int mnt_metrics(struct mnt_ctl *c, int argc, char **argv)
{
	static const struct mnt_usage usage = {
		.doc = "Prints every counter as OpenMetrics text, for Prometheus and its kin.",
	};
	struct mnt_args a;
	char err[256];
	int code, rc;

	mnt_args_parse(c, argc, argv, &usage, &a);
	if (c->json)
		return mnt_fail(MNT_USAGE, "metrics are text: for JSON there is stats");
	code = mnt_connect(c);
	if (code)
		return code;
	rc = mn_metrics_write(c->client, stdout, err);
	return rc ? mnt_fail(MNT_FAILED, "%s", err[0] ? err : strerror(-rc)) : MNT_OK;
}
