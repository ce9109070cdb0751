"""What suites of `gpugate test` can say about time, about what quotas hold at first, and about
workloads whose number of Pods changes."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import kube
from gpugate import Server, scaled, write_policy
from kube import GPU, doc, pod
from test_suites import HEAD, POLICY, STEP, STEPS, deployment, named, small, used
from test_suites import _suites  # noqa: F401

ALLOWED = {"expect": {"allowed": True}}


def scale(replicas, name="d", **more):
    return {"scale": {"name": name, "namespace": "team-a", "replicas": replicas}, **more}


def workload(kind, name="d", replicas=3):
    groups = {"ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}
    return {**deployment(name, replicas), "apiVersion": groups.get(kind, "apps/v1"), "kind": kind}


# --- Scale ---


def test_scale_creates_and_deletes_pods(suites):
    assert suites.steps(
        {"create": deployment(replicas=1), **ALLOWED},
        scale(3, expect={"allowed": True, "pods": 2, "charges": {"team-a/gpus": 1, "org/all": 1}, "usage": {"team-a/gpus": 3}}),
        scale(6, expect={"allowed": False, "pods": 1, "message": {"contains": "requested 1, used 4, limit 4"}, "usage": {"team-a/gpus": 4}}),
        scale(2, expect={"allowed": True, "pods": 0, "message": "x", "usage": {"team-a/gpus": 2}})) == \
        ["passed"] * 3 + [[("message", "x", None)]]
    assert suites.steps(
        {"create": deployment(replicas=4), **ALLOWED}, scale(0, **used(0)), scale(2, **used(2)), scale(1, **used(1))) == ["passed"] * 4


def test_scale_tries_again_what_was_refused(suites):
    """The controller of a workload keeps trying: what the first step could not create counts."""
    assert suites.steps(
        {"create": deployment("big", replicas=3), **ALLOWED},
        {"create": deployment(replicas=3), "expect": {"allowed": False, "pods": 1}},
        scale(3, expect={"allowed": False, "pods": 0, "usage": {"team-a/gpus": 4}}),
        {"delete": {"name": "big", "namespace": "team-a"}, **used(1)},
        scale(3, expect={"allowed": True, "pods": 2, "usage": {"team-a/gpus": 3}})) == ["passed"] * 5


def test_scale_of_a_workload_without_pods(suites):
    assert suites.steps({"create": deployment(replicas=0), "expect": {"pods": 0}}, scale(2, expect={"pods": 2, "usage": {"team-a/gpus": 2}})) == \
        ["passed"] * 2


def test_scale_to_what_it_is_fails(suites):
    assert suites.steps({"create": deployment(replicas=2), **ALLOWED}, scale(2, **used(2)), {"delete": named(), **used(0)}, scale(0, **used(0))) == \
        ["passed", [("scale", "another number of Pods than it has already", 2)], "passed", [("scale", "another number of Pods than it has already", 0)]]


def test_scale_without_effect(suites):
    """A dry run changes nothing, in both directions."""
    assert suites.steps(
        {"create": deployment(replicas=2), **ALLOWED},
        scale(5, dryRun=True, expect={"allowed": False, "pods": 2, "usage": {"team-a/gpus": 2}}),
        scale(1, dryRun=True, expect={"allowed": True, "usage": {"team-a/gpus": 2}}),
        scale(3, expect={"allowed": True, "pods": 1, "usage": {"team-a/gpus": 3}})) == ["passed"] * 4


def test_a_dry_run_creates_nothing_to_scale(suites):
    (first, second) = suites.steps({"create": deployment(), "dryRun": True, **ALLOWED}, scale(1, **used(1)))
    assert first == "passed"
    assert second.endswith(': scale: no step before creates "d" in namespace "team-a"; add a step that creates it, or correct the name')


NODES = {"nodes": [{"name": "n", "labels": {"model": "t4"}}]}


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"])
def test_which_pods_go_first(suites, kind):
    """The newest, which is also the one without a node."""
    bind = {"bind": {"name": "d", "namespace": "team-a", "node": "n", "count": 1}}
    assert suites.steps(
        {"create": workload(kind, replicas=1), **ALLOWED}, {**bind, "expect": {"usage": {"org/all": "0.25"}}},
        scale(3, expect={"usage": {"org/all": "2.25"}}), {**bind, "expect": {"usage": {"org/all": "1.5"}}},
        scale(2, expect={"usage": {"org/all": "0.5"}}), scale(3, expect={"usage": {"org/all": "1.5"}}),
        scale(1, expect={"usage": {"org/all": "0.25"}}), scale(0, expect={"usage": {"org/all": 0}}), given=NODES) == ["passed"] * 8


def test_finished_pods_do_not_count_as_replicas(suites):
    assert suites.steps(
        {"create": deployment(replicas=3), **ALLOWED}, {"finish": named(count=1), **used(2)},
        scale(3, expect={"pods": 1, "usage": {"team-a/gpus": 3}}), scale(2, **used(2))) == ["passed"] * 4


def test_scale_creates_pods_as_the_first_step_did(suites):
    privileged = deployment(replicas=0, asks=1)
    privileged["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert suites.steps({"create": privileged, "as": {"user": "operator"}, "expect": {"allowed": True}}, scale(1, expect={"allowed": True}),
                        {"create": {**privileged, "metadata": {"name": "e", "namespace": "team-a"}}, "expect": {"allowed": False}},
                        scale(1, "e", expect={"allowed": False, "pods": 0})) == ["passed"] * 4


def test_the_newest_of_a_name_is_scaled(suites):
    """A workload that is applied again has the new template, and the Pods of both."""
    assert suites.steps({"create": deployment(replicas=1), **ALLOWED}, {"create": deployment(replicas=0, asks=2), **ALLOWED},
                        scale(2, expect={"pods": 1, "usage": {"team-a/gpus": 3}})) == ["passed"] * 3


def test_workloads_of_files_can_be_scaled(suites):
    (suites.folder / "objects.yaml").write_text("\n".join(map(json.dumps, [small(name="x"), deployment(replicas=1), deployment("e", 1)])))
    assert suites.steps({"file": "objects.yaml", **ALLOWED}, scale(2, **used(4)), scale(0, "e", **used(3))) == ["passed"] * 3


@pytest.mark.parametrize("before, wrong, error", [
    (deployment("train"), scale(2, "trains"), 'scale: no step before creates "trains" in namespace "team-a"; did you mean "train"?'),
    (deployment("train"), scale(2, "x"), 'scale: no step before creates "x" in namespace "team-a"; add a step that creates it, or correct the name'),
    (deployment(namespace="team-b"), scale(2), 'scale: "d" is not in namespace "team-a", but in "team-b"; write that `namespace` within `scale`'),
    (workload("DaemonSet"), scale(2), "scale: a DaemonSet has no replicas that could be changed; scale a Deployment, ReplicaSet, StatefulSet, or "
     "ReplicationController"),
    (workload("Job"), scale(2), "scale: a Job has no replicas that could be changed; scale a Deployment, ReplicaSet, StatefulSet, or ReplicationController"),
    (small(name="d"), scale(2), "scale: a Pod has no replicas that could be changed; scale a Deployment, ReplicaSet, StatefulSet, or ReplicationController"),
], ids=str)
def test_what_cannot_be_scaled(suites, before, wrong, error):
    results = suites.steps({"create": before, "expect": {"usage": {"team-b/gpus": 0}}}, {**wrong, **used(1)})
    assert results[0] == "passed" and results[1].startswith("a.suite.json:1:") and results[1].endswith(": " + error)


def test_two_kinds_of_one_name(suites):
    results = suites.steps({"create": workload("StatefulSet", replicas=1), **ALLOWED}, {"create": deployment(replicas=1), **ALLOWED}, scale(2, **used(2)))
    assert results[2].endswith(": scale: there is a StatefulSet and a Deployment of this name; give one of them another name")


KINDS = ["Deployment", "StatefulSet"]
operations = st.lists(st.tuples(st.sampled_from(["scale", "scale", "bind", "finish", "delete"]), st.sampled_from(KINDS), st.integers(0, 6)),
                      min_size=scaled(25, 8), max_size=scaled(25, 8))


class Model:
    """What the controllers, the scheduler, and a quota of 4 do. A Pod is "free", "bound", or
    "done". Pods stand in the order of their creation."""

    def __init__(self):
        self.pods = {kind: [] for kind in KINDS}

    def alive(self, kind, *states):
        return [at for at, state in enumerate(self.pods[kind]) if state in (states or ("free", "bound"))]

    def total(self):
        return sum(len(self.alive(kind)) for kind in KINDS)

    def scale(self, kind, number):
        before = len(self.alive(kind))
        while len(self.alive(kind)) < number and self.total() < 4:
            self.pods[kind].append("free")
        created = len(self.alive(kind)) - before
        while len(self.alive(kind)) > number:
            free = self.alive(kind, "free") if kind == "Deployment" else []
            self.pods[kind].pop((free or self.alive(kind))[-1])
        return max(0, created), len(self.alive(kind)) == number

    def steps(self, operations):
        for what, kind, number in operations:
            alive, free = self.alive(kind), self.alive(kind, "free")
            if what == "scale" and number != len(alive):
                created, allowed = self.scale(kind, number)
                yield scale(number, kind.lower(), expect={"allowed": allowed, "pods": created, **self.usage()})
            elif what == "bind" and free:
                self.pods[kind][free[0]] = "bound"
                yield {"bind": self.one(kind, node="n"), "expect": self.usage()}
            elif what == "finish" and alive:
                self.pods[kind][alive[0]] = "done"
                yield {"finish": self.one(kind), "expect": self.usage()}
            elif what == "delete" and self.pods[kind]:
                self.pods[kind].pop(0)
                yield {"delete": self.one(kind), "expect": self.usage()}

    def one(self, kind, **more):
        return {"name": kind.lower(), "namespace": "team-a", "count": 1, **more}

    def usage(self):
        bound = sum(len(self.alive(kind, "bound")) for kind in KINDS)
        return {"usage": {"team-a/gpus": self.total(), "org/all": f"{self.total() - 0.75 * bound:g}"}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations)
def test_scale_as_a_model_does(suites, some):
    steps = list(Model().steps(some))
    create = [{"create": workload(kind, kind.lower(), 0), "expect": {"pods": 0}} for kind in KINDS]
    assert suites.steps(*create, *steps, given=NODES) == ["passed"] * (2 + len(steps)), steps


# --- Time ---


TERMINATING = [doc("Settings", "s", terminatingGraceSeconds=60), *POLICY[1:]]


def leaving(name="p"):
    """A Pod that is being deleted, with a grace period of 30 s."""
    stored = kube.persisted(pod({GPU: 1}, name=name))
    stored["metadata"] |= {"deletionTimestamp": "2026-03-01T08:00:30Z", "deletionGracePeriodSeconds": 30}
    return stored


def test_time_passes(suites):
    """The clock decides when a Pod that is being deleted no longer counts: 30 s after the 60 of the
    policy."""
    write_policy(suites.policy, TERMINATING)
    (suites.folder / "usage.yaml").write_text(json.dumps(leaving()))
    begin = {"files": ["usage.yaml"], "time": "2026-03-01T08:00:00Z"}
    for last, usage in (("2026-03-01T08:01:29.999Z", 1), ("2026-03-01T08:01:30Z", 0), ("2026-03-01T10:01:29.999+02:00", 1), ("2026-03-01T03:01:30-05:00", 0)):
        assert suites.steps({"create": small(2, name="x"), "dryRun": True, "expect": {"usage": {"team-a/gpus": 1}}},
                            {"at": "2026-03-01T08:01:00Z", "create": small(1, name="y"), "expect": {"usage": {"team-a/gpus": 2}}},
                            {"at": last, "delete": {"name": "y", "namespace": "team-a"}, **used(usage)}, given=begin) == ["passed"] * 3
    assert suites.steps({"wait": 89, **used(1)}, {"wait": 1, **used(0)}, given=begin) == ["passed"] * 2
    # Without a beginning, time passes all the same.
    assert suites.steps({"wait": 89, **used(1)}, {"wait": 1, **used(0)}, given={"files": ["usage.yaml"]}) == ["passed"] * 2


def test_every_step_can_have_a_time(suites):
    at = {"at": "2026-03-01T08:00:00Z"}
    (suites.folder / "objects.yaml").write_text(json.dumps(deployment(replicas=1)))
    assert suites.steps({**at, "file": "objects.yaml", **ALLOWED}, {**at, **scale(2, **used(2))}, {**at, "bind": named(node="n"), **used(2)},
                        {**at, "finish": named(count=1), **used(1)}, {**at, "delete": named(), **used(0)},
                        {**at, "create": small(), "dryRun": True, **ALLOWED}, given={**NODES, "time": "2026-03-01T08:00:00Z"}) == ["passed"] * 6


TIMED = HEAD + "  given: {time: 2026-03-01T08:00:00Z}\n  steps:\n"
NOT_A_TIME = ' is not a time of RFC 3339; write one such as 2030-01-31T12:00:00Z'
USAGE = "    expect: {usage: {team-a/gpus: 0}}\n"


@pytest.mark.parametrize("content, error", [
    (HEAD + "  given: {time: yesterday}\n  steps:\n" + STEP + USAGE, 'a.suite.yaml:5:17: "yesterday"' + NOT_A_TIME),
    (HEAD + "  given: {time: 2026-03-01}\n  steps:\n" + STEP + USAGE, 'a.suite.yaml:5:17: "2026-03-01"' + NOT_A_TIME),
    (HEAD + "  given: {time: 2026-02-30T08:00:00Z}\n  steps:\n" + STEP + USAGE, 'a.suite.yaml:5:17: "2026-02-30T08:00:00Z"' + NOT_A_TIME),
    (HEAD + "  given: {time: 1969-12-31T23:59:59Z}\n  steps:\n" + STEP + USAGE,
     'a.suite.yaml:5:17: "1969-12-31T23:59:59Z" is not after 1970; write a later time'),
    (HEAD + "  given: {time: 7}\n  steps:\n" + STEP + USAGE, 'a.suite.yaml:5:17: TestSuite "s": spec.given.time: expected a string, found a number'),
    (TIMED + STEP + "    at: 08:00\n" + USAGE, 'a.suite.yaml:8:9: '),
    (TIMED + STEP + '    at: "08:00"\n' + USAGE, 'a.suite.yaml:8:9: "08:00"' + NOT_A_TIME),
    (TIMED + STEP + '    at: "\\u0030"\n' + USAGE, 'a.suite.yaml:8:9: "0"' + NOT_A_TIME),
    (STEPS + STEP + "    at: 2026-03-01T08:00:00Z\n" + USAGE, "a.suite.yaml:7:9: at: the suite does not say when it begins; add `given.time`"),
    (TIMED + "  - wait: 1\n    at: 2026-03-01T08:00:00Z\n" + USAGE, "a.suite.yaml:7:5: `wait` and `at` both say when; remove one of them"),
    (TIMED + "  - at: 2026-03-01T08:00:00Z\n" + USAGE, "a.suite.yaml:7:5: a step does one thing: create, file, scale, bind, finish, delete, or wait; this "
     "one does nothing, so add one of these"),
    (TIMED + STEP + "    att: 2026-03-01T08:00:00Z\n" + USAGE, 'a.suite.yaml:8:5: TestSuite "s": spec.steps[0].att: unknown key; did you mean "at"?'),
    (TIMED.replace("time", "times") + STEP + USAGE, 'a.suite.yaml:5:11: TestSuite "s": spec.given.times: unknown key; did you mean "time"?'),
    (STEPS + "  - scale: {name: d, replcias: 2}\n" + USAGE, 'a.suite.yaml:6:22: TestSuite "s": spec.steps[0].scale.replcias: unknown key; did you mean '
     '"replicas"?'),
    (STEPS + "  - scale: {name: d}\n" + USAGE, "a.suite.yaml:6:12: scale: the number of Pods is missing; add `replicas`, such as `replicas: 2`"),
    (STEPS + "  - scale: {replicas: 2}\n" + USAGE,
     "a.suite.yaml:6:12: scale: the name of the object is missing; add `name`, as in the step that created it"),
    (STEPS + "  - scale: {name: d, replicas: 1.5}\n" + USAGE,
     'a.suite.yaml:6:32: TestSuite "s": spec.steps[0].scale.replicas: expected a whole number from 0 to 1000'),
    (STEPS + "  - scale: {name: d, replicas: 1001}\n" + USAGE,
     'a.suite.yaml:6:32: TestSuite "s": spec.steps[0].scale.replicas: expected a whole number from 0 to 1000'),
    (STEPS + "  - scale: {name: d, replicas: '2'}\n" + USAGE, 'a.suite.yaml:6:32: TestSuite "s": spec.steps[0].scale.replicas: expected a number, found a '
     "string"),
    (STEPS + "  - scale: {name: d, replicas: 2}\n    namespace: team-a\n" + USAGE, "a.suite.yaml:7:16: beside `scale`, namespace means "
     "nothing; write it within `scale`, if it is another than `default`"),
    (STEPS + "  - scale: {name: d, replicas: 2}\n    as: {user: x}\n" + USAGE,
     "a.suite.yaml:7:9: as belongs to `create` and `file`, and not to `scale`; remove it"),
    (HEAD + "  given: {usage: {team-a/gpu: 1}}\n  steps:\n" + STEP + USAGE,
     'a.suite.yaml:5:19: given.usage: the policy has no quota "team-a/gpu"; did you mean "team-a/gpus"?'),
    (HEAD + "  given: {usage: {nowhere: 1}}\n  steps:\n" + STEP + USAGE,
     'a.suite.yaml:5:19: given.usage: the policy has no quota "nowhere"; name a quota as tenant/quota'),
    (HEAD + "  given: {usage: {team-a/gpus: -1}}\n  steps:\n" + STEP + USAGE,
     'a.suite.yaml:5:19: given.usage: "-1" is negative; write an amount as messages print it, such as 3'),
    (HEAD + "  given: {usage: {team-a/gpus: three}}\n  steps:\n" + STEP + USAGE,
     'a.suite.yaml:5:19: given.usage: "three" is not a quantity; write an amount as messages print it, such as 3'),
], ids=lambda value: value[-60:])
def test_errors_have_a_place(suites, content, error):
    lines = suites.text(content, status=2).splitlines()
    assert lines[0].startswith("ERROR ") and lines[1].strip().startswith(error), lines
    assert lines[-1] == "0 passed, 0 failed, 1 error"


def test_the_clock_does_not_go_back(suites):
    results = suites.steps({"wait": 60, **used(0)}, {"at": "2026-03-01T08:00:59Z", "create": small(), **ALLOWED}, given={"time": "2026-03-01T08:00:00Z"})
    assert results[0] == "passed"
    assert results[1].endswith(": at: the suite has already reached 2026-03-01T08:01:00Z; write this or a later time")


# --- Amounts ---


def test_amounts_that_quotas_hold(suites):
    given_usage = {"usage": {"team-a/gpus": 3, "org/all": "5.5"}}
    assert suites.steps({"create": small(2), "expect": {"allowed": False, "message": {"contains": "requested 2, used 3, limit 4"}}},
                        {"create": small(1, name="x"), "expect": {"allowed": False, "message": {"contains": "requested 1, used 5.5, limit 6"}}},
                        {"create": small(labels={"on": "t4"}, name="y"), "expect": {"allowed": True, "usage": {"team-a/gpus": 4, "org/all": "5.75", "team-b/gpus": 0}}},
                        {"delete": {"name": "y", "namespace": "team-a"}, "expect": {"usage": {"team-a/gpus": 3, "org/all": "5.5"}}},
                        {"wait": 1000000, "expect": {"usage": {"team-a/gpus": 3, "org/all": "5.5"}}}, given=given_usage)[1:] == ["passed"] * 4
    assert suites.steps({"wait": 0, "expect": {"usage": {"team-a/gpus": 0}}}, given={"usage": {"team-a/gpus": 0}}) == ["passed"]


MEASURES = [
    doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}),
    doc("Accelerator", "third", resource=GPU, memory="40Gi", weight="0.3", nodeLabels={"model": "third"}),
    doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "gpus", "measure": "gpus", "hard": 4}, {"name": "memory", "measure": "memory", "hard":
        "400Gi"}]),
    doc("Tenant", "lender", namespaces=["lender"], cohort="c", quotas=[{"name": "gpus", "measure": "gpus", "hard": 4}], borrowing={"gpus": {"lendUpTo": 4}}),
    doc("Tenant", "borrower", namespaces=["borrower"], cohort="c", quotas=[{"name": "gpus", "measure": "gpus", "hard": 4}], borrowing={"gpus": {"borrowUpTo": 4}}),
]


@pytest.mark.parametrize("amounts, shown", [
    ({"team-a/memory": "80Gi"}, {"team-a/memory": "80Gi"}),
    ({"team-a/memory": "500Mi"}, {"team-a/memory": "500Mi"}),
    ({"team-a/gpus": "0.3"}, {"team-a/gpus": "0.3"}),
    ({"team-a/gpus": "0.28"}, {"team-a/gpus": "0.28"}),
    ({"team-a/gpus": "0.14"}, {"team-a/gpus": "0.14"}),
    ({"team-a/gpus": "300m"}, {"team-a/gpus": "0.3"}),
    ({"team-a/gpus": 2.5}, {"team-a/gpus": "2.5"}),
    ({"team-a/gpus": 100}, {"team-a/gpus": "100"}),
], ids=str)
def test_amounts_of_each_measure(suites, amounts, shown):
    write_policy(suites.policy, MEASURES)
    assert suites.steps({"wait": 1, "expect": {"usage": shown}}, given={"usage": amounts}) == ["passed"]


def test_memory_needs_a_unit(suites):
    write_policy(suites.policy, MEASURES)
    (result,) = suites.steps({"wait": 1, "expect": {"usage": {"team-a/memory": 1}}}, given={"usage": {"team-a/memory": 80}})
    assert result.endswith('given.usage: "80" is memory in bytes; write a unit, such as 80Gi')


@pytest.mark.parametrize("theirs, allowed", [(2, True), (3, False)])
def test_amounts_limit_what_can_be_borrowed(suites, theirs, allowed):
    """A quota lends what it does not hold. Amounts are held as well."""
    write_policy(suites.policy, MEASURES)
    assert suites.steps({"create": small(3, namespace="borrower"), "expect": {"allowed": allowed}},
                        given={"usage": {"borrower/gpus": 3, "lender/gpus": theirs}}) == ["passed"]


amounts = st.fixed_dictionaries({"team-a/gpus": st.integers(0, 5), "org/all": st.integers(0, 7)})


@settings(max_examples=scaled(15, 3), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts, st.integers(1, 4))
def test_amounts_decide_as_pods_do(suites, some, asks):
    """`serve` refuses a Pod with the same sentence if Pods hold what the suite gives as amounts."""
    org = max(0, some["org/all"] - some["team-a/gpus"])
    some["org/all"] = some["team-a/gpus"] + org
    policy = [*POLICY, doc("Tenant", "rest", parent="org", namespaces=["rest"])]
    server = Server(policy)
    try:
        for number, namespace in enumerate(["team-a"] * some["team-a/gpus"] + ["rest"] * org):
            decision = server.admit(pod({GPU: 1}, name=f"held-{number}", namespace=namespace))[0]
            if not decision.allowed:
                return
        decision = server.admit(pod({GPU: asks}, name="p"), dry_run=True)[0]
    finally:
        server.stop()
    write_policy(suites.policy, policy)
    expect = {"allowed": decision.allowed, "message": decision.message} if not decision.allowed else {"allowed": True}
    assert suites.steps({"create": small(asks), "dryRun": True, "expect": expect}, given={"usage": some}) == ["passed"]
