# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the hostile tests share, beside lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# start_both [LEVEL]: IN and gateway, joined, with that log level
start_both()
{
	set_option incsed.yaml log "${1:-debug}"
	set_option mncsed.yaml log "${1:-debug}"
	start_in
	start_gateway
	wait_until 20 upstream_is up || bail "the gateway reaches the IN"
}

# from_device HELPER ARGUMENT... and from_gateway: a helper program in that namespace, in the folder T
from_device()
{
	(cd "$T" && ip netns exec "$DEV" "$HELPERS/$1" "${@:2}")
}

from_gateway()
{
	(cd "$T" && ip netns exec "$GW" "$HELPERS/$1" "${@:2}")
}

# hex TEXT: with the escapes of printf
hex()
{
	# shellcheck disable=SC2059
	printf "$1" | od -An -v -tx1 | tr -d ' \n'
}

# column ID N: a field of devices.csv (2 KpsaxmId, 3 its key, 4 KpsaxiId, 5 its key)
column()
{
	awk -F, -v id="$1" -v n="$2" '$1 == id { print $n }' "$T/devices.csv"
}

# kpsami: the gateway's key at the IN, in hex
kpsami()
{
	sqlite3 -readonly "$T/gateway.db" 'SELECT hex(psk) FROM peer'
}

# other_key HEX: as long, but another
other_key()
{
	tr '0-9a-fA-F' '1-9a-f00a-f0' <<<"$1"
}

# counters WHO NAME...: their values, in one line
counters()
{
	local who=$1 name

	shift
	ctl "$who" stats >"$T/stats"
	for name in "$@"; do
		awk -v name="$name" '$1 == name { printf "%s ", $2 }' "$T/stats"
	done
}

# plain_log WHO: nothing but printable ASCII is in its log
plain_log()
{
	! LC_ALL=C grep -n '[^ -~]' "$T/$1.log"
}

# served ID: this device is served, so the daemons live
served()
{
	device "$1" --timeout 20
}

# set_limit NAME VALUE: in the braces of mncsed.yaml
set_limit()
{
	sed -i "/^limits:/s/\([{ ]$1\): [0-9]*/\1: $2/" "$T/mncsed.yaml"
}
