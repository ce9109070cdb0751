"""Leads the API server to Services where no kube-proxy runs, through the tunnel that managed
clusters have: an egress selector with HTTP CONNECT. So webhooks are registered by Service, as the
chart does, and certificates must be valid for the name of the Service."""

import contextlib
import socket
import threading

import yaml


class ServiceNetwork:
    """Connects every Service to 127.0.0.1:`port`. Refuses connections while the port is None."""

    def __init__(self, folder):
        self.port, self.asked = None, []
        self._path = folder / "tunnel.sock"
        self.configuration = folder / "egress.yaml"
        self.configuration.write_text(yaml.safe_dump({
            "apiVersion": "apiserver.k8s.io/v1beta1", "kind": "EgressSelectorConfiguration", "egressSelections": [
                {"name": "cluster", "connection": {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(self._path)}}}}]}))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            self.asked.append(head.split()[1].decode())
            if self.port is None:
                client.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server)
                back.join()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self._listener.close()
