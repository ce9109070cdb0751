"""Clients that create and delete Pods as fast as they can, in every way that the quota's arithmetic
must follow.

Each client is a thread with a connection of its own, and records what it made. If the outcome of
a request is lost, it finds the Pod again by a label. `records` contain what the checker needs
for each create.
"""

import http.client
import itertools
import json
import random
import re
import threading
import time
from collections import Counter, namedtuple

from doomed import DOOM
from kube import GPU
from manifests import container, pod
from slow_webhook import LABEL

MIG = "nvidia.com/mig-1g.10gb"
LOST = (OSError, http.client.HTTPException)

# An answered create: when it was sent and answered, its Pod, the stored revision, or the tenant and
# quota that refused it.
Record = namedtuple("Record", "begin end revision namespace spec tenant quota")
_REFUSED = re.compile(r'GPU quota "([^"]+)" of tenant "([^"]+)": requested ')


class Client(threading.Thread):
    def __init__(self, load, number, seed):
        super().__init__(name=f"client-{number}", daemon=True)
        self.load, self.number, self.random = load, number, random.Random(f"{seed}/{number}")
        self.client = load.cluster.client(timeout_s=15)
        self.mine, self.lost, self.serial = [], set(), itertools.count()
        self.outcomes, self.records, self.vain, self.slowest = Counter(), [], [], 0.0

    def run(self):
        while not self.load.stopping.is_set():
            try:
                self._step()
            except LOST:
                self.outcomes["lost"] += 1
                self.load.stopping.wait(self.random.uniform(0.05, 0.3))
        self.client.close()

    def _step(self):
        if self.lost:
            self._find()
        full = len(self.mine) >= self.load.most
        if self.mine and (full or self.random.random() < 0.5):
            self._end(self.mine.pop(self.random.randrange(len(self.mine))))
        else:
            self._create()

    # --- Creating ---

    def _spec(self):
        """Returns a random Pod: its fields except the name."""
        dice = self.random.random()
        gpus = self.random.choice((1, 1, 1, 2, 3))
        fields = {}
        if dice < 0.2:
            asks = {MIG: self.random.randint(1, 4)}
        elif dice < 0.3:
            asks = {GPU: 1, MIG: 1}
        else:
            asks = {GPU: gpus}
        if self.random.random() < 0.15:
            fields["initContainers"] = [container({GPU: 1}, "first"), container({GPU: 1}, "side", restartPolicy="Always"),
                                        container({GPU: self.random.randint(1, 3)}, "second")]
        if MIG not in asks and self.random.random() < 0.5:
            fields["nodeSelector"] = {"gpu": self.random.choice(("a100", "t4"))}
        if self.random.random() < 0.3:
            fields["schedulerName"] = "nobody"
        if self.random.random() < self.load.doomed:
            asks[DOOM] = 1
        return {"asks": asks, **fields}

    def _create(self):
        space = self.random.choice(self.load.spaces)
        labels = {"client": str(self.number), **(LABEL if self.load.doomed and self.random.random() < 0.05 else {})}
        obj = pod(space, f"n{self.random.randrange(40 if self.load.doomed else 1 << 30)}", labels=labels, **self._spec())
        if self.random.random() < 0.8:
            obj["metadata"]["generateName"] = "g-"
            del obj["metadata"]["name"]
        if self.random.random() < self.load.hang_up:
            self._hang_up(space, obj)
            return
        query = {"dryRun": "All"} if self.random.random() < 0.05 else {}
        begin = time.monotonic()
        self.lost.add(space)  # Until there is an answer.
        try:
            reply = self.client.create(obj, **query)
        except LOST:
            self.vain.append((begin, time.monotonic(), space, obj["spec"]))
            raise
        end = time.monotonic()
        # gpugate may have recorded it, and answered before it knew that.
        if reply.status == 429 or reply.status >= 500:
            self.vain.append((begin, end, space, obj["spec"]))
        self.slowest = max(self.slowest, end - begin)
        if reply.status in (201, 403, 409, 429):
            self.lost.discard(space)
        self._note(reply, space, obj, begin, end, query)

    def _note(self, reply, space, obj, begin, end, query):
        refused = _REFUSED.search(reply.message) if reply.status == 403 else None
        what = "dry" if query else "quota" if refused else "doomed" if reply.status == 403 and "exceeded quota" in reply.message else reply.status
        self.outcomes[what] += 1
        if query:
            return
        if reply.status == 201:
            self.mine.append((space, reply.body["metadata"]["name"]))
            self.records.append(Record(begin, end, int(reply.body["metadata"]["resourceVersion"]), space, obj["spec"], None, None))
        elif refused:
            self.records.append(Record(begin, end, None, space, obj["spec"], refused[2], refused[1]))
            if self.mine and self.random.random() < 0.7:  # Makes room.
                self._end(self.mine.pop(0))
        elif what not in ("doomed", 409):
            self.load.strange.setdefault((reply.status, re.sub(r"[0-9a-f-]{20,}|\d+", "#", reply.message)[:160]), reply.message)
            self.load.stopping.wait(self.random.uniform(0.05, 0.3))

    def _hang_up(self, space, obj):
        """Sends a request and does not wait for the answer."""
        connection = self.client.connect()
        try:
            self.lost.add(space)
            connection.request("POST", self.client.path("Pod", space), json.dumps(obj), {
                "Authorization": f"Bearer {self.client.token}", "Content-Type": "application/json"})
            time.sleep(self.random.uniform(0, 0.03))
        finally:
            connection.close()
        self.outcomes["hung up"] += 1

    def _find(self):
        """Finds this client's Pods after the outcome of a request was lost."""
        known = set(self.mine)
        for space in list(self.lost):
            for item in self.client.list("Pod", space, labelSelector=f"client={self.number}"):
                name = (space, item["metadata"]["name"])
                if name not in known:
                    self.mine.append(name)
            self.lost.discard(space)

    # --- Ending ---

    def _end(self, where):
        space, name = where
        how = self.random.random()
        try:
            if how < 0.2:  # It has finished its work.
                self.client.patch("Pod", name, {"status": {"phase": self.random.choice(("Succeeded", "Failed"))}}, space, "status")
            elif how < 0.4:  # It takes time to end.
                self.client.request("DELETE", self.client.path("Pod", space, name), gracePeriodSeconds=1)
                time.sleep(self.random.uniform(0, 0.1))
            reply = self.client.request("DELETE", self.client.path("Pod", space, name), gracePeriodSeconds=0)
        except LOST:
            self.mine.append(where)
            raise
        if not reply.ok and reply.status != 404:
            self.mine.append(where)
            self.load.stopping.wait(0.1)


class Load:
    """All clients.

    most: how many Pods a client keeps. hang_up: how often it does not wait for the answer.
    doomed: how often it requests DOOM; with 0, it also never uses a name that is taken, and is
    never admitted slowly.
    """

    def __init__(self, cluster, spaces, seed, clients=32, most=4, hang_up=0.003, doomed=0.01):
        self.cluster, self.spaces, self.most, self.hang_up, self.doomed = cluster, spaces, most, hang_up, doomed
        self.stopping = threading.Event()
        self.strange = {}
        self.clients = [Client(self, i, seed) for i in range(clients)]

    def start(self):
        for client in self.clients:
            client.start()
        return self

    def outcomes(self):
        return sum((client.outcomes for client in self.clients), Counter())

    def admitted(self):
        return sum(client.outcomes[201] for client in self.clients)

    def records(self):
        return [record for client in self.clients for record in client.records]

    def vain(self):
        """Returns (begin, end, namespace, spec) of what may have been admitted and not stored: its
        create failed, or its answer was lost."""
        return [each for client in self.clients for each in client.vain]

    def stop(self):
        self.stopping.set()
        for client in self.clients:
            client.join(60)
            assert not client.is_alive(), f"{client.name} hangs"
