import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[1] / "blackbox"))

import pytest

import browser as chromium
from gpugate import BINARY, Server


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)
    reason = chromium.missing()
    if reason:
        pytest.exit(reason, chromium.NOT_TO_BE_HAD)


@pytest.fixture(scope="session")
def window():
    one = chromium.Browser()
    yield one
    one.close()


@pytest.fixture
def browser(window):
    """The browser of a user without preferences. Its console must be empty at the end of the
    test."""
    window.scheme("light")
    window.size(1200, 900)
    window.open("about:blank")
    yield window
    assert window.console() == []
    window.open("about:blank")


@pytest.fixture
def serve():
    servers = []

    def start(policy):
        servers.append(Server(policy))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
