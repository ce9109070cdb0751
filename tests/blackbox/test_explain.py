"""`gpugate explain`: the verdict, the message, and the patch are those of the webhook, and the
explanation is true."""

import copy
import json
import os
import re
import socket
import subprocess

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import kube
from gpugate import BINARY, ROOT, Server, run, scaled, write_policy
from kube import GPU, SHARED, container, doc, namespace_doc, pod
from test_properties import BASE, pods, policies, questions

FLEET = [
    doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={"model": "a100"}, sharing={"resource": SHARED, "replicas": 4}),
    doc("Accelerator", "t4", resource=GPU, memory="16Gi", weight="0.25", nodeLabels={"model": "t4"}),
]
ORG = [
    doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 6}]),
    doc("Tenant", "team-a", parent="org", namespaces=["team-a", "team-a-*"],
        quotas=[{"name": "gpus", "resources": [GPU], "hard": 4}, {"name": "shares", "resources": [SHARED], "hard": 8}]),
]
LIMITED = [
    doc("Tenant", "team-a", namespaces=["team-a"], cohort="c", quotas=[{"name": "all", "measure": "gpus", "hard": 2}, {"name": "n", "hard": 5}],
        borrowing={"all": {"borrowUpTo": 3}}),
    doc("Tenant", "team-b", namespaces=["team-b"], cohort="c", quotas=[{"name": "all", "measure": "gpus", "hard": 3}]),
]


class _Written(yaml.SafeDumper):
    """Without anchors, as people and kubectl write YAML."""

    def ignore_aliases(self, data):
        return True


# PyYAML takes these for texts, kubectl for booleans.
_Written.add_representer(str, lambda self, text: self.represent_scalar("tag:yaml.org,2002:str", text, "'" if text.lower() in ("y", "n") else None))


def explain(policy, objects, *args, tmp_path, status=None, text=False):
    """Returns the explanations of the objects, or standard output if `text` is true. Checks that
    the exit status agrees with them."""
    folder = policy if not isinstance(policy, list) else write_policy(tmp_path / "policy", policy)
    file = tmp_path / "objects.yaml"
    file.write_text(objects if isinstance(objects, str) else yaml.dump_all(objects, Dumper=_Written, sort_keys=False))
    done = run("explain", "-f", file, "--policy", folder, *(() if text else ("-o", "json")), *args)
    if status is not None:
        assert done.returncode == status, (done.stdout, done.stderr)
    if text or done.returncode == 2:
        return done.stdout if text else done.stderr
    whole = json.loads(done.stdout)
    assert done.returncode == (1 if any(o["verdict"] == "refused" for o in whole["objects"]) else 0)
    return whole["objects"]


@pytest.fixture(name="tell")
def _tell(tmp_path):
    return lambda *args, **how: explain(*args, tmp_path=tmp_path, **how)


def said(decision):
    return decision.allowed, decision.message, [w for w in decision.warnings]


def compare(server, some, tmp_path):
    """Sends the Pods through `serve`, which holds what it admits, and as one file to `explain`."""
    explained = explain(server.policy, some, "--as", kube.ADMIN[0], tmp_path=tmp_path)
    assert len(explained) == len(some)
    for obj, told in zip(some, explained, strict=True):
        first = server.mutate(obj)
        final = server.admit(obj)[0] if first.allowed else first
        assert (told["verdict"] == "admitted") == final.allowed, (obj, told, final)
        assert (told["message"] or "") == final.message, (obj, told, final)
        assert told["patch"] == first.patch, (obj, told, first)
        warnings = [o["message"] for o in told["objections"] if o["enforcement"] == "warn"]
        assert sum(map(len, warnings)) > 4096 or warnings == [*first.warnings, *(final.warnings if final is not first else [])], (obj, told, first, final)
        assert told["charges"] == final.audit.get("charge", "") or not final.allowed, (obj, told, final)


@settings(max_examples=scaled(25, 4), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies(), st.lists(pods(), min_size=scaled(12, 6), max_size=scaled(12, 6)), st.booleans())
def test_is_what_serve_says(tmp_path, policy, some, limited):
    """With generated Pods and policies, the verdict, message, warnings, patch, and charge are those
    of the webhook, byte for byte."""
    if limited:
        policy = [d for d in policy if d["kind"] != "Tenant"] + LIMITED
    server = Server(policy, start=False)
    assume(run("lint", server.policy).returncode == 0)
    server.start()
    try:
        compare(server, some, tmp_path)
    finally:
        server.stop()


def test_is_what_serve_says_of_hard_cases(tmp_path):
    """The same for two tenants, labels of namespaces, Guards, memory, and warnings."""
    server = Server(BASE)
    try:
        compare(server, questions(), tmp_path)
    finally:
        server.stop()


def test_tenants(tell, tmp_path):
    labelled = [*FLEET, doc("Tenant", "x", namespaceSelector={"matchLabels": {"t": "x"}}, quotas=[{"name": "q", "hard": 1}])]
    assert tell([*FLEET, *ORG], [pod({GPU: 1})], status=0)[0]["tenant"]["claim"] == "name"
    tenant = tell([*FLEET, *ORG], [pod({GPU: 1}, namespace="team-a-dev")], status=0)[0]["tenant"]
    assert (tenant["name"], tenant["claim"], tenant["pattern"]) == ("team-a", "glob", "team-a-*") and tenant["at"].endswith("policy.yaml:38")
    assert tell(labelled, [pod({GPU: 1}, namespace="n")], status=1)[0]["tenant"] == {"name": None, "claim": "none", "labels": None}
    # Labels of a namespace come from the manifests, from the cluster, or from the policy itself.
    assert tell(labelled, [namespace_doc("n", t="x"), pod({GPU: 1}, namespace="n")], status=0)[0]["tenant"]["claim"] == "selector"
    assert tell([*labelled, namespace_doc("n", t="x")], [pod({GPU: 1}, namespace="n")], status=0)[0]["tenant"]["labels"] == {"t": "x"}
    (tmp_path / "usage.yaml").write_text(json.dumps(namespace_doc("n", t="x", u="y")))
    assert tell(labelled, [pod({GPU: 1}, namespace="n")], "--usage", tmp_path / "usage.yaml", status=0)[0]["tenant"]["labels"] == {"t": "x", "u": "y"}


def test_groups(tell):
    """Whose group is admitted only as a whole, and how many Pods it has, which the object says."""
    gangs = [*FLEET, *ORG, doc("Rule", "audited", order=1, gangs="allOrNothing", enforcement="audit"),
             doc("Rule", "whole", match={"namespaces": ["team-a"]}, gangs="allOrNothing", gangSeconds=60)]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "team-a"},
           "spec": {"parallelism": 5, "template": {"spec": pod({GPU: 1})["spec"]}}}
    told = tell(gangs, [job], status=1)[0]
    assert told["gang"].pop("at").endswith("policy.yaml:66")
    assert told["gang"] == {"rule": "whole", "seconds": 60, "group": "Job.batch/j", "pods": 5, "whole": True}
    assert [rule["outcome"] for rule in told["rules"]] == ["satisfied", "satisfied"]
    never = 'can never fit: GPU quota "gpus" of tenant "team-a": requested 5 (1 by this Pod, 4 by the Pods of its group that are still to come; '
    assert (told["fits"], told["pods"]) == (0, 5) and told["message"].startswith(never)
    text = tell(gangs, [job], text=True)
    assert 'its Pods are refused; 0 of 5 Pods fit now, and none is admitted before its whole group fits (Rule "whole")\n' in text
    assert "The job-controller cannot create these Pods." in text and "wait until" not in text
    assert re.search(r"\n  group    Job.batch/j of 5 Pods: Rule whole admits a Pod only if the Pods of its group that are still to come fit as well "
                     r"\(.*policy.yaml:66\)\n", text), text
    assert "team-a/gpus: 0 used + 1 requested + 4 for the rest of its group = 5 of 4: exceeded by 1" in text
    # As none of them is created, they hold nothing. Those that are created hold what was reserved.
    small = {**job, "metadata": {"name": "k", "namespace": "team-a"}, "spec": {**job["spec"], "parallelism": 4}}
    assert [(one["verdict"], one["fits"]) for one in tell(gangs, [job, small])] == [("refused", 0), ("admitted", 4)]
    told = tell(gangs, [small, {**small, "metadata": {"name": "l", "namespace": "team-a"}}])
    assert [(one["verdict"], one["fits"]) for one in told] == [("admitted", 4), ("refused", 0)]
    assert told[1]["message"].startswith('exceeded quota: GPU quota "gpus" of tenant "team-a": requested 4 (1 by this Pod, 3 by the Pods of its group')
    wait = next(one for one in told[1]["remedies"] if one["kind"] == "holders")
    assert (wait["needed"], [holder["pods"] for holder in wait["holders"]]) == ("4", [4])
    # What the Pods could request instead is tried with the whole group.
    wide = {**small, "spec": {"parallelism": 2, "template": {"spec": pod({GPU: 3})["spec"]}}}
    text = tell(gangs, [wide], text=True)
    assert 'request 2 nvidia.com/gpu instead of 3 in container "main": a group of such Pods fits now' in text, text
    # Pods that say the size of their group are decided as the group.
    job["spec"]["template"]["metadata"] = {"labels": {"kueue.x-k8s.io/pod-group-name": "g"}, "annotations": {"kueue.x-k8s.io/pod-group-total-count": "5"}}
    told = tell(gangs, [job], status=1)[0]
    assert told["fits"] == 0 and told["message"].startswith(never) and told["gang"]["group"] == "Workload.kueue.x-k8s.io/g"
    # A Job with one Pod, and a DaemonSet, have no others to wait for.
    template = {"spec": pod({GPU: 1})["spec"]}
    one = {**job, "spec": {"parallelism": 1, "template": template}}
    daemons = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "namespace": "team-a"}, "spec": {"template": template}}
    held = pod({GPU: 4})
    for lonely, controller in ((one, "job"), (daemons, "daemon-set")):
        assert tell(gangs, [held, lonely], status=1)[1]["gang"]["alone"]
        text = tell(gangs, [held, lonely], text=True)
        assert "group fit" not in text and f"The {controller}-controller creates the Pods that are admitted" in text, text
        assert re.search(r"fit as well; this Pod is (the only one|in no group) \(", text), text
    # Not of a Pod that counts nothing, of one that the Rule is not for, or without such a Rule.
    for policy, one in ((gangs, pod()), (gangs, pod({GPU: 1}, namespace="team-a-dev")), ([*FLEET, *ORG], pod({GPU: 1}))):
        assert "gang" not in tell(policy, [one], status=0)[0] and "group " not in tell(policy, [one], text=True)


@pytest.mark.parametrize("kind", ["StatefulSet", "ReplicaSet", "Deployment", "CronJob", "JobSet", "LeaderWorkerSet", "PodGroup"])
def test_groups_of_each_kind(tell, tmp_path, kind):
    """Six Pods that are one group, or two groups of three; a quota for four."""
    policy = [*FLEET, *ORG, doc("Rule", "whole", match={}, gangs="allOrNothing"),
              doc("Settings", "s", workloads=["jobsets.jobset.x-k8s.io", "leaderworkersets.leaderworkerset.x-k8s.io"])]
    template = {"spec": pod({GPU: 1})["spec"]}
    job = {"parallelism": 3, "template": template}
    labelled = {"labels": {"scheduling.x-k8s.io/pod-group": "g"}}
    shapes = {
        "StatefulSet": ("apps/v1", {"replicas": 6, "template": template}),
        "ReplicaSet": ("apps/v1", {"replicas": 6, "template": template}),
        "Deployment": ("apps/v1", {"replicas": 6, "template": template}),
        "CronJob": ("batch/v1", {"jobTemplate": {"spec": {**job, "parallelism": 6}}}),
        "JobSet": ("jobset.x-k8s.io/v1alpha2", {"replicatedJobs": [{"name": name, "replicas": 1, "template": {"spec": job}} for name in "ab"]}),
        "LeaderWorkerSet": ("leaderworkerset.x-k8s.io/v1", {"replicas": 2, "leaderWorkerTemplate": {"size": 3, "workerTemplate": template}}),
        "PodGroup": ("batch/v1", {"parallelism": 6, "template": {**template, "metadata": labelled}}),
    }
    version, spec = shapes[kind]
    group = {"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": {"name": "g", "namespace": "team-a"}, "spec": {"minMember": 6}}
    obj = {"apiVersion": version, "kind": "Job" if kind == "PodGroup" else kind, "metadata": {"name": "w", "namespace": "team-a"}, "spec": spec}
    told = tell(policy, [group, obj] if kind == "PodGroup" else [obj], status=1)
    size, fits = (3, [1, 2]) if kind == "LeaderWorkerSet" else (6, [0] * len(told))
    assert [one["fits"] for one in told] == fits and all(one["gang"]["whole"] for one in told), told
    assert f"requested {size} (1 by this Pod, {size - 1} by the Pods of its group" in told[0]["message"], told[0]["message"]
    # Without what says how many there are, each is decided alone.
    if kind == "PodGroup":
        alone = tell(policy, [obj], status=1)[0]
        assert alone["fits"] == 4 and alone["gang"]["decidedAlone"] == "sizeNotKnown"
        assert "; this Pod is decided alone, because nothing here says how many Pods its group has (" in tell(policy, [obj], text=True)
        (tmp_path / "usage.yaml").write_text(json.dumps(group))
        assert tell(policy, [obj], "--usage", tmp_path / "usage.yaml", status=1)[0]["fits"] == 0


def test_groups_of_different_objects(tell, tmp_path):
    """Objects may have the same name, or none yet, also in `gpugate test` and `replay`."""
    policy = [*FLEET, *ORG, doc("Rule", "whole", match={}, gangs="allOrNothing")]
    template = {"spec": pod({GPU: 1})["spec"]}

    def made(kind, version, spec, **metadata):
        return {"apiVersion": version, "kind": kind, "metadata": {"namespace": "team-a", **(metadata or {"name": "train"})}, "spec": spec}

    def job(pods, **metadata):
        return made("Job", "batch/v1", {"parallelism": pods, "template": template}, **metadata)

    pairs = [(job(2), made("CronJob", "batch/v1", {"jobTemplate": {"spec": job(3)["spec"]}})),
             (made("Deployment", "apps/v1", {"replicas": 2, "template": template}), made("ReplicaSet", "apps/v1", {"replicas": 3, "template": template})),
             (job(2, generateName="train-"), job(3, generateName="train-"))]
    for first, second in pairs:
        told = tell(policy, [first, second])
        assert [(one["verdict"], one["fits"]) for one in told] == [("admitted", 2), ("refused", 0)], told
        assert "requested 3 (1 by this Pod, 2 by the Pods of its group" in told[1]["message"]
        assert told[0]["gang"]["group"].endswith(("/train", "/train-")), told[0]["gang"]
        # Those that a Job has already are others than those of a CronJob.
        folder = tmp_path / first["kind"] / str(len(list(tmp_path.iterdir())))
        write_policy(folder / "policy", policy)
        for name, obj in (("1.yaml", first), ("2.yaml", second)):
            (folder / "objects").mkdir(parents=True, exist_ok=True)
            (folder / "objects" / name).write_text(json.dumps(obj))
        report = json.loads(run("replay", "--policy", folder / "policy", folder / "objects", "-o", "json").stdout)
        assert report["counts"]["newly-refused"] == 3, report["counts"]
        suite = {"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "a"}, "spec": {"policy": "policy", "steps": [
            {"file": f"objects/{name}", "expect": expect} for name, expect in (
                ("1.yaml", {"allowed": True, "usage": {"team-a/gpus": 2}}), ("2.yaml", {"allowed": False, "usage": {"team-a/gpus": 2}}),
                ("1.yaml", {"allowed": True, "usage": {"team-a/gpus": 4}}), ("1.yaml", {"allowed": False, "usage": {"team-a/gpus": 4}}))]}}
        (folder / "a.suite.yaml").write_text(json.dumps(suite))
        done = run("test", folder / "a.suite.yaml")
        assert done.returncode == 0, done.stdout


def test_groups_that_have_no_pods_now_or_fewer(tell, tmp_path):
    policy = [*FLEET, *ORG, doc("Rule", "whole", match={}, gangs="allOrNothing")]
    template = {"spec": pod({GPU: 1})["spec"]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train", "namespace": "team-a"}, "spec": {"template": template}}
    # When it is resumed, as by Kueue, its Pods are a group.
    told = tell(policy, [{**job, "spec": {"parallelism": 5, "suspend": True, "template": template}}], status=1)[0]
    text = tell(policy, [{**job, "spec": {"parallelism": 4, "suspend": True, "template": template}}], text=True)
    assert text.splitlines()[0].endswith(": admitted; there are none now"), text
    assert told["pods"] == 0 and "requested 5 (1 by this Pod, 4 by the Pods" in told["message"], told["message"]
    # Pods that have succeeded are not created again.
    told = tell(policy, [{**job, "spec": {"parallelism": 5, "completions": 5, "template": template}, "status": {"succeeded": 2}}], status=0)[0]
    assert (told["pods"], told["fits"], told["gang"]["pods"]) == (3, 3, 3)
    # serve does not read what is that large.
    large = {**job, "metadata": {**job["metadata"], "annotations": {"a": "x" * (600 << 10)}}, "spec": {"parallelism": 2, "template": template}}
    told = tell(policy, [large], status=1)[0]
    assert "is larger than 512 KiB" in told["message"] and "decidedAlone" not in told["gang"], told
    # One that a rollout has in addition is not refused as a group.
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "team-a"}, "spec": {
        "replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, "template": template}}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w-1", "uid": "u", "controller": True}
    existing = [{**pod({GPU: 1}), "metadata": {"name": f"w-1-{i}", "namespace": "team-a", "uid": f"u{i}", "ownerReferences": [owner],
                                               "labels": {"pod-template-hash": "1"}}} for i in range(4)]
    (tmp_path / "usage.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": existing}))
    text = tell(policy, [deployment], "--usage", tmp_path / "usage.json", text=True)
    assert "4 of 5 Pods fit now (4, and 1 more during a rollout), in place of 4 that exist;" in text and "group fit" not in text, text


def test_lint_decides_each_replica_of_a_leader_worker_set(tmp_path):
    policy = [*FLEET, *ORG, doc("Rule", "whole", match={}, gangs="allOrNothing"), doc("Settings", "s", workloads=["leaderworkersets.leaderworkerset.x-k8s.io"])]
    workers = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "metadata": {"name": "w", "namespace": "team-a"},
               "spec": {"replicas": 2, "leaderWorkerTemplate": {"size": 3, "workerTemplate": {"spec": pod({GPU: 1})["spec"]}}}}
    (tmp_path / "workers.yaml").write_text(yaml.safe_dump(workers))
    done = run("lint", "--policy", write_policy(tmp_path / "policy", policy), tmp_path / "workers.yaml")
    assert "requested 3 (1 by this Pod, 2 by the Pods of its group" in done.stdout, done.stdout


def test_standard_input_is_read_once(tmp_path):
    (tmp_path / "policy.yaml").write_text(json.dumps(doc("Settings", "s")))
    for usage in (["-"], ["x", "-"], ["-", "-"]):
        args = [text for each in usage for text in ("--usage", each)]
        done = run("explain", "-f", "-", *args, "--policy", tmp_path)
        assert (done.returncode, done.stdout) == (2, "") and "standard input can be read only once; leave out the second -" in done.stderr


def test_the_namespace_and_the_creator(tell):
    policy = [doc("Settings", "s", exempt={"users": ["root", "system:serviceaccount:kube-system:job-controller"], "groups": ["admins"]}), *FLEET, *ORG]
    nameless = pod({GPU: 1})
    del nameless["metadata"]["namespace"]
    assert tell(policy, [nameless], status=1)[0]["namespace"] == "default"
    assert tell(policy, [nameless], "-n", "team-a", status=0)[0]["tenant"]["name"] == "team-a"
    told = tell(policy, [nameless], "--as", "root", status=0)[0]
    assert told["exempt"]["by"] == "user" and told["exempt"]["value"] == "root" and "tenant" not in told
    assert tell(policy, [nameless], "--as", "x", "--as-group", "admins", status=0)[0]["exempt"]["by"] == "group"
    assert tell(policy, [nameless], "--as-group", "admins", status=2) == (
        "gpugate explain: --as-group needs --as, which names the user who is in the group\nTry `gpugate explain --help`.\n")
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": nameless["spec"]}}}
    assert tell(policy, [job], status=0)[0]["exempt"]["value"].endswith("job-controller")
    assert tell(policy, [job], "--as", "x", status=1)[0]["user"] == "x"


def test_rules_and_changes(tell):
    policy = [*FLEET, *ORG,
              doc("Rule", "a", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"runtimeClassName": "nvidia"}),
              doc("Rule", "b", rewrite=[{"from": GPU, "to": SHARED}], inject={"nodeSelector": {"pool": "shared"}}),
              doc("Guard", "g", deny=["privileged"], visibleDevices="void")]
    some = pod(containers=[container({GPU: 1}), container(None, "side")], labels={"tier": "core"})
    told = tell(policy, [some], status=0)[0]
    assert [(r["name"], r["outcome"], r.get("condition")) for r in told["rules"]] == [("a", "unmatched", "podSelector"), ("b", "changed", None)]
    assert told["rules"][0]["wanted"] == ["edge"] and told["rules"][0]["found"] == "core"
    assert [(c["kind"], c.get("key"), c.get("value")) for c in told["changes"]] == [
        ("nodeSelector", "pool", "shared"), ("resource", GPU, SHARED), ("toleration", None, None), ("env", "NVIDIA_VISIBLE_DEVICES", "void")]
    assert told["changes"][3]["guard"] == "g" and told["changes"][3]["container"] == "side"
    text = tell(policy, [some], status=0, text=True)
    assert "- resources nvidia.com/gpu: 1\n" in text and "+ resources nvidia.com/gpu.shared: 1\n" in text and "\033" not in text
    assert 'a: does not match: match.podSelector requires tier In [edge], and it is "core"' in text
    # Every place is a line of the policy on which the document has its name.
    lines = (ROOT / told["tenant"]["at"].rpartition(":")[0]).read_text().splitlines()
    for item in [told["tenant"], *told["rules"], *told["changes"], *told["guards"], *told["quotas"]]:
        name = item.get("quota") or item.get("rule") or item.get("guard") or item["name"]
        assert f"name: {name}" in lines[int(item["at"].rpartition(":")[2]) - 1], item


def test_the_document_shows_what_it_prints():
    text = (ROOT / "docs" / "policy-as-code.md").read_text()
    shown = re.search(r"^    gpugate (explain [^\n]*)\n\n```text\n(.*?)^```$", text, re.M | re.S)
    assert run(*shown[1].split(), cwd=ROOT).stdout == shown[2]


def test_where_the_policy_is(tell, tmp_path):
    """Without --policy, it is the folder `policy` of the current one."""
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(pod({GPU: 1})))
    done = run("explain", "-f", "pod.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", (
        "gpugate explain: no policy is given, and there is no folder `policy` here; name the folder of the policy, or its file, with --policy\n"))
    write_policy(tmp_path / "policy", [*FLEET, *ORG])
    done = run("explain", "-f", "pod.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "(policy/policy.yaml:" in done.stdout, done


def test_what_is_not_counted_is_said(tell, tmp_path):
    """The text of a run without --usage ends with it; with --usage, nothing says so."""
    sentence = "Without --usage or --live, nothing but the Pods of this file is counted."
    (tmp_path / "usage.yaml").write_text(yaml.safe_dump(namespace_doc("team-a")))
    assert tell([*FLEET, *ORG], [pod({GPU: 1})], status=0, text=True).endswith(f"\n\n{sentence}\n")
    assert sentence not in tell([*FLEET, *ORG], [pod({GPU: 1})], "--usage", tmp_path / "usage.yaml", status=0, text=True)


def test_guards(tell):
    policy = [*FLEET, *ORG, doc("Guard", "g", deny=["privileged"]), doc("Guard", "h", deny=["privileged"], exempt={"namespaces": ["team-*"]})]
    told = tell(policy, [pod(containers=[container({GPU: 1}, securityContext={"privileged": True})])], status=1)[0]
    assert [(g["name"], g["outcome"]) for g in told["guards"]] == [("g", "objected"), ("h", "exempt")]
    assert told["guards"][0]["check"] == "privileged" and told["guards"][1]["pattern"] == "team-*"
    assert "quotas" not in told, "the ledger is not asked about a Pod that is refused anyway"
    assert told["message"].endswith('(Guard "g")')


def test_quotas_are_arithmetic(tell, tmp_path):
    usage = tmp_path / "usage.yaml"
    held = [kube.persisted(pod({GPU: 3}, namespace="team-a-dev")), namespace_doc("team-a", x="y"),
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "t4", "labels": {"model": "t4"}}},
            kube.persisted(pod({GPU: 2}, nodeName="t4", namespace="elsewhere")), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}]
    held[0]["status"]["phase"] = "Running"
    usage.write_text(yaml.dump({"apiVersion": "v1", "kind": "List", "items": held}, Dumper=_Written))
    told = tell([*FLEET, *ORG], [pod({GPU: 2}, nodeSelector={"model": "a100"})], "--usage", usage, status=1)[0]
    quotas = {f"{q['tenant']}/{q['quota']}": q for q in told["quotas"]}
    gpus = quotas["team-a/gpus"]
    assert [gpus[k] for k in ("used", "pending", "requested", "projected", "hard", "left", "exceededBy")] == ["3", "0", "2", "5", "4", "1", "1"]
    assert gpus["refuses"] and not quotas["org/all"]["exceeded"] and not quotas["team-a/shares"]["counts"]
    assert told["message"].startswith('exceeded quota: GPU quota "gpus" of tenant "team-a": requested 2, used 3, limit 4, over by 1; ')
    assert told["resources"][0]["why"] == "placement" and told["resources"][0]["accelerators"] == ["a100"]
    assert [c["amount"] for c in told["resources"][0]["costs"]] == ["2", "2"]
    text = tell([*FLEET, *ORG], [pod({GPU: 2}, nodeSelector={"model": "a100"})], "--usage", usage, status=1, text=True)
    assert "team-a/gpus: 3 used + 2 requested = 5 of 4: exceeded by 1" in text
    # A Pod that has finished holds nothing, and one on a node is counted as the node is.
    held[0]["status"]["phase"] = "Succeeded"
    held[3]["metadata"]["namespace"] = "team-a"
    usage.write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": []}) + json.dumps({"apiVersion": "v1", "kind": "List", "items": held}))
    told = tell([*FLEET, *ORG], [pod({GPU: 2})], "--usage", usage, status=0)[0]
    assert {q["quota"]: q["used"] for q in told["quotas"]} == {"gpus": "2", "shares": "0", "all": "0.5"}


@pytest.mark.parametrize(("kind", "api", "spec", "pods"), [
    ("Deployment", "apps/v1", {"replicas": 6}, 6), ("ReplicaSet", "apps/v1", {"replicas": 2}, 2), ("StatefulSet", "apps/v1", {}, 1),
    ("DaemonSet", "apps/v1", {}, 1), ("ReplicationController", "v1", {"replicas": 5}, 5), ("Job", "batch/v1", {"parallelism": 7, "completions": 3}, 3),
    ("Deployment", "apps/v1", {"replicas": 0}, 0)])
def test_workloads(tell, kind, api, spec, pods):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod({GPU: 1})["spec"]}
    whole = {"apiVersion": api, "kind": kind, "metadata": {"name": "w", "namespace": "team-a"}, "spec": {**spec, "template": template}}
    told = tell([*FLEET, *ORG], [whole])[0]
    assert (told["pods"], told["fits"]) == (pods, min(pods, 4))
    assert told["verdict"] == ("admitted" if pods <= 4 else "refused")
    if pods > 4:
        assert "requested 1, used 4, limit 4, over by 1" in told["message"]
        assert f": its Pods are refused; 4 of {pods} Pods fit now; the refusal of the next one is:\n  exceeded quota: " in tell([*FLEET, *ORG], [whole], status=1, text=True)
    if kind == "Job":
        cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": whole["metadata"], "spec": {"schedule": "@daily", "jobTemplate": {"spec": whole["spec"]}}}
        assert tell([*FLEET, *ORG], [cron])[0]["pods"] == pods


@pytest.mark.parametrize(("cron", "suspended"), [({}, {"suspend": True}), ({"suspend": True}, {}), ({"suspend": True}, {"suspend": False})])
def test_what_is_suspended_has_no_pods(tell, cron, suspended):
    """The Pod is explained, and holds nothing that the next object needs."""
    spec = {"parallelism": 3, "template": {"spec": pod({GPU: 1})["spec"]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "team-a"}, "spec": {**spec, **suspended, **cron}}
    whole = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": job["metadata"], "spec": {**cron, "jobTemplate": {"spec": {**spec, **suspended}}}}
    if suspended != {"suspend": False}:
        assert [(o["verdict"], o["pods"]) for o in tell([*FLEET, *ORG], [job, pod({GPU: 4})])] == [("admitted", 0), ("admitted", 1)]
    assert [(o["verdict"], o["pods"]) for o in tell([*FLEET, *ORG], [whole, pod({GPU: 4})])] == [("admitted", 0), ("admitted", 1)]
    running = job | {"spec": {**spec, "suspend": False}}
    assert [(o["verdict"], o["pods"]) for o in tell([*FLEET, *ORG], [running, pod({GPU: 4})])] == [("admitted", 3), ("refused", 1)]


def test_each_pod_has_a_uid_of_its_own(tell):
    """A uid in the file is that of another Pod, as `kubectl get -o yaml` prints it."""
    old = pod({GPU: 1})
    old["metadata"]["uid"] = "same"
    whole = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "team-a"},
             "spec": {"replicas": 5, "template": {"metadata": {"uid": "same"}, "spec": old["spec"]}}}
    assert [(o["verdict"], o["fits"]) for o in tell([*FLEET, *ORG], [whole])] == [("refused", 4)]
    assert [o["verdict"] for o in tell([*FLEET, *ORG], [old] * 5)] == ["admitted"] * 4 + ["refused"]


def test_all_groups_count(tell):
    policy = [doc("Settings", "s", exempt={"groups": ["last"]}), *FLEET, *ORG]
    groups = [word for i in range(100) for word in ("--as-group", f"g{i}")]
    assert tell(policy, [pod({GPU: 5})], "--as", "x", *groups, status=1)
    assert tell(policy, [pod({GPU: 5})], "--as", "x", *groups, "--as-group", "last", status=0)[0]["exempt"]["value"] == "last"


def test_objects_of_one_file_follow_each_other(tell):
    told = tell([*FLEET, *ORG], [pod({GPU: 3}), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}, pod({GPU: 2}), pod({GPU: 1})])
    assert [o["verdict"] for o in told] == ["admitted", "refused", "admitted"]
    listed = {"apiVersion": "v1", "kind": "List", "items": [pod({GPU: 3}), pod({GPU: 2})]}
    assert [o["verdict"] for o in tell([*FLEET, *ORG], [listed])] == ["admitted", "refused"]
    bare = pod({GPU: 5})
    del bare["kind"], bare["apiVersion"]
    nested = {"apiVersion": "v1", "kind": "List", "items": [pod({GPU: 3}), {"apiVersion": "v1", "kind": "PodList", "items": [bare]}]}
    assert [o["verdict"] for o in tell([*FLEET, *ORG], [nested])] == ["admitted", "refused"]


def test_reviews(tell):
    some = kube.review(pod({GPU: 5}), user=("bob", []))
    for text in (json.dumps(some), json.dumps(some, indent=2), yaml.dump(some, Dumper=_Written)):
        told = tell([*FLEET, *ORG], text, status=1)[0]
        assert told["user"] == "bob" and told["kind"] == "Pod" and told["message"].startswith("can never fit: ")


def test_reviews_that_ask_about_no_pod(tell):
    """Nothing is tried, so nothing is said to be admitted."""
    other, empty = (kube.review(pod({GPU: 5})) for _ in range(2))
    other["request"] |= {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}, "resource": {"group": "apps", "version": "v1", "resource": "deployments"}}
    assert "no object in it makes Pods" in tell([*FLEET, *ORG], [other], status=2)
    assert [o["name"] for o in tell([*FLEET, *ORG], [other, pod({GPU: 1}, name="p")], status=0)] == ["p"]
    for missing in ({}, {"object": None}):
        empty["request"] = {k: v for k, v in empty["request"].items() if k != "object"} | missing
        message = tell([*FLEET, *ORG], [empty], status=2)
        assert message.endswith("/objects.yaml:1: request.object: expected the Pod, found nothing\n"), message


def test_a_kind_that_ends_in_list(tell, tmp_path):
    """A custom kind with other items than objects does not keep the rest of the file from being
    read. It is named. A list of the core group must have objects."""
    odd = {"apiVersion": "x.example.org/v1", "kind": "AllowList", "metadata": {"name": "a"}, "items": ["p", 7]}
    assert [each["name"] for each in tell([*FLEET, *ORG], [odd, pod({GPU: 1}, name="p")], status=0)] == ["p"]
    text = tell([*FLEET, *ORG], [odd, pod({GPU: 1}, name="p")], status=0, text=True)
    assert f'\n{tmp_path}/objects.yaml:1: AllowList "a": its kind ends in List, but its items are no objects; it is passed over\n' in text, text
    inner = {**odd, "items": [pod({GPU: 1}, name="q")]}
    assert [each["name"] for each in tell([*FLEET, *ORG], [inner], status=0)] == ["q"]
    refused = tell([*FLEET, *ORG], [{"apiVersion": "v1", "kind": "List", "items": ["p"]}, pod({GPU: 1})], status=2)
    assert "objects.yaml:" in refused and "expected an object" in refused, refused


def test_yaml_is_the_same_as_json(tell, tmp_path):
    told = tell([*FLEET, *ORG], [pod({GPU: 5}, labels={"a": "é"})])
    done = run("explain", "-f", tmp_path / "objects.yaml", "--policy", tmp_path / "policy", "-o", "yaml")
    assert yaml.safe_load(done.stdout)["objects"] == told and done.returncode == 1


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "no object in it makes Pods"),
    ("spec: [", ":2:1: this is not YAML: "),
    ("{\"kind\": \"Pod\",\n\"spec\": }", ":2: this is not JSON: "),
    ("a: &x 1\nb: *x\n", ":1:4: anchors (\"&\") are not read; write the values out"),
    ("a:\n  <<: {b: c}\n", ":2:3: merge keys"),
    ("a: !!str 5\n", ":1:4: tags"),
    ("? [a]\n: b\n", ":1:3: a key must be a text"),
    ("{{- if .Values.gpu }}\napiVersion: v1\n{{- end }}\n", ":1: this is a template (\"{{ }}\"), not YAML or JSON; render the file first"),
    ("[" * 200, "nested too deep"),
    ("- a\n", ":1: expected an object, found an array"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec:\n  containers:\n  - name: 5\n",
     ":6: Pod \"q\": spec.containers[0].name: expected a string, found a number"),
    ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: many\n  template: {}\n",
     ":5: Deployment \"d\": spec.replicas: expected a whole number of 0 or more"),
    ("apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  suspend: 'yes'\n  template: {}\n",
     ":5: Job \"j\": spec.suspend: expected true or false"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: \"q\\e[31m\\x9b31m\"}\nspec: {containers: 5}\n", ":4: Pod \"q?[31m??31m\": spec.containers: "),
    ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}\n", "spec.template: expected a Pod template, found nothing"),
    ("\xff\xfe", "save the file as UTF-8 text"),
])
def test_what_cannot_be_read(tmp_path, text, sentence):
    folder, file = write_policy(tmp_path / "policy", [*FLEET, *ORG]), tmp_path / "objects.yaml"
    file.write_bytes(text.encode("latin-1"))
    done = run("explain", "-f", file, "--policy", folder)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith(f"gpugate explain: {file}") and sentence in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_what_cannot_be_decided(tell, tmp_path):
    assert "name a file, or - for standard input" in run("explain", "-f", tmp_path / "none", "--policy", write_policy(tmp_path / "p", FLEET)).stderr
    broken = tell([doc("Rule", "r", inject={"nodeSelector": {}}, order="x")], [pod({GPU: 1})], status=2)
    assert "policy.yaml:" in broken and broken.endswith("the policy has errors, which `gpugate lint` shows as well; nothing can be decided by it\n")
    (tmp_path / "usage.yaml").write_text(yaml.safe_dump(pod({GPU: 1}, namespace=None) | {"metadata": {"name": "x"}}))
    assert "Pods that exist have both" in tell([*FLEET, *ORG], [pod({GPU: 1})], "--usage", tmp_path / "usage.yaml", status=2)
    assert run("explain", "--policy", tmp_path).returncode == 2


def test_standard_input(tmp_path):
    """A file, a pipe, and a socket, as which some programs give it; and what has no end."""
    folder, file = write_policy(tmp_path / "policy", [*FLEET, *ORG]), tmp_path / "pod.json"
    file.write_text(json.dumps(pod({GPU: 1})))
    command = [BINARY, "explain", "-f", "-", "--policy", folder]
    near, far = socket.socketpair()
    with near, far, open(file, "rb") as source:
        near.sendall(file.read_bytes())
        near.shutdown(socket.SHUT_WR)
        for how in ({"stdin": source}, {"stdin": far}, {"input": file.read_bytes()}):
            done = subprocess.run(command, capture_output=True, check=False, timeout=60, **how)
            assert done.returncode == 0 and done.stdout.startswith(b"standard input:1: Pod"), (how, done)
    with open("/dev/zero", "rb") as endless:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=endless)
        assert done.returncode == 2 and b"standard input is larger than 256 MiB; split it" in done.stderr, done.stderr


def test_text_from_pods_is_plain(tell):
    """Names that a terminal would take for commands."""
    some = pod({GPU: 1}, labels={"tier": "\x1b[31mred\x9b31m"})
    some["metadata"]["name"] = "\x1b]0;x\x07"
    policy = [*FLEET, *ORG, doc("Rule", "a", match={"podSelector": {"matchLabels": {"tier": "edge"}}}, inject={"runtimeClassName": "nvidia"})]
    text = tell(policy, json.dumps(some), text=True)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) and '"?[31mred??31m"' in text


def test_a_path_that_is_not_utf8(tmp_path):
    folder = write_policy(tmp_path / "policy", [*FLEET, *ORG]).rename(tmp_path / os.fsdecode(b"p\xff"))
    file = tmp_path / os.fsdecode(b"o\xff\x1b.json")
    file.write_text(json.dumps(pod({GPU: 5})))
    for form in ("json", "yaml", "text"):
        done = run("explain", "-f", file, "--policy", folder, "-o", form)
        assert done.returncode == 1 and "\x1b" not in done.stdout, done.stderr
        if form != "text":
            told = yaml.safe_load(done.stdout)["objects"][0]
            assert told["file"].endswith("/o\ufffd\ufffd.json") and "/p\ufffd/" in told["tenant"]["at"]
        else:
            assert done.stdout.startswith(f"{tmp_path}/o\ufffd\ufffd.json:1: Pod")


def test_scalars_are_those_of_kubectl(tell):
    """YAML 1.1 as sigs.k8s.io/yaml reads it. Each value is tried as an env value, which must be a
    string, or as a quantity."""
    template = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: team-a}\nspec:\n  containers:\n  - name: c\n    env: [{name: A, value: %s}]\n"
    for text in ("x", "'5'", '"yes"', "2026-01-01", "1.2.3", "0x", "1e", "-", "0b2", "5 GB", "null", "~"):
        assert tell([*FLEET, *ORG], template % text, status=0), text
    for text, kind in (("5", "number"), ("0x1F", "number"), ("017", "number"), ("1_000", "number"), ("1e3", "number"), (".5", "number"), ("+7", "number"),
                       ("yes", "boolean"), ("Off", "boolean"), ("true", "boolean"), ("y", "boolean")):
        assert f"expected a string, found a {kind}" in tell([*FLEET, *ORG], template % text, status=2), text
    for text, count in (("1", "1"), ("0b11", "3"), ("03", "3"), ("2e0", "2"), ("+1", "1"), ("1.", "1"), ("'2'", "2"), ("0x2", "2")):
        amount = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: team-a}}\nspec:\n  containers:\n  - name: c\n    resources: {{limits: {{{GPU}: {text}}}}}\n"
        assert tell([*FLEET, *ORG], amount, status=0)[0]["charges"].startswith(f"team-a/gpus={count}"), text


def test_a_file_as_large_as_a_cluster(tell, tmp_path):
    """A hundred thousand Pods in the usage, as kubectl prints them, and as many replicas."""
    many = scaled(20000, 2000)
    line = json.dumps(kube.persisted(pod({GPU: 1}, namespace="elsewhere"), "UID"))
    usage = tmp_path / "usage.json"
    usage.write_text('{"apiVersion": "v1", "kind": "List", "items": [\n' + ",\n".join(line.replace("UID", f"u{i}") for i in range(many)) + "]}")
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "elsewhere"},
                  "spec": {"replicas": many, "template": {"spec": copy.deepcopy(pod({GPU: 1})["spec"])}}}
    policy = [*FLEET, doc("Tenant", "e", namespaces=["elsewhere"], quotas=[{"name": "q", "hard": 2 * many - 1}])]
    told = tell(policy, [deployment], "--usage", usage, status=1)[0]
    assert (told["pods"], told["fits"]) == (many, many - 1)
