"""A small, fast client of the Kubernetes API: JSON over keep-alive connections, one for each
thread."""

import http.client
import json
import socket
import ssl
import threading
import urllib.parse

import api_resources
import binaries

FLOW_CONTROL = "/apis/flowcontrol.apiserver.k8s.io/" + ("v1" if binaries.version() >= (1, 29) else "v1beta3")

# Beside those of every version.
KINDS = api_resources.KINDS | {
    "PriorityLevelConfiguration": (FLOW_CONTROL, "prioritylevelconfigurations", False),
    "FlowSchema": (FLOW_CONTROL, "flowschemas", False),
}
PATCHES = {"merge": "application/merge-patch+json", "json": "application/json-patch+json",
           "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml"}


class Reply:
    """An answer of the API server. Check `ok`, or use must()."""

    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        try:
            self.body = json.loads(body)
        except ValueError:
            self.body = body.decode(errors="replace")

    @property
    def ok(self):
        return self.status < 300

    @property
    def message(self):
        return self.body.get("message", "") if isinstance(self.body, dict) else self.body

    def must(self):
        """Returns the object, or fails the test."""
        assert self.ok, f"{self.status}: {self.message}"
        return self.body

    def __bool__(self):
        raise TypeError("say .ok or .must()")

    def __repr__(self):
        return f"<{self.status} {json.dumps(self.body)[:2000]}>"


def _alive(sock):
    """Whether the server has left an idle connection open."""
    timeout = sock.gettimeout()
    try:
        sock.settimeout(0)
        sock.recv(1)
        return False  # Its end, or an unexpected byte.
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(timeout)


class Client:
    """A client of one user. Every call returns a Reply, whatever its status. A broken connection
    raises OSError or http.client.HTTPException, after which the outcome of the request is
    unknown."""

    def __init__(self, host, port, ca, token, timeout_s=60):
        self.host, self.port, self.token, self.timeout_s = host, port, token, timeout_s
        self.context = ssl.create_default_context(cafile=str(ca))
        self._local = threading.local()

    def connect(self, timeout_s=None):
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout_s or self.timeout_s)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def request(self, method, path, body=None, content_type="application/json", headers=None, **query):
        """Sends one request over this thread's connection. Query values of None are omitted."""
        query = {k: v for k, v in query.items() if v is not None}
        if query:
            path += "?" + urllib.parse.urlencode(query)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, separators=(",", ":"))
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = content_type
        connection = getattr(self._local, "connection", None)
        if connection is not None and not _alive(connection.sock):
            self.close()
            connection = None
        try:
            if connection is None:
                connection = self._local.connection = self.connect()
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        return reply

    def close(self):
        """Closes this thread's connection."""
        connection, self._local.connection = getattr(self._local, "connection", None), None
        if connection is not None:
            connection.close()

    # --- Objects ---

    @staticmethod
    def path(kind, namespace=None, name=None, subresource=None):
        where, resource, namespaced = KINDS[kind]
        path = where + (f"/namespaces/{namespace}" if namespaced and namespace else "") + "/" + resource
        return path + (f"/{name}" if name else "") + (f"/{subresource}" if subresource else "")

    def get(self, kind, name, namespace=None, subresource=None):
        return self.request("GET", self.path(kind, namespace, name, subresource))

    def list(self, kind, namespace=None, **query):
        """Returns the items, of all namespaces if none is given."""
        return self.request("GET", self.path(kind, namespace), **query).must()["items"]

    def create(self, obj, namespace=None, subresource=None, **query):
        """query: such as dryRun="All" or timeout="3s". For a subresource, the object's name
        identifies its parent."""
        metadata = obj.get("metadata", {})
        kind = obj["kind"] if not subresource else query.pop("of", "Pod")
        return self.request("POST", self.path(kind, namespace or metadata.get("namespace"), metadata.get("name") if subresource else None,
                                              subresource), obj, **query)

    def replace(self, obj, subresource=None, **query):
        metadata = obj["metadata"]
        return self.request("PUT", self.path(obj["kind"], metadata.get("namespace"), metadata["name"], subresource), obj, **query)

    def patch(self, kind, name, patch, namespace=None, subresource=None, how="merge", **query):
        return self.request("PATCH", self.path(kind, namespace, name, subresource), patch, PATCHES[how], **query)

    def apply(self, obj, manager="test", force="true", **query):
        """Server-side apply."""
        metadata = obj["metadata"]
        return self.request("PATCH", self.path(obj["kind"], metadata.get("namespace"), metadata["name"]), obj, PATCHES["apply"],
                            fieldManager=manager, force=force, **query)

    def delete(self, kind, name, namespace=None, grace_s=None, **query):
        return self.request("DELETE", self.path(kind, namespace, name), gracePeriodSeconds=grace_s, **query)

    def watch(self, kind, namespace=None, timeout_s=None, **query):
        """Yields (type, object) until the server ends the watch. Uses a connection of its own."""
        connection = self.connect(timeout_s)
        try:
            query = {"watch": "true", **query}
            connection.request("GET", self.path(kind, namespace) + "?" + urllib.parse.urlencode(query),
                               headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            for line in answer:
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            connection.close()
