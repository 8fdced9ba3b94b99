#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mncse-keys on stores that no daemon has open. (test_keys_running.sh: with daemons.)

. tests/netns/lib.sh

T=$(mktemp -d) || bail "a temporary folder"
KEYS=$BIN/mncse-keys
G=$T/g
FILES='devices.csv gateway.db in.db incsed.yaml mncsed.yaml'

# run COMMAND...: its exit code in RC, its output in OUT, its messages in ERR
run()
{
	OUT=$("$@" 2>"$T/err")
	RC=$?
	ERR=$(<"$T/err")
}

# fails NAME CODE PATTERN COMMAND...: exit code CODE and a message that matches
fails()
{
	local name=$1 code=$2 pattern=$3

	shift 3
	run "$@"
	if [ "$RC" = "$code" ] && grep -q -- "$pattern" <<<"$ERR"; then
		ok "$name"
	else
		not_ok "$name" "exit $RC, expected $code: $ERR"
	fi
}

init()
{
	"$KEYS" init --out "$G" "$@"
}

devices_in()
{
	"$KEYS" list --store "$1" | tail -n +2 | wc -l
}

# column NAME FILE: that column of a CSV file without quotes
column()
{
	awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' "$2"
}

# state FOLDER: its files, but the locks, and what is in them
state()
{
	(cd "$1" && ls -A -I '*.lock' && cat ./*.yaml ./*.csv ./*.db) | sha256sum
}

# ---- usage

run "$KEYS"
is "no command is a usage error" "$RC" 2
run "$KEYS" frobnicate
is "an unknown command is a usage error" "$RC" 2
run "$KEYS" --help
is "--help succeeds" "$RC$(grep -c 'init' <<<"$OUT")" 01
for c in init ksx add remove list import export; do
	run "$KEYS" $c --help
	is "$c --help succeeds" "$RC" 0
	fails "$c without arguments is a usage error" 2 "needed" "$KEYS" $c
	fails "$c --bogus is a usage error" 2 "bogus" "$KEYS" $c --bogus
done

# ---- init

fails "no devices" 2 "1 to 1000000" init --devices 0
fails "too many devices" 2 "1 to 1000000" init --devices 1000001
fails "a number with a tail" 2 "1 to 1000000" init --devices 10x
fails "more groups than devices" 2 "more groups" init --devices 2 --groups 3
fails "--group and --groups" 2 "not both" init --devices 2 --group a --groups 2
fails "another mode" 2 "group or proxy" init --devices 2 --mode direct
fails "an address without a port" 2 "ADDRESS:PORT" init --devices 2 --in-addr 127.0.0.1
fails "an address that is none" 2 "ADDRESS:PORT" init --devices 2 --gateway-addr 127.0.0.1.9:1
fails "one ID for IN and gateway" 2 "one ID" init --devices 2 --in-id x --gateway-id x
fails "IDs that normalise to the same" 2 "one ID" init --devices 2 --in-id Å --gateway-id Å
fails "a control character in an ID" 2 "gateway-id" init --devices 2 --gateway-id $'a\nb'
for f in C %d%d %s %n '%5d' '%d%' '%010d' '%*d'; do
	fails "the ID format $f" 2 "id-format" init --devices 2 --id-format "$f"
done
[ ! -e "$G" ] && ok "a usage error leaves no folder" || not_ok "a usage error leaves no folder"

check "init writes" init --devices 10000
is "exactly its files are there" "$(ls -A "$G" | xargs)" "$FILES"
is "the folder is private" "$(stat -c %a "$G")" 700
is "the files are private" "$(cd "$G" && stat -c %a -- * | sort -u)" 600
is "the header of devices.csv" "$(head -n 1 "$G/devices.csv")" \
	"device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id"
is "a line a device" "$(tail -n +2 "$G/devices.csv" | wc -l)" 10000
is "the form of a line" "$(sed -n '43s/[0-9a-f]\{64\}/K64/; 43s/[0-9a-f]\{32\}/K32/; 43p' "$G/devices.csv")" \
	"C00042,C00042@mn-cse-1,K32,C00042@in-cse-1,K64,g1,mn-cse-1,in-cse-1"
is "all keys are distinct" \
	"$({ column inner_key_hex "$G/devices.csv"; column in_key_hex "$G/devices.csv"; } | sort -u | wc -l)" 20000
is "no key begins another" "$({ column inner_key_hex "$G/devices.csv"; column in_key_hex "$G/devices.csv"; } |
	cut -c -32 | sort -u | wc -l)" 20000
is "the gateway's store has them" "$(devices_in "$G/gateway.db")" 10000
is "the IN's store has them" "$(devices_in "$G/in.db")" 10000
is "the gateway knows the IN" "$("$KEYS" list --peers --store "$G/gateway.db" | tail -n 1)" \
	$'in-cse-1\tmn-cse-1@in-cse-1'
is "the IN knows the gateway" "$("$KEYS" list --peers --store "$G/in.db" | tail -n 1)" \
	$'mn-cse-1\tmn-cse-1@in-cse-1'
# The kid is the first 7 bytes of SHA-256(KpsaxiId), at both.
kid=$(printf 'C00042@in-cse-1' | sha256sum | cut -c -14)
is "the kid at the gateway" "$("$KEYS" list --store "$G/gateway.db" | grep -P '^C00042\t')" \
	"C00042"$'\t'"g1"$'\t'"C00042@mn-cse-1"$'\t'"$kid"
is "the kid at the IN" "$("$KEYS" list --store "$G/in.db" | grep -P '^C00042\t' | cut -f 4-6)" \
	"$kid"$'\t'"mn-cse-1"$'\t'"group"

before=$(state "$G")
fails "a second init is refused" 1 "in.db is there already" init --devices 3
is "and changes nothing" "$(state "$G")" "$before"
rm "$G/in.db" "$G/gateway.db" "$G/mncsed.yaml" "$G/incsed.yaml"
fails "devices.csv alone is enough to refuse" 1 "devices.csv is there already" init --devices 3
touch "$G/mine" "$G/gateway.db-wal"
check "--force replaces" init --devices 7 --force
is "a stranger's file stays, old logs of a store go" "$(ls -A "$G" | grep -v '\.lock$' | xargs)" "${FILES% *} mine mncsed.yaml"
is "there are new devices" "$(devices_in "$G/in.db") $(devices_in "$G/gateway.db") $(tail -n +2 "$G/devices.csv" | wc -l)" "7 7 7"

before=$(state "$G")
(
	exec 9>"$G/gateway.db.lock"
	flock -n 9 && ! init --devices 8 --force 2>"$T/err"
)
is "--force on a store in use is refused" "$? $(grep -c 'in use' "$T/err")" "0 1"
is "and changes nothing" "$(state "$G")" "$before"

# A file where the folder should be; a folder that cannot be made
fails "a file in the way" 1 "Not a directory" "$KEYS" init --out "$G/mine" --devices 1
fails "no parent folder" 1 "No such file" "$KEYS" init --out "$T/a/b" --devices 1

init --devices 12 --groups 3 --force --gateway-id /gw-1 --in-id 'in"cse, 1' --id-format 'Ｃ%03d' 2>/dev/null
is "groups are even blocks" "$(column group "$T/g/devices.csv" | uniq -c | awk '{ print $1 $2 }' | xargs)" "4g1 4g2 4g3"
is "IDs are normalised" "$(head -n 2 "$T/g/devices.csv" | tail -n 1 | cut -d, -f 1)" "C001"
is "fields are quoted" "$(sed -n 2p "$G/devices.csv" | sed 's/[0-9a-f]\{32,\}/K/g')" \
	'C001,C001@gw-1,K,C001@in-cse--1,K,g1,/gw-1,"in""cse, 1"'
is "so is the configuration" "$(grep -h '_id: ' "$G/mncsed.yaml" "$G/incsed.yaml" | xargs -0)" \
	'gateway_id: "/gw-1"
upstream: {address: "127.0.0.1:5685", in_id: "in\"cse, 1"}
in_id: "in\"cse, 1"'
check "proxy mode" init --devices 3 --force --mode proxy --gateway-addr 192.0.2.1:5684
is "Kpsaxi is for direct use" "$("$KEYS" list --store "$G/in.db" | tail -n +2 | cut -f 6 | xargs)" "direct direct direct"
is "the gateway relays" "$(grep -E '^(listen|proxy): ' "$G/mncsed.yaml" | xargs -0)" \
	'listen: []
proxy: {listen: ["192.0.2.1:5684"], sources: []}'
is "devices.csv is as ever" "$(head -n 1 "$G/devices.csv")" \
	"device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id"
init --devices 12 --force 2>/dev/null
is "group mode has no relay" "$("$KEYS" list --store "$G/in.db" | tail -n +2 | cut -f 6 | sort -u) $(grep -c proxy "$G/mncsed.yaml")" "group 0"
fails "an identifier that would be too long" 1 "longer than 128" init --force --devices 1 \
	--id-format "$(printf 'C%0126d' 0)%d"
is "leaves what was there" "$(devices_in "$G/in.db")" 12
is "and nothing temporary" "$(ls -A "$G" | grep -c '^\.init')" 0

# Interrupted while it works
"$KEYS" init --out "$T/int" --devices 1000000 2>"$T/err" &
pid=$!
PIDS[init]=$pid
started()
{
	[ -n "$(find "$T/int" -name 'devices.csv*' -size +0 2>/dev/null)" ]
}
wait_until 20 started || not_ok "init is at work"
kill -TERM $pid
wait $pid
is "an interrupted init says so" "$? $(grep -c interrupted "$T/err")" "1 1"
is "and leaves nothing" "$(ls -A "$T/int")" ""
"$KEYS" init --out "$T/int" --devices 1000000 2>"$T/err" &
pid=$!
PIDS[init]=$pid
wait_until 20 started || not_ok "init is at work again"
kill -KILL $pid
wait $pid 2>/dev/null
unset 'PIDS[init]'
is "a killed init leaves none of the files" "$(cd "$T/int" && ls)" ""
check "the next one needs no --force" "$KEYS" init --out "$T/int" --devices 2

start=${EPOCHREALTIME/[.,]/}
check "init of 20000 devices" "$KEYS" init --out "$T/many" --devices 20000
echo "# init of 20000 devices took $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"

# ---- ksx

vectors=0
while read -r a && read -r b && read -r c && read -r d; do
	vectors=$((vectors + 1))
	id=$a key=$b rand=$c want=$d
	got=$(printf '%s\n' "$key" | "$KEYS" ksx --key - --id "$id" --rand "$rand")
	[ "$got" = "$want" ] || not_ok "Ksx of $id" "got $got, expected $want"
done < <(sed -n 's/^ *"\(enrolee_id\|kpsa_hex\|rand_hex\|ksx_hex\)": "\(.*\)",\?$/\2/p' tests/vectors/ksx.json)
is "Ksx of the vectors, key on standard input" "$((vectors >= 10))" 1
printf '%s' "$key" >"$T/key"
run "$KEYS" ksx --key "@$T/key" --id "$id" --rand "$rand"
is "Ksx, key in a file" "$OUT" "$want"
printf '%s\r\n' "$key" >"$T/key"
run "$KEYS" ksx --key "@$T/key" --id "$id" --rand "$rand"
is "Ksx, key in a file with a line's end" "$OUT" "$want"
run "$KEYS" ksx --key "$key" --id "$id" --rand "$rand"
is "Ksx, key as an argument" "$OUT" "$want"
run "$KEYS" ksx --key "${key^^}" --id "$id" --rand "${rand^^}"
is "Ksx, upper case" "$OUT" "$want"
printf '%s\n\n' "$key" >"$T/key2"
fails "a key file with more lines" 2 "expected the hex digits" "$KEYS" ksx --key "@$T/key2" --id a --rand "$rand"
fails "no key file" 1 "No such file" "$KEYS" ksx --key "@$T/nothing" --id a --rand "$rand"
fails "an odd key" 2 "expected the hex digits" "$KEYS" ksx --key "${key}0" --id a --rand "$rand"
fails "an empty key" 2 "expected the hex digits" "$KEYS" ksx --key "" --id a --rand "$rand"
fails "a key of 65 bytes" 2 "expected the hex digits" "$KEYS" ksx --key "$(printf '%0130d' 0)" --id a --rand "$rand"
fails "a key of 15 bytes" 2 "shorter than 16" "$KEYS" ksx --key "$(printf '%030d' 0)" --id a --rand "$rand"
run "$KEYS" ksx --key "$(printf '%030d' 0)" --id a --rand "$rand" --allow-short-keys
is "a key of 15 bytes when allowed" "$RC ${#OUT}" "0 64"
check "which is told" grep -q "a key of 15 bytes is taken" <<<"$ERR"
fails "a short Rand" 2 "--rand" "$KEYS" ksx --key "$key" --id a --rand "${rand#??}"
fails "an ID that is not UTF-8" 2 "--id" "$KEYS" ksx --key "$key" --id $'\xff' --rand "$rand"

# ---- add, remove, list

key1=00112233445566778899aabbccddeeff
key2=${key1}ffeeddccbbaa99887766554433221100
rm -rf "$G"
init --devices 2
add()
{
	local store=$1

	shift
	"$KEYS" add --store "$G/$store" --device X1 --group g2 "$@"
}
echo $key1 >"$T/key1"
echo $key2 >"$T/key2"
check "a device is added at the gateway" add gateway.db --inner-id X1@gw --inner-key "@$T/key1" --in-id X1@in
check "and at the IN" add in.db --in-id X1@in --in-key "@$T/key2"
is "the gateway has it" "$("$KEYS" list --store "$G/gateway.db" | tail -n 1)" \
	"X1"$'\t'"g2"$'\t'"X1@gw"$'\t'"$(printf X1@in | sha256sum | cut -c -14)"
is "the IN has it, with its only gateway" "$("$KEYS" list --store "$G/in.db" | tail -n 1 | cut -f 1,2,3,5,6)" \
	"X1"$'\t'"g2"$'\t'"X1@in"$'\t'"mn-cse-1"$'\t'"group"
is "list -j" "$("$KEYS" list -j --store "$G/in.db" | tail -n 2 | head -n 1 | sed 's/,"kid".*"gateway_id"/,"gateway_id"/')" \
	'{"device_id":"X1","group":"g2","kpsa_id":"X1@in","gateway_id":"mn-cse-1","use":"group","authenticated_generation":0,"authenticated_at":0}'
shown()
{
	for s in in gateway; do
		"$KEYS" list --store "$G/$s.db"
		"$KEYS" list -j --store "$G/$s.db"
		"$KEYS" list --peers -j --store "$G/$s.db"
	done
}
is "list shows no key" "$(shown | grep -ciE '[0-9a-f]{16}')" 0
fails "the same device again" 1 "a device of this ID" add in.db --in-id X2@in --in-key $key1
fails "the same device, written otherwise" 1 "a device of this ID" "$KEYS" add --store "$G/in.db" \
	--device Ｘ１ --group g1 --in-id X2@in --in-key $key1
fails "the same KpsaId" 1 "a device with this KpsaId" "$KEYS" add --store "$G/in.db" --device X2 --group g1 \
	--in-id X1@in --in-key $key1
fails "the same key" 1 "a device with this key" "$KEYS" add --store "$G/in.db" --device X2 --group g1 \
	--in-id X2@in --in-key $key2
fails "the IN's key at the gateway" 1 "for the IN's alone" add gateway.db --inner-id X2@gw --inner-key $key2 \
	--in-id X2@in --in-key ff$key2
fails "the gateway's key at the IN" 1 "for a gateway's" add in.db --in-id X2@in --in-key ff$key2 --inner-id X2@gw
fails "one key for both" 2 "one use, not two" add in.db --in-id X2@in --in-key $key1 --inner-id X2@gw --inner-key $key1
fails "--use at the gateway" 1 "for the IN's" add gateway.db --inner-id a@b --inner-key $key2 --in-id a@c --use direct
fails "an unknown use" 2 "group or direct" add in.db --in-id a@b --in-key $key1 --use both
fails "an identifier without issuer" 2 "--in-id" add in.db --in-id X2 --in-key $key1
fails "a short key" 1 "shorter than 16" "$KEYS" add --store "$G/in.db" --device S --group g1 \
	--in-id test@onem2m.com --in-key 0123456789ab
fails "a short key is told when it is allowed" 0 "a key of 6 bytes" "$KEYS" add --store "$G/in.db" --device S \
	--group g1 --in-id test@onem2m.com --in-key 0123456789ab --allow-short-keys
check "a device in direct use" "$KEYS" add --store "$G/in.db" --device D --group g1 --in-id D@in --in-key $key1 \
	--use direct --gateway mn-cse-9
is "is listed so" "$("$KEYS" list --store "$G/in.db" | grep -P '^D\t' | cut -f 5,6)" "mn-cse-9"$'\t'"direct"
check "a second gateway" "$KEYS" add --store "$G/in.db" --peer mn-cse-9 --peer-id mn-cse-9@in-cse-1 --peer-key ff$key2
fails "then --gateway is needed" 1 "--gateway is needed" "$KEYS" add --store "$G/in.db" --device E --group g1 \
	--in-id E@in --in-key ee$key1
check "removed again" "$KEYS" remove --store "$G/in.db" --peer mn-cse-9
check "a device is removed" "$KEYS" remove --store "$G/in.db" --device X1
fails "not twice" 1 "no device of this ID" "$KEYS" remove --store "$G/in.db" --device X1
fails "no store" 1 "No such file" "$KEYS" list --store "$G/none.db"
fails "a file that is no store" 1 "not a" "$KEYS" list --store "$G/mncsed.yaml"
chmod 644 "$G/in.db"
fails "a store that others can read" 1 "chmod 600" "$KEYS" list --store "$G/in.db"
chmod 600 "$G/in.db"

# ---- import, export

exec 8>"$G/in.db.lock"
flock -n 8
fails "import into a store in use" 1 "stop its daemon" "$KEYS" import --store "$G/in.db" "$G/devices.csv"
fails "add to a store in use whose daemon is not to be found" 1 "cannot be asked" "$KEYS" add --store "$G/in.db" \
	--device X9 --group g1 --in-id X9@in --in-key ${key2}00 --gateway mn-cse-1
check "list does not mind" "$KEYS" list --store "$G/in.db"
exec 8>&-

is "psk lines" "$("$KEYS" export --store "$G/gateway.db" --format psk | head -n 1)" \
	"C00001@mn-cse-1:$(column inner_key_hex "$G/devices.csv" | head -n 1)"
fails "no psk lines of an IN" 1 "for a gateway's store" "$KEYS" export --store "$G/in.db" --format psk
fails "an unknown format" 2 "csv or psk" "$KEYS" export --store "$G/in.db" --format xml
check "export to a file" "$KEYS" export --store "$G/in.db" --out "$T/in.csv"
is "which is private" "$(stat -c %a "$T/in.csv")" 600
fails "not twice" 1 "there already" "$KEYS" export --store "$G/in.db" --out "$T/in.csv"
check "but with --force" "$KEYS" export --store "$G/in.db" --out "$T/in.csv" --force
"$KEYS" export --store "$G/gateway.db" >"$T/gateway.csv"
is "an export has the columns of devices.csv first" "$(head -n 1 "$T/in.csv") $(head -n 1 "$T/gateway.csv")" \
	"$(head -n 1 "$G/devices.csv"),use $(head -n 1 "$G/devices.csv"),kid_hex"
is "and not the other's keys" "$(column inner_key_hex "$T/in.csv" | sort -u)$(column in_key_hex "$T/gateway.csv" | sort -u)" ""

# What was exported goes into an empty store again, whole.
empty()
{
	local s

	rm -rf "$T/e"
	"$KEYS" init --out "$T/e" --devices 1 --id-format 'gone-%d'
	for s in in gateway; do
		"$KEYS" remove --store "$T/e/$s.db" --device gone-1
	done
}
empty
run "$KEYS" import --store "$T/e/in.db" --allow-short-keys "$T/in.csv"
check "short keys are told at an import" grep -q "1 of them with a key of less than 16 bytes" <<<"$ERR"
"$KEYS" import --store "$T/e/gateway.db" - <"$T/gateway.csv" 2>/dev/null
is "an IN's export is imported whole" "$("$KEYS" export --store "$T/e/in.db")" "$(<"$T/in.csv")"
is "a gateway's too" "$("$KEYS" export --store "$T/e/gateway.db")" "$(<"$T/gateway.csv")"
fails "a short key is not without permission" 1 "line .*shorter than 16" "$KEYS" import --store "$T/e/in.db" "$T/in.csv"

# One CSV file for both, with columns in another order, unknown ones, quotes and CRLF
empty
awk -F, -v OFS=, '{ print "\"a \"\"note\"\", " NR "\"", $8, $7, $6, "\"" $5 "\"", $4, $3, $2, $1 "\r" }' \
	"$G/devices.csv" | sed '1s/^"[^,]*, 1"/note/' >"$T/mixed.csv"
check "import at the gateway" "$KEYS" import --store "$T/e/gateway.db" "$T/mixed.csv"
check "import at the IN" "$KEYS" import --store "$T/e/in.db" "$T/mixed.csv"
is "the gateway then has them" "$("$KEYS" export --format psk --store "$T/e/gateway.db")" \
	"$("$KEYS" export --format psk --store "$G/gateway.db" | head -n 2)"
is "the IN too" "$("$KEYS" export --store "$T/e/in.db" | grep ^C)" "$("$KEYS" export --store "$G/in.db" | grep ^C)"

# Every bad line is told, nothing is imported
empty
h='device_id,inner_id,inner_key_hex,in_id,in_key_hex,group,gateway_id,cse_id'
k() # N: a key
{
	printf '%064x' "$1"
}
{
	echo "$h"
	echo "A1,A1@mn,$(k 1),A1@in,$(k 101),g1,mn-cse-1,in-cse-1" # good
	echo "A1,A2@mn,$(k 2),A2@in,$(k 102),g1,mn-cse-1,in-cse-1" # 3: ID
	echo "A3,A1@mn,$(k 3),A1@in,$(k 103),g1,mn-cse-1,in-cse-1" # 4: KpsaId
	echo "A4,A4@mn,$(k 1),A4@in,$(k 101),g1,mn-cse-1,in-cse-1" # 5: key
	echo "A5,A5@mn,$(k 5),A5@in,$(k 5),g1,mn-cse-1,in-cse-1"   # 6: one key
	echo "A6,A6@mn,zz,A6@in,zz,g1,mn-cse-1,in-cse-1"           # 7: hex
	echo "A7,A7@mn,$(k 7),A7@in"                               # 8: fields
	echo "A8,A8@mn,\"$(k 8),A8@in,$(k 108)x,g1,mn-cse-1,in-cse-1\"" # 9: fields, by the quotes
	echo "A9,A9@mn,$(k 9),A9@in,$(k 109),,mn-cse-1,in-cse-1"   # 10: group
	echo "B1,B1@mn,$(k 11),B1@in,$(k 111),g1,mn-cse-2,in-cse-2" # 11: other entities
	echo "B2,B2,$(k 12),B2,$(k 112),g1,mn-cse-1,in-cse-1"      # 12: identifiers
	printf 'B3\xff,B3@mn,%s,B3@in,%s,g1,mn-cse-1,in-cse-1\n' "$(k 13)" "$(k 113)" # 13: UTF-8
	echo "Ａ１,B4@mn,$(k 14),B4@in,$(k 114),g1,mn-cse-1,in-cse-1" # 14: ID, normalised
	echo "B5,B5@mn,$(k 15),B5@in,$(k 115),g1,mn-cse-1,in-cse-1" # good
} >"$T/bad.csv"
for s in in gateway; do
	run "$KEYS" import --store "$T/e/$s.db" "$T/bad.csv"
	is "$s.db: a bad file is refused" "$RC" 1
	is "$s.db: every bad line is told" "$(sed -n 's/.* line \([0-9]*\): .*/\1/p' <<<"$ERR" | xargs)" \
		"3 4 5 6 7 8 9 10 11 12 13 14"
	is "$s.db: and how many" "$(tail -n 1 <<<"$ERR")" "mncse-keys: error: nothing is imported: 12 bad lines, 2 good"
	is "$s.db: nothing is imported" "$(devices_in "$T/e/$s.db")" 0
	is "$s.db: no key is told" "$(grep -cE '[0-9a-f]{16}' <<<"$ERR")" 0
done
for line in "3: .*of this ID" "4: .*with this KpsaId" "5: .*with this key" "6: .*one key" "7: in_key_hex" \
	"8: 4 fields, the header has 8" "10: group" "11: cse_id" "12: in_id" "13: device_id" "14: .*of this ID"; do
	fails "the reason of line ${line%%:*}" 1 "line $line" "$KEYS" import --store "$T/e/in.db" "$T/bad.csv"
done
fails "a header without a column" 1 "no column in_key_hex" "$KEYS" import --store "$T/e/in.db" - \
	< <(echo device_id,in_id,group,gateway_id)
fails "an empty file" 1 "empty" "$KEYS" import --store "$T/e/in.db" /dev/null
fails "no file" 1 "No such file" "$KEYS" import --store "$T/e/in.db" "$T/none.csv"
head -n 2 "$T/bad.csv" >"$T/good.csv"
check "a good file still goes in" "$KEYS" import --store "$T/e/in.db" "$T/good.csv"
fails "but not twice" 1 "1 bad line, 0 good" "$KEYS" import --store "$T/e/in.db" "$T/good.csv"

finish
