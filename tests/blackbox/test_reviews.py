"""The bytes that a real kube-apiserver sent: each gets a correct answer with every policy."""

import copy
import json

import pytest

from gpugate import ROOT, Decision, applied
from kube import GPU, SHARED, doc

FILES = sorted((ROOT / "tests" / "reviews").glob("*.json"))
FLEET = [doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", mig={"offered": ["1g.10gb", "3g.40gb"]},
             sharing={"resource": SHARED, "replicas": 4})]
OPEN = FLEET + [doc("Tenant", "t", namespaces=["default"], quotas=[{"name": "all", "hard": "unlimited"}])]
STRICT = FLEET + [
    doc("Tenant", "t", namespaces=["default"], quotas=[{"name": "all", "hard": 0}]),
    doc("Rule", "share", rewrite=[{"from": GPU, "to": SHARED, "maxPerContainer": 8}], inject={"nodeSelector": {"a": "b"}}),
    doc("Guard", "g", visibleDevices="void", deny=["visibleDevicesEnv", "hostDeviceMounts", "privileged", "ephemeralContainers",
                                                   "resourceClaims", "preboundNodeName", "sharedRequestAboveOne"])]
REFUSED = {"validate-pod-bare", "validate-pod-dra", "validate-pod-of-daemonset-shared", "validate-pod-of-deployment",
           "validate-pod-of-job-init-sidecar", "validate-pod-of-statefulset-edge-hostpath"}
PATCHED = {"mutate-pod-bare", "mutate-pod-dra", "mutate-pod-ephemeralcontainers", "mutate-pod-of-daemonset-shared", "mutate-pod-of-deployment",
           "mutate-pod-of-job-init-sidecar", "mutate-pod-of-statefulset-edge-hostpath"}
WORKLOADS = {"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job"}


@pytest.fixture(scope="module")
def open_server(serve_module):
    return serve_module(OPEN)


@pytest.fixture(scope="module")
def strict_server(serve_module):
    return serve_module(STRICT)


def ask(server, file, path=None):
    review = json.loads(file.read_bytes())
    path = path or file.name.partition("-")[0]
    return Decision(server.post(f"/{path}?timeout=10s", file.read_bytes()), review, path), review["request"]


def test_they_are_there():
    assert len(FILES) >= 28


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_open(open_server, file):
    """A policy without limits admits everything unchanged. /mutate accepts reviews of the
    validating call as well."""
    for path in {"mutate", file.name.partition("-")[0]}:
        decision, request = ask(open_server, file, path)
        assert decision.allowed and not decision.patch
        if request["kind"]["kind"] in WORKLOADS:
            # /validate says something about their Pods only if these would be refused.
            assert bool(decision.warnings) == (path == "mutate")
        elif request["kind"]["kind"] == "Pod":
            assert not decision.warnings


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_strict(strict_server, file):
    """A policy that allows nothing refuses or rewrites Pods, and nothing else."""
    decision, request = ask(strict_server, file)
    assert decision.allowed == (file.stem not in REFUSED), decision
    assert bool(decision.patch) == (file.stem in PATCHED), decision
    if decision.patch:
        after = applied(request["object"], decision.patch)
        again = copy.deepcopy(request) | {"object": after}
        second = strict_server.decide("mutate", {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": again})
        assert second.patch == []
        assert after["metadata"] == request["object"]["metadata"]


def test_charges(serve):
    server = serve(OPEN)
    for name, used in (("bare", 1), ("of-deployment", 3), ("of-job-init-sidecar", 5), ("of-daemonset-shared", 6), ("dra", 6),
                       ("of-statefulset-edge-hostpath", 6)):
        decision, _ = ask(server, ROOT / "tests" / "reviews" / f"validate-pod-{name}.json")
        assert decision.allowed
        assert server.used("t", "all") == used, name


def test_the_life_of_a_real_pod(serve):
    """The Pod is created, seen running, and deleted. The review of the deletion contains the uid
    that was charged."""
    server = serve(OPEN)
    folder = ROOT / "tests" / "reviews"
    deleted = json.loads((folder / "validate-pod-delete.json").read_bytes())
    created = json.loads((folder / "validate-pod-bare.json").read_bytes())
    created["request"]["object"]["metadata"]["uid"] = deleted["request"]["oldObject"]["metadata"]["uid"]
    assert server.decide("validate", created).allowed
    assert server.used("t", "all") == 1
    ask(server, folder / "validate-pod-status.json")
    assert server.used("t", "all") == 1, "a Pending status frees nothing"
    ask(server, folder / "validate-pod-delete.json")
    assert server.used("t", "all") == 0


def test_a_mutating_review_at_validate(open_server):
    """Its Pod has no uid yet, so it cannot be charged. The registration is wrong, and the answer
    says so."""
    answer = open_server.post("/validate", (ROOT / "tests" / "reviews" / "mutate-pod-bare.json").read_bytes())
    assert answer.status == 415 and "ValidatingWebhookConfiguration" in answer.sentence()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_torn(open_server, file):
    """Every prefix of a review gets a 415 and never causes a crash."""
    data = file.read_bytes().rstrip()
    for cut in range(0, len(data) - 1, max(1, len(data) // 25)):
        assert open_server.post("/validate", data[:cut]).status == (415 if cut else 400)
