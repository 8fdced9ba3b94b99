// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c daemon/settings.c daemon/proxy.c tools/incsed/settings.c tools/incsed/attribute.c tools/incsed/commit.c */
/* LINK: tools/incsed/container.c tools/incsed/table.c tools/incsed/instance.c tools/incsed/lineage.c tools/incsed/resource.c tools/incsed/row.c */
/* Both configuration files. What is taken can be written, and what was written is taken and writes the same. */
#include "../../daemon/settings.h"
#include "../../tools/incsed/settings.h"
#include "fuzz.h"

static char *text_of_gateway(const struct mnd_settings *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	MUST(f);
	mnd_settings_print(f, s);
	fclose(f);
	return text;
}

static char *text_of_in(const struct mnt_settings *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	MUST(f);
	mnt_settings_print(f, s);
	fclose(f);
	return text;
}

static void gateway(const char *path)
{
	static struct mnd_settings s, again;
	char err[512] = "", *text, *second;

	if (mnd_settings_read(path, &s, err)) {
		MUST(err[0] && memchr(err, 0, sizeof(err)) && !s.listen.n && !s.listen.items);
		return;
	}
	text = text_of_gateway(&s);
	MUST(!mnd_settings_read(fuzz_file(text, strlen(text)), &again, err));
	MUST(!mnd_settings_fixed(&s, &again));
	second = text_of_gateway(&again);
	MUST(!strcmp(text, second));
	free(text);
	free(second);
	mnd_settings_free(&s);
	mnd_settings_free(&again);
}

static void in(const char *path)
{
	static struct mnt_settings s, again;
	char err[512] = "", *text, *second;

	if (mnt_settings_read(path, &s, err)) {
		MUST(err[0] && memchr(err, 0, sizeof(err)) && !s.listen.n && !s.listen.items);
		return;
	}
	text = text_of_in(&s);
	MUST(!mnt_settings_read(fuzz_file(text, strlen(text)), &again, err));
	MUST(!mnt_settings_fixed(&s, &again));
	second = text_of_in(&again);
	MUST(!strcmp(text, second));
	free(text);
	free(second);
	mnt_settings_free(&s);
	mnt_settings_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_start();
	gateway(fuzz_file(data, size));
	in(fuzz_file(data, size));
	return 0;
}
