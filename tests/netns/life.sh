# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of a group's life share, beside lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"

# start_both: IN and gateway, joined
start_both()
{
	start_in
	start_gateway
	wait_until 20 upstream_is up || bail "the gateway reaches the IN"
}

# generation_of mncsed|incsed [GROUP [GATEWAY]]: nothing when there is no Rand yet
generation_of()
{
	ctl "$1" groups | awk -v group="${2:-g1}" -v gateway="${3:-mn-cse-1}" \
		'$1 == group && $2 == gateway && $3 ~ /^[0-9]+$/ { print $3 }'
}

# generation_is WHO GENERATION [GROUP [GATEWAY]], for wait_until
generation_is()
{
	[ "$(generation_of "$1" "${3:-g1}" "${4:-mn-cse-1}")" = "$2" ]
}

# rekey [GROUP [GATEWAY]]: prints the new generation; of several gateways one a line
rekey()
{
	ctl incsed rekey "${@:-g1}" | sed -n 's/.*: generation \([0-9]*\)$/\1/p'
}

# start_device NAME ID [OPTION...]: mncse-device in the background, output in NAME.log
start_device()
{
	local name=$1 id=$2

	shift 2
	: >"$T/$name.log"
	spawn "$name" "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id "$id" "$@"
}

dead()
{
	! alive "$1"
}

# exit_of NAME SECONDS: waits for its end; its exit code is returned, 99 when it goes on
exit_of()
{
	local pid=${PIDS[$1]}

	wait_until "$2" dead "$1" || return 99
	unset "PIDS[$1]"
	wait "$pid" 2>/dev/null
}

# says NAME PATTERN: a line of NAME.log
says()
{
	grep -q -- "$2" "$T/$1.log"
}

# answers NAME: how many verified answers a device has
answers()
{
	grep -c 'answer verified' "$T/$1.log"
}

# answers_above NAME N, for wait_until
answers_above()
{
	[ "$(answers "$1")" -gt "$2" ]
}

# interrupted NAME... (not within check: it waits for them): ends devices that would go on for ever; true when none had ended before, which is what a failed request does
interrupted()
{
	local name good=0

	for name in "$@"; do
		stop "$name" INT
		[ $? -eq 130 ] || good=1
	done
	return $good
}

# once BEFORE NAME...: each answered request of them was executed, and once; the last one of each may have no answer. There were BEFORE
# instances.
once()
{
	local name sum=$1 n

	shift
	for name in "$@"; do
		sum=$((sum + $(answers "$name")))
	done
	n=$(instances)
	echo "$n instances, $sum expected"
	[ "$n" -ge $sum ] && [ "$n" -le $((sum + $#)) ]
}

# goes_on NAME: it gets further answers
goes_on()
{
	wait_until 15 answers_above "$1" $(($(answers "$1") + 5))
}

# context_of NAME: the generation of its newest context
context_of()
{
	sed -n 's/.*context of generation \([0-9]*\),.*/\1/p' "$T/$1.log" | tail -n 1
}

# field_of ID N: a column of the gateway's dump
field_of()
{
	ctl mncsed dump | awk -F '\t' -v id="$1" -v n="$2" '$2 == id { print $n }'
}

# session_of ID: the number of its session at the gateway
session_of()
{
	field_of "$1" 1
}

# state_is ID STATE, for wait_until
state_is()
{
	[ "$(field_of "$1" 5)" = "$2" ]
}

# instances: contentInstances in the IN's store
instances()
{
	sqlite3 -readonly "$T/in.db" 'SELECT count(*) FROM resource WHERE ty = 4'
}

# replay COMMAND...: replay.c as the gateway, with the requests of C00001; files in T
replay()
{
	(cd "$T" && ip netns exec "$GW" "$HELPERS/replay" gateway.db "$IN_ADDR" devices.csv C00001 "$@")
}

CREATE='in-cse/cnt={"m2m:cin":{"con":"1"}}'
FOREVER=1000000000
