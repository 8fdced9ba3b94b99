#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The life of the packages on a machine, from run.sh's container: results in tap, everything else in log.

set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root
D=/mncse-test
exec >>$D/log 2>&1 </dev/null

check()
{
	local name=$1

	shift
	echo "--- $name"
	if "$@"; then
		echo "ok - $name" >>$D/tap
	else
		echo "not ok - $name" >>$D/tap
		systemctl --no-pager status mncsed incsed
		journalctl --no-pager -n 40
	fi
}

wait_until()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

not()
{
	! "$@"
}

# Every file and account that there is, but for what changes by itself.
everything()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path $D -o -path /var/log -o -path /var/cache -o \
		-path /var/lib/dpkg -o -path /var/lib/systemd -o -path /root \) -prune -o -print
	find /run /var/lib/systemd/deb-systemd-helper* -path '*mncse*' -o -path '*incsed*' 2>/dev/null
	cut -d: -f1 /etc/passwd /etc/group
}

pid_of()
{
	systemctl show -P MainPID "$1"
}

another_pid()
{
	local pid

	pid=$(pid_of "$1")
	[ "$pid" != 0 ] && [ "$pid" != "$2" ] && systemctl is-active --quiet "$1"
}

upstream_up()
{
	mncsectl status | grep -q '^upstream: *up$'
}

authenticates()
{
	mncse-device --gateway 127.0.0.1:5684 --credentials /root/site/devices.csv --id "$1" --send 'in-cse/cnt={"m2m:cin":{"con":"1"}}'
}

put_keys()
{
	mncse-keys init --out /root/site --devices 4 &&
		install -o mncse -g mncse -m 600 /root/site/gateway.db /var/lib/mncse/ &&
		install -o mncse-in -g mncse -m 600 /root/site/in.db /var/lib/mncse-in/
}

# What the daemons need and the services' limits might refuse
no_warnings()
{
	local lines

	lines=$(journalctl -o cat -u mncsed -u incsed | grep -e ': warn: ' -e ': error: ' -e 'Failed to' -e 'Unknown key')
	[ -z "$lines" ] || { echo "$lines"; return 1; }
}

runs_as()
{
	[ "$(stat -c %U "/proc/$(pid_of "$1")")" = "$2" ] && grep -qx 'CapEff:[[:space:]]*0000000000000000' "/proc/$(pid_of "$1")/status"
}

# A reload with a mistake fails, names the line, and leaves the daemon as it is.
bad_reload()
{
	local pid

	pid=$(pid_of "$1")
	cp "/etc/mncse/$1.yaml" "/root/$1.yaml"
	echo "colour: blue" >>"/etc/mncse/$1.yaml"
	not systemctl reload "$1" || return 1
	mv "/root/$1.yaml" "/etc/mncse/$1.yaml"
	journalctl -o cat -u "$1" | grep -q "/etc/mncse/$1.yaml:[0-9]*: colour: " &&
		systemctl is-active --quiet "$1" && [ "$(pid_of "$1")" = "$pid" ]
}

# has_event UNIT MESSAGE_ID
has_event()
{
	journalctl -o cat _SYSTEMD_UNIT="$1.service" MESSAGE_ID="$2" | grep -q .
}

metrics()
{
	[ "$(mncsectl "$@" metrics | tail -n 1)" = '# EOF' ]
}

killed()
{
	local pid

	pid=$(pid_of "$1")
	kill -9 "$pid"
	wait_until 30 another_pid "$1" "$pid"
}

everything | sort >$D/before

check "installation without headers of the running kernel" dpkg -i $D/old/*.deb
check "DKMS has the module's sources" grep -q '^mncse' <(dkms status)
for s in mncsed incsed; do
	check "$s does not run before it has keys" not systemctl is-active $s
	check "$s is not enabled before it has keys" not systemctl is-enabled $s
	check "$s does not start without keys" not systemctl start $s
	check "$s says what is missing" grep -q 'error: .*\.db' <(journalctl -o cat -u $s)
	systemctl stop $s
	systemctl reset-failed $s
done
journalctl --rotate
journalctl --vacuum-time=1s

check "keys" put_keys
check "the services start" systemctl enable --now incsed mncsed
check "the gateway reaches the IN" wait_until 30 upstream_up
check "mncsed runs as its user, without a capability" runs_as mncsed mncse
check "incsed runs as its user, without a capability" runs_as incsed mncse-in
check "a device authenticates through the service" authenticates C00001
check "nothing is refused to the services" no_warnings
check "the journal has the event STARTED of mncsed" has_event mncsed fa4233d774a74de9a18741fba9f45f29
check "the journal has the event STARTED of incsed" has_event incsed fa4233d774a74de9a18741fba9f45f29
check "the journal has the event IN_UP" has_event mncsed 774818d724204e5b94aca3b8a145b0dc
check "metrics of mncsed" metrics
check "metrics of incsed" metrics --in
for s in mncsed incsed; do
	check "$s: a reload with a mistake fails and changes nothing" bad_reload $s
	check "$s: the journal has the event RELOAD_REFUSED" has_event $s 06a3b5dd39a44110af7a7a23c1e17efb
	check "$s: a good reload" systemctl reload $s
done
check "a device authenticates after that" authenticates C00001
# The IN first: a gateway notices its end only when pings are lost, a new gateway connects at once.
for s in incsed mncsed; do
	check "$s comes back after kill -9" killed $s
done
check "the gateway reaches the IN after that" wait_until 60 upstream_up
check "a device authenticates after that, too" authenticates C00002

gateway=$(pid_of mncsed) in=$(pid_of incsed)
echo '# mine' >>/etc/mncse/mncsed.yaml
check "upgrade" dpkg -i --force-confdef --force-confold $D/new/*.deb
check "the gateway was restarted" wait_until 30 another_pid mncsed "$gateway"
check "the IN was restarted" wait_until 30 another_pid incsed "$in"
check "the gateway reaches the IN after the upgrade" wait_until 60 upstream_up
check "a device authenticates after the upgrade" authenticates C00003
check "the configuration is kept" grep -qx '# mine' /etc/mncse/mncsed.yaml

check "removal" dpkg -r mncse-dkms mncse-in mncse
check "the services have stopped" not grep -qsx -e mncsed -e incsed /proc/[0-9]*/comm
check "the stores are kept until the purge" test -s /var/lib/mncse/gateway.db -a -s /var/lib/mncse-in/in.db
check "purge" dpkg -P mncse-dkms mncse-in mncse
everything | sort >$D/after
check "nothing is left" diff $D/before $D/after
echo "done" >$D/end
