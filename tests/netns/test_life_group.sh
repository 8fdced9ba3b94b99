#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 200
#
# Two groups at one gateway, and one group at two gateways: each has Rands of its own, and each device its gateway.

. "$(dirname "$0")/life.sh"

# rands_of NAME: the generations that a device took, in order
rands_of()
{
	sed -n 's/.*Rand of generation \([0-9]*\)$/\1/p' "$T/$1.log" | tr '\n' ' '
}

rands_are()
{
	[ "$(rands_of "$1")" = "$2 " ]
}

# second_gateway: mn-cse-2 with D00001 and D00002 of g1, configured in T/two and known to the IN
second_gateway()
{
	"$BIN/mncse-keys" init --out "$T/two" --devices 2 --gateway-id mn-cse-2 --id-format 'D%05d' \
		--gateway-addr "$GW2_ADDR" --in-addr "$IN_ADDR" &&
		"$BIN/mncse-keys" add --store "$T/in.db" --peer mn-cse-2 --peer-id mn-cse-2@in-cse-1 \
			--peer-key "$(sqlite3 "$T/two/gateway.db" 'SELECT hex(psk) FROM peer')" &&
		"$BIN/mncse-keys" import --store "$T/in.db" "$T/two/devices.csv"
}

second_up()
{
	[ "$("$BIN/mncsectl" --socket "$T/two/mncsed.sock" groups | awk '$1 == "g1" { print $3 }')" = "$1" ]
}

second_device()
{
	in_devices "$BIN/mncse-device" --gateway "$GW2_ADDR" --credentials "$T/two/devices.csv" --id D00001 \
		>"$T/device2.log" 2>&1
}

GW2_ADDR=198.18.1.1:5690
net_up
keys 4 --groups 2
check "a second gateway is made known to the IN" second_gateway
start_both

# ---- two groups at one gateway

start_device one C00001 --stay
start_device two C00003 --stay
check "devices of both groups authenticate" wait_until 20 eval 'answers_above one 0 && answers_above two 0'
ONE=$(generation_of incsed g1)
TWO=$(generation_of incsed g2)
is "each under its group's Rand" "$(rands_of one)$(rands_of two)" "$ONE $TWO "
check "the groups' Rands differ" test "$(sqlite3 -readonly "$T/in.db" \
	"SELECT count(DISTINCT rand) FROM generation")" = 2
NEXT=$(rekey g1 mn-cse-1)
check "a new Rand of one group is above the one before" test "$NEXT" -gt "$ONE"
check "its device gets it" wait_until 10 rands_are one "$ONE $NEXT"
NEXT2=$(rekey g2)
check "the other's gets its own" wait_until 10 rands_are two "$TWO $NEXT2"
is "and nothing else" "$(rands_of one)" "$ONE $NEXT "
is "the IN sent one message a Rand" "$(stat_of incsed outer.rand_out)" 4
device C00002
is "another device of the first group authenticates" $? 0
is "under that group's new Rand" "$(context_of device)" "$NEXT"

# ---- one group at two gateways

spawn gateway2 "$GW" "$BIN/mncsed" -c "$T/two/mncsed.yaml"
check "the second gateway gets a Rand of the group" wait_until 20 eval 'second_up "$(generation_of incsed g1 mn-cse-2)"'
second_device
is "a device behind it authenticates" $? 0
is "under that Rand" "$(context_of device2)" "$(generation_of incsed g1 mn-cse-2)"
check "which is not the first gateway's" test "$(sqlite3 -readonly "$T/in.db" \
	"SELECT count(DISTINCT rand) FROM generation WHERE grp = 'g1'")" = 3

BEFORE=$(generation_of incsed g1 mn-cse-2)
check "a new Rand at the second gateway alone" ctl incsed rekey g1 mn-cse-2
NEXT2=$(generation_of incsed g1 mn-cse-2)
check "is above the one before" test "$NEXT2" -gt "$BEFORE"
check "and reaches it" wait_until 10 second_up "$NEXT2"
is "the first gateway has what it had" "$(generation_of mncsed g1)" "$NEXT"

check "a new Rand of the group at both" ctl incsed rekey g1
check "reaches the first gateway" wait_until 10 eval 'generation_is mncsed "$(generation_of incsed g1)"'
check "and the second" wait_until 10 eval 'second_up "$(generation_of incsed g1 mn-cse-2)"'
check "both are above those before" test "$(generation_of incsed g1)" -gt "$NEXT" -a \
	"$(generation_of incsed g1 mn-cse-2)" -gt "$NEXT2"

# ---- a device of one gateway in the hands of the other

stop mncsed
stop gateway2
check "a service request of the first gateway's device is recorded" replay rand make=request
cp "$T/gateway.db" "$T/first.db"
cp "$T/two/gateway.db" "$T/gateway.db"
is "the second gateway gets nowhere with it" "$(replay send=request)" "answer 4.01 Security context not found"
cp "$T/first.db" "$T/gateway.db"
is "the first one does" "$(replay send=request)" "answer 2.04 protected"
finish
