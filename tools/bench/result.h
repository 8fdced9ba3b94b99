/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run's figures: judged, as a table, as JSON. */
#ifndef MNT_RESULT_H
#define MNT_RESULT_H

#include "run.h"

/* What TR-0012 figure 8.2.1-2 says for this run. */
struct mnt_messages mnt_result_expected(const struct mnt_run_result *r);
/* Messages are as expected, gateway and IN agree, and datagrams and bytes equal the kernel's, as far as each was asked.
 * Otherwise why says what the first difference is. */
bool mnt_result_exact(const struct mnt_run_result *r, char why[256]);
void mnt_result_print(const struct mnt_run_result *r);
/* The object of mncse-bench(1); NULL without memory. */
json_t *mnt_result_object(const struct mnt_run_result *r);

#endif
