"""Certificates that change under load, client certificates, and `gpugate certs create`."""

import datetime
import fcntl
import json
import os
import re
import resource
import shutil
import signal
import ssl
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gpugate import BINARY, authority, eventually, run, scaled, write_policy
from kube import GPU, doc, pod, review
from pki import Authority, serial, serial_of_der

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4}])]


def served_serial(server):
    with server.tls() as sock:
        return serial_of_der(sock.getpeercert(binary_form=True))


def place(server, pair, how):
    """Installs a new pair in the way of different tools."""
    if how == "rename":
        for path, content in ((server.cert, pair[0]), (server.key, pair[1])):
            new = path.with_suffix(".new")
            new.write_bytes(content)
            os.replace(new, path)
    elif how == "in place":  # Certificate and key do not match for a moment.
        server.cert.write_bytes(pair[0])
        time.sleep(0.05)
        server.key.write_bytes(pair[1])
    else:
        server.key.write_bytes(b"")
        server.key.write_bytes(pair[1])
        server.cert.write_bytes(pair[0][:200])
        time.sleep(0.05)
        server.cert.write_bytes(pair[0])


class Shakers:
    """Threads that make TLS handshakes continuously, and send a request over every other
    connection. Use as with Shakers(server): ..."""

    def __init__(self, server, count=4):
        self.server, self.failures, self.handshakes, self.answers = server, [], 0, 0
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def _run(self):
        while not self._stopping.is_set():
            try:
                with self.server.tls() as sock:
                    sock.getpeercert()
                answer = self.server.post("/validate", review(pod()), context=self.server.context)
                with self._lock:
                    self.handshakes += 2
                    self.answers += answer.status == 200
            except (OSError, ssl.SSLError) as problem:
                self.failures.append(problem)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def follow(self, served):
        """Waits until served() is true, and then for a handshake that began after that."""
        eventually(served, what="the new certificate")
        before, count = self.handshakes, 2 * len(self._threads)
        eventually(lambda: self.failures or self.handshakes > before + count, what="handshakes with it")

    def check(self):
        assert not self.failures, (len(self.failures), self.failures[0])
        assert self.handshakes == 2 * self.answers, (self.handshakes, self.answers)


@pytest.mark.concurrent
def test_reload_without_a_failed_handshake(serve):
    server = serve(POLICY)
    with Shakers(server) as shakers:
        for i in range(scaled(45, 3)):
            pair = authority().issue(f"rotation-{i}")
            place(server, pair, ("rename", "in place", "torn")[i % 3])
            shakers.follow(lambda want=serial(pair[0]): served_serial(server) == want)
    shakers.check()
    assert server.log("certificate_loaded")


@pytest.mark.concurrent
def test_reload_of_a_mounted_secret(serve):
    """In a Secret volume (and with cert-manager's CSI driver), the files are symbolic links through
    ..data, which a rename replaces."""
    server = serve(POLICY, start=False)
    mount = server.dir / "mount"
    mount.mkdir()

    def publish(name, pair):
        (mount / name).mkdir()
        (mount / name / "tls.crt").write_bytes(pair[0])
        (mount / name / "tls.key").write_bytes(pair[1])
        (mount / "..tmp").symlink_to(name)
        os.replace(mount / "..tmp", mount / "..data")

    first, second = authority().issue("first"), authority().issue("second")
    publish("..2026_1", first)
    for file in ("tls.crt", "tls.key"):
        (mount / file).symlink_to(f"..data/{file}")
    server.args = [str(mount / "tls.crt") if a == str(server.cert) else str(mount / "tls.key") if a == str(server.key)
                   else a for a in server.args]
    server.start()
    assert served_serial(server) == serial(first[0])
    publish("..2026_2", second)
    shutil.rmtree(mount / "..2026_1")
    eventually(lambda: served_serial(server) == serial(second[0]), 5, "the new certificate")
    with Shakers(server, 2) as shakers:
        for i in range(3, scaled(20, 5)):
            pair = authority().issue(f"mounted-{i}")
            publish(f"..2026_{i}", pair)
            shutil.rmtree(mount / f"..2026_{i - 1}")
            shakers.follow(lambda want=serial(pair[0]): served_serial(server) == want)
    shakers.check()


def test_a_bad_certificate_is_not_taken(serve):
    server = serve(POLICY)
    before = served_serial(server)
    other = authority().issue("other")
    # The key stays the same: they do not match.
    server.cert.write_bytes(other[0])
    rejected = server.wait_log("certificate_rejected")
    assert rejected[0]["level"] in ("warn", "error")
    assert served_serial(server) == before
    server.key.write_bytes(other[1])
    eventually(lambda: served_serial(server) == serial(other[0]), 5, "the new certificate")
    assert "PRIVATE KEY" not in server.stderr()


def test_the_longest_file(serve):
    """A key or certificate of 1 MiB is accepted, but not one byte more."""
    server = serve(POLICY)
    size, certificate, key = 1 << 20, server.cert.read_bytes(), server.key.read_bytes()
    loaded = len(server.log("certificate_loaded", False))
    server.write_pair((certificate.ljust(size, b"\n"), key.ljust(size, b"\n")))
    server.wait_log("certificate_loaded", loaded + 1, 60)
    assert not server.log("certificate_rejected", False)
    server.cert.write_bytes(certificate.ljust(size + 1, b"\n"))
    assert "is larger than 1 MiB" in server.wait_log("certificate_rejected", seconds=60)[0]["message"]


def test_expiry_metric(serve):
    server = serve(POLICY)
    expiry = server.metrics().value("gpugate_certificate_expiry_timestamp_seconds")
    assert abs(expiry - (time.time() + 10 * 86400)) < 2 * 3600 + 60
    place(server, authority().issue("long", days=20), "rename")
    eventually(lambda: server.metrics().value("gpugate_certificate_expiry_timestamp_seconds") > expiry + 86400, 5)


# --- Clients ---

class Clients:
    def __init__(self, path):
        self.path, self.authority = path, Authority("clients")
        self.ca = path / "clients.crt"
        self.ca.write_bytes(self.authority.pem)

    def context(self, server, pair):
        context = ssl.create_default_context(cafile=str(server.ca))
        if pair:
            file = self.path / "client.pem"
            file.write_bytes(pair[0] + pair[1])
            context.load_cert_chain(str(file))
        return context

    def status(self, server, pair):
        try:
            answer = server.post("/validate", review(pod()), context=self.context(server, pair))
        except (ssl.SSLError, ConnectionError):
            return "closed"
        if answer.status >= 400:
            assert "certificate" in answer.sentence()
        return answer.status


@pytest.fixture
def clients(tmp_path):
    return Clients(tmp_path)


def test_client_certificates(serve, clients):
    server = serve(POLICY, "--client-ca", clients.ca, "--client-name", "kube-apiserver", "--client-name", "second")
    issue = clients.authority.issue
    for name in ("kube-apiserver", "second"):
        assert clients.status(server, issue(name, client=True)) == 200
    for pair in (None, issue("someone", client=True), issue("kube-apiserver.evil", client=True),
                 issue("KUBE-APISERVER", client=True), Authority("clients").issue("kube-apiserver", client=True),
                 issue("kube-apiserver", client=True, days=5, start_days=-10),
                 issue("kube-apiserver", client=True, days=5, start_days=5), issue("kube-apiserver"),
                 authority().issue("kube-apiserver", client=True)):
        assert clients.status(server, pair) in (403, "closed")
    assert clients.status(server, None) == 403
    assert clients.status(server, issue("someone", client=True)) == 403
    assert server.metrics().value("gpugate_http_rejected_total", code="403") >= 2
    assert server.admin("/healthz").status == 200


def test_client_name_with_a_nul(serve, clients):
    server = serve(POLICY, "--client-ca", clients.ca, "--client-name", "kube-apiserver")
    assert clients.status(server, clients.authority.issue("kube-apiserver\0.evil", client=True)) in (403, "closed")


@pytest.mark.concurrent
def test_client_ca_rotates(serve, clients):
    server = serve(POLICY, "--client-ca", clients.ca, "--client-name", "kube-apiserver")
    old, other = clients.authority.issue("kube-apiserver", client=True), Authority("next")
    new = other.issue("kube-apiserver", client=True)
    assert clients.status(server, old) == 200
    assert clients.status(server, new) in (403, "closed")
    # Both authorities, as in a careful rotation.
    clients.ca.write_bytes(clients.authority.pem + other.pem)
    eventually(lambda: clients.status(server, new) == 200, 5, "the new authority")
    assert clients.status(server, old) == 200
    clients.ca.write_bytes(other.pem)
    eventually(lambda: clients.status(server, old) in (403, "closed"), 5, "the end of the old authority")
    assert clients.status(server, new) == 200
    clients.ca.write_bytes(b"nonsense")
    server.wait_log("certificate_rejected")
    assert clients.status(server, new) == 200


@pytest.mark.parametrize("given,lacking", [("--client-ca", "--client-name"), ("--client-name", "--client-ca")])
def test_client_options_belong_together(clients, given, lacking):
    """The authority of a cluster signs certificates for every node and user, so trusting it
    requires names."""
    refused = run("serve", "--policy", "x", "--listen", ":0", "--tls-cert", "x", "--tls-key", "x", given, clients.ca)
    assert refused.returncode == 2 and lacking in refused.stderr


FILES, SELF = ("--tls-cert", "x", "--tls-key", "x"), ("--certs", "self-managed")
CONTRADICTIONS = {
    "nothing": ((), "--tls-cert is missing; give --tls-cert FILE, or --certs self-managed"),
    "no key": (("--tls-cert", "x"), "--tls-key is missing"),
    "both": ((*SELF, "--tls-cert", "x"), "--tls-cert is given with --certs self-managed"),
    "key": ((*SELF, "--tls-key", "x"), "--tls-key is given with --certs self-managed"),
    "names": ((*FILES, "--certs-name", "a"), "--certs-name has no effect"),
    "lifetimes": ((*FILES, "--ca-seconds", "9"), "--ca-seconds has no effect"),
    "short leaf": ((*SELF, "--leaf-seconds", "100"), "give --leaf-seconds 480 or more"),
    "long trust": ((*SELF, "--trust-seconds", "86400", "--leaf-seconds", "345599"), "give --leaf-seconds 345600 or more"),
    "short authority": ((*SELF, "--ca-seconds", "2592000"), "give --ca-seconds 5184480 or more"),
    "word": (("--certs", "other"), "files, self-managed")}


@pytest.mark.parametrize("which", sorted(CONTRADICTIONS))
def test_where_certificates_come_from(which):
    args, words = CONTRADICTIONS[which]
    refused = run("serve", "--policy", "x", "--listen", ":0", *args)
    assert refused.returncode == 2 and words in refused.stderr, refused.stderr


@pytest.mark.parametrize("args, words", [
    (("--service", "gpugate.gpugate"), "--service gpugate.gpugate: give the Service's name alone"),
    (("--service", "Gate"), '--service Gate in namespace spaces: "Gate.spaces.svc" is not a DNS name'),
    (("--certs-name", "a..b"), '--certs-name: "a..b" is not a DNS name'),
    (("--certs-name", "10.0.0"), None), (("--certs-name", "fd00::1"), None),
    ([word for i in range(70) for word in ("--certs-name", f"n{i}")], "at most 64 names")], ids=lambda value: None)
def test_names_of_a_self_managed_certificate(tmp_path, args, words):
    """Names that no certificate can have are reported at startup, without an API server."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", "clusters": [
        {"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "x", "user": {"token": "x"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "spaces"}}]}))
    command = ("serve", "--policy", write_policy(tmp_path / "policy", POLICY), *SELF, "--kubeconfig", kubeconfig, *args)
    if words:
        refused = run(*command, "--listen", "127.0.0.1:0")
        assert refused.returncode == 2 and words in refused.stderr, refused.stderr
    else:  # It gets as far as the address.
        refused = run(*command, "--listen", "127.0.0.1:nowhere")
        assert refused.returncode == 2 and "nowhere" in refused.stderr, refused.stderr


def test_a_server_that_has_no_certificate_yet(serve, tmp_path):
    """Without an API server there is no certificate. The server reports that, is not ready, and
    stops cleanly."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", "clusters": [
        {"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "x", "user": {"token": "x"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}))
    server = serve(POLICY, *SELF, "--kubeconfig", kubeconfig)
    failing = server.wait_log("certificates_failing", seconds=20)[0]
    assert failing["level"] == "error" and "reading the Secret gpugate-ca failed: " in failing["message"]
    answer = server.admin("/readyz")
    assert answer.status == 503 and "there is no certificate yet" in answer.text
    assert server.admin("/healthz").status == 200
    for _ in range(3):
        with pytest.raises((OSError, ssl.SSLError)):
            server.tls().close()
    assert server.metrics().value("gpugate_certificate_failures_total", what="read") >= 1
    assert server.metrics().value("gpugate_certificate_expiry_timestamp_seconds") == 0


# --- gpugate certs create ---

def test_certs_create(serve, tmp_path):
    folder = tmp_path / "certs"
    folder.mkdir()
    done = run("certs", "create", "--dir", folder, "--name", "gpugate.gpugate.svc", "--name", "localhost",
               "--ip", "127.0.0.1", "--ip", "::1", "--days", "90", "--ca-days", "3650")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in folder.iterdir()} == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    for key in ("ca.key", "tls.key"):
        assert stat.S_IMODE((folder / key).stat().st_mode) == 0o600
    verify = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname",
                             "gpugate.gpugate.svc", "-CAfile", folder / "ca.crt", folder / "tls.crt"],
                            capture_output=True, text=True, check=False)
    assert verify.returncode == 0, verify.stderr
    text = subprocess.run(["openssl", "x509", "-in", folder / "tls.crt", "-noout", "-text"], capture_output=True,
                          text=True, check=True).stdout
    assert "DNS:gpugate.gpugate.svc" in text and "IP Address:127.0.0.1" in text and "0:0:0:0:0:0:0:1" in text
    server = serve(POLICY, tls=((folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes()), start=False)
    server.ca.write_bytes((folder / "ca.crt").read_bytes())
    server.context = ssl.create_default_context(cafile=str(server.ca))
    server.start()
    assert server.validate(pod()).allowed


def next_commands(done):
    """Returns the shell commands that `certs create` proposes."""
    lines = re.search(r"\nNext:\n((?:  .*\n)+)", done.stdout)[1]
    return [re.sub(r"^  ", "", command) for command in re.findall(r"^  \S(?:.*(?:[\\|])\n)*.*\n", lines, re.M)]


def test_what_certs_create_proposes(tmp_path):
    """The commands of docs/by-hand.md: a path secret is made once, and both serve and render get
    it."""
    folder, policy = tmp_path / "pki", write_policy(tmp_path / "policy", [doc("Tenant", "t", namespaces=["t"], quotas=[{"name": "q", "hard": 1}])])
    secret, serve, render = next_commands(run("certs", "create", "--dir", folder, "--name", "gpugate.gpugate.svc"))
    subprocess.run(["bash", "-e", "-c", secret], check=True)
    assert re.fullmatch(r"[0-9a-f]{48}\n", (folder / "path-secret").read_text()) and (folder / "path-secret").stat().st_mode & 0o077 == 0
    assert f"--path-secret {folder}/path-secret" in serve and f"--tls-key {folder}/tls.key" in serve
    command, _, into = render.partition(" |\n")
    assert into.strip() == "kubectl apply --server-side -f -"
    done = run(*command.replace("POLICY", str(policy)).split()[1:])
    path = f"/validate/{(folder / 'path-secret').read_text().strip()}"
    assert done.returncode == 0 and path in done.stdout and "caBundle" in done.stdout, done.stderr
    # A registration may already have the secret, so it is not made again.
    again = next_commands(run("certs", "create", "--dir", folder, "--name", "gpugate.gpugate.svc", "--force"))
    assert again == [serve, render]


def test_certs_create_keeps_the_authority(tmp_path):
    """A second run in the same folder must not destroy what is already trusted. --force only
    replaces leaf certificates."""
    def read(*names):
        return [(tmp_path / name).read_bytes() for name in names]

    def verifies(certificate, *checks):
        return subprocess.run(["openssl", "verify", "-x509_strict", *checks, "-CAfile", tmp_path / "ca.crt",
                               tmp_path / certificate], capture_output=True, check=False).returncode == 0

    assert run("certs", "create", "--dir", tmp_path, "--name", "a.example").returncode == 0
    authority, leaf = read("ca.crt", "ca.key"), read("tls.crt", "tls.key")
    again = run("certs", "create", "--dir", tmp_path, "--name", "b.example")
    assert again.returncode == 2 and "--force" in again.stderr
    assert read("ca.crt", "ca.key") == authority and read("tls.crt", "tls.key") == leaf

    assert run("certs", "create", "--dir", tmp_path, "--client", "kube-apiserver").returncode == 0
    assert verifies("client.crt", "-purpose", "sslclient") and not verifies("client.crt", "-purpose", "sslserver")
    assert read("tls.crt", "tls.key") == leaf

    forced = run("certs", "create", "--dir", tmp_path, "--name", "b.example", "--force")
    assert forced.returncode == 0 and "Authority: the one" in forced.stdout
    assert read("ca.crt", "ca.key") == authority and read("tls.crt", "tls.key") != leaf
    assert verifies("tls.crt", "-verify_hostname", "b.example") and not verifies("tls.crt", "-verify_hostname", "a.example")

    (tmp_path / "ca.key").write_bytes(b"no key")
    broken = run("certs", "create", "--dir", tmp_path, "--name", "b.example", "--force")
    assert broken.returncode == 2 and "ca.key" in broken.stderr
    assert read("ca.crt") == authority[:1]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("key", ["a key", "no key"])
@pytest.mark.parametrize("obstacle", ["tls.crt", "tls.key"])
def test_certs_create_that_cannot_replace_leaves_the_pair(tmp_path, obstacle, key):
    """A new key beside the old certificate would be served by nobody."""
    assert run("certs", "create", "--dir", tmp_path, "--name", "a.example").returncode == 0
    if key == "no key":
        (tmp_path / "tls.key").unlink()
    (tmp_path / obstacle).unlink(missing_ok=True)
    (tmp_path / obstacle).mkdir()
    before = {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
    done = run("certs", "create", "--dir", tmp_path, "--name", "b.example", "--force")
    assert done.returncode == 2 and {path.name: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()} == before
    assert done.stderr == f"gpugate certs create: {obstacle} cannot be replaced: Is a directory; the files are as they were\n"


def test_certs_create_on_a_full_disk_leaves_the_pair(tmp_path):
    """The key fits and the certificate does not."""
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before["tls.key"]) + 20, resource.RLIM_INFINITY))

    assert run("certs", "create", "--dir", tmp_path, "--name", "a.example").returncode == 0
    before = contents(tmp_path)
    done = subprocess.run([BINARY, "certs", "create", "--dir", tmp_path, "--name", "b.example", "--force"], text=True,
                          capture_output=True, check=False, preexec_fn=small_files)
    assert done.returncode == 2 and contents(tmp_path) == before
    assert done.stderr == "gpugate certs create: tls.crt cannot be written: File too large; the files are as they were\n"


LOST = {"key": (["ca.key"], "has ca.crt but not ca.key"), "certificate": (["ca.crt"], "has ca.key but not ca.crt"),
        "both": (["ca.crt", "ca.key"], "has certificates but not their authority (ca.crt, ca.key)")}


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("lost", sorted(LOST))
def test_certs_create_never_replaces_an_authority(tmp_path, lost, force):
    """A new authority with the same name would break calls from the API server, which trusts the
    old one."""
    assert run("certs", "create", "--dir", tmp_path, "--name", "a.example", "--client", "c").returncode == 0
    names, words = LOST[lost]
    for name in names:
        (tmp_path / name).unlink()
    before = contents(tmp_path)
    for args in ["--name", "a.example"], ["--client", "d"]:
        done = run("certs", "create", "--dir", tmp_path, *args, *force)
        assert done.returncode == 2 and contents(tmp_path) == before
        if force:
            assert done.stderr == (f"gpugate certs create: {tmp_path} {words}: nothing can be signed. Restore what is missing, or make a new "
                                   "authority in another folder (--dir); what trusts the old authority does not trust the new one until its "
                                   "ca.crt is added to the caBundle\n")


def waits_for_lock(pid):
    return any(line.split()[1] == "->" and line.split()[5] == str(pid) for line in Path("/proc/locks").read_text().splitlines())


def test_certs_create_at_the_same_time(tmp_path):
    """The second of two runs finds the authority of the first. Otherwise it would replace it after
    it had signed."""
    folder, first = tmp_path / "pki", tmp_path / "first"
    folder.mkdir()
    assert run("certs", "create", "--dir", first).returncode == 0
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    second = subprocess.Popen([BINARY, "certs", "create", "--dir", folder], stdout=subprocess.PIPE, text=True)
    try:
        eventually(lambda: waits_for_lock(second.pid) or second.poll() is not None)
        for name in ("ca.crt", "ca.key"):
            shutil.copy(first / name, folder)
        os.close(held)
        out, _ = second.communicate(timeout=600)
    finally:
        second.kill()
    assert second.returncode == 0 and f"Authority: the one in {folder}" in out
    assert contents(folder)["ca.crt"] == contents(first)["ca.crt"]


def authority_of(days, key=None):
    """Returns the (certificate, key) in PEM of an authority whose validity ends in `days`."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old CA")]), datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
            .not_valid_before(now - datetime.timedelta(days=30)).not_valid_after(now + datetime.timedelta(days=days, hours=1))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True).sign(key, hashes.SHA256()))
    return cert.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


BROKEN = {"another's key": (lambda: (authority_of(9)[0], authority_of(9)[1]), "key does not belong to its certificate"),
          "expired": (lambda: authority_of(-3), "the authority expired on 20"),
          "key and certificate swapped": (lambda: authority_of(9)[::-1], "this is a private key; are the two files swapped?"),
          "empty key": (lambda: (authority_of(9)[0], b""), "ca.key is not a PEM file")}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_certs_create_with_a_broken_authority(tmp_path, how):
    make, words = BROKEN[how]
    (tmp_path / "ca.crt").write_bytes((pair := make())[0])
    (tmp_path / "ca.key").write_bytes(pair[1])
    before = contents(tmp_path)
    for force in [], ["--force"]:
        done = run("certs", "create", "--dir", tmp_path, "--name", "a.example", *force)
        assert done.returncode == 2 and done.stderr.startswith(f"gpugate certs create: the authority in {tmp_path} (ca.crt, ca.key): "), done
        assert words in done.stderr and contents(tmp_path) == before


def test_certs_create_days_beyond_the_authority(tmp_path):
    """If given explicitly, it is an error before anything is written. By default, the certificate
    expires with its authority."""
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    error = (rf"gpugate certs create: --days 60: the certificate would be valid until ({date}), but its authority only until ({date}); "
             r"give at most --days (\d+), or leave --days out\n")
    done = run("certs", "create", "--dir", tmp_path, "--days", "60", "--ca-days", "20")
    assert done.returncode == 2 and not contents(tmp_path)
    until, end, most = re.fullmatch(error, done.stderr).groups()
    assert until > end and most == "20"

    for name, text in zip(("ca.crt", "ca.key"), authority_of(40)):
        (tmp_path / name).write_bytes(text)
    done = run("certs", "create", "--dir", tmp_path, "--days", "60")
    assert re.fullmatch(error, done.stderr)[3] == "40" and set(contents(tmp_path)) == {"ca.crt", "ca.key"}
    assert run("certs", "create", "--dir", tmp_path, "--days", "40").returncode == 0
    assert run("certs", "create", "--dir", tmp_path, "--force").returncode == 0
    ends = [x509.load_pem_x509_certificate((tmp_path / name).read_bytes()).not_valid_after for name in ("tls.crt", "ca.crt")]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("args", [["--name", "UPPER_case"], ["--ip", "1.2.3"], ["--ip", "300.1.1.1"], ["--days", "0"],
                                  ["--days", "x"], ["--name", ""], ["--name", "a..b"], ["--nmae", "x"]])
def test_certs_create_refuses(tmp_path, args):
    done = run("certs", "create", "--dir", tmp_path, *args)
    assert done.returncode == 2 and done.stderr.startswith("gpugate"), done
    assert not list(tmp_path.iterdir())


def test_certs_create_without_a_folder(tmp_path):
    assert run("certs", "create").returncode == 2
    done = run("certs", "create", "--dir", tmp_path / "file" / "x", "--name", "a.example")
    assert done.returncode in (0, 2)
    (tmp_path / "plain").write_text("")
    assert run("certs", "create", "--dir", tmp_path / "plain", "--name", "a.example").returncode == 2
