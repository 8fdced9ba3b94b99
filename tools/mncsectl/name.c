// SPDX-License-Identifier: GPL-2.0-or-later
/* Names from the command line, as the daemons know them. */
#include <string.h>

#include "mncsectl.h"

int mnt_name(const char *what, const char *text, size_t max, char out[MN_ENTITY_MAX + 1])
{
	size_t len;
	int err = mn_entity_normalise(text, strlen(text), out, &len);

	if (err)
		return mnt_fail(MNT_USAGE, "%s: %s", what, mn_identity_strerror(err));
	if (len > max)
		return mnt_fail(MNT_USAGE, "%s: expected at most %zu bytes, found %zu", what, max,
				len);
	return MNT_OK;
}

int mnt_kpsa_id(const char *what, const char *text)
{
	int err = mn_kpsa_id_check(text, strlen(text));

	return err ? mnt_fail(MNT_USAGE, "%s: %s", what, mn_identity_strerror(err)) : MNT_OK;
}
