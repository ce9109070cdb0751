"""Start, stop and the command line."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from gpugate import BINARY, DEADLINE_S, Server, authority, eventually, run, scaled
from kube import GPU, doc, pod, review

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4}])]


def drained(server, seconds):
    at = server.args.index("--drain-seconds")
    server.args[at + 1] = str(seconds)
    return server


class Load:
    """Clients that send requests without a pause.

    A client that gets `Connection: close` reconnects. A refused connection only counts as a
    failure if the server has not begun to stop. An unanswered request always does.
    """

    def __init__(self, server, clients):
        self.server, self.stopping, self.stop = server, threading.Event(), threading.Event()
        self.answered, self.failures, self.polite = 0, [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _work(self):
        while not self.stop.is_set():
            try:
                connection = self.server.connect()
            except (OSError, ssl.SSLError) as problem:
                if not self.stopping.is_set():
                    self.failures.append(("connect", problem))
                return
            try:
                self._ask(connection)
            finally:
                connection.close()

    def _ask(self, connection):
        while not self.stop.is_set():
            try:
                connection.request("POST", "/validate", json.dumps(review(pod())), {"Content-Type": "application/json"})
                response = connection.getresponse()
                body = json.loads(response.read())
                assert response.status == 200 and body["response"]["allowed"]
            except (OSError, http.client.HTTPException, ValueError, AssertionError) as problem:
                self.failures.append(("request", repr(problem)))
                return
            with self.lock:
                self.answered += 1
            if response.will_close:
                with self.lock:
                    self.polite += 1
                return

    def join(self):
        for thread in self.threads:
            thread.join(DEADLINE_S)


@pytest.mark.concurrent
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_stop_under_load(serve, sign):
    server = drained(serve(POLICY, start=False), 2).start()
    load = Load(server, 8)
    eventually(lambda: load.answered > scaled(200, 40), 10, "some load")
    assert server.admin("/readyz").status == 200
    load.stopping.set()
    server.process.send_signal(sign)
    eventually(lambda: server.log("draining"), 5, "the drain")
    try:
        ready = server.admin("/readyz")
        assert ready.status == 503, ready.status
        assert ready.text
        assert server.admin("/healthz").status == 200
    except ConnectionRefusedError:
        pytest.fail("the admin listener must tell of the drain")
    process = server.join()
    load.stop.set()
    load.join()
    assert process.returncode == 0
    assert not load.failures, (len(load.failures), load.failures[:3])
    assert load.polite > 0, "keep-alive connections are to be closed politely"


@pytest.mark.concurrent
def test_stop_with_idle_connections(serve):
    server = serve(POLICY)
    held = [server.connect() for _ in range(10)]
    for connection in held[:5]:
        connection.request("POST", "/validate", json.dumps(review(pod())), {"Content-Type": "application/json"})
        connection.getresponse().read()
    start = time.monotonic()
    server.stop()
    assert time.monotonic() - start < 30
    for connection in held:
        connection.close()


def test_stop_with_a_half_sent_request(serve):
    server = serve(POLICY)
    sock = server.tls()
    sock.sendall(b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    start = time.monotonic()
    server.stop(seconds=30)
    assert time.monotonic() - start < 30
    sock.close()


def test_log_lines(serve):
    server = serve(POLICY)
    server.validate(pod({GPU: 9}))
    server.wait_log("denied")
    listening = server.log("listening")
    assert len(listening) == 1
    assert listening[0]["address"] == f"127.0.0.1:{server.port}"
    assert listening[0]["admin"] == f"127.0.0.1:{server.admin_port}"
    for line in server.log():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("info", "warn", "error")
    loaded = server.log("policy_loaded")[0]
    assert loaded["generation"] == 1 and loaded["tenants"] == 1 and loaded["rules"] == 0
    denied = server.log("denied")[0]
    assert denied["path"] == "/validate" and denied["namespace"] == "team-a" and denied["tenant"] == "team-a"
    assert denied["user"] == "jane@example.com" and denied["message"].startswith("can never fit: GPU quota")
    assert denied["pod"] and denied["uid"]
    assert any("embedded" in json.dumps(line) for line in server.log()), "it forgets at exit: serve says so at start"


def test_log_is_not_injectable(serve):
    server = serve(POLICY)
    server.validate(pod({GPU: 9}, name='x"}\n{"event":"stopped","a":"\u2028\x1b[31m'))
    line = server.wait_log("denied")[0]
    assert line["pod"].startswith('x"}')
    assert "\x1b" not in server.stderr()


def test_log_reader_that_stops(serve, tmp_path):
    """A reader that does not read the log must not block admission."""
    server = serve(POLICY, start=False)
    read, write = os.pipe()
    process = subprocess.Popen([str(BINARY), *server.args], stdin=subprocess.DEVNULL, stderr=write, stdout=write)
    os.close(write)
    try:
        first = b""
        while b'"listening"' not in first:
            piece = os.read(read, 65536)
            assert piece, first
            first += piece
        line = next(json.loads(t) for t in first.decode().split("\n") if '"listening"' in t)
        server.host, server.port = "127.0.0.1", int(line["address"].rpartition(":")[2])
        server.admin_host, server.admin_port = "127.0.0.1", int(line["admin"].rpartition(":")[2])
        for _ in range(scaled(3000, 1500)):
            assert not server.validate(pod({GPU: 9}, name="p" * 200)).allowed
        assert server.metrics().value("gpugate_log_lines_dropped_total") > 0
        threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(read, 65536), b"")], daemon=True).start()
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()


# --- Startup errors: exit status 2, and a sentence that says what to do ---

def refused(*args, **kwargs):
    done = run(*args, **kwargs)
    assert done.returncode == 2, done
    lines = [line for line in done.stderr.split("\n") if line and not line.startswith('{"time":')]
    assert any(line.startswith("gpugate") for line in lines[-2:]), done.stderr
    assert not done.stdout
    return "\n".join(lines)


@pytest.fixture
def ready():
    return Server(POLICY, start=False)


def test_port_taken(ready):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        ready.args[ready.args.index("--listen") + 1] = address
        text = refused(*ready.args)
        assert address in text and "taken" in text
        ready.args[ready.args.index("--listen") + 1] = "127.0.0.1:0"
        ready.args[ready.args.index("--admin") + 1] = address
        text = refused(*ready.args)
        assert address in text and "taken" in text


def test_key_unreadable(ready):
    ready.key.unlink()
    text = refused(*ready.args)
    assert str(ready.key) in text and "No such file" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_key_forbidden(ready):
    ready.key.chmod(0)
    text = refused(*ready.args)
    assert str(ready.key) in text and "ermission" in text


def test_key_of_another(ready):
    ready.key.write_bytes(authority().issue("other")[1])
    text = refused(*ready.args)
    assert str(ready.key) in text and "match" in text


def test_key_is_no_key(ready):
    ready.key.write_text("no key\n")
    assert str(ready.key) in refused(*ready.args)


def test_certificate_is_none(ready):
    ready.cert.write_text("no certificate\n")
    assert str(ready.cert) in refused(*ready.args)
    ready.cert.unlink()
    assert str(ready.cert) in refused(*ready.args)


def test_policy_missing(ready):
    ready.args[ready.args.index("--policy") + 1] = "/nonexistent/policy"
    text = refused(*ready.args)
    assert "/nonexistent/policy" in text


def test_policy_wrong(ready):
    (ready.policy / "policy.yaml").write_text("apiVersion: gpugate.io/v1\nkind: Tennant\nmetadata: {name: x}\nspec: {}\n")
    done = run(*ready.args)
    assert done.returncode == 2
    assert "policy.yaml:2:7" in done.stderr and "Tenant" in done.stderr


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "[::1:1", "300.0.0.1:1", "", "-1",
                                     "127.0.0.1:"])
def test_bad_address(ready, address):
    ready.args[ready.args.index("--listen") + 1] = address
    assert "--listen" in refused(*ready.args)


@pytest.mark.parametrize("option", ["--policy", "--listen", "--tls-cert", "--tls-key"])
def test_required_options(ready, option):
    at = ready.args.index(option)
    text = refused(*(ready.args[:at] + ready.args[at + 2:]))
    assert option in text


@pytest.mark.parametrize("args", [["--threads", "-1"], ["--threads", "65"], ["--threads", "x"], ["--threads"], ["--drain-seconds", "-1"],
                                  ["--ledger", "paper"], ["--polcy", "x"], ["extra"], ["--path-secret", "/nonexistent"],
                                  ["--client-ca", "/nonexistent", "--client-name", "x"]])
def test_bad_options(ready, args):
    assert args[0].lstrip("-") in refused(*ready.args, *args)


# --- The command line ---

def test_help():
    done = run("--help")
    assert done.returncode == 0 and not done.stderr
    for command in ("serve", "lint", "certs", "version"):
        assert re.search(rf"^ +(gpugate )?{command}\b", done.stdout, re.M), command
    assert max(map(len, done.stdout.split("\n"))) <= 100


@pytest.mark.parametrize("command,options", [
    ("serve", ["--policy", "--listen", "--tls-cert", "--tls-key", "--client-ca", "--client-name", "--path-secret", "--admin",
               "--ledger", "--threads", "--drain-seconds"]),
    ("lint", ["-o"]), ("schema", ["KIND"]), ("certs", ["create"]), ("version", [])])
def test_help_of_a_command(command, options):
    done = run(command, "--help")
    assert done.returncode == 0 and not done.stderr
    for option in options:
        assert option in done.stdout
    assert max(map(len, done.stdout.split("\n"))) <= 120


def test_help_by_word():
    assert run("help").stdout == run("--help").stdout
    for command in ("serve", "lint", "certs", "version"):
        assert run("help", command).stdout == run(command, "--help").stdout
    assert run("--version").stdout == run("version").stdout
    nothing = run()
    assert nothing.returncode == 2 and "Usage" in nothing.stderr and not nothing.stdout


def test_version_as_json():
    done = run("version", "-o", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and f"gpugate {told['version']}" in run("version").stdout
    assert all(library["running"] for library in told["libraries"].values()) and len(told["libraries"]) >= 5


def test_version():
    done = run("version")
    assert done.returncode == 0
    assert re.search(r"gpugate \d+\.\d+\.\d+", done.stdout)
    for library in ("libmicrohttpd", "GnuTLS", "OpenSSL", "jansson", "libyaml", "libcurl"):
        assert re.search(rf"{library}\W+\d", done.stdout, re.I), library


@pytest.mark.parametrize("args", [[], ["srve"], ["--nonsense"], ["serve", "--nonsense"], ["certs"], ["certs", "eat"]])
def test_misspelt(args):
    done = run(*args)
    assert done.returncode == 2
    assert done.stderr
    if args == ["srve"]:
        assert "serve" in done.stderr


def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(BINARY), "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and done.stderr == "gpugate: cannot write output: No space left on device\n"
