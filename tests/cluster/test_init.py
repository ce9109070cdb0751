"""`gpugate init --from-cluster` with a real API server: it needs no more rights than its document
says, and the policy that it writes refuses none of the Pods that run."""

import yaml

from control_plane import eventually
from gpugate import run
from kube import GPU
from manifests import pod

PRODUCT = "nvidia.com/gpu.product"
DRA = "/apis/resource.k8s.io/v1"
RIGHTS = [{"apiGroups": [""], "resources": ["configmaps", "nodes", "resourcequotas", "limitranges", "pods"], "verbs": ["list"]},
          {"apiGroups": ["resource.k8s.io"], "resources": ["deviceclasses", "resourceslices"], "verbs": ["list"]}]


def fill(plane):
    """Two nodes, a limit, three Pods, and devices of a DRA driver."""
    for space in ("a", "b"):
        plane.namespace(space)
    for name, product, capacity in (("n1", "NVIDIA-L4", {"nvidia.com/gpu.shared": "8"}), ("n2", "NVIDIA-A100-SXM4-80GB", {GPU: "8"})):
        plane.admin.create({"apiVersion": "v1", "kind": "Node",
                            "metadata": {"name": name, "labels": {PRODUCT: product, "nvidia.com/gpu.replicas": "4" if name == "n1" else "1"}},
                            "status": {"capacity": {"cpu": "8", **capacity}}}).must()
    plane.admin.request("POST", f"{DRA}/deviceclasses", {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu.amd.com"},
                                                         "spec": {"extendedResourceName": "amd.com/gpu"}}).must()
    plane.admin.request("POST", f"{DRA}/resourceslices", {
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "s"},
        "spec": {"driver": "gpu.amd.com", "nodeName": "n2", "pool": {"name": "n2", "generation": 1, "resourceSliceCount": 1},
                 "devices": [{"name": "gpu-0", "attributes": {"productName": {"string": "MI300X"}}, "capacity": {"memory": {"value": "192Gi"}}}]}}).must()
    for space, name, asks in (("a", "p0", {GPU: 1}), ("b", "p1", {"nvidia.com/gpu.shared": 1}), ("b", "p2", {GPU: 2})):
        eventually(lambda s=space, n=name, r=asks: plane.admin.create(pod(s, n, r)).ok, 20, f"the Pod {name}")
    # After the Pods, since no controller fills in its status, without which it refuses them.
    plane.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus", "namespace": "a"},
                        "spec": {"hard": {"requests.nvidia.com/gpu": "4"}}}).must()


def test_a_first_policy(fresh_control_plane, tmp_path):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    fill(plane)
    token = plane.service_account("readers", "reader")
    plane.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reads"}, "rules": RIGHTS}).must()

    def init(number):
        return run("init", "--from-cluster", "--kubeconfig", plane.kubeconfig("reader", token=token), "--out", tmp_path / str(number))

    done = init(0)
    assert done.returncode == 2 and "--from-cluster needs the right to `list` nodes in all namespaces" in done.stderr, done
    plane.grant(("ServiceAccount", "reader", "readers"), "reads")
    eventually(lambda: init(1).returncode == 0, 20, "the rights", pause=0.5)
    policy = tmp_path / "1"
    lint = run("lint", "--strict", policy)
    assert lint.returncode == 0, lint
    docs = {(doc["kind"], doc["metadata"]["name"]): doc["spec"] for path in policy.rglob("*.yaml") for doc in yaml.safe_load_all(path.read_text())}
    assert docs["Accelerator", "nvidia-l4"]["sharing"] == {"resource": "nvidia.com/gpu.shared", "replicas": 4}
    assert [spec["memory"] for (kind, _), spec in docs.items() if kind == "Accelerator" and spec["resource"] == "amd.com/gpu"] == ["196608Mi"]
    assert [quota["hard"] for quota in docs["Tenant", "a"]["quotas"]] == [4]
    assert {quota["name"]: quota["hard"] for quota in docs["Tenant", "b"]["quotas"]} == {"gpu": 2, "gpu.shared": 1}
    settings = policy / "settings.yaml"
    settings.write_text(settings.read_text().replace("enforcement: audit", "enforcement: deny"))
    pods = plane.kubectl("get", "pods", "-A", "-o", "json").stdout
    (tmp_path / "pods.json").write_text(pods)
    explained = run("explain", "-f", tmp_path / "pods.json", "--policy", policy)
    assert explained.returncode == 0, explained.stdout
