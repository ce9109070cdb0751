"""The checker finds violations, and nothing else, in forged histories. Needs no cluster."""

from fractions import Fraction

import pytest

from checker import Checker, Policy, amount, effective
from history import Change
from kube import GPU, doc
from manifests import container, pod

MIG = "nvidia.com/mig-1g.10gb"


def tenant(name, *quotas, **more):
    return doc("Tenant", name, quotas=list(quotas), **more)


def documents(hard=2):
    return [doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"gpu": "a100"}, mig={"offered": ["1g.10gb"]}),
            doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={"gpu": "t4"}),
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

    def __init__(self):
        self.checker = Checker(Policy(documents()), {"big": {"gpu": "a100"}, "small": {"gpu": "t4"}})
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

    def gone(self, space, name):
        return self._feed("pods", space, name, None)

    def namespace(self, name, **labels):
        return self._feed("namespaces", "", name, {"metadata": {"labels": labels}})

    def over(self):
        return [(v.revision, v.tenant, v.quota, v.used) for v in self.checker.violations]


def test_up_to_the_limit_and_above():
    h = History().pod("a", "1", {GPU: 1}).pod("a", "2", {GPU: 1})
    assert h.over() == []
    assert h.pod("a", "3", {GPU: 1}).over() == [(3, "a", "gpus", 3)]
    with pytest.raises(AssertionError, match="revision 3: a/3 made a/gpus 3, above its limit, 2"):
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
