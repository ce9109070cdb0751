"""`gpugate explain`: Pods that replace others, what would happen if everything were enforced, and
what could be done about a refusal. What it proposes is admitted."""

import copy
import json

import pytest
import yaml

import kube
from gpugate import run, write_policy
from kube import GPU, SHARED, container, doc, pod

MIG = "nvidia.com/mig-{}"
A100 = doc("Accelerator", "a100", resource=GPU, memory="80Gi", mig={"model": "a100-80gb", "strategy": "mixed", "profiles": "builtin"},
           sharing={"resource": SHARED, "replicas": 4})


def team(hard, measure="gpus", name="team-a", **spec):
    return doc("Tenant", name, namespaces=[name], quotas=[{"name": "q", "measure": measure, "hard": hard}], **spec)


def workload(asks, replicas=1, kind="Deployment", name="d", **spec):
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "team-a"},
            "spec": {"replicas": replicas, "template": {"metadata": {}, "spec": pod(asks)["spec"]}, **spec}}


def owned(asks, kind, owner, count, labels=None, **status):
    """Pods that a workload has."""
    some = []
    for i in range(count):
        one = kube.persisted(pod(asks, name=f"{owner}-{kind.lower()}-{i}", labels=labels))
        one["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "u", "controller": True}]
        some.append(one | {"status": {"phase": "Running", **status}})
    return some


@pytest.fixture(name="tell")
def _tell(tmp_path):
    def ask(policy, objects, held=(), text=False):
        for name, some in (("objects", objects), ("usage", held)):
            (tmp_path / f"{name}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(some)}))
        done = run("explain", "-f", tmp_path / "objects.json", "--policy", write_policy(tmp_path / "policy", policy),
                   "--usage", tmp_path / "usage.json", *(() if text else ("-o", "json")))
        assert done.returncode in (0, 1), done
        return done.stdout if text else json.loads(done.stdout)["objects"]
    return ask


def counts(told):
    return {key: told.get(key) for key in ("verdict", "pods", "fits", "replaces", "surge")}


# --- Pods that replace others ---

HASH = {"pod-template-hash": "5b"}
DEPLOYED = lambda count, **status: owned({GPU: 1}, "ReplicaSet", "d-5b", count, HASH, **status)


@pytest.mark.parametrize("strategy, pods", [
    ({}, 4),  # 25% may be missing, which is one.
    ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}}}, 4),
    ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}}}, 5),
    # The first percentage is rounded up, the second one down. If both are 0, one may be missing.
    ({"strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "24%"}}}, 5),
    ({"strategy": {"rollingUpdate": {"maxSurge": "1%", "maxUnavailable": "0%"}}}, 5),
    ({"strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "1%"}}}, 4),
    ({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}, 4),
    ({"strategy": {"rollingUpdate": {"maxUnavailable": 0}}, "paused": True}, 4),
    ({"strategy": {"type": "Recreate"}}, 4),
])
def test_a_rollout_needs_another_pod(tell, strategy, pods):
    """If no Pod may be missing, there must be room for one more. Otherwise the rollout goes on
    without it."""
    told = tell([A100, team(8)], [workload({GPU: 1}, 4, **strategy)], DEPLOYED(4))[0]
    assert counts(told) == {"verdict": "admitted", "pods": pods, "fits": pods, "replaces": 4, "surge": pods - 4 or None}
    # The first one needs no others.
    assert counts(tell([A100, team(8)], [workload({GPU: 1}, 4, **strategy)])[0])["pods"] == 4


@pytest.mark.parametrize("value", ["x%", "%", "25", -1, "-1%", 1.5])
def test_a_surge_that_is_none(tell, tmp_path, value):
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(workload({GPU: 1}, strategy={"rollingUpdate": {"maxSurge": value}})))
    done = run("explain", "-f", tmp_path / "bad.yaml", "--policy", write_policy(tmp_path / "policy", [A100, team(8)]))
    assert done.returncode == 2 and "spec.strategy.rollingUpdate.maxSurge: expected a whole number of 0 or more" in done.stderr, done


@pytest.mark.parametrize("kind, owner, labels", [
    ("Deployment", ("ReplicaSet", "d-5b"), HASH), ("ReplicaSet", ("ReplicaSet", "d"), HASH), ("StatefulSet", ("StatefulSet", "d"), {}),
])
def test_whose_pods_are_replaced(tell, kind, owner, labels):
    own = owned({GPU: 1}, *owner, 2, labels)
    others = [owned({GPU: 1}, *owner, 1, labels)[0] for _ in range(4)]
    for i, one in enumerate(others):
        one["metadata"]["name"] = f"other-{i}"
        one["metadata"]["uid"] = f"other-{i}"
    others[0]["metadata"]["ownerReferences"][0]["name"] = "d-d-5b"
    others[1]["metadata"]["ownerReferences"][0]["kind"] = "Job"
    others[2]["metadata"]["namespace"] = "elsewhere"
    others[3]["metadata"]["ownerReferences"] = []
    told = tell([A100, team(99)], [workload({GPU: 1}, 2, kind)], [*own, *others])[0]
    assert told["replaces"] == 2 and told["quotas"][0]["used"] == "3", told


def test_what_is_not_replaced(tell):
    """Finished Pods hold nothing. The Pods of one object exist while another one is tried. A label
    alone does not make a Pod one of the Deployment."""
    assert tell([A100, team(4)], [workload({GPU: 1}, 4)], DEPLOYED(4, phase="Failed"))[0].get("replaces") is None
    first, second = workload({GPU: 1}, 1, name="first"), workload({GPU: 1}, 4)
    told = tell([A100, team(4)], [first, second], DEPLOYED(4))
    assert [counts(each)["fits"] for each in told] == [0, 4] and told[1]["replaces"] == 4
    wrong = owned({GPU: 1}, "ReplicaSet", "d-5b", 2, {"pod-template-hash": "b"})
    assert tell([A100, team(9)], [workload({GPU: 1}, 2)], wrong)[0].get("replaces") is None


def test_a_daemon_set_replaces_as_many_as_it_has(tell):
    daemons = workload({GPU: 1}, kind="DaemonSet")
    assert counts(tell([A100, team(3)], [daemons], owned({GPU: 1}, "DaemonSet", "d", 3))[0]) == {
        "verdict": "admitted", "pods": 3, "fits": 3, "replaces": 3, "surge": None}
    daemons["spec"]["updateStrategy"] = {"rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}}
    assert counts(tell([A100, team(3)], [daemons], owned({GPU: 1}, "DaemonSet", "d", 3))[0]) == {
        "verdict": "refused", "pods": 4, "fits": 3, "replaces": 3, "surge": 1}
    assert "  remedies set updateStrategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1: " in tell(
        [A100, team(3)], [daemons], owned({GPU: 1}, "DaemonSet", "d", 3), text=True)
    daemons["spec"]["updateStrategy"] = {"type": "OnDelete"}
    daemons["spec"]["template"]["spec"] = pod({GPU: 2})["spec"]
    assert counts(tell([A100, team(3)], [daemons], owned({GPU: 1}, "DaemonSet", "d", 3))[0])["fits"] == 1


def test_the_text_of_a_rollout(tell):
    stays = workload({GPU: 1}, 4, strategy={"rollingUpdate": {"maxUnavailable": 0}})
    text = tell([A100, team(4)], [stays], DEPLOYED(4), text=True)
    assert ": its Pods are refused; 4 of 5 Pods fit now (4, and 1 more during a rollout), in place of 4 that exist; the refusal of the next one is:\n" in text
    assert ("  remedies set strategy.rollingUpdate to maxSurge: 0 and maxUnavailable: 1: each new Pod is then created after an old one has ended\n"
            in text), text
    # With what it says, it fits.
    fixed = workload({GPU: 1}, 4, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    assert ": admitted; 4 of 4 Pods fit now, in place of 4 that exist\n" in tell([A100, team(4)], [fixed], DEPLOYED(4), text=True)
    # It does not help if the Pods themselves do not fit.
    assert "maxSurge" not in tell([A100, team(3)], [stays], DEPLOYED(4), text=True)


# --- If everything were enforced ---

@pytest.mark.parametrize("enforcement", ["audit", "warn"])
def test_what_a_policy_that_only_reports_would_refuse(tell, enforcement):
    policy = [doc("Settings", "s", enforcement=enforcement), A100, team(2)]
    told = tell(policy, [workload({GPU: 1}, 5)])[0]
    assert counts(told)["verdict"] == "admitted" and (told["fits"], told["fitsIfEnforced"]) == (5, 2)
    assert told["objections"][0]["enforcement"] == enforcement and "requested 1, used 2, limit 2" in told["objections"][0]["message"]
    enforced = tell(policy[1:], [workload({GPU: 1}, 5)])[0]
    assert enforced["fits"] == 2 and enforced["message"] == told["objections"][0]["message"] and "fitsIfEnforced" not in enforced
    text = tell(policy, [workload({GPU: 1}, 5)], text=True)
    assert f"\n  If every enforcement were deny, its Pods would be refused; 2 of 5 Pods would fit, because of:\n  {enforcement}: exceeded quota: " in text, text
    assert "\n  If every enforcement were deny, it would be refused, because of:\n" in tell(policy, [pod({GPU: 3})], text=True)
    assert "fitsIfEnforced" not in tell(policy, [workload({GPU: 1}, 2)])[0]


@pytest.mark.parametrize("enforcement", ["audit", "warn"])
def test_a_rule_that_only_reports_would_change_the_pod_and_not_refuse_it(tell, enforcement):
    rule = doc("Rule", "tolerant", match={"requests": {GPU: {}}}, inject={"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]},
               enforcement=enforcement)
    told = tell([A100, team(2), rule], [pod({GPU: 1})])[0]
    assert told["objections"][0]["message"] == f'Rule "tolerant" would add a toleration (enforcement: {enforcement})'
    assert told["verdict"] == "admitted" and "fitsIfEnforced" not in told
    text = tell([A100, team(2), rule], [pod({GPU: 1})], text=True)
    assert f"\n  {enforcement}: Rule \"tolerant\" would add a toleration" in text and "If every enforcement" not in text


# --- What could be done ---

def remedy(told, kind):
    return next((each for each in told.get("remedies", []) if each["kind"] == kind), None)


def held(gpus, space="team-a"):
    return [kube.persisted(pod({GPU: gpus}, namespace=space, name="held"))]


@pytest.mark.parametrize("hard, asks, expected", [
    (6, {GPU: 9}, (GPU, 6)),
    (1, {MIG.format("1g.10gb"): 20}, (MIG.format("1g.10gb"), 7)),
    ("0.5", {GPU: 1}, (MIG.format("3g.40gb"), 1)),
    ("0.3", {GPU: 2}, (MIG.format("2g.20gb"), 1)),
    ("0.2", {MIG.format("3g.40gb"): 1}, (MIG.format("1g.10gb"), 1)),
    ("0.1", {GPU: 1}, None),
])
def test_what_fits_instead(tell, hard, asks, expected):
    told = tell([A100, team(hard)], [pod(asks)])[0]
    found = remedy(told, "request")
    assert told["verdict"] == "refused" and (found and (found["resource"], found["count"])) == expected, told
    if expected:
        assert tell([A100, team(hard)], [pod(dict([expected]))])[0]["verdict"] == "admitted"


def test_what_fits_obeys_all_quotas(tell):
    """That of another tenant on the path, and what is held."""
    policy = [A100, doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 5}]), team(8, parent="org"), team(8, name="team-b", parent="org")]
    told = tell(policy, [pod({GPU: 4})], held(3, "team-b"))[0]
    assert remedy(told, "request") == {"kind": "request", "resource": GPU, "count": 2, "insteadOf": GPU, "asked": 4, "container": "main"}
    text = tell(policy, [pod({GPU: 4})], held(3, "team-b"), text=True)
    assert f'  remedies request 2 {GPU} instead of 4 in container "main": such a Pod fits now\n' in text, text
    assert tell([A100, team("0.5")], [pod({GPU: 1})], text=True).endswith(
        f'  remedies request 1 {MIG.format("3g.40gb")} instead of 1 {GPU} in container "main": such a Pod fits now\n')


def test_nothing_is_proposed_for_several_requests(tell):
    two = pod(containers=[container({GPU: 2}), container({GPU: 2}, "other")])
    assert "remedies" not in tell([A100, team(3)], [two])[0]
    # Nor for what a Guard refuses.
    guard = doc("Guard", "g", deny=["privileged"])
    assert "remedies" not in tell([A100, team(3), guard], [pod(containers=[container({GPU: 1}, securityContext={"privileged": True})])])[0]


def spread(**counts):
    """Pods of one GPU each, by their namespaces."""
    some = []
    for space, count in counts.items():
        for i in range(count):
            some.append(kube.persisted(pod({GPU: 1}, namespace=space, name=f"p{i}"), uid=f"{space}-{i}"))
    return some


def test_who_holds_a_quota_of_which_nothing_is_free(tell):
    """By namespaces, the largest first, and how much must become free. Once that much has ended,
    the Pod is admitted."""
    spaces = [f"n{i}" for i in range(8)]
    policy = [A100, doc("Tenant", "team-a", namespaces=["team-a", *spaces], quotas=[{"name": "q", "measure": "gpus", "hard": 12}])]
    some = spread(n0=1, n1=3, n2=1, n3=1, n4=1, n5=1, n6=4)
    told = tell(policy, [pod({GPU: 1}, namespace="n7")], some)[0]
    assert told["message"].endswith("nothing is free") and remedy(told, "holders") == {
        "kind": "holders", "tenant": "team-a", "quota": "q", "needed": "1", "more": 2, "own": 0,
        "holders": [{"namespace": "n6", "amount": "4", "pods": 4}, {"namespace": "n1", "amount": "3", "pods": 3},
                    *({"namespace": f"n{i}", "amount": "1", "pods": 1} for i in (0, 2, 3))]}
    text = tell(policy, [pod({GPU: 1}, namespace="n7")], some, text=True)
    assert ("  remedies wait until quota team-a/q has 1 more free; it is held by 4 Pods in namespace n6 (4), 3 Pods in namespace n1 (3), "
            "1 Pod in namespace n0 (1), 1 Pod in namespace n2 (1), 1 Pod in namespace n3 (1), and Pods in 2 more namespaces\n") in text, text
    assert tell(policy, [pod({GPU: 1}, namespace="n7")], some[1:])[0]["verdict"] == "admitted"


def test_a_workload_that_holds_the_quota_itself(tell):
    told = tell([A100, team(3)], [workload({GPU: 1}, 5)], spread(**{"team-a": 1}))[0]
    found = remedy(told, "holders")
    assert (found["own"], found["needed"], found["holders"]) == (2, "1", [{"namespace": "team-a", "amount": "3", "pods": 3}])
    text = tell([A100, team(3)], [workload({GPU: 1}, 5)], spread(**{"team-a": 1}), text=True)
    assert "it is held by 3 Pods in namespace team-a (3); 2 of these Pods are of this object\n" in text


def test_what_claims_hold(tell):
    listed = doc("Accelerator", "a100", resource=GPU, memory="80Gi", deviceClasses=["a100"])
    held = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "c", "namespace": "team-a", "uid": "c"},
            "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "a100", "count": 2}}]}}}
    text = tell([listed, team(3)], [pod({GPU: 2})], [held], text=True)
    assert "it is held by 1 Pod or claim in namespace team-a (2)\n" in text, text
    text = tell([listed, team(3)], [pod({GPU: 2})], [held, *spread(**{"team-a": 1})], text=True)
    assert "it is held by 2 Pods and claims in namespace team-a (3)\n" in text, text


def test_waiting_is_not_proposed_in_vain(tell):
    """No end of a Pod makes room for what is above the limit. Only quotas that refuse are named."""
    assert remedy(tell([A100, team(3)], [pod({GPU: 4})], spread(**{"team-a": 1}))[0], "holders") is None
    policy = [A100, doc("Tenant", "org", quotas=[{"name": "all", "measure": "gpus", "hard": 3}]), team(8, parent="org"), team(8, name="team-b", parent="org")]
    told = tell(policy, [pod({GPU: 1})], spread(**{"team-a": 1, "team-b": 2}))[0]
    assert [(one["tenant"], [holder["namespace"] for holder in one["holders"]]) for one in told["remedies"] if one["kind"] == "holders"] == [("org", ["team-b", "team-a"])]
    assert "remedies" not in tell([A100, team(3, enforcement="warn")], [pod({GPU: 1})], spread(**{"team-a": 3}))[0]


def test_names_that_there_are(tell):
    """Where no near name exists, the explanation lists the first ones that the policy has."""
    only = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "resources": [GPU], "hard": 9}])
    many = [doc("Tenant", f"tenant-{i:02}", namespaces=[f"t{i}"], quotas=[{"name": "q", "hard": 1}]) for i in range(11)]
    nobody = pod({GPU: 2}, namespace="nobody")
    told = tell([A100, only, *many], [nobody])[0]
    assert told["objections"][0]["reason"] == "untenanted" and told["remedies"] == [
        {"kind": "names", "of": "tenants", "names": ["team-a", *(f"tenant-{i:02}" for i in range(7))], "more": 4}]
    assert "  remedies the tenants of the policy are team-a, tenant-00, " in tell([A100, only, *many], [nobody], text=True)
    assert ", and 4 more\n" in tell([A100, only, *many], [nobody], text=True)
    plain = doc("Accelerator", "plain", resource=GPU)
    for resource in ("amd.com/gpu", "unknown.example/gpu"):
        policy = [doc("Settings", "s", unknownResources="deny"), plain, only]
        told = tell(policy, [pod({resource: 1})])[0]
        assert told["verdict"] == "refused" and remedy(told, "names") == {"kind": "names", "of": "resources", "names": [GPU], "more": 0}, told
        assert f"  remedies the resources of the policy are {GPU}\n" in tell(policy, [pod({resource: 1})], text=True)


def test_who_borrows(tell):
    def member(name, hard):
        return doc("Tenant", name, namespaces=[name], cohort="c", quotas=[{"name": "q", "measure": "gpus", "hard": hard}],
                   borrowing={"q": {"borrowUpTo": 5}})
    policy = [A100, member("team-a", 4), member("team-b", 2), member("team-c", 3)]
    some = [*held(5, "team-b"), *held(2, "team-c"), *held(1, "team-a")]
    for i, one in enumerate(some):
        one["metadata"]["uid"] = str(i)
    told = tell(policy, [pod({GPU: 3})], copy.deepcopy(some))[0]
    assert told["verdict"] == "refused" and remedy(told, "cohort") == {
        "kind": "cohort", "cohort": "c", "quota": "q",
        "borrowers": [{"tenant": "team-b", "used": "5", "hard": "2", "borrowed": "3"}],
        "lenders": [{"tenant": "team-c", "used": "2", "hard": "3", "lendUpTo": "3"}]}, told
    text = tell(policy, [pod({GPU: 3})], some, text=True)
    assert "in cohort c, ask for some of quota q back: team-b borrows 3; team-c uses 2 of its 3 and lends up to 3\n" in text
    assert "1 used + 3 requested = 4 of 4 + up to 5 borrowed from cohort c" in text


# --- Amounts that are cut ---

@pytest.mark.parametrize("asks, cut", [({GPU: 1}, False), ({SHARED: 1}, False), ({MIG.format("1g.10gb"): 1}, True), ({MIG.format("1g.10gb"): 7}, True),
                                       ({MIG.format("7g.80gb"): 1}, False)])
def test_amounts_that_are_cut_are_called_so(tell, asks, cut):
    told, text = tell([A100, team(9)], [pod(asks)])[0], tell([A100, team(9)], [pod(asks)], text=True)
    assert told.get("amountsCut", False) == cut and ("Some amounts are cut to two decimals here. They are counted exactly.\n" in text) == cut, text
    if cut and 7 in asks.values():
        assert "7 x 0.14 = 1, as a100" in text


# --- Slices that no Accelerator offers ---

def test_a_slice_that_is_not_offered(tell):
    some = doc("Accelerator", "a100", resource=GPU, memory="80Gi", mig={"model": "a100-80gb", "strategy": "mixed", "offered": ["1g.10gb", "3g.40gb"]})
    wrong, near, other = MIG.format("4g.40gb"), MIG.format("3g.40gb"), MIG.format("1g.10gb")
    refused = tell([some, doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "resources": [GPU, near], "hard": 9}])], [pod({wrong: 1})])[0]
    assert refused["message"] == (
        f'no Accelerator of the policy offers {wrong}, so no GPU quota of tenant "team-a" covers it; did you mean "{near}"?; '
        f"request what is offered ({other}, {near}), or ask the platform team to offer it")
    # A quota that counts every accelerator admits it. The explanation says what happens then.
    admitted = tell([some, team(9)], [pod({wrong: 1})])[0]
    assert admitted["verdict"] == "admitted" and admitted["resources"][0]["notOffered"] and admitted["resources"][0]["nearest"] == near
    assert f"by its name, since no Accelerator has it, so that it is never scheduled; did you mean {near}?\n" in tell([some, team(9)], [pod({wrong: 1})], text=True)
    assert "notOffered" not in tell([some, team(9)], [pod({near: 1})])[0]["resources"][0]
    # Without any slices in the policy, quotas may count them by name only.
    plain = [doc("Accelerator", "a100", resource=GPU), doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "resources": [GPU], "hard": 9}])]
    assert "covers" in tell(plain, [pod({wrong: 1})])[0]["message"] and "offers" not in tell(plain, [pod({wrong: 1})])[0]["message"]


def test_the_advice_of_lint_leads_to_a_sentence_that_helps(tell, tmp_path):
    """Of `model-without-quota`: with a quota of its own, the other model is admitted; with a Rule,
    the Pod is sent to the first one."""
    models = [doc("Accelerator", name, resource=GPU, memory="16Gi", nodeLabels={"model": name}) for name in ("h100", "t4")]
    first = {"name": "a", "accelerators": ["h100"], "hard": 4}
    policy = [*models, doc("Tenant", "team-a", namespaces=["team-a"], quotas=[first])]
    assert "add a quota for it, or a Rule with a nodeSelector" in run("lint", write_policy(tmp_path / "lint", policy)).stdout
    assert tell(policy, [pod({GPU: 1})])[0]["message"].endswith(
        'require nodes of "h100" (nodeSelector model: h100) and no others, or ask the platform team for a quota')
    second = [*models, doc("Tenant", "team-a", namespaces=["team-a"], quotas=[first, {"name": "b", "accelerators": ["t4"], "hard": 1}])]
    ruled = [*policy, doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"nodeSelector": {"model": "h100"}})]
    for better in (second, ruled):
        assert tell(better, [pod({GPU: 1})])[0]["verdict"] == "admitted"
        assert "model-without-quota" not in run("lint", write_policy(tmp_path / "lint", better)).stdout
