#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-vm-bpf: boots Debian's cloud kernels in QEMU and runs the BPF programs in each: bpf_init.sh is the guest's /init, bpf_test.sh
# what it runs. bpf_run.sh B [SERIES...]; programs and tests are built. Ends with "N passed, N failed, N skipped".

set -uo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
b=$1
shift
[ $# -gt 0 ] || set -- 6.1 6.12
LIMIT=${VM_TIMEOUT:-600}
passed=0 failed=0

# Of the guest's kernel; clsact is sch_ingress.
MODULES="veth sch_ingress cls_bpf act_bpf sch_prio"
PROGRAMS="mncsed incsed mncse-keys mncse-bench mncse-device mncsectl"

# put ROOT FILE TARGET: a program with its libraries
put()
{
	cp -L "$2" "$1$3" || return 1
	{ ldd "$2" 2>/dev/null || :; } | grep -o '/[^ ]*' | while read -r f; do
		mkdir -p "$1$(dirname "$f")"
		[ -e "$1$f" ] || cp -L "$f" "$1$f"
	done
}

# pack SERIES INITRD
pack()
{
	local vm=build/vm/$1 release root m f
	release=$(<"$vm/release")
	root=$b/vm/bpf-root-$1
	rm -rf "$root"
	mkdir -p "$root"/{bin,sbin,proc,sys,dev,run,tmp,etc,modules,bpftest,tests}
	cp /bin/busybox "$root/bin/" || return 1
	put "$root" /bin/bash /bin/bash || return 1
	for m in ip tc; do
		f=$(PATH=$PATH:/usr/sbin:/sbin command -v $m) || { echo "$m is missing: run \`sudo make deps\`" >&2; return 1; }
		put "$root" "$f" "/sbin/$m" || return 1
	done
	for m in $PROGRAMS; do
		put "$root" "$b/bin/$m" "/bin/$m" || return 1
	done
	put "$root" "$b/vm/main" /bin/main || return 1 # ends the machine
	for f in "$b"/bpftest/*; do
		[ ! -f "$f" ] || put "$root" "$f" "/bpftest/$(basename "$f")" || return 1
	done
	cp tests/netns/{lib,bpf}.sh tests/vm/bpf_test.sh "$root/tests/"
	cp tests/vm/bpf_init.sh "$root/init"
	for m in $MODULES; do
		/sbin/modprobe -S "$release" -d "$vm/modules" --show-depends "$m" 2>/dev/null
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r f; do
		cp "$f" "$root/modules/"
		basename "$f"
	done >"$root/modules.order"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$2"
}

for series in "$@"; do
	log=$b/vm/bpf-$series.log
	initrd=$b/vm/bpf-$series.cpio
	pack "$series" "$initrd" || exit 1
	echo "# kernel $(<"build/vm/$series/release")"
	nice -n 10 timeout -k 10 "$LIMIT" qemu-system-x86_64 -accel tcg -cpu max,-cx16 -smp 2 -m 1024 \
		-kernel "build/vm/$series/vmlinuz" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 oops=panic quiet" \
		-display none -no-reboot -nodefaults -serial stdio \
		-device isa-debug-exit,iobase=0x501,iosize=1 </dev/null >"$log" 2>&1
	status=$?
	grep -aE '^(not )?ok |^vm: |^bpf-info: ' "$log" | tr -d '\r' |
		sed -E "s/^ok ([0-9]+ )?-/ok - $series:/; s/^not ok ([0-9]+ )?-/not ok - $series:/"
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
