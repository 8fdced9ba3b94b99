# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of the BPF programs share, beside lib.sh: source it after the namespaces and keys are there (net_up, keys).

# bpf OPTIONS: the gateway's bpf: {...}
bpf()
{
	sed -i "s|^bpf:.*|bpf: {$1}|" "$T/mncsed.yaml"
}

# layer_is TEXT: in the line of the classify layer
layer_is()
{
	ctl mncsed layers | grep "classify" | grep -q -- "$1"
}

# wire_agrees MESSAGE: what the programs saw is what the gateway counted. The wire also shows what was sent again, which the gateway knows.
wire_agrees()
{
	local seen told again=0

	seen=$(stat_of mncsed "bpf.$1") told=$(stat_of mncsed "$1")
	case $1 in
	inner.service_in) again=$(stat_of mncsed inner.duplicates) ;;
	outer.service_out) again=$(stat_of mncsed outer.service_repeats) ;;
	esac
	[ "$seen" -ge "$told" ] && [ "$seen" -le $((told + ${again:-0})) ] && return
	echo "the programs saw $seen, the gateway counted $told and ${again:-0} repeated"
	return 1
}

# needs_bpf: skips the test where the programs cannot be active, with the gateway's own reason
needs_bpf()
{
	local pid

	ip netns exec "$GW" "$BIN/mncsed" -c "$T/mncsed.yaml" 2>"$T/probe.log" &
	pid=$!
	wait_until 30 grep -qE "ready|error" "$T/probe.log"
	if ! grep -q "ready" "$T/probe.log"; then
		wait $pid 2>/dev/null
		skip "$(grep -m 1 -o 'bpf.mode is on: .*\|built without .*' "$T/probe.log" || tail -n 1 "$T/probe.log")"
	fi
	kill $pid
	wait $pid 2>/dev/null
}

# mount_pins: a BPF file system at $PINS, which the gateway's mount namespace inherits; HAVE_PINS is empty when there can be none
mount_pins()
{
	PINS=$T/bpf
	mkdir "$PINS"
	mount -t bpf bpf "$PINS" 2>/dev/null && HAVE_PINS=1 || HAVE_PINS=
	trap 'end_mount; cleanup' EXIT
}

end_mount()
{
	local code=$?

	[ -z "$HAVE_PINS" ] || umount -l "$PINS"
	return $code
}
