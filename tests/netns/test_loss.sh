#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 900
#
# 200 devices through a wire that loses, duplicates and reorders a tenth of the datagrams, once on the inner hop and once on
# the outer: all authenticate, and no request reaches the resource store twice. One of a few thousand exchanges fails in all five transmissions,
# after up to 93 s (RFC 7252 4.8.2), and the device comes back by what follows it: so there is time for that.
#
#	devices == relay ==> mncsed ======> incsed		devices ======> mncsed == relay ==> incsed

. "$(dirname "$0")/life.sh"

DEVICES=200
RELAY_PORT=5700
RESULT='"devices":[0-9]*,"authenticated":[0-9]*,"failed":[0-9]*,'

# relay NAMESPACE ADDRESS:PORT: a lossy way to it, from port RELAY_PORT of the same address
relay()
{
	: >"$T/relay.log"
	spawn relay "$1" "$HELPERS/relay" --loss 10 --dup 10 --reorder 10 --seed 7 "${2%:*}:$RELAY_PORT" "$2"
	wait_until 10 ready_or_dead relay
	ready relay || bail "the relay gets ready"
}

# relayed WAY WHAT: a count of the relay's report
relayed()
{
	awk -v way="$1" -v what="$2" '$1 == way { for (i = 2; i < NF; i += 2) if ($i == what) print $(i + 1) }' "$T/relay.log"
}

# tenth WAY WHAT: between 3 % and 20 % of what was received
tenth()
{
	local n all

	n=$(relayed "$1" "$2")
	all=$(relayed "$1" received)
	[ "$((n * 100))" -ge $((all * 3)) ] && [ "$((n * 100))" -le $((all * 20)) ]
}

# lossy HOP CLIENTS: the wire was as bad as it is meant to be
lossy()
{
	local way what

	stop relay
	for way in up down; do
		for what in lost duplicated reordered; do
			check "$1: a tenth is $what, $way" tenth $way $what
		done
	done
	check "$1: the relay had a port a peer" test "$(relayed up clients)" -ge "$2"
}

# authenticate HOP GATEWAY: all devices, one CREATE each
authenticate()
{
	local before executed

	before=$(instances)
	executed=$(stat_of incsed outer.executed)
	in_devices "$BIN/mncse-bench" --gateway "$2" --timeout 300 --credentials "$T/devices.csv" --json "$T/result.json" \
		>"$T/bench.log" 2>&1
	is "$1: all authenticate" "$? $(tr -d ' \n' <"$T/result.json" | grep -oE "$RESULT")" \
		"0 \"devices\":$DEVICES,\"authenticated\":$DEVICES,\"failed\":0,"
	is "$1: each request reaches the resource store once" $(($(instances) - before)) $DEVICES
	is "$1: and is executed once" $(($(stat_of incsed outer.executed) - executed)) $DEVICES
}

net_up
keys $DEVICES
start_both
relay "$GW" "$GW_ADDR"
authenticate "lossy inner hop" "${GW_ADDR%:*}:$RELAY_PORT"
lossy "lossy inner hop" $DEVICES
check "lossy inner hop: the gateway saw duplicates" test "$(stat_of mncsed inner.drop_replay)" -gt 0
stop mncsed

relay "$IN" "$IN_ADDR"
set_option mncsed.yaml upstream "{address: \"${IN_ADDR%:*}:$RELAY_PORT\", in_id: \"in-cse-1\"}"
start_gateway
check "lossy outer hop: the gateway reaches the IN" wait_until 60 upstream_is up
authenticate "lossy outer hop" "$GW_ADDR"
check "lossy outer hop: the gateway repeated requests" test "$(stat_of mncsed outer.service_repeats)" -gt 0
check "lossy outer hop: the IN answered repetitions as before" test "$(stat_of incsed outer.answers_again)" -gt 0
check "lossy outer hop: the IN saw duplicates" test "$(stat_of incsed outer.drop_replay)" -gt 0
lossy "lossy outer hop" 1
finish
