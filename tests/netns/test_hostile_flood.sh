#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# Floods: ClientHellos without cookies leave no state; half-open handshakes with valid cookies are capped, from one address and in all,
# and devices still authenticate while they last.

. "$(dirname "$0")/hostile.sh"

# told LINE: of the last flood
told()
{
	grep -qxF -- "$1" "$T/flood" || { cat "$T/flood"; false; }
}

# at_least N: so many of the last flood's handshakes got their flight
at_least()
{
	[ "$(sed -n 's/^half: 80 sent, 0 hello_verify, \([0-9]*\) server_hello$/\1/p' "$T/flood")" -ge "$1" ] ||
		{ cat "$T/flood"; false; }
}

half()
{
	from_device hostile_hello half "$GW_ADDR" "$@" >"$T/flood" 2>&1
}

# flood_from_one: more handshakes from one address than it may have
flood_from_one()
{
	half 60 198.18.1.10 && told "half: 60 sent, 0 hello_verify, 48 server_hello" && served C00001
}

# Two addresses that share a bucket of the gateway's hash are held to one cap between them, which is one pair in 4,096: a gateway with
# another key does not have the same pair.
flood_and_be_served()
{
	flood_from_one && return
	stop stay
	stop mncsed
	start_gateway
	stay
	flood_from_one
}

# stay: C00003 has a session
stay()
{
	spawn stay "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00003 --stay
	wait_until 20 stat_is mncsed inner.sessions 1 || return
	SESSION=$(ctl mncsed dump | cut -f 1)
}

net_up
keys 3
for n in {10..14}; do
	ip -n "$DEV" addr add 198.18.1.$n/24 dev inner
done
ip -n "$GW" addr add 198.18.2.3/24 dev outer
# what ASan keeps of freed memory would be taken for growth
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
# the caps are divided among the workers
set_option mncsed.yaml workers 1
set_limit half_open 64
set_limit half_open_s 300
start_both info

# ---- without cookies

hellos()
{
	from_device hostile_hello flood "$GW_ADDR" 20000 >"$T/flood" 2>&1
}

rss()
{
	stat_of mncsed process.rss_bytes
}

# until its buffers have all been in use, and what ASan keeps is as much as it may be
check "ClientHellos without a cookie" hellos
for _ in {1..10}; do
	rss >"$T/rss"
done
RSS=$(rss)
check "20,000 more ClientHellos without a cookie" hellos
check "are all answered" told "flood: 20000 sent, 20000 hello_verify, 0 server_hello"
is "none of them is half open" "$(stat_of mncsed inner.half_open)" 0
is "none began a handshake" "$(stat_of mncsed inner.handshakes_failed)" 0
GROWN=$(($(rss) - RSS))
check "the gateway has not grown ($((GROWN / 1024)) KiB)" test $GROWN -lt $((256 * 1024))

# ---- with cookies

stay
is "a device has a session" $? 0

flood_and_be_served
is "one address gets three quarters of the cap, and a device at another is served" $? 0
is "so many are half open" "$(stat_of mncsed inner.half_open)" 48
is "the others are counted" "$(stat_of mncsed inner.drop_half_open)" 12
check "more from further addresses" half 20 198.18.1.11 198.18.1.12 198.18.1.13 198.18.1.14
is "stay below the cap" "$(stat_of mncsed inner.half_open)" 64
# until the five have a fifth each; more when a second has passed since the first ones began
check "get the places of the first" at_least 64
# sooner than the unfinished ones end
check "a device is served" device C00001 --timeout 20
check "and another" device C00002 --timeout 20
is "the cap holds" "$(($(stat_of mncsed inner.half_open) <= 64))" 1

is "a session that was open is not touched" "$(ctl mncsed dump | awk -F '\t' '$2 == "C00003" { print $1 }')" "$SESSION"
stop stay

# ---- the IN

flood_in()
{
	from_gateway hostile_hello half "$IN_ADDR" 6200 198.18.2.3 >"$T/flood" 2>&1
	told "half: 6200 sent, 0 hello_verify, 6144 server_hello" || return
	DROPPED=$(stat_of incsed outer.drop_half_open)
	start_gateway
	within 20 upstream_is up && return
	echo "# the IN dropped $(($(stat_of incsed outer.drop_half_open) - DROPPED)) handshakes of the gateway"
	return 1
}

# as above
flood_in_and_be_served()
{
	stop mncsed
	flood_in && return
	stop mncsed
	stop incsed
	start_in
	flood_in
}

flood_in_and_be_served
is "one address gets three quarters of the IN's cap, and the gateway at another its session" $? 0
check "a device is served" served C00002

finish
