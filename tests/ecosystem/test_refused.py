"""Controllers survive refusals: they create what is admitted, back off, say why in Events that a
person understands, and finish when quota becomes free."""

import re
import time

import pytest

from control_plane import eventually
from kube import GPU
from manifests import pod
from team import jobset as a_jobset, leader_worker_set, play_kubelet, pods, policy, ray_cluster, ray_job

# The back-off of the controllers of Jobs and StatefulSets doubles, so a refused Pod is tried again
# after at most about as long as it has been refused. A test that took that long is slow, not wrong.
BACKOFF_S = 900
# How long refusals are counted, and how many are few. A controller without a back-off is slowed
# only by the limits of the client libraries, and sends at least ten requests a second.
WATCHED_S = 10
FEW = WATCHED_S


def denied(gate):
    return gate.server.metrics().total("gpugate_admission_requests_total", path="/validate", outcome="denied")


def sentence(limit):
    return (rf'admission webhook "[a-z]+\.gpugate\.io" denied the request: exceeded quota: GPU quota "whole" of tenant "ml": requested 1, used {limit}, '
            rf"limit {limit}, over by 1; nothing is free")


def backs_off(gate, controller):
    """Waits until there are few refusals, and the controller rarely looks at its objects. The first
    pauses of a back-off are short, so it takes a while."""
    def few():
        refusals, looks = denied(gate), controller.reconciles()
        time.sleep(WATCHED_S)
        refusals, looks = denied(gate) - refusals, controller.reconciles() - looks
        print(f"{controller.name}: {refusals:.0f} refusals, {looks:.0f} reconciles in {WATCHED_S} s")
        return refusals <= FEW and looks <= FEW
    eventually(few, 120, "a back-off")


def test_a_jobset_larger_than_its_quota(plane, jobset, gpugate, space):
    gate = gpugate(policy(space, 3))
    plane.kubectl("apply", "-f", "-", input=[a_jobset(
        space, ("driver", 1, {}, {}), ("workers", 1, {"parallelism": 2, "completions": 2}, {"replicas": 2}))])
    gate.wait_used("ml", "whole", 3)
    eventually(lambda: len(pods(plane, space)) == 3, what="the Pods that fit, which may be pending")
    said = eventually(lambda: plane.events(space, reason="FailedCreate"), what="an Event about a refused Pod")
    eventually(lambda: any(re.fullmatch(rf"Error creating: {sentence(3)}", message) for message in plane.events(space, reason="FailedCreate")), what=lambda: said)
    backs_off(gate, jobset)
    assert len(pods(plane, space)) == 3 and gate.used("ml", "whole") == 3

    def finished():
        play_kubelet(plane, space, "Succeeded")
        assert gate.used("ml", "whole") <= 3
        stored = plane.kubectl("get", "jobset", "w", "-n", space, "-o", "jsonpath={.status.terminalState}").stdout
        assert stored in ("", "Completed"), stored
        return stored
    eventually(finished, BACKOFF_S, "the end of the JobSet", pause=0.2)
    ended = plane.admin.list("Pod", space)
    assert len(ended) == 5 and {one["status"]["phase"] for one in ended} == {"Succeeded"}
    gate.wait_used("ml", "whole", 0)


def test_a_leader_worker_set_larger_than_its_quota(plane, lws, gpugate, space):
    gate = gpugate(policy(space, 6))
    plane.kubectl("apply", "-f", "-", input=[pod(space, "other", {GPU: 2})])
    plane.kubectl("apply", "-f", "-", input=[leader_worker_set(space, None, 1, {"size": 4}, replicas=2)])
    gate.wait_used("ml", "whole", 6)
    eventually(lambda: len(pods(plane, space)) == 1 + 4, what="the Pods that fit, which may be pending")
    said = eventually(lambda: plane.events(space, reason="FailedCreate"), what="an Event about a refused Pod")
    eventually(lambda: any(re.fullmatch(rf"Create Pod w-\d(-\d)? in StatefulSet w(-\d)? failed error: {sentence(6)}", message)
                           for message in plane.events(space, reason="FailedCreate")), what=lambda: said)
    backs_off(gate, lws)
    assert len(pods(plane, space)) == 1 + 4 and gate.used("ml", "whole") == 6

    def there(count):
        play_kubelet(plane, space)
        assert gate.used("ml", "whole") <= count
        return len([one for one in pods(plane, space) if one["metadata"]["name"].startswith("w-")]) == count
    plane.admin.delete("Pod", "other", space, grace_s=0).must()
    eventually(lambda: there(6), BACKOFF_S, "six of eight Pods", pause=0.2)
    gate.wait_used("ml", "whole", 6)
    gate.server.reload(policy(space, 8))
    eventually(lambda: there(8), BACKOFF_S, "all Pods", pause=0.2)

    def available():
        play_kubelet(plane, space)
        return plane.kubectl("get", "lws", "w", "-n", space, "-o", "jsonpath={.status.conditions[?(@.type=='Available')].status}").stdout == "True"
    eventually(available, what="an available LeaderWorkerSet", pause=0.2)
    gate.wait_used("ml", "whole", 8)


@pytest.mark.by_hand
@pytest.mark.parametrize("make", [ray_cluster, ray_job])
def test_a_ray_cluster_larger_than_its_quota(plane, kuberay, gpugate, space, make):
    """KubeRay creates no group after one that is refused."""
    gate = gpugate(policy(space, 3))
    plane.kubectl("apply", "-f", "-", input=[make(space, 1, ("gpu", 1, {"replicas": 4}), ("cpu", 0, {"replicas": 1}))])
    gate.wait_used("ml", "whole", 3)
    eventually(lambda: len(pods(plane, space)) == 3, what="the Pods that fit in the first group, which may be pending")
    reason = "FailedToCreateWorkerPod"
    said = eventually(lambda: plane.events(space, reason=reason), what="an Event about a refused Pod")
    eventually(lambda: any(re.fullmatch(rf"Failed to create worker Pod for the cluster {space}/w[-a-z0-9]*, {sentence(3)}", message)
                           for message in plane.events(space, reason=reason)), what=lambda: said)

    def status(path):
        return plane.kubectl("get", "rayclusters", "-n", space, "-o", f"jsonpath={{.items[0].status.{path}}}").stdout
    eventually(lambda: re.search(sentence(3), status("conditions[?(@.type=='ReplicaFailure')].message")), what=lambda: status("conditions"))
    backs_off(gate, kuberay)
    assert len(pods(plane, space)) == 3 and gate.used("ml", "whole") == 3
    gate.server.reload(policy(space, 5))

    def ready():
        play_kubelet(plane, space)
        return status("readyWorkerReplicas") == "5"
    eventually(ready, BACKOFF_S, "all Pods", pause=0.2)
    # Now that they are ready, a RayJob has one more Pod, which submits the job.
    assert len([one for one in pods(plane, space) if "ray.io/node-type" in one["metadata"]["labels"]]) == 6
    gate.wait_used("ml", "whole", 5)
    eventually(lambda: not status("conditions[?(@.type=='ReplicaFailure')].message"), what=lambda: status("conditions"))
