"""What users see of the cluster's ledger: gpuquotas objects, `gpugate quota`, Events, and whether
the registration is outdated. Uses a real control plane and two replicas."""

import json

import pytest

import installed
from control_plane import eventually
from gpugate import run
from kube import GPU, doc
from manifests import pod
from rest import Client

QUOTAS = "/apis/gpugate.io/v1/gpuquotas"


def policy(hard_a=2, *more):
    return [doc("Accelerator", "x", resource=GPU, memory="80Gi"),
            doc("Tenant", "org", quotas=[{"name": "all", "hard": 10}]),
            doc("Tenant", "team-a", parent="org", namespaces=["a", "a-dev"], quotas=[{"name": "g", "hard": hard_a}], cohort="c",
                borrowing={"g": {"borrowUpTo": "2"}}),
            doc("Tenant", "team-b", parent="org", namespaces=["b"], quotas=[{"name": "g", "hard": 3}], cohort="c",
                borrowing={"g": {"lendUpTo": "2"}}), *more]


@pytest.fixture
def plane(fresh_control_plane):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    installed.install(plane, policy())
    for space in ("a", "a-dev", "b"):
        plane.namespace(space)
    return plane


@pytest.fixture
def gate(plane, gpugate_in_cluster):
    """Two replicas, and published quotas."""
    gate = gpugate_in_cluster(plane, policy(), "--settle-seconds", "1", ledger="cluster", replicas=2)
    eventually(lambda: len(quotas(plane)) == 3, 30, "the first gpuquotas")
    return gate


def quotas(plane):
    return {obj["metadata"]["name"]: obj for obj in plane.admin.request("GET", QUOTAS).must()["items"]}


def says(plane, name, **status):
    """Waits until the object has this status."""
    def so():
        obj = quotas(plane).get(name)
        return obj if obj and {k: obj["status"].get(k) for k in status} == status else None
    return eventually(so, 20, f"{name} with {status}")


def create(plane, space, name, gpus=1):
    eventually(lambda: plane.admin.create(pod(space, name, {GPU: gpus})).ok, 20, f"the Pod {name}")


def quota(plane, *args, user="admin"):
    return run("quota", "--kubeconfig", plane.kubeconfig(user), *args)


def metric(gate, name, **labels):
    return gate.servers[0].metrics().value(name, **labels)


def messages(plane, reason):
    return [event["message"] for event in plane.admin.list("Event", "gpugate") if event["reason"] == reason]


def test_what_is_held_is_published(plane, gate):
    create(plane, "a", "p0", 2)
    create(plane, "a-dev", "p1")
    obj = says(plane, "team-a.g", used="3", pending="0", borrowed="1")
    assert obj["spec"] == {"tenant": "team-a", "quota": "g", "measure": "count", "cohort": "c"}
    assert obj["status"]["holders"] == [{"namespace": "a", "pods": 1, "amount": "2"}, {"namespace": "a-dev", "pods": 1, "amount": "1"}]
    assert (obj["status"]["hard"], obj["status"]["exceeded"]) == ("2", False)
    says(plane, "org.all", used="3", hard="10", borrowed="0")
    assert says(plane, "team-b.g", used="0", lendable="2")["status"]["holders"] == []
    columns = plane.kubectl("get", "gpuquotas").stdout.splitlines()
    assert columns[0].split() == ["NAME", "TENANT", "QUOTA", "USED", "PENDING", "HARD", "BORROWED"]
    assert columns[2].split() == ["team-a.g", "team-a", "g", "3", "0", "2", "1"]
    plane.admin.delete("Pod", "p0", "a", grace_s=0).must()
    says(plane, "team-a.g", used="1", borrowed="0")


def test_what_does_not_change_is_not_written(plane, gate):
    """Many Pods without accelerators cause no writes, and two replicas write no more than one.
    Changes by others are corrected."""
    create(plane, "a", "p")
    says(plane, "team-a.g", used="1")
    before = quotas(plane)
    for i in range(50):
        plane.admin.create(pod("a", f"plain-{i}")).must()
    create(plane, "b", "q")
    says(plane, "team-b.g", used="1")
    after = quotas(plane)
    assert after["team-a.g"]["metadata"]["resourceVersion"] == before["team-a.g"]["metadata"]["resourceVersion"]
    writes = sum(server.metrics().value("gpugate_quota_writes_total", outcome="written") for server in gate.servers)
    assert writes <= 3 + 2 + 2 + 3, "three at first, two for each Pod, and some that saw it half way"
    plane.admin.request("PATCH", f"{QUOTAS}/team-b.g", {"status": {"used": "77"}}, "application/merge-patch+json").must()
    says(plane, "team-b.g", used="1")
    plane.admin.request("DELETE", f"{QUOTAS}/team-b.g").must()
    says(plane, "team-b.g", used="1")


MANY = 800


def many(*more):
    return policy() + [doc("Tenant", f"t-{i}", namespaces=[f"t-{i}"], quotas=[{"name": "g", "hard": 4}]) for i in range(MANY)] + list(more)


def written(*servers):
    return sum(server.metrics().value("gpugate_quota_writes_total", outcome="written") for server in servers)


def test_the_work_is_that_of_what_has_changed(fresh_control_plane, gpugate_in_cluster):
    """With many quotas, changes are published before quotas that were never published. One change
    is one write or a few. A start that finds all of them correct writes nothing."""
    plane = fresh_control_plane(controllers=False, scheduler=False)
    installed.install(plane, many())
    gate = gpugate_in_cluster(plane, many(), "--settle-seconds", "1", ledger="cluster")
    eventually(lambda: written(gate.server) > 0, 60, "the first object")
    # Their positions among the others are random.
    for i in range(5):
        plane.namespace(f"t-{i}")
        create(plane, f"t-{i}", "p")
        before = written(gate.server)
        says(plane, f"t-{i}.g", used="1")
        assert written(gate.server) - before < MANY / 4, "it waited for the others"
    eventually(lambda: len(quotas(plane)) == MANY + 3, 300, "all objects")
    assert written(gate.server) <= MANY + 3 + 5 * 3

    gate.restart()
    plane.namespace("t-5")
    create(plane, "t-5", "p")
    says(plane, "t-5.g", used="1", pending="0")
    assert written(gate.server) <= 3, "of one quota: pending, perhaps, and used"


def test_who_holds_too_much_depends_on_the_others(plane, gpugate_in_cluster):
    """In a cohort, quotas above their own limit are exceeded if all members together hold more than
    they have. That depends on what another one holds, without any change of its own. Enforcement
    only warns, so that Pods can exceed the limits."""
    loose = [doc("Settings", "cluster", enforcement="warn"), *policy()]
    gpugate_in_cluster(plane, loose, "--settle-seconds", "1", ledger="cluster")
    # 2 of its own, and 2 that team-b lends.
    create(plane, "a", "p", 4)
    says(plane, "team-a.g", used="4", borrowed="2", exceeded=False)
    create(plane, "b", "q", 3)
    says(plane, "team-b.g", used="3", exceeded=False)
    says(plane, "team-a.g", used="4", borrowed="2", exceeded=True)
    plane.admin.delete("Pod", "q", "b", grace_s=0).must()
    says(plane, "team-a.g", used="4", borrowed="2", exceeded=False)


def test_a_new_policy_is_published_at_once(plane, gate):
    """The replica that already has the policy publishes it. The other one leaves the numbers
    unchanged until it has the policy, too."""
    gate.servers[0].reload(policy(hard_a=5))
    says(plane, "team-a.g", hard="5")
    version = quotas(plane)["team-a.g"]["metadata"]["resourceVersion"]
    create(plane, "b", "q")
    says(plane, "team-b.g", used="1")
    assert quotas(plane)["team-a.g"]["metadata"]["resourceVersion"] == version
    gate.servers[1].reload(policy(hard_a=5))
    create(plane, "a", "p")
    assert says(plane, "team-a.g", used="1")["status"]["hard"] == "5"


def test_the_command(plane, gate):
    create(plane, "a", "p0", 2)
    create(plane, "a-dev", "p1")
    says(plane, "team-a.g", used="3", pending="0")
    says(plane, "org.all", used="3", pending="0")
    done = quota(plane)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "TENANT  QUOTA  USED  PENDING  HARD  BORROWED\n"
        "org     all       3        0    10         0  [###.......]  30%\n"
        "    a holds 2 (1 Pod)\n"
        "    a-dev holds 1 (1 Pod)\n"
        "team-a  g         3        0     2         1  [##########] 150%\n"
        "    a holds 2 (1 Pod)\n"
        "    a-dev holds 1 (1 Pod)\n"
        "team-b  g         0        0     3         0  [..........]   0%\n"
        "\n"
        "Cohort c, quota g: borrowed by team-a 1; lent, or free to be borrowed, from team-b 2\n"
        "\n"
        "3 quotas of 3 tenants: 0 exceeded, 1 borrowing\n")
    said = json.loads(quota(plane, "-o", "json").stdout)
    assert said["exceeded"] == 0 and [q["tenant"] for q in said["quotas"]] == ["org", "team-a", "team-b"]
    published = quotas(plane)["team-a.g"]
    assert said["quotas"][1] == {**published["spec"], **{k: v for k, v in published["status"].items() if k != "policy"}}


def test_an_exceeded_quota_is_a_finding(plane, gate):
    """Lowering a limit evicts nothing."""
    create(plane, "b", "p", 3)
    for server in gate.servers:
        server.reload([{**d, "spec": {**d["spec"], "quotas": [{"name": "all", "hard": 1}]}} if d["metadata"]["name"] == "org" else d for d in policy()])
    says(plane, "org.all", used="3", hard="1", exceeded=True)
    done = quota(plane)
    assert done.returncode == 1
    assert "org     all       3        0     1         0  [##########] 300% EXCEEDED\n" in done.stdout
    assert json.loads(quota(plane, "-o", "json").stdout)["exceeded"] == 1


@pytest.mark.parametrize("lacks", ["the kind", "the rights"])
def test_quotas_that_cannot_be_listed_are_reported(plane, gate, lacks):
    """Without a list, nothing is written. That is counted and logged like a failed write. Admission
    continues."""
    if lacks == "the kind":
        plane.kubectl("delete", "crd", "gpuquotas.gpugate.io")
    else:
        role = plane.admin.get("ClusterRole", "gpugate").must()
        rules = [rule for rule in role["rules"] if "gpuquotas" not in rule.get("resources", ())]
        assert len(rules) < len(role["rules"])
        plane.admin.patch("ClusterRole", "gpugate", {"rules": rules}).must()
    gate.restart(0)
    said = gate.servers[0].wait_log("quotas_unpublished", seconds=60)
    assert "cannot be listed: " in said[0]["message"] and ("404" if lacks == "the kind" else "403") in said[0]["message"], said
    assert metric(gate, "gpugate_quota_writes_total", outcome="failed") >= 1
    create(plane, "a", "p0")


def test_the_command_says_what_to_do(fresh_control_plane, tmp_path):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    done = quota(plane)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == ("gpugate quota: the cluster has no gpuquotas.gpugate.io; install what gpugate needs there: "
                           "`gpugate render ... | kubectl apply --server-side -f -`\n")
    installed.install(plane, policy())
    done = quota(plane)
    assert done.returncode == 0 and done.stdout.startswith("No quotas are published."), done
    assert json.loads(quota(plane, "-o", "json").stdout) == {"quotas": [], "exceeded": 0}
    done = quota(plane, user="jane")
    assert done.returncode == 2 and "answered 403" in done.stderr and "allows `list` of gpuquotas.gpugate.io" in done.stderr, done.stderr
    plane.apiserver.kill()
    done = quota(plane)
    assert done.returncode == 2 and "cannot be reached" in done.stderr, done.stderr
    done = run("quota", "--kubeconfig", tmp_path / "nowhere")
    assert done.returncode == 2 and "No such file" in done.stderr


def test_the_status_of_each_replica(plane, gate):
    """Each replica reports its own name, what is published, and the state of ledger and
    registration."""
    create(plane, "a", "p0", 2)
    create(plane, "a-dev", "p1")
    published = says(plane, "team-a.g", used="3", pending="0", borrowed="1")["status"]

    def told(i):
        return json.loads(gate.servers[i].admin("/status.json").body)

    def same(i):
        rows = {(t["name"], q["name"]): q for t in told(i)["tenants"] for q in t["quotas"]}
        return all(rows["team-a", "g"][key] == published[key] for key in ("used", "pending", "hard", "borrowed", "exceeded")) and rows

    for i in range(2):
        rows = eventually(lambda i=i: same(i), 20, f"what is published, at replica {i}")
        assert rows["team-a", "g"]["cohort"] == rows["team-b", "g"]["cohort"] == "c" and rows["org", "all"]["used"] == "3"
        status = told(i)
        assert (status["replica"], status["ready"], status["unready"]) == (f"gpugate-{i}", True, None)
        # They are not Pods here.
        assert status["certificate"]["source"] == "files" and status["replicas"] == []
        ledger = status["ledger"]
        assert {k: ledger[k] for k in ("kind", "state", "pods", "behindSeconds", "undecided")} == {
            "kind": "cluster", "state": "open", "pods": 2, "behindSeconds": 0, "undecided": 0}
        assert set(ledger) == {"kind", "pods", "pendingPods", "state", "silentSeconds", "behindSeconds", "writes", "conflicts", "undecided", "podsOnUnmatchedNodes"}
        assert 0 <= ledger["silentSeconds"] < 600
    assert sum(told(i)["ledger"]["writes"] for i in range(2)) >= 2, "each Pod was written by one of them"
    refused = plane.admin.create(pod("a", "greedy", {GPU: 9}))
    assert not refused.ok
    rows = [row for i in range(2) for row in told(i)["refusals"]]
    assert rows and {(row["pod"], row["outcome"], row["tenant"]) for row in rows} == {("greedy", "denied", "team-a")}
    assert all(row["message"] in refused.message for row in rows)
    eventually(lambda: all(told(i)["registration"]["validating"] == {"installed": True, "stale": False} for i in range(2)), 20, "a current registration")
    gate.unregister()
    eventually(lambda: told(0)["registration"]["validating"] == {"installed": False, "stale": True}, 20, "a missing one")


def test_the_other_replicas(plane, gate):
    """gpugate's own Pods, as their kubelets report them: existing, new and deleted ones."""
    labels = {"app.kubernetes.io/name": "gpugate", "app.kubernetes.io/instance": "gpugate"}

    def seen(i):
        return [(each["name"], each["ready"], each["stopping"]) for each in json.loads(gate.servers[i].admin("/status.json").body)["replicas"]]

    def tell_ready(name, ready, phase="Running"):
        status = {"phase": phase, "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": ready}]}
        plane.admin.patch("Pod", name, {"status": status}, "gpugate", subresource="status").must()

    for name, space, own in (("gpugate-0", "gpugate", labels), ("gpugate-1", "gpugate", labels), ("other", "gpugate", {}), ("alike", "a", labels)):
        plane.admin.create(pod(space, name, labels=own)).must()
    everywhere = range(2)
    for i in everywhere:
        eventually(lambda i=i: seen(i) == [("gpugate-0", False, False), ("gpugate-1", False, False)], 20, "two Pods")
    tell_ready("gpugate-1", "True")
    for i in everywhere:
        eventually(lambda i=i: seen(i) == [("gpugate-0", False, False), ("gpugate-1", True, False)], 20, "one that is ready")
    # It learns of them from a list.
    gate.restart(1)
    eventually(lambda: seen(1) == [("gpugate-0", False, False), ("gpugate-1", True, False)], 20, "the same after a start")
    tell_ready("gpugate-1", "False")
    tell_ready("gpugate-0", "False", phase="Failed")
    for i in everywhere:
        eventually(lambda i=i: seen(i) == [("gpugate-1", False, False)], 20, "one that failed")
    plane.admin.delete("Pod", "gpugate-1", "gpugate", grace_s=0).must()
    for i in everywhere:
        eventually(lambda i=i: seen(i) == [], 20, "none")


def test_many_quotas_are_listed_in_pages(fresh_control_plane):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    installed.install(plane, policy())
    for i in range(1100):
        plane.admin.request("POST", QUOTAS, {"apiVersion": "gpugate.io/v1", "kind": "GPUQuota", "metadata": {"name": f"t{i}.q"},
                                             "spec": {"tenant": f"t{i:04}", "quota": "q"}}).must()
    said = json.loads(quota(plane, "-o", "json").stdout)
    assert [q["tenant"] for q in said["quotas"]] == [f"t{i:04}" for i in range(1100)]


def test_events_of_reloads(plane, gate):
    """Each replica sends one per reason and minute. A rejected policy is reported with its
    location."""
    bad = gate.servers[0].policy / "bad.yaml"
    bad.write_text("apiVersion: gpugate.io/v1\nkind: Nonsense\n")
    said = eventually(lambda: messages(plane, "PolicyRejected"), 20, "an Event")
    assert len(said) == 1 and "1 error, the first at" in said[0] and 'bad.yaml:2: unknown kind "Nonsense"' in said[0]
    bad.unlink()
    gate.servers[0].reload(policy(hard_a=3))
    assert eventually(lambda: messages(plane, "PolicyLoaded"), 20, "an Event") == ["a new policy is in force: generation 2"]
    gate.servers[0].reload(policy(hard_a=4))
    says(plane, "team-a.g", hard="4")
    assert len(messages(plane, "PolicyLoaded")) == 1
    event = plane.admin.list("Event", "gpugate")[0]
    assert event["involvedObject"]["kind"] == "GPULedger" and event["involvedObject"]["name"] == "cluster"
    assert event["source"] == {"component": "gpugate", "host": "gpugate-0"}


def test_events_of_an_outage_and_its_end(plane, gate):
    plane.apiserver.kill()
    eventually(lambda: '"event":"ledger_outage"' in gate.servers[0].stderr(), 60, "the outage")
    plane.apiserver.start()
    eventually(lambda: messages(plane, "LedgerRecovered"), 60, "an Event")


def test_a_stale_registration_is_told(plane, gate):
    """The registration is missing, as printed by render, changed manually, and outdated by the
    policy."""
    stale = {kind: lambda kind=kind: metric(gate, "gpugate_registration_stale", configuration=kind) for kind in ("mutating", "validating")}
    gate.unregister()
    eventually(lambda: metric(gate, "gpugate_registration_installed", configuration="validating") == 0, 20, "its absence")
    assert stale["validating"]() == 1
    eventually(lambda: "the cluster has no ValidatingWebhookConfiguration gpugate" in gate.servers[0].stderr(), 5, "the log's line")

    def register(policies):
        for obj in installed.rendered(policies, "--url", "https://127.0.0.1:1", "--path-secret", gate.dir / "secret"):
            if obj["kind"].endswith("WebhookConfiguration"):
                plane.admin.apply(obj, "render").must()

    register(policy())
    eventually(lambda: stale["mutating"]() == stale["validating"]() == 0, 20, "a registration that is right")
    path = Client.path("ValidatingWebhookConfiguration", name="gpugate")
    plane.admin.request("PATCH", path, [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}], "application/json-patch+json").must()
    eventually(lambda: stale["validating"]() == 1, 20, "a stale registration")
    eventually(lambda: "failurePolicy of webhook quota.gpugate.io" in gate.servers[0].stderr(), 5, "the log's line")
    register(policy())
    eventually(lambda: stale["validating"]() == 0, 20, "a registration that is right")
    rule = doc("Rule", "r", match={"requests": {GPU: {"max": 1}}}, inject={"nodeSelector": {"gpu": "yes"}})
    gate.servers[0].reload(policy(2, rule))
    eventually(lambda: stale["mutating"]() == 1, 20, "a policy that needs more")
    register(policy(2, rule))
    eventually(lambda: stale["mutating"]() == 0, 20, "a registration that is right")
    for kind in ("Mutating", "Validating"):
        plane.admin.delete(f"{kind}WebhookConfiguration", "gpugate").must()


def test_the_embedded_ledger_tells_a_stale_registration_too(plane, gpugate_in_cluster):
    kubeconfig = plane.service_account_kubeconfig("gpugate", "gpugate")
    gate = gpugate_in_cluster(plane, policy(), "--kubeconfig", kubeconfig)
    eventually(lambda: 'gpugate_registration_installed{configuration="validating"} 1' in gate.server.admin("/metrics").text, 20, "the gauge")
    assert metric(gate, "gpugate_registration_stale", configuration="validating") == 0
    gate.server.reload([{**d, "spec": {**d["spec"], "exempt": {"namespaces": ["spared"]}}} if d["kind"] == "Settings" else d
                        for d in policy(2, doc("Settings", "cluster"))])
    eventually(lambda: metric(gate, "gpugate_registration_stale", configuration="validating") == 1, 20, "a policy that spares a namespace")
