#!/usr/bin/python3
"""The driver of `make bench-cluster`: compares how fast a control plane creates Pods.

The control plane is real, with different webhooks and quotas in the way of the Pods. Every result
is a ratio of values measured in the same run, in interleaved rounds. The value of a row is the
median. API server, etcd, controller manager, client and webhooks share this machine's cores.
Builds nothing.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
import cluster_quotas  # noqa: E402
import cluster_sides as sides  # noqa: E402
import cluster_ledger  # noqa: E402
import installed  # noqa: E402
from bench import machine  # noqa: E402
from cluster_sides import EDGE, GPU, PLENTY, Side, cpu_seconds  # noqa: E402
from cluster_store import Store  # noqa: E402
from control_plane import ControlPlane, eventually  # noqa: E402
from servers import say  # noqa: E402

NOTHING, NATIVE, FLOOR, BOTH, ONE, FLOOR_DEALT, THREE = (
    Side("nothing"), Side("ResourceQuota", native=True), Side("two do-nothing webhooks", floor=True),
    Side("both", floor=True, native=True), Side("gpugate, 1 replica", replicas=1),
    Side("do-nothing webhooks, dealt", floor=True, dealt=True), Side("gpugate, 3 replicas, dealt", replicas=3, dealt=True))
PATCH = Side("webhooks that only patch", floor=True, patch=True)
PLAIN_NOTHING, PLAIN_NEVER, PLAIN_CONDITIONS, PLAIN_GPUGATE = (
    Side("plain Pods, nothing", plain=True), Side("plain Pods, conditions that are false", floor=True, plain=True, never=True),
    Side("plain Pods, conditions only", floor=True, plain=True), Side("plain Pods, gpugate", replicas=1, plain=True))
PLAIN_PODS_ONLY, PLAIN_ALL_KINDS = (Side("plain Pods, no other kind registered", replicas=1, plain=True, kinds="pods"),
                                    Side("plain Pods, claims and workloads registered", replicas=1, plain=True, kinds="all"))
ONE_PATCH = Side("gpugate, 1 replica, patching", replicas=1, patch=True)
SIDES = [NOTHING, NATIVE, FLOOR, BOTH, PATCH, ONE, ONE_PATCH, FLOOR_DEALT, THREE, PLAIN_NOTHING, PLAIN_NEVER, PLAIN_CONDITIONS, PLAIN_GPUGATE, PLAIN_PODS_ONLY, PLAIN_ALL_KINDS]
# (what is compared, with what, the required ratio)
RATIOS = [(ONE, BOTH, 1.0), (THREE, BOTH, 1.0), (ONE, FLOOR, 0.9), (THREE, FLOOR_DEALT, 0.9), (ONE_PATCH, PATCH, None), (PATCH, FLOOR, None), (ONE, NATIVE, None), (FLOOR_DEALT, FLOOR, None),
          (NATIVE, NOTHING, None), (FLOOR, NOTHING, None), (BOTH, NOTHING, None), (ONE, NOTHING, None), (PLAIN_CONDITIONS, PLAIN_NOTHING, 0.98), (PLAIN_NEVER, PLAIN_NOTHING, None), (PLAIN_CONDITIONS, PLAIN_NEVER, None),
          (PLAIN_GPUGATE, PLAIN_NOTHING, None), (PLAIN_ALL_KINDS, PLAIN_PODS_ONLY, 0.97)]
COUNTS = {"writes": ("gpugate_ledger_writes_total", {"outcome": "written"}), "conflicts": ("gpugate_ledger_writes_total", {"outcome": "conflict"}),
          "unknown": ("gpugate_ledger_writes_total", {"outcome": "unknown"})}
# Length of a text without Pods, see webhook/ledger/codec.h.
HEAD_BYTES = 2
PARTS = ["load", "truth", "refusals", "published", "ledger", "view"]
CONTROLLERS = "resourcequota-controller,serviceaccount-controller,namespace-controller"


class Run:
    def __init__(self, options, plane, work):
        self.options, self.plane, self.work = options, plane, work
        self.store = Store(plane.etcd_port)
        self.number = 0
        for name, asks in (("gpu", {GPU: "1"}), ("plain", {})):
            (work / name).write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "train-", "labels": {"app": "train"}}, "spec": {
                "containers": [{"name": "main", "image": "registry.example/train:1", "resources": {"limits": asks}}]}}))

    def namespace(self, tenant):
        self.number += 1
        return self.plane.namespace(f"{tenant}-{self.number}")

    def pods(self, namespace):
        """Returns how many Pods there really are, by a quorum read."""
        answer = self.plane.admin.request("GET", f"/api/v1/namespaces/{namespace}/pods", headers={
            "Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}).must()
        return len(answer["items"] or ())

    def cpu(self, pids):
        pids = {"apiserver": [self.plane.apiserver.pid], "etcd": [self.plane.etcd.pid], **pids}
        return {name: sum(map(cpu_seconds, each)) for name, each in pids.items()}

    def counts(self, side):
        return {name: sum(gate.metrics().value(family, **labels) for gate in side.gates) for name, (family, labels) in COUNTS.items()}

    def all_folded(self):
        """Whether everything admitted has been seen and folded."""
        return len(self.plane.admin.get("GPULedger", "cluster").must()["spec"].get("pending", "")) <= HEAD_BYTES

    def measure(self, side, pids, connections):
        namespace = self.namespace("bench")
        if side.native:
            sides.native_quota(self.plane, namespace, PLENTY)
        # Lets watchers and controllers finish the work of the previous run.
        time.sleep(0.5)
        cpu, counts = self.cpu(pids), self.counts(side)
        load = sides.run_load(self.options, self.plane, connections, namespace, self.work / ("plain" if side.plain else "gpu"),
                              "--seconds", self.options.seconds, "--warmup", 0.5)
        out, problem = load.communicate()
        assert out and load.returncode in (0, 1), f"{side.name}: {problem}"
        result = json.loads(out)
        if result["others"]:
            say(f"  not created: {result['others']} of {result['answered']}; the first: {problem.strip()}")
        created = result["answered"] - result["others"]
        # Refusals do not count as throughput.
        result["per_second"] *= created / result["answered"]
        result["cpu_us"] = {name: (after - cpu[name]) / result["answered"] * 1e6 for name, after in self.cpu(pids).items()}
        result["cpu_us"]["load"] = result["client_cpu_seconds"] / result["answered"] * 1e6
        if side.gates:
            result |= {name: after - counts[name] for name, after in self.counts(side).items()}
        # Pods that no replica has seen when they disappear would count until their time to live is
        # over. So would one whose generated name was taken, if the API server retried it with
        # another name and uid.
        if side.gates:
            eventually(self.all_folded, self.options.pending_seconds + 20, "an empty ledger")
        assert self.store.remove_pods(namespace) == created, f"{side.name}: not as many Pods as were answered"
        if side.native:
            self.plane.admin.delete("ResourceQuota", "gpus", namespace).must()
        return result

    def round(self, number, results):
        every = [side for side in SIDES if not self.options.sides or any(word in side.name for word in self.options.sides)]
        for side in every if number % 2 == 0 else reversed(every):
            with side.running(self.plane, self.options, "--settle-seconds", 1) as pids:
                for connections in self.options.connections:
                    result = self.measure(side, pids, connections)
                    results.setdefault(f"{side.name} @{connections}", []).append(result)
                    more = f"   {result['writes'] / result['answered']:.2f} writes, {result['conflicts'] / result['answered']:.2f} conflicts a create" if side.gates else ""
                    say(f"  round {number + 1}  {side.name:28} {connections:>3} connections {result['per_second']:>7.0f}/s   p50 {result['p50_us'] / 1000:>6.1f} ms   "
                        f"p99 {result['p99_us'] / 1000:>6.1f} ms{more}")


def cut_off(run, side, namespace):
    """Kills the load while requests are in flight."""
    load = sides.run_load(run.options, run.plane, 64, namespace, run.work / "gpu", "--seconds", 60, "--warmup", 0)
    eventually(lambda: run.pods(namespace) > 300, 60, "300 Pods")
    load.send_signal(signal.SIGKILL)
    load.communicate()


def fill(run, namespace):
    """Runs 64 clients at a limit of EDGE. Returns how many Pods there are then."""
    load = sides.run_load(run.options, run.plane, 64, namespace, run.work / "gpu", "--requests", 4 * EDGE, "--warmup", 0)
    load.communicate()
    return run.pods(namespace)


def truth(run):
    """Returns what was over-admitted and what leaked, for both kinds of quota."""
    plane, side = run.plane, Side("gpugate", replicas=3, dealt=True)
    cut, edge = run.namespace("bench"), run.namespace("edge")
    sides.native_quota(plane, cut, PLENTY)
    sides.native_quota(plane, edge, EDGE)
    cut_off(run, None, cut)
    native = {"leaked_at_once": sides.native_used(plane, cut) - run.pods(cut), "edge_admitted": fill(run, edge)}
    native["edge_used"] = sides.native_used(plane, edge)
    with side.running(plane, run.options, "--settle-seconds", 1) as _:
        taken, edge_taken = run.namespace("bench"), run.namespace("edge")
        cut_off(run, side, taken)
        others = run.pods(cut)  # Of the same tenant.

        def held(tenant):
            gate = side.gates[0]
            return [int(gate.metrics().value(f"gpugate_quota_{what}", tenant=tenant, quota="whole", measure="count")) for what in ("used", "pending")]
        at_once = held("bench")
        ours = {"pending_at_once": at_once[1], "leaked_at_once": sum(at_once) - others - run.pods(taken)}
        before = run.pods(edge)
        # The same tenant starts empty.
        run.store.remove_pods(edge)
        eventually(lambda: sum(held("edge")) == 0, 30, "an empty tenant")
        ours["edge_admitted"] = fill(run, edge_taken)
        say(f"  waiting for what was admitted and never stored to expire ({run.options.pending_seconds} s and a search)")
        began = time.monotonic()
        eventually(lambda: held("bench")[1] == 0, run.options.pending_seconds + 30, "the end of what is pending")
        time.sleep(max(0, run.options.pending_seconds - (time.monotonic() - began)))
        ours["expired_after_s"] = round(time.monotonic() - began, 1)
        ours["leaked_later"] = sum(held("bench")) - run.pods(cut) - run.pods(taken)
        ours["edge_used_later"] = sum(held("edge"))
        ours["edge_pods_later"] = run.pods(edge_taken)
    native["leaked_later"] = sides.native_used(plane, cut) - run.pods(cut)
    native["edge_pods"] = before
    for each in (native, ours):
        each["over_admitted"] = max(0, each["edge_admitted"] - EDGE)
    return {"limit": EDGE, "native": native, "gpugate": ours}


def refused(run, side, connections):
    """Returns the median time of a refusal, in microseconds, for a full tenant of which nothing is
    pending, and how many refusals were held."""
    namespace = run.namespace("full")
    run.plane.admin.create(json.loads((run.work / "gpu").read_text()), namespace).must()
    eventually(run.all_folded, 30, "an empty ledger")
    held = sum(gate.metrics().value("gpugate_ledger_held_total", outcome="all") for gate in side.gates)
    out, problem = sides.run_load(run.options, run.plane, connections, namespace, run.work / "gpu", "--seconds", run.options.seconds, "--warmup", 0.5,
                                  status=403).communicate()
    result = json.loads(out)
    assert result["others"] == 0, problem
    run.store.remove_pods(namespace)
    held = sum(gate.metrics().value("gpugate_ledger_held_total", outcome="all") for gate in side.gates) - held
    return result["p50_us"], held


def refusals(run):
    """Compares a refusal with nothing pending with an admission in the same run."""
    rows = []
    for side in (ONE, THREE):
        with side.running(run.plane, run.options, "--settle-seconds", 1) as pids:
            for connections in run.options.connections:
                ratios, helds = [], 0
                for _ in range(run.options.rounds):
                    admission = run.measure(side, pids, connections)["p50_us"]
                    refusal, held = refused(run, side, connections)
                    ratios.append(refusal / admission)
                    helds += held
                    say(f"  {side.name:28} {connections:>3} connections   p50 of an admission {admission / 1000:>6.1f} ms, of a refusal {refusal / 1000:>6.1f} ms")
                rows.append({"name": f"p50 of a refusal / an admission, {side.name} @{connections}", "value": round(statistics.median(ratios), 3),
                             "low": round(min(ratios), 3), "high": round(max(ratios), 3), "most": 3.0, "met": statistics.median(ratios) <= 3.0, "held": helds})
    return rows


def view(options, work, paged):
    """Returns startup time and memory of a view of many Pods: by WatchList, or by lists in pages.
    """
    gates = {"apiserver": ["--feature-gates=WatchList=false"] if paged else []}
    with ControlPlane(controllers=False, scheduler=False, **gates) as plane:
        prepare(plane)
        empty = sides.start_gate(plane, options, "gpugate-0", "--settle-seconds", 1)
        sides.wait_open([empty])
        time.sleep(0.5)
        before = kib(empty)
        empty.stop()
        plane.namespace("bench-view")
        plane.apiserver.stop()
        began = time.monotonic()
        each_bytes = Store(plane.etcd_port).put_pods("bench-view", options.pods, 8000, 0.1)
        say(f"  {options.pods} Pods put in {time.monotonic() - began:.0f} s")
        plane.apiserver.start()
        plane.admin.close()
        # By then, the API server itself has them.
        first = plane.admin.request("GET", "/api/v1/pods", limit=1).must()
        eventually(lambda: len(plane.admin.request("GET", "/api/v1/pods", limit=500, resourceVersion="0").must()["items"]) > 0, 120, "its cache")
        served = len(json.dumps(first["items"][0], separators=(",", ":")))
        began = time.monotonic()
        apiserver = cpu_seconds(plane.apiserver.pid)
        gate = sides.start_gate(plane, options, "gpugate-0", "--settle-seconds", 1)
        try:
            eventually(lambda: gate.admin("/readyz").status == 200, 300, "readiness")
            seconds, cpu = time.monotonic() - began, cpu_seconds(gate.process.pid)
            apiserver = cpu_seconds(plane.apiserver.pid) - apiserver
            counted = int(gate.metrics().value("gpugate_ledger_pods"))
            after = kib(gate)
        finally:
            gate.kill()
    assert counted == options.pods // 10, f"{counted} Pods counted"
    return {"pods": options.pods, "with_gpus": counted, "stored_bytes_each": each_bytes, "served_bytes_each": served, "ready_s": round(seconds, 2),
            "megabytes_per_second": round(options.pods * served / seconds / 1e6, 1), "cpu_s": round(cpu, 2), "apiserver_cpu_s": round(apiserver, 2),
            "megabytes_per_cpu_second": round(options.pods * served / max(cpu, 0.01) / 1e6, 1), "empty_kib": before, "full_kib": after}


def kib(gate):
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{gate.process.pid}/status").read_text().splitlines())
    return {field: int(lines[field].split()[0]) for field in ("VmRSS", "RssAnon", "VmHWM")}


def prepare(plane):
    """Installs rights, kinds, and the priority level."""
    plane.namespace(installed.NAMESPACE)
    objects = [obj for obj in installed.rendered(sides.policy()) if not obj["kind"].endswith("WebhookConfiguration")]
    plane.kubectl("apply", "--server-side", "-f", "-", input=objects)
    eventually(lambda: all(plane.admin.request("GET", f"/apis/gpugate.io/v1/{kind}").ok for kind in installed.KINDS), 20, "the kinds of gpugate.io")


def rows(options, results):
    """Returns the medians of every side, and of the rounds' ratios."""
    table, ratios = [], []
    for name, runs in results.items():
        row = {"side": name, "per_second": statistics.median(each["per_second"] for each in runs),
               "p50_ms": statistics.median(each["p50_us"] for each in runs) / 1000, "p99_ms": statistics.median(each["p99_us"] for each in runs) / 1000,
               "not_created": sum(each["others"] for each in runs),
               "cpu_us": {part: round(statistics.median(each["cpu_us"][part] for each in runs)) for part in runs[0]["cpu_us"]}}
        if "writes" in runs[0]:
            row |= {f"{what}_per_create": statistics.median(each[what] / each["answered"] for each in runs) for what in COUNTS}
        table.append(row)
    for above, below, least in RATIOS:
        for connections in options.connections:
            if not {f"{side.name} @{connections}" for side in (above, below)} <= results.keys():
                continue
            each = [a["per_second"] / b["per_second"] for a, b in zip(results[f"{above.name} @{connections}"], results[f"{below.name} @{connections}"])]
            value = statistics.median(each)
            ratios.append({"name": f"{above.name} / {below.name} @{connections}", "value": round(value, 3), "low": round(min(each), 3),
                           "high": round(max(each), 3), "least": least, "met": None if least is None else value >= least})
    return table, ratios


def show(result):
    print(f"\n{'':42} {'creates/s':>9} {'p50 ms':>7} {'p99 ms':>7}   CPU of a create, us")
    for row in result.get("rows", ()):
        print(f"{row['side']:42} {row['per_second']:>9.0f} {row['p50_ms']:>7.1f} {row['p99_ms']:>7.1f}   "
              + "  ".join(f"{part} {us}" for part, us in row["cpu_us"].items())
              + (f"   not created {row['not_created']}" if row["not_created"] else "")
              + (f"   writes {row['writes_per_create']:.2f}, conflicts {row['conflicts_per_create']:.2f}" if "writes_per_create" in row else ""))
    print()
    for row in result.get("ratios", ()):
        wanted = "" if row["least"] is None else f">= {row['least']:g} {'ok' if row['met'] else 'MISS'}"
        print(f"{row['name']:64} {row['value']:>6.3f}  ({row['low']:.3f} - {row['high']:.3f})  {wanted}")
    for name in ("ledger", "truth", "refusals", "published", "view"):
        if name in result:
            print(f"\n{name}: {json.dumps(result[name], indent=1)}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    built = ROOT / "build/release/bench"
    for name, text in (("floor", "the server that does nothing"), ("load", "the load client"), ("deal", "what deals connections to replicas")):
        parser.add_argument(f"--{name}", type=Path, default=built / name, help=text)
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench-cluster.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement, after half a second of warming up")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--threads", type=int, default=2, help="of each webhook server")
    parser.add_argument("--sides", nargs="+", help="only those whose names contain one of these words")
    parser.add_argument("--pending-seconds", type=int, default=40, help="of gpugate; how long the second look at leaks waits")
    parser.add_argument("--pods", type=int, default=100000, help="of the view")
    cluster_quotas.add_arguments(parser)
    cluster_ledger.add_arguments(parser)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


def measure(options, work, result):
    if {"load", "truth", "refusals", "published"} & set(options.parts):
        with ControlPlane(scheduler=False, controller_manager=[f"--controllers={CONTROLLERS}"]) as plane:
            prepare(plane)
            run = Run(options, plane, work)
            if "load" in options.parts:
                raw = result["runs"] = {}
                for number in range(options.rounds):
                    run.round(number, raw)
                result["rows"], result["ratios"] = rows(options, raw)
            if "truth" in options.parts:
                say("over and leaked")
                result["truth"] = truth(run)
            if "refusals" in options.parts:
                say("refusals")
                result["refusals"] = refusals(run)
            if "published" in options.parts:
                say("gpuquotas")
                result["published"] = cluster_quotas.published(run)
    if "ledger" in options.parts:
        cluster_ledger.measure(options, result.setdefault("ledger", {}))
    if "view" in options.parts:
        say(f"the view of {options.pods} Pods")
        result["view"] = {"watch_list": view(options, work, False), "pages": view(options, work, True)}


def main():
    options = parse_arguments()
    work = Path(tempfile.mkdtemp(prefix="gpugate-bench-"))
    result = {"machine": machine(), "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    if result["machine"]["load_at_start"] > 0.5:
        say(f"the machine is not idle (load {result['machine']['load_at_start']:.2f}): the numbers will be rough")
    try:
        measure(options, work, result)
    # Also reports what was measured before a failure.
    finally:
        shutil.rmtree(work, ignore_errors=True)
        result["machine"]["load_at_end"] = os.getloadavg()[0]
        result["settings"] = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
        show(result)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nall of it in {options.out}")


if __name__ == "__main__":
    main()
