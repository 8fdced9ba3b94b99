#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# The gateway is restarted, reloaded and drained; sessions without traffic end.

. "$(dirname "$0")/life.sh"

back()
{
	[ -n "$(session_of "$1")" ]
}

# breaks NAME WHO SED-EXPRESSION PATTERN: SIGHUP with a file so changed logs an error with that pattern and changes nothing
breaks()
{
	local name=$1 who=$2 before sessions

	before=$(ctl "$who" showconf)
	sessions="$(session_of C00001) $(session_of C00002)"
	cp "$T/$who.yaml" "$T/good.yaml"
	sed -i "$3" "$T/$who.yaml"
	: >"$T/$who.log"
	kill -HUP "${PIDS[$who]}"
	check "$name: SIGHUP says what is wrong" wait_until 5 says "$who" "$4"
	is "$name: the configuration is the one of before" "$(ctl "$who" showconf)" "$before"
	is "$name: the sessions are those of before" "$(session_of C00001) $(session_of C00002)" "$sessions"
	check "$name: a device is served" goes_on worker
	cp "$T/good.yaml" "$T/$who.yaml"
}

net_up
keys 4
start_both

# ---- restarted

start_device worker C00001 --count $FOREVER --send "$CREATE"
start_device stay C00002 --stay
start_device observer C00003 --stay --observe
check "devices are served" wait_until 20 eval 'answers_above worker 20 && answers_above stay 0 && answers_above observer 0'
GENERATION=$(generation_of mncsed)
stop mncsed
is "the gateway stops in order" $? 0
kill -STOP "${PIDS[incsed]}"
start_gateway
is "it knows the group's Rand without the IN" "$(generation_of mncsed)" "$GENERATION"
kill -CONT "${PIDS[incsed]}"
check "devices that were connected come back" wait_until 20 eval 'back C00002 && back C00003'
check "requests go on" goes_on worker
interrupted worker
is "none is lost" $? 0
check "or executed twice" once 0 worker
wait_until 20 upstream_is up || bail "the gateway reaches the IN again"
NEXT=$(rekey)
check "a new Rand reaches them" wait_until 10 eval "says stay 'generation $NEXT' && says observer 'generation $NEXT'"
kill -STOP "${PIDS[incsed]}"
stop mncsed KILL
start_gateway
is "after a crash it has the last Rand" "$(generation_of mncsed)" "$NEXT"
kill -CONT "${PIDS[incsed]}"
wait_until 20 upstream_is up || bail "the gateway reaches the IN after the crash"
device C00004
is "and devices are served under it" "$? $(context_of device)" "0 $NEXT"
stop stay INT
stop observer INT

# ---- reloaded with broken files

start_device worker C00001 --count $FOREVER
start_device stay C00002 --stay
check "devices are served" wait_until 20 eval 'answers_above worker 0 && answers_above stay 0'
breaks "a value out of range" mncsed 's/rate: 0/rate: 7000000/; s/^log: .*/log: debug/' 'mncsed.yaml:[0-9]*: limits.rate'
breaks "no YAML" mncsed 's/^log: .*/log: [/; s/rate: 0/rate: 7/' 'mncsed.yaml:[0-9]*'
breaks "a key that needs a restart" mncsed 's/rate: 0/rate: 7/; s/^listen: .*/listen: ["127.0.0.1:5"]/' 'listen.*restart'
breaks "an IN that the store does not know" mncsed 's/rate: 0/rate: 7/; s/in_id: "[^"]*"/in_id: "in-cse-9"/' 'in-cse-9'
breaks "an unknown key at the IN" incsed 's/^grace_s: .*/grace: 5/' 'incsed.yaml:[0-9]*: grace'
breaks "a value out of range at the IN" incsed 's/^grace_s: .*/grace_s: 5/; s/^rotate_s: .*/rotate_s: -1/' \
	'incsed.yaml:[0-9]*: rotate_s'
stop worker INT
stop stay INT

# ---- idle

stop mncsed
set_option mncsed.yaml limits '{idle_s: 12}'
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN with another limit"
start_device worker C00001 --count $FOREVER
start_device stay C00002 --stay
check "two devices are served" wait_until 20 eval 'answers_above worker 0 && answers_above stay 0'
BUSY=$(session_of C00001)
check "a session without traffic ends" wait_until 20 stat_is mncsed inner.closed_idle 1
check "its device is told" wait_until 5 says stay 'session closed: closed by the peer'
is "one with traffic does not" "$(session_of C00001)" "$BUSY"
check "the device comes back" wait_until 10 back C00002
stop worker INT
stop stay INT
set_option mncsed.yaml limits '{idle_s: 600}'
check "the limit is taken back" ctl mncsed reload

# ---- drained

check "no request is open" wait_until 5 stat_is mncsed outer.service_pending 0
kill -STOP "${PIDS[incsed]}"
start_device waiting C00001 --send "$CREATE"
check "a request waits for the IN" wait_until 10 stat_is mncsed outer.service_pending 1
GATEWAY=${PIDS[mncsed]}
kill -TERM "$GATEWAY"
check "SIGTERM begins to drain" wait_until 5 says mncsed 'draining: 1 service requests open'
device C00004 --timeout 1
is "no new session is made while it drains" $? 3
check "it waits for the answer" alive mncsed
BEFORE=$(instances)
kill -CONT "${PIDS[incsed]}"
exit_of waiting 10
is "which the device gets" $? 0
exit_of mncsed 10
is "then the gateway ends" $? 0
is "the request was executed once" "$(instances)" $((BEFORE + 1))

start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN after draining"
kill -STOP "${PIDS[incsed]}"
start_device waiting C00001 --send "$CREATE" --timeout 20
check "another request waits for the IN" wait_until 10 stat_is mncsed outer.service_pending 1
kill -TERM "${PIDS[mncsed]}"
exit_of mncsed 10
is "an IN that stays silent does not keep the gateway from its end" $? 0
kill -CONT "${PIDS[incsed]}"
finish
