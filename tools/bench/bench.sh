#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench: the figures of docs/benchmarks.md, all servers in one run on this machine, on loopback.
#
#	floor      a UDP echo that does nothing else: the machine's part of every figure
#	mncsed     by mncse-bench (one process, one socket for all devices) and, when DTLSLOAD names it, by dtlsload
#	peers      coap-server-openssl and -gnutls (Debian's libcoap3-bin), tinydtls' dtls-server (TINYDTLS); by dtlsload alone
#
# In the environment:
#	BIN       folder of the programs
#	OUT       folder of the results (build/bench)
#	DEVICES   of the main run (10000)
#	GROWTH    session counts to compare ("1000 10000 100000")
#	MODES     device counts of the group and proxy table ("1 10 100 1000 10000"); "" = without it
#	RUNS      repetitions of each cost figure, of which the median counts (3)
#	SECONDS_EACH  length of a load phase (3)
#	DTLSLOAD  path of the independent load generator
#	TINYDTLS  path of tinydtls' tests/dtls-server
#
# The tables are of GROUP mode and, as far as mncse-keys init knows it, PROXY mode. Needs no root but for the group/proxy table.

set -u
export LC_ALL=C

BIN=${BIN:-$(dirname "$0")/../../build/bin}
OUT=${OUT:-build/bench}
DEVICES=${DEVICES:-10000}
GROWTH=${GROWTH:-1000 10000 100000}
MODES=${MODES-1 10 100 1000 10000}
RUNS=${RUNS:-3}
SECONDS_EACH=${SECONDS_EACH:-3}
DTLSLOAD=${DTLSLOAD:-}
TINYDTLS=${TINYDTLS:-}
PORT=56840
IN_PORT=56850

die()
{
	echo "bench: $1" >&2
	exit 1
}

[[ $DEVICES =~ ^[1-9][0-9]{0,5}$ ]] || die "DEVICES=$DEVICES: expected a number from 1"
[[ $RUNS =~ ^[1-9][0-9]?$ ]] || die "RUNS=$RUNS: expected a number from 1"
command -v python3 >/dev/null || die "python3 is missing (it makes the tables)"
for p in mncse-keys mncse-bench mncsectl mncsed incsed; do
	[ -x "$BIN/$p" ] || die "$BIN/$p is missing: run make"
done
for p in "$DTLSLOAD" "$TINYDTLS"; do
	[ -z "$p" ] || [ -x "$p" ] || die "$p is no program"
done
mkdir -p "$OUT" || die "$OUT cannot be made"
OUT=$(cd "$OUT" && pwd)
BIN=$(cd "$BIN" && pwd)

dir=$(mktemp -d) || die "no temporary folder"
declare -A pids=()

# Runs once, whatever ended the script.
# shellcheck disable=SC2317
cleanup()
{
	local code=$?

	trap - EXIT
	stop_all
	rm -rf "$dir"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

stop_all()
{
	local name

	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null
		wait "${pids[$name]}" 2>/dev/null
	done
	pids=()
}

# wait_for WHAT COMMAND...
wait_for()
{
	local end=$((SECONDS + 60)) what=$1

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "$what"
		sleep 0.05
	done
}

upstream_is_up()
{
	"$BIN/mncsectl" -j --socket "$1/mncsed.sock" status | grep -q '"upstream": *"up"'
}

# keys N: credentials of N devices, made once
keys()
{
	[ -e "$dir/$1/devices.csv" ] && return
	"$BIN/mncse-keys" init --out "$dir/$1" --devices "$1" --gateway-addr 127.0.0.1:$PORT \
		--in-addr 127.0.0.1:$IN_PORT >"$dir/keys.log" 2>&1 || die "mncse-keys init: $(tail -n 1 "$dir/keys.log")"
	"$BIN/mncse-keys" export --store "$dir/$1/gateway.db" --format psk >"$dir/$1/psk.txt" 2>/dev/null
}

start_gateway()
{
	"$BIN/mncsed" -c "$dir/$1/mncsed.yaml" 2>"$dir/mncsed.log" &
	pids[gateway]=$!
	wait_for "mncsed does not get ready: $(tail -n 1 "$dir/mncsed.log")" grep -qx "mncsed: ready" "$dir/mncsed.log"
	wait_for "mncsed has no session with the IN" upstream_is_up "$dir/$1"
}

# daemons N: IN and gateway with the credentials of N devices
daemons()
{
	keys "$1"
	"$BIN/incsed" -c "$dir/$1/incsed.yaml" 2>"$dir/incsed.log" &
	pids[in]=$!
	wait_for "incsed does not get ready" grep -qx "incsed: ready" "$dir/incsed.log"
	start_gateway "$1"
}

rss()
{
	awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$1/status"
}

# load N NAME [OPTION...]: mncse-bench against fresh daemons; NAME.json, with the memory at the start put in
load()
{
	local n=$1 name=$2 before code=0

	shift 2
	daemons "$n"
	before=$(rss "${pids[gateway]}")
	"$BIN/mncse-bench" --gateway 127.0.0.1:$PORT --credentials "$dir/$n/devices.csv" \
		--gateway-socket "$dir/$n/mncsed.sock" --in-socket "$dir/$n/incsed.sock" \
		--sources 127.16.0.0/12 --seconds "$SECONDS_EACH" --json "$OUT/$name.json" "$@" \
		>"$OUT/$name.txt" 2>"$dir/bench.log" || code=$?
	[ $code -eq 0 ] || { echo "  $name: exit $code: $(tail -n 1 "$dir/bench.log")"; }
	sed -i "1s/{/{ \"rss_start_bytes\": $before,/" "$OUT/$name.json"
	stop_all
}

# listening PORT
listening()
{
	grep -qi ":$(printf %04X "$1") " /proc/net/udp
}

# peer NAME PID PORT N IDENTITY KEY CIPHER MODE PATH: dtlsload against a running server; NAME.json
peer()
{
	local out

	out=$(timeout 60 "$DTLSLOAD" -P "$2" -T "$SECONDS_EACH" -t 5 -p "$9" -j 127.0.0.1 "$3" "$4" 64 "$5" "$6" "$7" "$8" \
		2>&1 | tail -n 1)
	case $out in
	'{'*) echo "$out" >"$OUT/$1.json" ;;
	*) echo "  $1: $out" ;;
	esac
}

say()
{
	printf '%s\n' "$1"
}

# One server a round, so that all servers see the same noise.
say "$(nproc) processors, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg)"
rm -f "$OUT"/*.json "$OUT"/*.txt
cut -d' ' -f1-3 /proc/loadavg >"$OUT/load.txt"
for ((run = 1; run <= RUNS; run++)); do
	say "round $run of $RUNS"
	"$BIN/mncse-bench" floor --sockets $((DEVICES < 10000 ? DEVICES : 10000)) --seconds "$SECONDS_EACH" \
		--json "$OUT/floor.$run.json" >/dev/null || die "the floor cannot be measured"
	for suite in ccm8 gcm; do
		load "$DEVICES" "gateway-$suite.$run" --suite $suite --in-flight 64 \
			--phases handshake,get,rand,request
	done
	if [ -n "$DTLSLOAD" ]; then
		for cipher in PSK-AES128-CCM8 PSK-AES128-GCM-SHA256; do
			daemons "$DEVICES"
			peer "dtlsload-$cipher.$run" "${pids[gateway]}" $PORT "$DEVICES" @ "@$dir/$DEVICES/psk.txt" $cipher coap gsa
			stop_all
		done
	fi
	if [ -n "$DTLSLOAD" ] && [ -n "$TINYDTLS" ]; then
		"$TINYDTLS" -A 127.0.0.1 -p $((PORT + 1)) -v 0 >/dev/null 2>&1 &
		pids[tinydtls]=$!
		wait_for "tinydtls does not get ready" listening $((PORT + 1))
		peer "tinydtls.$run" "${pids[tinydtls]}" $((PORT + 1)) "$DEVICES" Client_identity 73656372657450534b PSK-AES128-CCM8 echo x
		stop_all
	fi
done
[ -n "$DTLSLOAD" ] || say "DTLSLOAD is not set: without the independent client and the peers"
[ -n "$TINYDTLS" ] || say "TINYDTLS is not set: without tinydtls"

if [ -n "$DTLSLOAD" ]; then
	for tls in openssl gnutls; do
		if ! command -v coap-server-$tls >/dev/null; then
			say "coap-server-$tls is not installed: skipped"
			continue
		fi
		for n in 1000 "$DEVICES"; do
			say "coap-server-$tls, $n sessions"
			coap-server-$tls -A 127.0.0.1 -p $((PORT + 1)) -k 0123456789abcdef -v 0 >/dev/null 2>&1 &
			pids[coap]=$!
			wait_for "coap-server-$tls does not get ready" listening $((PORT + 2))
			peer "libcoap-$tls-$n" "${pids[coap]}" $((PORT + 2)) "$n" 'dev%05d' 30313233343536373839616263646566 PSK-AES128-CCM8 coap time
			stop_all
		done
	done
fi

for n in $GROWTH; do
	say "growth: $n sessions"
	load "$n" "growth-$n" --suite ccm8 --in-flight 64 --phases handshake,get,rand,request
done

say "steady load, open loop"
load "$DEVICES" steady --phases handshake,request,steady,get --rate 5000 --report "$OUT/steady.html"

gone()
{
	! kill -0 "$(cat "$1")"
}

# restart NAME: all devices come back at once to a gateway that was killed and started
restart()
{
	daemons "$DEVICES"
	cat >"$dir/restart" <<EOF
kill -KILL ${pids[gateway]}
for i in \$(seq 2000); do
	# the port is free only when the kernel has taken the dead one's ring apart
	if [ -z "\$pid" ] || ! kill -0 \$pid 2>/dev/null; then
		"$BIN/mncsed" -c "$dir/$DEVICES/mncsed.yaml" >/dev/null 2>"$dir/again.log" &
		pid=\$!
		echo \$pid >"$dir/again.pid"
	fi
	"$BIN/mncsectl" -j --socket "$dir/$DEVICES/mncsed.sock" status 2>/dev/null | grep -q '"upstream": *"up"' && exit 0
	sleep 0.02
done
exit 1
EOF
	"$BIN/mncse-bench" --gateway 127.0.0.1:$PORT --credentials "$dir/$DEVICES/devices.csv" \
		--sources 127.16.0.0/12 --phases handshake,reconnect --restart "sh $dir/restart" \
		--json "$OUT/$1.json" >"$OUT/$1.txt" 2>"$dir/bench.log" || say "  $1: $(tail -n 1 "$dir/bench.log")"
	[ ! -s "$dir/again.pid" ] || kill "$(cat "$dir/again.pid")" 2>/dev/null
	wait_for "the second gateway does not end" gone "$dir/again.pid"
	stop_all
}

say "reconnect after a gateway restart"
restart restart
sed -i "s/half_open: [0-9]*/half_open: $((2 * DEVICES))/" "$dir/$DEVICES/mncsed.yaml"
restart restart-wide

if [ -n "$MODES" ] && [ "$(id -u)" = 0 ]; then
	for mode in group proxy; do
		for n in $MODES; do
			DEVICES=$n NGROUPS=1 MODE=$mode BPF=off KMOD=off JSON="$OUT/$mode-$n.json" BIN=$BIN \
				"$(dirname "$0")/../demo/demo.sh" >"$OUT/$mode-$n.txt" 2>&1 ||
				say "  $mode, $n devices: $(tail -n 1 "$OUT/$mode-$n.txt")"
			[ -s "$OUT/$mode-$n.json" ] || rm -f "$OUT/$mode-$n.json"
		done
	done
	mapfile -t results < <(compgen -G "$OUT/group-*.json"; compgen -G "$OUT/proxy-*.json")
	[ ${#results[@]} -eq 0 ] || "$BIN/mncse-bench" report --out "$OUT/modes.html" "${results[@]}"
elif [ -n "$MODES" ]; then
	say "not root: without the table of figure 8.2.1-2"
fi

python3 "$(dirname "$0")/tables.py" "$OUT" "$DEVICES" | tee "$OUT/tables.txt"
say "load at the end $(cut -d' ' -f1-3 /proc/loadavg); results in $OUT"
