import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path.extend(str(TESTS / suite) for suite in ("blackbox", "cluster"))

import itertools

import pytest

import binaries
import controllers
from control_plane import ControlPlane
from controller import Controller
from gpugate import BINARY
from in_cluster import InCluster
from kube import GPU

_serial = itertools.count(1)


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)
    try:
        binaries.paths()
    except binaries.NotToBeHad as reason:
        pytest.exit(str(reason), binaries.NOT_TO_BE_HAD)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed = True


@pytest.fixture(scope="session")
def plane(request):
    """One control plane for all controllers, with a node that has room for every test."""
    made = ControlPlane()
    made.node("gpu-node", {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, {GPU: 1000})
    yield made
    made.stop(keep=request.session.testsfailed > 0)


def _running(plane, *how):
    try:
        made = Controller(plane, *how)
    except controllers.NotToBeHad as reason:
        pytest.skip(str(reason))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def jobset(plane):
    yield from _running(plane, "jobset", "config.jobset.x-k8s.io/v1alpha1", {"certDir": str(plane.dir)})


@pytest.fixture(scope="session")
def lws(plane):
    yield from _running(plane, "lws", "config.lws.x-k8s.io/v1alpha1")


@pytest.fixture
def gpugate(plane, request):
    """Starts gpugate with the cluster ledger, and registers it: gpugate(policy)."""
    gates = []

    def start(policy):
        gates.append(InCluster(plane, policy, ledger="cluster"))
        return gates[-1]

    yield start
    for gate in gates:
        if getattr(request.node, "failed", False):
            gate.keep_logs(plane.dir)
        gate.stop()


@pytest.fixture
def space(plane):
    """A namespace that no other test uses, which is emptied afterwards."""
    made = plane.namespace(f"train-{next(_serial)}")
    yield made
    for kind in ("jobsets.jobset.x-k8s.io", "leaderworkersets.leaderworkerset.x-k8s.io"):
        if plane.kubectl("get", f"crd/{kind}", check=False).returncode == 0:
            plane.kubectl("delete", kind, "--all", "-n", made, "--cascade=background")
    plane.clear(made)
