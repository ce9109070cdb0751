"""The admin listener: health, and metrics that Prometheus accepts and that are correct."""

import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from gpugate import ROOT, eventually
from kube import GPU, doc, persisted, pod

POLICY = [doc("Accelerator", "t4", resource=GPU, memory="16Gi"),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4},
                                                                 {"name": "memory", "measure": "memory", "hard": "64Gi"},
                                                                 {"name": "free", "hard": "unlimited"}]),
          doc("Rule", "edge", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"nodeSelector": {"a": "b"}}),
          doc("Guard", "g", deny=["privileged"])]


@pytest.fixture
def server(serve):
    return serve(POLICY)


def exercise(server):
    """Makes requests of every kind."""
    server.mutate(pod({GPU: 1}))
    server.mutate(pod(labels={"tier": "edge"}))
    server.mutate(pod(labels={"tier": "edge"}, nodeSelector={"a": "c"}))
    server.validate(pod({GPU: 1}))
    server.validate(pod({GPU: 9}))
    server.validate(pod({GPU: 1}, namespace='wei"rd\\'))
    server.post("/validate", b"{")
    server.post("/elsewhere", b"")


def promtool():
    path = os.environ.get("PROMTOOL") or shutil.which("promtool")
    return path if path and os.path.exists(path) else None


@pytest.mark.skipif(not promtool(), reason="promtool is not installed (set PROMTOOL to its path)")
def test_promtool(server):
    exercise(server)
    done = subprocess.run([promtool(), "check", "metrics"], input=server.admin("/metrics").body, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr and not done.stdout, done


def test_format(server):
    for _ in range(2):
        answer = server.admin("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "version=0.0.4" in answer.headers["Content-Type"]
        server.metrics()  # Reads strictly.
        exercise(server)


def reference():
    """Metric -> (type, labels) on the reference page, except for the sections "With ...", which
    need more than a server."""
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    sections = re.findall(r"^## .*\n\n(?!With )(?:[^|#]*\n\n)?(\| Metric \| Type .*(?:\n\|.*)*)", page, re.M)
    rows = [re.fullmatch(r"\| `(\w+)(?:\{(.*)\})?` \| (\w+) \|.*", line) for section in sections for line in section.splitlines()[2:]]
    return {row[1]: (row[3], set(row[2].split(",")) if row[2] else set()) for row in rows}


def test_the_reference_page_has_what_is_shown(server):
    """Each family with its type and labels. tests/observe does the same with an API server."""
    exercise(server)
    metrics, documented = server.metrics(), reference()
    assert metrics.types == {name: kind for name, (kind, _) in documented.items()}
    for name, labels in metrics.samples:
        family = name if name in documented else re.sub("_(bucket|sum|count)$", "", name)
        assert {key for key, _ in labels} - {"le"} == documented[family][1], name


def test_names(server):
    exercise(server)
    metrics = server.metrics()
    for name, kind in (("gpugate_admission_requests_total", "counter"), ("gpugate_admission_duration_seconds", "histogram"),
                       ("gpugate_http_rejected_total", "counter"), ("gpugate_denials_total", "counter"), ("gpugate_quota_used", "gauge"),
                       ("gpugate_quota_hard", "gauge"), ("gpugate_quota_pending", "gauge"), ("gpugate_policy_generation", "gauge"),
                       ("gpugate_policy_info", "gauge"), ("gpugate_policy_reload_failures_total", "counter"),
                       ("gpugate_certificate_expiry_timestamp_seconds", "gauge"), ("gpugate_log_lines_dropped_total", "counter"),
                       ("gpugate_build_info", "gauge")):
        assert metrics.types.get(name) == kind, name
    info = metrics.series("gpugate_build_info")
    assert list(info.values()) == [1.0] and re.match(r"\d+\.\d+", dict(next(iter(info)))["version"])
    assert metrics.value("gpugate_policy_generation") == 1
    assert metrics.value("gpugate_certificate_not_before_timestamp_seconds") < time.time() < metrics.value("gpugate_certificate_expiry_timestamp_seconds")


def test_counters_move(server):
    def count(path, outcome):
        return server.metrics().value("gpugate_admission_requests_total", path=path, outcome=outcome)

    for path, outcome, act in (
            ("/mutate", "allowed", lambda: server.mutate(pod({GPU: 1}))),
            ("/mutate", "patched", lambda: server.mutate(pod(labels={"tier": "edge"}))),
            ("/mutate", "denied", lambda: server.mutate(pod(labels={"tier": "edge"}, nodeSelector={"a": "c"}))),
            ("/validate", "allowed", lambda: server.validate(pod({GPU: 1}))),
            ("/validate", "denied", lambda: server.validate(pod({GPU: 9}))),
            ("/validate", "error", lambda: server.post("/validate", b"{"))):
        before = count(path, outcome)
        durations = server.metrics().value("gpugate_admission_duration_seconds_count", path=path, outcome=outcome)
        for _ in range(3):
            act()
        assert count(path, outcome) == before + 3, (path, outcome)
        assert server.metrics().value("gpugate_admission_duration_seconds_count", path=path, outcome=outcome) == durations + 3
    total = server.metrics().value("gpugate_admission_duration_seconds_sum", path="/validate", outcome="allowed")
    assert 0 < total < 10


def test_denials(server):
    exercise(server)
    server.validate(persisted(pod()) | {"spec": pod()["spec"] | {"containers": [
        pod()["spec"]["containers"][0] | {"securityContext": {"privileged": True}}]}})
    metrics = server.metrics()
    assert metrics.value("gpugate_denials_total", tenant="team-a", reason="quota", name="whole") == 1
    assert metrics.value("gpugate_denials_total", tenant="team-a", reason="quota", name="memory") == 1
    assert metrics.value("gpugate_denials_total", tenant="team-a", reason="guard", name="privileged") == 1
    assert metrics.value("gpugate_denials_total", tenant="team-a", reason="rule", name="edge") == 1
    assert metrics.total("gpugate_denials_total", reason="untenanted") == 1


def test_quota_gauges(server):
    stored = [server.admit(pod({GPU: many}))[1] for many in (1, 2)]
    assert server.used("team-a", "whole") == 3
    assert server.used("team-a", "memory", "memory") == 48 << 30
    assert server.used("team-a", "free") == 3
    metrics = server.metrics()
    assert metrics.value("gpugate_quota_hard", tenant="team-a", quota="whole", measure="count") == 4
    assert metrics.value("gpugate_quota_hard", tenant="team-a", quota="memory", measure="memory") == 64 << 30
    assert metrics.value("gpugate_quota_hard", tenant="team-a", quota="free", measure="count") in (float("inf"), 0)
    server.delete(stored[0])
    assert server.used("team-a", "whole") == 2


def test_what_a_namespace_holds(serve):
    server = serve([doc("Tenant", "org", quotas=[{"name": "all", "hard": 9}]),
                    doc("Tenant", "team", parent="org", namespaces=["team-*"], quotas=[{"name": "q", "hard": 9}])])
    stored = [server.admit(pod({GPU: many}, namespace=namespace))[1] for namespace, many in (("team-a", 1), ("team-a", 2), ("team-b", 4))]

    def held():
        return {(labels["tenant"], labels["quota"], labels["namespace"]): value for labels, value in
                ((dict(labels), value) for labels, value in server.metrics().series("gpugate_namespace_held").items())}

    assert held() == {("org", "all", "team-a"): 3, ("org", "all", "team-b"): 4, ("team", "q", "team-a"): 3, ("team", "q", "team-b"): 4}
    server.delete(stored[2])
    eventually(lambda: held() == {("org", "all", "team-a"): 3, ("team", "q", "team-a"): 3}, what="the sums without what is gone")


def test_what_is_exceeded(serve):
    """Usage above `hard` is not excess while it is borrowed."""
    def policy(hard):
        return [doc("Tenant", "team", namespaces=["team"], cohort="pool", quotas=[{"name": "q", "hard": hard}], borrowing={"q": {"borrowUpTo": "4"}}),
                doc("Tenant", "other", namespaces=["other"], cohort="pool", quotas=[{"name": "q", "hard": 4}])]

    def exceeded():
        return server.metrics().value("gpugate_quota_exceeded", tenant="team", quota="q", measure="count")

    server = serve(policy(4))
    server.admit(pod({GPU: 6}, namespace="team"))
    assert server.used("team", "q") == 6 and exceeded() == 0
    server.reload(policy(1))
    assert exceeded() == 1


def test_quotas_of_a_removed_tenant_disappear(server):
    server.reload([doc("Tenant", "other", namespaces=["x"], quotas=[{"name": "q", "hard": 1}])])
    tenants = {dict(labels)["tenant"] for labels in server.metrics().series("gpugate_quota_hard")}
    assert tenants == {"other"}


def test_what_tenants_choose_is_no_label(server):
    """The number of names of Pods, users and resources is unlimited. The number of series must not
    be."""
    for i in range(50):
        server.validate(pod({GPU: 9, f"nvidia.com/odd-{i}": 1}, name=f"stranger-{i}", namespace="team-a"))
        server.validate(pod({f"amd.com/odd-{i}": 1}, namespace="nowhere"))
    text = server.admin("/metrics").text
    assert "stranger-" not in text and "jane@" not in text
    assert server.metrics().total("gpugate_denials_total", reason="untenanted") == 50
    assert len(server.metrics().series("gpugate_denials_total")) < 200


def test_health(server):
    for path in ("/healthz", "/readyz"):
        answer = server.admin(path)
        assert answer.status == 200 and answer.text.strip() == "ok"
    assert server.admin("/healthz", "HEAD").status == 200


@pytest.mark.concurrent
def test_scrapes_under_load(server):
    """Rendering does not disturb admission, and every rendering is complete."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            server.validate(pod({GPU: 9}))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        last = -1.0
        for _ in range(20):
            now = server.metrics().value("gpugate_admission_requests_total", path="/validate", outcome="denied")
            assert now >= last
            last = now
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    eventually(lambda: server.metrics().value("gpugate_denials_total", tenant="team-a", reason="quota", name="whole") > 0)
