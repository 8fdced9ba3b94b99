#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 240
#
# Proxy mode whole: devices with sessions of their own at the IN, through the relay of mncsed, which reads nothing of them. By listener and
# by source prefix, beside devices of a group that authenticate to the same gateway.

. "$(dirname "$0")/lib.sh"

KEYS=$BIN/mncse-keys
PREFIX='"198.18.1.2/32"'
RESULT='"devices":[0-9]*,"authenticated":[0-9]*,"failed":[0-9]*,'

direct()
{
	local id=$1

	shift
	device "$id" --mode proxy "$@"
}

# knows_proxy: this mncsed has a relay
knows_proxy()
{
	keys 1 && echo 'proxy: {listen: [], sources: []}' >>"$T/mncsed.yaml" && "$BIN/mncsed" -t -c "$T/mncsed.yaml" 2>"$T/key.log"
}

# configure LISTEN SOURCES: of the relay, in the configuration
configure()
{
	sed -i "s|^proxy:.*|proxy: {listen: [$1], sources: [$2]}|" "$T/mncsed.yaml"
}

log_has()
{
	grep -q "$2" "$T/$1.log"
}

# bench NAME [OPTION...]: all devices of the file in proxy mode, every count of figure 8.2.1-2 exact
bench()
{
	local name=$1

	shift
	check "$name" in_devices "$BIN/mncse-bench" --mode proxy --gateway "$GW_ADDR" --credentials "$T/proxy.csv" \
		--gateway-socket "$T/mncsed.sock" --in-socket "$T/incsed.sock" --json "$T/result.json" "$@"
}

# proxied: the six counts of the relay
proxied()
{
	local what

	for what in handshakes_in handshakes_out replies_in replies_out service_in service_out; do
		stat_of mncsed "proxy.$what"
	done | xargs
}

restart()
{
	stop mncsed
	stop incsed
	start_in
	start_gateway
	wait_until 20 upstream_is up || bail "the gateway reaches the IN"
}

# addresses: of the devices, as the IN sees them
addresses()
{
	ctl incsed sessions | grep -vw mn-cse-1 | grep -o '198\.18\.2\.1:[0-9]*'
}

ports_are()
{
	[ "$(addresses | wc -l) $(addresses | sort -u | wc -l)" = "$1" ]
}

net_up
knows_proxy || skip "mncsed has no relay: $(tail -n 1 "$T/key.log")"

# ---- by listener ----

keys 100 --mode proxy
cp "$T/devices.csv" "$T/proxy.csv"
check "mncsed takes what init wrote" "$BIN/mncsed" -t -c "$T/mncsed.yaml"
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
bench "100 devices: messages, datagrams and bytes are exact" --kernel
check "all are authenticated" grep -q '"devices":100,"authenticated":100,"failed":0,' <(tr -d ' \n' <"$T/result.json")
check "it is proxy mode's result" grep -q '"mode":"proxy"' <(tr -d ' \n' <"$T/result.json")
check "2n and n at the server, 3n and 3n at the gateway" grep -q \
	'"messages":{"server_in":200,"server_out":100,"gateway_in":300,"gateway_out":300}' <(tr -d ' \n' <"$T/result.json")
is "the relay counts each message once a way" "$(proxied)" "100 100 100 100 100 100"
is "so does the IN" "$(stat_of incsed outer.direct_handshakes_in) $(stat_of incsed outer.direct_replies_out) $(
	stat_of incsed outer.direct_service_in)" "100 100 100"
is "no device authenticated to the gateway" "$(stat_of mncsed inner.handshakes_in) $(stat_of mncsed inner.service_in)" "0 0"
is "and no Rand was needed" "$(stat_of incsed outer.rand_out)" 0
bench "at a gateway that has seen devices the counts are those of the run"
is "which the relay adds" "$(proxied)" "200 200 200 200 200 200"

# while the IN stands still the device repeats its request
repeated()
{
	[ "$(stat_of mncsed inner.datagrams_in)" -ge $((DATAGRAMS + 3)) ]
}
COUNTED=$(stat_of mncsed proxy.service_in)
spawn works "$DEV" "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/proxy.csv" --id C00001 --count 1000000000
wait_until 20 grep -q 'answer verified' "$T/works.log" || bail "a device works through the relay"
kill -STOP "${PIDS[incsed]}"
DATAGRAMS=$(stat_of mncsed inner.datagrams_in)
check "a device repeats what is not answered" wait_until 30 repeated
kill -CONT "${PIDS[incsed]}"
stop works INT
check "and the relay counts it once" wait_until 5 stat_is mncsed proxy.service_in \
	$((COUNTED + $(grep -c 'sent, try 1$' "$T/works.log")))

direct C00001 --send 'in-cse/cnt={"m2m:cin":{"con":"secret-content"}}'
is "a device creates" $? 0
direct C00001 --send 'in-cse/none={"m2m:cin":{"con":"1"}}'
is "an error of the IN comes through" $? 7
device C00001 --timeout 2
is "the gateway itself lets nobody in there" $? 3

for i in 1 2 3; do
	spawn stay$i "$DEV" "$BIN/mncse-device" --mode proxy --gateway "$GW_ADDR" --credentials "$T/proxy.csv" --id C0000$i --stay
done
check "each device has a port of its own towards the IN" wait_until 10 ports_are "3 3"
check "one is revoked at the IN" ctl incsed remove C00002
check "whose session goes" wait_until 5 ports_are "2 2"
direct C00002 --timeout 2
is "and who is not let in any more, though the gateway knows it" $? 3
before=$(stat_of incsed outer.direct_handshakes_in)
stop incsed KILL
start_in
came_back()
{
	[ "$(stat_of incsed outer.direct_sessions)" = 0 ] && direct C00001
}
check "after a crash of the IN a device gets in again" wait_until 30 came_back
for i in 1 2 3; do
	stop stay$i
done

# ---- by source prefix, beside a group ----

key=$(printf '%064d' 7) inner=$(printf '%032d' 8)
echo "$key" >"$T/key"
echo "$inner" >"$T/inner"
check "the IN gets a device for group use" "$KEYS" add --store "$T/in.db" --device G1 --group g1 --in-id G1@in-cse-1 --in-key "@$T/key"
check "so does the gateway" "$KEYS" add --store "$T/gateway.db" --device G1 --group g1 --in-id G1@in-cse-1 \
	--inner-id G1@mn-cse-1 --inner-key "@$T/inner"
echo "G1,G1@mn-cse-1,$inner,G1@in-cse-1,$key,g1,mn-cse-1,in-cse-1" >>"$T/devices.csv"
set_option mncsed.yaml listen "[\"$GW_ADDR\"]"
configure "" "$PREFIX"
check "a prefix is taken" "$BIN/mncsed" -t -c "$T/mncsed.yaml"
restart
direct C00001
is "a device of the prefix is relayed" $? 0
is "and counted so" "$(proxied)" "1 1 1 1 1 1"
device G1 --timeout 2
is "from there nobody authenticates to the gateway" $? 3
ip -n "$DEV" addr add 198.18.1.3/24 dev inner
ip -n "$DEV" route replace 198.18.1.1/32 dev inner src 198.18.1.3
check "from another address a group's device does" device G1
is "which is the group's message" "$(stat_of mncsed inner.handshakes_in) $(stat_of mncsed inner.service_in)" "1 1"
direct C00001 --timeout 2
is "and a direct one does not" $? 3
ip -n "$DEV" route del 198.18.1.1/32
sed -i '/^C00002,/d' "$T/proxy.csv"
bench "with the prefix the counts of a run are exact too" --devices 50

# ---- configurations that are none ----

for bad in '"198.18.1.0"' '"198.18.1.0/33"' '"198.18.1.1/24"' '"x/8"' '"198.18.1.0/"' '""'; do
	configure "" "$bad"
	"$BIN/mncsed" -t -c "$T/mncsed.yaml" >"$T/bad.log" 2>&1
	is "the prefix $bad is refused" $? 1
	check "which names the key" log_has bad 'proxy\.sources'
done
configure '"nowhere"' ""
"$BIN/mncsed" -t -c "$T/mncsed.yaml" >"$T/bad.log" 2>&1
is "a listener that is no address is refused" $? 1
check "which names its key" log_has bad 'proxy\.listen'

finish
