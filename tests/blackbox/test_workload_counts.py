"""How many Pods a workload has, and whether its rollout needs one more, is one number: that of
`gpugate explain`, of `gpugate lint`, and of the warning when it is applied."""

import copy
import json
import random
import re

import pytest

import kube
from gpugate import Server, run, write_policy
from kube import GPU, doc, pod
from test_early_answers import FITS, KINDS, ROLLOUT, ask, fill, put, workload

CASES = 60
PARTS = [0, 1, 2, 3, "0%", "1%", "24%", "25%", "26%", "34%", "50%", "100%", None]


def rolling(chance):
    """Returns a rolling update that an API server accepts, mostly."""
    some = {"maxSurge": chance.choice(PARTS), "maxUnavailable": chance.choice(PARTS + [0] * 12)}
    return {key: value for key, value in some.items() if value is not None}


def strategy(kind, chance):
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    kinds = {"Deployment": ["Recreate", "RollingUpdate", None], "StatefulSet": ["OnDelete", "RollingUpdate", None], "DaemonSet": ["OnDelete", "RollingUpdate", None]}
    if kind not in kinds or chance.random() < 0.2:
        return {}
    name = chance.choice(kinds[kind])
    out = {"type": name} if name else {}
    if name in ("RollingUpdate", None) and kind != "StatefulSet":
        out["rollingUpdate"] = rolling(chance)
    return {field: out}


def make(number, chance):
    """Returns a workload in a namespace of its own, and what the quota of the tenant is."""
    kind = chance.choice([*KINDS, *["Deployment", "DaemonSet"] * 3])
    count = chance.choice([0, 1, 1, 2, 3, 4, 5, 7])
    more = strategy(kind, chance)
    if kind == "Deployment" and chance.random() < 0.1:
        more["paused"] = True
    if kind == "Job" and chance.random() < 0.5:
        more["completions"] = chance.choice([1, 2, 3, 9])
    if kind == "CronJob":
        more["schedule"] = "0 * * * *"
    obj = workload(kind, pod({GPU: 1}), count, namespace=f"n{number}", **more)
    del obj["status"]
    return obj, max(1, count + chance.choice([-2, -1, 0, 0, 0, 1]))


def exist(obj, count):
    """Returns the Pods that the workload has."""
    owner = ("ReplicaSet", "w-5b") if obj["kind"] == "Deployment" else (obj["kind"], "w")
    some = []
    for i in range(count):
        one = kube.persisted(pod({GPU: 1}, name=f"p{i}", namespace=obj["metadata"]["namespace"], labels={"pod-template-hash": "5b"}),
                             uid=f"{obj['metadata']['namespace']}-{i}")
        one["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": owner[0], "name": owner[1], "uid": "u", "controller": True}]
        some.append(one | {"status": {"phase": "Running"}})
    return some


def explained(policy, folder, objects, held):
    for name, some in (("objects", objects), ("usage", held)):
        (folder / f"{name}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": some}))
    done = run("explain", "-f", folder / "objects.json", "--policy", policy, "--usage", folder / "usage.json", "-o", "json")
    assert done.returncode in (0, 1), done
    return {one["namespace"]: one for one in json.loads(done.stdout)["objects"]}


def linted(policy, folder):
    """{namespace: {id: text}}"""
    done = run("lint", "--policy", policy, "-o", "json", folder / "manifests")
    found = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["file"].rsplit("/", 1)[1].removesuffix(".json"), {})[finding["id"]] = finding["text"]
    return found


@pytest.fixture(name="cases", params=[1, 2, 3, 4])
def _cases(request, tmp_path):
    chance = random.Random(request.param)
    some = [make(number, chance) for number in range(CASES)]
    (tmp_path / "manifests").mkdir()
    for obj, _ in some:
        (tmp_path / "manifests" / f"{obj['metadata']['namespace']}.json").write_text(json.dumps(obj))
    documents = [doc("Tenant", obj["metadata"]["namespace"], namespaces=[obj["metadata"]["namespace"]], quotas=[{"name": "q", "hard": hard}]) for obj, hard in some]
    return tmp_path, write_policy(tmp_path / "policy", documents), documents, some


def test_where_nothing_exists(cases):
    folder, policy, documents, some = cases
    told, found = explained(policy, folder, [obj for obj, _ in some], []), linted(policy, folder)
    server = Server(documents)
    seen = {True: 0, False: 0}
    try:
        for obj, hard in some:
            name = obj["metadata"]["namespace"]
            one = told[name]
            warned = [FITS.match(warning) for warning in ask(server, obj).warnings]
            fewer = found.get(name, {}).get("replicas-above-quota")
            assert bool(warned) == bool(fewer) == (one["verdict"] == "refused") == (one["pods"] > hard), (obj, hard, one, warned, fewer)
            if fewer:
                numbers = (one["fits"], one["pods"])
                assert numbers == tuple(map(int, warned[0].groups()[:2])) == tuple(map(int, re.search(r"only (\d+) of (\d+) Pods fit", fewer).groups())), obj
            seen[bool(fewer)] += 1
    finally:
        server.stop()
    assert all(seen.values()), seen


def test_while_pods_are_replaced(cases):
    folder, policy, documents, some = cases
    counts = {}
    for obj, _ in some:
        wanted = {"DaemonSet": 1}.get(obj["kind"], obj["spec"].get("replicas", 0))
        counts[obj["metadata"]["namespace"]] = wanted
    some = [(obj, hard) for obj, hard in some if obj["kind"] in ("Deployment", "StatefulSet", "DaemonSet") and 0 < counts[obj["metadata"]["namespace"]] <= hard]
    held = [one for obj, _ in some for one in exist(obj, counts[obj["metadata"]["namespace"]])]
    told, found = explained(policy, folder, [obj for obj, _ in some], held), linted(policy, folder)
    server = Server(documents)
    seen = {True: 0, False: 0}
    try:
        for obj, hard in some:
            name = obj["metadata"]["namespace"]
            fill(server, counts[name], namespace=name)
            field = "currentNumberScheduled" if obj["kind"] == "DaemonSet" else "replicas"
            before = copy.deepcopy(obj) | {"status": {field: counts[name]}}
            after = copy.deepcopy(before)
            put(after, KINDS[obj["kind"]][2] + ".metadata.annotations", {"restarted": "now"})
            warnings = ask(server, after, before).warnings
            stuck = "surge-above-quota" in found.get(name, {})
            remedies = [remedy["kind"] for remedy in told[name].get("remedies", [])]
            rollout = ROLLOUT.replace("strategy.rollingUpdate", "updateStrategy.rollingUpdate") if obj["kind"] == "DaemonSet" else ROLLOUT
            assert stuck == (rollout in warnings) == ("rollout" in remedies) == (told[name]["verdict"] == "refused"), (obj, hard, warnings, told[name])
            if stuck:
                fits, pods, _, surge, replaced = (int(number) for number in FITS.match(warnings[0]).groups()[:5])
                assert (fits, pods, surge, replaced) == tuple(told[name][key] for key in ("fits", "pods", "surge", "replaces")), obj
            seen[stuck] += 1
    finally:
        server.stop()
    assert all(seen.values()), seen



@pytest.mark.parametrize("unavailable", [0, 1])
def test_many_pods(tmp_path, unavailable):
    """More than a thousand are counted as well, and are not taken for a rollout that is stuck."""
    obj = workload("Deployment", pod({GPU: 1}), 1500, strategy={"rollingUpdate": {"maxUnavailable": unavailable}})
    del obj["status"]
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "team-a.json").write_text(json.dumps(obj))
    for hard, wanted in ((1200, {"replicas-above-quota"}), (1500, set() if unavailable else {"surge-above-quota"}), (1501, set())):
        policy = write_policy(tmp_path / f"policy-{hard}", [doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": hard}])])
        found = linted(policy, tmp_path).get("team-a", {})
        assert {name for name in found if name.endswith("above-quota")} == wanted, found
        assert hard > 1200 or "only 1200 of 1500 Pods fit" in found["replicas-above-quota"]
