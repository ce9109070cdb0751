"""gpugate as an installed release runs it, and helpers for the tests of installations."""

import base64
import itertools

import yaml

from control_plane import eventually
from gpugate import Server, run
from kube import GPU, doc
from manifests import pod

NAMESPACE = "gpugate"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_serial = itertools.count(1)


def create(plane, asks=None, **query):
    """Creates a Pod in the namespace of a team."""
    return plane.admin.create(pod("team-a", f"p{next(_serial)}", asks, schedulerName="nobody"), **query)


class Gate:
    """gpugate as the installed Deployment runs it: with its command, arguments, policy, path secret
    and ServiceAccount. Directories and ports are those of this machine, and two waits are
    shorter."""

    def __init__(self, plane, network):
        self.plane, self.network = plane, network
        container = plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["spec"]["template"]["spec"]["containers"][0]
        assert container["command"] == ["/usr/bin/gpugate", "serve"]
        self.server = Server(self._policy(), secret=path_secret(plane), start=False)
        here = {"--policy=/etc/gpugate/policy": f"--policy={self.server.policy}", "--listen=:8443": "--listen=127.0.0.1:0",
                "--admin=:8080": "--admin=127.0.0.1:0", "--path-secret=/etc/gpugate/path/secret": f"--path-secret={self.server.dir}/secret",
                "--drain-seconds=15": "--drain-seconds=0"}
        assert here.keys() <= set(container["args"])
        self.server.args = ["serve", *(here.get(arg, arg) for arg in container["args"]), "--settle-seconds=2", "--trust-seconds=2",
                            f"--kubeconfig={plane.service_account_kubeconfig(NAMESPACE, 'gpugate')}"]
        self.server.start()
        plane.node.ready = True
        self.probes = [container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("readiness", "liveness")]
        network.port = self.server.port

    def _policy(self):
        return dict(self.plane.admin.get("ConfigMap", "gpugate-policy", NAMESPACE).must()["data"])

    def take_policy(self):
        """Does what the kubelet does after the ConfigMap has changed."""
        self.server.reload(self._policy())

    def wait_current(self, mutating=True):
        """Waits until the registration is what the policy in force requires and each webhook has a
        CA bundle. mutating: whether to expect mutating webhooks."""
        wanted = {("stale", "mutating"): 0, ("stale", "validating"): 0, ("installed", "mutating"): mutating, ("installed", "validating"): 1}
        eventually(lambda: all(self.server.metrics().value(f"gpugate_registration_{what}", configuration=kind) == value
                               for (what, kind), value in wanted.items()), 30, "a registration that is current")
        kinds = WEBHOOKS if mutating else WEBHOOKS[1:]
        eventually(lambda: all(w["clientConfig"].get("caBundle") for kind in kinds for w in configuration(self.plane, kind)), 30, "bundles")
        eventually(lambda: all(self.server.admin(path).status == 200 for path in self.probes) and self.is_open(), 30, "an open ledger")

    def wait_available(self):
        """Waits until the Deployment reports available replicas, which Fail requires."""
        eventually(lambda: self.plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["status"].get("availableReplicas"), 60, "an available replica")

    def is_open(self):
        return self.server.metrics().value("gpugate_ledger_state", state="open") == 1

    def stop(self):
        self.plane.node.ready = False
        self.network.port = None
        self.server.stop()


def configuration(plane, kind):
    return plane.admin.get(kind, "gpugate").must().get("webhooks", [])


def path_secret(plane):
    return base64.b64decode(plane.admin.get("Secret", "gpugate-path", NAMESPACE).must()["data"]["secret"]).decode()


STRICT = [doc("Settings", "s", enforcement="deny", onOutage="deny", exempt={"namespaces": ["kube-system"]}),
          doc("Accelerator", "a100", resource=GPU, memory="80Gi"),
          doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "hard": 2}]),
          doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"tolerations": [{"key": "gpu", "operator": "Exists"}]})]


def strict_values(folder):
    """Options for helm: a policy that denies, and its registration."""
    text = yaml.safe_dump_all(STRICT)
    (folder / "policy").mkdir(exist_ok=True)
    (folder / "policy" / "strict.yaml").write_text(text)
    (folder / "webhooks.json").write_text(run("render", "--policy", folder / "policy", "--ledger", "cluster", "-o", "json").stdout)
    return "--set-file", f"policy.files.strict\\.yaml={folder}/policy/strict.yaml", "--set-file", f"webhooks.rendered={folder}/webhooks.json"
