#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 600
#
# Steering with real sockets: four workers, 10,000 sessions, every datagram at the worker that has the session; devices come back from
# other addresses and the gateway is killed and started again; and the session map, in which wrong entries are planted, is mended by
# every worker for itself.

BPF_MODE=on
. "$(dirname "$0")/life.sh"
. "$(dirname "$0")/bpf.sh"

DEVICES=${DEVICES:-10000}
STAY=500
SOURCES=198.19.0.0/17 OTHERS=198.19.128.0/17

net_up
keys "$DEVICES"
set_option mncsed.yaml workers 4
# wildcards, of which the programs know each address
set_option mncsed.yaml listen '["0.0.0.0:5684", "[::]:5684"]'
# an address a device
ip -n "$DEV" route add local 198.19.0.0/16 dev lo
ip -n "$GW" route add 198.19.0.0/16 via 198.18.1.2
mount_pins
bpf "mode: on, pins: \"$PINS/mncse\""
needs_bpf

# bench DEVICES SOURCES [OPTION...]
bench()
{
	local n=$1 from=$2

	shift 2
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --devices "$n" \
		--sources "$from" --timeout 120 "$@"
}

# hold DEVICES SOURCES: they authenticate and stay, with traffic
hold()
{
	spawn bench "$DEV" "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --devices "$1" \
		--sources "$2" --phases handshake,request,steady --rate 200 --seconds 600
}

steered()
{
	echo "wrong $(stat_of mncsed bpf.steer.wrong), by the kernel $(stat_of mncsed bpf.steer.kernel)"
}
RIGHT="wrong 0, by the kernel 0"

sessions_are()
{
	stat_is mncsed inner.sessions "$1" && stat_is mncsed bpf.sessions "$1"
}

start_both
check "the layer says how many workers it steers to" layer_is "steering to 4 workers; sessions 0 of"

# ---- 10,000 sessions ----

check "$DEVICES devices authenticate" bench "$DEVICES" "$SOURCES" --gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock"
is "every datagram came to the worker that has the session" "$(steered)" "$RIGHT"
check "of sessions that were there to their owner" test "$(stat_of mncsed bpf.steer.owner)" -ge $((DEVICES * 2))
check "sessions that are over have left the map" wait_until 20 sessions_are 0

# ---- IPv6 ----

for id in C00001 C00002 C00003 C00004; do
	in_devices "$BIN/mncse-device" --gateway "[2001:db8:1::1]:5684" --credentials "$T/devices.csv" --id $id \
		>"$T/device.log" 2>&1 || not_ok "$id over IPv6"
done
is "so did those over IPv6" "$(steered)" "$RIGHT"

# ---- other addresses ----

hold $STAY "$SOURCES"
check "$STAY sessions stay" wait_until 60 sessions_are $STAY
REPLACED=$(stat_of mncsed inner.replaced)
check "their devices come again from other addresses" bench $STAY "$OTHERS"
check "every former session was replaced, at whichever worker it was" wait_until 20 stat_is mncsed inner.replaced $((REPLACED + STAY))
is "no datagram of theirs came to a wrong worker" "$(stat_of mncsed bpf.steer.wrong)" 0
stop bench KILL
check "all of them have left the map" wait_until 20 sessions_are 0

# ---- the gateway is killed and comes back ----

hold $STAY "$SOURCES"
check "$STAY sessions stay" wait_until 60 sessions_are $STAY
stop mncsed KILL
start_gateway
wait_until 20 upstream_is up || bail "the gateway comes back"
check "devices authenticate while datagrams of sessions that were come in" bench 2000 "$OTHERS"
is "none of them came to a wrong worker" "$(stat_of mncsed bpf.steer.wrong)" 0
stop bench KILL
check "their sessions are over" wait_until 20 sessions_are 0

# ---- the session map ----

MAP=$(compgen -G "$PINS/mncse/*/sessions")
tool()
{
	PATH=$PATH:/usr/sbin:/sbin bpftool "$@"
}

# plant PORT WORKER: an entry of 198.18.1.2:PORT that no session has
plant()
{
	local w

	printf -v w '%02x 00 00 00' "$2"
	# shellcheck disable=SC2046,SC2086
	tool map update pinned "$MAP" key hex 00 00 00 00 00 00 00 00 00 00 ff ff c6 12 01 02 $(printf '%02x %02x' $(($1 / 256)) $(($1 % 256))) 00 00 \
		value hex $w ff ff ff ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
}

# pluck: takes out an entry that some session has
pluck()
{
	local key

	key=$(tool map getnext pinned "$MAP" | awk '/next key/ { on = 1; next } on' | tr '\n' ' ')
	# shellcheck disable=SC2086
	tool map delete pinned "$MAP" key hex $key
}

mismatches()
{
	echo "$(stat_of mncsed bpf.sessions_stale) stale, $(stat_of mncsed bpf.sessions_missing) missing"
}

mismatches_are()
{
	[ "$(mismatches)" = "$1" ]
}

entries_are()
{
	[ "$(tool map dump pinned "$MAP" | grep -c '^key:\|"key":')" = "$1" ]
}

if [ -z "$HAVE_PINS" ] || ! tool version >/dev/null 2>&1; then
	ok "the session map is mended # SKIP no bpf file system or no bpftool"
	finish
fi
hold $STAY "$SOURCES"
check "$STAY sessions stay" wait_until 60 sessions_are $STAY
is "map and sessions agree" "$(mismatches)" "0 stale, 0 missing"
check "an entry without session is planted for every worker" eval 'plant 1000 0 && plant 1001 1 && plant 1002 2 && plant 1003 3'
check "every worker finds its own" wait_until 60 mismatches_are "4 stale, 0 missing"
check "four entries of sessions are taken out" eval 'pluck && pluck && pluck && pluck'
check "their workers find them missing" wait_until 60 mismatches_are "4 stale, 4 missing"
check "the layer tells of both" layer_is "sessions $STAY of [0-9]*, 8 mismatches"
check "the map is whole again" wait_until 20 entries_are $STAY
is "no session was lost by it" "$(stat_of mncsed inner.sessions)" $STAY

finish
