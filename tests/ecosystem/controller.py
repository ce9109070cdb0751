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

    A project is a class of projects.py: `name` is a key of controllers.SOURCES, and arguments()
    is how its manager is started. Raises NotToBeHad."""

    name = None
    scheme = "https"  # Of its metrics.

    def __init__(self, plane):
        binary, installed = controllers.paths(self.name)
        self.plane = plane
        self.webhooks, self.health, self.metrics = free_port(), free_port(), free_port()
        self.objects = [obj for obj in yaml.safe_load_all(installed.read_text()) if obj]
        account = next(obj["metadata"] for obj in self.objects if obj["kind"] == "ServiceAccount")
        kubeconfig = plane.service_account_kubeconfig(account["namespace"], account["name"])
        definitions = [obj for obj in self.objects if obj["kind"] == "CustomResourceDefinition"]
        for obj in definitions:
            self._convert_here(obj)
        plane.kubectl("apply", "--server-side", "-f", "-", input=[obj for obj in self.objects if obj["kind"] in INSTALLED])
        plane.kubectl("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{obj['metadata']['name']}" for obj in definitions))
        self.hooks = [self._here(obj) for obj in self.objects if obj["kind"] in registration.WEBHOOKS]
        self.process = Process(self.name, [binary, *self.arguments()], plane.dir / f"{self.name}.log", self._ready,
                               env={**os.environ, "KUBECONFIG": str(kubeconfig)})
        self.process.start()
        registration.register(plane.admin, self.hooks)

    def arguments(self):
        raise NotImplementedError

    def _ready(self):
        if self.hooks:
            socket.create_connection(("127.0.0.1", self.webhooks), 5).close()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=5) as answer:
            return answer.status == 200

    def authority(self):
        """Returns the authority of the certificate with which it serves its webhooks."""
        return self.plane.authority

    def _client(self, path):
        return {"url": f"https://127.0.0.1:{self.webhooks}{path}", "caBundle": base64.b64encode(self.authority().pem).decode()}

    def _here(self, obj):
        for hook in obj["webhooks"]:
            hook["clientConfig"] = self._client(hook["clientConfig"]["service"]["path"])
        return obj

    def _convert_here(self, obj):
        webhook = obj["spec"].get("conversion", {}).get("webhook")
        if webhook:
            webhook["clientConfig"] = self._client(webhook["clientConfig"]["service"]["path"])

    def reconciles(self):
        """Returns how often its controllers have looked at an object since the start."""
        # Its certificate may be one that it made for itself.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asked = urllib.request.Request(f"{self.scheme}://127.0.0.1:{self.metrics}/metrics", headers={"Authorization": f"Bearer {self.plane.tokens['admin']}"})
        with urllib.request.urlopen(asked, timeout=60, context=context) as answer:
            text = answer.read().decode()
        found = re.findall(r"^controller_runtime_reconcile_total\{[^}]*\} (\S+)$", text, re.M)
        assert found, text[:2000]
        return sum(map(float, found))

    def stop(self):
        for obj in self.hooks:
            self.plane.admin.delete(obj["kind"], obj["metadata"]["name"]).must()
        self.process.stop()
