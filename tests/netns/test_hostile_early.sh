#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# A peer without the key opens no session, whatever it sends and however early: devices at the gateway, gateways at the IN, and an IN at
# the gateway (CVE-2026-93304: a client that takes a ChangeCipherSpec before it has sent its own key exchange).

. "$(dirname "$0")/hostile.sh"

# client WHO HOP SIDE SERVER IDENTITY SESSIONS: so many it has had
client()
{
	local who=$1 line

	"from_$3" hostile_early "$4" "$(hex "$5")" >"$T/early" 2>&1
	is "$who: a client without the key, as $5" $? 0
	while IFS= read -r line; do
		is "$who: as $5: ${line%%: *}" "${line#*: }" nothing
	done <"$T/early"
	is "$who: all of it was tried" "$(wc -l <"$T/early")" 38
	is "$who: no session of it" "$(stat_of "$who" "$2.handshakes")" "$6"
}

told()
{
	grep -qx "$1" "$T/fake.log"
}

# in NAME HINT ATTEMPT [KEY]: the gateway meets that IN when it starts; then fake.log has what came of it
in_is()
{
	: >"$T/fake.log"
	spawn fake "$IN" "$HELPERS/hostile_fake_in" "$IN_ADDR" "$@"
	wait_until 10 told ready || bail "the fake IN listens"
	start_gateway
	wait "${PIDS[fake]}"
	unset "PIDS[fake]"
}

# refused NAME ATTEMPT [HINT [KEY]]
refused()
{
	in_is "${3:-in-cse-1}" "$2" ${4:-}
	check "fake IN: $1: its Rand is refused" told "rand refused"
	is "fake IN: $1: no session" "$(stat_of mncsed outer.handshakes) $(stat_of mncsed outer.rand_in)" "0 0"
	check "fake IN: $1: the gateway lives and looks for its IN" not_up
	stop mncsed
}

not_up()
{
	case $(status_of mncsed upstream) in
	connecting | down) ;;
	*) return 1 ;;
	esac
}

net_up
keys 2

refused "ChangeCipherSpec before all" first
refused "ChangeCipherSpec before ServerHelloDone" early
refused "the same under keys of zeros" early-zero
refused "the same in one datagram" early-one
refused "all in one datagram, behind ServerHelloDone" early-done
refused "that under keys of zeros" early-done-zero
refused "ChangeCipherSpec and Finished in clear" early-clear
refused "the same in clear, of epoch 1" early-clear-1
refused "Finished in clear" late-clear
refused "Finished in clear, of epoch 1" late-clear-1
refused "an empty key" empty-key
refused "a key of zeros" zero-key
refused "a suite without encryption" null-suite
refused "a suite that was not offered" other-suite
refused "another IN's hint, though with the key" right in-cse-2 "$(kpsami)"
refused "no hint, though with the key" no-hint in-cse-1 "$(kpsami)"

in_is in-cse-1 early
is "after an early ChangeCipherSpec the gateway is still connecting" "$(status_of mncsed upstream)" connecting
stop mncsed
in_is in-cse-1 early-done-zero
is "also after one behind ServerHelloDone" "$(status_of mncsed upstream)" connecting
stop mncsed
in_is in-cse-1 late "$(kpsami)"
check "an early ChangeCipherSpec does not keep it from the IN that has the key" told "rand taken"
is "to which it has a session" "$(status_of mncsed upstream) $(stat_of mncsed outer.rand_in)" "up 1"
stop mncsed

keys 2
start_both
client mncsed inner device "$GW_ADDR" C00001@mn-cse-1 0
client mncsed inner device "$GW_ADDR" nobody@mn-cse-1 0
client incsed outer gateway "$IN_ADDR" mn-cse-1@in-cse-1 1
check "a device is served" served C00001

finish
