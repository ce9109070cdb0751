"""Clients that create Pods without a pause, and the Service through which they reach gpugate's
replicas."""

import http.client
import itertools
import statistics
import threading
import time
from collections import Counter

from kube import GPU
from manifests import pod


# Askers must not use the same name twice.
_serial = itertools.count()


class Creators:
    """Clients that each create a Pod and delete it, again and again. Records the outcomes, the
    maximum latency, and the failures.

    good: whether a created Pod is as expected. refused: whether the answer for a Pod that was
    not created was expected. pause_s: how long each client waits after a Pod. tries: how often a
    create is sent if the API server gives up or asks to retry, as a controller does. `again`
    counts the answers to earlier attempts.
    """

    def __init__(self, cluster, space, count, client=None, good=None, refused=None, asks=None, pause_s=0, tries=1):
        self._good = good or (lambda made: True)
        self._refused = refused or (lambda reply: False)
        self._asks, self._pause_s, self._tries = asks or {GPU: 1}, pause_s, tries
        self.outcomes, self.failures, self.again = Counter(), [], Counter()
        self._cluster, self._space, self._client = cluster, space, client or cluster.client
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        client, serial = self._client(), 0
        while not self._stopping.wait(self._pause_s):
            name = f"c{number}-{serial}"
            try:
                made = self._create(client, name)
                client.delete("Pod", name, self._space, grace_s=0)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                continue
            self.outcomes[made.status] += 1
            if not made.ok:
                if not self._refused(made):
                    self.failures.append(f"{made.status}: {made.message}")
            elif not self._good(made.body):
                self.failures.append(f"not as it should be: {made.body['spec']}")
            serial += 1
        client.close()

    def _create(self, client, name):
        made = client.create(pod(self._space, name, self._asks, schedulerName="nobody"))
        for _ in range(1, self._tries):
            if made.status not in (429, 503, 504):
                break
            self.again[made.status] += 1
            self._stopping.wait(1)
            made = client.create(pod(self._space, name, self._asks, schedulerName="nobody"))
            if made.status == 409:  # The previous attempt was stored.
                return client.get("Pod", name, self._space)
        return made

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


class Askers:
    """Clients that create Pods about which one replica is asked (InCluster.register_each), and keep
    the last few of them. Records how long each create took, and what was refused. fails: each
    Pod fails immediately, so that it holds nothing."""

    def __init__(self, cluster, space, replica, count, keep=20, fails=False):
        self.latencies_s, self.refusals = [], []
        self._cluster, self._space, self._replica, self._keep, self._fails = cluster, space, replica, keep, fails
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        client, kept = self._cluster.client(), []
        while not self._stopping.is_set():
            name = f"r{self._replica}-{number}-{next(_serial)}"
            begin = time.monotonic()
            made = client.create(pod(self._space, name, {GPU: 1}, {"replica": str(self._replica)}, schedulerName="nobody"))
            self.latencies_s.append(time.monotonic() - begin)
            if made.ok:
                kept.append(name)
                if self._fails:
                    client.patch("Pod", name, {"status": {"phase": "Failed"}}, self._space, "status").must()
            else:
                self.refusals.append(made.message)
            if len(kept) > self._keep:
                client.delete("Pod", kept.pop(0), self._space, grace_s=0)
        client.close()

    def median_s(self):
        return statistics.median(self.latencies_s)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


class Service:
    """Sends new connections to the replicas that report being ready, as a Service does with its
    endpoints."""

    def __init__(self, gate):
        self.gate, self._stopping = gate, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping.wait(0.1):
            self.gate.proxy.targets = [server.port for server in self.gate.servers if self.ready(server)]

    @staticmethod
    def ready(server):
        try:
            return server.process is not None and server.admin("/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self):
        self._stopping.set()
        self._thread.join(120)
