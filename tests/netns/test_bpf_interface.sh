#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# Where the BPF programs are: native XDP, and interfaces and addresses that come and go under a running gateway.

BPF_MODE=on
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bpf.sh"

DEVICES=50

net_up
keys $DEVICES
set_option mncsed.yaml listen '["0.0.0.0:5684", "[::]:5684"]'
mount_pins
needs_bpf

authenticate()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" "$@"
}

answered()
{
	stat_of mncsed bpf.guard.answered
}

# served_at ADDRESS: a device authenticates there, and the guard, which knows the address, answers its first ClientHello
served_at()
{
	local before

	before=$(answered)
	in_devices "$BIN/mncse-device" --gateway "$1" --credentials "$T/devices.csv" --id C00001 &&
		[ "$(answered)" -gt "$before" ]
}

# guarded_by INTERFACE
guarded_by()
{
	ip -n "$GW" link show "$1" | grep -q xdp
}

# ---- addresses ----

bpf "mode: on, pins: \"$PINS/mncse\""
start_in
start_gateway
check "the gateway reaches the IN" wait_until 20 upstream_is up
check "wildcards are served where there are addresses" served_at "$GW_ADDR"
check "in both families" served_at "[2001:db8:1::1]:5684"
ip -n "$GW" addr add 198.18.1.77/24 dev inner
ip -n "$GW" addr add 2001:db8:1::77/64 dev inner nodad
check "an address that is added is guarded" wait_until 20 served_at 198.18.1.77:5684
check "in both families, too" wait_until 20 served_at "[2001:db8:1::77]:5684"

# ---- interfaces ----

ip -n "$GW" link del inner
check "an interface that vanishes is forgotten" wait_until 20 eval '! layer_is "inner:"'
check "the outer hop is still classified" layer_is "outer: "
[ -z "$HAVE_PINS" ] || check "with its pins" eval '[ -z "$(compgen -G "$PINS/mncse/*/*-inner")" ]'
net_join inner "$DEV" 198.18.1.2 2001:db8:1::2 "$GW" 198.18.1.1 2001:db8:1::1
check "when it is back the programs are on it" wait_until 20 layer_is "inner: generic XDP"
check "and its devices are served" wait_until 20 served_at "$GW_ADDR"
[ -z "$HAVE_PINS" ] || check "the new link is pinned" eval '[ -n "$(compgen -G "$PINS/mncse/*/xdp-inner")" ]'

net_join second "$DEV" 198.18.3.2 2001:db8:3::2 "$GW" 198.18.3.1 2001:db8:3::1
check "an interface that is new is taken" wait_until 20 layer_is "second: generic XDP"
check "and guarded" wait_until 20 served_at 198.18.3.1:5684
IN_BEFORE=$(stat_of mncsed bpf.outer.handshakes_out)
ip -n "$GW" link del outer
net_join outer "$GW" 198.18.2.1 2001:db8:2::1 "$IN" 198.18.2.2 2001:db8:2::2
check "the outer hop is found again" wait_until 20 layer_is "outer: "
stop incsed
start_in
more_handshakes()
{
	[ "$(stat_of mncsed bpf.outer.handshakes_out)" -gt "$IN_BEFORE" ]
}
check "and its handshakes are seen" wait_until 60 more_handshakes
stop mncsed
check "a stop takes the programs off all of them" eval '! guarded_by inner && ! guarded_by second'
ip -n "$GW" link del second

# interfaces that are named: one that is away is waited for
bpf "mode: on, interfaces: [inner, outer]"
start_gateway
check "named interfaces are taken" layer_is "inner: generic XDP"
ip -n "$GW" link del inner
check "a named one that vanishes is forgotten" wait_until 20 eval '! layer_is "inner:"'
net_join inner "$DEV" 198.18.1.2 2001:db8:1::2 "$GW" 198.18.1.1 2001:db8:1::1
check "and taken when it is back" wait_until 20 layer_is "inner: generic XDP"
stop mncsed

# ---- native XDP ----

# A veth takes what XDP sends when its other end has a program, too: there, too, the guard, which passes what is not its own.
tool()
{
	PATH=$PATH:/usr/sbin:/sbin bpftool "$@"
}

peer_has_program()
{
	local id

	id=$(ip -n "$GW" link show inner | sed -n 's,.*prog/xdp id \([0-9]*\).*,\1,p')
	ip netns exec "$DEV" env "PATH=$PATH:/usr/sbin:/sbin" bpftool net attach xdpdrv id "$id" dev inner
}

bpf "mode: on, xdp: native"
start_gateway
check "native XDP is reported" layer_is "inner: native XDP"
wait_until 20 upstream_is up
if tool version >/dev/null 2>&1 && peer_has_program; then
	BEFORE=$(answered)
	check "$DEVICES devices authenticate through it" authenticate
	check "each first ClientHello was answered there" test $(($(answered) - BEFORE)) -ge $DEVICES
	for m in inner.handshakes_in inner.rand_out inner.service_in; do
		check "$m on the wire is what the gateway counted" wire_agrees $m
	done
else
	ok "devices authenticate through native XDP # SKIP no bpftool that can attach a program"
fi
finish
