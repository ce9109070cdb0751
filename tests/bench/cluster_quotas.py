"""The gpuquotas objects of a large policy: how long it takes to publish them, and whether that
slows creates."""

import json
import statistics
import time

import cluster_sides as sides
from cluster_sides import Side, cpu_seconds
from control_plane import eventually
from servers import say

QUOTAS = "/apis/gpugate.io/v1/gpuquotas"
# Maximum p99 of a create meanwhile, as a multiple of that when nothing is published.
MOST = 1.5
# Factor for --seconds, because a p99 needs many creates.
FACTOR = 5


def add_arguments(parser):
    parser.add_argument("--tenants", type=int, default=5000, help="with three quotas each, whose objects are to be published")
    parser.add_argument("--rate", type=int, default=30, help="creates a second meanwhile")


def creates(run, namespace, seconds):
    """Creates as many Pods per second as in a large cluster, whatever happens to them."""
    load = sides.run_load(run.options, run.plane, 16, namespace, run.work / "gpu", "--seconds", seconds, "--warmup", 0.5, "--rate", run.options.rate)
    out, problem = load.communicate()
    assert out and load.returncode in (0, 1), problem
    return json.loads(out)


def written(gate):
    return int(gate.metrics().value("gpugate_quota_writes_total", outcome="written"))


def remove_quotas(admin):
    """Deletes all gpuquotas objects through the API server, which expects that each deletion has a
    revision of its own in etcd. Deleting the range in etcd would give all of them the same. Each
    request deletes a part, because its time is limited."""
    while admin.request("GET", QUOTAS, limit=1).must()["items"]:
        admin.request("DELETE", QUOTAS, limit=500).must()


def published(run):
    """In each round, a replica starts in a cluster without gpuquotas objects and writes all of
    them. The latency of creates is measured during that time, and again when all objects exist. At
    the end, a replica starts and finds that all objects are already correct."""
    side, store, rounds = Side("gpugate, 1 replica", replicas=1, tenants=run.options.tenants), run.store, []
    wanted = sum(len(doc["spec"].get("quotas", ())) for doc in sides.policy(tenants=run.options.tenants))
    with side.running(run.plane, run.options, "--settle-seconds", 1):
        gate = side.gates[0]
        namespace = run.namespace("bench")
        for number in range(run.options.rounds):
            gate.kill()
            remove_quotas(run.plane.admin)
            gate.start()
            began = time.monotonic()
            sides.wait_open([gate])
            eventually(lambda: written(gate) > 0, 60, "the first object")
            during = creates(run, namespace, run.options.seconds * FACTOR)
            assert store.count_quotas() < wanted, "all were published before the creates were over: take more tenants, or fewer seconds"
            at_once = store.count_quotas() / (time.monotonic() - began)
            eventually(lambda: store.count_quotas() == wanted, 1800, "all objects", pause=1)
            seconds, cpu = time.monotonic() - began, cpu_seconds(gate.process.pid)
            time.sleep(3)
            after = creates(run, namespace, run.options.seconds * FACTOR)
            row = {"objects": wanted, "seconds": round(seconds, 1), "writes": written(gate), "per_second_during_creates": round(at_once, 1), "cpu_s": round(cpu, 2),
                   **{f"{what}_ms_{when}": round(each[f"{what}_us"] / 1000, 2) for what in ("p50", "p99") for when, each in (("publishing", during), ("quiet", after))}}
            rounds.append(row | {"ratio_p99": round(row["p99_ms_publishing"] / row["p99_ms_quiet"], 2)})
            say(f"  round {number + 1}  {rounds[-1]}")
        store.remove_pods(namespace)
        eventually(run.all_folded, run.options.pending_seconds + 20, "an empty ledger")
        # Until that is published.
        time.sleep(10)
        gate.kill()
        gate.start()
        sides.wait_open([gate])
        time.sleep(10)
        again = {"writes": written(gate), "cpu_s": round(cpu_seconds(gate.process.pid), 2)}
    ratio = statistics.median(row["ratio_p99"] for row in rounds)
    return {"rounds": rounds, "ratio_p99": ratio, "most": MOST, "met": ratio <= MOST, "seconds": statistics.median(row["seconds"] for row in rounds), "after_a_restart": again}
