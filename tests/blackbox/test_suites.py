"""`gpugate test`: suites decide as `gpugate serve` does, each expectation can fail, and errors have
a place."""

import json
import math
import os
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import kube
from gpugate import ROOT, Server, applied, run, scaled, write_policy
from kube import GPU, doc, pod
from test_explain import LIMITED
from test_properties import pods, policies

POLICY = [
    doc("Settings", "s", exempt={"namespaces": ["kube-system"], "users": ["root"], "groups": ["admins"]}),
    doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}),
    doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={"model": "t4"}),
    doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 6}]),
    doc("Tenant", "team-a", parent="org", namespaces=["team-a"], quotas=[{"name": "gpus", "resources": [GPU], "hard": 4}]),
    doc("Tenant", "team-b", namespaceSelector={"matchLabels": {"t": "b"}}, quotas=[{"name": "gpus", "hard": 2}], enforcement="warn"),
    doc("Rule", "place", match={"podSelector": {"matchLabels": {"on": "t4"}}}, inject={"nodeSelector": {"model": "t4"}}),
    doc("Guard", "g", deny=["privileged"], exempt={"users": ["operator"]}),
]
HEAD = "apiVersion: gpugate.io/v1\nkind: TestSuite\nmetadata: {name: s}\nspec:\n"
STEPS = HEAD + "  steps:\n"


def small(asks=1, **how):
    """A Pod with no more than a suite needs."""
    how.setdefault("containers", [{"name": "c", "resources": {"limits": {GPU: str(asks)}}}] if asks else [{"name": "c"}])
    full = pod(None, **how)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": full["metadata"], "spec": {"containers": full["spec"]["containers"]}}


class Suites:
    def __init__(self, folder):
        self.folder, self.policy = folder, write_policy(folder / "policy", POLICY)

    def text(self, content, *args, status, policy=True):
        """Standard output of a suite that is written as YAML."""
        (self.folder / "a.suite.yaml").write_text(content)
        return self.run("a.suite.yaml", *args, status=status, policy=policy)

    def run(self, *args, status, policy=True):
        done = run("test", *args, *(["--policy", "policy"] if policy else []), cwd=self.folder)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done.stdout

    def steps(self, *steps, given=None):
        """The results of the steps, in order: "passed", or what differs."""
        spec = {"steps": list(steps), **({"given": given} if given else {})}
        suite = {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"}, "spec": spec}
        (self.folder / "a.suite.json").write_text(json.dumps(suite))
        done = run("test", "a.suite.json", "--policy", "policy", "-o", "json", cwd=self.folder)
        tree = json.loads(done.stdout)
        results = [step for suite in tree["suites"] for step in suite["steps"]]
        assert done.returncode == (2 if tree["errors"] else 1 if tree["failed"] else 0)
        counts = [sum(step["result"] == word for step in results) for word in ("passed", "failed", "error")]
        assert counts == [tree["passed"], tree["failed"], tree["errors"]]
        return [step["result"] if step["result"] == "passed" else step.get("message") or
                [(d["what"], d["expected"], d["actual"]) for d in step["differences"]] for step in results]


@pytest.fixture(name="suites")
def _suites(tmp_path):
    return Suites(tmp_path)


# --- Expectations ---

STEP_OF = {
    "small": {"create": small()},
    "refused": {"create": small(5)},
    "warned": {"create": small(3, namespace="b")},
    "placed": {"create": small(labels={"on": "t4"})},
}
SOME = "some text"  # Another test compares it.


@pytest.mark.parametrize("step, passes, fails, difference", [
    ("small", {"allowed": True}, {"allowed": False}, ("allowed", False, True)),
    ("refused", {"allowed": False}, {"allowed": True}, ("allowed", True, False)),
    ("refused", {"pods": 0}, {"pods": 1}, ("pods", 1, 0)),
    ("refused", {"message": {"contains": "requested 5"}}, {"message": {"contains": "requested 6"}}, ("message", "a text with requested 6", SOME)),
    ("refused", {"message": {"matches": "quota.*(team-a|x)"}}, {"message": {"matches": "^quota"}}, ("message", "a text like ^quota", SOME)),
    ("small", {"warnings": []}, {"warnings": ["w"]}, ("warnings[0]", "w", None)),
    ("warned", {"warnings": [{"contains": "team-b"}]}, {"warnings": [{"contains": "team-c"}]}, ("warnings[0]", "a text with team-c", SOME)),
    ("placed", {"object": {"spec": {"nodeSelector": {"model": "t4"}}}}, {"object": {"spec": {"nodeSelector": {"model": "t5"}}}},
     ("object.spec.nodeSelector.model", "t5", "t4")),
    ("small", {"object": {"spec": {"nodeSelector": None}}}, {"object": {"spec": {"containers": [{}, {}]}}}, ("object.spec.containers[1]", {}, None)),
    ("small", {"patch": []}, {"patch": [{"op": "x"}]}, ("patch[0]", {"op": "x"}, None)),
    ("placed", {"patch": [{"op": "add", "path": "/spec/nodeSelector", "value": {"model": "t4"}}]}, {"patch": []}, ("patch[0]", None, {"op": "add", "path":
     "/spec/nodeSelector", "value": {"model": "t4"}})),
    ("small", {"charges": {"team-a/gpus": 1, "org/all": 1}}, {"charges": {"team-a/gpus": 1}}, ('charges["org/all"]', None, "1")),
    ("placed", {"charges": {"team-a/gpus": 1, "org/all": "0.25"}}, {"charges": {"team-a/gpus": 1, "org/all": 1}}, ('charges["org/all"]', "1", "0.25")),
    ("refused", {"charges": {}}, {"charges": {"team-a/gpus": 5}}, ('charges["team-a/gpus"]', "5", None)),
    ("small", {"usage": {"team-a/gpus": 1}}, {"usage": {"team-a/gpus": 2}}, ('usage["team-a/gpus"]', "2", "1")),
], ids=str)
def test_each_expectation_can_pass_and_fail(suites, step, passes, fails, difference):
    labels = {"namespaces": [{"name": "b", "labels": {"t": "b"}}]}
    assert suites.steps({**STEP_OF[step], "expect": passes}, given=labels) == ["passed"]
    (found,) = suites.steps({**STEP_OF[step], "expect": fails}, given=labels)
    # A refusal that was not expected shows its sentence as well.
    assert [(what, expected, SOME if difference[2] is SOME and actual else actual) for what, expected, actual in found
            if (what, expected) != ("message", None)] == [difference]


def test_texts_are_those_of_the_webhook(suites):
    server = Server(POLICY)
    try:
        message = server.admit(pod({GPU: 5}))[0].message
    finally:
        server.stop()
    assert suites.steps({**STEP_OF["refused"], "expect": {"message": message}}) == ["passed"]
    assert suites.steps({**STEP_OF["refused"], "expect": {"message": {"exact": message, "contains": "quota", "matches": "."}}}) == ["passed"]
    assert suites.steps({**STEP_OF["refused"], "expect": {"message": message[:-1]}}) == [[("message", message[:-1], message)]]
    assert suites.steps({"create": small(), "expect": {"message": "x"}}) == [[("message", "x", None)]]


@pytest.mark.parametrize("length", range(240, 248))
def test_a_long_path_is_cut_between_characters(suites, length):
    """A difference remains one wherever its path is cut."""
    for key in ("é" * length, "a" + "é" * length):
        (found,) = suites.steps({"create": small(), "expect": {"object": {"metadata": {"annotations": {key: {"a": 1}}}}}})
        assert [(expected, actual) for _, expected, actual in found] == [({key: {"a": 1}}, None)]
        annotated = small(annotations={key: "x"})
        (found,) = suites.steps({"create": annotated, "expect": {"object": {"metadata": {"annotations": {key: "y"}}}}})
        assert [(expected, actual) for _, expected, actual in found] == [("y", "x")]
        whole = f"object.metadata.annotations.{key}".encode()
        assert found[0][0].encode() == whole[:511].decode(errors="ignore").encode()


def test_lists_have_the_same_length(suites):
    assert suites.steps({"create": small(), "expect": {"patch": [None]}}) == [[("patch[0]", None, None)]]


# --- Steps ---


def test_what_steps_do(suites):
    def usage(team, everything):
        return {"usage": {"team-a/gpus": team, "org/all": everything}}

    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "team-a"},
           "spec": {"parallelism": 3, "template": {"spec": {"containers": [{"name": "c", "resources": {"limits": {GPU: 1}}}]}}}}
    results = suites.steps(
        {"create": small(name="x"), "dryRun": True, "expect": {"allowed": True, **usage(0, 0)}},
        {"create": small(name="x"), "expect": {"allowed": True, **usage(1, 1)}},
        {"create": job, "expect": {"allowed": True, "pods": 3, **usage(4, 4)}},
        {"create": small(name="y"), "expect": {"allowed": False, "charges": {}, **usage(4, 4)}},
        {"bind": {"name": "x", "namespace": "team-a", "node": "n"}, "expect": usage(4, "3.25")},
        {"finish": {"name": "job", "namespace": "team-a", "count": 2}, "expect": usage(2, "1.25")},
        {"delete": {"name": "x", "namespace": "team-a"}, "expect": usage(1, 1)},
        {"wait": 3600, "expect": usage(1, 1)},
        {"delete": {"name": "x", "namespace": "team-a"}, "expect": usage(1, 1)},
        {"create": {**job, "spec": {**job["spec"], "parallelism": 5}}, "expect": {"pods": 3, "allowed": False}},
        given={"nodes": [{"name": "n", "labels": {"model": "t4"}}]})
    assert results == ["passed"] * 8 + [[("pods", 'a Pod "x" in namespace "team-a"', None)], "passed"]


def test_what_is_admitted_and_never_stored(suites):
    """Another admission plug-in refuses it later. It is pending as long as `serve` waits for it."""
    described = " ".join(run("serve", "--help").stdout.split())
    assert re.search(r"--pending-seconds N .*?Default: (\d+)\.", described)[1] == "40"

    def usage(team):
        return {"usage": {"team-a/gpus": team, "org/all": team}}

    lost = {"create": small(3, name="lost"), "stored": False}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "team-a"},
           "spec": {"parallelism": 2, "template": {"spec": {"containers": [{"name": "c", "resources": {"limits": {GPU: 1}}}]}}}}
    results = suites.steps(
        {**lost, "expect": {"allowed": True, "pods": 1, **usage(3)}},
        {"create": small(2), "expect": {"allowed": False, "message": {"contains": "requested 2, used 0 (+3 pending), limit 4"}, **usage(3)}},
        {"delete": {"name": "lost", "namespace": "team-a"}, "expect": usage(3)},
        {"create": small(1, name="kept"), "stored": True, "expect": {"allowed": True, **usage(4)}},
        {"wait": 39, "expect": usage(4)},
        {"at": "2030-01-31T12:00:40Z", **lost, "expect": {"allowed": True, **usage(4)}},
        {"wait": 39, "expect": usage(4)},
        {"wait": 1, "expect": usage(1)},
        {"create": job, "stored": False, "expect": {"pods": 2, **usage(3)}},
        {"create": job, "expect": {"pods": 1, "allowed": False, **usage(4)}},
        {"finish": {"name": "job", "namespace": "team-a", "count": 1}, "expect": usage(3)},
        {"wait": 40, "expect": usage(1)},
        given={"time": "2030-01-31T12:00:00Z"})
    assert results == ["passed"] * 2 + [[("pods", 'a Pod "lost" in namespace "team-a"', None)]] + ["passed"] * 9


def test_a_pod_that_is_admitted_again_is_stored(suites):
    again = {"create": kube.review(kube.persisted(pod({GPU: 1}))), "expect": {"allowed": True, "usage": {"team-a/gpus": 1}}}
    assert suites.steps({**again, "stored": False}, again, {"wait": 40, "expect": {"usage": {"team-a/gpus": 1}}}) == ["passed"] * 3


def test_who_creates_it(suites):
    privileged = small(0, containers=[{"name": "c", "securityContext": {"privileged": True}}])
    allowed = {"expect": {"allowed": True}}
    assert suites.steps({"create": privileged, "expect": {"allowed": False}}, {"create": privileged, "as": {"user": "operator"}, **allowed},
                        {"create": privileged, "as": {"user": "root"}, **allowed}, {"create": privileged, "as": {"user": "x", "groups": ["admins"]}, **allowed},
                        {"create": kube.review(pod({GPU: 5}), user=("root", [])), **allowed}) == ["passed"] * 5


def test_what_is_given(suites):
    (suites.folder / "usage.yaml").write_text(json.dumps(kube.persisted(pod({GPU: 1}))))
    held = {"name": "h", "namespace": "team-a", "requests": {GPU: 2}, "node": "n"}
    labels = {"namespaces": [{"name": "b", "labels": {"t": "b"}}], "nodes": [{"name": "n", "labels": {"model": "t4"}}]}
    assert suites.steps({"create": small(1), "expect": {"usage": {"team-a/gpus": 4, "org/all": "2.5"}}},
                        {"delete": {"name": "h", "namespace": "team-a"}, "expect": {"usage": {"team-a/gpus": 2}}},
                        given={**labels, "held": [held], "files": ["usage.yaml"]}) == ["passed"] * 2


def test_a_file_of_objects(suites):
    objects = [kube.namespace_doc("b", t="b"), {"kind": "ConfigMap", "apiVersion": "v1"}, small(namespace="b"), small(namespace="b")]
    (suites.folder / "objects.yaml").write_text("\n".join(map(json.dumps, objects)))
    assert suites.steps({"file": "objects.yaml", "expect": {"pods": 2, "usage": {"team-b/gpus": 2}}}) == ["passed"]


# --- What is wrong, and where ---

POD = "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: team-a}, spec: {containers: [{name: c}]}}"
STEP = f"  - create: {POD}\n"


@pytest.mark.parametrize("content, error", [
    (STEPS + STEP + "    expects: {allowed: true}\n", 'a.suite.yaml:7:5: TestSuite "s": spec.steps[0].expects: unknown key; did you mean "expect"?'),
    (STEPS + STEP + "    expect: {zzz: 1}\n", 'a.suite.yaml:7:14: TestSuite "s": spec.steps[0].expect.zzz: unknown key; remove it'),
    (STEPS + STEP + "    expect: {allowed: maybe}\n",
     'a.suite.yaml:7:23: TestSuite "s": spec.steps[0].expect.allowed: expected true or false, found a string'),
    (STEPS + STEP, "a.suite.yaml:6:5: the step expects nothing; write, for example, `expect: {allowed: true}`"),
    (STEPS + STEP + "    expect: {}\n", "a.suite.yaml:6:5: the step expects nothing; write, for example, `expect: {allowed: true}`"),
    (HEAD + "  steps: []\n", "a.suite.yaml:1:1: the suite has no steps, so it tests nothing; add `spec.steps`"),
    (STEPS + "  - expect: {allowed: true}\n", "a.suite.yaml:6:5: a step does one thing: create, file, scale, bind, finish, delete, or wait; this one does "
     "nothing, so add one of these"),
    (STEPS + STEP + "    wait: 1\n    expect: {allowed: true}\n", "a.suite.yaml:6:5: a step does one thing: create, file, scale, bind, finish, delete, or wait; "
     "this one does several, so make several steps of it"),
    (STEPS + "  - wait: 1\n    expect: {allowed: true}\n",
     "a.suite.yaml:7:13: nothing is admitted in a step with `wait`, so only `usage` can be expected of it"),
    (STEPS + "  - wait: -1\n    expect: {usage: {team-a/gpus: 0}}\n", 'a.suite.yaml:6:11: TestSuite "s": spec.steps[0].wait: expected a '
     "whole number from 0 to 2147483648"),
    (STEPS + "  - delete: {}\n    expect: {usage: {team-a/gpus: 0}}\n", "a.suite.yaml:6:13: delete: the name of the Pod is missing; add `name`"),
    (STEPS + "  - bind: {name: x}\n    expect: {usage: {team-a/gpus: 0}}\n", "a.suite.yaml:6:11: bind: the node is missing; add `node`"),
    (STEPS + "  - bind: {name: x, node: node-1}\n    expect: {usage: {team-a/gpus: 0}}\n", 'a.suite.yaml:6:11: there is no node "node-1"; add it to `given.nodes`'),
    (STEPS + "  - wait: 1\n    dryRun: true\n    expect: {usage: {team-a/gpus: 0}}\n",
     "a.suite.yaml:6:5: dryRun belongs to `create`, `file`, and `scale`, and not to `wait`; remove it"),
    (STEPS + STEP + "    expect: {message: {matches: '('}}\n",
     "a.suite.yaml:7:23: matches: not an extended regular expression: Unmatched ( or \\(; correct it"),
    (STEPS + STEP + "    expect: {message: {}}\n", "a.suite.yaml:7:23: nothing is expected; write a text, `contains`, or `matches`"),
    (STEPS + STEP + "    expect: {object: [1]}\n", "a.suite.yaml:7:22: object: expected an object with fields of a Pod"),
    (STEPS + STEP + "    expect: {patch: {}}\n", "a.suite.yaml:7:21: patch: expected the list of operations of a JSON Patch"),
    (STEPS + STEP + "    expect: {object: {metadata: {name: z, name: x}}}\n",
     "a.suite.yaml:7:43: object: this key is given twice; remove one of the two"),
    (STEPS + STEP + "    expect: {patch: [{op: x, op: z}]}\n", "a.suite.yaml:7:30: patch: this key is given twice; remove one of the two"),
    (STEPS + STEP + "    expect: {allowed: true, warnings: }\n", 'a.suite.yaml:7:39: TestSuite "s": spec.steps[0].expect.warnings: null is '
     "no value here; write [] for none, or remove it"),
    (STEPS + STEP + "    expect: {allowed: null, pods: 1}\n", 'a.suite.yaml:7:23: TestSuite "s": spec.steps[0].expect.allowed: null is '
     "no value here; write one, or remove it"),
    (STEPS + STEP + "    expect: {warnings: [null]}\n", 'a.suite.yaml:7:25: TestSuite "s": spec.steps[0].expect.warnings[0]: null is '
     "no value here; write one, or remove it"),
    (STEPS + STEP + "    expect: {message: {contains: null, matches: x}}\n", 'a.suite.yaml:7:34: TestSuite "s": '
     "spec.steps[0].expect.message.contains: null is no value here; write one, or remove it"),
    (STEPS + STEP + "    expect: {usage: {}}\n", "a.suite.yaml:7:13: usage: {} compares nothing; add a quota and its amount, or remove `usage`"),
    (STEPS + STEP + "    expect: {object: { }}\n",
     "a.suite.yaml:7:22: object: {} compares nothing; add fields of the Pod, or remove `object`"),
    (STEPS + STEP.replace("[{name: c}]", "[{name: 7}]") + "    expect: {allowed: true}\n",
     f'a.suite.yaml:6:{STEP.index("c}]") + 1}: Pod "x": spec.containers[0].name: expected a string, found a number'),
    (STEPS + "  - create: {kind: ConfigMap, apiVersion: v1}\n    expect: {allowed: true}\n",
     "a.suite.yaml:6:5: no Pods or claims come from what this step creates; `gpugate explain --help` lists the kinds that make some"),
    (STEPS + "  - file: missing.yaml\n    expect: {allowed: true}\n", "missing.yaml: No such file or directory; name a file, or - for standard input"),
    (STEPS.replace("/v1", "/v2") + STEP + "    expect: {allowed: true}\n", "a.suite.yaml:1:1: apiVersion of a TestSuite is gpugate.io/v1; write that"),
    (STEPS.replace("{name: s}", "{}") + STEP + "    expect: {allowed: true}\n",
     "a.suite.yaml:1:1: the suite has no name; add `metadata: {name: ...}`"),
    ("kind: Pod\n", "a.suite.yaml:1:1: expected `kind: TestSuite`; keep other objects in files of their own"),
    (HEAD + "  policy: nowhere\n  steps:\n" + STEP + "    expect: {allowed: true}\n", "a.suite.yaml:1:1: the policy nowhere has errors, the first of them "
     "at nowhere:0: "),
    (HEAD + "  given: {held: [{namespace: team-a}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     "a.suite.yaml:5:18: given.held: what the Pod requests is missing; add `requests`"),
    (HEAD + "  given: {held: [{namespace: team-a, requests: {nvidia.com/gpu: two}}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     'a.suite.yaml:5:65: "two" is not a quantity; write an amount, such as 3, 6.5, or 40Gi'),
    (STEPS + STEP + "    expect: {charges: {team-a/gpus: -1}}\n",
     'a.suite.yaml:7:37: "-1" is negative; write an amount, such as 3, 6.5, or 40Gi'),
    (STEPS + STEP + "    expect: {pods: 0.5}\n",
     'a.suite.yaml:7:20: TestSuite "s": spec.steps[0].expect.pods: expected a whole number from 0 to 2147483647'),
    (STEPS + "  - finish: {name: x, node: m}\n    expect: {usage: {team-a/gpus: 0}}\n",
     'a.suite.yaml:6:23: TestSuite "s": spec.steps[0].finish.node: unknown key; remove it'),
    (STEPS + STEP + "    as: {groups: [null]}\n    expect: {allowed: true}\n", 'a.suite.yaml:7:19: TestSuite "s": spec.steps[0].as.groups[0]: null is '
     "no value here; write one, or remove it"),
    (STEPS + "  -\n", 'a.suite.yaml:6:4: TestSuite "s": spec.steps[0]: null is no value here; write one, or remove it'),
    (STEPS + "  - wait: 1\n    stored: false\n    expect: {usage: {team-a/gpus: 0}}\n",
     "a.suite.yaml:6:5: stored belongs to `create`, `file`, and `scale`, and not to `wait`; remove it"),
    (STEPS + STEP + "    stored: false\n    dryRun: true\n    expect: {allowed: true}\n",
     "a.suite.yaml:6:5: a dry run stores nothing; remove `stored` or `dryRun`"),
    (STEPS + "  - wait: 1\n    namespace: team-a\n    expect: {usage: {team-a/gpus: 0}}\n",
     "a.suite.yaml:7:16: namespace belongs to `create` and `file`, and not to `wait`; remove it"),
    (STEPS + "  - wait: 1\n    as: {user: u}\n    expect: {usage: {team-a/gpus: 0}}\n",
     "a.suite.yaml:7:9: as belongs to `create` and `file`, and not to `wait`; remove it"),
    (STEPS + "  - finish: {name: x}\n    namespace: team-a\n    expect: {usage: {team-a/gpus: 0}}\n",
     "a.suite.yaml:7:16: beside `finish`, namespace means nothing; write it within `finish`, if it is another than `default`"),
    (STEPS + "  - wait: 1\n    expect: {}\n",
     "a.suite.yaml:6:5: the step expects nothing; write, for example, `expect: {usage: {TENANT/QUOTA: 0}}`"),
    (HEAD + "  given: {held: [{requests: {nvidia.com/gpu: 1}}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     "a.suite.yaml:5:18: given.held: the namespace of the Pod is missing; add `namespace`"),
    (HEAD + "  given: {nodes: [{labels: {a: b}}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     "a.suite.yaml:5:19: given: this node has no name; add `name`"),
    (HEAD + "  given: {namespaces: [{labels: {a: b}}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     "a.suite.yaml:5:24: given: this namespace has no name; add `name`"),
    (HEAD + "  given: {namespaces: [{name: b, labels: null}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     'a.suite.yaml:5:42: TestSuite "s": spec.given.namespaces[0].labels: null is no value here; write {} for none, or remove it'),
    (STEPS + STEP + f"    expect: {{message: {{matches: '{'a' * 1024}'}}}}\n",
     "a.suite.yaml:7:23: matches: the regular expression has more than 1023 bytes; shorten it"),
    ("a: [", "a.suite.yaml:2:1: this is not YAML: "),
], ids=lambda value: value[-60:])
def test_errors_have_a_place(suites, content, error):
    lines = suites.text(content, status=2).splitlines()
    assert lines[0].startswith("ERROR ") and lines[1].strip().startswith(error), lines
    assert lines[-1] == "0 passed, 0 failed, 1 error"


STEP_KEYS = ["name", "create", "file", "scale", "bind", "finish", "delete", "wait", "at", "dryRun", "stored", "namespace", "as", "expect"]
EXPECT_KEYS = ["allowed", "pods", "message", "warnings", "object", "patch", "charges", "usage"]


def test_a_key_of_the_step_within_create(suites):
    """It would be taken for a key of the object, which no kind that has Pods has."""
    steps = json.loads(run("schema", "TestSuite").stdout)["properties"]["spec"]["properties"]["steps"]["items"]["properties"]
    assert sorted(steps) == sorted(STEP_KEYS)
    for key in STEP_KEYS:
        where = "within `metadata`, or beside" if key in ("name", "namespace") else "beside"
        for level in ("", "metadata", "spec"):
            made = small(name="x")
            (made[level] if level else made)[key] = "team-a"
            (found,) = suites.steps({"create": made, "expect": {"allowed": True}})
            if level == "metadata" and key in ("name", "namespace"):
                assert found == "passed"
            else:
                assert found.startswith("a.suite.json:1:")
                assert found.endswith(f': create{"." * bool(level)}{level}: "{key}" means nothing here; it belongs {where} `create`')


def test_a_key_of_an_expectation_within_object(suites):
    for key in EXPECT_KEYS:
        (found,) = suites.steps({"create": small(), "expect": {"object": {"metadata": {}, key: None}}})
        assert found.endswith(f': object: "{key}" means nothing here; it belongs beside `object`')


@pytest.mark.parametrize("content, error", [
    (STEPS + "  - create:\n      kind: Pod\n      apiVersion: v1\n      dryRun: true\n    expect: {allowed: true}\n",
     '9:7: create: "dryRun" means nothing here; it belongs beside `create`'),
    (STEPS + '  - create: {kind: Pod, apiVersion: v1, "dry\\u0052un": true}\n    expect: {allowed: true}\n',
     '6:41: create: "dryRun" means nothing here; it belongs beside `create`'),
    (HEAD + "  given: {held: [{namespace: team-a, requests: {nvidia.com/gpu: 1, node: 1}}]}\n  steps:\n" + STEP + "    expect: {allowed: true}\n",
     '5:68: requests: "node" means nothing here; it belongs beside `requests`'),
    (STEPS + STEP + "    allowed: true\n", '7:5: TestSuite "s": spec.steps[0].allowed: unknown key; it belongs within `expect`'),
    (STEPS + STEP + "    replicas: 2\n", '7:5: TestSuite "s": spec.steps[0].replicas: unknown key; it belongs within `scale`'),
    (STEPS + STEP + "    count: 2\n", '7:5: TestSuite "s": spec.steps[0].count: unknown key; remove it'),
    (STEPS.replace("spec:", "policy: a\nspec:") + STEP + "    expect: {allowed: true}\n", '4:1: TestSuite "s": policy: unknown key; it belongs within `spec`'),
    (STEPS.replace("  steps:", "  held: []\n  steps:") + STEP, '5:3: TestSuite "s": spec.held: unknown key; it belongs within `given`'),
], ids=lambda value: value[-60:])
def test_a_key_at_the_wrong_level_has_a_place(suites, content, error):
    lines = [line.strip() for line in suites.text(content, status=2).splitlines()]
    assert "a.suite.yaml:" + error in lines


USED = "    expect: {usage: {team-a/gpus: 0}}\n"
CREATED = f"  - create: {json.dumps(small(name='train'))}\n    expect: {{allowed: true}}\n"


@pytest.mark.parametrize("content, error", [
    (STEPS + STEP + "    expect: {usage: {team-a/gpu: 0}}\n", '7:22: expect.usage: the policy has no quota "team-a/gpu"; did you mean "team-a/gpus"?'),
    (STEPS + STEP + "    expect: {charges: {team-q/gpus: 0}}\n", '7:24: expect.charges: the policy has no quota "team-q/gpus"; did you mean "team-a/gpus"?'),
    (STEPS + STEP + "    expect: {charges: {nowhere: 0}}\n", '7:24: expect.charges: the policy has no quota "nowhere"; name a quota as tenant/quota'),
    (STEPS + CREATED + "  - wait: 1\n    expect: {usage: {ogr/all: 0}}\n", '9:22: expect.usage: the policy has no quota "ogr/all"; did you mean "org/all"?'),
    (HEAD + "  given: {held: [{namespace: team-aa, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n" + STEP + USED,
     '5:30: given.held: no tenant has the namespace "team-aa", so nothing is held there; did you mean "team-a"?'),
    (HEAD + "  given: {held: [{namespace: nowhere, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n" + STEP + USED,
     '5:30: given.held: no tenant has the namespace "nowhere", so nothing is held there; correct the name, or add it to `given.namespaces`'),
    (HEAD + "  given: {namespaces: [{name: lab-1}], held: [{namespace: lab-2, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n" + STEP + USED,
     '5:59: given.held: no tenant has the namespace "lab-2", so nothing is held there; did you mean "lab-1"?'),
    (HEAD + "  given: {nodes: [{name: node-1}], held: [{namespace: team-a, node: node1, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n" + STEP + USED,
     '5:69: there is no node "node1"; did you mean "node-1"?'),
    (HEAD + "  given: {nodes: [{name: node-1}]}\n  steps:\n" + CREATED + "  - bind: {name: train, namespace: team-a, node: nod-1}\n" + USED,
     '9:11: there is no node "nod-1"; did you mean "node-1"?'),
    (STEPS + CREATED + "  - finish: {name: trains, namespace: team-a}\n" + USED,
     '8:13: finish: no step before creates "trains" in namespace "team-a"; did you mean "train"?'),
    (STEPS + CREATED + "  - delete: {name: other, namespace: team-a}\n" + USED,
     '8:13: delete: no step before creates "other" in namespace "team-a"; add a step that creates it, or correct the name'),
    (HEAD + "  given: {held: [{namespace: team-a, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n  - finish: {name: train, namespace: team-a}\n" + USED,
     '7:13: finish: no step before creates "train" in namespace "team-a"; add a step that creates it, or correct the name'),
    (STEPS + CREATED + "  - delete: {name: train}\n" + USED,
     '8:13: delete: "train" is not in namespace "default", but in "team-a"; write that `namespace` within `delete`'),
    (STEPS + CREATED + "  - finish: {name: train, namespace: team-b}\n" + USED,
     '8:13: finish: "train" is not in namespace "team-b", but in "team-a"; write that `namespace` within `finish`'),
    (HEAD + "  given: {nodes: [{name: m}], held: [{name: h, namespace: team-a, requests: {nvidia.com/gpu: 1}}]}\n  steps:\n  - bind: {name: h, node: m}\n" + USED,
     '7:11: bind: "h" is not in namespace "default", but in "team-a"; write that `namespace` within `bind`'),
    (STEPS + f"  - create: {json.dumps(kube.review(pod({GPU: 5}, name='big')))}\n    expect: {{allowed: false}}\n  - delete: {{name: big}}\n" + USED,
     '8:13: delete: "big" is not in namespace "default", but in "team-a"; write that `namespace` within `delete`'),
], ids=lambda value: value[-60:])
def test_a_name_that_nothing_defines_is_an_error(suites, content, error):
    """Otherwise an expectation of it passes or fails for another reason than it says."""
    lines = [line.strip() for line in suites.text(content, status=2).splitlines()]
    assert "a.suite.yaml:" + error in lines


WORDS = {"true": ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], "false": ["n", "N", "no", "No", "NO", "off", "Off", "OFF"]}


@pytest.mark.parametrize("boolean, word", [(boolean, word) for boolean, words in WORDS.items() for word in words])
def test_words_that_are_booleans_for_kubectl_only(suites, boolean, word):
    """Such a word is as often meant as text. A schema takes it for one, and so does the parser of a
    policy."""
    for before, after in (("    expect: {allowed: ", "}\n"), ("    name: ", "\n    expect: {allowed: true}\n"),
                          ("    expect: {object: {spec: {", ": t4}}}\n")):
        text = STEPS + STEP + "    dryRun: true\n" + "    namespace: default\n" + before
        says = f'the key "{word}" as "{boolean}"; quote it' if after.startswith(":") else \
            f'"{word}" as {boolean}; quote it if it is meant as text, or else write {boolean}'
        assert f"a.suite.yaml:9:{len(before) + 1}: kubectl would read {says}\n" in suites.text(text + word + after, status=2)
        quoted = suites.text(text + f"'{word}'" + after, status=1 if after.startswith(":") else 2 if after == "}\n" else 0)
        assert "kubectl" not in quoted
    # A file of objects is read as kubectl reads it.
    (suites.folder / "objects.yaml").write_text(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{hostNetwork: {word}, containers: [{{name: c}}]}}\n")
    suites.text(STEPS + f"  - file: objects.yaml\n    expect: {{object: {{spec: {{hostNetwork: {boolean}}}}}}}\n", status=0)


def test_booleans_of_every_yaml(suites):
    for word in ("true", "True", "TRUE"):
        suites.text(STEPS + STEP + f"    expect: {{allowed: {word}}}\n", status=0)


@pytest.mark.parametrize("name, content, place", [
    ("a.suite.yaml", STEPS.replace("{name: s}", '{name: "s\\0"}') + STEP, "3:18"),
    ("a.suite.yaml", STEPS + STEP + '    expect: {message: "a\\0b"}\n', "7:23"),
    ("a.suite.yaml", STEPS + STEP + '    "a\\0b": 1\n', "7:5"),
    ("a.suite.yaml", STEPS + '  - create: {kind: "P\\x00od"}\n', "6:20"),
    ("a.suite.json", '{"apiVersion":\n "a\\u0000"}', "2:4"),
    ("a.suite.json", '{"a": "\\\\u0000\\\\\\u0000"}', "1:17"),
], ids=repr)
def test_a_nul_in_a_text_is_an_error(suites, name, content, place):
    """Messages, and `--run`, would end before it."""
    (suites.folder / name).write_text(content)
    assert f'{name}:{place}: a text cannot have a NUL ("\\0"), which would hide what follows it; remove it\n' in suites.run(name, status=2)


def test_an_escaped_backslash_is_no_nul(suites):
    assert suites.steps({"create": small(annotations={"a": "\\u0000"}), "expect": {"object": {"metadata": {"annotations": {"a": "\\u0000"}}}}}) == ["passed"]


@pytest.mark.parametrize("namespace", ["team-a", "kube-system", "b", "c"])
def test_namespaces_in_which_something_can_be_held(suites, namespace):
    """Of a tenant, exempt, or given, with the labels of a tenant or of none."""
    given = {"namespaces": [{"name": "b", "labels": {"t": "b"}}, {"name": "c"}], "held": [{"namespace": namespace, "requests": {GPU: 1}}]}
    assert suites.steps({"wait": 1, "expect": {"usage": {"team-b/gpus": int(namespace == "b")}}}, given=given) == ["passed"]


def test_what_was_refused_or_is_gone_has_a_name(suites):
    """The step fails, as it does if fewer Pods than it says are there."""
    missing = [("pods", 'a Pod "x" in namespace "team-a"', None)]
    gone = {"delete": {"name": "x", "namespace": "team-a"}, "expect": {"usage": {"team-a/gpus": 0}}}
    assert suites.steps({"create": small(5, name="x"), "expect": {"allowed": False}}, gone) == ["passed", missing]
    assert suites.steps({"create": small(name="x"), "dryRun": True, "expect": {"allowed": True}}, gone) == ["passed", missing]
    assert suites.steps({"create": small(name="x"), "expect": {"allowed": True}}, gone, gone) == ["passed", "passed", missing]


@pytest.mark.parametrize("expected, actual, lines", [
    (1, "1", ("1", '"1"')), ("1", None, ('"1"', "nothing")), (True, "true", ("true", '"true"')), ("true", "other", ('"true"', "other")),
    ("null", None, ('"null"', "nothing")), ("", None, ('""', "nothing")), ("nothing", None, ('"nothing"', "nothing")), ("a ", "a", ('"a "', "a")),
    ([], "[]", ("[]", '"[]"')), ({}, "{}", ("{}", '"{}"')), ('"a"', "a", ('"\\"a\\""', "a")), ("a\u200b", "a", ('"a\\u200B"', "a")),
    ("a\n", "a", ('"a\\n"', "a")), ("yes", True, ("yes", "true")), (1, 2, ("1", "2")), ("a b: c", "d", ("a b: c", "d")),
], ids=repr)
def test_values_that_differ_look_different(suites, expected, actual, lines):
    made = small(annotations={"a": actual} if isinstance(actual, str) else {"other": ""})
    if not isinstance(actual, str):
        made["spec"]["x"] = actual
    path = ("metadata", "annotations", "a") if isinstance(actual, str) or actual is None else ("spec", "x")
    wanted = expected
    for key in reversed(path):
        wanted = {key: wanted}
    suite = {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"},
             "spec": {"steps": [{"create": made, "expect": {"object": wanted}}]}}
    (suites.folder / "a.suite.json").write_text(json.dumps(suite))
    out = suites.run("a.suite.json", status=1).splitlines()
    assert [line.split(maxsplit=1)[1] for line in out if line.strip().startswith(("expected ", "actual "))] == list(lines)


def test_an_item_that_is_null_differs_from_none(suites):
    text = STEPS + f"  - create: {json.dumps(small())}\n    expect: {{patch: [null]}}\n"
    assert "          expected  null\n          actual    nothing\n" in suites.text(text, status=1)


def test_a_key_that_is_given_twice_in_json(suites):
    text = '{"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"}, "spec": {"steps": [\n' \
        + json.dumps({"create": small(), "expect": {}})[:-3] + '{"object":\n{"metadata": {"name": "y", "name": "x"}}}}]}}'
    (suites.folder / "a.suite.json").write_text(text)
    assert "\n        a.suite.json:3:28: object: this key is given twice; remove one of the two\n" in suites.run("a.suite.json", status=2)


def test_a_suite_without_a_policy(suites):
    content = STEPS + STEP + "    expect: {allowed: true}\n"
    assert "a.suite.yaml:1:1: no policy is named; add `spec.policy`, or give --policy\n" in suites.text(content, status=2, policy=False)
    suites.text(content.replace("  steps:", "  policy: policy\n  steps:"), status=0, policy=False)


def test_what_matches_nothing_fails(suites):
    passing = STEPS + STEP + "    expect: {allowed: true}\n    name: first\n"
    assert suites.text(passing, "--run", "^s/first$", status=0) == "ok    a.suite.yaml: s, 1 step\n1 passed, 0 failed, 0 errors\n"
    assert "no step matches the regular expression; correct it" in suites.text(passing, "--run", "second", status=1)
    assert suites.text("", status=1).splitlines()[1].strip() == "the file has no suites; add a document of kind TestSuite"
    (suites.folder / "empty").mkdir()
    assert "no suites are in this folder" in suites.run("empty", status=1)
    assert "missing: No such file" in suites.run("missing", status=2)
    done = run("test", "--run", "(", suites.folder)
    assert (done.returncode, done.stderr) == (2, "gpugate test: --run: ( is not an extended regular expression: Unmatched ( or \\(; correct it\n")


def test_links_to_folders_are_followed(suites):
    """A suite behind a link must not be left out silently. A circle of links ends."""
    (suites.folder / "elsewhere").mkdir()
    (suites.folder / "elsewhere" / "a.suite.yaml").write_text(STEPS + f"  - create: {json.dumps(small())}\n    expect: {{allowed: true}}\n")
    (suites.folder / "tests").mkdir()
    (suites.folder / "tests" / "link").symlink_to("../elsewhere")
    (suites.folder / "elsewhere" / "circle").symlink_to("../tests")
    done = run("test", "--policy", "policy", "tests", cwd=suites.folder)
    assert done.returncode == 0 and done.stdout.endswith("1 passed, 0 failed, 0 errors\n"), done


def test_steps_that_are_not_judged_are_run(suites):
    text = STEPS + "".join(f"  - name: {name}\n    create: {json.dumps(small(asks))}\n    expect: {{allowed: true}}\n"
                           for name, asks in (("three", 3), ("two", 2), ("one", 1)))
    assert suites.text(text, "--run", "one", status=0).endswith("1 passed, 0 failed, 0 errors\n")
    assert suites.text(text, status=1).endswith("2 passed, 1 failed, 0 errors\n")


@pytest.mark.parametrize("name", ["é" * 130, "a" + "é" * 130], ids=len)
def test_a_long_name_of_a_suite_is_cut_between_characters(suites, name):
    content = STEPS.replace("{name: s}", f"{{name: {name}}}") + STEP + "    expect: {allowed: false}\n"
    (suite,) = json.loads(suites.text(content, "-o", "json", status=1))["suites"]
    assert suite["name"] == name.encode()[:250].decode(errors="ignore")
    assert [step["result"] for step in suite["steps"]] == ["failed"]


@pytest.mark.parametrize("content, result", [
    (STEPS + STEP + "    expect: {allowed: true}\n", "passed"),
    (STEPS + STEP + "    expect: {allowed: false}\n", "failed"),
    ("", "failed"),
    ("a: [", "error"),
    ("kind: Pod\n", "error"),
    (STEPS + "  - file: nowhere.yaml\n    expect: {allowed: true}\n", "error"),
], ids=repr)
def test_a_file_whose_name_is_not_utf_8(suites, content, result):
    name = os.fsdecode(b"lat\xe9.suite.yaml")
    (suites.folder / name).write_text(content)
    out = suites.run(name, "-o", "json", status={"passed": 0, "failed": 1, "error": 2}[result])
    (suite,) = json.loads(out)["suites"]
    assert suite["file"] == "lat\ufffd.suite.yaml"
    assert [step["result"] for step in suite["steps"]] == [result]


def test_a_policy_whose_name_is_not_utf_8(suites):
    (suites.folder / "policy").rename(suites.folder / os.fsdecode(b"policy\xe9"))
    (suites.folder / "a.suite.yaml").write_text(STEPS + f"  - create: {json.dumps(small())}\n    expect: {{allowed: false}}\n")
    tree = json.loads(suites.run("a.suite.yaml", "--policy", os.fsdecode(b"policy\xe9"), "--coverage", "-o", "json", status=1, policy=False))
    assert tree["coverage"]["count"] == len(tree["coverage"]["parts"]) == 12
    places = [part["at"] for part in tree["coverage"]["parts"] + tree["suites"][0]["steps"][0]["decidedBy"]]
    assert len(places) > 12 and all(place.startswith("policy\ufffd/policy.yaml:") for place in places)


# --- Output ---


def test_a_failure_as_text(suites):
    text = STEPS + f"  - name: fits\n    create: {json.dumps(small(5, name='x'))}\n    expect: {{allowed: true, usage: {{team-a/gpus: 5}}}}\n"
    assert suites.text(text, status=1) == """\
FAIL  a.suite.yaml:6:5: s/fits
        allowed
          expected  true
          actual    false
        message
          expected  nothing
          actual    can never fit: GPU quota "gpus" of tenant "team-a": requested 5, used 0, limit 4; request at most 4, or ask the platform team to raise the limit; 4 are free
        usage["team-a/gpus"]
          expected  5
          actual    0
        decided by  Tenant "team-a" (policy/policy.yaml:48)
                    quota team-a/gpus refuses the Pod (policy/policy.yaml:54)
                    quota org/all counts the Pod (policy/policy.yaml:41)
0 passed, 1 failed, 0 errors
"""


def test_coverage(suites):
    text = STEPS + f"  - create: {json.dumps(small())}\n    expect: {{allowed: true}}\n"
    out = suites.text(text, "--coverage", status=0)
    assert out.splitlines()[1] == "coverage: 4 of 12 parts of the policy (33%)"
    assert [line.strip() for line in out.splitlines()[2:-1]] == [
        'not reached: exemption of group "admins" (policy/policy.yaml:2)', 'not reached: exemption of namespace "kube-system" (policy/policy.yaml:2)',
        'not reached: exemption of user "root" (policy/policy.yaml:2)', 'not reached: Tenant "team-b" (policy/policy.yaml:62)',
        'not reached: quota team-b/gpus (policy/policy.yaml:68)', 'not reached: Rule "place" (policy/policy.yaml:75)',
        'not reached: exemption of user "operator" from Guard "g" (policy/policy.yaml:88)', 'not reached: privileged of Guard "g" (policy/policy.yaml:91)']
    suites.text(text, "--require-coverage", "33", status=0)
    message = "4 of 12 parts of the policy are reached, which is less than 34%; add steps"
    assert f"FAIL  --require-coverage\n        {message}\n" in suites.text(text, "--require-coverage", "34", status=1)
    last = ET.fromstring(suites.text(text, "--require-coverage", "34", "-o", "junit", status=1).encode())[-1][0]
    assert last.attrib == {"classname": "--require-coverage", "name": "--require-coverage", "file": ""} and message in last.find("failure").text
    last = json.loads(suites.text(text, "--require-coverage", "34", "-o", "json", status=1))["suites"][-1]
    assert last == {"name": "--require-coverage", "steps": [{"name": "--require-coverage", "message": message, "result": "failed"}]}
    done = run("test", "--require-coverage", "101", suites.folder)
    assert done.returncode == 2


@pytest.mark.parametrize("content, args, status, reason", [
    (CREATED, ("--run", "."), 0, "--run judges only some of the steps"),
    (CREATED + "  - file: nowhere.yaml\n    expect: {allowed: true}\n", (), 2, "a suite, a file, or a policy has an error"),
    (CREATED + "    zzz: 1\n", (), 2, "a suite, a file, or a policy has an error"),
    (CREATED + USED.replace("gpus", "gpu").replace("    expect", "  - wait: 1\n    expect"), (), 2, "a suite, a file, or a policy has an error"),
    (None, (), 1, "no suite was run"),
], ids=lambda value: str(value)[-30:])
def test_coverage_that_was_not_measured(suites, content, args, status, reason):
    """Neither is it 100% of nothing, nor that of the steps before an error."""
    text = "" if content is None else STEPS + content
    assert f"\ncoverage: not measured, because {reason}\n" in suites.text(text, "--coverage", *args, status=status)
    tree = json.loads(suites.text(text, "--coverage", "-o", "json", *args, status=status))
    assert tree["coverage"] == {"measured": False, "because": reason}
    if not args:
        out = suites.text(text, "--require-coverage", "1", status=status)
        assert f"FAIL  --require-coverage\n        the coverage was not measured, because {reason}\n" in out


def test_coverage_of_a_policy_that_cannot_be_loaded(suites):
    (suites.folder / "broken.yaml").write_text("apiVersion: gpugate.io/v1\nkind: Tenant\n")
    text = STEPS.replace("  steps:", "  policy: broken.yaml\n  steps:") + CREATED
    assert "coverage: not measured, because a suite, a file, or a policy has an error\n" in suites.text(text, "--coverage", status=2)


def test_coverage_of_a_policy_without_parts(suites):
    write_policy(suites.policy, [doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}),
                                 doc("Settings", "s", untenanted="allow")])
    text = STEPS + "  - wait: 1\n    expect: {usage: {a/b: 1}}\n"
    suites.text(text, status=2)
    out = suites.text(STEPS + f"  - create: {json.dumps(small())}\n    expect: {{pods: 1}}\n", "--coverage", status=0)
    assert "coverage: the policy has no parts that a step could reach\n" in out


@pytest.mark.parametrize("settings, parts", [
    ("", []), ("enforcement: deny", []), ("exempt: {users: [root]}", ['user "root"']),
    ("exempt: {namespaces: []}", []), ("exempt: {namespaces: [kube-system]}", ['namespace "kube-system"']),
])
def test_coverage_counts_what_is_written(suites, settings, parts):
    """The exemption that holds by default is in no file, so nobody has to test it."""
    tenant = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: t}\nspec:\n  namespaces: [team-a]\n" \
        "  quotas: [{name: q, resources: [nvidia.com/gpu], hard: 4}]\n"
    head = f"apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {{name: s}}\nspec: {{{settings}}}\n---\n" if settings else ""
    (suites.folder / "own.yaml").write_text(head + tenant)
    text = STEPS.replace("  steps:", "  policy: own.yaml\n  steps:") + f"  - create: {json.dumps(small())}\n    expect: {{allowed: true}}\n"
    out = suites.text(text, "--coverage", status=0, policy=False)
    assert f"coverage: 2 of {2 + len(parts)} parts" in out
    assert [line for line in out.splitlines() if "not reached" in line] == [f"  not reached: exemption of {part} (own.yaml:2)" for part in parts]


def test_each_part_of_a_guard_is_covered_by_itself(suites):
    (suites.folder / "own.yaml").write_text("apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec:\n  deny:\n"
                                            "  - privileged\n  - preboundNodeName\n  - visibleDevicesEnv\n  visibleDevices: void\n  hostPaths: {allow: []}\n")
    parts = {"privileged": 6, "preboundNodeName": 7, "visibleDevicesEnv": 8, "visibleDevices": 9, "hostPaths": 10}
    chosen = {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}
    gpus = {"resources": {"limits": {GPU: 1}}}

    def refused(**how):
        return {"create": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "c"}], **how}},
                "expect": {"allowed": False}}

    steps = {
        "privileged": refused(containers=[{"name": "c", **gpus, "securityContext": {"privileged": True}}]),
        "preboundNodeName": refused(containers=[{"name": "c", **gpus}], nodeName="n"),
        "visibleDevicesEnv": refused(containers=[{"name": "c", **gpus, **chosen}]),
        "visibleDevices": {**refused(), "expect": {"allowed": True}},
        "hostPaths": refused(containers=[{"name": "c", **gpus}], volumes=[{"name": "v", "hostPath": {"path": "/data"}}]),
    }
    for reached, step in steps.items():
        text = STEPS.replace("  steps:", "  policy: own.yaml\n  steps:") + f"  - {json.dumps(step)}\n"
        out = suites.text(text, "--coverage", status=0, policy=False)
        assert "coverage: 1 of 5 parts of the policy (20%)" in out
        assert [line.strip() for line in out.splitlines() if "not reached" in line] == [
            f'not reached: {part} of Guard "g" (own.yaml:{line})' for part, line in parts.items() if part != reached]


def test_coverage_counts_a_policy_once(suites):
    """It may be named in several ways."""
    content = HEAD + f"  policy: ../policy\n  steps:\n  - create: {json.dumps(small())}\n    expect: {{allowed: true}}\n"
    for folder in ("a", "b"):
        (suites.folder / folder).mkdir()
        (suites.folder / folder / "a.suite.yaml").write_text(content)
    (suites.folder / "b" / "link").symlink_to("../policy")
    (suites.folder / "b" / "b.suite.yaml").write_text(content.replace("../policy", "link"))
    (suites.folder / "c.suite.yaml").write_text(content.replace("  policy: ../policy\n", ""))
    assert "\ncoverage: 4 of 12 parts of the policy (33%)\n" in suites.run("a", "b", "c.suite.yaml", "--coverage", status=0)


def test_junit_is_xml(suites):
    name = 'a <b> & \\"c\\" \\x07 \\uFFFE é'
    text = STEPS + f'  - name: "{name}"\n    create: {json.dumps(small(5))}\n    expect: {{allowed: true}}\n' \
        + f"  - name: fine\n    create: {json.dumps(small(1))}\n    expect: {{allowed: true}}\n"
    root = ET.fromstring(suites.text(text, "-o", "junit", status=1).encode())
    assert root.attrib == {"name": "gpugate test", "tests": "2", "failures": "1", "errors": "0"}
    first, second = root.find("testsuite")
    assert first.attrib == {"classname": "s", "name": 'a <b> & "c" ? ? é', "file": "a.suite.yaml"}
    assert "decided by" in first.find("failure").text and first.find("failure").text.count("\n") > 5
    assert second.attrib["name"] == "fine" and not list(second)
    error = ET.fromstring(suites.text(STEPS + STEP, "-o", "junit", status=2).encode())
    assert error.find("testsuite/testcase/error").text.count("a.suite.yaml:6:5") == 1


# --- The same as the webhook ---


def amount(value, measure="count"):
    """As amounts are printed: cut after two decimals."""
    if measure == "memory" and value:
        return f"{int(value) >> 30}Gi"
    cut = math.floor(value * 100 + 1e-6) / 100
    return "<0.01" if cut == 0 and value > 0 else f"{cut:.2f}".rstrip("0").rstrip(".")


def usage_of(server, quotas):
    metrics = server.metrics()
    return {f"{tenant}/{name}": amount(server.used(tenant, name, measure, metrics), measure) for tenant, name, measure in quotas}


QUOTAS = [("team-a", "all", "gpus"), ("team-a", "n", "count"), ("team-b", "all", "gpus")]


def charges_of(text):
    """What the audit annotation `charge` says, by quota."""
    return dict(item.split("=") for item in text.split(", ") if item)


def ask(server, obj, dry, quotas, user):
    """Sends a Pod through both webhooks. Returns what a suite must expect, and the stored Pod."""
    first = server.mutate(obj, dry_run=dry, user=user)
    final, stored = first, None
    if first.allowed:
        stored = kube.persisted(kube.defaulted(applied(obj, first.patch)))
        final = server.validate(stored, dry_run=dry, user=user)
    warnings = [*first.warnings, *(final.warnings if final is not first else [])]
    charges = charges_of(final.audit.get("charge", "")) if final.allowed else {}
    expect = {"allowed": final.allowed, "charges": charges, "usage": usage_of(server, quotas)}
    if not final.allowed:
        expect["message"] = final.message
    if sum(map(len, warnings)) <= 4096:
        expect["warnings"] = warnings
    if first.allowed:
        expect["patch"] = first.patch
    return expect, stored if final.allowed and not dry else None


def play(server, actions, quotas=QUOTAS, users=(kube.ADMIN,)):
    """Does the actions in the server. Returns the steps of a suite that must see the same, and for
    each step the Pods that held quota before it."""
    steps, before, alive, uncharged = [], [], [], []
    for number, (what, obj, choice) in enumerate(actions):
        held = [each for each in alive if each not in uncharged]
        if what in ("create", "try"):
            obj = json.loads(json.dumps(obj))
            obj["metadata"]["name"] = f"p-{number}"
            user, groups = users[choice % len(users)]
            expect, stored = ask(server, obj, what == "try", quotas, (user, groups))
            steps.append({"create": obj, "dryRun": what == "try", "as": {"user": user, "groups": groups}, "expect": expect})
            if stored:
                alive.append(stored)
                uncharged += [] if expect["charges"] else [stored]
        elif alive:
            gone = alive.pop(choice % len(alive))
            getattr(server, what)(gone)
            steps.append({what: {"name": gone["metadata"]["name"], "namespace": gone["metadata"]["namespace"]},
                          "expect": {"usage": usage_of(server, quotas)}})
        else:
            continue
        before.append(held)
    return steps, before


actions = st.lists(st.tuples(st.sampled_from(["create", "create", "create", "try", "delete", "finish"]), pods(), st.integers(0, 20)),
                   min_size=scaled(14, 6), max_size=scaled(14, 6))


@settings(max_examples=scaled(20, 3), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies(), actions)
def test_a_suite_decides_as_serve_does(suites, policy, some):
    """The same sequence through `serve` and through one suite has the same verdict, sentence,
    warnings, patch, charges and usage at each step."""
    policy = [d for d in policy if d["kind"] != "Tenant"] + LIMITED
    server = Server(policy, start=False)
    assume(run("lint", server.policy).returncode == 0)
    server.start()
    try:
        steps, _ = play(server, some)
    finally:
        server.stop()
    assume(steps)
    write_policy(suites.policy, policy)
    assert suites.steps(*steps) == ["passed"] * len(steps), steps
    steps[-1]["expect"]["usage"]["team-a/n"] = "1000"
    assert suites.steps(*steps)[:-1] == ["passed"] * (len(steps) - 1) and suites.steps(*steps)[-1] != "passed"


# --- What is documented and shipped ---


def test_the_documented_example(tmp_path):
    """The suite of docs/policy-as-code.md passes. The failure that the page quotes is that of one
    changed number."""
    text = (ROOT / "docs" / "policy-as-code.md").read_text().split("\n## Tests of a policy\n")[1]
    (suite,), quoted = re.findall(r"```yaml\n(.*?)```", text, re.S), re.findall(r"```text\n(.*?)```", text, re.S)
    (tmp_path / "policy").symlink_to(ROOT / "deploy" / "examples" / "whole-gpu-training" / "policy")
    (tmp_path / "training.suite.yaml").write_text(suite)
    assert run("test", cwd=tmp_path).stdout == "ok    ./training.suite.yaml: training, 2 steps\n2 passed, 0 failed, 0 errors\n"
    assert suite.count("used 3") == 1
    (tmp_path / "training.suite.yaml").write_text(suite.replace("used 3", "used 2"))
    assert run("test", "training.suite.yaml", cwd=tmp_path).stdout == quoted[1]


def test_the_shipped_suites_reach_all_of_their_policies():
    done = run("test", "--require-coverage", "100", ROOT / "deploy")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("ok ") >= 6


# --- Workloads, and what their Pods go through ---


def deployment(name="d", replicas=3, asks=1, namespace="team-a"):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas, "template": {"spec": small(asks)["spec"]}}}


def used(amount):
    return {"expect": {"usage": {"team-a/gpus": amount}}}


def named(**more):
    return {"name": "d", "namespace": "team-a", **more}


def test_the_pods_of_a_dry_run_count_one_another(suites):
    refused = {"allowed": False, "pods": 2, "message": {"contains": "requested 2, used 4, limit 4"}, "usage": {"team-a/gpus": 0, "org/all": 0}}
    assert suites.steps({"create": deployment(asks=2), "dryRun": True, "expect": refused},
                        {"create": deployment(replicas=2, asks=2), "dryRun": True, "expect": {"allowed": True, "pods": 2, "usage": {"team-a/gpus": 0}}},
                        {"delete": named(), **used(0)},
                        {"create": deployment(replicas=2, asks=2), "expect": {"allowed": True, "usage": {"team-a/gpus": 4}}},
                        {"delete": named(count=2), **used(0)}) == \
        ["passed"] * 2 + [[("pods", 'a Pod "d" in namespace "team-a"', None)]] + ["passed"] * 2


def test_a_refused_object_does_not_stop_those_after_it(suites):
    objects = [deployment("big", 1, 5), deployment("d", 3), small(9, name="bigger"), deployment("e", 2)]
    (suites.folder / "objects.yaml").write_text("\n".join(map(json.dumps, objects)))
    expect = {"allowed": False, "pods": 4, "message": {"contains": "requested 5"}, "usage": {"team-a/gpus": 4}}
    assert suites.steps({"file": "objects.yaml", "dryRun": True, "expect": {**expect, "usage": {"team-a/gpus": 0}}},
                        {"file": "objects.yaml", "expect": expect}) == ["passed"] * 2


def test_a_workload_without_pods_has_none(suites):
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "team-a"},
           "spec": {"suspend": True, "parallelism": 2, "template": {"spec": small(1)["spec"]}}}
    nothing = {"expect": {"allowed": True, "pods": 0, "charges": {"team-a/gpus": 1, "org/all": 1}, "usage": {"team-a/gpus": 0}}}
    assert suites.steps({"create": job, **nothing}, {"create": deployment(replicas=0), **nothing},
                        {"create": deployment(replicas=0), "dryRun": True, **nothing},
                        {"create": deployment(replicas=0, asks=5), "expect": {"allowed": False, "pods": 0}}) == ["passed"] * 4


def test_only_nodes_that_are_known_can_be_bound(suites):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"labels": {"model": "t4"}}}
    nodes = [{**node, "metadata": {**node["metadata"], "name": name}} for name in ("of-given", "of-a-step")]
    (suites.folder / "given.yaml").write_text(json.dumps(nodes[0]))
    (suites.folder / "step.yaml").write_text("\n".join(map(json.dumps, [nodes[1], deployment()])))
    bind = [{"bind": named(node=name, count=1), "expect": {"usage": {"org/all": amount}}}
            for name, amount in (("of-given", "2.25"), ("of-a-step", "1.5"), ("of-givem", "0.75"))]
    results = suites.steps({"file": "step.yaml", "expect": {"pods": 3}}, *bind, given={"files": ["given.yaml"]})
    assert results[:3] == ["passed"] * 3 and results[3].endswith(': there is no node "of-givem"; add it to `given.nodes`')


def test_each_pod_is_bound_once_and_finishes_once(suites):
    def org(amount):
        return {"expect": {"usage": {"org/all": amount}}}

    nodes = {"nodes": [{"name": "n", "labels": {"model": "t4"}}, {"name": "m", "labels": {"model": "a100"}}]}
    missing = [("pods", 'a Pod "d" in namespace "team-a"', None)]
    assert suites.steps({"create": deployment(replicas=4), **org(4)},
                        {"bind": named(node="n", count=1), **org("3.25")},
                        {"bind": named(node="n", count=1), **org("2.5")},
                        {"bind": named(node="m", count=3), **org("2.5")},
                        {"bind": named(node="m"), **org("2.5")},
                        {"finish": named(count=1), **org("2.25")},
                        {"finish": named(count=1), **org(2)},
                        {"bind": named(node="n"), **org(2)},
                        {"finish": named(), **org(0)},
                        {"finish": named(), **org(0)},
                        {"bind": named(node="n"), **org(0)},
                        {"delete": named(count=4), **org(0)},
                        {"delete": named(), **org(0)}, given=nodes) == \
        ["passed"] * 3 + [[("pods", '3 of the Pods "d" in namespace "team-a"', 2)]] + [missing] + ["passed"] * 2 + [missing] + ["passed"] + \
        [missing] * 2 + ["passed"] + [missing]


@pytest.mark.parametrize("more, error", [
    ({"create": small(), "as": {"groups": ["admins"]}}, "as: the name of the user is missing; add `user`"),
    ({"create": deployment(), "as": {"groups": ["admins"]}}, "as: the name of the user is missing; add `user`"),
    ({"create": kube.review(pod({GPU: 1})), "as": {"user": "root"}}, "an AdmissionReview says itself who sends it; remove `as`"),
    ({"create": kube.review(pod({GPU: 1})), "namespace": "team-b"}, "an AdmissionReview says itself which namespace it is about; remove `namespace`"),
], ids=["groups-of-a-pod", "groups-of-a-workload", "as-of-a-review", "namespace-of-a-review"])
def test_what_a_step_cannot_say(suites, more, error):
    (result,) = suites.steps({**more, "expect": {"allowed": True}})
    assert result.startswith("a.suite.json:1:") and result.endswith(": " + error)
