#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# ClientHellos that no honest client sends: nothing is kept of them, nothing longer than they is sent for them, and only the one that is
# whole and has its own cookie begins a handshake. At the gateway over IPv4 and IPv6, and at the IN.

. "$(dirname "$0")/hostile.sh"

hello()
{
	"from_$SIDE" hostile_hello "$@" >"$T/hello" 2>&1
}

# told LINE: of the last hello
told()
{
	grep -qxF -- "$1" "$T/hello" || { cat "$T/hello"; false; }
}

# attack WHO HOP SIDE SERVER OWN OTHER
attack()
{
	WHO=$1 HOP=$2 SIDE=$3 SERVER=$4
	local before after name="$WHO at $SERVER"

	# A hello of 77 bytes; 10 of them are the extensions, which may be absent, so that there is one truncation that is a whole hello.
	# What comes back is a HelloVerifyRequest, or with the cookie the server's first flight.
	check "$name: truncated ClientHellos" hello truncate "$SERVER"
	check "$name: draw nothing" told "no cookie, as sent: 76 sent, 0 hello_verify, 0 server_hello"
	check "$name: nor with the record's length mended" told "no cookie, record mended: 63 sent, 0 hello_verify, 0 server_hello"
	check "$name: but for the one that is whole" told "no cookie, all lengths mended: 52 sent, 1 hello_verify, 0 server_hello"
	check "$name: with a cookie neither" told "cookie, as sent: 84 sent, 0 hello_verify, 0 server_hello"
	check "$name: nor so" told "cookie, record mended: 71 sent, 0 hello_verify, 0 server_hello"
	check "$name: but for the one that is whole" told "cookie, all lengths mended: 60 sent, 0 hello_verify, 1 server_hello"
	is "$name: one handshake is half open" "$(stat_of "$WHO" "$HOP.half_open")" $((HALF += 1))

	before=($(counters "$WHO" $HOP.half_open $HOP.hello_verify $HOP.handshakes_failed $HOP.drop_fragment $HOP.drop_junk))
	check "$name: fragmented ClientHellos" hello fragment "$SERVER"
	after=($(counters "$WHO" $HOP.half_open $HOP.hello_verify $HOP.handshakes_failed $HOP.drop_fragment $HOP.drop_junk))
	# pieces of 1, 7, 32 and 40 bytes of the body, both ways, in one datagram or each in its own, and five with company
	check "$name: draw nothing" told "no cookie: 141 sent, 0 hello_verify, 0 server_hello"
	check "$name: with a cookie neither" told "cookie: 159 sent, 0 hello_verify, 0 server_hello"
	is "$name: nothing is half open of them" "${after[0]}" "${before[0]}"
	is "$name: hello_verify counts only what was whole" $((after[1] - before[1])) 11
	is "$name: no handshake failed" "${after[2]}" "${before[2]}"
	# of 141 and 159 two each are a whole hello in company
	is "$name: each is dropped as what it is" "$((after[3] - before[3])) $((after[4] - before[4]))" "296 4"

	before=($(counters "$WHO" $HOP.half_open $HOP.drop_cookie))
	check "$name: a cookie in other hands" hello cookie "$SERVER" "$5" "$6"
	after=($(counters "$WHO" $HOP.half_open $HOP.drop_cookie))
	check "$name: another address" told "another address, the same port: 1 sent, 1 hello_verify, 0 server_hello"
	check "$name: another port" told "another port: 1 sent, 1 hello_verify, 0 server_hello"
	check "$name: damaged in any bit, or of another length" told "damaged: 73 sent, 73 hello_verify, 0 server_hello"
	check "$name: of another hello" told "of another hello: 33 sent, 33 hello_verify, 0 server_hello"
	check "$name: is good in its own" told "its own: 1 sent, 0 hello_verify, 1 server_hello"
	is "$name: each wrong one is counted" $((after[1] - before[1])) $((1 + 1 + 73 + 33))
	is "$name: and nothing of it is half open" $((after[0] - before[0])) 1
	HALF=$((HALF + 1))
}

net_up
keys 2
ip -n "$DEV" addr add 198.18.1.3/24 dev inner
ip -n "$DEV" addr add 2001:db8:1::3/64 dev inner nodad
ip -n "$GW" addr add 198.18.2.3/24 dev outer
set_option mncsed.yaml listen "[\"$GW_ADDR\", \"[2001:db8:1::1]:5684\"]"
set_limit half_open_s 300
start_both

HALF=0
attack mncsed inner device "$GW_ADDR" 198.18.1.2 198.18.1.3
attack mncsed inner device "[2001:db8:1::1]:5684" 2001:db8:1::2 2001:db8:1::3
HALF=0
attack incsed outer gateway "$IN_ADDR" 198.18.2.1 198.18.2.3
check "a device is served" served C00001

finish
