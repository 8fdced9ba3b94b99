#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# /init of the guest of check-vm-bpf. The console is the report. QEMU ends with status 3 when all is well.

# iproute2 before what busybox has by the same names
export PATH=/sbin:/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
# network namespaces are mounts, which a ramfs root does not share
mount -t tmpfs tmp /run
mkdir -p /var
ln -s /run /var/run
echo 1 >/proc/sys/kernel/printk
ip link set lo up
export CMOCKA_MESSAGE_OUTPUT=TAP
failed=0

say() { echo "vm: $*"; }
bad()
{
	say "FAILED: $*"
	failed=1
}

for m in $(cat /modules.order); do
	insmod "/modules/$m" || bad "loading $m"
done

/bpftest/info >/tmp/info || bad "a program does not load"
sed 's/^/bpf-info: /' /tmp/info
for t in xdp_guard tc_class reuseport; do
	/bpftest/test_$t || bad "test_$t"
done
bash /tests/bpf_test.sh || bad "bpf_test.sh"

dirty=$(dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace|INFO: |stall|refcount_t')
if [ -n "$dirty" ]; then
	say "$dirty"
	bad "the kernel's log is not clean"
fi
status=2
if [ $failed -eq 0 ]; then
	say "all is well"
	status=1
else
	dmesg | tail -n 40
fi
main exit $status
