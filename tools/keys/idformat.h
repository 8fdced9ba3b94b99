/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --id-format: text with exactly one %d or %0Nd (N 1 to 9), and %% for a percent sign. Checked and filled by hand: what a user
 * writes never reaches printf. */
#ifndef MNT_KEYS_IDFORMAT_H
#define MNT_KEYS_IDFORMAT_H

#include <stddef.h>

/* NULL, or what is wrong with it. */
const char *mnt_idformat_check(const char *format);
/* A checked format with its number. Terminated. -ENAMETOOLONG. */
int mnt_idformat(const char *format, unsigned int number, char *out, size_t size);

#endif
