// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c tools/keys/csv.c tools/keys/import.c tools/keys/store.c tools/keys/argument.c */
/* LINK: tools/device/agent_credentials.c */
/* A file of devices: as mncse-keys imports it into a gateway's and into an IN's store, and as a device reads it. A record that was read
 * and is written is read the same. */
#include <signal.h>
#include <unistd.h>

#include "../../tools/device/agent_credentials.h"
#include "../../tools/keys/csv.h"
#include "../../tools/keys/keys.h"
#include "fuzz.h"

volatile sig_atomic_t mnt_stop;

/* One line of all fields, read as a header would be if its names differed: so as a record under numbered columns. */
static void again(const struct mnt_csv *csv)
{
	static struct mnt_csv back;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	MUST(f);
	for (size_t i = 0; i < csv->n; i++)
		fprintf(f, "%s%zu", i ? "," : "", i);
	putc('\n', f);
	for (size_t i = 0; i < csv->n; i++) {
		if (i)
			putc(',', f);
		mnt_csv_put(f, csv->fields[i]);
	}
	putc('\n', f);
	fclose(f);
	f = fmemopen(text, len, "r");
	MUST(f && !mnt_csv_init(&back, f) && back.columns == csv->n);
	if (csv->n > 1 || csv->fields[0][0]) {
		int ret = mnt_csv_next(&back);

		/* written with quotes it may have become too long */
		MUST(ret == 1 || len > MNT_CSV_RECORD_MAX);
		for (size_t i = 0; ret == 1 && i < csv->n; i++)
			MUST(!strcmp(back.fields[i], csv->fields[i]));
	}
	fclose(f);
	free(text);
}

static void records(const uint8_t *data, size_t size)
{
	static struct mnt_csv csv;
	FILE *f = fopen(fuzz_file(data, size), "re");
	size_t line = 0;
	int ret;

	MUST(f);
	ret = mnt_csv_init(&csv, f);
	MUST(ret <= 0);
	while (!ret && (ret = mnt_csv_next(&csv)) != 0) {
		MUST(csv.line > line || csv.line == csv.next_line - 1 || ret < 0);
		line = csv.line;
		MUST(csv.n <= MNT_CSV_FIELDS_MAX && (ret == 1 || csv.error[0]));
		if (ret == 1)
			again(&csv);
		ret = 0;
	}
	fclose(f);
	mnt_csv_fini(&csv);
}

/* A new store only after one was changed. */
static void import(enum mn_store_role role, const uint8_t *data, size_t size)
{
	static bool fresh[2];
	static char paths[2][64];
	char *path = paths[role];
	char *argv[] = { "mncse-keys import", "--store", path, NULL, NULL };

	if (!path[0])
		snprintf(path, sizeof(paths[0]), "%s/mncse-fuzz-%d-%d.db",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid(), role);
	if (!fresh[role])
		MUST(!mn_store_create(path, role, role == MN_STORE_IN ? "in1" : "gw1", true));
	argv[3] = (char *)(uintptr_t)fuzz_file(data, size);
	fresh[role] = mnt_import(4, argv) != MNT_OK;
}

static void remove_stores(void)
{
	char path[96];

	for (int role = 0; role < 2; role++) {
		static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };

		for (int i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "%s/mncse-fuzz-%d-%d.db%s",
				 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid(),
				 role, suffixes[i]);
			unlink(path);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mnt_credentials c;
	char err[MNT_CREDENTIALS_ERR] = "";
	static bool registered;
	char *copy;

	fuzz_start();
	if (!registered)
		registered = !atexit(remove_stores);
	copy = (char *)fuzz_copy(data, size);
	if (mnt_credentials_parse("devices.csv", copy, size, NULL, 0, &c, err))
		MUST(err[0] && !c.list && !c.n);
	else
		mnt_credentials_fini(&c);
	free(copy);
	records(data, size);
	import(MN_STORE_GATEWAY, data, size);
	import(MN_STORE_IN, data, size);
	return 0;
}
