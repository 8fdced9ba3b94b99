#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# CoAP and records of every wrong form over a session that is in order: each gets the answer that docs/protocol.md and RFC 7252 give it,
# and the daemon goes on. A device at the gateway, and a gateway at the IN.

. "$(dirname "$0")/hostile.sh"

# attack WHO SIDE SERVER IDENTITY KEY COUNT
attack()
{
	local name got expected

	"from_$2" hostile_coap "$2" "$3" "$(hex "$4")" "$5" "$KID" >"$T/coap" 2>&1
	is "$1: the hostile peer could do all it meant to" $? 0
	while IFS='|' read -r name got expected; do
		[ -z "$expected" ] || is "$1: $name" "$got" "$expected"
	done <"$T/coap"
	check "$1: $6 were tried" grep -qx "$6 tried" "$T/coap"
	check "$1: nothing is logged that is not printable" plain_log "$1"
}

net_up
keys 2
start_both
KID=$(sqlite3 -readonly "$T/gateway.db" "SELECT hex(kid) FROM device WHERE id = 'C00001'")
attack mncsed device "$GW_ADDR" C00001@mn-cse-1 "$(column C00001 3)" 128
check "a device is served" served C00002
stop mncsed
attack incsed gateway "$IN_ADDR" mn-cse-1@in-cse-1 "$(kpsami)" 91
start_gateway
check "a device is served" served C00001
is "nothing of it reached the resources" "$(sqlite3 -readonly "$T/in.db" 'SELECT count(*) FROM resource WHERE ty = 4')" 0

finish
