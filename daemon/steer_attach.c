// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs onto interfaces, links into the BPF file system, and what a predecessor left out of it. */
#ifdef HAVE_BPF
#include "steer_maps.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "log.h"
#include "reuseport.skel.h"
#include "tc_class.skel.h"
#include "xdp_guard.skel.h"

/* Headers of 6.1 have no tcx. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };
enum { FILTER_HANDLE = 1, FILTER_PRIORITY = 0x6d6e, BPFFS = 0xcafe4a11 };

/* ---- loading ---- */

static char said[256]; /* libbpf's last complaint; programs are loaded on the main thread */

static int listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(said, sizeof(said), format, args);
	return 0;
}

static int load(struct mnd_steer *s, const char *name, struct bpf_object *o)
{
	int err = o ? mnd_steer_maps_give(s, o) : -errno;

	said[0] = '\0';
	if (!err)
		err = bpf_object__load(o);
	if (err) {
		said[strcspn(said, "\n")] = '\0';
		snprintf(s->why, sizeof(s->why), "the kernel takes no %s: %s%s%.200s", name,
			 strerror(-err), said[0] ? ": " : "", said);
	}
	return err;
}

static int load_all(struct mnd_steer *s)
{
	int err;

	libbpf_set_print(listen_to_libbpf);
	s->guard = xdp_guard__open();
	s->class = tc_class__open();
	s->reuseport = reuseport__open();
	err = load(s, "xdp_guard", s->guard ? s->guard->obj : NULL);
	if (!err)
		err = load(s, "tc_class", s->class ? s->class->obj : NULL);
	if (!err)
		err = load(s, "reuseport", s->reuseport ? s->reuseport->obj : NULL);
	return err;
}

/* ---- pins ---- */

static void take_away(struct mnd_steer *s, const char *path)
{
	int link = bpf_obj_get(path);

	/* Detached at once: the last reference alone goes some time later, and the place would still be taken. */
	if (link >= 0 && !bpf_link_detach(link))
		s->leftovers++;
	if (link >= 0)
		close(link);
	unlink(path);
}

/* Only a gateway that holds the store's lock gets here: whoever left these is dead. */
static void clear_pins(struct mnd_steer *s)
{
	DIR *d = opendir(s->pins);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		char path[PATH_MAX + NAME_MAX + 2];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", s->pins, e->d_name);
		take_away(s, path);
	}
	closedir(d);
	rmdir(s->pins);
}

/* Without a BPF file system it works all the same: nothing outlives the daemon then. */
static void prepare_pins(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	char parent[PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", c->pins);
	slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	if (statfs(parent, &fs) || (unsigned long)fs.f_type != BPFFS) {
		snprintf(s->note, sizeof(s->note), "not pinned: no bpf file system at %.64s",
			 parent);
		return;
	}
	snprintf(s->pins, sizeof(s->pins), "%.2000s/%.128s", c->pins, c->name);
	clear_pins(s);
	if ((mkdir(c->pins, 0700) && errno != EEXIST) || mkdir(s->pins, 0700)) {
		snprintf(s->note, sizeof(s->note), "not pinned: %.64s: %s", c->pins,
			 strerror(errno));
		s->pins[0] = '\0';
	}
}

static void pin(struct mnd_steer *s, int fd, const char *what, const char *where)
{
	char path[PATH_MAX + 64];

	if (!s->pins[0] || fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s%s%s", s->pins, what, where[0] ? "-" : "", where);
	if (bpf_obj_pin(fd, path))
		mn_warn("bpf: %s: %s", path, strerror(errno));
}

/* ---- XDP ---- */

static int link_xdp(struct mnd_steer *s, struct mnd_interface *i, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = flags);
	int fd = bpf_link_create(bpf_program__fd(s->guard->progs.xdp_guard), (int)i->index, BPF_XDP,
				 &o);

	if (fd < 0)
		return -errno;
	i->xdp_link = fd;
	i->native = flags == XDP_FLAGS_DRV_MODE;
	return 0;
}

/* A veth sends what XDP answers only when its peer polls, which nobody can see from this end: native there is for who knows. */
static int attach_guard(struct mnd_steer *s, struct mnd_interface *i, enum mnd_steer_xdp mode)
{
	bool generic = mode == MND_XDP_GENERIC ||
		       (mode == MND_XDP_AUTO && (i->loopback || mnd_steer_is_veth(i->name)));
	int err = generic ? -EOPNOTSUPP : link_xdp(s, i, XDP_FLAGS_DRV_MODE);

	if (err && err != -EBUSY && mode != MND_XDP_NATIVE)
		err = link_xdp(s, i, XDP_FLAGS_SKB_MODE);
	if (err == -EBUSY || err == -EEXIST)
		snprintf(s->why, sizeof(s->why), "another XDP program is on %s", i->name);
	else if (err)
		snprintf(s->why, sizeof(s->why), "XDP on %s: %s", i->name, strerror(-err));
	return err;
}

/* ---- TC ---- */

static int attach_filter(struct mnd_steer *s, struct mnd_interface *i, bool out)
{
	const struct bpf_program *p = out ? s->class->progs.tc_egress : s->class->progs.tc_ingress;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index,
		    .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = bpf_program__fd(p), .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&hook);

	if (!err)
		i->clsact_made = true;
	else if (err != -EEXIST)
		return err;
	err = bpf_tc_attach(&hook, &o);
	i->filters |= !err;
	return err;
}

static int attach_class(struct mnd_steer *s, struct mnd_interface *i)
{
	LIBBPF_OPTS(bpf_link_create_opts, o);
	int err;

	i->in_link = bpf_link_create(bpf_program__fd(s->class->progs.tc_ingress), (int)i->index,
				     (enum bpf_attach_type)TCX_INGRESS, &o);
	if (i->in_link >= 0)
		i->out_link = bpf_link_create(bpf_program__fd(s->class->progs.tc_egress),
					      (int)i->index, (enum bpf_attach_type)TCX_EGRESS, &o);
	if (i->in_link >= 0 && i->out_link >= 0) {
		i->tcx = true;
		return 0;
	}
	if (i->in_link >= 0)
		close(i->in_link);
	i->in_link = i->out_link = -1;
	err = attach_filter(s, i, false);
	if (!err)
		err = attach_filter(s, i, true);
	if (err)
		snprintf(s->why, sizeof(s->why), "tcx and clsact on %s: %s", i->name,
			 strerror(-err));
	return err;
}

static void detach_filters(struct mnd_interface *i)
{
	for (int out = 0; out < 2; out++) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)i->index,
			    .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
		LIBBPF_OPTS(bpf_tc_opts, o, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

		bpf_tc_detach(&hook, &o);
	}
	if (i->clsact_made) {
		LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = (int)i->index,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

		bpf_tc_hook_destroy(&both);
	}
}

/* ---- both ---- */

int mnd_steer_attach_to(struct mnd_steer *s, struct mnd_interface *i,
			const struct mnd_steer_config *c)
{
	int err = attach_class(s, i);

	if (!err && i->inner)
		err = attach_guard(s, i, c->xdp);
	if (err)
		return err;
	pin(s, i->xdp_link, "xdp", i->name);
	pin(s, i->in_link, "tcx-in", i->name);
	pin(s, i->out_link, "tcx-out", i->name);
	return 0;
}

int mnd_steer_attach(struct mnd_steer *s, const struct mnd_steer_config *c)
{
	int err = load_all(s);

	if (err)
		return err;
	prepare_pins(s, c);
	for (unsigned int n = 0; n < s->n_interfaces; n++) {
		err = mnd_steer_attach_to(s, &s->interfaces[n], c);
		if (err)
			return err;
	}
	pin(s, s->map.counters, "counters", "");
	pin(s, s->map.sessions, "sessions", "");
	return 0;
}

static void close_link(int *fd)
{
	if (*fd < 0)
		return;
	bpf_link_detach(*fd);
	close(*fd);
	*fd = -1;
}

static void unpin(const struct mnd_steer *s, const char *what, const char *where)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s-%s", s->pins, what, where);
	if (s->pins[0])
		unlink(path);
}

void mnd_steer_detach_from(struct mnd_steer *s, struct mnd_interface *i)
{
	close_link(&i->xdp_link);
	close_link(&i->in_link);
	close_link(&i->out_link);
	unpin(s, "xdp", i->name);
	unpin(s, "tcx-in", i->name);
	unpin(s, "tcx-out", i->name);
	if (i->filters || i->clsact_made)
		detach_filters(i);
	i->filters = i->clsact_made = false;
}

void mnd_steer_detach(struct mnd_steer *s)
{
	for (unsigned int n = 0; n < s->n_interfaces; n++)
		mnd_steer_detach_from(s, &s->interfaces[n]);
	if (s->pins[0])
		clear_pins(s);
	xdp_guard__destroy(s->guard);
	tc_class__destroy(s->class);
	reuseport__destroy(s->reuseport);
	s->guard = NULL;
	s->class = NULL;
	s->reuseport = NULL;
}
#else
typedef int mnd_steer_attach_is_not_built;
#endif
