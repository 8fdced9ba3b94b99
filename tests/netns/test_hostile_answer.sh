#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# An IN that has its key and answers service requests in every wrong way: each answer reaches the device that asked, or nobody, and the
# gateway goes on.

. "$(dirname "$0")/hostile.sh"

told()
{
	grep -qx "$1" "$T/in.log"
}

net_up
keys 2
KID=$(sqlite3 -readonly "$T/gateway.db" "SELECT hex(kid) FROM device WHERE id = 'C00001'")
set_option mncsed.yaml log debug
spawn in "$IN" "$HELPERS/hostile_answer" in "$IN_ADDR" in-cse-1 "$(kpsami)"
wait_until 10 told ready || bail "the hostile IN listens"
start_gateway
wait_until 20 upstream_is up || bail "the gateway has a session to it"

from_device hostile_answer device "$GW_ADDR" "$(hex C00001@mn-cse-1)" "$(column C00001 3)" "$KID" >"$T/answer" 2>&1
is "the hostile peers could do all they meant to" $? 0
while IFS='|' read -r name got expected; do
	is "$name" "$got" "$expected"
done <"$T/answer"
is "all of it was tried" "$(wc -l <"$T/answer")" 22
is "the gateway acknowledged and answered what it had to" "$(grep missing "$T/in.log")" ""
is "it kept its session all the time" "$(stat_of mncsed outer.handshakes)" 1
is "one answer was too long" "$(stat_of mncsed outer.answers_large)" 1
check "nothing is logged that is not printable" plain_log mncsed
stop in
stop mncsed

keys 2
start_in
start_gateway
check "a device is served by the real IN" served C00002

finish
