"""How the cluster's ledger affects creates: a late watch, Pods that are never stored, and a Job
with thousands of Pods. Each has three replicas.

Everything runs on separate control planes, with the harness of tests/cluster, whose tests set
limits for what is measured here.
"""

import statistics
import threading
import time

import cluster_sides  # noqa: F401: finds tests/cluster and tests/blackbox
import manifests
from control_plane import ControlPlane, eventually
from creators import Askers
from doomed import Traffic, flood, refuse_later
from in_cluster import InCluster
from kube import GPU, doc
from servers import say

PLENTY = 10**6
# Of as many tenants, because each may take only a part of the ledger.
SPACES = [f"never-{i}" for i in range(128)]
# By the late replica, for each lag.
CREATES = 400
CLIENTS = 3
JOB_CONTROLLERS = "job-controller,serviceaccount-controller,namespace-controller"


def _tenant(name, namespaces):
    return doc("Tenant", name, namespaces=namespaces, quotas=[{"name": "gpus", "resources": [GPU], "hard": PLENTY}])


def _counters(gate, *names):
    """Returns the sums of the replicas' counters: (family, labels)."""
    return [sum(server.metrics().total(family, **labels) for server in gate.servers) for family, labels in names]


WRITTEN, CONFLICT = ("gpugate_ledger_writes_total", {"outcome": "written"}), ("gpugate_ledger_writes_total", {"outcome": "conflict"})
UNDECIDED, RESETTLED, SWEPT = ("gpugate_ledger_undecided_total", {}), ("gpugate_ledger_resettled_total", {}), ("gpugate_ledger_expired_total", {})


# --- A late watch ---

def _late_by(cluster, gate, lag_s):
    """Returns one row: creates at three replicas at the same time, of which the last sees Pods that
    late."""
    gate.watches[2].lag(lag_s)
    before, begin = _counters(gate, WRITTEN, CONFLICT), time.monotonic()
    askers = [Askers(cluster, "ml", i, CLIENTS) for i in range(3)]
    unready = probes = 0

    def enough():
        nonlocal unready, probes
        probes += 1
        unready += gate.servers[2].admin("/readyz").status != 200
        # A starving replica answers hardly any.
        return len(askers[2].latencies_s) >= CREATES or time.monotonic() - begin > 90
    eventually(enough, what="the creates", pause=0.2)
    for each in askers:
        each.stop()
    gate.watches[2].lag()
    creates = sum(len(each.latencies_s) for each in askers)
    late, others = askers[2].latencies_s, askers[0].latencies_s + askers[1].latencies_s
    writes, conflicts = (after - first for after, first in zip(_counters(gate, WRITTEN, CONFLICT), before))
    row = {"late_ms": round(lag_s * 1000), "p50_ms": round(statistics.median(late) * 1000, 1), "others_p50_ms": round(statistics.median(others) * 1000, 1),
           "ratio": round(statistics.median(late) / statistics.median(others), 2), "creates": len(late), "others_creates": len(others),
           "refused": len(askers[2].refusals), "others_refused": len(askers[0].refusals + askers[1].refusals), "not_ready": f"{unready}/{probes}",
           "writes_per_create": round(writes / creates, 2), "conflicts_per_create": round(conflicts / creates, 2)}
    say(f"  watch {row['late_ms']:>3} ms late: p50 {row['p50_ms']} ms, the others' {row['others_p50_ms']}; refused {row['refused']} of {row['creates']}")
    return row


def late_watches(options):
    with ControlPlane(controllers=False, scheduler=False) as cluster:
        gate = InCluster(cluster, [_tenant("ml", ["ml"])], ledger="cluster", replicas=3, late=True, register=False)
        try:
            cluster.namespace("ml")
            gate.register_each()
            # Warms up.
            _late_by(cluster, gate, 0)
            return [_late_by(cluster, gate, ms / 1000) for ms in options.late_ms]
        finally:
            gate.kill()


# --- Never stored ---

def never_stored(options):
    """Returns how long the quota of Pods that are never stored is taken, after the last one was
    admitted."""
    with ControlPlane(controllers=False, scheduler=False) as cluster:
        policy = [*(_tenant(name, [name]) for name in SPACES), _tenant("others", ["default"])]
        gate = InCluster(cluster, policy, "--pending-seconds", options.ledger_pending_seconds, ledger="cluster", replicas=3)
        for space in SPACES:
            cluster.namespace(space)
            refuse_later(cluster, space)
        traffic = Traffic(cluster)

        def pending():
            return max(server.metrics().value("gpugate_ledger_pending") for server in gate.servers)
        try:
            begin = time.monotonic()
            _, others = flood(cluster, SPACES, options.never_stored)
            last, most = time.monotonic(), pending()
            eventually(lambda: not pending(), 600, "nothing pending", 0.2)
            return {"pods": options.never_stored, "admitted": options.never_stored - len(others), "refused_by_gpugate": len(others),
                    "first_refusal": others[0][:200] if others else None, "flood_s": round(last - begin, 1), "pending_at_its_end": int(most),
                    "time_to_live_s": options.ledger_pending_seconds, "free_after_s": round(time.monotonic() - last, 1), "swept": int(_counters(gate, SWEPT)[0])}
        finally:
            traffic.stop()
            gate.kill()


# --- A Job ---

class _Person(threading.Thread):
    """A user who creates a Pod every half second while the Job runs: alternately in the same tenant
    and in another."""

    def __init__(self, cluster, spaces):
        super().__init__(daemon=True)
        self.cluster, self.spaces, self.stopping = cluster, spaces, threading.Event()
        self.latencies_s, self.refused = [], []
        self.start()

    def run(self):
        client = self.cluster.client()
        while not self.stopping.wait(0.5):
            space = self.spaces[len(self.latencies_s) % len(self.spaces)]
            begin = time.monotonic()
            made = client.create(manifests.pod(space, f"person-{len(self.latencies_s)}", {GPU: 1}, schedulerName="nobody"))
            self.latencies_s.append(time.monotonic() - begin)
            if not made.ok:
                self.refused.append(f"{made.status}: {made.message}")
        client.close()

    def stop(self):
        self.stopping.set()
        self.join(60)


def job(options):
    with ControlPlane(scheduler=False, controller_manager=[f"--controllers={JOB_CONTROLLERS}"]) as cluster:
        gate = InCluster(cluster, [_tenant("ml", ["ml"]), _tenant("others", ["others"])], ledger="cluster", replicas=3)
        for space in ("ml", "others"):
            cluster.namespace(space)
        person = _Person(cluster, ["ml", "others"])
        before, most = _counters(gate, WRITTEN, CONFLICT, UNDECIDED, RESETTLED), 0
        try:
            begin = time.monotonic()
            cluster.admin.create(manifests.job("ml", "large", manifests.pod_spec({GPU: 1}), parallelism=options.job_pods, completions=options.job_pods)).must()

            def done():
                nonlocal most
                most = max(most, *(server.metrics().value("gpugate_ledger_pending") for server in gate.servers))
                status = cluster.admin.get("Job", "large", "ml").must().get("status", {})
                return status.get("active", 0) >= options.job_pods
            eventually(done, 1200, "all Pods of the Job", 0.3)
            seconds = time.monotonic() - begin
            person.stop()
            writes, conflicts, undecided, resettled = (after - first for after, first in zip(_counters(gate, WRITTEN, CONFLICT, UNDECIDED, RESETTLED), before))
            events = cluster.events("ml", "large", "FailedCreate")
            return {"pods": options.job_pods, "seconds": round(seconds, 1), "failed_create_events": len(events), "first_event": events[0][:200] if events else None,
                    "person_creates": len(person.latencies_s), "person_refused": len(person.refused), "first_refusal": person.refused[0][:200] if person.refused else None,
                    "person_p50_ms": round(statistics.median(person.latencies_s) * 1000, 1), "most_pending": int(most), "undecided": int(undecided),
                    "resettled": int(resettled), "writes_per_create": round(writes / options.job_pods, 3), "conflicts_per_create": round(conflicts / options.job_pods, 3)}
        finally:
            person.stop()
            gate.kill()


ROWS = {"late_watches": late_watches, "never_stored": never_stored, "job": job}


def add_arguments(parser):
    parser.add_argument("--ledger-rows", nargs="+", choices=list(ROWS), default=list(ROWS), help="what of the part `ledger`")
    parser.add_argument("--late-ms", type=int, nargs="+", default=[0, 100, 200, 500], help="how late one replica's watch of Pods is")
    parser.add_argument("--never-stored", type=int, default=2048, help="Pods that something else refuses")
    parser.add_argument("--ledger-pending-seconds", type=int, default=30, help="the time to live of what was never stored")
    parser.add_argument("--job-pods", type=int, default=5000)


def measure(options, result):
    """Adds each row to the result as soon as it is available."""
    for name in options.ledger_rows:
        say(f"ledger: {name}")
        result[name] = ROWS[name](options)
