"""The harness: starts the real binary, calls it as a kube-apiserver does, and checks every answer.

The environment variable GPUGATE names another binary to test, such as a sanitizer build. A
sanitizer report, or an exit status other than 0 when a server stops, fails the test that used
it.
"""

import _ssl
import atexit
import base64
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import jsonpatch
import yaml

import kube
from pki import Authority
from prometheus import Metrics

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("GPUGATE", ROOT / "build" / "gpugate")).resolve()
SANITIZED = "san-" in str(BINARY) or bool(os.environ.get("GPUGATE_SANITIZED"))
PATIENCE = 6 if SANITIZED else 1  # A sanitized build is that much slower.
# The minimum time to wait for anything. Only a failure waits that long, even on a slow machine.
DEADLINE_S = 120
_REPORTS = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|panic|Assertion")

# An entry is small and is replaced as a whole: value or valueFrom.
_ENV_ENTRY = re.compile(r"/env/\d+$")

BODY_MAX = 8 << 20


def scaled(full, brief):
    """Returns how many examples a property test tries; fewer where each is slow."""
    return brief if SANITIZED else full


class _Socket(ssl.SSLSocket):
    """Leaves no error of a failed write behind. OpenSSL 3.2 and later put it into the queue of the
    thread, and Python leaves it there, so that the next read from any other connection of the
    thread that has to wait would raise it as an error of its own."""

    def send(self, data, flags=0):
        try:
            return super().send(data, flags)
        except OSError:
            ctypes.CDLL(_ssl.__file__).ERR_clear_error()
            raise


def eventually(condition, seconds=0, what="the condition", pause=0.005):
    """Waits until condition() is true and returns its value. Waits at least DEADLINE_S, even if
    `seconds` is less. `what` may be a function, which is called only on failure."""
    end = time.monotonic() + max(seconds * PATIENCE, DEADLINE_S)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what() if callable(what) else what} did not come about"
        time.sleep(pause)


def cpu_seconds(pid):
    """Returns the processor time of a process in all its threads. It does not grow while other
    programs use the processor."""
    # The clock that clock_getcpuclockid(3) returns for pid.
    return time.clock_gettime(~pid << 3 | 2)


def in_proportion(pid, ask, size, factor=8, rounds=8):
    """Asserts that ask(n) takes processor time of process `pid` in proportion to n.

    Both sizes are measured in the same run, alternating, and the median of each counts, so that
    a slow or busy machine does not matter. The kernel may account for the end of one round in
    the next, so the smallest time can be as wrong as the largest. If the time grew with the
    square of n, it would be `factor` times too long.
    """
    times = {size // factor: [], size: []}
    for number in range(rounds):
        for n, taken in times.items():
            begin = cpu_seconds(pid)
            ask(n)
            taken.append(cpu_seconds(pid) - begin)
        small, large = (statistics.median(taken) for taken in times.values())
        if number >= 2 and large < 2.5 * factor * small:
            return
    raise AssertionError(f"{factor} times as much takes {large / small:.0f} times as long: {times}")


def run(*args, **kwargs):
    """Runs the binary until it exits, as in run("lint", folder)."""
    kwargs.setdefault("timeout", DEADLINE_S * PATIENCE)
    done = subprocess.run([str(BINARY), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **kwargs)
    assert not _REPORTS.search(done.stderr), done.stderr
    assert done.returncode >= 0, f"killed by signal {-done.returncode}: {done.stderr}"
    return done


_MEASURED = """import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def run_measured(*args):
    """Runs the binary until it exits. Returns what it did, and its largest resident memory in KiB,
    which is wrong for a child of this process: a child begins with what its parent had."""
    done = subprocess.run(["/usr/bin/python3", "-c", _MEASURED, str(BINARY), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=DEADLINE_S * PATIENCE)
    done.stderr, _, kilobytes = done.stderr.rstrip("\n").rpartition("\n")
    assert not _REPORTS.search(done.stderr), done.stderr
    return done, int(kilobytes)


def write_policy(folder, policy):
    """Writes a policy into a folder: a list of documents, a text, or a dict from file names to
    either."""
    folder = Path(folder)
    if not isinstance(policy, dict):
        policy = {"policy.yaml": policy}
    for name, content in policy.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump_all(content, sort_keys=False))
    return folder


class Answer:
    """An HTTP answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def sentence(self):
        """Returns the body of a 4xx or 5xx answer, which must be one plain sentence."""
        assert self.headers.get("Content-Type", "").startswith("text/plain"), dict(self.headers)
        text = self.text.rstrip("\n")
        assert text and "\n" not in text and len(text) < 1000, self.body
        assert all(c.isprintable() for c in text), self.body
        return text


class Decision:
    """A checked AdmissionReview response."""

    _QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")

    def __init__(self, answer, request, path):
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.headers["Content-Type"].startswith("application/json")
        whole = json.loads(answer.body)
        assert whole["apiVersion"] == "admission.k8s.io/v1" and whole["kind"] == "AdmissionReview", whole
        assert set(whole) == {"apiVersion", "kind", "response"}, whole.keys()
        response = self.raw = whole["response"]
        assert response["uid"] == request["request"]["uid"]
        assert isinstance(response["allowed"], bool)
        self.allowed = response["allowed"]
        self.patch = self._patch(response, path)
        status = response.get("status") or {}
        self.code, self.reason, self.message = status.get("code"), status.get("reason"), status.get("message", "")
        self.warnings = response.get("warnings") or []
        self.audit = response.get("auditAnnotations") or {}
        self._check()

    def _patch(self, response, path):
        assert ("patch" in response) == ("patchType" in response)
        if "patch" not in response:
            return []
        assert path == "mutate", "a validating webhook must not patch"
        assert response["allowed"], "a refusal must not patch"
        assert response["patchType"] == "JSONPatch"
        patch = json.loads(base64.b64decode(response["patch"], validate=True))
        assert isinstance(patch, list) and patch, "an empty patch is to be left out"
        return patch

    def _check(self):
        if not self.allowed:
            assert self.message and self.message == self.message.strip(), repr(self.message)
            assert "\n" not in self.message and len(self.message) < 4096
            assert (self.code, self.reason) in ((403, "Forbidden"), (429, "TooManyRequests")), self.raw
        assert sum(map(len, self.warnings)) <= 4096 or all(len(w) <= 256 for w in self.warnings)
        for warning in self.warnings:
            assert warning and warning.isprintable(), repr(warning)
        for key, value in self.audit.items():
            assert self._QUALIFIED.match(key) and len(key) <= 63, key
            assert isinstance(value, str) and len(value) < 256 * 1024

    def __bool__(self):
        raise TypeError("say .allowed")

    def __repr__(self):
        return f"<{'allowed' if self.allowed else 'denied'} {json.dumps(self.raw)} {self.patch}>"


def applied(obj, patch):
    """Returns the object after the patch. Checks that the patch applies, and that no part of it is
    superfluous or too coarse."""
    result = jsonpatch.apply_patch(obj, patch)
    for i, op in enumerate(patch):
        assert op["op"] in ("add", "replace", "remove"), op
        without = patch[:i] + patch[i + 1:]
        try:
            assert jsonpatch.apply_patch(obj, without) != result, f"superfluous: {op} in {patch}"
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            pass  # A later operation needs this one.
        if op["op"] != "add":
            old = jsonpatch.JsonPointer(op["path"]).resolve(jsonpatch.apply_patch(obj, patch[:i]))
            if op["op"] == "replace" and isinstance(old, (dict, list)):
                assert _ENV_ENTRY.search(op["path"]), f"replaces a whole {type(old)}: {op}"
    return result


_authority = None


def authority():
    """Returns the authority of all servers that do not need another one, because making keys takes
    time."""
    global _authority
    if _authority is None:
        _authority = Authority()
        _authority.pair = _authority.issue("gpugate")
    return _authority


def split_address(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]") or "localhost", int(port)


class Server:
    """A running `gpugate serve`, with keep-alive connections to it, one for each thread."""

    def __init__(self, policy, *args, listen="127.0.0.1:0", admin="127.0.0.1:0", secret=None, tls=None, start=True,
                 env=None, wait="listening", binary=None):
        self.dir = Path(tempfile.mkdtemp(prefix="gpugate-"))
        atexit.register(shutil.rmtree, self.dir, ignore_errors=True)
        self.policy = policy if isinstance(policy, Path) else write_policy(self.dir / "policy", policy)
        pair = tls or authority().pair
        self.cert, self.key, self.ca = self.dir / "tls.crt", self.dir / "tls.key", self.dir / "ca.crt"
        if "self-managed" not in args:
            self.write_pair(pair)
        self.ca.write_bytes(authority().pem)
        self.secret = secret
        files = () if "self-managed" in args else ("--tls-cert", str(self.cert), "--tls-key", str(self.key))
        self.args = ["serve", "--policy", str(self.policy), "--listen", listen, *files, *(() if "--drain-seconds" in args else ("--drain-seconds", "0"))]
        if admin:
            self.args += ["--admin", admin]
        if secret:
            (self.dir / "secret").write_text(secret + "\n")
            self.args += ["--path-secret", str(self.dir / "secret")]
        self.args += [str(a) for a in args]
        self.env = {**os.environ, **(env or {})}
        self.context = ssl.create_default_context(cafile=str(self.ca))
        self.context.sslsocket_class = _Socket
        self.process = None
        self._local = threading.local()
        self._wait = wait
        self.binary = binary  # None: the binary under test.
        if start:
            self.start()

    # --- Life cycle ---

    def start(self):
        self._stderr = open(self.dir / "stderr", "wb")
        self.process = subprocess.Popen([str(self.binary or BINARY), *self.args], stdin=subprocess.DEVNULL, stdout=self._stderr,
                                        stderr=self._stderr, env=self.env, cwd=self.dir)
        try:
            line = eventually(self._listening, 10, "the start")
        except BaseException:
            self.kill()
            raise
        self.host, self.port = split_address(line["address"])
        if "admin" in line:
            self.admin_host, self.admin_port = split_address(line["admin"])
        return self

    def _listening(self):
        lines = self.log("listening", strict=False)
        if lines:
            return lines[0]
        assert self.process.poll() is None, f"exit {self.process.returncode}: {self.stderr()}"
        return None

    def stop(self, sign=signal.SIGTERM, seconds=DEADLINE_S):
        """Stops the server and checks that it exited cleanly: status 0, no sanitizer report, and
        every line a JSON object."""
        if self.process is None:
            return None
        self._close_connections()
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.join(seconds)

    def join(self, seconds=DEADLINE_S):
        try:
            status = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"does not stop: {self.stderr()[-2000:]}") from None
        process, self.process = self.process, None
        self._stderr.close()
        text = self.stderr()
        assert not _REPORTS.search(text), text[-8000:]
        assert status == 0, f"exit {status}: {text[-4000:]}"
        for line in self.log():
            assert {"time", "level", "event"} <= set(line), line
        assert self.log("stopped"), text[-1000:]
        shutil.rmtree(self.dir, ignore_errors=True)
        return process

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self._stderr.close()

    def _close_connections(self):
        if getattr(self._local, "connection", None) is not None:
            self._local.connection.close()
            self._local.connection = None

    def stderr(self):
        return (self.dir / "stderr").read_text(errors="replace")

    def log(self, event=None, strict=True):
        """Returns the log's lines as objects: all of them, or those of one event."""
        lines = []
        for text in self.stderr().split("\n")[:-1]:
            try:
                line = json.loads(text)
            except ValueError:
                assert not strict, f"not JSON: {text!r}"
                continue
            if event is None or line.get("event") == event:
                lines.append(line)
        return lines

    def wait_log(self, event, count=1, seconds=0):
        return eventually(lambda: (lambda found: found if len(found) >= count else None)(self.log(event, False)),
                          seconds, f"{count} x {event!r} in the log")

    def write_pair(self, pair):
        self.cert.write_bytes(pair[0])
        self.key.write_bytes(pair[1])
        self.key.chmod(0o600)

    # --- Policy ---

    def generation(self):
        return int(self.metrics().value("gpugate_policy_generation"))

    def reload(self, policy, rejected=False):
        """Replaces the policy's files, and waits until the server has accepted (or rejected) them.
        """
        before = self.metrics()
        key = "gpugate_policy_reload_failures_total" if rejected else "gpugate_policy_generation"
        staged = write_policy(self.dir / f"staged-{time.monotonic_ns()}", policy)
        new = {p.relative_to(staged) for p in staged.rglob("*") if p.is_file()}
        for path in new:
            (self.policy / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged / path, self.policy / path)
        for path in [p for p in self.policy.rglob("*.yaml") if p.relative_to(self.policy) not in new]:
            path.unlink()
        shutil.rmtree(staged)
        os.kill(self.process.pid, signal.SIGHUP)
        eventually(lambda: self.metrics().value(key) > before.value(key), 5, "the reload")
        # inotify may report more of the change. Wait so that this is the last reload.
        time.sleep(0.3)

    # --- HTTP ---

    def connect(self, context=None, timeout=DEADLINE_S):
        connection = http.client.HTTPSConnection(self.host, self.port, context=context or self.context,
                                                 timeout=timeout * PATIENCE)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def tls(self, context=None, timeout=DEADLINE_S):
        """Returns a plain TLS socket."""
        raw = socket.create_connection((self.host, self.port), timeout * PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return (context or self.context).wrap_socket(raw, server_hostname=self.host)

    def raw(self, data, timeout=DEADLINE_S):
        """Sends bytes over a new TLS connection and returns everything until the server closes it.
        The server may close before it has received all bytes, once it has seen enough. Its
        answer can then no longer be read, so this returns nothing."""
        with self.tls(timeout=timeout) as sock:
            try:
                sock.sendall(data)
            except (ConnectionError, ssl.SSLError):
                return b""
            return read_all(sock)

    def request(self, method, path, body=None, headers=None, context=None):
        """Sends one request over this thread's keep-alive connection, or over a new one if
        `context` is given."""
        if context is not None:
            connection = self.connect(context)
        else:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            connection.close()
            if context is None:
                self._local.connection = None
            raise
        if context is not None or response.will_close:
            connection.close()
            if context is None:
                self._local.connection = None
        return answer

    def post(self, path, body, headers=None, context=None):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body, separators=(",", ":"))
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})}, context)

    def admin(self, path, method="GET", timeout=DEADLINE_S):
        connection = http.client.HTTPConnection(self.admin_host, self.admin_port, timeout=timeout * PATIENCE)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def metrics(self):
        answer = self.admin("/metrics")
        assert answer.status == 200
        return Metrics(answer.text)

    def used(self, tenant, quota, measure="count", metrics=None):
        """Returns what the quota's gauges report as taken, now or in these metrics."""
        metrics = metrics or self.metrics()
        labels = {"tenant": tenant, "quota": quota, "measure": measure}
        return metrics.value("gpugate_quota_used", **labels) + metrics.value("gpugate_quota_pending", **labels)

    # --- Admission ---

    def decide(self, path, review):
        suffix = f"/{self.secret}" if self.secret else ""
        return Decision(self.post(f"/{path}{suffix}?timeout=10s", review), review, path)

    def mutate(self, pod, **how):
        return self.decide("mutate", kube.review(pod, **how))

    def validate(self, pod, **how):
        """Makes the validating call for exactly this Pod. Pass it through kube.persisted() to reuse
        its uid."""
        if pod is not None and "uid" not in pod["metadata"]:
            pod = kube.persisted(kube.defaulted(pod))
        return self.decide("validate", kube.review(pod, **how))

    def mutated(self, pod, **how):
        """Returns the Pod as /mutate changes it."""
        decision = self.mutate(pod, **how)
        assert decision.allowed, decision
        return applied(pod, decision.patch)

    def admit(self, pod, **how):
        """Makes both calls of an admission. Returns the last decision and the Pod as it would be
        stored."""
        decision = self.mutate(pod, **how)
        if not decision.allowed:
            return decision, None
        final = kube.persisted(kube.defaulted(applied(pod, decision.patch)))
        return self.validate(final, **how), final

    def delete(self, pod, **how):
        return self.decide("validate", kube.review(None, operation="DELETE", old=pod, **how))

    def finish(self, pod, phase="Succeeded", **how):
        new = json.loads(json.dumps(pod))
        new["status"]["phase"] = phase
        return self.decide("validate", kube.review(new, operation="UPDATE", old=pod, subresource="status", **how))


def read_all(sock):
    data = b""
    while True:
        try:
            piece = sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return data
        if not piece:
            return data
        data += piece


def status_of(data):
    """Returns the status of the first HTTP answer in these bytes, or None."""
    match = re.match(rb"HTTP/1\.[01] (\d{3}) ", data)
    return int(match[1]) if match else None
