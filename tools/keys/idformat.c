// SPDX-License-Identifier: GPL-2.0-or-later
#include "idformat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Length of the number's form at text ("%d", "%05d") with its width, 0 = it is none. */
static size_t number_form(const char *text, int *width)
{
	*width = 0;
	if (!strncmp(text, "%d", 2))
		return 2;
	if (strncmp(text, "%0", 2) || text[2] < '1' || text[2] > '9' || text[3] != 'd')
		return 0;
	*width = text[2] - '0';
	return 4;
}

const char *mnt_idformat_check(const char *format)
{
	unsigned int numbers = 0;
	int width;

	while (*format) {
		size_t n = 1;

		if (!strncmp(format, "%%", 2)) {
			n = 2;
		} else if (*format == '%') {
			n = number_form(format, &width);
			if (!n)
				return "only %d, %0Nd (N 1 to 9) and %% may follow a percent sign";
			numbers++;
		}
		format += n;
	}
	return numbers == 1 ? NULL : "exactly one %d or %0Nd is needed";
}

int mnt_idformat(const char *format, unsigned int number, char *out, size_t size)
{
	size_t len = 0;

	while (*format) {
		int width, n = 1;
		size_t form = *format == '%' ? number_form(format, &width) : 0;

		if (len >= size)
			return -ENAMETOOLONG;
		if (form) {
			n = snprintf(out + len, size - len, "%0*u", width, number);
			format += form;
		} else {
			out[len] = *format;
			format += strncmp(format, "%%", 2) ? 1 : 2;
		}
		len += (size_t)n;
	}
	if (len >= size)
		return -ENAMETOOLONG;
	out[len] = '\0';
	return 0;
}
