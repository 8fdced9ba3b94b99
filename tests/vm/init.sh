#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /init of the guest: loads the module, runs the tests: with the machine's best ciphers, then with asynchronous ones.
# The console is the report. QEMU ends with status 3 when all is well.

export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# A panic still shows; the rest is shown at the end, so that no line of the report is torn.
echo 1 >/proc/sys/kernel/printk
ip link set lo up
export CMOCKA_MESSAGE_OUTPUT=TAP
failed=0

# The console shows the kernel's own words too: one line each, so that a report is not torn.
say() { echo "vm: $*"; }
bad()
{
	say "FAILED: $*"
	failed=1
}

for m in $(cat /modules.order); do
	insmod "/modules/$m" || bad "loading $m"
done

# round NAME GROUPS PARAMETERS...: the module is loaded, tested, and gone
round()
{
	name=$1 groups=$2
	shift 2
	say "round $name: $*"
	if ! insmod /mncse.ko "$@"; then
		bad "loading mncse.ko $*"
		return
	fi
	chosen=$(sed -n 's,.*mncse.groups=\([^ ]*\).*,\1,p' /proc/cmdline | tr , ' ')
	main ${chosen:-$groups} || bad "round $name"
	if [ -d /sys/module/mncse ]; then
		rmmod mncse || bad "unloading mncse.ko"
	fi
}

driver() { dmesg | sed -n "s/.*mncse: $1(aes) by //p" | head -n 1; }

round best "netlink records handshake fanout outer carry carry_limits life"
gcm=$(driver gcm) ccm=$(driver ccm)
say "gcm(aes) is $gcm, ccm(aes) is $ccm"
case $gcm in *aesni* | *aes-ni* | *vaes*) ;; *) bad "gcm(aes) is $gcm: not the machine's own instructions" ;; esac
# service requests flow while everything ends
round traffic "carry_life carry_unload"
# pcrypt hands every record to a work queue: all completions come later.
round async "records fanout carry carry_life life" "gcm=pcrypt($gcm)" "ccm=pcrypt($ccm)"

dirty=$(dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace|INFO: |rcu:.*stall|refcount_t|mncse: selftest')
if [ -n "$dirty" ]; then
	say "$dirty"
	bad "the kernel's log is not clean"
fi
if [ $failed -eq 0 ]; then
	say "all is well"
	main exit 1
fi
dmesg | tail -n 60
main exit 2
