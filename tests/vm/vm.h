/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups of tests in the one program that the guest runs. Each returns the number of failures. */
#ifndef VM_VM_H
#define VM_VM_H

int vm_test_netlink(void);
int vm_test_records(void);
int vm_test_handshake(void);
int vm_test_fanout(void);
int vm_test_outer(void);
int vm_test_carry(void);
int vm_test_carry_limits(void);
int vm_test_carry_life(void);
int vm_test_carry_unload(void);
int vm_test_life(void);

#endif
