import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[1] / "blackbox"))

import itertools

import pytest

import binaries
from control_plane import ControlPlane
from in_cluster import InCluster
from suite import has_failed, pytest_configure, pytest_runtest_makereport

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(request):
    """The control plane that the tests share, with controllers and scheduler. Each test uses
    namespaces of its own in it."""
    # Off by default in 1.28.
    sidecars = [] if binaries.version() >= (1, 29) else ["--feature-gates=SidecarContainers=true"]
    plane = ControlPlane(apiserver=sidecars)
    yield plane
    plane.stop(keep=request.session.testsfailed > 0)


@pytest.fixture
def fresh_control_plane(request):
    """Makes control planes for this test only:
    fresh_control_plane(apiserver=["--request-timeout=5s"])."""
    planes = []

    def make(**options):
        planes.append(ControlPlane(**options))
        return planes[-1]

    yield make
    for plane in planes:
        plane.stop(keep=has_failed(request))


@pytest.fixture
def gpugate_in_cluster(request):
    """Starts gpugate and registers it: gpugate_in_cluster(control_plane, policy, ledger="embedded",
    replicas=1)."""
    gates = []

    def make(cluster, policy, *args, **options):
        gates.append(InCluster(cluster, policy, *args, **options))
        return gates[-1]

    yield make
    for gate in gates:
        if has_failed(request):
            gate.keep_logs(gate.cluster.dir)
        gate.stop()


@pytest.fixture
def namespaces(control_plane):
    """Makes namespaces whose names no other test uses, and empties them afterwards:
    namespaces("ml", stage="prod")."""
    made = []

    def make(name, **labels):
        made.append(control_plane.namespace(f"{name}-{next(_serial)}", **labels))
        return made[-1]

    yield make
    control_plane.clear(*made)
