#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 180
#
# The BPF programs under a running gateway: attached, counting, taken over after kill -9, gone after a stop; what is missing is named;
# and under floods from forged sources devices authenticate, sessions live on and the daemon sees nothing of it.

BPF_MODE=on
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bpf.sh"

DEVICES=200
STAY=C00201 # not one of those

net_up
keys $((DEVICES + 1))

mount_pins
bpf "mode: on, pins: \"$PINS/mncse\""
needs_bpf

authenticate()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --devices $DEVICES \
		--gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock"
}

start_in
start_gateway
wait_until 20 upstream_is up || bail "the outer session"

# ---- counters

check "the classify layer is active, and says where and how" layer_is "inner: generic XDP"
check "$DEVICES devices authenticate" authenticate
for m in inner.handshakes_in inner.rand_out inner.service_in outer.handshakes_out outer.rand_in outer.service_out; do
	check "$m on the wire is what the gateway counted" wire_agrees $m
done
check "every first ClientHello was answered in XDP" test "$(stat_of mncsed bpf.guard.answered)" -ge $DEVICES
is "the group's Rands are counted" "$(stat_of mncsed bpf.group.g1.rand_out_packets)" $DEVICES
is "the group's service requests are counted" "$(stat_of mncsed bpf.group.g1.service_in_packets)" $DEVICES
check "sessions that are over are not in the map" wait_until 5 stat_is mncsed bpf.sessions 0

# ---- a crash

pinned()
{
	[ -n "$(ls "$PINS"/mncse/*/xdp-inner 2>/dev/null)" ]
}

guarded()
{
	ip -n "$GW" link show inner | grep -q xdp
}

if [ -n "$HAVE_PINS" ]; then
	check "links and maps are pinned" pinned
	kill -9 "${PIDS[mncsed]}"
	wait "${PIDS[mncsed]}" 2>/dev/null
	unset "PIDS[mncsed]"
	check "after kill -9 the guard is there" guarded
	start_gateway
	is "a new gateway takes away what was left" "$(stat_of mncsed bpf.leftovers)" 5
	wait_until 20 upstream_is up
	check "and serves" device C00001
else
	ok "links and maps are pinned # SKIP no bpf file system can be mounted"
fi

# ---- floods

spawn stay "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id $STAY --stay
session_of()
{
	[ -n "$(ctl mncsed sessions --id "$1" | tail -n +2)" ]
}
# more_than NAME VALUE
more_than()
{
	[ "$(stat_of mncsed "$1")" -gt "$2" ]
}

check "a device stays connected" wait_until 20 session_of $STAY
SESSION=$(ctl mncsed sessions --id $STAY | awk 'NR == 2 { print $1 }')

# what the guard did not pass
flooded()
{
	ctl mncsed stats | awk '/^bpf.guard.(answered|drop_junk|drop_unknown|drop_limit) / { n += $2 } END { print n + 0 }'
}

flooded_more()
{
	[ "$(flooded)" -ge "$1" ]
}

for kind in hello junk forged mixed; do
	UNKNOWN=$(stat_of mncsed inner.drop_unknown) JUNK=$(stat_of mncsed inner.drop_junk)
	HALF=$(stat_of mncsed inner.handshakes_failed)
	SEEN=$(flooded)
	spawn flood "$DEV" "$HELPERS/flood" $kind "$GW_ADDR" 50000 60
	check "a flood of $kind is under way" wait_until 10 flooded_more $((SEEN + 5000))
	CONFIRMED=$(stat_of mncsed inner.rand_confirmed)
	for _ in 1 2 3; do
		check "devices authenticate under a flood of $kind" authenticate
	done
	check "a new Rand reaches the device that has a session" ctl incsed rekey g1
	check "and it takes it" wait_until 10 more_than inner.rand_confirmed "$CONFIRMED"
	stop flood
	FLOOD=$(sed -n 's/^flood: \([0-9]*\) sent.*/\1/p' "$T/flood.log" | tail -n 1)
	check "the flood was one ($FLOOD)" test "${FLOOD:-0}" -gt 5000
	is "the daemon has seen none of it" "$(stat_of mncsed inner.drop_unknown) $(stat_of mncsed inner.drop_junk)" "$UNKNOWN $JUNK"
	is "and holds nothing for it" "$(stat_of mncsed inner.half_open) $(stat_of mncsed inner.handshakes_failed)" "0 $HALF"
	is "the device's session is the same one" "$(ctl mncsed sessions --id $STAY | awk 'NR == 2 { print $1 }')" "$SESSION"
	check "what the guard saw is what it passed, answered and dropped" eval \
		'ctl mncsed stats >"$T/stats"; awk '"'"'/^bpf.guard.*_packets/ { a += $2 } /^bpf.guard.(pass|answered|drop_)/ { b += $2 } END { exit !(a > 0 && a >= b - 50 && b >= a - 50) }'"'"' "$T/stats"'
done
stop stay

# ---- the end

stop mncsed
check "a stop takes the programs off" eval '! guarded'
check "and the pins" eval '! pinned'

# ---- what is missing is named

refuses()
{
	: >"$T/refuse.log"
	! ip netns exec "$GW" "$@" >"$T/refuse.log" 2>&1
}

says()
{
	grep -q -- "$1" "$T/refuse.log"
}

if command -v setpriv >/dev/null; then
	check "without CAP_BPF and others mode on is refused" refuses timeout 20 setpriv \
		--bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin "$BIN/mncsed" -c "$T/mncsed.yaml"
	check "and what is missing is named" says "CAP_BPF CAP_PERFMON"
fi
bpf "mode: on, interfaces: [nowhere]"
check "an interface that is not there is refused" refuses timeout 20 "$BIN/mncsed" -c "$T/mncsed.yaml"
check "and named" says "no interface nowhere"
bpf "mode: off"
start_gateway
wait_until 20 upstream_is up
check "without them everything works" device C00002
check "and the layer says so" layer_is "bpf.mode is off"

finish
