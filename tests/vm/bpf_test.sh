#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: the real programs in network namespaces with `bpf: on`, on a kernel with tcx and on one without.

BIN=/bin
BPF_MODE=on
. /tests/lib.sh
. /tests/bpf.sh

DEVICES=20
WORKERS=4

filters()
{
	tc -n "$GW" filter show dev "$1" "$2" | grep -c "tc_$2"
}

guarded()
{
	ip -n "$GW" link show inner | grep -q xdp
}

clsact()
{
	tc -n "$GW" qdisc show dev "$1" | grep -c clsact
}

authenticate()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" \
		--gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock"
}

net_up
keys $DEVICES
set_option mncsed.yaml workers $WORKERS
start_in
start_gateway
check "the gateway reaches the IN" wait_until 60 upstream_is up

# tcx came with 6.6; before it the programs are filters of clsact
case $(uname -r) in
6.1.*)
	check "the programs are on both hops" layer_is "inner: generic XDP, clsact, outer: clsact"
	is "as filters, one a direction and interface" \
		"$(filters inner ingress) $(filters inner egress) $(filters outer ingress) $(filters outer egress)" "1 1 1 1"
	;;
*)
	check "the programs are on both hops" layer_is "inner: generic XDP, tcx, outer: tcx"
	is "no clsact was made" "$(clsact inner) $(clsact outer)" "0 0"
	;;
esac
check "the workers are steered to" layer_is "steering to $WORKERS workers"
check "$DEVICES devices authenticate, and the counts are exact" authenticate
check "every first ClientHello was answered in XDP" test "$(stat_of mncsed bpf.guard.answered)" -ge $DEVICES
for m in inner.handshakes_in inner.rand_out inner.service_in outer.handshakes_out outer.rand_in outer.service_out; do
	check "$m on the wire is what the gateway counted" wire_agrees $m
done
is "no datagram came to a wrong worker" "$(stat_of mncsed bpf.steer.wrong) $(stat_of mncsed bpf.steer.kernel)" "0 0"
check "sessions that are over are not in the map" wait_until 20 stat_is mncsed bpf.sessions 0

# what is marked goes ahead: prio's first band has all handshakes and Rand, and not the answers
band()
{
	tc -n "$GW" -s class show dev inner | awk -v class="1:$1" '$1 == "class" { on = $3 == class } on && $1 == "Sent" { print $4; exit }'
}
first_out()
{
	echo $(($(stat_of mncsed bpf.inner.out.handshake_packets) + $(stat_of mncsed bpf.inner.out.rand_packets)))
}
check "a qdisc with bands" tc -n "$GW" qdisc add dev inner root handle 1: prio
FIRST=$(first_out) ANSWERS=$(stat_of mncsed bpf.inner.out.answer_packets)
check "a device authenticates through it" device C00002
check "handshake and Rand are in the first band" test "$(band 1)" -ge $(($(first_out) - FIRST)) -a "$(first_out)" -gt "$FIRST"
check "its answers are not" test "$(band 2)" -ge $(($(stat_of mncsed bpf.inner.out.answer_packets) - ANSWERS)) -a "$(band 2)" -gt 0

# a crash leaves filters behind, links only with a bpf file system: the next start takes both away and puts its own there
stop mncsed KILL
start_gateway
check "after a crash the gateway comes back" wait_until 60 upstream_is up
check "and serves" device C00001
is "each message is counted once" "$(stat_of mncsed bpf.inner.handshakes_in)" 1
stop mncsed
check "a stop takes the guard off" eval '! guarded'
is "and the filters" "$(filters inner ingress) $(filters inner egress) $(filters outer ingress) $(filters outer egress)" "0 0 0 0"
finish
