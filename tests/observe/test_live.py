"""A real Prometheus scrapes a real gpugate with the embedded ledger, and an imitation of
dcgm-exporter."""

import pytest

from dcgm import Exporter, Gpu
from deployed import expressions
from gpugate import Server, write_policy
from kube import GPU, doc, pod
from prometheus_server import Prometheus, eventually, job

POLICY = [doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
          doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 8}]),
          doc("Tenant", "team", parent="org", namespaces=["busy", "idle"],
              quotas=[{"name": "q", "hard": 4}, {"name": "memory", "measure": "memory", "hard": "640Gi"}])]

# Panels that need a cluster, and series that only appear with events that do not happen here.
# test_live_cluster.py checks these.
CLUSTER_ONLY = {"Ledger open", "Registration stale", "Registration", "Refusals held for a moment", "Replicas by state", "Writes",
                "Silence of the view", "View behind the ledger", "Objects and Events for people", "Watches opened", "Self-managed authorities",
                "Self-managed certificates", "Self-managed authority ends in"}
PARTS_OF_A_CLUSTER = {"gpugate_ledger_pending", "gpugate_ledger_undecided_total", "gpugate_ledger_expired_total", "gpugate_ledger_late_pods_total",
                      "gpugate_ledger_resettled_total", "gpugate_view_unreadable_total", "gpugate_view_healed_total"}
ONLY_SOMETIMES = {"Pending", "Another policy", "Would be refused: warn and audit"}


class Stack:
    """gpugate is scraped as with a ServiceMonitor, which sets a namespace of the target. DCGM keeps
    its own labels."""

    def __init__(self, prometheus):
        self.gpugate = Server(POLICY)
        self.dcgm = Exporter(Gpu("busy", "b-0", util=90, active=0.75, used_mib=40960), Gpu("busy", "b-1", util=50, active=0.25, used_mib=20480),
                             Gpu("idle", "i-0", util=1, used_mib=1024), Gpu("elsewhere", "e-0", active=1.0, used_mib=10))
        self.admin = f"{self.gpugate.admin_host}:{self.gpugate.admin_port}"
        self.prometheus = Prometheus(prometheus, [job("gpugate", self.admin, labels={"namespace": "gpugate"}),
                                                  job("dcgm", self.dcgm.address, honor_labels=True, labels={"namespace": "gpu-operator"})])
        for namespace, many in (("busy", 1), ("busy", 1), ("idle", 2)):
            decision, _ = self.gpugate.admit(pod({GPU: many}, namespace=namespace))
            assert decision.allowed, decision
        refused = pod({GPU: 1}, namespace="idle")
        assert not self.gpugate.validate(refused).allowed

    def stop(self):
        self.prometheus.stop()
        self.dcgm.stop()
        self.gpugate.stop()


@pytest.fixture(scope="module")
def stack(prometheus):
    stack = Stack(prometheus)
    yield stack
    stack.stop()


def test_targets_are_scraped(stack):
    eventually(lambda: set(stack.prometheus.targets().values()) == {"up"}, what="healthy targets")
    (labels, value), = eventually(lambda: stack.prometheus.query("gpugate_build_info"), what="a series of gpugate")
    assert value == 1 and labels["job"] == "gpugate" and labels["instance"] == stack.admin


def test_rules_hold(stack):
    """All rules can be evaluated. At rest, only the alert that an embedded ledger has just started
    fires."""
    eventually(lambda: stack.prometheus.query("namespace:gpugate_held:max"), what="a recorded series")
    eventually(lambda: "GpugateLedgerEmptied" in stack.prometheus.firing(), what="the alert of a new embedded ledger")
    assert stack.prometheus.problems() == {}
    assert set(stack.prometheus.firing()) <= {"GpugateLedgerEmptied", "GpugateQuotaRefuses"}


def test_what_is_held_joins_what_is_used(stack):
    """The namespace of a target is not mistaken for that of the Pods."""
    def rows(expr):
        return {(labels["namespace"], labels["quota"]): round(value, 6) for labels, value in stack.prometheus.query(expr)}

    panel = {title: expr for title, expr in expressions() if title in ("Held", "Held and idle")}
    eventually(lambda: rows(panel["Held"]) == {("busy", "q"): 2, ("busy", "all"): 2, ("idle", "q"): 2, ("idle", "all"): 2}, what="the held GPUs")
    eventually(lambda: rows(panel["Held and idle"]) == {("busy", "q"): 1, ("busy", "all"): 1, ("idle", "q"): 1.98, ("idle", "all"): 1.98},
               what="the join with DCGM")
    used = {labels["namespace"]: value for labels, value in stack.prometheus.query("namespace:dcgm_memory_used_bytes:sum")}
    assert used == {"busy": 60 << 30, "idle": 1 << 30, "elsewhere": 10 << 20}


@pytest.mark.parametrize("title,expr", expressions())
def test_a_panel_shows_something(stack, title, expr):
    """Every expression can be evaluated, and has data unless it needs what does not exist here."""
    if title in CLUSTER_ONLY | ONLY_SOMETIMES or any(name in expr for name in PARTS_OF_A_CLUSTER):
        assert stack.prometheus.query(expr) == [] or title in ONLY_SOMETIMES, "then it is no longer to be excused here"
    else:
        found = eventually(lambda: stack.prometheus.query(expr), what=expr)
        assert title != "Share of hard in use" or {labels["quota"]: value for labels, value in found}["q"] == 1


def test_requests_that_are_rejected_alert(stack):
    """As from an API server that is registered with another path secret."""
    def told():
        assert stack.gpugate.post("/validate/another-secret", b"{}").status == 404
        return stack.prometheus.firing().get("GpugateHttpRejects")

    assert eventually(told, what="the alert")["labels"]["code"] == "404"


def test_refusals_by_a_full_quota_alert(stack):
    """From the second refusal on: a row does not exist before the first."""
    def told():
        assert not stack.gpugate.validate(pod({GPU: 1}, namespace="idle")).allowed
        return stack.prometheus.firing().get("GpugateQuotaRefuses")

    assert eventually(told, what="the alert")["labels"]["name"] == "q"


def test_a_policy_that_is_refused_alerts(stack):
    stack.gpugate.reload("kind: Nonsense\n", rejected=True)
    alert = eventually(lambda: stack.prometheus.firing().get("GpugatePolicyRejected"), what="the alert")
    assert alert["labels"] == {"alertname": "GpugatePolicyRejected", "severity": "critical"}
    assert alert["annotations"]["runbook"] == "docs/runbooks.md#gpugatepolicyrejected"
    write_policy(stack.gpugate.policy, POLICY)
    eventually(lambda: "GpugatePolicyRejected" not in stack.prometheus.firing(), what="the end of the alert")


def test_a_process_that_is_gone_alerts(stack):
    """The last test: gpugate is not restarted."""
    assert not {"GpugateDown", "GpugateReplicaDown"} & set(stack.prometheus.firing())
    stack.gpugate.stop()
    eventually(lambda: {"GpugateDown", "GpugateReplicaDown"} <= set(stack.prometheus.firing()), what="both alerts")
    assert stack.admin in stack.prometheus.firing()["GpugateReplicaDown"]["annotations"]["summary"]
