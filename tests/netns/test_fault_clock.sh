#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 200
#
# The wall clock jumps, in the IN and in the gateway, a year ahead, then far back: sessions stay, requests are served, generations still
# grow, also across a restart; nothing that was answered is executed again.

. "$(dirname "$0")/fault.sh"

YEAR=31536000

# jump SECONDS: both daemons' wall clock
jump()
{
	fault incsed clock "$1"
	fault mncsed clock "$1"
}

# grows: a new Rand, above LAST, taken by the gateway, and a device works under it
grows()
{
	local next

	next=$(rekey)
	[ -n "$next" ] && [ "$next" -gt "$1" ] && wait_until 20 generation_is mncsed "$next"
}

last()
{
	generation_of incsed
}

net_up
keys 8
start_faulty incsed "$IN"
start_faulty mncsed "$GW"
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
start_device worker C00001 --count $FOREVER --send "$CREATE"
check "a device works" wait_until 20 answers_above worker 5
FIRST=$(last)
SESSION=$(session_of C00001)

jump $YEAR
check "a year ahead it goes on" goes_on worker
check "a new device joins" device C00002
check "a new Rand takes the clock's number" grows $((FIRST + YEAR / 2))
check "the worker goes on under it" goes_on worker

jump -$YEAR
AHEAD=$(last)
check "two years back it goes on" goes_on worker
check "a new device joins" device C00003
check "generations grow all the same" grows "$AHEAD"
check "the worker goes on" goes_on worker
is "in the same session all the time" "$(session_of C00001)" "$SESSION"
is "the link to the IN is up" "$(status_of mncsed upstream)" up

# The clock of a machine without a battery
AHEAD=$(last)
stop mncsed
stop incsed
jump -$(($(date +%s) - 1000))
start_faulty incsed "$IN"
start_faulty mncsed "$GW"
check "started in 1970 the gateway reaches the IN" wait_until 60 upstream_is up
check "the generation is not below the one before" wait_until 30 eval "[ \"\$(generation_of mncsed)\" -ge $AHEAD ]"
check "a device joins" device C00004
check "generations grow" grows "$AHEAD"
check "a device works under the new one" device C00005
jump 0
check "and with the right time again" grows "$(last)"
check "a device joins then" device C00006
check "the worker comes back by itself" goes_on worker
kill -INT "${PIDS[worker]}"
exit_of worker 20
is "each answered request was executed" "$(($(instances) >= $(answers worker)))" 1
finish
