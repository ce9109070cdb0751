"""The memory that the chart and the overlays grant exceeds what gpugate uses under the worst load
that its own limits admit."""

import http.client
import json
import re
import threading
from collections import Counter
from pathlib import Path

import pytest
import yaml

from gpugate import Server
from kube import GPU, doc
from manifests import pod
from manifests_of import CHART

# Bodies in flight are limited to 256 MiB, and one decision to 64 MiB; each thread makes one
# decision at a time. A body of 7 MiB is near the maximum, and counts as 8.
CLIENTS, REVIEW_BYTES = 32, 7 << 20
THREADS = 8  # the default of --threads on machines with many CPUs


def _bytes(quantity):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) << {"Mi": 20, "Gi": 30}[unit]


def _memory(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M)[1]) << 10 for name in ("VmRSS", "VmHWM")}


def _long():
    """One long string, which needs no memory beyond the body."""
    return pod("team-a", "p", {GPU: 1}, annotations={"padding": "x" * REVIEW_BYTES})


def _tolerations():
    """What Kubernetes accepts with the most parts for its size. Too expensive to decide."""
    return pod("team-a", "p", {GPU: 1}, tolerations=[{"operator": "Exists"}] * (REVIEW_BYTES // 22))


def _resources():
    """Many names in the map that must be read: the most expensive Pod that is still decided."""
    obj = pod("team-a", "p", {GPU: 1})
    obj["spec"]["containers"][0]["resources"]["requests"] = {f"a/{i:x}": "1" for i in range(REVIEW_BYTES // 14)}
    return obj


def _review(obj):
    obj["metadata"]["uid"] = "uid"
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "request", "kind": kind, "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "team-a",
        "name": "p", "operation": "CREATE", "userInfo": {"username": "jane"}, "object": obj, "oldObject": None, "dryRun": False}},
        separators=(",", ":")).encode()


def _all_at_once(server, body):
    """Sends all bodies except for their last bytes, and then these, so that all bodies have arrived
    when the first is decided. Returns the statuses."""
    barrier, statuses = threading.Barrier(CLIENTS), []

    def ask():
        try:
            connection = server.connect(timeout=120)
            connection.putrequest("POST", "/validate")
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("Content-Type", "application/json")
            connection.endheaders()
            connection.send(body[:-1])
            try:
                barrier.wait(8)  # a body must arrive within 10 s
            except threading.BrokenBarrierError:
                pass
            connection.send(body[-1:])
            statuses.append(connection.getresponse().status)
            connection.close()
        except (OSError, http.client.HTTPException):
            statuses.append(0)  # the machine was too slow: the body did not arrive in time

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@pytest.mark.parametrize("make, wanted", [(_long, 200), (_tolerations, 500), (_resources, 200)], ids=["long", "tolerations", "resources"])
@pytest.mark.parametrize("values", ["values.yaml", "values-edge.yaml"])
def test_large_reviews_at_once_stay_below_the_limit(values, make, wanted):
    chart = yaml.safe_load((CHART / values).read_text())
    args = chart.get("extraArgs") or [f"--threads={THREADS}"]
    given = {which: _bytes(chart["resources"][which]["memory"]) for which in ("requests", "limits")}
    server = Server([doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 100000}])], *args)
    try:
        idle, body = _memory(server)["VmRSS"], _review(make())
        # Once is enough, except on a machine where most bodies arrived too late.
        for _ in range(3):
            statuses = Counter(_all_at_once(server, body))
            if statuses[wanted] >= CLIENTS / 2:
                break
        peak = _memory(server)["VmHWM"]
    finally:
        server.stop()
    print(f"{values} {make.__name__[1:]}: {idle >> 20} MiB idle, {peak >> 20} MiB at most")
    assert set(statuses) <= {wanted, 503, 0} and statuses[wanted] > 0, statuses
    assert peak > 150 << 20, "they were there at the same time"
    assert idle < given["requests"] and peak < given["limits"]
