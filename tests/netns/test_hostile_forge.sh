#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# What somebody without the keys sends from the address and port of a live session draws no answer and leaves the session alive: at the
# gateway and at the IN.

. "$(dirname "$0")/hostile.sh"

# Of a few lines the expected answer is another than nothing: "NAME: ...".
declare -A EXPECTED=(
	["the same good record alone"]="answered"
	["the same from its own"]="answered"
	["a ClientHello without cookie"]="alive, 1 answers"
	["alert"]="0 0"
)

# attack WHO HOP SIDE SERVER IDENTITY KEY
attack()
{
	local who=$1 hop=$2 name result before after

	before=($(counters "$who" $hop.handshakes $hop.replaced $hop.closed_peer))
	"from_$3" hostile_forge "$4" "$(hex "$5")" "$6" >"$T/forge" 2>&1
	is "$who: a session in hostile hands" $? 0
	while IFS= read -r line; do
		name=${line%%: *}
		result=${line#*: }
		is "$who: $name" "$result" "${EXPECTED[$name]:-alive, 0 answers}"
	done <"$T/forge"
	is "$who: all of it was tried" "$(wc -l <"$T/forge")" 109
	after=($(counters "$who" $hop.handshakes $hop.replaced $hop.closed_peer))
	is "$who: it was one session all the time, and ended when it said so" \
		"$((after[0] - before[0])) $((after[1] - before[1])) $((after[2] - before[2]))" "1 0 1"
}

net_up
keys 2
SECOND=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
check "a second gateway is known to the IN" "$BIN/mncse-keys" add --store "$T/in.db" --peer mn-cse-2 \
	--peer-id mn-cse-2@in-cse-1 --peer-key "$SECOND"
start_both
attack mncsed inner device "$GW_ADDR" C00001@mn-cse-1 "$(column C00001 3)"
attack incsed outer gateway "$IN_ADDR" mn-cse-2@in-cse-1 "$SECOND"
check "a device is served" served C00002

finish
