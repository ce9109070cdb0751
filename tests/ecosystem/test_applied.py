"""What a person reads who applies a JobSet, a LeaderWorkerSet, a RayCluster, or a RayJob: the paths
that gpugate has for these kinds, with the objects as the real definitions and webhooks of their
projects leave them."""

import re

import pytest

from kube import GPU
from manifests import pod
from team import jobset as a_jobset, leader_worker_set, policy, ray_cluster, ray_job, ray_service


def applied(plane, obj, *args):
    return plane.kubectl("apply", "-f", "-", *args, input=[obj]).stderr


def refusal(limit):
    return rf'exceeded quota: GPU quota "whole" of tenant "ml": requested 1, used \d( \(\+\d pending\))?, limit {limit}, over by 1; [^\n]*'


def never(part, requested, limit):
    return rf'Warning: {part}: can never fit: GPU quota "whole" of tenant "ml": requested {requested}, used \d, limit {limit}; request at most {limit}, [^\n]*\n'


JOBS = "spec\\.replicatedJobs\\[{}\\]\\.template\\.spec\\.template"
GROUP = "spec\\.leaderWorkerTemplate\\.{}Template"


def jobs(space, driver, worker, sets=2, **spec):
    return a_jobset(space, ("driver", driver, {}, {}), ("workers", worker, {"parallelism": 2, "completions": 2}, {"replicas": sets}), **spec)


def groups(space, leader, worker, replicas=2):
    return leader_worker_set(space, leader, worker, {"size": 3}, replicas=replicas)


def some_and_none(plane, gate, space, make, total, part):
    """Another Pod holds one of five GPUs."""
    plane.kubectl("apply", "-f", "-", input=[pod(space, "other", {GPU: 1})])
    gate.wait_used("ml", "whole", 1)
    assert applied(plane, make(space, 0, 1), "--dry-run=server") == ""
    said = applied(plane, make(space, 1, 1), "--dry-run=server")
    assert re.fullmatch(rf"Warning: 4 of {total} Pods fit now: {part}: {refusal(5)}\n", said), said
    said = applied(plane, make(space, 1, 6), "--dry-run=server")
    assert re.fullmatch(never(part, 6, 5), said), said
    assert gate.used("ml", "whole") == 1


def asked(gate):
    """Returns who was answered: not the controllers, which write these objects as well."""
    return {line["user"] for line in gate.server.log("early_answer")}


def test_a_jobset(plane, jobset, gpugate, space):
    gate = gpugate(policy(space, 5))
    part = r"spec\.replicatedJobs\[1\]\.template\.spec\.template"
    some_and_none(plane, gate, space, jobs, 5, part)
    assert applied(plane, jobs(space, 0, 1, 1)) == ""
    gate.wait_used("ml", "whole", 3)
    # A suspended one has no Pods until it is resumed. Applying its manifest again would be refused
    # by JobSet, which has set a default in what must not change.
    assert applied(plane, jobs(space, 0, 1, name="later", suspend=True)) == ""
    said = plane.kubectl("patch", "jobset", "later", "-n", space, "--type=merge", "-p", '{"spec": {"suspend": false}}').stderr
    assert re.fullmatch(rf"Warning: 3 of 5 more Pods fit now: {part}: {refusal(5)}\n", said), said
    gate.wait_used("ml", "whole", 5)
    assert asked(gate) == {"admin"}


def test_a_leader_worker_set(plane, lws, gpugate, space):
    gate = gpugate(policy(space, 5))
    part = r"spec\.leaderWorkerTemplate\.workerTemplate"
    some_and_none(plane, gate, space, groups, 6, part)
    assert applied(plane, groups(space, 0, 1, 1)) == ""
    gate.wait_used("ml", "whole", 3)
    autoscaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "w", "namespace": space},
                  "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "w"}}}
    said = applied(plane, autoscaler, "--dry-run=server")
    assert re.fullmatch(rf"Warning: at maxReplicas, 4 of 6 more Pods fit now: {part}: {refusal(5)}\n", said), said
    said = applied(plane, groups(space, 0, 1, 3))
    assert re.fullmatch(rf"Warning: 4 of 6 more Pods fit now: {part}: {refusal(5)}\n", said), said
    gate.wait_used("ml", "whole", 5)
    assert asked(gate) == {"admin"}


RAYS = {"spec": ray_cluster, "spec\\.rayClusterSpec": ray_job, "spec\\.rayClusterConfig": ray_service}


@pytest.mark.by_hand
@pytest.mark.parametrize("where", RAYS)
def test_a_ray_cluster(plane, kuberay, gpugate, space, where):
    def rays(space, head, worker, replicas=2):
        return RAYS[where](space, head, ("gpu", worker, {"replicas": replicas, "numOfHosts": 2}))

    gate = gpugate(policy(space, 5))
    part = rf"{where}\.workerGroupSpecs\[0\]\.template"
    some_and_none(plane, gate, space, rays, 5, part)
    assert applied(plane, rays(space, 0, 1, 1)) == ""
    gate.wait_used("ml", "whole", 3)
    # Only one group gets more Pods, so it need not be named. KubeRay writes a RayJob with empty
    # members, so that the template of its head seems to be changed.
    said = applied(plane, rays(space, 0, 1, 3), "--dry-run=server")
    assert re.fullmatch(rf"Warning: 2 of 4 more Pods fit now: ({part}: )?{refusal(5)}\n", said), said
    assert asked(gate) == {"admin"}
