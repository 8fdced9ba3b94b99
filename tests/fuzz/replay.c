// SPDX-License-Identifier: GPL-2.0-or-later
/* In place of libFuzzer: runs each file, and each file of each folder, through the target once. Any compiler builds it. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static unsigned long replay(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(INPUT_MAX);
	size_t len;
	uint8_t *exact;

	MUST(data);
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	exact = fuzz_copy(data, len);
	free(data);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 1;
}

static unsigned long replay_all(const char *path)
{
	DIR *d = opendir(path);
	unsigned long n = 0;
	struct dirent *e;
	char name[4096];

	if (!d)
		return replay(path);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		n += replay(name);
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long n = 0;

	for (int i = 1; i < argc; i++)
		n += replay_all(argv[i]);
	printf("%lu inputs\n", n);
	return n ? 0 : 2;
}
