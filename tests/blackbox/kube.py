"""What a kube-apiserver sends: Pods with its defaults, and AdmissionReviews for them. They look
like tests/reviews/: a mutating call has no uid and no generated name yet, a validating call has
both."""

import copy
import itertools
import uuid

GPU = "nvidia.com/gpu"
SHARED = "nvidia.com/gpu.shared"
_serial = itertools.count(1)

DEFAULT_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for what in ("not-ready", "unreachable")]
CONTROLLER = ("system:serviceaccount:kube-system:replicaset-controller",
              ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"])
ADMIN = ("jane@example.com", ["system:authenticated"])


def container(asks=None, name="main", *, limits=None, requests=None, env=None, **fields):
    """Returns a container that has `asks` in requests and limits. `limits` and `requests` set only
    one of the two."""
    resources = {}
    if asks:
        resources = {"limits": _texts(asks), "requests": _texts(asks)}
    if limits is not None:
        resources["limits"] = limits
    if requests is not None:
        resources["requests"] = requests
    out = {"name": name, "image": "registry.example/image:1", "resources": resources,
           "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
           "imagePullPolicy": "IfNotPresent"}
    if env is not None:
        out["env"] = [{"name": k, "value": v} for k, v in env.items()] if isinstance(env, dict) else env
    out.update(fields)
    return out


def _texts(asks):
    return {k: str(v) for k, v in asks.items()}


def pod(asks=None, *, namespace="team-a", name=None, labels=None, annotations=None, containers=None, init=None,
        owner=None, **spec):
    """Returns a Pod with one container that has `asks`, or with `containers`. `init` are its
    initContainers."""
    metadata = {"namespace": namespace}
    if owner:
        metadata["generateName"] = owner + "-"
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner,
                                        "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, owner)), "controller": True,
                                        "blockOwnerDeletion": True}]
    else:
        metadata["name"] = name or f"pod-{next(_serial)}"
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    full = {"containers": containers or [container(asks)], "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "securityContext": {},
            "schedulerName": "default-scheduler", "tolerations": copy.deepcopy(DEFAULT_TOLERATIONS), "priority": 0,
            "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}
    if init:
        full["initContainers"] = init
    full.update(spec)
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": full, "status": {}}


def sidecar(asks=None, name="side", **fields):
    return container(asks, name, restartPolicy="Always", **fields)


def defaulted(obj):
    """Applies the API server's defaulting, which runs after each patch: a limit without a request
    becomes the request."""
    obj = copy.deepcopy(obj)
    for kind in ("initContainers", "containers"):
        for c in obj["spec"].get(kind) or []:
            resources = c.setdefault("resources", {})
            if resources.get("limits"):
                requests = resources.setdefault("requests", {})
                for key, value in resources["limits"].items():
                    requests.setdefault(key, value)
    return obj


def persisted(obj, uid=None):
    """Returns the object of the validating call: with uid, creation time and generated name."""
    obj = copy.deepcopy(obj)
    metadata = obj["metadata"]
    metadata.setdefault("uid", uid or str(uuid.uuid4()))
    if "name" not in metadata:
        metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
    metadata.setdefault("generation", 1)
    metadata.setdefault("creationTimestamp", "2026-11-23T21:41:19Z")
    if not obj.get("status"):
        obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    return obj


def review(obj, *, operation="CREATE", old=None, user=ADMIN, dry_run=False, subresource=None,
           kind=("", "v1", "Pod"), resource=("", "v1", "pods"), uid=None, namespace=None):
    """Returns an AdmissionReview. `obj` is None for DELETE."""
    subject = obj or old
    group_kind = dict(zip(("group", "version", "kind"), kind))
    group_resource = dict(zip(("group", "version", "resource"), resource))
    request = {"uid": uid or str(uuid.uuid4()), "kind": group_kind, "resource": group_resource,
               "requestKind": group_kind, "requestResource": group_resource}
    if subresource:
        request["subResource"] = request["requestSubResource"] = subresource
    if "name" in subject["metadata"]:
        request["name"] = subject["metadata"]["name"]
    options = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}[operation]
    request.update({"namespace": namespace or subject["metadata"].get("namespace", ""), "operation": operation,
                    "userInfo": {"username": user[0], "uid": "1", "groups": list(user[1])},
                    "object": obj, "oldObject": old, "dryRun": dry_run,
                    "options": {"kind": options, "apiVersion": "meta.k8s.io/v1"}})
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def doc(kind, name, **spec):
    """Returns a policy document. Trailing underscores are removed, so that Python keywords can be
    keys."""
    return {"apiVersion": "gpugate.io/v1", "kind": kind, "metadata": {"name": name},
            "spec": {k.rstrip("_"): v for k, v in spec.items()}}


def namespace_doc(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
