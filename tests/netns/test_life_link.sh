#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# The wire between gateway and IN is cut without a word, and mended: the gateway needs three lost pings (a minute) to know.
# Meanwhile devices are told what they can do; afterwards they go on by themselves, and nothing was executed twice.

. "$(dirname "$0")/life.sh"

# cut, mend: the IN's end of the wire
cut()
{
	ip -n "$IN" link set outer down
}

mend()
{
	ip -n "$IN" link set outer up
}

down()
{
	! upstream_is up
}

net_up
keys 3
start_both
start_device worker C00001 --count $FOREVER --send "$CREATE" --timeout 150
start_device stay C00002 --stay
check "devices are served" wait_until 20 eval 'answers_above worker 20 && answers_above stay 0'
SESSIONS="$(session_of C00001) $(session_of C00002)"
GENERATION=$(generation_of mncsed)

check "the wire is cut" cut
check "a request waits for its answer" wait_until 5 stat_is mncsed outer.service_pending 1
device C00003 --timeout 12
is "a device that joins now is not answered" $? 6
is "but it has the group's Rand from the gateway" "$(context_of device)" "$GENERATION"
check "after 30 s the gateway says that the IN is silent" wait_until 40 says worker '5.04 The IN does not answer'
check "after three lost pings it knows that the session is dead" wait_until 60 down
is "which it counted" "$(stat_of mncsed outer.pings_lost)" 3
check "what was open is answered 5.03" wait_until 5 says worker '5.03 No session to the IN'
device C00003 --timeout 12
is "a further request is refused by the gateway" $? 5
check "with 5.03" says device '5.03 No session to the IN'
WAIT=$(sed -n 's/.*next: the same protected bytes again, in \([0-9]*\).*/\1/p' "$T/device.log" | head -n 1)
check "and a Max-Age from 1 s to the longest backoff and a bit" test "${WAIT:-0}" -ge 1 -a "${WAIT:-99}" -le 65
is "the devices' sessions are not touched" "$(session_of C00001) $(session_of C00002)" "$SESSIONS"

check "the wire is mended" mend
check "the gateway comes back by itself" wait_until 30 upstream_is up
is "by one more handshake" "$(stat_of mncsed outer.handshakes_out)" 2
check "the device goes on" goes_on worker
interrupted worker
is "no request of it failed" $? 0
check "each was executed, and once" once 0 worker
is "the group has the Rand of before" "$(generation_of mncsed)" "$GENERATION"
NEXT=$(rekey)
check "a new Rand reaches the device that waited" wait_until 10 says stay "Rand of generation $NEXT"
finish
