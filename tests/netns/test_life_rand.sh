#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# New Rands while devices work: nobody's request is lost, generations grow, the previous one is accepted for grace_s and no
# longer, and observers are told.

. "$(dirname "$0")/life.sh"

GRACE_S=15

# taken NAME GENERATION: a device took that Rand
taken()
{
	says "$1" "Rand of generation $2"
}

net_up
keys 6
set_option incsed.yaml grace_s $GRACE_S
start_both

# ---- under traffic

WORKERS='w1 w2 w3'
start_device observer C00004 --observe --stay
start_device idle C00005 --stay
for i in 1 2 3; do
	start_device w$i C0000$i --count $FOREVER --send "$CREATE"
done
check "an observer and a device that waits authenticate" wait_until 20 eval 'answers_above observer 0 && answers_above idle 0'

LAST=$(generation_of incsed)
GROWN=1
for round in 1 2 3 4 5; do
	for w in $WORKERS; do
		wait_until 20 answers_above $w $(($(answers $w) + 20)) || not_ok "$w works in round $round"
	done
	NEXT=$(rekey)
	[ "$NEXT" -gt "$LAST" ] || GROWN=0
	LAST=$NEXT
done
is "each of five generations is above the one before" $GROWN 1
check "the gateway has the last one" wait_until 10 generation_is mncsed "$LAST"
RUNNING=0
for w in $WORKERS; do
	alive $w && RUNNING=$((RUNNING + 1))
done
is "devices worked all the time" $RUNNING 3
check "the observer is told of it" wait_until 10 taken observer "$LAST"
check "the waiting device gets it" wait_until 10 taken idle "$LAST"
for w in $WORKERS; do
	check "$w goes on under the last Rand" wait_until 10 eval '[ "$(context_of '$w')" = "$LAST" ]'
	check "$w: with answers" goes_on $w
done
interrupted $WORKERS
is "no request failed" $? 0
check "each request was executed, and once" once 0 $WORKERS
check "a device that joins now gets the last Rand" device C00006
is "and it alone" "$(sed -n 's/.*Rand of generation \([0-9]*\).*/\1/p' "$T/device.log")" "$LAST"
stop observer INT
stop idle INT

# ---- the previous generation

stop mncsed
N=120
check "requests of the current generation are recorded" replay rand $(seq -f 'make=old%g' $N)
LAST=$(generation_of incsed)
NEXT=$(rekey)
TAKEN=${EPOCHREALTIME/[.,]/}
OUT=$(replay hold send=old1 rand=$((LAST + 1)) send=old2 make=new1 send=new1)
is "requests of the previous generation are served before the gateway takes the new one, and after" "$OUT" \
	"held $NEXT
answer 2.04 protected
rand $NEXT
answer 2.04 protected
answer 2.04 protected"

# The window of the previous generation, measured from before it began: it may seem longer than it is, never shorter. Each look at it
# takes a request of its own, and when all are used up it was too long.
AT=3
while ANSWER=$(replay send=old$AT) && [ "$ANSWER" = "answer 2.04 protected" ] && [ $AT -lt $N ]; do
	AT=$((AT + 1))
	sleep 0.25
done
PASSED=$(((${EPOCHREALTIME/[.,]/} - TAKEN) / 100000))
is "then they are refused" "$ANSWER" "answer 4.01 Security context not found"
check "not before grace_s" test $PASSED -ge $((GRACE_S * 10 - 1))
is "those of the new one are served" "$(replay rand make=new2 send=new2 | tail -n 1)" "answer 2.04 protected"
check "requests of the new generation are recorded" replay rand make=new3
FIRST=$NEXT
NEXT=$(rekey)
NEXT=$(rekey)
is "two generations back there is no grace" "$(replay hold send=new3)" "held $NEXT
answer 4.01 Security context not found"
check "generations grew" test "$NEXT" -gt "$FIRST"
finish
