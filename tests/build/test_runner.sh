#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/run.sh counts what it must: its last line and its exit status, for tests that pass, fail, are skipped,
# hang, crash and say nothing.

set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

mkdir -p "$work/tests/netns" "$work/tests/unit" "$work/tools/build"
cp tests/run.sh "$work/tests/"
for check in layers style; do
	printf '#!/bin/sh\nexit 0\n' >"$work/tools/build/$check.sh"
	chmod +x "$work/tools/build/$check.sh"
done

script() # NAME TEXT
{
	printf '#!/bin/sh\n%s\n' "$2" >"$work/tests/netns/test_$1.sh"
	chmod +x "$work/tests/netns/test_$1.sh"
}

unit() # NAME TEXT: a stand-in for a CMocka program
{
	mkdir -p "$work/build/asan/unit"
	: >"$work/tests/unit/test_$1.c"
	printf '#!/bin/sh\n%s\n' "$2" >"$work/build/asan/unit/test_$1"
	chmod +x "$work/build/asan/unit/test_$1"
}

# try NAME STATUS LAST-LINE ARGUMENTS...
try()
{
	local name=$1 want=$2 line=$3 out rc
	shift 3

	out=$(B=build SUDO_UID='' "$work/tests/run.sh" "$@" 2>&1)
	rc=$?
	if [ $rc -eq "$want" ] && [ "$(tail -n 1 <<<"$out")" = "$line" ]; then
		echo "ok - $name"
	else
		sed 's/^/# /' <<<"$out"
		echo "# status $rc"
		echo "not ok - $name"
		status=1
	fi
	rm -rf "$work"/tests/netns/* "$work"/tests/unit/*
}

try "the checks alone" 0 "2 passed, 0 failed, 0 skipped"
script a 'echo "ok - one"; echo "ok - two"'
try "two results of a script" 0 "4 passed, 0 failed, 0 skipped"
script a 'echo "ok - one"; echo "not ok - two"; exit 1'
try "one of two fails" 1 "1 passed, 1 failed, 0 skipped" test_a
script a 'echo "not ok - one"'
try "a failure with status 0 counts" 1 "0 passed, 1 failed, 0 skipped" test_a
script a 'echo "ok - one"; exit 3'
try "a status without a failed result counts" 1 "1 passed, 1 failed, 0 skipped" test_a
script a 'echo hello'
try "silence is a failure" 1 "0 passed, 1 failed, 0 skipped" test_a
script a 'echo "no tun device"; exit 77'
try "77 is a skip" 0 "0 passed, 0 failed, 1 skipped" test_a
script a 'echo "ok - one"; echo "ok - two # SKIP no IPv6"'
try "a skip within a script" 0 "1 passed, 0 failed, 1 skipped" test_a
script a '# TIMEOUT: 1
echo "ok - one"; sleep 20'
try "a test that hangs is ended" 1 "1 passed, 1 failed, 0 skipped" test_a
script a 'echo "ok - one"; echo report >"${ASAN_OPTIONS##*log_path=}.1"'
try "a sanitizer's report of any process counts" 1 "1 passed, 1 failed, 0 skipped" test_a
script a 'echo "ok - one"'
script b 'exit 1'
try "words choose" 0 "1 passed, 0 failed, 0 skipped" test_a
try "no such test" 1 "0 passed, 1 failed, 0 skipped" nothing

unit a 'printf "1..3\nok 1 - x\nnot ok 2 # SKIP y\nnot ok 3 - z\n# not ok - group\n"; exit 1'
try "functions of a CMocka program" 1 "1 passed, 1 failed, 1 skipped" --unit
unit a 'printf "1..3\nok 1 - x\nok 2 - y\n"'
try "functions that did not run" 1 "2 passed, 1 failed, 0 skipped" --unit
unit a 'printf "1..2\nok 1 - x\n"; kill -SEGV $$'
try "a crash" 1 "1 passed, 1 failed, 0 skipped" --unit
rm -f "$work/build/asan/unit/test_a"
: >"$work/tests/unit/test_a.c"
try "a program that is not there" 1 "0 passed, 1 failed, 0 skipped" --unit

exit $status
