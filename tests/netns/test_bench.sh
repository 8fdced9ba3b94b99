#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# mncse-bench's phases at a small number of devices, and its errors.
# TIMEOUT: 180

. "$(dirname "$0")/lib.sh"

# bench [OPTION...]: output in T/bench.log
bench()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" "$@" >"$T/bench.log" 2>&1
}

with_sockets()
{
	bench --gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock" "$@"
}

# refuses CODE TEXT NAME [OPTION...]
refuses()
{
	local code=$1 text=$2 name=$3 got

	shift 3
	bench "$@"
	got=$?
	is "$name" $got "$code"
	check "and says why" grep -q "$text" "$T/bench.log"
}

result()
{
	tr -d ' \n' <"$T/result.json" | grep -qE "$1"
}

net_up
# addresses of their own for devices on one socket: local there, and the gateway knows the way
ip -n "$DEV" route add local 198.19.0.0/24 dev lo || bail "local addresses"
ip -n "$GW" route add 198.19.0.0/24 via 198.18.1.2 || bail "the way back"
keys 100 --groups 2
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"

check "every phase ends well, all devices on one socket" with_sockets --sources 198.19.0.0/24 \
	--phases handshake,request,rand,get,steady,reconnect --seconds 1 --rate 300 --json "$T/result.json" --report "$T/page.html"
check "all devices authenticated" result '"devices":100,"authenticated":100,"failed":0'
check "each handshake counts once" result '"name":"handshake","count":100,"failed":0'
check "each device asked once" result '"name":"request","count":100,"failed":0'
check "each device got the new Rand" result '"name":"rand","count":100,"failed":0'
check "and the gateway says how long it sent" result '"gateway_span_ms":[0-9]'
check "a rate is kept without an answer lost" result '"name":"steady","count":[23][0-9][0-9],"failed":0'
check "GETs were answered" result '"name":"get","count":[23][0-9][0-9],"failed":0'
check "all came back" result '"name":"reconnect","count":100,"failed":0'
check "the page has its charts" grep -q '<svg ' "$T/page.html"
check "one page of two results" "$BIN/mncse-bench" report --out "$T/both.html" "$T/result.json" "$T/result.json"
check "without a rate answers set the pace" bench --phases handshake,get --seconds 1 --devices 10 --suite ccm8 \
	--json "$T/result.json"
check "in the suite that was asked for" result '"suite":"TLS_PSK_WITH_AES_128_CCM_8"'
check "sessions are closed afterwards" wait_until 10 stat_is mncsed inner.sessions 0

refuses 2 'expected 1 to' "no devices is a usage error" --devices 0
refuses 1 'has 100 devices, not 101' "more devices than the file has" --devices 101
refuses 1 'addresses' "fewer addresses than devices" --sources 198.19.0.0/26
refuses 2 'expected an IPv4 prefix' "a prefix that is none" --sources 198.19.0.0
refuses 2 'handshake is the first' "phases without a handshake" --phases get
refuses 2 'needs --in-socket' "a rand phase without the IN" --phases handshake,rand
refuses 1 'No such file' "a report that cannot be written, before the run" --report /nonexistent/page.html
check "no device was begun" test -z "$(grep handshake "$T/bench.log")"
refuses 1 'No such file' "a result that cannot be written" --json /nonexistent/result.json
refuses 1 'command failed' "a restart that fails" --phases handshake,reconnect --restart false --devices 5
echo '{"devices": 3' >"$T/broken.json"
check "a broken result is refused" eval '! "$BIN/mncse-bench" report --out "$T/both.html" "$T/broken.json"'

# a file of devices that the gateway does not know
cp "$T/devices.csv" "$T/good.csv"
sed '2,$s/@mn-cse-1/@nobody/' "$T/good.csv" >"$T/devices.csv"
refuses 1 'C0*1: .*does not know this device' "devices that the gateway does not know" --devices 3 --timeout 5
cp "$T/good.csv" "$T/devices.csv"

stop mncsed
refuses 1 'the gateway is not there' "a gateway that is not there" --devices 3 --timeout 3
stop incsed

check "the floor is measured" "$BIN/mncse-bench" floor --sockets 50 --seconds 1 --json "$T/floor.json"
check "and written" grep -q '"cpu_us"' "$T/floor.json"
finish
