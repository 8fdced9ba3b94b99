#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make check-vm` needs beyond `make deps`: QEMU and a few packages on the machine (root), and in build/vm/ Debian's
# cloud kernels with their headers, unpacked, never installed:
#
#	build/vm/6.1/release	the kernel's release
#	build/vm/6.1/vmlinuz	the kernel
#	build/vm/6.1/modules	its modules, uncompressed, with modules.dep (lib/modules/RELEASE below it)
#	build/vm/6.1/headers	KDIR for `make kmod`
#
# The second run finds everything in place and needs neither the network nor root. The machine's own apt configuration is
# read, never written: the packages are fetched with an apt state of their own in a temporary folder. Both kernels come
# from Debian 12, so that their build tools run on Debian 12 and 13.

set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
VM=$ROOT/build/vm
KERNELS=${KERNELS:-6.1 6.12}
PACKAGES=(qemu-system-x86 busybox-static kmod cpio xz-utils libelf1 libssl-dev openssl)

say() { echo "vm-deps: $*"; }
fail() { echo "vm-deps: FAILED: $*" >&2; exit 1; }

# quiet WHAT COMMAND...: the output is shown when it fails
quiet()
{
	local what=$1
	shift
	"$@" >"$WORK/log" 2>&1 && return
	tail -n 20 "$WORK/log" | sed 's/^/    | /' >&2
	fail "$what"
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages()
{
	local p missing=()

	for p in "${PACKAGES[@]}"; do
		installed "$p" || installed "${p}t64" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] || fail "packages are missing (${missing[*]}) and this is not root: run \`sudo tests/vm/deps.sh\`"
	say "installing: ${missing[*]}"
	apt-get -q -o DPkg::Lock::Timeout=120 update >"$WORK/log" 2>&1 || true
	quiet "installing packages" \
		apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "${missing[@]}"
}

# machine_uri LABEL: from where this machine takes the archive that calls itself LABEL
machine_uri()
{
	apt-get indextargets --format '$(LABEL)|$(ORIGIN)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
		awk -F'|' -v label="$1" \
		    '$1 == label && $2 == "Debian" && $3 == "main" && $4 !~ /^cdrom:/ { print $4; exit }'
}

write_source()	# SUITE URI
{
	local keyring

	for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg,none}; do
		[ ! -r "$keyring" ] || break
	done
	[ -r "$keyring" ] || fail "no Debian keyring in /usr/share/keyrings"
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: amd64\nSigned-By: %s\n\n' \
		"$2" "$1" "$keyring"
}

# own_apt FOLDER PROGRAM ARGUMENTS...
own_apt()
{
	local dir=$1 program=$2
	shift 2
	"$program" -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir/sources" \
		-o "Dir::State::Lists=$dir/lists" -o "Dir::State::status=$dir/status" -o "Dir::Cache=$dir/cache" \
		-o Acquire::Retries=3 -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

# depends FOLDER PACKAGE WORD: the first dependency whose name begins with WORD
depends()
{
	own_apt "$1" apt-cache depends "$2" | awk -v w="$3" '$1 == "Depends:" && index($2, w) == 1 { print $2; exit }'
}

# fetch SERIES FOLDER: the packages of the kernel as FOLDER/deb/*.deb
fetch()
{
	local series=$1 dir=$2 main security image headers release

	main=$(machine_uri Debian)
	security=$(machine_uri Debian-Security)
	[ -n "$main" ] || fail "no Debian archive among the machine's apt sources"
	mkdir -p "$dir/sources" "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/deb"
	: >"$dir/status"
	if [ "$series" = 6.12 ]; then
		write_source bookworm-backports "$main"
	else
		write_source bookworm "$main"
		[ -z "$security" ] || write_source bookworm-security "$security"
	fi >"$dir/sources/kernel.sources"
	if [ "$(id -u)" -eq 0 ] && id _apt >/dev/null 2>&1; then
		chown -R _apt "$dir/lists/partial" "$dir/cache" "$dir/deb"
	fi
	quiet "reading the package lists for $series from $main" own_apt "$dir" apt-get -o APT::Update::Error-Mode=any update

	image=$(depends "$dir" linux-image-cloud-amd64 linux-image-)
	headers=$(depends "$dir" linux-headers-cloud-amd64 linux-headers-)
	[ -n "$image" ] && [ -n "$headers" ] || fail "$main has no cloud kernel $series"
	release=${headers#linux-headers-}
	[[ $release == "$series".* ]] || fail "$main has $release instead of $series"
	own_apt "$dir" apt-cache show "$image" >/dev/null 2>&1 || image=$image-unsigned
	(cd "$dir/deb" && quiet "downloading $image and its headers" own_apt "$dir" apt-get download "$image" "$headers" \
		"$(depends "$dir" "$headers" linux-headers-)" "$(depends "$dir" "$headers" linux-kbuild-)")
	echo "$release" >"$dir/release"
}

# unpack FOLDER TARGET
unpack()
{
	local dir=$1 to=$2 release deb kdir

	release=$(<"$dir/release")
	mkdir -p "$to/tree" "$to/modules/lib/modules"
	for deb in "$dir"/deb/*.deb; do
		dpkg -x "$deb" "$to/tree"
	done
	mv "$to/tree/boot/vmlinuz-$release" "$to/vmlinuz"
	# Debian 13 and backports put them below /usr.
	if [ -d "$to/tree/usr/lib/modules/$release" ]; then
		mv "$to/tree/usr/lib/modules/$release" "$to/modules/lib/modules/"
	else
		mv "$to/tree/lib/modules/$release" "$to/modules/lib/modules/"
	fi
	rm -rf "$to/tree/boot" "$to/tree/lib" "$to/modules/lib/modules/$release"/{build,source}
	find "$to/modules" -name '*.ko.xz' -exec xz -d {} +
	/sbin/depmod -b "$to/modules" "$release"
	# The headers name each other by absolute paths.
	kdir=$to/tree/usr/src/linux-headers-$release
	grep -rlI -e '/usr/src/linux-headers' -e '/usr/lib/linux-kbuild' "$kdir" --include=Makefile --include='*.mk' |
		xargs -r sed -i -e "s,/usr/src/linux-headers,$VM/$series/tree&,g" -e "s,/usr/lib/linux-kbuild,$VM/$series/tree&,g"
	# With it modules would want pahole, for type information that nothing here uses.
	rm -f "$kdir/vmlinux"
	ln -s "tree/usr/src/linux-headers-$release" "$to/headers"
	echo "$release" >"$to/release"
}

main()
{
	local series new

	command -v dpkg-query >/dev/null || fail "this is not Debian"
	mkdir -p "$VM"
	exec 9>"$VM/.lock"
	flock -w 600 9 || fail "another run holds $VM/.lock for ten minutes"
	WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/mncse-vm.XXXXXX")
	trap 'rm -rf "$WORK"' EXIT
	chmod 755 "$WORK"
	install_packages
	for series in $KERNELS; do
		[ ! -r "$VM/$series/release" ] || continue
		say "fetching Debian's cloud kernel $series"
		mkdir -p "$WORK/$series"
		chmod 755 "$WORK/$series"
		fetch "$series" "$WORK/$series"
		rm -rf "$VM/$series" "$VM/$series.new"
		new=$VM/$series.new
		unpack "$WORK/$series" "$new"
		mv "$new" "$VM/$series"
		say "kernel $(<"$VM/$series/release") is in build/vm/$series"
	done
	if [ -n "${SUDO_UID:-}" ]; then
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$VM"
	fi
}

main "$@"
