"""Many concurrent clients at low cost: a few processes, each with several TLS connections that all
have a request in flight. Every request is for a different Pod."""

import json
import multiprocessing
import socket
import ssl

import kube

_MARK = "00000000-0000-4000-8000-{:012x}"


def _template(namespace):
    obj = kube.persisted(kube.pod({kube.GPU: 1}, namespace=namespace, name="racer"), _MARK.format(0))
    whole = kube.review(obj, uid=_MARK.format(0), user=kube.CONTROLLER)
    return json.dumps(whole, separators=(",", ":")).encode()


def _connect(host, port, ca):
    context = ssl.create_default_context(cafile=ca)
    raw = socket.create_connection((host, port), 60)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname=host)


def _answer(sock):
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(body) >= length:
                assert head.startswith(b"HTTP/1.1 200"), head
                return json.loads(body[:length])["response"]["allowed"]
        piece = sock.recv(16384)
        assert piece, "the connection was closed"
        data += piece


def _work(queue, host, port, ca, namespace, first, connections, each):
    try:
        body = _template(namespace)
        head = (f"POST /validate?timeout=10s HTTP/1.1\r\nHost: gpugate\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        pieces = (head + body).split(_MARK.format(0).encode())
        socks = [_connect(host, port, ca) for _ in range(connections)]
        admitted = answered = 0
        for i in range(each):
            for c, sock in enumerate(socks):
                sock.sendall(_MARK.format(first + c * each + i + 1).encode().join(pieces))
            for sock in socks:
                admitted += _answer(sock)
                answered += 1
        queue.put((admitted, answered))
    except BaseException as problem:
        queue.put(repr(problem))
        raise


def race(server, clients, each, namespace="team-a", processes=4):
    """Returns how many Pods were admitted and how many requests were answered."""
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    per = clients // processes
    workers = [fork.Process(target=_work, args=(queue, server.host, server.port, str(server.ca), namespace, p * per * each, per, each))
               for p in range(processes)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    assert not any(isinstance(r, str) for r in results), results
    return sum(r[0] for r in results), sum(r[1] for r in results)
