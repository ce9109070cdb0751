"""Limits are never exceeded and nothing leaks: three replicas, 32 clients, small quotas, and every
kind of accident. Then etcd's own history is checked. Pods and claims of devices race for the same
quotas; some claims are made by clients, and others by the claim controller, from templates. Some
Pods come in groups that are admitted as a whole. When nothing else is wrong, the later Pods of such
a group are not refused, except by a replica that lags.

The times: the API server gives up a request after 4 s (--request-timeout), and etcd pauses for
at most 3 s. What was admitted is stored within 4 s of the start of its request, or shortly after
etcd resumes, or never. So assumption A1 holds with a time to live of 8 s, and what a deleted
ledger has forgotten is stored long before it has settled for 6 s. Both leave at least 2 s for a
busy machine.

SOAK_ADMISSIONS=N continues until that many Pods and claims were admitted, SOAK_SECONDS=N for so
long (70). SOAK_SEED=N repeats an order of accidents.
"""

import bisect
import itertools
import os
import random
import time

import binaries
import consumers
import history
from chaos import PROBE, Chaos
from checker import KINDS, Checker, Policy
from control_plane import eventually
from consumers import MIG
from doomed import DOOM_CLASS, refuse_later
from kube import GPU, doc
from load import Load
from slow_webhook import SlowWebhook

REQUEST_S, PENDING_S, SETTLE_S = 4, 8, 6
STORED_S = REQUEST_S + 3
# How late a busy machine may deliver a deletion to a replica that refuses: that late, or as late as
# the slowest of its answers. Pods that are never stored stay pending for PENDING_S.
LATE_S = 3
# How long another webhook takes for some Pods, which gpugate has already admitted.
SLOW_S = 3
# How long GPUs are reserved for the rest of a group; how often a client creates a group instead of
# a single object, and for how long it tries each of its Pods when nothing is wrong.
GANG_S, GANGS, PATIENCE_S = 10, 0.2, 0.5
# How many Pods and claims must be admitted before the history can prove anything, and how many of
# them by templates. Some are never stored.
ENOUGH, GENERATED = 600, 10
GIVE_UP_S = 1500
# The claim controller, and what it needs: the claims of Pods that are gone are garbage.
CONTROLLERS = "resourceclaim-controller,garbage-collector-controller,serviceaccount-controller"
HAS_CLAIMS = binaries.version() >= (1, 34)
# What clients create without accidents and with them. No Pod uses a claim in the first.
CALM_MIX, MIX = (consumers.PODS_AND_CLAIMS, consumers.ALL) if HAS_CLAIMS else (consumers.PODS, consumers.PODS)
A100, T4 = {"gpu": "a100"}, {"gpu": "t4"}
SPACES = {"soak-a": "", "soak-b": "", "soak-c": "", "soak-x": "d1", "soak-y": "d2"}


def quota(name, hard, measure="count", **more):
    return {"name": name, "hard": hard, "measure": measure, **more}


def policy(org=34, a=12, b=10):
    """Returns quotas that are far smaller than what the clients request. The parameters are those
    about which replicas disagree for a while."""
    both = {"resources": [GPU, MIG]}

    def compute(hard):
        return quota("compute", hard, "gpus", **both)

    def team(name, whole, small):
        return doc("Tenant", name, parent="org", namespaceSelector={"matchLabels": {"team": name}}, quotas=[
            quota("whole", whole, resources=[GPU]), quota("small", small, resources=[MIG]),
            quota("t4", 4, accelerators=["t4"]), quota("none", 0, resources=[PROBE])])

    return [doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels=A100, deviceClasses=["a100.example.com", "gpu.example.com"],
                mig={"offered": ["1g.10gb", "2g.20gb"], "deviceClasses": {"mig.example.com": "1g.10gb"}}),
            doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels=T4, deviceClasses=["t4.example.com", "gpu.example.com"]),
            doc("Settings", "others", otherResources=[f"deviceclass.resource.kubernetes.io/{DOOM_CLASS}"]),
            doc("Rule", "whole-groups", match={}, gangs="allOrNothing", gangSeconds=GANG_S),
            doc("Tenant", "org", quotas=[quota("all", org, "gpus", **both)]),
            doc("Tenant", "a", parent="org", namespaces=["soak-a"], quotas=[compute(a), quota("big", "480Gi", "memory", accelerators=["a100-80gb"])]),
            doc("Tenant", "b", parent="org", namespaces=["soak-b"], cohort="lab", quotas=[compute(b)],
                borrowing={"compute": {"borrowUpTo": "4", "lendUpTo": "3"}}),
            doc("Tenant", "c", parent="org", namespaces=["soak-c"], cohort="lab", quotas=[compute(8)], borrowing={"compute": {"borrowUpTo": "5"}}),
            team("d1", 8, 6), team("d2", 5, 9)]


POLICIES = [policy(), policy(org=38, a=15, b=12), policy(org=30, a=8, b=9)]


def furnish(plane):
    """Makes nodes, devices, namespaces, and a native quota that refuses, after gpugate has admitted
    it, every Pod that requests doomed.DOOM, and every claim of a DOOM_CLASS."""
    plane.node("a100", A100, {GPU: 1000, MIG: 1000})
    plane.node("t4", T4, {GPU: 1000})
    for name, team in SPACES.items():
        plane.namespace(name, **({"team": team} if team else {}))
        refuse_later(plane, name)
    if HAS_CLAIMS:
        consumers.furnish(plane, SPACES)
    return {"a100": A100 | {"kubernetes.io/hostname": "a100"}, "t4": T4 | {"kubernetes.io/hostname": "t4"}}


def clear(plane):
    """Deletes all Pods, and all claims, which no Pod may use."""
    plane.clear(*SPACES)
    for space in SPACES if HAS_CLAIMS else ():
        plane.admin.request("DELETE", plane.admin.path("ResourceClaim", space)).must()


def calm(plane, seed, refusals=200):
    """Runs load without any accident, with no Pod that is admitted and never stored, until so many
    were refused, however long that takes."""
    load = Load(plane, list(SPACES), f"{seed}/calm", mix=CALM_MIX, hang_up=0, doomed=0, gangs=GANGS, patience_s=PATIENCE_S).start()
    eventually(lambda: load.outcomes()["quota"] >= refusals, 300, f"{refusals} refusals", 0.5)
    load.stop()
    clear(plane)
    return load


def until_enough(load, chaos, wanted, seconds):
    """Causes accidents until `wanted` Pods and claims were admitted. If no number is given, it
    causes them for `seconds`, and longer on a machine that has not admitted ENOUGH by then."""
    def some_are_missing():
        return load.admitted() < (wanted or ENOUGH) or (HAS_CLAIMS and load.made()["generated"] < GENERATED)

    begin = told = time.monotonic()
    while some_are_missing() or (not wanted and time.monotonic() - begin < seconds):
        assert wanted or time.monotonic() - begin < GIVE_UP_S, f"{load.admitted()} admitted, of which {load.made()['generated']} are generated claims"
        chaos.step()
        time.sleep(chaos.random.uniform(0.3, 15 if wanted else 2))
        if wanted and time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{told - begin:7.0f} s  {load.admitted():8} admitted of {wanted}  {len(chaos.done)} accidents, last {chaos.done[-1]}", flush=True)
    return time.monotonic() - begin


class Pending:
    """Pods and claims that were admitted and not stored yet. Each holds its quota from some time
    after the start of its create until its revision. The time of a revision is unknown, but it was
    stored before any create with that or a later revision was answered."""

    def __init__(self, checker, records):
        made = sorted((r for r in records if r.revision), key=lambda r: r.revision)
        self.revisions = [r.revision for r in made]
        self.made = [(r.begin, r.revision, charges(checker, r.namespace, r.kind, r.spec)) for r in made]
        self.answered = list(itertools.accumulate((r.end for r in reversed(made)), min))[::-1]

    def at(self, key, revision, following, end):
        """Returns the maximum that was pending of a quota, in addition to what was stored, from a
        revision until the following one or until a time."""
        at = bisect.bisect_left(self.revisions, following)
        until = min(end, self.answered[at]) if at < len(self.answered) else end
        return sum(amounts.get(key, 0) for begin, later, amounts in self.made[bisect.bisect_right(self.revisions, revision):] if begin <= until)


def needless(checker, load, vain=(), pending=None):
    """Returns how many refusals met a quota that had room for their object in all its versions
    during the request and for a while before. vain: what is known to have been pending and never
    stored, (from, to, {quota: amount}); it counts as held. pending: what Pending reports for the
    others."""
    records, late_s = load.records(), max(LATE_S, load.slowest())
    ends = sorted((r.end, r.revision) for r in records if r.revision)
    begins = sorted((r.begin, r.revision) for r in records if r.revision)
    count = total = 0
    lows, highs, best = [], [], 0
    for end, revision in ends:
        best = max(best, revision)
        lows.append((end, best))
    best = 1 << 62
    for begin, revision in reversed(begins):
        best = min(best, revision)
        highs.append((begin, best))
    highs.reverse()
    for r in records:
        if r.revision or r.quota is None:
            continue
        at, then = bisect.bisect_left(lows, (r.begin - late_s, 0)), bisect.bisect_right(highs, (r.end, 1 << 62))
        low, high = lows[at - 1][1] if at else 0, highs[then][1] if then < len(highs) else 1 << 62
        key = (r.tenant, r.quota)
        charge = charges(checker, r.namespace, r.kind, r.spec, r.tenant).get(key, 0)
        charge += sum(amounts.get(key, 0) for begin, end, amounts in vain if begin <= r.end and r.begin <= end)
        total += 1
        limit = min(p.limit(key) for p in map(Policy, POLICIES))
        if checker.most(key, low, high) + charge > limit or checker.policy.pool(key):
            continue
        count += pending is None or all(used + charge + pending.at(key, revision, following, r.end) <= limit
                                        for revision, following, used in checker.versions(key, low, high))
    return count, total


def charges(checker, namespace, kind, spec, tenant=None):
    """Returns what a Pod or claim counts in each quota of the tenant, by default its namespace's.
    """
    policy = checker.policy
    tenant = tenant or policy.tenant_of(namespace, checker.labels.get(namespace, {}))
    return policy.charges(*policy.needs(kind, spec, checker.nodes), tenant)


def in_vain(checker, load, free_s):
    """Returns what lost creates may have held until they are swept, free_s later. A busy API server
    gives up some that gpugate admitted."""
    return [(begin, end + free_s, charges(checker, space, kind, spec)) for begin, end, space, kind, spec in load.vain()]


def read_history(plane, checker):
    for change in history.changes("127.0.0.1", plane.etcd_port, "namespaces", *KINDS):
        checker.feed(change)


def pending(server):
    """Returns how much a replica holds for what is not stored: entries of Pods and claims, and
    reservations for groups."""
    metrics = server.metrics()
    return metrics.value("gpugate_ledger_pending") + metrics.value("gpugate_ledger_reservations")


def test_never_over_and_never_leaking(fresh_control_plane, gpugate_in_cluster):
    seed, wanted = int(os.environ.get("SOAK_SEED") or random.randrange(1 << 30)), int(os.environ.get("SOAK_ADMISSIONS") or 0)
    print(f"seed {seed}")
    plane = fresh_control_plane(controllers=HAS_CLAIMS, controller_manager=[f"--controllers={CONTROLLERS}"], history=True,
                                apiserver=[f"--request-timeout={REQUEST_S}s"])
    checker = Checker(Policy(POLICIES[0]), furnish(plane))
    gate = gpugate_in_cluster(plane, POLICIES[0], "--pending-seconds", PENDING_S, "--settle-seconds", SETTLE_S, ledger="cluster", replicas=3)
    chaos = Chaos(plane, gate, checker, seed, stored_s=STORED_S, policies=POLICIES, spaces=["soak-x", "soak-y"], tenants=["d1", "d2"])
    peace = calm(plane, seed)
    slow = SlowWebhook(plane, (0.2, SLOW_S))
    load = Load(plane, list(SPACES), seed, mix=MIX, gangs=GANGS).start()
    try:
        seconds = until_enough(load, chaos, wanted, float(os.environ.get("SOAK_SECONDS", 70)))
    finally:
        load.stop()
        slow.stop()
        chaos.heal()
        print("accidents:", ", ".join(chaos.done))
    gate.wait_open(60)
    # What is pending may still be stored, claims may be generated while there is a controller, and
    # Pods may be bound while there is a scheduler. After that, the history is complete.
    for part in (plane.controller_manager, plane.scheduler):
        if part:
            part.stop()
    eventually(lambda: not any(pending(server) for server in gate.servers), max(PENDING_S, GANG_S) + 15, "pending empty")
    read_history(plane, checker)
    eventually(lambda: not checker.disagreement(gate.servers), 15, lambda: f"used equal to what is stored ({checker.disagreement(gate.servers)})")
    for i in range(len(gate.servers)):
        chaos.note_end(i)
    vain, refused = needless(checker, load)
    unfounded, founded = needless(checker, peace, in_vain(checker, peace, PENDING_S + 10), Pending(checker, peace.records()))
    print(f"seed {seed}: {dict(checker.stored)} stored in {seconds:.0f} s; {checker.peak} times exactly at a limit; outcomes {dict(load.outcomes())}; "
          f"groups in peace: {peace.outcomes()['gang whole']} whole, {peace.outcomes()['gang torn']} torn; "
          f"slowest answer {load.slowest():.1f} s, {peace.slowest():.1f} s in peace; {vain} of {refused} refusals needless, "
          f"{unfounded} of {founded} in peace; {checker.excused} excused; "
          f"ledger {chaos.counts}", flush=True)
    for message in load.strange.values():
        print("  also:", message[:300])
    checker.assert_never_over()
    assert chaos.counts["late_pods"] == 0
    assert founded >= 100 and unfounded <= founded / 50, "refused although there was room, and nothing was wrong"
    whole, torn = peace.outcomes()["gang whole"], peace.outcomes()["gang torn"]
    assert whole >= 5 and torn <= whole / 10, "a part of groups was admitted, and the rest was refused although nothing was wrong"
    assert checker.created >= 300 and checker.peak >= checker.created / 100, "too little has happened to prove anything"
    assert not HAS_CLAIMS or (checker.stored["resourceclaims"] >= 100 and checker.stored["generated"] >= GENERATED / 2), checker.stored
