/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server, the client and codec.c share beside ctl.h. */
#ifndef MN_CTL_CODEC_H
#define MN_CTL_CODEC_H

#include <linux/netlink.h>

#include "ctl/ctl.h"

#define MN_CTL_MESSAGE_MAX 65536
#define MN_CTL_TEXT_MAX 256 /* an error text with its NUL */

/* Why a message was refused. */
struct mn_ctl_fault {
	int attr;         /* 0 = none */
	uint32_t offset;  /* of that attribute in the message */
	const char *text; /* static */
};

/* mn_ctl_parse with the offending attribute's place. */
int mn_ctl_check(const void *data, size_t len, enum mncse_cmd *cmd,
		 struct nlattr *attrs[MNCSE_A_MAX + 1], struct mn_ctl_fault *fault);

/* Offset of an attribute in its message, for NLMSGERR_ATTR_OFFS. */
uint32_t mn_ctl_offset(struct nlattr **attrs, const struct nlattr *a);

static inline bool mn_ctl_is_request(enum mncse_cmd cmd)
{
	return cmd < MNCSE_CMD_STATUS;
}

/* The message that ends a request: NLMSG_DONE (err 0 and dump) or NLMSG_ERROR with the text (may be NULL) and the offending attribute's
 * offset (0 = none). request: its header as far as it was read. NULL = no memory. */
struct nl_msg *mn_ctl_end_new(const struct nlmsghdr *request, bool dump, int err, uint32_t offset,
			      const char *text);
/* Reads one. 0 and *err (0 or -errno) and text (MN_CTL_TEXT_MAX; "" = none); -EPROTO when it is malformed. */
int mn_ctl_end_parse(const void *data, size_t len, int *err, char text[MN_CTL_TEXT_MAX]);

#endif
