"""The same on a real control plane. Two replicas share the cluster ledger and issue their own
certificates, and Prometheus scrapes them and the API server."""

import pytest

import binaries
from control_plane import ControlPlane
from dcgm import Exporter, Gpu
from deployed import expressions
from in_cluster import InCluster
from kube import GPU, doc
from manifests import pod
from prometheus_server import Prometheus, eventually, job
from series import WITH_AN_API_SERVER, of_examples, shown, wrong_labels

POLICY = [doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
          doc("Tenant", "team", namespaces=["team"], quotas=[{"name": "q", "hard": 2}, {"name": "memory", "measure": "memory", "hard": "640Gi"}]),
          doc("Rule", "marked", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"nodeSelector": {"a": "b"}})]

NOT_HERE = {"Another policy", "Would be refused: warn and audit", "Pending"}


class Stack:
    def __init__(self, prometheus):
        self.plane = ControlPlane(controllers=False, scheduler=False)
        try:
            self.plane.namespace("team")
            self.gate = InCluster(self.plane, POLICY, "--certs", "self-managed", "--trust-seconds", "1", ledger="cluster", replicas=2)
            self.dcgm = Exporter(Gpu("team", "p-0", active=0.5, used_mib=1024))
            self.prometheus = Prometheus(prometheus, [
                job("gpugate", *(f"{server.admin_host}:{server.admin_port}" for server in self.gate.servers)), job("dcgm", self.dcgm.address),
                job("apiserver", f"127.0.0.1:{self.plane.port}", scheme="https", scrape_interval="2s", scrape_timeout="2s",
                    tls_config={"ca_file": str(self.plane.ca)}, authorization={"credentials": self.plane.tokens["admin"]})])
        except BaseException:
            self.plane.stop()
            raise

    def create(self, name, **labels):
        return self.plane.admin.create(pod("team", name, {GPU: 1}, labels=labels or None))

    def stop(self):
        self.prometheus.stop()
        self.dcgm.stop()
        self.gate.stop()
        self.plane.stop()


@pytest.fixture(scope="module")
def stack(prometheus):
    try:
        binaries.paths()
    except binaries.NotToBeHad as reason:
        pytest.skip(str(reason))
    stack = Stack(prometheus)
    yield stack
    stack.stop()


def test_no_alert_fires_at_rest(stack):
    """Waits for the end of the start, since the rules here have no delays. A single admission that
    a busy machine slowed down makes GpugateSlow fire for five minutes; only that is excused."""
    eventually(lambda: set(stack.prometheus.targets().values()) == {"up"} and stack.prometheus.query("count(count by (instance) (gpugate_ledger_state)) == 2"),
               what="healthy targets")
    for name in ("p-0", "p-1"):
        stack.create(name).must()
    eventually(lambda: sorted(value for _, value in stack.prometheus.query("namespace:gpugate_held:max")) == [2, 160 << 30],
               what="two GPUs that are held")
    slow = stack.prometheus.query('sum(gpugate_admission_duration_seconds_count) > sum(gpugate_admission_duration_seconds_bucket{le="0.5"})')
    allowed = "GpugateSlow" if slow else ""
    restless = lambda: stack.prometheus.query(f'count_over_time(ALERTS{{alertstate="firing",alertname!="{allowed}"}}[5s])')
    eventually(lambda: not restless(), what=lambda: f"rest for five seconds ({restless()})")
    assert stack.prometheus.problems() == {}


def test_two_replicas_are_counted_once(stack):
    """Both replicas report what is held; the dashboard counts it once."""
    each = stack.prometheus.query('gpugate_namespace_held{quota="q"}')
    assert [value for _, value in each] == [2, 2]
    panel = dict(expressions())
    assert [value for _, value in stack.prometheus.query(panel["Held"])] == [2]
    assert [value for _, value in stack.prometheus.query('max by (tenant, quota, measure) (gpugate_quota_used{measure="count"})')] == [2]
    assert [value for _, value in stack.prometheus.query(panel["Replicas that answer"])] == [2]


def test_every_panel_shows_something(stack):
    assert not stack.create("p-2").ok and not stack.create("p-3", tier="edge").ok
    for title, expr in expressions():
        if title not in NOT_HERE:
            eventually(lambda expr=expr: stack.prometheus.query(expr), what=f"{title}: {expr}")


def test_the_alerts_examples_are_of_series_that_are_shown(stack):
    """The series that need an API server; test_metrics.py checks the others."""
    known = shown(*(server.metrics() for server in stack.gate.servers))
    asked = {one[:3] for one in of_examples() if one[0] in WITH_AN_API_SERVER}
    assert {name for name, _, _ in asked} == WITH_AN_API_SERVER
    assert not asked - known, asked - known
    assert not wrong_labels(known, WITH_AN_API_SERVER.__contains__)


def test_a_ledger_that_is_deleted_alerts(stack):
    stack.plane.kubectl("delete", "gpuledgers", "cluster")
    eventually(lambda: "GpugateLedgerResettled" in stack.prometheus.firing(), what="the alert")
    stack.gate.wait_open(60)


def test_a_registration_that_is_gone_alerts(stack):
    stack.gate.unregister()
    eventually(lambda: "GpugateNotRegistered" in stack.prometheus.firing(), what="the alert")
    stack.gate.register()
    eventually(lambda: not {"GpugateNotRegistered", "GpugateRegistrationStale"} & set(stack.prometheus.firing()), what="its end")


def test_calls_that_fail_alert(stack):
    """The API server itself counts the calls: those of /validate fail, and those of /mutate, which
    are optional, are skipped. The last test."""
    for i in range(2):
        stack.gate.kill(i)

    def told():
        assert not stack.create("p-4", tier="edge").ok
        return (stack.prometheus.query('ALERTS{alertname="GpugateCallsFail",name="quota.gpugate.io",alertstate="firing"}')
                and stack.prometheus.query('ALERTS{alertname="GpugateBypassed",name="mutate.gpugate.io",alertstate="firing"}')
                and "GpugateDown" in stack.prometheus.firing())

    eventually(told, what="the alerts")
