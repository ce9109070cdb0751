"""An upgrade from the version before the current form of the ledger's text, and the rollback, under
load: one replica at a time, as a Deployment does. Replicas are processes here. Pods in gpugate's
namespace represent them."""

import signal
from collections import Counter

import pytest

import history
import releases
from checker import Checker, Policy
from control_plane import eventually
from creators import Creators, Service
from doomed import DOOM
from gpugate import BINARY, DEADLINE_S, eventually as soon
from in_cluster import NAMESPACE
from kube import GPU, doc
from manifests import pod

REQUEST_S, PENDING_S, SETTLE_S = 4, 8, 6
LABELS = {"app.kubernetes.io/name": "gpugate", "app.kubernetes.io/instance": "gpugate"}
READS_FORM_2 = {"gpugate.io/ledger-form": "2"}
# Attempts of a create, as a controller makes. On a slow machine, some request is always late.
TRIES = 5
TIGHT = 2  # Eight clients are always at this limit.


@pytest.fixture(scope="session")
def old():
    """The binary that only knows form 1."""
    try:
        return releases.binary(releases.LEDGER_FORM_1)
    except releases.NotToBeHad as reason:
        return pytest.skip(str(reason))


def stand_in(i, annotations):
    return pod(NAMESPACE, f"gpugate-{'new' if annotations else 'old'}-{i}", labels=LABELS, annotations=annotations)


def furnish(plane):
    """Makes room for everything in `wide` and for little in `tight`. In `doomed`, a native quota
    refuses what gpugate has admitted, so that something is always pending."""
    for name in ("wide", "tight", "doomed"):
        plane.namespace(name)
    hard = {f"requests.{DOOM}": "0"}
    plane.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "doom", "namespace": "doomed"}, "spec": {"hard": hard}}).must()
    plane.admin.patch("ResourceQuota", "doom", {"status": {"hard": hard, "used": hard}}, "doomed", "status").must()


def policy():
    return [doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
            *(doc("Tenant", name, namespaces=[name], quotas=[{"name": "gpus", "resources": [GPU], "hard": hard}])
              for name, hard in (("wide", 1000), ("tight", TIGHT), ("doomed", 1000)))]


class Load:
    """Creates that must all succeed, some at a limit, and some that never succeed after gpugate has
    admitted them."""

    def __init__(self, plane):
        def at_the_limit(reply):
            return reply.status == 403 and 'GPU quota "gpus" of tenant "tight"' in reply.message

        def doomed(reply):
            return reply.status == 403 and "exceeded quota: doom" in reply.message

        self.creators = [Creators(plane, "wide", 3, tries=TRIES), Creators(plane, "tight", 8, refused=at_the_limit, pause_s=0.02, tries=TRIES),
                         Creators(plane, "doomed", 1, refused=doomed, asks={GPU: 1, DOOM: 1}, pause_s=0.3, tries=TRIES)]

    def go_on(self):
        """Waits until each has done something more."""
        for creators in self.creators:
            before = sum(creators.outcomes.values())
            soon(lambda creators=creators, before=before: sum(creators.outcomes.values()) > before + 10, 30, "some creates")

    def stop(self):
        for creators in self.creators:
            creators.stop()

    def again(self):
        return sum((creators.again for creators in self.creators), Counter())

    def failures(self):
        return Counter(failure for creators in self.creators for failure in creators.failures).most_common(5)


class Rollout:
    """Replaces replicas one by one. Records the revisions in which old ones ran, when all were new,
    and what the replicas logged."""

    def __init__(self, plane, gate, old):
        self.plane, self.gate = plane, gate
        self.versions = {"old": (old, None), "new": (BINARY, READS_FORM_2)}
        self.running = ["old"] * len(gate.servers)
        self.old_ran, self.events = [], Counter()
        self.began = [0] * len(gate.servers)

    def revision(self):
        return history.revision("127.0.0.1", self.plane.etcd_port)

    def stand_in(self, i, version):
        return pod(NAMESPACE, f"gpugate-{version}-{i}", labels=LABELS, annotations=self.versions[version][1])

    def replace(self, i, version):
        """The new Pod exists before the old one is gone. Its container starts after all replicas
        have seen it: here as much later as a replica takes to stop."""
        server, former = self.gate.servers[i], self.running[i]
        self.plane.admin.create(self.stand_in(i, version)).must()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 0
        server.process = None
        self.note_end(i)
        self.plane.admin.delete("Pod", f"gpugate-{former}-{i}", NAMESPACE, grace_s=0).must()
        self.running[i], self.began[i], server.binary = version, self.revision(), self.versions[version][0]
        server.start()
        soon(lambda: server.admin("/readyz").status == 200, 30, f"replica {i}, ready")

    def note_end(self, i):
        self.events.update(line["event"] for line in self.gate.servers[i].log())
        if self.running[i] == "old":
            self.old_ran.append((self.began[i], self.revision()))


def forms(plane):
    """Returns the ledger's history as (revision, form). A form of "" means that nothing was
    pending."""
    return [(change.revision, change.pod["spec"]["pending"].partition(";")[0])
            for change in history.changes("127.0.0.1", plane.etcd_port, "gpuledgers") if change.pod]


def form_is(plane, form):
    return plane.admin.get("GPULedger", "cluster").must()["spec"]["pending"].startswith(f"{form};")


def test_an_upgrade_and_a_roll_back_under_load(fresh_control_plane, gpugate_in_cluster, old):
    plane = fresh_control_plane(controllers=False, scheduler=False, history=True, apiserver=[f"--request-timeout={REQUEST_S}s"])
    furnish(plane)
    gate = gpugate_in_cluster(plane, policy(), "--pending-seconds", PENDING_S, "--settle-seconds", SETTLE_S, "--drain-seconds", 2,
                              ledger="cluster", replicas=3, binary=old)
    rollout = Rollout(plane, gate, old)
    for i in range(3):
        plane.admin.create(rollout.stand_in(i, "old")).must()
    service, load = Service(gate), Load(plane)
    try:
        load.go_on()
        eventually(lambda: form_is(plane, 1), 20, "form 1, of the old version")
        for i in range(3):
            rollout.replace(i, "new")
            load.go_on()
        eventually(lambda: form_is(plane, 2), 20, "form 2, since all replicas read it")
        load.go_on()
        for i in range(3):
            rollout.replace(i, "old")
            load.go_on()
        assert form_is(plane, 1)
    finally:
        load.stop()
        service.stop()
    for i in range(3):
        rollout.note_end(i)
    print("creates that were made again, by their status:", dict(load.again()), flush=True)
    assert not load.failures(), load.failures()
    # Old replicas log `ledger_settles` and `pod_late`.
    for event in ("ledger_settling", "ledger_settles", "ledger_created", "ledger_newer", "ledger_outage", "pod_stored_late", "pod_late"):
        assert rollout.events[event] == (3 if event == "ledger_created" else 0), rollout.events
    written = forms(plane)
    for begin, end in rollout.old_ran:
        before = [form for revision, form in written if revision <= begin][-1:]
        assert "2" not in before + [form for revision, form in written if begin < revision <= end], "an old replica met form 2"
    assert {"1", "2"} <= {form for _, form in written}
    checker = Checker(Policy(policy()), {})
    for change in history.changes("127.0.0.1", plane.etcd_port, "namespaces", "pods"):
        checker.feed(change)
    checker.assert_never_over()
    assert checker.peak > 0, "the limit was never reached"
