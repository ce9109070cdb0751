"""If nothing is wrong with the ledger, nothing happens to it. Replicas are killed, the API server
restarts, watches are late, and lists take long. Yet no healthy ledger settles, nothing is listed
again without a cause, and no Pod or claim is refused that had room.

The accidents are those of ordinary operation: nothing is deleted, damaged or restored.
CALM_SECONDS=N sets the duration, and CALM_SEED=N repeats an order of accidents. Each occurs at
least once.
"""

import os
import random
import time
from collections import Counter

import pytest

import test_never_over as soak
from chaos import Chaos
from checker import Checker, Policy
from control_plane import eventually
from creators import Service
from load import Load

PENDING_S, SETTLE_S = 12, 6
# What was admitted and not stored is free again after that time.
FREE_S = PENDING_S + 10
LIST_S = 20
LATE_S = (0, 0.02, 0.05, 0.1, 0.2, 0.5)
# Marks the start of a replica among the requests of a LateApi.
STARTED = "a replica has started"
ALARMS = ("ledger_settling", "ledger_created", "ledger_opened", "view_restored", "view_incomplete", "ledger_outage")


def without_cause(requests):
    """Returns the lists of Pods without a cause. A replica lists when it has started, when its
    watch has expired or was rejected, and when a list was not completed."""
    found, cause = [], False
    for request in requests:
        if request is STARTED:
            cause = True
        elif request.kind == "list":
            if request.first and not cause:
                found.append(request)
            cause = not request.whole or request.expired
        elif request.kind == "watch":
            cause = cause or request.expired or request.status in (400, 422)
    return found


class Calm(Chaos):
    """Accidents that leave the ledger healthy."""

    ACTIONS = ("kill_replica", "restart_apiserver", "expire_watch", "end_watches", "slow_answers", "slow_connection")

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.alarms = Counter()
        # Lists that gpugate reports to make because no Pod has changed. While the API server is
        # away, none does.
        self.quiet = 0
        self.begins = [len(watch.requests) for watch in self.gate.watches]
        self.before = [self._alarms(server) for server in self.gate.servers]

    def step(self):
        for watch in self.gate.watches:
            watch.lag(self.random.choice(LATE_S))
            watch.question_s = self.random.choice((0, 0.02, 0.1))
        if not self._queue:
            self._queue = self.random.sample(self.ACTIONS, len(self.ACTIONS))
        self.done.append(self._queue.pop())
        getattr(self, self.done[-1])()

    def heal(self):
        for watch in self.gate.watches:
            watch.list_s = watch.question_s = 0
        super().heal()

    @staticmethod
    def _alarms(server):
        return Counter(line["event"] for line in server.log(strict=False) if line["event"] in ALARMS)

    def note_end(self, i):
        super().note_end(i)
        self.alarms += self._alarms(self.gate.servers[i]) - self.before[i]
        self.quiet += len(self.gate.servers[i].log("view_quiet", strict=False))
        self.before[i] = Counter()

    def relists(self):
        """Returns the lists without a cause, and the number of all lists."""
        logs = [list(watch.requests)[begin:] for watch, begin in zip(self.gate.watches, self.begins)]
        return [each for log in logs for each in without_cause(log)], sum(r is not STARTED and r.kind == "list" for log in logs for r in log)

    # --- Accidents ---

    def kill_replica(self):
        i = self._one()
        self.note_end(i)
        self.gate.kill(i)
        self._wait(0, 1)
        self.gate.watches[i].requests.append(STARTED)
        self.gate.servers[i].start()  # The Service finds it.

    def restart_apiserver(self):
        """Restarts as a rollout does: requests in flight are answered first."""
        self.cluster.apiserver.stop()
        self.cluster.apiserver.start()

    def expire_watch(self):
        """Expires the watch of one replica. The following list takes long, must be completed, and
        must not be started again meanwhile."""
        watch = self.gate.watches[self._one()]
        seen = len(watch.requests)
        watch.list_s = LIST_S
        watch.expire()

        def listed():
            if watch.expiring:
                watch.end_watches()
            return any(r is not STARTED and r.kind == "list" and r.whole for r in watch.requests[seen:])
        eventually(listed, 60, f"the end of a list that takes {LIST_S} s", pause=0.1)
        watch.list_s = 0

    def end_watches(self):
        for watch in self.gate.watches:
            watch.end_watches()

    def slow_answers(self):
        """Delays the answers about the version that the cluster has reached, while watches end and
        begin."""
        for watch in self.gate.watches:
            watch.question_s = self.random.uniform(0.02, 0.5)
            watch.lag(self.random.choice(LATE_S))
        for _ in range(4):
            self.gate.watches[self._one()].end_watches()
            self._wait(0.2, 0.8)

    def slow_connection(self):
        watch = self.gate.watches[self._one()]
        watch.delay(up=self.random.uniform(0, 0.2), down=self.random.uniform(0, 0.3))
        self._wait(1, 3)
        watch.delay()


def enough(load):
    """Returns whether so much has happened that its outcomes can prove something."""
    return load.admitted() >= 400 and load.outcomes()["quota"] >= 100


def test_calm(fresh_control_plane, gpugate_in_cluster):
    seed, seconds = int(os.environ.get("CALM_SEED") or random.randrange(1 << 30)), float(os.environ.get("CALM_SECONDS") or 60)
    print(f"seed {seed}")
    plane = fresh_control_plane(controllers=False, history=True)
    policy = soak.POLICIES[0]
    checker = Checker(Policy(policy), soak.furnish(plane))
    gate = gpugate_in_cluster(plane, policy, "--pending-seconds", PENDING_S, "--settle-seconds", SETTLE_S, ledger="cluster", replicas=3, late=True)
    calm = Calm(plane, gate, checker, seed, stored_s=0, policies=[policy], spaces=[], tenants=[])
    before = Counter({name: sum(server.metrics().value(f"gpugate_ledger_{name}_total") for server in gate.servers) for name in ("resettled",)})
    service, load = Service(gate), Load(plane, list(soak.SPACES), seed, mix=soak.CALM_MIX, hang_up=0, doomed=0).start()
    try:
        begin = time.monotonic()
        # Each occurs at least once, and there are enough Pods, however slow the machine is.
        while time.monotonic() - begin < seconds or len(calm.done) < len(Calm.ACTIONS) or not enough(load):
            calm.step()
            time.sleep(calm.random.uniform(0.3, 2))
    finally:
        load.stop()
        service.stop()
        calm.heal()
        print("accidents:", ", ".join(calm.done))
    gate.wait_open(60)
    plane.scheduler.stop()
    soak.read_history(plane, checker)
    for i in range(len(gate.servers)):
        calm.note_end(i)
    vain = soak.in_vain(checker, load, FREE_S)
    needless, refused = soak.needless(checker, load, vain, soak.Pending(checker, load.records()))
    outcomes = load.outcomes()
    relists, lists = calm.relists()
    resettled = calm.counts.get("resettled", 0) - before["resettled"]
    print(f"seed {seed}: {dict(checker.stored)} stored; outcomes {dict(outcomes)}; {len(vain)} in vain; {needless} of {refused} refusals needless; "
          f"{len(relists)} of {lists} lists without a cause; alarms {dict(calm.alarms)}; ledger {calm.counts}", flush=True)
    for message in load.strange.values():
        print("  also:", message[:300])
    checker.assert_never_over()
    assert not resettled and not calm.alarms["ledger_settling"] and not calm.alarms["ledger_created"], calm.alarms
    assert len(relists) <= calm.quiet and not calm.alarms["view_restored"], (relists, calm.alarms)
    assert refused > 50 and needless <= refused / 50, "refused although there was room, and nothing was wrong"
    assert checker.created >= 300, "too little has happened to prove anything"


class _Request:
    def __init__(self, kind, status=200, whole=True, expired=False, first=True):
        self.kind, self.status, self.whole, self.expired, self.first = kind, status, whole, expired, first


@pytest.mark.parametrize("requests,count", [
    ([STARTED, _Request("list"), _Request("watch"), _Request("watch")], 0),
    ([_Request("watch"), _Request("list")], 1),
    ([_Request("watch", expired=True), _Request("list"), _Request("list")], 1),
    ([_Request("watch", 410, expired=True), _Request("question"), _Request("list", whole=False), _Request("list"), _Request("list", first=False)], 0),
    ([STARTED, _Request("list", 400, whole=False), _Request("list"), _Request("watch"), _Request("list")], 1)])
def test_which_lists_have_a_cause(requests, count):
    assert len(without_cause(requests)) == count
