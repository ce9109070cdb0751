"""What goes wrong in clusters, in random order: replicas, API server, etcd, networks, policies,
namespaces, and the ledger.

Each method of ACTIONS is one accident and its end. The checker is given what an accident
excuses, and the revisions between which it does.
"""

import http.client
import os
import random
import time
from pathlib import Path

import history
import kube
from control_plane import eventually

# Tenants that exchange namespaces have none of it, so a refusal shows which tenant a replica
# assigns a namespace to.
PROBE = "nvidia.com/mig-2g.20gb"
LOST = (OSError, http.client.HTTPException)


class Chaos:
    """Causes accidents.

    stored_s: how long after its decision a Pod may be stored. policies: lists of documents; one
    replica at a time gets one of them instead of the first. spaces: namespaces whose label
    `team` changes, which moves them between `tenants`.
    """

    def __init__(self, cluster, gate, checker, seed, *, stored_s, policies, spaces, tenants):
        self.cluster, self.gate, self.checker, self.random = cluster, gate, checker, random.Random(seed)
        self.stored_s, self.policies, self.spaces, self.tenants = stored_s, policies, spaces, tenants
        self.done, self.counts = [], {}
        self._open = []  # (when its end may be reported, how)
        self._copies = []
        self._queue = []

    # --- The order of accidents ---

    ACTIONS = ("kill_replica", "restart_apiserver", "pause_etcd", "cut_watches", "slow_replica", "lose_replica", "roll_policy", "move_namespace",
               "delete_ledger", "spoil_ledger", "restore_ledger", "cut_reviews", "kill_all_replicas")

    def step(self):
        """Causes one accident. All of them occur before one is repeated."""
        if not self._queue:
            self._queue = self.random.sample(self.ACTIONS, len(self.ACTIONS))
        action = self._queue.pop()
        for watch in self.gate.watches:
            watch.lag(self.random.choice((0, 0, 0.1, 0.5, 2)))
        self.done.append(action)
        getattr(self, action)()
        self.settle(False)

    def settle(self, all_of_it=True):
        """Reports to the checker what is over."""
        left = []
        for due, tell in self._open:
            if all_of_it:
                time.sleep(max(0, due - time.monotonic()))
            if time.monotonic() >= due:
                tell(self._revision())
            else:
                left.append((due, tell))
        self._open = left

    def heal(self):
        """Ends all disturbances."""
        for proxy in (*self.gate.watches, self.gate.proxy):
            proxy.lag()
            proxy.delay()
            proxy.refuse(False)
        self.settle()

    def _revision(self):
        return history.revision("127.0.0.1", self.cluster.etcd_port)

    def _later(self, tell):
        """Calls tell(revision) once everything decided before now has been stored, or never will
        be."""
        self._open.append((time.monotonic() + self.stored_s, tell))

    def _excuse(self, start, tenants):
        self._later(lambda end: self.checker.excuse(start, end, tenants))

    def _one(self):
        return self.random.randrange(len(self.gate.servers))

    def _wait(self, low, high):
        time.sleep(self.random.uniform(low, high))

    def note_counts(self, i):
        """Records the counters of a replica before it ends, because its successor starts from zero.
        """
        server = self.gate.servers[i]
        try:
            metrics = server.metrics()
        except LOST:
            return
        for (name, labels), value in metrics.samples.items():
            if name.startswith("gpugate_ledger_") and name.endswith("_total"):
                key = name.removeprefix("gpugate_ledger_").removesuffix("_total") + "".join(f" {v}" for _, v in sorted(labels))
                self.counts[key] = self.counts.get(key, 0) + int(value)

    def note_end(self, i):
        self.note_counts(i)
        if os.environ.get("SOAK_LOGS"):
            Path(os.environ["SOAK_LOGS"], f"{len(self.done):05}-gpugate-{i}.log").write_text(self.gate.servers[i].stderr())

    # --- Accidents ---

    def kill_replica(self):
        i = self._one()
        self.note_end(i)
        self.gate.kill(i)
        self._wait(0, 1)
        self.gate.start(i)

    def kill_all_replicas(self):
        for i in range(len(self.gate.servers)):
            self.note_end(i)
            self.gate.kill(i)
        for i in range(len(self.gate.servers)):
            self.gate.start(i)

    def restart_apiserver(self):
        """Restarts it, as often as needed: on a busy machine, it may give up and exit."""
        for attempts_left in (2, 1, 0):
            try:
                self.cluster.apiserver.restart()
                return
            except AssertionError:
                if self.cluster.apiserver.running() or not attempts_left:
                    raise

    def pause_etcd(self):
        """Pauses etcd for less than a create may take: the requests that it finds when it resumes
        are recent."""
        self.cluster.etcd.pause()
        self._wait(0.5, 3)
        self.cluster.etcd.resume()

    def cut_watches(self):
        for watch in self.gate.watches if self.random.random() < 0.3 else [self.gate.watches[self._one()]]:
            watch.cut()

    def slow_replica(self):
        watch = self.gate.watches[self._one()]
        watch.delay(up=self.random.uniform(0, 0.3), down=self.random.uniform(0, 0.5))
        self._wait(1, 3)
        watch.delay()

    def lose_replica(self):
        """The replica cannot reach the API server, but the API server can reach it."""
        watch = self.gate.watches[self._one()]
        watch.refuse()
        watch.cut()
        self._wait(1, 3)
        watch.refuse(False)

    def cut_reviews(self):
        for _ in range(3):
            self.gate.proxy.cut()
            self._wait(0.1, 0.5)

    def roll_policy(self):
        server = self.gate.servers[self._one()]
        other = self.random.choice(self.policies[1:])
        start = self._revision()
        server.reload(other)
        self._wait(1, 3)
        server.reload(self.policies[0])
        self._later(lambda end: self.checker.during(start, end, type(self.checker.policy)(other)))

    def move_namespace(self):
        space = self.random.choice(self.spaces)
        team = self.cluster.admin.get("Namespace", space).must()["metadata"]["labels"]["team"]
        other = self.random.choice([t for t in self.tenants if t != team])
        start = self._revision()
        self.cluster.admin.patch("Namespace", space, {"metadata": {"labels": {"team": other}}}).must()
        for server in self.gate.servers:
            eventually(lambda server=server: self._knows(server, space, other), 40, f"{server.port} knowing that {space} is {other}'s")
        self._excuse(start, [other])

    def _knows(self, server, space, tenant):
        try:
            decision = server.validate(kube.pod({PROBE: 1}, namespace=space), dry_run=True)
        except LOST:
            return False
        return f'tenant "{tenant}"' in decision.message

    # --- Manual changes of the ledger ---

    def _ledger(self):
        return eventually(lambda: (lambda reply: reply.body if reply.ok else None)(self.cluster.admin.get("GPULedger", "cluster")), 30, "a ledger")

    def _overwrite(self, change):
        def put():
            obj = self._ledger()
            change(obj["spec"])
            return self.cluster.admin.replace(obj).status == 200
        eventually(put, 20, "an overwritten ledger")

    def delete_ledger(self):
        self._copies.append(self._ledger()["spec"])
        self.cluster.kubectl("delete", "gpuledgers", "cluster")

    def spoil_ledger(self):
        self._copies.append(self._ledger()["spec"])
        rubbish = self.random.choice(({"pending": "2;nothing"}, {"pending": "1;P x"}, {"version": "99999999999999999999"}, {"opened": ""}))
        self._overwrite(lambda spec: spec.update(rubbish))

    def restore_ledger(self):
        """Someone restores an older copy, open as it was. Only Pods that were admitted and not
        stored yet are lost by that."""
        copy = self._ledger()
        self._wait(0.3, 1)
        start = self._revision()
        self._overwrite(lambda spec: (spec.clear(), spec.update(copy["spec"])))
        self._excuse(start, self.checker.policy.tenants)
