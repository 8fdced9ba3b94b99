#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# No key is written anywhere but into the stores: not into a log at its most talkative, not by a tool, not as hex and not as bytes. The
# gateway keeps no payload either. The daemons leave no core file, and their own user cannot look into them.

. "$(dirname "$0")/hostile.sh"

PAYLOAD=only-for-the-in

# bytes FILE: as one line of hex
bytes()
{
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# quoted HEX: as the log quotes bytes (mn_log_quote)
quoted()
{
	local hex=${1,,} byte i

	for ((i = 0; i < ${#hex}; i += 2)); do
		byte=$((16#${hex:i:2}))
		if ((byte >= 32 && byte < 127 && byte != 92)); then
			# shellcheck disable=SC2059
			printf "\\x${hex:i:2}"
		else
			printf '\\x%s' "${hex:i:2}"
		fi
	done
}

# clean FILE HEX...: none of them is in it, written as hex, as bytes or quoted
clean()
{
	local file=$1 hex bad=0

	shift
	bytes "$file" >"$T/bytes"
	for hex in "$@"; do
		[ ${#hex} -ge 32 ] || { echo "no key: '$hex'"; return 1; }
		if grep -qiF "$hex" "$file"; then
			echo "${file##*/} has a key as hex"
			bad=1
		fi
		if grep -qiF "$hex" "$T/bytes"; then
			echo "${file##*/} has a key as bytes"
			bad=1
		fi
		if grep -qF -- "$(quoted "$hex")" "$file"; then
			echo "${file##*/} has a key in quotes"
			bad=1
		fi
	done
	return $bad
}

key()
{
	od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

# ksx ID: under the Rand that the gateway holds
ksx()
{
	"$BIN/mncse-keys" ksx --key "@$T/key" --id "$1" \
		--rand "$(sqlite3 -readonly "$T/gateway.db" "SELECT hex(rand) FROM generation WHERE grp = 'g1'")"
}

# ask WHO COMMAND...: mncsectl, all it says into ctl.txt
ask()
{
	ctl "$@" >>"$T/ctl.txt" 2>&1
}

net_up
keys 3
start_both debug

# ---- what is done: all of the protocol, and mistakes

device C00001 --count 3 --send "in-cse/cnt={\"m2m:cin\":{\"con\":\"$PAYLOAD\"}}"
is "a device sends what only the IN may know" $? 0
cp "$T/device.log" "$T/device1.log"
column C00001 5 >"$T/key"
KEYS=("$(column C00001 3)" "$(column C00001 5)" "$(column C00002 3)" "$(column C00002 5)" "$(column C00003 3)"
	"$(column C00003 5)" "$(kpsami)" "$(ksx C00001)")
ADDED=$(key 32) REFUSED=$(key 32) LONG=$(key 65)
KEYS+=("$ADDED" "$REFUSED" "$LONG")
from_device hostile_handshake "$GW_ADDR" "$(hex C00001@mn-cse-1)" "$REFUSED" >>"$T/hostile.txt"
from_device hostile_flip device "$GW_ADDR" "$(hex C00002@mn-cse-1)" "$(column C00002 3)" devices.csv C00002 >>"$T/hostile.txt"
for who in mncsed incsed; do
	extra=(--in-id X1@in-cse-1)
	[ $who = mncsed ] || extra=(--gateway mn-cse-1)
	ask $who add --device X1 --group g1 --kpsa-id X1@x --key - "${extra[@]}" <<<"$ADDED"
	ask $who add --device X1 --group g1 --kpsa-id X1@x --key - "${extra[@]}" <<<"$REFUSED"
	ask $who add --device X2 --group g1 --kpsa-id X2@x --key - "${extra[@]/X1/X2}" <<<"$ADDED"
	ask $who add --device X2 --group g1 --kpsa-id X2@x --key - "${extra[@]/X1/X2}" <<<"$LONG"
	for command in show status layers sessions groups devices stats dump showconf reload; do
		ask $who $command
		ask $who -j $command
	done
done
ask incsed rekey g1
device C00002
is "a device is served under a new Rand" $? 0
column C00002 5 >"$T/key"
KEYS+=("$(ksx C00002)")
for store in gateway in; do
	"$BIN/mncse-keys" list --store "$T/$store.db" >>"$T/list.txt" 2>&1
	"$BIN/mncse-keys" add --store "$T/$store.db" --device X1 --group g1 --inner-id X3@x --inner-key "$REFUSED" --in-id X3@y \
		--in-key "$REFUSED" >>"$T/list.txt" 2>&1
done
ask mncsed remove X1
ask incsed evict mn-cse-1
wait_until 20 upstream_is up

# ---- nothing of it is to be found

for file in mncsed.log incsed.log device.log device1.log keys.log ctl.txt list.txt mncsed.yaml incsed.yaml; do
	check "no key in $file" clean "$T/$file" "${KEYS[@]}"
done
for who in mncsed incsed; do
	check "nothing in $who.log but what can be printed" plain_log $who
done
check "the log is at its most talkative" grep -q 'mncsed: debug: ' "$T/mncsed.log"
stop mncsed
for file in mncsed.log incsed.log gateway.db; do
	check "no payload in $file" eval '! grep -qaF "$PAYLOAD" "$T/'$file'"'
done
for file in gateway.db in.db devices.csv mncsed.yaml; do
	is "$file is its owner's alone" "$(stat -c %a "$T/$file")" 600
done
stop incsed

# ---- the processes

# not_dumpable WHO: runs it as another user, who then cannot look into it
not_dumpable()
{
	local who=$1 ns=$2 pid

	: >"$T/$who.log"
	spawn "$who" "$ns" setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/$who" -c "$T/$who.yaml"
	wait_until 30 ready_or_dead "$who"
	ready "$who" || bail "$who gets ready as another user"
	pid=${PIDS[$who]}
	is "$who: it runs as that user" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")" 65534
	is "$who: no core file" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
	is "$who: what is its own in /proc is root's" "$(stat -c %u "/proc/$pid/environ" "/proc/$pid/mem" | sort -u)" 0
	check "$who: its user cannot read its memory" eval '! setpriv --reuid=65534 --regid=65534 --clear-groups head -c 1 "/proc/'$pid'/maps"'
}

if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$BIN/mncsed"; then
	chmod 755 "$T"
	chown 65534:65534 "$T" "$T"/*
	# the leak check would want to look into it
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
	not_dumpable incsed "$IN"
	not_dumpable mncsed "$GW"
	wait_until 20 upstream_is up || bail "the gateway reaches the IN"
	chown 0:0 "$T/devices.csv"
	check "a device is served" served C00003
else
	ok "its user cannot read its memory # SKIP another user cannot reach $BIN"
fi

finish
