#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [WORD...]: each fuzz target (or those with that name, or that word in it) for FUZZ_S seconds, from tests/fuzz/corpus/NAME
# and what earlier runs found new (B/fuzz/corpus/NAME). Prints a table: executions, edges reached, files new in the
# corpus. Exit 1 when any target stopped on an input; the file is named, and so is the command that runs it again.
#
# run.sh --merge [WORD...]: takes the longest inputs that reach more into tests/fuzz/corpus/NAME, 16 of at most 512 bytes.

set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 2

DIR=${B:-build}/fuzz
SECONDS_EACH=${FUZZ_S:-60}
FILES_MAX=16
FILE_MAX=512
INPUT_MAX=4096
merge=
if [ "${1:-}" = --merge ]; then
	merge=1
	shift
fi
words=("$@")

wanted()
{
	local w

	[ ${#words[@]} -gt 0 ] || return 0
	for w in "${words[@]}"; do
		[ "$1" != "$w" ] || return 0
		[ -e "tests/fuzz/fuzz_$w.c" ] || [[ $1 != *"$w"* ]] || return 0
	done
	return 1
}

# merge_corpus NAME: of the files that are needed for all that was reached the longest, since they reach most
merge_corpus()
{
	local seeds=tests/fuzz/corpus/$1 all f

	all=$(mktemp -d) || exit 2
	"$DIR/fuzz/$1" -merge=1 "$all" "$seeds" "$DIR/corpus/$1" >"$DIR/log/$1.merge" 2>&1
	# the named seeds are kept: they are what a reader understands
	find "$seeds" -type f -name '????????????????????????????????????????' -delete
	while read -r f; do
		cp "$all/$f" "$seeds/$f"
	done < <(find "$all" -type f -size +0 -size -${FILE_MAX}c -printf '%s %f\n' | sort -rn | head -n $FILES_MAX |
		cut -d ' ' -f 2)
	rm -rf "$all"
	echo "$1: $(find "$seeds" -type f | wc -l) files, $(du -cb "$seeds"/* | tail -n 1 | cut -f 1) bytes"
}

# fuzz NAME: 0, or 1 when it stopped on an input
fuzz()
{
	local name=$1 seeds=tests/fuzz/corpus/$1 found=$DIR/corpus/$1 find=$DIR/find log=$DIR/log/$1
	local before status runs edges new

	mkdir -p "$found" "$find"
	before=$(find "$found" -type f | wc -l)
	"$DIR/fuzz/$name" -max_total_time="$SECONDS_EACH" -max_len=$INPUT_MAX -timeout=25 -rss_limit_mb=2048 \
		-print_final_stats=1 -verbosity=1 -artifact_prefix="$find/$name-" "$found" "$seeds" >"$log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2)
	new=$(($(find "$found" -type f | wc -l) - before))
	if [ $status -ne 0 ]; then
		printf '%-12s %12s %8s %6d   STOPPED\n' "$name" "${runs:--}" "${edges:--}" $new
		grep -E 'does not hold|ERROR: |SUMMARY: |runtime error|file_fuzz' "$log" | head -n 5 | sed 's/^/    | /'
		echo "    again: $DIR/fuzz/$name $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
		echo "    log: $log"
		return 1
	fi
	printf '%-12s %12s %8s %6d   ok\n' "$name" "${runs:--}" "${edges:--}" $new
}

failed=0 ran=0
mkdir -p "$DIR/log"
[ -n "$merge" ] || printf '%-12s %12s %8s %6s\n' target executions edges new
for src in tests/fuzz/fuzz_*.c; do
	name=$(basename "$src" .c)
	name=${name#fuzz_}
	wanted "$name" || continue
	ran=$((ran + 1))
	if [ -n "$merge" ]; then
		merge_corpus "$name"
	else
		fuzz "$name" || failed=$((failed + 1))
	fi
done
if [ $ran -eq 0 ]; then
	echo "no fuzz target has a name with: ${words[*]}" >&2
	exit 2
fi
[ $failed -eq 0 ] || echo "$failed of $ran targets stopped on an input"
[ $failed -eq 0 ]
