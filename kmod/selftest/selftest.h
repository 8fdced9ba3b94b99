/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At load, before anybody can use the module: does what it is built of give the known answers on this machine's ciphers? */
#ifndef MNK_SELFTEST_H
#define MNK_SELFTEST_H

/* 0, or -EBADMSG and a line in the log. */
int mnk_selftest(void);

#endif
