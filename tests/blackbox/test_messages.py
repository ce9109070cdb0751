"""The exact messages of the command line and of TLS: what is wrong, where, and what to do, without
the words of a library."""

import os
import pty
import re
import select
import subprocess

import pytest

from command_table import commands, help_of
from gpugate import BINARY, Server, authority, run, write_policy
from kube import doc

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"])]
TRY = "Try `gpugate {} --help`.\n"

COMMAND_LINE = {
    "one letter has no neighbor": (["certs", "create", "-n", "x"], "gpugate certs create: unknown option -n\n" + TRY.format("certs create")),
    "a misspelled option": (["lint", "--hlep"], "gpugate lint: unknown option --hlep; did you mean --help?\n" + TRY.format("lint")),
    "a misspelled long option": (["render", "--polcy", "x"], "gpugate render: unknown option --polcy; did you mean --policy?\n" + TRY.format("render")),
    "an argument for --dir": (["certs", "create", "pki"], 'gpugate certs create: unexpected argument "pki"; did you mean --dir pki?\n' + TRY.format("certs create")),
    "an argument for the first option": (["certs", "inspect", "pki"], 'gpugate certs inspect: unexpected argument "pki"; did you mean --dir pki?\n' + TRY.format("certs inspect")),
    "an option without dashes": (["render", "policy"], 'gpugate render: unexpected argument "policy"; did you mean --policy?\n' + TRY.format("render")),
    "the long name of -o": (["quota", "--output", "json"], "gpugate quota: unknown option --output; did you mean -o?\n" + TRY.format("quota")),
    "a long name that is not there": (["certs", "create", "--output", "json"], "gpugate certs create: unknown option --output\n" + TRY.format("certs create")),
    "a tenant for a kubeconfig": (["quota", "team-a"], 'gpugate quota: unexpected argument "team-a"; all arguments of this command are options\n' + TRY.format("quota")),
    "an argument for nothing": (["version", "x"], 'gpugate version: unexpected argument "x"; all arguments of this command are options\n' + TRY.format("version")),
    "no namespace in lint": (["lint", "-n", "Bad_NS", "."], 'gpugate lint: -n: no namespace can be named "Bad_NS"; write at most 63 lower-case letters, digits, '
                             "and hyphens between them, such as team-a\n" + TRY.format("lint")),
    "no namespace in explain": (["explain", "-n", "team-*", "-f", "pod.yaml"], 'gpugate explain: -n: no namespace can be named "team-*"; write at most 63 lower-case '
                                "letters, digits, and hyphens between them, such as team-a\n" + TRY.format("explain")),
    **{f"no namespace {name}": (["lint", "-n", name, "."], f'gpugate lint: -n: no namespace can be named "{name}"; write at most 63 lower-case letters, digits, '
                                "and hyphens between them, such as team-a\n" + TRY.format("lint")) for name in ("x-", "-x", "-")},
    "a misspelled child": (["certs", "creat"], 'gpugate certs: unknown command "creat"; did you mean "create"?\n' + TRY.format("certs")),
    "no such child": (["certs", "destroy"], 'gpugate certs: unknown command "destroy"; the commands are create, inspect and verify\n' + TRY.format("certs")),
    "a misspelled command": (["lnt"], 'gpugate: unknown command "lnt"; did you mean "lint"?\nTry `gpugate --help`.\n'),
}


@pytest.mark.parametrize("name", sorted(COMMAND_LINE))
def test_the_command_line(name):
    args, sentence = COMMAND_LINE[name]
    done = run(*args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


def refused(server):
    done = run(*server.args)
    assert done.returncode == 2
    return done.stderr.splitlines()[-1].removeprefix("gpugate serve: ")


ADDRESSES = {"8443": "--listen 8443: did you mean :8443?", "localhost:8443": "--listen localhost:8443: did you mean 127.0.0.1:8443?",
             "127.0.0.1": "--listen 127.0.0.1: the port is missing; give ADDRESS:PORT, such as 127.0.0.1:8443, [::1]:8443 or :8443",
             "https://127.0.0.1:8443": "--listen https://127.0.0.1:8443: leave out https://; did you mean 127.0.0.1:8443?",
             "::1:8443": "--listen ::1:8443: an IPv6 address has to be in brackets; give ADDRESS:PORT, such as 127.0.0.1:8443, [::1]:8443 or :8443"}


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_addresses(address):
    server = Server(POLICY, start=False)
    server.args[server.args.index("--listen") + 1] = address
    assert refused(server) == ADDRESSES[address]


def block(kind, content="AAAA"):
    return f"-----BEGIN {kind}-----\n{content}\n-----END {kind}-----\n".encode()


PAIRS = {
    "swapped": (lambda cert, key: (key, cert), "the key {key} is a certificate; are --tls-cert and --tls-key swapped?"),
    "two keys": (lambda cert, key: (key, key), "the certificate {cert} is a private key; are --tls-cert and --tls-key swapped?"),
    "two certificates": (lambda cert, key: (cert, cert), "the key {key} is a certificate; are --tls-cert and --tls-key swapped?"),
    "text for a key": (lambda cert, key: (cert, b"no key\n"), "the key {key} contains no private key in PEM; name a file that does with --tls-key"),
    "empty key": (lambda cert, key: (cert, b""), "the key {key} contains no private key in PEM; name a file that does with --tls-key"),
    "text for a certificate": (lambda cert, key: (b"no certificate\n", key), 'the certificate {cert} contains no certificate in PEM ("-----BEGIN CERTIFICATE-----")'),
    "empty certificate": (lambda cert, key: (b"", key), 'the certificate {cert} contains no certificate in PEM ("-----BEGIN CERTIFICATE-----")'),
    "half a key": (lambda cert, key: (cert, key[:len(key) // 2]), "the private key in {key} cannot be read; is the file complete?"),
    "damaged key": (lambda cert, key: (cert, block("PRIVATE KEY")), "the private key in {key} cannot be read; is the file complete?"),
    "damaged certificate": (lambda cert, key: (block("CERTIFICATE"), key), "the certificate in {cert} cannot be read; is the file complete?"),
    "encrypted key": (lambda cert, key: (cert, block("ENCRYPTED PRIVATE KEY")), "the key {key} is encrypted; give --tls-key one without a passphrase"),
    "another's key": (lambda cert, key: (cert, authority().issue("x")[1]),
                      "the key {key} does not match the certificate {cert}; give --tls-cert and --tls-key of one pair"),
}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_certificates_and_keys(name):
    change, sentence = PAIRS[name]
    server = Server(POLICY, start=False)
    cert, key = change(server.cert.read_bytes(), server.key.read_bytes())
    server.cert.write_bytes(cert)
    server.key.write_bytes(key)
    assert refused(server) == sentence.format(cert=server.cert, key=server.key)


def test_a_client_ca_that_is_none(tmp_path):
    (tmp_path / "ca").write_text("no authority\n")
    server = Server(POLICY, "--client-ca", tmp_path / "ca", "--client-name", "x", start=False)
    assert refused(server) == f'the client CA {tmp_path}/ca contains no certificate in PEM that can be read ("-----BEGIN CERTIFICATE-----")'


def test_a_port_without_tls(serve):
    server = serve(POLICY)
    address = f"127.0.0.1:{server.admin_port}"
    done = run("certs", "inspect", "--connect", address)
    assert done.returncode == 2 and done.stderr == f"gpugate certs inspect: {address} answers without TLS; is it the admin port, or plain HTTP?\n"


def test_a_policy_with_errors(tmp_path):
    done = run(*Server("kind: [\n", start=False).args)
    assert done.stderr.splitlines()[-1] == "gpugate serve: the policy has 1 error; fix it and start again (`gpugate lint` prints the same)"


def test_urls(tmp_path):
    policy = write_policy(tmp_path / "policy", POLICY)
    assert run("render", "--policy", policy, "--url", "http://x:8443").stderr == (
        "gpugate render: --url http://x:8443 must begin with https://, such as https://gpugate.example:8443\n")


@pytest.mark.parametrize("path", ["/mutate", "/validate", "/validate/"])
def test_a_url_with_the_path(tmp_path, path):
    policy = write_policy(tmp_path / "policy", POLICY)
    assert run("render", "--policy", policy, "--url", f"https://x:8443{path}").stderr == (
        f"gpugate render: --url https://x:8443{path}: /mutate and /validate are appended to it; did you mean https://x:8443?\n")


BUNDLES = {
    "a key": (block("PRIVATE KEY"), "holds a private key, which must not be published; name the file with the authority's certificate, ca.crt"),
    "a policy": (b"kind: Tenant\n", 'contains no certificate in PEM ("-----BEGIN CERTIFICATE-----"); name the file with the authority\'s certificate, ca.crt'),
    "too much": (b"x" * ((1 << 20) + 1), "has more than 1048576 bytes; name a file with the authority only"),
}


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_bundles(tmp_path, name):
    content, sentence = BUNDLES[name]
    policy, path = write_policy(tmp_path / "policy", POLICY), tmp_path / "bundle"
    path.write_bytes(content)
    done = run("render", "--policy", policy, "--ca-bundle", path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gpugate render: --ca-bundle {path} {sentence}\n")


def test_a_key_is_no_certificate(tmp_path):
    """Findings that only follow from that are not reported."""
    (tmp_path / "key").write_bytes(authority().issue("x")[1])
    done = run("certs", "inspect", "--cert", tmp_path / "key")
    assert (done.returncode, done.stdout.strip()) == (1, "fault:  the certificate is a private key; give the file with the certificate instead")


def test_certificates_that_are_there(tmp_path):
    assert run("certs", "create", "--dir", tmp_path).returncode == 0
    done = run("certs", "create", "--dir", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gpugate certs create: {tmp_path} already has tls.crt or tls.key; choose another --dir, or replace both with --force\n"


def test_no_help_says_anything_twice():
    for command in commands():
        for option in re.split(r"\n  (?=-)", help_of(*command).partition("Options:")[2].partition("Exit status:")[0]):
            assert " ".join(option.split()).count("May be repeated") <= 1, (command, option)


def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "gpugate: cannot write output: No space left on device\n")


def test_help_writes_no_key_into_a_folder_of_the_sources():
    """Users copy its examples while they are in the repository."""
    folders = {path.name for path in (BINARY.parents[1] if BINARY.parent.name == "build" else BINARY.parents[2]).iterdir()}
    for args in ["--help"], ["serve", "--help"], ["certs", "create", "--help"]:
        text = run(*args).stdout
        dirs = {line.split("--dir ")[1].split()[0] for line in text.splitlines() if line.startswith("  gpugate") and "--dir " in line}
        assert dirs and not dirs & (folders | {"certs"}), dirs


def colored(args, stream, **env):
    """Whether this command colors its output to a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen([BINARY, *args], **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs},
                            env={"PATH": os.environ["PATH"], **env})
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            text += os.read(ours, 65536)
        except OSError:  # The other end of the terminal is closed.
            break
    done.wait()
    os.close(ours)
    assert text
    return b"\x1b[" in text


@pytest.mark.parametrize("command", ["lint", "render", "serve", "inspect"])
def test_colors(tmp_path, command):
    """Colors are only used if they can be shown and are wanted. TERM enables them, and a nonempty
    NO_COLOR disables them."""
    policy = write_policy(tmp_path / "policy", "kind: [\n")
    expired = authority().issue("x", start_days=-20, days=5)[0]
    (tmp_path / "cert").write_bytes(expired)
    args, stream = {"lint": (["lint", policy], "stdout"), "render": (["render", "--policy", policy], "stderr"),
                    "serve": ([*Server("kind: [\n", start=False).args], "stderr"),
                    "inspect": (["certs", "inspect", "--cert", tmp_path / "cert"], "stdout")}[command]
    assert colored(args, stream, TERM="xterm")
    assert colored(args, stream, TERM="xterm", NO_COLOR="")
    assert not colored(args, stream, TERM="xterm", NO_COLOR="1")
    assert not colored(args, stream, TERM="dumb")
    assert not colored(args, stream)
