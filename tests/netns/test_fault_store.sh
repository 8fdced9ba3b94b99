#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 300
#
# The store cannot be written: another process has it, the disk is full, the disk is read-only. What was acknowledged is there, what was not
# is refused or not answered, the log says why, and with the cause gone all goes on without a restart.

. "$(dirname "$0")/fault.sh"

SMALL=

# end: before lib.sh's, which removes T
end()
{
	local code=$?

	[ -z "$SMALL" ] || umount -l "$SMALL"
	(exit $code)
	cleanup
}
trap end EXIT

# creates ID: a device creates an instance and is told so: a line in T/acknowledged (check runs it in a shell of its own)
creates()
{
	device "$1" --timeout "${2:-20}" --send "$CREATE" || return 1
	echo "$1" >>"$T/acknowledged"
}

stored()
{
	sqlite3 -readonly "$SMALL/in.db" 'SELECT count(*) FROM resource WHERE ty = 4'
}

# hold STORE: another process has the write lock until let_go
hold()
{
	mkfifo "$T/hold"
	stdbuf -oL sqlite3 "$SMALL/$1" <"$T/hold" >"$T/hold.log" 2>&1 &
	PIDS[hold]=$!
	exec 8>"$T/hold"
	printf '.timeout 10000\nBEGIN IMMEDIATE;\nSELECT "held";\n' >&8
	wait_until 20 grep -q held "$T/hold.log" || bail "another process takes the write lock of $1"
}

let_go()
{
	printf 'ROLLBACK;\n.quit\n' >&8
	exec 8>&-
	wait "${PIDS[hold]}"
	unset "PIDS[hold]"
	rm -f "$T/hold"
}

# fill: not a byte is left
fill()
{
	dd if=/dev/zero of="$SMALL/fill" bs=4096 >/dev/null 2>&1
	! dd if=/dev/zero of="$SMALL/more" bs=4096 count=1 >/dev/null 2>&1
	rm -f "$SMALL/more"
}

net_up
keys 6
mkdir "$T/small"
mount -t tmpfs -o size=2m,mode=0755 small "$T/small" || skip "a tmpfs cannot be mounted"
SMALL=$T/small
mv "$T/in.db" "$T/gateway.db" "$SMALL/"
set_option incsed.yaml store small/in.db
set_option mncsed.yaml store small/gateway.db
start_both
check "a device works" creates C00001

# ---- somebody else has the store

hold in.db
check "a request meanwhile is not acknowledged" eval '! creates C00002 3'
check "the log says why, before it is over" wait_until 30 grep -q 'store: .*locked' "$T/incsed.log"
let_go
check "and with the lock gone the next is, without a restart" wait_until 30 creates C00003

hold gateway.db
NEW=$(rekey)
check "a new Rand is drawn meanwhile" test -n "$NEW"
is "the gateway does not acknowledge it" "$(stat_of incsed outer.rand_acked)" 1
let_go
check "with the lock gone it does" wait_until 30 stat_is incsed outer.rand_acked 2
check "and devices go on under the new Rand" creates C00004

# ---- the disk is full

check "the disk is full" fill
check "a request is not acknowledged" eval '! creates C00002 3'
rm "$SMALL/fill"
check "with space the next is, without a restart" wait_until 30 creates C00005
check "the log says that the disk is full" grep -qi 'full' "$T/incsed.log"

check "what was acknowledged is in the store" test "$(stored)" -ge "$(wc -l <"$T/acknowledged")"
check "and nothing beside what was asked for" test "$(stored)" -le 8

# ---- read-only

stop mncsed
stop incsed
check "the disk becomes read-only" mount -o remount,ro "$SMALL"
for program in incsed mncsed; do
	timeout 30 "$BIN/$program" -c "$T/$program.yaml" >"$T/ro.log" 2>&1
	is "$program does not start" $? 1
	check "it says that it cannot write" grep -qiE 'read-only|readonly' "$T/ro.log"
done
check "the disk can be written again" mount -o remount,rw "$SMALL"
start_both
check "all goes on" creates C00006
finish
