/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request that nearly all are: CREATE of a contentInstance whose content is {"m2m:cin":{"con":"..."}}, perhaps with a cnf, in plain
 * ASCII without escapes. It is read and written as text, without a JSON tree; its outcome, its row and its answer are byte for
 * byte those of resource.c, which takes everything else. */
#ifndef MNT_INCSED_QUICK_H
#define MNT_INCSED_QUICK_H

#include "core/onem2m.h"
#include "resource.h"

struct mnt_quick {
	const char *con, *cnf; /* in the request; cnf NULL: absent */
	size_t con_len, cnf_len;
};

/* Whether the request is of that form. Its content need not have been read. */
bool mnt_quick_read(const struct mn_onem2m_request *r, struct mnt_quick *q);
/* Executes it. False: nothing was done, resource.c has to. Else *text is the content of the answer, NULL when there is
 * none, and valid until the next call. */
bool mnt_quick_execute(struct mnt_resources *t, const struct mn_onem2m_request *r,
		       const struct mnt_quick *q, const char *from, int64_t now, enum mn_rsc *rsc,
		       const char **text, size_t *len);

#endif
