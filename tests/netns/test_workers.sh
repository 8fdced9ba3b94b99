#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# mncsed with four workers: counts over all of them, Rand, eviction, provisioning and reload reach every one, and a device that comes
# back at another worker has one session.

. "$(dirname "$0")/life.sh"

DEVICES=${DEVICES:-2000}

net_up
ip netns exec "$DEV" sh -c 'echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range'
keys "$DEVICES"

refused()
{
	! ip netns exec "$GW" "$BIN/mncsed" -c "$T/mncsed.yaml" "$@" >"$T/refused.log" 2>&1
}

set_option mncsed.yaml workers 65
check "more workers than 64 are refused" refused -t
set_option mncsed.yaml workers 4
start_both
is "four workers serve" "$(stat_of mncsed process.workers)" 4

# ---- a whole wave ----

bench()
{
	in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" \
		--gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock" "$@"
}

check "all devices authenticate and the counts of both sides are exact" bench
is "each service request went through once" \
	"$(stat_of mncsed inner.service_in) $(stat_of mncsed outer.service_out) $(stat_of mncsed inner.service_answers) $(stat_of incsed outer.service_in)" \
	"$DEVICES $DEVICES $DEVICES $DEVICES"

# ---- sessions that stay ----

sessions_are()
{
	[ "$(ctl mncsed -j sessions | grep -c '"entity"')" = "$1" ] && stat_is mncsed inner.sessions "$1"
}

confirmed_are()
{
	[ "$(ctl mncsed groups | awk '$1 == "g1" { print $6 }')" = "$1" ]
}

# workers_of [OPTION...]: how many workers the sessions are at; IDs go round them
workers_of()
{
	ctl mncsed -j sessions "$@" | sed -n 's/.*"session_id": *\([0-9]*\).*/\1/p' | awk '{ w[$1 % 4] } END { print length(w) }'
}

# no_session_of ID...
no_session_of()
{
	local id

	for id; do
		[ -z "$(ctl mncsed -j sessions --id "$id" | grep session_id)" ] || return 1
	done
}

spawn bench "$DEV" "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --phases handshake,request,steady \
	--rate 200 --seconds 60
check "all sessions are listed and counted" wait_until 60 sessions_are "$DEVICES"
check "all devices confirm the Rand" wait_until 60 confirmed_are "$DEVICES"
is "they are spread over all workers" "$(workers_of)" 4
is "the list of devices knows who is connected" "$(ctl mncsed dump devices 2>/dev/null | grep -vc offline)" \
	"$(ctl mncsed dump devices 2>/dev/null | grep -c .)"
GENERATION=$(rekey)
check "a new Rand comes" wait_until 20 generation_is mncsed "$GENERATION"
check "every device of every worker confirms it" wait_until 60 confirmed_are "$DEVICES"
# an evicted device comes back after a second or so, and has no session then that could be replaced
before=$(stat_of mncsed inner.handshakes_in)
for id in C00001 C00002 C00003 C00004 C00005; do
	ctl mncsed evict "$id" >/dev/null || not_ok "$id is evicted"
done
check "evicted sessions end wherever they are" wait_until 60 stat_is mncsed inner.handshakes_in $((before + 5))
is "and were not replaced" "$(stat_of mncsed inner.replaced)" 0
ctl mncsed evict C99999 >"$T/refused.log" 2>&1
is "who has no session is not evicted" $? 1
for id in C00006 C00007 C00008 C00009; do
	ctl mncsed remove "$id" >/dev/null || not_ok "$id is removed"
done
check "removed devices lose their session wherever it is" wait_until 20 no_session_of C00006 C00007 C00008 C00009

# ---- drain, restart ----

stop mncsed
is "the gateway drains and ends" $? 0
stop bench KILL
start_gateway
check "the gateway comes back" wait_until 20 upstream_is up
device C00006 --timeout 3
is "a removed device is refused by every worker after the restart" $? 3
device C00010
is "another one is served" $? 0

# ---- a device that comes back ----

# Its former session is not closed: the process is killed. Every start has a port of its own, and so comes to any of the workers.
device_is_up()
{
	[ "$(stat_of mncsed inner.handshakes_in)" = "$1" ]
}

HANDSHAKES=$(stat_of mncsed inner.handshakes_in)
REPLACED=$(stat_of mncsed inner.replaced)
stayed=1
for n in $(seq 24); do
	start_device again C00011 --stay
	wait_until 10 device_is_up $((HANDSHAKES + n)) || stayed=0
	stop again KILL
	wait_until 5 stat_is mncsed inner.sessions 1 || stayed=0
done
is "a device that comes back at any worker has one session" "$stayed" 1
is "each session was replaced by the next" "$(($(stat_of mncsed inner.replaced) - REPLACED))" 23

# ---- reload ----

sed -i "s|idle_s: [0-9]*|idle_s: 500|" "$T/mncsed.yaml"
check "a reload is taken" ctl mncsed reload
set_option mncsed.yaml workers 3
ctl mncsed reload >"$T/refused.log" 2>&1
is "the number of workers needs a restart" "$? $(grep -c 'workers cannot change' "$T/refused.log")" "1 1"
stop mncsed
is "it ends in order" $? 0
set_option mncsed.yaml workers 1
stop incsed # so that its counts begin anew
start_in
start_gateway
is "one worker serves" "$(stat_of mncsed process.workers)" 1
check "it reaches the IN" wait_until 20 upstream_is up
check "the counts are exact with one, too" bench --devices 5
finish
