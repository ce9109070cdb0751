"""A replica whose watch of Pods is later than the others', because of another API server or a busy
machine. It decides as the others do, however many Pods they admit meanwhile."""

from creators import Askers
from gpugate import eventually
from kube import GPU, doc

# Creates that the late replica has answered. By then, it has had to follow the others for long.
ENOUGH = 300
CLIENTS = 3  # Per replica.


def race(cluster, gate, lag_s, fails):
    """Creates Pods at all three replicas, of which the last sees Pods late. Returns the Askers, and
    how often it was not ready."""
    gate.watches[2].lag(lag_s)
    askers = [Askers(cluster, "ml", i, CLIENTS, fails=fails) for i in range(3)]
    unready = 0
    try:
        def enough():
            nonlocal unready
            unready += gate.servers[2].admin("/readyz").status != 200
            return len(askers[2].latencies_s) >= ENOUGH or len(askers[2].refusals) > 10
        eventually(enough, what=f"{ENOUGH} creates by a replica whose watch is {lag_s} s late", pause=0.2)
    finally:
        for each in askers:
            each.stop()
        gate.watches[2].lag()
    return askers, unready


def test_a_replica_whose_watch_is_late_decides(fresh_control_plane, gpugate_in_cluster):
    """All are measured in the same run. The median create of the late replica takes at most three
    times as long as that of the others. Pods that were seen and have failed leave the ledger's
    text immediately, which does not delay creates either."""
    cluster = fresh_control_plane(controllers=False, scheduler=False)
    policy = [doc("Tenant", "ml", namespaces=["ml"], quotas=[{"name": "gpus", "resources": [GPU], "hard": 100000}])]
    gate = gpugate_in_cluster(cluster, policy, ledger="cluster", replicas=3, late=True, register=False)
    cluster.namespace("ml")
    gate.register_each()
    for lag_ms, fails in ((200, False), (500, False), (500, True)):
        askers, unready = race(cluster, gate, lag_ms / 1000, fails)
        medians = [each.median_s() for each in askers]
        print(f"watch {lag_ms} ms late{', all Pods fail' if fails else ''}: medians {[round(m * 1000, 1) for m in medians]} ms, creates {[len(each.latencies_s) for each in askers]}, "
              f"refused {[len(each.refusals) for each in askers]}, not ready {unready} times", flush=True)
        assert not any(each.refusals for each in askers), [each.refusals[:2] for each in askers]
        assert not unready
        ratio = medians[2] / max(medians[:2])
        assert ratio <= 3, medians
