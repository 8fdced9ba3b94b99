/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's side of the control socket (uapi/mncse.h): what mncsectl and mncse-keys ask for. */
#ifndef MND_CONTROL_H
#define MND_CONTROL_H

struct mnd_gateway;

/* Serves `control`. 0 or -errno with a text in err. Ended by mn_ctl_server_free(g->control). */
int mnd_control_start(struct mnd_gateway *g, char err[256]);

#endif
