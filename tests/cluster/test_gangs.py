"""Groups of Pods that are admitted as a whole, with the real controllers that create them: none
holds a part of its quota while it waits, and gpugate reads what has the group by its own rights.
`gpugate explain` says the same of the object's file."""

import json
import re

import pytest

import binaries
from control_plane import eventually
from gpugate import run, write_policy
from kube import GPU, doc
from manifests import job, pod, pod_spec, statefulset

# The back-off of the controllers of Jobs and StatefulSets doubles. A test that takes that long is
# slow, not wrong.
BACKOFF_S = 600
GATES = [("embedded", 1), ("cluster", 2)]


def whole(**more):
    return doc("Rule", "whole-jobs", match={}, gangs="allOrNothing", **more)


def team(space, hard):
    return doc("Tenant", "ml", namespaces=[space], quotas=[{"name": "whole", "resources": [GPU], "hard": hard}])


def pods(plane, space, name=None):
    """Returns the names of the Pods that have not ended: of one Job, or all."""
    return [one["metadata"]["name"] for one in plane.admin.list("Pod", space) if one["status"].get("phase") not in ("Succeeded", "Failed")
            and name in (None, one["metadata"]["name"].rsplit("-", 1)[0])]


def finish(plane, space, name):
    """Lets the Pods of a Job succeed."""
    for one in pods(plane, space, name):
        plane.phase(one, space, "Succeeded").must()


def apply(plane, *objects, check=True):
    return plane.kubectl("apply", "-f", "-", input=list(objects), check=check)


def explained(plane, folder, policy, obj):
    """Returns the message of `gpugate explain`, which counts what the cluster has."""
    (folder / "object.json").write_text(json.dumps(obj))
    told = run("explain", "-f", folder / "object.json", "--policy", write_policy(folder / "policy", policy), "--live", "--kubeconfig", plane.kubeconfig(),
               "-o", "json")
    [one] = json.loads(told.stdout)["objects"]
    assert one["fits"] == 0 and one["gang"]["whole"], one
    return one["message"]


def refusal(requested, more):
    return (rf'exceeded quota: GPU quota "whole" of tenant "ml": requested {requested} \(1 by this Pod, {more} by the Pods of its group that are still '
            r'to come; Rule "whole-jobs" admits all or none\), used ')


@pytest.fixture
def readers(control_plane, gpugate_in_cluster):
    """readers(policy, ledger, replicas): gpugate, which can read objects with either ledger."""
    def make(policy, ledger="cluster", replicas=1):
        more = ("--kubeconfig", control_plane.service_account_kubeconfig("gpugate", "gpugate")) if ledger == "embedded" else ()
        control_plane.namespace("gpugate")
        return gpugate_in_cluster(control_plane, policy, *more, ledger=ledger, replicas=replicas)
    return make


@pytest.mark.parametrize("ledger, replicas", GATES)
def test_two_jobs_at_a_quota_for_one(control_plane, readers, namespaces, tmp_path, ledger, replicas):
    space = namespaces("gangs")
    policy = [team(space, 3), whole()]
    gate = readers(policy, ledger, replicas)
    one, two = (job(space, name, pod_spec({GPU: 1}), parallelism=2, completions=2) for name in ("one", "two"))
    apply(control_plane, one)
    eventually(lambda: len(pods(control_plane, space, "one")) == 2, 30, "the Pods of the first Job")
    apply(control_plane, two)
    said = eventually(lambda: control_plane.events(space, "two", "FailedCreate"), 30, "a refusal")
    assert all(re.search(refusal(2, 1), message) for message in said), said
    assert explained(control_plane, tmp_path, policy, two) in said[0]
    # The third GPU would do for a half of the second Job. Any other Pod can have it.
    assert not pods(control_plane, space, "two")
    apply(control_plane, pod(space, "other", {GPU: 1}))
    assert len(pods(control_plane, space)) == 3

    def is_turn_of_two():
        finish(control_plane, space, "one")
        assert len(pods(control_plane, space)) <= 3
        return len(pods(control_plane, space, "two")) == 2
    eventually(is_turn_of_two, BACKOFF_S, "the Pods of the second Job", pause=0.2)
    assert sum(server.metrics().total("gpugate_admission_requests_total", path="/validate", outcome="error") for server in gate.servers) == 0

    def is_over():
        finish(control_plane, space, "two")
        return control_plane.admin.get("Job", "two", space).must()["status"].get("succeeded") == 2
    eventually(is_over, BACKOFF_S, "the end of the second Job", pause=0.2)
    gate.wait_used("ml", "whole", 1, seconds=30)


def test_many_jobs_at_once_never_stand_in_each_others_way(control_plane, readers, namespaces):
    """Each of two replicas is asked about some Pods of each Job."""
    space = namespaces("gangs")
    readers([team(space, 5), whole()], replicas=2)
    names = [f"j{i}" for i in range(4)]
    apply(control_plane, *(job(space, name, pod_spec({GPU: 1}), parallelism=3, completions=3) for name in names))

    def over():
        """A Job of which all Pods are there runs and ends."""
        for name in names:
            if len(pods(control_plane, space, name)) == 3:
                finish(control_plane, space, name)
        return all(control_plane.admin.get("Job", name, space).must()["status"].get("succeeded") == 3 for name in names)
    eventually(over, BACKOFF_S, "the end of all Jobs", pause=0.2)


def test_a_stateful_set(control_plane, readers, namespaces, tmp_path):
    space = namespaces("gangs")
    policy, large = [team(space, 3), whole()], statefulset(space, "large", 4, pod_spec({GPU: 1}))
    gate = readers(policy)
    apply(control_plane, large)
    said = eventually(lambda: control_plane.events(space, "large", "FailedCreate"), 30, "a refusal")
    assert "can never fit: " in said[0] and "requested 4 (1 by this Pod, 3 by the Pods of its group" in said[0], said
    assert explained(control_plane, tmp_path, policy, large) in said[0]
    assert not pods(control_plane, space) and gate.used("ml", "whole") == 0
    control_plane.kubectl("scale", "statefulset/large", "-n", space, "--replicas=3")
    eventually(lambda: len(pods(control_plane, space)) == 3, BACKOFF_S, "its Pods")
    gate.wait_used("ml", "whole", 3)


POD_GROUP = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {
    "name": "podgroups.scheduling.x-k8s.io", "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/scheduler-plugins/pull/50"}},
    "spec": {"group": "scheduling.x-k8s.io", "scope": "Namespaced", "names": {"kind": "PodGroup", "plural": "podgroups", "singular": "podgroup"},
             "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


def comes_and_goes(plane, gate, space, members):
    """Creates the Pods of a group of three where the quota is 3, and deletes them, twice."""
    apply(plane, members[0])
    gate.wait_used("ml", "whole", 3)
    refused = apply(plane, pod(space, "other", {GPU: 1}), check=False)
    assert refused.returncode != 0 and "exceeded quota: " in refused.stderr, refused.stderr
    apply(plane, *members[1:])
    gate.wait_used("ml", "whole", 3)
    # With its last Pod, what is reserved for the group ends.
    plane.kubectl("delete", "pods", "--all", "-n", space, "--now")
    apply(plane, members[0])
    gate.wait_used("ml", "whole", 3)
    plane.kubectl("delete", "pod", "p0", "-n", space, "--now")
    gate.wait_used("ml", "whole", 0, seconds=60)


@pytest.mark.skipif(binaries.version() < (1, 37), reason="scheduling.k8s.io/v1beta1 came with Kubernetes 1.37")
def test_a_pod_group_of_kubernetes(fresh_control_plane, gpugate_in_cluster):
    plane = fresh_control_plane(scheduler=False, apiserver=["--feature-gates=GenericWorkload=true", "--runtime-config=scheduling.k8s.io/v1beta1=true"])
    space = plane.namespace("gangs")
    gate = gpugate_in_cluster(plane, [team(space, 3), whole()], ledger="cluster")
    for name, policy in (("train", {"gang": {"minCount": 3}}), ("loose", {"basic": {}}), ("large", {"gang": {"minCount": 4}})):
        apply(plane, {"apiVersion": "scheduling.k8s.io/v1beta1", "kind": "PodGroup", "metadata": {"name": name, "namespace": space},
                      "spec": {"schedulingPolicy": policy}})

    def member(name, group):
        return pod(space, name, {GPU: 1}, schedulingGroup={"podGroupName": group})

    comes_and_goes(plane, gate, space, [member(f"p{i}", "train") for i in range(3)])
    apply(plane, member("single", "loose"))
    gate.wait_used("ml", "whole", 1)
    said = apply(plane, member("first", "large"), check=False).stderr
    assert "can never fit: " in said and "requested 4 (1 by this Pod, 3 by the Pods of its group" in said, said


def test_a_pod_group_of_a_scheduler(control_plane, readers, namespaces):
    space = namespaces("gangs")
    apply(control_plane, POD_GROUP)
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{POD_GROUP['metadata']['name']}")
    try:
        gate = readers([team(space, 3), whole()])
        apply(control_plane, {"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": {"name": "train", "namespace": space},
                              "spec": {"minMember": 3}})
        comes_and_goes(control_plane, gate, space, [pod(space, f"p{i}", {GPU: 1}, {"scheduling.x-k8s.io/pod-group": "train"}) for i in range(3)])
    finally:
        control_plane.kubectl("delete", f"crd/{POD_GROUP['metadata']['name']}")


def test_without_the_right_to_read(control_plane, readers, namespaces):
    """It is the same as any other reason for which the quota cannot be checked."""
    space = namespaces("gangs")
    gate = readers([team(space, 3), whole()])
    control_plane.kubectl("delete", "clusterrolebinding/gpugate-workloads")
    may = ["auth", "can-i", "get", "jobs", "-n", space, "--as=system:serviceaccount:gpugate:gpugate"]
    eventually(lambda: control_plane.kubectl(*may, check=False).stdout == "no\n", 30, "the loss of the right")
    apply(control_plane, job(space, "train", pod_spec({GPU: 1}), parallelism=2, completions=2))
    said = eventually(lambda: control_plane.events(space, "train", "FailedCreate"), 30, "a refusal")
    assert "Job.batch/train, which says how many Pods belong together, could not be read; retry" in said[0], said
    assert "forbidden" in gate.server.wait_log("workload_unread")[0]["message"]
    apply(control_plane, pod(space, "alone", {GPU: 1}))
    assert pods(control_plane, space) == ["alone"]
