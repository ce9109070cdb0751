"""A stand-in for the kubelets of a control plane without any: bound Pods start to run, and deleted
Pods end.

It only does what matters to quotas: phase Running soon after the binding, and removal of the
object soon after its deletion was requested.
"""

import http.client
import json
import threading


class Kubelet:
    """Runs in a thread for all nodes, until stop(). Continues after restarts of the API server.
    `started` and `ended` count Pods."""

    def __init__(self, cluster):
        self.client = cluster.client(timeout_s=30)
        self.started = self.ended = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            try:
                self._follow()
            except (OSError, http.client.HTTPException, AssertionError, json.JSONDecodeError):
                self._stopping.wait(0.2)  # There is no API server at the moment.
        self.client.close()

    def _follow(self):
        listed = self.client.request("GET", self.client.path("Pod")).must()
        for pod in listed["items"]:
            self._look(pod)
        for kind, pod in self.client.watch("Pod", resourceVersion=listed["metadata"]["resourceVersion"], timeoutSeconds=2):
            if kind == "ERROR":
                return
            if kind != "DELETED":
                self._look(pod)
            if self._stopping.is_set():
                return

    def _look(self, pod):
        metadata = pod["metadata"]
        if "nodeName" not in pod["spec"]:
            return
        if "deletionTimestamp" in metadata:
            gone = self.client.delete("Pod", metadata["name"], metadata["namespace"], grace_s=0)
            self.ended += gone.ok
        elif pod["status"].get("phase") == "Pending":
            told = self.client.patch("Pod", metadata["name"], {"status": {"phase": "Running"}}, metadata["namespace"], "status")
            self.started += told.ok

    def stop(self):
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the kubelet hangs"
