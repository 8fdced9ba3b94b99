/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two stores in a temporary folder, and records whose every unique value comes from one number. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store/store.h"

struct fixture {
	char folder[64];
	char in_path[96], gateway_path[96];
	struct mn_store *in, *gateway; /* both open, without the daemon's lock */
};

extern char store_err[256]; /* of mn_store_open */

int store_setup(void **state);
int store_teardown(void **state);
void store_close(struct fixture *f);
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

struct mn_device_record store_device(enum mn_store_role role, unsigned int n);
struct mn_peer_record store_peer(const char *id, unsigned int n);
void store_add(struct mn_store *s, unsigned int n);
uint64_t store_count(struct mn_store *s);

void assert_text(const char *text, const char *part);

/* Changes or asks a file as a stranger can, past the store. */
void store_sql(const char *path, const char *text);
int64_t store_sql_int(const char *path, const char *text);

#endif
