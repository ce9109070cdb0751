"""Clients that create and delete Pods and claims of devices as fast as they can, in every way that
the quota's arithmetic must follow.

Each client is a thread with a connection of its own, and records what it made. If the outcome of
a request is lost, it finds the object again by a label. `records` contain what the checker needs
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

import consumers
import gangs
from consumers import Maker

LOST = (OSError, http.client.HTTPException)

# An answered create: when it was sent and answered, its Pod or claim, the stored revision, or the
# tenant and quota that refused it.
Record = namedtuple("Record", "begin end revision namespace kind spec tenant quota")
_REFUSED = re.compile(r'GPU quota "([^"]+)" of tenant "([^"]+)": requested ')


class Client(threading.Thread):
    def __init__(self, load, number, seed):
        super().__init__(name=f"client-{number}", daemon=True)
        self.load, self.number, self.random = load, number, random.Random(f"{seed}/{number}")
        self.client = load.cluster.client(timeout_s=15)
        self.maker = Maker(number, self.random, load.doomed)
        self.mine, self.lost, self.serial = [], set(), itertools.count()
        self.outcomes, self.made, self.records, self.vain, self.slowest = Counter(), Counter(), [], [], 0.0

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

    def _create(self):
        space = self.random.choice(self.load.spaces)
        if self.random.random() < self.load.gangs:
            self._create_gang(space)
            return
        what, obj = self.maker.make(self.load.mix, space, [name for kind, where, name in self.mine if (kind, where) == ("ResourceClaim", space)])
        if self.random.random() < self.load.hang_up:
            self._hang_up(space, obj)
            return
        query = {"dryRun": "All"} if self.random.random() < 0.05 else {}
        begin = time.monotonic()
        self.lost.add((obj["kind"], space))  # Until there is an answer.
        try:
            reply = self.client.create(obj, **query)
        except LOST:
            self.vain.append((begin, time.monotonic(), space, obj["kind"], obj["spec"]))
            raise
        end = time.monotonic()
        # gpugate may have recorded it, and answered before it knew that.
        if reply.status == 429 or reply.status >= 500:
            self.vain.append((begin, end, space, obj["kind"], obj["spec"]))
        self.slowest = max(self.slowest, end - begin)
        if reply.status in (201, 403, 409, 429):
            self.lost.discard((obj["kind"], space))
        self._note(reply, space, obj, begin, end, query)
        self.made[what] += reply.status == 201 and not query

    def _note(self, reply, space, obj, begin, end, query):
        refused = _REFUSED.search(reply.message) if reply.status == 403 else None
        what = "dry" if query else "quota" if refused else "doomed" if reply.status == 403 and "exceeded quota" in reply.message else reply.status
        self.outcomes[what] += 1
        if query:
            return
        if reply.status == 201:
            self.mine.append((obj["kind"], space, reply.body["metadata"]["name"]))
            self.records.append(Record(begin, end, int(reply.body["metadata"]["resourceVersion"]), space, obj["kind"], obj["spec"], None, None))
        elif refused:
            self.records.append(Record(begin, end, None, space, obj["kind"], obj["spec"], refused[2], refused[1]))
            if self.mine and self.random.random() < 0.7:  # Makes room.
                self._end(self.mine.pop(0))
        elif what not in ("doomed", 409):
            self.load.strange.setdefault((reply.status, re.sub(r"[0-9a-f-]{20,}|\d+", "#", reply.message)[:160]), reply.message)
            self.load.stopping.wait(self.random.uniform(0.05, 0.3))

    def _create_gang(self, space):
        """Creates the Pods of a group, one after another."""
        pods, begin = self.maker.gang(space), time.monotonic()
        self.lost.add(("Pod", space))
        left = list(pods)

        def create(obj):
            sent = time.monotonic()
            reply = self.client.create(obj)
            end = time.monotonic()
            self.slowest = max(self.slowest, end - sent)
            if reply.status == 201:
                left.remove(obj)
                self.mine.append(("Pod", space, reply.body["metadata"]["name"]))
                # What was reserved for it is held since the first one was sent.
                self.records.append(Record(begin, end, int(reply.body["metadata"]["resourceVersion"]), space, "Pod", obj["spec"], None, None))
            return reply.status, reply.status == 403 and bool(_REFUSED.search(reply.message))

        result = "lost"
        try:
            result = gangs.create(create, pods, self.load.patience_s, self.load.stopping.wait)
        finally:
            self.outcomes[f"gang {result}"] += 1
            self.made["pod"] += len(pods) - len(left)
            if result in (gangs.WHOLE, gangs.REFUSED, gangs.TORN):
                self.lost.discard(("Pod", space))
            if result not in (gangs.WHOLE, gangs.REFUSED):
                self.vain += [(begin, time.monotonic(), space, "Pod", obj["spec"]) for obj in left]
        if result != gangs.WHOLE and self.mine:  # Makes room.
            self._end(self.mine.pop(0))

    def _hang_up(self, space, obj):
        """Sends a request and does not wait for the answer."""
        connection = self.client.connect()
        try:
            self.lost.add((obj["kind"], space))
            connection.request("POST", self.client.path(obj["kind"], space), json.dumps(obj), {
                "Authorization": f"Bearer {self.client.token}", "Content-Type": "application/json"})
            time.sleep(self.random.uniform(0, 0.03))
        finally:
            connection.close()
        self.outcomes["hung up"] += 1

    def _find(self):
        """Finds this client's Pods and claims after the outcome of a request was lost."""
        known = set(self.mine)
        for kind, space in list(self.lost):
            found = self.client.request("GET", self.client.path(kind, space), labelSelector=f"client={self.number}")
            if not found.ok:
                self.load.stopping.wait(0.1)
                return  # The next step tries again.
            for item in found.body["items"]:
                name = (kind, space, item["metadata"]["name"])
                if name not in known and "deletionTimestamp" not in item["metadata"]:
                    self.mine.append(name)
            self.lost.discard((kind, space))

    # --- Ending ---

    def _end(self, where):
        try:
            reply = getattr(self, f"_end_{where[0]}")(*where[1:])
        except LOST:
            self.mine.append(where)
            raise
        if not reply.ok and reply.status != 404:
            self.mine.append(where)
            self.load.stopping.wait(0.1)

    def _end_Pod(self, space, name):
        how = self.random.random()
        if how < 0.2:  # It has finished its work.
            self.client.patch("Pod", name, {"status": {"phase": self.random.choice(("Succeeded", "Failed"))}}, space, "status")
        elif how < 0.4:  # It takes time to end.
            self.client.request("DELETE", self.client.path("Pod", space, name), gracePeriodSeconds=1)
            time.sleep(self.random.uniform(0, 0.1))
        reply = self.client.request("DELETE", self.client.path("Pod", space, name), gracePeriodSeconds=0)
        if reply.ok and isinstance(reply.body, dict):
            self.made["generated"] += len(reply.body.get("status", {}).get("resourceClaimStatuses", ()))
        return reply

    def _end_ResourceClaim(self, space, name):
        """Deletes a claim. It is there until no Pod uses it."""
        return self.client.request("DELETE", self.client.path("ResourceClaim", space, name))


class Load:
    """All clients.

    most: how many objects a client keeps. mix: what clients create, as in consumers. hang_up: how
    often it does not wait for the answer. doomed: as for a Maker. gangs: how often it creates a
    group of Pods instead. patience_s: for how long it tries the later Pods of a group.
    """

    def __init__(self, cluster, spaces, seed, clients=32, most=4, mix=consumers.PODS, hang_up=0.003, doomed=0.01,
                 gangs=0, patience_s=0):
        self.cluster, self.spaces, self.most, self.hang_up, self.doomed = cluster, spaces, most, hang_up, doomed
        self.mix, self.gangs, self.patience_s = mix, gangs, patience_s
        self.stopping = threading.Event()
        self.strange = {}
        self.clients = [Client(self, i, seed) for i in range(clients)]

    def start(self):
        for client in self.clients:
            client.start()
        return self

    def outcomes(self):
        return sum((client.outcomes for client in self.clients), Counter())

    def made(self):
        """Returns how many of each of the mix were admitted, and how many claims had been generated
        for Pods when they were deleted."""
        return sum((client.made for client in self.clients), Counter())

    def admitted(self):
        """Returns how many Pods and claims were admitted that count."""
        made = self.made()
        return made["pod"] + made["claim"] + made["generated"]

    def slowest(self):
        """Returns the seconds that the slowest answer took."""
        return max(client.slowest for client in self.clients)

    def records(self):
        return [record for client in self.clients for record in client.records]

    def vain(self):
        """Returns (begin, end, namespace, kind, spec) of what may have been admitted and not
        stored: its create failed, or its answer was lost."""
        return [each for client in self.clients for each in client.vain]

    def stop(self):
        self.stopping.set()
        for client in self.clients:
            client.join(60)
            assert not client.is_alive(), f"{client.name} hangs"
