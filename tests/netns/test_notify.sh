#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the daemons tell a service manager, and that a configuration with a mistake takes neither of them down: the reload is refused with
# file and line, and sessions go on. A socket takes the manager's place.

. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip "python3 is not installed"
ldd "$BIN/mncsed" | grep -q libsystemd || skip "built without libsystemd"

# manager NAME: a socket NAME.notify; what it is told is in NAME.told, one assignment a line
manager()
{
	spawn "$1.manager" "$GW" python3 -uc '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
' "$T/$1.notify"
	wait_until 20 test -S "$T/$1.notify" || bail "a socket for $1"
}

# told NAME PATTERN [N]: at least N such lines (1)
told()
{
	[ "$(grep -c -- "$2" "$T/$1.manager.log")" -ge "${3:-1}" ]
}

# start NAME NAMESPACE: under its manager
start()
{
	manager "$1"
	export NOTIFY_SOCKET=$T/$1.notify WATCHDOG_USEC=200000
	start_daemon "$1" "$2"
	unset NOTIFY_SOCKET WATCHDOG_USEC
}

# refused NAME PATTERN: a reload fails with that text
refused()
{
	local out

	! out=$(ctl "$1" reload 2>&1) && grep -q -- "$2" <<<"$out" || { echo "$out"; return 1; }
}

# logged NAME PATTERN
logged()
{
	grep -q -- "$2" "$T/$1.log"
}

net_up
keys 2
echo "workers: 2" >>"$T/mncsed.yaml"
start incsed "$IN"
start mncsed "$GW"
wait_until 20 upstream_is up || bail "the gateway reaches the IN"

for d in incsed mncsed; do
	check "$d says that it is ready" wait_until 20 told $d '^READY=1'
	check "$d feeds the watchdog" wait_until 20 told $d '^WATCHDOG=1' 5
done

spawn device "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00001 \
	--send 'in-cse/cnt={"m2m:cin":{"con":"1"}}' --count 1000000000
answers_above()
{
	[ "$(grep -c 'answer verified' "$T/device.log")" -gt "$1" ]
}
wait_until 30 answers_above 0 || bail "a device authenticates"
session=$(ctl mncsed dump | cut -f 1)

# an indented list, an unknown key, a value out of range
for mistake in 'groups: [' 'colour: blue' 'log: loud'; do
	for d in incsed mncsed; do
		cp "$T/$d.yaml" "$T/$d.good"
		echo "$mistake" >>"$T/$d.yaml"
		line=$(wc -l <"$T/$d.yaml")
		check "$d refuses to reload '$mistake', and says where" refused $d "$d.yaml:$((line))\|$d.yaml:$((line + 1))"
		ready=$(grep -c '^READY=1' "$T/$d.manager.log")
		kill -HUP "${PIDS[$d]}"
		check "$d is ready again after SIGHUP with '$mistake'" wait_until 20 told $d '^READY=1' $((ready + 1))
		check "$d logs the mistake" wait_until 20 logged $d "error: .*$d.yaml:"
		cp "$T/$d.good" "$T/$d.yaml"
	done
done
for d in incsed mncsed; do
	is "$d: RELOADING=1 comes with its time, and before READY=1" \
		"$(sed -n '/^RELOADING=1/,/^READY=1/p' "$T/$d.manager.log" | grep -v WATCHDOG | head -n 3 | sed 's/=[0-9]\{6,\}$/=TIME/' | tr '\n' ' ')" \
		"RELOADING=1 MONOTONIC_USEC=TIME READY=1 "
done
before=$(grep -c 'answer verified' "$T/device.log")
check "the device goes on" wait_until 30 answers_above $((before + 5))
is "in the same session" "$(ctl mncsed dump | cut -f 1)" "$session"
for d in incsed mncsed; do
	check "$d takes a good configuration" ctl $d reload
done

stop device INT
for d in mncsed incsed; do
	stop $d
	is "$d stops" $? 0
	check "$d says that it is stopping" wait_until 20 told $d '^STOPPING=1'
done
finish
