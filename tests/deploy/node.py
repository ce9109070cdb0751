"""Does what a node does with the chart's Pods, on a control plane without nodes. A Pod whose image
is available runs; any other keeps waiting for its image. The Job that checks the policy really runs
the binary, with the files of its volume. Replicas are ready while `ready` is true."""

import datetime
import http.client
import json
import tempfile
import threading

from gpugate import run, write_policy

POLICY = "/etc/gpugate/policy"


class Node:
    """Runs in a thread until stop(). images: those that can be pulled; the chart asks for
    "gpugate:0.2.0". linted: the output of each check."""

    def __init__(self, plane, namespace):
        self.client, self.namespace = plane.client(timeout_s=30), namespace
        self.images, self.ready, self.linted = {"gpugate:0.2.0", "registry.example/gpugate:0.2.0"}, False, []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node", daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.wait(0.1):
            try:
                for pod in self.client.list("Pod", self.namespace):
                    self._look(pod)
            except (OSError, http.client.HTTPException, AssertionError, json.JSONDecodeError):
                # The API server or the Pod is gone, or the namespace does not exist yet.
                continue
        self.client.close()

    def _look(self, pod):
        container = pod["spec"]["containers"][0]
        if pod["status"].get("phase") in ("Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]:
            return
        if container["image"] not in self.images:
            self._tell(pod, "Pending", {"waiting": {"reason": "ErrImagePull", "message": f"{container['image']}: not found"}}, False)
        elif container["name"] == "lint":
            self._lint(pod, container)
        elif self._is_ready(pod) != self.ready:
            self._tell(pod, "Running", {"running": {}}, self.ready)

    @staticmethod
    def _is_ready(pod):
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"].get("conditions", ()))

    def _lint(self, pod, container):
        (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "policy"]
        assert container["command"] == ["/usr/bin/gpugate", "lint"] and container["args"] == [POLICY], "what else is there to run?"
        files = self.client.get("ConfigMap", volume["configMap"]["name"], self.namespace)
        if not files.ok:
            return  # a kubelet would wait for it
        with tempfile.TemporaryDirectory(prefix="gpugate-") as folder:
            done = run("lint", write_policy(folder, files.body["data"]))
        self.linted.append(done.stdout + done.stderr)
        code = done.returncode
        self._tell(pod, "Failed" if code else "Succeeded", {"terminated": {"exitCode": code, "message": self.linted[-1][-2000:]}}, False)

    def _tell(self, pod, phase, state, ready):
        container = pod["spec"]["containers"][0]
        long_ago = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": long_ago}],
                  "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "restartCount": 0,
                                         "state": state}]}
        self.client.patch("Pod", pod["metadata"]["name"], {"status": status}, self.namespace, "status")

    def stop(self):
        self._over.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the node hangs"
