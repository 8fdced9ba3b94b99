#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-vm: boots Debian's cloud kernels in QEMU and runs the kernel tests (init.sh) in each.
# run.sh B [SERIES...]; the programs and the modules are built. VM_GROUPS="a,b": only these. Prints TAP lines of the
# guests, ends with "N passed, N failed, N skipped".

set -uo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
b=$1
shift
[ $# -gt 0 ] || set -- 6.1 6.12
LIMIT=${VM_TIMEOUT:-900}
passed=0 failed=0

# Modules that the guest loads first, each with what it needs.
WANTED="udp_tunnel ip6_udp_tunnel aesni_intel ghash_generic gcm ccm ctr cryptd pcrypt"

# pack SERIES INITRD
pack()
{
	local vm=build/vm/$1 release root m f
	release=$(<"$vm/release")
	root=$b/vm/root-$1
	rm -rf "$root"
	mkdir -p "$root"/{bin,proc,sys,dev,modules}
	cp /bin/busybox "$root/bin/"
	ln -s busybox "$root/bin/sh"
	cp tests/vm/init.sh "$root/init"
	cp "$b/vm/main" "$root/bin/main"
	cp "$b/kmod/$release/mncse.ko" "$root/"
	for m in $WANTED; do
		/sbin/modprobe -S "$release" -d "$vm/modules" --show-depends "$m" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$root/modules.list"
	while read -r f; do
		cp "$f" "$root/modules/"
		basename "$f"
	done <"$root/modules.list" >"$root/modules.order"
	cp /usr/bin/openssl "$root/bin/"
	{ ldd "$b/vm/main"; ldd /usr/bin/openssl; } | grep -o '/[^ ]*' | while read -r f; do
		mkdir -p "$root$(dirname "$f")"
		cp -L "$f" "$root$f"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$2"
}

for series in "$@"; do
	log=$b/vm/$series.log
	initrd=$b/vm/$series.cpio
	pack "$series" "$initrd" || exit 1
	echo "# kernel $(<"build/vm/$series/release")"
	# QEMU 7.2 at times leaves rubbish in the flags after cmpxchg16b: a guest without it. On a loaded machine a guest stands still for
	# seconds: it must not take that for a timer that does not work, or for a stall; the time limit is for what hangs.
	nice -n 10 timeout -k 10 "$LIMIT" qemu-system-x86_64 -accel tcg -cpu max,-cx16 -smp 2 -m 512 \
		-kernel "build/vm/$series/vmlinuz" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 oops=panic quiet no_timer_check nowatchdog rcupdate.rcu_cpu_stall_timeout=300${VM_GROUPS:+ mncse.groups=$VM_GROUPS}" \
		-display none -no-reboot -nodefaults -serial stdio \
		-device isa-debug-exit,iobase=0x501,iosize=1 </dev/null >"$log" 2>&1
	status=$?
	grep -aE '^(not )?ok |^vm: ' "$log" | tr -d '\r' | sed "s/^ok [0-9]* -/ok - $series:/; s/^not ok [0-9]* -/not ok - $series:/"
	good=$(grep -acE '^ok ' "$log")
	not_ok=$(grep -acE '^not ok ' "$log")
	if [ $status -ne 3 ] || ! grep -aq '^vm: all is well' "$log" || [ "$not_ok" -gt 0 ]; then
		echo "not ok - $series: the guest ended with status $status (see $log)"
		tail -n 40 "$log" | sed 's/^/    | /'
		not_ok=$((not_ok + 1))
	fi
	passed=$((passed + good))
	failed=$((failed + not_ok))
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
