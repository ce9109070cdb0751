"""The Pods that the real controllers make are those that gpugate foresees, in number and charge."""

import json
import time
from decimal import Decimal

import pytest
import yaml

from control_plane import eventually
from gpugate import run
from kube import GPU, doc
from team import jobset as a_jobset, leader_worker_set, pods, policy, ray_cluster, ray_job, ray_service

PRODUCT = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
QUOTAS = {"whole": "count", "compute": "gpus", "memory": "memory"}  # name -> measure


def jobsets(space):
    """Yields shapes of a JobSet."""
    yield a_jobset(space, ("driver", 0, {}, {}), ("workers", 2, {"parallelism": 3, "completions": 3}, {"replicas": 2}))
    yield a_jobset(space, ("driver", 1, {}, {}), ("workers", 1, {"parallelism": 4, "completions": 2}, {"replicas": 2}))
    yield a_jobset(space, ("alone", 1, {"parallelism": 2, "completions": 6}, {}))
    yield a_jobset(space, ("driver", 1, {}, {}), ("none", 1, {}, {"replicas": 0}))
    yield a_jobset(space, ("driver", 1, {}, {}), suspend=True)


def leader_worker_sets(space):
    """Yields shapes of a LeaderWorkerSet."""
    yield leader_worker_set(space, 1, 2, {"size": 3}, replicas=2)
    yield leader_worker_set(space, 0, 1, {"size": 4})
    yield leader_worker_set(space, None, 1, {"size": 2}, replicas=3)
    yield leader_worker_set(space, 2, 1, {"size": 1}, replicas=2)
    yield leader_worker_set(space, 1, 1)
    yield leader_worker_set(space, None, 1, {"size": 2}, replicas=0)


def rays(space):
    """Yields shapes of a RayCluster, and of what makes one."""
    yield ray_cluster(space, 0, ("gpu", 2, {"replicas": 2, "numOfHosts": 2}), ("cpu", 0, {"replicas": 1}))
    yield ray_cluster(space, 1, ("most", 1, {"replicas": 4, "maxReplicas": 3}), ("none", 1, {"replicas": 0}))
    yield ray_cluster(space, 0, ("least", 1, {"minReplicas": 2, "numOfHosts": 2, "maxReplicas": 5}), enableInTreeAutoscaling=True)
    yield ray_cluster(space, 0, ("both", 1, {"minReplicas": 4, "maxReplicas": 2}))
    yield ray_cluster(space, 1, ("gpu", 1, {"replicas": 2}), suspend=True)
    yield ray_job(space, 1, ("gpu", 1, {"replicas": 2}))
    yield ray_job(space, 1, ("gpu", 1, {"replicas": 2}), suspend=True)
    yield ray_service(space, 0, ("gpu", 2, {"replicas": 2}))


SHAPES = {"jobset": jobsets, "lws": leader_worker_sets, "kuberay": rays}


def amount(text):
    """Returns an amount of gpugate's output, in bytes if it is memory."""
    return Decimal(text.removesuffix("Gi")) * (2**30 if text.endswith("Gi") else 1)


def explained(folder, objects):
    """Returns how many Pods gpugate sees in the objects, and the sum of their charges for each
    quota."""
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    done = run("explain", "--policy", folder / "policy", "-f", file, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    count, charged = 0, dict.fromkeys(QUOTAS, Decimal(0))
    for part in json.loads(done.stdout)["objects"]:
        made = part.get("pods", 1)
        count += made
        for cost in (cost for resource in part.get("resources", ()) for cost in resource["costs"]):
            charged[cost["quota"]] += made * amount(cost["amount"])
    return count, charged


@pytest.mark.parametrize("project", ["jobset", "lws", pytest.param("kuberay", marks=pytest.mark.by_hand)])
def test_what_is_foreseen_is_made(plane, gpugate, space, request, tmp_path, project):
    request.getfixturevalue(project)
    documents = policy(space, 100, doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels=PRODUCT),
                       {"name": "compute", "measure": "gpus", "hard": 100}, {"name": "memory", "measure": "memory", "hard": "8000Gi"})
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "policy.yaml").write_text(yaml.safe_dump_all(documents))
    gate = gpugate(documents)
    made_of_all = 0
    for i, obj in enumerate(SHAPES[project](space)):
        name = obj["metadata"]["name"] = f"w{i}"
        count, charged = explained(tmp_path, [obj])
        plane.kubectl("apply", "-f", "-", input=[obj])
        eventually(lambda count=count: len(pods(plane, space)) == count, what=lambda count=count, obj=obj: (count, len(pods(plane, space)), obj))
        time.sleep(1)  # No more come.
        made = [{"apiVersion": "v1", "kind": "Pod", **pod} for pod in pods(plane, space)]
        assert len(made) == count, obj
        made_of_all += count
        for quota, measure in QUOTAS.items():
            gate.wait_used("ml", quota, float(charged[quota]), measure)
        # The same, by what was stored.
        assert not made or explained(tmp_path, made) == (count, charged), obj
        plane.kubectl("delete", obj["kind"], name, "-n", space)
        eventually(lambda: not pods(plane, space), what="the end of the Pods")
        for quota, measure in QUOTAS.items():
            gate.wait_used("ml", quota, 0, measure)
    assert made_of_all >= 15
