#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-deb: the packages of `make deb` in a Debian of their own, which is the machine's release, made by debootstrap from the
# machine's own mirror, and booted with systemd in a container without a network. run.sh B
#
#	B/deb/root	that Debian, with what the packages depend on; kept for the next run
#	tests/deb/inside.sh	what happens in it
#
# Root; wants debootstrap, systemd-container and lintian.

set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
cd "$(dirname "$0")/../.."
out=$(realpath -m "$1/deb")
root=$out/root
limit=600			# seconds for all that happens inside
bad=0

fail()
{
	echo "check-deb: FAILED: $*" >&2
	exit 1
}

# quiet WHAT COMMAND...
quiet()
{
	local what=$1

	shift
	"$@" >"$work/log" 2>&1 && return
	tail -n 25 "$work/log" | sed 's/^/    | /' >&2
	fail "$what"
}

need()
{
	local p missing=()

	[ "$(id -u)" -eq 0 ] || fail "this wants root: run \`sudo make check-deb\`"
	for p in debootstrap systemd-container lintian; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] || fail "packages are missing: run \`apt-get install --no-install-recommends ${missing[*]}\`"
}

mirror()
{
	apt-get indextargets --format '$(LABEL)|$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" && $4 !~ /^cdrom:/ { print $4; exit }'
}

depends()
{
	local p

	for p in "$out"/mncse_*.deb "$out"/mncse-in_*.deb "$out"/mncse-dkms_*.deb; do
		dpkg-deb -f "$p" Depends | sed 's/mncse ([^)]*), *//'
	done | paste -sd, | sed 's/, */, /g'
}

make_root()
{
	local suite want

	. /etc/os-release
	suite=$VERSION_CODENAME
	want="$suite: $(depends)"
	[ "$(cat "$root.stamp" 2>/dev/null)" != "$want" ] || return 0
	if [ ! -e "$root.stamp" ]; then
		echo "check-deb: making a Debian $suite"
		rm -rf "$root"
		quiet "debootstrap" debootstrap --variant=minbase --include=systemd-sysv,dbus,iproute2 "$suite" "$root" "$(mirror)"
	fi
	quiet "the packages' dependencies" chroot "$root" sh -c '
		apt-get -q update && apt-get -q -y --no-install-recommends satisfy "$1" && apt-get clean' sh "$(depends)"
	echo "$want" >"$root.stamp"
}

# newer DEB: the same package with a higher version, as the next upload
newer()
{
	local dir=$work/newer version

	rm -rf "$dir"
	dpkg-deb -R "$1" "$dir"
	version=$(dpkg-deb -f "$1" Version)
	sed -i "s/^Version: .*/&+1/; s/mncse (= $version)/mncse (= $version+1)/" "$dir/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$dir" "$work/root/mncse-test/new/" >/dev/null
}

# CAP_IPC_LOCK: not for the services, but without it nspawn forbids mlock(2) to all of the container.
boot()
{
	local status=0

	timeout -k 20 "$limit" systemd-nspawn --quiet --register=no --keep-unit --private-network --capability=CAP_IPC_LOCK \
		--machine="mncse-test-$$" -b -D "$work/root" >"$work/console" 2>&1 </dev/null || status=$?
	[ $status -eq 0 ] || echo "not ok - the container ends by itself (status $status)" >>"$work/root/mncse-test/tap"
}

need
work=$(mktemp -d "${TMPDIR:-/var/tmp}/mncse-check-deb.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
tools/build/deb.sh "$1" >/dev/null
if lintian --fail-on error --no-tag-display-limit "$out"/*.changes >"$work/lintian" 2>&1; then
	echo "ok - lintian has no errors"
else
	echo "not ok - lintian has no errors"
	bad=1
fi
grep -v '^running with root' "$work/lintian" | sed 's/^/# /' || :
make_root

cp -a --reflink=auto "$root" "$work/root"
mkdir -p "$work/root/mncse-test/old" "$work/root/mncse-test/new"
for deb in "$out"/mncse_*.deb "$out"/mncse-in_*.deb "$out"/mncse-dkms_*.deb; do
	cp "$deb" "$work/root/mncse-test/old/"
	newer "$deb"
done
cp tests/deb/inside.sh "$work/root/mncse-test/"
cat >"$work/root/etc/systemd/system/mncse-test.service" <<'UNIT'
[Unit]
After=multi-user.target dbus.service
[Service]
Type=exec
ExecStart=/bin/bash /mncse-test/inside.sh
ExecStopPost=/bin/systemctl poweroff --no-block
UNIT
mkdir -p "$work/root/etc/systemd/system/default.target.wants"
ln -sf ../mncse-test.service "$work/root/etc/systemd/system/default.target.wants/"
boot
cat "$work/root/mncse-test/tap"
grep -q '^ok' "$work/root/mncse-test/tap" || { tail -n 30 "$work/console" | sed 's/^/    | /'; bad=1; }
grep -qx 'done' "$work/root/mncse-test/end" || { echo "not ok - all of it ran"; bad=1; }
! grep -q '^not ok' "$work/root/mncse-test/tap" || bad=1
if [ $bad -ne 0 ]; then
	sed 's/^/    | /' "$work/root/mncse-test/log" || :
	fail "see above"
fi
echo "check-deb: all is well"
