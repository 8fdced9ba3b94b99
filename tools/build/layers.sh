#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make layers: no file includes what lies to its right or above it.
#
#	uapi <- core <- { dtls, store, ctl, config };  uapi <- loop <- { dtls, ctl };  log below all
#	lib <- { daemon, tools/X } <- tests;  lib/uapi <- { kmod, bpf };  kmod also has core/replay.h, which compiles in the kernel
#
# and a foreign library is included where its boundary is, nowhere else.
# layers.sh [ROOT]: one line a violation, exit 1 when there is any.

cd "${1:-$(dirname "$0")/../..}" || exit 2

folders=
for d in lib daemon tools kmod bpf tests; do
	[ ! -d "$d" ] || folders="$folders $d"
done
if [ -z "$folders" ]; then
	echo "layers: no sources in $PWD" >&2
	exit 2
fi

# shellcheck disable=SC2086
find $folders -name '*.[ch]' -type f | LC_ALL=C sort | awk '
function allow(who, whom,    i, n, a)
{
	n = split(whom, a, " ")
	may[who, who] = 1
	for (i = 1; i <= n; i++)
		may[who, a[i]] = 1
}

BEGIN {
	allow("log", "")
	allow("uapi", "")
	allow("core", "uapi log")
	allow("loop", "uapi log")
	allow("dtls", "core loop uapi log")
	allow("store", "core uapi log")
	allow("config", "core uapi log")
	allow("ctl", "core loop uapi log")
	lib = "log uapi core loop dtls store config ctl"
	allow("daemon", lib)
	allow("tools", lib)
	allow("kmod", "uapi")
	allow("bpf", "uapi")
	n = split(lib, a, " ")
	for (i = 1; i <= n; i++)
		layer[a[i]] = 1
}

# unit PATH: the layer or program that the file belongs to
function unit(path,    a)
{
	split(path, a, "/")
	if (a[1] == "lib") {
		if (path ~ /^lib\/log\.[ch]$/)
			return "log"
		return a[2] in layer ? a[2] : "lib/" a[2]
	}
	return a[1] == "tools" ? "tools/" a[2] : a[1]
}

function kind(u) { return u ~ /^tools\// ? "tools" : u }

# normal PATH: without "x/../" and "./"
function normal(path)
{
	gsub(/\/\.\//, "/", path)
	while (match(path, /[^\/.]+\/\.\.\//))
		path = substr(path, 1, RSTART - 1) substr(path, RSTART + RLENGTH)
	return path
}

# target FILE INCLUDE: the file of the tree that is meant, or nothing
function target(file, inc,    dir, path, a)
{
	dir = file
	sub(/[^\/]*$/, "", dir)
	path = normal(dir inc)
	if (path in known || inc ~ /^\.\.?\//)
		return path
	if (("lib/" inc) in known)
		return "lib/" inc
	split(inc, a, "/")
	if (a[1] in layer && a[2] != "")
		return "lib/" inc
	return inc in known ? inc : ""
}

function bad(text) { print file ":" line ": " text; failed = 1 }

# only LIBRARY PATTERN: included elsewhere than in files matching PATTERN
function only(name, pattern, where)
{
	if (file !~ pattern)
		bad(name " is included only in " where)
}

function foreign(inc)
{
	if (inc ~ /^wolfssl\//) {
		if (file == "tools/build/wolfssl_check.c")
			return
		only("wolfSSL", "^lib/core/crypto\\.c$|^lib/dtls/handshake\\.c$", "lib/core/crypto.c and lib/dtls/handshake.c")
		if (file == "lib/core/crypto.c" && inc !~ /^wolfssl\/(options\.h|wolfcrypt\/)/)
			bad("lib/core/crypto.c includes nothing of wolfSSL but wolfssl/wolfcrypt/")
		return
	}
	if (who == "tests")
		return
	if (inc ~ /^liburing(\.h$|\/)/)
		only("liburing", "^lib/loop/", "lib/loop/")
	else if (inc == "sqlite3.h")
		only("SQLite", "^lib/store/", "lib/store/")
	else if (inc ~ /^netlink\// && !("ctl/ctl.h" in included))
		only("libnl", "^lib/ctl/", "lib/ctl/, and where ctl/ctl.h is: there messages are built and read")
	else if (inc == "yaml.h")
		only("libyaml", "^lib/config/", "lib/config/")
	else if (inc == "microhttpd.h")
		only("libmicrohttpd", "^daemon/metrics\\.c$", "daemon/metrics.c")
	else if (inc == "utf8proc.h")
		only("utf8proc", "^lib/core/", "lib/core/")
	else if (inc ~ /\.skel\.h$/)
		only("a BPF skeleton", "^daemon/", "daemon/")
}

function check(inc,    path, whom)
{
	foreign(inc)
	path = target(file, inc)
	if (path == "")
		return
	whom = unit(path)
	if (who == "tests")
		return
	if (path ~ /\.c$/)
		bad("includes the source " path)
	if (who == "kmod" && path == "lib/core/replay.h")
		return
	if (whom == who || (kind(whom) != "tools" && (kind(who), whom) in may))
		return
	if (who == "tools/bench" && path == "tools/device/agent.h")
		return
	bad(who " must not use " whom " (" path ")")
}

{ known[$0] = 1; files[NR] = $0 }

END {
	for (f = 1; f <= NR; f++) {
		file = files[f]
		who = unit(file)
		line = 0
		if (who ~ /^lib\//)
			bad("no layer of lib/ has this name")
		n = 0
		split("", included)
		while ((getline text <file) > 0) {
			line++
			if (!match(text, /^[ \t]*#[ \t]*include[ \t]*["<][^">]*[">]/))
				continue
			inc = substr(text, RSTART, RLENGTH - 1)
			sub(/^[^"<]*["<]/, "", inc)
			incs[++n] = inc
			at[n] = line
			included[inc] = 1
		}
		close(file)
		for (i = 1; i <= n; i++) {
			line = at[i]
			check(incs[i])
		}
	}
	exit failed
}'
