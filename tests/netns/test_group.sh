#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Group authentication of 200 devices in two groups: the counts of figure 8.2.1-2 are exact, and a wrong count is noticed.
# TIMEOUT: 180

. "$(dirname "$0")/lib.sh"

# bench [OPTION...]: all devices of the file; output in T/bench.log
bench()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" \
		--gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock" "$@" >"$T/bench.log" 2>&1
}

# result WORD...: the words stand in this order in the JSON, white space apart
result()
{
	tr -d ' \n' <"$T/result.json" | grep -qF "$1"
}

net_up
keys 200 --groups 2
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"

check "200 devices authenticate, counters equal the kernel's" bench --kernel --json "$T/result.json"
check "the IN received n + 1 messages and sent one a group" \
	result '"messages":{"server_in":201,"server_out":2,"gateway_in":402,"gateway_out":401}'
check "which is what was expected" \
	result '"expected":{"server_in":201,"server_out":2,"gateway_in":402,"gateway_out":401}'
check "no device failed" result '"devices":200,"authenticated":200,"failed":0'
check "every device got Rand" result '"rand_fanout":{"count":200,'
is "the gateway counts 200 handshakes" "$(stat_of mncsed inner.handshakes_in)" 200
is "the IN counts 200 service requests" "$(stat_of incsed outer.service_in)" 200
check "the sessions are closed afterwards" wait_until 10 stat_is mncsed inner.sessions 0

check "a second run counts what is new alone" bench --json "$T/result.json"
check "with no further Rand from the IN" \
	result '"messages":{"server_in":200,"server_out":0,"gateway_in":400,"gateway_out":400}'

# A wrong Kpsaxi: the device authenticates to the gateway, but not to the IN.
cp "$T/devices.csv" "$T/good.csv"
awk -F, -v OFS=, 'NR == 8 { $5 = substr($5, 2) substr($5, 1, 1) } { print }' "$T/good.csv" >"$T/devices.csv"
bench --devices 10 --json "$T/result.json"
is "a device with a wrong key fails the run" $? 1
check "and it alone" result '"devices":10,"authenticated":9,"failed":1'
check "its name is told" grep -q '^C0*7: service request unverified' "$T/bench.log"
cp "$T/good.csv" "$T/devices.csv"

# What the kernel saw and the gateway did not must end in an error, or the comparison above says nothing.
stop mncsed
stop incsed
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN again"
bench --kernel
is "datagrams of another run are noticed" $? 1
check "and said" grep -q 'error: .*kernel' "$T/bench.log"

stop mncsed
is "the gateway ends cleanly" $? 0
stop incsed
is "the IN ends cleanly" $? 0
finish
