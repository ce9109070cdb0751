"""What docs/security.md claims about secrets and about authors of policies.

test_bypass.py covers what tenants may try, and test_serve.py malicious clients.
tests/cluster/test_security.py asks a real API server who may do what.
"""

import http.client
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpugate import ROOT, SANITIZED, eventually, run, write_policy
from kube import GPU, container, doc, persisted, pod, review

SECRET = "s3cret-Path_of.many~signs"
VALUE = "hunter2-of-a-variable"
POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 1}]),
          doc("Guard", "g", deny=["visibleDevicesEnv", "privileged"])]


def test_nothing_secret_is_shown(serve):
    """The path secret, keys, values of variables and bodies of Pods are not in the log, the pages,
    the command line or an answer."""
    server = serve(POLICY, secret=SECRET)
    key = server.key.read_text().splitlines()[1]
    env = [{"name": "NVIDIA_VISIBLE_DEVICES", "value": VALUE}, {"name": "TOKEN", "value": VALUE}]
    refused = server.validate(pod({GPU: 1}, containers=[container({GPU: 1}, env=env, args=[VALUE])], annotations={"note": VALUE}))
    assert not refused.allowed and "NVIDIA_VISIBLE_DEVICES" in refused.message and VALUE not in str(refused)
    assert not server.validate(pod({GPU: 2}, annotations={"note": VALUE})).allowed
    assert server.post(f"/validate/{SECRET}", b'{"apiVersion": "' + VALUE.encode()).status == 415
    server.post("/validate/guess", b"{}")
    # Installs a certificate that is rejected, and then a valid one.
    server.write_pair((b"", b""))
    server.wait_log("certificate_rejected")
    shown = [server.stderr(), Path(f"/proc/{server.process.pid}/cmdline").read_text()]
    shown += [server.admin(path).text for path in ("/metrics", "/healthz", "/readyz", "/nowhere", "/status", "/status.json")]
    for text in shown:
        assert SECRET not in text and VALUE not in text and "PRIVATE KEY" not in text and key not in text
    assert '"denied"' in shown[0] and "gpugate_denials_total{" in shown[2]
    assert len(key) > 40 and refused.message in [refusal["message"] for refusal in json.loads(shown[-1])["refusals"]]


def test_metrics_name_what_the_policy_names_and_nothing_else(serve):
    """A reader of /metrics learns tenants, quotas, numbers, and how much namespaces hold, but no
    user, no Pod and none of its content."""
    server = serve(POLICY, secret=SECRET)
    server.validate(pod({GPU: 2}, name="chosen-by-a-tenant", labels={"chosen": "chosen"}, annotations={"chosen": "chosen"}))
    server.validate(pod({"nvidia.com/mig-chosen": 1}))
    server.validate(pod({GPU: 1}, namespace="chosen"))
    assert server.validate(pod({GPU: 1}, name="chosen", annotations={"chosen": "chosen"})).allowed
    text = server.admin("/metrics").text
    assert 'tenant="team-a"' in text and 'namespace="team-a"' in text and "chosen" not in text and "jane" not in text


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory its own way")
def test_long_reviews_keep_no_memory(serve):
    """A tenant's longest Pods, many at the same time, use what the limits allow while they are
    decided, and leave nothing behind."""
    server = serve(POLICY)
    # 3 MiB, which the API server accepts.
    obj = persisted(pod({GPU: 2}, tolerations=[{"operator": "Exists"}] * 140_000))
    body = json.dumps(review(obj), separators=(",", ":")).encode()

    def resident_mib(which):
        return int(re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())[1]) >> 10

    def ask(_):
        connection = server.connect(timeout=120)
        try:
            connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0  # The machine is too slow: the body did not arrive in time.
        finally:
            connection.close()

    with ThreadPoolExecutor(24) as clients:
        assert set(clients.map(ask, range(24))) <= {200, 503, 0}
    assert resident_mib("VmHWM") > 40, "they were long"
    eventually(lambda: resident_mib("VmRSS") < 100, 10, "the return of the memory")


@pytest.mark.parametrize("target", ["secret", "../secret", "/proc/self/environ", "/etc", ".."])
def test_a_policy_cannot_have_other_files_quoted(tmp_path, target):
    """A symbolic link in a policy's repository that leads out of it, to a mounted Secret or into
    the machine that lints a pull request."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    policy = write_policy(tmp_path / "policy", POLICY)
    (policy / "link.yaml").symlink_to(tmp_path / "secret" if target == "secret" else target)
    done = run("lint", policy, env={"TOKEN": SECRET})
    assert done.returncode == 1 and "leads out of the folder" in done.stdout and "link.yaml" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_links_within_a_policy_are_followed(tmp_path):
    policy = write_policy(tmp_path / "checkout", {"common/all.yaml": POLICY, "README": "x"})
    (policy / "team").symlink_to("common")
    (policy / "other.yaml").symlink_to("common/all.yaml")
    (policy / "notes.txt").symlink_to("/etc/hostname")  # It is not policy, so it is not read.
    (tmp_path / "current").symlink_to("checkout")
    done = run("lint", tmp_path / "current")
    assert done.returncode == 0, done.stdout


def test_a_running_server_reads_no_link_out_of_its_policy(serve):
    server = serve(POLICY, secret=SECRET)
    (server.policy / "link.yaml").symlink_to(server.dir / "secret")
    line = server.wait_log("policy_rejected")[0]
    assert "leads out of the folder" in str(line) and SECRET not in server.stderr()
    assert server.validate(pod({GPU: 1})).allowed, "the last good policy decides"
    (server.policy / "link.yaml").unlink()
    eventually(lambda: server.metrics().value("gpugate_policy_rejected") == 0)


def test_no_renegotiation(serve):
    """TLS 1.2 lets a client start another handshake within a connection, at the server's cost. Here
    that ends the connection."""
    server = serve(POLICY)
    client = subprocess.Popen(["openssl", "s_client", "-connect", f"{server.host}:{server.port}", "-tls1_2", "-CAfile", server.ca],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = ""
    # Wait for the connection, because until then openssl ignores the R.
    while "Verify return code" not in said:
        said += client.stdout.readline()
    try:
        client.stdin.write("R\n")
        client.stdin.flush()
        client.wait(120)  # The server has closed the connection.
        assert "RENEGOTIATING" in client.stdout.read()
    finally:
        client.kill()
        client.communicate()
    assert server.validate(pod()).allowed


SUITES = "blackbox|browser|cluster|deploy|fuzz|observe|package|unit"
DEFINED = r"^\s*(?:def|class|static void) {}\b"


@pytest.mark.parametrize("document, prefix, least", [
    ("security.md", "(?:tests/)?", 60), ("invariants.md", "tests/", 40), ("ledger.md", "tests/", 2), ("decisions.md", "tests/", 3)])
def test_the_documents_name_tests_that_exist(document, prefix, least):
    """They name for each claim the test that shows it: `folder/file`, followed by the names of
    functions in it."""
    said = re.sub(r"\s+", " ", (ROOT / "docs" / document).read_text())
    named = re.findall(rf"`{prefix}((?:{SUITES})/[\w./]+)`((?:[ ,(]*`\w+`)*)", said)
    assert len(named) >= least, len(named)
    for file, names in named:
        text = (ROOT / "tests" / file).read_text()
        for name in re.findall(r"\w+", names):
            assert re.search(DEFINED.format(name), text, re.MULTILINE), f"{file} has no {name}"
    for path in re.findall(r"`(tests/[\w./]+)`", said):
        assert (ROOT / path).exists(), path
    files = [path for suite in SUITES.split("|") for path in (ROOT / "tests" / suite).rglob("*") if path.suffix in (".py", ".c")]
    there = {path.stem for path in files}.union(*(re.findall(DEFINED.format(r"(\w+)"), path.read_text(), re.MULTILINE) for path in files))
    assert set(re.findall(r"`(test_\w+)`", said)) <= there
