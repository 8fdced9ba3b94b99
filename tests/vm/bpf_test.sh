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
is "every first ClientHello was answered in XDP" "$(stat_of mncsed bpf.guard.answered)" $DEVICES
for m in inner.handshakes_in inner.rand_out inner.service_in outer.handshakes_out outer.rand_in outer.service_out; do
	is "$m on the wire is what the gateway counted" "$(stat_of mncsed bpf.$m)" "$(stat_of mncsed $m)"
done
is "no datagram came to a wrong worker" "$(stat_of mncsed bpf.steer.wrong) $(stat_of mncsed bpf.steer.kernel)" "0 0"
check "sessions that are over are not in the map" wait_until 20 stat_is mncsed bpf.sessions 0

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
