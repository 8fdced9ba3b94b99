#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# Two entity IDs that are equal under NFKC are one: the second is refused, in a store, in an import, and by the daemons that run. So is
# what may be no ID at all.

. "$(dirname "$0")/hostile.sh"

# Spellings of C00001 and of Å1 (A with ring), which are the stores' devices.
SAME=(
	'Ｃ００００１'               # full width
	'C0000１'                    # the last digit alone
	'C０0001'
	'Ⅽ00001'                     # Roman numeral hundred
	$'\u212b1'                   # the sign of the unit
	$'A\u030a1'                  # in two code points
	$'\uff21\u030a\uff11'
)
NEVER=(
	$'C\x01'                     # a control character
	$'C\u0085'
	$'\xc0\xaf'                  # overlong
	$'\xed\xa0\x80'              # a surrogate
	$'\xff'
	$'C\u0378'                   # not assigned
)

key()
{
	od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

# add STORE ID: by mncse-keys, with everything else new
add()
{
	N=$((N + 1))
	key >"$T/key"
	if [ "$1" = in ]; then
		"$BIN/mncse-keys" add --store "$T/in.db" --device "$2" --group g1 --gateway mn-cse-1 --in-id "n$N@in-cse-1" \
			--in-key "@$T/key"
	else
		"$BIN/mncse-keys" add --store "$T/gateway.db" --device "$2" --group g1 --inner-id "n$N@mn-cse-1" \
			--inner-key "@$T/key" --in-id "n$N@in-cse-1"
	fi
}

# ask WHO ID: by mncsectl
ask()
{
	N=$((N + 1))
	if [ "$1" = incsed ]; then
		key | ctl incsed add --device "$2" --group g1 --gateway mn-cse-1 --kpsa-id "n$N@in-cse-1" --key -
	else
		key | ctl mncsed add --device "$2" --group g1 --kpsa-id "n$N@mn-cse-1" --in-id "n$N@in-cse-1" --key -
	fi
}

# refused NAME PATTERN COMMAND...: with such a message
refused()
{
	local name=$1 pattern=$2 out

	shift 2
	N=$((N + 1))
	if out=$("$@" 2>&1); then
		not_ok "$name" "it was taken"
	elif ! grep -q -- "$pattern" <<<"$out"; then
		not_ok "$name" "said: $out"
	else
		ok "$name"
	fi
}

devices()
{
	sqlite3 -readonly "$T/$1.db" 'SELECT count(*) FROM device'
}

# csv ID: a line with that ID and all else new
csv()
{
	N=$((N + 1))
	echo "$1,n$N@mn-cse-1,$(key),n$N@in-cse-1,$(key),g1,mn-cse-1,in-cse-1"
}

net_up
keys 1
N=0
for store in gateway in; do
	check "$store.db: a device with a ring" add $store 'Å1'
	for id in "${SAME[@]}"; do
		refused "$store.db: $id is there already" "already" add $store "$id"
	done
	for id in "${NEVER[@]}"; do
		refused "$store.db: $(printf %q "$id") is no ID" "" add $store "$id"
	done
	{
		head -n 1 "$T/devices.csv"
		csv X1
		csv 'Ｘ１'
	} >"$T/two.csv"
	refused "$store.db: an import of two that are one" "two.csv:3\|line 3" "$BIN/mncse-keys" import --store "$T/$store.db" "$T/two.csv"
	is "$store.db: nothing was added" "$(devices $store)" 2
done

start_both
for who in mncsed incsed; do
	for id in "${SAME[@]}"; do
		refused "$who: $id is there already" "already" ask $who "$id"
	done
	for id in "${NEVER[@]}"; do
		refused "$who: $(printf %q "$id") is no ID" "" ask $who "$id"
	done
	check "$who: another one is taken" ask $who 'Ⅽ00009'
	refused "$who: and then no other spelling of it" "already" ask $who C00009
	is "$who: one was added" "$(ctl $who devices | tail -n +2 | wc -l)" 3
	is "$who: by its normalised name" "$(ctl $who devices | grep -c '^C00009 ')" 1
	check "$who: a removal takes any spelling" ctl $who remove 'Ｃ００００９'
	is "$who: it is gone" "$(ctl $who devices | tail -n +2 | wc -l)" 2
done
check "a device is served under another spelling of its ID" served 'Ｃ００００１'

finish
