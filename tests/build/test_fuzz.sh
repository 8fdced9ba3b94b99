#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every input in tests/fuzz/corpus goes through its target, built with the sanitizers and without libFuzzer: what the fuzzers found once
# stays found. A target without inputs, and inputs without a target, are failures.

set -u
cd "$(dirname "$0")/../.." || exit 2
FUZZ=$(dirname "$BIN")/fuzz
failed=0

for src in tests/fuzz/fuzz_*.c; do
	name=$(basename "$src" .c)
	name=${name#fuzz_}
	if out=$("$FUZZ/$name" "tests/fuzz/corpus/$name" 2>&1); then
		echo "ok - $name: $out"
	else
		echo "not ok - $name"
		sed 's/^/# /' <<<"$out" | head -n 40
		failed=1
	fi
done
for dir in tests/fuzz/corpus/*; do
	name=$(basename "$dir")
	[ -e "tests/fuzz/fuzz_$name.c" ] || { echo "not ok - corpus/$name has no target"; failed=1; }
done
exit $failed
