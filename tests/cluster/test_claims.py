"""Claims of devices on a real API server, with the controller that generates them from templates,
and the scheduler that creates them for extended resources."""

import pytest

import binaries
from control_plane import eventually
from kube import doc
from manifests import pod

pytestmark = pytest.mark.skipif(binaries.version() < (1, 34), reason="resource.k8s.io/v1 came with Kubernetes 1.34")

CHANNEL, GPU_CLASS = "compute-domain-default-channel.nvidia.com", "gpu.nvidia.com"


def devices(*classes):
    return {"devices": {"requests": [{"name": f"r{n}", "exactly": {"deviceClassName": name}} for n, name in enumerate(classes)]}}


def claim(space, name, *classes, version="v1"):
    spec = devices(*classes)
    if version == "v1beta1":
        spec["devices"]["requests"] = [{"name": request["name"], **request["exactly"]} for request in spec["devices"]["requests"]]
    return {"apiVersion": f"resource.k8s.io/{version}", "kind": "ResourceClaim", "metadata": {"name": name, "namespace": space}, "spec": spec}


def template(space, name, *classes):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name, "namespace": space},
            "spec": {"spec": devices(*classes)}}


def using(space, name, template_name):
    return pod(space, name, resourceClaims=[{"name": "d", "resourceClaimTemplateName": template_name}])


def refused(name):
    return f'device class {name} is not allowed; use "compute-domain-*" (Guard "claims")'


@pytest.mark.parametrize("ledger", ["embedded", "cluster"])
def test_which_claims_are_stored(control_plane, gpugate_in_cluster, namespaces, ledger):
    space, admin = namespaces("claims"), control_plane.admin
    admin.create(template(space, "older", GPU_CLASS)).must()
    gpugate_in_cluster(control_plane, [doc("Tenant", "ml", namespaces=[space], quotas=[{"name": "whole", "hard": 2}]),
                                       doc("Guard", "claims", resourceClaims={"classes": ["compute-domain-*"]})], ledger=ledger)

    def apply(obj):
        return control_plane.kubectl("apply", "-f", "-", input=[obj], check=False)

    assert apply(template(space, "channel", CHANNEL)).returncode == 0
    assert apply(claim(space, "direct", CHANNEL)).returncode == 0
    for obj in (claim(space, "gpu", CHANNEL, GPU_CLASS), template(space, "gpu", GPU_CLASS)):
        said = apply(obj)
        assert said.returncode == 1 and 'admission webhook "claims.gpugate.io" denied the request: request r' in said.stderr, said.stderr
        assert refused(GPU_CLASS) in said.stderr
    # The controller generates a claim for each Pod that names a template, and is refused as well.
    admin.create(using(space, "good", "channel")).must()
    admin.create(using(space, "bad", "older")).must()
    eventually(lambda: [found for found in admin.list("ResourceClaim", space)
                        if found["metadata"].get("ownerReferences", [{}])[0].get("name") == "good"], 30)
    eventually(lambda: any(refused(GPU_CLASS) in said for said in control_plane.events(space, "bad")), 30)
    assert {item["metadata"].get("ownerReferences", [{}])[0].get("name") for item in admin.list("ResourceClaim", space)} == {None, "good"}


def test_an_older_version_is_no_way_around(fresh_control_plane, gpugate_in_cluster):
    cluster = fresh_control_plane(apiserver=["--runtime-config=resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true"])
    space = cluster.namespace("claims")
    gpugate_in_cluster(cluster, [doc("Tenant", "ml", namespaces=[space], quotas=[{"name": "whole", "hard": 2}]),
                                 doc("Guard", "claims", resourceClaims={"classes": ["compute-domain-*"]})])
    for version in ("v1", "v1beta2", "v1beta1"):
        for name, classes in (("good", [CHANNEL]), ("bad", [CHANNEL, GPU_CLASS])):
            path = f"/apis/resource.k8s.io/{version}/namespaces/{space}/resourceclaims"
            answer = cluster.admin.request("POST", path, claim(space, f"{name}-{version}", *classes, version=version))
            assert answer.ok == (name == "good"), (version, name, answer)
            assert answer.ok or refused(GPU_CLASS) in answer.message


def test_the_scheduler_may_claim_for_extended_resources(control_plane, gpugate_in_cluster, namespaces):
    """A DeviceClass hands out an extended resource. The Pod is counted, and the scheduler creates
    the claim."""
    space, admin = namespaces("claims"), control_plane.admin
    name, driver = f"{space}.example.com", f"{space}-driver.example.com"
    made = [{"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name},
             "spec": {"extendedResourceName": f"{name}/gpu", "selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]}},
            {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": space},
             "spec": {"driver": driver, "nodeName": space, "pool": {"name": space, "generation": 1, "resourceSliceCount": 1}, "devices": [{"name": "gpu-0"}]}}]
    if binaries.version() < (1, 36):
        pytest.skip("device classes with extended resources are on from Kubernetes 1.36")
    control_plane.node(space)
    for obj in made:
        admin.create(obj).must()
    try:
        gate = gpugate_in_cluster(control_plane, [
            doc("Accelerator", "device", resource=f"{name}/gpu"), doc("Tenant", "ml", namespaces=[space], quotas=[{"name": "whole", "hard": 1}]),
            doc("Guard", "claims", resourceClaims={"classes": []})], ledger="cluster")
        admin.create(pod(space, "counted", {f"{name}/gpu": 1}, nodeSelector={"kubernetes.io/hostname": space})).must()
        gate.wait_used("ml", "whole", 1)
        eventually(lambda: admin.get("Pod", "counted", space).must()["spec"].get("nodeName") == space, 60)
        claims = admin.list("ResourceClaim", space)
        assert [found["metadata"]["annotations"]["resource.kubernetes.io/extended-resource-claim"] for found in claims] == ["true"]
        # The same object from a person is refused.
        spoofed = claim(space, "spoofed", name)
        spoofed["metadata"]["annotations"] = {"resource.kubernetes.io/extended-resource-claim": "true"}
        assert not admin.create(spoofed).ok
        assert "exceeded quota" in admin.create(pod(space, "more", {f"{name}/gpu": 1})).message
    finally:
        for obj in made:
            admin.delete(obj["kind"], obj["metadata"]["name"])
        admin.delete("Node", space)
