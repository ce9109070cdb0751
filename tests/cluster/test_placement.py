"""Which model a Pod is charged for, with the real scheduler. The scheduler's own package says where
Pods can land, its bindings say where they do, and etcd's history shows what was held."""

import json
import subprocess
import threading

import pytest
from hypothesis import given, settings, strategies as st

import binaries
import placement
from control_plane import eventually
from gpugate import DEADLINE_S, Server
from kube import GPU, doc
from manifests import pod
from program_text import constant

T4, A100 = {"gpu.product": "t4"}, {"gpu.product": "a100"}
DOOM = "test.example/doom"


# --- The scheduler's own package ---

@pytest.fixture(scope="module")
def scheduler_package():
    """Calls the scheduler's nodeaffinity: (spec, [labels]) -> [bool]."""
    try:
        go = binaries.find_go()
    except binaries.NotToBeHad as reason:
        pytest.skip(str(reason))
    program = binaries.folder() / "nodeaffinity"
    built = subprocess.run([go, "build", "-o", program, "./nodeaffinity"], cwd=binaries.MODULE, check=False)
    assert built.returncode == 0
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(spec, nodes):
        process.stdin.write(json.dumps({"pod": spec, "nodes": nodes}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    assert process.wait(DEADLINE_S) == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(placement.requirements(), min_size=10, max_size=10))
def test_the_model_of_the_tests_is_the_schedulers(scheduler_package, specs):
    for spec in specs:
        verdicts = scheduler_package(spec, placement.NODES)
        assert verdicts == [placement.matches(spec, labels) for labels in placement.NODES], spec


@settings(max_examples=20, deadline=None)
@given(placement.fleets(), st.lists(placement.requirements(), min_size=30, max_size=30))
def test_a_pod_is_counted_wherever_the_scheduler_would_put_it(scheduler_package, fleet, specs):
    def match(spec, labels):
        return scheduler_package(spec, [labels])[0]

    server = Server(placement.policy_of(fleet, uncovered="audit"))
    try:
        for spec in specs:
            placement.check(server, fleet, spec, match)
    finally:
        server.stop()


# --- The real scheduler ---

def policy(*quotas, **settings_of):
    return [doc("Settings", "cluster", **settings_of),
            doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels=A100), doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels=T4),
            doc("Tenant", "ml", namespaces=["ml"], quotas=list(quotas))]


@pytest.fixture
def own(fresh_control_plane, gpugate_in_cluster):
    def make(documents, *args, **options):
        cluster = fresh_control_plane(history=True)
        cluster.namespace("ml")
        cluster.node("big", A100, {GPU: 8})
        cluster.node("small", T4, {GPU: 3})
        return cluster, gpugate_in_cluster(cluster, documents, *args, ledger="cluster", **options)
    return make


def node_of(cluster, name):
    return cluster.admin.get("Pod", name, "ml").must()["spec"].get("nodeName")


def wait_bound(cluster, name):
    eventually(lambda: node_of(cluster, name), 30, f"the binding of {name}")
    return node_of(cluster, name)


def most_held(cluster, node):
    """Returns the maximum number of GPUs on a node that Pods held at one time, by etcd's history.
    """
    held, most = {}, 0
    for change in cluster.pod_history():
        spec = (change.pod or {}).get("spec", {})
        held[change.namespace, change.name] = sum(int(c["resources"]["limits"][GPU]) for c in spec.get("containers", ())) if spec.get("nodeName") == node else 0
        most = max(most, sum(held.values()))
    return most


def test_a_quota_of_one_model_gives_no_other(own):
    """Three T4s once allowed nine GPUs, eight of them A100s."""
    cluster, gate = own(policy({"name": "t4", "accelerators": ["t4"], "hard": 3}))
    replies = [cluster.admin.create(pod("ml", f"any-{i}", {GPU: 1})) for i in range(9)]
    assert all(not r.ok and 'on nodes of Accelerator "a100"' in r.message for r in replies)
    gated = cluster.admin.create(pod("ml", "gated", {GPU: 1}, schedulingGates=[{"name": "example.com/later"}]))
    assert not gated.ok and 'on nodes of Accelerator "a100"' in gated.message
    for i in range(3):
        cluster.admin.create(pod("ml", f"t4-{i}", {GPU: 1}, nodeSelector=T4)).must()
    assert "exceeded quota: GPU quota" in cluster.admin.create(pod("ml", "t4-3", {GPU: 1}, nodeSelector=T4)).message
    assert {wait_bound(cluster, f"t4-{i}") for i in range(3)} == {"small"}
    gate.wait_used("ml", "t4", 3)
    assert most_held(cluster, "big") == 0


def test_a_charge_never_becomes_counted_nowhere(own):
    """If the policy admits uncovered Pods, they stay charged wherever they are bound."""
    cluster, gate = own(policy({"name": "t4", "accelerators": ["t4"], "hard": 3}, uncovered="allow"))
    created = [name for name in (f"any-{i}" for i in range(9)) if cluster.admin.create(pod("ml", name, {GPU: 1})).ok]
    assert len(created) == 3
    nodes = [wait_bound(cluster, name) for name in created]
    gate.wait_used("ml", "t4", 3)
    assert gate.server.metrics().value("gpugate_pods_on_unmatched_nodes", matches="none") == 0
    assert not cluster.admin.create(pod("ml", "more", {GPU: 1})).ok
    assert sum(most_held(cluster, node) for node in set(nodes)) == 3


def test_a_bound_pod_is_charged_by_its_node_alone(own):
    """A gated Pod restricts its requirements after it was admitted. The original ones do not matter
    once it is bound."""
    cluster, gate = own(policy({"name": "t4", "accelerators": ["t4"], "hard": 3}, {"name": "a100", "accelerators": ["a100"], "hard": 2}))
    cluster.admin.create(pod("ml", "gated", {GPU: 1}, schedulingGates=[{"name": "example.com/later"}])).must()
    gate.wait_used("ml", "t4", 1)
    gate.wait_used("ml", "a100", 1)
    cluster.admin.patch("Pod", "gated", {"spec": {"nodeSelector": A100}}, "ml").must()
    cluster.admin.patch("Pod", "gated", {"spec": {"schedulingGates": None}}, "ml").must()
    assert wait_bound(cluster, "gated") == "big"
    gate.wait_used("ml", "t4", 0)
    gate.wait_used("ml", "a100", 1)
    either = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "gpu.product", "operator": "In", "values": [v]}]} for v in ("t4", "a100")]}}}
    cluster.admin.create(pod("ml", "either", {GPU: 1}, affinity=either)).must()
    on = {"big": "a100", "small": "t4"}[wait_bound(cluster, "either")]
    gate.wait_used("ml", on, 2 if on == "a100" else 1)
    gate.wait_used("ml", "t4" if on == "a100" else "a100", 0 if on == "a100" else 1)


def affinity(*terms):
    """Returns nodeSelectorTerms, each from a list of (key, operator, values...)."""
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": k, "operator": op, "values": list(values)} for k, op, *values in term]} for term in terms]}}}


def test_a_cheap_alternative_does_not_hide_a_dear_one(own):
    """Terms are alternatives. The Pod may match one that no model satisfies, or one whose number
    has leading zeros."""
    documents = policy({"name": "t4", "accelerators": ["t4"], "hard": 9}, {"name": "a100", "accelerators": ["a100"], "hard": 1})
    for document, gb in ((documents[1], "81920"), (documents[2], "15360")):
        document["spec"]["nodeLabels"] = {**document["spec"]["nodeLabels"], "gpu.memory": gb}
    cluster, gate = own(documents)
    for node, gb in (("big", "81920"), ("small", "15360")):
        cluster.admin.patch("Node", node, {"metadata": {"labels": {"gpu.memory": gb}}}).must()
    cluster.node("other", {"gpu.product": "h100", "gpu.memory": "95830"}, {GPU: 8})
    unknown = cluster.admin.create(pod("ml", "h100", {GPU: 4}, affinity=affinity([("gpu.product", "In", "t4")], [("gpu.product", "In", "h100")])))
    assert "term 2 of the Pod's required node affinity allows" in unknown.message, unknown
    zeros = affinity([("gpu.memory", "In", "15360")], [("gpu.memory", "Gt", "50000".zfill(63))])
    assert 'can never fit: GPU quota "a100"' in cluster.admin.create(pod("ml", "zeros", {GPU: 4}, affinity=zeros)).message
    cluster.admin.create(pod("ml", "zero", {GPU: 1}, affinity=affinity([("gpu.memory", "Gt", "50000".zfill(63)), ("gpu.product", "NotIn", "h100")]))).must()
    assert wait_bound(cluster, "zero") == "big", "the scheduler reads the number so, too"
    gate.wait_used("ml", "a100", 1)
    assert most_held(cluster, "other") == 0


def test_a_pod_that_names_a_models_own_labels_is_that_model(own):
    """The edge T4s have labels of their own convention, and the A100s have others."""
    edge = {"node-type": "edge", "accelerator": "t4"}
    documents = policy({"name": "t4", "accelerators": ["t4"], "hard": 3}, {"name": "a100", "accelerators": ["a100"], "hard": 1})
    documents[2]["spec"]["nodeLabels"] = edge
    cluster, gate = own(documents)
    cluster.admin.patch("Node", "small", {"metadata": {"labels": {**edge, "gpu.product": None}}}).must()
    for i in range(3):
        cluster.admin.create(pod("ml", f"edge-{i}", {GPU: 1}, nodeSelector=edge)).must()
    cluster.admin.create(pod("ml", "train", {GPU: 1}, nodeSelector=A100)).must()
    assert {wait_bound(cluster, f"edge-{i}") for i in range(3)} == {"small"} and wait_bound(cluster, "train") == "big"
    gate.wait_used("ml", "t4", 3)
    gate.wait_used("ml", "a100", 1)


def test_pods_on_nodes_of_no_model_are_reported_and_stay_charged(own):
    cluster, gate = own(policy({"name": "t4", "accelerators": ["t4"], "hard": 3}, {"name": "a100", "accelerators": ["a100"], "hard": 3}))
    metrics = gate.server.metrics
    cluster.admin.create(pod("ml", "p", {GPU: 1}, nodeSelector=T4)).must()
    assert wait_bound(cluster, "p") == "small"
    gate.wait_used("ml", "t4", 1)
    cluster.admin.patch("Node", "small", {"metadata": {"labels": {"gpu.product": "h100"}}}).must()
    eventually(lambda: metrics().value("gpugate_pods_on_unmatched_nodes", matches="none") == 1, 20, "the metric")
    gate.wait_used("ml", "t4", 1)
    eventually(lambda: gate.server.log("node_unmatched"), 20, "the log")
    said = gate.server.log("node_unmatched")[0]["message"]
    assert said == ('Pod ml/p is bound to node "small", whose labels match no Accelerator that has what it asks for: it is charged as it was before it '
                    "was bound. Correct the labels of the node, or nodeLabels in the policy")
    ledger = json.loads(gate.server.admin("/status.json").text)["ledger"]
    assert ledger["podsOnUnmatchedNodes"] == {"none": 1, "several": 0}
    cluster.admin.patch("Node", "small", {"metadata": {"labels": {"gpu.product": "a100"}}}).must()
    gate.wait_used("ml", "a100", 1)
    gate.wait_used("ml", "t4", 0)
    eventually(lambda: metrics().value("gpugate_pods_on_unmatched_nodes", matches="none") == 0, 20, "the metric's end")


def test_any_number_of_accelerators_has_room_in_the_ledger(own):
    """A Pod that could land on hundreds of models is treated as one that could land anywhere."""
    many = [doc("Accelerator", f"m{i}", resource=GPU, memory="16Gi", nodeLabels={"gpu.product": f"p{i}"}) for i in range(300)]
    cluster, gate = own([*policy({"name": "all", "hard": 3}), *many])
    cluster.admin.create(pod("ml", "anywhere", {GPU: 1})).must()
    cluster.admin.create(pod("ml", "nearly", {GPU: 1}, affinity=affinity([("gpu.product", "NotIn", "p7")]))).must()
    gate.wait_used("ml", "all", 2)
    assert "exceeded quota: GPU quota" in cluster.admin.create(pod("ml", "more", {GPU: 2})).message


def test_what_a_pod_requires_takes_little_memory_of_the_view(own):
    """Storing such Pods needs no quota and no tenant, and every replica would keep all their
    requirements."""
    cluster, gate = own(policy({"name": "gpus", "hard": 3}))
    cluster.namespace("nobody")
    # About as much as etcd accepts in one object.
    values = [f"{i:x}" for i in range(90000)]

    def resident():
        return gate.server.metrics().value("process_resident_memory_bytes")

    def store(first, last):
        for i in range(first, last):
            cluster.admin.create(pod("nobody", f"p{i}", {"example.com/thing": 1}, affinity=affinity([("zone", "In", *values)]))).must()
        cluster.admin.create(pod("ml", f"seen-{last}", {GPU: 1})).must()
        # Then the view has seen what was stored before.
        gate.wait_used("ml", "gpus", 1)
        cluster.admin.delete("Pod", f"seen-{last}", "ml", grace_s=0)
        gate.wait_used("ml", "gpus", 0)
        return resident()

    before = store(0, 5)
    assert store(5, 45) - before < 40 * 256 * 1024


# --- Back-pressure is not an outage ---

def flood(cluster, count):
    """Creates Pods that something else refuses after gpugate has admitted them. Returns how often
    each status occurred."""
    def work(numbers):
        client = cluster.client()
        for i in numbers:
            reply = client.create(pod("ml", f"doomed-{i}", {GPU: 1, DOOM: 1}))
            statuses.append((reply.status, reply.message))

    statuses = []
    threads = [threading.Thread(target=work, args=(range(i, count, 16),)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_a_tenant_that_fills_its_share_is_not_let_in_uncounted(own):
    """onOutage: allow is for outages. A tenant whose admitted Pods are refused by others must wait,
    and holds nothing beyond its quota."""
    cluster, gate = own([*policy({"name": "gpus", "resources": [GPU], "hard": 1000}, {"name": "doom", "resources": [DOOM], "hard": "unlimited"}, onOutage="allow"),
                         doc("Accelerator", "doom", resource=DOOM, memory="1Gi")], "--pending-seconds", 600)
    hard = {f"requests.{DOOM}": "0"}
    cluster.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "doom", "namespace": "ml"}, "spec": {"hard": hard}}).must()
    cluster.admin.patch("ResourceQuota", "doom", {"status": {"hard": hard, "used": hard}}, "ml", "status").must()
    # The share of a root while no other root has anything pending.
    share = constant("webhook/ledger/ledger.h", "LEDGER_PENDING_MAX") // 4
    statuses = flood(cluster, share + 48)
    busy = [message for status, message in statuses if status == 429]
    assert len([1 for status, _ in statuses if status == 403]) == share and busy, statuses[-3:]
    assert all("the GPU quota cannot be checked yet: this tenant has too many Pods and claims that have not been stored yet, and reservations for gangs" in m for m in busy), busy[0]
    refused = cluster.admin.create(pod("ml", "p", {GPU: 1}, nodeSelector=T4))
    assert refused.status == 429 and refused.headers["Retry-After"], refused
    assert not any(change.pod for change in cluster.pod_history()), "nothing was stored"


def test_a_short_timeout_is_not_an_outage(own):
    """The creator of a Pod chooses ?timeout, which must not bypass the quota."""
    cluster, gate = own(policy({"name": "gpus", "hard": 1}, onOutage="allow"), "--pending-seconds", 5)
    gate.watches[0].stall()
    try:
        def decided():
            """On a busy machine, the API server may give up first, with 504."""
            refused = cluster.admin.create(pod("ml", "hasty", {GPU: 1}), timeout="2s")
            assert refused.status in (429, 504), refused
            return refused.status == 429 and refused.message
        assert "the GPU quota cannot be checked yet: " in eventually(decided, 60, "gpugate's answer")
    finally:
        gate.watches[0].resume()
    eventually(lambda: cluster.admin.create(pod("ml", "later", {GPU: 1})).ok, 60, "a decision")
    assert "exceeded quota: GPU quota" in cluster.admin.create(pod("ml", "more", {GPU: 1})).message
