/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's floor: what a datagram in and a datagram out cost a server that does nothing else. */
#ifndef MNT_FLOOR_H
#define MNT_FLOOR_H

/* mncse-bench floor [--sockets N] [--window W] [--seconds S] [--size B] [--json FILE]: exit code. */
int mnt_floor_main(int argc, char **argv);

#endif
