#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools/build/layers.sh finds each kind of violation, with file and line, and lets pass what is allowed.
# Every case is a tree of its own with one file in it that includes one thing.

set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
layers=$PWD/tools/build/layers.sh
status=0

result() # WORD NAME
{
	echo "$1 - $2"
	[ "$1" = ok ] || status=1
}

# tree FILE INCLUDE: a small tree, with FILE including INCLUDE in its third line
tree()
{
	local f

	rm -rf "$work/t"
	for f in lib/log.h lib/uapi/mncse.h lib/core/coap.h lib/loop/loop.h lib/dtls/endpoint.h lib/store/store.h \
		lib/ctl/ctl.h lib/config/config.h daemon/gateway.h tools/incsed/in.h tools/device/agent.h \
		tools/device/state.h tools/bench/load.h bpf/maps.h kmod/session.h tests/unit/harness.h; do
		mkdir -p "$work/t/${f%/*}"
		: >"$work/t/$f"
	done
	mkdir -p "$work/t/$(dirname "$1")"
	printf '/* a file */\n\n#include %s\n' "$2" >"$work/t/$1"
}

refused() # FILE INCLUDE WORD-OF-THE-MESSAGE
{
	local out

	tree "$1" "$2"
	if out=$("$layers" "$work/t") || ! grep -q "^$1:3: .*$3" <<<"$out"; then
		echo "$out"
		result "not ok" "$1 may not include $2"
	else
		result ok "$1 may not include $2"
	fi
}

allowed() # FILE INCLUDE
{
	local out

	tree "$1" "$2"
	if out=$("$layers" "$work/t") && [ -z "$out" ]; then
		result ok "$1 may include $2"
	else
		echo "$out"
		result "not ok" "$1 may include $2"
	fi
}

# the direction of the layers
refused lib/uapi/x.h '"core/coap.h"' 'uapi must not use core'
refused lib/uapi/x.h '"log.h"' 'uapi must not use log'
refused lib/core/x.c '"dtls/endpoint.h"' 'core must not use dtls'
refused lib/core/x.c '"loop/loop.h"' 'core must not use loop'
refused lib/core/x.c '"../store/store.h"' 'core must not use store'
refused lib/core/x.c '"dtls/not_there_yet.h"' 'core must not use dtls'
refused lib/loop/x.c '"core/coap.h"' 'loop must not use core'
refused lib/dtls/x.c '"store/store.h"' 'dtls must not use store'
refused lib/dtls/x.c '"ctl/ctl.h"' 'dtls must not use ctl'
refused lib/store/x.c '"dtls/endpoint.h"' 'store must not use dtls'
refused lib/store/x.c '"loop/loop.h"' 'store must not use loop'
refused lib/config/x.c '"store/store.h"' 'config must not use store'
refused lib/ctl/x.c '"dtls/endpoint.h"' 'ctl must not use dtls'
refused lib/log.c '"core/coap.h"' 'log must not use core'
refused lib/misc/x.c '"log.h"' 'must not use log'

# programs and tests are above the library, and apart from each other
refused lib/core/x.c '"../../daemon/gateway.h"' 'core must not use daemon'
refused lib/ctl/x.c '"../../tools/incsed/in.h"' 'ctl must not use tools/incsed'
refused lib/core/x.c '"../../tests/unit/harness.h"' 'core must not use tests'
refused daemon/x.c '"../tools/incsed/in.h"' 'daemon must not use tools/incsed'
refused daemon/x.c '"../tests/unit/harness.h"' 'daemon must not use tests'
refused tools/incsed/x.c '"../../daemon/gateway.h"' 'tools/incsed must not use daemon'
refused tools/incsed/x.c '"../device/agent.h"' 'tools/incsed must not use tools/device'
refused tools/bench/x.c '"../device/state.h"' 'tools/bench must not use tools/device'
refused tools/device/x.c '"../bench/load.h"' 'tools/device must not use tools/bench'
refused kmod/x.c '"../lib/core/coap.h"' 'kmod must not use core'
refused bpf/x.bpf.c '"../lib/dtls/endpoint.h"' 'bpf must not use dtls'

# foreign libraries
refused lib/core/oscore.c '<wolfssl/wolfcrypt/aes.h>' 'wolfSSL is included only in'
refused lib/core/crypto.c '<wolfssl/ssl.h>' 'nothing of wolfSSL but wolfssl/wolfcrypt'
refused daemon/x.c '<wolfssl/ssl.h>' 'wolfSSL is included only in'
refused tests/unit/x.c '<wolfssl/ssl.h>' 'wolfSSL is included only in'
refused lib/dtls/x.c '<liburing.h>' 'liburing is included only in'
refused tools/incsed/resource.c '<sqlite3.h>' 'SQLite is included only in'
refused daemon/x.c '<netlink/msg.h>' 'libnl is included only in'
refused lib/store/x.c '<netlink/msg.h>' 'libnl is included only in'
refused daemon/config.c '<yaml.h>' 'libyaml is included only in'
refused lib/store/x.c '<utf8proc.h>' 'utf8proc is included only in'
refused tools/mncsectl/x.c '"guard.skel.h"' 'skeleton is included only in'

# what must pass
allowed lib/core/x.c '"uapi/mncse.h"'
allowed lib/core/x.c '"log.h"'
allowed lib/core/crypto.c '<wolfssl/wolfcrypt/aes.h>'
allowed lib/dtls/handshake.c '<wolfssl/internal.h>'
allowed lib/dtls/x.c '"core/coap.h"'
allowed lib/dtls/x.c '"loop/loop.h"'
allowed lib/store/x.c '"core/coap.h"'
allowed lib/ctl/x.c '"loop/loop.h"'
allowed lib/ctl/x.c '<netlink/msg.h>'
allowed lib/loop/x.c '<liburing.h>'
allowed daemon/x.c '"dtls/endpoint.h"'
allowed daemon/x.c '"gateway.h"'
allowed daemon/x.c '"guard.skel.h"'
allowed tools/bench/x.c '"../device/agent.h"'
allowed tools/incsed/x.c '"in.h"'
allowed kmod/x.c '"../lib/uapi/mncse.h"'
allowed tests/unit/x.c '"../../tools/incsed/in.h"'
allowed tests/unit/x.c '<sqlite3.h>'
tree tools/mncsectl/x.c $'"ctl/ctl.h"\n#include <netlink/msg.h>'
if "$layers" "$work/t"; then
	result ok "a file with ctl/ctl.h may include libnl"
else
	result "not ok" "a file with ctl/ctl.h may include libnl"
fi

exit $status
