"""The checker finds violations, and nothing else, in forged histories. Needs no cluster."""

import random
from collections import defaultdict
from fractions import Fraction

import pytest

import gangs
from checker import CLASS, Checker, Policy, amount, effective, requested
from consumers import claim_spec
from history import Change
from kube import GPU, doc
from manifests import container, pod

MIG = "nvidia.com/mig-1g.10gb"


def tenant(name, *quotas, **more):
    return doc("Tenant", name, quotas=list(quotas), **more)


def documents(hard=2):
    return [doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"gpu": "a100"}, deviceClasses=["a100", "any"],
                mig={"offered": ["1g.10gb"], "deviceClasses": {"mig": "1g.10gb"}}),
            doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"gpu": "t4"}, deviceClasses=["t4", "any"]),
            tenant("org", {"name": "all", "measure": "gpus", "hard": 6}),
            tenant("a", {"name": "gpus", "resources": [GPU], "hard": hard}, namespaces=["a"], parent="org"),
            tenant("m", {"name": "memory", "measure": "memory", "hard": "100Gi"}, {"name": "a100", "accelerators": ["a100"], "hard": 1},
                   namespaces=["m"], parent="org"),
            tenant("x", {"name": "gpus", "hard": 1}, namespaceSelector={"matchLabels": {"team": "x"}}, parent="org"),
            tenant("y", {"name": "gpus", "hard": 3}, namespaceSelector={"matchLabels": {"team": "y"}}, parent="org"),
            tenant("b", {"name": "pooled", "hard": 2}, namespaces=["b"], cohort="lab", borrowing={"pooled": {"borrowUpTo": 2, "lendUpTo": 1}}),
            tenant("c", {"name": "pooled", "hard": 3}, namespaces=["c"], cohort="lab", borrowing={"pooled": {"borrowUpTo": 2}})]


class History:
    """Forges changes and feeds them."""

    def __init__(self, hard=2):
        self.checker = Checker(Policy(documents(hard)), {"big": {"gpu": "a100"}, "small": {"gpu": "t4"}})
        self.revision, self.stored = 0, {}

    def _feed(self, kind, space, name, obj):
        self.revision += 1
        before, self.stored[kind, space, name] = self.stored.get((kind, space, name)), obj
        self.checker.feed(Change(self.revision, space, name, obj, before, kind))
        return self

    def pod(self, space, name, asks, phase="Pending", **spec):
        obj = pod(space, name, asks, **spec)
        obj["metadata"]["uid"], obj["status"] = f"uid of {name}", {"phase": phase}
        return self._feed("pods", space, name, obj)

    def claim(self, space, name, *requests, status=None, **metadata):
        """Each request is a list of alternatives: (class, number)."""
        obj = {"metadata": {"uid": f"uid of {name}", **metadata}, "spec": claim_spec(requests), "status": status or {}}
        return self._feed("resourceclaims", space, name, obj)

    def gone(self, space, name, kind="pods"):
        return self._feed(kind, space, name, None)

    def namespace(self, name, **labels):
        return self._feed("namespaces", "", name, {"metadata": {"labels": labels}})

    def over(self):
        return [(v.revision, v.tenant, v.quota, v.used) for v in self.checker.violations]


def test_up_to_the_limit_and_above():
    h = History().pod("a", "1", {GPU: 1}).pod("a", "2", {GPU: 1})
    assert h.over() == []
    assert h.pod("a", "3", {GPU: 1}).over() == [(3, "a", "gpus", 3)]
    with pytest.raises(AssertionError, match="revision 3: Pod a/3 made a/gpus 3, above its limit, 2"):
        h.checker.assert_never_over()


def test_what_is_gone_or_has_finished_makes_room_and_what_only_changes_takes_none():
    h = History().pod("a", "1", {GPU: 2}).pod("a", "1", {GPU: 2}, schedulerName="other").gone("a", "1").pod("a", "2", {GPU: 2})
    h.pod("a", "2", {GPU: 2}, "Failed").pod("a", "3", {GPU: 2})
    assert h.over() == [] and h.checker.created == 3


def test_parents():
    h = History().namespace("n", team="y").pod("a", "1", {GPU: 2}).pod("n", "1", {GPU: 3}).pod("m", "1", {GPU: 1}, nodeSelector={"gpu": "t4"})
    assert h.over() == []
    assert h.pod("m", "2", {MIG: 1}).over() == [(5, "org", "all", Fraction(43, 7))]


def test_a_charge_falls_at_binding():
    """An unbound Pod could be an A100 with 80 Gi. On the node of the T4, it is 16 Gi, and not an
    A100."""
    h = History().pod("m", "1", {GPU: 1}).pod("m", "1", {GPU: 1}, nodeName="small").pod("m", "2", {GPU: 1})
    assert h.over() == []
    early = History().pod("m", "1", {GPU: 1}).pod("m", "2", {GPU: 1})
    assert early.over() == [(2, "m", "a100", 2), (2, "m", "memory", 160)] or sorted(early.over()) == [(2, "m", "a100", 2), (2, "m", "memory", 160)]
    selected = History().pod("m", "1", {GPU: 6}, nodeSelector={"gpu": "t4"})
    assert selected.over() == []


def test_cohorts():
    """b keeps one of its two. c may borrow up to two, of which one is available."""
    h = History().pod("c", "1", {GPU: 4})
    assert h.over() == []
    assert History().pod("c", "1", {GPU: 5}).over() == [(1, "c", "pooled", 5)]
    assert h.pod("b", "1", {GPU: 1}).over() == []
    assert h.pod("b", "2", {GPU: 1}).over() == [(3, "b", "pooled", 2)]


def test_the_largest_limit_in_force():
    h = History()
    h.checker.during(2, 3, Policy(documents(hard=3)))
    h.pod("a", "1", {GPU: 2}).pod("a", "2", {GPU: 1})
    assert h.over() == []
    h.gone("a", "2").pod("a", "3", {GPU: 1})
    assert h.over() == [(4, "a", "gpus", 3)]


def test_a_namespace_that_changes_tenant():
    """The move itself exceeds nothing. Pods stored afterwards do, unless they are excused, and the
    parent's quota is never excused."""
    h = History().namespace("n", team="y").pod("n", "1", {GPU: 2}).namespace("n", team="x")
    assert h.over() == [] and h.checker.used["x", "gpus"] == 2 and h.checker.used["y", "gpus"] == 0
    h.checker.excuse(3, 4, ["x"])
    assert h.pod("n", "2", {GPU: 1}).over() == [] and h.checker.excused == 1
    assert h.pod("n", "3", {GPU: 1}).over() == [(5, "x", "gpus", 4)]
    h.checker.excuse(6, 6, ["x"])
    assert (6, "org", "all", 7) in h.pod("n", "4", {GPU: 3}).over()


def test_effective_requests():
    spec = {"initContainers": [container({GPU: 1}, "first"), container({GPU: 1}, "side", restartPolicy="Always"), container({GPU: 2}, "second")],
            "containers": [container({GPU: 1})]}
    assert effective(spec) == {GPU: 3}
    assert effective({"containers": [container({GPU: 1}), container({GPU: 1, "cpu": 4})]}) == {GPU: 2}
    assert effective({"containers": [{"name": "r", "resources": {"requests": {GPU: "0"}}}]}) == {}
    assert [amount("480Gi"), amount("512Mi"), amount(3)] == [480, Fraction(1, 2), 3]


# --- Claims ---

ALLOCATED = {"allocation": {"devices": {"results": [{"request": "r0", "driver": "d", "pool": "p", "device": "x"}]}}}


def test_claims_and_pods_share_a_quota():
    h = History().pod("a", "1", {GPU: 1}).claim("a", "1", [("a100", 1)])
    assert h.over() == [] and h.checker.used["a", "gpus"] == 2 and h.checker.stored == {"pods": 1, "resourceclaims": 1, "generated": 0}
    assert h.claim("a", "2", [("any", 1)]).over() == [(3, "a", "gpus", 3)]
    with pytest.raises(AssertionError, match="revision 3: ResourceClaim a/2 made a/gpus 3, above its limit, 2"):
        h.checker.assert_never_over()
    assert History().claim("a", "1", [("a100", 2)]).pod("a", "2", {GPU: 1}).over() == [(2, "a", "gpus", 3)]


def test_a_claim_counts_from_its_creation_until_it_is_gone():
    """Neither an allocation, nor the end of its Pods, nor its deletion changes that, if something
    keeps it."""
    h = History().claim("a", "1", [("a100", 2)]).claim("a", "1", [("a100", 2)], status=ALLOCATED).claim("a", "1", [("a100", 2)])
    h.claim("a", "1", [("a100", 2)], deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["resource.kubernetes.io/delete-protection"])
    assert h.checker.used["a", "gpus"] == 2
    assert h.pod("a", "2", {GPU: 1}).over() == [(5, "a", "gpus", 3)]
    assert h.gone("a", "2").gone("a", "1", "resourceclaims").claim("a", "3", [("any", 1)]).pod("a", "4", {GPU: 1}).over() == [(5, "a", "gpus", 3)]
    assert h.checker.used["a", "gpus"] == 2


def test_a_pod_counts_nothing_for_the_claims_that_it_names():
    h = History().claim("a", "c", [("a100", 2)], ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "1", "uid": "u", "controller": True}])
    for name in ("1", "2"):
        h.pod("a", name, {}, resourceClaims=[{"name": "d", "resourceClaimName": "c"}, {"name": "e", "resourceClaimTemplateName": "t"}])
    assert h.over() == [] and h.checker.used["a", "gpus"] == 2 and h.checker.stored["generated"] == 1


def test_each_quota_counts_the_most_expensive_alternative():
    used = History().claim("m", "1", [("t4", 3), ("a100", 1)], [("mig", 2)]).checker.used
    assert {key: n for key, n in used.items() if n} == {("m", "memory"): 80 + 20, ("m", "a100"): 1 + 2, ("org", "all"): 3 + Fraction(2, 7)}
    # Whole devices only.
    assert History().claim("a", "1", [("mig", 5)]).checker.used["a", "gpus"] == 0
    # A device of any model may be the most expensive one.
    assert History().claim("m", "1", [("any", 1)]).checker.used["m", "memory"] == 80


def test_the_forms_of_requests():
    """That of v1beta1 has no `exactly`. A form that the checker does not know must not count as
    nothing."""
    assert requested({"devices": {"requests": [{"name": "r", "deviceClassName": "t4", "allocationMode": "ExactCount", "count": 2}]}}) == [[(CLASS + "t4", 2)]]
    assert requested({"devices": {}}) == []
    for unknown in ({"name": "r", "exactly": {"deviceClassName": "t4", "allocationMode": "All"}}, {"name": "r", "someday": {}},
                    {"name": "r", "exactly": {"deviceClassName": "t4", "adminAccess": True}}):
        with pytest.raises(AssertionError):
            requested({"devices": {"requests": [unknown]}})


class Books:
    """A gpugate that decides by its own books, and reports them: correct ones, or with a fault."""

    port = 8443

    def __init__(self, fault=None, seed=1):
        self.history, self.fault, self.random = History(hard=5), fault, random.Random(seed)
        self.entries, self.used = {}, defaultdict(Fraction)
        self.admitted = defaultdict(int)
        self.differed = False  # Whether what is reported differed at any time from what is stored.

    def _charge(self, kind, spec):
        policy = self.history.checker.policy
        requests, models = policy.needs(kind, spec, {})
        if kind == "ResourceClaim" and self.fault == "the cheapest alternative":
            requests = [[min(options, key=lambda option: option[1])] for options in requests]
        found = policy.charges(requests, models, "a")
        if kind == "ResourceClaim":
            found = {key: n * {"charged twice": 2, "not counted": 0}.get(self.fault, 1) for key, n in found.items()}
        return found

    def _create(self, kind, name):
        if kind == "Pod":
            asks = {GPU: self.random.choice((1, 2))}
            charge, store = self._charge(kind, pod("a", name, asks)["spec"]), lambda: self.history.pod("a", name, asks)
        else:
            requests = [[(self.random.choice(("a100", "t4", "any")), self.random.choice((1, 2))) for _ in range(self.random.choice((1, 2)))]]
            charge, store = self._charge(kind, claim_spec(requests)), lambda: self.history.claim("a", name, *requests, finalizers=["x"])
        if any(self.used[key] + n > self.history.checker.policy.limit(key) for key, n in charge.items()):
            return
        store()
        self.admitted[kind] += 1
        self.entries[kind, name] = charge
        self._book(charge, 1)

    def _book(self, charge, sign):
        for key, n in charge.items():
            self.used[key] += sign * n

    def _end(self, kind, name):
        charge = self.entries.pop((kind, name))
        if not (kind == "ResourceClaim" and self.fault == "never released"):
            self._book(charge, -1)
        if kind == "ResourceClaim" and self.fault == "released too early":
            self._create("Pod", f"{name}-too-early")
        self.history.gone("a", name, "pods" if kind == "Pod" else "resourceclaims")

    def run(self, steps=300):
        """Creates and ends Pods and claims at random."""
        for number in range(steps):
            if self.entries and self.random.random() < 0.45:
                self._end(*self.random.choice(list(self.entries)))
            else:
                self._create(self.random.choice(("Pod", "ResourceClaim")), str(number))
            self.differed |= bool(self.history.checker.disagreement([self]))
        return self

    def end_all(self):
        while self.entries:
            self._end(*next(iter(self.entries)))

    def metrics(self):
        return self

    def value(self, family, tenant, quota, measure):
        assert family == "gpugate_quota_used"
        return float(self.used[tenant, quota]) * ((1 << 30) if measure == "memory" else 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fault, over, reported, leaks", [
    (None, False, False, False), ("charged twice", False, True, False), ("never released", False, True, True), ("not counted", True, True, False),
    ("the cheapest alternative", True, True, False), ("released too early", True, False, False)])
def test_faults_of_claims_are_noticed(fault, over, reported, leaks, seed):
    """What admits too much is found in the history, and what counts otherwise than it should in the
    reports: while there are claims, and a leak also when everything has ended."""
    books = Books(fault, seed).run()
    checker = books.history.checker
    assert leaks or all(books.admitted[kind] > 20 for kind in ("Pod", "ResourceClaim"))
    assert bool(checker.violations) == over, checker.violations
    assert books.differed == reported
    if not over:  # A Pod that is created at the end of a claim ends as well.
        books.end_all()
        assert not any(checker.used.values())
        assert bool(checker.disagreement([books])) == leaks


# --- Groups of Pods ---


class Reserver:
    """A gpugate that admits groups as a whole at a quota of two: correctly, or with a fault.
    Between two Pods of the group, somebody else takes what is free."""

    port = 8443

    def __init__(self, fault=None):
        self.history, self.fault = History(hard=2), fault
        self.stored = self.reserved = self.members = 0

    def _admits(self, requested, reserved):
        if self.stored + reserved + requested > 2:
            return False
        self.stored += 1
        self.history.pod("a", str(self.stored), {GPU: 1})
        return True

    def send(self, obj):
        if self.members:
            self._admits(1, 0 if self.fault == "for nobody" else self.reserved)
        left = int(obj["metadata"]["annotations"][gangs.TOTAL]) - self.members - 1
        if not self._admits(1 if self.fault == "one by one" else 1 + left, self.reserved if self.fault == "for others" else 0):
            return 403, True
        self.members += 1
        self.reserved = 0 if self.fault == "one by one" else 1 if self.fault == "never ends" else left
        return 201, False

    def metrics(self):
        return self

    def value(self, family, tenant, quota, measure):
        # The parent also counts other resources and namespaces, of which there are none.
        return self.stored + self.reserved if tenant in ("a", "org") else 0


@pytest.mark.parametrize("size, fault, result, leaks", [
    (2, None, gangs.WHOLE, False), (3, None, gangs.REFUSED, False), (2, "one by one", gangs.TORN, False), (3, "one by one", gangs.TORN, False),
    (2, "for nobody", gangs.TORN, True), (2, "for others", gangs.TORN, True), (2, "never ends", gangs.WHOLE, True)])
def test_faults_of_groups_are_noticed(size, fault, result, leaks):
    gate, time = Reserver(fault), iter(range(100))
    got = gangs.create(gate.send, gangs.members("a", "g", size, {GPU: 1}), 5, pause=lambda seconds: False, clock=lambda: next(time))
    assert got == result
    assert gate.history.over() == []
    assert bool(gate.history.checker.disagreement([gate])) == leaks


def test_a_group_is_given_up_for_other_reasons():
    pods = gangs.members("a", "g", 3, {GPU: 1})
    answers = iter([(201, False), (500, False)])
    assert gangs.create(lambda obj: next(answers), pods) == gangs.STOPPED
    assert gangs.create(lambda obj: (429, False), pods) == gangs.STOPPED
    # The load ends while a Pod is tried again; without patience it is tried once.
    answers = iter([(201, False), (403, True)])
    assert gangs.create(lambda obj: next(answers), pods, 5, pause=lambda seconds: True) == gangs.STOPPED
    answers = iter([(201, False), (403, True)])
    assert gangs.create(lambda obj: next(answers), pods) == gangs.TORN
    # A replica that lags may refuse it once.
    answers = iter([(201, False), (403, True), (201, False), (201, False)])
    assert gangs.create(lambda obj: next(answers), pods, 5, pause=lambda seconds: False) == gangs.WHOLE
