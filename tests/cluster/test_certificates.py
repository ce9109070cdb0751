"""Self-managed certificates with a real API server: rotations under load, manifests of other tools,
and changes of the authority's Secret. Only the lifetimes differ: they are seconds here."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import stat
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from creators import Creators, Service
from gpugate import DEADLINE_S, eventually
from kube import GPU, doc
from manifests import pod

TRUST_S, LEAF_S, CA_S = 2, 8, 24
LIFETIMES = ("--trust-seconds", TRUST_S, "--leaf-seconds", LEAF_S, "--ca-seconds", CA_S)
LONG = ("--trust-seconds", 2, "--leaf-seconds", 600, "--ca-seconds", 6000)
CONFIGURATIONS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def policy(space):
    return [doc("Tenant", "team", namespaces=[space], quotas=[{"name": "gpus", "resources": [GPU], "hard": 1000}]),
            doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"nodeSelector": {"gpu": "yes"}}),
            doc("Guard", "g", deny=["privileged"])]


@pytest.fixture
def own(fresh_control_plane, gpugate_in_cluster):
    """A control plane for this test only, with a gpugate that makes its certificates: own(*args,
    replicas=1). Pods are for `ml`."""
    def make(*args, **options):
        cluster = fresh_control_plane(controllers=False, scheduler=False)
        cluster.namespace("ml")
        return cluster, gpugate_in_cluster(cluster, policy("ml"), "--certs", "self-managed", *args, ledger="cluster", **options)
    return make


@pytest.fixture
def shared(control_plane, gpugate_in_cluster, namespaces):
    """The same on the shared control plane, with one replica, the embedded ledger, and a namespace
    for Pods."""
    def make(*args, **options):
        space = namespaces("certs")
        # That of another test.
        gone = control_plane.admin.delete("Secret", "gpugate-ca", "gpugate")
        assert gone.ok or gone.status == 404, gone
        return control_plane, gpugate_in_cluster(control_plane, policy(space), "--certs", "self-managed", *args, **options), space
    return make


def placed(made):
    """Whether /mutate was called. It is registered to be ignored on failure."""
    return made["spec"].get("nodeSelector") == {"gpu": "yes"}


def configurations(cluster):
    return [cluster.admin.get(kind, "gpugate").must() for kind in CONFIGURATIONS]


def bundles(cluster):
    """Returns the caBundle of every entry of both configurations as text, or "" if it is missing.
    """
    return [base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()
            for configuration in configurations(cluster) for webhook in configuration["webhooks"]]


def certificates(text):
    return re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def trusted(cluster):
    """Returns the authorities that every entry trusts."""
    return set.intersection(*(set(certificates(text)) for text in bundles(cluster)))


def secret(cluster):
    return cluster.admin.get("Secret", "gpugate-ca", "gpugate")


def authorities(cluster):
    return base64.b64decode(secret(cluster).must()["data"]["authorities"]).decode()


def shown(server):
    """Returns the certificate that a replica serves, in PEM, whatever its issuer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with server.tls(context) as sock:
        return ssl.DER_cert_to_PEM_cert(sock.getpeercert(binary_form=True))


def total(gate, name, **labels):
    return sum(server.metrics().value(name, **labels) for server in gate.servers)


def written(gate, *reasons):
    """Returns how many bundles were written for these reasons."""
    return sum(total(gate, "gpugate_certificate_bundles_written_total", reason=reason) for reason in reasons)


def keys_of(cluster):
    """Returns the lines of the keys that the Secret contains now."""
    blocks = re.findall(r"-----BEGIN PRIVATE KEY-----\n(.*?)-----END", authorities(cluster), re.DOTALL)
    return {line for block in blocks for line in block.split()}


def check_no_key_is_told(cluster, gate, keys):
    """Keys, and anything that contains them, are not in logs, metrics, Events or the
    configurations."""
    said = [json.dumps([cluster.admin.list("Event", "gpugate"), configurations(cluster)])]
    for server in gate.servers:
        said += [server.stderr(), server.admin("/metrics").text, server.admin("/readyz").text]
    assert len(keys) >= 2
    for text in said:
        assert "PRIVATE" not in text and base64.b64encode(b"-----BEGIN PRIV").decode()[:18] not in text
        for line in keys:
            assert line not in text and base64.b64encode(line.encode()).decode()[4:32] not in text, "a key"


class Shaker:
    """Makes TLS handshakes with every replica without a pause. It uses the current configuration,
    and the one of almost --trust-seconds ago, as an API server might."""

    def __init__(self, cluster, gate):
        self.cluster, self.gate, self.failures, self.handshakes, self.keys = cluster, gate, [], 0, set()
        self._said, self._stopping = [], threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        client = self.cluster.client()
        while not self._stopping.wait(0.05):
            said = client.get(CONFIGURATIONS[1], "gpugate").must()["webhooks"][0]["clientConfig"].get("caBundle")
            now = time.monotonic()
            self._said = [entry for entry in self._said if entry[0] > now - (TRUST_S - 0.5)] + [(now, base64.b64decode(said).decode())]
            self.keys |= keys_of(self.cluster)
            for server in list(self.gate.servers):
                for at, bundle in (self._said[0], self._said[-1]):
                    self._shake(server, at, bundle)
        client.close()

    def _shake(self, server, said_at, bundle):
        process = server.process
        try:
            if not Service.ready(server):
                return
            with server.tls(ssl.create_default_context(cadata=bundle)):
                self.handshakes += 1
        except ssl.SSLCertVerificationError as error:
            # Otherwise this machine was busy, and the bundle is older than promised.
            if time.monotonic() - said_at < TRUST_S:
                self.failures.append(f"{error}")
        except (OSError, http.client.HTTPException) as error:
            if server.process is process and process.poll() is None and Service.ready(server):
                self.failures.append(f"{error}")  # Otherwise it was asked to stop.

    def stop(self):
        self._stopping.set()
        self._thread.join(30)


def wait_rotations(gate, count, seconds=90):
    """Waits for `count` more rotations of the authority."""
    before = total(gate, "gpugate_certificate_rotations_total")
    eventually(lambda: total(gate, "gpugate_certificate_rotations_total") >= before + count, seconds, f"{count} rotations")


def test_no_create_fails_while_everything_rotates(own):
    """Authorities and certificates are renewed again and again. Then manifests are applied as well,
    and then replicas restart."""
    cluster, gate = own(*LIFETIMES, "--drain-seconds", 2, replicas=3)
    creators, service, shaker = Creators(cluster, "ml", 8, good=placed), Service(gate), Shaker(cluster, gate)
    try:
        wait_rotations(gate, 2)
        rotations, issued = total(gate, "gpugate_certificate_rotations_total"), total(gate, "gpugate_certificate_issued_total")
        # Certificates are also renewed between rotations.
        assert issued > 3 * (rotations + 1), (issued, rotations)
        manifests = [obj for obj in gate.objects if obj["kind"] in CONFIGURATIONS]
        for timeout_s in (7, 8, 9):
            for how in ((), ("--server-side", "--force-conflicts")):
                for obj in manifests:
                    for webhook in obj["webhooks"]:
                        webhook["timeoutSeconds"] = timeout_s
                cluster.kubectl("apply", *how, "-f", "-", input=manifests)
                time.sleep(0.5)
        wait_rotations(gate, 1)
        for server in gate.servers:
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(DEADLINE_S) == 0
            server.process = None
            server.start()
            eventually(lambda server=server: server.admin("/readyz").status == 200, 20, "its return")
        wait_rotations(gate, 1)
        eventually(lambda: creators.failures or creators.outcomes[201] > 100 and shaker.handshakes > 200, what="enough creates and handshakes")
    finally:
        creators.stop()
        service.stop()
        shaker.stop()
    assert not creators.failures, (creators.failures[:3], len(creators.failures), creators.outcomes)
    assert not shaker.failures, (shaker.failures[:3], len(shaker.failures), shaker.handshakes)
    assert written(gate, "restored") == 0
    eventually(lambda: any(event["reason"] == "AuthorityRotated" for event in cluster.admin.list("Event", "gpugate")), 10, "Events")
    check_no_key_is_told(cluster, gate, shaker.keys)
    print(f"{creators.outcomes[201]} creates, {shaker.handshakes} handshakes")


def ready(gate):
    for server in gate.servers:
        eventually(lambda server=server: server.admin("/readyz").status == 200, 30, "a replica that is ready")


def conflicts(cluster):
    """Returns how many Secrets the API server refused to create because the name existed."""
    said = cluster.admin.request("GET", "/metrics").must()
    rows = [line for line in said.splitlines() if line.startswith("apiserver_request_total{")
            and all(label in line for label in ('code="409"', 'resource="secrets"', 'verb="POST"'))]
    return sum(float(row.rsplit(" ", 1)[1]) for row in rows)


def found_at_once(cluster, gate):
    """Restarts all replicas without a Secret and with nothing registered, on a network that is slow
    enough for each to see that there is no Secret before the first one creates it. Returns how
    many then found the Secret of another."""
    for server in gate.servers:
        server.kill()
    secret(cluster).must()
    cluster.admin.delete("Secret", "gpugate-ca", "gpugate").must()
    before = conflicts(cluster)
    for watch in gate.watches:
        watch.stall()
        watch.cut()
        watch.delay(up=0.7)
    for i in range(len(gate.servers)):
        gate.start(i)
    for watch in gate.watches:
        watch.resume()
    ready(gate)
    for watch in gate.watches:
        watch.delay()
    return conflicts(cluster) - before


def test_replicas_that_found_an_authority_at_once(own):
    """If several replicas create the Secret, the first one succeeds. The others get a 409, read it,
    and sign with what it contains."""
    cluster, gate = own(*LONG, replicas=3, register=False)
    # On a busy machine, one may be so late that it sees the Secret of another.
    for _ in range(5):
        if found_at_once(cluster, gate):
            break
    else:
        raise AssertionError("no replica was told 409")
    assert total(gate, "gpugate_certificate_authorities_created_total") == 1
    assert [len(server.log("authority_created")) for server in gate.servers].count(1) == 1
    ca = base64.b64decode(secret(cluster).must()["data"]["ca.crt"]).decode()
    assert len(certificates(ca)) == 1 and len(re.findall("BEGIN PRIVATE KEY", authorities(cluster))) == 1
    for server in gate.servers:
        # Verifies the name as well.
        with server.tls(ssl.create_default_context(cadata=ca)) as sock:
            assert sock.version() == "TLSv1.3"
    assert len({shown(server) for server in gate.servers}) == 3
    gate.register()
    eventually(lambda: set(bundles(cluster)) == {ca}, 10, "bundles of that authority alone")


def check_no_key_is_on_disk(server):
    """No file in the server's folder contains a key, and no file except the log is open for
    writing."""
    for path in (path for path in server.dir.rglob("*") if path.is_file()):
        assert b"PRIVATE" not in path.read_bytes(), path
    writable = set()
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        # It was closed meanwhile, because connections come and go.
        with contextlib.suppress(FileNotFoundError):
            flags = int(re.search(r"^flags:\s+([0-7]+)$", (entry.parent.parent / "fdinfo" / entry.name).read_text(), re.M)[1], 8)
            if stat.S_ISREG(entry.stat().st_mode) and flags & os.O_ACCMODE != os.O_RDONLY:
                writable.add(os.readlink(entry))
    assert writable == {str(server.dir / "stderr")}


def test_the_first_start(shared, tmp_path):
    """There is no Secret, and configurations come later. The authority is created, the certificate
    is valid, and the bundles are filled automatically."""
    cluster, gate, space = shared(*LONG, "--certs-name", "gpugate.example", register=False)
    # No API server calls yet, so there is nothing to wait for.
    ready(gate)
    authority = secret(cluster).must()
    assert authority["type"] == "Opaque" and set(authority["data"]) == {"authorities", "ca.crt"}
    gate.register()
    eventually(lambda: all(bundles(cluster)), 10, "bundles")
    ca = base64.b64decode(authority["data"]["ca.crt"]).decode()
    assert set(bundles(cluster)) == {ca} and len(certificates(ca)) == 1
    eventually(lambda: cluster.admin.create(pod(space, "p", {GPU: 1})).ok, 10, "a create")
    for name, content in (("ca", ca), ("leaf", shown(gate.server))):
        (tmp_path / f"{name}.crt").write_text(content)
    for name in ("gpugate.gpugate.svc", "gpugate.gpugate.svc.cluster.local", "gpugate.gpugate", "gpugate.example"):
        verified = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile", tmp_path / "ca.crt",
                                   tmp_path / "leaf.crt"], capture_output=True, text=True, check=False)
        assert verified.returncode == 0, verified.stderr
    text = subprocess.run(["openssl", "x509", "-in", tmp_path / "leaf.crt", "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "prime256v1" in text and "IP Address:127.0.0.1" in text and "CA:FALSE" in text
    metrics = gate.server.metrics()
    assert abs(metrics.value("gpugate_certificate_authority_expiry_timestamp_seconds") - time.time() - 6000) < 120
    assert abs(metrics.value("gpugate_certificate_expiry_timestamp_seconds") - time.time() - 600) < 120
    eventually(lambda: written(gate, "filled") == 2, 10, "the count of what was filled")
    assert metrics.value("gpugate_certificate_authorities", state="signing") == 1
    told = json.loads(gate.server.admin("/status.json").body)["certificate"]
    assert told["source"] == "self-managed" and told["authorities"] == {"next": 0, "signing": 1, "retired": 0}
    for key, name in (("expires", "expiry"), ("authorityExpires", "authority_expiry")):
        at = datetime.fromisoformat(told[key].replace("Z", "+00:00")).timestamp()
        assert at == metrics.value(f"gpugate_certificate_{name}_timestamp_seconds")
    check_no_key_is_on_disk(gate.server)


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_manifests_of_others(shared, how):
    """What `kubectl apply` and GitOps do to the configurations: no field is fought over, entries
    disappear and come back, and lost bundles are restored."""
    cluster, gate, space = shared(*LONG, register=False)
    manifests = [obj for obj in gate.objects if obj["kind"] in CONFIGURATIONS]

    def apply(objects):
        return cluster.kubectl("apply", *how, "-f", "-", input=objects).stdout

    def filled(entries):
        return len(bundles(cluster)) == entries and len(set(bundles(cluster))) == 1 and all(bundles(cluster))

    def versions():
        return [configuration["metadata"]["resourceVersion"] for configuration in configurations(cluster)]

    apply(manifests)
    gate.registered = True
    eventually(lambda: filled(sum(len(obj["webhooks"]) for obj in manifests)), 10, "bundles")
    ready(gate)
    entries = len(bundles(cluster))
    before = versions()
    apply(manifests)
    assert versions() == before  # Nothing was undone.
    owners = {field["manager"] for field in configurations(cluster)[1]["metadata"]["managedFields"] if "caBundle" in json.dumps(field["fieldsV1"])}
    assert owners == {"gpugate-certs"}

    validating = manifests[1]["webhooks"]
    manifests[1]["webhooks"] = [{**validating[0], "timeoutSeconds": 8}]
    apply(manifests)  # An entry with our caBundle is removed completely.
    assert [webhook["name"] for webhook in configurations(cluster)[1]["webhooks"]] == ["quota.gpugate.io"] and filled(2)
    manifests[1]["webhooks"] = validating
    apply(manifests)
    eventually(lambda: filled(entries), 10, "a bundle of the entry that came back")
    # That entry was correct before. Only a replica that saw its removal knows that it is new.
    eventually(lambda: written(gate, "filled", "restored") == 3, 10, "the count of what was written")

    cluster.kubectl("delete", "-f", "-", input=manifests[1:])
    apply(manifests)
    eventually(lambda: filled(entries), 10, "a configuration that was deleted and made anew")
    restored = written(gate, "restored")
    # This removes caBundle.
    cluster.kubectl("replace", "-f", "-", input=manifests)
    eventually(lambda: filled(entries), 10, "what was replaced")
    eventually(lambda: written(gate, "restored") == restored + 2, 10, "the count of it")
    eventually(lambda: "somebody else" in gate.server.log("bundle_written")[-1]["message"], 10, "a word about it")
    eventually(lambda: cluster.admin.create(pod(space, "p", {GPU: 1})).ok, 10, "a create")


def test_a_bundle_that_is_fought_over(shared):
    """The first damage is repaired immediately. Repeated damage is repaired more slowly."""
    cluster, gate, _ = shared(*LONG)
    ready(gate)
    good = set(bundles(cluster))
    wrong = {"webhooks": [{"name": "quota.gpugate.io", "clientConfig": {"caBundle": base64.b64encode(cluster.authority.pem).decode()}}]}

    def damage():
        cluster.admin.patch(CONFIGURATIONS[1], "gpugate", wrong, how="strategic").must()

    begin = time.monotonic()
    for _ in range(3):
        damage()
        eventually(lambda: set(bundles(cluster)) == good, 20, "a bundle that is restored")
    assert time.monotonic() - begin > 2
    eventually(lambda: written(gate, "restored") == 3, 10, "the count of it")
    line = gate.server.log("bundle_written")[-1]
    assert (line["level"], line["reason"], line["configuration"]) == ("warn", "restored", "validating")
    eventually(lambda: any(event["reason"] == "CABundleRestored" for event in cluster.admin.list("Event", "gpugate")), 10, "an Event")


def test_a_secret_that_is_lost(own):
    """If it is deleted, emptied or damaged, a new authority takes over and no create fails. The old
    one stays trusted as long as the certificates that it has signed."""
    cluster, gate = own("--trust-seconds", 2, "--leaf-seconds", 30, "--ca-seconds", 600, replicas=2)
    ready(gate)
    creators, keys = Creators(cluster, "ml", 4, good=placed), keys_of(cluster)
    spoilt = base64.b64encode(("gpugate authorities 1\nauthority " + authorities(cluster)).encode()).decode()
    try:
        for lose, event in ((lambda: cluster.admin.delete("Secret", "gpugate-ca", "gpugate"), "authority_missing"),
                            (lambda: cluster.admin.patch("Secret", "gpugate-ca", {"data": {"authorities": spoilt}}, "gpugate"), "authority_unreadable"),
                            (lambda: cluster.admin.patch("Secret", "gpugate-ca", {"data": {"authorities": None, "mine": spoilt}}, "gpugate"),
                             "authority_missing")):
            keys |= keys_of(cluster)
            before, rotated = trusted(cluster), total(gate, "gpugate_certificate_rotations_total")
            lose().must()
            eventually(lambda rotated=rotated: total(gate, "gpugate_certificate_rotations_total") > rotated, 30, "another authority that signs")
            assert before < trusted(cluster)
            assert any(server.log(event) for server in gate.servers), event
            made = creators.outcomes[201]
            eventually(lambda made=made: creators.failures or creators.outcomes[201] > made + 8, what="creates under the new authority")
    finally:
        creators.stop()
    # Data of others in the Secret is kept.
    assert secret(cluster).must()["data"]["mine"] == spoilt
    assert not creators.failures, (creators.failures[:3], len(creators.failures))
    check_no_key_is_told(cluster, gate, keys)
    newer = base64.b64encode(b"gpugate authorities 2\n").decode()
    version = cluster.admin.patch("Secret", "gpugate-ca", {"data": {"authorities": newer}}, "gpugate").must()["metadata"]["resourceVersion"]
    eventually(lambda: any("newer gpugate" in line["message"] for server in gate.servers for line in server.log("certificates_failing")), 10, "a word")
    assert secret(cluster).must()["metadata"]["resourceVersion"] == version
    assert cluster.admin.create(pod("ml", "last", {GPU: 1})).ok


def test_certificates_that_were_in_files_before(shared):
    """Authorities that the bundles trusted before remain trusted until their replicas are gone. The
    new authority signs only once it is trusted."""
    cluster, gate, _ = shared(*LONG, register=False)
    files = base64.b64encode(cluster.authority.pem).decode()
    gate.servers[0].kill()
    cluster.admin.delete("Secret", "gpugate-ca", "gpugate")
    for obj in gate.objects:
        for webhook in obj.get("webhooks", ()):
            webhook["clientConfig"]["caBundle"] = files
    gate.register()
    gate.start(0)
    eventually(lambda: len(trusted(cluster)) == 2, 10, "both authorities")
    assert gate.server.admin("/readyz").status == 503 and "certificate" in gate.server.admin("/readyz").text
    with pytest.raises((OSError, ssl.SSLError)):
        shown(gate.server)
    ready(gate)
    assert cluster.authority.pem.decode() in trusted(cluster)
    eventually(lambda: len(gate.server.log("authority_rotated", False)) == 1, 60, "the rotation in the log, which is written by a thread of its own")


def test_without_rights_and_without_an_api_server(shared):
    """What is missing is reported once by the log, an Event and a metric. Certificates are
    maintained as soon as it is available."""
    cluster, gate, space = shared(*LIFETIMES)
    ready(gate)
    rules = cluster.admin.get("ClusterRole", "gpugate").must()
    del rules["metadata"]["resourceVersion"]
    cluster.admin.replace({**rules, "rules": [rule for rule in rules["rules"] if rule["verbs"] != ["patch"]]}).must()
    cluster.admin.patch(CONFIGURATIONS[1], "gpugate", {"webhooks": [{"name": "quota.gpugate.io", "clientConfig": {"caBundle": "Cg=="}}]},
                        how="strategic").must()
    line = eventually(lambda: gate.server.log("certificates_failing"), 30, "a failure")[0]
    assert "writing caBundle failed" in line["message"] and "forbidden" in line["message"] and line["level"] == "error"
    eventually(lambda: any(event["reason"] == "CertificatesFailing" for event in cluster.admin.list("Event", "gpugate")), 10, "an Event")
    eventually(lambda: gate.server.metrics().value("gpugate_certificate_failures_total", what="bundle") >= 6, 60, "more attempts")
    # It keeps trying, and reports each failure once. After a rotation, the other configuration
    # fails, too, and the two take turns.
    problems = [line["message"] for line in gate.server.log("certificates_failing")]
    assert len(problems) == len(set(problems)) <= 2 and not gate.server.log("certificates_recovered"), problems
    cluster.admin.replace(rules).must()
    eventually(lambda: gate.server.log("certificates_recovered"), 60, "recovery")
    gate.watches[0].refuse()
    gate.watches[0].cut()
    eventually(lambda: gate.server.metrics().value("gpugate_certificate_failures_total", what="read") > 0, 60, "a failure")
    issued = gate.server.metrics().value("gpugate_certificate_issued_total")
    gate.watches[0].refuse(False)
    eventually(lambda: gate.server.metrics().value("gpugate_certificate_issued_total") > issued, 60, "a certificate")
    eventually(lambda: cluster.admin.create(pod(space, "p", {GPU: 1})).ok, 20, "a create")
