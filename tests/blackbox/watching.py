"""Fixtures for a replica that watches an unreliable API server with the namespace `team-a`. Its
policy is the POLICY of the test's module, unless the test gives another."""

import pytest

from gpugate import Server, eventually
from unreliable_api_server import UnreliableApiServer


@pytest.fixture
def api():
    server = UnreliableApiServer()
    server.put("namespaces", {"metadata": {"name": "team-a"}})
    yield server
    server.close()


@pytest.fixture
def serve(api, tmp_path, request):
    started = []

    def start(*args, policy=None):
        server = Server(policy or request.module.POLICY, "--ledger", "cluster", "--kubeconfig", api.kubeconfig(tmp_path),
                        "--settle-seconds", "1", "--replica", "r", *args)
        started.append(server)
        eventually(lambda: server.metrics().value("gpugate_ledger_state", state="open"), what="an open ledger")
        return server

    yield start
    for server in started:
        server.stop()
