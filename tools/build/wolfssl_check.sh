#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wolfssl_check.sh PREFIX ARCHIVE OUTPUT: is this wolfSSL one that mncse can be built with?
# Compiles, links and runs wolfssl_check.c; prints its messages, not the compiler's.

prefix=$1 archive=$2 out=$3 log=$3.log

if [ -z "$archive" ] || [ ! -r "$prefix/include/wolfssl/options.h" ]; then
	if [ "$prefix" = build/wolfssl ]; then
		echo 'make: wolfSSL is not built: run `sudo make deps`, or name one with WOLFSSL_DIR=' >&2
	else
		echo "make: no static wolfSSL with headers in $prefix (include/wolfssl/options.h, lib/libwolfssl.a):" \
			'name another with WOLFSSL_DIR=, or leave it out and run `sudo make deps`' >&2
	fi
	exit 1
fi

if ${CC:-cc} -D_GNU_SOURCE -isystem "$prefix/include" -o "$out" tools/build/wolfssl_check.c "$archive" -lm >"$log" 2>&1 &&
   "$out" >>"$log" 2>&1; then
	rm -f "$out" "$log"
	exit 0
fi

echo "make: the wolfSSL in $prefix cannot be used:" >&2
sed -n -e 's/.*error: #error "\(.*\)"$/  - \1/p' -e 's/.*static assertion failed: "\(.*\)"$/  - \1/p' \
	-e 's/^error: "\(.*\)"$/  - \1/p' "$log" | grep . >&2 || sed 's/^/  | /' "$log" >&2
echo 'make: `sudo make deps` builds one that can be, in build/wolfssl; tools/build/deps.sh has its flags' >&2
rm -f "$out" "$log"
exit 1
