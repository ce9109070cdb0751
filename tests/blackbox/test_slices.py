"""The products of nodes by the ResourceSlices of the cluster: `serve` watches them, and a Pod that
is bound to a node without a label of its product is charged by what its slices say."""

import json

import pytest
import yaml

from gpugate import eventually, run, write_policy
from kube import GPU, doc, persisted, pod
from watching import api, serve

PRODUCT, AMD_PRODUCT = "nvidia.com/gpu.product", "amd.com/gpu.product-name"
H100, T4 = "NVIDIA H100 80GB HBM3", "Tesla T4"
CLASS = "deviceclass.resource.kubernetes.io/gpu.nvidia.com"
POLICY = [doc("Accelerator", "h100", resource=GPU, memory="80Gi", nodeLabels={PRODUCT: "NVIDIA-H100-80GB-HBM3"}, deviceClasses=["gpu.nvidia.com"]),
          doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={PRODUCT: "Tesla-T4"}, deviceClasses=["gpu.nvidia.com"]),
          doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi", nodeLabels={AMD_PRODUCT: "AMD_Instinct_MI300X_OAM"}),
          doc("Accelerator", "mi50", resource="amd.com/gpu", memory="16Gi", weight="0.5", nodeLabels={AMD_PRODUCT: "AMD_Instinct_MI50"}),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "gpus", "hard": 100, "measure": "gpus"}])]
RIGHT = "gpugate needs the rights list and watch of resourceslices (resource.k8s.io)"
UNSERVED = "the API server does not serve resourceslices, although it serves resource.k8s.io"


def resource_slice(node, *products, name=None, driver="gpu.nvidia.com", generation=1, pool=None, version="v1", **where):
    """Each product is that of two devices; None: they do not say it."""
    devices = []
    for n, product in enumerate(2 * products):
        facts = {"attributes": {"type": {"string": "gpu"}, **({"productName": {"string": product}} if product else {})}}
        devices.append({"name": f"d{n}", **({"basic": facts} if version == "v1beta1" else facts)})
    return {"apiVersion": f"resource.k8s.io/{version}", "kind": "ResourceSlice", "metadata": {"name": name or f"{node}-{driver}"},
            "spec": {"driver": driver, "pool": {"name": pool or node, "generation": generation, "resourceSliceCount": 1},
                     **(where or {"nodeName": node}), "devices": devices}}


def publish(api, *args, **options):
    return api.put("resourceslices", resource_slice(*args, **options))


def node(api, name, **labels):
    return api.put("nodes", {"metadata": {"name": name, "labels": labels}})


def bound(api, name, on, asks=None):
    obj = persisted(pod(asks or {GPU: 4}, name=name), name)
    obj["spec"]["nodeName"] = on
    return api.put("pods", obj | {"status": {"phase": "Running"}})


def used(server):
    return server.metrics().value("gpugate_quota_used", tenant="team-a", quota="gpus", measure="gpus")


def unmatched(server, matches):
    return server.metrics().value("gpugate_pods_on_unmatched_nodes", matches=matches)


def wait_used(server, amount):
    eventually(lambda: used(server) == amount, what=f"{amount} in use, not {used(server)}")


@pytest.mark.parametrize("asks", [{GPU: 4}, {CLASS: 4}], ids=("resource", "class"))
def test_a_node_is_of_the_product_of_its_slices(api, serve, asks):
    node(api, "n1")
    publish(api, "n1", T4)
    bound(api, "p", "n1", asks)
    server = serve()
    wait_used(server, 1)
    assert unmatched(server, "none") == 0 and "the products of 1 nodes" in server.wait_log("resource_slices")[0]["message"]


def test_without_a_slice_a_pod_is_charged_as_before(api, serve):
    """A slice that comes, changes, or goes is like a label that does."""
    node(api, "n1")
    bound(api, "p", "n1")
    server = serve()
    wait_used(server, 4)
    assert unmatched(server, "none") == 1
    slice_of_node = publish(api, "n1", T4)
    wait_used(server, 1)
    assert unmatched(server, "none") == 0
    publish(api, "n1", H100)
    wait_used(server, 4)
    publish(api, "n1", T4)
    wait_used(server, 1)
    api.delete("resourceslices", slice_of_node)
    wait_used(server, 4)
    assert unmatched(server, "none") == 1


def test_the_label_of_the_node_decides(api, serve):
    node(api, "n1", **{PRODUCT: "NVIDIA-H100-80GB-HBM3"})
    publish(api, "n1", T4)
    bound(api, "p", "n1")
    server = serve()
    server.wait_log("resource_slices")
    wait_used(server, 4)
    node(api, "n1")
    wait_used(server, 1)
    node(api, "n1", **{PRODUCT: "NVIDIA-H100-80GB-HBM3"})
    wait_used(server, 4)


def test_a_product_that_the_policy_does_not_know(api, serve):
    """What a node is of without the label, it stays."""
    others = doc("Accelerator", "others", resource=GPU, memory="8Gi", weight="0.5", nodeLabels={"pool": "old"}, withoutNodeLabels=[PRODUCT])
    node(api, "n1", pool="old")
    publish(api, "n1", "Quadro P4000")
    bound(api, "p", "n1")
    server = serve(policy=[others, *POLICY])
    wait_used(server, 2)
    publish(api, "n1", T4)
    wait_used(server, 1)
    publish(api, "n1", "Quadro P4000")
    wait_used(server, 2)
    assert unmatched(server, "none") == unmatched(server, "several") == 0


@pytest.mark.parametrize("more", [[T4], [None], []], ids=("same", "unsaid", "none"))
def test_devices_of_one_product_in_several_slices(api, serve, more):
    node(api, "n1")
    publish(api, "n1", T4, None, name="a")
    publish(api, "n1", *more, name="b")
    bound(api, "p", "n1")
    wait_used(serve(), 1)


@pytest.mark.parametrize("apart", [True, False])
def test_several_products_are_none(api, serve, apart):
    node(api, "n1")
    bound(api, "p", "n1")
    if apart:
        publish(api, "n1", T4, name="a")
        publish(api, "n1", H100, name="b")
    else:
        publish(api, "n1", T4, H100, name="b")
    server = serve()
    assert "the products of 0 nodes" in server.wait_log("resource_slices")[0]["message"]
    assert used(server) == 4 and unmatched(server, "none") == 1
    publish(api, "n1", T4, name="b")
    wait_used(server, 1)


def test_vendors_side_by_side(api, serve):
    """Each driver has its own label, and writes it in its own way."""
    node(api, "n1")
    publish(api, "n1", T4)
    publish(api, "n1", "AMD Instinct MI50", driver="gpu.amd.com")
    publish(api, "n1", "something", driver="other.example.com")
    bound(api, "p", "n1")
    bound(api, "q", "n1", {"amd.com/gpu": 4})
    wait_used(serve(), 3)


@pytest.mark.parametrize("where", [{"allNodes": True}, {"perDeviceNodeSelection": True}, {"nodeSelector": {"nodeSelectorTerms": []}}], ids=lambda where: next(iter(where)))
def test_slices_of_no_single_node_say_nothing(api, serve, where):
    node(api, "n1")
    publish(api, "n1", T4, **where)
    bound(api, "p", "n1")
    server = serve()
    assert "the products of 0 nodes" in server.wait_log("resource_slices")[0]["message"] and used(server) == 4


def test_the_newest_generation_of_a_pool_counts(api, serve):
    node(api, "n1")
    publish(api, "n1", H100, name="a", generation=9)
    publish(api, "n1", T4, name="b", generation=10)
    publish(api, "n1", T4, name="c", pool="other", generation=1)
    bound(api, "p", "n1")
    server = serve()
    wait_used(server, 1)
    publish(api, "n1", H100, name="a", generation=11)
    publish(api, "n1", H100, name="c", pool="other", generation=1)
    eventually(lambda: used(server) == 4 and unmatched(server, "none") == 0, what="the other product")


@pytest.mark.parametrize("refuse, why", [("forbidden", RIGHT), ("missing", UNSERVED)])
def test_nothing_waits_for_slices(api, serve, refuse, why):
    """An older ClusterRole, or a resource that is turned off."""
    getattr(api, refuse).add("resourceslices")
    node(api, "n1")
    publish(api, "n1", T4)
    bound(api, "p", "n1")
    server = serve()
    eventually(lambda: server.admin("/readyz").status == 200, what="a replica that is ready")
    assert f"since {why}; " in server.wait_log("resource_slices_unknown")[0]["message"]
    assert used(server) == 4 and server.validate(pod({GPU: 1})).allowed
    getattr(api, refuse).clear()
    wait_used(server, 1)
    assert server.wait_log("resource_slices") and len(server.log("resource_slices_unknown")) == 1


def test_a_slice_that_cannot_be_read(api, serve):
    """It has no effect, and the others have theirs."""
    for name in ("n1", "n2"):
        node(api, name)
        bound(api, name, name)
    publish(api, "n1", T4)
    odd = publish(api, "n2", T4)
    server = serve()
    wait_used(server, 2)
    odd["spec"]["devices"] = 7
    api.put("resourceslices", odd)
    wait_used(server, 5)
    assert server.wait_log("object_unreadable") and "since one could not be read" in server.wait_log("resource_slices_unknown")[0]["message"]
    publish(api, "n2", T4)
    wait_used(server, 2)


def test_only_where_the_policy_reads_labels_of_nodes(api, serve):
    node(api, "n1")
    publish(api, "n1", T4)
    bound(api, "p", "n1")
    server = serve(policy=[doc("Accelerator", "any", resource=GPU, memory="80Gi"), POLICY[-1]])
    wait_used(server, 4)
    assert not api.count("GET", "resourceslices")
    server.reload(POLICY)
    wait_used(server, 1)


# --- Without a replica ---


@pytest.fixture
def explain(tmp_path):
    def ask(*objects, args=()):
        (tmp_path / "asks.yaml").write_text(yaml.safe_dump(pod({GPU: 1})))
        (tmp_path / "usage.yaml").write_text(yaml.safe_dump_all(objects))
        usage = args or ("--usage", tmp_path / "usage.yaml")
        done = run("explain", "-f", tmp_path / "asks.yaml", "--policy", write_policy(tmp_path / "policy", POLICY), "-o", "json", *usage)
        assert done.returncode == 0, done
        return json.loads(done.stdout)["objects"][0]["quotas"][0]["used"]
    ask.path = tmp_path
    return ask


def node_object(name):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1"])
def test_explain_reads_slices_of_any_version(explain, version):
    exists = persisted(pod({GPU: 4}, name="p"), "p") | {"status": {"phase": "Running"}}
    exists["spec"]["nodeName"] = "n1"
    assert explain(node_object("n1"), exists) == "4"
    assert explain(node_object("n1"), exists, resource_slice("n1", T4, version=version)) == "1"
    assert explain(resource_slice("n1", T4, version=version), exists, node_object("n1")) == "1"


def test_explain_live_lists_slices(api, explain):
    node(api, "n1")
    publish(api, "n1", T4)
    bound(api, "p", "n1")
    live = ("--live", "--kubeconfig", api.kubeconfig(explain.path))
    assert explain(args=live) == "1"
    api.forbidden.add("resourceslices")
    assert explain(args=live) == "4"
    api.missing.add("resourceslices")
    assert explain(args=live) == "4"
