#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# The control sockets of both daemons under clients that keep to no rule: every message is answered with a text that says what is wrong,
# and others are served meanwhile. Who may not change anything does not.

. "$(dirname "$0")/hostile.sh"

# results WHO FILE COUNT: "NAME|GOT|EXPECTED"; an expected "(null)" is any error with a text
results()
{
	local name got expected

	while IFS='|' read -r name got expected; do
		case $expected in
		"(null)") check "$1: $name: $got" grep -qE '^E[A-Z]+ .' <<<"$got" ;;
		*) is "$1: $name" "$got" "$expected" ;;
		esac
	done <"$T/$2"
	is "$1: $3 were tried" "$(wc -l <"$T/$2")" "$3"
}

as_nobody()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# slow_reader WHO: asks for dumps without reading them
slow_reader()
{
	local who=$1 fd before

	before=$(stat_of "$who" process.rss_bytes)
	mkfifo "$T/hold"
	"$HELPERS/hostile_ctl" slow "$T/$who.sock" <"$T/hold" >"$T/slow.log" 2>&1 &
	PIDS[slow]=$!
	exec {fd}>"$T/hold"
	check "$who: a client that reads nothing is not read any more" wait_until 30 grep -q before "$T/slow.log"
	check "$who: another is served meanwhile" timeout 5 "$BIN/mncsectl" --socket "$T/$who.sock" status
	check "$who: and what waits is bounded" test $(($(stat_of "$who" process.rss_bytes) - before)) -lt $((64 << 20))
	exec {fd}>&-
	wait "${PIDS[slow]}"
	unset "PIDS[slow]"
	is "$who: it still gets every answer" "$(sed -n 's/ answered$//p' "$T/slow.log")" \
		"$(sed -n 's/ requests before.*//p' "$T/slow.log")"
	rm "$T/hold"
}

# attack WHO
attack()
{
	local who=$1 socket=$T/$1.sock

	"$HELPERS/hostile_ctl" messages "$socket" >"$T/messages" 2>&1
	is "$who: the hostile client could do all it meant to" $? 0
	results "$who" messages 42
	is "$who: noise is answered to the end" "$("$HELPERS/hostile_ctl" noise "$socket" 2>&1)" "2000 answered"
	is "$who: a client too many is told so" "$("$HELPERS/hostile_ctl" clients "$socket" 70 2>&1)" \
		"64 served, 6 refused: too many clients"
	check "$who: and when they have gone there is room" ctl "$who" status
	slow_reader "$who"
	if as_nobody test -x "$HELPERS/hostile_ctl"; then
		check "$who: others may not even ask" eval '! as_nobody "$HELPERS/hostile_ctl" changes "$T/'"$who"'.sock"'
		chmod 666 "$socket"
		as_nobody "$HELPERS/hostile_ctl" changes "$socket" >"$T/changes" 2>&1
		chmod 660 "$socket"
		results "$who" changes 6
	else
		ok "$who: others may not change anything # SKIP another user cannot reach $HELPERS"
	fi
	is "$who: the socket is its user's and its group's" "$(stat -c %a "$socket")" 660
	check "$who: nothing is logged that is not printable" plain_log "$who"
}

net_up
chmod 755 "$T"
keys 2
start_both
before=$(ctl incsed groups; ctl mncsed devices; ctl incsed devices)
attack mncsed
attack incsed
is "nothing was changed" "$(ctl incsed groups; ctl mncsed devices; ctl incsed devices)" "$before"
check "a device is served" served C00001

finish
