"""`gpugate init`: a first policy from what a cluster has, and templates."""

import json
import re
import resource
import subprocess

import pytest
import yaml
from hypothesis import example, given, settings, strategies as st

from fleets import GKE, NODES, PRODUCT, TYPE, created, host_path, listed, node, quota, running
from gpugate import BINARY, ROOT, run, scaled
from unreliable_api_server import UnreliableApiServer

GPU = "nvidia.com/gpu"


class Made:
    """The policy that `gpugate init` made of objects."""

    def __init__(self, folder, objects, *args):
        self.objects = objects
        self.input = folder / "objects.json"
        self.input.write_text(json.dumps(listed(objects)))
        self.policy = folder / "policy"
        self.done = run("init", self.input, "--out", self.policy, *args)
        assert self.done.returncode == 0 and self.done.stdout == "", self.done

    def documents(self, kind):
        found = [doc for path in sorted(self.policy.rglob("*.yaml")) for doc in yaml.safe_load_all(path.read_text()) if doc]
        return {doc["metadata"]["name"]: doc["spec"] for doc in found if doc["kind"] == kind}

    def text(self, path):
        return (self.policy / path).read_text()

    def comments(self, path):
        return " ".join(line.strip()[2:] for line in self.text(path).splitlines() if line.strip().startswith("# "))

    def lints_clean(self, *args):
        lint = run("lint", "--strict", *args, self.policy)
        assert lint.returncode == 0, lint.stdout + lint.stderr

    def refuses_none(self):
        """Not even if everything were enforced."""
        settings_file = self.policy / "settings.yaml"
        settings_file.write_text(settings_file.read_text().replace("enforcement: audit", "enforcement: deny"))
        pods = created(self.objects)
        if pods:
            path = self.policy.parent / "pods.json"
            path.write_text(json.dumps(listed(pods)))
            explained = run("explain", "-f", path, "--policy", self.policy, "-o", "json")
            assert explained.returncode == 0, [obj["message"] for obj in json.loads(explained.stdout)["objects"] if obj["verdict"] == "refused"]
            replayed = run("replay", "--policy", self.policy, self.input, "-o", "json")
            assert replayed.returncode == 0, replayed
            report = json.loads(replayed.stdout)
            assert report["reviews"] == len(pods) and report["quotas"] == [], report
            assert report["counts"]["newly-refused"] == report["counts"]["over-quota"] == 0, report["differences"]


@pytest.fixture
def make(tmp_path):
    return lambda objects, *args: Made(tmp_path, objects, *args)


# --- Accelerators ---

@pytest.mark.parametrize("kinds,expected", [
    (["a100"], {"nvidia-a100-sxm4-80gb": {"resource": GPU, "memory": "81920Mi", "nodeLabels": {PRODUCT: "NVIDIA-A100-SXM4-80GB"}}}),
    (["a100", "a100-mig"], {"nvidia-a100-sxm4-80gb": {
        "resource": GPU, "nodeLabels": {PRODUCT: "NVIDIA-A100-SXM4-80GB"},
        "mig": {"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"], "strategy": "mixed"}}}),
    (["h100-single"], {"nvidia-h100-80gb-hbm3-mig-1g.10gb": {
        "resource": GPU, "nodeLabels": {PRODUCT: "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"},
        "mig": {"model": "h100-80gb", "offered": ["1g.10gb"], "strategy": "single"}}}),
    (["l4-renamed"], {"nvidia-l4": {"resource": GPU, "memory": "23034Mi", "nodeLabels": {PRODUCT: "NVIDIA-L4"},
                                    "sharing": {"resource": "nvidia.com/gpu.shared", "replicas": 4}}}),
    # Two ways to share one product: the number of shares tells the nodes apart.
    (["l4-renamed", "l4-renamed-8"], {
        f"nvidia-l4-{n}": {"resource": GPU, "memory": "23034Mi", "nodeLabels": {PRODUCT: "NVIDIA-L4", "nvidia.com/gpu.replicas": n},
                           "sharing": {"resource": "nvidia.com/gpu.shared", "replicas": int(n)}} for n in ("4", "8")}),
    (["t4-shared"], {"tesla-t4-shared": {"resource": GPU, "memory": "15360Mi", "nodeLabels": {PRODUCT: "Tesla-T4-SHARED"},
                                         "sharing": {"resource": GPU, "replicas": 4}}}),
    (["mig-shared"], {"nvidia-a100-sxm4-40gb": {
        "resource": GPU, "nodeLabels": {PRODUCT: "NVIDIA-A100-SXM4-40GB"},
        "mig": {"model": "a100-40gb", "offered": ["1g.5gb"], "strategy": "mixed"},
        "sharing": {"resource": "nvidia.com/mig-1g.5gb.shared", "replicas": 2}}}),
    (["unknown"], {"lab-card-48": {"resource": GPU, "memory": "49152Mi", "nodeLabels": {PRODUCT: "LAB-CARD-48"}}}),
    (["bare"], {"nvidia.com-gpu": {"resource": GPU}}),
    (["mi300x"], {"amd-instinct-mi300x-oam": {"resource": "amd.com/gpu", "memory": "196608Mi",
                                              "nodeLabels": {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}}}),
    (["flex"], {"flex-170-i915": {"resource": "gpu.intel.com/i915", "nodeLabels": {"gpu.intel.com/product": "Flex_170"}}}),
    (["gaudi"], {"dl1.24xlarge-gaudi": {"resource": "habana.ai/gaudi", "nodeLabels": {TYPE: "dl1.24xlarge"}}}),
    (["gke", "gke-shared", "gke-partition"], {
        "nvidia-l4": {"resource": GPU, "nodeLabels": {GKE: "nvidia-l4"},
                      "withoutNodeLabels": ["cloud.google.com/gke-gpu-sharing-strategy", "cloud.google.com/gke-max-shared-clients-per-gpu"]},
        "nvidia-l4-time-sharing-4": {
            "resource": GPU, "sharing": {"resource": GPU, "replicas": 4},
            "nodeLabels": {GKE: "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
                           "cloud.google.com/gke-max-shared-clients-per-gpu": "4"}},
        "nvidia-tesla-a100-1g.5gb": {
            "resource": GPU, "nodeLabels": {GKE: "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"},
            "mig": {"model": "a100-40gb", "offered": ["1g.5gb"], "strategy": "single"}}}),
    # A node that has the label of a product may also have the type of its machine.
    (["typed", "a100", "bare"], {
        "g5.xlarge": {"resource": GPU, "nodeLabels": {TYPE: "g5.xlarge"}, "withoutNodeLabels": [PRODUCT]},
        "nvidia-a100-sxm4-80gb": {"resource": GPU, "memory": "81920Mi", "nodeLabels": {PRODUCT: "NVIDIA-A100-SXM4-80GB"}},
        "nvidia.com-gpu": {"resource": GPU, "withoutNodeLabels": [TYPE, PRODUCT]}}),
    (["cpu", "fpga", "volcano"], {}),
])
def test_accelerators(make, kinds, expected):
    made = make([node(kind) for kind in kinds])
    assert made.documents("Accelerator") == expected
    made.lints_clean()


@pytest.mark.parametrize("product,mib,model", [
    ("NVIDIA-H100-NVL", 95830, "h100-94gb"), ("NVIDIA-GH200-480GB", 97871, "gh200-96gb"), ("NVIDIA-B200", 183359, "b200-180gb"),
    ("NVIDIA-GB200", 189471, "gb200-186gb"), ("NVIDIA-H200", 143771, "h200-141gb"), ("NVIDIA-A30", 24576, "a30-24gb"),
    ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", 97887, "rtx-pro-6000-96gb"), ("NVIDIA-A100X", 81920, None),
    ("NVIDIA-A100-PCIE-40GB", 0, "a100-40gb"), ("NVIDIA-H100-PCIe", 0, None)])
def test_the_mig_model_is_known_by_name_and_memory(make, product, mib, model):
    profiles = {"a30-24gb": "1g.6gb", "a100-40gb": "1g.5gb", "h200-141gb": "1g.18gb", "b200-180gb": "1g.23gb", "gb200-186gb": "1g.23gb",
                "rtx-pro-6000-96gb": "1g.24gb", "h100-94gb": "1g.12gb", "gh200-96gb": "1g.12gb", None: "7g.99gb"}
    labels = {PRODUCT: product, **({"nvidia.com/gpu.memory": str(mib)} if mib else {})}
    obj = node("cpu", "n", **labels)
    obj["status"]["capacity"][f"nvidia.com/mig-{profiles[model]}"] = "4"
    made = make([obj])
    (spec,) = made.documents("Accelerator").values()
    assert spec.get("mig", {}).get("model") == model
    if not model:
        assert "no built-in model fits" in made.comments("accelerators.yaml")
    made.lints_clean()


def test_what_is_not_counted_is_said(make):
    made = make([node("fpga"), node("volcano"), node("flex")])
    assert "# otherResources: [example.com/fpga]" in made.text("settings.yaml")
    assert "Nodes have volcano.sh/vgpu-number, whose unit is a part of a device." in made.comments("accelerators.yaml")
    made.lints_clean()


def slices(node_name, driver="gpu.nvidia.com", product="NVIDIA H100 80GB HBM3", beta=False, count=4):
    facts = {"attributes": {"productName": {"string": product}, "type": {"string": "gpu"}, "driverVersion": {"version": "1.2.3"}},
             "capacity": {"memory": {"value": "81559Mi"}}}
    devices = [{"name": f"gpu-{i}", **({"basic": facts} if beta else facts)} for i in range(count)]
    devices.append({"name": "part", "attributes": {"type": {"string": "mig"}}})
    return {"apiVersion": "resource.k8s.io/" + ("v1beta1" if beta else "v1"), "kind": "ResourceSlice", "metadata": {"name": "s-" + node_name},
            "spec": {"driver": driver, "nodeName": node_name, "pool": {"name": node_name, "generation": 1}, "devices": devices}}


def device_class(name="gpu.nvidia.com", resource=GPU):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"extendedResourceName": resource}}


@pytest.mark.parametrize("beta", [False, True])
def test_resource_slices(make, beta):
    """Pods request the devices by the name that the DeviceClass has for them."""
    made = make([slices("n1", beta=beta), slices("n2"), device_class(), node("cpu", "n1"), running("a", "p", {GPU: "2"})])
    assert made.documents("Accelerator") == {"nvidia-h100-80gb-hbm3": {"resource": GPU, "memory": "81559Mi", "nodeLabels": {PRODUCT: "NVIDIA-H100-80GB-HBM3"}}}
    assert "Read from ResourceSlices: 8 devices on 2 nodes. Nodes count as if they had the label" in made.comments("accelerators.yaml")
    made.lints_clean()
    made.refuses_none()


def test_products_of_resource_slices(make):
    """The label of a node comes first. The product is told by slices as `serve` tells it."""
    labeled = node("a100", "n3")
    made = make([slices("n1"), slices("n2", product="Tesla T4"), slices("n3"), slices("n4", product="(?)"), device_class(), labeled])
    assert {name: spec.get("nodeLabels") for name, spec in made.documents("Accelerator").items()} == {
        "nvidia-h100-80gb-hbm3": {PRODUCT: "NVIDIA-H100-80GB-HBM3"}, "tesla-t4": {PRODUCT: "Tesla-T4"},
        "nvidia-a100-sxm4-80gb": {PRODUCT: "NVIDIA-A100-SXM4-80GB"}, "accelerator": None}
    made.lints_clean()


def test_devices_that_only_claims_reach(make):
    made = make([slices("n1"), running("a", "p", resourceClaims=[{"name": "gpu", "resourceClaimName": "c"}])])
    assert "driver gpu.nvidia.com have 4 devices. No DeviceClass" in made.comments("accelerators.yaml")
    assert made.documents("Guard")["resource-claims"]["exempt"] == {"namespaces": ["a"]}
    made.refuses_none()


# --- Tenants ---

@pytest.mark.parametrize("objects,quotas,comment", [
    ([quota("a", {"requests.nvidia.com/gpu": "4"}), running("a", "p", {GPU: "1"})], [{"name": "gpu", "resources": [GPU], "hard": 4}],
     'ResourceQuota "gpus" says 4 (requests.nvidia.com/gpu), and 1 is in use.'),
    ([running("a", "p", {GPU: "2"}), running("a", "q", {GPU: "1"})], [{"name": "gpu", "resources": [GPU], "hard": 3}],
     "A guess: what 2 Pods hold now. No ResourceQuota that is used here limits it."),
    # More than the ResourceQuota allows runs already.
    ([quota("a", {"requests.nvidia.com/gpu": "4"}), running("a", "p", {GPU: "6"})], [{"name": "gpu", "resources": [GPU], "hard": 6}],
     "A guess: what is in use. Lower it when enough has ended."),
    ([quota("a", {"limits.nvidia.com/gpu": "4"})], [{"name": "gpu", "resources": [GPU], "hard": 4}],
     "Kubernetes enforces only keys that begin with requests."),
    # All bind: the lowest counts, and one that is enforced before others.
    ([quota("a", {"requests.nvidia.com/gpu": "4"}), quota("a", {"requests.nvidia.com/gpu": "3"}, "b"), quota("a", {GPU: "1"}, "c")],
     [{"name": "gpu", "resources": [GPU], "hard": 3}], 'ResourceQuota "b" says 3'),
    ([quota("a", {"requests.nvidia.com/gpu": "4"}, scopes=["Terminating"]), running("a", "p", {GPU: "1"})],
     [{"name": "gpu", "resources": [GPU], "hard": 1}], "limits requests.nvidia.com/gpu to 4 for some of the Pods only (scopes)"),
    ([quota("a", {"requests.nvidia.com/gpu": "500m"}), running("a", "p", {GPU: "1"})], [{"name": "gpu", "resources": [GPU], "hard": 1}],
     "is no whole number"),
    ([quota("a", {"requests.nvidia.com/gpu": "0", "requests.amd.com/gpu": "2"})],
     [{"name": "amd.com-gpu", "resources": ["amd.com/gpu"], "hard": 2}, {"name": "nvidia.com-gpu", "resources": [GPU], "hard": 0}], ""),
    ([{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l", "namespace": "a"},
       "spec": {"limits": [{"type": "Container", "max": {GPU: "2", "cpu": "4"}, "default": {GPU: 1}}]}}, running("a", "p", {GPU: "1"})],
     [{"name": "gpu", "resources": [GPU], "hard": 1}], 'LimitRange "l" lets a container have at most 2 of nvidia.com/gpu'),
    ([quota("a", {"gpu.nvidia.com.deviceclass.resource.k8s.io/devices": "2"}), running("a", "p", {GPU: "1"})],
     [{"name": "gpu", "resources": [GPU], "hard": 1}], "limits claims of devices"),
])
def test_tenants(make, objects, quotas, comment):
    made = make([node("a100"), node("mi300x"), *objects])
    assert made.documents("Tenant") == {"a": {"namespaces": ["a"], "quotas": quotas}}
    assert comment in made.comments("tenants/a.yaml")
    made.lints_clean()
    made.refuses_none()


@pytest.mark.parametrize("objects", [
    [running("a", "p", {GPU: "1"}, phase="Succeeded"), running("a", "q")], [quota("a", {"requests.nvidia.com/gpu": "0", "pods": "4"})],
    [running("kube-system", "p", {GPU: "1"})], [quota("a", {"requests.cpu": "4", "requests.example.com/fpga": "4"})]])
def test_namespaces_without_a_tenant(make, objects):
    made = make([node("a100"), *objects])
    assert made.documents("Tenant") == {}
    made.lints_clean()
    made.refuses_none()


# --- Settings and Guards ---

def test_everything_is_audited(make):
    made = make([node("a100"), running("a", "p", {GPU: "1"})])
    spec = made.documents("Settings")["cluster"]
    assert spec == {"enforcement": "audit", "quotaFailurePolicy": "Ignore", "onOutage": "allow", "untenanted": "deny", "uncovered": "deny",
                    "exempt": {"namespaces": ["kube-system", "gpugate"]}}
    assert list(made.documents("Guard")) == ["no-way-around"]
    shipped = yaml.safe_load((ROOT / "deploy/policy/guards/no-way-around.yaml").read_text())["spec"]
    guard = made.documents("Guard")["no-way-around"]
    assert (guard["deny"], guard["visibleDevices"]) == (shipped["deny"], shipped["visibleDevices"])


@pytest.mark.parametrize("name,how", [
    ("host-device-mounts", host_path("/")), ("privileged", {"privileged": True}),
    ("visible-devices-env", {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}),
    ("resource-claims", {"resourceClaims": [{"name": "x", "resourceClaimName": "y"}]})])
def test_what_a_running_pod_does_is_exempt_there_only(make, name, how):
    made = make([node("a100"), running("monitoring", "p", **how), running("a", "p", {GPU: "1"}), running("old", "p", phase="Failed", **how)])
    guards = made.documents("Guard")
    assert set(guards) == {"no-way-around", name}
    assert guards[name]["exempt"] == {"namespaces": ["monitoring"]}
    assert not set(guards[name]["deny"]) & set(guards["no-way-around"]["deny"])
    assert ("visibleDevices" in guards[name]) == (name == "visible-devices-env")
    made.lints_clean()
    made.refuses_none()


def test_what_many_namespaces_do_stays_in_audit(make):
    made = make([node("a100"), *[running(f"n{i}", "p", privileged=True) for i in range(51)]])
    assert made.documents("Guard")["privileged"] == {"deny": ["privileged"], "enforcement": "audit"}
    made.lints_clean()
    made.refuses_none()


def test_what_installs_devices_is_exempt(make):
    """By its name, or because its Pods register devices and use none."""
    plugin = {"owner": "DaemonSet", **host_path("/var/lib/kubelet/device-plugins")}
    made = make([node("a100"), running("gpu-operator", "p", privileged=True), running("vendor", "p", **plugin),
                 running("mixed", "p", **plugin), running("mixed", "q", {GPU: "1"}),
                 running("fake", "p", **host_path("/var/lib/kubelet/device-plugins"))])
    assert made.documents("Settings")["cluster"]["exempt"]["namespaces"] == ["kube-system", "gpugate", "gpu-operator", "vendor"]
    assert made.documents("Guard")["host-device-mounts"]["exempt"] == {"namespaces": ["fake", "mixed"]}
    made.lints_clean()
    made.refuses_none()


def test_a_pod_that_fits_no_node(make):
    made = make([node("a100"), running("a", "lost", {GPU: "1"}, nodeSelector={PRODUCT: "NVIDIA-K80"})])
    assert made.documents("Settings")["cluster"]["uncovered"] == "warn"
    assert "1 running Pod, first a/lost, would not pass with deny" in made.comments("settings.yaml")
    made.lints_clean()
    made.refuses_none()


# --- Any cluster ---

spaces = st.sampled_from(["team-a", "team-b", "no", "null", "123", "1e3", "0x1f", "on", "y", "monitoring", "gpu-operator", "kube-system"])
names = st.from_regex(r"[a-z]([a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
label_values = st.sampled_from(["no", "NULL", "1e3", "0x1F", "2026-01-01", "True", "A_b.c", "y", "1.0", "a" * 63])
resources = st.sampled_from(sorted({key for _, capacity in NODES.values() for key in capacity if key != "cpu"}))


@st.composite
def nodes(draw):
    kind = draw(st.sampled_from(sorted(NODES)))
    obj = node(kind, draw(names))
    keys = sorted(set(NODES[kind][0]) & {PRODUCT, GKE, TYPE, "amd.com/gpu.product-name"})
    if keys and draw(st.integers(0, 2)) == 0:
        obj["metadata"]["labels"][keys[0]] = draw(label_values)
    if draw(st.booleans()):
        obj["metadata"]["labels"][TYPE] = draw(label_values)
    return obj


@st.composite
def pods(draw):
    asks = draw(st.dictionaries(resources, st.integers(1, 9).map(str), max_size=2))
    spec = draw(st.sampled_from([{}, {}, host_path("/dev/nvidia0"), {"privileged": True}, {"hostPID": True},
                                 {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]},
                                 {"nodeSelector": {PRODUCT: "NVIDIA-L4"}}, {"nodeSelector": {TYPE: "g5.xlarge"}},
                                 {"owner": "DaemonSet", **host_path("/var/lib/kubelet/device-plugins")}]))
    return running(draw(spaces), draw(names), asks, draw(st.sampled_from(["Running", "Pending", "Succeeded"])), **spec)


@st.composite
def quotas_of(draw):
    prefix = draw(st.sampled_from(["requests.", "limits.", ""]))
    return quota(draw(spaces), {prefix + draw(resources): draw(st.sampled_from(["0", "3", "1k", "2500m", "9223372036854775807"]))}, draw(names))


@settings(max_examples=scaled(60, 10), deadline=None)
@given(st.lists(nodes(), max_size=8), st.lists(pods(), min_size=1, max_size=8), st.lists(quotas_of(), max_size=4))
@example([node("l4-renamed"), node("t4-shared", "x", **{PRODUCT: "NVIDIA-L4"})], [running("a", "p", {GPU: "1"})], [])
@example([node("a100", "x", **{PRODUCT: "a100-40gb"})], [running("a", "p", {GPU: "1"})], [])
def test_any_cluster(tmp_path_factory, some_nodes, some_pods, some_quotas):
    """The policy lints clean, but for slices that are held and that no node has. It refuses no Pod
    that runs."""
    unique = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]): obj for obj in [*some_nodes, *some_pods, *some_quotas]}
    made = Made(tmp_path_factory.mktemp("cluster"), list(unique.values()))
    made.lints_clean("--allow", "profile-not-offered")
    made.refuses_none()


@settings(max_examples=scaled(60, 10), deadline=None)
@given(st.dictionaries(st.sampled_from([PRODUCT, TYPE, GKE, "nvidia.com/gpu.memory", "nvidia.com/gpu.replicas"]), st.text(max_size=80)),
       st.dictionaries(st.one_of(st.sampled_from(["nvidia.com/gpu", "nvidia.com/gpu.shared"]), st.text(max_size=40)), st.text(max_size=20)),
       st.text(min_size=1, max_size=70))
def test_hostile_objects(tmp_path_factory, labels, capacity, name):
    """Whatever strings a file has, the policy is valid, or the file is refused with a sentence."""
    folder = tmp_path_factory.mktemp("hostile")
    labels = {key: value.encode("utf-8", "replace").decode() for key, value in labels.items()}
    obj = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": {"capacity": {GPU: "1", **capacity}}}
    pod = running(name, name, {"nvidia.com/" + name: "1", GPU: "1"})
    path = folder / "objects.json"
    path.write_text(json.dumps(listed([obj, node("a100"), pod, quota(name, {"requests.nvidia.com/" + name: "1"}, name)])))
    done = run("init", path, "--out", folder / "policy")
    if done.returncode:
        assert done.returncode == 2 and done.stderr.startswith("gpugate init: ") and "not valid" not in done.stderr, done
        assert not (folder / "policy").exists()
    else:
        lint = run("lint", folder / "policy")
        assert lint.returncode == 0, lint


# --- Output ---

def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_one_stream_of_documents(make, tmp_path):
    made = make([node("a100"), running("a", "p", {GPU: "1"}), running("b", "p", {GPU: "1"})])
    done = run("init", made.input)
    assert done.returncode == 0
    for path, text in tree(made.policy).items():
        assert f"# --- {path}\n{text}" in done.stdout
    (tmp_path / "stream.yaml").write_text(done.stdout)
    assert run("lint", "--strict", tmp_path / "stream.yaml").returncode == 0


def test_standard_input_and_several_files(make, tmp_path):
    """In whatever order, and as YAML as well."""
    made = make([node("a100"), running("a", "p", {GPU: "1"})])
    (tmp_path / "nodes.yaml").write_text(yaml.safe_dump_all([node("a100")]))
    text = json.dumps(listed([running("a", "p", {GPU: "1"})]))
    done = subprocess.run([BINARY, "init", "-", tmp_path / "nodes.yaml", "--out", tmp_path / "again"], input=text, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done
    assert tree(tmp_path / "again") == tree(made.policy)


def test_a_folder_that_is_not_empty(make, tmp_path):
    made = make([node("a100"), running("a", "p", {GPU: "1"})])
    before = tree(made.policy)
    (made.policy / "settings.yaml").write_text("mine")
    (made.policy / "README.md").write_text("mine")
    done = run("init", made.input, "--out", made.policy)
    assert done.returncode == 2 and done.stderr == (f"gpugate init: {made.policy} is not empty; name a new folder, or replace files in this "
                                                    "one with --force\n")
    assert (made.policy / "settings.yaml").read_text() == "mine"
    assert run("init", made.input, "--out", made.policy, "--force").returncode == 0
    assert tree(made.policy) == {**before, "README.md": "mine"}

    # An empty one is filled in its place, which may be the current folder or behind a link.
    (tmp_path / "link").symlink_to("linked")
    for name, out, cwd in [("empty", f"{tmp_path}/empty/", tmp_path), ("current", ".", tmp_path / "current"), ("linked", "link", tmp_path)]:
        (tmp_path / name).mkdir()
        done = run("init", made.input, "--out", out, cwd=cwd)
        assert done.returncode == 0 and tree(tmp_path / name) == before, done
    assert not [path for path in tmp_path.iterdir() if ".new-" in path.name]


def test_nothing_is_left_of_a_failure(make, tmp_path):
    made = make([node("a100")])
    (tmp_path / "file").write_text("x")
    done = run("init", made.input, "--out", tmp_path / "file")
    assert done.returncode == 2 and "cannot read the folder" in done.stderr, done
    done = run("init", made.input, "--out", tmp_path / "missing" / "policy")
    assert done.returncode == 2 and "cannot make a folder beside" in done.stderr, done
    # The last file is too large for the disk.
    (tmp_path / "empty").mkdir()
    most = (made.policy / "guards.yaml").stat().st_size - 1
    done = run("init", made.input, "--out", tmp_path / "empty", restore_signals=False,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    assert done.returncode == 2 and "cannot write guards.yaml: File too large" in done.stderr, done
    assert list((tmp_path / "empty").iterdir()) == []
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(listed([node("a100"), {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 3}}])))
    done = run("init", bad, "--out", tmp_path / "policy2")
    assert done.returncode == 2 and re.match(rf"gpugate init: {bad}:1: .*metadata.name: expected a string", done.stderr), done
    assert not (tmp_path / "policy2").exists()


@pytest.mark.parametrize("args,message", [
    ([], "name either files, --from-cluster, or --template NAME"),
    (["--from-cluster", "x"], "name either files, --from-cluster, or --template NAME"),
    (["--template", "mps", "--from-cluster"], "name either files, --from-cluster, or --template NAME"),
    (["x", "--kubeconfig", "y"], "--kubeconfig needs --from-cluster"),
    (["x", "--force"], "--force needs --out"),
    (["--template", "mig-mxed", "--out", "x"], 'there is no template "mig-mxed"; did you mean "mig-mixed"?'),
    (["--template", "zzzzzzz", "--out", "x"], 'there is no template "zzzzzzz"; `gpugate init --template list` shows all'),
    (["--template", "mps"], "a template has several files; name the folder for them with --out"),
    (["/nonexistent.json"], "/nonexistent.json: No such file or directory"),
    (["/dev/null"], "/dev/null: there is no Node, ResourceQuota, or Pod in it"),
])
def test_misuse(args, message, tmp_path):
    done = run("init", *args, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and message in done.stderr, done
    assert list(tmp_path.iterdir()) == []


# --- From a cluster ---

@pytest.fixture
def api():
    server = UnreliableApiServer()
    server.put("nodes", node("a100"))
    server.put("nodes", node("cpu", "n1"))
    server.put("resourcequotas", quota("a", {"requests.nvidia.com/gpu": "4"}))
    server.put("deviceclasses", device_class("gpu.amd.com", "amd.com/gpu"))
    server.put("resourceslices", slices("n1", "gpu.amd.com", "AMD Instinct MI300X"))
    for i in range(3):
        server.put("pods", running("b", f"p{i}", {GPU: "1"}))
    yield server
    server.close()


def from_cluster(api, folder, *args):
    return run("init", "--from-cluster", "--kubeconfig", api.kubeconfig(folder), "--out", folder / "policy", *args)


def policy_of(folder):
    docs = [doc for path in sorted(folder.rglob("*.yaml")) for doc in yaml.safe_load_all(path.read_text())]
    return {(doc["kind"], doc["metadata"]["name"]): doc["spec"] for doc in docs}


def test_from_a_cluster(api, tmp_path):
    done = from_cluster(api, tmp_path)
    assert done.returncode == 0, done
    found = policy_of(tmp_path / "policy")
    assert found["Tenant", "a"]["quotas"][0]["hard"] == 4 and found["Tenant", "b"]["quotas"][0]["hard"] == 3
    assert ("Accelerator", "nvidia-a100-sxm4-80gb") in found and found["Accelerator", "amd-instinct-mi300x"]["resource"] == "amd.com/gpu"
    assert {method for method, _, _ in api.asked} == {"GET"} and all(query["limit"] == "500" for _, _, query in api.asked)


def test_lists_of_many_pages(api, tmp_path):
    for i in range(1100):
        api.put("pods", running("many", f"p{i}", {GPU: "1"}))
    assert from_cluster(api, tmp_path).returncode == 0
    assert policy_of(tmp_path / "policy")["Tenant", "many"]["quotas"][0]["hard"] == 1100


def test_lists_that_expire_begin_again(api, tmp_path):
    for i in range(600):
        api.put("pods", running("many", f"p{i}", {GPU: "1"}))
    api.expiring = 2
    assert from_cluster(api, tmp_path).returncode == 0
    assert policy_of(tmp_path / "policy")["Tenant", "many"]["quotas"][0]["hard"] == 600
    api.expired = True
    done = from_cluster(api, tmp_path, "--force")
    assert done.returncode == 2 and "the list of pods expired while it was read; try again" in done.stderr, done


def test_a_cluster_without_resource_slices(api, tmp_path):
    api.missing = {"resourceslices", "deviceclasses"}
    done = from_cluster(api, tmp_path)
    assert done.returncode == 0 and done.stderr.count("\n") == 1, done
    assert ("Accelerator", "nvidia-a100-sxm4-80gb") in policy_of(tmp_path / "policy")


def test_rights_that_are_missing(api, tmp_path):
    api.forbidden = {"resourceslices"}
    done = from_cluster(api, tmp_path)
    assert done.returncode == 0 and "resourceslices.resource.k8s.io are left out, since this user may not list them" in done.stderr, done
    api.forbidden = {"limitranges"}
    done = from_cluster(api, tmp_path, "--force")
    assert done.returncode == 2 and "--from-cluster needs the right to `list` limitranges in all namespaces\n" in done.stderr, done


# --- Templates ---

SCHEMA_LINE = re.compile(r"^# yaml-language-server: .*\n", re.M)
TEMPLATES = sorted(path.parent.name for path in (ROOT / "deploy/examples").glob("*/policy"))


def test_templates_are_listed():
    done = run("init", "--template", "list")
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()] == TEMPLATES
    assert "mig-mixed                MIG slices, by name and by memory\n" in done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_the_example(tmp_path, name):
    """Its files, without the comment that names a schema by a path of this repository."""
    source, out = ROOT / "deploy/examples" / name, tmp_path / "out"
    done = run("init", "--template", name, "--out", out)
    assert done.returncode == 0 and done.stdout == done.stderr == "", done
    written = tree(out)
    policy = {str(path.relative_to(source)) for path in (source / "policy").rglob("*") if path.is_file()}
    suites = {path.name for path in source.glob("*.suite.yaml")}
    assert policy | suites == {path for path in written if path.startswith("policy")}
    for path, text in written.items():
        assert text == SCHEMA_LINE.sub("", (source / path).read_text())
    lint = run("lint", "--strict", out / "policy")
    assert lint.returncode == 0, lint
    if suites:
        tested = run("test", out)
        assert tested.returncode == 0, tested


def test_a_resource_that_no_policy_can_name_is_passed_over(tmp_path):
    """It begins like an entry of a ResourceQuota. A Node or a DeviceClass can have such a name."""
    odd = node("a100")
    for amounts in (odd["status"]["capacity"], odd["status"].get("allocatable", {})):
        amounts["limits.nvidia.com/gpu"] = "4"
    cluster = tmp_path / "cluster.json"
    cluster.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [
        odd, node("cpu", "n1"), device_class("gpu.amd.com", "limits.amd.com/gpu"), slices("n1", "gpu.amd.com", "AMD Instinct MI300X")]}))
    made = run("init", cluster, "--out", tmp_path / "policy")
    assert made.returncode == 0, made
    assert run("lint", tmp_path / "policy").returncode == 0
    assert "limits." not in "".join(file.read_text() for file in (tmp_path / "policy").iterdir())
