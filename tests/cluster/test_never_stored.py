"""Thousands of Pods that were admitted and never stored, because something else refuses them after
gpugate. Their quota is free again soon after they can no longer be stored, however many there
are."""

import threading
import time

from control_plane import eventually
from doomed import Traffic, doomed, flood, refuse_later
from kube import GPU, doc

# Longer than the flood, so that all are pending at the same time. A slow machine makes fewer Pods.
PENDING_S, FLOOD_S = 30, 25
# Each belongs to its own tenant, which may take a quarter of what the others leave of the ledger.
SPACES = [f"ml-{i}" for i in range(64)]
FLOOD = 30 * len(SPACES)
FREE_S = 10  # After the time to live.


def test_what_was_never_stored_is_free_again(fresh_control_plane, gpugate_in_cluster):
    """Thousands take as long as one. The time from the last admission until nothing is pending is
    compared with the time that a single earlier Pod took in the same run."""
    cluster = fresh_control_plane(controllers=False, scheduler=False)
    policy = [doc("Tenant", name, namespaces=[name], quotas=[{"name": "gpus", "resources": [GPU], "hard": FLOOD}]) for name in ["one", *SPACES]]
    policy += [doc("Tenant", "others", namespaces=["default"], quotas=[])]
    gate = gpugate_in_cluster(cluster, policy, "--pending-seconds", PENDING_S, ledger="cluster", replicas=3, late=True)
    for space in ["one", *SPACES]:
        cluster.namespace(space)
        refuse_later(cluster, space)
    traffic = Traffic(cluster)

    def pending(tenant):
        return max(server.metrics().value("gpugate_quota_pending", tenant=tenant, quota="gpus", measure="count") for server in gate.servers)

    def everything():
        return max(server.metrics().value("gpugate_ledger_pending") for server in gate.servers)
    try:
        assert "exceeded quota: doom" in doomed(cluster.admin, "one", 0).message
        begin, one_s = time.monotonic(), []
        watcher = threading.Thread(target=lambda: one_s.append(eventually(lambda: not pending("one") and time.monotonic() - begin, 90, "one Pod's end", 0.2)), daemon=True)
        watcher.start()
        made, others = flood(cluster, SPACES, FLOOD, FLOOD_S)
        last, most = time.monotonic(), everything()
        assert not others, (len(others), others[:3])
        eventually(lambda: not everything(), PENDING_S + 90, "nothing pending", 0.2)
        all_s = time.monotonic() - last
        watcher.join(180)
    finally:
        traffic.stop()
    swept = sum(server.metrics().value("gpugate_ledger_expired_total") for server in gate.servers)
    print(f"{made} Pods never stored, at most {most:.0f} pending; free {all_s:.1f} s after the last; one alone took {one_s[0]:.1f} s; swept {swept:.0f}", flush=True)
    assert made >= 100 and most >= made / 2, "too few at a time to prove anything"
    assert all_s - one_s[0] <= FREE_S
