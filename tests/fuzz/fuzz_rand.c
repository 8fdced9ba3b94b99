// SPDX-License-Identifier: GPL-2.0-or-later
/* LINK: tests/fuzz/fuzz.c */
/* The rand-message of both hops: what is taken has one form only, so that writing it again gives the same bytes. */
#include "core/rand_message.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mn_rand_message m;
	uint8_t *p, out[MN_RAND_MESSAGE_MAX];

	fuzz_start();
	p = fuzz_copy(data, size);
	for (int hop = MN_HOP_INNER; hop <= MN_HOP_OUTER; hop++) {
		memset(&m, 0xa5, sizeof(m));
		if (mn_rand_message_decode(p, size, (enum mn_hop)hop, &m)) {
			MUST(m.generation == 0xa5a5a5a5);
			continue;
		}
		MUST((m.group[0] != 0) == (hop == MN_HOP_OUTER));
		MUST(mn_rand_message_encode(&m, (enum mn_hop)hop, out, sizeof(out)) == (int)size);
		MUST(!memcmp(out, p, size));
	}
	free(p);
	return 0;
}
