"""A small fake of the Kubernetes API server that can lose events of its watches, which a real one
never does.

It keeps all versions of all objects, so that lists at a version and watches from a version are
correct.
"""

import http.server
import json
import threading
import time
import urllib.parse
import uuid

from api_resources import KINDS, api_version

# resource -> (where its group is served, apiVersion, kind)
_RESOURCES = {resource: (where, api_version(kind), kind) for kind, (where, resource, _) in KINDS.items()}


def _typed(resource, suffix="", **fields):
    """Returns an object of this resource; `suffix` may be "List"."""
    _, version, kind = _RESOURCES[resource]
    return {"apiVersion": version, "kind": kind + suffix, **fields}


class UnreliableApiServer:
    def __init__(self):
        self.changed = threading.Condition()
        self.version = 1000
        # (version, resource, key, object or None, event, whether watches see it). Without a
        # resource, it is a bookmark for all watches.
        self.history = []
        self.losing = False  # No watch sees what happens from now on.
        self.pages = threading.Event()  # If cleared, lists at a version wait.
        self.pages.set()
        self.objects = threading.Event()  # If cleared, reads of single objects wait.
        self.objects.set()
        self.expired = False  # Lists at a version are answered with 410.
        self.forbidden = set()  # Resources of which every request is answered with 403.
        self.broken = set()  # Those of which every request is answered with 500.
        self.missing = set()  # Resources that the server does not have.
        self.expiring = 0  # So many lists expire at their second page.
        self.interruptions = 0  # How often all watches were ended.
        self.asked = []  # (method, resource, query)
        self.closed = False
        server = type("Handler", (_Handler,), {"api": self})
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), server)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        with self.changed:
            self.closed = True
            self.pages.set()
            self.objects.set()
            self.changed.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def kubeconfig(self, folder):
        path = folder / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{self._http.server_port}"}}],
            "users": [{"name": "x", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": "gpugate"}}]}))
        return path

    # --- Stored objects ---

    @staticmethod
    def _key(obj):
        return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]

    def state(self, resource, version=None):
        with self.changed:
            objects = {}
            for at, what, key, obj, _, _ in self.history:
                if what == resource and (version is None or at <= version):
                    objects.pop(key, None)
                    if obj:
                        objects[key] = obj
            return objects

    def put(self, resource, obj):
        with self.changed:
            old = self.state(resource).get(self._key(obj))
            self.version += 1
            metadata = {"uid": old["metadata"]["uid"] if old else str(uuid.uuid4()), **obj["metadata"], "resourceVersion": str(self.version)}
            obj = {**obj, **_typed(resource, metadata=metadata)}
            self._note(resource, self._key(obj), obj, obj, "MODIFIED" if old else "ADDED")
            return obj

    def delete(self, resource, obj):
        with self.changed:
            self.version += 1
            last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
            self._note(resource, self._key(obj), None, last, "DELETED")

    def _note(self, resource, key, obj, told, kind):
        self.history.append((self.version, resource, key, obj, (kind, told), not self.losing))
        self.changed.notify_all()

    def bookmark(self):
        """Sends the current version to all watches."""
        with self.changed:
            self.history.append((self.version, None, None, None, None, True))
            self.changed.notify_all()

    def interrupt(self):
        """Ends all watches."""
        with self.changed:
            self.interruptions += 1
            self.changed.notify_all()

    def count(self, method, resource, **query):
        with self.changed:
            return sum(m == method and r == resource and query.items() <= q.items() for m, r, q in self.asked)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self, status, obj):
        data = json.dumps(obj).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, code, reason):
        self._answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason})

    def _target(self):
        url = urllib.parse.urlsplit(self.path)
        parts = [p for p in url.path.split("/") if p]
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces":
            namespace, parts = parts[1], parts[2:]
        query = dict(urllib.parse.parse_qsl(url.query))
        with self.api.changed:
            self.api.asked.append((self.command, parts[0], query))
        return parts[0], namespace, parts[1] if len(parts) > 1 else None, query

    def _is_served(self, resource):
        """Whether the path names a resource that there is, below its own group."""
        return resource in _RESOURCES and self.path.startswith(_RESOURCES[resource][0] + "/") and resource not in self.api.missing

    def _body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def _group(self, name):
        """Returns the versions of an API group, as discovery answers."""
        versions = sorted({version for where, version, _ in _RESOURCES.values() if where == f"/apis/{version}" and version.startswith(name + "/")})
        return {"kind": "APIGroup", "apiVersion": "v1", "name": name,
                "versions": [{"groupVersion": version, "version": version.rpartition("/")[2]} for version in versions]}

    def do_GET(self):
        if self.path.startswith("/apis/") and self.path.count("/") == 2:
            group = self._group(self.path.rpartition("/")[2])
            return self._answer(200, group) if group["versions"] else self._refuse(404, "NotFound")
        resource, namespace, name, query = self._target()
        if not self._is_served(resource):
            self._refuse(404, "NotFound")
        elif resource in self.api.broken:
            self._refuse(500, "it is broken")
        elif resource in self.api.forbidden:
            self._refuse(403, f'{resource} is forbidden: User "jane" cannot list resource "{resource}"')
        elif name:
            self.api.objects.wait()
            found = self.api.state(resource).get((namespace, name))
            self._answer(200, found) if found else self._refuse(404, "NotFound")
        elif query.get("watch"):
            self._watch(resource, query)
        else:
            self._list(resource, namespace, query)
        return None

    def _list(self, resource, namespace, query):
        api = self.api
        token = query.get("continue")
        version, begin = map(int, token.split("-")) if token else (int(query.get("resourceVersion", api.version)), 0)
        if token or "resourceVersion" in query:
            assert token is None or "resourceVersion" not in query, "the API server refuses both together"
            api.pages.wait()
            api.expiring, expires = max(0, api.expiring - 1), api.expiring > 0
            if api.expired or expires:
                return self._refuse(410, "Expired")
        items = [obj for (n, name), obj in sorted(api.state(resource, version).items())
                 if namespace in ("", n) and query.get("fieldSelector") in (None, f"metadata.name={name}")]
        limit = int(query.get("limit", len(items) or 1))
        metadata = {"resourceVersion": str(version)}
        if begin + limit < len(items):
            metadata["continue"] = f"{version}-{begin + limit}"
        return self._answer(200, _typed(resource, "List", metadata=metadata, items=items[begin:begin + limit]))

    def _event(self, kind, obj):
        data = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _watch(self, resource, query):
        api = self.api
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with api.changed:
            at, version, first = len(api.history), api.version, api.state(resource)
            interruptions = api.interruptions
            if "resourceVersion" in query:
                at = sum(entry[0] <= int(query["resourceVersion"]) for entry in api.history)
        try:
            if query.get("sendInitialEvents"):
                for obj in first.values():
                    self._event("ADDED", obj)
                self._event("BOOKMARK", _typed(resource, metadata={
                    "resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}))
            while not api.closed and interruptions == api.interruptions:
                with api.changed:
                    while at == len(api.history) and not api.closed and interruptions == api.interruptions:
                        api.changed.wait(1)
                    entries, at = api.history[at:], len(api.history)
                for reached, what, _, _, event, told in entries:
                    if what is None:
                        self._event("BOOKMARK", _typed(resource, metadata={"resourceVersion": str(reached)}))
                    elif what == resource and told:
                        self._event(*event)
        except OSError:
            pass
        self.close_connection = True

    def do_POST(self):
        resource, _, _, _ = self._target()
        body = self._body()
        metadata = body["metadata"]
        metadata.setdefault("name", metadata.get("generateName", "") + uuid.uuid4().hex[:5])
        if not self._is_served(resource):
            self._refuse(404, "NotFound")
        elif self.api.state(resource).get((metadata.get("namespace", ""), metadata["name"])):
            self._refuse(409, "AlreadyExists")
        else:
            self._answer(201, self.api.put(resource, body))

    def do_PUT(self):
        resource, _, name, _ = self._target()
        body = self._body()
        with self.api.changed:
            old = self.api.state(resource).get(("", name))
            if not old:
                self._refuse(404, "NotFound")
            elif old["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                self._refuse(409, "Conflict")
            else:
                body["metadata"].pop("managedFields", None)
                self._answer(200, self.api.put(resource, body))

    def do_PATCH(self):
        resource, _, _, _ = self._target()
        self._answer(200, self.api.put(resource, self._body()))

    def do_DELETE(self):
        self._target()
        self._body()
        self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
