"""Claims of parts of devices on a real API server, whose scheduler allocates slices by their
profile, and one device several times by its memory."""

import pytest

import binaries
from control_plane import eventually
from kube import doc
from manifests import pod

pytestmark = pytest.mark.skipif(binaries.version() < (1, 36), reason="devices are shared by capacity by default since Kubernetes 1.36")

NVIDIA = "gpu.nvidia.com"


class Parts:
    """A node with two slices and one device that is shared. The names are those of the
    namespace."""

    def __init__(self, control_plane, space):
        self.plane, self.space, self.sharer = control_plane, space, f"{space}.example.com"
        self.mig, self.shared = f"mig-{space}", f"shared-{space}"
        control_plane.node(space)
        slices = [{"name": name.replace(".", "-"), "attributes": {"type": {"string": "mig"}, "profile": {"string": name}, "space": {"string": space}}}
                  for name in ("1g.10gb", "3g.40gb")]
        memory = {"value": "24Gi", "requestPolicy": {"default": "24Gi", "validRange": {"min": "2Gi", "step": "1Gi"}}}
        self.made = [self._class(self.mig, f"device.driver == '{NVIDIA}' && device.attributes['{NVIDIA}'].space == '{space}'"),
                     self._class(self.shared, f"device.driver == '{self.sharer}'"),
                     self._slice(f"{space}-mig", NVIDIA, slices),
                     self._slice(space, self.sharer, [{"name": "shared-0", "allowMultipleAllocations": True, "capacity": {"memory": memory}}])]
        for obj in self.made:
            control_plane.admin.create(obj).must()

    @staticmethod
    def _class(name, expression):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}, "spec": {"selectors": [{"cel": {"expression": expression}}]}}

    def _slice(self, name, driver, devices):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name},
                "spec": {"driver": driver, "nodeName": self.space, "pool": {"name": name, "generation": 1, "resourceSliceCount": 1}, "devices": devices}}

    def policy(self, hard):
        return [doc("Accelerator", "a100", resource="nvidia.com/gpu", nodeLabels={"gpu": "a100"},
                    mig={"model": "a100-80gb", "offered": ["1g.10gb", "3g.40gb"], "deviceClasses": {self.mig: "any"}}),
                doc("Accelerator", "l4", resource="nvidia.com/gpu", memory="24Gi", nodeLabels={"gpu": "l4"},
                    capacity={"deviceClasses": [self.shared], "step": "1Gi", "min": "2Gi"}),
                doc("Tenant", "ml", namespaces=[self.space], quotas=[{"name": "memory", "measure": "memory", "hard": hard}])]

    def claim(self, name, device, **told):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name, "namespace": self.space},
                "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": device, **told}}]}}}

    def slice_of(self, name, profile):
        expression = f'device.attributes["{NVIDIA}"].profile == "{profile}"'
        return self.claim(name, self.mig, selectors=[{"cel": {"expression": expression}}])

    def memory(self, name, amount):
        return self.claim(name, self.shared, capacity={"requests": {"memory": amount}})

    def allocated(self, name):
        """Has a Pod use the claim, and returns what it is given."""
        self.plane.admin.create(pod(self.space, f"uses-{name}", resourceClaims=[{"name": "d", "resourceClaimName": name}])).must()
        status = eventually(lambda: self.plane.admin.get("ResourceClaim", name, self.space).must().get("status", {}).get("allocation"), 120)
        return status["devices"]["results"][0]

    def end(self):
        self.plane.clear(self.space)
        for obj in self.made:
            self.plane.admin.delete(obj["kind"], obj["metadata"]["name"])
        self.plane.admin.delete("Node", self.space)


@pytest.fixture
def parts(control_plane, namespaces):
    made = Parts(control_plane, namespaces("parts"))
    yield made
    made.end()


GI = 2 ** 30


def test_a_part_costs_what_the_scheduler_gives(control_plane, gpugate_in_cluster, parts):
    admin = control_plane.admin
    gate = gpugate_in_cluster(control_plane, parts.policy(hard="40Gi"), ledger="cluster", replicas=2)
    for obj, used in [(parts.slice_of("small", "1g.10gb"), 10), (parts.memory("six", "5.5Gi"), 16), (parts.memory("least", "1Mi"), 18)]:
        admin.create(obj).must()
        gate.wait_used("ml", "memory", used * GI, "memory")
    # What is held is what is charged.
    assert parts.allocated("small")["device"] == "1g-10gb"
    for name, memory in [("six", "6Gi"), ("least", "2Gi")]:
        given = parts.allocated(name)
        assert (given["device"], given["consumedCapacity"]) == ("shared-0", {"memory": memory})
    refused = admin.create(parts.memory("more", "23Gi"))
    assert refused.status == 403 and f"fits: 1 x deviceclass.resource.kubernetes.io/{parts.shared}[memory=22Gi] (22Gi)" in refused.message, refused
    refused = admin.create(parts.slice_of("large", "3g.40gb"))
    assert refused.status == 403 and "requested 40Gi, used 18Gi, limit 40Gi, over by 18Gi" in refused.message, refused
    # Without a profile, it is the largest; without an amount, the whole device.
    assert admin.create(parts.claim("any", parts.mig)).status == 403
    assert admin.create(parts.claim("whole", parts.shared)).status == 403
    admin.create(parts.memory("last", "22Gi")).must()
    gate.wait_used("ml", "memory", 40 * GI, "memory")


def test_an_allocated_part_counts_as_what_is_consumed(control_plane, gpugate_in_cluster, parts):
    """If the policy says so: the slice, or the memory of a shared device, that the claim has got
    instead of a larger one."""
    admin = control_plane.admin
    gate = gpugate_in_cluster(control_plane, [*parts.policy(hard="200Gi"), doc("Settings", "s", chargeClaims="asAllocated")], ledger="cluster", replicas=2)

    def either(name, *options):
        claim = parts.claim(name, parts.mig)
        claim["spec"]["devices"]["requests"] = [{"name": "r", "firstAvailable": [
            {"name": f"o{n}", "deviceClassName": device, **told} for n, (device, told) in enumerate(options)]}]
        return claim

    def profile(name):
        return {"selectors": [{"cel": {"expression": f'device.attributes["{NVIDIA}"].profile == "{name}"'}}]}

    # There is only one slice of this profile, and no device with so much memory.
    admin.create(either("slice", (parts.mig, {**profile("3g.40gb"), "count": 2}), (parts.mig, profile("1g.10gb")))).must()
    admin.create(either("shared", (parts.shared, {"capacity": {"requests": {"memory": "30Gi"}}}), (parts.shared, {"capacity": {"requests": {"memory": "5.5Gi"}}}))).must()
    gate.wait_used("ml", "memory", (80 + 24) * GI, "memory")
    assert parts.allocated("slice")["request"] == "r/o1"
    gate.wait_used("ml", "memory", (10 + 24) * GI, "memory", seconds=60)
    assert parts.allocated("shared")["consumedCapacity"] == {"memory": "6Gi"}
    gate.wait_used("ml", "memory", (10 + 6) * GI, "memory", seconds=60)
    for name in ("slice", "shared"):
        admin.delete("Pod", f"uses-{name}", parts.space, grace_s=0)
    gate.wait_used("ml", "memory", (80 + 24) * GI, "memory", seconds=60)
    for name in ("slice", "shared"):
        admin.delete("ResourceClaim", name, parts.space)
    gate.wait_used("ml", "memory", 0, "memory", seconds=60)
