"""`gpugate certs inspect` and `certs verify`: the message for each fault, and the verdict of the
API server's own library."""

import datetime
import functools
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gpugate import authority, run
from kube import doc

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "cluster"))

import binaries  # Locates or installs Go.

NAME = "gpugate.gpugate.svc"
PEM = serialization.Encoding.PEM
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SIGN = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
ENCIPHER = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def day(number):
    return NOW + datetime.timedelta(days=number)


class Cert:
    """A certificate and its key, signed by `by` (None: self-signed). Parts that are None are left
    out."""

    def __init__(self, subject, by=None, *, ca=False, dns=(), ips=(), start=-1, days=365, usage=None, key=None, sign=None, key_usage=None):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        issuer = by or self
        builder = (x509.CertificateBuilder().subject_name(self.subject).issuer_name(issuer.subject).public_key(self.key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(day(start)).not_valid_after(day(start + days)))
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        if key_usage or ca:
            builder = builder.add_extension(key_usage or SIGN, critical=True)
        names = [x509.DNSName(name) for name in dns] + [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        self.pem = builder.sign(sign or issuer.key, hashes.SHA256()).public_bytes(PEM)

    def key_pem(self, password=None):
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, how)


def leaf(by, **more):
    return Cert("server", by, **{"dns": [NAME], "usage": [ExtendedKeyUsageOID.SERVER_AUTH], **more})


def signed_with_sha1(cert, by):
    """Returns a self-signed certificate as `by` signs it with SHA-1. openssl still does that, but
    newer versions of python3-cryptography refuse."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("cert", cert.pem), ("ca", by.pem), ("key", by.key_pem())):
            (Path(folder) / name).write_bytes(text)
        return subprocess.run(["openssl", "x509", "-in", "cert", "-CA", "ca", "-CAkey", "key", "-sha1", "-set_serial", "7", "-days", "300"],
                              cwd=folder, check=True, capture_output=True).stdout


ROOT = Cert("root", ca=True)
OTHER_ROOT = Cert("root", ca=True)  # Has the same name.
MIDDLE = Cert("middle", ROOT, ca=True)
GOOD = leaf(ROOT)


def inspect(folder, cert, ca=ROOT.pem, key=None, name=NAME, days=30):
    """Returns (exit status, {code: text} of faults, the same of remarks)."""
    args = []
    for option, text in (("--cert", cert), ("--ca", ca), ("--key", key)):
        if text is not None:
            (folder / option).write_bytes(text)
            (folder / option).chmod(0o600)
            args += [option, folder / option]
    done = run("certs", "inspect", "-o", "json", *args, *(["--name", name] if name else []), "--days", days)
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert said["faults"] == sum(each["level"] == "fault" for each in said["findings"]) and (done.returncode == 1) == (said["faults"] > 0)
    found = [{each["code"]: each["text"] for each in said["findings"] if each["level"] == level} for level in ("fault", "remark")]
    return done.returncode, *found


SENTENCES = {
    "expired": (lambda: leaf(ROOT, start=-30, days=20).pem, {}, "the certificate CN=server expired on"),
    "not-yet": (lambda: leaf(ROOT, start=3).pem, {}, "the certificate CN=server is not valid before"),
    "no-names": (lambda: leaf(ROOT, dns=()).pem, {}, "has no subject alternative names, and Kubernetes ignores the common name; issue it with SERVICE.NAMESPACE.svc"),
    "name-missing": (lambda: leaf(ROOT, dns=["a.b.svc", "c.d.svc"], ips=["10.0.0.7"]).pem, {},
                     f"the certificate is not for {NAME}; it has DNS:a.b.svc, DNS:c.d.svc, IP:10.0.0.7; issue it"),
    "key-mismatch": (lambda: GOOD.pem, {"key": Cert("x").key_pem()}, "the key does not match the certificate"),
    "key-encrypted": (lambda: GOOD.pem, {"key": GOOD.key_pem(b"secret")}, "the key is encrypted"),
    "key-unreadable": (lambda: GOOD.pem, {"key": GOOD.pem}, "the key is a certificate; are certificate and key swapped?"),
    "wrong-order": (lambda: MIDDLE.pem + leaf(MIDDLE).pem, {"key": "last"}, "the server's own certificate is number 2 in its file"),
    "chain-incomplete": (lambda: leaf(MIDDLE).pem, {}, "CN=server was signed by CN=middle, which is neither in the certificate's file nor trusted"),
    "other-authority": (lambda: GOOD.pem, {"ca": OTHER_ROOT.pem}, "CN=server was signed by an authority called CN=root, like the trusted one, but with another key; add that authority to the caBundle"),
    "self-signed": (lambda: leaf(None).pem, {}, "CN=server is self-signed, and the caBundle does not contain it; add it there"),
    "not-an-authority": (lambda: leaf(Cert("middle", ROOT)).pem, {"chain": "middle"}, "CN=middle may not sign certificates: it lacks CA:TRUE"),
    "usage": (lambda: leaf(ROOT, usage=[ExtendedKeyUsageOID.CLIENT_AUTH]).pem, {}, "its extended key usage lacks serverAuth"),
    "weak-signature": (lambda: signed_with_sha1(leaf(None), ROOT), {}, "is signed with SHA1, which is refused"),
    "damaged": (lambda: b"# a comment\n" + GOOD.pem.replace(b"MII", b"M!I", 1), {}, "the block that begins in line 2 is damaged PEM"),
    "no-certificate": (lambda: b"nothing\n", {}, "the certificate holds no certificate in PEM"),
}


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_each_fault_has_a_sentence(tmp_path, code):
    make, how, sentence = SENTENCES[code]
    cert, how = make(), dict(how)
    if how.get("key") == "last":
        signed = leaf(MIDDLE)
        cert, how["key"] = MIDDLE.pem + signed.pem, signed.key_pem()
    if how.pop("chain", None):
        middle = Cert("middle", ROOT)
        cert = leaf(middle).pem + middle.pem
    status, faults, _ = inspect(tmp_path, cert, **how)
    assert status == 1 and code in faults, faults
    assert sentence in faults[code]


def test_a_good_one_has_none(tmp_path):
    assert inspect(tmp_path, GOOD.pem, key=GOOD.key_pem()) == (0, {}, {})
    assert inspect(tmp_path, leaf(MIDDLE).pem + MIDDLE.pem) == (0, {}, {})
    assert inspect(tmp_path, leaf(ROOT, dns=(), ips=["10.1.2.3", "fd00::1"]).pem, name="fd00::1") == (0, {}, {})
    assert inspect(tmp_path, GOOD.pem, ca=OTHER_ROOT.pem + ROOT.pem) == (0, {}, {}), "two authorities of one name, as in a rotation"


def test_what_works_and_should_not_stay_so(tmp_path):
    status, faults, remarks = inspect(tmp_path, leaf(ROOT, days=4.5).pem + GOOD.key_pem())
    assert (status, faults) == (0, {}) and set(remarks) == {"expires-soon", "key-among-certificates"}
    assert "the certificate CN=server expires in 3 days (" in remarks["expires-soon"]
    assert inspect(tmp_path, leaf(ROOT, days=4).pem, days=1) == (0, {}, {})
    assert "weak-key" in inspect(tmp_path, leaf(ROOT, key=rsa.generate_private_key(65537, 1024)).pem)[2]
    serving = Cert("root", ca=True, dns=[NAME])
    assert "authority-serves" in inspect(tmp_path, serving.pem, ca=serving.pem)[2]


@pytest.mark.parametrize("mode,words", [(0o600, None), (0o400, None), (0o644, "every user of this machine has access to the key's file (mode 0644)"),
                                        (0o604, "every user"), (0o640, "the group of the key's file has access to it (mode 0640)")])
def test_a_key_that_others_can_read(tmp_path, mode, words):
    for name, text in (("tls.crt", GOOD.pem), ("tls.key", GOOD.key_pem()), ("ca.crt", ROOT.pem)):
        (tmp_path / name).write_bytes(text)
    (tmp_path / "tls.key").chmod(mode)
    for args in ["--dir", tmp_path], ["--cert", tmp_path / "tls.crt", "--key", tmp_path / "tls.key"]:
        done = run("certs", "inspect", *args, "--name", NAME)
        assert done.returncode == 0 and ("chmod 600" in done.stdout) == bool(words) and (words or "") in done.stdout
    assert run("certs", "verify", "--dir", tmp_path, "--name", NAME).stdout == "", "the API server does not see the key's file"


def test_hostile_texts_never_reach_the_terminal(tmp_path):
    evil = Cert("\x1b[2J\r\nfault: none", ROOT, dns=["a\x1b[2J.svc"])
    for output in ([], ["-o", "json"]):
        (tmp_path / "cert").write_bytes(evil.pem)
        done = run("certs", "inspect", "--cert", tmp_path / "cert", "--name", NAME, *output)
        assert done.returncode == 1 and not any(ord(char) < 32 and char != "\n" for char in done.stdout), repr(done.stdout)
        assert "\nfault: none" not in done.stdout


def test_text_and_verify(tmp_path):
    (tmp_path / "tls.crt").write_bytes(GOOD.pem)
    (tmp_path / "tls.key").write_bytes(GOOD.key_pem())
    (tmp_path / "tls.key").chmod(0o600)
    (tmp_path / "ca.crt").write_bytes(ROOT.pem)
    done = run("certs", "inspect", "--dir", tmp_path, "--name", NAME)
    assert done.returncode == 0 and done.stdout.startswith("certificate: CN=server\n  names      DNS:" + NAME)
    assert done.stdout.endswith(f"\n\nAn API server that trusts {tmp_path}/ca.crt accepts it.\n")
    assert run("certs", "verify", "--dir", tmp_path, "--name", NAME).stdout == ""
    done = run("certs", "verify", "--dir", tmp_path, "--name", "a.svc", "--name", "10.0.0.1")
    assert done.returncode == 1 and [line.split(";")[0] for line in done.stdout.splitlines()] == [
        "the certificate is not for a.svc", "the certificate is not for 10.0.0.1"]


def test_no_verdict_without_what_it_needs(tmp_path):
    """A script would take empty output and status 0 for success."""
    (tmp_path / "tls.crt").write_bytes(GOOD.pem)
    assert "No fault in itself; --ca FILE checks" in run("certs", "inspect", "--dir", tmp_path, "--name", NAME).stdout
    for args, remedy in (["--name", NAME], "give --ca FILE"), (["--ca", tmp_path / "tls.crt"], "give --name NAME"):
        done = run("certs", "verify", "--dir", tmp_path, *args)
        assert done.returncode == 2 and remedy in done.stderr and done.stdout == "", done


def test_a_wrong_order_is_all_that_is_said_of_it(tmp_path):
    """If the issuer were taken for the server's certificate, it would be reported as lacking names
    and as an authority."""
    for key in (None, "with"):
        signed = leaf(MIDDLE)
        _, faults, remarks = inspect(tmp_path, MIDDLE.pem + signed.pem, key=key and signed.key_pem())
        assert set(faults) == {"wrong-order"} and not remarks, (faults, remarks)
    serving = Cert("root", ca=True, dns=[NAME])
    assert set(inspect(tmp_path, serving.pem + MIDDLE.pem, ca=serving.pem)[2]) == {"authority-serves"}, "another authority is no server's"


@pytest.mark.parametrize("args,remedy", [
    ([], "give one of --dir DIR, --cert FILE and --connect HOST:PORT"), (["--dir", ".", "--cert", "x"], "not several"),
    (["--cert", "/none"], "/none cannot be read"), (["--dir", "/none"], "/none/tls.crt cannot be read"),
    (["--connect", "127.0.0.1"], "write HOST:PORT"), (["--connect", "127.0.0.1:1"], "cannot be reached: Connection refused; check the address"),
    (["--connect", "127.0.0.1:1", "--key", "x"], "a server does not show its key"), (["--cert", "x", "--name", "A B"], "--name: "),
    (["--cert", "/dev/zero"], "is not a PEM file")])
def test_what_cannot_be_looked_at(args, remedy):
    done = run("certs", "inspect", *args)
    assert done.returncode == 2 and remedy in done.stderr and done.stdout == "", done.stderr


def test_a_running_server(serve, tmp_path):
    server = serve([doc("Settings", "cluster", enforcement="deny")])
    (tmp_path / "ca").write_bytes(authority().pem)
    where = f"{server.host}:{server.port}"
    assert run("certs", "verify", "--connect", where, "--ca", tmp_path / "ca", "--name", "localhost").returncode == 0
    done = run("certs", "inspect", "--connect", where, "--ca", tmp_path / "ca", "--name", "elsewhere.svc")
    assert done.returncode == 1 and "fault:  the certificate is not for elsewhere.svc" in done.stdout


# --- The verdict of Go's crypto/x509, which the API server uses ---

@pytest.fixture(scope="module")
def go(tmp_path_factory):
    try:
        tool = binaries.find_go()
    except binaries.NotToBeHad as reason:
        pytest.skip(f"there is no Go to ask: {reason}")
    program = tmp_path_factory.mktemp("go") / "verify"
    subprocess.run([tool, "build", "-o", program, HERE / "go_verify/main.go"], check=True, cwd="/", env={**os.environ, "GO111MODULE": "off"})
    return program


@functools.cache
def worlds():
    """Maps names to (certificate, authority, name)."""
    any_usage, client = [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], [ExtendedKeyUsageOID.CLIENT_AUTH]
    both = leaf(MIDDLE).pem + MIDDLE.pem
    no_sign, no_ca = Cert("m", ROOT, ca=True, key_usage=ENCIPHER), Cert("m", ROOT, ca=None)
    narrow, deep = Cert("m", ROOT, ca=True, usage=client), Cert("m2", MIDDLE, ca=True)
    old_root, old_middle = Cert("root", ca=True, start=-60, days=30), Cert("m", ROOT, ca=True, start=-60, days=30)
    forged = leaf(ROOT, sign=OTHER_ROOT.key)
    selfish = Cert("server", ca=None, dns=[NAME])
    return {
        "good": (GOOD.pem, ROOT.pem, NAME), "chain": (both, ROOT.pem, NAME), "chain cut": (leaf(MIDDLE).pem, ROOT.pem, NAME),
        "issuer is trusted, not a root": (leaf(MIDDLE).pem, MIDDLE.pem, NAME), "longer": (leaf(deep).pem + deep.pem + MIDDLE.pem, ROOT.pem, NAME),
        "shuffled": (leaf(deep).pem + MIDDLE.pem + deep.pem, ROOT.pem, NAME), "wrong name": (GOOD.pem, ROOT.pem, "a.b.svc"),
        "wildcard": (leaf(ROOT, dns=["*.gpugate.svc"]).pem, ROOT.pem, NAME), "wildcard too high": (leaf(ROOT, dns=["*.svc"]).pem, ROOT.pem, NAME),
        "partial wildcard": (leaf(ROOT, dns=["gpu*.gpugate.svc"]).pem, ROOT.pem, NAME), "common name only": (Cert(NAME, ROOT).pem, ROOT.pem, NAME),
        "address": (leaf(ROOT, ips=["127.0.0.1"]).pem, ROOT.pem, "127.0.0.1"), "address as a name": (leaf(ROOT, dns=["127.0.0.1"]).pem, ROOT.pem, "127.0.0.1"),
        "expired": (leaf(ROOT, start=-9, days=3).pem, ROOT.pem, NAME), "future": (leaf(ROOT, start=2).pem, ROOT.pem, NAME),
        "root expired": (leaf(old_root).pem, old_root.pem, NAME), "middle expired": (leaf(old_middle).pem + old_middle.pem, ROOT.pem, NAME),
        "client only": (leaf(ROOT, usage=client).pem, ROOT.pem, NAME), "any usage": (leaf(ROOT, usage=any_usage).pem, ROOT.pem, NAME),
        "no usage": (leaf(ROOT, usage=None).pem, ROOT.pem, NAME), "middle for clients": (leaf(narrow).pem + narrow.pem, ROOT.pem, NAME),
        "middle signs nothing": (leaf(no_sign).pem + no_sign.pem, ROOT.pem, NAME), "middle without constraints": (leaf(no_ca).pem + no_ca.pem, ROOT.pem, NAME),
        "middle is none": (leaf(GOOD).pem + GOOD.pem, ROOT.pem, NAME), "forged": (forged.pem, ROOT.pem, NAME), "other root": (GOOD.pem, OTHER_ROOT.pem, NAME),
        "two roots": (GOOD.pem, OTHER_ROOT.pem + ROOT.pem, NAME), "itself trusted": (selfish.pem, selfish.pem, NAME), "itself": (selfish.pem, ROOT.pem, NAME),
        "sha1": (signed_with_sha1(leaf(None), ROOT), ROOT.pem, NAME), "rsa 2048": (leaf(ROOT, key=rsa.generate_private_key(65537, 2048)).pem, ROOT.pem, NAME),
        "root among the chain": (GOOD.pem + ROOT.pem, ROOT.pem, NAME), "unrelated in the chain": (GOOD.pem + deep.pem, ROOT.pem, NAME),
        "leaf trusted itself": (GOOD.pem, GOOD.pem, NAME),
    }


def accepted(go, cert, ca, name):
    """Whether Go accepts it. gpugate must agree."""
    theirs = subprocess.run([go, cert, ca, name, str(int(time.time()))], text=True, capture_output=True, check=False)
    ours = run("certs", "verify", "--cert", cert, "--ca", ca, "--name", name)
    assert theirs.returncode in (0, 1), theirs.stderr
    assert ours.returncode == theirs.returncode, f"Go: {theirs.stdout or 'accepted'}; gpugate: {ours.stdout or 'accepted'}"
    return theirs.returncode == 0


@pytest.mark.parametrize("world", sorted(worlds()))
def test_the_verdict_is_that_of_the_api_server(tmp_path, go, world):
    cert, ca, name = worlds()[world]
    (tmp_path / "c").write_bytes(cert)
    (tmp_path / "a").write_bytes(ca)
    accepted(go, tmp_path / "c", tmp_path / "a", name)


@pytest.mark.parametrize("args,good,bad", [
    (["--name", NAME, "--name", "gpugate.example"], [NAME, "gpugate.example"], ["a.b.svc", "127.0.0.1"]),
    (["--ip", "10.0.0.1", "--ip", "fd00::1"], ["10.0.0.1", "fd00::1"], ["10.0.0.2", "localhost"]),
    (["--name", NAME, "--ip", "10.0.0.1"], [NAME, "10.0.0.1"], ["10.0.0.1.svc"]), ([], ["localhost", "127.0.0.1", "::1"], [NAME])])
def test_the_api_server_accepts_what_gpugate_makes(tmp_path, go, args, good, bad):
    assert run("certs", "create", "--dir", tmp_path, *args).returncode == 0
    cert, ca = tmp_path / "tls.crt", tmp_path / "ca.crt"
    for name in good:
        assert accepted(go, cert, ca, name), name
    for name in bad:
        assert not accepted(go, cert, ca, name), name
    (tmp_path / "other.crt").write_bytes(ROOT.pem)
    assert not accepted(go, cert, tmp_path / "other.crt", good[0])
