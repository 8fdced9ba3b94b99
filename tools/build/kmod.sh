#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make kmod: builds mncse.ko for the kernel whose headers are in KDIR, as B/kmod/RELEASE/mncse.ko.
# kmod.sh KDIR B. The sources are copied, for kbuild writes beside them.

set -euo pipefail
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/../.."
kdir=$1 b=$2

header=$kdir/include/generated/utsrelease.h
if [ ! -r "$header" ]; then
	echo "kmod: $kdir holds no kernel headers: install linux-headers-$(uname -r), or name others with KDIR=" >&2
	exit 1
fi
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$header")
out=$(realpath -m "$b/kmod/$release")
mkdir -p "$out"
cp -pu --parents Kbuild kmod/*.[ch] kmod/*/*.[ch] lib/uapi/*.h lib/core/replay.h "$out/"
make -s -j"$(nproc)" -C "$kdir" "M=$out" ${WERROR:+"KCFLAGS=$([ "$WERROR" != 1 ] || echo -Werror)"} modules
echo "kmod: $out/mncse.ko"
