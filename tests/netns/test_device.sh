#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mncse-device against real daemons: every exit code, and what it shows.
# TIMEOUT: 240

. "$(dirname "$0")/lib.sh"

# exits CODE NAME ID [OPTION...]: mncse-device ends with that code
exits()
{
	local code=$1 name=$2 got

	shift 2
	device "$@"
	got=$?
	is "$name" $got "$code"
	[ $got -eq "$code" ] || sed 's/^/# /' "$T/device.log"
}

shown()
{
	grep -q "$1" "$T/device.log"
}

# with_column ROW COLUMN AWK-EXPRESSION: changes one field of devices.csv
with_column()
{
	awk -F, -v OFS=, "NR == $1 { \$$2 = $3 } { print }" "$T/good.csv" >"$T/devices.csv"
}

all_json()
{
	[ -s "$T/device.log" ] && ! grep -qv '^{.*}$' "$T/device.log"
}

upstream_is_not()
{
	! upstream_is "$1"
}

# long BYTES: a contentInstance with so much content
long()
{
	printf 'in-cse/cnt={"m2m:cin":{"con":"%*s"}}' "$1" "" | tr ' ' x
}

net_up
keys 5
cp "$T/devices.csv" "$T/good.csv"
set_option mncsed.yaml listen "[\"$GW_ADDR\", \"[2001:db8:1::1]:5684\"]"

# 1 and 2: nothing is sent
exits 1 "an unknown device is an input error" NOBODY
exits 1 "so is JSON that is none" C00001 --send 'in-cse/cnt={'
exits 1 "so is a resource type that is not known" C00001 --send 'in-cse/cnt={"m2m:xyz":{}}'
exits 1 "so is a port out of range" C00001 --gateway 198.18.1.1:70000
with_column 2 5 '$3'
exits 1 "so is one key for two uses" C00001
cp "$T/good.csv" "$T/devices.csv"
exits 1 "so is a file that is not there" C00001 --credentials "$T/nothing.csv"
exits 2 "a wrong option is a usage error" C00001 --no-such-option
exits 2 "so is a count of 0" C00001 --count 0
in_devices "$BIN/mncse-device" --id C00001 >/dev/null 2>&1
is "so is a missing option" $? 2

# 3: no gateway
exits 3 "without a gateway the handshake fails" C00001 --timeout 1

# 4: a gateway without IN
start_gateway
exits 4 "without an IN there is no Rand" C00001 --timeout 12
exits 4 "asking for it does not help" C00001 --timeout 12 --observe
check "the gateway says 5.03" shown 'no Rand: 5.03'

# 0
start_in
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
exits 0 "RETRIEVE of the CSEBase" C00001
check "is answered with RSC 2000, verified" shown 'answer verified: RSC 2000'
check "and shows the CSEBase" shown '"m2m:cb"'
exits 0 "CREATE of a contentInstance" C00001 --send 'in-cse/cnt={"m2m:cin":{"con":"1"}}'
check "is answered with RSC 2001, verified" shown 'answer verified: RSC 2001'
exits 0 "several requests, several times" C00002 --count 3 --send 'in-cse/cnt={"m2m:cin":{"con":"1"}}' \
	--send 'in-cse/cnt={"m2m:cin":{"con":"2"}}'
is "are all answered" "$(grep -c 'answer verified: RSC 2001' "$T/device.log")" 6
is "in one context" "$(grep -c 'context of generation' "$T/device.log")" 1
exits 0 "a device that observes gets Rand too" C00003 --observe
exits 0 "lines of JSON" C00003 -j
check "are whole objects" all_json
check "and have the answer" shown '"event":"done","result":"verified".*"rsc":2000'
exits 0 "over IPv6" C00004 --gateway '[2001:db8:1::1]:5684'
check "a device's session is closed at its end" wait_until 5 stat_is mncsed inner.sessions 0

# 3: gateway and device do not agree
with_column 2 3 'substr($3, 2) substr($3, 1, 1)'
exits 3 "a wrong key fails the handshake" C00001 --timeout 2
with_column 2 7 '"another-gateway"'
exits 3 "so does a gateway that is not the credential's" C00001 --timeout 5
with_column 2 2 '"C77777@mn-cse-1"'
exits 3 "so does an identity that the gateway does not know" C00001 --timeout 2

# 6: IN and device do not agree
with_column 2 5 'substr($5, 2) substr($5, 1, 1)'
exits 6 "a wrong Kpsaxi is not verified" C00001
check "the IN could not decrypt" shown 'Decryption failed'
check "a fresh context was tried" shown 'under a fresh context'
cp "$T/good.csv" "$T/devices.csv"
exits 0 "the same device with the right key" C00001

# 7
exits 7 "a target that is not there" C00001 --send 'in-cse/nothing={"m2m:cin":{"con":"1"}}'
check "is RSC 4004, verified" shown 'answer verified: RSC 4004'

# 5, 1: too large for the outer hop, too large for a message
exits 5 "a request above 1,152 bytes is refused by the gateway" C00001 --send "$(long 1060)"
check "with 4.13" shown '4\.13'
exits 1 "a request that fits no message is an input error" C00001 --send "$(long 2000)"

# a session that stays
spawn stay "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00005 --stay
check "--stay keeps the session after the answer" wait_until 10 grep -q 'answer verified' "$T/stay.log"
check "the IN draws a new Rand" ctl incsed rekey g1
check "the device gets it" wait_until 10 sh -c "[ \$(grep -c 'Rand of generation' '$T/stay.log') = 2 ]"
stop stay INT
is "SIGINT ends it with 0" $? 0
check "and closes its session" wait_until 5 stat_is mncsed inner.sessions 0

# 5: no outer session
stop incsed
check "the gateway notices at once that the IN left" wait_until 5 upstream_is_not up
exits 5 "without an outer session the gateway refuses" C00001 --timeout 12
check "with 5.03" shown '5\.03'

finish
