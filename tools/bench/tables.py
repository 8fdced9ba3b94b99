#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tables.py FOLDER DEVICES: the tables of `make bench` from the JSON files that bench.sh left."""
import glob
import json
import os
import re
import statistics
import sys

folder, devices = sys.argv[1], int(sys.argv[2])


def load(name):
    path = os.path.join(folder, name + ".json")
    try:
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def rounds(name):
    """All rounds of a figure."""
    paths = glob.glob(os.path.join(folder, glob.escape(name) + ".[0-9]*.json"))
    return [o for o in (load(os.path.basename(p)[:-5]) for p in sorted(paths)) if o]


def phase(run, name):
    return next((p for p in run["phases"] if p["name"] == name and p["count"]), None)


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def cost(runs, name):
    """Median over the rounds of the gateway's microseconds for one of that phase."""
    return median([p["cpu_us_gateway"] for p in (phase(r, name) for r in runs) if p])


def text(v, digits=2):
    return "-" if v is None else f"{v:.{digits}f}"


def ratio(a, b):
    return a / b if a is not None and b else None


def table(title, head, rows):
    rows = [head] + [[str(c) for c in r] for r in rows]
    width = [max(len(r[i]) for r in rows) for i in range(len(head))]
    print(f"\n{title}")
    for r in rows:
        print("  " + "  ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(r, width))).rstrip())


def kib_a_session(run):
    p = phase(run, "handshake")
    if not p or not p["gateway_rss_bytes"] or "rss_start_bytes" not in run:
        return None
    return (p["gateway_rss_bytes"] - run["rss_start_bytes"]) / run["devices"] / 1024


def servers():
    rows = []
    floor = median([r["cpu_us"] for r in rounds("floor")])
    rows.append(["floor (UDP echo)", "floor", "-", "-", text(floor), "1.00", "-", "-", "-"])
    tiny = rounds("tinydtls")
    tiny_hs, tiny_get = median([r["hs_cpu_us"] for r in tiny]), median([r["req_cpu_us"] for r in tiny])
    for suite in "ccm8", "gcm":
        runs = rounds("gateway-" + suite)
        hs, get = cost(runs, "handshake"), cost(runs, "get")
        rows.append([f"mncsed {suite}", "mncse-bench", text(hs, 1), "-", text(get), text(ratio(get, floor)), "-",
                     text(median([kib_a_session(r) for r in runs])), "-"])
    for name, title in (("dtlsload-PSK-AES128-CCM8", "mncsed ccm8"), ("dtlsload-PSK-AES128-GCM-SHA256", "mncsed gcm"),
                        ("tinydtls", "tinydtls ccm8"), (f"libcoap-openssl-{devices}", "libcoap openssl"),
                        (f"libcoap-gnutls-{devices}", "libcoap gnutls")):
        runs = rounds(name) or [o for o in [load(name)] if o]
        if not runs:
            continue
        hs, get = median([r["hs_cpu_us"] for r in runs]), median([r["req_cpu_us"] for r in runs])
        rows.append([title, "dtlsload", text(hs, 1), text(ratio(hs, tiny_hs)), text(get), text(ratio(get, floor)),
                     text(ratio(get, tiny_get)), text(median([r["rss_kib_per_session"] for r in runs])),
                     f'{min(r["opened"] for r in runs)}'])
    table(f"Server CPU in microseconds, {devices} sessions (medians)",
          ["server", "load by", "handshake", "/tinydtls", "GET", "/floor", "/tinydtls", "KiB/session", "opened"], rows)


def growth():
    runs = [o for o in (load(n) for n in (os.path.basename(p)[:-5] for p in glob.glob(folder + "/growth-*.json"))) if o]
    runs.sort(key=lambda r: r["devices"])
    rows, first = [], None
    for r in runs:
        p = {n: phase(r, n) for n in ("handshake", "get", "rand", "request")}
        cells = [p[n]["cpu_us_gateway"] if p[n] else None for n in p]
        first = first or cells
        spread = p["rand"]["last_ms"] - p["rand"]["first_ms"] if p["rand"] else None
        rows.append([r["devices"]] + [f"{text(c)} (x{text(ratio(c, f))})" for c, f in zip(cells, first)] +
                    [text(spread, 1), text(p["request"]["cpu_us_in"] if p["request"] else None, 1), text(kib_a_session(r))])
    table("Growth: microseconds of the gateway's CPU each (and against the first row)",
          ["sessions", "handshake", "GET", "Rand", "request", "Rand ms first to last", "request, IN", "KiB/session"], rows)


def peers():
    rows = []
    for path in sorted(glob.glob(folder + "/libcoap-*.json")):
        name = os.path.basename(path)[:-5]
        o = load(name)
        if o:
            rows.append([name, o["opened"], text(o["handshakes_per_s"], 0), text(o["hs_cpu_us"], 1), text(o["req_cpu_us"], 1),
                         text(o["rss_kib_per_session"])])
    if rows:
        table("libcoap's servers", ["server and sessions", "opened", "handshakes/s", "us/handshake", "us/GET", "KiB/session"], rows)


def modes():
    rows = []
    for mode in "group", "proxy":
        paths = [p for p in glob.glob(f"{folder}/{mode}-*.json") if re.search(r"-\d+\.json$", p)]
        for o in sorted((load(os.path.basename(p)[:-5]) for p in paths), key=lambda o: o["devices"]):
            m, n = o["messages"], o["devices"]
            rows.append([mode, n, m["server_in"], m["server_out"], m["gateway_in"], m["gateway_out"],
                         o["outer_datagrams"]["in"] + o["outer_datagrams"]["out"],
                         text(o["bytes"]["outer"] / n, 0), text(o["bytes"]["inner"] / n, 0),
                         text(o["cpu_s"]["in"] / n * 1e6, 1), text(o["cpu_s"]["gateway"] / n * 1e6, 1)])
    if rows:
        table("Figure 8.2.1-2", ["mode", "n", "server in", "server out", "gateway in", "gateway out", "outer datagrams",
                                 "outer bytes/dev", "inner bytes/dev", "IN us/dev", "gateway us/dev"], rows)


def single():
    rows = []
    for suite in "ccm8", "gcm":
        runs = rounds("gateway-" + suite)
        rows.append([f"service request in the gateway, {suite}", text(cost(runs, "request")), "us"])
        rands = [p for p in (phase(r, "rand") for r in runs) if p]
        rows.append([f"Rand, first device to last, {suite}", text(median([p["last_ms"] - p["first_ms"] for p in rands]), 1), "ms"])
        rows.append([f"Rand, arrival to last send in the gateway, {suite}", text(median([p.get("gateway_span_ms") for p in rands]), 1), "ms"])
        rows.append([f"Rand, rekey to last device, {suite}", text(median([p["last_ms"] for p in rands]), 1), "ms"])
    for name, what in ("restart", "reconnect after a restart"), ("restart-wide", "the same, half_open twice the devices"):
        o = load(name)
        p = phase(o, "reconnect") if o else None
        rows.append([what, text(p["last_ms"] if p else None, 0), "ms until the last"])
    o = load("steady")
    for name in "steady", "get":
        p = phase(o, name) if o else None
        if p:
            rows.append([f"{name} at {p['wanted_per_s']:.0f}/s, open loop",
                         " / ".join(text(p[k]) for k in ("p50_ms", "p99_ms", "p999_ms", "max_ms")), "ms p50/p99/p99.9/max"])
    table(f"{devices} devices (medians where there are rounds)", ["figure", "value", "unit"], rows)


servers()
single()
growth()
peers()
modes()
