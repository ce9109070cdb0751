"""The admission listener as an HTTP server: TLS, addresses, correct 4xx answers with a message, and
malicious clients."""

import itertools
import json
import random
import re
import select
import socket
import ssl
import threading
import time

import pytest

from gpugate import BODY_MAX, PATIENCE, ROOT, Server, eventually, read_all, run, status_of
from kube import GPU, doc, persisted, pod, review

POLICY = [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "whole", "resources": [GPU], "hard": 4}])]


@pytest.fixture(scope="module")
def server(serve_module):
    return serve_module(POLICY)


def http(path="/validate", body=b"", headers=(), method="POST", version="HTTP/1.1", host=True, length=True):
    lines = [f"{method} {path} {version}"]
    if host:
        lines.append("Host: gpugate")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    lines += headers
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


JSON = "Content-Type: application/json"


def good_body():
    return json.dumps(review(pod())).encode()


# --- TLS and addresses ---

@pytest.mark.parametrize("version,works", [
    (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_3, True)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_versions(server, version, works):
    context = ssl.create_default_context(cafile=str(server.ca))
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    if works:
        assert server.post("/validate", review(pod()), context=context).status == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.connect(context)


def test_plain_http_gets_nothing(server):
    with socket.create_connection((server.host, server.port), 10) as sock:
        sock.sendall(http(body=good_body(), headers=[JSON]))
        assert b"200" not in read_all(sock)
    assert server.validate(pod()).allowed


def test_ipv6(serve):
    server = serve(POLICY, listen="[::1]:0", admin="[::1]:0")
    assert server.host == "::1" and server.admin_host == "::1"
    assert server.validate(pod()).allowed
    assert server.admin("/healthz").status == 200


def test_all_addresses(serve):
    server = serve(POLICY, listen=":0", admin=":0")
    for host in ("127.0.0.1", "::1"):
        server.host = server.admin_host = host
        server._close_connections()
        assert server.validate(pod()).allowed
        assert server.admin("/readyz").status == 200


def test_answers_by_alpn_http11(server):
    context = ssl.create_default_context(cafile=str(server.ca))
    # What Go offers; h2 must not be selected.
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert server.post("/validate", review(pod()), context=context).status == 200


# --- Correct answers ---

def test_ok(server):
    for path in ("/mutate", "/validate", "/mutate?timeout=10s", "/validate?timeout=2s&x=y"):
        assert server.post(path, review(pod())).status == 200


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON",
                                  "application/json;charset=UTF-8"])
def test_content_type_taken(server, kind):
    assert server.post("/validate", review(pod()), {"Content-Type": kind}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonp", "application/json-patch+json", "application",
                                  "application/vnd.kubernetes.protobuf", ""])
def test_content_type_refused(server, kind):
    answer = server.post("/validate", review(pod()), {"Content-Type": kind})
    assert answer.status == 415
    assert "application/json" in answer.sentence()


def test_content_type_missing(server):
    answer = server.request("POST", "/validate", good_body(), {})
    assert answer.status == 415 and "application/json" in answer.sentence()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/mutate", "/validate"])
def test_method(server, method, path):
    answer = server.request(method, path, good_body() if method in ("PUT", "PATCH") else None,
                            {"Content-Type": "application/json"})
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert "POST" in answer.sentence()


@pytest.mark.parametrize("path", ["/", "/mutat", "/mutate/", "/validate/x", "/Mutate", "/metrics", "/healthz", "//mutate",
                                  "/../mutate"])
def test_path(server, path):
    answer = server.post(path, review(pod()))
    assert answer.status == 404
    answer.sentence()


def test_path_with_a_nul(server):
    """libmicrohttpd 1.0.2 and later refuse it themselves."""
    assert server.post("/validate%00", review(pod())).status in (400, 404)


def edited(change):
    whole = review(pod())
    change(whole)
    return json.dumps(whole)


BAD_BODIES = {
    "empty": b"",
    "not json": b"hello",
    "truncated": good_body()[:-1],
    "trailing": good_body() + b" x",
    "two documents": good_body() * 2,
    "array": b"[]",
    "string": b'"AdmissionReview"',
    "null": b"null",
    "utf-8": good_body().replace(b"registry", b"reg\xff\xfetry"),
    "nul byte": good_body().replace(b"registry", b"reg\x00try"),
    "lone surrogate": good_body().replace(b"registry", b"reg\\ud800try"),
    "control character": good_body().replace(b"registry", b"reg\ntry"),
    "single quotes": good_body().replace(b'"', b"'"),
    "comment": b"/* */" + good_body(),
    "trailing comma": good_body()[:-1] + b",}",
    "leading zero": good_body().replace(b'"priority":0', b'"priority":01').replace(b'"priority": 0', b'"priority": 01'),
    "byte order mark": b"\xef\xbb\xbf" + good_body(),
    "wrong version": edited(lambda r: r.update(apiVersion="admission.k8s.io/v1beta1")),
    "wrong group": edited(lambda r: r.update(apiVersion="admission.example/v1")),
    "no version": edited(lambda r: r.pop("apiVersion")),
    "wrong kind": edited(lambda r: r.update(kind="ConversionReview")),
    "no kind": edited(lambda r: r.pop("kind")),
    "no request": edited(lambda r: r.pop("request")),
    "request null": edited(lambda r: r.update(request=None)),
    "request list": edited(lambda r: r.update(request=[])),
    "no uid": edited(lambda r: r["request"].pop("uid")),
    "uid empty": edited(lambda r: r["request"].update(uid="")),
    "uid number": edited(lambda r: r["request"].update(uid=7)),
    "operation unknown": edited(lambda r: r["request"].update(operation="EAT")),
    "containers object": edited(lambda r: r["request"]["object"]["spec"].update(containers={})),
    "labels list": edited(lambda r: r["request"]["object"]["metadata"].update(labels=["a"])),
    "dry run text": edited(lambda r: r["request"].update(dryRun="false")),
    "limits list": edited(lambda r: r["request"]["object"]["spec"]["containers"][0].update(resources={"limits": []})),
    "deep": b'{"a":' + b"[" * 200000 + b"]" * 200000 + b"}",
    "deep open": b"[" * 500000,
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_body(server, name):
    for path in ("/mutate", "/validate"):
        answer = server.post(path, BAD_BODIES[name])
        assert answer.status == (415 if BAD_BODIES[name] else 400), (path, answer.status, answer.body)
        answer.sentence()
    assert server.validate(pod()).allowed


def test_a_review_that_needs_too_much_memory(server):
    """Whether memory runs out while it is read or later: the cause is the server's limit, not the
    review."""
    many = json.dumps(review(persisted(pod())), separators=(",", ":")).replace('"containers":[', '"containers":[' + "{}," * 2500000, 1)
    assert len(many) < BODY_MAX
    before = server.metrics().value("gpugate_http_rejected_total", code="500")
    answer = server.post("/validate", many)
    assert answer.status == 500 and "more memory" in answer.sentence()
    assert server.metrics().value("gpugate_http_rejected_total", code="500") == before + 1
    assert server.validate(pod()).allowed


def test_bad_json_says_where(server):
    body = good_body()
    at = body.index(b'"request"')
    text = server.post("/validate", body[:at] + b"~" + body[at:]).sentence()
    assert re.search(rf"\b({at}|{at + 1})\b", text), text


DUPLICATES = {
    "limits": lambda text: text.replace('"limits":{', '"limits":{"nvidia.com/gpu":"0"},"limits":{', 1),
    "limits escaped": lambda text: text.replace('"limits":{', '"l\\u0069mits":{},"limits":{', 1),
    "resource": lambda text: text.replace('"nvidia.com/gpu":"9"', '"nvidia.com/gpu":"9","nvidia.com\\/gpu":"0"'),
    "containers": lambda text: text.replace('"containers":[', '"containers":[],"containers":['),
    "namespace": lambda text: text.replace('"namespace":"team-a","operation"',
                                           '"namespace":"team-a","namespace":"kube-system","operation"'),
    "object": lambda text: text.replace('"object":{', '"object":null,"object":{'),
    "request": lambda text: text.replace('"request":{', '"request":{},"request":{'),
    "user": lambda text: text.replace('"username":', '"username":"x","username":'),
    "dryRun": lambda text: text.replace('"dryRun":false', '"dryRun":false,"dryRun":true'),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_duplicate_keys_that_decide(server, name):
    text = json.dumps(review(pod({GPU: 9})), separators=(",", ":"))
    twice = DUPLICATES[name](text)
    assert twice != text
    answer = server.post("/validate", twice)
    assert answer.status == 415
    assert "twice" in answer.sentence() or "duplicate" in answer.sentence().lower()


def test_escaped_keys_count(server):
    """A key written with escapes is the same key, so it does not bypass a quota."""
    text = json.dumps(review(persisted(pod({GPU: 9}))), separators=(",", ":"))
    for plain, escaped in ((GPU, "nvidia.com\\/gpu"), (GPU, "\\u006evidia.com/gpu"), ("containers", "cont\\u0061iners"),
                           ("limits", "\\u006cimits")):
        answer = json.loads(server.post("/validate", text.replace(f'"{plain}"', f'"{escaped}"')).body)
        assert answer["response"]["allowed"] is False, escaped


def test_unknown_fields_and_shapes_pass(server):
    obj = pod({GPU: 1})
    obj["spec"]["futureField"] = {"a": [1, -2.5e10, None, True, "\u0000\u2028\U0001f600", {"b": {}}]}
    obj["spec"]["containers"][0]["futureField"] = []
    obj["metadata"]["labels"] = None
    obj["spec"]["nodeSelector"] = None
    assert server.validate(obj, dry_run=True).allowed


# --- Sizes and framing ---

def test_too_large_at_once(server):
    head = http(headers=[JSON, f"Content-Length: {8 * BODY_MAX + 1}"], length=False)
    # Returns when the server has closed the connection, which it does without waiting for the body.
    answer = server.raw(head)
    assert status_of(answer) == 413
    assert b"8 MiB" in answer or str(BODY_MAX).encode() in answer


def test_too_large_is_read_to_its_end(server):
    """A client that must send everything gets an answer, not a broken connection. Otherwise an API
    server would show users the URL that it could not write to."""
    for size in (BODY_MAX + 1, 27 << 20):
        connection = server.connect()
        for _ in range(2):
            connection.request("POST", "/validate", b" " * size, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == 413 and b"8 MiB" in answer.read()
        connection.close()


@pytest.mark.parametrize("length", ["18446744073709551616", "99999999999999999999999", "-1", "abc", "0x10", "1 1"])
def test_senseless_length(server, length):
    status = status_of(server.raw(http(headers=[JSON, f"Content-Length: {length}"], length=False)))
    assert status in (None, 400, 413), status


def test_largest_body(server):
    body = good_body()
    body += b" " * (BODY_MAX - len(body))
    assert server.post("/validate", body).status == 200
    assert server.post("/validate", body + b" ").status == 413


def test_chunked(server):
    body = good_body()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 100]), body[i:i + 100]) for i in range(0, len(body), 100))
    data = http(headers=[JSON, "Transfer-Encoding: chunked", "Connection: close"], length=False) + pieces + b"0\r\n\r\n"
    assert status_of(server.raw(data)) == 200


def test_chunked_too_large(server):
    with server.tls() as sock:
        sock.sendall(http(headers=[JSON, "Transfer-Encoding: chunked", "Connection: close"], length=False))
        piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        for _ in range(9):
            sock.sendall(piece)
        sock.sendall(b"0\r\n\r\n")
        assert status_of(read_all(sock)) == 413
    assert server.validate(pod()).allowed


def test_length_and_transfer_encoding(server):
    body = good_body()
    data = http(body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), headers=[JSON, "Transfer-Encoding: chunked"])
    assert status_of(server.raw(data)) == 400


def test_two_lengths(server):
    body = good_body()
    data = http(body=body, headers=[JSON, f"Content-Length: {len(body) - 1}"])
    assert status_of(server.raw(data)) in (400, None)


def test_no_host(server):
    data = http(body=good_body(), headers=[JSON], host=False)
    assert status_of(server.raw(data)) == 400


def test_http10(server):
    answer = server.raw(http(body=good_body(), headers=[JSON], version="HTTP/1.0", host=False))
    assert status_of(answer) == 200


def test_expect_continue(server):
    body = good_body()
    with server.tls() as sock:
        sock.sendall(http(headers=[JSON, f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"],
                          length=False))
        assert sock.recv(4096).startswith(b"HTTP/1.1 100")
        sock.sendall(body)
        assert status_of(read_all(sock)) == 200


def test_keep_alive(server):
    connection = server.connect()
    for _ in range(50):
        connection.request("POST", "/validate", good_body(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200 and not response.will_close
        response.read()
    connection.close()


def test_keep_alive_after_an_error(server):
    """The body of a refused request must not be read as the next request."""
    with server.tls() as sock:
        sock.sendall(http("/nowhere", good_body(), [JSON]))
        first = sock.recv(65536)
        assert status_of(first) == 404
        if b"connection: close" not in first.lower():
            sock.sendall(http(body=good_body(), headers=[JSON, "Connection: close"]))
            rest = first.partition(b"\r\n\r\n")[2] + read_all(sock)
            assert b"HTTP/1.1 200" in rest and rest.count(b"HTTP/1.1") == 1


def test_pipelined(server):
    one = http(body=good_body(), headers=[JSON])
    last = http(body=good_body(), headers=[JSON, "Connection: close"])
    answer = server.raw(one * 3 + last)
    assert answer.count(b"HTTP/1.1 200") == 4


# --- Slow and greedy clients ---

def put_up_with(server, seconds, first, drip):
    """Returns how long the server tolerates a client that sends `first` and then single bytes of
    `drip`, or None if longer."""
    start = time.monotonic()
    with server.tls() as sock:
        try:
            sock.sendall(first)
            sock.settimeout(0.25)
            for byte in drip:
                if time.monotonic() - start > seconds:
                    return None
                try:
                    sock.recv(4096)
                    return time.monotonic() - start
                except (TimeoutError, ssl.SSLWantReadError):
                    pass
                sock.sendall(bytes([byte]))
        except (ConnectionError, ssl.SSLError):
            pass
    return time.monotonic() - start


def put_up_with_stall(server, seconds, first):
    start = time.monotonic()
    with server.tls() as sock:
        sock.sendall(first)
        sock.settimeout(seconds)
        try:
            read_all(sock)
        except TimeoutError:
            return None
    return time.monotonic() - start


def put_up_with_silence(server, seconds, first):
    """Like put_up_with, for a client that never finishes the TLS handshake."""
    start = time.monotonic()
    with socket.create_connection((server.host, server.port), 10) as sock:
        sock.sendall(first)
        sock.settimeout(seconds)
        try:
            read_all(sock)
        except TimeoutError:
            return None
    return time.monotonic() - start


@pytest.mark.concurrent
def test_slow_clients_meet_a_deadline(server):
    """Slow headers, slow bodies and missing handshakes are cut off after about 10 s, and other
    clients do not wait for that."""
    limit, took, served = 60 * PATIENCE, {}, 0
    clients = {
        "headers": lambda: put_up_with(server, limit, b"POST /validate HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a" * 500),
        "body": lambda: put_up_with(server, limit, http(headers=[JSON, "Content-Length: 100000"], length=False), b" " * 500),
        "stalled body": lambda: put_up_with_stall(server, limit, http(headers=[JSON, "Content-Length: 100"], length=False) + b"{"),
        "silence": lambda: put_up_with_silence(server, limit, b""),
        "handshake": lambda: put_up_with_silence(server, limit, b"\x16\x03\x01\x02\x00\x01"),
    }
    threads = [threading.Thread(target=lambda n=name, f=f: took.update({n: f()})) for name, f in clients.items()]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        assert server.validate(pod()).allowed
        served += not took
        time.sleep(0.05)
    assert set(took) == set(clients) and None not in took.values(), took
    assert served > 10, "while all the slow were still there"


def test_the_slow_do_not_delay_others(server):
    slow = [server.tls() for _ in range(60)]
    for i, sock in enumerate(slow):
        sock.sendall(http(headers=[JSON, "Content-Length: 100000"], length=False) if i % 2 else b"POST /validate HT")
    answered = 0
    for _ in range(50):
        assert server.validate(pod()).allowed
        answered += server.metrics().value("gpugate_http_connections") >= len(slow)
    assert answered >= 5, "while all the slow were still there"
    for sock in slow:
        sock.close()


@pytest.mark.concurrent
def test_disconnects(server):
    """Clients disconnect at any point of a request."""
    chance = random.Random(1)
    whole = http(body=good_body(), headers=[JSON])
    for _ in range(60):
        with server.tls() as sock:
            sock.sendall(whole[:chance.randrange(len(whole) + 1)])
            if chance.random() < 0.5:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert server.validate(pod()).allowed


def test_garbage(server):
    chance = random.Random(2)
    for size in (1, 10, 100, 5000, 70000):
        with server.tls() as sock:
            try:
                sock.sendall(chance.randbytes(size) + b"\r\n\r\n")
                sock.settimeout(5 * PATIENCE)
                answer = read_all(sock)
            except (TimeoutError, OSError):
                continue
            assert status_of(answer) in (None, 400, 404, 405, 408, 413, 414, 431, 501, 505), answer[:100]
        with socket.create_connection((server.host, server.port), 10) as sock:
            try:
                sock.sendall(chance.randbytes(size))
            except OSError:
                pass
    assert server.validate(pod()).allowed


def test_a_client_that_writes_after_the_end(server):
    assert server.validate(pod()).allowed
    with server.tls() as sock:
        with pytest.raises(OSError):
            while True:
                sock.sendall(b"not HTTP\r\n\r\n" * 1000)
        assert server.validate(pod()).allowed, "over the connection of the first request"


def test_huge_headers(server):
    for headers in ([f"X-{i}: {'a' * 100}" for i in range(2000)], ["X: " + "a" * 200000]):
        assert status_of(server.raw(http(body=good_body(), headers=[JSON, *headers]))) in (None, 400, 413, 431, 200)
    status = status_of(server.raw(http("/" + "a" * 200000, b"", [JSON])))
    assert status in (None, 400, 404, 414)
    assert server.validate(pod()).allowed


def test_what_the_library_says_of_a_connection_is_copied_at_once():
    """Since libmicrohttpd 1.0, the next call overwrites the last result. So only one file makes the
    call, and returns copies."""
    asking = [path.name for path in ROOT.glob("webhook/**/*.c") if "MHD_get_connection_info" in path.read_text()]
    assert asking == ["info.c"]


@pytest.mark.concurrent
def test_connections_are_bounded(serve):
    """A flood of silent connections gets a limited number of places and soon loses them. One
    address alone cannot take them all."""
    server = serve(POLICY)
    held = []

    def flood(source, count):
        for _ in range(count):
            sock = socket.socket()
            sock.bind((source, 0))
            sock.setblocking(False)
            sock.connect_ex((server.host, server.port))
            held.append(sock)
        time.sleep(0.3)
        assert server.metrics().value("gpugate_http_connections") <= 1024

    try:
        flood("127.0.0.2", 1000)
        assert server.validate(pod()).allowed
        server._close_connections()
        flood("127.0.0.3", 600)
        eventually(lambda: _answers(server), 8, "a place for an honest client")
    finally:
        for sock in held:
            sock.close()


class Silent:
    """A client that connects, sends nothing, and reconnects as soon as it is cut off."""

    def __init__(self, server, addresses, count):
        self._target, self._sources = (server.admin_host, server.admin_port), itertools.cycle(addresses)
        self._count, self._held, self._poll, self.cut = count, {}, select.poll(), 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            while len(self._held) < self._count:
                sock = socket.socket()
                sock.bind((next(self._sources), 0))
                sock.setblocking(False)
                sock.connect_ex(self._target)
                self._held[sock.fileno()] = sock
                self._poll.register(sock, select.POLLIN)
            for number, _ in self._poll.poll(20):
                self._poll.unregister(number)
                self._held.pop(number).close()
                self.cut += 1
        for sock in self._held.values():
            sock.close()

    def stop(self):
        self._stopping.set()
        self._thread.join(10)


@pytest.mark.concurrent
@pytest.mark.parametrize("addresses", [["127.0.0.2"], [f"127.0.0.{i}" for i in range(2, 22)]], ids=["one", "twenty"])
def test_admin_connections_are_bounded(serve, addresses):
    """The same for the admin listener: clients that hold its connections cannot keep kubelets'
    probes from being answered."""
    server = serve(POLICY)

    def calm():
        begin = time.monotonic()
        assert server.admin("/healthz").status == 200
        return time.monotonic() - begin

    # A kubelet allows 1 s, on a machine that is fast enough.
    patience = max(1, 50 * max(calm() for _ in range(5)))
    silent = Silent(server, addresses, 600)

    def probe():
        try:
            return server.admin("/healthz", timeout=patience).status == 200
        except OSError:
            return False

    try:
        eventually(lambda: silent.cut > 500, what="a flood")
        for _ in range(5):  # A kubelet gives up after three failures in a row.
            assert probe() or probe() or probe(), "no answer of the admin listener"
    finally:
        silent.stop()


class Passers:
    """Connects in bursts, and disconnects before anything is sent."""

    def __init__(self, target):
        self._target, self.bursts, self._stopping = target, 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.wait(0.002):
            burst = [socket.socket() for _ in range(50)]
            for sock in burst:
                sock.setblocking(False)
                sock.connect_ex(self._target)
            self._stopping.wait(0.002)
            for sock in burst:
                sock.close()
            self.bursts += 1

    def stop(self):
        self._stopping.set()
        self._thread.join(10)


@pytest.mark.concurrent
def test_stop_in_a_flood(serve):
    """A stop meets connections that a worker was given but has not begun. That depends on timing,
    so it is tried several times."""
    for _ in range(20):
        server = serve(POLICY)
        floods = [Passers((server.host, server.port)), Passers((server.admin_host, server.admin_port))]
        try:
            eventually(lambda: all(flood.bursts > 60 for flood in floods), what="a flood of both listeners")
            server.stop()
        finally:
            for flood in floods:
                flood.stop()


def _answers(server):
    try:
        server._close_connections()
        connection = server.connect(timeout=10)
        connection.request("POST", "/validate", good_body(), {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, ssl.SSLError):
        return False


# --- Who may send requests ---

def test_path_secret(serve):
    secret = "s3cret-Path_of.many~signs"
    server = serve(POLICY, secret=secret)
    assert server.validate(pod()).allowed
    assert server.mutate(pod()).allowed
    for path in ("/validate", "/mutate", "/validate/", "/validate/s3cret", f"/validate/{secret}x", f"/validate/{secret}/",
                 f"/{secret}", f"/mutate/x{secret}", f"/validate?{secret}", "/validate/" + secret.upper()):
        answer = server.post(path, review(pod()))
        assert answer.status == 404, path
        assert secret not in answer.sentence()
    assert secret not in server.stderr()
    assert secret not in server.admin("/metrics").text


@pytest.mark.parametrize("content", ["", "\n", "a b\n", "a/b\n", "ä\n", "two\nlines\n"])
def test_bad_path_secret(tmp_path, content):
    (tmp_path / "secret").write_text(content)
    server = Server(POLICY, start=False)
    done = run(*server.args, "--path-secret", tmp_path / "secret")
    assert done.returncode == 2 and "secret" in done.stderr


def test_a_changed_path_secret_is_taken_without_a_restart(serve):
    """The file and the registration never change at the same time. So the previous secret is
    accepted too, until the next change. An unusable file changes nothing, and no secret is in
    the log."""
    secrets = [f"secret-number-{i}" for i in range(3)]
    server = serve(POLICY, secret=secrets[0])

    def put(text):
        (server.dir / "staged").write_text(text)
        (server.dir / "staged").replace(server.dir / "secret")

    def answered():
        return [server.post(f"/validate/{secret}", review(pod())).status == 200 for secret in secrets]

    assert answered() == [True, False, False]
    put(secrets[1] + "\n")
    eventually(lambda: server.log("path_secret_loaded", False), 20, "the second secret")
    assert answered() == [True, True, False]
    put("two\nlines\n")
    (rejected,) = eventually(lambda: server.log("path_secret_rejected", False), 20, "the refusal")
    assert "must be one line" in rejected["message"] and answered() == [True, True, False]
    put(secrets[2])
    eventually(lambda: len(server.log("path_secret_loaded", False)) == 2, 20, "the third secret")
    assert answered() == [False, True, True]
    assert not any(secret in server.stderr() for secret in secrets)


def test_admin_answers_no_admission(server):
    assert server.admin("/mutate", "POST").status == 404
    assert server.admin("/healthz").status == 200
    assert server.admin("/readyz").status == 200
    assert server.admin("/nowhere").status == 404
    assert server.admin("/metrics", "POST").status == 405


@pytest.mark.concurrent
def test_threads_agree(server):
    """Many threads use their own connections, and each answer belongs to its request."""
    problems = []

    def work(seed):
        try:
            chance = random.Random(seed)
            for _ in range(40):
                many = chance.randrange(1, 9)
                decision = server.validate(pod({GPU: many}), dry_run=True)
                assert decision.allowed == (many <= 4)
                if many > 4:
                    assert f"requested {many}," in decision.message
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[0]


def test_rejections_are_counted(serve):
    server = serve(POLICY)
    server.post("/validate", b"{")
    server.post("/nowhere", b"{}")
    server.request("GET", "/validate")
    metrics = server.metrics()
    for code in ("415", "404", "405"):
        assert metrics.value("gpugate_http_rejected_total", code=code) == 1


def test_patch_and_answer_are_compact(server):
    """Nothing of the request is echoed."""
    big = pod({GPU: 1}, annotations={"big": "x" * 100000})
    answer = server.post("/validate", review(big, dry_run=True))
    assert len(answer.body) < 2000
