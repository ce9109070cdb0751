"""etcd's own history: every version of every object of a kind that was ever stored, in the order of
the writes.

Needs an API server that stores JSON and does not compact (ControlPlane(history=True)).
"""

import base64
import contextlib
import heapq
import http.client
import json
from collections import namedtuple

# One write. `pod` is the stored object of any kind, or None if it was deleted. `before` is the
# previous version, or None. The namespace of a cluster-scoped object is empty.
Change = namedtuple("Change", "revision namespace name pod before kind")
# The folder in etcd, of resources where it is not the resource's name.
_FOLDERS = {"nodes": "minions", "gpuledgers": "gpugate.io/gpuledgers"}

_SENTINEL = "/test/sentinel"


def _text(value):
    return base64.b64encode(value.encode()).decode()


def _post(host, port, path, body):
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return connection, connection.getresponse()


def revision(host, port):
    """Returns the current revision: earlier writes have a smaller one, later writes a larger one.
    """
    connection, answer = _post(host, port, "/v3/kv/put", {"key": _text(_SENTINEL), "value": _text("x")})
    with contextlib.closing(connection):
        return int(json.load(answer)["header"]["revision"])


def _changes(host, port, resource):
    prefix = f"/registry/{_FOLDERS.get(resource, resource)}/"
    # Sorts after every object and is not one, which shows that the history has been read
    # completely.
    sentinel = prefix[:-1] + "0end"
    connection, answer = _post(host, port, "/v3/kv/put", {"key": _text(sentinel), "value": _text("x")})
    with contextlib.closing(connection):
        end = int(json.load(answer)["header"]["revision"])
    connection, answer = _post(host, port, "/v3/watch", {"create_request": {
        "key": _text(prefix), "range_end": _text(prefix[:-1] + "1"), "start_revision": "1"}})
    latest = {}
    try:
        for line in answer:
            result = json.loads(line)["result"]
            assert not result.get("canceled"), f"etcd no longer has the whole history: {result}"
            for event in result.get("events", ()):
                kv = event["kv"]
                at, key = int(kv["mod_revision"]), base64.b64decode(kv["key"]).decode()
                if key == sentinel:
                    if at >= end:
                        return
                    continue
                obj = None if event.get("type") == "DELETE" else json.loads(base64.b64decode(kv["value"]))
                namespace, _, name = key.removeprefix(prefix).rpartition("/")
                yield Change(at, namespace, name, obj, latest.get(key), resource)
                if obj is None:
                    latest.pop(key, None)
                else:
                    latest[key] = obj
    finally:
        connection.close()
    raise AssertionError("etcd ended the watch before the history was read")


def changes(host, port, *resources):
    """Yields a Change for each write of these resources up to now, oldest first."""
    return heapq.merge(*(_changes(host, port, resource) for resource in resources), key=lambda change: change.revision)


def pods(host, port):
    """Yields the changes of Pods."""
    return changes(host, port, "pods")
