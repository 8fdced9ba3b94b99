#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# A Rand offered in every wrong way by a peer that has the keys: an IN to the gateway, and a gateway to a device. Each gets the answer that
# docs/protocol.md gives it, and what was held before is held afterwards.

. "$(dirname "$0")/hostile.sh"

told()
{
	grep -qx "$1" "$T/rand.log"
}

# start_rand NAMESPACE ARGUMENT...
start_rand()
{
	: >"$T/rand.log"
	spawn rand "$1" "$HELPERS/hostile_rand" "${@:2}"
	wait_until 20 told ready || bail "the hostile peer listens"
}

# results NAME COUNT: one test a line, when the helper has ended
results()
{
	local name got expected

	wait "${PIDS[rand]}"
	is "$1: the hostile peer could do all it meant to" $? 0
	unset "PIDS[rand]"
	while IFS='|' read -r name got expected; do
		[ -z "$expected" ] || is "$1: $name" "$got" "$expected"
	done <"$T/rand.log"
	check "$1: $2 were tried" told "$2 tried"
}

# rand_held: generation and Rand in the gateway's store
rand_held()
{
	sqlite3 -readonly "$T/gateway.db" "SELECT generation, hex(rand) FROM generation WHERE grp = 'g1'"
}

net_up
keys 2
KEY=$(kpsami)

# ---- an IN

start_rand "$IN" in "$IN_ADDR" in-cse-1 "$KEY"
set_option mncsed.yaml log debug
start_gateway
results "IN" 113
# of all of them the first and the last were taken
is "IN: the gateway holds what it took last" "$(rand_held | cut -d '|' -f 1)" $((0x80000001))
is "IN: it counts what it refused" "$(stat_of mncsed outer.rand_refused)" 104
check "IN: nothing is logged that is not printable" plain_log mncsed
is "IN: the gateway has one group still" "$(ctl mncsed groups | tail -n +2 | wc -l)" 1
stop mncsed

# ---- a gateway

keys 2
start_in
start_rand "$GW" gateway "$GW_ADDR" mn-cse-1 "$(column C00001 3)" "$IN_ADDR" "$(hex mn-cse-1@in-cse-1)" "$(kpsami)"
: >"$T/device.log"
spawn device "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00001 --stay
results "gateway" 102
check "gateway: the device's request was answered, and verified" grep -q 'answer verified: RSC 2000' "$T/device.log"
check "gateway: the device lives" alive device
check "gateway: it prints nothing that is not printable" plain_log device
stop device

start_gateway
check "a device is served by the real ones" served C00001

finish
