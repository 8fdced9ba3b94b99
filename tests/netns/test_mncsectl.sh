#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mncsectl against incsed and mncsed: what it shows, what it changes, what it says when it cannot.
# TIMEOUT: 240

. tests/netns/lib.sh

KEY_M=$(printf '11%.0s' {1..32})
KEY_I=$(printf '22%.0s' {1..32})

# py EXPRESSION FILE: of the JSON in FILE, as j
py()
{
	python3 -c 'import json, sys
j = json.load(open(sys.argv[2]))
print(eval(sys.argv[1]))' "$@"
}

# fails NAME CODE TEXT COMMAND...: exit code, the text on stderr, nothing on stdout
fails()
{
	local name=$1 code=$2 text=$3 got

	shift 3
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	if [ $got -ne "$code" ]; then
		not_ok "$name" "exit $got, expected $code: $(cat "$T/err")"
	elif ! grep -qF -- "$text" "$T/err"; then
		not_ok "$name" "said: $(cat "$T/err")"
	elif [ -s "$T/out" ]; then
		not_ok "$name" "printed: $(cat "$T/out")"
	else
		ok "$name"
	fi
}

# holds NAME TEXT COMMAND...: succeeds and prints a line with the text
holds()
{
	local name=$1 text=$2 out

	shift 2
	if out=$("$@" 2>&1) && grep -qF -- "$text" <<<"$out"; then
		ok "$name"
	else
		not_ok "$name" "no '$text' in: $out"
	fi
}

sessions_are()
{
	[ "$(ctl mncsed dump | wc -l)" = "$1" ]
}

generation()
{
	ctl incsed -j groups >"$T/groups.json" && py 'j[0]["generation"]' "$T/groups.json"
}

net_up
keys 12

# ---- nobody there, and what needs no daemon

fails "without a gateway it says what to start" 3 'is mncsed running? start it with `mncsed -c FILE`' ctl mncsed
fails "without an IN it says what to start" 3 'is incsed running? start it with `incsed -c FILE`' ctl incsed status
fails "an unknown command is wrong usage" 2 "no such command" ctl mncsed frobnicate
fails "an unknown option is wrong usage" 2 "unrecognized option" ctl mncsed status --frobnicate
fails "an argument too many is wrong usage" 2 "unexpected argument: x" ctl mncsed status x
fails "an argument too few is wrong usage" 2 "an argument is missing" ctl mncsed remove
fails "two sockets exclude each other" 2 "exclude each other" ctl mncsed status --in
fails "a key is refused on the command line" 2 "not taken from the command line" \
	ctl mncsed add --device C9 --group g1 --kpsa-id C9@x --kid 00112233445566 --key "$KEY_M"
fails "a malformed key is refused" 1 "as hex digits" \
	ctl mncsed add --device C9 --group g1 --kpsa-id C9@x --kid 00112233445566 --key - <<<"xyz"
fails "a malformed kid is refused" 2 "expected 14 hex digits" \
	ctl mncsed add --device C9 --group g1 --kpsa-id C9@x --kid 0011 --key -
fails "an identifier without issuer is refused" 2 "--kpsa-id" \
	ctl mncsed add --device C9 --group g1 --kpsa-id C9 --kid 00112233445566 --key -
fails "a name with a control character is refused" 2 "ID: " ctl mncsed evict $'C9\e[1m'

start_in
start_gateway
wait_until 30 upstream_is up || bail "the gateway reaches the IN"

# ---- what it shows

for who in mncsed incsed; do
	for command in show status layers sessions groups devices stats dump showconf; do
		check "$who: $command" ctl $who $command
		ctl $who -j $command >"$T/json" && check "$who: $command is JSON" python3 -m json.tool "$T/json"
	done
	ctl $who >"$T/none" && ctl $who show >"$T/show"
	is "$who: no command is show" "$(head -n 1 "$T/none")" "$(head -n 1 "$T/show")"
	holds "$who: show has the layers" "control    active" ctl $who
	holds "$who: show has the group" "g1" ctl $who
	ctl $who -j status >"$T/status.json"
	is "$who: status has the pid" "$(py 'j["pid"]' "$T/status.json")" "${PIDS[$who]}"
	is "$who: status has the devices" "$(py 'j["devices"]' "$T/status.json")" 12
	is "$who: listen is an array" "$(py 'type(j["listen"]).__name__' "$T/status.json")" list
	ctl $who -j show >"$T/show.json"
	is "$who: show in JSON has three parts" "$(py 'sorted(j)' "$T/show.json")" "['groups', 'layers', 'status']"
	ctl $who -j stats >"$T/stats.json"
	is "$who: stats in JSON are by name" "$(py 'j["process.rss_bytes"] > 0' "$T/stats.json")" True
	ctl $who devices >"$T/devices"
	is "$who: devices are sorted" "$(awk 'NR > 1 { print $1 }' "$T/devices")" "$(printf 'C000%02d\n' {1..12})"
	ctl $who showconf >"$T/$who.again.yaml"
	check "$who: showconf is read again" "$BIN/$who" -t -c "$T/$who.again.yaml"
	if grep -qiE "[0-9a-f]{32}" "$T/$who.again.yaml"; then
		not_ok "$who: no key in showconf"
	else
		ok "$who: no key in showconf"
	fi
done
is "the gateway is a gateway" "$(status_of mncsed role)" gateway
is "the IN is an IN" "$(status_of incsed role)" in

# ---- sessions

in_devices "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00001 --stay \
	>"$T/stay.log" 2>&1 &
PIDS[stay]=$!
if wait_until 30 stat_is incsed outer.authenticated 1; then
	ok "the device is authenticated"
else
	not_ok "the device is authenticated"
fi
wait_until 10 sessions_are 1 || bail "the device has a session"
ctl mncsed dump >"$T/dump"
is "dump has twelve columns" "$(awk -F '\t' '{ print NF }' "$T/dump")" 12
is "dump has the entity in the second" "$(cut -f 2 "$T/dump")" C00001
is "dump has the state in the fifth" "$(cut -f 5 "$T/dump")" authenticated
is "sessions of its group" "$(ctl mncsed dump --group g1 | wc -l)" 1
is "no sessions of another group" "$(ctl mncsed dump --group g2 | wc -l)" 0
is "sessions of its ID" "$(ctl mncsed dump --id C00001 | wc -l)" 1
is "no sessions of another ID" "$(ctl mncsed dump --id C00002 | wc -l)" 0
is "sessions of its address" "$(ctl mncsed dump --address 198.18.1.2 | wc -l)" 1
is "sessions of its address and port" "$(ctl mncsed dump --address "$(cut -f 4 "$T/dump")" | wc -l)" 1
is "no sessions of another address" "$(ctl mncsed dump --address 198.18.1.3 | wc -l)" 0
is "sessions of its state" "$(ctl mncsed dump --state authenticated | wc -l)" 1
is "no sessions of another state" "$(ctl mncsed dump --state connected | wc -l)" 0
holds "sessions in text" "C00001" ctl mncsed sessions
ctl mncsed -j sessions --id C00001 >"$T/sessions.json"
is "sessions in JSON" "$(py 'j[0]["entity"], j[0]["requests"] >= 1' "$T/sessions.json")" "('C00001', True)"

# ---- changes

before=$(generation)
ctl incsed rekey g1 >"$T/rekey" || not_ok "rekey" "$(cat "$T/rekey")"
after=$(generation)
check "rekey gives a new generation" test "$after" -gt "$before"
is "rekey prints it" "$(cat "$T/rekey")" "g1 at mn-cse-1: generation $after"
ctl incsed -j rekey g1 mn-cse-1 >"$T/rekey.json"
is "rekey at one gateway" "$(py 'j[0]["generation"]' "$T/rekey.json")" "$(generation)"
fails "rekey of an unknown group" 1 "g2" ctl incsed rekey g2
fails "rekey of an unknown gateway" 1 "" ctl incsed rekey g1 mn-cse-9
fails "rekey at the gateway names the IN" 1 "only the IN draws a Rand" ctl mncsed rekey g1

fails "evict of a device without session" 1 "" ctl mncsed evict C00002
fails "evict of both or none" 2 "give an ID or --session" ctl mncsed evict
number=$(ctl mncsed dump --id C00001 | cut -f 1)
check "evict by number" ctl mncsed evict --session "$number"
gone()
{
	[ "$(ctl mncsed dump | cut -f 1)" != "$number" ]
}
check "the evicted session is gone" wait_until 10 gone
stop stay

echo "$KEY_M" >"$T/kpsaxm.hex"
check "add at the IN, key from stdin" ctl incsed add --device C00000 --group g1 --gateway mn-cse-1 \
	--kpsa-id C00000@in-cse-1 --use group --key - <<<"$KEY_I"
check "add at the gateway, key from a file, kid from the KpsaxiId" ctl mncsed add --device C00000 --group g1 \
	--kpsa-id C00000@mn-cse-1 --in-id C00000@in-cse-1 --key "@$T/kpsaxm.hex"
for who in mncsed incsed; do
	ctl $who devices >"$T/devices"
	is "$who: a device that came last is sorted too" "$(awk 'NR > 1 { print $1 }' "$T/devices")" \
		"$(printf 'C000%02d\n' {0..12})"
done
fails "a second add of the same device" 1 "" ctl mncsed add --device C00000 --group g1 \
	--kpsa-id C00000@mn-cse-1 --in-id C00000@in-cse-1 --key "@$T/kpsaxm.hex"
# the kid of C00013@in-cse-1
KID=$(printf C00013@in-cse-1 | sha256sum | cut -c 1-14)
fails "a device whose KpsaxmId tells nothing of its KpsaxiId needs a kid" 1 "kid: needed" ctl mncsed add --device C00013 --group g1 \
	--kpsa-id C00013@elsewhere --key - <<<"11$KEY_M"
check "one that is named as mncse-keys names it does not" ctl mncsed add --device C00013 --group g1 --kpsa-id C00013@mn-cse-1 \
	--key - <<<"11$KEY_M"
is "its kid is that of its KpsaxiId" "$("$BIN/mncse-keys" export --store "$T/gateway.db" | grep -c "$KID")" 1
check "and it can be removed" ctl mncsed remove C00013
cp "$T/devices.csv" "$T/before.csv"
awk -F , -v OFS=, -v m="$KEY_M" -v i="$KEY_I" 'NR == 1 {
	for (c = 1; c <= NF; c++) at[$c] = c
}
{ print }
NR == 2 {
	$at["device_id"] = "C00000"; $at["inner_id"] = "C00000@mn-cse-1"; $at["inner_key_hex"] = m
	$at["in_id"] = "C00000@in-cse-1"; $at["in_key_hex"] = i
	print
}' "$T/before.csv" >"$T/devices.csv"
if device C00000; then
	ok "the added device authenticates"
else
	not_ok "the added device authenticates" "$(tail -n 3 "$T/device.log")"
fi
check "remove at the gateway" ctl mncsed remove C00000
check "remove at the IN" ctl incsed remove C00000
fails "remove of a device that is not there" 1 "" ctl incsed remove C00000
device C00000 --timeout 3
is "the removed device is refused" $? 3
is "the others stay" "$(ctl incsed devices | wc -l) $(ctl mncsed devices | wc -l)" "13 13"

# ---- reload

check "reload" ctl mncsed reload
set_option mncsed.yaml log loud
fails "a wrong configuration is refused with line and key" 1 \
	'log: expected error, warn, info or debug, found "loud"' ctl mncsed reload
holds "and the old one stays in force" "log: info" ctl mncsed showconf

# ---- permissions

chmod 755 "$T"
as_nobody()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/mncsectl" --socket "$T/mncsed.sock" "$@"
}
if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$BIN/mncsectl"; then
	fails "others are told which group they need" 1 "group mncse" as_nobody status
	chmod 666 "$T/mncsed.sock"
	check "where the mode lets them, others may ask" as_nobody status
	fails "but not change anything" 1 "changes are for root" as_nobody reload
else
	ok "others are told which group they need # SKIP another user cannot reach $BIN"
fi

finish
