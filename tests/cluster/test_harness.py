"""What the other tests build on does what it says."""

import socket
import socketserver
import threading
import time

import pytest

from control_plane import eventually
from kube import GPU, container, doc
from kubelet import Kubelet
from tcp_proxy import Proxy


def gpu_pod(namespace, name="p", gpus=1):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [container({GPU: gpus})], "terminationGracePeriodSeconds": 0}}


def test_a_registration_is_in_force_when_register_returns(control_plane, gpugate_in_cluster, namespaces):
    """And its end when unregister() returns: no create slips between, ten times over."""
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
    """Of a Pod's life, across a kill of the API server and of etcd."""
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
    """Through a restart of the API server."""
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
        assert kubelet.started == kubelet.ended == 4
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
    """Says the server's name to whoever connects, and then sends back what it gets."""

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
    """A connection through the proxy, and whom it reached."""
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
