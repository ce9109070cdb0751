"""A controller of another project, installed in a control plane of the tests and running."""

import base64
import os
import re
import socket
import ssl
import urllib.request

import yaml

import controllers
import registration
from process import Process, free_port

# What the project installs beside these would need kubelets and a network of Services.
INSTALLED = ("CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


class Controller:
    """Installs the CustomResourceDefinitions, rights, and webhooks of a project as they are, and
    runs its manager by the ServiceAccount that has these rights. The only differences from an
    ordinary installation: certificates are those of the control plane, and the API server calls
    the webhooks at a port of this machine.

    name: a key of controllers.SOURCES. version: the apiVersion of the manager's configuration
    file. metrics: further keys of its `metrics`. Raises NotToBeHad."""

    def __init__(self, plane, name, version, metrics=None):
        binary, installed = controllers.paths(name)
        self.plane, self.name = plane, name
        self.webhooks, self.health, self.metrics = free_port(), free_port(), free_port()
        objects = [obj for obj in yaml.safe_load_all(installed.read_text()) if obj]
        account = next(obj["metadata"] for obj in objects if obj["kind"] == "ServiceAccount")
        kubeconfig = plane.service_account_kubeconfig(account["namespace"], account["name"])
        plane.kubectl("apply", "--server-side", "-f", "-", input=[obj for obj in objects if obj["kind"] in INSTALLED])
        definitions = [f"crd/{obj['metadata']['name']}" for obj in objects if obj["kind"] == "CustomResourceDefinition"]
        plane.kubectl("wait", "--for=condition=Established", "--timeout=120s", *definitions)
        file = plane.dir / f"{name}.yaml"
        file.write_text(yaml.safe_dump({
            "apiVersion": version, "kind": "Configuration", "leaderElection": {"leaderElect": False},
            "internalCertManagement": {"enable": False},
            "webhook": {"port": self.webhooks, "host": "127.0.0.1", "certDir": str(plane.dir)},
            "metrics": {"bindAddress": f"127.0.0.1:{self.metrics}", **(metrics or {})}, "health": {"healthProbeBindAddress": f"127.0.0.1:{self.health}"}}))
        self.process = Process(name, [binary, f"--config={file}"], plane.dir / f"{name}.log", self._ready, env={**os.environ, "KUBECONFIG": str(kubeconfig)})
        self.process.start()
        registration.register(plane.admin, [self._here(obj) for obj in objects if obj["kind"] in registration.WEBHOOKS])

    def _ready(self):
        socket.create_connection(("127.0.0.1", self.webhooks), 5).close()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=5) as answer:
            return answer.status == 200

    def _here(self, obj):
        for hook in obj["webhooks"]:
            service = hook["clientConfig"].pop("service")
            hook["clientConfig"] = {"url": f"https://127.0.0.1:{self.webhooks}{service['path']}",
                                    "caBundle": base64.b64encode(self.plane.authority.pem).decode()}
        return obj

    def reconciles(self):
        """Returns how often its controllers have looked at an object since the start."""
        # Its certificate may be one that it made for itself.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asked = urllib.request.Request(f"https://127.0.0.1:{self.metrics}/metrics", headers={"Authorization": f"Bearer {self.plane.tokens['admin']}"})
        with urllib.request.urlopen(asked, timeout=60, context=context) as answer:
            text = answer.read().decode()
        found = re.findall(r"^controller_runtime_reconcile_total\{[^}]*\} (\S+)$", text, re.M)
        assert found, text[:2000]
        return sum(map(float, found))

    def stop(self):
        self.process.stop()
