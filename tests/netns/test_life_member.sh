#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 200
#
# Members of a group: those who join late, those who are added while all runs, those who are revoked. C00002 sends requests
# all the time: nothing that happens to others may touch it.

. "$(dirname "$0")/life.sh"

# untouched WHAT: C00002 has the session and the context of before, no request of it was refused, and it goes on
untouched()
{
	is "$1: another's session is not touched" "$(session_of C00002)" "$SESSION"
	is "$1: nor is its context" "$(grep -c 'context of generation' "$T/other.log")" 1
	is "$1: nor any request of it" "$(grep -c 'unprotected\|no answer\|not verify' "$T/other.log")" 0
	check "$1: it goes on" goes_on other
}

# add_to mncsed|incsed ID GROUP: from T/ID.csv
add_to()
{
	local column=3 issuer=mn-cse-1

	if [ "$1" = incsed ]; then
		column=5
		issuer=in-cse-1
		set -- "$@" --gateway mn-cse-1
	fi
	cut -d, -f$column "$T/$2.csv" | ctl "$1" add --device "$2" --group "$3" --kpsa-id "$2@$issuer" --key - "${@:4}"
}

# new_device ID GROUP: has credentials, which nobody knows yet
new_device()
{
	local key

	key=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
	echo "$1,$1@mn-cse-1,${key:0:32},$1@in-cse-1,${key:32},$2,mn-cse-1,in-cse-1" >"$T/$1.csv"
	cat "$T/$1.csv" >>"$T/devices.csv"
}

no_session()
{
	[ -z "$(session_of "$1")" ]
}

net_up
keys 6
start_both
start_device other C00002 --count $FOREVER
check "a device is served" goes_on other
SESSION=$(session_of C00002)
GENERATION=$(generation_of incsed)
RANDS=$(stat_of incsed outer.rand_out)

# ---- late joiner

device C00003
is "a device that joins late authenticates" $? 0
is "under the Rand that the group has" "$(context_of device)" "$GENERATION"
is "for which the IN sent nothing" "$(stat_of incsed outer.rand_out)" "$RANDS"
untouched "late joiner"

# ---- added while all runs

new_device X1 g1
device X1 --timeout 2
is "a device that nobody knows is not let in" $? 3
check "it is added at the gateway" add_to mncsed X1 g1
device X1
is "the IN does not serve it yet" $? 6
check "it is added at the IN" add_to incsed X1 g1
device X1
is "it authenticates at once" $? 0
is "under the Rand that the group has" "$(context_of device)" "$GENERATION"
is "for which the IN sent nothing" "$(stat_of incsed outer.rand_out)" "$RANDS"
untouched "added device"

new_device X2 g2
check "a device of a new group is added at the gateway" add_to mncsed X2 g2
check "and at the IN" add_to incsed X2 g2
device X2
is "it authenticates" $? 0
is "under a Rand of its own group" "$(context_of device)" "$(generation_of incsed g2)"
is "which was one message of the IN" "$(stat_of incsed outer.rand_out)" $((RANDS + 1))
untouched "added group"

# ---- revoked at the IN

start_device victim C00004 --count $FOREVER
check "a device is served until it is revoked" goes_on victim
check "the IN revokes it" ctl incsed remove C00004
exit_of victim 20
is "what it sends from then on is refused" $? 6
check "as of a device that the IN never knew" says victim '4.01 Security context not found'
device C00004
is "a new session does not help it" $? 6
untouched "revoked at the IN"

# ---- revoked at the gateway

start_device victim C00005 --count $FOREVER --timeout 12
check "another one is served until it is revoked" goes_on victim
check "the gateway revokes it" ctl mncsed remove C00005
check "its session is closed" wait_until 5 no_session C00005
check "of which the gateway tells it" wait_until 5 says victim 'session closed: closed by the peer'
exit_of victim 20
is "its request is not answered any more" $? 6
check "for it cannot make another session" says victim 'handshake failed'
device C00005 --timeout 2
is "its identity is refused" $? 3
untouched "revoked at the gateway"

is "no Rand was drawn for any of this" "$(generation_of incsed)" "$GENERATION"
finish
