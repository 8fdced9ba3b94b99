# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests in network namespaces share. Source it first; end with `finish`.
#
#	 $DEV                     $GW                       $IN
#	+-------------+  inner  +---------------+  outer  +---------+
#	| devices     |=========| mncsed        |=========| incsed  |
#	+-------------+         +---------------+         +---------+
#	  198.18.1.2             .1.1       .2.1           198.18.2.2
#	  2001:db8:1::2          ::1         ::1           2001:db8:2::2
#
# T is a temporary folder; the stores, configurations and logs are in it. Names of namespaces carry the pid. Every exit, also by a
# signal, ends what was started (by its pid) and removes the namespaces and T.

set -u

: "${BIN:?the folder of the programs}"
: "${HELPERS:=}"
# bpf.mode of the gateway: tests of what the daemon itself does keep the guard out
: "${BPF_MODE:=off}"

GW_ADDR=198.18.1.1:5684
IN_ADDR=198.18.2.2:5684
DEV=mncse-dev-$$
GW=mncse-gw-$$
IN=mncse-in-$$
T=
TESTS=0
FAILED=0
declare -A PIDS=()
NAMESPACES=()

skip()
{
	echo "# $1"
	exit 77
}

# ok NAME
ok()
{
	TESTS=$((TESTS + 1))
	echo "ok - $1"
}

# not_ok NAME [WHY]
not_ok()
{
	TESTS=$((TESTS + 1))
	FAILED=$((FAILED + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || echo "# $2"
}

# check NAME COMMAND...: ok when the command succeeds; its output is shown when it does not
check()
{
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name"
		sed 's/^/# /' <<<"$out"
	fi
}

# is NAME GOT EXPECTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', expected '$3'"
	fi
}

# bail WHY: nothing further can be tested
bail()
{
	not_ok "${1}"
	exit 1
}

show_logs()
{
	local f

	for f in "$T"/*.log "$T"/asan.*; do
		[ -s "$f" ] || continue
		echo "# --- ${f##*/}"
		tail -n 40 "$f" | sed 's/^/# /'
	done
}

cleanup()
{
	local code=$? name n

	trap - EXIT
	trap '' INT TERM HUP
	for name in "${!PIDS[@]}"; do
		kill -CONT "${PIDS[$name]}" 2>/dev/null
		kill "${PIDS[$name]}" 2>/dev/null
	done
	for name in "${!PIDS[@]}"; do
		wait "${PIDS[$name]}" 2>/dev/null
	done
	if [ -n "$T" ]; then
		if compgen -G "$T/asan.*" >/dev/null; then
			not_ok "the sanitizers found nothing"
			code=1
		fi
		[ "$code" -eq 0 ] || [ "$code" -eq 77 ] || show_logs
	fi
	for n in "${NAMESPACES[@]}"; do
		ip netns del "$n" 2>/dev/null
	done
	[ -z "$T" ] || rm -rf "$T"
	exit "$code"
}

finish()
{
	[ $TESTS -gt 0 ] || not_ok "nothing was tested"
	[ $FAILED -eq 0 ] || exit 1
	exit 0
}

# wait_until SECONDS COMMAND...: polls; false when the time is over, and a minute more: a machine that does much else may not run a program
# for many seconds
wait_until()
{
	within $(($1 + 60)) "${@:2}"
}

# within SECONDS COMMAND...: the same to the second, where what must not be comes true by itself later
within()
{
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		sleep 0.02
	done
}

namespace()
{
	ip netns add "$1" || bail "a network namespace"
	NAMESPACES+=("$1")
	ip -n "$1" link set lo up
}

# net_join NAME NS1 V4 V6 NS2 V4 V6: a veth of that name at both ends
net_join()
{
	ip link add "$1" netns "$2" type veth peer name "$1" netns "$5" &&
		ip -n "$2" addr add "$3/24" dev "$1" && ip -n "$5" addr add "$6/24" dev "$1" &&
		ip -n "$2" addr add "$4/64" dev "$1" nodad && ip -n "$5" addr add "$7/64" dev "$1" nodad &&
		ip -n "$2" link set "$1" up && ip -n "$5" link set "$1" up || bail "a veth"
}

# net_up: the picture above
net_up()
{
	[ "$(id -u)" = 0 ] || skip "network namespaces need root"
	command -v ip >/dev/null || skip "iproute2 is not installed"
	T=$(mktemp -d) || bail "a temporary folder"
	# run.sh collects the sanitizers' reports; by itself a test does
	if [ -z "${ASAN_OPTIONS:-}" ]; then
		export ASAN_OPTIONS="log_path=$T/asan"
		export UBSAN_OPTIONS="log_path=$T/asan:print_stacktrace=1"
	fi
	namespace "$DEV"
	namespace "$GW"
	namespace "$IN"
	net_join inner "$DEV" 198.18.1.2 2001:db8:1::2 "$GW" 198.18.1.1 2001:db8:1::1
	net_join outer "$GW" 198.18.2.1 2001:db8:2::1 "$IN" 198.18.2.2 2001:db8:2::2
}

# keys DEVICES [OPTION...]: mncse-keys init into T
keys()
{
	local n=$1

	shift
	"$BIN/mncse-keys" init --out "$T" --force --devices "$n" --gateway-addr "$GW_ADDR" \
		--in-addr "$IN_ADDR" "$@" >>"$T/keys.log" 2>&1 || bail "mncse-keys init"
	echo "bpf: {mode: $BPF_MODE}" >>"$T/mncsed.yaml"
}

# set_option FILE KEY VALUE: replaces a line "KEY: ..." of a configuration, at any depth, or adds one
set_option()
{
	if grep -q "^ *$2:" "$T/$1"; then
		sed -i "s|^\( *\)$2:.*|\1$2: $3|" "$T/$1"
	else
		echo "$2: $3" >>"$T/$1"
	fi
}

# spawn NAME NAMESPACE COMMAND...: in the background; output goes to NAME.log
spawn()
{
	local name=$1 ns=$2

	shift 2
	ip netns exec "$ns" "$@" >>"$T/$name.log" 2>&1 &
	PIDS[$name]=$!
}

ready()
{
	grep -qx "$1: ready" "$T/$1.log"
}

alive()
{
	[ -n "${PIDS[$1]:-}" ] && kill -0 "${PIDS[$1]}"
}

ready_or_dead()
{
	ready "$1" || ! alive "$1"
}

# start_daemon mncsed|incsed NAMESPACE: returns when it is ready
start_daemon()
{
	: >"$T/$1.log"
	spawn "$1" "$2" "$BIN/$1" -c "$T/$1.yaml"
	wait_until 30 ready_or_dead "$1"
	ready "$1" || bail "$1 gets ready"
}

start_in()
{
	start_daemon incsed "$IN"
}

start_gateway()
{
	start_daemon mncsed "$GW"
}

# stop NAME [SIGNAL]: returns its exit code
stop()
{
	local pid=${PIDS[$1]:-}

	[ -n "$pid" ] || return 0

	kill "-${2:-TERM}" "$pid" 2>/dev/null
	unset "PIDS[$1]"
	wait "$pid" 2>/dev/null
}

# in_devices COMMAND...: where the devices are
in_devices()
{
	ip netns exec "$DEV" "$@"
}

# device ID [OPTION...]: mncse-device with the credentials of keys; output in T/device.log, returns its exit code
device()
{
	local id=$1

	shift
	in_devices "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id "$id" "$@" \
		>"$T/device.log" 2>&1
}

# ctl mncsed|incsed ARGUMENT...: mncsectl at that daemon
ctl()
{
	local who=$1

	shift
	"$BIN/mncsectl" --socket "$T/$who.sock" "$@"
}

# stat_of mncsed|incsed NAME: one counter
stat_of()
{
	ctl "$1" stats | awk -v name="$2" '$1 == name { print $2 }'
}

# stat_is WHO NAME VALUE, for wait_until
stat_is()
{
	[ "$(stat_of "$1" "$2")" = "$3" ]
}

# status_of WHO KEY: one field of status
status_of()
{
	ctl "$1" -j status | tr -d ' "\n' | tr ',{}' '\n\n\n' | sed -n "s/^$2:\(.*\)\$/\1/p"
}

upstream_is()
{
	[ "$(status_of mncsed upstream)" = "$1" ]
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
