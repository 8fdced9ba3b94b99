#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# More devices at once than the gateway takes half-open handshakes: they do not lose the handshakes that they have begun, which would cost
# each 30 s.

. "$(dirname "$0")/lib.sh"

# set_limit NAME VALUE: in the braces of mncsed.yaml
set_limit()
{
	sed -i "/^limits:/s/\([{ ]$1\): [0-9]*/\1: $2/" "$T/mncsed.yaml"
}

# storm OPTION...: all devices at once; it ends with an error when nothing happens for 90 s
storm()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --timeout 90 \
		--phases handshake,reconnect --in-flight 8 --json "$T/result.json" "$@" >"$T/bench.log" 2>&1
}

all_back()
{
	tr -d ' \n' <"$T/result.json" | grep -q '"name":"reconnect","count":200,"failed":0' || { cat "$T/bench.log"; false; }
}

# One that was a second without an answer may have been unlucky, nine of ten may not.
few_waited()
{
	local ms

	ms=$(awk '$1 == "reconnect" { print int($6) }' "$T/bench.log")
	[ -n "$ms" ] && [ "$ms" -lt 25000 ] || { cat "$T/bench.log"; false; }
}

net_up
# an address each
ip -n "$DEV" route add local 198.19.0.0/24 dev lo || bail "local addresses"
ip -n "$GW" route add 198.19.0.0/24 via 198.18.1.2 || bail "the way back"
keys 200
set_option mncsed.yaml workers 1
set_limit half_open 16
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"

# 16 handshakes and 64 who wait; the others repeat their ClientHello after 1, 3, 7 s
check "a storm of 200 devices at 16 places ends well" storm --sources 198.19.0.0/24
check "all are back" all_back
check "nine of ten without the end of a handshake in between" few_waited
check "some found no room" test "$(stat_of mncsed inner.drop_half_open)" -gt 0
is "sessions are closed" "$(stat_of mncsed inner.half_open)" 0
check "a device is served" device C00001 --timeout 20

finish
