"""A real Kubernetes control plane: etcd, kube-apiserver and optionally controller-manager and
scheduler, ready in seconds.

Nodes are plain objects (node()), and no kubelet runs. A test sets a Pod's phase itself
(phase()), or uses a Kubelet.
"""

import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import binaries
import history
from gpugate import eventually
from pki import Authority
from process import Process, free_port
from rest import Client

# user -> (token, groups). The token file is read once at startup. service_account() makes further
# users.
USERS = {
    "admin": ["system:masters"],
    "system:kube-controller-manager": [],
    "system:kube-scheduler": [],
    "jane": ["team-a"],
    "ben": ["team-b"],
}

# Its processes live for seconds or minutes. Collecting garbage half as often takes more memory and
# less of the processor. A limit of memory (GOMEMLIMIT) would slow down a long run.
GO = {"GOGC": "200"}

# Without kubelets, no node lease is renewed. The node controller would declare all nodes dead and
# evict their Pods.
CONTROLLERS = "*,-node-ipam-controller,-node-lifecycle-controller,-nodeipam,-nodelifecycle"


class ControlPlane:
    """A control plane.

    controllers and scheduler: whether these run. history: whether etcd keeps every version as
    JSON (see pod_history()). apiserver, etcd and controller_manager: lists of further flags,
    such as "--request-timeout=5s"; a repeated flag replaces the default one. users: maps further
    users to their groups.

    Each part is a Process: etcd, apiserver, controller_manager, scheduler. After
    apiserver.kill(), use apiserver.start().
    """

    def __init__(self, *, controllers=True, scheduler=True, history=False, apiserver=(), etcd=(), controller_manager=(), users=None, start=True):
        self.binaries = binaries.paths()
        self.version = binaries.version()
        self.dir = Path(tempfile.mkdtemp(prefix="gpugate-cluster-"))
        self.users = {**USERS, **(users or {})}
        self.tokens = {user: f"token-of-{i}" for i, user in enumerate(self.users)}
        self.etcd_port, self.port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._write_secrets()
        self.admin = self.client()
        if history:
            apiserver = ["--storage-media-type=application/json", "--etcd-compaction-interval=0", *apiserver]
        self.etcd = self._etcd(etcd)
        self.apiserver = self._apiserver(apiserver, controllers)
        self.controller_manager = self._controller_manager(controller_manager) if controllers else None
        self.scheduler = self._scheduler() if scheduler else None
        self.parts = [part for part in (self.etcd, self.apiserver, self.controller_manager, self.scheduler) if part]
        self.started_s = None
        if start:
            self.start()

    # --- How each part is run ---

    def _write_secrets(self):
        authority = self.authority = Authority("test control plane")
        self.ca, self.cert, self.key = self.dir / "ca.crt", self.dir / "tls.crt", self.dir / "tls.key"
        certificate, key = authority.issue("127.0.0.1", dns=("localhost", "kubernetes", "kubernetes.default.svc"))
        self.ca.write_bytes(authority.pem)
        self.cert.write_bytes(certificate)
        self.key.write_bytes(key)
        signer = ec.generate_private_key(ec.SECP256R1())
        (self.dir / "sa.key").write_bytes(signer.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
        (self.dir / "sa.pub").write_bytes(signer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        (self.dir / "tokens.csv").write_text("".join(
            f'{self.tokens[user]},{user},uid-of-{user},"{",".join(groups)}"\n' for user, groups in self.users.items()))

    def _process(self, name, component, args, ready):
        return Process(name, [self.binaries[component], *args], self.dir / f"{name}.log", ready, {**GO, **os.environ})

    def _etcd(self, more):
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{free_port()}"
        return self._process("etcd", "etcd", [
            "--data-dir", self.dir / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync", "--log-level", "warn", "--quota-backend-bytes", 4 << 30, *more], lambda: self._answers(self.etcd_port, "/health", tls=False))

    def _apiserver(self, more, controllers):
        without = ["TaintNodesByCondition"]  # Nothing would remove the taint.
        if not controllers:
            # It requires the `default` ServiceAccount, which a controller creates.
            without.append("ServiceAccount")
        return self._process("apiserver", "kube-apiserver", [
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            f"--tls-cert-file={self.cert}", f"--tls-private-key-file={self.key}", f"--client-ca-file={self.ca}", f"--cert-dir={self.dir}",
            "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24", f"--service-account-key-file={self.dir}/sa.pub",
            f"--service-account-signing-key-file={self.dir}/sa.key", f"--service-account-issuer={self.url}",
            f"--token-auth-file={self.dir}/tokens.csv", "--authorization-mode=RBAC", "--allow-privileged=true", "--profiling=false",
            f"--disable-admission-plugins={','.join(without)}", *more], lambda: self._answers(self.port, "/readyz"))

    def _controller_manager(self, more):
        port = free_port()
        return self._process("controller-manager", "kube-controller-manager", [
            f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}", f"--service-account-private-key-file={self.dir}/sa.key",
            f"--controllers={CONTROLLERS}", "--leader-elect=false", "--bind-address=127.0.0.1", f"--secure-port={port}",
            f"--tls-cert-file={self.cert}", f"--tls-private-key-file={self.key}", "--kube-api-qps=500", "--kube-api-burst=1000",
            "--use-service-account-credentials=true", *more], lambda: self._answers(port, "/healthz"))

    def _scheduler(self):
        port = free_port()
        configuration = self.dir / "scheduler.yaml"
        configuration.write_text(yaml.safe_dump({
            "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(self.kubeconfig("system:kube-scheduler")), "qps": 500, "burst": 1000},
            "podInitialBackoffSeconds": 1, "podMaxBackoffSeconds": 2}))
        return self._process("scheduler", "kube-scheduler", [
            f"--config={configuration}", "--bind-address=127.0.0.1", f"--secure-port={port}",
            f"--tls-cert-file={self.cert}", f"--tls-private-key-file={self.key}"], lambda: self._answers(port, "/healthz"))

    def _answers(self, port, path, tls=True):
        how = {"context": ssl.create_default_context(cafile=str(self.ca))} if tls else {}
        connection = (http.client.HTTPSConnection if tls else http.client.HTTPConnection)("127.0.0.1", port, timeout=5, **how)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except http.client.HTTPException:
            return False
        finally:
            connection.close()

    # --- Life cycle ---

    def start(self):
        begin = time.monotonic()
        try:
            for part in (self.etcd, self.apiserver):
                part.start()
            rest = [part for part in self.parts if part not in (self.etcd, self.apiserver)]
            for part in rest:
                part.start(wait=False)
            for part in rest:
                part.wait_ready()
            eventually(lambda: self.admin.get("Namespace", "default").ok, 20, "the namespace `default`")
            if self.controller_manager:
                eventually(lambda: self.admin.get("ServiceAccount", "default", "default").ok, 20, "the first ServiceAccount")
        except BaseException:
            self.stop(keep=True)
            raise
        self.started_s = time.monotonic() - begin
        return self

    def stop(self, keep=False):
        """Stops all parts. With `keep`, the logs are kept and their location is printed."""
        for part in reversed(self.parts):
            part.stop()
        self.admin.close()
        if keep:
            shutil.rmtree(self.dir / "etcd", ignore_errors=True)
            print(f"the control plane's logs are in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop(keep=kind is not None)

    # --- Clients ---

    def client(self, user="admin", token=None, port=None, timeout_s=60):
        """Returns a Client for a user, or for the owner of the token. port: of a proxy in front of
        the API server."""
        return Client("127.0.0.1", port or self.port, self.ca, token or self.tokens[user], timeout_s)

    def kubeconfig(self, user="admin", token=None, url=None, namespace="default"):
        """Returns the path of a kubeconfig. url: of a proxy in front of the API server."""
        path = self.dir / f"{user.replace(':', '-')}{'' if url is None else '-' + str(abs(hash(url)))}.kubeconfig"
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url or self.url,
                                                      "certificate-authority-data": base64.b64encode(self.authority.pem).decode()}}],
            "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": namespace}}]}))
        path.chmod(0o600)
        return path

    def service_account(self, namespace, name, seconds=24 * 3600):
        """Returns a token of a ServiceAccount, which is created if it is missing."""
        self.namespace(namespace)
        made = self.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
        assert made.ok or made.status == 409, made
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {"name": name},
                 "spec": {"expirationSeconds": seconds}}
        return self.admin.create(asked, namespace, "token", of="ServiceAccount").must()["status"]["token"]

    def service_account_kubeconfig(self, namespace, name, url=None, seconds=24 * 3600):
        return self.kubeconfig(f"{namespace}-{name}", self.service_account(namespace, name, seconds), url, namespace)

    def grant(self, subject, role, namespace=None):
        """Binds a ClusterRole to a subject such as ("User", "jane") or ("ServiceAccount",
        "gpugate", "gpugate")."""
        kind, name = subject[:2]
        who = {"kind": kind, "name": name, **({"namespace": subject[2]} if kind == "ServiceAccount" else {"apiGroup": "rbac.authorization.k8s.io"})}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
                   "metadata": {"name": f"{name}-{role}".replace(":", "-"), **({"namespace": namespace} if namespace else {})},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [who]}
        self.admin.apply(binding).must()

    def kubectl(self, *args, input=None, user="admin", check=True, seconds=120):
        """Runs kubectl. `input` is a text, or objects to be written as YAML. Returns the result:
        .stdout, .stderr, .returncode."""
        if input is not None and not isinstance(input, str):
            input = yaml.safe_dump_all(input if isinstance(input, list) else [input], sort_keys=False)
        ran = subprocess.run([self.binaries["kubectl"], *map(str, args)], input=input, text=True, capture_output=True, timeout=seconds, check=False,
                             env={**os.environ, "KUBECONFIG": str(self.kubeconfig(user)), "HOME": str(self.dir)})
        assert not check or ran.returncode == 0, f"kubectl {' '.join(map(str, args))}: {ran.stdout}{ran.stderr}"
        return ran

    # --- Objects in the cluster ---

    def namespace(self, name, **labels):
        """Creates a namespace or sets its labels. Pods can be created in it when this returns."""
        def made():
            reply = self.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
            if reply.status == 409:
                reply = self.admin.get("Namespace", name)
                if reply.status == 404 or (reply.ok and "deletionTimestamp" in reply.body["metadata"]):
                    return False
                if reply.ok and labels:
                    reply = self.admin.patch("Namespace", name, {"metadata": {"labels": labels}})
            assert reply.ok, reply
            return True

        eventually(made, 60, f"the end of the former namespace {name}")
        if self.controller_manager:
            eventually(lambda: self.admin.get("ServiceAccount", "default", name).ok, 20, f"the ServiceAccount of {name}")
        return name

    def node(self, name, labels=None, capacity=None, taints=()):
        """Creates a node that is ready and has room. `capacity` adds resources such as
        {"nvidia.com/gpu": 8}."""
        has = {"cpu": "1000", "memory": "4Ti", "pods": "10000", **{k: str(v) for k, v in (capacity or {}).items()}}
        self.admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
                           "spec": {"taints": list(taints)}}).must()
        self.admin.patch("Node", name, {"status": {"capacity": has, "allocatable": has, "conditions": [
            {"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastHeartbeatTime": "2026-01-01T00:00:00Z",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}, subresource="status").must()
        return name

    def phase(self, name, namespace, phase, client=None):
        """Sets a Pod's phase, as a kubelet would."""
        return (client or self.admin).patch("Pod", name, {"status": {"phase": phase}}, namespace, "status")

    def events(self, namespace, name=None, reason=None):
        """Returns the messages of a namespace's Events about an object, in no particular order."""
        return [event["message"] for event in self.admin.list("Event", namespace)
                if name in (None, event["involvedObject"]["name"]) and reason in (None, event["reason"])]

    def clear(self, *namespaces):
        """Deletes everything that can create Pods, and the Pods, immediately."""
        for namespace in namespaces:
            for kind in ("CronJob", "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
                self.admin.request("DELETE", Client.path(kind, namespace), {"propagationPolicy": "Background", "gracePeriodSeconds": 0}).must()

            def gone(namespace=namespace):
                self.admin.request("DELETE", Client.path("Pod", namespace), {"gracePeriodSeconds": 0}).must()
                return not any(self.admin.list(kind, namespace) for kind in ("Pod", "ReplicaSet", "Job"))

            eventually(gone, 30, f"the emptiness of {namespace}")

    def pod_history(self):
        """Returns every version of every Pod that ever existed, oldest first, as history.Change.
        Needs history=True."""
        return history.pods("127.0.0.1", self.etcd_port)

    def __repr__(self):
        return json.dumps({part.name: part.running() for part in self.parts})


