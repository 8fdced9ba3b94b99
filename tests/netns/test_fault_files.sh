#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 200
#
# No descriptor is to be had (EMFILE), and the network refuses what is sent: sessions go on, what cannot be done is said, and with the cause
# gone everything works without a restart.

. "$(dirname "$0")/fault.sh"
command -v prlimit >/dev/null || skip "util-linux's prlimit is not installed"

# no_more_files WHO: its limit is now the lowest number that is free
no_more_files()
{
	local pid=${PIDS[$1]} n=0

	while [ -e "/proc/$pid/fd/$n" ]; do
		n=$((n + 1))
	done
	prlimit --pid "$pid" --nofile=$n:
}

files_again()
{
	prlimit --pid "${PIDS[$1]}" --nofile=1024:
}

# complains WHO: a reload is refused, with a text
complains()
{
	kill -HUP "${PIDS[$1]}"
	wait_until 20 grep -q 'Too many open files' "$T/$1.log"
}

net_up
keys 12
start_both
check "a device works" device C00001

for who in mncsed incsed; do
	check "$who can open nothing any more" no_more_files $who
	check "a session that is new works" device C00002
	check "a reload of $who is refused, with the reason" complains $who
	check "which has changed nothing: a device works" device C00003
	ctl $who status >"$T/ctl.log" 2>&1
	is "mncsectl gets no answer from $who" $? 1
	check "and says so" grep -q 'does not answer in time' "$T/ctl.log"
	is "$who says once that it can let nobody in" "$(grep -c 'accept: Too many open files' "$T/$who.log")" 1
	check "$who may open files again" files_again $who
	check "its control socket answers" wait_until 20 ctl $who status
	check "it takes a reload" ctl $who reload
	check "a device works then" device C00004
done

# The IN and the gateway must be able to find each other again
check "the IN can open nothing any more" no_more_files incsed
stop mncsed
start_gateway
check "a gateway joins it" wait_until 60 upstream_is up
check "and a device works" device C00005
files_again incsed

# ---- nothing can be sent

start_device worker C00006 --count $FOREVER --send "$CREATE"
check "a worker works" wait_until 20 answers_above worker 5
ip -n "$GW" route add unreachable 198.18.1.2/32
AT=$(answers worker)
check "to the devices nothing can be sent" eval '! ip netns exec $GW ping -c 1 -W 1 198.18.1.2'
check "the gateway lives" ctl mncsed status
ip -n "$GW" route del unreachable 198.18.1.2/32
check "the worker goes on by itself" wait_until 60 answers_above worker $((AT + 5))
ip -n "$GW" route add unreachable 198.18.2.2/32
device C00007 --timeout 3
is "to the IN nothing can be sent: a device gets no answer" "$(grep -c 'answer verified' "$T/device.log")" 0
ip -n "$GW" route del unreachable 198.18.2.2/32
check "the next one does" wait_until 60 device C00008 --timeout 10
check "and so does the worker" wait_until 60 goes_on worker

# ---- too few descriptors to begin with

stop worker INT
stop mncsed
stop incsed
for who in mncsed incsed; do
	for n in 5 7 9; do
		timeout 20 prlimit --nofile=$n:$n "$BIN/$who" -c "$T/$who.yaml" >"$T/low.log" 2>&1
		is "with $n descriptors $who does not start" $? 1
		check "and says why" grep -q 'Too many open files' "$T/low.log"
	done
done
finish
