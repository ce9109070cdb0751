"""Manifests as teams write them, for `kubectl apply`. Pods never start here, so an image may have
any name."""

import copy

IMAGE = "registry.example/image:1"


def container(asks=None, name="main", **fields):
    """Returns a container that only sets limits, as is most common."""
    limits = {k: str(v) for k, v in (asks or {}).items()}
    return {"name": name, "image": IMAGE, **({"resources": {"limits": limits}} if limits else {}), **fields}


def pod_spec(asks=None, **spec):
    return {"terminationGracePeriodSeconds": 0, "containers": [container(asks)], **spec}


def pod(namespace, name, asks=None, labels=None, annotations=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(namespace, name, labels, annotations), "spec": pod_spec(asks, **spec)}


def _metadata(namespace, name, labels=None, annotations=None):
    return {"name": name, "namespace": namespace, **({"labels": labels} if labels else {}), **({"annotations": annotations} if annotations else {})}


def _template(name, spec, labels, annotations):
    return {"metadata": {"labels": {"app": name, **(labels or {})}, **({"annotations": annotations} if annotations else {})}, "spec": spec}


def _workload(version, kind, namespace, name, spec, labels, annotations, **more):
    return {"apiVersion": version, "kind": kind, "metadata": _metadata(namespace, name),
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": _template(name, spec, labels, annotations), **more}}


def deployment(namespace, name, replicas, spec, labels=None, annotations=None):
    return _workload("apps/v1", "Deployment", namespace, name, spec, labels, annotations, replicas=replicas)


def statefulset(namespace, name, replicas, spec, labels=None):
    return _workload("apps/v1", "StatefulSet", namespace, name, spec, labels, None, replicas=replicas, serviceName=name,
                     podManagementPolicy="Parallel")


def daemonset(namespace, name, spec, labels=None):
    return _workload("apps/v1", "DaemonSet", namespace, name, spec, labels, None)


def _job_spec(name, spec, labels, **more):
    return {"backoffLimit": 0, "template": _template(name, {"restartPolicy": "Never", **spec}, labels, None), **more}


def job(namespace, name, spec, labels=None, **more):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _metadata(namespace, name), "spec": _job_spec(name, spec, labels, **more)}


def cronjob(namespace, name, spec, labels=None):
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _metadata(namespace, name),
            "spec": {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": _job_spec(name, spec, labels)}}}


def limits(stored, index=0, kind="containers"):
    """Returns what a stored Pod's container requests. Its requests and limits for devices must be
    equal."""
    resources = stored["spec"][kind][index].get("resources", {})
    devices = {k: v for k, v in resources.get("limits", {}).items() if "/" in k}
    assert devices == {k: v for k, v in resources.get("requests", {}).items() if "/" in k}, resources
    return copy.deepcopy(devices)
