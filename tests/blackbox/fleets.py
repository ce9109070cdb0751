"""Objects of a cluster as `gpugate init` reads them: nodes with the labels of vendors' tools,
ResourceQuotas, and Pods that run."""

import copy

PRODUCT = "nvidia.com/gpu.product"
GKE = "cloud.google.com/gke-accelerator"
TYPE = "node.kubernetes.io/instance-type"

# name -> (labels, capacity) of a node, as feature discovery and device plugins set them.
NODES = {
    "a100": ({PRODUCT: "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920", "nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": "1"},
             {"nvidia.com/gpu": "8"}),
    "a100-mig": ({PRODUCT: "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920", "nvidia.com/mig.strategy": "mixed"},
                 {"nvidia.com/gpu": "0", "nvidia.com/mig-1g.10gb": "14", "nvidia.com/mig-3g.40gb": "4"}),
    "h100-single": ({PRODUCT: "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "nvidia.com/gpu.memory": "9728", "nvidia.com/mig.strategy": "single"},
                    {"nvidia.com/gpu": "56"}),
    "l4-renamed": ({PRODUCT: "NVIDIA-L4", "nvidia.com/gpu.memory": "23034", "nvidia.com/gpu.count": "2", "nvidia.com/gpu.replicas": "4"},
                   {"nvidia.com/gpu.shared": "8"}),
    "l4-renamed-8": ({PRODUCT: "NVIDIA-L4", "nvidia.com/gpu.memory": "23034", "nvidia.com/gpu.count": "2", "nvidia.com/gpu.replicas": "8"},
                     {"nvidia.com/gpu.shared": "16"}),
    "t4-shared": ({PRODUCT: "Tesla-T4-SHARED", "nvidia.com/gpu.memory": "15360", "nvidia.com/gpu.count": "1", "nvidia.com/gpu.replicas": "4",
                   "nvidia.com/gpu.sharing-strategy": "time-slicing"}, {"nvidia.com/gpu": "4"}),
    "mig-shared": ({PRODUCT: "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu.memory": "40960", "nvidia.com/mig-1g.5gb.replicas": "2"},
                   {"nvidia.com/mig-1g.5gb.shared": "14"}),
    "unknown": ({PRODUCT: "LAB-CARD-48", "nvidia.com/gpu.memory": "49152"}, {"nvidia.com/gpu": "2", "nvidia.com/mig-1g.12gb": "1"}),
    "typed": ({TYPE: "g5.xlarge"}, {"nvidia.com/gpu": "1"}),
    "bare": ({}, {"nvidia.com/gpu": "1"}),
    "gke": ({GKE: "nvidia-l4", TYPE: "g2-standard-4"}, {"nvidia.com/gpu": "1"}),
    "gke-shared": ({GKE: "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
                    "cloud.google.com/gke-max-shared-clients-per-gpu": "4"}, {"nvidia.com/gpu": "4"}),
    "gke-partition": ({GKE: "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, {"nvidia.com/gpu": "7"}),
    "mi300x": ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "192G"}, {"amd.com/gpu": "8"}),
    "flex": ({"gpu.intel.com/product": "Flex_170"}, {"gpu.intel.com/i915": "2", "gpu.intel.com/i915_monitoring": "1"}),
    "gaudi": ({TYPE: "dl1.24xlarge"}, {"habana.ai/gaudi": "8"}),
    "volcano": ({}, {"volcano.sh/vgpu-number": "10"}),
    "fpga": ({}, {"example.com/fpga": "1", "rdma/hca": "4"}),
    "cpu": ({TYPE: "m6i.large"}, {"cpu": "8"}),
}


def node(kind, name=None, **labels):
    own, capacity = copy.deepcopy(NODES[kind])
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name or kind, "labels": {"kubernetes.io/arch": "amd64", **own, **labels}},
            "status": {"capacity": {"cpu": "64", "memory": "256Gi", "pods": "110", **capacity}}}


def quota(space, hard, name="gpus", **spec):
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name, "namespace": space}, "spec": {"hard": hard, **spec}}


def running(space, name, asks=None, phase="Running", owner=None, env=None, privileged=False, **spec):
    """A Pod on a node, as `kubectl get pods -o json` prints it."""
    container = {"name": "main", "image": "registry.example/image:1", "resources": {"limits": asks, "requests": asks} if asks else {}}
    if env:
        container["env"] = env
    if privileged:
        container["securityContext"] = {"privileged": True}
    metadata = {"name": name, "namespace": space, "uid": f"{space}-{name}"}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner, "name": "owner", "uid": "1", "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": "n", "containers": [container], **spec}, "status": {"phase": phase}}


def host_path(path):
    return {"volumes": [{"name": "host", "hostPath": {"path": path}}]}


def listed(items):
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


def created(objects):
    """The Pods as their creators sent them: the scheduler has not bound them yet."""
    pods = [copy.deepcopy(obj) for obj in objects if obj["kind"] == "Pod" and obj["status"]["phase"] not in ("Succeeded", "Failed")]
    for pod in pods:
        pod["spec"].pop("nodeName")
    return pods
