"""`gpugate explain --live` with a real API server: its sums are those of `gpugate quota`, its
message is that of the webhook, and a missing right is named."""

import json

import pytest
import yaml

import installed
from control_plane import eventually
from gpugate import run, write_policy
from kube import GPU, doc
from manifests import pod
from test_credentials import credential

POLICY = [doc("Accelerator", "x", resource=GPU, memory="80Gi"),
          doc("Tenant", "org", quotas=[{"name": "all", "hard": 10}]),
          doc("Tenant", "team-a", parent="org", namespaces=["a", "a-dev"], quotas=[{"name": "g", "hard": 4}]),
          doc("Tenant", "team-b", parent="org", namespaceSelector={"matchLabels": {"team": "b"}}, quotas=[{"name": "g", "hard": 3}])]
QUOTAS = "/apis/gpugate.io/v1/gpuquotas"


@pytest.fixture
def plane(fresh_control_plane):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    installed.install(plane, POLICY)
    for space, labels in (("a", {}), ("a-dev", {}), ("b", {"team": "b"})):
        plane.namespace(space)
        plane.admin.patch("Namespace", space, {"metadata": {"labels": labels}}).must()
    return plane


def explain(plane, folder, obj, kubeconfig, *args):
    (folder / "pod.yaml").write_text(yaml.safe_dump(obj))
    return run("explain", "-f", folder / "pod.yaml", "--policy", write_policy(folder / "policy", POLICY), "--live", "--kubeconfig", kubeconfig,
               "-o", "json", *args)


def test_the_sums_and_the_message_are_those_of_the_cluster(plane, gpugate_in_cluster, tmp_path):
    gpugate_in_cluster(plane, POLICY, "--settle-seconds", "1", ledger="cluster", replicas=2)
    for space, name, gpus in (("a", "p0", 1), ("a-dev", "p1", 2), ("b", "p2", 2), ("b", "plain", 0)):
        eventually(lambda s=space, n=name, g=gpus: plane.admin.create(pod(s, n, {GPU: g} if g else {})).ok, 20, f"the Pod {name}")

    def published():
        done = json.loads(run("quota", "--kubeconfig", plane.kubeconfig(), "-o", "json").stdout)
        return {f"{q['tenant']}/{q['quota']}": (q["used"], q["pending"]) for q in done["quotas"]}

    expected = {"org/all": ("5", "0"), "team-a/g": ("3", "0"), "team-b/g": ("2", "0")}
    eventually(lambda: published() == expected, 30, "published sums")
    for space in ("a", "b"):
        greedy = pod(space, "greedy", {GPU: 6})
        done = explain(plane, tmp_path, greedy, plane.kubeconfig())
        assert done.returncode == 1, done
        told = json.loads(done.stdout)
        assert told["differences"] == []
        assert {f"{q['tenant']}/{q['quota']}": (q["used"], q["pending"]) for q in told["objects"][0]["quotas"]}.items() <= expected.items()
        refused = plane.admin.create(greedy, dryRun="All")
        assert not refused.ok and told["objects"][0]["message"] in refused.message, refused.message


def test_a_plug_in_and_the_rights_that_it_gives(plane, tmp_path):
    """A credential plug-in is run. Its user may read no more than it was granted."""
    plane.admin.create(pod("a", "p", {GPU: 2})).must()
    token = plane.service_account("plugins", "reader")
    config = yaml.safe_load(plane.kubeconfig().read_text())
    config["users"][0]["user"] = credential(tmp_path, token=token, expirationTimestamp="2999-01-01T00:00:00Z")
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    done = explain(plane, tmp_path, pod("a", "q", {GPU: 2}), tmp_path / "kubeconfig")
    assert done.returncode == 2 and 'cannot list resource "namespaces"' in done.stderr, done
    assert "--live needs the right to `list` namespaces in all namespaces. Without it, ask the cluster itself: `kubectl apply --dry-run=server" in done.stderr
    plane.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "explains"},
                        "rules": [{"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list"]}]}).must()
    plane.grant(("ServiceAccount", "reader", "plugins"), "explains")

    def allowed():
        done = explain(plane, tmp_path, pod("a", "q", {GPU: 2}), tmp_path / "kubeconfig")
        return done if done.returncode != 2 else None

    told = json.loads(eventually(allowed, 20, "the rights").stdout)
    assert told["differences"] is None and told["objects"][0]["quotas"][0]["used"] == "2" and told["refused"] == 0
    plane.grant(("ServiceAccount", "reader", "plugins"), "cluster-admin")
    eventually(lambda: json.loads(allowed().stdout)["differences"] == [], 20, "the gpuquotas")
