// SPDX-License-Identifier: GPL-2.0-or-later
/* The classify layer of a build without BPF: never active. */
#ifndef HAVE_BPF
#include "steer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct mnd_steer {
	bool off;
};

static const char *why(const struct mnd_steer *s)
{
	return s->off ? "bpf.mode is off" : "built without " BPF_MISSING;
}

int mnd_steer_new(const struct mnd_steer_config *c, struct mnd_steer **out, char err[512])
{
	struct mnd_steer *s;

	if (c->mode == MND_BPF_ON) {
		snprintf(err, 512, "bpf.mode is on: built without " BPF_MISSING);
		return -ENOTSUP;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, 512, "out of memory");
		return -ENOMEM;
	}
	s->off = c->mode == MND_BPF_OFF;
	*out = s;
	return 0;
}

void mnd_steer_refresh(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	(void)s;
	(void)c;
}

void mnd_steer_free(struct mnd_steer *s)
{
	free(s);
}

bool mnd_steer_active(const struct mnd_steer *s)
{
	(void)s;
	return false;
}

bool mnd_steer_layer(const struct mnd_steer *s, char text[512])
{
	snprintf(text, 512, "%s", why(s));
	return false;
}

void mnd_steer_cookie_keys(struct mnd_steer *s, const struct mncse_cookie_key key[2])
{
	(void)s;
	(void)key;
}

int mnd_steer_listener_fd(struct mnd_steer *s, unsigned int listener, unsigned int worker, int fd)
{
	(void)s;
	(void)listener;
	(void)worker;
	(void)fd;
	return -ENOTSUP;
}

void mnd_steer_workers(struct mnd_steer *s, uint64_t present)
{
	(void)s;
	(void)present;
}

void mnd_steer_serve(struct mnd_steer *s, unsigned int workers)
{
	(void)s;
	(void)workers;
}

void mnd_steer_stray(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
		     unsigned int worker, bool begins)
{
	(void)s;
	(void)remote;
	(void)listener;
	(void)worker;
	(void)begins;
}

void mnd_steer_group(struct mnd_steer *s, uint32_t number, const char *name, uint32_t generation)
{
	(void)s;
	(void)number;
	(void)name;
	(void)generation;
}

void mnd_steer_open(struct mnd_steer *s)
{
	(void)s;
}

int mnd_steer_session_add(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			  unsigned int worker, uint32_t group, enum mn_suite suite)
{
	(void)s;
	(void)remote;
	(void)listener;
	(void)worker;
	(void)group;
	(void)suite;
	return 0;
}

void mnd_steer_session_del(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			   unsigned int worker)
{
	(void)s;
	(void)remote;
	(void)listener;
	(void)worker;
}

void mnd_steer_upstream(struct mnd_steer *s, const union mn_addr *addr, enum mn_suite suite)
{
	(void)s;
	(void)addr;
	(void)suite;
}

size_t mnd_steer_entries(const struct mnd_steer *s)
{
	(void)s;
	return 0;
}

bool mnd_steer_check_entries(struct mnd_steer *s, struct mnd_steer_lap *lap, unsigned int worker,
			     mnd_steer_live_fn *live, void *arg)
{
	(void)s;
	(void)lap;
	(void)worker;
	(void)live;
	(void)arg;
	return true;
}

int mnd_steer_check_session(struct mnd_steer *s, const union mn_addr *remote, unsigned int listener,
			    unsigned int worker)
{
	(void)s;
	(void)remote;
	(void)listener;
	(void)worker;
	return 0;
}

void mnd_steer_answered(struct mnd_steer *s, struct mnd_steer_answered *out)
{
	(void)s;
	*out = (struct mnd_steer_answered){ 0 };
}

int mnd_steer_stats(struct mnd_steer *s, int (*fn)(void *arg, const char *name, uint64_t value),
		    void *arg)
{
	(void)s;
	(void)fn;
	(void)arg;
	return 0;
}
#else
typedef int mnd_steer_is_built;
#endif
