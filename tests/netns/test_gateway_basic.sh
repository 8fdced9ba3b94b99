#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 180
#
# mncsed with a real IN, with mncse-device and with libcoap's and OpenSSL's clients: start and refusals, sessions and Rand,
# provisioning and revocation while it runs, reload, loss of the IN, draining.

. "$(dirname "$0")/lib.sh"

net_up
keys 6

# a key that libcoap's and OpenSSL's command lines can both carry
PRINTABLE=0123456789abcdef
PRINTABLE_HEX=30313233343536373839616263646566

add_printable()
{
	printf '%s\n' "$PRINTABLE_HEX" >"$T/key"
	"$BIN/mncse-keys" add --store "$T/gateway.db" --device "$1" --group g1 --inner-id "$1@mn-cse-1" \
		--inner-key "@$T/key" --in-id "$1@in-cse-1"
}

check "a device is added to the store before the start" add_printable P1

# ---- what is refused before the start ----

refused()
{
	! ip netns exec "$GW" "$BIN/mncsed" -c "$@" >"$T/refused.log" 2>&1
}

says()
{
	grep -q -- "$2" "$T/$1.log"
}

sed 's/^dhe: .*/dhe: perhaps/' "$T/mncsed.yaml" >"$T/bad.yaml"
check "a configuration with a mistake is refused" refused "$T/bad.yaml" -t
LINE=$(grep -n '^dhe:' "$T/bad.yaml" | cut -d: -f1)
check "the error names file, line, key and what was found" says refused "bad.yaml:$LINE: dhe: .*perhaps"
sed 's/^gateway_id: .*/gateway_id: other/' "$T/mncsed.yaml" >"$T/bad.yaml"
check "another gateway's store is refused" refused "$T/bad.yaml" -t
sed 's/in_id: "*in-cse-1"*/in_id: in-cse-9/' "$T/mncsed.yaml" >"$T/bad.yaml"
check "an IN without credential is refused" refused "$T/bad.yaml" -t
check "the error names the IN" says refused "in-cse-9"
sed 's/^store: .*/store: in.db/' "$T/mncsed.yaml" >"$T/bad.yaml"
check "an IN's store is refused" refused "$T/bad.yaml"
check "-t takes the good one" ip netns exec "$GW" "$BIN/mncsed" -t -c "$T/mncsed.yaml"
ip netns exec "$GW" "$BIN/mncsed" >"$T/refused.log" 2>&1
is "usage errors exit with 2" $? 2

# ---- start, without the IN ----

start_gateway
check "the outer session is not up without the IN" wait_until 10 upstream_is connecting
check "a second daemon on the same store is refused" refused "$T/mncsed.yaml"

PID=${PIDS[mncsed]}
is "the process leaves no core file" "$(awk '/Max core file size/ { print $5 }' "/proc/$PID/limits")" 0

device C00001 --timeout 12
is "a device without Rand gives up with 4" $? 4

start_in
check "the outer session comes up when the IN does" wait_until 30 upstream_is up

# ---- group authentication ----

device C00001
is "a device authenticates" $? 0
device C00002 --send 'in-cse/cnt={"m2m:cin":{"con":"1"}}' --count 3
is "three service requests are answered" $? 0
is "handshakes are counted" "$(stat_of mncsed inner.handshakes_in)" 3
is "each service request is counted once" \
	"$(stat_of mncsed inner.service_in) $(stat_of mncsed outer.service_out) $(stat_of incsed outer.service_in)" "4 4 4"
is "one Rand came and went to each device with a session" \
	"$(stat_of mncsed outer.rand_in) $(stat_of mncsed inner.rand_out)" "1 2"

openssl_session()
{
	printf 'Q' | timeout 20 ip netns exec "$DEV" openssl s_client -dtls1_2 -connect "$GW_ADDR" \
		-psk_identity P1@mn-cse-1 -psk "$PRINTABLE_HEX" -cipher "$1" 2>&1 | grep -q "Cipher is $1"
}

if command -v openssl >/dev/null; then
	check "OpenSSL gets a session with GCM" openssl_session PSK-AES128-GCM-SHA256
	check "OpenSSL gets a session with CCM_8" openssl_session PSK-AES128-CCM8
else
	ok "OpenSSL gets a session # SKIP openssl is not installed"
fi

# ---- libcoap as the device ----

coap()
{
	timeout 20 ip netns exec "$DEV" coap-client-openssl -B 10 -v 7 -u P1@mn-cse-1 -k "$PRINTABLE" "$@" 2>&1
}

if command -v coap-client-openssl >/dev/null; then
	coap -m get -o "$T/rand.cbor" "coaps://$GW_ADDR/gsa" >"$T/coap.log"
	is "coap-client gets the rand-message" "$(od -An -tx1 -N1 "$T/rand.cbor" 2>/dev/null | tr -d ' ')" 82
	coap -m get "coaps://$GW_ADDR/in-cse" >"$T/coap.log"
	check "without OSCORE there is nothing but /gsa" says coap 'c:4.04'
	coap -m post -e x "coaps://$GW_ADDR/gsa" >"$T/coap.log"
	check "POST /gsa of a device is 4.05" says coap 'c:4.05'
	coap -m get -A 50 "coaps://$GW_ADDR/gsa" >"$T/coap.log"
	check "JSON is 4.06" says coap 'c:4.06'

	spawn observer "$DEV" timeout 60 coap-client-openssl -v 7 -s 50 -m get -u P1@mn-cse-1 -k "$PRINTABLE" \
		"coaps://$GW_ADDR/gsa"
	check "an observer is registered" wait_until 10 says observer 'c:2.05.*Observe'
	BEFORE=$(stat_of mncsed inner.rand_out)
	CONFIRMED=$(stat_of mncsed inner.rand_confirmed)
	check "the IN draws a new Rand" ctl incsed rekey g1
	check "the observer is notified and acknowledges" \
		wait_until 10 stat_is mncsed inner.rand_confirmed $((CONFIRMED + 1))
	is "by one notification" "$(stat_of mncsed inner.rand_out)" $((BEFORE + 1))
	is "as CON" "$(grep -c 't:CON c:2.05' "$T/observer.log")" 1
	stop observer
else
	ok "coap-client gets the rand-message # SKIP libcoap3-bin is not installed"
fi

# ---- provisioning and revocation at run time ----

ctl mncsed rekey g1 >"$T/rekey.log" 2>&1
is "a gateway draws no Rand" $? 1
check "and says who does" says rekey "IN"

add_everywhere()
{
	add_printable "$1" &&
		"$BIN/mncse-keys" add --store "$T/in.db" --device "$1" --group g1 --gateway mn-cse-1 \
			--in-id "$1@in-cse-1" --in-key 00112233445566778899aabbccddeeff
}

remove_printable()
{
	"$BIN/mncse-keys" remove --store "$T/gateway.db" --device P1
}

check "a device is removed while the gateway runs" remove_printable
check "its key serves another one, added while both run" add_everywhere P2
cat >"$T/p2.csv" <<-END
	device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id
	P2,P2@mn-cse-1,$PRINTABLE_HEX,P2@in-cse-1,00112233445566778899aabbccddeeff,g1,mn-cse-1,in-cse-1
END
in_devices "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/p2.csv" --id P2 >"$T/device.log" 2>&1
is "the new device authenticates at once" $? 0

session_of()
{
	[ -n "$(ctl mncsed sessions --id "$1" | tail -n +2)" ]
}

no_session_of()
{
	! session_of "$1"
}

spawn d3 "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00003 --stay
spawn d4 "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --id C00004 --stay
check "two devices stay connected" wait_until 20 eval 'session_of C00003 && session_of C00004'
check "one of them is removed" ctl mncsed remove C00003
check "its session is closed" wait_until 5 no_session_of C00003
check "the other's is not" session_of C00004
stop d3
device C00003
is "the removed one is refused" $? 3
check "evict closes a session" ctl mncsed evict C00004
check "which comes back" wait_until 20 session_of C00004
check "evict of an unknown device fails" eval '! ctl mncsed evict nobody'

# ---- reload ----

reload_fails()
{
	! ctl mncsed reload >"$T/reload.log" 2>&1
}

cp "$T/mncsed.yaml" "$T/good.yaml"
sed -i 's/^dhe: .*/dhe: perhaps/' "$T/mncsed.yaml"
check "a reload with a mistake is refused" reload_fails
check "with the place of the mistake" says reload "mncsed.yaml:$LINE: dhe"
sed 's/^listen: .*/listen: ["127.0.0.1:5999"]/' "$T/good.yaml" >"$T/mncsed.yaml"
check "what needs a restart is refused" reload_fails
check "and named" says reload "listen.*restart"
check "the configuration in force is the old one" eval '! ctl mncsed showconf | grep -q 5999'
check "sessions live on" session_of C00004
sed 's/rate: 0/rate: 7/; s/^log: .*/log: debug/' "$T/good.yaml" >"$T/mncsed.yaml"
kill -HUP "$PID"
check "SIGHUP applies what can change" wait_until 5 eval 'ctl mncsed showconf | grep -q "rate: 7"'
check "sessions live on after that, too" session_of C00004
cp "$T/good.yaml" "$T/mncsed.yaml"
check "and back again" ctl mncsed reload

# ---- loss of the IN ----

stop incsed
check "the gateway notices that the IN has gone" wait_until 10 eval '! upstream_is up'
device C00005 --timeout 12 || true
check "service requests are answered 5.03 meanwhile" eval '[ "$(stat_of mncsed inner.refused_unavailable)" -gt 0 ]'
start_in
check "the session comes back by itself" wait_until 30 upstream_is up
device C00005
is "and serves again" $? 0

# ---- end ----

CLOSED=$(grep -c "session closed" "$T/d4.log")

stop mncsed
is "a gateway that ends leaves with 0" $? 0
check "and says that it drains" says mncsed draining
check "it tells its devices by close_notify" wait_until 10 eval '[ "$(grep -c "session closed" "$T/d4.log")" -gt "$CLOSED" ]'
check "its control socket is gone" eval '! [ -e "$T/mncsed.sock" ]'

finish
