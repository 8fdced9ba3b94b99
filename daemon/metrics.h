/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An HTTP listener on loopback for who scrapes (metrics: in mncsed.yaml): GET /metrics is what mncsectl metrics prints, GET /health says
 * whether the gateway answers and has its IN. It runs on a thread of its own, which asks on the control socket like any other client, so
 * that it shares nothing with the workers, and says no when they hang. */
#ifndef MND_METRICS_H
#define MND_METRICS_H

struct mnd_metrics;

/* address: of loopback, as in the configuration; "": none, *out is NULL. control: path of the control socket, which exists.
 * 0 or -errno with a text; -ENOSYS in a build without libmicrohttpd. */
int mnd_metrics_new(const char *address, const char *control, struct mnd_metrics **out,
		    char err[256]);
/* After the control socket's end, which ends a call that is under way. NULL: nothing. */
void mnd_metrics_free(struct mnd_metrics *m);

#endif
