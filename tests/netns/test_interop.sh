#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 120
#
# Devices that others wrote: libcoap's clients, over OpenSSL and over GnuTLS, GET /gsa and observe it; OpenSSL's s_client gets a
# session with each suite and an answer to CoAP written by hand.

. "$(dirname "$0")/life.sh"

KEY=0123456789abcdef # their command lines carry it as text
KEY_HEX=30313233343536373839616263646566

# rand_hex GENERATION: how an inner rand-message of it begins
rand_hex()
{
	printf '821a%08x5820' "$1"
}

hex()
{
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# coap CLIENT [OPTION...]: a request as P1; the answer's payload in T/answer, the log in T/coap.log
coap()
{
	local client=$1

	shift
	rm -f "$T/answer"
	in_devices timeout 30 "coap-client-$client" -B 10 -v 7 -u P1@mn-cse-1 -k "$KEY" -o "$T/answer" "$@" >"$T/coap.log" 2>&1
}

suite_is()
{
	[ "$(field_of P1 6)" = "$1" ]
}

# notified PATTERN: a line of the observer's log
notified()
{
	tr -d '\0' <"$T/observer.log" | grep -aq -- "$1"
}

# libcoap_client NAME CLIENT SUITE
libcoap_client()
{
	local name=$1 client=$2 posts next

	coap "$client" -m get "coaps://$GW_ADDR/gsa"
	is "$name: GET /gsa is answered" "$?" 0
	check "$name: with 2.05 and Max-Age" says coap 'c:2.05 .*Content-Format:application/cbor, Max-Age:86400'
	is "$name: and the rand-message" "$(hex "$T/answer" | cut -c 1-16)" "$(rand_hex "$(generation_of mncsed)")"
	is "$name: of 40 bytes" "$(stat -c %s "$T/answer")" 40

	: >"$T/observer.log"
	spawn observer "$DEV" "coap-client-$client" -s 60 -v 7 -u P1@mn-cse-1 -k "$KEY" -m get "coaps://$GW_ADDR/gsa"
	check "$name: an observer is registered" wait_until 10 notified 'c:2.05 .*Observe:'
	check "$name: over $3" suite_is "$3"
	posts=$(grep -ac 'c:POST' "$T/observer.log")
	next=$(rekey)
	check "$name: it is notified of a new Rand by CON" wait_until 10 notified 't:CON c:2.05 .*Observe:'
	check "$name: with that Rand" notified "<<$(rand_hex "$next")"
	check "$name: which it acknowledges" wait_until 5 state_is P1 confirmed
	is "$name: nothing is posted to an observer" "$(grep -ac 'c:POST' "$T/observer.log")" "$posts"
	next=$(rekey)
	check "$name: it is notified of the next one, too" wait_until 10 notified "<<$(rand_hex "$next")"
	stop observer
	check "$name: its session ends" wait_until 70 eval '[ -z "$(session_of P1)" ]'
}

# s_client_starts CIPHER: with its standard input in T/in
s_client_starts()
{
	rm -f "$T/in"
	mkfifo "$T/in"
	exec 5<>"$T/in"
	ip netns exec "$DEV" openssl s_client -dtls1_2 -connect "$GW_ADDR" -psk_identity P1@mn-cse-1 -psk "$KEY_HEX" \
		-cipher "$1:@SECLEVEL=0" -quiet <"$T/in" >"$T/s_client.out" 2>"$T/s_client.log" 5>&- &
	PIDS[s_client]=$!
}

s_client_ends()
{
	stop s_client
	exec 5>&-
}

received()
{
	hex "$T/s_client.out" | grep -q "$1"
}

# s_client_is_refused ALERT OPTION...: it ends by that alert instead of waiting for an answer
s_client_is_refused()
{
	local alert=$1

	shift
	in_devices timeout 60 openssl s_client -connect "$GW_ADDR" -psk_identity P1@mn-cse-1 -psk "$KEY_HEX" "$@" \
		</dev/null >"$T/refused.log" 2>&1
	check "s_client $* is refused: ${alert/:/ }" grep -q "alert ${alert%:*}:.*SSL alert number ${alert#*:}\$" "$T/refused.log"
}

# openssl_client CIPHER SUITE
openssl_client()
{
	s_client_starts "$1"
	check "s_client with $1 gets a session" wait_until 10 suite_is "$2"
	check "s_client with $1 is sent the Rand" wait_until 10 received "$(rand_hex "$(generation_of mncsed)")"
	printf '\x40\x00\x12\x34' >&5
	check "s_client with $1 gets RST to a CoAP ping" wait_until 10 received 70001234
	printf '\x41\x01\x12\x35\xaa\xb3gsa' >&5
	check "s_client with $1 gets 2.05 to GET /gsa" wait_until 10 received 61451235aa
	printf '\x41\x01\x12\x36\xbb\xb6nobody' >&5
	check "s_client with $1 gets 4.04 to another GET" wait_until 10 received 61841236bb
	s_client_ends
}

net_up
keys 1
echo "$KEY_HEX" >"$T/key"
check "a device with a printable key is added" "$BIN/mncse-keys" add --store "$T/gateway.db" --device P1 --group g1 \
	--inner-id P1@mn-cse-1 --inner-key "@$T/key" --in-id P1@in-cse-1

# ---- libcoap

# GnuTLS is made to offer no suite but CCM_8, of those that the gateway has.
cat >"$T/gnutls" <<-END
	[overrides]
	tls-disabled-cipher = aes-128-gcm
	tls-disabled-cipher = aes-128-cbc
END

start_gateway
for client in openssl gnutls; do
	command -v "coap-client-$client" >/dev/null || continue
	coap $client -m get "coaps://$GW_ADDR/gsa"
	check "coap-client-$client: without a Rand the answer is 5.03 with Max-Age" says coap 'c:5.03 .*Max-Age:'
done
start_in
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
wait_until 10 eval '[ -n "$(generation_of mncsed)" ]' || bail "the group has a Rand"
if command -v coap-client-openssl >/dev/null; then
	libcoap_client coap-client-openssl openssl TLS_PSK_WITH_AES_128_GCM_SHA256
else
	ok "coap-client-openssl # SKIP libcoap3-bin is not installed"
fi
if command -v coap-client-gnutls >/dev/null; then
	libcoap_client coap-client-gnutls gnutls TLS_PSK_WITH_AES_128_GCM_SHA256
	export GNUTLS_SYSTEM_PRIORITY_FILE=$T/gnutls
	libcoap_client "coap-client-gnutls with CCM_8" gnutls TLS_PSK_WITH_AES_128_CCM_8
	unset GNUTLS_SYSTEM_PRIORITY_FILE
else
	ok "coap-client-gnutls # SKIP libcoap3-bin is not installed"
fi

# ---- OpenSSL

if command -v openssl >/dev/null; then
	openssl_client PSK-AES128-GCM-SHA256 TLS_PSK_WITH_AES_128_GCM_SHA256
	openssl_client PSK-AES128-CCM8 TLS_PSK_WITH_AES_128_CCM_8
	openssl_client PSK-AES128-CBC-SHA256 TLS_PSK_WITH_AES_128_CBC_SHA256
	# where dhe is off DHE_PSK is no suite in common
	SESSIONS=$(stat_of mncsed inner.handshakes)
	s_client_is_refused "handshake failure:40" -dtls1_2 -cipher DHE-PSK-AES128-GCM-SHA256
	s_client_is_refused "handshake failure:40" -dtls1_2 -cipher PSK-AES256-GCM-SHA384
	s_client_is_refused "handshake failure:40" -dtls1_2 -cipher PSK-NULL-SHA256:@SECLEVEL=0
	s_client_is_refused "handshake failure:40" -dtls1_2 -cipher PSK-AES128-CBC-SHA256 -no_etm
	s_client_is_refused "protocol version:70" -dtls1 -cipher PSK-AES128-CBC-SHA:@SECLEVEL=0
	is "none of them has a session" "$(stat_of mncsed inner.handshakes)" "$SESSIONS"
	is "nothing of them is kept" "$(stat_of mncsed inner.half_open)" 0
	set_option mncsed.yaml dhe true
	check "dhe is switched on" ctl mncsed reload
	openssl_client DHE-PSK-AES128-GCM-SHA256 TLS_DHE_PSK_WITH_AES_128_GCM_SHA256
	openssl_client PSK-AES128-GCM-SHA256 TLS_PSK_WITH_AES_128_GCM_SHA256
else
	ok "s_client # SKIP openssl is not installed"
fi
finish
