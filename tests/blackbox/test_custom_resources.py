"""Custom resources whose Pods are judged when they are applied: by the paths that gpugate ships,
and by those of Workload documents."""

import copy
import json

import pytest
import yaml

import kube
from custom_resources import ALONE, CUSTOM, OBJECTS, PARTS
from gpugate import run, write_policy
from kube import GPU, doc

EVERY = doc("Settings", "s", workloads=list(CUSTOM))
REFUSED = "its Pods would be refused: "


def team(hard, **spec):
    return doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "hard": hard}], **spec)


def devices(name):
    """Returns how many devices all Pods of the object have that exist at the same time."""
    each = [pods * gpus for _, pods, gpus in PARTS[name]]
    return max(each) if name in ALONE else sum(each)


def ask(server, obj, old=None, **how):
    group, version = obj["apiVersion"].split("/")
    kind = (group, version, obj["kind"])
    return server.decide("validate", kube.review(obj, old=old, kind=kind, resource=(group, version, obj["kind"].lower() + "s"),
                                                 operation="UPDATE" if old else "CREATE", **how))


def explain(tmp_path, obj, *policy):
    folder, file = tmp_path / "policy", tmp_path / "object.yaml"
    folder.mkdir(exist_ok=True)
    write_policy(folder, list(policy))
    file.write_text(json.dumps(obj, indent=1))
    return run("explain", "--policy", folder, "-f", file, "-o", "json")


def explained(tmp_path, obj, *policy):
    done = explain(tmp_path, obj, *policy)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["objects"]


# --- The kinds whose paths are shipped ---

@pytest.mark.parametrize("name", CUSTOM)
def test_the_charge_is_the_sum_of_the_pods(tmp_path, name):
    """The quota that has room for exactly these Pods admits them, and one that is smaller by one
    does not."""
    found = explained(tmp_path, OBJECTS[name], EVERY, team(devices(name)))
    assert [(part["part"], part["pods"]) for part in found] == [(path, pods) for path, pods, _ in PARTS[name]]
    for part, (_, pods, gpus) in zip(found, PARTS[name]):
        assert part["verdict"] == "admitted" and part["fits"] == pods, part
        assert part["charges"] == (f"team-a/q={gpus}" if gpus else ""), part
    assert "refused" in [part["verdict"] for part in explained(tmp_path, OBJECTS[name], EVERY, team(devices(name) - 1))]


@pytest.mark.parametrize("name", CUSTOM)
def test_an_early_answer(serve, name):
    """Nothing is said of Pods that fit. A warning says how many of all Pods of the object fit, or
    that a Pod would be refused; nothing is refused, and nothing is held."""
    server = serve([EVERY, team(devices(name))])
    for _ in range(2):
        assert ask(server, OBJECTS[name]).warnings == []
    server.reload([EVERY, team(devices(name) - 1)])
    decision = ask(server, OBJECTS[name])
    last = max(i for i, part in enumerate(PARTS[name]) if part[2])
    path, _, gpus = PARTS[name][last]
    where = f"{path}: " if len(PARTS[name]) > 1 else ""
    assert decision.allowed and len(decision.warnings) == 1, decision
    if devices(name) - 1 < gpus:
        assert decision.warnings[0].startswith(f"{where}can never fit: "), decision
    else:
        # In their order: the Pods of later groups are not among those that fit.
        fits = sum(pods for _, pods, _ in PARTS[name][:last + 1]) - 1
        whole = sum(pods for _, pods, _ in PARTS[name])
        most = f", and never more than {fits} at once" if whole == PARTS[name][last][1] else ""
        assert decision.warnings[0].startswith(f"{fits} of {whole} Pods fit now{most}: {where}exceeded quota: "), decision
    server.reload([EVERY, team(devices(name), earlyAnswer="off")])
    assert ask(server, OBJECTS[name]).warnings == []


def test_a_group_that_is_too_large(serve):
    """All Pods of a JobSet are one group. Each replica of a LeaderWorkerSet is one."""
    server = serve([EVERY, team(2, earlyAnswer="deny"), doc("Rule", "whole", match={}, gangs="allOrNothing")])
    pods = {"spec": {"containers": [kube.container({GPU: 1})]}}
    where = {"metadata": {"name": "w", "namespace": "team-a"}}
    jobs = {"name": "j", "replicas": 2, "template": {"spec": {"parallelism": 2, "completions": 2, "template": pods}}}
    job_set = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", **where, "spec": {"replicatedJobs": [jobs]}}
    decision = ask(server, job_set)
    assert not decision.allowed, decision
    assert decision.message.startswith('can never fit: never more than 2 of 4 Pods fit at once, and Rule "whole" admits all or none: GPU quota "q" of '), decision
    jobs["replicas"] = 1
    assert ask(server, job_set).warnings == []
    workers = {"replicas": 2, "leaderWorkerTemplate": {"size": 2, "workerTemplate": pods}}
    decision = ask(server, {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", **where, "spec": workers})
    assert decision.allowed and decision.warnings, decision


def job_set(*jobs, name="w"):
    """Returns a JobSet of groups of Pods: how many, and how many GPUs each of them requests."""
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": name, "namespace": "team-a"}, "spec": {"replicatedJobs": [
        {"name": f"j{i}", "replicas": 1, "template": {"spec": {"parallelism": pods, "completions": pods, "template": {
            "spec": {"containers": [kube.container({GPU: gpus} if gpus else {})]}}}}} for i, (pods, gpus) in enumerate(jobs)]}}


def leader_worker_set(replicas, leader, workers):
    specs = [{"spec": {"containers": [kube.container({GPU: gpus})]}} for gpus in (leader, workers)]
    return {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "metadata": {"name": "w", "namespace": "team-a"},
            "spec": {"replicas": replicas, "leaderWorkerTemplate": {"size": 2, "leaderTemplate": specs[0], "workerTemplate": specs[1]}}}


def test_a_group_fits_as_a_whole_or_not_at_all(serve):
    """The answer about a JobSet is that of its first Pod, which is decided with all others. Of a
    LeaderWorkerSet, it is that of its first replica."""
    server = serve([EVERY, team(6, earlyAnswer="deny"), doc("Rule", "whole", match={}, gangs="allOrNothing")])
    assert server.validate(kube.persisted(kube.pod({GPU: 2}))).allowed
    quota = 'GPU quota "q" of tenant "team-a": requested'
    assert ask(server, job_set((1, 2), (2, 1))).warnings == []
    assert ask(server, job_set((3, 0), (4, 1))).warnings == []
    now = "its whole group of Pods does not fit now: exceeded quota: " + quota
    rest = 'by the Pods of its group that are still to come; Rule "whole" admits all or none), used 2, limit 6'
    most = "request at most 6 with all Pods of the group, or ask the platform team to raise the limit; 4 are free"
    decision = ask(server, job_set((1, 2), (3, 1)))
    assert decision.allowed and decision.warnings == [f"{now} 5 (2 by this Pod, 3 {rest}, over by 1; 4 are free"], decision
    assert ask(server, job_set((1, 0), (5, 1))).warnings[0].startswith(f"{now} 5 (1 by this Pod, 4 {rest}, over by 1; ")
    decision = ask(server, job_set((1, 2), (5, 1)))
    assert not decision.allowed and decision.message == f"can never fit: {quota} 7 (2 by this Pod, 5 {rest}; {most}", decision
    # A Pod that is never admitted, whatever its group requests, is named first.
    assert ask(server, job_set((5, 1), (1, 7))).message.startswith(f"spec.replicatedJobs[1].template.spec.template: can never fit: {quota} 7, ")
    # The first replica fits, but not all of them; and then not even one.
    assert ask(server, leader_worker_set(2, 1, 3)).warnings[0].startswith("2 of 4 Pods fit now, and none is admitted before ")
    assert ask(server, leader_worker_set(2, 1, 4)).warnings[0].startswith(f"{now} 5 (1 by this Pod, 4 {rest}, over by 1; ")
    decision = ask(server, leader_worker_set(1, 1, 6))
    assert not decision.allowed and decision.message == f"can never fit: {quota} 7 (1 by this Pod, 6 {rest}; {most}", decision
    server.reload([EVERY, team(6, earlyAnswer="off"), doc("Rule", "whole", match={}, gangs="allOrNothing")])
    assert ask(server, job_set((1, 2), (5, 1))).warnings == []
    # Without such a Rule, the Pods are counted one by one.
    server.reload([EVERY, team(6)])
    assert ask(server, job_set((1, 2), (3, 1))).warnings[0].startswith("3 of 4 Pods fit now: spec.replicatedJobs[1].template.spec.template: exceeded quota: ")


@pytest.mark.parametrize("name", CUSTOM)
def test_a_kind_that_the_policy_does_not_name(serve, tmp_path, name):
    server = serve([team(0)])
    decision = ask(server, OBJECTS[name])
    assert decision.allowed and decision.warnings == ["gpugate evaluates only Pods, workloads and claims of devices; remove other resources from its webhook configuration"]
    group, kind = OBJECTS[name]["apiVersion"].split("/")[0], OBJECTS[name]["kind"]
    assert_unnamed(tmp_path, OBJECTS[name], f'{kind} "w": the policy does not name {kind} of {group}; add {name} to Settings.workloads')


def assert_unnamed(tmp_path, obj, said):
    """The commands that try Pods say what to do, and where the object is."""
    done = explain(tmp_path, obj, team(0))
    assert done.returncode == 2 and f"object.yaml:1: {said}\n" in done.stderr and "makes Pods" not in done.stderr, done
    done = run("replay", "--policy", tmp_path / "policy", tmp_path / "object.yaml")
    assert done.returncode == 2 and f"object.yaml:1: {said}\n" in done.stderr and "nothing was replayed" not in done.stderr, done
    suite = tmp_path / "a.suite.yaml"
    for create, place in (({"create": obj}, "a.suite.yaml:"), ({"file": "object.yaml"}, "object.yaml:1")):
        suite.write_text(json.dumps({"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"},
                                     "spec": {"policy": "policy", "steps": [{**create, "expect": {"allowed": True}}]}}))
        done = run("test", suite)
        assert done.returncode == 2 and place in done.stdout and f": {said}\n" in done.stdout, done


def test_a_kind_that_is_not_known(tmp_path):
    assert_unnamed(tmp_path, thing(t=template(1)), 'Thing "t": the policy does not name Thing of example.com; if it has Pods, describe it in a Workload document')
    done = explain(tmp_path, {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}}, team(0))
    assert done.returncode == 2 and "no object in it makes Pods or claims devices" in done.stderr


@pytest.mark.parametrize("name", ["pytorchjobs.kubeflow.org", "trainjobs.trainer.kubeflow.org", "rayclusters.ray.io", "rayjobs.ray.io", "jobsets.jobset.x-k8s.io"])
def test_a_suspended_object_has_no_pods(serve, name):
    obj = copy.deepcopy(OBJECTS[name])
    holder = obj["spec"].setdefault("runPolicy", {}) if name == "pytorchjobs.kubeflow.org" else obj["spec"]
    server = serve([EVERY, team(max(gpus for _, _, gpus in PARTS[name]))])
    assert "fit now" in ask(server, obj).warnings[0]
    holder["suspend"] = True
    assert ask(server, obj).warnings == []
    server.reload([EVERY, team(0)])
    assert "can never fit" in ask(server, obj).warnings[0]


def test_a_stopped_notebook(serve):
    obj = copy.deepcopy(OBJECTS["notebooks.kubeflow.org"])
    server = serve([EVERY, team(1)])
    assert server.validate(kube.persisted(kube.pod({GPU: 1}))).allowed
    assert "0 of 1 Pod fits now" in ask(server, obj).warnings[0]
    obj["metadata"]["annotations"] = {"kubeflow-resource-stopped": "2026-01-01T00:00:00Z"}
    assert ask(server, obj).warnings == []


def test_a_leader_without_a_template_is_like_the_workers(tmp_path):
    obj = copy.deepcopy(OBJECTS["leaderworkersets.leaderworkerset.x-k8s.io"])
    del obj["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    found = explained(tmp_path, obj, EVERY, team(64))
    assert [(part["pods"], part["fits"], part["charges"]) for part in found] == [(2, 2, "team-a/q=8"), (6, 6, "team-a/q=8")]


# --- Workload documents ---

def workload(*pods, **spec):
    spec = {"group": "example.com", "kind": "Thing", "plural": "things", "pods": list(pods), **spec}
    return {"apiVersion": "gpugate.io/v1", "kind": "Workload", "metadata": {"name": "w"}, "spec": spec}


def thing(**spec):
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "team-a"}, "spec": spec}


def template(gpus=1, **spec):
    return {"spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {GPU: gpus}}}], **spec}}


def shapes(tmp_path, obj, *pods, hard=1000, **spec):
    return [(part["part"], part["pods"], part["charges"]) for part in explained(tmp_path, obj, workload(*pods, **spec), team(hard))]


def test_paths(tmp_path):
    obj = thing(a={"x": {"list": [{"t": template(1), "n": 2}, {"t": template(2)}], "n": 3}, "y": None, "z": {"list": []}}, n=5)
    assert shapes(tmp_path, obj, {"template": "spec.a.*.list[].t", "replicas": ["spec.a.*.list[].n", "spec.a.*.n - 1", "spec.n"]}) == [
        ("spec.a.x.list[0].t", 20, "team-a/q=1"), ("spec.a.x.list[1].t", 10, "team-a/q=2")]
    assert shapes(tmp_path, thing(t=template(3)), {"template": "spec.t", "replicas": ["spec.n - 7"]}) == [("spec.t", 0, "team-a/q=3")]
    assert shapes(tmp_path, thing(s={"containers": [template(1)["spec"]["containers"][0]]}, c=template(2)["spec"]["containers"][0],
                                  r={"requests": {GPU: 4}, "limits": {GPU: 4}}, d={"name": GPU, "quantity": 8}),
                  {"podSpec": "spec.s", "containers": ["spec.c", "spec.none"], "resources": "spec.r", "device": "spec.d"}) == [("spec.s", 1, "team-a/q=15")]


def test_labels_and_node_selectors_count(tmp_path):
    obj = thing(labels={"stage": "it"}, pod={"nodeSelector": {"gpu": "small"}, "containers": template(1)["spec"]["containers"]})
    policy = [workload({"podSpec": "spec.pod", "metadata": "spec"}), team(4),
              doc("Rule", "r", match={"podSelector": {"matchLabels": {"stage": "it"}}}, inject={"nodeSelector": {"gpu": "large"}}, onConflict="deny")]
    found = explained(tmp_path, obj, *policy)
    assert found[0]["verdict"] == "refused" and "small" in found[0]["message"], found


@pytest.mark.parametrize("spec, sentence", [
    ({"t": 1}, "spec.t: expected an object"),
    ({"t": {"spec": {"containers": 1}}}, "spec.t: spec.containers: expected an array, found a number"),
    ({"t": {}}, 'spec.t: expected a Pod template, found no "spec" in it'),
    ({"t": {"spec": None, "metadata": {}}}, 'spec.t: expected a Pod template, found no "spec" in it'),
    ({"t": {"containers": template(1)["spec"]["containers"]}}, 'spec.t: expected a Pod template, found no "spec" in it'),
    ({"t": template(1), "n": -2**70}, "spec.n: expected a whole number of 0 or more"),
    ({"t": template(1), "n": "3"}, "spec.n: expected a whole number of 0 or more"),
    ({"t": template(1), "n": -1}, "spec.n: expected a whole number of 0 or more"),
    ({"t": template(1), "stop": 1}, "spec.stop: expected true, false, or a text"),
    ({"t": template(1), "list": {"a": 1}}, "spec.list: expected a list"),
    ({"t": template(1), "list": [{"t": template(1)}] * 32}, "the object has more than 32 groups of Pods"),
])
def test_what_cannot_be_read(serve, tmp_path, spec, sentence):
    """It is admitted without a word, because the API server or the controller says what is wrong;
    `explain` says where it is."""
    policy = [workload({"template": "spec.t", "replicas": ["spec.n"]}, {"template": "spec.list[].t"}, suspend=["spec.stop"]), team(0, earlyAnswer="deny")]
    done = explain(tmp_path, thing(**spec), *policy)
    assert done.returncode == 2 and sentence in done.stderr and "object.yaml:" in done.stderr, done.stderr
    decision = ask(serve(policy), thing(**spec))
    assert decision.allowed and decision.warnings == []


def test_numbers_are_bounded(serve, tmp_path):
    obj = thing(t=template(1), n=2**31 - 1, m=2**31 - 1)
    server = serve([workload({"template": "spec.t", "replicas": ["spec.n", "spec.m", "spec.n"]}), team(4)])
    assert ask(server, obj).warnings[0].startswith("4 of 2147483647 Pods fit now, and never more than 4 at once: exceeded quota")


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**30])
def test_a_number_that_is_too_large_counts_as_the_largest(serve, number):
    server = serve([workload({"template": "spec.t", "replicas": ["spec.n"]}), team(4)])
    assert ask(server, thing(t=template(1), n=number)).warnings[0].startswith("4 of 2147483647 Pods fit now, and never more than 4 at once: ")


@pytest.mark.parametrize("parallelism, completions, pods", [(3, 2, 2), (2, 3, 2), (3, None, 3), (None, 4, 1), (3, 0, 0)])
def test_a_job_of_a_job_set_counts_like_a_job(tmp_path, parallelism, completions, pods):
    obj = copy.deepcopy(OBJECTS["jobsets.jobset.x-k8s.io"])
    job = {key: value for key, value in (("parallelism", parallelism), ("completions", completions)) if value is not None}
    obj["spec"]["replicatedJobs"] = [{"name": "w", "replicas": 2, "template": {"spec": {**job, "template": template(1)}}}]
    alone = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "team-a"}, "spec": {**job, "template": template(1)}}
    group, = explained(tmp_path, obj, EVERY, team(64))
    plain, = explained(tmp_path, alone, EVERY, team(64))
    assert (group["pods"], plain["pods"]) == (2 * pods, pods)


def test_the_bound_of_a_number(tmp_path):
    """It bounds the last of the numbers, and nothing if it is not there."""
    pods = {"template": "spec.l[].t", "replicas": ["spec.l[].n", "spec.l[].m"], "atMost": "spec.l[].max - 1"}
    items = [{"t": template(1), "n": 2, **numbers} for numbers in ({"m": 5, "max": 4}, {"m": 5}, {"max": 1}, {"m": 2**40, "max": 2**70})]
    assert [part[1] for part in shapes(tmp_path, thing(l=items), pods, hard=1)] == [6, 10, 0, 100000]


def test_the_bounds_of_a_number(tmp_path):
    """The upper one bounds the lower one as well."""
    pods = {"template": "spec.l[].t", "replicas": ["spec.l[].n", "spec.l[].m"], "atLeast": "spec.l[].min - 1", "atMost": "spec.l[].max"}
    items = [{"t": template(1), "n": 2, **numbers} for numbers in (
        {"m": 1, "min": 5}, {"m": 5, "min": 3}, {"m": 1, "min": 1}, {"min": 4, "max": 7}, {"m": 1, "min": 9, "max": 2}, {"m": 1, "min": 2**70})]
    assert [part[1] for part in shapes(tmp_path, thing(l=items), pods, hard=1)] == [8, 10, 2, 6, 4, 100000]


@pytest.mark.parametrize("name, where", [("rayclusters.ray.io", ()), ("rayjobs.ray.io", ("rayClusterSpec",)), ("rayservices.ray.io", ("rayClusterConfig",))])
@pytest.mark.parametrize("numbers, pods", [
    ({"replicas": 3}, 3), ({"replicas": 3, "maxReplicas": 2}, 2), ({"replicas": 0, "minReplicas": 2}, 2), ({"minReplicas": 2}, 2),
    ({"replicas": 1, "minReplicas": 2, "numOfHosts": 4}, 8), ({"replicas": 9, "maxReplicas": 2, "numOfHosts": 4}, 8),
    ({"replicas": 2, "minReplicas": 4, "maxReplicas": 3}, 3), ({"replicas": 0, "maxReplicas": 3}, 0)])
def test_a_worker_group_of_ray_has_bounds(tmp_path, name, where, numbers, pods):
    """As tests/ecosystem/test_charged.py has KubeRay make them."""
    obj = copy.deepcopy(OBJECTS[name])
    cluster = obj["spec"]
    for key in where:
        cluster = cluster[key]
    cluster["workerGroupSpecs"] = [{"groupName": "gpu", "template": template(1), **numbers}]
    assert [part["pods"] for part in explained(tmp_path, obj, EVERY, team(64))] == [1, pods]


def lint(tmp_path, *policy):
    folder = tmp_path / "policy"
    folder.mkdir(exist_ok=True)
    write_policy(folder, list(policy))
    return run("lint", folder)


@pytest.mark.parametrize("path, meant", [
    ("spec.l[].n-1", "spec.l[].n - 1"), ("spec.l[].n -1", "spec.l[].n - 1"), ("spec.l[].n- 12", "spec.l[].n - 12"), ("spec.a-1 - 1", None), ("3", None),
    ("3.n", None), ("spec.n-123", None), ("spec.n - ", None)])
def test_lint_refuses_a_number_that_is_no_path(tmp_path, path, meant):
    """As a key, it would lead to nothing, and count as 1."""
    done = lint(tmp_path, team(1), workload({"template": "spec.l[].t", "replicas": [path]}))
    hint = f'; did you mean "{meant}"?' if meant else ""
    assert done.returncode == 1 and f'"{path}" is not a field path such as ' in done.stdout + done.stderr and hint in done.stdout + done.stderr, done


@pytest.mark.parametrize("path", ["spec.n - 1", "spec.n1", "spec.phase-a", "spec.n-", "spec.1", "spec.n_1 - 12"])
def test_lint_accepts_a_path_of_a_number(tmp_path, path):
    done = lint(tmp_path, team(1), workload({"template": "spec.t", "replicas": [path]}))
    assert done.returncode == 0, done


@pytest.mark.parametrize("key", ["atLeast", "atMost"])
def test_lint_refuses_a_bound_of_nothing(tmp_path, key):
    done = lint(tmp_path, team(1), workload({"template": "spec.t", key: "spec.n"}))
    assert done.returncode == 1 and f'"{key}" needs "replicas", of which it bounds the last number' in done.stdout + done.stderr, done


@pytest.mark.parametrize("word, meant", [("PyTorchJob", "pytorchjobs.kubeflow.org"), ("rayclusters", "rayclusters.ray.io"),
                                         ("inferenceservice", "inferenceservices.serving.kserve.io"), ("pytorchjob.kubeflow.org", "pytorchjobs.kubeflow.org")])
def test_lint_knows_which_kind_is_meant(tmp_path, word, meant):
    done = lint(tmp_path, team(1), doc("Settings", "s", workloads=[word]))
    assert done.returncode == 1 and f'"workloads" cannot be "{word}"; did you mean "{meant}"?' in done.stdout + done.stderr, done


def test_lint_lists_all_kinds_whole(tmp_path):
    done = lint(tmp_path, team(1), doc("Settings", "s", workloads=["Thing"]))
    names = ", ".join(list(CUSTOM)[:-1]) + " or " + list(CUSTOM)[-1]
    said = f'"workloads" cannot be "Thing"; use {names}; a Workload document describes any other kind\n'
    assert done.returncode == 1 and said in done.stdout + done.stderr, done


def test_nothing_is_there(serve):
    server = serve([workload({"template": "spec.t"}), team(0)])
    for obj in (thing(), thing(t=None), {**thing(), "spec": None}):
        assert ask(server, obj).warnings == []


def test_a_refusal_of_one_group(serve):
    guard = doc("Guard", "g", deny=["privileged"])
    bad = template(1)
    bad["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    server = serve([workload({"template": "spec.a"}, {"template": "spec.b"}), team(4), guard])
    decision = ask(server, thing(a=template(1), b=bad))
    assert decision.allowed and decision.warnings[0].startswith(REFUSED + "spec.b: "), decision
    server.reload([workload({"template": "spec.a"}, {"template": "spec.b"}), team(4, earlyAnswer="deny"), guard])
    decision = ask(server, thing(a=template(1), b=bad))
    assert not decision.allowed and "spec.b: " in decision.message, decision
    assert ask(server, thing(a=template(5), b=template(1))).allowed is False
    assert ask(server, thing(a=template(4), b=template(1))).allowed is True, "what does not fit now may fit later"


def ray_cluster(*groups):
    workers = [{"groupName": f"g{i}", "replicas": pods, "template": template(gpus)} for i, (pods, gpus) in enumerate(groups)]
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "rc", "namespace": "team-a"},
            "spec": {"headGroupSpec": {"template": {"spec": {"containers": [{"name": "h", "image": "i"}]}}}, "workerGroupSpecs": workers}}


@pytest.mark.parametrize("groups, never", [([(5, 1), (5, 9)], 1), ([(5, 9), (5, 1)], 0), ([(5, 1), (0, 9), (1, 9)], 2), ([(1, 9), (0, 9)], 0)])
def test_the_order_of_groups_does_not_matter(serve, groups, never):
    """A group that does not fit now hides no other one that can never fit. Only a group that has
    Pods now is a reason to deny."""
    server = serve([EVERY, team(4)])
    path = f"spec.workerGroupSpecs[{never}].template"
    decision = ask(server, ray_cluster(*groups))
    assert decision.allowed and len(decision.warnings) == 1 and decision.warnings[0].startswith(f"{path}: can never fit: "), decision
    server.reload([EVERY, team(4, earlyAnswer="deny")])
    decision = ask(server, ray_cluster(*groups))
    assert not decision.allowed and f"{path}: can never fit: " in decision.message, decision


@pytest.mark.parametrize("groups", [[(5, 1), (5, 9)], [(5, 9), (5, 1)], [(4, 1), (1, 1)], [(1, 1), (1, 1)], [(0, 9)]])
@pytest.mark.parametrize("answer", ["warn", "deny", "off"])
def test_explain_answers_once_for_all_groups(serve, tmp_path, groups, answer):
    """Each group has what the server answers about the object, which is about one of them."""
    policy = [EVERY, team(4, earlyAnswer=answer)]
    decision = ask(serve(policy), ray_cluster(*groups))
    text = decision.message if not decision.allowed else "".join(decision.warnings)
    found = explained(tmp_path, ray_cluster(*groups), *policy)
    workloads = [group["workload"] for group in found]
    assert len(found) == 1 + len(groups) and all(workload == workloads[0] for workload in workloads), workloads
    assert (workloads[0]["verdict"], workloads[0]["warned"]) == ("accepted" if decision.allowed else "refused", bool(decision.warnings))
    assert ("part" in workloads[0]) == bool(text) and workloads[0].get("part", "") in text, (workloads, text)


def explained_text(tmp_path, obj, *policy):
    explain(tmp_path, obj, *policy)
    return run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "object.yaml").stdout


@pytest.mark.parametrize("groups", [[(5, 1), (5, 9)], [(5, 9), (5, 1)]])
def test_the_text_names_the_group_because_of_which_the_object_is_refused(tmp_path, groups):
    never = f"spec.workerGroupSpecs[{groups.index((5, 9))}].template"
    text = explained_text(tmp_path, ray_cluster(*groups), EVERY, team(4, earlyAnswer="deny"))
    assert text.count(f"  The RayCluster itself is refused, since no Pod of {never} can ever be admitted and earlyAnswer is deny.\n") == 2, text
    assert "no such Pod" not in text
    text = explained_text(tmp_path, ray_cluster(*groups), EVERY, team(4))
    assert text.count("The controller creates the Pods that are admitted, and tries the others again until they are.\n") == 1, text
    assert text.count("The controller cannot create these Pods.\n") == 1, text


def test_pods_of_other_groups_are_those_of_the_object(tmp_path):
    """Of the Pods that hold the quota, those without devices are none."""
    groups = explained(tmp_path, ray_cluster((2, 1), (1, 1), (1, 2)), EVERY, team(4))
    holders, = [remedy for remedy in groups[-1]["remedies"] if remedy["kind"] == "holders"]
    assert holders["own"] == 3 and holders["holders"][0]["pods"] == 3, holders
    policy = [workload({"template": "spec.a", "replicas": ["spec.n"], "together": False}, {"template": "spec.b", "replicas": ["spec.n"], "together": False}), team(2)]
    groups = explained(tmp_path, thing(a=template(1), b=template(1), n=3), *policy)
    assert [[remedy["own"] for remedy in group["remedies"] if remedy["kind"] == "holders"] for group in groups] == [[2], [2]]


def test_updates(serve):
    """How many Pods exist is not known, so that only those count that an update adds."""
    policy = [workload({"template": "spec.a", "replicas": ["spec.n"]}, {"template": "spec.b"}), team(3)]
    server = serve(policy)
    for _ in range(2):
        assert server.validate(kube.persisted(kube.pod({GPU: 1}))).allowed
    old = thing(a=template(1), n=2)
    assert ask(server, thing(a=template(1), n=3), old).warnings == []
    assert ask(server, thing(a=template(1), n=5), old).warnings[0].startswith("1 of 3 more Pods fit now: exceeded quota")
    assert ask(server, thing(a=template(1), n=1), old).warnings == []
    assert ask(server, {**old, "status": {"x": 1}}, old).warnings == []
    assert ask(server, thing(a=template(1), n=2, b=template(2)), old).warnings[0].startswith("0 of 1 more Pod fits now: exceeded quota")
    # The API server may send a template back as a webhook has written it.
    rewritten = {"metadata": {"creationTimestamp": None}, **template(1)}
    assert ask(server, thing(a=rewritten, n=5), old).warnings[0].startswith("1 of 3 more Pods fit now: exceeded quota")
    assert ask(server, thing(a=rewritten, n=2), old).warnings == []
    assert ask(server, thing(a=template(2), n=5), old).warnings[0].startswith("0 of 3 more Pods fit now, and never more than 1 at once: exceeded quota")
    # A changed template replaces Pods, of which nothing is known but that each can be admitted.
    assert ask(server, thing(a=template(2), n=2), old).warnings == []
    assert ask(server, thing(a=template(4), n=2), old).warnings[0].startswith("can never fit")


def test_exempt_namespaces_and_other_tenants(serve):
    server = serve([EVERY, team(0)])
    obj = copy.deepcopy(OBJECTS["jobs.batch.volcano.sh"])
    obj["metadata"]["namespace"] = "kube-system"
    assert ask(server, obj).warnings == []
    obj["metadata"]["namespace"] = "nowhere"
    assert ask(server, obj).warnings[0].startswith(REFUSED)


# --- Registration, lint, suites, replay ---

def early_rules(tmp_path, *policy):
    folder = tmp_path / "policy"
    folder.mkdir(exist_ok=True)
    write_policy(folder, list(policy))
    done = run("render", "--policy", folder, "--service", "gpugate")
    assert done.returncode == 0, done.stderr
    hooks = [hook for obj in yaml.safe_load_all(done.stdout) if obj["kind"] == "ValidatingWebhookConfiguration" for hook in obj["webhooks"]]
    return next(hook for hook in hooks if hook["name"] == "early.gpugate.io")


def test_render_registers_the_kinds_that_the_policy_names(tmp_path):
    plain = early_rules(tmp_path, team(1))
    named = early_rules(tmp_path, team(1), doc("Settings", "s", workloads=["jobs.batch.volcano.sh"]), workload({"template": "spec.t"}))
    assert named["rules"][:len(plain["rules"])] == plain["rules"]
    assert named["rules"][len(plain["rules"]):] == [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [plural], "scope": "Namespaced"}
        for group, plural in (("example.com", "things"), ("batch.volcano.sh", "jobs"))]
    assert named["failurePolicy"] == "Ignore"
    every = early_rules(tmp_path, team(1), EVERY)
    assert {f"{rule['resources'][0]}.{rule['apiGroups'][0]}" for rule in every["rules"]} >= set(CUSTOM)


def test_lint_judges_them(tmp_path):
    folder, file = tmp_path / "policy", tmp_path / "job.yaml"
    folder.mkdir()
    write_policy(folder, [EVERY, team(7)])
    file.write_text(CUSTOM["pytorchjobs.kubeflow.org"][0])
    done = run("lint", "--policy", folder, file)
    assert 'PyTorchJob "w": only 3 of 4 Pods fit: spec.pytorchReplicaSpecs.Worker.template: exceeded quota' in done.stdout + done.stderr, done


def test_suites_and_replay(tmp_path):
    folder, suite, file = tmp_path / "policy", tmp_path / "a.suite.yaml", tmp_path / "objects.yaml"
    folder.mkdir()
    write_policy(folder, [EVERY, team(7)])
    obj = OBJECTS["jobsets.jobset.x-k8s.io"]
    steps = [
        {"create": obj, "expect": {"allowed": True, "pods": 7, "usage": {"team-a/q": 6}}},
        {"create": OBJECTS["workflows.argoproj.io"], "expect": {"allowed": False, "usage": {"team-a/q": 6}}},
        {"create": {**obj, "metadata": {"name": "v", "namespace": "team-a"}}, "expect": {"allowed": False, "pods": 2, "usage": {"team-a/q": 7}}}]
    def tested(*steps):
        suite.write_text(json.dumps({"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "s"}, "spec": {"policy": "policy", "steps": steps}}))
        return run("test", suite)
    done = tested(*steps)
    assert done.returncode == 0 and "3 passed, 0 failed" in done.stdout, done
    done = tested(*steps, {"scale": {"name": "w", "namespace": "team-a", "replicas": 1}, "expect": {"allowed": True}})
    assert done.returncode == 2 and "a custom resource has no replicas that could be changed" in done.stdout, done
    file.write_text("---".join(CUSTOM[name][0] for name in ("jobsets.jobset.x-k8s.io", "workflows.argoproj.io")))
    done = run("replay", "--policy", folder, file, "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["reviews"] == 10, "seven Pods of the JobSet, and three of the Workflow"


# --- What tenants may try ---

MIXED = doc("Workload", "mix", group="example.com", kind_="Mix", plural="mixes",
            pods=[{"template": "spec.a"}, {"template": "spec.b", "together": False}, {"template": "spec.c"}])


def mix(**gpus):
    return {"apiVersion": "example.com/v1", "kind": "Mix", "metadata": {"name": "m", "namespace": "team-a"},
            "spec": {name: {"spec": kube.pod({GPU: count})["spec"]} for name, count in gpus.items()}}


def test_groups_that_are_judged_alone_see_nothing_of_the_others(serve, tmp_path):
    """By all commands as by the server: 4 of 6 fit, and so do other 4 at another time."""
    policy, obj = [MIXED, team(6)], mix(a=4, b=4)
    decision = ask(serve(policy), obj)
    assert decision.allowed and not decision.warnings
    assert {part["verdict"] for part in explained(tmp_path, obj, *policy)} == {"admitted"}
    file = tmp_path / "object.yaml"
    assert run("lint", "--strict", "--policy", tmp_path / "policy", file).returncode == 0
    report = json.loads(run("replay", "--policy", tmp_path / "policy", file, "-o", "json").stdout)
    assert not any(report["counts"].values()), report["counts"]
    suite = tmp_path / "a.suite.yaml"
    suite.write_text(yaml.safe_dump({"apiVersion": "gpugate.io/v1", "kind": "TestSuite", "metadata": {"name": "a"},
                                     "spec": {"policy": "policy", "steps": [{"create": obj, "expect": {"allowed": True}}]}}))
    assert run("test", suite).returncode == 0
    # What exists at the same time is counted together, on both sides of a group that does not.
    assert "3 of 5" not in str(ask(serve([MIXED, team(6)]), mix(a=4, b=1, c=2)).warnings)
    assert "now" in ask(serve([MIXED, team(6)]), mix(a=4, b=1, c=4)).warnings[0]
    assert {part["part"]: part["verdict"] for part in explained(tmp_path, mix(a=4, b=1, c=4), *policy)} == {
        "spec.b": "admitted", "spec.a": "admitted", "spec.c": "refused"}


def test_groups_that_are_judged_alone_wait_for_no_others(serve, tmp_path):
    workload = doc("Workload", "steps", group="example.com", kind_="Steps", plural="steps", pods=[
        {"template": "spec.a", "replicas": ["spec.n"]}, {"template": "spec.b", "replicas": ["spec.n"], "together": False}])
    policy = [workload, team(3), doc("Rule", "whole", match={}, gangs="allOrNothing")]
    wait = ', and none is admitted before its whole group fits (Rule "whole")'
    for part, words, alone in (("a", wait, None), ("b", "", True)):
        obj = {"apiVersion": "example.com/v1", "kind": "Steps", "metadata": {"name": "s", "namespace": "team-a"},
               "spec": {"n": 4, part: {"spec": kube.pod({GPU: 1})["spec"]}}}
        warning, = ask(serve(policy), obj).warnings
        assert warning.startswith(f"3 of 4 Pods fit now, and never more than 3 at once{words}: exceeded quota: "), warning
        assert [one["gang"].get("alone") for one in explained(tmp_path, obj, *policy)] == [alone]


def test_a_large_object_with_many_groups_costs_little(serve):
    """Paths from the root of the object are searched for each group. That is given up before it
    takes long, and then nothing is said; an ordinary object of such a kind is judged."""
    workload = doc("Workload", "wide", group="example.com", kind_="Wide", plural="wides", pods=[
        {"podSpec": "spec.list[]", "metadata": "spec.meta", "containers": [f"spec.c{n}" for n in range(16)], "replicas": [f"spec.n{n}" for n in range(4)]}])
    server = serve([workload, team(6)])
    obj = {"apiVersion": "example.com/v1", "kind": "Wide", "metadata": {"name": "w", "namespace": "team-a"},
           "spec": {"list": [kube.pod({GPU: 1})["spec"]] * 7}}
    assert "6 of 7 Pods fit now" in ask(server, obj).warnings[0]
    large = copy.deepcopy(obj)
    large["spec"] = {"a": ["x" * 90] * 20000, "list": [{"containers": []}] * 32}
    decision = ask(server, large)
    assert decision.allowed and not decision.warnings
    for _ in range(3): # Still the same, and other requests go on.
        assert ask(server, large).allowed and server.validate(kube.pod({GPU: 1}), dry_run=True).allowed


def test_claims_of_devices_are_no_custom_resources(tmp_path):
    claims = doc("Workload", "claims", group="resource.k8s.io", kind_="ResourceClaim", plural="resourceclaims", pods=[{"template": "spec.a"}])
    ran = run("lint", write_policy(tmp_path, [claims, team(1)]))
    assert ran.returncode == 1 and "the group resource.k8s.io is that of Kubernetes, whose kinds gpugate knows; remove the document" in ran.stdout


def test_an_update_of_an_object_without_a_spec(serve):
    plain = doc("Workload", "plain", group="example.com", kind_="Plain", plural="plains", pods=[{"template": "template", "replicas": ["replicas"]}])
    server = serve([plain, team(6)])

    def plains(count):
        return {"apiVersion": "example.com/v1", "kind": "Plain", "metadata": {"name": "p", "namespace": "team-a"}, "replicas": count,
                "template": {"spec": kube.pod({GPU: 1})["spec"]}}
    assert "6 of 9 Pods fit now" in ask(server, plains(9)).warnings[0]
    assert "6 of 8 more Pods fit now" in ask(server, plains(9), plains(1)).warnings[0]
    assert not ask(server, plains(9), plains(9) | {"status": {}}).warnings


def test_pods_of_another_kind_of_the_same_name_are_not_replaced(tmp_path):
    """A Job of Volcano and one of Kubernetes are different objects, and so are their Pods."""
    volcano = {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "metadata": {"name": "x", "namespace": "team-a"},
               "spec": {"tasks": [{"name": "a", "replicas": 1, "template": {"spec": kube.pod({GPU: 1})["spec"]}}]}}
    usage = tmp_path / "usage.yaml"

    def verdict(api_version):
        held = kube.persisted(kube.pod({GPU: 3}, name="x-0"))
        held["metadata"]["ownerReferences"] = [{"apiVersion": api_version, "kind": "Job", "name": "x", "uid": "1", "controller": True}]
        usage.write_text(json.dumps(held))
        write_policy(tmp_path / "policy", [EVERY, team(3)])
        (tmp_path / "object.yaml").write_text(json.dumps(volcano))
        done = run("explain", "--policy", tmp_path / "policy", "-f", tmp_path / "object.yaml", "--usage", usage, "-o", "json")
        return json.loads(done.stdout)["objects"][0]["verdict"]
    assert verdict("batch/v1") == "refused"
    assert verdict("batch.volcano.sh/v1alpha1") == "admitted"
