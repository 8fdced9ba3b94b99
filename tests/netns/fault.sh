# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of faults share, beside life.sh: programs under tests/fault/preload.c, each with a file of its own, T/NAME.fault.

. "$(dirname "${BASH_SOURCE[0]}")/life.sh"

PRELOAD=$(dirname "$BIN")/fault/preload.so

# fault NAME [alloc N | clock SECONDS]
fault()
{
	local name=$1

	shift
	"$HELPERS/fault" "$T/$name.fault" "$@"
}

# Not a leak, and passed over: the loader's storage of threads. The note of that would look like a report.
QUIET="${LSAN_OPTIONS:-}:print_suppressions=0"

# faulty NAME COMMAND...: runs the command with T/NAME.fault
faulty()
{
	local name=$1

	shift
	timeout 30 env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "MNCSE_FAULT=$T/$name.fault" \
		"LSAN_OPTIONS=$QUIET" "LD_PRELOAD=$PRELOAD" "$@"
}

# start_faulty mncsed|incsed NAMESPACE: as start_daemon
start_faulty()
{
	fault "$1" alloc 0
	: >"$T/$1.log"
	spawn "$1" "$2" env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		"LSAN_OPTIONS=$QUIET" "MNCSE_FAULT=$T/$1.fault" "LD_PRELOAD=$PRELOAD" "$BIN/$1" -c "$T/$1.yaml"
	wait_until 30 ready_or_dead "$1"
	ready "$1" || bail "$1 gets ready"
}
