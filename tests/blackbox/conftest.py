import sys

sys.dont_write_bytecode = True

import pytest
from hypothesis import HealthCheck, settings

from gpugate import BINARY, Server, scaled

settings.register_profile("gpugate", deadline=None, database=None, print_blob=True,
                          max_examples=scaled(40, 6),
                          suppress_health_check=list(HealthCheck))
settings.load_profile("gpugate")


def pytest_configure(config):
    if not BINARY.exists():
        pytest.exit(f"there is no {BINARY}; build it first with `make`", 2)


class _Servers:
    def __init__(self):
        self.running = []

    def __call__(self, policy, *args, **kwargs):
        server = Server(policy, *args, **kwargs)
        self.running.append(server)
        return server

    def stop(self):
        problems = []
        for server in reversed(self.running):
            try:
                server.stop()
            except AssertionError as problem:
                problems.append(str(problem))
        assert not problems, "\n".join(problems)


@pytest.fixture
def serve():
    """Starts servers. At the end of the test, each must stop cleanly."""
    servers = _Servers()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def serve_module():
    servers = _Servers()
    yield servers
    servers.stop()
