#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# A protected request that is changed in any bit, cut or mixed is not executed, and draws an error of the protocol: by a gateway at the
# IN, and by a device through the gateway. Afterwards the same context serves the request as it was made.

. "$(dirname "$0")/hostile.sh"

NOT_FOUND="4.01 Security context not found"
FAILED_DECRYPT="4.00 Decryption failed"
COSE="4.02 Failed to decode COSE"
REPLAY="4.01 Replay detected"

instances()
{
	sqlite3 -readonly "$T/in.db" 'SELECT count(*) FROM resource WHERE ty = 4'
}

# result PART: what stands behind it in the last flip
result()
{
	sed -n "s/^$1: //p" "$T/flip"
}

# only_errors PART N [MORE]: N were sent, and nothing was answered but errors of OSCORE or MORE
only_errors()
{
	result "$1"
	[ "$(result "$1" | cut -d : -f 1)" = "$2 sent" ] || return
	! result "$1" | cut -d : -f 2- | sed 's/, /\n/g; s/^ //' | sed 's/ [0-9]*$//' |
		grep -vxF -e "$NOT_FOUND" -e "$FAILED_DECRYPT" -e "$COSE" -e "$REPLAY" -e "${3:-$COSE}"
}

# errors PART N [MORE]: which of them depends on the generation's digits
errors()
{
	check "$WHO: $1: each draws an error" only_errors "$@"
}

# attack WHO SIDE SERVER IDENTITY KEY DEVICE KID-ANSWER [MORE]
attack()
{
	local before kid=$7

	WHO=$1
	before=$(instances)
	"from_$2" hostile_flip "$2" "$3" "$(hex "$4")" "$5" devices.csv "$6" >"$T/flip" 2>&1
	is "$WHO: the hostile peer could do all it meant to" $? 0
	is "$WHO: no bit of the payload, when there is no context yet" "$(result 'payload, no context yet')" \
		"592 sent: $FAILED_DECRYPT 592"
	is "$WHO: nor of a context that lives" "$(result payload)" "592 sent: $FAILED_DECRYPT 592"
	errors flags 8 "${8:-}"
	is "$WHO: no bit of the Partial IV" "$(result 'Partial IV')" "8 sent: $FAILED_DECRYPT 7, $REPLAY 1"
	errors "length of the kid context" 8 "${8:-}"
	is "$WHO: no bit of the generation" "$(result generation)" "32 sent: $NOT_FOUND 32"
	is "$WHO: no bit of the salt" "$(result salt)" "64 sent: $FAILED_DECRYPT 64"
	is "$WHO: no bit of the kid" "$(result kid)" "56 sent: $kid 56"
	errors "option cut" 22 "${8:-}"
	is "$WHO: no cut of the payload" "$(result 'payload cut')" "74 sent: $FAILED_DECRYPT 73, $COSE 1"
	is "$WHO: no byte more" "$(result 'payload longer')" "1 sent: $FAILED_DECRYPT 1"
	is "$WHO: not under another Partial IV" "$(result "another's Partial IV")" "1 sent: $FAILED_DECRYPT 1"
	is "$WHO: no other outer code" "$(result 'outer code' | tr -d '[:alpha:] ')" "30:4.0530"
	is "$WHO: the one that was changed is good as it was made" "$(result 'the one whose bits were flipped')" \
		"1 sent: 2.04 protected 1"
	is "$WHO: once" "$(result 'the same with another token')" "3 sent: 2.04 protected 1, $REPLAY 2"
	is "$WHO: as are others before, between and after" "$(result good | sort -u)" "1 sent: 2.04 protected 1"
	is "$WHO: nothing else was executed" $(($(instances) - before)) 5
}

net_up
keys 3
set_option incsed.yaml log debug
SECOND=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')
check "a second gateway is known to the IN" "$BIN/mncse-keys" add --store "$T/in.db" --peer mn-cse-2 \
	--peer-id mn-cse-2@in-cse-1 --peer-key "$SECOND"
start_in
attack IN gateway "$IN_ADDR" mn-cse-1@in-cse-1 "$(kpsami)" C00001 "$NOT_FOUND"
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
attack gateway device "$GW_ADDR" C00002@mn-cse-1 "$(column C00002 3)" C00002 "4.03 Another device's kid" "4.03 Another device's kid"
check "the gateway carried what was its device's own kid alone" test "$(stat_of mncsed inner.refused_kid)" -ge 56
check "a device is served" served C00003

# C00003's request through C00002's session
BEFORE=$(instances)
from_device hostile_flip device "$GW_ADDR" "$(hex C00002@mn-cse-1)" "$(column C00002 3)" devices.csv C00003 >"$T/flip" 2>&1
is "another device's request is refused by the gateway" "$(result good | sort -u)" "1 sent: 4.03 Another device's kid 1"
is "and not executed" "$(instances)" "$BEFORE"

# C00003's request through another gateway, which has its own key at the IN and knows the Rand
mapfile -t RAND < <(sqlite3 -readonly -separator $'\n' "$T/gateway.db" "SELECT generation, hex(rand) FROM generation WHERE grp = 'g1'")
from_gateway hostile_flip gateway "$IN_ADDR" "$(hex mn-cse-2@in-cse-1)" "$SECOND" devices.csv C00003 "${RAND[@]}" >"$T/flip" 2>&1
is "a device's request from another gateway than its own is refused" "$(result good | sort -u)" "1 sent: $NOT_FOUND 1"
is "and not executed" "$(instances)" "$BEFORE"
check "the device is served by its own" served C00003

finish
