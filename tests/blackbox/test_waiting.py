"""Only refusals that may end by waiting contain the words on which workflow engines wait. The test
covers every reason and every sentence in the sources."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from gpugate import ROOT, Server, eventually, scaled
from kube import GPU, SHARED, container, doc, persisted, pod
from test_claims import ask, claim, request
from unreliable_api_server import UnreliableApiServer
from waiting import WORDS, airflow, argo, engines_wait, tekton

# Its tests share the messages that they have seen.
pytestmark = pytest.mark.xdist_group("waiting")

MIG1, MIG3 = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"
PRODUCT = "nvidia.com/gpu.product"
MESSAGE_MAX = 1023

A100 = doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", nodeLabels={PRODUCT: "A100"}, mig={"offered": ["1g.10gb", "3g.40gb"]},
           sharing={"resource": SHARED, "replicas": 4})
T4 = doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={PRODUCT: "T4"}, weight="0.25")
# Claims get either if they request the class `gpu`.
CLAIMED = [doc("Accelerator", name, resource=GPU, nodeLabels={PRODUCT: name}, deviceClasses=["gpu", name]) for name in ("h100", "l40s")]

# Slices of one class, of which each model offers another.
SLICED = [doc("Accelerator", f"{model}-80gb", resource=GPU, nodeLabels={PRODUCT: model.upper()}, mig={"offered": [slice_of_it], "deviceClasses": {"mig": "any"}})
          for model, slice_of_it in (("a100", "1g.10gb"), ("h100", "3g.40gb"))]


def team(*quotas, name="team-a", **spec):
    return doc("Tenant", name, **{"namespaces": [name], **spec}, quotas=list(quotas))


def quota(name="q", hard=4, **more):
    return {"name": name, "hard": hard, **more}


def required(*expressions):
    terms = [{"matchExpressions": [{"key": key, "operator": operator, "values": list(values)} for key, operator, *values in expressions]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def mig_rule(**to_mig):
    return doc("Rule", "mig", rewrite=[{"from": GPU, "toMig": {"accelerator": "a100-80gb", "memoryFrom": "annotation:mem", **to_mig}}])


def whole(name="whole-jobs"):
    """A Rule for Pods that say how many Pods their group has."""
    return doc("Rule", name, gangs="allOrNothing")


def member(count, size, name="train", **more):
    """A Pod of a group of `size` Pods that each request as much."""
    labels, notes = ({"kueue.x-k8s.io/pod-group-name": name}, {"kueue.x-k8s.io/pod-group-total-count": str(size)}) if size > 1 else (None, None)
    return pod({GPU: count}, labels=labels, annotations=notes, **more)


def host(path):
    return pod(volumes=[{"name": "d", "hostPath": {"path": path}}])


def guard(*deny, **spec):
    return doc("Guard", "g", **({"deny": list(deny)} if deny else {}), **spec)


PLENTY = team(quota(hard=1000000000))
COHORT = {"cohort": "c"}

# Refusals that may end by waiting: the policy, existing Pods, and the Pod or claim that is refused.
WAIT = {
    "hard": ([team(quota(hard=4))], [pod({GPU: 3})], pod({GPU: 2})),
    "a group": ([team(quota(hard=4)), whole()], [pod({GPU: 2})], member(1, 3)),
    "what is reserved for a group": ([team(quota(hard=4)), whole()], [member(1, 3)], pod({GPU: 2})),
    "a group, of which one Pod fits": ([A100, team(quota(hard=4, measure="gpus")), whole()], [pod({GPU: 1})], member(2, 2)),
    "all of the limit": ([team(quota(hard=4))], [pod({GPU: 1})], pod({GPU: 4})),
    "gpus": ([A100, team(quota(hard="1.5", measure="gpus"))], [pod({GPU: 1})], pod({GPU: 1})),
    "memory": ([A100, T4, team(quota(hard="100Gi", measure="memory"))], [pod({GPU: 1}, nodeSelector={PRODUCT: "A100"})], pod({GPU: 1})),
    "several quotas": ([A100, team(quota("a", 1), quota("b", "1", measure="gpus"))], [pod({GPU: 1})], pod({GPU: 1})),
    "an ancestor's": ([doc("Tenant", "org", quotas=[quota("all", 4)]), team(quota(hard=4), parent="org"),
                       team(quota(hard=4), name="team-b", parent="org")], [pod({GPU: 3}, namespace="team-b")], pod({GPU: 2})),
    "borrowed by others": ([team(quota(hard=4), **COHORT), team(quota(hard=4), name="team-b", borrowing={"q": {"borrowUpTo": 4}}, **COHORT)],
                           [pod({GPU: 6}, namespace="team-b")], pod({GPU: 3})),
    "used by lenders": ([team(quota(hard=4), borrowing={"q": {"borrowUpTo": 4}}, **COHORT), team(quota(hard=4), name="team-b", **COHORT)],
                        [pod({GPU: 3}, namespace="team-b")], pod({GPU: 6})),
    "only borrowed": ([team(quota(hard=0), borrowing={"q": {"borrowUpTo": 4}}, **COHORT), team(quota(hard=4), name="team-b", **COHORT)],
                      [pod({GPU: 4}, namespace="team-b")], pod({GPU: 1})),
    "one that only warns can never fit": ([doc("Tenant", "org", enforcement="warn", quotas=[quota("all", 1)]), team(quota(hard=4), parent="org")],
                                          [pod({GPU: 3})], pod({GPU: 2})),
    "a claim": ([*CLAIMED, team(quota(hard=1))], [pod({GPU: 1})], claim(request("gpu"))),
    "a companion": ([team(quota(), quota("m", 10, resources=["nvidia.com/gpumem"]))], [pod({"nvidia.com/gpumem": 6})], pod({"nvidia.com/gpumem": 6})),
}

# Refusals that do not end by waiting, by the reason in the metrics.
FINAL = {
    "quota": {
        "hard": ([team(quota(hard=4))], pod({GPU: 5})),
        "zero": ([team(quota(hard=0))], pod({GPU: 1})),
        "a group": ([team(quota(hard=4)), whole()], member(1, 5)),
        "gpus": ([A100, team(quota(hard="0.3", measure="gpus"))], pod({GPU: 1})),
        "with borrowing": ([team(quota(hard=4), borrowing={"q": {"borrowUpTo": 2}}, **COHORT), team(quota(hard=4), name="team-b", **COHORT)],
                           pod({GPU: 7})),
        "more than all lend": ([team(quota(hard=4), borrowing={"q": {"borrowUpTo": 20}}, **COHORT),
                                team(quota(hard=4), name="team-b", borrowing={"q": {"lendUpTo": 1}}, **COHORT)], pod({GPU: 6})),
        "an ancestor's": ([doc("Tenant", "org", quotas=[quota("all", 4)]), team(quota(hard=9), parent="org")], pod({GPU: 5})),
        "a claim": ([*CLAIMED, team(quota(hard=1))], claim({"name": "r", "exactly": {"deviceClassName": "gpu", "count": 2}})),
    },
    "uncovered": {
        "no quota": ([team(quota(resources=[GPU]))], pod({"amd.com/gpu": 1})),
        "no quota at all": ([doc("Tenant", "team-a", namespaces=["team-a"])], pod({GPU: 1})),
        "on one model": ([A100, T4, team(quota(accelerators=["t4"]))], pod({GPU: 1})),
        "what a claim could get": ([*CLAIMED, team(quota(accelerators=["l40s"]))], claim(request("gpu"))),
        "a slice that is not offered": ([A100, team(quota(resources=[GPU]))], pod({"nvidia.com/mig-2g.20gb": 1})),
    },
    "untenanted": {"no tenant": ([PLENTY], pod({GPU: 1}, namespace="x"))},
    "ambiguous": {"two tenants": ([team(quota(), namespaces=["x*y"]), team(quota(), name="team-b", namespaces=["xy*"])], pod({GPU: 1}, namespace="xyxy"))},
    "unknown-resource": {
        "one": ([doc("Settings", "s", unknownResources="deny"), PLENTY], pod({"nvidia.con/gpu": 1})),
        "two": ([doc("Settings", "s", unknownResources="deny"), PLENTY], pod({"a.example/x": 1, "b.example/x": 1})),
        "a device class": ([doc("Settings", "s", unknownResources="deny"), *CLAIMED, PLENTY], claim(request("fpga.example.com"))),
        "two device classes": ([doc("Settings", "s", unknownResources="deny"), *CLAIMED, PLENTY], claim(request("l40", "fpga.example.com"))),
    },
    "no-model": {
        "a selector": ([A100, T4, PLENTY], pod({GPU: 1}, nodeSelector={PRODUCT: "H100"})),
        "a term": ([A100, T4, PLENTY], pod({GPU: 1}, affinity=required((PRODUCT, "In", "H100", "H200", "B200")))),
        "a label that must not be there": ([doc("Accelerator", "a", resource=GPU, nodeLabels={"p": "a"}, withoutNodeLabels=["spot"]), PLENTY],
                                           pod({GPU: 1}, nodeSelector={"spot": "y", "p": "a"})),
        "two labels": ([doc("Accelerator", "a", resource=GPU, nodeLabels={"p": "a", "q": "a"}), PLENTY], pod({GPU: 1}, nodeSelector={"p": "b", "q": "b"})),
        "no node": ([A100, T4, PLENTY], pod({GPU: 1}, nodeSelector={"x": "y"}, affinity=required(("x", "In", "z")))),
        "too long": ([A100, T4, PLENTY], pod({GPU: 1}, affinity=required(("x", "In", *(f"v{i}" for i in range(3000)))))),
        "memory": ([team(quota(hard="1Gi", measure="memory"))], pod({"amd.com/gpu": 1})),
        "a part of a product": ([*SLICED, PLENTY], claim({"name": "r", "exactly": {"deviceClassName": "mig", "selectors": [{"cel": {"expression": (
            f'device.attributes["gpu.nvidia.com"].{key} == "{value}"')}} for key, value in (("profile", "1g.10gb"), ("productName", "H100"))]}})),
        "memory of a slice": ([team(quota(hard="1Gi", measure="memory"))], pod({MIG1: 1})),
    },
    "request": {
        "a fraction": ([PLENTY], pod({GPU: "1.5"})),
        "too many": ([PLENTY], pod({GPU: 2000000000})),
        "a unit": ([PLENTY], pod({GPU: "2G"})),
        "too many together": ([PLENTY], pod({GPU: 900000000, SHARED: 900000000})),
        "overhead": ([PLENTY], pod({GPU: 1}, overhead={GPU: "2.5"})),
        "too many names": ([PLENTY], pod({f"nvidia.com/mig-1g.{i}gb": 1 for i in range(70)})),
        "too many companions": ([doc("Settings", "s", otherResources=["example.com/*"]), team(quota(), *(quota(f"m{i}", 9, resources=[f"example.com/x{i}"]) for i in range(70)))],
                                pod({f"example.com/x{i}": 1 for i in range(70)})),
    },
    "rule": {
        "required": ([PLENTY, doc("Rule", "r", required=True, inject={"nodeSelector": {"a": "b"}})], pod({GPU: 1})),
        "a conflict": ([PLENTY, doc("Rule", "r", inject={"nodeSelector": {"a": "b"}})], pod({GPU: 1}, nodeSelector={"a": "c"})),
        "an affinity": ([PLENTY, doc("Rule", "r", inject={"nodeSelector": {"a": "b"}})], pod({GPU: 1}, affinity=required(("a", "In", "c", "d", "e", "f")))),
        "where there is none": ([A100, PLENTY, doc("Rule", "r", inject={"nodeSelector": {PRODUCT: "H100"}})], pod({GPU: 1})),
        "memory": ([A100, PLENTY, mig_rule()], pod({GPU: 1}, annotations={"mem": "much"})),
        "memory without a unit": ([A100, PLENTY, mig_rule()], pod({GPU: 1}, annotations={"mem": "40"})),
        "too much memory": ([A100, PLENTY, mig_rule()], pod({GPU: 1}, annotations={"mem": "60Gi"})),
        "too many names": ([A100, PLENTY, mig_rule(default="10Gi")],
                           pod({GPU: 1, **{f"nvidia.com/mig-1g.{i + 100}gb": 1 for i in range(63)}})),
    },
    "guard": {
        "visibleDevicesEnv": ([PLENTY, guard("visibleDevicesEnv")], pod(containers=[container(env={"NVIDIA_VISIBLE_DEVICES": "all"})])),
        "void": ([PLENTY, guard(visibleDevices="void")], pod()),
        "hostDeviceMounts": ([PLENTY, guard("hostDeviceMounts")], host("/dev/nvidia0")),
        "hostPaths": ([PLENTY, guard(hostPaths={"allow": ["/data", "/models"]})], host("/etc")),
        "no hostPaths": ([PLENTY, guard(hostPaths={"allow": []})], host("/etc")),
        "deviceVolumeMounts": ([PLENTY, guard("deviceVolumeMounts")],
                               pod(containers=[container(volumeMounts=[{"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}])])),
        "mixedMigInContainer": ([PLENTY, guard("mixedMigInContainer")], pod({MIG1: 1, MIG3: 1})),
        "severalSlicesInContainer": ([PLENTY, guard("severalSlicesInContainer")], pod({MIG1: 2})),
        "sharedRequestAboveOne": ([A100, PLENTY, guard("sharedRequestAboveOne")], pod({SHARED: 2})),
        "shares of one name": ([T4, doc("Accelerator", "l4", resource=GPU, nodeLabels={PRODUCT: "L4"}, sharing={"resource": GPU, "replicas": 4,
                                "maxPerContainer": 2}), PLENTY, guard("sharedRequestAboveOne")], pod({GPU: 3})),
        "preboundNodeName": ([PLENTY, guard("preboundNodeName")], pod(nodeName="n1")),
        "privileged": ([PLENTY, guard("privileged")], pod(containers=[container(securityContext={"privileged": True})])),
        "HostProcess": ([PLENTY, guard("privileged")], pod(containers=[container(securityContext={"windowsOptions": {"hostProcess": True}})])),
        "procMount": ([PLENTY, guard("privileged")], pod(containers=[container(securityContext={"procMount": "Unmasked"})])),
        "a capability": ([PLENTY, guard("privileged")], pod(containers=[container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}})])),
        "a capability with hostPID": ([PLENTY, guard("privileged")],
                                      pod(hostPID=True, containers=[container(securityContext={"capabilities": {"add": ["SYS_PTRACE"]}})])),
        "ephemeralContainers": ([PLENTY, guard("ephemeralContainers")], "ephemeral"),
        "resourceClaims": ([PLENTY, guard("resourceClaims")], pod(resourceClaims=[{"name": "c", "resourceClaimName": "c"}])),
        "deviceAnnotations": ([PLENTY, guard("deviceAnnotations")], pod(annotations={"cdi.k8s.io/x": "nvidia.com/gpu=all"})),
        "fractionAnnotations": ([PLENTY, guard("fractionAnnotations")], pod(annotations={"gpu-fraction": "0.5"})),
        "and a quota that waiting helps": ([team(quota(hard=1)), guard("privileged")],
                                           pod(containers=[container({GPU: 1}, securityContext={"privileged": True})])),
    },
}
MUTATING = {"a conflict", "an affinity", "where there is none", "memory", "memory without a unit", "too much memory"}
# Those of the ledger: tests/unit/webhook/admission/test_response.c, tests/cluster/test_replicas.py,
# tests/cluster/test_placement.py.
ELSEWHERE = {"none", "outage", "busy"}


def validate(server, obj):
    return ask(server, obj) if obj["kind"] == "ResourceClaim" else server.validate(obj)


def refuse(server, reason, case, obj):
    if obj == "ephemeral":
        old = persisted(pod(name="p"))
        new = persisted(pod(name="p"), uid=old["metadata"]["uid"])
        new["spec"]["ephemeralContainers"] = [container(name="debug")]
        return server.validate(new, operation="UPDATE", old=old, subresource="ephemeralcontainers")
    return server.mutate(obj) if reason == "rule" and case in MUTATING else validate(server, obj)


@pytest.fixture(scope="module")
def seen():
    """All messages of this module, by reason."""
    return {}


@pytest.mark.parametrize("case", WAIT)
def test_what_waiting_helps(serve, seen, case):
    policy, there, obj = WAIT[case]
    server = serve(policy)
    for other in there:
        assert server.validate(other).allowed
    decision = validate(server, obj)
    assert not decision.allowed and engines_wait(decision), decision
    assert decision.message.startswith('exceeded quota: GPU quota "'), decision.message
    assert "can never fit" not in decision.message and len(decision.message) <= MESSAGE_MAX * 4
    seen.setdefault("quota", []).append(decision.message)
    for other in there:  # What the message says is true.
        server.delete(persisted(other, uid=other["metadata"].get("uid")))
    assert validate(serve(policy), obj).allowed


@pytest.mark.parametrize("reason, case", [(reason, case) for reason, cases in FINAL.items() for case in cases])
def test_what_waiting_does_not_help(serve, seen, reason, case):
    policy, obj = FINAL[reason][case]
    server = serve(policy)
    decision = refuse(server, reason, case, obj)
    assert not decision.allowed and decision.code == 403, decision
    assert server.metrics().total("gpugate_denials_total", reason=reason) > 0, decision
    assert not engines_wait(decision) and WORDS not in decision.message.lower(), decision.message
    assert WORDS not in " ".join(decision.warnings)
    assert decision.message.startswith("can never fit: ") == (reason == "quota"), decision.message
    assert len(decision.message) <= MESSAGE_MAX
    seen.setdefault(reason, []).append(decision.message)


def test_one_that_can_never_fit_makes_waiting_useless(serve, seen):
    """This holds even if another quota in the same refusal may become free. That one comes last."""
    server = serve([team(quota("a", 4), quota("b", 2, resources=[GPU]))])
    assert server.validate(pod({GPU: 2})).allowed
    decision = server.validate(pod({GPU: 3}))
    assert decision.message == (
        'can never fit: GPU quota "b" of tenant "team-a": requested 3, used 2, limit 2; request at most 2, or ask the platform team to raise the '
        'limit; nothing is free; GPU quota "a" of tenant "team-a": requested 3, used 2, limit 4, over by 1; 2 are free')
    assert not engines_wait(decision)
    seen.setdefault("quota", []).append(decision.message)


def test_warnings_and_audits(serve, seen):
    """The message for a Pod that is admitted anyway does not say that it cannot be."""
    server = serve([doc("Tenant", "org", enforcement="audit", quotas=[quota("all", 2)]), team(quota(hard=1), parent="org", enforcement="warn")])
    first, second = server.validate(pod({GPU: 1})), server.validate(pod({GPU: 1}))
    assert first.allowed and not first.warnings and second.allowed
    assert second.warnings == ['exceeded quota: GPU quota "q" of tenant "team-a": requested 1, used 1, limit 1, over by 1; nothing is free']
    third = server.validate(pod({GPU: 3}))
    assert third.allowed and third.warnings[0].startswith('would never fit: GPU quota "q"') and third.audit["audit"].startswith('would never fit: GPU quota "all"')


def test_names_of_device_classes(seen, tmp_path):
    """A DeviceClass of the cluster gives a name to its devices, or not all classes are known."""
    api = UnreliableApiServer()
    api.put("namespaces", {"metadata": {"name": "team-a"}})
    for name in ("gpu", "fpga.example.com"):
        api.put("deviceclasses", {"metadata": {"name": name}, "spec": {"extendedResourceName": f"example.com/{name}"}})
    policy = [doc("Settings", "s", unknownResources="deny"), *CLAIMED, team(quota(hard=2))]
    server = Server(policy, "--ledger", "cluster", "--kubeconfig", api.kubeconfig(tmp_path), "--settle-seconds", "1", "--replica", "r")
    try:
        eventually(lambda: server.admin("/readyz").status == 200 and server.metrics().value("gpugate_ledger_state", state="open"), what="an open ledger")
        assert server.validate(pod({"example.com/gpu": 1})).allowed
        waits, never, unlisted = (server.validate(pod(asks)) for asks in ({"example.com/gpu": 2}, {"example.com/gpu": 3}, {"example.com/fpga.example.com": 1}))
        assert engines_wait(waits) and waits.code == 403 and waits.message.startswith("exceeded quota: "), waits
        assert not any(engines_wait(each) or each.allowed for each in (never, unlisted))
        server.stop()
        api.forbidden.add("deviceclasses")
        server = Server(policy, "--ledger", "cluster", "--kubeconfig", api.kubeconfig(tmp_path), "--settle-seconds", "1", "--replica", "r")
        eventually(lambda: server.log("device_classes_unknown"), what="a list that is refused")
        undecided = server.validate(pod({"example.com/gpu": 1}))
        assert undecided.code == 429 and WORDS not in undecided.message.lower(), undecided
    finally:
        server.stop()
        api.close()
    seen.setdefault("quota", []).extend(each.message for each in (waits, never, unlisted, undecided))


# --- Words in the names of a Pod ---

@pytest.mark.parametrize("said", ["exceeded quota", "Exceeded Quota: GPU quota", "xexceeded quotaexceeded quota"])
@pytest.mark.parametrize("reason, case, make", [
    ("guard", "hostDeviceMounts", lambda said: host("/dev/nvidia" + said)),
    ("guard", "hostPaths", lambda said: host("/" + said)),
    ("guard", "privileged", lambda said: pod(containers=[container(name=said, securityContext={"privileged": True})])),
    ("guard", "preboundNodeName", lambda said: pod(nodeName=said)),
    ("guard", "deviceAnnotations", lambda said: pod(annotations={"cdi.k8s.io/" + said: "x"})),
    ("rule", "a conflict", lambda said: pod({GPU: 1}, nodeSelector={"a": said})),
    ("rule", "an affinity", lambda said: pod({GPU: 1}, affinity=required(("a", "In", said)))),
    ("rule", "memory", lambda said: pod({GPU: 1}, annotations={"mem": said})),
    ("request", "a fraction", lambda said: pod({GPU: said})),
    ("no-model", "a selector", lambda said: pod({GPU: 1}, nodeSelector={PRODUCT: said})),
    ("untenanted", "no tenant", lambda said: pod({GPU: 1}, namespace=said)),
    ("unknown-resource", "one", lambda said: pod({"x.example/" + said: 1})),
    ("unknown-resource", "a device class", lambda said: claim(request(said))),
])
def test_words_that_the_pod_brings(serve, reason, case, make, said):
    decision = refuse(serve(FINAL[reason][case][0]), reason, case, make(said))
    assert not decision.allowed and not engines_wait(decision), decision.message
    assert WORDS not in decision.message.lower() and "exceeded_quota" in decision.message.lower()


# --- Long words ---

LONG = "x" * 5000


@pytest.mark.parametrize("reason, case, make, end", [
    ("guard", "hostDeviceMounts", lambda: host("/dev/nvidia" + LONG[:4000]), "remove it, and request accelerators in resources.limits (Guard \"g\")"),
    ("guard", "hostPaths", lambda: host("/" + LONG[:4000]), "use a path in /data, /models, or another kind of volume (Guard \"g\")"),
    ("guard", "privileged", lambda: pod(containers=[container(name=LONG, securityContext={"privileged": True})]),
     "remove securityContext.privileged (Guard \"g\")"),
    ("guard", "preboundNodeName", lambda: pod(nodeName=LONG), "use a nodeSelector or node affinity instead (Guard \"g\")"),
    ("guard", "deviceAnnotations", lambda: pod(annotations={"cdi.k8s.io/" + LONG: "x"}), "request an accelerator in resources.limits (Guard \"g\")"),
    ("rule", "a conflict", lambda: pod({GPU: 1}, nodeSelector={"a": LONG}), "remove it or use that value"),
    ("rule", "an affinity", lambda: pod({GPU: 1}, affinity=required(("a", "In", *(LONG + str(i) for i in range(9))))), "allow this value in it"),
    ("rule", "memory", lambda: pod({GPU: 1}, annotations={"mem": LONG}), "write one such as 10Gi"),
    ("request", "a fraction", lambda: pod({GPU: LONG}), "request a whole number of accelerators"),
    ("no-model", "a selector", lambda: pod({GPU: 1}, nodeSelector={PRODUCT: LONG}), "ask the platform team for an Accelerator"),
    ("untenanted", "no tenant", lambda: pod({GPU: 1}, namespace=LONG), "ask the platform team to add this one to a tenant"),
    ("unknown-resource", "one", lambda: pod({"x.example/" + LONG: 1}), "or to list it in Settings.otherResources"),
    ("unknown-resource", "a device class", lambda: claim(request(LONG)), 'x..." in Settings.otherResources'),
])
def test_a_long_word_does_not_cut_off_the_remedy(serve, reason, case, make, end):
    message = refuse(serve(FINAL[reason][case][0]), reason, case, make()).message
    assert message.endswith(end) and "x..." in message and len(message) <= MESSAGE_MAX, message


def test_long_names_of_a_policy(serve):
    """The numbers come first, then why and what to do. What fits is left out before any of these.
    """
    name = lambda letter: ".".join([letter * 60] * 4)
    label = {("l." * 100 + "x/" + "k" * 60): "v" * 63}
    cohort = {"cohort": name("c"), "borrowing": {name("q"): {"borrowUpTo": 100}}}
    server = serve([doc("Accelerator", name("m"), resource=GPU, nodeLabels=label), doc("Accelerator", name("n"), resource=GPU, weight="0.5",
                                                                                       nodeLabels={**label, "z": "z"}),
                    *(team(quota(name("q"), 10, measure="gpus"), name=name(letter), namespaces=[letter], **cohort) for letter in "abdefg")])
    for letter in "bdefg":
        assert server.validate(pod({GPU: 11}, namespace=letter)).allowed
    message = server.validate(pod({GPU: 6}, namespace="a")).message
    assert len(message) <= MESSAGE_MAX and message.startswith('exceeded quota: GPU quota "qqq'), message
    assert "requested 6, used 0, limit 10" in message and "wait until Pods there end, or ask for some of it back" in message, message


# --- Every reason and every sentence ---

SOURCES = ["companions.c", "coverage.c", "working_pod.c", "evaluate.c", "quota_violation_text.c", "guard_env.c", "guard_pod.c", "guard_paths.c", "guard_request.c",
           "mismatch.c", "remedy.c", "rules.c", "rules_plan.c", "rules_target.c", "unknown.c"]
UNSEEN = {
    # No policy that compiles does.
    "Rules keep undoing each other on this Pod (",
    " among them); ask the platform team to correct them",
    # Every policy that compiles has one to choose from.
    " cannot choose a MIG profile by memory, because Accelerator ",
    " offers none that may be chosen; ask the platform team to correct the Rule",
    "the sentences name these",  # Not a message.
}


def test_every_reason(seen):
    text = (ROOT / "policy" / "evaluate" / "violation.c").read_text()
    reasons = set(re.findall(r'\[REASON_\w+\] = "([\w-]+)"', text))
    assert len(reasons) > 10 and reasons == set(FINAL) | ELSEWHERE


def literals(text):
    """Yields the string literals of a C source, with adjacent ones joined."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"#include.*", "", text)
    text = re.sub(r"\bSHOW\b", '"%s"', text)
    for run in re.findall(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*', text):
        yield "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', run)).replace('\\"', '"')


def test_every_sentence(seen):
    """Each piece of a sentence in the sources is in some message of this module, so that no kind of
    refusal is forgotten."""
    if len(seen) < len(FINAL):
        pytest.skip("the messages are those of the whole module")
    all_seen = "\n".join(message for messages in seen.values() for message in messages)
    missing = []
    for source in SOURCES:
        for literal in literals((ROOT / "policy" / "evaluate" / source).read_text()):
            for piece in re.split(r"%(?:\.\*)?l*[a-z]", literal):
                if len(piece) >= 20 and " " in piece and piece not in all_seen and piece.strip('"') not in UNSEEN:
                    missing.append((source, piece))
    assert not missing, "\n".join(map(str, missing))


# --- Any policy and usage ---

AMOUNTS = st.integers(0, 6)


@st.composite
def worlds(draw):
    measure = draw(st.sampled_from(["count", "gpus", "memory"]))
    unit = lambda amount: f"{amount}Gi" if measure == "memory" else amount
    tenants, parent = [], draw(st.booleans())
    if parent:
        tenants.append(doc("Tenant", "org", quotas=[quota("all", unit(draw(AMOUNTS)), measure=measure)],
                           enforcement=draw(st.sampled_from(["deny", "deny", "warn"]))))
    for name in ("team-a", "team-b", "team-c"):
        spec = {"parent": "org"} if parent and draw(st.booleans()) else {}
        if draw(st.booleans()):
            hard, borrowing = draw(AMOUNTS), {}
            if draw(st.booleans()):
                borrowing["borrowUpTo"] = unit(draw(AMOUNTS))
            if draw(st.booleans()):
                borrowing["lendUpTo"] = unit(draw(st.integers(0, hard)))
            spec.update(cohort="c", borrowing={"q": borrowing} if borrowing else {})
            if not borrowing:
                del spec["borrowing"]
        else:
            hard = draw(AMOUNTS)
        tenants.append(team(quota("q", unit(hard), measure=measure), *([quota("r", draw(AMOUNTS))] if draw(st.booleans()) else []),
                            name=name, enforcement=draw(st.sampled_from(["deny", "deny", "deny", "audit"])), **spec))
    # Of groups, each of which is admitted as a whole.
    size = st.integers(1, draw(st.sampled_from([1, 3])))
    requests = st.lists(st.tuples(st.sampled_from(["team-a", "team-b", "team-c"]), st.integers(1, 7), size), min_size=6, max_size=12)
    return [doc("Accelerator", "small", resource=GPU, memory="1Gi"), whole(), *tenants], draw(requests), draw(requests)


def ask_one(server, namespace, count, size, name="asked", **how):
    return server.validate(member(count, size, name, namespace=namespace), **how)


@settings(max_examples=scaled(40, 6))
@given(worlds())
def test_the_words_are_there_iff_it_would_fit_an_empty_cluster(world):
    policy, usage, asked = world
    server = Server(policy)
    try:
        empty = {each: ask_one(server, *each, dry_run=True) for each in asked}
        for i, each in enumerate(usage):
            ask_one(server, *each, name=f"used-{i}")
        for each, alone in empty.items():
            decision = ask_one(server, *each, dry_run=True)
            assert alone.allowed or not decision.allowed, "usage makes no room"
            if decision.allowed:
                continue
            assert engines_wait(decision) == alone.allowed, (decision.message, alone.message)
            assert decision.message.startswith("exceeded quota: " if alone.allowed else "can never fit: "), decision.message
            assert alone.allowed or not engines_wait(alone)
    finally:
        server.stop()


# --- What fits ---

FLEET = [doc("Accelerator", "a100", resource=GPU, memory="80Gi", nodeLabels={PRODUCT: "A100"}, mig={"model": "a100-80gb"}),
         doc("Accelerator", "t4", resource=GPU, memory="16Gi", nodeLabels={PRODUCT: "T4"}, weight="0.25"),
         doc("Accelerator", "l4", resource=GPU, memory="24Gi", nodeLabels={PRODUCT: "L4"}, weight="0.5",
             sharing={"resource": SHARED, "replicas": 4}),
         doc("Accelerator", "mi300x", resource="amd.com/gpu", memory="192Gi")]
PODS = [pod({name: count}, **({"nodeSelector": {PRODUCT: product}} if product else {}))
        for name, product in ((GPU, None), (GPU, "A100"), (GPU, "T4"), (SHARED, None), (MIG1, None), (MIG3, None), ("amd.com/gpu", None))
        for count in (1, 2, 3)]
FITS = re.compile(r"; fits: (\d+) x (\S+)(?: on (\S+))? \(")


@st.composite
def fleets_in_use(draw):
    limits = {"count": st.integers(0, 6), "gpus": st.sampled_from(["0.3", "1", "1.75", "2.5", "4"]), "memory": st.sampled_from(["20Gi", "90Gi", "200Gi", "400Gi"])}
    some = {"count": [GPU], "gpus": ["nvidia.com/mig-*", SHARED], "memory": ["amd.com/*", GPU]}

    def quotas(names):
        for name in names:
            measure = draw(st.sampled_from(list(limits)))
            yield quota(name, draw(limits[measure]), measure=measure, **({"resources": list(some[measure])} if draw(st.booleans()) else {}))
    tenants = [doc("Tenant", "org", quotas=list(quotas("ab")), enforcement=draw(st.sampled_from(["deny", "warn"]))),
               team(*quotas("cd"), parent="org")]
    return [doc("Settings", "s", uncovered="allow"), *FLEET, *tenants], draw(st.lists(st.sampled_from(PODS), min_size=2, max_size=8))


@settings(max_examples=scaled(60, 6))
@given(fleets_in_use())
def test_what_is_said_to_fit_fits(world):
    """On the nodes of that model, or on any node if no model is named."""
    policy, usage = world
    server = Server(policy)
    try:
        for obj in usage:
            server.validate(obj)
        for obj in PODS:
            decision = server.validate(obj, dry_run=True)
            for count, name, model in set(FITS.findall(decision.message)):
                where = {"nodeSelector": {PRODUCT: model.upper()}} if model else {}
                advised = server.validate(pod({name: int(count)}, **where), dry_run=True)
                assert advised.allowed, (decision.message, advised.message)
    finally:
        server.stop()


def test_how_many_fit(serve):
    server = serve([*FLEET, team(quota(hard="3.5", measure="gpus"))])
    a100 = {"nodeSelector": {PRODUCT: "A100"}}
    assert "; 3.5 GPUs are free; fits: 3 x nvidia.com/gpu (3); counted as a100" in server.validate(pod({GPU: 4}, **a100)).message
    assert server.validate(pod({GPU: 1}, **a100)).allowed
    assert "; 2.5 GPUs are free; fits: 2 x nvidia.com/gpu (2); counted as a100" in server.validate(pod({GPU: 3}, **a100)).message
    assert "; 2.5 GPUs are free; fits: 1 x amd.com/gpu (1)" in server.validate(pod({"amd.com/gpu": 1, SHARED: 16})).message, "of the Pod's vendors"


def test_what_another_quota_forbids_does_not_fit(serve):
    """The whole GPU would fit into what is free here, but not into the quota that counts whole
    ones."""
    server = serve([*FLEET, team(quota("gpus", "3", measure="gpus"), quota("whole", 1, resources=[GPU]))])
    a100 = {"nodeSelector": {PRODUCT: "A100"}}
    assert server.validate(pod({GPU: 1}, **a100)).allowed
    message = server.validate(pod({GPU: 1, MIG3: 4}, **a100)).message
    assert "; fits: 1 x nvidia.com/mig-" in message and "x nvidia.com/gpu" not in message, message


def test_the_conditions():
    """The engines' conditions distinguish refusals at all."""
    native = 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    for engine in (argo, tekton, airflow):
        assert engine(403, "Forbidden", native) and not engine(403, "Forbidden", "no") and not engine(400, "BadRequest", native)
    assert argo(429, "TooManyRequests", "x") and airflow(429, "TooManyRequests", "x")
