#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 180
#
# A hop that is too narrow for the answers that devices want: handshakes and Rand go ahead of them. The queues are told apart by the DSCP
# that the classifier sets, in htb: one for what is first, one for the rest, which overflows.

BPF_MODE=on
. "$(dirname "$0")/life.sh"
. "$(dirname "$0")/bpf.sh"

MANY=150 FEW=20
FIRST=1:10 REST=1:20
TOS=136 # DSCP 34

net_up
keys $((MANY + FEW))
needs_bpf

# csv FROM TO: credentials of these devices
csv()
{
	awk -v from="$1" -v to="$2" 'NR == 1 || (NR > from && NR <= to + 1)' "$T/devices.csv"
}
csv 1 $MANY >"$T/many.csv"
csv $((MANY + 1)) $((MANY + FEW)) >"$T/few.csv"

# narrow: 1 Mbit/s for each queue, and room for few datagrams in the second
narrow()
{
	tc -n "$GW" qdisc replace dev inner root handle 1: htb default 20 &&
		tc -n "$GW" class add dev inner parent 1: classid 1:1 htb rate 2mbit burst 4k &&
		tc -n "$GW" class add dev inner parent 1:1 classid $FIRST htb rate 1mbit ceil 2mbit burst 4k prio 0 &&
		tc -n "$GW" class add dev inner parent 1:1 classid $REST htb rate 1mbit burst 4k prio 1 &&
		tc -n "$GW" qdisc add dev inner parent $FIRST pfifo limit 1000 &&
		tc -n "$GW" qdisc add dev inner parent $REST pfifo limit 20 &&
		tc -n "$GW" filter add dev inner parent 1: protocol ip prio 1 \
			bpf bytecode "4,48 0 0 15,21 0 1 $TOS,6 0 0 4294967295,6 0 0 0" flowid $FIRST
}

# queue CLASS FIELD: sent (datagrams) or dropped
queue()
{
	tc -n "$GW" -s class show dev inner | awk -v class="$1" -v field="$2" '
	$1 == "class" { on = $3 == class }
	on && $1 == "Sent" { gsub(/[,)]/, ""); print field == "sent" ? $4 : $7; exit }'
}

# congested: the second queue has lost datagrams, and others stand in it
congested()
{
	[ "$(queue $REST dropped)" -ge 100 ] && [ "$(tc -n "$GW" -s class show dev inner |
		awk -v class=$REST '$1 == "class" { on = $3 == class } on && $1 == "backlog" { print int($3); exit }')" -ge 10 ]
}

first_out()
{
	echo $(($(stat_of mncsed bpf.inner.out.handshake_packets) + $(stat_of mncsed bpf.inner.out.rand_packets)))
}

start_both
if ! narrow 2>"$T/tc.log"; then
	skip "this kernel has no htb or no cls_bpf: $(tail -n 1 "$T/tc.log")"
fi
spawn many "$DEV" "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/many.csv" --phases handshake,request,get \
	--rate 6000 --seconds 120
check "telemetry is more than the hop takes" wait_until 60 congested
BEFORE=$(first_out) SENT=$(queue $FIRST sent)
check "$FEW devices authenticate meanwhile" in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/few.csv" \
	--phases handshake
GENERATION=$(rekey)
check "a new Rand comes" wait_until 20 generation_is mncsed "$GENERATION"
confirmed_more()
{
	[ "$(stat_of mncsed inner.rand_confirmed)" -ge "$1" ]
}
check "and its devices confirm it" wait_until 60 confirmed_more $((MANY * 2))
check "telemetry is still too much" wait_until 20 congested
is "none of the first queue was lost" "$(queue $FIRST dropped)" 0
stop many KILL
MARKED=$(($(first_out) - BEFORE))
check "it had handshakes and Rand, all of them ($MARKED)" test "$(($(queue $FIRST sent) - SENT))" -ge "$MARKED" -a "$MARKED" -ge $((FEW * 2 + MANY))
check "and nothing else" test "$(($(queue $FIRST sent) - SENT))" -le $((MARKED + FEW + 20))

finish
