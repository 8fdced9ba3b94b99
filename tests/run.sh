#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [--unit] [WORD...]: runs the tests, or those whose name holds one of the words (or matches it as a pattern).
#
#	unit/test_*	CMocka programs, each of whose functions counts
#	bpf/test_*	the same, of the BPF programs (root)
#	build/test_*.sh	netns/test_*.sh	scripts that print "ok - NAME", "not ok - NAME" or "ok - NAME # SKIP REASON"
#	layers, style	the checks of tools/build
#
# Exit 77 of a test is a skip; the last line of its output is the reason. A test's first ten lines may say
# "TIMEOUT: SECONDS". A sanitizer's report of any process that a test started is a failure of that test.
# The last line is "N passed, N failed, N skipped"; exit 1 when any failed.
#
# In the environment: B, the output folder of make (build). A script finds BIN (the programs) and
# HELPERS (those of tests/netns) there, and starts at the root of the tree.

set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.." || exit 2

ASAN=$(realpath -m "${B:-build}/asan")
LOGS=$ASAN/log
export BIN=$ASAN/bin HELPERS=$ASAN/netns
export CMOCKA_MESSAGE_OUTPUT=TAP
rm -rf "$LOGS"
mkdir -p "$LOGS" || exit 2

unit_only=
if [ "${1:-}" = --unit ]; then
	unit_only=1
	shift
fi
words=("$@")

passed=0 failed=0 skipped=0
failures=()

# wanted NAME: chosen by the words on the command line?
wanted()
{
	local w

	[ ${#words[@]} -gt 0 ] || return 0
	for w in "${words[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 == *$w* ]] && return 0
	done
	return 1
}

# count FILE: "PASSED FAILED SKIPPED PLANNED" of TAP lines. CMocka writes a skip as "not ok 2 # SKIP NAME"
# and a group that failed as "# not ok - GROUP".
count()
{
	awk '
	/^1\.\.[0-9]+/ { planned += substr($0, 4) }
	/^(not )?ok( |$)/ {
		if ($0 ~ /# SKIP/) skip++
		else if ($1 == "not") bad++
		else good++
	}
	END { print good + 0, bad + 0, skip + 0, planned + 0 }' "$1"
}

show()
{
	sed 's/^/    | /' "$1"
}

# run_test NAME SECONDS COMMAND...
run_test()
{
	local name=$1 limit=$2 log report status start took why= good bad skip planned
	shift 2
	wanted "$name" || return 0

	log=$LOGS/${name//\//-}.log
	report=$LOGS/${name//\//-}.sanitizer
	export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:log_path=$report
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$report
	export LSAN_OPTIONS=report_objects=1

	[ ! -t 1 ] || printf '...  %s\r' "$name"
	start=$(date +%s%N)
	timeout -k 20 "$limit" "$@" >"$log" 2>&1 </dev/null
	status=$?
	took=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f s", ns / 1e9 }')
	read -r good bad skip planned < <(count "$log")

	if [ $status -eq 124 ] || [ $status -eq 137 ]; then
		why="ended after $limit s"
		bad=$((bad + 1))
	elif compgen -G "$report.*" >/dev/null; then
		why="a sanitizer's report"
		[ "$bad" -gt 0 ] || bad=1
	elif [ $status -eq 77 ] && [ "$bad" -eq 0 ]; then
		[ "$skip" -gt 0 ] || skip=1
		skipped=$((skipped + skip))
		passed=$((passed + good))
		printf 'skip %-40s %s\n' "$name" "$(tail -n 1 "$log" | sed 's/^# *//; s/^SKIP:* *//')"
		return
	elif [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
		why="exit status $status"
		bad=1
	elif [ "$bad" -gt 0 ]; then
		why="$bad failed"
	elif [ $((good + skip)) -eq 0 ]; then
		why="it printed no result"
		bad=1
	elif [ "$planned" -gt $((good + skip)) ]; then
		why="$((planned - good - skip)) of $planned did not run"
		bad=1
	fi

	passed=$((passed + good))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
	if [ -n "$why" ]; then
		failures+=("$name: $why")
		printf 'FAIL %-40s %4d ok  %8s  %s\n' "$name" "$good" "$took" "$why"
		show "$log"
		for report in "$report".*; do
			[ ! -r "$report" ] || show "$report"
		done
		return
	fi
	printf 'ok   %-40s %4d ok  %8s\n' "$name" "$good" "$took"
	grep -E '^(not )?ok( .*)?# SKIP' "$log" | sed -E 's/^(not )?ok( [0-9]+)?( -)? */     skipped: /'
}

# limit FILE SECONDS: its time limit in seconds
limit()
{
	local own

	own=$(sed -n '1,10s/.*TIMEOUT: *\([0-9]\+\).*/\1/p' "$1" | head -n 1)
	echo "${own:-$2}"
}

# check NAME SCRIPT: a check of tools/build, whose silence means that all is well
check()
{
	run_test "$1" 300 sh -c '"$1" && echo "ok - $2" || { echo "not ok - $2"; exit 1; }' sh "$2" "$1"
}

for src in tests/unit/test_*.c; do
	[ -e "$src" ] || continue
	name=$(basename "$src" .c)
	run_test "unit/$name" "$(limit "$src" 120)" "$ASAN/unit/$name"
done

if [ -z "$unit_only" ]; then
	# not built where clang, libbpf or bpftool is missing
	for src in tests/bpf/test_*.c; do
		name=$(basename "$src" .c)
		if [ -x "$ASAN/bpftest/$name" ]; then
			run_test "bpf/$name" "$(limit "$src" 120)" "$ASAN/bpftest/$name"
		elif [ -e "$src" ]; then
			run_test "bpf/$name" 10 sh -c 'echo "# built without clang, libbpf and bpftool"; exit 77'
		fi
	done
	check layers tools/build/layers.sh
	check style tools/build/style.sh
	for script in tests/build/test_*.sh tests/netns/test_*.sh; do
		[ -x "$script" ] || continue
		name=${script#tests/}
		run_test "${name%.sh}" "$(limit "$script" 300)" "$script"
	done
fi

# Under sudo the output belongs to who called it.
[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$ASAN"

if [ $((passed + failed + skipped)) -eq 0 ]; then
	echo "no test has a name with: ${words[*]:-(there are no tests)}" >&2
	failed=1
fi
if [ ${#failures[@]} -gt 0 ]; then
	printf '\nfailed:\n'
	printf '  %s\n' "${failures[@]}"
fi
printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]
