"""Puts Pods directly into etcd and removes them, bypassing the API server: 100,000 of them in a
minute."""

import base64
import http.client
import json
import uuid

# Per transaction. etcd's limits are 128 and 1.5 MB.
PUTS = 100


def _text(value):
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


class Store:
    """The etcd at a port of this machine."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def ask(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content[:1000]
        return json.loads(content)

    def remove_pods(self, namespace):
        """Removes all Pods of a namespace. Watchers see ordinary deletions. Returns how many there
        were."""
        prefix = f"/registry/pods/{namespace}"
        return int(self.ask("/v3/kv/deleterange", {"key": _text(prefix + "/"), "range_end": _text(prefix + "0")}).get("deleted", 0))

    def count_quotas(self):
        prefix = "/registry/gpugate.io/gpuquotas"
        return int(self.ask("/v3/kv/range", {"key": _text(prefix + "/"), "range_end": _text(prefix + "0"), "count_only": True}).get("count", 0))

    def put_pods(self, namespace, count, each_bytes, gpu_share):
        """Puts Pods of about `each_bytes` of JSON, of which the given share requests a GPU. Returns
        the bytes of one."""
        texts = {False: _template(namespace, False, each_bytes), True: _template(namespace, True, each_bytes)}
        every = round(1 / gpu_share)
        for begin in range(0, count, PUTS):
            puts = []
            for i in range(begin, min(begin + PUTS, count)):
                name = f"pod-{i:08d}"
                text = texts[i % every == 0].replace("NAME-OF-POD", name).replace("UID-OF-POD", str(uuid.UUID(int=i + (4 << 76))))
                puts.append({"requestPut": {"key": _text(f"/registry/pods/{namespace}/{name}"), "value": _text(text)}})
            self.ask("/v3/kv/txn", {"success": puts})
        return len(texts[False])


def _template(namespace, gpu, each_bytes):
    """Returns a Pod as the API server stores one that a ReplicaSet made: labels, environment,
    volumes, managedFields."""
    def container(name, asks):
        return {"name": name, "image": "registry.example/team/service:1.2.3", "imagePullPolicy": "IfNotPresent",
                "env": [{"name": f"SETTING_{i}", "value": f"value-of-setting-{i}"} for i in range(12)],
                "resources": {"limits": asks, "requests": asks}, "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    time = "2026-01-01T00:00:00Z"
    asks = {"cpu": "2", "memory": "4Gi", **({"nvidia.com/gpu": "1"} if gpu else {})}
    managed = []
    pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {
        "name": "NAME-OF-POD", "generateName": "service-6d4cf56db6-", "namespace": namespace, "uid": "UID-OF-POD", "creationTimestamp": time,
        "labels": {"app": "service", "pod-template-hash": "6d4cf56db6"}, "managedFields": managed,
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "service-6d4cf56db6", "controller": True,
                             "blockOwnerDeletion": True, "uid": "00000000-0000-4000-8000-000000000001"}]},
        "spec": {"containers": [container("main", asks), container("sidecar", {"cpu": "1", "memory": "1Gi"})],
                 "volumes": [{"name": "data", "emptyDir": {}}], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
                 "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": {}, "enableServiceLinks": True},
        "status": {"phase": "Running", "qosClass": "Guaranteed", "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": time}
            for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")]}}
    while len(text := json.dumps(pod, separators=(",", ":"))) < each_bytes:
        number = len(managed)
        managed.append({"manager": f"manager-{number}", "operation": "Update", "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:metadata": {"f:labels": {f"f:label-{number}-{i}": {} for i in range(20)}}}})
    return text
