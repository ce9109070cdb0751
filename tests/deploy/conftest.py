import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path.extend(str(TESTS / suite) for suite in ("blackbox", "cluster"))

import os

import pytest

import binaries
import helm_tool
from control_plane import ControlPlane
from gate import NAMESPACE
from gpugate import BINARY
from manifests_of import CHART, helm
from node import Node
from service_network import ServiceNetwork


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)
    try:
        helm_tool.path()
        binaries.paths()
    except binaries.NotToBeHad as reason:
        pytest.exit(str(reason), binaries.NOT_TO_BE_HAD)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    made = ServiceNetwork(tmp_path_factory.mktemp("n"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def plane(request, network):
    with ControlPlane(scheduler=False, apiserver=[f"--egress-selector-config-file={network.configuration}"]) as made:
        made.namespace("team-a")
        made.node = Node(made, NAMESPACE)
        yield made
        made.node.stop()


@pytest.fixture
def release(plane):
    """Runs helm against the control plane: release("upgrade", "--set", ...). Waits only for
    hooks."""
    kubeconfig = plane.kubeconfig()

    def do(verb, *args, check=True):
        chart = (CHART,) if verb in ("install", "upgrade") else ()
        return helm(verb, "gpugate", *chart, "--namespace", NAMESPACE, *args, check=check,
                    env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(plane.dir)})

    return do
