import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path.extend(str(TESTS / suite) for suite in ("blackbox", "cluster"))

import itertools

import pytest

import controllers
from control_plane import ControlPlane
from in_cluster import InCluster
from kube import GPU
from projects import JobSet, KubeRay, Kueue, LeaderWorkerSet
from suite import has_failed, pytest_configure, pytest_runtest_makereport
from team import KINDS

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def plane(request):
    """One control plane for all controllers, with a node that has room for every test."""
    made = ControlPlane()
    made.node("gpu-node", {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, {GPU: 1000})
    yield made
    made.stop(keep=request.session.testsfailed > 0)


def _running(plane, project):
    try:
        made = project(plane)
    except controllers.NotToBeHad as reason:
        pytest.skip(str(reason))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def jobset(plane):
    yield from _running(plane, JobSet)


@pytest.fixture(scope="session")
def lws(plane):
    yield from _running(plane, LeaderWorkerSet)


@pytest.fixture(scope="session")
def kuberay(plane):
    yield from _running(plane, KubeRay)


@pytest.fixture(scope="module")
def kueue(plane):
    """Its webhooks are asked about the Pods of all namespaces, so it ends with its own tests."""
    yield from _running(plane, Kueue)


@pytest.fixture
def gpugate(plane, request):
    """Starts gpugate with the cluster ledger, and registers it: gpugate(policy)."""
    gates = []

    def start(policy):
        gates.append(InCluster(plane, policy, ledger="cluster"))
        return gates[-1]

    yield start
    for gate in gates:
        if has_failed(request):
            gate.keep_logs(plane.dir)
        gate.stop()


@pytest.fixture
def space(plane):
    """A namespace that no other test uses, which is emptied afterwards."""
    made = plane.namespace(f"train-{next(_serial)}")
    yield made
    for kind in KINDS:
        if plane.kubectl("get", f"crd/{kind}", check=False).returncode == 0:
            plane.kubectl("delete", kind, "--all", "-n", made, "--cascade=background")
    plane.clear(made)
