#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The IN with a gateway and real devices: resources, rekey, revocation, reload, stops of both kinds, an older copy of its store.
# TIMEOUT: 300

. "$(dirname "$0")/lib.sh"

generation()
{
	ctl incsed -j groups | tr -d ' \n' | sed -n 's/.*"generation":\([0-9]*\).*/\1/p'
}

group_has()
{
	ctl incsed -j groups | tr -d ' \n' | grep -q "\"$1\":$2[,}]"
}

acked()
{
	ctl incsed -j sessions | grep -q '"confirmed"'
}

log_has()
{
	grep -q "$2" "$T/$1.log"
}

# restart_in: the store is whatever it is now; returns when the gateway has taken the current Rand
restart_in()
{
	start_in
	# after a crash the gateway knows only by three lost pings
	wait_until 90 acked || bail "the gateway comes back and takes the Rand"
}

net_up
keys 3
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"
wait_until 20 acked || bail "the gateway takes the Rand"

# ---- resources ----

check "a device reads the CSEBase" device C00001
check "and gets what it is" grep -q '"csi": *"/in-cse-1"' "$T/device.log"
check "a device creates a contentInstance" device C00001 --send 'in-cse/cnt={"m2m:cin":{"con":"21.5"}}'
check "another device too" device C00002 --send 'in-cse/cnt={"m2m:cin":{"con":"22.0"}}'
check "a device creates its AE" device C00001 --send 'in-cse={"m2m:ae":{"rn":"ae1","api":"N.test","rr":false}}'
device C00002 --send 'in-cse/ae1={"m2m:cnt":{"rn":"c"}}'
is "another device is refused below it" $? 7
check "with RSC 4103" grep -q 4103 "$T/device.log"
device C00001 --send 'in-cse/none={"m2m:cin":{"con":"1"}}'
is "a container that is not there is an RSC error" $? 7
check "with RSC 4004" grep -q 4004 "$T/device.log"
check "two devices are authenticated" group_has authenticated 2
is "each request is counted once" "$(stat_of incsed outer.service_in)" 6
is "and answered" "$(stat_of incsed outer.answers_out)" 6

# ---- a new Rand ----

before=$(generation)
check "the operator draws a new Rand" ctl incsed rekey g1
check "its generation is above" test "$(generation)" -gt "$before"
check "nobody is authenticated under it yet" group_has authenticated 0
check "the gateway takes it" wait_until 10 stat_is incsed outer.rand_acked 2
check "a device goes on under it" device C00001
check "and is authenticated" group_has authenticated 1
ctl incsed rekey nobody >/dev/null 2>&1
is "a group that is not there is an error" $? 1

# ---- revocation at the IN alone ----

check "a device is revoked" ctl incsed remove C00003
timeout 5 ip netns exec "$DEV" "$BIN/mncse-device" --gateway "$GW_ADDR" --credentials "$T/devices.csv" \
	--id C00003 >"$T/device.log" 2>&1
check "it gets no answer that verifies" test $? -ne 0
check "the IN does not find it" test "$(stat_of incsed outer.refused_context)" -gt 0
check "the others go on" device C00002

# ---- configuration ----

set_option incsed.yaml containers '["in-cse/cnt", "in-cse/more"]'
check "the configuration is taken anew" ctl incsed reload
check "and the new container is there" device C00001 --send 'in-cse/more={"m2m:cin":{"con":"1"}}'
set_option incsed.yaml in_id other
ctl incsed reload >"$T/reload.log" 2>&1
is "another in_id is refused" $? 1
check "with a text that names the key" log_has reload in_id
kill -HUP "${PIDS[incsed]}"
check "so it is on SIGHUP" wait_until 10 log_has incsed 'nothing was changed'
set_option incsed.yaml in_id in-cse-1
cp "$T/incsed.yaml" "$T/bad.yaml"
echo 'grace_s: soon' >>"$T/bad.yaml"
"$BIN/incsed" -t -c "$T/bad.yaml" >"$T/bad.log" 2>&1
is "-t finds a bad file" $? 1
check "and names file and key" grep -q 'bad.yaml:[0-9]*: grace_s' "$T/bad.log"
check "-t takes a good one" "$BIN/incsed" -t -c "$T/incsed.yaml"
for what in "an IN that is another's" "a gateway's store" "no store"; do
	cp "$T/incsed.yaml" "$T/bad.yaml"
	case $what in
	an*) set_option bad.yaml in_id other ;;
	a*) set_option bad.yaml store gateway.db ;;
	no*) set_option bad.yaml store nowhere.db ;;
	esac
	"$BIN/incsed" -t -c "$T/bad.yaml" >"$T/bad.log" 2>&1
	is "-t finds $what" $? 1
	check "and names the file" grep -q 'bad.yaml: ' "$T/bad.log"
done
check "there are no core files" grep -q '^Max core file size *0 *0 ' "/proc/${PIDS[incsed]}/limits"
ip netns exec "$IN" "$BIN/incsed" -c "$T/incsed.yaml" >"$T/second.log" 2>&1
is "a second IN on the store is refused" $? 1

# ---- stops ----

before=$(generation)
stop incsed
is "SIGTERM is an orderly stop" $? 0
cp "$T/in.db" "$T/copy.db"
restart_in
is "the generation outlives it" "$(generation)" "$before"
check "and who is authenticated" group_has authenticated 2
check "devices go on" device C00001
stop incsed KILL
restart_in
is "the generation outlives a crash" "$(generation)" "$before"
check "and devices go on" device C00001
stop incsed
rm -f "$T/in.db-wal" "$T/in.db-shm"
cp "$T/copy.db" "$T/in.db"
start_in
check "an older copy of the store is told at start" log_has incsed 'older copy'
wait_until 30 upstream_is up || bail "the gateway comes back to the IN"
check "a new Rand is drawn" test "$(generation)" -gt "$before"
check "and the gateway takes it" wait_until 30 acked
check "devices go on under it" device C00001

# The gateway knows better than a store whose every file is an old copy.
stop incsed
cp "$T/in.db" "$T/copy.db"
cp "$T/in.db.lineage" "$T/copy.lineage"
restart_in
check "one more Rand" ctl incsed rekey g1
before=$(generation)
wait_until 10 acked || bail "the gateway takes it"
stop incsed
rm -f "$T/in.db-wal" "$T/in.db-shm"
cp "$T/copy.db" "$T/in.db"
cp "$T/copy.lineage" "$T/in.db.lineage"
start_in
check "the gateway's refusal tells an older copy" wait_until 30 log_has incsed 'has seen a newer generation'
check "a Rand above the gateway's is drawn" wait_until 30 acked
check "and its generation is above" test "$(generation)" -gt "$before"
check "devices go on" device C00001

check "the gateway's session is closed by command" ctl incsed evict mn-cse-1
check "and comes back" wait_until 30 acked

finish
