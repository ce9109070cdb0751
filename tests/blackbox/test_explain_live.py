"""`gpugate explain --live`: what it counts is what the cluster has.
tests/cluster/test_explain_live.py uses a real API server."""

import json

import pytest
import yaml

from gpugate import Server, eventually, run, write_policy
from kube import GPU, doc, persisted, pod
from unreliable_api_server import UnreliableApiServer

H100 = doc("Accelerator", "h100", resource=GPU, memory="80Gi", nodeLabels={"model": "h100"})
T4 = doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={"model": "t4"})
TEAMS = [doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 10}]),
         doc("Tenant", "team-a", parent="org", namespaces=["team-a"], quotas=[{"name": "gpus", "measure": "gpus", "hard": 4}]),
         doc("Tenant", "team-b", parent="org", namespaceSelector={"matchLabels": {"team": "b"}}, quotas=[{"name": "gpus", "measure": "gpus", "hard": 9}])]
POLICY = [H100, T4, *TEAMS]
PLAIN = [doc("Accelerator", "h100", resource=GPU, memory="80Gi"), *TEAMS[:2]]
LIVE = "; --live needs the right to `list` {} in all namespaces. Without it, ask the cluster itself: `kubectl apply --dry-run=server -f FILE` creates nothing, and shows the same message\n"


@pytest.fixture
def api():
    server = UnreliableApiServer()
    server.put("namespaces", {"metadata": {"name": "team-a"}})
    server.put("namespaces", {"metadata": {"name": "lab", "labels": {"team": "b"}}})
    server.put("nodes", {"metadata": {"name": "n-t4", "labels": {"model": "t4"}}})
    yield server
    server.close()


@pytest.fixture
def live(api, tmp_path):
    def ask(policy, obj, *args, text=False):
        (tmp_path / "pod.yaml").write_text(yaml.safe_dump(obj))
        return run("explain", "-f", tmp_path / "pod.yaml", "--policy", write_policy(tmp_path / "policy", policy), "--live",
                   "--kubeconfig", api.kubeconfig(tmp_path), *(() if text else ("-o", "json")), *args)
    return ask


def stored(api, name, gpus, space="team-a", node=None, **status):
    obj = persisted(pod({GPU: gpus}, name=name, namespace=space), name)
    obj["spec"] |= {"nodeName": node} if node else {}
    return api.put("pods", obj | {"status": {"phase": "Running", **status}})


def sums(done):
    quotas = json.loads(done.stdout)["objects"][0]["quotas"]
    return {f"{q['tenant']}/{q['quota']}": q["used"] for q in quotas}


def test_what_the_cluster_has_is_counted(api, live):
    """Pods of all tenants on the path; labels of namespaces and nodes; nothing of finished Pods."""
    stored(api, "one", 1)
    stored(api, "small", 2, node="n-t4")
    stored(api, "other", 3, "lab")
    stored(api, "over", 1, phase="Succeeded")
    done = live(POLICY, pod({GPU: 2}))
    assert sums(done) == {"team-a/gpus": "1.5", "org/all": "4.5"} and done.returncode == 0, done
    assert live(POLICY, pod({GPU: 3})).returncode == 1
    # Nothing is published, and nothing is written.
    assert json.loads(done.stdout)["differences"] == [] and {method for method, _, _ in api.asked} == {"GET"}


def test_only_what_the_policy_needs_is_read(api, live):
    api.forbidden = {"namespaces", "nodes"}
    stored(api, "one", 1)
    assert sums(live(PLAIN, pod({GPU: 2}))) == {"team-a/gpus": "1", "org/all": "1"}
    assert {resource for _, resource, _ in api.asked} == {"pods", "gpuquotas"}


@pytest.mark.parametrize("what", ["pods", "nodes", "namespaces"])
def test_a_right_that_is_missing_is_named(api, live, what):
    api.forbidden = {what}
    done = live(POLICY, pod({GPU: 2}))
    assert done.returncode == 2 and done.stdout == ""
    assert "answered 403: " in done.stderr and done.stderr.endswith(LIVE.format(what)), done.stderr


@pytest.mark.parametrize("expiring", [0, 1, 2])
def test_pages(api, live, expiring):
    """A list whose pages expire begins again, and what is gone by then is not counted."""
    for i in range(1100):
        stored(api, f"p-{i:04}", 1, "lab")
    api.expiring = expiring
    assert sums(live([*POLICY[:2], {**TEAMS[0], "spec": {"quotas": [{"name": "all", "measure": "gpus", "hard": 2000}]}}, *TEAMS[1:]],
                     pod({GPU: 2}))) == {"team-a/gpus": "0", "org/all": "1100"}
    assert sum("continue" in query for _, resource, query in api.asked if resource == "pods") == 2 + expiring


def test_pages_that_always_expire(api, live):
    for i in range(501):
        stored(api, f"p-{i:04}", 1, "lab")
    api.expired = True
    done = live(POLICY, pod({GPU: 2}))
    assert done.returncode == 2 and "answered 410" in done.stderr, done


def test_the_sums_are_those_that_are_published(api, live, tmp_path):
    """A server with the cluster's ledger publishes what it counts of the same Pods."""
    stored(api, "one", 1)
    stored(api, "small", 3, node="n-t4")
    stored(api, "other", 3, "lab")
    server = Server(POLICY, "--ledger", "cluster", "--kubeconfig", api.kubeconfig(tmp_path), "--settle-seconds", "1", "--replica", "r")
    try:
        def published():
            return {f"{q['spec']['tenant']}/{q['spec']['quota']}": q["status"]["used"] for q in api.state("gpuquotas").values()}
        eventually(lambda: published() == {"org/all": "4.75", "team-a/gpus": "1.75", "team-b/gpus": "3"}, what="published sums")
        done = live(POLICY, pod({GPU: 1}))
        assert sums(done) == {name: used for name, used in published().items() if name != "team-b/gpus"}
        assert json.loads(done.stdout)["differences"] == []
        eventually(lambda: server.metrics().value("gpugate_ledger_state", state="open"), what="an open ledger")
        assert server.admit(pod({GPU: 3}))[0].message == json.loads(live(POLICY, pod({GPU: 3})).stdout)["objects"][0]["message"]
    finally:
        server.stop()


def test_other_numbers_are_said(api, live):
    stored(api, "one", 1)
    for name, used, pending in (("all", "1", "0"), ("gpus", "1", "2")):
        tenant = {"all": "org", "gpus": "team-a"}[name]
        api.put("gpuquotas", {"metadata": {"name": f"{tenant}.{name}"}, "spec": {"tenant": tenant, "quota": name, "measure": "gpus"},
                              "status": {"used": used, "pending": pending, "hard": "4"}})
    assert json.loads(live(POLICY, pod({GPU: 1})).stdout)["differences"] == [
        {"tenant": "team-a", "quota": "gpus", "counted": "1", "used": "1", "pending": "2"}]
    assert live(POLICY, pod({GPU: 1}), text=True).stdout.endswith(
        "\n\nThe cluster publishes other numbers: either Pods are being admitted or have just ended, or its policy is another one.\n"
        "  team-a/gpus: 1 counted here; gpuquotas has 1 used and 2 pending\n")
    api.forbidden = {"gpuquotas"}
    done = live(POLICY, pod({GPU: 1}), text=True)
    assert done.returncode == 0 and done.stdout.endswith(
        "\n\nThe gpuquotas of the cluster cannot be read, so that it is not known whether Pods are pending, which are not counted here.\n")
    assert json.loads(live(POLICY, pod({GPU: 1})).stdout)["differences"] is None


def test_options_that_exclude_each_other(api, live, tmp_path):
    assert live(POLICY, pod({GPU: 1}), "--usage", tmp_path / "pod.yaml").stderr == (
        "gpugate explain: --usage and --live both say what the cluster has; use one of them\nTry `gpugate explain --help`.\n")
    done = run("explain", "-f", tmp_path / "pod.yaml", "--policy", tmp_path / "policy", "--kubeconfig", tmp_path / "kubeconfig")
    assert done.returncode == 2 and done.stderr.startswith("gpugate explain: --kubeconfig needs --live, which reads the cluster that it names\n")
    api.close()
    done = live(POLICY, pod({GPU: 1}))
    assert done.returncode == 2 and "cannot be reached" in done.stderr, done


# --- Claims ---

CLAIMS = [doc("Accelerator", "h100", resource=GPU, memory="80Gi", deviceClasses=["gpu"]), *TEAMS[:2]]


def claim(name, count, **more):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name, "namespace": "team-a", "uid": name},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "gpu", "count": count}}]}}, **more}


def test_claims_of_the_cluster_are_counted(api, live):
    """Where the policy counts them: what they may get, whatever they have got."""
    stored(api, "one", 1)
    api.put("resourceclaims", claim("waiting", 1))
    api.put("resourceclaims", claim("allocated", 2, status={"allocation": {"devices": {"results": [{"request": "r"}]}}}))
    assert sums(live(CLAIMS, pod({GPU: 1}))) == {"team-a/gpus": "4", "org/all": "4"}
    assert not any(resource == "resourceclaims" for _, resource, _ in api.asked) or sums(live(PLAIN, pod({GPU: 1}))) == {"team-a/gpus": "1", "org/all": "1"}
