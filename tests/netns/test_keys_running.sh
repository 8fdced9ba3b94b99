#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mncse-keys on stores that the daemons have open: it asks them, and what they do holds at once and after a restart.

. tests/netns/lib.sh

KEYS=$BIN/mncse-keys

net_up
keys 2
start_in
start_gateway
wait_until 20 upstream_is up || bail "the outer session"

key1=00112233445566778899aabbccddeeff
key2=${key1}ffeeddccbbaa99887766554433221100
echo $key1 >"$T/key1"
echo $key2 >"$T/key2"
echo "X1,X1@mn-cse-1,$key1,X1@in-cse-1,$key2,g1,mn-cse-1,in-cse-1" >>"$T/devices.csv"

add()
{
	local store=$1

	shift
	"$KEYS" add --store "$T/$store.db" --device X1 --group g1 --in-id X1@in-cse-1 "$@"
}

# says NAME PATTERN COMMAND...: fails with a message that matches
says()
{
	local name=$1 pattern=$2 out code

	shift 2
	out=$("$@" 2>&1)
	code=$?
	if [ $code = 1 ] && grep -q -- "$pattern" <<<"$out"; then
		ok "$name"
	else
		not_ok "$name" "exit $code: $out"
	fi
}

listed()
{
	"$KEYS" list --store "$T/$1.db" | grep -qP "^$2\t"
}

not_listed()
{
	! listed "$@"
}

device X1 --timeout 3
is "an unknown device is not let in" $? 3
check "a device is added at the gateway that runs" add gateway --inner-id X1@mn-cse-1 --inner-key "@$T/key1"
check "and at the IN that runs" add in --in-key "@$T/key2"
check "the gateway's store has it" listed gateway X1
check "the IN's store has it" listed in X1
check "it is let in and served at once" device X1
says "not twice, at the gateway" "mncsed: " add gateway --inner-id X1@mn-cse-1 --inner-key "@$T/key1"
says "not twice, at the IN" "incsed: " add in --in-key "@$T/key2"
says "import waits for the daemon to stop" "stop its daemon" "$KEYS" import --store "$T/in.db" "$T/devices.csv"
says "so does init --force" "in use" "$KEYS" init --out "$T" --devices 1 --force
says "so does another peer" "stop its daemon" "$KEYS" add --store "$T/in.db" --peer mn-cse-2 \
	--peer-id mn-cse-2@in-cse-1 --peer-key "ff$key2"
says "a socket that nobody serves" "cannot be asked" "$KEYS" remove --store "$T/in.db" --device X1 --socket "$T/no.sock"
check "--socket names the daemon" "$KEYS" remove --store "$T/in.db" --device C00002 --socket "$T/incsed.sock"
check "the IN's store has it no more" not_listed in C00002

stop mncsed
stop incsed
start_in
start_gateway
wait_until 20 upstream_is up || bail "the outer session"
check "after a restart it is still let in" device X1
device C00002 --timeout 3
is "and a removed one is not served" $((${?} > 0)) 1

check "a device is removed at the gateway" "$KEYS" remove --store "$T/gateway.db" --device X1
check "and at the IN" "$KEYS" remove --store "$T/in.db" --device X1
check "the gateway's store has it no more" not_listed gateway X1
check "the IN's neither" not_listed in X1
says "not twice" "mncsed: " "$KEYS" remove --store "$T/gateway.db" --device X1
device X1 --timeout 3
is "it is not let in any more" $? 3
check "the others are" device C00001

finish
