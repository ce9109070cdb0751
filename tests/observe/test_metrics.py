"""The reference page of the metrics, the series in the examples of the alerts, and /metrics have
the same names, labels and label values. promtool finds no problem."""

import subprocess

import pytest
import yaml

from deployed import documented, documented_labels
from gpugate import Server
from kube import GPU, container, doc, pod
from series import WITH_AN_API_SERVER, of_examples, shown, wrong_labels

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": 2}]),
          doc("Guard", "g", deny=["privileged"])]
# POLICY neither warns nor audits.
WITHOUT_SAMPLES = {"gpugate_warnings_total", "gpugate_audits_total"}
KINDS = {"embedded": (), "cluster": ("--ledger", "cluster"), "cluster, self-managed": ("--ledger", "cluster", "--certs", "self-managed")}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """One server of each kind. What needs an API server shows its metrics even before one
    answers."""
    nowhere = tmp_path_factory.mktemp("kube") / "config"
    nowhere.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {"token": "t"}}]}))
    servers = {kind: Server(POLICY, *args, *(("--kubeconfig", nowhere) if args else ())) for kind, args in KINDS.items()}
    servers["recording"] = Server(POLICY, "--record", tmp_path_factory.mktemp("recording"))
    for server in servers.values():
        server.at_rest = server.metrics()
    servers["embedded"].admit(pod({GPU: 1}))
    servers["embedded"].validate(pod({GPU: 3}))
    servers["embedded"].validate(pod(containers=[container(securityContext={"privileged": True})]))
    yield servers
    for server in servers.values():
        server.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_promtool_finds_no_fault(servers, promtool, kind):
    done = subprocess.run([promtool, "check", "metrics"], input=servers[kind].admin("/metrics").body, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and not done.stderr and not done.stdout, done


def test_the_page_names_what_is_there(servers):
    names = set().union(*(server.metrics().types for server in servers.values()))
    ours, _ = documented()
    assert names == ours, f"not in docs/reference/metrics.md: {names - ours}; only there: {ours - names}"


def test_the_alerts_examples_are_of_series_that_are_shown(servers):
    """No example has a label, a label value or a metric that no server shows."""
    known = shown(*(server.metrics() for server in servers.values()))
    found = list(of_examples())
    assert len(found) > 80
    strange = {one[:3] for one in found if one[0] not in WITH_AN_API_SERVER} - known
    assert not strange, strange


def test_a_counter_that_begins_with_its_first_count_does_so_in_the_examples(servers):
    """An alert on the rate of a counter misses the first count of a series that did not exist
    before."""
    rest = shown(*(server.at_rest for server in servers.values()))
    found = [one for one in of_examples() if one[0].endswith("_total") and one[3] == "0" and one[:3] not in rest]
    assert not found, f"not shown before its first count, so its values have to begin with _: {found}"


def test_the_page_has_the_labels_that_are_there(servers):
    assert sum(len(labels) > 0 for labels in documented_labels().values()) > 15
    assert not wrong_labels(shown(*(server.metrics() for server in servers.values())), lambda name: name not in WITH_AN_API_SERVER | WITHOUT_SAMPLES)
