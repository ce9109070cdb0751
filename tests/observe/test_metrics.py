"""The table of metrics in docs/operations.md and the program's own /metrics know the same names; promtool finds no fault."""

import subprocess

import pytest
import yaml

from deployed import documented
from gpugate import Server
from kube import GPU, doc, pod

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 2}])]
KINDS = {"embedded": (), "cluster": ("--ledger", "cluster"), "cluster, self-managed": ("--ledger", "cluster", "--certs", "self-managed")}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Of each kind one; what needs an API server shows its metrics before there is one that answers."""
    nowhere = tmp_path_factory.mktemp("kube") / "config"
    nowhere.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {"token": "t"}}]}))
    servers = {kind: Server(POLICY, *args, *(("--kubeconfig", nowhere) if args else ())) for kind, args in KINDS.items()}
    servers["embedded"].validate(pod({GPU: 1}))
    servers["embedded"].validate(pod({GPU: 3}))
    yield servers
    for server in servers.values():
        server.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_promtool_finds_no_fault(servers, promtool, kind):
    done = subprocess.run([promtool, "check", "metrics"], input=servers[kind].admin("/metrics").body, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and not done.stderr and not done.stdout, done


def test_the_table_names_what_is_there(servers):
    names = set().union(*(server.metrics().types for server in servers.values()))
    ours, _ = documented()
    assert names == ours, f"not in docs/operations.md: {names - ours}; only there: {ours - names}"
