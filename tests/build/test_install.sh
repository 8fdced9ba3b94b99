#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What `make install` puts where: programs with their man pages, units that are hardened, and configurations that are valid as they are
# and with every line that is commented out.

set -u
: "${BIN:?the folder of the programs}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
root=$work/root

# check NAME COMMAND...
check()
{
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' <<<"$out"
		status=1
	fi
}

install_files()
{
	MAKEFLAGS='' make --no-print-directory "B=$(dirname "$(dirname "$BIN")")" SAN=1 PREFIX=/usr "DESTDIR=$root" install-files
}

has_pages()
{
	local p

	for p in "$root"/usr/bin/* "$root"/usr/sbin/*; do
		compgen -G "$root/usr/share/man/man[18]/${p##*/}.[18]" >/dev/null || echo "${p##*/} has no man page"
	done
	for p in "$root"/etc/mncse/*; do
		[ -e "$root/usr/share/man/man5/${p##*/}.5" ] || echo "${p##*/} has no man page"
	done
}

silent()
{
	local out

	out=$("$@")
	[ -z "$out" ] || { echo "$out"; return 1; }
}

# verify UNIT: what systemd has to say of it, beside that its programs are not on this machine
verify()
{
	systemd-analyze verify "$root/usr/lib/systemd/system/$1.service" 2>&1 |
		grep "$1\.service" | grep -v -e 'is not executable' -e "Command 'man "
}

# exposure UNIT: at most 1.5
exposure()
{
	systemd-analyze security --offline=true --threshold=15 "$root/usr/lib/systemd/system/$1.service"
}

# valid PROGRAM FILE: with the store of this test
valid()
{
	local store=$work/site/gateway.db

	[ "$1" = mncsed ] || store=$work/site/in.db
	sed "s|^store: .*|store: $store|" "$2" >"$work/site/$1.test.yaml"
	"$BIN/$1" -t -c "$work/site/$1.test.yaml"
}

all_lines()
{
	sed 's/^#\([a-z_]*: \)/\1/' "$root/etc/mncse/$1.yaml" >"$work/$1.all"
	! cmp -s "$root/etc/mncse/$1.yaml" "$work/$1.all" && valid "$1" "$work/$1.all"
}

kept()
{
	echo 'log: debug' >>"$root/etc/mncse/mncsed.yaml"
	cp "$root/etc/mncse/mncsed.yaml" "$work/changed"
	install_files && cmp "$root/etc/mncse/mncsed.yaml" "$work/changed"
}

check "make install" install_files
check "a man page for every program and file" silent has_pages
"$BIN/mncse-keys" init --out "$work/site" --devices 1 >/dev/null 2>&1 || status=1
for d in mncsed incsed; do
	check "the configuration of $d is valid" valid "$d" "$root/etc/mncse/$d.yaml"
	check "the configuration of $d is valid with every key" all_lines "$d"
	check "the configuration of $d listens on loopback only" silent grep -v '"127.0.0.1:' <(grep '^listen:' "$root/etc/mncse/$d.yaml")
	if systemd-analyze security --offline=true --help >/dev/null 2>&1; then
		check "$d.service has no mistake" silent verify "$d"
		check "$d.service is exposed 1.5 at most" exposure "$d"
	else
		echo "ok - $d.service # SKIP no systemd-analyze of systemd 250 or newer"
	fi
done
check "a configuration that is there is kept" kept
exit $status
