"""`gpugate replay`: the decisions are those of serve, what differs is found and counted, and what
cannot be read is named by its file and line."""

import fcntl
import gzip
import json
import subprocess
import termios
import time
import xml.etree.ElementTree as ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import kube
from gpugate import BINARY, ROOT, SANITIZED, Server, run, run_measured, scaled, write_policy
from kube import GPU, SHARED, doc, namespace_doc, pod
from test_properties import pods, policies
from unreliable_api_server import UnreliableApiServer

NONE = {"newly-refused": 0, "newly-admitted": 0, "newly-rewritten": 0, "over-quota": 0, "quota-exceeded": 0, "would-be-refused": 0, "reworded": 0}
A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", sharing={"resource": SHARED, "replicas": 4})
T4 = doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={"model": "t4"})
SHARE = doc("Rule", "share", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, rewrite=[{"from": GPU, "to": SHARED}])


def policy(hard, *more, **tenant):
    return [A100, doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "measure": "gpus", "hard": hard}], **tenant), *more]


class Replay:
    def __init__(self, folder):
        self.folder = folder
        self.number = 0

    def write(self, documents):
        self.number += 1
        return write_policy(self.folder / f"policy-{self.number}", documents)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, new, *inputs, against=None, status=0, args=(), **how):
        compared = () if against is None else ("--against", self.write(against))
        done = run("replay", "--policy", self.write(new), *compared, *args, *inputs, **how)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def __call__(self, *args, **how):
        """Returns the report."""
        more = how.pop("args", ())
        return json.loads(self.run(*args, **how, args=("-o", "json", *more)).stdout)

    def fails(self, new, *inputs, args=(), **how):
        """Returns what standard error says."""
        done = self.run(new, *inputs, args=args, status=2, **how)
        assert not done.stdout and len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("gpugate replay: "), done.stderr
        return done.stderr.removeprefix("gpugate replay: ").strip()


@pytest.fixture(name="replay")
def _replay(tmp_path):
    return Replay(tmp_path)


@pytest.fixture
def record(tmp_path):
    """Starts servers that record. Returns their folders."""
    servers = []

    def start(documents):
        folder = tmp_path / f"recording-{len(servers)}"
        folder.mkdir()
        servers.append(Server(documents, "--record", folder))
        return servers[-1], folder

    yield start
    for server in servers:
        server.stop()


def jsonl(objects):
    return "".join(json.dumps(obj) + "\n" for obj in objects)


def lines(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def changed(report):
    return {name: count for name, count in report["counts"].items() if count}


def named(report, change):
    return [d["name"] for d in report["differences"] if change in d["changes"]]


def create(name, gpus=1, **how):
    return kube.review(kube.persisted(pod({GPU: gpus}, name=name, **how), uid=name))


def exists(name, gpus=1, created="2026-11-01T10:00:00Z", phase="Running", **how):
    obj = kube.persisted(pod({GPU: gpus}, name=name, **how), uid=name)
    obj["metadata"]["creationTimestamp"] = created
    return obj | {"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase}}


# --- Recordings ---

def test_decides_as_serve_did(replay, record):
    """With the policy that was recorded, nothing differs, not even a sentence: Pods that end, dry
    runs and updates count as they did."""
    rules = policy(3, SHARE, doc("Guard", "g", deny=["privileged"], enforcement="warn"))
    server, folder = record(rules)
    kept = [server.admit(pod({GPU: 1}, name=f"p{i}", labels={"tier": "edge"} if i % 2 else None))[1] for i in range(6)]
    server.delete(kept[0])
    server.finish(kept[2])
    server.admit(pod({GPU: 2}, name="late"))
    server.admit(pod({GPU: 9}, name="dry"), dry_run=True)
    server.stop()
    assert len(lines(folder)) > 12
    report = replay(rules, folder)
    assert report["counts"] == NONE and report["differences"] == [] and report["format"] == 1
    assert report["reviews"] == len(lines(folder)) and report["ends"] == 2
    assert replay(rules, folder, against=rules)["counts"] == NONE
    # A smaller quota shows that something was compared.
    assert changed(replay(policy(2, *rules[2:]), folder))["newly-refused"] > 0


@settings(max_examples=scaled(20, 3), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(policies(), st.lists(pods(), min_size=8, max_size=8))
def test_one_policy_does_not_differ_from_itself(tmp_path_factory, documents, some):
    """For generated policies and Pods, a recording has the decisions of its policy, and a policy
    treats everyone as it does itself."""
    replay = Replay(tmp_path_factory.mktemp("replay"))
    folder = replay.folder / "recording"
    folder.mkdir()
    server = Server(documents, "--record", folder, start=False)
    assume(run("lint", server.policy).returncode == 0)
    server.start()
    try:
        for obj in some:
            if server.mutate(obj).allowed:
                server.admit(obj)
    finally:
        server.stop()
    none = lambda report: {**report["counts"], "would-be-refused": 0} == NONE
    assert none(replay(documents, folder)) and none(replay(documents, folder, against=documents))
    reviews = replay.file("reviews.jsonl", jsonl(kube.review(obj) for obj in some))
    assert none(replay(documents, reviews, against=documents))


def test_a_smaller_quota(replay, record):
    server, folder = record(policy(3))
    for i in range(5):
        server.admit(pod({GPU: 1}, name=f"p{i}"))
    server.stop()
    report = replay(policy(2), folder, against=policy(3))
    assert report["counts"] == NONE | {"newly-refused": 1, "over-quota": 1, "reworded": 2}
    assert report["tenants"] == {"team-a": report["counts"]}
    [refused] = [d for d in report["differences"] if d["changes"] == ["newly-refused", "over-quota"]]
    assert refused["name"] == "p2" and refused["namespace"] == "team-a" and refused["tenant"] == "team-a"
    assert refused["before"] == {"verdict": "admitted", "message": None, "warnings": [], "changes": [], "patch": []}
    assert "requested 1, used 2, limit 2, over by 1" in refused["after"]["message"]
    number = 1 + next(i for i, line in enumerate(lines(folder)) if line["endpoint"] == "/validate" and line["request"]["name"] == "p2")
    assert refused["at"] == f"{next(folder.glob('*.jsonl'))}:{number}" and refused["time"] == lines(folder)[number - 1]["time"]


def test_attempts_do_not_add_up(replay, record):
    """A controller tries again while its Pod is refused. A policy that admits the first attempt
    would have ended the others, so they hold quota once."""
    server, folder = record(policy(1))
    server.admit(pod({GPU: 1}, name="first"))
    for _ in range(20):
        server.admit(pod({GPU: 1}, name="again"))
    server.admit(pod({GPU: 1}, name="other"))
    server.admit(pod({GPU: 1}, name="third"))
    server.stop()
    report = replay(policy(3), folder)
    assert changed(report) == {"newly-admitted": 21, "reworded": 1}
    assert named(replay(policy(3), folder, args=("--show", "50")), "reworded") == ["third"]


def test_rules(replay, record):
    """A Rule that was not there when it was recorded changes Pods, and one that is gone does not,
    although the recorded /validate has the changed Pod."""
    some = [pod({GPU: 1}, name=f"p{i}", labels={"tier": "edge"}) for i in range(3)]
    for old, new, wanted in ((policy(9), policy(9, SHARE), True), (policy(9, SHARE), policy(9), False)):
        server, folder = record(old)
        for obj in some:
            assert server.admit(obj)[0].allowed
        server.stop()
        for against in (None, old):
            report = replay(new, folder, against=against)
            assert report["counts"] == NONE | {"newly-rewritten": 3}
            assert bool(report["differences"][0]["after"]["patch"]) == wanted
    # Without its Rule, a Pod holds four times as much.
    assert named(replay(policy("0.75"), folder, against=policy("0.75", SHARE)), "newly-refused") == ["p0", "p1", "p2"]
    assert replay(policy("0.75", SHARE), folder)["counts"] == NONE


PLACED = doc("Rule", "place", match={"requests": {GPU: {}}}, inject={
    "nodeSelector": {"pool": "gpu", "a.b/c": "d"}, "runtimeClassName": "nvidia",
    "tolerations": [{"key": "gpu", "operator": "Exists"}, {"key": "edge", "value": "x", "effect": "NoSchedule"}]})
VOID = doc("Guard", "devices", deny=[], visibleDevices="void")


def lines_of_changes(text):
    return sorted(line.strip() for line in text.splitlines() if line.lstrip().startswith(("+ ", "- ")) and not line.startswith("  -"))


@pytest.mark.parametrize("new", [[SHARE], [PLACED], [VOID], [SHARE, PLACED, VOID]])
@pytest.mark.parametrize("more", [
    {}, {"nodeSelector": {"zone": "a"}, "tolerations": [{"key": "other", "operator": "Exists"}]},
    {"containers": [kube.container({GPU: 2}), kube.container(name="side", env=[{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}, {"name": "A", "value": "b"}])],
     "initContainers": [kube.container({GPU: 1}, name="init", env=[{"name": "A", "value": "b"}])]},
])
def test_changes_are_shown_as_explain_shows_them(replay, new, more):
    """With signs, and no JSON Patch, whatever the Pod had before."""
    obj = pod({GPU: 1}, name="p", labels={"tier": "edge"}, **more) | {"apiVersion": "v1", "kind": "Pod"}
    file = replay.file("p.json", json.dumps(obj))
    rules = policy(9, *new)
    wanted = run("explain", "-f", file, "--policy", replay.write(rules)).stdout
    told = json.loads(run("explain", "-f", file, "--policy", replay.write(rules), "-o", "json").stdout)["objects"][0]
    text = replay.run(rules, file).stdout
    if not told["patch"]:
        assert "newly rewritten:" not in text
        return
    assert lines_of_changes(text) == lines_of_changes(wanted) != [] and '"op"' not in text, (text, wanted)
    assert "    before  admitted, unchanged\n    after   admitted\n   changes  in " in text
    difference, = replay(rules, file)["differences"]
    assert difference["after"]["patch"] == told["patch"] and difference["before"]["changes"] == []
    kinds = lambda changes: {(c["kind"], c.get("container"), c.get("value")) for c in changes if c["kind"] != "toleration"}
    assert {c for c in kinds(difference["after"]["changes"]) if c[2]} == {c for c in kinds(told["changes"]) if c[2]}
    # A recording has only the patch.
    line = {"time": "2026-11-28T10:00:00.500Z", "endpoint": "/mutate", "policy": "0", "request": kube.review(obj)["request"],
            "response": {"allowed": True, "patch": told["patch"]}}
    text = replay.run(policy(9), replay.file("r.jsonl", jsonl([line]))).stdout
    assert lines_of_changes(text) == lines_of_changes(wanted) and "    after   admitted, unchanged\n" in text, text


@pytest.mark.parametrize("operation, shown", [
    ({"op": "add", "path": "/metadata/annotations", "value": {"a": "\x1b"}}, '+ /metadata/annotations: {"a":"\\u001B"}'),
    ({"op": "remove", "path": "/spec/hostname"}, "- /spec/hostname"), ({"op": "move", "from": "/a", "path": "/b/\x1bc"}, "+ /b/?c:"),
    ({"op": "add", "path": "/spec/containers/9/resources/limits/x~1y", "value": "2"}, "+ resources x/y: 2"),
    ({"op": "add", "path": "/a/b/c/d/e/f/g/h/i/j/k", "value": 1}, "+ /a/b/c/d/e/f/g/h/i/j/k: 1"), ({"op": "add", "path": "", "value": "v"}, "+ v"),
    ({"op": "add", "path": "/spec/containers/0/env", "value": "none"}, "+ /spec/containers/0/env: none"), ({}, "+"), ({"op": 1, "path": 2, "value": None}, "+ null"),
    ({"op": "add", "path": "/spec/nodeSelector", "value": {"k": "x" * 5000}}, "+ nodeSelector k: " + "x" * 256),
])
def test_a_patch_of_another_program(replay, operation, shown):
    line = {"time": "2026-11-28T10:00:00.500Z", "endpoint": "/mutate", "policy": "0", "request": create("p")["request"],
            "response": {"allowed": True, "patch": [operation]}}
    file = replay.file("r.jsonl", jsonl([line]))
    text = replay.run(policy(9), file).stdout
    assert "\x1b" not in text and changed(replay(policy(9), file)) == {"newly-rewritten": 1} and "before  admitted\n" in text
    assert lines_of_changes(text + "\n") == [shown], text


def test_a_rule_that_refuses(replay, record):
    """/validate does not follow a /mutate that refuses; then it is replayed at once."""
    conflict = doc("Rule", "pin", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, onConflict="deny",
                   rewrite=[{"from": GPU, "to": SHARED}], inject={"nodeSelector": {"a": "x"}})
    obj = pod({GPU: 1}, name="p", labels={"tier": "edge"}, nodeSelector={"a": "y"})
    server, folder = record(policy(9, conflict))
    assert not server.mutate(obj).allowed
    server.stop()
    report = replay(policy(9), folder, against=policy(9, conflict))
    assert report["counts"] == NONE | {"newly-admitted": 1}
    assert "pin" in report["differences"][0]["before"]["message"]
    assert replay(policy(9), folder)["counts"] == NONE | {"newly-admitted": 1}
    server, folder = record(policy(9))
    assert server.admit(obj)[0].allowed
    server.stop()
    assert replay(policy(9, conflict), folder)["counts"] == NONE | {"newly-refused": 1}
    # Also if no /validate was recorded.
    only = replay.file("mutate.jsonl", jsonl(line for line in lines(folder) if line["endpoint"] == "/mutate"))
    assert replay(policy(9, conflict), only)["counts"] == NONE | {"newly-refused": 1}


def test_a_second_call_of_mutate(replay, record):
    """The API server calls /mutate again for the Pod that is changed already. /validate belongs to
    the first call."""
    server, folder = record(policy(9, SHARE))
    obj = pod({GPU: 1}, name="p", labels={"tier": "edge"})
    server.admit(obj)
    server.mutate(server.mutated(obj))
    server.stop()
    first, validate, _, again = lines(folder)
    assert (first["endpoint"], validate["endpoint"], again["endpoint"]) == ("/mutate", "/validate", "/mutate")
    assert not again["response"].get("patch")
    file = replay.file("r.jsonl", jsonl([first, again, validate]))
    assert replay(policy("0.5"), file, against=policy("0.5", SHARE))["counts"] == NONE | {"newly-refused": 1, "newly-rewritten": 1, "over-quota": 1}


def test_updates_of_a_refused_pod_are_not_compared(replay, record):
    guard = doc("Guard", "g", deny=["privileged"])
    server, folder = record(policy(9))
    bad = pod({GPU: 1}, name="p", containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])
    stored = server.admit(bad)[1]
    server.validate(stored, operation="UPDATE", old=stored)
    server.stop()
    assert replay(policy(9, guard), folder)["counts"] == NONE | {"newly-refused": 1}


def test_labels_of_namespaces(replay, record):
    """They are in the recording if they decided, else in Namespaces of the input."""
    labelled = [A100, doc("Tenant", "team-x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 1}])]
    line = {"time": "2026-11-28T19:20:41.695Z", "endpoint": "/validate", "policy": "0", **create("p", 2, namespace="space"),
            "response": {"allowed": True}}
    del line["kind"], line["apiVersion"]
    report = replay(labelled, replay.file("a.jsonl", jsonl([line | {"namespaceLabels": {"t": "x"}}])))
    assert report["tenants"] == {"team-x": report["counts"]} and changed(report) == {"newly-refused": 1, "over-quota": 1}
    space = replay.file("space.yaml", yaml.safe_dump(namespace_doc("space", t="x")))
    assert replay(labelled, space, replay.file("b.jsonl", jsonl([line])))["tenants"] == report["tenants"]
    assert "team-x" not in replay(labelled, replay.file("b.jsonl", jsonl([line])))["tenants"]


def test_ends_that_are_assumed(replay):
    """The ledger of a cluster watches Pods, so no review says that one ends."""
    def line(name, second):
        review = {k: v for k, v in create(name).items() if k == "request"}
        return {"time": f"2026-11-28T10:00:{second:02}.500Z", "endpoint": "/validate", "policy": "0", **review, "response": {"allowed": True}}
    file = replay.file("r.jsonl", jsonl([line("p0", 0), line("p1", 10), line("p2", 20), line("p3", 59)]))
    assert named(replay(policy(1), file), "newly-refused") == ["p1", "p2", "p3"]
    assert named(replay(policy(1), file, args=("--hold", "20")), "newly-refused") == ["p1"]
    assert replay(policy(1), file, args=("--hold", "10"))["counts"] == NONE
    assert named(replay(policy(1), file, args=("--hold", "11")), "newly-refused") == ["p1"]
    head = "no end of a Pod is in the recording, as with a cluster ledger; "
    assert head + "--hold assumes one\n" in replay.run(policy(1), file).stdout
    assert head + "each Pod is assumed to end after 20 s\n" in replay.run(policy(1), file, args=("--hold", "20")).stdout
    assert [replay(policy(1), file, args=args)["holdSeconds"] for args in ((), ("--hold", "20"))] == [None, 20]


def test_over_quota(replay):
    """A tenant that only warns admits the Pod, which is then over its quota."""
    file = replay.file("r.jsonl", jsonl(create(f"p{i}") for i in range(3)))
    report = replay(policy(1, enforcement="warn"), file, against=policy(9))
    assert report["counts"] == NONE | {"over-quota": 2, "would-be-refused": 2, "reworded": 2}
    assert "used 1, limit 1" in report["differences"][0]["after"]["warnings"][0]
    assert replay(policy(1, enforcement="audit"), file, against=policy(9))["counts"] == NONE | {"over-quota": 2, "would-be-refused": 2}
    assert replay(policy(1, enforcement="warn"), file, against=policy(1, enforcement="warn"))["counts"] == NONE | {"would-be-refused": 2}


@pytest.mark.parametrize("enforcement, refused", [("deny", {"newly-refused": 2}), ("warn", {"would-be-refused": 2}), ("audit", {"would-be-refused": 2})])
def test_over_quota_with_one_policy(replay, enforcement, refused):
    """What does not fit is over its quota, whether or not the policy refuses it, of any input. The
    table has the number that decides the exit status."""
    listed = pod_list(*(exists(f"p{i}") for i in range(3)))
    for name, content in (("r.jsonl", jsonl(create(f"p{i}") for i in range(3))), ("d.json", json.dumps(workload())), ("pods.json", listed)):
        file = replay.file(name, content)
        new = policy(1, enforcement=enforcement)
        exceeded = {"quota-exceeded": 1} if content == listed else {}
        report = replay(new, file, args=("--fail-on", "over-quota"), status=1)
        assert report["counts"] == NONE | {"over-quota": 2} | refused | exceeded, name
        assert report["tenants"] == {"team-a": report["counts"]}
        assert "  over quota             2   team-a 2\n" in replay.run(new, file).stdout
        replay.run(policy(3, enforcement=enforcement), file, args=("--fail-on", ",".join(NONE)), status=0)


def test_the_table_decides_the_exit_status(replay):
    """For each change and many policies: it fails if and only if its number is not 0."""
    file = replay.file("pods.json", pod_list(*(exists(f"p{i}", gpus=1 + i % 2) for i in range(4)), exists("node", nodeName="n")))
    seen = {name: set() for name in NONE}
    share = policy(9, SHARE, doc("Guard", "g", deny=["preboundNodeName"]))
    for new in (policy(1), policy(4, enforcement="audit"), policy(9, enforcement="warn"), share):
        for against in (None, policy(2), policy(5, enforcement="warn")):
            counts = replay(new, file, against=against)["counts"]
            for name, count in counts.items():
                replay.run(new, file, against=against, args=("--fail-on", name), status=int(count > 0))
                seen[name].add(count > 0)
    assert {name for name, both in seen.items() if len(both) == 2} >= {"newly-refused", "newly-admitted", "over-quota", "quota-exceeded", "would-be-refused"}, seen


# --- Audit ---

def audit(*documents, enforcement="audit"):
    return [doc("Settings", "cluster", enforcement=enforcement), *documents]


def test_what_audit_would_refuse(replay):
    """With everything in audit, the report shows whom deny would refuse, and why, without anything
    to compare with. Pods that deny would refuse hold nothing for those after them."""
    guard = doc("Guard", "g", deny=["privileged"])
    bad = kube.review(kube.persisted(pod({GPU: 1}, name="bad", containers=[kube.container({GPU: 1}, securityContext={"privileged": True})]), uid="bad"))
    file = replay.file("r.jsonl", jsonl([create("p0", 2), bad, create("p1", 2), create("p2", 1)]))
    for enforcement in ("audit", "warn"):
        new = audit(*policy(3, guard), enforcement=enforcement)
        report = replay(new, file, against=new, args=("--fail-on", "newly-refused,newly-admitted,over-quota,reworded"))
        assert report["counts"] == NONE | {"would-be-refused": 2} and report["tenants"]["team-a"] == report["counts"]
        assert named(report, "would-be-refused") == ["bad", "p1"]
        first, second = report["differences"]
        assert first["after"]["verdict"] == "admitted" and first["enforced"]["verdict"] == "refused"
        assert "privileged" in first["enforced"]["message"] and "requested 2, used 2, limit 3, over by 1" in second["enforced"]["message"]
        # With deny, exactly these are refused, with the same sentences.
        denied = replay(audit(*policy(3, guard), enforcement="deny"), file, against=new)
        assert named(denied, "newly-refused") == ["bad", "p1"] and denied["counts"]["would-be-refused"] == 0
        assert [d["after"]["message"] for d in denied["differences"] if "newly-refused" in d["changes"]] == [d["enforced"]["message"] for d in report["differences"]]
        replay.run(new, file, args=("--fail-on", "would-be-refused"), status=1)
        text = replay.run(new, file).stdout
        assert "  would be refused       2   team-a 2\n" in text
        assert "\n  Pods that would be refused are admitted only because the enforcement is warn or audit.\n" in text
        assert f"    if enforced: refused: {second['enforced']['message']}\n" in text


def test_from_audit_to_deny(replay, record):
    """`newly-refused` is about verdicts: what audit admits and deny refuses is newly refused, with
    --against as with a recording."""
    server, folder = record(audit(*policy(1)))
    for i in range(3):
        server.admit(pod({GPU: 1}, name=f"p{i}"))
    server.stop()
    for against in (None, audit(*policy(1))):
        report = replay(policy(1), folder, against=against, args=("--fail-on", "newly-refused"), status=1)
        assert named(report, "newly-refused") == ["p1", "p2"] and report["counts"]["would-be-refused"] == 0
        # They did not fit before, either, which a recording does not say.
        assert report["counts"]["over-quota"] == (0 if against else 2)
        replay.run(audit(*policy(1)), folder, against=against, args=("--fail-on", "newly-refused,over-quota"), status=0)
    assert changed(replay(audit(*policy(1)), folder)) == {"would-be-refused": 2}
    assert changed(replay(audit(*policy(1)), folder, against=policy(1))) == {"newly-admitted": 2, "would-be-refused": 2}


def test_audit_says_what_explain_says(replay):
    """The number of Pods that deny would admit is the same."""
    file = replay.file("d.json", json.dumps(workload(replicas=7)))
    for hard in range(1, 9):
        new = audit(*policy(hard))
        told = json.loads(run("explain", "-f", file, "--policy", replay.write(new), "-o", "json").stdout)["objects"][0]
        assert replay(new, file)["counts"]["would-be-refused"] == 7 - told.get("fitsIfEnforced", 7)


def test_updates_of_a_pod_that_audit_would_refuse(replay, record):
    """They are not counted again. What deny would refuse of a Pod without objections is."""
    guard = doc("Guard", "g", deny=["privileged"])
    server, folder = record(audit(*policy(9)))
    bad = server.admit(pod({GPU: 1}, name="bad", containers=[kube.container({GPU: 1}, securityContext={"privileged": True})]))[1]
    good = server.admit(pod({GPU: 1}, name="good"))[1]
    for stored in (bad, good):
        server.validate(stored, operation="UPDATE", old=stored)
    server.delete(bad)
    server.stop()
    assert changed(replay(audit(*policy(9, guard)), folder)) == {"would-be-refused": 1}


# --- AdmissionReviews, lists, manifests ---

def test_reviews(replay):
    end = kube.review(None, operation="DELETE", old=kube.persisted(pod({GPU: 1}, name="p0"), uid="p0"))
    reviews = [create("p0"), create("p1"), end, create("p2")]
    for name, content in (("r.jsonl", jsonl(reviews)), ("r.json", "".join(json.dumps(r, indent=2) for r in reviews)),
                          ("r.yaml", yaml.safe_dump_all(json.loads(json.dumps(reviews)))), ("r.jsonl.gz", gzip.compress(jsonl(reviews).encode()))):
        report = replay(policy(1), replay.file(name, content))
        assert named(report, "newly-refused") == ["p1"] and report["reviews"] == 4 and report["ends"] == 1, name
        assert replay(policy(9), replay.file(name, content), against=policy(2))["counts"] == NONE
    other = kube.review({"metadata": {"name": "d", "namespace": "team-a"}}, kind=("apps", "v1", "Deployment"), resource=("apps", "v1", "deployments"))
    assert replay(policy(1), replay.file("s.jsonl", jsonl([other, create("p")])))["skipped"] == 1


def pod_list(*items, **more):
    return json.dumps({"apiVersion": "v1", "items": items, "kind": "List", **more}, indent=4)


def test_pods_that_exist(replay):
    """They are admitted in the order of their creation. Those that would be refused are named, and
    the quotas that all together exceed."""
    items = [exists("young", created="2026-11-03T10:00:00Z"), exists("done", 9, phase="Succeeded"), exists("old"),
             exists("middle", created="2026-11-02T10:00:00Z")]
    for content in (pod_list(*items), pod_list(*({k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in items), kind="PodList"),
                    yaml.safe_dump(json.loads(pod_list(*items))), yaml.safe_dump_all(json.loads(json.dumps(items)))):
        if '"PodList"' in content:  # As the API server writes it.
            listed = json.loads(content)
            content = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": listed["items"]})
        report = replay(policy(1), replay.file("pods", content))
        assert named(report, "newly-refused") == ["middle", "young"], content[:80]
        assert report["reviews"] == 3 and report["skipped"] == 1
        [quota] = report["quotas"]
        assert quota.pop("at").endswith("policy.yaml:20")
        assert quota == {"tenant": "team-a", "quota": "all", "used": "3", "limit": "1", "over": "2", "newly": True}
    assert replay(policy(1), replay.file("pods", content), against=policy(2))["quotas"][0]["newly"] is False
    assert replay(policy(1), replay.file("pods", content), against=policy(3), status=0)["counts"] == NONE | {"newly-refused": 2, "over-quota": 2, "quota-exceeded": 1}
    where = replay(policy(2), replay.file("pods.json", pod_list(*items)))["differences"][0]["at"]
    assert json.loads(replay.file("pods.json", pod_list(*items)).read_text()) and where.endswith("/pods.json:4")


def test_pods_on_nodes(replay):
    """A Pod on a node holds what the node has, as in the cluster. It is created again as what it
    could run on."""
    fleet = [doc("Accelerator", "a100", resource=GPU, nodeLabels={"model": "a100"}), doc("Accelerator", "t4", resource=GPU, weight="0.25", nodeLabels={"model": "t4"}),
             doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "measure": "gpus", "hard": 1}])]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": {"model": "t4"}}}
    bound = [exists(f"p{i}", nodeName="n") for i in range(4)]
    report = replay(fleet, replay.file("l.json", pod_list(*bound, node)))
    assert report["quotas"] == [] and "requested 1, used 0.25, limit 1" in report["differences"][0]["after"]["message"]
    [quota] = replay(fleet, replay.file("l.json", pod_list(*bound)))["quotas"]
    assert quota["used"] == "4"


def test_the_node_of_a_pod_that_exists(replay):
    """The scheduler has bound it, so that it is on a node refuses nothing. A mirror Pod is never
    refused, if the kubelet has made it."""
    guard = doc("Guard", "nodes", deny=["preboundNodeName", "privileged"])
    mirror = exists("static", nodeName="n", annotations={"kubernetes.io/config.mirror": "x"})
    mirror["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    false = json.loads(json.dumps(mirror))
    false["metadata"] |= {"name": "false", "uid": "false"}
    mirror["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "n", "controller": True}]
    report = replay(policy(3, guard), replay.file("l.json", pod_list(exists("bound", nodeName="n"), mirror, false)))
    assert named(report, "newly-refused") == ["false"] and report["reviews"] == 3
    plain = pod({GPU: 1}, name="p", nodeName="n") | {"apiVersion": "v1", "kind": "Pod"}
    assert changed(replay(policy(3, guard), replay.file("p.json", json.dumps(plain)))) == {"newly-refused": 1}


def test_manifests(replay):
    """A workload is tried with all of its Pods."""
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod({GPU: 1})["spec"]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "team-a"},
                  "spec": {"replicas": 5, "template": template}}
    report = replay(policy(2), replay.file("d.yaml", yaml.safe_dump(json.loads(json.dumps(deployment)))), against=policy(4))
    assert report["counts"] == NONE | {"newly-refused": 2, "over-quota": 2, "reworded": 1} and report["reviews"] == 5
    assert report["differences"][0]["user"] == "system:serviceaccount:kube-system:replicaset-controller"
    plain = pod({GPU: 3}, name="p") | {"apiVersion": "v1", "kind": "Pod"}
    assert changed(replay(policy(2), replay.file("p.json", json.dumps(plain)))) == {"newly-refused": 1, "over-quota": 1}


def test_amounts_that_are_cut(replay):
    model = doc("Accelerator", "a100", resource=GPU, memory="80Gi", mig={"model": "a100-80gb", "strategy": "mixed", "profiles": "builtin"})
    for count, cut in ((9, True), (14, False)):
        some = [exists(f"p{i}") for i in range(count)]
        for one in some:
            one["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/mig-1g.10gb": "1"}}
        file = replay.file("pods.json", pod_list(*some))
        report = replay([model, *policy(1)[1:]], file)
        assert report["quotas"][0]["used"] == ("1.28" if cut else "2") and report.get("amountsCut", False) == cut
        assert ("Some amounts are cut to two decimals here." in replay.run([model, *policy(1)[1:]], file).stdout) == cut


def test_usage(replay):
    usage = replay.file("usage.json", pod_list(exists("held", 2)))
    file = replay.file("r.jsonl", jsonl([create("p")]))
    assert replay(policy(2), file)["counts"] == NONE
    assert changed(replay(policy(2), file, args=("--usage", usage))) == {"newly-refused": 1, "over-quota": 1}


def owned(kind, owner, count, **how):
    """Pods that a workload has."""
    some = [exists(f"{owner}-{i}", **how) for i in range(count)]
    for one in some:
        one["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "u", "controller": True}]
    return some


def workload(kind="Deployment", replicas=3, gpus=1, **spec):
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod({GPU: gpus})["spec"]}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "d", "namespace": "team-a"}, "spec": {"replicas": replicas, "template": template, **spec}}


@pytest.mark.parametrize("kind, owner", [("Deployment", ("ReplicaSet", "d-5b")), ("StatefulSet", ("StatefulSet", "d")), ("DaemonSet", ("DaemonSet", "d"))])
@pytest.mark.parametrize("more", [{}, {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}}, {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}])
def test_pods_that_a_workload_has_are_replaced(replay, kind, owner, more):
    """As for `gpugate explain --usage`, the Pods of the usage are not counted with those that are
    tried."""
    usage = replay.file("usage.json", pod_list(*owned(*owner, 3, labels={"pod-template-hash": "5b"}), exists("other")))
    file = replay.file("d.json", json.dumps(workload(kind, **more)))
    for hard in (4, 5, 9):
        told = json.loads(run("explain", "-f", file, "--usage", usage, "--policy", replay.write(policy(hard)), "-o", "json").stdout)["objects"][0]
        for against in (None, policy(9)):
            report = replay(policy(hard), file, args=("--usage", usage), against=against)
            assert told["replaces"] == 3 and report["reviews"] == told["pods"]
            assert report["counts"]["newly-refused"] == told["pods"] - told["fits"], (hard, told)


def test_all_pods_of_a_workload_are_counted(replay):
    """Also after the first one that no policy admits."""
    file = replay.file("d.json", json.dumps(workload(replicas=50)))
    for against, refused in ((None, 48), (policy(4), 2)):
        report = replay(policy(2), file, against=against)
        assert report["reviews"] == 50 and report["counts"]["newly-refused"] == refused


def test_standard_input_and_folders(replay, tmp_path):
    recorded = [create(f"p{i}") for i in range(3)]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "gpugate-20261128T000000Z-000002.jsonl").write_text(jsonl(recorded[2:]))
    (folder / "gpugate-20261128T000000Z-000001.jsonl.gz").write_bytes(gzip.compress(jsonl(recorded[:1]).encode()) + gzip.compress(jsonl(recorded[1:2]).encode()))
    (folder / "notes.txt").write_text("{")
    report = replay(policy(2), folder)
    assert named(report, "newly-refused") == ["p2"] and report["passedOverFiles"] == [str(folder / "notes.txt")]
    done = subprocess.run([str(BINARY), "replay", "--policy", str(replay.write(policy(1))), "-o", "json", "-"], input=jsonl(recorded),
                          capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert named(report, "newly-refused") == ["p1", "p2"] and report["differences"][0]["at"] == "standard input:2"


TEMPLATE = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n{{- if .Values.a }}\nspec: {}\n{{- end }}\n"


def test_a_folder_of_manifests(replay, tmp_path):
    """Files are found as `gpugate lint` finds them, in any depth. Namespaces count wherever they
    are, Pods that exist are replayed by their age, and what is passed over is named."""
    folder = tmp_path / "repository"
    files = {
        "apps/b.yaml": yaml.safe_dump(json.loads(json.dumps(exists("young", created="2026-11-03T10:00:00Z", namespace="space")))),
        "apps/c.json": pod_list(exists("old", namespace="space")),
        "deployment.yml": yaml.safe_dump(json.loads(json.dumps(workload() | {"metadata": {"name": "d", "namespace": "space"}}))),
        "z/space.yaml": yaml.safe_dump(namespace_doc("space", t="x") | {"apiVersion": "v1"}),
        "policy/tenant.yaml": yaml.safe_dump(doc("Tenant", "other", namespaces=["space"], quotas=[{"name": "all", "hard": 99}])),
        "values.yaml": "replicas: 3\n", "chart/templates/a.yaml": TEMPLATE, "notes.txt": "x", "data.json": "[1]",
        "overlay/kustomization.yaml": "resources: [a.yaml]\n", "overlay/a.yaml": yaml.safe_dump(json.loads(json.dumps(workload()))), ".git/x.yaml": "a: [",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    labelled = [A100, doc("Tenant", "team-x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 4}])]
    report = replay(labelled, folder)
    assert report["tenants"].keys() == {"team-x"} and report["reviews"] == 5
    assert named(report, "newly-refused") == ["young"] and report["differences"][0]["at"] == f"{folder}/apps/b.yaml:1"
    passed = ["chart/templates/a.yaml", "data.json", "notes.txt", "overlay/a.yaml", "overlay/kustomization.yaml", "values.yaml"]
    assert sorted(report["passedOverFiles"]) == [str(folder / name) for name in passed] and report["passedOver"] == 6
    text = replay.run(labelled, folder).stdout
    assert "6 files were passed over: " in text and all(str(folder / name) in text for name in passed)
    found = json.loads(run("lint", "-o", "json", folder).stdout)
    assert found["templates"] == [str(folder / "chart/templates/a.yaml")]


def test_a_folder_that_has_too_much_else(replay, tmp_path):
    (tmp_path / "many").mkdir()
    for i in range(25):
        (tmp_path / "many" / f"{i:02}.txt").write_text("")
        (tmp_path / "many" / f"v{i:02}.yaml").write_text("a: b\n")
    (tmp_path / "many" / "p.json").write_text(json.dumps(workload()))
    report = replay(policy(9), tmp_path / "many")
    assert report["reviews"] == 3 and report["passedOver"] == 50 and len(report["passedOverFiles"]) == 20
    assert ", and 30 more\n" in replay.run(policy(9), tmp_path / "many").stdout


@pytest.mark.parametrize("files, wanted", [
    ({"a.yaml": "kind: Pod\napiVersion: v1\nspec: {containers: 5}\n"}, "a.yaml:3: spec.containers: expected"),
    ({"a.yaml": "kind: Pod\napiVersion: v1\nspec: &a {}\n"}, "a.yaml:3"),
    ({"kustomization.yaml": "resources: []\n", "a.yaml": "kind: Pod\napiVersion: v1\n"}, "run `kubectl kustomize DIR | gpugate replay ... -`"),
    ({"a.yaml": TEMPLATE}, "only templates of Helm are in this folder; run `helm template CHART | gpugate replay ... -`"),
    ({"a.yaml": "a: b\n"}, "neither a recording nor a manifest is in this folder"),
])
def test_folders_that_cannot_be_replayed(replay, tmp_path, files, wanted):
    (tmp_path / "f").mkdir()
    for name, content in files.items():
        (tmp_path / "f" / name).write_text(content)
    said = replay.fails(policy(1), tmp_path / "f")
    assert said.startswith(f"{tmp_path}/f") and wanted in said, said


# --- Output and exit status ---

def test_a_pipe_that_delivers_single_bytes(replay):
    """What gzip has compressed is known by two bytes."""
    content = gzip.compress(pod_list(exists("p")).encode())
    with subprocess.Popen([BINARY, "replay", "--policy", replay.write(policy(1)), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          bufsize=0) as process:
        process.stdin.write(content[:1])
        while fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4) != b"\0" * 4:
            time.sleep(0.01)  # Until the byte has been read.
        process.stdin.write(content[1:])
        process.stdin.close()
        assert process.stdout.read().startswith(b"1 review replayed")


def test_fail_on(replay):
    file = replay.file("r.jsonl", jsonl(create(f"p{i}") for i in range(3)))
    listed = replay.file("pods.json", pod_list(exists("p", 2)))
    for words, status in (("newly-refused", 1), ("newly-admitted", 0), ("newly-admitted,newly-rewritten,quota-exceeded,would-be-refused,reworded", 0),
                          ("reworded,newly-refused", 1)):
        replay.run(policy(2), file, args=("--fail-on", words), status=status)
    replay.run(policy(2), file, args=("--fail-on", "newly-admitted", "--fail-on", "newly-refused"), status=1)
    replay.run(policy(1), listed, args=("--fail-on", "over-quota"), status=1)
    replay.run(policy(1), listed, args=("--fail-on", "over-quota"), against=policy(1), status=0)


def test_text(replay):
    file = replay.file("r.jsonl", jsonl(create(f"p{i}") for i in range(5)))
    text = replay.run(policy(2), file, args=("--show", "1")).stdout
    assert text.splitlines()[0] == "5 reviews replayed; compared with what was answered, or with Pods that are admitted as they are"
    assert "  newly refused          3   team-a 3\n" in text
    assert f'  newly refused, over quota: Pod "p2" in namespace "team-a" ({file}:3)\n    before  admitted\n    after   refused: exceeded quota' in text
    assert text.endswith("\n2 more differences are counted above; --show names more of them\n")
    assert "\x1b" not in text
    hostile = kube.review(kube.persisted(pod({GPU: 9}, name="x\x1b[31m"), uid="x"))
    recorded = {"time": "\x1b[31mred", "endpoint": "/validate", "request": hostile["request"], "response": {"allowed": True}}
    for obj in (hostile, recorded):
        assert "\x1b" not in replay.run(policy(1), replay.file("h.jsonl", jsonl([obj]))).stdout


def test_the_document(replay):
    """What docs/policy-as-code.md quotes is what the command prints."""
    text = (ROOT / "docs" / "policy-as-code.md").read_text().split("\n## What a policy change would do\n")[1]
    example = "deploy/examples/mig-mixed"
    changed_policy = (ROOT / example / "policy" / "policy.yaml").read_text().replace("hard: 1}", "hard: 0.3}")
    done = run("replay", "--policy", replay.write(changed_policy), "--against", f"{example}/policy", f"{example}/manifests/by-memory.yaml", cwd=ROOT)
    assert done.stdout == text.split("```text\n")[1].split("```")[0]
    members = json.loads(run("replay", "--policy", replay.write(changed_policy), "-o", "json", f"{example}/manifests/by-memory.yaml", cwd=ROOT).stdout)
    assert all(f"`{name}`" in text for name in [*members, *members["counts"], *members["differences"][0], *members["differences"][0]["before"]])


def test_junit(replay):
    file = replay.file("r.jsonl", jsonl(create(f"p{i}") for i in range(5)))
    done = replay.run(policy(2), file, args=("-o", "junit", "--fail-on", "newly-refused,newly-admitted"), status=1)
    cases = {case.get("name"): case for case in ElementTree.fromstring(done.stdout).iter("testcase")}
    assert set(cases) == set(NONE)
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["newly-refused"]
    assert 'Pod "p2"' in cases["newly-refused"].find("failure").text


def test_show(replay):
    """The first of each change are named, however many others come before them."""
    file = replay.file("r.jsonl", jsonl([*(create(f"x{i}", namespace="other") for i in range(50)), *(create(f"p{i}") for i in range(3))]))
    other = doc("Tenant", "other", namespaces=["other"], quotas=[{"name": "all", "hard": 99}])
    report = replay(policy(2, doc("Tenant", "other", namespaces=["other"], quotas=[{"name": "all", "hard": 9}], enforcement="warn")), file,
                    against=policy(9, other), args=("--show", "3"))
    assert named(report, "over-quota") == ["x9", "x10", "x11", "p2"] and named(report, "newly-refused") == ["p2"]
    assert report["counts"] == NONE | {"over-quota": 42, "would-be-refused": 41, "reworded": 41, "newly-refused": 1} and report["omitted"] == 38


def test_examples_take_bounded_memory(replay):
    """Patches of a recording may be large. Those that do not fit are only counted."""
    value = [{"op": "add", "path": "/metadata/annotations", "value": {"a": "x" * (6 << 20)}}]

    def line(name):
        return {"time": "2026-11-28T10:00:00.500Z", "endpoint": "/mutate", "policy": "0", "request": create(name)["request"],
                "response": {"allowed": True, "patch": value}}

    file = replay.file("r.jsonl.gz", gzip.compress(jsonl(line(f"p{i}") for i in range(7)).encode(), 1))
    report = replay(policy(9), file)
    assert report["counts"]["newly-rewritten"] == 7 and report["truncated"] and len(report["differences"]) == 5 and report["omitted"] == 2
    assert replay.run(policy(9), file).stdout.endswith(
        "\n2 more differences are counted above; they do not fit in the memory for examples; replay a part of the input to see them\n")
    assert not replay(policy(9), file, args=("--show", "1"))["truncated"]


# --- What cannot be decided ---

def test_options(replay):
    file = replay.file("r.jsonl", jsonl([create("p")]))
    for args, wanted in (((), "name what is replayed"), (("--live", file), "leave out one"), (("--kubeconfig", "x", file), "--kubeconfig needs --live"),
                         (("--live", "--usage", file), "leave out --usage"), (("-", "-"), "standard input can be read only once"),
                         (("--usage", "-", "-"), "standard input can be read only once"),
                         (("--fail-on", "refused", file), '--fail-on: "refused" is not a change; take newly-refused,'),
                         (("--fail-on", "reworded,", file), '--fail-on: "" is not a change'), (("--show", "-1", file), "--show")):
        done = run("replay", "--policy", replay.write(policy(1)), *args)
        assert done.returncode == 2 and wanted in done.stderr, (args, done.stderr)
    assert run("replay", file).returncode == 2
    assert "No such file or directory; name a file, a folder, or -" in replay.fails(policy(1), "/none.jsonl")
    empty = replay.folder / "empty"
    empty.mkdir()
    assert "neither a recording nor a manifest is in this folder; files of a recording end in .jsonl" in replay.fails(policy(1), empty)
    assert "nothing was replayed" in replay.fails(policy(1), replay.file("none.json", ""))
    broken = replay.run(policy(1), file, args=("--against", replay.file("broken.yaml", "kind: Rule\n")), status=2)
    assert broken.stderr.splitlines()[-1].startswith("gpugate replay: --against: the policy has errors")


@pytest.mark.parametrize("middle, line, wanted", [
    ("garbage\n", 2, "this is not JSON: expected an object, found 'g'"),
    ('{"endpoint": "/mutate"} x\n', 2, "this is not JSON: expected an object, found 'x'"),
    ('{"a": \n', 2, "the object that begins here does not end"),
    ('{"request": {"uid": 5}}\n', 2, "request.uid: expected a string, found a number"),
    ('{"endpoint": "/delete", "request": {"uid": "a", "operation": "CREATE"}}\n', 2, 'endpoint: expected "/mutate" or "/validate", found "/delete"'),
    ('{"endpoint": "/mutate", "request": {"uid": "a", "operation": "CREATE"}}\n', 2, "response.allowed: expected a boolean, found nothing"),
    ('{"kind": "Pod", "apiVersion": "v1",\n"spec": {"containers": 5}}\n', 3, "spec.containers: expected"),
    ('{"items": [{"kind": "Pod"}\n5]}\n', 3, "expected a comma or the end of the items, found '5'"),
    ('{"items": [\n5]}\n', 3, "expected an object in the items, found '5'"),
    ('{"items": [], x}\n', 2, "the list that ends here is not JSON"),
    ('{"items": [], "items": [{}]}\n', 2, "this list has its items twice"),
], ids=range(11))
def test_broken_lines(replay, middle, line, wanted):
    good = jsonl([create("p")])
    for name, content in (("r.jsonl", good + middle + good), ("r.jsonl.gz", gzip.compress((good + middle + good).encode()))):
        said = replay.fails(policy(1), replay.file(name, content))
        assert said.startswith(f"{replay.folder / name}:{line}: ") and wanted in said, said


def test_incomplete_files(replay):
    whole = jsonl(create(f"p{i}") for i in range(200))
    packed = gzip.compress(whole.encode())
    assert "the gzip file is incomplete" in replay.fails(policy(1), replay.file("a.jsonl.gz", packed[:-4]))
    assert "the gzip file is incomplete" in replay.fails(policy(1), replay.file("a.jsonl.gz", packed[:200]))
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0x55
    assert replay.fails(policy(1), replay.file("a.jsonl.gz", bytes(damaged))).startswith(f"{replay.folder}/a.jsonl.gz:")
    assert "this is not a valid gzip file" in replay.fails(policy(1), replay.file("a.jsonl.gz", packed + b"\x1f\x8b and no more"))
    # A server that was killed may leave half a line at the end of its file, which is passed over.
    cut = replay.file("cut.jsonl", whole[:-100])
    report = replay(policy(999), cut)
    assert (report["reviews"], report["incomplete"]) == (199, 1)
    assert "1 incomplete line at the end of a file was passed over\n" in replay.run(policy(999), cut).stdout
    assert "cut.json:200: the object that begins here does not end" in replay.fails(policy(1), replay.file("cut.json", whole[:-100]))
    listed = pod_list(exists("p"))
    assert "does not end; the file is incomplete" in replay.fails(policy(1), replay.file("cut.jsonl", listed[:-20]))


def test_memory_is_bounded(replay, tmp_path):
    """A large input is read in pieces: twice as long a recording takes no more memory. A bomb of
    gzip does not, either."""
    def most(path, status=0):
        done, kilobytes = run_measured("replay", "--policy", replay.write(policy(1)), path)
        assert done.returncode == status
        return kilobytes << 10
    # Each Pod ends before the next begins, so that only one holds quota.
    some = []
    for i in range(scaled(400, 100)):
        some += [create(f"p{i}", annotations={"a": "x" * 20000}),
                 kube.review(None, operation="DELETE", old=kube.persisted(pod({GPU: 1}, name=f"p{i}"), uid=f"p{i}"))]
    once = jsonl(some)
    small, large, packed = tmp_path / "small.jsonl", tmp_path / "large.jsonl", tmp_path / "large.jsonl.gz"
    small.write_text(once)
    with open(large, "w") as file:
        for _ in range(16):
            file.write(once)
    with gzip.open(packed, "wt", compresslevel=1) as file:
        for _ in range(16):
            file.write(once)
    assert large.stat().st_size > 16 * len(once) - 1
    base = most(small)
    margin = (16 << 20) * (8 if SANITIZED else 1)
    assert most(large) < base + margin and most(packed) < base + margin
    bomb = tmp_path / "bomb.jsonl.gz"
    bomb.write_bytes(gzip.compress(b'{"a": "' + b" " * (256 << 20)))
    assert most(bomb, status=2) < (64 << 20) * (8 if SANITIZED else 1)


# --- The cluster ---

@pytest.fixture
def api():
    server = UnreliableApiServer()
    yield server
    server.close()


def test_live(replay, api, tmp_path):
    """The Pods, Namespaces and Nodes of the cluster are listed in pages; nothing is written."""
    api.put("namespaces", {"metadata": {"name": "n", "labels": {"t": "x"}}})
    api.put("nodes", {"metadata": {"name": "node"}})
    for i in range(1203):
        api.put("pods", exists(f"p{i:04}", created=f"2026-11-01T{i // 60:02}:{i % 60:02}:00Z", namespace="n"))
    labelled = [A100, doc("Tenant", "x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 1200}])]
    config = api.kubeconfig(tmp_path)
    report = replay(labelled, args=("--live", "--kubeconfig", config, "--fail-on", "newly-admitted"))
    assert named(report, "newly-refused") == ["p1200", "p1201", "p1202"] and report["reviews"] == 1203
    assert report["differences"][0]["at"].startswith("the cluster") and report["quotas"][0]["over"] == "3"
    assert {method for method, *_ in api.asked} == {"GET"} and {what for _, what, _ in api.asked} == {"pods", "namespaces"}
    assert [query["limit"] for _, what, query in api.asked if what == "pods"] == ["500"] * 3
    replay.run(labelled, args=("--live", "--kubeconfig", config, "--fail-on", "over-quota"), status=1)


@pytest.mark.parametrize("new, against, kinds", [
    (policy(1), None, {"pods"}),
    (policy(1, T4), None, {"pods", "nodes"}),
    (policy(1), policy(1, T4), {"pods", "nodes"}),
    (policy(1), policy(1, doc("Tenant", "x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 1}])), {"pods", "namespaces"}),
])
def test_live_lists_what_a_policy_reads(replay, api, tmp_path, new, against, kinds):
    api.put("pods", exists("p"))
    replay(new, against=against, args=("--live", "--kubeconfig", api.kubeconfig(tmp_path)))
    assert {what for _, what, _ in api.asked} == kinds


def test_live_without_a_cluster(replay, api, tmp_path):
    config = api.kubeconfig(tmp_path)
    api.expired = True
    for i in range(501):
        api.put("pods", exists(f"p{i}"))
    assert "Expired" in replay.fails(policy(1), args=("--live", "--kubeconfig", config))
    api.forbidden = {"pods", "nodes", "namespaces"}
    by_labels = doc("Tenant", "x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 1}])
    for more, against, kinds in (((), None, "pods"), ((T4,), None, "nodes and pods"), ((), policy(1, T4), "nodes and pods"),
                                 ((T4, by_labels), None, "namespaces, nodes and pods")):
        assert replay.fails(policy(1, *more), args=("--live", "--kubeconfig", config), against=against).endswith(
            f"; a ClusterRole that allows `list` of {kinds} lets this user replay them")
    api.close()
    assert replay.fails(policy(1), args=("--live", "--kubeconfig", config))
    assert "/none" in replay.fails(policy(1), args=("--live", "--kubeconfig", "/none"))
