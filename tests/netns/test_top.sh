#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mncsectl top: both daemons under traffic, as text and as lines of JSON.

. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip "python3 is not installed"

# Retried: a machine under load may answer nothing for a second.
# sees WHO: lines of JSON, of which the second has rates and, at the gateway, latencies
sees()
{
	ctl "$1" -j top --interval 1 --count 2 >"$T/top.json" && python3 - "$1" "$T/top.json" <<'PY'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[2])]
assert len(lines) == 2, lines
o = lines[1]
print(o)
assert o['sessions'] >= 1 and o['rates']['service_requests'] > 0 and o['rates']['datagrams_in'] > 0, 'rates'
assert o['handshake_ms']['p50'] <= o['handshake_ms']['p99'] <= o['handshake_ms']['max'], 'handshakes'
if sys.argv[1] == 'mncsed':
    assert o['service_ms'] >= 0 and o['upstream'] == 'up' and o['layers']['data'] is True, 'gateway'
PY
}

text()
{
	ctl "$1" top --interval 1 --count 1 >"$T/top.text" && grep -q "^$2" "$T/top.text" &&
		grep -q '^service requests  *[0-9.]* *[1-9][0-9]*$' "$T/top.text" && grep -q '^handshake  *p50 ' "$T/top.text" &&
		! grep -q $'\033' "$T/top.text"
}

net_up
keys 1
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
spawn device "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00001 \
	--send 'in-cse/cnt={"m2m:cin":{"con":"1"}}' --count 1000000000
answered()
{
	grep -q 'answer verified' "$T/device.log"
}
wait_until 30 answered || bail "a device authenticates"

check "top of the gateway in JSON" wait_until 120 sees mncsed
check "top of the IN in JSON" wait_until 120 sees incsed
check "top of the gateway in text" wait_until 60 text mncsed 'gateway mn-cse-1  up '
check "top of the IN in text" wait_until 60 text incsed 'IN in-cse-1  up '
for wrong in '--interval 0' '--interval 1x' '--count 0' '--count -1' 'word'; do
	# shellcheck disable=SC2086
	ctl mncsed top $wrong >"$T/wrong" 2>&1
	is "top $wrong is refused" $? 2
done
stop device INT
stop mncsed
ctl mncsed top --count 1 >"$T/gone" 2>&1
is "top without a daemon" $? 3
finish
