"""Typical manifests of teams, one test each: what they request, and what the policy does with them.
"""

import pytest

from kube import CONTROLLER, GPU, SHARED, container, doc, pod

KEY = "gpugate.io/gpu-memory"
MIG1 = "nvidia.com/mig-1g.10gb"


def a100(**more):
    return doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
               **{"mig": {"offered": ["1g.10gb", "3g.40gb"]}, "sharing": {"resource": SHARED, "replicas": 4}, **more})


def team(name, *quotas, **more):
    return doc("Tenant", name, namespaces=[name], quotas=list(quotas), **more)


def test_1_training_pod(serve):
    """gpu-training-pod: one whole GPU, charged to the tenant of its namespace."""
    server = serve([a100(), team("ml", {"name": "whole", "resources": [GPU], "hard": 2})])
    decision, obj = server.admit(pod({GPU: 1, "cpu": 8, "memory": "32Gi"}, name="gpu-training-pod", namespace="ml"))
    assert decision.allowed and decision.audit["tenant"] == "ml" and "ml/whole=1" in decision.audit["charge"]
    assert obj["spec"]["containers"][0]["resources"]["limits"] == {GPU: "1", "cpu": "8", "memory": "32Gi"}
    assert server.used("ml", "whole") == 1


def test_2_inference_deployment(serve):
    """llm-inference with three replicas: the third Pod is refused if the quota is 2."""
    server = serve([a100(), team("ml", {"name": "whole", "resources": [GPU], "hard": 2})])
    def replica():
        return server.admit(pod({GPU: 1}, namespace="ml", owner="llm-inference-7d9f", labels={"app": "llm-inference"}), user=CONTROLLER)

    (first, stored), second, (third, _) = replica(), replica(), replica()
    assert first.allowed and second[0].allowed and not third.allowed
    assert 'quota "whole" of tenant "ml": requested 1, used 2' in third.message
    assert stored["metadata"]["name"].startswith("llm-inference-7d9f-")
    server.delete(stored)
    assert replica()[0].allowed, "the ReplicaSet controller tries again"


def test_2_inference_becomes_slices(serve):
    """The same with a policy that rewrites inference: seven fit on one GPU."""
    server = serve([a100(), team("ml", {"name": "compute", "measure": "gpus", "hard": 1}),
                    doc("Rule", "inference-on-mig", match={"podSelector": {"matchLabels": {"workload": "inference"}}},
                        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": f"annotation:{KEY}", "default": "10Gi",
                                                         "pin": True}}], required=True)])
    for i in range(8):
        decision, obj = server.admit(pod({GPU: 1}, namespace="ml", owner="llm", labels={"workload": "inference"}), user=CONTROLLER)
        assert decision.allowed == (i < 7), i
    assert "nothing is free" in decision.message
    decision = server.mutate(pod({GPU: 1}, namespace="ml", labels={"workload": "inference"}, annotations={KEY: "24Gi"}))
    assert any("mig-3g.40gb" in str(op) for op in decision.patch)
    assert any("nvidia.com~1gpu.product" in op["path"] or "gpu.product" in str(op.get("value")) for op in decision.patch)


def test_3_time_slicing_without_a_new_name(serve):
    """Four replicas under the old name: one request is a quarter. A request for two has no meaning
    and is refused."""
    server = serve([a100(sharing={"resource": GPU, "replicas": 4}, mig={}),
                    team("ml", {"name": "compute", "measure": "gpus", "hard": 1}), doc("Guard", "g", deny=["sharedRequestAboveOne"])])
    for i in range(5):
        assert server.admit(pod({GPU: 1}, namespace="ml"))[0].allowed == (i < 4)
    refusal = server.validate(pod({GPU: 2}, namespace="ml"), dry_run=True)
    assert not refusal.allowed and "shares" in refusal.message and '"g"' in refusal.message


def test_4_mig_pod(serve):
    """mig-pod only has limits. A slice of an 80 GB device is a seventh."""
    server = serve([a100(), team("ml", {"name": "compute", "measure": "gpus", "hard": 1})])
    for i in range(8):
        decision, _ = server.admit(pod(name="mig-pod", namespace="ml", containers=[container(limits={MIG1: "1"})]))
        assert decision.allowed == (i < 7)
    wide = doc("Accelerator", "a100-40gb", resource=GPU, memory="40Gi", nodeLabels={"nvidia.com/gpu.product": "A100-40"}, mig={"profiles": "builtin"})
    server = serve([a100(), wide, team("ml", {"name": "compute", "measure": "gpus", "hard": 1})])
    for i in range(5):
        assert server.admit(pod({MIG1: 1}, namespace="ml"))[0].allowed == (i < 4), "it could be the wide slice of an A100-40"


@pytest.mark.parametrize("strategy", ["mixed", "single"])
def test_5_mig_switched_on(serve, strategy):
    """Seven slices of one layout, under their own names or under the GPU's."""
    server = serve([doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb"], "strategy": strategy}),
                    team("ml", {"name": "compute", "measure": "gpus", "hard": 1})])
    name = MIG1 if strategy == "mixed" else GPU
    for i in range(8):
        assert server.admit(pod({name: 1}, namespace="ml"))[0].allowed == (i < 7)


def test_8_edge_pod(serve):
    """edge-gpu-app: the policy sets the node selector. A contradiction is refused, and a matching
    one is fine."""
    server = serve([doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"accelerator": "nvidia-tesla-t4"}),
                    team("edge", {"name": "whole", "hard": 5}),
                    doc("Rule", "edge", match={"namespaces": ["edge"], "requests": {GPU: {}}}, inject={
                        "nodeSelector": {"node-type": "edge", "accelerator": "nvidia-tesla-t4"},
                        "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]}, onConflict="deny", required=True)])
    wanted = {"node-type": "edge", "accelerator": "nvidia-tesla-t4"}
    decision, obj = server.admit(pod({GPU: 1}, name="edge-gpu-app", namespace="edge"))
    assert decision.allowed and obj["spec"]["nodeSelector"] == wanted
    decision, obj = server.admit(pod({GPU: 1}, namespace="edge", nodeSelector=wanted))
    assert decision.allowed and obj["spec"]["nodeSelector"] == wanted
    refusal = server.mutate(pod({GPU: 1}, namespace="edge", nodeSelector={"node-type": "core"}))
    assert not refusal.allowed and all(w in refusal.message for w in ("node-type", "edge", "core"))
    assert not server.validate(pod({GPU: 1}, namespace="edge")).allowed, "nor when /mutate was passed by"


@pytest.mark.parametrize("hard", [2, 4])
def test_9_two_gpus_for_tenant_a(serve, hard):
    """tenant-a: the third (fifth) GPU is refused, whether requested in limits or in requests."""
    server = serve([team("tenant-a", {"name": "gpus", "resources": [GPU], "hard": hard}),
                    team("tenant-b", {"name": "gpus", "resources": [GPU], "hard": hard})])
    for i in range(hard):
        obj = pod(namespace="tenant-a", containers=[container(limits={GPU: "1"})] if i % 2 else [container({GPU: 1})])
        assert server.admit(obj)[0].allowed
    decision, _ = server.admit(pod({GPU: 1}, namespace="tenant-a"))
    assert not decision.allowed and f"used {hard}, limit {hard}, over by 1" in decision.message
    assert server.admit(pod({GPU: 1}, namespace="tenant-b"))[0].allowed


def test_9_renaming_does_not_evade(serve):
    """A ResourceQuota on requests.nvidia.com/gpu misses a Pod whose resource was renamed; ours does
    not."""
    server = serve([a100(), team("tenant-a", {"name": "all", "measure": "gpus", "hard": 1}),
                    doc("Rule", "share", match={"podSelector": {"matchLabels": {"share": "yes"}}}, rewrite=[{"from": GPU, "to": SHARED}])])
    assert server.admit(pod({GPU: 1}, namespace="tenant-a"))[0].allowed
    assert not server.admit(pod({GPU: 1}, namespace="tenant-a", labels={"share": "yes"}))[0].allowed


def test_10_elastic_inference(serve):
    """An autoscaler wants ten Pods. Those that fit are admitted, and each refusal states how much
    is left."""
    server = serve([team("ml", {"name": "whole", "resources": [GPU], "hard": 6})])
    results = [server.admit(pod({GPU: 1}, namespace="ml", owner="elastic"), user=CONTROLLER)[0] for _ in range(10)]
    assert [d.allowed for d in results] == [True] * 6 + [False] * 4
    assert all("limit 6" in d.message for d in results[6:])


def test_11_shared_training(serve):
    """gpu-shared-pod: renamed to a share and charged a quarter. Two shares are refused."""
    server = serve([a100(), team("ml", {"name": "compute", "measure": "gpus", "hard": "0.5"}, {"name": "shares", "resources": [SHARED], "hard": 9}),
                    doc("Rule", "share", match={"podSelector": {"matchLabels": {"gpu": "shared"}}, "requests": {GPU: {}}},
                        rewrite=[{"from": GPU, "to": SHARED, "maxPerContainer": 8}]),
                    doc("Guard", "shares", deny=["sharedRequestAboveOne"])])
    decision, obj = server.admit(pod({GPU: 1}, name="gpu-shared-pod", namespace="ml", labels={"gpu": "shared"}))
    assert decision.allowed and obj["spec"]["containers"][0]["resources"]["limits"] == {SHARED: "1"}
    assert server.used("ml", "compute", "gpus") == 0.25
    two, _ = server.admit(pod({GPU: 2}, namespace="ml", labels={"gpu": "shared"}))
    assert not two.allowed and "several shares may be of the same GPU" in two.message and SHARED in two.message
    assert server.admit(pod({SHARED: 1}, namespace="ml"))[0].allowed
    assert not server.admit(pod({SHARED: 1}, namespace="ml"))[0].allowed


VENDORS = ["amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi", "google.com/tpu", "aws.amazon.com/neuron",
           "huawei.com/Ascend910B3", "cambricon.com/vmlu", "hygon.com/dcunum", "mthreads.com/vgpu", "npu.intel.com/accel"]


@pytest.mark.parametrize("name", VENDORS)
def test_12_other_vendors(serve, name):
    """The same quotas for the names of every vendor."""
    server = serve([team("ml", {"name": "mine", "resources": [name], "hard": 2}, {"name": "gpus", "measure": "gpus", "hard": 3}),
                    doc("Rule", "place", match={"requests": {name: {}}}, inject={"nodeSelector": {"vendor": "x"}})])
    decision, obj = server.admit(pod({name: 2}, namespace="ml"))
    assert decision.allowed and obj["spec"]["nodeSelector"] == {"vendor": "x"}
    decision, _ = server.admit(pod({name: 1}, namespace="ml"))
    assert not decision.allowed and '"mine"' in decision.message
    decision, _ = server.admit(pod({GPU: 2}, namespace="ml"))
    assert not decision.allowed and '"gpus"' in decision.message
