#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A wolfSSL that mncse cannot use is refused before anything is compiled, with the reason. The wolfSSL that was
# built is copied, and one option of its options.h taken away at a time.

set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
good=${WOLFSSL_DIR:-build/wolfssl}
status=0

[ -r "$good/stamp" ] || {
	echo "SKIP no wolfSSL in $good"
	exit 77
}
cp -aL "$good" "$work/w"
options=$work/w/include/wolfssl/options.h
archive=$work/w/lib/libwolfssl.a
cp "$options" "$work/options.h"

# try NAME STATUS MESSAGE
try()
{
	local out rc

	out=$(tools/build/wolfssl_check.sh "$work/w" "$archive" "$work/check" 2>&1)
	rc=$?
	if [ $rc -eq "$2" ] && grep -q "$3" <<<"$out"; then
		echo "ok - $1"
	else
		echo "status $rc: $out"
		echo "not ok - $1"
		status=1
	fi
	cp "$work/options.h" "$options"
}

without() # OPTION MESSAGE
{
	sed -i "/define $1\b/d" "$options"
	try "without $1" 1 "  - $2"
}

try "the one that was built" 0 '^$'
without WOLFSSL_STATIC_PSK "no static PSK suites"
without WOLFSSL_DTLS "no DTLS"
without HAVE_AESCCM "no AES-CCM"
without ATOMIC_USER "the session keys cannot be read"
without HAVE_EXTENDED_MASTER "no extended master secret"
without HAVE_ENCRYPT_THEN_MAC "no encrypt-then-mac"
without HAVE_HKDF "no HKDF"
without HAVE_FFDHE_2048 "no ffdhe2048"
without SINGLE_THREADED "an object would cost a random generator"
without NO_SESSION_CACHE "master secrets would stay"

sed -i 's/define MAX_PSK_ID_LEN .*/define MAX_PSK_ID_LEN 64/' "$options"
try "short identities" 1 "  - identities of another length"

# An option that changes the layout of its objects, which the archive was compiled without
echo '#define HAVE_ALPN' >>"$options"
try "an options.h of another build" 1 "  - its options.h is not the one"

sed -i 's/MAX_PSK_KEY_LEN      =  64/MAX_PSK_KEY_LEN      =  32/' "$work/w/include/wolfssl/internal.h"
try "short keys" 1 "  - keys of another length"
cp "$good/include/wolfssl/internal.h" "$work/w/include/wolfssl/"

rm "$work/w/include/wolfssl/internal.h"
try "without internal.h" 1 "  - no wolfssl/internal.h"

archive=
try "without the archive" 1 "no static wolfSSL"

exit $status
