#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 240
#
# Devices whose Kpsaxi is for direct use, at the IN itself: who is let in, what they are answered, what the operator sees and does. No mncsed
# runs: the test's own relay stands in for it, and loses a tenth of the datagrams later on.

. "$(dirname "$0")/lib.sh"

KEYS=$BIN/mncse-keys

# direct ID [OPTION...]: mncse-device in proxy mode; output in T/device.log, returns its exit code
direct()
{
	local id=$1

	shift
	device "$id" --mode proxy "$@"
}

# relay [OPTION...]: a way from the devices to the IN, a port each
relay()
{
	: >"$T/relay.log"
	spawn relay "$GW" "$HELPERS/relay" "$@" "$GW_ADDR" "$IN_ADDR"
	wait_until 10 ready_or_dead relay
	ready relay || bail "the relay gets ready"
}

# session_is ENTITY STATE
session_is()
{
	ctl incsed sessions | awk -v id="$1" -v state="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "ENTITY") e = i; if ($i == "STATE") s = i }; next }
		$e == id && $s == state { found = 1 }
		END { exit !found }'
}

no_session()
{
	! ctl incsed sessions | grep -qw "$1"
}

# count WHAT: a counter of direct devices
count()
{
	stat_of incsed "outer.direct_$1"
}

log_has()
{
	grep -q "$2" "$T/$1.log"
}

[ -x "$HELPERS/relay" ] || skip "the relay of the tests is not built"
net_up
keys 205 --mode proxy
start_in
relay

# ---- requests ----

check "a device reads the CSEBase" direct C00001
check "and gets what it is" log_has device '"csi": *"/in-cse-1"'
check "a device creates a contentInstance" direct C00001 --send 'in-cse/cnt={"m2m:cin":{"con":"21.5"}}'
check "another device too" direct C00002 --send 'in-cse/cnt={"m2m:cin":{"con":"22.0"}}'
check "a device creates its AE" direct C00001 --send 'in-cse={"m2m:ae":{"rn":"ae1","api":"N.test","rr":false}}'
direct C00002 --send 'in-cse/ae1={"m2m:cnt":{"rn":"c"}}'
is "another device is refused below it" $? 7
check "with RSC 4103" log_has device 4103
is "each handshake is counted" "$(count handshakes_in)" 5
is "and the reply to it" "$(count replies_out)" 5
is "and each request" "$(count service_in)" 5
is "and answered" "$(count answers_out)" 5
is "none of them is of a gateway or a group" \
	"$(stat_of incsed outer.handshakes_in) $(stat_of incsed outer.service_in) $(stat_of incsed outer.rand_out)" "0 0 0"
is "and no Rand was drawn" "$(stat_of incsed store.generations)" 0

# ---- who is let in ----

# C00001's key with another's name: the session is C00001's, FR is not
awk -F, -v OFS=, '$1 == "C00001" { $1 = "C00002"; print } NR == 1' "$T/devices.csv" | sort -r >"$T/liar.csv"
in_devices "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/liar.csv" --id C00002 >"$T/device.log" 2>&1
is "FR of another device is an RSC error" $? 7
check "4103" log_has device 4103
# with NAME SCRIPT: a handshake with devices.csv changed by awk is refused
with()
{
	awk -F, -v OFS=, "NR > 1 { $2 } { print }" "$T/devices.csv" >"$T/changed.csv"
	in_devices "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/changed.csv" --id C00001 \
		--timeout 2 >"$T/device.log" 2>&1
	is "$1" $? 3
}
with "a wrong key is refused" '$5 = "00" substr($5, 3, 62)'
with "an unknown KpsaxiId is refused" '$4 = "x" $4'
with "an IN of another name is refused by the device" '$8 = "in-cse-2"'
device C00001 --timeout 2
is "a device of group mode finds no gateway here" $? 3
device C00001 --mode proxy --observe
is "--observe has no meaning here" $? 2
cut -d, -f 1-7 "$T/devices.csv" >"$T/changed.csv"
in_devices "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/changed.csv" --id C00001 >"$T/device.log" 2>&1
is "credentials without cse_id cannot be used" $? 1
check "which is said" log_has device cse_id

# A key serves one use.
key=$(printf '%064d' 7)
echo "$key" >"$T/key"
echo "G1,G1@mn-cse-1,$(printf '%032d' 8),G1@in-cse-1,$key,g1,mn-cse-1,in-cse-1" >>"$T/devices.csv"
check "a device for group use is added" "$KEYS" add --store "$T/in.db" --device G1 --group g1 --in-id G1@in-cse-1 --in-key "@$T/key"
direct G1 --timeout 2
is "its KpsaxiId is no psk_identity" $? 3
"$KEYS" add --store "$T/in.db" --device E1 --group g1 --in-id E1@in-cse-1 --in-key "@$T/key" --use direct >"$T/add.log" 2>&1
is "its key cannot be for direct use too" $? 1
check "which is said" log_has add 'key already'
check "the group's device goes" "$KEYS" remove --store "$T/in.db" --device G1
check "the key for direct use comes" "$KEYS" add --store "$T/in.db" --device G1 --group g1 --in-id G1@in-cse-1 --in-key "@$T/key" --use direct
check "and lets the device in at once" direct G1

# ---- the operator ----

spawn stay "$DEV" "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00003 --stay
check "a device that stays is shown as authenticated" wait_until 10 session_is C00003 authenticated
is "with the gateway's address" "$(ctl incsed -j sessions | grep -c '198\.18\.2\.1:')" 1
is "and counted" "$(count sessions)" 1
before=$(count handshakes_in)
check "its session is closed by command" ctl incsed evict C00003
handshakes_are()
{
	[ "$(count handshakes_in)" -eq "$1" ]
}
check "and comes back" wait_until 10 handshakes_are $((before + 1))
check "as connected: it asks for nothing more" wait_until 10 session_is C00003 connected
check "the device is revoked" ctl incsed remove C00003
check "its session goes" wait_until 5 no_session C00003
direct C00003 --timeout 2
is "and it is not let in any more" $? 3
check "the others go on" direct C00002
stop stay
ctl incsed evict C00003 >/dev/null 2>&1
is "who is not connected cannot be closed" $? 1

# ---- a bad way ----

stop relay
relay --loss 10 --dup 10 --reorder 10 --seed 5
before=$(count service_in)
was=$(stat_of incsed outer.executed)
head -n 202 "$T/devices.csv" | sed '/^C00003,/d' >"$T/some.csv"
check "200 devices come through a way that loses a tenth" in_devices "$BIN/mncse-bench" --mode proxy --gateway "$GW_ADDR" \
	--credentials "$T/some.csv"
is "each request is carried out once" "$(($(stat_of incsed outer.executed) - was))" 200
is "and counted once" "$(($(count service_in) - before))" 200
check "though many came twice" test "$(count duplicates)" -gt 5
stop relay
relay

# ---- stops ----

stop incsed KILL
start_in
check "after a crash devices come back" direct C00001 --send 'in-cse/cnt={"m2m:cin":{"con":"1"}}'
direct C00003 --timeout 2
is "and who was revoked does not" $? 3
stop incsed
is "SIGTERM is an orderly stop" $? 0

finish
