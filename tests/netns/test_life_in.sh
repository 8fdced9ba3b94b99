#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# The IN is killed, restarted, and given an older copy of its store: recorded requests are refused afterwards, what it has
# acknowledged is there, and generations only grow.

. "$(dirname "$0")/life.sh"

NOT_FOUND="answer 4.01 Security context not found"
SERVED="answer 2.04 protected"

# restart_in SIGNAL
restart_in()
{
	stop incsed "$1"
	start_in
}

# keep, restore [AS_IT_IS]: the store in T/old; AS_IT_IS leaves .lineage, which knows that the store has gone on
keep()
{
	mkdir -p "$T/old" && cp "$T"/in.db* "$T/old/"
}

restore()
{
	[ "${1:-}" = AS_IT_IS ] && cp "$T/in.db.lineage" "$T/old/"
	rm -f "$T"/in.db* && cp "$T"/old/in.db* "$T/"
}

# move_upstream: the gateway goes to the IN's other address, as it does by itself when three pings are lost, but at once
move_upstream()
{
	if grep -q "^upstream.*2001:db8" "$T/mncsed.yaml"; then
		set_option mncsed.yaml upstream "{address: \"$IN_ADDR\", in_id: \"in-cse-1\"}"
	else
		set_option mncsed.yaml upstream '{address: "[2001:db8:2::2]:5684", in_id: "in-cse-1"}'
	fi
	ctl mncsed reload
}

# all_answers, all_above N: of w1, w2 and w3
all_answers()
{
	cat "$T"/w[123].log | grep -c 'answer verified'
}

all_above()
{
	[ "$(all_answers)" -gt "$1" ]
}

net_up
keys 4
set_option incsed.yaml listen "[\"$IN_ADDR\", \"[2001:db8:2::2]:5684\"]"
start_in

# ---- a recorded request

is "a service request is served once, the gateway's repetition gets the same answer" \
	"$(replay rand make=a make=b send=a again send=a | sed 1d)" \
	"$SERVED
$SERVED, as before
answer 4.01 Replay detected"
GENERATION=$(generation_of incsed)
restart_in KILL
is "after a crash the generation is the same" "$(generation_of incsed)" "$GENERATION"
is "the recorded request is refused, as all of its context" "$(replay rand send=a send=b)" "rand $GENERATION
$NOT_FOUND
$NOT_FOUND"
is "a fresh context is served" "$(replay rand make=c make=d send=c | tail -n 1)" "$SERVED"
restart_in TERM
is "after an orderly stop the recorded request is refused, its context goes on" "$(replay rand send=c send=d | sed 1d)" \
	"answer 4.01 Replay detected
$SERVED"
restart_in KILL
is "until the next crash" "$(replay rand send=c send=d | sed 1d)" "$NOT_FOUND
$NOT_FOUND"
is "each was executed once" "$(instances)" 3

# ---- an older copy of the store

stop incsed
keep
start_in
check "a request is served after the copy was made" replay rand make=e send=e
LAST=$(rekey)
check "the gateway takes a new Rand" replay "rand=$LAST"
stop incsed
restore
start_in
is "an older copy has the older generation" "$(generation_of incsed)" "$GENERATION"
is "under which nothing is served before the gateway has spoken" "$(replay hold send=e)" "held $GENERATION
answer none"
OUT=$(replay "rand=$LAST" send=e make=f send=f)
NEXT=$(generation_of incsed)
is "its 4.09 is noticed: a new Rand, under which alone requests are served" "$OUT" "rand $NEXT
$NOT_FOUND
$SERVED"
check "it is above all that the gateway has seen" test "$NEXT" -gt "$LAST"
is "the request from after the copy was not executed again" "$(instances)" 4
restart_in KILL
is "and is not after a crash" "$(replay rand send=e)" "rand $NEXT
$NOT_FOUND"

stop incsed
restore AS_IT_IS
start_in
check "a copy beside the newer .lineage is noticed at start" says incsed "older copy was put back"
wait_until 10 eval '! generation_is incsed "$GENERATION"'
OUT=$(replay hold send=e)
is "nothing of an earlier generation is served" "$OUT" "held $(generation_of incsed)
$NOT_FOUND"

# ---- the same with a gateway and its devices

start_gateway
check "a gateway that has seen less takes what the IN has" \
	wait_until 20 eval 'generation_is mncsed "$(generation_of incsed)"'
stop incsed
keep
start_in
wait_until 20 upstream_is up || bail "the gateway reaches the IN again"
LAST=$(rekey)
LAST=$(rekey)
check "the gateway is ahead of the copy" wait_until 10 generation_is mncsed "$LAST"
stop incsed
restore
start_in
check "the gateway refuses what the copy has" wait_until 20 eval '[ "$(stat_of incsed outer.rand_conflict)" -gt 0 ]'
check "and gets a generation above" wait_until 20 eval \
	'[ "$(generation_of mncsed)" -gt '"$LAST"' ] && generation_is mncsed "$(generation_of incsed)"'
check "under which devices are served" device C00001

# ---- stopped and killed under load

BEFORE=$(instances)
for i in 1 2 3; do
	start_device w$i C0000$i --count $FOREVER --send "$CREATE" --timeout 150
done
check "devices are served" wait_until 20 all_above 60
stop incsed TERM
is "the IN stops in order under load" $? 0
start_in
check "and serves again" wait_until 30 all_above $(($(all_answers) + 60))
is "in the contexts of before" "$(cat "$T"/w[123].log | grep -c 'context of generation')" 3

LAST=$(generation_of incsed)
GROWN=1
for round in 1 2; do
	check "crash $round: devices are served before it" wait_until 30 all_above $(($(all_answers) + 60))
	stop incsed KILL
	ACKNOWLEDGED=$(all_answers)
	check "crash $round: what devices have an answer to is there" test $(($(instances) - BEFORE)) -ge $ACKNOWLEDGED
	start_in
	[ "$(generation_of incsed)" -ge "$LAST" ] || GROWN=0
	LAST=$(generation_of incsed)
	check "crash $round: the gateway comes back" move_upstream
done
for w in w1 w2 w3; do
	check "$w goes on" goes_on $w
done
interrupted w1 w2 w3
is "no request failed" $? 0
check "each request was executed, and once" once "$BEFORE" w1 w2 w3
is "generations did not go back" $GROWN 1
finish
