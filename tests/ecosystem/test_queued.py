"""What Kueue lets begin, gpugate may still refuse: its quotas are others than those of the queue.
What waits in a queue is charged if it is a Pod, and not if it is a Job."""

import collections
import re

import pytest

from control_plane import eventually
from kube import GPU
from manifests import pod
from team import play_kubelet, pods, policy, template
from test_refused import BACKOFF_S, backs_off, denied, sentence

pytestmark = pytest.mark.by_hand

LABEL = "kueue.x-k8s.io/queue-name"
# The attempts of two Jobs of which one has been refused for longer. The pauses double, so the
# numbers are close to each other; without a back-off, there are ten and more every second.
AS_MANY = 4


def queue(space, gpus):
    """A queue of the namespace, with a quota of Kueue's own."""
    flavor = {"name": "any", "resources": [{"name": GPU, "nominalQuota": gpus}]}
    return [{"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": metadata, "spec": spec} for kind, metadata, spec in (
        ("ResourceFlavor", {"name": "any"}, {}),
        ("ClusterQueue", {"name": space}, {"namespaceSelector": {}, "resourceGroups": [{"coveredResources": [GPU], "flavors": [flavor]}]}),
        ("LocalQueue", {"name": "team", "namespace": space}, {"clusterQueue": space}))]


def job(space, name, count, gpus=1, labels=None):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": space, "labels": labels or {}},
            "spec": {"parallelism": count, "completions": count, "template": template("main", gpus, restartPolicy="Never")}}


def workload(plane, space, condition):
    """Returns the status of a condition of Kueue's only Workload."""
    return plane.kubectl("get", "workloads.kueue.x-k8s.io", "-n", space, "-o", f"jsonpath={{.items[0].status.conditions[?(@.type=='{condition}')].status}}",
                         check=False).stdout


def attempts(gate):
    """Returns name of the Job -> how many of its Pods were refused."""
    return collections.Counter(line["pod"].rsplit("-", 1)[0] for line in gate.server.log("denied"))


def test_a_queued_job_larger_than_its_quota(plane, kueue, gpugate, space):
    gate = gpugate(policy(space, 3))
    plane.kubectl("apply", "-f", "-", input=[*queue(space, 8), pod(space, "other", {GPU: 1})])
    plane.kubectl("apply", "-f", "-", input=[job(space, "queued", 4, labels={LABEL: "team"})])
    gate.wait_used("ml", "whole", 3)
    said = eventually(lambda: plane.events(space, "queued", "FailedCreate"), what="an Event about a refused Pod")
    eventually(lambda: any(re.fullmatch(rf"Error creating: {sentence(3)}", message) for message in plane.events(space, "queued", "FailedCreate")),
               what=lambda: said)
    assert workload(plane, space, "Admitted") == "True"
    backs_off(gate, kueue)
    # Kueue does not add to the attempts of the controller of Jobs.
    plane.kubectl("apply", "-f", "-", input=[job(space, "plain", 1)])
    eventually(lambda: attempts(gate)["plain"] >= 4, BACKOFF_S, "four attempts")
    counted = attempts(gate)
    assert set(counted) == {"plain", "queued"} and counted["queued"] <= AS_MANY * counted["plain"], counted
    assert len(pods(plane, space)) == 1 + 2 and gate.used("ml", "whole") == 3
    plane.admin.delete("Job", "plain", space, propagationPolicy="Background").must()
    plane.admin.delete("Pod", "other", space, grace_s=0).must()

    def finished():
        play_kubelet(plane, space, "Succeeded")
        assert gate.used("ml", "whole") <= 3
        return workload(plane, space, "Finished") == "True"
    eventually(finished, BACKOFF_S, "the end of the Job", pause=0.2)
    gate.wait_used("ml", "whole", 0)


def test_a_job_that_waits_is_not_charged(plane, kueue, gpugate, space):
    gate = gpugate(policy(space, 3))
    plane.kubectl("apply", "-f", "-", input=queue(space, 2))
    said = plane.kubectl("apply", "-f", "-", input=[job(space, "too-large", 4, labels={LABEL: "team"})]).stderr
    assert said == "", said
    eventually(lambda: workload(plane, space, "QuotaReserved") == "False", what="a Workload that waits")
    assert not pods(plane, space) and gate.used("ml", "whole") == 0


def test_pods_that_wait_are_charged(plane, kueue, gpugate, space):
    """They exist, and nothing that gpugate could refuse happens when their gate is taken away."""
    gate = gpugate(policy(space, 3))
    plane.kubectl("apply", "-f", "-", input=queue(space, 2))
    made = [pod(space, f"p{i}", {GPU: 1}, {LABEL: "team"}) for i in range(4)]
    plane.kubectl("apply", "-f", "-", input=made[:3])

    def waiting():
        return [one["metadata"]["name"] for one in pods(plane, space) if one["spec"].get("schedulingGates")]
    eventually(lambda: len(waiting()) == 1, what=lambda: f"one Pod that waits for Kueue, not {waiting()}")
    gate.wait_used("ml", "whole", 3)
    refused = plane.kubectl("apply", "-f", "-", input=made[3:], check=False).stderr
    assert re.search(sentence(3), refused), refused
    plane.kubectl("annotate", "pod", waiting()[0], "-n", space, "note=1")

    def finished():
        play_kubelet(plane, space, "Succeeded")
        return not pods(plane, space)
    eventually(finished, what="the end of the Pods", pause=0.2)
    gate.wait_used("ml", "whole", 0)
    plane.kubectl("apply", "-f", "-", input=made[3:])
    eventually(finished, what="the end of the last Pod", pause=0.2)
    gate.wait_used("ml", "whole", 0)


def test_a_job_that_kueue_may_not_begin(plane, kueue, gpugate, space):
    """With `earlyAnswer: deny`, it is Kueue whose request is refused."""
    documents = policy(space, 3)
    documents[-1]["spec"]["earlyAnswer"] = "deny"
    gate = gpugate(documents)
    plane.kubectl("apply", "-f", "-", input=queue(space, 8))
    said = plane.kubectl("apply", "-f", "-", input=[job(space, "large", 1, gpus=4, labels={LABEL: "team"})]).stderr
    assert "can never fit" in said, said
    eventually(lambda: workload(plane, space, "Admitted") == "True", what="a Workload that Kueue admits")
    eventually(lambda: denied(gate) > 0, what="a refusal")
    backs_off(gate, kueue)
    assert not pods(plane, space)
    gate.server.reload(policy(space, 4))
    eventually(lambda: len(pods(plane, space)) == 1, BACKOFF_S, "the Pod", pause=0.2)
    gate.wait_used("ml", "whole", 4)
