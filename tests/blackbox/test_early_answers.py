"""What a person hears who applies a workload: a warning if its Pods would be refused, or how many
of them fit now. Nothing is reserved, and only what could never be admitted may be refused."""

import copy
import json
import random
import re

import pytest
from hypothesis import Phase, assume, given, settings, strategies as st

import kube
from gpugate import Server, run, scaled
from kube import GPU, doc, persisted, pod
from test_one_evaluator import LIMITS, NAMESPACES, PLAIN
from test_properties import pods, policies

# kind: (API group, resource, path of the template, path of the number of Pods, its controller)
KINDS = {
    "Deployment": ("apps", "deployments", "spec.template", "spec.replicas", "replicaset"),
    "ReplicaSet": ("apps", "replicasets", "spec.template", "spec.replicas", "replicaset"),
    "StatefulSet": ("apps", "statefulsets", "spec.template", "spec.replicas", "statefulset"),
    "DaemonSet": ("apps", "daemonsets", "spec.template", None, "daemon-set"),
    "ReplicationController": ("", "replicationcontrollers", "spec.template", "spec.replicas", "replication"),
    "Job": ("batch", "jobs", "spec.template", "spec.parallelism", "job"),
    "CronJob": ("batch", "cronjobs", "spec.jobTemplate.spec.template", "spec.jobTemplate.spec.parallelism", "job"),
}
FITS = re.compile(r"(\d+) of (\d+) Pods? fits? now(?: \((\d+), and (\d+) more during a rollout\))?(?:, (?:in place of|including) (\d+) that exists?)?"
                  r"(?:, and never more than (\d+) at once)?: (.*)", re.S)
REFUSED = "its Pods would be refused: "
ROLLOUT = "set strategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1: each new Pod is then created after an old one has ended"


def put(obj, path, value):
    *keys, last = path.split(".")
    for key in keys:
        obj = obj.setdefault(key, {})
    obj[last] = value


def workload(kind, template, count=1, *, namespace="team-a", name="w", status=None, **spec):
    """Returns a workload whose Pods are like the Pod `template`."""
    group, _, template_path, count_path, _ = KINDS[kind]
    out = {"kind": kind, "apiVersion": f"{group}/v1" if group else "v1", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    put(out, template_path, {"metadata": {k: v for k, v in template["metadata"].items() if k in ("labels", "annotations")},
                             "spec": template["spec"]})
    if count_path:
        put(out, count_path, count)
    return out | {"status": status or {}}


def ask(server, obj, old=None, path="validate", **how):
    group, resource = KINDS[obj["kind"]][:2]
    how.setdefault("operation", "UPDATE" if old else "CREATE")
    return server.decide(path, kube.review(obj, old=old, kind=(group, "v1", obj["kind"]), resource=(group, "v1", resource), **how))


def child(obj, kind=None):
    """Returns a Pod as the controller of the workload would create it, and the controller."""
    kind = kind or obj["kind"]
    template = obj
    for key in KINDS[kind][2].split("."):
        template = template[key]
    made = copy.deepcopy({"kind": "Pod", "apiVersion": "v1", "metadata": template["metadata"], "spec": template["spec"], "status": {}})
    made["metadata"] |= {"namespace": obj["metadata"]["namespace"], "generateName": obj["metadata"]["name"] + "-"}
    if kind == "DaemonSet": # ReplaceDaemonSetPodNodeNameNodeAffinity of Kubernetes.
        put(made, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
            [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}])
    user = f"system:serviceaccount:kube-system:{KINDS[kind][4]}-controller"
    return made, (user, ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"])


def create(server, obj):
    """Lets the controller create one Pod. Returns the decision."""
    made, user = child(obj)
    return server.admit(made, user=user)[0]


def fill(server, count, template=None, namespace="team-a"):
    some = [persisted(pod({GPU: 1}, namespace=namespace)) for _ in range(count)] if template is None else [persisted(template) for _ in range(count)]
    assert all(server.validate(one).allowed for one in some)
    return some


def team(hard=4, name="team-a", **spec):
    return doc("Tenant", name, namespaces=[name], quotas=[{"name": "q", "hard": hard}], **spec)


def gauges(server):
    return sorted(line for line in server.admin("/metrics").text.splitlines() if line.startswith(("gpugate_quota", "gpugate_namespace", "gpugate_denials",
                                                                                                  "gpugate_warnings", "gpugate_ledger")))


# --- What is said, for each kind ---

REFUSAL = 'exceeded quota: GPU quota "q" of tenant "team-a": requested 1, used 4, limit 4, over by 1; nothing is free'
ONE = "DaemonSet"


@pytest.mark.parametrize("kind", KINDS)
def test_some_fit_now(serve, kind):
    server = serve([team(4)])
    fill(server, 4 if kind == ONE else 1)
    before = gauges(server)
    decision = ask(server, workload(kind, pod({GPU: 1}), 4))
    fits = "0 of 1 Pod fits now" if kind == ONE else "3 of 4 Pods fit now"
    assert decision.allowed and decision.warnings == [f"{fits}: {REFUSAL}"], decision
    assert "charge" not in decision.audit and gauges(server) == before
    said = server.wait_log("early_answer")[-1]
    assert {key: said[key] for key in ("kind", "namespace", "name", "user", "tenant", "allowed", "message")} == {
        "kind": kind, "namespace": "team-a", "name": "w", "user": kube.ADMIN[0], "tenant": "team-a", "allowed": True, "message": decision.warnings[0]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_of_the_pods(serve, kind):
    """The sentence is that of the Pod's own refusal, byte for byte. One that is not about a quota
    could be taken for a warning about Pods that are admitted, so other words come first."""
    server = serve([team(4), doc("Guard", "g", deny=["privileged"]),
                    doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"nodeSelector": {"a": "b"}}, onConflict="deny")])
    privileged = pod(containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])
    for template, begin in ((privileged, REFUSED), (pod({GPU: 1}, nodeSelector={"a": "c"}), REFUSED), (pod({GPU: 5}), ""),
                            (pod({"amd.com/gpu": 9, GPU: 1}), ""), (pod({GPU: "1.5"}), REFUSED)):
        obj = workload(kind, template, 3)
        decision, refused = ask(server, obj), create(server, obj)
        assert decision.allowed and not refused.allowed and decision.warnings == [begin + refused.message], decision
    assert ask(server, workload(kind, pod({GPU: 1}), 3)).warnings == []
    assert ask(server, workload(kind, pod(), 1000)).warnings == []


def test_never_all_at_once(serve):
    server = serve([team(4)])
    fill(server, 1)
    assert ask(server, workload("Job", pod({GPU: 1}), 6)).warnings == [f"3 of 6 Pods fit now, and never more than 4 at once: {REFUSAL}"]
    assert ask(server, workload("Job", pod({GPU: 1}), 6, completions=3)).warnings == []


def test_a_group_that_is_admitted_only_as_a_whole(serve):
    """Of Pods of which only some fit now, none is admitted. That they fit says nothing of it."""
    server = serve([team(4), team(4, "team-b"), doc("Rule", "whole", match={"namespaces": ["team-a"]}, gangs="allOrNothing")])
    fill(server, 1, pod({GPU: 1}))
    fill(server, 1, namespace="team-b")
    whole = ', and none is admitted before its whole group fits (Rule "whole")'
    assert ask(server, workload("Job", pod({GPU: 1}), 4)).warnings == [f"3 of 4 Pods fit now{whole}: {REFUSAL}"]
    assert ask(server, workload("Job", pod({GPU: 1}), 3)).warnings == []
    assert ask(server, workload("Job", pod(), 9)).warnings == []
    assert ask(server, workload("Job", pod({GPU: 1}), 4, namespace="team-b")).warnings == [
        f"3 of 4 Pods fit now: {REFUSAL.replace('team-a', 'team-b')}"]


def test_what_is_reserved_for_a_group_is_its_own(serve):
    """It is used by others only for Pods of other groups."""
    server = serve([team(4), doc("Rule", "whole", match={}, gangs="allOrNothing")])
    group = {"labels": {"kueue.x-k8s.io/pod-group-name": "g"}, "annotations": {"kueue.x-k8s.io/pod-group-total-count": "4"}}
    fill(server, 1, pod({GPU: 1}, **group))
    assert ask(server, workload("Job", pod({GPU: 1}, **group), 3)).warnings == []
    refusal = 'exceeded quota: GPU quota "q" of tenant "team-a": requested 1, used'
    whole = ', and none is admitted before its whole group fits (Rule "whole")'
    assert ask(server, workload("Job", pod({GPU: 1}, **group), 4)).warnings == [
        f"3 of 4 Pods fit now{whole}: {refusal} 4, limit 4, over by 1; nothing is free"]
    assert ask(server, workload("Job", pod({GPU: 1}), 2)).warnings == [
        f"0 of 2 Pods fit now{whole}: {refusal} 1 (+3 reserved for groups of Pods), limit 4, over by 1; nothing is free"]


def test_pods_without_others_wait_for_none(serve):
    """One Pod is no group, nor are those of a DaemonSet."""
    server = serve([team(4), doc("Rule", "whole", match={}, gangs="allOrNothing")])
    fill(server, 3)
    for kind in KINDS:
        warning, = ask(server, workload(kind, pod({GPU: 2}))).warnings
        assert warning.startswith("0 of 1 Pod fits now: exceeded quota: "), (kind, warning)
    new, old = (workload("DaemonSet", pod({GPU: gpus}), status={"currentNumberScheduled": 3}) for gpus in (2, 1))
    warning, = ask(server, new, old).warnings
    assert warning.startswith("2 of 3 Pods fit now, in place of 3 that exist, and never more than 2 at once: exceeded quota: "), warning


def test_a_group_that_is_too_large(serve):
    """No Pod of it is ever admitted, so nothing says that it has to wait."""
    def policy(answer):
        return [team(4, earlyAnswer=answer), doc("Rule", "whole", match={}, gangs="allOrNothing")]

    def job(pods, **more):
        return workload("Job", pod({GPU: 1}, **more), pods)

    server = serve(policy("warn"))
    fill(server, 1)
    never = f'can never fit: never more than 4 of 6 Pods fit at once, and Rule "whole" admits all or none: {REFUSAL.removeprefix("exceeded quota: ")}'
    assert ask(server, job(6)).warnings == [never]
    server.reload(policy("deny"))
    for kind in ("Job", "Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob"):
        decision = ask(server, workload(kind, pod({GPU: 1}), 6))
        assert not decision.allowed and decision.message == never, (kind, decision)
    # It only has to wait; Pods that are kept are not to come; and the additional Pod of a rollout
    # is not of the group.
    assert ask(server, job(4)).allowed
    assert ask(server, workload("Job", pod({GPU: 1}), 6, status={"active": 2}), workload("Job", pod({GPU: 1}), 3, status={"active": 2})).allowed
    rollout = [workload("Deployment", pod({GPU: 1}, labels={"a": a}), 4, status={"replicas": 4}) for a in "bc"]
    assert ask(server, *rollout).allowed
    # The Pods are of another group, which can be a smaller one.
    assert ask(server, job(6, labels={"kueue.x-k8s.io/pod-group-name": "g"}, annotations={"kueue.x-k8s.io/pod-group-total-count": "2"})).allowed


def test_a_new_namespace(serve):
    """Without a tenant, the warning is what the Pod's refusal says."""
    server = serve([team(4, earlyAnswer="deny")])
    obj = workload("Deployment", pod({GPU: 1}), namespace="nowhere")
    decision = ask(server, obj)
    assert decision.allowed and decision.warnings == [REFUSED + create(server, obj).message] and 'nowhere' in decision.warnings[0], decision


# --- Updates ---

def grown(before, count=None, template=None, **spec):
    after = copy.deepcopy(before)
    if count is not None:
        put(after, KINDS[before["kind"]][3], count)
    if template:
        put(after, KINDS[before["kind"]][2] + ".spec", template["spec"])
    after["spec"] |= spec
    return after


def test_a_rollout(serve):
    """The additional Pod is counted that it cannot do without, and the remedy is named if only that
    one does not fit."""
    server = serve([team(4)])
    fill(server, 4)
    stays = {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}}
    before = workload("Deployment", pod({GPU: 1}), 4, status={"replicas": 4}, **stays)
    image = pod({GPU: 1})
    image["spec"]["containers"][0]["image"] = "registry.example/image:2"
    says = f"4 of 5 Pods fit now (4, and 1 more during a rollout), in place of 4 that exist, and never more than 4 at once: {REFUSAL}"
    assert ask(server, grown(before, template=image), before).warnings == [says, ROLLOUT]
    remedied = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    for strategy in (remedied, {"type": "Recreate"}, {"type": "RollingUpdate"}, {"rollingUpdate": {"maxSurge": "100%"}}):
        assert ask(server, grown(before, template=image, strategy=strategy), before).warnings == []
    # A StatefulSet replaces its Pods one by one.
    before = workload("StatefulSet", pod({GPU: 1}), 4, status={"replicas": 4})
    assert ask(server, grown(before, template=image), before).warnings == []
    # The new Pods are larger, so that not even those without the surge fit.
    before = workload("Deployment", pod({GPU: 1}), 4, status={"replicas": 4}, **stays)
    larger, = ask(server, grown(before, template=pod({GPU: 2})), before).warnings
    assert larger.startswith("2 of 5 Pods fit now (4, and 1 more during a rollout), in place of 4 that exist, and never more than 2 at once: exceeded quota: ")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind][3] and kind != "CronJob"])
def test_a_larger_number(serve, kind):
    server = serve([team(4)])
    fill(server, 3)
    before = workload(kind, pod({GPU: 1}), 2, status={"active" if kind == "Job" else "replicas": 2})
    assert ask(server, grown(before, 3), before).warnings == []
    assert ask(server, grown(before, 4), before).warnings == [f"3 of 4 Pods fit now, including 2 that exist: {REFUSAL}"]


NEVER, OTHER = pod({GPU: 2}), pod({GPU: 3}) # Neither is ever admitted here.
ON_DELETE, PARTITION = {"type": "OnDelete"}, {"rollingUpdate": {"partition": 4}}


def ended(condition, status="True"):
    return {"conditions": [{"type": "Suspended", "status": "False"}, {"type": condition, "status": status}]}


def running(kind, count=4, status=None, **spec):
    """Returns a workload of Pods that exist, if `status` does not say otherwise."""
    exist = {"Job": "active", ONE: "currentNumberScheduled"}.get(kind, "replicas")
    return workload(kind, NEVER, count, status={exist: count} if status is None else status, **spec)


# before, and its changes: (whether Pods are created, so that it is refused, and arguments of grown)
CHANGES = [
    (running("Deployment"), [(False, {"count": 2}), (False, {"count": 0}), (False, {"count": 0, "template": OTHER}), (False, {"minReadySeconds": 3}),
                             (False, {}), (False, {"paused": True, "template": OTHER}), (False, {"paused": True, "count": 2}),
                             (True, {"count": 5}), (True, {"paused": True, "count": 5}), (True, {"template": OTHER}),
                             (True, {"count": 2, "template": OTHER})]),
    # None exists, because all are refused.
    (running("Deployment", status={}), [(False, {"count": 2}), (False, {"paused": True}), (False, {"revisionHistoryLimit": 1}), (True, {"count": 5}),
                                        (True, {"count": 2, "template": OTHER})]),
    # More exist for now than are wanted.
    (running("Deployment", status={"replicas": 9}), [(False, {"count": 5}), (True, {"count": 10})]),
    *[(running(kind), [(False, {"template": OTHER}), (False, {"count": 2, "template": OTHER}), (True, {"count": 5}), (True, {"count": 5, "template": OTHER})])
      for kind in ("ReplicaSet", "ReplicationController")],
    *[(running("StatefulSet"), [(False, {"template": OTHER, "updateStrategy": strategy}), (False, {"count": 3, "updateStrategy": strategy}),
                                (True, {"count": 5, "template": OTHER, "updateStrategy": strategy})]) for strategy in (ON_DELETE, PARTITION)],
    (running("StatefulSet"), [(True, {"template": OTHER}), (True, {"template": OTHER, "updateStrategy": {"rollingUpdate": {"partition": 3}}})]),
    *[(running(ONE, status={"currentNumberScheduled": exist}), [(False, {"template": OTHER, "updateStrategy": ON_DELETE}), (False, {"minReadySeconds": 3}),
                                                                (True, {"template": OTHER})]) for exist in (0, 3)],
    (running("Job"), [(False, {"activeDeadlineSeconds": 9}), (False, {"count": 2}), (False, {"suspend": True, "template": OTHER}), (True, {"count": 5})]),
    # Pods of a Job that have succeeded are not created again.
    (running("Job", status={"active": 2, "succeeded": 6}, completions=8), [(False, {"activeDeadlineSeconds": 9}), (False, {"count": 6}),
                                                                           (True, {"completions": 9, "count": 9})]),
    (running("Job", status={"succeeded": 8}, completions=8), [(False, {"ttlSecondsAfterFinished": 9}), (False, {"count": 8}), (False, {"template": OTHER})]),
    (running("Job", status={"active": 3, "succeeded": 1}), [(False, {"count": 8}), (False, {"activeDeadlineSeconds": 9})]),
    *[(running("Job", status=ended(condition)), [(False, {"ttlSecondsAfterFinished": 9}), (False, {"count": 8})])
      for condition in ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet")],
    *[(running("Job", status=status), [(True, {"count": 8})]) for status in (ended("Complete", "False"), ended("Suspended"), {"conditions": []})],
    (running("CronJob", status={}), [(False, {"count": 2}), (False, {"schedule": "1 * * * *"}), (False, {"suspend": True}), (True, {"count": 5}),
                                     (True, {"template": OTHER})]),
    (running("CronJob", status={}, suspend=True), [(False, {"schedule": "1 * * * *"}), (False, {"template": OTHER}), (True, {"suspend": False})]),
]


def test_changes_that_create_no_pods(serve):
    """They are let through without a word, whatever the policy says by now. Others are refused."""
    server = serve([team(1, earlyAnswer="deny")])
    for before, changes in CHANGES:
        for creates, change in changes:
            decision = ask(server, grown(before, **change), before)
            assert (decision.allowed, decision.warnings) == (not creates, []), (before, change, decision)
    before = running("Deployment")
    touched = grown(before)
    touched["metadata"]["labels"] = {"a": "b"}
    assert ask(server, touched, before).allowed and ask(server, before | {"status": {"replicas": 1}}, before).allowed


def test_a_paused_deployment(serve):
    """Until it goes on, its Pods are created from the template that it had."""
    server = serve([team(1, earlyAnswer="deny")])
    before = workload("Deployment", pod({GPU: 1}), 1)
    says = f"1 of 2 Pods fit now, and never more than 1 at once: {REFUSAL.replace('used 4, limit 4', 'used 1, limit 1')}"
    assert ask(server, grown(before, 2, NEVER, paused=True), before).warnings == [says]
    assert not ask(server, grown(before, 2, NEVER), before).allowed


def test_pods_that_stay_are_not_like_the_others(serve):
    """The new ones of a ReplicaSet are larger. The old ones hold what they hold."""
    server = serve([team(4)])
    fill(server, 2)
    before = workload("ReplicaSet", pod({GPU: 1}), 2, status={"replicas": 2})
    assert ask(server, grown(before, 3, pod({GPU: 2})), before).warnings == []
    more, = ask(server, grown(before, 4, pod({GPU: 2})), before).warnings
    assert more.startswith("3 of 4 Pods fit now, including 2 that exist: exceeded quota: "), more


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
@pytest.mark.parametrize("forbidden", [{"containers": [kube.container({GPU: 1}, securityContext={"privileged": True})]}, {"nodeSelector": {"a": "c"}}])
def test_what_is_forbidden_by_now_is_corrected(serve, kind, forbidden):
    """The Pods that would now be refused hold quota, which their successors get."""
    server = serve([team(4)])
    fill(server, 4)
    server.reload([team(4), doc("Guard", "g", deny=["privileged"]),
                   doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"nodeSelector": {"a": "b"}}, onConflict="deny")])
    before = workload(kind, pod({GPU: 1}) if "nodeSelector" not in forbidden else pod({GPU: 1}, **forbidden), 4, status={"replicas": 4})
    if "containers" in forbidden:
        before["spec"]["template"]["spec"]["containers"] = forbidden["containers"]
    assert ask(server, before).warnings[0].startswith(REFUSED)
    now = {"strategy": {"type": "Recreate"}} if kind == "Deployment" else {}
    assert ask(server, grown(before, template=pod({GPU: 1}), **now), before).warnings == []


def test_a_suspended_job(serve):
    """There may be room later, but not for a Pod that never fits."""
    server = serve([team(4)])
    fill(server, 4)
    suspended = workload("Job", pod({GPU: 1}), 2, suspend=True)
    assert ask(server, suspended).warnings == []
    assert len(ask(server, grown(suspended, suspend=False), suspended).warnings) == 1
    never, = ask(server, workload("Job", pod({GPU: 5}), 2, suspend=True)).warnings
    assert never.startswith("can never fit: "), never


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind][3]])
def test_without_pods_for_now_nothing_is_refused(serve, kind):
    """Another program may change the template before there are Pods."""
    server = serve([team(4, earlyAnswer="deny"), doc("Guard", "g", deny=["privileged"])])
    for count in (0, 1):
        suspended = {"suspend": True} if count and kind in ("Job", "CronJob") else {}
        for template in (pod({GPU: 5}), pod(containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])):
            decision = ask(server, workload(kind, template, count, **suspended))
            none = count == 0 or suspended
            assert decision.allowed == bool(none) and len(decision.warnings) == bool(none), decision


def test_what_is_logged(serve):
    """A dry run says so. A name that the API server still has to choose is not there."""
    server = serve([team(4)])
    unnamed = workload("Job", pod({GPU: 5}))
    unnamed["metadata"] = {"namespace": "team-a", "generateName": "w-"}
    for obj, how in ((workload("Job", pod({GPU: 5})), {}), (workload("Job", pod({GPU: 5})), {"dry_run": True}), (unnamed, {})):
        assert len(ask(server, obj, **how).warnings) == 1
    said = server.wait_log("early_answer", 3)
    assert [line.get("dryRun") for line in said] == [None, True, None] and [line.get("name") for line in said] == ["w", "w", None]


# --- earlyAnswer ---

def test_deny_only_what_is_never_admitted(serve):
    server = serve([team(4, earlyAnswer="deny"), team(4, "team-b", earlyAnswer="off"), doc("Guard", "g", deny=["privileged"])])
    fill(server, 4)
    privileged = pod(containers=[kube.container({GPU: 1}, securityContext={"privileged": True})])
    for never in (privileged, pod({GPU: 5})):
        obj = workload("Job", never)
        decision = ask(server, obj)
        assert not decision.allowed and decision.warnings == [] and decision.message == create(server, obj).message, decision
        quiet = ask(server, workload("Job", never, namespace="team-b"))
        assert quiet.allowed and quiet.warnings == []
    now = ask(server, workload("Job", pod({GPU: 1}), 8))
    assert now.allowed and now.warnings == [f"0 of 8 Pods fit now, and never more than 4 at once: {REFUSAL}"]
    assert [line["allowed"] for line in server.wait_log("early_answer", 3)] == [False, False, True]


def test_nothing_is_refused_where_pods_are_not(serve):
    for policy in ([doc("Settings", "s", enforcement="warn"), team(1, earlyAnswer="deny")], [team(1, enforcement="audit", earlyAnswer="deny")],
                   [doc("Settings", "s", exempt={"namespaces": ["team-a"]}), team(1, earlyAnswer="deny")]):
        decision = ask(serve(policy), workload("Job", pod({GPU: 5}), 9))
        assert decision.allowed and decision.warnings == [], (policy, decision)


# --- What cannot be decided ---

@pytest.mark.parametrize("change", [
    lambda spec: spec.clear(), lambda spec: spec.update(template=None), lambda spec: spec.update(replicas="many"), lambda spec: spec.update(replicas=-1),
    lambda spec: spec["template"]["spec"].update(containers=7), lambda spec: spec.update(strategy={"rollingUpdate": {"maxSurge": "x%"}})])
def test_unreadable(serve, change):
    server = serve([team(1, earlyAnswer="deny")])
    obj = workload("Deployment", pod({GPU: 5}), 2)
    assert not ask(server, obj).allowed
    change(obj["spec"])
    decision = ask(server, obj)
    assert decision.allowed and decision.warnings == [], decision


def test_what_is_no_question(serve):
    """Deletions, subresources, other kinds, and calls of /mutate."""
    server = serve([team(1, earlyAnswer="deny")])
    obj = workload("Deployment", pod({GPU: 5}), 2)
    other = "gpugate evaluates only Pods, workloads and claims of devices; remove other resources from its webhook configuration"
    for how in ({"subresource": "scale"}, {"path": "mutate"}):
        assert ask(server, obj, **how).warnings == [other]
    assert server.decide("validate", kube.review(None, operation="DELETE", old=obj, kind=("apps", "v1", "Deployment"),
                                                 resource=("apps", "v1", "deployments"))).warnings == [other]
    assert server.decide("validate", kube.review(obj, kind=("example.com", "v1", "Deployment"), resource=("example.com", "v1", "deployments"))).warnings == [other]


MANY = 2**31 - 1


def test_any_number_of_pods(serve):
    server = serve([doc("Accelerator", "a", resource=GPU, memory="80Gi"),
                    doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "measure": "memory", "hard": "unlimited"},
                                                                          {"name": "some", "hard": 10**9}])])
    for count in (MANY, 2**62, 10**30):
        decision = ask(server, workload("Deployment", pod({GPU: 7}), count))
        assert decision.allowed
        if count == 10**30: # No number of Kubernetes.
            assert decision.warnings == []
        else:
            assert decision.warnings[0].startswith(f"{10**9 // 7} of {MANY} Pods fit now, and never more than {10**9 // 7} at once: exceeded quota: ")
    before = workload("Deployment", pod({GPU: 10**9}), 2**62, status={"replicas": 2**62})
    surge = ask(server, grown(before, template=pod({GPU: 1}), strategy={"rollingUpdate": {"maxSurge": 2**62, "maxUnavailable": 0}}), before)
    assert surge.allowed and surge.warnings[0].startswith(f"{10**9} of {MANY + 1} Pods fit now ({MANY}, and 1 more during a rollout), in place of {MANY} ")
    assert server.used("team-a", "q", "memory") == 0


# --- The same as one by one ---

CAP = 12


@st.composite
def questions(draw):
    policy = [d for d in draw(policies()) if d["kind"] != "Tenant"] + LIMITS
    some = PLAIN + draw(st.lists(pods(), min_size=6, max_size=6))
    chance = random.Random(draw(st.integers(0, 1 << 32)))
    asked = [(chance.choice(list(KINDS)), chance.choice(some), chance.choice(NAMESPACES), chance.choice([0, 1, 1, 2, 3, 5, CAP, MANY]))
             for _ in range(scaled(16, 4))]
    return json.loads(json.dumps(policy)), asked  # Aliases are not read.


def check(server, obj, count, seen):
    """Asks first, and then creates Pods one by one until one is refused."""
    kind = obj["kind"]
    count = 1 if kind == ONE else count
    before = gauges(server)
    told = ask(server, obj)
    assert told.allowed and gauges(server) == before
    refused, admitted = None, 0
    while not refused and admitted < min(count, CAP):
        decision = create(server, obj)
        refused = None if decision.allowed else decision.message
        admitted += decision.allowed
    if count == 0:
        seen["none"] += len(told.warnings)
        return
    if not refused and count <= CAP:
        assert told.warnings == [], told
        seen["all"] += 1
    elif not refused: # CAP of them fit, and perhaps more.
        assert not told.warnings or int(FITS.match(told.warnings[0])[1]) >= CAP
    elif FITS.match(told.warnings[0]):
        fits, of, *_, most, sentence = FITS.match(told.warnings[0]).groups()
        assert (int(fits), int(of), sentence) == (admitted, count, refused), told
        assert most is None or admitted <= int(most) < count
        seen["some"] += 1
    else:
        bare = refused.startswith("can never fit: ")
        assert (admitted, told.warnings) == (0, [("" if bare else REFUSED) + refused]), told
        seen["never"] += 1


def test_as_one_by_one():
    seen = {"none": 0, "all": 0, "some": 0, "never": 0}

    @settings(phases=[Phase.generate])
    @given(questions())
    def each(question):
        policy, asked = question
        server = Server(policy, start=False)
        assume(run("lint", server.policy).returncode == 0)
        server.start()
        try:
            for kind, template, namespace, count in asked:
                check(server, workload(kind, template, count, namespace=namespace), count, seen)
        finally:
            server.stop()
    each()
    # A sanitized run is too short to have all of them.
    assert all(seen[what] > scaled(5, -1) for what in ("all", "some", "never")), seen


def test_denied_only_if_never():
    """What is refused early is refused as a Pod too, also by a server that holds nothing."""
    seen = {"allowed": 0, "denied": 0}

    @settings(phases=[Phase.generate])
    @given(questions())
    def each(question):
        policy, asked = question
        for tenant in (d for d in policy if d["kind"] == "Tenant"):
            tenant["spec"]["earlyAnswer"] = "deny"
        server, empty = Server(policy, start=False), Server(policy, start=False)
        assume(run("lint", server.policy).returncode == 0)
        try:
            server.start()
            empty.start()
            for kind, template, namespace, count in asked:
                obj = workload(kind, template, count, namespace=namespace)
                told = ask(server, obj)
                alone, made = empty.admit(*child(obj)[:1], user=child(obj)[1])
                seen["allowed" if told.allowed else "denied"] += 1
                if told.allowed:
                    # Only Pods of tenants are refused early.
                    assert alone.allowed or count == 0 or namespace in ("warned", "nowhere", "exempt"), (obj, told, alone)
                else:
                    assert not alone.allowed and told.message == create(server, obj).message, told
                if alone.allowed:
                    empty.delete(made)
                for _ in range(min(count, 2)):
                    create(server, obj)
        finally:
            server.stop()
            empty.stop()
    each()
    assert all(count > scaled(5, -1) for count in seen.values()), seen
