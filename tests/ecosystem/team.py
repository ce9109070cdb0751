"""The policy, the workloads, and the Pods of the team that the tests are about."""

from kube import GPU, doc
from manifests import IMAGE, pod_spec

KINDS = ["jobsets.jobset.x-k8s.io", "leaderworkersets.leaderworkerset.x-k8s.io", "rayjobs.ray.io", "rayservices.ray.io", "rayclusters.ray.io"]


def policy(space, hard, *more):
    """A quota of `hard` GPUs. more: further quotas and documents."""
    quotas = [{"name": "whole", "resources": [GPU], "hard": hard}]
    documents = [obj for obj in more if "kind" in obj]
    return [doc("Settings", "s", workloads=KINDS), *documents,
            doc("Tenant", "ml", namespaces=[space], quotas=quotas + [obj for obj in more if "kind" not in obj])]


def template(name, gpus, **spec):
    """A Pod template with one container, named after the part of the workload that it is for."""
    limits = {"resources": {"limits": {GPU: gpus}}} if gpus else {}
    return {"spec": pod_spec(**spec, containers=[{"name": name, "image": IMAGE, **limits}])}


def jobset(space, *jobs, name="w", **spec):
    """jobs: (name, GPUs of a Pod, keys of the Job's spec, keys of the replicated Job)."""
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": name, "namespace": space},
            "spec": {**spec, "replicatedJobs": [
                {"name": job, "template": {"spec": {"backoffLimit": 0, **of_job, "template": template(job, gpus, restartPolicy="Never")}}, **more}
                for job, gpus, of_job, more in jobs]}}


def leader_worker_set(space, leader, worker, of_group=None, name="w", **spec):
    """leader, worker: the GPUs of such a Pod; with leader=None, the leader is like a worker.
    of_group: further keys of the group, such as its size."""
    leaders = {} if leader is None else {"leaderTemplate": template("leader", leader)}
    return {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "metadata": {"name": name, "namespace": space},
            "spec": {**spec, "leaderWorkerTemplate": {**(of_group or {}), **leaders, "workerTemplate": template("worker", worker)}}}


def _ray(space, kind, spec, name="w"):
    return {"apiVersion": "ray.io/v1", "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def _ray_spec(head, groups, spec):
    return {"headGroupSpec": {"rayStartParams": {}, "template": template("ray-head", head)}, **spec, "workerGroupSpecs": [
        {"groupName": name, "rayStartParams": {}, "template": template("ray-worker", gpus), **more} for name, gpus, more in groups]}


def ray_cluster(space, head, *groups, **spec):
    """head: the GPUs of its Pod. groups: (name, GPUs of a worker, keys of the group)."""
    return _ray(space, "RayCluster", _ray_spec(head, groups, spec))


def ray_job(space, head, *groups, **spec):
    return _ray(space, "RayJob", {"entrypoint": "python train.py", "shutdownAfterJobFinishes": True, "rayClusterSpec": _ray_spec(head, groups, {}), **spec})


def ray_service(space, head, *groups):
    return _ray(space, "RayService", {"serveConfigV2": "applications: []", "rayClusterConfig": _ray_spec(head, groups, {})})


def pods(plane, space):
    """Returns the Pods that exist, without those that have ended."""
    return [pod for pod in plane.admin.list("Pod", space) if pod["status"].get("phase") not in ("Succeeded", "Failed")]


def play_kubelet(plane, space, phase="Running"):
    """Sets the phase of all Pods that have a node, and makes running ones ready."""
    told = {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]}
    for pod in pods(plane, space):
        if "nodeName" in pod["spec"] and pod["status"].get("phase") != phase:
            reply = plane.admin.patch("Pod", pod["metadata"]["name"], {"status": told}, space, "status")
            assert reply.ok or reply.status == 404, reply
