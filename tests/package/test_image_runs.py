"""gpugate runs in its image: with nothing but the image's files, a read-only root, uid 65532, and
no capabilities."""

import base64
import http.server
import os
import re
import shutil
import ssl
import tempfile
import threading
from pathlib import Path

import pytest
import yaml

import gpugate
import inside
import kube
from making import ROOT
from nameserver import NameServer

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root folder")
API = "api.gpugate.test"
POLICY = [kube.doc("Settings", "cluster", enforcement="deny"),
          kube.doc("Tenant", "team-a", namespaces=["team-a"],
                   quotas=[{"name": "whole", "resources": ["nvidia.com/gpu"], "hard": 2}])]


@pytest.fixture(scope="module")
def root(image):
    folder = Path(tempfile.mkdtemp(prefix="gpugate-image-"))
    folder.chmod(0o755)
    inside.unpack(image, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def entry_point(root, monkeypatch):
    """Makes the harness run gpugate from the image."""
    monkeypatch.setattr(gpugate, "BINARY", inside.entry_point(root, Path(f"{root}.sh")))
    yield
    Path(f"{root}.sh").unlink()


@pytest.fixture
def folder():
    """A directory of the test that the user of the image may write, like a volume."""
    path = Path(tempfile.mkdtemp(prefix="gpugate-volume-"))
    os.chown(path, inside.USER, inside.USER)
    yield path
    shutil.rmtree(path)


def test_version_names_the_image_s_libraries(image):
    done = gpugate.run("version")
    assert done.returncode == 0, done.stderr
    controls = {path.rpartition("/")[2]: content.decode() for path, (_, content) in image.entries().items() if "/status.d/" in path}
    for package, library in (("libcurl4", "libcurl"), ("libgnutls30", "gnutls"), ("libjansson4", "jansson")):
        upstream = re.search(r"^Version: ([\d.]+)", controls[package], re.M)[1]
        assert re.search(rf"{library}\S*\s+{re.escape(upstream)}\b", done.stdout, re.I), (package, upstream, done.stdout)


def test_lint(folder):
    shutil.copytree(ROOT / "deploy" / "policy", folder / "policy")
    good = gpugate.run("lint", folder / "policy")
    assert good.returncode == 0, good.stdout + good.stderr
    (folder / "policy" / "cluster.yaml").write_text("kind: Nonsense\n")
    assert gpugate.run("lint", folder / "policy").returncode == 1


def test_the_root_is_read_only_and_a_volume_is_not(folder):
    refused = gpugate.run("certs", "create", "--dir", "/etc/gpugate")
    assert refused.returncode == 2 and "Read-only file system" in refused.stderr
    made = gpugate.run("certs", "create", "--dir", folder / "pki")
    assert made.returncode == 0, made.stderr
    assert {os.stat(path).st_uid for path in (folder / "pki").iterdir()} == {inside.USER}


def test_serve_answers_over_tls(root):
    server = inside.Server(POLICY, secret="a-secret-path")
    try:
        process = Path(f"/proc/{server.process.pid}")
        status = dict(re.findall(r"^(\w+):[ \t]*(.*)$", (process / "status").read_text(), re.M))
        assert set(status["Uid"].split() + status["Gid"].split()) == {str(inside.USER)} and not status["Groups"]
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        mapped = set(re.findall(r" (/\S+)$", (process / "maps").read_text(), re.M))
        assert mapped and all(path.startswith(f"{root}/") for path in mapped), mapped
        allowed, stored = server.admit(kube.pod({"nvidia.com/gpu": 2}))
        assert allowed.allowed
        refused, _ = server.admit(kube.pod({"nvidia.com/gpu": 1}))
        assert not refused.allowed and refused.code == 403 and 'quota "whole" of tenant "team-a"' in refused.message
        assert server.delete(stored).allowed
        assert server.admit(kube.pod({"nvidia.com/gpu": 1}))[0].allowed
        assert server.admin("/readyz").status == 200
        assert server.metrics().value("process_resident_memory_bytes") > 0
    finally:
        server.stop()


class _Refuses(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.hosts.append(self.headers["Host"])
        self.send_error(403)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    """An API server that refuses everything, and records the names by which it was addressed."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refuses)
    server.hosts = []
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = gpugate.authority().issue("api", dns=[API])
        pem = Path(folder) / "pair.pem"
        pem.write_bytes(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_names_are_resolved(root, folder, api):
    """The name of the API server is resolved by the server in /etc/resolv.conf, which the kubelet
    writes. The image has all that glibc needs for this."""
    names = NameServer("127.0.0.77", "127.0.0.1")
    resolver = root / "etc" / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.77\n")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://{API}:{api.server_port}",
                                               "certificate-authority-data": base64.b64encode(gpugate.authority().pem).decode()}}],
        "users": [{"name": "u", "user": {"token": "t"}}]}))
    os.chown(kubeconfig, inside.USER, inside.USER)
    try:
        done = gpugate.run("quota", "--kubeconfig", kubeconfig, timeout=60)
        assert api.hosts == [f"{API}:{api.server_port}"] and API in names.asked, done.stderr
        assert done.returncode == 2 and "403" in done.stderr
    finally:
        names.close()
        resolver.unlink()
