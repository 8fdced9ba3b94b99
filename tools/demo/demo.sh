#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make demo: group authentication of TR-0012 8.2.1, or its transparent proxy, real programs in network namespaces of their own.
#
#	 mncse-devices            mncse-gateway             mncse-in
#	+-------------+  veth   +---------------+  veth   +---------+
#	| mncse-bench |=========| mncsed        |=========| incsed  |
#	+-------------+  inner  +---------------+  outer  +---------+
#	  198.18.1.2  hop        .1.1       .2.1  hop      198.18.2.2
#
# DEVICES=N GROUPS=N MODE=group|proxy BPF=auto|on|off KMOD=auto|off JSON=FILE. Needs root and iproute2. Everything is gone afterwards.
# WORKERS=N: threads of the gateway, 0 (default): one a processor.
# bash has a variable GROUPS of its own: make hands the number over as NGROUPS.

set -u

BIN=${BIN:-$(dirname "$0")/../../build/bin}
DEVICES=${DEVICES:-1000}
NGROUPS=${NGROUPS:-1}
MODE=${MODE:-group}
BPF=${BPF:-auto}
KMOD=${KMOD:-auto}
JSON=${JSON:-}
WORKERS=${WORKERS:-0}

die()
{
	echo "demo: $1" >&2
	exit "${2:-1}"
}

number()
{
	[[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || die "$1=$2: expected a number from 1" 2
}

layer()
{
	case $2 in
	auto | off) ;;
	on) die "$1=on: $3 is not built in; auto and off run without it" 2 ;;
	*) die "$1=$2: expected auto, on or off" 2 ;;
	esac
}

number DEVICES "$DEVICES"
number GROUPS "$NGROUPS"
[[ $WORKERS =~ ^([0-9]|[1-5][0-9]|6[0-4])$ ]] || die "WORKERS=$WORKERS: expected 0 to 64" 2
[ "$NGROUPS" -le "$DEVICES" ] || die "GROUPS=$NGROUPS: more groups than devices" 2
case $MODE in
group | proxy) ;;
*) die "MODE=$MODE: expected group or proxy" 2 ;;
esac
case $BPF in
auto | on | off) ;;
*) die "BPF=$BPF: expected auto, on or off" 2 ;;
esac
layer KMOD "$KMOD" "the kernel module"
[ "$(id -u)" = 0 ] || die "network namespaces need root: sudo make demo"
command -v ip >/dev/null || die "iproute2 is missing: sudo make deps"
for p in mncse-keys mncse-bench mncsectl mncsed incsed; do
	[ -x "$BIN/$p" ] || die "$BIN/$p is missing: run make"
done

devices=mncse-devices-$$
gateway=mncse-gateway-$$
in=mncse-in-$$
dir=
pids=()
namespaces=()

# Runs once, whatever ended the script.
# shellcheck disable=SC2317
cleanup()
{
	local code=$?

	trap - EXIT
	trap '' INT TERM HUP
	if [ "$code" -ne 0 ] && [ -n "$dir" ]; then
		for f in "$dir"/*.log; do
			[ -s "$f" ] && echo "--- ${f##*/}" >&2 && tail -n 20 "$f" >&2
		done
	fi
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null
	done
	for p in "${pids[@]}"; do
		wait "$p" 2>/dev/null
	done
	for n in "${namespaces[@]}"; do
		ip netns del "$n" 2>/dev/null
	done
	[ -z "$dir" ] || rm -rf "$dir"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for SECONDS WHAT COMMAND...: polls until the command succeeds
wait_for()
{
	local end=$((SECONDS + $1)) what=$2

	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || die "$what"
		for p in "${pids[@]}"; do
			kill -0 "$p" 2>/dev/null || die "$what: a program has ended"
		done
		sleep 0.02
	done
}

namespace()
{
	ip netns add "$1" || die "cannot create the network namespace $1"
	namespaces+=("$1")
	ip -n "$1" link set lo up
}

# link NAMESPACE ADDRESS NAMESPACE ADDRESS NAME
link()
{
	ip link add "$5" netns "$1" type veth peer name "$5" netns "$3" &&
		ip -n "$1" addr add "$2/30" dev "$5" && ip -n "$3" addr add "$4/30" dev "$5" &&
		ip -n "$1" link set "$5" up && ip -n "$3" link set "$5" up ||
		die "cannot join $1 and $3"
}

# start NAMESPACE PROGRAM
start()
{
	ip netns exec "$1" "$BIN/$2" -c "$dir/$2.yaml" 2>"$dir/$2.log" &
	pids+=($!)
	wait_for 60 "$2 does not get ready" grep -qx "$2: ready" "$dir/$2.log"
}

upstream_is_up()
{
	"$BIN/mncsectl" -j --socket "$dir/mncsed.sock" status | grep -q '"upstream": *"up"'
}

# stat NAME: a counter of the gateway
stat()
{
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$dir/stats.txt"
}

# What the BPF programs saw on the wire against what the gateway counted. The wire also shows what was sent again, which the gateway
# knows: as many more are allowed.
check_bpf()
{
	local name seen told again bad=

	"$BIN/mncsectl" --socket "$dir/mncsed.sock" stats >"$dir/stats.txt" || return 1
	if ! stat bpf.sessions >/dev/null; then
		[ "$BPF" != on ] || { echo "demo: BPF=on, but the programs are not active" >&2; return 1; }
		return 0
	fi
	for name in inner.handshakes_in inner.rand_out inner.service_in outer.handshakes_out outer.rand_in outer.service_out; do
		seen=$(stat "bpf.$name") told=$(stat "$name") again=0
		case $name in
		inner.service_in) again=$(stat inner.duplicates) ;;
		outer.service_out) again=$(stat outer.service_repeats || echo 0) ;;
		esac
		if [ "$seen" -lt "$told" ] || [ "$seen" -gt $((told + again)) ]; then
			echo "demo: $name: the gateway counted $told, the BPF programs $seen" >&2
			bad=1
		fi
	done
	[ -n "$bad" ] || echo "  the BPF programs counted the same messages on the wire"
	[ -z "$bad" ]
}

dir=$(mktemp -d) || die "no temporary folder"
namespace "$devices"
namespace "$gateway"
namespace "$in"
link "$devices" 198.18.1.2 "$gateway" 198.18.1.1 inner
link "$gateway" 198.18.2.1 "$in" 198.18.2.2 outer
# a port a device, at the relay too
for n in "$devices" "$gateway"; do
	ip netns exec "$n" sh -c 'echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range'
done

"$BIN/mncse-keys" init --out "$dir" --force --mode "$MODE" --devices "$DEVICES" --groups "$NGROUPS" \
	--gateway-addr 198.18.1.1:5684 --in-addr 198.18.2.2:5684 >"$dir/keys.log" 2>&1 ||
	die "mncse-keys init failed"
echo "bpf: {mode: $BPF}" >>"$dir/mncsed.yaml"
echo "workers: $WORKERS" >>"$dir/mncsed.yaml"
start "$in" incsed
start "$gateway" mncsed
wait_for 30 "the gateway has no session with the IN" upstream_is_up

code=0
ip netns exec "$devices" "$BIN/mncse-bench" --gateway 198.18.1.1:5684 --credentials "$dir/devices.csv" \
	--mode "$MODE" --devices "$DEVICES" --gateway-socket "$dir/mncsed.sock" --in-socket "$dir/incsed.sock" \
	--kernel ${JSON:+--json "$JSON"} || code=$?
for p in "${pids[@]}"; do
	kill -0 "$p" 2>/dev/null || code=1
done
# The programs know the messages of group authentication; what is relayed is sealed.
[ "$MODE" = proxy ] || check_bpf || code=1
exit "$code"
