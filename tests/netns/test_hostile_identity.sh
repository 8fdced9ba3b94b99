#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# A wrong key and an unknown identity look the same on the wire, and so does every identity that no device may have: at the gateway
# and at the IN, whose rules are the same.

. "$(dirname "$0")/hostile.sh"

# shake IDENTITY KEY: a handshake with $SERVER, in hex both
shake()
{
	"from_$SIDE" hostile_handshake "$SERVER" "$1" "$2" 2>&1
}

# like_unknown NAME IDENTITY [KEY]: nothing on the wire tells this one from an unknown identity. The key is the right one.
like_unknown()
{
	is "$WHO: $1" "$(shake "$2" "${3:-$KEY}")" "$UNKNOWN"
}

# refused NAME IDENTITY: of more than 128 bytes. It ends the handshake at once, which only a ClientHello that is sent again can tell, and
# who sends it knows how long it is.
refused()
{
	is "$WHO: $1" "$(shake "$2" "$KEY" | grep -v '^[0-9]\|again')" "$(grep -v again <<<"$UNKNOWN")"
}

# times NAME IDENTITY KEY: for the reader; a test cannot judge it on a machine that does other work
times()
{
	echo "# $WHO: $1, $("from_$SIDE" hostile_handshake "$SERVER" "$2" "$3" 150)"
}

# attack WHO SIDE SERVER IDENTITY KEY
attack()
{
	WHO=$1 SIDE=$2 SERVER=$3 KEY=$5
	local id long

	id=$(hex "$4")
	long=$(printf '61%.0s' {1..1000})
	UNKNOWN=$(shake "$(hex 'nobody@mn-cse-1')" "$KEY")
	is "$WHO: an unknown identity draws no answer" "$(tail -n 1 <<<"$UNKNOWN")" silent
	is "$WHO: nor does its ClientHello, again" "$(wc -l <<<"$UNKNOWN")" 4
	is "$WHO: the right key opens a session" "$(shake "$id" "$KEY" | tail -n 1)" open
	like_unknown "a wrong key looks like an unknown identity" "$id" "$(other_key "$KEY")"
	like_unknown "so does a shorter key" "$id" "${KEY:0:30}"
	like_unknown "so does an identity with a NUL inside" "$id$(hex '\0evil')"
	like_unknown "with a NUL at its end" "${id}00"
	like_unknown "with a NUL at its start" "00$id"
	like_unknown "of a NUL alone" 00
	like_unknown "with a NUL and of 128 bytes" "${id}00${long:0:$((256 - 2 - ${#id}))}"
	like_unknown "so does an empty identity" ""
	like_unknown "one of 128 bytes" "${long:0:256}"
	refused "one of 129 bytes" "${long:0:258}"
	refused "one of 129 bytes that starts as a known one" "$id${long:0:$((258 - ${#id}))}"
	refused "one of 255 bytes" "${long:0:510}"
	refused "one of 1000 bytes" "$long"
	like_unknown "one that is a byte longer" "${id}61"
	like_unknown "one that is a byte shorter" "${id:0:-2}"
	like_unknown "one with other capitals" "$(hex "${4^^}")"
	like_unknown "one that is no UTF-8" "c328$id"
	like_unknown "one that would draw on a terminal" "$(hex '\033[31mevil\033[0m\r\n')"
	is "$WHO: a right handshake after all that opens" "$(shake "$id" "$KEY" | tail -n 1)" open
	check "$WHO: nothing is logged that is not printable" plain_log "$WHO"
	check "$WHO: nor any identity of a stranger" eval '! grep -q "evil\|nobody\|aaaaaaaa" "$T/$WHO.log"'
	times "wrong key" "$id" "$(other_key "$KEY")"
	times "unknown identity" "$(hex 'nobody@mn-cse-1')" "$KEY"
	times "identity with NUL" "$id$(hex '\0evil')" "$KEY"
}

net_up
keys 2
# a gateway that nobody is, so that its sessions take no other's place
SECOND=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
check "a second gateway is known to the IN" "$BIN/mncse-keys" add --store "$T/in.db" --peer mn-cse-2 \
	--peer-id mn-cse-2@in-cse-1 --peer-key "$SECOND"
start_both

attack mncsed device "$GW_ADDR" C00001@mn-cse-1 "$(column C00001 3)"
attack incsed gateway "$IN_ADDR" mn-cse-2@in-cse-1 "$SECOND"
check "a device is served" served C00002
is "by the gateway's first session" "$(stat_of mncsed outer.handshakes_out)" 1

finish
