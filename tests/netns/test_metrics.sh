#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# OpenMetrics text of both daemons: lawful, complete, and the same on the HTTP listener. And the counters reconcile: what came in is
# what was handled and each named drop, at any time, however much rubbish there is among it.

. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip "python3 is not installed"

RECONCILED='in_handshake in_session in_relayed hello_verify drop_junk drop_unknown drop_fragment drop_large drop_buffer'
MESSAGES='service_in malformed pings acknowledgements unmatched responses duplicates requests_gsa requests_other refused_method
	refused_option refused_kid refused_size refused_rate refused_busy refused_unavailable'

# lawful FILE: OpenMetrics 1.0, as far as it is used: heads before samples, families in one piece, no sample twice, suffixes, units, EOF
lawful()
{
	python3 - "$1" <<'PY'
import re, sys
lines = open(sys.argv[1]).read().split('\n')
assert lines[-2:] == ['# EOF', ''], 'the end'
family, kind, seen, samples = None, None, set(), set()
for line in lines[:-2]:
    if line.startswith('# TYPE '):
        _, _, family, kind = line.split(' ')
        assert re.fullmatch('[a-z_][a-z0-9_]*', family) and family not in seen, line
        assert kind in ('counter', 'gauge', 'info'), line
        seen.add(family)
        unit = help = None
    elif line.startswith('# UNIT '):
        _, _, name, unit = line.split(' ')
        assert name == family and family.endswith('_' + unit), line
    elif line.startswith('# HELP '):
        assert line.split(' ')[2] == family and help is None, line
        help = line
    else:
        m = re.fullmatch(r'([a-z0-9_]+)(\{([a-z]+="([^"\\\n]|\\["\\n])*"(,|(?=\})))+\})? (\d+(\.\d+)?)', line)
        assert m, line
        assert m[1] == family + {'counter': '_total', 'gauge': '', 'info': '_info'}[kind], line
        assert help, line
        assert (m[1], m[2]) not in samples, line
        samples.add((m[1], m[2]))
assert len(samples) > 60, len(samples)
PY
}

# complete WHO: as many samples as there are counters, beside those of status, layers and groups
complete()
{
	local counters samples

	counters=$(ctl "$1" stats | tail -n +2 | wc -l)
	samples=$(ctl "$1" metrics | grep -v '^#' | grep -cv '^mncse_\(build\|uptime\|devices\|upstream_up\|layer_\|group_\)')
	[ "$counters" = "$samples" ] || { echo "$counters counters, $samples samples"; return 1; }
}

# Every metric that the dashboard asks for is there.
dashboard()
{
	cat "$T/mncsed.metrics" "$T/incsed.metrics" | python3 -c '
import json, re, sys
there = set(re.findall(r"^(mncse_\w+)", sys.stdin.read(), re.M))
panels = json.load(open("docs/grafana.json"))["panels"]
wanted = {m for p in panels for t in p["targets"] for m in re.findall(r"mncse_\w+", t["expr"])}
assert len(wanted) > 20 and not wanted - there, wanted - there
'
}

# same WHO HOP THING SAMPLE: a counter that does not change meanwhile
same()
{
	[ "$(ctl "$1" metrics | awk -v s="$3" '$1 == s { print $2 }')" = "$(stat_of "$1" "$2")" ]
}

# reconciles WHO HOP TOTAL PART...
reconciles()
{
	local who=$1 hop=$2 total=$3

	shift 3
	ctl "$who" stats | awk -v hop="$hop." -v total="$total" -v parts="$*" '
	{ value[$1] = $2 }
	END {
		n = split(parts, p)
		for (i = 1; i <= n; i++) {
			if (!((hop p[i]) in value)) { print "no " hop p[i]; exit 1 }
			sum += value[hop p[i]]
		}
		print hop total " " value[hop total] ", parts " sum
		exit !(value[hop total] > 0 && value[hop total] == sum)
	}'
}

datagrams_reconcile()
{
	reconciles mncsed inner datagrams_in $RECONCILED && reconciles mncsed outer datagrams_in $RECONCILED &&
		reconciles incsed outer datagrams_in $RECONCILED
}

# A message may be on its way from one worker to the other.
messages_reconcile()
{
	reconciles mncsed inner messages_in $MESSAGES
}

# N datagrams of each kind that no device sends
rubbish()
{
	in_devices python3 - "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
record = lambda kind, epoch, body: bytes([kind, 254, 253]) + epoch.to_bytes(2, 'big') + bytes(6) + len(body).to_bytes(2, 'big') + body
hello = bytes([1, 0, 4, 0]) + bytes(2) + bytes([0, 0, 0, 0, 0, 16]) + bytes(16)
for i in range(int(sys.argv[1])):
    for d in (b'rubbish', record(23, 1, bytes(40)), record(22, 0, hello), bytes(20000)):
        s.sendto(d, ('198.18.1.1', 5684))
PY
}

http()
{
	ip netns exec "$GW" python3 - "$1" <<'PY'
import http.client, sys
c = http.client.HTTPConnection('127.0.0.1', 9464, timeout=20)
c.request('GET', sys.argv[1])
r = c.getresponse()
print(r.status, r.getheader('Content-Type'))
sys.stdout.write(r.read().decode())
PY
}

health_is()
{
	grep -qx "$1" <<<"$(http /health)"
}

net_up
keys 300 --group 'a"b\c'
echo "workers: 2" >>"$T/mncsed.yaml"
listener=
if ldd "$BIN/mncsed" | grep -q libmicrohttpd; then
	listener=1
	echo 'metrics: "127.0.0.1:9464"' >>"$T/mncsed.yaml"
fi
start_in
start_gateway
wait_until 20 upstream_is up || bail "the gateway reaches the IN"

spawn bench "$DEV" "$BIN/mncse-bench" --gateway "$GW_ADDR" --credentials "$T/devices.csv" --devices 300
for i in 1 2 3; do
	check "rubbish $i" rubbish 5
	check "counters reconcile under load, $i" datagrams_reconcile
done
ended()
{
	! alive bench
}
wait_until 120 ended || bail "mncse-bench ends"
for kind in junk unknown fragment large; do
	check "drop_$kind counts what was sent of it" wait_until 20 stat_is mncsed inner.drop_$kind 15
done
check "counters reconcile after that" datagrams_reconcile
check "messages reconcile" wait_until 20 messages_reconcile

for d in mncsed incsed; do
	ctl $d metrics >"$T/$d.metrics"
	check "the metrics of $d are lawful" lawful "$T/$d.metrics"
	check "the metrics of $d are complete" complete $d
done
check "a counter" same mncsed inner.service_in 'mncse_service_in_total{hop="inner"}'
check "a drop" same mncsed inner.drop_junk 'mncse_drops_total{hop="inner",reason="junk"}'
check "a counter of the IN" same incsed outer.executed 'mncse_executed_total{hop="outer"}'
check "a group's name is escaped" grep -qF 'mncse_group_members{group="a\"b\\c",gateway="mn-cse-1"} 300' "$T/mncsed.metrics"
check "the dashboard asks for metrics that there are" dashboard
is "-j is refused" "$(ctl mncsed -j metrics >/dev/null 2>&1; echo $?)" 2

if [ -n "$listener" ]; then
	http /metrics >"$T/http"
	is "GET /metrics" "$(head -n 1 "$T/http")" "200 application/openmetrics-text; version=1.0.0; charset=utf-8"
	tail -n +2 "$T/http" >"$T/http.metrics"
	check "the listener's metrics are lawful" lawful "$T/http.metrics"
	is "the listener has the same metrics" "$(grep '^#' "$T/http.metrics")" "$(grep '^#' "$T/mncsed.metrics")"
	check "GET /health" health_is ok
	is "another path" "$(sed -n 1p <<<"$(http /)")" "404 text/plain; charset=utf-8"
	stop incsed
	check "health without the IN" wait_until 60 health_is '503 text/plain; charset=utf-8'
	cp "$T/mncsed.yaml" "$T/other.yaml"
	sed -i 's/^metrics: .*/metrics: "198.18.1.1:9464"/' "$T/other.yaml"
	is "an address that is not loopback's is refused" \
		"$("$BIN/mncsed" -t -c "$T/other.yaml" 2>&1 | grep -c 'other.yaml:[0-9]*: metrics: expected an address and port of loopback')" 1
else
	echo "ok - the HTTP listener # SKIP built without libmicrohttpd"
fi
finish
