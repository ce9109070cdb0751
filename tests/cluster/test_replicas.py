"""Several replicas in typical situations of a cluster: restarted one after the other, starved, cut
off from the API server, and with a ledger that was deleted or belongs to another history."""

import json
import shutil
import signal
import time
from collections import Counter

import pytest

from control_plane import eventually
from creators import Creators, Service
from gpugate import DEADLINE_S, eventually as soon
from kube import GPU, doc
from manifests import pod

SETTLE_S = 3


def team(name, hard, **more):
    return doc("Tenant", name, quotas=[{"name": "gpus", "resources": [GPU], "hard": hard}], **more)


@pytest.fixture
def own(fresh_control_plane, gpugate_in_cluster):
    """A control plane for this test only, without controllers, and gpugate in it: own([documents],
    *args, replicas=1, plane={})."""
    def make(policy, *args, plane=None, **options):
        cluster = fresh_control_plane(controllers=False, scheduler=False, **(plane or {}))
        return cluster, gpugate_in_cluster(cluster, policy, *args, "--settle-seconds", SETTLE_S, ledger="cluster", **options)
    return make


def test_a_rolling_restart_fails_no_create(own):
    cluster, gate = own([team("ml", 1000, namespaces=["ml"])], "--drain-seconds", 2, replicas=3)
    cluster.namespace("ml")
    service, creators = Service(gate), Creators(cluster, "ml", 8)
    try:
        for server in gate.servers:
            before = creators.outcomes[201]
            soon(lambda before=before: creators.outcomes[201] > before + 50, 30, "some creates")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(DEADLINE_S) == 0
            server.process = None
            server.start()
            soon(lambda server=server: server.admin("/readyz").status == 200, 20, "its return")
        before = creators.outcomes[201]
        soon(lambda: creators.outcomes[201] > before + 50, 30, "creates afterwards")
    finally:
        creators.stop()
        service.stop()
    assert not creators.failures, (Counter(creators.failures).most_common(5), creators.outcomes)
    gate.proxy.targets = [server.port for server in gate.servers]
    gate.wait_used("ml", "gpus", 0)


def storm(cluster, clients, over):
    """Ordinary clients, all of them ServiceAccounts, create Pods as fast as they can until
    over(creators)."""
    cluster.namespace("ml")
    token = cluster.service_account("ml", "robot")
    cluster.grant(("ServiceAccount", "robot", "ml"), "cluster-admin", "ml")
    eventually(lambda: cluster.client(token=token).create(pod("ml", "probe"), dryRun="All").ok, 10, "the robot's rights")
    creators = Creators(cluster, "ml", clients, lambda: cluster.client(token=token))
    eventually(lambda: over(creators), what="the end of the storm")
    creators.stop()
    return creators


FEW = ["--max-mutating-requests-inflight=8", "--max-requests-inflight=8"]


def test_a_storm_of_creates_does_not_starve_the_ledger(own):
    """The API server handles eight changes at a time, and 64 clients create Pods. The ledger's
    writes have their own priority level."""
    cluster, gate = own([team("ml", 1000, namespaces=["ml"])], plane={"apiserver": FEW}, replicas=2)
    creators = storm(cluster, 64, lambda creators: creators.failures or creators.outcomes[201] > 400)
    assert not creators.failures, Counter(creators.failures).most_common(5)
    gate.wait_used("ml", "gpus", 0)


def test_without_a_level_of_its_own_the_ledger_starves(own):
    """Shows what the priority level is for: the writes wait behind the creates that wait for them.
    """
    cluster, _ = own([team("ml", 1000, namespaces=["ml"])], plane={"apiserver": FEW}, replicas=2)
    cluster.admin.delete("FlowSchema", "gpugate").must()
    creators = storm(cluster, 64, lambda creators: creators.failures or creators.outcomes[201] > 400)
    assert creators.failures, creators.outcomes


def refused_in_time(client, seconds):
    """Returns gpugate's own refusal of a Pod with a device. On a busy machine, the API server may
    give up first, with 504, and is asked again."""
    def refused():
        made = client.create(pod("ml", "p", {GPU: 1}), timeout=f"{seconds}s")
        assert made.status in (429, 504), made
        return [made] if made.status == 429 else None
    return eventually(refused, what=f"gpugate's answer within {seconds} s")[0]


def test_an_outage_of_the_ledger(own):
    """gpugate cannot reach the API server. Pods with devices get the message for onOutage, others
    are admitted, and it recovers by itself."""
    cluster, gate = own([team("ml", 4, namespaces=["ml"])], "--pending-seconds", 5)
    cluster.namespace("ml")
    client = cluster.client()
    client.create(pod("ml", "before", {GPU: 1})).must()
    gate.wait_used("ml", "gpus", 1)
    gate.watches[0].refuse()
    gate.watches[0].cut()
    refused = refused_in_time(client, 10)
    assert refused.headers["Retry-After"], refused
    assert "the GPU quota check is temporarily unavailable: " in refused.message and "ledger" in refused.message
    assert "exceeded quota" not in refused.message
    assert "temporarily unavailable" in refused_in_time(client, 2).message
    client.create(pod("ml", "plain")).must()
    gate.watches[0].refuse(False)
    eventually(lambda: client.create(pod("ml", "after", {GPU: 1})).ok, 10, "the recovery")
    gate.wait_used("ml", "gpus", 2)
    gate.server.wait_log("ledger_recovered")  # lines are gathered before they are written
    assert len(gate.server.log("ledger_outage")) == 1


def test_a_ledger_that_can_be_read_and_not_written(own):
    """It is reported once, and a successful read does not count as recovery."""
    cluster, gate = own([team("ml", 4, namespaces=["ml"])])
    cluster.namespace("ml")
    rules = cluster.admin.get("ClusterRole", "gpugate").must()
    del rules["metadata"]["resourceVersion"]
    cluster.admin.replace({**rules, "rules": [rule for rule in rules["rules"] if rule.get("resourceNames") != ["cluster"]]}).must()
    refused = refused_in_time(cluster.admin, 4)
    assert "writing the ledger failed" in refused.message and "forbidden" in refused.message, refused
    def tries():
        return gate.server.metrics().value("gpugate_ledger_writes_total", outcome="unknown")
    before = tries()
    soon(lambda: tries() > before, 20, "another try, though nobody asks")
    time.sleep(1)
    events = [line["event"] for line in gate.server.log()]
    assert events.count("ledger_outage") == 1 and "ledger_recovered" not in events
    cluster.admin.replace(rules).must()
    eventually(lambda: cluster.admin.create(pod("ml", "p", {GPU: 1})).ok, 20, "a Pod")
    soon(lambda: gate.server.log("ledger_recovered"), 5, "its end, told")


def test_while_no_replica_answers(own):
    """The API server refuses Pods with devices, with its own message. Other Pods, and changes of
    existing Pods, are not affected. Changes made meanwhile are known as soon as one replica is
    back."""
    cluster, gate = own([team("ml", 4, namespaces=["ml"])], "--pending-seconds", 5)
    cluster.namespace("ml")
    cluster.node("node-a", {}, {GPU: 8})
    client = cluster.admin
    for name in ("runs", "ends", "leaves", "waits"):
        client.create(pod("ml", name, {GPU: 1})).must()
    gate.wait_used("ml", "gpus", 4)
    gate.server.process.send_signal(signal.SIGKILL)
    gate.server.process.wait(DEADLINE_S)
    gate.server.process = None
    refused = client.create(pod("ml", "new", {GPU: 1}))
    assert not refused.ok and 'failed calling webhook "quota.gpugate.io"' in refused.message, refused
    client.create(pod("ml", "plain")).must()
    for name in ("runs", "ends", "leaves"):
        client.create({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": "ml"},
                       "target": {"apiVersion": "v1", "kind": "Node", "name": "node-a"}}, "ml", "binding").must()
    cluster.phase("runs", "ml", "Running").must()
    cluster.phase("ends", "ml", "Succeeded").must()
    client.patch("Pod", "runs", {"metadata": {"labels": {"stage": "prod"}}}, "ml").must()
    client.create({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "waits", "namespace": "ml"}}, "ml", "eviction").must()
    client.delete("Pod", "leaves", "ml", grace_s=0).must()
    gate.server.start()
    gate.proxy.targets = [gate.server.port]
    # A Pod that was admitted just before and was gone before any replica had folded it stays
    # pending. It does so while it could still be stored, until the tick that looks for it, and
    # until a write omits it: 5 s and up to 7.
    gate.wait_used("ml", "gpus", 1, seconds=20)
    eventually(lambda: client.create(pod("ml", "new", {GPU: 3})).ok, 20, "the recovery")
    assert not client.create(pod("ml", "more", {GPU: 1})).ok


def test_an_api_server_that_stays_silent_is_an_outage_within_the_requests_time(own):
    """Nothing answers and nothing closes, yet the client gets an answer in time."""
    cluster, gate = own([team("ml", 4, namespaces=["ml"])])
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "before", {GPU: 1})).must()
    gate.watches[0].stall()
    try:
        for seconds in (1, 3):
            assert "could not be written in time" in refused_in_time(cluster.admin, seconds).message
    finally:
        gate.watches[0].resume()
    eventually(lambda: cluster.admin.create(pod("ml", "p", {GPU: 1})).ok, 15, "the recovery")


def final_refusal(client, obj):
    """Returns the refusal of a Pod for which there is no room. After an interruption, a watch may
    follow later than another, and until then gpugate asks to retry."""
    def refused():
        made = client.create(obj)
        assert made.status in (403, 429, 504), made
        return [made] if made.status == 403 else None
    return eventually(refused, 60, "a final refusal")[0]


def settles(cluster, gate, what):
    """Devices are refused with 429 for a while, and then the ledger is open again."""
    def refused():
        reply = cluster.admin.create(pod("ml", "too-early", {GPU: 1}), dryRun="All")
        return reply.status == 429 and "starts to decide in less than a minute" in reply.message and reply.headers["Retry-After"]
    eventually(refused, 20, f"settling after {what}")
    begin = time.monotonic()
    gate.wait_open(60)
    # The replica that made it settle, and the one that only saw it.
    for server in gate.servers:
        assert server.metrics().value("gpugate_ledger_resettled_total") == 1, what
        assert server.log("ledger_settling") + server.log("ledger_created"), what
    return time.monotonic() - begin


def test_a_deleted_ledger_settles(own):
    cluster, gate = own([team("ml", 2, namespaces=["ml"])], replicas=2)
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "a", {GPU: 1})).must()
    cluster.kubectl("delete", "gpuledgers", "cluster")
    assert settles(cluster, gate, "its deletion") > SETTLE_S - 1.5
    cluster.admin.create(pod("ml", "b", {GPU: 1})).must()
    assert "used 2, limit 2" in final_refusal(cluster.admin, pod("ml", "c", {GPU: 1})).message


@pytest.mark.parametrize("spec", [{"version": "999999999999"}, {"pending": "1;P x"}, {"version": "99999999999999999999"}, {"pending": "2;nothing"}, {"opened": "by-somebody-else"}])
def test_a_ledger_that_cannot_be_settles(own, spec):
    """A ledger of another history, whose Pods no replica will ever see, or a corrupt one."""
    cluster, gate = own([team("ml", 2, namespaces=["ml"])], replicas=2)
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "a", {GPU: 1})).must()
    gate.wait_used("ml", "gpus", 1)
    cluster.admin.patch("GPULedger", "cluster", {"spec": spec}).must()
    settles(cluster, gate, f"{spec}")
    cluster.admin.create(pod("ml", "b", {GPU: 1})).must()
    final_refusal(cluster.admin, pod("ml", "c", {GPU: 1}))


def test_a_ledger_of_a_newer_form_is_left_alone(own):
    """A newer version is taking over, or was rolled back. Only it knows what is pending, so nothing
    is overwritten and nothing admitted."""
    cluster, gate = own([team("ml", 2, namespaces=["ml"])], replicas=2)
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "a", {GPU: 1})).must()
    gate.wait_used("ml", "gpus", 1)
    before = cluster.admin.get("GPULedger", "cluster").must()["spec"]
    theirs = {**before, "version": "1", "pending": "6;whatever newer versions say"}
    written = cluster.admin.patch("GPULedger", "cluster", {"spec": theirs}).must()["metadata"]["resourceVersion"]
    for server in gate.servers:
        def says(server=server):
            answer = server.admin("/readyz")
            return answer.status == 503 and "Update gpugate" in answer.text
        soon(says, 10, "not ready")
        line, = server.wait_log("ledger_newer")
        assert "form 6" in line["message"] and "kubectl delete gpuledger cluster" in line["message"]
        assert server.metrics().value("gpugate_ledger_state", state="newer") == 1
    refused = refused_in_time(cluster.admin, 10)
    assert "form 6" in refused.message and "exceeded quota" not in refused.message, refused
    cluster.admin.create(pod("ml", "plain")).must()
    # Longer than it would take to settle and be opened.
    time.sleep(2 * SETTLE_S)
    there = cluster.admin.get("GPULedger", "cluster").must()
    assert there["spec"] == theirs and there["metadata"]["resourceVersion"] == written
    # As the newer version does before it is rolled back.
    cluster.admin.patch("GPULedger", "cluster", {"spec": before}).must()
    gate.wait_open(20)
    cluster.admin.create(pod("ml", "b", {GPU: 1})).must()
    final_refusal(cluster.admin, pod("ml", "c", {GPU: 1}))
    assert all(server.metrics().value("gpugate_ledger_resettled_total") == 0 for server in gate.servers)
    cluster.admin.patch("GPULedger", "cluster", {"spec": theirs}).must()
    eventually(lambda: gate.state(0) == gate.state(1) == "newer", 10, "the newer form again")
    # What the message recommends if there is no newer version.
    cluster.kubectl("delete", "gpuledgers", "cluster")
    gate.wait_open(60)


class Backup:
    """A copy of etcd's storage, to be restored later."""

    def __init__(self, cluster):
        self.cluster, self.data, self.copy = cluster, cluster.dir / "etcd", cluster.dir / "backup"
        self._asleep(lambda: shutil.copytree(self.data, self.copy))

    def restore(self):
        self._asleep(lambda: (shutil.rmtree(self.data), self.copy.rename(self.data)))

    def _asleep(self, act):
        self.cluster.apiserver.kill()
        self.cluster.etcd.stop()
        act()
        self.cluster.etcd.start()
        self.cluster.apiserver.start()


def test_etcd_restored_from_a_backup(own):
    """All replicas have seen changes that never happened. They forget those, settle, and count what
    exists."""
    cluster, gate = own([team("ml", 3, namespaces=["ml"])], replicas=2)
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "old", {GPU: 1})).must()
    gate.wait_used("ml", "gpus", 1)

    backup = Backup(cluster)
    eventually(lambda: cluster.admin.create(pod("ml", "lost-1", {GPU: 1})).ok, 20, "a create")
    cluster.admin.create(pod("ml", "lost-2", {GPU: 1})).must()
    for _ in range(40):  # The history continues for a while.
        cluster.admin.patch("Pod", "old", {"metadata": {"annotations": {"n": str(_)}}}, "ml").must()
    gate.wait_used("ml", "gpus", 3)
    backup.restore()
    for server in gate.servers:
        eventually(lambda server=server: server.used("ml", "gpus") == 1, 60, "what the restored Pods hold")
    gate.wait_open(60)
    eventually(lambda: cluster.admin.create(pod("ml", "new-1", {GPU: 1})).ok, 20, "room for two more")
    cluster.admin.create(pod("ml", "new-2", {GPU: 1})).must()
    for server in gate.servers:
        assert len(server.log("ledger_settling")) <= 1
    assert "used 3, limit 3" in final_refusal(cluster.admin, pod("ml", "new-3", {GPU: 1})).message
    eventually(lambda: cluster.admin.get("GPUQuota", "ml.gpus").must()["status"]["used"] == "3", 60, "what people read")


def test_nothing_is_decided_by_a_view_of_a_lost_history(own):
    """The ledger's content is the same before and after. Only the view knows of a deletion that
    never happened."""
    cluster, gate = own([team("ml", 1, namespaces=["ml"])])
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "old", {GPU: 1})).must()
    eventually(lambda: cluster.admin.get("GPULedger", "cluster").must()["spec"]["pending"] == "", 20, "a ledger with nothing pending")
    backup = Backup(cluster)
    for n in range(40):  # The history continues for a while.
        cluster.admin.patch("Pod", "old", {"metadata": {"annotations": {"n": str(n)}}}, "ml").must()
    cluster.admin.request("DELETE", cluster.admin.path("Pod", "ml", "old"), gracePeriodSeconds=0).must()
    gate.wait_used("ml", "gpus", 0, seconds=60)
    backup.restore()
    end = time.monotonic() + 60
    while True:
        made = cluster.admin.create(pod("ml", "new", {GPU: 1}), timeout="3s")
        assert not made.ok, "two Pods, where one is allowed"
        if "used 1, limit 1" in made.message:
            break
        assert time.monotonic() < end, made.message
    assert any(line["event"] == "view_restored" for line in gate.server.log())


def test_quotas_are_published_after_a_restore(own):
    """A watch of quotas from a version that the API server has not reached yet would report nothing
    for long, and all writes would be against a version that no longer exists."""
    cluster, gate = own([team("ml", 3, namespaces=["ml"])])

    def published():
        return cluster.admin.request("GET", "/apis/gpugate.io/v1/gpuquotas/ml.gpus").must()["status"]["used"]
    cluster.namespace("ml")
    cluster.admin.create(pod("ml", "old", {GPU: 1})).must()
    eventually(lambda: published() == "1", what="a Pod that is published")
    backup = Backup(cluster)
    for n in range(200):  # The history continues for a while.
        cluster.admin.patch("Pod", "old", {"metadata": {"annotations": {"n": str(n)}}}, "ml").must()
    cluster.admin.create(pod("ml", "lost", {GPU: 1})).must()
    eventually(lambda: published() == "2", what="another")
    backup.restore()
    gate.wait_used("ml", "gpus", 1, seconds=60)
    gate.wait_open(60)
    eventually(lambda: cluster.admin.create(pod("ml", "p", {GPU: 2})).ok, 20, "a Pod")
    eventually(lambda: published() == "3", what="what is held now")


def test_a_namespace_is_used_as_soon_as_it_exists(own):
    """Its labels are read before its first Pod is decided, however late the watches are."""
    cluster, gate = own([team("ml", 3, namespaceSelector={"matchLabels": {"team": "ml"}})])
    # From then on, the proxy recognizes watches by their silence.
    time.sleep(1.1)
    gate.watches[0].lag(3)
    for i in range(3):
        cluster.namespace(f"ml-{i}", team="ml")
        made = cluster.admin.create(pod(f"ml-{i}", "p", {GPU: 1}))
        assert made.ok, made.message
    gate.watches[0].lag()
    gate.wait_used("ml", "gpus", 3)
    stranger = cluster.namespace("stranger")
    assert "no tenant" in cluster.admin.create(pod(stranger, "p", {GPU: 1})).message


def test_pods_count_before_their_namespace_is_known(own):
    """A copy of the ledger may contain a Pod before the watch delivers its namespace, whose labels
    determine the Pod's tenant."""
    cluster, gate = own([team("ml", 1, namespaceSelector={"matchLabels": {"team": "ml"}})], replicas=2)
    # From then on, the proxy recognizes watches by their silence.
    time.sleep(1.1)
    gate.watches[1].lag(3)
    for i, server in enumerate(gate.servers):
        cluster.namespace(f"ml-{i}", team="ml")
        gate.proxy.targets = [server.port]
        gate.proxy.cut()
        made = cluster.admin.create(pod(f"ml-{i}", "p", {GPU: 1}))
        assert made.ok == (i == 0), made.message
    assert "exceeded quota: GPU quota" in made.message


@pytest.mark.parametrize("how", ["bytes", "depth", "length"])
def test_a_pod_cannot_hide_from_the_view(own, how):
    """Its owner writes invalid text or very deep nesting into its managedFields, or the Pod is much
    longer than its stored form."""
    cluster, gate = own([team("ml", 1, namespaces=["ml"])])
    cluster.namespace("ml")
    made = cluster.admin.create(pod("ml", "p", {GPU: 1}, schedulerName="nobody")).must()
    if how == "length":
        long = pod("ml", "long", {}, schedulerName="nobody")
        long["spec"]["containers"][0]["env"] = [{"name": "A", "value": "<" * 1_000_000}]
        cluster.admin.create(long).must()
    else:
        fields = b'{"f:metadata":{"f:\xff":{}}}' if how == "bytes" else b'{"f:a":' * 700 + b"{}" + b"}" * 700
        made["metadata"]["managedFields"] = [{"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                                              "time": "2026-01-01T00:00:00Z", "fieldsV1": "HERE"}]
        body = json.dumps(made).encode().replace(b'"HERE"', fields)
        cluster.admin.request("PUT", "/api/v1/namespaces/ml/pods/p", body).must()
    gate.watches[0].cut()
    gate.wait_used("ml", "gpus", 1)
    soon(lambda: " p " not in cluster.admin.get("GPULedger", "cluster").must()["spec"]["pending"], 10, "a ledger that has folded")
    # It lists everything.
    gate.restart()
    gate.wait_open()
    assert "exceeded quota: GPU quota" in cluster.admin.create(pod("ml", "q", {GPU: 1})).message
    assert gate.server.metrics().value("gpugate_view_unreadable_total") == 0


def test_the_view_is_compared_with_a_list(own):
    """The API server lists at the version of a view, in pages, while Pods are created, finish, run
    again and disappear. None of that is a lost event."""
    cluster, gate = own([team("ml", 100, namespaces=["ml"])], "--view-check-seconds", 2, replicas=2)
    cluster.namespace("ml")
    for n in range(510):  # More than a page.
        cluster.admin.create(pod("ml", f"plain-{n}", schedulerName="nobody")).must()
    read = [server.metrics for server in gate.servers]

    def checks(outcome):
        return [metrics().value("gpugate_view_checks_total", outcome=outcome) for metrics in read]

    begun = checks("compared")
    for n in range(20):
        cluster.admin.create(pod("ml", f"gpu-{n}", {GPU: 1}, schedulerName="nobody")).must()
        for phase in ("Failed", "Running")[:n % 3]:
            cluster.admin.patch("Pod", f"gpu-{n}", {"status": {"phase": phase}}, "ml", "status").must()
        if n % 2:
            cluster.admin.delete("Pod", f"gpu-{n}", "ml", grace_s=0).must()
    finished = sum(n % 3 == 1 and not n % 2 for n in range(20))
    soon(lambda: all(now > before + 2 for now, before in zip(checks("compared"), begun)), 30, lambda: f"comparisons: {checks('compared')}")
    for server in gate.servers:
        soon(lambda server=server: server.used("ml", "gpus") == 10 - finished, 10, lambda server=server: f"what exists: {server.used('ml', 'gpus')}")
        assert server.metrics().value("gpugate_view_healed_total") == 0, server.log("view_healed")
        assert not server.log("view_unchecked"), server.log("view_unchecked")
