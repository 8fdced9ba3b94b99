#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# io_uring is refused: each program says so, says what to do, and ends with status 1. None goes on in another way.

. "$(dirname "$0")/fault.sh"

# refused NAME ERRNO TEXT COMMAND...: exit status 1 within a time, and a text that names the cause
refused()
{
	local name=$1 errno=$2 text=$3 code

	shift 3
	timeout 20 "$HELPERS/no_uring" "$errno" "$@" >"$T/refused.log" 2>&1
	code=$?
	[ $code -ne 77 ] || skip "no seccomp filter here"
	is "$name ends with status 1 ($errno)" $code 1
	check "$name says why ($errno)" grep -q "$text" "$T/refused.log"
	check "$name has not been ready ($errno)" eval "! grep -q ready '$T/refused.log'"
}

net_up
keys 1
for program in mncsed incsed; do
	refused $program EPERM 'io_uring is forbidden here: see sysctl kernel.io_uring_disabled' "$BIN/$program" -c "$T/$program.yaml"
	refused $program ENOSYS 'this kernel has no io_uring' "$BIN/$program" -c "$T/$program.yaml"
	refused $program ENOMEM 'raise RLIMIT_MEMLOCK' "$BIN/$program" -c "$T/$program.yaml"
done
refused mncse-device EPERM 'io_uring is forbidden here' "$BIN/mncse-device" --gateway 127.0.0.1:1 --credentials "$T/devices.csv" --id C00001
refused mncse-bench EPERM 'io_uring is forbidden here' "$BIN/mncse-bench" --gateway 127.0.0.1:1 --credentials "$T/devices.csv" --devices 1

# the check of a configuration does not need it
check "mncsed -t does without" "$HELPERS/no_uring" EPERM "$BIN/mncsed" -t -c "$T/mncsed.yaml"
check "incsed -t does without" "$HELPERS/no_uring" EPERM "$BIN/incsed" -t -c "$T/incsed.yaml"
finish
