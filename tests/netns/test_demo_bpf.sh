#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TIMEOUT: 180
#
# The demo with the BPF programs and without: the same authentication; and with BPF=on it fails where they cannot be active.

BPF_MODE=on
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bpf.sh"

DEVICES=100
ROOT=$(cd "$(dirname "$0")/../.." && pwd)

net_up
keys 1
needs_bpf

# demo BPF [BIN]
demo()
{
	BIN=${2:-$BIN} DEVICES=$DEVICES NGROUPS=1 MODE=group BPF=$1 KMOD=off WORKERS=2 JSON="$T/$1.json" \
		"$ROOT/tools/demo/demo.sh" >"$T/demo-$1.log" 2>&1
}

# result BPF: what both must have in common
result()
{
	tr -d ' \n' <"$T/$1.json" | grep -o '"authenticated":[0-9]*\|"failed":[0-9]*\|"messages":{[^}]*}' | tr '\n' ' '
}

check "the demo with the programs" demo on
check "their counts were compared" grep -q "the BPF programs counted the same messages" "$T/demo-on.log"
check "the demo without" demo off
is "it does not speak of them" "$(grep -c "BPF programs counted" "$T/demo-off.log")" 0
is "both authenticate alike" "$(result on)" "$(result off)"
is "all of them" "$(result on | grep -o '"authenticated":[0-9]*')" "\"authenticated\":$DEVICES"

# a gateway that may not load them
if command -v setpriv >/dev/null; then
	mkdir "$T/bin"
	for p in incsed mncse-keys mncse-bench mncsectl; do
		ln -s "$(realpath "$BIN/$p")" "$T/bin/$p"
	done
	cat >"$T/bin/mncsed" <<-END
		#!/bin/sh
		exec setpriv --bounding-set=-bpf,-perfmon,-sys_admin --inh-caps=-bpf,-perfmon,-sys_admin "$(realpath "$BIN/mncsed")" "\$@"
	END
	chmod +x "$T/bin/mncsed"
	check "BPF=on fails where they cannot be active" eval '! demo on "$T/bin"'
	check "and says what is missing" grep -q "CAP_BPF CAP_PERFMON" "$T/demo-on.log"
	check "BPF=auto goes on" demo auto "$T/bin"
	is "with the same authentication" "$(result auto)" "$(result off)"
fi
finish
