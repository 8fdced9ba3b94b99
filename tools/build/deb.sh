#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make deb: the packages mncse, mncse-in and mncse-dkms in B/deb/, for the Debian that this machine runs. deb.sh B
#
# They are built in a copy of the tree, B/deb/mncse-VERSION, with tools/debian as debian/ and wolfSSL's source package, verified by apt
# and fetched once, in debian/wolfssl. The build itself has no network (as root it could not have it).

set -euo pipefail
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS CC
cd "$(dirname "$0")/../.."
out=$(realpath -m "$1/deb")
source=$out/wolfssl

fail()
{
	echo "deb: FAILED: $*" >&2
	exit 1
}

need()
{
	local p missing=()

	for p in debhelper dh-dkms dpkg-dev; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] || fail "packages are missing: run \`sudo apt-get install --no-install-recommends ${missing[*]}\`"
}

# Files of the tree, wherever they come from: no output, no version control.
copy_tree()
{
	rm -rf "$stage"
	mkdir -p "$stage"
	tar -c --exclude=./build --exclude=./.git --exclude="./${1#./}" . | tar -x -C "$stage"
	cp -r tools/debian "$stage/debian"
	cp -r "$source" "$stage/debian/wolfssl"
	for p in mncse mncse-in; do
		cp "tools/service/$p.sysusers" "$stage/debian/$p.sysusers"
		cp "tools/service/$p.tmpfiles" "$stage/debian/$p.tmpfiles"
	done
}

need
version=$(dpkg-parsechangelog -l tools/debian/changelog -S Version)
[ "$version" = "$(cat VERSION)" ] || fail "tools/debian/changelog is of $version, VERSION says $(cat VERSION)"
stage=$out/mncse-$version
mkdir -p "$out"
[ -e "$source/SHA256SUMS" ] || tools/build/deps.sh --source "$source"
(cd "$source" && sha256sum --quiet -c SHA256SUMS) || fail "$source is damaged: remove it and run make deb again"
copy_tree "$1"
rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo

apart=()
[ "$(id -u)" -ne 0 ] || apart=(unshare --net)
if ! (cd "$stage" && "${apart[@]}" dpkg-buildpackage -us -uc -b -j"$(nproc)") >"$out/build.log" 2>&1; then
	tail -n 30 "$out/build.log" | sed 's/^/    | /' >&2
	fail "see $out/build.log"
fi
rm -rf "$stage"
# Under sudo the output belongs to who called it.
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$out" "$out"/mncse*
for p in "$out"/*.deb; do
	echo "deb: $p"
done
