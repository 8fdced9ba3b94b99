/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests that a user asks for: --send PATH=JSON. */
#ifndef MNT_SEND_H
#define MNT_SEND_H

#include "agent.h"

#define MNT_SENDS_MAX 64

struct mnt_send {
	char to[MN_TO_MAX + 1];
	struct mnt_request request; /* its to is set by whoever sends; content is owned */
};

/* A CREATE from "in-cse/cnt={"m2m:cin":{...}}": TY follows from the content's one key. -EINVAL with a sentence in err. */
int mnt_send_parse(const char *text, struct mnt_send *out, char err[160]);
/* RETRIEVE to. */
void mnt_send_retrieve(const char *to, struct mnt_send *out);
void mnt_send_fini(struct mnt_send *s);

#endif
