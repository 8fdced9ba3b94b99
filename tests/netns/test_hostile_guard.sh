#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# The attacks of test_hostile_hello, _early and _forge on a gateway whose guard (bpf/xdp_guard.bpf.c) stands in front of it: what reaches
# nobody, and what is answered, is the same.

BPF_MODE=auto
# the guard answers ClientHellos at once, before the daemon has looked at what came before them
export LINGER_MS=200

. "$(dirname "$0")/hostile.sh"

hello()
{
	from_device hostile_hello "$@" >"$T/hello" 2>&1
}

# told LINE: of the last hello
told()
{
	grep -qxF -- "$1" "$T/hello" || { cat "$T/hello"; false; }
}

# attack SERVER OWN OTHER; the numbers are explained in test_hostile_hello.sh
attack()
{
	check "$1: truncated ClientHellos" hello truncate "$1"
	check "$1: draw nothing" told "no cookie, as sent: 76 sent, 0 hello_verify, 0 server_hello"
	check "$1: nor with the record's length mended" told "no cookie, record mended: 63 sent, 0 hello_verify, 0 server_hello"
	check "$1: but for the one that is whole" told "no cookie, all lengths mended: 52 sent, 1 hello_verify, 0 server_hello"
	check "$1: with a cookie neither" told "cookie, as sent: 84 sent, 0 hello_verify, 0 server_hello"
	check "$1: nor so" told "cookie, record mended: 71 sent, 0 hello_verify, 0 server_hello"
	check "$1: but for the one that is whole" told "cookie, all lengths mended: 60 sent, 0 hello_verify, 1 server_hello"
	check "$1: fragmented ClientHellos" hello fragment "$1"
	check "$1: draw nothing" told "no cookie: 141 sent, 0 hello_verify, 0 server_hello"
	check "$1: with a cookie neither" told "cookie: 159 sent, 0 hello_verify, 0 server_hello"
	check "$1: a cookie in other hands" hello cookie "$1" "$2" "$3"
	check "$1: another address" told "another address, the same port: 1 sent, 1 hello_verify, 0 server_hello"
	check "$1: another port" told "another port: 1 sent, 1 hello_verify, 0 server_hello"
	check "$1: damaged in any bit, or of another length" told "damaged: 73 sent, 73 hello_verify, 0 server_hello"
	check "$1: of another hello" told "of another hello: 33 sent, 33 hello_verify, 0 server_hello"
	check "$1: is good in its own" told "its own: 1 sent, 0 hello_verify, 1 server_hello"
}

# others LINE: what is not "alive, 0 answers" and not expected
others()
{
	grep -vx -e '.*: alive, 0 answers' -e 'the same good record alone: answered' -e 'the same from its own: answered' \
		-e 'a ClientHello without cookie: alive, 1 answers' -e 'alert: 0 0' "$T/forge"
}

net_up
keys 2
ip -n "$DEV" addr add 198.18.1.3/24 dev inner
ip -n "$DEV" addr add 2001:db8:1::3/64 dev inner nodad
set_option mncsed.yaml listen "[\"$GW_ADDR\", \"[2001:db8:1::1]:5684\"]"
set_limit half_open_s 300
start_both info
ctl mncsed layers | grep -q '^classify *yes' || skip "the guard cannot run here: $(ctl mncsed layers | sed -n 's/^classify *//p')"

attack "$GW_ADDR" 198.18.1.2 198.18.1.3
attack "[2001:db8:1::1]:5684" 2001:db8:1::2 2001:db8:1::3
is "four handshakes are half open, of those that were whole" "$(stat_of mncsed inner.half_open)" 4
check "the guard answered" test "$(stat_of mncsed bpf.guard.answered)" -gt 200
is "no wrong cookie came to the daemon" "$(stat_of mncsed inner.drop_cookie)" 0
# a datagram of more than eight records is the daemon's to judge
check "and hardly a fragment" test "$(stat_of mncsed inner.drop_fragment)" -lt 20

from_device hostile_early "$GW_ADDR" "$(hex C00001@mn-cse-1)" >"$T/early" 2>&1
is "a client without the key" $? 0
is "opens no session, whatever it tries" "$(grep -v ': nothing$' "$T/early")" ""
from_device hostile_forge "$GW_ADDR" "$(hex C00001@mn-cse-1)" "$(column C00001 3)" >"$T/forge" 2>&1
is "a session in hostile hands" $? 0
is "lives through all of it, without an answer" "$(others)" ""
is "all of it was tried" "$(wc -l <"$T/forge") $(wc -l <"$T/early")" "109 38"
check "a device is served" served C00002

finish
