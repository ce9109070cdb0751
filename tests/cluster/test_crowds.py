"""Many Pods that are refused, or admitted and never stored, affect others and the API server as
little as possible."""

import re
import threading

import pytest

from control_plane import eventually
from gpugate import eventually as soon
from kube import GPU, doc
from manifests import pod

FULL = "this tenant has too many Pods and claims that have not been stored yet, and reservations for gangs"


def team(name, hard, **more):
    return doc("Tenant", name, quotas=[{"name": "gpus", "resources": [GPU], "hard": hard}], **more)


@pytest.fixture
def own(fresh_control_plane, gpugate_in_cluster):
    def make(policy, *args, **options):
        cluster = fresh_control_plane(controllers=False, scheduler=False)
        return cluster, gpugate_in_cluster(cluster, policy, *args, ledger="cluster", **options)
    return make


def refuse_all(cluster, space):
    """Makes a Kubernetes quota without any GPU, which refuses what gpugate has admitted."""
    cluster.namespace(space)
    hard = {f"requests.{GPU}": "0"}
    cluster.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": space}, "spec": {"hard": hard}}).must()
    cluster.admin.patch("ResourceQuota", "none", {"status": {"hard": hard, "used": hard}}, space, "status").must()


def fill(cluster, space, clients=12):
    """Creates Pods that are never stored until no room is left for them. Returns how many gpugate
    admitted."""
    admitted, problems, full = [], [], threading.Event()

    def work(number):
        client, serial = cluster.client(), 0
        while not full.is_set():
            reply = client.create(pod(space, f"p{number}-{serial}", {GPU: 1}))
            serial += 1
            if reply.status == 403 and "exceeded quota: none" in reply.message:
                admitted.append(1)
            elif reply.status == 429 and FULL in reply.message:
                full.set()
            elif reply.status not in (429, 504):
                problems.append(reply)
                full.set()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]
    return len(admitted)


def test_roots_that_fill_their_share_lock_nobody_out(own):
    """Four tenants have Pods that something else refuses. A fifth comes late and is admitted as if
    they did not exist, and so is a sixth."""
    cluster, _ = own([team(f"t{i}", 100000, namespaces=[f"t{i}"]) for i in range(6)], "--pending-seconds", 600)
    shares = []
    for i in range(4):
        refuse_all(cluster, f"t{i}")
        shares.append(fill(cluster, f"t{i}"))
    assert all(later < earlier for earlier, later in zip(shares, shares[1:])), shares
    for space in ("t4", "t5"):
        cluster.namespace(space)
        for name in "abc":
            cluster.admin.create(pod(space, name, {GPU: 1})).must()


def test_a_refusal_waits_only_for_what_may_become_free(own):
    """If nothing is pending or terminating, no refusal is delayed. If a Pod terminates, a refusal
    waits for it, and becomes an admission if it has gone."""
    cluster, gate = own([team("ml", 1, namespaces=["ml"])])
    cluster.namespace("ml")

    def held(outcome="all"):
        return gate.server.metrics().value("gpugate_ledger_held_total", outcome=outcome)

    def refused():
        over = cluster.admin.create(pod("ml", "over", {GPU: 1}))
        assert over.status == 403 and "exceeded quota" in over.message, over

    there = pod("ml", "there", {GPU: 1})
    there["metadata"]["finalizers"] = ["test.example/stays"]
    cluster.admin.create(there).must()
    gate.wait_used("ml", "gpus", 1)
    soon(lambda: gate.server.metrics().value("gpugate_ledger_pending") == 0, 10, "nothing pending")
    before = held()
    for _ in range(5):
        refused()
    assert held() == before
    cluster.admin.delete("Pod", "there", "ml", grace_s=0).must()

    def is_held():
        refused()
        return held() > before
    soon(is_held, 10, "a refusal that waits for the Pod that terminates")

    def lifted():
        """Creates a Pod while another one ends. On a busy machine, it may come too late or not wait
        long enough."""
        made = []
        waits = threading.Thread(target=lambda: made.append(cluster.client().create(pod("ml", "next", {GPU: 1}))))
        now = held()
        waits.start()
        eventually(lambda: held() > now or made, 30, "a refusal that is held")
        cluster.admin.patch("Pod", "there", {"metadata": {"finalizers": None}}, "ml")
        waits.join()
        return made[0].ok
    eventually(lifted, 30, "the Pod after it")


def namespace_reads(cluster):
    """Returns how many single Namespaces were read from the API server."""
    text = cluster.admin.request("GET", "/metrics", headers={"Accept": "text/plain"}).must()
    counts = re.findall(r'^apiserver_request_total\{[^}]*resource="namespaces"[^}]*verb="GET"[^}]*\} (\S+)$', text, re.MULTILINE)
    return sum(map(float, counts))


def test_a_namespace_is_read_once_for_all(own):
    """For many Pods in a namespace that gpugate does not know yet, with slow answers of the API
    server, one read is enough."""
    clients = 24
    cluster, gate = own([team("ml", 100, namespaceSelector={"matchLabels": {"team": "ml"}})])
    before = namespace_reads(cluster)
    gate.watches[0].delay(down=1.5)
    cluster.namespace("ml-1", team="ml")
    replies = []
    threads = [threading.Thread(target=lambda i=i: replies.append(cluster.client().create(pod("ml-1", f"p{i}", {GPU: 1})))) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.watches[0].delay()
    assert all(reply.status in (201, 429, 504) for reply in replies), replies
    assert namespace_reads(cluster) - before < clients / 2, "as many reads as Pods"
