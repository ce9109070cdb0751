"""The chart and the overlays on a real API server: installed, upgraded, rolled back and taken away, while Pods are created."""

import base64
import copy
import json
import os
import re
import subprocess
import threading

import pytest
import yaml

from control_plane import eventually
from documented import definitions
from gate import NAMESPACE, STRICT, WEBHOOKS, Gate, configuration, create, path_secret, strict_values
from gpugate import ROOT
from kube import GPU
from manifests import pod
from manifests_of import CHART, DEPLOY, PATH_SECRET, kustomize, merged, template, with_component


def kept(plane):
    """What no upgrade, no way back and no uninstall may take or make anew: which ledger, which authority, and whom the API server trusts."""
    secret = plane.admin.get("Secret", "gpugate-ca", NAMESPACE).must()
    return plane.admin.get("GPULedger", "cluster").must()["metadata"]["uid"], secret["metadata"]["uid"], secret["data"]["ca.crt"]


def secrets(plane):
    """The same, with the path secret: which Secret it is, and what it says. An uninstall takes that one."""
    return *kept(plane), plane.admin.get("Secret", "gpugate-path", NAMESPACE).must()["metadata"]["uid"], path_secret(plane)


class Deletions:
    """Watches objects named gpugate, and says in which order they were deleted: resourceVersions of one etcd are one sequence. Meanwhile
    it creates Pods that ask for devices; `refused` has what became of those that were not taken."""

    def __init__(self, plane, *kinds):
        self.plane, self.versions, self.refused, self._over = plane, {}, [], threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(kind,), daemon=True) for kind in kinds]
        self._threads.append(threading.Thread(target=self._create, daemon=True))
        started = [threading.Event() for _ in kinds]
        self._started = dict(zip(kinds, started, strict=True))
        for thread in self._threads:
            thread.start()
        for event in started:
            assert event.wait(120)

    def _follow(self, kind):
        client = self.plane.client()
        version = client.request("GET", client.path(kind)).must()["metadata"]["resourceVersion"]
        self._started[kind].set()
        while not self._over.is_set():
            for event, obj in client.watch(kind, resourceVersion=version, timeoutSeconds="1"):
                version = obj["metadata"]["resourceVersion"]
                if event == "DELETED" and obj["metadata"]["name"] == "gpugate":
                    self.versions[kind] = int(version)  # the last deletion counts

    def _create(self):
        while not self._over.wait(0.01):
            reply = create(self.plane, {GPU: 1}, dryRun="All")
            if not reply.ok:
                self.refused.append(reply.message)

    def wait(self, *kinds):
        try:
            eventually(lambda: self.versions.keys() >= set(kinds), 30, f"the end of {kinds}, not only {self.versions}")
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(120)


def test_the_life_of_a_release(plane, network, release, tmp_path):
    plane.admin.delete("Namespace", NAMESPACE)  # of another test
    eventually(lambda: not plane.admin.get("Namespace", NAMESPACE).ok, 60, "the end of the namespace")
    said = release("install", "--create-namespace", "--set", "image.repository=registry.example/gpugate").stdout  # as the README has it
    assert plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["spec"]["template"]["spec"]["containers"][0]["image"].startswith("registry.example/gpugate:")
    assert "kubectl label namespace gpugate pod-security.kubernetes.io/enforce=restricted" in said and "refuses nothing" in said
    assert "--set podMonitor.create=true --set prometheusRule.create=true --set dashboard.create=true" in said and "Secret gpugate-ca." in said
    plane.namespace(NAMESPACE, **{"pod-security.kubernetes.io/enforce": "restricted"})

    # Nobody answers yet, and nobody is held up: that is in the registration, since no policy is read.
    assert {w["name"]: w["failurePolicy"] for w in configuration(plane, WEBHOOKS[1])} == {"quota.gpugate.io": "Ignore"}
    assert create(plane).ok and create(plane, {GPU: 1}, dryRun="All").ok
    for namespace in (NAMESPACE, "kube-system"):
        asked = plane.admin.create(pod(namespace, "probe", {GPU: 1}), dryRun="All")
        assert "webhook" not in asked.message, asked

    # It starts: the policy of a first installation refuses nothing, and says what it would.
    gate = Gate(plane, network)
    try:
        gate.wait_current()
        eventually(lambda: create(plane, {GPU: 1}, dryRun="All").ok and gate.server.log("audited", False), 20, "a Pod with a device that gpugate was asked about")
        assert gate.server.log("audited")[0]["namespace"] == "team-a"
        assert create(plane, {GPU: 1}).ok
        assert any(asked.endswith(":443") for asked in network.asked)
        first, whole = kept(plane), secrets(plane)
        assert len(whole[-1]) == 48 and base64.b64decode(first[-1]).startswith(b"-----BEGIN CERTIFICATE-----")

        # Another policy, with what it needs to be registered.
        gate.wait_available()
        release("upgrade", *strict_values(tmp_path))
        gate.take_policy()
        gate.wait_current()
        assert secrets(plane) == whole
        assert len(configuration(plane, WEBHOOKS[0])) == 1
        assert {w["name"]: w["failurePolicy"] for w in configuration(plane, WEBHOOKS[1])}["quota.gpugate.io"] == "Fail"
        taken = eventually(lambda: (lambda reply: reply.body if reply.ok else None)(create(plane, {GPU: 1})), 20, "the second of two").get("spec")
        assert {"key": "gpu", "operator": "Exists"} in taken["tolerations"], "the Rule was applied"
        refused = create(plane, {GPU: 1})
        assert refused.status == 403 and "exceeded quota: GPU quota" in refused.message, refused

        # The same values again change nothing that matters; neither does going back.
        before = [configuration(plane, kind) for kind in WEBHOOKS]
        release("upgrade", "--reset-then-reuse-values")
        assert [configuration(plane, kind) for kind in WEBHOOKS] == before and secrets(plane) == whole
        release("rollback", "1")
        gate.take_policy()
        gate.wait_current()
        assert secrets(plane) == whole
        assert create(plane, {GPU: 1}).ok

        # It goes: webhooks first, so that nobody is refused because the rest is gone.
        rest = ("Service", "Deployment", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "FlowSchema", "ServiceAccount")
        gone = Deletions(plane, *WEBHOOKS, *rest)
        release("uninstall")
        gone.wait(*WEBHOOKS, *rest)
        assert gone.refused == []
        assert max(gone.versions[kind] for kind in WEBHOOKS) < min(v for kind, v in gone.versions.items() if kind not in WEBHOOKS), gone.versions
    finally:
        gate.stop()
    eventually(lambda: create(plane, {GPU: 9}).ok, 20, "a Pod that nobody holds up")
    assert not any(plane.admin.get(kind, "gpugate").ok for kind in WEBHOOKS)
    assert kept(plane) == first
    assert not plane.admin.get("Secret", "gpugate-path", NAMESPACE).ok

    # And comes again: what was left is taken over.
    release("install")
    assert kept(plane) == first and path_secret(plane) != whole[-1]
    gate = Gate(plane, network)
    try:
        gate.wait_current()
        eventually(lambda: create(plane, {GPU: 1}).ok, 20, "a Pod with a device")
        assert kept(plane) == first
    finally:
        gate.stop()
        release("uninstall")


def test_a_policy_of_several_files_and_one_of_somebody_else(plane, release, tmp_path):
    """As docs/install.md and deploy/examples/README.md say."""
    def files():
        found = plane.admin.get("ConfigMap", "gpugate-policy", NAMESPACE)
        return set(found.must()["data"]) if found.ok else None

    def mounted():
        (volume,) = [v for v in plane.admin.get("Deployment", "gpugate", NAMESPACE).must()["spec"]["template"]["spec"]["volumes"] if v["name"] == "policy"]
        return volume["configMap"]["name"]

    plane.namespace(NAMESPACE)
    (tmp_path / "one.yaml").write_text("# nothing yet\n")
    plane.admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": NAMESPACE}, "data": {"one.yaml": yaml.safe_dump_all(STRICT)}}).must()
    reuse, extra = "--reset-then-reuse-values", ("--set-file", f"policy.files.two\\.yaml={tmp_path}/one.yaml")
    release("install", "--set", "webhooks.create=false")
    try:
        release("upgrade", reuse, *strict_values(tmp_path), *extra)
        assert files() == {"strict.yaml", "two.yaml"} and mounted() == "gpugate-policy"
        release("upgrade", reuse, "--set", "policy.files.two\\.yaml=null")
        assert files() == {"strict.yaml"}
        release("upgrade", reuse, "--set", "policy.files=null", "--set", "policy.existingConfigMap=mine")
        assert files() is None and mounted() == "mine"
        release("rollback")
        assert files() == {"strict.yaml"} and mounted() == "gpugate-policy"
    finally:
        release("uninstall")


def test_two_steps_hold_up_nobody(plane, network, release):
    """First everything but the webhooks; they come when gpugate answers."""
    plane.namespace(NAMESPACE)
    release("install", "--set", "webhooks.create=false")
    assert not any(plane.admin.get(kind, "gpugate").ok for kind in WEBHOOKS)
    gate = Gate(plane, network)
    try:
        eventually(lambda: gate.is_open() and gate.server.admin("/readyz").status == 200, 30, "readiness before it is registered")
        release("upgrade", "--set", "webhooks.create=true")
        gate.wait_current()
        eventually(lambda: create(plane, {GPU: 1}).ok, 20, "a Pod with a device")
    finally:
        gate.stop()
        release("uninstall")
    assert not any(plane.admin.get(kind, "gpugate").ok for kind in WEBHOOKS)


def test_the_order_without_the_hook_is_why_there_is_one(plane, release):
    """Helm by itself deletes kinds that it does not know last."""
    plane.namespace(NAMESPACE)
    release("install")
    gone = Deletions(plane, *WEBHOOKS, "Service")
    release("uninstall", "--no-hooks")
    gone.wait(*WEBHOOKS, "Service")
    assert gone.versions["Service"] < gone.versions["ValidatingWebhookConfiguration"], "Helm has become better: is the hook still needed?"


def test_an_existing_path_secret_is_registered_and_left_alone(plane, release):
    plane.namespace(NAMESPACE)
    plane.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": NAMESPACE},
                        "stringData": {"secret": f"{PATH_SECRET}\n"}}).must()
    try:
        release("install", "--set", "pathSecret.existingSecret=mine")
        assert configuration(plane, "ValidatingWebhookConfiguration")[0]["clientConfig"]["service"]["path"] == f"/validate/{PATH_SECRET}"
        assert not plane.admin.get("Secret", "gpugate-path", NAMESPACE).ok
    finally:
        release("uninstall", check=False)
    assert plane.admin.get("Secret", "mine", NAMESPACE).ok


# Kinds of others, whose definitions are not here.
FOREIGN = "cert-manager.io/"


@pytest.mark.parametrize("overlay", ["plain", "self-managed", "cert-manager", "edge"])
def test_the_api_server_takes_every_overlay(plane, tmp_path, overlay):
    made = [obj for obj in kustomize(tmp_path, overlay).values() if not obj["apiVersion"].startswith(FOREIGN)]
    plane.namespace(NAMESPACE)
    done = plane.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=made)
    assert len(done.stdout.splitlines()) == len(made) >= 17


@pytest.mark.parametrize("way", ["chart", "component"])
def test_the_api_server_takes_what_the_prometheus_operator_gets(plane, tmp_path, way):
    """By definitions that have the documented keys alone: a misspelt one is an error, and nothing gets lost."""
    kinds = [made for made in definitions() if made["spec"]["names"]["kind"] in ("PodMonitor", "PrometheusRule")]
    plane.kubectl("apply", "--server-side", "-f", "-", input=kinds)
    plane.kubectl("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{kind['metadata']['name']}" for kind in kinds))
    plane.namespace(NAMESPACE)
    values = {"pathSecret": {"value": PATH_SECRET}, "podMonitor": {"create": True}, "prometheusRule": {"create": True}}
    made = template(tmp_path, values) if way == "chart" else kustomize(tmp_path, "self-managed", with_component("monitoring"))
    for kind in ("PodMonitor", "PrometheusRule"):
        wanted = made[kind, "gpugate"]
        done = plane.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-", input=wanted)
        assert json.loads(done.stdout)["spec"] == wanted["spec"]
        key = next(iter(wanted["spec"]))
        worse = {**wanted, "spec": {**wanted["spec"], f"{key}s": wanted["spec"][key]}}
        done = plane.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=worse, check=False)
        assert done.returncode != 0 and f"{key}s" in done.stderr, done


def uninstall_by_hand(plane, folder):
    """The lines of docs/install.md for an installation without Helm. Each ends with status 0, though some of what they name is not there."""
    text = (ROOT / "docs" / "install.md").read_text().split("Without Helm, and where `webhooks.create` is false", 1)[1]
    lines = re.findall(r"^    (kubectl delete .*)$", text, re.M)[:2]
    assert "validatingwebhookconfiguration" in lines[0] and "-k overlays/self-managed" in lines[1]
    path = f"{plane.binaries['kubectl'].parent}:{os.environ['PATH']}"
    for line in lines:
        done = subprocess.run(["bash", "-c", line], cwd=folder, text=True, capture_output=True, check=False, timeout=300,
                              env={**os.environ, "KUBECONFIG": str(plane.kubeconfig()), "HOME": str(plane.dir), "PATH": path})
        assert done.returncode == 0, (line, done.stderr)


def test_an_overlay_works(plane, network, tmp_path):
    """Applied as a person would, next to what an uninstall of the chart has left."""
    kustomize(tmp_path, "self-managed")
    overlay = tmp_path / "kustomize" / "overlays" / "self-managed"
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", overlay)
    gate = Gate(plane, network)
    try:
        gate.wait_current(mutating=False)
        assert path_secret(plane) == PATH_SECRET
        eventually(lambda: create(plane, {GPU: 1}, dryRun="All").ok and gate.server.log("audited", False), 20, "a Pod with a device that gpugate was asked about")
        plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", overlay)
        gate.wait_current(mutating=False)
    finally:
        uninstall_by_hand(plane, tmp_path / "kustomize")
        gate.stop()
    assert not any(plane.admin.get(kind, "gpugate").ok for kind in WEBHOOKS) and not plane.admin.get("ClusterRole", "gpugate").ok
    assert create(plane, {GPU: 1}, dryRun="All").ok


def pods_of(tmp_path):
    """The Pods that the manifests make, by what makes them."""
    git = {"gitSync": {"repo": "https://git.example/p.git", "secret": "token"}}
    rendered = (CHART / "files" / "rendered" / "files.json").read_text().replace("release-namespace", NAMESPACE)
    matrix = {"default": {}, "git": {"policy": git, "webhooks": {"rendered": rendered}}, "files": {"certificates": {"mode": "cert-manager"}},
              "small": yaml.safe_load((CHART / "values-edge.yaml").read_text())}
    for name, values in matrix.items():
        made = template(tmp_path, merged({"pathSecret": {"value": PATH_SECRET}}, values))
        yield name, made["Deployment", "gpugate"]["spec"]["template"]
        yield f"{name}-lint", made["Job", "gpugate-lint"]["spec"]["template"]
    for overlay in ("plain", "self-managed", "cert-manager", "edge"):
        yield overlay, kustomize(tmp_path, overlay)["Deployment", "gpugate"]["spec"]["template"]


def test_pod_security_restricted_takes_every_pod(plane, tmp_path):
    plane.namespace("strict", **{"pod-security.kubernetes.io/enforce": "restricted"})
    plane.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gpugate", "namespace": "strict"}}).must()
    plane.kubectl("apply", "--server-side", "-f", DEPLOY / "kustomize" / "base" / "priorityclass.yaml")
    count = 0
    for name, made in pods_of(tmp_path):
        body = {"apiVersion": "v1", "kind": "Pod", "spec": made["spec"],
                "metadata": {**made["metadata"], "name": f"try-{name}", "namespace": "strict"}}
        assert plane.admin.create(body, dryRun="All").ok, (name, plane.admin.create(body, dryRun="All"))
        # What each setting is there for: without it the API server refuses.
        for of_pod, field in ((True, "seccompProfile"), (True, "runAsNonRoot"), (False, "capabilities"), (False, "allowPrivilegeEscalation")):
            worse = copy.deepcopy(body)
            del (worse["spec"] if of_pod else worse["spec"]["containers"][0])["securityContext"][field]
            refused = plane.admin.create(worse, dryRun="All")
            assert refused.status == 403 and "violates PodSecurity" in refused.message, (name, field, refused)
        count += 1
    assert count == 12
