#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 240
#
# Cipher suites: what a device offers, DHE_PSK where both sides have it switched on, on either hop.

. "$(dirname "$0")/lib.sh"

# opened SUITE: by the device
opened()
{
	grep -q "session open: $1," "$T/device.log"
}

# connected SUITE: the gateway's last session, as the IN logs it
connected()
{
	grep 'gateway mn-cse-1 connected' "$T/incsed.log" | tail -n 1 | grep -q ", $1\$"
}

# offers NAMES SUITE: a device that offers those gets that one
offers()
{
	device C00001 --suite "$1"
	is "a device that offers $1 is served" "$?" 0
	check "with $2" opened "$2"
}

net_up
keys 12
set_option mncsed.yaml dhe true
start_in
start_gateway
wait_until 60 upstream_is up || bail "the gateway reaches the IN"
check "an IN without dhe takes another suite" connected TLS_PSK_WITH_AES_128_GCM_SHA256

offers gcm TLS_PSK_WITH_AES_128_GCM_SHA256
offers ccm8 TLS_PSK_WITH_AES_128_CCM_8
offers cbc TLS_PSK_WITH_AES_128_CBC_SHA256
offers dhe TLS_DHE_PSK_WITH_AES_128_GCM_SHA256
offers cbc,ccm8,gcm TLS_PSK_WITH_AES_128_GCM_SHA256
offers cbc,dhe TLS_DHE_PSK_WITH_AES_128_GCM_SHA256
check "a device offers DHE_PSK only when it is told to" device C00001
check "and is served" opened TLS_PSK_WITH_AES_128_GCM_SHA256
for names in "" gcm, ,gcm gcm,gcm aes GCM gcm,ccm8,cbc,dhe,gcm; do
	device C00001 --suite "$names"
	is "--suite '$names' is a usage error" "$?" 2
done
check "devices of mncse-bench offer it, too" in_devices "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" \
	--suite dhe --json "$T/bench.json"
check "and get it" grep -q '"suite": *"TLS_DHE_PSK_WITH_AES_128_GCM_SHA256"' "$T/bench.json"

set_option incsed.yaml dhe true
check "dhe is switched on at the IN" ctl incsed reload
check "sessions stay" upstream_is up
stop mncsed
start_gateway
wait_until 60 upstream_is up || bail "the gateway reaches the IN again"
check "then the outer session has it" connected TLS_DHE_PSK_WITH_AES_128_GCM_SHA256
check "and serves" device C00002

set_option mncsed.yaml dhe false
check "dhe is switched off at the gateway" ctl mncsed reload
device C00003 --suite dhe
is "then nobody gets it" "$?" 3
offers dhe,ccm8 TLS_PSK_WITH_AES_128_CCM_8
stop mncsed
start_gateway
wait_until 60 upstream_is up || bail "the gateway reaches the IN a third time"
check "nor does the gateway offer it" connected TLS_PSK_WITH_AES_128_GCM_SHA256

set_option incsed.yaml dhe perhaps
check "an IN with another value does not start" eval '! "$BIN/incsed" -t -c "$T/incsed.yaml"'

finish
