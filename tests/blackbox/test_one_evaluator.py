"""One evaluator: `serve`, `test`, `explain`, and `replay` decide the same about a sequence of
generated reviews: the same verdict, sentence, warnings, patch, and usage."""

import json
import random
import shutil
from collections import Counter

import pytest
from hypothesis import Phase, assume, given, seed, settings, strategies as st

import kube
from gpugate import Server, run, scaled, write_policy
from kube import GPU, SHARED, doc, namespace_doc, pod
from test_explain import explain
from test_properties import MIG1, pods, policies
from test_replay import NONE, Replay, jsonl, lines
from test_suites import Suites, charges_of, play

AMD = "amd.com/gpu.shared"
USERS = (kube.ADMIN, kube.ADMIN, ("operator", ["system:authenticated"]), ("bob", ["gpu-admins", "system:authenticated"]), kube.CONTROLLER)
NAMESPACES = ["team-a", "team-a", "team-b", "team-b", "labelled", "warned", "nowhere", "exempt"]
# Tenants of policies() have no limits. These have few devices, lend, and have a parent.
LIMITS = [
    doc("Settings", "s", untenanted="warn", exempt={"users": ["operator"], "namespaces": ["exempt"]}),
    doc("Tenant", "org", quotas=[{"name": "gpus", "measure": "gpus", "hard": 7}, {"name": "memory", "measure": "memory", "hard": "6000Gi"}]),
    doc("Tenant", "team-a", parent="org", namespaces=["team-a"], cohort="c", borrowing={"gpus": {"borrowUpTo": 3}},
        quotas=[{"name": "gpus", "measure": "gpus", "hard": 2}, {"name": "slices", "resources": [MIG1], "hard": 3}]),
    doc("Tenant", "team-b", parent="org", namespaces=["team-b"], cohort="c", borrowing={"gpus": {"borrowUpTo": 2, "lendUpTo": 2}},
        quotas=[{"name": "gpus", "measure": "gpus", "hard": 3}, {"name": "shared", "resources": [SHARED, AMD], "hard": 4}]),
    doc("Tenant", "labelled", parent="org", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "all", "hard": 3}]),
    doc("Tenant", "warned", namespaces=["warned"], enforcement="warn", quotas=[{"name": "all", "hard": 2}]),
    namespace_doc("labelled", t="x"),
    doc("Rule", "slices", match={"podSelector": {"matchLabels": {"tier": "small"}}},
        rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": "annotation:memory"}}]),
    doc("Guard", "visible", deny=["visibleDevicesEnv"], exempt={"groups": ["gpu-admins"], "namespaces": ["team-b"]}),
]
QUOTAS = [(d["metadata"]["name"], q["name"], q.get("measure", "count")) for d in LIMITS if d["kind"] == "Tenant" for q in d["spec"]["quotas"]]
TOO_MANY = 99
LIMITED = ["team-a", "team-b", "labelled", "warned"]


PLAIN = [pod({name: many}) for name, many in ((GPU, 1), (GPU, 2), (GPU, 3), (MIG1, 2), (SHARED, 3), (AMD, 2), ("amd.com/gpu", 2))]
PLAIN += [pod({GPU: 1}, labels={"tier": "small"}, annotations={"memory": memory}) for memory in ("10Gi", "30Gi", "junk")]
CREATIONS, ENDS = scaled((48, 12), (16, 4))


@st.composite
def sequences(draw):
    """Returns a policy, and actions for play(). Each Pod is asked for several times, by several
    users in several namespaces. Its parts are generated, and their order is random."""
    policy = [d for d in draw(policies()) if d["kind"] != "Tenant"] + LIMITS
    some = PLAIN + draw(st.lists(pods(), min_size=8, max_size=8))
    chance = random.Random(draw(st.integers(0, 1 << 32)))
    verbs = [chance.choice(["create"] * 7 + ["try"]) for _ in range(CREATIONS)] + [chance.choice(["delete", "finish"]) for _ in range(ENDS)]
    chance.shuffle(verbs)
    actions = []
    for verb in verbs:
        obj = chance.choice(some)
        actions.append((verb, {**obj, "metadata": {**obj["metadata"], "namespace": chance.choice(NAMESPACES)}}, chance.randrange(100)))
    # The refusals of the last ones say what is used.
    return policy, actions + [("try", pod({AMD: TOO_MANY}, namespace=name), 0) for name in LIMITED]


def runs_of(steps, before):
    """Yields creations that follow each other, and the Pods that held quota before the first. What
    a dry run admits is held by `explain`, so it is the last of its run."""
    some, held = [], []
    for step, pods_before in zip(steps, before, strict=True):
        if "create" not in step:
            if some:
                yield some, held
            some = []
            continue
        held = held if some else pods_before
        some.append(step)
        if step["dryRun"]:
            yield some, held
            some = []
    if some:
        yield some, held


def check_explain(policy, some, held, folder):
    """All Pods of a run are in one file, as reviews, which name their users."""
    usage = folder / "usage.json"
    usage.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": held}))
    reviews = "\n".join(json.dumps(kube.review(s["create"], user=(s["as"]["user"], s["as"]["groups"]), dry_run=s["dryRun"])) for s in some)
    told = explain(policy, reviews, "--usage", usage, tmp_path=folder)
    assert len(told) == len(some)
    for step, each in zip(some, told, strict=True):
        expect = {key: value for key, value in step["expect"].items() if key != "usage"}
        admitted = each["verdict"] == "admitted"
        says = {"allowed": admitted, "message": each["message"], "patch": each["patch"],
                "charges": charges_of(each["charges"] or "") if admitted else {},
                "warnings": [o["message"] for o in each["objections"] if o["enforcement"] == "warn"]}
        assert {key: says[key] for key in expect} == expect, step


def check_replay(policy, recording, steps, held, folder):
    replay = Replay(folder)
    recorded = lines(recording)
    for against in (None, policy):
        report = replay(policy, recording, against=against)
        # What a tenant is only warned about is no difference.
        assert report["counts"] == NONE | {"would-be-refused": report["counts"]["would-be-refused"]}, report["counts"]
        assert all(difference["changes"] == ["would-be-refused"] for difference in report["differences"]), report
        assert report["reviews"] == len(recorded) and report["ends"] == sum("create" not in step for step in steps)
    # It compares: another sentence, verdict, or patch is a difference.
    for line in reversed(recorded):
        if not line["response"]["allowed"]:
            line["response"]["message"] += "."
            assert replay(policy, replay.file("changed.jsonl", jsonl(recorded)))["counts"] == report["counts"] | {"reworded": 1}
            break
    # Of Pods that exist, it reports what exceeds a quota, which here is all that is used.
    nothing = [json.loads(json.dumps(d)) for d in policy]
    for tenant in (d for d in nothing if d["kind"] == "Tenant"):
        tenant["spec"].pop("borrowing", None)
        for quota in tenant["spec"]["quotas"]:
            quota["hard"] = 0
    exist = replay.file("exist.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": held}))
    used = {f"{q['tenant']}/{q['quota']}": q["used"] for q in (replay(nothing, exist)["quotas"] if held else [])}
    assert used == {quota: amount for quota, amount in steps[-1]["expect"]["usage"].items() if amount != "0"}


def count(found, steps, recording):
    """Notes what the sequences have tried."""
    creations = [step for step in steps if "create" in step]
    messages = [step["expect"].get("message", "") for step in creations]
    found["reviews"] += len(creations)
    found["calls"] += len(lines(recording))
    found["ends"] += len(steps) - len(creations)
    found["dry runs"] += sum(step["dryRun"] for step in creations)
    found["refused"] += sum(map(bool, messages))
    found["for quota"] += sum(f"requested {TOO_MANY}," not in m and m.startswith(("exceeded quota", "can never fit")) for m in messages)
    found["borrowed"] += sum(" borrowed" in m for m in messages)
    found["patched"] += sum(bool(step["expect"].get("patch")) for step in creations)
    found["slices"] += sum("mig-" in json.dumps(step["expect"].get("patch", "")) for step in creations)
    found["warned"] += sum(bool(step["expect"].get("warnings")) for step in creations)
    found["usage said"] += sum(f"requested {TOO_MANY}, used " in m for m in messages)


@pytest.mark.parametrize("part", range(4))
def test_four_commands_decide_alike(tmp_path, part):
    """At least 1,000 reviews in all parts go through each of the four."""
    found = Counter()

    # Without shrinking, which takes minutes. What fails names its step. The sequences of a part are
    # always the same, so that none lacks by chance what is asserted below.
    @seed(part)
    @settings(max_examples=scaled(5, 2), phases=[Phase.generate])
    @given(sequences())
    def compare(sequence):
        policy, actions = sequence
        folder = tmp_path / str(found["sequences"])
        shutil.rmtree(folder, ignore_errors=True)
        recording = folder / "recording"
        recording.mkdir(parents=True)
        server = Server(write_policy(folder / "served", policy), "--record", recording, start=False)
        assume(run("lint", server.policy).returncode == 0)
        server.start()
        try:
            steps, before = play(server, actions, QUOTAS, USERS)
        finally:
            server.stop()
        suites = Suites(folder)
        write_policy(suites.policy, policy)
        assert suites.steps(*steps) == ["passed"] * len(steps)
        for some, held in runs_of(steps, before):
            check_explain(suites.policy, some, held, folder)
        check_replay(policy, recording, steps, before[-1], folder)
        count(found, steps, recording)
        found["sequences"] += 1

    compare()
    assert found["reviews"] == found["sequences"] * (CREATIONS + len(LIMITED)) and found["reviews"] >= scaled(250, 40)
    assert found["refused"] > found["reviews"] / 10
    for what in ("for quota", "borrowed", "slices", "warned", "dry runs", "ends", "usage said"):
        assert found[what], (what, found)
