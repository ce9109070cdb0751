"""What can be in the way of a create. Each side is set up for one measurement and removed after it.
"""

import base64
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/cluster"), str(ROOT / "tests/blackbox"), str(ROOT / "tests/bench")]

import installed
import registration
from control_plane import eventually
from gpugate import Server as Gate
from gpugate import authority
from servers import TICK, Server

GPU = "nvidia.com/gpu"
PLENTY = 10**9
TOLERATION = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
EDGE = 200
# Documents per file. The limit is 1 MiB.
FILE_DOCUMENTS = 1000
ACCOUNT = "gpugate"
# Custom resources whose Pods are judged when they are applied.
WORKLOADS = ["jobsets.jobset.x-k8s.io", "leaderworkersets.leaderworkerset.x-k8s.io", "pytorchjobs.kubeflow.org", "rayclusters.ray.io", "rayjobs.ray.io"]


def policy(patch=False, tenants=0, kinds=None):
    """Returns tenants that differ only in their limits, and further ones with three quotas each, a
    hundred of them below each root. A Rule makes /mutate process each Pod with a GPU, and change
    it if `patch`. kinds: what is registered: "pods" alone, "all": also claims and custom resources,
    None: also the workloads of Kubernetes."""
    def doc(kind, name, **spec):
        return {"apiVersion": "gpugate.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}

    def tenant(name, hard):
        early = {"earlyAnswer": "off"} if kinds == "pods" else {}
        return doc("Tenant", name, namespaces=[f"{name}-*"], quotas=[{"name": "whole", "resources": [GPU], "hard": hard}], **early)
    three = [{"name": "gpus", "resources": [GPU], "hard": 1000}, {"name": "compute", "measure": "gpus", "hard": 1000},
             {"name": "mem", "measure": "memory", "hard": "100Ti"}]
    more = [doc("Tenant", f"org-{i}", quotas=three[:1]) for i in range(tenants // 100)]
    more += [doc("Tenant", f"t-{i}", namespaces=[f"ns-{i}"], quotas=three, **({"parent": f"org-{i // 100}"} if i // 100 < tenants // 100 else {})) for i in range(tenants)]
    classes = {"deviceClasses": ["gpu.nvidia.com"]} if kinds == "all" else {}
    more += [doc("Settings", "all", workloads=WORKLOADS)] if kinds == "all" else []
    return [doc("Accelerator", "a100", resource=GPU, memory="80Gi", **classes), tenant("bench", PLENTY), tenant("edge", EDGE), tenant("full", 1), *more,
            doc("Rule", "tolerate", match={"requests": {GPU: {"min": 1}}, **({} if patch else {"podSelector": {"matchLabels": {"bench": "none"}}})},
                inject={"tolerations": [TOLERATION]})]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Side:
    """One side of a comparison.

    replicas: of gpugate. floor: replaces it by a server that does nothing, or only patches.
    dealt: they are behind a program that distributes connections. native: adds a ResourceQuota.
    plain: Pods without accelerators. never: the conditions are just `false`, the cheapest
    possible. tenants: the number of further ones. kinds: as for policy().
    """

    def __init__(self, name, *, replicas=0, floor=False, patch=False, dealt=False, native=False, plain=False, never=False, tenants=0, kinds=None):
        self.name, self.replicas, self.floor, self.patch, self.dealt, self.native, self.plain = name, replicas, floor, patch, dealt, native, plain
        self.never, self.tenants, self.kinds = never, tenants, kinds

    def _patch(self):
        """Returns what gpugate changes in these Pods."""
        change = [{"op": "add", "path": "/spec/tolerations/-", "value": TOLERATION}]
        return ["--patch", base64.b64encode(json.dumps(change).encode()).decode()] if self.patch else []

    @contextlib.contextmanager
    def running(self, plane, options, *args):
        """Yields the running processes, as a dict of lists of pids, and the replicas. Everything is
        in force by then."""
        self.gates = []
        pids = {}
        with contextlib.ExitStack() as stack:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gpugate-bench-")))
            (work / "ca.crt").write_bytes(authority().pem)
            ports = []
            if self.floor:
                certificate, key = authority().pair
                (work / "tls.crt").write_bytes(certificate)
                (work / "tls.key").write_bytes(key)
                server = stack.enter_context(Server([options.floor, "--listen", "127.0.0.1:0", "--tls-cert", work / "tls.crt",
                                                     "--tls-key", work / "tls.key", "--threads", options.threads, "--echo", *self._patch()], work / "floor.log"))
                ports.append(server.address.rpartition(":")[2])
                pids["floor"] = [server.process.pid]
            for i in range(self.replicas):
                gate = start_gate(plane, options, f"gpugate-{i}", *args, patch=self.patch, tenants=self.tenants, kinds=self.kinds)
                stack.callback(gate.kill)
                self.gates.append(gate)
                ports.append(gate.port)
            if self.gates:
                wait_open(self.gates)
                pids["gpugate"] = [gate.process.pid for gate in self.gates]
            if self.dealt:
                dealer = stack.enter_context(Server([options.deal, *ports], work / "deal.log"))
                ports = [dealer.address.rpartition(":")[2]]
                pids["deal"] = [dealer.process.pid]
            if ports:
                objects = installed.rendered(policy(self.patch, kinds=self.kinds), "--url", f"https://127.0.0.1:{ports[0]}", "--ca-bundle", work / "ca.crt")
                configurations = [obj for obj in objects if obj["kind"].endswith("WebhookConfiguration")]
                for entry in (entry for configuration in configurations for entry in configuration["webhooks"] if self.never):
                    entry["matchConditions"] = [{"name": "never", "expression": "false"}]
                registration.register(plane.admin, configurations)
                stack.callback(registration.unregister, plane.admin)
            yield pids


def start_gate(plane, options, replica, *args, patch=False, tenants=0, kinds=None):
    kubeconfig = plane.service_account_kubeconfig(installed.NAMESPACE, ACCOUNT)
    documents = policy(patch, tenants, kinds)
    files = {f"{at}.yaml": documents[at:at + FILE_DOCUMENTS] for at in range(0, len(documents), FILE_DOCUMENTS)}
    return Gate(files, "--ledger", "cluster", "--kubeconfig", kubeconfig, "--replica", replica, "--threads", options.threads,
                "--pending-seconds", options.pending_seconds, *args)


def wait_open(gates, seconds=90):
    for gate in gates:
        eventually(lambda gate=gate: gate.admin("/readyz").status == 200 and gate.metrics().value("gpugate_ledger_state", state="open") == 1,
                   seconds, f"an open ledger of {gate.args}")


def native_quota(plane, namespace, hard):
    """Makes a ResourceQuota that is in force, which it is not without a status."""
    plane.admin.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus", "namespace": namespace},
                        "spec": {"hard": {f"requests.{GPU}": str(hard)}}}).must()
    eventually(lambda: "used" in plane.admin.get("ResourceQuota", "gpus", namespace).must().get("status", {}), 30, "the quota's status")


def native_used(plane, namespace):
    return int(plane.admin.get("ResourceQuota", "gpus", namespace).must()["status"]["used"][f"requests.{GPU}"])


def run_load(options, plane, connections, namespace, body, *extra, status=201, **how):
    """Starts the load client as a process that creates Pods in the namespace as administrator and
    expects this status."""
    token = body.parent / "token"
    token.write_text(plane.tokens["admin"])
    token.chmod(0o600)
    command = [options.load, "--connect", f"127.0.0.1:{plane.port}", "--ca", plane.ca, "--token", token, "--status", status,
               "--path", f"/api/v1/namespaces/{namespace}/pods", "--create", body, "--connections", connections, *extra]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
