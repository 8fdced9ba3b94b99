#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 1200
#
# One allocation fails, the N-th, through a whole session's life in the gateway, in the IN, and at a reload of each: no crash, no leak (the
# sanitizers look), what was acknowledged is there, and the next session works without a restart. N goes up in steps, so that the
# test ends in a minute or two; with FAULT_STEP=1 it is every N.

. "$(dirname "$0")/fault.sh"

ALLOCATIONS_MAX=3000
DEVICES=650

# new_device: sets ID to one that has not been used: a device may have only so many contexts at once. The count is in a file: check runs
# its command in a shell of its own.
new_device()
{
	echo >>"$T/devices"
	ID=$(printf 'C%05d' "$(wc -l <"$T/devices")")
}

# session: a device creates an instance; a line in T/acknowledged when it was told that it is there. However it ends, it ends.
session()
{
	local code

	new_device
	device $ID --timeout 1 --send "$CREATE"
	code=$?
	[ $code -ne 0 ] || echo $ID >>"$T/acknowledged"
	[ $code -lt 128 ]
}

reload()
{
	ctl "$1" reload >"$T/reload.log" 2>&1
}

one_works()
{
	new_device
	device $ID --timeout 5
}

# next_works: a session with no fault, for which the gateway must still, or again, be joined to the IN
next_works()
{
	wait_until 60 upstream_is up && wait_until 30 one_works
}

# every WHO STEP COMMAND...: the command with the N-th allocation of WHO failing, for N = 1, 1 + STEP, ... until none fails. After each the
# daemon lives and the next session works.
every()
{
	local who=$1 step=${FAULT_STEP:-$2} n=1 calls failed

	shift 2
	while [ $n -le $ALLOCATIONS_MAX ]; do
		fault "$who" alloc $n
		"$@"
		read -r calls failed < <(fault "$who")
		fault "$who" alloc 0
		if ! alive "$who"; then
			echo "allocation $n: $who has died"
			return 1
		fi
		if ! next_works; then
			echo "allocation $n: the next session does not work"
			cat "$T/device.log"
			return 1
		fi
		[ "$failed" -ne 0 ] || break
		n=$((n + step))
	done
	echo "# $who: less than $n allocations" >&9
	[ $n -gt 1 ]
}

# program STEP COMMAND...: the same of a program by itself
program()
{
	local step=${FAULT_STEP:-$1} n=1 calls failed code

	shift
	while :; do
		fault program alloc $n
		faulty program "$@" >"$T/program.log" 2>&1
		code=$?
		read -r calls failed < <(fault program)
		[ "$failed" -ne 0 ] || break
		if [ $code -ne 0 ] && [ $code -ne 1 ] || [ $code -ne 0 -a ! -s "$T/program.log" ]; then
			echo "allocation $n: exit status $code"
			cat "$T/program.log"
			return 1
		fi
		n=$((n + step))
	done
	[ $n -gt 1 ]
}

exec 9>&1
net_up
keys $DEVICES
start_faulty incsed "$IN"
start_faulty mncsed "$GW"
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
check "a session works" one_works
check "the gateway survives that any allocation of a session fails" every mncsed 2 session
check "the IN too" every incsed 7 session
check "what was acknowledged is in the store" test "$(instances)" -ge "$(wc -l <"$T/acknowledged")"
check "a reload of the gateway survives it" every mncsed 97 reload mncsed
check "and one of the IN" every incsed 29 reload incsed

# A program that ends with an error says so; anything but success and an error is a crash.
check "mncsed -t" program 211 "$BIN/mncsed" -t -c "$T/mncsed.yaml"
check "incsed -t" program 41 "$BIN/incsed" -t -c "$T/incsed.yaml"
check "mncse-keys list" program 331 "$BIN/mncse-keys" list --store "$T/in.db"
check "mncsectl" program 1 "$BIN/mncsectl" --socket "$T/mncsed.sock" status
check "mncse-device" program 1 "$BIN/mncse-device" --gateway 127.0.0.1:1 --credentials "$T/devices.csv" --id nobody
finish
