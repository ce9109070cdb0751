"""The helpers of the other tests work as documented."""

import socket
import socketserver
import threading
import time

import pytest

from control_plane import eventually
from kube import GPU, container, doc
from kubelet import Kubelet
from late_api import LateApi
from tcp_proxy import Proxy


def gpu_pod(namespace, name="p", gpus=1):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [container({GPU: gpus})], "terminationGracePeriodSeconds": 0}}


def test_a_registration_is_in_force_when_register_returns(control_plane, gpugate_in_cluster, namespaces):
    """The same holds for the removal when unregister() returns: no create escapes, in ten attempts.
    """
    space = namespaces("strangers")
    gate = gpugate_in_cluster(control_plane, [doc("Tenant", "somebody", namespaces=["somewhere"], quotas=[{"name": "g", "hard": 1}])], register=False)
    client = control_plane.admin
    for _ in range(10):
        assert client.create(gpu_pod(space), dryRun="All").ok
        gate.register()
        refused = client.create(gpu_pod(space), dryRun="All")
        assert refused.status == 403 and "no tenant" in refused.message
        gate.unregister()


def test_history_has_every_version(fresh_control_plane):
    """Checks the whole life of a Pod, including kills of the API server and of etcd."""
    plane = fresh_control_plane(history=True)
    plane.namespace("a")
    plane.node("n", capacity={GPU: 1})
    plane.admin.create(gpu_pod("a")).must()
    eventually(lambda: plane.admin.get("Pod", "p", "a").must()["spec"].get("nodeName") == "n")
    plane.etcd.restart()
    plane.apiserver.restart()
    plane.phase("p", "a", "Running").must()
    plane.apiserver.pause()
    with pytest.raises(OSError):
        plane.client(timeout_s=0.5).get("Pod", "p", "a")
    plane.apiserver.resume()
    plane.admin.delete("Pod", "p", "a", grace_s=0).must()
    changes = [c for c in plane.pod_history() if (c.namespace, c.name) == ("a", "p")]
    assert [c.revision for c in changes] == sorted(c.revision for c in changes)
    assert changes[0].before is None and changes[-1].pod is None and changes[-1].before == changes[-2].pod
    told = [(c.pod["status"]["phase"], c.pod["spec"].get("nodeName")) for c in changes if c.pod]
    assert told[0] == ("Pending", None) and told[-1] == ("Running", "n") and ("Pending", "n") in told


def test_the_kubelet_starts_and_ends_pods(fresh_control_plane):
    """Also after a restart of the API server."""
    plane = fresh_control_plane(controllers=False)
    plane.namespace("a")
    plane.node("n", capacity={GPU: 4})
    kubelet = Kubelet(plane)
    try:
        for i in range(4):
            if i == 2:
                plane.apiserver.restart()
            plane.admin.create(gpu_pod("a", f"p{i}")).must()
            eventually(lambda i=i: plane.admin.get("Pod", f"p{i}", "a").must()["status"]["phase"] == "Running", 30, "a running Pod")
            plane.admin.delete("Pod", f"p{i}", "a", grace_s=30).must()
            eventually(lambda i=i: plane.admin.get("Pod", f"p{i}", "a").status == 404, 10, "its end")
        eventually(lambda: kubelet.started == kubelet.ended == 4, 10, lambda: f"as many ends ({kubelet.ended}) as beginnings ({kubelet.started})")
    finally:
        kubelet.stop()


def test_users_are_who_they_say(control_plane, namespaces):
    space = namespaces("jane")
    assert control_plane.client("jane").create(gpu_pod(space), dryRun="All").status == 403
    control_plane.grant(("User", "jane"), "edit", space)
    eventually(lambda: control_plane.client("jane").create(gpu_pod(space), dryRun="All").ok)
    robot = control_plane.client(token=control_plane.service_account(space, "robot"))
    assert f"system:serviceaccount:{space}:robot" in robot.get("Node", "n").message


class _Echo(socketserver.BaseRequestHandler):
    """Sends the server's name to each client, and then echoes."""

    def handle(self):
        self.request.sendall(self.server.name)
        while piece := self.request.recv(4096):
            self.request.sendall(piece)


@pytest.fixture
def echoes():
    servers = []
    for name in (b"a", b"b"):
        servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo))
        servers[-1].name, servers[-1].daemon_threads, servers[-1].block_on_close = name, True, False
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def proxy(echoes):
    proxy = Proxy(*(server.server_address[1] for server in echoes))
    yield proxy
    proxy.close()


def _dial(proxy):
    """Returns a connection through the proxy, and the server that it reached."""
    sock = socket.create_connection(("127.0.0.1", proxy.port), 5)
    return sock, sock.recv(1)


def test_the_proxy_takes_turns_and_passes_over_the_dead(proxy, echoes):
    assert {_dial(proxy)[1] for _ in range(2)} == {b"a", b"b"}
    echoes[0].shutdown()
    echoes[0].server_close()
    assert [_dial(proxy)[1] for _ in range(4)] == [b"b"] * 4
    proxy.refuse()
    assert _refused(proxy)
    proxy.refuse(False)
    assert _dial(proxy)[1] == b"b"


def _refused(proxy):
    try:
        return _dial(proxy)[1] == b""
    except ConnectionResetError:
        return True


def test_the_proxy_delays_stalls_and_cuts(proxy):
    sock, _ = _dial(proxy)
    data = bytes(range(256)) * 4000
    threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
    got = b""
    while len(got) < len(data):
        got += sock.recv(65536)
    assert got == data
    proxy.delay(up=0.2, down=0.1)
    start = time.monotonic()
    sock.sendall(b"x")
    assert sock.recv(1) == b"x" and time.monotonic() - start >= 0.3
    proxy.delay()
    proxy.stall()
    sock.sendall(b"y")
    sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    proxy.resume()
    sock.settimeout(60)
    assert sock.recv(1) == b"y"
    assert proxy.cut() == 1
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass


@pytest.fixture
def late_api(control_plane):
    api = LateApi(control_plane)
    yield api
    api.close()


def test_the_late_api_delays_what_it_is_told(control_plane, namespaces, late_api):
    """Credentials pass through. Lists, questions and watches have separate delays. Events keep
    their order."""
    space, client = namespaces("late"), control_plane.client(port=late_api.port)
    late_api.list_s, late_api.question_s = 0.3, 0.2
    for query, least in (({"limit": 500}, 0.3), ({"limit": 1}, 0.2)):
        begin = time.monotonic()
        client.list("Pod", **query)
        assert time.monotonic() - begin >= least
    events, begun = [], time.monotonic()
    watch = client.watch("Pod", sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="NotOlderThan")

    def follow():
        for kind, obj in watch:
            events.append((time.monotonic(), kind, obj["metadata"].get("name"), obj["metadata"].get("namespace")))
    threading.Thread(target=follow, daemon=True).start()
    eventually(lambda: any(kind == "BOOKMARK" for _, kind, _, _ in events), 30, "all of the list")
    assert events[0][0] - begun >= 0.3
    late_api.lag(0.5)
    made = {}
    for i in range(3):
        made[f"p{i}"] = time.monotonic()
        control_plane.admin.create(gpu_pod(space, f"p{i}")).must()
        late_api.lag(0.5 - i / 10)
    eventually(lambda: "p2" in [name for _, _, name, where in events if where == space], 30, "the events")
    added = [(at, name) for at, kind, name, where in events if where == space and kind == "ADDED"]
    assert [name for _, name in added] == ["p0", "p1", "p2"]
    assert all(at - made[name] >= 0.3 for at, name in added)


def test_the_late_api_has_watches_expire(control_plane, late_api):
    """A watch ends properly, the next one is answered with 410, and the one after that is the API
    server's."""
    client = control_plane.client(port=late_api.port)
    version = client.request("GET", "/api/v1/pods", limit=1).must()["metadata"]["resourceVersion"]
    ended = threading.Event()

    def follow():
        for _ in client.watch("Pod", resourceVersion=version):
            pass
        ended.set()
    threading.Thread(target=follow, daemon=True).start()
    eventually(lambda: late_api.requests[-1].kind == "watch" and late_api.requests[-1].whole, 30, "a watch")
    late_api.expire()
    assert ended.wait(60)
    with pytest.raises(AssertionError, match="too old resource version"):
        next(client.watch("Pod", resourceVersion=version))
    assert late_api.requests[-1].expired
    assert [request.kind for request in late_api.requests] == ["question", "watch", "watch"]
    threading.Thread(target=lambda: next(client.watch("Pod", resourceVersion=version), None), daemon=True).start()
    eventually(lambda: late_api.requests[-1].status == 200, 30, "a watch again")
