"""Claims of devices under the quotas, on a real API server with its claim controller and its
scheduler, which allocates devices that a test publishes."""

import json
import threading

import pytest

import binaries
from control_plane import eventually
from kube import doc
from manifests import pod

pytestmark = pytest.mark.skipif(binaries.version() < (1, 34), reason="resource.k8s.io/v1 came with Kubernetes 1.34")


class Devices:
    """Two device classes of one namespace, for whole devices and for halves of one, and a node that
    has some of them. The names are those of the namespace, so that tests do not meet."""

    def __init__(self, control_plane, space, whole, halves):
        self.plane, self.space, self.driver = control_plane, space, f"{space}.example.com"
        self.whole, self.half = f"whole-{space}", f"half-{space}"
        control_plane.node(space)
        names = [("whole", n) for n in range(whole)] + [("half", n) for n in range(halves)]
        self.made = [self._device_class("whole"), self._device_class("half"),
                     {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": space},
                      "spec": {"driver": self.driver, "nodeName": space, "pool": {"name": space, "generation": 1, "resourceSliceCount": 1},
                               "devices": [{"name": f"{kind}-{n}", "attributes": {"kind": {"string": kind}}} for kind, n in names]}}]
        for obj in self.made:
            control_plane.admin.create(obj).must()

    def _device_class(self, kind):
        expression = f"device.driver == '{self.driver}' && device.attributes['{self.driver}'].kind == '{kind}'"
        return {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": f"{kind}-{self.space}"},
                "spec": {"selectors": [{"cel": {"expression": expression}}]}}

    def policy(self, hard):
        return [doc("Accelerator", "big", resource=f"{self.driver}/gpu", deviceClasses=[self.whole]),
                doc("Accelerator", "small", resource=f"{self.driver}/half", weight="0.5", deviceClasses=[self.half]),
                doc("Tenant", "ml", namespaces=[self.space], quotas=[{"name": "gpus", "measure": "gpus", "hard": hard}])]

    def request(self, name, *options):
        """Options are pairs of a class and a number of devices."""
        if len(options) == 1:
            return {"name": name, "exactly": {"deviceClassName": options[0][0], "count": options[0][1]}}
        return {"name": name, "firstAvailable": [{"name": f"o{n}", "deviceClassName": device, "count": count}
                                                 for n, (device, count) in enumerate(options)]}

    def claim(self, name, *options):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": name, "namespace": self.space},
                "spec": {"devices": {"requests": [self.request("r", *options)]}}}

    def template(self, name, *options):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name, "namespace": self.space},
                "spec": {"spec": {"devices": {"requests": [self.request("r", *options)]}}}}

    def user(self, name, **source):
        return pod(self.space, name, resourceClaims=[{"name": "d", **source}])

    def end(self):
        self.plane.clear(self.space)
        for obj in self.made:
            self.plane.admin.delete(obj["kind"], obj["metadata"]["name"])
        self.plane.admin.delete("Node", self.space)


@pytest.fixture
def devices(control_plane, namespaces):
    made = []

    def make(whole, halves):
        made.append(Devices(control_plane, namespaces("claimed"), whole, halves))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_a_claim_is_counted_from_its_creation_to_its_end(control_plane, gpugate_in_cluster, devices):
    own, admin = devices(whole=1, halves=4), control_plane.admin
    gate = gpugate_in_cluster(control_plane, own.policy(hard=4), ledger="cluster", replicas=2)
    # By what it could get: two whole devices are more than one half.
    admin.create(own.claim("either", (own.whole, 2), (own.half, 1))).must()
    gate.wait_used("ml", "gpus", 2, "gpus")
    admin.create(own.claim("shared", (own.whole, 1))).must()
    gate.wait_used("ml", "gpus", 3, "gpus")
    refused = admin.create(own.claim("more", (own.whole, 2)))
    assert refused.status == 403 and 'admission webhook "quota.gpugate.io" denied the request: exceeded quota: GPU quota "gpus"' in refused.message, refused
    never = admin.create(own.claim("never", (own.whole, 5)))
    assert never.status == 403 and "can never fit" in never.message, never
    # An allocation changes nothing. One whole device is too few for the first alternative, so it
    # gets the half, and it could get the other one when it is allocated again.
    admin.create(own.user("first", resourceClaimName="either")).must()
    eventually(lambda: admin.get("ResourceClaim", "either", own.space).must().get("status", {}).get("allocation"), 60)
    # Two Pods share a claim: it is counted once.
    for name in ("second", "third"):
        admin.create(own.user(name, resourceClaimName="shared")).must()
    eventually(lambda: len(admin.get("ResourceClaim", "shared", own.space).must().get("status", {}).get("reservedFor", [])) == 2, 60)
    assert gate.used("ml", "gpus", "gpus") == 3
    # It holds its device until it is gone, which its Pods prevent.
    admin.delete("ResourceClaim", "shared", own.space)
    admin.create(own.claim("witness", (own.half, 1))).must()
    gate.wait_used("ml", "gpus", 3.5, "gpus")
    for name in ("first", "second", "third"):
        admin.delete("Pod", name, own.space, grace_s=0)
    # "shared" is gone. "either" is not allocated any more, and counts as it always did.
    gate.wait_used("ml", "gpus", 2.5, "gpus", seconds=60)
    for name in ("either", "witness"):
        admin.delete("ResourceClaim", name, own.space)
    gate.wait_used("ml", "gpus", 0, "gpus", seconds=60)


def test_an_allocated_claim_counts_as_what_it_has_got(control_plane, gpugate_in_cluster, devices):
    """If the policy says so: by the alternative that was given, as many devices as All has found,
    and in full again after a release, even if that is more than the limit."""
    own, admin = devices(whole=2, halves=2), control_plane.admin
    policy = [*own.policy(hard=40), doc("Settings", "s", chargeClaims="asAllocated")]
    gate = gpugate_in_cluster(control_plane, policy, ledger="cluster", replicas=2)
    every = own.claim("every", (own.whole, 1))
    every["spec"]["devices"]["requests"][0]["exactly"] = {"deviceClassName": own.whole, "allocationMode": "All"}
    # There are too few whole devices for the first alternative.
    admin.create(own.claim("either", (own.whole, 3), (own.half, 1))).must()
    admin.create(every).must()
    gate.wait_used("ml", "gpus", 3 + 32, "gpus")
    refused = admin.create(own.claim("more", (own.whole, 10)))
    assert refused.status == 403 and "used 35, limit 40" in refused.message, refused
    for name, claim in (("first", "either"), ("second", "every"), ("third", "every")):
        admin.create(own.user(name, resourceClaimName=claim)).must()
    gate.wait_used("ml", "gpus", 0.5 + 2, "gpus", seconds=60)
    # One that is generated, and needs the room that the others do not take.
    admin.create(own.template("eight", (own.whole, 8), (own.half, 1))).must()
    admin.create(own.user("fourth", resourceClaimTemplateName="eight")).must()
    eventually(lambda: admin.get("Pod", "fourth", own.space).must()["spec"].get("nodeName"), 60)
    gate.wait_used("ml", "gpus", 0.5 + 2 + 0.5, "gpus", seconds=60)
    admin.create(own.claim("more", (own.whole, 30))).must()
    gate.wait_used("ml", "gpus", 3 + 30, "gpus")
    # Nobody decides about a release. Nothing more is admitted until there is room again.
    for name in ("second", "third"):
        admin.delete("Pod", name, own.space, grace_s=0)
    gate.wait_used("ml", "gpus", 0.5 + 32 + 0.5 + 30, "gpus", seconds=60)
    refused = admin.create(own.claim("another", (own.half, 1)))
    assert refused.status == 403 and "used 63, limit 40" in refused.message, refused
    admin.create(own.user("fifth", resourceClaimName="every")).must()
    gate.wait_used("ml", "gpus", 0.5 + 2 + 0.5 + 30, "gpus", seconds=60)
    # A replica that starts counts what it lists.
    gate.restart(0)
    gate.wait_open()
    gate.wait_used("ml", "gpus", 33, "gpus")
    for name in ("first", "fourth", "fifth"):
        admin.delete("Pod", name, own.space, grace_s=0)
    for name in ("either", "every", "more"):
        admin.delete("ResourceClaim", name, own.space)
    gate.wait_used("ml", "gpus", 0, "gpus", seconds=120)
    assert not any(server.log("object_unreadable") or server.log("view_healed") for server in gate.servers)


def test_an_allocation_is_of_the_model_of_its_node(control_plane, gpugate_in_cluster, devices):
    """A class of two Accelerators, which the labels of nodes tell apart."""
    own, admin = devices(whole=2, halves=0), control_plane.admin
    label, resource = "example.com/model", f"{own.driver}/gpu"
    policy = [doc("Settings", "s", chargeClaims="asAllocated"),
              doc("Accelerator", "big", resource=resource, nodeLabels={label: "big"}, deviceClasses=[own.whole]),
              doc("Accelerator", "small", resource=resource, weight="0.25", nodeLabels={label: "small"}, deviceClasses=[own.whole]),
              doc("Tenant", "ml", namespaces=[own.space], quotas=[{"name": "gpus", "measure": "gpus", "hard": 4}])]
    admin.patch("Node", own.space, {"metadata": {"labels": {label: "small"}}}).must()
    gate = gpugate_in_cluster(control_plane, policy, ledger="cluster", replicas=2)
    admin.create(own.claim("two", (own.whole, 2))).must()
    gate.wait_used("ml", "gpus", 2, "gpus")
    admin.create(own.user("user", resourceClaimName="two")).must()
    gate.wait_used("ml", "gpus", 0.5, "gpus", seconds=60)
    admin.patch("Node", own.space, {"metadata": {"labels": {label: "big"}}}).must()
    gate.wait_used("ml", "gpus", 2, "gpus", seconds=60)
    admin.patch("Node", own.space, {"metadata": {"labels": {label: "small"}}}).must()
    gate.wait_used("ml", "gpus", 0.5, "gpus", seconds=60)
    admin.delete("Pod", "user", own.space, grace_s=0)
    gate.wait_used("ml", "gpus", 2, "gpus", seconds=60)


def test_a_template_makes_claims_that_are_counted_once(control_plane, gpugate_in_cluster, devices):
    own, admin = devices(whole=8, halves=0), control_plane.admin
    gate = gpugate_in_cluster(control_plane, own.policy(hard=2), ledger="cluster")
    admin.create(own.template("two", (own.whole, 2))).must()
    admin.create(own.user("good", resourceClaimTemplateName="two")).must()
    gate.wait_used("ml", "gpus", 2, "gpus", seconds=30)
    admin.create(own.user("waits", resourceClaimTemplateName="two")).must()
    eventually(lambda: any("exceeded quota" in said for said in control_plane.events(own.space, "waits")), 60)
    assert gate.used("ml", "gpus", "gpus") == 2
    # The controller tries again once there is room.
    admin.delete("Pod", "good", own.space, grace_s=0)
    eventually(lambda: [found for found in admin.list("ResourceClaim", own.space)
                        if found["metadata"].get("ownerReferences", [{}])[0].get("name") == "waits"], 120)
    gate.wait_used("ml", "gpus", 2, "gpus")


def test_a_pod_becomes_a_claim(control_plane, gpugate_in_cluster, devices):
    """A Rule turns the request into a claim: what the claim controller generates from the template
    is counted, and the Pod is not. Applying the manifest again changes nothing."""
    own, admin = devices(whole=2, halves=0), control_plane.admin
    name = f"{own.driver}/gpu"
    rule = doc("Rule", "claims", rewrite=[{"from": name, "toClaim": {"template": "one"}}])
    gate = gpugate_in_cluster(control_plane, [*own.policy(hard=1), rule], ledger="cluster")
    manifest = json.dumps(pod(own.space, "good", {name: 1}))
    control_plane.kubectl("apply", "-f", "-", input=manifest)
    stored = admin.get("Pod", "good", own.space).must()
    assert stored["spec"]["resourceClaims"] == [{"name": "gpugate-0", "resourceClaimTemplateName": "one"}]
    assert stored["spec"]["containers"][0]["resources"] == {"claims": [{"name": "gpugate-0"}]}
    # It waits for the template.
    eventually(lambda: any('"one"' in said and "not found" in said for said in control_plane.events(own.space, "good")), 60)
    assert gate.used("ml", "gpus", "gpus") == 0
    admin.create(own.template("one", (own.whole, 1))).must()
    eventually(lambda: admin.get("Pod", "good", own.space).must()["spec"].get("nodeName"), 120)
    gate.wait_used("ml", "gpus", 1, "gpus")
    control_plane.kubectl("apply", "-f", "-", input=manifest)
    assert admin.get("Pod", "good", own.space).must()["spec"]["resourceClaims"] == stored["spec"]["resourceClaims"]
    admin.create(pod(own.space, "waits", {name: 1})).must()
    eventually(lambda: any("exceeded quota" in said for said in control_plane.events(own.space, "waits")), 60)
    assert gate.used("ml", "gpus", "gpus") == 1


@pytest.mark.skipif(binaries.version() < (1, 36), reason="the scheduler serves names of DeviceClasses by default since Kubernetes 1.36")
def test_a_pod_by_the_name_that_a_class_gives_its_devices(control_plane, gpugate_in_cluster, devices):
    """Nothing in the policy has the name. The scheduler makes a claim for the Pod, which is not
    counted again."""
    own, admin = devices(whole=4, halves=0), control_plane.admin
    name = f"{own.driver}/named"
    gate = gpugate_in_cluster(control_plane, own.policy(hard=3), ledger="cluster", replicas=2)
    admin.create(pod(own.space, "older", {name: 1})).must()
    admin.patch("DeviceClass", own.whole, {"spec": {"extendedResourceName": name}}).must()
    # The Pod that exists counts as soon as a replica knows the class.
    eventually(lambda: all(server.metrics().value("gpugate_device_classes") == 1 for server in gate.servers), 30)
    gate.wait_used("ml", "gpus", 1, "gpus", seconds=30)

    def served():
        status = admin.get("Pod", "older", own.space).must().get("status", {})
        return status.get("extendedResourceClaimStatus", {}).get("resourceClaimName")

    claim = admin.get("ResourceClaim", eventually(served, 120), own.space).must()
    assert "resource.kubernetes.io/extended-resource-claim" in claim["metadata"]["annotations"], claim["metadata"]
    admin.create(pod(own.space, "newer", {name: 2})).must()
    gate.wait_used("ml", "gpus", 3, "gpus", seconds=30)
    eventually(lambda: len(admin.list("ResourceClaim", own.space)) == 2, 120)
    refused = admin.create(pod(own.space, "more", {name: 1}))
    assert refused.status == 403 and f'{name} counts as DeviceClass "{own.whole}"' in refused.message, refused
    assert gate.used("ml", "gpus", "gpus") == 3
    for each in ("older", "newer"):
        admin.delete("Pod", each, own.space, grace_s=0)
    gate.wait_used("ml", "gpus", 0, "gpus", seconds=60)


def test_a_node_is_of_the_product_of_its_slices(control_plane, gpugate_in_cluster, devices):
    """No label of a node says what its devices are. A Pod counts as what the slices of its node say
    at the time, as published by a driver of NVIDIA."""
    own, admin, product = devices(whole=0, halves=0), control_plane.admin, "nvidia.com/gpu.product"
    resource = f"{own.driver}/gpu"
    policy = [doc("Accelerator", "h100", resource=resource, nodeLabels={product: "NVIDIA-H100-80GB-HBM3"}),
              doc("Accelerator", "t4", resource=resource, weight="0.25", nodeLabels={product: "Tesla-T4"}),
              doc("Tenant", "ml", namespaces=[own.space], quotas=[{"name": "gpus", "measure": "gpus", "hard": 8}])]

    def published(name, generation):
        return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": f"nvidia-{own.space}"},
                "spec": {"driver": "gpu.nvidia.com", "nodeName": own.space, "pool": {"name": own.space, "generation": generation, "resourceSliceCount": 1},
                         "devices": [{"name": "gpu-0", "attributes": {"productName": {"string": name}, "type": {"string": "gpu"}}}]}}

    admin.create(published("Tesla T4", 1)).must()
    gate = gpugate_in_cluster(control_plane, policy, ledger="cluster", replicas=2)
    bound = pod(own.space, "bound", {resource: 4})
    bound["spec"]["nodeName"] = own.space
    admin.create(bound).must()
    gate.wait_used("ml", "gpus", 1, "gpus", seconds=30)
    refused = admin.create(pod(own.space, "more", {resource: 8}))
    assert refused.status == 403 and "used 1, limit 8" in refused.message, refused
    admin.patch("ResourceSlice", f"nvidia-{own.space}", {"spec": published("NVIDIA H100 80GB HBM3", 2)["spec"]}).must()
    gate.wait_used("ml", "gpus", 4, "gpus", seconds=30)
    admin.patch("ResourceSlice", f"nvidia-{own.space}", {"spec": published("Tesla T4", 3)["spec"]}).must()
    gate.wait_used("ml", "gpus", 1, "gpus", seconds=30)
    admin.delete("ResourceSlice", f"nvidia-{own.space}").must()
    gate.wait_used("ml", "gpus", 4, "gpus", seconds=30)
    assert not any(server.log("object_unreadable") for server in gate.servers)


def test_claims_and_pods_race_for_one_quota(control_plane, gpugate_in_cluster, devices):
    """Three replicas and a quota of 10: there are never more, of either kind."""
    own, admin = devices(whole=0, halves=0), control_plane.admin
    gate = gpugate_in_cluster(control_plane, own.policy(hard=10), ledger="cluster", replicas=3)
    problems = []

    def create(thread):
        client = control_plane.client()
        for n in range(12):
            name = f"c-{thread}-{n}"
            obj = own.claim(name, (own.whole, 1)) if (thread + n) % 2 else pod(own.space, name, {f"{own.driver}/gpu": 1})
            answer = client.create(obj)
            if not (answer.ok or answer.status == 429 or "exceeded quota" in answer.message):
                problems.append(answer)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[0]
    stored = len(admin.list("ResourceClaim", own.space)) + len(admin.list("Pod", own.space))
    assert stored == 10, f"{stored} of 10"
    gate.wait_used("ml", "gpus", 10, "gpus")
    # A replica that starts again counts what it lists, of both kinds.
    gate.restart(0)
    gate.wait_open()
    gate.wait_used("ml", "gpus", 10, "gpus")


def test_no_right_but_its_own_is_needed(fresh_control_plane, gpugate_in_cluster):
    """Administrators may take discovery away from all others. gpugate has to ask for the version of
    claims nevertheless."""
    cluster = fresh_control_plane()
    for name in ("system:discovery", "system:basic-user", "system:public-info-viewer", "system:service-account-issuer-discovery"):
        cluster.admin.delete("ClusterRoleBinding", name).must()
    own = Devices(cluster, cluster.namespace("few"), whole=0, halves=0)
    gate = gpugate_in_cluster(cluster, own.policy(hard=4), ledger="cluster")
    cluster.admin.create(own.claim("c", (own.whole, 1))).must()
    gate.wait_used("ml", "gpus", 1, "gpus")


def test_a_definition_without_the_version_of_claims(fresh_control_plane, gpugate_in_cluster):
    """The API server drops spec.claimVersion if the definition of the ledger is older. Then claims
    wait for the new one, and Pods do not."""
    cluster = fresh_control_plane()
    own = Devices(cluster, cluster.namespace("old"), whole=0, halves=0)
    gate = gpugate_in_cluster(cluster, own.policy(hard=4), ledger="cluster", register=False, ready=False)
    remove = [{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/claimVersion"}]
    crd = cluster.admin.patch("CustomResourceDefinition", "gpuledgers.gpugate.io", remove, how="json").must()
    eventually(lambda: cluster.admin.get("GPULedger", "cluster").ok, 30)
    gate.register()
    gate.wait_open()

    def drops():
        stored = cluster.admin.get("GPULedger", "cluster").must()
        return "claimVersion" not in stored["spec"]

    eventually(lambda: cluster.admin.create(pod(own.space, "p", {f"{own.driver}/gpu": 1})).ok, 30)
    eventually(drops, 90)
    answer = cluster.admin.create(own.claim("c", (own.whole, 1)))
    assert not answer.ok and "update the CustomResourceDefinition gpuledgers.gpugate.io" in answer.message, answer
    del crd["metadata"]["resourceVersion"], crd["metadata"]["managedFields"]
    registration_objects = [obj for obj in gate.objects if obj["kind"] == "CustomResourceDefinition" and obj["metadata"]["name"] == "gpuledgers.gpugate.io"]
    cluster.admin.apply(registration_objects[0]).must()
    said = []

    def passes():
        answer = cluster.admin.create(own.claim("c", (own.whole, 1)))
        said.append(answer.message if not answer.ok else "")
        return answer.ok

    eventually(passes, 120, lambda: f"an admission, not {said[-1]}")
