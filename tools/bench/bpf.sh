#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench-bpf: what the BPF programs cost and what they keep from the gateway, in network namespaces of its own (root):
#
#	costs      ns a packet of guard and classifier by the kernel's test run, of steering by its statistics
#	answers    HelloVerifyRequests a second that XDP sends on a veth, hellos from one sender as fast as it goes
#	flood      DEVICES handshakes, quiet and under a flood of RATE ClientHellos a second from forged sources, with the
#	           programs and without (a tenth of DEVICES); p50 and p99 of the handshake, CPU of mncsed for each
#
# In the environment: BIN, the programs; TESTS, the programs of tests/bpf; FLOOD, tests/netns/flood; OUT (build/bench);
# DEVICES (2000), RATE (200000), RUNS (5, of which the median counts), WORKERS (1).

set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

BIN=${BIN:?the folder of the programs}
TESTS=${TESTS:?the folder of the test programs}
FLOOD=${FLOOD:?the flood program}
OUT=${OUT:-build/bench}
DEVICES=${DEVICES:-2000} # at least 10
RATE=${RATE:-200000}
RUNS=${RUNS:-5}
WORKERS=${WORKERS:-1}
ANSWER_SECONDS=5
GATEWAY=198.18.1.1:5684

dev=mncse-bpfd-$$ gw=mncse-bpfg-$$ in=mncse-bpfi-$$
dir=
declare -A pids=()

die()
{
	echo "bench-bpf: $1" >&2
	exit 1
}

# stop NAME
stop()
{
	[ -n "${pids[$1]:-}" ] || return 0
	kill "${pids[$1]}" 2>/dev/null
	wait "${pids[$1]}" 2>/dev/null
	unset "pids[$1]"
}

# Runs once, whatever ended the script.
# shellcheck disable=SC2317
cleanup()
{
	local code=$? name

	trap - EXIT
	for name in "${!pids[@]}"; do
		stop "$name"
	done
	for name in "$dev" "$gw" "$in"; do
		ip netns del "$name" 2>/dev/null
	done
	[ -z "$dir" ] || rm -rf "$dir"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for WHAT COMMAND...
wait_for()
{
	local end=$((SECONDS + 60)) what=$1

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || die "$what"
		sleep 0.02
	done
}

# link NAME NAMESPACE ADDRESS NAMESPACE ADDRESS
link()
{
	ip link add "$1" netns "$2" type veth peer name "$1" netns "$4" &&
		ip -n "$2" addr add "$3/24" dev "$1" && ip -n "$4" addr add "$5/24" dev "$1" &&
		ip -n "$2" link set "$1" up && ip -n "$4" link set "$1" up || die "cannot join $2 and $4"
}

ctl()
{
	"$BIN/mncsectl" --socket "$dir/mncsed.sock" "$@"
}

stat_of()
{
	ctl stats | awk -v name="$1" '$1 == name { print $2 }'
}

upstream_is_up()
{
	ctl -j status | grep -q '"upstream": *"up"'
}

# gateway BPF: with that bpf: {...}
gateway()
{
	sed -i "s|^bpf:.*|bpf: {$1}|" "$dir/mncsed.yaml"
	ip netns exec "$gw" "$BIN/mncsed" -c "$dir/mncsed.yaml" 2>"$dir/mncsed.log" &
	pids[gateway]=$!
	wait_for "mncsed does not get ready: $(tail -n 1 "$dir/mncsed.log")" grep -qx "mncsed: ready" "$dir/mncsed.log"
	wait_for "the gateway has no session with the IN" upstream_is_up
}

# A veth sends what XDP answers when its other end has a program: the guard, which passes there what is not its own.
native_peer()
{
	local id

	id=$(ip -n "$gw" link show inner | sed -n 's,.*prog/xdp id \([0-9]*\).*,\1,p')
	ip netns exec "$dev" bpftool net attach xdpdrv id "$id" dev inner overwrite
}

# flood RATE SECONDS: in the background, returns when it arrives
flood()
{
	local before

	before=$(ip -n "$gw" -s link show inner | awk '/RX:/ { getline; print $2 }')
	ip netns exec "$dev" "$FLOOD" hello $GATEWAY "$1" "$2" >"$dir/flood.log" &
	pids[flood]=$!
	wait_for "the flood does not arrive" eval \
		'[ "$(ip -n "$gw" -s link show inner | awk "/RX:/ { getline; print \$2 }")" -gt $(('"$before"' + 1000)) ]'
}

# flooded: datagrams a second that the sender sent
flooded()
{
	stop flood
	sed -n 's/^flood: \([0-9]*\) sent in \([0-9]*\) ms$/\1 \2/p' "$dir/flood.log" | awk '{ printf "%d\n", $1 * 1000 / $2 }'
}

# cpu: ns that all threads of the gateway have run
cpu()
{
	cat "/proc/${pids[gateway]}"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f\n", n }'
}

# handshakes NAME DEVICES: appends "p50_ms p99_ms cpu_us_each" to NAME
handshakes()
{
	local before after

	before=$(cpu)
	ip netns exec "$dev" "$BIN/mncse-bench" --gateway $GATEWAY --credentials "$dir/devices.csv" --devices "$2" \
		--phases handshake --in-flight 16 --json "$dir/result.json" >"$dir/bench.log" 2>&1 ||
		echo "  $1: not all: $(tail -n 1 "$dir/bench.log")"
	after=$(cpu)
	python3 - "$dir/result.json" $((after - before)) "$2" >>"$dir/$1" <<-'END'
		import json, sys
		h = json.load(open(sys.argv[1]))["inner_handshake"]
		print(h["p50_ms"] or "nan", h["p99_ms"] or "nan", int(sys.argv[2]) / 1000 / int(sys.argv[3]))
	END
}

# median FILE COLUMN
median()
{
	awk -v c="$2" '{ print $c }' "$dir/$1" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

[ "$(id -u)" = 0 ] || die "network namespaces need root: sudo make bench-bpf"
for p in ip bpftool python3; do
	command -v $p >/dev/null || die "$p is missing: sudo make deps"
done
mkdir -p "$OUT" || die "$OUT cannot be made"
exec > >(tee "$OUT/bpf.txt")
dir=$(mktemp -d) || die "no temporary folder"
echo "$(nproc) processors, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r), load $(cut -d' ' -f1-3 /proc/loadavg)"

echo
echo "verifier:"
"$TESTS/info" | tail -n +2
echo
echo "ns a packet, best of several runs of 200,000:"
for t in xdp_guard tc_class reuseport; do
	"$TESTS/test_$t" 2>/dev/null | sed -n "s/^# \(.* ns.*\)/  $t, \1/p"
done

for n in "$dev" "$gw" "$in"; do
	ip netns add "$n" || die "a network namespace"
	ip -n "$n" link set lo up
done
link inner "$dev" 198.18.1.2 "$gw" 198.18.1.1
link outer "$gw" 198.18.2.1 "$in" 198.18.2.2
# forged sources are not there, and not looked for
ip -n "$dev" route add blackhole 10.0.0.0/8
ip netns exec "$gw" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.inner.rp_filter=0
ip -n "$gw" route add 10.0.0.0/8 via 198.18.1.2
"$BIN/mncse-keys" init --out "$dir" --force --devices "$DEVICES" --gateway-addr $GATEWAY --in-addr 198.18.2.2:5684 \
	>"$dir/keys.log" 2>&1 || die "mncse-keys init"
printf 'bpf: {mode: on}\nworkers: %s\n' "$WORKERS" >>"$dir/mncsed.yaml"
ip netns exec "$in" "$BIN/incsed" -c "$dir/incsed.yaml" 2>"$dir/incsed.log" &
pids[in]=$!
wait_for "incsed does not get ready" grep -qx "incsed: ready" "$dir/incsed.log"

echo
echo "HelloVerifyRequests a second from XDP on a veth, one sender:"
for mode in native generic; do
	gateway "mode: on, xdp: $mode"
	[ $mode = generic ] || native_peer || die "the peer takes no XDP program"
	flood 0 $((ANSWER_SECONDS + 60))
	began=$(date +%s%N) before=$(stat_of bpf.guard.answered)
	sleep $ANSWER_SECONDS
	after=$(stat_of bpf.guard.answered) ended=$(date +%s%N)
	flooded >"$dir/sent"
	printf '  %-8s %8d answered, %8d sent\n' $mode $(((after - before) * 1000000000 / (ended - began))) "$(<"$dir/sent")"
	stop gateway
	ip netns exec "$dev" bpftool net detach xdpdrv dev inner 2>/dev/null
done

echo
echo "$DEVICES handshakes, 16 at a time, $WORKERS worker; flood of $RATE ClientHellos a second (median of $RUNS):"
for ((run = 1; run <= RUNS; run++)); do
	for bpf in on off; do
		gateway "mode: $bpf$([ $bpf = off ] || echo ", xdp: native")"
		[ $bpf = off ] || native_peer || die "the peer takes no XDP program"
		handshakes quiet-$bpf "$DEVICES"
		flood "$RATE" 600
		# without them a device waits seconds
		[ $bpf = on ] && n=$DEVICES || n=$((DEVICES / 10))
		handshakes flood-$bpf "$n"
		flooded >>"$dir/rate-$bpf"
		stop gateway
		ip netns exec "$dev" bpftool net detach xdpdrv dev inner 2>/dev/null
	done
done
printf '  %-9s %11s %9s %9s %21s\n' programs flood/s "p50 ms" "p99 ms" "mncsed us/handshake"
for bpf in on off; do
	for how in quiet flood; do
		printf '  %-9s %11s %9.2f %9.2f %21.1f\n' $bpf "$([ $how = quiet ] && echo - || median rate-$bpf 1)" \
			"$(median $how-$bpf 1)" "$(median $how-$bpf 2)" "$(median $how-$bpf 3)"
	done
	awk -v a="$(median quiet-$bpf 2)" -v b="$(median flood-$bpf 2)" -v c="$(median quiet-$bpf 3)" -v d="$(median flood-$bpf 3)" \
		-v bpf=$bpf 'BEGIN { printf "  %-9s flood over quiet: p99 %.2f, CPU %.2f\n", bpf, b / a, d / c }'
done
echo
echo "load at the end $(cut -d' ' -f1-3 /proc/loadavg); in $OUT/bpf.txt"
